//! The SDK's shapes as ours.
//!
//! Enums become the strings they came as, also those that this SDK does not know. An absent list stays absent where we
//! can say so. What the SDK fills in for a missing required member (an empty string) is an error: `Err` names the member.

use aws_sdk_transfer::types as sdk;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::api::shapes::{
    EndpointDetails, HomeDirectoryMapEntry, IdentityProviderDetails, PosixProfile, ProtocolDetails, ProxyConfig,
    S3StorageOptions, SftpPortWithOptions, WorkflowDetail, WorkflowDetails,
};
use crate::aws::types::{
    Access, HostKey, ListedAccess, ListedServer, ListedUser, LoginSettings, SecurityPolicy, Server, ServerSettings,
    SshPublicKey, Tags, User,
};

/// What was read, or the name of the member that is missing.
pub(super) type Read<T> = Result<T, &'static str>;

/// A member without which the answer means nothing.
pub(super) fn required(text: impl Into<Option<String>>, member: &'static str) -> Read<String> {
    text.into().filter(|text| !text.is_empty()).ok_or(member)
}

/// All rows, or the member that one of them lacks: a row that cannot be read must not look like an absent object.
pub(super) fn rows<T, U>(rows: Option<Vec<T>>, one: impl Fn(T) -> Read<U>) -> Read<Vec<U>> {
    rows.unwrap_or_default().into_iter().map(one).collect()
}

fn text<T: AsRef<str>>(value: Option<T>) -> Option<String> {
    value.map(|value| value.as_ref().to_owned())
}

fn texts<T: AsRef<str>>(values: Option<Vec<T>>) -> Option<Vec<String>> {
    values.map(|values| values.iter().map(|value| value.as_ref().to_owned()).collect())
}

fn list<T, U>(items: Option<Vec<T>>, one: impl Fn(T) -> U) -> Option<Vec<U>> {
    items.map(|items| items.into_iter().map(one).collect())
}

fn time(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn tags(tags: Option<Vec<sdk::Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()
}

pub(super) fn server(theirs: sdk::DescribedServer) -> Read<Server> {
    Ok(Server {
        arn: required(theirs.arn, "Server.Arn")?,
        server_id: required(theirs.server_id, "Server.ServerId")?,
        domain: text(theirs.domain),
        state: text(theirs.state),
        host_key_fingerprint: theirs.host_key_fingerprint,
        user_count: theirs.user_count,
        settings: ServerSettings {
            certificate: theirs.certificate,
            endpoint_details: theirs.endpoint_details.map(endpoint_details),
            endpoint_type: text(theirs.endpoint_type),
            identity_provider_details: theirs.identity_provider_details.map(identity_provider_details),
            identity_provider_type: text(theirs.identity_provider_type),
            ip_address_type: text(theirs.ip_address_type),
            logging_role: theirs.logging_role,
            post_authentication_login_banner: theirs.post_authentication_login_banner,
            pre_authentication_login_banner: theirs.pre_authentication_login_banner,
            protocol_details: theirs.protocol_details.map(protocol_details),
            protocols: texts(theirs.protocols),
            s3_storage_options: theirs.s3_storage_options.map(s3_storage_options),
            security_policy_name: theirs.security_policy_name,
            structured_log_destinations: theirs.structured_log_destinations,
            workflow_details: theirs.workflow_details.map(workflow_details),
        },
        tags: tags(theirs.tags),
    })
}

fn endpoint_details(theirs: sdk::EndpointDetails) -> EndpointDetails {
    EndpointDetails {
        address_allocation_ids: theirs.address_allocation_ids,
        subnet_ids: theirs.subnet_ids,
        vpc_endpoint_id: theirs.vpc_endpoint_id,
        vpc_id: theirs.vpc_id,
        security_group_ids: theirs.security_group_ids,
    }
}

fn identity_provider_details(theirs: sdk::IdentityProviderDetails) -> IdentityProviderDetails {
    IdentityProviderDetails {
        url: theirs.url,
        invocation_role: theirs.invocation_role,
        directory_id: theirs.directory_id,
        function: theirs.function,
        sftp_authentication_methods: text(theirs.sftp_authentication_methods),
    }
}

fn protocol_details(theirs: sdk::ProtocolDetails) -> ProtocolDetails {
    ProtocolDetails {
        passive_ip: theirs.passive_ip,
        tls_session_resumption_mode: text(theirs.tls_session_resumption_mode),
        set_stat_option: text(theirs.set_stat_option),
        sftp_ports: list(theirs.sftp_ports, |port| SftpPortWithOptions {
            sftp_port: port.sftp_port,
            communication_mode: text(port.communication_mode),
        }),
        as2_transports: texts(theirs.as2_transports),
        proxy_config: theirs.proxy_config.map(|proxy| ProxyConfig { sftp_mode: text(proxy.sftp_mode) }),
    }
}

fn s3_storage_options(theirs: sdk::S3StorageOptions) -> S3StorageOptions {
    S3StorageOptions { directory_listing_optimization: text(theirs.directory_listing_optimization) }
}

fn workflow_details(theirs: sdk::WorkflowDetails) -> WorkflowDetails {
    let one = |workflow: sdk::WorkflowDetail| WorkflowDetail {
        workflow_id: workflow.workflow_id,
        execution_role: workflow.execution_role,
    };
    WorkflowDetails { on_upload: list(theirs.on_upload, one), on_partial_upload: list(theirs.on_partial_upload, one) }
}

pub(super) fn listed_server(theirs: sdk::ListedServer) -> Read<ListedServer> {
    Ok(ListedServer { server_id: required(theirs.server_id, "Servers.ServerId")? })
}

pub(super) fn user(theirs: sdk::DescribedUser) -> Read<User> {
    Ok(User {
        arn: required(theirs.arn, "User.Arn")?,
        user_name: required(theirs.user_name, "User.UserName")?,
        settings: LoginSettings {
            home_directory: theirs.home_directory,
            home_directory_mappings: list(theirs.home_directory_mappings, mapping),
            home_directory_type: text(theirs.home_directory_type),
            policy: theirs.policy,
            posix_profile: theirs.posix_profile.map(posix_profile),
            role: theirs.role,
        },
        ssh_public_keys: rows(theirs.ssh_public_keys, ssh_public_key)?,
        tags: tags(theirs.tags),
    })
}

fn ssh_public_key(theirs: sdk::SshPublicKey) -> Read<SshPublicKey> {
    Ok(SshPublicKey {
        id: required(theirs.ssh_public_key_id, "User.SshPublicKeys.SshPublicKeyId")?,
        body: required(theirs.ssh_public_key_body, "User.SshPublicKeys.SshPublicKeyBody")?,
        date_imported: time(theirs.date_imported),
    })
}

fn mapping(theirs: sdk::HomeDirectoryMapEntry) -> HomeDirectoryMapEntry {
    HomeDirectoryMapEntry { entry: theirs.entry, target: theirs.target, r#type: text(theirs.r#type) }
}

fn posix_profile(theirs: sdk::PosixProfile) -> PosixProfile {
    PosixProfile { uid: theirs.uid, gid: theirs.gid, secondary_gids: theirs.secondary_gids }
}

pub(super) fn listed_user(theirs: sdk::ListedUser) -> Read<ListedUser> {
    Ok(ListedUser { user_name: required(theirs.user_name, "Users.UserName")? })
}

pub(super) fn access(theirs: sdk::DescribedAccess) -> Read<Access> {
    Ok(Access {
        external_id: required(theirs.external_id, "Access.ExternalId")?,
        settings: LoginSettings {
            home_directory: theirs.home_directory,
            home_directory_mappings: list(theirs.home_directory_mappings, mapping),
            home_directory_type: text(theirs.home_directory_type),
            policy: theirs.policy,
            posix_profile: theirs.posix_profile.map(posix_profile),
            role: theirs.role,
        },
    })
}

pub(super) fn listed_access(theirs: sdk::ListedAccess) -> Read<ListedAccess> {
    Ok(ListedAccess { external_id: required(theirs.external_id, "Accesses.ExternalId")?, role: theirs.role })
}

pub(super) fn host_key(theirs: sdk::DescribedHostKey) -> Read<HostKey> {
    Ok(HostKey {
        arn: required(theirs.arn, "HostKey.Arn")?,
        id: required(theirs.host_key_id, "HostKey.HostKeyId")?,
        fingerprint: theirs.host_key_fingerprint,
        description: theirs.description,
        key_type: theirs.r#type,
        date_imported: theirs.date_imported.and_then(time),
        storage_type: text(theirs.storage_type),
        tags: tags(theirs.tags),
    })
}

pub(super) fn listed_host_key(theirs: sdk::ListedHostKey) -> Read<HostKey> {
    Ok(HostKey {
        arn: required(theirs.arn, "HostKeys.Arn")?,
        id: required(theirs.host_key_id, "HostKeys.HostKeyId")?,
        fingerprint: theirs.fingerprint,
        description: theirs.description,
        key_type: theirs.r#type,
        date_imported: theirs.date_imported.and_then(time),
        storage_type: text(theirs.storage_type),
        tags: Tags::new(),
    })
}

pub(super) fn security_policy(theirs: sdk::DescribedSecurityPolicy) -> Read<SecurityPolicy> {
    Ok(SecurityPolicy {
        name: required(theirs.security_policy_name, "SecurityPolicy.SecurityPolicyName")?,
        fips: theirs.fips,
        policy_type: text(theirs.r#type),
        protocols: texts(theirs.protocols).unwrap_or_default(),
        ssh_ciphers: theirs.ssh_ciphers.unwrap_or_default(),
        ssh_kexs: theirs.ssh_kexs.unwrap_or_default(),
        ssh_macs: theirs.ssh_macs.unwrap_or_default(),
        tls_ciphers: theirs.tls_ciphers.unwrap_or_default(),
        ssh_host_key_algorithms: theirs.ssh_host_key_algorithms.unwrap_or_default(),
    })
}
