//! That all calls of a reconcile wait as it does: what somebody waits for goes before looks, and a look that turns out to
//! be more does so too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::aws::{CallClass, Priority, Rank};
use crate::kinds::fakes::{ACCOUNT, REGION};

const USER: &str = "TransferUser";
/// Looks at other objects that wait at the limiter.
const CROWD: u32 = 8;

/// A reconcile over alice among looks that wait already: how many of them went before its end.
async fn looks_before(rig: &Rig, rank: &Rank) -> u32 {
    let went = Arc::new(AtomicU32::new(0));
    for _ in 0..CROWD {
        let (limiter, went) = (rig.limiter(), Arc::clone(&went));
        tokio::spawn(async move {
            let _ = limiter.acquire(ACCOUNT, REGION, CallClass::Read, Rank::default()).await;
            went.fetch_add(1, Ordering::SeqCst);
        });
    }
    tokio::task::yield_now().await;
    rig.reconcile_as(USER, "alice", rank).await;
    let before = went.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(went.load(Ordering::SeqCst), CROWD, "looks go on");
    before
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_goes_before_looks_where_somebody_waits_for_it() {
    let rig = Rig::reading(1.0);
    rig.server("files", json!({}));
    rig.settle("TransferServer", "files").await;
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(looks_before(&rig, &Rank::default()).await >= CROWD - 2, "a look waits for its turn");
    assert!(looks_before(&rig, &Rank::of(Priority::Change)).await <= 2, "an edit does not");
    let unseen = Rank::default();
    rig.edit(USER, "alice", |user| user["spec"]["home"] = json!({"s3": {"bucket": "other"}}));
    assert!(looks_before(&rig, &unseen).await <= 2, "nor one that is found at a look");
    assert_eq!(unseen.priority(), Priority::Retry);
    assert_eq!(rig.cloud.calls().last().map(String::as_str), Some("UpdateUser"));
}
