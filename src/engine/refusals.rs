//! Calls that AWS refused or only just accepted: what is remembered of each, so that one does not hold up the others
//! and none is sent on and on.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::applied;
use super::backoff;
use super::context::{Engine, POLL, ReconcileContext, Request, WAIT_MIN, between};
use super::diff::{Change, paths};
use super::kind::{Kind, PlannedCall, When};
use super::memory::{Accepted, Memory, RefusedCall};
use super::reason::Reason;
use super::requeue::Requeue;
use crate::api::condition::reasons;
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};

/// Longest wait before a call is sent again that AWS accepted and does not show.
const UNSEEN_MAX: Duration = Duration::from_mins(15);

/// So many failures in a row of one call that may pass by themselves, and it is told and waits; before that the
/// reconcile counts as one that failed.
const HELD_UP: u32 = 3;

/// A call that AWS did not carry out.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// What AWS said, and when it is sent again.
    pub hold: RefusedCall,
    /// What is not in force for it.
    pub changes: Vec<Change>,
    /// It is told and waits; what may pass by itself is tried a few times first.
    pub aside: bool,
    /// It belongs to a sequence that was begun.
    pub operation: bool,
}

/// How long AWS may go on not showing a call that it accepted so often: a moment the first time, then as long as its
/// answers may lag, doubled each time.
pub(super) fn shows_soon(lag: SignedDuration, times: u32) -> Duration {
    let lag = Duration::try_from(lag).unwrap_or(POLL);
    match times.checked_sub(2) {
        None => POLL,
        Some(more) => lag.saturating_mul(1 << more.min(10)).clamp(POLL, UNSEEN_MAX),
    }
}

/// Takes down that AWS accepted a call.
pub(super) fn accept<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, digest: String, call: &PlannedCall) {
    let at = Instant::now();
    engine.memories.change(&request.uid, |memory| {
        memory.refused_calls.remove(&digest);
        if let When::AfterQuotaRefusal(operation) = call.when {
            // There is room now.
            let full = |hold: &&mut RefusedCall| hold.fault.operation == operation && by_quota(&hold.fault);
            memory.refused_calls.values_mut().filter(full).for_each(|hold| hold.due = at);
        }
        still_added(memory, &call.changes);
        // Kept until a look shows it: what AWS takes and never carries out is not believed each time anew.
        let before = memory.accepted.get(&digest).copied();
        memory.accepted.insert(digest, Accepted { at, times: before.map_or(0, |before| before.times) + 1 });
    });
}

/// What AWS said of a call that is not due again.
pub(super) fn held<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, digest: &str) -> Option<RefusedCall> {
    let hold = engine.memories.read(&request.uid, |memory| memory.refused_calls.get(digest).cloned())?;
    (hold.due > Instant::now()).then_some(hold)
}

/// What AWS said of a call, and what the kind can add to that.
pub(super) async fn explained<K: Kind>(
    engine: &Engine<K>,
    account: &Account,
    call: &Mutation,
    fault: AwsError,
) -> AwsError {
    match engine.kind.explain(account, call, &fault).await {
        Some(words) => AwsError { message: format!("{}; {words}", fault.message), ..fault },
        None => fault,
    }
}

/// Takes down that AWS did not carry out a call; answers whether it is set aside: what may pass by itself
/// is tried a few times first.
pub(super) fn remember<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    digest: String,
    fault: AwsError,
    changes: &[Change],
) -> bool {
    let (now, fraction) = (Instant::now(), engine.settings.env.fraction());
    engine.memories.change(&request.uid, |memory| {
        let before = memory.refused_calls.get(&digest);
        log(before.map(|before| &before.fault), &fault, changes);
        let (since, tries) = before.map_or((now, 1), |before| (before.since, before.tries + 1));
        let aside = holdable(&fault) || contradicts(&fault) || tries >= HELD_UP;
        let delay = backoff::delay(backoff::class(&fault), tries, fault.retry_after, fraction);
        let due = if aside { now + delay } else { now };
        if !holdable(&fault) {
            // It may have taken effect.
            still_added(memory, changes);
        }
        memory.refused_calls.insert(digest, RefusedCall { fault, since, tries, due });
        aside
    })
}

/// What AWS refuses and what is not in force for it, as something that stands in the way.
pub(super) fn refusal<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    refused: &[Refusal],
    waiting: &[Change],
) -> Reason {
    let (now, grace) = (Instant::now(), engine.settings.rejection_grace);
    let stalls = |Refusal { hold, .. }: &Refusal| {
        backoff::stalls(backoff::class(&hold.fault), now.duration_since(hold.since), grace)
    };
    let set = context.wanted.map_or(&[][..], |wanted| &wanted.applied.paths);
    let mut lines: Vec<String> = refused.iter().map(|refusal| told(refusal, set)).collect();
    if !waiting.is_empty() {
        lines.push(format!("{} would let more in and waits until AWS refuses none of these", paths(waiting)));
    }
    let first = refused.iter().find(|refusal| stalls(refusal)).or_else(|| refused.first());
    let code = first.map_or(reasons::REJECTED, |refusal| backoff::reason(&refusal.hold.fault));
    Reason { code, message: lines.join("; "), needs_person: refused.iter().any(stalls), sought: false }
}

/// When to look again. An hour's wait for one call delays no look and no key that ends.
pub(super) fn again<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>, refused: &[Refusal]) -> Requeue {
    let (now, grace) = (Instant::now(), engine.settings.rejection_grace);
    // A person is called when the time has come, also where the call is not due by then.
    let due = |Refusal { hold, .. }: &Refusal| {
        let calls = backoff::until_stalled(backoff::class(&hold.fault), now.duration_since(hold.since), grace);
        let due = hold.due.saturating_duration_since(now);
        calls.map_or(due, |calls| due.min(calls))
    };
    let due = refused.iter().map(due).min().unwrap_or(POLL);
    let change = context.wanted.and_then(|wanted| wanted.changes_at).map(|at| between(context.now, at));
    let next = due.min(engine.next_look(&context.request.object)).min(change.unwrap_or(due));
    Requeue::After(next.max(WAIT_MIN))
}

/// AWS's words, the fields that they are about, and all that is not in force for them. `set` holds the paths that a
/// create carries.
fn told(refusal: &Refusal, set: &[String]) -> String {
    let Refusal { hold, changes, aside: _, operation: _ } = refusal;
    let fault = &hold.fault;
    let carried: Vec<&str> = if changes.is_empty() {
        set.iter().map(String::as_str).collect()
    } else {
        changes.iter().map(|change| change.path.as_str()).collect()
    };
    let about = about(&fault.message, &carried);
    // Where one field is not in force, it is the one.
    let alone = changes.len() == 1 || about.is_empty();
    let about = if alone { String::new() } else { format!(" (about {})", about.join(", ")) };
    let left = if changes.is_empty() { String::new() } else { format!(" (not in force: {})", paths(changes)) };
    format!("{fault}{about}{left}")
}

/// The fields that AWS's words name: it spells its members as the spec does, but for the first letter. A small word, as
/// in "no policy allows", is no member unless it is quoted.
fn about(words: &str, carried: &[&str]) -> Vec<String> {
    let all = words.split(|c: char| !c.is_ascii_alphanumeric());
    let is_name = |word: &&str| word.contains(|c: char| c.is_ascii_uppercase()) || words.contains(&format!("'{word}'"));
    let words: BTreeSet<String> = all.filter(is_name).map(small).collect();
    let named = |path: &&&str| path.split(['.', '[']).any(|name| words.contains(name));
    carried.iter().filter(named).map(|path| format!("spec.{path}")).collect()
}

/// With a small first letter, as the spec spells a member.
fn small(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A refusal is a warning once; that it calls for a person by now is another one, see `announce`.
fn log(before: Option<&AwsError>, fault: &AwsError, changes: &[Change]) {
    let paths = (!changes.is_empty()).then(|| paths(changes));
    let (operation, paths) = (fault.operation, paths.as_deref());
    let said = before.is_some_and(|before| (&before.code, &before.message) == (&fault.code, &fault.message));
    if said {
        tracing::debug!(operation, paths, %fault, "AWS refused it again");
    } else {
        tracing::warn!(operation, paths, %fault, "AWS refused");
    }
}

/// What was added to `status.applied` for these differences stands: AWS took it, or may have.
fn still_added(memory: &mut Memory, changes: &[Change]) {
    if let Some(added) = &mut memory.added {
        let taken = applied::part(added, changes);
        **added = applied::without(std::mem::take(&mut **added), &taken);
    }
}

/// Whether AWS refused what the call says, for certain: then its parts are worth a try. Not where it is busy, where
/// something is not there, or where the caller may not make the call at all.
pub(super) fn of_content(fault: &AwsError) -> bool {
    match backoff::class(fault) {
        backoff::ErrorClass::Rejected | backoff::ErrorClass::Malformed => fault.kind == AwsErrorKind::Rejected,
        backoff::ErrorClass::Environmental => {
            fault.kind == AwsErrorKind::Denied && fault.message.contains("iam:PassRole")
        }
        _ => false,
    }
}

/// Whether a fault may be about this one call, though it may pass by itself: not one of the account as a whole.
pub(super) fn of_one_call(fault: &AwsError) -> bool {
    holdable(fault)
        || contradicts(fault)
        || matches!(
            backoff::class(fault),
            backoff::ErrorClass::Transient | backoff::ErrorClass::Ambiguous | backoff::ErrorClass::Sequencing
        )
}

/// Whether AWS says of what a call is about something else than it showed.
pub(super) fn contradicts(fault: &AwsError) -> bool {
    backoff::class(fault) == backoff::ErrorClass::Contradictory
}

/// Whether a fault is about this one call, so that others may go on.
pub(super) fn holdable(fault: &AwsError) -> bool {
    matches!(
        backoff::class(fault),
        backoff::ErrorClass::Rejected
            | backoff::ErrorClass::Malformed
            | backoff::ErrorClass::Environmental
            | backoff::ErrorClass::Taken
            | backoff::ErrorClass::InUse
    )
}

/// Whether AWS keeps what is to be deleted, as long as something there uses it.
pub(super) fn in_use(fault: &AwsError) -> bool {
    backoff::class(fault) == backoff::ErrorClass::InUse
}

/// Whether AWS refused a call because something is full. It has no code for that, so its words count as well.
pub(super) fn by_quota(fault: &AwsError) -> bool {
    let says = |word: &str| fault.message.to_lowercase().contains(word);
    fault.kind == AwsErrorKind::Quota || (holdable(fault) && ["quota", "limit", "maximum"].into_iter().any(says))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::kind_of;

    #[test]
    fn aws_words_come_with_the_field_that_they_are_about() {
        let carried = ["role", "policy", "homeDirectoryMappings", "workflowDetails.onUpload", "loggingRole"];
        let rows: &[(&str, &[&str])] = &[
            ("Value for 'LoggingRole' is not valid", &["spec.loggingRole"]),
            ("Role is not valid", &["spec.role"]),
            ("Policy is not a valid JSON policy", &["spec.policy"]),
            ("HomeDirectoryMappings[0].Target must begin with /", &["spec.homeDirectoryMappings"]),
            ("WorkflowDetails.OnUpload: too many", &["spec.workflowDetails.onUpload"]),
            ("User: arn:aws:sts::1:x is not authorized to perform: iam:PassRole", &[]),
            ("1 validation error detected: Value at 'role' failed to satisfy constraint", &["spec.role"]),
            ("no identity-based policy allows the transfer:UpdateUser action", &[]),
        ];
        for (words, expected) in rows {
            assert_eq!(&about(words, &carried), expected, "{words}");
        }
    }

    #[test]
    fn a_refusal_for_a_quota_is_known_by_its_code_and_by_aws_words() {
        let rows = [
            ("ServiceQuotaExceededException", "", true),
            ("InvalidRequestException", "Cannot exceed quota for SshPublicKeysPerUser: 50", true),
            ("InvalidRequestException", "Maximum of 10 keys reached", true),
            ("InvalidRequestException", "the limit of host keys is 10", true),
            ("InvalidRequestException", "Unsupported or invalid SSH public key format", false),
            ("ThrottlingException", "Rate limit exceeded", false),
            ("InternalServiceError", "quota service is away", false),
        ];
        for (code, message, quota) in rows {
            let (code, message) = (code.to_owned(), message.to_owned());
            let kind = kind_of(&code, &message);
            let fault = AwsError {
                operation: "ImportHostKey",
                kind,
                code,
                message,
                resource_type: None,
                retry_after: None,
                date: None,
            };
            assert_eq!(by_quota(&fault), quota, "{fault}");
        }
    }
}
