//! The way out: what is ours goes, or is released with a stamp; what may still arrive is waited for; then the finalizer.
//! Pure.

use jiff::Timestamp;

use super::servers::{candidates, window};
use super::{Facts, Identified, Step, believed, keyed, mine, wait_for, whole};
use crate::api;
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::evidence::{Lookup, Sight, Sighting};
use crate::engine::owner::Ownership;
use crate::engine::record::Record;

pub fn remove(f: &Facts) -> Step {
    if !f.finalizer {
        return Step::Done;
    }
    if f.protected {
        return Step::Wait {
            reason: reasons::DELETION_PROTECTED,
            message: "spec.lifecycle.deletionProtection is true; set it to false to let the deletion go on".to_owned(),
            until: None,
        };
    }
    match f.identified {
        Identified::ByTags => by_tags(f),
        Identified::ByKey => match f.sight {
            Sight::Found(Ownership::Ours) => found(f, vec![String::new()]),
            Sight::Found(Ownership::Untagged) if f.confirmed && !f.retain && !believed(f, Sighting::Untagged) => {
                wait_for(f, Sighting::Untagged, "the user carries none of our owner tags; looking again before judging")
            }
            // A login stays behind where that is believed at once: there is time to put the tag back.
            Sight::Found(Ownership::UidLost) if f.confirmed && !f.retain && !believed(f, Sighting::Foreign) => {
                wait_for(
                    f,
                    Sighting::Foreign,
                    "the user lost its transfer-operator.dev/uid tag and would be left in AWS; looking again before that",
                )
            }
            Sight::Found(Ownership::UidLost) if f.retain => Step::Release(Some(unstamped("the user"))),
            Sight::Found(_) if f.retain => Step::Release(None),
            Sight::Found(_) => Step::Release(Some(
                "the user does not carry all of this object's owner tags and was left in AWS".to_owned(),
            )),
            _ => missing(f),
        },
        Identified::ByRecord => match f.sight {
            Sight::Found(_) if keyed::proven(f) && f.retain => Step::Release(None),
            Sight::Found(_) if keyed::proven(f) => found(f, vec![String::new()]),
            Sight::Found(_) => Step::Release(Some(
                "no record proves that this object created the access; it was left in AWS".to_owned(),
            )),
            _ => missing(f),
        },
    }
}

fn by_tags(f: &Facts) -> Step {
    let Some(record) = mine(f) else { return Step::Record(CreatePhase::InFlight) };
    let Some(lookup) = f.lookup else { return Step::LookUp };
    let in_flight = record.phase == CreatePhase::InFlight;
    if in_flight && let Some(id) = landed(f, record, lookup) {
        return Step::Claim(id);
    }
    let ids = ours(f, lookup);
    if !ids.is_empty() {
        return found(f, ids);
    }
    if in_flight && let Some(wait) = window(f, record) {
        return wait;
    }
    let acknowledged = f.id.is_some_and(|id| f.deleted.contains_key(id));
    match f.sight {
        Sight::Found(Ownership::Untagged) if f.confirmed && !f.retain && !believed(f, Sighting::Untagged) => {
            wait_for(f, Sighting::Untagged, "the server carries none of our owner tags; looking again before judging")
        }
        // The recorded id may be a forged one, and our own server so young that listings do not show it yet.
        sight if sight.is_foreign() && f.confirmed && !f.retain && !believed(f, Sighting::Foreign) => wait_for(
            f,
            Sighting::Foreign,
            "the recorded server carries other tags than ours; looking for ours once more",
        ),
        Sight::Found(Ownership::UidLost) if f.retain => Step::Release(Some(unstamped("the recorded server"))),
        Sight::Found(_) if f.confirmed && !f.retain => Step::Release(Some(
            "the recorded server does not carry all of this object's owner tags and was left in AWS".to_owned(),
        )),
        Sight::Missing if !acknowledged && !believed(f, Sighting::Missing) => {
            wait_for(f, Sighting::Missing, "AWS does not show the server; looking again before it counts as deleted")
        }
        _ => Step::Release(left(f, lookup)),
    }
}

/// What may have been this object's server: its uid tag was lost, and the id in status too.
fn left(f: &Facts, lookup: &Lookup) -> Option<String> {
    (!f.retain && !lookup.uid_lost.is_empty()).then(|| {
        let ids = lookup.uid_lost.join(", ");
        format!("server {ids} carries this object's owner and cluster tags without its uid and was left in AWS")
    })
}

/// It stays, as was asked for, and is not told apart from what nobody left on purpose.
fn unstamped(what: &str) -> String {
    format!(
        "{what} lost its {} tag, so it stays in AWS without a {} tag and with this object's owner and cluster tags",
        api::TAG_UID,
        api::TAG_RETAINED_FROM
    )
}

/// What the create under way has made: it ends the search. Without an attempt (status was wiped) any server of ours.
fn landed(f: &Facts, record: &Record, lookup: &Lookup) -> Option<String> {
    let mut found = candidates(f, lookup);
    let landed = found.find(|found| record.attempt.is_none() || found.attempt == record.attempt)?;
    Some(landed.id.clone())
}

/// Everything that is ours: what the listing shows, and what we see ourselves, as listings lag.
fn ours(f: &Facts, lookup: &Lookup) -> Vec<String> {
    let mut ids: Vec<String> = lookup.ours.iter().map(|found| found.id.clone()).collect();
    let seen = f.id.filter(|_| *f.sight == Sight::Found(Ownership::Ours));
    if let Some(id) = seen.filter(|id| ids.iter().all(|other| other != id)) {
        ids.push(id.to_owned());
    }
    ids
}

fn found(f: &Facts, ids: Vec<String>) -> Step {
    if f.retain {
        return Step::Stamp(ids);
    }
    // Acknowledged and still there beyond the lag: a late create brought it back, or it did not go.
    let lag = f.windows.lag;
    let going = |id: &String| f.deleted.get(id).is_some_and(|at| f.now.duration_since(*at) < lag);
    let due: Vec<String> = ids.into_iter().filter(|id| !going(id)).collect();
    if !due.is_empty() {
        return Step::Delete(due);
    }
    Step::Wait {
        reason: reasons::DELETING,
        message: "AWS accepted the deletion and is still showing the object".to_owned(),
        until: None,
    }
}

/// It is not there; a late create may still bring it back, so the last look comes when none can arrive any more.
fn missing(f: &Facts) -> Step {
    match f.sight {
        _ if f.unproven && !f.retain => Step::Hold,
        Sight::ParentMissing if !f.retain && !believed(f, Sighting::ParentMissing) => {
            wait_for(f, Sighting::ParentMissing, "AWS does not show its server; looking again before it counts as gone")
        }
        Sight::Missing if !(f.retain && f.confirmed) => match last_create(f) {
            Some(signed) => wait_for_late_calls(f, signed),
            None => Step::Release(None),
        },
        _ => Step::Release(None),
    }
}

/// When the last create that may still arrive can have been signed; `None` where none can.
fn last_create(f: &Facts) -> Option<Timestamp> {
    let quiet = f.quiet_since.unwrap_or(f.now);
    match (f.identified, mine(f)) {
        (_, Some(record)) if record.phase == CreatePhase::Rejected => None,
        // The attempt is recorded before it is sent.
        (Identified::ByRecord, Some(record)) => record.attempt.is_some().then_some(record.started_at),
        // Since it was confirmed no create was sent, so its time bounds them all.
        (_, Some(record)) if record.phase == CreatePhase::None => Some(record.started_at),
        _ => Some(quiet),
    }
}

/// Lets the finalizer go when a call signed at `signed` can no longer take effect unseen.
pub fn wait_for_late_calls(f: &Facts, signed: Timestamp) -> Step {
    let end = f.windows.late(signed);
    if f.now >= end {
        return Step::Release(None);
    }
    let (reason, then) = if f.deleting {
        (reasons::DELETING, "is looked for once more and this object goes")
    } else {
        (reasons::RECOVERING, "is looked for once more")
    };
    let shown = whole(end);
    let message = format!(
        "AWS does not have it. That this waits is normal: a create that was sent before may still arrive until {shown}; \
         then it {then}"
    );
    Step::Wait { reason, message, until: Some(end) }
}
