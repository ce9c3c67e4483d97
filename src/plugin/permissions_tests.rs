#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::path::Path;

use super::*;
use crate::aws::{Mutation, Read};
use crate::plugin::manifest;

fn actions(statements: &[Statement], sid: &str) -> BTreeSet<String> {
    let found = statements.iter().filter(|statement| statement.sid == sid);
    found.flat_map(|statement| statement.actions.clone()).collect()
}

fn of(features: &[Feature]) -> Vec<Statement> {
    statements(&Use { features: features.iter().copied().collect(), ..Use::default() }, None, None)
}

#[test]
fn every_call_of_the_program_has_its_place() {
    let listed: Vec<&str> = OPERATIONS.iter().map(|(operation, ..)| *operation).collect();
    let known: Vec<&str> = Read::OPERATIONS.iter().chain(Mutation::OPERATIONS).copied().collect();
    assert_eq!(listed, known);
}

#[test]
fn each_feature_adds_what_it_needs_and_nothing_else() {
    let users = of(&[Users]);
    let named = |names: &[&str]| names.iter().map(|name| format!("transfer:{name}")).collect::<BTreeSet<_>>();
    let listed = [
        "ListCertificates",
        "ListConnectors",
        "ListProfiles",
        "ListSecurityPolicies",
        "ListServers",
        "ListWebApps",
        "ListWorkflows",
    ];
    assert_eq!(actions(&users, "Anywhere"), named(&listed));
    // A user shows what its server is.
    assert_eq!(actions(&users, "Servers"), named(&["CreateUser", "DescribeServer", "ListAgreements", "ListUsers"]));
    let on_users = [
        "DeleteSshPublicKey",
        "DeleteUser",
        "DescribeUser",
        "ImportSshPublicKey",
        "TagResource",
        "UntagResource",
        "UpdateUser",
    ];
    assert_eq!(actions(&users, "Users"), named(&on_users));
    assert_eq!(actions(&users, "Workflows"), named(&["DescribeWorkflow"]), "for the orphan scan");
    assert_eq!(actions(&users, "Profiles"), named(&["DescribeProfile"]), "for the orphan scan");
    assert_eq!(actions(&users, "Connectors"), named(&["DescribeConnector"]), "likewise");
    assert_eq!(actions(&users, "Agreements"), named(&["DescribeAgreement"]), "likewise");
    assert_eq!(actions(&users, "Certificates"), named(&["DescribeCertificate"]), "likewise");
    assert_eq!(actions(&users, "WebApps"), named(&["DescribeWebApp"]), "likewise");
    let sids: Vec<&str> = users.iter().map(|statement| statement.sid).collect();
    assert_eq!(
        sids,
        [
            "Anywhere",
            "Servers",
            "Users",
            "Workflows",
            "Profiles",
            "Connectors",
            "Agreements",
            "Certificates",
            "WebApps",
            "PassRoles"
        ]
    );
    let vpc = actions(&of(&[Servers, Vpc]), "ByTransferForTheCaller");
    assert!(vpc.contains("ec2:ModifyVpcEndpoint") && !vpc.contains("ec2:AssociateAddress"), "{vpc:?}");
    assert_eq!(actions(&of(&[ApiGateway]), "ByTransferForTheCaller"), BTreeSet::from(["apigateway:GET".to_owned()]));
    let calls: BTreeSet<String> = of(&[Vpc, ElasticIps]).into_iter().flat_map(|statement| statement.actions).collect();
    assert!(calls.iter().all(|action| !action.starts_with("transfer:")), "{calls:?}");
    assert!(of(&[]).is_empty());
}

#[test]
fn ec2_that_is_called_is_allowed_where_servers_are_in_a_vpc() {
    let called = OPERATIONS.iter().filter(|(.., of)| of.contains(&Vpc)).map(|(name, ..)| format!("ec2:{name}"));
    let allowed = actions(&of(&[Vpc]), "ByTransferForTheCaller");
    assert!(called.into_iter().all(|action| allowed.contains(&action)), "{allowed:?}");
}

/// AWS keeps an application in IAM Identity Center for each web app.
#[test]
fn web_apps_need_identity_center_and_pass_a_role() {
    let text = json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferWebApp", "spec": {
        "identityProviderDetails": {"identityCenterConfig": {"instanceArn": "i", "role": "r/portal"}},
        "endpointDetails": {"vpc": {"vpcId": "vpc-1"}}}});
    let used = used(&[text]);
    assert_eq!(used.features, BTreeSet::from([Vpc, WebApps]));
    assert_eq!(used.passed, BTreeSet::from(["r/portal".to_owned()]));
    let on_behalf = actions(&of(&[WebApps]), "ByTransferForTheCaller");
    assert!(
        on_behalf.contains("sso:CreateApplication") && on_behalf.contains("sso:DeleteApplication"),
        "{on_behalf:?}"
    );
    assert!(of(&[WebApps]).iter().any(|statement| statement.sid == "PassRoles"));
}

#[test]
fn manifests_say_what_is_used_and_which_roles() {
    let text = "apiVersion: transfer-operator.dev/v1alpha1\nkind: TransferServer\nmetadata: {name: a}\nspec:\n  region: eu-central-1\n  \
                endpointType: VPC\n  endpointDetails: {vpcId: vpc-1, addressAllocationIds: [eipalloc-1]}\n  \
                identityProviderType: API_GATEWAY\n  identityProviderDetails: {invocationRole: r/invoke}\n  loggingRole: r/logs\n  \
                workflowDetails: {onUpload: [{workflowId: w, executionRole: r/run}]}\n---\n\
                apiVersion: transfer-operator.dev/v1alpha1\nkind: TransferAccess\nspec: {role: r/group}\n---\n\
                apiVersion: transfer-operator.dev/v1alpha1\nkind: AwsIdentity\nspec:\n  \
                credentials: {assumeRole: {roleArn: r/own, sessionTags: true}}\n  grants: [{roleArns: [\"r/{namespace}/*\"]}]\n---\n\
                apiVersion: v1\nkind: Secret\nspec: {role: not-ours}\n";
    let objects: Vec<Value> = manifest::documents(text).unwrap().into_iter().map(|document| document.value).collect();
    let used = used(&objects);
    assert_eq!(
        used.features,
        BTreeSet::from([Servers, Accesses, Vpc, ElasticIps, ApiGateway, AssumeRole, SessionTags])
    );
    let passed: Vec<&str> = used.passed.iter().map(String::as_str).collect();
    assert_eq!(passed, ["r/*/*", "r/group", "r/invoke", "r/logs", "r/run"]);
    let policy = json(&statements(&used, Some("123456789012"), Some("eu-central-1")));
    let by_name = |sid: &str| policy["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == sid).unwrap();
    assert_eq!(by_name("AssumeRoles")["Resource"], json!(["r/own"]));
    assert_eq!(by_name("AssumeRoles")["Action"], json!(["sts:AssumeRole", "sts:TagSession"]));
    assert_eq!(by_name("Anywhere")["Resource"], json!(["*"]));
    for (sid, resource) in [("Servers", "server"), ("HostKeys", "host-key")] {
        let arn = format!("arn:aws:transfer:eu-central-1:123456789012:{resource}/*");
        assert_eq!(by_name(sid)["Resource"], json!([arn]));
    }
    assert_eq!(by_name("PassRoles")["Condition"]["StringEquals"]["iam:PassedToService"], "transfer.amazonaws.com");
    assert_eq!(by_name("AssumeRoles")["Condition"], Value::Null);
    assert_eq!(actions(&of(&[AssumeRole]), "AssumeRoles"), BTreeSet::from(["sts:AssumeRole".to_owned()]));
}

/// What a data source of this shape says: of each statement its id, its lists, and whether it has the condition.
fn read_back(terraform: &str) -> Vec<(String, Vec<String>, Vec<String>, bool)> {
    let body = terraform.strip_prefix("data \"aws_iam_policy_document\" \"transfer_operator\" {\n").unwrap();
    let body = body.strip_suffix("}\n").unwrap();
    let list = |text: &str, name: &str| -> Vec<String> {
        let (_, rest) = text.split_once(&format!("    {name} = [\n")).unwrap();
        let (inner, _) = rest.split_once("    ]\n").unwrap();
        let one = |line: &str| line.strip_prefix("      ").unwrap().strip_suffix(',').unwrap().to_owned();
        inner.lines().map(|line| serde_json::from_str::<String>(&one(line)).unwrap().replace("$${", "${")).collect()
    };
    let condition = "    condition {\n      test     = \"StringEquals\"\n      variable = \"iam:PassedToService\"\n      \
                     values   = [\"transfer.amazonaws.com\"]\n    }\n";
    let blocks = body.split("  statement {\n").skip(1);
    let one = |block: &str| {
        let block = block.strip_suffix("  }\n").unwrap();
        let (sid, rest) = block.strip_prefix("    sid       = \"").unwrap().split_once("\"\n").unwrap();
        (sid.to_owned(), list(rest, "actions  "), list(rest, "resources"), rest.ends_with(condition))
    };
    blocks.map(one).collect()
}

#[test]
fn terraform_says_the_same() {
    let passed = BTreeSet::from(["arn:aws:iam::123456789012:role/${aws:username}".to_owned()]);
    let used = Use { features: Feature::value_variants().iter().copied().collect(), passed, ..Use::default() };
    let statements = statements(&used, Some("123456789012"), Some("eu-central-1"));
    let text = terraform(&statements);
    let said = |statement: &Statement| {
        let list = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>();
        let Statement { sid, actions, resources, to_transfer } = statement;
        ((*sid).to_owned(), list(actions), list(resources), *to_transfer)
    };
    assert_eq!(read_back(&text), statements.iter().map(said).collect::<Vec<_>>());
    assert!(text.contains("$${aws:username}"), "Terraform fills in nothing: {text}");
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn the_page_on_aws_access_names_the_same_changing_calls() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws-access.md")).unwrap();
    let section = page.split("## AWS permissions").nth(1).unwrap().split("\n## ").next().unwrap();
    let list = section.split("`transfer:CreateServer`").nth(1).unwrap().split(';').next().unwrap();
    let mut named: BTreeSet<String> =
        list.split('`').skip(1).step_by(2).map(|name| format!("transfer:{name}")).collect();
    named.insert("transfer:CreateServer".to_owned());
    let all: BTreeSet<String> = of(&DEFAULT).into_iter().flat_map(|statement| statement.actions).collect();
    let of_transfer = |operations: &[&str]| {
        let actions = operations.iter().map(|name| format!("transfer:{name}"));
        actions.filter(|action| all.contains(action)).collect::<BTreeSet<_>>()
    };
    assert_eq!(named, of_transfer(Mutation::OPERATIONS));
    assert!(section.contains("`transfer:List*`") && section.contains("`transfer:Describe*`"));
    let reads = of_transfer(Read::OPERATIONS);
    assert!(
        reads.iter().all(|read| {
            let listed = read.starts_with("transfer:List") || read.starts_with("transfer:Describe");
            listed || section.contains(&format!("`{read}`"))
        }),
        "{reads:?}"
    );
    let without = section.split("know no resource").next().unwrap().rsplit(". ").next().unwrap();
    let without: BTreeSet<String> =
        without.split('`').skip(1).step_by(2).map(|name| format!("transfer:{name}")).collect();
    let mut anywhere = actions(&of(&DEFAULT), "Anywhere");
    anywhere.retain(|action| !action.starts_with("transfer:List"));
    assert_eq!(without, anywhere);
}
