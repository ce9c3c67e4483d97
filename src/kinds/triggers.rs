//! Whom a change of one object concerns besides itself. Pure: it names objects, and decides nothing about them.

use std::collections::BTreeSet;

use kube::api::ObjectMeta;

use super::uses::{self, Use};
use crate::api::common::{IdentityRef, ServerRef};
use crate::api::condition::{self, reasons, types};
use crate::api::identity::GrantKind;
use crate::api::login::Login;
use crate::api::{AwsIdentity, CommonStatus, TransferAccess, TransferServer, TransferUser};
use crate::cluster::references::Reference;
use crate::cluster::store::StoreChange;
use crate::cluster::{Lister, Name};

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
pub struct Trigger {
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
    server_id: Option<&'a str>,
    region: Option<&'a str>,
    identity_ref: Option<&'a IdentityRef>,
    status: Option<&'a CommonStatus>,
    login: &'a Login,
}

impl<'a> From<&'a TransferUser> for Member<'a> {
    fn from(user: &'a TransferUser) -> Self {
        let spec = &user.spec;
        Self {
            which: Which::User,
            meta: &user.metadata,
            server_ref: spec.server_ref.as_ref(),
            server_id: spec.server_id.as_deref(),
            region: spec.region.as_deref(),
            identity_ref: spec.aws_identity_ref.as_ref(),
            status: user.status.as_ref().map(|status| &status.common),
            login: &spec.login,
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
            server_id: spec.server_id.as_deref(),
            region: spec.region.as_deref(),
            identity_ref: spec.aws_identity_ref.as_ref(),
            status: access.status.as_ref().map(|status| &status.common),
            login: &spec.login,
        }
    }
}

impl Member<'_> {
    fn wake(&self) -> Trigger {
        Trigger { which: self.which, name: Name::from(self.meta) }
    }

    /// The server object that it refers to.
    fn server(&self) -> Option<Name> {
        Some(Name::named_by(self.server_ref?, self.meta.namespace.as_deref().unwrap_or_default()))
    }

    /// The identities that it may be using.
    fn identities(&self, lister: &dyn Lister) -> Vec<String> {
        let server = self.server().and_then(|name| lister.server(&name));
        let of_server = server.map(|server| server.spec.aws_identity_ref.name.clone());
        let own = self.identity_ref.map(|identity| identity.name.clone());
        let recorded = self.status.and_then(|status| status.aws_identity.clone());
        [of_server, own, recorded].into_iter().flatten().collect()
    }

    /// What it uses an identity for.
    fn uses(&self, lister: &dyn Lister) -> Use {
        let kind = if self.which == Which::Access { GrantKind::TransferAccess } else { GrantKind::TransferUser };
        let server = self.server().and_then(|name| lister.server(&name));
        let region = self.region.or_else(|| server.as_ref().map(|server| server.spec.region.as_str()));
        Use::of_login(kind, self.meta, self.status, self.login, self.server_id, region)
    }
}

/// An identity: whoever uses it for something that its change bears on.
#[must_use]
pub fn on_identity(change: &StoreChange<AwsIdentity>, lister: &dyn Lister) -> Vec<Trigger> {
    let both = change.was().zip(change.is());
    let sees = |of: &dyn Fn() -> Use| match both {
        Some((before, after)) => uses::all_see(before, after) || of().sees(before, after, lister),
        None => change.was().is_some() || change.is().is_some(),
    };
    if both.is_some_and(|(before, after)| !may_matter(before, after)) {
        return Vec::new();
    }
    let name = &change.name.name;
    let named = Reference::Identity(name.clone());
    let servers = lister.servers_by(&named);
    // Whose server uses it uses it as well.
    let mut through = vec![named];
    through.extend(servers.iter().map(|server| Reference::Server(Name::from(&server.metadata))));
    let members =
        members(lister, &through, |member| member.identities(lister).contains(name) && sees(&|| member.uses(lister)));
    let servers = servers.iter().filter(|server| sees(&|| Use::of_server(server))).map(|server| wake_server(server));
    servers.chain(members).collect()
}

/// Whether anything changed that may bear on somebody. Most changes are of the status.
fn may_matter(before: &AwsIdentity, after: &AwsIdentity) -> bool {
    uses::all_see(before, after)
        || before.spec != after.spec
        || before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
}

/// A server in AWS of which something else was seen than before: everybody who is on it, by reference or by its id.
#[must_use]
pub fn on_server_seen(server_id: &str, lister: &dyn Lister) -> Vec<Trigger> {
    let of_object = |member: &Member<'_>| {
        let server = member.server().and_then(|name| lister.server(&name));
        server.and_then(|server| server.status.as_ref()?.server_id.clone()).is_some_and(|id| id == server_id)
    };
    let id = Reference::ServerId(server_id.to_owned());
    let objects = lister.servers_by(&id);
    let mut through = vec![id];
    through.extend(objects.iter().map(|server| Reference::Server(Name::from(&server.metadata))));
    members(lister, &through, |member| member.server_id == Some(server_id) || of_object(member))
}

/// A server: its users and accesses, when what they need of it changes; when AWS no longer has it, or has it again,
/// also those that name it by its id; the identities that it uses or used.
#[must_use]
pub fn on_server(change: &StoreChange<TransferServer>, lister: &dyn Lister) -> Vec<Trigger> {
    let facts = |server: &TransferServer| {
        let spec = &server.spec;
        (
            server.status.as_ref().and_then(|status| status.server_id.clone()),
            // That there is a host name to show; what it is, is seen at the next resync.
            server.status.as_ref().is_some_and(|status| status.endpoint.is_some()),
            server.metadata.uid.clone(),
            server.metadata.deletion_timestamp.is_some(),
            (spec.identity_provider_type.clone(), spec.region.clone(), spec.aws_identity_ref.clone()),
            spec.allowed_references.clone(),
        )
    };
    let gone = |server: &TransferServer| {
        let status = server.status.as_ref()?;
        let ready = condition::find(&status.common.conditions, types::READY)?;
        status.server_id.clone().filter(|_| ready.reason == reasons::SERVER_GONE)
    };
    let mut wakes = if change.was().map(facts) == change.is().map(facts) {
        Vec::new()
    } else {
        members(lister, &[Reference::Server(change.name.clone())], |_| true)
    };
    let (was, is) = (change.was().and_then(gone), change.is().and_then(gone));
    if was != is {
        wakes.extend(was.into_iter().chain(is).flat_map(|server_id| on_server_seen(&server_id, lister)));
    }
    wakes.extend(identities(change.was().map(identities_of), change.is().map(identities_of)));
    wakes
}

/// A user: the server that it leaves, and the identities that it uses or used.
#[must_use]
pub fn on_user(change: &StoreChange<TransferUser>, lister: &dyn Lister) -> Vec<Trigger> {
    on_member(change.was().map(Member::from), change.is().map(Member::from), lister)
}

/// An access: the same as a user.
#[must_use]
pub fn on_access(change: &StoreChange<TransferAccess>, lister: &dyn Lister) -> Vec<Trigger> {
    on_member(change.was().map(Member::from), change.is().map(Member::from), lister)
}

fn on_member(old: Option<Member<'_>>, new: Option<Member<'_>>, lister: &dyn Lister) -> Vec<Trigger> {
    let server = |member: &Option<Member<'_>>| member.as_ref().and_then(Member::server);
    let (left, stays) = (server(&old), server(&new));
    let left = left.filter(|left| stays.as_ref() != Some(left)).map(|name| Trigger { which: Which::Server, name });
    let named = |member: Option<Member<'_>>| member.map(|member| member.identities(lister));
    left.into_iter().chain(identities(named(old), named(new))).collect()
}

/// A namespace: everything in it, when its labels change, for grants go by them.
#[must_use]
pub fn on_namespace(change: &StoreChange<ObjectMeta>, lister: &dyn Lister) -> Vec<Trigger> {
    if change.was().map(|meta| &meta.labels) == change.is().map(|meta| &meta.labels) {
        return Vec::new();
    }
    let inside = Reference::Namespace(change.name.name.clone());
    let servers = lister.servers_by(&inside);
    servers.iter().map(|server| wake_server(server)).chain(members(lister, &[inside], |_| true)).collect()
}

/// A ConfigMap: the users and accesses that read it.
#[must_use]
pub fn on_config_map(change: &StoreChange<ObjectMeta>, lister: &dyn Lister) -> Vec<Trigger> {
    let version = |meta: &ObjectMeta| meta.resource_version.clone();
    if change.was().map(version) == change.is().map(version) {
        return Vec::new();
    }
    members(lister, &[Reference::ConfigMap(change.name.clone())], |_| true)
}

/// The users and accesses that refer to any of these and pass, each once.
fn members(lister: &dyn Lister, through: &[Reference], pass: impl Fn(&Member<'_>) -> bool) -> Vec<Trigger> {
    let users: Vec<_> = through.iter().flat_map(|reference| lister.users_by(reference)).collect();
    let accesses: Vec<_> = through.iter().flat_map(|reference| lister.accesses_by(reference)).collect();
    let users = users.iter().map(|user| Member::from(user.as_ref()));
    let accesses = accesses.iter().map(|access| Member::from(access.as_ref()));
    let wakes: BTreeSet<Trigger> = users.chain(accesses).filter(pass).map(|member| member.wake()).collect();
    wakes.into_iter().collect()
}

/// Identities whose use begins or ends: they tell who uses them, and go when nobody does.
fn identities(old: Option<Vec<String>>, new: Option<Vec<String>>) -> Vec<Trigger> {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let ends = old.iter().filter(|name| !new.contains(name));
    let begins = new.iter().filter(|name| !old.contains(name));
    ends.chain(begins)
        .map(|name| Trigger { which: Which::Identity, name: Name { namespace: String::new(), name: name.clone() } })
        .collect()
}

fn identities_of(server: &TransferServer) -> Vec<String> {
    let recorded = server.status.as_ref().and_then(|status| status.common.aws_identity.clone());
    [Some(server.spec.aws_identity_ref.name.clone()), recorded].into_iter().flatten().collect()
}

fn wake_server(server: &TransferServer) -> Trigger {
    Trigger { which: Which::Server, name: Name::from(&server.metadata) }
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
    use crate::cluster::store::{ConfigMapMeta, NamespaceMeta, Store, Stores};

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
        wakes.into_iter().map(|Trigger { which, name }| format!("{which:?} {name}")).collect()
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
            let expected = if wakes { set(&["User team/alice"]) } else { BTreeSet::new() };
            assert_eq!(names(on_server(&change, &stores)), expected, "{reason}");
        }
    }

    #[test]
    fn another_host_name_wakes_nobody_at_once() {
        let stores = stores();
        let named = |host: &str| server(&json!({"status": {"observedGeneration": 1, "endpoint": host}}));
        put(&stores.servers, named("a.example.com"));
        let change = put(&stores.servers, named("b.example.com"));
        assert_eq!(names(on_server(&change, &stores)), BTreeSet::new());
    }

    #[test]
    fn a_server_that_aws_lost_or_has_again_wakes_who_is_on_it_however_they_name_it() {
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
            let expected = if wakes { set(&["User team/alice", "User team/bob"]) } else { BTreeSet::new() };
            assert_eq!(names(on_server(&change, &stores)), expected, "{reason}");
        }
    }

    #[test]
    fn a_user_that_goes_wakes_its_server_and_the_identity() {
        let stores = stores();
        let alice = user("alice", &json!({}));
        let change = stores.users.apply(0, Event::Delete(alice)).pop().unwrap();
        assert_eq!(names(on_user(&change, &stores)), set(&["Server platform/files", "Identity shared"]));
    }

    #[test]
    fn a_user_that_changes_otherwise_wakes_nobody() {
        let stores = stores();
        let patch = json!({"spec": {"serverRef": {"name": "files", "namespace": "platform"}, "role": "another"}});
        let change = put(&stores.users, user("alice", &patch));
        assert_eq!(names(on_user(&change, &stores)), BTreeSet::new());
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
        let stores = stores();
        let change = put(&stores.identities, identity("shared", 1));
        assert_eq!(names(on_identity(&change, &stores)), set(&["Server platform/files", "User team/alice"]));
        let change = put(&stores.identities, identity("shared", 1));
        assert_eq!(names(on_identity(&change, &stores)), BTreeSet::new(), "nothing changed");
        let change = put(&stores.identities, identity("other", 1));
        assert_eq!(names(on_identity(&change, &stores)), set(&["User team/bob"]));
    }

    #[test]
    fn an_edit_of_an_identity_wakes_only_whom_it_bears_on() {
        let role = "arn:aws:iam::123456789012:role/x";
        let all = ["TransferServer", "TransferUser", "TransferAccess"];
        let grant = |name: &str, namespace: &str, roles: &[&str], ids: &[&str]| {
            json!({"name": name, "kinds": all, "namespaces": {"from": "Names", "names": [namespace]},
                "roleArns": roles, "serverIds": ids})
        };
        let identity = |patch: &Value| -> DeserializeGuard<AwsIdentity> {
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
        let (server, alice) = ("Server platform/files", "User team/alice");
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
        let identity = |patch: &Value| -> DeserializeGuard<AwsIdentity> {
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
        assert_eq!(names(on_identity(&change, &stores)), set(&["User team/alice"]), "only who is new");
    }

    #[test]
    fn a_server_that_is_seen_otherwise_than_before_wakes_who_is_on_it_however_they_name_it() {
        let stores = stores();
        put(&stores.servers, server(&json!({"status": {"observedGeneration": 1, "serverId": "s-1"}})));
        assert_eq!(names(on_server_seen("s-1", &stores)), set(&["User team/alice", "User team/bob"]));
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
            set(&["User team/alice", "User team/bob", "User team/carol"])
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
            ("team", "1", &["User team/carol"][..], "new"),
            ("team", "1", &[], "the same version"),
            ("team", "2", &["User team/carol"], "another version"),
            ("elsewhere", "3", &[], "another namespace"),
        ];
        for (namespace, version, expected, reason) in rows {
            let change = put(&stores.config_maps, config_map(namespace, version));
            assert_eq!(names(on_config_map(&change, &stores)), set(expected), "{reason}");
        }
    }
}
