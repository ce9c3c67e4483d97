//! Certificates for AS2: imported, dated, described, listed, deleted. What one says of itself is read by `x509`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{AbsentDates, Dates, Leniency};
use super::error::{Answer, ApiError};
use super::model::Tag;
use super::page::PageInput;
use super::partners::Certificate;
use super::shelf::Kept;
use super::shelves;
use super::state::{Context, Region};
use super::time::{epoch, from_epoch};
use super::wire::joined;
use crate::x509;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportInput {
    usage: String,
    certificate: String,
    certificate_chain: Option<String>,
    private_key: Option<String>,
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    changes: Changes,
}

/// What can be changed later.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    active_date: Option<f64>,
    inactive_date: Option<f64>,
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    certificate_id: String,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    certificate_id: String,
}

/// `ImportCertificate`.
///
/// # Errors
/// What the operation refuses.
pub fn import(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ImportInput = super::input::parse(input)?;
    let (held, limit) = (region.certificates.living().count(), context.config.quotas.certificates);
    shelves::check_quota(held, "CertificatesPerAccount", limit, context)?;
    let tags = input.tags.clone();
    let certificate = imported(input, context)?;
    let id = shelves::add(&mut region.certificates, certificate, tags, context)?;
    Ok(json!({"CertificateId": id}))
}

/// The certificate of a request. Its texts are not repeated in a refusal: what was meant as a certificate may be a key.
fn imported(input: ImportInput, context: &Context<'_>) -> Answer<Certificate> {
    let ImportInput { usage, certificate, certificate_chain, private_key, tags: _, changes } = input;
    let facts = x509::read(&certificate).ok_or_else(|| ApiError::invalid("Invalid certificate format"))?;
    if facts.count > 1 && certificate_chain.is_some() {
        return Err(ApiError::invalid("CertificateChain must not be specified when Certificate contains the chain"));
    }
    if certificate_chain.as_ref().is_some_and(|chain| x509::read(chain).is_none()) {
        return Err(ApiError::invalid("Invalid certificate chain format"));
    }
    if private_key.as_ref().is_some_and(|key| !x509::is_key_of(key, &certificate)) {
        return Err(ApiError::invalid("PrivateKey does not match Certificate"));
    }
    let blank = Certificate {
        usage,
        certificate,
        certificate_chain,
        with_private_key: private_key.is_some(),
        serial: facts.serial,
        not_before_date: facts.not_before,
        not_after_date: facts.not_after,
        active_date: facts.not_before,
        inactive_date: facts.not_after,
        description: None,
    };
    changed(&blank, changes, context)
}

/// `UpdateCertificate`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UpdateInput = super::input::parse(input)?;
    let held = region.certificates.get_mut(&input.certificate_id)?;
    let next = changed(&held.what, input.changes, context)?;
    shelves::change(held, next, context);
    Ok(json!({"CertificateId": input.certificate_id}))
}

fn changed(old: &Certificate, changes: Changes, context: &Context<'_>) -> Answer<Certificate> {
    let Changes { active_date, inactive_date, description } = changes;
    let mut next = old.clone();
    if context.config.absent_certificate_dates == AbsentDates::Reset {
        (next.active_date, next.inactive_date) = (next.not_before_date, next.not_after_date);
    }
    let said = date("ActiveDate", active_date)?;
    let may_have_passed = match context.config.dates_outside_validity {
        Dates::Accept | Dates::Refuse => true,
        Dates::RefuseNewPast => said == Some(old.active_date),
        Dates::RefusePast => false,
    };
    if !may_have_passed && said.is_some_and(|at| at < context.now) {
        return Err(ApiError::invalid("ActiveDate must not be in the past"));
    }
    next.active_date = said.unwrap_or(next.active_date);
    next.inactive_date = date("InactiveDate", inactive_date)?.unwrap_or(next.inactive_date);
    next.description = description.or(next.description);
    if next.inactive_date <= next.active_date {
        return Err(ApiError::invalid("ActiveDate must be before InactiveDate"));
    }
    let outside = next.active_date < next.not_before_date || next.inactive_date > next.not_after_date;
    if outside && context.config.dates_outside_validity != Dates::Accept {
        return Err(ApiError::invalid("ActiveDate and InactiveDate must be within the validity of the certificate"));
    }
    Ok(next)
}

fn date(member: &str, given: Option<f64>) -> Answer<Option<Timestamp>> {
    let read = |seconds| from_epoch(seconds).ok_or_else(|| ApiError::invalid(format!("Invalid {member}")));
    given.map(read).transpose()
}

/// `DescribeCertificate`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.certificate_id;
    let kept = region.certificates.get(&id)?;
    let certificate = &kept.what;
    let more = json!({
        "Certificate": certificate.certificate,
        "CertificateChain": certificate.certificate_chain,
        "Serial": certificate.serial,
        "NotBeforeDate": epoch(certificate.not_before_date),
        "NotAfterDate": epoch(certificate.not_after_date),
        "Tags": kept.tags,
    });
    Ok(json!({"Certificate": joined(listed(&id, kept, context), more)}))
}

/// `DeleteCertificate`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.certificate_id;
    region.certificates.live(&id)?;
    let user = region.profiles.living().find(|(_, profile)| profile.certificate_ids.contains(&id));
    if let (Some((user, _)), Leniency::Refuse) = (user, context.config.delete_used_certificate) {
        return Err(ApiError::invalid(format!("Certificate is still in use by profile {user}")));
    }
    let gone = region.vanishing(context);
    shelves::delete(&mut region.certificates, &id, gone, context)
}

/// `ListCertificates`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let row = |id: &str, kept: &Kept<Certificate>| listed(id, kept, context);
    let (next, rows) = shelves::rows(region, context, "certificates", &input, region.certificates.iter(), row)?;
    Ok(json!({"NextToken": next, "Certificates": rows}))
}

fn listed(id: &str, kept: &Kept<Certificate>, context: &Context<'_>) -> Value {
    let certificate = &kept.what;
    let with_key = if certificate.with_private_key { "CERTIFICATE_WITH_PRIVATE_KEY" } else { "CERTIFICATE" };
    json!({
        "Arn": shelves::arn::<Certificate>(id, context),
        "CertificateId": id,
        "Usage": certificate.usage,
        "Status": status(certificate, context.now),
        "ActiveDate": epoch(certificate.active_date),
        "InactiveDate": epoch(certificate.inactive_date),
        "Type": with_key,
        "Description": certificate.description,
    })
}

/// One that is not active yet is meant to follow another one.
fn status(certificate: &Certificate, now: Timestamp) -> &'static str {
    if certificate.inactive_date <= now {
        "INACTIVE"
    } else if certificate.active_date <= now {
        "ACTIVE"
    } else {
        "PENDING_ROTATION"
    }
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
