//! Leaving: what is ours is deleted, or released with a stamp; then the finalizer goes.

use std::time::Duration;

use super::kind::{Block, Kind, Trouble};
use super::mutate;
use super::report::{End, Report};
use super::scene::{Engine, Next, Scene, Status, Subject};
use crate::api;
use crate::api::condition::reasons;
use crate::aws::types::Tags;
use crate::aws::{FaultKind, Mutation};

/// How soon what blocks a deletion is looked at again: our own objects wake it when they go, others do in AWS.
const BLOCKED_AGAIN: Duration = Duration::from_secs(30);

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
        let outcome = mutate::mutate(self, subject, &scene.place.account, call).await;
        match outcome {
            Ok(None) => {}
            Ok(Some(_)) => {
                let done = key.unwrap_or_default().to_owned();
                self.memories.change(&subject.uid, |memory| memory.deleted.insert(done, scene.now));
                self.note(subject, false, reasons::DELETING, "AWS accepted the deletion".to_owned()).await;
            }
            Err(Trouble::Aws(fault)) if fault.kind == FaultKind::NotFound => {
                return Ok(End::Next(self.differing(&subject.uid)));
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
            let tags = Tags::from([
                (api::TAG_RETAINED_FROM.to_owned(), subject.owner.name.clone()),
                (api::TAG_RETAINED_AT.to_owned(), scene.now.to_string()),
            ]);
            let strip = vec![api::TAG_UID.to_owned(), api::TAG_ATTEMPT.to_owned()];
            let calls =
                [Mutation::TagResource { arn: arn.clone(), tags }, Mutation::UntagResource { arn, keys: strip }];
            for call in calls {
                if mutate::mutate(self, subject, &scene.place.account, call).await?.is_none() {
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
