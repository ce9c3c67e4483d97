//! A transfer-sim that runs as its own process, and how tests talk to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_transfer::Client;
use aws_sdk_transfer::config::retry::RetryConfig;
use aws_sdk_transfer::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_transfer::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";

/// A running simulator; it ends with the value.
pub struct Sim {
    process: Child,
    pub port: u16,
    folder: TempDir,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Sim {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    pub fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let port_file = folder.path().join("port");
        let _ = std::fs::remove_file(&port_file);
        let process = Command::new(env!("CARGO_BIN_EXE_transfer-sim"))
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut sim = Self { process, port: 0, folder };
        while sim.port == 0 {
            assert!(sim.process.try_wait().unwrap().is_none(), "ended at once");
            std::thread::sleep(Duration::from_millis(5));
            let text = std::fs::read_to_string(&port_file).unwrap_or_default();
            sim.port = text.trim().parse().unwrap_or(0);
        }
        sim
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Killed without a chance to say goodbye, and started again on what it left.
    pub fn killed_and_restarted(mut self, arguments: &[&str]) -> Self {
        self.kill();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start_in(folder, arguments)
    }

    pub fn config(&self) -> aws_sdk_transfer::config::Builder {
        aws_sdk_transfer::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
    }

    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    pub fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, text) = self.raw(method, &format!("/_sim/{path}"), &body.to_string());
        (status, serde_json::from_str(&text).unwrap())
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        let (status, reply) = self.control("POST", path, body);
        assert_eq!(status, 200, "{path} {body}: {reply}");
        reply
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, reply) = self.control("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }

    pub fn fault(&self, operation: &str, fault: &Value) {
        self.post("faults", &json!({"operation": operation, "fault": fault}));
    }

    /// One request by hand, unsigned: status, head and body of the answer.
    pub fn raw(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }
}

pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("none").to_owned()
}

pub async fn created(client: &Client) -> String {
    client.create_server().send().await.unwrap().server_id
}

pub async fn listed(client: &Client) -> usize {
    client.list_servers().send().await.unwrap().servers.len()
}
