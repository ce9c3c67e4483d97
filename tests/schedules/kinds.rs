//! Looking servers up, on the primitives of this test.

#[allow(dead_code, unused_imports)]
#[path = "../../src/kinds/server/tag_index.rs"]
pub mod tag_index;
