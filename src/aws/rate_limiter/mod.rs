//! The rate limiter: every AWS call passes it, so that one account is never hammered by many objects.
//!
//! One line per account, region and class of call, whose pace is learnt ([`pace`]); classes that AWS counts together have
//! one line in common ([`shared`]). One more is for all calls of an account and region that an identity set a limit for. Permits are handed out in the order in which they were asked
//! for, each at the moment of sending. A mutation needs a [`Permit`], which only the rate limiter makes: it is taken
//! before the live read, so that nothing waits in a queue with a signature that ages.

mod class;
pub mod learnt;
#[cfg(test)]
mod learnt_tests;
pub mod pace;
#[cfg(test)]
mod pace_tests;
mod shared;
#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::class::{CallClass, Rates};
use self::learnt::Learnt;
use self::pace::{Pace, Rate};
use self::shared::Shared;
use super::counters::CallCounters;
use super::waiting;
use crate::sync::{Arc, Instant, Mutex, MutexGuard, PoisonError, Turn, sleep};

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

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineOf {
    /// A class.
    Class(CallClass),
    /// Several, under the name of one: AWS counts them together.
    Joined(CallClass),
    /// All of them: an identity set a limit.
    All,
}

/// Account, region, and whose.
type LineKey = (String, String, LineOf);

/// Those who wait for the same tokens.
#[derive(Debug)]
struct Line {
    pace: Pace,
    /// Who has the turn waits for the next token; the others wait for the turn, first come, first served.
    turn: Arc<Turn<()>>,
    waiting: u32,
}

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

/// What is under one lock.
#[derive(Debug, Default)]
struct Lines {
    lines: BTreeMap<LineKey, Line>,
    /// By account and region.
    shared: BTreeMap<(String, String), Shared>,
}

/// All lines of the process.
#[derive(Debug)]
pub struct RateLimiter {
    /// What went through, and what came of it.
    pub counters: CallCounters,
    rates: Rates,
    lines: Mutex<Lines>,
    limits: Mutex<Limits>,
    /// What a process before this one learnt, and when this one was told.
    recalled: Mutex<Option<(Learnt, Instant)>>,
}

impl RateLimiter {
    /// A rate limiter with the given rates for every account.
    #[must_use]
    pub fn new(rates: Rates) -> Arc<Self> {
        let (lines, limits, recalled) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { counters: CallCounters::default(), rates, lines, limits, recalled })
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
        for ((account, region, of), line) in &self.lock().lines {
            if let (LineOf::Class(class), Some(rate)) = (of, line.pace.learnt()) {
                learnt.0.insert((account.clone(), region.clone(), *class), rate);
            }
        }
        learnt
    }

    /// Waits for the right to send one call of the class: whoever asks first has it first.
    pub async fn acquire(&self, account: &str, region: &str, class: CallClass) -> Permit {
        let asked = Instant::now();
        waiting::aside(async {
            let key = |of| (account.to_owned(), region.to_owned(), of);
            let of_class = self.join(&key(LineOf::Class(class)), self.rates.of(class));
            // Kept until the call may go: nobody of the class goes ahead of who waits for the limit of all.
            let _turn = of_class.turn.lock().await;
            match self.joined(account, region, class) {
                Some(joined) => {
                    let _turn = joined.turn.lock().await;
                    self.token(&joined).await;
                }
                None => self.token(&of_class).await,
            }
            if let Some(limit) = self.limit(account) {
                let of_all = self.join(&key(LineOf::All), limit);
                let _turn = of_all.turn.lock().await;
                self.token(&of_all).await;
            }
        })
        .await;
        self.counters.waited(class, asked.elapsed());
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
        // The line begins anew with the new limit; who waits in the old one goes on to its end.
        self.lock().lines.retain(|(of, _, whose), _| of != account || *whose != LineOf::All);
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
        self.counters.throttled(class);
        let mut lines = self.lock();
        // Under the lock, as every time that a pace is told.
        lines.throttled((account, region), class, Instant::now(), retry_after, &self.rates);
    }

    /// The lines of all classes.
    #[must_use]
    pub fn lines(&self) -> Vec<LineState> {
        let lines = self.lock();
        let state = |((account, region, of), line): (&LineKey, &Line)| {
            let LineOf::Class(class) = *of else { return None };
            let joined = lines.joined(account, region, class).and_then(|key| lines.lines.get(&key));
            let rate = joined.unwrap_or(line).pace.rate();
            let (account, region, waiting) = (account.clone(), region.clone(), line.waiting);
            Some(LineState { account, region, class, rate, waiting })
        };
        lines.lines.iter().filter_map(state).collect()
    }

    /// The limit of the account, with no more than one call beyond it at any time: it is there for what else the
    /// account is used for.
    fn limit(&self, account: &str) -> Option<Rate> {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let lowest = limits.get(account)?.values().copied().min_by(f64::total_cmp)?;
        Some(Rate { start: lowest, ceiling: lowest, burst_seconds: 0.0 })
    }

    fn join(&self, key: &LineKey, rate: Rate) -> Place<'_> {
        let known = self.known(key);
        let mut lines = self.lock();
        // Under the lock: a time from before it would set the bucket back, and the same second would fill it twice.
        let new = || Line { pace: Pace::new(rate, known, Instant::now()), turn: Arc::default(), waiting: 0 };
        let line = lines.lines.entry(key.clone()).or_insert_with(new);
        self.place(key, line)
    }

    /// A place in the line that the class shares with others.
    fn joined(&self, account: &str, region: &str, class: CallClass) -> Option<Place<'_>> {
        let mut lines = self.lock();
        let key = lines.joined(account, region, class)?;
        lines.shared.get_mut(&(account.to_owned(), region.to_owned()))?.sent(class);
        lines.lines.get_mut(&key).map(|line| self.place(&key, line))
    }

    fn place(&self, key: &LineKey, line: &mut Line) -> Place<'_> {
        line.waiting += 1;
        Place { limiter: self, key: key.clone(), turn: Arc::clone(&line.turn) }
    }

    /// What a process before this one learnt of the line.
    fn known(&self, (account, region, of): &LineKey) -> Option<f64> {
        let LineOf::Class(class) = *of else { return None };
        let recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        recalled.as_ref()?.0.0.get(&(account.clone(), region.clone(), class)).copied()
    }

    /// Waits for a token; only who has the turn does.
    async fn token(&self, place: &Place<'_>) {
        while let Some(wait) = self.take(&place.key) {
            sleep(wait).await;
        }
    }

    /// Takes a token, or says how long to wait before asking again. A line that is gone holds nobody up.
    fn take(&self, key: &LineKey) -> Option<Duration> {
        self.lock().lines.get_mut(key)?.pace.take(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// The line that the class shares with others.
    fn joined(&self, account: &str, region: &str, class: CallClass) -> Option<LineKey> {
        let (account, region) = (account.to_owned(), region.to_owned());
        let shared = self.shared.get(&(account.clone(), region.clone()))?;
        Some((account, region, LineOf::Joined(shared.line(class)?)))
    }

    fn throttled(
        &mut self,
        (account, region): (&str, &str),
        class: CallClass,
        now: Instant,
        retry_after: Option<Duration>,
        rates: &Rates,
    ) {
        let place = (account.to_owned(), region.to_owned());
        let joined = self.joined(account, region, class);
        let key = joined.clone().unwrap_or_else(|| (place.0.clone(), place.1.clone(), LineOf::Class(class)));
        let Some(line) = self.lines.get_mut(&key) else { return };
        let own = line.pace.rate();
        if !line.pace.throttled(now, retry_after) {
            return;
        }
        let others = self.busy_beside(&place, class, now, rates);
        let shared = self.shared.entry(place.clone()).or_default();
        if joined.is_some() {
            if shared.throttled_together(class) {
                self.lines.remove(&key);
            }
        } else if !rates.capped(class)
            && let Some(other) = shared.throttled(class, own, &others)
        {
            let both = own + others.iter().find(|(with, _)| *with == other).map_or(0.0, |(_, rate)| *rate);
            let allowed = Rate { start: both, ceiling: rates.of(class).ceiling, ..rates.of(class) };
            let line = Line { pace: Pace::new(allowed, Some(both), now), turn: Arc::default(), waiting: 0 };
            self.lines.insert((place.0, place.1, LineOf::Joined(class.min(other))), line);
        }
    }

    /// The other classes of the same service that send all that they may, and how much that is.
    fn busy_beside(
        &self,
        place: &(String, String),
        class: CallClass,
        now: Instant,
        rates: &Rates,
    ) -> Vec<(CallClass, f64)> {
        let beside = CallClass::ALL.into_iter().filter(|other| class.beside(*other) && !rates.capped(*other));
        let rate = |other| {
            let line = self.lines.get(&(place.0.clone(), place.1.clone(), LineOf::Class(other)))?;
            line.pace.drained(now).then(|| (other, line.pace.rate()))
        };
        beside.filter_map(rate).collect()
    }
}

/// A place in a line; left when dropped, also by who gave up.
struct Place<'a> {
    limiter: &'a RateLimiter,
    key: LineKey,
    turn: Arc<Turn<()>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.limiter.lock().lines.get_mut(&self.key) {
            line.waiting = line.waiting.saturating_sub(1);
        }
    }
}
