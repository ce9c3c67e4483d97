//! The log of calls: who called what, when it was signed, and what came of it. Secrets are cut out before.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One call.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Counted from 1 over the life of the process.
    pub seq: u64,
    /// The simulator's clock when the call was carried out.
    pub time: Timestamp,
    /// The account in which it acted, if the signature was good.
    pub account: Option<String>,
    /// The region of the signature.
    pub region: Option<String>,
    /// The operation's name, as it was asked for.
    pub operation: String,
    /// The ARN of the caller, if the signature was good.
    pub principal: Option<String>,
    /// The access key of the signature.
    pub access_key: Option<String>,
    /// The time under which it was signed.
    pub signed_at: Option<Timestamp>,
    /// The server it was about, or the one that it created.
    pub server_id: Option<String>,
    /// The workflow it was about, or the one that it created.
    pub workflow_id: Option<String>,
    /// What else it was about, or what it created, if that has an id of its own.
    pub resource_id: Option<String>,
    /// The user it was about.
    pub user_name: Option<String>,
    /// The access it was about.
    pub external_id: Option<String>,
    /// The request without secrets.
    pub input: Value,
    /// `ok`, or the code of the error that the service came to.
    pub outcome: String,
    /// The kind of the injected fault, if there was one: then the caller saw something else than `outcome`.
    pub fault: Option<String>,
    /// Whether the state changed.
    pub mutated: bool,
    /// The server that came into being.
    pub created_server_id: Option<String>,
}

/// Calls kept; a benchmark of a minute still fits.
const KEPT: usize = 200_000;

/// The last calls.
#[derive(Debug, Default)]
pub struct Calls {
    kept: VecDeque<Call>,
    last: u64,
}

impl Calls {
    /// Notes a call and gives it its number.
    pub fn note(&mut self, call: Call) {
        self.last += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Call { seq: self.last, ..call });
    }

    /// The calls after a number.
    pub fn since(&self, seq: u64) -> impl Iterator<Item = &Call> {
        self.kept.iter().filter(move |c| c.seq > seq)
    }

    /// The number of the last call.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Forgets the calls; numbers go on.
    pub fn clear(&mut self) {
        self.kept.clear();
    }
}
