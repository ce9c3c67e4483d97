//! On which server a user or an access is, and what must hold of that server. Never a call for the tags of a server
//! that was seen before.

use kube::ResourceExt;
use tokio::time::Instant;

use super::deps::{Deps, VerifiedFacts, VerifyRefusal};
use super::grants::{self, Asker};
use super::partition;
use super::resolve::{
    RecordedTarget, TargetQuery, Unresolved, in_field, labels, of_field, recorded_target, resolve, revoked, with,
};
use crate::api::condition::reasons;
use crate::api::lifecycle::RecreatePolicy;
use crate::api::object_ref::{IdentityRef, ServerRef};
use crate::api::server::HostKeyStatus;
use crate::api::status::{HostKeyFingerprint, ServerFacts};
use crate::api::{Managed, ManagedKind, TAG_CUSTOM_HOSTNAME, TransferServer};
use crate::aws::transfer::{DescribeServer, Server};
use crate::aws::{Account, AwsErrorKind};
use crate::cluster::Name;
use crate::cluster::references::Reference;
use crate::engine::kind::{ReconcileError, Target};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;

/// The server that a user or an access is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTarget {
    /// Its id.
    pub server_id: String,
    /// `S3` or `EFS`.
    pub domain: String,
    /// Identity provider type.
    pub provider: String,
    /// The server that status records is gone for good, and this is the one that its object has now.
    pub replaces: bool,
    /// Why only what takes access away may be done there: the server does not carry its object's owner tags.
    pub unproven: Option<Reason>,
    /// What partners are given of it.
    pub shown: ServerFacts,
}

/// How a user or an access names its server.
#[derive(Clone, Debug)]
pub struct ServerChoice<'a> {
    /// By reference.
    pub server_ref: Option<&'a ServerRef>,
    /// By its id, with identity and region.
    pub server_id: Option<&'a str>,
    /// The identity, with an id.
    pub identity: Option<&'a IdentityRef>,
    /// The region, with an id.
    pub region: Option<&'a str>,
    /// The server that status records.
    pub recorded: Option<&'a str>,
}

/// The place of a user or an access on its server.
///
/// # Errors
/// `NotReady` where the server is not available to it.
pub async fn on_server(
    deps: &Deps,
    request: &TargetQuery<'_>,
    choice: &ServerChoice<'_>,
) -> Result<Target<LoginTarget>, Unresolved> {
    if let Some(target) = recorded(deps, request, choice).await? {
        return Ok(target);
    }
    match (choice.server_ref, choice.server_id) {
        (Some(server_ref), _) => {
            by_reference(deps, request, choice, server_ref).await.map_err(|trouble| in_field("spec.serverRef", trouble))
        }
        (None, Some(server_id)) => {
            by_id(deps, request, choice, server_id).await.map_err(|trouble| in_field("spec.serverId", trouble))
        }
        (None, None) => Err(Reason::stalled(reasons::INVALID_SPEC, "spec.serverRef or spec.serverId is needed").into()),
    }
}

/// What is being deleted goes from where it was put, whatever became of its references.
async fn recorded(
    deps: &Deps,
    request: &TargetQuery<'_>,
    choice: &ServerChoice<'_>,
) -> Result<Option<Target<LoginTarget>>, Unresolved> {
    let (true, Some(status), Some(server_id)) = (request.deleting, request.status, choice.recorded) else {
        return Ok(None);
    };
    let RecordedTarget { identity: Some(identity), region: Some(region) } = recorded_target(Some(status)) else {
        return Ok(None);
    };
    let detail = detail(server_id.to_owned(), None);
    resolve(deps, request, &identity, &region, detail).await.map(|(target, _)| Some(target))
}

async fn by_reference(
    deps: &Deps,
    request: &TargetQuery<'_>,
    choice: &ServerChoice<'_>,
    server_ref: &ServerRef,
) -> Result<Target<LoginTarget>, Unresolved> {
    let name = Name::named_by(server_ref, &request.namespace);
    let labels = labels(deps, &request.namespace);
    let asker = Asker { kind: request.kind, namespace: &request.namespace, labels: &labels };
    let found = deps.lister.get::<TransferServer>(&name);
    let exists = found.is_some();
    let server = found
        .filter(|server| server.spec.allowed_references.namespaces.admits(&name.namespace, &request.namespace, &labels))
        .ok_or_else(|| {
            let message = unavailable(ManagedKind::TransferServer, &name, &asker, exists);
            Reason::new(reasons::SERVER_NOT_AVAILABLE, message)
        })?;
    // One that is being deleted itself must get there: its create may have been under way, and the server waits for
    // it.
    if server.metadata.deletion_timestamp.is_some() && choice.recorded.is_none() && !request.deleting {
        let message = format!("TransferServer {name} is being deleted and takes nobody new");
        return Err(Reason::new(reasons::SERVER_NOT_AVAILABLE, message).into());
    }
    let Some(server_id) = server.status.as_ref().and_then(|status| status.server_id.clone()) else {
        let message = format!("TransferServer {name} has no id yet");
        return Err(Reason::new(reasons::WAITING_FOR_SERVER, message).into());
    };
    let before = choice.recorded.filter(|recorded| *recorded != server_id && replaces(&server, recorded));
    same_server(choice.recorded.filter(|_| before.is_none()), &server_id)?;
    let identity = server.spec.aws_identity_ref.name.clone();
    let (target, _) = resolve(deps, request, &identity, &server.spec.region, ()).await?;
    // Not only by the word of a status: as long as AWS has the server, what is on it is not let go.
    if let Some(before) = before
        && describe(&target.account, before).await?.is_some()
    {
        same_server(Some(before), &server_id)?;
    }
    let seen = verify(deps, &target.account, &server_id, &server).await?;
    let known = request.deleting || choice.recorded == Some(server_id.as_str());
    let detail = match seen {
        Ok(facts) => LoginTarget { shown: shown(&server), ..detail(server_id, Some(facts)) },
        Err(VerifyRefusal::Gone) => detail(server_id, gone_is_fine(request, Ok(None))?),
        // Removing keys and deleting a user need no tags of the server: they rest on this user's own uid and
        // cluster tags, which the same reconcile reads on the user. What was never on record there is looked at to
        // delete it only.
        Err(VerifyRefusal::Strange(facts)) if request.kind == ManagedKind::TransferUser && known => {
            let unproven = Some(of_field("spec.serverRef", &strange(&server_id, &name, &server)));
            LoginTarget { unproven, ..detail(server_id, Some(facts)) }
        }
        Err(VerifyRefusal::Strange(_)) => return Err(strange(&server_id, &name, &server).into()),
    };
    Ok(with(target, LoginTarget { replaces: before.is_some(), ..detail }))
}

async fn by_id(
    deps: &Deps,
    request: &TargetQuery<'_>,
    choice: &ServerChoice<'_>,
    server_id: &str,
) -> Result<Target<LoginTarget>, Unresolved> {
    same_server(choice.recorded, server_id)?;
    if choice.recorded.is_none() && !request.deleting && being_deleted(deps, server_id) {
        let message = format!("server {server_id} is being deleted and takes nobody new");
        return Err(Reason::new(reasons::SERVER_NOT_AVAILABLE, message).into());
    }
    let (Some(identity), Some(region)) = (choice.identity, choice.region) else {
        let message = "spec.awsIdentityRef and spec.region are needed with spec.serverId";
        return Err(Reason::stalled(reasons::INVALID_SPEC, message).into());
    };
    let (mut target, identity) = resolve(deps, request, &identity.name, region, ()).await?;
    let labels = labels(deps, &request.namespace);
    let asker = Asker { kind: request.kind, namespace: &request.namespace, labels: &labels };
    if let Err(block) = grants::server_granted(&identity, &asker, server_id) {
        let block = if choice.recorded.is_some() { revoked(&block) } else { block };
        if !request.deleting {
            return Err(block.into());
        }
        target.denied = Some(block);
    }
    let facts = match deps.verified.get(&target.account.id, &target.account.region, server_id, "") {
        Some(facts) => Some(facts),
        None => gone_is_fine(request, look_at(deps, &target.account, server_id).await)?,
    };
    let shown = ServerFacts { host: facts.as_ref().and_then(|facts| facts.host.clone()), ..ServerFacts::default() };
    Ok(with(target, LoginTarget { shown, ..detail(server_id.to_owned(), facts) }))
}

/// Whether a server object of ours that is being deleted says that the server is its own. Ids are AWS's, so they
/// are the same nowhere else.
fn being_deleted(deps: &Deps, server_id: &str) -> bool {
    deps.lister.by::<TransferServer>(&Reference::Id(ManagedKind::TransferServer, server_id.to_owned())).iter().any(
        |server| {
            server.metadata.deletion_timestamp.is_some()
                && server.status.as_ref().and_then(|status| status.server_id.as_deref()) == Some(server_id)
        },
    )
}

/// Looks at a server that a person was granted by its id.
async fn look_at(deps: &Deps, account: &Account, server_id: &str) -> Result<Option<VerifiedFacts>, Unresolved> {
    let Account { id, region, .. } = account;
    if deps.verified.refusal(id, region, server_id, "").is_some() {
        return Ok(None);
    }
    let began = Instant::now();
    let Some(server) = describe(account, server_id).await? else {
        deps.verified.refuse((id, region), server_id, "", VerifyRefusal::Gone, began);
        return Ok(None);
    };
    let facts = facts_of(&server, region);
    deps.verified.insert(id, region, server_id, "", &facts);
    Ok(Some(facts))
}

/// Looks for the tags of the server object on the server that its status names: whoever may write that status
/// could else give logins on a server of somebody else's.
pub(super) async fn verify(
    deps: &Deps,
    account: &Account,
    server_id: &str,
    object: &TransferServer,
) -> Result<Result<VerifiedFacts, VerifyRefusal>, Unresolved> {
    let meta = &object.metadata;
    let uid = meta.uid.clone().unwrap_or_default();
    let Account { id, region, .. } = account;
    if let Some(facts) = deps.verified.get(id, region, server_id, &uid) {
        return Ok(Ok(facts));
    }
    if let Some(refusal) = deps.verified.refusal(id, region, server_id, &uid) {
        return Ok(Err(refusal));
    }
    if let Some(wait) = deps.verified.awaits(&uid) {
        return Err(ReconcileError::FoundOutElsewhere(wait).into());
    }
    let namespace = meta.namespace.clone().unwrap_or_default();
    let owner = Owner::new(&deps.cluster_id, &namespace, &object.name_any(), &uid);
    let began = Instant::now();
    let refusal = match describe(account, server_id).await? {
        None => VerifyRefusal::Gone,
        Some(server) if owner.judge(&server.tags) != Ownership::Ours => {
            VerifyRefusal::Strange(facts_of(&server, region))
        }
        Some(server) => {
            let facts = facts_of(&server, region);
            deps.verified.insert(id, region, server_id, &uid, &facts);
            return Ok(Ok(facts));
        }
    };
    deps.verified.refuse((id, region), server_id, &uid, refusal.clone(), began);
    Ok(Err(refusal))
}

/// The status of the server object names what is not its own, or is not any more, or what it only looks at.
fn strange(server_id: &str, name: &Name, server: &TransferServer) -> Reason {
    let message = if server.policies().observes() {
        format!(
            "TransferServer {name} only observes server {server_id} (managementPolicy ObserveOnly) and has no users or \
             accesses of its own; set its managementPolicy to Full to take it over, or name the server in spec.serverId \
             instead"
        )
    } else {
        format!(
            "server {server_id} does not carry the owner tags of TransferServer {name}; until it does, only keys are \
             removed and users deleted there"
        )
    };
    Reason::new(reasons::SERVER_NOT_AVAILABLE, message)
}

/// Why a reference leads nowhere. In another namespace absent and not allowed give the same answer, so that nobody can
/// probe; who is in the same one may see the object anyway.
pub(super) fn unavailable(kind: ManagedKind, object: &Name, asker: &Asker, exists: bool) -> String {
    let Asker { kind: _, namespace: from, labels } = asker;
    let (kind, unseen) = (kind.name(), grants::unseen(from, labels));
    if object.namespace != *from {
        format!(
            "{kind} {object} is absent or does not allow references from namespace {from}; its owner may allow that \
             namespace in spec.allowedReferences{unseen}"
        )
    } else if exists {
        format!(
            "{kind} {object} does not allow references from its own namespace; add {from} to its \
             spec.allowedReferences{unseen}"
        )
    } else {
        format!("{kind} {object} does not exist")
    }
}

async fn describe(account: &Account, server_id: &str) -> Result<Option<Server>, Unresolved> {
    match account.read(DescribeServer { server_id: server_id.to_owned() }).await {
        Ok(server) => Ok(Some(*server)),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// A server that AWS does not have takes nobody; who is being deleted needs to know no more of it.
fn gone_is_fine(
    request: &TargetQuery<'_>,
    found: Result<Option<VerifiedFacts>, Unresolved>,
) -> Result<Option<VerifiedFacts>, Unresolved> {
    match found {
        Ok(None) if !request.deleting => {
            Err(Reason::new(reasons::SERVER_NOT_AVAILABLE, "AWS does not have the server").into())
        }
        found => found,
    }
}

/// What users and accesses need to know of a server.
#[must_use]
pub fn facts_of(server: &Server, region: &str) -> VerifiedFacts {
    VerifiedFacts {
        domain: server.domain.clone().unwrap_or_else(|| "S3".to_owned()),
        provider: server.settings.identity_provider_type.clone().unwrap_or_else(|| "SERVICE_MANAGED".to_owned()),
        host: host(server, region),
    }
}

/// Where clients connect to: the custom host name, else the name that AWS gives a public server, else the id of the VPC
/// endpoint.
#[must_use]
pub fn host(server: &Server, region: &str) -> Option<String> {
    let details = server.settings.endpoint_details.as_ref();
    let vpc_endpoint = || details.and_then(|details| details.vpc_endpoint_id.clone());
    custom_name(server).cloned().or_else(|| public_name(server, region)).or_else(vpc_endpoint)
}

/// The host name of one's own, as AWS keeps it in a tag.
#[must_use]
pub fn custom_name(server: &Server) -> Option<&String> {
    server.tags.get(TAG_CUSTOM_HOSTNAME).filter(|name| !name.is_empty())
}

/// The name that AWS gives a public server.
#[must_use]
pub fn public_name(server: &Server, region: &str) -> Option<String> {
    let public = server.settings.endpoint_type.as_deref().is_none_or(|kind| kind == "PUBLIC");
    let suffix = partition::host_suffix(region);
    public.then(|| format!("{}.server.transfer.{region}.{suffix}", server.server_id))
}

fn detail(server_id: String, facts: Option<VerifiedFacts>) -> LoginTarget {
    let VerifiedFacts { domain, provider, host: _ } = facts.unwrap_or_default();
    LoginTarget { server_id, domain, provider, replaces: false, unproven: None, shown: ServerFacts::default() }
}

/// What the server object says of how to reach its server, and how to know it.
#[must_use]
pub fn shown(server: &TransferServer) -> ServerFacts {
    let Some(status) = &server.status else { return ServerFacts::default() };
    let fingerprint = |key: &HostKeyStatus| {
        let (r#type, fingerprint) = key.r#type.clone().zip(key.fingerprint.clone()).filter(|_| key.active)?;
        Some(HostKeyFingerprint { r#type, fingerprint })
    };
    let mut host_key_fingerprints: Vec<_> = status.host_keys.iter().filter_map(fingerprint).collect();
    host_key_fingerprints.sort_by(|one, two| one.r#type.cmp(&two.r#type));
    ServerFacts { host: status.endpoint.clone(), host_key_fingerprints }
}

/// Whether the server object has another server in the place of the recorded one, which AWS no longer had, and says
/// that all of it is to be made anew. A reference that was changed leads to an object that never had the recorded
/// server; so this tells the two apart without a memory of what the reference was. The status of that object may be
/// forged, hence the caller asks AWS itself whether the recorded server is gone, and the new one must carry the
/// object's owner tags.
#[must_use]
pub fn replaces(server: &TransferServer, recorded: &str) -> bool {
    let record = server.status.as_ref().and_then(|status| status.common.create.as_ref());
    server.policies().recreate == RecreatePolicy::Automatic
        && record.is_some_and(|record| {
            Some(&record.uid) == server.metadata.uid.as_ref() && record.lost.iter().any(|lost| lost == recorded)
        })
}

pub(super) fn same_server(recorded: Option<&str>, server_id: &str) -> Result<(), Reason> {
    match recorded {
        Some(recorded) if recorded != server_id => Err(Reason::stalled(
            reasons::SERVER_CHANGED,
            format!(
                "this object lives on server {recorded}, the spec now leads to {server_id}; nothing is touched. Delete \
                 and re-apply it to move"
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "server_ref_tests.rs"]
mod tests;
