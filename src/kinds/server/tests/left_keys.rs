//! The list of host keys as a whole leaves the spec: nothing goes, nothing stays without a word.

use serde_json::{Value, json};

use super::{files, held, operations, wanted};
use crate::api::TransferServer;
use crate::api::condition::reasons;
use crate::aws::transfer::HostKey;
use crate::engine::diff::Effect;
use crate::engine::kind::Plan;
use crate::engine::reason::Reason;
use crate::kinds::server::ServerState;
use crate::kinds::server::host_keys::status_rows;
use crate::kinds::server::wanted::WantedServer;

/// A server with AWS's own key and two that its object imported.
fn two_of_ours() -> (TransferServer, ServerState) {
    let row =
        |id: &str, name: Value, managed: bool| json!({"id": id, "name": name, "active": true, "managed": managed});
    let rows =
        json!([row("h-1", json!(null), false), row("h-2", json!("pinned"), true), row("h-3", json!(null), true)]);
    let mut have = held(json!({"preAuthenticationLoginBanner": "old"}));
    let key = |id: &str| HostKey { id: id.to_owned(), fingerprint: Some(format!("SHA256:{id}")), ..HostKey::default() };
    have.host_keys = ["h-1", "h-2", "h-3"].map(key).into();
    (files(json!({"observedGeneration": 1, "hostKeys": rows})), have)
}

fn planned(have: &ServerState, object: &TransferServer, listed: bool) -> Plan {
    let mut want = wanted(json!({"preAuthenticationLoginBanner": "new"}));
    want.want.host_keys = listed.then(Vec::new);
    super::planned(object, &want, have)
}

#[test]
fn a_person_decides_and_all_else_goes_on() {
    let (object, have) = two_of_ours();
    let plan = planned(&have, &object, false);
    assert_eq!(operations(&plan), ["UpdateServer"], "the banner, and no key");
    let [Reason { code, message, needs_person: true, sought: false }] = plan.blocks.as_slice() else {
        panic!("{:?}", plan.blocks)
    };
    assert_eq!(*code, reasons::CANNOT_CLEAR);
    assert!(message.contains("pinned, h-3.") && message.contains("`hostKeys: []`"), "{message}");
    let keys: Vec<(&str, Effect)> = plan
        .changes
        .iter()
        .filter(|change| change.path.starts_with("hostKeys"))
        .map(|change| (change.path.as_str(), change.effect))
        .collect();
    assert_eq!(keys, [("hostKeys[h-2]", Effect::Refused), ("hostKeys[h-3]", Effect::Refused)], "shown as drift");
}

#[test]
fn the_name_stays_as_long_as_nothing_is_decided() {
    let (object, have) = two_of_ours();
    let mut want = wanted(json!({})).want;
    let recorded = object.status.unwrap().host_keys;
    let name = |want: &WantedServer| status_rows(Some(want), &have.host_keys, &recorded)[1].name.clone();
    assert_eq!(name(&want).as_deref(), Some("pinned"));
    want.host_keys = Some(Vec::new());
    assert_eq!(name(&want), None);
}

#[test]
fn an_empty_list_removes_them() {
    let (object, have) = two_of_ours();
    let plan = planned(&have, &object, true);
    assert_eq!(operations(&plan), ["UpdateServer", "DeleteHostKey", "DeleteHostKey"]);
    assert!(plan.blocks.is_empty(), "{:?}", plan.blocks);
}

#[test]
fn what_is_not_there_any_more_or_never_was_ours_is_nobodys_question() {
    let (object, mut have) = two_of_ours();
    have.host_keys.truncate(1);
    let plan = planned(&have, &object, false);
    assert!(plan.blocks.is_empty(), "{:?}", plan.blocks);
    assert_eq!(operations(&plan), ["UpdateServer"]);
}
