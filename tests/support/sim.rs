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
    args: Vec<String>,
    port: u16,
    endpoint: String,
}

impl Sim {
    /// Starts it on a free port; `args` are further arguments.
    pub async fn start(args: &[&str]) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let (process, port) = serve(0, &args).await;
        Self { process, args, port, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// One that runs elsewhere, behind a port of this machine for as long as this process runs.
    pub fn behind(process: Process, port: u16) -> Self {
        Self { process, args: Vec::new(), port, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// Kills it and starts it again on the same port: with `--state-file` it goes on where it was killed, without its
    /// log of calls and its faults.
    pub async fn restart(&mut self) {
        self.process.kill();
        (self.process, _) = serve(self.port, &self.args).await;
    }

    /// The URL for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Reads a control path, for example `/_sim/state`.
    pub async fn get(&self, path: &str) -> Value {
        self.send(http::Method::GET, path, &Value::Null).await
    }

    /// Empties what a control path holds.
    pub async fn delete(&self, path: &str) -> Value {
        self.send(http::Method::DELETE, path, &Value::Null).await
    }

    /// Posts to a control path.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        self.try_control(path, body).await.unwrap_or_else(|error| panic!("transfer-sim refused {path}: {error}"))
    }

    /// The same; the error is what the simulator says.
    pub async fn try_control(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.try_send(http::Method::POST, path, body).await
    }

    /// The log of all calls that reached the simulator.
    pub async fn calls(&self) -> Value {
        self.get("/_sim/calls").await
    }

    async fn send(&self, method: http::Method, path: &str, body: &Value) -> Value {
        let answer = self.try_send(method.clone(), path, body).await;
        answer.unwrap_or_else(|error| panic!("transfer-sim refused {method} {path}: {error}"))
    }

    async fn try_send(&self, method: http::Method, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .expect("a control path is a URI");
        // A Kubernetes client is an HTTP client too, and the one that is already linked.
        let config = Config::new(self.endpoint.parse().expect("the endpoint is a URI"));
        let client = Client::try_from(config).expect("a client can be built");
        let answer = client.request_text(request).await.map_err(|error| error.to_string())?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).expect("an answer in JSON") })
    }
}

async fn serve(port: u16, args: &Vec<String>) -> (Process, u16) {
    let port_file = scratch("transfer-sim").with_extension("port");
    let program = Path::new(env!("CARGO_BIN_EXE_transfer-sim"));
    let mut process = Process::guarded("transfer-sim", program, |command| {
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--port-file"]).arg(&port_file).args(args);
    });
    let port = await_condition("the port of transfer-sim", Duration::from_secs(30), async || {
        let ended = process.ended();
        assert!(ended.is_none(), "transfer-sim did not start: {}", process.output());
        port_in(&port_file)
    })
    .await;
    (process, port)
}

fn port_in(file: &PathBuf) -> Result<u16, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.trim().parse().map_err(|_| format!("{text:?} in the port file"))
}
