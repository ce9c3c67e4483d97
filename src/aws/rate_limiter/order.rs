//! Who of those that wait for the same permits has the next one. Pure, but for the [`Rank`] that a piece of work shares
//! with whoever learns that more depends on it.

use crate::sync::Arc;
use crate::sync::atomic::{AtomicU8, Ordering};

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
pub struct Rank(Arc<AtomicU8>);

impl Rank {
    /// Of work that waits for this reason.
    #[must_use]
    pub fn of(priority: Priority) -> Self {
        Self(Arc::new(AtomicU8::new(priority as u8)))
    }

    /// More depends on it than was known; never less.
    pub fn raise(&self, priority: Priority) {
        self.0.fetch_min(priority as u8, Ordering::SeqCst);
    }

    /// As known by now.
    #[must_use]
    pub fn priority(&self) -> Priority {
        let held = self.0.load(Ordering::SeqCst);
        Priority::ALL.into_iter().find(|priority| *priority as u8 == held).unwrap_or(Priority::Resync)
    }
}

impl Default for Rank {
    /// Of what nobody waits for.
    fn default() -> Self {
        Self::of(Priority::Resync)
    }
}

/// Every so many permits the one who waits longest has it, whatever for: a quarter is left to looks where there is too
/// much of all, and an edit waits for one of them at most.
pub const LONGEST_WAITING_EVERY: u64 = 4;

/// Whose turn it is among those that wait for the same permits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    handed_out: u64,
}

impl Order {
    /// Who of these is next. Numbers were given in the order in which they came.
    pub fn first(self, waiting: impl Iterator<Item = (u64, Priority)>) -> Option<u64> {
        let by_age = (self.handed_out + 1).is_multiple_of(LONGEST_WAITING_EVERY);
        let place = |(number, priority): &(u64, Priority)| (if by_age { 0 } else { *priority as u8 }, *number);
        waiting.min_by_key(place).map(|(number, _)| number)
    }

    /// A permit was handed out.
    pub fn hand_out(&mut self) {
        self.handed_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Priority::{Change, First, Resync, Retry};
    use super::*;

    /// Hands out permits until nobody waits, and says to whom.
    fn served(order: &mut Order, mut waiting: Vec<(u64, Priority)>) -> Vec<u64> {
        let mut served = Vec::new();
        while let Some(next) = order.first(waiting.iter().copied()) {
            waiting.retain(|(number, _)| *number != next);
            order.hand_out();
            served.push(next);
        }
        served
    }

    #[test]
    fn what_a_person_waits_for_goes_first_and_every_fourth_is_the_oldest() {
        let rows = [Resync, Resync, Resync, Retry, First, Change, Change, Change, Change];
        let waiting: Vec<_> = (0..).zip(rows).collect();
        assert_eq!(served(&mut Order::default(), waiting), [5, 6, 7, 0, 8, 4, 3, 1, 2]);
    }

    #[test]
    fn looks_have_a_quarter_however_many_edits_come() {
        let (mut order, mut looks) = (Order::default(), Vec::new());
        for edit in 1000..1400 {
            let next = order.first([(0, Resync), (edit, Change)].into_iter());
            order.hand_out();
            looks.extend(next.filter(|number| *number == 0));
        }
        assert_eq!(looks.len(), 100);
    }

    #[test]
    fn a_rank_rises_and_never_falls() {
        let rank = Rank::default();
        for (raise, holds) in [(Retry, Retry), (Resync, Retry), (Change, Change), (First, Change)] {
            rank.clone().raise(raise);
            assert_eq!(rank.priority(), holds);
        }
    }
}
