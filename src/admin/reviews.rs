//! Who may scrape: the API server says whose a token is (TokenReview) and whether that account may `get` /metrics
//! (SubjectAccessReview). Without its word nobody is let in. No token is kept or logged.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{PostParams, Request};
use kube::client::Body;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// The path that a reader needs the right to `get`.
pub const PATH: &str = "/metrics";
/// For how long an account that was let in is let in without a question: as long as API servers themselves believe an
/// answer about a token.
const BELIEVED: Duration = Duration::from_mins(1);
/// How many are remembered; who comes beyond them is asked about each time.
const REMEMBERED: usize = 64;
/// How long the API server may take for both answers: Prometheus waits ten seconds for a scrape.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why somebody gets no metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no token, or it is nobody's.
    Unknown,
    /// The account may not.
    Forbidden(String),
    /// Nobody knows.
    Unanswered,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bearer = [(WWW_AUTHENTICATE, "Bearer")];
        match self {
            Self::Unknown => (StatusCode::UNAUTHORIZED, bearer, "a valid bearer token is needed\n").into_response(),
            Self::Forbidden(user) => (StatusCode::FORBIDDEN, format!("{user} may not get {PATH}\n")).into_response(),
            Self::Unanswered => {
                (StatusCode::SERVICE_UNAVAILABLE, "the API server does not say who may\n").into_response()
            }
        }
    }
}

/// Asks the API server, and remembers for a moment whom it let in.
pub struct Reviews {
    client: Client,
    /// Until when, by the digest of the token.
    let_in: Mutex<BTreeMap<[u8; 32], Instant>>,
}

impl Reviews {
    /// Asks with this client's rights.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, let_in: Mutex::default() }
    }

    /// Whether a request with these headers may be answered.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unknown)?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        if self.lock().get(&digest).is_some_and(|until| Instant::now() < *until) {
            return Ok(());
        }
        let asked = tokio::time::timeout(PATIENCE, self.ask(token)).await;
        asked.unwrap_or_else(|_| {
            tracing::warn!("the API server does not say in time who may scrape");
            Err(Refusal::Unanswered)
        })?;
        self.remember(digest);
        Ok(())
    }

    async fn ask(&self, token: &str) -> Result<(), Refusal> {
        let user = self.user(token).await?.ok_or(Refusal::Unknown)?;
        let name = user.username.clone().unwrap_or_default();
        if self.may(user).await? {
            return Ok(());
        }
        tracing::debug!(user = name, "may not get {PATH}");
        Err(Refusal::Forbidden(name))
    }

    /// Whose token it is, if anybody's.
    async fn user(&self, token: &str) -> Result<Option<UserInfo>, Refusal> {
        let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let status = self.review(&review).await?.status.unwrap_or_default();
        Ok(status.user.filter(|_| status.authenticated == Some(true)))
    }

    async fn may(&self, user: UserInfo) -> Result<bool, Refusal> {
        let UserInfo { username, uid, groups, extra } = user;
        let what = NonResourceAttributes { path: Some(PATH.to_owned()), verb: Some("get".to_owned()) };
        let spec = SubjectAccessReviewSpec {
            user: username,
            uid,
            groups,
            extra,
            non_resource_attributes: Some(what),
            resource_attributes: None,
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        Ok(self.review(&review).await?.status.is_some_and(|status| status.allowed))
    }

    /// The review with its answer.
    async fn review<K>(&self, review: &K) -> Result<K, Refusal>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        self.send(review).await.map_err(|error| {
            tracing::warn!(resource = %K::plural(&()), error, "the API server does not say who may scrape");
            Refusal::Unanswered
        })
    }

    /// What an answer that is no review says is told nobody: it may repeat the token. kube would log it, so the request is
    /// not one of its typed ones.
    async fn send<K>(&self, review: &K) -> Result<K, String>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let body = serde_json::to_vec(review).map_err(|error| error.to_string())?;
        let request = Request::new(K::url_path(&(), None)).create(&PostParams::default(), body);
        let request = request.map_err(|error| error.to_string())?.map(Body::from);
        let response = self.client.send(request).await.map_err(|error| error.to_string())?;
        let code = response.status();
        if !code.is_success() {
            return Err(code.to_string());
        }
        let body = response.into_body().collect_bytes().await.map_err(|error| error.to_string())?;
        serde_json::from_slice(&body).map_err(|_| "its answer is unreadable".to_owned())
    }

    fn remember(&self, digest: [u8; 32]) {
        let (mut let_in, now) = (self.lock(), Instant::now());
        let_in.retain(|_, until| now < *until);
        if let_in.len() < REMEMBERED {
            let_in.insert(digest, now + BELIEVED);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Instant>> {
        self.let_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

#[cfg(test)]
#[path = "reviews_tests.rs"]
mod tests;
