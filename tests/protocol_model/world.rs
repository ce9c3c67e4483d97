//! The state of the model: objects, servers, calls under way, and how far each replica is. Decides nothing.
//!
//! Times are ages in ticks and stop counting where nothing depends on them any more, ids and uids are used again once
//! nobody knows them: so the states are finitely many although a run has no end.

use transfer_operator::api::status::{CreatePhase, ReplacingPhase};

use super::model::{Broken, Protocol};

/// Ticks since.
pub type Age = u8;
/// A server, and the attempt that made it: one attempt makes at most one.
pub type Id = u8;
/// `metadata.uid`.
pub type Uid = u8;
/// Nobody's.
pub const FREE: Uid = Uid::MAX;

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Kubernetes, by name.
    pub objects: Vec<Option<Object>>,
    /// AWS.
    pub servers: Vec<Server>,
    /// Calls whose sender crashed or stopped waiting; they may arrive all the same.
    pub strays: Vec<Call>,
    /// In any order: they are alike.
    pub replicas: Vec<Replica>,
    /// A DeleteServer took effect on a server of another uid.
    pub foreign_delete: bool,
    /// A delete took effect on what its object has in force, or on what something uses.
    pub cut_off: bool,
}

/// A TransferServer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub uid: Uid,
    pub deleting: bool,
    pub finalizer: bool,
    pub record: Option<Creation>,
    pub server: Option<Id>,
    /// What the spec asks for of two things that AWS cannot change into each other.
    pub spec: bool,
    /// `status.replacing`.
    pub replacing: Option<Replacing>,
    /// Replaced ids that the record of the create lists, as long as AWS may still show them.
    pub retired: Vec<Id>,
    /// What another object uses of this one.
    pub used: Option<Id>,
}

/// `status.replacing`; the attempt is the one in the record of the create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replacing {
    pub old: Id,
    pub phase: ReplacingPhase,
}

/// `status.create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Creation {
    pub uid: Uid,
    pub phase: CreatePhase,
    pub attempt: Option<Id>,
    pub age: Age,
}

/// A server in AWS with its owner tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    pub id: Id,
    pub uid: Uid,
    pub name: u8,
    pub spec: bool,
    /// Since its creation; younger than the lag, it may be missing in a listing and to a Describe.
    pub age: Age,
    /// Since its deletion; younger than the lag, it may still be listed and described.
    pub dying: Option<Age>,
}

impl Server {
    /// Carries no owner tags any more.
    pub fn is_free(self) -> bool {
        self.uid == FREE
    }
}

/// A signed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub verb: Verb,
    pub id: Id,
    pub uid: Uid,
    pub name: u8,
    /// What a create is to make.
    pub spec: bool,
    /// Since it was signed.
    pub age: Age,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Create,
    Delete,
    /// Takes the owner tags off.
    Release,
}

/// One process: its work on each object.
pub type Replica = Vec<Work>;

/// How far a replica is with one object, and what it remembers of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// The object that the memory and the reconcile are about.
    pub uid: Uid,
    pub at: At,
    /// Nobody wrote the object since the reconcile read it: its resourceVersion still is the one that was read.
    pub current: bool,
    pub memory: Memory,
}

/// Memory between reconciles; lost in a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory {
    /// The id that was looked at last, where something below is about it.
    pub looked_at: Option<Id>,
    /// Since when the recorded server is missing.
    pub missing: Option<Age>,
    /// Since when the recorded server is seen with other tags than ours.
    pub foreign: Option<Age>,
    /// Since when a former object's server is seen.
    pub former: Option<Age>,
    /// The attempt that was answered by an error that proves nothing, and since when.
    pub replied: Option<(Id, Age)>,
    /// Deletions that AWS accepted, and since when.
    pub deleted: Vec<(Id, Age)>,
    /// Since when the old one is missing, since when it is not ours, and since when nothing uses it.
    pub old_missing: Option<Age>,
    pub old_foreign: Option<Age>,
    pub unused: Option<Age>,
}

impl Memory {
    /// It is another replacement, or none.
    pub fn forget_old(&mut self) {
        (self.old_missing, self.old_foreign, self.unused) = (None, None, None);
    }

    /// What was seen of one id says nothing of the next.
    pub fn looks_at(&mut self, id: Option<Id>) {
        if self.looked_at != id {
            (self.looked_at, self.missing, self.foreign) = (None, None, None);
        }
    }
}

/// The next thing that a replica does to an object. It may take it now, much later (frozen), or never (crashed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Begin a reconcile: live read, look, decide.
    #[default]
    Idle,
    /// Write to the object, under the resourceVersion that was read.
    Write(Write),
    /// Second live read, the one that a create rests on.
    ClearCreate { spec: bool },
    /// The same for a delete.
    ClearDelete(Id),
    /// The same for taking the tags off.
    ClearRelease(Id),
    /// Write the attempt down.
    RecordedCreate { signed: Age, spec: bool },
    /// Send.
    Send(Call),
    /// Sent; the answer is awaited.
    Await(Call),
    /// Answered 200: write the id down.
    Persist(Id),
    /// Refused: write that down.
    Reject(Id),
}

/// A write to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    RecordedCreate { in_flight: bool, decided: Age },
    AddFinalizer,
    RecordId(Id),
    TakeBack(Id),
    Swap(Id),
    Retire,
    End(Id),
    RemoveFinalizer,
}

impl World {
    /// Objects that were just applied, and replicas that just started.
    pub fn new(protocol: &Protocol) -> Self {
        let names = 0..protocol.objects;
        let made =
            |name: &u8| Server { id: *name, uid: *name, name: *name, spec: false, age: protocol.lag, dying: None };
        let object = |name| if protocol.claimed { Object::claimed(name) } else { Object::new(name) };
        Self {
            objects: names.clone().map(|name| Some(object(name))).collect(),
            servers: names.clone().filter(|_| protocol.claimed).map(|name| made(&name)).collect(),
            strays: Vec::new(),
            replicas: vec![names.map(|_| Work::default()).collect(); protocol.replicas.into()],
            foreign_delete: false,
            cut_off: false,
        }
    }

    /// Servers that were not deleted.
    pub fn live(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|server| server.dying.is_none())
    }

    /// Whether AWS has it.
    pub fn has(&self, id: Id) -> bool {
        self.live().any(|server| server.id == id)
    }

    /// How many the object has that has the most.
    pub fn most(&self) -> usize {
        let count = |uid| self.live().filter(|server| server.uid == uid).count();
        self.live().map(|server| count(server.uid)).max().unwrap_or(0)
    }

    /// Creates that were recorded and may still be sent or arrive.
    pub fn creates_under_way(&self) -> usize {
        let sent = self.replicas.iter().flatten().filter_map(|work| match work.at {
            At::Send(call) | At::Await(call) => Some(call),
            _ => None,
        });
        sent.chain(self.strays.iter().copied()).filter(|call| call.verb == Verb::Create).count()
    }

    /// Everybody's next step, in turn.
    pub fn work(&mut self) -> impl Iterator<Item = &mut Work> {
        self.replicas.iter_mut().flatten()
    }

    /// The object was written: what anybody read of it is old, and what they write on top of it is refused (409).
    pub fn touch(&mut self, name: usize) {
        for replica in &mut self.replicas {
            replica[name].current = false;
        }
    }

    /// An id that nobody knows.
    pub fn fresh_id(&self) -> Id {
        let used = |id: Id| {
            self.servers.iter().any(|server| server.id == id)
                || self.strays.iter().any(|call| call.id == id)
                || self.objects.iter().flatten().any(|object| object.knows(id))
                || self.replicas.iter().flatten().any(|work| work.knows(id))
        };
        (0..Id::MAX).find(|id| !used(*id)).unwrap()
    }

    /// A uid for a new object of the name, if one is left: two lives of a name are told apart at a time.
    pub fn fresh_uid(&self, name: usize) -> Option<Uid> {
        let count = self.objects.len();
        [name, name + count].into_iter().map(|uid| u8::try_from(uid).unwrap()).find(|uid| {
            self.servers.iter().all(|server| server.uid != *uid)
                && self.strays.iter().all(|call| call.uid != *uid)
                && self.replicas.iter().all(|replica| replica[name] == Work::default() || replica[name].uid != *uid)
        })
    }

    /// One tick.
    pub fn tick(&mut self, protocol: &Protocol) {
        let until = |age: &mut Age, most: Age| *age = (*age + 1).min(most);
        let calls = protocol.tolerance + 1;
        let seen = protocol.window.lag.max(protocol.rest);
        for record in self.objects.iter_mut().flatten().filter_map(|object| object.record.as_mut()) {
            until(&mut record.age, protocol.window.sum());
        }
        for server in &mut self.servers {
            until(&mut server.age, protocol.lag);
            server.dying = server.dying.map(|age| age + 1);
        }
        for call in &mut self.strays {
            until(&mut call.age, calls);
        }
        for work in self.work() {
            match &mut work.at {
                At::Write(Write::RecordedCreate { decided, .. }) => until(decided, protocol.window.sum()),
                At::RecordedCreate { signed, .. } => until(signed, calls.max(protocol.window.sum())),
                At::Send(call) | At::Await(call) => until(&mut call.age, calls),
                _ => {}
            }
            let Memory { looked_at: _, missing, foreign, former, replied, deleted, old_missing, old_foreign, unused } =
                &mut work.memory;
            let ages = missing
                .iter_mut()
                .chain(foreign)
                .chain(former)
                .chain(old_missing)
                .chain(old_foreign)
                .chain(unused)
                .chain(replied.iter_mut().chain(deleted).map(|(_, age)| age));
            ages.for_each(|age| until(age, seen));
        }
        self.tidy(protocol);
    }

    /// The one form of a state: what cannot matter any more is dropped, what has no order is sorted.
    pub fn tidy(&mut self, protocol: &Protocol) {
        self.servers.retain(|server| server.dying.is_none_or(|age| age < protocol.lag));
        self.servers.sort_unstable();
        let live: Vec<Id> = self.live().map(|server| server.id).collect();
        let matters = |call: &Call| call.verb == Verb::Create || live.contains(&call.id);
        self.strays.retain(|call| call.age <= protocol.tolerance && matters(call));
        self.strays.sort_unstable();
        // Of the same delete the youngest stands for all: a second one does nothing more.
        self.strays.dedup_by_key(|call| (call.verb, call.id, call.uid));
        let Self { objects, servers, replicas, .. } = self;
        let told = |id: Id| objects.iter().flatten().any(|object| object.replaces(id));
        servers.retain(|server| !server.is_free() || told(server.id));
        for object in objects.iter_mut().flatten() {
            // Asked for of a create under way only, and of one that may be; `decision` makes sure of it.
            if let Some(record) = object.record.as_mut().filter(|record| !record.ages(protocol.replaces)) {
                record.age = 0;
            }
            object.retired.retain(|id| servers.iter().any(|server| server.id == *id));
        }
        for (name, work) in replicas.iter_mut().flat_map(|replica| replica.iter_mut().enumerate()) {
            work.tidy(protocol, objects[name].as_ref(), servers);
        }
        self.replicas.sort_unstable();
    }
}

impl Object {
    /// As a user applies it.
    pub fn new(uid: Uid) -> Self {
        Self {
            uid,
            deleting: false,
            finalizer: false,
            record: None,
            server: None,
            spec: false,
            replacing: None,
            retired: Vec::new(),
            used: None,
        }
    }

    fn replaces(&self, id: Id) -> bool {
        self.replacing.is_some_and(|replacing| replacing.old == id)
    }

    fn knows(&self, id: Id) -> bool {
        let attempted = self.record.is_some_and(|record| record.attempt == Some(id));
        self.server == Some(id) || attempted || self.replaces(id) || self.retired.contains(&id) || self.used == Some(id)
    }

    /// As it is when its first create was answered, with the id of its uid, and is used.
    fn claimed(uid: Uid) -> Self {
        let record = Some(Creation { uid, phase: CreatePhase::None, attempt: Some(uid), age: 0 });
        Self { finalizer: true, record, server: Some(uid), used: Some(uid), ..Self::new(uid) }
    }

    /// Whether something uses what was replaced.
    pub fn kept(&self) -> bool {
        self.replacing.is_some_and(|replacing| self.used == Some(replacing.old))
    }

    /// What is to be used of this object: the old one until the new one is recorded.
    pub fn in_force(&self) -> Option<Id> {
        let creating = self.replacing.filter(|replacing| replacing.phase == ReplacingPhase::Creating);
        self.server.or(creating.map(|replacing| replacing.old))
    }

    /// The record of this object itself.
    pub fn attempt(&self) -> Option<Id> {
        self.record.filter(|record| record.uid == self.uid)?.attempt
    }
}

impl Creation {
    /// Whether anything depends on its time.
    pub fn ages(self, replaces: bool) -> bool {
        self.phase == CreatePhase::InFlight || replaces && self.attempt.is_none()
    }
}

impl Work {
    fn tidy(&mut self, protocol: &Protocol, object: Option<&Object>, servers: &[Server]) {
        let reads = matches!(
            self.at,
            At::Write(_)
                | At::ClearCreate { .. }
                | At::ClearDelete(_)
                | At::ClearRelease(_)
                | At::RecordedCreate { .. }
        );
        let unchecked = protocol.is(Broken::WritesWithoutVersion) && matches!(self.at, At::RecordedCreate { .. });
        let own = object.filter(|object| object.uid == self.uid);
        let begins_again = match self.at {
            // Nothing but a refusal (409) can come of it.
            _ if reads => !self.current && !unchecked,
            // Another attempt is on record by now, or an id: nothing is written.
            At::Persist(id) => own.is_some_and(|own| own.server.is_some() || own.attempt() != Some(id)),
            At::Reject(id) => own.is_none_or(|own| own.attempt() != Some(id)),
            _ => false,
        };
        if begins_again && !protocol.is(Broken::CallsBeforeRecord) {
            self.at = At::Idle;
        }
        self.current &= reads;
        let recorded = |id: Id| own.is_some_and(|own| own.knows(id));
        self.memory.replied = self.memory.replied.filter(|(id, _)| recorded(*id));
        self.memory.deleted.retain(|(id, _)| recorded(*id) || servers.iter().any(|server| server.id == *id));
        if own.is_none_or(|own| own.replacing.is_none()) {
            self.memory.forget_old();
        }
        if self.at == At::Idle && self.memory == Memory::default() {
            self.uid = 0;
        }
    }

    fn knows(&self, id: Id) -> bool {
        let at = match self.at {
            At::Write(Write::RecordId(other) | Write::TakeBack(other) | Write::Swap(other) | Write::End(other))
            | At::ClearDelete(other)
            | At::ClearRelease(other)
            | At::Persist(other)
            | At::Reject(other) => other == id,
            At::Send(call) | At::Await(call) => call.id == id,
            At::Idle | At::Write(_) | At::ClearCreate { .. } | At::RecordedCreate { .. } => false,
        };
        at || self.memory.replied.iter().chain(&self.memory.deleted).any(|(other, _)| *other == id)
    }
}
