//! The accounts of the simulated AWS and how things in them are found.
//! Pure and synchronous: time, randomness and switches are handed in with every call.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::error::{Answer, ApiError};
use super::model::{Address, Server, Workflow};
use super::partners::{Agreement, Certificate, Connector, Profile, WebApp};
use super::random::Random;
use super::shelf::Shelf;
use super::time::after;

/// All accounts and regions; what the state file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// By account and region.
    pub accounts: BTreeMap<String, BTreeMap<String, Region>>,
    /// Temporary credentials that were given out, by access key.
    pub sessions: BTreeMap<String, Session>,
    /// How far the simulator's clock is ahead of the machine's.
    pub clock_ahead: SignedDuration,
}

/// Temporary credentials of an assumed role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The account of the role.
    pub account: String,
    /// The ARN of the session.
    pub arn: String,
    /// The unique id of role and session.
    pub user_id: String,
    /// The secret half.
    pub secret_key: String,
    /// The token that has to come along.
    pub token: String,
    /// Not valid from then on.
    pub expires: Timestamp,
}

/// What one account has in one region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Region {
    /// By id.
    pub servers: BTreeMap<String, Server>,
    /// By id.
    #[serde(default)]
    pub workflows: BTreeMap<String, Workflow>,
    /// By id.
    #[serde(default)]
    pub certificates: Shelf<Certificate>,
    /// By id.
    #[serde(default)]
    pub profiles: Shelf<Profile>,
    /// By id, of all servers.
    #[serde(default)]
    pub agreements: Shelf<Agreement>,
    /// By id.
    #[serde(default)]
    pub connectors: Shelf<Connector>,
    /// By id.
    #[serde(default)]
    pub web_apps: Shelf<WebApp>,
    /// When a connector was last tried out.
    #[serde(default)]
    pub tested: Option<Timestamp>,
    /// Elastic addresses that were added to the account, by allocation id.
    #[serde(default)]
    pub addresses: BTreeMap<String, Address>,
    /// What listings leave out for a while.
    #[serde(default)]
    pub hidden: Vec<Hidden>,
    /// When the next deleted thing vanishes.
    #[serde(default)]
    pub next_gone: Option<Timestamp>,
}

/// Something that listings leave out for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Its id, or that of the server it belongs to.
    #[serde(alias = "server_id")]
    pub id: String,
    /// The user name, external id or host key id; none for what is listed by its own id.
    pub member: Option<String>,
    /// Listed again from then on.
    pub until: Timestamp,
}

/// What an operation may know and use beside its input.
#[derive(Debug)]
pub struct Context<'a> {
    /// The simulator's clock.
    pub now: Timestamp,
    /// The caller's account.
    pub account: &'a str,
    /// The region in which the request was signed.
    pub region: &'a str,
    /// The ARN of the caller.
    pub caller: &'a str,
    /// The switches.
    pub config: &'a Config,
    /// The source of identifiers.
    pub random: &'a mut Random,
    /// An out-of-band change: what only AWS itself may do is allowed.
    pub admin: bool,
    /// Set by whatever changes the state.
    pub changed: bool,
}

impl Context<'_> {
    /// An ARN of the service in the caller's account.
    #[must_use]
    pub fn arn(&self, resource: &str) -> String {
        self.arn_of("transfer", resource)
    }

    /// An ARN of another service in the caller's account.
    #[must_use]
    pub fn arn_of(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", partition(self.region), self.region, self.account)
    }
}

/// The AWS partition that a region belongs to.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

impl World {
    /// What an account has in a region.
    pub fn region(&mut self, account: &str, region: &str) -> &mut Region {
        self.accounts.entry(account.to_owned()).or_default().entry(region.to_owned()).or_default()
    }
}

impl Region {
    /// A server that can be read; one that is being deleted still can.
    ///
    /// # Errors
    /// `Unknown server`.
    pub fn server(&self, id: &str) -> Answer<&Server> {
        self.servers.get(id).ok_or_else(|| ApiError::unknown_server(id))
    }

    /// A server that can be changed.
    ///
    /// # Errors
    /// `Unknown server`, also for one that is being deleted.
    pub fn server_mut(&mut self, id: &str) -> Answer<&mut Server> {
        self.servers.get_mut(id).filter(|s| s.gone.is_none()).ok_or_else(|| ApiError::unknown_server(id))
    }

    /// A workflow that can be read; one that is being deleted still can.
    ///
    /// # Errors
    /// `Unknown workflow`.
    pub fn workflow(&self, id: &str) -> Answer<&Workflow> {
        self.workflows.get(id).ok_or_else(|| unknown_workflow(id))
    }

    /// A workflow that can be tagged or deleted.
    ///
    /// # Errors
    /// `Unknown workflow`, also for one that is being deleted.
    pub fn workflow_mut(&mut self, id: &str) -> Answer<&mut Workflow> {
        self.workflows.get_mut(id).filter(|w| w.gone.is_none()).ok_or_else(|| unknown_workflow(id))
    }

    /// Whether listings leave it out just now.
    #[must_use]
    pub fn hides(&self, id: &str, member: Option<&str>, now: Timestamp) -> bool {
        self.hidden.iter().any(|h| h.id == id && h.member.as_deref() == member && now < h.until)
    }

    /// Removes what was deleted long enough ago.
    pub fn purge(&mut self, now: Timestamp) {
        if self.next_gone.is_none_or(|at| now < at) {
            return;
        }
        let stays = |gone: &Option<Timestamp>| gone.is_none_or(|at| now < at);
        self.servers.retain(|_, s| stays(&s.gone));
        self.workflows.retain(|_, w| stays(&w.gone));
        self.certificates.purge(now);
        self.profiles.purge(now);
        self.agreements.purge(now);
        self.connectors.purge(now);
        self.web_apps.purge(now);
        for server in self.servers.values_mut() {
            server.users.retain(|_, u| stays(&u.gone));
            server.accesses.retain(|_, a| stays(&a.gone));
        }
        let workflows = self.workflows.values().filter_map(|w| w.gone);
        let as2 = self.certificates.leaving().chain(self.profiles.leaving()).chain(self.agreements.leaving());
        let others = workflows.chain(as2).chain(self.connectors.leaving()).chain(self.web_apps.leaving());
        self.next_gone = self.servers.values().flat_map(dying).chain(others).min();
    }

    /// When something deleted now vanishes; noted for `purge`.
    pub fn vanishing(&mut self, context: &Context<'_>) -> Timestamp {
        let at = after(context.now, context.config.deletion_time);
        self.next_gone = Some(self.next_gone.map_or(at, |next| next.min(at)));
        at
    }
}

fn dying(server: &Server) -> impl Iterator<Item = Timestamp> + '_ {
    let users = server.users.values().filter_map(|u| u.gone);
    let accesses = server.accesses.values().filter_map(|a| a.gone);
    server.gone.into_iter().chain(users).chain(accesses)
}

fn unknown_workflow(id: &str) -> ApiError {
    ApiError::not_found("Unknown workflow", id, "Workflow")
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
