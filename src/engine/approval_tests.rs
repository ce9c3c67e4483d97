#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::api::TransferServer;
use crate::api::status::OperationPhase;
use crate::engine::diff::Effect;

fn change(have: &str) -> Change {
    Change { path: "ipAddressType".to_owned(), have: json!(have), want: json!("DUALSTACK"), effect: Effect::Offline }
}

fn object(generation: i64, approval: &str, annotation: Option<&str>) -> TransferServer {
    let mut object: TransferServer = serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
        "metadata": {"name": "files", "namespace": "team", "uid": "u", "generation": generation},
        "spec": {"region": "eu-central-1", "lifecycle": {"approval": approval}},
    }))
    .unwrap();
    object.metadata.annotations = annotation.map(|text| BTreeMap::from([(APPROVE.to_owned(), text.to_owned())]));
    object
}

#[test]
fn a_plan_is_another_one_with_another_object_edit_value_or_effect() {
    let one = plan_hash("u", 1, &[change("IPV4")]);
    assert_eq!(plan_hash("u", 1, &[change("IPV4")]), one);
    let restart = Change { effect: Effect::Restart, ..change("IPV4") };
    let want = Change { want: json!("IPV4"), ..change("IPV4") };
    let long = |end: &str| Change { want: json!("x".repeat(5000) + end), ..change("IPV4") };
    let listed = |have: Value, want: Value| plan_hash("u", 1, &[Change { have, want, ..change("IPV4") }]);
    let (there, back) = (json!(["a", "b"]), json!(["b", "a"]));
    assert_eq!(listed(there.clone(), Value::Null), listed(back.clone(), Value::Null), "in whatever order AWS lists");
    assert_ne!(listed(Value::Null, there), listed(Value::Null, back), "addresses go with subnets by their order");
    let others = [
        plan_hash("v", 1, &[change("IPV4")]),
        plan_hash("u", 2, &[change("IPV4")]),
        plan_hash("u", 1, &[change("other")]),
        plan_hash("u", 1, &[want]),
        plan_hash("u", 1, &[restart]),
        plan_hash("u", 1, &[change("IPV4"), change("IPV4")]),
        plan_hash("u", 1, &[]),
    ];
    for other in others {
        assert_ne!(other, one);
    }
    assert_ne!(plan_hash("u", 1, &[long("a")]), plan_hash("u", 1, &[long("b")]), "also where status cuts it");
}

#[test]
fn a_change_waits_until_its_own_plan_is_approved() {
    let changes = [change("IPV4")];
    let hash = plan_hash("u", 3, &changes);
    let of = |approval: &str, annotation: Option<&str>| approved(&object(3, approval, annotation), &changes, None);
    assert_eq!(of("None", None), Approved::NotNeeded);
    assert_eq!(approved(&object(3, "Required", None), &[], None), Approved::NotNeeded, "nothing stops");
    assert_eq!(of("Required", Some(&hash)), Approved::Given(hash.clone()));
    assert_eq!(of("Required", Some(&format!(" {hash}\n"))), Approved::Given(hash.clone()));
    let before = plan_hash("u", 2, &changes);
    for other in [None, Some(""), Some("yes"), Some(before.as_str())] {
        let Approved::Missing(reason) = of("Required", other) else { panic!("{other:?} passes") };
        assert_eq!((reason.code, reason.needs_person), (reasons::APPROVAL_REQUIRED, false));
        let command = format!(
            "kubectl annotate transferservers files --namespace team --overwrite transfer-operator.dev/approve={hash}"
        );
        assert!(reason.message.ends_with(&command) && reason.message.contains("spec.ipAddressType"), "{reason:?}");
    }
    let drifted = approved(&object(3, "Required", Some(&hash)), &[change("other")], None);
    assert!(matches!(drifted, Approved::Missing(_)), "what AWS has by now is another plan");
}

#[test]
fn what_was_begun_goes_on_as_it_was_approved_and_no_further() {
    let pinned = plan_hash("u", 3, &[change("IPV4")]);
    let at = |phase, generation| {
        let record = OperationRecord { phase, plan_hash: Some(pinned.clone()), ..OperationRecord::default() };
        approved(&object(generation, "Required", None), &[change("half done")], Some(&record))
    };
    let begun =
        [OperationPhase::Stopping, OperationPhase::Stopped, OperationPhase::TakingBack, OperationPhase::Starting];
    for phase in begun {
        assert_eq!(at(phase, 3), Approved::Given(pinned.clone()), "{phase:?}");
        assert!(matches!(at(phase, 4), Approved::Missing(_)), "{phase:?}: of another edit it says nothing");
    }
    for phase in [OperationPhase::Withdrawn, OperationPhase::GivenUp] {
        assert!(matches!(at(phase, 3), Approved::Missing(_)), "{phase:?}: it would be stopped anew");
    }
    let unpinned = OperationRecord::default();
    let asked = approved(&object(3, "Required", None), &[change("IPV4")], Some(&unpinned));
    assert!(matches!(asked, Approved::Missing(_)), "begun before anybody asked for approval");
}
