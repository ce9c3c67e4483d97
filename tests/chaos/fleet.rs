//! The objects that people edit meanwhile, what they want in the end, and how AWS differs from it.

use std::collections::BTreeSet;

use http::Method;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use crate::stage::{FLEET, PATIENCE, Stage};
use crate::support::{await_condition, keys_half_known, managed, ready, repository};

pub const SERVERS: usize = 5;
const USERS: usize = 50;
const ACCESSES: usize = 10;
/// The server whose logins are groups of a directory; the users are on the others.
const DIRECTORY: usize = 4;

const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";

/// An object and what is wanted of it now.
struct Thing {
    kind: &'static str,
    plural: &'static str,
    name: String,
    /// The server that it is, or is on.
    server: usize,
    spec: Value,
    /// False while it is deleted.
    there: bool,
}

pub struct Fleet {
    things: Vec<Thing>,
    /// Lines for `spec.sshPublicKeys`.
    keys: Vec<String>,
}

pub fn user_name(number: usize) -> String {
    format!("user-{number}")
}

fn server_name(number: usize) -> String {
    format!("server-{number}")
}

/// The id of a server in AWS, as soon as there is one.
pub async fn server_id(stage: &Stage, number: usize) -> String {
    let path = path("transferservers", &server_name(number));
    await_condition("the id of a server", PATIENCE, async || {
        let server = stage.ask(Method::GET, &path, &Value::Null).await.unwrap_or_default();
        let id = server["status"]["serverId"].as_str().map(str::to_owned);
        id.ok_or(server["status"].to_string())
    })
    .await
}

/// Waits until a condition of a server speaks of this.
pub async fn told(stage: &Stage, number: usize, text: &str) {
    let path = path("transferservers", &server_name(number));
    await_condition(&format!("a condition about {text}"), PATIENCE, async || {
        let server = stage.ask(Method::GET, &path, &Value::Null).await;
        let conditions = server.expect("a server with a guest is not let go")["status"]["conditions"].to_string();
        if conditions.contains(text) { Ok(()) } else { Err(conditions) }
    })
    .await;
}

fn path(plural: &str, name: &str) -> String {
    format!("/apis/transfer-operator.dev/v1alpha1/namespaces/{FLEET}/{plural}/{name}")
}

fn identity() -> Value {
    let grant = json!({
        "name": "all", "kinds": ["TransferServer", "TransferUser", "TransferAccess"], "namespaces": {"from": "All"},
        "roleArns": [format!("{ROLE}/*")],
    });
    let spec = json!({
        "accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
        "grants": [grant],
    });
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "default"}, "spec": spec})
}

fn login(server: usize, prefix: u32) -> Value {
    let home = json!({"s3": {"bucket": "my-files", "prefix": format!("at/{prefix}")}});
    json!({"serverRef": {"name": server_name(server)}, "role": format!("{ROLE}/0"), "home": home})
}

impl Fleet {
    pub fn new() -> Self {
        let thing = |kind, plural, name, server, spec| Thing { kind, plural, name, server, spec, there: true };
        let mut things = Vec::new();
        for number in 0..SERVERS {
            let lifecycle = json!({"deletionProtection": false});
            let mut spec = json!({"region": "eu-central-1", "lifecycle": lifecycle});
            if number == DIRECTORY {
                spec["identityProviderType"] = json!("AWS_DIRECTORY_SERVICE");
                spec["identityProviderDetails"] = json!({"directoryId": "d-0123456789"});
            }
            things.push(thing("TransferServer", "transferservers", server_name(number), number, spec));
        }
        for number in 0..USERS {
            let server = number % DIRECTORY;
            things.push(thing("TransferUser", "transferusers", user_name(number), server, login(server, 0)));
        }
        for number in 0..ACCESSES {
            let mut spec = login(DIRECTORY, 0);
            spec["externalId"] = json!(format!("S-1-5-21-1-2-3-{}", 1000 + number));
            things.push(thing("TransferAccess", "transferaccesses", format!("access-{number}"), DIRECTORY, spec));
        }
        let fixture =
            |name: &str| std::fs::read_to_string(repository(&format!("tests/fixtures/keys/{name}.pub"))).unwrap();
        let names = ["openssh-ed25519", "openssh-p256", "openssh-rsa2048", "pkcs8-ed25519", "sec1-p384"];
        let keys = names.iter().map(|name| fixture(name).trim().to_owned()).collect();
        Self { things, keys }
    }

    /// Creates everything.
    pub async fn apply_all(&self, stage: &Stage) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FLEET}});
        apply(stage, &format!("/api/v1/namespaces/{FLEET}"), &namespace).await;
        apply(stage, "/apis/transfer-operator.dev/v1alpha1/awsidentities/default", &identity()).await;
        for thing in &self.things {
            thing.apply(stage).await;
        }
    }

    /// One thing that a person does.
    pub async fn edit(&mut self, stage: &Stage, random: &mut StdRng) {
        match random.random_range(0..100_u32) {
            0..50 => self.edit_login("TransferUser", stage, random).await,
            50..60 => self.edit_login("TransferAccess", stage, random).await,
            60..78 => self.edit_server(stage, random).await,
            78..94 => self.come_or_go(stage, random).await,
            _ => self.drift(stage, random).await,
        }
    }

    /// Any of these things.
    fn pick(&self, random: &mut StdRng, fits: impl Fn(&Thing) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.things.len()).filter(|&index| fits(&self.things[index])).collect();
        if all.is_empty() { None } else { Some(all[random.random_range(0..all.len())]) }
    }

    async fn edit_login(&mut self, kind: &str, stage: &Stage, random: &mut StdRng) {
        let Some(index) = self.pick(random, |thing| thing.kind == kind && thing.there) else { return };
        let (role, prefix) = (random.random_range(0..3_u32), random.random_range(0..100_u32));
        let keys: Vec<Value> =
            self.keys.iter().filter(|_| random.random_bool(0.4)).map(|key| json!({"publicKey": key})).collect();
        let thing = &mut self.things[index];
        thing.spec["role"] = json!(format!("{ROLE}/{role}"));
        thing.spec["home"]["s3"]["prefix"] = json!(format!("at/{prefix}"));
        if kind == "TransferUser" {
            thing.spec["sshPublicKeys"] = json!(keys);
        }
        thing.apply(stage).await;
    }

    async fn edit_server(&mut self, stage: &Stage, random: &mut StdRng) {
        let Some(index) = self.pick(random, |thing| thing.kind == "TransferServer" && thing.there) else { return };
        let (what, number) = (random.random_range(0..3_u32), random.random_range(0..100_u32));
        let spec = &mut self.things[index].spec;
        match what {
            0 => spec["preAuthenticationLoginBanner"] = json!(format!("banner {number}")),
            1 => spec["tags"] = json!({"number": number.to_string()}),
            _ => spec["desiredState"] = json!(if number % 2 == 0 { "ONLINE" } else { "OFFLINE" }),
        }
        self.things[index].apply(stage).await;
    }

    /// A login of a server that is there is deleted, or comes back once it is gone.
    async fn come_or_go(&mut self, stage: &Stage, random: &mut StdRng) {
        let there: BTreeSet<usize> = self.servers_there();
        let login = |thing: &Thing| thing.kind != "TransferServer" && there.contains(&thing.server);
        let Some(index) = self.pick(random, login) else { return };
        let thing = &mut self.things[index];
        if thing.there {
            thing.delete(stage).await;
        } else if thing.is_gone(stage).await {
            thing.there = true;
            thing.apply(stage).await;
        }
    }

    fn servers_there(&self) -> BTreeSet<usize> {
        let servers = self.things.iter().filter(|thing| thing.kind == "TransferServer" && thing.there);
        servers.map(|thing| thing.server).collect()
    }

    /// A server is deleted with all its logins, or comes back with them once all are gone. The first one stays: others
    /// have a user on it.
    pub async fn retire_or_return(&mut self, stage: &Stage, random: &mut StdRng) {
        let number = random.random_range(1..SERVERS);
        let retire = self.servers_there().contains(&number);
        if !retire {
            for thing in self.things.iter().filter(|thing| thing.server == number) {
                if !thing.is_gone(stage).await {
                    return;
                }
            }
        }
        for thing in self.things.iter_mut().filter(|thing| thing.server == number) {
            if retire {
                thing.delete(stage).await;
            } else {
                thing.there = true;
                thing.apply(stage).await;
            }
        }
    }

    /// Somebody changes a user in AWS; whether AWS has the user at the moment does not matter.
    async fn drift(&self, stage: &Stage, random: &mut StdRng) {
        let Some(index) = self.pick(random, |thing| thing.kind == "TransferUser" && thing.there) else { return };
        let name = &self.things[index].name;
        let owned = |server: &Value| server["Tags"].to_string().contains(&format!("\"{FLEET}\""));
        for (id, server) in stage.servers().await {
            if owned(&server) && !server["Users"][name].is_null() {
                let change = json!({"ServerId": id, "UserName": name, "Role": format!("{ROLE}/elsewhere")});
                drop(stage.out_of_band("UpdateUser", &change).await);
            }
        }
    }

    /// Waits until what shall be there is Ready for its newest generation, and nothing else is there.
    pub async fn settled(&self, stage: &Stage) {
        await_condition("the fleet at rest", PATIENCE, async || {
            let objects = objects(stage).await;
            let mut waiting = Vec::new();
            for thing in &self.things {
                let object = objects.iter().find(|object| thing.is(object));
                match object {
                    Some(object)
                        if thing.there
                            && object["metadata"]["deletionTimestamp"].is_null()
                            && ready(object)
                            && !keys_half_known(object) => {}
                    None if !thing.there => {}
                    None => waiting.push(format!("{} is absent", thing.name)),
                    Some(object) => waiting.push(format!("{}: {}", thing.name, object["status"])),
                }
            }
            if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:#?}")) }
        })
        .await;
    }

    pub async fn delete_all(&mut self, stage: &Stage) {
        for thing in &mut self.things {
            thing.delete(stage).await;
        }
    }

    /// Waits until nothing is left.
    pub async fn gone(&self, stage: &Stage) {
        await_condition("the end of the fleet", PATIENCE, async || {
            let left = objects(stage).await;
            let line = |object: &Value| format!("{}: {}", object["metadata"]["name"], object["status"]["conditions"]);
            if left.is_empty() { Ok(()) } else { Err(format!("{:#?}", left.iter().map(line).collect::<Vec<_>>())) }
        })
        .await;
    }

    /// What AWS has otherwise than the objects want it.
    pub async fn differences(&self, stage: &Stage, servers: &Map<String, Value>) -> Vec<String> {
        let objects = objects(stage).await;
        let mut different = Vec::new();
        let mut expected = BTreeSet::new();
        for thing in self.things.iter().filter(|thing| thing.there) {
            let server = &self.things[thing.server];
            let object = objects.iter().find(|object| server.is(object)).unwrap();
            let id = object["status"]["serverId"].as_str().unwrap();
            let have = servers.get(id).cloned().unwrap_or_default();
            expected.insert(id.to_owned());
            different.extend(thing.differs(&have).map(|what| format!("{} on {id}: {what}", thing.name)));
        }
        for (id, server) in servers.iter().filter(|(_, server)| server["Tags"].to_string().contains("\"chaos\"")) {
            let users = server["Users"].as_object().unwrap();
            let wanted = |name: &String| self.things.iter().any(|thing| thing.there && thing.name == *name);
            let guests =
                users.iter().filter(|(name, user)| !wanted(name) && !user["Tags"].as_array().unwrap().is_empty());
            different.extend(guests.map(|(name, _)| format!("{name} on {id} belongs to no object")));
            if !expected.contains(id) {
                different.push(format!("server {id} belongs to no object"));
            }
        }
        different
    }
}

impl Thing {
    fn path(&self) -> String {
        path(self.plural, &self.name)
    }

    fn is(&self, object: &Value) -> bool {
        object["kind"] == self.kind && object["metadata"]["name"] == self.name.as_str()
    }

    async fn apply(&self, stage: &Stage) {
        apply(stage, &self.path(), &managed(self.kind, FLEET, &self.name, &self.spec)).await;
    }

    async fn delete(&mut self, stage: &Stage) {
        self.there = false;
        stage.ask(Method::DELETE, &self.path(), &Value::Null).await;
    }

    async fn is_gone(&self, stage: &Stage) -> bool {
        stage.ask(Method::GET, &self.path(), &Value::Null).await.is_none()
    }

    /// How its counterpart differs, `have` being its server.
    fn differs(&self, have: &Value) -> Option<String> {
        let spec = &self.spec;
        let pairs = if self.kind == "TransferServer" {
            let state = spec.get("desiredState").cloned().unwrap_or_else(|| json!("ONLINE"));
            let tags = have["Tags"].as_array().cloned().unwrap_or_default();
            let tag = tags.iter().find(|tag| tag["Key"] == "number").map_or(Value::Null, |tag| tag["Value"].clone());
            let banner = &have["Settings"]["PreAuthenticationLoginBanner"];
            vec![
                (spec["preAuthenticationLoginBanner"].clone(), banner.clone()),
                (spec["tags"]["number"].clone(), tag),
                (state, have["State"].clone()),
            ]
        } else {
            let user = self.kind == "TransferUser";
            let held =
                if user { &have["Users"][&self.name] } else { &have["Accesses"][spec["externalId"].as_str()?] };
            let profile = &held["Profile"];
            let home = spec["home"]["s3"]["prefix"].as_str()?;
            let target = &profile["HomeDirectoryMappings"][0]["Target"];
            let mut pairs = vec![
                (spec["role"].clone(), profile["Role"].clone()),
                (json!(format!("/my-files/{home}")), target.clone()),
            ];
            if user {
                pairs.push((
                    json!(material(&spec["sshPublicKeys"], "publicKey")),
                    json!(material(&held["SshPublicKeys"], "SshPublicKeyBody")),
                ));
            }
            pairs
        };
        let different: Vec<String> =
            pairs.iter().filter(|(want, have)| want != have).map(|(want, have)| format!("{want} is {have}")).collect();
        if different.is_empty() { None } else { Some(different.join(", ")) }
    }
}

/// The key material of a list of keys, without comments.
fn material(keys: &Value, member: &str) -> BTreeSet<String> {
    let body = |key: &Value| key[member].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    keys.as_array().into_iter().flatten().map(body).collect()
}

async fn apply(stage: &Stage, path: &str, object: &Value) {
    stage.ask(Method::PATCH, &format!("{path}?fieldManager=people&force=true"), object).await;
}

pub async fn objects(stage: &Stage) -> Vec<Value> {
    let mut all = Vec::new();
    for (kind, plural) in [
        ("TransferServer", "transferservers"),
        ("TransferUser", "transferusers"),
        ("TransferAccess", "transferaccesses"),
    ] {
        let list = format!("/apis/transfer-operator.dev/v1alpha1/namespaces/{FLEET}/{plural}");
        let list = stage.ask(Method::GET, &list, &Value::Null).await.unwrap();
        all.extend(list["items"].as_array().unwrap().iter().cloned().map(|mut object| {
            object["kind"] = json!(kind);
            object
        }));
    }
    all
}
