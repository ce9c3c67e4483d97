//! What only a real API server does: admission, RBAC, finalizers, status, watches; with the operator and the simulated
//! AWS as processes of their own. One file per behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod canary;
mod cluster_door;
mod command_line;
mod control_plane;
mod dashboard;
mod fields;
mod fixtures;
mod host_keys;
mod identities;
mod kills;
mod known_hosts;
mod kube_state_metrics;
mod lease;
mod life;
mod migration;
mod orphans;
mod protected;
mod rights;
mod samples;
mod scope;
mod scrapes;
mod secrecy;
mod startup;
mod undecodable;
mod upgrades;
mod world;
