//! A change that takes a stop, model checked: two replicas, each of which may die or freeze at any step; AWS, whose
//! answers lag and get lost, and which may refuse the change; a person who edits back, suspends, closes the window, takes
//! the grant, and deletes the object whose server stays; and a stop that arrives long after it was sent.
//!
//! Which step is due says the code (`kinds::server::offline`), and whether its call is sent or its record written does too
//! (`engine::decide`). What stands around that is modelled, as for servers.

mod decision;
mod world;

use jiff::SignedDuration;
use stateright::{Checker, HasDiscoveries, Model, Property};
use transfer_operator::api::status::OperationPhase;

use world::{At, Aws, Event, Record, State, What, Work, World};

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
    /// So often the grant is taken or given back.
    denials: u8,
    /// Whether a person may delete the object: once.
    deletes: u8,
    /// The server stays then because the object only observes by that time, and not for its deletion policy.
    observes: bool,
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
    /// An object whose server stays is let go at once, although a stop may be under way.
    LetsGo,
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
            denied: false,
            deleting: false,
            observes: self.observes,
            gone: false,
            record: None,
            aws: Aws { state: State::Online, has: false },
            before: None,
            strays: Vec::new(),
            replicas: vec![Work::default(); self.replicas],
            acts: self.acts,
            suspends: self.suspends,
            denials: self.denials,
            deletes: self.deletes,
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
                At::Write(_) | At::Clear(_) | At::Send(_) | At::LetGo => actions.push(Event::Act { replica }),
            }
            if *work != Work::default() && !matches!(work.at, At::Await(_)) {
                actions.push(Event::Crash { replica });
            }
        }
        actions.extend((0..world.strays.len()).map(Event::StrayArrives));
        if world.acts > 0 {
            actions.extend([Event::Edits, Event::Closes]);
        }
        if world.gone {
            return;
        }
        let may = [(world.suspends, Event::Suspends), (world.denials, Event::Denies), (world.deletes, Event::Deletes)];
        actions.extend(may.into_iter().filter(|(times, _)| *times > 0).map(|(_, event)| event));
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

/// Two processes, and a stop that comes late.
fn stops() -> Stops {
    Stops {
        replicas: 2,
        refuses: false,
        acts: 0,
        suspends: 0,
        denials: 0,
        deletes: 0,
        observes: false,
        late: 1,
        lingers: false,
        broken: None,
    }
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

#[test]
fn a_server_whose_grant_goes_in_the_middle_runs_again() {
    holds("stopped, grant taken", Stops { denials: 2, ..stops() }, ALL);
    let alone = Stops { denials: 2, ..alone() };
    holds("stopped, refused, grant taken, one process", Stops { refuses: true, acts: 1, ..alone }, ALL);
}

#[test]
fn a_server_that_stays_when_its_object_goes_runs_and_is_not_stopped_later() {
    holds("stopped, let go", Stops { deletes: 1, ..stops() }, ALL);
    let frozen = Stops { deletes: 1, lingers: true, late: 0, ..stops() };
    holds("stopped, let go, frozen", frozen, ALL);
    holds("stopped, grant taken, let go, one process", Stops { deletes: 1, denials: 2, late: 1, ..alone() }, ALL);
    fails("let go at once", Stops { broken: Some(Broken::LetsGo), ..frozen });
}

/// The answer that lets a server go is all that ends the object: one that deletes it ends the run with a panic.
#[test]
fn a_server_that_is_only_observed_when_its_object_goes_runs_and_stays() {
    let observed = Stops { deletes: 1, observes: true, ..stops() };
    holds("stopped, observed, let go", observed, ALL);
    holds("stopped, observed, let go, frozen", Stops { lingers: true, late: 0, ..observed }, ALL);
    let alone = Stops { deletes: 1, denials: 2, late: 1, observes: true, ..alone() };
    holds("stopped, grant taken, observed, let go, one process", alone, ALL);
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
