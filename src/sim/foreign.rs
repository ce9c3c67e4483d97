//! Requests that are signed for another service than the simulated ones, or ask EC2 for what is not there: each is refused in the form of its own
//! service, so that its client can read why. What is in them is neither looked at nor kept.

use http::Request;
use serde_json::json;

use super::error::ApiError;
use super::{ec2, sts};

/// A request for a service that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The service, and what was asked of it: `ec2:DescribeVpcs`.
    pub name: String,
    form: Form,
}

/// In which form a service says no.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// JSON; the code stands in a header as well, where REST services have it.
    Json,
    /// The XML of query services, with the namespace of this one.
    Query(String),
    /// The XML of EC2.
    Ec2,
    /// The XML of S3.
    S3,
}

impl Foreign {
    /// Reads it off the scope of the signature and the request.
    #[must_use]
    pub fn of(service: &str, request: &Request<Vec<u8>>) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let target = header("x-amz-target").rsplit('.').next().unwrap_or_default();
        let fields = sts::form(request.body());
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let is_form = header("content-type").starts_with("application/x-www-form-urlencoded");
        let form = match service {
            "ec2" => Form::Ec2,
            "s3" => Form::S3,
            "route53" | "cloudfront" => Form::Query(namespace(service, "")),
            _ if is_form => Form::Query(namespace(service, field("Version"))),
            _ => Form::Json,
        };
        let asked = match &form {
            Form::Ec2 | Form::Query(_) if is_form => field("Action"),
            _ if !target.is_empty() => target,
            _ => request.method().as_str(),
        };
        Self { name: format!("{service}:{asked}"), form }
    }

    /// The refusal.
    #[must_use]
    pub fn refusal(&self) -> ApiError {
        let code = match self.form {
            Form::Json => "UnknownOperationException",
            Form::Query(_) | Form::Ec2 => "InvalidAction",
            Form::S3 => "NotImplemented",
        };
        ApiError::new(
            code,
            format!("transfer-sim simulates transfer, sts and four operations of ec2, not {}", self.name),
        )
    }

    /// Body and headers of a refusal, this one or one of the script.
    #[must_use]
    pub fn failure(&self, error: &ApiError, request_id: &str, status: u16) -> (Vec<u8>, Vec<(&'static str, String)>) {
        let (code, message) = (sts::escaped(&error.code), sts::escaped(error.message.as_deref().unwrap_or_default()));
        let told = format!("<Code>{code}</Code><Message>{message}</Message>");
        let text = match &self.form {
            Form::Json => {
                let body = json!({"__type": error.code, "message": error.message});
                return (body.to_string().into_bytes(), vec![("x-amzn-errortype", error.code.clone())]);
            }
            Form::Query(namespace) => sts::failure(namespace, error, request_id, status),
            Form::Ec2 => ec2::failure(error, request_id),
            Form::S3 => format!("<Error>{told}<RequestId>{request_id}</RequestId></Error>"),
        };
        (text.into_bytes(), Vec::new())
    }

    /// The content type of a refusal.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self.form {
            Form::Json => "application/x-amz-json-1.1",
            Form::Query(_) | Form::Ec2 | Form::S3 => "text/xml",
        }
    }
}

fn namespace(service: &str, version: &str) -> String {
    format!("https://{service}.amazonaws.com/doc/{version}/")
}
