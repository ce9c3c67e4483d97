//! What a replica does, one step at a time: what `engine::reconcile`, `act` and `mutate` do around the decision.
//!
//! A step is what nobody can come in between: one read of the world, one write, one call. The decision is the code's.

use transfer_operator::api::status::{CreatePhase, ReplacingPhase};
use transfer_operator::aws::AwsErrorKind;
use transfer_operator::engine::consistency::ObservedState;
use transfer_operator::engine::decide::Identity;
use transfer_operator::engine::decide::answer::{AfterMade, AttemptRecord, MadeFacts, after_made};

use super::decision::{Described, Due, Seen, ended};
use super::model::{Answer, Broken, Protocol, View};
use super::world::{At, Call, Creation, FREE, Id, Memory, Object, Replacing, Server, Verb, Work, World, Write};

/// One replica's work on one object, in the world.
pub struct Scene<'a> {
    pub protocol: &'a Protocol,
    pub world: &'a mut World,
    pub replica: usize,
    pub name: usize,
}

impl Scene<'_> {
    /// Begins a reconcile: live read, Describe, listing, decision. That these are one step leaves nothing out: what is
    /// written afterwards is written under the resourceVersion of the live read, so Kubernetes did not change in
    /// between, and AWS is as it was when it was read.
    pub fn look(&mut self, view: View) {
        let Some(object) = self.world.objects[self.name].clone() else {
            *self.work() = Work::default();
            return;
        };
        if self.work().uid != object.uid {
            *self.work() = Work { uid: object.uid, ..Work::default() };
        }
        let due = self.decide(&object, view);
        let age = 0;
        self.work().at = match self.broken(&object, due) {
            Due::Rest | Due::Recovering | Due::Stalled | Due::LookUp => At::Idle,
            Due::RecordedCreate(phase) => {
                At::Write(Write::RecordedCreate { in_flight: phase == CreatePhase::InFlight, decided: age })
            }
            Due::AddFinalizer => At::Write(Write::AddFinalizer),
            Due::RecordId(id) => At::Write(Write::RecordId(id)),
            Due::Create => At::ClearCreate { spec: object.spec },
            Due::TakeBack(id) => At::Write(Write::TakeBack(id)),
            Due::Swap(id) => At::Write(Write::Swap(id)),
            Due::Retire => At::Write(Write::Retire),
            Due::End(id) => At::Write(Write::End(id)),
            Due::Delete(id) => At::ClearDelete(id),
            Due::Release(id) => At::ClearRelease(id),
            Due::RemoveFinalizer => At::Write(Write::RemoveFinalizer),
        };
        self.work().current = true;
    }

    fn decide(&mut self, object: &Object, view: View) -> Due {
        let servers = self.world.servers.clone();
        let lag = self.protocol.lag;
        let shown = |id| servers.iter().find(|server| server.id == id && (view.described || server.certain(lag)));
        let look = |id: Option<Id>| match id {
            None => Described::NotAsked,
            Some(id) => shown(id).map_or(Described::Missing, |server| Described::Found(*server)),
        };
        let described = look(object.server);
        let old = look(object.replacing.map(|replacing| replacing.old));
        let memory = self.work().memory.clone();
        let (name, window) = (u8::try_from(self.name).unwrap(), self.protocol.window);
        let Protocol { rest, replaces, swaps, spends, .. } = *self.protocol;
        let forgets = self.protocol.is(Broken::ForgetsCreates);
        let object_seen = object.clone();
        let listed = None;
        let mut seen = Seen {
            window,
            rest,
            replaces,
            swaps,
            spends,
            forgets,
            name,
            object: object_seen,
            memory,
            described,
            old,
            listed,
        };
        let (sight, memory) = (seen.sight(), &mut seen.memory);
        memory.looks_at(object.server);
        if sight != ObservedState::NotLooked {
            memory.missing = (sight == ObservedState::Missing).then(|| memory.missing.unwrap_or(0));
            memory.foreign = sight.is_foreign().then(|| memory.foreign.unwrap_or(0));
        }
        memory.old_missing = (old == Described::Missing).then(|| memory.old_missing.unwrap_or(0));
        let foreign = matches!(old, Described::Found(old) if old.is_free());
        memory.old_foreign = foreign.then(|| memory.old_foreign.unwrap_or(0));
        let unused = object
            .replacing
            .is_some_and(|replacing| replacing.phase == ReplacingPhase::Moving && object.used != Some(replacing.old));
        memory.unused = unused.then(|| memory.unused.unwrap_or(0));
        memory.looked_at = object.server.filter(|_| memory.missing.is_some() || memory.foreign.is_some());
        self.work().memory = seen.memory.clone();
        let due = seen.decide();
        if due != Due::LookUp {
            return due;
        }
        let listed = servers.into_iter().filter(|server| match server.dying {
            None => view.young || server.certain(lag),
            Some(_) => view.dying,
        });
        seen.listed = Some(listed.collect());
        let former = seen.lookup().is_some_and(|lookup| !lookup.former.is_empty());
        seen.memory.former = former.then(|| seen.memory.former.unwrap_or(0));
        self.work().memory = seen.memory.clone();
        seen.decide()
    }

    fn broken(&self, object: &Object, due: Due) -> Due {
        let replacing = object.replacing;
        let moving = !object.deleting && replacing.is_some_and(|replacing| replacing.phase == ReplacingPhase::Moving);
        match self.protocol.broken {
            Some(Broken::DeletesWithoutRecovery) if object.deleting && due == Due::Recovering => Due::RemoveFinalizer,
            Some(Broken::NeverGivesUp)
                if object.attempt().is_some() && due == Due::RecordedCreate(CreatePhase::None) =>
            {
                Due::Rest
            }
            Some(Broken::TrustsStatus) if object.deleting => object.server.map_or(due, Due::Delete),
            Some(Broken::DeletesWhatIsUsed) if due == Due::Rest && moving => Due::Retire,
            Some(Broken::SwapsWhatIsDeleted) if !object.deleting && self.swappable(object) => {
                replacing.map_or(due, |replacing| Due::Swap(replacing.old))
            }
            Some(Broken::TakesBackWhatIsDeleted) if due == Due::Stalled && replacing.is_some() => {
                replacing.map_or(due, |replacing| Due::TakeBack(replacing.old))
            }
            _ => due,
        }
    }

    /// The spec asks for the old one, which may be going, and not for what is recorded.
    fn swappable(&self, object: &Object) -> bool {
        let asked_for = |id: Id| self.world.live().any(|server| server.id == id && server.spec == object.spec);
        let old = object.replacing.filter(|replacing| replacing.phase != ReplacingPhase::Creating);
        old.is_some_and(|replacing| asked_for(replacing.old)) && object.server.is_some_and(|id| !asked_for(id))
    }

    /// Takes the step that is due.
    pub fn step(&mut self) {
        let at = self.work().at;
        let current = self.work().current;
        self.work().at = match at {
            At::Write(write) if current => self.write(write),
            At::ClearCreate { spec } if current && self.unrecorded() => {
                let id = self.world.fresh_id();
                At::Send(self.call(Verb::Create, id, 0, spec))
            }
            At::ClearCreate { spec } if current => At::RecordedCreate { signed: 0, spec },
            At::ClearDelete(id) if current => At::Send(self.call(Verb::Delete, id, 0, false)),
            At::ClearRelease(id) if current => At::Send(self.call(Verb::Release, id, 0, false)),
            At::RecordedCreate { signed, spec } if current || self.protocol.is(Broken::WritesWithoutVersion) => {
                self.record(signed, spec)
            }
            At::Send(call) if self.protocol.is(Broken::SignedWhenSent) => At::Await(Call { age: 0, ..call }),
            At::Send(call) => At::Await(call),
            At::Persist(id) => self.persist(id),
            At::Reject(id) => {
                self.reject(id);
                At::Idle
            }
            // The object moved on (409, or another version in the second live read): begin again.
            At::Write(_)
            | At::ClearCreate { .. }
            | At::ClearDelete(_)
            | At::ClearRelease(_)
            | At::RecordedCreate { .. }
            | At::Idle
            | At::Await(_) => At::Idle,
        };
    }

    fn write(&mut self, write: Write) -> At {
        let Some(object) = &mut self.world.objects[self.name] else { return At::Idle };
        match write {
            Write::RecordedCreate { in_flight, decided } => {
                let phase = if in_flight { CreatePhase::InFlight } else { CreatePhase::None };
                let own = object.record.is_some_and(|record| record.uid == object.uid);
                object.record = Some(Creation { uid: object.uid, phase, attempt: None, age: decided });
                object.server = None;
                object.replacing = object.replacing.filter(|_| own);
            }
            Write::AddFinalizer => object.finalizer = true,
            Write::RecordId(id) => object.made(id),
            Write::TakeBack(old) => object.take_back(old),
            Write::Swap(old) => {
                object.swap(old);
                // It is another replacement, by the time at which they changed places: nothing seen of it counts.
                for replica in &mut self.world.replicas {
                    replica[self.name].memory.forget_old();
                }
            }
            Write::Retire => {
                if let Some(replacing) = &mut object.replacing {
                    replacing.phase = ReplacingPhase::Deleting;
                }
            }
            Write::End(old) => {
                object.replacing = None;
                object.retired.push(old);
            }
            Write::RemoveFinalizer => {
                object.finalizer = false;
                if object.deleting {
                    self.world.objects[self.name] = None;
                }
                self.work().memory = Memory::default();
            }
        }
        let id = self.world.objects[self.name].as_ref().and_then(|object| object.server);
        self.work().memory.looks_at(id);
        self.world.touch(self.name);
        At::Idle
    }

    /// Whether the create that is due goes out without a record.
    fn unrecorded(&self) -> bool {
        let replaced = self.world.objects[self.name].as_ref().is_some_and(|object| object.server.is_some());
        self.protocol.is(Broken::CallsBeforeRecord) || replaced && self.protocol.is(Broken::ReplacesWithoutRecord)
    }

    /// The attempt and, where one is replaced, which one that is: in one write.
    fn record(&mut self, signed: u8, spec: bool) -> At {
        let (id, uid, replaces) = (self.world.fresh_id(), self.work().uid, self.protocol.replaces);
        let Some(object) = self.live() else { return At::Idle };
        object.record = Some(Creation { uid, phase: CreatePhase::InFlight, attempt: Some(id), age: signed });
        if let Some(old) = object.server.take().filter(|_| replaces) {
            object.replacing = Some(Replacing { old, phase: ReplacingPhase::Creating });
        }
        self.work().memory.looks_at(None);
        self.world.touch(self.name);
        At::Send(self.call(Verb::Create, id, signed, spec))
    }

    fn persist(&mut self, id: Id) -> At {
        let (uid, swapped) = (self.work().uid, self.protocol.is(Broken::CallsBeforeRecord));
        if let Some(object) = self.live().filter(|object| swapped && object.server.is_none()) {
            object.record = Some(Creation { uid, phase: CreatePhase::None, attempt: Some(id), age: 0 });
        }
        let live = self.live();
        let record = live.as_ref().and_then(|object| object.record);
        let after = after_made(MadeFacts {
            there: live.is_some(),
            stands: record.is_some_and(|record| record.uid == uid && record.attempt == Some(id)),
            confirmed: live.as_ref().is_some_and(|object| object.server.is_some()),
            retain: false,
        });
        match (after, live) {
            (AfterMade::Record, Some(object)) => {
                object.made(id);
                self.work().memory.looks_at(Some(id));
                self.world.touch(self.name);
            }
            // Its attempt tag is read first.
            (AfterMade::Undo, _) => return At::Send(self.call(Verb::Delete, id, 0, false)),
            (AfterMade::Record | AfterMade::LeaveToTags | AfterMade::LeaveInAws, _) => {}
        }
        At::Idle
    }

    fn reject(&mut self, id: Id) {
        let Some(object) = self.live().filter(|object| object.attempt() == Some(id)) else { return };
        if let Some(record) = &mut object.record {
            record.phase = CreatePhase::Rejected;
        }
        let creating = object.replacing.filter(|replacing| replacing.phase == ReplacingPhase::Creating);
        if let Some(replacing) = creating {
            (object.server, object.replacing) = (Some(replacing.old), None);
        }
        self.world.touch(self.name);
    }

    /// AWS answers the call that is awaited.
    pub fn answer(&mut self, answer: Answer) {
        let At::Await(call) = self.work().at else { return };
        let since = if self.protocol.is(Broken::CountsFromSignature) { call.age } else { 0 };
        let known = self.world.servers.iter().any(|server| server.id == call.id);
        if matches!(answer, Answer::Done | Answer::FaultAfterEffect) {
            self.world.arrive(call);
        }
        let record = match answer {
            Answer::Done => None,
            Answer::TooOld => Some(ended(Identity::Tagged, AwsErrorKind::Skewed, false).record),
            Answer::AwsError | Answer::FaultAfterEffect => {
                Some(ended(Identity::Tagged, AwsErrorKind::Unavailable, false).record)
            }
        };
        let work = self.work();
        work.at = match (call.verb, record) {
            (Verb::Create, None) => At::Persist(call.id),
            (Verb::Create, Some(AttemptRecord::Rejected)) => At::Reject(call.id),
            _ => At::Idle,
        };
        match (call.verb, answer) {
            (Verb::Create, _) if record == Some(AttemptRecord::InFlight { answered: true }) => {
                work.memory.replied = Some((call.id, since));
            }
            (Verb::Delete, Answer::Done) if known => {
                work.memory.deleted.retain(|(id, _)| *id != call.id);
                work.memory.deleted.push((call.id, 0));
                work.memory.deleted.sort_unstable();
            }
            _ => {}
        }
    }

    /// No answer comes: the reconcile gives up, the call may still arrive.
    pub fn time_out(&mut self) {
        if let At::Await(call) = self.work().at {
            self.work().at = At::Idle;
            self.world.strays.push(call);
        }
    }

    fn work(&mut self) -> &mut Work {
        &mut self.world.replicas[self.replica][self.name]
    }

    /// The object, as long as it is the one that this reconcile is about.
    fn live(&mut self) -> Option<&mut Object> {
        let uid = self.work().uid;
        self.world.objects[self.name].as_mut().filter(|object| object.uid == uid)
    }

    fn call(&mut self, verb: Verb, id: Id, age: u8, spec: bool) -> Call {
        Call { verb, id, uid: self.work().uid, name: u8::try_from(self.name).unwrap(), spec, age }
    }
}

impl World {
    /// A call takes effect in AWS.
    pub fn arrive(&mut self, call: Call) {
        let Call { verb, id, uid, name, spec, age: _ } = call;
        if verb == Verb::Create {
            self.servers.push(Server { id, uid, name, spec, age: 0, dying: None });
            return;
        }
        if verb == Verb::Release {
            let released = self.servers.iter_mut().find(|server| server.id == id && server.dying.is_none());
            if let Some(server) = released {
                (server.uid, server.name) = (FREE, FREE);
            }
            return;
        }
        let staying = |object: &&Object| object.uid == uid && !object.deleting;
        if let Some(object) = self.objects.iter().flatten().find(staying) {
            self.cut_off |= self.has(id) && (object.in_force() == Some(id) || object.used == Some(id));
        }
        if let Some(server) = self.servers.iter_mut().find(|server| server.id == id) {
            self.foreign_delete |= server.uid != uid && !server.is_free();
            server.dying = server.dying.or(Some(0));
        }
    }
}

impl Object {
    /// The create that was under way made this, or what was found is it.
    fn made(&mut self, id: Id) {
        self.server = Some(id);
        if let Some(record) = &mut self.record {
            record.phase = CreatePhase::None;
        }
        if let Some(replacing) = self.replacing.as_mut().filter(|replacing| replacing.phase == ReplacingPhase::Creating)
        {
            replacing.phase = ReplacingPhase::Moving;
        }
    }

    /// What was to be replaced is in force again; what was made in its stead, and is lost, is let go.
    fn take_back(&mut self, old: Id) {
        self.retired.extend(self.server.replace(old));
        self.replacing = None;
        if let Some(record) = &mut self.record {
            record.phase = CreatePhase::None;
        }
    }
}

impl Object {
    /// What was replaced is in force again, and what replaced it is the old one now.
    fn swap(&mut self, old: Id) {
        if let Some((replacing, new)) = self.replacing.as_mut().zip(self.server.replace(old)) {
            replacing.old = new;
        }
    }
}

impl Server {
    /// Whether every Describe and every listing shows it.
    fn certain(self, lag: u8) -> bool {
        self.dying.is_none() && self.age >= lag
    }
}
