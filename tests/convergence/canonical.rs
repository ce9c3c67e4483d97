//! Objects and AWS's state without what differs from run to run, so that two ends can be compared.

use serde_json::Value;

use transfer_operator::fakes::api_server::THEIRS;

/// In which order keys came is no difference.
pub fn sorted_keys(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let (true, Value::Array(keys)) = (name == "SshPublicKeys" || name == "HostKeys", &mut *value) {
                    keys.sort_by_key(|key| format!("{}{}", key["SshPublicKeyBody"], key["HostKeyFingerprint"]));
                }
                sorted_keys(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sorted_keys),
        _ => {}
    }
}

/// Spec and what status claims; not the records of how it came about.
pub fn canonical_object(object: &Value) -> Value {
    let mut object = object.clone();
    let meta = object["metadata"].as_object_mut().unwrap();
    for noise in ["resourceVersion", "creationTimestamp", "uid", "annotations"] {
        meta.remove(noise);
    }
    // Who replaces an object takes theirs off as well.
    if let Some(Value::Array(finalizers)) = meta.get_mut("finalizers") {
        finalizers.retain(|name| name != THEIRS);
    }
    // Which id a workflow has goes into what its servers ask for, and so does that of a profile or a server of a
    // connector or an agreement.
    let names_others = object["spec"]["workflowDetails"].to_string().contains("workflowRef");
    let names_others = names_others || object["spec"]["certificateRefs"].is_array();
    if names_others || object["spec"]["as2Config"].is_object() || object["kind"] == "TransferAgreement" {
        let applied = object.pointer_mut("/status/applied").and_then(Value::as_object_mut);
        applied.map(|applied| applied.remove("digest"));
    }
    // Which of them calls named that may have been lost is remembered for a while.
    if object["kind"] == "TransferConnector" {
        let applied = object.pointer_mut("/status/applied").and_then(Value::as_object_mut);
        applied.map(|applied| applied.remove("hashes"));
    }
    // How often a person edited it is no difference; whether the last edit was observed is.
    let generation = object["metadata"].as_object_mut().and_then(|meta| meta.remove("generation"));
    let observed = |at: &mut Value| {
        let at = at.as_object_mut()?;
        let seen = at.remove("observedGeneration");
        at.insert("observed".to_owned(), (seen == generation).into())
    };
    observed(&mut object["status"]);
    for condition in object["status"]["conditions"].as_array_mut().into_iter().flatten() {
        observed(condition);
    }
    if let Some(status) = object["status"].as_object_mut() {
        // A user count alone is never a reason to write, so it may be an old one.
        for noise in ["create", "operation", "lastHandledReconcileAt", "userCount"] {
            status.remove(noise);
        }
        // Names and addresses in a VPC follow from the id of the endpoint, and show once EC2 shows them.
        let of_ec2 = ["VpcEndpointName", "ElasticIp", "PrivateIp", "Ipv6"];
        if let Some(rows) = status.get_mut("endpoints").and_then(Value::as_array_mut) {
            rows.retain(|row| !of_ec2.iter().any(|of| row["type"] == *of));
            if rows.is_empty() {
                status.remove("endpoints");
            }
        }
        // Of which edit something was tried is no difference; what came of it is.
        for trial in ["loginTest", "connectionTest"] {
            if let Some(tried) = status.get_mut(trial).and_then(Value::as_object_mut) {
                tried.retain(|name, _| name != "digest" && name != "generation");
            }
        }
        for condition in status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            condition.as_object_mut().unwrap().remove("lastTransitionTime");
        }
        // In which order keys came is no difference.
        for name in ["sshPublicKeys", "hostKeys"] {
            if let Some(keys) = status.get_mut(name).and_then(Value::as_array_mut) {
                keys.sort_by_key(|key| key["fingerprint"].to_string());
            }
        }
    }
    object
}

/// Replaces identifiers, times and attempts by what they are.
pub fn mask(text: &str) -> String {
    static PATTERNS: std::sync::OnceLock<Vec<(regex::Regex, &str)>> = std::sync::OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        [
            (r"\b(s|w|p|c|a|cert|key|hostkey|vpce|webapp)-[0-9a-f]{17}\b", "$1-ID"),
            (r"\bhostkey-ID-[0-9A-Z]{6}\b", "hostkey-ID-SECRET"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
            (r"SHA256:[A-Za-z0-9+/]{43}=*", "FINGERPRINT"),
            (r"\bapl-[0-9a-f]{16}\b", "apl-ID"),
            (r#""uid-\d+""#, "\"UID\""),
            (r#""lifecycle":\{"state":"[A-Z]+","next":\[?[^}]*?(ONLINE|OFFLINE)[^}]*\}"#, "\"lifecycle\":\"$1\""),
        ]
        .map(|(pattern, with)| (regex::Regex::new(pattern).unwrap(), with))
        .to_vec()
    });
    patterns.iter().fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}
