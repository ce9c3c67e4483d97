//! What AWS tells of its security policies: their names, and what each allows. The names are asked for where one was
//! refused, the contents once for all servers that have a policy. Nothing depends on either, and nothing fails for it.
//! What one reconcile asks for all waits at the limiter as the most urgent of them would.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policy_names::nearest;
use crate::api::TransferServer;
use crate::api::condition::{self, types};
use crate::aws::rate_limiter::SharedRank;
use crate::aws::transfer::{DescribeSecurityPolicy, ListSecurityPolicies, SecurityPolicy, ServerSettings};
use crate::aws::waiting::aside;
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::sync::{Arc, Instant, Mutex, PoisonError, Turn};

/// For how long a list of names counts, and for how long it counts that there is none: AWS adds a policy a few times a
/// year, and a call that AWS refuses is sent again and again.
const NAMES_FRESH: Duration = Duration::from_hours(1);

/// For how long it counts what a policy allows. AWS makes a new policy rather than change one; this is for what nobody
/// thought of.
const CONTENTS_FRESH: Duration = Duration::from_hours(24);

/// For how long it counts that the contents could not be read: a right that was given must be noticed, and one that is
/// not must not cost a call at each look.
const CONTENTS_HIDDEN: Duration = Duration::from_hours(1);

/// What was not asked for so long is forgotten: the longest resync is shorter.
const FORGOTTEN: Duration = Duration::from_hours(48);

/// Account and region.
type Place = (String, String);

/// What is known of the policy of a server.
#[derive(Clone, Debug, Default)]
pub enum PolicyContents {
    /// AWS does not tell what it allows.
    #[default]
    Hidden,
    /// It was not asked yet.
    NotAsked,
    /// This.
    Told(Arc<SecurityPolicy>),
}

impl PolicyContents {
    /// What it allows, where that is known.
    pub fn told(&self) -> Option<&SecurityPolicy> {
        match self {
            Self::Told(policy) => Some(policy),
            Self::Hidden | Self::NotAsked => None,
        }
    }
}

/// What AWS showed of its policies. One reconcile asks, the others wait for its answer.
#[derive(Default)]
pub struct PoliciesSeen {
    names: Asked<Place, Vec<String>>,
    contents: Asked<(Place, String), SecurityPolicy>,
}

impl PoliciesSeen {
    /// What the policy of a server allows. The `first` look of a process at a server that is in order does not ask:
    /// what was said of its policy stands until the next look, so that a start costs no call for it.
    pub async fn of(
        &self,
        object: &TransferServer,
        account: &Account,
        settings: &ServerSettings,
        first: bool,
    ) -> PolicyContents {
        let Some(name) = settings.security_policy_name.as_deref() else { return PolicyContents::Hidden };
        if first && in_order(object, name) {
            return PolicyContents::NotAsked;
        }
        let key = ((account.id.clone(), account.region.clone()), name.to_owned());
        let call = DescribeSecurityPolicy { name: name.to_owned() };
        let ask = async |account: Account| account.read(call).await.map(|policy| *policy);
        let told = self.contents.get(key, account, (CONTENTS_FRESH, CONTENTS_HIDDEN), ask).await;
        told.map_or(PolicyContents::Hidden, PolicyContents::Told)
    }

    /// What to say beside AWS's refusal of a call, where it names a policy that AWS does not list.
    pub async fn beside(&self, account: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let name = policy_of(call).filter(|_| may_be_about_it(fault))?;
        let key = (account.id.clone(), account.region.clone());
        let ask = async |account: Account| account.list(ListSecurityPolicies { token: None }).await;
        let listed = self.names.get(key, account, (NAMES_FRESH, NAMES_FRESH), ask).await?;
        let near = nearest(name, &listed);
        (!listed.iter().any(|listed| listed == name)).then(|| match near.as_slice() {
            [] => format!("AWS lists no security policy {name}, nor one like it"),
            _ => format!("AWS lists no security policy {name}; the nearest are {}", near.join(", ")),
        })
    }
}

/// Whether status says that all is well with a server of this policy: then what is worth a look was said, too.
fn in_order(object: &TransferServer, policy: &str) -> bool {
    let Some(status) = &object.status else { return false };
    condition::is_true(&status.common.conditions, types::READY)
        && Some(status.common.observed_generation) == object.metadata.generation
        && status.security_policy_name.as_deref() == Some(policy)
}

/// The policy that a call names.
fn policy_of(call: &Mutation) -> Option<&str> {
    let settings = match call {
        Mutation::CreateServer(create) => &create.settings,
        Mutation::UpdateServer(update) => &update.settings,
        _ => return None,
    };
    settings.security_policy_name.as_deref()
}

/// Whether AWS may have refused the policy: it says so in its words, or that something is not there.
fn may_be_about_it(fault: &AwsError) -> bool {
    let words = fault.message.to_lowercase().replace(' ', "");
    match fault.kind {
        AwsErrorKind::Rejected | AwsErrorKind::NotFound => words.contains("securitypolicy"),
        _ => false,
    }
}

/// Answers of AWS that count for a while.
struct Asked<K, V> {
    lines: Mutex<BTreeMap<K, Arc<Line<V>>>>,
}

/// What was asked for one key, one at a time.
struct Line<V> {
    last: Turn<Option<Look<V>>>,
    rank: SharedRank,
}

/// What AWS answered last.
struct Look<V> {
    at: Instant,
    until: Instant,
    /// Nothing where it never told.
    told: Option<Arc<V>>,
}

impl<K, V> Default for Asked<K, V> {
    fn default() -> Self {
        Self { lines: Mutex::new(BTreeMap::new()) }
    }
}

impl<V> Default for Line<V> {
    fn default() -> Self {
        Self { last: Turn::default(), rank: SharedRank::default() }
    }
}

impl<K: Ord + Clone, V> Asked<K, V> {
    /// What AWS told last, if that counts still; else it is asked. Where it does not answer, what it told before stands.
    /// An answer counts for the first of the times, that there was none for the second.
    async fn get<A>(&self, key: K, account: &Account, (fresh, hidden): (Duration, Duration), ask: A) -> Option<Arc<V>>
    where
        A: AsyncFnOnce(Account) -> Result<V, AwsError>,
    {
        let line = self.line(key);
        let _joined = line.rank.join(account.rank());
        // Who has its turn may wait at the limiter; waiting for it is not the fault of this work either.
        let mut last = aside(line.last.lock()).await;
        let before = last.as_ref().and_then(|look| look.told.clone());
        if last.as_ref().is_some_and(|look| Instant::now() < look.until) {
            return before;
        }
        let (told, counts) = match ask(account.clone().ranked(&line.rank.rank())).await {
            Ok(told) => (Some(Arc::new(told)), fresh),
            Err(fault) => {
                tracing::debug!(%fault, "AWS does not tell of its security policies");
                (before, hidden)
            }
        };
        let at = Instant::now();
        *last = Some(Look { at, until: at + counts, told: told.clone() });
        told
    }

    fn line(&self, key: K) -> Arc<Line<V>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.contains_key(&key) {
            lines.retain(|_, line| {
                let last = line.last.try_lock();
                last.map_or(true, |look| look.as_ref().is_none_or(|look| look.at.elapsed() < FORGOTTEN))
            });
        }
        Arc::clone(lines.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;

    use super::*;
    use crate::aws::{Priority, Rank};
    use crate::kinds::fakes::cloud::Cloud;
    use crate::sync::sleep;

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_shares_a_question_takes_it_along() {
        let asked = Asked::<&str, Priority>::default();
        let account = Cloud::new().account();
        let edit = account.clone().ranked(&Rank::of(Priority::Change));
        let fresh = (NAMES_FRESH, NAMES_FRESH);
        let slow = async |account: Account| {
            sleep(Duration::from_secs(1)).await;
            Ok(account.rank().priority())
        };
        let alone = asked.get("one", &account, fresh, slow).await;
        assert_eq!(alone.as_deref(), Some(&Priority::Resync));
        let (shared, _) = join(asked.get("two", &account, fresh, slow), asked.get("two", &edit, fresh, slow)).await;
        assert_eq!(shared.as_deref(), Some(&Priority::Change));
    }
}
