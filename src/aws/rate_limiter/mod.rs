//! The rate limiter: every AWS call passes it, so that one account is never hammered by many objects.
//!
//! One line per account, region and class of call, whose pace is learnt ([`pace`]); classes that AWS counts together have
//! one line in common ([`shared`]). A limit that an identity set counts all calls of an account and region ([`gate`]).
//! Permits are handed out one by one, each at the moment of sending, first to what a person waits for ([`order`]). A
//! mutation needs a [`Permit`], which only the rate limiter makes: it is taken before the live read, so that nothing
//! waits in a queue with a signature that ages.

mod class;
mod gate;
pub mod learnt;
#[cfg(test)]
mod learnt_tests;
pub mod order;
pub mod pace;
#[cfg(test)]
mod pace_tests;
mod rank;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::future::select;

pub use self::class::{CallClass, Rates};
use self::gate::{Gate, Step};
use self::learnt::Learnt;
use self::pace::Rate;
pub use self::rank::{Priority, Rank, SharedRank};
use super::counters::CallCounters;
use super::waiting;
use crate::sync::{Arc, Bell, Instant, Mutex, MutexGuard, PoisonError, sleep};

/// How often a call is sent in one go where AWS throttles it, each time with a permit of its own: at a rate that was
/// learnt one of twenty is throttled, so that hardly any is so three times.
pub const SENT_AT_MOST: u32 = 3;

/// For how long what an earlier process learnt of a line that nobody needs is handed on: an account that is gone would be
/// in the Lease for ever.
const UNNEEDED: Duration = Duration::from_hours(24);

/// The right to send one mutation; spent by sending it.
#[derive(Debug)]
#[must_use = "a permit is a call that others now wait for"]
pub struct Permit(());

/// A line as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LineState {
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Class.
    pub class: CallClass,
    /// Calls per second, as learnt by now.
    pub rate: f64,
    /// How many calls wait for a permit.
    pub waiting: u32,
}

/// Limits of identities, by account and the identity's uid.
type Limits = BTreeMap<String, BTreeMap<String, f64>>;

/// By account and region.
type Gates = BTreeMap<(String, String), Gate>;

/// All lines of the process.
#[derive(Debug)]
pub struct RateLimiter {
    /// What went through, and what came of it.
    pub counters: CallCounters,
    rates: Rates,
    gates: Mutex<Gates>,
    limits: Mutex<Limits>,
    /// What a process before this one learnt, and when this one was told.
    recalled: Mutex<Option<(Learnt, Instant)>>,
}

impl RateLimiter {
    /// A rate limiter with the given rates for every account.
    #[must_use]
    pub fn new(rates: Rates) -> Arc<Self> {
        let (gates, limits, recalled) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { counters: CallCounters::default(), rates, gates, limits, recalled })
    }

    /// What each class is allowed.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// What a process before this one learnt: lines that are not there yet begin with it.
    pub fn recall(&self, learnt: Learnt) {
        *self.recalled.lock().unwrap_or_else(PoisonError::into_inner) = Some((learnt, Instant::now()));
    }

    /// What is known by now, with what was recalled of lines that nobody needed yet, for [`UNNEEDED`].
    #[must_use]
    pub fn learnt(&self) -> Learnt {
        let recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut learnt =
            recalled.filter(|(_, since)| since.elapsed() < UNNEEDED).map(|(learnt, _)| learnt).unwrap_or_default();
        for ((account, region), gate) in &*self.lock() {
            learnt.0.extend(gate.learnt().map(|(class, rate)| ((account.clone(), region.clone(), class), rate)));
        }
        learnt
    }

    /// Waits for the right to send one call of the class: what goes first is [`order`]'s to say.
    pub async fn acquire(&self, account: &str, region: &str, class: CallClass, rank: Rank) -> Permit {
        let asked = Instant::now();
        waiting::aside(self.enter((account, region), class, rank).goes()).await;
        self.counters.waited((account.to_owned(), region.to_owned(), class), asked.elapsed());
        Permit(())
    }

    /// What the identity with this uid lets its account have, over all classes of call in one region. Of several
    /// identities of one account the lowest holds.
    pub fn set_limit(&self, account: &str, uid: &str, limit: Option<f64>) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = limits.get(account).and_then(|of_account| of_account.get(uid)).copied();
        if before == limit {
            return;
        }
        let of_account = limits.entry(account.to_owned()).or_default();
        match limit {
            Some(limit) => drop(of_account.insert(uid.to_owned(), limit)),
            None => drop(of_account.remove(uid)),
        }
        drop(limits);
        // Who waits for the old one waits for the new one from now on.
        self.lock().iter().filter(|((of, _), _)| of == account).for_each(|(_, gate)| gate.ring());
    }

    /// The identity is gone, and its limit with it.
    pub fn forget(&self, uid: &str) {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts: Vec<String> =
            limits.iter().filter(|(_, of)| of.contains_key(uid)).map(|(account, _)| account.clone()).collect();
        drop(limits);
        for account in accounts {
            self.set_limit(&account, uid, None);
        }
    }

    /// AWS said that it was too much, and perhaps when to come back.
    pub fn throttled(&self, account: &str, region: &str, class: CallClass, retry_after: Option<Duration>) {
        self.counters.throttled((account.to_owned(), region.to_owned(), class));
        let mut gates = self.lock();
        if let Some(gate) = gates.get_mut(&place(account, region)) {
            // Under the lock, as every time that a pace is told.
            gate.throttled(class, Instant::now(), retry_after, &self.rates);
        }
    }

    /// The lines of all classes.
    #[must_use]
    pub fn lines(&self) -> Vec<LineState> {
        let gates = self.lock();
        let states = gates.iter().flat_map(|((account, region), gate)| {
            gate.classes().map(|(class, rate, waiting)| {
                let (account, region) = (account.clone(), region.clone());
                LineState { account, region, class, rate, waiting }
            })
        });
        states.collect()
    }

    /// The limit of the account, with no more than one call beyond it at any time: it is there for what else the
    /// account is used for.
    fn limit(&self, account: &str) -> Option<Rate> {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let lowest = limits.get(account)?.values().copied().min_by(f64::total_cmp)?;
        Some(Rate { start: lowest, ceiling: lowest, burst_seconds: 0.0 })
    }

    fn enter<'a>(&'a self, (account, region): (&'a str, &'a str), class: CallClass, rank: Rank) -> Place<'a> {
        let allowed = (self.rates.of(class), self.known(account, region, class));
        let mut gates = self.lock();
        let gate = gates.entry(place(account, region)).or_default();
        // Under the lock: a time from before it would set the bucket back, and the same second would fill it twice.
        let (number, bell) = gate.enter(class, rank, allowed, Instant::now());
        Place { limiter: self, account, region, number, bell }
    }

    /// What a process before this one learnt of the class.
    fn known(&self, account: &str, region: &str, class: CallClass) -> Option<f64> {
        let recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        recalled.as_ref()?.0.0.get(&(account.to_owned(), region.to_owned(), class)).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(account: &str, region: &str) -> (String, String) {
    (account.to_owned(), region.to_owned())
}

/// A place at a gate; left when dropped, also by who gave up.
struct Place<'a> {
    limiter: &'a RateLimiter,
    account: &'a str,
    region: &'a str,
    number: u64,
    bell: Arc<Bell>,
}

impl Place<'_> {
    /// Waits until its call may go.
    async fn goes(self) {
        loop {
            match self.step() {
                Step::Go => return,
                // Somebody who goes before may come meanwhile, and who was before may give up.
                Step::Wait(wait) => {
                    select(pin!(self.bell.notified()), pin!(sleep(wait))).await;
                }
                Step::Behind => self.bell.notified().await,
            }
        }
    }

    fn step(&self) -> Step {
        let mut gates = self.limiter.lock();
        // Read under the lock: an older one would be put in force over a newer one, and who was rung for that sleeps on.
        let limit = self.limiter.limit(self.account);
        let gate = gates.get_mut(&place(self.account, self.region));
        gate.map_or(Step::Go, |gate| gate.step(self.number, limit, Instant::now()))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.limiter.lock().get_mut(&place(self.account, self.region)) {
            gate.leave(self.number);
        }
    }
}
