//! What is special about each kind: the only place that knows both what a person writes and what AWS takes.

pub mod access;
pub mod config_refs;
pub mod dependents;
pub mod deps;
#[cfg(test)]
pub(crate) mod fakes;
pub mod grants;
pub mod home;
pub mod identity;
pub mod installations;
pub mod key_conflicts;
pub mod login;
#[cfg(test)]
pub(crate) mod login_fakes;
pub mod orphans;
pub mod partition;
pub mod preview;
#[cfg(test)]
mod reconcile_tests;
pub mod referrers;
pub mod registration;
pub mod resolve;
pub mod server;
pub mod server_ref;
pub mod ssh_keys;
pub mod sweep;
pub mod swept;
pub mod tag_index;
mod tag_lookup;
pub mod tags;
pub mod trigger;
pub mod triggers;
pub mod user;
pub mod uses;
pub mod workflow;
pub mod workflow_ref;
