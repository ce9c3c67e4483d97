//! Read from the objects that the watches hold. Nothing in it grows with the number of objects, and of a status only known
//! words are taken for labels: whoever may write a status cannot write a metric.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{Expiry, Sample, Sources, number, seconds};
use crate::api::condition::{self, types};
use crate::api::{AwsIdentity, ManagedKind, TransferUser};
use crate::cluster::store::Stores;
use crate::cluster::{Lister, mass_deletion};
use crate::kinds::trigger::Which;

/// So many namespaces have numbers of their own, those with the most objects: with every kind and condition in each, that
/// is some thousands of series, which a Prometheus does not notice.
const NAMESPACES: usize = 100;
/// The others together. No namespace can have this name.
const OTHERS: &str = "_others";

/// Which namespaces have numbers of their own.
struct Named(BTreeSet<String>);

impl Named {
    fn of(stores: &Stores) -> Self {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for object in ManagedKind::ALL.iter().flat_map(|kind| stores.objects(*kind)) {
            *sizes.entry(object.metadata().namespace.clone().unwrap_or_default()).or_default() += 1;
        }
        let mut largest: Vec<(Reverse<usize>, String)> =
            sizes.into_iter().map(|(name, size)| (Reverse(size), name)).collect();
        largest.sort();
        Self(largest.into_iter().take(NAMESPACES).map(|(_, name)| name).collect())
    }

    fn name(&self, namespace: Option<&str>) -> String {
        let namespace = namespace.unwrap_or_default();
        if self.0.contains(namespace) { namespace.to_owned() } else { OTHERS.to_owned() }
    }
}

/// Kind, namespace, condition, status.
type Counted = BTreeMap<(&'static str, String, &'static str, &'static str), u64>;

/// Those whose status says how they are. Where nobody writes it, all would count as not ready for ever.
fn identities(sources: &Sources) -> Vec<Arc<AwsIdentity>> {
    if sources.identities_written { sources.stores.identities() } else { Vec::new() }
}

/// Ready is counted with all that it may be, so that an alert sees it go to zero.
pub(super) fn conditions(sources: &Sources) -> Vec<Sample> {
    let (stores, named) = (&sources.stores, Named::of(&sources.stores));
    let mut counted = Counted::new();
    for identity in identities(sources) {
        let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
        count(&mut counted, Which::Identity.name(), "", conditions);
    }
    for kind in ManagedKind::ALL {
        for object in stores.objects(*kind) {
            let conditions = object.common_status().map_or(&[][..], |status| &status.conditions);
            let namespace = named.name(object.metadata().namespace.as_deref());
            count(&mut counted, kind.name(), &namespace, conditions);
        }
    }
    let sample = |((kind, namespace, condition, status), count): (_, u64)| {
        let (kind, condition, status): (&str, &str, &str) = (kind, condition, status);
        (vec![kind.to_owned(), namespace, condition.to_owned(), status.to_owned()], number(count))
    };
    counted.into_iter().map(sample).collect()
}

fn count(counted: &mut Counted, kind: &'static str, namespace: &str, conditions: &[Condition]) {
    let mut entry = |condition, status, more: u64| {
        *counted.entry((kind, namespace.to_owned(), condition, status)).or_default() += more;
    };
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

fn status(text: &str) -> &'static str {
    match text {
        "True" => "True",
        "False" => "False",
        _ => "Unknown",
    }
}

pub(super) fn oldest_checks(sources: &Sources) -> Vec<Sample> {
    let ages = sources.looks.oldest().into_iter();
    ages.map(|((account, region), age)| (vec![account, region], age.as_secs_f64())).collect()
}

/// When the keys of a user end.
fn ends(user: &TransferUser) -> impl Iterator<Item = Timestamp> {
    let keys = user.status.iter().flat_map(|status| &status.ssh_public_keys);
    keys.filter_map(|key| key.expires_at.as_ref()?.parse().ok())
}

/// When the keys end that are worth a look for it.
pub(super) fn expiring(sources: &Sources) -> impl Iterator<Item = Timestamp> {
    let Expiry { warning, env } = &sources.expiry;
    let until = env.wall().checked_add(*warning).unwrap_or(Timestamp::MAX);
    let users = sources.stores.users.all();
    let ends = users.into_iter().flat_map(|user| ends(&user).collect::<Vec<_>>());
    ends.filter(move |end| *end <= until)
}

pub(super) fn first_ends(sources: &Sources) -> Vec<Sample> {
    let named = Named::of(&sources.stores);
    let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
    for user in sources.stores.users.all() {
        if let Some(end) = ends(&user).min() {
            let first = first.entry(named.name(user.metadata.namespace.as_deref())).or_insert(end);
            *first = end.min(*first);
        }
    }
    first.into_iter().map(|(namespace, end)| (vec![namespace], seconds(end))).collect()
}

/// When the first certificate ends of those that nothing takes the place of.
pub(super) fn first_certificate_ends(sources: &Sources) -> Vec<Sample> {
    let named = Named::of(&sources.stores);
    let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
    for object in sources.stores.certificates.all() {
        let end = object.status.as_ref().and_then(|status| status.not_after_date.as_ref()?.parse().ok());
        if let Some(end) = end {
            let first = first.entry(named.name(object.metadata.namespace.as_deref())).or_insert(end);
            *first = end.min(*first);
        }
    }
    first.into_iter().map(|(namespace, end)| (vec![namespace], seconds(end))).collect()
}

pub(super) fn replaced_host_keys(sources: &Sources) -> Vec<Sample> {
    let named = Named::of(&sources.stores);
    let mut replaced: BTreeMap<String, u64> = BTreeMap::new();
    for server in sources.stores.servers.all() {
        let keys = server.status.iter().flat_map(|status| &status.host_keys);
        let waiting = keys.filter(|key| key.replaced.is_some()).count() as u64;
        *replaced.entry(named.name(server.metadata.namespace.as_deref())).or_default() += waiting;
    }
    replaced.into_iter().map(|(namespace, count)| (vec![namespace], number(count))).collect()
}

pub(super) fn objects(sources: &Sources) -> Vec<Sample> {
    let stores = &sources.stores;
    let states = |which| -> Vec<&'static str> {
        match which {
            Which::Identity => identities(sources)
                .iter()
                .map(|object| state(object.status.as_ref().map_or(&[][..], |status| &status.conditions)))
                .collect(),
            Which::Managed(kind) => stores
                .objects(kind)
                .iter()
                .map(|object| state(object.common_status().map_or(&[][..], |status| &status.conditions)))
                .collect(),
        }
    };
    let mut samples = Vec::new();
    for which in Which::all() {
        let states = states(which);
        for state in ["ready", "reconciling", "stalled", "unknown"] {
            let count = states.iter().filter(|other| **other == state).count();
            samples.push((vec![which.name().to_owned(), state.to_owned()], number(count as u64)));
        }
    }
    samples
}

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

pub(super) fn deletions_held(sources: &Sources) -> Vec<Sample> {
    let held = |identity: &str| mass_deletion::held(sources.stores.as_ref(), identity, sources.hold_percent);
    let count = |identity: String| {
        let count = held(&identity).map_or(0, |mass| mass.count());
        (vec![identity], number(count as u64))
    };
    sources.stores.identities().iter().map(|identity| count(identity.name_any())).collect()
}

pub(super) fn orphans(sources: &Sources) -> Vec<Sample> {
    let counts = sources.orphans.counts();
    counts
        .into_iter()
        .map(|((account, region, kind), count)| (vec![account, region, kind.to_owned()], number(count as u64)))
        .collect()
}

pub(super) fn unmanaged_logins(sources: &Sources) -> Vec<Sample> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for server in sources.stores.servers.all() {
        let Some(status) = &server.status else { continue };
        let (Some(account), Some(region)) = (&status.common.account_id, &status.common.region) else { continue };
        let count = status.unmanaged_logins.as_ref().and_then(|logins| u64::try_from(logins.count).ok());
        *counts.entry((account.clone(), region.clone())).or_default() += count.unwrap_or_default();
    }
    counts.into_iter().map(|((account, region), count)| (vec![account, region], number(count))).collect()
}
