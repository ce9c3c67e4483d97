//! The two calls to STS: who are we, and become that role.
//!
//! Sent like every other call: once, through the rate limiter, on AWS's clock, with our timeouts. That is why
//! `aws-config`'s own provider for roles is not used: it has none of these and hides AWS's error code.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::types::Tag;
use jiff::Timestamp;
use tokio::time::Instant;

use super::credentials::{CredentialCache, Issue, Issued};
use super::http::READ_TIMEOUT;
use super::sdk::once::{Once, single_attempt};
use super::{AwsClock, AwsError, AwsErrorKind, CallClass, Priority, Rank, RateLimiter};
use crate::api::identity::AssumeRole;

/// The name under which our sessions stand in CloudTrail.
const SESSION_NAME: &str = "transfer-operator";

/// Who AWS says the credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the user or assumed role.
    pub arn: String,
}

/// STS as one identity reaches it in one region.
#[derive(Clone, Debug)]
pub(super) struct Sts {
    pub client: Client,
    pub account: String,
    pub region: String,
    pub clock: Arc<AwsClock>,
    pub limiter: Arc<RateLimiter>,
}

impl Sts {
    /// GetCallerIdentity.
    pub async fn caller(&self, credentials: &CredentialCache) -> Result<CallerIdentity, AwsError> {
        let once = self.once("GetCallerIdentity", credentials).await?;
        let sent = Instant::now();
        let outcome = single_attempt!(&once, aws_sdk_sts, self.client.get_caller_identity());
        let answer = self.ended(&once, credentials, sent, outcome)?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(CallerIdentity { account, arn }),
            _ => Err(once.incomplete("Account or Arn")),
        }
    }

    async fn assume_role(&self, role: &Role) -> Result<Issued, AwsError> {
        let Role { sts: _, own, to, tags } = role;
        // Whether there are tags is `tags`: empty without the switch.
        let AssumeRole { role_arn, external_id, session_duration_seconds, session_tags: _ } = to;
        let once = self.once("AssumeRole", own).await?;
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(value).build());
        let tags: Vec<Tag> = once.built(tags.collect())?;
        let call = self
            .client
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(SESSION_NAME)
            .set_external_id(external_id.clone())
            .duration_seconds(*session_duration_seconds)
            .set_tags(Some(tags).filter(|tags| !tags.is_empty()));
        let sent = Instant::now();
        let outcome = single_attempt!(&once, aws_sdk_sts, call);
        let answer = self.ended(&once, own, sent, outcome)?;
        issued(answer, once.date()).ok_or_else(|| once.incomplete("Credentials"))
    }

    async fn once(&self, operation: &'static str, credentials: &CredentialCache) -> Result<Once, AwsError> {
        let credentials = credentials.get().await?;
        let _spent =
            self.limiter.acquire(&self.account, &self.region, CallClass::Sts, Rank::of(Priority::Change)).await;
        Ok(Once::new(operation, &[], self.clock.now(), READ_TIMEOUT, &credentials))
    }

    fn ended<T>(
        &self,
        once: &Once,
        used: &CredentialCache,
        sent: Instant,
        outcome: Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        self.clock.observe(once.date());
        self.limiter.counters.sts(once.operation(), &outcome, sent.elapsed());
        outcome.inspect_err(|fault| match fault.kind {
            AwsErrorKind::Credentials => used.refused(once.credentials()),
            AwsErrorKind::Throttled => {
                self.limiter.throttled(&self.account, &self.region, CallClass::Sts, fault.retry_after);
            }
            _ => {}
        })
    }
}

/// Both times are AWS's, so the lifetime is right whatever clock the pod has. The SDK reads an answer that ends in its midst
/// as a whole one and makes up what is missing, an empty text or the beginning of time: that is no session.
fn issued(answer: AssumeRoleOutput, date: Option<Timestamp>) -> Option<Issued> {
    let theirs = answer.credentials?;
    // The SDK panics where it cannot put one of them into a header.
    let there =
        |text: String| Some(text).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    let (key, secret) = (there(theirs.access_key_id)?, there(theirs.secret_access_key)?);
    let token = there(theirs.session_token)?;
    let expires = Some(theirs.expiration.secs()).filter(|seconds| *seconds > 0)?;
    let lifetime = date.map(|date| expires.saturating_sub(date.as_second()));
    let lifetime = lifetime.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    let credentials = Credentials::new(key, secret, Some(token), None, "AssumeRole");
    Some(Issued { credentials, lifetime })
}

/// A role that is assumed with the operator's own credentials.
#[derive(Debug)]
pub(super) struct Role {
    pub sts: Sts,
    pub own: Arc<CredentialCache>,
    pub to: AssumeRole,
    /// Tags of each session.
    pub tags: SessionTags,
}

/// Key and value of the tags of a session.
pub(super) type SessionTags = Vec<(&'static str, String)>;

#[async_trait]
impl Issue for Role {
    async fn issue(&self) -> Result<Issued, AwsError> {
        self.sts.assume_role(self).await
    }
}
