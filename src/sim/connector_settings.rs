//! What is said of a connector: defaults, changes, and what goes together.

use serde::Deserialize;

use super::as2_profiles;
use super::config::BlockUpdate;
use super::error::{Answer, ApiError};
use super::partners::{As2Config, AsyncMdnConfig, ConnectorSettings, EgressConfig, SftpConfig, VpcLattice};
use super::security_policies;
use super::state::{Context, Region};
use crate::ssh::PublicKey;

/// Connections at a time; the model has no maximum, but the documentation.
const CONNECTIONS: i64 = 5;

/// The documentation of `TrustedHostKeys` names ssh-rsa and ecdsa, not this type, which users may have.
const OF_USERS_ALONE: &str = "ssh-ed25519";

/// The port of SFTP.
const SFTP_PORT: i64 = 22;

/// The members that `CreateConnector` and `UpdateConnector` share; what is absent stays as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Changes {
    pub url: Option<String>,
    pub as2_config: Option<As2Config>,
    pub sftp_config: Option<SftpConfig>,
    pub access_role: Option<String>,
    pub logging_role: Option<String>,
    pub security_policy_name: Option<String>,
    pub egress_config: Option<EgressConfig>,
    pub ip_address_type: Option<String>,
}

/// The settings of a new connector: what was asked for, and AWS's defaults for the rest.
///
/// # Errors
/// What does not go together, or is not there.
pub fn created(region: &Region, changes: Changes, context: &Context<'_>) -> Answer<ConnectorSettings> {
    let one = changes.as2_config.is_some() != changes.sftp_config.is_some();
    if !one {
        return Err(ApiError::invalid("Specify exactly one of As2Config and SftpConfig"));
    }
    let mut blank = ConnectorSettings { ip_address_type: "IPV4".to_owned(), ..ConnectorSettings::default() };
    // What an update cannot bring in is there before the changes come.
    blank.url.clone_from(&changes.url);
    blank.egress_config = changes.egress_config.as_ref().map(|_| EgressConfig::default());
    if changes.as2_config.is_some() {
        let preserve_content_type = Some("DISABLED".to_owned());
        blank.as2_config = Some(As2Config { preserve_content_type, ..As2Config::default() });
    } else {
        blank.sftp_config = Some(SftpConfig { max_concurrent_connections: Some(1), ..SftpConfig::default() });
        blank.security_policy_name = Some(security_policies::CONNECTOR_DEFAULT.to_owned());
    }
    changed(region, &blank, changes, context)
}

/// These settings after a change.
///
/// # Errors
/// What does not go together, or is not there.
pub fn changed(
    region: &Region,
    old: &ConnectorSettings,
    changes: Changes,
    context: &Context<'_>,
) -> Answer<ConnectorSettings> {
    let mode = context.config.connector_config;
    let mut next = old.clone();
    next.url = match (changes.url, &old.url) {
        (Some(_), None) => return Err(ApiError::invalid("Url must be null for a connector with EgressConfig")),
        (sent, held) => sent.or_else(|| held.clone()),
    };
    next.egress_config = match (changes.egress_config, &old.egress_config) {
        (Some(_), None) => return Err(ApiError::invalid("EgressConfig cannot be added to a connector with Url")),
        (Some(sent), Some(held)) => Some(egress(held, sent)),
        (None, held) => held.clone(),
    };
    next.as2_config = match (changes.as2_config, &old.as2_config) {
        (Some(_), None) => return Err(ApiError::invalid("As2Config cannot be specified for an SFTP connector")),
        (Some(sent), Some(held)) => Some(as2(held, sent, mode)),
        (None, held) => held.clone(),
    };
    next.sftp_config = match (changes.sftp_config, &old.sftp_config) {
        (Some(_), None) => return Err(ApiError::invalid("SftpConfig cannot be specified for an AS2 connector")),
        (Some(sent), Some(held)) => Some(sftp(held, sent, mode)),
        (None, held) => held.clone(),
    };
    next.access_role = changes.access_role.unwrap_or(next.access_role);
    next.logging_role = changes.logging_role.or(next.logging_role);
    next.security_policy_name = changes.security_policy_name.or(next.security_policy_name);
    next.ip_address_type = changes.ip_address_type.unwrap_or(next.ip_address_type);
    check(region, &next)?;
    Ok(next)
}

fn egress(held: &EgressConfig, sent: EgressConfig) -> EgressConfig {
    let held = held.vpc_lattice.clone().unwrap_or_default();
    let sent = sent.vpc_lattice.unwrap_or_default();
    let arn = sent.resource_configuration_arn.or(held.resource_configuration_arn);
    let port = sent.port_number.or(held.port_number).or(Some(SFTP_PORT));
    EgressConfig { vpc_lattice: Some(VpcLattice { resource_configuration_arn: arn, port_number: port }) }
}

fn as2(held: &As2Config, sent: As2Config, mode: BlockUpdate) -> As2Config {
    let base = match mode {
        BlockUpdate::Merge => held.clone(),
        BlockUpdate::Replace => As2Config {
            local_profile_id: held.local_profile_id.clone(),
            partner_profile_id: held.partner_profile_id.clone(),
            preserve_content_type: Some("DISABLED".to_owned()),
            ..As2Config::default()
        },
    };
    // Who waits for no asynchronous answer any more needs no address for it.
    let leaves = sent.mdn_response.as_ref().is_some_and(|response| response != "ASYNC");
    let kept = base.async_mdn_config.filter(|_| !leaves);
    As2Config {
        local_profile_id: sent.local_profile_id.or(base.local_profile_id),
        partner_profile_id: sent.partner_profile_id.or(base.partner_profile_id),
        message_subject: sent.message_subject.or(base.message_subject),
        compression: sent.compression.or(base.compression),
        encryption_algorithm: sent.encryption_algorithm.or(base.encryption_algorithm),
        signing_algorithm: sent.signing_algorithm.or(base.signing_algorithm),
        mdn_signing_algorithm: sent.mdn_signing_algorithm.or(base.mdn_signing_algorithm),
        mdn_response: sent.mdn_response.or(base.mdn_response),
        basic_auth_secret_id: sent.basic_auth_secret_id.or(base.basic_auth_secret_id).filter(|id| !id.is_empty()),
        preserve_content_type: sent.preserve_content_type.or(base.preserve_content_type),
        async_mdn_config: sent.async_mdn_config.or(kept),
    }
}

/// The secret is documented as one that an update may leave out, whatever becomes of the rest.
fn sftp(held: &SftpConfig, sent: SftpConfig, mode: BlockUpdate) -> SftpConfig {
    let base = match mode {
        BlockUpdate::Merge => held.clone(),
        BlockUpdate::Replace => SftpConfig {
            user_secret_id: held.user_secret_id.clone(),
            max_concurrent_connections: Some(1),
            ..SftpConfig::default()
        },
    };
    SftpConfig {
        user_secret_id: sent.user_secret_id.or(base.user_secret_id),
        trusted_host_keys: sent.trusted_host_keys.or(base.trusted_host_keys).filter(|keys| !keys.is_empty()),
        max_concurrent_connections: sent.max_concurrent_connections.or(base.max_concurrent_connections),
        ordered_user_secret_version_stages: sent
            .ordered_user_secret_version_stages
            .or(base.ordered_user_secret_version_stages),
    }
}

fn check(region: &Region, settings: &ConnectorSettings) -> Answer<()> {
    let (url, lattice) = (settings.url.as_deref(), settings.egress_config.is_some());
    if url.is_some() == lattice {
        return Err(ApiError::invalid("Specify exactly one of Url and EgressConfig"));
    }
    let way = settings.egress_config.as_ref().and_then(|egress| egress.vpc_lattice.as_ref());
    if lattice && way.is_none_or(|way| way.resource_configuration_arn.is_none()) {
        return Err(ApiError::invalid("ResourceConfigurationArn must be specified in EgressConfig"));
    }
    if let Some(config) = &settings.as2_config {
        return check_as2(region, settings, config);
    }
    let config = settings.sftp_config.clone().unwrap_or_default();
    if url.is_some_and(|url| !url.starts_with("sftp://")) {
        return Err(ApiError::invalid("Url of an SFTP connector must begin with sftp://"));
    }
    if config.user_secret_id.is_none() {
        return Err(ApiError::invalid("UserSecretId must be specified for an SFTP connector"));
    }
    if config.max_concurrent_connections.is_some_and(|number| number > CONNECTIONS) {
        return Err(ApiError::invalid(format!("MaxConcurrentConnections must be at most {CONNECTIONS}")));
    }
    let keys = config.trusted_host_keys.unwrap_or_default();
    if let Some(index) = keys.iter().position(|key| trusted(key, lattice).is_none()) {
        return Err(ApiError::invalid(format!("Invalid trusted host key: number {}", index + 1)));
    }
    security_policies::check_for_connector(settings.security_policy_name.as_deref().unwrap_or_default())
}

/// The key of a line that a connector trusts: the key alone, or with a host before it where there is a host to name.
#[must_use]
pub fn trusted(line: &str, lattice: bool) -> Option<PublicKey> {
    let behind_a_host = || line.trim().split_once(char::is_whitespace).and_then(|(_, key)| PublicKey::parse(key).ok());
    let key = PublicKey::parse(line).ok().or_else(|| behind_a_host().filter(|_| !lattice));
    key.filter(|key| key.algorithm() != OF_USERS_ALONE)
}

fn check_as2(region: &Region, settings: &ConnectorSettings, config: &As2Config) -> Answer<()> {
    let url = settings.url.as_deref().unwrap_or_default();
    let https = url.starts_with("https://");
    if !https && !url.starts_with("http://") {
        return Err(ApiError::invalid("Url of an AS2 connector must begin with http:// or https://"));
    }
    if settings.security_policy_name.is_some() {
        return Err(ApiError::invalid("SecurityPolicyName is supported only for SFTP connectors"));
    }
    // What other tools ask for; the model requires none of them.
    let wanted = [
        ("LocalProfileId", &config.local_profile_id),
        ("PartnerProfileId", &config.partner_profile_id),
        ("Compression", &config.compression),
        ("EncryptionAlgorithm", &config.encryption_algorithm),
        ("SigningAlgorithm", &config.signing_algorithm),
        ("MdnResponse", &config.mdn_response),
    ];
    if let Some((member, _)) = wanted.iter().find(|(_, value)| value.is_none()) {
        return Err(ApiError::invalid(format!("{member} must be specified for an AS2 connector")));
    }
    if let (Some(local), Some(partner)) = (&config.local_profile_id, &config.partner_profile_id) {
        as2_profiles::check_pair(region, local, partner)?;
    }
    if config.encryption_algorithm.as_deref() == Some("NONE") && !https {
        return Err(ApiError::invalid("EncryptionAlgorithm NONE is supported only for a Url with https"));
    }
    let asynchronous = config.mdn_response.as_deref() == Some("ASYNC");
    match &config.async_mdn_config {
        Some(AsyncMdnConfig { url: Some(_), server_ids: Some(ids) }) if asynchronous => {
            ids.iter().try_for_each(|id| region.server(id).map(|_| ()))
        }
        None if !asynchronous => Ok(()),
        _ if asynchronous => {
            Err(ApiError::invalid("AsyncMdnConfig with Url and ServerIds must be specified for MdnResponse ASYNC"))
        }
        _ => Err(ApiError::invalid("AsyncMdnConfig is supported only for MdnResponse ASYNC")),
    }
}
