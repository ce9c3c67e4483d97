//! Accesses: groups of a directory that may use a server.

use aws_sdk_transfer::{Client, types as sdk};
use serde::Serialize;

use super::login::{LoginSettings, login_settings, with_login_settings};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What DescribeAccess answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// SID of the directory group.
    pub external_id: String,
    /// What users and accesses share; AWS may leave the role out.
    pub settings: LoginSettings,
}

/// One row of ListAccesses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListedAccess {
    /// SID of the directory group.
    pub external_id: String,
    /// Role.
    pub role: Option<String>,
    /// Where a session begins.
    pub home_directory: Option<String>,
    /// `PATH` or `LOGICAL`.
    pub home_directory_type: Option<String>,
}

impl Access {
    /// The row that ListAccesses has of it.
    #[must_use]
    pub fn row(&self) -> ListedAccess {
        let Self { external_id, settings } = self;
        let LoginSettings { role, home_directory, home_directory_type, .. } = settings.clone();
        ListedAccess { external_id: external_id.clone(), role, home_directory, home_directory_type }
    }
}

/// ListAccesses.
#[derive(Clone, Debug)]
pub struct ListAccesses {
    /// Server whose accesses are listed.
    pub server_id: String,
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListAccesses {
    const OPERATION: &'static str = "ListAccesses";
    const LIST: &'static str = "Accesses";
    type Client = Client;
    type Row = ListedAccess;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedAccess>, AwsError> {
        let Self { server_id, token } = self.clone();
        let call = client.list_accesses().server_id(server_id).max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedAccess| {
            Ok(ListedAccess {
                external_id: required(theirs.external_id, "Accesses.ExternalId")?,
                role: theirs.role,
                home_directory: theirs.home_directory,
                home_directory_type: theirs.home_directory_type.map(|kind| kind.as_str().to_owned()),
            })
        };
        once.page(answer.accesses, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeAccess.
#[derive(Clone, Debug)]
pub struct DescribeAccess {
    /// Server of the access.
    pub server_id: String,
    /// SID of the directory group.
    pub external_id: String,
}

impl Call for DescribeAccess {
    const OPERATION: &'static str = "DescribeAccess";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Access"];
    type Client = Client;
    type Output = Box<Access>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Access>, AwsError> {
        let Self { server_id, external_id } = self.clone();
        let call = client.describe_access().server_id(server_id).external_id(external_id);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.access.ok_or("Access").and_then(access).map(Box::new))
    }
}

/// CreateAccess.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateAccess {
    /// Server the access belongs to.
    pub server_id: String,
    /// SID of the directory group.
    pub external_id: String,
    /// What users and accesses share.
    pub settings: LoginSettings,
}

impl Call for CreateAccess {
    const OPERATION: &'static str = "CreateAccess";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ExternalId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, external_id, settings } = self.clone();
        let call = client.create_access().server_id(server_id).external_id(external_id);
        single_attempt!(once, aws_sdk_transfer, with_login_settings!(once, call, settings))
            .map(|_| CreateOutput::default())
    }
}

impl Change for CreateAccess {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.external_id))
    }
}

/// UpdateAccess.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateAccess {
    /// Server of the access.
    pub server_id: String,
    /// SID of the directory group.
    pub external_id: String,
    /// What changes.
    pub settings: Box<LoginSettings>,
}

impl Call for UpdateAccess {
    const OPERATION: &'static str = "UpdateAccess";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ExternalId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, external_id, settings } = self.clone();
        let call = client.update_access().server_id(server_id).external_id(external_id);
        single_attempt!(once, aws_sdk_transfer, with_login_settings!(once, call, *settings))
            .map(|_| CreateOutput::default())
    }
}

impl Change for UpdateAccess {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.external_id))
    }
}

/// DeleteAccess.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteAccess {
    /// Server of the access.
    pub server_id: String,
    /// SID of the directory group.
    pub external_id: String,
}

impl Call for DeleteAccess {
    const OPERATION: &'static str = "DeleteAccess";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, external_id } = self.clone();
        let call = client.delete_access().server_id(server_id).external_id(external_id);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteAccess {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.external_id))
    }
}

fn access(theirs: sdk::DescribedAccess) -> Complete<Access> {
    Ok(Access { external_id: required(theirs.external_id, "Access.ExternalId")?, settings: login_settings!(theirs) })
}
