//! O15: a profile that had a certificate of an object in force has one at every later moment, by what AWS holds. What ends
//! that is a person: the object's `inactiveDate`, its deletion, the profile's, or that the profile names it no more; or
//! that nothing that was ever imported for the object is valid any longer. A renewal that comes too late for its notice
//! leaves a gap as well; no workflow has one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::unchecked::Check;
use super::{in_use, living, owner};
use crate::world::{ACCOUNT, REGION, World};

/// A profile and the object of which it has a certificate: by id, and by uid.
type Pair = (String, String);

/// What the oracle remembers.
#[derive(Debug, Default)]
pub struct InForce {
    /// Until when everything was looked at.
    seen: Option<Timestamp>,
    /// Who had one in force.
    served: BTreeSet<Pair>,
    /// The end of the one that is valid longest of all that were ever imported for an object.
    valid_until: BTreeMap<String, Timestamp>,
}

/// What AWS has on profiles of ours: from when on and until when each certificate is used.
type Held = BTreeMap<Pair, Vec<(Timestamp, Timestamp)>>;

/// Judges every moment since the last look, by the objects of now. It comes before and after each change in AWS, and before
/// each change of an object by a person: in between only time passes.
pub fn look(world: &World) {
    if world.setup.skips(Check::InForce) {
        return;
    }
    let now = world.clock.now();
    let held = held(world);
    let mut moments: BTreeSet<Timestamp> = held.values().flatten().flat_map(|(from, until)| [*from, *until]).collect();
    let seen = world.oracle.lock().unwrap().in_force.seen.replace(now);
    moments.retain(|at| *at <= now && seen.is_none_or(|seen| *at > seen));
    moments.insert(now);
    for at in moments {
        judge(world, &held, at);
    }
}

fn held(world: &World) -> Held {
    let mut sim = world.sim.lock().unwrap();
    let region = sim.world.region(ACCOUNT, REGION);
    let mut oracle = world.oracle.lock().unwrap();
    let mut used = BTreeMap::new();
    for (id, kept) in region.certificates.iter().filter(|(_, kept)| kept.gone.is_none()) {
        if let Some(uid) = owner(&kept.tags) {
            let end = oracle.in_force.valid_until.entry(uid.clone()).or_insert(kept.what.not_after_date);
            *end = kept.what.not_after_date.max(*end);
            used.insert(id, (uid, (kept.what.active_date, kept.what.inactive_date)));
        }
    }
    let mut held = Held::new();
    for (profile, kept) in region.profiles.iter().filter(|(_, kept)| kept.gone.is_none() && owner(&kept.tags).is_some())
    {
        for (uid, dates) in kept.what.certificate_ids.iter().filter_map(|id| used.get(id)) {
            held.entry((profile.clone(), uid.clone())).or_default().push(*dates);
        }
    }
    held
}

fn judge(world: &World, held: &Held, at: Timestamp) {
    let in_force: BTreeSet<Pair> = held
        .iter()
        .filter(|(_, used)| used.iter().any(|(from, until)| *from <= at && at < *until))
        .map(|(pair, _)| pair.clone())
        .collect();
    let before = std::mem::replace(&mut world.oracle.lock().unwrap().in_force.served, in_force.clone());
    for (profile, uid) in before.difference(&in_force) {
        if !ended(world, (profile, uid), at) {
            let used = held.get(&(profile.clone(), uid.clone()));
            world.violation(format!("O15: profile {profile} has no certificate of {uid} in force at {at}: {used:?}"));
        }
    }
}

/// Whether a person, or time, ended it.
fn ended(world: &World, (profile, uid): (&str, &str), at: Timestamp) -> bool {
    let of = {
        let mut sim = world.sim.lock().unwrap();
        let kept = sim.world.region(ACCOUNT, REGION).profiles.get(profile).ok().filter(|kept| kept.gone.is_none());
        kept.and_then(|kept| owner(&kept.tags))
    };
    let stays = |object: &Value| object["metadata"].get("deletionTimestamp").is_none();
    let profile = of.and_then(|of| living(world, &of)).filter(stays);
    let object = living(world, uid).filter(stays);
    let (Some(profile), Some(object)) = (profile, object) else { return true };
    let said = object["spec"]["inactiveDate"].as_str().and_then(|text| text.parse().ok());
    let valid_until = world.oracle.lock().unwrap().in_force.valid_until.get(uid).copied();
    let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= at);
    !in_use::names(&profile, &object) || over(said) || over(valid_until)
}
