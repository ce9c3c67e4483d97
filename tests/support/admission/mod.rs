//! What an API server has against an object, told without one: as `kubectl transfer check` tells it.

pub use transfer_operator::plugin::admission::Admission;
