//! The credentials of one identity, kept until shortly before they expire.
//!
//! Asks the provider and keeps the answer; whose credentials they are is `session`'s.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::sdk::error;
use super::{Fault, FaultKind};

/// New credentials are fetched this long before the old ones expire: longer than any call takes.
const REFRESH_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Credentials of one identity.
#[derive(Debug)]
pub struct CredentialCache {
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<Credentials>>,
}

impl CredentialCache {
    /// An empty cache before a provider.
    #[must_use]
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, kept: Mutex::default() }
    }

    /// Credentials that are still good for a call.
    ///
    /// # Errors
    /// A fault of kind Credentials where none can be had.
    pub async fn get(&self) -> Result<Credentials, Fault> {
        if let Some(kept) = self.kept().clone().filter(fresh) {
            return Ok(kept);
        }
        let new = self.provider.provide_credentials().await.map_err(|failure| {
            let message = error::chain(&failure);
            error::plain("AssumeRole", FaultKind::Credentials, "NoCredentials", message, None)
        })?;
        *self.kept() = Some(new.clone());
        Ok(new)
    }

    /// AWS refused these: the next call asks for new ones.
    pub fn refused(&self, credentials: &Credentials) {
        let mut kept = self.kept();
        if kept.as_ref().is_some_and(|kept| kept.access_key_id() == credentials.access_key_id()) {
            *kept = None;
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Credentials>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An expiry is a time of the world, so it is held against the pod's clock; AWS has the last word (`refused`).
#[allow(clippy::disallowed_methods, reason = "part of the door: no decision of a pass rests on it")]
fn fresh(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + REFRESH_BEFORE)
}
