//! Each mutation as a call of the SDK.

use aws_sdk_transfer::Client;
use secrecy::{ExposeSecret, SecretString};

use super::answer::required;
use super::once::{Once, send_once};
use super::request::{self, value, values};
use crate::aws::types::{CreateAccess, CreateServer, CreateUser, ImportHostKey, LoginSettings, ServerSettings, Tags};
use crate::aws::{Fault, Made, Mutation};

/// Sets every member of [`ServerSettings`] on a builder. A macro, because CreateServer's and UpdateServer's builders
/// share no trait.
macro_rules! with_server_settings {
    ($once:expr, $builder:expr, $settings:expr) => {{
        let ServerSettings {
            certificate,
            endpoint_details,
            endpoint_type,
            identity_provider_details,
            identity_provider_type,
            ip_address_type,
            logging_role,
            post_authentication_login_banner,
            pre_authentication_login_banner,
            protocol_details,
            protocols,
            s3_storage_options,
            security_policy_name,
            structured_log_destinations,
            workflow_details,
        } = $settings;
        let protocol_details = built($once, protocol_details.map(request::protocol_details).transpose())?;
        let workflow_details = built($once, workflow_details.map(request::workflow_details).transpose())?;
        $builder
            .set_certificate(certificate)
            .set_endpoint_details(endpoint_details.map(request::endpoint_details))
            .set_endpoint_type(value(endpoint_type))
            .set_identity_provider_details(identity_provider_details.map(request::identity_provider_details))
            .set_identity_provider_type(value(identity_provider_type))
            .set_ip_address_type(value(ip_address_type))
            .set_logging_role(logging_role)
            .set_post_authentication_login_banner(post_authentication_login_banner)
            .set_pre_authentication_login_banner(pre_authentication_login_banner)
            .set_protocol_details(protocol_details)
            .set_protocols(values(protocols))
            .set_s3_storage_options(s3_storage_options.map(request::s3_storage_options))
            .set_security_policy_name(security_policy_name)
            .set_structured_log_destinations(structured_log_destinations)
            .set_workflow_details(workflow_details)
    }};
}

/// Sets every member of [`LoginSettings`] on a builder of one of the four calls that have them.
macro_rules! with_login_settings {
    ($once:expr, $builder:expr, $settings:expr) => {{
        let LoginSettings {
            home_directory,
            home_directory_mappings,
            home_directory_type,
            policy,
            posix_profile,
            role,
        } = $settings;
        $builder
            .set_home_directory(home_directory)
            .set_home_directory_mappings(built($once, request::mappings(home_directory_mappings))?)
            .set_home_directory_type(value(home_directory_type))
            .set_policy(policy)
            .set_posix_profile(built($once, request::posix_profile(posix_profile))?)
            .set_role(role)
    }};
}

pub(super) async fn send(client: &Client, once: &Once, call: Mutation) -> Result<Made, Fault> {
    let to = To { client, once };
    match call {
        Mutation::CreateServer(call) => to.create_server(*call).await,
        Mutation::UpdateServer { server_id, settings } => to.update_server(server_id, *settings).await,
        Mutation::StartServer { server_id } => to.start_server(server_id).await,
        Mutation::StopServer { server_id } => to.stop_server(server_id).await,
        Mutation::DeleteServer { server_id } => to.delete_server(server_id).await,
        Mutation::CreateUser(call) => to.create_user(*call).await,
        Mutation::UpdateUser { server_id, user_name, settings } => {
            to.update_user(server_id, user_name, *settings).await
        }
        Mutation::DeleteUser { server_id, user_name } => to.delete_user(server_id, user_name).await,
        Mutation::ImportSshPublicKey { server_id, user_name, body } => {
            to.import_ssh_public_key(server_id, user_name, body).await
        }
        Mutation::DeleteSshPublicKey { server_id, user_name, key_id } => {
            to.delete_ssh_public_key(server_id, user_name, key_id).await
        }
        Mutation::CreateAccess(call) => to.create_access(*call).await,
        Mutation::UpdateAccess { server_id, external_id, settings } => {
            to.update_access(server_id, external_id, *settings).await
        }
        Mutation::DeleteAccess { server_id, external_id } => to.delete_access(server_id, external_id).await,
        Mutation::ImportHostKey(call) => to.import_host_key(*call).await,
        Mutation::UpdateHostKey { server_id, host_key_id, description, storage_type, kms_key } => {
            let call = to
                .client
                .update_host_key()
                .server_id(server_id)
                .host_key_id(host_key_id)
                .set_description(description)
                .set_storage_type(value(storage_type))
                .set_kms_key(kms_key);
            done(send_once!(once, aws_sdk_transfer, call))
        }
        Mutation::DeleteHostKey { server_id, host_key_id } => to.delete_host_key(server_id, host_key_id).await,
        Mutation::TagResource { arn, tags } => to.tag_resource(arn, tags).await,
        Mutation::UntagResource { arn, keys } => to.untag_resource(arn, keys).await,
    }
}

/// The answer says nothing that the caller did not say.
fn done<T>(outcome: Result<T, Fault>) -> Result<Made, Fault> {
    outcome.map(|_| Made::default())
}

fn built<T>(once: &Once, shape: request::Built<T>) -> Result<T, Fault> {
    shape.map_err(|why| once.unbuildable(&why))
}

fn secret(secret: Option<SecretString>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

/// Where a call goes.
#[derive(Clone, Copy)]
struct To<'a> {
    client: &'a Client,
    once: &'a Once,
}

impl To<'_> {
    /// The id that AWS chose. Without it nobody knows what was made: as good as no answer.
    fn made(self, id: String, member: &str) -> Result<Made, Fault> {
        required(id, "").map(|id| Made { id: Some(id) }).map_err(|_| self.once.incomplete(member))
    }

    async fn create_server(self, call: CreateServer) -> Result<Made, Fault> {
        let CreateServer { domain, host_key, host_key_storage_type, settings, tags } = call;
        let call = self
            .client
            .create_server()
            .set_domain(value(domain))
            .set_host_key(secret(host_key))
            .set_host_key_storage_type(value(host_key_storage_type))
            .set_tags(built(self.once, request::some_tags(tags))?);
        let call = with_server_settings!(self.once, call, settings);
        let answer = send_once!(self.once, aws_sdk_transfer, call)?;
        self.made(answer.server_id, "ServerId")
    }

    async fn update_server(self, server_id: String, settings: ServerSettings) -> Result<Made, Fault> {
        let call = self.client.update_server().server_id(server_id);
        let call = with_server_settings!(self.once, call, settings);
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn start_server(self, server_id: String) -> Result<Made, Fault> {
        done(send_once!(self.once, aws_sdk_transfer, self.client.start_server().server_id(server_id)))
    }

    async fn stop_server(self, server_id: String) -> Result<Made, Fault> {
        done(send_once!(self.once, aws_sdk_transfer, self.client.stop_server().server_id(server_id)))
    }

    async fn delete_server(self, server_id: String) -> Result<Made, Fault> {
        done(send_once!(self.once, aws_sdk_transfer, self.client.delete_server().server_id(server_id)))
    }

    async fn create_user(self, call: CreateUser) -> Result<Made, Fault> {
        let CreateUser { server_id, user_name, settings, ssh_public_key_body, tags } = call;
        let call = self
            .client
            .create_user()
            .server_id(server_id)
            .user_name(user_name)
            .set_ssh_public_key_body(ssh_public_key_body)
            .set_tags(built(self.once, request::some_tags(tags))?);
        done(send_once!(self.once, aws_sdk_transfer, with_login_settings!(self.once, call, settings)))
    }

    async fn update_user(self, server_id: String, user_name: String, settings: LoginSettings) -> Result<Made, Fault> {
        let call = self.client.update_user().server_id(server_id).user_name(user_name);
        done(send_once!(self.once, aws_sdk_transfer, with_login_settings!(self.once, call, settings)))
    }

    async fn delete_user(self, server_id: String, user_name: String) -> Result<Made, Fault> {
        let call = self.client.delete_user().server_id(server_id).user_name(user_name);
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn import_ssh_public_key(self, server_id: String, user_name: String, body: String) -> Result<Made, Fault> {
        let call =
            self.client.import_ssh_public_key().server_id(server_id).user_name(user_name).ssh_public_key_body(body);
        let answer = send_once!(self.once, aws_sdk_transfer, call)?;
        self.made(answer.ssh_public_key_id, "SshPublicKeyId")
    }

    async fn delete_ssh_public_key(self, server_id: String, user_name: String, key_id: String) -> Result<Made, Fault> {
        let call =
            self.client.delete_ssh_public_key().server_id(server_id).user_name(user_name).ssh_public_key_id(key_id);
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn create_access(self, call: CreateAccess) -> Result<Made, Fault> {
        let CreateAccess { server_id, external_id, settings } = call;
        let call = self.client.create_access().server_id(server_id).external_id(external_id);
        done(send_once!(self.once, aws_sdk_transfer, with_login_settings!(self.once, call, settings)))
    }

    async fn update_access(
        self,
        server_id: String,
        external_id: String,
        settings: LoginSettings,
    ) -> Result<Made, Fault> {
        let call = self.client.update_access().server_id(server_id).external_id(external_id);
        done(send_once!(self.once, aws_sdk_transfer, with_login_settings!(self.once, call, settings)))
    }

    async fn delete_access(self, server_id: String, external_id: String) -> Result<Made, Fault> {
        let call = self.client.delete_access().server_id(server_id).external_id(external_id);
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn import_host_key(self, call: ImportHostKey) -> Result<Made, Fault> {
        let ImportHostKey { server_id, body, description, storage_type, kms_key, tags } = call;
        let call = self
            .client
            .import_host_key()
            .server_id(server_id)
            .host_key_body(body.expose_secret())
            .set_description(description)
            .set_storage_type(value(storage_type))
            .set_kms_key(kms_key)
            .set_tags(built(self.once, request::some_tags(tags))?);
        let answer = send_once!(self.once, aws_sdk_transfer, call)?;
        self.made(answer.host_key_id, "HostKeyId")
    }

    async fn delete_host_key(self, server_id: String, host_key_id: String) -> Result<Made, Fault> {
        let call = self.client.delete_host_key().server_id(server_id).host_key_id(host_key_id);
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn tag_resource(self, arn: String, tags: Tags) -> Result<Made, Fault> {
        let call = self.client.tag_resource().arn(arn).set_tags(Some(built(self.once, request::tags(tags))?));
        done(send_once!(self.once, aws_sdk_transfer, call))
    }

    async fn untag_resource(self, arn: String, keys: Vec<String>) -> Result<Made, Fault> {
        let call = self.client.untag_resource().arn(arn).set_tag_keys(Some(keys));
        done(send_once!(self.once, aws_sdk_transfer, call))
    }
}
