//! Connectors from their objects to AWS and back: what is made, changed, tried out, refused and waited for.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, ROLE, Rig, SECRET, name};
use crate::api::RECONCILE_AT;
use crate::api::condition::reasons;
use crate::aws::AwsErrorKind;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::connectors;
use crate::sim::operation::Operation;
use crate::sim::state::Hidden;

const KIND: &str = "TransferConnector";
const REST: Duration = Duration::from_hours(1);

fn sftp(more: Value) -> Value {
    let mut config = json!({"userSecretId": SECRET});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"sftpConfig": config})
}

/// The key that partners show.
fn shown(rig: &Rig) -> String {
    rig.cloud.sim().config.partner_host_key.clone()
}

/// A connector that trusts its partner's key, Ready and tried.
async fn connected() -> Rig {
    let rig = Rig::new();
    rig.connector("acme", sftp(json!({"trustedHostKeys": [shown(&rig)]})));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(
        says(&rig, "Ready"),
        ("True".to_owned(), reasons::AVAILABLE.to_owned()),
        "{}",
        rig.message(KIND, "acme")
    );
    rig
}

fn says(rig: &Rig, condition: &str) -> (String, String) {
    rig.says(KIND, "acme", condition).unwrap_or_default()
}

fn verdict(truth: &str, reason: &str) -> (String, String) {
    (truth.to_owned(), reason.to_owned())
}

/// What AWS has of the connector.
fn held(rig: &Rig) -> Value {
    let input = json!({"ConnectorId": rig.status(KIND, "acme")["connectorId"]});
    let now = rig.cloud.now();
    let mut sim = rig.cloud.sim();
    sim.out_of_band(Operation::DescribeConnector, ACCOUNT, REGION, input, now).unwrap()["Connector"].take()
}

/// How often connections were tried since this was asked last.
fn tried(rig: &Rig) -> usize {
    rig.cloud.asked().iter().filter(|call| call.starts_with("TestConnection")).count()
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_made_tried_changed_and_deleted_with_its_object() {
    let rig = connected().await;
    assert_eq!(rig.cloud.calls(), ["CreateConnector"]);
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("True", reasons::CONNECTED));
    let status = rig.status(KIND, "acme");
    assert_eq!(
        (&status["state"], status["serviceManagedEgressIpAddresses"].as_array().unwrap().len()),
        (&json!("ACTIVE"), 3)
    );
    rig.edit(KIND, "acme", |object| object["spec"]["url"] = json!("sftp://b.example.com:2222"));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(
        (rig.cloud.calls(), &held(&rig)["Url"]),
        (vec!["UpdateConnector".to_owned()], &json!("sftp://b.example.com:2222"))
    );
    rig.delete(KIND, "acme");
    rig.run(KIND, "acme", REST).await;
    assert_eq!((rig.cloud.calls(), rig.get(KIND, "acme")), (vec!["DeleteConnector".to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_tried_once_for_each_change_and_each_wish() {
    let rig = connected().await;
    assert_eq!(tried(&rig), 1);
    rig.cloud.reads_since();
    rig.run(KIND, "acme", REST).await;
    assert_eq!(tried(&rig), 0, "at rest");
    rig.edit(KIND, "acme", |object| object["spec"]["tags"] = json!({"a": "b"}));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(tried(&rig), 0, "tags are no part of it");
    rig.edit(KIND, "acme", |object| object["spec"]["url"] = json!("sftp://b.example.com"));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(tried(&rig), 1, "another address");
    rig.cloud.reads_since();
    let key = (KIND.to_owned(), name("acme"));
    rig.objects.change(&key, None, |object| object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"})).unwrap();
    rig.run(KIND, "acme", REST).await;
    assert_eq!(tried(&rig), 1, "a wish");
    rig.cloud.reads_since();
    rig.edit(KIND, "acme", |object| {
        object["spec"]["connectionTest"] = json!("Never");
        object["spec"]["url"] = json!("sftp://c.example.com");
    });
    rig.run(KIND, "acme", REST).await;
    assert_eq!((tried(&rig), says(&rig, "ConnectionVerified")), (0, verdict("", "")));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_trusted_is_told_and_trusted_by_nobody_but_a_person() {
    let rig = Rig::new();
    rig.connector("acme", sftp(json!({})));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE), "it does not touch Ready");
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("False", reasons::HOST_KEY_NOT_TRUSTED));
    let message = rig.status(KIND, "acme")["connectionTest"]["message"].as_str().unwrap().to_owned();
    let line = shown(&rig).split(' ').take(2).collect::<Vec<_>>().join(" ");
    assert!(message.ends_with(&line) && message.contains("SHA256:"), "{message}");
    rig.run(KIND, "acme", REST).await;
    assert_eq!((rig.cloud.calls(), tried(&rig)), (vec!["CreateConnector".to_owned()], 1));
    rig.edit(KIND, "acme", |object| object["spec"]["sftpConfig"]["trustedHostKeys"] = json!([line]));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("True", reasons::CONNECTED));
}

#[tokio::test(start_paused = true)]
async fn tests_of_an_account_follow_each_other_a_second_apart() {
    let rig = Rig::new();
    let names = ["a", "b", "c", "d"];
    for name in names {
        rig.connector(name, sftp(json!({"trustedHostKeys": [shown(&rig)]})));
    }
    for _ in 0..20 {
        for name in names {
            rig.reconcile(KIND, name).await;
        }
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    for name in names {
        assert_eq!(rig.says(KIND, name, "ConnectionVerified").unwrap().0, "True", "{name}");
    }
    assert_eq!(tried(&rig), names.len(), "none was throttled, and none tried twice");
}

#[tokio::test(start_paused = true)]
async fn a_test_that_aws_throttles_comes_later_and_one_it_denies_is_told() {
    let rig = Rig::new();
    rig.cloud.lose.lock().unwrap().insert("TestConnection", vec![Lose::Call(AwsErrorKind::Throttled)]);
    rig.connector("acme", sftp(json!({"trustedHostKeys": [shown(&rig)]})));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("True", reasons::CONNECTED));
    rig.cloud.faults.lock().unwrap().insert("TestConnection", AwsErrorKind::Denied);
    rig.edit(KIND, "acme", |object| object["spec"]["url"] = json!("sftp://b.example.com"));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("False", reasons::CONNECTION_NOT_TESTED));
    assert_eq!(says(&rig, "Ready").0, "True");
    rig.cloud.reads_since();
    for _ in 0..4 {
        rig.run(KIND, "acme", REST).await;
    }
    let asked = tried(&rig);
    assert!((1..=16).contains(&asked), "{asked} times in four hours: seldom, and not never");
    rig.cloud.faults.lock().unwrap().clear();
    rig.run(KIND, "acme", 2 * REST).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("True", reasons::CONNECTED), "once AWS lets it");
}

#[tokio::test(start_paused = true)]
async fn a_way_through_vpc_lattice_is_waited_for_and_one_that_fails_stalls() {
    let way = json!({"vpcLattice": {"resourceConfigurationArn":
        "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0"}});
    let rig = Rig::new();
    let mut spec = sftp(json!({}));
    (spec["url"], spec["egressConfig"]) = (Value::Null, way);
    rig.connector("acme", spec);
    rig.run(KIND, "acme", Duration::from_secs(1)).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::WAITING_FOR_AWS));
    assert_eq!(says(&rig, "Reconciling").0, "True");
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    assert!(rig.status(KIND, "acme")["serviceManagedEgressIpAddresses"].is_null(), "the way is one's own");

    let id = rig.status(KIND, "acme")["connectorId"].as_str().unwrap().to_owned();
    let fail = |status: &str, words: Option<&str>| {
        let (now, mut sim) = (rig.cloud.now(), rig.cloud.sim());
        connectors::force(sim.world.region(ACCOUNT, REGION), &id, status, words.map(str::to_owned), now).unwrap();
    };
    fail("ERRORED", Some("no\nroute"));
    rig.reconcile(KIND, "acme").await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CONNECTOR_ERRORED));
    assert!(rig.message(KIND, "acme").contains("no route"), "{}", rig.message(KIND, "acme"));
    fail("ACTIVE", None);
    rig.run(KIND, "acme", REST).await;
    rig.reconcile(KIND, "acme").await;
    assert_eq!(says(&rig, "Ready").0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_goes_takes_no_trust_away_and_gives_none() {
    let rig = Rig::new();
    let hosts = format!("sftp.example.com {}\nother.example.com {OTHER}\n", shown(&rig));
    let put = |text: &str| {
        let data = [("known_hosts".to_owned(), Ok(text.to_owned()))].into();
        rig.objects.config_maps.lock().unwrap().insert(name("hosts"), data);
    };
    put(&hosts);
    let from = json!([{"configMapKeyRef": {"name": "hosts", "key": "known_hosts"}}]);
    rig.connector("acme", sftp(json!({"trustedHostKeysFrom": from})));
    rig.run(KIND, "acme", REST).await;
    let trusted = held(&rig)["SftpConfig"]["TrustedHostKeys"].clone();
    assert_eq!(trusted.as_array().unwrap().len(), 1, "only the partner's: {trusted}");
    rig.cloud.calls();
    for text in ["", "# nothing\n", "sftp.example.com nonsense\n", "other.example.com"] {
        put(text);
        rig.edit(KIND, "acme", |object| object["spec"]["loggingRole"] = json!(ROLE));
        rig.run(KIND, "acme", Duration::from_mins(5)).await;
        assert_eq!(says(&rig, "Ready").0, "False", "{text:?}");
        assert_eq!(held(&rig)["SftpConfig"]["TrustedHostKeys"], trusted, "{text:?}");
    }
    assert_eq!(held(&rig)["LoggingRole"], ROLE, "the rest goes on");
    put(&format!("sftp.example.com {OTHER}\n"));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(held(&rig)["SftpConfig"]["TrustedHostKeys"], json!([OTHER]));
}

const OTHER: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0=";

/// An AS2 connector between two profiles that are there.
fn as2(rig: &Rig) -> Value {
    let profile = |kind: &str| {
        let now = rig.cloud.now();
        let input = json!({"As2Id": kind, "ProfileType": kind});
        let made = rig.cloud.sim().out_of_band(Operation::CreateProfile, ACCOUNT, REGION, input, now);
        made.unwrap()["ProfileId"].clone()
    };
    json!({"sftpConfig": null, "url": "https://as2.example.com", "as2Config": {
        "localProfileId": profile("LOCAL"), "partnerProfileId": profile("PARTNER"), "compression": "DISABLED",
        "encryptionAlgorithm": "NONE", "signingAlgorithm": "SHA256", "mdnResponse": "SYNC"}})
}

#[tokio::test(start_paused = true)]
async fn what_others_have_between_the_same_partners_is_a_conflict() {
    let rig = Rig::new();
    let spec = as2(&rig);
    rig.connector("theirs", spec.clone());
    rig.run(KIND, "theirs", REST).await;
    assert_eq!(rig.says(KIND, "theirs", "Ready").unwrap().0, "True", "{}", rig.message(KIND, "theirs"));
    assert!(rig.says(KIND, "theirs", "ConnectionVerified").is_none(), "AS2 has no test");
    rig.connector("acme", spec);
    rig.run(KIND, "acme", Duration::from_mins(1)).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CONFLICT), "{}", rig.message(KIND, "acme"));
    let living = rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.living().count();
    assert_eq!(living, 1);
    rig.delete(KIND, "theirs");
    rig.run(KIND, "theirs", REST).await;
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready").0, "True", "once it is gone: {}", rig.message(KIND, "acme"));
}

#[tokio::test(start_paused = true)]
async fn answers_come_to_servers_whose_own_tags_were_seen() {
    let rig = Rig::new();
    let mut spec = as2(&rig);
    spec["as2Config"]["mdnResponse"] = json!("ASYNC");
    spec["as2Config"]["asyncMdnConfig"] =
        json!({"url": "http://as2.example.com:5080", "serverRefs": [{"name": "files"}]});
    rig.connector("acme", spec);
    rig.run(KIND, "acme", Duration::from_mins(1)).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::DEPENDENCY_NOT_READY));
    rig.server("files", json!({}));
    rig.settle("TransferServer", "files").await;
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    let id = rig.status("TransferServer", "files")["serverId"].clone();
    assert_eq!(held(&rig)["As2Config"]["AsyncMdnConfig"]["ServerIds"], json!([id]));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_granted_is_never_sent_and_the_rest_goes_on() {
    let rig = connected().await;
    rig.cloud.calls();
    rig.edit(KIND, "acme", |object| {
        object["spec"]["sftpConfig"]["userSecretId"] = json!(SECRET.replace("partners", "bank"));
        object["spec"]["loggingRole"] = json!(ROLE);
    });
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::SECRET_NOT_GRANTED));
    assert_eq!(
        (held(&rig)["SftpConfig"]["UserSecretId"].clone(), held(&rig)["LoggingRole"].clone()),
        (json!(SECRET), json!(ROLE))
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_goes_out_of_trust_though_the_secret_is_not_granted_any_more() {
    let rig = connected().await;
    let key = shown(&rig);
    rig.edit(KIND, "acme", |object| object["spec"]["sftpConfig"]["trustedHostKeys"] = json!([key, OTHER]));
    rig.run(KIND, "acme", REST).await;
    rig.cloud.calls();
    rig.edit(KIND, "acme", |object| {
        object["spec"]["sftpConfig"] = json!({
            "userSecretId": SECRET.replace("partners", "bank"), "trustedHostKeys": [OTHER], "maxConcurrentConnections": 3,
        });
    });
    rig.run(KIND, "acme", REST).await;
    let config = held(&rig)["SftpConfig"].clone();
    assert_eq!((&config["TrustedHostKeys"], &config["UserSecretId"]), (&json!([OTHER]), &json!(SECRET)));
    assert_eq!(config["MaxConcurrentConnections"], 1);
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::SECRET_NOT_GRANTED));
    assert_eq!(rig.cloud.calls(), ["UpdateConnector"], "once");
}

#[tokio::test(start_paused = true)]
async fn status_tells_what_cannot_be_exchanged_as_long_as_aws_has_it() {
    let rig = connected().await;
    let told =
        |rig: &Rig| (rig.status(KIND, "acme")["protocol"].clone(), rig.status(KIND, "acme")["egressType"].clone());
    assert_eq!(told(&rig), (json!("SFTP"), json!("SERVICE_MANAGED")));
    let other = as2(&rig);
    rig.edit(KIND, "acme", |object| {
        object["spec"]["as2Config"] = other["as2Config"].clone();
        object["spec"]["url"] = json!("https://as2.example.com");
        object["spec"].as_object_mut().unwrap().remove("sftpConfig");
    });
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::IMMUTABLE), "as after a lost create");
    assert_eq!(told(&rig), (json!("SFTP"), json!("SERVICE_MANAGED")), "what AWS has, to go back to");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_create_makes_no_second_connector() {
    let rig = Rig::new();
    rig.cloud.lose.lock().unwrap().insert("CreateConnector", vec![Lose::Answer]);
    rig.connector("acme", sftp(json!({})));
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready").0, "True");
    assert_eq!(rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.living().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_security_policy_is_refused_with_the_names_of_the_others() {
    let rig = Rig::new();
    let mut spec = sftp(json!({}));
    spec["securityPolicyName"] = json!("TransferSFTPConnectorSecurityPolicy-2099-01");
    rig.connector("acme", spec);
    rig.run(KIND, "acme", Duration::from_mins(5)).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::REJECTED));
    let message = rig.message(KIND, "acme");
    assert!(message.contains("of connectors AWS lists TransferSFTPConnectorSecurityPolicy-"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_somebody_changed_is_not_tried_as_ours() {
    let rig = connected().await;
    rig.edit(KIND, "acme", |object| object["spec"]["lifecycle"] = json!({"managementPolicy": "ReportDrift"}));
    rig.run(KIND, "acme", REST).await;
    let input = json!({"ConnectorId": rig.status(KIND, "acme")["connectorId"], "Url": "sftp://elsewhere.example.com"});
    let now = rig.cloud.now();
    rig.cloud.sim().out_of_band(Operation::UpdateConnector, ACCOUNT, REGION, input, now).unwrap();
    rig.cloud.reads_since();
    let key = (KIND.to_owned(), name("acme"));
    rig.objects.change(&key, None, |object| object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"})).unwrap();
    rig.run(KIND, "acme", REST).await;
    assert_eq!((says(&rig, "Drifted").0, tried(&rig)), ("True".to_owned(), 0));
    rig.edit(KIND, "acme", |object| object["spec"]["lifecycle"] = json!({}));
    rig.run(KIND, "acme", REST).await;
    assert_eq!((says(&rig, "ConnectionVerified"), tried(&rig)), (verdict("True", reasons::CONNECTED), 1));
}

#[tokio::test(start_paused = true)]
async fn a_test_without_an_answer_is_told_and_holds_nobody_up() {
    let rig = Rig::new();
    let never = vec![Lose::Call(AwsErrorKind::Lost); 50];
    rig.cloud.lose.lock().unwrap().insert("TestConnection", never);
    rig.connector("acme", sftp(json!({"trustedHostKeys": [shown(&rig)]})));
    rig.run(KIND, "acme", Duration::from_secs(4)).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("", ""), "one answer is lost now and then");
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "ConnectionVerified"), verdict("False", reasons::CONNECTION_NOT_TESTED));
    assert!(tried(&rig) < 15, "ever more seldom: {}", tried(&rig));
    rig.cloud.lose.lock().unwrap().clear();
    rig.connector("bcme", sftp(json!({"trustedHostKeys": [shown(&rig)]})));
    rig.run(KIND, "bcme", Duration::from_secs(5)).await;
    assert_eq!(rig.says(KIND, "bcme", "ConnectionVerified").unwrap().1, reasons::CONNECTED, "in its turn");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_to_be_tried_is_not_tried_whatever_comes() {
    for (test, expected) in [("Never", 0), ("OnChange", 1)] {
        let rig = Rig::new();
        let mut spec = sftp(json!({"trustedHostKeys": [shown(&rig)]}));
        spec["connectionTest"] = json!(test);
        rig.connector("acme", spec);
        rig.run(KIND, "acme", REST).await;
        assert_eq!((says(&rig, "Ready").0, tried(&rig)), ("True".to_owned(), expected), "{test}");
        rig.cloud.reads_since();
        rig.edit(KIND, "acme", |object| {
            object["spec"]["url"] = json!("sftp://b.example.com");
            object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"});
        });
        rig.run(KIND, "acme", REST).await;
        assert_eq!((rig.cloud.calls().len(), tried(&rig)), (2, expected), "{test}: an edit and a wish");
        assert_eq!(says(&rig, "ConnectionVerified").0, if expected == 0 { "" } else { "True" }, "{test}");
    }
}

/// AWS refuses a second one between the same partners: it is the first one, of which nobody knew.
#[tokio::test(start_paused = true)]
async fn ones_own_of_which_aws_refuses_a_second_one_is_recorded_once_seen() {
    let rig = Rig::new();
    let spec = as2(&rig);
    rig.cloud.lose("CreateConnector", Lose::Answer);
    let (cloud, day) = (Arc::clone(&rig.cloud), rig.cloud.now() + 24 * REST);
    let hide = move || {
        let mut sim = cloud.sim();
        let region = sim.world.region(ACCOUNT, REGION);
        let made = region.connectors.living().next().unwrap().0.clone();
        region.hidden.push(Hidden { id: made, member: None, until: day });
    };
    rig.cloud.between.lock().unwrap().insert("CreateConnector", Box::new(hide));
    rig.connector("acme", spec);
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CONFLICT), "{}", rig.message(KIND, "acme"));
    let made: Vec<String> =
        rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.living().map(|(id, _)| id.clone()).collect();
    rig.cloud.list_all();
    rig.run(KIND, "acme", REST).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    assert_eq!(made, [rig.status(KIND, "acme")["connectorId"].as_str().unwrap()]);
    assert_eq!(rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.living().count(), 1);
    rig.delete(KIND, "acme");
    rig.run(KIND, "acme", REST).await;
    assert_eq!(
        (rig.get(KIND, "acme"), rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.living().count()),
        (None, 0)
    );
}
