//! A simulated AWS Transfer Family: the API of the real service, over HTTP or called directly.
//! Everything below `service` is pure and synchronous: time and randomness are handed in. `http` and the binary are
//! the only places that know a clock, a socket or a file.

pub(crate) mod accesses;
pub(crate) mod as2_profiles;
#[cfg(test)]
mod bench;
pub(crate) mod calls;
pub(crate) mod certificates;
pub(crate) mod common_shapes;
pub mod config;
pub(crate) mod connection;
pub(crate) mod constraints;
pub(crate) mod control;
pub(crate) mod dispatch;
pub mod door;
pub mod ec2;
pub(crate) mod ec2_door;
pub(crate) mod ec2_network;
pub mod error;
pub(crate) mod faults;
pub(crate) mod foreign;
pub(crate) mod host_keys;
pub mod http;
pub(crate) mod identity;
pub(crate) mod input;
pub(crate) mod lifecycle;
pub mod model;
pub(crate) mod network;
pub mod operation;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod partner_constraints;
pub mod partners;
pub(crate) mod profile;
pub mod random;
pub(crate) mod request;
pub(crate) mod roles;
pub(crate) mod security_policies;
pub(crate) mod servers;
pub mod service;
pub(crate) mod settings;
pub(crate) mod shape;
pub mod shelf;
pub(crate) mod shelves;
pub(crate) mod sigv4;
pub(crate) mod ssh_keys;
pub mod state;
pub(crate) mod steps;
pub(crate) mod sts;
pub(crate) mod tags;
pub(crate) mod time;
pub(crate) mod update;
pub(crate) mod users;
pub(crate) mod validate;
pub mod wire;
pub(crate) mod workflows;
pub(crate) mod x509;
