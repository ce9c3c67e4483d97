#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use super::World;
use crate::sim::bench::{Bench, ROLE};

const PARTNER: &str = include_str!("../../tests/fixtures/certificates/partner.pem");
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:partner-AbCdEf";
const LATTICE: &str = "arn:aws:vpc-lattice:eu-west-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";
const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";

/// A region with a server and one at least of each kind that has a shelf.
fn furnished() -> (Bench, String) {
    let mut bench = Bench::new();
    let server = bench.server(json!({
        "Protocols": ["AS2"], "ProtocolDetails": {"As2Transports": ["HTTP"]}, "EndpointType": "VPC",
        "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]},
    }));
    bench.ok("ImportCertificate", json!({"Usage": "SIGNING", "Certificate": PARTNER}));
    let mut profile = |of: &str| {
        let made = bench.ok("CreateProfile", json!({"As2Id": "name", "ProfileType": of}));
        made["ProfileId"].as_str().unwrap().to_owned()
    };
    let (local, partner) = (profile("LOCAL"), profile("PARTNER"));
    bench.ok(
        "CreateAgreement",
        json!({
            "ServerId": server, "LocalProfileId": local, "PartnerProfileId": partner, "AccessRole": ROLE,
            "BaseDirectory": "/bucket/in",
        }),
    );
    bench.ok(
        "CreateConnector",
        json!({
            "AccessRole": ROLE, "SftpConfig": {"UserSecretId": SECRET},
            "EgressConfig": {"VpcLattice": {"ResourceConfigurationArn": LATTICE}},
        }),
    );
    let center = json!({"IdentityCenterConfig": {"InstanceArn": INSTANCE, "Role": ROLE}});
    let vpc = json!({"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]});
    let input = json!({"IdentityProviderDetails": center, "EndpointDetails": {"Vpc": vpc}});
    let web_app = bench.ok("CreateWebApp", input)["WebAppId"].clone();
    bench.ok("UpdateWebAppCustomization", json!({"WebAppId": web_app, "Title": "files"}));
    (bench, server)
}

/// The rows of each kind that has a shelf.
fn rows(bench: &mut Bench, server: &str) -> Vec<Value> {
    let all = json!({});
    let of_server = json!({"ServerId": server});
    [
        ("ListCertificates", "Certificates", &all),
        ("ListProfiles", "Profiles", &all),
        ("ListAgreements", "Agreements", &of_server),
        ("ListConnectors", "Connectors", &all),
        ("ListWebApps", "WebApps", &all),
    ]
    .map(|(operation, member, input)| bench.ok(operation, input.clone())[member].clone())
    .to_vec()
}

fn counts(rows: &[Value]) -> Vec<usize> {
    rows.iter().map(|rows| rows.as_array().unwrap().len()).collect()
}

#[test]
fn a_world_with_each_kind_is_read_as_it_was_written() {
    let (mut bench, server) = furnished();
    let before = rows(&mut bench, &server);
    assert_eq!(counts(&before), [1, 2, 1, 1, 1]);
    let mut world = World::default();
    *world.region("123456789012", "eu-west-1") = bench.region.clone();
    let text = serde_json::to_string(&world).unwrap();
    let mut again: World = serde_json::from_str(&text).unwrap();
    assert_eq!(json!(again), json!(world));
    bench.region = again.region("123456789012", "eu-west-1").clone();
    assert_eq!(rows(&mut bench, &server), before);
}

/// State files of before these kinds were there have no members for them.
#[test]
fn a_world_from_before_these_kinds_is_read_without_them() {
    let (mut bench, server) = furnished();
    let mut written = json!(bench.region);
    for member in ["certificates", "profiles", "agreements", "connectors", "web_apps", "tested"] {
        assert!(written.as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    bench.region = serde_json::from_value(written).unwrap();
    assert_eq!(counts(&rows(&mut bench, &server)), [0; 5]);
    assert_eq!(bench.described(&server)["ServerId"], server);
}
