//! The one source of identifiers and keys: handed in with a seed, so that a run can be repeated.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// A seeded source of randomness.
#[derive(Debug)]
pub struct Random(StdRng);

impl Random {
    /// A source that yields the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A source that nobody can repeat.
    #[must_use]
    pub fn from_os() -> Self {
        Self(StdRng::from_os_rng())
    }

    /// So many bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&mut self, digits: usize) -> String {
        self.letters(digits, b"0123456789abcdef")
    }

    /// Capital letters and digits, as in access keys.
    #[must_use]
    pub fn capitals(&mut self, count: usize) -> String {
        self.letters(count, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    }

    /// An identifier of the service: the prefix and seventeen hexadecimal digits.
    #[must_use]
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-{}", self.hex(17))
    }

    /// A request id in the form of a UUID.
    #[must_use]
    pub fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// A draw from the standard normal distribution (Box and Muller).
    #[must_use]
    pub fn normal(&mut self) -> f64 {
        // Never 0, of which there is no logarithm.
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.0.random::<f64>()).cos()
    }

    fn letters(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count)
            .filter_map(|_| {
                // Both alphabets have a length that divides 2^32, so the remainder is fair.
                let index = self.0.next_u32() as usize % alphabet.len();
                alphabet.get(index).map(|b| char::from(*b))
            })
            .collect()
    }
}
