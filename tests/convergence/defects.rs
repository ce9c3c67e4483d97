//! Known defects of other operators, and one of our own, built around the real one at its doors, to see whether the
//! harness notices.

use serde_json::{Value, json};
use transfer_operator::cluster::Texts;

/// A defect that some operator had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// ACK: the create goes out before anything of it is written down.
    PersistAfterCreate,
    /// Crossplane: a refused update passes for done.
    SwallowedError,
    /// Cluster API: a tag of the user's stands where the owner's should.
    UserTagWins,
    /// kube-rs' own helper: the finalizer goes by name, without uid.
    FinalizerByName,
    /// The SDK repeats a create whose answer was lost.
    SdkRetries,
    /// The SDK signs with its own idea of now.
    SkewCorrection,
    /// ACK: what was refused is never tried again.
    TerminalForever,
    /// Cluster API: the id goes with the status write that met a conflict.
    IdLostOnConflict,
    /// A status apply that leaves the id out takes it away.
    IdErased,
    /// One empty listing is believed.
    EmptyListingBelieved,
    /// ACK: no id, so nothing to delete.
    DeleteWithoutRecovery,
    /// Crossplane: a key that does not parse panics.
    PanicOnBadKey,
    /// Ready before anything was seen in AWS.
    ReadyTooEarly,
    /// A status write in every reconcile.
    WriteAtRest,
    /// Ours, once: an update that could not be put together was left out of the plan without a word.
    ForgottenUpdate,
}

impl Defect {
    pub const ALL: [Self; 15] = [
        Self::PersistAfterCreate,
        Self::SwallowedError,
        Self::UserTagWins,
        Self::FinalizerByName,
        Self::SdkRetries,
        Self::SkewCorrection,
        Self::TerminalForever,
        Self::IdLostOnConflict,
        Self::IdErased,
        Self::EmptyListingBelieved,
        Self::DeleteWithoutRecovery,
        Self::PanicOnBadKey,
        Self::ReadyTooEarly,
        Self::WriteAtRest,
        Self::ForgottenUpdate,
    ];
}

/// A mutation's input as it leaves.
pub fn rewritten(defect: Option<Defect>, operation: &str, mut input: Value) -> Value {
    if defect == Some(Defect::UserTagWins)
        && operation == "CreateServer"
        && let Some(tags) = input["Tags"].as_array_mut()
    {
        let theirs = tags.iter().find(|tag| tag["Key"] == "purpose").map(|tag| tag["Value"].clone());
        for tag in tags.iter_mut().filter(|tag| tag["Key"] == "transfer-operator.dev/uid") {
            if let Some(theirs) = &theirs {
                tag["Value"] = theirs.clone();
            }
        }
    }
    input
}

/// An object as the process reads it.
pub fn read(defect: Option<Defect>, mut object: Value) -> Value {
    if defect == Some(Defect::DeleteWithoutRecovery)
        && object["metadata"].get("deletionTimestamp").is_some()
        && object["status"].get("serverId").is_none()
        && object["status"]["create"]["phase"] == "InFlight"
    {
        // Without an id there is nothing to look for, it thinks: as if AWS had refused the create and it were unsent.
        object["status"]["create"]["startedAt"] = json!("2000-01-01T00:00:00Z");
    }
    object
}

/// A status as it leaves.
pub fn applied(defect: Option<Defect>, mut status: Value) -> Value {
    match defect {
        Some(Defect::IdErased) if status["create"]["phase"] != "InFlight" => {
            status.as_object_mut().unwrap().remove("serverId");
        }
        Some(Defect::ReadyTooEarly) => {
            status["conditions"] = json!([{
                "type": "Ready", "status": "True", "reason": "Available", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": status["observedGeneration"],
            }]);
        }
        _ => {}
    }
    status
}

/// Whether a status write is lost while the process takes it for done. Who keeps no record of a create has nothing
/// but the id to go by.
pub fn loses(defect: Option<Defect>, status: &Value) -> bool {
    matches!(defect, Some(Defect::PersistAfterCreate | Defect::IdLostOnConflict))
        && status["create"]["phase"] == "InFlight"
}

/// A ConfigMap is read.
pub fn config_map(defect: Option<Defect>, data: Option<&Texts<String>>) {
    let bad = data.is_some_and(|data| data.values().flatten().any(|text| text.contains("not-a-key")));
    assert!(!(bad && defect == Some(Defect::PanicOnBadKey)), "index out of bounds");
}
