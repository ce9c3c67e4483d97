//! How objects stand, as text: tables of many, and all that is known of one. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::facts::{Allowed, Facts, Key, word};
use super::table::{Cell, Style, Tone};
use crate::api::server::{HostKeyStatus, ServerEndpoint};
use crate::api::status::{Drift, PlannedChange};

/// How long ago, in the largest unit, as kubectl says it.
fn age(time: Option<&str>, now: Timestamp) -> String {
    let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else { return "-".to_owned() };
    let span = now.duration_since(time).as_secs();
    if span < 0 { format!("in {}", unit(-span)) } else { unit(span) }
}

fn unit(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn plain(text: Option<&String>) -> Cell {
    text.filter(|text| !text.is_empty()).map_or_else(|| "-".into(), |text| text.as_str().into())
}

/// The next key to go, of those that have an end.
fn next_end(facts: &Facts, now: Timestamp) -> Cell {
    let ends = facts.keys.iter().filter_map(|key| key.expires.as_deref()?.parse::<Timestamp>().ok());
    ends.min().map_or_else(|| "-".into(), |end| ending(end, now))
}

/// Two weeks are the time in which a key is replaced.
fn ending(end: Timestamp, now: Timestamp) -> Cell {
    let left = end.duration_since(now).as_secs();
    let tone = if left < 14 * 86_400 { Tone::Bad } else { Tone::Plain };
    let text = if left < 0 { format!("{} ago", unit(-left)) } else { format!("in {}", unit(left)) };
    Cell::toned(text, tone)
}

/// A table of each kind that there is something of.
#[must_use]
pub fn tables(all: &[Facts], style: Style, now: Timestamp) -> String {
    let kinds: [(&str, &[&str]); 10] = [
        ("TransferServer", &["STATE", "ENDPOINT", "USERS", "HOSTKEYS"]),
        ("TransferUser", &["USER", "HOST", "KEYS", "OLDEST", "EXPIRES"]),
        ("TransferAccess", &["GROUP", "HOST"]),
        ("TransferWorkflow", &["WORKFLOW"]),
        ("TransferProfile", &["PROFILE"]),
        ("TransferConnector", &["CONNECTOR", "STATE", "URL"]),
        ("TransferAgreement", &["AGREEMENT", "STATE"]),
        ("TransferCertificate", &["CERTIFICATE", "STATE", "ENDS"]),
        ("TransferWebApp", &["WEBAPP", "ADDRESS"]),
        ("AwsIdentity", &["ACCOUNT"]),
    ];
    let mut tables = Vec::new();
    for (kind, own) in kinds {
        let rows: Vec<Vec<Cell>> = all.iter().filter(|facts| facts.kind == kind).map(|facts| row(facts, now)).collect();
        if !rows.is_empty() {
            let mut headers = vec![kind, "READY", "REASON", "DRIFT", "PLAN"];
            headers.extend(own);
            headers.push("AGE");
            tables.push(style.table(&headers, &rows, 0));
        }
    }
    tables.join("\n")
}

fn row(facts: &Facts, now: Timestamp) -> Vec<Cell> {
    let mut cells =
        vec![title(facts).into(), facts.ready(), facts.reason().into(), facts.differences(), facts.planned()];
    match facts.kind {
        "TransferServer" => cells.extend([
            plain(facts.state.as_ref()),
            plain(facts.endpoint.as_ref()),
            facts.user_count.map_or_else(|| "-".into(), |count| count.to_string().into()),
            facts.host_keys.len().to_string().into(),
        ]),
        "TransferUser" => {
            let oldest = facts.keys.iter().filter_map(|key| key.imported.as_deref()).min();
            cells.extend([
                plain(facts.id.as_ref()),
                plain(facts.endpoint.as_ref()),
                facts.keys.len().to_string().into(),
                age(oldest, now).into(),
                next_end(facts, now),
            ]);
        }
        "TransferAccess" => cells.extend([plain(facts.id.as_ref()), plain(facts.endpoint.as_ref())]),
        "TransferConnector" => {
            cells.extend([plain(facts.id.as_ref()), plain(facts.state.as_ref()), plain(facts.endpoint.as_ref())]);
        }
        "TransferCertificate" => {
            cells.extend([plain(facts.id.as_ref()), plain(facts.state.as_ref()), plain(facts.expires.as_ref())]);
        }
        _ => cells.push(plain(facts.id.as_ref())),
    }
    cells.push(age(facts.created.as_deref(), now).into());
    cells
}

fn title(facts: &Facts) -> String {
    facts.namespace.as_ref().map_or_else(|| facts.name.clone(), |namespace| format!("{namespace}/{}", facts.name))
}

/// Everything that is known of one object.
#[must_use]
pub fn description(facts: &Facts, style: Style, now: Timestamp) -> String {
    let mut text = style.fact(facts.kind, &title(facts).into());
    let rows = [
        ("Ready", Some(facts.ready())),
        ("Reason", Some(facts.reason().into())),
        ("Suspended", facts.suspended.then(|| Cell::toned("yes: nothing is changed in AWS", Tone::Bad))),
        ("In AWS", Some(plain(facts.id.as_ref()))),
        ("Server", facts.server.as_deref().map(Cell::from)),
        ("State", facts.state.as_deref().map(Cell::from)),
        ("Endpoint", facts.endpoint.as_deref().map(Cell::from)),
        ("Ends", facts.expires.as_deref().map(Cell::from)),
        ("Users", facts.user_count.map(|count| count.to_string().into())),
        ("Security policy", facts.security_policy.as_deref().map(Cell::from)),
        ("Under way", facts.operation.as_deref().map(Cell::from)),
        ("Age", Some(age(facts.created.as_deref(), now).into())),
    ];
    for (name, cell) in rows {
        text.extend(cell.map(|cell| style.fact(name, &cell)));
    }
    for (heading, headers, rows) in sections(facts, now).into_iter().chain([algorithms(facts)]) {
        if !rows.is_empty() {
            text.push('\n');
            text.push_str(heading);
            text.push_str(":\n");
            text.push_str(&style.table(headers, &rows, 2));
        }
    }
    text
}

fn algorithms(facts: &Facts) -> Section {
    let rows = facts.algorithms.iter().flat_map(|all| {
        let Allowed { ssh_ciphers, ssh_kexs, ssh_macs, ssh_host_key_algorithms, tls_ciphers } = all;
        [
            ("SSH ciphers", ssh_ciphers),
            ("SSH key exchanges", ssh_kexs),
            ("SSH MACs", ssh_macs),
            ("SSH signatures", ssh_host_key_algorithms),
            ("TLS ciphers", tls_ciphers),
        ]
        .map(|(what, names)| vec![what.into(), plain(Some(&names.join(" ")).filter(|names| !names.is_empty()))])
    });
    ("Security policy", &["FOR", "ALLOWED"], rows.collect())
}

/// The columns of a plan.
pub const PLAN: [&str; 5] = ["FIELD", "HAVE", "WANT", "EFFECT", "STEP"];

/// A plan, row by row. What stops or replaces something, or cannot be had, is for a person to look at.
#[must_use]
pub fn plan_rows(plan: &[PlannedChange]) -> Vec<Vec<Cell>> {
    let row = |PlannedChange { field, have, want, effect, step }: &PlannedChange| {
        let tone = if effect.is_told_before() { Tone::Bad } else { Tone::Plain };
        let step = step.map_or_else(|| "-".into(), |step| step.to_string().into());
        let effect = Cell::toned(word(effect).unwrap_or_default(), tone);
        vec![field.as_str().into(), plain(have.as_ref()), plain(want.as_ref()), effect, step]
    };
    plan.iter().map(row).collect()
}

/// The columns of host keys.
const HOST_KEYS: [&str; 5] = ["TYPE", "FINGERPRINT", "AGE", "SHOWN", "ENTRY"];

type Section = (&'static str, &'static [&'static str], Vec<Vec<Cell>>);

fn sections(facts: &Facts, now: Timestamp) -> [Section; 8] {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let condition = |found: &Condition| {
        let since = age(Some(&found.last_transition_time.0.to_string()), now);
        [&found.type_, &found.status, &found.reason, &since, &found.message].map(|text| text.as_str().into()).to_vec()
    };
    let endpoint = |row: &ServerEndpoint| {
        let more = [&row.availability_zone, &row.subnet_id, &row.allocation_id].map(|text| plain(text.as_ref()));
        [word(&row.r#type).unwrap_or_default().into(), row.host.as_str().into()].into_iter().chain(more).collect()
    };
    let host_key = |key: &HostKeyStatus| {
        let (age, shown) = (age(key.date_imported.as_deref(), now).into(), yes(key.active).into());
        vec![plain(key.r#type.as_ref()), plain(key.fingerprint.as_ref()), age, shown, plain(key.name.as_ref())]
    };
    let key = |key: &Key| {
        let end = key.expires.as_deref().and_then(|end| end.parse().ok());
        vec![
            plain(key.fingerprint.as_ref()),
            age(key.imported.as_deref(), now).into(),
            end.map_or_else(|| "-".into(), |end| ending(end, now)),
            yes(key.managed).into(),
            plain(key.comment.as_ref()),
        ]
    };
    let drift =
        |drift: &Drift| vec![drift.path.as_str().into(), plain(drift.want.as_ref()), plain(drift.have.as_ref())];
    [
        (
            "Conditions",
            &["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"],
            facts.conditions.iter().map(condition).collect(),
        ),
        (
            "Endpoints",
            &["TYPE", "HOST", "ZONE", "SUBNET", "ALLOCATION"],
            facts.endpoints.iter().map(endpoint).collect(),
        ),
        ("Host keys", &HOST_KEYS, facts.host_keys.iter().map(host_key).collect()),
        (
            "Host keys of the server",
            &["TYPE", "FINGERPRINT"],
            facts
                .host_key_fingerprints
                .iter()
                .map(|key| vec![key.r#type.as_str().into(), key.fingerprint.as_str().into()])
                .collect(),
        ),
        ("Keys", &["FINGERPRINT", "AGE", "EXPIRES", "OURS", "COMMENT"], facts.keys.iter().map(key).collect()),
        ("Plan", &PLAN, plan_rows(&facts.plan)),
        ("Differences", &["FIELD", "WANTED", "IN AWS"], facts.drift.iter().map(drift).collect()),
        (
            "Set in AWS only",
            &["FIELD", "IN AWS"],
            facts.unset.iter().map(|unset| vec![unset.field.as_str().into(), unset.have.as_str().into()]).collect(),
        ),
    ]
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
