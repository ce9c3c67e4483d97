//! What a reconcile saw, counted with what was seen before, as facts for the decision.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::consistency::{Observation, ObservedState, TagMatches, TagSearch};
use super::context::{Engine, POLL, ReconcileContext, Request};
use super::decide::{self, Action, Adoption, Facts, Identity};
use super::kind::{Described, Kind, ReconcileError, Target, Wanted};
use super::memory::{Asked, Memory};
use super::owner::Ownership;
use super::record::RecordedCreate;
use super::recording::status_record;
use crate::api::common::{AdoptionMode, DeletionPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::{self, Managed};
use crate::aws::AwsError;

/// How long a reconcile that comes back waits for a look-up; then others have their turn.
const JOINED: Duration = Duration::from_secs(30);

/// For how long what was asked for is waited for: who comes back later asks anew.
const ASKED: Duration = Duration::from_hours(1);

impl<K: Kind> Engine<K> {
    pub(super) async fn describe(
        &self,
        request: &Request<K::Object>,
        target: &Target<K::TargetDetail>,
    ) -> Result<Described<K::Have>, AwsError> {
        let due = match K::IDENTITY {
            Identity::Recorded | Identity::Tagged => true,
            Identity::Keyed => {
                let memory = self.memories.load(&request.uid);
                let adopts = self.kind.adopts(&request.object, target).is_some();
                memory.create_sent
                    || memory.contradicted
                    || adopts
                    || observes(&request.object)
                    || request.deleting()
                    || self.kind.confirmed(&request.status())
            }
        };
        if due { self.kind.describe(&request.object, target).await } else { Ok(Described::NoKey) }
    }

    /// What a person changed begins every wait anew; since when no create is sent any more is kept.
    pub(super) fn note_changes(
        &self,
        request: &Request<K::Object>,
        target: &Target<K::TargetDetail>,
        wanted: Option<&Wanted<K::Want>>,
        now: Timestamp,
    ) {
        let digest = wanted.map(|wanted| &wanted.digest);
        let blocks = wanted.into_iter().flat_map(Wanted::bars);
        let blocks: Vec<_> = blocks.map(|block| (block.code, &block.message, block.needs_person)).collect();
        let change_fingerprint =
            json!([request.generation, request.reconcile_requested(), target.revision, digest, blocks]).to_string();
        let quiet = request.deleting() || observes(&request.object);
        self.memories.change(&request.uid, |memory| {
            memory.reset_on(change_fingerprint);
            memory.creates_stopped_at = quiet.then(|| memory.creates_stopped_at.unwrap_or(now));
        });
    }

    /// What the look says of the owner, counted with what was seen before.
    pub(super) fn sight(
        &self,
        request: &Request<K::Object>,
        look: &Described<K::Have>,
        now: Timestamp,
    ) -> ObservedState {
        let sight = match look {
            Described::NoKey => ObservedState::NotLooked,
            Described::Missing => ObservedState::Missing,
            Described::ParentMissing => ObservedState::ParentMissing,
            Described::Found(have) => {
                let tags = self.kind.tags(have);
                ObservedState::Found(tags.map_or(Ownership::Untagged, |tags| request.owner.judge(tags)))
            }
        };
        let status = request.status();
        self.memories.change(&request.uid, |memory| {
            memory.looks_at(self.kind.id(&status));
            let mut note = |observation, seen: bool| {
                if seen { memory.observations.count(observation, now) } else { memory.observations.clear(observation) }
            };
            if sight != ObservedState::NotLooked {
                note(Observation::Missing, sight == ObservedState::Missing);
                note(Observation::ParentMissing, sight == ObservedState::ParentMissing);
                note(Observation::Untagged, sight == ObservedState::Found(Ownership::Untagged));
                note(Observation::Foreign, sight.is_foreign());
                if K::IDENTITY == Identity::Keyed {
                    note(Observation::Former, sight == ObservedState::Found(Ownership::Former));
                }
            }
            if matches!(sight, ObservedState::Found(_)) {
                memory.made = None;
            }
            if sight == ObservedState::Missing {
                // What comes back under the same key is another one, and is deleted anew.
                memory.deleted.remove("");
            }
        });
        sight
    }

    /// Decides, looking the tags up in between where that is the step; it stays the step where the look takes longer.
    pub(super) async fn decide(
        &self,
        context: &ReconcileContext<'_, K>,
        sight: &ObservedState,
    ) -> Result<Action, ReconcileError> {
        let mut lookup = None;
        loop {
            let step = self.step(context, sight, lookup.as_ref());
            if step != Action::FindByTags || lookup.is_some() {
                return Ok(step);
            }
            let Some(TagSearch { began, found }) = self.find_by_tags(context).await? else { return Ok(step) };
            let status = context.request.status();
            let retired_ids = status_record::<K>(&status, context.request, began)
                .map(|record| record.retired_ids)
                .unwrap_or_default();
            self.memories.change(&context.request.uid, |memory| count(memory, &found, &retired_ids, began));
            lookup = Some(found);
        }
    }

    /// A look-up that began after this object asked for it; nothing while it runs.
    async fn find_by_tags(&self, context: &ReconcileContext<'_, K>) -> Result<Option<TagSearch>, ReconcileError> {
        let ReconcileContext { request, target, .. } = context;
        let (asked, patience) = self.ask(context);
        let look = self.kind.find_by_tags(target, &request.owner, asked);
        let Ok(outcome) = tokio::time::timeout(patience, look).await else { return Ok(None) };
        self.memories.change(&request.uid, |memory| memory.asked = None);
        Ok(Some(outcome?))
    }

    /// The ticket of the look-up, and how long to wait for it. Who comes back has asked before: asking anew each time,
    /// it would never see the end of a long look. Of another create, elsewhere or long ago, what was asked says
    /// nothing.
    fn ask(&self, context: &ReconcileContext<'_, K>) -> (u64, Duration) {
        let (status, account) = (context.request.status(), &context.target.account);
        let about = json!([account.id, account.region, K::Object::common(&status).create]).to_string();
        let at = Instant::now();
        self.memories.change(&context.request.uid, |memory| {
            let before = memory.asked.take().filter(|asked| asked.about == about && asked.at.elapsed() < ASKED);
            let (ticket, patience) = before.map_or_else(|| (self.kind.ask(), POLL), |before| (before.ticket, JOINED));
            memory.asked = Some(Asked { ticket, about, at });
            (ticket, patience)
        })
    }

    fn step(&self, context: &ReconcileContext<'_, K>, sight: &ObservedState, lookup: Option<&TagMatches>) -> Action {
        let request = context.request;
        let status = request.status();
        let policies = request.object.policies();
        let memory = self.memories.load(&request.uid);
        let record = RecordedCreate::read(K::Object::common(&status), context.now);
        let attempt = record.as_ref().and_then(|record| record.attempt.as_ref());
        // What is there is compared first, also where it is to be taken over.
        let barred = context.wanted.is_some_and(|wanted| match context.have {
            Some(_) => !wanted.blocks.is_empty(),
            None => wanted.bars().next().is_some(),
        });
        let adopts = self.kind.adopts(&request.object, context.target);
        let mode = policies.adoption.as_ref().map_or(AdoptionMode::IfIdentical, |adoption| adoption.mode);
        let adoption = adopts.as_ref().map(|id| Adoption { id, only_identical: mode == AdoptionMode::IfIdentical });
        let judged = adoption.is_some() && *sight != ObservedState::Found(Ownership::Ours);
        decide::decide(&Facts {
            identity: K::IDENTITY,
            uid: &request.uid,
            deleting: request.deleting(),
            finalizer: request.finalizer(),
            observe_only: observes(&request.object),
            report_only: reports_only(context),
            suspended: request.object.suspend(),
            retain: policies.deletion == DeletionPolicy::Retain,
            protected: policies.protected,
            recreate: policies.recreate == RecreatePolicy::Automatic,
            adoption,
            differs: judged && self.differs(context),
            may_create: !barred && context.target.denied.is_none(),
            confirmed: self.kind.confirmed(&status),
            id: self.kind.id(&status),
            server_replaced: self.kind.server_replaced(context.target),
            unproven: self.kind.unproven(context.target).is_some(),
            record: record.as_ref(),
            sight,
            lookup,
            observations: &memory.observations,
            replied: memory.replied.as_ref().filter(|(replied, _)| Some(replied) == attempt).map(|(_, at)| *at),
            deleted: &memory.deleted,
            creates_stopped_at: memory.creates_stopped_at,
            now: context.now,
            windows: self.settings.windows,
        })
    }

    fn differs(&self, context: &ReconcileContext<'_, K>) -> bool {
        self.plan(context).is_some_and(|plan| !plan.changes.is_empty())
    }
}

/// Whether it never mutates.
pub(super) fn observes<O: Managed>(object: &O) -> bool {
    object.policies().management == ManagementPolicy::ObserveOnly
}

/// Whether what differs is only reported: nothing that a person wrote waits to be applied.
pub(super) fn reports_only<K: Kind>(context: &ReconcileContext<'_, K>) -> bool {
    context.request.object.policies().management == ManagementPolicy::ReportDrift && !edited(context)
}

/// Whether something that a person wrote was not applied in full yet.
pub(super) fn edited<K: Kind>(context: &ReconcileContext<'_, K>) -> bool {
    pending::<K>(context.request, context.wanted)
}

/// The same before anything was looked at.
pub(super) fn pending<K: Kind>(request: &Request<K::Object>, wanted: Option<&Wanted<K::Want>>) -> bool {
    let status = request.status();
    let applied =
        K::Object::common(&status).applied.as_ref().and_then(|applied: &api::status::Applied| applied.digest.as_ref());
    wanted.is_some_and(|wanted| applied != Some(&wanted.digest))
}

/// What was let go is no trace: it is not claimed again either.
fn count(memory: &mut Memory, found: &TagMatches, retired_ids: &[String], began: Timestamp) {
    if found.ours.iter().all(|candidate| retired_ids.contains(&candidate.id)) {
        memory.observations.count(Observation::NoTrace, began);
    } else {
        memory.observations.clear(Observation::NoTrace);
    }
    if found.former.is_empty() && found.uid_lost.is_empty() {
        memory.observations.clear(Observation::Former);
    } else {
        memory.observations.count(Observation::Former, began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::consistency::Candidate;

    #[test]
    fn what_was_let_go_and_is_listed_again_is_no_trace_of_the_create_that_is_looked_for() {
        let found = |ids: &[&str]| {
            let ours = ids.iter().map(|id| Candidate { id: (*id).to_owned(), attempt: None }).collect();
            TagMatches { ours, ..TagMatches::default() }
        };
        let traces = |found: &TagMatches| {
            let mut memory = Memory::default();
            for _ in 0..2 {
                count(&mut memory, found, &["s-1".to_owned()], Timestamp::UNIX_EPOCH);
            }
            memory.observations.get(Observation::NoTrace).map(|seen| seen.count)
        };
        assert_eq!(traces(&found(&[])), Some(2));
        assert_eq!(traces(&found(&["s-1"])), Some(2));
        assert_eq!(traces(&found(&["s-1", "s-2"])), None);
    }
}
