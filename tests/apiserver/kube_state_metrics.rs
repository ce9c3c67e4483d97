//! kube-state-metrics itself with the file that we deliver for it: every series of the file comes out of objects that the
//! operator wrote the status of. `make test-kube-state-metrics` builds it and runs this.

use std::collections::BTreeSet;

use kube::{Client, Config};
use serde_json::{Value, json};

use crate::support::{Process, await_condition, directory_from, managed, repository};
use crate::world::{PATIENCE, PLATFORM, World, user_of};

const FILE: &str = "deploy/kube-state-metrics.yaml";

/// The families that the file names.
fn named() -> BTreeSet<String> {
    let file = std::fs::read_to_string(repository(FILE)).unwrap();
    let config: Value = serde_saphyr::from_str(&file).unwrap();
    let resources = config["spec"]["resources"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let families = |of: &Value| -> Vec<String> {
        let metrics = of["metrics"].as_array().unwrap().iter();
        metrics.map(|metric| format!("{}_{}", text(&of["metricNamePrefix"]), text(&metric["name"]))).collect()
    };
    resources.iter().flat_map(families).collect()
}

/// The families of which there is a sample.
fn told(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

struct KubeStateMetrics {
    address: String,
    process: Process,
}

impl KubeStateMetrics {
    /// With the rights that the file's head says it needs.
    async fn start(world: &World) -> Self {
        let account = "kube-state-metrics";
        let plane = &world.plane;
        plane.kubectl(&["create", "serviceaccount", account, "--namespace=default"]).await;
        let rules = json!([
            {"apiGroups": ["transfer-operator.dev"], "resources": ["*"], "verbs": ["list", "watch"]},
            {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
        ]);
        world.apply(&crate::scrapes::bound(account, &rules, ("default", account))).await;
        let kubeconfig = plane.kubeconfig_for("default", account).await;
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, own) = (free(), free());
        let program = directory_from("KUBE_STATE_METRICS", "tools/build-kube-state-metrics", &[]).join(account);
        let process = Process::guarded(account, &program, |command| {
            command
                .arg(format!("--kubeconfig={}", kubeconfig.display()))
                .arg(format!("--custom-resource-state-config-file={}", repository(FILE).display()))
                .args(["--custom-resource-state-only", "--host=127.0.0.1", "--telemetry-host=127.0.0.1"])
                .arg(format!("--port={port}"))
                .arg(format!("--telemetry-port={own}"));
        });
        Self { address: format!("http://127.0.0.1:{port}"), process }
    }

    async fn scrape(&self) -> Result<String, String> {
        let client = Client::try_from(Config::new(self.address.parse().unwrap())).unwrap();
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let answer = client.request_text(request).await;
        answer.map_err(|error| format!("{error}: {}", self.process.output()))
    }
}

#[tokio::test]
#[ignore = "builds kube-state-metrics: make test-kube-state-metrics"]
async fn each_series_that_we_name_comes_out_of_kube_state_metrics() {
    let world = World::demo().await;
    let key = std::fs::read_to_string(repository("tests/fixtures/keys/openssh-ed25519.pub")).unwrap();
    let mut ends = user_of("files");
    ends["sshPublicKeys"] = json!([{"publicKey": key.trim(), "expiresAt": "2099-01-01T00:00:00Z"}]);
    let steps = json!([{"type": "DELETE", "deleteStepDetails": {}}]);
    let clean = managed("TransferWorkflow", PLATFORM, "clean", &json!({"region": "eu-central-1", "steps": steps}));
    let us = json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL"});
    let us = managed("TransferProfile", PLATFORM, "us", &us);
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
    let portal = json!({"region": "eu-central-1", "identityProviderDetails": {"identityCenterConfig": center}});
    let portal = managed("TransferWebApp", PLATFORM, "portal", &portal);
    world
        .apply(&[
            managed("TransferUser", PLATFORM, "ends", &ends),
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
    let _operator = world.operator(&["--resync-interval=2s"]).await;
    world.all_ready(15).await;
    let server = world.object("transferservers", PLATFORM, "files").await;
    let stranger = json!({"ServerId": server["status"]["serverId"], "UserName": "stranger",
        "Role": "arn:aws:iam::123456789012:role/sftp/platform/writers"});
    world.out_of_band("CreateUser", &stranger).await;

    let metrics = KubeStateMetrics::start(&world).await;
    let text = await_condition("every series", PATIENCE, async || {
        let text = metrics.scrape().await?;
        let missing: Vec<String> = named().difference(&told(&text)).cloned().collect();
        if missing.is_empty() { Ok(text) } else { Err(format!("no {missing:?}")) }
    })
    .await;
    assert!(named().len() > 20, "{:?}", named());
    let sample = |family: &str, labels: &[&str], value: f64| {
        let of = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
        let mut of = of.filter(|line| labels.iter().all(|label| line.contains(label)));
        assert!(of.any(|line| line.rsplit(' ').next().unwrap().parse() == Ok(value)), "{family} {labels:?} in {text}");
    };
    let end = "2099-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    #[allow(clippy::cast_precision_loss, reason = "a time of this century")]
    let end = end.as_second() as f64;
    sample("kube_transferuser_ssh_key_expiry_timestamp_seconds", &["name=\"ends\"", "fingerprint=\"SHA256:"], end);
    sample("kube_transferuser_condition", &["name=\"ends\"", "condition=\"Ready\"", "reason=\"Available\""], 1.0);
    sample("kube_transferserver_unmanaged_logins", &["name=\"files\"", "namespace=\"sftp-platform\""], 1.0);
    sample("kube_awsidentity_info", &["name=\"default\"", "account=\"123456789012\""], 1.0);
    sample("kube_transferworkflow_observed_generation", &["name=\"clean\""], 1.0);
    sample("kube_transferprofile_info", &["name=\"us\"", "account=\"123456789012\""], 1.0);
    sample("kube_transfercertificate_info", &["name=\"theirs\"", "status=\"ACTIVE\""], 1.0);
    // The end of 2049.
    sample("kube_transfercertificate_not_after_timestamp_seconds", &["name=\"theirs\""], 2_524_607_999.0);
    sample("kube_transferagreement_info", &["name=\"orders\"", "state=\"ACTIVE\""], 1.0);
    sample("kube_transferwebapp_info", &["name=\"portal\"", "account=\"123456789012\""], 1.0);
    sample("kube_transferconnector_info", &["name=\"acme\"", "state=\"ACTIVE\""], 1.0);
}
