//! What many objects at rest cost, and how soon it is seen what somebody else changed in AWS. Counted in virtual time.

use std::time::Duration;

use serde_json::json;

use crate::crowd::{Crowd, Operator, RESYNC, SERVERS};

/// More than the budget of full looks lets be looked at each resync: they come to one in half an hour.
const USERS: usize = 400;
const FULL_LOOK: Duration = Duration::from_mins(30);
const HOUR: Duration = Duration::from_hours(1);
/// Calls an hour at rest, however many objects there are.
const AT_REST: u64 = 1000;
/// A start is over once the first sweep was heard.
const STARTED: Duration = Duration::from_secs(30);
/// A sweep comes every five minutes, a fifth more at the most; and what it wakes is looked at.
const SWEPT: Duration = Duration::from_secs(370);

async fn settled() -> (std::sync::Arc<Crowd>, Operator) {
    let crowd = Crowd::of(USERS);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(RESYNC * 6).await;
    assert_eq!(crowd.ready(), USERS);
    crowd.calls();
    (crowd, operator)
}

#[tokio::test(start_paused = true)]
async fn many_users_at_rest_cost_a_thousand_calls_an_hour_and_change_nothing() {
    let (crowd, mut operator) = settled().await;
    operator.run_for(HOUR).await;
    let calls = crowd.calls();
    println!("{USERS} users at rest for an hour: {calls:?}");
    assert!(calls.keys().all(|operation| operation.starts_with("List") || operation.starts_with("Describe")));
    assert!(calls.values().sum::<u64>() <= AT_REST, "{calls:?}");
    // Each user is looked at in full, and more often than the budget says none.
    let looks = calls["DescribeUser"];
    assert!((USERS as u64 * 7 / 4..=USERS as u64 * 5 / 2).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn what_a_listing_shows_is_put_right_after_the_next_sweep() {
    let (crowd, mut operator) = settled().await;
    for number in [3, 77, 390] {
        crowd.drift(number, &json!({"Role": "arn:aws:iam::123456789012:role/sftp/other"}));
    }
    operator.run_for(SWEPT).await;
    assert_eq!(crowd.calls().get("UpdateUser"), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn what_no_listing_shows_is_put_right_by_the_next_full_look() {
    let (crowd, mut operator) = settled().await;
    crowd.drift(5, &json!({"HomeDirectoryMappings": [{"Entry": "/", "Target": "/b/elsewhere"}]}));
    operator.run_for(FULL_LOOK).await;
    let updates = crowd.calls().get("UpdateUser").copied();
    assert_eq!(updates, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_start_among_many_in_sync_lists_them_and_looks_at_none() {
    let (crowd, _) = settled().await;
    let version = crowd.version();
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(STARTED).await;
    let calls = crowd.calls();
    println!("{USERS} users in sync after a start: {calls:?}");
    assert!(!calls.contains_key("DescribeUser"), "{calls:?}");
    let servers = SERVERS as u64;
    // The first user of a server that comes before the server itself looks whose it is.
    let looked = calls["DescribeServer"];
    assert!((servers..=2 * servers).contains(&looked), "{calls:?}");
    // All servers have the same security policy.
    let few = ["ListServers", "DescribeSecurityPolicy", "ListHostKeys", "ListUsers"].map(|operation| calls[operation]);
    assert_eq!((few, calls.len()), ([1, 1, servers, servers], 5), "{calls:?}");
    assert_eq!(crowd.version(), version, "nothing is written");
    operator.run_for(HOUR).await;
    let looks = crowd.calls()["DescribeUser"];
    assert!((USERS as u64 * 3 / 2..=USERS as u64 * 5 / 2).contains(&looks), "each has its turn: {looks}");
    assert_eq!(crowd.version(), version, "nothing is written");
}

#[tokio::test(start_paused = true)]
async fn what_changed_while_nobody_looked_is_put_right_at_the_start() {
    let (crowd, _) = settled().await;
    crowd.drift(8, &json!({"Role": "arn:aws:iam::123456789012:role/sftp/other"}));
    crowd.edit_key(9, 1);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(STARTED).await;
    let calls = crowd.calls();
    let changes = ["UpdateUser", "ImportSshPublicKey", "DeleteSshPublicKey"].map(|operation| calls[operation]);
    assert_eq!(changes, [1, 1, 1], "{calls:?}");
    assert!(calls["DescribeUser"] <= 6, "{calls:?}");
    assert_eq!(crowd.ready(), USERS);
}
