//! Looking servers up, on the primitives of this test.

#[allow(dead_code, unused_imports)]
#[path = "../../src/kinds/server/look_up.rs"]
pub mod look_up;
