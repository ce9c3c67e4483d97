//! What the place of an object lets be done at all, and what is to be read before more can be said. Pure.

use super::ours::under_way;
use super::{Action, Facts, Identity, Reads, delete, doubted, keyed, own_record, stays, update};
use crate::api::status::CreatePhase;

/// What is due before the protocol of the kind has its say; nothing once everything was read.
pub fn decide(facts: &Facts) -> Option<Action> {
    let leaves = facts.deleting && !facts.protected;
    match (facts.placeless, facts.denied) {
        // What is left in AWS on purpose, and what never got there, needs no place to go.
        (Some(_), _) if leaves && (facts.retain || never_sent(facts)) => Some(Action::RemoveFinalizer(None)),
        (Some(reason), _) => Some(Action::Block(reason.clone())),
        // What was stopped there is started again.
        (None, Some(reason)) if !facts.deleting && !may_finish(facts) => Some(Action::Block(reason.clone())),
        (None, Some(_)) if leaves && facts.retain && !may_finish(facts) => Some(delete::left_without_grant()),
        (None, _) => read(facts),
    }
}

/// Whether a sequence was begun that is to be ended, as far as was looked.
fn may_finish(facts: &Facts) -> bool {
    let looked = facts.reads == Reads::Described;
    facts.operation && (!looked || update::finishing(facts) || doubted(facts).is_some())
}

/// The next read.
fn read(facts: &Facts) -> Option<Action> {
    match (facts.reads, facts.unproven) {
        (Reads::Object, _) if asks(facts) => Some(Action::Desire),
        (Reads::Object, _) => Some(Action::SkipDesire),
        // Only an edit can have taken a key away: who wrote nothing is not looked at.
        (Reads::Desired, Some(reason)) if !facts.deleting && (facts.observe_only || !facts.edited) => {
            Some(Action::Block(reason.clone()))
        }
        (Reads::Desired, None) if rests(facts) => Some(Action::Rest),
        (Reads::Desired, _) if looks(facts) => Some(Action::Describe),
        (Reads::Desired, _) => Some(Action::SkipDescribe),
        (Reads::Described, _) => None,
    }
}

/// Whether it is asked what the spec leads to. What was stopped for the spec and stays in AWS is started again first,
/// which takes the spec.
fn asks(facts: &Facts) -> bool {
    !facts.deleting || (facts.operation && stays(facts))
}

/// Whether AWS is looked at: the create of a user is itself the question whether its key is taken.
fn looks(facts: &Facts) -> bool {
    let made = facts.confirmed || facts.create.sent || facts.create.contradicted;
    let asked = facts.deleting || facts.observe_only || facts.adoption.is_some();
    facts.identity != Identity::Keyed || made || asked
}

/// Whether a full look may be left out: nothing is to be done, and nothing is under way that only a look tells of. What
/// rests like this is not changed, so nothing else is believed.
fn rests(facts: &Facts) -> bool {
    let settled = facts.finalizer && facts.confirmed && !facts.edited && !facts.operation;
    let asked = facts.deleting || facts.suspended || facts.observe_only || facts.adoption.is_some();
    let elsewhere = facts.parent_replaced || !facts.may_create;
    let replacing = facts.replacement.is_some_and(|replacement| replacement.record.is_some());
    facts.believed && settled && !replacing && !asked && !elsewhere && !keyed::unresolved(facts)
}

/// Whether the records prove that nothing was ever sent for this object, or that AWS refused it.
fn never_sent(facts: &Facts) -> bool {
    let record = own_record(facts);
    let refused = record.is_some_and(|record| record.phase == CreatePhase::Rejected);
    let unsent = record.is_some_and(|record| record.phase == CreatePhase::None && record.attempt.is_none());
    // A user's finalizer is its record: without another one, a create may have been sent.
    let alone = !facts.confirmed && under_way(facts).is_none();
    alone && (refused || (unsent && facts.identity != Identity::Keyed))
}
