//! What one test's thread logs, as the operator prints it in JSON. Tests that run beside it neither add lines nor take any
//! away. Only for tests.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

use crate::admin;
use crate::cli::LogFormat;

/// As long as tracing knows of one subscriber only, whichever thread first comes by a log line decides for all whether it
/// is ever told, and most tests' threads have no subscriber. Beside a second one every subscriber is asked.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// What was logged in this thread since it began.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Begins, until the guard is dropped.
    pub fn begin() -> (Self, DefaultGuard) {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let writer = log.clone();
        let filter = "warn,transfer_operator=debug".parse().unwrap();
        let lines = admin::lines(LogFormat::Json, filter, false, move || writer.clone());
        (log, tracing::dispatcher::set_default(&lines))
    }

    pub fn texts(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The lines of this message at this level.
    pub fn said(&self, level: &str, message: &str) -> Vec<Value> {
        let lines = self.texts().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        lines.filter(|line| line["level"] == level && line["message"] == message).collect()
    }
}
