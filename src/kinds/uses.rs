//! What of an identity counts for one object that uses it: only a change of that is a reason to look at the object.

use kube::api::ObjectMeta;

use super::grants::{self, Asker};
use super::server;
use crate::api::condition::{self, types};
use crate::api::identity::GrantKind;
use crate::api::login::Login;
use crate::api::{AwsIdentity, CommonStatus, FINALIZER, TransferServer};
use crate::cluster::Lister;

/// One object's use of an identity.
#[derive(Debug)]
pub struct Use {
    kind: GrantKind,
    namespace: String,
    /// Where it is or is to be; empty where that is not known.
    region: String,
    roles: Vec<String>,
    /// Servers that it names by their ids.
    server_ids: Vec<String>,
    /// It may have something in AWS.
    held: bool,
}

impl Use {
    /// The use that a server makes.
    #[must_use]
    pub fn of_server(object: &TransferServer) -> Self {
        let spec = &object.spec;
        let adopted = spec.lifecycle.adoption.as_ref().and_then(|adoption| adoption.server_id.clone());
        Self {
            kind: GrantKind::TransferServer,
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            region: spec.region.clone(),
            roles: server::roles(spec),
            server_ids: adopted.into_iter().collect(),
            held: held(&object.metadata, object.status.as_ref().map(|status| &status.common)),
        }
    }

    /// The use that a user or an access makes.
    #[must_use]
    pub fn of_login(
        kind: GrantKind,
        meta: &ObjectMeta,
        status: Option<&CommonStatus>,
        login: &Login,
        server_id: Option<&str>,
        region: Option<&str>,
    ) -> Self {
        Self {
            kind,
            namespace: meta.namespace.clone().unwrap_or_default(),
            region: region.unwrap_or_default().to_owned(),
            roles: vec![login.role.clone()],
            server_ids: server_id.map(str::to_owned).into_iter().collect(),
            held: held(meta, status),
        }
    }

    /// Whether the two versions of an identity differ in what counts for this use.
    #[must_use]
    pub fn sees(&self, before: &AwsIdentity, after: &AwsIdentity, lister: &dyn Lister) -> bool {
        let labels = lister.namespace_labels(&self.namespace).unwrap_or_default();
        let asker = Asker { kind: self.kind, namespace: &self.namespace, labels: &labels };
        self.verdict(before, &asker) != self.verdict(after, &asker)
    }

    /// What the grants come to.
    fn verdict(&self, identity: &AwsIdentity, asker: &Asker<'_>) -> [Vec<bool>; 3] {
        let granted = grants::granted("", Some(identity), asker, &self.region).is_ok();
        let open = self.held || grants::open_to_new("", Some(identity)).is_ok();
        let roles = self.roles.iter().map(|role| grants::role_granted(identity, asker, "", role).is_ok());
        let servers = self.server_ids.iter().map(|id| grants::server_granted(identity, asker, id).is_ok());
        [vec![granted, open], roles.collect(), servers.collect()]
    }
}

/// Whether the two versions differ in what counts for everything that uses the identity: which one it is, who AWS takes
/// it for and whether it does, and the tags that it puts on everything.
#[must_use]
pub fn all_see(before: &AwsIdentity, after: &AwsIdentity) -> bool {
    let facts =
        |identity: &AwsIdentity| (identity.metadata.uid.clone(), identity.spec.access(), identity.spec.tags.clone());
    let ready = |identity: &AwsIdentity| {
        // As any installation found it: what is said for all may be another's.
        let status = identity.status.iter();
        let all = status.flat_map(|status| {
            std::iter::once(&status.conditions).chain(status.installations.iter().map(|entry| &entry.conditions))
        });
        let ready = all.filter_map(|conditions| condition::find(conditions, types::READY));
        ready.map(|ready| (ready.status.clone(), ready.reason.clone())).collect::<Vec<_>>()
    };
    // What Ready says of one that is being deleted is who still needs it.
    let stays = after.metadata.deletion_timestamp.is_none();
    facts(before) != facts(after) || (stays && ready(before) != ready(after))
}

fn held(meta: &ObjectMeta, status: Option<&CommonStatus>) -> bool {
    meta.finalizers.iter().flatten().any(|name| name == FINALIZER)
        || status.is_some_and(|status| super::resolve::recorded_account(status).is_some())
}
