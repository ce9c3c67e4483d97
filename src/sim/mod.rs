//! A simulated AWS Transfer Family: the API of the real service, over HTTP or called directly.
//! Everything below `service` is pure and synchronous: time and randomness are handed in. `http` and the binary are
//! the only places that know a clock, a socket or a file.

pub mod accesses;
#[cfg(test)]
mod bench;
pub mod calls;
pub mod config;
pub mod connection;
pub mod constraints;
pub mod control;
pub mod dispatch;
pub mod door;
pub mod ec2;
pub mod ec2_door;
pub mod ec2_network;
pub mod error;
pub mod faults;
pub mod foreign;
pub mod host_keys;
pub mod http;
pub mod identity;
pub mod input;
pub mod lifecycle;
pub mod model;
pub mod network;
pub mod operation;
pub mod pace;
pub mod page;
pub mod profile;
pub mod random;
pub mod request;
pub mod roles;
pub mod security_policies;
pub mod servers;
pub mod service;
pub mod settings;
pub mod shape;
pub mod sigv4;
pub mod ssh_keys;
pub mod state;
pub mod steps;
pub mod sts;
pub mod tags;
pub mod time;
pub mod update;
pub mod users;
pub mod validate;
pub mod wire;
pub mod workflows;
