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
    if change.old().map(facts) == change.new().map(facts) {
        return Vec::new();
    }
    let name = &change.name.name;
    let servers = directory.servers();
    let servers = servers.iter().filter(|server| identities_of(server).contains(name)).map(|server| wake_server(server));
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
    let mut wakes = if change.old().map(facts) == change.new().map(facts) {
        Vec::new()
    } else {
        members(directory, |member| member.server().as_ref() == Some(&change.name))
    };
    wakes.extend(identities(change.old().map(identities_of), change.new().map(identities_of)));
    wakes
}

/// A user: the server that it leaves, and the identities that it uses or used.
#[must_use]
pub fn on_user(change: &Change<TransferUser>, directory: &dyn Directory) -> Vec<Wake> {
    on_member(change.old().map(Member::from), change.new().map(Member::from), directory)
}

/// An access: the same as a user.
#[must_use]
pub fn on_access(change: &Change<TransferAccess>, directory: &dyn Directory) -> Vec<Wake> {
    on_member(change.old().map(Member::from), change.new().map(Member::from), directory)
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
    if change.old().map(|meta| &meta.labels) == change.new().map(|meta| &meta.labels) {
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
    if change.old().map(version) == change.new().map(version) {
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
