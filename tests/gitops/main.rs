//! Our objects in the hands of Flux's controllers and of Argo CD's engine, in a real API server with the operator at work.
//! `make gitops`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod argocd;
mod flux;
mod world;
