//! What somebody changes in AWS of a connector or a web app is put back, member by member, or a person is called where AWS
//! has no way to put it back.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rig::{FIRST, LOCAL_PROFILE, PARTNER_PROFILE, ROLE, Rig, SECRET, connector_spec, name, web_app_spec};
use crate::api::condition::reasons;
use crate::kinds::connector::members as of_connector;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::kinds::web_app::members as of_web_app;
use crate::sim::operation::Operation;

const CONNECTOR: &str = "TransferConnector";
const WEB_APP: &str = "TransferWebApp";
const THEIRS: &str = "arn:aws:iam::123456789012:role/theirs";
const OTHER_KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0=";
/// Long enough for a look and what follows from it.
const LONG: Duration = Duration::from_mins(30);

/// A member, the spec that sets it, where AWS keeps it, and what somebody makes of it there.
struct Row {
    path: &'static str,
    ours: Value,
    kept: String,
    theirs: Value,
}

/// Where AWS keeps a member under the name that the spec has.
fn row(path: &'static str, ours: Value, theirs: Value) -> Row {
    let upper = |name: &str| format!("/{}{}", name[..1].to_uppercase(), &name[1..]);
    Row { path, ours, kept: path.split('.').map(upper).collect(), theirs }
}

/// A spec that sets this member to this.
fn of(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| json!({name: inner}))
}

fn merged(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else { return *target = patch.clone() };
    for (name, value) in members {
        merged(&mut target[name], value);
    }
}

fn plain(path: &'static str, ours: Value, theirs: Value) -> Row {
    row(path, of(path, ours), theirs)
}

fn sftp_rows(shown: &str) -> Vec<Row> {
    let arn = |last: &str| json!(format!("arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:resourceconfiguration/rcfg-{last}"));
    let way = |more: Value| {
        let mut lattice = json!({"resourceConfigurationArn": arn("0123456789abcdef0")});
        merged(&mut lattice, &more);
        json!({"url": null, "egressConfig": {"vpcLattice": lattice}})
    };
    let [both, current] = [json!(["AWSCURRENT", "AWSPREVIOUS"]), json!(["AWSCURRENT"])];
    vec![
        plain("url", json!("sftp://ours.example.com"), json!("sftp://theirs.example.com")),
        row("egressConfig.vpcLattice.resourceConfigurationArn", way(json!({})), arn("0123456789abcdef1")),
        row("egressConfig.vpcLattice.portNumber", way(json!({"portNumber": 2222})), json!(22)),
        plain("accessRole", json!(ROLE), json!(THEIRS)),
        plain("loggingRole", json!(ROLE), json!(THEIRS)),
        plain(
            "securityPolicyName",
            json!("TransferSFTPConnectorSecurityPolicy-2024-03"),
            json!("TransferSFTPConnectorSecurityPolicy-2023-07"),
        ),
        plain("ipAddressType", json!("DUALSTACK"), json!("IPV4")),
        plain("sftpConfig.userSecretId", json!(SECRET), json!(SECRET.replace("acme", "evil"))),
        plain("sftpConfig.trustedHostKeys", json!([shown]), json!([OTHER_KEY])),
        plain("sftpConfig.maxConcurrentConnections", json!(3), json!(1)),
        plain("sftpConfig.orderedUserSecretVersionStages", both, current),
    ]
}

/// A connector to a partner of AS2, and what of it is another value than AWS's default.
fn as2(more: Value) -> Value {
    let mut config = json!({"localProfileId": LOCAL_PROFILE, "partnerProfileId": PARTNER_PROFILE,
        "compression": "ZLIB", "encryptionAlgorithm": "AES256_CBC", "signingAlgorithm": "SHA512", "mdnResponse": "SYNC"});
    merged(&mut config, &more);
    json!({"sftpConfig": null, "url": "https://as2.example.com", "as2Config": config})
}

fn as2_rows() -> Vec<Row> {
    let member = |path: &'static str, ours: Value, theirs: Value| {
        let inner = of(path, ours)["as2Config"].clone();
        row(path, as2(inner), theirs)
    };
    let answers = json!({"mdnResponse": "ASYNC", "asyncMdnConfig": {"url": "http://ours.example.com:5080", "serverRefs": [{"name": "files"}]}});
    vec![
        row(of_connector::LOCAL_PROFILE, as2(json!({})), json!("p-00000000000000009")),
        row(of_connector::PARTNER_PROFILE, as2(json!({})), json!("p-00000000000000009")),
        member("as2Config.messageSubject", json!("ours"), json!("theirs")),
        member("as2Config.compression", json!("ZLIB"), json!("DISABLED")),
        member("as2Config.encryptionAlgorithm", json!("AES256_CBC"), json!("NONE")),
        member("as2Config.signingAlgorithm", json!("SHA512"), json!("NONE")),
        member("as2Config.mdnSigningAlgorithm", json!("SHA256"), json!("NONE")),
        member("as2Config.mdnResponse", json!("SYNC"), json!("NONE")),
        member("as2Config.basicAuthSecretId", json!(SECRET), json!(SECRET.replace("acme", "evil"))),
        member("as2Config.preserveContentType", json!("ENABLED"), json!("DISABLED")),
        row("as2Config.asyncMdnConfig.url", as2(answers.clone()), json!("http://theirs.example.com:5080")),
        row(of_connector::ASYNC_MDN_SERVERS, as2(answers), json!(["s-0fedcba9876543210"])),
    ]
}

/// All that AWS has of the only one of this kind.
fn held(rig: &Rig, kind: &str) -> Value {
    let mut sim = rig.cloud.sim();
    let region = sim.world.region(ACCOUNT, REGION);
    if kind == CONNECTOR {
        json!(region.connectors.living().next().unwrap().1.settings)
    } else {
        let mut held = json!(region.web_apps.living().next().unwrap().1);
        // Any update puts its endpoint in transition.
        held.as_object_mut().unwrap().remove("EndpointReady");
        held
    }
}

/// Somebody makes this of it in AWS.
fn puts(rig: &Rig, kind: &str, mut changed: Value) {
    let id = id(rig, kind);
    let mut sim = rig.cloud.sim();
    let region = sim.world.region(ACCOUNT, REGION);
    if kind == CONNECTOR {
        region.connectors.get_mut(&id).unwrap().what.settings = serde_json::from_value(changed).unwrap();
    } else {
        let kept = &mut region.web_apps.get_mut(&id).unwrap().what;
        changed["EndpointReady"] = json!(kept.endpoint_ready);
        *kept = serde_json::from_value(changed).unwrap();
    }
}

fn id(rig: &Rig, kind: &str) -> String {
    let field = if kind == CONNECTOR { "connectorId" } else { "webAppId" };
    rig.status(kind, "ours")[field].as_str().unwrap().to_owned()
}

/// The object of that spec, Ready; what it took is forgotten.
async fn ready(rig: &Rig, kind: &str, spec: Value) {
    let nothing = json!({});
    let mut all = if kind == CONNECTOR { connector_spec(&nothing) } else { web_app_spec(&nothing) };
    merged(&mut all, &spec);
    rig.put(kind, "ours", all);
    rig.run(kind, "ours", LONG).await;
    assert_eq!(rig.says(kind, "ours", "Ready").unwrap().0, "True", "{}", rig.message(kind, "ours"));
    rig.cloud.calls();
    rig.objects.notes.lock().unwrap().clear();
}

/// Whether an Event says that drift in this member was put right.
fn told(rig: &Rig, path: &str) -> bool {
    let notes = rig.objects.notes.lock().unwrap();
    notes.iter().any(|note| note.reason == reasons::DRIFT_CORRECTED && note.message.contains(&format!("{path}: have ")))
}

/// Somebody changes the member of the row.
async fn drifts(rig: &Rig, kind: &str, row: &Row) -> Value {
    ready(rig, kind, row.ours.clone()).await;
    let before = held(rig, kind);
    let mut changed = before.clone();
    *changed.pointer_mut(&row.kept).unwrap_or_else(|| panic!("{}: {before}", row.kept)) = row.theirs.clone();
    puts(rig, kind, changed);
    assert_ne!(held(rig, kind), before, "{}: nobody changed anything", row.path);
    rig.run(kind, "ours", LONG).await;
    before
}

async fn is_put_back(rig: &Rig, kind: &str, row: &Row) {
    let (before, path) = (drifts(rig, kind, row).await, row.path);
    assert_eq!(held(rig, kind), before, "{path}: {}", rig.message(kind, "ours"));
    assert_eq!(rig.says(kind, "ours", "Ready").unwrap().0, "True", "{path}");
    assert!(told(rig, path), "{path}: {:?}", rig.objects.notes.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn every_member_of_a_connector_that_somebody_changed_is_put_back() {
    let mut seen = BTreeSet::new();
    let shown = Rig::new().cloud.sim().config.partner_host_key.clone();
    for row in sftp_rows(&shown).into_iter().chain(as2_rows()) {
        seen.insert(row.path);
        let rig = Rig::new();
        rig.allow_agreements();
        rig.server("files", json!({}));
        rig.settle("TransferServer", "files").await;
        assert_eq!(rig.status("TransferServer", "files")["serverId"], FIRST);
        is_put_back(&rig, CONNECTOR, &row).await;
    }
    assert_eq!(seen, of_connector::MEMBERS.iter().map(|member| member.path).collect());
}

fn in_vpc(more: Value) -> Value {
    let mut vpc = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1", "subnet-2"]});
    merged(&mut vpc, &more);
    json!({"endpointDetails": {"vpc": vpc}})
}

fn web_app_rows() -> Vec<Row> {
    let at = |path, kept: &str, ours, theirs| Row { path, ours, kept: kept.to_owned(), theirs };
    let image = |key: &str| json!({"configMapKeyRef": {"name": "brand", "key": key}});
    let theirs = json!(STANDARD.encode("theirs"));
    let groups = ["sg-00000000000000001", "sg-00000000000000002"];
    vec![
        at(of_web_app::ROLE, "/Role", json!({}), json!(THEIRS)),
        plain(of_web_app::ACCESS_ENDPOINT, json!("https://ours.example.com"), json!("https://theirs.example.com")),
        at("webAppUnits.provisioned", "/Provisioned", json!({"webAppUnits": {"provisioned": 3}}), json!(1)),
        at(of_web_app::SUBNETS, "/Vpc/SubnetIds", in_vpc(json!({})), json!(["subnet-1"])),
        at(
            of_web_app::SECURITY_GROUPS,
            "/Vpc/SecurityGroupIds",
            in_vpc(json!({"securityGroupIds": [groups[0]]})),
            json!([groups[1]]),
        ),
        plain("customization.title", json!("ours"), json!("theirs")),
        at(of_web_app::LOGO, "/Customization/LogoFile", of(of_web_app::LOGO, image("logo")), theirs.clone()),
        at(of_web_app::FAVICON, "/Customization/FaviconFile", of(of_web_app::FAVICON, image("icon")), theirs),
    ]
}

/// What UpdateWebApp does not take.
fn fixed_rows() -> Vec<Row> {
    let at = |path, kept: &str, ours, theirs: &str| Row { path, ours, kept: kept.to_owned(), theirs: json!(theirs) };
    vec![
        at(
            "identityProviderDetails.identityCenterConfig.instanceArn",
            "/InstanceArn",
            json!({}),
            "arn:aws:sso:::instance/ssoins-ffffffffffffffff",
        ),
        at("webAppEndpointPolicy", "/WebAppEndpointPolicy", json!({"webAppEndpointPolicy": "STANDARD"}), "FIPS"),
        at(of_web_app::VPC, "/Vpc/VpcId", in_vpc(json!({})), "vpc-2"),
    ]
}

fn branded() -> Rig {
    let rig = Rig::new();
    let data = ["logo", "icon"].map(|key| (key.to_owned(), Ok(format!("our {key}")))).into();
    rig.objects.config_maps.lock().unwrap().insert(name("brand"), data);
    rig
}

#[tokio::test(start_paused = true)]
async fn every_member_of_a_web_app_that_somebody_changed_is_put_back() {
    let mut seen: BTreeSet<_> = fixed_rows().iter().map(|row| row.path).collect();
    for row in web_app_rows() {
        seen.insert(row.path);
        is_put_back(&branded(), WEB_APP, &row).await;
    }
    let members = of_web_app::SETTINGS.iter().chain(&of_web_app::LOOK).map(|member| member.path);
    assert_eq!(seen, members.chain([of_web_app::SECURITY_GROUPS]).collect());
}

#[tokio::test(start_paused = true)]
async fn what_aws_cannot_put_back_of_a_web_app_calls_a_person() {
    for row in fixed_rows() {
        let rig = branded();
        drifts(&rig, WEB_APP, &row).await;
        assert_eq!(rig.says(WEB_APP, "ours", "Stalled").unwrap().1, reasons::IMMUTABLE, "{}", row.path);
        let message = rig.message(WEB_APP, "ours");
        assert!(message.contains(&format!("spec.{}", row.path)), "{message}");
        assert_eq!(rig.cloud.calls(), [""; 0], "{}", row.path);
    }
}

/// A tag of the spec that others changed or took away; one of theirs stays.
#[tokio::test(start_paused = true)]
async fn tags_of_the_spec_that_somebody_changed_are_put_back() {
    for (kind, resource) in [(CONNECTOR, "connector"), (WEB_APP, "webapp")] {
        let rig = Rig::new();
        ready(&rig, kind, json!({"tags": {"changed": "ours", "gone": "ours"}})).await;
        let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:{resource}/{}", id(&rig, kind));
        let does = |operation, input| rig.cloud.sim().out_of_band(operation, ACCOUNT, REGION, input, rig.cloud.now());
        let theirs = json!([{"Key": "changed", "Value": "theirs"}, {"Key": "other", "Value": "theirs"}]);
        does(Operation::TagResource, json!({"Arn": arn, "Tags": theirs})).unwrap();
        does(Operation::UntagResource, json!({"Arn": arn, "TagKeys": ["gone"]})).unwrap();
        rig.run(kind, "ours", LONG).await;
        let listed = does(Operation::ListTagsForResource, json!({"Arn": arn})).unwrap()["Tags"].clone();
        let all = listed.as_array().unwrap();
        let value = |key: &str| all.iter().find(|tag| tag["Key"] == key).map(|tag| tag["Value"].clone());
        let expected = [("changed", "ours"), ("gone", "ours"), ("other", "theirs")];
        for (key, expected) in expected {
            assert_eq!(value(key), Some(json!(expected)), "{kind} {key}: {listed}");
        }
        assert_eq!(rig.cloud.calls(), ["TagResource"], "{kind}");
        assert!(told(&rig, "tags[changed]") && told(&rig, "tags[gone]"), "{:?}", rig.objects.notes.lock().unwrap());
    }
}
