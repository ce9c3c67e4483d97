//! O1: one of each object in AWS, and of what is replaced two only while its status says so; what is made and deleted is
//! counted.

use std::collections::BTreeMap;

use transfer_operator::fakes::api_server::text;
use transfer_operator::sim::model::Tag;
use transfer_operator::sim::state::Region;

use super::unchecked::Check;
use super::{CERTIFICATE, CreateOutput, WORKFLOW, object_of, owner};
use crate::world::World;

/// After a create.
pub fn made(world: &World, operation: &str) {
    match operation {
        "CreateServer" => one_server_each(world),
        "CreateWorkflow" => two_while_replacing(world, "workflows", |region| {
            let living = region.workflows.values().filter(|held| held.gone.is_none());
            living.map(|held| (held.workflow_id.clone(), held.tags.clone())).collect()
        }),
        "ImportCertificate" => two_while_replacing(world, "certificates", |region| {
            let living = region.certificates.iter().filter(|(_, held)| held.gone.is_none());
            living.map(|(id, held)| (id.clone(), held.tags.clone())).collect()
        }),
        "CreateProfile" => one_profile_each(world),
        "CreateConnector" => one_connector_each(world),
        "CreateAgreement" => one_agreement_each(world),
        "CreateWebApp" => one_web_app_each(world),
        _ => {}
    }
}

/// O1 of what is replaced: two of an object live only while its status says so, and never a third.
fn two_while_replacing(world: &World, called: &str, living: fn(&Region) -> Vec<(String, Vec<Tag>)>) {
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    {
        let sim = world.sim.lock().unwrap();
        let regions = sim.world.accounts.values().flat_map(|regions| regions.values());
        for (id, tags) in regions.flat_map(living) {
            if let Some(uid) = owner(&tags) {
                of.entry(uid).or_default().push(id);
            }
        }
    }
    for (uid, ids) in &of {
        let object = object_of(world, uid);
        let old = object.map(|object| text(&object["status"]["replacing"]["oldId"])).unwrap_or_default();
        let lawful = ids.len() < 2 || ids.len() == 2 && ids.contains(&old);
        if !lawful && !world.setup.skips(Check::OneEach) {
            world.violation(format!("O1: object {uid} has {called} {}, replacing {old:?}", ids.join(", ")));
        }
    }
}

fn one_server_each(world: &World) {
    one_each(world, "servers", |region| {
        let living = region.servers.values().filter(|server| server.gone.is_none());
        living.map(|server| (server.server_id.clone(), server.tags.clone())).collect()
    });
}

fn one_profile_each(world: &World) {
    one_each(world, "profiles", |region| {
        let living = region.profiles.iter().filter(|(_, held)| held.gone.is_none());
        living.map(|(id, held)| (id.clone(), held.tags.clone())).collect()
    });
}

fn one_connector_each(world: &World) {
    one_each(world, "connectors", |region| {
        let living = region.connectors.iter().filter(|(_, held)| held.gone.is_none());
        living.map(|(id, held)| (id.clone(), held.tags.clone())).collect()
    });
}

fn one_agreement_each(world: &World) {
    one_each(world, "agreements", |region| {
        let living = region.agreements.iter().filter(|(_, held)| held.gone.is_none());
        living.map(|(id, held)| (id.clone(), held.tags.clone())).collect()
    });
}

fn one_web_app_each(world: &World) {
    one_each(world, "web apps", |region| {
        let living = region.web_apps.iter().filter(|(_, held)| held.gone.is_none());
        living.map(|(id, held)| (id.clone(), held.tags.clone())).collect()
    });
}

/// O1 of what is there once for each object: what lives of it in a region, by id and with its tags.
fn one_each(world: &World, called: &str, of: fn(&Region) -> Vec<(String, Vec<Tag>)>) {
    let mut living: BTreeMap<String, Vec<String>> = BTreeMap::new();
    {
        let sim = world.sim.lock().unwrap();
        let regions = sim.world.accounts.values().flat_map(|regions| regions.values());
        for (id, tags) in regions.flat_map(of) {
            if let Some(uid) = owner(&tags) {
                living.entry(uid).or_default().push(id);
            }
        }
    }
    for (uid, ids) in living.iter().filter(|(_, ids)| ids.len() > 1) {
        if !world.setup.skips(Check::OneEach) {
            world.violation(format!("O1: object {uid} has {} {called}: {}", ids.len(), ids.join(", ")));
        }
    }
}

/// O1 as counts: nothing is made again that was not deleted before.
pub fn count(world: &World, creates: bool, about: &[String]) {
    for what in about {
        let CreateOutput { creates, deletes, .. } = {
            let mut oracle = world.oracle.lock().unwrap();
            let made = oracle.made.entry(what.clone()).or_default();
            *(if creates { &mut made.creates } else { &mut made.deletes }) += 1;
            made.beside += u64::from(creates && made.creates > made.deletes + 1);
            *made
        };
        // A new one is made before the old one goes.
        let beside = u64::from(what.starts_with(WORKFLOW) || what.starts_with(CERTIFICATE));
        if creates > deletes + 1 + beside && !world.setup.skips(Check::OneEach) {
            world.violation(format!("O1: {what} was made {creates} times and deleted {deletes} times"));
        }
    }
}
