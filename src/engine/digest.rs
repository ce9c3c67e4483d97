//! Short digests: enough to see that something differs, too short to tell what it is. Pure.

use sha2::{Digest, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of a text.
#[must_use]
pub fn hash(text: &str) -> String {
    short(&Sha256::digest(text))
}

/// The first 16 hexadecimal digits of a digest: enough to see a difference.
#[must_use]
pub fn short(digest: &[u8]) -> String {
    format!("{:016x}", digest.first_chunk().map_or(0, |head| u64::from_be_bytes(*head)))
}
