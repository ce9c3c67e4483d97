//! The adapter for EC2: byte by byte against a server that answers what a test says, and with real signatures against
//! `transfer-sim`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::Sim;
use transfer_operator::api::AwsIdentity;
use transfer_operator::api::shapes::EndpointDetails;
use transfer_operator::aws::account_clients::{AccountClients, Aws};
use transfer_operator::aws::credentials::{CredentialCache, Issue, Issued};
use transfer_operator::aws::ec2::{
    DescribeAddresses, DescribeNetworkInterfaces, DescribeVpcEndpoints, Ec2Client, ElasticAddress, ModifyVpcEndpoint,
    NetworkInterface, VpcEndpoint,
};
use transfer_operator::aws::http::{MUTATION_TIMEOUT, http_client};
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::sdk::SdkApi;
use transfer_operator::aws::transfer::{CreateServer, DescribeServer, ServerSettings, StopServer, UpdateServer};
use transfer_operator::aws::{
    Account, Answer, AwsApi, AwsError, AwsErrorKind, CallClass, Mutation, Permit, Rank, RateLimiter, Read,
    Reply as Answered,
};
use wire::{Call, Reply, Wire, http, ok};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// Credentials with a new name each time they are asked for: KEY1, KEY2 and so on.
#[derive(Debug, Default)]
struct Numbered(AtomicU32);

#[async_trait]
impl Issue for Numbered {
    async fn issue(&self) -> Result<Issued, AwsError> {
        let name = format!("KEY{}", self.0.fetch_add(1, Ordering::SeqCst) + 1);
        let credentials = Credentials::new(name, "secret", Some("token".to_owned()), None, "test");
        Ok(Issued { credentials, lifetime: None })
    }
}

fn door(url: &str) -> SdkApi {
    let transfer = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_client())
        .region(aws_sdk_transfer::config::Region::new(REGION))
        .endpoint_url(url);
    SdkApi::new(transfer, Ec2Client::new(http_client(), REGION, url), CredentialCache::new(Numbered::default()))
}

async fn permit() -> Permit {
    RateLimiter::new(Rates::default()).acquire(ACCOUNT, REGION, CallClass::Write, Rank::default()).await
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-01-01T12:00:00Z")
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[allow(clippy::unnecessary_wraps, reason = "members are optional, and these tests set them all")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// An answer of EC2's, as its reference shows them.
fn answer(operation: &str, members: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{NAMESPACE}\">\n    \
         <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>\n    {members}\n</{operation}Response>"
    )
}

/// An error of EC2's.
fn refusal(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}\
         </Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    )
}

const ENDPOINTS: &str = "<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId>
    <vpcEndpointType>Interface</vpcEndpointType><vpcId>vpc-1</vpcId><state>available</state><policyDocument>{&quot;a&quot;: 1}
    </policyDocument><routeTableIdSet/><subnetIdSet><item>subnet-1</item><item>subnet-2</item></subnetIdSet>
    <groupSet><item><groupId>sg-1</groupId><groupName>one</groupName></item>
    <item><groupId>sg-2</groupId><groupName>two &amp; more</groupName></item></groupSet>
    <networkInterfaceIdSet><item>eni-1</item><item>eni-2</item></networkInterfaceIdSet><dnsEntrySet>
    <item><dnsName>vpce-1.server.transfer</dnsName><hostedZoneId>Z1</hostedZoneId></item>
    <item><dnsName>vpce-1-eu-central-1a.server.transfer</dnsName></item></dnsEntrySet></item></vpcEndpointSet>";

const INTERFACES: &str = "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>
    <subnetId>subnet-1</subnetId><availabilityZone>eu-central-1a</availabilityZone><status>in-use</status>
    <privateIpAddress>10.0.0.1</privateIpAddress><privateIpAddressesSet>
    <item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary></item>
    <item><privateIpAddress>10.0.0.2</privateIpAddress><primary>false</primary></item></privateIpAddressesSet>
    <ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet>
    <association><allocationId>eipalloc-1</allocationId><publicIp>198.51.100.1</publicIp></association></item>
    <item><networkInterfaceId>eni-2</networkInterfaceId></item></networkInterfaceSet>";

const ADDRESSES: &str = "<addressesSet><item><publicIp>198.51.100.1</publicIp><allocationId>eipalloc-1</allocationId>
    <domain>vpc</domain><instanceId>i-1</instanceId><associationId>eipassoc-1</associationId>
    <networkInterfaceId>eni-1</networkInterfaceId><privateIpAddress>10.0.0.1</privateIpAddress></item>
    <item><publicIp>198.51.100.2</publicIp><allocationId>eipalloc-2</allocationId><domain>vpc</domain><instanceId/>
    <associationId/></item></addressesSet>";

fn endpoints() -> Read {
    DescribeVpcEndpoints { ids: texts(&["vpce-1"]) }.into()
}

fn interfaces() -> Read {
    DescribeNetworkInterfaces { ids: texts(&["eni-1", "eni-2"]) }.into()
}

fn addresses() -> Read {
    DescribeAddresses { ids: texts(&["eipalloc-1", "eipalloc-2"]) }.into()
}

/// Every read with its members, AWS's answer and what is read in it.
fn reads() -> Vec<(Read, Value, &'static str, Answer)> {
    let endpoint = VpcEndpoint {
        id: "vpce-1".to_owned(),
        state: "available".to_owned(),
        security_groups: texts(&["sg-1", "sg-2"]),
        subnets: texts(&["subnet-1", "subnet-2"]),
        network_interfaces: texts(&["eni-1", "eni-2"]),
        dns_names: texts(&["vpce-1.server.transfer", "vpce-1-eu-central-1a.server.transfer"]),
    };
    let interface = NetworkInterface {
        id: "eni-1".to_owned(),
        subnet_id: some("subnet-1"),
        availability_zone: some("eu-central-1a"),
        status: some("in-use"),
        private_ips: texts(&["10.0.0.1", "10.0.0.2"]),
        ipv6_ips: texts(&["2001:db8::1"]),
        public_ip: some("198.51.100.1"),
        allocation_id: some("eipalloc-1"),
    };
    let held = ElasticAddress {
        allocation_id: "eipalloc-1".to_owned(),
        domain: some("vpc"),
        association_id: some("eipassoc-1"),
        instance_id: some("i-1"),
        network_interface_id: some("eni-1"),
        public_ip: some("198.51.100.1"),
    };
    let free = ElasticAddress {
        allocation_id: "eipalloc-2".to_owned(),
        domain: some("vpc"),
        public_ip: some("198.51.100.2"),
        ..ElasticAddress::default()
    };
    assert!(held.is_held() && !free.is_held());
    let bare = NetworkInterface { id: "eni-2".to_owned(), ..NetworkInterface::default() };
    vec![
        (endpoints(), json!({"VpcEndpointId.1": "vpce-1"}), ENDPOINTS, Answer::VpcEndpoints(vec![endpoint])),
        (
            interfaces(),
            json!({"NetworkInterfaceId.1": "eni-1", "NetworkInterfaceId.2": "eni-2"}),
            INTERFACES,
            Answer::NetworkInterfaces(vec![interface, bare]),
        ),
        (
            addresses(),
            json!({"AllocationId.1": "eipalloc-1", "AllocationId.2": "eipalloc-2"}),
            ADDRESSES,
            Answer::ElasticAddresses(vec![held, free]),
        ),
    ]
}

fn modify() -> Mutation {
    Mutation::ModifyVpcEndpoint(ModifyVpcEndpoint {
        id: "vpce-1".to_owned(),
        add_security_groups: texts(&["sg-3", "sg&Action=4"]),
        remove_security_groups: texts(&["sg-1"]),
    })
}

const MODIFIED: &str = "<return>true</return>";

/// What a request holds, beside what every one does.
fn sent(call: &Call, operation: &str) -> Value {
    let mut form: BTreeMap<String, String> = form_urlencoded::parse(call.body.as_bytes()).into_owned().collect();
    assert_eq!(form.remove("Action").as_deref(), Some(operation));
    assert_eq!(form.remove("Version").as_deref(), Some("2016-11-15"));
    let authorization = &call.headers["authorization"];
    assert!(authorization.contains("/eu-central-1/ec2/aws4_request"), "{authorization}");
    assert!(
        authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"),
        "{authorization}"
    );
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
    assert!(call.headers["user-agent"].starts_with("transfer-operator/"));
    json!(form)
}

#[tokio::test]
async fn every_call_is_sent_completely_and_its_answer_arrives() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, members, body, value) in reads() {
        let operation = call.operation();
        wire.reply(ok(answer(operation, body)));
        let answered = door.read(Some(noon()), call).await.unwrap();
        assert_eq!(answered, Answered { value, date: Some(at("2026-01-01T00:00:00Z")) }, "{operation}");
        let [request] = &wire.take()[..] else { panic!("{operation} was not sent once") };
        assert_eq!((sent(request, operation), request.signed_at()), (members, "20260101T120000Z"), "{operation}");
    }
    wire.reply(ok(answer("ModifyVpcEndpoint", MODIFIED)));
    assert_eq!(door.mutate(permit().await, noon(), modify()).await.unwrap().value.id, None);
    let [request] = &wire.take()[..] else { panic!("it was not sent once") };
    let members = json!({
        "VpcEndpointId": "vpce-1", "AddSecurityGroupId.1": "sg-3", "AddSecurityGroupId.2": "sg&Action=4",
        "RemoveSecurityGroupId.1": "sg-1",
    });
    assert_eq!(sent(request, "ModifyVpcEndpoint"), members);
    assert_eq!(modify().target().as_deref(), Some("vpce-1"));
}

async fn read_fault(wire: &Wire, door: &SdkApi, call: Read, reply: Reply) -> AwsError {
    wire.reply(reply);
    door.read(Some(noon()), call).await.unwrap_err()
}

async fn fault_of(wire: &Wire, door: &SdkApi, reply: Reply) -> AwsError {
    wire.reply(reply);
    door.mutate(permit().await, noon(), modify()).await.unwrap_err()
}

#[tokio::test]
async fn each_member_that_an_answer_needs_is_missed_by_name() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, body, _) in reads() {
        let operation = call.operation();
        let [set] = call.required() else { panic!("{operation} names no list") };
        let needed: &[&str] = match operation {
            "DescribeVpcEndpoints" => &[set, "state", "groupSet", "groupId"],
            _ => &[set],
        };
        for member in needed {
            let body = body.replace(&format!("<{member}>"), "<other>").replace(&format!("</{member}>"), "</other>");
            let fault = read_fault(&wire, &door, call.clone(), ok(answer(operation, &body))).await;
            assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Lost, "UnreadableAnswer"), "{fault}");
            assert_eq!(fault.message, format!("the answer has no {member}"), "{operation}");
        }
    }
    for body in ["", "<return/>", "<return>false</return>", "<vpcEndpointId>vpce-1</vpcEndpointId>"] {
        let fault = fault_of(&wire, &door, ok(answer("ModifyVpcEndpoint", body))).await;
        assert_eq!(fault.kind, AwsErrorKind::Lost, "{body}");
        assert!(fault.message.starts_with("the answer has no return"), "{body}: {fault}");
    }
}

#[tokio::test]
async fn an_id_that_is_left_out_of_an_answer_is_not_taken_for_absent() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, (key, id)) in [
        (endpoints(), ("vpcEndpointId", "vpce-2")),
        (interfaces(), ("networkInterfaceId", "eni-1")),
        (addresses(), ("allocationId", "eipalloc-2")),
    ] {
        let (operation, [set]) = (call.operation(), call.required()) else { panic!("{call:?} names no list") };
        let other = format!("<{set}><item><{key}>{id}</{key}></item></{set}>");
        for body in [format!("<{set}/>"), format!("<{set}></{set}>"), other] {
            let fault = read_fault(&wire, &door, call.clone(), ok(answer(operation, &body))).await;
            assert_eq!(fault.kind, AwsErrorKind::Lost, "{operation} {body}");
            assert!(fault.message.contains("no row of each id"), "{operation}: {fault}");
        }
    }
}

#[tokio::test]
async fn no_answer_that_is_cut_or_no_xml_is_an_empty_list() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, body, _) in reads() {
        let operation = call.operation();
        let whole = answer(operation, body);
        for end in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
            let fault = read_fault(&wire, &door, call.clone(), ok(&whole[..end])).await;
            assert_eq!(fault.kind, AwsErrorKind::Lost, "{operation} {end}: {fault}");
        }
        let cut = Reply::Cut { body: whole.clone() };
        for reply in [cut, Reply::Close, ok("{}"), ok("<html><body>busy</body></html>"), ok(refusal("X", "y"))] {
            let fault = read_fault(&wire, &door, call.clone(), reply.clone()).await;
            assert_eq!(fault.kind, AwsErrorKind::Lost, "{operation} {reply:?}: {fault}");
        }
    }
}

#[tokio::test]
async fn errors_are_told_by_code_in_every_form_and_with_every_status() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let (code, message) = ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id &apos;vpce-1&apos; does not exist");
    let query = format!(
        "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    for body in [refusal(code, message), query] {
        for status in [400, 404, 500, 503] {
            let fault = fault_of(&wire, &door, http(status, &body)).await;
            assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::NotFound, code), "{status} {body}");
            assert_eq!(fault.message, "The Vpc Endpoint Id 'vpce-1' does not exist");
            assert_eq!((fault.operation, fault.date), ("ModifyVpcEndpoint", Some(at("2026-01-01T00:00:00Z"))));
        }
    }
}

#[tokio::test]
async fn each_class_of_error_arrives_as_its_kind() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let unknown_key = "AWS was not able to validate the provided access credentials";
    for (status, code, message, kind) in [
        (400, "InvalidGroup.NotFound", "The security group 'sg-3' does not exist", AwsErrorKind::Rejected),
        (400, "InvalidVpcEndpointId.Malformed", "Invalid Id", AwsErrorKind::Rejected),
        (400, "InvalidParameter", "x", AwsErrorKind::Rejected),
        (400, "IncorrectState", "The VPC endpoint vpce-1 is in state pending", AwsErrorKind::Conflict),
        (503, "RequestLimitExceeded", "Request limit exceeded.", AwsErrorKind::Throttled),
        (400, "SecurityGroupsPerInterfaceLimitExceeded", "x", AwsErrorKind::Quota),
        (403, "UnauthorizedOperation", "You are not authorized to perform this operation.", AwsErrorKind::Denied),
        (401, "AuthFailure", unknown_key, AwsErrorKind::Credentials),
        (401, "AuthFailure", "The address does not belong to you.", AwsErrorKind::Denied),
        (400, "RequestExpired", "Request has expired.", AwsErrorKind::Skewed),
        (500, "InternalError", "An internal error has occurred", AwsErrorKind::Unavailable),
        (503, "Unavailable", "The service is unavailable.", AwsErrorKind::Unavailable),
        (400, "BrandNew", "x", AwsErrorKind::Unavailable),
    ] {
        let fault = fault_of(&wire, &door, http(status, refusal(code, message))).await;
        assert_eq!((fault.kind, fault.code.as_str(), fault.message.as_str()), (kind, code, message));
    }
    for (status, body) in [(503, "<html>busy</html>"), (502, ""), (500, "<Response><Errors><Error><Code>X"), (302, "")]
    {
        let fault = fault_of(&wire, &door, http(status, body)).await;
        assert_eq!(
            (fault.kind, fault.code.as_str()),
            (AwsErrorKind::Unavailable, "UnreadableAnswer"),
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn a_refusal_of_rights_is_told_without_what_only_aws_can_read() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let words = "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/x/y is not \
                 authorized to perform: ec2:ModifyVpcEndpoint because no identity-based policy allows it.";
    let body = refusal("UnauthorizedOperation", &format!("{words} Encoded authorization failure message: 4xQk-J8t_"));
    let fault = fault_of(&wire, &door, http(403, body)).await;
    assert_eq!((fault.kind, fault.message.as_str()), (AwsErrorKind::Denied, words));
}

#[tokio::test]
async fn a_change_is_sent_once_on_fresh_and_on_used_connections() {
    let wire = Wire::start();
    for reply in [
        http(500, refusal("InternalError", "x")),
        http(503, refusal("Unavailable", "x")),
        http(503, refusal("RequestLimitExceeded", "x")).with("retry-after", "0"),
        http(400, refusal("RequestExpired", "x")),
        http(401, refusal("AuthFailure", "x")),
        Reply::Cut { body: "<Modify".to_owned() },
        Reply::Close,
        ok(""),
    ] {
        for used in [false, true] {
            let door = door(&wire.url);
            if used {
                wire.reply(ok(answer("DescribeVpcEndpoints", ENDPOINTS)));
                door.read(None, endpoints()).await.unwrap();
            }
            wire.take();
            fault_of(&wire, &door, reply.clone()).await;
            assert_eq!(wire.take().len(), 1, "{reply:?}, connection used before: {used}");
        }
    }
}

#[tokio::test]
async fn every_call_is_signed_with_its_own_time_whatever_dates_aws_sends() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let skewed = |reply: Reply| reply.with("date", "Fri, 02 Jan 2026 03:04:05 GMT");
    for signed in ["2026-01-01T12:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T12:00:00Z"] {
        wire.reply(skewed(http(400, refusal("RequestExpired", "x"))));
        let fault = door.mutate(permit().await, at(signed), modify()).await.unwrap_err();
        assert_eq!(fault.date, Some(at("2026-01-02T03:04:05Z")));
        wire.reply(skewed(ok(answer("ModifyVpcEndpoint", MODIFIED))));
        door.mutate(permit().await, at(signed), modify()).await.unwrap();
        wire.reply(skewed(ok(answer("DescribeVpcEndpoints", ENDPOINTS))));
        door.read(Some(at(signed)), endpoints()).await.unwrap();
        let times: Vec<_> = wire.take().iter().map(|call| call.signed_at().to_owned()).collect();
        assert_eq!(times, [signed.replace(['-', ':'], "").as_str(); 3]);
    }
}

#[tokio::test]
async fn a_date_without_a_request_id_is_not_awss() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let fault = read_fault(&wire, &door, endpoints(), http(503, "<html>busy</html>").not_of_aws()).await;
    assert_eq!(fault.date, None);
    wire.reply(ok(answer("DescribeVpcEndpoints", ENDPOINTS)).not_of_aws());
    assert_eq!(door.read(None, endpoints()).await.unwrap().date, None);
}

#[tokio::test]
async fn credentials_that_may_have_run_out_are_replaced_for_the_next_call() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let unknown_key = "AWS was not able to validate the provided access credentials";
    for (code, message) in [
        ("UnauthorizedOperation", "no"),
        ("AuthFailure", "The address does not belong to you."),
        ("RequestExpired", "Request has expired."),
        ("UnauthorizedOperation", "no"),
        ("AuthFailure", unknown_key),
        ("UnauthorizedOperation", "no"),
    ] {
        fault_of(&wire, &door, http(400, refusal(code, message))).await;
    }
    let keys: Vec<_> = wire.calls().iter().map(|call| call.signed_with().to_owned()).collect();
    assert_eq!(keys, ["KEY1", "KEY1", "KEY1", "KEY2", "KEY2", "KEY3"]);
}

#[tokio::test]
async fn silence_ends_in_a_lost_call_that_was_sent_once() {
    let wire = Wire::start();
    let door = door(&wire.url);
    wire.reply(ok(answer("DescribeVpcEndpoints", ENDPOINTS)));
    door.read(None, endpoints()).await.unwrap();
    wire.take();
    // The used connection goes back to the pool, so that nothing has to connect while time stands still.
    tokio::time::sleep(Duration::from_millis(200)).await;
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let fault = fault_of(&wire, &door, Reply::Silence).await;
    assert_eq!((fault.kind, fault.code.as_str(), fault.date), (AwsErrorKind::Lost, "Timeout", None));
    assert!(before.elapsed() >= MUTATION_TIMEOUT);
    assert_eq!(wire.arrived().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_not_taken_for_proof_that_nothing_was_sent() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = door(&format!("http://{closed}")).mutate(permit().await, noon(), modify()).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Lost, "NoAnswer"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_rejected_and_never_asks_for_everything() {
    let wire = Wire::start();
    for (url, ids) in [(wire.url.as_str(), vec![]), ("ec2.example", texts(&["vpce-1"])), ("", texts(&["vpce-1"]))] {
        let fault = door(url).read(None, DescribeVpcEndpoints { ids }.into()).await.unwrap_err();
        assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Rejected, "NotSent"), "{url}: {fault}");
    }
    assert!(wire.calls().is_empty());
}

/// Answers for AWS and takes down which addresses were called.
#[derive(Clone, Debug, Default)]
struct Called(Arc<Mutex<Vec<String>>>);

impl HttpConnector for Called {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().unwrap().push(request.uri().to_owned());
        let form = String::from_utf8_lossy(request.body().bytes().unwrap()).into_owned();
        let body = if form.contains("GetCallerIdentity") {
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/u</Arn>\
                 <UserId>u</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        } else {
            answer("DescribeVpcEndpoints", ENDPOINTS)
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body))))
    }
}

/// `AWS_ENDPOINT_URL_EC2`.
#[derive(Debug)]
struct OfService(&'static str);

impl LoadServiceConfig for OfService {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let asked = (key.service_id(), key.env(), key.profile());
        (asked == ("EC2", "AWS_ENDPOINT_URL", "endpoint_url")).then(|| self.0.to_owned())
    }
}

/// The address that an identity's calls to EC2 go to: of the identity, of the environment for EC2, of it for all.
async fn called(of: [Option<&'static str>; 3], (fips, dual_stack): (bool, bool)) -> String {
    let [of_identity, of_service, of_all] = of;
    let called = Called::default();
    let connector = SharedHttpConnector::new(called.clone());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("KEY", "secret", None, None, "test")));
    config.set_endpoint_url(of_all.map(str::to_owned));
    if let Some(of_service) = of_service {
        config.set_service_config(Some(OfService(of_service)));
    }
    let mut identity = own();
    (identity.spec.use_fips, identity.spec.use_dual_stack) = (fips, dual_stack);
    identity.spec.endpoints = Some(serde_json::from_value(json!({"ec2": of_identity})).unwrap());
    let account = AccountClients::with_config(limiter(), config.build()).account(&identity, REGION).await.unwrap();
    account.read(DescribeVpcEndpoints { ids: texts(&["vpce-1"]) }).await.unwrap();
    let addresses = called.0.lock().unwrap();
    addresses.last().unwrap().clone()
}

#[tokio::test]
async fn the_identitys_address_comes_first_then_the_environments_then_awss() {
    let [identity, service, all] = [Some("https://identity/x"), Some("https://service"), Some("https://all")];
    for (of, variants, url) in [
        ([None, None, None], (false, false), "https://ec2.eu-central-1.amazonaws.com/"),
        ([None, None, None], (true, false), "https://ec2-fips.eu-central-1.amazonaws.com/"),
        ([None, None, None], (false, true), "https://ec2.eu-central-1.api.aws/"),
        ([None, None, None], (true, true), "https://ec2-fips.eu-central-1.api.aws/"),
        ([Some(""), None, None], (false, false), "https://ec2.eu-central-1.amazonaws.com/"),
        ([None, None, all], (true, true), "https://all/"),
        ([None, service, all], (true, true), "https://service/"),
        ([identity, service, all], (true, true), "https://identity/x/"),
    ] {
        assert_eq!(called(of, variants).await, url, "{of:?} {variants:?}");
    }
}

/// Fast enough that no test waits for a rate.
fn limiter() -> Arc<RateLimiter> {
    RateLimiter::new(Rates::fixed(1e6))
}

fn own() -> AwsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1",
        "kind": "AwsIdentity",
        "metadata": {"name": "own", "uid": "own", "generation": 1},
        "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}},
    }))
    .unwrap()
}

async fn started(endpoint_lag: &str) -> (Sim, Account) {
    let sim = Sim::start(&["--transition-time", "0s"]).await;
    sim.control("/_sim/config", &json!({"endpoint_lag": endpoint_lag})).await;
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(sim.endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .build();
    let account = AccountClients::with_config(limiter(), config).account(&own(), REGION).await.unwrap();
    (sim, account)
}

async fn mutate(account: &Account, call: Mutation) -> Result<Option<String>, AwsError> {
    let permit = account.permit(call.class()).await;
    let now = account.now().await.unwrap();
    account.mutate(permit, now, call).await.map(|output| output.id)
}

/// A server in two subnets, and the id of its endpoint.
async fn vpc_server(account: &Account) -> (String, String) {
    let details = EndpointDetails {
        vpc_id: some("vpc-1"),
        subnet_ids: Some(texts(&["subnet-1", "subnet-2"])),
        security_group_ids: Some(texts(&["sg-00000001"])),
        ..EndpointDetails::default()
    };
    let settings =
        ServerSettings { endpoint_type: some("VPC"), endpoint_details: Some(details), ..ServerSettings::default() };
    let call = Mutation::CreateServer(Box::new(CreateServer { settings, ..CreateServer::default() }));
    let server_id = mutate(account, call).await.unwrap().unwrap();
    let server = account.read(DescribeServer { server_id: server_id.clone() }).await.unwrap();
    (server_id, server.settings.endpoint_details.unwrap().vpc_endpoint_id.unwrap())
}

async fn endpoint_of(account: &Account, id: &str) -> VpcEndpoint {
    let mut rows = account.read(DescribeVpcEndpoints { ids: texts(&[id]) }).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

fn groups(id: &str, add: &[&str], remove: &[&str]) -> Mutation {
    let (add_security_groups, remove_security_groups) = (texts(add), texts(remove));
    Mutation::ModifyVpcEndpoint(ModifyVpcEndpoint { id: id.to_owned(), add_security_groups, remove_security_groups })
}

#[tokio::test]
async fn an_endpoint_is_read_once_available_and_its_groups_are_changed() {
    let (sim, account) = started("1m").await;
    let (_, id) = vpc_server(&account).await;
    assert!(endpoint_of(&account, &id).await.is("Pending"));
    let pending = mutate(&account, groups(&id, &["sg-00000002"], &[])).await.unwrap_err();
    assert_eq!((pending.kind, pending.code.as_str()), (AwsErrorKind::Conflict, "IncorrectState"));
    sim.control("/_sim/clock", &json!({"advance": "2m"})).await;
    assert!(endpoint_of(&account, &id).await.is("Available"));
    mutate(&account, groups(&id, &["sg-00000002"], &[])).await.unwrap();
    mutate(&account, groups(&id, &[], &["sg-00000001"])).await.unwrap();
    let endpoint = endpoint_of(&account, &id).await;
    assert_eq!(endpoint.security_groups, ["sg-00000002"]);
    assert_eq!(endpoint.subnets, ["subnet-1", "subnet-2"]);
    assert!(endpoint.dns_names[1].contains("eu-central-1a"), "{:?}", endpoint.dns_names);
    let interfaces = account.read(DescribeNetworkInterfaces { ids: endpoint.network_interfaces }).await.unwrap();
    let mut zones: Vec<_> = interfaces.iter().map(|row| row.availability_zone.clone().unwrap()).collect();
    zones.sort();
    assert_eq!(zones, ["eu-central-1a", "eu-central-1b"]);
    assert!(interfaces.iter().all(|row| row.private_ips.len() == 1), "{interfaces:?}");
}

#[tokio::test]
async fn addresses_are_free_taken_by_others_held_by_a_server_or_missing() {
    let (sim, account) = started("0s").await;
    for (id, holder) in [("eipalloc-1", json!({})), ("eipalloc-2", json!({"taken_by": "i-0123456789abcdef0"}))] {
        let address = json!({"region": REGION, "set_address": {"allocation_id": id, "address": holder}});
        sim.control("/_sim/change", &address).await;
    }
    let read = |ids: &[&str]| account.read(DescribeAddresses { ids: texts(ids) });
    let rows = read(&["eipalloc-1", "eipalloc-2"]).await.unwrap();
    assert_eq!(rows.iter().map(ElasticAddress::is_held).collect::<Vec<_>>(), [false, true]);
    assert_eq!(rows[1].instance_id.as_deref(), Some("i-0123456789abcdef0"));
    assert!(rows.iter().all(|row| row.domain.as_deref() == Some("vpc") && row.public_ip.is_some()));
    let missing = read(&["eipalloc-1", "eipalloc-3"]).await.unwrap_err();
    assert_eq!((missing.kind, missing.code.as_str()), (AwsErrorKind::NotFound, "InvalidAllocationID.NotFound"));

    let (server_id, id) = vpc_server(&account).await;
    mutate(&account, Mutation::StopServer(StopServer { server_id: server_id.clone() })).await.unwrap();
    let address_allocation_ids = Some(texts(&["eipalloc-1", "eipalloc-4"]));
    let details = EndpointDetails { address_allocation_ids, ..EndpointDetails::default() };
    let settings = Box::new(ServerSettings { endpoint_details: Some(details), ..ServerSettings::default() });
    mutate(&account, Mutation::UpdateServer(UpdateServer { server_id, settings })).await.unwrap();
    let [held] = &read(&["eipalloc-1"]).await.unwrap()[..] else { panic!("one row") };
    let interfaces = endpoint_of(&account, &id).await.network_interfaces;
    assert!(held.is_held() && interfaces.contains(held.network_interface_id.as_ref().unwrap()), "{held:?}");
    let interfaces = account.read(DescribeNetworkInterfaces { ids: interfaces }).await.unwrap();
    let interface = interfaces.iter().find(|row| Some(&row.id) == held.network_interface_id.as_ref()).unwrap();
    assert_eq!(interface.subnet_id.as_deref(), Some("subnet-1"));
}

#[tokio::test]
async fn refusals_of_the_simulated_ec2_arrive_as_their_kinds() {
    let (sim, account) = started("0s").await;
    let (_, id) = vpc_server(&account).await;
    let missing = account.read(DescribeVpcEndpoints { ids: texts(&["vpce-0"]) }).await.unwrap_err();
    assert_eq!((missing.kind, missing.code.as_str()), (AwsErrorKind::NotFound, "InvalidVpcEndpointId.NotFound"));
    sim.control("/_sim/config", &json!({"missing_security_groups": ["sg-deadbeef"]})).await;
    let refused = mutate(&account, groups(&id, &["sg-deadbeef"], &[])).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (AwsErrorKind::Rejected, "InvalidGroup.NotFound"));
    for (fault, kind) in [
        (json!({"kind": "throttle"}), AwsErrorKind::Throttled),
        (json!({"kind": "error", "code": "UnauthorizedOperation"}), AwsErrorKind::Denied),
        (json!({"kind": "error", "code": "InternalError", "effect": "done"}), AwsErrorKind::Unavailable),
        (json!({"kind": "lose_reply"}), AwsErrorKind::Lost),
        (json!({"kind": "refuse"}), AwsErrorKind::Lost),
    ] {
        sim.control("/_sim/faults", &json!({"operation": "ModifyVpcEndpoint", "fault": fault})).await;
        let refused = mutate(&account, groups(&id, &["sg-00000002"], &[])).await.unwrap_err();
        assert_eq!(refused.kind, kind, "{fault}: {refused}");
    }
    assert_eq!(
        endpoint_of(&account, &id).await.security_groups,
        ["sg-00000001", "sg-00000002"],
        "what got lost was done once"
    );
    let calls = sim.calls().await["calls"].as_array().unwrap().clone();
    assert_eq!(calls.iter().filter(|call| call["operation"] == "ModifyVpcEndpoint").count(), 6, "each was sent once");
}

#[tokio::test]
async fn a_change_that_slept_too_long_is_refused_and_the_next_one_is_in_order() {
    let (sim, account) = started("0s").await;
    let (_, id) = vpc_server(&account).await;
    let then = account.now().await.unwrap();
    sim.control("/_sim/clock", &json!({"advance": "16m"})).await;
    let permit = account.permit(CallClass::Write).await;
    let fault = account.mutate(permit, then, groups(&id, &["sg-00000002"], &[])).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Skewed, "RequestExpired"));
    assert!(fault.kind.proves_nothing_made());
    assert_eq!(endpoint_of(&account, &id).await.security_groups, ["sg-00000001"]);
    mutate(&account, groups(&id, &["sg-00000002"], &[])).await.unwrap();
    assert_eq!(endpoint_of(&account, &id).await.security_groups, ["sg-00000001", "sg-00000002"]);
}
