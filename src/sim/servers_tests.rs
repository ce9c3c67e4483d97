#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

#[test]
fn defaults_are_returned_though_they_were_never_sent() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    let shown = bench.described(&id);
    assert_eq!(shown["Domain"], "S3");
    assert_eq!(shown["EndpointType"], "PUBLIC");
    assert_eq!(shown["IdentityProviderType"], "SERVICE_MANAGED");
    assert_eq!(shown["Protocols"], json!(["SFTP"]));
    assert_eq!(
        shown["ProtocolDetails"],
        json!({"PassiveIp": "AUTO", "TlsSessionResumptionMode": "ENFORCED", "SetStatOption": "DEFAULT"})
    );
    assert_eq!(shown["SecurityPolicyName"], "TransferSecurityPolicy-2024-01");
    assert_eq!(shown["S3StorageOptions"], json!({"DirectoryListingOptimization": "DISABLED"}));
    assert_eq!(shown["IpAddressType"], "IPV4");
    assert_eq!(shown["Tags"], json!([]));
    assert_eq!(shown["UserCount"], 0);
    let fingerprint = shown["HostKeyFingerprint"].as_str().unwrap();
    assert!(fingerprint.starts_with("SHA256:") && fingerprint.ends_with('='));
    for absent in
        ["EndpointDetails", "IdentityProviderDetails", "LoggingRole", "Certificate", "WorkflowDetails", "HostKey"]
    {
        assert!(shown.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_server_goes_online_and_offline_in_its_own_time() {
    let mut bench = Bench::new();
    let id = bench.ok("CreateServer", json!({}))["ServerId"].as_str().unwrap().to_owned();
    assert_eq!(bench.state(&id), "STARTING");
    bench.pass(1);
    assert_eq!(bench.state(&id), "STARTING");
    bench.pass(1);
    assert_eq!(bench.state(&id), "ONLINE");
    let name = json!({"ServerId": id});
    bench.ok("StartServer", name.clone());
    assert!(!bench.changed, "starting what runs does nothing");
    bench.ok("StopServer", name.clone());
    assert_eq!(bench.state(&id), "STOPPING");
    assert!(bench.invalid("StartServer", name.clone()).contains("STOPPING"));
    bench.ok("StopServer", name.clone());
    assert!(!bench.changed);
    bench.pass(2);
    assert_eq!(bench.state(&id), "OFFLINE");
    bench.ok("StopServer", name.clone());
    assert!(!bench.changed);
    bench.ok("StartServer", name.clone());
    assert_eq!(bench.state(&id), "STARTING");
    assert!(bench.invalid("StopServer", name.clone()).contains("STARTING"));
    bench.set(&json!({"during_transition": "accept"}));
    bench.ok("StopServer", name);
    assert_eq!(bench.state(&id), "STOPPING");
}

#[test]
fn a_failed_start_is_left_by_starting_again() {
    let mut bench = Bench::new();
    bench.set(&json!({"start_outcome": "START_FAILED"}));
    let id = bench.server(json!({}));
    assert_eq!(bench.state(&id), "START_FAILED");
    bench.set(&json!({"start_outcome": "ONLINE"}));
    bench.ok("StartServer", json!({"ServerId": id}));
    bench.pass(2);
    assert_eq!(bench.state(&id), "ONLINE");
}

#[test]
fn reads_may_lag_behind_a_stop() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    bench.set(&json!({"stale_time": "1s"}));
    bench.ok("StopServer", json!({"ServerId": id}));
    assert_eq!(bench.state(&id), "ONLINE");
    bench.pass(1);
    assert_eq!(bench.state(&id), "STOPPING");
}

#[test]
fn deleting_takes_a_running_server_with_everything_in_it() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    bench.ok("CreateUser", json!({"ServerId": id, "UserName": "ada", "Role": ROLE}));
    let name = json!({"ServerId": id});
    bench.ok("DeleteServer", name.clone());
    for operation in ["DescribeServer", "DeleteServer", "ListUsers", "StopServer"] {
        let refusal = bench.call(operation, name.clone()).unwrap_err();
        assert_eq!(refusal, "ResourceNotFoundException: Unknown server", "{operation}");
    }
    assert_eq!(bench.ok("ListServers", json!({}))["Servers"], json!([]));
}

#[test]
fn a_deleted_server_may_be_seen_for_a_while_but_not_changed() {
    let mut bench = Bench::new();
    bench.set(&json!({"deletion_time": "30s"}));
    let id = bench.server(json!({}));
    let name = json!({"ServerId": id});
    bench.ok("DeleteServer", name.clone());
    assert_eq!(bench.state(&id), "ONLINE");
    assert_eq!(bench.ok("ListServers", json!({}))["Servers"][0]["ServerId"], id);
    bench.call("DeleteServer", name.clone()).unwrap_err();
    bench.update(&id, json!({})).unwrap_err();
    bench.pass(30);
    bench.call("DescribeServer", name).unwrap_err();
    assert!(bench.region.servers.is_empty());
}

#[test]
fn a_new_server_may_be_missing_from_listings_but_not_from_describe() {
    let mut bench = Bench::new();
    bench.set(&json!({"listing_lag": "10s"}));
    let id = bench.ok("CreateServer", json!({}))["ServerId"].as_str().unwrap().to_owned();
    assert_eq!(bench.ok("ListServers", json!({}))["Servers"], json!([]));
    assert_eq!(bench.state(&id), "STARTING");
    bench.pass(10);
    assert_eq!(bench.ok("ListServers", json!({}))["Servers"][0]["ServerId"], id);
}

#[test]
fn absent_members_of_an_update_stay_and_empty_ones_clear() {
    let mut bench = Bench::new();
    let workflow = json!([{"WorkflowId": "w-01234567890abcdef", "ExecutionRole": ROLE}]);
    let log = "arn:aws:logs:eu-west-1:123456789012:log-group:x:*";
    let id = bench.server(json!({
        "LoggingRole": ROLE, "PreAuthenticationLoginBanner": "hello\n", "Certificate": "arn:aws:acm:x",
        "StructuredLogDestinations": [log], "WorkflowDetails": {"OnUpload": workflow, "OnPartialUpload": workflow},
        "ProtocolDetails": {"PassiveIp": "0.0.0.0"},
    }));
    let before = bench.described(&id);
    assert_eq!(before["PreAuthenticationLoginBanner"], "hello\n");
    bench.update(&id, json!({})).unwrap();
    assert!(!bench.changed);
    assert_eq!(bench.described(&id), before);

    bench
        .update(&id, json!({"WorkflowDetails": {"OnUpload": []}, "ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"}}))
        .unwrap();
    let shown = bench.described(&id);
    assert_eq!(shown["WorkflowDetails"], json!({"OnPartialUpload": workflow}));
    assert_eq!(shown["ProtocolDetails"]["PassiveIp"], "0.0.0.0");
    assert_eq!(shown["ProtocolDetails"]["SetStatOption"], "ENABLE_NO_OP");

    bench
        .update(&id, json!({
            "LoggingRole": "", "PreAuthenticationLoginBanner": "", "Certificate": "", "StructuredLogDestinations": [],
            "WorkflowDetails": {"OnUpload": [], "OnPartialUpload": []},
        }))
        .unwrap();
    let shown = bench.described(&id);
    let cleared =
        ["LoggingRole", "PreAuthenticationLoginBanner", "Certificate", "StructuredLogDestinations", "WorkflowDetails"];
    for member in cleared {
        assert!(shown.get(member).is_none(), "{member}");
    }
    bench.set(&json!({"unset": "empty"}));
    let shown = bench.described(&id);
    for member in cleared {
        assert!(shown.get(member).is_some(), "{member}");
    }
}

#[test]
fn a_block_may_be_replaced_instead_of_merged() {
    let mut bench = Bench::new();
    bench.set(&json!({"protocol_details": "replace"}));
    let id = bench.server(json!({"ProtocolDetails": {"PassiveIp": "1.2.3.4"}}));
    bench.update(&id, json!({"ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"}})).unwrap();
    assert_eq!(bench.described(&id)["ProtocolDetails"]["PassiveIp"], "AUTO");
}

fn refused(cases: &[(Value, &str)]) {
    let mut bench = Bench::new();
    for (input, text) in cases {
        let refusal = bench.invalid("CreateServer", input.clone());
        assert!(refusal.contains(text), "{refusal} instead of {text}");
    }
    assert!(bench.region.servers.is_empty());
}

#[test]
fn protocols_need_a_network_a_provider_and_a_certificate_that_fit() {
    let vpc = json!({"VpcId": "vpc-1"});
    let lambda = json!({"Function": "arn:aws:lambda:x"});
    refused(&[
        (json!({"Protocols": ["FTP"]}), "EndpointType must be VPC"),
        (
            json!({"Protocols": ["FTP"], "EndpointType": "VPC", "EndpointDetails": vpc}),
            "SERVICE_MANAGED is not supported",
        ),
        (
            json!({"Protocols": ["FTPS"], "EndpointType": "VPC", "EndpointDetails": vpc,
                "IdentityProviderType": "AWS_LAMBDA", "IdentityProviderDetails": lambda}),
            "Certificate must be specified",
        ),
        (json!({"Protocols": ["AS2"]}), "EndpointType must be VPC for protocol AS2"),
        (
            json!({"Protocols": ["AS2"], "Domain": "EFS", "EndpointType": "VPC", "EndpointDetails": vpc}),
            "Domain must be S3",
        ),
        (json!({"Protocols": ["SFTP", "SFTP"]}), "duplicates"),
    ]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let lambda = json!({"Function": "arn:aws:lambda:x"});
    refused(&[
        (json!({"IdentityProviderDetails": lambda}), "Must specify IdentityProviderType with IdentityProviderDetails"),
        (json!({"IdentityProviderType": "AWS_LAMBDA"}), "Function must be specified"),
        (
            json!({"IdentityProviderType": "API_GATEWAY", "IdentityProviderDetails": {"Url": "https://x"}}),
            "InvocationRole must be specified",
        ),
        (json!({"IdentityProviderType": "AWS_DIRECTORY_SERVICE"}), "DirectoryId must be specified"),
        (json!({"SecurityPolicyName": "TransferSecurityPolicy-1999-01"}), "Unsupported security policy"),
        (json!({"SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03"}), "Unsupported security policy"),
        (json!({"ProtocolDetails": {"PassiveIp": "host"}}), "Invalid PassiveIp"),
        (json!({"ProtocolDetails": {"SftpPorts": [{"SftpPort": 80}]}}), "between 2000 and 65535"),
        (json!({"HostKey": "no key"}), "Invalid host key format"),
        (json!({"Tags": [{"Key": "aws:x", "Value": ""}]}), "aws: prefixed"),
    ]);
}

#[test]
fn a_refused_update_changes_nothing() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    let before = bench.described(&id);
    let both = json!({"PreAuthenticationLoginBanner": "x", "Protocols": ["FTP"]});
    bench.update(&id, both).unwrap_err();
    assert_eq!(bench.described(&id), before);
}

#[test]
fn the_identity_provider_changes_and_users_stay() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    bench.ok("CreateUser", json!({"ServerId": id, "UserName": "ada", "Role": ROLE}));
    let lambda = json!({"Function": "arn:aws:lambda:x"});
    bench.update(&id, json!({"IdentityProviderType": "AWS_LAMBDA", "IdentityProviderDetails": lambda})).unwrap();
    let details = bench.described(&id)["IdentityProviderDetails"].clone();
    assert_eq!(details["SftpAuthenticationMethods"], "PUBLIC_KEY_OR_PASSWORD");
    let bob = json!({"ServerId": id, "UserName": "bob", "Role": ROLE});
    assert_eq!(bench.invalid("CreateUser", bob), "Cannot create user on server with IdP type: AWS_LAMBDA");
    let list = json!({"ServerId": id});
    assert_eq!(bench.ok("ListUsers", list.clone())["Users"][0]["UserName"], "ada");
    bench.set(&json!({"users_of_other_provider": "refuse"}));
    assert_eq!(bench.invalid("ListUsers", list), "Cannot list users on server with IdP type: AWS_LAMBDA");
    bench.update(&id, json!({"IdentityProviderType": "SERVICE_MANAGED"})).unwrap();
    assert!(bench.described(&id).get("IdentityProviderDetails").is_none());
    assert_eq!(bench.described(&id)["UserCount"], 1);
}

#[test]
fn the_quota_of_servers_is_per_region() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"servers": 1}}));
    let id = bench.server(json!({}));
    let refusal = bench.invalid("CreateServer", json!({}));
    assert_eq!(refusal, "Cannot exceed quota for ServersPerAccount: 1");
    bench.ok("DeleteServer", json!({"ServerId": id}));
    bench.server(json!({}));
}

#[test]
fn as2_needs_its_transport_and_shows_it_with_egress_addresses() {
    let mut bench = Bench::new();
    let vpc = json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1"}});
    let mut with_as2 = vpc.clone();
    with_as2["Protocols"] = json!(["AS2"]);
    let refusal = "As2Transport must be specified to enable AS2 protocol";
    assert_eq!(bench.invalid("CreateServer", with_as2.clone()), refusal);
    let id = bench.server(vpc);
    let refused = bench.update(&id, json!({"Protocols": ["AS2"]})).unwrap_err();
    assert!(refused.ends_with(refusal), "{refused}");
    let both = json!({"Protocols": ["AS2"], "ProtocolDetails": {"As2Transports": ["HTTP"]}});
    bench.update(&id, both).unwrap();
    let shown = bench.described(&id);
    assert_eq!(shown["ProtocolDetails"]["As2Transports"], json!(["HTTP"]));
    assert_eq!(shown["As2ServiceManagedEgressIpAddresses"].as_array().unwrap().len(), 3);
    bench.update(&id, json!({"Protocols": ["SFTP", "AS2"]})).unwrap();
    with_as2["ProtocolDetails"] = json!({"As2Transports": ["HTTP"]});
    bench.server(with_as2);
}

#[test]
fn a_limit_is_told_in_the_words_of_the_switch() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"servers": 0}}));
    for (words, told) in [
        ("quota", "InvalidRequestException: Cannot exceed quota for ServersPerAccount: 0"),
        ("limit", "InvalidRequestException: The limit of ServersPerAccount is 0"),
        ("maximum", "InvalidRequestException: Maximum of 0 ServersPerAccount reached"),
        ("code", "ServiceQuotaExceededException: ServersPerAccount would exceed 0"),
    ] {
        bench.set(&json!({"quota_refusal": words}));
        assert_eq!(bench.call("CreateServer", json!({})).unwrap_err(), told);
    }
}

#[test]
fn a_role_may_be_forbidden_to_the_caller_or_refused_by_the_service() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    let other = "arn:aws:iam::123456789012:role/other";
    let logging = json!({"LoggingRole": ROLE});
    let workflow = json!({"WorkflowDetails": {
        "OnUpload": [{"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": ROLE}]}});
    bench.set(&json!({"forbidden_roles": [ROLE]}));
    for named in [&logging, &workflow] {
        let refused = bench.update(&id, named.clone()).unwrap_err();
        let told = format!(
            "AccessDeniedException: User: arn:aws:iam::123456789012:user/bench is not authorized to perform: iam:PassRole on resource: {ROLE}"
        );
        assert_eq!(refused, told);
    }
    bench.update(&id, json!({"LoggingRole": other})).unwrap();
    let gone = bench.update("s-00000000000000000", logging.clone()).unwrap_err();
    assert!(gone.starts_with("ResourceNotFoundException"), "{gone}");
    bench.set(&json!({"forbidden_roles": [], "unusable_roles": [ROLE]}));
    let refused = bench.update(&id, logging.clone()).unwrap_err();
    assert_eq!(refused, format!("InvalidRequestException: Unsupported or invalid LoggingRole: {ROLE}"));
    assert_eq!(bench.described(&id)["LoggingRole"], other);
    bench.admin = true;
    bench.update(&id, logging).unwrap();
}

#[test]
fn ports_that_are_shown_by_default_are_no_change_when_sent_back() {
    let mut bench = Bench::new();
    bench.set(&json!({"newer_defaults": true}));
    let id = bench.server(json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1"}}));
    let shown = bench.described(&id)["ProtocolDetails"].clone();
    assert_eq!(shown["SftpPorts"][0]["SftpPort"], 22);
    bench.update(&id, json!({"ProtocolDetails": shown})).unwrap();
    assert_eq!(bench.described(&id)["ProtocolDetails"], shown);
    let own = json!({"ProtocolDetails": {"SftpPorts": [{"SftpPort": 2222}]}});
    let refused = bench.update(&id, own).unwrap_err();
    assert!(refused.contains("only for EndpointType PUBLIC"), "{refused}");
}
