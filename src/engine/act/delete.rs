//! Leaving: what is ours is deleted, or released with a stamp; then the finalizer goes.

use jiff::Timestamp;

use super::record::remove_finalizer;
use crate::api;
use crate::api::condition::reasons;
use crate::aws::{CreateOutput, Mutation, TAGS_MAX, Tags};
use crate::engine::context::{Engine, ReconcileContext, Status};
use crate::engine::decide::answer;
use crate::engine::kind::{Kind, KindStatus, ReconcileError, ResourceState};
use crate::engine::known;
use crate::engine::mutate;
use crate::engine::owner::Owner;
use crate::engine::refusals::remember;
use crate::engine::report::{self, Outcome};
use crate::engine::requeue::Requeue;

/// What only tells of us: the attempt, which nothing asks for any more, and the owner's name, which the stamp repeats.
const SPARE: [&str; 2] = [api::TAG_ATTEMPT, api::TAG_OWNER];

/// The calls that take our claim off. The stamp is there before the uid goes, so that wherever this is cut it is ours
/// still, or stamped. Where the stamp does not fit beside `known`, what is spare makes room first; where that does not
/// do, or it is not known, its time takes the place of the uid. Should only that last call be lost, the time is.
fn hand_over(owner: &Owner, arn: &str, known: Option<&Tags>, now: Timestamp) -> Vec<Mutation> {
    let stamp = [(api::TAG_RETAINED_FROM, owner.name.clone()), (api::TAG_RETAINED_AT, now.to_string())];
    let tag = |tags: &[(&str, String)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        Mutation::tag(arn.to_owned(), tags.collect())
    };
    let untag = |keys: &[&str]| Mutation::untag(arn.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect());
    let stamped = known
        .map_or(usize::MAX, |known| known.len() + stamp.iter().filter(|(key, _)| !known.contains_key(*key)).count());
    let spare = known.map_or(0, |known| SPARE.iter().filter(|key| known.contains_key(**key)).count());
    if stamped <= TAGS_MAX {
        vec![tag(&stamp), untag(&[api::TAG_UID, api::TAG_ATTEMPT])]
    } else if stamped - spare <= TAGS_MAX {
        vec![untag(&SPARE), tag(&stamp), untag(&[api::TAG_UID])]
    } else {
        let [from, at] = stamp;
        vec![untag(&SPARE), tag(&[from]), untag(&[api::TAG_UID]), tag(&[at])]
    }
}

pub(super) async fn delete<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    ids: &[String],
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let (request, key) = (context.request, ids.first().map(String::as_str));
    // Users and accesses have no id: their key stands in the spec.
    let id = key.filter(|id| !id.is_empty());
    let call = engine.kind.delete(&request.object, context.target, id);
    let digest = mutate::digest(&call);
    match send(engine, context, call).await {
        Ok(None) => {}
        Ok(Some(_)) => {
            let done = key.unwrap_or_default().to_owned();
            if let Some(tagged) = engine.kind.found_by().tagged() {
                tagged.lookup().deleted(&context.target.account, &done);
            }
            engine.memories.change(&request.uid, |memory| memory.deleted.insert(done, context.now));
            let message = "AWS accepted the deletion".to_owned();
            if request.deleting() {
                report::emit_event(engine, request, false, reasons::DELETING, message).await;
            }
        }
        // It is looked at now. Where AWS still shows it, its answers differ, or it is used and that is waited out.
        Err(ReconcileError::Aws(fault)) if answer::refuses_deletion(&fault) => {
            remember(engine, request, digest, fault, &[]);
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(Outcome::Requeue(Requeue::Again))
}

/// Sends a deletion, unless it has become one of too many while it waited for its turn.
async fn send<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    call: Mutation,
) -> Result<Option<CreateOutput>, ReconcileError> {
    let (request, target) = (context.request, context.target);
    let Some(cleared) = mutate::clear(engine, request, &target.account, &call).await? else { return Ok(None) };
    if known::mass(engine, request, &target.identity).is_some() {
        return Ok(None);
    }
    mutate::send(request, &target.account, cleared, call, &[]).await
}

/// `deletionPolicy: Retain`: says where it comes from, then takes our claim off, then lets the object go.
pub(super) async fn retain_and_untag<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    ids: &[String],
) -> Result<Outcome<Status<K>>, ReconcileError> {
    if untag(engine, context, ids).await? {
        return remove_finalizer(engine, context.request, None).await;
    }
    Ok(Outcome::Requeue(Requeue::Again))
}

/// Takes our claim off these, with a stamp; `false` where the object moved on meanwhile.
pub(super) async fn untag<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    ids: &[String],
) -> Result<bool, ReconcileError> {
    let request = context.request;
    for id in ids {
        let id = Some(id.as_str()).filter(|id| !id.is_empty());
        let Some(arn) = engine.kind.arn(&request.object, context.target, id) else { continue };
        let known = context.have.filter(|_| request.status().id() == id).and_then(ResourceState::tags);
        let calls = hand_over(&request.owner, &arn, known, context.now);
        for call in calls {
            if mutate::mutate(engine, request, &context.target.account, call, &[]).await?.is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
