//! What AWS tells of security policies: the names near one that it refused, and what the one in force allows. Calls are
//! counted: a server in order costs one a day, whatever their number.

use std::time::Duration;

use serde_json::json;

use super::rig::{Lose, Rig};
use crate::aws::AwsErrorKind;

const SERVER: &str = "TransferServer";
const LIST: &str = "ListSecurityPolicies";
const DESCRIBE: &str = "DescribeSecurityPolicy";
const UNKNOWN: &str = "TransferSecurityPolicy-2025-04";
const NEAREST: &str = "; AWS lists no security policy TransferSecurityPolicy-2025-04; the nearest are \
                       TransferSecurityPolicy-2025-03, TransferSecurityPolicy-2024-01, ";
const OLD: &str = "TransferSecurityPolicy-2018-11";

/// How often AWS was asked this.
fn asked(rig: &Rig, operation: &str) -> usize {
    rig.cloud.sim().calls.since(0).filter(|call| call.operation == operation).count()
}

/// A server that is in order.
async fn ready() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    rig
}

fn set(rig: &Rig, policy: &str) {
    rig.edit(SERVER, "files", |object| object["spec"]["securityPolicyName"] = json!(policy));
}

fn advice(rig: &Rig, object: &str) -> String {
    let status = rig.status(SERVER, object);
    let advisory = status["conditions"].as_array().unwrap().iter().find(|found| found["type"] == "Advisory");
    advisory.map(|found| found["message"].as_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_refused_policy_is_told_with_the_nearest_names_of_awss_list() {
    let rig = ready().await;
    // What is near stands on different pages.
    rig.cloud.sim().config.page_size = 4;
    assert_eq!(asked(&rig, LIST), 0, "a server in order asks for no list");
    set(&rig, UNKNOWN);
    rig.settle(SERVER, "files").await;
    let message = rig.message(SERVER, "files");
    assert!(message.contains("Unsupported security policy") && message.contains(NEAREST), "{message}");
    assert!(message.ends_with("(not in force: spec.securityPolicyName)"), "{message}");
    let pages = asked(&rig, LIST);
    assert!(pages > 3, "{pages} pages");
    rig.run(SERVER, "files", Duration::from_mins(50)).await;
    assert_eq!(asked(&rig, LIST), pages, "once an hour, however often AWS refuses it");
    rig.run(SERVER, "files", Duration::from_hours(5)).await;
    assert!(asked(&rig, LIST) <= 6 * pages, "{} pages in six hours", asked(&rig, LIST));
    assert!(rig.message(SERVER, "files").contains(NEAREST));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_refused_when_it_is_made_is_told_the_names_too() {
    let rig = Rig::new();
    rig.server("files", json!({"securityPolicyName": UNKNOWN}));
    rig.settle(SERVER, "files").await;
    let message = rig.message(SERVER, "files");
    assert!(message.contains("CreateServer") && message.contains(NEAREST), "{message}");
    assert_eq!(asked(&rig, LIST), 1);
    rig.server("more", json!({"securityPolicyName": UNKNOWN}));
    rig.settle(SERVER, "more").await;
    assert!(rig.message(SERVER, "more").contains(NEAREST));
    assert_eq!(asked(&rig, LIST), 1, "the list counts for everybody");
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_for_another_reason_asks_for_no_list() {
    let rig = ready().await;
    rig.cloud.refuse("InvalidRequestException", "no banner", |_| true);
    rig.edit(SERVER, "files", |object| object["spec"]["preAuthenticationLoginBanner"] = json!("hello"));
    set(&rig, "TransferSecurityPolicy-2025-03");
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert!(rig.message(SERVER, "files").contains("no banner"));
    assert_eq!(asked(&rig, LIST), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_leaves_awss_words_and_is_asked_for_an_hour_later() {
    for kind in [AwsErrorKind::Denied, AwsErrorKind::Unavailable] {
        let rig = ready().await;
        rig.cloud.lose(LIST, Lose::Call(kind));
        set(&rig, UNKNOWN);
        rig.run(SERVER, "files", Duration::from_mins(50)).await;
        let message = rig.message(SERVER, "files");
        assert!(message.contains("Unsupported security policy") && !message.contains("nearest"), "{message}");
        assert_eq!(asked(&rig, LIST), 0, "the one that failed is in no log");
        rig.run(SERVER, "files", Duration::from_hours(2)).await;
        assert!(rig.message(SERVER, "files").contains(NEAREST), "{kind:?}");
        assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "Rejected");
    }
}

#[tokio::test(start_paused = true)]
async fn servers_with_one_policy_cost_one_look_at_it_a_day() {
    let rig = Rig::new();
    for name in ["files", "more", "most"] {
        rig.server(name, json!({}));
        rig.settle(SERVER, name).await;
    }
    assert_eq!(asked(&rig, DESCRIBE), 1);
    for name in ["files", "more", "most"] {
        rig.run(SERVER, name, Duration::from_hours(7)).await;
    }
    assert_eq!(asked(&rig, DESCRIBE), 1, "21 hours");
    rig.run(SERVER, "files", Duration::from_hours(5)).await;
    assert_eq!(asked(&rig, DESCRIBE), 2, "26 hours");
    assert_eq!((advice(&rig, "files"), asked(&rig, LIST)), (String::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn advice_names_what_the_policy_allows_and_else_goes_by_its_name() {
    let rig = ready().await;
    for denied in [true, false] {
        if denied {
            rig.cloud.lose(DESCRIBE, Lose::Call(AwsErrorKind::Denied));
            set(&rig, OLD);
        }
        rig.settle(SERVER, "files").await;
        let told = advice(&rig, "files");
        assert!(told.contains(OLD), "{told}");
        assert_eq!(told.contains("is an old one"), denied, "{told}");
        assert_eq!(told.contains("SSH key exchange diffie-hellman-group14-sha1"), !denied, "{told}");
        assert_eq!(told.contains("TransferSecurityPolicy-2025-03 does not"), !denied, "{told}");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "nothing fails for it");
        rig.run(SERVER, "files", Duration::from_mins(90)).await;
    }
    set(&rig, "TransferSecurityPolicy-2025-03");
    rig.settle(SERVER, "files").await;
    assert_eq!(advice(&rig, "files"), "");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_anew_is_as_it_was() {
    let rig = ready().await;
    set(&rig, OLD);
    rig.settle(SERVER, "files").await;
    let told = advice(&rig, "files");
    assert!(told.contains("SSH MAC hmac-sha1"), "{told}");
    let before = asked(&rig, DESCRIBE);
    rig.cloud.lose(DESCRIBE, Lose::Call(AwsErrorKind::Unavailable));
    rig.run(SERVER, "files", Duration::from_mins(24 * 60 + 30)).await;
    assert_eq!((advice(&rig, "files"), asked(&rig, DESCRIBE)), (told, before), "asked, and AWS did not answer");
}

#[tokio::test(start_paused = true)]
async fn a_start_asks_for_no_policy_and_what_was_said_of_it_stands() {
    let mut rig = ready().await;
    set(&rig, OLD);
    rig.settle(SERVER, "files").await;
    let (told, before) = (advice(&rig, "files"), asked(&rig, DESCRIBE));
    assert!(told.contains("SSH MAC hmac-sha1"), "{told}");
    rig.restart();
    rig.settle(SERVER, "files").await;
    assert_eq!((advice(&rig, "files"), asked(&rig, DESCRIBE)), (told.clone(), before), "the first look");
    rig.run(SERVER, "files", Duration::from_mins(6)).await;
    assert_eq!((advice(&rig, "files"), asked(&rig, DESCRIBE)), (told, before + 1), "the second");
    rig.restart();
    set(&rig, "TransferSecurityPolicy-2025-03");
    rig.settle(SERVER, "files").await;
    assert_eq!((advice(&rig, "files"), asked(&rig, DESCRIBE)), (String::new(), before + 3), "before and after an edit");
}
