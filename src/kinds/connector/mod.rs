//! `TransferConnector`: found again by its tags, compared member by member, its way to the partner tried out.

mod connection_test;
mod host_keys;
pub(crate) mod members;
mod plan;
mod profiles;
mod server_refs;
mod state;
mod want;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;

use super::deps::Deps;
use super::registration::{Registration, Traces};
use super::resolve;
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{named_by, profiles_sent, standalone};
use crate::api::{
    AwsIdentity, Managed, TransferConnector, TransferConnectorSpec, TransferConnectorStatus, TransferProfile,
};
use crate::aws::transfer::{
    CreateConnector, DeleteConnector, DescribeConnector, ListConnectors, ListSecurityPolicies, Tags,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::Lister;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::diff::{Change, set_paths};
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{Described, Kind, Plan, ReconcileError, Resolved, Target, Wanted};
use crate::engine::owner::{Owner, Ownership};
use connection_test::Tests;
use members::PROFILES;
pub use state::ConnectorState;
use want::WantedConnector;

/// The kind of connectors.
pub struct Connectors {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedConnectors>>,
    tests: Tests,
}

/// Connectors, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedConnectors;

#[async_trait]
impl TaggedResource for TaggedConnectors {
    const LISTING: &'static str = "ListConnectors";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListConnectors { token: None }).await?.into_iter().map(|row| row.connector_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeConnector { connector_id: id.to_owned() }).await?.tags)
    }
}

impl Connectors {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default(), tests: Tests::default() }
    }

    /// Whether these owner tags are the object's.
    fn owns(&self, object: &TransferConnector, tags: &Tags) -> bool {
        let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid().unwrap_or_default());
        let owner = Owner::new(&self.deps.cluster_id, &namespace, &object.name_any(), &uid);
        owner.judge(tags) == Ownership::Ours
    }
}

/// What one spec in the place of another would change, beside what is not in [`PREVIEWED`]. Keys of ConfigMaps and ids of
/// servers and profiles are not seen.
#[must_use]
pub fn preview(new: &TransferConnectorSpec, old: &TransferConnectorSpec) -> Vec<Change> {
    let settings = |spec: &TransferConnectorSpec| {
        let inline = spec.sftp_config.as_ref().and_then(|config| config.trusted_host_keys.clone());
        want::settings(spec, want::Read { trusted: inline, ..want::Read::default() })
    };
    let (new, old) = (settings(new), settings(old));
    let applied = set_paths(members::MEMBERS, &plan::comparable(&old));
    plan::differing(&new, &old, &applied)
}

/// The members of a spec that [`preview`] compares.
pub const PREVIEWED: [&str; 8] = [
    "url",
    "egressConfig",
    "accessRole",
    "loggingRole",
    "securityPolicyName",
    "ipAddressType",
    "sftpConfig",
    "as2Config",
];

/// Every role that a connector's spec passes to AWS.
#[must_use]
pub fn roles(spec: &TransferConnectorSpec) -> Vec<String> {
    want::roles(spec).into_iter().map(|(_, role)| role.clone()).collect()
}

#[async_trait]
impl Kind for Connectors {
    type Object = TransferConnector;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedConnector;
    type Have = ConnectorState;

    const WORDS: Words = Words {
        noun: TransferConnector::NOUN,
        parent: "",
        taken: "",
        anew: "another id, which whoever sends files with it has to name",
    };

    fn found_by(&self) -> FoundBy<'_, TransferConnector, Arc<AwsIdentity>> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferConnector) -> Result<Resolved<Arc<AwsIdentity>>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferConnector,
        target: &Target<Arc<AwsIdentity>>,
        now: Timestamp,
    ) -> Result<Wanted<WantedConnector>, ReconcileError> {
        let wanted = want::want(&self.deps, object, target, now).await?;
        let tried_at = self.tests.due(object, &target.account, &wanted, now);
        let changes_at = tried_at.into_iter().chain(wanted.changes_at).min();
        Ok(Wanted { changes_at, ..wanted })
    }

    async fn describe(
        &self,
        object: &TransferConnector,
        target: &Target<Arc<AwsIdentity>>,
    ) -> Result<Described<ConnectorState>, AwsError> {
        let Some(connector_id) = standalone::key(object) else { return Ok(Described::NoKey) };
        let account = &target.account;
        let connector = match account.read(DescribeConnector { connector_id: connector_id.clone() }).await {
            Ok(connector) => *connector,
            Err(fault) if fault.kind == AwsErrorKind::NotFound => {
                self.tests.forget(&object.uid().unwrap_or_default());
                return Ok(Described::Missing);
            }
            Err(fault) => return Err(fault),
        };
        self.tag_index.note(account, &connector_id, &connector.tags);
        let connection_test = if self.owns(object, &connector.tags) && target.denied.is_none() {
            connection_test::of(&self.tests, object, &connector, account).await
        } else {
            // What is told of another connector says nothing of this one.
            let status = object.status.as_ref().filter(|status| status.connector_id.as_ref() == Some(&connector_id));
            status.and_then(|status| status.connection_test.clone())
        };
        Ok(Described::Found(ConnectorState { connector, connection_test }))
    }

    fn create(
        &self,
        _: &TransferConnector,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedConnector>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedConnector { settings, tags, ungranted: _, unknown: _ } = wanted.want.clone();
        let tags = tags.into_iter().chain(owner_tags.clone()).collect();
        Mutation::CreateConnector(Box::new(CreateConnector { settings, tags }))
    }

    fn plan(
        &self,
        object: &TransferConnector,
        target: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedConnector>,
        have: &ConnectorState,
        owner: &Owner,
        _: Timestamp,
    ) -> Plan {
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        let granted =
            |secret: &str| want::secret_granted(&self.deps, object, &target.detail, members::BASIC_AUTH, secret);
        plan::plan(&wanted.want, &have.connector, &applied, owner, &granted)
    }

    fn fill_status(
        &self,
        status: &mut TransferConnectorStatus,
        _: &Target<Arc<AwsIdentity>>,
        wanted: Option<&Wanted<WantedConnector>>,
        have: &ConnectorState,
    ) {
        let ConnectorState { connector, connection_test } = have;
        status.connector_id = Some(connector.connector_id.clone());
        status.arn = Some(connector.arn.clone());
        status.state = Some(connector.status.clone());
        let (protocol, egress_type) = state::fixed(&connector.settings);
        (status.protocol, status.egress_type) = (Some(protocol.to_owned()), Some(egress_type.to_owned()));
        let addresses: BTreeSet<&String> = connector.service_managed_egress_ip_addresses.iter().collect();
        status.service_managed_egress_ip_addresses = addresses.into_iter().cloned().collect();
        let as2 = connector.settings.as2_config.as_ref();
        let profiles = as2.map(|config| [&config.local_profile_id, &config.partner_profile_id]);
        let profiles: BTreeSet<&String> = profiles.into_iter().flatten().flatten().collect();
        status.profile_ids = profiles.into_iter().cloned().collect();
        status.connection_test.clone_from(connection_test);
        if let Some(wanted) = wanted {
            if let Some(applied) = &mut status.common.applied {
                profiles_sent::keep(&mut applied.hashes, &wanted.applied.hashes, PROFILES);
            }
            let applied = status.common.applied.clone().unwrap_or_default();
            status.common.unset = plan::unset(&wanted.want, &connector.settings, &applied);
        }
    }

    fn delete(&self, _: &TransferConnector, _: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Mutation {
        Mutation::DeleteConnector(DeleteConnector { connector_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferConnector, target: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "connector", id))
    }

    async fn explain(&self, account: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let settings = match call {
            Mutation::CreateConnector(create) => &create.settings,
            Mutation::UpdateConnector(update) => update.settings.as_ref(),
            _ => return None,
        };
        let name = settings.security_policy_name.as_ref()?;
        let about_it = fault.message.to_lowercase().replace(' ', "").contains("securitypolicy");
        if fault.kind != AwsErrorKind::Rejected || !about_it {
            return None;
        }
        let mut listed = account.list(ListSecurityPolicies { token: None }).await.ok()?;
        listed.retain(|listed| listed.starts_with("TransferSFTPConnector"));
        (!listed.contains(name)).then(|| format!("of connectors AWS lists {}", listed.join(", ")))
    }
}

#[async_trait]
impl Tagged<TransferConnector, Arc<AwsIdentity>> for Connectors {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferConnector, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferConnectorStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.connector_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "connector", id));
    }

    /// Nothing in AWS or here names it.
    async fn deletion_blockers(
        &self,
        _: &TransferConnector,
        _: &Target<Arc<AwsIdentity>>,
        _: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        Ok(None)
    }
}

impl Registration for TransferConnector {
    type Reconciler = Connectors;

    const TRACES: Traces = Traces::of::<TaggedConnectors>(&["/status/connectorId"]);

    fn reconciler(deps: Arc<Deps>) -> Connectors {
        Connectors::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        let secrets = want::secrets(&self.spec).into_iter().map(|(_, secret)| secret.clone()).collect();
        Use::of(self, &self.spec.region, roles(&self.spec), Vec::new()).reading(secrets)
    }

    /// The profiles that AWS has in it no more: one that waits to be deleted may go.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        let ids = |object: Option<&Self>| {
            object.and_then(|object| object.status.as_ref()).map(TransferConnectorStatus::profiles).unwrap_or_default()
        };
        named_by::released::<TransferProfile>(lister, &ids(change.was()), &ids(change.is()))
    }
}

#[cfg(test)]
mod tests;
