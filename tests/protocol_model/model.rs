//! The model: which steps can come next, and what must hold in every state.

use stateright::{Model, Property};

use super::replica::Scene;
use super::undisturbed;
use super::world::{Age, At, Id, Object, Uid, Work, World};

/// What is modelled, and how AWS behaves in it.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub replicas: u8,
    pub objects: u8,
    /// AWS refuses a signature older than this.
    pub tolerance: Age,
    /// A server younger than this may be missing in a listing.
    pub lag: Age,
    /// What the operator assumes of both.
    pub window: Window,
    /// An object that is gone may be applied again.
    pub recreates: bool,
    /// Status may be wiped (a restore).
    pub wipes: bool,
    /// Somebody may write the id of another object's server into status.
    pub forges: bool,
    /// The spec may be edited in what AWS cannot change: then a new one is made and the old one goes.
    pub replaces: bool,
    /// Where the spec asks for the old one again, the two change places.
    pub swaps: bool,
    /// What uses the old one never leaves it, and it is of no use any more.
    pub spends: bool,
    /// How long nothing must have used the old one.
    pub rest: Age,
    /// Begins where a server was made and is used, so that the search comes further from there.
    pub claimed: bool,
    /// Somebody may delete in AWS what is being replaced, or what replaces it.
    pub loses: bool,
    /// A defect to be found.
    pub broken: Option<Broken>,
}

/// The operator's two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub tolerance: Age,
    pub lag: Age,
}

impl Window {
    /// The whole window.
    pub fn sum(self) -> Age {
        self.tolerance + self.lag
    }
}

/// Protocols that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// CreateServer is sent before its record is written.
    CallsBeforeRecord,
    /// A call is signed with the time of its sending, not with that of the live read.
    SignedWhenSent,
    /// The attempt is written without a resourceVersion.
    WritesWithoutVersion,
    /// An object in deletion is released although its create is in doubt.
    DeletesWithoutRecovery,
    /// After an answer that proves nothing, the lag counts from the signature of the call, not from the answer.
    CountsFromSignature,
    /// A create in doubt is never given up.
    NeverGivesUp,
    /// The id in status is deleted without a look at whose server it is.
    TrustsStatus,
    /// A replacement is not recorded: the second create is sent beside the id that stands there.
    ReplacesWithoutRecord,
    /// The old one is deleted as soon as the new one is there, whatever uses it.
    DeletesWhatIsUsed,
    /// The old one may come into force again while it may be deleted.
    TakesBackWhatIsDeleted,
    /// The two change places although the old one may be deleted.
    SwapsWhatIsDeleted,
    /// After a wiped status it is not waited for a create that nobody remembers.
    ForgetsCreates,
}

/// What AWS happens to show while it may lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Listings show young servers.
    pub young: bool,
    /// Listings show servers that are going.
    pub dying: bool,
    /// Describe shows the recorded server, young or going.
    pub described: bool,
}

/// AWS's answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    TooOld,
    /// An error that proves nothing; nothing was done.
    AwsError,
    /// The same, but it was done.
    FaultAfterEffect,
}

/// One step of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Tick,
    Look { replica: usize, name: usize, view: View },
    Act { replica: usize, name: usize, due: At },
    Answered { replica: usize, name: usize, answer: Answer },
    TimesOut { replica: usize, name: usize },
    Crash { replica: usize },
    StrayArrives(usize),
    UserDeletes(usize),
    UserRecreates(usize, Uid),
    StatusWiped(usize),
    StatusForged(usize, Id),
    SpecEdited(usize),
    UserMoves(usize),
    Lost(Id),
}

pub const ONE_SERVER: &str = "at most one server per object";
pub const TWO_AT_MOST: &str = "at most two per object, also while it is replaced";
pub const NOT_CUT_OFF: &str = "what is in force or used is not deleted";
pub const REPLACES: &str = "something else is made and used";
pub const LEAVES: &str = "what is kept is left behind";
pub const NO_FOREIGN_DELETE: &str = "no server is deleted for another object";
pub const FINALIZER: &str = "a server's object is there and holds the finalizer";
pub const CLAIMS: &str = "a server is claimed";
pub const LATE_CREATE: &str = "a create can still arrive while another one is under way";
pub const SETTLES: &str = "left alone, every object is claimed or deleted";

impl Model for Protocol {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        actions.push(Event::Tick);
        for (replica, works) in world.replicas.iter().enumerate() {
            for (name, work) in works.iter().enumerate() {
                self.replica_actions(world, replica, name, work, actions);
            }
            if works.iter().any(|work| *work != Work::default()) {
                actions.push(Event::Crash { replica });
            }
        }
        actions.extend((0..world.strays.len()).map(Event::StrayArrives));
        let replacing = world.objects.iter().flatten().any(|object| object.replacing.is_some());
        if self.loses && replacing {
            actions.extend(world.live().map(|server| Event::Lost(server.id)));
        }
        for (name, object) in world.objects.iter().enumerate() {
            self.user_actions(world, name, object.as_ref(), actions);
        }
    }

    fn next_state(&self, last: &World, action: Event) -> Option<World> {
        let mut next = last.clone();
        self.act(&mut next, action);
        next.tidy(self);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_SERVER, |protocol: &Self, world: &World| protocol.replaces || world.most() <= 1),
            Property::always(TWO_AT_MOST, |_, world: &World| world.most() <= 2),
            Property::always(NOT_CUT_OFF, |_, world: &World| !world.cut_off),
            Property::always(NO_FOREIGN_DELETE, |_, world: &World| !world.foreign_delete),
            Property::always(FINALIZER, |_, world: &World| {
                world.live().filter(|server| !server.is_free()).all(|server| {
                    world.objects.iter().flatten().any(|object| object.uid == server.uid && object.finalizer)
                })
            }),
            Property::sometimes(CLAIMS, |_, world: &World| {
                world.objects.iter().flatten().any(|object| object.server.is_some())
            }),
            Property::sometimes(REPLACES, |_, world: &World| {
                let mut objects = world.objects.iter().flatten();
                objects
                    .any(|object| object.replacing.is_some() && object.used.is_some() && object.used == object.server)
            }),
            Property::sometimes(LEAVES, |_, world: &World| world.live().any(|server| server.is_free())),
            Property::sometimes(LATE_CREATE, |_, world: &World| world.creates_under_way() > 1),
            Property::always(SETTLES, |protocol: &Self, world: &World| undisturbed::settles(protocol, world)),
        ]
    }
}

impl Protocol {
    /// Whether this defect is built in.
    pub fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// The scene of one replica's work on one object.
    pub fn scene<'a>(&'a self, world: &'a mut World, replica: usize, name: usize) -> Scene<'a> {
        Scene { protocol: self, world, replica, name }
    }

    fn replica_actions(&self, world: &World, replica: usize, name: usize, work: &Work, actions: &mut Vec<Event>) {
        match work.at {
            At::Idle => {
                let views = self.views(world, name);
                actions.extend(views.into_iter().map(|view| Event::Look { replica, name, view }));
            }
            At::Await(call) if call.age > self.tolerance => {
                actions.push(Event::Answered { replica, name, answer: Answer::TooOld });
                actions.push(Event::TimesOut { replica, name });
            }
            At::Await(_) => {
                let answers = [Answer::Done, Answer::AwsError, Answer::FaultAfterEffect];
                actions.extend(answers.map(|answer| Event::Answered { replica, name, answer }));
                actions.push(Event::TimesOut { replica, name });
            }
            due => actions.push(Event::Act { replica, name, due }),
        }
    }

    /// Everything that AWS may show now; where nothing is in doubt, that is one thing.
    fn views(&self, world: &World, name: usize) -> Vec<View> {
        let young = |id: Option<Id>| {
            let servers = world.servers.iter().filter(|server| id.is_none_or(|id| server.id == id));
            servers.clone().any(|server| server.age < self.lag)
        };
        let dying = |id: Option<Id>| {
            world.servers.iter().any(|server| server.dying.is_some() && id.is_none_or(|id| server.id == id))
        };
        let object = world.objects[name].as_ref();
        let recorded = object.and_then(|object| object.server);
        let old = object.and_then(|object| object.replacing).map(|replacing| replacing.old);
        let doubt = [recorded, old].into_iter().flatten().any(|id| young(Some(id)) || dying(Some(id)));
        let either = |doubted: bool| if doubted { &[true, false][..] } else { &[true][..] };
        let mut views = Vec::new();
        for &young in either(young(None)) {
            for &dying in either(dying(None)) {
                for &described in either(doubt) {
                    views.push(View { young, dying, described });
                }
            }
        }
        views
    }

    fn user_actions(&self, world: &World, name: usize, object: Option<&Object>, actions: &mut Vec<Event>) {
        let Some(object) = object else {
            let uid = world.fresh_uid(name).filter(|_| self.recreates);
            actions.extend(uid.map(|uid| Event::UserRecreates(name, uid)));
            return;
        };
        if !object.deleting {
            actions.push(Event::UserDeletes(name));
        }
        if self.replaces && !object.deleting {
            actions.push(Event::SpecEdited(name));
            if object.in_force().is_some_and(|id| object.used != Some(id) && world.has(id)) {
                actions.push(Event::UserMoves(name));
            }
        }
        if self.wipes && object.record.is_some() {
            actions.push(Event::StatusWiped(name));
        }
        if self.forges {
            let others = world.live().filter(|server| server.uid != object.uid && object.server != Some(server.id));
            actions.extend(others.map(|server| Event::StatusForged(name, server.id)));
        }
    }

    /// Takes one step.
    pub fn act(&self, world: &mut World, action: Event) {
        match action {
            Event::Tick => world.tick(self),
            Event::Look { replica, name, view } => self.scene(world, replica, name).look(view),
            Event::Act { replica, name, due: _ } => self.scene(world, replica, name).step(),
            Event::Answered { replica, name, answer } => self.scene(world, replica, name).answer(answer),
            Event::TimesOut { replica, name } => self.scene(world, replica, name).time_out(),
            Event::Crash { replica } => {
                for name in 0..self.objects.into() {
                    self.scene(world, replica, name).time_out();
                    world.replicas[replica][name] = Work::default();
                }
            }
            Event::StrayArrives(index) => {
                let call = world.strays.remove(index);
                world.arrive(call);
            }
            Event::UserDeletes(name) => {
                let held = world.objects[name].as_mut().filter(|object| object.finalizer);
                match held {
                    Some(object) => object.deleting = true,
                    None => world.objects[name] = None,
                }
                world.touch(name);
            }
            Event::UserRecreates(name, uid) => world.objects[name] = Some(Object::new(uid)),
            Event::StatusWiped(name) => edit(world, name, |object| {
                (object.record, object.server, object.replacing) = (None, None, None);
                object.retired.clear();
            }),
            Event::SpecEdited(name) => edit(world, name, |object| object.spec = !object.spec),
            // What another object uses is not in this one's status.
            Event::UserMoves(name) => {
                if let Some(object) = &mut world.objects[name] {
                    object.used = object.in_force();
                }
            }
            Event::Lost(id) => world.servers.iter_mut().filter(|server| server.id == id).for_each(|server| {
                server.dying = Some(0);
            }),
            Event::StatusForged(name, id) => edit(world, name, |object| object.server = Some(id)),
        }
    }
}

fn edit(world: &mut World, name: usize, change: impl FnOnce(&mut Object)) {
    if let Some(object) = &mut world.objects[name] {
        change(object);
    }
    world.touch(name);
}
