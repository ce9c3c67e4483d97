//! Users and accesses on a server whose identity provider keeps none of them.

use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, ROLE, Rig};
use crate::sim::config::Leniency;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

/// The server as a person has it in AWS from now on.
fn lambda(rig: &Rig) {
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.identity_provider_type = Some("AWS_LAMBDA".to_owned());
}

/// Users of other tools, peers.md C 20: a user on a server that keeps no users.
#[tokio::test(start_paused = true)]
async fn a_login_that_its_server_does_not_keep_says_so_and_sends_nothing() {
    let rows = [
        (USER, "AWS_DIRECTORY_SERVICE", "users"),
        (USER, "AWS_LAMBDA", "users"),
        (ACCESS, "SERVICE_MANAGED", "accesses"),
        (ACCESS, "AWS_LAMBDA", "accesses"),
    ];
    for (kind, provider, kept) in rows {
        for raw in [false, true] {
            let rig = Rig::new();
            rig.grant(&[FIRST]);
            let directory = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"});
            rig.server("files", if provider == "AWS_DIRECTORY_SERVICE" { directory } else { json!({}) });
            rig.settle(SERVER, "files").await;
            if provider == "AWS_LAMBDA" {
                lambda(&rig);
                rig.edit(SERVER, "files", |server| {
                    server["spec"]["identityProviderType"] = json!(provider);
                    server["spec"]["identityProviderDetails"] =
                        json!({"function": "arn:aws:lambda:eu-central-1:123456789012:function:logins"});
                });
                rig.settle(SERVER, "files").await;
            }
            let mut spec = json!({"role": ROLE});
            if raw {
                spec["serverId"] = json!(FIRST);
                spec["region"] = json!(crate::kinds::fakes::REGION);
                spec["awsIdentityRef"] = json!({"name": "default"});
            } else {
                spec["serverRef"] = json!({"name": "files"});
            }
            if kind == ACCESS {
                spec["externalId"] = json!("S-1-2");
            }
            rig.cloud.calls();
            rig.put(kind, "alice", spec);
            rig.settle(kind, "alice").await;
            let stalled = ("True".to_owned(), "InvalidForServer".to_owned());
            assert_eq!(rig.says(kind, "alice", "Stalled"), Some(stalled), "{kind} {provider} {raw}");
            let message = rig.message(kind, "alice");
            assert!(message.contains(&format!("this server does not keep {kept}")), "{message}");
            assert!(message.contains(&format!("server {FIRST} has identity provider {provider}")), "{message}");
            assert_eq!(rig.cloud.calls(), Vec::<String>::new(), "{kind} {provider}");
            assert!(rig.get(kind, "alice").unwrap()["metadata"]["finalizers"].is_null(), "it never began");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn users_that_aws_refuses_to_delete_go_with_their_server() {
    for (leniency, alone) in [(Leniency::Accept, true), (Leniency::Refuse, false)] {
        let rig = Rig::with_user(json!({})).await;
        lambda(&rig);
        rig.cloud.sim().config.users_of_other_provider = leniency;
        tokio::time::advance(Duration::from_hours(1)).await;
        rig.edit(SERVER, "files", |server| {
            server["spec"]["identityProviderType"] = json!("AWS_LAMBDA");
            server["spec"]["identityProviderDetails"] =
                json!({"function": "arn:aws:lambda:eu-central-1:123456789012:function:logins"});
        });
        rig.settle(SERVER, "files").await;
        rig.cloud.calls();
        rig.delete(SERVER, "files");
        rig.run(SERVER, "files", Duration::from_mins(1)).await;
        let message = rig.message(SERVER, "files");
        assert!(message.contains("TransferUser team/alice"), "it is asked to go itself: {message}");
        rig.delete(USER, "alice");
        rig.run(USER, "alice", Duration::from_mins(30)).await;
        assert_eq!(rig.get(USER, "alice").is_none(), alone, "{leniency:?}");
        assert_eq!(rig.cloud.calls(), if alone { vec!["DeleteUser"] } else { vec![] });
        rig.run(SERVER, "files", Duration::from_mins(30)).await;
        assert_eq!(
            rig.get(SERVER, "files"),
            None,
            "{leniency:?}: {:?}",
            rig.get(SERVER, "files").map(|s| s["status"]["conditions"].clone())
        );
        assert_eq!(rig.cloud.calls(), ["DeleteServer"]);
        rig.run(USER, "alice", Duration::from_hours(2)).await;
        assert_eq!(rig.get(USER, "alice"), None, "with its server");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_user_that_is_protected_or_to_stay_holds_its_server() {
    let rows = [
        (json!({"lifecycle": {"deletionProtection": true}}), true),
        (json!({"lifecycle": {"deletionPolicy": "Retain"}}), true),
        (json!({}), false),
    ];
    for (spec, other) in rows {
        let rig = Rig::with_user(spec.clone()).await;
        if other {
            lambda(&rig);
            rig.cloud.sim().config.users_of_other_provider = Leniency::Refuse;
        } else {
            rig.cloud.refuse("InvalidRequestException", "no", |call| call.operation() == "DeleteUser");
        }
        rig.delete(USER, "alice");
        rig.run(USER, "alice", Duration::from_mins(30)).await;
        assert!(rig.get(USER, "alice").is_some(), "{spec}");
        rig.delete(SERVER, "files");
        rig.run(SERVER, "files", Duration::from_mins(30)).await;
        assert!(rig.message(SERVER, "files").contains("TransferUser team/alice"), "{spec}");
        assert!(!rig.cloud.calls().contains(&"DeleteServer".to_owned()), "{spec}");
    }
}

/// What the advice says, whatever it says it under.
fn advice(rig: &Rig) -> String {
    let status = rig.status(SERVER, "files");
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition["type"] == "Advisory");
    found.map(|condition| format!("{}: {}", condition["reason"], condition["message"])).unwrap_or_default()
}

/// Users of other tools, peers.md C 1: another identity provider is no other server, and its users stay behind.
#[tokio::test(start_paused = true)]
async fn users_that_another_provider_leaves_behind_are_worth_a_look() {
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:logins";
    for (provider, details) in [
        ("AWS_LAMBDA", json!({"function": function})),
        ("AWS_DIRECTORY_SERVICE", json!({"directoryId": "d-0123456789"})),
    ] {
        let rig = Rig::with_user(json!({})).await;
        rig.settle(SERVER, "files").await;
        assert_eq!(advice(&rig), "", "they are asked for");
        rig.edit(SERVER, "files", |server| {
            server["spec"]["identityProviderType"] = json!(provider);
            server["spec"]["identityProviderDetails"] = details;
        });
        rig.settle(SERVER, "files").await;
        assert_eq!(rig.cloud.calls(), ["UpdateServer"], "{provider}: the same server, in place");
        rig.settle(SERVER, "files").await;
        let told = advice(&rig);
        assert!(told.contains("UsersLeftBehind") && told.contains(provider), "{provider}: {told}");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "{provider}");
        let writes = *rig.objects.writes.lock().unwrap();
        rig.run(SERVER, "files", Duration::from_hours(1)).await;
        assert_eq!(*rig.objects.writes.lock().unwrap(), writes, "{provider}: once");
        rig.cloud.users().clear();
        rig.run(SERVER, "files", Duration::from_mins(11)).await;
        assert_eq!(advice(&rig), "", "{provider}: there is none any more");
    }
}
