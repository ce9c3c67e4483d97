//! What `kubectl transfer export` writes of certificates and web apps, with the ConfigMaps of what they are made of, is taken
//! over with no change but the tags that say whose it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificates::{CERTIFICATE, OWN, OWN_KEY, PROFILE, SOON, SOON_KEY};
use super::exported::{exported, make, taken_over};
use super::rig::{INSTANCE, Lose, PARTNER_CERTIFICATE, ROLE, Rig};
use crate::aws::AwsErrorKind;
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
    let spec = &of(&documents, PROFILE, "us")["spec"];
    assert_eq!((&spec["certificateRefs"], &spec["certificateIds"]), (&json!([{"name": "seal"}]), &Value::Null));
    let granted = format!("#     certificateIds:\n#     - \"{elsewhere}\"\n#     adoptableIds:\n");
    assert!(text.contains(&granted), "what has an object is granted as such alone: {text}");
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
    let objects = [(CERTIFICATE, "seal"), (PROFILE, "us")];
    for (kind, object) in objects {
        rig.put(kind, object, of(&documents, kind, object)["spec"].clone());
        rig.settle(kind, object).await;
        assert_eq!(rig.says(kind, object, "Ready").unwrap().0, "False", "{kind}");
    }
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    rig.tls_secret("seal", OWN, OWN_KEY);
    for (kind, object) in objects {
        rig.put(kind, object, of(&documents, kind, object)["spec"].clone());
        rig.settle(kind, object).await;
        assert_eq!(rig.says(kind, object, "Ready").unwrap().0, "True", "{}", rig.message(kind, object));
        assert_eq!(rig.cloud.calls(), ["TagResource"], "{kind}");
    }
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
