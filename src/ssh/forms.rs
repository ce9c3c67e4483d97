//! Notations of keys other than the one line of OpenSSH, told apart by how they begin, so that each can be answered with
//! the way out. Reads no key.

use super::KeyError;

/// How a PKCS#8 public key of Ed25519 begins in base64: the length and the object identifier.
const ED25519_DER: &str = "MCowBQYDK2Vw";

/// What stands in the place of a public key, where the text begins as another notation does. Text behind it may follow.
pub(super) fn other_than_a_line(text: &str) -> Option<KeyError> {
    if is_putty(text) {
        return Some(KeyError::PuttyPrivateKey);
    }
    if let Some(label) = label(text, "---- BEGIN ", " ----") {
        return Some(if label.contains("PRIVATE") { KeyError::PrivateKey } else { KeyError::Ssh2PublicKey });
    }
    Some(match label(text, "-----BEGIN ", "-----")? {
        // ssh-keygen of today does not read Ed25519 in PKCS#8.
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => KeyError::PrivateKey,
        label if label.contains("PRIVATE") => KeyError::ReadablePrivateKey,
        "PUBLIC KEY" if text.contains(ED25519_DER) => KeyError::PemEd25519,
        "PUBLIC KEY" => KeyError::PemPublicKey("PKCS8"),
        "RSA PUBLIC KEY" => KeyError::PemPublicKey("PEM"),
        label if label.contains("CERTIFICATE") => KeyError::X509,
        _ => KeyError::UnknownType,
    })
}

/// Whether a text that is no private key in PEM form is a public key in some notation.
pub(super) fn is_public(text: &str) -> bool {
    matches!(
        other_than_a_line(text),
        Some(KeyError::Ssh2PublicKey | KeyError::PemEd25519 | KeyError::PemPublicKey(_) | KeyError::X509)
    )
}

/// Whether a text is a private key in PuTTY's own form.
pub(super) fn is_putty(text: &str) -> bool {
    text.starts_with("PuTTY-User-Key-File")
}

/// What stands between these on the first line; the rest of the line where it was cut.
fn label<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let line = text.strip_prefix(before)?.lines().next().unwrap_or_default();
    Some(line.split(after).next().unwrap_or(line).trim())
}
