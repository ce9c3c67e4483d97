#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::aws::http::install_crypto_provider;
use crate::captured_log::Log;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name)
}

/// A directory with the certificate of one fixture and the key of another.
fn mounted(certificate: &str, key: &str) -> tempfile::TempDir {
    install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), certificate, CERTIFICATE);
    put(folder.path(), key, KEY);
    folder
}

fn put(folder: &Path, from: &str, name: &str) {
    std::fs::copy(fixture(from).join(name), folder.join(name)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_taken_once_both_files_are_its() {
    let folder = mounted("first", "first");
    let certificate = Certificate::read(folder.path()).unwrap();
    let first = certificate.config();
    let holds = |config: &Arc<ServerConfig>| Arc::ptr_eq(&certificate.config(), config);
    tokio::time::advance(EVERY).await;
    assert!(holds(&first), "nothing changed");

    let (log, _guard) = Log::begin();
    put(folder.path(), "second", CERTIFICATE);
    for _ in 0..3 {
        tokio::time::advance(EVERY).await;
        assert!(holds(&first), "half of it is written");
    }
    let told = log.said("WARN", "scrapes are served with the certificate from before");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.iter().all(|line| line.to_string().contains("does not go with tls.key")), "{told:?}");

    put(folder.path(), "second", KEY);
    assert!(holds(&first), "the files are not read for each connection");
    tokio::time::advance(EVERY).await;
    let second = certificate.config();
    assert!(!Arc::ptr_eq(&first, &second));
    std::fs::remove_file(folder.path().join(KEY)).unwrap();
    tokio::time::advance(EVERY).await;
    assert!(holds(&second), "it goes on without its files");
}

#[test]
fn a_file_that_cannot_be_used_is_named_without_its_content() {
    let key = std::fs::read_to_string(fixture("first").join(KEY)).unwrap();
    let body = key.lines().nth(1).unwrap();
    let broken = key.replace(body, &body[..20]);
    let rows = [
        (CERTIFICATE, None, "cannot read"),
        (KEY, None, "cannot read"),
        (CERTIFICATE, Some(""), "no certificate in PEM"),
        (CERTIFICATE, Some(key.as_str()), "no certificate in PEM"),
        (KEY, Some(""), "no private key in PEM"),
        (KEY, Some(body), "no private key in PEM"),
        (KEY, Some(broken.as_str()), "no key of RSA, ECDSA or Ed25519"),
    ];
    for (name, content, expected) in rows {
        let folder = mounted("first", "first");
        let file = folder.path().join(name);
        match content {
            Some(content) => std::fs::write(&file, content).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let told = Certificate::read(folder.path()).err().unwrap();
        assert!(told.contains(expected) && told.contains(file.to_str().unwrap()), "{name}: {told}");
        assert!(!told.contains(&body[..10]), "{told}");
    }
    let told = Certificate::read(mounted("first", "second").path()).err().unwrap();
    assert!(told.contains("does not go with tls.key"), "{told}");
}

#[test]
fn the_key_that_is_read_from_its_file_is_wiped_when_it_is_let_go_of() {
    /// Compiles only for what wipes itself.
    fn wiped<T: secrecy::zeroize::ZeroizeOnDrop + ?Sized>(_: &T) {}
    let Files { certificate, key } = Files::read(mounted("first", "first").path()).unwrap();
    wiped(&key);
    let body = std::fs::read_to_string(fixture("first").join(KEY)).unwrap();
    assert_eq!(key.expose_secret(), body.as_bytes());
    assert_ne!(certificate, body.as_bytes());
}
