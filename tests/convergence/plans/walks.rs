//! Family 8: walks of the desired state, made from the schemas of the CRDs. Every field takes every value and goes back;
//! pairs of fields change at once; long walks end where a fresh apply of their last spec ends.

mod arena;
mod keys;
mod schema;
mod state;
mod storms;
mod values;

use std::time::Duration;

use futures::FutureExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::Scale;
use crate::agreements;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup};
use crate::stage::Stage;
use crate::workflows::Workflow;
use arena::{Arena, End, KINDS, base, tree};
use schema::Node;

const FIELD: Workflow = Workflow { name: "field", run: |stage| field(stage).boxed() };
const PAIRS: Workflow = Workflow { name: "pairs", run: |stage| pairs(stage).boxed() };
const WALK: Workflow = Workflow { name: "walk", run: |stage| walk(stage).boxed() };
const KEYS: Workflow = Workflow { name: "keys", run: |stage| keys::run(stage).boxed() };
const STORM: Workflow = Workflow { name: "storm", run: |stage| storms::storm(stage).boxed() };
const IN_FLIGHT: Workflow = Workflow { name: "in-flight", run: |stage| storms::in_flight(stage).boxed() };

/// Edits of one walk.
const STEPS: usize = 50;

/// The family.
pub fn all(_: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (kind, bases) in KINDS {
        let mut fields = fields(kind, bases);
        if scale == Scale::Test {
            fields.retain(|(_, _, first)| *first);
        }
        plans.extend(fields.into_iter().map(|(base, path, _)| {
            plan(FIELD, &format!("{kind}-{base}/{path}"), json!({"kind": kind, "base": base, "path": path}))
        }));
        for seed in 0..scale.of(2, 60) {
            let base = bases[seed % bases.len()];
            plans.push(plan(
                PAIRS,
                &format!("{kind}-{base}-{seed}"),
                json!({"kind": kind, "base": base, "seed": seed}),
            ));
        }
        for seed in 0..scale.of(2, 67) {
            let base = bases[seed % bases.len()];
            plans.push(plan(WALK, &format!("{kind}-{base}-{seed}"), json!({"kind": kind, "base": base, "seed": seed})));
        }
        plans.push(plan(STORM, kind, json!({"kind": kind})));
        plans.extend(held_up(kind, bases, scale));
    }
    for quota in [2, 5, 50] {
        let plan = plan(KEYS, &format!("quota-{quota}"), json!({"quota": quota}));
        let switches = json!({"quotas": {"ssh_keys": quota}});
        plans.push(Plan { setup: Setup { switches, ..plan.setup }, ..plan });
    }
    plans
}

/// 40: plans that hold up one call each, before it takes effect or after.
fn held_up(kind: &str, bases: &[&str], scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for base in &bases[..scale.of(1, bases.len())] {
        for call in 1..=scale.of(18, 40) {
            let moments = [Moment::Before, Moment::Sent];
            for moment in if scale == Scale::Soak { &moments[..] } else { &moments[call % 2..=call % 2] } {
                let id = format!("{kind}-{base}/{call}-{moment:?}");
                let plan = plan(IN_FLIGHT, &id, json!({"kind": kind, "base": base}));
                let rule = Rule::at(u64::try_from(call).unwrap(), *moment, Blow::Delay(Duration::from_secs(40)));
                plans.push(Plan { setup: plan.setup.with(vec![rule]), ..plan });
            }
        }
    }
    plans
}

fn plan(workflow: Workflow, id: &str, script: Value) -> Plan {
    // Where AWS does not clear the certificates of a profile there is no way back from any; the other two ways of AWS's are
    // beside the code (src/kinds/reconcile_tests/profiles.rs).
    let switches = match script["kind"].as_str() {
        Some("TransferProfile") => json!({"empty_certificate_ids": "clear"}),
        Some("TransferAgreement") => agreements::anywhere(),
        _ => json!({}),
    };
    let setup = Setup { script, rest: 1, switches, ..Setup::new(SEED) };
    Plan { id: format!("walks/{}/{id}", workflow.name), workflow, setup }
}

/// Every place of a spec with each base that it is walked from; the first is where it is set already, if anywhere.
fn fields(kind: &'static str, bases: &[&'static str]) -> Vec<(&'static str, String, bool)> {
    let specs: Vec<(&str, Value)> = bases.iter().map(|name| (*name, base(kind, name))).collect();
    let of = |node: Node| {
        let (set, unset): (Vec<_>, Vec<_>) = specs.iter().partition(|(_, spec)| node.get(spec).is_some());
        let order = set.into_iter().chain(unset).enumerate();
        order.map(|(at, (base, _))| (*base, node.path.clone(), at == 0)).collect::<Vec<_>>()
    };
    tree(kind).below().into_iter().flat_map(of).collect()
}

struct Script {
    kind: String,
    base: Value,
    rng: StdRng,
}

fn script(stage: &Stage) -> Script {
    let script = &stage.world.setup.script;
    let text = |name: &str| script[name].as_str().unwrap().to_owned();
    let kind = text("kind");
    let base = base(&kind, &text("base"));
    Script { kind, base, rng: StdRng::seed_from_u64(script["seed"].as_u64().unwrap_or(SEED)) }
}

/// 34 and 35: one place takes every value, and goes back each time.
async fn field(stage: &Stage) {
    let Script { kind, base, .. } = script(stage);
    let path = stage.world.setup.script["path"].as_str().unwrap();
    let mut arena = Arena::open(stage, &kind, base).await;
    let node = arena.tree.below().into_iter().find(|node| node.path == path).unwrap();
    let (home, before) = (arena.spec(), arena.state());
    for case in values::cases(&node) {
        let spec = arena.with(home.clone(), &node, case.value.clone());
        let end = arena.settle(spec).await;
        judge(&mut arena, &end, &[path], &case.label);
        // What left the spec must leave AWS, as far as AWS lets it: nothing else shows that.
        if end == End::Ready && (case.value.is_none() || case.label == "empty") {
            as_fresh(&mut arena, "35", &case.label).await;
        }
        if !back(&mut arena, &home, &before, &format!("{path} {}", case.label)).await {
            break;
        }
    }
    arena.close().await;
}

fn judge(arena: &mut Arena<'_>, end: &End, places: &[&str], what: &str) {
    stage_note(arena, &format!("{places:?} {what}: {end:?}"));
    if let Some(wrong) = arena.fourth_outcome(end, places) {
        arena.complain(&format!("34: {} {what}: {wrong}", places.join(" and ")));
    }
}

fn stage_note(arena: &Arena<'_>, text: &str) {
    arena.stage.world.note(&text.chars().take(300).collect::<String>());
}

/// Takes an edit back; everything must be as before. `false` where there is no way back.
async fn back(arena: &mut Arena<'_>, home: &Value, before: &Value, what: &str) -> bool {
    if arena.spec() == *home {
        return true;
    }
    let mut end = arena.settle(home.clone()).await;
    if let End::Told { reason, message } = &end
        && reason == "CannotClear"
        && message.contains("`hostKeys: []`")
    {
        // No list at all removes no host key, so that is said first.
        let mut empty = home.clone();
        empty["hostKeys"] = json!([]);
        arena.settle(empty).await;
        end = arena.settle(home.clone()).await;
    }
    match end {
        End::Ready => {
            let differs = state::difference(before, &arena.state());
            if let Some(difference) = &differs {
                arena.complain(&format!("35: {what}: not as before: {difference}"));
            }
            differs.is_none()
        }
        end => {
            arena.complain(&format!("35: {what}: no way back: {end:?}"));
            false
        }
    }
}

/// 36: two places change in one edit.
async fn pairs(stage: &Stage) {
    let Script { kind, base, mut rng } = script(stage);
    let mut arena = Arena::open(stage, &kind, base).await;
    let nodes = arena.tree.below();
    let (home, before) = (arena.spec(), arena.state());
    for _ in 0..20 {
        let (first, second) = (nodes.choose(&mut rng).unwrap(), nodes.choose(&mut rng).unwrap());
        let mut spec = home.clone();
        let mut labels = Vec::new();
        for node in [first, second] {
            let case = values::meant(node).choose(&mut rng).unwrap().clone();
            labels.push(case.label);
            spec = arena.with(spec, node, case.value);
        }
        let end = arena.settle(spec).await;
        judge(&mut arena, &end, &[&first.path, &second.path], &labels.join(" and "));
        let what = format!("{} {} and {} {}", first.path, labels[0], second.path, labels[1]);
        if !back(&mut arena, &home, &before, &what).await {
            break;
        }
    }
    arena.close().await;
}

/// 37: a long walk.
async fn walk(stage: &Stage) {
    let Script { kind, base, mut rng } = script(stage);
    let mut arena = Arena::open(stage, &kind, base).await;
    let nodes = arena.tree.below();
    let mut good = arena.spec();
    let mut touched: Vec<String> = Vec::new();
    for _ in 0..STEPS {
        let node = nodes.choose(&mut rng).unwrap();
        let mut cases = if rng.random_bool(0.8) { values::meant(node) } else { values::cases(node) };
        cases.shuffle(&mut rng);
        let case = cases.remove(0);
        let spec = arena.with(arena.spec(), node, case.value);
        if arena.offer(spec).is_err() {
            continue;
        }
        touched.push(node.path.clone());
        if rng.random_bool(0.3) {
            // The next edit comes while this one is under way.
            stage.pause(Duration::from_millis(rng.random_range(0..400))).await;
            continue;
        }
        let end = arena.end().await;
        let places: Vec<&str> = touched.iter().map(String::as_str).collect();
        judge(&mut arena, &end, &places, &case.label);
        match end {
            End::Ready => good = arena.spec(),
            // What holds everything up is mostly taken back, or most walks would stand still.
            End::Told { .. } | End::Still if rng.random_bool(0.8) => good = land(&mut arena, &good).await,
            _ => {}
        }
    }
    land(&mut arena, &good).await;
    as_fresh(&mut arena, "37", "the end").await;
    arena.close().await;
}

/// The differential oracle: everything is as if this spec had been the first.
async fn as_fresh(arena: &mut Arena<'_>, rule: &str, what: &str) {
    let (fresh, wrong) = fresh(arena).await;
    for wrong in wrong {
        arena.complain(&format!("{rule}: {what}: in the fresh world: {wrong}"));
    }
    if let Some(difference) = state::difference(&fresh, &arena.state()) {
        arena.complain(&format!("{rule}: {what}: not as a fresh apply: {difference}; spec {}", arena.spec()));
    }
}

/// Back to a spec that was in force, with what cannot be taken back any more. Says which spec is in force now.
async fn land(arena: &mut Arena<'_>, good: &Value) -> Value {
    let mut spec = arena.spec();
    if arena.end().await == End::Ready {
        return spec;
    }
    spec = good.clone();
    for _ in 0..3 {
        match arena.settle(spec.clone()).await {
            End::Ready => return arena.spec(),
            // AWS has no way to clear it, so the spec must go on naming a value.
            End::Told { reason, message } if reason == "CannotClear" => {
                let stuck = arena.tree.children().into_iter().find(|node| message.contains(&format!("{} ", node.path)));
                let Some(stuck) = stuck else { break };
                let value = values::sample(&stuck);
                spec = arena.with(spec, &stuck, Some(value));
            }
            end => {
                arena.complain(&format!("37: no way back to {spec}: {end:?}"));
                break;
            }
        }
    }
    arena.spec()
}

/// The state of a world in which nothing else was ever wanted, and what the oracles saw there.
async fn fresh(walked: &Arena<'_>) -> (Value, Vec<String>) {
    // Where AWS does what it does in the other one.
    let switches = walked.stage.world.setup.switches.clone();
    let stage = Stage::open(Setup { rest: 1, switches, ..Setup::new(SEED) });
    let arena = walked.again(&stage).await;
    let reached = arena.state();
    // It stands still from here on, and takes no time from the world that is at work.
    stage.alive().iter().for_each(|life| life.freeze(Duration::from_hours(10_000)));
    let wrong = stage.world.oracle.lock().unwrap().violations.clone();
    (reached, wrong)
}
