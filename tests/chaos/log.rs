//! The simulator's log of calls over all its lives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Sim, changes};

/// Every call that reached the simulator, in order.
#[derive(Default)]
pub struct Log {
    calls: Vec<Value>,
    /// Number of the last call that was taken over from the present process.
    last: u64,
}

impl Log {
    /// Takes over what is new.
    pub async fn drain(&mut self, sim: &Sim) {
        let answer = sim.get(&format!("/_sim/calls?since={}", self.last)).await;
        self.calls.extend(answer["calls"].as_array().unwrap().iter().cloned());
        self.last = answer["last"].as_u64().unwrap();
    }

    /// The simulator was restarted: it counts anew.
    pub fn restarted(&mut self) {
        self.last = 0;
    }

    /// How many calls there were by now.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// The calls of an operation that changed something.
    pub fn done<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = &'a Value> {
        self.calls.iter().filter(move |call| call["operation"] == operation && call["mutated"] == true)
    }

    /// The calls of operations that change something, whatever came of them, from this number of calls on.
    pub fn changing(&self, from: usize) -> impl Iterator<Item = &Value> {
        self.calls[from..].iter().filter(|call| changes(call))
    }

    /// How often an operation was called from this number of calls on.
    pub fn called(&self, operation: &str, from: usize) -> usize {
        self.calls[from..].iter().filter(|call| call["operation"] == operation).count()
    }

    /// Ids of the servers that were made, by the uid of the object that they are of.
    pub fn made(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in self.done("CreateServer") {
            let tags = call["input"]["Tags"].as_array().unwrap();
            let uid = tags.iter().find(|tag| tag["Key"] == "transfer-operator.dev/uid").unwrap();
            let id = call["created_server_id"].as_str().unwrap().to_owned();
            made.entry(uid["Value"].as_str().unwrap().to_owned()).or_default().insert(id);
        }
        made
    }

    /// In one line.
    pub fn count(&self) -> String {
        let count = |operation| self.done(operation).count();
        let expired = self.calls.iter().filter(|call| call["outcome"].as_str().unwrap().contains("Signature")).count();
        format!(
            "{} AWS calls, {} changed something ({} servers and {} users created, {} and {} deleted), {expired} came too late",
            self.calls.len(),
            self.calls.iter().filter(|call| call["mutated"] == true).count(),
            count("CreateServer"),
            count("CreateUser"),
            count("DeleteServer"),
            count("DeleteUser"),
        )
    }
}
