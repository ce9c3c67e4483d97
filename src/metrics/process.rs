//! `process_*`: what the kernel counts of this process, under the names that exporters of Prometheus give it. Where there
//! is no /proc there is nothing.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// What a tick of /proc is: Linux tells programs hundredths of a second on every processor that we are built for.
const TICKS: f64 = 100.0;

/// Reads /proc whenever it is asked.
#[derive(Debug)]
pub(super) struct ProcessFacts;

/// One number: name, what it means, its type, the number.
type Fact = (&'static str, &'static str, MetricType, f64);

impl Collector for ProcessFacts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let file = |path| fs::read_to_string(path).unwrap_or_default();
        let (stat, status, limits) = (file("/proc/self/stat"), file("/proc/self/status"), file("/proc/self/limits"));
        let mut all = facts(&stat, &status, &limits, &file("/proc/stat"));
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            all.push((
                "process_open_fds",
                "Open file descriptors",
                MetricType::Gauge,
                super::number(open.count() as u64),
            ));
        }
        for (name, help, kind, number) in all {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            match kind {
                MetricType::Counter => family.encode_counter::<NoLabelSet, _, f64>(&number, None)?,
                _ => family.encode_gauge(&number)?,
            }
        }
        Ok(())
    }
}

/// From the texts of /proc: `self/stat`, `self/status`, `self/limits`, `stat`.
fn facts(stat: &str, status: &str, limits: &str, boot: &str) -> Vec<Fact> {
    // The second field is the name, which may hold anything; the third is counted from behind it.
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied();
    let line = |text: &str, name: &str| -> Option<f64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let cpu = field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS);
    let began = line(boot, "btime").zip(field(22)).map(|(boot, after)| boot + after / TICKS);
    let bytes = |name| line(status, name).map(|kibibytes| kibibytes * 1024.0);
    let (counter, gauge) = (MetricType::Counter, MetricType::Gauge);
    let all = [
        ("process_cpu_seconds", "Time on the processor, of user and system", counter, cpu),
        ("process_start_time_seconds", "When the process began, in Unix time", gauge, began),
        ("process_resident_memory_bytes", "Memory that is held", gauge, bytes("VmRSS:")),
        ("process_virtual_memory_bytes", "Memory that is addressed", gauge, bytes("VmSize:")),
        ("process_max_fds", "File descriptors that may be open", gauge, line(limits, "Max open files")),
    ];
    all.into_iter().filter_map(|(name, help, kind, number)| Some((name, help, kind, number?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_proc_are_read_as_the_kernel_writes_them() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b (c)) S {}", fields.join(" "));
        let status = "Name:\ta\nVmPeak:\t  9 kB\nVmSize:\t  3 kB\nVmRSS:\t    2 kB\n";
        let limits = "Limit    Soft Limit  Hard Limit  Units\nMax open files            1024      4096      files\n";
        let told: Vec<(&str, f64)> = facts(&stat, status, limits, "cpu 1\nbtime 1000\n")
            .into_iter()
            .map(|(name, _, _, number)| (name, number))
            .collect();
        let expected = [
            ("process_cpu_seconds", 0.29),
            ("process_start_time_seconds", 1000.22),
            ("process_resident_memory_bytes", 2048.0),
            ("process_virtual_memory_bytes", 3072.0),
            ("process_max_fds", 1024.0),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_not_told_is_left_out() {
        assert!(facts("", "", "Max open files  unlimited  unlimited\n", "").is_empty());
    }
}
