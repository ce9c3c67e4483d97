//! What is special about each kind: the only place that knows both what a person writes and what AWS takes.

pub mod doors;
pub mod grants;
pub mod place;
pub mod server;
pub mod tags;
