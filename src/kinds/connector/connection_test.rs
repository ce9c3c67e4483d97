//! The test of the connection to an SFTP partner, once for each change of what it is made with and each time that a person
//! asks. It trusts no key: it says which one the partner shows, and a person decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use tokio::time::Instant;

use super::want::WantedConnector;
use super::{host_keys, plan};
use crate::api::condition::{reasons, types};
use crate::api::connector::{ConnectionOutcome, ConnectionTest, ConnectionTestStatus};
use crate::api::{Managed, RECONCILE_AT, TransferConnector};
use crate::aws::transfer::{ConnectionAnswer, Connector, ConnectorSettings, TestConnection};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::engine::digest::hash;
use crate::engine::kind::{OwnCondition, Wanted};
use crate::engine::reason::Reason;
use crate::ssh::TrustedKey;

/// AWS takes one test a second in an account.
const PACE: Duration = Duration::from_secs(1);

/// How long an account is left alone once AWS did not carry a test out: other tools test there too, and it may be down.
const AGAIN: Duration = Duration::from_secs(30);

/// The longest wait for what keeps a test back: a change that AWS refuses, or a connector that does not become active.
const LONGEST: Duration = Duration::from_mins(5);

/// The longest wait once AWS refused to carry a test out, or gave no answer: as long as what AWS refuses is left alone
/// elsewhere.
const REFUSED: Duration = Duration::from_hours(1);

/// Whoever waits for a test comes back within the longest wait; what nobody came back for in twice that is of no object any
/// more.
const FORGOTTEN: Duration = Duration::from_hours(2);

/// What AWS's answer says of a connection that was made.
const OK: &str = "OK";

/// After so many tests without an answer it is told: a partner that drops packets keeps AWS waiting for longer than a call
/// may take, and one answer is lost now and then.
const TOLD: u32 = 3;

/// The longest of AWS's words that are told.
const WORDS_MAX: usize = 512;

/// What this process knows of tests.
#[derive(Default)]
pub struct Tests {
    /// By the uid of the object: what is to be tested, once AWS has all that was wanted then.
    asked: Mutex<BTreeMap<String, Asked>>,
    /// By account.
    accounts: Mutex<BTreeMap<String, Turns>>,
}

/// A test that is due.
#[derive(Clone, Debug)]
struct Asked {
    /// Of what the connection is made with.
    digest: String,
    /// Of everything that is wanted: as long as not all of it is in force, another connection would be tested.
    wanted: String,
    /// What AWS must have by then: somebody else may have changed it since.
    settings: Box<ConnectorSettings>,
    /// How often it was looked for in vain.
    looks: u32,
    /// How often AWS refused to carry it out, or gave no answer.
    refusals: u32,
    /// Until when it is left alone for that.
    until: Option<Instant>,
    /// When it was looked for last.
    at: Instant,
}

impl Asked {
    /// How long it is left alone yet.
    fn rest(&self) -> Option<Duration> {
        let rest = self.until?.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }
}

/// Who has a turn in an account.
#[derive(Debug, Default)]
struct Turns {
    /// No test before.
    free: Option<Instant>,
    /// By the uids of their objects.
    waiting: BTreeSet<String>,
}

impl Tests {
    /// Takes down whether a test is due for this object, and answers when to look again for its turn.
    pub fn due(
        &self,
        object: &TransferConnector,
        account: &Account,
        wanted: &Wanted<WantedConnector>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let uid = object.uid().unwrap_or_default();
        let digest = digest(object, &wanted.want);
        let before = object.status.as_ref().and_then(|status| status.connection_test.as_ref());
        let done = |before: &ConnectionTestStatus| before.outcome != ConnectionOutcome::NotTested;
        let tested = before.is_some_and(|before| before.digest == digest && done(before));
        // What AWS does not have takes nobody's turn.
        let made = object.status.as_ref().is_some_and(|status| status.connector_id.is_some());
        let asks = made && object.spec.connection_test == ConnectionTest::OnChange && object.spec.sftp_config.is_some();
        if tested || !asks || !acts(object) || !wanted.blocks.is_empty() {
            self.forget(&uid);
            return None;
        }
        let asked = self.take_down(&uid, digest, wanted);
        if let Some(rest) = asked.rest() {
            return now.checked_add(rest).ok();
        }
        let mut accounts = locked(&self.accounts);
        let turns = accounts.entry(account.id.clone()).or_default();
        turns.waiting.insert(uid.clone());
        let before = turns.waiting.iter().take_while(|waiting| **waiting != uid).count();
        let turn = PACE.saturating_mul(u32::try_from(before + 1).unwrap_or(u32::MAX));
        let turn = turns.free.map_or(turn, |free| free.saturating_duration_since(Instant::now()) + turn);
        let in_vain = PACE.saturating_mul(2_u32.saturating_pow(asked.looks)).min(LONGEST);
        now.checked_add(turn.max(in_vain)).ok()
    }

    /// A test of this is due, perhaps not for the first time.
    fn take_down(&self, uid: &str, digest: String, wanted: &Wanted<WantedConnector>) -> Asked {
        self.forget_old();
        let (at, mut all) = (Instant::now(), locked(&self.asked));
        let before = all.get(uid).filter(|before| before.digest == digest && before.wanted == wanted.digest);
        let asked = match before {
            Some(before) => Asked { looks: before.looks.saturating_add(1), at, ..before.clone() },
            None => Asked {
                digest,
                wanted: wanted.digest.clone(),
                settings: Box::new(wanted.want.settings.clone()),
                looks: 0,
                refusals: 0,
                until: None,
                at,
            },
        };
        all.insert(uid.to_owned(), asked.clone());
        asked
    }

    /// AWS refused to carry it out, or gave no answer: it is tried again, ever more seldom, and meanwhile takes nobody's
    /// turn. How often that was so.
    fn refused(&self, uid: &str) -> u32 {
        self.stand_back(uid);
        let mut all = locked(&self.asked);
        let Some(asked) = all.get_mut(uid) else { return 0 };
        asked.refusals = asked.refusals.saturating_add(1);
        let rest = PACE.saturating_mul(2_u32.saturating_pow(asked.refusals)).min(REFUSED);
        asked.until = Some(Instant::now() + rest);
        asked.refusals
    }

    /// Objects that ended without anybody's word.
    fn forget_old(&self) {
        let old = |asked: &Asked| asked.at.elapsed() > FORGOTTEN;
        let gone: Vec<String> =
            locked(&self.asked).iter().filter(|(_, asked)| old(asked)).map(|(uid, _)| uid.clone()).collect();
        for uid in gone {
            self.forget(&uid);
        }
    }

    /// Out of all lines.
    fn stand_back(&self, uid: &str) {
        for turns in locked(&self.accounts).values_mut() {
            turns.waiting.remove(uid);
        }
    }

    /// Nothing is to be tested for this object.
    pub fn forget(&self, uid: &str) {
        locked(&self.asked).remove(uid);
        self.stand_back(uid);
    }

    /// Whether it is this object's turn now; then it is nobody's for a while.
    fn turn(&self, account: &Account) -> bool {
        let (now, mut accounts) = (Instant::now(), locked(&self.accounts));
        let turns = accounts.entry(account.id.clone()).or_default();
        let free = turns.free.is_none_or(|free| free <= now);
        if free {
            turns.free = Some(now + PACE);
        }
        free
    }

    /// AWS did not carry a test out for now.
    fn leave(&self, account: &Account) {
        locked(&self.accounts).entry(account.id.clone()).or_default().free = Some(Instant::now() + AGAIN);
    }
}

fn locked<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether anything may be done for the object beyond looking.
fn acts(object: &TransferConnector) -> bool {
    !object.spec.suspend && !object.policies().observes() && object.metadata.deletion_timestamp.is_none()
}

/// Another one of these is tried anew.
fn digest(object: &TransferConnector, want: &WantedConnector) -> String {
    let id = object.status.as_ref().and_then(|status| status.connector_id.as_deref());
    hash(&json!([id, want.settings, object.annotations().get(RECONCILE_AT)]).to_string())
}

/// What is to be said of the connection of this connector, which carries the object's owner tags: what status says already,
/// or what comes of a test that is due now.
pub async fn of(
    tests: &Tests,
    object: &TransferConnector,
    connector: &Connector,
    account: &Account,
) -> Option<ConnectionTestStatus> {
    if object.spec.connection_test == ConnectionTest::Never {
        return None;
    }
    let status = object.status.as_ref();
    let before = status.and_then(|status| status.connection_test.clone());
    let uid = object.uid().unwrap_or_default();
    let Some(asked) = locked(&tests.asked).get(&uid).cloned() else { return before };
    let settled = status.and_then(|status| status.common.applied.as_ref()?.digest.as_ref()) == Some(&asked.wanted);
    // Of a connector that somebody else changed, the words would be about another connection.
    let as_wanted = plan::differing(&asked.settings, &connector.settings, &BTreeSet::new()).is_empty();
    let may = settled && as_wanted && acts(object) && connector.status == "ACTIVE" && asked.rest().is_none();
    if !may {
        tests.stand_back(&uid);
        return before;
    }
    if !tests.turn(account) {
        return before;
    }
    let answer = account.read(TestConnection { connector_id: connector.connector_id.clone() }).await;
    let (outcome, message) = match answer {
        Ok(answer) => {
            tests.forget(&uid);
            judged(&answer, connector)
        }
        Err(fault) if passing(&fault) => {
            tests.leave(account);
            return before;
        }
        Err(fault) => {
            let times = tests.refused(&uid);
            if matches!(fault.kind, AwsErrorKind::Unavailable | AwsErrorKind::Lost) && times < TOLD {
                return before;
            }
            (ConnectionOutcome::NotTested, refused(&fault))
        }
    };
    let generation = object.metadata.generation.unwrap_or_default();
    Some(ConnectionTestStatus { digest: asked.digest, generation, outcome, message })
}

/// Whether the test may be made at the next look; it changes nothing at the partner.
fn passing(fault: &AwsError) -> bool {
    fault.of_sts()
        || matches!(
            fault.kind,
            AwsErrorKind::Throttled | AwsErrorKind::Credentials | AwsErrorKind::Skewed | AwsErrorKind::NotFound
        )
}

/// AWS's words, and where the partner's key is not trusted what a person may do about it.
fn judged(answer: &ConnectionAnswer, connector: &Connector) -> (ConnectionOutcome, String) {
    let ConnectionAnswer { status, status_message, host_key } = answer;
    let said = words(status_message.as_deref().unwrap_or("no more"));
    let status = words(status.as_deref().unwrap_or("without a status"));
    if status == OK {
        return (ConnectionOutcome::Connected, format!("AWS says: {said}"));
    }
    let message = format!("AWS answers {status}: {said}");
    match host_key.as_deref().and_then(|line| TrustedKey::parse(line).ok()).map(|shown| shown.key) {
        Some(Ok(key)) if !host_keys::trusts(&connector.settings, &key) => {
            let (line, fingerprint) = (format!("{} {}", key.algorithm(), key.base64()), key.fingerprint());
            let message = format!(
                "{message}; the partner shows a host key that is not trusted, with fingerprint {fingerprint}. Ask the \
                 partner whether it is theirs; if it is, add this line to spec.sftpConfig.trustedHostKeys: {line}"
            );
            (ConnectionOutcome::HostKeyNotTrusted, message)
        }
        Some(Err(unfit)) => {
            let message = format!("{message}; the partner shows a host key that cannot be trusted: {unfit}");
            (ConnectionOutcome::HostKeyNotTrusted, message)
        }
        _ => (ConnectionOutcome::Failed, message),
    }
}

/// One line, and not too much of it: in part it is the partner's.
fn words(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_MAX).collect()
}

/// Why AWS did not carry it out.
fn refused(fault: &AwsError) -> String {
    let again = "it is tried again within the hour, or at once by the annotation transfer-operator.dev/reconcile-at";
    if fault.kind == AwsErrorKind::Denied {
        return format!(
            "AWS does not let the operator test a connection; allow transfer:TestConnection, or set spec.connectionTest to \
             Never; {again}"
        );
    }
    format!("AWS does not carry the test out: {}: {}; {again}", words(&fault.code), words(&fault.message))
}

/// As a condition.
#[must_use]
pub fn condition(status: Option<&ConnectionTestStatus>) -> OwnCondition {
    let told = status.map(|ConnectionTestStatus { digest: _, generation, outcome, message }| {
        let code = match outcome {
            ConnectionOutcome::Connected => reasons::CONNECTED,
            ConnectionOutcome::Failed => reasons::CONNECTION_FAILED,
            ConnectionOutcome::HostKeyNotTrusted => reasons::HOST_KEY_NOT_TRUSTED,
            ConnectionOutcome::NotTested => reasons::CONNECTION_NOT_TESTED,
        };
        (*outcome == ConnectionOutcome::Connected, Reason::new(code, message.clone()), *generation)
    });
    OwnCondition { r#type: types::CONNECTION_VERIFIED, told }
}

#[cfg(test)]
#[path = "connection_test_tests.rs"]
mod tests;
