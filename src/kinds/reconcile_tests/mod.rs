//! Whole reconciles in memory: what the protocol promises, over crashes, lost answers and what people do in between.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::needless_pass_by_value)]

mod adoption;
mod applying;
mod contradicting;
mod created_with;
mod creation;
mod drift;
mod endpoints;
mod events;
mod exported;
mod failing;
mod frugal;
mod known_hosts;
mod leaving;
mod life;
mod login_test;
pub mod logs;
mod looking;
mod lost_tags;
mod other_provider;
mod patience;
mod planning;
mod recreation;
mod refusing;
mod replacing;
mod resting;
mod retaining;
mod revoking;
mod rig;
mod security_policies;
mod slow;
mod stopping;
mod telling;
mod trouble;
mod unmanaged;
mod upgrade;
mod values;
