//! The gate of one account and region: who waits there, at which pace each class may go, and who is next. Pure: it is
//! handed the time, and says how long to wait.
//!
//! Each class has a line with a pace of its own; classes that AWS counts together have one in common. Where an identity
//! set a limit, a call takes a token of the limit as well, at the same moment: nothing is held while it waits for more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::class::{CallClass, Rates};
use super::order::Order;
use super::pace::{Pace, Rate};
use super::rank::{Priority, Rank};
use super::shared::Shared;
use crate::sync::{Arc, Bell, Instant};

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineOf {
    /// A class.
    Class(CallClass),
    /// Several, under the name of one: AWS counts them together.
    Joined(CallClass),
}

/// A pace, and whose turn it is to take the next token.
#[derive(Debug)]
struct Line {
    pace: Pace,
    order: Order,
}

impl Line {
    fn new(pace: Pace) -> Self {
        Self { pace, order: Order::default() }
    }
}

/// Somebody who waits for a permit.
#[derive(Debug)]
struct Waiter {
    class: CallClass,
    rank: Rank,
    bell: Arc<Bell>,
}

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The call may go.
    Go,
    /// It is next, and there is a token after so long.
    Wait(Duration),
    /// Somebody else is next; the bell rings when that may have changed.
    Behind,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gate {
    lines: BTreeMap<LineOf, Line>,
    limit: Option<Line>,
    shared: Shared,
    /// By the number that each was given when it came.
    waiting: BTreeMap<u64, Waiter>,
    came: u64,
}

impl Gate {
    /// Somebody comes; answers with its number and its bell. `known` is what AWS is known to take of the class, where it
    /// has no line yet.
    pub fn enter(
        &mut self,
        class: CallClass,
        rank: Rank,
        (allowed, known): (Rate, Option<f64>),
        now: Instant,
    ) -> (u64, Arc<Bell>) {
        let new = || Line::new(Pace::new(allowed, known, now));
        self.lines.entry(LineOf::Class(class)).or_insert_with(new);
        self.came += 1;
        let bell = Arc::new(Bell::default());
        self.waiting.insert(self.came, Waiter { class, rank, bell: Arc::clone(&bell) });
        (self.came, bell)
    }

    /// Who has this number goes, with a permit or without.
    pub fn leave(&mut self, number: u64) {
        let Some(gone) = self.waiting.remove(&number) else { return };
        if self.limit.is_some() { self.ring() } else { self.wake(self.first(self.line_of(gone.class))) }
    }

    /// Whether who has this number may send its call now, under the limit of the account, if it has one.
    pub fn step(&mut self, number: u64, limit: Option<Rate>, now: Instant) -> Step {
        self.limit_to(limit, now);
        let Some(class) = self.waiting.get(&number).map(|waiter| waiter.class) else { return Step::Go };
        let whose = self.line_of(class);
        let first = self.first(whose);
        if first != Some(number) {
            // It may not know of it yet: a rank rises without a sound.
            self.wake(first);
            return Step::Behind;
        }
        let waits = [self.wait(whose, now), self.limit.as_mut().and_then(|limit| limit.pace.wait(now))];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Step::Wait(wait);
        }
        let first = self.first_of_all(now);
        if first.is_some_and(|first| first != number) {
            self.wake(first);
            return Step::Behind;
        }
        for line in self.lines.get_mut(&whose).into_iter().chain(&mut self.limit) {
            line.pace.take(now);
            line.order.hand_out();
        }
        if matches!(whose, LineOf::Joined(_)) {
            self.shared.sent(class);
        }
        self.leave(number);
        Step::Go
    }

    /// AWS said that it was too much, and perhaps when to come back.
    pub fn throttled(&mut self, class: CallClass, now: Instant, retry_after: Option<Duration>, rates: &Rates) {
        let whose = self.line_of(class);
        let Some(line) = self.lines.get_mut(&whose) else { return };
        let own = line.pace.rate();
        let news = line.pace.throttled(now, retry_after);
        // Who was to go next under the limit may wait now, and others need not.
        if self.limit.is_some() {
            self.ring();
        }
        if !news {
            return;
        }
        if matches!(whose, LineOf::Joined(_)) {
            if self.shared.throttled_together(class) {
                self.lines.remove(&whose);
                self.ring();
            }
            return;
        }
        let others = self.busy_beside(class, now, rates);
        if !rates.capped(class)
            && let Some(other) = self.shared.throttled(class, own, &others)
        {
            let both = own + others.iter().find(|(with, _)| *with == other).map_or(0.0, |(_, rate)| *rate);
            let allowed = Rate { start: both, ceiling: rates.of(class).ceiling, ..rates.of(class) };
            self.lines.insert(LineOf::Joined(class.min(other)), Line::new(Pace::new(allowed, Some(both), now)));
            self.ring();
        }
    }

    /// Each class that has a line: at which rate it goes, and how many wait.
    pub fn classes(&self) -> impl Iterator<Item = (CallClass, f64, u32)> {
        self.own().filter_map(|(class, _)| {
            let rate = self.lines.get(&self.line_of(class))?.pace.rate();
            let waiting = self.waiting.values().filter(|waiter| waiter.class == class);
            Some((class, rate, waiting.map(|_| 1).sum()))
        })
    }

    /// What was learnt of each class.
    pub fn learnt(&self) -> impl Iterator<Item = (CallClass, f64)> {
        self.own().filter_map(|(class, pace)| Some((class, pace.learnt()?)))
    }

    fn own(&self) -> impl Iterator<Item = (CallClass, &Pace)> {
        self.lines.iter().filter_map(|(of, line)| match of {
            LineOf::Class(class) => Some((*class, &line.pace)),
            LineOf::Joined(_) => None,
        })
    }

    /// A limit that is another than before begins anew, also for those who wait already.
    fn limit_to(&mut self, limit: Option<Rate>, now: Instant) {
        if self.limit.as_ref().map(|line| line.pace.allowed()) != limit {
            self.limit = limit.map(|rate| Line::new(Pace::new(rate, None, now)));
        }
    }

    fn line_of(&self, class: CallClass) -> LineOf {
        self.shared.line(class).map_or(LineOf::Class(class), LineOf::Joined)
    }

    /// How long until the line has a token; one that is gone holds nobody up.
    fn wait(&mut self, whose: LineOf, now: Instant) -> Option<Duration> {
        self.lines.get_mut(&whose)?.pace.wait(now)
    }

    /// Who is next in a line.
    fn first(&self, whose: LineOf) -> Option<u64> {
        let here = self.waiting.iter().filter(|(_, waiter)| self.line_of(waiter.class) == whose);
        let order = self.lines.get(&whose).map(|line| line.order).unwrap_or_default();
        order.first(here.map(|(number, waiter)| (*number, waiter.rank.priority())))
    }

    /// The first of each line.
    fn firsts(&self) -> Vec<(LineOf, u64)> {
        self.lines.keys().filter_map(|whose| Some((*whose, self.first(*whose)?))).collect()
    }

    /// Who has the next token of the limit, if there is a limit: of those who are next in their line and need nothing else.
    /// Each stands for the most urgent of its line, who may have to let the one who waits longest there go first.
    fn first_of_all(&mut self, now: Instant) -> Option<u64> {
        let order = self.limit.as_ref()?.order;
        let mut ready = self.firsts();
        ready.retain(|(whose, _)| self.wait(*whose, now).is_none());
        order.first(ready.into_iter().filter_map(|(whose, number)| Some((number, self.most_urgent(whose)?))))
    }

    /// The highest priority in a line.
    fn most_urgent(&self, whose: LineOf) -> Option<Priority> {
        let here = self.waiting.values().filter(|waiter| self.line_of(waiter.class) == whose);
        here.map(|waiter| waiter.rank.priority()).min()
    }

    /// Wakes the first of each line: one of them is next.
    pub fn ring(&self) {
        self.firsts().into_iter().for_each(|(_, number)| self.wake(Some(number)));
    }

    fn wake(&self, number: Option<u64>) {
        if let Some(waiter) = number.and_then(|number| self.waiting.get(&number)) {
            waiter.bell.notify_one();
        }
    }

    /// The other classes of the same service that send all that they may, and how much that is.
    fn busy_beside(&self, class: CallClass, now: Instant, rates: &Rates) -> Vec<(CallClass, f64)> {
        let beside = self.own().filter(|(other, _)| class.beside(*other) && !rates.capped(*other));
        beside.filter(|(_, pace)| pace.drained(now)).map(|(other, pace)| (other, pace.rate())).collect()
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
