//! The command line for people, `kubectl transfer`: reads manifests, AWS or a cluster, and changes nothing anywhere.

/// What an API server has against an object.
pub mod admission;
/// Flags and commands.
pub mod args;
/// What any pipe can bear.
pub(crate) mod ascii;
/// Manifests, checked offline.
pub(crate) mod check;
/// What is read of a cluster.
pub(crate) mod cluster;
/// What AWS has, as manifests.
pub(crate) mod export;
/// What is known of an object.
pub(crate) mod facts;
/// Why a command did not do what it was asked.
pub(crate) mod failure;
/// Lines for `known_hosts`.
pub(crate) mod known_hosts;
/// YAML whose fields know their lines.
pub(crate) mod manifest;
mod openapi;
/// What AWS must allow.
pub mod permissions;
/// What applying manifests would do.
pub(crate) mod plan;
/// From a command to its output and exit code.
pub mod run;
/// Columns, colours, and what a pipe can bear.
pub mod table;
/// How objects stand.
pub(crate) mod view;
