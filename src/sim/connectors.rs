//! Connectors: made, changed, described, listed, deleted, and tried out. What is said of one is checked in
//! `connector_settings`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Leniency;
use super::connector_settings::{self, Changes};
use super::error::{Answer, ApiError};
use super::lifecycle::Lifecycle;
use super::model::Tag;
use super::page::PageInput;
use super::partners::{Connector, ConnectorSettings};
use super::shelf::Kept;
use super::shelves;
use super::state::{Context, Region};
use super::time::after;
use super::wire::joined;
use crate::ssh::PublicKey;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    connector_id: String,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    connector_id: String,
}

/// From where the service calls partners; every connector shows the same addresses.
const EGRESS: [&str; 3] = ["192.0.2.20", "192.0.2.21", "192.0.2.22"];

/// What a connector says that was not made.
const FAILED: &str = "The connector could not be created";

/// `CreateConnector`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let CreateInput { tags, changes } = super::input::parse(input)?;
    let (held, limit) = (region.connectors.living().count(), context.config.quotas.connectors);
    shelves::check_quota(held, "ConnectorsPerAccount", limit, context)?;
    let settings = connector_settings::created(region, changes, context)?;
    check_new(region, &settings, None, context)?;
    let lifecycle = beginning(&settings, context);
    let connector = Connector { settings, lifecycle, error_message: None };
    let id = shelves::add(&mut region.connectors, connector, tags, context)?;
    Ok(json!({"ConnectorId": id}))
}

/// `UpdateConnector`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let UpdateInput { connector_id, changes } = super::input::parse(input)?;
    let held = region.connectors.live(&connector_id)?;
    let settings = connector_settings::changed(region, &held.settings, changes, context)?;
    check_new(region, &settings, Some(&connector_id), context)?;
    if settings != held.settings {
        let lifecycle = beginning(&settings, context);
        let next = Connector { settings, lifecycle, error_message: None };
        shelves::change(region.connectors.get_mut(&connector_id)?, next, context);
    }
    Ok(json!({"ConnectorId": connector_id}))
}

/// Two AS2 connectors between the same two, to the same place, are one too many.
fn check_new(region: &Region, settings: &ConnectorSettings, own: Option<&str>, context: &Context<'_>) -> Answer<()> {
    let Some(as2) = settings.as2_config.as_ref().filter(|_| context.config.same_partners == Leniency::Refuse) else {
        return Ok(());
    };
    let same = |other: &ConnectorSettings| {
        let pair = other.as2_config.as_ref().map(|config| (&config.local_profile_id, &config.partner_profile_id));
        other.url == settings.url && pair == Some((&as2.local_profile_id, &as2.partner_profile_id))
    };
    let mut others = region.connectors.living().filter(|(id, _)| own != Some(id.as_str()));
    match others.find(|(_, other)| same(&other.settings)) {
        Some((id, _)) => Err(ApiError::exists("Connector already exists", id, "Connector")),
        None => Ok(()),
    }
}

/// Only a way through a VPC takes time to be laid.
fn beginning(settings: &ConnectorSettings, context: &Context<'_>) -> Lifecycle {
    let config = context.config;
    if settings.egress_config.is_none() {
        return Lifecycle::settled("ACTIVE");
    }
    Lifecycle::moving("PENDING", &config.connector_outcome, context.now, config.connector_time)
}

/// Puts a connector into a status by force, where it stays until it is changed.
///
/// # Errors
/// `Unknown connector`.
pub fn force(region: &mut Region, id: &str, status: &str, message: Option<String>, now: Timestamp) -> Answer<()> {
    region.purge(now);
    let held = &mut region.connectors.get_mut(id)?.what;
    (held.lifecycle, held.error_message) = (Lifecycle::settled(status), message);
    Ok(())
}

/// `DescribeConnector`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.connector_id;
    let kept = region.connectors.get(&id)?;
    let Connector { settings, lifecycle, error_message } = &kept.what;
    let ConnectorSettings {
        url: _,
        as2_config,
        sftp_config,
        access_role,
        logging_role,
        security_policy_name,
        egress_config,
        ip_address_type,
    } = settings;
    let status = lifecycle.shown(context.now);
    let lattice = egress_config.is_some();
    let more = json!({
        "As2Config": as2_config,
        "SftpConfig": sftp_config,
        "AccessRole": access_role,
        "LoggingRole": logging_role,
        "SecurityPolicyName": security_policy_name,
        "EgressConfig": egress_config,
        "EgressType": if lattice { "VPC_LATTICE" } else { "SERVICE_MANAGED" },
        "ServiceManagedEgressIpAddresses": (!lattice).then_some(EGRESS),
        "IpAddressType": ip_address_type,
        "Status": status,
        "ErrorMessage": (status == "ERRORED").then(|| error_message.as_deref().unwrap_or(FAILED)),
        "Tags": kept.tags,
    });
    Ok(json!({"Connector": joined(listed(&id, kept, context), more)}))
}

/// `DeleteConnector`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.connector_id;
    region.connectors.live(&id)?;
    let gone = region.vanishing(context);
    shelves::delete(&mut region.connectors, &id, gone, context)
}

/// `ListConnectors`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let row = |id: &str, kept: &Kept<Connector>| listed(id, kept, context);
    let (next, rows) = shelves::rows(region, context, "connectors", &input, region.connectors.iter(), row)?;
    Ok(json!({"NextToken": next, "Connectors": rows}))
}

fn listed(id: &str, kept: &Kept<Connector>, context: &Context<'_>) -> Value {
    json!({
        "Arn": shelves::arn::<Connector>(id, context),
        "ConnectorId": id,
        "Url": kept.what.settings.url,
    })
}

/// `TestConnection`. Every partner shows the one key of the switch; who does not trust it is told which it is.
///
/// # Errors
/// What the operation refuses; one call too many in a time is throttled.
pub fn test(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.connector_id;
    let Connector { settings, lifecycle, .. } = region.connectors.live(&id)?;
    let Some(sftp) = &settings.sftp_config else {
        return Err(ApiError::invalid("TestConnection is supported only for SFTP connectors"));
    };
    let status = lifecycle.real(context.now);
    if status != "ACTIVE" {
        return Err(ApiError::invalid(format!("Connector is in an invalid status for this operation: {status}")));
    }
    let interval = context.config.connection_test_interval;
    if region.tested.is_some_and(|at| context.now < after(at, interval)) {
        return Err(ApiError::new("ThrottlingException", "Rate exceeded"));
    }
    let shown = &context.config.partner_host_key;
    let keys = sftp.trusted_host_keys.iter().flatten();
    let keys = keys.filter_map(|key| connector_settings::trusted(key, settings.egress_config.is_some()));
    let known: Vec<String> = keys.map(|key| key.fingerprint()).collect();
    let trusts = PublicKey::parse(shown).is_ok_and(|key| known.contains(&key.fingerprint()));
    let (status, message) = match &context.config.test_connection {
        Some(fixed) => (fixed.status.as_str(), fixed.status_message.as_str()),
        None if trusts => ("OK", "Connection succeeded"),
        None if known.is_empty() => ("ERROR", "No trusted host key is configured"),
        None => ("ERROR", "Host key verification failed"),
    };
    // An answer of the switch is one of before any key was seen.
    let met = context.config.test_connection.is_none();
    let answer = json!({
        "ConnectorId": id, "Status": status, "StatusMessage": message,
        "SftpConnectionDetails": met.then(|| json!({"HostKey": shown})),
    });
    region.tested = Some(context.now);
    Ok(answer)
}

#[cfg(test)]
#[path = "connectors_tests.rs"]
mod tests;
