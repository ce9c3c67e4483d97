//! What to send for a server, from what is wanted and what AWS has. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::Value;

use super::ServerState;
use super::host_keys;
use super::members::{self, ADDRESSES, COMMUNICATION_MODE, Group, SECURITY_GROUPS, SERVICE_MANAGED, carrier};
use super::network;
use super::offline::window::gate;
use super::offline::{self, AGAIN, Due, Mode, Situation};
use super::update::{exposes, json, provider, update};
use super::want::as2_without_transport;
use super::wanted::WantedServer;
use crate::api::condition::reasons;
use crate::api::lifecycle::ManagementPolicy;
use crate::api::server::DesiredState;
use crate::api::status::{Applied, CommonStatus, OperationRecord};
use crate::api::{Managed, TransferServer, TransferServerStatus};
use crate::aws::Mutation;
use crate::aws::transfer::{HostKey, Server, ServerSettings, StartServer, StopServer};
use crate::engine::approval::approved;
use crate::engine::diff::{self, Change, Effect};
use crate::engine::kind::{Pending, Plan, PlannedCall, Wanted};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::kinds::tags;

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The object.
    pub object: &'a TransferServer,
    /// What it leads to.
    pub wanted: &'a Wanted<WantedServer>,
    /// What AWS has.
    pub have: &'a ServerState,
    /// Who we are.
    pub owner: &'a Owner,
    /// AWS's clock.
    pub now: Timestamp,
    /// The grant was withdrawn.
    pub denied: bool,
    /// Nothing new is begun.
    pub held: bool,
}

/// The plan for a server that is there and ours.
#[must_use]
pub fn plan(about: &About) -> Plan {
    let About { object, wanted, have, owner, now: _, denied: _, held: _ } = *about;
    let status = object.status.clone().unwrap_or_default();
    let applied = status.common.applied.clone().unwrap_or_default();
    let (want, server) = (&wanted.want, &have.server);
    let taken_off = if goes_on(&status.common) { foreign(&status.common) } else { &[] };
    let mut settings = changes(wanted, server, status.common.applied.as_ref(), taken_off);
    let groups = network::security_groups(want, server, &have.network, status.common.applied.as_ref(), &settings);
    settings.extend(groups.change);
    let mut plan = Plan { blocks: blocks(&settings), unknown: groups.unknown.into_iter().collect(), ..Plan::default() };
    plan.blocks.extend(groups.block);
    plan.blocks.extend(groups.left.then(|| cannot_clear(&format!("spec.{SECURITY_GROUPS}"))));
    plan.blocks.extend(as2_without_transport(&want.settings, Some(&server.settings)));
    // A workflow that AWS has already needs no leave, unless it is sent along.
    let touched = |path: &str| settings.iter().any(|change| carrier(&change.path) == carrier(path));
    plan.blocks.extend(want.held.iter().filter(|(path, _)| touched(path)).map(|(_, reason)| reason.clone()));
    plan.blocks.extend(kms_block(&object.uid().unwrap_or_default(), want, &have.host_keys, &applied));
    // Where only looking is asked for, no key is on its way that could stay or find no room.
    if !object.policies().observes() {
        plan.blocks.extend(host_keys::undecided(want, &have.host_keys, &status.host_keys));
        plan.blocks.extend(host_keys::no_room(want, &have.host_keys, &status.host_keys));
    }

    let paths = applied.paths.iter().cloned().collect();
    let tag_keys = applied.tags.iter().cloned().collect();
    plan.changes.clone_from(&settings);
    plan.changes.extend(state_change(want.state, server));
    plan.changes.extend(host_keys::changes(want, &have.host_keys, &status.host_keys, &paths));
    plan.changes.extend(tags::changes(&want.tags, &server.tags, &tag_keys));
    let keys = host_keys::calls(&server.server_id, want, &have.host_keys, &status.host_keys, &paths);
    let Sendable { live, offline, waiting } = sendable(want, server, &settings);
    plan.blocks.extend(waiting);
    match update(want, server, live) {
        Ok(update) => plan.calls.extend(update),
        Err(defect) => plan.blocks.push(defect),
    }
    plan.calls.extend(groups.call);
    plan.calls.extend(keys);
    plan.calls.extend(tags::calls(&server.arn, &want.tags, owner, &server.tags, &tag_keys));
    lead(sequence(about, &offline), offline, want.state, server, &status, &mut plan);
    plan
}

/// What is due of what takes a stop.
fn sequence(about: &About, offline: &[Change]) -> Due {
    let About { object, wanted, have, owner: _, now, denied, held } = *about;
    let (policies, want, server) = (object.policies(), &wanted.want, &have.server);
    let common = object.status.as_ref().map(|status| &status.common);
    let record = common.and_then(|common| common.operation.as_deref());
    if offline.is_empty() && record.is_none() {
        return Due::default();
    }
    let applied = common.and_then(|common| common.applied.as_ref());
    let settled = applied.and_then(|applied| applied.digest.as_ref()) == Some(&wanted.digest);
    let mode = match policies.management {
        _ if denied || object.metadata.deletion_timestamp.is_some() => Mode::Restore,
        ManagementPolicy::ObserveOnly => Mode::Finish,
        ManagementPolicy::ReportDrift if settled => Mode::Finish,
        _ if object.spec.suspend || held => Mode::Finish,
        ManagementPolicy::Full | ManagementPolicy::ReportDrift => Mode::Full,
    };
    let foreign = common.map_or(&[][..], foreign);
    // What cannot be put into a call is no reason to stop a server, nor to leave one OFFLINE.
    let (next, defect) = match offline::calls::towards(want, server, offline, foreign) {
        Ok(next) => (next, None),
        Err(defect) => (None, Some(defect)),
    };
    let (gate, plan_hash) = gate(&policies.disruption, now).and(approved(object, offline, record));
    offline::next(&Situation {
        server,
        desired: want.state,
        offline,
        next,
        back: record.and_then(|record| offline::calls::back(server, record)),
        record,
        gate,
        plan_hash,
        unfit: defect.or_else(|| network::unfit(want, server, &have.network, offline)),
        unready: network::unready(&have.network),
        digest: &wanted.digest,
        mode,
        now,
    })
}

/// Whether a sequence leads.
fn goes_on(common: &CommonStatus) -> bool {
    common.operation.as_deref().is_some_and(OperationRecord::goes_on)
}

/// The addresses that the server had before a sequence, where the spec never set any: somebody else attached them.
fn foreign(common: &CommonStatus) -> &[String] {
    let set = common.applied.as_ref().is_some_and(|applied| applied.paths.iter().any(|path| path == ADDRESSES));
    common.operation.as_ref().filter(|_| !set).map_or(&[], |record| &record.prior_address_allocation_ids)
}

/// Puts what is due of a sequence into the plan, and the run state where no sequence rules it.
fn lead(
    due: Due,
    offline: Vec<Change>,
    desired: DesiredState,
    server: &Server,
    status: &TransferServerStatus,
    plan: &mut Plan,
) {
    let Due { call, operation, busy, block, pending, leads } = due;
    plan.calls.extend(call);
    plan.blocks.extend(block);
    plan.busy = busy;
    plan.operation = operation;
    plan.pending = pending.map(|(reason, due)| Pending { reason, changes: offline, due });
    if !leads {
        run_state(desired, server, status, plan);
    }
}

/// All differences, what AWS never returns among them. `applied` is absent where nothing is known of earlier
/// reconciles. What `taken_off` excludes stays what it is, of the sequence that they came off for: else its refusal would
/// not end that.
fn changes(
    wanted: &Wanted<WantedServer>,
    server: &Server,
    applied: Option<&Applied>,
    taken_off: &[String],
) -> Vec<Change> {
    let settings = &wanted.want.settings;
    let paths: BTreeSet<String> = applied.iter().flat_map(|applied| applied.paths.iter().cloned()).collect();
    let (want, have) = (comparable(settings), comparable(&server.settings));
    let table = members::members(&want, &have, !taken_off.is_empty());
    let mut changes = diff::diff(&table, &want, &have, &paths);
    let retyped = changes.iter().any(|change| change.path == "identityProviderType");
    let provider = provider(settings, server, retyped).to_owned();
    changes.retain(|change| details_count(change, &provider, server));
    let domain = server.domain.as_deref().unwrap_or("S3");
    if let Some(wanted) = wanted.want.domain.as_deref().filter(|wanted| *wanted != domain) {
        let (path, have, want) = ("domain".to_owned(), domain.into(), wanted.into());
        changes.push(Change { path, have, want, effect: Effect::Replace });
    }
    changes
}

/// As the table compares: what AWS fills in by itself inside a list is filled in.
pub(super) fn comparable(settings: &ServerSettings) -> Value {
    let mut settings = settings.clone();
    let ports = settings.protocol_details.iter_mut().flat_map(|details| details.sftp_ports.iter_mut().flatten());
    for port in ports {
        port.communication_mode.get_or_insert_with(|| COMMUNICATION_MODE.to_owned());
    }
    json(&settings)
}

/// Whether a difference in the details of the identity provider means anything with this provider.
fn details_count(change: &Change, provider: &str, server: &Server) -> bool {
    let Some(member) = change.path.strip_prefix("identityProviderDetails.") else { return true };
    match provider {
        SERVICE_MANAGED => false,
        // Only custom providers have methods. And AWS's guide says that these details are not returned at all, while
        // others saw them: absent as a whole, they say nothing.
        "AWS_DIRECTORY_SERVICE" => {
            member != "sftpAuthenticationMethods"
                && (server.settings.identity_provider_details.is_some()
                    || server.settings.identity_provider_type.as_deref() != Some(provider))
        }
        _ => true,
    }
}

/// Why some differences are not acted on.
fn blocks(changes: &[Change]) -> Vec<Reason> {
    let paths = |effects: &[Effect]| {
        let paths = changes.iter().filter(|change| effects.contains(&change.effect));
        let paths: Vec<String> = paths.map(|change| format!("spec.{}", change.path)).collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    };
    let mut blocks = Vec::new();
    if let Some(paths) = paths(&[Effect::Replace]) {
        let message = format!("AWS cannot change {paths} of a server; set it back, or make a new server");
        blocks.push(Reason::stalled(reasons::IMMUTABLE, message));
    }
    if let Some(paths) = paths(&[Effect::Refused]) {
        blocks.push(cannot_clear(&paths));
    }
    blocks
}

/// KMS keys that left the spec while AWS has the host key in a secret: an update without one keeps the old one.
fn kms_block(uid: &str, want: &WantedServer, have: &[HostKey], applied: &Applied) -> Option<Reason> {
    let left = host_keys::kms::left(uid, want.host_keys.as_deref().unwrap_or_default(), have, applied);
    let paths: Vec<String> = left.map(|key| format!("spec.{}", host_keys::kms::path(&key.name))).collect();
    (!paths.is_empty()).then(|| cannot_clear(&paths.join(", ")))
}

fn cannot_clear(paths: &str) -> Reason {
    let message = format!("{paths} left the spec and AWS has no way to clear it; name a value");
    Reason::stalled(reasons::CANNOT_CLEAR, message)
}

/// The differences of a server that may be sent.
struct Sendable {
    /// At any time.
    live: Vec<Change>,
    /// While it is OFFLINE: what AWS takes only then, what counts only after a restart, and what goes with them.
    offline: Vec<Change>,
    /// Why others wait.
    waiting: Option<Reason>,
}

/// What may not be passed or cannot be changed stays out, together with what is sent in the same member; and as after a
/// refusal by AWS, the rest of its group and what would let more in wait for it.
fn sendable(want: &WantedServer, server: &Server, changes: &[Change]) -> Sendable {
    let never = |change: &&Change| matches!(change.effect, Effect::Replace | Effect::Refused);
    let fixed = changes.iter().filter(never).map(|change| change.path.as_str());
    let as2 = as2_without_transport(&want.settings, Some(&server.settings)).map(|_| "protocols");
    let withheld = want.ungranted.iter().chain(want.held.keys()).map(String::as_str);
    let stuck: BTreeSet<&str> = fixed.chain(withheld).chain(as2).map(carrier).collect();
    let sent = changes.iter().filter(|change| !never(change) && change.effect != Effect::Ec2);
    let (held, free): (Vec<&Change>, Vec<&Change>) = sent.partition(|change| stuck.contains(carrier(&change.path)));
    let of = |change: &Change| members::group(&change.path);
    let mut closed: BTreeSet<Group> = held.iter().map(|change| of(change)).collect();
    if !held.is_empty() {
        closed.extend(free.iter().filter(|change| exposes(change)).map(|change| of(change)));
    }
    let (waiting, free): (Vec<&Change>, Vec<&Change>) =
        free.into_iter().partition(|change| closed.contains(&of(change)));
    let block = (!waiting.is_empty()).then(|| {
        let (waiting, held) = (diff::paths(waiting), diff::paths(held));
        let message = format!("{waiting} not in force until {held} may be sent: they go together, or let more in");
        Reason::new(reasons::UPDATING, message)
    });
    let (offline, live): (Vec<&Change>, Vec<&Change>) = {
        let with = goes_offline(&free);
        free.into_iter().partition(|change| with(change))
    };
    let own = |changes: Vec<&Change>| changes.into_iter().cloned().collect();
    Sendable { live: own(live), offline: own(offline), waiting: block }
}

/// Which of these go only while the server is OFFLINE: those that take a stop, what is sent in the same member, and where
/// the network itself changes the rest of its group and what lets more in, as AWS checks one against the other.
fn goes_offline(free: &[&Change]) -> impl Fn(&Change) -> bool + use<> {
    let with = |effects: &'static [Effect]| free.iter().filter(move |change| effects.contains(&change.effect));
    let carriers: BTreeSet<String> =
        with(&[Effect::Offline, Effect::Restart]).map(|change| carrier(&change.path).to_owned()).collect();
    let groups: BTreeSet<Group> = with(&[Effect::Offline]).map(|change| members::group(&change.path)).collect();
    move |change| {
        let of_network = groups.contains(&members::group(&change.path)) || (!groups.is_empty() && exposes(change));
        carriers.contains(carrier(&change.path)) || of_network
    }
}

/// The run state as a difference. What AWS is on its way to counts as reached.
fn state_change(desired: DesiredState, server: &Server) -> Option<Change> {
    let state = server.state.as_deref().unwrap_or_default();
    let (wanted, reached) = match desired {
        DesiredState::Online => ("ONLINE", ["ONLINE", "STARTING"]),
        DesiredState::Offline => ("OFFLINE", ["OFFLINE", "STOPPING"]),
    };
    let (path, have, want) = ("desiredState".to_owned(), state.into(), wanted.into());
    (!reached.contains(&state)).then_some(Change { path, have, want, effect: Effect::Live })
}

/// Starts or stops. Start only from OFFLINE or START_FAILED, stop only from ONLINE; every other state is waited out.
fn run_state(desired: DesiredState, server: &Server, status: &TransferServerStatus, plan: &mut Plan) {
    let server_id = server.server_id.clone();
    let state = server.state.as_deref().unwrap_or_default();
    let call = |mutation| PlannedCall::new(mutation, state_change(desired, server).into_iter().collect());
    let failed = |reason, what: &str| {
        let message =
            format!("server {server_id} failed to {what}; AWS names no cause and advises to contact AWS Support");
        Reason::stalled(reason, message)
    };
    match (desired, state) {
        (DesiredState::Online, "ONLINE") | (DesiredState::Offline, "OFFLINE") => {}
        (DesiredState::Online, "OFFLINE") => plan.calls.push(call(Mutation::StartServer(StartServer { server_id }))),
        (DesiredState::Offline, "ONLINE") => plan.calls.push(call(Mutation::StopServer(StopServer { server_id }))),
        (_, "START_FAILED" | "STOP_FAILED") => {
            let stops = state == "STOP_FAILED";
            let (reason, what) = if stops { (reasons::STOP_FAILED, "stop") } else { (reasons::START_FAILED, "start") };
            plan.blocks.push(failed(reason, what));
            // Told before it is tried again, so that a server that never starts is not started in a loop unseen.
            if status.state.as_deref() == Some(state) {
                let again = match desired {
                    DesiredState::Online => Mutation::StartServer(StartServer { server_id }),
                    DesiredState::Offline => Mutation::StopServer(StopServer { server_id }),
                };
                plan.calls.push(PlannedCall { rests: Some(AGAIN), ..call(again) });
            }
        }
        (_, "STARTING") => plan.busy = Some(Reason::new(reasons::STARTING, format!("server {server_id} is starting"))),
        (_, "STOPPING") => plan.busy = Some(Reason::new(reasons::STOPPING, format!("server {server_id} is stopping"))),
        (_, other) => {
            plan.busy = Some(Reason::new(reasons::WAITING_FOR_AWS, format!("server {server_id} is in state {other}")));
        }
    }
}
