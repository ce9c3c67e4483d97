//! Runs that come to the reasons which no workflow comes to: what AWS refuses to everybody, what people ask for that cannot
//! be, what others do in AWS, and what is worth a look. They are there to be recorded (`states`), each with no more in it
//! than its reason takes.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use transfer_operator::aws::error::ACCOUNT_MISMATCH;
use transfer_operator::sim::operation::Operation;

use crate::agreements;
use crate::certificates;
use crate::connectors;
use crate::oracle::unchecked::{Check, Unchecked};
use crate::runs;
use crate::satisfy;
use crate::scenarios;
use crate::setup::{Blow, Moment, Rule, Setup, When};
use crate::stage::{Stage, key};
use crate::web_apps;
use crate::workflows::{HOST_KEYS, KEY_A, ROLE, access, keys, lister, profile, server, user, workflow};
use crate::world::{CLUSTER, REGION};

/// A certificate that ends four days after the beginning of time.
const ENDING: &str = include_str!("../fixtures/certificates/soon.pem");

/// A run to record from.
pub type Script = for<'a> fn(&'a Stage) -> BoxFuture<'a, ()>;

/// Longer than the operator waits before it calls anything Stalled.
const LONG: Duration = Duration::from_mins(90);

const ON_TOP: &[&str] =
    &["CreateServer", "CreateWorkflow", "CreateProfile", "CreateConnector", "ImportCertificate", "CreateWebApp"];
const BELOW: &[&str] = &["CreateUser", "CreateAccess", "CreateAgreement"];
const STS: &[&str] = &["GetCallerIdentity"];

const QUOTA: (&str, &str) = ("ServiceQuotaExceededException", "the limit is reached");
const DENIED: (&str, &str) = ("AccessDeniedException", "no policy allows it");
const THROTTLED: (&str, &str) = ("ThrottlingException", "Rate exceeded");

static COPIED: Unchecked = Unchecked {
    checks: &[Check::OneEach],
    why: "somebody makes a second server in AWS and gives it all tags of the first one",
};

/// All of them.
pub const ALL: [(fn() -> Setup, Script); 19] = [
    (|| refusing(ON_TOP, QUOTA), |stage| everything(stage).boxed()),
    (|| refusing(BELOW, QUOTA), |stage| everything(stage).boxed()),
    (|| refusing(ON_TOP, DENIED), |stage| everything(stage).boxed()),
    (|| refusing(BELOW, DENIED), |stage| everything(stage).boxed()),
    (|| refusing(ON_TOP, THROTTLED), |stage| everything(stage).boxed()),
    (|| refusing(BELOW, THROTTLED), |stage| everything(stage).boxed()),
    (|| refusing(STS, ("InvalidClientTokenId", "the token is invalid")), |stage| everything(stage).boxed()),
    (|| refusing(STS, (ACCOUNT_MISMATCH, "it is another account")), |stage| everything(stage).boxed()),
    (no_answer_to_creates, |stage| everything(stage).boxed()),
    (answers_too_late, |stage| everything(stage).boxed()),
    (first, |stage| what_cannot_be(stage).boxed()),
    (first, |stage| what_cannot_change(stage).boxed()),
    (first, |stage| scenarios::a_copy_of_the_cluster(stage, false).boxed()),
    (first, |stage| a_former_owner(stage).boxed()),
    (|| Setup { unchecked: vec![&COPIED], ..first() }, |stage| a_copy_in_aws(stage).boxed()),
    (first, |stage| worth_a_look(stage).boxed()),
    (logins_denied, |stage| logins(stage).boxed()),
    (first, |stage| connectors::told(stage).boxed()),
    (|| refusing(&["TestConnection"], DENIED), |stage| connectors::not_tested(stage).boxed()),
];

/// Nothing goes wrong.
pub fn first() -> Setup {
    Setup { rest: 1, ..Setup::new(runs::SEED) }
}

fn refusing(operations: &[&'static str], (code, message): (&'static str, &'static str)) -> Setup {
    let rule = |operation| Rule::on(operation, When::Until(LONG), Moment::Before, Blow::Error(code, message));
    first().with(operations.iter().copied().map(rule).collect())
}

fn no_answer_to_creates() -> Setup {
    let rule = |operation| Rule::on(operation, When::Times { skip: 0, count: 1 }, Moment::Before, Blow::Lose);
    first().with(ON_TOP.iter().chain(BELOW).copied().map(rule).collect())
}

/// So late that the reconcile is given up.
fn answers_too_late() -> Setup {
    let late = Blow::Delay(Duration::from_mins(10));
    let rule = |operation| Rule::on(operation, When::Times { skip: 0, count: 1 }, Moment::Before, late.clone());
    first().with(ON_TOP.iter().chain(BELOW).copied().map(rule).collect())
}

/// One of each kind, until AWS lets them.
async fn everything(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.apply(&lister("corp"));
    stage.apply(&access("group", &json!({})));
    stage.apply(&workflow("scan", &json!({})));
    stage.apply(&profile("us", &json!({})));
    stage.apply(&connectors::connector("acme", &json!({})));
    stage.apply(&web_apps::web_app("portal", &json!({})));
    stage.switch(&agreements::anywhere());
    stage.apply(&profile("them", &json!({"profileType": "PARTNER"})));
    stage.apply(&agreements::agreement("orders", &json!({"serverRef": {"name": "files"}})));
    certificates::of_partner(stage);
    stage.apply(&certificates::certificate("theirs", &json!({})));
    stage.pause(LONG).await;
    stage.all_ready().await;
    stage.close().await;
}

/// Specs that contradict themselves or what they refer to.
async fn what_cannot_be(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    stage.apply(&lister("corp"));
    stage.all_ready().await;
    stage.password("of-another-type", "correct horse battery staple");
    let listed = json!([{"name": "one", "secretKeyRef": {"name": "of-another-type"}}]);
    let told = [
        (user("elsewhere", &json!({"serverRef": {"name": "corp"}})), "InvalidForServer"),
        (access("elsewhere", &json!({"serverRef": {"name": "files"}})), "InvalidForServer"),
        (user("xy", &json!({})), "InvalidSpec"),
        (server("as2", &json!({"protocols": ["AS2"]})), "InvalidSpec"),
        (server("typed", &json!({"hostKeys": listed})), "WrongSecretType"),
    ];
    for (object, reason) in told {
        let applied = stage.apply(&object);
        stage.reason(&applied, reason).await;
    }
    let identity = key("AwsIdentity", "default");
    stage.edit(&identity, |spec| spec["regions"] = json!([]));
    stage.reason(&identity, "InvalidSpec").await;
}

/// Edits past the rules of the CRDs, as when they were not there, and members that AWS has no way to clear.
async fn what_cannot_change(stage: &Stage) {
    stage.edit(&key("AwsIdentity", "default"), |spec| spec["regions"] = json!([REGION, "us-east-1"]));
    let named = json!({"securityPolicyName": "TransferSecurityPolicy-2025-03"});
    let files = stage.apply(&server("files", &named));
    let moved = stage.apply(&server("moved", &json!({})));
    stage.apply(&lister("corp"));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    let bob = stage.apply(&user("bob", &keys(&[KEY_A])));
    let group = stage.apply(&access("group", &json!({})));
    stage.all_ready().await;
    stage.edit(&alice, |spec| spec["userName"] = json!("alicia"));
    stage.reason(&alice, "Immutable").await;
    stage.edit(&group, |spec| spec["externalId"] = json!("S-1-5-21-1004336348-1177238915-682003330-1002"));
    stage.reason(&group, "Immutable").await;
    stage.edit(&bob, |spec| spec["serverRef"] = json!({"name": "moved"}));
    stage.reason(&bob, "ServerChanged").await;
    stage.edit(&moved, |spec| spec["region"] = json!("us-east-1"));
    stage.reason(&moved, "RegionChanged").await;
    stage.edit(&files, |spec| drop(spec.as_object_mut().unwrap().remove("securityPolicyName")));
    stage.reason(&files, "CannotClear").await;
    stage.edit(&files, |spec| {
        spec["securityPolicyName"] = json!("TransferSecurityPolicy-2025-03");
        spec["domain"] = json!("EFS");
    });
    stage.reason(&files, "Immutable").await;
}

/// A server of an object of this name that went while nobody looked.
async fn a_former_owner(stage: &Stage) {
    let tag = |name: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{name}"), "Value": value});
    let tags = [tag("owner", "team/files"), tag("cluster", CLUSTER), tag("uid", "of-the-former-one")];
    stage.console(Operation::CreateServer, json!({"Tags": tags}));
    let files = stage.apply(&server("files", &json!({})));
    stage.reason(&files, "FormerOwner").await;
}

/// A second server with all tags of the first one, when nothing tells any more which of the two is the right one.
async fn a_copy_in_aws(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let id = json!({"ServerId": stage.server_id("files")});
    let held = satisfy::describe(&stage.world, Operation::DescribeServer, id, "Server").unwrap();
    stage.console(Operation::CreateServer, json!({"Tags": held["Tags"]}));
    stage.write_status(&files, |status| *status = json!({"observedGeneration": -1}));
    stage.poke(&files);
    stage.reason(&files, "Ambiguous").await;
}

/// Ready, with a hint.
async fn worth_a_look(stage: &Stage) {
    stage.config_map("ending", &[("one", ENDING)]);
    let ending = stage
        .apply(&certificates::certificate("ending", &json!({"configMapKeyRef": {"name": "ending", "key": "one"}})));
    stage.reason(&ending, "CertificateExpiring").await;
    for (name, body) in ["old", "new"].iter().zip([HOST_KEYS[0], include_str!("../fixtures/keys/pkcs8-ed25519")]) {
        stage.secret(name, body);
    }
    stage.config_map("somebodys", &[("known_hosts", "theirs")]);
    let files = stage.apply(&server("files", &json!({"knownHostsConfigMap": {"name": "somebodys"}})));
    stage.reason(&files, "ConfigMapNotOurs").await;
    stage.apply(&server("yesterday", &json!({"securityPolicyName": "TransferSecurityPolicy-2018-11"})));
    let listed = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"name": name, "secretKeyRef": {"name": name}})).collect()
    };
    let hidden = stage.apply(&server("hidden", &json!({"hostKeys": listed(&["old"])})));
    let never = json!({"lifecycle": {"disruption": {"mode": "Never"}}});
    let never = stage.apply(&server("never", &never));
    let uploads = stage.apply(&server("uploads", &json!({"loggingRole": ROLE})));
    let abandoned = stage.apply(&server("abandoned", &json!({})));
    stage.apply(&user("left", &json!({"serverRef": {"name": "abandoned"}})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    let expires = json!({"sshPublicKeys": [{"publicKey": KEY_A, "expiresAt": "2026-01-10T00:00:00Z"}]});
    stage.apply(&user("bob", &expires));
    let mut root = keys(&[KEY_A]);
    root["userName"] = json!("root");
    stage.apply(&user("admin", &root));
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
        "Resource": "arn:aws:s3:::${transfer:HomeBucket}/*"}]}"#;
    let mut unfilled = keys(&[KEY_A]);
    unfilled["policy"] = json!(policy);
    stage.apply(&user("carol", &unfilled));
    stage.all_ready().await;

    stage.edit(&hidden, |spec| spec["hostKeys"] = listed(&["old", "new"]));
    stage.reason(&hidden, "HostKeyNotActive").await;
    stage.edit(&never, |spec| spec["ipAddressType"] = json!("DUALSTACK"));
    stage.reason(&never, "DisruptionNever").await;
    let details = json!({"OnUpload": [{"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": ROLE}]});
    let attach = json!({"ServerId": stage.server_id("uploads"), "WorkflowDetails": details});
    stage.console(Operation::UpdateServer, attach);
    stage.poke(&uploads);
    stage.reason(&uploads, "WorkflowUnset").await;
    stage.edit(&alice, |spec| drop(spec.as_object_mut().unwrap().remove("sshPublicKeys")));
    stage.reason(&alice, "KeysLeftBehind").await;
    stage.edit(&abandoned, |spec| {
        spec["identityProviderType"] = json!("AWS_DIRECTORY_SERVICE");
        spec["identityProviderDetails"] = json!({"directoryId": "d-0123456789"});
    });
    stage.reason(&abandoned, "UsersLeftBehind").await;
}

/// The operator may write no ConfigMap, and may try a login only once.
fn logins_denied() -> Setup {
    let rest = When::Times { skip: 2, count: u64::MAX };
    let denied = Blow::Error(DENIED.0, DENIED.1);
    first().with(vec![
        Rule::on("TestIdentityProvider", rest, Moment::Before, denied),
        Rule::on("owned", When::Until(LONG), Moment::Before, Blow::Forbidden),
    ])
}

/// What becomes of the login that a spec asks to be tried.
async fn logins(stage: &Stage) {
    stage.password("password", "correct horse battery staple");
    let tried = json!({"userName": "partner", "passwordSecretRef": {"name": "password"}});
    let gateway = json!({
        "identityProviderType": "API_GATEWAY", "loginTest": tried,
        "identityProviderDetails": {"url": "https://example.com/a", "invocationRole": ROLE},
    });
    let told = |name: &str| stage.apply(&server(name, &gateway));
    let accepted = told("accepted");
    stage.reason(&accepted, "LoginAccepted").await;
    let no = json!({"status_code": 401, "response": "", "message": "Unauthorized"});
    stage.switch(&json!({"test_identity_provider": no}));
    let refused = told("refused");
    stage.reason(&refused, "LoginRefused").await;
    let denied = told("denied");
    stage.reason(&denied, "LoginNotTested").await;
    let own = stage.apply(&server("own", &json!({"loginTest": tried})));
    stage.reason(&own, "LoginNotTestable").await;
    let forbidden = stage.apply(&server("forbidden", &json!({"knownHostsConfigMap": {"name": "known-hosts"}})));
    stage.reason(&forbidden, "ConfigMapForbidden").await;
}
