//! O3 of what others use: what a profile, a connector, an agreement or a server has goes after whoever has it.

use serde_json::Value;
use transfer_operator::fakes::api_server::text;

use super::unchecked::Check;
use super::{living, owner};
use crate::certificates;
use crate::world::World;

/// The profile of ours that AWS has with this certificate.
pub fn having(world: &World, place: (&str, &str), certificate_id: &str) -> Option<String> {
    let mut sim = world.sim.lock().unwrap();
    let mut living = sim.world.region(place.0, place.1).profiles.iter();
    let has = living.find(|(_, held)| {
        let ours = held.gone.is_none() && owner(&held.tags).is_some();
        ours && held.what.certificate_ids.iter().any(|id| id == certificate_id)
    });
    has.map(|(id, _)| id.clone())
}

/// Whether the object of a profile names this object of a certificate.
pub fn names(profile: &Value, certificate: &Value) -> bool {
    let mut refs = profile["spec"]["certificateRefs"].as_array().into_iter().flatten();
    refs.any(|named| named["name"] == certificate["metadata"]["name"])
}

/// A certificate that a call takes off a profile though its object, which the profile names, still overlaps it with another.
pub fn taken_off(world: &World, place: (&str, &str), profile_id: &str, input: &Value) -> Option<String> {
    if world.setup.skips(Check::InForce) {
        return None;
    }
    let sent: Vec<String> = input["CertificateIds"].as_array().into_iter().flatten().map(text).collect();
    let (of, left) = {
        let mut sim = world.sim.lock().unwrap();
        let region = sim.world.region(place.0, place.1);
        let held = region.profiles.get(profile_id).ok()?;
        let left = held.what.certificate_ids.iter().filter(|id| !sent.contains(id));
        let owned = |id: &String| Some((id.clone(), owner(&region.certificates.get(id).ok()?.tags)?));
        (owner(&held.tags)?, left.filter_map(owned).collect::<Vec<_>>())
    };
    let profile = living(world, &of)?;
    left.into_iter().find_map(|(id, uid)| {
        let object = living(world, &uid).filter(|object| object["metadata"].get("deletionTimestamp").is_none())?;
        let named = names(&profile, &object);
        let replaced = object["status"]["replacing"]["oldId"] == id;
        let why = certificates::overlaps(world, &object, &id).filter(|_| named && replaced)?;
        Some(format!("certificate {id} leaves it, and {why}"))
    })
}

/// The connector or the agreement of ours that AWS has with this profile.
pub fn naming(world: &World, place: (&str, &str), profile_id: &str) -> Option<String> {
    let mut sim = world.sim.lock().unwrap();
    let region = sim.world.region(place.0, place.1);
    let names = region.connectors.iter().find(|(_, held)| {
        let ours = held.gone.is_none() && owner(&held.tags).is_some();
        let config = held.what.settings.as2_config.as_ref().filter(|_| ours);
        config.is_some_and(|config| {
            [&config.local_profile_id, &config.partner_profile_id].iter().any(|id| id.as_deref() == Some(profile_id))
        })
    });
    if let Some((id, _)) = names {
        return Some(id.clone());
    }
    let names = region.agreements.iter().find(|(_, held)| {
        let ours = held.gone.is_none() && owner(&held.tags).is_some();
        ours && [&held.what.local_profile_id, &held.what.partner_profile_id].iter().any(|id| *id == profile_id)
    });
    names.map(|(id, _)| id.clone())
}

/// An agreement that AWS has on this server, whoever made it: it must not be taken along.
pub fn agreed(world: &World, place: (&str, &str), server: &str) -> Option<String> {
    let mut sim = world.sim.lock().unwrap();
    let mut living = sim.world.region(place.0, place.1).agreements.living();
    living.find(|(_, held)| held.server_id == server).map(|(id, _)| id.clone())
}
