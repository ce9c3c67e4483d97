//! That all calls of a reconcile wait as it does: what somebody waits for goes before looks, and a look that turns out to
//! be more does so too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::aws::transfer::Tags;
use crate::aws::{CallClass, Priority, Rank};
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::kinds::server::TaggedServers;
use crate::kinds::tag_index::TagIndex;

const USER: &str = "TransferUser";
/// Looks at other objects that wait at the limiter.
const CROWD: u32 = 8;

/// A reconcile over alice among looks that wait already: how many of them went before its end.
async fn looks_before(rig: &Rig, rank: &Rank) -> u32 {
    looks_before_end(rig, rig.reconcile_as(USER, "alice", rank)).await
}

/// The same for any work.
async fn looks_before_end<T>(rig: &Rig, work: impl Future<Output = T>) -> u32 {
    let went = Arc::new(AtomicU32::new(0));
    for _ in 0..CROWD {
        let (limiter, went) = (rig.limiter(), Arc::clone(&went));
        tokio::spawn(async move {
            let _ = limiter.acquire(ACCOUNT, REGION, CallClass::Read, Rank::default()).await;
            went.fetch_add(1, Ordering::SeqCst);
        });
    }
    tokio::task::yield_now().await;
    work.await;
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

#[tokio::test(start_paused = true)]
async fn an_edit_that_shares_a_look_for_tags_takes_it_along() {
    let rig = Rig::reading(1.0);
    for id in ["s-00000000000000001", "s-00000000000000002"] {
        rig.cloud.put_server(id, Tags::new(), |_| ());
    }
    let account = rig.cloud.account_of(ACCOUNT, REGION, &rig.limiter());
    let owner = Owner::new(CLUSTER, "team", "files", "uid-files");
    for (joins, before) in [(None, CROWD..=CROWD), (Some(Priority::Change), 1..=2)] {
        let index = Arc::<TagIndex<TaggedServers>>::default();
        let (first, asked) = (index.ask(), index.ask());
        let edit = joins.map(|priority| account.clone().ranked(&Rank::of(priority)));
        let look = async {
            let begun = index.find_by_tags(&account, &owner, first);
            let joined = async {
                // It asked before the look began, so that the look is its own as well.
                tokio::task::yield_now().await;
                if let Some(edit) = &edit {
                    index.find_by_tags(edit, &owner, asked).await.unwrap();
                }
            };
            futures::join!(begun, joined).0.unwrap();
        };
        let went = looks_before_end(&rig, look).await;
        assert!(before.contains(&went), "{joins:?}: {went} looks went before the end of it");
    }
}
