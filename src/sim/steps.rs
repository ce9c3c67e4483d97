//! The steps of a workflow: which details each type takes, and what Describe shows of them.

use super::error::{Answer, ApiError};
use super::model::{FileLocation, Step};

/// What AWS does with a step that does not say: it takes what the step before it left, and overwrites nothing.
const SOURCE: &str = "${previous.file}";
const OVERWRITE: &str = "FALSE";

/// Refuses a step without the details of its type, or with those of another one.
///
/// # Errors
/// `InvalidRequestException`.
pub fn check(step: &Step) -> Answer<()> {
    let Some(own) = &step.r#type else {
        return Err(ApiError::invalid("Type must be specified for each step"));
    };
    let details = [
        ("COPY", step.copy_step_details.is_some()),
        ("CUSTOM", step.custom_step_details.is_some()),
        ("DELETE", step.delete_step_details.is_some()),
        ("TAG", step.tag_step_details.is_some()),
        ("DECRYPT", step.decrypt_step_details.is_some()),
    ];
    if let Some((name, given)) = details.iter().find(|(name, given)| *given != (name == own)) {
        let not = if *given { " not" } else { "" };
        return Err(ApiError::invalid(format!("Details of a {name} step must{not} be specified for type {own}")));
    }
    if let Some(copy) = &step.copy_step_details {
        check_location(copy.destination_file_location.as_ref(), own)?;
    }
    if let Some(decrypt) = &step.decrypt_step_details {
        check_location(Some(&decrypt.destination_file_location), own)?;
    }
    if step.custom_step_details.as_ref().is_some_and(|c| c.target.is_none() || c.timeout_seconds.is_none()) {
        return Err(ApiError::invalid("Target and TimeoutSeconds must be specified for type CUSTOM"));
    }
    if step.tag_step_details.as_ref().is_some_and(|t| t.tags.is_none()) {
        return Err(ApiError::invalid("Tags must be specified for type TAG"));
    }
    Ok(())
}

/// As Describe shows it: with what AWS does by default, or with what was sent alone.
#[must_use]
pub fn shown(step: &Step, defaults: bool) -> Step {
    let mut shown = step.clone();
    if !defaults {
        return shown;
    }
    let source = |held: &mut Option<String>| _ = held.get_or_insert_with(|| SOURCE.to_owned());
    let overwrite = |held: &mut Option<String>| _ = held.get_or_insert_with(|| OVERWRITE.to_owned());
    if let Some(copy) = &mut shown.copy_step_details {
        source(&mut copy.source_file_location);
        overwrite(&mut copy.overwrite_existing);
    }
    if let Some(decrypt) = &mut shown.decrypt_step_details {
        source(&mut decrypt.source_file_location);
        overwrite(&mut decrypt.overwrite_existing);
    }
    if let Some(custom) = &mut shown.custom_step_details {
        source(&mut custom.source_file_location);
    }
    if let Some(delete) = &mut shown.delete_step_details {
        source(&mut delete.source_file_location);
    }
    if let Some(tag) = &mut shown.tag_step_details {
        source(&mut tag.source_file_location);
    }
    shown
}

fn check_location(location: Option<&FileLocation>, own: &str) -> Answer<()> {
    let given = location.map(|l| (l.s3_file_location.is_some(), l.efs_file_location.is_some()));
    match given {
        Some((true, false) | (false, true)) => Ok(()),
        _ => Err(ApiError::invalid(format!(
            "DestinationFileLocation of a {own} step must be either S3FileLocation or EfsFileLocation"
        ))),
    }
}
