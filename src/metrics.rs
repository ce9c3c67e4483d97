//! `/metrics`: what the process has counted, read when it is asked for. Nothing is counted here, and no label holds an
//! error text or the name of an object that tenants make.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::api::TransferUser;
use crate::api::condition::{self, types};
use crate::aws::RateLimiter;
use crate::aws::account_clients::AccountClients;
use crate::aws::circuit::State;
use crate::aws::counters::{BOUNDS, Latency};
use crate::aws::rate_limiter::LineState;
use crate::cluster::store::Stores;
use crate::cluster::{Lister, mass_deletion};
use crate::engine::counters::{Counts, ReconcileCounters};
use crate::engine::settings::Env;
use crate::kinds::orphans::Orphans;
use crate::kinds::trigger::Which;
use crate::leader_election::LeaderState;

/// The format: `OpenMetrics`, which Prometheus reads as well as its own.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "transfer_operator";

/// Values of the labels, and the number.
type Sample = (Vec<String>, f64);

/// One family of metrics.
struct Family {
    /// Without prefix, and without the `_total` of a counter.
    name: &'static str,
    /// A sentence without its full stop.
    help: &'static str,
    kind: MetricType,
    labels: &'static [&'static str],
    read: Reading,
}

/// How a family is read.
enum Reading {
    /// Counters and gauges.
    Numbers(fn(&Sources) -> Vec<Sample>),
    /// Histograms.
    Latencies(fn(&Sources) -> Vec<(Vec<String>, Latency)>),
}
use Reading::{Latencies, Numbers};

/// All of them; docs/metrics.md has the same table.
const FAMILIES: [Family; 19] = [
    Family {
        name: "passes",
        help: "Passes over objects by what they came to",
        kind: MetricType::Counter,
        labels: &["kind", "outcome"],
        read: Numbers(passes),
    },
    Family {
        name: "drift_found",
        help: "Differences in AWS that no edit brought about",
        kind: MetricType::Counter,
        labels: &["kind"],
        read: Numbers(|sources| drift(sources, |counts| counts.drift_found)),
    },
    Family {
        name: "drift_corrected",
        help: "Such differences that a call put right",
        kind: MetricType::Counter,
        labels: &["kind"],
        read: Numbers(|sources| drift(sources, |counts| counts.drift_corrected)),
    },
    Family {
        name: "aws_calls",
        help: "Calls sent to AWS by operation and result",
        kind: MetricType::Counter,
        labels: &["operation", "result"],
        read: Numbers(aws_calls),
    },
    Family {
        name: "aws_call_duration_seconds",
        help: "How long calls to AWS took by operation and result",
        kind: MetricType::Histogram,
        labels: &["operation", "result"],
        read: Latencies(aws_call_durations),
    },
    Family {
        name: "gate_permits",
        help: "Calls that the gate let through",
        kind: MetricType::Counter,
        labels: &["class"],
        read: Numbers(gate_permits),
    },
    Family {
        name: "gate_throttled",
        help: "Calls that AWS throttled",
        kind: MetricType::Counter,
        labels: &["class"],
        read: Numbers(gate_throttled),
    },
    Family {
        name: "gate_wait_seconds",
        help: "Time that calls waited at the gate",
        kind: MetricType::Counter,
        labels: &["class"],
        read: Numbers(gate_waits),
    },
    Family {
        name: "gate_rate",
        help: "Calls per second that AWS takes, as learnt from what it throttles",
        kind: MetricType::Gauge,
        labels: &["account", "region", "class"],
        read: Numbers(|sources| lines(sources, |line| line.rate)),
    },
    Family {
        name: "gate_waiting",
        help: "Calls that wait at the gate now",
        kind: MetricType::Gauge,
        labels: &["account", "region", "class"],
        read: Numbers(|sources| lines(sources, |line| f64::from(line.waiting))),
    },
    Family {
        name: "objects",
        help: "Objects by the condition that speaks first",
        kind: MetricType::Gauge,
        labels: &["kind", "state"],
        read: Numbers(objects),
    },
    Family {
        name: "identity_breaker_open",
        help: "Whether the credentials of an identity count as broken in any region",
        kind: MetricType::Gauge,
        labels: &["identity"],
        read: Numbers(breakers),
    },
    Family {
        name: "deletions_held",
        help: "Deletions that wait for a person, as many objects of an identity are deleted at once",
        kind: MetricType::Gauge,
        labels: &["identity"],
        read: Numbers(deletions_held),
    },
    Family {
        name: "orphans",
        help: "What AWS has with this cluster's tags and no object stands for",
        kind: MetricType::Gauge,
        labels: &["account", "region", "kind"],
        read: Numbers(orphans),
    },
    Family {
        name: "unmanaged_logins",
        help: "Users and accesses on servers of objects that no object stands for",
        kind: MetricType::Gauge,
        labels: &["account", "region"],
        read: Numbers(unmanaged_logins),
    },
    Family {
        name: "ssh_keys_expiring",
        help: "SSH public keys in AWS that end within the expiry warning, or are there past their end",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| vec![(Vec::new(), number(sources.expiring().count() as u64))]),
    },
    Family {
        name: "ssh_keys_next_expiry_timestamp_seconds",
        help: "When the first of them ends, in Unix time; absent where none does",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| sources.expiring().min().map(|end| (Vec::new(), seconds(end))).into_iter().collect()),
    },
    Family {
        name: "caches_filled",
        help: "Whether every watch has listed once",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| flag(sources.stores.missing().is_empty())),
    },
    Family {
        name: "leader",
        help: "Whether this replica works",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| flag(sources.leading.get())),
    },
];

/// Where the numbers are kept.
pub struct Sources {
    /// Objects.
    pub stores: Arc<Stores>,
    /// Calls and waits.
    pub limiter: Arc<RateLimiter>,
    /// Breakers.
    pub clients: Arc<AccountClients>,
    /// Orphans.
    pub orphans: Arc<Orphans>,
    /// More than so many percent at once wait, see `--hold-deletions-percent`.
    pub hold_percent: u8,
    /// The lease.
    pub leading: LeaderState,
    /// Passes by kind.
    pub passes: Vec<(&'static str, ReconcileCounters)>,
    /// Which keys end soon.
    pub expiry: Expiry,
}

/// What decides that a key ends soon.
pub struct Expiry {
    /// How long before its end.
    pub warning: SignedDuration,
    /// The pod's clock: nothing but a number rests on it.
    pub env: Arc<dyn Env>,
}

impl Sources {
    /// When the keys end that are worth a look for it.
    fn expiring(&self) -> impl Iterator<Item = Timestamp> {
        let Expiry { warning, env } = &self.expiry;
        let until = env.wall().checked_add(*warning).unwrap_or(Timestamp::MAX);
        let users = self.stores.users.all();
        let ends = |user: Arc<TransferUser>| -> Vec<Timestamp> {
            let keys = user.status.iter().flat_map(|status| &status.ssh_public_keys);
            keys.filter_map(|key| key.expires_at.as_ref()?.parse().ok()).collect()
        };
        users.into_iter().flat_map(ends).filter(move |end| *end <= until)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for Family { name, help, kind, labels, read } in &FAMILIES {
            let mut family = encoder.encode_descriptor(name, help, None, *kind)?;
            let set = |values: Vec<String>| -> Vec<(&str, String)> { labels.iter().copied().zip(values).collect() };
            match read {
                Numbers(read) => {
                    for (values, number) in read(self) {
                        let set = set(values);
                        match (kind, set.is_empty()) {
                            (MetricType::Counter, _) => {
                                family.encode_family(&set)?.encode_counter::<NoLabelSet, _, f64>(&number, None)?;
                            }
                            (_, false) => family.encode_family(&set)?.encode_gauge(&number)?,
                            (_, true) => family.encode_gauge(&number)?,
                        }
                    }
                }
                Latencies(read) => {
                    for (values, Latency { sum, within, beyond }) in read(self) {
                        // The encoder adds up the buckets.
                        let last = (f64::INFINITY, beyond);
                        let buckets: Vec<(f64, u64)> = BOUNDS.into_iter().zip(within).chain([last]).collect();
                        let count = within.iter().sum::<u64>() + beyond;
                        let set = set(values);
                        let mut family = family.encode_family(&set)?;
                        family.encode_histogram::<NoLabelSet>(sum.as_secs_f64(), count, &buckets, None)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A registry of all families.
#[must_use]
pub fn registry(sources: Sources) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(sources));
    registry
}

/// The text of a scrape.
///
/// # Errors
/// Where a number cannot be written; a defect.
pub fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

fn flag(holds: bool) -> Vec<Sample> {
    vec![(Vec::new(), f64::from(u8::from(holds)))]
}

fn passes(sources: &Sources) -> Vec<Sample> {
    let of = |(kind, counters): &(&str, ReconcileCounters)| {
        let kind = (*kind).to_owned();
        counters
            .read()
            .passes
            .into_iter()
            .map(move |(outcome, count)| (vec![kind.clone(), outcome.to_owned()], number(count)))
    };
    sources.passes.iter().flat_map(of).collect()
}

fn drift(sources: &Sources, count: fn(&Counts) -> u64) -> Vec<Sample> {
    let of = |(kind, counters): &(&str, ReconcileCounters)| (vec![(*kind).to_owned()], number(count(&counters.read())));
    sources.passes.iter().map(of).collect()
}

fn aws_calls(sources: &Sources) -> Vec<Sample> {
    aws_call_durations(sources).into_iter().map(|(labels, latency)| (labels, number(latency.calls()))).collect()
}

fn aws_call_durations(sources: &Sources) -> Vec<(Vec<String>, Latency)> {
    let latencies = sources.limiter.counters.read().latencies;
    latencies
        .into_iter()
        .map(|((operation, result), latency)| (vec![operation.into(), result.into()], latency))
        .collect()
}

fn gate_throttled(sources: &Sources) -> Vec<Sample> {
    let throttled = sources.limiter.counters.read().throttled;
    throttled.into_iter().map(|(class, count)| (vec![class.name().to_owned()], number(count))).collect()
}

fn gate_permits(sources: &Sources) -> Vec<Sample> {
    let waits = sources.limiter.counters.read().waits;
    waits.into_iter().map(|(class, (permits, _))| (vec![class.name().to_owned()], number(permits))).collect()
}

fn gate_waits(sources: &Sources) -> Vec<Sample> {
    let waits = sources.limiter.counters.read().waits;
    waits.into_iter().map(|(class, (_, waited))| (vec![class.name().to_owned()], waited.as_secs_f64())).collect()
}

fn lines(sources: &Sources, value: fn(&LineState) -> f64) -> Vec<Sample> {
    let sample = |line: LineState| {
        let value = value(&line);
        (vec![line.account, line.region, line.class.name().to_owned()], value)
    };
    sources.limiter.lines().into_iter().map(sample).collect()
}

fn objects(sources: &Sources) -> Vec<Sample> {
    let stores = &sources.stores;
    let states = |which| -> Vec<&'static str> {
        match which {
            Which::Identity => stores
                .identities()
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

fn breakers(sources: &Sources) -> Vec<Sample> {
    let open = |state| f64::from(u8::from(!matches!(state, State::Closed { .. })));
    sources.clients.breakers().into_iter().map(|(identity, state)| (vec![identity], open(state))).collect()
}

fn deletions_held(sources: &Sources) -> Vec<Sample> {
    let held = |identity: &str| mass_deletion::held(sources.stores.as_ref(), identity, sources.hold_percent);
    let count = |identity: String| {
        let count = held(&identity).map_or(0, |mass| mass.count());
        (vec![identity], number(count as u64))
    };
    sources.stores.identities().iter().map(|identity| count(identity.name_any())).collect()
}

fn orphans(sources: &Sources) -> Vec<Sample> {
    let counts = sources.orphans.counts();
    counts
        .into_iter()
        .map(|((account, region, kind), count)| (vec![account, region, kind.to_owned()], number(count as u64)))
        .collect()
}

fn unmanaged_logins(sources: &Sources) -> Vec<Sample> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for server in sources.stores.servers.all() {
        let Some(status) = &server.status else { continue };
        let (Some(account), Some(region)) = (&status.common.account_id, &status.common.region) else { continue };
        let count = status.unmanaged_logins.as_ref().and_then(|logins| u64::try_from(logins.count).ok());
        *counts.entry((account.clone(), region.clone())).or_default() += count.unwrap_or_default();
    }
    counts.into_iter().map(|((account, region), count)| (vec![account, region], number(count))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "2^53 seconds are far beyond any year that has four digits")]
fn seconds(end: Timestamp) -> f64 {
    end.as_second() as f64
}

#[allow(clippy::cast_precision_loss, reason = "a count beyond 2^53 is none of this process")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
