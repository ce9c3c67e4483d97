//! O5, O6, O7, O11 and O12: what is written to the API server, and what Events tell.

use serde_json::Value;
use transfer_operator::api::FINALIZER;
use transfer_operator::cluster::EventNote;
use transfer_operator::fakes::api_server::Write;

use crate::lint;
use crate::satisfy;
use crate::secrecy;
use crate::world::World;

/// O5, O6, O7, O11, O12 after a write to the API server.
pub fn after_write(world: &World) {
    let new: Vec<Write> = {
        let api = world.api();
        let mut oracle = world.oracle.lock().unwrap();
        let new = api.writes[oracle.seen_writes..].to_vec();
        oracle.seen_writes = api.writes.len();
        oracle.writes += u64::try_from(new.len()).unwrap();
        new
    };
    for write in new {
        judge(world, &write);
    }
}

fn judge(world: &World, write: &Write) {
    let Write { key, before, after, status } = write;
    let name = format!("{} {}", key.0, key.1);
    let strip = |object: &Value| {
        let mut object = object.clone();
        object.as_object_mut().unwrap().remove("status");
        let meta = object["metadata"].as_object_mut().unwrap();
        meta.remove("resourceVersion");
        if let Some(Value::Array(finalizers)) = meta.get_mut("finalizers") {
            finalizers.retain(|name| name != FINALIZER);
            if finalizers.is_empty() {
                meta.remove("finalizers");
            }
        }
        object
    };
    if strip(before) != strip(after) {
        world.violation(format!("O12: {name}: more than status and our finalizer was written: {before} {after}"));
    }
    let holds = |object: &Value| object["metadata"]["finalizers"].to_string().contains(FINALIZER);
    if before["metadata"].get("deletionTimestamp").is_some() && holds(after) && !holds(before) {
        world.violation(format!("O12: {name}: a finalizer is put on an object that is being deleted"));
    }
    if secrecy::stands_in(&after.to_string()) {
        world.violation(format!("O6: {name}: a private key stands in the object"));
    }
    if !status {
        return;
    }
    for fault in lint::faults(before, after) {
        world.violation(format!("O7: {name}: {fault}: {}", after["status"]["conditions"]));
    }
    if after["status"]["conditions"].to_string().contains("a defect of this operator") {
        world.violation(format!("O7: {name} says that it met a defect: {}", after["status"]["conditions"]));
    }
    let current = after["status"]["observedGeneration"] == after["metadata"]["generation"];
    let ready = lint::find(after, "Ready").is_some_and(|ready| ready["status"] == "True");
    let was = before["status"]["observedGeneration"] == after["metadata"]["generation"]
        && lint::find(before, "Ready").is_some_and(|ready| ready["status"] == "True");
    let restrained = satisfy::restrained(after) || after["spec"]["suspend"] == true;
    if current
        && ready
        && !was
        && !restrained
        && let Some(missing) = satisfy::missing(world, key, &satisfy::in_force(after))
    {
        world.violation(format!("O5: {name} is Ready, and AWS has not what it asks for: {missing}"));
    }
}

/// O11: events are told once; what a person edits may have to be told again.
pub fn on_event(world: &World, about: &str, generation: &Value, note: &EventNote) {
    if secrecy::stands_in(&note.message) {
        world.violation(format!("O6: {about}: a private key stands in an event"));
    }
    let at = world.clock.millis();
    let mut oracle = world.oracle.lock().unwrap();
    if note.warning {
        oracle.warnings.push(format!("{about}: {}", note.message));
    }
    let text = format!("{generation} {} {}", note.reason, note.message);
    let told = oracle.events.entry((about.to_owned(), text)).or_default();
    told.push(at);
    let lately = told.iter().filter(|then| at - **then < 300_000).count();
    // A process that died may not know that it told; more than a handful is a loop.
    if lately > 6 {
        drop(oracle);
        world.violation(format!(
            "O11: {about}: event {} told {lately} times in 5 minutes: {}",
            note.reason, note.message
        ));
    }
}
