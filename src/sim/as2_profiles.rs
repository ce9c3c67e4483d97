//! AS2 profiles: who exchanges messages, and with which certificates. (`profile` is what users and accesses have.)

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{EmptyList, Leniency, Unset};
use super::error::{Answer, ApiError};
use super::model::Tag;
use super::page::PageInput;
use super::partners::{Connector, Profile};
use super::shelf::Kept;
use super::shelves;
use super::state::{Context, Region};
use super::wire::joined;

/// Certificates of a profile; not adjustable.
const CERTIFICATES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    as2_id: String,
    profile_type: String,
    certificate_ids: Option<Vec<String>>,
    tags: Option<Vec<Tag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    profile_id: String,
    certificate_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    profile_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    profile_type: Option<String>,
    #[serde(flatten)]
    page: PageInput,
}

/// `CreateProfile`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: CreateInput = super::input::parse(input)?;
    let (held, limit) = (region.profiles.living().count(), context.config.quotas.profiles);
    shelves::check_quota(held, "ProfilesPerAccount", limit, context)?;
    if input.as2_id.contains(char::is_whitespace) {
        return Err(ApiError::invalid("As2Id must not contain spaces"));
    }
    let certificate_ids = input.certificate_ids.unwrap_or_default();
    let profile = Profile { as2_id: input.as2_id, profile_type: input.profile_type, certificate_ids };
    check_certificates(region, &profile, context)?;
    let id = shelves::add(&mut region.profiles, profile, input.tags, context)?;
    Ok(json!({"ProfileId": id}))
}

/// `UpdateProfile`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UpdateInput = super::input::parse(input)?;
    let mut next = region.profiles.live(&input.profile_id)?.clone();
    if let Some(ids) = input.certificate_ids {
        let clears = ids.is_empty() && !next.certificate_ids.is_empty();
        match context.config.empty_certificate_ids {
            EmptyList::Refuse if clears => return Err(ApiError::invalid("CertificateIds must not be empty")),
            EmptyList::Keep if clears => {}
            EmptyList::Clear | EmptyList::Keep | EmptyList::Refuse => next.certificate_ids = ids,
        }
    }
    check_certificates(region, &next, context)?;
    shelves::change(region.profiles.get_mut(&input.profile_id)?, next, context);
    Ok(json!({"ProfileId": input.profile_id}))
}

/// Certificates that are there, each once; those of our own side have a key to sign and to decrypt with.
fn check_certificates(region: &Region, profile: &Profile, context: &Context<'_>) -> Answer<()> {
    let ids = &profile.certificate_ids;
    if ids.len() > CERTIFICATES {
        return Err(ApiError::quota("CertificatesPerProfile", CERTIFICATES));
    }
    let needs_key = profile.profile_type == "LOCAL" && context.config.local_without_key == Leniency::Refuse;
    for (index, id) in ids.iter().enumerate() {
        let certificate = region.certificates.live(id)?;
        if needs_key && !certificate.with_private_key {
            return Err(ApiError::invalid(format!("Certificate {id} of a LOCAL profile must have a private key")));
        }
        if ids.iter().take(index).any(|other| other == id) {
            return Err(ApiError::invalid(format!("Duplicate certificate found: {id}")));
        }
    }
    Ok(())
}

/// `DescribeProfile`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.profile_id;
    let kept = region.profiles.get(&id)?;
    let ids = &kept.what.certificate_ids;
    let shown = !ids.is_empty() || context.config.unset == Unset::Empty;
    let more = json!({"CertificateIds": shown.then_some(ids), "Tags": kept.tags});
    Ok(json!({"Profile": joined(listed(&id, kept, context), more)}))
}

/// `DeleteProfile`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.profile_id;
    region.profiles.live(&id)?;
    if let (Some(user), Leniency::Refuse) = (user_of(region, &id), context.config.delete_used_profile) {
        return Err(ApiError::invalid(format!("Profile is still in use by {user}")));
    }
    let gone = region.vanishing(context);
    shelves::delete(&mut region.profiles, &id, gone, context)
}

/// What names a profile.
fn user_of(region: &Region, id: &str) -> Option<String> {
    let agreement = region.agreements.living().find(|(_, a)| a.local_profile_id == id || a.partner_profile_id == id);
    let names = |connector: &Connector| {
        let config = connector.settings.as2_config.as_ref();
        config.is_some_and(|c| [&c.local_profile_id, &c.partner_profile_id].iter().any(|o| o.as_deref() == Some(id)))
    };
    let connector = region.connectors.living().find(|(_, connector)| names(connector));
    let agreement = agreement.map(|(id, _)| format!("agreement {id}"));
    agreement.or_else(|| connector.map(|(id, _)| format!("connector {id}")))
}

/// Refuses profiles that are not there or on the wrong side.
///
/// # Errors
/// `Unknown profile`, `InvalidRequestException`.
pub fn check_pair(region: &Region, local: &str, partner: &str) -> Answer<()> {
    for (member, id, side) in [("LocalProfileId", local, "LOCAL"), ("PartnerProfileId", partner, "PARTNER")] {
        if region.profiles.live(id)?.profile_type != side {
            return Err(ApiError::invalid(format!("{member} must be a profile of type {side}")));
        }
    }
    Ok(())
}

/// `ListProfiles`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let ListInput { profile_type, page } = super::input::parse(input)?;
    let listing = format!("profiles/{}", profile_type.as_deref().unwrap_or_default());
    let wanted = |kept: &Kept<Profile>| profile_type.as_ref().is_none_or(|of| *of == kept.what.profile_type);
    let all = region.profiles.iter().filter(|(_, kept)| wanted(kept));
    let row = |id: &str, kept: &Kept<Profile>| listed(id, kept, context);
    let (next, rows) = shelves::rows(region, context, &listing, &page, all, row)?;
    Ok(json!({"NextToken": next, "Profiles": rows}))
}

fn listed(id: &str, kept: &Kept<Profile>, context: &Context<'_>) -> Value {
    json!({
        "Arn": shelves::arn::<Profile>(id, context),
        "ProfileId": id,
        "As2Id": kept.what.as2_id,
        "ProfileType": kept.what.profile_type,
    })
}

#[cfg(test)]
#[path = "as2_profiles_tests.rs"]
mod tests;
