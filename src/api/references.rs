//! What objects refer to, by names that can be looked up: who refers to a thing is found in an index, never scanned
//! for. An index may answer with more objects than are asked for, never with fewer.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ObjectMeta;

use super::lifecycle::DeletionPolicy;
use super::login::Login;
use super::object_ref::{ObjectRef, ServerRef};
use super::shapes::WorkflowDetails;
use super::{FINALIZER, Managed, ManagedKind};

/// Namespace and name; the namespace is empty for cluster-scoped kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Name {
    /// The server object that a reference in this namespace names.
    #[must_use]
    pub fn named_by(reference: &ServerRef, own: &str) -> Self {
        let ServerRef { name, namespace } = reference;
        Self::within(namespace.as_deref(), own, name)
    }

    /// The object that a reference in this namespace names.
    #[must_use]
    pub fn of(reference: &ObjectRef, own: &str) -> Self {
        let ObjectRef { name, namespace } = reference;
        Self::within(namespace.as_deref(), own, name)
    }

    /// What a reference names, in the namespace of whoever refers where it says none.
    fn within(named: Option<&str>, own: &str, name: &str) -> Self {
        Self { namespace: named.unwrap_or(own).to_owned(), name: name.to_owned() }
    }
}

impl From<&ObjectMeta> for Name {
    fn from(meta: &ObjectMeta) -> Self {
        let ObjectMeta { namespace, name, .. } = meta;
        Self { namespace: namespace.clone().unwrap_or_default(), name: name.clone().unwrap_or_default() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// A thing that objects refer to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The AwsIdentity that the spec names or that status records.
    Identity(String),
    /// An object of ours that the spec names, such as the TransferServer of `serverRef`.
    Object(ManagedKind, Name),
    /// What AWS has under an id: named by the spec, such as `serverId` of a user, or recorded by status.
    Id(ManagedKind, String),
    /// A ConfigMap that is read.
    ConfigMap(Name),
    /// The user name or external id, of the spec and of what was made.
    Login(String),
    /// The namespace that the object is in.
    Namespace(String),
    /// The AwsIdentity with which it is going to be deleted in AWS, and since when that is asked for.
    Leaving(String, Timestamp),
}

impl Reference {
    /// The identity that it names.
    #[must_use]
    pub fn identity(&self) -> Option<&str> {
        match self {
            Self::Identity(name) => Some(name),
            _ => None,
        }
    }

    /// The login that it names.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match self {
            Self::Login(name) => Some(name),
            _ => None,
        }
    }

    /// The server in AWS that it names by its id.
    #[must_use]
    pub fn server_id(&self) -> Option<&str> {
        match self {
            Self::Id(ManagedKind::TransferServer, id) => Some(id),
            _ => None,
        }
    }

    /// What objects refer to that have something on this server: their status records its id.
    #[must_use]
    pub fn to_server(id: &str) -> Self {
        Self::Id(ManagedKind::TransferServer, id.to_owned())
    }
}

/// Everything that an object refers to: what its kind says, the identity that status records, its namespace, and with
/// what it is on its way out.
pub fn all<K: Managed>(object: &K) -> Vec<Reference> {
    let recorded = object.status().and_then(|status| K::common(status).aws_identity.clone());
    let mut all: Vec<Reference> = object
        .references()
        .into_iter()
        .chain(recorded.map(Reference::Identity))
        .chain(object.namespace().map(Reference::Namespace))
        .collect();
    if let Some(at) = leaves(object) {
        let identities: BTreeSet<String> = all.iter().filter_map(Reference::identity).map(str::to_owned).collect();
        all.extend(identities.into_iter().map(|identity| Reference::Leaving(identity, at)));
    }
    all
}

/// Since when it is asked to be deleted in AWS: what stays there, is protected, is only looked at or never got there
/// leaves nothing.
fn leaves<K: Managed>(object: &K) -> Option<Timestamp> {
    let at = object.meta().deletion_timestamp.as_ref()?.0;
    let status = object.status().map(K::common)?;
    let policies = object.policies();
    let held = object.finalizers().iter().any(|name| name == FINALIZER);
    let goes = policies.deletion == DeletionPolicy::Delete && !policies.protected && !policies.observes();
    (held && goes && status.recorded_account().is_some()).then_some(at)
}

/// The server that a user or an access is on: as the spec names it, and as status records it.
pub(super) fn of_server(
    namespace: &str,
    named: Option<&ServerRef>,
    ids: [Option<&String>; 2],
) -> impl Iterator<Item = Reference> {
    let named = named.map(|named| Reference::Object(ManagedKind::TransferServer, Name::named_by(named, namespace)));
    let ids = ids.map(|id| id.map(|id| Reference::Id(ManagedKind::TransferServer, id.clone())));
    named.into_iter().chain(ids.into_iter().flatten())
}

/// The workflows that a server names, by reference and by their ids.
pub(super) fn of_workflows(namespace: &str, details: Option<&WorkflowDetails>) -> impl Iterator<Item = Reference> {
    let lists = details.map(|WorkflowDetails { on_upload, on_partial_upload }| [on_upload, on_partial_upload]);
    lists.into_iter().flatten().flatten().flatten().filter_map(move |detail| {
        let kind = ManagedKind::TransferWorkflow;
        match (&detail.workflow_ref, &detail.workflow_id) {
            (Some(named), _) => Some(Reference::Object(kind, Name::of(named, namespace))),
            (None, id) => id.as_ref().map(|id| Reference::Id(kind, id.clone())),
        }
    })
}

/// A profile as the spec names it, by reference or by its id.
pub(super) fn of_profile(namespace: &str, named: Option<&ObjectRef>, id: Option<&String>) -> Option<Reference> {
    let kind = ManagedKind::TransferProfile;
    let named = named.map(|named| Reference::Object(kind, Name::of(named, namespace)));
    named.or_else(|| id.map(|id| Reference::Id(kind, id.clone())))
}

/// Where the policy of a login is read.
pub(super) fn of_policy(login: &Login) -> impl Iterator<Item = &String> {
    login.policy_from.iter().map(|source| &source.config_map_key_ref.name)
}

/// ConfigMaps of a namespace.
pub(super) fn of_config_maps<'a>(
    namespace: &str,
    names: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = Reference> {
    names.map(|name| Reference::ConfigMap(Name { namespace: namespace.to_owned(), name: name.clone() }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{TransferAccess, TransferProfile, TransferServer, TransferUser, TransferWorkflow};

    fn read<K: serde::de::DeserializeOwned>(kind: &str, spec: &Value, status: &Value) -> K {
        serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"namespace": "team", "name": "x"}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn name(namespace: &str, name: &str) -> Name {
        Name { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn what_is_going_to_be_deleted_in_aws_leaves_each_of_its_identities_once() {
        let time = "2026-01-01T00:00:00Z";
        let server = |change: fn(&mut Value)| {
            let mut object = json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
                "metadata": {"namespace": "team", "name": "x", "deletionTimestamp": time, "finalizers": [FINALIZER]},
                "spec": {"region": "eu-central-1", "awsIdentityRef": {"name": "one"},
                    "lifecycle": {"deletionProtection": false}},
                "status": {"observedGeneration": 1, "awsIdentity": "one", "accountId": "123456789012"},
            });
            change(&mut object);
            let server: TransferServer = serde_json::from_value(object).unwrap();
            let leaves = |reference: Reference| match reference {
                Reference::Leaving(identity, at) if at == time.parse().unwrap() => Some(identity),
                _ => None,
            };
            all(&server).into_iter().filter_map(leaves).collect::<Vec<_>>()
        };
        let rows: [(fn(&mut Value), &[&str], &str); 9] = [
            (|_| (), &["one"], "it goes"),
            (|object| object["status"]["awsIdentity"] = json!("two"), &["one", "two"], "two identities"),
            (|object| object["metadata"]["deletionTimestamp"] = Value::Null, &[], "nobody deletes it"),
            (|object| object["metadata"]["finalizers"] = json!(["other"]), &[], "nothing of ours is there"),
            (|object| object["status"]["accountId"] = Value::Null, &[], "it was never in AWS"),
            (
                |object| {
                    object["status"]["accountId"] = Value::Null;
                    object["status"]["create"] = json!({"uid": "u", "phase": "InFlight", "accountId": "1"});
                },
                &["one"],
                "it may be in AWS",
            ),
            (|object| object["spec"]["lifecycle"]["deletionPolicy"] = json!("Retain"), &[], "it stays"),
            (|object| object["spec"]["lifecycle"]["deletionProtection"] = json!(true), &[], "it is protected"),
            (|object| object["spec"]["lifecycle"]["managementPolicy"] = json!("ObserveOnly"), &[], "it is looked at"),
        ];
        for (change, expected, what) in rows {
            assert_eq!(server(change), expected, "{what}");
        }
    }

    #[test]
    fn a_server_refers_to_what_it_names_and_to_what_it_recorded() {
        let server: TransferServer = read(
            "TransferServer",
            &json!({"region": "eu-central-1", "awsIdentityRef": {"name": "new"}, "workflowDetails": {
                "onUpload": [{"workflowRef": {"name": "scan"}, "executionRole": "arn"}],
                "onPartialUpload": [{"workflowRef": {"name": "clean", "namespace": "platform"}, "executionRole": "arn"},
                    {"workflowId": "w-1", "executionRole": "arn"}],
            }}),
            &json!({"awsIdentity": "old", "serverId": "s-1"}),
        );
        let workflow = ManagedKind::TransferWorkflow;
        let identity = |name: &str| Reference::Identity(name.to_owned());
        let expected = [
            identity("new"),
            Reference::Id(ManagedKind::TransferServer, "s-1".to_owned()),
            Reference::Object(workflow, name("team", "scan")),
            Reference::Object(workflow, name("platform", "clean")),
            Reference::Id(workflow, "w-1".to_owned()),
            identity("old"),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(all(&server), expected);
    }

    #[test]
    fn a_user_refers_to_its_server_its_config_maps_and_both_of_its_names() {
        let user: TransferUser = read(
            "TransferUser",
            &json!({
                "role": "arn", "userName": "new", "serverRef": {"name": "files", "namespace": "platform"},
                "policyFrom": {"configMapKeyRef": {"name": "policies", "key": "a"}},
                "sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "a"}}],
            }),
            &json!({"awsIdentity": "shared", "arn": "arn:aws:transfer:eu-central-1:1:user/s-1/old", "serverId": "s-1"}),
        );
        let expected = [
            Reference::Object(ManagedKind::TransferServer, name("platform", "files")),
            Reference::Id(ManagedKind::TransferServer, "s-1".to_owned()),
            Reference::Login("new".to_owned()),
            Reference::Login("old".to_owned()),
            Reference::ConfigMap(name("team", "keys")),
            Reference::ConfigMap(name("team", "policies")),
            Reference::Identity("shared".to_owned()),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(all(&user), expected);
    }

    #[test]
    fn a_workflow_refers_to_its_identity_and_to_both_of_its_ids() {
        let replacing = json!({"oldId": "w-1", "attempt": "a", "phase": "Moving"});
        let workflow: TransferWorkflow = read(
            "TransferWorkflow",
            &json!({"region": "eu-central-1", "awsIdentityRef": {"name": "shared"}, "steps": []}),
            &json!({"workflowId": "w-2", "replacing": replacing}),
        );
        let id = |id: &str| Reference::Id(ManagedKind::TransferWorkflow, id.to_owned());
        let expected =
            [Reference::Identity("shared".to_owned()), id("w-2"), id("w-1"), Reference::Namespace("team".to_owned())];
        assert_eq!(all(&workflow), expected);
    }

    #[test]
    fn a_profile_refers_to_its_identity_and_to_its_id() {
        let profile: TransferProfile = read(
            "TransferProfile",
            &json!({"region": "eu-central-1", "awsIdentityRef": {"name": "shared"}, "as2Id": "us", "profileType": "LOCAL"}),
            &json!({"profileId": "p-1"}),
        );
        let expected = [
            Reference::Identity("shared".to_owned()),
            Reference::Id(ManagedKind::TransferProfile, "p-1".to_owned()),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(all(&profile), expected);
    }

    #[test]
    fn an_access_refers_to_its_server_its_config_map_and_both_of_its_groups() {
        let access: TransferAccess = read(
            "TransferAccess",
            &json!({
                "role": "arn", "externalId": "S-1-2", "serverId": "s-1", "region": "eu-central-1",
                "awsIdentityRef": {"name": "shared"},
                "policyFrom": {"configMapKeyRef": {"name": "policies", "key": "a"}},
            }),
            &json!({"externalId": "S-1-1"}),
        );
        let expected = [
            Reference::Identity("shared".to_owned()),
            Reference::Id(ManagedKind::TransferServer, "s-1".to_owned()),
            Reference::Login("S-1-2".to_owned()),
            Reference::Login("S-1-1".to_owned()),
            Reference::ConfigMap(name("team", "policies")),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(all(&access), expected);
    }
}
