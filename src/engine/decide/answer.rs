//! What AWS's answer to a call says: of the attempt that a create was, of what was made, and of a call of an update. Pure;
//! it sends nothing and writes nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::Identity;
use crate::aws::rate_limiter::SENT_AT_MOST;
use crate::aws::{AwsError, AwsErrorKind};
use crate::engine::memory::Accepted;
use crate::engine::refusals::{contradicts, holdable, in_use, of_one_call};

/// What became of a create that made nothing, as far as AWS said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateEnd {
    /// The live read was too old for it by then.
    NotSent,
    /// AWS answered so, or did not answer.
    Failed(AwsErrorKind),
}

/// What is known of the attempt that ended so.
#[derive(Clone, Copy, Debug)]
pub struct AttemptFacts {
    /// How the kind is found.
    pub identity: Identity,
    /// How it ended.
    pub end: CreateEnd,
    /// A create of this process was sent before, and may have made it.
    pub sent_before: bool,
    /// An earlier attempt may still take effect: what this one is refused for says nothing of that.
    pub unresolved: bool,
    /// An earlier attempt made it: what is there still is what that one made.
    pub made_before: bool,
    /// Should AWS throttle it, no other follows in this reconcile.
    pub last: bool,
}

/// What is to be written of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptRecord {
    /// Nothing: what stands there stands for an earlier one as well.
    AsBefore,
    /// Nothing: it may have made something. `answered`: no call of it can arrive any more.
    InFlight {
        /// AWS answered, so what it made it has made by now.
        answered: bool,
    },
    /// That it made nothing.
    Rejected,
}

/// What follows from how an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterAttempt {
    /// From now on the key itself is looked at.
    pub sent: bool,
    /// AWS says of what a look showed that it is not there.
    pub contradicted: bool,
    /// What is to be written.
    pub record: AttemptRecord,
}

/// So often a create goes out in one reconcile, as long as AWS throttles it. Where a key finds what was made, nothing was
/// written of an attempt that it throttled, and none is to be closed. Where a record stands for it, that is closed at once:
/// in flight while the next attempt waits for a permit, it would outlive an orderly end of the process, and what somebody
/// else makes under the same id meanwhile would pass for what this attempt made.
#[must_use]
pub fn tries(identity: Identity) -> u32 {
    if identity == Identity::Keyed { SENT_AT_MOST } else { 1 }
}

/// Step 7 of the protocol, refused or ambiguous: only a proof that nothing was made ends the record.
#[must_use]
pub fn after_attempt(facts: &AttemptFacts) -> AfterAttempt {
    let keyed = facts.identity == Identity::Keyed;
    let earlier = match facts.identity {
        Identity::Tagged => false,
        Identity::Keyed => facts.sent_before,
        Identity::Recorded => facts.unresolved,
    };
    let record = match facts.end {
        CreateEnd::Failed(kind) if !kind.proves_nothing_made() => {
            AttemptRecord::InFlight { answered: kind == AwsErrorKind::Unavailable }
        }
        // A user's tags tell whose it is. An access has none: it is ours only if an earlier attempt made it, or may
        // have. What AWS said to have lost and has was not lost.
        CreateEnd::Failed(AwsErrorKind::Exists) if keyed || facts.made_before => AttemptRecord::AsBefore,
        CreateEnd::Failed(AwsErrorKind::Throttled) if keyed && !facts.last => AttemptRecord::AsBefore,
        // A user's create is not recorded, so there is nothing to take back.
        CreateEnd::NotSent if keyed => AttemptRecord::AsBefore,
        _ if earlier => AttemptRecord::AsBefore,
        CreateEnd::NotSent | CreateEnd::Failed(_) => AttemptRecord::Rejected,
    };
    let (sent, contradicted) = match facts.end {
        CreateEnd::Failed(kind) => {
            (!kind.proves_nothing_made() || kind == AwsErrorKind::Exists, kind == AwsErrorKind::NotFound)
        }
        CreateEnd::NotSent => (false, false),
    };
    AfterAttempt { sent: keyed && sent, contradicted: keyed && contradicted, record }
}

/// The object for which something was made, as it stands then.
#[derive(Clone, Copy, Debug)]
pub struct MadeFacts {
    /// It is there, and no namesake.
    pub there: bool,
    /// Its record is that of the attempt which made this.
    pub stands: bool,
    /// Status holds an id.
    pub confirmed: bool,
    /// It stays in AWS when its object goes.
    pub retain: bool,
}

/// What is done about the id of what was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterMade {
    /// Write it down.
    Record,
    /// Nothing: somebody else found it, or another attempt is recorded, and the tags decide.
    LeaveToTags,
    /// Nothing: nobody looks after it any more, as was asked for.
    LeaveInAws,
    /// Delete it: nobody ever would.
    Undo,
}

/// Step 7 of the protocol, 200.
#[must_use]
pub fn after_made(facts: MadeFacts) -> AfterMade {
    match facts {
        MadeFacts { there: false, retain: true, .. } => AfterMade::LeaveInAws,
        MadeFacts { there: false, .. } => AfterMade::Undo,
        MadeFacts { stands: true, confirmed: false, .. } => AfterMade::Record,
        MadeFacts { .. } => AfterMade::LeaveToTags,
    }
}

/// Whether what was made may be deleted for a vanished object: only what carries the tag of the very attempt is known to
/// be that.
#[must_use]
pub(crate) fn may_undo(attempt: Option<&String>, tagged: Option<&String>) -> bool {
    attempt.is_some() && attempt == tagged
}

/// Whether a create that failed so is told and waits: AWS refuses it for certain, or says of what it is about something
/// else than it showed. With anything else the reconcile fails.
#[must_use]
pub(crate) fn refuses_create(fault: &AwsError) -> bool {
    contradicts(fault) || (fault.kind.proves_nothing_made() && holdable(fault))
}

/// The same of a deletion: what is used is waited out.
#[must_use]
pub(crate) fn refuses_deletion(fault: &AwsError) -> bool {
    contradicts(fault) || in_use(fault)
}

/// The same where another one stands beside it, so that nothing is held up by it.
#[must_use]
pub(crate) fn refuses_deletion_of_old(fault: &AwsError) -> bool {
    refuses_deletion(fault) || of_one_call(fault)
}

/// What AWS's answer to a call of an update means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCall {
    /// It took the call, for something new or for the first time.
    Taken {
        /// What it leads to is believed before a look shows it.
        believed: bool,
    },
    /// It took the same call before and has not shown that since: this one tells nothing new.
    TakenAgain,
    /// It was done already: its other answers lag behind.
    DoneAlready,
    /// It did not carry out this one call: others may go on.
    Refused,
    /// The reconcile fails with it.
    Failed,
}

impl AfterCall {
    /// Whether AWS has what the call says, as far as it answered.
    #[must_use]
    pub(crate) fn is_accepted(self) -> bool {
        match self {
            Self::Taken { .. } | Self::TakenAgain | Self::DoneAlready => true,
            Self::Refused | Self::Failed => false,
        }
    }
}

/// What the answer means, with what was remembered of the same call.
#[must_use]
pub(crate) fn after_call(fault: Option<&AwsError>, before: Option<Accepted>, at: Instant, lag: Duration) -> AfterCall {
    match (fault, before) {
        (None, None) => AfterCall::Taken { believed: true },
        // Once and so long ago: this is for something new, somebody changed it again.
        (None, Some(before)) if before.times == 1 && at.duration_since(before.at) >= lag => {
            AfterCall::Taken { believed: false }
        }
        (None, Some(_)) => AfterCall::TakenAgain,
        (Some(fault), _) if done_already(fault) => AfterCall::DoneAlready,
        (Some(fault), _) if of_one_call(fault) => AfterCall::Refused,
        (Some(_), _) => AfterCall::Failed,
    }
}

/// What was to be imported is there, or what was to be deleted is not: nothing was refused.
fn done_already(fault: &AwsError) -> bool {
    match fault.kind {
        // What is changed as others have it is refused.
        AwsErrorKind::Exists => !fault.operation.starts_with("Update"),
        AwsErrorKind::NotFound => fault.operation.starts_with("Delete"),
        _ => false,
    }
}
