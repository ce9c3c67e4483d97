//! `/metrics`: what the process has counted, read when it is asked for. Nothing is counted here, and no label holds an
//! error text or the name of an object that tenants make.

mod calls;
mod families;
mod objects;
mod process;
mod survey;

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use self::process::ProcessFacts;
use self::survey::Survey;
use crate::aws::RateLimiter;
use crate::aws::account_clients::AccountClients;
use crate::aws::counters::{BOUNDS, Latency};
use crate::cluster::store::Stores;
use crate::engine::counters::ReconcileCounters;
use crate::engine::looks::Looks;
use crate::engine::settings::Env;
use crate::kinds::orphans::Orphans;
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
    /// Gauges, from the one walk over all objects.
    OfObjects(fn(&Survey) -> Vec<Sample>),
    /// Histograms.
    Latencies(fn(&Sources) -> Vec<(Vec<String>, Latency)>),
}
use Reading::{Latencies, Numbers, OfObjects};

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
    /// Reconciles by kind.
    pub reconciles: Vec<(&'static str, ReconcileCounters)>,
    /// When what was compared with AWS.
    pub looks: Arc<Looks>,
    /// How many shards there are.
    pub shards: u32,
    /// Which keys end soon.
    pub expiry: Expiry,
    /// Whether identities say in status how they are, see `--write-identities`.
    pub identities_written: bool,
}

/// What decides that a key ends soon.
pub struct Expiry {
    /// How long before its end.
    pub warning: SignedDuration,
    /// The pod's clock: nothing but a number rests on it.
    pub env: Arc<dyn Env>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let survey = Survey::of(self);
        for Family { name, help, kind, labels, read } in &families::FAMILIES {
            let mut family = encoder.encode_descriptor(name, help, None, *kind)?;
            let set = |values: Vec<String>| -> Vec<(&str, String)> { labels.iter().copied().zip(values).collect() };
            let numbers = match read {
                Numbers(read) => read(self),
                OfObjects(read) => read(&survey),
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
                    continue;
                }
            };
            for (values, number) in numbers {
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
        Ok(())
    }
}

/// A registry of all families.
#[must_use]
pub fn registry(sources: Sources) -> Registry {
    let mut registry = Registry::default();
    registry.sub_registry_with_prefix(PREFIX).register_collector(Box::new(sources));
    registry.register_collector(Box::new(ProcessFacts));
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
