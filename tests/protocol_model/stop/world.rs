//! The state of the model of a stop: the object's record, AWS, what is on its way, and what each replica is at. How it
//! changes, and whether it comes to rest. What is due says the operator's own code, see `decision`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use transfer_operator::api::status::OperationPhase;

use super::{Age, Broken, LAG, OLD, Stops, TOLERANCE};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The spec, of which one field takes a stop.
    pub(super) wants: bool,
    pub(super) suspended: bool,
    pub(super) closed: bool,
    /// The grant was withdrawn.
    pub(super) denied: bool,
    /// The object is being deleted, and its server stays.
    pub(super) deleting: bool,
    /// That it stays says the management policy, which changes when the object is deleted; else the deletion policy.
    pub(super) observes: bool,
    /// The object is gone: nobody looks after the server any more.
    pub(super) gone: bool,
    pub(super) record: Option<Record>,
    pub(super) aws: Aws,
    /// What a read may still show.
    pub(super) before: Option<(Aws, Age)>,
    pub(super) strays: Vec<Call>,
    pub(super) replicas: Vec<Work>,
    pub(super) acts: u8,
    pub(super) suspends: u8,
    pub(super) denials: u8,
    pub(super) deletes: u8,
    pub(super) late: u8,
    /// A stop came when everything was done.
    pub(super) surprised: bool,
    /// And nothing was recorded of it any more.
    pub(super) unrecorded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Aws {
    pub(super) state: State,
    pub(super) has: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    Online,
    Stopping,
    Offline,
    Starting,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Stopping => "STOPPING",
            Self::Offline => "OFFLINE",
            Self::Starting => "STARTING",
        }
    }

    /// Where it comes to by itself.
    pub(super) const fn settled(self) -> Self {
        match self {
            Self::Stopping => Self::Offline,
            Self::Starting => Self::Online,
            other => other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) phase: OperationPhase,
    /// Nothing as long as it is not dated.
    pub(super) age: Option<Age>,
    pub(super) stops: i32,
    /// What was wanted when AWS refused it.
    pub(super) refused: Option<bool>,
    /// It is to run again, whatever arrives.
    pub(super) guards: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum What {
    Stop,
    Start,
    /// The field is to be so.
    Update(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Call {
    pub(super) what: What,
    pub(super) age: Age,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) at: At,
    /// Nobody wrote to the object since this reconcile read it.
    pub(super) current: bool,
    /// AWS refused this of it.
    pub(super) refused: Option<bool>,
    /// To be written once AWS answered, where that is the defect.
    pub(super) after: Option<Record>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum At {
    #[default]
    Idle,
    Write(Option<Record>),
    Clear(What),
    Send(Call),
    Await(Call),
    /// The object is let go.
    LetGo,
}

impl At {
    /// Of what was read of the object, and so for nothing once that changed.
    const fn rests_on_object(self) -> bool {
        matches!(self, Self::Write(_) | Self::Clear(_) | Self::LetGo)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Tick,
    /// The server comes to where it is on its way to.
    Arrives,
    Look {
        replica: usize,
        old: bool,
    },
    Act {
        replica: usize,
    },
    Answered {
        replica: usize,
    },
    Refused {
        replica: usize,
    },
    /// Nothing is heard of the call any more, which took effect or did not.
    Lost {
        replica: usize,
        effect: bool,
    },
    /// The same, and it is still on its way.
    Strays {
        replica: usize,
    },
    Crash {
        replica: usize,
    },
    StrayArrives(usize),
    Edits,
    Suspends,
    Closes,
    /// The grant goes, or comes back.
    Denies,
    Deletes,
}

impl Record {
    /// All is done, and something may arrive.
    pub(super) fn over(self) -> bool {
        matches!(self.phase, OperationPhase::Withdrawn | OperationPhase::GivenUp)
    }

    /// What comes after it is the end.
    pub(super) fn ends(self) -> bool {
        matches!(self.phase, OperationPhase::Stopped | OperationPhase::Starting)
    }

    /// In an order, whichever.
    pub(super) fn key(self) -> (u8, Option<Age>, i32, Option<bool>, bool) {
        let Self { phase, age, stops, refused, guards } = self;
        (phase as u8, age, stops, refused, guards)
    }
}

pub(super) type RecordKey = Option<(u8, Option<Age>, i32, Option<bool>, bool)>;
pub(super) type WorkKey = (u8, RecordKey, Option<Call>, bool, Option<bool>, RecordKey);

impl Work {
    pub(super) fn key(&self) -> WorkKey {
        let Self { at, current, refused, after } = self;
        let (kind, record, call) = match *at {
            At::Idle => (0, None, None),
            At::Write(record) => (1, record.map(Record::key), None),
            At::Clear(what) => (2, None, Some(Call { what, age: 0 })),
            At::Send(call) => (3, None, Some(call)),
            At::Await(call) => (4, None, Some(call)),
            At::LetGo => (5, None, None),
        };
        (kind, record, call, *current, *refused, after.map(Record::key))
    }
}

/// What an answer of the code depends on.
pub(super) type Question = ([bool; 6], RecordKey, Aws, Option<bool>);

thread_local! {
    /// The code is pure, so an answer is kept.
    static DUE: RefCell<BTreeMap<Question, At>> = RefCell::default();
    /// And so is how it ends.
    static ENDS: RefCell<BTreeMap<(u8, Question), bool>> = RefCell::default();
}

impl World {
    pub(super) fn question(&self, shown: Aws, refused: Option<bool>) -> Question {
        let spec = [self.wants, self.suspended, self.closed, self.denied, self.deleting, self.observes];
        (spec, self.record.map(Record::key), shown, refused)
    }

    pub(super) fn act(&mut self, model: &Stops, action: Event) {
        match action {
            Event::Tick => self.tick(model),
            Event::Arrives => {
                let state = self.aws.state.settled();
                self.becomes(Aws { state, ..self.aws });
            }
            Event::Look { replica, old } => self.look(model, replica, old),
            Event::Act { replica } => self.step(replica),
            Event::Answered { replica } => self.answer(model, replica, true),
            Event::Refused { replica } => {
                if let At::Await(Call { what: What::Update(to), .. }) = std::mem::take(&mut self.replicas[replica].at) {
                    self.replicas[replica].refused = Some(to);
                }
            }
            Event::Lost { replica, effect } => self.answer(model, replica, effect),
            Event::Strays { replica } => {
                if let At::Await(call) = std::mem::take(&mut self.replicas[replica].at) {
                    self.strays.push(call);
                    self.late -= 1;
                }
            }
            Event::Crash { replica } => self.replicas[replica] = Work::default(),
            Event::StrayArrives(index) => {
                let call = self.strays.remove(index);
                self.arrive(call);
            }
            Event::Edits => {
                (self.wants, self.acts) = (!self.wants, self.acts - 1);
                self.touch();
            }
            Event::Suspends => {
                (self.suspended, self.suspends) = (!self.suspended, self.suspends - 1);
                self.touch();
            }
            // Nobody writes the object for it.
            Event::Closes => (self.closed, self.acts) = (!self.closed, self.acts - 1),
            Event::Denies => (self.denied, self.denials) = (!self.denied, self.denials - 1),
            Event::Deletes => {
                (self.deleting, self.deletes) = (true, self.deletes - 1);
                self.touch();
            }
        }
    }

    /// The object was written: what anybody read of it is old.
    fn touch(&mut self) {
        self.replicas.iter_mut().for_each(|work| work.current = false);
    }

    /// AWS changes the server.
    fn becomes(&mut self, now: Aws) {
        if now != self.aws {
            self.before = Some((self.aws, 0));
            self.aws = now;
        }
    }

    /// A call takes effect, unless AWS refuses it where the server stands.
    fn arrive(&mut self, call: Call) {
        if call.age > TOLERANCE {
            return;
        }
        let Aws { state, has } = self.aws;
        match (call.what, state) {
            (What::Stop, State::Online) => {
                self.surprised |= self.record.is_none_or(Record::over);
                let forgotten = self.record.is_none_or(|record| record.over() && !record.guards);
                self.unrecorded |= self.gone || forgotten;
                self.becomes(Aws { state: State::Stopping, has });
            }
            (What::Start, State::Offline) => self.becomes(Aws { state: State::Starting, has }),
            (What::Update(to), State::Offline) => self.becomes(Aws { state, has: to }),
            _ => {}
        }
    }

    fn answer(&mut self, model: &Stops, replica: usize, effect: bool) {
        let At::Await(call) = std::mem::take(&mut self.replicas[replica].at) else { return };
        if effect {
            self.arrive(call);
        }
        if model.broken == Some(Broken::ForgetsStarted) && call.what == What::Start && effect {
            self.record = None;
            self.touch();
        }
        if let Some(record) = self.replicas[replica].after.take() {
            self.replicas[replica].at = At::Write(Some(record));
            self.replicas[replica].current = true;
        }
    }

    fn look(&mut self, model: &Stops, replica: usize, old: bool) {
        if self.gone {
            return;
        }
        let shown = self.before.filter(|_| old).map_or(self.aws, |(before, _)| before);
        let due = self.due(shown, self.replicas[replica].refused);
        let work = &mut self.replicas[replica];
        work.current = true;
        if work.refused.is_some_and(|refused| refused != self.wants) {
            work.refused = None;
        }
        work.at = match (model.broken, due) {
            (Some(Broken::RecordsAfterCall), At::Write(Some(record))) if record.phase == OperationPhase::Stopping => {
                work.after = Some(record);
                At::Clear(What::Stop)
            }
            (Some(Broken::ForgetsWithdrawn), At::Write(Some(record))) if record.phase == OperationPhase::Withdrawn => {
                At::Write(None)
            }
            (Some(Broken::ForgetsEnded), At::Write(Some(record)))
                if record.phase == OperationPhase::Withdrawn && self.record.is_some_and(Record::ends) =>
            {
                At::Write(None)
            }
            (Some(Broken::DatesDecision), At::Write(Some(record))) if record.age.is_none() => {
                At::Write(Some(Record { age: Some(0), ..record }))
            }
            (Some(Broken::LetsGo), At::Idle) if self.deleting && self.record.is_some_and(Record::over) => At::LetGo,
            (_, due) => due,
        };
    }

    /// Takes the step that is due.
    fn step(&mut self, replica: usize) {
        let work = &mut self.replicas[replica];
        match std::mem::take(&mut work.at) {
            At::Write(record) if work.current => {
                self.record = record;
                self.touch();
            }
            At::LetGo if work.current => {
                (self.gone, self.record) = (true, None);
                self.touch();
            }
            At::Clear(what) if work.current => work.at = At::Send(Call { what, age: 0 }),
            At::Send(call) => work.at = At::Await(call),
            _ => {}
        }
    }

    fn tick(&mut self, model: &Stops) {
        let older = |age: &mut Age| *age = (*age + 1).min(OLD);
        self.record.iter_mut().filter_map(|record| record.age.as_mut()).for_each(older);
        self.before.iter_mut().for_each(|(_, age)| older(age));
        self.strays.iter_mut().for_each(|call| older(&mut call.age));
        for work in &mut self.replicas {
            match &mut work.at {
                At::Write(_) | At::LetGo if !model.lingers => work.at = At::Idle,
                At::Write(Some(record)) => record.age.iter_mut().for_each(older),
                At::Send(call) | At::Await(call) => older(&mut call.age),
                _ => {}
            }
        }
    }

    /// The one form of a state.
    pub(super) fn tidy(&mut self) {
        self.before = self.before.filter(|(before, age)| *age < LAG && *before != self.aws);
        self.strays.retain(|call| call.age <= TOLERANCE);
        self.strays.sort_unstable();
        for work in &mut self.replicas {
            if work.at.rests_on_object() && !work.current {
                work.at = At::Idle;
            }
            work.current &= work.at.rests_on_object();
        }
        self.replicas.sort_by_key(Work::key);
    }

    /// Whether the server runs once nothing more goes wrong, whichever replica is left. Asked of states at rest, as of
    /// servers.
    pub(super) fn settles(&self, model: &Stops) -> bool {
        let idle = self.replicas.iter().all(|work| work.at == At::Idle);
        if !idle || !self.strays.is_empty() {
            return true;
        }
        if self.gone {
            return self.aws.state.settled() == State::Online;
        }
        self.replicas.iter().all(|work| {
            let key = (model.broken.map_or(0, |broken| broken as u8 + 1), self.question(self.aws, work.refused));
            let known = ENDS.with_borrow(|known| known.get(&key).copied());
            known.unwrap_or_else(|| {
                let ends = self.clone().ends_well(model, work);
                ENDS.with_borrow_mut(|known| known.insert(key, ends));
                ends
            })
        })
    }

    fn ends_well(mut self, model: &Stops, work: &Work) -> bool {
        self.replicas = vec![work.clone()];
        // A stop, a change and a start, twice; and the time for which a stop may be late.
        for _ in 0..2 * OLD {
            for _ in 0..32 {
                self.aws.state = self.aws.state.settled();
                self.before = None;
                match self.replicas[0].at {
                    At::Idle => self.look(model, 0, false),
                    At::Await(_) => self.answer(model, 0, true),
                    _ => self.step(0),
                }
                self.tidy();
            }
            self.tick(model);
            self.tidy();
        }
        let given_up = self.record.is_some_and(|record| record.phase == OperationPhase::GivenUp);
        let free = !self.suspended && !self.closed && !self.denied && !self.deleting && !given_up;
        let made = self.aws.has == self.wants || !free;
        let over = self.record.is_none() || given_up;
        self.aws.state == State::Online && made && over && self.gone == self.deleting
    }

    /// What the operator decides for what it is shown.
    pub(super) fn due(&self, shown: Aws, refused: Option<bool>) -> At {
        let question = self.question(shown, refused);
        let known = DUE.with_borrow(|known| known.get(&question).copied());
        known.unwrap_or_else(|| {
            let due = self.ask(shown, refused);
            DUE.with_borrow_mut(|known| known.insert(question, due));
            due
        })
    }
}
