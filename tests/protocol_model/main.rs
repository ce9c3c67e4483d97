//! The protocol for creating and deleting a server, model checked around the operator's own decisions.
//! docs/protocol-model.md says what is modelled and what is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "how long a search took is printed")]

mod decision;
mod keyed;
mod model;
mod replica;
mod stop;
mod undisturbed;
mod world;

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use model::{
    Broken, CLAIMS, FINALIZER, LATE_CREATE, LEAVES, NO_FOREIGN_DELETE, NOT_CUT_OFF, ONE_SERVER, Protocol, REPLACES,
    SETTLES, TWO_AT_MOST, Window,
};

/// AWS in the model, in ticks.
const TOLERANCE: u8 = 1;
const LAG: u8 = 1;

/// Two replicas, one object, and windows that are exactly as long as AWS needs them.
fn protocol() -> Protocol {
    Protocol {
        replicas: 2,
        objects: 1,
        tolerance: TOLERANCE,
        lag: LAG,
        window: Window { tolerance: TOLERANCE, lag: LAG },
        recreates: false,
        wipes: false,
        forges: false,
        replaces: false,
        swaps: false,
        spends: false,
        rest: 0,
        claimed: false,
        loses: false,
        broken: None,
    }
}

/// The same of a kind that AWS cannot change, from where it is there and used: edits of the spec, and what uses it moves.
fn replacing() -> Protocol {
    Protocol { replaces: true, rest: LAG, claimed: true, ..protocol() }
}

/// Searches without an end to the runs, where the states come to an end of their own.
const ALL: usize = 100_000;

/// Every state within the depth holds what must always hold. A soak goes deeper, by the environment.
fn holds(what: &str, protocol: Protocol, depth: usize) {
    let start = Instant::now();
    let deeper: usize = std::env::var("PROTOCOL_MODEL_DEEPER").map_or(0, |text| text.parse().unwrap());
    let depth = depth + deeper;
    let checker = protocol.checker().target_max_depth(depth).spawn_bfs().join();
    let (unique, generated, deepest) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    let all = deepest < depth;
    let reach = if all { "runs of any length" } else { "all runs of this depth" };
    let (replaces, leaves) = (checker.model().claimed, checker.model().spends);
    println!("{what}: {unique} states, {generated} steps, depth {deepest} ({reach}), {:.1?}", start.elapsed());
    for property in [ONE_SERVER, TWO_AT_MOST, NOT_CUT_OFF, NO_FOREIGN_DELETE, FINALIZER, SETTLES] {
        checker.assert_no_discovery(property);
    }
    assert!(unique > 1000, "{unique} states are no search");
    if all {
        // Otherwise nothing would have been at stake.
        checker.assert_any_discovery(CLAIMS);
        checker.assert_any_discovery(LATE_CREATE);
    }
    if replaces {
        checker.assert_any_discovery(REPLACES);
    }
    if leaves {
        checker.assert_any_discovery(LEAVES);
    }
}

/// The search finds that this does not hold; the shortest way there is printed.
fn fails(what: &str, protocol: Protocol, property: &'static str) {
    let start = Instant::now();
    let finish = HasDiscoveries::AnyOf([property].into());
    let checker = protocol.checker().finish_when(finish).target_max_depth(40).spawn_bfs().join();
    let unique = checker.unique_state_count();
    let path = checker.discovery(property).unwrap_or_else(|| panic!("{what}: not found in {unique} states"));
    let steps = path.into_actions();
    println!("{what}: \"{property}\" fails after {} steps, {unique} states, {:.1?}", steps.len(), start.elapsed());
    for step in steps {
        println!("    {step:?}");
    }
}

#[test]
fn one_object() {
    holds("one object", protocol(), ALL);
}

#[test]
fn one_object_where_a_signature_lasts_longer_than_the_lag() {
    let window = Window { tolerance: 2, lag: 1 };
    holds("one object, tolerance 2", Protocol { tolerance: 2, window, ..protocol() }, ALL);
}

#[test]
fn one_object_where_the_lag_is_longer_than_a_signature_lasts() {
    let window = Window { tolerance: 1, lag: 2 };
    holds("one object, lag 2", Protocol { lag: 2, window, ..protocol() }, ALL);
}

#[test]
fn one_object_that_is_deleted_and_applied_again() {
    holds("one object, applied again", Protocol { recreates: true, ..protocol() }, 30);
}

#[test]
fn one_object_whose_status_is_wiped() {
    holds("one object, status wiped", Protocol { wipes: true, ..protocol() }, ALL);
}

#[test]
fn two_objects() {
    holds("two objects", Protocol { objects: 2, ..protocol() }, 18);
}

#[test]
fn two_objects_with_ids_forged_into_status() {
    holds("two objects, ids forged", Protocol { objects: 2, replicas: 1, forges: true, ..protocol() }, 28);
}

#[test]
fn a_window_without_the_tolerance_gives_two_servers() {
    fails(
        "window 1 of 2, no tolerance",
        Protocol { window: Window { tolerance: 0, lag: LAG }, ..protocol() },
        ONE_SERVER,
    );
}

#[test]
fn a_window_without_the_lag_gives_two_servers() {
    fails(
        "window 1 of 2, no lag",
        Protocol { window: Window { tolerance: TOLERANCE, lag: 0 }, ..protocol() },
        ONE_SERVER,
    );
}

#[test]
fn a_create_that_is_sent_before_its_record_gives_two_servers() {
    fails("call before record", Protocol { broken: Some(Broken::CallsBeforeRecord), ..protocol() }, ONE_SERVER);
}

#[test]
fn a_call_signed_when_it_is_sent_gives_two_servers() {
    fails("signed when sent", Protocol { broken: Some(Broken::SignedWhenSent), ..protocol() }, ONE_SERVER);
}

#[test]
fn a_window_from_the_signature_of_an_answered_call_gives_two_servers() {
    fails("lag from signature", Protocol { broken: Some(Broken::CountsFromSignature), ..protocol() }, ONE_SERVER);
}

#[test]
fn an_attempt_written_without_a_version_gives_two_servers() {
    fails("no resourceVersion", Protocol { broken: Some(Broken::WritesWithoutVersion), ..protocol() }, ONE_SERVER);
}

#[test]
fn a_deletion_without_recovery_leaves_a_server_behind() {
    fails("no recovery", Protocol { broken: Some(Broken::DeletesWithoutRecovery), ..protocol() }, FINALIZER);
}

#[test]
fn a_deletion_that_trusts_status_takes_a_foreign_server() {
    let protocol = Protocol { objects: 2, replicas: 1, forges: true, broken: Some(Broken::TrustsStatus), ..protocol() };
    fails("status trusted", protocol, NO_FOREIGN_DELETE);
}

#[test]
fn an_operator_that_never_gives_a_create_up_does_not_settle() {
    fails("never given up", Protocol { broken: Some(Broken::NeverGivesUp), ..protocol() }, SETTLES);
}

#[test]
fn one_object_that_is_replaced() {
    holds("replaced", replacing(), 18);
}

#[test]
fn one_object_that_is_created_and_replaced() {
    holds("created and replaced", Protocol { claimed: false, ..replacing() }, 18);
}

#[test]
fn one_object_that_is_replaced_by_one_replica() {
    holds("replaced, one replica", Protocol { replicas: 1, ..replacing() }, 24);
}

#[test]
fn one_object_that_is_replaced_and_whose_status_is_wiped() {
    holds("replaced, status wiped", Protocol { wipes: true, ..replacing() }, 14);
}

#[test]
fn one_object_that_is_replaced_while_somebody_deletes_in_aws() {
    holds("replaced, lost in AWS", Protocol { replicas: 1, loses: true, ..replacing() }, 22);
}

/// The same of a kind that takes the old one again where it is wanted again.
fn swapping() -> Protocol {
    Protocol { swaps: true, ..replacing() }
}

#[test]
fn one_object_whose_replacement_is_taken_back() {
    holds("swapped", swapping(), 18);
}

#[test]
fn one_object_whose_replacement_is_taken_back_by_one_replica() {
    holds("swapped, one replica", Protocol { replicas: 1, ..swapping() }, 24);
}

#[test]
fn one_object_whose_replacement_is_taken_back_and_whose_status_is_wiped() {
    holds("swapped, status wiped", Protocol { wipes: true, ..swapping() }, 14);
}

#[test]
fn one_object_that_is_swapped_back_while_somebody_deletes_in_aws() {
    holds("swapped, lost in AWS", Protocol { replicas: 1, loses: true, ..swapping() }, 22);
}

/// The same of a kind whose old one may be kept for ever by what cannot use it any more.
fn spending() -> Protocol {
    Protocol { spends: true, ..replacing() }
}

#[test]
fn one_object_whose_replaced_one_is_kept_for_ever() {
    holds("kept", spending(), 18);
}

#[test]
fn one_object_whose_replaced_one_is_kept_for_ever_by_one_replica() {
    holds("kept, one replica", Protocol { replicas: 1, ..spending() }, 26);
}

#[test]
fn one_object_whose_replaced_one_is_kept_for_ever_and_may_be_wanted_again() {
    holds("kept and swapped", Protocol { swaps: true, ..spending() }, 18);
}

#[test]
fn one_object_whose_replaced_one_is_kept_or_wanted_again_by_one_replica() {
    holds("kept and swapped, one replica", Protocol { replicas: 1, swaps: true, ..spending() }, 26);
}

#[test]
fn an_old_one_that_is_swapped_back_while_it_may_be_deleted_is_lost() {
    fails("swapped too late", Protocol { broken: Some(Broken::SwapsWhatIsDeleted), ..swapping() }, NOT_CUT_OFF);
}

#[test]
fn a_second_create_without_a_record_gives_a_third() {
    fails(
        "replaced without record",
        Protocol { broken: Some(Broken::ReplacesWithoutRecord), ..replacing() },
        TWO_AT_MOST,
    );
}

#[test]
fn an_old_one_that_goes_at_once_is_taken_from_what_uses_it() {
    fails("deleted while used", Protocol { broken: Some(Broken::DeletesWhatIsUsed), ..replacing() }, NOT_CUT_OFF);
}

#[test]
fn an_old_one_that_comes_back_while_its_deletion_is_under_way_is_lost() {
    let broken = Some(Broken::TakesBackWhatIsDeleted);
    fails("taken back too late", Protocol { broken, replicas: 1, loses: true, ..replacing() }, NOT_CUT_OFF);
}

#[test]
fn a_forgotten_create_that_is_not_waited_for_gives_a_third() {
    let broken = Some(Broken::ForgetsCreates);
    fails("forgotten create", Protocol { broken, wipes: true, ..replacing() }, TWO_AT_MOST);
}
