//! Looking up what is tagged, on the primitives of this test.

#[allow(dead_code, unused_imports)]
#[path = "../../src/kinds/tag_index.rs"]
pub mod tag_index;
