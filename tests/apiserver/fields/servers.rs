//! The fields of a TransferServer that AWS has. What is demanded is AWS's documentation as
//! `docs/aws-transfer-behaviour.md` 3 of the design tells it.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled};
use super::case::{At, Case, Kind, ROLE, ROLE_TWO, field};

const LAMBDA: &str = "arn:aws:lambda:eu-central-1:123456789012:function:one";

pub fn cases() -> Vec<Case> {
    [settings(), network(), provider(), protocols(), workflows(), login_tests(), the_rest()].concat()
}

fn server(path: &str, at: At, a: impl Into<Value>, b: impl Into<Value>, cleared: Value) -> Case {
    field(Kind::Server, path, at, a.into(), b.into(), cleared)
}

fn settings() -> Vec<Case> {
    let certificate = |id: &str| format!("arn:aws:acm:eu-central-1:123456789012:certificate/{id}");
    let group = |name: &str| json!([format!("arn:aws:logs:eu-central-1:123456789012:log-group:{name}:*")]);
    let (one, two) = ("TransferSecurityPolicy-2023-05", "TransferSecurityPolicy-2025-03");
    let listing = "s3StorageOptions.directoryListingOptimization";
    vec![
        server("certificate", At::Aws("/Settings/Certificate"), certificate("a"), certificate("b"), Value::Null),
        server("loggingRole", At::Aws("/Settings/LoggingRole"), ROLE, ROLE_TWO, Value::Null),
        server(
            "preAuthenticationLoginBanner",
            At::Aws("/Settings/PreAuthenticationLoginBanner"),
            "one",
            "two",
            Value::Null,
        ),
        server(
            "postAuthenticationLoginBanner",
            At::Aws("/Settings/PostAuthenticationLoginBanner"),
            "one",
            "two",
            Value::Null,
        ),
        server(
            "structuredLogDestinations",
            At::Aws("/Settings/StructuredLogDestinations"),
            group("a"),
            group("b"),
            Value::Null,
        ),
        server(
            listing,
            At::Aws("/Settings/S3StorageOptions/DirectoryListingOptimization"),
            "DISABLED",
            "ENABLED",
            json!("DISABLED"),
        ),
        // AWS changes its default from time to time, so there is nothing to go back to.
        Case::new(
            Kind::Server,
            "securityPolicyName",
            At::Aws("/Settings/SecurityPolicyName"),
            [json!(one), json!(two)],
            [Holds(json!(one)), Holds(json!(two)), Stalled("CannotClear", "spec.securityPolicyName")],
        ),
    ]
}

fn network() -> Vec<Case> {
    let (vpc, other_vpc) = (json!("vpc-01234567"), json!("vpc-89abcdef"));
    let (endpoint, other_endpoint) = (json!("vpce-0123456789abcdef0"), json!("vpce-0123456789abcdef1"));
    let subnets = json!(["subnet-00000001", "subnet-00000002"]);
    let other_subnets = json!(["subnet-00000002", "subnet-00000003"]);
    let addresses = |last: u8| json!(["eipalloc-00000001", format!("eipalloc-0000000{last}")]);
    let in_vpc = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": vpc}});
    let with_subnets = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": vpc, "subnetIds": subnets}});
    let details = |name: &str| format!("endpointDetails.{name}");
    vec![
        server("endpointType", At::Aws("/Settings/EndpointType"), "VPC", "PUBLIC", json!("PUBLIC"))
            .rest(in_vpc.clone())
            .along(json!({"endpointDetails": null}), json!({}))
            .same("PUBLIC is what AWS takes where nothing is said"),
        Case::new(
            Kind::Server,
            &details("vpcId"),
            At::Aws("/Settings/EndpointDetails/VpcId"),
            [vpc.clone(), other_vpc],
            [
                Holds(vpc.clone()),
                Stalled("Immutable", "spec.endpointDetails.vpcId"),
                Refused("endpointType VPC needs endpointDetails.vpcId"),
            ],
        )
        .rest(in_vpc.clone()),
        server(
            &details("subnetIds"),
            At::Aws("/Settings/EndpointDetails/SubnetIds"),
            subnets,
            other_subnets,
            Value::Null,
        )
        .rest(in_vpc.clone()),
        server(
            &details("addressAllocationIds"),
            At::Aws("/Settings/EndpointDetails/AddressAllocationIds"),
            addresses(2),
            addresses(3),
            Value::Null,
        )
        .rest(with_subnets),
        Case::new(
            Kind::Server,
            &details("vpcEndpointId"),
            At::Aws("/Settings/EndpointDetails/VpcEndpointId"),
            [endpoint.clone(), other_endpoint.clone()],
            [
                Holds(endpoint),
                Holds(other_endpoint.clone()),
                Refused("endpointType VPC_ENDPOINT needs endpointDetails.vpcEndpointId"),
            ],
        )
        .rest(json!({"endpointType": "VPC_ENDPOINT"})),
        Case::new(
            Kind::Server,
            &details("securityGroupIds"),
            At::Aws("/Settings/EndpointDetails/SecurityGroupIds"),
            [json!(["sg-00000001"]), json!(["sg-00000002"])],
            [
                Holds(json!(["sg-00000001"])),
                Holds(json!(["sg-00000002"])),
                Stalled("CannotClear", "spec.endpointDetails.securityGroupIds"),
            ],
        )
        .rest(in_vpc),
        server("ipAddressType", At::Aws("/Settings/IpAddressType"), "DUALSTACK", "IPV4", json!("IPV4"))
            .same("IPV4 is what AWS takes where nothing is said"),
    ]
}

fn provider() -> Vec<Case> {
    let gateway = json!({"identityProviderType": "API_GATEWAY", "identityProviderDetails": {
        "url": "https://one.example.com", "invocationRole": ROLE}});
    let needed = |path: &str, at: At, a: &str, b: &str, refused: &'static str, rest: Value| {
        let then = [Holds(json!(a)), Holds(json!(b)), Refused(refused)];
        let path = format!("identityProviderDetails.{path}");
        Case::new(Kind::Server, &path, at, [json!(a), json!(b)], then).rest(rest)
    };
    let both = "identityProviderType API_GATEWAY needs identityProviderDetails.url and invocationRole";
    vec![
        server(
            "identityProviderType",
            At::Aws("/Settings/IdentityProviderType"),
            "AWS_LAMBDA",
            "AWS_DIRECTORY_SERVICE",
            json!("SERVICE_MANAGED"),
        )
        .rest(json!({"identityProviderDetails": {"function": LAMBDA}}))
        .along(
            json!({"identityProviderDetails": {"function": null, "directoryId": "d-0123456789"}}),
            json!({"identityProviderDetails": null}),
        ),
        needed(
            "url",
            At::Aws("/Settings/IdentityProviderDetails/Url"),
            "https://one.example.com",
            "https://two.example.com",
            both,
            gateway.clone(),
        ),
        needed(
            "invocationRole",
            At::Aws("/Settings/IdentityProviderDetails/InvocationRole"),
            ROLE,
            ROLE_TWO,
            both,
            gateway,
        ),
        needed(
            "directoryId",
            At::Aws("/Settings/IdentityProviderDetails/DirectoryId"),
            "d-0123456789",
            "d-9876543210",
            "identityProviderType AWS_DIRECTORY_SERVICE needs identityProviderDetails.directoryId",
            json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}),
        ),
        needed(
            "function",
            At::Aws("/Settings/IdentityProviderDetails/Function"),
            LAMBDA,
            "arn:aws:lambda:eu-central-1:123456789012:function:two",
            "identityProviderType AWS_LAMBDA needs identityProviderDetails.function",
            json!({"identityProviderType": "AWS_LAMBDA"}),
        ),
        server(
            "identityProviderDetails.sftpAuthenticationMethods",
            At::Aws("/Settings/IdentityProviderDetails/SftpAuthenticationMethods"),
            "PASSWORD",
            "PUBLIC_KEY",
            json!("PUBLIC_KEY_OR_PASSWORD"),
        )
        .rest(json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": LAMBDA}})),
    ]
}

fn protocols() -> Vec<Case> {
    let in_vpc = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-01234567"}});
    let mut with_lambda = in_vpc.clone();
    with_lambda["identityProviderType"] = "AWS_LAMBDA".into();
    with_lambda["identityProviderDetails"] = json!({"function": LAMBDA});
    let details = |name: &str| format!("protocolDetails.{name}");
    vec![
        server("protocols", At::Aws("/Settings/Protocols"), json!(["SFTP", "FTP"]), json!(["FTP"]), json!(["SFTP"]))
            .rest(with_lambda),
        server(
            &details("passiveIp"),
            At::Aws("/Settings/ProtocolDetails/PassiveIp"),
            "198.51.100.1",
            "198.51.100.2",
            json!("AUTO"),
        ),
        server(
            &details("tlsSessionResumptionMode"),
            At::Aws("/Settings/ProtocolDetails/TlsSessionResumptionMode"),
            "DISABLED",
            "ENABLED",
            json!("ENFORCED"),
        ),
        server(
            &details("setStatOption"),
            At::Aws("/Settings/ProtocolDetails/SetStatOption"),
            "DEFAULT",
            "ENABLE_NO_OP",
            json!("DEFAULT"),
        ),
        server(
            &details("as2Transports"),
            At::Aws("/Settings/ProtocolDetails/As2Transports"),
            json!(["HTTP"]),
            json!(["HTTP"]),
            json!(["HTTP"]),
        )
        .rest(in_vpc)
        .same("HTTP is the only transport, and AWS has no way to take it out; with AS2 it must be there"),
        server(
            &details("proxyConfig.sftpMode"),
            At::Aws("/Settings/ProtocolDetails/ProxyConfig/SftpMode"),
            "NONE",
            "PROXY_PROTOCOL_V2_ENFORCED",
            json!("NONE"),
        ),
        server(
            &details("sftpPorts[].sftpPort"),
            At::Aws("/Settings/ProtocolDetails/SftpPorts/0/SftpPort"),
            2222,
            2223,
            Value::Null,
        ),
        // Absent, it is SERVER_TALK_FIRST.
        server(
            &details("sftpPorts[].communicationMode"),
            At::Aws("/Settings/ProtocolDetails/SftpPorts/0/CommunicationMode"),
            "SERVER_TALK_FIRST",
            "CLIENT_TALK_FIRST",
            Value::Null,
        )
        .rest(json!({"protocolDetails": {"sftpPorts": [{"sftpPort": 2222}]}})),
    ]
}

fn workflows() -> Vec<Case> {
    let lists: [(&str, &str, [At; 3]); 2] = [
        (
            "onUpload",
            "workflowDetails.onUpload",
            [
                At::Aws("/Settings/WorkflowDetails/OnUpload/0/WorkflowId"),
                At::Aws("/Settings/WorkflowDetails/OnUpload/0/ExecutionRole"),
                At::Aws("/Settings/WorkflowDetails/OnUpload/0/Owner"),
            ],
        ),
        (
            "onPartialUpload",
            "workflowDetails.onPartialUpload",
            [
                At::Aws("/Settings/WorkflowDetails/OnPartialUpload/0/WorkflowId"),
                At::Aws("/Settings/WorkflowDetails/OnPartialUpload/0/ExecutionRole"),
                At::Aws("/Settings/WorkflowDetails/OnPartialUpload/0/Owner"),
            ],
        ),
    ];
    let (one, two) = ("w-0123456789abcdef0", "w-0123456789abcdef1");
    let of = |(list, whole, [id, role, owner]): (&str, &'static str, [At; 3])| {
        let path = |member: &str| format!("workflowDetails.{list}[].{member}");
        let rest = json!({"workflowDetails": {list: [{"workflowId": one, "executionRole": ROLE}]}});
        let named = json!({"workflowDetails": {list: [{"workflowRef": {"name": "scan"}, "executionRole": ROLE}]}});
        let (scan, clean) = ("fields/scan", "fields/clean");
        let needed = Refused("exactly one of workflowRef and workflowId is needed");
        let then = [Holds(json!(scan)), Holds(json!(clean)), needed];
        [
            server(&path("workflowId"), id, one, two, Value::Null).rest(rest.clone()).leaving_out(whole),
            server(&path("executionRole"), role, ROLE, ROLE_TWO, Value::Null).rest(rest),
            Case::new(Kind::Server, &path("workflowRef.name"), owner, [json!("scan"), json!("clean")], then)
                .rest(named.clone()),
            server(&path("workflowRef.namespace"), owner, "fields", "away", json!(scan))
                .shows([json!(scan), json!("away/scan"), json!(scan)])
                .rest(named),
        ]
    };
    lists.into_iter().flat_map(of).collect()
}

/// What a trial login sends; without the whole of it there is none.
fn login_tests() -> Vec<Case> {
    let with = |more: Value| {
        let mut test = json!({"userName": "partner"});
        super::case::merge(&mut test, &more);
        json!({
            "endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-01234567"}, "protocols": ["SFTP", "FTP"],
            "identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": LAMBDA}, "loginTest": test,
        })
    };
    let told = At::Status("/loginTest/outcome");
    let secret = json!({"passwordSecretRef": {"name": "login"}});
    vec![
        server("loginTest.userName", At::LoginTest("UserName"), "partner-one", "partner-two", Value::Null)
            .rest(with(json!({}))),
        server("loginTest.sourceIp", At::LoginTest("SourceIp"), "203.0.113.1", "203.0.113.2", Value::Null)
            .rest(with(json!({}))),
        server("loginTest.protocol", At::LoginTest("ServerProtocol"), "SFTP", "FTP", Value::Null).rest(with(json!({}))),
        server("loginTest.passwordSecretRef.name", told, "login", "missing", Value::Null)
            .shows([json!("Accepted"), json!("NoPassword"), json!("Refused")])
            .rest(with(json!({}))),
        server("loginTest.passwordSecretRef.key", told, "other", "missing", Value::Null)
            .shows([json!("Accepted"), json!("NoPassword"), json!("Accepted")])
            .rest(with(secret)),
    ]
}

fn the_rest() -> Vec<Case> {
    let zone = |id: u8| json!(format!("/hostedzone/Z{id}"));
    let fixed_once = |path: &str, at: At, a: &str, b: &str, refused: [&'static str; 2]| {
        let then = [Holds(json!(a)), Refused(refused[0]), Refused(refused[1])];
        Case::new(Kind::Server, path, at, [json!(a), json!(b)], then)
    };
    vec![
        fixed_once(
            "region",
            At::Aws("/Region"),
            "eu-west-1",
            "eu-central-1",
            ["spec.region cannot be changed", "spec.region: Required value"],
        ),
        fixed_once(
            "domain",
            At::Aws("/Domain"),
            "EFS",
            "S3",
            ["spec.domain cannot be changed", "spec.domain cannot be changed"],
        ),
        server("desiredState", At::Aws("/State"), "ONLINE", "OFFLINE", json!("ONLINE")),
        server("tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        server(
            "customHostname.hostname",
            At::Tag("transfer:customHostname"),
            "one.example.com",
            "two.example.com",
            Value::Null,
        ),
        server("customHostname.hostedZoneId", At::Tag("transfer:route53HostedZoneId"), zone(1), zone(2), Value::Null)
            .rest(json!({"customHostname": {"hostname": "one.example.com"}})),
        // What it holds is tested beside the code, src/kinds/reconcile_tests/known_hosts.rs.
        server(
            "knownHostsConfigMap.name",
            At::Status("/configMaps/0"),
            json!("one-known-hosts"),
            json!("two-known-hosts"),
            Value::Null,
        ),
        // The identity shows by its tags, of which the first has none.
        server("awsIdentityRef.name", At::Tag("identity"), "default", "second", Value::Null).shows([
            Value::Null,
            json!("second"),
            Value::Null,
        ]),
    ]
}
