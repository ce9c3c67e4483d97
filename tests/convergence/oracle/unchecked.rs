//! What an oracle does not check in a run, or checks later, each with its reason. A plan names the rows that it needs;
//! what no row says is checked everywhere.

use std::time::Duration;

use crate::runs::Plan;
use crate::setup::{Blow, Rule, Setup, Streams, Watching};
use crate::world::Life;

/// What a row can take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// O1: an object has one server, and nothing is made twice.
    OneEach,
    /// O2: nothing of ours is left in AWS.
    NothingLeft,
    /// O4: nothing happens from the moment on in which all trouble has ended; the next periodic look comes first.
    RestAtOnce,
    /// O4: the KMS key of a host key is the one of the spec.
    KmsKey,
    /// O9: the end is that of the run without faults.
    End,
    /// O9: as much is made and deleted as in the run without faults.
    Counts,
    /// O9: of a login, one more that was made is deleted again.
    LoginCounts,
    /// O3, O15: a certificate stays on a profile through its overlap, and one of its object is in force at every moment.
    InForce,
    /// O13: a server is stopped as seldom as in the run without faults.
    Stops,
    /// All of them: the plan is not run.
    All,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub struct Unchecked {
    pub checks: &'static [Check],
    pub why: &'static str,
}

pub type Row = &'static Unchecked;

pub static WANTED_CHANGES: Unchecked = Unchecked {
    checks: &[Check::End, Check::Counts],
    why: "somebody deletes the object in the middle, or deletes it and applies it again: another end is wanted, and \
          another number of resources made and deleted",
};

pub static STATUS_LOST: Unchecked = Unchecked {
    checks: &[Check::End, Check::Counts],
    why: "with status goes the knowledge of what this object once set: what leaves the spec later stays",
};

pub static HOST_KEYS_LOST: Unchecked = Unchecked {
    checks: &[Check::End, Check::Counts],
    why: "a server whose record is lost is found anew, and what was known of its host keys is not: one that leaves the \
          list just then, and that clients are shown, stays until it is confirmed",
};

pub static ID_FORGED: Unchecked = Unchecked {
    checks: &[Check::End, Check::Counts],
    why: "the server that the forged id names is in AWS at the end, and a person may have been told of it",
};

pub static STATUS_WRITTEN: Unchecked = Unchecked {
    checks: &[Check::RestAtOnce],
    why: "what somebody did to status is no reason for a reconcile, and is noticed at the next periodic look only",
};

pub static OLD_ONE_WAITS: Unchecked = Unchecked {
    checks: &[Check::RestAtOnce],
    why: "applied again with the spec of before and then edited, a workflow is replaced; the old one goes ten minutes \
          after its object is Ready",
};

pub static OLD_READ: Unchecked = Unchecked {
    checks: &[Check::RestAtOnce],
    why: "what a status tells of an old read is put right by the next periodic look",
};

pub static LATE_CALL: Unchecked = Unchecked {
    checks: &[Check::LoginCounts],
    why: "a create that comes late, within the age of a signature, brings a login back for a moment; what it made is \
          deleted again",
};

pub static LATE_STOP: Unchecked = Unchecked {
    checks: &[Check::Stops],
    why: "a stop that comes late, within the age of a signature, meets a server that another process has started again: \
          AWS has no stop under a condition. It is started once more",
};

pub static LATE_UPDATE: Unchecked = Unchecked {
    checks: &[Check::End],
    why: "an update or a tag that comes late, within the age of a signature, brings back what left the spec since, and of \
          which nothing is recorded any more: a session policy. AWS has none under a condition",
};

pub static LATE_KMS_KEY: Unchecked = Unchecked {
    checks: &[Check::End, Check::KmsKey],
    why: "an update of a host key that comes late, within the age of a signature, brings back its former KMS key, \
          which AWS never returns, so that no look can tell, or a tag, of which nothing is recorded any more",
};

pub static LATE_RETAIN: Unchecked = Unchecked {
    checks: &[Check::All],
    why: "the tags of a Retain that come late, within the age of a signature, meet a server that was taken over since: \
          AWS has no tagging under a condition, and a person must say what is to be",
};

pub static LATE_END: Unchecked = Unchecked {
    checks: &[Check::All],
    why: "the end of a certificate that comes late, within the age of a signature, meets one whose owner tags somebody took \
          off since: AWS has no update under a condition",
};

pub static LATE_PROFILE: Unchecked = Unchecked {
    checks: &[Check::InForce],
    why: "certificates that leave a profile late, within the age of a signature, take off what it names again since: AWS has \
          no update under a condition. They are put back at the next look",
};

pub static BEYOND_THE_WINDOW: Unchecked = Unchecked {
    checks: &[Check::OneEach, Check::NothingLeft, Check::Counts],
    why: "a listing that lags for longer than the window, and a lost answer: what the protocol says that it cannot \
          prevent is one duplicate",
};

/// What a call that comes late, within the age of a signature, may do to a workflow. Which call that is, some plans say.
pub fn late(workflow: &str, operation: Option<&str>) -> Vec<Row> {
    let more = match (workflow, operation) {
        ("W13-retain", _) => Some(&LATE_RETAIN),
        ("W8-role", _) => Some(&LATE_UPDATE),
        ("W11-kms-key", _) => Some(&LATE_KMS_KEY),
        ("W16-renewal-untagged", Some("UpdateCertificate")) => Some(&LATE_END),
        ("W16-renewal-deleted", Some("UpdateProfile")) => Some(&LATE_PROFILE),
        _ => None,
    };
    [&LATE_CALL, &LATE_STOP].into_iter().chain(more).collect()
}

/// O9: where the source of a certificate holds the one before again, that one may be there still, or be imported anew: how
/// many are made depends on how far the renewal is by then. Which one is there in the end does not.
pub fn imports_vary(plan: &Plan) -> bool {
    plan.workflow.name == "W16-renewal-taken-back"
}

/// O4: by how much later than without faults the runs of a family may come to their end: twice what was measured,
/// where nothing is broken for longer than a moment. What waits longest is a create of which nobody knows whether it
/// happened: 17 minutes. The other families have no bound: what is broken for ten minutes or an hour, who stands still
/// for 25 minutes or dies fifty times, and who is told never or late, comes as much later. That each comes to its end,
/// in twelve hours at most, is checked in all.
pub fn latest(plan: &str) -> Option<Duration> {
    let minutes = match plan.split('/').next()? {
        // Each of the many steps of W16-renewal-deleted is told late: 18 minutes in all.
        "watch" => 36,
        "kill" | "reply" | "lag" => 40,
        _ => return None,
    };
    Some(Duration::from_mins(minutes))
}

/// Longer than kube's client waits for a word on a watch.
const SILENCE: Duration = Duration::from_mins(6);

/// O4: how long after all trouble has ended nothing may happen any more.
pub fn before_rest(setup: &Setup) -> Duration {
    let look = setup.resync.mul_f64(1.3);
    let mut wait = Duration::ZERO;
    if setup.skips(Check::RestAtOnce) || setup.rules.iter().any(freezes) {
        // What a process that woke up sends late, within the age of a signature, is put right by the next look too.
        wait += look;
    }
    if setup.real.as_ref().is_some_and(|streams| *streams != Streams::default()) {
        // Until a silent watch is given up, and a look after that.
        wait += SILENCE + look;
    }
    if setup.watching != Watching::default() {
        // Until a listing has told what the watch did not.
        wait += Duration::from_mins(6);
    }
    wait
}

fn freezes(rule: &Rule) -> bool {
    matches!(rule.blow, Blow::Freeze(_))
}

/// O10: whether a reconcile may be cut at its deadline. Of a process that died nobody waits; one that stands still, or
/// whose call is held up, is what the deadline is for.
pub fn may_be_cut(setup: &Setup, life: &Life) -> bool {
    let holds = |rule: &Rule| freezes(rule) || matches!(rule.blow, Blow::Delay(_));
    life.is_dead() || setup.rules.iter().any(holds)
}
