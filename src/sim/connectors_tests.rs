#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, KEY_A as ED25519, ROLE};

/// Host keys of partners.
const KEY_A: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw= one";
const KEY_B: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0= two";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:partner-AbCdEf";
const LATTICE: &str = "arn:aws:vpc-lattice:eu-west-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";

fn with(base: &Value, more: &Value) -> Value {
    let mut all = base.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn sftp(more: &Value) -> Value {
    json!({
        "Url": "sftp://partner.example.com", "AccessRole": ROLE,
        "SftpConfig": with(&json!({"UserSecretId": SECRET}), more),
    })
}

fn lattice() -> Value {
    json!({
        "AccessRole": ROLE, "SftpConfig": {"UserSecretId": SECRET},
        "EgressConfig": {"VpcLattice": {"ResourceConfigurationArn": LATTICE}},
    })
}

/// The least that an AS2 connector needs, with profiles of its own.
fn as2(bench: &mut Bench) -> Value {
    let mut profile =
        |of: &str| bench.ok("CreateProfile", json!({"As2Id": "name", "ProfileType": of}))["ProfileId"].clone();
    json!({
        "LocalProfileId": profile("LOCAL"), "PartnerProfileId": profile("PARTNER"), "Compression": "ZLIB",
        "EncryptionAlgorithm": "AES256_CBC", "SigningAlgorithm": "SHA256", "MdnResponse": "SYNC",
    })
}

fn to_partner(config: &Value) -> Value {
    json!({"Url": "https://partner.example.com/as2", "AccessRole": ROLE, "As2Config": config})
}

fn made(bench: &mut Bench, input: Value) -> Value {
    json!({"ConnectorId": bench.ok("CreateConnector", input)["ConnectorId"]})
}

fn described(bench: &mut Bench, which: &Value) -> Value {
    bench.ok("DescribeConnector", which.clone())["Connector"].clone()
}

fn updated(bench: &mut Bench, which: &Value, more: &Value) -> Value {
    bench.ok("UpdateConnector", with(which, more));
    described(bench, which)
}

#[test]
fn a_connector_is_described_with_what_nobody_said_and_listed_in_short() {
    let mut bench = Bench::new();
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let which = made(&mut bench, with(&sftp(&json!({})), &json!({"Tags": tags})));
    assert!(bench.changed);
    let id = which["ConnectorId"].as_str().unwrap();
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:connector/{id}");
    let row = json!({"Arn": arn, "ConnectorId": id, "Url": "sftp://partner.example.com"});
    assert_eq!(bench.ok("ListConnectors", json!({})), json!({"Connectors": [row]}));
    let more = json!({
        "AccessRole": ROLE, "SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03",
        "SftpConfig": {"UserSecretId": SECRET, "MaxConcurrentConnections": 1}, "EgressType": "SERVICE_MANAGED",
        "ServiceManagedEgressIpAddresses": ["192.0.2.20", "192.0.2.21", "192.0.2.22"], "IpAddressType": "IPV4",
        "Status": "ACTIVE", "Tags": tags,
    });
    assert_eq!(described(&mut bench, &which), with(&row, &more));
    let config = as2(&mut bench);
    let which = made(&mut bench, to_partner(&config));
    let shown = described(&mut bench, &which);
    assert_eq!(shown["As2Config"], with(&config, &json!({"PreserveContentType": "DISABLED"})));
    assert_eq!((shown.get("SecurityPolicyName"), shown.get("SftpConfig")), (None, None));
}

#[test]
fn a_connector_is_for_one_protocol_and_goes_one_way_for_good() {
    let mut bench = Bench::new();
    let config = as2(&mut bench);
    let one = "Specify exactly one of As2Config and SftpConfig";
    let way = "Specify exactly one of Url and EgressConfig";
    let no_url = json!({"AccessRole": ROLE, "SftpConfig": {"UserSecretId": SECRET}});
    for (input, words) in [
        (json!({"Url": "sftp://a", "AccessRole": ROLE}), one),
        (with(&sftp(&json!({})), &json!({"As2Config": config})), one),
        (no_url, way),
        (with(&lattice(), &json!({"EgressConfig": {}})), "ResourceConfigurationArn must be specified"),
        (with(&lattice(), &json!({"Url": "sftp://a"})), way),
        (with(&to_partner(&config), &json!({"Url": "sftp://a"})), "http:// or https://"),
        (with(&sftp(&json!({})), &json!({"Url": "https://a"})), "sftp://"),
        (
            with(&to_partner(&config), &json!({"SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03"})),
            "only for SFTP",
        ),
    ] {
        let refused = bench.invalid("CreateConnector", input.clone());
        assert!(refused.contains(words), "{input}: {refused}");
    }
    let [by_url, by_vpc, of_as2] =
        [sftp(&json!({})), lattice(), to_partner(&config)].map(|input| made(&mut bench, input));
    for (which, more, words) in [
        (&by_url, json!({"EgressConfig": lattice()["EgressConfig"]}), "EgressConfig cannot be added"),
        (&by_vpc, json!({"Url": "sftp://a"}), "Url must be null"),
        (&by_url, json!({"As2Config": config}), "As2Config cannot"),
        (&of_as2, json!({"SftpConfig": {"UserSecretId": SECRET}}), "SftpConfig cannot"),
    ] {
        let refused = bench.invalid("UpdateConnector", with(which, &more));
        assert!(refused.contains(words), "{more}: {refused}");
    }
    let port = json!({"EgressConfig": {"VpcLattice": {"PortNumber": 2222}}});
    let shown = updated(&mut bench, &by_vpc, &port);
    let held = json!({"VpcLattice": {"ResourceConfigurationArn": LATTICE, "PortNumber": 2222}});
    assert_eq!((&shown["EgressConfig"], &shown["EgressType"]), (&held, &json!("VPC_LATTICE")));
    assert!(shown.get("ServiceManagedEgressIpAddresses").is_none());
}

#[test]
fn a_connector_for_sftp_has_a_secret_and_keys_that_can_be_read() {
    let mut bench = Bench::new();
    let hosted = format!("[partner.example.com]:22 {KEY_A}");
    for (more, words) in [
        (json!({"MaxConcurrentConnections": 6}), "at most 5"),
        (json!({"TrustedHostKeys": [KEY_A, "no key"]}), "Invalid trusted host key: number 2"),
        (json!({"TrustedHostKeys": [KEY_A, ED25519]}), "Invalid trusted host key: number 2"),
    ] {
        assert!(bench.invalid("CreateConnector", sftp(&more)).contains(words), "{more}");
    }
    let mut without = sftp(&json!({}));
    without["SftpConfig"] = json!({});
    assert!(bench.invalid("CreateConnector", without).contains("UserSecretId must be specified"));
    let policy = json!({"SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-1999-01"});
    assert!(bench.invalid("CreateConnector", with(&sftp(&json!({})), &policy)).contains("security policy"));
    made(&mut bench, sftp(&json!({"TrustedHostKeys": [hosted, KEY_B], "MaxConcurrentConnections": 5})));
    let mut through_vpc = lattice();
    through_vpc["SftpConfig"]["TrustedHostKeys"] = json!([hosted]);
    assert!(bench.invalid("CreateConnector", through_vpc).contains("number 1"), "there is no host name to verify");
}

#[test]
fn a_connector_for_as2_names_what_is_there_and_keeps_secrets_secret() {
    let mut bench = Bench::new();
    let config = as2(&mut bench);
    let server = bench.server(json!({}));
    let answers = json!({"Url": "https://us.example.com", "ServerIds": [server]});
    for (more, words) in [
        (json!({"MdnResponse": null}), "MdnResponse must be specified"),
        (json!({"LocalProfileId": config["PartnerProfileId"]}), "LocalProfileId must be a profile of type LOCAL"),
        (json!({"MdnResponse": "ASYNC"}), "AsyncMdnConfig with Url and ServerIds"),
        (
            json!({"MdnResponse": "ASYNC", "AsyncMdnConfig": {"Url": "https://a"}}),
            "AsyncMdnConfig with Url and ServerIds",
        ),
        (json!({"AsyncMdnConfig": answers}), "only for MdnResponse ASYNC"),
    ] {
        let refused = bench.invalid("CreateConnector", to_partner(&with(&config, &more)));
        assert!(refused.contains(words), "{more}: {refused}");
    }
    let open = with(&config, &json!({"EncryptionAlgorithm": "NONE"}));
    let plain = with(&to_partner(&open), &json!({"Url": "http://partner.example.com"}));
    assert!(bench.invalid("CreateConnector", plain).contains("only for a Url with https"));
    let missing =
        json!({"MdnResponse": "ASYNC", "AsyncMdnConfig": {"Url": "https://a", "ServerIds": ["s-00000000000000000"]}});
    let refused = bench.call("CreateConnector", to_partner(&with(&config, &missing))).unwrap_err();
    assert_eq!(refused, "ResourceNotFoundException: Unknown server");
    let which = made(&mut bench, to_partner(&open));
    let asynchronous = json!({"MdnResponse": "ASYNC", "AsyncMdnConfig": answers});
    let shown = updated(&mut bench, &which, &json!({"As2Config": asynchronous}));
    assert_eq!(shown["As2Config"]["AsyncMdnConfig"], answers);
    let shown = updated(&mut bench, &which, &json!({"As2Config": {"MdnResponse": "NONE"}}));
    assert!(shown["As2Config"].get("AsyncMdnConfig").is_none());
}

#[test]
fn members_that_an_update_leaves_out_stay_or_fall_back() {
    let mut bench = Bench::new();
    let all = json!({
        "TrustedHostKeys": [KEY_A], "MaxConcurrentConnections": 3, "OrderedUserSecretVersionStages": ["AWSCURRENT"],
    });
    let which = made(&mut bench, sftp(&all));
    let some = json!({"SftpConfig": {"MaxConcurrentConnections": 2}});
    let shown = updated(&mut bench, &which, &some);
    let kept = with(&with(&all, &json!({"UserSecretId": SECRET})), &some["SftpConfig"]);
    assert_eq!(shown["SftpConfig"], kept);
    let shown = updated(&mut bench, &which, &json!({"SftpConfig": {"TrustedHostKeys": []}}));
    assert!(shown["SftpConfig"].get("TrustedHostKeys").is_none(), "an empty list clears");
    bench.set(&json!({"connector_config": "replace"}));
    let shown = updated(&mut bench, &which, &json!({"SftpConfig": {"TrustedHostKeys": [KEY_B]}}));
    let left = json!({"UserSecretId": SECRET, "TrustedHostKeys": [KEY_B], "MaxConcurrentConnections": 1});
    assert_eq!(shown["SftpConfig"], left);
    let shown = updated(&mut bench, &which, &json!({"LoggingRole": ROLE, "IpAddressType": "DUALSTACK"}));
    assert_eq!(
        (&shown["SftpConfig"], &shown["LoggingRole"], &shown["IpAddressType"]),
        (&left, &json!(ROLE), &json!("DUALSTACK"))
    );
    bench.ok("UpdateConnector", which.clone());
    assert!(!bench.changed, "nothing said is no change");
    let config = with(&as2(&mut bench), &json!({"MessageSubject": "orders", "BasicAuthSecretId": SECRET}));
    bench.set(&json!({"connector_config": "merge"}));
    let which = made(&mut bench, to_partner(&config));
    let shown = updated(&mut bench, &which, &json!({"As2Config": {"BasicAuthSecretId": ""}}));
    assert_eq!(shown["As2Config"].get("BasicAuthSecretId"), None);
    assert_eq!(shown["As2Config"]["MessageSubject"], "orders");
}

#[test]
fn a_way_through_a_vpc_takes_time_and_may_fail() {
    let mut bench = Bench::new();
    bench.set(&json!({"connector_time": "10s"}));
    let which = made(&mut bench, lattice());
    let status = |bench: &mut Bench| described(bench, &which)["Status"].clone();
    assert_eq!(status(&mut bench), "PENDING");
    assert!(bench.invalid("TestConnection", which.clone()).ends_with("PENDING"));
    bench.pass(10);
    assert_eq!(status(&mut bench), "ACTIVE");
    bench.set(&json!({"connector_outcome": "ERRORED"}));
    let port = json!({"EgressConfig": {"VpcLattice": {"PortNumber": 2222}}});
    assert_eq!(updated(&mut bench, &which, &port)["Status"], "PENDING", "a change lays it anew");
    bench.pass(10);
    let shown = described(&mut bench, &which);
    assert_eq!(
        (&shown["Status"], &shown["ErrorMessage"]),
        (&json!("ERRORED"), &json!("The connector could not be created"))
    );
    assert_eq!(updated(&mut bench, &which, &port)["Status"], "ERRORED", "the same again is no change");
}

#[test]
fn a_connection_is_tried_with_the_keys_that_are_trusted() {
    let mut bench = Bench::new();
    let bare = KEY_A.rsplit_once(' ').unwrap().0;
    bench.set(&json!({"partner_host_key": bare}));
    let which = made(&mut bench, sftp(&json!({})));
    let id = which["ConnectorId"].clone();
    let told = |status: &str, message: &str| {
        json!({
            "ConnectorId": id, "Status": status, "StatusMessage": message, "SftpConnectionDetails": {"HostKey": bare},
        })
    };
    let test = |bench: &mut Bench| {
        bench.pass(1);
        bench.ok("TestConnection", which.clone())
    };
    assert_eq!(test(&mut bench), told("ERROR", "No trusted host key is configured"));
    let refused = bench.call("TestConnection", which.clone()).unwrap_err();
    assert_eq!(refused, "ThrottlingException: Rate exceeded", "one in a second");
    updated(&mut bench, &which, &json!({"SftpConfig": {"TrustedHostKeys": [KEY_B]}}));
    assert_eq!(test(&mut bench), told("ERROR", "Host key verification failed"));
    updated(&mut bench, &which, &json!({"SftpConfig": {"TrustedHostKeys": [KEY_B, format!("{bare} renamed")]}}));
    assert_eq!(test(&mut bench), told("OK", "Connection succeeded"));
    bench.set(&json!({"test_connection": {"status": "ERROR", "status_message": "no secret"}}));
    assert_eq!(test(&mut bench), json!({"ConnectorId": id, "Status": "ERROR", "StatusMessage": "no secret"}));
    let config = as2(&mut bench);
    let other = made(&mut bench, to_partner(&config));
    assert_eq!(bench.invalid("TestConnection", other), "TestConnection is supported only for SFTP connectors");
}

#[test]
fn what_a_connector_names_stays_and_the_same_connector_exists_already() {
    let mut bench = Bench::new();
    let config = as2(&mut bench);
    let which = made(&mut bench, to_partner(&config));
    for member in ["LocalProfileId", "PartnerProfileId"] {
        let refused = bench.invalid("DeleteProfile", json!({"ProfileId": config[member]}));
        assert_eq!(refused, format!("Profile is still in use by connector {}", which["ConnectorId"].as_str().unwrap()));
    }
    let exists = "ResourceExistsException: Connector already exists";
    assert_eq!(bench.call("CreateConnector", to_partner(&config)).unwrap_err(), exists);
    let elsewhere = json!({"Url": "https://partner.example.com/other"});
    let other = made(&mut bench, with(&to_partner(&config), &elsewhere));
    let back = with(&other, &json!({"Url": "https://partner.example.com/as2"}));
    assert_eq!(bench.call("UpdateConnector", back.clone()).unwrap_err(), exists);
    bench.set(&json!({"same_partners": "accept"}));
    bench.ok("UpdateConnector", back);
    made(&mut bench, sftp(&json!({})));
    bench.set(&json!({"same_partners": "refuse"}));
    made(&mut bench, sftp(&json!({})));
    for gone in [which, other] {
        bench.ok("DeleteConnector", gone);
    }
    bench.ok("DeleteProfile", json!({"ProfileId": config["LocalProfileId"]}));
}

#[test]
fn connectors_are_counted_listed_in_pages_and_seen_for_a_while() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"connectors": 3}, "listing_lag": "30s", "deletion_time": "10s"}));
    let all: Vec<Value> = (0..3).map(|_| made(&mut bench, sftp(&json!({})))).collect();
    let refused = bench.invalid("CreateConnector", sftp(&json!({})));
    assert_eq!(refused, "Cannot exceed quota for ConnectorsPerAccount: 3");
    assert_eq!(bench.ok("ListConnectors", json!({})), json!({"Connectors": []}));
    bench.pass(30);
    let first = bench.ok("ListConnectors", json!({"MaxResults": 2}));
    let second = bench.ok("ListConnectors", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    assert_eq!([&first, &second].map(|page| page["Connectors"].as_array().unwrap().len()), [2, 1]);
    bench.ok("DeleteConnector", all[0].clone());
    described(&mut bench, &all[0]);
    for operation in ["DeleteConnector", "UpdateConnector", "TestConnection"] {
        let refused = bench.call(operation, all[0].clone()).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown connector", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeConnector", all[0].clone()).is_err());
}
