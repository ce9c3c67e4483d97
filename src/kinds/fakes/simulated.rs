//! AWS in memory: the simulator, at a time that goes with the test's, and what others do to its account at the console.
//! Nothing is scripted here: how the operator reaches it, and what goes wrong on the way, is `cloud`'s.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::held::{Held, overlaid};
use super::{ACCOUNT, NOW, REGION, ROLE, SECRET};
use crate::aws::transfer::{Access, DescribeAccess, DescribeServer, DescribeUser, Server, SshPublicKey, Tags, User};
use crate::aws::{Answer, Read};
use crate::sim::config::{Config, Quotas};
use crate::sim::door;
use crate::sim::lifecycle::Lifecycle;
use crate::sim::model::{SshKey, Tag};
use crate::sim::operation::Operation;
use crate::sim::partners::{Agreement, Certificate, Profile};
use crate::sim::random::Random;
use crate::sim::service::{Root, Service};
use crate::sim::state::{Hidden, Region, World};

/// Server and name, or external id.
type Login = (String, String);

/// The simulator.
pub struct Simulated {
    began: Instant,
    sim: Mutex<Service>,
}

impl Default for Simulated {
    fn default() -> Self {
        Self::new()
    }
}

fn listed(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The server goes on under another id.
pub(super) fn rename(region: &mut Region, from: &str, to: &str) {
    let mut server = region.servers.remove(from).unwrap();
    to.clone_into(&mut server.server_id);
    region.servers.insert(to.to_owned(), server);
}

impl Simulated {
    fn new() -> Self {
        let root = Root { account: ACCOUNT.to_owned(), access_key: "AKIA".to_owned(), secret_key: "secret".to_owned() };
        let config = Config {
            transition_time: SignedDuration::ZERO,
            endpoint_lag: SignedDuration::ZERO,
            quotas: Quotas { servers: 10_000, ..Quotas::default() },
            ..Config::default()
        };
        Self { began: Instant::now(), sim: Mutex::new(Service::new(root, config, Random::seeded(1), World::default())) }
    }

    pub fn now(&self) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now.checked_add(SignedDuration::try_from(self.began.elapsed()).unwrap()).unwrap()
    }

    /// The simulator, of which no switch is out of reach.
    pub fn sim(&self) -> MutexGuard<'_, Service> {
        self.sim.lock().unwrap()
    }

    fn out_of_band(&self, operation: Operation, input: Value) -> Value {
        self.sim().out_of_band(operation, ACCOUNT, REGION, input, self.now()).unwrap()
    }

    fn describe(&self, operation: Operation, input: Value, read: &Read) -> Answer {
        door::answer(read, &self.out_of_band(operation, input)).unwrap()
    }

    fn region<T>(&self, change: impl FnOnce(&mut Region) -> T) -> T {
        change(self.sim().world.region(ACCOUNT, REGION))
    }

    fn server(&self, id: &str) -> Server {
        let read = Read::DescribeServer(DescribeServer { server_id: id.to_owned() });
        match self.describe(Operation::DescribeServer, json!({"ServerId": id}), &read) {
            Answer::Server(server) => *server,
            other => panic!("no server: {other:?}"),
        }
    }

    /// The servers, by id.
    pub fn servers(&self) -> Held<'_, Simulated, String, Server> {
        let ids: Vec<String> = self.region(|region| {
            region
                .servers
                .values()
                .filter(|server| server.gone.is_none())
                .map(|server| server.server_id.clone())
                .collect()
        });
        let described = |id: String| (id.clone(), self.server(&id));
        let was: BTreeMap<String, Server> = ids.into_iter().map(described).collect();
        Held::new(self, was, Self::write_server)
    }

    /// The users, by server and name.
    pub fn users(&self) -> Held<'_, Simulated, Login, User> {
        let keys: Vec<Login> = self.region(|region| {
            let of = |(id, server): (&String, &crate::sim::model::Server)| {
                let users = server.users.iter().filter(|(_, user)| user.gone.is_none());
                users.map(|(name, _)| (id.clone(), name.clone())).collect::<Vec<Login>>()
            };
            region.servers.iter().filter(|(_, server)| server.gone.is_none()).flat_map(of).collect()
        });
        let described = |(server_id, user_name): Login| {
            let input = json!({"ServerId": server_id, "UserName": user_name});
            let key = (server_id.clone(), user_name.clone());
            let read = Read::DescribeUser(DescribeUser { server_id, user_name });
            match self.describe(Operation::DescribeUser, input, &read) {
                Answer::User(user) => (key, *user),
                other => panic!("no user: {other:?}"),
            }
        };
        let was: BTreeMap<Login, User> = keys.into_iter().map(described).collect();
        Held::new(self, was, Self::write_user)
    }

    /// The accesses, by server and external id.
    pub fn accesses(&self) -> Held<'_, Simulated, Login, Access> {
        let keys: Vec<Login> = self.region(|region| {
            let of = |(id, server): (&String, &crate::sim::model::Server)| {
                let accesses = server.accesses.iter().filter(|(_, access)| access.gone.is_none());
                accesses.map(|(name, _)| (id.clone(), name.clone())).collect::<Vec<Login>>()
            };
            region.servers.iter().filter(|(_, server)| server.gone.is_none()).flat_map(of).collect()
        });
        let described = |(server_id, external_id): Login| {
            let input = json!({"ServerId": server_id, "ExternalId": external_id});
            let key = (server_id.clone(), external_id.clone());
            let read = Read::DescribeAccess(DescribeAccess { server_id, external_id });
            match self.describe(Operation::DescribeAccess, input, &read) {
                Answer::Access(access) => (key, *access),
                other => panic!("no access: {other:?}"),
            }
        };
        let was: BTreeMap<Login, Access> = keys.into_iter().map(described).collect();
        Held::new(self, was, Self::write_access)
    }

    fn write_server(&self, id: &String, was: Option<&Server>, now: Option<&Server>) {
        let Some(now) = now else {
            self.region(|region| region.servers.remove(id));
            return;
        };
        if was.is_none() {
            self.make_server(id);
        }
        let was = &was.cloned().unwrap_or_else(|| self.server(id));
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap();
            held.settings = overlaid(&held.settings, &was.settings, &now.settings);
            held.tags = listed(&now.tags);
            if let Some(state) = now.state.as_ref().filter(|_| was.state != now.state) {
                held.lifecycle = Lifecycle::settled(state);
            }
            if was.user_count != now.user_count {
                held.shown_as.insert("UserCount".to_owned(), json!(now.user_count));
            }
        });
    }

    fn write_user(&self, key: &Login, was: Option<&User>, now: Option<&User>) {
        let (id, name) = key;
        let Some(now) = now else {
            self.region(|region| region.servers.get_mut(id).unwrap().users.remove(name));
            return;
        };
        if was.is_none() {
            self.out_of_band(Operation::CreateUser, json!({"ServerId": id, "UserName": name, "Role": ROLE}));
        }
        let date_imported = self.now();
        let key = |SshPublicKey { id, body, .. }: &SshPublicKey| SshKey {
            ssh_public_key_id: id.clone(),
            ssh_public_key_body: body.clone(),
            date_imported,
        };
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap().users.get_mut(name).unwrap();
            let settings = was.map(|was| was.settings.clone()).unwrap_or_default();
            held.profile = overlaid(&held.profile, &settings, &now.settings);
            held.tags = listed(&now.tags);
            held.ssh_public_keys = now.ssh_public_keys.iter().map(key).collect();
        });
    }

    fn write_access(&self, key: &Login, was: Option<&Access>, now: Option<&Access>) {
        let (id, external_id) = key;
        let Some(now) = now else {
            self.region(|region| region.servers.get_mut(id).unwrap().accesses.remove(external_id));
            return;
        };
        if was.is_none() {
            let input = json!({"ServerId": id, "ExternalId": external_id, "Role": ROLE});
            self.out_of_band(Operation::CreateAccess, input);
        }
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap().accesses.get_mut(external_id).unwrap();
            let settings = was.map(|was| was.settings.clone()).unwrap_or_default();
            held.profile = overlaid(&held.profile, &settings, &now.settings);
        });
    }

    fn make_server(&self, id: &str) {
        let made = self.out_of_band(Operation::CreateServer, json!({}));
        self.region(|region| rename(region, made["ServerId"].as_str().unwrap(), id));
    }

    /// A server of this id, whoever made it; what had the id before is gone.
    pub fn put_server(&self, id: &str, tags: Tags, change: impl FnOnce(&mut Server)) {
        self.region(|region| region.servers.remove(id));
        self.make_server(id);
        let was = self.server(id);
        let mut now = Server { tags, ..was.clone() };
        change(&mut now);
        self.write_server(&id.to_owned(), Some(&was), Some(&now));
    }

    /// A workflow of this id, whoever made it.
    pub fn put_workflow(&self, id: &str, tags: &Tags) {
        let made = self
            .out_of_band(Operation::CreateWorkflow, json!({"Steps": [{"Type": "DELETE", "DeleteStepDetails": {}}]}));
        self.region(|region| {
            let mut workflow = region.workflows.remove(made["WorkflowId"].as_str().unwrap()).unwrap();
            (workflow.workflow_id, workflow.tags) = (id.to_owned(), listed(tags));
            region.workflows.insert(id.to_owned(), workflow);
        });
    }

    /// A profile of this id, whoever made it.
    pub fn put_profile(&self, id: &str, tags: &Tags) {
        let what =
            Profile { as2_id: "them".to_owned(), profile_type: "PARTNER".to_owned(), certificate_ids: Vec::new() };
        self.region(|region| region.profiles.add(id.to_owned(), what, listed(tags), self.now()));
    }

    /// A certificate of this id, whose private key AWS has.
    pub fn put_certificate(&self, id: &str) {
        self.put_certificate_of(id, &Tags::new());
    }

    /// The same with these tags.
    pub fn put_certificate_of(&self, id: &str, tags: &Tags) {
        let (at, until): (Timestamp, Timestamp) = (NOW.parse().unwrap(), "2036-01-01T00:00:00Z".parse().unwrap());
        let what = Certificate {
            usage: "SIGNING".to_owned(),
            certificate: "PEM".to_owned(),
            certificate_chain: None,
            with_private_key: true,
            serial: "1".to_owned(),
            not_before_date: at,
            not_after_date: until,
            active_date: at,
            inactive_date: until,
            description: None,
        };
        self.region(|region| region.certificates.add(id.to_owned(), what, listed(tags), at));
    }

    /// All that AWS keeps of the certificate of this id, as text.
    pub fn certificate(&self, id: &str) -> String {
        self.region(|region| serde_json::to_string(&region.certificates.get(id).ok()).unwrap())
    }

    /// All that AWS keeps of the profile of this id, as text.
    pub fn profile(&self, id: &str) -> String {
        self.region(|region| serde_json::to_string(&region.profiles.get(id).ok()).unwrap())
    }

    /// An agreement of this id on this server, whoever made it.
    pub fn put_agreement(&self, server_id: &str, id: &str, tags: &Tags) {
        let what = Agreement {
            server_id: server_id.to_owned(),
            description: None,
            local_profile_id: "p-00000000000000001".to_owned(),
            partner_profile_id: "p-00000000000000002".to_owned(),
            base_directory: Some("/theirs".to_owned()),
            custom_directories: None,
            access_role: ROLE.to_owned(),
            status: "ACTIVE".to_owned(),
            preserve_filename: "DISABLED".to_owned(),
            enforce_message_signing: "DISABLED".to_owned(),
        };
        self.region(|region| region.agreements.add(id.to_owned(), what, listed(tags), self.now()));
    }

    /// All that AWS keeps of the agreement of this id, as text.
    pub fn agreement(&self, id: &str) -> String {
        self.region(|region| serde_json::to_string(&region.agreements.get(id).ok()).unwrap())
    }

    /// All that AWS keeps of the connector of this id, as text.
    pub fn connector(&self, id: &str) -> String {
        self.region(|region| serde_json::to_string(&region.connectors.get(id).ok()).unwrap())
    }

    /// A public web app of this id, whoever made it.
    pub fn put_web_app(&self, id: &str, tags: &Tags) {
        let center = json!({"InstanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "Role": ROLE});
        let input = json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}});
        let made = self.out_of_band(Operation::CreateWebApp, input);
        self.region(|region| {
            let kept = region.web_apps.get(made["WebAppId"].as_str().unwrap()).unwrap().clone();
            region.web_apps.add(id.to_owned(), kept.what, listed(tags), kept.created);
            region.web_apps.get_mut(made["WebAppId"].as_str().unwrap()).unwrap().gone = Some(kept.created);
            region.web_apps.purge(kept.created);
        });
    }

    /// All that AWS keeps of the web app of this id, as text.
    pub fn web_app(&self, id: &str) -> String {
        self.region(|region| serde_json::to_string(&region.web_apps.get(id).ok()).unwrap())
    }

    /// An SFTP connector of this id, whoever made it.
    pub fn put_connector(&self, id: &str, tags: &Tags) {
        let sftp = json!({"UserSecretId": SECRET});
        let input = json!({"Url": "sftp://theirs.example", "AccessRole": ROLE, "SftpConfig": sftp});
        let made = self.out_of_band(Operation::CreateConnector, input);
        self.region(|region| {
            let kept = region.connectors.get(made["ConnectorId"].as_str().unwrap()).unwrap().clone();
            region.connectors.add(id.to_owned(), kept.what, listed(tags), kept.created);
            region.connectors.get_mut(made["ConnectorId"].as_str().unwrap()).unwrap().gone = Some(kept.created);
            region.connectors.purge(kept.created);
        });
    }

    /// A host key on the server, as AWS keeps it; answers with its id.
    pub fn import_host_key(&self, id: &str, body: &str, tags: &Tags) -> String {
        let input = json!({"ServerId": id, "HostKeyBody": body, "Tags": listed(tags)});
        self.out_of_band(Operation::ImportHostKey, input)["HostKeyId"].as_str().unwrap().to_owned()
    }

    /// Listings do not show the server, also one that is made later.
    pub fn unlist(&self, id: &str) {
        let hidden = Hidden { id: id.to_owned(), member: None, until: Timestamp::MAX };
        self.region(|region| region.hidden.push(hidden));
    }

    /// Listings show everything again.
    pub fn list_all(&self) {
        self.region(|region| region.hidden.clear());
    }
}
