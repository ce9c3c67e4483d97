//! AS2 agreements: how a server takes the messages of a partner. AWS knows one by its id and its server together.

use aws_sdk_transfer::{Client, types as sdk};
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required, text, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// Where files go by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "they are AWS's names")]
pub struct CustomDirectories {
    /// Messages that failed.
    pub failed_files_directory: String,
    /// Receipts.
    pub mdn_files_directory: String,
    /// What the partner sends.
    pub payload_files_directory: String,
    /// What became of each message.
    pub status_files_directory: String,
    /// What is being worked on.
    pub temporary_files_directory: String,
}

/// What CreateAgreement, UpdateAgreement and DescribeAgreement share. UpdateAgreement leaves alone what is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementSettings {
    /// Id of the profile of oneself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_profile_id: Option<String>,
    /// Id of the profile of the partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_profile_id: Option<String>,
    /// Role by which files are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_role: Option<String>,
    /// Where all files go; this or the custom ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_directory: Option<String>,
    /// Where files go by what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_directories: Option<CustomDirectories>,
    /// `ACTIVE` or `INACTIVE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `ENABLED` or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_filename: Option<String>,
    /// `ENABLED` or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_message_signing: Option<String>,
    /// A few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What DescribeAgreement answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// ARN of the agreement.
    pub arn: String,
    /// Server that it belongs to.
    pub server_id: String,
    /// `a-` and 17 hexadecimal digits.
    pub agreement_id: String,
    /// All that can be changed.
    pub settings: AgreementSettings,
    /// Tags.
    pub tags: Tags,
}

/// An agreement as its ARN names it: its id leads nowhere without its server.
#[must_use]
pub fn agreement_key(server_id: &str, agreement_id: &str) -> String {
    format!("{server_id}/{agreement_id}")
}

/// Server and id of such a name.
#[must_use]
pub fn agreement_of(key: &str) -> Option<(&str, &str)> {
    key.split_once('/').filter(|(server, agreement)| !server.is_empty() && !agreement.is_empty())
}

/// One row of ListAgreements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedAgreement {
    /// Id of the agreement.
    pub agreement_id: String,
}

/// ListAgreements.
#[derive(Clone, Debug)]
pub struct ListAgreements {
    /// Server whose agreements are listed.
    pub server_id: String,
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListAgreements {
    const OPERATION: &'static str = "ListAgreements";
    const LIST: &'static str = "Agreements";
    type Client = Client;
    type Row = ListedAgreement;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedAgreement>, AwsError> {
        let Self { server_id, token } = self.clone();
        let call = client.list_agreements().server_id(server_id).max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedAgreement| {
            Ok(ListedAgreement { agreement_id: required(theirs.agreement_id, "Agreements.AgreementId")? })
        };
        once.page(answer.agreements, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeAgreement.
#[derive(Clone, Debug)]
pub struct DescribeAgreement {
    /// Server that it belongs to.
    pub server_id: String,
    /// Id of the agreement.
    pub agreement_id: String,
}

impl Call for DescribeAgreement {
    const OPERATION: &'static str = "DescribeAgreement";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Agreement"];
    type Client = Client;
    type Output = Box<Agreement>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Agreement>, AwsError> {
        let Self { server_id, agreement_id } = self.clone();
        let call = client.describe_agreement().server_id(server_id).agreement_id(agreement_id);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.agreement.ok_or("Agreement").and_then(agreement).map(Box::new))
    }
}

/// Puts all settings into a request of either call, which are types of their own in the SDK.
macro_rules! with_settings {
    ($once:expr, $call:expr, $settings:expr) => {{
        let AgreementSettings {
            local_profile_id,
            partner_profile_id,
            access_role,
            base_directory,
            custom_directories,
            status,
            preserve_filename,
            enforce_message_signing,
            description,
        } = $settings;
        let custom_directories =
            $once.built(custom_directories.map(sdk::CustomDirectoriesType::try_from).transpose())?;
        $call
            .set_local_profile_id(local_profile_id)
            .set_partner_profile_id(partner_profile_id)
            .set_access_role(access_role)
            .set_base_directory(base_directory)
            .set_custom_directories(custom_directories)
            .set_status(value(status))
            .set_preserve_filename(value(preserve_filename))
            .set_enforce_message_signing(value(enforce_message_signing))
            .set_description(description)
    }};
}

/// CreateAgreement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateAgreement {
    /// Server that takes the messages.
    pub server_id: String,
    /// What it is made with.
    pub settings: AgreementSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateAgreement {
    const OPERATION: &'static str = "CreateAgreement";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["AgreementId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, settings, tags } = self.clone();
        let call = with_settings!(once, client.create_agreement().server_id(&server_id), settings);
        let call = call.set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let CreateOutput { id } = once.made(answer.agreement_id, "AgreementId")?;
        Ok(CreateOutput { id: id.map(|id| agreement_key(&server_id, &id)) })
    }
}

impl Change for CreateAgreement {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateAgreement.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateAgreement {
    /// Server that it belongs to.
    pub server_id: String,
    /// Id of the agreement.
    pub agreement_id: String,
    /// What changes.
    pub settings: Box<AgreementSettings>,
}

impl Call for UpdateAgreement {
    const OPERATION: &'static str = "UpdateAgreement";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["AgreementId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, agreement_id, settings } = self.clone();
        let call = client.update_agreement().server_id(server_id).agreement_id(agreement_id);
        single_attempt!(once, aws_sdk_transfer, with_settings!(once, call, *settings)).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateAgreement {
    fn target(&self) -> Option<String> {
        Some(agreement_key(&self.server_id, &self.agreement_id))
    }
}

/// DeleteAgreement.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteAgreement {
    /// Server that it belongs to.
    pub server_id: String,
    /// Id of the agreement.
    pub agreement_id: String,
}

impl Call for DeleteAgreement {
    const OPERATION: &'static str = "DeleteAgreement";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, agreement_id } = self.clone();
        let call = client.delete_agreement().server_id(server_id).agreement_id(agreement_id);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteAgreement {
    fn target(&self) -> Option<String> {
        Some(agreement_key(&self.server_id, &self.agreement_id))
    }
}

impl TryFrom<CustomDirectories> for sdk::CustomDirectoriesType {
    type Error = BuildError;

    fn try_from(ours: CustomDirectories) -> Result<Self, BuildError> {
        let CustomDirectories {
            failed_files_directory,
            mdn_files_directory,
            payload_files_directory,
            status_files_directory,
            temporary_files_directory,
        } = ours;
        Self::builder()
            .failed_files_directory(failed_files_directory)
            .mdn_files_directory(mdn_files_directory)
            .payload_files_directory(payload_files_directory)
            .status_files_directory(status_files_directory)
            .temporary_files_directory(temporary_files_directory)
            .build()
    }
}

impl From<sdk::CustomDirectoriesType> for CustomDirectories {
    fn from(theirs: sdk::CustomDirectoriesType) -> Self {
        Self {
            failed_files_directory: theirs.failed_files_directory,
            mdn_files_directory: theirs.mdn_files_directory,
            payload_files_directory: theirs.payload_files_directory,
            status_files_directory: theirs.status_files_directory,
            temporary_files_directory: theirs.temporary_files_directory,
        }
    }
}

fn agreement(theirs: sdk::DescribedAgreement) -> Complete<Agreement> {
    Ok(Agreement {
        arn: required(theirs.arn, "Agreement.Arn")?,
        server_id: required(theirs.server_id, "Agreement.ServerId")?,
        agreement_id: required(theirs.agreement_id, "Agreement.AgreementId")?,
        settings: AgreementSettings {
            local_profile_id: theirs.local_profile_id,
            partner_profile_id: theirs.partner_profile_id,
            access_role: theirs.access_role,
            base_directory: theirs.base_directory.filter(|path| !path.is_empty()),
            custom_directories: theirs.custom_directories.map(CustomDirectories::from),
            status: text(theirs.status),
            preserve_filename: text(theirs.preserve_filename),
            enforce_message_signing: text(theirs.enforce_message_signing),
            description: theirs.description,
        },
        tags: tag::read(theirs.tags),
    })
}
