//! What AWS has of a web app, and what status says of one. Pure.

use crate::api::TransferWebAppStatus;
use crate::api::condition::reasons;
use crate::aws::AwsError;
use crate::aws::ec2::VpcEndpoint;
use crate::aws::transfer::{Tags, WebApp, WebAppCustomization};
use crate::engine::kind::{KindStatus, ResourceState};
use crate::engine::reason::Reason;

/// What AWS has.
#[derive(Clone, Debug, Default)]
pub struct WebAppState {
    /// The web app.
    pub web_app: WebApp,
    /// How it looks; empty where it has no customization.
    pub look: WebAppCustomization,
    /// Its endpoint in a VPC, where EC2 was asked.
    pub endpoint: Option<VpcEndpoint>,
    /// Why EC2 does not tell of it.
    pub hidden_endpoint: Option<AwsError>,
}

impl KindStatus for TransferWebAppStatus {
    fn confirmed(&self) -> bool {
        self.web_app_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.web_app_id.as_deref()
    }

    /// One that is made anew has another address, and may have another instance and be elsewhere.
    fn vanished(&mut self) {
        (self.web_app_endpoint, self.access_endpoint, self.application_arn) = (None, None, None);
        (self.instance_arn, self.endpoint_type, self.vpc_id) = (None, None, None);
        (self.vpc_endpoint_id, self.web_app_endpoint_policy) = (None, None);
    }
}

impl ResourceState for WebAppState {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.web_app.tags)
    }

    fn ready_reason(&self) -> Reason {
        let WebApp { web_app_id, settings, web_app_endpoint, .. } = &self.web_app;
        let address = settings.access_endpoint.as_ref().or(web_app_endpoint.as_ref());
        let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
        Reason::new(reasons::AVAILABLE, format!("web app {web_app_id} exists{at}"))
    }

    /// AWS lists no more than the id, the addresses and the place.
    fn listed(&self) -> Option<String> {
        None
    }
}
