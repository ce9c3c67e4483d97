//! transfer-operator: Kubernetes objects in, AWS Transfer Family servers, users and accesses out.

/// Health probes and the log.
mod admin;
/// What a person writes: the custom resources, their rules and their status.
pub mod api;
/// The door to AWS: a narrow trait, its adapter over the SDK, faults, sessions and the rate limiter.
pub mod aws;
/// Readers of what others wrote, under whatever bytes.
#[cfg(test)]
mod bytes_tests;
/// What a test logs.
#[cfg(test)]
mod captured_log;
/// The command line.
pub mod cli;
/// The door to Kubernetes: a narrow trait and its adapter over kube.
pub mod cluster;
/// How any kind is reconciled; knows no kind and no AWS shape.
pub mod engine;
/// A cluster in memory, for tests.
#[cfg(any(test, feature = "sim"))]
pub mod fakes;
/// What is special about each kind.
pub mod kinds;
/// Of several replicas, one works.
mod leader_election;
/// What is counted, for Prometheus.
mod metrics;
/// `kubectl transfer`, the command line for people.
pub mod plugin;
/// Session policies: compaction and comparison by meaning.
mod policy;
/// The composition root.
pub mod run;
/// Which accounts a process works for, where several share them.
pub mod shard;
/// A simulated AWS Transfer Family.
#[cfg(feature = "sim")]
pub mod sim;
/// SSH keys: parsing, identity and fingerprints.
pub mod ssh;
/// What tasks share state by.
mod sync;
/// Text as editors and tools leave it.
mod text;
/// What is watched, and whom a change wakes.
pub mod watch;
mod web_address;
/// Certificates in PEM form.
mod x509;

#[cfg(all(test, not(feature = "sim")))]
compile_error!("the tests run against the simulator: add --features sim");
