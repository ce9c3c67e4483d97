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
    let crowd = Crowd::on(1, USERS);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(RESYNC * 6).await;
    let hours = 6;
    crowd.calls();
    let version = crowd.version();
    operator.run_for(HOUR * hours).await;
    let calls = crowd.calls();
    println!("{USERS} users on a server at rest for {hours} hours: {calls:?}");
    let reads = ["List", "Describe", "GetCallerIdentity"];
    assert!(calls.keys().all(|what| reads.iter().any(|read| what.starts_with(read))), "{calls:?}");
    assert_eq!(crowd.version(), version, "nothing is written");
    let of = |what: &str| calls.get(what).copied().unwrap_or_default() / u64::from(hours);
    // Each user is looked at in full, and all of them as often as the budget says.
    let looks = of("DescribeUser");
    assert!((800..=850).contains(&looks), "{calls:?}");
    let swept = ["ListServers", "ListUsers"].map(of);
    assert_eq!(swept, [11, 11], "a sweep in a little more than five minutes: {calls:?}");
    let servers = ["DescribeServer", "ListHostKeys"].map(of);
    assert!(servers.iter().all(|looks| (11..=12).contains(looks)), "{calls:?}");
    // Ten thousand users are nine pages more in each sweep, and as many full looks.
    let total = calls.values().sum::<u64>() / u64::from(hours);
    assert!(total + 9 * of("ListUsers") <= AT_REST, "{calls:?}");
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
    let crowd = Crowd::on(1, 0);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(RESYNC).await;
    (0..1000).for_each(|number| crowd.apply_user(number));
    operator.run_for(RESYNC).await;
    assert_eq!(crowd.ready(), 1000);
    let looks = crowd.calls().get("DescribeUser").copied().unwrap_or_default();
    assert!(looks <= 450, "who was just made is looked at in its turn, too: {looks} looks");
    let version = crowd.version();
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(STARTED).await;
    assert_eq!(crowd.calls(), cold_start(1));
    assert_eq!((crowd.ready(), crowd.version()), (1000, version), "nothing is written");
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

#[tokio::test(start_paused = true)]
async fn another_host_name_is_a_write_for_each_user_by_and_by_and_no_look() {
    let users = 1000;
    let crowd = Crowd::on(1, users);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    // Each was looked at, and shows the ids of its keys.
    operator.run_for(HOUR * 3).await;
    crowd.spent();
    crowd.rename(0, "sftp.example.com");
    let (mut writes, mut looks) = (Vec::new(), 0);
    for _ in 0..17 {
        operator.run_for(Duration::from_mins(1)).await;
        let spent = crowd.spent();
        let on = |what: &str| spent.get(what).copied().unwrap_or_default();
        writes.push(on("status TransferUser"));
        looks += on("DescribeUser");
    }
    println!("{looks} looks; writes by minute: {writes:?}");
    assert_eq!(writes.iter().sum::<u64>(), users as u64);
    assert!(writes.iter().all(|writes| *writes <= 160), "{writes:?}");
    // Those whose turn it is in a quarter of an hour, of 833 an hour.
    assert!((150..=300).contains(&looks), "{looks}");
    assert_eq!(crowd.ready(), users);
}
