//! What of an identity counts for one object that uses it: only a change of that is a reason to look at the object.

use kube::ResourceExt;

use super::grants::{self, Asker};
use super::resolve::TargetQuery;
use super::server_ref::ServerChoice;
use crate::api::condition::{self, types};
use crate::api::login::Login;
use crate::api::{AwsIdentity, Managed, ManagedKind, TransferServer};
use crate::cluster::{Lister, Name};

/// One object's use of an identity.
#[derive(Debug)]
pub struct Use {
    kind: ManagedKind,
    namespace: String,
    /// Where it is or is to be; empty where that is not known.
    region: String,
    roles: Vec<String>,
    /// Secrets that it has AWS read.
    secrets: Vec<String>,
    /// Servers that it names by their ids.
    server_ids: Vec<String>,
    /// What it takes over by its id, but for servers.
    adopts: Option<String>,
    /// Certificates that it names by their ids.
    certificate_ids: Vec<String>,
    /// It may have something in AWS.
    held: bool,
}

impl Use {
    /// The use that an object makes in this region, passing these roles and naming these servers by their ids.
    #[must_use]
    pub fn of<K: Managed>(object: &K, region: &str, roles: Vec<String>, server_ids: Vec<String>) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            region: region.to_owned(),
            roles,
            secrets: Vec::new(),
            server_ids,
            adopts: object.policies().adoption.filter(|_| K::KIND != ManagedKind::TransferServer).and_then(|it| it.id),
            certificate_ids: Vec::new(),
            held: TargetQuery::of(object).held(),
        }
    }

    /// The same use by an object that names these certificates by their ids as well.
    #[must_use]
    pub fn with_certificates(self, certificate_ids: Vec<String>) -> Self {
        Self { certificate_ids, ..self }
    }

    /// The same, and AWS reads these secrets for it.
    #[must_use]
    pub fn reading(self, secrets: Vec<String>) -> Self {
        Self { secrets, ..self }
    }

    /// The use that a user or an access makes.
    #[must_use]
    pub fn of_login<K: Managed>(object: &K, login: &Login, server: &ServerChoice<'_>, lister: &dyn Lister) -> Self {
        Self::on_server(object, &login.role, server, lister)
    }

    /// The use that an object on a server makes: its region is that of the server, where it names none.
    #[must_use]
    pub fn on_server<K: Managed>(object: &K, role: &str, server: &ServerChoice<'_>, lister: &dyn Lister) -> Self {
        let own = object.namespace().unwrap_or_default();
        let named = server.server_ref.and_then(|named| lister.get::<TransferServer>(&Name::named_by(named, &own)));
        let region = server.region.or_else(|| named.as_ref().map(|server| server.spec.region.as_str()));
        let server_ids = server.server_id.map(str::to_owned).into_iter().collect();
        Self::of(object, region.unwrap_or_default(), vec![role.to_owned()], server_ids)
    }

    /// Whether the two versions of an identity differ in what counts for this use.
    #[must_use]
    pub fn sees(&self, before: &AwsIdentity, after: &AwsIdentity, lister: &dyn Lister) -> bool {
        let labels = lister.namespace_labels(&self.namespace).unwrap_or_default();
        let asker = Asker { kind: self.kind, namespace: &self.namespace, labels: &labels };
        self.verdict(before, &asker) != self.verdict(after, &asker)
    }

    /// What the grants come to.
    fn verdict(&self, identity: &AwsIdentity, asker: &Asker<'_>) -> [Vec<bool>; 6] {
        let granted = grants::granted("", Some(identity), asker, &self.region).is_ok();
        let open = self.held || grants::open_to_new("", Some(identity)).is_ok();
        let roles = self.roles.iter().map(|role| grants::role_granted(identity, asker, "", role).is_ok());
        let secrets = self.secrets.iter().map(|secret| grants::secret_granted(identity, asker, "", secret).is_ok());
        let servers = self.server_ids.iter().map(|id| grants::server_granted(identity, asker, id).is_ok());
        let certificates = self.certificate_ids.iter();
        let certificates = certificates.map(|id| grants::certificate_granted(identity, asker, "", id).is_ok());
        let adopts = self.adopts.iter().map(|id| grants::adoption_granted(identity, asker, id).is_ok());
        [
            vec![granted, open],
            roles.collect(),
            secrets.collect(),
            servers.collect(),
            adopts.collect(),
            certificates.collect(),
        ]
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
