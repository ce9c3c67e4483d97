//! Objects as the API server may hold them, of a laxer CRD or past admission: each kind is read from manifests whose
//! values are put in the place of others, and from damaged bytes of them, as watches read them.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use kube::Resource;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{KEY, cases, inputs};
use crate::api::{
    AwsIdentity, Managed, ManagedKind, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector,
    TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow, references,
};
use crate::cluster::guarded::Guarded;
use crate::cluster::pruned::Pruned;
use crate::cluster::{ClusterError, Name, decode};

/// Longest text of why an object cannot be read; what does not fit may be a million times as long.
const MOST_TOLD: usize = 1000;

/// Whole objects of all kinds: the accepted manifests, and states with their status.
static OBJECTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = ["fixtures/manifests/accepted", "gitops/states"]
        .into_iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let documents = |file| serde_saphyr::from_multiple::<Value>(&fs::read_to_string(file).unwrap()).unwrap();
    let all: Vec<Value> = files.into_iter().flat_map(documents).collect();
    // Of states as many as of manifests: they differ in their conditions most.
    let (states, manifests): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|object| object["status"].is_object());
    let every = states.len() / manifests.len().max(1);
    states.into_iter().step_by(every.max(1)).chain(manifests).collect()
});

/// What stands where something else should.
fn odd() -> impl Strategy<Value = Value> {
    let one = |value: Value| Just(value).boxed();
    prop_oneof![
        one(Value::Null),
        one(json!(true)),
        one(json!(-1)),
        one(json!(i64::MAX)),
        one(json!(1.5e300)),
        one(json!("")),
        one(json!("\u{0}\u{202e}")),
        one(json!(KEY)),
        one(json!("9".repeat(5000))),
        one(json!("2026-02-30T25:61:61Z")),
        one(json!([])),
        one(json!({})),
        one(json!([[[[{"name": "x"}]]]])),
        one(json!({"name": "x", "namespace": "y", "unknown": {"a": null}})),
        "\\PC{0,40}".prop_map(Value::from).boxed(),
    ]
}

/// Puts a value at the place of this number, counted through all of them; whether it was there.
fn put(value: &mut Value, number: &mut usize, odd: &Value) -> bool {
    let Some(next) = number.checked_sub(1) else {
        *value = odd.clone();
        return true;
    };
    *number = next;
    match value {
        Value::Object(members) => members.values_mut().any(|member| put(member, number, odd)),
        Value::Array(items) => items.iter_mut().any(|item| put(item, number, odd)),
        _ => false,
    }
}

/// An object with some values of spec and status in the place of others.
fn objects() -> impl Strategy<Value = Value> {
    let edits = prop::collection::vec((prop::bool::ANY, any::<Index>(), odd()), 0..4);
    (any::<Index>(), edits).prop_map(|(which, edits)| {
        let mut object = OBJECTS[which.index(OBJECTS.len())].clone();
        for (status, at, odd) in edits {
            let part = if status && object["status"].is_object() { "status" } else { "spec" };
            let count = count(&object[part]);
            assert!(put(&mut object[part], &mut at.index(count), &odd));
        }
        object
    })
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn is<K: Resource<DynamicType = ()>>(object: &Value) -> bool {
    object["kind"] == K::kind(&()).as_ref()
}

/// What can be read, or why not in so many words, which name the field and quote nothing.
fn read<K>(object: &Value) -> Result<Option<K>, TestCaseError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Serialize + Debug,
{
    let name = Name { namespace: "team".to_owned(), name: "x".to_owned() };
    match decode::<K>(&name, object) {
        Ok(read) => {
            let written = serde_json::to_value(&read).unwrap();
            let again = serde_json::to_value(decode::<K>(&name, &written).unwrap()).unwrap();
            prop_assert_eq!(again, written);
            Ok(Some(read))
        }
        Err(ClusterError::Undecodable(_, why)) => {
            let named =
                ["spec", "status", "metadata"].iter().any(|part| why.starts_with(part)) || why.contains("missing");
            prop_assert!(named && why.len() < MOST_TOLD, "{}", why);
            prop_assert!(!super::echoes(&why, KEY) && !why.contains(&"9".repeat(20)), "{}", why);
            Ok(None)
        }
        Err(other) => panic!("{other}"),
    }
}

/// What is asked of every object that was read, by indices and watches, before anything checks it.
fn looked_at<K: Managed>(object: &Value) -> TestCaseResult {
    if is::<K>(object)
        && let Some(read) = read::<K>(object)?
    {
        let _ = (references::all(&read), read.policies(), read.suspend(), read.spec_json());
        let interval = read.resync_interval();
        prop_assert!(interval.is_none_or(|interval| (60..=86_400).contains(&interval.as_secs())), "{:?}", interval);
    }
    Ok(())
}

/// As a watch reads one line, and a listing one entry.
fn watched<K: Resource<DynamicType = ()> + DeserializeOwned>(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Pruned<Guarded<K>>>(bytes);
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn an_object_of_odd_values_is_read_or_says_which_field(object in objects()) {
        looked_at::<TransferServer>(&object)?;
        looked_at::<TransferUser>(&object)?;
        looked_at::<TransferAccess>(&object)?;
        looked_at::<TransferWorkflow>(&object)?;
        looked_at::<TransferProfile>(&object)?;
        looked_at::<TransferConnector>(&object)?;
        looked_at::<TransferAgreement>(&object)?;
        looked_at::<TransferCertificate>(&object)?;
        looked_at::<TransferWebApp>(&object)?;
        if is::<AwsIdentity>(&object) && let Some(identity) = read::<AwsIdentity>(&object)? {
            let _ = identity.spec.access();
        }
        // The watch takes all of them, of what it cannot read the metadata.
        prop_assert!(serde_json::from_value::<Pruned<Guarded<TransferUser>>>(object).is_ok());
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn damaged_bytes_of_an_object_stop_no_watch(
        bytes in inputs(OBJECTS.iter().map(|object| object.to_string().into_bytes()).collect()),
    ) {
        watched::<TransferServer>(&bytes);
        watched::<TransferUser>(&bytes);
        watched::<TransferAccess>(&bytes);
        watched::<TransferWorkflow>(&bytes);
        watched::<TransferProfile>(&bytes);
        watched::<TransferConnector>(&bytes);
        watched::<TransferAgreement>(&bytes);
        watched::<TransferCertificate>(&bytes);
        watched::<TransferWebApp>(&bytes);
        watched::<AwsIdentity>(&bytes);
    }
}

#[test]
fn every_kind_is_among_the_objects_with_and_without_status() {
    for kind in ManagedKind::ALL.iter().map(|kind| kind.name()).chain(["AwsIdentity"]) {
        let of = OBJECTS.iter().filter(|object| object["kind"] == kind);
        let (with, without): (Vec<&Value>, Vec<&Value>) = of.partition(|object| object["status"].is_object());
        assert!(
            !with.is_empty() && !without.is_empty(),
            "{kind}: {} with a status, {} without",
            with.len(),
            without.len()
        );
    }
}

/// Why a spec of this kind cannot be read.
fn why<K: Resource<DynamicType = ()> + DeserializeOwned + Debug>(spec: &Value) -> String {
    let name = Name { namespace: "team".to_owned(), name: "x".to_owned() };
    let object = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": K::kind(&()), "metadata": {"name": "x"}, "spec": spec,
    });
    match decode::<K>(&name, &object) {
        Err(ClusterError::Undecodable(_, why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_member_that_does_not_fit_is_named_and_not_its_neighbour() {
    let arn = "arn:aws:iam::123456789012:role/files";
    let server = json!({"name": "files"});
    let rows = [
        // Taken out, externalId is missed before role is looked at.
        (json!({"externalId": "S-1-1", "role": 5, "serverRef": server}), "spec.role: invalid type: integer `5`, "),
        (
            json!({"externalId": "S-1-1", "role": arn, "homeDirectory": 5}),
            "spec.homeDirectory: invalid type: integer `5`, ",
        ),
        (json!({"externalId": 5, "role": arn}), "spec.externalId: invalid type: integer `5`, "),
    ];
    for (spec, start) in rows {
        assert_eq!(why::<TransferAccess>(&spec), format!("{start}expected a string"), "{spec}");
    }
    assert_eq!(why::<TransferAccess>(&json!({"externalId": "S-1-1"})), "spec: missing field `role`");
    assert_eq!(why::<TransferAccess>(&json!({"role": arn})), "spec: missing field `externalId`");
    let identity = json!({"accountId": "123456789012", "regions": ["eu-west-1"]});
    assert_eq!(why::<AwsIdentity>(&identity), "spec: missing field `credentials`");
}
