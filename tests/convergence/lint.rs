//! Every status that is ever written, against Flux's rules for conditions, kstatus and what waiters rely on.

use serde_json::Value;

use transfer_operator::fakes::api_server::text;

/// What kstatus makes of an object (cli-utils `status.go`): the generic rules, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kstatus {
    Terminating,
    InProgress,
    Failed,
    Current,
}

pub fn kstatus(object: &Value) -> Kstatus {
    if object["metadata"].get("deletionTimestamp").is_some() {
        return Kstatus::Terminating;
    }
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && *observed != object["metadata"]["generation"] {
        return Kstatus::InProgress;
    }
    for condition in conditions(object) {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Kstatus::InProgress,
            (Some("Stalled"), Some("True")) => return Kstatus::Failed,
            _ => {}
        }
    }
    match find(object, "Ready").map(|ready| text(&ready["status"])).as_deref() {
        Some("True") | None => Kstatus::Current,
        Some(_) => Kstatus::InProgress,
    }
}

fn conditions(object: &Value) -> Vec<Value> {
    object["status"]["conditions"].as_array().cloned().unwrap_or_default()
}

pub fn find(object: &Value, kind: &str) -> Option<Value> {
    conditions(object).into_iter().find(|condition| condition["type"] == kind)
}

fn is(object: &Value, kind: &str, status: &str) -> bool {
    find(object, kind).is_some_and(|condition| condition["status"] == status)
}

/// What is wrong with a status as it was written; the object before it is needed for times.
pub fn faults(before: &Value, after: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fail = |wrong: bool, what: &str| {
        if wrong {
            faults.push(what.to_owned());
        }
    };
    let conditions = self::conditions(after);
    if conditions.is_empty() {
        // Only records were written; nothing is claimed yet, and no waiter may take it for done.
        fail(kstatus(after) == Kstatus::Current, "FAIL0012: no conditions, and kstatus says Current");
        return faults;
    }
    let generation = after["metadata"]["generation"].as_i64().unwrap_or_default();
    let observed = after["status"]["observedGeneration"].as_i64();
    let observed_by = |condition: &Value| condition["observedGeneration"].as_i64();
    let ready = find(after, "Ready");
    fail(is(after, "Ready", "True") && is(after, "Stalled", "True"), "FAIL0001: Stalled and Ready");
    fail(ready.is_none(), "FAIL0002: no Ready");
    fail(is(after, "Reconciling", "True") && is(after, "Ready", "True"), "FAIL0003: Reconciling and Ready");
    fail(is(after, "Stalled", "True") && !is(after, "Ready", "False"), "FAIL0004: Stalled and Ready is not False");
    fail(is(after, "Reconciling", "True") && is(after, "Stalled", "True"), "FAIL0005: Reconciling and Stalled");
    fail(observed.is_none_or(|observed| observed > generation), "FAIL0006: observedGeneration ahead or absent");
    if is(after, "Ready", "True") {
        let same = |condition: &Value| observed_by(condition) == observed;
        fail(!ready.as_ref().is_some_and(same), "FAIL0008: Ready is of another generation than the status");
    }
    fail(is(after, "Ready", "Unknown") && !is(after, "Reconciling", "True"), "FAIL0011: Unknown and not Reconciling");
    for condition in &conditions {
        let kind = text(&condition["type"]);
        fail(text(&condition["reason"]).is_empty(), &format!("{kind} without a reason"));
        fail(observed_by(condition).is_none(), &format!("{kind} without observedGeneration"));
        // Who is suspended says so of the newest generation, and does not claim it.
        let seen_more = observed_by(condition) > observed && !is(after, "Suspended", "True");
        fail(seen_more, &format!("FAIL0007: {kind} has seen more than the status"));
        let abnormal = matches!(kind.as_str(), "Reconciling" | "Stalled" | "Advisory" | "Suspended" | "Drifted");
        fail(abnormal && condition["status"] == "False", &format!("WARN: {kind} is False instead of absent"));
        let twice = conditions.iter().filter(|other| other["type"] == condition["type"]).count();
        fail(twice > 1, &format!("{kind} stands twice"));
        if let Some(old) = find(before, &kind) {
            let moved = old["lastTransitionTime"] != condition["lastTransitionTime"];
            fail(
                moved && old["status"] == condition["status"],
                &format!("O11: {kind} has a new time, not a new status"),
            );
        }
    }
    faults
}
