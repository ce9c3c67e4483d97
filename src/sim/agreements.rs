//! Agreements: how a server takes the messages of a partner. They belong to a server and have an id of their own, so that
//! what becomes of them with the server is a question that a switch answers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Leniency, WithAgreements};
use super::error::{Answer, ApiError};
use super::model::Tag;
use super::page::PageInput;
use super::partners::{Agreement, CustomDirectories};
use super::shelf::{self, Kept};
use super::state::{Context, Region};
use super::wire::joined;
use super::{as2_profiles, shelves};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    server_id: String,
    local_profile_id: String,
    partner_profile_id: String,
    access_role: String,
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    options: Options,
}

/// What need not be said, in a creation and in an update alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Options {
    description: Option<String>,
    base_directory: Option<String>,
    custom_directories: Option<CustomDirectories>,
    status: Option<String>,
    preserve_filename: Option<String>,
    enforce_message_signing: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    server_id: String,
    agreement_id: String,
    local_profile_id: Option<String>,
    partner_profile_id: Option<String>,
    access_role: Option<String>,
    #[serde(flatten)]
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    server_id: String,
    agreement_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    server_id: String,
    #[serde(flatten)]
    page: PageInput,
}

/// `CreateAgreement`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let CreateInput { server_id, local_profile_id, partner_profile_id, access_role, tags, options } =
        super::input::parse(input)?;
    let server = region.server_mut(&server_id)?;
    let as2 = server.settings.protocols.iter().any(|protocol| protocol == "AS2");
    if !as2 && context.config.agreement_without_as2 == Leniency::Refuse {
        return Err(ApiError::invalid("Protocol AS2 must be enabled on the server of an agreement"));
    }
    let blank = Agreement {
        server_id,
        description: None,
        local_profile_id,
        partner_profile_id,
        base_directory: None,
        custom_directories: None,
        access_role,
        status: "ACTIVE".to_owned(),
        preserve_filename: "DISABLED".to_owned(),
        enforce_message_signing: "DISABLED".to_owned(),
    };
    let agreement = changed(&blank, options)?;
    check(region, &agreement, None, context)?;
    let held = of_server(region, &agreement.server_id).count();
    shelves::check_quota(held, "AgreementsPerServer", context.config.quotas.agreements, context)?;
    let id = shelves::add(&mut region.agreements, agreement, tags, context)?;
    Ok(json!({"AgreementId": id}))
}

/// `UpdateAgreement`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let UpdateInput { server_id, agreement_id, local_profile_id, partner_profile_id, access_role, options } =
        super::input::parse(input)?;
    region.server_mut(&server_id)?;
    find(region, &server_id, &agreement_id)?;
    let held = region.agreements.live(&agreement_id)?;
    let mut next = changed(held, options)?;
    next.local_profile_id = local_profile_id.unwrap_or(next.local_profile_id);
    next.partner_profile_id = partner_profile_id.unwrap_or(next.partner_profile_id);
    next.access_role = access_role.unwrap_or(next.access_role);
    check(region, &next, Some(&agreement_id), context)?;
    shelves::change(region.agreements.get_mut(&agreement_id)?, next, context);
    Ok(json!({"AgreementId": agreement_id}))
}

/// One kind of directories takes the place of the other one; a request that names both is refused.
fn changed(old: &Agreement, options: Options) -> Answer<Agreement> {
    let Options { description, base_directory, custom_directories, status, preserve_filename, enforce_message_signing } =
        options;
    let mut next = old.clone();
    next.description = description.or(next.description);
    next.status = status.unwrap_or(next.status);
    next.preserve_filename = preserve_filename.unwrap_or(next.preserve_filename);
    next.enforce_message_signing = enforce_message_signing.unwrap_or(next.enforce_message_signing);
    match (base_directory.filter(|path| !path.is_empty()), custom_directories) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("Specify either BaseDirectory or CustomDirectories, but not both"));
        }
        (None, None) => {}
        (base, custom) => (next.base_directory, next.custom_directories) = (base, custom),
    }
    if next.base_directory.is_none() && next.custom_directories.is_none() {
        return Err(ApiError::invalid("Specify either BaseDirectory or CustomDirectories"));
    }
    Ok(next)
}

/// What an agreement names is there, and no other one of the server is of the same two.
fn check(region: &Region, agreement: &Agreement, own: Option<&str>, context: &Context<'_>) -> Answer<()> {
    let (local, partner) = (&agreement.local_profile_id, &agreement.partner_profile_id);
    as2_profiles::check_pair(region, local, partner)?;
    let same = |other: &Agreement| other.local_profile_id == *local && other.partner_profile_id == *partner;
    let mut others = of_server(region, &agreement.server_id).filter(|(id, _)| own != Some(id.as_str()));
    match others.find(|(_, other)| same(other)) {
        Some((id, _)) if context.config.same_partners == Leniency::Refuse => {
            Err(ApiError::exists("Agreement already exists", id, "Agreement"))
        }
        _ => Ok(()),
    }
}

/// `DescribeAgreement`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let NameInput { server_id, agreement_id } = super::input::parse(input)?;
    let kept = find(region, &server_id, &agreement_id)?;
    let agreement = &kept.what;
    let more = json!({
        "BaseDirectory": agreement.base_directory,
        "CustomDirectories": agreement.custom_directories,
        "AccessRole": agreement.access_role,
        "PreserveFilename": agreement.preserve_filename,
        "EnforceMessageSigning": agreement.enforce_message_signing,
        "Tags": kept.tags,
    });
    Ok(json!({"Agreement": joined(listed(&agreement_id, kept, context), more)}))
}

/// `DeleteAgreement`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let NameInput { server_id, agreement_id } = super::input::parse(input)?;
    find(region, &server_id, &agreement_id)?;
    region.agreements.live(&agreement_id)?;
    let gone = region.vanishing(context);
    shelves::delete(&mut region.agreements, &agreement_id, gone, context)
}

/// `ListAgreements`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let ListInput { server_id, page } = super::input::parse(input)?;
    region.server(&server_id)?;
    let all = region.agreements.iter().filter(|(_, kept)| kept.what.server_id == server_id);
    let row = |id: &str, kept: &Kept<Agreement>| listed(id, kept, context);
    let (next, rows) = shelves::rows(region, context, &format!("agreements/{server_id}"), &page, all, row)?;
    Ok(json!({"NextToken": next, "Agreements": rows}))
}

/// What becomes of a server's agreements when it is deleted.
///
/// # Errors
/// `InvalidRequestException` where they forbid the deletion.
pub fn leave_server(region: &mut Region, context: &Context<'_>, server_id: &str) -> Answer<()> {
    let held: Vec<String> = of_server(region, server_id).map(|(id, _)| id.clone()).collect();
    match (held.first(), context.config.delete_server_with_agreements) {
        (Some(first), WithAgreements::Refuse) => {
            Err(ApiError::invalid(format!("Server is still in use by agreement {first}")))
        }
        (Some(_), WithAgreements::Cascade) => {
            let gone = region.vanishing(context);
            held.iter().try_for_each(|id| {
                region.agreements.get_mut(id)?.gone = Some(gone);
                Ok(())
            })
        }
        (Some(_), WithAgreements::Orphan) | (None, _) => Ok(()),
    }
}

/// The agreements of a server that are not being deleted.
fn of_server<'r>(region: &'r Region, server_id: &str) -> impl Iterator<Item = (&'r String, &'r Agreement)> {
    region.agreements.living().filter(move |(_, agreement)| agreement.server_id == server_id)
}

/// An agreement, under the server that it belongs to. One whose server is gone is still found.
fn find<'r>(region: &'r Region, server_id: &str, id: &str) -> Answer<&'r Kept<Agreement>> {
    let orphan = region.agreements.get(id).is_ok_and(|kept| kept.what.server_id == server_id);
    if !orphan {
        region.server(server_id)?;
    }
    let kept = region.agreements.get(id)?;
    if kept.what.server_id == server_id { Ok(kept) } else { Err(shelf::unknown::<Agreement>(id)) }
}

fn listed(id: &str, kept: &Kept<Agreement>, context: &Context<'_>) -> Value {
    let agreement = &kept.what;
    json!({
        "Arn": shelves::arn::<Agreement>(&format!("{}/{id}", agreement.server_id), context),
        "AgreementId": id,
        "Description": agreement.description,
        "Status": agreement.status,
        "ServerId": agreement.server_id,
        "LocalProfileId": agreement.local_profile_id,
        "PartnerProfileId": agreement.partner_profile_id,
    })
}

#[cfg(test)]
#[path = "agreements_tests.rs"]
mod tests;
