//! `TransferAccess`: found again by the SID of its group. AWS keeps no tags on accesses, so only the record of our own
//! create says that one is ours.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::config_refs;
use super::deps::Deps;
use super::home;
use super::key_conflicts::{self, KeyClaim};
use super::login::{self, WantedLogin};
use super::registration::{Registration, Traces};
use super::resolve::{TargetQuery, Unresolved, resolved};
use super::server_ref::{self, LoginTarget, ServerChoice};
use super::trigger::Trigger;
use super::user::missing;
use super::uses::Use;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase, ServerFacts};
use crate::api::{Managed, ManagedKind, TransferAccess, TransferAccessStatus};
use crate::aws::transfer::{Access, CreateAccess, DeleteAccess, DescribeAccess, ListAccesses, Tags, UpdateAccess};
use crate::aws::{Account, AwsError, AwsErrorKind, CreateOutput, Mutation};
use crate::cluster::Lister;
use crate::cluster::references::Reference;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::digest::{hash, keyed};
use crate::engine::found_by::{Child, FoundBy};
use crate::engine::kind::{
    Described, Kind, KindStatus, Plan, PlannedCall, ReconcileError, Resolved, ResourceState, Target, Wanted,
};
use crate::engine::looks;
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;

/// The member that AWS may show nowhere; its hash is remembered, so that an edit is seen.
const ROLE_PATH: &str = "role";

/// The kind of accesses.
pub struct Accesses {
    deps: Arc<Deps>,
}

/// What is wanted of an access.
#[derive(Clone, Debug)]
pub struct WantedAccess {
    /// Role, home directory, policy and the like.
    pub login: WantedLogin,
}

impl Accesses {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }

    /// Where the object lives; not where another object has its key there.
    async fn place(&self, object: &TransferAccess) -> Result<Target<LoginTarget>, Unresolved> {
        let KeyClaim { request, choice, .. } = claim(object);
        if request.deleting {
            return server_ref::on_server(&self.deps, &request, &choice).await;
        }
        valid(object)?;
        let target = server_ref::on_server(&self.deps, &request, &choice).await?;
        served(&target.detail)?;
        let me = claim(object);
        let accesses = self.deps.lister.by::<TransferAccess>(&Reference::Login(me.key.to_owned()));
        let others = accesses.iter().map(|other| claim(other));
        key_conflicts::free(&self.deps, &me, &target, reasons::EXTERNAL_ID_TAKEN, others)?;
        Ok(target)
    }
}

/// The SID in AWS. Of what was created it is the recorded one, so that an edit that slipped through leads nowhere.
fn external_id(object: &TransferAccess) -> &str {
    let recorded =
        object.status.as_ref().filter(|status| status.confirmed()).and_then(|status| status.external_id.as_deref());
    recorded.unwrap_or(&object.spec.external_id)
}

fn claim(object: &TransferAccess) -> KeyClaim<'_> {
    let spec = &object.spec;
    let status = object.status.as_ref();
    let choice = ServerChoice {
        server_ref: spec.server_ref.as_ref(),
        server_id: spec.server_id.as_deref(),
        identity: spec.aws_identity_ref.as_ref(),
        region: spec.region.as_deref(),
        recorded: status.filter(|status| status.confirmed()).and_then(|status| status.server_id.as_deref()),
    };
    KeyClaim::new(object, TargetQuery::of(object), choice, external_id(object))
}

/// What can be told without looking anywhere.
fn valid(object: &TransferAccess) -> Result<(), Reason> {
    let recorded = external_id(object);
    if recorded == object.spec.external_id {
        return Ok(());
    }
    let message = format!(
        "spec.externalId: this object's access is for {recorded} and AWS cannot change that; nothing is touched"
    );
    Err(Reason::stalled(reasons::IMMUTABLE, message))
}

fn served(target: &LoginTarget) -> Result<(), Reason> {
    let LoginTarget { server_id, domain: _, provider, replaces: _, unproven: _, shown: _ } = target;
    if provider == "AWS_DIRECTORY_SERVICE" {
        return Ok(());
    }
    let message = format!(
        "this server does not keep accesses: server {server_id} has identity provider {provider}, and accesses need \
         AWS_DIRECTORY_SERVICE"
    );
    Err(Reason::stalled(reasons::INVALID_FOR_SERVER, message))
}

/// The role as the listing tells it: `DescribeAccess` is known to leave it out.
async fn listed_role(account: &Account, server_id: &str, external_id: &str) -> Result<Option<String>, AwsError> {
    let listed = account.list(ListAccesses { server_id: server_id.to_owned(), token: None }).await?;
    Ok(listed.into_iter().find(|row| row.external_id == external_id).and_then(|row| row.role))
}

#[async_trait]
impl Kind for Accesses {
    type Object = TransferAccess;
    type TargetDetail = LoginTarget;
    type Want = WantedAccess;
    type Have = Access;

    const WORDS: Words =
        Words { noun: TransferAccess::NOUN, parent: "server", taken: "an access for this group", anew: "" };

    fn found_by(&self) -> FoundBy<'_, TransferAccess, LoginTarget> {
        FoundBy::Record(self)
    }

    async fn resolve(&self, object: &TransferAccess) -> Result<Resolved<LoginTarget>, ReconcileError> {
        resolved(self.place(object).await)
    }

    async fn want(
        &self,
        object: &TransferAccess,
        target: &Target<LoginTarget>,
        _now: Timestamp,
    ) -> Result<Wanted<WantedAccess>, ReconcileError> {
        let namespace = object.namespace().unwrap_or_default();
        let (login, blocks) =
            config_refs::wanted_login(&self.deps, ManagedKind::TransferAccess, &namespace, &object.spec.login, target)
                .await?;
        let uid = object.uid().unwrap_or_default();
        // What may not be passed is not sent, so it is no knowledge of what AWS has.
        let role = login.settings.role.iter().filter(|_| !login.held.contains(ROLE_PATH));
        let role = role.map(|role| (ROLE_PATH.to_owned(), keyed(&uid, role)));
        let applied =
            Applied { paths: login.paths().into_iter().collect(), hashes: role.collect(), ..Applied::default() };
        let digest = hash(&json!(login.settings).to_string());
        let faults = login.faults();
        let want = WantedAccess { login };
        Ok(Wanted { want, blocks, faults, applied, changes_at: None, operation: None, digest })
    }

    async fn describe(
        &self,
        object: &TransferAccess,
        target: &Target<LoginTarget>,
    ) -> Result<Described<Access>, AwsError> {
        let (server_id, external_id) = (&target.detail.server_id, external_id(object));
        let call = DescribeAccess { server_id: server_id.clone(), external_id: external_id.to_owned() };
        let mut access = match target.account.read(call).await {
            Ok(access) => *access,
            Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(missing(&fault)),
            Err(fault) => return Err(fault),
        };
        if access.settings.role.is_none() {
            access.settings.role = listed_role(&target.account, server_id, external_id).await?;
        }
        Ok(Described::Found(access))
    }

    fn create(
        &self,
        object: &TransferAccess,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedAccess>,
        _owner_tags: &Tags,
    ) -> Mutation {
        Mutation::CreateAccess(Box::new(CreateAccess {
            server_id: target.detail.server_id.clone(),
            external_id: external_id(object).to_owned(),
            settings: wanted.want.login.settings.clone(),
        }))
    }

    fn plan(
        &self,
        object: &TransferAccess,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedAccess>,
        have: &Access,
        _owner: &Owner,
        _now: Timestamp,
    ) -> Plan {
        plan(object, &target.detail, wanted, have)
    }

    fn fill_status(
        &self,
        status: &mut TransferAccessStatus,
        target: &Target<LoginTarget>,
        wanted: Option<&Wanted<WantedAccess>>,
        have: &Access,
    ) {
        status.server_id = Some(target.detail.server_id.clone());
        self.show_parent(status, target);
        status.external_id = Some(have.external_id.clone());
        if let Some(wanted) = wanted {
            status.common.unset = wanted.want.login.unset(&have.settings, status.common.applied.as_ref());
        }
    }

    fn delete(&self, object: &TransferAccess, target: &Target<LoginTarget>, _: Option<&str>) -> Mutation {
        Mutation::DeleteAccess(DeleteAccess {
            server_id: target.detail.server_id.clone(),
            external_id: external_id(object).to_owned(),
        })
    }

    fn arn(&self, _: &TransferAccess, _: &Target<LoginTarget>, _: Option<&str>) -> Option<String> {
        None
    }
}

impl Child<TransferAccess, LoginTarget> for Accesses {
    fn parent_replaced(&self, target: &Target<LoginTarget>) -> bool {
        target.detail.replaces
    }

    /// Nothing on an access could prove that it is ours, so it has no place there at all.
    fn unproven<'a>(&self, _: &'a Target<LoginTarget>) -> Option<&'a Reason> {
        None
    }

    fn is_at(&self, status: &TransferAccessStatus, target: &Target<LoginTarget>) -> bool {
        status.server_id.as_ref() == Some(&target.detail.server_id)
    }

    fn show_parent(&self, status: &mut TransferAccessStatus, target: &Target<LoginTarget>) {
        status.server.clone_from(&target.detail.shown);
    }

    fn record_target(&self, status: &mut TransferAccessStatus, object: &TransferAccess, target: &Target<LoginTarget>) {
        let external_id = external_id(object).to_owned();
        status.server_id = Some(target.detail.server_id.clone());
        status.external_id = Some(external_id);
    }
}

impl KindStatus for TransferAccessStatus {
    /// It records a create of this object that AWS did not refuse, and what it was for.
    fn confirmed(&self) -> bool {
        let record = self.common.create.as_ref();
        self.external_id.is_some()
            && record.is_some_and(|record| record.attempt.is_some() && record.phase != CreatePhase::Rejected)
    }

    fn vanished(&mut self) {
        self.server = ServerFacts::default();
    }
}

impl ResourceState for Access {
    fn tags(&self) -> Option<&Tags> {
        None
    }

    fn created(call: &Mutation, _: Option<String>) -> Option<Self> {
        let Mutation::CreateAccess(call) = call else { return None };
        let CreateAccess { server_id: _, external_id, settings } = call.as_ref().clone();
        Some(Self { external_id, settings })
    }

    fn accepted(&self, call: &Mutation, _: &CreateOutput) -> Option<Self> {
        let Mutation::UpdateAccess(call) = call else { return None };
        let settings = login::taken(&self.settings, &call.settings)?;
        Some(Self { settings, ..self.clone() })
    }

    fn ready_reason(&self) -> Reason {
        Reason::new(reasons::AVAILABLE, format!("access for group {} exists", self.external_id))
    }

    fn listed(&self) -> Option<String> {
        Some(looks::row(&self.row()))
    }
}

impl Registration for TransferAccess {
    type Reconciler = Accesses;

    const TRACES: Traces = Traces::Untagged;

    fn reconciler(deps: Arc<Deps>) -> Accesses {
        Accesses::new(deps)
    }

    fn uses(&self, lister: &dyn Lister) -> Use {
        Use::of_login(self, &self.spec.login, &claim(self).choice, lister)
    }

    fn triggers(_: &StoreChange<Self>, _: &dyn Lister) -> Vec<Trigger> {
        Vec::new()
    }
}

fn plan(object: &TransferAccess, target: &LoginTarget, wanted: &Wanted<WantedAccess>, have: &Access) -> Plan {
    let WantedAccess { login } = &wanted.want;
    let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
    let known = applied.hashes.get(ROLE_PATH);
    let edited = known.is_some() && known != wanted.applied.hashes.get(ROLE_PATH);
    let paths: BTreeSet<String> = applied.paths.into_iter().collect();
    let mut settings = have.settings.clone();
    let hidden = settings.role.is_none();
    if hidden && !edited {
        // A role that AWS tells nowhere is the one that was sent.
        settings.role.clone_from(&login.settings.role);
    }
    let update = login.update(&settings, &paths, None);
    let unseen = hidden && update.changes.iter().all(|change| change.path == ROLE_PATH);
    let advice = home::unfilled(&have.settings).into_iter().collect();
    let calls = update.settings.map(|settings| {
        let (server_id, external_id) = (target.server_id.clone(), have.external_id.clone());
        let call = Mutation::UpdateAccess(UpdateAccess { server_id, external_id, settings: Box::new(settings) });
        PlannedCall { unseen, ..PlannedCall::new(call, update.resolved) }
    });
    Plan {
        changes: update.changes,
        calls: calls.into_iter().collect(),
        blocks: update.blocks,
        busy: None,
        advice,
        ..Plan::default()
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
