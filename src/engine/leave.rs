//! Leaving: what is ours is deleted, or released with a stamp; then the finalizer goes.

use std::time::Duration;

use jiff::Timestamp;

use super::kind::{Block, Kind, Trouble};
use super::mutate;
use super::owner::Owner;
use super::refusals::contradicts;
use super::report::{End, Report};
use super::scene::{Engine, Next, Scene, Status, Subject};
use crate::api;
use crate::api::condition::reasons;
use crate::aws::{Mutation, TAGS_MAX, Tags};

/// How soon what blocks a deletion is looked at again: our own objects wake it when they go, others do in AWS.
const BLOCKED_AGAIN: Duration = Duration::from_secs(30);

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

impl<K: Kind> Engine<K> {
    pub(super) async fn delete(&self, scene: &Scene<'_, K>, ids: &[String]) -> Result<End<Status<K>>, Trouble> {
        let (subject, key) = (scene.subject, ids.first().map(String::as_str));
        // Users and accesses have no id: their key stands in the spec.
        let id = key.filter(|id| !id.is_empty());
        if let Some(blocker) = self.kind.blocker(&subject.object, scene.place, id).await? {
            let mut report = Report::block(self.seen(scene), Block::waiting(reasons::DELETION_BLOCKED, blocker));
            report.next = Next::After(BLOCKED_AGAIN);
            return Ok(End::Tell(report));
        }
        let call = self.kind.delete(&subject.object, scene.place, id);
        let digest = mutate::digest(&call);
        if let Some(hold) = self.held(subject, &digest) {
            return Ok(self.set_aside(scene, self.seen(scene), hold));
        }
        let outcome = mutate::mutate(self, subject, &scene.place.account, call, &[]).await;
        match outcome {
            Ok(None) => {}
            Ok(Some(_)) => {
                let done = key.unwrap_or_default().to_owned();
                self.kind.deleted(scene.place, &done);
                self.memories.change(&subject.uid, |memory| memory.deleted.insert(done, scene.now));
                self.note(subject, false, reasons::DELETING, "AWS accepted the deletion".to_owned()).await;
            }
            // It is looked at now. Where AWS still shows it, its answers differ.
            Err(Trouble::Aws(fault)) if contradicts(&fault) => {
                self.remember(subject, digest, fault, &[]);
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(End::Next(Next::Again))
    }

    /// `deletionPolicy: Retain`: says where it comes from, then takes our claim off, then lets the object go.
    pub(super) async fn stamp(&self, scene: &Scene<'_, K>, ids: &[String]) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        for id in ids {
            let id = Some(id.as_str()).filter(|id| !id.is_empty());
            let Some(arn) = self.kind.arn(&subject.object, scene.place, id) else { continue };
            let known =
                scene.have.filter(|_| self.kind.id(&subject.status()) == id).and_then(|have| self.kind.tags(have));
            let calls = hand_over(&subject.owner, &arn, known, scene.now);
            for call in calls {
                if mutate::mutate(self, subject, &scene.place.account, call, &[]).await?.is_none() {
                    return Ok(End::Next(Next::Again));
                }
            }
        }
        self.release(subject, None).await
    }

    pub(super) async fn release(
        &self,
        subject: &Subject<K::Object>,
        warning: Option<String>,
    ) -> Result<End<Status<K>>, Trouble> {
        if let Some(warning) = warning {
            self.note(subject, true, reasons::LEFT_IN_AWS, warning).await;
        }
        self.finalize(subject, false).await?;
        if subject.deleting() {
            self.memories.forget(&subject.uid);
        }
        Ok(End::Next(Next::OnChange))
    }
}
