//! A mutation as JSON, by which the same one is recognised again. Written out member by member: it decides what is sent
//! again, and must not follow how a type happens to be printed. Secrets stand in it as hashes only.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::calls::Mutation;
use super::types::{CreateAccess, CreateServer, CreateUser, ImportHostKey};

/// Operation and members.
#[must_use]
pub fn plain(call: &Mutation) -> Value {
    json!([call.operation(), members(call)])
}

fn members(call: &Mutation) -> Value {
    match call {
        Mutation::CreateServer(call) => {
            let CreateServer { domain, host_key, host_key_storage_type, settings, tags } = &**call;
            json!([domain, host_key.as_ref().map(hashed), host_key_storage_type, settings, tags])
        }
        Mutation::UpdateServer { server_id, settings } => json!([server_id, settings]),
        Mutation::StartServer { server_id }
        | Mutation::StopServer { server_id }
        | Mutation::DeleteServer { server_id } => json!([server_id]),
        Mutation::CreateUser(call) => {
            let CreateUser { server_id, user_name, settings, ssh_public_key_body, tags } = &**call;
            json!([server_id, user_name, settings, ssh_public_key_body, tags])
        }
        Mutation::UpdateUser { server_id, user_name, settings } => json!([server_id, user_name, settings]),
        Mutation::DeleteUser { server_id, user_name } => json!([server_id, user_name]),
        Mutation::ImportSshPublicKey { server_id, user_name, body } => json!([server_id, user_name, body]),
        Mutation::DeleteSshPublicKey { server_id, user_name, key_id } => json!([server_id, user_name, key_id]),
        Mutation::CreateAccess(call) => {
            let CreateAccess { server_id, external_id, settings } = &**call;
            json!([server_id, external_id, settings])
        }
        Mutation::UpdateAccess { server_id, external_id, settings } => json!([server_id, external_id, settings]),
        Mutation::DeleteAccess { server_id, external_id } => json!([server_id, external_id]),
        Mutation::ImportHostKey(call) => {
            let ImportHostKey { server_id, body, description, storage_type, kms_key, tags } = &**call;
            json!([server_id, hashed(body), description, storage_type, kms_key, tags])
        }
        Mutation::UpdateHostKey { server_id, host_key_id, description, storage_type, kms_key } => {
            json!([server_id, host_key_id, description, storage_type, kms_key])
        }
        Mutation::DeleteHostKey { server_id, host_key_id } => json!([server_id, host_key_id]),
        Mutation::TagResource { arn, tags } => json!([arn, tags]),
        Mutation::UntagResource { arn, keys } => json!([arn, keys]),
    }
}

fn hashed(secret: &SecretString) -> Value {
    json!(Sha256::digest(secret.expose_secret()).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::types::Tags;

    fn import(body: &str) -> Mutation {
        Mutation::ImportHostKey(Box::new(ImportHostKey {
            server_id: "s-1".to_owned(),
            body: body.to_owned().into(),
            description: None,
            storage_type: None,
            kms_key: None,
            tags: Tags::new(),
        }))
    }

    fn create(key: Option<&str>) -> Mutation {
        let host_key = key.map(|key| key.to_owned().into());
        Mutation::CreateServer(Box::new(CreateServer { host_key, ..CreateServer::default() }))
    }

    #[test]
    fn two_keys_are_two_calls_and_neither_is_printed() {
        for two in [
            [import("secret-one"), import("secret-two")],
            [create(Some("secret-one")), create(Some("secret-two"))],
            [create(None), create(Some("secret-two"))],
        ] {
            let [one, other] = two.map(|call| plain(&call).to_string());
            assert_ne!(one, other);
            assert!(!format!("{one}{other}").contains("secret-"), "{one} {other}");
        }
        assert_eq!(plain(&import("a")), plain(&import("a")));
    }

    #[test]
    fn the_same_members_of_another_operation_are_another_call() {
        let id = || "s-1".to_owned();
        let calls = [Mutation::StartServer { server_id: id() }, Mutation::StopServer { server_id: id() }];
        let [start, stop] = calls.map(|call| plain(&call));
        assert_ne!(start, stop);
    }
}
