#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn service() -> Service {
    let root =
        Root { account: "123456789012".to_owned(), access_key: "AKID".to_owned(), secret_key: "secret".to_owned() };
    Service::new(root, Config::default(), Random::seeded(1), World::default())
}

/// What a call is signed with.
struct Signer {
    key: &'static str,
    secret: &'static str,
    service: &'static str,
    at: Timestamp,
}

const GOOD: Signer = Signer { key: "AKID", secret: "secret", service: "transfer", at: NOW };

impl Signer {
    fn request(&self, operation: &str, body: &Value) -> Request<Vec<u8>> {
        let body = body.to_string().into_bytes();
        let mut request = Request::builder()
            .method("POST")
            .uri("http://sim.test/")
            .header("host", "sim.test")
            .header("x-amz-target", format!("TransferService.{operation}"))
            .body(body.clone())
            .unwrap();
        let identity = Credentials::new(self.key, self.secret, None, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name(self.service)
            .time(self.at.into())
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let headers: Vec<(String, String)> =
            request.headers().iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        let signable = SignableRequest::new(
            "POST",
            "http://sim.test/",
            headers.iter().map(|(n, v)| (n.as_str(), v.as_str())),
            SignableBody::Bytes(&body),
        );
        let (instructions, _) = sign(signable.unwrap(), &parameters.into()).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

fn send(service: &mut Service, request: Request<Vec<u8>>) -> (u16, Value) {
    let arrived = service.arrive(request, NOW);
    let reply = service.carry_out(&arrived, NOW).reply.unwrap();
    let body = serde_json::from_slice(reply.body()).unwrap_or(Value::Null);
    (reply.status().as_u16(), body)
}

fn code(service: &mut Service, request: Request<Vec<u8>>) -> String {
    let (_, body) = send(service, request);
    body["__type"].as_str().unwrap_or("ok").to_owned()
}

fn minutes(n: i64) -> Timestamp {
    after(NOW, SignedDuration::from_mins(n))
}

#[test]
fn a_good_signature_is_let_in_and_each_bad_one_is_refused_in_its_way() {
    let mut service = service();
    let call = |signer: Signer| signer.request("ListServers", &json!({}));
    assert_eq!(send(&mut service, call(GOOD)), (200, json!({"Servers": []})));
    let at = |minute| Signer { at: minutes(minute), ..GOOD };
    let (mut key, mut secret, mut scope) = (GOOD, GOOD, GOOD);
    key.key = "OTHER";
    secret.secret = "other";
    scope.service = "s3";
    for (signer, refusal) in [
        (key, "UnrecognizedClientException"),
        (secret, "InvalidSignatureException"),
        (scope, "InvalidSignatureException"),
        (at(-16), "InvalidSignatureException"),
        (at(16), "InvalidSignatureException"),
        (at(-14), "ok"),
        (at(14), "ok"),
    ] {
        assert_eq!(code(&mut service, call(signer)), refusal);
    }
}

#[test]
fn whatever_was_signed_must_arrive_as_it_was() {
    let mut service = service();
    let mut body = GOOD.request("CreateServer", &json!({}));
    *body.body_mut() = b"{ }".to_vec();
    let mut operation = GOOD.request("ListServers", &json!({}));
    let other = "TransferService.CreateServer".parse().unwrap();
    operation.headers_mut().insert("x-amz-target", other);
    let mut host = GOOD.request("CreateServer", &json!({}));
    host.headers_mut().insert("host", "elsewhere.test".parse().unwrap());
    let mut late = GOOD.request("CreateServer", &json!({}));
    let date = super::super::time::basic(minutes(1)).parse().unwrap();
    late.headers_mut().insert("x-amz-date", date);
    let mut token = GOOD.request("CreateServer", &json!({}));
    token.headers_mut().insert("x-amz-security-token", "x".parse().unwrap());
    for request in [body, operation, host, late] {
        assert_eq!(code(&mut service, request), "InvalidSignatureException");
    }
    assert_eq!(code(&mut service, token), "UnrecognizedClientException");
    let mut none = GOOD.request("CreateServer", &json!({}));
    none.headers_mut().remove("authorization");
    assert_eq!(code(&mut service, none), "MissingAuthenticationTokenException");
    let mut half = GOOD.request("CreateServer", &json!({}));
    let cut = "AWS4-HMAC-SHA256 Credential=AKID/20270115/eu-west-1/transfer/aws4_request";
    half.headers_mut().insert("authorization", cut.parse().unwrap());
    assert_eq!(code(&mut service, half), "IncompleteSignatureException");
    assert!(service.world.accounts.values().all(|a| a.values().all(|r| r.servers.is_empty())));
    assert!(service.calls.since(0).all(|c| c.principal.is_none() && !c.mutated));
}

#[test]
fn the_signature_is_judged_when_the_call_arrives_not_when_it_was_sent() {
    let mut service = service();
    let rule = json!({"fault": {"kind": "delay", "by": "16m"}});
    service.faults.arm(serde_json::from_value(rule).unwrap(), NOW).unwrap();
    let arrived = service.arrive(GOOD.request("CreateServer", &json!({})), NOW);
    assert_eq!(arrived.delay(), SignedDuration::from_mins(16));
    let reply = service.carry_out(&arrived, minutes(16)).reply.unwrap();
    let body = String::from_utf8(reply.body().clone()).unwrap();
    assert!(body.contains("Signature expired: 20270115T080000Z is now earlier than 20270115T080100Z"), "{body}");
}

#[test]
fn what_cannot_be_read_or_is_not_known_is_refused_after_the_signature() {
    let mut service = service();
    let unknown = GOOD.request("ListExecutions", &json!({}));
    assert_eq!(code(&mut service, unknown), "UnknownOperationException");
    let list = GOOD.request("ListServers", &json!([]));
    assert_eq!(code(&mut service, list), "SerializationException");
}

#[test]
fn calls_beyond_the_rate_are_throttled_and_logged_and_change_nothing() {
    let mut service = service();
    service.config = service.config.with(&json!({"rate_limit": {"rate": 1, "burst": 2}})).unwrap();
    let codes: Vec<String> = (0..3).map(|_| code(&mut service, GOOD.request("CreateServer", &json!({})))).collect();
    assert_eq!(codes, ["ok", "ok", "ThrottlingException"]);
    let logged: Vec<(&str, bool)> = service.calls.since(0).map(|call| (call.outcome.as_str(), call.mutated)).collect();
    assert_eq!(logged, [("ok", true), ("ok", true), ("ThrottlingException", false)]);
    let later = after(NOW, SignedDuration::from_secs(1));
    let arrived = service.arrive(GOOD.request("ListServers", &json!({})), later);
    assert_eq!(service.carry_out(&arrived, later).reply.unwrap().status(), 200);
}

#[test]
fn a_world_can_be_taken_out_and_put_into_another_simulator() {
    use super::super::control::handle;
    let (mut before, mut later) = (service(), service());
    code(&mut before, GOOD.request("CreateServer", &json!({})));
    let (_, world) = handle(&mut before, "GET", "/_sim/world", "", b"", NOW);
    let put = handle(&mut later, "POST", "/_sim/world", "", world.to_string().as_bytes(), NOW);
    assert_eq!(put, (200, json!({})));
    let list = || GOOD.request("ListServers", &json!({}));
    assert_eq!(send(&mut before, list()), send(&mut later, list()));
    assert_eq!(handle(&mut later, "POST", "/_sim/world", "", b"[]", NOW).0, 400);
    assert_eq!(handle(&mut later, "GET", "/_sim/world", "", b"", NOW).1, world);
}

#[test]
fn an_answer_takes_its_latency_after_its_effect() {
    let mut service = service();
    service.config = service.config.with(&json!({"latency": {"p50": "30ms"}})).unwrap();
    let arrived = service.arrive(GOOD.request("CreateServer", &json!({})), NOW);
    assert_eq!(arrived.delay(), SignedDuration::ZERO);
    assert_eq!(service.carry_out(&arrived, NOW).delay, SignedDuration::from_millis(30));
}

#[test]
fn the_same_seed_and_calls_give_the_same_answers() {
    let run = || {
        let mut service = service();
        let (_, made) = send(&mut service, GOOD.request("CreateServer", &json!({})));
        let (_, shown) = send(&mut service, GOOD.request("DescribeServer", &made));
        let calls: Vec<Value> = service.calls.since(0).map(|c| json!(c)).collect();
        json!([made, shown, calls, service.world])
    };
    assert_eq!(run(), run());
}

#[test]
fn the_world_survives_being_written_down() {
    let mut before = service();
    for _ in 0..3 {
        send(
            &mut before,
            GOOD.request("CreateServer", &json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "v"}})),
        );
    }
    assert!(before.take_unsaved());
    let text = serde_json::to_string(&before.world).unwrap();
    assert!(!text.contains("PRIVATE"));
    let mut after = service();
    after.world = serde_json::from_str(&text).unwrap();
    let list = || GOOD.request("ListServers", &json!({}));
    assert_eq!(send(&mut before, list()), send(&mut after, list()));
    assert!(!after.take_unsaved(), "reading leaves nothing to write");
}
