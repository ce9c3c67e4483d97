//! The kube wiring of a kind.
