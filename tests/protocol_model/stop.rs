//! A change that takes a stop, model checked: two replicas, each of which may die or freeze at any step; AWS, whose
//! answers lag and get lost, and which may refuse the change; a person who edits back, suspends, and closes the window; and
//! a stop that arrives long after it was sent.
//!
//! Which step is due says the code (`kinds::server::offline`), and whether its call is sent or its record written does too
//! (`engine::decide`). What stands around that is modelled, as for servers.

mod decision;

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use stateright::{Checker, HasDiscoveries, Model, Property};
use transfer_operator::api::status::OperationPhase;

type Age = u8;

/// So long is a tick: with the tolerance and the lag below, what AWS takes and shows at the latest is just before what the
/// operator waits for (17 minutes), and one tick less would not be.
const TICK: SignedDuration = SignedDuration::from_mins(6);
const TOLERANCE: Age = 2;
const LAG: Age = 1;

/// Beyond this no age counts.
const OLD: Age = TOLERANCE + LAG + 1;

/// What is modelled.
#[derive(Clone, Copy, Debug)]
struct Stops {
    replicas: usize,
    /// AWS may refuse the change for what it says.
    refuses: bool,
    /// So often a person edits the change back or forth, or the window closes or opens.
    acts: u8,
    /// So often a person suspends the object, or lets it go on.
    suspends: u8,
    /// So many stops may arrive after nobody waits for them any more.
    late: u8,
    /// A replica may freeze between a decision and the write of it. Otherwise the deadline of the reconcile ends it.
    lingers: bool,
    broken: Option<Broken>,
}

/// What would be a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// That it is stopped is written once AWS answered.
    RecordsAfterCall,
    /// A change that is taken back is forgotten at once, although its stop may be under way.
    ForgetsWithdrawn,
    /// What is started is forgotten once it was told to start.
    ForgetsStarted,
    /// What runs again is forgotten at once, although a second stop may be under way.
    ForgetsEnded,
    /// That no stop is sent any more is dated when it is decided.
    DatesDecision,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    /// The spec, of which one field takes a stop.
    wants: bool,
    suspended: bool,
    closed: bool,
    record: Option<Record>,
    aws: Aws,
    /// What a read may still show.
    before: Option<(Aws, Age)>,
    strays: Vec<Call>,
    replicas: Vec<Work>,
    acts: u8,
    suspends: u8,
    late: u8,
    /// A stop came when everything was done.
    surprised: bool,
    /// And nothing was recorded of it any more.
    unrecorded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Aws {
    state: State,
    has: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum State {
    Online,
    Stopping,
    Offline,
    Starting,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Stopping => "STOPPING",
            Self::Offline => "OFFLINE",
            Self::Starting => "STARTING",
        }
    }

    /// Where it comes to by itself.
    const fn settled(self) -> Self {
        match self {
            Self::Stopping => Self::Offline,
            Self::Starting => Self::Online,
            other => other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    phase: OperationPhase,
    /// Nothing as long as it is not dated.
    age: Option<Age>,
    stops: i32,
    /// What was wanted when AWS refused it.
    refused: Option<bool>,
    /// It is to run again, whatever arrives.
    guards: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum What {
    Stop,
    Start,
    /// The field is to be so.
    Update(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Call {
    what: What,
    age: Age,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Work {
    at: At,
    /// Nobody wrote to the object since this reconcile read it.
    current: bool,
    /// AWS refused this of it.
    refused: Option<bool>,
    /// To be written once AWS answered, where that is the defect.
    after: Option<Record>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum At {
    #[default]
    Idle,
    Write(Option<Record>),
    Clear(What),
    Send(Call),
    Await(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
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
}

const RUNS: &str = "left alone, the server runs";
const CHANGES: &str = "a change is made and the server runs again";
const SURPRISED: &str = "a stop comes when everything is done";
const RECORDED: &str = "no stop comes that nothing is recorded of any more";
const GIVES_UP: &str = "a change that AWS refuses is given up";

impl Model for Stops {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            wants: true,
            suspended: false,
            closed: false,
            record: None,
            aws: Aws { state: State::Online, has: false },
            before: None,
            strays: Vec::new(),
            replicas: vec![Work::default(); self.replicas],
            acts: self.acts,
            suspends: self.suspends,
            late: self.late,
            surprised: false,
            unrecorded: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        actions.push(Event::Tick);
        if world.aws.state != world.aws.state.settled() {
            actions.push(Event::Arrives);
        }
        for (replica, work) in world.replicas.iter().enumerate() {
            match work.at {
                At::Idle => {
                    actions.push(Event::Look { replica, old: false });
                    if world.before.is_some() {
                        actions.push(Event::Look { replica, old: true });
                    }
                }
                At::Await(call) => {
                    actions.push(Event::Answered { replica });
                    if self.refuses && matches!(call.what, What::Update(_)) && world.aws.state == State::Offline {
                        actions.push(Event::Refused { replica });
                    }
                    actions.extend([true, false].map(|effect| Event::Lost { replica, effect }));
                    if call.what == What::Stop && world.late > 0 {
                        actions.push(Event::Strays { replica });
                    }
                }
                At::Write(_) | At::Clear(_) | At::Send(_) => actions.push(Event::Act { replica }),
            }
            if *work != Work::default() && !matches!(work.at, At::Await(_)) {
                actions.push(Event::Crash { replica });
            }
        }
        actions.extend((0..world.strays.len()).map(Event::StrayArrives));
        if world.acts > 0 {
            actions.extend([Event::Edits, Event::Closes]);
        }
        if world.suspends > 0 {
            actions.push(Event::Suspends);
        }
    }

    fn next_state(&self, last: &World, action: Event) -> Option<World> {
        let mut next = last.clone();
        next.act(self, action);
        next.tidy();
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RUNS, |model: &Stops, world: &World| world.settles(model)),
            Property::sometimes(CHANGES, |_, world: &World| {
                world.aws == Aws { state: State::Online, has: true } && world.record.is_none()
            }),
            Property::sometimes(SURPRISED, |_, world: &World| world.surprised),
            Property::always(RECORDED, |model: &Stops, world: &World| !world.unrecorded || model.broken.is_some()),
            Property::sometimes(GIVES_UP, |_, world: &World| {
                world.record.is_some_and(|record| record.phase == OperationPhase::GivenUp)
            }),
        ]
    }
}

impl Record {
    /// All is done, and something may arrive.
    fn over(self) -> bool {
        matches!(self.phase, OperationPhase::Withdrawn | OperationPhase::GivenUp)
    }

    /// What comes after it is the end.
    fn ends(self) -> bool {
        matches!(self.phase, OperationPhase::Stopped | OperationPhase::Starting)
    }

    /// In an order, whichever.
    fn key(self) -> (u8, Option<Age>, i32, Option<bool>, bool) {
        let Self { phase, age, stops, refused, guards } = self;
        (phase as u8, age, stops, refused, guards)
    }
}

type RecordKey = Option<(u8, Option<Age>, i32, Option<bool>, bool)>;
type WorkKey = (u8, RecordKey, Option<Call>, bool, Option<bool>, RecordKey);

impl Work {
    fn key(&self) -> WorkKey {
        let Self { at, current, refused, after } = self;
        let (kind, record, call) = match *at {
            At::Idle => (0, None, None),
            At::Write(record) => (1, record.map(Record::key), None),
            At::Clear(what) => (2, None, Some(Call { what, age: 0 })),
            At::Send(call) => (3, None, Some(call)),
            At::Await(call) => (4, None, Some(call)),
        };
        (kind, record, call, *current, *refused, after.map(Record::key))
    }
}

/// What an answer of the code depends on.
type Question = (bool, bool, bool, RecordKey, Aws, Option<bool>);

thread_local! {
    /// The code is pure, so an answer is kept.
    static DUE: RefCell<BTreeMap<Question, At>> = RefCell::default();
    /// And so is how it ends.
    static ENDS: RefCell<BTreeMap<(u8, Question), bool>> = RefCell::default();
}

impl World {
    fn question(&self, shown: Aws, refused: Option<bool>) -> Question {
        (self.wants, self.suspended, self.closed, self.record.map(Record::key), shown, refused)
    }

    fn act(&mut self, model: &Stops, action: Event) {
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
                self.unrecorded |= self.record.is_none_or(|record| record.over() && !record.guards);
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
                At::Write(_) if !model.lingers => work.at = At::Idle,
                At::Write(Some(record)) => record.age.iter_mut().for_each(older),
                At::Send(call) | At::Await(call) => older(&mut call.age),
                _ => {}
            }
        }
    }

    /// The one form of a state.
    fn tidy(&mut self) {
        self.before = self.before.filter(|(before, age)| *age < LAG && *before != self.aws);
        self.strays.retain(|call| call.age <= TOLERANCE);
        self.strays.sort_unstable();
        for work in &mut self.replicas {
            if matches!(work.at, At::Write(_) | At::Clear(_)) && !work.current {
                work.at = At::Idle;
            }
            work.current &= matches!(work.at, At::Write(_) | At::Clear(_));
        }
        self.replicas.sort_by_key(Work::key);
    }

    /// Whether the server runs once nothing more goes wrong, whichever replica is left. Asked of states at rest, as of
    /// servers.
    fn settles(&self, model: &Stops) -> bool {
        let idle = self.replicas.iter().all(|work| work.at == At::Idle);
        if !idle || !self.strays.is_empty() {
            return true;
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
        let free = !self.suspended && !self.closed && !given_up;
        let made = self.aws.has == self.wants || !free;
        self.aws.state == State::Online && made && (self.record.is_none() || given_up)
    }

    /// What the operator decides for what it is shown.
    fn due(&self, shown: Aws, refused: Option<bool>) -> At {
        let question = self.question(shown, refused);
        let known = DUE.with_borrow(|known| known.get(&question).copied());
        known.unwrap_or_else(|| {
            let due = self.ask(shown, refused);
            DUE.with_borrow_mut(|known| known.insert(question, due));
            due
        })
    }
}

/// Two processes, and a stop that comes late.
fn stops() -> Stops {
    Stops { replicas: 2, refuses: false, acts: 0, suspends: 0, late: 1, lingers: false, broken: None }
}

/// One process at a time, and no stop that comes late; but a suspended object, of which nobody mends what was forgotten.
fn alone() -> Stops {
    Stops { replicas: 1, suspends: 1, late: 0, ..stops() }
}

fn holds(what: &str, model: Stops, depth: usize) {
    let checker = holds_for(what, model, depth);
    checker.assert_any_discovery(CHANGES);
    if model.late > 0 {
        checker.assert_any_discovery(SURPRISED);
    }
    if model.refuses {
        checker.assert_any_discovery(GIVES_UP);
    }
}

/// The same of runs of this length, whatever comes up in them.
fn holds_for(what: &str, model: Stops, depth: usize) -> impl Checker<Stops> {
    let start = std::time::Instant::now();
    let checker = model.checker().target_max_depth(depth).spawn_bfs().join();
    let (unique, deepest) = (checker.unique_state_count(), checker.max_depth());
    let reach = if deepest < depth { "runs of any length" } else { "all runs of this depth" };
    println!("{what}: {unique} states, depth {deepest} ({reach}), {:.1?}", start.elapsed());
    for (broken, says) in [(RUNS, "it is left OFFLINE"), (RECORDED, "a stop is forgotten too early")] {
        if let Some(path) = checker.discovery(broken) {
            for step in path.into_actions() {
                println!("    {step:?}");
            }
            panic!("{what}: {says}");
        }
    }
    checker
}

fn fails(what: &str, model: Stops) {
    let start = std::time::Instant::now();
    let finish = HasDiscoveries::AnyOf([RUNS].into());
    let checker = model.checker().finish_when(finish).target_max_depth(40).spawn_bfs().join();
    let unique = checker.unique_state_count();
    let path = checker.discovery(RUNS).unwrap_or_else(|| panic!("{what}: not found in {unique} states"));
    let steps = path.into_actions();
    println!("{what}: \"{RUNS}\" fails after {} steps, {unique} states, {:.1?}", steps.len(), start.elapsed());
    for step in steps {
        println!("    {step:?}");
    }
}

/// Searches without an end to the runs: the states come to an end of their own.
const ALL: usize = 100_000;

#[test]
fn a_server_that_is_stopped_for_a_change_runs_again() {
    holds("stopped", stops(), ALL);
    holds("stopped, edited and outside the window", Stops { acts: 1, ..stops() }, ALL);
    holds("stopped, one process", Stops { acts: 3, suspends: 2, ..alone() }, ALL);
}

#[test]
fn a_server_whose_change_aws_refuses_runs_again() {
    holds("stopped, refused", Stops { refuses: true, ..stops() }, ALL);
    holds("stopped, refused, one process", Stops { refuses: true, acts: 2, suspends: 2, ..alone() }, ALL);
}

#[test]
fn a_stop_that_is_recorded_after_its_call_leaves_a_server_offline() {
    fails("stop recorded late", Stops { broken: Some(Broken::RecordsAfterCall), ..alone() });
}

#[test]
fn a_start_that_is_not_seen_to_its_end_leaves_a_server_offline() {
    fails("start not seen", Stops { broken: Some(Broken::ForgetsStarted), ..alone() });
}

/// What withdrawing waits for is a stop that comes late.
#[test]
fn a_stop_that_is_forgotten_when_the_edit_goes_leaves_a_server_offline() {
    let late = Stops { late: 1, ..alone() };
    holds_for("late, suspended", late, 20);
    fails("withdrawn stop forgotten", Stops { broken: Some(Broken::ForgetsWithdrawn), ..late });
}

/// Of two stops that were sent, one comes when the other is done with, and the object is suspended by then.
#[test]
fn a_second_stop_after_the_end_is_made_good_on_a_suspended_object() {
    let late = Stops { late: 1, ..alone() };
    holds("second stop late", late, ALL);
    holds("second stop late, refused", Stops { refuses: true, acts: 1, ..late }, ALL);
    fails("end forgotten", Stops { broken: Some(Broken::ForgetsEnded), ..late });
}

#[test]
fn a_withdrawal_may_be_written_long_after_it_was_decided() {
    let frozen = Stops { lingers: true, acts: 1, suspends: 1, late: 0, ..stops() };
    holds("withdrawn late", frozen, ALL);
    fails("withdrawn late, dated when decided", Stops { broken: Some(Broken::DatesDecision), ..frozen });
}
