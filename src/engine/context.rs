//! What a reconcile is about: the engine that makes it, the object, its place, and what was seen there.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Resource as _;
use kube::core::ApiResource;

use super::counters::ReconcileCounters;
use super::kind::{Kind, Target, Wanted};
use super::looks::Turn;
use super::memory::{InFlight, Memories};
use super::owner::Owner;
use super::settings::Settings;
use crate::api::{self, Managed, RECONCILE_AT};
use crate::aws::Rank;
use crate::cluster::{KubeApi, Lister, Name};

/// How soon to look again while AWS is on its way somewhere: its states last a minute or two.
pub(super) const POLL: Duration = Duration::from_secs(5);

/// Shortest wait for a time that AWS's clock sets.
pub(super) const WAIT_MIN: Duration = Duration::from_secs(1);

/// Longest wait for a time that AWS's clock sets.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// The engine of one kind.
pub struct Engine<K: Kind> {
    /// What is special about the kind.
    pub kind: K,
    /// The door to Kubernetes.
    pub cluster: Arc<dyn KubeApi>,
    /// What the watches hold: a reconcile begins with it.
    pub lister: Arc<dyn Lister>,
    /// Times and chance.
    pub settings: Settings,
    /// What is remembered of objects.
    pub memories: Memories,
    /// The kind for the door.
    pub resource: ApiResource,
    /// How reconciles ended.
    pub counters: ReconcileCounters,
}

impl<K: Kind> Engine<K> {
    /// An engine with an empty memory.
    #[must_use]
    pub fn new(kind: K, cluster: Arc<dyn KubeApi>, lister: Arc<dyn Lister>, settings: Settings) -> Arc<Self> {
        let resource = ApiResource::erase::<K::Object>(&());
        Arc::new(Self {
            kind,
            cluster,
            lister,
            settings,
            memories: Memories::default(),
            resource,
            counters: ReconcileCounters::default(),
        })
    }

    /// How often this object is looked at while it rests, on average.
    #[must_use]
    fn interval(&self, object: &K::Object) -> Duration {
        let resync = self.resync(object);
        if object.resync_interval().is_some() { resync } else { resync.min(K::EVERY) }
    }

    /// How often everything of its like is looked at: so often is written what is no reason to write.
    #[must_use]
    pub(super) fn resync(&self, object: &K::Object) -> Duration {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        object.resync_interval().unwrap_or_else(|| self.settings.looks.interval(uid, self.settings.resync))
    }

    /// When it is looked at next: about that long from now, so that objects do not march in step; and where they are
    /// many, in its turn.
    #[must_use]
    pub(super) fn next_look(&self, object: &K::Object) -> Duration {
        self.turn(object)
            .map_or_else(|| self.settings.jittered(self.interval(object)), |turn| turn.after_look(self.settings.resync))
    }

    /// The same for what rests without a look.
    #[must_use]
    pub(super) fn next_turn(&self, object: &K::Object) -> Turn {
        self.turn(object).unwrap_or_else(|| {
            let interval = self.interval(object);
            Turn { last: interval, next: self.settings.jittered(interval), every: interval }
        })
    }

    /// When it is its turn to be looked at in full, where they are so many that what it is made of is read more often.
    #[must_use]
    pub(super) fn read_between(&self, object: &K::Object) -> Option<Turn> {
        let interval = self.resync(object);
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        let between = object.resync_interval().is_none() && interval > K::EVERY;
        between.then(|| Turn::of(uid, interval, self.settings.env.wall()).bounded())
    }

    /// Its turn, where they are many, or it is looked at seldom.
    fn turn(&self, object: &K::Object) -> Option<Turn> {
        let interval = self.interval(object);
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        let many = object.resync_interval().is_none() && interval > self.settings.resync;
        (many || Turn::is_due_for(interval)).then(|| Turn::of(uid, interval, self.settings.env.wall()))
    }
}

/// The version of the object that a reconcile is about.
#[derive(Debug)]
pub struct Request<O> {
    /// The object, as the reconcile began with it or its last write left it.
    pub object: O,
    /// Namespace and name.
    pub name: Name,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// As owner tags say it.
    pub owner: Owner,
    /// Keeps other reconciles away while this one, or a call it started, is at work.
    pub busy: Arc<InFlight>,
    /// How its calls wait.
    pub rank: Rank,
}

impl<O: Clone> Clone for Request<O> {
    fn clone(&self) -> Self {
        let Self { object, name, uid, resource_version, generation, owner, busy, rank } = self;
        Self {
            object: object.clone(),
            name: name.clone(),
            uid: uid.clone(),
            resource_version: resource_version.clone(),
            generation: *generation,
            owner: owner.clone(),
            busy: Arc::clone(busy),
            rank: rank.clone(),
        }
    }
}

impl<O: Managed> Request<O> {
    pub(super) fn new(object: O, name: Name, cluster_id: &str, busy: Arc<InFlight>, rank: &Rank) -> Self {
        let meta = object.meta();
        let uid = meta.uid.clone().unwrap_or_default();
        Self {
            owner: Owner::new(cluster_id, &name.namespace, &name.name, &uid),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            uid,
            name,
            busy,
            rank: rank.clone(),
            object,
        }
    }

    /// Goes on with what a write of this reconcile made of the object: it was tested against the version that was read,
    /// or found again at the same generation, so no edit lies between.
    pub(super) fn renew(&mut self, stored: O) {
        let meta = stored.meta();
        self.resource_version = meta.resource_version.clone().unwrap_or_default();
        self.generation = meta.generation.unwrap_or_default();
        self.object = stored;
    }

    /// Whether a deletionTimestamp is set.
    #[must_use]
    pub fn deleting(&self) -> bool {
        self.object.meta().deletion_timestamp.is_some()
    }

    /// Whether our finalizer is on it.
    #[must_use]
    pub fn finalizer(&self) -> bool {
        self.object.meta().finalizers.iter().flatten().any(|name| name == api::FINALIZER)
    }

    /// The annotation that asks for a reconcile now.
    #[must_use]
    pub(crate) fn reconcile_requested(&self) -> Option<&String> {
        self.object.meta().annotations.as_ref()?.get(RECONCILE_AT)
    }

    /// The status, or an empty one.
    #[must_use]
    pub fn status(&self) -> O::Status {
        self.object.status().cloned().unwrap_or_default()
    }
}

/// Everything that a step needs to know.
pub(super) struct ReconcileContext<'a, K: Kind> {
    pub request: &'a Request<K::Object>,
    pub target: &'a Target<K::TargetDetail>,
    pub wanted: Option<&'a Wanted<K::Want>>,
    pub have: Option<&'a K::Have>,
    pub now: Timestamp,
}

/// The status type of a kind's object.
pub(super) type Status<K> = <<K as Kind>::Object as Managed>::Status;

/// From now to then, by AWS's clock; [`WAIT_MIN`] where that is past.
pub(super) fn between(now: Timestamp, then: Timestamp) -> Duration {
    let span: SignedDuration = then.duration_since(now);
    Duration::try_from(span).unwrap_or(WAIT_MIN)
}
