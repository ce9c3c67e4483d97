//! How any kind converges. Knows no kind and no AWS shape; reaches Kubernetes and AWS only through the two traits that
//! it is handed (`cluster::KubeApi`, `aws::AwsApi`).
//!
//! One `reconcile` resolves where the object lives, then goes round: what is `known` becomes facts, `decide` (pure, the
//! only chooser) says what is due, `act` does it. Reads (`observe`) and calls that AWS refused make more known, and it
//! is decided again; a write, a call that AWS took, or something to say (`outcome`, `failure`) ends the reconcile, and
//! `report` writes where the object stands, with `status` for the conditions. The next reconcile looks again.
//!
//! Words of our own, used everywhere in this sense:
//!
//! * **Attempt**: a random id that is recorded before a create is sent and stands as a tag on what it makes, so that a
//!   create whose answer was lost is found again and told from another.
//! * **Lag**: how long AWS's answers may not show what AWS did. Absence counts only when it was seen more than once
//!   over that long (`consistency`).
//! * **Window**: the times that are waited for: the lag, and how late a call that was given up may still arrive.
//! * **Ownership**: whose something in AWS is, judged by its owner tags alone (`owner`), or by our record where AWS
//!   keeps no tags.
//! * **Drift**: AWS differs from the spec though nobody edited it (`drift`).
//! * **Adoption**: taking over what exists already, because the spec says so.

mod act;
pub(crate) mod applied;
pub(crate) mod approval;
pub(crate) mod backoff;
mod beside_old;
pub mod budget;
pub mod consistency;
pub mod context;
pub mod controller;
pub(crate) mod counters;
pub mod decide;
pub mod diff;
pub(crate) mod digest;
pub(crate) mod division;
pub(crate) mod drift;
pub(crate) mod error;
pub(crate) mod events;
mod failure;
pub mod found_by;
pub mod kind;
mod known;
pub(crate) mod looks;
pub mod memory;
pub mod mutate;
mod observe;
mod outcome;
mod owned;
pub mod owner;
pub(crate) mod planned;
pub mod queue;
pub mod reason;
pub mod reconcile;
pub mod record;
mod refusals;
pub(crate) mod report;
pub mod requeue;
pub mod settings;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod undecodable;
pub(crate) mod unset;
