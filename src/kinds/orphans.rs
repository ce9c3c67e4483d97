//! Orphans: what carries our cluster's tags in AWS and belongs to no object. They are found by looking, told, and never
//! touched: a person decides.
//!
//! [`find`] and [`Region::count`] decide; [`Look`] reads, once in a while for each identity. What is not there in
//! two scans at least a listing's lag apart was on its way, and is not told.
//!
//! Its task also runs the [sweeps](super::sweep) of the identity, which come more often: a scan goes by what they listed.

mod find;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument;

use self::find::{Living, Orphan, Ours, Region, Scanned, find, sentence};
use self::look::{Foreign, Look};
use super::deps::Deps;
use super::registration::{self, Traces};
use super::sweep::Sweep;
use super::swept;
use crate::api::{AwsIdentity, ManagedKind};
use crate::cluster::{self, ClusterError, Reach};
use crate::engine::kind::ReconcileError;
use crate::engine::settings::Settings;

/// From one scan to the next, in intervals: each lists every kind, and at rest an hour has a thousand calls for all.
const INTERVALS: u32 = 3;
/// When the first sweep of a process comes: at its start it stands in for a look at each object.
pub(crate) const FIRST_SWEEP: Duration = Duration::from_secs(1);
/// What is added to the time between two sweeps at the most, as a part of it.
const OUT_OF_STEP: f64 = 0.1;
/// How soon to see whether a scan has ended.
pub(crate) const SCANNING: Duration = Duration::from_secs(5);

/// What there is to tell of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// These, in a sentence.
    Orphans(String),
    /// There are none.
    Clear,
    /// Nobody knows yet: what was said before stands.
    Unsure,
}

/// What is remembered of one identity.
#[derive(Debug, Default)]
struct Memory {
    account: String,
    regions: BTreeMap<String, Region>,
    /// What is not ours, by region; forgotten when a listing no longer has it.
    foreign: BTreeMap<String, Foreign>,
    /// When the next sweep is due.
    due: Option<Instant>,
    /// When the next look for orphans is due; a sweep comes with it.
    search_due: Option<Instant>,
    /// Orphans that the log has told of.
    logged: BTreeSet<Orphan>,
    scan: Option<JoinHandle<()>>,
}

/// All scans of the process.
pub struct Orphans {
    deps: Arc<Deps>,
    settings: Settings,
    ours: Ours,
    memories: Mutex<BTreeMap<String, Memory>>,
}

impl Orphans {
    /// Nothing was looked at yet. No namespaces means all.
    #[must_use]
    pub fn new(deps: Arc<Deps>, settings: Settings, namespaces: Vec<String>) -> Self {
        let ours = Ours { cluster: deps.cluster_id.clone(), namespaces };
        Self { deps, settings, ours, memories: Mutex::default() }
    }

    /// Whether a sweep is due, and when to ask again. The first one comes at once, the first scan for orphans an interval
    /// after the first question.
    pub fn due(&self, identity: &AwsIdentity, now: Instant) -> (bool, Duration) {
        let mut memories = self.lock();
        let memory = memories.entry(identity.uid().unwrap_or_default()).or_default();
        if memory.scan.as_ref().is_some_and(|scan| !scan.is_finished()) {
            return (false, SCANNING);
        }
        let due = *memory.due.get_or_insert(now + FIRST_SWEEP);
        memory.search_due.get_or_insert_with(|| now + self.settings.jittered_resync());
        (due <= now, due.saturating_duration_since(now))
    }

    /// Starts a scan in a task of its own: it may take longer than a reconcile may. Nobody scans for an identity that
    /// was forgotten since it was asked whether a scan is due.
    pub fn start(self: &Arc<Self>, identity: &AwsIdentity) {
        let (orphans, identity) = (Arc::clone(self), identity.clone());
        let now = Instant::now();
        let due = now + self.until_sweep();
        let uid = identity.uid().unwrap_or_default();
        let scan = tokio::spawn(async move { orphans.look(&identity, now).await }.in_current_span());
        let mut memories = self.lock();
        match memories.get_mut(&uid) {
            Some(memory) => (memory.due, memory.scan) = (Some(due), Some(scan)),
            None => scan.abort(),
        }
    }

    /// A sweep comes as often as everything is looked at, or more often. Many identities fall out of step by a little
    /// that is added; were it taken off as often, the listings of many users would cost more than the hour has.
    fn until_sweep(&self) -> Duration {
        swept::EVERY.min(self.settings.resync).mul_f64(1.0 + OUT_OF_STEP * self.settings.env.fraction())
    }

    /// A sweep, and a scan where one is due.
    async fn look(&self, identity: &AwsIdentity, now: Instant) {
        for region in &identity.spec.regions {
            match self.deps.aws.account(identity, region).await {
                Ok(account) => {
                    let (deps, looks) = (self.deps.as_ref(), self.settings.looks.as_ref());
                    Sweep { deps, looks, identity: &identity.name_any(), account: &account }.run().await;
                }
                Err(fault) => tracing::debug!(region, %fault, "no sweep"),
            }
        }
        let due = self.change(identity, |memory| memory.search_due.is_none_or(|due| due <= now));
        if due == Some(true) {
            let due = now + self.settings.jittered_resync() * INTERVALS;
            self.change(identity, |memory| memory.search_due = Some(due));
            self.scan(identity).await;
        }
    }

    /// What there is to tell.
    #[must_use]
    pub fn told(&self, identity: &AwsIdentity) -> Told {
        let memories = self.lock();
        let Some(memory) = memories.get(&identity.uid().unwrap_or_default()) else { return Told::Unsure };
        let lag = self.lag();
        let found: Vec<&Orphan> = memory.regions.values().flat_map(|region| region.believed(lag)).collect();
        if let Some(sentence) = sentence(&found) {
            return Told::Orphans(sentence);
        }
        let clear = identity.spec.regions.iter().all(|name| memory.regions.get(name).is_some_and(Region::clear));
        if clear { Told::Clear } else { Told::Unsure }
    }

    /// How many there are, by account, region and the word for their kind.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(String, String, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for memory in self.lock().values() {
            for (region, found) in &memory.regions {
                for kind in words() {
                    let count = found.believed(self.lag()).filter(|orphan| orphan.kind.name() == kind).count();
                    // Two identities of one account see the same.
                    let known = counts.entry((memory.account.clone(), region.clone(), kind)).or_insert(0);
                    *known = count.max(*known);
                }
            }
        }
        counts
    }

    /// The identity of this uid is gone.
    pub fn forget(&self, uid: &str) {
        let memory = self.lock().remove(uid);
        if let Some(scan) = memory.and_then(|memory| memory.scan) {
            scan.abort();
        }
    }

    /// Looks at every region of an identity. One that cannot be read to its end keeps what was known of it.
    pub async fn scan(&self, identity: &AwsIdentity) {
        let began = Instant::now();
        // Once for all regions: what is made for an object that is younger than this list is no orphan in the next
        // scan.
        let living = match self.living().await {
            Ok(living) => living,
            Err(error) => {
                tracing::warn!(%error, "no orphan scan");
                return;
            }
        };
        for region in &identity.spec.regions {
            match self.look_at(identity, region, &living).await {
                Ok(scanned) => {
                    let found = find(&self.ours, region, &scanned, &living);
                    self.change(identity, |memory| {
                        memory.account.clone_from(&identity.spec.account_id);
                        memory.regions.entry(region.clone()).or_default().count(found, began, scanned.more);
                    });
                }
                Err(trouble) => {
                    let account = &identity.spec.account_id;
                    tracing::warn!(account, region, %trouble, "orphan scan is incomplete");
                }
            }
        }
        self.change(identity, |memory| memory.regions.retain(|region, _| identity.spec.regions.contains(region)));
        self.log(&identity.uid().unwrap_or_default());
    }

    /// A line for each orphan of an account that is newly believed, whichever of the account's identities saw it.
    fn log(&self, uid: &str) {
        let (mut memories, lag) = (self.lock(), self.lag());
        let Some(memory) = memories.get(uid) else { return };
        let account = memory.account.clone();
        let believed: BTreeSet<Orphan> =
            memory.regions.values().flat_map(|region| region.believed(lag)).cloned().collect();
        let told = |orphan: &&Orphan| {
            memories.values().any(|memory| memory.account == account && memory.logged.contains(*orphan))
        };
        for Orphan { region, kind, id } in believed.iter().filter(|orphan| !told(orphan)) {
            tracing::warn!(account, region, orphan = kind.name(), id, "no object stands for it; nothing is done to it");
        }
        if let Some(memory) = memories.get_mut(uid) {
            memory.logged = believed;
        }
    }

    async fn living(&self) -> Result<Living, ClusterError> {
        let cluster = self.deps.cluster.as_ref();
        let mut living = Living::default();
        for kind in ManagedKind::ALL.iter().copied() {
            let take = |living: &mut Living, object: Value| {
                let ids = match registration::traces(kind) {
                    Traces::Untagged => return,
                    Traces::Tagged { recorded, .. } => recorded,
                    Traces::OnServers => {
                        let name = text(&object, "/status/userName").or_else(|| text(&object, "/metadata/name"));
                        living.accounted.extend(text(&object, "/status/serverId").zip(name));
                        &[]
                    }
                };
                let ids = ids.iter().filter_map(|path| text(&object, path)).collect();
                let uid = text(&object, "/metadata/uid").unwrap_or_default();
                living.recorded.entry(kind).or_default().insert(uid, ids);
            };
            living = cluster::fold(cluster, &kind.resource(), Reach::Watched, living, take).await?;
        }
        Ok(living)
    }

    async fn look_at(&self, identity: &AwsIdentity, region: &str, living: &Living) -> Result<Scanned, ReconcileError> {
        let account = self.deps.aws.account(identity, region).await?;
        let known = self.change(identity, |memory| memory.foreign.get(region).cloned()).flatten().unwrap_or_default();
        let granted = identity.spec.grants.iter().flat_map(|grant| &grant.server_ids).collect();
        let look = Look::new(&self.deps, &self.ours, (&account, granted), living, known);
        let (scanned, foreign) = look.run().await?;
        self.change(identity, |memory| memory.foreign.insert(region.to_owned(), foreign));
        Ok(scanned)
    }

    fn lag(&self) -> Duration {
        Duration::try_from(self.settings.windows.lag).unwrap_or(Duration::MAX)
    }

    /// Changes what is remembered of an identity; nothing where it was forgotten: a scan may outlive it.
    fn change<T>(&self, identity: &AwsIdentity, change: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        self.lock().get_mut(&identity.uid().unwrap_or_default()).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The words by which orphans are counted: of each kind whose tags tell, and of those that are there twice.
fn words() -> impl Iterator<Item = &'static str> {
    let tagged = ManagedKind::ALL.iter().filter(|kind| !matches!(registration::traces(**kind), Traces::Untagged));
    tagged.map(|kind| kind.noun()).chain(["duplicate"])
}

fn text(object: &Value, path: &str) -> Option<String> {
    object.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
#[path = "orphans_tests.rs"]
mod tests;
