//! What must hold in every run, whatever it is about. Each oracle looks at the simulator's state and the API server's,
//! never at what the operator thinks. What one does not check somewhere stands in `unchecked`, with its reason.

pub mod in_force;
mod in_use;
pub mod one_each;
pub mod unchecked;
pub mod verdict;
pub mod written;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use transfer_operator::api::{TAG_CLUSTER, TAG_OWNER, TAG_RETAINED_FROM, TAG_UID};
use transfer_operator::sim::error::ApiError;
use transfer_operator::sim::model::Tag;
use transfer_operator::sim::state::Region;

use crate::certificates;
use crate::satisfy;
use crate::world::{ACCOUNT, CLUSTER, REGION, World};
use transfer_operator::fakes::api_server::text;

/// What the oracles remember.
#[derive(Debug, Default)]
pub struct Oracle {
    pub violations: Vec<String>,
    /// How often each server, user and access was made and deleted, by what it is for.
    pub made: BTreeMap<String, CreateOutput>,
    /// Accesses that a call of ours made: `server/externalId` to how many more creates than deletes.
    pub accesses: BTreeMap<String, i64>,
    pub mutations: u64,
    /// When each mutation was sent, by operation and input, where reads are old.
    sent: BTreeMap<String, Vec<u128>>,
    /// How often a server that ran was stopped.
    pub stops: u64,
    /// Stops that AWS's refusals brought about: each time that a change was refused for certain, a person tried again.
    pub excused_stops: u64,
    /// How many SSH keys a user had after each call about them.
    pub ssh_keys: Vec<usize>,
    pub writes: u64,
    events: BTreeMap<(String, String), Vec<u128>>,
    seen_writes: usize,
    /// Texts of Warning events.
    pub warnings: Vec<String>,
    in_force: in_force::InForce,
}

/// How often something was made and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateOutput {
    pub creates: u64,
    pub deletes: u64,
    /// How often it was made while an earlier one was still there.
    pub beside: u64,
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

/// What a call is about to do.
pub struct Intent {
    /// What it makes or deletes.
    about: Vec<String>,
    /// What forbids it.
    forbidden: Option<String>,
    /// It stops a server that runs.
    stops: bool,
}

impl Intent {
    /// It takes effect, or would but for a state of AWS. A call that is too old is fenced off: that is no harm.
    pub fn judge(&self, world: &World, refused: Option<&ApiError>) {
        let fenced = refused.is_some_and(|error| error.code == "InvalidSignatureException");
        if let Some(forbidden) = self.forbidden.clone().filter(|_| !fenced) {
            world.violation(forbidden);
        }
    }
}

/// How often the same mutation may be sent while reads are old: at once, and once more where they are seldom so old.
const MAY_BE_SENT: usize = 2;

/// O8 where reads are old: what was sent and taken is not sent again and again until it can be seen.
fn repeated(world: &World, operation: &str, input: &Value) {
    let age = u128::try_from(world.setup.old_reads.1.as_millis()).unwrap_or_default();
    if age == 0 {
        return;
    }
    let now = world.clock.millis();
    let times = {
        let mut oracle = world.oracle.lock().unwrap();
        let sent = oracle.sent.entry(format!("{operation} {input}")).or_default();
        sent.push(now);
        sent.iter().filter(|then| now - **then < age).count()
    };
    if times > MAY_BE_SENT {
        let mut input = input.clone();
        input.as_object_mut().unwrap().remove("HostKeyBody");
        world.violation(format!("O8: {operation} {input} was sent {times} times within {} s", age / 1000));
    }
}

/// O3 before the effect: nothing is changed that is not ours, nothing in ObserveOnly, no protected
/// server is deleted, nothing whose object stays.
pub fn before_mutation(world: &World, operation: &str, account: &str, region: &str, input: &Value) -> Intent {
    repeated(world, operation, input);
    in_force::look(world);
    let forbidden = forbidden(world, operation, account, region, input);
    let now = world.clock.now();
    let mut sim = world.sim.lock().unwrap();
    let region = sim.world.region(account, region);
    let held = region.servers.get(&text(&input["ServerId"]));
    let stops = operation == "StopServer" && held.is_some_and(|held| held.lifecycle.real(now) == "ONLINE");
    Intent { about: subjects(operation, region, input), forbidden, stops }
}

/// What is told of a workflow begins so.
const WORKFLOW: &str = "workflow ";

/// What is told of a certificate begins so.
const CERTIFICATE: &str = "certificate ";

/// What a call makes or deletes, by names that mean the same in every run.
pub fn subjects(operation: &str, region: &Region, input: &Value) -> Vec<String> {
    let for_whom = |tags: &[Tag]| {
        tags.iter().find(|tag| tag.key == TAG_OWNER).map_or_else(|| "nobody".to_owned(), |tag| tag.value.clone())
    };
    let held = region.servers.get(&text(&input["ServerId"])).filter(|held| held.gone.is_none());
    match (operation, held) {
        ("CreateServer", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("server {}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("CreateWorkflow", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("{WORKFLOW}{}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteWorkflow", _) => {
            let workflow = region.workflows.get(&text(&input["WorkflowId"])).filter(|held| held.gone.is_none());
            workflow.map(|held| format!("{WORKFLOW}{}", for_whom(&held.tags))).into_iter().collect()
        }
        ("CreateProfile", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("profile {}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteProfile", _) => {
            let profile = region.profiles.get(&text(&input["ProfileId"])).ok().filter(|held| held.gone.is_none());
            profile.map(|held| format!("profile {}", for_whom(&held.tags))).into_iter().collect()
        }
        ("CreateConnector", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("connector {}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteConnector", _) => {
            let connector = region.connectors.get(&text(&input["ConnectorId"])).ok().filter(|held| held.gone.is_none());
            connector.map(|held| format!("connector {}", for_whom(&held.tags))).into_iter().collect()
        }
        ("ImportCertificate", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("{CERTIFICATE}{}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteCertificate", _) => {
            let certificate = region.certificates.get(&text(&input["CertificateId"])).ok();
            let certificate = certificate.filter(|held| held.gone.is_none());
            certificate.map(|held| format!("{CERTIFICATE}{}", for_whom(&held.tags))).into_iter().collect()
        }
        ("CreateAgreement", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("agreement {}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteAgreement", _) => {
            let agreement = region.agreements.get(&text(&input["AgreementId"])).ok().filter(|held| held.gone.is_none());
            agreement.map(|held| format!("agreement {}", for_whom(&held.tags))).into_iter().collect()
        }
        ("CreateWebApp", _) => {
            let tags = satisfy::tags(&input["Tags"]);
            vec![format!("web app {}", tags.get(TAG_OWNER).map_or("nobody", String::as_str))]
        }
        ("DeleteWebApp", _) => {
            let web_app = region.web_apps.get(&text(&input["WebAppId"])).ok().filter(|held| held.gone.is_none());
            web_app.map(|held| format!("web app {}", for_whom(&held.tags))).into_iter().collect()
        }
        ("CreateUser" | "DeleteUser", Some(held)) => {
            vec![format!("user {} of {}", text(&input["UserName"]), for_whom(&held.tags))]
        }
        ("CreateAccess" | "DeleteAccess", Some(held)) => {
            vec![format!("access {} of {}", text(&input["ExternalId"]), for_whom(&held.tags))]
        }
        ("DeleteServer", Some(held)) => {
            let server = for_whom(&held.tags);
            let users = held.users.iter().filter(|(_, user)| user.gone.is_none());
            let accesses = held.accesses.iter().filter(|(_, access)| access.gone.is_none());
            let mut all = vec![format!("server {server}")];
            all.extend(users.map(|(name, _)| format!("user {name} of {server}")));
            all.extend(accesses.map(|(id, _)| format!("access {id} of {server}")));
            all
        }
        _ => Vec::new(),
    }
}

/// What forbids a call, if anything.
fn forbidden(world: &World, operation: &str, account: &str, region: &str, input: &Value) -> Option<String> {
    let foreign = |what: &str| Some(format!("O3: {operation} on {what}: {input}"));
    if CREATES.contains(&operation) {
        return creating(world, operation, input);
    }
    for (noun, member) in BY_ID {
        if let Some(id) = id_of(noun, member, input) {
            let place = (account, region);
            let left = || in_use::taken_off(world, place, &id, input).filter(|_| operation == "UpdateProfile");
            let forbidden = by_id(world, operation, place, (noun, &id), input);
            return forbidden.or_else(|| Some(format!("O3: {operation} on profile {id}: {}", left()?)));
        }
    }
    let (server, member) = target(input);
    if operation == "DeleteServer"
        && let Some(agreement) = in_use::agreed(world, (account, region), &server)
    {
        return foreign(&format!("server {server}, which has agreement {agreement}"));
    }
    let (server_owner, member_owner, exists, released) = {
        let mut sim = world.sim.lock().unwrap();
        let held = sim.world.region(account, region).servers.get(&server);
        let user = held.and_then(|held| held.users.get(member.as_deref()?));
        // Two processes may both let go: the second finds the first one's stamp, and nobody's claim.
        let has = |key: &str| held.is_some_and(|held| held.tags.iter().any(|tag| tag.key == key));
        let tagging = matches!(operation, "TagResource" | "UntagResource");
        let released = tagging && has(TAG_RETAINED_FROM) && !has(TAG_UID);
        (held.and_then(|held| owner(&held.tags)), user.map(|user| owner(&user.tags)), held.is_some(), released)
    };
    if !exists {
        return None;
    }
    let adopting = adopts(world, &server, member.as_deref(), input);
    // Taking access away rests on the user's own tags, also on a server that lost its own.
    let takes_away =
        matches!(operation, "DeleteSshPublicKey" | "DeleteUser") && member_owner.as_ref().is_some_and(Option::is_some);
    if server_owner.is_none() && !adopting && !released && !takes_away {
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
    if operation == "CreateUser" && !server_owner.as_ref().is_some_and(|uid| leads(world, uid, &server, input)) {
        return foreign(&format!("server {server}, to which no such object leads"));
    }
    if operation == "DeleteAccess" && stays_access(world, input) {
        return foreign("an access whose object stays");
    }
    let uid = if operation == "DeleteUser" { member_owner.flatten() } else { member_owner.flatten().or(server_owner) };
    restrained(world, operation, &uid.unwrap_or_default())
}

/// What AWS knows by an id alone, beside servers: as ARNs call it, and the member that holds the id.
const BY_ID: [(&str, &str); 6] = [
    ("workflow", "WorkflowId"),
    ("profile", "ProfileId"),
    ("connector", "ConnectorId"),
    ("agreement", "AgreementId"),
    ("certificate", "CertificateId"),
    ("webapp", "WebAppId"),
];

/// What makes something whose id AWS chooses.
const CREATES: [&str; 7] = [
    "CreateServer",
    "CreateWorkflow",
    "CreateProfile",
    "CreateConnector",
    "CreateAgreement",
    "ImportCertificate",
    "CreateWebApp",
];

/// The one that a request is about.
fn id_of(noun: &str, member: &str, input: &Value) -> Option<String> {
    let tagged = input["Arn"].as_str().and_then(|arn| arn.rsplit_once(&format!(":{noun}/"))).map(|(_, id)| id);
    // The ARN of an agreement names its server first.
    let tagged = tagged.and_then(|id| id.rsplit('/').next());
    input[member].as_str().or(tagged).map(str::to_owned)
}

/// What forbids a call on one: it is not ours; or it goes though its object stays and has not replaced it.
fn by_id(
    world: &World,
    operation: &str,
    place: (&str, &str),
    (noun, id): (&str, &str),
    input: &Value,
) -> Option<String> {
    // What it looks like may go while it stays.
    let deletes = operation.starts_with("Delete") && operation != "DeleteWebAppCustomization";
    let held = {
        let mut sim = world.sim.lock().unwrap();
        let region = sim.world.region(place.0, place.1);
        let tags = match noun {
            "workflow" => region.workflows.get(id)?.tags.clone(),
            "profile" => region.profiles.get(id).ok()?.tags.clone(),
            "connector" => region.connectors.get(id).ok()?.tags.clone(),
            "certificate" => region.certificates.get(id).ok()?.tags.clone(),
            "webapp" => region.web_apps.get(id).ok()?.tags.clone(),
            _ => region.agreements.get(id).ok()?.tags.clone(),
        };
        let has = |key: &str| tags.iter().any(|tag| tag.key == key);
        (owner(&tags), !deletes && has(TAG_RETAINED_FROM) && !has(TAG_UID))
    };
    let uid = match held {
        (Some(uid), _) => uid,
        (None, true) => return None,
        (None, false) if operation == "TagResource" && adopts_by_id(world, id, input) => return None,
        (None, false) => return Some(format!("O3: {operation} on {noun} {id}, which is not ours")),
    };
    if deletes {
        let object = living(world, &uid)?;
        let stays = object["metadata"].get("deletionTimestamp").is_none();
        let made = ["workflowId", "certificateId"].iter().any(|member| object["status"][*member].is_string());
        let replaced = object["status"]["replacing"]["oldId"] == id && made;
        if noun == "certificate"
            && stays
            && let Some(why) = certificates::overlaps(world, &object, id)
        {
            return Some(format!("O3: {operation} on certificate {id}: {why}"));
        }
        if noun == "certificate"
            && let Some(user) = in_use::having(world, place, id)
        {
            return Some(format!("O3: {operation} on certificate {id}, which {user} still has"));
        }
        if noun == "profile"
            && let Some(user) = in_use::naming(world, place, id)
        {
            return Some(format!("O3: {operation} on profile {id}, which {user} still names"));
        }
        if stays && !replaced {
            return Some(format!("O3: {operation} on {noun} {id}, whose object stays and did not replace it"));
        }
    }
    restrained(world, operation, &uid)
}

/// Whether there is, or was, an object for this user whose server is the object of this uid.
fn leads(world: &World, uid: &str, server: &str, input: &Value) -> bool {
    let Some(parent) = object_of(world, uid) else { return false };
    let api = world.api();
    api.history.iter().filter(|event| event.object["kind"] == "TransferUser").any(|event| {
        let (spec, meta) = (&event.object["spec"], &event.object["metadata"]);
        let named = spec["userName"].as_str().or(meta["name"].as_str()) == input["UserName"].as_str();
        named && (spec["serverId"] == *server || spec["serverRef"]["name"] == parent["metadata"]["name"])
    })
}

/// Whether an access has an object that is not being deleted.
fn stays_access(world: &World, input: &Value) -> bool {
    let api = world.api();
    api.list("TransferAccess").iter().any(|object| {
        object["spec"]["externalId"] == input["ExternalId"]
            && object["status"]["serverId"] == input["ServerId"]
            && object["metadata"].get("deletionTimestamp").is_none()
    })
}

fn creating(world: &World, operation: &str, input: &Value) -> Option<String> {
    let tags = satisfy::tags(&input["Tags"]);
    let uid = tags.get(TAG_UID).cloned().unwrap_or_default();
    if tags.get(TAG_CLUSTER).map(String::as_str) != Some(CLUSTER) || object_of(world, &uid).is_none() {
        return Some(format!("O3: {operation} without the owner tags of an object: {tags:?}"));
    }
    restrained(world, operation, &uid)
}

/// The object of a uid, as it is now.
fn living(world: &World, uid: &str) -> Option<Value> {
    let key =
        world.api().history.iter().rev().find(|event| event.object["metadata"]["uid"] == uid).map(|e| e.key.clone());
    key.and_then(|key| world.api().get(&key)).filter(|object| object["metadata"]["uid"] == uid)
}

/// What an object forbids.
fn restrained(world: &World, operation: &str, uid: &str) -> Option<String> {
    let object = living(world, uid)?;
    let (spec, name) = (&object["spec"], &object["metadata"]["name"]);
    let deleting = object["metadata"].get("deletionTimestamp").is_some();
    if spec["lifecycle"]["managementPolicy"] == "ObserveOnly" && !deleting {
        return Some(format!("O3: {operation} for {name}, which only observes"));
    }
    let deletes = ["DeleteServer", "DeleteUser", "DeleteConnector", "DeleteAgreement", "DeleteWebApp"];
    if deletes.contains(&operation) && !deleting {
        return Some(format!("O3: {operation} for {name}, which nobody deletes"));
    }
    let unless_told = matches!(object["kind"].as_str(), Some("TransferServer" | "TransferWebApp"));
    let protected = unless_told && spec["lifecycle"]["deletionProtection"] != false;
    let whole = matches!(operation, "DeleteServer" | "DeleteWebApp");
    (whole && protected).then(|| format!("O3: {operation} for {name} while protected"))
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

/// Whether these tags make what has this id the one of an object that asks to take it over.
fn adopts_by_id(world: &World, id: &str, input: &Value) -> bool {
    let api = world.api();
    api.keys().iter().filter_map(|key| api.get(key)).any(|object| takes_over(&object, id, &input["Tags"]))
}

/// The id of an agreement stands behind its server's.
fn takes_over(object: &Value, id: &str, tags: &Value) -> bool {
    let named = object["spec"]["lifecycle"]["adoption"]["id"].as_str();
    let its = satisfy::tags(tags).get(TAG_UID).map(String::as_str) == object["metadata"]["uid"].as_str();
    its && named.is_some_and(|named| named.rsplit('/').next() == Some(id))
}

#[test]
fn what_is_taken_over_by_id_gets_the_uid_of_who_asks_for_it() {
    let object = |id: &str| json!({"metadata": {"uid": "u"}, "spec": {"lifecycle": {"adoption": {"id": id}}}});
    let tags = |uid: &str| json!([{"Key": TAG_UID, "Value": uid}]);
    for (asks, tags, may) in [
        ("cert-1", tags("u"), true),
        ("s-1/cert-1", tags("u"), true),
        ("cert-1", tags("another"), false),
        ("cert-1", json!([]), false),
        ("cert-2", tags("u"), false),
    ] {
        assert_eq!(takes_over(&object(asks), "cert-1", &tags), may, "{asks} {tags}");
    }
    assert!(!takes_over(&json!({"metadata": {}}), "cert-1", &json!([])));
}

/// O1 after the effect, and the counts.
pub fn after_mutation(world: &World, operation: &str, input: &Value, intent: &Intent) {
    {
        let mut oracle = world.oracle.lock().unwrap();
        oracle.mutations += 1;
        oracle.stops += u64::from(intent.stops);
    }
    let creates = operation.starts_with("Create") || operation == "ImportCertificate";
    one_each::count(world, creates, &intent.about);
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
    one_each::made(world, operation);
    in_force::look(world);
}

impl Oracle {
    /// How many Events were told.
    pub fn told(&self) -> usize {
        self.events.values().map(Vec::len).sum()
    }
}
