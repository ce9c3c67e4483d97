//! What the operator's own code says of a stop: which step is due, and whether its call is sent or its record written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;
use transfer_operator::api::server::DesiredState;
use transfer_operator::api::status::{Applied, CreatePhase, OperationKind, OperationRecord};
use transfer_operator::aws::error::kind_of;
use transfer_operator::aws::transfer::{Server, ServerSettings, StartServer, UpdateServer};
use transfer_operator::aws::{AwsError, Mutation};
use transfer_operator::engine::consistency::{ConsistencyCounter, ObservedState, Windows};
use transfer_operator::engine::decide::update::{Source, UpdateFacts};
use transfer_operator::engine::decide::{Action, Facts, Identity, decide};
use transfer_operator::engine::diff::{Change, Effect};
use transfer_operator::engine::kind::{Plan, PlannedCall};
use transfer_operator::engine::memory::{Memory, RefusedCall};
use transfer_operator::engine::mutate;
use transfer_operator::engine::owner::Ownership;
use transfer_operator::engine::reason::Reason;
use transfer_operator::engine::record::RecordedCreate;
use transfer_operator::kinds::server::offline::window::Gate;
use transfer_operator::kinds::server::offline::{self, Mode, Situation};

use super::super::decision::looked_at;
use super::{Age, At, Aws, LAG, OLD, Record, State, TICK, TOLERANCE, What, World};

impl World {
    pub(super) fn ask(&self, shown: Aws, refused: Option<bool>) -> At {
        let plan = self.plan(shown);
        let mut memory = Memory::default();
        if let Some(to) = refused {
            let mutation = update(to).mutation;
            let at = Instant::now();
            let hold =
                RefusedCall { fault: refusal(), since: at, tries: 1, due: at + std::time::Duration::from_hours(1) };
            memory.refused_calls.insert(mutate::digest(&mutation), hold);
        }
        let (applied, tried) = (Applied::default(), BTreeMap::new());
        let update = UpdateFacts {
            source: Source::Seen,
            plan: &plan,
            wanted: &applied,
            recorded: Some(&applied),
            announced: true,
            tested: false,
            memory: &memory,
            tried: &tried,
            sent: false,
            time_is_up: false,
            at: Instant::now(),
            lag: TICK * i32::from(LAG),
        };
        match decided(self, &update) {
            Action::RecordOperation(record) => At::Write(record.map(|record| read(&record))),
            Action::Send(index) => match index.of(&plan).map(|call| &call.mutation) {
                Some(Mutation::StopServer(_)) => At::Clear(What::Stop),
                Some(Mutation::StartServer(_)) => At::Clear(What::Start),
                Some(Mutation::UpdateServer(_)) => At::Clear(What::Update(self.wants)),
                other => panic!("nobody plans {other:?}"),
            },
            Action::RemoveFinalizer(_) => At::LetGo,
            // The tags that say so, and the end of the finalizer, come next.
            Action::FindByTags if !self.observes => At::LetGo,
            Action::Conclude { .. } | Action::Suspend { .. } | Action::Block(_) | Action::Wait { .. } => At::Idle,
            other => panic!("nobody asked for {other:?}"),
        }
    }

    /// As `kinds::server::plan` puts it together: what the sequence says, and the run state where it does not lead.
    fn plan(&self, shown: Aws) -> Plan {
        let server =
            Server { server_id: "s".to_owned(), state: Some(shown.state.name().to_owned()), ..Server::default() };
        let differs = shown.has != self.wants;
        let offline = if differs { vec![change(self.wants)] } else { Vec::new() };
        let record = self.record.map(write);
        let closed = || Gate::Closed(Reason::new("OutsideWindow", "later"), None);
        let due = offline::next(&Situation {
            server: &server,
            desired: DesiredState::Online,
            offline: &offline,
            next: differs.then(|| update(self.wants)),
            back: None,
            record: record.as_ref(),
            gate: if self.closed { closed() } else { Gate::Open },
            plan_hash: None,
            unfit: None,
            unready: None,
            digest: digest(self.wants),
            mode: match (self.denied || self.deleting, self.suspended) {
                (true, _) => Mode::Restore,
                (_, true) => Mode::Finish,
                _ => Mode::Full,
            },
            now: now(),
        });
        let mut plan = Plan { calls: due.call.into_iter().collect(), operation: due.operation, ..Plan::default() };
        plan.busy = due.busy;
        plan.changes = offline;
        if !due.leads && shown.state == State::Offline {
            plan.calls
                .push(PlannedCall::new(Mutation::StartServer(StartServer { server_id: "s".to_owned() }), Vec::new()));
        }
        plan
    }
}

fn change(to: bool) -> Change {
    Change { path: "ipAddressType".to_owned(), have: json!(!to), want: json!(to), effect: Effect::Offline }
}

fn update(to: bool) -> PlannedCall {
    let settings = ServerSettings { ip_address_type: Some(digest(to).to_owned()), ..ServerSettings::default() };
    let update = UpdateServer { server_id: "s".to_owned(), settings: Box::new(settings) };
    PlannedCall { operation: true, ..PlannedCall::new(Mutation::UpdateServer(update), vec![change(to)]) }
}

const fn digest(wants: bool) -> &'static str {
    if wants { "new" } else { "old" }
}

fn refusal() -> AwsError {
    let (code, message) = ("InvalidRequestException".to_owned(), "no".to_owned());
    let kind = kind_of(&code, &message);
    AwsError { operation: "UpdateServer", kind, code, message, resource_type: None, retry_after: None, date: None }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(age: Age) -> Timestamp {
    now() - TICK * i32::from(age)
}

fn write(record: Record) -> OperationRecord {
    let Record { phase, age, stops, refused, guards } = record;
    OperationRecord {
        kind: OperationKind::Offline,
        phase,
        stops,
        started_at: age.map(|age| ago(age).to_string()),
        prior_state: guards.then(|| "ONLINE".to_owned()),
        refusal: refused.map(|_| "no".to_owned()),
        refused_digest: refused.map(|wants| digest(wants).to_owned()),
        ..OperationRecord::default()
    }
}

fn read(record: &OperationRecord) -> Record {
    let OperationRecord { phase, stops, started_at, prior_state, refused_digest, .. } = record;
    let age = started_at.as_deref().map(|at| {
        let since: Timestamp = at.parse().unwrap();
        (0..OLD).find(|age| ago(*age) == since).unwrap_or(OLD)
    });
    let refused = refused_digest.as_deref().map(|text| text == digest(true));
    Record { phase: *phase, age, stops: *stops, refused, guards: prior_state.is_some() }
}

/// The operator's own decision on a server that is there and ours.
fn decided(world: &World, update: &UpdateFacts<'_>) -> Action {
    let record = RecordedCreate {
        uid: "u".to_owned(),
        phase: CreatePhase::None,
        attempt: None,
        started_at: ago(OLD),
        retired_ids: Vec::new(),
    };
    let (sight, windows) =
        (ObservedState::Found(Ownership::Ours), Windows::new(TICK * i32::from(TOLERANCE), TICK * i32::from(LAG)));
    let (record_of_stop, denial) = (world.record.map(write), Reason::stalled("GrantRevoked", "gone"));
    let operation = record_of_stop.as_ref().filter(|record| record.guards());
    decide(&Facts {
        finalizer: true,
        suspended: world.suspended,
        denied: Some(&denial).filter(|_| world.denied),
        deleting: world.deleting,
        observe_only: world.deleting && world.observes,
        retain: !world.observes,
        confirmed: true,
        id: Some("s"),
        record: Some(&record),
        operation: operation.is_some(),
        quiet_since: operation.and_then(|record| record.quiet_since()).map(|since| since.parse().unwrap()),
        update: Some(update),
        ..looked_at(Identity::Tagged, &sight, (&ConsistencyCounter::default(), &BTreeMap::new()), now(), windows)
    })
}
