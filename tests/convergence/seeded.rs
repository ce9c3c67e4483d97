//! The chance and the wall clock of a process of the harness: every run of the same seed is the same.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use transfer_operator::engine::settings::Env;
use transfer_operator::fakes::clock::Clock;

/// Seeded chance, and a pod's clock that may be wrong.
pub struct Seeded {
    rng: Mutex<StdRng>,
    clock: Clock,
    skew: SignedDuration,
}

impl Seeded {
    pub fn new(seed: u64, clock: Clock, skew: SignedDuration) -> Self {
        Self { rng: Mutex::new(StdRng::seed_from_u64(seed)), clock, skew }
    }
}

impl Env for Seeded {
    fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.rng.lock().unwrap().random()).into_uuid().to_string()
    }

    fn fraction(&self) -> f64 {
        self.rng.lock().unwrap().random()
    }

    fn wall(&self) -> Timestamp {
        self.clock.now().saturating_add(self.skew).unwrap()
    }
}
