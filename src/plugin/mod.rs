//! The command line for people, `kubectl transfer`: reads manifests, AWS or a cluster, and changes nothing anywhere.

/// What an API server has against an object.
pub mod admission;
/// Flags and commands.
pub mod args;
/// What any pipe can bear.
pub mod ascii;
/// Manifests, checked offline.
pub mod check;
/// What is read of a cluster.
pub mod cluster;
/// What AWS has, as manifests.
pub mod export;
/// Why a command did not do what it was asked.
pub mod failure;
/// Lines for `known_hosts`.
pub mod known_hosts;
/// YAML whose fields know their lines.
pub mod manifest;
mod openapi;
/// What AWS must allow.
pub mod permissions;
/// What applying manifests would do.
pub mod plan;
/// From a command to its output and exit code.
pub mod run;
/// Columns, colours, and what a pipe can bear.
pub mod table;
/// How objects stand.
pub mod view;
