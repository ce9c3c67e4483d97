//! What somebody changes in AWS is put back, member by member: each row of the tables that the operator compares by.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, ROLE, Rig};
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::kinds::login;
use crate::kinds::server::members::MEMBERS;
use crate::sim::model::Address;
use crate::sim::operation::Operation;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";
const THEIRS: &str = "arn:aws:iam::123456789012:role/theirs";
const VPC: &str = "vpc-0123456789abcdef0";
const SUBNETS: [&str; 2] = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"];
const ADDRESSES: [&str; 2] = ["eipalloc-0aaaaaaaaaaaaaaaa", "eipalloc-0bbbbbbbbbbbbbbbb"];
const ENDPOINTS: [&str; 2] = ["vpce-0123456789abcdef0", "vpce-0123456789abcdef1"];
/// Long enough for a stop and a start.
const LONG: Duration = Duration::from_mins(30);

/// A member, the spec that sets it, and what somebody makes of it in AWS.
type Row = (&'static str, Value, Value);

fn merged(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else { return *target = patch.clone() };
    for (name, value) in members {
        merged(&mut target[name], value);
    }
}

fn in_vpc(more: Value) -> Value {
    let mut spec = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": VPC, "subnetIds": [SUBNETS[0]]}});
    merged(&mut spec, &more);
    spec
}

fn workflow(id: &str) -> Value {
    json!([{"workflowId": id, "executionRole": ROLE}])
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

fn lambda(more: Value) -> Value {
    let mut spec =
        json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": function("ours")}});
    merged(&mut spec, &more);
    spec
}

fn gateway() -> Value {
    let details = json!({"url": "https://ours.example.com/prod", "invocationRole": ROLE});
    json!({"identityProviderType": "API_GATEWAY", "identityProviderDetails": details})
}

/// A member that is set to the first and becomes the second.
fn plain(path: &'static str, ours: Value, theirs: Value) -> Row {
    let nested = |value: Value| path.rsplit('.').fold(value, |inner, name| json!({name: inner}));
    (path, nested(ours), nested(theirs))
}

fn network() -> Vec<Row> {
    let elastic = |addresses: &[&str]| json!({"endpointDetails": {"addressAllocationIds": addresses}});
    let own = |id: &str| json!({"endpointType": "VPC_ENDPOINT", "endpointDetails": {"vpcEndpointId": id}});
    vec![
        (
            "endpointType",
            json!({"endpointType": "PUBLIC"}),
            in_vpc(json!({"endpointDetails": {"vpcEndpointId": ENDPOINTS[0]}})),
        ),
        ("endpointDetails.subnetIds", in_vpc(json!({})), json!({"endpointDetails": {"subnetIds": SUBNETS}})),
        ("endpointDetails.addressAllocationIds", in_vpc(elastic(&ADDRESSES[..1])), elastic(&ADDRESSES[1..])),
        ("endpointDetails.vpcEndpointId", own(ENDPOINTS[0]), own(ENDPOINTS[1])),
        plain("ipAddressType", json!("DUALSTACK"), json!("IPV4")),
    ]
}

fn access() -> Vec<Row> {
    let certificate = |last: u8| {
        json!(format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-0000-0000-00000000000{last}"))
    };
    let details = |member: &str, value: Value| json!({"identityProviderDetails": {member: value}});
    let ftps = in_vpc(lambda(json!({"protocols": ["SFTP", "FTPS"], "certificate": certificate(1)})));
    let as2 = in_vpc(json!({"protocols": ["SFTP", "AS2"], "protocolDetails": {"as2Transports": ["HTTP"]}}));
    let directory = |id: &str| details("directoryId", json!(id));
    let mut of_directory = directory("d-0123456789");
    of_directory["identityProviderType"] = json!("AWS_DIRECTORY_SERVICE");
    vec![
        ("certificate", ftps.clone(), json!({"certificate": certificate(2)})),
        ("protocols", ftps, json!({"protocols": ["SFTP"]})),
        ("identityProviderType", json!({"identityProviderType": "SERVICE_MANAGED"}), lambda(json!({}))),
        ("identityProviderDetails.function", lambda(json!({})), details("function", json!(function("theirs")))),
        ("identityProviderDetails.url", gateway(), details("url", json!("https://theirs.example.com/prod"))),
        ("identityProviderDetails.invocationRole", gateway(), details("invocationRole", json!(THEIRS))),
        ("identityProviderDetails.directoryId", of_directory, directory("d-9876543210")),
        (
            "identityProviderDetails.sftpAuthenticationMethods",
            lambda(details("sftpAuthenticationMethods", json!("PUBLIC_KEY_AND_PASSWORD"))),
            details("sftpAuthenticationMethods", json!("PASSWORD")),
        ),
        ("protocolDetails.as2Transports", as2, json!({"protocolDetails": {"as2Transports": null}})),
        plain("protocolDetails.passiveIp", json!("192.0.2.1"), json!("192.0.2.2")),
        plain("protocolDetails.tlsSessionResumptionMode", json!("DISABLED"), json!("ENABLED")),
        plain("protocolDetails.setStatOption", json!("ENABLE_NO_OP"), json!("DEFAULT")),
        plain("protocolDetails.sftpPorts", json!([{"sftpPort": 2222}]), json!([{"sftpPort": 2223}])),
        plain("protocolDetails.proxyConfig.sftpMode", json!("PROXY_PROTOCOL_V2_ENFORCED"), json!("NONE")),
    ]
}

fn rest(workflows: [&str; 2]) -> Vec<Row> {
    let logs = |name: &str| json!([format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/{name}:*")]);
    let runs = |on: &'static str, at: usize| {
        (on, json!({"loggingRole": ROLE, "workflowDetails": {on: workflow(workflows[at])}}))
    };
    let of = |path: &'static str, on: &'static str| {
        let theirs = json!({"workflowDetails": {on: workflow(workflows[1])}});
        (path, runs(on, 0).1, theirs)
    };
    vec![
        plain("loggingRole", json!(ROLE), json!(THEIRS)),
        plain("preAuthenticationLoginBanner", json!("ours"), json!("theirs")),
        plain("postAuthenticationLoginBanner", json!("ours"), json!("theirs")),
        plain("s3StorageOptions.directoryListingOptimization", json!("ENABLED"), json!("DISABLED")),
        plain("securityPolicyName", json!("TransferSecurityPolicy-2025-03"), json!("TransferSecurityPolicy-2018-11")),
        plain("structuredLogDestinations", logs("ours"), logs("theirs")),
        of("workflowDetails.onUpload", "onUpload"),
        of("workflowDetails.onPartialUpload", "onPartialUpload"),
    ]
}

fn settings(rig: &Rig) -> Value {
    serde_json::to_value(&rig.cloud.servers()[FIRST].settings).unwrap()
}

/// A server with that spec, Ready.
async fn server(rig: &Rig, spec: Value) {
    let has = |id: &&str| ((*id).to_owned(), Address::default());
    rig.cloud.sim().world.region(ACCOUNT, REGION).addresses.extend(ADDRESSES.iter().map(has));
    rig.server("files", spec);
    rig.run(SERVER, "files", LONG).await;
    let ready = rig.says(SERVER, "files", "Ready").unwrap().0;
    assert_eq!(ready, "True", "{}: {}", rig.message(SERVER, "files"), rig.status(SERVER, "files"));
    rig.cloud.calls();
    rig.objects.notes.lock().unwrap().clear();
}

/// Whether an Event says that drift in this member was put right.
fn told(rig: &Rig, path: &str) -> bool {
    let notes = rig.objects.notes.lock().unwrap();
    notes.iter().any(|note| note.reason == "DriftCorrected" && note.message.contains(&format!("{path}: have ")))
}

/// Users of other tools, peers.md C 27: drift in every member of a server is seen, and put right.
#[tokio::test(start_paused = true)]
async fn every_member_of_a_server_that_somebody_changed_is_put_back() {
    let ids = || {
        let rig = Rig::new();
        let step = json!({"Steps": [{"Type": "DELETE", "DeleteStepDetails": {}}]});
        let made = |_| {
            let now = rig.cloud.now();
            let made = rig.cloud.sim().out_of_band(Operation::CreateWorkflow, ACCOUNT, REGION, step.clone(), now);
            made.unwrap()["WorkflowId"].as_str().unwrap().to_owned()
        };
        let ids = [0, 1].map(made);
        (rig, ids)
    };
    let mut seen = BTreeSet::from(["endpointDetails.vpcId"]);
    let [one, two] = ids().1;
    for (path, ours, theirs) in network().into_iter().chain(access()).chain(rest([&one, &two])) {
        seen.insert(path);
        let (rig, again) = ids();
        assert_eq!(again, [one.clone(), two.clone()], "the simulator draws the same ids each time");
        server(&rig, ours).await;
        let before = settings(&rig);
        let mut changed = before.clone();
        merged(&mut changed, &theirs);
        rig.cloud.servers().get_mut(FIRST).unwrap().settings = serde_json::from_value(changed).unwrap();
        assert_ne!(settings(&rig), before, "{path}: nobody changed anything");
        rig.run(SERVER, "files", LONG).await;
        assert_eq!(settings(&rig), before, "{path}: {}", rig.message(SERVER, "files"));
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "{path}");
        assert!(told(&rig, path), "{path}: {:?}", rig.objects.notes.lock().unwrap());
    }
    assert_eq!(seen, MEMBERS.iter().map(|member| member.path).collect());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_in_another_vpc_than_its_spec_says_calls_a_person() {
    let rig = Rig::new();
    server(&rig, in_vpc(json!({}))).await;
    let mut changed = settings(&rig);
    changed["endpointDetails"]["vpcId"] = json!("vpc-0fedcba9876543210");
    rig.cloud.servers().get_mut(FIRST).unwrap().settings = serde_json::from_value(changed).unwrap();
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "Immutable");
    assert!(rig.message(SERVER, "files").contains("spec.endpointDetails.vpcId"), "{}", rig.message(SERVER, "files"));
    assert!(rig.cloud.calls().is_empty());
}

fn groups(rig: &Rig) -> Vec<String> {
    let mut sim = rig.cloud.sim();
    let held = sim.world.region(ACCOUNT, REGION).servers[FIRST].settings.endpoint_details.clone().unwrap();
    held.security_group_ids.unwrap_or_default()
}

fn puts_groups(rig: &Rig, groups: &[&str]) {
    let mut sim = rig.cloud.sim();
    let held = sim.world.region(ACCOUNT, REGION).servers.get_mut(FIRST).unwrap();
    let details = held.settings.endpoint_details.as_mut().unwrap();
    details.security_group_ids = Some(groups.iter().map(|group| (*group).to_owned()).collect());
}

/// Users of other tools, peers.md C 12: behind a server that is Ready too.
#[tokio::test(start_paused = true)]
async fn security_groups_that_somebody_changed_in_ec2_are_put_back_or_reported() {
    let (ours, theirs) = ("sg-0123456789abcdef0", "sg-0fedcba9876543210");
    let spec = |policy: &str| {
        let mut spec = in_vpc(json!({"endpointDetails": {"securityGroupIds": [ours]}}));
        spec["lifecycle"] = json!({"deletionProtection": false, "managementPolicy": policy});
        spec
    };
    let path = "endpointDetails.securityGroupIds";
    for (there, calls) in [(&[theirs][..], 2), (&[ours, theirs], 1)] {
        let rig = Rig::new();
        server(&rig, spec("Full")).await;
        puts_groups(&rig, there);
        rig.run(SERVER, "files", LONG).await;
        assert_eq!(
            (groups(&rig), rig.cloud.calls()),
            (vec![ours.to_owned()], vec!["ModifyVpcEndpoint".to_owned(); calls])
        );
        assert!(told(&rig, path), "{:?}", rig.objects.notes.lock().unwrap());

        let rig = Rig::new();
        server(&rig, spec("ReportDrift")).await;
        puts_groups(&rig, there);
        rig.run(SERVER, "files", LONG).await;
        assert_eq!((groups(&rig), rig.cloud.calls()), (there.iter().map(|&group| group.to_owned()).collect(), vec![]));
        let drift = rig.status(SERVER, "files")["drift"][0].clone();
        assert_eq!(drift["path"], format!("spec.{path}"), "{}", rig.status(SERVER, "files"));
        assert!(drift["have"].as_str().unwrap().contains(theirs) && drift["want"].as_str().unwrap().contains(ours));
    }
}

fn login_rows() -> Vec<Row> {
    let mapping = |target: &str| json!([{"entry": "/", "target": target}]);
    let logical = |target: &str| json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping(target)});
    let policy = |action: &str| {
        json!(
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
                .to_string()
        )
    };
    vec![
        ("role", json!({}), json!({"role": THEIRS})),
        plain("homeDirectory", json!("/ours"), json!("/theirs")),
        ("homeDirectoryType", json!({"homeDirectory": "/ours", "homeDirectoryType": "PATH"}), logical("/theirs/x")),
        ("homeDirectoryMappings", logical("/ours/x"), logical("/theirs/x")),
        plain("policy", policy("s3:GetObject"), policy("s3:*")),
        plain(
            "posixProfile",
            json!({"uid": 1, "gid": 2, "secondaryGids": [5]}),
            json!({"uid": 3, "secondaryGids": []}),
        ),
    ]
}

/// The login of the kind in AWS.
fn login(rig: &Rig, kind: &str) -> Value {
    let users = || rig.cloud.users().values().next().map(|user| json!(user.settings));
    let accesses = || rig.cloud.accesses().values().next().map(|access| json!(access.settings));
    if kind == USER { users() } else { accesses() }.unwrap()
}

fn puts_login(rig: &Rig, kind: &str, changed: Value) {
    let settings = serde_json::from_value(changed).unwrap();
    if kind == USER {
        rig.cloud.users().values_mut().next().unwrap().settings = settings;
    } else {
        rig.cloud.accesses().values_mut().next().unwrap().settings = settings;
    }
}

#[tokio::test(start_paused = true)]
async fn every_member_of_a_login_that_somebody_changed_is_put_back() {
    for (kind, provider) in [(USER, "SERVICE_MANAGED"), (ACCESS, "AWS_DIRECTORY_SERVICE")] {
        let mut seen = BTreeSet::new();
        for (path, ours, theirs) in login_rows() {
            seen.insert(path);
            let rig = Rig::new();
            let domain = if path == "posixProfile" { "EFS" } else { "S3" };
            server(&rig, json!({"domain": domain, "identityProviderType": provider})).await;
            let mut spec = json!({"serverRef": {"name": "files"}, "role": ROLE});
            merged(&mut spec, &ours);
            if kind == ACCESS {
                spec["externalId"] = json!("S-1-1");
            }
            rig.put(kind, "alice", spec);
            rig.run(kind, "alice", LONG).await;
            let message = rig.message(kind, "alice");
            assert_eq!(rig.says(kind, "alice", "Ready").unwrap().0, "True", "{kind} {path}: {message}");
            let before = login(&rig, kind);
            let mut changed = before.clone();
            merged(&mut changed, &theirs);
            puts_login(&rig, kind, changed);
            assert_ne!(login(&rig, kind), before, "{kind} {path}: nobody changed anything");
            rig.run(kind, "alice", LONG).await;
            assert_eq!(login(&rig, kind), before, "{kind} {path}");
            assert_eq!(rig.says(kind, "alice", "Ready").unwrap().0, "True", "{kind} {path}");
            assert!(told(&rig, path), "{kind} {path}: {:?}", rig.objects.notes.lock().unwrap());
        }
        assert_eq!(seen, login::MEMBERS.iter().map(|member| member.path).collect(), "{kind}");
    }
}
