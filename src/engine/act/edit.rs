//! What an action changes in a status before it is written: ids, the record of a replacement, what was let go. It reads
//! and writes nothing.

use jiff::Timestamp;

use crate::api::Managed;
use crate::api::status::{Replacing, ReplacingPhase};
use crate::engine::context::{Engine, Status};
use crate::engine::kind::{Kind, KindStatus, Target};
use crate::engine::outcome::record_account;

/// How many ids of lost servers are kept; a server that comes back after so many others is for the orphan scan.
const RETIRED_KEPT: usize = 10;

/// Where an id is recorded and an attempt is about to be, that one is replaced: it goes on to be used as the old one.
pub(super) fn begins<K: Kind>(status: &mut Status<K>, attempt: Option<&String>) -> bool {
    let old_id = status.id().map(str::to_owned);
    let (Some(old_id), true) = (old_id, K::Object::replacing(status).is_some()) else { return false };
    unlink::<K>(status);
    let attempt = attempt.cloned().unwrap_or_default();
    put::<K>(status, Some(Replacing { old_id, attempt, phase: ReplacingPhase::Creating, swapped_at: None }));
    true
}

/// An id was written down: a replacement goes on from there, or ends where it is the old one's.
pub(super) fn id_recorded<K: Kind>(status: &mut Status<K>, id: &str) {
    let Some(slot) = K::Object::replacing(status) else { return };
    match slot {
        Some(replacing) if replacing.old_id == id => *slot = None,
        Some(replacing) if replacing.phase == ReplacingPhase::Creating => replacing.phase = ReplacingPhase::Moving,
        _ => {}
    }
}

/// AWS refused the new one and made nothing: the old one is the object's again.
pub(super) fn not_made<K: Kind>(engine: &Engine<K>, status: &mut Status<K>, target: &Target<K::TargetDetail>) {
    let creating = K::Object::replacing(status).and_then(|slot| slot.clone());
    if let Some(Replacing { old_id, phase: ReplacingPhase::Creating, attempt: _, swapped_at: _ }) = creating {
        back_to(engine, status, target, &old_id);
    }
}

/// Takes the id out, with all that was observed under it. The record of a replacement stays.
pub(super) fn take_id_out<K: Kind>(status: &mut Status<K>) {
    let replacing = K::Object::replacing(status).and_then(Option::take);
    unlink::<K>(status);
    put::<K>(status, replacing);
}

/// Leaves nothing in a status but what all kinds have: what leads to something in AWS goes, with all that was observed
/// there.
fn unlink<K: Kind>(status: &mut Status<K>) {
    let common = std::mem::take(K::Object::common_mut(status));
    *status = Status::<K>::default();
    *K::Object::common_mut(status) = common;
}

/// The old one is in force again, and the record of its replacement goes.
pub(super) fn back_to<K: Kind>(
    engine: &Engine<K>,
    status: &mut Status<K>,
    target: &Target<K::TargetDetail>,
    old: &str,
) {
    unlink::<K>(status);
    if let Some(tagged) = engine.kind.found_by().tagged() {
        tagged.set_id(status, target, old);
    }
    record_account::<K>(status, target);
    // Those of the new one; what the old one has is not known any more.
    if let Some(applied) = K::Object::common_mut(status).applied.as_mut() {
        applied.hashes.clear();
    }
    put::<K>(status, None);
}

/// The old one is in force again, and the one that took its place is the old one from `now` on.
pub(super) fn swapped<K: Kind>(
    engine: &Engine<K>,
    status: &mut Status<K>,
    target: &Target<K::TargetDetail>,
    old: &str,
    now: Timestamp,
) {
    let record = K::Object::replacing(status).and_then(Option::take);
    let (Some(record), Some(new)) = (record, status.id().map(str::to_owned)) else { return };
    back_to(engine, status, target, old);
    put::<K>(status, Some(Replacing { old_id: new, swapped_at: Some(now.to_string()), ..record }));
}

/// Writes the record of a replacement down, where the kind has a place for it.
pub(super) fn put<K: Kind>(status: &mut Status<K>, replacing: Option<Replacing>) {
    if let Some(slot) = K::Object::replacing(status) {
        *slot = replacing;
    }
}

/// What was let go so far, and now; the last of it.
pub(super) fn all_retired(mut retired_ids: Vec<String>, now: Option<&str>) -> Vec<String> {
    retired_ids.extend(now.filter(|id| !id.is_empty()).map(str::to_owned));
    retired_ids.drain(..retired_ids.len().saturating_sub(RETIRED_KEPT));
    retired_ids
}
