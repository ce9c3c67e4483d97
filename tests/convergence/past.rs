//! Reads of AWS that are old: what it held some time ago, at the time that it was then.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use transfer_operator::sim::error::ApiError;
use transfer_operator::sim::service::{Direct, Service};
use transfer_operator::sim::state::World as Held;

use crate::world::World;

/// What AWS held, by the time from which on it did.
#[derive(Debug, Default)]
pub struct Past(VecDeque<(Timestamp, Held)>);

impl Past {
    /// What was held at a time; nothing before the first change.
    fn at(&mut self, then: Timestamp) -> Held {
        while self.0.get(1).is_some_and(|(from, _)| *from <= then) {
            self.0.pop_front();
        }
        self.0.front().filter(|(from, _)| *from <= then).map(|(_, held)| copy(held)).unwrap_or_default()
    }
}

fn copy(held: &Held) -> Held {
    Held { accounts: held.accounts.clone(), sessions: held.sessions.clone(), clock_ahead: held.clock_ahead }
}

/// AWS has just changed.
pub fn remember(world: &World, sim: &Service) {
    if !world.setup.old_reads.1.is_zero() {
        world.past.lock().unwrap().0.push_back((world.clock.now(), copy(&sim.world)));
    }
}

/// How old the answer of a read is.
fn age(world: &World, operation: &str) -> SignedDuration {
    let (of, age) = world.setup.old_reads;
    if of.is_empty() || of == operation { age } else { SignedDuration::ZERO }
}

/// Carries a read out on what AWS held then; the signature is as old as it is.
pub fn read(world: &World, sim: &mut Service, call: Direct, now: Timestamp) -> Result<Value, ApiError> {
    let age = age(world, call.operation.name());
    if age.is_zero() {
        return sim.direct(call, now);
    }
    world.struck.fetch_add(1, Ordering::SeqCst);
    let then = now.checked_sub(age).unwrap();
    let held = world.past.lock().unwrap().at(then);
    let newest = std::mem::replace(&mut sim.world, held);
    let call = Direct { signed_at: call.signed_at.checked_sub(age).unwrap(), ..call };
    let outcome = sim.direct(call, then);
    sim.world = newest;
    outcome
}
