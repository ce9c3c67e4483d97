//! What IAM has to allow for the calls that were really sent, resource by resource, held against the policy that
//! `kubectl transfer iam-policy` prints. What IAM judges a call by stands here once more, after AWS's service
//! authorization reference: the program's own table is not asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use clap::ValueEnum;
use serde_json::Value;
use transfer_operator::plugin::permissions::{self, Feature, Use};

use crate::runs;
use crate::setup::Setup;
use crate::workflows::Workflow;
use crate::world::{ACCOUNT, REGION};

/// An action on a resource.
pub type Right = (String, String);

/// What AWS does in the caller's name where this is used, and what these runs cannot send. No run sends any of it.
const UNSENT: [(&str, &str); 33] = [
    ("apigateway:GET", "CreateServer and UpdateServer look at the API that knows the users"),
    ("ds:AuthorizeApplication", "CreateServer with a directory"),
    ("ds:DescribeDirectories", "CreateServer, UpdateServer and DeleteServer with a directory"),
    ("ds:UnauthorizeApplication", "DeleteServer with a directory"),
    ("ec2:AssociateAddress", "UpdateServer attaches elastic addresses"),
    ("ec2:CreateVpcEndpoint", "CreateServer and UpdateServer make the endpoint"),
    ("ec2:DeleteVpcEndpoints", "DeleteServer and UpdateServer take the endpoint down"),
    ("ec2:DisassociateAddress", "UpdateServer and DeleteServer take addresses off"),
    ("logs:CreateLogDelivery", LOGS),
    ("logs:DeleteLogDelivery", LOGS),
    ("logs:DescribeLogGroups", LOGS),
    ("logs:DescribeResourcePolicies", LOGS),
    ("logs:GetLogDelivery", LOGS),
    ("logs:ListLogDeliveries", LOGS),
    ("logs:PutResourcePolicy", LOGS),
    ("logs:UpdateLogDelivery", LOGS),
    (
        "transfer:TestIdentityProvider",
        "the servers of these runs keep their users themselves; src/kinds/reconcile_tests/login_test.rs has one that asks",
    ),
    ("sso:CreateApplication", WEB_APP),
    ("sso:DeleteApplication", WEB_APP),
    ("sso:DescribeApplication", WEB_APP),
    ("sso:GetApplicationAccessScope", WEB_APP),
    ("sso:GetApplicationAuthenticationMethod", WEB_APP),
    ("sso:GetApplicationGrant", WEB_APP),
    ("sso:ListApplicationAccessScopes", WEB_APP),
    ("sso:ListApplicationAuthenticationMethods", WEB_APP),
    ("sso:ListApplicationGrants", WEB_APP),
    ("sso:ListApplications", WEB_APP),
    ("sso:PutApplicationAccessScope", WEB_APP),
    ("sso:PutApplicationAuthenticationMethod", WEB_APP),
    ("sso:PutApplicationGrant", WEB_APP),
    ("sso:UpdateApplication", WEB_APP),
    ("sts:AssumeRole", NOBODY),
    ("sts:TagSession", NOBODY),
];
const NOBODY: &str = "the identities of these runs become nobody; tests/sessions.rs has those that do";
const WEB_APP: &str = "CreateWebApp, UpdateWebApp and DeleteWebApp keep the application in IAM Identity Center";
const LOGS: &str = "CreateServer, UpdateServer and DeleteServer with structured logs";

/// Members that name a role which is passed.
const ROLES: [&str; 5] = ["Role", "AccessRole", "LoggingRole", "ExecutionRole", "InvocationRole"];

/// What a call takes; more than one where it passes roles.
fn taken(operation: &str, input: &Value) -> Vec<Right> {
    let text = |name: &str| input[name].as_str().unwrap_or_else(|| panic!("{operation} without {name}: {input}"));
    let own = |rest: String| format!("arn:aws:transfer:{REGION}:{ACCOUNT}:{rest}");
    let server = || own(format!("server/{}", text("ServerId")));
    let resource = match operation {
        "DescribeVpcEndpoints" | "DescribeNetworkInterfaces" | "DescribeAddresses" | "ModifyVpcEndpoint" => {
            return vec![(format!("ec2:{operation}"), "*".to_owned())];
        }
        "ListServers"
        | "ListWorkflows"
        | "ListProfiles"
        | "ListConnectors"
        | "ListCertificates"
        | "ImportCertificate"
        | "ListWebApps"
        | "CreateWebApp"
        | "CreateConnector"
        | "ListSecurityPolicies"
        | "DescribeSecurityPolicy"
        | "CreateServer"
        | "CreateWorkflow"
        | "CreateProfile"
        | "UpdateAccess" => "*".to_owned(),
        "DescribeUser" | "UpdateUser" | "DeleteUser" | "ImportSshPublicKey" | "DeleteSshPublicKey" => {
            own(format!("user/{}/{}", text("ServerId"), text("UserName")))
        }
        "DescribeHostKey" | "UpdateHostKey" | "DeleteHostKey" => {
            own(format!("host-key/{}/{}", text("ServerId"), text("HostKeyId")))
        }
        "DescribeWorkflow" | "DeleteWorkflow" => own(format!("workflow/{}", text("WorkflowId"))),
        "DescribeProfile" | "UpdateProfile" | "DeleteProfile" => own(format!("profile/{}", text("ProfileId"))),
        "DescribeConnector" | "UpdateConnector" | "DeleteConnector" | "TestConnection" => {
            own(format!("connector/{}", text("ConnectorId")))
        }
        "DescribeCertificate" | "UpdateCertificate" | "DeleteCertificate" => {
            own(format!("certificate/{}", text("CertificateId")))
        }
        "DescribeWebApp"
        | "UpdateWebApp"
        | "DeleteWebApp"
        | "DescribeWebAppCustomization"
        | "UpdateWebAppCustomization"
        | "DeleteWebAppCustomization" => own(format!("webapp/{}", text("WebAppId"))),
        "DescribeAgreement" | "UpdateAgreement" | "DeleteAgreement" => {
            own(format!("agreement/{}/{}", text("ServerId"), text("AgreementId")))
        }
        "TagResource" | "UntagResource" => text("Arn").to_owned(),
        "DescribeServer" | "UpdateServer" | "StartServer" | "StopServer" | "DeleteServer" | "ListUsers"
        | "CreateUser" | "ListAccesses" | "DescribeAccess" | "CreateAccess" | "DeleteAccess" | "ListHostKeys"
        | "ImportHostKey" | "ListAgreements" | "CreateAgreement" => server(),
        other => panic!("what does IAM judge {other} by? AWS's service authorization reference says it"),
    };
    let mut rights = vec![(format!("transfer:{operation}"), resource)];
    roles(input, &mut rights);
    rights
}

fn roles(value: &Value, rights: &mut Vec<Right>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let role = member.as_str().filter(|role| ROLES.contains(&name.as_str()) && !role.is_empty());
                rights.extend(role.map(|role| ("iam:PassRole".to_owned(), role.to_owned())));
                roles(member, rights);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| roles(item, rights)),
        _ => {}
    }
}

/// What a policy allows, each action with each resource; that roles go to AWS Transfer alone is checked on the way.
fn allowed(policy: &Value) -> Vec<Right> {
    let mut rights = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        let texts = |name: &str| -> Vec<String> {
            statement[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(statement["Effect"], "Allow");
        let condition = &statement["Condition"]["StringEquals"]["iam:PassedToService"];
        for action in texts("Action") {
            assert!(!action.contains('*'), "{action}");
            assert_eq!(action == "iam:PassRole", condition == "transfer.amazonaws.com", "{action}: {condition}");
            rights.extend(texts("Resource").into_iter().map(|resource| (action.clone(), resource)));
        }
    }
    rights
}

/// As IAM compares: a star stands for any text, and what has no resource is allowed on `*` alone.
fn covers((action, pattern): &Right, (asked, resource): &Right) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = resource.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        let found = if last { rest.ends_with(part).then(|| rest.len() - part.len()) } else { rest.find(part) };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    action == asked && rest.is_empty()
}

/// What a run sent, and every version of every object that people and the operator stored meanwhile.
fn run(workflow: Workflow, setup: Setup) -> (BTreeSet<Right>, Vec<Value>) {
    let seen = Arc::new(Mutex::new((BTreeSet::new(), Vec::new())));
    let into = Arc::clone(&seen);
    let outcome = runs::watched(setup, move |stage| {
        Box::pin(async move {
            (workflow.run)(stage).await;
            let mut seen = into.lock().unwrap();
            for call in stage.world.sim.lock().unwrap().calls.since(0) {
                seen.0.extend(taken(&call.operation, &call.input));
            }
            seen.1.extend(stage.world.api().history.iter().map(|event| event.object.clone()));
        })
    });
    assert_eq!(outcome.violations, Vec::<String>::new(), "{}", workflow.name);
    std::mem::take(&mut *seen.lock().unwrap())
}

/// What each run sends is allowed by the policy for its manifests; answers with all that was sent.
pub fn sent_as_allowed(runs: impl IntoIterator<Item = (String, Workflow, Setup)>) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for (id, workflow, setup) in runs {
        let (sent, objects) = run(workflow, setup);
        let policy = permissions::statements(&permissions::used(&objects), Some(ACCOUNT), Some(REGION));
        let allowed = allowed(&permissions::json(&policy));
        let denied: Vec<&Right> =
            sent.iter().filter(|right| !allowed.iter().any(|allowed| covers(allowed, right))).collect();
        assert_eq!(denied, Vec::<&Right>::new(), "{id} sends what the policy for its manifests denies");
        all.extend(sent);
    }
    all
}

/// The policy for everything allows nothing that was never sent, but what AWS does in the caller's name.
pub fn nothing_else_is_allowed(sent: &BTreeSet<Right>) {
    let used = Use { features: Feature::value_variants().iter().copied().collect(), ..Use::default() };
    let policy = permissions::statements(&used, Some(ACCOUNT), Some(REGION));
    let unsent: BTreeSet<Right> = allowed(&permissions::json(&policy))
        .into_iter()
        .filter(|allowed| !sent.iter().any(|right| covers(allowed, right)))
        .collect();
    let named: BTreeSet<&str> = UNSENT.iter().map(|(action, _)| *action).collect();
    let unexplained: Vec<&Right> = unsent.iter().filter(|(action, _)| !named.contains(action.as_str())).collect();
    assert_eq!(unexplained, Vec::<&Right>::new(), "allowed and never sent");
    let stale: Vec<&&str> =
        named.iter().filter(|action| !unsent.iter().any(|(unsent, _)| unsent == **action)).collect();
    assert_eq!(stale, Vec::<&&str>::new(), "told as never sent");
}
