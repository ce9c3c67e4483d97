//! What the operator asked the API server for in a whole life, compared with what it was granted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::host_keys::{KeySecret, allow_secrets};
use crate::support::{NAMESPACE, SERVICE_ACCOUNT, await_condition, managed, ready, repository};
use crate::world::{PATIENCE, PLATFORM, World};

/// Verb, group, resource with subresource.
type Right = (String, String, String);

/// Granted and never used here.
const UNUSED: [(&str, &str, &str, &str); 1] =
    [("get", "transfer-operator.dev", "awsidentities", "an identity that does not decode is read to be told so")];

#[tokio::test]
async fn a_whole_life_uses_every_granted_right_and_is_refused_none() {
    let world = World::demo().await;
    allow_secrets(&world).await;
    live(&world).await;

    let requests = world.plane.requests_of(NAMESPACE, SERVICE_ACCOUNT);
    let refused: Vec<&Value> = requests.iter().filter(|event| event["responseStatus"]["code"] == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let used: BTreeSet<Right> = requests.iter().filter_map(right).collect();
    let granted = granted(&world).await;
    let unused: BTreeSet<Right> =
        UNUSED.iter().map(|(verb, group, resource, _)| owned(verb, group, resource)).collect();
    let used_too: BTreeSet<Right> = used.union(&unused).cloned().collect();
    assert_eq!(used_too, granted);
    assert!(used.is_disjoint(&unused), "used after all: {used:#?}");

    let secrets: BTreeSet<&Right> = granted.iter().filter(|(_, _, resource)| resource.starts_with("secrets")).collect();
    assert_eq!(secrets, BTreeSet::from([&owned("get", "", "secrets")]));
    // The role that a test writes is the one that the chart writes.
    let chart = std::fs::read_to_string(repository("charts/transfer-operator/templates/rbac/secrets.yaml")).unwrap();
    let verbs: Vec<&str> = chart.lines().filter(|line| line.trim_start().starts_with("verbs:")).collect();
    assert_eq!(verbs, ["  verbs: [get]"]);
}

/// Creates, changes and deletes something of every kind.
async fn live(world: &World) {
    KeySecret::of("openssh-ed25519").create(world, "host-key").await;
    let keys = json!({"region": "eu-central-1", "hostKeys": [{"name": "a", "secretKeyRef": {"name": "host-key"}}]});
    let steps = json!([{"type": "DELETE", "deleteStepDetails": {}}]);
    let us = json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL"});
    let us = managed("TransferProfile", PLATFORM, "us", &us);
    let clean = managed("TransferWorkflow", PLATFORM, "clean", &json!({"region": "eu-central-1", "steps": steps}));
    let acme = json!({"region": "eu-central-1", "url": "sftp://sftp.acme.example",
        "accessRole": "arn:aws:iam::123456789012:role/sftp/platform/connectors",
        "sftpConfig": {"userSecretId": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/platform/acme-AbCdEf"}});
    let acme = managed("TransferConnector", PLATFORM, "acme", &acme);
    world.sim.control("/_sim/config", &json!({"agreement_without_as2": "accept"})).await;
    let them = json!({"region": "eu-central-1", "as2Id": "them", "profileType": "PARTNER"});
    let them = managed("TransferProfile", PLATFORM, "them", &them);
    let orders = json!({"serverRef": {"name": "files"}, "localProfileRef": {"name": "us"},
        "partnerProfileRef": {"name": "them"}, "baseDirectory": "/b/in",
        "accessRole": "arn:aws:iam::123456789012:role/sftp/platform/as2"});
    let orders = managed("TransferAgreement", PLATFORM, "orders", &orders);
    let theirs = std::fs::read_to_string(repository("tests/fixtures/certificates/partner.pem")).unwrap();
    let source = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": PLATFORM},
        "data": {"pem": theirs}});
    let theirs =
        json!({"region": "eu-central-1", "usage": "SIGNING", "configMapKeyRef": {"name": "theirs", "key": "pem"}});
    let theirs = managed("TransferCertificate", PLATFORM, "theirs", &theirs);
    let center = json!({"instanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef",
        "role": "arn:aws:iam::123456789012:role/sftp/platform/portal"});
    let portal = json!({"region": "eu-central-1", "identityProviderDetails": {"identityCenterConfig": center},
        "lifecycle": {"deletionProtection": false}});
    let portal = managed("TransferWebApp", PLATFORM, "portal", &portal);
    world
        .apply(&[
            managed("TransferServer", PLATFORM, "keyed", &keys),
            clean,
            us,
            acme,
            them,
            orders,
            source,
            theirs,
            portal,
        ])
        .await;
    let operator = world.operator(&["--resync-interval", "3s", "--lease=true"]).await;
    world.all_ready(15).await;

    let two = "arn:aws:iam::123456789012:role/sftp/platform/two";
    world.patch("transferusers", PLATFORM, "alice", &json!({"spec": {"role": two}})).await;
    world.patch("transferservers", PLATFORM, "keyed", &json!({"spec": {"preAuthenticationLoginBanner": "x"}})).await;
    world.patch("configmap", PLATFORM, "bob-keys", &json!({"data": {"authorized_keys": ""}})).await;
    world.told("transferusers", PLATFORM, "bob", "SourceNotReady").await;
    await_condition("the changes applied", PATIENCE, async || {
        let (user, server) = (world.done("UpdateUser").await, world.done("UpdateServer").await);
        let keyed = world.object("transferservers", PLATFORM, "keyed").await;
        if user.is_empty() || server.is_empty() || !ready(&keyed) { Err(format!("{keyed:#?}")) } else { Ok(()) }
    })
    .await;

    world.delete_all().await;
    world.plane.kubectl(&["delete", "awsidentity", "default", "--timeout=60s"]).await;
    assert!(operator.terminate().await.success());
}

fn owned(verb: &str, group: &str, resource: &str) -> Right {
    (verb.to_owned(), group.to_owned(), resource.to_owned())
}

/// The right that a request needs; none for the discovery that everybody may ask for.
fn right(event: &Value) -> Option<Right> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = event.get("objectRef").filter(|object| object["resource"].is_string())?;
    let (resource, sub) = (text(&object["resource"]), text(&object["subresource"]));
    let resource = if sub.is_empty() { resource } else { format!("{resource}/{sub}") };
    Some((text(&event["verb"]), text(&object["apiGroup"]), resource))
}

/// Everything that any role bound to the operator's ServiceAccount grants, in the cluster or in a namespace.
async fn granted(world: &World) -> BTreeSet<Right> {
    let api = "/apis/rbac.authorization.k8s.io/v1";
    let us = json!({"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE});
    let mut granted = BTreeSet::new();
    for bindings in ["clusterrolebindings", "rolebindings"] {
        let list = world.get(&format!("{api}/{bindings}")).await;
        let bound = |binding: &&Value| binding["subjects"].as_array().is_some_and(|subjects| subjects.contains(&us));
        for binding in list["items"].as_array().unwrap().iter().filter(bound) {
            let text = |path: &str| binding.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let role = text("/roleRef/name");
            let path = match text("/roleRef/kind") {
                "ClusterRole" => format!("{api}/clusterroles/{role}"),
                _ => format!("{api}/namespaces/{}/roles/{role}", text("/metadata/namespace")),
            };
            let role = world.get(&path).await;
            granted.extend(role["rules"].as_array().unwrap().iter().flat_map(rights));
        }
    }
    granted
}

/// What one rule of a role grants.
fn rights(rule: &Value) -> Vec<Right> {
    let texts = |member: &str| rule[member].as_array().unwrap().iter().map(|value| value.as_str().unwrap());
    let mut rights = Vec::new();
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            rights.extend(texts("verbs").map(|verb| owned(verb, group, resource)));
        }
    }
    rights
}
