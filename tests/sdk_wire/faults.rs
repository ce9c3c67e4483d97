//! What becomes of errors: their code, their kind and how long to wait.

use super::*;

#[tokio::test]
async fn faults_are_told_by_code_wherever_aws_puts_it_and_whatever_the_status() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let body =
        r#"{"__type":"ResourceNotFoundException","Message":"Unknown server","Resource":"s-1","ResourceType":"Server"}"#;
    let plain = body.replace("ResourceNotFoundException", "com.amazonaws.transfer#ResourceNotFoundException");
    let lower = body.replace("\"Message\"", "\"message\"");
    let header = "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.transfer/";
    for reply in [
        http(400, body),
        http(404, body),
        http(500, body),
        http(400, plain),
        http(400, lower),
        http(400, body.replace("__type", "code")),
        http(400, body.replace("\"__type\":\"ResourceNotFoundException\",", "")).with("x-amzn-errortype", header),
    ] {
        // DeleteUser knows the error, ListSecurityPolicies' model does not: the fault is the same.
        let fault = fault_of(&wire, &door, delete_user(), reply.clone()).await;
        wire.reply(reply.clone());
        let unmodelled =
            door.read(None, Read::ListSecurityPolicies(ListSecurityPolicies { token: None })).await.unwrap_err();
        for fault in [fault, unmodelled] {
            assert_eq!(fault.kind, AwsErrorKind::NotFound, "{reply:?}");
            assert_eq!(fault.code, "ResourceNotFoundException", "{reply:?}");
            assert_eq!(fault.message, "Unknown server", "{reply:?}");
            assert_eq!(fault.resource_type, some("Server"), "{reply:?}");
            assert_eq!(fault.date, Some(at("2026-01-01T00:00:00Z")), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn each_class_of_error_arrives_as_its_kind() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (reply, kind) in [
        (error("ResourceExistsException", "User already exists"), AwsErrorKind::Exists),
        (error("ConflictException", "VPC Endpoint state is not yet available"), AwsErrorKind::Conflict),
        (error("ThrottlingException", ""), AwsErrorKind::Throttled),
        (error("AccessDeniedException", "no"), AwsErrorKind::Denied),
        (error("UnrecognizedClientException", "unknown key"), AwsErrorKind::Credentials),
        (error("ExpiredTokenException", "expired"), AwsErrorKind::Credentials),
        (
            error("InvalidSignatureException", "The request signature we calculated does not match"),
            AwsErrorKind::Credentials,
        ),
        (error("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"), AwsErrorKind::Skewed),
        (error("InvalidRequestException", "Invalid host key format"), AwsErrorKind::Rejected),
        (error("InvalidRequestException", "Cannot exceed quota for Servers: 50"), AwsErrorKind::Quota),
        (error("ValidationException", "1 validation error detected: …"), AwsErrorKind::Rejected),
        (http(500, r#"{"__type":"InternalServiceError","Message":"x"}"#), AwsErrorKind::Unavailable),
        (http(503, r#"{"__type":"ServiceUnavailableException"}"#), AwsErrorKind::Unavailable),
        (error("BrandNewException", "x"), AwsErrorKind::Unavailable),
        (http(503, "<html><body>Service Unavailable</body></html>"), AwsErrorKind::Unavailable),
        (http(502, ""), AwsErrorKind::Unavailable),
        (http(400, r#"{"__type":"ValidationExc"#), AwsErrorKind::Unavailable),
        (http(400, r#"{"__type":7,"Message":{}}"#), AwsErrorKind::Unavailable),
        (http(302, ""), AwsErrorKind::Unavailable),
        (Reply::Cut { body: r#"{"ServerId":"s-1"#.to_owned() }, AwsErrorKind::Lost),
        (ok(r#"{"ServerId":"s-1"#), AwsErrorKind::Lost),
        (ok("<html>"), AwsErrorKind::Lost),
        (ok(""), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":""}"#), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":null}"#), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":7}"#), AwsErrorKind::Lost),
        (Reply::Close, AwsErrorKind::Lost),
    ] {
        let fault = fault_of(&wire, &door, create_server(), reply.clone()).await;
        assert_eq!(fault.kind, kind, "{reply:?}: {fault}");
        assert_eq!(fault.operation, "CreateServer");
        assert_eq!(fault.date.is_none(), matches!(reply, Reply::Close), "{reply:?}");
    }
}

#[tokio::test]
async fn retry_after_is_read_from_the_body_of_known_and_unknown_errors() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (seconds, expected) in
        [("\"1\"", Some(1)), ("2", Some(2)), ("\"soon\"", None), ("99999", Some(300)), ("-3", None)]
    {
        let body = format!(r#"{{"__type":"ThrottlingException","RetryAfterSeconds":{seconds}}}"#);
        for call in [create_server(), delete_user()] {
            let operation = call.operation();
            let fault = fault_of(&wire, &door, call, http(400, &body)).await;
            assert_eq!(fault.kind, AwsErrorKind::Throttled, "{operation} {seconds}");
            assert_eq!(fault.retry_after, expected.map(Duration::from_secs), "{operation} {seconds}");
        }
    }
}
