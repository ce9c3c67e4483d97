//! What makes a run what it is: which faults fall when, how the watches misbehave, and what the operator believes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::acts::Act;
use crate::defects::Seams;
use crate::oracle::unchecked::{Check, Row};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Aws,
    Kube,
}

/// When a blow falls, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before the request leaves.
    Before,
    /// The request took effect, the answer is under way.
    Sent,
    /// The answer has just arrived.
    Answered,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Blow {
    /// The process dies.
    Kill,
    /// The process stands still for so long.
    Freeze(Duration),
    /// The call is held up for so long.
    Delay(Duration),
    /// No answer comes; whether the effect happened depends on the moment.
    Lose,
    /// AWS answers with this error code and text; whether the effect happened depends on the moment.
    Error(&'static str, &'static str),
    /// The API server answers 409, and nothing was written.
    Conflict,
    /// The API server answers 504; whether it was written depends on the moment.
    Gateway,
    /// The API server answers 403.
    Forbidden,
    /// A listing answers with the token that it was asked with: it never ends.
    Repeat,
    /// Somebody does something at this very moment; the call itself goes on.
    Act(Act),
}

/// Which calls a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// The counted call of this number in the whole run, from 1.
    Call(u64),
    /// So many of the calls that match, after skipping some.
    Times { skip: u64, count: u64 },
    /// Every call that matches, up to this time of the run.
    Until(Duration),
    /// So many of the calls that match, after skipping some, within a time that the first call of this operation
    /// begins.
    Since { first: &'static str, skip: u64, count: u64, span: Duration },
    /// Any call that matches, by chance.
    Chance(f64),
}

/// A fault to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub when: When,
    /// AWS's operation, or `status`, `finalizer`, `get`, `list` of the API server; any if empty.
    pub operation: &'static str,
    pub moment: Moment,
    pub blow: Blow,
}

impl Rule {
    pub fn at(call: u64, moment: Moment, blow: Blow) -> Self {
        Self { when: When::Call(call), operation: "", moment, blow }
    }

    pub fn on(operation: &'static str, when: When, moment: Moment, blow: Blow) -> Self {
        Self { when, operation, moment, blow }
    }
}

/// A call that was counted, as later plans aim at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub call: u64,
    pub side: Side,
    pub operation: String,
    pub writes: bool,
}

/// How the watches of a replica misbehave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watching {
    /// Versions that are not told until the next listing.
    pub dropped: Vec<u64>,
    /// Versions that come late, with everything after them.
    pub delayed: BTreeMap<u64, Duration>,
    /// Versions after which everything is told once more from the start.
    pub replayed: Vec<u64>,
    /// Everything comes late by so much.
    pub lag: Duration,
}

/// What besides happens to kube's client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// Versions that a watch tells after the one that follows them, where that is about another object.
    pub swapped: Vec<u64>,
    /// Versions at which the history before them is forgotten: who watches is told 410 and must list anew.
    pub forgotten: Vec<u64>,
    /// Every stream breaks after so long, until all trouble ends.
    pub broken_after: Option<Duration>,
    /// From when to when open streams fall silent for good, and nobody hears that they ended.
    pub silent: Option<(Duration, Duration)>,
    /// From when to when the API server is not there.
    pub down: Option<(Duration, Duration)>,
}

/// Everything that makes a run what it is.
#[derive(Clone, Debug)]
pub struct Setup {
    pub seed: u64,
    pub rules: Vec<Rule>,
    pub watching: Watching,
    /// The whole operator runs, with kube's client and watches over the API server's own protocol.
    pub real: Option<Streams>,
    pub replicas: u32,
    /// How far the clock of each replica's pod is off, in turn.
    pub skews: Vec<SignedDuration>,
    pub tolerance: SignedDuration,
    /// What the operator believes of the listings' lag.
    pub believed_lag: SignedDuration,
    /// How they really lag.
    pub listing_lag: SignedDuration,
    pub resync: Duration,
    /// Resync periods of rest at the end, in which nothing may happen.
    pub rest: u32,
    /// What is put in at the seams of each process.
    pub put_in: Option<fn(Seams) -> Seams>,
    /// More switches of the simulator.
    pub switches: serde_json::Value,
    /// Reads of AWS by this operation, or all if it is empty, show what was so long ago.
    pub old_reads: (&'static str, SignedDuration),
    /// What a workflow that is made up anew for each plan does.
    pub script: serde_json::Value,
    /// What oracles do not check in this run.
    pub unchecked: Vec<Row>,
}

impl Setup {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rules: Vec::new(),
            watching: Watching::default(),
            real: None,
            replicas: 1,
            skews: Vec::new(),
            tolerance: SignedDuration::from_mins(15),
            believed_lag: SignedDuration::from_mins(2),
            listing_lag: SignedDuration::ZERO,
            resync: Duration::from_mins(10),
            rest: 3,
            put_in: None,
            switches: json!({}),
            old_reads: ("", SignedDuration::ZERO),
            script: json!(null),
            unchecked: Vec::new(),
        }
    }

    pub fn with(self, rules: Vec<Rule>) -> Self {
        Self { rules, ..self }
    }

    /// Whether some row takes this check out.
    pub fn skips(&self, check: Check) -> bool {
        self.unchecked.iter().any(|row| row.checks.contains(&check))
    }
}
