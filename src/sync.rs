//! What tasks share state by, under one name, so that the schedules of those who share it can be explored:
//! tests/schedules builds the same files on primitives whose every order it chooses.
//!
//! Files that are included there take these from here and nowhere else. Nothing is decided here.

pub use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic};

/// Goes on whoever waits for it.
pub use tokio::spawn;
/// Held across calls: one has its turn, the others wait for theirs.
pub use tokio::sync::Mutex as Turn;
/// Wakes who waits for it; rung before, it wakes at once.
pub use tokio::sync::Notify as Bell;
pub use tokio::time::{Instant, sleep};
