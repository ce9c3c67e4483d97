//! What the unit tests of the operations stand on: one region, switches, and a clock that they turn themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::config::Config;
use super::operation::Operation;
use super::random::Random;
use super::state::{Context, Region};
use super::time::after;
use super::wire::without_nulls;
use super::{dispatch, ec2};

/// A role that satisfies the pattern.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";
/// Three public keys of two types, and one of them under another comment.
pub const KEY_A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3z9WW/uVR8kU0EYgWlx8btjZDmBeu0rg2WOcATs5sq ada@home";
pub const KEY_A_RENAMED: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3z9WW/uVR8kU0EYgWlx8btjZDmBeu0rg2WOcATs5sq laptop";
pub const KEY_B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINouj21bNuISYfHlzg3x8kNQjBwKl963xnbgG+dIjvmW bob";

pub struct Bench {
    pub region: Region,
    pub config: Config,
    pub now: Timestamp,
    pub admin: bool,
    pub changed: bool,
    random: Random,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            region: Region::default(),
            config: Config::default(),
            now: Timestamp::UNIX_EPOCH,
            admin: false,
            changed: false,
            random: Random::seeded(7),
        }
    }

    pub fn set(&mut self, switches: &Value) {
        self.config = self.config.with(switches).unwrap();
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now = after(self.now, SignedDuration::from_secs(seconds));
    }

    /// The answer, or the code and text of the refusal.
    pub fn call(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        let mut context = Context {
            now: self.now,
            account: "123456789012",
            region: "eu-west-1",
            caller: "arn:aws:iam::123456789012:user/bench",
            config: &self.config,
            random: &mut self.random,
            admin: self.admin,
            changed: false,
        };
        let operation = Operation::named(operation).unwrap();
        let result = dispatch::call(operation, &mut self.region, &mut context, input);
        self.changed = context.changed;
        let mut output = result.map_err(|e| format!("{}: {}", e.code, e.message.unwrap_or_default()))?;
        without_nulls(&mut output);
        Ok(output)
    }

    /// The XML of EC2's answer, or the code and text of the refusal.
    pub fn ec2(&mut self, operation: &str, form: &[(&str, &str)]) -> Result<String, String> {
        let mut context = Context {
            now: self.now,
            account: "123456789012",
            region: "eu-west-1",
            caller: "arn:aws:iam::123456789012:user/bench",
            config: &self.config,
            random: &mut self.random,
            admin: self.admin,
            changed: false,
        };
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let result = ec2::call(operation, &form, &mut self.region, &mut context);
        self.changed = context.changed;
        let result = result.map(|output| ec2::success(operation, &output, "request"));
        result.map_err(|e| format!("{}: {}", e.code, e.message.unwrap_or_default()))
    }

    pub fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap_or_else(|e| panic!("{operation}: {e}"))
    }

    /// The text of an `InvalidRequestException`.
    pub fn invalid(&mut self, operation: &str, input: Value) -> String {
        let refusal = self.call(operation, input).unwrap_err();
        let text = refusal.strip_prefix("InvalidRequestException: ");
        text.unwrap_or_else(|| panic!("{operation}: {refusal}")).to_owned()
    }

    /// A server that is ONLINE, its endpoint available.
    pub fn server(&mut self, input: Value) -> String {
        let output = self.ok("CreateServer", input);
        self.pass(60);
        output["ServerId"].as_str().unwrap().to_owned()
    }

    pub fn offline(&mut self, id: &str) {
        self.ok("StopServer", json!({"ServerId": id}));
        self.pass(60);
    }

    pub fn update(&mut self, id: &str, mut input: Value) -> Result<Value, String> {
        input["ServerId"] = id.into();
        self.call("UpdateServer", input)
    }

    pub fn described(&mut self, id: &str) -> Value {
        self.ok("DescribeServer", json!({"ServerId": id}))["Server"].clone()
    }

    pub fn state(&mut self, id: &str) -> String {
        self.described(id)["State"].as_str().unwrap().to_owned()
    }
}
