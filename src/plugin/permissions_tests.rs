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
    let listed: Vec<&str> = OPERATIONS.iter().map(|(operation, _)| *operation).collect();
    let known: Vec<&str> = Read::OPERATIONS.iter().chain(Mutation::OPERATIONS).copied().collect();
    assert_eq!(listed, known);
    for operation in Mutation::OPERATIONS {
        assert!(!is_read(operation), "{operation}");
    }
    for operation in Read::OPERATIONS {
        assert!(is_read(operation), "{operation}");
    }
}

#[test]
fn each_feature_adds_what_it_needs_and_nothing_else() {
    let users = of(&[Users]);
    let expected = [
        "CreateUser",
        "DeleteSshPublicKey",
        "DeleteUser",
        "ImportSshPublicKey",
        "TagResource",
        "UntagResource",
        "UpdateUser",
    ];
    assert_eq!(actions(&users, "Write"), expected.iter().map(|name| format!("transfer:{name}")).collect());
    assert!(actions(&users, "Read").contains("transfer:DescribeServer"), "a user shows what its server is");
    assert_eq!(users.iter().map(|statement| statement.sid).collect::<Vec<_>>(), ["Read", "Write", "PassRoles"]);
    let vpc = actions(&of(&[Servers, Vpc]), "ByTransferForTheCaller");
    assert!(vpc.contains("ec2:ModifyVpcEndpoint") && !vpc.contains("ec2:AssociateAddress"), "{vpc:?}");
    assert_eq!(actions(&of(&[ApiGateway]), "ByTransferForTheCaller"), BTreeSet::from(["apigateway:GET".to_owned()]));
    let calls: BTreeSet<String> = of(&[Vpc, ElasticIps]).into_iter().flat_map(|statement| statement.actions).collect();
    assert!(calls.iter().all(|action| !action.starts_with("transfer:")), "{calls:?}");
    assert!(of(&[]).is_empty());
}

#[test]
fn ec2_that_is_called_is_allowed_where_servers_are_in_a_vpc() {
    let called = OPERATIONS.iter().filter(|(_, of)| of.contains(&Vpc)).map(|(name, _)| format!("ec2:{name}"));
    let allowed = actions(&of(&[Vpc]), "ByTransferForTheCaller");
    assert!(called.into_iter().all(|action| allowed.contains(&action)), "{allowed:?}");
}

#[test]
fn manifests_say_what_is_used_and_which_roles() {
    let text = "apiVersion: transfer-operator.dev/v1alpha1\nkind: TransferServer\nmetadata: {name: a}\nspec:\n  region: eu-central-1\n  \
                endpointType: VPC\n  endpointDetails: {vpcId: vpc-1, addressAllocationIds: [eipalloc-1]}\n  \
                identityProviderType: API_GATEWAY\n  identityProviderDetails: {invocationRole: r/invoke}\n  loggingRole: r/logs\n  \
                workflowDetails: {onUpload: [{workflowId: w, executionRole: r/run}]}\n---\n\
                apiVersion: transfer-operator.dev/v1alpha1\nkind: TransferAccess\nspec: {role: r/group}\n---\n\
                apiVersion: transfer-operator.dev/v1alpha1\nkind: AwsIdentity\nspec:\n  \
                credentials: {assumeRole: {roleArn: r/own}}\n  grants: [{roleArns: [\"r/{namespace}/*\"]}]\n---\n\
                apiVersion: v1\nkind: Secret\nspec: {role: not-ours}\n";
    let objects: Vec<Value> = manifest::documents(text).unwrap().into_iter().map(|document| document.value).collect();
    let used = used(&objects);
    assert_eq!(used.features, BTreeSet::from([Servers, Accesses, Vpc, ElasticIps, ApiGateway, AssumeRole]));
    let passed: Vec<&str> = used.passed.iter().map(String::as_str).collect();
    assert_eq!(passed, ["r/*/*", "r/group", "r/invoke", "r/logs", "r/run"]);
    let policy = json(&statements(&used, Some("123456789012"), Some("eu-central-1")));
    let by_name = |sid: &str| policy["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == sid).unwrap();
    assert_eq!(by_name("AssumeRoles")["Resource"], json!(["r/own"]));
    assert_eq!(by_name("Write")["Resource"], json!(["arn:aws:transfer:eu-central-1:123456789012:*"]));
    assert_eq!(by_name("PassRoles")["Condition"]["StringEquals"]["iam:PassedToService"], "transfer.amazonaws.com");
    assert_eq!(by_name("AssumeRoles")["Condition"], Value::Null);
}

#[test]
fn terraform_says_the_same() {
    let statements = of(&[Servers, Vpc]);
    let text = terraform(&statements);
    for statement in &statements {
        assert!(text.contains(&format!("\"{}\"", statement.sid)));
        assert!(statement.actions.iter().all(|action| text.contains(&format!("      \"{action}\",\n"))), "{text}");
    }
    assert_eq!(text.matches("condition {").count(), 1);
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn the_readme_names_the_same_changing_calls() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("### AWS permissions").nth(1).unwrap().split("\n## ").next().unwrap();
    let list = section.split("`transfer:CreateServer`").nth(1).unwrap().split(';').next().unwrap();
    let mut named: BTreeSet<String> =
        list.split('`').skip(1).step_by(2).map(|name| format!("transfer:{name}")).collect();
    named.insert("transfer:CreateServer".to_owned());
    let all = of(&DEFAULT);
    assert_eq!(named, actions(&all, "Write"));
    assert!(section.contains("`transfer:List*`") && section.contains("`transfer:Describe*`"));
    let reads = actions(&all, "Read");
    assert!(
        reads.iter().all(|read| read.starts_with("transfer:List") || read.starts_with("transfer:Describe")),
        "{reads:?}"
    );
}
