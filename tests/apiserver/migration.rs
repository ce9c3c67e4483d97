//! docs/migration.md walked: what Crossplane made in AWS is exported, observed and taken over. Crossplane itself does not
//! run; in AWS stands what its providers leave there, their tags among it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::command_line::{changes, printed};
use crate::support::Lent;
use crate::world::{PLATFORM, World};

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtIlWUC7U2NXyg1fK4XS7BhtJCNSbs6IeMdnt+xXDbN",
];

/// What a provider of Crossplane puts on everything that can have tags, beside those of the manifest.
fn tags(kind: &str) -> Value {
    let own = [("crossplane-kind", kind), ("crossplane-name", "example"), ("crossplane-providerconfig", "default")];
    own.iter().chain(&[("env", "prod")]).map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// A server, a user of it and the user's keys, which are objects of their own there; answers with the server's id.
async fn made_by_crossplane(world: &World) -> String {
    let server = json!({
        "IdentityProviderType": "SERVICE_MANAGED", "SecurityPolicyName": "TransferSecurityPolicy-2018-11",
        "Tags": tags("server.transfer.aws.m.upbound.io"),
    });
    world.out_of_band("CreateServer", &server).await;
    let (id, _) = world.servers().await.into_iter().next().unwrap();
    let user = json!({
        "ServerId": id, "UserName": "tftestuser", "Role": "arn:aws:iam::123456789012:role/sftp/platform/writers",
        "HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": [{"Entry": "/in", "Target": "/my-files/in"}],
        "Tags": tags("user.transfer.aws.m.upbound.io"),
    });
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
                "roleArns": ["arn:aws:iam::123456789012:role/sftp/platform/writers"],
            }],
        },
    })
}

/// The exported manifests without the tags of Crossplane, as the page says.
fn manifests(export: &str, server: impl Fn(&mut Value)) -> Vec<Value> {
    let mut all: Vec<Value> = serde_saphyr::from_multiple(export).unwrap();
    all.retain(|object| !object.is_null());
    for object in &mut all {
        let tags = object["spec"]["tags"].as_object_mut().unwrap();
        tags.retain(|key, _| !key.starts_with("crossplane-"));
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
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", PLATFORM]).await;
    let id = made_by_crossplane(&world).await;
    let export = ["export", "--server-id", &id, "--namespace", PLATFORM, "--identity", "imported"];
    let text = printed(&world, &export).await;
    for key in KEYS {
        assert!(text.contains(key), "{text}");
    }
    let _operator = world.operator(&[]).await;
    world.apply(&[granted(&id)]).await;

    let observing = |server: &mut Value| server["spec"]["lifecycle"]["managementPolicy"] = json!("ObserveOnly");
    world.apply(&manifests(&text, observing)).await;
    world.told("transferservers", PLATFORM, &id, "Observed").await;
    world.told("transferusers", PLATFORM, "tftestuser", "ServerNotAvailable").await;
    let observed = world.object("transferservers", PLATFORM, &id).await;
    assert_eq!(observed["status"]["drift"], Value::Null, "nothing differs: {observed:#}");
    assert_eq!(changes(&world, "").await, [""; 0], "looking changes nothing");

    world.apply(&manifests(&text, |_| {})).await;
    world.all_ready(2).await;
    for (kind, name) in [("transferservers", id.as_str()), ("transferusers", "tftestuser")] {
        world.poke(kind, name).await;
    }
    world.all_ready(2).await;
    assert_eq!(changes(&world, "").await, ["TagResource", "TagResource"], "both say whose they are, and no more");
    let theirs = ["crossplane-kind", "crossplane-name", "crossplane-providerconfig", "env"];
    for tags in in_aws(&world, &id).await {
        let tags = tags.to_string();
        assert!(theirs.iter().all(|key| tags.contains(key)) && tags.contains("transfer-operator.dev/uid"), "{tags}");
    }

    // And back: what is deleted here stays in AWS.
    world.delete_all().await;
    let tags = in_aws(&world, &id).await;
    assert!(tags.iter().all(|tags| !tags.is_null() && !tags.to_string().contains("/uid")), "{tags:?}");
}
