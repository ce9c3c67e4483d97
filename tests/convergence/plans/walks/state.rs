//! What a walk led to, without how it came about: the state that two ways to the same spec must share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::agreements;
use crate::canonical::mask;
use crate::stage::Stage;
use transfer_operator::fakes::api_server::{Key, text};

/// Values that say the same as nothing.
const DEFAULTS: &[(&str, &str)] = &[
    ("SftpMode", "NONE"),
    ("SetStatOption", "DEFAULT"),
    ("PassiveIp", "AUTO"),
    ("TlsSessionResumptionMode", "ENFORCED"),
    ("SftpAuthenticationMethods", "PUBLIC_KEY_OR_PASSWORD"),
    ("DirectoryListingOptimization", "DISABLED"),
    ("CommunicationMode", "SERVER_TALK_FIRST"),
    ("Type", "DIRECTORY"),
    ("IpAddressType", "IPV4"),
    ("MdnSigningAlgorithm", "DEFAULT"),
    ("PreserveContentType", "DISABLED"),
];

/// The state of an object, and of everything in AWS, for comparison.
pub fn of(stage: &Stage, key: &Key) -> Value {
    let object = stage.get(key).unwrap();
    let (mut objects, mut servers) = stage.plain();
    let listed = listed(&object);
    for object in objects.as_array_mut().into_iter().flatten() {
        if object["kind"] == "TransferUser" && !manages_keys(&object["spec"]) {
            tells_of_keys(&mut object["status"]);
        }
        // It counts before anything was made, and not afterwards.
        if let Some(lifecycle) = object["spec"].get_mut("lifecycle").and_then(Value::as_object_mut) {
            lifecycle.remove("adoption");
        }
        if let Some(rows) = object["status"].get_mut("hostKeys").and_then(Value::as_array_mut) {
            rows.retain(|row| listed.contains_key(&text(&row["fingerprint"])));
        }
        // A server that began with another key, or a member that AWS keeps, has it still; all advice is one condition.
        if let Some(conditions) = object["status"].get_mut("conditions").and_then(Value::as_array_mut) {
            conditions.retain(|condition| condition["type"] != "Advisory");
            // Of which edit a connection was tried is no difference.
            let tried = |condition: &&mut Value| condition["type"] == "ConnectionVerified";
            for condition in conditions.iter_mut().filter(tried) {
                condition["observed"] = Value::Null;
            }
        }
        if let Some(status) = object["status"].as_object_mut() {
            status.remove("unset");
        }
        // A profile that was sent and is wanted no more is remembered as long as that call may arrive.
        if agreements::awaits(object)
            && let Some(hashes) = object["status"]["applied"]["hashes"].as_object_mut()
        {
            hashes.retain(|key, _| !key.ends_with("#left"));
            if hashes.is_empty() {
                object["status"]["applied"].as_object_mut().unwrap().remove("hashes");
            }
        }
    }
    // The two profiles that a connector or an agreement is between are told apart by their ids alone, which AWS draws.
    if matches!(key.0.as_str(), "TransferConnector" | "TransferAgreement")
        && let Some(all) = servers.as_object_mut()
    {
        all.retain(|id, _| !id.starts_with("p-"));
    }
    for server in servers.as_object_mut().into_iter().flat_map(Map::values_mut) {
        not_managed(&object["spec"], &listed, server);
    }
    let all = json!({"objects": without_noise(&objects), "aws": without_noise(&servers)});
    serde_json::from_str(&mask(&all.to_string())).unwrap()
}

/// The host keys that the spec lists, by fingerprint.
fn listed(object: &Value) -> BTreeMap<String, Value> {
    let entries = object["spec"]["hostKeys"].as_array().into_iter().flatten();
    let rows = object["status"]["hostKeys"].as_array();
    let row = |name: &Value| rows.into_iter().flatten().find(|row| row["name"] == *name);
    entries.filter_map(|entry| Some((text(&row(&entry["name"])?["fingerprint"]), entry.clone()))).collect()
}

fn manages_keys(spec: &Value) -> bool {
    spec.get("sshPublicKeys").is_some() || spec.get("sshPublicKeysFrom").is_some()
}

/// Takes away what a status tells of keys.
fn tells_of_keys(status: &mut Value) {
    for member in ["sshPublicKeys", "sshPublicKeyCount"] {
        status[member] = Value::Null;
    }
    // Their number is in it.
    status["applied"]["listed"] = Value::Null;
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    conditions.retain(|condition| condition["reason"] != "NoKeys");
    for condition in conditions {
        condition["message"] = Value::Null;
    }
}

/// Takes away what the protocol leaves alone: keys of a user whose spec lists none, and host keys that no entry lists
/// (AWS's own first one among them, which a server that began with a key of ours never had).
fn not_managed(spec: &Value, listed: &BTreeMap<String, Value>, server: &mut Value) {
    for user in server["Users"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if !manages_keys(spec) {
            user["SshPublicKeys"] = Value::Null;
        }
    }
    let Some(keys) = server["HostKeys"].as_array_mut() else { return };
    let entry = |key: &Value| listed.get(text(&key["HostKeyFingerprint"]).trim_end_matches('=')).cloned();
    keys.retain(|key| entry(key).is_some());
    for key in keys {
        // AWS draws its name.
        key["SecretId"] = Value::Null;
        // Where the entry leaves it open, it is what hostKeyStorageType said when the server was made.
        if entry(key).is_some_and(|entry| entry["storageType"].is_null()) {
            key["StorageType"] = Value::Null;
        }
    }
}

/// Sorted where order says nothing, without defaults, and without what two runs never share.
fn without_noise(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                // Which host key is the oldest of its type depends on those that were there before.
                let noise =
                    ["generation", "observedGeneration", "hostKeyFingerprint", "comment", "dateImported", "active"];
                // Transports of AS2 have one value; whether AWS was told it makes no difference.
                if noise.contains(&name.as_str()) || name == "As2Transports" {
                    continue;
                }
                let value = plain(name, &without_noise(value));
                let default = DEFAULTS.iter().any(|(of, default)| of == name && value == *default);
                let empty = matches!(&value, Value::Null)
                    || value == ""
                    || value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(Map::is_empty);
                if !default && !empty {
                    kept.insert(name.clone(), value);
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(without_noise).collect(),
        single => single.clone(),
    }
}

fn plain(name: &str, value: &Value) -> Value {
    match (name, value) {
        // What it is where nobody says anything.
        ("OrderedUserSecretVersionStages", Value::Array(items)) if *items == [json!("AWSCURRENT")] => Value::Null,
        ("Policy", Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        // Which comment a key was first imported with stays: AWS has no update for it.
        ("SshPublicKeyBody", Value::String(line)) => {
            json!(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        }
        ("Tags" | "HostKeys" | "SshPublicKeys" | "sshPublicKeys" | "hostKeys", Value::Array(items)) => {
            let by = |item: &Value| {
                ["Key", "HostKeyFingerprint", "SshPublicKeyBody", "fingerprint"]
                    .map(|name| item[name].as_str().unwrap_or_default().to_owned())
            };
            sorted(items, by)
        }
        (
            "TrustedHostKeys" | "SubnetIds" | "SecurityGroupIds" | "Protocols" | "SecondaryGids" | "SftpPorts"
            | "CertificateIds" | "certificateIds",
            Value::Array(items),
        ) => sorted(items, |item| [item.to_string(), String::new(), String::new(), String::new()]),
        _ => value.clone(),
    }
}

fn sorted(items: &[Value], by: impl Fn(&Value) -> [String; 4]) -> Value {
    let mut items = items.to_vec();
    items.sort_by_key(|item| by(item));
    Value::Array(items)
}

/// The first place where two states differ.
pub fn difference(a: &Value, b: &Value) -> Option<String> {
    fn find(a: &Value, b: &Value, path: &str) -> Option<String> {
        match (a, b) {
            (Value::Object(x), Value::Object(y)) => {
                let names: BTreeSet<&String> = x.keys().chain(y.keys()).collect();
                names.into_iter().find_map(|name| find(&a[name], &b[name], &format!("{path}.{name}")))
            }
            (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
                x.iter().zip(y).enumerate().find_map(|(at, (x, y))| find(x, y, &format!("{path}[{at}]")))
            }
            (a, b) => (a != b).then(|| format!("{path}: {a} became {b}")),
        }
    }
    find(a, b, "")
}
