//! The lease: of several replicas one works, the others stand by with warm caches.
//!
//! It is for calm, not for safety: two replicas at once would call AWS twice as often and still make no server twice,
//! because every mutation rests on a live read under resourceVersion (`engine::mutate`). So there is no fencing here.
//! No clock of another machine is believed: a lease has expired when this replica saw it unchanged for its duration.
//!
//! Each shard has a lease of its own, and nobody leads beside a shard of another number ([`crate::shard`]): whoever
//! claims looks at all leases before and after, so that of two that claim at once one at least sees the other.

mod step;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use tokio::time::Instant;

use self::step::{LeaseRecord, LeaseState, LeaseStep, LeaseView, look_again, next_lease};
use crate::engine::settings::Env;
use crate::shard::{Claim, Others, Shard};

/// How long the release may take: the process is about to end.
const RELEASE: Duration = Duration::from_secs(3);

/// The annotation that says whose a Lease is: `N/M` and the holder who wrote it.
const SHARD: &str = "transfer-operator.dev/shard";

/// Where the kubelet tells a pod its own namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The namespace of the Lease: what the flag says, else the pod's own. Outside a pod nothing tells where the other
/// replicas look, and a Lease of another namespace would let this process work beside the one that holds the real one.
///
/// # Errors
/// Which flag is missing.
pub fn namespace(flag: Option<&str>) -> Result<String, String> {
    namespace_of(flag, std::fs::read_to_string(POD_NAMESPACE).ok().as_deref())
}

fn namespace_of(flag: Option<&str>, pod: Option<&str>) -> Result<String, String> {
    flag.or(pod).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).ok_or_else(|| {
        "--lease-namespace is needed outside a pod: the namespace of the installation whose Lease counts; or \
         --lease=false where no other replica runs"
            .to_owned()
    })
}

/// The three times of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Unchanged for so long, it may be taken.
    pub duration: Duration,
    /// Not renewed for so long, its holder gives up: well before anybody may take it.
    pub renew_deadline: Duration,
    /// How often it is looked at and renewed.
    pub retry_period: Duration,
}

impl LeaseConfig {
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

/// Whether this replica leads, for whoever wants to know.
#[derive(Clone, Debug, Default)]
pub struct LeaderState(Arc<AtomicBool>);

impl LeaderState {
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

/// What whoever leads leaves for whoever leads next: a text in an annotation of the Lease, which is written with a
/// renewal and never by itself.
pub trait Heritage: Send + Sync {
    /// The annotation.
    fn annotation(&self) -> &'static str;

    /// This replica leads from now on, and that stood there.
    fn take(&self, text: &str);

    /// What is to stand there in place of `stands`, where that will not do. `last`: this replica leads no longer.
    fn leave(&self, stands: Option<&str>, last: bool) -> Option<String>;
}

/// The lease as one replica sees it.
pub struct Lease {
    api: Api<Object>,
    name: String,
    me: String,
    times: LeaseConfig,
    env: Arc<dyn Env>,
    leading: LeaderState,
    heritage: Option<Arc<dyn Heritage>>,
    /// The lease of the installation: that of the first shard, and the beginning of the others' names.
    installation: String,
    shard: Shard,
    others: Others,
    view: LeaseView,
    /// When another's may be taken, unless it changes before.
    expires: Option<Instant>,
    /// The holder that was told last.
    told: Option<String>,
    /// Why the other leases could not be looked at, as it was told last.
    unlisted: Option<String>,
}

impl Lease {
    /// Not held yet. `me` must differ between replicas and between starts of one.
    #[must_use]
    pub fn new(
        api: Api<Object>,
        name: String,
        me: String,
        times: LeaseConfig,
        env: Arc<dyn Env>,
        leading: LeaderState,
    ) -> Self {
        let (heritage, shard, others, view) = (None, Shard::WHOLE, Others::default(), LeaseView::default());
        let installation = name.clone();
        Self {
            api,
            name,
            me,
            times,
            env,
            leading,
            heritage,
            installation,
            shard,
            others,
            view,
            expires: None,
            told: None,
            unlisted: None,
        }
    }

    /// The lease of this shard, where that of the installation was named.
    #[must_use]
    pub fn of_shard(self, shard: Shard) -> Self {
        Self { name: shard.lease(&self.installation), shard, ..self }
    }

    /// The same, which hands this on.
    #[must_use]
    pub fn handing_on(self, heritage: Arc<dyn Heritage>) -> Self {
        Self { heritage: Some(heritage), ..self }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&mut self) {
        while self.view.renewed.is_none() {
            self.round().await;
            if self.view.renewed.is_none() {
                // Replicas that started together do not stay in step.
                let usual = self.times.retry_period.mul_f64(0.8 + 0.4 * self.env.fraction());
                tokio::time::sleep(look_again(usual, self.expires, Instant::now())).await;
            }
        }
        tracing::info!(lease = %self.name, me = %self.me, "leading");
        self.leading.set(true);
    }

    /// Renews until it is lost: by what is seen, or because the deadline has passed, whatever a call is waiting for.
    pub async fn hold(&mut self) {
        while let Some(renewed) = self.view.renewed {
            let end = renewed + self.times.renew_deadline;
            let again = async {
                tokio::time::sleep(self.times.retry_period).await;
                self.round().await
            };
            match tokio::time::timeout_at(end, again).await {
                Ok(LeaseStep::Lost) => break,
                Ok(_) => {}
                Err(_) => {
                    tracing::error!(lease = %self.name, "the lease was not renewed in time and is given up");
                    break;
                }
            }
        }
        self.leading.set(false);
        self.view.renewed = None;
    }

    /// Gives it back, so that another replica takes it at once instead of after its expiry.
    pub async fn release(&mut self) {
        if self.view.renewed.take().is_none() {
            return;
        }
        self.leading.set(false);
        self.give_back(true).await;
    }

    async fn give_back(&self, led: bool) {
        let release = async {
            let object = self.api.get(&self.name).await?;
            if holder(&object) != self.me {
                return Ok(());
            }
            let object = if led { self.bequeathed(object, true) } else { object };
            self.write(object, "").await
        };
        match tokio::time::timeout(RELEASE, release).await {
            Ok(Ok(())) => tracing::info!(lease = %self.name, "released"),
            Ok(Err(error)) => tracing::warn!(lease = %self.name, %error, "not released, it expires"),
            Err(_) => tracing::warn!(lease = %self.name, "not released in time, it expires"),
        }
    }

    /// One look and what follows from it.
    async fn round(&mut self) -> LeaseStep {
        let began = Instant::now();
        let (found, object) = match tokio::time::timeout(self.patience(), self.api.get_opt(&self.name)).await {
            Ok(Ok(None)) => (LeaseState::Absent, Object::default()),
            Ok(Ok(Some(object))) => (LeaseState::Lease(self.record(&object)), object),
            Ok(Err(error)) => {
                if !self.forbidden("get", &error) {
                    tracing::warn!(lease = %self.name, %error, "cannot read the lease");
                }
                (LeaseState::Unknown, Object::default())
            }
            Err(_) => (LeaseState::Unknown, Object::default()),
        };
        let now = Instant::now();
        self.view.observe(&found, now);
        self.expires = self.view.expires(&found);
        let step = next_lease(&self.me, &self.times, &found, &self.view, now);
        match step {
            LeaseStep::Create | LeaseStep::Take => return self.claim(step, object).await,
            LeaseStep::Renew => {
                let object = self.bequeathed(object, false);
                if self.put(step, object).await {
                    self.view.renewed = Some(began);
                }
            }
            LeaseStep::Wait => {
                self.log_leader(&found);
                // How long the others stand still is known by the time that this one is free.
                if found != LeaseState::Unknown {
                    let _ = self.in_the_way().await;
                }
            }
            LeaseStep::Lost => tracing::error!(lease = %self.name, ?found, "the lease is lost"),
        }
        step
    }

    /// Takes the lease, unless a shard of another number may work, before or after that.
    async fn claim(&mut self, step: LeaseStep, object: Object) -> LeaseStep {
        let left = self.left(&object).map(str::to_owned);
        let blocked = if self.view.renewed.is_some() { LeaseStep::Lost } else { LeaseStep::Wait };
        if self.blocked().await {
            return blocked;
        }
        let began = Instant::now();
        if !self.put(step, object).await {
            return step;
        }
        if self.blocked().await {
            self.view.renewed = None;
            self.give_back(false).await;
            return blocked;
        }
        if self.view.renewed.replace(began).is_none() {
            self.inherit(left);
        }
        step
    }

    /// Writes the lease for this replica; whether that was accepted.
    async fn put(&self, step: LeaseStep, object: Object) -> bool {
        let verb = if step == LeaseStep::Create { "create" } else { "update" };
        match tokio::time::timeout(self.patience(), self.write(object, &self.me)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) if self.forbidden(verb, &error) => {}
            // Somebody else was quicker, or is unwilling; the next look tells.
            Ok(Err(error)) => tracing::debug!(lease = %self.name, ?step, %error, "not written"),
            Err(_) => tracing::warn!(lease = %self.name, ?step, "no answer in time"),
        }
        false
    }

    /// Whether a shard of another number may work; so where nobody knows. Only where there is no right to look does who
    /// knows no other shards go on: a Role of somebody's own may be older than shards.
    async fn blocked(&mut self) -> bool {
        let claim = match self.in_the_way().await {
            Ok(Some(claim)) => claim,
            Ok(None) => return false,
            Err(forbidden) => return !(forbidden && self.shard == Shard::WHOLE),
        };
        if self.told.as_ref() != Some(&claim.lease) {
            let (lease, shard, own) = (&claim.lease, claim.shard, self.shard);
            tracing::info!(%lease, %shard, %own, "a shard of another number may work; standing by until its lease ends");
            self.told = Some(lease.clone());
        }
        true
    }

    /// Looks at the leases of the other shards, and answers the one because of which this one must not work; the error is
    /// whether there is no right to look. Why nobody knows is said once as long as it stays the same: it ends no lead, and
    /// nobody takes over meanwhile.
    async fn in_the_way(&mut self) -> Result<Option<Claim>, bool> {
        let (error, forbidden) = match tokio::time::timeout(self.patience(), self.api.list(&ListParams::default()))
            .await
        {
            Ok(Ok(list)) => {
                self.unlisted = None;
                let others = list.items.iter().filter(|object| object.metadata.name.as_deref() != Some(&self.name));
                let claims: Vec<Claim> = others.filter_map(|object| self.claim_of(object)).collect();
                return Ok(self.others.in_the_way(self.shard, &claims, Instant::now()).cloned());
            }
            Ok(Err(error)) if self.unlisted.as_ref() == Some(&error.to_string()) => return Err(is_forbidden(&error)),
            Ok(Err(error)) => (error.to_string(), self.forbidden("list", &error)),
            Err(_) => ("no answer in time".to_owned(), false),
        };
        if !forbidden && self.unlisted.as_ref() != Some(&error) {
            tracing::warn!(lease = %self.name, verb = "list", %error, "cannot look for other shards; none is taken over");
        }
        self.unlisted = Some(error);
        Err(forbidden)
    }

    /// The lease of a shard of this installation.
    fn claim_of(&self, object: &Object) -> Option<Claim> {
        let name = object.metadata.name.as_ref()?;
        if !Shard::names_lease(&self.installation, name) {
            return None;
        }
        let said = object.metadata.annotations.as_ref().and_then(|all| all.get(SHARD));
        let LeaseRecord { holder, duration, version } = self.record(object);
        let shard = Shard::of_holder(said.map(String::as_str), &holder);
        Some(Claim { lease: name.clone(), shard, held: !holder.is_empty(), duration, version })
    }

    /// A call that hangs leaves time for another try; the deadline itself is kept by `hold`.
    fn patience(&self) -> Duration {
        self.times.renew_deadline / 3
    }

    /// What stands in the annotation.
    fn left<'a>(&self, object: &'a Object) -> Option<&'a str> {
        let name = self.heritage.as_ref()?.annotation();
        object.metadata.annotations.as_ref()?.get(name).map(String::as_str)
    }

    fn inherit(&self, left: Option<String>) {
        if let Some((heritage, left)) = self.heritage.as_ref().zip(left) {
            heritage.take(&left);
        }
    }

    /// The same with what is to be left to the next.
    fn bequeathed(&self, mut object: Object, last: bool) -> Object {
        let Some(heritage) = &self.heritage else { return object };
        if let Some(text) = heritage.leave(self.left(&object), last) {
            object.metadata.annotations.get_or_insert_default().insert(heritage.annotation().to_owned(), text);
        }
        object
    }

    /// Whether a call was refused for want of a right, which it then says: only a person can give it.
    fn forbidden(&self, verb: &str, error: &kube::Error) -> bool {
        let refused = is_forbidden(error);
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
    fn log_leader(&mut self, found: &LeaseState) {
        let LeaseState::Lease(LeaseRecord { holder, .. }) = found else { return };
        if self.view.renewed.is_none() && self.told.as_ref() != Some(holder) {
            tracing::info!(lease = %self.name, %holder, "another replica leads; standing by");
            self.told = Some(holder.clone());
        }
    }

    fn record(&self, object: &Object) -> LeaseRecord {
        let seconds = object.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        LeaseRecord {
            holder: holder(object).to_owned(),
            duration: duration.unwrap_or(self.times.duration),
            version: object.metadata.resource_version.clone().unwrap_or_default(),
        }
    }

    /// Writes the lease for `to`, on the version that was read.
    async fn write(&self, mut object: Object, to: &str) -> kube::Result<()> {
        let now = Some(MicroTime(self.env.wall()));
        let same = holder(&object) == to;
        let exists = object.metadata.resource_version.is_some();
        let spec = object.spec.get_or_insert_with(LeaseSpec::default);
        if !same {
            spec.acquire_time.clone_from(&now);
        }
        // As client-go counts: whenever somebody else takes it, not when it is created or given back.
        let taken = i32::from(exists && !same && !to.is_empty());
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().saturating_add(taken));
        spec.holder_identity = Some(to.to_owned());
        spec.lease_duration_seconds = Some(i32::try_from(self.times.duration.as_secs()).unwrap_or(i32::MAX));
        spec.renew_time = now;
        if !to.is_empty() {
            object.metadata.annotations.get_or_insert_default().insert(SHARD.to_owned(), self.shard.said_of(to));
        }
        if exists {
            self.api.replace(&self.name, &PostParams::default(), &object).await.map(drop)
        } else {
            let annotations = object.metadata.annotations.take();
            object.metadata = ObjectMeta { name: Some(self.name.clone()), annotations, ..ObjectMeta::default() };
            self.api.create(&PostParams::default(), &object).await.map(drop)
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

fn holder(object: &Object) -> &str {
    object.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

#[cfg(test)]
#[path = "shards_in_turn_tests.rs"]
mod shards_in_turn_tests;
#[cfg(test)]
#[path = "leader_election_tests.rs"]
mod tests;
