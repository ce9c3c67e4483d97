//! The order of reconciles: who waits, who is next, who comes again later. Pure: what time it is and what came of a
//! reconcile are told. It runs nothing and knows no kind.
//!
//! * One reconcile at a time per object. What is asked for meanwhile is remembered, once.
//! * What a person changed goes first, then first creates, what is tried again, what is only looked at ([`Priority`]).
//!   A name that waits is moved up by a reason that goes before its own.
//! * Within a class whoever's lane was served least lately, there first in, first out: neither a namespace nor an
//!   account with thousands of objects holds up another's.
//! * Every fourth pick is the oldest of all that wait, so that no class waits for ever.
//! * Of one account so many reconciles run at once. Those that wait at its limiter count: more would wait there too. What
//!   somebody waits for does not wait for looks to end: it has as many places of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::requeue::Requeue;
pub use crate::aws::Priority;
use crate::aws::rate_limiter::order::LONGEST_WAITING_EVERY;

/// Where a name stands in line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The account that its calls go to, under whatever name: the identity's.
    pub account: String,
    /// Its namespace.
    pub namespace: String,
}

/// Lanes, each held once.
#[derive(Debug, Default)]
struct Lanes {
    all: BTreeSet<Arc<Lane>>,
    /// With more than so many, those in which nobody stands any more go.
    room: usize,
}

impl Lanes {
    fn shared(&mut self, lane: Lane) -> Arc<Lane> {
        if let Some(lane) = self.all.get(&lane) {
            return Arc::clone(lane);
        }
        if self.all.len() >= self.room {
            self.all.retain(|lane| Arc::strong_count(lane) > 1);
            // Twice as many as stay, so that a look at all of them is paid for by as many new ones.
            self.room = 2 * self.all.len() + 1;
        }
        let lane = Arc::new(lane);
        self.all.insert(Arc::clone(&lane));
        lane
    }
}

#[derive(Debug)]
enum State {
    /// Comes at this time; the number tells it from others of the same time.
    Later { at: Instant, number: u64, class: Priority },
    /// `number` is its place in its class, `since` when it began to wait.
    Waiting { class: Priority, number: u64, since: u64 },
    /// `again`: somebody asked meanwhile, for it as it is by then.
    Running { class: Priority, again: Option<(Arc<Lane>, Priority)> },
}

#[derive(Debug)]
struct Line<K> {
    by_class: BTreeMap<(Priority, u64), K>,
    by_age: BTreeMap<u64, K>,
    /// The pick that last served it.
    served: u64,
}

impl<K> Line<K> {
    fn new(served: u64) -> Self {
        Self { by_class: BTreeMap::new(), by_age: BTreeMap::new(), served }
    }

    fn take_out(&mut self, place: (Priority, u64), since: u64) {
        self.by_class.remove(&place);
        self.by_age.remove(&since);
    }

    /// Who of it goes first, and where that stands among the first of all lines; what is smaller goes.
    fn first(&self, by_age: bool) -> Option<([u64; 3], &K)> {
        if by_age {
            return self.by_age.first_key_value().map(|(since, key)| ([*since, 0, 0], key));
        }
        let ((class, number), key) = self.by_class.first_key_value()?;
        Some(([*class as u64, self.served, *number], key))
    }
}

/// What waits of one account.
#[derive(Debug)]
struct Lines<K> {
    by_namespace: BTreeMap<String, Line<K>>,
    /// The first of each line, so that there may be many lines: by class, and by age.
    firsts: [BTreeMap<[u64; 3], K>; 2],
}

impl<K: Clone> Lines<K> {
    fn new() -> Self {
        Self { by_namespace: BTreeMap::new(), firsts: [BTreeMap::new(), BTreeMap::new()] }
    }

    /// Changes a line; one that nobody waits in goes. One that is new waits for those that were there: who comes one at
    /// a time is not always first.
    fn change(&mut self, namespace: &str, picks: u64, change: impl FnOnce(&mut Line<K>)) {
        let mut line = self.by_namespace.remove(namespace).unwrap_or_else(|| Line::new(picks));
        for (firsts, by_age) in self.firsts.iter_mut().zip([false, true]) {
            if let Some((order, _)) = line.first(by_age) {
                firsts.remove(&order);
            }
        }
        change(&mut line);
        for (firsts, by_age) in self.firsts.iter_mut().zip([false, true]) {
            if let Some((order, key)) = line.first(by_age) {
                firsts.insert(order, key.clone());
            }
        }
        if !line.by_age.is_empty() {
            self.by_namespace.insert(namespace.to_owned(), line);
        }
    }

    fn first(&self, by_age: bool) -> Option<([u64; 3], &K)> {
        let [firsts, oldest] = &self.firsts;
        let (order, key) = if by_age { oldest } else { firsts }.first_key_value()?;
        Some((*order, key))
    }
}

/// How many reconciles of an account run.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    looks: usize,
    awaited: usize,
}

impl UnderWay {
    fn of(&mut self, class: Priority) -> &mut usize {
        if class == Priority::Resync { &mut self.looks } else { &mut self.awaited }
    }

    fn all(self) -> usize {
        self.looks + self.awaited
    }
}

/// The names of one kind.
#[derive(Debug)]
pub struct Queue<K> {
    states: BTreeMap<K, (Arc<Lane>, State)>,
    /// Lanes that names stand in: thousands of names share a few.
    lanes: Lanes,
    /// By account.
    lines: BTreeMap<String, Lines<K>>,
    timers: BTreeMap<(Instant, u64), K>,
    /// Reconciles that run, by account.
    under_way: BTreeMap<String, UnderWay>,
    /// At once of one account, looks or not.
    width: usize,
    /// Numbers that were given out; the next is larger.
    numbers: u64,
    picks: u64,
}

impl<K: Ord + Clone> Queue<K> {
    /// An empty queue that lets so many reconciles of one account run at once.
    #[must_use]
    pub fn new(width: usize) -> Self {
        let (states, lines, timers, under_way) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { states, lanes: Lanes::default(), lines, timers, under_way, width, numbers: 0, picks: 0 }
    }

    /// Asks for a reconcile as soon as it is its turn.
    pub fn add(&mut self, key: K, lane: Lane, class: Priority) {
        let lane = self.lanes.shared(lane);
        self.put(key, lane, class);
    }

    fn put(&mut self, key: K, lane: Arc<Lane>, class: Priority) {
        match self.states.remove(&key) {
            None => self.wait(key, lane, class, None),
            Some((_, State::Later { at, number, class: later })) => {
                self.timers.remove(&(at, number));
                self.wait(key, lane, class.min(later), None);
            }
            Some((old, State::Waiting { class: before, number, since })) => {
                if class < before || old != lane {
                    self.change(&old, |line| line.take_out((before, number), since));
                    self.wait(key, lane, class.min(before), Some(since));
                } else {
                    self.states.insert(key, (old, State::Waiting { class: before, number, since }));
                }
            }
            Some((old, State::Running { class: of, again })) => {
                let again = Some((lane, again.map_or(class, |(_, again)| again.min(class))));
                self.states.insert(key, (old, State::Running { class: of, again }));
            }
        }
    }

    /// Asks for a reconcile at this time, or sooner where it comes sooner anyway.
    pub(crate) fn add_at(&mut self, key: K, lane: Lane, class: Priority, at: Instant) {
        let lane = self.lanes.shared(lane);
        match self.states.get(&key) {
            None => self.come_at(key, lane, class, at),
            Some((_, State::Later { at: sooner, .. })) if *sooner <= at => {}
            Some((_, State::Later { at: later, number, class: before })) => {
                let (timer, class) = ((*later, *number), class.min(*before));
                self.timers.remove(&timer);
                self.come_at(key, lane, class, at);
            }
            // What it is asked for may be known to it already, or not.
            Some((_, State::Running { .. })) => self.put(key, lane, class),
            Some((_, State::Waiting { .. })) => {}
        }
    }

    /// Whose turn it is now, if anybody's; its reconcile is taken to run until [`Self::done`].
    pub fn pick(&mut self, now: Instant) -> Option<K> {
        self.come_due(now);
        let by_age = (self.picks + 1).is_multiple_of(LONGEST_WAITING_EVERY);
        let oldest = by_age.then(|| self.next(true)).flatten();
        let key = oldest.or_else(|| self.next(false))?.clone();
        let (lane, State::Waiting { class, number, since }) = self.states.remove(&key)? else { return None };
        self.picks += 1;
        let served = self.picks;
        self.change(&lane, |line| {
            line.take_out((class, number), since);
            line.served = served;
        });
        *self.under_way.entry(lane.account.clone()).or_default().of(class) += 1;
        self.states.insert(key.clone(), (lane, State::Running { class, again: None }));
        Some(key)
    }

    /// A reconcile has ended. What was asked for meanwhile goes before what the reconcile itself asks for.
    pub fn done(&mut self, key: &K, next: Requeue, now: Instant) {
        let Some((lane, State::Running { class, again })) = self.states.remove(key) else { return };
        if let Some(under_way) = self.under_way.get_mut(&lane.account) {
            *under_way.of(class) -= 1;
            if under_way.all() == 0 {
                self.under_way.remove(&lane.account);
            }
        }
        match (again, next) {
            // It goes on as what it was.
            (Some((lane, again)), Requeue::Again | Requeue::Elsewhere(_)) => {
                self.wait(key.clone(), lane, class.min(again), None);
            }
            (Some((lane, again)), Requeue::After(_) | Requeue::Rest(_) | Requeue::OnChange) => {
                self.wait(key.clone(), lane, again, None);
            }
            (None, Requeue::Again) => self.wait(key.clone(), lane, class, None),
            (None, Requeue::Elsewhere(delay)) => self.come_at(key.clone(), lane, class, now + delay),
            (None, Requeue::After(delay)) => self.come_at(key.clone(), lane, Priority::Retry, now + delay),
            (None, Requeue::Rest(delay)) => self.come_at(key.clone(), lane, Priority::Resync, now + delay),
            (None, Requeue::OnChange) => {}
        }
    }

    /// Lets those wait whose time has come, and says when the next one's does.
    pub fn come_due(&mut self, now: Instant) -> Option<Instant> {
        while let Some(entry) = self.timers.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                return Some(at);
            }
            let key = entry.remove();
            if let Some((lane, State::Later { class, .. })) = self.states.remove(&key) {
                self.wait(key, lane, class, None);
            }
        }
        None
    }

    /// How many reconciles run.
    #[cfg(test)]
    fn running(&self) -> usize {
        self.under_way.values().map(|under_way| under_way.all()).sum()
    }

    /// As what the name's reconcile runs.
    #[must_use]
    pub(crate) fn runs_as(&self, key: &K) -> Option<Priority> {
        match self.states.get(key)? {
            (_, State::Running { class, again: _ }) => Some(*class),
            (_, State::Later { .. } | State::Waiting { .. }) => None,
        }
    }

    /// Who is next, of the accounts that have room for whoever is.
    fn next(&self, by_age: bool) -> Option<&K> {
        let firsts = self.lines.iter().filter_map(|(account, lines)| Some((account, lines.first(by_age)?)));
        let open = firsts.filter(|(account, (_, key))| self.has_room(account, key)).map(|(_, first)| first);
        open.min_by_key(|(order, _)| *order).map(|(_, key)| key)
    }

    fn has_room(&self, account: &str, key: &K) -> bool {
        let under_way = self.under_way.get(account).copied().unwrap_or_default();
        match self.states.get(key) {
            Some((_, State::Waiting { class: Priority::Resync, .. })) => under_way.all() < self.width,
            _ => under_way.awaited < self.width,
        }
    }

    /// Lets a name come at this time.
    fn come_at(&mut self, key: K, lane: Arc<Lane>, class: Priority, at: Instant) {
        let number = self.number();
        self.timers.insert((at, number), key.clone());
        self.states.insert(key, (lane, State::Later { at, number, class }));
    }

    /// Puts a name at the end of its class; one that is moved up keeps its age.
    fn wait(&mut self, key: K, lane: Arc<Lane>, class: Priority, since: Option<u64>) {
        let number = self.number();
        let since = since.unwrap_or(number);
        self.change(&lane, |line| {
            line.by_class.insert((class, number), key.clone());
            line.by_age.insert(since, key.clone());
        });
        self.states.insert(key, (lane, State::Waiting { class, number, since }));
    }

    /// Changes the line of a lane.
    fn change(&mut self, lane: &Lane, change: impl FnOnce(&mut Line<K>)) {
        let Lane { account, namespace } = lane;
        let mut lines = self.lines.remove(account).unwrap_or_else(Lines::new);
        lines.change(namespace, self.picks, change);
        if !lines.by_namespace.is_empty() {
            self.lines.insert(account.clone(), lines);
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
