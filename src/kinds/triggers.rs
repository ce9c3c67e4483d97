//! Whom a change of one object concerns besides itself. Pure: it names objects, and decides nothing about them.

use kube::api::ObjectMeta;

use crate::api::common::{ConfigMapKeyRef, IdentityRef, ServerRef};
use crate::api::condition::{self, types};
use crate::api::login::Login;
use crate::api::{AwsIdentity, CommonStatus, TransferAccess, TransferServer, TransferUser};
use crate::cluster::directory::Change;
use crate::cluster::{Directory, Name};

/// A kind that can be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// `AwsIdentity`.
    Identity,
    /// `TransferServer`.
    Server,
    /// `TransferUser`.
    User,
    /// `TransferAccess`.
    Access,
}

/// An object that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// Its kind.
    pub which: Which,
    /// Its name.
    pub name: Name,
}

/// What users and accesses have in common here.
struct Member<'a> {
    which: Which,
    meta: &'a ObjectMeta,
    server_ref: Option<&'a ServerRef>,
    identity_ref: Option<&'a IdentityRef>,
    status: Option<&'a CommonStatus>,
    login: &'a Login,
    keys: Vec<&'a ConfigMapKeyRef>,
}

impl<'a> From<&'a TransferUser> for Member<'a> {
    fn from(user: &'a TransferUser) -> Self {
        let spec = &user.spec;
        Self {
            which: Which::User,
            meta: &user.metadata,
            server_ref: spec.server_ref.as_ref(),
            identity_ref: spec.aws_identity_ref.as_ref(),
            status: user.status.as_ref().map(|status| &status.common),
            login: &spec.login,
            keys: spec.ssh_public_keys_from.iter().flatten().map(|source| &source.config_map_key_ref).collect(),
        }
    }
}

impl<'a> From<&'a TransferAccess> for Member<'a> {
    fn from(access: &'a TransferAccess) -> Self {
        let spec = &access.spec;
        Self {
            which: Which::Access,
            meta: &access.metadata,
            server_ref: spec.server_ref.as_ref(),
            identity_ref: spec.aws_identity_ref.as_ref(),
            status: access.status.as_ref().map(|status| &status.common),
            login: &spec.login,
            keys: Vec::new(),
        }
    }
}

impl Member<'_> {
    fn wake(&self) -> Wake {
        Wake { which: self.which, name: name_of(self.meta) }
    }

    /// The server object that it refers to.
    fn server(&self) -> Option<Name> {
        let server = self.server_ref?;
        let own = self.meta.namespace.clone().unwrap_or_default();
        Some(Name { namespace: server.namespace.clone().unwrap_or(own), name: server.name.clone() })
    }

    /// The identities that it may be using.
    fn identities(&self, directory: &dyn Directory) -> Vec<String> {
        let server = self.server().and_then(|name| directory.server(&name));
        let of_server = server.map(|server| server.spec.aws_identity_ref.name.clone());
        let own = self.identity_ref.map(|identity| identity.name.clone());
        let recorded = self.status.and_then(|status| status.aws_identity.clone());
        [of_server, own, recorded].into_iter().flatten().collect()
    }

    fn reads(&self, config_map: &Name) -> bool {
        let policy = self.login.policy_from.as_ref().map(|source| &source.config_map_key_ref);
        self.meta.namespace.as_deref() == Some(config_map.namespace.as_str())
            && self.keys.iter().copied().chain(policy).any(|reference| reference.name == config_map.name)
    }
}

/// An identity: all that use it, when what it allows or whether it works changes.
#[must_use]
pub fn on_identity(change: &Change<AwsIdentity>, directory: &dyn Directory) -> Vec<Wake> {
    let facts = |identity: &AwsIdentity| {
        let conditions = identity.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let ready = condition::find(conditions, types::READY).map(|ready| (ready.status.clone(), ready.reason.clone()));
        (identity.metadata.uid.clone(), identity.metadata.generation, ready)
    };
    if change.was().map(facts) == change.is().map(facts) {
        return Vec::new();
    }
    let name = &change.name.name;
    let servers = directory.servers();
    let servers =
        servers.iter().filter(|server| identities_of(server).contains(name)).map(|server| wake_server(server));
    let members = members(directory, |member| member.identities(directory).contains(name));
    servers.chain(members).collect()
}

/// A server: its users and accesses, when what they need of it changes; the identities that it uses or used.
#[must_use]
pub fn on_server(change: &Change<TransferServer>, directory: &dyn Directory) -> Vec<Wake> {
    let facts = |server: &TransferServer| {
        let spec = &server.spec;
        (
            server.status.as_ref().and_then(|status| status.server_id.clone()),
            server.metadata.uid.clone(),
            server.metadata.deletion_timestamp.is_some(),
            (spec.identity_provider_type.clone(), spec.region.clone(), spec.aws_identity_ref.clone()),
            spec.allowed_references.clone(),
        )
    };
    let mut wakes = if change.was().map(facts) == change.is().map(facts) {
        Vec::new()
    } else {
        members(directory, |member| member.server().as_ref() == Some(&change.name))
    };
    wakes.extend(identities(change.was().map(identities_of), change.is().map(identities_of)));
    wakes
}

/// A user: the server that it leaves, and the identities that it uses or used.
#[must_use]
pub fn on_user(change: &Change<TransferUser>, directory: &dyn Directory) -> Vec<Wake> {
    on_member(change.was().map(Member::from), change.is().map(Member::from), directory)
}

/// An access: the same as a user.
#[must_use]
pub fn on_access(change: &Change<TransferAccess>, directory: &dyn Directory) -> Vec<Wake> {
    on_member(change.was().map(Member::from), change.is().map(Member::from), directory)
}

fn on_member(old: Option<Member<'_>>, new: Option<Member<'_>>, directory: &dyn Directory) -> Vec<Wake> {
    let server = |member: &Option<Member<'_>>| member.as_ref().and_then(Member::server);
    let (left, stays) = (server(&old), server(&new));
    let left = left.filter(|left| stays.as_ref() != Some(left)).map(|name| Wake { which: Which::Server, name });
    let named = |member: Option<Member<'_>>| member.map(|member| member.identities(directory));
    left.into_iter().chain(identities(named(old), named(new))).collect()
}

/// A namespace: everything in it, when its labels change, for grants go by them.
#[must_use]
pub fn on_namespace(change: &Change<ObjectMeta>, directory: &dyn Directory) -> Vec<Wake> {
    if change.was().map(|meta| &meta.labels) == change.is().map(|meta| &meta.labels) {
        return Vec::new();
    }
    let inside = |meta: &ObjectMeta| meta.namespace.as_deref() == Some(change.name.name.as_str());
    let servers = directory.servers();
    let servers = servers.iter().filter(|server| inside(&server.metadata)).map(|server| wake_server(server));
    servers.chain(members(directory, |member| inside(member.meta))).collect()
}

/// A ConfigMap: the users and accesses that read it.
#[must_use]
pub fn on_config_map(change: &Change<ObjectMeta>, directory: &dyn Directory) -> Vec<Wake> {
    let version = |meta: &ObjectMeta| meta.resource_version.clone();
    if change.was().map(version) == change.is().map(version) {
        return Vec::new();
    }
    members(directory, |member| member.reads(&change.name))
}

/// The users and accesses that pass.
fn members(directory: &dyn Directory, pass: impl Fn(&Member<'_>) -> bool) -> Vec<Wake> {
    let (users, accesses) = (directory.users(), directory.accesses());
    let users = users.iter().map(|user| Member::from(user.as_ref()));
    let accesses = accesses.iter().map(|access| Member::from(access.as_ref()));
    users.chain(accesses).filter(pass).map(|member| member.wake()).collect()
}

/// Identities whose use begins or ends: they tell who uses them, and go when nobody does.
fn identities(old: Option<Vec<String>>, new: Option<Vec<String>>) -> Vec<Wake> {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let ends = old.iter().filter(|name| !new.contains(name));
    let begins = new.iter().filter(|name| !old.contains(name));
    ends.chain(begins)
        .map(|name| Wake { which: Which::Identity, name: Name { namespace: String::new(), name: name.clone() } })
        .collect()
}

fn identities_of(server: &TransferServer) -> Vec<String> {
    let recorded = server.status.as_ref().and_then(|status| status.common.aws_identity.clone());
    [Some(server.spec.aws_identity_ref.name.clone()), recorded].into_iter().flatten().collect()
}

fn wake_server(server: &TransferServer) -> Wake {
    Wake { which: Which::Server, name: name_of(&server.metadata) }
}

fn name_of(meta: &ObjectMeta) -> Name {
    Name { namespace: meta.namespace.clone().unwrap_or_default(), name: meta.name.clone().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use kube::core::DeserializeGuard;
    use kube::runtime::watcher::Event;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::directory::{Cache, Caches, ConfigMapMeta, NamespaceMeta};

    fn read<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn server(patch: &Value) -> DeserializeGuard<TransferServer> {
        let mut server = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
            "metadata": {"namespace": "platform", "name": "files", "uid": "s"},
            "spec": {"region": "eu-central-1", "awsIdentityRef": {"name": "shared"}},
        });
        merge(&mut server, patch);
        read(server)
    }

    fn user(name: &str, patch: &Value) -> DeserializeGuard<TransferUser> {
        let mut user = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
            "metadata": {"namespace": "team", "name": name, "uid": name}, "spec": {"role": "arn"},
        });
        merge(&mut user, patch);
        read(user)
    }

    fn merge(into: &mut Value, patch: &Value) {
        match (into, patch) {
            (Value::Object(into), Value::Object(patch)) => {
                for (key, value) in patch {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
            (into, patch) => *into = patch.clone(),
        }
    }

    /// One server; alice is on it, bob names another one by id, carol reads a ConfigMap.
    fn caches() -> Caches {
        let caches = Caches::new(0);
        put(&caches.servers, server(&json!({})));
        let files = json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}}});
        put(&caches.users, user("alice", &files));
        let by_id = json!({"spec": {"serverId": "s-1", "region": "eu-central-1", "awsIdentityRef": {"name": "other"}}});
        put(&caches.users, user("bob", &by_id));
        let keys = json!({"spec": {"serverRef": {"name": "gone"},
            "sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "carol"}}]}});
        put(&caches.users, user("carol", &keys));
        caches
    }

    fn put<W: crate::cluster::directory::Watched>(cache: &Cache<W::Kept>, object: W) -> Change<W::Kept> {
        cache.apply(0, Event::Apply(object)).pop().unwrap()
    }

    fn names(wakes: Vec<Wake>) -> BTreeSet<String> {
        wakes.into_iter().map(|Wake { which, name }| format!("{which:?} {name}")).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_server_wakes_its_users_only_when_what_they_need_changes() {
        let rows = [
            (json!({"status": {"observedGeneration": 1, "serverId": "s-1"}}), true, "it has an id"),
            (json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), true, "it goes"),
            (json!({"spec": {"allowedReferences": {"namespaces": {"from": "All"}}}}), true, "others may refer to it"),
            (json!({"spec": {"region": "us-east-1"}}), true, "another region"),
            (json!({"spec": {"loggingRole": "arn"}}), false, "a setting of its own"),
            (json!({"status": {"observedGeneration": 1, "userCount": 7}}), false, "a count"),
        ];
        for (patch, wakes, reason) in rows {
            let caches = caches();
            let change = put(&caches.servers, server(&patch));
            let expected = if wakes { set(&["User team/alice"]) } else { BTreeSet::new() };
            assert_eq!(names(on_server(&change, &caches)), expected, "{reason}");
        }
    }

    #[test]
    fn a_user_that_goes_wakes_its_server_and_the_identity() {
        let caches = caches();
        let alice = user("alice", &json!({}));
        let change = caches.users.apply(0, Event::Delete(alice)).pop().unwrap();
        assert_eq!(names(on_user(&change, &caches)), set(&["Server platform/files", "Identity shared"]));
    }

    #[test]
    fn a_user_that_changes_otherwise_wakes_nobody() {
        let caches = caches();
        let patch = json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}, "role": "another"}});
        let change = put(&caches.users, user("alice", &patch));
        assert_eq!(names(on_user(&change, &caches)), BTreeSet::new());
    }

    #[test]
    fn an_identity_wakes_all_that_use_it_however_they_name_it() {
        let identity = |name: &str, generation: i64| -> DeserializeGuard<AwsIdentity> {
            read(json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
                "metadata": {"name": name, "generation": generation},
                "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}},
            }))
        };
        let caches = caches();
        let change = put(&caches.identities, identity("shared", 1));
        assert_eq!(names(on_identity(&change, &caches)), set(&["Server platform/files", "User team/alice"]));
        let change = put(&caches.identities, identity("shared", 1));
        assert_eq!(names(on_identity(&change, &caches)), BTreeSet::new(), "nothing changed");
        let change = put(&caches.identities, identity("other", 1));
        assert_eq!(names(on_identity(&change, &caches)), set(&["User team/bob"]));
    }

    #[test]
    fn labels_of_a_namespace_wake_everything_in_it() {
        let namespace = |label: &str| -> NamespaceMeta {
            read(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"sftp": label}}}),
            )
        };
        let caches = caches();
        let change = put(&caches.namespaces, namespace("yes"));
        assert_eq!(
            names(on_namespace(&change, &caches)),
            set(&["User team/alice", "User team/bob", "User team/carol"])
        );
        let change = put(&caches.namespaces, namespace("yes"));
        assert_eq!(names(on_namespace(&change, &caches)), BTreeSet::new());
    }

    #[test]
    fn a_config_map_wakes_its_readers_in_its_own_namespace() {
        let config_map = |namespace: &str, version: &str| -> ConfigMapMeta {
            let metadata = json!({"name": "keys", "namespace": namespace, "resourceVersion": version});
            read(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        };
        let caches = caches();
        let rows = [
            ("team", "1", &["User team/carol"][..], "new"),
            ("team", "1", &[], "the same version"),
            ("team", "2", &["User team/carol"], "another version"),
            ("elsewhere", "3", &[], "another namespace"),
        ];
        for (namespace, version, expected, reason) in rows {
            let change = put(&caches.config_maps, config_map(namespace, version));
            assert_eq!(names(on_config_map(&change, &caches)), set(expected), "{reason}");
        }
    }
}
