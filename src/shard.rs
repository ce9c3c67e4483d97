//! Which accounts a process works for, where several share them, and when it may begin. Pure.
//!
//! An account is never split: AWS counts calls by account, so two processes would only take them from each other. Where
//! the number of shards changes, an account goes to another one, and nobody of the new number begins as long as anybody
//! of an old one may work.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Shards at most. Each has replicas of its own that watch everything; what one process can do takes far fewer.
const MOST: u32 = 64;

/// One of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The only one.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// Whether it is there for this account; what belongs to none is there for the first.
    #[must_use]
    pub fn owns(self, account: Option<&str>) -> bool {
        account.map_or(0, |account| self.number_of(account)) == self.number
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.of
    }

    /// Whether both are of the same number of shards.
    #[must_use]
    pub fn beside(self, other: Self) -> bool {
        self.of == other.of
    }

    /// Its Lease, where that of the installation has this name: the first has the name itself, so that it and a process
    /// that knows no shards never work at once.
    #[must_use]
    pub fn lease(self, installation: &str) -> String {
        if self.number == 0 { installation.to_owned() } else { format!("{installation}-{}", self.number) }
    }

    /// Whether a Lease of this name is that of some shard of the installation.
    #[must_use]
    pub(crate) fn names_lease(installation: &str, name: &str) -> bool {
        let Some(number) = name.strip_prefix(installation) else { return false };
        number.is_empty() || number.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
    }

    /// What stands in the Lease that this process holds by this name.
    #[must_use]
    pub(crate) fn said_of(self, holder: &str) -> String {
        format!("{self} {holder}")
    }

    /// Of which shard the holder of a Lease is, where that stands in it. It must name the holder: a process that knows no
    /// shards renews a Lease with whatever stood there before it.
    #[must_use]
    pub(crate) fn of_holder(said: Option<&str>, holder: &str) -> Self {
        let said = said.and_then(|said| said.split_once(' ')).filter(|(_, of)| *of == holder);
        said.and_then(|(shard, _)| shard.parse().ok()).unwrap_or(Self::WHOLE)
    }

    /// The same in every version and process: an account that two of them count to different shards is handled twice.
    fn number_of(self, account: &str) -> u32 {
        let digest = Sha256::digest(account.as_bytes());
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        u32::try_from(number % u64::from(self.of)).unwrap_or_default()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if number < of && of <= MOST => Ok(Self { number, of }),
            _ => Err(format!("must be N/M, one of M shards, counted from 0, such as 0/2; {MOST} shards at most")),
        }
    }
}

/// The Lease of a shard, as a look showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub lease: String,
    /// Whose it is; one that does not say so is of a process that knows no shards.
    pub shard: Shard,
    /// Whether anybody holds it.
    pub held: bool,
    /// For how long from its last change.
    pub duration: Duration,
    /// Its resourceVersion.
    pub version: String,
}

/// The Leases of other numbers of shards, as one process saw them.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// The version that was seen last, and since when it stands.
    seen: BTreeMap<String, (String, Instant)>,
}

impl Others {
    /// Takes down what a look showed, and tells the Lease because of which a process of this shard must not work: one of
    /// another number of shards, which is held and was not seen unchanged for its duration.
    pub(crate) fn in_the_way<'a>(&mut self, own: Shard, claims: &'a [Claim], now: Instant) -> Option<&'a Claim> {
        self.seen.retain(|lease, _| claims.iter().any(|claim| claim.lease == *lease));
        let mut found = None;
        for claim in claims {
            let seen = self.seen.entry(claim.lease.clone()).or_insert_with(|| (claim.version.clone(), now));
            if seen.0 != claim.version {
                *seen = (claim.version.clone(), now);
            }
            let valid = claim.held && now.duration_since(seen.1) < claim.duration;
            if valid && !claim.shard.beside(own) {
                found = found.or(Some(claim));
            }
        }
        found
    }
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
