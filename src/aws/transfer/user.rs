//! Service-managed users of a server.

use aws_sdk_transfer::{Client, types as sdk};
use serde::Serialize;

use super::login::{LoginSettings, login_settings, with_login_settings};
use super::ssh_key::{self, SshPublicKey};
use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What DescribeUser answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// ARN of the user.
    pub arn: String,
    /// Name of the user.
    pub user_name: String,
    /// What users and accesses share.
    pub settings: LoginSettings,
    /// SSH public keys with their ids.
    pub ssh_public_keys: Vec<SshPublicKey>,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListUsers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListedUser {
    /// Name of the user.
    pub user_name: String,
    /// Role.
    pub role: Option<String>,
    /// Where a session begins.
    pub home_directory: Option<String>,
    /// `PATH` or `LOGICAL`.
    pub home_directory_type: Option<String>,
    /// SSH public keys that it has.
    pub ssh_public_key_count: usize,
}

impl User {
    /// The row that ListUsers has of it.
    #[must_use]
    pub fn row(&self) -> ListedUser {
        let Self { arn: _, user_name, settings, ssh_public_keys, tags: _ } = self;
        let LoginSettings { role, home_directory, home_directory_type, .. } = settings.clone();
        let ssh_public_key_count = ssh_public_keys.len();
        ListedUser { user_name: user_name.clone(), role, home_directory, home_directory_type, ssh_public_key_count }
    }
}

/// ListUsers.
#[derive(Clone, Debug)]
pub struct ListUsers {
    /// Server whose users are listed.
    pub server_id: String,
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListUsers {
    const OPERATION: &'static str = "ListUsers";
    const LIST: &'static str = "Users";
    type Client = Client;
    type Row = ListedUser;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedUser>, AwsError> {
        let Self { server_id, token } = self.clone();
        let call = client.list_users().server_id(server_id).max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedUser| {
            Ok(ListedUser {
                user_name: required(theirs.user_name, "Users.UserName")?,
                role: theirs.role,
                home_directory: theirs.home_directory,
                home_directory_type: theirs.home_directory_type.map(|kind| kind.as_str().to_owned()),
                ssh_public_key_count: theirs.ssh_public_key_count.and_then(|keys| keys.try_into().ok()).unwrap_or(0),
            })
        };
        once.page(answer.users, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeUser.
#[derive(Clone, Debug)]
pub struct DescribeUser {
    /// Server of the user.
    pub server_id: String,
    /// Name of the user on that server.
    pub user_name: String,
}

impl Call for DescribeUser {
    const OPERATION: &'static str = "DescribeUser";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["User"];
    type Client = Client;
    type Output = Box<User>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<User>, AwsError> {
        let Self { server_id, user_name } = self.clone();
        let call = client.describe_user().server_id(server_id).user_name(user_name);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.user.ok_or("User").and_then(user).map(Box::new))
    }
}

/// CreateUser.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateUser {
    /// Server the user belongs to.
    pub server_id: String,
    /// Name of the user on that server.
    pub user_name: String,
    /// What users and accesses share.
    pub settings: LoginSettings,
    /// First SSH public key.
    pub ssh_public_key_body: Option<String>,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateUser {
    const OPERATION: &'static str = "CreateUser";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["UserName"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, user_name, settings, ssh_public_key_body, tags } = self.clone();
        let call = client
            .create_user()
            .server_id(server_id)
            .user_name(user_name)
            .set_ssh_public_key_body(ssh_public_key_body)
            .set_tags(once.built(tag::of_new(tags))?);
        single_attempt!(once, aws_sdk_transfer, with_login_settings!(once, call, settings))
            .map(|_| CreateOutput::default())
    }
}

impl Change for CreateUser {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.user_name))
    }
}

/// UpdateUser.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateUser {
    /// Server of the user.
    pub server_id: String,
    /// Name of the user on that server.
    pub user_name: String,
    /// What changes.
    pub settings: Box<LoginSettings>,
}

impl Call for UpdateUser {
    const OPERATION: &'static str = "UpdateUser";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["UserName"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, user_name, settings } = self.clone();
        let call = client.update_user().server_id(server_id).user_name(user_name);
        single_attempt!(once, aws_sdk_transfer, with_login_settings!(once, call, *settings))
            .map(|_| CreateOutput::default())
    }
}

impl Change for UpdateUser {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.user_name))
    }
}

/// DeleteUser.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteUser {
    /// Server of the user.
    pub server_id: String,
    /// Name of the user on that server.
    pub user_name: String,
}

impl Call for DeleteUser {
    const OPERATION: &'static str = "DeleteUser";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, user_name } = self.clone();
        let call = client.delete_user().server_id(server_id).user_name(user_name);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteUser {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.user_name))
    }
}

fn user(theirs: sdk::DescribedUser) -> Complete<User> {
    let keys = theirs.ssh_public_keys.unwrap_or_default();
    Ok(User {
        arn: required(theirs.arn, "User.Arn")?,
        user_name: required(theirs.user_name, "User.UserName")?,
        settings: login_settings!(theirs),
        ssh_public_keys: keys.into_iter().map(ssh_key::read).collect::<Complete<_>>()?,
        tags: tag::read(theirs.tags),
    })
}
