//! What must hold in every run, whatever it is about. Each oracle looks at the simulator's state and the API server's,
//! never at what the operator thinks.

use std::collections::BTreeMap;

use serde_json::Value;
use transfer_operator::api::{TAG_CLUSTER, TAG_UID};
use transfer_operator::cluster::Note;
use transfer_operator::sim::model::Tag;

use crate::api_server::{Write, text};
use crate::lint;
use crate::satisfy;
use crate::secrecy;
use crate::world::{ACCOUNT, CLUSTER, REGION, World};

/// What the oracles remember.
#[derive(Debug, Default)]
pub struct Oracle {
    pub violations: Vec<String>,
    /// Servers that were made, by the uid in their tags.
    pub created: BTreeMap<String, Vec<String>>,
    /// Accesses that a call of ours made: `server/externalId` to how many more creates than deletes.
    pub accesses: BTreeMap<String, i64>,
    pub mutations: u64,
    /// How many SSH keys a user had after each call about them.
    pub ssh_keys: Vec<usize>,
    pub writes: u64,
    events: BTreeMap<(String, String), Vec<u128>>,
    seen_writes: usize,
    /// Texts of Warning events.
    pub warnings: Vec<String>,
}

/// Whose something is, by its tags: uid, where the cluster is ours.
fn owner(tags: &[Tag]) -> Option<String> {
    let get = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone());
    (get(TAG_CLUSTER).as_deref() == Some(CLUSTER)).then(|| get(TAG_UID)).flatten()
}

/// The object of a uid, alive or not.
fn object_of(world: &World, uid: &str) -> Option<Value> {
    let api = world.api();
    let found = api.history.iter().rev().find(|event| event.object["metadata"]["uid"] == uid)?;
    Some(found.object.clone())
}

/// O3 before the effect: nothing is changed that is not ours, nothing in ObserveOnly, no protected
/// server is deleted.
pub fn before_mutation(world: &World, operation: &str, account: &str, region: &str, input: &Value) {
    let foreign = |what: &str| world.violation(format!("O3: {operation} on {what}: {input}"));
    if operation == "CreateServer" {
        return creating(world, input);
    }
    let (server, member) = target(input);
    let (server_owner, member_owner, exists) = {
        let mut sim = world.sim.lock().unwrap();
        let held = sim.world.region(account, region).servers.get(&server);
        let user = held.and_then(|held| held.users.get(member.as_deref()?));
        (held.and_then(|held| owner(&held.tags)), user.map(|user| owner(&user.tags)), held.is_some())
    };
    if !exists {
        return;
    }
    let adopting = adopts(world, &server, member.as_deref(), input);
    if server_owner.is_none() && !adopting {
        return foreign(&format!("server {server}, which is not ours"));
    }
    if let Some(None) = member_owner
        && !adopting
        && operation != "CreateUser"
    {
        return foreign(&format!("user {member:?}, who is not ours"));
    }
    let by_access = matches!(operation, "UpdateAccess" | "DeleteAccess");
    if by_access {
        let key = format!("{server}/{}", text(&input["ExternalId"]));
        let made = world.oracle.lock().unwrap().accesses.get(&key).copied().unwrap_or_default();
        let external = text(&input["ExternalId"]);
        let lives = {
            let mut sim = world.sim.lock().unwrap();
            let held = sim.world.region(account, region).servers.get(&server);
            held.is_some_and(|held| held.accesses.get(&external).is_some_and(|access| access.gone.is_none()))
        };
        if lives && made < 1 && !adopting {
            return foreign("an access that we did not make");
        }
    }
    let uid = member_owner.flatten().or(server_owner).unwrap_or_default();
    restrained(world, operation, &uid);
}

fn creating(world: &World, input: &Value) {
    let tags = crate::wire::tags(&input["Tags"]);
    let uid = tags.get(TAG_UID).cloned().unwrap_or_default();
    if tags.get(TAG_CLUSTER).map(String::as_str) != Some(CLUSTER) || object_of(world, &uid).is_none() {
        world.violation(format!("O3: CreateServer without the owner tags of an object: {tags:?}"));
    }
    restrained(world, "CreateServer", &uid);
}

/// What an object forbids.
fn restrained(world: &World, operation: &str, uid: &str) {
    let key =
        world.api().history.iter().rev().find(|event| event.object["metadata"]["uid"] == uid).map(|e| e.key.clone());
    let Some(object) = key.and_then(|key| world.api().get(&key)).filter(|o| o["metadata"]["uid"] == uid) else {
        return;
    };
    let spec = &object["spec"];
    let deleting = object["metadata"].get("deletionTimestamp").is_some();
    if spec["lifecycle"]["managementPolicy"] == "ObserveOnly" && !deleting {
        world.violation(format!("O3: {operation} for an object that only observes"));
    }
    let protected = object["kind"] == "TransferServer" && spec["lifecycle"]["deletionProtection"] != false;
    if operation == "DeleteServer" && protected {
        world.violation("O3: DeleteServer while protected");
    }
}

/// The server and the user that a request is about.
fn target(input: &Value) -> (String, Option<String>) {
    if let Some(arn) = input["Arn"].as_str() {
        let resource = arn.rsplit_once(':').map_or("", |(_, resource)| resource);
        let mut parts = resource.split('/').skip(1);
        let server = parts.next().unwrap_or_default().to_owned();
        return (server, parts.next().filter(|_| resource.starts_with("user/")).map(str::to_owned));
    }
    (text(&input["ServerId"]), input["UserName"].as_str().map(str::to_owned))
}

/// Whether an object asks to take over just what a request is about.
fn adopts(world: &World, server: &str, member: Option<&str>, input: &Value) -> bool {
    let api = world.api();
    api.keys().iter().filter_map(|key| api.get(key)).any(|object| {
        let spec = &object["spec"];
        let name = spec["userName"].as_str().or(object["metadata"]["name"].as_str());
        let adoption = &spec["lifecycle"]["adoption"];
        adoption.is_object()
            && match object["kind"].as_str() {
                Some("TransferServer") => adoption["serverId"] == server,
                Some("TransferUser") => member.is_some() && name == member,
                _ => input.get("ExternalId").is_some_and(|id| *id == spec["externalId"]),
            }
    })
}

/// O1 after the effect, and the counts.
pub fn after_mutation(world: &World, operation: &str, input: &Value) {
    world.oracle.lock().unwrap().mutations += 1;
    let access = format!("{}/{}", text(&input["ServerId"]), text(&input["ExternalId"]));
    match operation {
        "CreateAccess" => *world.oracle.lock().unwrap().accesses.entry(access).or_default() += 1,
        "ImportSshPublicKey" | "DeleteSshPublicKey" => {
            let (server, user) = (text(&input["ServerId"]), text(&input["UserName"]));
            let mut sim = world.sim.lock().unwrap();
            let held = sim.world.region(ACCOUNT, REGION).servers.get(&server).and_then(|held| held.users.get(&user));
            let count = held.map_or(0, |user| user.ssh_public_keys.len());
            world.oracle.lock().unwrap().ssh_keys.push(count);
        }
        "DeleteAccess" => *world.oracle.lock().unwrap().accesses.entry(access).or_default() -= 1,
        _ => {}
    }
    if operation != "CreateServer" {
        return;
    }
    let mut living: BTreeMap<String, Vec<String>> = BTreeMap::new();
    {
        let sim = world.sim.lock().unwrap();
        let servers = sim.world.accounts.values().flat_map(|regions| regions.values()).flat_map(|r| r.servers.values());
        for server in servers.filter(|server| server.gone.is_none()) {
            if let Some(uid) = owner(&server.tags) {
                living.entry(uid).or_default().push(server.server_id.clone());
            }
        }
    }
    for (uid, servers) in &living {
        if servers.len() > 1 && !world.setup.duplicates {
            world.violation(format!("O1: object {uid} has {} servers: {}", servers.len(), servers.join(", ")));
        }
    }
    world.oracle.lock().unwrap().created.extend(living);
}

/// O5, O6, O7, O11, O12 after a write to the API server.
pub fn after_write(world: &World) {
    let new: Vec<Write> = {
        let api = world.api();
        let mut oracle = world.oracle.lock().unwrap();
        let new = api.writes[oracle.seen_writes..].to_vec();
        oracle.seen_writes = api.writes.len();
        oracle.writes += u64::try_from(new.len()).unwrap();
        new
    };
    for write in new {
        judge(world, &write);
    }
}

fn judge(world: &World, write: &Write) {
    let Write { key, before, after, status } = write;
    let name = format!("{} {}", key.0, key.1);
    let strip = |object: &Value| {
        let mut object = object.clone();
        object.as_object_mut().unwrap().remove("status");
        let meta = object["metadata"].as_object_mut().unwrap();
        for ours in ["finalizers", "resourceVersion"] {
            meta.remove(ours);
        }
        object
    };
    if strip(before) != strip(after) {
        world.violation(format!("O12: {name}: more than status and finalizer was written"));
    }
    if secrecy::stands_in(&after.to_string()) {
        world.violation(format!("O6: {name}: a private key stands in the object"));
    }
    if !status {
        return;
    }
    for fault in lint::faults(before, after) {
        world.violation(format!("O7: {name}: {fault}: {}", after["status"]["conditions"]));
    }
    let current = after["status"]["observedGeneration"] == after["metadata"]["generation"];
    let ready = lint::find(after, "Ready").is_some_and(|ready| ready["status"] == "True");
    let was = before["status"]["observedGeneration"] == after["metadata"]["generation"]
        && lint::find(before, "Ready").is_some_and(|ready| ready["status"] == "True");
    let restrained = satisfy::restrained(after) || after["spec"]["suspend"] == true;
    if current
        && ready
        && !was
        && !restrained
        && let Some(missing) = satisfy::missing(world, key, after)
    {
        world.violation(format!("O5: {name} is Ready, and AWS has not what it asks for: {missing}"));
    }
}

/// O11: events are told once; what a person edits may have to be told again.
pub fn on_event(world: &World, about: &str, generation: &Value, note: &Note) {
    if secrecy::stands_in(&note.message) {
        world.violation(format!("O6: {about}: a private key stands in an event"));
    }
    let at = world.clock.millis();
    let mut oracle = world.oracle.lock().unwrap();
    if note.warning {
        oracle.warnings.push(format!("{about}: {}", note.message));
    }
    let text = format!("{generation} {} {}", note.reason, note.message);
    let told = oracle.events.entry((about.to_owned(), text)).or_default();
    told.push(at);
    let lately = told.iter().filter(|then| at - **then < 300_000).count();
    // A process that died may not know that it told; more than a handful is a loop.
    if lately > 6 {
        drop(oracle);
        world.violation(format!(
            "O11: {about}: event {} told {lately} times in 5 minutes: {}",
            note.reason, note.message
        ));
    }
}
