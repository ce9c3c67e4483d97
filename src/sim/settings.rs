//! The settings of a server outside its network: defaults, changes, and what goes together.

use super::config::{BlockUpdate, Config};
use super::error::{Answer, ApiError};
use super::input::Changes;
use super::model::{IdentityProviderDetails, ProtocolDetails, ProxyConfig, S3StorageOptions, Settings, SftpPort};
use super::network;
use super::security_policies;
use super::state::Context;

/// The settings of a new server: what was asked for, and AWS's defaults for the rest.
///
/// # Errors
/// `InvalidRequestException` for what does not go together.
pub fn created(changes: Changes, domain: &str, context: &mut Context<'_>) -> Answer<Settings> {
    let mut blank = Settings {
        endpoint_type: changes.endpoint_type.clone().unwrap_or_else(|| "PUBLIC".to_owned()),
        identity_provider_type: "SERVICE_MANAGED".to_owned(),
        ip_address_type: changes.ip_address_type.clone().unwrap_or_else(|| "IPV4".to_owned()),
        protocols: vec!["SFTP".to_owned()],
        protocol_details: default_protocol_details(),
        security_policy_name: security_policies::DEFAULT.to_owned(),
        s3_storage_options: (domain == "S3")
            .then(|| S3StorageOptions { directory_listing_optimization: Some("DISABLED".to_owned()) }),
        ..Settings::default()
    };
    blank.endpoint_details = network::created(&changes, &blank.endpoint_type, context)?;
    changed(&blank, changes, domain, context.config)
}

/// These settings after a change of anything but the network.
///
/// # Errors
/// `InvalidRequestException` for what does not go together.
pub fn changed(old: &Settings, changes: Changes, domain: &str, config: &Config) -> Answer<Settings> {
    let mut next = old.clone();
    clearable(&mut next.certificate, changes.certificate);
    clearable(&mut next.logging_role, changes.logging_role);
    clearable(&mut next.post_authentication_login_banner, changes.post_authentication_login_banner);
    clearable(&mut next.pre_authentication_login_banner, changes.pre_authentication_login_banner);
    if let Some(destinations) = changes.structured_log_destinations {
        next.structured_log_destinations = Some(destinations).filter(|d| !d.is_empty());
    }
    next.protocols = changes.protocols.unwrap_or(next.protocols);
    next.security_policy_name = changes.security_policy_name.unwrap_or(next.security_policy_name);
    if let Some(workflows) = changes.workflow_details {
        clearable_list(&mut next.workflow_details.on_upload, workflows.on_upload);
        clearable_list(&mut next.workflow_details.on_partial_upload, workflows.on_partial_upload);
    }
    if let Some(S3StorageOptions { directory_listing_optimization: Some(value) }) = changes.s3_storage_options {
        next.s3_storage_options = Some(S3StorageOptions { directory_listing_optimization: Some(value) });
    }
    if let Some(details) = changes.protocol_details {
        next.protocol_details = change_protocol_details(next.protocol_details, details, config);
    }
    change_provider(&mut next, changes.identity_provider_type, changes.identity_provider_details, config)?;
    check(&next, domain)?;
    Ok(next)
}

/// `ProtocolDetails` as Describe returns them.
#[must_use]
pub fn shown_protocol_details(settings: &Settings, config: &Config) -> ProtocolDetails {
    let mut shown = settings.protocol_details.clone();
    if config.newer_defaults {
        shown.proxy_config.get_or_insert_with(|| ProxyConfig { sftp_mode: Some("NONE".to_owned()) });
        shown.sftp_ports.get_or_insert_with(default_ports);
    }
    shown
}

fn default_ports() -> Vec<SftpPort> {
    vec![SftpPort { sftp_port: 22, communication_mode: Some("SERVER_TALK_FIRST".to_owned()) }]
}

fn clearable(held: &mut Option<String>, sent: Option<String>) {
    if let Some(text) = sent {
        *held = Some(text).filter(|t| !t.is_empty());
    }
}

fn clearable_list<T>(held: &mut Option<Vec<T>>, sent: Option<Vec<T>>) {
    if let Some(list) = sent {
        *held = Some(list).filter(|l| !l.is_empty());
    }
}

fn default_protocol_details() -> ProtocolDetails {
    ProtocolDetails {
        passive_ip: Some("AUTO".to_owned()),
        tls_session_resumption_mode: Some("ENFORCED".to_owned()),
        set_stat_option: Some("DEFAULT".to_owned()),
        ..ProtocolDetails::default()
    }
}

fn change_protocol_details(held: ProtocolDetails, sent: ProtocolDetails, config: &Config) -> ProtocolDetails {
    let base = match config.protocol_details {
        BlockUpdate::Merge => held,
        BlockUpdate::Replace => default_protocol_details(),
    };
    let passive = sent.passive_ip.filter(|ip| !ip.is_empty());
    let mut ports = base.sftp_ports;
    // What is shown though it was never set is no change when it is sent back.
    let shown = config.newer_defaults && ports.is_none() && sent.sftp_ports == Some(default_ports());
    clearable_list(&mut ports, sent.sftp_ports.filter(|_| !shown));
    ProtocolDetails {
        passive_ip: passive.or(base.passive_ip),
        tls_session_resumption_mode: sent.tls_session_resumption_mode.or(base.tls_session_resumption_mode),
        set_stat_option: sent.set_stat_option.or(base.set_stat_option),
        sftp_ports: ports,
        as2_transports: sent.as2_transports.or(base.as2_transports),
        proxy_config: sent.proxy_config.or(base.proxy_config),
    }
}

fn change_provider(
    next: &mut Settings,
    kind: Option<String>,
    details: Option<IdentityProviderDetails>,
    config: &Config,
) -> Answer<()> {
    let other = kind.as_ref().is_some_and(|k| *k != next.identity_provider_type);
    next.identity_provider_type = kind.unwrap_or(next.identity_provider_type.clone());
    if next.identity_provider_type == "SERVICE_MANAGED" {
        if details.is_some_and(|d| d != IdentityProviderDetails::default()) {
            return Err(ApiError::invalid("Must specify IdentityProviderType with IdentityProviderDetails"));
        }
        next.identity_provider_details = None;
        return Ok(());
    }
    if other {
        next.identity_provider_details = None;
    }
    if let Some(sent) = details {
        let base = match config.identity_provider_details {
            BlockUpdate::Merge => next.identity_provider_details.take().unwrap_or_default(),
            BlockUpdate::Replace => IdentityProviderDetails::default(),
        };
        next.identity_provider_details = Some(IdentityProviderDetails {
            url: sent.url.or(base.url),
            invocation_role: sent.invocation_role.or(base.invocation_role),
            directory_id: sent.directory_id.or(base.directory_id),
            function: sent.function.or(base.function),
            sftp_authentication_methods: sent.sftp_authentication_methods.or(base.sftp_authentication_methods),
        });
    }
    let custom = next.identity_provider_type != "AWS_DIRECTORY_SERVICE";
    if let Some(held) = next.identity_provider_details.as_mut().filter(|_| custom) {
        held.sftp_authentication_methods.get_or_insert_with(|| "PUBLIC_KEY_OR_PASSWORD".to_owned());
    }
    Ok(())
}

fn check(settings: &Settings, domain: &str) -> Answer<()> {
    security_policies::check_for_server(&settings.security_policy_name)?;
    check_protocols(settings, domain)?;
    check_provider(settings)?;
    check_ports(settings)?;
    check_passive_ip(settings)?;
    network::check(settings)
}

fn check_protocols(settings: &Settings, domain: &str) -> Answer<()> {
    let has = |name: &str| settings.protocols.iter().any(|p| p == name);
    let vpc = settings.endpoint_type == "VPC";
    let mut sorted = settings.protocols.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let broken = if sorted.len() != settings.protocols.len() {
        "Protocols must not contain duplicates"
    } else if (has("FTP") || has("FTPS")) && !vpc {
        "EndpointType must be VPC for protocols FTP and FTPS"
    } else if (has("FTP") || has("FTPS")) && settings.identity_provider_type == "SERVICE_MANAGED" {
        "IdentityProviderType SERVICE_MANAGED is not supported for protocols FTP and FTPS"
    } else if has("FTPS") && settings.certificate.is_none() {
        "Certificate must be specified for protocol FTPS"
    } else if has("AS2") && !vpc {
        "EndpointType must be VPC for protocol AS2"
    } else if has("AS2") && domain != "S3" {
        "Domain must be S3 for protocol AS2"
    } else if has("AS2") && settings.protocol_details.as2_transports.is_none() {
        "As2Transport must be specified to enable AS2 protocol"
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(broken))
}

fn check_provider(settings: &Settings) -> Answer<()> {
    let details = settings.identity_provider_details.clone();
    let details = details.unwrap_or_default();
    let set = |member: &Option<String>| member.as_ref().is_some_and(|m| !m.is_empty());
    let kind = settings.identity_provider_type.as_str();
    let missing = match kind {
        "AWS_DIRECTORY_SERVICE" if !set(&details.directory_id) => "DirectoryId",
        "AWS_LAMBDA" if !set(&details.function) => "Function",
        "API_GATEWAY" if !set(&details.url) => "Url",
        "API_GATEWAY" if !set(&details.invocation_role) => "InvocationRole",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!(
        "{missing} must be specified in IdentityProviderDetails for IdentityProviderType: {kind}"
    )))
}

fn check_ports(settings: &Settings) -> Answer<()> {
    let Some(ports) = &settings.protocol_details.sftp_ports else {
        return Ok(());
    };
    let mut numbers: Vec<i64> = ports.iter().map(|p| p.sftp_port).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let broken = if settings.endpoint_type != "PUBLIC" {
        "SftpPorts is supported only for EndpointType PUBLIC"
    } else if !settings.protocols.iter().any(|p| p == "SFTP") {
        "SftpPorts is supported only for protocol SFTP"
    } else if numbers.len() != ports.len() {
        "SftpPorts must not contain duplicates"
    } else if numbers.iter().any(|n| *n != 22 && *n < 2000) {
        "SftpPort must be 22 or between 2000 and 65535"
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(broken))
}

fn check_passive_ip(settings: &Settings) -> Answer<()> {
    let given = settings.protocol_details.passive_ip.as_deref();
    match given {
        None | Some("AUTO") => Ok(()),
        Some(ip) if ip.parse::<std::net::Ipv4Addr>().is_ok() => Ok(()),
        Some(ip) => Err(ApiError::invalid(format!("Invalid PassiveIp: {ip}"))),
    }
}
