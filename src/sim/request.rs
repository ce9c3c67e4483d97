//! What a request is for, read off its headers and body before anything is believed.

use http::Request;
use serde_json::{Value, json};

use super::foreign::Foreign;
use super::{ec2, sts};

/// Which service and operation a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// AWS Transfer, and the name of the operation.
    Transfer(String),
    /// AWS STS, and the name of the action.
    Sts(String),
    /// EC2, and one of the operations that are there.
    Ec2(String),
    /// A service or an operation of EC2 that is not there.
    Foreign(Foreign),
    /// None of these.
    Unknown,
}

impl Target {
    /// The operation's name, as it was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Transfer(name) | Self::Sts(name) | Self::Ec2(name) => name,
            Self::Foreign(foreign) => &foreign.name,
            Self::Unknown => "",
        }
    }

    /// The service that a signature has to be scoped to.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        match self {
            Self::Sts(_) => "sts",
            Self::Ec2(_) => "ec2",
            Self::Transfer(_) | Self::Foreign(_) | Self::Unknown => "transfer",
        }
    }
}

/// Reads it off the headers and the service of the signature's scope: all services have one address here, so that a
/// client of another one ends up here too. A query service names its action in the form.
#[must_use]
pub fn target(request: &Request<Vec<u8>>, scope: Option<&str>) -> Target {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    if let Some(name) = header("x-amz-target").and_then(|n| n.strip_prefix("TransferService.")) {
        return Target::Transfer(name.to_owned());
    }
    if let Some(service) = scope.filter(|s| !["transfer", "sts"].contains(s)) {
        let action = sts::form(request.body()).remove("Action").filter(|_| service == "ec2").unwrap_or_default();
        if ec2::OPERATIONS.contains(&action.as_str()) {
            return Target::Ec2(action);
        }
        return Target::Foreign(Foreign::of(service, request));
    }
    if header("x-amz-target").is_some() {
        return Target::Unknown;
    }
    let is_form = |t: &str| t.starts_with("application/x-www-form-urlencoded");
    if header("content-type").is_some_and(is_form) {
        let action = sts::form(request.body()).remove("Action");
        return Target::Sts(action.unwrap_or_default());
    }
    Target::Unknown
}

/// The input as JSON; a form becomes an object of texts. What is no JSON becomes null, which validation refuses.
#[must_use]
pub fn input(target: &Target, body: &[u8]) -> Value {
    match target {
        Target::Transfer(_) if body.is_empty() => json!({}),
        Target::Transfer(_) => serde_json::from_slice(body).unwrap_or(Value::Null),
        Target::Sts(_) | Target::Ec2(_) => json!(sts::form(body)),
        Target::Foreign(_) | Target::Unknown => Value::Null,
    }
}
