//! What a replica does, one step at a time: what `engine::pass`, `create` and `mutate` do around the decision.
//!
//! A step is what nobody can come in between: one read of the world, one write, one call. The decision is the code's.

use transfer_operator::api::status::CreatePhase;
use transfer_operator::engine::consistency::ObservedState;

use super::decision::{Described, Due, Seen};
use super::model::{Answer, Broken, Protocol, View};
use super::world::{At, Call, Creation, Id, Memory, Object, Server, Verb, Work, World, Write};

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
            Due::Finalize => At::Write(Write::Finalize),
            Due::Claim(id) => At::Write(Write::Claim(id)),
            Due::Create => At::ClearCreate,
            Due::Delete(id) => At::ClearDelete(id),
            Due::Release => At::Write(Write::Release),
        };
        self.work().current = true;
    }

    fn decide(&mut self, object: &Object, view: View) -> Due {
        let servers = self.world.servers.clone();
        let lag = self.protocol.lag;
        let shown = |id| servers.iter().find(|server| server.id == id && (view.described || server.certain(lag)));
        let described = match object.server {
            None => Described::NotAsked,
            Some(id) => shown(id).map_or(Described::Missing, |server| Described::Found(*server)),
        };
        let memory = self.work().memory.clone();
        let (name, window) = (u8::try_from(self.name).unwrap(), self.protocol.window);
        let mut seen = Seen { window, name, object: object.clone(), memory, described, listed: None };
        let (sight, memory) = (seen.sight(), &mut seen.memory);
        memory.looks_at(object.server);
        if sight != ObservedState::NotLooked {
            memory.missing = (sight == ObservedState::Missing).then(|| memory.missing.unwrap_or(0));
            memory.foreign = sight.is_foreign().then(|| memory.foreign.unwrap_or(0));
        }
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
        match self.protocol.broken {
            Some(Broken::DeletesWithoutRecovery) if object.deleting && due == Due::Recovering => Due::Release,
            Some(Broken::NeverGivesUp)
                if object.attempt().is_some() && due == Due::RecordedCreate(CreatePhase::None) =>
            {
                Due::Rest
            }
            Some(Broken::TrustsStatus) if object.deleting => object.server.map_or(due, Due::Delete),
            _ => due,
        }
    }

    /// Takes the step that is due.
    pub fn step(&mut self) {
        let at = self.work().at;
        let current = self.work().current;
        self.work().at = match at {
            At::Write(write) if current => self.write(write),
            At::ClearCreate if current && self.protocol.is(Broken::CallsBeforeRecord) => {
                let id = self.world.fresh_id();
                At::Send(self.call(Verb::Create, id, 0))
            }
            At::ClearCreate if current => At::RecordedCreate { signed: 0 },
            At::ClearDelete(id) if current => At::Send(self.call(Verb::Delete, id, 0)),
            At::RecordedCreate { signed } if current || self.protocol.is(Broken::WritesWithoutVersion) => {
                self.record(signed)
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
            | At::ClearCreate
            | At::ClearDelete(_)
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
                object.record = Some(Creation { uid: object.uid, phase, attempt: None, age: decided });
                object.server = None;
            }
            Write::Finalize => object.finalizer = true,
            Write::Claim(id) => {
                object.server = Some(id);
                if let Some(record) = &mut object.record {
                    record.phase = CreatePhase::None;
                }
            }
            Write::Release => {
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

    fn record(&mut self, signed: u8) -> At {
        let (id, uid) = (self.world.fresh_id(), self.work().uid);
        let Some(object) = self.live() else { return At::Idle };
        object.record = Some(Creation { uid, phase: CreatePhase::InFlight, attempt: Some(id), age: signed });
        object.server = None;
        self.work().memory.looks_at(None);
        self.world.touch(self.name);
        At::Send(self.call(Verb::Create, id, signed))
    }

    fn persist(&mut self, id: Id) -> At {
        let (uid, swapped) = (self.work().uid, self.protocol.is(Broken::CallsBeforeRecord));
        let Some(object) = self.live() else {
            // Nobody would ever delete what was made: its attempt tag is read, and it goes.
            return At::Send(self.call(Verb::Delete, id, 0));
        };
        if swapped && object.server.is_none() {
            object.record = Some(Creation { uid, phase: CreatePhase::None, attempt: Some(id), age: 0 });
        }
        if let Some(record) = object.record.as_mut().filter(|record| record.uid == uid && record.attempt == Some(id))
            && object.server.is_none()
        {
            record.phase = CreatePhase::None;
            object.server = Some(id);
            self.work().memory.looks_at(Some(id));
            self.world.touch(self.name);
        }
        At::Idle
    }

    fn reject(&mut self, id: Id) {
        let Some(object) = self.live().filter(|object| object.attempt() == Some(id)) else { return };
        if let Some(record) = &mut object.record {
            record.phase = CreatePhase::Rejected;
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
        let work = self.work();
        work.at = match (call.verb, answer) {
            (Verb::Create, Answer::Done) => At::Persist(call.id),
            (Verb::Create, Answer::TooOld) => At::Reject(call.id),
            _ => At::Idle,
        };
        match (call.verb, answer) {
            (Verb::Create, Answer::AwsError | Answer::FaultAfterEffect) => work.memory.replied = Some((call.id, since)),
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

    fn call(&mut self, verb: Verb, id: Id, age: u8) -> Call {
        Call { verb, id, uid: self.work().uid, name: u8::try_from(self.name).unwrap(), age }
    }
}

impl World {
    /// A call takes effect in AWS.
    pub fn arrive(&mut self, call: Call) {
        let Call { verb, id, uid, name, age: _ } = call;
        if verb == Verb::Create {
            self.servers.push(Server { id, uid, name, age: 0, dying: None });
        } else if let Some(server) = self.servers.iter_mut().find(|server| server.id == id) {
            self.foreign_delete |= server.uid != uid;
            server.dying = server.dying.or(Some(0));
        }
    }
}

impl Server {
    /// Whether every Describe and every listing shows it.
    fn certain(self, lag: u8) -> bool {
        self.dying.is_none() && self.age >= lag
    }
}
