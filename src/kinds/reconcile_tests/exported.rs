//! What `kubectl transfer export` writes is taken over with no change but the tags that say whose it is.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rig::{Lose, ROLE, Rig, name};
use crate::api::TransferUser;
use crate::aws::AwsErrorKind;
use crate::aws::transfer::User;
use crate::engine::diff::Change;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION};
use crate::kinds::login::{self, PolicyText};
use crate::kinds::ssh_keys::{self, Listed};
use crate::kinds::tags;
use crate::plugin::check::Checker;
use crate::plugin::export::{self, Target};
use crate::plugin::manifest::{self, Document};
use crate::sim::operation::Operation;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB alice@laptop";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const ADDRESSES: [&str; 2] = ["eipalloc-00000001", "eipalloc-00000002"];
const CERTIFICATE: &str = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000";

pub(super) fn make(rig: &Rig, operation: Operation, input: Value) -> Value {
    rig.cloud.sim().out_of_band(operation, ACCOUNT, REGION, input, rig.cloud.now()).unwrap()
}

pub(super) fn server(rig: &Rig, input: Value) -> String {
    make(rig, Operation::CreateServer, input)["ServerId"].as_str().unwrap().to_owned()
}

fn user(rig: &Rig, server: &str, name: &str, more: Value) {
    let mut input = json!({"ServerId": server, "UserName": name, "Role": ROLE});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    make(rig, Operation::CreateUser, input);
}

/// The export of these servers; it has called nothing that changes something.
pub(super) async fn exported(rig: &Rig, ids: &[String]) -> String {
    let account = rig.cloud.account();
    let found = export::read(&account, ids, &|_, _, _| ()).await.unwrap();
    let (namespace, identity) = ("team".to_owned(), "default".to_owned());
    let (account, region, deletion_policy) = (ACCOUNT.to_owned(), REGION.to_owned(), "Retain".to_owned());
    let text = export::render(&Target { account, region, namespace, identity, deletion_policy }, &found).unwrap();
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    assert!(text.is_ascii(), "{text}");
    text
}

fn assert_clean(text: &str) {
    let mut checker = Checker::default();
    checker.file("export", text.as_bytes());
    assert_eq!(checker.findings, [], "{text}");
}

/// What the operator would change of a user in S3, but for the tags that say whose it is.
fn differences(object: &Value, server: &str, users: &BTreeMap<(String, String), User>) -> Vec<Change> {
    let object: TransferUser = serde_json::from_value(object.clone()).unwrap();
    let name = object.effective_user_name().to_owned();
    let have = &users[&(server.to_owned(), name.clone())];
    let policy = object.spec.login.policy.clone().map(|text| PolicyText { field: "spec.policy", text: Ok(text) });
    let (login, blocks) = login::want(&object.spec.login, policy, "S3", None);
    let inline = object.spec.ssh_public_keys.as_deref();
    let listed = Listed { inline, sources: None, policy: object.spec.ssh_public_key_policy, made: true };
    let (keys, unread) = ssh_keys::want(&listed, NOW.parse().unwrap());
    assert!(blocks.is_empty() && unread.is_empty() && login.faults().is_empty(), "{blocks:?} {unread:?}");
    let mut changes = login.update(&have.settings, &BTreeSet::new(), Some(&name)).changes;
    changes.extend(ssh_keys::changes(&keys.unwrap(), &have.ssh_public_keys, &[]));
    changes.extend(tags::changes(&object.spec.tags, &have.tags, &BTreeSet::new()));
    changes
}

/// Applies the text; every object becomes Ready, and AWS sees tags and nothing else.
pub(super) async fn taken_over(rig: &Rig, text: &str, ids: &[String]) -> Vec<Document> {
    assert_clean(text);
    let (servers, others): (Vec<&str>, Vec<&str>) =
        ids.iter().map(String::as_str).partition(|id| id.starts_with("s-") && !id.contains('/'));
    rig.grant(&servers);
    rig.adoptable(&others);
    let documents = manifest::documents(text).unwrap();
    for Document { value, .. } in &documents {
        let (kind, object) = (value["kind"].as_str().unwrap(), value["metadata"]["name"].as_str().unwrap());
        assert_eq!(value["metadata"]["namespace"], "team");
        if kind == "ConfigMap" {
            hold(rig, object, value);
            continue;
        }
        rig.put(kind, object, value["spec"].clone());
        rig.settle(kind, object).await;
        let message = rig.message(kind, object);
        assert_eq!(
            rig.says(kind, object, "Ready").unwrap().0,
            "True",
            "{kind} {object}: {message}\n{}",
            rig.status(kind, object)
        );
        let calls = rig.cloud.calls();
        let expected: &[&str] = if kind == "TransferAccess" { &[] } else { &["TagResource"] };
        assert_eq!(calls, expected, "{kind} {object}: {value:#}");
    }
    documents
}

/// The ConfigMap is there.
fn hold(rig: &Rig, config_map: &str, value: &Value) {
    let texts = value["data"].as_object().into_iter().flatten().map(|(key, text)| (key, text.as_str().unwrap().into()));
    let bytes = value["binaryData"].as_object().into_iter().flatten();
    let bytes = bytes.map(|(key, text)| (key, STANDARD.decode(text.as_str().unwrap()).unwrap()));
    let data = texts.chain(bytes).map(|(key, bytes)| (key.clone(), Ok(String::from_utf8(bytes).unwrap()))).collect();
    rig.objects.config_maps.lock().unwrap().insert(name(config_map), data);
}

/// Every endpoint and every provider, with what AWS lets each have.
fn servers(rig: &Rig) -> Vec<String> {
    let step = json!([{"Type": "DELETE", "DeleteStepDetails": {"Name": "gone"}}]);
    let workflow = make(rig, Operation::CreateWorkflow, json!({"Steps": step}))["WorkflowId"].clone();
    let runs = json!([{"WorkflowId": workflow, "ExecutionRole": ROLE}]);
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let network = json!({"VpcId": "vpc-0123456789abcdef0", "SubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]});
    let with_addresses = json!({"VpcId": "vpc-0123456789abcdef0", "SubnetIds": ["subnet-0123456789abcdef0"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"]});
    let log_group = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/transfer/x:*");
    let inputs = [
        json!({}),
        json!({
            "LoggingRole": ROLE, "PreAuthenticationLoginBanner": "on\nyes: no\n", "SecurityPolicyName": "TransferSecurityPolicy-2024-01",
            "StructuredLogDestinations": [log_group], "S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"},
            "ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"},
            "WorkflowDetails": {"OnUpload": runs, "OnPartialUpload": runs},
            "Tags": [tag("Name", "Partner Files"), tag("B\u{fc}ro", "M\u{fc}nchen"), tag("on", "yes"), tag("number", "1e3"), tag("transfer:customHostname", "sftp.example.com"),
                tag("transfer:route53HostedZoneId", "/hostedzone/Z123456789")],
        }),
        json!({"EndpointType": "VPC", "EndpointDetails": network, "IdentityProviderType": "AWS_DIRECTORY_SERVICE",
            "IdentityProviderDetails": {"DirectoryId": "d-0123456789"}, "Protocols": ["SFTP", "FTPS"], "Certificate": CERTIFICATE,
            "ProtocolDetails": {"PassiveIp": "0.0.0.0", "TlsSessionResumptionMode": "ENABLED"}, "Tags": [tag("Name", "Partner_files")]}),
        json!({"EndpointType": "VPC", "EndpointDetails": with_addresses, "Domain": "EFS", "Tags": [tag("Name", "7")]}),
        json!({"EndpointType": "VPC", "EndpointDetails": network, "IdentityProviderType": "AWS_LAMBDA", "Protocols": ["SFTP", "AS2"],
            "ProtocolDetails": {"As2Transports": ["HTTP"]},
            "IdentityProviderDetails": {"Function": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:login"),
                "SftpAuthenticationMethods": "PASSWORD"}}),
        json!({"IdentityProviderType": "API_GATEWAY", "IdentityProviderDetails": {"InvocationRole": ROLE,
            "Url": "https://x.execute-api.eu-central-1.amazonaws.com/prod"}}),
        json!({"EndpointType": "VPC_ENDPOINT", "EndpointDetails": {"VpcEndpointId": "vpce-01234567890abcdef"}}),
        json!({"IpAddressType": "DUALSTACK", "ProtocolDetails": {
            "SftpPorts": [{"SftpPort": 2222}, {"SftpPort": 22, "CommunicationMode": "CLIENT_TALK_FIRST"}],
            "ProxyConfig": {"SftpMode": "PROXY_PROTOCOL_V2_ENFORCED"}}}),
        json!({"EndpointType": "VPC", "EndpointDetails": network, "IdentityProviderType": "AWS_LAMBDA", "Protocols": ["FTP"],
            "IdentityProviderDetails": {"Function": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:login")}}),
        json!({"EndpointType": "VPC", "EndpointDetails": network, "Tags": [tag("Name", "elastic")]}),
    ];
    let ids: Vec<String> = inputs.into_iter().map(|input| server(rig, input)).collect();
    attach(rig, ids.last().unwrap());
    ids
}

/// A server gets elastic addresses only while it is OFFLINE.
fn attach(rig: &Rig, id: &str) {
    let addresses = json!({"AddressAllocationIds": ADDRESSES});
    for (operation, more) in [
        (Operation::StopServer, json!({})),
        (Operation::DescribeServer, json!({})),
        (Operation::UpdateServer, json!({"EndpointDetails": addresses})),
        (Operation::StartServer, json!({})),
        (Operation::DescribeServer, json!({})),
    ] {
        let mut input = json!({"ServerId": id});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        make(rig, operation, input);
    }
}

/// Users of other tools, peers.md C 25: what exists is taken over.
#[tokio::test(start_paused = true)]
async fn servers_of_every_endpoint_and_provider_are_taken_over_unchanged() {
    let rig = Rig::new();
    let ids = servers(&rig);
    let (directory, efs) = (&ids[2], &ids[3]);
    for group in ["S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"] {
        let mapping = json!([{"Entry": "/", "Target": "/bucket/${transfer:UserName}"}]);
        let input = json!({"ServerId": directory, "ExternalId": group, "Role": ROLE, "HomeDirectoryType": "LOGICAL",
            "HomeDirectoryMappings": mapping});
        make(&rig, Operation::CreateAccess, input);
    }
    let posix = json!({"PosixProfile": {"Uid": 0, "Gid": 4_294_967_295_i64, "SecondaryGids": [7, 3]}, "HomeDirectory": "/fs-01234567/x"});
    user(&rig, efs, "worker", posix);
    make(&rig, Operation::StopServer, json!({"ServerId": ids[5]}));
    // Whoever has stopped it waits until it is.
    make(&rig, Operation::DescribeServer, json!({"ServerId": ids[5]}));
    let text = exported(&rig, &ids).await;
    let documents = taken_over(&rig, &text, &ids).await;
    assert_eq!(documents.len(), ids.len() + 3);
    assert!(text.contains(&format!("#     - \"{ROLE}\"")) && text.contains(&format!("#     - \"{efs}\"")), "{text}");
    assert!(text.contains("#     kinds: [TransferServer, TransferUser, TransferAccess]"), "{text}");
    let names: Vec<&str> =
        documents.iter().map(|document| document.value["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names[0], ids[0], "a server without a name has its id");
    assert!(names[1].starts_with("partner-files-") && names[2].starts_with("partner-files-"), "{names:?}");
    assert_eq!(documents[5].value["spec"]["desiredState"], "OFFLINE");
    assert_eq!(documents[1].value["spec"]["customHostname"]["hostname"], "sftp.example.com");
    assert_eq!(documents[1].value["spec"]["lifecycle"]["adoption"]["mode"], "IfIdentical");
    assert!(text.contains("# host keys are left out") && text.contains("#   ssh-"), "{text}");
    let network = |at: usize| &documents[at].value["spec"]["endpointDetails"];
    assert_eq!(network(3)["securityGroupIds"], json!(["sg-0123456789abcdef0"]));
    assert!(network(2)["securityGroupIds"][0].as_str().unwrap().starts_with("sg-"), "the VPC's own group: {text}");
    assert_eq!(network(6), &json!({"vpcEndpointId": "vpce-01234567890abcdef"}));
    let of = |at: usize, field: &str| documents[at].value["spec"][field].clone();
    assert_eq!(of(7, "ipAddressType"), "DUALSTACK");
    assert_eq!(of(7, "protocolDetails")["proxyConfig"]["sftpMode"], "PROXY_PROTOCOL_V2_ENFORCED");
    assert_eq!(of(7, "protocolDetails")["sftpPorts"].as_array().unwrap().len(), 2);
    assert_eq!(of(8, "protocols"), json!(["FTP"]));
    assert_eq!(network(9)["addressAllocationIds"], json!(ADDRESSES));
    assert_eq!(network(9)["subnetIds"].as_array().unwrap().len(), 2);
    assert!(!text.contains("security groups are left out"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn groups_that_ec2_does_not_tell_are_left_out_with_its_reason() {
    let rig = Rig::new();
    let ids = servers(&rig)[3..4].to_vec();
    rig.cloud.lose("DescribeVpcEndpoints", Lose::Call(AwsErrorKind::Denied));
    let text = exported(&rig, &ids).await;
    let said = text.lines().find(|line| line.contains("security groups are left out and stay as they are")).unwrap();
    assert!(said.starts_with("# ") && said.contains("DescribeVpcEndpoints"), "{said}");
    let documents = taken_over(&rig, &text, &ids).await;
    let details = &documents[0].value["spec"]["endpointDetails"];
    assert_eq!(details, &json!({"vpcId": "vpc-0123456789abcdef0", "subnetIds": ["subnet-0123456789abcdef0"]}));
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_into_a_tag_never_leaves_its_comment() {
    let rig = Rig::new();
    let tag = |key: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{key}"), "Value": value});
    let tags = json!([tag("uid", "other"), tag("owner", "a\u{2028}spec: {}"), tag("cluster", "b\u{2029}kind: x")]);
    let id = server(&rig, json!({"Tags": tags}));
    let text = exported(&rig, &[id]).await;
    let said = text.lines().find(|line| line.contains("WARNING")).unwrap();
    let expected = "# WARNING: object a\\u{2028}spec: {} of cluster b\\u{2029}kind: x manages this already";
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_users_are_exported_without_a_difference() {
    let rig = Rig::new();
    let id = server(&rig, json!({"Tags": [{"Key": "Name", "Value": "files"}]}));
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let odd = ["Alice", "alice", "ALICE", "a_b", "a.b", "a-b", "a@b", "123", "null", "1e3", "x..y"];
    for name in odd {
        user(&rig, &id, name, json!({"HomeDirectory": "/bucket/a b", "Tags": [{"Key": "who", "Value": name}]}));
    }
    user(&rig, &id, "keys", json!({"SshPublicKeyBody": KEY, "Policy": policy.to_string()}));
    make(&rig, Operation::ImportSshPublicKey, json!({"ServerId": id, "UserName": "keys", "SshPublicKeyBody": OTHER}));
    for index in odd.len() + 1..1000 {
        let mapping =
            json!([{"Entry": "/in", "Target": format!("/bucket/{index}")}, {"Entry": "/out", "Target": "/bucket/out"}]);
        let logical =
            json!({"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": mapping, "SshPublicKeyBody": KEY});
        user(&rig, &id, &format!("Partner_{index}"), logical);
    }
    let text = exported(&rig, std::slice::from_ref(&id)).await;
    assert_clean(&text);
    let documents = manifest::documents(&text).unwrap();
    assert_eq!(documents.len(), 1001);
    let names: BTreeMap<&str, &Value> = documents
        .iter()
        .skip(1)
        .map(|document| (document.value["metadata"]["name"].as_str().unwrap(), &document.value["spec"]["userName"]))
        .collect();
    assert_eq!(names.len(), 1000, "each has a name of its own");
    assert_eq!(names["alice"], &Value::Null);
    assert_eq!(names["partner-500"], "Partner_500");
    let users = rig.cloud.users().clone();
    for Document { value, .. } in documents.iter().skip(1) {
        assert_eq!(differences(value, &id, &users), [], "{value:#}");
    }
    // Those with odd names and with keys go all the way; a thousand reconciles would say no more.
    let fourteen: Vec<&str> = text.split_inclusive("---\n").take(15).collect();
    let some = fourteen.concat();
    assert_eq!(taken_over(&rig, some.trim_end_matches("---\n"), std::slice::from_ref(&id)).await.len(), 14);
    let again = exported(&rig, &[id]).await;
    assert!(
        again.contains("# WARNING: object team/files of cluster"),
        "what an object manages already is said to be so"
    );
}
