//! One field of one kind: what it is set to, changed to and cleared from, and what must be seen each time.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::schema;

/// The namespace of all objects but a few.
pub const HOME: &str = "fields";
/// Another namespace, with the label `area: away`; that of [`HOME`] is `area: home`.
pub const AWAY: &str = "away";
/// A role that the identities let every namespace pass.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/fields/one";
/// Another one.
pub const ROLE_TWO: &str = "arn:aws:iam::123456789012:role/fields/two";

/// A secret that the identities let every namespace have AWS read.
pub const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:fields/one";
/// Another one.
pub const SECRET_TWO: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:fields/two";

/// An instance of IAM Identity Center.
pub const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";

/// A kind of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Identity,
    Server,
    User,
    Access,
    Workflow,
    Profile,
    Connector,
    Agreement,
    Certificate,
    WebApp,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Server,
        Self::User,
        Self::Access,
        Self::Workflow,
        Self::Profile,
        Self::Connector,
        Self::Agreement,
        Self::Certificate,
        Self::WebApp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "AwsIdentity",
            Self::Server => "TransferServer",
            Self::User => "TransferUser",
            Self::Access => "TransferAccess",
            Self::Workflow => "TransferWorkflow",
            Self::Profile => "TransferProfile",
            Self::Connector => "TransferConnector",
            Self::Agreement => "TransferAgreement",
            Self::Certificate => "TransferCertificate",
            Self::WebApp => "TransferWebApp",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Self::Identity => "awsidentities",
            Self::Server => "transferservers",
            Self::User => "transferusers",
            Self::Access => "transferaccesses",
            Self::Workflow => "transferworkflows",
            Self::Profile => "transferprofiles",
            Self::Connector => "transferconnectors",
            Self::Agreement => "transferagreements",
            Self::Certificate => "transfercertificates",
            Self::WebApp => "transferwebapps",
        }
    }
}

/// Where the value of a field shows.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// In what AWS holds of the object, as a JSON pointer; of a user or an access, `/Server` is whose server it is on.
    Aws(&'static str),
    /// The value of one tag.
    Tag(&'static str),
    /// All tags but those of the operator and of the identity.
    Tags,
    /// A member of its host keys: each value, sorted.
    HostKeys(&'static str),
    /// Its SSH public keys without comments, sorted.
    SshKeys,
    /// A member of the object's own status, as a JSON pointer.
    Status(&'static str),
    /// A parameter of the last AssumeRole for the role that the object names.
    AssumeRole(&'static str),
    /// A parameter of the last trial login at its server.
    LoginTest(&'static str),
    /// Whether the API server lets the object be deleted.
    Deletable,
}

/// What must be seen after a step.
#[derive(Clone, Debug)]
pub enum Then {
    /// This value, and the object Ready. Null stands for nothing, an empty text or an empty list.
    Holds(Value),
    /// Stalled for this reason, with this in the message, and nothing sent.
    Stalled(&'static str, &'static str),
    /// Waiting for this reason, with this in the message, and nothing sent.
    Waits(&'static str, &'static str),
    /// A change waits for a time for this reason, with this in the message, and nothing sent.
    Postponed(&'static str, &'static str),
    /// Suspended, and nothing sent.
    Suspended,
    /// The API server refuses the change with this text.
    Refused(&'static str),
}

/// Another object that shows the effect of the field.
#[derive(Clone, Debug)]
pub struct Shown {
    pub kind: Kind,
    pub namespace: &'static str,
    /// `NAME` in it stands for the name of the case's own object.
    pub spec: Value,
}

/// A field, set in three steps to A, to B, and not at all.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    pub path: String,
    /// The rest of the spec, on top of what the kind needs; null takes something out.
    pub rest: Value,
    /// What changes of the rest together with the field, in the second and the third step.
    pub along: [Value; 2],
    pub values: [Value; 2],
    /// Left out in the third step, where the nearest thing that can be is not enough.
    pub left_out: Option<&'static str>,
    pub at: At,
    pub then: [Then; 3],
    pub shown: Option<Shown>,
    /// What somebody else does to the object in AWS before the second and the third step.
    pub meanwhile: [Option<(&'static str, Value)>; 2],
    /// Why two steps look the same, where they do.
    pub same: Option<&'static str>,
}

/// A field that shows as it is written: A, B, and this default or nothing after it was cleared.
pub fn field(kind: Kind, path: &str, at: At, a: Value, b: Value, cleared: Value) -> Case {
    let then = [Then::Holds(a.clone()), Then::Holds(b.clone()), Then::Holds(cleared)];
    Case::new(kind, path, at, [a, b], then)
}

impl Case {
    pub fn new(kind: Kind, path: &str, at: At, values: [Value; 2], then: [Then; 3]) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            rest: json!({}),
            along: [json!({}), json!({})],
            values,
            left_out: None,
            at,
            then,
            shown: None,
            meanwhile: [None, None],
            same: None,
        }
    }

    pub fn rest(self, rest: Value) -> Self {
        Self { rest, ..self }
    }

    pub fn along(self, second: Value, third: Value) -> Self {
        Self { along: [second, third], ..self }
    }

    pub fn leaving_out(self, path: &'static str) -> Self {
        Self { left_out: Some(path), ..self }
    }

    pub fn shown_by(self, kind: Kind, namespace: &'static str, spec: Value) -> Self {
        Self { shown: Some(Shown { kind, namespace, spec }), ..self }
    }

    pub fn meanwhile(self, second: Option<(&'static str, Value)>, third: Option<(&'static str, Value)>) -> Self {
        Self { meanwhile: [second, third], ..self }
    }

    /// The same case looked at elsewhere.
    pub fn at(self, at: At) -> Self {
        Self { at, ..self }
    }

    /// What each step shows, where that is not what is written.
    pub fn shows(self, shown: [Value; 3]) -> Self {
        Self { then: shown.map(Then::Holds), ..self }
    }

    pub fn same(self, why: &'static str) -> Self {
        Self { same: Some(why), ..self }
    }

    /// The name of its object: the path as a name of Kubernetes.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for letter in self.path.chars() {
            match letter {
                'A'..='Z' => name.extend(['-', letter.to_ascii_lowercase()]),
                '.' => name.push('-'),
                '[' | ']' | '{' | '}' => {}
                other => name.push(other),
            }
        }
        name
    }

    /// The spec of its object in a step, counted from 0.
    pub fn spec(&self, step: usize) -> Value {
        let mut spec = base(self.kind, &self.name());
        merge(&mut spec, &self.rest);
        self.along.iter().take(step).for_each(|along| merge(&mut spec, along));
        let value = self.values[step.min(1)].clone();
        let path = self.path.trim_end_matches("{}");
        if step < 2 {
            put(&mut spec, path, value);
            return spec;
        }
        // What is left out was there before, unless the step takes more of it along.
        if self.left_out.is_none() {
            put(&mut spec, path, value);
        }
        remove(&mut spec, self.left_out.unwrap_or(&self.nearest()));
        spec
    }

    /// What to leave out to be rid of the field. Where all of it is required, the field itself: that is refused.
    fn nearest(&self) -> String {
        static PATHS: LazyLock<[std::collections::BTreeMap<String, Option<String>>; 10]> =
            LazyLock::new(|| Kind::ALL.map(schema::paths));
        let nearest = PATHS[self.kind as usize].get(&self.path).cloned().flatten();
        nearest.unwrap_or_else(|| self.path.clone())
    }
}

/// The least that a kind needs.
pub fn base(kind: Kind, name: &str) -> Value {
    match kind {
        Kind::Server => json!({"region": "eu-central-1"}),
        Kind::User => json!({"serverRef": {"name": "files"}, "role": ROLE}),
        Kind::Access => json!({"serverRef": {"name": "corp"}, "role": ROLE, "externalId": sid(name)}),
        Kind::Workflow => {
            json!({"region": "eu-central-1", "steps": [{"type": "DELETE", "deleteStepDetails": {}}]})
        }
        Kind::Profile => json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL"}),
        Kind::Connector => {
            json!({"region": "eu-central-1", "url": format!("sftp://{name}.example.com"), "accessRole": ROLE,
            "sftpConfig": {"userSecretId": SECRET}})
        }
        Kind::Agreement => json!({
            "serverRef": {"name": "files"}, "localProfileRef": {"name": "us"}, "partnerProfileRef": {"name": "them"},
            "accessRole": ROLE, "baseDirectory": "/b/in",
        }),
        Kind::Certificate => json!({
            "region": "eu-central-1", "usage": "SIGNING", "configMapKeyRef": {"name": "certificates", "key": "one"},
        }),
        Kind::WebApp => json!({"region": "eu-central-1", "identityProviderDetails": {
            "identityCenterConfig": {"instanceArn": INSTANCE, "role": ROLE}}}),
        Kind::Identity => json!({
            "accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
            "grants": [{"name": "all", "kinds": ["TransferServer", "TransferUser"], "namespaces": {"from": "All"}}],
        }),
    }
}

/// A SID of its own for each name.
pub fn sid(name: &str) -> String {
    let parts: Vec<String> = name.bytes().map(|byte| byte.to_string()).collect();
    format!("S-1-{}", parts.join("-"))
}

/// A JSON merge patch.
pub fn merge(target: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}

/// The member of the first entry wherever the path goes through a list.
fn inside<'a>(value: &'a mut Value, part: &str) -> &'a mut Value {
    match part.strip_suffix("[]") {
        None => &mut value[part],
        Some(list) => {
            let list = &mut value[list];
            if !list.is_array() {
                *list = json!([{}]);
            }
            &mut list[0]
        }
    }
}

fn put(spec: &mut Value, path: &str, value: Value) {
    *path.split('.').fold(spec, inside) = value;
}

/// Takes out a member, and with it what holds nothing else: an empty block is not what a person leaves in a manifest.
fn remove(spec: &mut Value, path: &str) {
    let (around, name) = path.rsplit_once('.').map_or((None, path), |(around, name)| (Some(around), name));
    let holder = around.into_iter().flat_map(|around| around.split('.')).fold(&mut *spec, inside);
    let Some(members) = holder.as_object_mut() else { panic!("{path} is left out, and stands in {holder}") };
    members.remove(name.trim_end_matches("{}"));
    let empty = members.is_empty();
    if let Some(around) = around.filter(|_| empty) {
        remove(spec, around);
    }
}
