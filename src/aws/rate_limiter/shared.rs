//! Which classes of an account and region AWS counts together. Pure.
//!
//! Where two classes have limits of their own, AWS throttles one at the same rate whatever goes of the other. Where they
//! share one, it throttles the sooner the more goes of the other: what both sent stays the same. So the rates of both,
//! each time that one is throttled while both send all that they may, lie on a line that falls by one for each one, or
//! on a level one.

use std::collections::{BTreeMap, VecDeque};

use super::class::CallClass;

/// Throttles of each that are looked at. With limits of their own hardly any two classes look like this by chance, and
/// those that are joined wrongly are parted again.
const LOOKED_AT: usize = 8;

/// How far the rate of one falls for each call of the other, where they share a limit: by one, give or take what the
/// size of AWS's bucket hides.
const FALL: std::ops::RangeInclusive<f64> = 0.6..=1.6;

/// How near the points lie to the line, as a square of the correlation.
const NEAR: f64 = 0.81;

/// So many throttles in a row of one class only, though all send: by chance that is one in 30,000.
const ONE_SIDED: u32 = 16;

/// A class that sends less than this part says nothing by not being throttled.
const LEAST_PART: f64 = 0.3;

/// What was seen of the classes of an account and region, and which of them share a line.
#[derive(Debug, Default)]
pub struct Shared {
    /// Of the class that was throttled and another: what both sent a second.
    seen: BTreeMap<(CallClass, CallClass), VecDeque<(f64, f64)>>,
    /// The class whose name their line has.
    lines: BTreeMap<CallClass, CallClass>,
    row: Row,
}

/// Throttles of one class, one after the other.
#[derive(Debug, Default)]
struct Row {
    class: Option<CallClass>,
    length: u32,
    sent: BTreeMap<CallClass, u32>,
}

impl Shared {
    /// Under whose name the class shares a line.
    #[must_use]
    pub fn line(&self, class: CallClass) -> Option<CallClass> {
        self.lines.get(&class).copied()
    }

    /// A class with a line of its own was throttled at this rate, while the others sent so much. Answers with whom it
    /// shares a line from now on.
    pub fn throttled(&mut self, class: CallClass, own: f64, others: &[(CallClass, f64)]) -> Option<CallClass> {
        let beside = others.iter().filter(|(other, _)| class.beside(*other) && !self.lines.contains_key(other));
        for (other, rate) in beside {
            let seen = self.seen.entry((class, *other)).or_default();
            seen.push_back((own, *rate));
            if seen.len() > LOOKED_AT {
                seen.pop_front();
            }
            // Of a class ten times as fast the small change of the other looks like anything, but not the other way round.
            if [(class, *other), (*other, class)].iter().all(|pair| self.seen.get(pair).is_some_and(falls)) {
                let name = class.min(*other);
                self.lines.extend([(class, name), (*other, name)]);
                self.seen.clear();
                self.row = Row::default();
                return Some(*other);
            }
        }
        None
    }

    /// A call of a class with a shared line went.
    pub fn sent(&mut self, class: CallClass) {
        let sent = self.row.sent.entry(class).or_default();
        *sent = sent.saturating_add(1);
    }

    /// A class with a shared line was throttled. Whether it shares it no longer: of all that went only its own was too
    /// much, time and again.
    pub fn throttled_together(&mut self, class: CallClass) -> bool {
        if self.row.class != Some(class) {
            self.row = Row { class: Some(class), ..Row::default() };
        }
        self.row.length += 1;
        let (all, own) = (self.row.sent.values().sum::<u32>(), self.row.sent.get(&class).copied().unwrap_or_default());
        let parts = f64::from(all.saturating_sub(own)) >= f64::from(all) * LEAST_PART;
        if self.row.length < ONE_SIDED || !parts || all == 0 {
            return false;
        }
        let name = self.line(class);
        self.lines.retain(|_, other| Some(*other) != name);
        true
    }
}

/// Whether the first of each pair falls by one where the second rises by one.
fn falls(points: &VecDeque<(f64, f64)>) -> bool {
    if points.len() < LOOKED_AT {
        return false;
    }
    let count: f64 = points.iter().map(|_| 1.0).sum();
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
    let (own, other) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |part: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| part(x - own, y - other)).sum::<f64>();
    let (both, of_own, of_other) = (sum(&|x, y| x * y), sum(&|x, _| x * x), sum(&|_, y| y * y));
    of_own > 0.0 && of_other > 0.0 && FALL.contains(&(-both / of_other)) && both * both / (of_own * of_other) >= NEAR
}
