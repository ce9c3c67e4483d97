//! What `kubectl transfer export` writes of certificates and web apps, with the ConfigMaps of what they are made of, is taken
//! over with no change but the tags that say whose it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificates::{CERTIFICATE, OWN, OWN_KEY, PROFILE, SOON, SOON_KEY};
use super::exported::{exported, make, taken_over};
use super::rig::{INSTANCE, Lose, PARTNER_CERTIFICATE, ROLE, Rig};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{
    Certificate, Connector, ConnectorSettings, Profile, ProfileSettings, SftpConnectorConfig, WebApp,
    WebAppCustomization, WebAppSettings,
};
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::plugin::export::{self, Found, FoundWebApp};
use crate::plugin::manifest::{self, Document};
use crate::sim::operation::Operation;

const CA: &str = include_str!("../../../tests/fixtures/certificates/ca.pem");
const WEB_APP: &str = "TransferWebApp";

fn made(rig: &Rig, operation: Operation, input: Value, id: &str) -> String {
    make(rig, operation, input)[id].as_str().unwrap().to_owned()
}

fn certificate(rig: &Rig, more: Value) -> String {
    let mut input = json!({"Usage": "SIGNING", "Certificate": PARTNER_CERTIFICATE});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    made(rig, Operation::ImportCertificate, input, "CertificateId")
}

fn own(rig: &Rig, certificate: &str, private_key: &str) -> String {
    let input = json!({"Certificate": certificate, "PrivateKey": private_key, "Usage": "ENCRYPTION",
        "Tags": [{"Key": "Name", "Value": "Seal"}]});
    self::certificate(rig, input)
}

fn web_app(rig: &Rig, more: Value, look: Option<Value>) -> String {
    let center = json!({"InstanceArn": INSTANCE, "Role": ROLE});
    let mut input = json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = made(rig, Operation::CreateWebApp, input, "WebAppId");
    if let Some(mut look) = look {
        look["WebAppId"] = json!(id);
        make(rig, Operation::UpdateWebAppCustomization, look);
    }
    id
}

/// The object of this name, and what is said above it.
fn of<'a>(documents: &'a [Document], kind: &str, name: &str) -> &'a Value {
    let found = documents.iter().map(|document| &document.value);
    let mut found = found.filter(|value| value["kind"] == kind && value["metadata"]["name"] == name);
    found.next().unwrap_or_else(|| panic!("no {kind} {name} in {documents:#?}"))
}

#[tokio::test(start_paused = true)]
async fn certificates_of_both_sides_are_taken_over_and_profiles_name_them() {
    let rig = Rig::new();
    // One's own ends before a renewed one would be used after its notice.
    let until = 1_893_456_000.5; // 2030-01-01, told by somebody in milliseconds
    let dated = json!({"CertificateChain": CA, "InactiveDate": until, "Description": "signing-of-Partner"});
    let signing = certificate(&rig, dated);
    let plain = certificate(&rig, json!({"Usage": "ENCRYPTION", "Tags": [{"Key": "who", "Value": "them"}]}));
    let elsewhere = certificate(&rig, json!({"Usage": "TLS"}));
    let seal = own(&rig, SOON, SOON_KEY);
    let theirs = json!({"As2Id": "them", "ProfileType": "PARTNER", "CertificateIds": [signing, elsewhere, plain]});
    let theirs = made(&rig, Operation::CreateProfile, theirs, "ProfileId");
    let ours = json!({"As2Id": "us", "ProfileType": "LOCAL", "CertificateIds": [seal]});
    let ours = made(&rig, Operation::CreateProfile, ours, "ProfileId");
    let ids = [signing, plain.clone(), seal, theirs, ours];
    let text = exported(&rig, &ids).await;
    rig.tls_secret("seal", SOON, SOON_KEY);
    let documents = taken_over(&rig, &text, &ids).await;

    let spec = &of(&documents, CERTIFICATE, "signing-of-partner")["spec"];
    assert_eq!((&spec["description"], &spec["usage"]), (&json!("signing-of-Partner"), &json!("SIGNING")));
    assert_eq!((&spec["inactiveDate"], &spec["activeDate"]), (&json!("2030-01-01T00:00:00Z"), &Value::Null));
    let source = json!({"name": "signing-of-partner-certificate", "key": "certificate.pem"});
    assert_eq!(spec["configMapKeyRef"], source);
    let pem = &of(&documents, "ConfigMap", "signing-of-partner-certificate")["data"]["certificate.pem"];
    assert_eq!(pem.as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2, "and its chain: {pem}");
    let spec = &of(&documents, CERTIFICATE, &plain)["spec"];
    assert_eq!((&spec["inactiveDate"], &spec["tags"]), (&Value::Null, &json!({"who": "them"})));
    let spec = &of(&documents, CERTIFICATE, "seal")["spec"];
    assert_eq!(spec["secretRef"], json!({"name": "seal"}));

    let spec = &of(&documents, PROFILE, "them")["spec"];
    let names = json!([{"name": "signing-of-partner"}, {"name": plain}]);
    assert_eq!((&spec["certificateRefs"], &spec["certificateIds"]), (&names, &json!([elsewhere])));
    // What waits for a Secret holds no profile up.
    let spec = &of(&documents, PROFILE, "us")["spec"];
    assert_eq!((&spec["certificateRefs"], &spec["certificateIds"]), (&Value::Null, &json!([ids[2]])));
    let later = format!("# once TransferCertificate seal is Ready, name it in certificateRefs in place of {}:", ids[2]);
    assert!(text.contains(&later), "{text}");
    let mut granted = [&elsewhere, &ids[2]].map(|id| format!("#     - \"{id}\"\n"));
    granted.sort();
    let granted = format!("#     certificateIds:\n{}#     adoptableIds:\n", granted.concat());
    assert!(text.contains(&granted), "what is named by its object is granted as such alone: {text}");
    assert!(text.contains("kinds: [TransferCertificate, TransferProfile]"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn until_a_private_key_is_brought_nothing_of_it_changes() {
    let rig = Rig::new();
    let seal = own(&rig, OWN, OWN_KEY);
    let profile = json!({"As2Id": "us", "ProfileType": "LOCAL", "CertificateIds": [seal]});
    let ids = [seal, made(&rig, Operation::CreateProfile, profile, "ProfileId")];
    let text = exported(&rig, &ids).await;
    let print = crate::x509::fingerprint(OWN).unwrap();
    for said in [
        "# AWS gives out no private key".to_owned(),
        "#   Secret team/seal, or say in secretRef which, with label transfer-operator.dev/certificate: \"true\""
            .to_owned(),
        format!("#   tls.crt: this certificate (SHA-256 {print})\n"),
    ] {
        assert!(text.contains(&said), "{said}: {text}");
    }
    rig.adoptable(&ids.each_ref().map(String::as_str));
    let documents = manifest::documents(&text).unwrap();
    let apply = async |kind: &str, object: &str| {
        rig.put(kind, object, of(&documents, kind, object)["spec"].clone());
        rig.settle(kind, object).await;
        (rig.says(kind, object, "Ready").unwrap().0, rig.cloud.calls())
    };
    let (waits, taken) = (("False".to_owned(), Vec::new()), ("True".to_owned(), vec!["TagResource".to_owned()]));
    assert_eq!(apply(CERTIFICATE, "seal").await, waits, "{}", rig.message(CERTIFICATE, "seal"));
    assert_eq!(apply(PROFILE, "us").await, taken, "{}", rig.message(PROFILE, "us"));
    rig.tls_secret("seal", OWN, OWN_KEY);
    assert_eq!(apply(CERTIFICATE, "seal").await, taken, "{}", rig.message(CERTIFICATE, "seal"));
    // As its comment says, once that is Ready.
    rig.edit(PROFILE, "us", |object| {
        object["spec"]["certificateIds"] = Value::Null;
        object["spec"]["certificateRefs"] = json!([{"name": "seal"}]);
    });
    rig.settle(PROFILE, "us").await;
    let ready = (rig.says(PROFILE, "us", "Ready").unwrap().0, rig.cloud.calls());
    assert_eq!(ready, ("True".to_owned(), Vec::new()), "{}", rig.message(PROFILE, "us"));
}

/// What others wrote is a value or a comment, and a date that a spec cannot mean is left out.
#[test]
fn whatever_aws_shows_stays_in_its_place_and_within_its_validity() {
    let hostile = "x\u{2028}apiVersion: v1\u{85}kind: Secret\n---\n# y: \"";
    let at = |text: &str| Some(text.parse().unwrap());
    let certificate = Certificate {
        certificate_id: "cert-1".to_owned(),
        usage: "SIGNING".to_owned(),
        certificate: "nothing that can be read".to_owned(),
        certificate_chain: Some(CA.to_owned()),
        active_date: at("2026-01-01T00:00:00Z"),
        not_before_date: at("2027-01-01T00:00:00Z"),
        not_after_date: at("2028-01-01T00:00:00Z"),
        inactive_date: at("2029-01-01T00:00:00Z"),
        description: Some(hostile.to_owned()),
        tags: [("Name".to_owned(), hostile.to_owned())].into(),
        arn: String::new(),
        status: None,
        serial: None,
        certificate_type: None,
    };
    let sftp = SftpConnectorConfig { user_secret_id: Some(hostile.to_owned()), ..SftpConnectorConfig::default() };
    let settings = ConnectorSettings { sftp_config: Some(sftp), ..ConnectorSettings::default() };
    let connector = Connector { connector_id: "c-1".to_owned(), settings, ..Connector::default() };
    let settings = ProfileSettings { certificate_ids: Some(vec!["cert-1".to_owned()]), ..ProfileSettings::default() };
    let profile = Profile { profile_id: "p-1".to_owned(), settings, ..Profile::default() };
    let look = WebAppCustomization { title: Some(hostile.to_owned()), ..WebAppCustomization::default() };
    let settings = WebAppSettings { access_endpoint: Some(String::new()), ..WebAppSettings::default() };
    let web_app = WebApp { web_app_id: "webapp-1".to_owned(), settings, ..WebApp::default() };
    let found = Found {
        certificates: vec![certificate],
        profiles: vec![profile],
        connectors: vec![connector],
        web_apps: vec![FoundWebApp { web_app, look, ..FoundWebApp::default() }],
        left_out: vec![hostile.to_owned()],
        ..Found::default()
    };
    let [account, region, namespace, identity] = [ACCOUNT, REGION, "team", "default"].map(str::to_owned);
    let target = export::Target { account, region, namespace, identity, deletion_policy: "Retain".to_owned() };
    let text = export::render(&target, &found).unwrap();
    assert!(text.is_ascii(), "{text}");
    let parts: Vec<&str> = text.split("\n---\n").collect();
    assert!(parts.len() == 5 && parts[0].lines().all(|line| line.starts_with('#')), "{text}");
    let documents = manifest::documents(&text).unwrap();
    let kinds: Vec<&str> = documents.iter().map(|document| document.value["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, [CERTIFICATE, PROFILE, "TransferConnector", WEB_APP], "a chain is no certificate: {text}");
    let [seal, profile, connector, web_app] = [0, 1, 2, 3].map(|at: usize| &documents[at].value["spec"]);
    assert_eq!((&seal["activeDate"], &seal["inactiveDate"]), (&Value::Null, &Value::Null));
    assert_eq!((&seal["description"], &seal["tags"]["Name"]), (&json!(hostile), &json!(hostile)));
    assert_eq!(profile["certificateIds"], json!(["cert-1"]), "its object waits for a person, the profile does not");
    assert_eq!(connector["sftpConfig"]["userSecretId"], hostile);
    assert_eq!((&web_app["customization"]["title"], &web_app["accessEndpoint"]), (&json!(hostile), &Value::Null));
    assert!(text.contains("# AWS shows no certificate that can be read"), "{text}");
    assert!(text.contains("# AWS does not say whether it has the private key"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_listed_is_left_out_and_told() {
    let rig = Rig::new();
    let profile = json!({"As2Id": "us", "ProfileType": "LOCAL"});
    let profile = made(&rig, Operation::CreateProfile, profile, "ProfileId");
    rig.cloud.lose("ListWebApps", Lose::Call(AwsErrorKind::Denied));
    let all = export::all(&rig.cloud.account()).await.unwrap();
    assert_eq!(all.ids, [profile]);
    let [told] = &all.left_out[..] else { panic!("{all:?}") };
    assert!(told.starts_with("web apps are left out: ListWebApps failed"), "{told}");
    rig.cloud.lose("ListProfiles", Lose::Call(AwsErrorKind::Lost));
    assert!(export::all(&rig.cloud.account()).await.is_err(), "what is half is no export");
}

#[tokio::test(start_paused = true)]
async fn web_apps_are_taken_over_with_their_images_and_their_place() {
    let rig = Rig::new();
    let images = ["<svg/>".repeat(8_000), "icon".to_owned()];
    let [logo, favicon] = images.each_ref().map(|image| STANDARD.encode(image));
    let look = json!({"Title": "Files of the bank", "LogoFile": logo, "FaviconFile": favicon});
    let dressed = json!({"AccessEndpoint": "https://files.example.com", "WebAppUnits": {"Provisioned": 3},
        "Tags": [{"Key": "Name", "Value": "Portal"}]});
    let vpc = json!({"VpcId": "vpc-0123456789abcdef0", "SubnetIds": ["subnet-0123456789abcdef0"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"], "IpAddressType": "DUALSTACK"});
    let ids = [
        web_app(&rig, dressed, Some(look)),
        web_app(&rig, json!({}), None),
        web_app(&rig, json!({"EndpointDetails": {"Vpc": vpc}}), Some(json!({"Title": "Inside"}))),
    ];
    let text = exported(&rig, &ids).await;
    assert!(text.contains(&format!("#     roleArns:\n#     - \"{ROLE}\"")), "{text}");
    assert!(text.contains("# web app webapp-") && text.contains("kinds: [TransferWebApp]"), "{text}");
    assert_eq!(text.matches("# ipAddressType is left out").count(), 1, "{text}");
    let documents = taken_over(&rig, &text, &ids).await;
    assert_eq!(documents.len(), ids.len() + 1, "one has images");

    let spec = &of(&documents, WEB_APP, "portal")["spec"];
    let image = |key: &str| json!({"configMapKeyRef": {"name": "portal-images", "key": key}});
    let look = json!({"title": "Files of the bank", "logoFrom": image("logo"), "faviconFrom": image("favicon")});
    assert_eq!((&spec["customization"], &spec["webAppUnits"]["provisioned"]), (&look, &json!(3)));
    assert_eq!(spec["accessEndpoint"], "https://files.example.com");
    let spec = &of(&documents, WEB_APP, &ids[1])["spec"];
    assert_eq!((&spec["customization"], &spec["accessEndpoint"]), (&Value::Null, &Value::Null), "its own is none");
    let spec = &of(&documents, WEB_APP, &ids[2])["spec"];
    assert_eq!(spec["customization"], json!({"title": "Inside"}));
    assert_eq!(spec["endpointDetails"]["vpc"]["securityGroupIds"], json!(["sg-0123456789abcdef0"]));

    rig.cloud.lose("DescribeVpcEndpoints", Lose::Call(AwsErrorKind::Denied));
    let hidden = exported(&rig, &ids[2..]).await;
    assert!(hidden.contains("# security groups are left out and stay as they are: "), "{hidden}");
    assert!(!hidden.contains("securityGroupIds"), "{hidden}");
}
