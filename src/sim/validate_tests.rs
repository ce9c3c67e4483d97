#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;

use super::*;

fn message(operation: Operation, body: &Value) -> String {
    let error = check(operation, body).unwrap_err();
    assert_eq!(error.code, "ValidationException", "{body}");
    error.message.unwrap()
}

fn patterns(shape: &'static Shape, found: &mut Vec<&'static str>) {
    match shape {
        Shape::Text(text) if !text.pattern.is_empty() => found.push(text.pattern),
        Shape::Text(_) | Shape::Number { .. } | Shape::Time | Shape::Bytes { .. } => {}
        Shape::List { of, .. } => patterns(of, found),
        Shape::Struct(members) => members.iter().for_each(|m| patterns(m.shape, found)),
    }
}

#[test]
fn every_pattern_of_the_table_compiles() {
    let mut found = Vec::new();
    for operation in Operation::ALL {
        for member in constraints::members(*operation) {
            patterns(member.shape, &mut found);
        }
    }
    assert!(found.len() > 30, "the walk reaches nested shapes");
    for pattern in found {
        Regex::new(&translated(pattern)).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    }
}

/// That it is carried out too is the compiler's to say: `dispatch` has no wildcard.
#[test]
fn every_operation_is_in_the_table() {
    for operation in Operation::ALL {
        assert!(!constraints::members(*operation).is_empty(), "{operation}");
    }
}

#[test]
fn classes_are_ascii_and_patterns_match_the_whole_text() {
    let user = r"[\w][\w@.-]{2,99}";
    assert!(matches_whole(user, "ada.b-c@d_1"));
    assert!(!matches_whole(user, "adé"));
    assert!(!matches_whole(user, "ada\n"));
    assert!(!matches_whole(user, "-ada"));
    assert!(!matches_whole(user, "ada b"));
    assert!(matches_whole(r"S-1-[\d-]+", "S-1-5-21"));
    assert!(!matches_whole(r"S-1-[\d-]+", "S-1-५"));
    assert!(matches_whole(r"(|/.*)", ""));
    assert!(!matches_whole(r"(|/.*)", "/a\rb"));
    assert!(!matches_whole(r"[\p{Print}]*", "tab\there"));
}

#[test]
fn missing_and_null_required_members_are_named_in_model_order() {
    let text = message(Operation::CreateUser, &json!({"ServerId": null}));
    assert_eq!(
        text,
        "3 validation errors detected: \
         Value null at 'role' failed to satisfy constraint: Member must not be null; \
         Value null at 'serverId' failed to satisfy constraint: Member must not be null; \
         Value null at 'userName' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn nested_members_are_named_by_their_path() {
    let server = "s-01234567890abcdef";
    let text = message(Operation::CreateServer, &json!({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]}));
    assert!(text.contains("'tags.2.member.value'"), "{text}");
    let text =
        message(Operation::UpdateServer, &json!({"ServerId": server, "EndpointDetails": {"SecurityGroupIds": ["no"]}}));
    assert!(text.contains("'endpointDetails.securityGroupIds'"), "{text}");
    assert!(text.contains("Member must satisfy constraint: [Member must have length"));
    let text = message(Operation::CreateServer, &json!({"Protocols": ["SCP"], "Tags": []}));
    assert!(text.contains("enum value set: [SFTP, FTP, FTPS, AS2]"), "{text}");
    assert!(text.starts_with("2 validation errors detected"), "{text}");
}

#[test]
fn a_value_of_the_wrong_type_is_a_serialization_fault() {
    for body in [json!({"MaxResults": "5"}), json!({"MaxResults": 1.5}), json!([]), json!({"NextToken": 5})] {
        let error = check(Operation::ListServers, &body).unwrap_err();
        assert_eq!(error.code, "SerializationException", "{body}");
    }
}

#[test]
fn unknown_members_and_a_long_policy_pass_this_layer() {
    let body = json!({"ServerId": "s-01234567890abcdef", "UserName": "ada", "Policy": "x".repeat(3000), "New": 1});
    check(Operation::UpdateUser, &body).unwrap();
}

#[test]
fn secrets_are_found_at_any_depth_and_the_rest_is_logged() {
    let sent = json!({"As2Config": {"MessageSubject": "hunter2", "Compression": "ZLIB"}, "Url": "https://a"});
    let logged = redacted(Operation::CreateConnector, &sent);
    assert_eq!(logged, json!({"As2Config": {"MessageSubject": "REDACTED", "Compression": "ZLIB"}, "Url": "https://a"}));
}

#[test]
fn what_has_secrets_and_is_of_another_type_is_not_logged() {
    for wrong in [json!("hunter2"), json!(["hunter2"])] {
        let logged = redacted(Operation::CreateConnector, &json!({"As2Config": wrong, "Url": "https://a"}));
        assert_eq!(logged, json!({"As2Config": "REDACTED", "Url": "https://a"}));
    }
    let harmless = json!({"As2Config": null, "Tags": "none"});
    assert_eq!(redacted(Operation::CreateConnector, &harmless), harmless);
    assert_eq!(redacted(Operation::ImportCertificate, &json!(["hunter2"])), json!("REDACTED"));
}

#[test]
fn secrets_never_reach_the_log() {
    for (operation, member) in [
        (Operation::CreateServer, "HostKey"),
        (Operation::UpdateServer, "HostKey"),
        (Operation::ImportHostKey, "HostKeyBody"),
        (Operation::TestIdentityProvider, "UserPassword"),
        (Operation::ImportCertificate, "Certificate"),
        (Operation::ImportCertificate, "CertificateChain"),
        (Operation::ImportCertificate, "PrivateKey"),
        (Operation::UpdateWebAppCustomization, "LogoFile"),
    ] {
        let text = redacted(operation, &json!({member: "hunter2", "ServerId": "s"})).to_string();
        assert!(!text.contains("hunter2") && text.contains("REDACTED"), "{text}");
    }
}
