//! What people do with connectors: the workflows of ways to partners, and the runs that come to the reasons of these.

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::stage::Stage;
use crate::workflows::{OTHER_ROLE, ROLE, profile, server};

/// A secret that the identity grants.
pub const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/acme-AbCdEf";
const OTHER_SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/corp-AbCdEf";
const UNGRANTED: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-AbCdEf";
/// Host keys of partners.
pub const PARTNER_KEYS: [&str; 2] = [
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw= one",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0= two",
];

pub fn connector(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "region": "eu-central-1", "awsIdentityRef": {"name": "default"}, "accessRole": ROLE,
        "url": "sftp://sftp.example.com", "sftpConfig": {"userSecretId": SECRET},
    });
    for (member, value) in more.as_object().unwrap() {
        spec[member] = value.clone();
    }
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"kind": "TransferConnector", "metadata": {"name": name}, "spec": spec})
}

/// Type and key of the host key that every partner shows.
fn shown(stage: &Stage) -> String {
    let line = stage.world.sim.lock().unwrap().config.partner_host_key.clone();
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A connector that trusts its partner by a ConfigMap, goes elsewhere, changes its secret, and gets rid of what it was given.
pub async fn w16_connector(stage: &Stage) {
    let hosts = format!("sftp.example.com {}\nother.example.com {}\n", shown(stage), PARTNER_KEYS[0]);
    stage.config_map("hosts", &[("known_hosts", &hosts)]);
    let from = json!([{"configMapKeyRef": {"name": "hosts", "key": "known_hosts"}}]);
    let config = json!({"userSecretId": SECRET, "trustedHostKeysFrom": from, "maxConcurrentConnections": 5});
    let acme = stage.apply(&connector("acme", &json!({"sftpConfig": config, "tags": {"a": "1", "b": "2"}})));
    stage.all_ready().await;
    stage.edit(&acme, |spec| {
        spec["url"] = json!("sftp://other.example.com:22");
        spec["loggingRole"] = json!(ROLE);
        spec["tags"] = json!({"a": "2"});
    });
    stage.all_ready().await;
    let keys = json!([shown(stage)]);
    stage.edit(&acme, |spec| {
        spec["sftpConfig"] = json!({"userSecretId": OTHER_SECRET, "trustedHostKeys": keys});
        spec["accessRole"] = json!(OTHER_ROLE);
    });
    stage.all_ready().await;
    stage.delete(&acme);
    stage.gone(&acme).await;
    stage.apply(&connector("acme", &json!({})));
    stage.all_ready().await;
    stage.close().await;
}

/// A way through VPC Lattice takes time to be laid, and to be laid anew.
pub async fn w16_lattice(stage: &Stage) {
    let way = |port: i32| {
        let arn = "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0";
        json!({"vpcLattice": {"resourceConfigurationArn": arn, "portNumber": port}})
    };
    let acme = stage.apply(&connector("acme", &json!({"url": null, "egressConfig": way(22)})));
    stage.all_ready().await;
    stage.edit(&acme, |spec| spec["egressConfig"] = way(2222));
    stage.all_ready().await;
    stage.close().await;
}

/// An AS2 connector between the profiles of these objects.
fn as2(local: &str, partner: &str) -> Value {
    json!({"sftpConfig": null, "url": "https://as2.example.com", "as2Config": {
        "localProfileRef": {"name": local}, "partnerProfileRef": {"name": partner}, "compression": "DISABLED",
        "encryptionAlgorithm": "AES256_CBC", "signingAlgorithm": "SHA256", "mdnResponse": "ASYNC",
        "asyncMdnConfig": {"url": "http://as2.example.org:5080", "serverRefs": [{"name": "files"}]},
        "basicAuthSecretId": SECRET,
    }})
}

/// A connector waits for its server and its profiles, answers come with the messages themselves, and the partner becomes
/// another one: its profile goes once AWS names it no more, and where AWS would let it go before.
pub async fn w16_as2(stage: &Stage) {
    stage.switch(&json!({"delete_used_profile": "accept"}));
    let acme = stage.apply(&connector("acme", &as2("us", "them")));
    stage.apply(&server("files", &json!({})));
    stage.apply(&profile("us", &json!({})));
    let them = stage.apply(&profile("them", &json!({"profileType": "PARTNER"})));
    stage.all_ready().await;
    stage.edit(&acme, |spec| {
        let config = &mut spec["as2Config"];
        config["mdnResponse"] = json!("SYNC");
        config["compression"] = json!("ZLIB");
        config.as_object_mut().unwrap().retain(|name, _| name != "asyncMdnConfig" && name != "basicAuthSecretId");
    });
    stage.all_ready().await;
    stage.apply(&profile("others", &json!({"profileType": "PARTNER"})));
    stage.edit(&acme, |spec| spec["as2Config"]["partnerProfileRef"] = json!({"name": "others"}));
    stage.delete(&them);
    stage.gone(&them).await;
    stage.all_ready().await;
    stage.close().await;
}

/// The same between profiles that no object stands for, named by their ids.
pub async fn w16_as2_ids(stage: &Stage) {
    let [local, partner] = ["LOCAL", "PARTNER"].map(|kind| {
        stage.console(Operation::CreateProfile, json!({"As2Id": kind, "ProfileType": kind}))["ProfileId"].clone()
    });
    let mut spec = as2("us", "them");
    spec["as2Config"].as_object_mut().unwrap().retain(|name, _| !name.ends_with("Ref"));
    (spec["as2Config"]["localProfileId"], spec["as2Config"]["partnerProfileId"]) = (local, partner);
    stage.apply(&server("files", &json!({})));
    stage.apply(&connector("acme", &spec));
    stage.all_ready().await;
    stage.close().await;
}

/// What comes of tests of connections, and what AWS and grants say against a connector.
pub async fn told(stage: &Stage) {
    let trusting = json!({"sftpConfig": {"userSecretId": SECRET, "trustedHostKeys": [shown(stage)]}});
    let connected = stage.apply(&connector("connected", &trusting));
    stage.reason(&connected, "Connected").await;
    let strange = stage.apply(&connector("strange", &json!({})));
    stage.reason(&strange, "HostKeyNotTrusted").await;
    stage.switch(&json!({"test_connection": {"status": "ERROR", "status_message": "Access denied"}}));
    let failed = stage.apply(&connector("failed", &trusting));
    stage.reason(&failed, "ConnectionFailed").await;
    let secret = json!({"sftpConfig": {"userSecretId": UNGRANTED}});
    let ungranted = stage.apply(&connector("ungranted", &secret));
    stage.reason(&ungranted, "SecretNotGranted").await;
    stage.switch(&json!({"connector_outcome": "ERRORED"}));
    let arn = "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0";
    let way = json!({"vpcLattice": {"resourceConfigurationArn": arn}});
    let errored = stage.apply(&connector("errored", &json!({"url": null, "egressConfig": way})));
    stage.reason(&errored, "ConnectorErrored").await;
}

/// AWS lets nobody test a connection.
pub async fn not_tested(stage: &Stage) {
    let acme = stage.apply(&connector("acme", &json!({})));
    stage.reason(&acme, "ConnectionNotTested").await;
}
