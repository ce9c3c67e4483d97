//! The lease: of several replicas one works, the others stand by with warm caches.
//!
//! It is for calm, not for safety: two replicas at once would call AWS twice as often and still make no server twice,
//! because every mutation rests on a live read under resourceVersion (`engine::create`). So there is no fencing here.
//! No clock of another machine is believed: a lease has expired when this replica saw it unchanged for its duration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::Instant;

use crate::engine::settings::Chance;

/// How long the release may take: the process is about to end.
const RELEASE: Duration = Duration::from_secs(3);

/// The three times of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Unchanged for so long, it may be taken.
    pub duration: Duration,
    /// Not renewed for so long, its holder gives up: well before anybody may take it.
    pub renew_deadline: Duration,
    /// How often it is looked at and renewed.
    pub retry_period: Duration,
}

impl Times {
    /// Whether a holder that loses contact gives up before another one begins.
    ///
    /// # Errors
    /// What is wrong with the flags.
    pub fn checked(self) -> Result<Self, String> {
        let Self { duration, renew_deadline, retry_period } = self;
        if duration > renew_deadline && renew_deadline > retry_period && duration >= Duration::from_secs(1) {
            return Ok(self);
        }
        Err("--lease-duration (1s or more) must be longer than --lease-renew-deadline, and that longer than \
             --lease-retry-period"
            .to_owned())
    }
}

/// A Lease as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty if nobody does.
    pub holder: String,
    /// For how long from its last change.
    pub duration: Duration,
    /// Its resourceVersion: another one with every change.
    pub version: String,
}

/// What a look at it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The API server did not answer.
    Unknown,
    /// There is none.
    Absent,
    /// This.
    Lease(Record),
}

/// What a replica knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The version that was seen last, and since when it stands.
    pub seen: Option<(String, Instant)>,
    /// When the last write of this replica that was accepted was begun: while there is one, it leads.
    pub renewed: Option<Instant>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create it.
    Create,
    /// Take it over.
    Take,
    /// Renew it.
    Renew,
    /// Look again later.
    Wait,
    /// This replica led and does no longer.
    Lost,
}

impl View {
    /// Takes down what a look showed.
    pub fn observe(&mut self, found: &Found, now: Instant) {
        match found {
            Found::Unknown => {}
            Found::Absent => self.seen = None,
            Found::Lease(record) => {
                if self.seen.as_ref().is_none_or(|(version, _)| *version != record.version) {
                    self.seen = Some((record.version.clone(), now));
                }
            }
        }
    }
}

/// Decides the step of the replica `me`, whose view has [observed](View::observe) what was found.
#[must_use]
pub fn next_lease(me: &str, times: &Times, found: &Found, view: &View, now: Instant) -> Step {
    let overdue = view.renewed.is_some_and(|at| now.duration_since(at) >= times.renew_deadline);
    let leads = view.renewed.is_some();
    let unchanged = view.seen.as_ref().map_or(Duration::ZERO, |(_, since)| now.duration_since(*since));
    match found {
        _ if overdue => Step::Lost,
        Found::Absent => Step::Create,
        Found::Lease(Record { holder, .. }) if holder == me && leads => Step::Renew,
        // Free, or ours by a write whose answer was lost.
        Found::Lease(Record { holder, .. }) if holder.is_empty() || holder == me => Step::Take,
        Found::Lease(_) if leads => Step::Lost,
        Found::Lease(Record { duration, .. }) if unchanged >= *duration => Step::Take,
        Found::Lease(_) | Found::Unknown => Step::Wait,
    }
}

/// Whether this replica leads, for whoever wants to know.
#[derive(Clone, Debug, Default)]
pub struct Leading(Arc<AtomicBool>);

impl Leading {
    /// Whether it does.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says so.
    pub fn set(&self, leads: bool) {
        self.0.store(leads, Ordering::Relaxed);
    }
}

/// The lease as one replica sees it.
pub struct Lease {
    api: Api<Object>,
    name: String,
    me: String,
    times: Times,
    chance: Arc<dyn Chance>,
    leading: Leading,
    view: View,
    /// The holder that was told last.
    told: Option<String>,
}

impl Lease {
    /// Not held yet. `me` must differ between replicas and between starts of one.
    #[must_use]
    pub fn new(
        api: Api<Object>,
        name: String,
        me: String,
        times: Times,
        chance: Arc<dyn Chance>,
        leading: Leading,
    ) -> Self {
        Self { api, name, me, times, chance, leading, view: View::default(), told: None }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&mut self) {
        while self.view.renewed.is_none() {
            self.round().await;
            if self.view.renewed.is_none() {
                // Replicas that started together do not stay in step.
                tokio::time::sleep(self.times.retry_period.mul_f64(0.8 + 0.4 * self.chance.fraction())).await;
            }
        }
        tracing::info!(lease = %self.name, me = %self.me, "leading");
        self.leading.set(true);
    }

    /// Renews until it is lost.
    pub async fn hold(&mut self) {
        loop {
            tokio::time::sleep(self.times.retry_period).await;
            if self.round().await == Step::Lost {
                self.leading.set(false);
                self.view.renewed = None;
                return;
            }
        }
    }

    /// Gives it back, so that another replica takes it at once instead of after its expiry.
    pub async fn release(&mut self) {
        if self.view.renewed.take().is_none() {
            return;
        }
        self.leading.set(false);
        let release = async {
            let object = self.api.get(&self.name).await?;
            if holder(&object) != self.me {
                return Ok(());
            }
            self.write(object, "").await
        };
        match tokio::time::timeout(RELEASE, release).await {
            Ok(Ok(())) => tracing::info!(lease = %self.name, "released"),
            Ok(Err(error)) => tracing::warn!(lease = %self.name, %error, "not released, it expires"),
            Err(_) => tracing::warn!(lease = %self.name, "not released in time, it expires"),
        }
    }

    /// One look and what follows from it.
    async fn round(&mut self) -> Step {
        // No call may take so long that the deadline passes unseen.
        let patience = self.times.renew_deadline / 3;
        let began = Instant::now();
        let (found, object) = match tokio::time::timeout(patience, self.api.get_opt(&self.name)).await {
            Ok(Ok(None)) => (Found::Absent, Object::default()),
            Ok(Ok(Some(object))) => (Found::Lease(self.record(&object)), object),
            Ok(Err(error)) => {
                if !self.forbidden("get", &error) {
                    tracing::warn!(lease = %self.name, %error, "cannot read the lease");
                }
                (Found::Unknown, Object::default())
            }
            Err(_) => (Found::Unknown, Object::default()),
        };
        let now = Instant::now();
        self.view.observe(&found, now);
        let step = next_lease(&self.me, &self.times, &found, &self.view, now);
        match step {
            Step::Create | Step::Take | Step::Renew => {
                let outcome = tokio::time::timeout(patience, self.write(object, &self.me)).await;
                match outcome {
                    Ok(Ok(())) => self.view.renewed = Some(began),
                    Ok(Err(error))
                        if self.forbidden(if step == Step::Create { "create" } else { "update" }, &error) => {}
                    // Somebody else was quicker, or is unwilling; the next look tells.
                    Ok(Err(error)) => tracing::debug!(lease = %self.name, ?step, %error, "not written"),
                    Err(_) => tracing::warn!(lease = %self.name, ?step, "no answer in time"),
                }
            }
            Step::Wait => self.tell(&found),
            Step::Lost => tracing::error!(lease = %self.name, ?found, "the lease is lost"),
        }
        step
    }

    /// Whether a call was refused for want of a right, which it then says: only a person can give it.
    fn forbidden(&self, verb: &str, error: &kube::Error) -> bool {
        let refused = matches!(error, kube::Error::Api(status) if status.code == 403);
        if refused {
            tracing::warn!(
                lease = %self.name, verb, %error,
                "no right to the lease: a Role in its namespace must allow the verb on leases of coordination.k8s.io, \
                 by this name; the chart makes one for its own name and namespace only"
            );
        }
        refused
    }

    /// Says once whom it waits for.
    fn tell(&mut self, found: &Found) {
        let Found::Lease(Record { holder, .. }) = found else { return };
        if self.view.renewed.is_none() && self.told.as_ref() != Some(holder) {
            tracing::info!(lease = %self.name, %holder, "another replica leads; standing by");
            self.told = Some(holder.clone());
        }
    }

    fn record(&self, object: &Object) -> Record {
        let seconds = object.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        Record {
            holder: holder(object).to_owned(),
            duration: duration.unwrap_or(self.times.duration),
            version: object.metadata.resource_version.clone().unwrap_or_default(),
        }
    }

    /// Writes the lease for `to`, on the version that was read.
    async fn write(&self, mut object: Object, to: &str) -> kube::Result<()> {
        let now = Some(MicroTime(self.chance.wall()));
        let same = holder(&object) == to;
        let spec = object.spec.get_or_insert_with(LeaseSpec::default);
        if !same {
            spec.acquire_time.clone_from(&now);
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().saturating_add(1));
        }
        spec.holder_identity = Some(to.to_owned());
        spec.lease_duration_seconds = Some(i32::try_from(self.times.duration.as_secs()).unwrap_or(i32::MAX));
        spec.renew_time = now;
        if object.metadata.resource_version.is_some() {
            self.api.replace(&self.name, &PostParams::default(), &object).await.map(drop)
        } else {
            object.metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            self.api.create(&PostParams::default(), &object).await.map(drop)
        }
    }
}

fn holder(object: &Object) -> &str {
    object.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::sync::Mutex;

    use serde_json::{Value, json};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    const TIMES: Times = Times {
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };

    fn held(holder: &str, version: &str) -> Found {
        let duration = TIMES.duration;
        Found::Lease(Record { holder: holder.to_owned(), duration, version: version.to_owned() })
    }

    #[test]
    fn every_situation_has_its_step() {
        let start = Instant::now();
        let now = start + Duration::from_mins(1);
        let ago = |seconds| now - Duration::from_secs(seconds);
        let view = |unchanged: u64, renewed: Option<u64>| View {
            seen: Some(("1".to_owned(), ago(unchanged))),
            renewed: renewed.map(ago),
        };
        let rows = [
            (Found::Absent, view(0, None), Step::Create, "nobody ever led"),
            (held("", "1"), view(0, None), Step::Take, "released"),
            (held("other", "1"), view(14, None), Step::Wait, "renewed lately, as seen here"),
            (held("other", "1"), view(15, None), Step::Take, "expired, as seen here"),
            (held("me", "1"), view(0, None), Step::Take, "our own write, whose answer was lost"),
            (Found::Unknown, view(60, None), Step::Wait, "no answer is no expiry"),
            (held("me", "1"), view(2, Some(2)), Step::Renew, "as usual"),
            (held("me", "1"), view(9, Some(9)), Step::Renew, "late, but in time"),
            (held("me", "1"), view(10, Some(10)), Step::Lost, "too late: another one may be about to take it"),
            (Found::Unknown, view(9, Some(9)), Step::Wait, "an outage shorter than the deadline"),
            (Found::Unknown, view(10, Some(10)), Step::Lost, "and a longer one"),
            (held("other", "1"), view(0, Some(2)), Step::Lost, "taken"),
            (held("", "1"), view(0, Some(2)), Step::Take, "somebody cleared it"),
            (Found::Absent, view(0, Some(2)), Step::Create, "somebody deleted it"),
        ];
        for (found, view, expected, why) in rows {
            assert_eq!(next_lease("me", &TIMES, &found, &view, now), expected, "{why}");
        }
    }

    #[test]
    fn expiry_counts_from_the_last_change_that_was_seen_here_whatever_the_clocks_say() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut view = View::default();
        let mut look = |seconds, version: &str| {
            let found = held("other", version);
            view.observe(&found, at(seconds));
            next_lease("me", &TIMES, &found, &view, at(seconds))
        };
        assert_eq!(look(0, "1"), Step::Wait, "how old it is cannot be known");
        assert_eq!(look(14, "1"), Step::Wait);
        assert_eq!(look(16, "2"), Step::Wait, "renewed in between");
        assert_eq!(look(30, "2"), Step::Wait);
        assert_eq!(look(31, "2"), Step::Take);
    }

    #[test]
    fn a_holder_gives_up_before_anybody_may_take_over() {
        let start = Instant::now();
        // The holder's last write was begun at the start; the other one saw it no earlier.
        let holder = View { seen: Some(("1".to_owned(), start)), renewed: Some(start) };
        let other = View { seen: Some(("1".to_owned(), start)), renewed: None };
        let first = |view: &View, me: &str, found: &Found, step: Step| {
            (0..60).find(|second| next_lease(me, &TIMES, found, view, start + Duration::from_secs(*second)) == step)
        };
        let lost = first(&holder, "me", &Found::Unknown, Step::Lost);
        let taken = first(&other, "other", &held("me", "1"), Step::Take);
        assert!(lost.is_some() && lost < taken, "{lost:?} {taken:?}");
    }

    #[test]
    fn times_that_would_let_two_lead_are_refused() {
        assert!(TIMES.checked().is_ok());
        let seconds = Duration::from_secs;
        for (duration, deadline, retry) in [(10, 10, 2), (15, 2, 2), (9, 10, 2)] {
            let times =
                Times { duration: seconds(duration), renew_deadline: seconds(deadline), retry_period: seconds(retry) };
            assert!(times.checked().is_err(), "{times:?}");
        }
    }

    struct Still;

    impl Chance for Still {
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

    /// What was logged, one line each.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// The warnings of one round, where the API server answers a GET and other calls like this.
    async fn warnings(get: (u16, Value), write: (u16, Value)) -> String {
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (code, body) = if request.method() == http::Method::GET { get.clone() } else { write.clone() };
            let response =
                http::Response::builder().status(code).body(kube::client::Body::from(body.to_string().into_bytes()));
            async move { Ok::<_, std::convert::Infallible>(response.unwrap()) }
        });
        let api = Api::namespaced(kube::Client::new(service, "ns"), "ns");
        let mut lease = Lease::new(api, "mine".to_owned(), "me".to_owned(), TIMES, Arc::new(Still), Leading::default());
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        lease.round().await;
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
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
                told.contains("WARN") && told.contains("Role") && told.contains(&format!("verb=\"{verb}\"")),
                "{told}"
            );
        }
        assert_eq!(warnings((200, free), failure(409, "Conflict")).await, "", "somebody else was quicker");
    }
}
