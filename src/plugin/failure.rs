//! Why a command did not do what it was asked.

/// The error of a command; its text is for the person who gave it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
