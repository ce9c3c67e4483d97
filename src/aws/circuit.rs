//! The circuit breaker of one identity in one region: after failures in a row its credentials count as broken, and only
//! one call at a time finds out whether they work again. A plain state machine: time is handed in, nothing is sent,
//! nobody waits.

use std::time::Duration;

use crate::sync::Instant;

/// So many failures in a row open it.
pub const FAILURES: u32 = 5;
/// The first wait before a probe. A probe is at most two calls to STS: nobody's trust policy is hammered.
pub const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait before a probe: what was mended should work again within minutes.
pub const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// When to come back while somebody else's probe is under way: a probe is a few quick calls.
pub const PROBE_TAKES: Duration = Duration::from_secs(10);

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everybody may call.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// Nobody may call.
    Open {
        /// When a probe is due.
        until: Instant,
        /// How long the wait was.
        waited: Duration,
    },
    /// One call is finding out.
    Probing {
        /// How long the wait before it was.
        waited: Duration,
    },
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants to call.
    Ask,
    /// A call has ended.
    Ended {
        /// It was the probe.
        probe: bool,
        /// What it tells of the credentials.
        heard: Outcome,
    },
}

/// What the end of a call tells of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They work.
    Works,
    /// There are none, or AWS refused them.
    Refused,
    /// Nothing: no answer, a failure that was heard before, or the call was given up.
    Nothing,
}

/// What somebody who asked may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Call.
    Go,
    /// Call, and everybody waits for what comes of it.
    Probe,
    /// Not now; come back after this time.
    Wait(Duration),
}

impl State {
    /// As it starts.
    pub const NEW: Self = Self::Closed { failures: 0 };

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::Probing { .. } => "probing",
        }
    }

    /// How long whoever asks now has to wait, if at all. Changes nothing.
    #[must_use]
    pub fn wait(self, now: Instant) -> Option<Duration> {
        match self {
            Self::Open { until, .. } if now < until => Some(until.duration_since(now)),
            Self::Probing { .. } => Some(PROBE_TAKES),
            Self::Open { .. } | Self::Closed { .. } => None,
        }
    }
}

/// The state after an event, and the answer to an [`Event::Ask`].
#[must_use]
pub fn next(state: State, event: Event, now: Instant) -> (State, Option<Ruling>) {
    match (state, event) {
        (_, Event::Ask) => ask(state, now),
        (State::Probing { waited }, Event::Ended { probe: true, heard }) => (probed(waited, heard, now), None),
        (State::Closed { failures }, Event::Ended { heard, .. }) => (ended(failures, heard, now), None),
        // It began before the state changed and says nothing about now.
        (State::Open { .. } | State::Probing { .. }, Event::Ended { .. }) => (state, None),
    }
}

fn ask(state: State, now: Instant) -> (State, Option<Ruling>) {
    match (state, state.wait(now)) {
        (_, Some(wait)) => (state, Some(Ruling::Wait(wait))),
        (State::Open { waited, .. } | State::Probing { waited }, None) => {
            (State::Probing { waited }, Some(Ruling::Probe))
        }
        (State::Closed { .. }, None) => (state, Some(Ruling::Go)),
    }
}

fn probed(waited: Duration, heard: Outcome, now: Instant) -> State {
    match heard {
        Outcome::Works => State::NEW,
        Outcome::Refused => open((waited * 2).min(LONGEST_WAIT), now),
        // It may have asked STS all the same, so the next one waits as long.
        Outcome::Nothing => open(waited, now),
    }
}

fn ended(failures: u32, heard: Outcome, now: Instant) -> State {
    match heard {
        Outcome::Works => State::NEW,
        Outcome::Nothing => State::Closed { failures },
        Outcome::Refused if failures + 1 >= FAILURES => open(FIRST_WAIT, now),
        Outcome::Refused => State::Closed { failures: failures + 1 },
    }
}

fn open(waited: Duration, now: Instant) -> State {
    State::Open { until: now + waited, waited }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn end(probe: bool, heard: Outcome) -> Event {
        Event::Ended { probe, heard }
    }

    fn opened(now: Instant) -> State {
        open(FIRST_WAIT, now)
    }

    #[test]
    fn every_state_and_event_has_its_successor() {
        let now = Instant::now();
        let closed = |failures| State::Closed { failures };
        let (four, probing) = (closed(FAILURES - 1), State::Probing { waited: FIRST_WAIT });
        let due = State::Open { until: now, waited: FIRST_WAIT };
        let rows = [
            (State::NEW, Event::Ask, State::NEW, Some(Ruling::Go), "closed lets everybody through"),
            (four, Event::Ask, four, Some(Ruling::Go), "four failures too"),
            (State::NEW, end(false, Outcome::Refused), closed(1), None, "a failure counts"),
            (four, end(false, Outcome::Works), State::NEW, None, "only failures in a row count"),
            (four, end(false, Outcome::Nothing), four, None, "no answer is neither"),
            (four, end(false, Outcome::Refused), opened(now), None, "the fifth opens it"),
            (opened(now), Event::Ask, opened(now), Some(Ruling::Wait(FIRST_WAIT)), "open lets nobody through"),
            (opened(now), end(false, Outcome::Works), opened(now), None, "a late answer is about the past"),
            (due, Event::Ask, probing, Some(Ruling::Probe), "one may probe"),
            (probing, Event::Ask, probing, Some(Ruling::Wait(PROBE_TAKES)), "and nobody else"),
            (probing, end(false, Outcome::Works), probing, None, "only the probe decides"),
            (probing, end(true, Outcome::Works), State::NEW, None, "it works again"),
            (probing, end(true, Outcome::Refused), open(FIRST_WAIT * 2, now), None, "it does not: a longer wait"),
            (probing, end(true, Outcome::Nothing), opened(now), None, "a lost probe: the same wait"),
        ];
        for (state, event, expected, answer, why) in rows {
            assert_eq!(next(state, event, now), (expected, answer), "{why}");
        }
        let longest = State::Probing { waited: LONGEST_WAIT };
        assert_eq!(
            next(longest, end(true, Outcome::Refused), now).0,
            open(LONGEST_WAIT, now),
            "the wait has a ceiling"
        );
    }

    /// One step of a schedule: time passes, somebody asks, or one of the calls that run ends.
    #[derive(Clone, Debug)]
    enum Move {
        Pass(u64),
        Ask,
        End(usize, Outcome),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let heard = prop_oneof![
            1 => Just(Outcome::Works),
            4 => Just(Outcome::Refused),
            1 => Just(Outcome::Nothing),
        ];
        let step = prop_oneof![
            1 => (1..90_u64).prop_map(Move::Pass),
            3 => Just(Move::Ask),
            3 => (0..8_usize, heard).prop_map(|(which, heard)| Move::End(which, heard)),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        #[test]
        fn in_every_schedule_one_probes_at_a_time_and_nobody_waits_for_ever(schedule in moves()) {
            let mut now = Instant::now();
            let (mut state, mut running, mut row) = (State::NEW, Vec::new(), 0_u32);
            for step in schedule {
                match step {
                    Move::Pass(seconds) => now += SECOND * u32::try_from(seconds).unwrap_or(1),
                    Move::Ask => {
                        let (after, answer) = next(state, Event::Ask, now);
                        match answer {
                            Some(Ruling::Go) => {
                                prop_assert!(state.name() == "closed", "{state:?}");
                                running.push(false);
                            }
                            Some(Ruling::Probe) => {
                                prop_assert!(!running.contains(&true), "two probes");
                                running.push(true);
                            }
                            Some(Ruling::Wait(wait)) => prop_assert!(wait <= LONGEST_WAIT),
                            None => panic!("no answer"),
                        }
                        state = after;
                    }
                    Move::End(_, _) if running.is_empty() => {}
                    Move::End(which, heard) => {
                        let probe = running.swap_remove(which % running.len());
                        let before = state;
                        state = next(state, end(probe, heard), now).0;
                        row = match heard {
                            Outcome::Works => 0,
                            Outcome::Nothing => row,
                            Outcome::Refused => row + 1,
                        };
                        if let (State::Closed { .. }, State::Open { .. }) = (before, state) {
                            prop_assert!(row >= FAILURES, "opened after {row} failures in a row");
                        }
                        if probe {
                            prop_assert!(!matches!(state, State::Probing { .. }), "the end of a probe decides");
                        }
                    }
                }
            }
            // Whatever happened: once the wait is over, somebody gets through.
            while let Some(at) = running.iter().position(|probe| *probe) {
                running.swap_remove(at);
                state = next(state, end(true, Outcome::Nothing), now).0;
            }
            let answer = next(state, Event::Ask, now + LONGEST_WAIT).1;
            prop_assert!(matches!(answer, Some(Ruling::Go | Ruling::Probe)), "{answer:?}");
        }
    }

    #[test]
    fn an_hour_of_refusals_is_at_most_one_call_a_minute_after_the_first_five() {
        let start = Instant::now();
        let (mut state, mut calls) = (State::NEW, Vec::new());
        for second in 0..3600 {
            let now = start + SECOND * second;
            let (after, answer) = next(state, Event::Ask, now);
            state = after;
            if matches!(answer, Some(Ruling::Go | Ruling::Probe)) {
                calls.push(second);
                state = next(state, end(answer == Some(Ruling::Probe), Outcome::Refused), now).0;
            }
        }
        let (first, later) = calls.split_at(FAILURES as usize);
        assert_eq!(first, [0, 1, 2, 3, 4]);
        assert!(later.windows(2).all(|pair| matches!(pair, [a, b] if b - a >= 60)), "{later:?}");
        assert!((29..=31).contains(&later.len()), "{later:?}");
    }
}
