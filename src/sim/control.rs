//! The control path `/_sim/…`: scripts trouble, reads the log, moves the clock, changes things behind a client's back.
//! Described for its users in `docs/transfer-sim.md`. Not signed, therefore served to this machine only.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::connectors;
use super::faults::Rule;
use super::model::Address;
use super::operation::Operation;
use super::servers;
use super::service::Service;
use super::shelf::{Kept, Named, Shelf};
use super::state::{Hidden, Region, World};
use super::time::after;
use super::wire::{self, joined};

/// Where the control path begins.
pub const PREFIX: &str = "/_sim/";

/// Whoever sends no region means this one.
const REGION: &str = "us-east-1";

type Reply = Result<Value, (u16, String)>;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Script {
    Many(Vec<Value>),
    One(Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hide {
    account: Option<String>,
    region: Option<String>,
    server_id: Option<String>,
    workflow_id: Option<String>,
    certificate_id: Option<String>,
    profile_id: Option<String>,
    agreement_id: Option<String>,
    connector_id: Option<String>,
    web_app_id: Option<String>,
    vpc_endpoint_id: Option<String>,
    allocation_id: Option<String>,
    user_name: Option<String>,
    external_id: Option<String>,
    host_key_id: Option<String>,
    #[serde(rename = "for")]
    lasting: SignedDuration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: SignedDuration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    account: Option<String>,
    region: Option<String>,
    operation: Option<String>,
    #[serde(default)]
    input: Value,
    set_state: Option<SetState>,
    set_connector: Option<SetConnector>,
    show_as: Option<ShowAs>,
    set_address: Option<SetAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowAs {
    server_id: String,
    members: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetAddress {
    allocation_id: String,
    /// None takes it out of the account.
    address: Option<Address>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetConnector {
    connector_id: String,
    status: String,
    error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetState {
    server_id: String,
    state: String,
}

/// Answers a request of the control path: a status number and a JSON body.
pub fn handle(
    service: &mut Service,
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
    machine: Timestamp,
) -> (u16, Value) {
    let name = path.strip_prefix(PREFIX).unwrap_or(path);
    let result = match (method, name) {
        ("GET", "health") => Ok(json!({"ready": true})),
        ("GET", "faults") => Ok(json!({"faults": service.faults.all()})),
        ("POST", "faults") => arm(service, body, machine),
        ("DELETE", "faults") => {
            service.faults.clear();
            Ok(json!({}))
        }
        ("POST", "hide") => hide(service, body, machine),
        ("GET", "calls") => calls(service, query),
        ("DELETE", "calls") => {
            service.calls.clear();
            Ok(json!({}))
        }
        ("GET", "clock") => Ok(clock(service, machine)),
        ("POST", "clock") => advance(service, body, machine),
        ("GET", "state") => Ok(state(&service.world, service.clock(machine))),
        ("GET", "world") => Ok(json!(service.world)),
        ("POST", "world") => replace(service, body),
        ("POST", "change") => change(service, body, machine),
        ("GET", "config") => Ok(json!(service.config)),
        ("POST", "config") => configure(service, body),
        (_, "health" | "faults" | "hide" | "calls" | "clock" | "state" | "world" | "change" | "config") => {
            Err((405, format!("{method} is not possible on {path}")))
        }
        _ => Err((404, format!("no such control path: {path}"))),
    };
    match result {
        Ok(value) => (200, value),
        Err((status, text)) => (status, json!({"error": text})),
    }
}

/// Everything that the accounts hold, as of now. Of private keys nothing is held at all.
#[must_use]
pub fn state(world: &World, now: Timestamp) -> Value {
    let shown = |region: &Region| {
        let here = region.servers.iter();
        let servers: BTreeMap<&String, Value> = here
            .filter(|(_, s)| s.gone.is_none_or(|gone| now < gone))
            .map(|(id, s)| (id, joined(json!(s), json!({"State": s.lifecycle.shown(now)}))))
            .collect();
        let here = region.workflows.iter();
        let workflows: BTreeMap<&String, _> = here.filter(|(_, w)| w.gone.is_none_or(|gone| now < gone)).collect();
        json!({
            "servers": servers,
            "workflows": workflows,
            "certificates": seen(&region.certificates, now),
            "profiles": seen(&region.profiles, now),
            "agreements": seen(&region.agreements, now),
            "connectors": seen(&region.connectors, now),
            "web_apps": seen(&region.web_apps, now),
            "addresses": region.addresses,
        })
    };
    let of_account = |regions: &BTreeMap<String, Region>| {
        let all = regions.iter().map(|(name, r)| (name.clone(), shown(r)));
        all.collect::<serde_json::Map<_, _>>()
    };
    let accounts: BTreeMap<&String, _> =
        world.accounts.iter().map(|(account, regions)| (account, of_account(regions))).collect();
    let mut state = json!({"now": now, "accounts": accounts});
    wire::without_nulls(&mut state);
    state
}

fn seen<T: Named>(shelf: &Shelf<T>, now: Timestamp) -> BTreeMap<&String, &Kept<T>> {
    shelf.iter().filter(|(_, kept)| kept.gone.is_none_or(|gone| now < gone)).collect()
}

fn arm(service: &mut Service, body: &[u8], machine: Timestamp) -> Reply {
    let rules = match read::<Script>(body)? {
        Script::Many(rules) => rules,
        Script::One(rule) => vec![rule],
    };
    // All or none: a script of which half is armed would be hard to reason about.
    let rules: Vec<Rule> = rules
        .into_iter()
        .map(|r| serde_json::from_value(r).map_err(|e| (400, e.to_string())))
        .collect::<Result<_, _>>()?;
    let now = service.clock(machine);
    let mut ids = Vec::new();
    for rule in rules {
        ids.push(service.faults.arm(rule, now).map_err(|e| (400, e))?);
    }
    Ok(json!({"ids": ids}))
}

fn hide(service: &mut Service, body: &[u8], machine: Timestamp) -> Reply {
    let hide: Hide = read(body)?;
    let of_ec2 = [hide.vpc_endpoint_id, hide.allocation_id];
    let of_partners = [hide.certificate_id, hide.profile_id, hide.agreement_id, hide.connector_id, hide.web_app_id];
    let given = [hide.server_id, hide.workflow_id].into_iter().chain(of_partners).chain(of_ec2);
    let mut given = given.flatten();
    let (Some(id), None) = (given.next(), given.next()) else {
        let text = "give one of server_id, workflow_id, certificate_id, profile_id, agreement_id, connector_id, web_app_id, \
                    vpc_endpoint_id and allocation_id";
        return Err((400, text.to_owned()));
    };
    let now = service.clock(machine);
    let until = after(now, hide.lasting);
    let account = hide.account.unwrap_or_else(|| service.root.account.clone());
    let region = hide.region.as_deref().unwrap_or(REGION);
    let held = service.world.region(&account, region);
    held.hidden.retain(|h| after(machine, SignedDuration::ZERO) < h.until);
    held.hidden.push(Hidden { id, member: hide.user_name.or(hide.external_id).or(hide.host_key_id), until });
    service.unsaved = true;
    Ok(json!({"until": until}))
}

fn calls(service: &Service, query: &str) -> Reply {
    let mut since = 0;
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        since = match pair.split_once('=') {
            Some(("since", number)) => number.parse().map_err(|_| (400, format!("since is not a number: {number}")))?,
            _ => return Err((400, format!("unknown parameter: {pair}"))),
        };
    }
    let calls: Vec<_> = service.calls.since(since).collect();
    Ok(json!({"calls": calls, "last": service.calls.last()}))
}

fn clock(service: &Service, machine: Timestamp) -> Value {
    json!({"now": service.clock(machine)})
}

fn advance(service: &mut Service, body: &[u8], machine: Timestamp) -> Reply {
    let Advance { advance } = read(body)?;
    let ahead = service.world.clock_ahead.checked_add(advance);
    service.world.clock_ahead = ahead.ok_or_else(|| (400, "the clock cannot be moved that far".to_owned()))?;
    service.unsaved = true;
    Ok(clock(service, machine))
}

fn change(service: &mut Service, body: &[u8], machine: Timestamp) -> Reply {
    let change: Change = read(body)?;
    let account = change.account.unwrap_or_else(|| service.root.account.clone());
    let region = change.region.as_deref().unwrap_or(REGION);
    let refused = |e: super::error::ApiError| {
        let text = e.message.unwrap_or_default();
        (409, format!("{}: {text}", e.code))
    };
    let now = service.clock(machine);
    match (change.operation, change.set_state, change.set_connector, change.show_as, change.set_address) {
        (Some(name), None, None, None, None) => {
            let operation = Operation::named(&name).ok_or_else(|| (400, format!("no such operation: {name}")))?;
            let input = if change.input.is_null() { json!({}) } else { change.input };
            let output = service.out_of_band(operation, &account, region, input, machine);
            let mut output = output.map_err(refused)?;
            wire::without_nulls(&mut output);
            Ok(json!({"output": output}))
        }
        (None, Some(SetState { server_id, state }), None, None, None) => {
            let held = service.world.region(&account, region);
            servers::force(held, &server_id, &state, now).map_err(refused)?;
            service.unsaved = true;
            Ok(json!({}))
        }
        (None, None, Some(SetConnector { connector_id, status, error_message }), None, None) => {
            let held = service.world.region(&account, region);
            connectors::force(held, &connector_id, &status, error_message, now).map_err(refused)?;
            service.unsaved = true;
            Ok(json!({}))
        }
        (None, None, None, None, Some(SetAddress { allocation_id, address })) => {
            let held = &mut service.world.region(&account, region).addresses;
            match address {
                Some(address) => held.insert(allocation_id, address),
                None => held.remove(&allocation_id),
            };
            service.unsaved = true;
            Ok(json!({}))
        }
        (None, None, None, Some(ShowAs { server_id, members }), None) => {
            let held = service.world.region(&account, region);
            held.server_mut(&server_id).map_err(refused)?.shown_as = members;
            service.unsaved = true;
            Ok(json!({}))
        }
        _ => Err((400, "give one of operation, set_state, set_connector, show_as and set_address".to_owned())),
    }
}

/// Puts another world in the place of this one, as a start on its state file would.
fn replace(service: &mut Service, body: &[u8]) -> Reply {
    service.world = read(body)?;
    service.unsaved = true;
    Ok(json!({}))
}

fn configure(service: &mut Service, body: &[u8]) -> Reply {
    let changes: Value = read(body)?;
    service.config = service.config.with(&changes).map_err(|e| (400, e))?;
    Ok(json!(service.config))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (u16, String)> {
    serde_json::from_slice(body).map_err(|e| (400, format!("cannot read the request: {e}")))
}
