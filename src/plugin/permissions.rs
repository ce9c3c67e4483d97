//! What AWS must allow the operator, and no more: from what is used, as text for IAM. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::api::{GROUP, TransferServer};

/// What the operator is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Feature {
    /// Servers.
    Servers,
    /// Users and their keys.
    Users,
    /// Accesses of directory groups.
    Accesses,
    /// Host keys of one's own.
    HostKeys,
    /// Workflows.
    Workflows,
    /// AS2 profiles.
    Profiles,
    /// Connectors.
    Connectors,
    /// AS2 agreements.
    Agreements,
    /// AS2 certificates.
    Certificates,
    /// Web apps.
    WebApps,
    /// Servers and web apps in a VPC.
    Vpc,
    /// Servers with elastic IPs.
    ElasticIps,
    /// Servers whose users a directory knows.
    Directory,
    /// Servers whose users an API Gateway knows.
    ApiGateway,
    /// Servers with structured logs.
    Logs,
    /// Logins that are tried.
    LoginTests,
    /// Identities that become a role.
    AssumeRole,
    /// Identities that become a role with tags on the session.
    SessionTags,
}

use Feature::{
    Accesses, Agreements, ApiGateway, AssumeRole, Certificates, Connectors, Directory, ElasticIps, HostKeys,
    LoginTests, Logs, Profiles, Servers, SessionTags, Users, Vpc, WebApps, Workflows,
};

/// What is meant where nothing is said: all kinds, and of the rest nothing.
pub const DEFAULT: [Feature; 10] =
    [Servers, Users, Accesses, HostKeys, Workflows, Profiles, Connectors, Agreements, Certificates, WebApps];

/// What IAM judges a call by, after AWS's service authorization reference: a call that knows no resource is denied by a
/// policy that names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judged {
    /// No resource.
    Anywhere,
    Server,
    User,
    HostKey,
    Workflow,
    Profile,
    Connector,
    Agreement,
    Certificate,
    WebApp,
    /// Whatever the feature puts tags on.
    Tagged,
    /// It is EC2's, and stands among what AWS calls in the caller's name.
    Network,
}

impl Judged {
    /// The id of the statement that holds such calls, and what the ARN of the resource begins with.
    const fn named(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Anywhere => Some(("Anywhere", "")),
            Self::Server => Some(("Servers", "server")),
            Self::User => Some(("Users", "user")),
            Self::HostKey => Some(("HostKeys", "host-key")),
            Self::Workflow => Some(("Workflows", "workflow")),
            Self::Profile => Some(("Profiles", "profile")),
            Self::Connector => Some(("Connectors", "connector")),
            Self::Agreement => Some(("Agreements", "agreement")),
            Self::Certificate => Some(("Certificates", "certificate")),
            Self::WebApp => Some(("WebApps", "webapp")),
            Self::Tagged | Self::Network => None,
        }
    }
}

impl Feature {
    /// What the operator puts tags on for it.
    const fn tagged(self) -> Option<Judged> {
        match self {
            Servers => Some(Judged::Server),
            Users => Some(Judged::User),
            HostKeys => Some(Judged::HostKey),
            Workflows => Some(Judged::Workflow),
            Profiles => Some(Judged::Profile),
            Connectors => Some(Judged::Connector),
            Agreements => Some(Judged::Agreement),
            Certificates => Some(Judged::Certificate),
            WebApps => Some(Judged::WebApp),
            Accesses | Vpc | ElasticIps | Directory | ApiGateway | Logs | LoginTests | AssumeRole | SessionTags => None,
        }
    }
}

/// Whatever an identity is used for, the orphan scan looks for all that is known by its tags, and asks AWS's time.
const SCANNED: &[Feature] =
    &[Servers, Users, Accesses, Workflows, Profiles, Connectors, Agreements, Certificates, WebApps];

/// What is found by its tags, or carries those of the spec.
const TAGGED: &[Feature] =
    &[Servers, Users, HostKeys, Workflows, Profiles, Connectors, Agreements, Certificates, WebApps];

/// Every operation that the program knows, what IAM judges it by, and what it is called for.
const OPERATIONS: &[(&str, Judged, &[Feature])] = &[
    ("ListServers", Judged::Anywhere, SCANNED),
    ("DescribeServer", Judged::Server, SCANNED),
    ("ListUsers", Judged::Server, SCANNED),
    ("DescribeUser", Judged::User, SCANNED),
    ("ListAccesses", Judged::Server, &[Servers, Accesses]),
    ("DescribeAccess", Judged::Server, &[Servers, Accesses]),
    ("ListHostKeys", Judged::Server, &[Servers, HostKeys]),
    ("DescribeHostKey", Judged::HostKey, &[Servers, HostKeys]),
    ("ListWorkflows", Judged::Anywhere, SCANNED),
    ("DescribeWorkflow", Judged::Workflow, SCANNED),
    ("ListProfiles", Judged::Anywhere, SCANNED),
    ("DescribeProfile", Judged::Profile, SCANNED),
    ("ListConnectors", Judged::Anywhere, SCANNED),
    ("DescribeConnector", Judged::Connector, SCANNED),
    ("TestConnection", Judged::Connector, &[Connectors]),
    ("ListAgreements", Judged::Server, SCANNED),
    ("DescribeAgreement", Judged::Agreement, SCANNED),
    ("ListCertificates", Judged::Anywhere, SCANNED),
    ("DescribeCertificate", Judged::Certificate, SCANNED),
    ("ListWebApps", Judged::Anywhere, SCANNED),
    ("DescribeWebApp", Judged::WebApp, SCANNED),
    ("DescribeWebAppCustomization", Judged::WebApp, &[WebApps]),
    ("ListSecurityPolicies", Judged::Anywhere, SCANNED),
    ("DescribeSecurityPolicy", Judged::Anywhere, &[Servers]),
    ("TestIdentityProvider", Judged::User, &[LoginTests]),
    ("DescribeVpcEndpoints", Judged::Network, &[Vpc]),
    ("DescribeNetworkInterfaces", Judged::Network, &[Vpc]),
    ("DescribeAddresses", Judged::Network, &[Vpc, ElasticIps]),
    ("CreateServer", Judged::Anywhere, &[Servers]),
    ("UpdateServer", Judged::Server, &[Servers]),
    ("StartServer", Judged::Server, &[Servers]),
    ("StopServer", Judged::Server, &[Servers]),
    ("DeleteServer", Judged::Server, &[Servers]),
    ("CreateUser", Judged::Server, &[Users]),
    ("UpdateUser", Judged::User, &[Users]),
    ("DeleteUser", Judged::User, &[Users]),
    ("ImportSshPublicKey", Judged::User, &[Users]),
    ("DeleteSshPublicKey", Judged::User, &[Users]),
    ("CreateAccess", Judged::Server, &[Accesses]),
    ("UpdateAccess", Judged::Anywhere, &[Accesses]),
    ("DeleteAccess", Judged::Server, &[Accesses]),
    ("ImportHostKey", Judged::Server, &[HostKeys]),
    ("UpdateHostKey", Judged::HostKey, &[HostKeys]),
    ("DeleteHostKey", Judged::HostKey, &[HostKeys]),
    ("CreateWorkflow", Judged::Anywhere, &[Workflows]),
    ("DeleteWorkflow", Judged::Workflow, &[Workflows]),
    ("CreateProfile", Judged::Anywhere, &[Profiles]),
    ("UpdateProfile", Judged::Profile, &[Profiles]),
    ("DeleteProfile", Judged::Profile, &[Profiles]),
    ("CreateConnector", Judged::Anywhere, &[Connectors]),
    ("UpdateConnector", Judged::Connector, &[Connectors]),
    ("DeleteConnector", Judged::Connector, &[Connectors]),
    ("CreateAgreement", Judged::Server, &[Agreements]),
    ("UpdateAgreement", Judged::Agreement, &[Agreements]),
    ("DeleteAgreement", Judged::Agreement, &[Agreements]),
    ("ImportCertificate", Judged::Anywhere, &[Certificates]),
    ("UpdateCertificate", Judged::Certificate, &[Certificates]),
    ("DeleteCertificate", Judged::Certificate, &[Certificates]),
    ("CreateWebApp", Judged::Anywhere, &[WebApps]),
    ("UpdateWebApp", Judged::WebApp, &[WebApps]),
    ("DeleteWebApp", Judged::WebApp, &[WebApps]),
    ("UpdateWebAppCustomization", Judged::WebApp, &[WebApps]),
    ("DeleteWebAppCustomization", Judged::WebApp, &[WebApps]),
    ("TagResource", Judged::Tagged, TAGGED),
    ("UntagResource", Judged::Tagged, TAGGED),
    ("ModifyVpcEndpoint", Judged::Network, &[Vpc]),
];

/// What AWS does in the caller's name, as its model of CreateServer, UpdateServer and DeleteServer says; of web apps as the
/// schema of AWS::Transfer::WebApp in AWS's registry of resource types says what its handlers are allowed.
const DEPENDENT: &[(Feature, &[&str])] = &[
    (
        Vpc,
        &[
            "ec2:CreateVpcEndpoint",
            "ec2:DeleteVpcEndpoints",
            "ec2:DescribeAddresses",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeVpcEndpoints",
            "ec2:ModifyVpcEndpoint",
        ],
    ),
    (ElasticIps, &["ec2:AssociateAddress", "ec2:DescribeAddresses", "ec2:DisassociateAddress"]),
    (Directory, &["ds:AuthorizeApplication", "ds:DescribeDirectories", "ds:UnauthorizeApplication"]),
    (ApiGateway, &["apigateway:GET"]),
    (
        WebApps,
        &[
            "sso:CreateApplication",
            "sso:DeleteApplication",
            "sso:DescribeApplication",
            "sso:GetApplicationAccessScope",
            "sso:GetApplicationAuthenticationMethod",
            "sso:GetApplicationGrant",
            "sso:ListApplicationAccessScopes",
            "sso:ListApplicationAuthenticationMethods",
            "sso:ListApplicationGrants",
            "sso:ListApplications",
            "sso:PutApplicationAccessScope",
            "sso:PutApplicationAuthenticationMethod",
            "sso:PutApplicationGrant",
            "sso:UpdateApplication",
        ],
    ),
    (
        Logs,
        &[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
    ),
];

/// What is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Use {
    /// What for.
    pub features: BTreeSet<Feature>,
    /// Roles that are passed to AWS; none means any.
    pub passed: BTreeSet<String>,
    /// Roles that are become; none means any.
    pub assumed: BTreeSet<String>,
}

/// What manifests use: their kinds, what their servers need, and the roles that they name or grant.
#[must_use]
pub fn used(objects: &[Value]) -> Use {
    let mut found = Use::default();
    for object in objects {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        if text("/apiVersion").is_none_or(|version| !version.starts_with(GROUP)) {
            continue;
        }
        match text("/kind") {
            Some("TransferServer") => found.server(object),
            Some("TransferUser") => found.features.extend([Users]),
            Some("TransferAccess") => found.features.extend([Accesses]),
            Some("TransferWorkflow") => found.features.extend([Workflows]),
            Some("TransferProfile") => found.features.extend([Profiles]),
            Some("TransferCertificate") => found.features.extend([Certificates]),
            Some("TransferAgreement") => {
                found.features.extend([Agreements]);
                found.passed.extend(text("/spec/accessRole").map(str::to_owned));
            }
            Some("TransferConnector") => {
                found.features.extend([Connectors]);
                let roles = ["/spec/accessRole", "/spec/loggingRole"];
                found.passed.extend(roles.into_iter().filter_map(text).map(str::to_owned));
            }
            Some("TransferWebApp") => {
                found.features.extend([WebApps]);
                found.features.extend(object.pointer("/spec/endpointDetails").map(|_| Vpc));
                let role = text("/spec/identityProviderDetails/identityCenterConfig/role");
                found.passed.extend(role.map(str::to_owned));
            }
            Some("AwsIdentity") => found.identity(object),
            _ => continue,
        }
        found.passed.extend(text("/spec/role").map(str::to_owned));
    }
    found
}

impl Use {
    fn server(&mut self, object: &Value) {
        let has = |path: &str| object.pointer(path).is_some_and(|value| !value.is_null() && *value != json!([]));
        let spec = |name: &str| object.get("spec").and_then(|spec| spec.get(name)).and_then(Value::as_str);
        let in_vpc = spec("endpointType").is_some_and(|endpoint| endpoint != "PUBLIC");
        let provider = spec("identityProviderType").unwrap_or_default();
        let rows = [
            (true, Servers),
            (has("/spec/hostKeys"), HostKeys),
            (in_vpc, Vpc),
            (has("/spec/endpointDetails/addressAllocationIds"), ElasticIps),
            (provider == "AWS_DIRECTORY_SERVICE", Directory),
            (provider == "API_GATEWAY", ApiGateway),
            (has("/spec/structuredLogDestinations"), Logs),
            (has("/spec/loginTest"), LoginTests),
        ];
        self.features.extend(rows.into_iter().filter(|(used, _)| *used).map(|(_, feature)| feature));
        if let Ok(server) = serde_json::from_value::<TransferServer>(object.clone()) {
            let details = server.spec.identity_provider_details.and_then(|details| details.invocation_role);
            let workflows = server.spec.workflow_details.into_iter();
            let workflows = workflows.flat_map(|details| [details.on_upload, details.on_partial_upload]);
            let run = workflows.flatten().flatten().map(|workflow| workflow.execution_role);
            self.passed.extend(server.spec.logging_role.into_iter().chain(details).chain(run));
            self.passed.retain(|role| !role.is_empty());
        }
    }

    fn identity(&mut self, object: &Value) {
        let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let spec = object.get("spec").cloned().unwrap_or_default();
        let roles = list(&spec, "grants").into_iter().flat_map(|grant| list(&grant, "roleArns"));
        // For IAM, which knows no namespaces, any one.
        let roles = roles.filter_map(|role| role.as_str().map(|role| role.replace("{namespace}", "*")));
        self.passed.extend(roles);
        if let Some(role) = object.pointer("/spec/credentials/assumeRole/roleArn").and_then(Value::as_str) {
            self.features.insert(AssumeRole);
            let tagged = object.pointer("/spec/credentials/assumeRole/sessionTags") == Some(&json!(true));
            self.features.extend(tagged.then_some(SessionTags));
            self.assumed.insert(role.to_owned());
        }
    }
}

/// One statement of a policy, which allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    sid: &'static str,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    /// Only roles that go to AWS Transfer.
    to_transfer: bool,
}

/// The statements. Where account or region is not said, any is meant.
#[must_use]
pub fn statements(used: &Use, account: Option<&str>, region: Option<&str>) -> Vec<Statement> {
    let Use { features, passed, assumed } = used;
    let any = || BTreeSet::from(["*".to_owned()]);
    let statement = |sid, actions: BTreeSet<String>, resources, to_transfer| {
        (!actions.is_empty()).then_some(Statement { sid, actions, resources, to_transfer })
    };
    let (account, region) = (account.unwrap_or("*"), region.unwrap_or("*"));
    let roles = |named: &BTreeSet<String>| {
        if named.is_empty() { BTreeSet::from([format!("arn:aws:iam::{account}:role/*")]) } else { named.clone() }
    };
    let passes =
        [Servers, Users, Accesses, Connectors, Agreements, WebApps].iter().any(|feature| features.contains(feature));
    let pass = passes.then(|| "iam:PassRole".to_owned()).into_iter().collect();
    let become_role = [(AssumeRole, "sts:AssumeRole"), (SessionTags, "sts:TagSession")];
    let become_role = become_role.into_iter().filter(|(feature, _)| features.contains(feature));
    let become_role = become_role.map(|(_, action)| action.to_owned()).collect();
    let dependent = DEPENDENT.iter().filter(|(feature, _)| features.contains(feature));
    let dependent = dependent.flat_map(|(_, actions)| actions.iter().map(|action| (*action).to_owned())).collect();
    let called = called(features).into_iter().filter_map(|(judged, actions)| {
        let (sid, resource) = judged.named()?;
        let own = || BTreeSet::from([format!("arn:aws:transfer:{region}:{account}:{resource}/*")]);
        statement(sid, actions, if judged == Judged::Anywhere { any() } else { own() }, false)
    });
    let others = [
        statement("PassRoles", pass, roles(passed), true),
        statement("ByTransferForTheCaller", dependent, any(), false),
        statement("AssumeRoles", become_role, roles(assumed), false),
    ];
    called.chain(others.into_iter().flatten()).collect()
}

/// The calls to AWS Transfer, by what IAM judges them by.
fn called(features: &BTreeSet<Feature>) -> BTreeMap<Judged, BTreeSet<String>> {
    let mut called: BTreeMap<Judged, BTreeSet<String>> = BTreeMap::new();
    for (operation, judged, of) in OPERATIONS {
        for feature in of.iter().filter(|feature| features.contains(feature)) {
            let judged = if *judged == Judged::Tagged { feature.tagged() } else { Some(*judged) };
            if let Some(judged) = judged {
                called.entry(judged).or_default().insert(format!("transfer:{operation}"));
            }
        }
    }
    called
}

/// The policy as IAM takes it.
#[must_use]
pub fn json(statements: &[Statement]) -> Value {
    let one = |statement: &Statement| {
        let Statement { sid, actions, resources, to_transfer } = statement;
        let mut value = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources});
        if let Some(members) = value.as_object_mut().filter(|_| *to_transfer) {
            members.insert(
                "Condition".to_owned(),
                json!({"StringEquals": {"iam:PassedToService": "transfer.amazonaws.com"}}),
            );
        }
        value
    };
    json!({"Version": "2012-10-17", "Statement": statements.iter().map(one).collect::<Vec<_>>()})
}

/// The same as a data source of Terraform.
#[must_use]
pub fn terraform(statements: &[Statement]) -> String {
    let mut text = "data \"aws_iam_policy_document\" \"transfer_operator\" {\n".to_owned();
    for Statement { sid, actions, resources, to_transfer } in statements {
        let _ = write!(text, "  statement {{\n    sid       = \"{sid}\"\n");
        for (name, values) in [("actions  ", actions), ("resources", resources)] {
            let _ = writeln!(text, "    {name} = [");
            for value in values {
                // What begins a template there.
                let value = Value::String(value.replace("${", "$${")).to_string();
                let _ = writeln!(text, "      {value},");
            }
            text.push_str("    ]\n");
        }
        if *to_transfer {
            text.push_str(
                "    condition {\n      test     = \"StringEquals\"\n      variable = \"iam:PassedToService\"\n",
            );
            text.push_str("      values   = [\"transfer.amazonaws.com\"]\n    }\n");
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
#[path = "permissions_tests.rs"]
mod tests;
