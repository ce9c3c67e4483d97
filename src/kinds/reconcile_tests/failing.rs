//! A server that AWS does not manage to start or to stop: it is told to once an hour, and a person is called.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::rig::{FIRST, Rig};
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const HOURS: u64 = 5;

/// What was sent, and in which minute, for so long.
async fn sent(rig: &Rig, span: Duration) -> Vec<(u64, String)> {
    let began = Instant::now();
    let mut sent = Vec::new();
    while began.elapsed() <= span {
        let next = rig.reconcile(SERVER, "files").await;
        let minute = began.elapsed().as_secs() / 60;
        sent.extend(rig.cloud.calls().into_iter().map(|operation| (minute, operation)));
        match next {
            Requeue::Again => {}
            Requeue::After(wait) | Requeue::Elsewhere(wait) | Requeue::Rest(wait) => tokio::time::advance(wait).await,
            Requeue::OnChange => panic!("nobody comes back"),
        }
    }
    sent
}

/// From now on starts and stops end so.
fn ends(rig: &Rig, start: &str, stop: &str) {
    let mut sim = rig.cloud.sim();
    (sim.config.start_outcome, sim.config.stop_outcome) = (start.to_owned(), stop.to_owned());
}

/// What happens to a server that runs, and which operation fails from then on, for which reason.
struct Row {
    what: &'static str,
    begins: fn(&Rig),
    fails: &'static str,
    reason: &'static str,
    /// What is sent besides.
    besides: &'static [&'static str],
}

const ROWS: [Row; 4] = [
    Row {
        what: "somebody stopped it",
        begins: |rig| rig.cloud.servers().get_mut(FIRST).unwrap().state = Some("OFFLINE".to_owned()),
        fails: "StartServer",
        reason: "StartFailed",
        besides: &[],
    },
    Row {
        what: "it is not wanted any more",
        begins: |rig| rig.edit(SERVER, "files", |object| object["spec"]["desiredState"] = json!("OFFLINE")),
        fails: "StopServer",
        reason: "StopFailed",
        besides: &[],
    },
    Row {
        what: "it does not start after a change",
        begins: |rig| rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK")),
        fails: "StartServer",
        reason: "StartFailed",
        besides: &["StopServer", "UpdateServer"],
    },
    Row {
        what: "it does not stop for a change",
        begins: |rig| rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK")),
        fails: "StopServer",
        reason: "StopFailed",
        besides: &[],
    },
];

#[tokio::test(start_paused = true)]
async fn what_fails_to_start_or_stop_is_told_to_once_an_hour_and_stalls() {
    for Row { what, begins, fails, reason, besides } in ROWS {
        let mut rig = Rig::new();
        rig.server("files", json!({}));
        rig.settle(SERVER, "files").await;
        rig.cloud.calls();
        let (start, stop) =
            if fails == "StartServer" { ("START_FAILED", "OFFLINE") } else { ("ONLINE", "STOP_FAILED") };
        ends(&rig, start, stop);
        begins(&rig);
        let all = sent(&rig, Duration::from_hours(HOURS)).await;
        let (tries, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, operation)| operation == fails);
        let others: Vec<&str> = others.iter().map(|(_, operation)| operation.as_str()).collect();
        assert_eq!(others, besides, "{what}");
        let minutes: Vec<u64> = tries.iter().map(|(minute, _)| *minute).collect();
        assert_eq!(tries.len() as u64, HOURS + 1, "{what}: {minutes:?}");
        // Outside of a change the first failure is told first, and the next look tries again.
        let mut gaps = minutes.windows(2).map(|pair| pair[1] - pair[0]).skip(1);
        assert!(gaps.all(|gap| (60..75).contains(&gap)), "{what}: {minutes:?}");
        assert_eq!(rig.says(SERVER, "files", "Stalled").map(|(_, reason)| reason).as_deref(), Some(reason), "{what}");

        // The hour is this process's own.
        rig.restart();
        let again = sent(&rig, Duration::from_mins(5)).await;
        assert_eq!(again.iter().map(|(_, operation)| operation.as_str()).collect::<Vec<_>>(), [fails], "{what}");

        ends(&rig, "ONLINE", "OFFLINE");
        sent(&rig, Duration::from_mins(80)).await;
        let ready = rig.says(SERVER, "files", "Ready").unwrap().0;
        assert_eq!(
            (ready.as_str(), rig.says(SERVER, "files", "Stalled")),
            ("True", None),
            "{what}: it did, in the end"
        );
    }
}
