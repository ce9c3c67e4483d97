//! How calls are sent: once, signed with their own time and by whom, and told without secrets.

use super::mutations::mutations;
use super::*;

#[tokio::test]
async fn a_create_is_sent_once_on_fresh_and_on_used_connections() {
    let wire = Wire::start();
    for reply in [
        http(500, r#"{"__type":"InternalServiceError"}"#),
        http(503, r#"{"__type":"ServiceUnavailableException"}"#),
        error("ThrottlingException", "").with("retry-after", "0").with("x-amz-retry-after", "0"),
        error("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"),
        error("RequestTimeTooSkewed", "x"),
        Reply::Cut { body: r#"{"Serv"#.to_owned() },
        Reply::Close,
        ok(""),
    ] {
        for used in [false, true] {
            let door = door(&wire.url);
            if used {
                wire.reply(ok(json!({"Servers": []})));
                door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
            }
            wire.take();
            fault_of(&wire, &door, create_server(), reply.clone()).await;
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
        let compact = signed.replace(['-', ':'], "");
        wire.reply(skewed(error("RequestTimeTooSkewed", "x")));
        let fault = door.mutate(permit().await, at(signed), create_server()).await.unwrap_err();
        assert_eq!(fault.date, Some(at("2026-01-02T03:04:05Z")));
        wire.reply(skewed(ok(json!({"ServerId": "s-1"}))));
        let reply = door.mutate(permit().await, at(signed), create_server()).await.unwrap();
        assert_eq!(reply.date, Some(at("2026-01-02T03:04:05Z")));
        wire.reply(skewed(ok(json!({"Servers": []}))));
        door.read(Some(at(signed)), Read::ListServers(ListServers { token: None })).await.unwrap();
        let times: Vec<_> = wire.take().iter().map(|call| call.signed_at().to_owned()).collect();
        assert_eq!(times, [compact.as_str(); 3]);
    }
    // Where AWS's clock is not known yet, the local one signs, and no learnt skew moves it.
    wire.reply(skewed(ok(json!({"Servers": []}))));
    let before = Timestamp::from_second(Timestamp::try_from(local_time()).unwrap().as_second()).unwrap();
    door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
    let signed: String = wire.take()[0].signed_at().to_owned();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &signed).unwrap();
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    assert!(before <= signed && signed <= Timestamp::try_from(local_time()).unwrap(), "{signed}");
}

#[tokio::test]
async fn a_date_without_a_request_id_is_not_awss() {
    let wire = Wire::start();
    let door = door(&wire.url);
    wire.reply(http(503, "<html>busy</html>").not_of_aws());
    let fault = door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap_err();
    assert_eq!(fault.date, None);
    wire.reply(ok(json!({"Servers": []})).not_of_aws());
    assert_eq!(door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap().date, None);
    wire.reply(error("InternalServiceError", "x"));
    assert!(
        door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap_err().date.is_some(),
        "an error of AWS's own"
    );
}

#[allow(clippy::disallowed_methods, reason = "the test compares with the local clock")]
fn local_time() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

#[tokio::test]
async fn forty_calls_at_once_keep_their_own_times() {
    let wire = Wire::start();
    let door = Arc::new(door(&wire.url));
    let start = noon();
    for _ in 0..40 {
        wire.reply(ok(json!({"ServerId": "s-1", "UserName": "x"})));
    }
    let calls = (0..40).map(|number| {
        let door = door.clone();
        let at = start + Duration::from_secs(number * 60);
        let call = Mutation::UpdateUser(UpdateUser {
            server_id: s(),
            user_name: format!("user{number}"),
            settings: Box::default(),
        });
        async move { door.mutate(permit().await, at, call).await.unwrap() }
    });
    futures::future::join_all(calls).await;
    let calls = wire.calls();
    assert_eq!(calls.len(), 40);
    for call in calls {
        let user = call.json()["UserName"].as_str().unwrap().to_owned();
        let number: u64 = user.strip_prefix("user").unwrap().parse().unwrap();
        let at = start + Duration::from_secs(number * 60);
        assert_eq!(call.signed_at(), at.strftime("%Y%m%dT%H%M%SZ").to_string(), "{user}");
    }
}

#[tokio::test]
async fn refused_credentials_are_replaced_for_the_next_call_and_others_are_kept() {
    let wire = Wire::start();
    let door = door(&wire.url);
    fault_of(&wire, &door, delete_user(), error("AccessDeniedException", "no")).await;
    fault_of(&wire, &door, delete_user(), error("ExpiredTokenException", "expired")).await;
    fault_of(&wire, &door, delete_user(), error("AccessDeniedException", "no")).await;
    let keys: Vec<_> = wire.calls().iter().map(|call| call.signed_with().to_owned()).collect();
    assert_eq!(keys, ["KEY1", "KEY1", "KEY2"]);
}

#[tokio::test]
async fn silence_ends_in_a_lost_call_that_was_sent_once() {
    let wire = Wire::start();
    let door = door(&wire.url);
    wire.reply(ok(json!({"Servers": []})));
    door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
    wire.take();
    // The used connection goes back to the pool, so that nothing has to connect while time stands still.
    tokio::time::sleep(Duration::from_millis(200)).await;
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let fault = fault_of(&wire, &door, create_server(), Reply::Silence).await;
    assert_eq!((fault.kind, fault.code.as_str(), fault.date), (AwsErrorKind::Lost, "Timeout", None));
    assert!(before.elapsed() >= http_door::MUTATION_TIMEOUT);
    assert_eq!(wire.arrived().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_not_taken_for_proof_that_nothing_was_sent() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let door = door(&format!("http://{closed}"));
    let fault = door.mutate(permit().await, noon(), create_server()).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Lost, "NoAnswer"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_rejected_and_proves_that_nothing_was_made() {
    let config = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_door::http_client())
        .region(aws_sdk_transfer::config::Region::new("eu-central-1"))
        .endpoint_url("http://127.0.0.1:9")
        .use_fips(true);
    let door = SdkApi::new(config, ec2("http://127.0.0.1:9"), CredentialCache::new(Numbered::default()));
    let fault = door.mutate(permit().await, noon(), create_server()).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Rejected, "NotSent"));
    assert!(fault.message.contains("FIPS"), "{fault}");
}

#[tokio::test]
async fn no_secret_is_in_any_text_of_ours() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, _, _) in mutations() {
        assert!(!format!("{call:?}").contains("PRIVATE"), "{call:?}");
        let fault = fault_of(&wire, &door, call, error("ValidationException", "x")).await;
        assert!(!format!("{fault:?}{fault}").contains("PRIVATE"));
    }
}
