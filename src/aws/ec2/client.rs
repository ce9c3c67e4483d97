//! A call to EC2 on its way: the form is signed, sent as [`Once`] says, and the answer read.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::Form;
use super::xml::{self, Element};
use crate::aws::AwsError;
use crate::aws::sdk::once::Once;

/// The version of the API, which every call names.
const VERSION: &str = "2016-11-15";

/// EC2 in one region, at one address.
#[derive(Clone, Debug)]
pub struct Ec2Client {
    http: SharedHttpClient,
    region: String,
    url: String,
}

impl Ec2Client {
    /// A client that calls this address.
    #[must_use]
    pub fn new(http: SharedHttpClient, region: &str, url: &str) -> Self {
        Self { http, region: region.to_owned(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Sends these members of a call. An answer without one of those that the call requires is none.
    pub(super) async fn send(&self, once: &Once, form: Form) -> Result<Element, AwsError> {
        let (url, region) = (format!("{}/", self.url), self.region.clone());
        let (credentials, at, operation) = (once.credentials().clone(), once.signing_time(), once.operation());
        let call = Operation::builder()
            .service_name("EC2")
            .operation_name(operation)
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .endpoint_url(&self.url)
            // The orchestrator knows no signatures of AWS: the request comes to it with its own.
            .no_auth()
            .no_retry()
            .timeout_config(once.timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(once.listener_of_any())
            .serializer(move |form| signed(&url, &region, &credentials, at, &body(operation, &form)?))
            .deserializer(answer)
            .build();
        let answer = once.outcome(call.invoke(form).await)?;
        let missing = once.required().iter().find(|member| answer.child(member).is_none());
        missing.map_or(Ok(answer), |member| Err(once.incomplete(member)))
    }
}

/// The members of a call as they are sent. A call without any would be about all that the account has.
fn body(operation: &str, form: &Form) -> Result<String, BoxError> {
    if form.is_empty() {
        return Err("the call names nothing that it is about".into());
    }
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("Action", operation).append_pair("Version", VERSION).extend_pairs(form);
    Ok(body.finish())
}

/// The request, signed for EC2 with `at`. To what it is sent the client adds: the signature holds for `url` alone.
fn signed(
    url: &str,
    region: &str,
    credentials: &Credentials,
    at: SystemTime,
    body: &str,
) -> Result<HttpRequest, BoxError> {
    let to: http::Uri = url.parse()?;
    // The signature needs a host, and panics without one.
    to.host().ok_or_else(|| format!("{url} is no address of EC2: it names no host"))?;
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let identity = Identity::from(credentials.clone());
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ec2")
        .time(at)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (signature, _) = sign(signable, &params)?.into_parts();
    let mut request = http::Request::post("/").header("user-agent", USER_AGENT);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(SdkBody::from(body))?;
    signature.apply_to_request_http1x(&mut request);
    Ok(request.try_into()?)
}

/// What CloudTrail shows as the caller's program.
const USER_AGENT: &str = concat!("transfer-operator/", env!("CARGO_PKG_VERSION"));

/// The document that came, or EC2's error in it.
fn answer(response: &HttpResponse) -> Result<Element, OrchestratorError<ErrorMetadata>> {
    let document = xml::read(response.body().bytes().unwrap_or_default()).map_err(OrchestratorError::other)?;
    if response.status().is_success() {
        return Ok(document);
    }
    Err(error(&document).map_or_else(|| OrchestratorError::other("no error of EC2"), OrchestratorError::operation))
}

/// EC2 wraps its errors in a list; what stands before it answers as other query services do.
fn error(document: &Element) -> Option<ErrorMetadata> {
    let error = document.child("Errors").unwrap_or(document).child("Error")?;
    let message = error.text("Message").unwrap_or_default();
    Some(ErrorMetadata::builder().code(error.text("Code")?).message(readable(&message)).build())
}

/// A refusal of rights ends with kilobytes that only AWS can decode. They change with every call, and a status that
/// held them would be written every time.
fn readable(message: &str) -> &str {
    message.split("Encoded authorization failure message:").next().unwrap_or_default().trim_end()
}

/// EC2's own address in a region.
///
/// As the rules of its SDKs have it: a region that nobody knows is one of the commercial partition, and in GovCloud the
/// usual address is the FIPS one.
#[must_use]
pub fn address(region: &str, fips: bool, dual_stack: bool) -> String {
    let (_, domain, dual_domain) =
        PARTITIONS.into_iter().find(|(prefix, ..)| region.starts_with(prefix)).unwrap_or(COMMERCIAL);
    let usual = !fips || (region.starts_with("us-gov-") && !dual_stack);
    let service = if usual { "ec2" } else { "ec2-fips" };
    let domain = if dual_stack { dual_domain } else { domain };
    format!("https://{service}.{region}.{domain}")
}

const COMMERCIAL: (&str, &str, &str) = ("", "amazonaws.com", "api.aws");

/// How the regions of a partition begin, and where its services and its dual-stack services stand.
const PARTITIONS: [(&str, &str, &str); 6] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_and_variant_has_its_address() {
        for (region, fips, dual_stack, host) in [
            ("eu-central-1", false, false, "ec2.eu-central-1.amazonaws.com"),
            ("us-east-1", true, false, "ec2-fips.us-east-1.amazonaws.com"),
            ("eu-west-1", false, true, "ec2.eu-west-1.api.aws"),
            ("us-west-2", true, true, "ec2-fips.us-west-2.api.aws"),
            ("us-gov-west-1", false, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", false, true, "ec2.us-gov-west-1.api.aws"),
            ("us-gov-west-1", true, true, "ec2-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", false, false, "ec2.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", true, false, "ec2-fips.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "ec2.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", false, false, "ec2.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", false, false, "ec2.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", false, false, "ec2.us-isob-east-1.sc2s.sgov.gov"),
            ("us-isof-south-1", false, false, "ec2.us-isof-south-1.csp.hci.ic.gov"),
            ("eu-isoe-west-1", false, false, "ec2.eu-isoe-west-1.cloud.adc-e.uk"),
            ("moon-base-1", false, false, "ec2.moon-base-1.amazonaws.com"),
        ] {
            assert_eq!(address(region, fips, dual_stack), format!("https://{host}"), "{region} {fips} {dual_stack}");
        }
    }
}
