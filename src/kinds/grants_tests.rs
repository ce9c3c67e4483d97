//! Who may use an identity: namespaces, selectors, kinds, regions and the lists of a grant, each with each. What is
//! expected is worked out here once more, after the words of Kubernetes and of the CRD, and not by the code that decides.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::api::ManagedKind::{TransferAccess, TransferProfile, TransferServer, TransferUser, TransferWorkflow};
use crate::api::all_crds;

type Labels = BTreeMap<String, String>;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/sftp/bank/writer";
const SERVER: &str = "s-0123456789abcdef0";
const CERTIFICATE: &str = "cert-0123456789abcdef0";
const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bank/acme-AbCdEf";
const ADOPTABLE: &str = "w-0123456789abcdef0";

/// Whether something is granted to somebody.
type Decides = fn(&AwsIdentity, &Asker<'_>) -> bool;

/// The lists of a grant, of which each gives one thing: its name, what stands in it here, and who decides.
const LISTS: [(&str, &str, Decides); 5] = [
    ("roleArns", ROLE, |identity, asker| role_granted(identity, asker, "spec.role", ROLE).is_ok()),
    ("serverIds", SERVER, |identity, asker| server_granted(identity, asker, SERVER).is_ok()),
    ("adoptableIds", ADOPTABLE, |identity, asker| adoption_granted(identity, asker, ADOPTABLE).is_ok()),
    ("certificateIds", CERTIFICATE, |identity, asker| {
        certificate_granted(identity, asker, "spec.certificateIds", CERTIFICATE).is_ok()
    }),
    ("secretArns", SECRET, |identity, asker| {
        secret_granted(identity, asker, "spec.sftpConfig.userSecretId", SECRET).is_ok()
    }),
];

/// This grant with something in each of its lists.
fn with_lists(mut grant: Value) -> Value {
    for (list, entry, _) in LISTS {
        grant[list] = json!([entry]);
    }
    grant
}

/// The lists whose entry is granted.
fn given(identity: &AwsIdentity, asker: &Asker<'_>) -> Vec<&'static str> {
    LISTS.into_iter().filter(|(_, _, decides)| decides(identity, asker)).map(|(list, ..)| list).collect()
}

/// All lists or none.
fn lists(all: bool) -> Vec<&'static str> {
    LISTS.into_iter().filter(|_| all).map(|(list, ..)| list).collect()
}

fn identity(grants: &Value) -> AwsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "shared"},
        "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": grants},
    }))
    .unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The labels of namespace `bank`, as the API server gives them and an administrator.
fn bank() -> Labels {
    labels(&[("kubernetes.io/metadata.name", "bank"), ("sftp", "yes"), ("env", "prod")])
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    let mut value = json!({"key": key, "operator": operator});
    if !values.is_empty() {
        value["values"] = json!(values);
    }
    value
}

fn by(selector: &Value) -> Value {
    json!({"from": "Selector", "selector": selector})
}

fn where_(expressions: &[Value]) -> Value {
    by(&json!({"matchExpressions": expressions}))
}

/// A selection of namespaces, whether it admits `bank`, and why.
fn selections() -> Vec<(Value, bool, &'static str)> {
    let in_ = |key, values: &[&str]| expression(key, "In", values);
    vec![
        (json!({"from": "All"}), true, "every namespace"),
        (json!({"from": "Names", "names": ["bank"]}), true, "named"),
        (json!({"from": "Names", "names": ["ban", "bank-2", "BANK", "*", "{namespace}", ""]}), false, "other names"),
        (json!({"from": "Names", "names": []}), false, "no names"),
        (json!({"from": "Names"}), false, "without names"),
        (json!({"from": "Names", "selector": {"matchLabels": {"sftp": "yes"}}}), false, "names are asked for"),
        (json!({"from": "Selector", "names": ["bank"]}), false, "labels are asked for"),
        (by(&json!({})), false, "an empty selector"),
        (by(&json!({"matchLabels": {}, "matchExpressions": []})), false, "a selector of nothing"),
        (by(&json!({"matchLabels": {"sftp": "yes"}})), true, "a label"),
        (by(&json!({"matchLabels": {"sftp": "no"}})), false, "another value"),
        (by(&json!({"matchLabels": {"sftp": ""}})), false, "an empty value is a value"),
        (by(&json!({"matchLabels": {"sftp": "yes", "env": "test"}})), false, "one of two labels"),
        (by(&json!({"matchLabels": {"sftp": "yes", "env": "prod"}})), true, "both labels"),
        (where_(&[in_("env", &["test", "prod"])]), true, "In"),
        (where_(&[in_("env", &["test"])]), false, "In, another value"),
        (where_(&[in_("absent", &["x"])]), false, "In, without the label"),
        (where_(&[expression("env", "NotIn", &["test"])]), true, "NotIn"),
        (where_(&[expression("env", "NotIn", &["prod"])]), false, "NotIn, its value"),
        (where_(&[expression("absent", "NotIn", &["x"])]), true, "NotIn, without the label"),
        (where_(&[expression("sftp", "Exists", &[])]), true, "Exists"),
        (where_(&[expression("absent", "Exists", &[])]), false, "Exists, without the label"),
        (where_(&[expression("absent", "DoesNotExist", &[])]), true, "DoesNotExist"),
        (where_(&[expression("sftp", "DoesNotExist", &[])]), false, "DoesNotExist, with the label"),
        (where_(&[in_("env", &["prod"]), expression("sftp", "DoesNotExist", &[])]), false, "one of two"),
        (
            by(&json!({"matchLabels": {"sftp": "no"}, "matchExpressions": [in_("env", &["prod"])]})),
            false,
            "one kind of two",
        ),
        (where_(&[expression("env", "Like", &["p*"])]), false, "an operator that nobody knows"),
        (where_(&[in_("env", &["prod"]), expression("env", "Like", &["p*"])]), false, "one of them nobody knows"),
    ]
}

#[test]
fn every_list_of_a_grant_is_in_the_matrix() {
    let crd = all_crds().into_iter().find(|crd| crd.spec.names.kind == "AwsIdentity").unwrap();
    let schema = serde_json::to_value(&crd.spec.versions[0]).unwrap();
    let grant = "/schema/openAPIV3Schema/properties/spec/properties/grants/items/properties";
    let members = schema.pointer(grant).unwrap().as_object().unwrap();
    let found = members.iter().filter(|(name, member)| member["type"] == "array" && *name != "kinds");
    let found: BTreeSet<&str> = found.map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, lists(true).into_iter().collect());
}

/// An entry that stands in one list is no entry of another one.
#[test]
fn an_entry_of_a_grant_counts_in_its_own_list_alone() {
    let labels = bank();
    let asker = Asker { kind: TransferUser, namespace: "bank", labels: &labels };
    for (list, ..) in LISTS {
        let mut grant = json!({"name": "a", "kinds": ["TransferUser"], "namespaces": {"from": "All"}});
        grant[list] = LISTS.into_iter().map(|(_, entry, _)| entry).collect();
        assert_eq!(given(&identity(&json!([grant])), &asker), [list]);
    }
}

#[test]
fn every_selection_admits_whom_it_says_and_for_its_kinds_alone() {
    let all = [&[TransferServer][..], &[TransferUser, TransferAccess], ManagedKind::ALL];
    for (namespaces, admits, why) in selections() {
        for kinds in all {
            let grant = json!({"name": "a", "kinds": kinds, "namespaces": namespaces});
            let identity = identity(&json!([with_lists(grant)]));
            for kind in ManagedKind::ALL {
                let labels = bank();
                let asker = Asker { kind: *kind, namespace: "bank", labels: &labels };
                let expected = admits && kinds.contains(kind);
                let may = |region: &str| granted("shared", Some(&identity), &asker, region).is_ok();
                assert_eq!(may(REGION), expected, "{kind:?}: {why}");
                assert!(!may("us-east-1"), "{kind:?} in another region: {why}");
                assert_eq!(given(&identity, &asker), lists(expected), "{kind:?}: {why}");
            }
        }
    }
}

/// What one grant gives is not put together with what another one gives to somebody else.
#[test]
fn two_grants_are_never_added_up_across_namespaces_or_kinds() {
    let grants = json!([
        {"name": "bank", "kinds": ["TransferUser"], "namespaces": {"from": "Names", "names": ["bank"]}},
        with_lists(json!({"name": "shop", "kinds": ["TransferUser"],
            "namespaces": {"from": "Names", "names": ["shop"]}})),
        with_lists(json!({"name": "servers", "kinds": ["TransferServer"],
            "namespaces": {"from": "Names", "names": ["bank"]}})),
    ]);
    let (identity, labels) = (identity(&grants), bank());
    let rows = [
        (TransferUser, "bank", true, false),
        (TransferUser, "shop", true, true),
        (TransferServer, "bank", true, true),
        (TransferServer, "shop", false, false),
        (TransferAccess, "bank", false, false),
        (TransferWorkflow, "shop", false, false),
        (TransferUser, "", false, false),
    ];
    for (kind, namespace, identity_itself, all_named) in rows {
        let asker = Asker { kind, namespace, labels: &labels };
        let may = granted("shared", Some(&identity), &asker, REGION).is_ok();
        assert_eq!((may, given(&identity, &asker)), (identity_itself, lists(all_named)), "{kind:?} of {namespace}");
    }
}

#[test]
fn every_certificate_is_granted_to_one_namespace_and_kind_alone() {
    let grants = json!([
        {"name": "bank", "kinds": ["TransferProfile"], "namespaces": {"from": "Names", "names": ["bank"]},
            "certificateIds": ["*"]},
        {"name": "others", "kinds": ["TransferProfile"], "namespaces": {"from": "Names", "names": ["shop"]}},
        {"name": "servers", "kinds": ["TransferServer"], "namespaces": {"from": "Names", "names": ["bank"]}},
    ]);
    let (identity, labels) = (identity(&grants), bank());
    let rows = [
        (TransferProfile, "bank", true),
        (TransferProfile, "shop", false),
        (TransferServer, "bank", false),
        (TransferUser, "bank", false),
    ];
    for (kind, namespace, expected) in rows {
        let asker = Asker { kind, namespace, labels: &labels };
        let answer = certificate_granted(&identity, &asker, "spec.certificateIds", CERTIFICATE);
        assert_eq!(answer.is_ok(), expected, "{kind:?} of {namespace}");
    }
}

/// Any selector that the API server would take, of few keys and values, so that they meet.
fn selectors() -> impl Strategy<Value = Value> {
    let key = || select(vec!["env", "sftp", "team", "kubernetes.io/metadata.name"]);
    let value = || select(vec!["prod", "yes", "bank", ""]);
    let one =
        (key(), select(vec!["In", "NotIn", "Exists", "DoesNotExist"]), subsequence(vec!["prod", "yes", "bank"], 1..3));
    let one = one.prop_map(|(key, operator, values)| {
        expression(key, operator, if operator.ends_with("In") { &values } else { &[] })
    });
    let labels = prop::collection::btree_map(key(), value(), 0..3);
    (labels, prop::collection::vec(one, 0..3))
        .prop_map(|(labels, expressions)| json!({"matchLabels": labels, "matchExpressions": expressions}))
}

/// Kubernetes' own words: all labels are there, and every expression holds.
fn matches(selector: &Value, labels: &Labels) -> bool {
    let of = |key: &Value| labels.get(key.as_str().unwrap());
    let equal = selector["matchLabels"]
        .as_object()
        .unwrap()
        .iter()
        .all(|(key, value)| of(&json!(key)).is_some_and(|has| value == has));
    equal
        && selector["matchExpressions"].as_array().unwrap().iter().all(|one| {
            let has = of(&one["key"]);
            let listed =
                has.is_some_and(|has| one["values"].as_array().is_some_and(|values| values.contains(&json!(has))));
            match one["operator"].as_str().unwrap() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => has.is_some(),
                _ => has.is_none(),
            }
        })
}

proptest! {
    #[test]
    fn a_selector_admits_as_kubernetes_says_but_never_everybody(
        selector in selectors(),
        labels in prop::collection::btree_map("(env)|(sftp)|(team)", "(prod)|(yes)|(bank)|()", 0..4),
    ) {
        let empty = selector == json!({"matchLabels": {}, "matchExpressions": []});
        let identity = identity(&json!([{"name": "a", "kinds": ["TransferUser"], "namespaces": by(&selector)}]));
        let asker = Asker { kind: TransferUser, namespace: "bank", labels: &labels };
        let expected = !empty && !labels.is_empty() && matches(&selector, &labels);
        prop_assert_eq!(granted("shared", Some(&identity), &asker, REGION).is_ok(), expected, "{}", selector);
    }

    #[test]
    fn a_namespace_whose_labels_were_not_read_matches_no_selector(selector in selectors(), namespace in "[a-z]{1,8}") {
        let unread = Labels::new();
        let grant = json!({"name": "a", "kinds": ManagedKind::ALL, "namespaces": by(&selector)});
        let mut grant = with_lists(grant);
        grant["certificateIds"] = json!(["*"]);
        let identity = identity(&json!([grant]));
        for kind in ManagedKind::ALL {
            let asker = Asker { kind: *kind, namespace: &namespace, labels: &unread };
            prop_assert!(granted("shared", Some(&identity), &asker, REGION).is_err(), "{}", selector);
            prop_assert_eq!(given(&identity, &asker), lists(false), "{}", selector);
        }
    }
}
