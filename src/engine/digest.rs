//! Short digests: enough to see that something differs, too short to tell what it is. Pure.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of a text.
#[must_use]
pub fn hash(text: &str) -> String {
    short(&Sha256::digest(text))
}

/// Enough of a keyed hash to see an edit, keyed by the object so that equal values do not show across objects.
#[must_use]
pub fn keyed(uid: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(uid.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    short(&mac.finalize().into_bytes())
}

/// The first 16 hexadecimal digits of a digest: enough to see a difference.
#[must_use]
fn short(digest: &[u8]) -> String {
    format!("{:016x}", digest.first_chunk().map_or(0, |head| u64::from_be_bytes(*head)))
}
