//! What was pasted into a field may be a private key. The API server refuses it, and answers with no piece of it: its
//! answers end in the logs of pipelines. All texts of all specs are walked but those that are listed here.

use std::collections::{BTreeMap, BTreeSet};

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use transfer_operator::api::all_crds;

use crate::fixtures::door;
use crate::support::{Lent, repository};

/// Private keys of `tests/fixtures/keys`: OpenSSH, PKCS#8, PKCS#1 and PPK, shorter and longer than most fields may be.
const KEYS: [&str; 7] = [
    "openssh-ed25519",
    "openssh-rsa3072",
    "pkcs8-ed25519",
    "pkcs8-rsa2048",
    "pkcs1-rsa4096",
    "refused/putty-ed25519.ppk",
    "refused/pkcs1-rsa8192",
];

/// Texts for which nobody reaches for a key or a password, so that the value may be shown with what is wrong with it.
/// Members of these names anywhere; what has a list of values (`enum`) is left out too, as no text is written there.
const SHOWN: [(&str, &[&str]); 4] = [
    (
        "ids and ARNs of AWS, copied from its console, which shows no keys",
        &[
            "serverId",
            "serverIds",
            "id",
            "adoptableIds",
            "accountId",
            "vpcId",
            "vpcEndpointId",
            "subnetIds",
            "securityGroupIds",
            "addressAllocationIds",
            "directoryId",
            "workflowId",
            "fileSystemId",
            "hostedZoneId",
            "roleArn",
            "roleArns",
            "secretArns",
            "accessRole",
            "localProfileId",
            "partnerProfileId",
            "resourceConfigurationArn",
            "role",
            "executionRole",
            "invocationRole",
            "instanceArn",
            "loggingRole",
            "function",
            "structuredLogDestinations",
        ],
    ),
    (
        "words, names and times that are typed",
        &[
            "region",
            "regions",
            "securityPolicyName",
            "timeZone",
            "start",
            "expiresAt",
            "activeDate",
            "inactiveDate",
            "passiveIp",
            "orderedUserSecretVersionStages",
        ],
    ),
    (
        "names of people, groups, hosts, buckets and folders",
        &["userName", "hostname", "bucket", "prefix", "path", "homeDirectory", "entry", "target", "spec.externalId"],
    ),
    (
        "names of objects and addresses, which lead to other objects and not to keys",
        &[
            "awsIdentityRef.name",
            "serverRef.name",
            "serverRefs[].name",
            "namespace",
            "names",
            "grants[].name",
            "transfer",
            "sts",
            "ec2",
        ],
    ),
];

/// What the API server itself prints of a selector of labels is Kubernetes' own.
const OF_KUBERNETES: &str = ".selector.";

fn shown(path: &str) -> bool {
    let name = path.trim_end_matches("[]");
    let listed = |listed: &&str| name == *listed || name.ends_with(&format!(".{listed}"));
    path.contains(OF_KUBERNETES) || SHOWN.iter().flat_map(|(_, names)| *names).any(listed)
}

/// The paths of all texts below a schema, and how long each may be.
fn texts(schema: &Value, path: &str, found: &mut BTreeMap<String, usize>) {
    if schema["type"] == "string" && schema["enum"].is_null() {
        let most = schema["maxLength"].as_u64().unwrap_or_else(|| panic!("{path} may be of any length"));
        found.insert(path.to_owned(), usize::try_from(most).unwrap());
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if !path.contains(OF_KUBERNETES) {
            texts(member, &path, found);
        }
    }
    for (below, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[below].is_object() {
            texts(&schema[below], &format!("{path}{mark}"), found);
        }
    }
}

/// A place in an accepted manifest that holds a text.
struct Target {
    object: Value,
    path: String,
    pointer: String,
    limit: usize,
}

/// Every place of a value, by its path in the schema and by its pointer.
fn pointers(value: &Value, schema: &Value, path: &str, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                if let Some(below) = schema["properties"].get(name) {
                    pointers(member, below, &format!("{path}.{name}"), &pointer, found);
                } else {
                    pointers(member, &schema["additionalProperties"], &format!("{path}{{}}"), &pointer, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &schema["items"], &format!("{path}[]"), &format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push((path.to_owned(), pointer.to_owned())),
    }
}

/// The accepted manifests, each under a name of its own.
fn manifests() -> Vec<Value> {
    let folder = repository("tests/fixtures/manifests/accepted");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let documents = |file| serde_saphyr::from_multiple::<Value>(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut all: Vec<Value> = files.into_iter().flat_map(documents).collect();
    for (index, object) in all.iter_mut().enumerate() {
        object["metadata"] = json!({"name": format!("stored-{index}")});
    }
    all
}

/// For every text of a spec that is not shown, one place of a manifest that sets it.
fn places() -> Vec<Target> {
    let mut places = Vec::new();
    for crd in all_crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let schema = &schema["openAPIV3Schema"]["properties"]["spec"];
        let mut wanted = BTreeMap::new();
        texts(schema, "spec", &mut wanted);
        wanted.retain(|path, _| !shown(path));
        for object in manifests().into_iter().filter(|object| object["kind"] == crd.spec.names.kind.as_str()) {
            let mut found = Vec::new();
            pointers(&object["spec"], schema, "spec", "/spec", &mut found);
            for (path, pointer) in found {
                if let Some(limit) = wanted.remove(&path) {
                    places.push(Target { object: object.clone(), path, pointer, limit });
                }
            }
        }
        assert!(wanted.is_empty(), "{}: no accepted manifest sets {wanted:?}", crd.spec.names.kind);
    }
    places
}

fn key(name: &str) -> String {
    std::fs::read_to_string(repository("tests/fixtures/keys").join(name)).unwrap()
}

/// The texts that people paste of a key: the file, the file with more behind it than the field takes, only what stands
/// between its marks, and as much of that as the field takes.
fn pasted(name: &str, limit: usize) -> Vec<String> {
    let text = key(name);
    let body: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
    let long = body.join("\n").repeat(1 + limit / text.len());
    let cut = text.chars().take(limit).collect();
    vec![text.clone(), format!("{text}{long}"), body.join("\n"), body.concat(), cut]
}

fn named(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object["metadata"] = json!({"name": name});
    object
}

/// All that the API server answers to this text, by every way that it can be written; nothing where it takes it.
async fn answers(api: &Api<DynamicObject>, place: &Target, text: &str) -> Vec<(&'static str, Option<String>)> {
    let mut object = named(&place.object, "canary");
    *object.pointer_mut(&place.pointer).unwrap() = json!(text);
    let stored = place.object["metadata"]["name"].as_str().unwrap();
    let typed: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let create = PostParams { dry_run: true, ..PostParams::default() };
    let patch = PatchParams { dry_run: true, ..PatchParams::default() };
    let apply = PatchParams { dry_run: true, ..PatchParams::apply("canary").force() };
    let merge = json!({"spec": object["spec"]});
    let replace = json!([{"op": "replace", "path": place.pointer, "value": text}]);
    let replace = Patch::Json::<()>(serde_json::from_value(replace).unwrap());
    let told = |answer: Result<DynamicObject, kube::Error>| answer.err().map(|error| format!("{error:?}"));
    vec![
        ("create", told(api.create(&create, &typed).await)),
        ("apply", told(api.patch("canary", &apply, &Patch::Apply(&typed)).await)),
        ("apply over another", told(api.patch(stored, &apply, &Patch::Apply(named(&object, stored))).await)),
        ("merge patch", told(api.patch(stored, &patch, &Patch::Merge(&merge)).await)),
        ("json patch", told(api.patch(stored, &patch, &replace).await)),
    ]
}

/// Pastes every key into one place, and fails where an answer holds a piece of it.
async fn paste(api: &Api<DynamicObject>, place: &Target) {
    for name in KEYS {
        let secret = key(name);
        let pieces: Vec<&str> = secret.lines().filter(|line| !line.starts_with('-') && line.len() >= 12).collect();
        for text in pasted(name, place.limit) {
            for (way, answer) in answers(api, place, &text).await {
                let called = format!("{}, {}: {name} by {way}", place.object["kind"], place.path);
                let must = text.len() > place.limit
                    || place.path.ends_with(".publicKey")
                    || place.path.ends_with(".trustedHostKeys[]");
                let Some(answer) = answer else {
                    assert!(!must, "{called} was taken");
                    continue;
                };
                let leaks = pieces.iter().find(|line| answer.contains(&line[..12]));
                assert!(leaks.is_none(), "{called}, {} characters: {answer}", text.len());
                let list = place.path.split(['.', '[', '{']).nth(1).unwrap();
                assert!(answer.contains(list), "{called}: the answer names no {list}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn no_answer_of_the_api_server_holds_a_piece_of_a_private_key() {
    let plane = Lent::installed().await;
    let client = plane.admin().await;
    let places = places();
    for fields in ["sshPublicKeys[].publicKey", "certificate", "hostKeys[].kmsKey", "hostKeys[].secretKeyRef.name"] {
        assert!(places.iter().any(|place| place.path.ends_with(fields)), "{fields} is not walked");
    }
    for place in &places {
        let api = door(&client, &place.object);
        let name = place.object["metadata"]["name"].as_str().unwrap();
        let how = PatchParams::apply("stored").force();
        api.patch(name, &how, &Patch::Apply(&place.object)).await.unwrap();
        paste(&api, place).await;
    }
}

#[test]
fn every_field_that_is_left_out_is_one() {
    let mut all = BTreeSet::new();
    for crd in all_crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let mut found = BTreeMap::new();
        texts(&schema["openAPIV3Schema"]["properties"]["spec"], "spec", &mut found);
        all.extend(found.into_keys());
    }
    for name in SHOWN.iter().flat_map(|(_, names)| *names) {
        let is = |path: &String| path.trim_end_matches("[]").ends_with(name);
        assert!(all.iter().any(is), "{name} is no text of a spec: take it out");
    }
}
