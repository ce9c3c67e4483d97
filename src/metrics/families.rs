//! Every family of metrics: its name, its labels, what it means, and who reads it. docs/metrics.md has the same table.

use prometheus_client::metrics::MetricType;

use super::Reading::{Latencies, Numbers};
use super::{Family, calls, flag, number, objects, seconds};

/// All of them.
pub(super) const FAMILIES: [Family; 26] = [
    Family {
        name: "passes",
        help: "Reconciles of objects by what they came to",
        kind: MetricType::Counter,
        labels: &["kind", "outcome"],
        read: Numbers(calls::passes),
    },
    Family {
        name: "reconcile_duration_seconds",
        help: "How long reconciles took by what they came to",
        kind: MetricType::Histogram,
        labels: &["kind", "outcome"],
        read: Latencies(calls::reconciles),
    },
    Family {
        name: "drift_found",
        help: "Differences in AWS that no edit brought about",
        kind: MetricType::Counter,
        labels: &["kind"],
        read: Numbers(|sources| calls::drift(sources, |counts| counts.drift_found)),
    },
    Family {
        name: "drift_corrected",
        help: "Such differences that a call put right",
        kind: MetricType::Counter,
        labels: &["kind"],
        read: Numbers(|sources| calls::drift(sources, |counts| counts.drift_corrected)),
    },
    Family {
        name: "aws_calls",
        help: "Calls sent to AWS by operation and result",
        kind: MetricType::Counter,
        labels: &["operation", "result"],
        read: Numbers(calls::aws_calls),
    },
    Family {
        name: "aws_call_duration_seconds",
        help: "How long calls to AWS took by operation and result",
        kind: MetricType::Histogram,
        labels: &["operation", "result"],
        read: Latencies(calls::aws_call_durations),
    },
    Family {
        name: "gate_permits",
        help: "Calls that the gate let through",
        kind: MetricType::Counter,
        labels: &["account", "region", "class"],
        read: Numbers(calls::gate_permits),
    },
    Family {
        name: "gate_throttled",
        help: "Calls that AWS throttled",
        kind: MetricType::Counter,
        labels: &["account", "region", "class"],
        read: Numbers(calls::gate_throttled),
    },
    Family {
        name: "gate_wait_seconds",
        help: "Time that calls waited at the gate",
        kind: MetricType::Counter,
        labels: &["account", "region", "class"],
        read: Numbers(calls::gate_waits),
    },
    Family {
        name: "gate_rate",
        help: "Calls per second that AWS takes, as learnt from what it throttles",
        kind: MetricType::Gauge,
        labels: &["account", "region", "class"],
        read: Numbers(|sources| calls::lines(sources, |line| line.rate)),
    },
    Family {
        name: "gate_waiting",
        help: "Calls that wait at the gate now",
        kind: MetricType::Gauge,
        labels: &["account", "region", "class"],
        read: Numbers(|sources| calls::lines(sources, |line| f64::from(line.waiting))),
    },
    Family {
        name: "objects",
        help: "Objects by the condition that speaks first",
        kind: MetricType::Gauge,
        labels: &["kind", "state"],
        read: Numbers(objects::objects),
    },
    Family {
        name: "object_conditions",
        help: "Objects by a condition and its status; Ready with each status, others with those that occur",
        kind: MetricType::Gauge,
        labels: &["kind", "object_namespace", "condition", "status"],
        read: Numbers(objects::conditions),
    },
    Family {
        name: "oldest_check_age_seconds",
        help: "How long ago the comparison with AWS was that is longest ago",
        kind: MetricType::Gauge,
        labels: &["account", "region"],
        read: Numbers(objects::oldest_checks),
    },
    Family {
        name: "identity_breaker_open",
        help: "Whether the credentials of an identity count as broken in any region",
        kind: MetricType::Gauge,
        labels: &["identity"],
        read: Numbers(calls::breakers),
    },
    Family {
        name: "deletions_held",
        help: "Deletions that wait for a person, as many objects of an identity are deleted at once",
        kind: MetricType::Gauge,
        labels: &["identity"],
        read: Numbers(objects::deletions_held),
    },
    Family {
        name: "orphans",
        help: "What AWS has with this cluster's tags and no object stands for",
        kind: MetricType::Gauge,
        labels: &["account", "region", "kind"],
        read: Numbers(objects::orphans),
    },
    Family {
        name: "unmanaged_logins",
        help: "Users and accesses on servers of objects that no object stands for",
        kind: MetricType::Gauge,
        labels: &["account", "region"],
        read: Numbers(objects::unmanaged_logins),
    },
    Family {
        name: "ssh_keys_expiring",
        help: "SSH public keys in AWS that end within the expiry warning, or are there past their end",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| vec![(Vec::new(), number(objects::expiring(sources).count() as u64))]),
    },
    Family {
        name: "ssh_keys_next_expiry_timestamp_seconds",
        help: "When the first of them ends, in Unix time; absent where none does",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| {
            objects::expiring(sources).min().map(|end| (Vec::new(), seconds(end))).into_iter().collect()
        }),
    },
    Family {
        name: "ssh_keys_first_expiry_timestamp_seconds",
        help: "When the first key of a namespace ends, however far off that is, in Unix time",
        kind: MetricType::Gauge,
        labels: &["object_namespace"],
        read: Numbers(objects::first_ends),
    },
    Family {
        name: "host_keys_replaced",
        help: "Host keys that stay in AWS, as clients have pinned them, though their Secrets hold other keys",
        kind: MetricType::Gauge,
        labels: &["object_namespace"],
        read: Numbers(objects::replaced_host_keys),
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
    Family {
        name: "shards",
        help: "Shards that the accounts are divided among, of which each has a leader",
        kind: MetricType::Gauge,
        labels: &[],
        read: Numbers(|sources| vec![(Vec::new(), f64::from(sources.shards))]),
    },
    Family {
        name: "build_info",
        help: "What is running; the number says nothing",
        kind: MetricType::Gauge,
        labels: &["version"],
        read: Numbers(|_| vec![(vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0)]),
    },
];
