//! What applying manifests would do: each against what the cluster holds of it, by the operator's own tables, beside what
//! the operator last saw. Pure: objects in, facts and their text out. It knows what was written and what status tells,
//! not what AWS has by now.

use std::fmt::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::admission::Admission;
use super::failure::Failure;
use super::table::{Cell, Style, Tone};
use super::view::{PLAN, plan_rows};
use crate::api::lifecycle::{Approval, DisruptionMode, ManagementPolicy};
use crate::api::status::{Drift, Effect, PlannedChange, Unset};
use crate::api::{
    APPROVE, CommonStatus, GROUP, Managed, ManagedKind, TransferAccess, TransferAgreement, TransferCertificate,
    TransferConnector, TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow,
};
use crate::kinds::preview;

/// What nobody can know here.
const UNKNOWN: &str = "not known here: what Secrets and ConfigMaps hold, what EC2 says of endpoints and addresses, and \
                       what AWS has by now; what status tells is what the operator saw last";

/// What becomes of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// It is not there.
    #[default]
    Create,
    /// It is there, and something of its spec changes.
    Change,
    /// Its spec stays as it is.
    Unchanged,
}

/// What is known of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreseen {
    kind: String,
    namespace: String,
    name: String,
    outcome: Outcome,
    /// Something in use is stopped or replaced.
    disrupts: bool,
    /// Applying it does not bring what was written: the API server takes none of it, or AWS does not take a change.
    refused: bool,
    /// What changes between the cluster and the file.
    changes: Vec<PlannedChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_count: Option<i32>,
    /// What the API server would refuse.
    refusals: Vec<String>,
    notes: Vec<String>,
    /// What the operator was going to do when it last looked.
    plan: Vec<PlannedChange>,
    drift: Vec<Drift>,
    unset: Vec<Unset>,
}

/// Of all manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    objects: Vec<Foreseen>,
    /// Something in use is stopped or replaced.
    pub disrupts: bool,
    /// The API server or AWS refuses something of it.
    pub refused: bool,
    not_known: &'static str,
}

impl Plan {
    /// Of these objects.
    #[must_use]
    pub fn of(objects: Vec<Foreseen>) -> Self {
        let disrupts = objects.iter().any(|object| object.disrupts);
        let refused = objects.iter().any(|object| object.refused);
        Self { objects, disrupts, refused, not_known: UNKNOWN }
    }
}

/// The kind of ours that a manifest is of.
#[must_use]
pub fn kind_of(manifest: &Value) -> Option<ManagedKind> {
    let text = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split('/').next() == Some(GROUP);
    ManagedKind::ALL.iter().copied().find(|kind| group && kind.name() == text("kind"))
}

/// Names the namespace of a manifest that names none.
pub fn put_into(manifest: &mut Value, namespace: &str) {
    if let Some(meta) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.entry("namespace").or_insert_with(|| namespace.into());
    }
}

/// Namespace and name.
#[must_use]
pub fn name_of(manifest: &Value) -> (String, String) {
    let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}

/// What one manifest would do to the object that the cluster holds, if it holds one.
///
/// # Errors
/// It cannot be read as an object of its kind.
pub fn foresee(admission: &Admission, manifest: &Value, stored: Option<&Value>) -> Result<Foreseen, Failure> {
    let kind = kind_of(manifest).ok_or("it is of no kind that is looked at")?.name().to_owned();
    let (namespace, name) = name_of(manifest);
    // As an update keeps it.
    let mut manifest = manifest.clone();
    if let (Some(members), Some(stored)) = (manifest.as_object_mut(), stored) {
        members.insert("status".to_owned(), stored.get("status").cloned().unwrap_or_else(|| Value::Object(Map::new())));
    }
    let refusals = admission.refusals(&manifest, stored);
    let foreseen = Foreseen { kind, namespace, name, refusals, ..Foreseen::default() };
    // What the API server refuses changes nothing, and may not be readable.
    if !foreseen.refusals.is_empty() {
        let outcome = if stored.is_some() { Outcome::Unchanged } else { Outcome::Create };
        return Ok(Foreseen { outcome, refused: true, ..foreseen });
    }
    let Some(stored) = stored else { return Ok(foreseen) };
    match foreseen.kind.as_str() {
        "TransferServer" => compared::<TransferServer>(foreseen, &manifest, stored, preview::server),
        "TransferUser" => compared::<TransferUser>(foreseen, &manifest, stored, preview::user),
        "TransferAccess" => compared::<TransferAccess>(foreseen, &manifest, stored, preview::access),
        "TransferProfile" => compared::<TransferProfile>(foreseen, &manifest, stored, preview::profile),
        "TransferCertificate" => compared::<TransferCertificate>(foreseen, &manifest, stored, preview::certificate),
        "TransferAgreement" => compared::<TransferAgreement>(foreseen, &manifest, stored, preview::agreement),
        "TransferConnector" => compared::<TransferConnector>(foreseen, &manifest, stored, preview::connector),
        "TransferWebApp" => compared::<TransferWebApp>(foreseen, &manifest, stored, preview::web_app),
        _ => compared::<TransferWorkflow>(foreseen, &manifest, stored, preview::workflow),
    }
}

fn compared<K: Managed>(
    foreseen: Foreseen,
    manifest: &Value,
    stored: &Value,
    preview: fn(&K, &K) -> preview::Preview,
) -> Result<Foreseen, Failure> {
    let (new, old): (K, K) = (read(&foreseen, manifest)?, read(&foreseen, stored)?);
    let (changes, change_count) = preview(&new, &old);
    let CommonStatus { plan, drift, unset, .. } =
        old.status().map(|status| K::common(status).clone()).unwrap_or_default();
    let outcome = if changes.is_empty() { Outcome::Unchanged } else { Outcome::Change };
    let disrupts = acts(&new)
        && (changes.iter().any(|change| stops(&new, change))
            || releases(&new, &old, outcome) && plan.iter().any(|change| stops(&new, change)));
    let notes = notes(&new, &old, &changes, disrupts);
    let in_vain = |change: &PlannedChange| change.effect == Effect::Refused || is_never_made(&new, change);
    let refused = !new.policies().observes() && changes.iter().any(in_vain);
    Ok(Foreseen { outcome, disrupts, refused, changes, change_count, notes, plan, drift, unset, ..foreseen })
}

fn read<K: DeserializeOwned>(about: &Foreseen, object: &Value) -> Result<K, Failure> {
    let Foreseen { kind, namespace, name, .. } = about;
    serde_path_to_error::deserialize(object)
        .map_err(|error| format!("{kind} {namespace}/{name}: {} cannot be read", error.path()).into())
}

/// Whether anything is done in AWS for an edit of this object.
fn acts<K: Managed>(new: &K) -> bool {
    !new.suspend() && !new.policies().observes()
}

/// Whether what is planned and held back is made once this is applied: what held it back is gone, or the edit of a
/// drifted object brings all of it.
fn releases<K: Managed>(new: &K, old: &K, outcome: Outcome) -> bool {
    let (after, before) = (new.policies(), old.policies());
    let annotated = |object: &K| object.meta().annotations.as_ref().and_then(|all| all.get(APPROVE)).cloned();
    let asks = after.approval == Approval::Required;
    let approved = !asks || annotated(new).is_some() && annotated(new) != annotated(old);
    let drifted = before.management == ManagementPolicy::ReportDrift && outcome == Outcome::Change;
    let freed = !acts(old)
        || after.approval != before.approval
        || after.disruption != before.disruption
        || after.management != before.management
        || asks;
    approved && (drifted || freed)
}

/// Whether what is in use is stopped or replaced for it. That something new takes the place of what AWS cannot change, is
/// so of kinds that record it.
fn stops<K: Managed>(new: &K, change: &PlannedChange) -> bool {
    match change.effect {
        Effect::Restart | Effect::Offline => true,
        Effect::Replace => K::replacing(&mut new.status().cloned().unwrap_or_default()).is_some(),
        Effect::Live | Effect::Ec2 | Effect::Refused => {
            change.field == "spec.desiredState" && change.want.as_deref() == Some("OFFLINE")
        }
    }
}

/// Whether AWS cannot change it, and nothing new takes the place of what is there.
fn is_never_made<K: Managed>(new: &K, change: &PlannedChange) -> bool {
    change.effect == Effect::Replace && !stops(new, change)
}

fn notes<K: Managed>(new: &K, old: &K, changes: &[PlannedChange], disrupts: bool) -> Vec<String> {
    let policies = new.policies();
    let waits = |effect: Effect| matches!(effect, Effect::Restart | Effect::Offline | Effect::Replace);
    let waits = disrupts && changes.iter().any(|change| waits(change.effect));
    let never = changes.iter().any(|change| is_never_made(new, change));
    let rows = [
        (old.meta().deletion_timestamp.is_some(), "it is being deleted: what is applied now is lost"),
        (new.suspend(), "spec.suspend is true: nothing is changed in AWS"),
        (policies.observes(), "managementPolicy is ObserveOnly: nothing is changed in AWS"),
        (
            waits && policies.approval == Approval::Required,
            "it waits until its plan is approved, see lifecycle.approval",
        ),
        (
            waits && policies.disruption.mode == DisruptionMode::Window,
            "it waits for the window of lifecycle.disruption",
        ),
        (
            waits && policies.disruption.mode == DisruptionMode::Never,
            "lifecycle.disruption.mode is Never: it is not stopped for it",
        ),
        (never, "AWS cannot change it of what is there: it is not made"),
    ];
    rows.into_iter().filter(|(so, _)| *so).map(|(_, note)| note.to_owned()).collect()
}

/// As a person reads it.
#[must_use]
pub fn text(plan: &Plan, style: Style) -> String {
    let mut text: String = plan.objects.iter().map(|object| paragraph(object, style)).collect();
    if plan.objects.is_empty() {
        text.push_str("no object of the operator is in there\n\n");
    }
    text.push_str(UNKNOWN);
    text.push('\n');
    text
}

fn paragraph(object: &Foreseen, style: Style) -> String {
    let Foreseen {
        kind,
        namespace,
        name,
        outcome,
        disrupts,
        refused: _,
        changes,
        change_count,
        refusals,
        notes,
        plan,
        drift,
        unset,
    } = object;
    let what = match outcome {
        _ if !refusals.is_empty() => Cell::toned("refused by the API server", Tone::Bad),
        Outcome::Create => "would be created".into(),
        Outcome::Change if *disrupts => {
            Cell::toned("would be changed, what is in use is stopped or replaced", Tone::Bad)
        }
        Outcome::Change => "would be changed".into(),
        Outcome::Unchanged => "stays as it is".into(),
    };
    let mut text = style.fact(&format!("{kind} {namespace}/{name}"), &what);
    for line in refusals.iter().chain(notes) {
        let _ = writeln!(text, "  {}", style.shown(line));
    }
    let plain = |value: &Option<String>| value.as_deref().map_or_else(|| "-".into(), Cell::from);
    let differs = |row: &Drift| vec![row.path.as_str().into(), plain(&row.have), plain(&row.want)];
    let set = |row: &Unset| vec![row.field.as_str().into(), row.have.as_str().into()];
    let sections: [(&str, &[&str], Vec<Vec<Cell>>); 4] = [
        ("Changes, from what the cluster holds", &PLAN, plan_rows(changes)),
        ("Not done yet, when the operator last looked", &PLAN, plan_rows(plan)),
        (
            "Differed in AWS, when the operator last looked",
            &["FIELD", "IN AWS", "WANTED"],
            drift.iter().map(differs).collect(),
        ),
        ("Set in AWS only", &["FIELD", "IN AWS"], unset.iter().map(set).collect()),
    ];
    for (heading, headers, rows) in sections.into_iter().filter(|(.., rows)| !rows.is_empty()) {
        let _ = write!(text, "  {heading}:\n{}", style.table(headers, &rows, 4));
    }
    if let Some(count) = change_count {
        let _ = writeln!(text, "    {count} changes in all");
    }
    text.push('\n');
    text
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
