//! One AWS object per Kubernetes object, whatever happens: the operator as it is wired, in a simulated world with virtual
//! time, in which every call can crash, stall, lose its answer or lie. Oracles watch every run, whatever it is about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod acts;
#[path = "../support/admission/mod.rs"]
mod admission;
mod adoptions;
mod agreements;
mod approval;
mod canonical;
mod certificates;
mod connectors;
mod crowd;
mod defects;
mod doors;
mod ending;
mod growth;
mod interrupted;
mod kube_api;
mod kube_watch;
mod lint;
mod offline;
mod operator;
mod oracle;
mod past;
mod plans;
mod process;
mod reasons;
mod renewals;
mod rest;
mod rest_of_partners;
mod rights;
mod runs;
mod satisfy;
mod scenarios;
mod sdk;
mod secrecy;
mod seeded;
mod setup;
mod stage;
mod states;
mod watches;
mod way;
mod web_apps;
mod workflows;
mod world;

use plans::{FAMILIES, Scale};
use runs::{References, run, run_all};
use setup::Setup;

/// Every family in turn, so that their lines stand together; the processors are shared within a family.
#[test]
fn no_plan_of_any_family_breaks_an_oracle() {
    let references = References::new();
    let only = std::env::var("FAMILY").ok();
    // For a first look: every n-th plan, those of one workflow, or the walks of one kind.
    let every = std::env::var("EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(1);
    let workflow = std::env::var("WORKFLOW").ok();
    let kind = std::env::var("KIND").ok();
    let mut failures = Vec::new();
    let mut plans = 0;
    for family in FAMILIES
        .iter()
        .filter(|family| only.as_deref().is_none_or(|only| only.split(',').any(|only| only == family.name)))
    {
        let mut of = (family.plans)(&references, Scale::asked());
        of.retain(|plan| workflow.as_deref().is_none_or(|name| plan.workflow.name == name));
        of.retain(|plan| kind.as_deref().is_none_or(|kind| plan.setup.script["kind"] == kind));
        let of: Vec<_> = of.into_iter().step_by(every).collect();
        let report = run_all(family.name, &of, &references);
        let some = report.struck > 0 || report.plans == 0 || workflow.is_some() || kind.is_some();
        assert!(some, "{}: no fault of {} plans struck", report.family, report.plans);
        plans += report.plans;
        failures.extend(report.failures);
    }
    println!("{plans} plans");
    let known = |name: &str| FAMILIES.iter().any(|family| family.name == name);
    assert!(only.iter().flat_map(|only| only.split(',')).all(known), "FAMILY {only:?} names one that there is not");
    assert!(plans > 0, "no plan has WORKFLOW {workflow:?} and KIND {kind:?}");
    // Short enough for the end of a log to show them all: the plan's name is what its replay needs.
    let shown: Vec<String> = failures.iter().take(20).map(|failure| failure.chars().take(400).collect()).collect();
    assert!(failures.is_empty(), "{} plans failed:\n{}", failures.len(), shown.join("\n"));
}

/// `PLAN='family/workflow/…' make replay` runs one plan again and prints every call.
#[test]
#[ignore = "only with PLAN: runs one plan again"]
fn replay() {
    let id = std::env::var("PLAN").expect("PLAN names the plan to run again");
    let references = References::new();
    let family = FAMILIES.iter().find(|family| id.starts_with(&format!("{}/", family.name))).expect("no such family");
    let scales = [Scale::Test, Scale::Soak].into_iter();
    let plan =
        scales.flat_map(|scale| (family.plans)(&references, scale)).find(|plan| plan.id == id).expect("no such plan");
    let outcome = run(plan.workflow, plan.setup.clone());
    for line in &outcome.lines {
        println!("{line}");
    }
    assert_eq!(references.judge(&plan, &outcome), Vec::<String>::new());
}

#[test]
fn a_hundred_seeds_run_twice_leave_the_same_trace() {
    for seed in 0..50 {
        let workflow = workflows::ALL[usize::try_from(seed).unwrap() % workflows::ALL.len()];
        let setup = Setup { rest: 1, ..Setup::new(seed) };
        let (first, second) = (run(workflow, setup.clone()), run(workflow, setup));
        assert_eq!(first.trace, second.trace, "{} seed {seed}", workflow.name);
        assert_eq!(first.violations, Vec::<String>::new(), "{} seed {seed}", workflow.name);
    }
    // With two processes, deaths, freezes, lost answers and lag; the steps meet every workflow and every trouble.
    let references = References::new();
    let two = plans::replicas::two(&references, Scale::Test).into_iter().step_by(79).take(25);
    let pairs = plans::crashes::pairs(&references, Scale::Test).into_iter().step_by(16).take(25);
    for plan in two.chain(pairs) {
        let (first, second) = (run(plan.workflow, plan.setup.clone()), run(plan.workflow, plan.setup.clone()));
        assert_eq!(first.trace, second.trace, "{}", plan.id);
        assert_eq!(references.judge(&plan, &first), Vec::<String>::new(), "{}", plan.id);
    }
}

#[test]
fn a_late_delete_hits_a_namesake_which_is_made_anew() {
    let outcome = runs::watched(scenarios::a_late_delete_of_a_user(), |stage| {
        Box::pin(scenarios::a_user_made_anew_while_a_delete_is_frozen(stage))
    });
    scenarios::only(&outcome, &["O3: DeleteUser for \"alice\", which nobody deletes"]);
}

#[test]
fn a_forged_record_gives_away_somebodys_access_and_no_more() {
    let outcome = runs::watched(Setup::new(1), |stage| Box::pin(scenarios::a_forged_record_of_an_access(stage)));
    let on = |operation: &str| format!("O3: {operation} on an access that we did not make");
    scenarios::only(&outcome, &[&on("UpdateAccess"), &on("DeleteAccess")]);
}

#[test]
fn a_certificates_end_is_judged_by_what_its_object_said_then() {
    let said =
        runs::watched(Setup::new(1), |stage| Box::pin(renewals::an_end_of_the_object_that_it_takes_back_later(stage)));
    scenarios::only(&said, &[]);
    let unsaid = runs::watched(Setup::new(1), |stage| {
        Box::pin(renewals::an_end_in_the_console_before_the_object_is_deleted(stage))
    });
    scenarios::only(&unsaid, &["O15: "]);
}

#[test]
fn each_known_defect_is_seen_and_the_same_plans_hold_without_it() {
    let references = References::new();
    let (mut blind, mut tried) = (Vec::new(), 0);
    // For a first look: one of them.
    let only = std::env::var("DEFECT").ok();
    for defect in defects::ALL.into_iter().filter(|defect| only.as_deref().is_none_or(|only| only == defect.name)) {
        tried += 1;
        assert_eq!(defects::sound(&references, defect), Vec::<String>::new(), "{} taken out", defect.name);
        match defects::seen(&references, defect) {
            Some(failure) => println!("{}: {}", defect.name, failure.chars().take(160).collect::<String>()),
            None => blind.push(defect.name),
        }
    }
    assert_eq!(blind, Vec::<&str>::new(), "not seen");
    assert!(tried > 0, "no defect is DEFECT {only:?}");
}

#[test]
fn the_runs_read_and_write_awss_json_as_the_sdk_does() {
    let references = References::new();
    let workflows = workflows::ALL.iter().map(|workflow| (workflow.name.to_owned(), *workflow, Setup::new(runs::SEED)));
    // These make more of the calls, with more of the members.
    let pairs =
        plans::walks::all(&references, Scale::Test).into_iter().map(|plan| (plan.id, plan.workflow, plan.setup));
    let pairs = pairs.filter(|(id, ..)| id.starts_with("walks/pairs/") && id.ends_with("-0"));
    for (id, workflow, setup) in workflows.chain(pairs) {
        let outcome = run(workflow, Setup { put_in: Some(sdk::put_in), rest: 1, ..setup });
        assert_eq!(outcome.violations, Vec::<String>::new(), "{id}");
    }
}

/// Of the plans each is held against its workflow without faults; these are the numbers that a person counts.
#[test]
fn a_server_is_stopped_once_for_an_edit_and_for_its_first_addresses() {
    let expected = [
        // The first addresses, and three edits of the network; security groups take none.
        ("W2-elastic", 4),
        // There, with an edit in the middle that joins the stop or takes one of its own; and back.
        ("W4-offline", 2),
        ("W4-own-endpoint", 1),
        ("W4-own-to-elastic", 1),
        ("W4-moves", 2),
        ("W4-addresses", 2),
        ("W4-restart", 2),
        ("W4-window", 1),
        ("W4-suspended", 1),
        ("W4-edited-back", 1),
        ("W4-deleted", 1),
        ("W4-retained", 1),
        ("W4-failed", 1),
        // The first addresses; what was cut short is begun anew.
        ("W4-revoked", 3),
        // Once more, as somebody started it in the middle.
        ("W4-contested", 2),
        ("W4-taken-back", 3),
        ("W4-approved", 2),
    ];
    let counted = expected.map(|(name, _)| {
        let outcome = run(workflows::named(name), Setup::new(runs::SEED));
        assert_eq!(outcome.violations, Vec::<String>::new(), "{name}");
        (name, outcome.stops)
    });
    assert_eq!(counted, expected);
    let offline = workflows::ALL.iter().filter(|workflow| workflow.name.starts_with("W4-"));
    assert!(offline.clone().all(|workflow| expected.iter().any(|(name, _)| *name == workflow.name)));
}

#[test]
fn an_edit_of_a_kms_key_is_sent_once() {
    let outcome = run(workflows::named("W11-kms-key"), Setup::new(runs::SEED));
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.points.iter().filter(|point| point.operation == "UpdateHostKey").count(), 2);
}

/// Walks add what no workflow does: tags of host keys and of workflows that come and go, say.
#[test]
fn the_printed_policy_allows_what_is_sent_and_nothing_else() {
    let references = References::new();
    let workflows = workflows::ALL.iter().map(|workflow| (workflow.name.to_owned(), *workflow, Setup::new(runs::SEED)));
    let pairs =
        plans::walks::all(&references, Scale::Test).into_iter().map(|plan| (plan.id, plan.workflow, plan.setup));
    let pairs = pairs.filter(|(id, ..)| id.starts_with("walks/pairs/") && id.ends_with("-0"));
    rights::nothing_else_is_allowed(&rights::sent_as_allowed(workflows.chain(pairs)));
}

/// O8: a workflow that was deleted and applied again waits for nothing.
#[test]
fn only_what_is_replaced_is_allowed_the_calls_of_the_wait() {
    let beside = ["W15-workflow", "W15-replaced"].map(|name| {
        let outcome = run(workflows::named(name), Setup::new(runs::SEED));
        outcome.made.values().map(|made| made.beside).sum::<u64>()
    });
    assert_eq!(beside, [0, 2]);
}

#[test]
fn an_update_that_a_kind_forgets_is_told_as_an_internal_error_and_seen() {
    let setup = Setup { put_in: Some(defects::forgotten_update::DEFECT.put_in), ..Setup::new(1) };
    let outcome = runs::watched(setup, |stage| Box::pin(scenarios::an_update_that_is_forgotten(stage)));
    scenarios::only(&outcome, &["O7: TransferServer team/files says that it met a defect"]);
}

#[test]
fn a_private_key_in_any_log_is_seen_and_runs_with_keys_are_searched() {
    let keyed = workflows::ALL.iter().find(|workflow| workflow.name == "W11-host-keys").unwrap();
    // The second one is the delivered operator, with what kube and its libraries log.
    for (real, least) in [(None, 10), (Some(setup::Streams::default()), 1000)] {
        let outcome = run(*keyed, Setup { rest: 1, real, ..Setup::new(1) });
        assert_eq!(outcome.violations, Vec::<String>::new());
        assert!(outcome.log_lines > least, "{} lines were searched", outcome.log_lines);
    }
    for key in workflows::HOST_KEYS {
        secrecy::search_for(key);
    }
    let line = workflows::HOST_KEYS[1].lines().nth(3).unwrap();
    tracing::trace!(target: "hyper", "sent {line:?}");
    tracing::trace!(target: "hyper", "sent something");
    let searched = secrecy::searched();
    assert_eq!((searched.lines, searched.leaks.len()), (2, 1), "{searched:?}");
}

#[test]
fn a_call_under_way_is_finished_and_recorded_before_the_process_ends() {
    // An answer is waited for, and so is the write of what it says.
    for (answer, write) in [(8, 0), (0, 8), (6, 6)] {
        let end = ending::while_creating(answer, write);
        let under_way = std::time::Duration::from_secs(answer + write - 1);
        assert!(end.took > under_way && end.took <= ending::BOUND, "{answer} + {write}: {:?}", end.took);
        assert!(end.recorded, "{answer} + {write}: the id is not in status");
        assert_eq!((end.servers, end.calls_after), (1, 0), "{answer} + {write}");
    }
}

#[test]
fn whatever_hangs_the_process_ends_in_time() {
    for (answer, write) in [(3600, 0), (0, 3600)] {
        let end = ending::while_creating(answer, write);
        let patient = std::time::Duration::from_secs(15);
        assert!(end.took > patient && end.took <= ending::BOUND, "{answer} + {write}: {:?}", end.took);
    }
    let idle = ending::at_rest();
    assert!(idle.took < std::time::Duration::from_secs(1), "{:?}", idle.took);
    assert!(idle.recorded);
}

/// One test per scenario; the name says what it proves.
macro_rules! scenarios {
    ($($name:ident: $setup:expr => $script:expr;)+) => {
        $(#[test]
        fn $name() {
            scenarios::play($setup, |stage| Box::pin(async move { $script(stage).await }));
        })+
    };
}

scenarios! {
    a_server_without_our_tags_is_left_alone_and_none_is_made: Setup::new(1) => scenarios::tags_are_stripped;
    a_lost_uid_is_taken_back_and_keys_are_revoked_meanwhile: Setup::new(1) => scenarios::uids_are_stripped;
    a_server_with_somebody_elses_tags_is_left_alone: Setup::new(1) => scenarios::tags_are_somebody_elses;
    a_restored_copy_of_the_cluster_touches_nothing: Setup::new(1) => async |stage| scenarios::a_copy_of_the_cluster(stage, false).await;
    a_copy_restored_without_status_touches_nothing: Setup::new(1) => async |stage| scenarios::a_copy_of_the_cluster(stage, true).await;
    a_restore_without_status_finds_everything_again: Setup::new(1) => scenarios::a_restore_without_status;
    a_host_key_that_clients_have_pinned_outlives_a_lost_status: Setup::new(1) => scenarios::a_replaced_host_key_and_a_lost_status;
    a_server_that_somebody_deleted_is_not_made_anew_by_itself: Setup::new(1) => scenarios::a_server_is_deleted_by_hand;
    five_of_six_servers_deleted_at_once_stay_until_a_person_says_yes: Setup::new(1) => scenarios::five_of_six_servers_are_deleted;
    beyond_the_window_one_duplicate_and_no_more_which_the_scan_tells_of: scenarios::beyond_the_window() => scenarios::a_listing_that_lags_beyond_the_window;
    an_access_without_its_record_stays_and_leaves_a_warning: Setup::new(1) => scenarios::an_access_without_its_record;
    a_revoked_login_does_not_come_back_from_a_frozen_process: scenarios::a_late_create_of_a_user() => scenarios::a_user_deleted_while_its_create_is_frozen;
    a_refused_update_is_told_and_healed: scenarios::refusing_updates() => scenarios::an_update_that_is_refused;
    a_refused_member_of_a_server_holds_back_nothing_else: Setup::new(1) => scenarios::one_member_that_is_refused;
    an_edit_of_an_identity_costs_those_that_it_does_not_bear_on_nothing: scenarios::without_resync() => scenarios::an_edit_that_bears_on_nobody;
    a_server_id_forged_to_another_object_touches_neither: Setup::new(1) => scenarios::a_server_id_of_another_object;
    a_forged_server_id_gives_no_logins_elsewhere: Setup::new(1) => scenarios::a_forged_server_gives_no_logins;
}

/// `RECORD=1` keeps what was seen. What tools make of it: ``$(tools/build-gitops judge)/gitops table -write .``.
#[test]
fn each_state_that_is_kept_for_gitops_is_one_that_the_operator_writes() {
    let recorded = states::recorded();
    if std::env::var("RECORD").is_ok() {
        states::keep(&recorded);
    }
    let kept = states::kept();
    assert!(kept.len() >= 40, "{} states", kept.len());
    for (name, object) in kept {
        assert_eq!(states::state(&object), name, "the name of a state says what it is");
        assert!(recorded.contains_key(&name), "nothing ever was in this state: {name}");
    }
}
