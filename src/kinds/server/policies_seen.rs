//! What AWS tells of its security policies: their names, and what each allows. The names are asked for where one was
//! refused, the contents once for all servers that have a policy. Nothing depends on either, and nothing fails for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policy_names::nearest;
use crate::api::TransferServer;
use crate::api::condition::{self, types};
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
        let ask = async { account.read(DescribeSecurityPolicy { name: name.to_owned() }).await.map(|policy| *policy) };
        let told = self.contents.get(key, CONTENTS_FRESH, CONTENTS_HIDDEN, ask).await;
        told.map_or(PolicyContents::Hidden, PolicyContents::Told)
    }

    /// What to say beside AWS's refusal of a call, where it names a policy that AWS does not list.
    pub async fn beside(&self, account: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let name = policy_of(call).filter(|_| may_be_about_it(fault))?;
        let key = (account.id.clone(), account.region.clone());
        let ask = account.list(ListSecurityPolicies { token: None });
        let listed = self.names.get(key, NAMES_FRESH, NAMES_FRESH, ask).await?;
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
    turns: Mutex<BTreeMap<K, Arc<Turn<Option<Look<V>>>>>>,
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
        Self { turns: Mutex::new(BTreeMap::new()) }
    }
}

impl<K: Ord + Clone, V> Asked<K, V> {
    /// What AWS told last, if that counts still; else it is asked. Where it does not answer, what it told before stands.
    async fn get<A>(&self, key: K, fresh: Duration, hidden: Duration, ask: A) -> Option<Arc<V>>
    where
        A: Future<Output = Result<V, AwsError>>,
    {
        let turn = self.turn(key);
        // Who has its turn may wait at the limiter; waiting for it is not the fault of this work either.
        let mut last = aside(turn.lock()).await;
        let before = last.as_ref().and_then(|look| look.told.clone());
        if last.as_ref().is_some_and(|look| Instant::now() < look.until) {
            return before;
        }
        let (told, counts) = match ask.await {
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

    fn turn(&self, key: K) -> Arc<Turn<Option<Look<V>>>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if !turns.contains_key(&key) {
            turns.retain(|_, turn| {
                turn.try_lock().map_or(true, |look| look.as_ref().is_none_or(|look| look.at.elapsed() < FORGOTTEN))
            });
        }
        Arc::clone(turns.entry(key).or_default())
    }
}
