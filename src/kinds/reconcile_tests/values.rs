//! Values that can only be a mistake: nothing is made with them, and what AWS has from earlier stays.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LAG, ROLE, Rig};
use crate::aws::transfer::{LoginSettings, PosixProfile, User};
use crate::kinds::fakes::{ACCOUNT, REGION};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";

async fn hosted() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

fn stalled(rig: &Rig) -> String {
    rig.says(USER, "alice", "Stalled").map(|(_, reason)| reason).unwrap_or_default()
}

fn profile() -> Value {
    json!({"uid": 1, "gid": 2})
}

#[tokio::test(start_paused = true)]
async fn no_user_is_made_with_a_value_that_can_only_be_a_mistake() {
    let overlapping = json!([{"entry": "/a", "target": "/b"}, {"entry": "/a/b", "target": "/b"}]);
    let rows = [
        (json!({"policy": "{\"hello\": 1}"}), "InvalidSpec"),
        (json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": overlapping}), "InvalidSpec"),
        (json!({"posixProfile": profile()}), "InvalidForServer"),
    ];
    for (spec, reason) in rows {
        let rig = hosted().await;
        rig.user("alice", spec.clone());
        rig.settle(USER, "alice").await;
        assert_eq!(stalled(&rig), reason, "{spec}");
        assert!(rig.cloud.calls().is_empty() && rig.get(USER, "alice").unwrap()["metadata"]["finalizers"].is_null());
        rig.edit(USER, "alice", |object| {
            let wrong: Vec<String> = spec.as_object().unwrap().keys().cloned().collect();
            object["spec"].as_object_mut().unwrap().retain(|field, _| !wrong.contains(field));
        });
        rig.settle(USER, "alice").await;
        assert_eq!(rig.cloud.calls(), ["CreateUser"], "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_that_has_such_a_value_is_taken_over_and_may_let_go_of_it() {
    let rig = hosted().await;
    let settings = LoginSettings {
        role: Some(ROLE.to_owned()),
        posix_profile: Some(PosixProfile { uid: 1, gid: 2, secondary_gids: None }),
        ..LoginSettings::default()
    };
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:user/s-00000000000000001/alice");
    let user = User { arn, user_name: "alice".to_owned(), settings, ..User::default() };
    rig.cloud.users().insert((FIRST.to_owned(), "alice".to_owned()), user);
    rig.user("alice", json!({"posixProfile": profile(), "lifecycle": {"adoption": {"mode": "IfIdentical"}}}));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");

    rig.edit(USER, "alice", |object| object["spec"]["posixProfile"]["uid"] = json!(5));
    rig.settle(USER, "alice").await;
    assert_eq!(stalled(&rig), "InvalidForServer", "another value is a new one");
    let applied = |rig: &Rig| rig.status(USER, "alice")["applied"]["paths"].to_string();
    rig.edit(USER, "alice", |object| object["spec"]["posixProfile"]["uid"] = json!(1));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    assert!(applied(&rig).contains("posixProfile"));

    rig.edit(USER, "alice", |object| {
        object["spec"].as_object_mut().unwrap().remove("posixProfile");
    });
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True", "on S3 it means nothing");
    assert!(rig.cloud.calls().is_empty() && !applied(&rig).contains("posixProfile"));
}

#[tokio::test(start_paused = true)]
async fn a_posix_profile_on_efs_cannot_leave_and_holds_nothing_else_up() {
    for kind in [USER, "TransferAccess"] {
        let rig = Rig::new();
        let directory = json!({"domain": "EFS", "identityProviderType": "AWS_DIRECTORY_SERVICE"});
        rig.server("files", if kind == USER { json!({"domain": "EFS"}) } else { directory });
        rig.settle(SERVER, "files").await;
        let mut spec = json!({"serverRef": {"name": "files"}, "role": ROLE, "posixProfile": profile(),
            "homeDirectory": "/fs-0123456789abcdef0/a"});
        if kind != USER {
            spec["externalId"] = json!("S-1-2");
        }
        rig.put(kind, "alice", spec);
        rig.settle(kind, "alice").await;
        assert_eq!(rig.says(kind, "alice", "Ready").unwrap().0, "True", "{kind}");
        rig.cloud.calls();
        rig.edit(kind, "alice", |object| {
            object["spec"].as_object_mut().unwrap().remove("posixProfile");
        });
        rig.run(kind, "alice", Duration::from_mins(30)).await;
        assert_eq!(rig.says(kind, "alice", "Stalled").unwrap().1, "CannotClear", "{kind}");
        assert!(rig.message(kind, "alice").contains("spec.posixProfile"), "{}", rig.message(kind, "alice"));
        assert!(rig.cloud.calls().is_empty(), "{kind}: AWS is not asked for what it cannot do");
        rig.edit(kind, "alice", |object| object["spec"]["homeDirectory"] = json!("/fs-0123456789abcdef0/b"));
        rig.settle(kind, "alice").await;
        assert_eq!(rig.cloud.calls(), [if kind == USER { "UpdateUser" } else { "UpdateAccess" }]);
        assert_eq!(rig.says(kind, "alice", "Stalled").unwrap().1, "CannotClear", "{kind}");
        rig.edit(kind, "alice", |object| object["spec"]["posixProfile"] = profile());
        // Nothing is to be sent so soon after a call that no look has shown: AWS may show what was there before.
        rig.settle(kind, "alice").await;
        assert_eq!(rig.says(kind, "alice", "Ready").unwrap().1, "WaitingForAws", "{kind}");
        rig.run(kind, "alice", LAG).await;
        assert_eq!(rig.says(kind, "alice", "Ready").unwrap().0, "True", "{kind}");
        assert!(rig.cloud.calls().is_empty(), "{kind}: AWS has it still");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_does_not_say_that_a_last_key_stays() {
    let rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}]})).await;
    rig.edit(USER, "alice", |object| {
        object["spec"]["lifecycle"] = json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"});
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": OTHER}]);
    });
    rig.settle(USER, "alice").await;
    // The finalizer went, and a watch tells of that.
    rig.settle(USER, "alice").await;
    let message = rig.message(USER, "alice");
    assert!(message.starts_with("ObserveOnly: user alice exists") && !message.contains("stays"), "{message}");
    assert_eq!(rig.status(USER, "alice")["drift"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_set_in_aws_and_no_spec_names_is_shown_and_left_alone() {
    let rig = hosted().await;
    let workflow = json!({"onUpload": [{"workflowId": "w-1", "executionRole": ROLE}]});
    rig.cloud.servers().values_mut().for_each(|server| {
        server.settings.post_authentication_login_banner = Some("hello".to_owned());
        server.settings.logging_role = Some(ROLE.to_owned());
        server.settings.workflow_details = serde_json::from_value(workflow.clone()).unwrap();
    });
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    let status = rig.status(SERVER, "files");
    let fields: Vec<&str> =
        status["unset"].as_array().unwrap().iter().map(|row| row["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        ["spec.loggingRole", "spec.postAuthenticationLoginBanner", "spec.workflowDetails.onUpload"],
        "{status:#}"
    );
    assert_eq!(rig.says(SERVER, "files", "Advisory").unwrap().1, "WorkflowUnset");
    assert_eq!(
        (rig.says(SERVER, "files", "Ready").unwrap().0, rig.says(SERVER, "files", "Drifted")),
        ("True".to_owned(), None)
    );
    assert!(rig.cloud.calls().is_empty());
    rig.edit(SERVER, "files", |object| object["spec"]["postAuthenticationLoginBanner"] = json!("ours"));
    rig.settle(SERVER, "files").await;
    rig.edit(SERVER, "files", |object| {
        object["spec"].as_object_mut().unwrap().remove("postAuthenticationLoginBanner");
    });
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["unset"].as_array().unwrap().len(), 2, "taken over, and cleared");
}
