//! What to send for a connector, from what is wanted and what AWS has. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::host_keys;
use super::members::{self, ASYNC_MDN_SERVERS, BASIC_AUTH, TRUSTED_HOST_KEYS, carrier};
use super::want::WantedConnector;
use crate::api::condition::reasons;
use crate::api::status::{Applied, Unset};
use crate::aws::Mutation;
use crate::aws::transfer::{Connector, ConnectorSettings, SftpConnectorConfig, UpdateConnector};
use crate::engine::diff::{self, Change, Effect};
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::kinds::tags;

/// What answers asynchronous messages, which goes only with them.
const ASYNC: &str = "ASYNC";

/// What chooses the host.
const HOST: [&str; 2] = ["url", "egressConfig"];

/// What a host is sent: a secret, and messages for the partner.
const SENT_TO_HOST: [&str; 2] = ["sftpConfig", "as2Config"];

/// The plan for a connector that is there and ours. Whether a secret is granted `granted` says.
#[must_use]
pub fn plan(
    want: &WantedConnector,
    have: &Connector,
    applied: &Applied,
    owner: &Owner,
    granted: &dyn Fn(&str) -> Result<(), Reason>,
) -> Plan {
    let paths = applied.paths.iter().cloned().collect();
    let keys = applied.tags.iter().cloned().collect();
    let settings = changes(want, &have.settings, &paths);
    let foreign = foreign_secret(have, &settings, granted);
    let mut plan = Plan { blocks: blocks(&settings), ..Plan::default() };
    plan.blocks.extend(foreign.clone());
    plan.changes.clone_from(&settings);
    plan.changes.extend(tags::changes(&want.tags, &have.tags, &keys));
    match update(want, have, &settings, foreign.is_some()) {
        Ok(update) => plan.calls.extend(update),
        Err(defect) => plan.blocks.push(defect),
    }
    plan.calls.extend(tags::calls(&have.arn, &want.tags, owner, &have.tags, &keys));
    state(have, &mut plan);
    plan
}

/// What AWS says of it: on its way, in force, or failed.
fn state(have: &Connector, plan: &mut Plan) {
    let Connector { connector_id: id, status, error_message, .. } = have;
    match status.as_str() {
        "ACTIVE" => {}
        "ERRORED" => {
            let words = error_message.as_deref().unwrap_or("AWS names no cause").replace(char::is_control, " ");
            let message = format!("connector {id} is ERRORED: {words}; an edit that puts it right is tried at once");
            plan.blocks.push(Reason::stalled(reasons::CONNECTOR_ERRORED, message));
        }
        other => plan.busy = Some(Reason::new(reasons::WAITING_FOR_AWS, format!("connector {id} is {other}"))),
    }
}

/// All differences. Of what is not known nothing differs.
fn changes(want: &WantedConnector, have: &ConnectorSettings, applied: &BTreeSet<String>) -> Vec<Change> {
    let mut changes = differing(&want.settings, have, applied);
    changes.retain(|change| !want.unknown.contains_key(change.path.as_str()));
    changes
}

/// The differences of two settings.
pub(super) fn differing(want: &ConnectorSettings, have: &ConnectorSettings, applied: &BTreeSet<String>) -> Vec<Change> {
    let (want, have) = (comparable(want), comparable(have));
    let table = members::members(&want, &have);
    let mut changes = diff::diff(&table, &want, &have, applied);
    let exchanged: BTreeSet<&str> =
        table.iter().filter(|member| member.effect == Effect::Replace).map(diff::Member::top).collect();
    // What would be exchanged is told once, by what is wanted in its place.
    changes.retain(|change| !(change.want.is_null() && exchanged.contains(carrier(&change.path))));
    changes
}

/// As the table compares.
pub(super) fn comparable(settings: &ConnectorSettings) -> Value {
    json!(host_keys::comparable(settings.clone()))
}

/// Why some differences are not acted on.
fn blocks(changes: &[Change]) -> Vec<Reason> {
    let of = |effect: Effect| changes.iter().filter(move |change| change.effect == effect);
    let mut blocks = Vec::new();
    if of(Effect::Replace).next().is_some() {
        let message = format!(
            "AWS cannot change {} of a connector; set it back, or make a new connector",
            diff::paths(of(Effect::Replace))
        );
        blocks.push(Reason::stalled(reasons::IMMUTABLE, message));
    }
    if of(Effect::Refused).next().is_some() {
        let paths = diff::paths(of(Effect::Refused));
        let message = format!("{paths} left the spec and AWS has no way to clear it; name a value");
        blocks.push(Reason::stalled(reasons::CANNOT_CLEAR, message));
    }
    blocks
}

/// Why no other host is chosen though all that the spec names is granted: AWS has a secret that the spec leaves as it is, and
/// that is not this namespace's to use. Whoever chooses the host would be sent it.
fn foreign_secret(
    have: &Connector,
    changes: &[Change],
    granted: &dyn Fn(&str) -> Result<(), Reason>,
) -> Option<Reason> {
    let secret = have.settings.as2_config.as_ref()?.basic_auth_secret_id.as_ref()?;
    let another_host = changes.iter().any(|change| HOST.contains(&carrier(&change.path)));
    let stays = changes.iter().all(|change| change.path != BASIC_AUTH);
    if another_host && stays { granted(secret).err() } else { None }
}

/// One UpdateConnector with every changed member, each complete. What may not be named or cannot be changed stays out,
/// together with what is sent in the same member, but for trust that is taken away; of what cannot be cleared, that member
/// has what AWS has. Another host goes along with all that it is sent, or not at all: it is not for the secret, or for the
/// messages, of before.
fn update(
    want: &WantedConnector,
    have: &Connector,
    changes: &[Change],
    foreign: bool,
) -> Result<Option<PlannedCall>, Reason> {
    let fixed = changes.iter().filter(|change| change.effect == Effect::Replace).map(|change| change.path.as_str());
    // The keys that AWS trusts already go along as they are; without its servers an address for answers is none.
    let unknown = want.unknown.keys().copied().filter(|path| *path != TRUSTED_HOST_KEYS);
    let mut stuck: BTreeSet<&str> =
        fixed.chain(want.ungranted.iter().map(String::as_str)).chain(unknown).map(carrier).collect();
    if foreign || want.unknown.contains_key(TRUSTED_HOST_KEYS) || SENT_TO_HOST.iter().any(|path| stuck.contains(path)) {
        stuck.extend(HOST);
    }
    let goes = |change: &&Change| change.effect != Effect::Refused && !stuck.contains(carrier(&change.path));
    let mut sent: Vec<Change> = changes.iter().filter(goes).cloned().collect();
    let distrust = distrust(want, have, changes);
    if sent.is_empty() && distrust.is_none() {
        return Ok(None);
    }
    let (wanted, held) = (comparable(&want.settings), json!(have.settings));
    let request = diff::compose(members::MEMBERS, &wanted, &held, &sent);
    let mut settings: ConnectorSettings = diff::typed(request).map_err(Reason::defect)?;
    if let Some(config) = settings.as2_config.as_mut().filter(|config| config.mdn_response.as_deref() != Some(ASYNC)) {
        config.async_mdn_config = None;
    }
    if let Some((config, change)) = distrust {
        settings.sftp_config = Some(config);
        sent.push(change);
    }
    let (connector_id, settings) = (have.connector_id.clone(), Box::new(settings));
    Ok(Some(PlannedCall::new(Mutation::UpdateConnector(UpdateConnector { connector_id, settings }), sent)))
}

/// While its secret may not be named, of the member with it only what takes trust away is sent: a key that leaked must be able
/// to go. What AWS has beside it stays, and no key is added: whoever chooses the host would be sent a secret that is not his.
fn distrust(want: &WantedConnector, have: &Connector, changes: &[Change]) -> Option<(SftpConnectorConfig, Change)> {
    let barred = want.ungranted.iter().any(|path| carrier(path) == carrier(TRUSTED_HOST_KEYS));
    let change = changes.iter().find(|change| change.path == TRUSTED_HOST_KEYS && change.effect == Effect::Live)?;
    let config = have.settings.sftp_config.clone().filter(|_| barred)?;
    let kept = host_keys::kept(&want.settings, &have.settings)?;
    let wanted = host_keys::kept(&have.settings, &want.settings).is_none();
    // What is to be trusted besides differs still.
    let change = if wanted { change.clone() } else { Change { want: json!(kept), ..change.clone() } };
    Some((SftpConnectorConfig { trusted_host_keys: Some(kept), ..config }, change))
}

/// What AWS fills in by itself, so that nobody set it: a default that it may change.
const FILLED_BY_AWS: [&str; 1] = ["securityPolicyName"];

/// Where AWS has something else than its default in a member that the spec does not set.
#[must_use]
pub fn unset(want: &WantedConnector, have: &ConnectorSettings, applied: &Applied) -> Vec<Unset> {
    let counts = |member: &&diff::Member| {
        !FILLED_BY_AWS.contains(&member.path)
            && !want.unknown.contains_key(member.path)
            && member.path != ASYNC_MDN_SERVERS
    };
    let members: Vec<diff::Member> = members::MEMBERS.iter().filter(counts).copied().collect();
    let applied = applied.paths.iter().cloned().collect();
    crate::engine::unset::unset(&members, &comparable(&want.settings), &comparable(have), &applied)
}
