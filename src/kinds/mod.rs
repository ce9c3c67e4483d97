//! What is special about each kind: the only place that knows both what a person writes and what AWS takes.

pub(crate) mod access;
pub(crate) mod affected;
pub(crate) mod agreement;
pub(crate) mod certificate;
mod certificate_ref;
pub(crate) mod config_refs;
pub(crate) mod connector;
pub(crate) mod dependents;
pub mod deps;
#[cfg(test)]
mod explain_tests;
#[cfg(test)]
pub(crate) mod fakes;
pub(crate) mod grants;
pub(crate) mod home;
pub(crate) mod identity;
pub mod installations;
pub(crate) mod key_conflicts;
pub(crate) mod login;
mod named_by;
pub(crate) mod orphans;
pub(crate) mod partition;
pub(crate) mod preview;
pub(crate) mod profile;
mod profile_ref;
mod profiles_sent;
#[cfg(test)]
mod reconcile_tests;
pub(crate) mod referrers;
pub(crate) mod registration;
pub(crate) mod resolve;
pub(crate) mod security_groups;
pub mod server;
pub(crate) mod server_ref;
pub(crate) mod ssh_keys;
mod standalone;
pub(crate) mod sweep;
pub(crate) mod swept;
pub(crate) mod tag_index;
mod tag_lookup;
pub(crate) mod tags;
pub mod trigger;
pub(crate) mod user;
pub(crate) mod uses;
pub(crate) mod web_app;
pub(crate) mod workflow;
pub(crate) mod workflow_ref;
