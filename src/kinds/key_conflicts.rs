//! Two objects for one user or access in AWS: whose it is. Reads only what the watches hold.
//!
//! Who created it owns it, before that who was about to, before that the older object. An object that may not create it
//! has no say, else a namespace without any right could hold names that others need.

use std::cmp::Ordering;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::deps::Deps;
use super::grants::{self, Asker};
use super::resolve::{TargetQuery, labels};
use super::server_ref::{self, LoginTarget, ServerChoice};
use crate::api::{Managed, TransferServer};
use crate::cluster::Name;
use crate::engine::kind::Target;
use crate::engine::reason::Reason;

/// Where a user or an access lives or will live: account, region, server id.
type KeyScope = (String, String, String);

/// One object's claim to a key on a server.
#[derive(Clone, Debug)]
pub struct KeyClaim<'a> {
    /// Namespace and name.
    pub name: Name,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    created: Option<Time>,
    /// It only looks and creates nothing.
    observes: bool,
    /// Who it is.
    pub request: TargetQuery<'a>,
    /// How it names its server. A recorded server says that it created what the key names.
    pub choice: ServerChoice<'a>,
    /// User name or external id.
    pub key: &'a str,
}

impl<'a> KeyClaim<'a> {
    /// The claim of an object.
    #[must_use]
    pub fn new<O: Managed>(object: &'a O, request: TargetQuery<'a>, choice: ServerChoice<'a>, key: &'a str) -> Self {
        Self {
            name: Name { namespace: object.namespace().unwrap_or_default(), name: object.name_any() },
            uid: object.uid().unwrap_or_default(),
            created: object.creation_timestamp(),
            observes: object.policies().observes(),
            request,
            choice,
            key,
        }
    }

    /// How far it has come.
    fn rank(&self) -> Rank {
        if self.choice.recorded.is_some() {
            Rank::Created
        } else if self.request.finalizer {
            Rank::Creating
        } else {
            Rank::Asking
        }
    }

    fn beats(&self, other: &KeyClaim<'_>) -> bool {
        match self.rank().cmp(&other.rank()) {
            Ordering::Greater => true,
            Ordering::Less => false,
            // Should two say that they created it, the tags or the record decide.
            Ordering::Equal if self.rank() == Rank::Created => false,
            Ordering::Equal => !self.request.deleting && (&self.created, &self.uid) < (&other.created, &other.uid),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Asking,
    Creating,
    Created,
}

/// The object that owns what another one asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Namespace and name.
    pub name: Name,
    /// It is being deleted: what it owns will be free.
    pub leaving: bool,
}

/// The object that owns what `me` asks for, where that is another one.
#[must_use]
pub fn owner<'a>(
    deps: &Deps,
    me: &KeyClaim<'_>,
    key_scope: &KeyScope,
    others: impl Iterator<Item = KeyClaim<'a>>,
) -> Option<KeyHolder> {
    if me.observes {
        return None;
    }
    others
        .filter(|other| other.key == me.key && other.uid != me.uid && !other.observes && other.beats(me))
        .find(|other| self::key_scope(deps, other).as_ref() == Some(key_scope))
        .map(|other| KeyHolder { name: other.name, leaving: other.request.deleting })
}

/// Why `me` may not have what it asks for: somebody else has it, for good or until it is gone.
///
/// # Errors
/// A block of this reason, naming the owner.
pub fn free<'a>(
    deps: &Deps,
    me: &KeyClaim<'_>,
    target: &Target<LoginTarget>,
    reason: &'static str,
    others: impl Iterator<Item = KeyClaim<'a>>,
) -> Result<(), Reason> {
    let key_scope = (target.account.id.clone(), target.account.region.clone(), target.detail.server_id.clone());
    let Some(KeyHolder { name, leaving }) = owner(deps, me, &key_scope, others) else { return Ok(()) };
    let KeyClaim { key, request, .. } = me;
    Err(if leaving {
        let message =
            format!("{key} on this server still belongs to {:?} {name}, which is being deleted", request.kind);
        Reason::new(reason, message)
    } else {
        let message = format!("{key} on this server belongs to {:?} {name}; nothing is touched", request.kind);
        Reason::stalled(reason, message)
    })
}

/// The seat of a claim, if it has a right to one.
fn key_scope(deps: &Deps, claim: &KeyClaim<'_>) -> Option<KeyScope> {
    let KeyClaim { request, choice, .. } = claim;
    if let (Some(recorded), Some(status)) = (choice.recorded, request.status) {
        // Whose server was created anew keeps its place on it.
        let server = choice
            .server_ref
            .and_then(|server_ref| deps.lister.get::<TransferServer>(&Name::named_by(server_ref, &request.namespace)));
        let anew = server.filter(|server| server_ref::replaces(server, recorded));
        let anew = anew.and_then(|server| server.status.as_ref()?.server_id.clone());
        let server_id = anew.unwrap_or_else(|| recorded.to_owned());
        return Some((status.account_id.clone()?, status.region.clone()?, server_id));
    }
    let labels = labels(deps, &request.namespace);
    let asker = Asker { kind: request.kind, namespace: &request.namespace, labels: &labels };
    let (identity, region, server_id) = match (choice.server_ref, choice.server_id) {
        (Some(server_ref), _) => {
            let name = Name::named_by(server_ref, &request.namespace);
            let server = deps.lister.get::<TransferServer>(&name)?;
            if !server.spec.allowed_references.namespaces.admits(&name.namespace, &request.namespace, &labels) {
                return None;
            }
            let server_id = server.status.as_ref()?.server_id.clone()?;
            (server.spec.aws_identity_ref.name.clone(), server.spec.region.clone(), server_id)
        }
        (None, Some(server_id)) => (choice.identity?.name.clone(), choice.region?.to_owned(), server_id.to_owned()),
        (None, None) => return None,
    };
    let found = deps.lister.identity(&identity)?;
    grants::granted(&identity, Some(&found), &asker, &region).ok()?;
    if !request.held() {
        grants::open_to_new(&identity, Some(&found)).ok()?;
    }
    if choice.server_ref.is_none() {
        grants::server_granted(&found, &asker, &server_id).ok()?;
    }
    Some((found.spec.account_id.clone(), region, server_id))
}
