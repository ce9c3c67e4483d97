//! Read from the counters: reconciles, calls to AWS, and what waits for them.

use super::{Sample, Sources, number};
use crate::aws::circuit::State;
use crate::aws::counters::{Latency, Line};
use crate::aws::rate_limiter::LineState;
use crate::engine::counters::{Counts, ReconcileCounters};

pub(super) fn passes(sources: &Sources) -> Vec<Sample> {
    reconciles(sources).into_iter().map(|(labels, latency)| (labels, number(latency.calls()))).collect()
}

pub(super) fn reconciles(sources: &Sources) -> Vec<(Vec<String>, Latency)> {
    let of = |(kind, counters): &(&str, ReconcileCounters)| {
        let kind = (*kind).to_owned();
        let durations = counters.read().durations.into_iter();
        durations.map(move |(outcome, latency)| (vec![kind.clone(), outcome.to_owned()], latency))
    };
    sources.reconciles.iter().flat_map(of).collect()
}

/// A number of each kind.
pub(super) fn of_kinds(sources: &Sources, count: fn(&Counts) -> u64) -> Vec<Sample> {
    let of = |(kind, counters): &(&str, ReconcileCounters)| (vec![(*kind).to_owned()], number(count(&counters.read())));
    sources.reconciles.iter().map(of).collect()
}

pub(super) fn aws_calls(sources: &Sources) -> Vec<Sample> {
    aws_call_durations(sources).into_iter().map(|(labels, latency)| (labels, number(latency.calls()))).collect()
}

pub(super) fn aws_call_durations(sources: &Sources) -> Vec<(Vec<String>, Latency)> {
    let latencies = sources.limiter.counters.read().latencies;
    latencies
        .into_iter()
        .map(|((operation, result), latency)| (vec![operation.into(), result.into()], latency))
        .collect()
}

pub(super) fn gate_throttled(sources: &Sources) -> Vec<Sample> {
    let throttled = sources.limiter.counters.read().throttled;
    throttled.into_iter().map(|(line, count)| (labels(line), number(count))).collect()
}

pub(super) fn gate_permits(sources: &Sources) -> Vec<Sample> {
    let waits = sources.limiter.counters.read().waits;
    waits.into_iter().map(|(line, (permits, _))| (labels(line), number(permits))).collect()
}

pub(super) fn gate_waits(sources: &Sources) -> Vec<Sample> {
    let waits = sources.limiter.counters.read().waits;
    waits.into_iter().map(|(line, (_, waited))| (labels(line), waited.as_secs_f64())).collect()
}

fn labels((account, region, class): Line) -> Vec<String> {
    vec![account, region, class.name().to_owned()]
}

pub(super) fn lines(sources: &Sources, value: fn(&LineState) -> f64) -> Vec<Sample> {
    let sample = |line: LineState| {
        let value = value(&line);
        (labels((line.account, line.region, line.class)), value)
    };
    sources.limiter.lines().into_iter().map(sample).collect()
}

pub(super) fn breakers(sources: &Sources) -> Vec<Sample> {
    let open = |state| f64::from(u8::from(!matches!(state, State::Closed { .. })));
    sources.clients.breakers().into_iter().map(|(identity, state)| (vec![identity], open(state))).collect()
}
