//! The memory of the engines, on the primitives of this test; what it rests on, as the operator has it.

#[allow(dead_code, unused_imports)]
#[path = "../../src/engine/memory.rs"]
pub mod memory;

pub use transfer_operator::engine::{consistency, owner};
