//! How any kind converges. Knows no kind and no AWS shape; reaches Kubernetes and AWS only through the two traits that
//! it is handed (`cluster::KubeApi`, `aws::AwsApi`).
//!
//! One `reconcile` resolves where the object lives, observes what is there (`observe`), decides the one action that is
//! due (`decide`, pure), carries it out (`act`, and in files of their own `create`, `apply` with `sending`, `delete`)
//! and says where the object stands (`report`, with `status` for the conditions). The next reconcile looks again.
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

pub mod act;
pub mod applied;
mod apply;
pub mod backoff;
pub mod consistency;
pub mod context;
pub mod controller;
pub mod counters;
pub mod create;
pub mod decide;
mod delete;
pub mod diff;
pub mod digest;
pub mod division;
pub mod drift;
pub mod events;
pub mod kind;
pub mod memory;
pub mod mutate;
mod observe;
pub mod owner;
pub mod queue;
pub mod reason;
pub mod reconcile;
pub mod record;
mod recording;
mod refusals;
pub mod report;
mod sending;
pub mod settings;
pub mod status;
pub mod undecodable;
pub mod unset;
