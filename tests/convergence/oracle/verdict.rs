//! What must hold of a whole run, held against the run of its workflow without faults: O4 (when it ends), O8, O9
//! and O13 (how often a server is stopped).

use super::CreateOutput;
use super::unchecked::{self, Check};
use crate::runs::Plan;
use crate::setup::{Blow, Setup, When};
use crate::stage::Outcome;

/// What is wrong with a run beside what the oracles saw in it. A workflow that is made up anew for each plan has no run
/// without faults: it is held against another run by itself.
pub fn of(plan: &Plan, outcome: &Outcome, reference: &Outcome) -> Vec<String> {
    let setup = &plan.setup;
    let mut wrong = Vec::new();
    if !setup.skips(Check::End) && outcome.end != reference.end {
        let difference = first_difference(&reference.end, &outcome.end);
        wrong.push(format!("O9: another end than without faults: {difference}"));
    }
    // What may be deleted and made again in between is another end too.
    if !setup.skips(Check::Counts)
        && !unchecked::imports_vary(plan)
        && counts(setup, outcome) != counts(setup, reference)
    {
        wrong.push(format!("O9: made and deleted {:?} instead of {:?}", outcome.made, reference.made));
    }
    if !setup.skips(Check::Stops) && outcome.stops > reference.stops + outcome.excused_stops {
        let (stops, excused) = (outcome.stops, outcome.excused_stops);
        wrong.push(format!("O13: {stops} stops, {excused} of them excused, instead of {}", reference.stops));
    }
    let late = outcome.took.saturating_sub(reference.took);
    if let Some(latest) = unchecked::latest(&plan.id).filter(|latest| late > *latest) {
        let (late, latest) = (late.as_secs() / 60, latest.as_secs() / 60);
        wrong.push(format!("O4: {late} min later than without faults, {latest} at most"));
    }
    let aims = !setup.rules.is_empty() && !setup.rules.iter().any(|rule| matches!(rule.when, When::Chance(_)));
    if aims && outcome.struck == 0 {
        wrong.push("no fault of this plan struck".to_owned());
    }
    let budget = budget(setup, reference);
    if outcome.points.len() > budget {
        wrong.push(format!("O8: {} calls and writes, {budget} at most", outcome.points.len()));
    }
    wrong
}

/// How often each thing was made and deleted.
fn counts(setup: &Setup, outcome: &Outcome) -> Vec<(String, u64, u64)> {
    let once = |(what, made): (&String, &CreateOutput)| {
        let login = !["server", "workflow", "profile", "connector", "agreement", "certificate", "web app"]
            .iter()
            .any(|noun| what.starts_with(noun));
        let undone = if login && setup.skips(Check::LoginCounts) { made.deletes.saturating_sub(1) } else { 0 };
        (what.clone(), made.creates - undone, made.deletes - undone)
    };
    outcome.made.iter().map(once).collect()
}

/// O8: a look-up every 40 seconds over a window of 17 minutes, a few times, and every call once more. While something
/// is away for an hour, each object tries every 5 minutes at most. While what was replaced waits to be deleted, some
/// five calls are made in each of ten minutes, and once more by whoever died in between, who counts them anew. Whoever
/// starts after a death asks some eight things that the dead one knew: who each identity is, what policies AWS has.
fn budget(setup: &Setup, reference: &Outcome) -> usize {
    let lasting = setup.rules.iter().filter(|rule| matches!(rule.when, When::Until(_))).count();
    let deaths = setup.rules.iter().filter(|rule| matches!(rule.blow, Blow::Kill)).count();
    let replaced: u64 = reference.made.values().map(|made| made.beside).sum();
    reference.points.len() * 3
        + 600 * setup.replicas as usize
        + 600 * lasting
        + 8 * deaths
        + 100 * usize::try_from(replaced).unwrap()
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    let around = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars[at.saturating_sub(80).min(chars.len())..(at + 120).min(chars.len())].iter().collect::<String>()
    };
    format!("«{}» became «{}»", around(a), around(b))
}
