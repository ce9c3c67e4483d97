//! Whom a change of one object concerns besides itself. Pure: it names objects, and decides nothing about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::api::ObjectMeta;

use super::registration::{self, Registration};
use super::trigger::{Trigger, Which};
use super::uses;
use crate::api::{AwsIdentity, ManagedKind};
use crate::cluster::references::{Reference, Refers, identities_of};
use crate::cluster::store::StoreChange;
use crate::cluster::{Lister, Name, Object, mass_deletion};
use crate::engine::controller::Cause;

/// An identity: whoever uses it for something that its change bears on.
#[must_use]
pub fn on_identity(change: &StoreChange<AwsIdentity>, lister: &dyn Lister) -> Vec<Trigger> {
    let both = change.was().zip(change.is());
    let allows = both.is_some_and(|(before, after)| allows_otherwise(before, after));
    let sees = |object: &dyn Object| match both {
        Some((before, after)) => {
            uses::all_see(before, after)
                || (allows && object.metadata().deletion_timestamp.is_some())
                || registration::uses(object, lister).is_none_or(|uses| uses.sees(before, after, lister))
        }
        None => change.was().is_some() || change.is().is_some(),
    };
    if both.is_some_and(|(before, after)| !may_matter(before, after)) {
        return Vec::new();
    }
    let name = &change.name.name;
    let named = [Reference::Identity(name.clone())];
    // Who names an object that uses it uses it as well.
    let through: Vec<Reference> = objects(lister, &named)
        .map(|object| Reference::Object(object.managed_kind(), Name::from(object.metadata())))
        .collect();
    referring(lister, named.iter().chain(&through), |object| {
        identities_of(&object.all_references(), lister).contains(name) && sees(object)
    })
}

/// Whether anything changed that may bear on somebody. Most changes are of the status.
fn may_matter(before: &AwsIdentity, after: &AwsIdentity) -> bool {
    uses::all_see(before, after)
        || before.spec != after.spec
        || allows_otherwise(before, after)
        || before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
}

/// Whether a person said something else of deletions that wait.
fn allows_otherwise(before: &AwsIdentity, after: &AwsIdentity) -> bool {
    mass_deletion::annotation(before) != mass_deletion::annotation(after)
}

/// A server in AWS of which something else was seen than before: everybody who is on it, by reference or by its id.
#[must_use]
pub fn on_server_seen(server_id: &str, lister: &dyn Lister) -> Vec<Trigger> {
    let server = ManagedKind::TransferServer;
    let id = Reference::Id(server, server_id.to_owned());
    let own = lister.referring(server, &id);
    let own: Vec<Reference> = own.map(|object| Reference::Object(server, Name::from(object.metadata()))).collect();
    referring(lister, [&id].into_iter().chain(&own), |object| object.managed_kind() != server)
}

/// An object that stands for something in AWS: the objects that it refers to no more, the identities that it begins or
/// ceases to use, and whom its kind says.
#[must_use]
pub fn on_managed<K: Registration>(change: &StoreChange<K>, lister: &dyn Lister) -> Vec<Trigger> {
    let references = |object: Option<&K>| object.map(Refers::refers_to).unwrap_or_default();
    let (old, new) = (references(change.was()), references(change.is()));
    let left = old.iter().filter(|reference| !new.contains(reference)).filter_map(|reference| match reference {
        Reference::Object(kind, name) => Some(Trigger::managed((*kind, name.clone()))),
        _ => None,
    });
    let identities = identities(&identities_of(&old, lister), &identities_of(&new, lister));
    let leaving = identities_left(&old, &new);
    left.chain(identities).chain(leaving).chain(K::triggers(change, lister)).collect()
}

/// A namespace: everything in it, when its labels change, for grants go by them.
#[must_use]
pub fn on_namespace(change: &StoreChange<ObjectMeta>, lister: &dyn Lister) -> Vec<Trigger> {
    if change.was().map(|meta| &meta.labels) == change.is().map(|meta| &meta.labels) {
        return Vec::new();
    }
    all_referring(lister, &Reference::Namespace(change.name.name.clone()))
}

/// A ConfigMap: who reads it.
#[must_use]
pub fn on_config_map(change: &StoreChange<ObjectMeta>, lister: &dyn Lister) -> Vec<Trigger> {
    let version = |meta: &ObjectMeta| meta.resource_version.clone();
    if change.was().map(version) == change.is().map(version) {
        return Vec::new();
    }
    all_referring(lister, &Reference::ConfigMap(change.name.clone()))
}

/// Everybody who refers to it.
pub(super) fn all_referring(lister: &dyn Lister, reference: &Reference) -> Vec<Trigger> {
    referring(lister, [reference], |_| true)
}

/// Who refers to any of these and passes, each once.
fn referring<'a>(
    lister: &dyn Lister,
    through: impl IntoIterator<Item = &'a Reference>,
    pass: impl Fn(&dyn Object) -> bool,
) -> Vec<Trigger> {
    let found = objects(lister, through).filter(|object| pass(object.as_ref()));
    let wake = |object: Arc<dyn Object>| Trigger::managed((object.managed_kind(), Name::from(object.metadata())));
    found.map(wake).collect::<BTreeSet<_>>().into_iter().collect()
}

/// At least the objects of all kinds that refer to any of these.
fn objects<'a>(
    lister: &dyn Lister,
    through: impl IntoIterator<Item = &'a Reference>,
) -> impl Iterator<Item = Arc<dyn Object>> {
    through
        .into_iter()
        .flat_map(|reference| ManagedKind::ALL.iter().flat_map(|kind| lister.referring(*kind, reference)))
}

/// Identities whose use begins or ends: they tell who uses them, and go when nobody does.
fn identities(old: &[String], new: &[String]) -> Vec<Trigger> {
    differing(old, new).map(|name| identity(name)).collect()
}

/// Identities with which it begins or ceases to be on its way out of AWS: they tell when that are too many at once.
fn identities_left(old: &[Reference], new: &[Reference]) -> Vec<Trigger> {
    let left = differing(old, new).filter_map(|reference| match reference {
        Reference::Leaving(name, _) => Some(identity(name)),
        _ => None,
    });
    left.collect()
}

/// What is in one of the two only.
fn differing<'a, T: PartialEq>(old: &'a [T], new: &'a [T]) -> impl Iterator<Item = &'a T> {
    let ends = old.iter().filter(|item| !new.contains(item));
    ends.chain(new.iter().filter(|item| !old.contains(item)))
}

fn identity(name: &str) -> Trigger {
    let name = Name { namespace: String::new(), name: name.to_owned() };
    Trigger { which: Which::Identity, name, cause: Cause::Related }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use crate::cluster::guarded::Guarded;
    use kube::runtime::watcher::Event;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{TransferServer, TransferUser};
    use crate::cluster::store::{ConfigMapMeta, NamespaceMeta, Store, Stores};

    fn read<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn server(patch: &Value) -> Guarded<TransferServer> {
        let mut server = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
            "metadata": {"namespace": "platform", "name": "files", "uid": "s"},
            "spec": {"region": "eu-central-1", "awsIdentityRef": {"name": "shared"}},
        });
        merge(&mut server, patch);
        read(server)
    }

    fn user(name: &str, patch: &Value) -> Guarded<TransferUser> {
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
    fn stores() -> Stores {
        let stores = Stores::new(0);
        put(&stores.servers, server(&json!({})));
        let files = json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}}});
        put(&stores.users, user("alice", &files));
        let by_id = json!({"spec": {"serverId": "s-1", "region": "eu-central-1", "awsIdentityRef": {"name": "other"}}});
        put(&stores.users, user("bob", &by_id));
        let keys = json!({"spec": {"serverRef": {"name": "gone"},
            "sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "carol"}}]}});
        put(&stores.users, user("carol", &keys));
        stores
    }

    fn put<W: crate::cluster::store::Watched>(cache: &Store<W::Kept>, object: W) -> StoreChange<W::Kept> {
        cache.apply(0, Event::Apply(object)).pop().unwrap()
    }

    fn names(wakes: Vec<Trigger>) -> BTreeSet<String> {
        let text = |Trigger { which, name, cause }: Trigger| {
            let shown = if cause == Cause::Shown { ", to show it" } else { "" };
            format!("{} {name}{shown}", which.name())
        };
        wakes.into_iter().map(text).collect()
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
            (
                json!({"status": {"observedGeneration": 1, "endpoint": "a.example.com"}}),
                true,
                "a host name to give away",
            ),
            (
                json!({"status": {"observedGeneration": 1, "hostKeys": [{"id": "k", "active": true}]}}),
                false,
                "its keys",
            ),
        ];
        for (patch, wakes, reason) in rows {
            let stores = stores();
            let change = put(&stores.servers, server(&patch));
            let expected = if wakes { set(&["TransferUser team/alice"]) } else { BTreeSet::new() };
            assert_eq!(names(on_managed(&change, &stores)), expected, "{reason}");
        }
    }

    #[test]
    fn what_users_only_show_of_their_server_wakes_them_by_and_by() {
        let stores = stores();
        let says = |host: &str, keys: Value| {
            server(&json!({"status": {"observedGeneration": 1, "endpoint": host, "hostKeys": keys}}))
        };
        let key = |fingerprint: &str, active: bool| json!({"id": fingerprint, "type": "ssh-ed25519", "fingerprint": fingerprint, "active": active});
        let (host, alice) = ("a.example.com", &["TransferUser team/alice, to show it"][..]);
        put(&stores.servers, says(host, json!([key("one", true), key("two", false)])));
        let rows = [
            ("another host name", "b.example.com", json!([key("one", true), key("two", false)]), alice),
            ("another active key", "b.example.com", json!([key("one", false), key("two", true)]), alice),
            ("a key that is not active", "b.example.com", json!([key("two", true), key("three", false)]), &[]),
        ];
        for (what, host, keys, expected) in rows {
            let change = put(&stores.servers, says(host, keys));
            assert_eq!(names(on_managed(&change, &stores)), set(expected), "{what}");
        }
    }

    #[test]
    fn a_server_lost_or_back_wakes_all_on_it_however_they_name_it() {
        let ready = |reason: &str| {
            json!({"status": {"observedGeneration": 1, "serverId": "s-1", "conditions": [{"type": "Ready", "reason": reason,
                "status": "False", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
        };
        let stores = stores();
        put(&stores.servers, server(&ready("Available")));
        for (reason, wakes) in [
            ("WaitingForAws", false),
            ("ServerGone", true),
            ("ServerGone", false),
            ("Available", true),
            ("Updating", false),
        ] {
            let change = put(&stores.servers, server(&ready(reason)));
            let expected =
                if wakes { set(&["TransferUser team/alice", "TransferUser team/bob"]) } else { BTreeSet::new() };
            assert_eq!(names(on_managed(&change, &stores)), expected, "{reason}");
        }
    }

    #[test]
    fn a_user_that_goes_wakes_its_server_and_the_identity() {
        let stores = stores();
        let alice = user("alice", &json!({}));
        let change = stores.users.apply(0, Event::Delete(alice)).pop().unwrap();
        assert_eq!(names(on_managed(&change, &stores)), set(&["TransferServer platform/files", "AwsIdentity shared"]));
    }

    #[test]
    fn a_user_that_changes_otherwise_wakes_nobody() {
        let stores = stores();
        let patch = json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}, "role": "another"}});
        let change = put(&stores.users, user("alice", &patch));
        assert_eq!(names(on_managed(&change, &stores)), BTreeSet::new());
    }

    #[test]
    fn an_identity_wakes_all_that_use_it_however_they_name_it() {
        let identity = |name: &str, generation: i64| -> Guarded<AwsIdentity> {
            read(json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
                "metadata": {"name": name, "generation": generation},
                "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}},
            }))
        };
        let stores = stores();
        let change = put(&stores.identities, identity("shared", 1));
        assert_eq!(
            names(on_identity(&change, &stores)),
            set(&["TransferServer platform/files", "TransferUser team/alice"])
        );
        let change = put(&stores.identities, identity("shared", 1));
        assert_eq!(names(on_identity(&change, &stores)), BTreeSet::new(), "nothing changed");
        let change = put(&stores.identities, identity("other", 1));
        assert_eq!(names(on_identity(&change, &stores)), set(&["TransferUser team/bob"]));
    }

    #[test]
    fn what_begins_to_leave_wakes_its_identity_and_the_yes_wakes_what_leaves() {
        let identity = |patch: &Value| -> Guarded<AwsIdentity> {
            let mut identity = json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
                "metadata": {"name": "shared", "uid": "i"},
                "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}},
            });
            merge(&mut identity, patch);
            read(identity)
        };
        let stores = stores();
        put(&stores.identities, identity(&json!({})));
        let going = json!({
            "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [crate::api::FINALIZER]},
            "spec": {"lifecycle": {"deletionProtection": false}},
            "status": {"observedGeneration": 1, "accountId": "123456789012", "awsIdentity": "shared"},
        });
        let change = put(&stores.servers, server(&going));
        assert!(names(on_managed(&change, &stores)).contains("AwsIdentity shared"));
        let change = put(&stores.servers, server(&going));
        assert!(!names(on_managed(&change, &stores)).contains("AwsIdentity shared"), "it was on its way before");
        let yes = json!({"metadata": {"annotations": {crate::api::ALLOW_DELETIONS: "x"}}});
        let change = put(&stores.identities, identity(&yes));
        assert_eq!(names(on_identity(&change, &stores)), set(&["TransferServer platform/files"]), "alice stays");
    }

    #[test]
    fn an_edit_of_an_identity_wakes_only_whom_it_bears_on() {
        let role = "arn:aws:iam::123456789012:role/x";
        let all = ["TransferServer", "TransferUser", "TransferAccess"];
        let grant = |name: &str, namespace: &str, roles: &[&str], ids: &[&str]| {
            json!({"name": name, "kinds": all, "namespaces": {"from": "Names", "names": [namespace]},
                "roleArns": roles, "serverIds": ids})
        };
        let identity = |patch: &Value| -> Guarded<AwsIdentity> {
            let mut identity = json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
                "metadata": {"name": "shared", "uid": "i", "generation": 2},
                "spec": {"accountId": "123456789012", "regions": ["eu-central-1"],
                    "credentials": {"source": "Operator"},
                    "grants": [grant("platform", "platform", &[], &[]), grant("team", "team", &[], &[])]},
            });
            merge(&mut identity, patch);
            read(identity)
        };
        let grants = |grants: Vec<Value>| json!({"spec": {"grants": grants}});
        let (platform, team) = (grant("platform", "platform", &[], &[]), grant("team", "team", &[], &[]));
        let (server, alice) = ("TransferServer platform/files", "TransferUser team/alice");
        let rows = [
            (
                grants(vec![platform.clone(), team.clone(), grant("x", "elsewhere", &[role], &["s-1"])]),
                &[][..],
                "others",
            ),
            (
                grants(vec![platform.clone(), grant("team", "team", &["arn:aws:iam::123456789012:role/y"], &[])]),
                &[],
                "a role that nobody names",
            ),
            (grants(vec![platform.clone(), grant("team", "team", &[role], &[])]), &[alice], "its role"),
            (grants(vec![platform.clone()]), &[alice], "its grant went"),
            (grants(vec![team.clone()]), &[server], "the server's grant went"),
            (json!({"metadata": {"labels": {"a": "b"}}}), &[], "a label"),
            (json!({"status": {"observedGeneration": 2, "accountId": "123456789012"}}), &[], "what STS said"),
            (json!({"spec": {"regions": ["eu-central-1", "us-east-1"]}}), &[], "a region that nobody is in"),
            (json!({"spec": {"regions": ["us-east-1"]}}), &[server, alice], "their region went"),
            (json!({"spec": {"tags": {"a": "b"}}}), &[server, alice], "tags for everything"),
            (json!({"spec": {"endpoints": {"sts": "http://localhost"}}}), &[server, alice], "another address"),
            (
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                &[server, alice],
                "it takes nobody new",
            ),
        ];
        for (patch, expected, reason) in rows {
            let stores = stores();
            put(
                &stores.users,
                user(
                    "alice",
                    &json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}, "role": role}}),
                ),
            );
            put(&stores.identities, identity(&json!({})));
            let change = put(&stores.identities, identity(&patch));
            assert_eq!(names(on_identity(&change, &stores)), set(expected), "{reason}");
        }
    }

    #[test]
    fn an_identity_that_is_being_deleted_wakes_nobody_whom_it_serves() {
        let identity = |patch: &Value| -> Guarded<AwsIdentity> {
            let mut identity = json!({
                "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
                "metadata": {"name": "shared", "uid": "i"},
                "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}},
                "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "Verified",
                    "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
            });
            merge(&mut identity, patch);
            read(identity)
        };
        let stores = stores();
        let held = json!({"metadata": {"finalizers": [crate::api::FINALIZER]}});
        put(&stores.servers, server(&held));
        put(&stores.identities, identity(&json!({})));
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"conditions": []}});
        let change = put(&stores.identities, identity(&going));
        assert_eq!(names(on_identity(&change, &stores)), set(&["TransferUser team/alice"]), "only who is new");
    }

    #[test]
    fn a_server_seen_otherwise_wakes_all_on_it_however_they_name_it() {
        let stores = stores();
        put(&stores.servers, server(&json!({"status": {"observedGeneration": 1, "serverId": "s-1"}})));
        assert_eq!(names(on_server_seen("s-1", &stores)), set(&["TransferUser team/alice", "TransferUser team/bob"]));
        assert_eq!(names(on_server_seen("s-2", &stores)), BTreeSet::new());
    }

    #[test]
    fn labels_of_a_namespace_wake_everything_in_it() {
        let namespace = |label: &str| -> NamespaceMeta {
            read(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"sftp": label}}}),
            )
        };
        let stores = stores();
        let change = put(&stores.namespaces, namespace("yes"));
        assert_eq!(
            names(on_namespace(&change, &stores)),
            set(&["TransferUser team/alice", "TransferUser team/bob", "TransferUser team/carol"])
        );
        let change = put(&stores.namespaces, namespace("yes"));
        assert_eq!(names(on_namespace(&change, &stores)), BTreeSet::new());
    }

    #[test]
    fn a_config_map_wakes_its_readers_in_its_own_namespace() {
        let config_map = |namespace: &str, version: &str| -> ConfigMapMeta {
            let metadata = json!({"name": "keys", "namespace": namespace, "resourceVersion": version});
            read(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        };
        let stores = stores();
        let rows = [
            ("team", "1", &["TransferUser team/carol"][..], "new"),
            ("team", "1", &[], "the same version"),
            ("team", "2", &["TransferUser team/carol"], "another version"),
            ("elsewhere", "3", &[], "another namespace"),
        ];
        for (namespace, version, expected, reason) in rows {
            let change = put(&stores.config_maps, config_map(namespace, version));
            assert_eq!(names(on_config_map(&change, &stores)), set(expected), "{reason}");
        }
    }
}
