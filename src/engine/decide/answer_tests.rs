//! What an answer of AWS says, row by row.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio::time::Instant;

use super::Identity;
use super::answer::{
    AfterCall, AfterMade, AttemptFacts, AttemptRecord, CreateEnd, MadeFacts, after_attempt, after_call, after_made,
    may_undo, refuses_create, refuses_deletion, refuses_deletion_of_old, tries,
};
use crate::aws::rate_limiter::SENT_AT_MOST;
use crate::aws::{AwsError, AwsErrorKind};
use crate::engine::memory::Accepted;

const ALL: [Identity; 3] = [Identity::Tagged, Identity::Keyed, Identity::Recorded];

fn ended(identity: Identity, end: CreateEnd) -> AttemptFacts {
    AttemptFacts { identity, end, sent_before: false, unresolved: false, made_before: false, last: true }
}

fn failed(identity: Identity, kind: AwsErrorKind) -> AttemptFacts {
    ended(identity, CreateEnd::Failed(kind))
}

fn record(facts: AttemptFacts) -> AttemptRecord {
    after_attempt(&facts).record
}

#[test]
fn only_a_proof_that_nothing_was_made_ends_the_record_of_an_attempt() {
    let proofs = [AwsErrorKind::Rejected, AwsErrorKind::Denied, AwsErrorKind::Quota, AwsErrorKind::Skewed];
    for identity in ALL {
        for kind in proofs {
            assert_eq!(record(failed(identity, kind)), AttemptRecord::Rejected, "{identity:?} {kind:?}");
        }
        for (kind, answered) in [(AwsErrorKind::Unavailable, true), (AwsErrorKind::Lost, false)] {
            // Whatever is known of earlier attempts.
            for known in [false, true] {
                let facts = AttemptFacts { made_before: known, unresolved: known, ..failed(identity, kind) };
                assert_eq!(record(facts), AttemptRecord::InFlight { answered }, "{identity:?} {kind:?}");
            }
        }
    }
}

#[test]
fn what_an_earlier_attempt_may_have_made_keeps_its_record() {
    let rejected = |identity| failed(identity, AwsErrorKind::Rejected);
    let (sent, unresolved) = (
        |identity| AttemptFacts { sent_before: true, ..rejected(identity) },
        |identity| AttemptFacts { unresolved: true, ..rejected(identity) },
    );
    for (facts, expected, why) in [
        (sent(Identity::Keyed), AttemptRecord::AsBefore, "the finalizer is the record of all its creates"),
        (unresolved(Identity::Recorded), AttemptRecord::AsBefore, "the record stands for both"),
        (sent(Identity::Recorded), AttemptRecord::Rejected, "the attempt before that one is known to be over"),
        (unresolved(Identity::Keyed), AttemptRecord::Rejected, "none of this process was sent"),
        (unresolved(Identity::Tagged), AttemptRecord::Rejected, "none is sent while one is unresolved"),
    ] {
        assert_eq!(record(facts), expected, "{why}");
    }
}

#[test]
fn what_exists_already_is_nobodys_proof_that_nothing_was_made() {
    let exists = |identity| failed(identity, AwsErrorKind::Exists);
    assert_eq!(record(exists(Identity::Keyed)), AttemptRecord::AsBefore, "its tags tell");
    assert_eq!(record(exists(Identity::Recorded)), AttemptRecord::Rejected, "somebody else's");
    let made = AttemptFacts { made_before: true, ..exists(Identity::Recorded) };
    assert_eq!(record(made), AttemptRecord::AsBefore, "it was not lost");
}

#[test]
fn a_create_that_was_not_sent_or_throttled_has_nothing_to_take_back() {
    for (identity, expected) in [
        (Identity::Tagged, AttemptRecord::Rejected),
        (Identity::Keyed, AttemptRecord::AsBefore),
        (Identity::Recorded, AttemptRecord::Rejected),
    ] {
        assert_eq!(record(ended(identity, CreateEnd::NotSent)), expected, "{identity:?}");
    }
    let throttled = |last| AttemptFacts { last, ..failed(Identity::Keyed, AwsErrorKind::Throttled) };
    assert_eq!(record(throttled(false)), AttemptRecord::AsBefore, "another one follows");
    assert_eq!(record(throttled(true)), AttemptRecord::Rejected);
}

#[test]
fn a_create_goes_again_at_once_only_where_no_record_stands_for_it() {
    assert_eq!(ALL.map(tries), [1, SENT_AT_MOST, 1]);
    for identity in [Identity::Tagged, Identity::Recorded] {
        assert_eq!(record(failed(identity, AwsErrorKind::Throttled)), AttemptRecord::Rejected, "{identity:?}");
    }
}

#[test]
fn a_key_is_looked_at_once_something_may_stand_there() {
    let after = |identity, kind| {
        let after = after_attempt(&failed(identity, kind));
        (after.sent, after.contradicted)
    };
    let rows = [
        (AwsErrorKind::Lost, (true, false)),
        (AwsErrorKind::Unavailable, (true, false)),
        (AwsErrorKind::Exists, (true, false)),
        (AwsErrorKind::NotFound, (false, true)),
        (AwsErrorKind::Rejected, (false, false)),
    ];
    for (kind, expected) in rows {
        assert_eq!(after(Identity::Keyed, kind), expected, "{kind:?}");
        for identity in [Identity::Tagged, Identity::Recorded] {
            assert_eq!(after(identity, kind), (false, false), "it is looked at anyway: {kind:?}");
        }
    }
}

#[test]
fn what_was_made_for_a_vanished_object_goes_unless_it_was_to_stay() {
    let there = MadeFacts { there: true, stands: true, confirmed: false, retain: false };
    for (facts, expected, why) in [
        (there, AfterMade::Record, "its id is written down"),
        (MadeFacts { retain: true, ..there }, AfterMade::Record, "also where it is to stay"),
        (MadeFacts { confirmed: true, ..there }, AfterMade::LeaveToTags, "somebody else found it"),
        (MadeFacts { stands: false, ..there }, AfterMade::LeaveToTags, "another attempt is recorded"),
        (MadeFacts { there: false, ..there }, AfterMade::Undo, "nobody would ever delete it"),
        (MadeFacts { there: false, retain: true, ..there }, AfterMade::LeaveInAws, "it was to stay"),
    ] {
        assert_eq!(after_made(facts), expected, "{why}");
    }
}

#[test]
fn only_what_carries_the_very_attempt_is_undone() {
    let (one, other) = ("a1".to_owned(), "a2".to_owned());
    assert!(may_undo(Some(&one), Some(&one)));
    for (attempt, tagged) in [(Some(&one), Some(&other)), (Some(&one), None), (None, None), (None, Some(&one))] {
        assert!(!may_undo(attempt, tagged), "{attempt:?} {tagged:?}");
    }
}

fn fault(operation: &'static str, kind: AwsErrorKind) -> AwsError {
    let (code, message) = ("Code".to_owned(), "no".to_owned());
    AwsError { operation, kind, code, message, resource_type: None, retry_after: None, date: None }
}

/// Which of a create, a deletion and one of what was replaced waits, instead of failing the reconcile.
#[test]
fn what_aws_refuses_waits_and_what_passes_by_itself_fails_the_reconcile() {
    let used =
        |operation| AwsError { message: "is still in use by s-1".into(), ..fault(operation, AwsErrorKind::Rejected) };
    let of = |kind| [fault("CreateUser", kind), fault("DeleteUser", kind), fault("DeleteUser", kind)];
    for (faults, expected) in [
        (of(AwsErrorKind::Rejected), [true, false, true]),
        (of(AwsErrorKind::Denied), [true, false, true]),
        (of(AwsErrorKind::NotFound), [true, true, true]),
        (of(AwsErrorKind::Exists), [true, true, true]),
        ([used("CreateUser"), used("DeleteUser"), used("DeleteUser")], [true, true, true]),
        (of(AwsErrorKind::Conflict), [false, false, true]),
        (of(AwsErrorKind::Lost), [false, false, true]),
        (of(AwsErrorKind::Throttled), [false, false, false]),
        (of(AwsErrorKind::Credentials), [false, false, false]),
    ] {
        let [create, delete, old] = &faults;
        let waits = [refuses_create(create), refuses_deletion(delete), refuses_deletion_of_old(old)];
        assert_eq!(waits, expected, "{create}");
    }
}

#[test]
fn an_answer_to_a_call_says_whether_it_was_new_done_or_refused() {
    let (start, lag) = (Instant::now(), Duration::from_mins(2));
    let taken = |ago: Duration, times| after_call(None, Some(Accepted { at: start, times }), start + ago, lag);
    assert_eq!(after_call(None, None, start, lag), AfterCall::Taken { believed: true });
    assert_eq!(taken(lag, 1), AfterCall::Taken { believed: false }, "somebody changed it again");
    assert_eq!(
        taken(lag.checked_sub(Duration::from_millis(1)).unwrap(), 1),
        AfterCall::TakenAgain,
        "AWS does not show it yet"
    );
    assert_eq!(taken(lag * 9, 2), AfterCall::TakenAgain, "it takes it and never carries it out");
    for (operation, kind, expected) in [
        ("ImportSshPublicKey", AwsErrorKind::Exists, AfterCall::DoneAlready),
        ("DeleteSshPublicKey", AwsErrorKind::NotFound, AfterCall::DoneAlready),
        ("UpdateUser", AwsErrorKind::Rejected, AfterCall::Refused),
        ("UpdateUser", AwsErrorKind::Lost, AfterCall::Refused),
        ("UpdateUser", AwsErrorKind::Throttled, AfterCall::Failed),
        ("UpdateUser", AwsErrorKind::Credentials, AfterCall::Failed),
    ] {
        assert_eq!(after_call(Some(&fault(operation, kind)), None, start, lag), expected, "{operation} {kind:?}");
    }
}
