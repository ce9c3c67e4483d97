//! What AWS has of a connector, and what status says of that. Pure.

use super::connection_test;
use crate::api::TransferConnectorStatus;
use crate::api::condition::reasons;
use crate::api::connector::ConnectionTestStatus;
use crate::aws::transfer::{Connector, ConnectorSettings, Tags};
use crate::engine::kind::{KindStatus, OwnCondition, ResourceState};
use crate::engine::reason::Reason;

/// What AWS has of a connector.
#[derive(Clone, Debug)]
pub struct ConnectorState {
    /// The connector.
    pub connector: Connector,
    /// What status is to say of the test of its connection.
    pub connection_test: Option<ConnectionTestStatus>,
}

/// What it speaks and how it gets to its partner, which AWS never changes; in AWS's words.
#[must_use]
pub fn fixed(settings: &ConnectorSettings) -> (&'static str, &'static str) {
    let protocol = if settings.as2_config.is_some() { "AS2" } else { "SFTP" };
    let egress_type = if settings.egress_config.is_some() { "VPC_LATTICE" } else { "SERVICE_MANAGED" };
    (protocol, egress_type)
}

impl KindStatus for TransferConnectorStatus {
    fn confirmed(&self) -> bool {
        self.connector_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.connector_id.as_deref()
    }

    fn vanished(&mut self) {
        (self.state, self.connection_test) = (None, None);
        // One that is made anew may be of another sort.
        (self.protocol, self.egress_type) = (None, None);
        self.service_managed_egress_ip_addresses.clear();
        self.profile_ids.clear();
    }

    fn own_conditions(&self) -> Vec<OwnCondition> {
        vec![connection_test::condition(self.connection_test.as_ref())]
    }
}

impl ResourceState for ConnectorState {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.connector.tags)
    }

    fn ready_reason(&self) -> Reason {
        let Connector { connector_id, status, .. } = &self.connector;
        Reason::new(reasons::AVAILABLE, format!("connector {connector_id} is {status}"))
    }

    /// AWS lists no more than the id and the address.
    fn listed(&self) -> Option<String> {
        None
    }
}
