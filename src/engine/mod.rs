//! How any kind converges. Knows no kind and no AWS shape; does no I/O but through the two doors.
//!
//! A pass (`pass`) over what is at hand (`scene`) observes (`observe`), decides one step (`decide`), takes it (`steps`,
//! `create`, `apply`, `sending`, `leave`) and says where the object stands (`report`); the next pass looks again.

pub mod applied;
mod apply;
pub mod controller;
pub mod create;
pub mod decide;
pub mod diff;
pub mod digest;
pub mod division;
pub mod drift;
pub mod events;
pub mod evidence;
pub mod kind;
mod leave;
pub mod memory;
pub mod mutate;
mod observe;
pub mod owner;
pub mod pass;
pub mod queue;
pub mod record;
mod recording;
mod refusals;
pub mod report;
pub mod retry;
pub mod scene;
mod sending;
pub mod settings;
pub mod status;
pub mod steps;
pub mod tally;
pub mod undecodable;
pub mod unset;
