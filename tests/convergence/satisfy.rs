//! Whether AWS holds what an object asks for, told from the spec and the simulator's own state. It shares no code with
//! the operator's comparison: it is what that is held against.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use transfer_operator::api::TAG_OWNER;
use transfer_operator::cluster::Name;
use transfer_operator::sim::operation::Operation;
use transfer_operator::sim::partners::Customization;

use crate::lint;
use crate::oracle::unchecked::Check;
use crate::world::{ACCOUNT, REGION, World};
use transfer_operator::fakes::api_server::{Key, text};

/// Members of a spec that are not AWS's.
const OURS: &[&str] = &[
    "allowedReferences",
    "awsIdentityRef",
    "connectionTest",
    "customization",
    "customHostname",
    "desiredState",
    "home",
    "hostKeyPolicy",
    "hostKeys",
    "knownHostsConfigMap",
    "lifecycle",
    "loginTest",
    "region",
    "resyncInterval",
    "serverId",
    "serverRef",
    "sshPublicKeyPolicy",
    "sshPublicKeys",
    "sshPublicKeysFrom",
    "suspend",
    "tags",
    "policyFrom",
    "hostKeyStorageType",
];

/// Whether the object asks that not everything be put right; a real API server fills in `Full`.
pub fn restrained(object: &Value) -> bool {
    matches!(object["spec"]["lifecycle"]["managementPolicy"].as_str(), Some("ObserveOnly" | "ReportDrift"))
}

/// The object without the members that it says are not in force yet: Ready is about the others, and they are all held
/// against AWS.
pub fn in_force(object: &Value) -> Value {
    let mut object = object.clone();
    let pending = lint::find(&object, "DisruptionPending").filter(|pending| {
        pending["status"] == "True" && pending["observedGeneration"] == object["metadata"]["generation"]
    });
    let message = pending.map(|pending| text(&pending["message"])).unwrap_or_default();
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|name, _| !message.contains(&format!("spec.{name}")));
    }
    object
}

/// The server of an object that wants it ONLINE, where it is not.
pub fn left_offline(world: &World, object: &Value) -> Option<String> {
    let wants = object["kind"] == "TransferServer" && object["spec"]["desiredState"].as_str() != Some("OFFLINE");
    let id = object["status"]["serverId"].as_str().filter(|_| wants)?;
    let have = describe(world, Operation::DescribeServer, json!({"ServerId": id}), "Server")?;
    (have["State"] != "ONLINE").then(|| id.to_owned())
}

/// What was deleted, though AWS still shows it.
fn dying(world: &World, server: &str, user: &str, access: &str) -> Option<String> {
    let mut sim = world.sim.lock().unwrap();
    let region = sim.world.region(ACCOUNT, REGION);
    if region.workflows.get(server).is_some_and(|workflow| workflow.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    if region.profiles.get(server).is_ok_and(|profile| profile.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    if region.certificates.get(server).is_ok_and(|certificate| certificate.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    if region.connectors.get(server).is_ok_and(|connector| connector.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    if region.agreements.get(server).is_ok_and(|agreement| agreement.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    if region.web_apps.get(server).is_ok_and(|web_app| web_app.gone.is_some()) {
        return Some(format!("{server} was deleted"));
    }
    let held = region.servers.get(server)?;
    let user = held.users.get(user).is_some_and(|user| user.gone.is_some());
    let access = held.accesses.get(access).is_some_and(|access| access.gone.is_some());
    (held.gone.is_some() || user || access).then(|| format!("{server} or its member was deleted"))
}

/// What is missing in AWS of what the object asks for; nothing if it is satisfied.
pub fn missing(world: &World, key: &Key, object: &Value) -> Option<String> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let id = ["agreementId", "serverId", "workflowId", "profileId", "connectorId", "certificateId", "webAppId"]
        .iter()
        .find_map(|member| status[*member].as_str());
    let server = id.unwrap_or_default().to_owned();
    let user = if key.0 == "TransferUser" { spec["userName"].as_str().unwrap_or(&key.1.name) } else { "" };
    if let Some(gone) = dying(world, &server, user, spec["externalId"].as_str().unwrap_or_default()) {
        return Some(gone);
    }
    match key.0.as_str() {
        "TransferServer" => {
            let input = json!({"ServerId": server});
            let Some(mut have) = describe(world, Operation::DescribeServer, input, "Server") else {
                return Some(format!("no server {server}"));
            };
            // Told or not, this is where SFTP is served.
            let named = spec["protocolDetails"]["sftpPorts"].as_array().is_some_and(|ports| !ports.is_empty());
            if named && have["ProtocolDetails"]["SftpPorts"].is_null() {
                have["ProtocolDetails"]["SftpPorts"] =
                    json!([{"SftpPort": 22, "CommunicationMode": "SERVER_TALK_FIRST"}]);
            }
            // AWS never shows them; here it can be seen what it holds.
            have["EndpointDetails"]["SecurityGroupIds"] = security_groups(world, &server);
            let state = spec["desiredState"].as_str().unwrap_or("ONLINE");
            if have["State"] != state {
                return Some(format!("state {} is not {state}", have["State"]));
            }
            let mut spec = spec.clone();
            workflows(world, key, &mut spec, &have)
                .or_else(|| lacks(&spec, &have))
                .or_else(|| keys_of_host(world, key, &spec, &server))
                .or_else(|| known_hosts(world, key, object, &server))
        }
        "TransferUser" => {
            let name = spec["userName"].as_str().unwrap_or(&key.1.name);
            let input = json!({"ServerId": server, "UserName": name});
            let Some(have) = describe(world, Operation::DescribeUser, input, "User") else {
                return Some(format!("no user {name} on {server}"));
            };
            lacks(spec, &have)
                .or_else(|| ssh_keys(world, key, spec, &have))
                .or_else(|| home(spec, &have))
                .or_else(|| policy(world, key, spec, &have))
        }
        "TransferAccess" => {
            let input = json!({"ServerId": server, "ExternalId": spec["externalId"]});
            let Some(have) = describe(world, Operation::DescribeAccess, input, "Access") else {
                return Some(format!("no access {} on {server}", spec["externalId"]));
            };
            lacks(spec, &have).or_else(|| home(spec, &have)).or_else(|| policy(world, key, spec, &have))
        }
        "TransferWorkflow" => {
            let input = json!({"WorkflowId": server});
            let Some(have) = describe(world, Operation::DescribeWorkflow, input, "Workflow") else {
                return Some(format!("no workflow {server}"));
            };
            let left = ["description", "onExceptionSteps"]
                .into_iter()
                .find(|name| spec.get(*name).is_none() && !have[pascal(name)].is_null());
            left.map(|name| format!("{name} left the spec, and AWS has it")).or_else(|| lacks(spec, &have))
        }
        "TransferProfile" => {
            let input = json!({"ProfileId": server});
            let Some(have) = describe(world, Operation::DescribeProfile, input, "Profile") else {
                return Some(format!("no profile {server}"));
            };
            let mut spec = spec.clone();
            named_certificates(world, key, &mut spec, &have).or_else(|| lacks(&spec, &have))
        }
        "TransferCertificate" => certificate(world, spec, &server),
        "TransferConnector" => connector(world, key, object, &server),
        "TransferAgreement" => agreement(world, key, spec, status),
        "TransferWebApp" => web_app(world, key, object, &server),
        _ => None,
    }
}

/// What a connector lacks. Which keys of a ConfigMap are trusted, tests beside the code show.
fn connector(world: &World, key: &Key, object: &Value, id: &str) -> Option<String> {
    let have = describe(world, Operation::DescribeConnector, json!({"ConnectorId": id}), "Connector");
    let Some(have) = have else { return Some(format!("no connector {id}")) };
    if have["Status"] != "ACTIVE" {
        return Some(format!("status {} is not ACTIVE", have["Status"]));
    }
    let mut spec = object["spec"].clone();
    if let Some(config) = spec["sftpConfig"].as_object_mut() {
        if config.remove("trustedHostKeysFrom").is_some() {
            config.remove("trustedHostKeys");
        }
        // Only type and key are sent.
        for line in config.get_mut("trustedHostKeys").and_then(Value::as_array_mut).into_iter().flatten() {
            let words = text(line);
            let words: Vec<&str> = words.split_whitespace().skip_while(|word| !is_type(word)).take(2).collect();
            *line = json!(words.join(" "));
        }
        let left =
            config.get("maxConcurrentConnections").is_none() && have["SftpConfig"]["MaxConcurrentConnections"] != 1;
        // Where the record of what was set is lost, what AWS has is told and left.
        if left && !object["status"]["unset"].to_string().contains("maxConcurrentConnections") {
            return Some("maxConcurrentConnections left the spec, and AWS has it".to_owned());
        }
    }
    if let Some(other) = profiles(world, key, &mut spec["as2Config"], &have["As2Config"]) {
        return Some(other);
    }
    let named = spec.pointer_mut("/as2Config/asyncMdnConfig").and_then(Value::as_object_mut);
    let servers = named.and_then(|config| config.remove("serverRefs"));
    for named in servers.iter().flat_map(|all| all.as_array().into_iter().flatten()) {
        let owner = format!("{}/{}", named["namespace"].as_str().unwrap_or(&key.1.namespace), text(&named["name"]));
        let ids = have["As2Config"]["AsyncMdnConfig"]["ServerIds"].as_array().cloned().unwrap_or_default();
        let mut sim = world.sim.lock().unwrap();
        let servers = &sim.world.region(ACCOUNT, REGION).servers;
        let its = |id: &Value| {
            let held = servers.get(&text(id));
            held.is_some_and(|held| held.tags.iter().any(|tag| tag.key == TAG_OWNER && tag.value == owner))
        };
        if !ids.iter().any(its) {
            return Some(format!("none of the servers {ids:?} is that of {owner}"));
        }
    }
    lacks(&spec, &have)
}

/// What a certificate lacks. Which one it is depends on when its source was read: the workflows wait for that.
fn certificate(world: &World, spec: &Value, id: &str) -> Option<String> {
    let input = json!({"CertificateId": id});
    let Some(have) = describe(world, Operation::DescribeCertificate, input, "Certificate") else {
        return Some(format!("no certificate {id}"));
    };
    let until = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let wanted = until(&spec["inactiveDate"]).map(jiff::Timestamp::as_second);
    let [held, last] = ["InactiveDate", "NotAfterDate"].map(|date| have[date].as_f64().unwrap_or_default());
    #[allow(clippy::cast_possible_truncation, reason = "seconds of years with four digits")]
    let [held, last] = [held as i64, last as i64];
    if wanted.is_some_and(|wanted| wanted.min(last) != held) {
        return Some(format!("inactiveDate: wanted {wanted:?}, AWS has {}", have["InactiveDate"]));
    }
    let with_key = have["Type"] == "CERTIFICATE_WITH_PRIVATE_KEY";
    if with_key != spec["secretRef"].is_object() {
        return Some(format!("its type is {}", have["Type"]));
    }
    lacks(&json!({"usage": spec["usage"], "description": spec["description"], "tags": spec["tags"]}), &have)
}

/// Certificates that a profile names by reference: AWS must have one on it that carries the tags of that object. They are
/// taken out of the spec together with those that it names by their ids, which must be there as well, and no other.
fn named_certificates(world: &World, key: &Key, spec: &mut Value, have: &Value) -> Option<String> {
    let refs = spec.as_object_mut()?.remove("certificateRefs")?;
    let by_id = spec.as_object_mut()?.remove("certificateIds").unwrap_or_default();
    let by_id: Vec<String> = by_id.as_array().into_iter().flatten().map(text).collect();
    let refs: Vec<Value> = refs.as_array().cloned().unwrap_or_default();
    let owners: Vec<String> = refs
        .iter()
        .map(|named| format!("{}/{}", named["namespace"].as_str().unwrap_or(&key.1.namespace), text(&named["name"])))
        .collect();
    let held: Vec<String> = have["CertificateIds"].as_array().into_iter().flatten().map(text).collect();
    let mut sim = world.sim.lock().unwrap();
    let certificates = &sim.world.region(ACCOUNT, REGION).certificates;
    let owner = |id: &String| {
        let tags = certificates.get(id).ok().filter(|held| held.gone.is_none()).map(|held| &held.tags)?;
        tags.iter().find(|tag| tag.key == TAG_OWNER).map(|tag| tag.value.clone())
    };
    let of: Vec<Option<String>> = held.iter().map(owner).collect();
    let lacking = owners.iter().find(|owner| !of.iter().flatten().any(|of| of == *owner));
    let missing = by_id.iter().find(|id| !held.contains(id));
    let other =
        held.iter().zip(&of).find(|(id, of)| !by_id.contains(id) && !of.as_ref().is_some_and(|of| owners.contains(of)));
    match (lacking, missing, other) {
        (Some(owner), ..) => Some(format!("none of the certificates {held:?} is that of {owner}")),
        (_, Some(id), _) => Some(format!("certificate {id} is not among {held:?}")),
        (.., Some((id, _))) => Some(format!("certificate {id} is nobody's that is named")),
        _ => None,
    }
}

/// What an agreement lacks.
fn agreement(world: &World, key: &Key, spec: &Value, status: &Value) -> Option<String> {
    let which = json!({"ServerId": status["serverId"], "AgreementId": status["agreementId"]});
    let have = describe(world, Operation::DescribeAgreement, which, "Agreement");
    let Some(have) = have else { return Some(format!("no agreement {}", status["resourceId"])) };
    let mut spec = spec.clone();
    let left = ["baseDirectory", "customDirectories"]
        .into_iter()
        .find(|name| spec.get(*name).is_none() && !have[pascal(name)].is_null());
    left.map(|name| format!("{name} left the spec, and AWS has it"))
        .or_else(|| profiles(world, key, &mut spec, &have))
        .or_else(|| lacks(&spec, &have))
}

/// What a web app lacks. What AWS never shows of its network can be seen here.
fn web_app(world: &World, key: &Key, object: &Value, id: &str) -> Option<String> {
    let have = describe(world, Operation::DescribeWebApp, json!({"WebAppId": id}), "WebApp");
    let Some(mut have) = have else { return Some(format!("no web app {id}")) };
    let spec = &object["spec"];
    have["IdentityProviderDetails"] = have["DescribedIdentityProviderDetails"].take();
    let held = world.sim.lock().unwrap().world.region(ACCOUNT, REGION).web_apps.get(id).ok()?.what.clone();
    if let Some(vpc) = &held.vpc {
        have["EndpointDetails"] = json!({"Vpc": vpc});
    }
    let told = object["status"]["unset"].to_string();
    // As it was sent: how AWS shows it is a switch.
    have["AccessEndpoint"] = json!(held.access_endpoint);
    let left =
        spec.get("accessEndpoint").is_none() && held.access_endpoint.is_some() && !told.contains("accessEndpoint");
    let left = left.then(|| "accessEndpoint left the spec, and AWS has it".to_owned());
    lacks(spec, &have).or(left).or_else(|| look(world, key, spec, held.customization.unwrap_or_default(), &told))
}

/// What its look lacks: title and images as the spec and its ConfigMaps have them; what left the spec is gone, or told.
fn look(world: &World, key: &Key, spec: &Value, held: Customization, told: &str) -> Option<String> {
    let Customization { title, logo_file, favicon_file } = held;
    let image = |member: &str| {
        let reference = spec["customization"].get(member)?.get("configMapKeyRef")?;
        let name = Name { namespace: key.1.namespace.clone(), name: text(&reference["name"]) };
        let data = world.api().data.get(&("ConfigMap".to_owned(), name)).cloned().unwrap_or_default();
        Some(STANDARD.encode(data.get(&text(&reference["key"])).cloned().unwrap_or_default()))
    };
    let title_wanted = spec["customization"]["title"].as_str().map(str::to_owned);
    let rows = [
        ("title", title_wanted, title),
        ("logoFrom", image("logoFrom"), logo_file),
        ("faviconFrom", image("faviconFrom"), favicon_file),
    ];
    let unlike =
        rows.into_iter().find(|(name, wanted, held)| wanted != held && !(wanted.is_none() && told.contains(name)));
    unlike.map(|(name, wanted, held)| format!("customization.{name}: wanted {wanted:?}, AWS has {held:?}"))
}

/// Whether the word is the type of a partner's key.
fn is_type(word: &str) -> bool {
    word.starts_with("ssh-") || word.starts_with("ecdsa-")
}

/// Profiles that a connector or an agreement names by reference: AWS must name one that carries the tags of that object, and is not deleted
/// though AWS may show it yet. They are taken out
/// of the spec, as they stand in it AWS knows nothing of them.
fn profiles(world: &World, key: &Key, config: &mut Value, have: &Value) -> Option<String> {
    let config = config.as_object_mut()?;
    for (member, theirs) in [("localProfileRef", "LocalProfileId"), ("partnerProfileRef", "PartnerProfileId")] {
        let Some(named) = config.remove(member) else { continue };
        let owner = format!("{}/{}", named["namespace"].as_str().unwrap_or(&key.1.namespace), text(&named["name"]));
        let id = text(&have[theirs]);
        let mut sim = world.sim.lock().unwrap();
        let held = sim.world.region(ACCOUNT, REGION).profiles.get(&id).ok();
        let held = held.filter(|held| held.gone.is_none());
        if !held.is_some_and(|held| held.tags.iter().any(|tag| tag.key == TAG_OWNER && tag.value == owner)) {
            return Some(format!("profile {id:?} in {member} is not that of {owner}"));
        }
    }
    None
}

/// The ConfigMap that is to tell of the server: it does where it is there, and nobody else's was ever written to. That it
/// comes and goes is no part of Ready, and shown beside the code.
fn known_hosts(world: &World, key: &Key, object: &Value, server: &str) -> Option<String> {
    let api = world.api();
    if let Some((_, name)) = api.trespasses.first() {
        return Some(format!("ConfigMap {name} is somebody else's and was written to"));
    }
    let name = object["spec"]["knownHostsConfigMap"]["name"].as_str()?;
    let named = ("ConfigMap".to_owned(), Name { namespace: key.1.namespace.clone(), name: name.to_owned() });
    let own = api.owned_by(&object["metadata"]["uid"]).contains(&named);
    let data = api.get(&named).filter(|_| own)?["data"]["known_hosts"].clone();
    (!text(&data).contains(server)).then(|| format!("ConfigMap {} does not tell of {server}", named.1))
}

/// Workflows that a server names by reference: AWS must name one that carries the tags of that object. They are taken
/// out of the spec, as they stand in it AWS knows nothing of them.
fn workflows(world: &World, key: &Key, spec: &mut Value, have: &Value) -> Option<String> {
    for (list, theirs) in [("onUpload", "OnUpload"), ("onPartialUpload", "OnPartialUpload")] {
        for (index, entry) in spec["workflowDetails"][list].as_array_mut().into_iter().flatten().enumerate() {
            let Some(named) = entry.as_object_mut().and_then(|entry| entry.remove("workflowRef")) else { continue };
            let namespace = named["namespace"].as_str().unwrap_or(&key.1.namespace);
            let owner = format!("{namespace}/{}", text(&named["name"]));
            let id = text(&have["WorkflowDetails"][theirs][index]["WorkflowId"]);
            let mut sim = world.sim.lock().unwrap();
            let held = sim.world.region(ACCOUNT, REGION).workflows.get(&id);
            if !held.is_some_and(|held| held.tags.iter().any(|tag| tag.key == TAG_OWNER && tag.value == owner)) {
                return Some(format!("workflow {id:?} in {list} is not that of {owner}"));
            }
        }
    }
    None
}

/// Reads as a person with all rights.
pub fn describe(world: &World, operation: Operation, input: Value, member: &str) -> Option<Value> {
    let now = world.clock.now();
    let mut output = world.sim.lock().unwrap().out_of_band(operation, ACCOUNT, REGION, input, now).ok()?;
    transfer_operator::sim::wire::without_nulls(&mut output);
    Some(output[member].take())
}

fn security_groups(world: &World, server: &str) -> Value {
    let mut sim = world.sim.lock().unwrap();
    let held = sim.world.region(ACCOUNT, REGION).servers.get(server);
    json!(held.and_then(|held| held.settings.endpoint_details.as_ref()?.security_group_ids.clone()))
}

fn lacks(spec: &Value, have: &Value) -> Option<String> {
    let members = spec.as_object().into_iter().flatten();
    for (name, wanted) in members.filter(|(name, _)| !OURS.contains(&name.as_str())) {
        let name = pascal(name);
        let wanted = with_their_names(wanted);
        if !within(&name, &wanted, &have[&name]) {
            return Some(format!("{name}: wanted {wanted}, AWS has {}", have[&name]));
        }
    }
    let tagged = tags(&have["Tags"]);
    let wanted = spec["tags"].as_object().into_iter().flatten();
    wanted
        .filter(|(name, _)| !name.starts_with("transfer-operator.dev/"))
        .find(|(name, value)| tagged.get(*name).map(String::as_str) != value.as_str())
        .map(|(name, value)| format!("tag {name}: wanted {value}, AWS has {:?}", tagged.get(name)))
}

/// Tags as AWS lists them.
pub fn tags(value: &Value) -> BTreeMap<String, String> {
    value.as_array().into_iter().flatten().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

/// A value of the spec with AWS's names.
fn with_their_names(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (pascal(name), with_their_names(value)));
            Value::Object(members.collect::<Map<String, Value>>())
        }
        Value::Array(items) => items.iter().map(with_their_names).collect(),
        plain => plain.clone(),
    }
}

/// AWS's name of a member of the spec.
fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Whether AWS holds a wanted value: what the spec leaves open may be anything.
fn within(name: &str, wanted: &Value, have: &Value) -> bool {
    match (wanted, have) {
        (Value::Object(wanted), Value::Object(have)) => {
            wanted.iter().all(|(name, wanted)| within(name, wanted, have.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Object(wanted), Value::Null) => wanted.iter().all(|(name, wanted)| within(name, wanted, &Value::Null)),
        (Value::Array(wanted), Value::Array(have)) if is_set(name) => {
            let sorted = |items: &[Value]| {
                let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
                items.sort();
                items.dedup();
                items
            };
            sorted(wanted) == sorted(have)
        }
        (Value::Array(wanted), Value::Array(have)) => {
            wanted.len() == have.len() && wanted.iter().zip(have).all(|(wanted, have)| within("", wanted, have))
        }
        (Value::String(wanted), have) if name == "Policy" => same_json(wanted, have.as_str().unwrap_or_default()),
        (Value::Array(wanted), Value::Null) => wanted.is_empty(),
        (Value::String(wanted), Value::Null) => wanted.is_empty() || DEFAULTS.contains(&(name, wanted)),
        (wanted, have) => wanted == have,
    }
}

/// What AWS means where it returns nothing.
const DEFAULTS: &[(&str, &str)] =
    &[("Type", "DIRECTORY"), ("SftpMode", "NONE"), ("DirectoryListingOptimization", "DISABLED")];

/// Lists whose order says nothing; that of subnets pairs them with elastic IPs, which nobody attaches here.
fn is_set(name: &str) -> bool {
    matches!(
        name,
        "Protocols"
            | "TrustedHostKeys"
            | "ServerIds"
            | "SecurityGroupIds"
            | "SubnetIds"
            | "SecondaryGids"
            | "CertificateIds"
    )
}

fn same_json(a: &str, b: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    read(a).is_some() && read(a) == read(b)
}

fn blob(line: &str) -> Option<String> {
    line.split_whitespace().nth(1).map(str::to_owned)
}

fn ssh_keys(world: &World, key: &Key, spec: &Value, have: &Value) -> Option<String> {
    if spec.get("sshPublicKeys").is_none() && spec.get("sshPublicKeysFrom").is_none() {
        return None;
    }
    let now = world.clock.now();
    let lasts = |key: &&Value| key["expiresAt"].as_str().and_then(|end| end.parse().ok()).is_none_or(|end| now < end);
    let inline = spec["sshPublicKeys"].as_array().into_iter().flatten().filter(lasts);
    let inline = inline.map(|key| text(&key["publicKey"]));
    let mut wanted: Vec<String> = inline.filter_map(|line| blob(&line)).collect();
    for source in spec["sshPublicKeysFrom"].as_array().into_iter().flatten() {
        let reference = &source["configMapKeyRef"];
        let name = Name { namespace: key.1.namespace.clone(), name: text(&reference["name"]) };
        let api = world.api();
        let data = api.data.get(&("ConfigMap".to_owned(), name));
        let lines = data.and_then(|data| data.get(reference["key"].as_str()?)).cloned().unwrap_or_default();
        wanted.extend(lines.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(blob));
    }
    wanted.sort();
    wanted.dedup();
    let held = have["SshPublicKeys"].as_array().into_iter().flatten();
    let mut held: Vec<String> = held.filter_map(|key| blob(&text(&key["SshPublicKeyBody"]))).collect();
    held.sort();
    if spec["sshPublicKeyPolicy"] == "Additive" {
        held.retain(|key| wanted.contains(key));
    }
    (wanted != held).then(|| format!("SSH keys: wanted {}, AWS has {}", wanted.len(), held.len()))
}

fn home(spec: &Value, have: &Value) -> Option<String> {
    let home = spec.get("home")?;
    let at = |value: &Value, name: &str| text(&value[name]).trim_matches('/').to_owned();
    let (s3, efs) = (&home["s3"], &home["efs"]);
    let parts =
        if s3.is_object() { [at(s3, "bucket"), at(s3, "prefix")] } else { [at(efs, "fileSystemId"), at(efs, "path")] };
    let path = parts.into_iter().filter(|part| !part.is_empty()).fold(String::new(), |path, part| path + "/" + &part);
    let held = if home["restricted"] == false {
        have["HomeDirectory"].clone()
    } else {
        have["HomeDirectoryMappings"][0]["Target"].clone()
    };
    (held != path).then(|| format!("home: wanted {path}, AWS has {held}"))
}

/// Fingerprints of the keys in the Secrets that the spec lists, against those that AWS shows.
fn keys_of_host(world: &World, key: &Key, spec: &Value, server: &str) -> Option<String> {
    let listed = spec["hostKeys"].as_array()?;
    let mut wanted = BTreeSet::new();
    for entry in listed {
        let reference = &entry["secretKeyRef"];
        let name = Name { namespace: key.1.namespace.clone(), name: text(&reference["name"]) };
        let member = reference["key"].as_str().unwrap_or("ssh-privatekey");
        let body = world.api().data.get(&("Secret".to_owned(), name)).and_then(|data| data.get(member)).cloned();
        let Some(fingerprint) = body.and_then(|body| fingerprint(&body)) else {
            return Some(format!("host keys: no key stands in {reference}"));
        };
        let kms = kms_key(world, server, &fingerprint);
        if entry["kmsKey"].is_string() && entry["kmsKey"] != kms && !world.setup.skips(Check::KmsKey) {
            return Some(format!("host key {}: wanted KMS key {}, AWS has {kms}", entry["name"], entry["kmsKey"]));
        }
        wanted.insert(fingerprint);
    }
    let have = describe(world, Operation::ListHostKeys, json!({"ServerId": server}), "HostKeys")?;
    let held = have.as_array().into_iter().flatten();
    // What was replaced in its Secret stays until it is confirmed.
    let status = world.api().get(key).map(|mut object| object["status"]["hostKeys"].take()).unwrap_or_default();
    let rows = status.as_array().into_iter().flatten().filter(|row| row["replaced"].is_string());
    let stays: BTreeSet<String> = rows.map(|row| plain(&text(&row["fingerprint"]))).collect();
    let held = held.map(|key| plain(&text(&key["Fingerprint"]))).filter(|key| !stays.contains(key));
    let held: BTreeSet<String> = held.collect();
    let enough = if spec["hostKeyPolicy"] == "Exclusive" { held == wanted } else { held.is_superset(&wanted) };
    (!enough).then(|| format!("host keys: wanted {wanted:?}, AWS has {held:?}"))
}

/// The KMS key of a host key, which AWS keeps and never returns.
fn kms_key(world: &World, server: &str, fingerprint: &str) -> Value {
    let mut sim = world.sim.lock().unwrap();
    let keys = sim.world.region(ACCOUNT, REGION).servers.get(server).map(|held| &held.host_keys);
    let held = keys.into_iter().flatten().find(|held| plain(&held.host_key_fingerprint) == fingerprint);
    json!(held.and_then(|held| held.kms_key.clone()))
}

/// The fingerprint of a private key's public half, worked out by ssh-key.
fn fingerprint(body: &str) -> Option<String> {
    let key = transfer_operator::ssh::public_of_private(body).ok()?;
    let line = format!("{} {}", key.algorithm(), key.base64());
    let read = ssh_key::PublicKey::from_openssh(&line).ok()?;
    Some(plain(&read.fingerprint(ssh_key::HashAlg::Sha256).to_string()))
}

fn plain(fingerprint: &str) -> String {
    fingerprint.trim_end_matches('=').to_owned()
}

/// The session policy in the ConfigMap that the spec names, against AWS's: the same JSON. Without one AWS has none.
fn policy(world: &World, key: &Key, spec: &Value, have: &Value) -> Option<String> {
    let reference = &spec.get("policyFrom")?["configMapKeyRef"];
    let name = Name { namespace: key.1.namespace.clone(), name: text(&reference["name"]) };
    let data = world.api().data.get(&("ConfigMap".to_owned(), name)).cloned().unwrap_or_default();
    let Some(wanted) = data.get(&text(&reference["key"])) else {
        return Some(format!("policy: nothing stands in {reference}"));
    };
    let held = text(&have["Policy"]);
    (!same_json(wanted, &held)).then(|| format!("policy: wanted {wanted}, AWS has {held:?}"))
}
