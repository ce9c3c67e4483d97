//! transfer-sim as the operator sees it: the binary, over HTTP, through the AWS SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "sim/process.rs"]
mod process;
#[path = "sim/trouble.rs"]
mod trouble;
#[path = "sim/wire.rs"]
mod wire;
