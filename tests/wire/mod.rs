//! A server that answers exactly what a test says, byte by byte, and remembers every request that reached it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// `Date` of every answer unless a test says otherwise.
pub const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// By which AWS names every request that it answers.
const REQUEST_ID: &str = "x-amzn-requestid";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Call {
    pub fn operation(&self) -> &str {
        self.headers["x-amz-target"].strip_prefix("TransferService.").unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn signed_at(&self) -> &str {
        &self.headers["x-amz-date"]
    }

    pub fn signed_with(&self) -> &str {
        self.headers["authorization"].split_once("Credential=").unwrap().1.split('/').next().unwrap()
    }
}

/// What a request is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer.
    Http { status: u16, headers: Vec<(String, String)>, body: String },
    /// An answer whose body ends before its announced length.
    Cut { body: String },
    /// The connection closes without an answer.
    Close,
    /// Nothing ever comes.
    Silence,
}

pub fn ok(body: impl std::fmt::Display) -> Reply {
    http(200, body)
}

pub fn http(status: u16, body: impl std::fmt::Display) -> Reply {
    Reply::Http { status, headers: Vec::new(), body: body.to_string() }
}

pub fn error(code: &str, message: &str) -> Reply {
    http(400, serde_json::json!({"__type": code, "Message": message}))
}

impl Reply {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The answer of something between us and AWS: it knows no request id.
    pub fn not_of_aws(self) -> Self {
        self.with(REQUEST_ID, "")
    }
}

#[derive(Clone)]
pub struct Wire {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    replies: VecDeque<Reply>,
}

impl Wire {
    /// A server on a free port. Its threads end with the test process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let served = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = served.clone();
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    pub fn reply(&self, reply: Reply) {
        self.state.lock().unwrap().replies.push_back(reply);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Takes back the replies that nobody asked for yet.
    pub fn forget_replies(&self) {
        self.state.lock().unwrap().replies.clear();
    }

    /// What came, once anything did: the server reads in a thread of its own, which a client that gave up can outrun.
    pub fn arrived(&self) -> Vec<Call> {
        for _ in 0..1000 {
            if !self.calls().is_empty() {
                break;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        self.calls()
    }

    /// Forgets what came so far and returns it.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut pending = Vec::new();
    while let Some(call) = request(&mut stream, &mut pending) {
        let reply = {
            let mut state = state.lock().unwrap();
            state.calls.push(call);
            state.replies.pop_front()
        };
        let reply = reply.unwrap_or_else(|| http(599, "the test has no answer for this request"));
        let (status, headers, length, body) = match reply {
            Reply::Http { status, headers, body } => (status, headers, body.len(), body),
            Reply::Cut { body } => (200, Vec::new(), body.len() + 100, body),
            Reply::Close => return,
            Reply::Silence => {
                thread::sleep(std::time::Duration::from_hours(1));
                return;
            }
        };
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
        for (name, usual) in [("date", DATE), (REQUEST_ID, "1")] {
            if !headers.iter().any(|(given, _)| given == name) {
                write!(head, "{name}: {usual}\r\n").unwrap();
            }
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if stream.write_all(format!("{head}\r\n{body}").as_bytes()).is_err() || length > body.len() {
            return;
        }
    }
}

fn request(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<Call> {
    loop {
        if let Some(end) = pending.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(pending[..end].to_vec()).unwrap();
            let headers: BTreeMap<_, _> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
            if pending.len() >= end + 4 + length {
                let body = String::from_utf8(pending[end + 4..end + 4 + length].to_vec()).unwrap();
                pending.drain(..end + 4 + length);
                return Some(Call { headers, body });
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => pending.extend_from_slice(&buffer[..read]),
        }
    }
}
