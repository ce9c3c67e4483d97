//! Who of those that wait for the same permits has the next one. Pure.

use super::rank::Priority;

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
}
