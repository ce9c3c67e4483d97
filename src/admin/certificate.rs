//! The certificate and key that scrapes are served with: read from their files, and read again as those change, so that
//! no pod has to start anew for it. Opens no port.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Names in a Secret of type kubernetes.io/tls, which is also what cert-manager writes.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// How often the files are read: a kubelet takes a minute to bring what is new in a Secret.
const EVERY: Duration = Duration::from_secs(10);

/// What connections are begun with.
pub struct Certificate {
    folder: PathBuf,
    held: Mutex<Held>,
}

struct Held {
    config: Arc<ServerConfig>,
    /// Of both files, so that no second copy of the key lies about.
    digest: [u8; 32],
    read: Instant,
    /// What was wrong when they were read last.
    trouble: Option<String>,
}

impl Certificate {
    /// Reads `tls.crt` and `tls.key` of this directory.
    ///
    /// # Errors
    /// What is wrong, with the name of the file.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let files = Files::read(folder)?;
        let held = Held { config: files.config(folder)?, digest: files.digest(), read: Instant::now(), trouble: None };
        Ok(Self { folder: folder.to_owned(), held: Mutex::new(held) })
    }

    /// What the next connection is begun with. Files that cannot be used change nothing: they may be half written.
    pub fn config(&self) -> Arc<ServerConfig> {
        let mut held = self.lock();
        if held.read.elapsed() >= EVERY {
            held.read = Instant::now();
            let trouble = self.renew(&mut held).err();
            if let Some(trouble) = trouble.as_ref().filter(|new| held.trouble.as_ref() != Some(*new)) {
                tracing::warn!(%trouble, "scrapes are served with the certificate from before");
            }
            held.trouble = trouble;
        }
        Arc::clone(&held.config)
    }

    fn renew(&self, held: &mut Held) -> Result<(), String> {
        let files = Files::read(&self.folder)?;
        let digest = files.digest();
        if digest != held.digest {
            held.config = files.config(&self.folder)?;
            held.digest = digest;
            tracing::info!("scrapes are served with another certificate");
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the files hold.
struct Files {
    certificate: Vec<u8>,
    key: SecretSlice<u8>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, String> {
        let read = |name: &str| {
            let file = folder.join(name);
            std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
        };
        Ok(Self { certificate: read(CERTIFICATE)?, key: read(KEY)?.into() })
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(&self.certificate).chain_update(self.key.expose_secret()).finalize().into()
    }

    /// Of an error in the key nothing is told but that there is one: it may be the key's own text.
    fn config(&self, folder: &Path) -> Result<Arc<ServerConfig>, String> {
        let wrong = |name: &str, what: &str| format!("{}: {what}", folder.join(name).display());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| wrong(CERTIFICATE, "no certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret());
        let mut key = key.map_err(|_| wrong(KEY, "no private key in PEM, or an encrypted one"))?;
        let signing = any_supported_type(&key);
        key.zeroize();
        let signing = signing.map_err(|_| wrong(KEY, "no key of RSA, ECDSA or Ed25519"))?;
        let both = CertifiedKey::new(chain, signing);
        both.keys_match().map_err(|error| wrong(CERTIFICATE, &format!("does not go with {KEY}: {error}")))?;
        let resolver = Arc::new(SingleCertAndKey::from(both));
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
