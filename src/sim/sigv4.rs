//! Signature version 4, verified for real: what was signed, by whom, when, and for which region and service.
//! Knows no accounts: whose secret it is, is looked up by the caller.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::time::{after, basic};

/// What a request says of its own signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The access key.
    pub access_key: String,
    /// The time under which it was signed.
    pub signed_at: Timestamp,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
    /// The session token, for temporary credentials.
    pub token: Option<String>,
    day: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Why a request is not let in. The codes differ between JSON and query services, the texts do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No signature at all.
    Missing,
    /// A signature that cannot be read.
    Incomplete(String),
    /// No such access key, or not with this token.
    UnknownKey,
    /// Temporary credentials that have run out.
    Expired,
    /// A signature that can be read and is wrong.
    Wrong(String),
}

impl Refusal {
    /// As AWS says it: query services and JSON services have different codes for the same thing.
    #[must_use]
    pub fn error(self, query: bool) -> ApiError {
        let code = |json: &'static str, xml: &'static str| if query { xml } else { json };
        match self {
            Self::Missing => ApiError::new(
                code("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
                "Request is missing Authentication Token",
            ),
            Self::Incomplete(text) => ApiError::new(code("IncompleteSignatureException", "IncompleteSignature"), text),
            Self::UnknownKey => ApiError::new(
                code("UnrecognizedClientException", "InvalidClientTokenId"),
                "The security token included in the request is invalid.",
            ),
            Self::Expired => ApiError::new(
                code("ExpiredTokenException", "ExpiredToken"),
                "The security token included in the request is expired",
            ),
            Self::Wrong(text) => ApiError::new(code("InvalidSignatureException", "SignatureDoesNotMatch"), text),
        }
    }
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Reads the signature of a request.
///
/// # Errors
/// `Missing` or `Incomplete`.
pub fn claim(request: &Request<Vec<u8>>) -> Result<Claim, Refusal> {
    let authorization = header(request, "authorization").ok_or(Refusal::Missing)?;
    let incomplete = |what: &str| Refusal::Incomplete(format!("Authorization header requires {what}"));
    let rest = authorization.strip_prefix(ALGORITHM).ok_or_else(|| incomplete("algorithm AWS4-HMAC-SHA256"))?;
    let part = |name: &str| {
        rest.split(',')
            .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| incomplete(&format!("'{name}' parameter")))
    };
    let scope: Vec<&str> = part("Credential")?.split('/').collect();
    let [access_key, day, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete("a credential of five parts"));
    };
    let date = header(request, "x-amz-date").ok_or_else(|| incomplete("'X-Amz-Date' header"))?;
    let signed_at = Timestamp::strptime("%Y%m%dT%H%M%S%z", date.replace('Z', "+0000"))
        .map_err(|_| incomplete("'X-Amz-Date' in ISO8601 basic form"))?;
    Ok(Claim {
        access_key: (*access_key).to_owned(),
        signed_at,
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        token: header(request, "x-amz-security-token"),
        day: (*day).to_owned(),
        signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: part("Signature")?.to_owned(),
    })
}

/// Checks time, scope and signature of a request against the secret that belongs to its key.
///
/// # Errors
/// `Wrong`, with the reason that AWS would give.
pub fn verify(
    request: &Request<Vec<u8>>,
    claim: &Claim,
    secret: &str,
    service: &str,
    now: Timestamp,
    tolerance: SignedDuration,
) -> Result<(), Refusal> {
    check_time(claim.signed_at, now, tolerance)?;
    if claim.service != service {
        return Err(Refusal::Wrong(format!("Credential should be scoped to correct service: '{service}'.")));
    }
    let day: String = basic(claim.signed_at).chars().take(8).collect();
    if claim.day != day {
        return Err(Refusal::Wrong(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{day}'.",
            claim.day
        )));
    }
    let key = generate_signing_key(secret, claim.signed_at.into(), &claim.region, service);
    let ours = calculate_signature(key, string_to_sign(request, claim)?.as_bytes());
    if ours == claim.signature {
        return Ok(());
    }
    Err(Refusal::Wrong(
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
            .to_owned(),
    ))
}

/// Checks the time of a signature alone.
///
/// # Errors
/// `Wrong`, with the text that AWS gives.
pub fn check_time(signed: Timestamp, now: Timestamp, tolerance: SignedDuration) -> Result<(), Refusal> {
    let (signed_text, now_text) = (basic(signed), basic(now));
    let bound = |d| basic(after(now, d));
    if after(signed, tolerance) < now {
        return Err(Refusal::Wrong(format!(
            "Signature expired: {signed_text} is now earlier than {} ({now_text} - {tolerance:#}.)",
            bound(-tolerance)
        )));
    }
    if after(now, tolerance) < signed {
        return Err(Refusal::Wrong(format!(
            "Signature not yet current: {signed_text} is still later than {} ({now_text} + {tolerance:#}.)",
            bound(tolerance)
        )));
    }
    Ok(())
}

fn string_to_sign(request: &Request<Vec<u8>>, claim: &Claim) -> Result<String, Refusal> {
    let canonical = canonical_request(request, &claim.signed_headers)?;
    Ok(format!(
        "{ALGORITHM}\n{}\n{}/{}/{}/aws4_request\n{}",
        basic(claim.signed_at),
        claim.day,
        claim.region,
        claim.service,
        sha256(canonical.as_bytes())
    ))
}

/// Only `POST /` without a query is served, so path and query need no encoding.
fn canonical_request(request: &Request<Vec<u8>>, signed: &[String]) -> Result<String, Refusal> {
    for needed in ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
        if request.headers().contains_key(needed) && !signed.iter().any(|s| s == needed) {
            return Err(Refusal::Wrong(format!("'{needed}' must be a 'SignedHeader' in the AWS Authorization.")));
        }
    }
    let hash = sha256(request.body());
    if let Some(stated) = header(request, "x-amz-content-sha256")
        && stated != hash
    {
        return Err(Refusal::Wrong(
            "The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned(),
        ));
    }
    let mut text =
        format!("{}\n{}\n{}\n", request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    for name in signed {
        let value = header(request, name).unwrap_or_default();
        let squeezed: Vec<&str> = value.split(' ').filter(|w| !w.is_empty()).collect();
        text.extend([name, ":", &squeezed.join(" "), "\n"]);
    }
    text.extend(["\n", &signed.join(";"), "\n", &hash]);
    Ok(text)
}

/// All values of a header, as one.
fn header(request: &Request<Vec<u8>>, name: &str) -> Option<String> {
    let values: Vec<&str> =
        request.headers().get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::trim).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
