//! What AWS has of a server, and what status says of that. Pure.

use std::collections::BTreeSet;

use super::login_test;
use super::network::Network;
use super::policies_seen::PolicyContents;
use crate::api::TransferServerStatus;
use crate::api::condition::reasons;
use crate::api::login_test::LoginTestStatus;
use crate::api::server::ServerEndpoint;
use crate::aws::transfer::{HostKey, Server, Tags};
use crate::engine::kind::{KindStatus, OwnCondition, ResourceState};
use crate::engine::looks;
use crate::engine::reason::Reason;

/// What AWS has of a server.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// The server.
    pub server: Server,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
    /// What EC2 shows of its network.
    pub network: Network,
    /// Names and addresses of its VPC endpoint, where they are known.
    pub endpoints: Option<Vec<ServerEndpoint>>,
    /// What status is to say of the login that is tried.
    pub login_test: Option<LoginTestStatus>,
    /// What its security policy allows.
    pub policy: PolicyContents,
    /// How many users AWS keeps for it, whatever its identity provider.
    pub users: Option<i32>,
    /// Its logins that no object accounts for, where that is known.
    pub unmanaged: Option<BTreeSet<String>>,
}

impl KindStatus for TransferServerStatus {
    fn confirmed(&self) -> bool {
        self.server_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.server_id.as_deref()
    }

    /// The id stays, and what is known of host keys: they say what is ours should it come back.
    fn vanished(&mut self) {
        (self.state, self.endpoint, self.vpc_endpoint_id, self.user_count) = (None, None, None, None);
        self.as2_service_managed_egress_ip_addresses.clear();
        self.endpoints.clear();
        self.login_test = None;
    }

    fn own_conditions(&self) -> Vec<OwnCondition> {
        vec![login_test::condition(self.login_test.as_ref())]
    }

    /// How many users there are, and whose, is no reason to write by itself: with many users it never rests.
    fn changed(&self, new: &Self) -> bool {
        let (user_count, unmanaged_logins) = (new.user_count, new.unmanaged_logins.clone());
        let still = Self { user_count, unmanaged_logins, ..self.clone() };
        still != *new
    }
}

impl ResourceState for ServerState {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.server.tags)
    }

    fn ready_reason(&self) -> Reason {
        let Server { server_id, state, .. } = &self.server;
        let state = state.as_deref().unwrap_or("in an unknown state");
        let code = if state == "OFFLINE" { reasons::OFFLINE } else { reasons::AVAILABLE };
        Reason::new(code, format!("server {server_id} is {state}"))
    }

    fn listed(&self) -> Option<String> {
        Some(looks::row(&self.server.row()))
    }
}
