//! Reads the certificate that a spec names, from its Secret or ConfigMap, and takes it apart for AWS. What it reads is told
//! in no message, and a private key leaves it only in a type that wipes it.

use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};

use crate::api::certificate::CertificateSecretRef;
use crate::api::condition::reasons;
use crate::api::{CERTIFICATE_LABEL, TransferCertificate};
use crate::cluster::{ClusterError, Name, SecretData};
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::kinds::config_refs;
use crate::kinds::deps::Deps;
use crate::x509::{self, Facts};

/// AWS's most bytes of a certificate, and of a private key.
const BODY_MAX: usize = 16_384;

/// AWS's most bytes of a chain.
const CHAIN_MAX: usize = 2_097_152;

/// What a source that cannot be read holds up.
const HELD: &str = "what AWS has is not touched";

/// A certificate as AWS takes it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The certificate itself, in PEM form.
    pub certificate: String,
    /// Those that follow it, in PEM form.
    pub chain: Option<String>,
    /// Its private key, in PEM form.
    pub private_key: Option<SecretString>,
    /// What it says of itself.
    pub facts: Facts,
}

/// What the spec names, read; or why it is not there.
///
/// # Errors
/// Trouble with the API server that passes by itself.
pub async fn read(deps: &Deps, object: &TransferCertificate) -> Result<Result<Source, Reason>, ReconcileError> {
    let namespace = object.namespace().unwrap_or_default();
    match (&object.spec.secret_ref, &object.spec.config_map_key_ref) {
        (Some(named), _) => Ok(from_secret(deps, &namespace, named).await?.map_err(Reason::sought)),
        (None, Some(named)) => {
            let field = "spec.configMapKeyRef";
            let text = config_refs::read(deps.cluster.as_ref(), &namespace, field, named).await?;
            let at = format!("{field}: what ConfigMap {namespace}/{} has under key {}", named.name, named.key);
            Ok(text.and_then(|text| taken_apart(&at, &text, None)))
        }
        (None, None) => {
            let message = "spec.secretRef or spec.configMapKeyRef is needed";
            Ok(Err(Reason::stalled(reasons::INVALID_SPEC, message)))
        }
    }
}

async fn from_secret(
    deps: &Deps,
    namespace: &str,
    named: &CertificateSecretRef,
) -> Result<Result<Source, Reason>, ReconcileError> {
    let name = Name { namespace: namespace.to_owned(), name: named.name.clone() };
    let waits = |what: &str| {
        let message = format!("spec.secretRef: Secret {name} {what}; {HELD}");
        Ok(Err(Reason::new(reasons::SOURCE_NOT_READY, message)))
    };
    match deps.cluster.secret(&name).await {
        Ok(Some(secret)) => Ok(labelled(&name, &secret).and_then(|()| of_secret(&name, secret, named))),
        Ok(None) => waits("does not exist"),
        Err(ClusterError::Forbidden(_)) => {
            let message = format!(
                "spec.secretRef: the operator may not read Secrets in this namespace; the chart's secrets.namespaces lists \
                 those it may; {HELD}"
            );
            Ok(Err(Reason::stalled(reasons::SOURCE_NOT_READY, message)))
        }
        Err(trouble) => Err(trouble.into()),
    }
}

/// Who may write a TransferCertificate could else have any TLS key of the namespace sent to AWS.
fn labelled(name: &Name, secret: &SecretData) -> Result<(), Reason> {
    if secret.labels.get(CERTIFICATE_LABEL).is_some_and(|value| value == "true") {
        return Ok(());
    }
    let message = format!(
        "spec.secretRef: Secret {name} has no label {CERTIFICATE_LABEL}: \"true\", without which nothing of it is sent to \
         AWS; a Certificate of cert-manager gives it that by spec.secretTemplate.labels; {HELD}"
    );
    Err(Reason::stalled(reasons::SOURCE_NOT_READY, message))
}

fn of_secret(name: &Name, mut secret: SecretData, named: &CertificateSecretRef) -> Result<Source, Reason> {
    let CertificateSecretRef { name: _, certificate_key, private_key_key, certificate_chain_key } = named;
    let at = |key: &str| format!("spec.secretRef: what Secret {name} has under key {key}");
    let mut take = |key: &str| match secret.data.remove(key) {
        Some(Ok(text)) => Ok(text),
        Some(Err(error)) => Err(invalid(&at(key), error)),
        None => {
            let message = format!("spec.secretRef: Secret {name} has nothing under key {key}; {HELD}");
            Err(Reason::new(reasons::SOURCE_NOT_READY, message))
        }
    };
    let certificate = take(certificate_key)?;
    let private_key = take(private_key_key)?;
    let more = certificate_chain_key.as_ref().map(|key| Ok((at(key), take(key)?))).transpose()?;
    let more = more.as_ref().map(|(at, text)| (at.as_str(), text.expose_secret()));
    let source = taken_apart(&at(certificate_key), certificate.expose_secret(), more)?;
    if private_key.expose_secret().len() > BODY_MAX {
        return Err(invalid(&at(private_key_key), format!("is longer than the {BODY_MAX} bytes that AWS takes")));
    }
    if !x509::is_key_of(private_key.expose_secret(), &source.certificate) {
        let what =
            format!("is not the private key, without passphrase, of the certificate under key {certificate_key}");
        return Err(invalid(&at(private_key_key), what));
    }
    Ok(Source { private_key: Some(private_key), ..source })
}

/// The first certificate, and the rest of the text and what else there is as its chain.
fn taken_apart(at: &str, text: &str, more: Option<(&str, &str)>) -> Result<Source, Reason> {
    let none = "is not certificates in PEM form and nothing else";
    let facts = x509::read(text).ok_or_else(|| invalid(at, none))?;
    let mut all = x509::certificates(text).unwrap_or_default().into_iter();
    let certificate = all.next().ok_or_else(|| invalid(at, none))?;
    let mut chain: String = all.collect();
    if let Some((at, text)) = more {
        chain.extend(x509::certificates(text).ok_or_else(|| invalid(at, none))?);
    }
    for (text, most) in [(&certificate, BODY_MAX), (&chain, CHAIN_MAX)] {
        if text.len() > most {
            return Err(invalid(at, format!("is longer than the {most} bytes that AWS takes")));
        }
    }
    Ok(Source { certificate, chain: Some(chain).filter(|chain| !chain.is_empty()), private_key: None, facts })
}

fn invalid(at: &str, what: impl std::fmt::Display) -> Reason {
    Reason::stalled(reasons::SOURCE_NOT_READY, format!("{at} {what}; {HELD}"))
}
