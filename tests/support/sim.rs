//! A running `transfer-sim` and its control path.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::{Client, Config};
use serde_json::Value;

use super::await_condition;
use super::process::{Process, scratch};

/// The simulated AWS. Dropping it kills it.
pub struct Sim {
    process: Process,
    endpoint: String,
}

impl Sim {
    /// Starts it on a free port; `args` are further arguments.
    pub async fn start(args: &[&str]) -> Self {
        let port_file = scratch("transfer-sim").with_extension("port");
        let program = Path::new(env!("CARGO_BIN_EXE_transfer-sim"));
        let mut process = Process::guarded("transfer-sim", program, |command| {
            command.args(["--listen", "127.0.0.1:0", "--port-file"]).arg(&port_file).args(args);
        });
        let port = await_condition("the port of transfer-sim", Duration::from_secs(30), async || {
            let ended = process.ended();
            assert!(ended.is_none(), "transfer-sim did not start: {}", process.output());
            port_in(&port_file)
        })
        .await;
        Self { process, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// The URL for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Reads a control path, for example `/_sim/state`.
    pub async fn get(&self, path: &str) -> Value {
        self.send(http::Method::GET, path, &Value::Null).await
    }

    /// Posts to a control path.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        self.send(http::Method::POST, path, body).await
    }

    /// The log of all calls that reached the simulator.
    pub async fn calls(&self) -> Value {
        self.get("/_sim/calls").await
    }

    async fn send(&self, method: http::Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(&method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .expect("a control path is a URI");
        // A Kubernetes client is an HTTP client too, and the one that is already linked.
        let config = Config::new(self.endpoint.parse().expect("the endpoint is a URI"));
        let client = Client::try_from(config).expect("a client can be built");
        let answer = client.request_text(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("transfer-sim refused {method} {path}: {error}"));
        if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).expect("an answer in JSON") }
    }
}

fn port_in(file: &PathBuf) -> Result<u16, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.trim().parse().map_err(|_| format!("{text:?} in the port file"))
}
