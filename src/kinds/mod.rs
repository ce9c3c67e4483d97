//! What is special about each kind: the only place that knows both what a person writes and what AWS takes.

pub mod access;
pub mod doors;
#[cfg(test)]
pub mod fakes;
pub mod grants;
pub mod holders;
pub mod home;
pub mod identity;
pub mod installations;
pub mod login;
#[cfg(test)]
pub(crate) mod login_fakes;
pub mod orphans;
pub mod partition;
#[cfg(test)]
mod pass_tests;
pub mod place;
pub mod rivals;
pub mod server;
pub mod sources;
pub mod ssh_keys;
pub mod tags;
pub mod target;
pub mod triggers;
pub mod user;
mod uses;
