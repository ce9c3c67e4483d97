//! `TransferUser`: found again by its name on the server, owned by its tags; its SSH keys are part of it.

mod plan;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::json;

use super::deps::Deps;
use super::key_conflicts::{self, KeyClaim};
use super::login::{self, WantedLogin};
use super::registration::{Registration, Traces};
use super::resolve::{TargetQuery, Unresolved, resolved};
use super::server_ref::{self, LoginTarget, ServerChoice};
use super::ssh_keys::{self, Listed, SourceText, WantedKeys};
use super::trigger::Trigger;
use super::uses::Use;
use super::{config_refs, home, partition, tags};
use crate::api::condition::reasons;
use crate::api::object_ref::ConfigMapKeyRef;
use crate::api::status::{Applied, ServerFacts};
use crate::api::user::{SshPublicKeySource, SshPublicKeyStatus};
use crate::api::{Managed, ManagedKind, TransferUser, TransferUserStatus};
use crate::aws::transfer::{CreateUser, DeleteUser, DescribeUser, SshPublicKey, Tags, User};
use crate::aws::{AwsError, AwsErrorKind, CreateOutput, Mutation};
use crate::cluster::Lister;
use crate::cluster::references::Reference;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::digest::hash;
use crate::engine::found_by::{Child, FoundBy};
use crate::engine::kind::{Described, Kind, KindStatus, Plan, ReconcileError, Resolved, ResourceState, Target, Wanted};
use crate::engine::looks;
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;

/// AWS's limits for a user name, in characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=100;

/// A name that AWS makes a user of and lets nobody log in with.
const ROOT: &str = "root";

/// The kind of users.
pub struct Users {
    deps: Arc<Deps>,
}

/// How old an object may be whose user was made and never written down. Of an older one the status was lost, and what
/// others put on its user is not to be taken for ours.
const YOUTH: SignedDuration = SignedDuration::from_hours(1);

/// What is wanted of a user.
#[derive(Clone, Debug)]
pub struct WantedUser {
    /// Role, home directory, policy and the like.
    pub login: WantedLogin,
    /// SSH public keys; `None` where they are not managed.
    pub keys: Option<WantedKeys>,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// The object is so young that a status without a record means that nothing was written yet, not that it was lost.
    pub young: bool,
}

/// What AWS has of a user.
#[derive(Clone, Debug)]
pub struct UserState {
    /// The user.
    pub user: User,
    /// The owner tags say that it is this object's; one that only observes may see others.
    pub ours: bool,
}

impl Users {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }

    async fn keys(&self, object: &TransferUser) -> Result<Option<Vec<SourceText>>, ReconcileError> {
        let Some(given) = &object.spec.ssh_public_keys_from else { return Ok(None) };
        let namespace = object.namespace().unwrap_or_default();
        let mut texts = Vec::new();
        for (index, SshPublicKeySource { config_map_key_ref }) in given.iter().enumerate() {
            let field = format!("spec.sshPublicKeysFrom[{index}]");
            let text = config_refs::read(self.deps.cluster.as_ref(), &namespace, &field, config_map_key_ref).await?;
            let ConfigMapKeyRef { name, key } = config_map_key_ref;
            let field = format!("{field} (ConfigMap {namespace}/{name}, key {key})");
            texts.push(SourceText { field, text });
        }
        Ok(Some(texts))
    }

    /// Where the object lives; not where another object has its key there.
    async fn place(&self, object: &TransferUser) -> Result<Target<LoginTarget>, Unresolved> {
        let KeyClaim { request, choice, .. } = claim(object);
        if request.deleting {
            return server_ref::on_server(&self.deps, &request, &choice).await;
        }
        valid(object)?;
        let target = server_ref::on_server(&self.deps, &request, &choice).await?;
        served(&target.detail)?;
        let me = claim(object);
        let users = self.deps.lister.by::<TransferUser>(&Reference::Login(me.key.to_owned()));
        let others = users.iter().map(|other| claim(other));
        key_conflicts::free(&self.deps, &me, &target, reasons::USER_NAME_TAKEN, others)?;
        Ok(target)
    }
}

/// The name in AWS. Of what was created it is the recorded one, so that an edit that slipped through leads nowhere.
fn user_name(object: &TransferUser) -> &str {
    object.status.as_ref().and_then(recorded_name).unwrap_or_else(|| object.effective_user_name())
}

/// The name of this object's user, where status says that it was seen in AWS: the ARN is of the server that stands
/// beside it, and of the name that is shown, if one still is.
fn recorded_name(status: &TransferUserStatus) -> Option<&str> {
    let (arn, server) = (status.arn.as_deref()?, status.server_id.as_deref()?);
    let (_, name) = arn.rsplit_once(&format!(":user/{server}/"))?;
    let shown = status.user_name.as_deref().unwrap_or(name);
    (shown == name && !name.is_empty()).then_some(name)
}

fn claim(object: &TransferUser) -> KeyClaim<'_> {
    let spec = &object.spec;
    let status = object.status.as_ref();
    let choice = ServerChoice {
        server_ref: spec.server_ref.as_ref(),
        server_id: spec.server_id.as_deref(),
        identity: spec.aws_identity_ref.as_ref(),
        region: spec.region.as_deref(),
        recorded: status.filter(|status| status.confirmed()).and_then(|status| status.server_id.as_deref()),
    };
    KeyClaim::new(object, TargetQuery::of(object), choice, user_name(object))
}

/// What can be told without looking anywhere.
fn valid(object: &TransferUser) -> Result<(), Reason> {
    let (name, wanted) = (user_name(object), object.effective_user_name());
    if name != wanted {
        let message =
            format!("spec.userName: this object's user is {name} and AWS cannot rename it; nothing is touched");
        return Err(Reason::stalled(reasons::IMMUTABLE, message));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = NAME_LENGTH.contains(&name.len())
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || matches!(c, '@' | '.' | '-'));
    if fits {
        return Ok(());
    }
    let field = if object.spec.user_name.is_some() {
        "spec.userName"
    } else {
        "metadata.name, used as spec.userName is absent"
    };
    let message = format!(
        "{field}: AWS takes 3 to 100 of letters, digits and _ @ . -, the first a letter, a digit or _; set spec.userName"
    );
    Err(Reason::stalled(reasons::INVALID_SPEC, message))
}

/// Of everything that is wanted. Only what is set goes in, so that a new version of this program does not read as an
/// edit.
fn digest(want: &WantedUser) -> String {
    let WantedUser { login, keys, tags, young: _ } = want;
    let lines = |keys: &WantedKeys| (keys.keys.iter().map(|key| key.key.to_line()).collect::<Vec<_>>(), keys.exclusive);
    hash(&json!([login.settings, keys.as_ref().map(lines), tags]).to_string())
}

fn served(target: &LoginTarget) -> Result<(), Reason> {
    let LoginTarget { server_id, domain: _, provider, replaces: _, unproven: _, shown: _ } = target;
    if provider == "SERVICE_MANAGED" {
        return Ok(());
    }
    let message = format!(
        "this server does not keep users: server {server_id} has identity provider {provider}, and users need one that \
         is SERVICE_MANAGED"
    );
    Err(Reason::stalled(reasons::INVALID_FOR_SERVER, message))
}

#[async_trait]
impl Kind for Users {
    type Object = TransferUser;
    type TargetDetail = LoginTarget;
    type Want = WantedUser;
    type Have = UserState;

    const WORDS: Words = Words { noun: TransferUser::NOUN, parent: "server", taken: "a user of this name", anew: "" };

    fn found_by(&self) -> FoundBy<'_, TransferUser, LoginTarget> {
        FoundBy::Key(self)
    }

    async fn resolve(&self, object: &TransferUser) -> Result<Resolved<LoginTarget>, ReconcileError> {
        resolved(self.place(object).await)
    }

    async fn want(
        &self,
        object: &TransferUser,
        target: &Target<LoginTarget>,
        now: Timestamp,
    ) -> Result<Wanted<WantedUser>, ReconcileError> {
        let spec = &object.spec;
        let namespace = object.namespace().unwrap_or_default();
        let (login, login_blocks) =
            config_refs::wanted_login(&self.deps, ManagedKind::TransferUser, &namespace, &spec.login, target).await?;
        let listed = Listed {
            inline: spec.ssh_public_keys.as_deref(),
            sources: self.keys(object).await?,
            policy: spec.ssh_public_key_policy,
            made: object.status.as_ref().is_some_and(KindStatus::confirmed),
        };
        let (keys, key_blocks) = ssh_keys::want(&listed, now);
        let tags = tags::wanted(&spec.tags, &target.identity_tags);
        let applied = Applied {
            paths: login.paths().into_iter().collect(),
            tags: tags.keys().cloned().collect(),
            ..Applied::default()
        };
        let changes_at = keys.as_ref().and_then(|keys| keys.changes_at(now, self.deps.expiry_warning));
        let made = object.metadata.creation_timestamp.as_ref();
        let young = made.is_some_and(|made| now.duration_since(made.0) < YOUTH);
        let want = WantedUser { login, keys, tags, young };
        let unproven = target.detail.unproven.clone();
        let blocks =
            unproven.into_iter().chain(login_blocks).chain(key_blocks).chain(tags::unfit(&want.tags)).collect();
        let digest = digest(&want);
        let faults = want.login.faults();
        Ok(Wanted { want, blocks, faults, applied, changes_at, operation: None, digest })
    }

    async fn describe(
        &self,
        object: &TransferUser,
        target: &Target<LoginTarget>,
    ) -> Result<Described<UserState>, AwsError> {
        let server_id = target.detail.server_id.clone();
        let call = DescribeUser { server_id, user_name: user_name(object).to_owned() };
        let user = match target.account.read(call).await {
            Ok(user) => *user,
            Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(missing(&fault)),
            Err(fault) => return Err(fault),
        };
        let namespace = object.namespace().unwrap_or_default();
        let uid = object.uid().unwrap_or_default();
        let owner = Owner::new(&self.deps.cluster_id, &namespace, &object.name_any(), &uid);
        let ours = owner.judge(&user.tags) == Ownership::Ours;
        Ok(Described::Found(UserState { user, ours }))
    }

    fn create(
        &self,
        object: &TransferUser,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedUser>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedUser { login, keys, tags, young: _ } = &wanted.want;
        let first = keys.as_ref().and_then(|keys| keys.keys.first());
        let mut tags = tags.clone();
        tags.extend(owner_tags.clone());
        Mutation::CreateUser(Box::new(CreateUser {
            server_id: target.detail.server_id.clone(),
            user_name: user_name(object).to_owned(),
            settings: login.settings.clone(),
            ssh_public_key_body: first.map(|wanted| wanted.key.to_line()),
            tags,
        }))
    }

    fn plan(
        &self,
        object: &TransferUser,
        target: &Target<LoginTarget>,
        wanted: &Wanted<WantedUser>,
        have: &UserState,
        owner: &Owner,
        now: Timestamp,
    ) -> Plan {
        let recorded = object.status.as_ref().map_or(&[][..], |status| &status.ssh_public_keys);
        let advice = advice(&wanted.want, have, recorded, now, self.deps.expiry_warning);
        Plan { advice, ..plan::plan(object, &target.detail, &wanted.want, have, owner) }
    }

    fn fill_status(
        &self,
        status: &mut TransferUserStatus,
        target: &Target<LoginTarget>,
        wanted: Option<&Wanted<WantedUser>>,
        have: &UserState,
    ) {
        let UserState { user, ours } = have;
        status.user_name = Some(user.user_name.clone());
        status.server_id = Some(target.detail.server_id.clone());
        self.show_parent(status, target);
        // The ARN confirms that the user is this object's.
        status.arn = ours.then(|| user.arn.clone());
        let keys = wanted.and_then(|wanted| wanted.want.keys.as_ref()).filter(|_| *ours);
        status.ssh_public_keys = ssh_keys::status_rows(keys, &user.ssh_public_keys, &status.ssh_public_keys);
        status.ssh_public_key_count = i64::try_from(user.ssh_public_keys.len()).ok();
        if let Some(wanted) = wanted {
            status.common.unset = wanted.want.login.unset(&user.settings, status.common.applied.as_ref());
        }
    }

    fn delete(&self, object: &TransferUser, target: &Target<LoginTarget>, _: Option<&str>) -> Mutation {
        Mutation::DeleteUser(DeleteUser {
            server_id: target.detail.server_id.clone(),
            user_name: user_name(object).to_owned(),
        })
    }

    /// Built, not read from status: whoever writes status could point the tags elsewhere.
    fn arn(&self, object: &TransferUser, target: &Target<LoginTarget>, _: Option<&str>) -> Option<String> {
        let (account, region) = (&target.account.id, &target.account.region);
        let (partition, server) = (partition::partition(region), &target.detail.server_id);
        Some(format!("arn:{partition}:transfer:{region}:{account}:user/{server}/{}", user_name(object)))
    }
}

impl Child<TransferUser, LoginTarget> for Users {
    fn parent_replaced(&self, target: &Target<LoginTarget>) -> bool {
        target.detail.replaces
    }

    fn unproven<'a>(&self, target: &'a Target<LoginTarget>) -> Option<&'a Reason> {
        target.detail.unproven.as_ref()
    }

    /// Ids of keys that no look told yet come with the first one: what removes a key looks first.
    fn is_at(&self, status: &TransferUserStatus, target: &Target<LoginTarget>) -> bool {
        status.server_id.as_ref() == Some(&target.detail.server_id)
    }

    fn show_parent(&self, status: &mut TransferUserStatus, target: &Target<LoginTarget>) {
        status.server.clone_from(&target.detail.shown);
    }

    /// Its tags tell.
    fn record_target(&self, _: &mut TransferUserStatus, _: &TransferUser, _: &Target<LoginTarget>) {}
}

impl KindStatus for TransferUserStatus {
    fn confirmed(&self) -> bool {
        recorded_name(self).is_some()
    }

    fn vanished(&mut self) {
        self.user_name = None;
        self.server = ServerFacts::default();
        self.ssh_public_keys.clear();
        self.ssh_public_key_count = None;
    }
}

impl ResourceState for UserState {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.user.tags)
    }

    /// AWS answers with no more than the name; the ids that it gave to keys are seen at the next look.
    fn created(call: &Mutation, arn: Option<String>) -> Option<Self> {
        let Mutation::CreateUser(call) = call else { return None };
        let CreateUser { server_id: _, user_name, settings, ssh_public_key_body, tags } = call.as_ref().clone();
        let key = |body| SshPublicKey { body, ..SshPublicKey::default() };
        let ssh_public_keys = ssh_public_key_body.into_iter().map(key).collect();
        Some(Self { user: User { arn: arn?, user_name, settings, ssh_public_keys, tags }, ours: true })
    }

    fn accepted(&self, call: &Mutation, answer: &CreateOutput) -> Option<Self> {
        let Self { mut user, ours } = self.clone();
        match call {
            Mutation::UpdateUser(call) => user.settings = login::taken(&user.settings, &call.settings)?,
            Mutation::ImportSshPublicKey(call) => {
                let (id, body) = (answer.id.clone()?, call.body.clone());
                user.ssh_public_keys.push(SshPublicKey { id, body, date_imported: None });
            }
            Mutation::TagResource(call) if call.arn == user.arn => user.tags.extend(call.tags.clone()),
            _ => return None,
        }
        Some(Self { user, ours })
    }

    fn ready_reason(&self) -> Reason {
        let User { user_name, ssh_public_keys, .. } = &self.user;
        Reason::new(reasons::AVAILABLE, format!("user {user_name} exists, SSH public keys: {}", ssh_public_keys.len()))
    }

    fn listed(&self) -> Option<String> {
        Some(looks::row(&self.user.row()))
    }
}

/// What is worth a look and blocks nothing.
fn advice(
    want: &WantedUser,
    have: &UserState,
    recorded: &[SshPublicKeyStatus],
    now: Timestamp,
    warning: SignedDuration,
) -> Vec<Reason> {
    let keys = ssh_keys::advisory(want.keys.as_ref(), &have.user.ssh_public_keys, recorded, now, warning);
    let root = (have.user.user_name == ROOT).then(|| {
        let message = "AWS turns logins as root away at SFTP servers; make a user of another name";
        Reason::new(reasons::ROOT_USER, message)
    });
    root.into_iter().chain(keys).chain(home::unfilled(&have.user.settings)).collect()
}

impl Registration for TransferUser {
    type Reconciler = Users;

    const TRACES: Traces = Traces::OnServers;

    fn reconciler(deps: Arc<Deps>) -> Users {
        Users::new(deps)
    }

    fn uses(&self, lister: &dyn Lister) -> Use {
        Use::of_login(self, &self.spec.login, &claim(self).choice, lister)
    }

    fn triggers(_: &StoreChange<Self>, _: &dyn Lister) -> Vec<Trigger> {
        Vec::new()
    }
}

/// What NotFound is about.
pub(super) fn missing<H>(fault: &AwsError) -> Described<H> {
    if fault.resource_type.as_deref() == Some("Server") { Described::ParentMissing } else { Described::Missing }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
