//! The CRDs against manifests that must be accepted and manifests that must be refused, without an API server: schema
//! and CEL are evaluated here. The same files go through a real API server elsewhere; their format is described in
//! tests/fixtures/manifests/README.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/admission/mod.rs"]
mod admission;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use admission::Admission;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use transfer_operator::api::{
    AwsIdentity, ManagedKind, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector,
    TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow,
};

/// One file of tests/fixtures/manifests.
struct Fixture {
    name: String,
    expect: Option<String>,
    at: Option<String>,
    documents: Vec<Value>,
}

fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifests").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no manifests", folder.display());
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Fixture {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let marked = |mark| text.lines().take(2).find_map(|line| line.strip_prefix(mark)).map(str::to_owned);
    let (expect, at) = (marked("# expect: "), marked("# at: "));
    let documents = serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    Fixture { name, expect, at, documents }
}

/// The spec after it went through the kind's types.
fn through_types(object: &Value) -> Result<Value, serde_json::Error> {
    fn pass<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
        Ok(serde_json::to_value(serde_json::from_value::<K>(object.clone())?)?["spec"].take())
    }
    match object["kind"].as_str().unwrap() {
        "TransferServer" => pass::<TransferServer>(object),
        "TransferUser" => pass::<TransferUser>(object),
        "TransferAccess" => pass::<TransferAccess>(object),
        "TransferConnector" => pass::<TransferConnector>(object),
        "TransferCertificate" => pass::<TransferCertificate>(object),
        "TransferAgreement" => pass::<TransferAgreement>(object),
        "TransferWebApp" => pass::<TransferWebApp>(object),
        "TransferWorkflow" => pass::<TransferWorkflow>(object),
        "TransferProfile" => pass::<TransferProfile>(object),
        "AwsIdentity" => pass::<AwsIdentity>(object),
        other => panic!("no such kind: {other}"),
    }
}

fn assert_refused(fixture: &Fixture, refusals: &[String]) {
    let Fixture { name, expect, at, .. } = fixture;
    let expect = expect.as_deref().unwrap_or_else(|| panic!("{name}: the first line is not `# expect: <text>`"));
    let told =
        |text: &String| text.contains(expect) && at.as_deref().is_none_or(|at| text.starts_with(&format!("{at}:")));
    assert!(refusals.iter().any(told), "{name}: expected {expect:?} at {at:?} among {refusals:#?}");
}

#[test]
fn accepted_manifests_are_accepted() {
    let admission = Admission::new();
    for Fixture { name, documents, .. } in fixtures("accepted") {
        for (index, object) in documents.iter().enumerate() {
            assert_eq!(admission.refusals(object, None), Vec::<String>::new(), "{name}, document {index}");
        }
    }
}

#[test]
fn types_lose_nothing_and_have_the_defaults_of_the_schema() {
    let admission = Admission::new();
    for Fixture { name, documents, .. } in fixtures("accepted") {
        for (index, object) in documents.iter().enumerate() {
            let decoded = through_types(object).unwrap_or_else(|error| panic!("{name}, document {index}: {error}"));
            let defaulted = admission.defaulted(object);
            assert_eq!(without_empty(&decoded), without_empty(&defaulted["spec"]), "{name}, document {index}");
        }
    }
}

/// Without empty tags and grants: there, absent and empty say the same, and the types keep no difference.
fn without_empty(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for grant in spec["grants"].as_array_mut().into_iter().flatten() {
        grant.as_object_mut().unwrap().retain(|_, value| *value != serde_json::json!([]));
    }
    spec
}

/// Users of other tools, peers.md C 19: authentication methods with a provider that has none.
#[test]
fn rejected_manifests_are_refused_for_the_reason_they_name() {
    let admission = Admission::new();
    for fixture in fixtures("rejected") {
        let [object] = fixture.documents.as_slice() else { panic!("{}: not one document", fixture.name) };
        assert_refused(&fixture, &admission.refusals(object, None));
    }
}

/// A replace leaves the status alone, so the new object is judged with the status of the old one.
fn update(fixture: &Fixture) -> (Value, Value) {
    let [old, new] = fixture.documents.as_slice() else { panic!("{}: not two documents", fixture.name) };
    let mut new = new.clone();
    if let Some(status) = old.get("status") {
        new["status"] = status.clone();
    }
    (old.clone(), new)
}

#[test]
fn accepted_updates_are_accepted() {
    let admission = Admission::new();
    for fixture in fixtures("updates/accepted") {
        let (old, new) = update(&fixture);
        assert_eq!(admission.refusals(&old, None), Vec::<String>::new(), "{}: the object before", fixture.name);
        assert_eq!(admission.refusals(&new, Some(&old)), Vec::<String>::new(), "{}", fixture.name);
    }
}

#[test]
fn rejected_updates_are_refused_only_because_of_the_change() {
    let admission = Admission::new();
    for fixture in fixtures("updates/rejected") {
        let (old, new) = update(&fixture);
        assert_eq!(admission.refusals(&old, None), Vec::<String>::new(), "{}: the object before", fixture.name);
        assert_eq!(admission.refusals(&new, None), Vec::<String>::new(), "{}: the object after", fixture.name);
        assert_refused(&fixture, &admission.refusals(&new, Some(&old)));
    }
}

/// Calls `visit` with every schema under this one, and the path of each.
fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        walk(member, &format!("{path}.{name}"), visit);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &format!("{path}{{}}"), visit);
    }
}

fn messages(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(schema, "", &mut |path, schema| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap_or_else(|| panic!("{path}: a rule without a message"));
            found.insert(message.to_owned());
        }
    });
    found
}

#[test]
fn every_rule_is_broken_by_a_manifest() {
    let broken: Vec<String> =
        ["rejected", "updates/rejected"].into_iter().flat_map(fixtures).filter_map(|fixture| fixture.expect).collect();
    for (kind, schema) in Admission::new().schemas() {
        for message in messages(schema) {
            assert!(broken.iter().any(|expect| message.contains(expect)), "{kind}: no manifest breaks {message:?}");
        }
    }
}

/// Where a regular expression is what the API server answers with, and why.
const PATTERNS: [(&str, &str); 6] = [
    ("AwsIdentity.spec.grants[].secretArns[]", "the same as of roleArns"),
    (
        "AwsIdentity.spec.grants[].roleArns[]",
        "65,536 of them: a rule costs too much; the commonest slip has one in words",
    ),
    ("TransferUser.spec.homeDirectoryMappings[].entry", "50,000 of them: a rule costs too much; only for line breaks"),
    ("TransferUser.spec.homeDirectoryMappings[].target", "the same"),
    ("TransferAccess.spec.homeDirectoryMappings[].entry", "the same"),
    ("TransferAccess.spec.homeDirectoryMappings[].target", "the same"),
];

#[test]
fn what_is_wrong_with_a_text_is_told_in_words() {
    let mut found = BTreeSet::new();
    for (kind, schema) in Admission::new().schemas() {
        walk(schema, kind, &mut |path, schema| {
            if schema["pattern"].is_string() || schema["format"] == "date-time" && path.contains(".spec.") {
                found.insert(path.to_owned());
            }
        });
    }
    assert_eq!(found, PATTERNS.iter().map(|(path, _)| (*path).to_owned()).collect());
}

#[test]
fn every_field_of_a_spec_is_set_by_an_accepted_manifest() {
    let objects: Vec<Value> = fixtures("accepted").into_iter().flat_map(|fixture| fixture.documents).collect();
    for (kind, schema) in Admission::new().schemas() {
        let mut set = BTreeSet::new();
        for object in objects.iter().filter(|object| object["kind"] == kind) {
            collect_paths(&object["spec"], ".spec", &mut set);
        }
        walk(&schema["properties"]["spec"], ".spec", &mut |path, _| {
            let inside_a_selector = path.contains(".selector.");
            let element = path.ends_with("[]") || path.ends_with("{}");
            assert!(inside_a_selector || element || set.contains(path), "{kind}: no accepted manifest sets {path}");
        });
    }
}

fn collect_paths(value: &Value, path: &str, set: &mut BTreeSet<String>) {
    set.insert(path.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| collect_paths(member, &format!("{path}.{name}"), set));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_paths(item, &format!("{path}[]"), set)),
        _ => {}
    }
}

#[test]
fn every_field_has_a_description_that_survives_templating() {
    for (kind, schema) in Admission::new().schemas() {
        walk(schema, "", &mut |path, schema| {
            if path.is_empty() || path.ends_with("{}") || path.ends_with("[]") {
                return;
            }
            let text = schema["description"].as_str().unwrap_or_else(|| panic!("{kind}{path} has no description"));
            // Flux's substitution and Helm's templates would eat these out of the CRD itself.
            assert!(!text.contains("${") && !text.contains("{{"), "{kind}{path}: {text}");
        });
    }
}

/// Messages of all kinds advise it, see `engine/decide`.
#[test]
fn what_lives_in_aws_can_be_adopted() {
    let lifecycle = "/properties/spec/properties/lifecycle/properties";
    let adopts = |schema: &Value| schema.pointer(lifecycle).is_some_and(|members| members.get("adoption").is_some());
    let admission = Admission::new();
    let kinds: BTreeSet<&str> =
        admission.schemas().filter(|(_, schema)| adopts(schema)).map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ManagedKind::ALL.iter().map(|kind| kind.name()).collect());
}

/// Users of other tools, peers.md C 26: values are known at admission.
#[test]
fn every_value_that_a_field_may_have_is_described() {
    for (kind, schema) in Admission::new().schemas() {
        let mut described = String::new();
        walk(&schema["properties"]["spec"], "spec", &mut |path, schema| {
            // What an entry may be is said of its list, which comes before it.
            if !path.ends_with("[]") {
                schema["description"].as_str().unwrap_or_default().clone_into(&mut described);
            }
            let values = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for value in values {
                assert!(described.contains(value), "{kind} {path}: nothing is said of {value}: {described}");
            }
        });
    }
}

#[test]
fn no_field_is_nullable_and_no_list_is_without_a_merge_rule() {
    for (kind, schema) in Admission::new().schemas() {
        walk(schema, "", &mut |path, schema| {
            assert!(schema["nullable"].is_null(), "{kind}{path} is nullable");
            let values = schema["enum"].as_array();
            assert!(!values.is_some_and(|values| values.contains(&Value::Null)), "{kind}{path} has null for a value");
            let ours = schema["type"] == "array" && !path.contains(".selector.");
            assert!(!ours || schema["x-kubernetes-list-type"].is_string(), "{kind}{path} says not how it is merged");
        });
    }
}

#[test]
fn an_object_that_nobody_looked_at_reads_as_not_yet_observed() {
    for (kind, schema) in Admission::new().schemas() {
        let status = &schema["properties"]["status"]["default"];
        assert_eq!(*status, serde_json::json!({ "observedGeneration": -1 }), "{kind}");
    }
}
