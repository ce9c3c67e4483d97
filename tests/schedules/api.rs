//! As the operator has it.

pub use transfer_operator::api::*;
