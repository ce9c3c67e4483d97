//! Waiting for a state instead of for a time.

use std::fmt::Display;
use std::time::Duration;

/// Between two looks: short beside what is waited for, long beside a request to a local server.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks until `probe` answers `Ok`. Its `Err` says what was seen instead; the last one is in the panic at `timeout`.
///
/// # Panics
/// When `timeout` is over; the timeout bounds a failure and is no assertion about speed, so it may be generous.
pub async fn await_condition<T, E: Display>(
    what: &str,
    timeout: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let mut seen = "nothing yet".to_owned();
    let looking = async {
        loop {
            match probe().await {
                Ok(value) => return value,
                Err(other) => seen = other.to_string(),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let outcome = tokio::time::timeout(timeout, looking).await;
    outcome.unwrap_or_else(|_| panic!("waited {timeout:?} for: {what}; last seen: {seen}"))
}
