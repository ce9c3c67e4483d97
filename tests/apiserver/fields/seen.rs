//! What Kubernetes and the simulated AWS show at one moment, and whether that is what a case demands. Asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use transfer_operator::api::{TAG_OWNER, TAG_PREFIX};

use super::case::{At, Kind, Then, sid};

/// The tag that the identities of the test set, besides those whose tags are the case.
pub const IDENTITY_TAG: &str = "identity";
/// The tag by which servers are known that no object made.
pub const RAW_TAG: &str = "raw";

/// An object; the namespace of an identity is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl Key {
    /// As the owner tag says it.
    fn owner(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Everything at one moment.
#[derive(Default)]
pub struct Seen {
    pub objects: BTreeMap<Key, Value>,
    /// What the API server says to a deletion of an object, where a case asks that.
    pub deletable: BTreeMap<Key, bool>,
    /// The state of the simulator.
    pub aws: Value,
    /// Its log of calls since the step began.
    pub calls: Vec<Value>,
}

/// Where an object stands in a step.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// As demanded.
    Passed,
    /// Not yet where something is demanded of it, and why.
    Pending(String),
    /// It has come to its end, and that is another.
    Failed(String),
}

/// What a step demands of the object that shows it.
pub struct Demand<'a> {
    pub shows: &'a Key,
    pub at: At,
    pub then: &'a Then,
    /// Whether the object itself was edited: what it says of another generation does not count.
    pub edited: bool,
}

impl Seen {
    /// Whether the demand is met; `before` is how the step began.
    pub fn judge(&self, demand: &Demand, before: &Self) -> Verdict {
        let Some(object) = self.objects.get(demand.shows) else { return Verdict::Pending("is absent".to_owned()) };
        match demand.then {
            Then::Refused(_) => Verdict::Passed,
            Then::Holds(wanted) => self.holds(demand, object, wanted),
            Then::Stalled(reason, text) => self.stands_still(demand, object, before, "Stalled", reason, text),
            Then::Waits(reason, text) => self.stands_still(demand, object, before, "Reconciling", reason, text),
            Then::Postponed(reason, text) => {
                self.stands_still(demand, object, before, "DisruptionPending", reason, text)
            }
            Then::Suspended => self.stands_still(demand, object, before, "Suspended", "Suspended", "spec.suspend"),
        }
    }

    fn holds(&self, demand: &Demand, object: &Value, wanted: &Value) -> Verdict {
        let ready = condition(object, "Ready");
        let settled = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        if !(settled && ready["status"] == "True" && current(object, &ready)) {
            let stalled = condition(object, "Stalled");
            let text = format!("is not Ready: {ready}");
            // Nothing but a person helps what is stalled, unless another object was edited and the news is on its way.
            let over = demand.edited && settled && stalled["status"] == "True" && current(object, &stalled);
            return if over { Verdict::Failed(text) } else { Verdict::Pending(text) };
        }
        let held = match self.value(demand, object) {
            Ok(held) => held,
            Err(text) => return Verdict::Failed(text),
        };
        if plain(&held) == plain(wanted) {
            return Verdict::Passed;
        }
        let text = format!("is Ready, and {:?} shows {held} instead of {wanted}", demand.at);
        if demand.edited { Verdict::Failed(text) } else { Verdict::Pending(text) }
    }

    fn stands_still(
        &self,
        demand: &Demand,
        object: &Value,
        before: &Self,
        kind: &str,
        reason: &str,
        text: &str,
    ) -> Verdict {
        let told = condition(object, kind);
        let says = told["message"].as_str().unwrap_or_default();
        let demanded = told["status"] == "True" && told["reason"] == reason && says.contains(text);
        if !(demanded && current(object, &told)) {
            let ready = condition(object, "Ready");
            let over = demand.edited && current(object, &ready) && ready["status"] == "True";
            let seen = format!("is not {kind} {reason} with {text:?}: {ready}");
            return if over { Verdict::Failed(seen) } else { Verdict::Pending(seen) };
        }
        let (now, then) = (self.held(demand.shows).unwrap_or_default(), before.held(demand.shows).unwrap_or_default());
        let mut changed = Vec::new();
        differences(&then, &now, "", &mut changed);
        if !changed.is_empty() {
            return Verdict::Failed(format!("is {kind} {reason}, and in AWS there changed {changed:?}"));
        }
        match self.sent(demand.shows).as_slice() {
            [] => Verdict::Passed,
            sent => Verdict::Failed(format!("is {kind} {reason}, and sent {sent:?}")),
        }
    }

    /// The calls since the step began that change something about what AWS holds of the object, or that make it.
    fn sent(&self, key: &Key) -> Vec<String> {
        let held = self.held(key).unwrap_or_default();
        let (owner, id) = (key.owner(), &held["ServerId"]);
        let about = |call: &&Value| match key.kind {
            Kind::Identity => false,
            Kind::Access => call["external_id"] == self.group(key),
            Kind::Server
            | Kind::User
            | Kind::Workflow
            | Kind::Profile
            | Kind::Connector
            | Kind::Agreement
            | Kind::Certificate
            | Kind::WebApp
                if held.is_null() =>
            {
                tags(&call["input"]["Tags"]).get(TAG_OWNER) == Some(&owner)
            }
            Kind::Server => call["server_id"] == *id || arn_names(call, id),
            Kind::Workflow => call["workflow_id"] == held["WorkflowId"] || arn_names(call, &held["WorkflowId"]),
            Kind::Profile => call["input"]["ProfileId"] == held["ProfileId"] || arn_names(call, &held["ProfileId"]),
            Kind::Connector => {
                call["input"]["ConnectorId"] == held["ConnectorId"] || arn_names(call, &held["ConnectorId"])
            }
            Kind::Agreement => {
                call["input"]["AgreementId"] == held["AgreementId"] || arn_names(call, &held["AgreementId"])
            }
            Kind::Certificate => {
                call["input"]["CertificateId"] == held["CertificateId"] || arn_names(call, &held["CertificateId"])
            }
            Kind::WebApp => call["input"]["WebAppId"] == held["WebAppId"] || arn_names(call, &held["WebAppId"]),
            Kind::User => {
                let here = call["server_id"] == *id || arn_names(call, id);
                here && (call["user_name"] == held["UserName"] || arn_names(call, &held["UserName"]))
            }
        };
        let changes = |call: &&Value| {
            let operation = call["operation"].as_str().unwrap_or_default();
            !["Describe", "List", "Get", "Assume", "Test"].iter().any(|reads| operation.starts_with(reads))
        };
        self.calls.iter().filter(changes).filter(about).map(|call| call["operation"].to_string()).collect()
    }

    /// The group of an access, also of one that is gone.
    fn group(&self, key: &Key) -> Value {
        self.objects.get(key).map_or_else(|| sid(&key.name).into(), |object| object["spec"]["externalId"].clone())
    }

    fn value(&self, demand: &Demand, object: &Value) -> Result<Value, String> {
        let aws = || self.held(demand.shows);
        let found = match demand.at {
            At::Aws(pointer) => aws()?.pointer(pointer).cloned(),
            At::Tag(key) => tags(&aws()?["Tags"]).get(key).cloned().map(Value::from),
            At::Tags => {
                let mut tags = tags(&aws()?["Tags"]);
                tags.retain(|key, _| !key.starts_with(TAG_PREFIX) && key != IDENTITY_TAG);
                Some(json!(tags))
            }
            At::HostKeys(member) => Some(sorted(&aws()?["HostKeys"], |key| match member {
                "Tags" => json!(tags(&key["Tags"])),
                // AWS pads it, ssh-keygen does not.
                "HostKeyFingerprint" => key[member].as_str().unwrap_or_default().trim_end_matches('=').into(),
                _ => key[member].clone(),
            })),
            At::SshKeys => Some(sorted(&aws()?["SshPublicKeys"], |key| {
                let words = key["SshPublicKeyBody"].as_str().unwrap_or_default().split_whitespace();
                words.take(2).collect::<Vec<_>>().join(" ").into()
            })),
            At::Status(pointer) => object["status"].pointer(pointer).cloned(),
            At::AssumeRole(parameter) => {
                let role = &object["spec"]["credentials"]["assumeRole"]["roleArn"];
                let mut calls = self.calls.iter().rev();
                let last = calls.find(|call| call["operation"] == "AssumeRole" && call["input"]["RoleArn"] == *role);
                Some(last.ok_or_else(|| format!("no AssumeRole for {role}"))?["input"][parameter].clone())
            }
            At::LoginTest(parameter) => {
                let server = &object["status"]["serverId"];
                let mut calls = self.calls.iter().rev();
                let of =
                    |call: &&Value| call["operation"] == "TestIdentityProvider" && call["input"]["ServerId"] == *server;
                calls.find(of).map(|call| call["input"][parameter].clone())
            }
            At::Deletable => self.deletable.get(demand.shows).copied().map(Value::from),
        };
        Ok(found.unwrap_or(Value::Null))
    }

    /// What AWS holds of an object, found by its owner tags; an access by its group. Null for nothing.
    pub fn held(&self, key: &Key) -> Result<Value, String> {
        let owner = key.owner();
        let ours = |held: &Value| tags(&held["Tags"]).get(TAG_OWNER) == Some(&owner);
        let mut found = Vec::new();
        for server in self.servers() {
            match key.kind {
                Kind::Identity
                | Kind::Workflow
                | Kind::Profile
                | Kind::Connector
                | Kind::Agreement
                | Kind::Certificate
                | Kind::WebApp => {}
                Kind::Server => found.extend(Some(server).filter(ours).map(|server| self.with_workflows(server))),
                Kind::User => found.extend(members(&server, "Users", "UserName").filter(ours)),
                Kind::Access => {
                    let group = self.group(key);
                    let same = |access: &Value| access["ExternalId"] == group;
                    found.extend(members(&server, "Accesses", "ExternalId").filter(same));
                }
            }
        }
        if key.kind == Kind::Workflow {
            // The one that it replaces stays for a while.
            let recorded = self.objects.get(key).map(|object| &object["status"]["workflowId"]);
            let all = self.all("workflows").filter(ours);
            found.extend(all.filter(|held| recorded.is_none_or(|id| *id == held["WorkflowId"])));
        }
        if key.kind == Kind::Profile {
            found.extend(self.all("profiles").filter(ours).map(|held| self.with_certificates(held)));
        }
        if key.kind == Kind::Certificate {
            // As of workflows.
            let recorded = self.objects.get(key).map(|object| &object["status"]["certificateId"]);
            let living = |held: &Value| held["Gone"].is_null();
            let all = self.all("certificates").filter(ours).filter(living);
            found.extend(all.filter(|held| recorded.is_none_or(|id| *id == held["CertificateId"])));
        }
        if key.kind == Kind::Connector {
            let living = |held: &Value| held["Gone"].is_null();
            found.extend(self.all("connectors").filter(ours).filter(living).map(|held| self.with_owners(held)));
        }
        if key.kind == Kind::Agreement {
            let living = |held: &Value| held["Gone"].is_null();
            found.extend(self.all("agreements").filter(ours).filter(living).map(|held| self.with_its_own(held)));
        }
        if key.kind == Kind::WebApp {
            let living = |held: &Value| held["Gone"].is_null();
            found.extend(self.all("web_apps").filter(ours).filter(living));
        }
        if found.len() > 1 {
            return Err(format!("AWS holds it {} times", found.len()));
        }
        Ok(found.pop().unwrap_or(Value::Null))
    }

    /// A server with the owners of the workflows that it names.
    fn with_workflows(&self, mut server: Value) -> Value {
        for list in ["OnUpload", "OnPartialUpload"] {
            for named in server["Settings"]["WorkflowDetails"][list].as_array_mut().into_iter().flatten() {
                let found = self.all("workflows").find(|workflow| workflow["WorkflowId"] == named["WorkflowId"]);
                let owner = found.and_then(|workflow| tags(&workflow["Tags"]).get(TAG_OWNER).cloned());
                named["Owner"] = json!(owner);
            }
        }
        server
    }

    /// A profile with the owners of its certificates.
    fn with_certificates(&self, mut profile: Value) -> Value {
        let ids = profile["CertificateIds"].clone();
        let owner = |id: &Value| {
            let found = self.all("certificates").find(|certificate| certificate["CertificateId"] == *id);
            found.and_then(|certificate| tags(&certificate["Tags"]).get(TAG_OWNER).cloned())
        };
        profile["Certificates"] = ids.as_array().into_iter().flatten().map(|id| json!(owner(id))).collect();
        profile
    }

    /// A connector with the owners of its profiles and of the servers that take its answers.
    fn with_owners(&self, mut connector: Value) -> Value {
        let ids = connector["Settings"]["As2Config"]["AsyncMdnConfig"]["ServerIds"].clone();
        let owner = |id: &Value| {
            let found = self.servers().find(|server| server["ServerId"] == *id);
            found.and_then(|server| tags(&server["Tags"]).get(TAG_OWNER).cloned())
        };
        let profile = |member: &str| {
            let id = &connector["Settings"]["As2Config"][member];
            let found = self.all("profiles").find(|profile| profile["ProfileId"] == *id);
            found.and_then(|profile| tags(&profile["Tags"]).get(TAG_OWNER).cloned())
        };
        connector["Profiles"] = json!({"Local": profile("LocalProfileId"), "Partner": profile("PartnerProfileId")});
        connector["Servers"] = ids.as_array().into_iter().flatten().map(|id| json!(owner(id))).collect();
        connector
    }

    /// An agreement with whose server it is on, and the owners of its profiles.
    fn with_its_own(&self, mut agreement: Value) -> Value {
        let server = self.servers().find(|server| server["ServerId"] == agreement["ServerId"]);
        let whose = server.map(|server| tags(&server["Tags"])).unwrap_or_default();
        agreement["Server"] = json!(whose.get(TAG_OWNER).or_else(|| whose.get(RAW_TAG)));
        let profile = |member: &str| {
            let found = self.all("profiles").find(|profile| profile["ProfileId"] == agreement[member]);
            found.and_then(|profile| tags(&profile["Tags"]).get(TAG_OWNER).cloned())
        };
        let (local, partner) = (profile("LocalProfileId"), profile("PartnerProfileId"));
        agreement["Profiles"] = json!({"Local": local, "Partner": partner});
        agreement
    }

    /// Every server of every account, with its region.
    fn servers(&self) -> impl Iterator<Item = Value> {
        self.all("servers")
    }

    /// The same of whatever else the simulator holds by id.
    fn all(&self, resource: &str) -> impl Iterator<Item = Value> {
        let regions = entries(&self.aws["accounts"]).flat_map(|(_, regions)| entries(regions));
        regions.flat_map(move |(region, held)| {
            entries(&held[resource]).map(move |(id, one)| {
                let mut one = one.clone();
                one["Region"] = region.into();
                if resource == "profiles" {
                    one["ProfileId"] = id.into();
                }
                if resource == "certificates" {
                    one["CertificateId"] = id.into();
                }
                if resource == "connectors" {
                    one["ConnectorId"] = id.into();
                }
                if resource == "web_apps" {
                    one["WebAppId"] = id.into();
                }
                if resource == "agreements" {
                    one["AgreementId"] = id.into();
                }
                one
            })
        })
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// Users or accesses of a server, each with its name and with whose server it is.
fn members<'a>(server: &'a Value, list: &str, name: &'a str) -> impl Iterator<Item = Value> + 'a {
    let tags = tags(&server["Tags"]);
    let whose = tags.get(TAG_OWNER).or_else(|| tags.get(RAW_TAG)).cloned();
    entries(&server[list]).map(move |(key, member)| {
        let mut member = member.clone();
        member[name] = key.into();
        member["Server"] = json!(whose);
        member["ServerId"] = server["ServerId"].clone();
        member
    })
}

fn tags(list: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.as_array().into_iter().flatten().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

fn sorted(list: &Value, value: impl Fn(&Value) -> Value) -> Value {
    let mut values: Vec<Value> = list.as_array().into_iter().flatten().map(value).collect();
    values.retain(|value| !plain(value).is_null());
    values.sort_by_key(ToString::to_string);
    values.into()
}

fn arn_names(call: &Value, name: &Value) -> bool {
    let arn = call["input"]["Arn"].as_str().unwrap_or_default();
    name.as_str().is_some_and(|name| arn.split('/').any(|part| part == name))
}

fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

/// Whether the condition is about the newest generation.
fn current(object: &Value, condition: &Value) -> bool {
    condition["observedGeneration"] == object["metadata"]["generation"]
}

/// What differs between two values, each with its path.
fn differences(one: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
    let (Some(before), Some(after)) = (one.as_object(), other.as_object()) else {
        if one != other {
            found.push(format!("{path}: {one} to {other}"));
        }
        return;
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        differences(&one[name], &other[name], &format!("{path}/{name}"), found);
    }
}

/// AWS speaks of "nothing" in four ways.
pub fn plain(value: &Value) -> Value {
    let nothing = match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if nothing { Value::Null } else { value.clone() }
}
