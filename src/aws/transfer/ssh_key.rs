//! SSH public keys of users. They are read with their user.

use aws_sdk_transfer::{Client, types as sdk};
use serde::Serialize;

use crate::aws::call::{Call, Change};
use crate::aws::sdk::convert::{Complete, required, time};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// An SSH public key as AWS keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SshPublicKey {
    /// `key-` and 17 hexadecimal digits.
    pub id: String,
    /// The normalised line, with its comment.
    pub body: String,
    /// When it was imported.
    pub date_imported: Option<jiff::Timestamp>,
}

/// ImportSshPublicKey.
#[derive(Clone, Debug, Serialize)]
pub struct ImportSshPublicKey {
    /// Server of the user.
    pub server_id: String,
    /// Who gets the key.
    pub user_name: String,
    /// The key, in one line.
    pub body: String,
}

impl Call for ImportSshPublicKey {
    const OPERATION: &'static str = "ImportSshPublicKey";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["SshPublicKeyId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, user_name, body } = self.clone();
        let call = client.import_ssh_public_key().server_id(server_id).user_name(user_name).ssh_public_key_body(body);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.ssh_public_key_id, "SshPublicKeyId")
    }
}

impl Change for ImportSshPublicKey {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}", self.server_id, self.user_name))
    }
}

/// DeleteSshPublicKey.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteSshPublicKey {
    /// Server of the user.
    pub server_id: String,
    /// Who loses the key.
    pub user_name: String,
    /// AWS's id of the key.
    pub key_id: String,
}

impl Call for DeleteSshPublicKey {
    const OPERATION: &'static str = "DeleteSshPublicKey";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { server_id, user_name, key_id } = self.clone();
        let call = client.delete_ssh_public_key().server_id(server_id).user_name(user_name).ssh_public_key_id(key_id);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteSshPublicKey {
    fn target(&self) -> Option<String> {
        Some(format!("{}/{}/{}", self.server_id, self.user_name, self.key_id))
    }
}

pub(super) fn read(theirs: sdk::SshPublicKey) -> Complete<SshPublicKey> {
    Ok(SshPublicKey {
        id: required(theirs.ssh_public_key_id, "User.SshPublicKeys.SshPublicKeyId")?,
        body: required(theirs.ssh_public_key_body, "User.SshPublicKeys.SshPublicKeyBody")?,
        date_imported: time(theirs.date_imported),
    })
}
