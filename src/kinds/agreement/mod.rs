//! `TransferAgreement`: on a server, and yet found again by its tags, as AWS chooses its id.
//!
//! AWS knows one by server and id together, so the id that the engine is given names both: `s-.../a-...`.

pub(crate) mod members;
mod plan;
mod want;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use jiff::Timestamp;
use serde_json::json;

use super::deps::Deps;
use super::registration::{Registration, Traces};
use super::resolve::{self, TargetQuery, Unresolved};
use super::server_ref::{self, LoginTarget, ServerChoice};
use super::standalone;
use super::swept::Swept;
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{named_by, profiles_sent};
use crate::api::condition::reasons;
use crate::api::{Managed, TransferAgreement, TransferAgreementSpec, TransferAgreementStatus, TransferProfile};
use crate::aws::transfer::{
    Agreement, AgreementSettings, CreateAgreement, DeleteAgreement, DescribeAgreement, ListAgreements, ListServers,
    Tags, agreement_key, agreement_of,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::Lister;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::diff::Change;
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{Described, Kind, KindStatus, Plan, ReconcileError, Resolved, ResourceState, Target, Wanted};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use members::PROFILES;
use want::WantedAgreement;

/// The kind of agreements.
pub struct Agreements {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedAgreements>>,
}

/// Agreements, as they are found by their tags: those of all servers, whatever a status says of where one is.
#[derive(Debug)]
pub struct TaggedAgreements;

#[async_trait]
impl TaggedResource for TaggedAgreements {
    const LISTING: &'static str = "ListAgreements";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        let (found, missing) = on_servers(account, server_ids(account).await?).await?;
        if missing.is_empty() {
            return Ok(found);
        }
        // One that is gone takes its own along. What is on one that is listed all the same nobody knows, and the whole
        // listing proves nothing.
        let listed = server_ids(account).await?;
        match missing.into_iter().find(|(server_id, _)| listed.contains(server_id)) {
            Some((_, fault)) => Err(AwsError { kind: AwsErrorKind::Unavailable, ..fault }),
            None => Ok(found),
        }
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        // An id without a server is none of AWS's.
        let (server_id, agreement_id) = agreement_of(id).unwrap_or((id, ""));
        let call = DescribeAgreement { server_id: server_id.to_owned(), agreement_id: agreement_id.to_owned() };
        Ok(account.read(call).await?.tags)
    }
}

async fn server_ids(account: &Account) -> Result<Vec<String>, AwsError> {
    Ok(account.list(ListServers { token: None }).await?.into_iter().map(|row| row.server_id).collect())
}

/// The agreements of these servers, and the servers that are not there, each with what AWS says of it.
async fn on_servers(
    account: &Account,
    servers: Vec<String>,
) -> Result<(Vec<String>, Vec<(String, AwsError)>), AwsError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for server_id in servers {
        match account.list(ListAgreements { server_id: server_id.clone(), token: None }).await {
            Ok(rows) => found.extend(rows.into_iter().map(|row| agreement_key(&server_id, &row.agreement_id))),
            Err(fault) if fault.kind == AwsErrorKind::NotFound => missing.push((server_id, fault)),
            Err(fault) => return Err(fault),
        }
    }
    Ok((found, missing))
}

impl Agreements {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default() }
    }

    /// The place, if the object may take over or look at what its spec names there.
    fn admitted(
        &self,
        object: &TransferAgreement,
        target: Target<LoginTarget>,
    ) -> Result<Target<LoginTarget>, Unresolved> {
        match self.deps.lister.identity(&target.identity) {
            // Another server's grant and references were not asked.
            Some(identity) => match standalone::admit(&self.deps, object, &identity)? {
                Some(id) if agreement_of(&id).is_none_or(|(server, _)| server != target.detail.server_id) => {
                    let server = &target.detail.server_id;
                    let message = format!("spec.lifecycle.adoption.id: {id} is not on this object's server {server}");
                    Err(Reason::stalled(reasons::SERVER_CHANGED, message).into())
                }
                _ => Ok(target),
            },
            // Gone since its server was found with it.
            None => Err(Reason::new(reasons::DEPENDENCY_NOT_READY, "the AwsIdentity is absent").into()),
        }
    }
}

/// How the object names its server. What was made is on the server of its id.
fn choice(object: &TransferAgreement) -> ServerChoice<'_> {
    let spec = &object.spec;
    let made = object.status.as_ref().and_then(KindStatus::id).and_then(agreement_of).map(|(server, _)| server);
    // What was never seen is looked for by its tags, whatever became of the server: that of no name keeps it from nothing.
    let nowhere = object.metadata.deletion_timestamp.is_some().then_some("");
    ServerChoice {
        server_ref: spec.server_ref.as_ref(),
        server_id: spec.server_id.as_deref(),
        identity: spec.aws_identity_ref.as_ref(),
        region: spec.region.as_deref(),
        recorded: made.or(nowhere),
    }
}

/// What one spec in the place of another would change, beside what is not in [`PREVIEWED`].
#[must_use]
pub fn preview(new: &TransferAgreementSpec, old: &TransferAgreementSpec) -> Vec<Change> {
    // By their objects or their ids, profiles are compared as they are written.
    let settings =
        |spec| AgreementSettings { local_profile_id: None, partner_profile_id: None, ..want::settings(spec) };
    let (new, old) = (settings(new), settings(old));
    let applied: BTreeSet<String> = crate::engine::diff::set_paths(members::MEMBERS, &json!(old));
    plan::differing(&new, &old, &applied)
}

/// The members of a spec that [`preview`] compares.
pub const PREVIEWED: [&str; 7] = [
    "accessRole",
    "baseDirectory",
    "customDirectories",
    "status",
    "preserveFilename",
    "enforceMessageSigning",
    "description",
];

#[async_trait]
impl Kind for Agreements {
    type Object = TransferAgreement;
    type TargetDetail = LoginTarget;
    type Want = WantedAgreement;
    type Have = Agreement;

    const WORDS: Words = Words { noun: TransferAgreement::NOUN, parent: "server", taken: "", anew: "another id" };

    fn found_by(&self) -> FoundBy<'_, TransferAgreement, LoginTarget> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferAgreement) -> Result<Resolved<LoginTarget>, ReconcileError> {
        let (request, choice) = (TargetQuery::of(object), choice(object));
        let found = match server_ref::on_server(&self.deps, &request, &choice).await {
            // Whether it is on another server its tags say: a status alone keeps nobody from what is his own.
            Err(Unresolved::NotReady(why)) if why.code == reasons::SERVER_CHANGED => {
                server_ref::on_server(&self.deps, &request, &ServerChoice { recorded: None, ..choice }).await
            }
            found => found,
        };
        resolve::resolved(found.and_then(|target| self.admitted(object, target)))
    }

    async fn want(
        &self,
        object: &TransferAgreement,
        target: &Target<LoginTarget>,
        now: Timestamp,
    ) -> Result<Wanted<WantedAgreement>, ReconcileError> {
        want::want(&self.deps, object, target, now).await
    }

    async fn describe(
        &self,
        object: &TransferAgreement,
        target: &Target<LoginTarget>,
    ) -> Result<Described<Agreement>, AwsError> {
        let id = standalone::key(object);
        let Some((server_id, agreement_id)) = id.as_deref().and_then(agreement_of) else {
            return Ok(Described::NoKey);
        };
        // Its server is gone for good, and with it what was on it.
        if target.detail.replaces {
            return Ok(Described::Missing);
        }
        let call = DescribeAgreement { server_id: server_id.to_owned(), agreement_id: agreement_id.to_owned() };
        match target.account.read(call).await {
            Ok(agreement) => {
                self.tag_index.note(&target.account, &agreement_key(server_id, agreement_id), &agreement.tags);
                Ok(Described::Found(*agreement))
            }
            Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(Described::Missing),
            Err(fault) => Err(fault),
        }
    }

    fn create(
        &self,
        _: &TransferAgreement,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedAgreement>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedAgreement { settings, tags, held: _ } = wanted.want.clone();
        let tags = tags.into_iter().chain(owner_tags.clone()).collect();
        let server_id = target.detail.server_id.clone();
        Mutation::CreateAgreement(Box::new(CreateAgreement { server_id, settings, tags }))
    }

    fn plan(
        &self,
        object: &TransferAgreement,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedAgreement>,
        have: &Agreement,
        owner: &Owner,
        _: Timestamp,
    ) -> Plan {
        if let Err(moved) = server_ref::same_server(Some(&have.server_id), &target.detail.server_id) {
            return Plan { blocks: vec![moved], ..Plan::default() };
        }
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        plan::plan(&wanted.want, have, &applied, owner)
    }

    fn fill_status(
        &self,
        status: &mut TransferAgreementStatus,
        _: &Target<LoginTarget>,
        wanted: Option<&Wanted<WantedAgreement>>,
        have: &Agreement,
    ) {
        let Agreement { arn, server_id, agreement_id, settings, tags: _ } = have;
        named(status, server_id, agreement_id);
        status.arn = Some(arn.clone());
        status.state.clone_from(&settings.status);
        status.local_profile_id.clone_from(&settings.local_profile_id);
        status.partner_profile_id.clone_from(&settings.partner_profile_id);
        if let Some(wanted) = wanted {
            if let Some(applied) = &mut status.common.applied {
                profiles_sent::keep(&mut applied.hashes, &wanted.applied.hashes, PROFILES);
            }
            let applied = status.common.applied.clone().unwrap_or_default();
            status.common.unset = plan::unset(&wanted.want, settings, &applied);
        }
    }

    fn delete(&self, _: &TransferAgreement, _: &Target<LoginTarget>, id: Option<&str>) -> Mutation {
        let (server_id, agreement_id) = id.and_then(agreement_of).unwrap_or_default();
        Mutation::DeleteAgreement(DeleteAgreement {
            server_id: server_id.to_owned(),
            agreement_id: agreement_id.to_owned(),
        })
    }

    fn arn(&self, _: &TransferAgreement, target: &Target<LoginTarget>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "agreement", id))
    }

    async fn explain(&self, _: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let makes = matches!(call, Mutation::CreateAgreement(_));
        let about_as2 = fault.message.to_uppercase().contains("AS2");
        (makes && fault.kind == AwsErrorKind::Rejected && about_as2)
            .then(|| "the server must list AS2 in its spec.protocols".to_owned())
    }
}

#[async_trait]
impl Tagged<TransferAgreement, LoginTarget> for Agreements {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferAgreement, target: &Target<LoginTarget>) -> Option<String> {
        let identity = self.deps.lister.identity(&target.identity)?;
        standalone::adopts(&self.deps, object, &identity)
    }

    fn set_id(&self, status: &mut TransferAgreementStatus, target: &Target<LoginTarget>, id: &str) {
        if let Some((server_id, agreement_id)) = agreement_of(id) {
            named(status, server_id, agreement_id);
            status.arn = Some(standalone::arn(target, "agreement", id));
        }
    }

    /// Nothing in AWS or here names it.
    async fn deletion_blockers(
        &self,
        _: &TransferAgreement,
        _: &Target<LoginTarget>,
        _: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        Ok(None)
    }
}

fn named(status: &mut TransferAgreementStatus, server_id: &str, agreement_id: &str) {
    status.resource_id = Some(agreement_key(server_id, agreement_id));
    status.server_id = Some(server_id.to_owned());
    status.agreement_id = Some(agreement_id.to_owned());
}

impl KindStatus for TransferAgreementStatus {
    fn confirmed(&self) -> bool {
        self.id().is_some()
    }

    fn id(&self) -> Option<&str> {
        self.resource_id.as_deref().filter(|id| agreement_of(id).is_some())
    }

    /// The profiles stay: that none is shown means that nobody looked, which holds every profile.
    fn vanished(&mut self) {
        self.state = None;
    }
}

impl ResourceState for Agreement {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    fn ready_reason(&self) -> Reason {
        let Self { server_id, agreement_id, settings, .. } = self;
        let state = settings.status.as_deref().unwrap_or("ACTIVE");
        Reason::new(reasons::AVAILABLE, format!("agreement {agreement_id} of server {server_id} is {state}"))
    }

    /// AWS lists neither directories nor the role.
    fn listed(&self) -> Option<String> {
        None
    }
}

impl Registration for TransferAgreement {
    type Reconciler = Agreements;

    const TRACES: Traces = Traces::Tagged {
        list: |account, swept| listed(account, swept).boxed(),
        tags: |account, _, id| TaggedAgreements::tags(account, id),
        recorded: &["/status/resourceId"],
    };

    fn reconciler(deps: Arc<Deps>) -> Agreements {
        Agreements::new(deps)
    }

    fn uses(&self, lister: &dyn Lister) -> Use {
        Use::on_server(self, &self.spec.access_role, &choice(self), lister)
    }

    /// The profiles that AWS has in it no more: one that waits to be deleted may go.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        let ids = |object: Option<&Self>| object.and_then(|object| Some(object.status.as_ref()?.profile_ids()));
        let (was, is) = (ids(change.was()).unwrap_or_default(), ids(change.is()).unwrap_or_default());
        named_by::released::<TransferProfile>(lister, &was, &is)
    }
}

/// A server that is listed and not there stops no scan: what is told of orphans is seen twice.
async fn listed(account: &Account, swept: &Swept) -> Result<Vec<String>, AwsError> {
    let servers = swept.list_servers(account).await?.into_iter().map(|row| row.server_id).collect();
    on_servers(account, servers).await.map(|(listed, _)| listed)
}

#[cfg(test)]
mod tests;
