//! The one place where the model asks the operator's own code: what a replica saw becomes `Facts`, and `decide` answers.
//!
//! The code is pure, so an answer is kept: the same facts are never asked twice.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use transfer_operator::api::condition::reasons;
use transfer_operator::api::status::CreatePhase;
use transfer_operator::engine::decide::{Facts, Identified, Step, decide};
use transfer_operator::engine::evidence::{Candidate, Lookup, Sight, Sighting, Sightings, Windows};
use transfer_operator::engine::owner::{Owner, Ownership};
use transfer_operator::engine::record::Record;

use super::model::Window;
use super::world::{Age, Creation, Id, Memory, Object, Server, Uid};

/// What a pass knows when it decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    pub window: Window,
    pub name: u8,
    pub object: Object,
    pub memory: Memory,
    /// Describe of the recorded server.
    pub described: Described,
    /// A complete listing, once it was asked for.
    pub listed: Option<Vec<Server>>,
}

/// What Describe shows of the recorded server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Described {
    NotAsked,
    Missing,
    Found(Server),
}

/// The step that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing for now.
    Rest,
    /// Nothing until the look-up for a create under way has lasted long enough.
    Recovering,
    /// Nothing until a person acts.
    Stalled,
    LookUp,
    Record(CreatePhase),
    Finalize,
    Claim(Id),
    Create,
    Delete(Id),
    Release,
}

impl Seen {
    /// What the operator does about it.
    pub fn decide(&self) -> Due {
        #[allow(clippy::disallowed_types, reason = "only looked up, never gone through")]
        type Known = std::collections::HashMap<Seen, Due>;
        thread_local! {
            static KNOWN: RefCell<Known> = RefCell::default();
        }
        KNOWN.with_borrow_mut(|known| {
            if let Some(due) = known.get(self) {
                return due.clone();
            }
            let due = due(self.ask());
            assert_eq!(due, self::due(self.aged().ask()), "the time of a record that is not in flight is looked at");
            known.insert(self.clone(), due.clone());
            due
        })
    }

    /// The same, where the record is old unless it is in flight: the model does not count its time otherwise.
    fn aged(&self) -> Self {
        let mut aged = self.clone();
        if let Some(record) = aged.object.record.as_mut().filter(|record| record.phase != CreatePhase::InFlight) {
            record.age = Age::MAX;
        }
        aged
    }

    /// What the listing shows of this object, by the operator's own judgement of tags.
    pub fn lookup(&self) -> Option<Lookup> {
        let owner = owner(self.name, self.object.uid);
        let mut lookup = Lookup::default();
        for server in self.listed.as_ref()? {
            let id = text(server.id);
            match judge(&owner, *server) {
                Ownership::Ours => lookup.ours.push(Candidate { attempt: Some(id.clone()), id }),
                Ownership::Former => lookup.former.push(id),
                Ownership::OtherCluster => lookup.other_cluster.push(id),
                Ownership::UidLost => lookup.uid_lost.push(id),
                Ownership::Foreign(_) | Ownership::Untagged | Ownership::Retained => {}
            }
        }
        Some(lookup)
    }

    /// What the look at the recorded server shows.
    pub fn sight(&self) -> Sight {
        match self.described {
            Described::NotAsked => Sight::NotLooked,
            Described::Missing => Sight::Missing,
            Described::Found(found) => Sight::Found(judge(&owner(self.name, self.object.uid), found)),
        }
    }

    fn ask(&self) -> Step {
        let Object { uid, deleting, finalizer, record, server } = &self.object;
        let record = record.map(read);
        let attempt = record.as_ref().and_then(|record| record.attempt.clone());
        let sight = self.sight();
        decide(&Facts {
            identified: Identified::ByTags,
            uid: &text(*uid),
            deleting: *deleting,
            finalizer: *finalizer,
            observe_only: false,
            report_only: false,
            suspended: false,
            retain: false,
            protected: false,
            recreate: false,
            adoption: None,
            differs: false,
            may_create: true,
            confirmed: server.is_some(),
            id: server.map(text).as_deref(),
            moved: false,
            unproven: false,
            record: record.as_ref(),
            sight: &sight,
            lookup: self.lookup().as_ref(),
            sightings: &self.sightings(),
            replied: self.memory.replied.filter(|(id, _)| Some(text(*id)) == attempt).map(|(_, age)| ago(age)),
            deleted: &self.memory.deleted.iter().map(|(id, age)| (text(*id), ago(*age))).collect::<BTreeMap<_, _>>(),
            quiet_since: None,
            now: now(),
            windows: self.window.real(),
        })
    }

    /// What was seen repeatedly. Nothing makes a replica look slowly: it looks so often in a row as it takes, so that
    /// only the time counts, not how often.
    fn sightings(&self) -> Sightings {
        const OFTEN: usize = 9;
        let mut sightings = Sightings::default();
        let mut count = |sighting, since: Option<Age>| {
            let Some(since) = since else { return };
            sightings.count(sighting, ago(since));
            (0..OFTEN).for_each(|_| sightings.count(sighting, now()));
        };
        count(Sighting::Missing, self.memory.missing);
        count(Sighting::Foreign, self.memory.foreign);
        count(Sighting::Former, self.memory.former);
        count(Sighting::NoTrace, self.lookup().filter(|lookup| lookup.ours.is_empty()).map(|_| 0));
        sightings
    }
}

fn due(step: Step) -> Due {
    match step {
        Step::Wait { reason, .. } if reason == reasons::RECOVERING => Due::Recovering,
        Step::Done | Step::Hold | Step::Apply | Step::Report | Step::Wait { .. } => Due::Rest,
        Step::Stall { .. } => Due::Stalled,
        Step::LookUp => Due::LookUp,
        Step::Record(phase) => Due::Record(phase),
        Step::Finalize => Due::Finalize,
        Step::Claim(id) => Due::Claim(number(&id)),
        Step::Create => Due::Create,
        // The engine deletes one at a time.
        Step::Delete(ids) => ids.first().map_or(Due::Rest, |id| Due::Delete(number(id))),
        Step::Release(_) => Due::Release,
        Step::Stamp(_) | Step::Adopt(_) | Step::Forget(_) | Step::Abandon(_) => {
            unreachable!("no object of the model is retained, adopted or made anew")
        }
    }
}

fn judge(owner: &Owner, server: Server) -> Ownership {
    owner.judge(&self::owner(server.name, server.uid).tags(&text(server.id)))
}

fn owner(name: u8, uid: Uid) -> Owner {
    Owner::new("cluster", "team", &text(name), &text(uid))
}

fn read(attempt: Creation) -> Record {
    let Creation { uid, phase, attempt, age } = attempt;
    Record { uid: text(uid), phase, attempt: attempt.map(text), started_at: ago(age), lost: Vec::new() }
}

fn text(number: u8) -> String {
    number.to_string()
}

fn number(text: &str) -> Id {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(age: Age) -> Timestamp {
    now() - ticks(age)
}

fn ticks(count: Age) -> SignedDuration {
    SignedDuration::from_mins(count.into())
}

impl Window {
    /// As the operator's flags would set it.
    fn real(self) -> Windows {
        Windows { tolerance: ticks(self.tolerance), lag: ticks(self.lag) }
    }
}
