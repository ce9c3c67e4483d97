//! Our shapes as the SDK's.
//!
//! Every struct of ours is taken apart without `..`, so that a member that is forgotten here does not compile. `None` is
//! not sent, an empty list is sent as an empty list, and a value that this SDK does not know goes out as it stands.

use aws_sdk_transfer::types as sdk;
use aws_smithy_types::error::operation::BuildError;

use crate::api::shapes::{
    EndpointDetails, HomeDirectoryMapEntry, IdentityProviderDetails, PosixProfile, ProtocolDetails, ProxyConfig,
    S3StorageOptions, SftpPortWithOptions, WorkflowDetail, WorkflowDetails,
};
use crate::aws::types::Tags;

pub(super) type Built<T> = Result<T, BuildError>;

/// A string as one of the SDK's enums.
#[allow(clippy::needless_pass_by_value, reason = "members are moved out of our structs one by one")]
pub(super) fn value<T: for<'a> From<&'a str>>(text: Option<String>) -> Option<T> {
    text.as_deref().map(T::from)
}

/// A list of strings as the SDK's enums.
pub(super) fn values<T: for<'a> From<&'a str>>(texts: Option<Vec<String>>) -> Option<Vec<T>> {
    texts.map(|texts| texts.iter().map(|text| T::from(text.as_str())).collect())
}

fn list<T, U>(items: Option<Vec<T>>, one: impl Fn(T) -> Built<U>) -> Built<Option<Vec<U>>> {
    items.map(|items| items.into_iter().map(one).collect()).transpose()
}

pub(super) fn tags(tags: Tags) -> Built<Vec<sdk::Tag>> {
    tags.into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// As [`tags`], and absent where there are none: AWS refuses an empty list of tags.
pub(super) fn some_tags(ours: Tags) -> Built<Option<Vec<sdk::Tag>>> {
    if ours.is_empty() { Ok(None) } else { tags(ours).map(Some) }
}

pub(super) fn endpoint_details(ours: EndpointDetails) -> sdk::EndpointDetails {
    let EndpointDetails { address_allocation_ids, subnet_ids, vpc_endpoint_id, vpc_id, security_group_ids } = ours;
    sdk::EndpointDetails::builder()
        .set_address_allocation_ids(address_allocation_ids)
        .set_subnet_ids(subnet_ids)
        .set_vpc_endpoint_id(vpc_endpoint_id)
        .set_vpc_id(vpc_id)
        .set_security_group_ids(security_group_ids)
        .build()
}

pub(super) fn identity_provider_details(ours: IdentityProviderDetails) -> sdk::IdentityProviderDetails {
    let IdentityProviderDetails { url, invocation_role, directory_id, function, sftp_authentication_methods } = ours;
    sdk::IdentityProviderDetails::builder()
        .set_url(url)
        .set_invocation_role(invocation_role)
        .set_directory_id(directory_id)
        .set_function(function)
        .set_sftp_authentication_methods(value(sftp_authentication_methods))
        .build()
}

pub(super) fn protocol_details(ours: ProtocolDetails) -> Built<sdk::ProtocolDetails> {
    let ProtocolDetails {
        passive_ip,
        tls_session_resumption_mode,
        set_stat_option,
        sftp_ports,
        as2_transports,
        proxy_config,
    } = ours;
    Ok(sdk::ProtocolDetails::builder()
        .set_passive_ip(passive_ip)
        .set_tls_session_resumption_mode(value(tls_session_resumption_mode))
        .set_set_stat_option(value(set_stat_option))
        .set_sftp_ports(list(sftp_ports, sftp_port)?)
        .set_as2_transports(values(as2_transports))
        .set_proxy_config(proxy_config.map(self::proxy_config))
        .build())
}

fn sftp_port(ours: SftpPortWithOptions) -> Built<sdk::SftpPortWithOptions> {
    let SftpPortWithOptions { sftp_port, communication_mode } = ours;
    sdk::SftpPortWithOptions::builder().sftp_port(sftp_port).set_communication_mode(value(communication_mode)).build()
}

fn proxy_config(ours: ProxyConfig) -> sdk::ProxyConfig {
    let ProxyConfig { sftp_mode } = ours;
    sdk::ProxyConfig::builder().set_sftp_mode(value(sftp_mode)).build()
}

pub(super) fn s3_storage_options(ours: S3StorageOptions) -> sdk::S3StorageOptions {
    let S3StorageOptions { directory_listing_optimization } = ours;
    sdk::S3StorageOptions::builder().set_directory_listing_optimization(value(directory_listing_optimization)).build()
}

pub(super) fn workflow_details(ours: WorkflowDetails) -> Built<sdk::WorkflowDetails> {
    let WorkflowDetails { on_upload, on_partial_upload } = ours;
    Ok(sdk::WorkflowDetails::builder()
        .set_on_upload(list(on_upload, workflow_detail)?)
        .set_on_partial_upload(list(on_partial_upload, workflow_detail)?)
        .build())
}

fn workflow_detail(ours: WorkflowDetail) -> Built<sdk::WorkflowDetail> {
    let WorkflowDetail { workflow_id, execution_role } = ours;
    sdk::WorkflowDetail::builder().workflow_id(workflow_id).execution_role(execution_role).build()
}

pub(super) fn mappings(ours: Option<Vec<HomeDirectoryMapEntry>>) -> Built<Option<Vec<sdk::HomeDirectoryMapEntry>>> {
    list(ours, |HomeDirectoryMapEntry { entry, target, r#type }| {
        sdk::HomeDirectoryMapEntry::builder().entry(entry).target(target).set_type(value(r#type)).build()
    })
}

pub(super) fn posix_profile(ours: Option<PosixProfile>) -> Built<Option<sdk::PosixProfile>> {
    ours.map(|PosixProfile { uid, gid, secondary_gids }| {
        sdk::PosixProfile::builder().uid(uid).gid(gid).set_secondary_gids(secondary_gids).build()
    })
    .transpose()
}
