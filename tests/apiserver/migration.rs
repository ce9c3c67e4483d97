//! docs/migration.md walked: what Crossplane and Terraform made in AWS is exported, observed and taken over. Neither runs
//! here; in AWS stands what their providers leave there, their tags among it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::command_line::{changes, printed};
use crate::support::Lent;
use crate::world::{PLATFORM, World};

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtIlWUC7U2NXyg1fK4XS7BhtJCNSbs6IeMdnt+xXDbN",
];

const ROLE: &str = "arn:aws:iam::123456789012:role/sftp/platform/writers";

/// What a tool leaves in AWS.
struct Tool {
    /// The members of CreateServer and of CreateUser that it sends beside the names.
    server: Value,
    user: Value,
    /// Tags that are put on the server later.
    later: Value,
    /// Beginning of the keys of tags that are the tool's own, which the page says to leave out; none where it has none.
    own_tags: Option<&'static str>,
    /// Keys of tags that stay on both.
    stay: &'static [&'static str],
}

fn tags(all: &[(&str, &str)]) -> Value {
    all.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Providers of Crossplane put tags of their own on everything that can have some.
fn crossplane() -> Tool {
    let own = |kind| {
        let own = [("crossplane-kind", kind), ("crossplane-name", "example"), ("crossplane-providerconfig", "default")];
        tags(&[&own[..], &[("env", "prod")]].concat())
    };
    Tool {
        server: json!({"IdentityProviderType": "SERVICE_MANAGED", "SecurityPolicyName": "TransferSecurityPolicy-2018-11",
            "Tags": own("server.transfer.aws.m.upbound.io")}),
        user: json!({"HomeDirectoryType": "LOGICAL",
            "HomeDirectoryMappings": [{"Entry": "/in", "Target": "/my-files/in"}],
            "Tags": own("user.transfer.aws.m.upbound.io")}),
        later: json!([]),
        own_tags: Some("crossplane-"),
        stay: &["crossplane-kind", "crossplane-name", "crossplane-providerconfig", "env"],
    }
}

/// The provider of Terraform sends its own defaults along, a policy without blanks, and the host name by resources of
/// aws_transfer_tag, which its documentation once called `aws:transfer:` and now calls `transfer:`.
fn terraform() -> Tool {
    let policy = json!({"Version": "2012-10-17",
        "Statement": [{"Sid": "Own", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::my-files/*"}]});
    let host = [
        ("aws:transfer:customHostname", "sftp.example.com"),
        ("aws:transfer:route53HostedZoneId", "/hostedzone/Z1D633PJN98FT9"),
    ];
    Tool {
        server: json!({"Domain": "S3", "EndpointType": "PUBLIC", "IdentityProviderType": "SERVICE_MANAGED",
            "SecurityPolicyName": "TransferSecurityPolicy-2018-11", "LoggingRole": ROLE,
            "PreAuthenticationLoginBanner": "Welcome", "Tags": tags(&[("env", "prod")])}),
        later: tags(&host),
        user: json!({"HomeDirectoryType": "PATH", "HomeDirectory": "/my-files/tftestuser", "Policy": policy.to_string(),
            "Tags": tags(&[("env", "prod")])}),
        own_tags: None,
        stay: &["env"],
    }
}

/// A server, a user of it and the user's keys, which are objects of their own in both tools; answers with the server's id.
async fn made(world: &World, tool: &Tool) -> String {
    let answer = world.out_of_band("CreateServer", &tool.server).await;
    let id = answer["ServerId"].as_str().unwrap().to_owned();
    if tool.later != json!([]) {
        let arn = format!("arn:aws:transfer:eu-central-1:123456789012:server/{id}");
        world.out_of_band("TagResource", &json!({"Arn": arn, "Tags": tool.later})).await;
    }
    let mut user = tool.user.clone();
    for (member, value) in [("ServerId", id.as_str()), ("UserName", "tftestuser"), ("Role", ROLE)] {
        user[member] = json!(value);
    }
    world.out_of_band("CreateUser", &user).await;
    for key in KEYS {
        let key = json!({"ServerId": id, "UserName": "tftestuser", "SshPublicKeyBody": key});
        world.out_of_band("ImportSshPublicKey", &key).await;
    }
    id
}

/// As the page has it: an identity of its own, without tags.
fn granted(server: &str) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "imported"},
        "spec": {
            "accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
            "deletionProtection": false,
            "grants": [{
                "name": "sftp-platform-export", "kinds": ["TransferServer", "TransferUser"],
                "namespaces": {"from": "Names", "names": [PLATFORM]}, "serverIds": [server],
                "roleArns": [ROLE],
            }],
        },
    })
}

/// The exported manifests without the tags that are the tool's own, as the page says.
fn manifests(export: &str, tool: &Tool, server: impl Fn(&mut Value)) -> Vec<Value> {
    let mut all: Vec<Value> = serde_saphyr::from_multiple(export).unwrap();
    all.retain(|object| !object.is_null());
    for object in &mut all {
        let tags = object["spec"]["tags"].as_object_mut().unwrap();
        tags.retain(|key, _| !tool.own_tags.is_some_and(|own| key.starts_with(own)));
        assert_eq!(tags.len(), 1, "{tags:?}");
        if object["kind"] == "TransferServer" {
            server(object);
        }
    }
    all
}

/// The tags of the server and of its user as AWS has them.
async fn in_aws(world: &World, id: &str) -> [Value; 2] {
    let server = world.servers().await[id].clone();
    [server["Tags"].clone(), server["Users"]["tftestuser"]["Tags"].clone()]
}

#[tokio::test]
async fn what_crossplane_made_is_observed_then_taken_over_and_let_go() {
    migrated(&crossplane()).await;
}

#[tokio::test]
async fn what_terraform_made_is_observed_then_taken_over_and_let_go() {
    let server = migrated(&terraform()).await;
    // The host name is a field here, its tags stay as they were.
    assert_eq!(
        server["spec"]["customHostname"],
        json!({"hostname": "sftp.example.com", "hostedZoneId": "/hostedzone/Z1D633PJN98FT9"})
    );
    assert_eq!(server["spec"]["preAuthenticationLoginBanner"], "Welcome");
}

/// The walk of the page; answers with the server as it was taken over.
async fn migrated(tool: &Tool) -> Value {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", PLATFORM]).await;
    let id = made(&world, tool).await;
    let export = ["export", "--server-id", &id, "--namespace", PLATFORM, "--identity", "imported"];
    let text = printed(&world, &export).await;
    for key in KEYS {
        assert!(text.contains(key), "{text}");
    }
    let _operator = world.operator(&[]).await;
    world.apply(&[granted(&id)]).await;

    let observing = |server: &mut Value| server["spec"]["lifecycle"]["managementPolicy"] = json!("ObserveOnly");
    world.apply(&manifests(&text, tool, observing)).await;
    world.told("transferservers", PLATFORM, &id, "Observed").await;
    world.told("transferusers", PLATFORM, "tftestuser", "ServerNotAvailable").await;
    let observed = world.object("transferservers", PLATFORM, &id).await;
    assert_eq!(observed["status"]["drift"], Value::Null, "nothing differs: {observed:#}");
    assert_eq!(changes(&world, "").await, [""; 0], "looking changes nothing");

    world.apply(&manifests(&text, tool, |_| {})).await;
    world.all_ready(2).await;
    for (kind, name) in [("transferservers", id.as_str()), ("transferusers", "tftestuser")] {
        world.poke(kind, name).await;
    }
    world.all_ready(2).await;
    assert_eq!(changes(&world, "").await, ["TagResource", "TagResource"], "both say whose they are, and no more");
    for tags in in_aws(&world, &id).await {
        let tags = tags.to_string();
        assert!(tool.stay.iter().all(|key| tags.contains(key)) && tags.contains("transfer-operator.dev/uid"), "{tags}");
    }
    let server = world.object("transferservers", PLATFORM, &id).await;

    // And back: what is deleted here stays in AWS.
    world.delete_all().await;
    let tags = in_aws(&world, &id).await;
    assert!(tags.iter().all(|tags| !tags.is_null() && !tags.to_string().contains("/uid")), "{tags:?}");
    server
}
