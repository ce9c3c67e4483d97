//! `TransferServer`: found again by its tags, compared member by member, deleted last.

mod blocker;
mod host_keys;
mod look_up;
mod members;
mod plan;
mod want;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;
use secrecy::SecretString;

use super::doors::Doors;
use super::place::{self, Request};
use crate::api::common::ManagementPolicy;
use crate::api::condition::reasons;
use crate::api::identity::GrantKind;
use crate::api::{AwsIdentity, Managed, TransferServer, TransferServerStatus};
use crate::aws::types::{CreateServer, HostKey, Server, Tags};
use crate::aws::{Fault, FaultKind, Mutation};
use crate::engine::decide::Identified;
use crate::engine::evidence::Lookup;
use crate::engine::kind::{Block, Kind, Look, Place, Plan, Trouble, Wanted};
use crate::engine::owner::{Owner, Ownership};
use look_up::Others;
use want::WantedServer;

/// Security policies that AWS keeps for old clients only: they allow SHA-1 or were replaced years ago.
const OLD_POLICIES: [&str; 6] =
    ["2018-11", "Restricted-2018-11", "2020-06", "Restricted-2020-06", "FIPS-2020-06", "2022-03"];

/// The kind of servers.
pub struct Servers {
    doors: Arc<Doors>,
    others: Others,
}

/// What AWS has of a server.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// The server.
    pub server: Server,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
}

impl Servers {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(doors: Arc<Doors>) -> Self {
        Self { doors, others: Others::default() }
    }

    /// The id to look at: the recorded one, or the pointer of an object that only observes.
    fn key(object: &TransferServer) -> Option<String> {
        let policies = object.policies();
        let pointer = policies.adoption.and_then(|adoption| adoption.server_id);
        let recorded = object.status.as_ref().and_then(|status| status.server_id.clone());
        if policies.management == ManagementPolicy::ObserveOnly { pointer.or(recorded) } else { recorded }
    }

    /// Tags of host keys are only in their descriptions, so these are read where tags are asked for.
    async fn host_keys(
        &self,
        object: &TransferServer,
        place: &Place<Arc<AwsIdentity>>,
        id: &str,
    ) -> Result<Vec<HostKey>, Fault> {
        let mut keys = place.account.list_host_keys(id).await?;
        if object.spec.host_keys.iter().flatten().any(|key| !key.tags.is_empty()) {
            for key in &mut keys {
                key.tags = place.account.describe_host_key(id, &key.id).await?.tags;
            }
        }
        Ok(keys)
    }
}

#[async_trait]
impl Kind for Servers {
    type Object = TransferServer;
    type Detail = Arc<AwsIdentity>;
    type Want = WantedServer;
    type Have = ServerState;

    const IDENTIFIED: Identified = Identified::ByTags;

    async fn place(&self, object: &TransferServer) -> Result<Place<Self::Detail>, Trouble> {
        let status = object.status.as_ref().map(|status| &status.common);
        let deleting = object.metadata.deletion_timestamp.is_some();
        let namespace = object.namespace().unwrap_or_default();
        let request = Request { kind: GrantKind::TransferServer, namespace, status, deleting };
        let recorded =
            status.filter(|_| deleting).and_then(|status| Some((status.aws_identity.clone()?, status.region.clone()?)));
        let (identity, region) =
            recorded.unwrap_or_else(|| (object.spec.aws_identity_ref.name.clone(), object.spec.region.clone()));
        let (place, found) = self.doors.place(&request, &identity, &region, ()).await?;
        if let Some(pointer) = object.policies().adoption.and_then(|adoption| adoption.server_id) {
            self.doors.server_granted(&request, &found, &pointer)?;
        }
        Ok(place::with(place, found))
    }

    async fn want(
        &self,
        object: &TransferServer,
        place: &Place<Self::Detail>,
        _now: Timestamp,
    ) -> Result<Wanted<WantedServer>, Trouble> {
        want::want(&self.doors, object, &place.detail, &place.identity_tags).await
    }

    async fn look(&self, object: &TransferServer, place: &Place<Self::Detail>) -> Result<Look<ServerState>, Fault> {
        let Some(id) = Self::key(object) else { return Ok(Look::NoKey) };
        let uid = object.uid().unwrap_or_default();
        let (account, region) = (&place.account.id, &place.account.region);
        let server = match place.account.describe_server(&id).await {
            Ok(server) => server,
            Err(fault) if fault.kind == FaultKind::NotFound => {
                self.doors.verified.remove(account, region, &id, &uid);
                return Ok(Look::Missing);
            }
            Err(fault) => return Err(fault),
        };
        let owner =
            Owner::new(&self.doors.cluster_id, &object.namespace().unwrap_or_default(), &object.name_any(), &uid);
        if owner.judge(&server.tags) == Ownership::Ours {
            self.doors.verified.insert(account, region, &id, &uid, place::facts_of(&server));
        } else {
            self.doors.verified.remove(account, region, &id, &uid);
        }
        let host_keys = match self.host_keys(object, place, &id).await {
            Ok(keys) => keys,
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Look::Missing),
            Err(fault) => return Err(fault),
        };
        Ok(Look::Found(ServerState { server, host_keys }))
    }

    fn tags<'a>(&self, have: &'a ServerState) -> Option<&'a Tags> {
        Some(&have.server.tags)
    }

    async fn look_up(&self, place: &Place<Self::Detail>, owner: &Owner) -> Result<Lookup, Fault> {
        look_up::look_up(&place.account, owner, &self.others).await
    }

    fn confirmed(&self, status: &TransferServerStatus) -> bool {
        status.server_id.is_some()
    }

    fn set_id(&self, status: &mut TransferServerStatus, place: &Place<Self::Detail>, id: Option<&str>) {
        status.server_id = id.map(str::to_owned);
        status.arn = id.map(|id| arn(place, id));
    }

    fn create(
        &self,
        _object: &TransferServer,
        _place: &Place<Self::Detail>,
        wanted: &Wanted<WantedServer>,
        owner_tags: &Tags,
    ) -> Mutation {
        let want = &wanted.want;
        let first: Option<SecretString> = want.host_keys.iter().flatten().next().map(|key| key.body.clone());
        let mut tags = want.tags.clone();
        tags.extend(owner_tags.clone());
        Mutation::CreateServer(Box::new(CreateServer {
            domain: want.domain.clone(),
            host_key: first,
            host_key_storage_type: want.host_key_storage_type.clone(),
            settings: want.settings.clone(),
            tags,
        }))
    }

    fn plan(
        &self,
        object: &TransferServer,
        _place: &Place<Self::Detail>,
        wanted: &Wanted<WantedServer>,
        have: &ServerState,
        owner: &Owner,
    ) -> Plan {
        plan::plan(object, wanted, have, owner)
    }

    fn observed(
        &self,
        status: &mut TransferServerStatus,
        place: &Place<Self::Detail>,
        wanted: Option<&Wanted<WantedServer>>,
        have: &ServerState,
    ) {
        let server = &have.server;
        let settings = &server.settings;
        let public = settings.endpoint_type.as_deref().is_none_or(|kind| kind == "PUBLIC");
        let region = &place.account.region;
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        status.host_keys = host_keys::observed(wanted.map(|wanted| &wanted.want), &have.host_keys, &status.host_keys);
        status.server_id = Some(server.server_id.clone());
        status.arn = Some(server.arn.clone());
        status.state.clone_from(&server.state);
        status.endpoint = public.then(|| format!("{}.server.transfer.{region}.{suffix}", server.server_id));
        status.host_key_fingerprint =
            server.host_key_fingerprint.as_ref().map(|text| text.trim_end_matches('=').to_owned());
        status.user_count = server.user_count.map(i64::from);
        status.security_policy_name.clone_from(&settings.security_policy_name);
        status.vpc_endpoint_id = settings.endpoint_details.as_ref().and_then(|details| details.vpc_endpoint_id.clone());
    }

    /// A user count alone is no reason to write: with many users it never rests.
    fn differ(old: &TransferServerStatus, new: &TransferServerStatus) -> bool {
        let still = TransferServerStatus { user_count: new.user_count, ..old.clone() };
        still != *new
    }

    fn advisory(&self, _: &Wanted<WantedServer>, have: &ServerState, _: Timestamp) -> Option<(&'static str, String)> {
        let name = have.server.settings.security_policy_name.as_deref()?;
        let suffix = name.strip_prefix("TransferSecurityPolicy-")?;
        OLD_POLICIES.contains(&suffix).then(|| {
            let message = format!("security policy {name} is an old one; see spec.securityPolicyName");
            (reasons::OLD_SECURITY_POLICY, message)
        })
    }

    fn settled(&self, have: &ServerState) -> (&'static str, String) {
        let Server { server_id, state, .. } = &have.server;
        let state = state.as_deref().unwrap_or("in an unknown state");
        let reason = if state == "OFFLINE" { reasons::OFFLINE } else { reasons::AVAILABLE };
        (reason, format!("server {server_id} is {state}"))
    }

    async fn blocker(
        &self,
        object: &TransferServer,
        place: &Place<Self::Detail>,
        id: Option<&str>,
    ) -> Result<Option<String>, Trouble> {
        blocker::blocker(self.doors.cluster.as_ref(), object, &place.account, id).await
    }

    fn delete(&self, _: &TransferServer, _: &Place<Self::Detail>, id: Option<&str>) -> Mutation {
        Mutation::DeleteServer { server_id: id.unwrap_or_default().to_owned() }
    }

    fn arn(&self, _: &TransferServer, place: &Place<Self::Detail>, id: Option<&str>) -> Option<String> {
        id.map(|id| arn(place, id))
    }
}

/// The ARN of a server, as AWS builds it.
fn arn<D>(place: &Place<D>, id: &str) -> String {
    let region = &place.account.region;
    format!("arn:{}:transfer:{region}:{}:server/{id}", place::partition(region), place.account.id)
}

impl Doors {
    /// Whether a pointer to a server may be followed.
    fn server_granted(&self, request: &Request<'_>, identity: &AwsIdentity, id: &str) -> Result<(), Block> {
        let labels = self.directory.namespace_labels(&request.namespace).unwrap_or_default();
        let asker = super::grants::Asker { kind: request.kind, namespace: &request.namespace, labels: &labels };
        super::grants::server_granted(identity, &asker, id)
    }
}
