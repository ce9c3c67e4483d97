//! Samples that show a whole use: each is applied as it stands, and becomes what it promises.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fields::certificate;
use crate::host_keys::{KeySecret, allow_secrets_in};
use crate::support::{ControlPlane, Lent, await_condition, repository};
use crate::world::World;

/// A cluster with a sample applied in this namespace, and what the operator needs of AWS.
async fn applied(sample: &str, namespace: &str) -> World {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", namespace]).await;
    let file = repository(&format!("deploy/samples/{sample}.yaml"));
    world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
    world
}

/// The value of a tag in what was sent to AWS.
fn tag<'a>(call: &'a Value, key: &str) -> Option<&'a str> {
    let tags = call["input"]["Tags"].as_array()?;
    tags.iter().find(|tag| tag["Key"] == key)?["Value"].as_str()
}

#[tokio::test]
async fn what_a_tenant_has_is_marked_as_its_own_and_nobody_elses() {
    let world = applied("tenant", "tenant-a").await;
    let _operator = world.operator(&[]).await;
    world.all_ready(3).await;
    for operation in ["CreateWorkflow", "CreateServer", "CreateUser"] {
        let made = world.done(operation).await;
        assert_eq!(made.len(), 1, "{operation}");
        assert_eq!(tag(&made[0], "tenant"), Some("tenant-a"), "{operation}");
    }
    let workflow = world.object("transferworkflows", "tenant-a", "inbox").await["status"]["workflowId"].clone();
    let handles = &world.done("CreateServer").await[0]["input"]["WorkflowDetails"]["OnUpload"][0]["WorkflowId"];
    assert_eq!((handles, handles.is_string()), (&workflow, true));

    // Another namespace gets nothing of it: neither its identity nor its server.
    world.plane.kubectl(&["create", "namespace", "tenant-b"]).await;
    let other = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "tenant-b"}, "spec": spec,
        })
    };
    let server = json!({"awsIdentityRef": {"name": "tenant-a"}, "region": "eu-central-1"});
    let user = json!({
        "serverRef": {"name": "files", "namespace": "tenant-a"},
        "role": "arn:aws:iam::123456789012:role/tenant-a/uploads",
        "home": {"s3": {"bucket": "tenant-a-files"}},
    });
    world.apply(&[other("TransferServer", "files", server), other("TransferUser", "guest", user)]).await;
    world.told("transferservers", "tenant-b", "files", "IdentityDenied").await;
    world.told("transferusers", "tenant-b", "guest", "ServerNotAvailable").await;
    assert_eq!(world.done("CreateServer").await.len(), 1);
    assert_eq!(world.done("CreateUser").await.len(), 1);
}

#[tokio::test]
async fn partners_are_reached_by_sftp_and_by_as2() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    // AWS chooses the ids of certificates; those of the samples are made up.
    let certificates = [certificate(&world.sim).await, certificate(&world.sim).await];
    let made_up = [0, 1].map(|number| format!("cert-0123456789abcdef{number}"));
    for sample in ["identity", "connector", "as2-profiles", "as2-agreement"] {
        put(&world, sample, made_up.iter().zip(&certificates)).await;
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(6).await;
    let profile = async |name: &str| {
        world.object("transferprofiles", "sftp", name).await["status"]["profileId"].as_str().unwrap().to_owned()
    };
    let made = world.done("CreateConnector").await;
    let as2 = made.iter().find_map(|call| call["input"].get("As2Config")).unwrap();
    assert_eq!(
        (&as2["LocalProfileId"], &as2["PartnerProfileId"]),
        (&json!(profile("us").await), &json!(profile("partner").await))
    );
    let sftp = made.iter().find_map(|call| call["input"].get("SftpConfig")).unwrap();
    assert_eq!(sftp["TrustedHostKeys"].as_array().unwrap().len(), 1, "the partner's key of the ConfigMap");
    // The simulator's partners show another one.
    world.told("transferconnectors", "sftp", "acme", "HostKeyNotTrusted").await;
}

/// Applies a sample with ids that AWS gave in the place of those that are made up.
async fn put<'a>(world: &World, sample: &str, ids: impl Iterator<Item = (&'a String, &'a String)>) {
    let text = std::fs::read_to_string(repository(&format!("deploy/samples/{sample}.yaml"))).unwrap();
    let text = ids.fold(text, |text, (made_up, id)| text.replace(made_up, id));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    world.plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
}

/// A Secret in namespace sftp.
fn secret(name: &str, kind: &str, key: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "sftp"},
        "type": format!("transfer-operator.dev/{kind}"), "stringData": {key: value}})
}

#[tokio::test]
async fn servers_of_every_sample_and_who_logs_in_become_ready() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    for namespace in ["sftp", "team-a"] {
        world.plane.kubectl(&["create", "namespace", namespace]).await;
    }
    // The platform lets the team's users in.
    world.plane.kubectl(&["label", "namespace", "team-a", "sftp=yes"]).await;
    allow_secrets_in(&world, "sftp").await;
    let key = KeySecret::of("openssh-ed25519").text();
    let password = secret("partner-login", "login-password", "password", "a-password-of-nobody");
    world.apply(&[secret("files-host-key", "host-key", "ssh-privatekey", &key), password]).await;
    for last in 0..2 {
        let address = json!({"allocation_id": format!("eipalloc-0123456789abcdef{last}"), "address": {}});
        world.sim.control("/_sim/change", &json!({"region": "eu-central-1", "set_address": address})).await;
    }
    let samples = [
        ("identity", 0),
        ("server-public", 1),
        ("users", 3),
        ("workflow", 2),
        ("directory-on-efs", 2),
        ("server-internal", 1),
        ("server-internet-facing", 1),
        ("server-lambda", 1),
        ("server-api-gateway", 1),
        ("report-only", 1),
    ];
    for (sample, _) in samples {
        put(&world, sample, std::iter::empty()).await;
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(samples.iter().map(|(_, count)| count).sum()).await;
    let keys = world.object("transferservers", "sftp", "files").await["status"]["hostKeys"].clone();
    assert_eq!(keys[0]["name"], "ed25519", "{keys}");
    world.told("transferservers", "sftp", "lambda", "LoginAccepted").await;
    let team = world.object("transferusers", "team-a", "invoices").await["status"]["userName"].clone();
    assert_eq!(team, "team-a_invoices");
}

#[tokio::test]
async fn a_server_in_use_is_observed_before_it_is_taken_over() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    // The tag of the sample's identity; with other settings it would not be taken over unchanged.
    let tags = json!([{"Key": "owner", "Value": "platform"}]);
    let server = world.out_of_band("CreateServer", &json!({"Tags": tags})).await["ServerId"].take();
    let role = "arn:aws:iam::123456789012:role/sftp/writers";
    let mappings = json!([{"Entry": "/", "Target": "/my-files/alice"}]);
    let alice = json!({"ServerId": server, "UserName": "alice", "Role": role, "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": mappings, "Tags": tags});
    world.out_of_band("CreateUser", &alice).await;
    let (made_up, id) = ("s-0123456789abcdef0".to_owned(), server.as_str().unwrap().to_owned());
    put(&world, "identity", std::iter::empty()).await;
    put(&world, "adoption", [(&made_up, &id)].into_iter()).await;
    let identity = world.object("awsidentities", "", "default").await;
    let mut grants = identity["spec"]["grants"].clone();
    grants[0]["serverIds"] = json!([id]);
    world.patch("awsidentities", "", "default", &json!({"spec": {"grants": grants}})).await;
    let _operator = world.operator(&[]).await;
    world.told("transferservers", "sftp", "legacy", "Observed").await;
    world.told("transferusers", "sftp", "legacy-alice", "ServerNotAvailable").await;
    let shown = world.object("transferservers", "sftp", "legacy").await["status"]["drift"].clone();
    assert_eq!(shown, Value::Null, "nothing differs");

    for (kind, name, reason) in
        [("transferservers", "legacy", "Available"), ("transferusers", "legacy-alice", "Available")]
    {
        let full = json!({"spec": {"lifecycle": {"managementPolicy": "Full"}}});
        world.patch(kind, "sftp", name, &full).await;
        world.told(kind, "sftp", name, reason).await;
    }
    let changing = ["CreateServer", "UpdateServer", "CreateUser", "UpdateUser", "DeleteUser", "ImportSshPublicKey"];
    for operation in changing {
        // What was done out of band is not in the log.
        assert_eq!(world.done(operation).await, Vec::<Value>::new(), "{operation}");
    }
    assert_eq!(world.done("TagResource").await.len(), 2);
}

/// docs/connectors.md: External Secrets itself does not run.
#[tokio::test]
async fn the_push_secret_of_the_page_is_one_for_external_secrets() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let crds = repository("tests/fixtures/external-secrets-crds.yaml");
    plane.kubectl(&["apply", "--filename", crds.to_str().unwrap()]).await;
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    plane.kubectl(&["create", "namespace", "sftp"]).await;
    let page = std::fs::read_to_string(repository("docs/connectors.md")).unwrap();
    let block = page.split("```yaml\n").find(|block| block.contains("kind: PushSecret")).unwrap();
    let manifest = block.split("```").next().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let dry = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename"];
    let apply = [&dry[..], &[file.path().to_str().unwrap()]].concat();
    std::fs::write(&file, manifest).unwrap();
    plane.kubectl(&apply).await;
    std::fs::write(&file, manifest.replace("remoteKey", "remoteName")).unwrap();
    let refused = plane.try_kubectl(&apply).await.unwrap_err();
    assert!(refused.contains("remoteName"), "{refused}");
}

/// What cert-manager writes into the Secret of its Certificate.
async fn issue(world: &World, pair: &str, crt: &str, key: &str) {
    let file =
        |name: &str| std::fs::read_to_string(repository(&format!("tests/fixtures/certificates/{name}"))).unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": pair, "namespace": "sftp", "labels": {"transfer-operator.dev/certificate": "true"}},
        "stringData": {"tls.crt": file(crt), "tls.key": file(key), "ca.crt": file("ca.pem")},
    });
    world.apply(&[secret]).await;
}

/// The ids of the certificates of a profile.
async fn certificates_of(world: &World, profile: &str) -> Vec<String> {
    let shown = world.object("transferprofiles", "sftp", profile).await["status"]["certificateIds"].clone();
    let ids = shown.as_array().cloned().unwrap_or_default();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_partner_is_there_both_ways_with_certificates_that_are_renewed() {
    // cert-manager's kinds are no part of the installation.
    let plane = ControlPlane::start().await;
    plane.install().await;
    let world = World::beside(Arc::new(Lent::from(plane))).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    let crds = repository("tests/fixtures/cert-manager-crds.yaml");
    world.plane.kubectl(&["apply", "--filename", crds.to_str().unwrap()]).await;
    world.plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    allow_secrets_in(&world, "sftp").await;
    issue(&world, "as2-us", "own.pem", "own.key").await;
    for sample in ["identity", "as2-agreement", "as2-partner"] {
        let file = repository(&format!("deploy/samples/{sample}.yaml"));
        world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
    }
    // That agreement is of other profiles, which this sample lacks.
    world.plane.kubectl(&["delete", "transferagreement", "partner-inc", "--namespace", "sftp", "--wait=false"]).await;
    let _operator = world.operator(&[]).await;
    world.all_ready(9).await;
    let (ours, theirs) = (certificates_of(&world, "example-inc").await, certificates_of(&world, "partner-inc").await);
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    let made = world.done("ImportCertificate").await;
    let with_key = made.iter().filter(|call| !call["input"]["PrivateKey"].is_null()).count();
    assert_eq!((made.len(), with_key), (4, 2), "one's own go with their keys");

    issue(&world, "as2-us", "first/tls.crt", "first/tls.key").await;
    for name in ["us-signing", "us-encryption"] {
        let now = json!({"metadata": {"annotations": {"transfer-operator.dev/reconcile-at": "now"}}});
        world.patch("transfercertificates", "sftp", name, &now).await;
    }
    await_condition("both in the profile, the new ones with notice", Duration::from_mins(1), async || {
        let ids = certificates_of(&world, "example-inc").await;
        let both = ids.len() == 4 && ours.iter().all(|old| ids.contains(old));
        let pending = world.object("transfercertificates", "sftp", "us-signing").await["status"].clone();
        let noticed = pending["certificateStatus"] == "PENDING_ROTATION";
        if both && noticed { Ok(()) } else { Err(format!("{ids:?} {pending:#}")) }
    })
    .await;
    assert_eq!(world.done("ImportCertificate").await.len(), 6);
}

#[tokio::test]
async fn a_business_team_gets_a_web_app_with_its_title_and_its_images() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    for sample in ["identity", "web-app"] {
        let file = repository(&format!("deploy/samples/{sample}.yaml"));
        world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(1).await;
    let status = world.object("transferwebapps", "sftp", "finance").await["status"].clone();
    let address = status["webAppEndpoint"].as_str().unwrap();
    assert!(address.ends_with(".transfer-webapp.eu-central-1.on.aws"), "{status}");
    assert_eq!((&status["accessEndpoint"], status["applicationArn"].is_string()), (&json!(address), true));
    let looks = world.done("UpdateWebAppCustomization").await;
    assert_eq!((looks.len(), &looks[0]["input"]["Title"]), (1, &json!("Files of the finance team")));
    // The log shows no bytes. That AWS has these is what Ready says: it was compared.
    for file in ["LogoFile", "FaviconFile"] {
        assert!(looks[0]["input"][file].is_string(), "{file}");
    }
}
