//! Connectors: ways to partners over SFTP or AS2, and the test of such a way.

mod settings;

use aws_sdk_transfer::{Client, types as sdk};
use serde::Serialize;

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required, text, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

pub use settings::{
    As2Config, AsyncMdnConfig, ConnectorSettings, EgressConfig, SftpConfig as SftpConnectorConfig, VpcLattice,
};

/// What DescribeConnector answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connector {
    /// ARN of the connector.
    pub arn: String,
    /// `c-` and 17 hexadecimal digits.
    pub connector_id: String,
    /// What can be changed.
    pub settings: ConnectorSettings,
    /// `ACTIVE`, `PENDING`, `ERRORED`.
    pub status: String,
    /// Why it is ERRORED.
    pub error_message: Option<String>,
    /// From where AWS calls the partner.
    pub service_managed_egress_ip_addresses: Vec<String>,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListConnectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedConnector {
    /// Id of the connector.
    pub connector_id: String,
}

/// ListConnectors.
#[derive(Clone, Debug)]
pub struct ListConnectors {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListConnectors {
    const OPERATION: &'static str = "ListConnectors";
    const LIST: &'static str = "Connectors";
    type Client = Client;
    type Row = ListedConnector;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedConnector>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_connectors().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedConnector| {
            Ok(ListedConnector { connector_id: required(theirs.connector_id, "Connectors.ConnectorId")? })
        };
        once.page(answer.connectors, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeConnector.
#[derive(Clone, Debug)]
pub struct DescribeConnector {
    /// Id of the connector.
    pub connector_id: String,
}

impl Call for DescribeConnector {
    const OPERATION: &'static str = "DescribeConnector";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Connector"];
    type Client = Client;
    type Output = Box<Connector>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Connector>, AwsError> {
        let Self { connector_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.describe_connector().connector_id(connector_id))?;
        once.complete(answer.connector.ok_or("Connector").and_then(connector).map(Box::new))
    }
}

/// CreateConnector.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateConnector {
    /// What can be changed later.
    pub settings: ConnectorSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateConnector {
    const OPERATION: &'static str = "CreateConnector";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ConnectorId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { settings, tags } = self.clone();
        let ConnectorSettings {
            url,
            egress_config,
            access_role,
            logging_role,
            security_policy_name,
            ip_address_type,
            sftp_config,
            as2_config,
        } = settings;
        let call = client
            .create_connector()
            .set_url(url)
            .set_egress_config(once.built(egress_config.map(TryInto::try_into).transpose())?)
            .set_access_role(access_role)
            .set_logging_role(logging_role)
            .set_security_policy_name(security_policy_name)
            .set_ip_address_type(value(ip_address_type))
            .set_sftp_config(sftp_config.map(Into::into))
            .set_as2_config(as2_config.map(Into::into))
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.connector_id, "ConnectorId")
    }
}

impl Change for CreateConnector {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateConnector.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateConnector {
    /// Id of the connector.
    pub connector_id: String,
    /// What changes; what is absent stays as AWS has it.
    pub settings: Box<ConnectorSettings>,
}

impl Call for UpdateConnector {
    const OPERATION: &'static str = "UpdateConnector";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ConnectorId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { connector_id, settings } = self.clone();
        let ConnectorSettings {
            url,
            egress_config,
            access_role,
            logging_role,
            security_policy_name,
            ip_address_type,
            sftp_config,
            as2_config,
        } = *settings;
        let call = client
            .update_connector()
            .connector_id(connector_id)
            .set_url(url)
            .set_egress_config(egress_config.map(Into::into))
            .set_access_role(access_role)
            .set_logging_role(logging_role)
            .set_security_policy_name(security_policy_name)
            .set_ip_address_type(value(ip_address_type))
            .set_sftp_config(sftp_config.map(Into::into))
            .set_as2_config(as2_config.map(Into::into));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateConnector {
    fn target(&self) -> Option<String> {
        Some(self.connector_id.clone())
    }
}

/// DeleteConnector.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteConnector {
    /// Id of the connector.
    pub connector_id: String,
}

impl Call for DeleteConnector {
    const OPERATION: &'static str = "DeleteConnector";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { connector_id } = self.clone();
        single_attempt!(once, aws_sdk_transfer, client.delete_connector().connector_id(connector_id))
            .map(|_| CreateOutput::default())
    }
}

impl Change for DeleteConnector {
    fn target(&self) -> Option<String> {
        Some(self.connector_id.clone())
    }
}

/// TestConnection.
#[derive(Clone, Debug)]
pub struct TestConnection {
    /// Id of the connector.
    pub connector_id: String,
}

/// What TestConnection answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionAnswer {
    /// `OK` or `ERROR`.
    pub status: Option<String>,
    /// Why.
    pub status_message: Option<String>,
    /// The host key that the partner showed.
    pub host_key: Option<String>,
}

impl Call for TestConnection {
    const OPERATION: &'static str = "TestConnection";
    const CLASS: CallClass = CallClass::TestConnection;
    const REQUIRED: &'static [&'static str] = &["Status"];
    type Client = Client;
    type Output = ConnectionAnswer;

    async fn send(&self, client: &Client, once: &Once) -> Result<ConnectionAnswer, AwsError> {
        let Self { connector_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.test_connection().connector_id(connector_id))?;
        Ok(ConnectionAnswer {
            status: answer.status,
            status_message: answer.status_message,
            host_key: answer.sftp_connection_details.and_then(|details| details.host_key),
        })
    }
}

fn connector(theirs: sdk::DescribedConnector) -> Complete<Connector> {
    Ok(Connector {
        arn: required(theirs.arn, "Connector.Arn")?,
        connector_id: required(theirs.connector_id, "Connector.ConnectorId")?,
        status: required(theirs.status.as_str().to_owned(), "Connector.Status")?,
        error_message: theirs.error_message,
        service_managed_egress_ip_addresses: theirs.service_managed_egress_ip_addresses.unwrap_or_default(),
        tags: tag::read(theirs.tags),
        settings: ConnectorSettings {
            url: theirs.url,
            egress_config: theirs.egress_config.and_then(settings::egress),
            access_role: theirs.access_role,
            logging_role: theirs.logging_role,
            security_policy_name: theirs.security_policy_name,
            ip_address_type: text(theirs.ip_address_type),
            sftp_config: theirs.sftp_config.map(Into::into),
            as2_config: theirs.as2_config.map(Into::into),
        },
    })
}
