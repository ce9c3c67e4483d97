//! Two operators, a real API server and the simulated AWS, all of them killed, stopped, restarted and throttled while
//! people edit objects; at the end what the simulator logged must fit the four oracles of `oracles.rs`.
//!
//! `ROUNDS` says for how long, `SEED` repeats the choices (not the timing of processes); an even seed runs with a lease,
//! an odd one without. See `make chaos`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod fleet;
mod log;
mod oracles;
mod stage;
mod strangers;
mod trouble;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use fleet::Fleet;
use stage::Stage;
use trouble::Deck;

/// Edits of a round.
const EDITS: usize = 12;
/// Troubles of a round.
const TROUBLES: usize = 3;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// Says at a failure how to make the same choices again.
struct Replay {
    seed: u64,
    rounds: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nreplay: SEED={} ROUNDS={} make chaos", self.seed, self.rounds);
        }
    }
}

#[tokio::test]
async fn whatever_fails_there_is_one_of_each_no_leak_no_harm_and_rest() {
    let rounds = number("ROUNDS").unwrap_or(3);
    let seed = number("SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let _replay = Replay { seed, rounds };
    let begin = tokio::time::Instant::now();
    let lease = seed.is_multiple_of(2);
    println!("chaos: SEED={seed} ROUNDS={rounds}, {}", if lease { "with a lease" } else { "without a lease" });
    let mut random = StdRng::seed_from_u64(seed);
    let mut stage = Stage::set(lease).await;
    let mut fleet = Fleet::new();
    let strangers = strangers::put(&stage).await;
    first_creates_go_wrong(&mut stage, &fleet).await;
    let mut deck = Deck::default();
    for round in 1..=rounds {
        let troubles = deck.deal(TROUBLES, &mut StdRng::from_rng(&mut random));
        let mut told: Vec<String> = Vec::new();
        for trouble in troubles {
            // A source of its own for each: how far one gets by chance must not change what the next one chooses.
            told.push(trouble.strike(&mut stage, &mut StdRng::from_rng(&mut random)).await);
            for _ in 0..EDITS / TROUBLES {
                fleet.edit(&stage, &mut StdRng::from_rng(&mut random)).await;
            }
        }
        fleet.retire_or_return(&stage, &mut StdRng::from_rng(&mut random)).await;
        stage.pause(&mut StdRng::from_rng(&mut random)).await;
        // Only now is anybody sure to be up who creates the server that the guest joins.
        if round == 1 {
            strangers.join(&stage).await;
        }
        println!("round {round}/{rounds}: {}; {EDITS} edits", told.join(", "));
    }
    println!("quiet: faults off, both operators up");
    stage.calm().await;
    fleet.settled(&stage).await;
    stage.drain().await;
    oracles::single(&stage).await;
    oracles::want_is_have(&stage, &fleet).await;
    oracles::only_ours_is_written(&stage).await;
    let rest = oracles::rest(&mut stage).await;
    fleet.delete_all(&stage).await;
    strangers.part(&stage).await;
    fleet.gone(&stage).await;
    stage.drain().await;
    oracles::single(&stage).await;
    oracles::no_leak(&stage).await;
    strangers.unharmed(&stage).await;
    println!(
        "chaos: SEED={seed} ROUNDS={rounds} held in {} s: {}; leases lost {}; {}; at rest {rest}",
        begin.elapsed().as_secs(),
        deck.count(),
        stage.lost,
        stage.log.count(),
    );
}

/// However short the run: of the first calls of CreateServer one loses its answer, one is too late, and the others
/// arrive when one operator was killed and the other one already looks for what it left.
async fn first_creates_go_wrong(stage: &mut Stage, fleet: &Fleet) {
    let late = |by: &str| json!({"kind": "delay", "by": by});
    let faults = [json!({"kind": "lose_reply"}), late("6s"), late("2500ms"), late("2500ms"), late("2500ms")];
    for (call, fault) in (1..).zip(&faults) {
        stage.fault(&json!({"operation": "CreateServer", "call": call, "fault": fault})).await;
    }
    fleet.apply_all(stage).await;
    stage.struck(faults.len()).await;
    stage.kill(0);
    stage.start_missing().await;
}
