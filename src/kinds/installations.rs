//! Which installation of the operator this is, and what of an identity is whose. An identity belongs to the whole
//! cluster; an installation that watches only some namespaces knows only what is used there.
//!
//! Whoever watches all namespaces holds an identity with the plain finalizer and speaks for all in its status. One that
//! is limited holds it with a finalizer of its own and has an entry of its own; where nobody watches everything, the
//! entry that saw the newest generation, of several the first by name, is said for all, so that tools that wait end.

use std::cmp::Reverse;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use crate::api::condition::{self, types};
use crate::api::identity::IdentityInstallation;
use crate::api::{AwsIdentityStatus, FINALIZER, IN_USE};
use crate::cluster::MANAGER;
use crate::engine::digest;

/// Name of every installation that watches all namespaces: there may be several, by labels, and they say the same.
const ALL: &str = "all-namespaces";

/// Which installation this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// What tells it from others.
    name: String,
    /// The namespaces that it watches; none means all.
    namespaces: Vec<String>,
    /// By which it holds an identity.
    pub finalizer: String,
    /// Field manager of what it applies to an identity.
    pub manager: String,
    /// Whether it may write to an identity at all.
    pub writes: bool,
}

impl Installation {
    /// That which watches these namespaces, none means all. Where it is limited, `name` tells it from others, and must
    /// be the same after a restart.
    #[must_use]
    pub fn new(name: &str, namespaces: &[String]) -> Self {
        let mut namespaces = namespaces.to_vec();
        namespaces.sort();
        namespaces.dedup();
        if namespaces.is_empty() {
            return Self {
                name: ALL.to_owned(),
                namespaces,
                finalizer: FINALIZER.to_owned(),
                manager: MANAGER.to_owned(),
                writes: true,
            };
        }
        let hash = digest::hash(name);
        Self {
            name: name.to_owned(),
            namespaces,
            finalizer: format!("{IN_USE}{hash}"),
            manager: format!("{MANAGER}-{hash}"),
            writes: true,
        }
    }

    /// The same, which may write to identities, or only read them.
    #[must_use]
    pub fn writing(self, writes: bool) -> Self {
        Self { writes, ..self }
    }

    /// Whether a plain finalizer on an identity may be this installation's own, of a version that had no other: it is
    /// limited, and nobody who watches everything has said anything.
    #[must_use]
    pub(crate) fn inherits(&self, status: Option<&AwsIdentityStatus>) -> bool {
        let entries = status.map(|status| status.installations.as_slice()).unwrap_or_default();
        self.limited() && entries.iter().all(|entry| !entry.namespaces.is_empty())
    }

    /// What this installation said last: the generation that it saw and its conditions.
    #[must_use]
    pub fn said(&self, status: &AwsIdentityStatus) -> (i64, Vec<Condition>) {
        match status.installations.iter().find(|entry| entry.name == self.name) {
            Some(entry) if self.limited() => (entry.observed_generation.unwrap_or_default(), entry.conditions.clone()),
            // As a former version of it said it. Orphans may be those of another.
            None if self.limited() => (status.observed_generation, without_orphans(&status.conditions)),
            _ => (status.observed_generation, status.conditions.clone()),
        }
    }

    /// The status after this installation came to `said`, which is a status as if it were alone.
    #[must_use]
    pub fn say(&self, old: &AwsIdentityStatus, said: AwsIdentityStatus) -> AwsIdentityStatus {
        let limited = self.limited();
        let entry = IdentityInstallation {
            name: self.name.clone(),
            namespaces: self.namespaces.clone(),
            finalizer: self.finalizer.clone(),
            observed_generation: limited.then_some(said.observed_generation),
            conditions: if limited { said.conditions.clone() } else { Vec::new() },
        };
        // The order that the API server keeps.
        let mut installations = old.installations.clone();
        match installations.iter_mut().find(|entry| entry.name == self.name) {
            Some(mine) => *mine = entry,
            None => installations.push(entry),
        }
        if self.speaks(&installations) {
            let conditions = if limited { without_orphans(&said.conditions) } else { said.conditions.clone() };
            AwsIdentityStatus { conditions, installations, ..said }
        } else {
            AwsIdentityStatus { installations, ..old.clone() }
        }
    }

    /// What of this status the installation itself applies: its entry, and the rest where it speaks for all.
    ///
    /// # Errors
    /// Where it has no form in JSON.
    pub fn part(&self, status: &AwsIdentityStatus) -> serde_json::Result<Value> {
        let mine: Vec<_> = status.installations.iter().filter(|entry| entry.name == self.name).cloned().collect();
        if self.speaks(&status.installations) {
            return serde_json::to_value(AwsIdentityStatus { installations: mine, ..status.clone() });
        }
        Ok(json!({ "installations": serde_json::to_value(mine)? }))
    }

    /// Whether this one speaks for all of these.
    fn speaks(&self, installations: &[IdentityInstallation]) -> bool {
        let first = installations.iter().min_by_key(|entry| {
            let limited = !entry.namespaces.is_empty();
            (limited, Reverse(entry.observed_generation), entry.name.as_str())
        });
        first.is_some_and(|first| first.name == self.name)
    }

    fn limited(&self) -> bool {
        !self.namespaces.is_empty()
    }
}

/// Orphans stand with the installation that found them: each looks for its own namespaces'.
fn without_orphans(conditions: &[Condition]) -> Vec<Condition> {
    let mut conditions = conditions.to_vec();
    condition::remove(&mut conditions, types::ORPHANS_FOUND);
    conditions
}

#[cfg(test)]
#[path = "installations_tests.rs"]
mod tests;
