//! Servers: what holds everything else.

mod settings;

use aws_sdk_transfer::{Client, types as sdk};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use self::settings::with_server_settings;
pub use self::settings::{
    EndpointDetails, IdentityProviderDetails, ProtocolDetails, S3StorageOptions, ServerSettings, WorkflowDetail,
    WorkflowDetails,
};
use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page, hashed_if_any};
use crate::aws::sdk::convert::{Complete, required, text, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What DescribeServer answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// ARN of the server.
    pub arn: String,
    /// `s-` and 17 hexadecimal digits.
    pub server_id: String,
    /// `S3` or `EFS`.
    pub domain: Option<String>,
    /// `OFFLINE`, `ONLINE`, `STARTING`, `STOPPING`, `START_FAILED`, `STOP_FAILED` or what AWS adds.
    pub state: Option<String>,
    /// Fingerprint of the host key that is shown for the server, padded.
    pub host_key_fingerprint: Option<String>,
    /// Number of users as AWS counts them (eventually consistent).
    pub user_count: Option<i32>,
    /// Where AS2 messages of the server come from; of servers that speak AS2.
    pub as2_service_managed_egress_ip_addresses: Vec<String>,
    /// What Create, Update and Describe share.
    pub settings: ServerSettings,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListServers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListedServer {
    /// Id of the server.
    pub server_id: String,
    /// Identity provider type.
    pub identity_provider_type: Option<String>,
    /// `S3` or `EFS`.
    pub domain: Option<String>,
    /// As [`Server::state`].
    pub state: Option<String>,
    /// `PUBLIC`, `VPC` or `VPC_ENDPOINT`.
    pub endpoint_type: Option<String>,
    /// Role that writes CloudWatch logs.
    pub logging_role: Option<String>,
}

impl Server {
    /// The row that ListServers has of it; the number of users, which changes by itself, is left out.
    #[must_use]
    pub fn row(&self) -> ListedServer {
        let ServerSettings { identity_provider_type, endpoint_type, logging_role, .. } = self.settings.clone();
        let (server_id, domain, state) = (self.server_id.clone(), self.domain.clone(), self.state.clone());
        // What was cleared is described as empty, and not listed.
        let logging_role = logging_role.filter(|role| !role.is_empty());
        ListedServer { server_id, identity_provider_type, domain, state, endpoint_type, logging_role }
    }
}

/// ListServers.
#[derive(Clone, Debug)]
pub struct ListServers {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListServers {
    const OPERATION: &'static str = "ListServers";
    const LIST: &'static str = "Servers";
    type Client = Client;
    type Row = ListedServer;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedServer>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_servers().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedServer| {
            Ok(ListedServer {
                server_id: required(theirs.server_id, "Servers.ServerId")?,
                identity_provider_type: theirs.identity_provider_type.map(|provider| provider.as_str().to_owned()),
                domain: theirs.domain.map(|domain| domain.as_str().to_owned()),
                state: theirs.state.map(|state| state.as_str().to_owned()),
                endpoint_type: theirs.endpoint_type.map(|kind| kind.as_str().to_owned()),
                logging_role: theirs.logging_role.filter(|role| !role.is_empty()),
            })
        };
        once.page(answer.servers, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeServer.
#[derive(Clone, Debug)]
pub struct DescribeServer {
    /// Id of the server.
    pub server_id: String,
}

impl Call for DescribeServer {
    const OPERATION: &'static str = "DescribeServer";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Server"];
    type Client = Client;
    type Output = Box<Server>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Server>, AwsError> {
        let Self { server_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.describe_server().server_id(server_id))?;
        once.complete(answer.server.ok_or("Server").and_then(server).map(Box::new))
    }
}

/// CreateServer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateServer {
    /// `S3` or `EFS`.
    pub domain: Option<String>,
    /// First host key; AWS makes one where absent.
    #[serde(serialize_with = "hashed_if_any")]
    pub host_key: Option<SecretString>,
    /// Where AWS keeps the host keys.
    pub host_key_storage_type: Option<String>,
    /// What Create, Update and Describe share.
    pub settings: ServerSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateServer {
    const OPERATION: &'static str = "CreateServer";
    const CLASS: CallClass = CallClass::CreateServer;
    const REQUIRED: &'static [&'static str] = &["ServerId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { domain, host_key, host_key_storage_type, settings, tags } = self.clone();
        let call = client
            .create_server()
            .set_domain(value(domain))
            .set_host_key(host_key.map(|key| key.expose_secret().to_owned()))
            .set_host_key_storage_type(value(host_key_storage_type))
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, with_server_settings!(once, call, settings))?;
        once.made(answer.server_id, "ServerId")
    }
}

impl Change for CreateServer {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateServer.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateServer {
    /// Id of the server.
    pub server_id: String,
    /// What changes.
    pub settings: Box<ServerSettings>,
}

impl Call for UpdateServer {
    const OPERATION: &'static str = "UpdateServer";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ServerId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, settings } = self.clone();
        let call = client.update_server().server_id(server_id);
        single_attempt!(once, aws_sdk_transfer, with_server_settings!(once, call, *settings))
            .map(|_| CreateOutput::default())
    }
}

impl Change for UpdateServer {
    fn target(&self) -> Option<String> {
        Some(self.server_id.clone())
    }
}

/// Calls that say nothing but which server they are about, and answer nothing.
macro_rules! of_a_server {
    ($($call:ident, $operation:literal, $send:ident;)*) => {$(
        #[doc = concat!($operation, ".")]
        #[derive(Clone, Debug, Serialize)]
        pub struct $call {
            /// Id of the server.
            pub server_id: String,
        }

        impl Call for $call {
            const OPERATION: &'static str = $operation;
            const CLASS: CallClass = CallClass::Write;
            const REQUIRED: &'static [&'static str] = &[];
            type Client = Client;
            type Output = CreateOutput;

            async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
                let Self { server_id } = self.clone();
                single_attempt!(once, aws_sdk_transfer, client.$send().server_id(server_id)).map(|_| CreateOutput::default())
            }
        }

        impl Change for $call {
            fn target(&self) -> Option<String> {
                Some(self.server_id.clone())
            }
        }
    )*};
}

of_a_server! {
    StartServer, "StartServer", start_server;
    StopServer, "StopServer", stop_server;
    DeleteServer, "DeleteServer", delete_server;
}

fn server(mut theirs: sdk::DescribedServer) -> Complete<Server> {
    Ok(Server {
        arn: required(std::mem::take(&mut theirs.arn), "Server.Arn")?,
        server_id: required(theirs.server_id.take(), "Server.ServerId")?,
        domain: text(theirs.domain.take()),
        state: text(theirs.state.take()),
        host_key_fingerprint: theirs.host_key_fingerprint.take(),
        user_count: theirs.user_count,
        as2_service_managed_egress_ip_addresses: theirs
            .as2_service_managed_egress_ip_addresses
            .take()
            .unwrap_or_default(),
        tags: tag::read(theirs.tags.take()),
        settings: theirs.into(),
    })
}
