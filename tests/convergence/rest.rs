//! What many objects at rest cost, and how soon it is seen what somebody else changed in AWS. Counted in virtual time.

use std::collections::BTreeMap;
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
    let reads = ["List", "Describe", "GetCallerIdentity"];
    assert!(calls.keys().all(|operation| reads.iter().any(|read| operation.starts_with(read))), "{calls:?}");
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

/// All that a start costs with so many servers, each with up to a thousand users: a page is a call.
fn cold_start(servers: u64) -> BTreeMap<String, u64> {
    let of_each = ["DescribeServer", "ListHostKeys", "ListUsers"].map(|operation| (operation, servers));
    let once = [("GetCallerIdentity", 1), ("ListServers", 1)];
    once.into_iter().chain(of_each).map(|(operation, calls)| (operation.to_owned(), calls)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_thousand_users_on_a_server_is_five_calls_and_no_write() {
    let crowd = Crowd::on(1, 1000);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(RESYNC).await;
    assert_eq!(crowd.ready(), 1000);
    crowd.spent();
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(STARTED).await;
    assert_eq!(crowd.spent(), cold_start(1));
    assert_eq!(crowd.ready(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_start_among_many_in_sync_lists_them_and_looks_at_none() {
    let (crowd, _) = settled().await;
    let version = crowd.version();
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(STARTED).await;
    let calls = crowd.calls();
    println!("{USERS} users in sync after a start: {calls:?}");
    assert_eq!(calls, cold_start(SERVERS as u64));
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
