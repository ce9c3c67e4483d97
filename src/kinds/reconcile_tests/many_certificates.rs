//! Among a thousand certificates of others, what it costs to find one's own: no listing has tags, so each is read.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::rig::{PARTNER_CERTIFICATE, Rig};
use crate::engine::owner::Owner;
use crate::engine::requeue::Requeue;
use crate::kinds::fakes::cloud::Lose;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::operation::Operation;

const KIND: &str = "TransferCertificate";
/// AWS's quota is 1,000 in an account and region.
const OTHERS: usize = 990;
/// Reads that the account's rate lets through in a second.
const RATE: usize = 10;

/// An account that is full of certificates but for a few, each of an object of another cluster.
fn among_others() -> Rig {
    let rig = Rig::reading(10.0);
    for n in 0..OTHERS {
        let owner = Owner::new("another-cluster", "team", &format!("partner-{n}"), &format!("uid-of-partner-{n}"));
        let tags: Vec<Value> =
            owner.tags("attempt").into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let input = json!({"Usage": "SIGNING", "Certificate": PARTNER_CERTIFICATE, "Tags": tags});
        rig.cloud.sim().out_of_band(Operation::ImportCertificate, ACCOUNT, REGION, input, rig.cloud.now()).unwrap();
    }
    rig
}

/// Makes this one, and loses the answer: it is looked for, until it is found. How many were read for that, and how long it
/// took.
async fn found_again(rig: &Rig, object: &str) -> (usize, Duration) {
    let reads = || rig.cloud.asked().iter().filter(|asked| asked.starts_with("DescribeCertificate")).count();
    let (before, began) = (reads(), Instant::now());
    rig.cloud.lose("ImportCertificate", Lose::Answer);
    rig.certificate(object, json!({}));
    while rig.status(KIND, object)["certificateId"].is_null() {
        // Time goes on by itself: whoever asks AWS waits for the limiter.
        if let Requeue::After(delay) = rig.reconcile(KIND, object).await {
            tokio::time::sleep(delay).await;
        }
        assert!(began.elapsed() < Duration::from_hours(1), "{}", rig.status(KIND, object));
    }
    assert_eq!(rig.cloud.calls(), ["ImportCertificate"], "found, not made anew");
    (reads() - before, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn ones_own_among_a_thousand_is_found_at_the_rate_and_others_read_once() {
    let rig = among_others();
    let (reads, took) = found_again(&rig, "first").await;
    assert!((OTHERS..OTHERS + 20).contains(&reads), "{reads}");
    let least = Duration::from_secs(u64::try_from(OTHERS / RATE).unwrap() - 5);
    assert!(took >= least, "{took:?}: past the limiter");
    let (reads, took) = found_again(&rig, "second").await;
    assert!(reads < 20, "{reads}: whose the others are is remembered");
    assert!(took < least, "{took:?}");
}
