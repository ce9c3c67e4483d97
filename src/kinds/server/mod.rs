//! `TransferServer`: found again by its tags, compared member by member, deleted last.

mod advice;
mod deletion_blockers;
mod endpoints;
mod host_keys;
mod known_hosts;
mod login_test;
pub(crate) mod members;
mod network;
pub mod offline;
mod plan;
mod policies_seen;
mod policy_names;
pub(crate) mod preview;
mod registration;
mod state;
mod unmanaged;
mod unset;
mod update;
mod want;
pub(crate) mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;

use super::deps::Deps;
use super::resolve;
use super::server_ref;
use super::standalone;
use super::swept;
use super::tag_index::{TagIndex, TaggedResource};
use super::workflow_ref;
use crate::api::{AwsIdentity, Managed, TransferServer, TransferServerSpec, TransferServerStatus};
use crate::aws::transfer::{
    CreateServer, DeleteServer, DescribeHostKey, DescribeServer, HostKey, ListHostKeys, ListServers, Server, Tags,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::Name;
use crate::engine::decide::Words;
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{Described, Kind, Plan, ReconcileError, Resolved, Target, Wanted};
use crate::engine::owner::{Owner, Ownership};
use advice::advice;
use endpoints::EndpointsSeen;
use login_test::LoginsTried;
use network::Network;
use policies_seen::{PoliciesSeen, PolicyContents};
pub use state::ServerState;
use unmanaged::LoginsSeen;
use wanted::WantedServer;

/// The identity provider whose users come by their groups.
pub(super) const DIRECTORY: &str = "AWS_DIRECTORY_SERVICE";

/// The kind of servers.
pub struct Servers {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedServers>>,
    logins: LoginsSeen,
    endpoints: EndpointsSeen,
    logins_tried: LoginsTried,
    policies: PoliciesSeen,
}

/// Servers, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedServers;

#[async_trait]
impl TaggedResource for TaggedServers {
    const LISTING: &'static str = "ListServers";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListServers { token: None }).await?.into_iter().map(|row| row.server_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeServer { server_id: id.to_owned() }).await?.tags)
    }
}

impl Servers {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self {
            deps,
            tag_index: Arc::default(),
            logins: LoginsSeen::default(),
            endpoints: EndpointsSeen::default(),
            logins_tried: LoginsTried::default(),
            policies: PoliciesSeen::default(),
        }
    }

    /// Listings do not carry the tags of host keys; each key is described only where its tags matter.
    async fn host_keys(&self, object: &TransferServer, account: &Account, id: &str) -> Result<Vec<HostKey>, AwsError> {
        let listed = account.list(ListHostKeys { server_id: id.to_owned(), token: None }).await?;
        if !host_keys::tags_matter(object) {
            return Ok(listed);
        }
        let mut keys = Vec::new();
        for key in listed {
            let call = DescribeHostKey { server_id: id.to_owned(), host_key_id: key.id.clone() };
            match account.read(call).await {
                Ok(described) => keys.push(HostKey { tags: described.tags, ..key }),
                // Removed since the listing.
                Err(fault) if fault.kind == AwsErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(keys)
    }

    /// Remembers whose the server is, for look-ups and for the users of this object.
    fn note(&self, object: &TransferServer, account: &Account, server: &Server) {
        let (uid, deps) = (object.uid().unwrap_or_default(), &self.deps);
        self.tag_index.note(account, &server.server_id, &server.tags);
        deps.swept.put_tags(account, &server.server_id, server.tags.clone());
        let namespace = object.namespace().unwrap_or_default();
        let owner = Owner::new(&deps.cluster_id, &namespace, &object.name_any(), &uid);
        deps.workflows.shows(&uid, Name::from(&object.metadata), workflow_ref::ids(&server.settings));
        let Account { id, region, .. } = account;
        if owner.judge(&server.tags) == Ownership::Ours {
            deps.verified.insert(id, region, &server.server_id, &uid, &server_ref::facts_of(server, region));
        } else {
            deps.verified.remove(id, region, &server.server_id, &uid);
        }
    }

    /// Whether the server is the object's own.
    fn owns(&self, object: &TransferServer, server: &Server) -> bool {
        let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid().unwrap_or_default());
        let owner = Owner::new(&self.deps.cluster_id, &namespace, &object.name_any(), &uid);
        owner.judge(&server.tags) == Ownership::Ours
    }

    /// Whether the server is the object's own, or what it is to look at or take over: of others nothing more is asked.
    fn concerns(&self, object: &TransferServer, server: &Server) -> bool {
        self.owns(object, server) || standalone::names_another(object)
    }
}

/// Every role that a server's spec passes to AWS.
#[must_use]
pub fn roles(spec: &TransferServerSpec) -> Vec<String> {
    want::roles(spec).into_iter().map(|(_, role)| role).collect()
}

#[async_trait]
impl Kind for Servers {
    type Object = TransferServer;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedServer;
    type Have = ServerState;

    const WORDS: Words = Words {
        noun: TransferServer::NOUN,
        parent: "",
        taken: "",
        anew: "another host name; other host keys, unless spec.hostKeys lists them",
    };

    const EVERY: Duration = swept::EVERY;

    fn found_by(&self) -> FoundBy<'_, TransferServer, Arc<AwsIdentity>> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferServer) -> Result<Resolved<Self::TargetDetail>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferServer,
        target: &Target<Self::TargetDetail>,
        now: Timestamp,
    ) -> Result<Wanted<WantedServer>, ReconcileError> {
        want::want(&self.deps, object, target, now).await
    }

    async fn describe(
        &self,
        object: &TransferServer,
        target: &Target<Self::TargetDetail>,
    ) -> Result<Described<ServerState>, AwsError> {
        let Some(id) = standalone::key(object) else { return Ok(Described::NoKey) };
        let account = &target.account;
        let mut server = match account.read(DescribeServer { server_id: id.clone() }).await {
            Ok(server) => *server,
            Err(fault) if fault.kind == AwsErrorKind::NotFound => {
                let uid = object.uid().unwrap_or_default();
                self.deps.verified.remove(&account.id, &account.region, &id, &uid);
                self.deps.workflows.shows(&uid, Name::from(&object.metadata), BTreeSet::new());
                self.logins_tried.forget(&uid);
                return Ok(Described::Missing);
            }
            Err(fault) => return Err(fault),
        };
        let first = !self.deps.workflows.looked_at(&object.uid().unwrap_or_default());
        self.note(object, account, &server);
        // Of a directory server accesses are counted into it next.
        let users = server.user_count;
        let unmanaged = if standalone::going(object) {
            None
        } else {
            unmanaged::of(&self.deps, &self.logins, object, account, &mut server).await
        };
        let (mut network, mut endpoints, mut policy) = (Network::default(), None, PolicyContents::default());
        let mut login_test = object.status.as_ref().and_then(|status| status.login_test.clone());
        if self.concerns(object, &server) && !standalone::going(object) {
            network = network::look(object, &server, account).await?;
            endpoints = endpoints::of_vpc(&self.endpoints, object, &server, &network, account).await;
            policy = self.policies.of(object, account, &server.settings, first).await;
        }
        match self.host_keys(object, account, &id).await {
            Ok(host_keys) => {
                // Last, as what fails here is looked at again, and a login is not.
                if self.owns(object, &server) && !standalone::going(object) && target.denied.is_none() {
                    let cluster = self.deps.cluster.as_ref();
                    login_test = login_test::of(&self.logins_tried, cluster, object, &server, account).await;
                }
                Ok(Described::Found(ServerState {
                    server,
                    host_keys,
                    network,
                    endpoints,
                    login_test,
                    policy,
                    users,
                    unmanaged,
                }))
            }
            Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(Described::Missing),
            Err(fault) => Err(fault),
        }
    }

    fn create(
        &self,
        _object: &TransferServer,
        _target: &Target<Self::TargetDetail>,
        wanted: &Wanted<WantedServer>,
        owner_tags: &Tags,
    ) -> Mutation {
        let want = &wanted.want;
        let first = want.host_keys.iter().flatten().next();
        // A create takes no KMS key: that key begins as AWS's own and is moved by the update that names both.
        let storage = match first {
            Some(key) if key.kms_key.is_some() => None,
            Some(key) => key.storage_type.clone().or_else(|| want.host_key_storage_type.clone()),
            None => want.host_key_storage_type.clone(),
        };
        let mut tags = want.tags.clone();
        tags.extend(owner_tags.clone());
        let mut settings = want.settings.clone();
        if let Some(details) = &mut settings.endpoint_details {
            // Refused at creation; they are attached before anybody uses the server, see `want::attaches_first`.
            details.address_allocation_ids = None;
        }
        Mutation::CreateServer(Box::new(CreateServer {
            domain: want.domain.clone(),
            host_key: first.map(|key| key.body.clone()),
            host_key_storage_type: storage,
            settings,
            tags,
        }))
    }

    fn plan(
        &self,
        object: &TransferServer,
        target: &Target<Self::TargetDetail>,
        wanted: &Wanted<WantedServer>,
        have: &ServerState,
        owner: &Owner,
        now: Timestamp,
    ) -> Plan {
        let about = plan::About { object, wanted, have, owner, now, denied: target.denied.is_some(), held: false };
        let named = known_hosts::config_map(object, &wanted.want, have, &target.account.region);
        let (advice, advice_stands) = (advice(object, wanted, have), matches!(have.policy, PolicyContents::NotAsked));
        let config_maps = named.into_iter().collect();
        Plan { advice, advice_stands, config_maps, ..plan::plan(&about) }
    }

    fn fill_status(
        &self,
        status: &mut TransferServerStatus,
        target: &Target<Self::TargetDetail>,
        wanted: Option<&Wanted<WantedServer>>,
        have: &ServerState,
    ) {
        let server = &have.server;
        let settings = &server.settings;
        status.host_keys =
            host_keys::status_rows(wanted.map(|wanted| &wanted.want), &have.host_keys, &status.host_keys);
        // A count that could not be read now stays what it was for the same server.
        let before = status.user_count.filter(|_| status.server_id.as_ref() == Some(&server.server_id));
        status.user_count = server.user_count.map(i64::from).or(before);
        match &have.unmanaged {
            Some(names) => status.unmanaged_logins = unmanaged::told(names),
            None if status.server_id.as_ref() == Some(&server.server_id) => {}
            None => status.unmanaged_logins = None,
        }
        status.endpoints = endpoints::all(server, &target.account.region, have.endpoints.as_deref(), status);
        status.login_test.clone_from(&have.login_test);
        status.server_id = Some(server.server_id.clone());
        status.arn = Some(server.arn.clone());
        status.state.clone_from(&server.state);
        status.endpoint = server_ref::host(server, &target.account.region);
        let fingerprint = server.host_key_fingerprint.as_ref();
        status.host_key_fingerprint = fingerprint.map(|text| text.trim_end_matches('=').to_owned());
        status.security_policy_name.clone_from(&settings.security_policy_name);
        status.as2_service_managed_egress_ip_addresses.clone_from(&server.as2_service_managed_egress_ip_addresses);
        status.vpc_endpoint_id = settings.endpoint_details.as_ref().and_then(|details| details.vpc_endpoint_id.clone());
        if let Some(wanted) = wanted {
            status.common.unset = unset::unset(&wanted.want, server, status.common.applied.as_ref());
        }
    }

    fn delete(&self, _: &TransferServer, _: &Target<Self::TargetDetail>, id: Option<&str>) -> Mutation {
        Mutation::DeleteServer(DeleteServer { server_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferServer, target: &Target<Self::TargetDetail>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "server", id))
    }

    async fn explain(&self, account: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        match network::beside(fault) {
            Some(words) => Some(words),
            None => self.policies.beside(account, call, fault).await,
        }
    }
}

#[async_trait]
impl Tagged<TransferServer, Arc<AwsIdentity>> for Servers {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferServer, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferServerStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.server_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "server", id));
    }

    async fn deletion_blockers(
        &self,
        object: &TransferServer,
        target: &Target<Arc<AwsIdentity>>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        deletion_blockers::deletion_blockers(self.deps.cluster.as_ref(), &self.logins, object, &target.account, id)
            .await
    }
}

#[cfg(test)]
mod tests;
