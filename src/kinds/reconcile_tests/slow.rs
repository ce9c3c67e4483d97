//! Where few calls may go out: what takes longer than a reconcile comes to its end all the same, and is no defect.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::rig::{Lose, Rig};
use crate::aws::transfer::Tags;
use crate::engine::owner::Owner;
use crate::kinds::fakes::CLUSTER;

const SERVER: &str = "TransferServer";
/// Strangers in the account. Without tags of ours they are described in every look.
const STRANGERS: u64 = 300;
/// A server that somebody else made.
const ANOTHER: &str = "s-a0000000000000000";

/// One read per second goes out, and a look takes five minutes.
fn crowded() -> Arc<Rig> {
    let rig = Rig::reading(1.0);
    for number in 0..STRANGERS {
        rig.cloud.put_server(&format!("s-e{number:016}"), Tags::new(), |_| {});
    }
    rig.server("files", json!({}));
    Arc::new(rig)
}

fn ready(rig: &Rig) -> (String, String) {
    rig.says(SERVER, "files", "Ready").unwrap()
}

fn no_defect(rig: &Rig) {
    let notes = rig.objects.notes.lock().unwrap();
    assert!(notes.iter().all(|note| note.reason != "InternalError"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_create_and_a_deletion_end_however_many_strangers_are_looked_through() {
    let rig = crowded();
    rig.control("files", Duration::from_secs(20)).await;
    assert_eq!(ready(&rig).1, "WaitingForAws");
    rig.control("files", Duration::from_mins(6)).await;
    assert_eq!(ready(&rig).0, "True", "{:?}", rig.status(SERVER, "files"));
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    assert!(rig.cloud.reads() < STRANGERS + 20, "one look is enough");

    rig.delete(SERVER, "files");
    rig.control("files", Duration::from_secs(20)).await;
    assert_eq!(ready(&rig).1, "Deleting");
    rig.control("files", Duration::from_mins(20)).await;
    assert_eq!(rig.get(SERVER, "files"), None);
    assert_eq!(rig.cloud.calls(), ["DeleteServer"]);
    no_defect(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_is_found_again_in_a_look_that_began_after_it() {
    let rig = crowded();
    rig.cloud.lose("CreateServer", Lose::Answer);
    rig.control("files", Duration::from_mins(20)).await;
    assert_eq!(ready(&rig).0, "True", "{:?}", rig.status(SERVER, "files"));
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    no_defect(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_began_before_a_create_says_nothing_of_it() {
    let rig = crowded();
    rig.control("files", Duration::from_mins(2)).await;
    // Another process, whose look ended sooner, writes its attempt down and makes the server.
    let owner = Owner::new(CLUSTER, "team", "files", "uid-files");
    Rig::write_status(&rig.objects, SERVER, "files", |status| {
        status["create"]["phase"] = json!("InFlight");
        status["create"]["attempt"] = json!("of-another");
    });
    rig.cloud.put_server(ANOTHER, owner.tags("of-another"), |_| {});
    rig.control("files", Duration::from_mins(20)).await;
    assert_eq!(rig.status(SERVER, "files")["serverId"], ANOTHER);
    assert!(!rig.cloud.calls().contains(&"CreateServer".to_owned()), "it was there when the next look began");
    no_defect(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_waits_for_the_limiter_is_not_cut() {
    // One read in 200 seconds.
    let rig = Arc::new(Rig::reading(0.005));
    rig.server("files", json!({}));
    rig.control("files", Duration::from_hours(2)).await;
    assert_eq!(ready(&rig).0, "True", "{:?}", rig.status(SERVER, "files"));
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    no_defect(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_was_asked_for_long_ago_says_nothing_any_more() {
    let rig = crowded();
    rig.control("files", Duration::from_mins(2)).await;
    // Nobody comes back for it, and meanwhile somebody puts the tags on a server of this object's.
    tokio::time::sleep(Duration::from_hours(3)).await;
    let owner = Owner::new(CLUSTER, "team", "files", "uid-files");
    rig.cloud.put_server(ANOTHER, owner.tags("attempt"), |_| {});
    rig.control("files", Duration::from_mins(10)).await;
    assert_eq!(rig.status(SERVER, "files")["serverId"], ANOTHER);
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}
