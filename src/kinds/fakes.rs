//! Doors of tests.
