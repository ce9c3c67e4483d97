//! What all tests share of a cluster in memory: its API server, and the time that goes by in it. It knows no faults and
//! no AWS: whoever stands before it decides what is lost or late, and AWS is the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    missing_docs,
    reason = "only tests ask, and a fake that cannot go on has to end them"
)]

pub mod api_server;
pub mod clock;
