//! One walk over the objects that the watches hold, for all families that are about them: of some kinds there are tens of
//! thousands, and each is read from its text. Of a status only known words are counted: whoever may write a status cannot
//! write a metric.

use std::any::Any;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Expiry, Sources};
use crate::api::condition::{self, types};
use crate::api::{ManagedKind, TransferCertificate, TransferServer, TransferUser};
use crate::cluster::{Lister, Object};
use crate::kinds::trigger::Which;

/// So many namespaces have numbers of their own, those with the most objects: with every kind and condition in each, that
/// is some thousands of series, which a Prometheus does not notice.
const NAMESPACES: usize = 100;
/// The others together. No namespace can have this name.
const OTHERS: &str = "_others";

/// Kind, namespace, condition, status.
type Counted = BTreeMap<(&'static str, String, &'static str, &'static str), u64>;

/// What the walk found, each by the namespaces that there are.
#[derive(Debug, Default)]
pub(super) struct Survey {
    sizes: BTreeMap<String, usize>,
    /// By condition.
    counted: Counted,
    /// Kind and state.
    pub states: BTreeMap<(&'static str, &'static str), u64>,
    first_ends: BTreeMap<String, Timestamp>,
    /// How many keys end within the warning, and when the first of them does.
    pub ending: (u64, Option<Timestamp>),
    first_certificate_ends: BTreeMap<String, Timestamp>,
    replaced: BTreeMap<String, u64>,
    /// Logins that no object stands for, by account and region.
    pub unmanaged: BTreeMap<(String, String), u64>,
}

impl Survey {
    /// Walks over all that there is. Identities count where their status says how they are: else all would count as not
    /// ready for ever.
    pub fn of(sources: &Sources) -> Self {
        let mut survey = Self::default();
        for which in Which::all() {
            for state in STATES {
                survey.states.insert((which.name(), state), 0);
            }
        }
        let identities = if sources.identities_written { sources.stores.identities() } else { Vec::new() };
        for identity in identities {
            let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
            survey.count(Which::Identity.name(), "", conditions);
        }
        let Expiry { warning, env } = &sources.expiry;
        let soon = env.wall().checked_add(*warning).unwrap_or(Timestamp::MAX);
        for kind in ManagedKind::ALL {
            for object in sources.stores.objects(*kind) {
                survey.take(kind.name(), object.as_ref(), soon);
            }
        }
        survey
    }

    fn take(&mut self, kind: &'static str, object: &dyn Object, soon: Timestamp) {
        let namespace = object.metadata().namespace.as_deref().unwrap_or_default();
        *self.sizes.entry(namespace.to_owned()).or_default() += 1;
        self.count(kind, namespace, object.common_status().map_or(&[][..], |status| &status.conditions));
        let any: &dyn Any = object;
        if let Some(user) = any.downcast_ref::<TransferUser>() {
            self.keys(user, namespace, soon);
        }
        if let Some(certificate) = any.downcast_ref::<TransferCertificate>() {
            let end = certificate.status.as_ref().and_then(|status| status.not_after_date.as_ref()?.parse().ok());
            keep_first(&mut self.first_certificate_ends, namespace, end);
        }
        if let Some(server) = any.downcast_ref::<TransferServer>() {
            self.server(server, namespace);
        }
    }

    fn count(&mut self, kind: &'static str, namespace: &str, conditions: &[Condition]) {
        *self.states.entry((kind, state(conditions))).or_default() += 1;
        let mut entry = |condition, status, more: u64| {
            *self.counted.entry((kind, namespace.to_owned(), condition, status)).or_default() += more;
        };
        // Ready is counted with all that it may be, so that an alert sees it go to zero.
        for status in ["True", "False", "Unknown"] {
            entry(types::READY, status, 0);
        }
        for known in condition::ORDER {
            let said = condition::find(conditions, known).map(|condition| status(&condition.status));
            let said = said.or((known == types::READY).then_some("Unknown"));
            if let Some(said) = said {
                entry(known, said, 1);
            }
        }
    }

    /// When the keys of a user end.
    fn keys(&mut self, user: &TransferUser, namespace: &str, soon: Timestamp) {
        let keys = user.status.iter().flat_map(|status| &status.ssh_public_keys);
        for end in keys.filter_map(|key| key.expires_at.as_ref()?.parse::<Timestamp>().ok()) {
            keep_first(&mut self.first_ends, namespace, Some(end));
            if end <= soon {
                let (count, first) = &mut self.ending;
                *count += 1;
                *first = Some(first.map_or(end, |first| first.min(end)));
            }
        }
    }

    fn server(&mut self, server: &TransferServer, namespace: &str) {
        let keys = server.status.iter().flat_map(|status| &status.host_keys);
        let waiting = keys.filter(|key| key.replaced.is_some()).count() as u64;
        *self.replaced.entry(namespace.to_owned()).or_default() += waiting;
        let Some(status) = &server.status else { return };
        let (Some(account), Some(region)) = (&status.common.account_id, &status.common.region) else { return };
        let count = status.unmanaged_logins.as_ref().and_then(|logins| u64::try_from(logins.count).ok());
        *self.unmanaged.entry((account.clone(), region.clone())).or_default() += count.unwrap_or_default();
    }

    /// Which namespaces have numbers of their own.
    fn named(&self) -> BTreeSet<&str> {
        let mut largest: Vec<(Reverse<usize>, &str)> =
            self.sizes.iter().map(|(name, size)| (Reverse(*size), name.as_str())).collect();
        largest.sort_unstable();
        largest.into_iter().take(NAMESPACES).map(|(_, name)| name).collect()
    }

    /// By namespace, those without numbers of their own together.
    fn by_namespace<T: Copy>(&self, all: &BTreeMap<String, T>, join: fn(T, T) -> T) -> BTreeMap<String, T> {
        let named = self.named();
        let mut joined = BTreeMap::new();
        for (namespace, value) in all {
            let name = if named.contains(namespace.as_str()) { namespace } else { OTHERS };
            joined.entry(name.to_owned()).and_modify(|held| *held = join(*held, *value)).or_insert(*value);
        }
        joined
    }

    /// When the first key of a namespace ends.
    pub fn first_ends(&self) -> BTreeMap<String, Timestamp> {
        self.by_namespace(&self.first_ends, Timestamp::min)
    }

    /// When the first certificate of a namespace ends of those that nothing takes the place of.
    pub fn first_certificate_ends(&self) -> BTreeMap<String, Timestamp> {
        self.by_namespace(&self.first_certificate_ends, Timestamp::min)
    }

    /// Host keys that were replaced in their Secrets and stay.
    pub fn replaced(&self) -> BTreeMap<String, u64> {
        self.by_namespace(&self.replaced, |one, other| one + other)
    }

    /// Objects by condition and its status. Identities have no namespace.
    pub fn conditions(&self) -> Counted {
        let named = self.named();
        let mut joined = Counted::new();
        for ((kind, namespace, condition, status), count) in &self.counted {
            let own = *kind == Which::Identity.name() && namespace.is_empty() || named.contains(namespace.as_str());
            let namespace = if own { namespace } else { OTHERS };
            *joined.entry((kind, namespace.to_owned(), condition, status)).or_default() += count;
        }
        joined
    }
}

fn keep_first(firsts: &mut BTreeMap<String, Timestamp>, namespace: &str, end: Option<Timestamp>) {
    if let Some(end) = end {
        firsts.entry(namespace.to_owned()).and_modify(|first| *first = end.min(*first)).or_insert(end);
    }
}

fn status(text: &str) -> &'static str {
    match text {
        "True" => "True",
        "False" => "False",
        _ => "Unknown",
    }
}

/// All that [`state`] may say.
const STATES: [&str; 4] = ["ready", "reconciling", "stalled", "unknown"];

/// The state that a person would tell first.
fn state(conditions: &[Condition]) -> &'static str {
    let ready = condition::find(conditions, types::READY).map(|ready| ready.status.as_str());
    match ready {
        _ if condition::is_true(conditions, types::STALLED) => "stalled",
        Some("True") => "ready",
        Some("Unknown") => "unknown",
        _ => "reconciling",
    }
}
