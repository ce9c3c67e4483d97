#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use serde_json::json;

use super::*;
use crate::aws::transfer::{EndpointDetails, ServerSettings, UpdateServer};
use crate::engine::diff::Effect;

const NOW: &str = "2026-01-01T00:00:00Z";

fn server(state: &str) -> Server {
    Server { server_id: "s-1".to_owned(), state: Some(state.to_owned()), ..Server::default() }
}

fn change() -> Change {
    let (have, want) = (json!("IPV4"), json!("DUALSTACK"));
    Change { path: "ipAddressType".to_owned(), have, want, effect: Effect::Offline }
}

fn update() -> PlannedCall {
    let update = UpdateServer { server_id: "s-1".to_owned(), settings: Box::<ServerSettings>::default() };
    PlannedCall { operation: true, ..PlannedCall::new(Mutation::UpdateServer(update), vec![change()]) }
}

fn closed() -> Gate {
    Gate::Closed(Reason::new(reasons::OUTSIDE_WINDOW, "later"), Some("2026-01-02T00:00:00Z".parse().unwrap()))
}

/// A row: what is so, in words that `situation` reads.
struct Row(&'static str, &'static str, &'static str);

/// What is due, in a word: the call, `write PHASE`, `refused: PHASE`, a reason, or nothing.
fn told(due: &Due) -> String {
    let phase = |step: &OperationStep| match &step.record {
        None => "none".to_owned(),
        Some(record) => format!("{:?}", record.phase),
    };
    let mut words = Vec::new();
    words.extend(due.call.as_ref().map(|call| call.mutation.operation().to_owned()));
    words.extend(due.operation.as_ref().map(|step| {
        let when = if step.after_refusal { "refused:" } else { "write" };
        format!("{when} {}", phase(step))
    }));
    words.extend(due.block.as_ref().map(|block| format!("block {}", block.code)));
    words.extend(due.pending.as_ref().map(|(reason, _)| format!("pending {}", reason.code)));
    words.join(", ")
}

fn due(state: &str, words: &str) -> Due {
    let has = |word: &str| words.split(' ').any(|other| other == word);
    let phases = [
        ("stopping", OperationPhase::Stopping),
        ("stopped", OperationPhase::Stopped),
        ("taking-back", OperationPhase::TakingBack),
        ("starting", OperationPhase::Starting),
        ("withdrawn", OperationPhase::Withdrawn),
        ("given-up", OperationPhase::GivenUp),
    ];
    let record = phases.iter().find(|(word, _)| has(word)).map(|(_, phase)| OperationRecord {
        kind: if has("create") { OperationKind::Create } else { OperationKind::Offline },
        phase: *phase,
        started_at: (!has("undated")).then(|| {
            let past = if has("past") { "2025-12-31T23:40:00Z" } else { NOW };
            if has("late") { "2025-12-31T00:00:00Z" } else { past }.to_owned()
        }),
        prior_state: has("guarded").then(|| "ONLINE".to_owned()),
        stops: if has("twice") { 2 } else { 1 },
        refusal: has("refused").then(|| "no".to_owned()),
        plan_hash: has("spent").then(|| "1-plan".to_owned()),
        refused_digest: has("refused").then(|| if has("edited") { "other" } else { "digest" }.to_owned()),
        ..OperationRecord::default()
    });
    due_of(&server(state), record.as_ref(), words)
}

fn due_of(server: &Server, record: Option<&OperationRecord>, words: &str) -> Due {
    let has = |word: &str| words.split(' ').any(|other| other == word);
    let offline = if has("left") { vec![change()] } else { Vec::new() };
    next(&Situation {
        server,
        desired: if has("unwanted") { DesiredState::Offline } else { DesiredState::Online },
        offline: &offline,
        next: has("left").then(update),
        back: has("back").then(update),
        record,
        gate: if has("closed") {
            closed()
        } else if has("unreadable") {
            Gate::Closed(Reason::stalled(reasons::INVALID_SPEC, "no zone"), None)
        } else if has("unapproved") {
            Gate::Unapproved(Reason::new(reasons::APPROVAL_REQUIRED, "a person"))
        } else {
            Gate::Open
        },
        plan_hash: has("approved").then(|| "1-plan".to_owned()),
        unfit: has("unfit").then(|| Reason::new(reasons::WAITING_FOR_AWS, "pending")),
        unready: has("unready").then(|| Reason::new(reasons::WAITING_FOR_AWS, "pending")),
        digest: "digest",
        mode: match (has("finish"), has("restore")) {
            (true, _) => Mode::Finish,
            (_, true) => Mode::Restore,
            _ => Mode::Full,
        },
        now: NOW.parse().unwrap(),
    })
}

#[test]
fn each_step_follows_from_what_is_shown_recorded_and_allowed() {
    let rows = [
        // Nothing was begun.
        Row("ONLINE", "", ""),
        Row("ONLINE", "left", "write Stopping"),
        Row("ONLINE", "left closed", "pending OutsideWindow"),
        Row("ONLINE", "left unfit", "block WaitingForAws"),
        Row("ONLINE", "left unreadable", "block InvalidSpec"),
        Row("OFFLINE", "left stopped unreadable", "UpdateServer, refused: TakingBack"),
        Row("OFFLINE", "left starting unreadable", "StartServer"),
        Row("ONLINE", "left withdrawn unfit", "block WaitingForAws"),
        Row("ONLINE", "left finish", ""),
        Row("ONLINE", "left restore", ""),
        Row("STARTING", "left", ""),
        Row("STOPPING", "left", ""),
        Row("OFFLINE", "left", "write Stopped"),
        Row("OFFLINE", "left closed", "write Stopped"),
        Row("OFFLINE", "left unwanted", "UpdateServer"),
        Row("ONLINE", "left unwanted", ""),
        // A person has to say yes, whoever stopped it.
        Row("ONLINE", "left unapproved", "pending ApprovalRequired"),
        Row("OFFLINE", "left unapproved", "pending ApprovalRequired"),
        Row("OFFLINE", "left unapproved unwanted", "UpdateServer"),
        Row("OFFLINE", "left stopped unapproved", "UpdateServer, refused: TakingBack"),
        Row("ONLINE", "left stopped unapproved", "write GivenUp"),
        Row("ONLINE", "left stopping unapproved", "write Withdrawn"),
        Row("ONLINE", "left withdrawn unapproved", "pending ApprovalRequired"),
        Row("OFFLINE", "left withdrawn unapproved", "write TakingBack"),
        // The stop may have been sent.
        Row("ONLINE", "left stopping", "StopServer"),
        Row("ONLINE", "left stopping closed", "write Withdrawn"),
        Row("ONLINE", "left stopping finish", "write Withdrawn"),
        Row("ONLINE", "stopping", "write Withdrawn"),
        Row("STOPPING", "left stopping", ""),
        Row("STARTING", "left stopping create", ""),
        Row("ONLINE", "left stopping create closed", "StopServer"),
        Row("ONLINE", "left stopping create unfit", "block WaitingForAws"),
        // Suspended before it had its first addresses: it may be in use by the time it goes on.
        Row("ONLINE", "left stopping create closed finish", "write Withdrawn"),
        Row("OFFLINE", "left stopping closed", "write Stopped"),
        Row("STOP_FAILED", "left stopping", "StopServer, block StopFailed"),
        Row("STOP_FAILED", "left stopping closed", "StartServer, block StopFailed"),
        Row("STOP_FAILED", "left stopping finish", "StartServer, block StopFailed"),
        Row("STOP_FAILED", "left stopping restore", "StartServer, block StopFailed"),
        Row("START_FAILED", "stopping", "StartServer, block StartFailed"),
        Row("ONLINE", "left given-up refused edited approved", "write Stopping"),
        Row("ONLINE", "left given-up refused edited approved spent", "block ChangeRefused"),
        // It is OFFLINE.
        Row("OFFLINE", "left stopped", "UpdateServer, refused: TakingBack"),
        Row("OFFLINE", "left stopped closed finish", "UpdateServer, refused: TakingBack"),
        Row("OFFLINE", "left stopped restore", "write Starting"),
        Row("OFFLINE", "left back stopped restore", "UpdateServer, refused: Starting"),
        Row("OFFLINE", "stopped", "write Starting"),
        Row("OFFLINE", "left stopped unready", ""),
        Row("OFFLINE", "left stopped unready late", "UpdateServer, refused: TakingBack"),
        Row("ONLINE", "left stopped", "write Stopping"),
        Row("ONLINE", "left stopped closed", "write GivenUp"),
        Row("ONLINE", "left stopped create closed", "write Stopping"),
        Row("ONLINE", "left stopped twice", "write GivenUp"),
        Row("ONLINE", "stopped", "write Withdrawn"),
        Row("STARTING", "left stopped", ""),
        Row("OFFLINE", "left taking-back refused", "write Starting"),
        Row("OFFLINE", "left back taking-back refused", "UpdateServer, refused: Starting"),
        Row("ONLINE", "left taking-back refused", "write GivenUp"),
        // It is started.
        Row("OFFLINE", "left starting", "StartServer"),
        Row("OFFLINE", "starting unready", ""),
        Row("OFFLINE", "starting unready late", "StartServer"),
        Row("OFFLINE", "left starting finish", "StartServer"),
        Row("OFFLINE", "left starting restore", "StartServer"),
        Row("STARTING", "starting", ""),
        Row("ONLINE", "starting", "write Withdrawn"),
        Row("ONLINE", "left starting refused", "write GivenUp"),
        Row("START_FAILED", "starting", "StartServer, block StartFailed"),
    ];
    agrees(&rows);
}

/// What is refused, taken back or done leaves a record until nothing can arrive any more.
#[test]
fn what_is_over_is_guarded_as_long_as_something_may_arrive() {
    let rows = [
        // No stop is sent any more.
        Row("ONLINE", "withdrawn", ""),
        Row("ONLINE", "withdrawn late", "write none"),
        Row("ONLINE", "withdrawn undated", "write Withdrawn"),
        Row("ONLINE", "left withdrawn", "write Stopping"),
        Row("ONLINE", "left withdrawn closed", "pending OutsideWindow"),
        Row("ONLINE", "left withdrawn finish", ""),
        Row("OFFLINE", "left withdrawn", "write Stopped"),
        Row("OFFLINE", "left withdrawn closed", "write Stopped"),
        Row("OFFLINE", "left withdrawn finish", "write TakingBack"),
        Row("OFFLINE", "withdrawn restore", "write TakingBack"),
        Row("ONLINE", "withdrawn unwanted", "write none"),
        Row("OFFLINE", "left withdrawn unwanted", "write none"),
        // AWS refused it.
        Row("ONLINE", "left given-up refused", "block ChangeRefused"),
        Row("ONLINE", "left given-up refused edited", "write Stopping"),
        Row("ONLINE", "left given-up refused edited closed", "pending OutsideWindow"),
        Row("ONLINE", "given-up refused", "write none"),
        Row("OFFLINE", "left given-up refused", "block ChangeRefused"),
        Row("ONLINE", "left given-up refused finish", ""),
        // One more stop of it may arrive.
        Row("OFFLINE", "given-up refused guarded finish", "write TakingBack"),
        Row("OFFLINE", "left given-up refused guarded", "write TakingBack"),
        Row("OFFLINE", "left given-up refused guarded edited", "write Stopped"),
        Row("OFFLINE", "left given-up refused guarded edited unapproved", "write TakingBack"),
        Row("OFFLINE", "left given-up refused guarded edited finish", "write TakingBack"),
        Row("OFFLINE", "given-up refused guarded late finish", "write GivenUp"),
        Row("OFFLINE", "given-up refused late finish", ""),
        Row("OFFLINE", "left given-up refused guarded late", "block ChangeRefused"),
        Row("ONLINE", "left given-up refused guarded unwanted", "write GivenUp"),
        Row("ONLINE", "left given-up refused unwanted", "block ChangeRefused"),
        Row("STOPPING", "given-up refused guarded finish", ""),
        Row("STOP_FAILED", "given-up refused guarded finish", "StartServer, block StopFailed"),
        Row("ONLINE", "left given-up refused guarded", "block ChangeRefused"),
        Row("ONLINE", "left given-up refused guarded edited", "write Stopping"),
        Row("ONLINE", "given-up refused guarded", "write Withdrawn"),
        Row("ONLINE", "left given-up refused guarded past finish", "write GivenUp"),
        // It is not wanted ONLINE any more.
        Row("OFFLINE", "left stopped unwanted", "UpdateServer, refused: none"),
        Row("OFFLINE", "stopped unwanted", "write none"),
        Row("ONLINE", "starting unwanted", ""),
        Row("OFFLINE", "left stopped unwanted finish", "write none"),
    ];
    agrees(&rows);
}

fn agrees(rows: &[Row]) {
    for Row(state, words, expected) in rows {
        assert_eq!(&told(&due(state, words)), expected, "{state}: {words}");
    }
}

#[test]
fn what_a_person_approved_is_pinned_by_the_stop_and_nothing_else() {
    let pinned = |state: &str, words: &str| {
        let step = due(state, words).operation.unwrap();
        step.record.unwrap().plan_hash
    };
    for stopped in ["left approved", "left stopped approved", "left withdrawn approved"] {
        assert_eq!(pinned("ONLINE", stopped).as_deref(), Some("1-plan"), "{stopped}");
    }
    assert_eq!(pinned("OFFLINE", "left approved").as_deref(), Some("1-plan"), "whoever stopped it");
    assert_eq!(pinned("ONLINE", "left"), None, "nobody was asked");
    for done in ["starting spent", "stopping spent", "given-up refused guarded spent"] {
        assert_eq!(pinned("ONLINE", done), None, "{done}: what comes late is not what was approved");
    }
}

#[test]
fn since_when_no_stop_is_sent_is_dated_by_who_reads_that_none_is() {
    let written = |words: &str| due("ONLINE", words).operation.unwrap().record.unwrap();
    assert_eq!(written("stopping").started_at, None, "it may be written long after it was decided");
    for words in ["withdrawn undated", "starting late", "left taking-back refused late"] {
        assert_eq!(written(words).started_at.as_deref(), Some(NOW), "{words}");
    }
    assert_eq!(written("left given-up refused guarded past").prior_state, None, "none can arrive any more");
    assert_eq!(written("given-up refused guarded").refusal, None, "it was edited back");
}

#[test]
fn a_stop_that_comes_late_puts_back_what_was_taken_off_and_nothing_else() {
    let details = |addresses: &[&str], subnets: &[&str]| EndpointDetails {
        address_allocation_ids: Some(addresses.iter().map(|id| (*id).to_owned()).collect()),
        subnet_ids: Some(subnets.iter().map(|id| (*id).to_owned()).collect()),
        ..EndpointDetails::default()
    };
    let settings = ServerSettings { endpoint_details: Some(details(&["now"], &["here"])), ..ServerSettings::default() };
    let shown = |state: &str| Server { settings: settings.clone(), ..server(state) };
    let written = |state: &str, record: &OperationRecord| {
        due_of(&shown(state), Some(record), "").operation.unwrap().record.unwrap()
    };
    let prior = |record: OperationRecord| (record.prior_address_allocation_ids, record.prior_subnet_ids);
    let record = |phase: OperationPhase| OperationRecord {
        phase,
        started_at: Some(NOW.to_owned()),
        prior_address_allocation_ids: vec!["before".to_owned()],
        prior_subnet_ids: vec!["there".to_owned()],
        stops: 2,
        ..OperationRecord::default()
    };
    let done = written("ONLINE", &record(OperationPhase::Starting));
    assert_eq!((done.phase, prior(done.clone())), (OperationPhase::Withdrawn, (vec![], vec![])), "nothing is off");
    let late = written("OFFLINE", &done);
    assert_eq!((late.phase, late.stops), (OperationPhase::Stopped, 0), "nobody stopped it for what is left to change");
    assert_eq!(prior(late), (vec!["now".into()], vec!["here".into()]));
    let refused = OperationRecord {
        refusal: Some("no".to_owned()),
        refused_digest: Some("other".to_owned()),
        ..record(OperationPhase::Starting)
    };
    let given_up = written("ONLINE", &refused);
    assert_eq!(
        (given_up.phase, prior(given_up.clone())),
        (OperationPhase::GivenUp, (vec![], vec![])),
        "nothing is off"
    );
    let bare = |state: &str| {
        let settings = ServerSettings { endpoint_details: Some(details(&[], &["here"])), ..ServerSettings::default() };
        Server { settings, ..server(state) }
    };
    let begun = |server: &Server, record: &OperationRecord| {
        prior(due_of(server, Some(record), "left").operation.unwrap().record.unwrap())
    };
    let off = due_of(&bare("ONLINE"), Some(&refused), "back").operation.unwrap().record.unwrap();
    assert_eq!(off.prior_address_allocation_ids, ["before"], "what could not be put back is still off");
    assert_eq!(
        begun(&bare("ONLINE"), &off),
        (vec!["before".into()], vec!["here".into()]),
        "the next edit puts it back"
    );
    let now = (vec!["now".to_owned()], vec!["here".to_owned()]);
    assert_eq!(begun(&shown("ONLINE"), &off), now, "but not in the place of what a person attached since");
    let cut = written("ONLINE", &record(OperationPhase::Stopping));
    let late = due_of(&bare("OFFLINE"), Some(&cut), "").operation.unwrap().record.unwrap();
    assert_eq!((late.phase, prior(late)), (OperationPhase::Stopped, (vec!["before".into()], vec!["there".into()])));
    assert_eq!(prior(written("OFFLINE", &cut)), now, "nothing was taken off");
}

#[test]
fn while_a_sequence_leads_it_is_busy_and_the_run_state_is_its_own() {
    for (state, words) in [
        ("ONLINE", "left stopping"),
        ("STOPPING", "left stopping"),
        ("OFFLINE", "left stopped"),
        ("OFFLINE", "starting"),
        ("STARTING", "starting"),
        ("OFFLINE", "left"),
        ("OFFLINE", "given-up refused guarded"),
        ("STOPPING", "given-up refused guarded"),
    ] {
        let due = due(state, words);
        assert!(due.leads && due.busy.is_some(), "{state}: {words}");
    }
    for (state, words) in [("ONLINE", "withdrawn"), ("ONLINE", "left given-up refused"), ("OFFLINE", "")] {
        let due = due(state, words);
        assert!(!due.leads && due.busy.is_none(), "{state}: {words}");
    }
}

/// What happens to a server and to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Reconcile,
    AwsMoves,
    AwsRefuses,
    AwsTakes,
    Edit,
    EditBack,
    Suspend,
    Resume,
    Revoke,
    Started,
}

const EVENTS: [Event; 10] = [
    Event::Reconcile,
    Event::AwsMoves,
    Event::AwsRefuses,
    Event::AwsTakes,
    Event::Edit,
    Event::EditBack,
    Event::Suspend,
    Event::Resume,
    Event::Revoke,
    Event::Started,
];

/// One server of one setting, and the record of its object.
#[derive(Clone)]
struct World {
    server: Server,
    have: u8,
    want: u8,
    generation: u32,
    record: Option<OperationRecord>,
    refuses: bool,
    mode: Mode,
    stops: i32,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let (have, want, generation, stops) = (0, 1, 1, 0);
        let (record, refuses, mode, now) = (None, false, Mode::Full, NOW.parse().unwrap());
        Self { server: server("ONLINE"), have, want, generation, record, refuses, mode, stops, now }
    }

    fn happens(&mut self, event: Event) {
        let state = self.server.state.clone().unwrap();
        match event {
            Event::Reconcile => return self.reconcile(),
            Event::AwsMoves if state == "STOPPING" => self.set("OFFLINE"),
            Event::AwsMoves if state == "STARTING" => self.set("ONLINE"),
            Event::AwsRefuses => self.refuses = true,
            Event::AwsTakes => self.refuses = false,
            Event::Edit => (self.want, self.generation) = (self.want + 1, self.generation + 1),
            Event::EditBack => (self.want, self.generation) = (self.have, self.generation + 1),
            Event::Suspend => self.mode = Mode::Finish,
            Event::Resume => self.mode = Mode::Full,
            Event::Revoke => self.mode = Mode::Restore,
            Event::Started if state == "OFFLINE" => self.set("STARTING"),
            Event::AwsMoves | Event::Started => {}
        }
        self.now += SignedDuration::from_mins(1);
    }

    fn set(&mut self, state: &str) {
        self.server.state = Some(state.to_owned());
    }

    fn reconcile(&mut self) {
        let offline = if self.want == self.have { Vec::new() } else { vec![change()] };
        let digest = self.generation.to_string();
        let (server, record) = (self.server.clone(), self.record.clone());
        let due = next(&Situation {
            server: &server,
            desired: DesiredState::Online,
            next: (!offline.is_empty()).then(update),
            offline: &offline,
            back: None,
            record: record.as_ref(),
            gate: Gate::Open,
            plan_hash: None,
            unfit: None,
            unready: None,
            digest: &digest,
            mode: self.mode,
            now: self.now,
        });
        let mut refused = false;
        if let Some(call) = &due.call {
            match (&call.mutation, self.server.state.as_deref()) {
                (Mutation::StopServer(_), Some("ONLINE")) => {
                    self.stops += 1;
                    self.set("STOPPING");
                }
                (Mutation::StartServer(_), Some("OFFLINE")) => self.set("STARTING"),
                (Mutation::UpdateServer(_), Some("OFFLINE")) if self.refuses => refused = true,
                (Mutation::UpdateServer(_), Some("OFFLINE")) => self.have = self.want,
                other => panic!("AWS takes that from no such state: {other:?}"),
            }
        }
        if let Some(step) =
            due.operation.filter(|step| step.after_refusal == refused && (refused || due.call.is_none()))
        {
            let words = |record: OperationRecord| OperationRecord {
                refusal: record.refusal.or_else(|| refused.then(|| "no".to_owned())),
                ..record
            };
            self.record = step.record.map(words);
        }
    }

    /// Nothing happens any more but that it goes on.
    fn rest(&mut self) {
        for _ in 0..20 {
            self.reconcile();
            self.happens(Event::AwsMoves);
        }
    }
}

#[test]
fn whatever_happens_nobody_is_left_offline_and_stops_are_few() {
    let mut sequences = 0_u32;
    let mut walk = vec![(World::new(), Vec::new())];
    while let Some((world, events)) = walk.pop() {
        let mut end = world.clone();
        end.rest();
        sequences += 1;
        assert_eq!(end.server.state.as_deref(), Some("ONLINE"), "{events:?}");
        let phase = end.record.as_ref().map(|record| record.phase);
        let quiet = [None, Some(OperationPhase::GivenUp), Some(OperationPhase::Withdrawn)];
        assert!(quiet.contains(&phase), "{phase:?} after {events:?}");
        let in_force = end.have == end.want || phase == Some(OperationPhase::GivenUp) || end.mode != Mode::Full;
        assert!(in_force, "not in force after {events:?}");
        let edits = events.iter().filter(|event| [Event::Edit, Event::EditBack].contains(event)).count();
        let excuses = edits + events.iter().filter(|event| [Event::Started, Event::Resume].contains(event)).count();
        assert!(end.stops <= 1 + i32::try_from(excuses).unwrap(), "{} stops after {events:?}", end.stops);
        if events.len() < 5 {
            for event in EVENTS {
                let mut next = world.clone();
                next.happens(event);
                walk.push((next, [events.as_slice(), &[event]].concat()));
            }
        }
    }
    assert_eq!(sequences, 111_111, "all sequences of five events");
}
