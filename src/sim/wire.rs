//! How answers look on the wire: bodies, headers and status numbers, in each of the styles that AWS may use.

use serde_json::{Map, Value, json};

use super::config::{Absent, Config, EmptyBody, ErrorType, MessageKey, StatusNumbers};
use super::error::ApiError;

/// The body of a successful answer.
#[must_use]
pub fn success(mut output: Value, config: &Config) -> Vec<u8> {
    if output.as_object().is_some_and(Map::is_empty) {
        return match config.empty_body {
            EmptyBody::Empty => Vec::new(),
            EmptyBody::Object => b"{}".to_vec(),
        };
    }
    if config.absent == Absent::Omitted {
        without_nulls(&mut output);
    }
    if config.unknown_members {
        with_unknown("", &mut output);
    }
    output.to_string().into_bytes()
}

/// The body of a refusal, and the headers that belong to it.
#[must_use]
pub fn failure(
    error: &ApiError,
    config: &Config,
    style: (ErrorType, MessageKey),
) -> (Vec<u8>, Vec<(&'static str, String)>) {
    let mut body = Map::new();
    let mut headers = Vec::new();
    let in_body = match style.0 {
        ErrorType::Body | ErrorType::Both => Some(error.code.clone()),
        ErrorType::Namespaced => Some(format!("com.amazonaws.transfer#{}", error.code)),
        ErrorType::Header => None,
    };
    if let Some(name) = in_body {
        body.insert("__type".to_owned(), json!(name));
    }
    if matches!(style.0, ErrorType::Header | ErrorType::Both) {
        let value = format!("{}:http://internal.amazon.com/coral/", error.code);
        headers.push(("x-amzn-errortype", value));
    }
    let lower = match style.1 {
        MessageKey::Mixed => in_front(&error.code),
        MessageKey::Capital => false,
        MessageKey::Lower => true,
    };
    if let Some(message) = &error.message {
        let key = if lower { "message" } else { "Message" };
        body.insert(key.to_owned(), json!(message));
    }
    if let Some((resource, kind)) = &error.resource {
        body.insert("Resource".to_owned(), json!(resource));
        body.insert("ResourceType".to_owned(), json!(kind));
    }
    if let Some(seconds) = &error.retry_after {
        body.insert("RetryAfterSeconds".to_owned(), json!(seconds));
        if config.status == StatusNumbers::Smithy {
            headers.push(("retry-after", seconds.clone()));
        }
    }
    (Value::Object(body).to_string().into_bytes(), headers)
}

/// The status number of an error code.
#[must_use]
pub fn status(code: &str, numbers: StatusNumbers) -> u16 {
    let own_fault = matches!(code, "InternalServiceError" | "ServiceUnavailableException" | "InternalFailure");
    match (numbers, code) {
        (_, "NotImplemented") => 501,
        (_, "InternalError") => 500,
        (_, "RequestLimitExceeded" | "Unavailable") => 503,
        (_, "AuthFailure") => 401,
        (StatusNumbers::Documented, _) if own_fault => 500,
        (StatusNumbers::Smithy, _) if own_fault => 503,
        (StatusNumbers::Smithy, "ConflictException" | "ResourceExistsException") => 409,
        (StatusNumbers::Smithy, "ResourceNotFoundException") => 404,
        (StatusNumbers::Smithy, "ThrottlingException") => 429,
        (StatusNumbers::Smithy, "AccessDeniedException")
        | (
            _,
            "UnauthorizedOperation"
            | "MissingAuthenticationToken"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken",
        ) => 403,
        _ => 400,
    }
}

/// Errors of the layers in front of the service.
fn in_front(code: &str) -> bool {
    matches!(
        code,
        "ValidationException"
            | "SerializationException"
            | "UnknownOperationException"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignatureException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "ExpiredTokenException"
    )
}

/// One object with the members of both; those of `more` win.
#[must_use]
pub fn joined(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

/// Drops every member that is null, at any depth.
pub fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, v| !v.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// A member that no client knows, in every object below this one and in itself. A union has exactly one member, so that
/// nobody could read one with two.
fn with_unknown(name: &str, value: &mut Value) {
    match value {
        Value::Object(members) => {
            let union = is_union(name, members);
            members.iter_mut().for_each(|(name, value)| with_unknown(name, value));
            if !union {
                members.insert("FutureMember".to_owned(), json!({"Nested": [1, "two"]}));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| with_unknown("", item)),
        _ => {}
    }
}

/// The unions of AWS's answers. Servers have structures of the same names as those of web apps, with other members.
fn is_union(name: &str, members: &Map<String, Value>) -> bool {
    match name {
        "EgressConfig" | "WebAppUnits" | "DescribedIdentityProviderDetails" | "DescribedEndpointDetails" => true,
        "IdentityProviderDetails" => members.contains_key("IdentityCenterConfig"),
        "EndpointDetails" => members.contains_key("Vpc"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn what_no_client_knows_is_in_every_object_but_a_union() {
        let mut answer =
            json!({"Connector": {"EgressConfig": {"VpcLattice": {"PortNumber": 22}}, "Tags": [{"Key": "a"}]}});
        with_unknown("", &mut answer);
        let connector = &answer["Connector"];
        assert!(answer["FutureMember"].is_object() && connector["FutureMember"].is_object());
        assert!(connector["Tags"][0]["FutureMember"].is_object());
        assert!(connector["EgressConfig"]["VpcLattice"]["FutureMember"].is_object());
        assert_eq!(connector["EgressConfig"].as_object().map(Map::len), Some(1));
        let center = json!({"IdentityCenterConfig": {"Role": "r"}});
        let mut answer = json!({"WebApp": {"DescribedIdentityProviderDetails": center, "WebAppUnits": {"Provisioned": 1},
            "DescribedEndpointDetails": {"Vpc": {"VpcId": "vpc-1"}}}});
        with_unknown("", &mut answer);
        let unions = ["DescribedIdentityProviderDetails", "WebAppUnits", "DescribedEndpointDetails"];
        assert_eq!(unions.map(|name| answer["WebApp"][name].as_object().map(Map::len)), [Some(1); 3]);
    }
}
