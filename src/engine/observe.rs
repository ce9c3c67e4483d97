//! What a pass saw, counted with what was seen before, as facts for the decision.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::decide::{self, Adoption, Facts, Identified, Step};
use super::evidence::{LookedUp, Lookup, Sight, Sighting};
use super::kind::{Kind, Look, Place, Trouble, Wanted};
use super::memory::{Asked, Memory};
use super::owner::Ownership;
use super::record::Record;
use super::recording::status_record;
use super::scene::{Engine, POLL, Scene, Subject};
use crate::api::common::{AdoptionMode, DeletionPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::{self, Managed};
use crate::aws::Fault;

/// How long a pass that comes back waits for a look-up; then others have their turn.
const JOINED: Duration = Duration::from_secs(30);

/// For how long what was asked for is waited for: who comes back later asks anew.
const ASKED: Duration = Duration::from_hours(1);

impl<K: Kind> Engine<K> {
    pub(super) async fn look(
        &self,
        subject: &Subject<K::Object>,
        place: &Place<K::Detail>,
    ) -> Result<Look<K::Have>, Fault> {
        let due = match K::IDENTIFIED {
            Identified::ByRecord | Identified::ByTags => true,
            Identified::ByKey => {
                let memory = self.memories.load(&subject.uid);
                let adopts = self.kind.adopts(&subject.object, place).is_some();
                memory.tried
                    || memory.contradicted
                    || adopts
                    || observes(&subject.object)
                    || subject.deleting()
                    || self.kind.confirmed(&subject.status())
            }
        };
        if due { self.kind.look(&subject.object, place).await } else { Ok(Look::NoKey) }
    }

    /// What a person changed begins every wait anew; since when no create is sent any more is kept.
    pub(super) fn take_note(
        &self,
        subject: &Subject<K::Object>,
        place: &Place<K::Detail>,
        wanted: Option<&Wanted<K::Want>>,
        now: Timestamp,
    ) {
        let digest = wanted.map(|wanted| &wanted.digest);
        let blocks = wanted.into_iter().flat_map(Wanted::bars);
        let blocks: Vec<_> = blocks.map(|block| (block.reason, &block.message, block.stalled)).collect();
        let token = json!([subject.generation, subject.poke(), place.revision, digest, blocks]).to_string();
        let quiet = subject.deleting() || observes(&subject.object);
        self.memories.change(&subject.uid, |memory| {
            memory.reset_on(token);
            memory.quiet_since = quiet.then(|| memory.quiet_since.unwrap_or(now));
        });
    }

    /// What the look says of the owner, counted with what was seen before.
    pub(super) fn sight(&self, subject: &Subject<K::Object>, look: &Look<K::Have>, now: Timestamp) -> Sight {
        let sight = match look {
            Look::NoKey => Sight::NotLooked,
            Look::Missing => Sight::Missing,
            Look::ParentMissing => Sight::ParentMissing,
            Look::Found(have) => {
                let tags = self.kind.tags(have);
                Sight::Found(tags.map_or(Ownership::Untagged, |tags| subject.owner.judge(tags)))
            }
        };
        let status = subject.status();
        self.memories.change(&subject.uid, |memory| {
            memory.looks_at(self.kind.id(&status));
            let mut note = |sighting, seen: bool| {
                if seen { memory.sightings.count(sighting, now) } else { memory.sightings.clear(sighting) }
            };
            if sight != Sight::NotLooked {
                note(Sighting::Missing, sight == Sight::Missing);
                note(Sighting::ParentMissing, sight == Sight::ParentMissing);
                note(Sighting::Untagged, sight == Sight::Found(Ownership::Untagged));
                note(Sighting::Foreign, sight.is_foreign());
                if K::IDENTIFIED == Identified::ByKey {
                    note(Sighting::Former, sight == Sight::Found(Ownership::Former));
                }
            }
            if matches!(sight, Sight::Found(_)) {
                memory.made = None;
            }
            if sight == Sight::Missing {
                // What comes back under the same key is another one, and is deleted anew.
                memory.deleted.remove("");
            }
        });
        sight
    }

    /// Decides, looking the tags up in between where that is the step; it stays the step where the look takes longer.
    pub(super) async fn decide(&self, scene: &Scene<'_, K>, sight: &Sight) -> Result<Step, Trouble> {
        let mut lookup = None;
        loop {
            let step = self.step(scene, sight, lookup.as_ref());
            if step != Step::LookUp || lookup.is_some() {
                return Ok(step);
            }
            let Some(LookedUp { began, found }) = self.look_up(scene).await? else { return Ok(step) };
            let status = scene.subject.status();
            let lost = status_record::<K>(&status, scene.subject, began).map(|record| record.lost).unwrap_or_default();
            self.memories.change(&scene.subject.uid, |memory| count(memory, &found, &lost, began));
            lookup = Some(found);
        }
    }

    /// A look-up that began after this object asked for it; nothing while it runs.
    async fn look_up(&self, scene: &Scene<'_, K>) -> Result<Option<LookedUp>, Trouble> {
        let Scene { subject, place, .. } = scene;
        let (asked, patience) = self.ask(scene);
        let look = self.kind.look_up(place, &subject.owner, asked);
        let Ok(outcome) = tokio::time::timeout(patience, look).await else { return Ok(None) };
        self.memories.change(&subject.uid, |memory| memory.asked = None);
        Ok(Some(outcome?))
    }

    /// The ticket of the look-up, and how long to wait for it. Who comes back has asked before: asking anew each time, it
    /// would never see the end of a long look. Of another create, elsewhere or long ago, what was asked says nothing.
    fn ask(&self, scene: &Scene<'_, K>) -> (u64, Duration) {
        let (status, account) = (scene.subject.status(), &scene.place.account);
        let about = json!([account.id, account.region, K::Object::common(&status).create]).to_string();
        let at = Instant::now();
        self.memories.change(&scene.subject.uid, |memory| {
            let before = memory.asked.take().filter(|asked| asked.about == about && asked.at.elapsed() < ASKED);
            let (ticket, patience) = before.map_or_else(|| (self.kind.ask(), POLL), |before| (before.ticket, JOINED));
            memory.asked = Some(Asked { ticket, about, at });
            (ticket, patience)
        })
    }

    fn step(&self, scene: &Scene<'_, K>, sight: &Sight, lookup: Option<&Lookup>) -> Step {
        let subject = scene.subject;
        let status = subject.status();
        let policies = subject.object.policies();
        let memory = self.memories.load(&subject.uid);
        let record = Record::read(K::Object::common(&status), scene.now);
        let attempt = record.as_ref().and_then(|record| record.attempt.as_ref());
        // What is there is compared first, also where it is to be taken over.
        let barred = scene.wanted.is_some_and(|wanted| match scene.have {
            Some(_) => !wanted.blocks.is_empty(),
            None => wanted.bars().next().is_some(),
        });
        let adopts = self.kind.adopts(&subject.object, scene.place);
        let mode = policies.adoption.as_ref().map_or(AdoptionMode::IfIdentical, |adoption| adoption.mode);
        let adoption = adopts.as_ref().map(|id| Adoption { id, only_identical: mode == AdoptionMode::IfIdentical });
        let judged = adoption.is_some() && *sight != Sight::Found(Ownership::Ours);
        decide::decide(&Facts {
            identified: K::IDENTIFIED,
            uid: &subject.uid,
            deleting: subject.deleting(),
            finalizer: subject.finalizer(),
            observe_only: observes(&subject.object),
            report_only: reports_only(scene),
            suspended: subject.object.suspend(),
            retain: policies.deletion == DeletionPolicy::Retain,
            protected: policies.protected,
            recreate: policies.recreate == RecreatePolicy::Automatic,
            adoption,
            differs: judged && self.differs(scene),
            may_create: !barred && scene.place.denied.is_none(),
            confirmed: self.kind.confirmed(&status),
            id: self.kind.id(&status),
            moved: self.kind.moved(scene.place),
            unproven: self.kind.unproven(scene.place).is_some(),
            record: record.as_ref(),
            sight,
            lookup,
            sightings: &memory.sightings,
            replied: memory.replied.as_ref().filter(|(replied, _)| Some(replied) == attempt).map(|(_, at)| *at),
            deleted: &memory.deleted,
            quiet_since: memory.quiet_since,
            now: scene.now,
            windows: self.settings.windows,
        })
    }

    fn differs(&self, scene: &Scene<'_, K>) -> bool {
        self.plan(scene).is_some_and(|plan| !plan.changes.is_empty())
    }
}

/// Whether it never mutates.
pub(super) fn observes<O: Managed>(object: &O) -> bool {
    object.policies().management == ManagementPolicy::ObserveOnly
}

/// Whether what differs is only reported: nothing that a person wrote waits to be applied.
pub(super) fn reports_only<K: Kind>(scene: &Scene<'_, K>) -> bool {
    scene.subject.object.policies().management == ManagementPolicy::ReportDrift && !edited(scene)
}

/// Whether something that a person wrote was not applied in full yet.
pub(super) fn edited<K: Kind>(scene: &Scene<'_, K>) -> bool {
    pending::<K>(scene.subject, scene.wanted)
}

/// The same before anything was looked at.
pub(super) fn pending<K: Kind>(subject: &Subject<K::Object>, wanted: Option<&Wanted<K::Want>>) -> bool {
    let status = subject.status();
    let applied =
        K::Object::common(&status).applied.as_ref().and_then(|applied: &api::status::Applied| applied.digest.as_ref());
    wanted.is_some_and(|wanted| applied != Some(&wanted.digest))
}

/// What was let go is no trace: it is not claimed again either.
fn count(memory: &mut Memory, found: &Lookup, lost: &[String], began: Timestamp) {
    if found.ours.iter().all(|candidate| lost.contains(&candidate.id)) {
        memory.sightings.count(Sighting::NoTrace, began);
    } else {
        memory.sightings.clear(Sighting::NoTrace);
    }
    if found.former.is_empty() && found.uid_lost.is_empty() {
        memory.sightings.clear(Sighting::Former);
    } else {
        memory.sightings.count(Sighting::Former, began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::evidence::Candidate;

    #[test]
    fn what_was_let_go_and_is_listed_again_is_no_trace_of_the_create_that_is_looked_for() {
        let found = |ids: &[&str]| {
            let ours = ids.iter().map(|id| Candidate { id: (*id).to_owned(), attempt: None }).collect();
            Lookup { ours, ..Lookup::default() }
        };
        let traces = |found: &Lookup| {
            let mut memory = Memory::default();
            for _ in 0..2 {
                count(&mut memory, found, &["s-1".to_owned()], Timestamp::UNIX_EPOCH);
            }
            memory.sightings.get(Sighting::NoTrace).map(|seen| seen.count)
        };
        assert_eq!(traces(&found(&[])), Some(2));
        assert_eq!(traces(&found(&["s-1"])), Some(2));
        assert_eq!(traces(&found(&["s-1", "s-2"])), None);
    }
}
