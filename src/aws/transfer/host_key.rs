//! Host keys of a server, beside the one that AWS makes by itself.

use aws_sdk_transfer::{Client, types as sdk};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page, hashed};
use crate::aws::sdk::convert::{Complete, required, text, time, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What DescribeHostKey answers, and one row of ListHostKeys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostKey {
    /// ARN of the key.
    pub arn: String,
    /// `hostkey-` and 17 hexadecimal digits.
    pub id: String,
    /// `SHA256:…`, padded.
    pub fingerprint: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `ssh-rsa`, `ssh-ed25519` and so on.
    pub key_type: Option<String>,
    /// When it was imported.
    pub date_imported: Option<jiff::Timestamp>,
    /// Where AWS keeps it.
    pub storage_type: Option<String>,
    /// The secret that it is in, where it is kept in Secrets Manager.
    pub secret_id: Option<String>,
    /// Tags; empty in listings, which do not carry them.
    pub tags: Tags,
}

/// ListHostKeys.
#[derive(Clone, Debug)]
pub struct ListHostKeys {
    /// Server whose keys are listed.
    pub server_id: String,
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListHostKeys {
    const OPERATION: &'static str = "ListHostKeys";
    const LIST: &'static str = "HostKeys";
    type Client = Client;
    type Row = HostKey;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<HostKey>, AwsError> {
        let Self { server_id, token } = self.clone();
        let call = client.list_host_keys().server_id(server_id).max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.page(answer.host_keys, listed, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeHostKey.
#[derive(Clone, Debug)]
pub struct DescribeHostKey {
    /// Server that has the key.
    pub server_id: String,
    /// AWS's id of the key.
    pub host_key_id: String,
}

impl Call for DescribeHostKey {
    const OPERATION: &'static str = "DescribeHostKey";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["HostKey"];
    type Client = Client;
    type Output = Box<HostKey>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<HostKey>, AwsError> {
        let Self { server_id, host_key_id } = self.clone();
        let call = client.describe_host_key().server_id(server_id).host_key_id(host_key_id);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.host_key.ok_or("HostKey").and_then(described).map(Box::new))
    }
}

/// ImportHostKey.
#[derive(Clone, Debug, Serialize)]
pub struct ImportHostKey {
    /// Server that gets the key.
    pub server_id: String,
    /// Private key text.
    #[serde(serialize_with = "hashed")]
    pub body: SecretString,
    /// Free text.
    pub description: Option<String>,
    /// Where AWS shall keep it.
    pub storage_type: Option<String>,
    /// Key that encrypts it.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Call for ImportHostKey {
    const OPERATION: &'static str = "ImportHostKey";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["HostKeyId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, body, description, storage_type, kms_key, tags } = self.clone();
        let call = client
            .import_host_key()
            .server_id(server_id)
            .host_key_body(body.expose_secret())
            .set_description(description)
            .set_storage_type(value(storage_type))
            .set_kms_key(kms_key)
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.host_key_id, "HostKeyId")
    }
}

impl Change for ImportHostKey {
    fn target(&self) -> Option<String> {
        Some(self.server_id.clone())
    }
}

/// UpdateHostKey.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateHostKey {
    /// Server that has the key.
    pub server_id: String,
    /// AWS's id of the key.
    pub host_key_id: String,
    /// Free text.
    pub description: Option<String>,
    /// Where AWS shall keep it.
    pub storage_type: Option<String>,
    /// Key that encrypts it.
    pub kms_key: Option<String>,
}

impl Call for UpdateHostKey {
    const OPERATION: &'static str = "UpdateHostKey";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["HostKeyId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, host_key_id, description, storage_type, kms_key } = self.clone();
        let call = client
            .update_host_key()
            .server_id(server_id)
            .host_key_id(host_key_id)
            .set_description(description)
            .set_storage_type(value(storage_type))
            .set_kms_key(kms_key);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateHostKey {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.host_key_id))
    }
}

/// DeleteHostKey.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteHostKey {
    /// Server that has the key.
    pub server_id: String,
    /// AWS's id of the key.
    pub host_key_id: String,
}

impl Call for DeleteHostKey {
    const OPERATION: &'static str = "DeleteHostKey";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, host_key_id } = self.clone();
        let call = client.delete_host_key().server_id(server_id).host_key_id(host_key_id);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteHostKey {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.host_key_id))
    }
}

fn described(theirs: sdk::DescribedHostKey) -> Complete<HostKey> {
    Ok(HostKey {
        arn: required(theirs.arn, "HostKey.Arn")?,
        id: required(theirs.host_key_id, "HostKey.HostKeyId")?,
        fingerprint: theirs.host_key_fingerprint,
        description: theirs.description,
        key_type: theirs.r#type,
        date_imported: theirs.date_imported.and_then(time),
        storage_type: text(theirs.storage_type),
        secret_id: theirs.secret_id,
        tags: tag::read(theirs.tags),
    })
}

fn listed(theirs: sdk::ListedHostKey) -> Complete<HostKey> {
    Ok(HostKey {
        arn: required(theirs.arn, "HostKeys.Arn")?,
        id: required(theirs.host_key_id, "HostKeys.HostKeyId")?,
        fingerprint: theirs.fingerprint,
        description: theirs.description,
        key_type: theirs.r#type,
        date_imported: theirs.date_imported.and_then(time),
        storage_type: text(theirs.storage_type),
        secret_id: theirs.secret_id,
        tags: Tags::new(),
    })
}
