//! What AWS gives an id of its own: found again by the owner tags, created only after nothing was found. Pure.

use super::{
    Adoption, Facts, Step, adopt, believed, foreign, may_act, mine, other_cluster, stall, uid_lost, wait_for, whole,
};
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::evidence::{Candidate, Lookup, Sight, Sighting};
use crate::engine::owner::Ownership;
use crate::engine::record::Record;

pub fn decide(f: &Facts) -> Step {
    match (mine(f), f.finalizer) {
        // Status was wiped or is another object's: what may be under way is looked for.
        (None, true) => Step::Record(CreatePhase::InFlight),
        (Some(record), false) if f.confirmed || record.phase == CreatePhase::InFlight => Step::Finalize,
        // Before the recorded id: an id beside a create under way is not the one that this create made.
        (Some(record), true) if record.phase == CreatePhase::InFlight => recover(f, record),
        (Some(_), true) if f.confirmed => known_id(f),
        (record, finalizer) => match f.adoption {
            Some(adoption) => take_over(f, adoption),
            // No record of ours: whatever id status holds was not written by this object's own create.
            None if record.is_none() && may_act(f) => Step::Record(CreatePhase::None),
            None if record.is_some() && !finalizer => Step::Finalize,
            None if record.is_some() && may_act(f) => first_lookup(f),
            None => Step::Hold,
        },
    }
}

/// The recorded id, judged by what stands on it.
fn known_id(f: &Facts) -> Step {
    let id = f.id.unwrap_or_default();
    let other = f.adoption.filter(|adoption| adoption.id != id);
    if *f.sight == Sight::Found(Ownership::Ours) {
        return match other {
            None => Step::Apply,
            Some(other) => stall(
                reasons::SERVER_CHANGED,
                format!(
                    "this object's server is {id}, spec.lifecycle.adoption names {}; nothing is touched. Delete and \
                     re-apply this object to take over the other one",
                    other.id
                ),
            ),
        };
    }
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    match f.sight {
        Sight::Found(Ownership::OtherCluster) => other_cluster(),
        Sight::Found(Ownership::UidLost) if !lookup.other_cluster.is_empty() => other_cluster(),
        Sight::Found(Ownership::Untagged) if !believed(f, Sighting::Untagged) => {
            wait_for(f, Sighting::Untagged, "the server carries none of our owner tags; looking again before judging")
        }
        Sight::Found(_) => lost(f, id, other),
        Sight::Missing | Sight::ParentMissing | Sight::NotLooked if !believed(f, Sighting::Missing) => {
            wait_for(f, Sighting::Missing, "AWS does not show the recorded server; looking again before judging")
        }
        Sight::Missing | Sight::ParentMissing | Sight::NotLooked => gone(f, id, other),
    }
}

/// It carries tags that are not ours. Restoring them from status would let whoever writes status take over a server.
fn lost(f: &Facts, id: &str, other: Option<Adoption>) -> Step {
    match f.adoption {
        Some(_) if other.is_some() && may_act(f) => Step::Abandon(id.to_owned()),
        Some(adoption) if other.is_none() && foreign(f.sight).is_none() => adopt(f, adoption, None),
        _ if *f.sight == Sight::Found(Ownership::UidLost) => {
            uid_lost(reasons::OWNERSHIP_LOST, &format!("server {id}"), vec![id.to_owned()])
        }
        _ if *f.sight == Sight::Found(Ownership::Former) => former_owner(id),
        _ => stall(
            reasons::OWNERSHIP_LOST,
            format!(
                "server {id} does not carry this object's owner tags any more; nothing is touched. Restore the tags in \
                 AWS, take it over (spec.lifecycle.adoption), or delete this object"
            ),
        ),
    }
}

/// AWS no longer has it, and no other server carries our tags.
fn gone(f: &Facts, id: &str, other: Option<Adoption>) -> Step {
    if (f.recreate || other.is_some()) && may_act(f) {
        return Step::Forget(id.to_owned());
    }
    stall(
        reasons::SERVER_GONE,
        format!(
            "AWS no longer has server {id}, and no other server carries this object's owner tags. With \
             spec.lifecycle.recreatePolicy Automatic a new one is created (another host name; other host keys, unless \
             spec.hostKeys lists them)"
        ),
    )
}

/// A create may be under way or lost: only a complete look-up over the whole window ends it.
pub fn recover(f: &Facts, record: &Record) -> Step {
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    window(f, record).unwrap_or(Step::Record(CreatePhase::None))
}

/// The wait for a create that left no trace so far; `None` once it counts as not done.
pub fn window(f: &Facts, record: &Record) -> Option<Step> {
    let end = f.windows.create(record.started_at, f.replied);
    (!f.sightings.lasts_until(Sighting::NoTrace, end)).then(|| Step::Wait {
        reason: reasons::RECOVERING,
        message: format!(
            "the answer to a create was not received; until {} every complete listing is searched for the server",
            whole(end)
        ),
        until: Some(end),
    })
}

/// Nothing was ever sent, or what was sent made nothing: look once more, then create.
fn first_lookup(f: &Facts) -> Step {
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    match (lookup.former.as_slice(), lookup.uid_lost.as_slice()) {
        ([], []) => Step::Create,
        _ if !believed(f, Sighting::Former) => {
            wait_for(f, Sighting::Former, "a server of a former object of this name is still listed")
        }
        // It may be this object's own, whose status was lost besides: a second one is not made beside it.
        (_, ids @ [_, ..]) => uid_lost(reasons::OWNERSHIP_LOST, &format!("server {}", ids.join(", ")), ids.to_vec()),
        (former, []) => former_owner(&former.join(", ")),
    }
}

fn former_owner(id: &str) -> Step {
    stall(
        reasons::FORMER_OWNER,
        format!(
            "server {id} belongs to a former object of this name; take it over (spec.lifecycle.adoption), delete it in \
             AWS, or give this object another name"
        ),
    )
}

/// What a look-up found of ours: the recorded id wins, then the recorded attempt; two without either are for a person
/// to sort out. What AWS once no longer had is not taken again.
fn claim(f: &Facts, lookup: &Lookup) -> Option<Step> {
    let ours: Vec<&Candidate> = candidates(f, lookup).collect();
    let attempt = mine(f).and_then(|record| record.attempt.as_deref());
    let known = ours.iter().find(|found| Some(found.id.as_str()) == f.id);
    let attempted = ours.iter().find(|found| attempt.is_some() && found.attempt.as_deref() == attempt);
    match (ours.as_slice(), known, attempted) {
        ([], ..) => None,
        (_, Some(known), _) if f.confirmed && mine(f).is_some_and(|record| record.phase != CreatePhase::InFlight) => {
            // One read found it, another did not: neither counts.
            let message = format!("AWS's answers about server {} differ; looking again", known.id);
            let until = f.now.checked_add(f.windows.lag).ok();
            Some(Step::Wait { reason: reasons::WAITING_FOR_AWS, message, until })
        }
        (_, Some(found), _) | ([found], ..) | (_, None, Some(found)) => Some(Step::Claim(found.id.clone())),
        (many, None, None) => Some(ambiguous(many)),
    }
}

/// What a look-up found of ours, without what was let go.
pub fn candidates<'a>(f: &Facts<'a>, lookup: &'a Lookup) -> impl Iterator<Item = &'a Candidate> {
    let lost = mine(f).map(|record| record.lost.as_slice()).unwrap_or_default();
    lookup.ours.iter().filter(|found| !lost.contains(&found.id))
}

fn ambiguous(many: &[&Candidate]) -> Step {
    let ids: Vec<&str> = many.iter().map(|found| found.id.as_str()).collect();
    let message =
        format!("several servers carry this object's owner tags: {}; delete all but one in AWS", ids.join(", "));
    stall(reasons::AMBIGUOUS, message)
}

/// The server that the spec names, which this object did not make. Whatever comes of it, none is created.
fn take_over(f: &Facts, adoption: Adoption) -> Step {
    let id = adoption.id;
    let first = match (mine(f), f.finalizer) {
        (None, _) => Some(Step::Record(CreatePhase::None)),
        (Some(_), false) => Some(Step::Finalize),
        (Some(_), true) => None,
    };
    match f.sight {
        Sight::Found(Ownership::Ours) => first.unwrap_or_else(|| Step::Claim(id.to_owned())),
        Sight::Found(Ownership::OtherCluster) => other_cluster(),
        Sight::Found(Ownership::Foreign(owner)) => {
            let message = format!("server {id} carries the owner tags of {owner}; it is not taken over");
            stall(reasons::CONFLICT, message)
        }
        Sight::Found(Ownership::Untagged | Ownership::Former | Ownership::Retained | Ownership::UidLost) => {
            match adopt(f, adoption, first) {
                Step::Adopt(_) => alone(f, adoption),
                other => other,
            }
        }
        Sight::Missing | Sight::ParentMissing | Sight::NotLooked if !believed(f, Sighting::Missing) => {
            wait_for(f, Sighting::Missing, "AWS does not show the server to take over; looking again before judging")
        }
        Sight::Missing | Sight::ParentMissing | Sight::NotLooked => stall(
            reasons::SERVER_GONE,
            format!(
                "AWS does not have server {id}, which spec.lifecycle.adoption names; none is created in its place. Put \
                 the id right, or remove spec.lifecycle.adoption to create a new server"
            ),
        ),
    }
}

/// Takes the server over if no other one is ours already.
fn alone(f: &Facts, adoption: Adoption) -> Step {
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    let others: Vec<&Candidate> = candidates(f, lookup).filter(|found| found.id != adoption.id).collect();
    if others.is_empty() { Step::Adopt(adoption.id.to_owned()) } else { ambiguous(&others) }
}
