#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::captured_log::Log;

const TIMES: LeaseConfig = LeaseConfig {
    duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(2),
};

fn held(holder: &str, version: &str) -> LeaseState {
    let duration = TIMES.duration;
    LeaseState::Lease(LeaseRecord { holder: holder.to_owned(), duration, version: version.to_owned() })
}

#[test]
fn every_situation_has_its_step() {
    let start = Instant::now();
    let now = start + Duration::from_mins(1);
    let ago = |seconds| now - Duration::from_secs(seconds);
    let view = |unchanged: u64, renewed: Option<u64>| LeaseView {
        seen: Some(("1".to_owned(), ago(unchanged))),
        renewed: renewed.map(ago),
    };
    let rows = [
        (LeaseState::Absent, view(0, None), LeaseStep::Create, "nobody ever led"),
        (held("", "1"), view(0, None), LeaseStep::Take, "released"),
        (held("other", "1"), view(14, None), LeaseStep::Wait, "renewed lately, as seen here"),
        (held("other", "1"), view(15, None), LeaseStep::Take, "expired, as seen here"),
        (held("me", "1"), view(0, None), LeaseStep::Take, "our own write, whose answer was lost"),
        (LeaseState::Unknown, view(60, None), LeaseStep::Wait, "no answer is no expiry"),
        (held("me", "1"), view(2, Some(2)), LeaseStep::Renew, "as usual"),
        (held("me", "1"), view(9, Some(9)), LeaseStep::Renew, "late, but in time"),
        (held("me", "1"), view(10, Some(10)), LeaseStep::Lost, "too late: another one may be about to take it"),
        (LeaseState::Unknown, view(9, Some(9)), LeaseStep::Wait, "an outage shorter than the deadline"),
        (LeaseState::Unknown, view(10, Some(10)), LeaseStep::Lost, "and a longer one"),
        (held("other", "1"), view(0, Some(2)), LeaseStep::Lost, "taken"),
        (held("", "1"), view(0, Some(2)), LeaseStep::Take, "somebody cleared it"),
        (LeaseState::Absent, view(0, Some(2)), LeaseStep::Create, "somebody deleted it"),
    ];
    for (found, view, expected, why) in rows {
        assert_eq!(next_lease("me", &TIMES, &found, &view, now), expected, "{why}");
    }
}

#[test]
fn expiry_counts_from_the_last_change_seen_whatever_clocks_say() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut view = LeaseView::default();
    let mut look = |seconds, version: &str| {
        let found = held("other", version);
        view.observe(&found, at(seconds));
        next_lease("me", &TIMES, &found, &view, at(seconds))
    };
    assert_eq!(look(0, "1"), LeaseStep::Wait, "how old it is cannot be known");
    assert_eq!(look(14, "1"), LeaseStep::Wait);
    assert_eq!(look(16, "2"), LeaseStep::Wait, "renewed in between");
    assert_eq!(look(30, "2"), LeaseStep::Wait);
    assert_eq!(look(31, "2"), LeaseStep::Take);
}

#[test]
fn a_lease_is_looked_at_in_the_moment_at_which_it_may_be_taken() {
    let (start, usual) = (Instant::now(), Duration::from_secs(2));
    let mut view = LeaseView::default();
    let found = held("other", "1");
    view.observe(&found, start);
    let expires = view.expires(&found);
    let after = |seconds| look_again(usual, expires, start + Duration::from_millis(seconds));
    assert_eq!(after(0), usual, "long before it");
    assert_eq!(after(14_300), Duration::from_millis(700));
    assert_eq!(after(15_000), usual, "it was not had: at the usual pace, so that nobody spins");
    assert_eq!(after(16_000), usual);
    assert_eq!(view.expires(&LeaseState::Absent), None);
    assert_eq!(view.expires(&LeaseState::Unknown), None);
}

#[test]
fn a_holder_gives_up_before_anybody_may_take_over() {
    let start = Instant::now();
    // The holder's last write was begun at the start; the other one saw it no earlier.
    let holder = LeaseView { seen: Some(("1".to_owned(), start)), renewed: Some(start) };
    let other = LeaseView { seen: Some(("1".to_owned(), start)), renewed: None };
    let first = |view: &LeaseView, me: &str, found: &LeaseState, step: LeaseStep| {
        (0..60).find(|second| next_lease(me, &TIMES, found, view, start + Duration::from_secs(*second)) == step)
    };
    let lost = first(&holder, "me", &LeaseState::Unknown, LeaseStep::Lost);
    let taken = first(&other, "other", &held("me", "1"), LeaseStep::Take);
    assert!(lost.is_some() && lost < taken, "{lost:?} {taken:?}");
}

#[test]
fn times_that_would_let_two_lead_are_refused() {
    assert!(TIMES.checked().is_ok());
    let seconds = Duration::from_secs;
    for (duration, deadline, retry) in [(10, 10, 2), (15, 2, 2), (9, 10, 2)] {
        let times = LeaseConfig {
            duration: seconds(duration),
            renew_deadline: seconds(deadline),
            retry_period: seconds(retry),
        };
        assert!(times.checked().is_err(), "{times:?}");
    }
}

struct Still;

impl Env for Still {
    fn uuid(&self) -> String {
        String::new()
    }

    fn fraction(&self) -> f64 {
        0.5
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// The warnings of one round, where the API server answers a GET and other calls like this.
async fn warnings(get: (u16, Value), write: (u16, Value)) -> String {
    told_in_rounds(1, Shard::WHOLE, get, write, (200, list(&[]))).await.0
}

/// The warnings of so many rounds of a shard, and whether it leads after them; `listed` is what a list is answered.
async fn told_in_rounds(
    rounds: u32,
    shard: Shard,
    get: (u16, Value),
    write: (u16, Value),
    listed: (u16, Value),
) -> (String, bool) {
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let hangs = lists(&request) && listed.0 == HANGS;
        let (code, body) = match request.method() {
            _ if lists(&request) => listed.clone(),
            &http::Method::GET => get.clone(),
            _ => write.clone(),
        };
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            let body = kube::client::Body::from(body.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    let api = Api::namespaced(kube::Client::new(service, "ns"), "ns");
    let mut lease = mine(&api, "me").of_shard(shard);
    let (log, _guard) = Log::begin();
    for _ in 0..rounds {
        lease.round().await;
    }
    let warnings: Vec<String> = log.texts().into_iter().filter(|line| line.contains("WARN")).collect();
    (warnings.join("\n"), lease.view.renewed.is_some())
}

/// No code: the call is never answered.
const HANGS: u16 = 0;

/// Whether all Leases of the namespace are asked for.
fn lists(request: &http::Request<kube::client::Body>) -> bool {
    request.method() == http::Method::GET && request.uri().path().ends_with("/leases")
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList", "metadata": {}, "items": items})
}

fn failure(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code});
    (code, status)
}

#[tokio::test]
async fn a_missing_right_is_told_with_the_verb_that_its_role_lacks() {
    let free = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "mine", "namespace": "ns", "resourceVersion": "1"},
    });
    for (get, write, verb) in [
        (failure(403, "Forbidden"), failure(500, "InternalError"), "get"),
        (failure(404, "NotFound"), failure(403, "Forbidden"), "create"),
        ((200, free.clone()), failure(403, "Forbidden"), "update"),
    ] {
        let told = warnings(get, write).await;
        assert!(
            told.contains("WARN") && told.contains("Role") && told.contains(&format!("\"verb\":\"{verb}\"")),
            "{told}"
        );
    }
    assert_eq!(warnings((200, free), failure(409, "Conflict")).await, "", "somebody else was quicker");
}

#[tokio::test(start_paused = true)]
async fn why_no_shard_is_looked_for_is_told_and_only_the_whole_goes_on_then() {
    let free = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "mine", "namespace": "ns", "resourceVersion": "1"},
    });
    let forbidden = failure(403, "Forbidden");
    for (shard, listed, leads, why) in [
        ("0/1", forbidden.clone(), true, "Role"),
        ("1/2", forbidden, false, "Role"),
        ("0/1", failure(500, "InternalError"), false, "cannot look for other shards"),
        ("1/2", failure(503, "ServiceUnavailable"), false, "cannot look for other shards"),
        ("0/1", (HANGS, Value::Null), false, "no answer in time"),
    ] {
        let free = (200, free.clone());
        let (told, led) = told_in_rounds(3, shard.parse().unwrap(), free.clone(), free, listed.clone()).await;
        assert_eq!(led, leads, "{shard} {listed:?} {told}");
        assert!(told.contains("\"verb\":\"list\"") && told.contains(why), "{shard} {listed:?} {told}");
        assert_eq!(told.matches("WARN").count(), 1, "once as long as it stays so: {told}");
    }
}

#[test]
fn outside_a_pod_the_namespace_of_the_lease_must_be_said() {
    let of = |flag, pod| namespace_of(flag, pod).map_err(|error| error.contains("--lease-namespace"));
    assert_eq!(of(Some("flag"), Some("pod")), Ok("flag".to_owned()));
    assert_eq!(of(None, Some("pod\n")), Ok("pod".to_owned()));
    assert_eq!(of(None, None), Err(true));
    assert_eq!(of(Some(""), None), Err(true));
}

/// What the API server does with a call.
#[derive(Clone, Copy, Debug)]
enum Reply {
    After(Duration),
    Never,
}

/// A Lease in memory behind an API server that answers GETs and other calls as `reply` says, by the seconds since the
/// start; and what was stored in it, one after the other.
fn stored(
    first: Option<Value>,
    reply: impl Fn(bool, f64) -> Reply + Send + Sync + 'static,
) -> (Api<Object>, Arc<Mutex<Vec<Value>>>) {
    let writes = Arc::new(Mutex::new(Vec::from_iter(first)));
    let (held, reply, start) = (Arc::clone(&writes), Arc::new(reply), Instant::now());
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (held, reply) = (Arc::clone(&held), Arc::clone(&reply));
        async move {
            let reads = request.method() == http::Method::GET;
            match reply(reads, start.elapsed().as_secs_f64()) {
                Reply::After(time) => tokio::time::sleep(time).await,
                Reply::Never => std::future::pending().await,
            }
            let all = lists(&request);
            let (_, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            let mut held = held.lock().unwrap();
            if !reads {
                let mut object: Value = serde_json::from_slice(&bytes).unwrap();
                object["metadata"]["resourceVersion"] = json!(held.len().to_string());
                held.push(object);
            }
            let (code, body) = held.last().cloned().map_or_else(|| failure(404, "NotFound"), |object| (200, object));
            let (code, body) = if all { (200, list(&Vec::from_iter(held.last().cloned()))) } else { (code, body) };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    (Api::namespaced(kube::Client::new(service, "ns"), "ns"), writes)
}

fn mine(api: &Api<Object>, me: &str) -> Lease {
    Lease::new(api.clone(), "mine".to_owned(), me.to_owned(), TIMES, Arc::new(Still), LeaderState::default())
}

/// Takes a Lease, and answers how long after its last renewal it was given up.
async fn given_up_after(reply: impl Fn(bool, f64) -> Reply + Send + Sync + 'static) -> Duration {
    let (api, writes) = stored(None, reply);
    let mut lease = mine(&api, "me");
    lease.acquire().await;
    let (mut renewed, mut held) = (Instant::now(), Box::pin(lease.hold()));
    let mut known = writes.lock().unwrap().len();
    // Counts from when the last write that was answered was made: a little late, so the bound is the harder one.
    while tokio::time::timeout(Duration::from_millis(100), &mut held).await.is_err() {
        let now = writes.lock().unwrap().len();
        if now != known {
            (known, renewed) = (now, Instant::now());
        }
    }
    renewed.elapsed()
}

#[tokio::test(start_paused = true)]
async fn whatever_call_hangs_the_deadline_ends_the_lead() {
    let soon = Reply::After(Duration::from_millis(10));
    let slow = Reply::After(Duration::from_millis(3200));
    let after = given_up_after(move |_, at| if at < 5.0 { soon } else { Reply::Never }).await;
    assert!(after <= TIMES.renew_deadline, "every call hangs: {after:?}");
    let after = given_up_after(move |reads, at| if at < 5.0 || reads { soon } else { Reply::Never }).await;
    assert!(after <= TIMES.renew_deadline, "every write hangs: {after:?}");
    let after = given_up_after(move |reads, at| match reads {
        _ if at < 5.0 => soon,
        true => slow,
        false => Reply::Never,
    })
    .await;
    assert!(after <= TIMES.renew_deadline, "slow reads, then writes that hang: {after:?}");
}

#[tokio::test(start_paused = true)]
async fn transitions_count_who_takes_over_not_the_first_nor_a_release() {
    let (api, writes) = stored(None, |_, _| Reply::After(Duration::ZERO));
    let (mut first, mut second) = (mine(&api, "first"), mine(&api, "second"));
    first.acquire().await;
    first.round().await;
    first.release().await;
    second.acquire().await;
    second.release().await;
    first.acquire().await;
    let told: Vec<(String, i64)> = writes
        .lock()
        .unwrap()
        .iter()
        .map(|object| {
            let spec = &object["spec"];
            (spec["holderIdentity"].as_str().unwrap().to_owned(), spec["leaseTransitions"].as_i64().unwrap())
        })
        .collect();
    let expected = [("first", 0), ("first", 0), ("", 0), ("second", 1), ("", 1), ("first", 2)];
    assert_eq!(told, expected.map(|(holder, count)| (holder.to_owned(), count)));
}

/// Notes what it is handed, and leaves what it is told to.
#[derive(Default)]
struct Notes {
    taken: Mutex<Vec<String>>,
    leaves: Mutex<Option<String>>,
    asked: Mutex<Vec<(Option<String>, bool)>>,
}

impl Heritage for Notes {
    fn annotation(&self) -> &'static str {
        "example.com/note"
    }

    fn take(&self, text: &str) {
        self.taken.lock().unwrap().push(text.to_owned());
    }

    fn leave(&self, stands: Option<&str>, last: bool) -> Option<String> {
        self.asked.lock().unwrap().push((stands.map(str::to_owned), last));
        self.leaves.lock().unwrap().take()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_leader_leaves_goes_with_its_renewals_to_whoever_leads_next() {
    let (api, writes) = stored(None, |_, _| Reply::After(Duration::ZERO));
    let (one, other) = (Arc::<Notes>::default(), Arc::<Notes>::default());
    let mut first = mine(&api, "first").handing_on(Arc::clone(&one) as Arc<dyn Heritage>);
    let mut second = mine(&api, "second").handing_on(Arc::clone(&other) as Arc<dyn Heritage>);
    first.acquire().await;
    for left in [None, Some("five"), None] {
        *one.leaves.lock().unwrap() = left.map(str::to_owned);
        first.round().await;
    }
    *one.leaves.lock().unwrap() = Some("six".to_owned());
    first.release().await;
    second.acquire().await;
    second.round().await;
    let five = || Some("five".to_owned());
    assert_eq!(*one.asked.lock().unwrap(), [(None, false), (None, false), (five(), false), (five(), true)]);
    assert!(one.taken.lock().unwrap().is_empty(), "there was no leader before");
    assert_eq!(*other.taken.lock().unwrap(), ["six"]);
    let stands = |object: &Value| object["metadata"]["annotations"]["example.com/note"].as_str().map(str::to_owned);
    let six = || Some("six".to_owned());
    let expected = [None, None, five(), five(), six(), six(), six()];
    assert_eq!(writes.lock().unwrap().iter().map(stands).collect::<Vec<_>>(), expected, "no write beside the renewals");
}
