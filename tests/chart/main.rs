//! The Helm chart: what it renders, by real Helm, and what an installation of it does in a real API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod deploy;
mod files;
mod former;
mod helm;
mod helm3;
mod matrix;
mod operator;
mod owned;
mod policy;
mod publishing;
mod release;
mod render;
mod rights;
mod upgrade;
mod waiting;
