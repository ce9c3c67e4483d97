//! What one spec in the place of another would change, by the same tables as the operator's own comparison. Pure: it
//! sees neither AWS nor what Secrets and ConfigMaps hold, so it speaks of fields, and secrets do not come here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::login::{self, PolicyText};
use super::{agreement, connector, profile, server, web_app, workflow};
use crate::api::login::Login;
use crate::api::status::PlannedChange;
use crate::api::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};
use crate::engine::diff::{self, Change, Effect};
use crate::engine::kind::Plan;
use crate::engine::planned::Planned;
use crate::ssh::PublicKey;

/// What would change, the first of it; and how much that is in all, where it is more.
pub type Preview = (Vec<PlannedChange>, Option<i32>);

/// Fields that name the object in AWS: there is no way to another one but another object.
const FIXED: [&str; 5] = ["region", "userName", "externalId", "serverRef", "serverId"];

/// Fields of a login, as they stand in a spec; what they lead to in AWS is compared instead.
const LOGIN: [&str; 7] =
    ["role", "policy", "homeDirectory", "homeDirectoryType", "homeDirectoryMappings", "home", "posixProfile"];

/// What stands for a key that is none: it may be anything, a private key too.
const NO_KEY: &str = "(not an SSH public key)";

/// Of a server.
#[must_use]
pub fn server(new: &TransferServer, old: &TransferServer) -> Preview {
    let mut changes = server::preview::changes(&new.spec, &old.spec);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &server::preview::COMPARED));
    told(changes)
}

/// Of a user. Keys stand there by their fingerprints.
#[must_use]
pub fn user(new: &TransferUser, old: &TransferUser) -> Preview {
    let mut changes = login(&new.spec.login, &old.spec.login);
    let spec = |user: &TransferUser| {
        let mut spec = json!(user.spec);
        let keys = user.spec.ssh_public_keys.as_ref().map(|keys| {
            let fingerprint =
                |text: &str| PublicKey::parse(text).map_or_else(|_| NO_KEY.into(), |key| key.fingerprint());
            keys.iter().map(|key| json!([fingerprint(&key.public_key), key.expires_at])).collect::<Vec<_>>()
        });
        if let Some(members) = spec.as_object_mut() {
            members.insert("sshPublicKeys".to_owned(), json!(keys));
        }
        spec
    };
    changes.extend(rest(&spec(new), &spec(old), &LOGIN));
    told(changes)
}

/// Of an access.
#[must_use]
pub fn access(new: &TransferAccess, old: &TransferAccess) -> Preview {
    let mut changes = login(&new.spec.login, &old.spec.login);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &LOGIN));
    told(changes)
}

/// Of a workflow.
#[must_use]
pub fn workflow(new: &TransferWorkflow, old: &TransferWorkflow) -> Preview {
    let mut changes = workflow::preview(&new.spec, &old.spec);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &workflow::PREVIEWED));
    told(changes)
}

/// Of a profile.
#[must_use]
pub fn profile(new: &TransferProfile, old: &TransferProfile) -> Preview {
    let mut changes = profile::preview(&new.spec, &old.spec);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &profile::PREVIEWED));
    told(changes)
}

/// Of a connector. ConfigMaps, servers and profiles that it names stand there by their names.
#[must_use]
pub fn connector(new: &TransferConnector, old: &TransferConnector) -> Preview {
    let mut changes = connector::preview(&new.spec, &old.spec);
    let named = |connector: &TransferConnector| {
        let mut spec = json!(connector.spec);
        if let Some(members) = spec.as_object_mut() {
            for (name, path) in NAMED_BY_CONNECTORS {
                let value = members.get(path.0).and_then(|config| config.pointer(path.1)).cloned();
                members.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        spec
    };
    changes.extend(rest(&named(new), &named(old), &connector::PREVIEWED));
    told(changes)
}

/// What a connector names of others, which its comparison does not see.
const NAMED_BY_CONNECTORS: [(&str, (&str, &str)); 6] = [
    ("sftpConfig.trustedHostKeysFrom", ("sftpConfig", "/trustedHostKeysFrom")),
    ("as2Config.asyncMdnConfig.serverRefs", ("as2Config", "/asyncMdnConfig/serverRefs")),
    ("as2Config.localProfileRef", ("as2Config", "/localProfileRef")),
    ("as2Config.localProfileId", ("as2Config", "/localProfileId")),
    ("as2Config.partnerProfileRef", ("as2Config", "/partnerProfileRef")),
    ("as2Config.partnerProfileId", ("as2Config", "/partnerProfileId")),
];

/// Of a certificate. What its source holds is not read.
#[must_use]
pub fn certificate(new: &TransferCertificate, old: &TransferCertificate) -> Preview {
    let mut changes = rest(&json!(new.spec), &json!(old.spec), &[]);
    for change in &mut changes {
        // AWS changes no usage, and takes no description away.
        if change.path == "usage" || (change.path == "description" && change.want.is_null()) {
            change.effect = Effect::Refused;
        }
    }
    told(changes)
}

/// Of an agreement.
#[must_use]
pub fn agreement(new: &TransferAgreement, old: &TransferAgreement) -> Preview {
    let mut changes = agreement::preview(&new.spec, &old.spec);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &agreement::PREVIEWED));
    told(changes)
}

/// Of a web app. How it looks stands there by the names of its ConfigMaps.
#[must_use]
pub fn web_app(new: &TransferWebApp, old: &TransferWebApp) -> Preview {
    let mut changes = web_app::preview(&new.spec, &old.spec);
    changes.extend(rest(&json!(new.spec), &json!(old.spec), &web_app::PREVIEWED));
    told(changes)
}

/// What the operator would send of a login, where both are in order.
fn login(new: &Login, old: &Login) -> Vec<Change> {
    let settings = |login: &Login| {
        let policy = login.policy.clone().map(|text| PolicyText { field: "spec.policy", text: Ok(text) });
        login::want(login, policy, "S3", None).0
    };
    let (new, old) = (settings(new), settings(old));
    diff::diff(&login::MEMBERS, &json!(new.settings), &json!(old.settings), &old.paths())
}

/// Everything else, field by field and tag by tag: it takes effect in place, or is for the operator alone.
fn rest(new: &Value, old: &Value, compared: &[&str]) -> Vec<Change> {
    let (new, old) = (flat(new, compared), flat(old, compared));
    let paths: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    let value = |of: &BTreeMap<String, Value>, path: &String| of.get(path).cloned().unwrap_or(Value::Null);
    let change = |path: &String| {
        let (have, want) = (value(&old, path), value(&new, path));
        let effect = if FIXED.contains(&path.as_str()) { Effect::Refused } else { Effect::Live };
        (have != want).then(|| Change { path: path.clone(), have, want, effect })
    };
    paths.into_iter().filter_map(change).collect()
}

fn flat(spec: &Value, compared: &[&str]) -> BTreeMap<String, Value> {
    let nothing = Map::new();
    let members = spec.as_object().unwrap_or(&nothing);
    let mut flat = BTreeMap::new();
    for (name, value) in members.iter().filter(|(name, _)| !compared.contains(&name.as_str())) {
        match (name.as_str(), value) {
            ("tags", Value::Object(tags)) => {
                flat.extend(tags.iter().map(|(key, value)| (format!("tags[{key}]"), value.clone())));
            }
            ("lifecycle", Value::Object(policies)) => {
                flat.extend(policies.iter().map(|(name, value)| (format!("lifecycle.{name}"), value.clone())));
            }
            _ => drop(flat.insert(name.clone(), value.clone())),
        }
    }
    flat
}

/// In the form of status. Steps are not known before AWS is asked.
fn told(changes: Vec<Change>) -> Preview {
    let (mut rows, count) = Planned::all(&Plan { changes, ..Plan::default() }, false).rows();
    for row in &mut rows {
        row.step = None;
    }
    (rows, count)
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
