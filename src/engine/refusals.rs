//! Calls that AWS refused or only just accepted: what is remembered of each, so that one does not hold up the others
//! and none is sent on and on.

use tokio::time::Instant;

use super::kind::{Block, Kind};
use super::memory::Hold;
use super::report::{End, Report};
use super::retry;
use super::scene::{Engine, Next, POLL, Scene, Status, Subject, WAIT_MIN};
use crate::api::condition::reasons;
use crate::aws::Fault;

impl<K: Kind> Engine<K> {
    /// Whether this very call was accepted so lately that AWS's answers may not show it yet: sent again, it would be
    /// sent on and on.
    pub(super) fn accepted_lately(&self, subject: &Subject<K::Object>, digest: &str) -> bool {
        let memory = self.memories.load(&subject.uid);
        memory.accepted.get(digest).is_some_and(|at| at.elapsed() < POLL)
    }

    pub(super) fn held(&self, subject: &Subject<K::Object>, digest: &str) -> Option<Hold> {
        let hold = self.memories.load(&subject.uid).holds.get(digest).cloned()?;
        (hold.due > Instant::now()).then_some(hold)
    }

    pub(super) fn remember(&self, subject: &Subject<K::Object>, digest: String, fault: Fault) {
        tracing::warn!(object = %subject.name, %fault, "AWS refused");
        let (now, fraction) = (Instant::now(), self.settings.chance.fraction());
        self.memories.change(&subject.uid, |memory| {
            let earlier = memory.holds.get(&digest).map(|hold| (hold.since, hold.tries));
            let (since, tries) = earlier.unwrap_or((now, 0));
            let delay = retry::delay(retry::class(&fault), tries + 1, fault.retry_after, fraction);
            memory.holds.insert(digest, Hold { fault, since, tries: tries + 1, due: now + delay });
        });
    }

    /// When to look again after AWS said of a call what its other answers do not say: at once the first time, then
    /// slower and slower.
    pub(super) fn differing(&self, uid: &str) -> Next {
        let (failures, _) = self.memories.change(uid, |memory| memory.failed(Instant::now()));
        if failures == 1 {
            return Next::Again;
        }
        let fraction = self.settings.chance.fraction();
        Next::After(retry::delay(retry::Class::Transient, failures - 1, None, fraction))
    }

    /// AWS refused some calls, and everything else is done.
    pub(super) fn refused(&self, scene: &Scene<'_, K>, holds: &[Hold]) -> End<Status<K>> {
        let now = Instant::now();
        let grace = self.settings.rejection_grace;
        let stalled =
            holds.iter().any(|hold| retry::stalls(retry::class(&hold.fault), now.duration_since(hold.since), grace));
        let message = holds.iter().map(|hold| hold.fault.to_string()).collect::<Vec<_>>().join("; ");
        let reason = holds.first().map_or(reasons::REJECTED, |hold| retry::reason(&hold.fault));
        let mut report = Report::block(self.seen(scene), Block { reason, message, stalled });
        let due = holds.iter().map(|hold| hold.due.saturating_duration_since(now)).min().unwrap_or(POLL);
        report.next = Next::After(due.max(WAIT_MIN));
        End::Tell(report)
    }
}

/// Whether a fault is about this one call, so that others may go on.
pub(super) fn holdable(fault: &Fault) -> bool {
    matches!(retry::class(fault), retry::Class::Rejected | retry::Class::Malformed | retry::Class::Environmental)
}
