//! As what a reconcile or a call waits. A piece of work shares its [`Rank`] with whoever learns that more depends on it.
//! A look that one began and others wait for as well has a [`SharedRank`]: it goes as the most urgent of them would, so
//! that an edit never waits for what it shares at the rank of whoever came first. Nothing is asked of AWS here.

use std::collections::BTreeMap;

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a reconcile, or a call, waits. What is smaller goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A person changed or deleted it.
    Change,
    /// Nothing was made for it yet.
    First,
    /// It waits for something, or failed.
    Retry,
    /// Nothing is known to be wrong with it.
    Resync,
}

impl Priority {
    const ALL: [Self; 4] = [Self::Change, Self::First, Self::Retry, Self::Resync];
}

/// The priority of all calls of a piece of work, those that wait already among them. A look may turn out to be more: an
/// object is edited while its look waits, or the look shows that something is to be done.
#[derive(Clone, Debug)]
pub struct Rank {
    own: Arc<AtomicU8>,
    /// Who waits for it, where it is not one reconcile's alone.
    others: Option<Waiting>,
}

impl Rank {
    /// Of work that waits for this reason.
    #[must_use]
    pub fn of(priority: Priority) -> Self {
        Self { own: Arc::new(AtomicU8::new(priority as u8)), others: None }
    }

    /// Of work that nobody waits for but these.
    fn for_others(others: Waiting) -> Self {
        Self { others: Some(others), ..Self::default() }
    }

    /// More depends on it than was known; never less.
    pub fn raise(&self, priority: Priority) {
        self.own.fetch_min(priority as u8, Ordering::SeqCst);
    }

    /// As known by now.
    #[must_use]
    pub fn priority(&self) -> Priority {
        let held = self.own.load(Ordering::SeqCst);
        let own = Priority::ALL.into_iter().find(|priority| *priority as u8 == held).unwrap_or(Priority::Resync);
        self.others.as_ref().and_then(Waiting::most_urgent).map_or(own, |others| own.min(others))
    }
}

impl Default for Rank {
    /// Of what nobody waits for.
    fn default() -> Self {
        Self::of(Priority::Resync)
    }
}

/// Those who wait for it, by the order in which they came.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<Ranks>>);

#[derive(Debug, Default)]
struct Ranks {
    by_number: BTreeMap<u64, Rank>,
    came: u64,
}

impl Waiting {
    /// Asked of each rank as it is by now: one may rise while it waits.
    fn most_urgent(&self) -> Option<Priority> {
        self.lock().by_number.values().map(Rank::priority).min()
    }

    fn lock(&self) -> MutexGuard<'_, Ranks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is looked up one at a time for all who ask.
#[derive(Debug, Default)]
pub struct SharedRank {
    waiting: Waiting,
}

impl SharedRank {
    /// Somebody waits for it, as long as the answer is held.
    #[must_use]
    pub fn join(&self, rank: &Rank) -> Joined {
        let mut ranks = self.waiting.lock();
        ranks.came += 1;
        let number = ranks.came;
        ranks.by_number.insert(number, rank.clone());
        drop(ranks);
        Joined { waiting: self.waiting.clone(), number }
    }

    /// At which its calls wait.
    #[must_use]
    pub fn rank(&self) -> Rank {
        Rank::for_others(self.waiting.clone())
    }
}

/// Counts as waiting until it is dropped, also by who gives up.
#[derive(Debug)]
pub struct Joined {
    waiting: Waiting,
    number: u64,
}

impl Drop for Joined {
    fn drop(&mut self) {
        // Outside of the lock: a rank may be the last to hold others.
        let _left = self.waiting.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::Priority::{Change, First, Resync, Retry};
    use super::*;

    #[test]
    fn a_rank_rises_and_never_falls() {
        let rank = Rank::default();
        for (raise, holds) in [(Retry, Retry), (Resync, Retry), (Change, Change), (First, Change)] {
            rank.clone().raise(raise);
            assert_eq!(rank.priority(), holds);
        }
    }

    #[test]
    fn a_shared_look_is_as_urgent_as_the_most_urgent_who_still_waits() {
        let shared = SharedRank::default();
        let rank = shared.rank();
        assert_eq!(rank.priority(), Resync, "nobody waits");
        let (looks, retries) = (Rank::default(), Rank::of(Retry));
        let (first, second) = (shared.join(&looks), shared.join(&retries));
        assert_eq!(rank.priority(), Retry);
        looks.raise(Change);
        assert_eq!(rank.priority(), Change, "one that rises takes it along");
        drop(first);
        assert_eq!(rank.priority(), Retry, "one that gave up does not");
        drop(second);
        assert_eq!(rank.priority(), Resync);
        rank.raise(First);
        assert_eq!((rank.priority(), shared.rank().priority()), (First, Resync), "its own holds for its own calls");
    }
}
