#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::members::{ACCESS_ROLE, LOCAL_PROFILE};
use super::plan::plan;
use super::*;
use crate::api::status::Applied;
use crate::aws::transfer::AgreementSettings;
use crate::engine::kind::PlannedCall;

fn settings(more: &Value) -> AgreementSettings {
    let mut all =
        json!({"localProfileId": "p-1", "partnerProfileId": "p-2", "accessRole": "arn", "baseDirectory": "/b"});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// What differs, what is sent as a whole and in which parts, and whether anything is told to be in the way.
fn planned(want: &Value, have: &Value, applied: &[&str], held: &[&'static str]) -> (Vec<String>, Vec<Value>, bool) {
    let held: BTreeMap<_, _> = held.iter().map(|member| (*member, Reason::new("X", "y"))).collect();
    let mut settings_of = settings(want);
    if held.contains_key(LOCAL_PROFILE) {
        settings_of.local_profile_id = None;
    }
    let want = WantedAgreement { settings: settings_of, tags: Tags::new(), held };
    let have = Agreement {
        server_id: "s-1".to_owned(),
        agreement_id: "a-1".to_owned(),
        settings: settings(have),
        ..Agreement::default()
    };
    let applied = Applied { paths: applied.iter().map(|path| (*path).to_owned()).collect(), ..Applied::default() };
    let owner = Owner::new("c", "team", "x", "uid");
    let plan = plan(&want, &have, &applied, &owner);
    let sent = |call: &PlannedCall| match &call.mutation {
        Mutation::UpdateAgreement(update) => {
            assert_eq!((update.server_id.as_str(), update.agreement_id.as_str()), ("s-1", "a-1"));
            Some(json!(update.settings))
        }
        _ => None,
    };
    let calls = plan.calls.iter().flat_map(|call| std::iter::once(call).chain(&call.parts)).filter_map(sent);
    (plan.changes.iter().map(|change| change.path.clone()).collect(), calls.collect(), !plan.blocks.is_empty())
}

#[test]
fn only_what_differs_is_sent_and_directories_take_each_others_place() {
    let custom = json!({"failedFilesDirectory": "/f", "mdnFilesDirectory": "/m", "payloadFilesDirectory": "/p",
        "statusFilesDirectory": "/s", "temporaryFilesDirectory": "/t"});
    let by_custom = json!({"baseDirectory": null, "customDirectories": custom});
    let all = ["baseDirectory", "customDirectories", "status", "description"];
    let rows: [(Value, Value, &[&str], Vec<Value>); 6] = [
        (json!({}), json!({}), &[], vec![]),
        (json!({}), json!({"status": "ACTIVE", "preserveFilename": "DISABLED"}), &[], vec![]),
        (by_custom.clone(), json!({}), &["customDirectories"], vec![json!({"customDirectories": custom})]),
        (json!({}), by_custom, &["baseDirectory"], vec![json!({"baseDirectory": "/b"})]),
        (json!({}), json!({"status": "INACTIVE"}), &["status"], vec![json!({"status": "ACTIVE"})]),
        (json!({"localProfileId": "p-3"}), json!({}), &["localProfileId"], vec![json!({"localProfileId": "p-3"})]),
    ];
    for (want, have, changes, calls) in rows {
        let (differs, sent, blocked) = planned(&want, &have, &all, &[]);
        assert_eq!((differs, sent, blocked), (changes.iter().map(|&c| c.to_owned()).collect(), calls, false), "{want}");
    }
}

#[test]
fn what_opens_something_goes_as_one_and_never_while_any_of_it_is_held() {
    let want = json!({"accessRole": "arn2", "baseDirectory": "/c", "description": "x", "status": "INACTIVE"});
    let (_, sent, _) = planned(&want, &json!({}), &[], &[]);
    let rest = json!({"description": "x", "status": "INACTIVE"});
    let opening = json!({"accessRole": "arn2", "baseDirectory": "/c"});
    let mut whole = rest.clone();
    whole.as_object_mut().unwrap().extend(opening.as_object().unwrap().clone());
    assert_eq!(sent, [whole, rest.clone(), opening], "as a whole, and in parts once AWS refused that");
    for held in [ACCESS_ROLE, LOCAL_PROFILE] {
        let (differs, sent, _) = planned(&want, &json!({}), &["localProfileId"], &[held]);
        assert_eq!(sent, std::slice::from_ref(&rest), "{held}");
        assert!(differs.contains(&"baseDirectory".to_owned()) && !differs.contains(&"localProfileId".to_owned()));
    }
    let (_, sent, _) = planned(&json!({"status": "ACTIVE"}), &json!({"status": "INACTIVE"}), &[], &[ACCESS_ROLE]);
    assert!(sent.is_empty(), "an agreement whose role is not granted is not opened");
    for (signing, has, goes) in [("DISABLED", "ENABLED", false), ("ENABLED", "DISABLED", true)] {
        let (want, have) = (json!({"enforceMessageSigning": signing}), json!({"enforceMessageSigning": has}));
        let (_, sent, _) = planned(&want, &have, &[], &[ACCESS_ROLE]);
        assert_eq!(!sent.is_empty(), goes, "unsigned messages are taken only together with all else that opens it");
    }
}

#[test]
fn a_description_that_left_the_spec_is_told_and_not_sent() {
    let (differs, sent, blocked) = planned(&json!({}), &json!({"description": "x"}), &["description"], &[]);
    assert_eq!((differs, sent.len(), blocked), (vec!["description".to_owned()], 0, true));
    let (differs, ..) = planned(&json!({}), &json!({"description": "x"}), &[], &[]);
    assert!(differs.is_empty(), "what somebody else wrote stays");
}

#[test]
fn only_an_id_of_server_and_agreement_confirms_anything() {
    for (id, confirmed) in [("s-1/a-1", true), ("a-1", false), ("/a-1", false), ("s-1/", false), ("", false)] {
        let status = TransferAgreementStatus { resource_id: Some(id.to_owned()), ..TransferAgreementStatus::default() };
        assert_eq!((status.confirmed(), status.id().is_some()), (confirmed, confirmed), "{id}");
    }
}
