//! What goes wrong. Each kind is dealt from a deck, so that a short run meets all of them.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

use crate::stage::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReconcileError {
    /// SIGKILL.
    Kill,
    /// SIGSTOP, for longer than tolerance and lag.
    Freeze,
    /// The API server dies and comes back.
    ApiServer,
    /// The simulated AWS dies and comes back with its state.
    Simulator,
    /// AWS asks for fewer calls.
    Throttle,
    /// AWS does what it is asked for and the answer is lost.
    LostReplies,
    /// Calls arrive late, whether their caller is still there or not.
    LateCalls,
    /// Both operators at once.
    KillBoth,
}

const ALL: [ReconcileError; 8] = [
    ReconcileError::Kill,
    ReconcileError::Freeze,
    ReconcileError::ApiServer,
    ReconcileError::Simulator,
    ReconcileError::Throttle,
    ReconcileError::LostReplies,
    ReconcileError::LateCalls,
    ReconcileError::KillBoth,
];

/// Calls that a fault strikes, one of them each time, and CreateServer with it.
const STRUCK: [&str; 5] = ["CreateUser", "CreateAccess", "UpdateUser", "DeleteUser", "ImportSshPublicKey"];

/// Troubles in a random order, each as often as the others.
#[derive(Default)]
pub struct Deck {
    left: Vec<ReconcileError>,
    dealt: BTreeMap<ReconcileError, usize>,
}

impl Deck {
    pub fn deal(&mut self, count: usize, random: &mut StdRng) -> Vec<ReconcileError> {
        let mut hand = Vec::new();
        while hand.len() < count {
            if self.left.is_empty() {
                self.left = ALL.to_vec();
                self.left.shuffle(random);
            }
            let trouble = self.left.pop().unwrap();
            *self.dealt.entry(trouble).or_default() += 1;
            hand.push(trouble);
        }
        hand
    }

    /// In one line.
    pub fn count(&self) -> String {
        let each: Vec<String> = self.dealt.iter().map(|(trouble, count)| format!("{trouble:?} {count}")).collect();
        each.join(", ")
    }
}

impl ReconcileError {
    /// Begins the trouble; answers with what it is.
    pub async fn strike(self, stage: &mut Stage, random: &mut StdRng) -> String {
        let which = stage.running(random.random_range(0..2_usize));
        let operation = STRUCK[random.random_range(0..STRUCK.len())];
        let calls = random.random_range(1..6_u32);
        let seconds = random.random_range(1..7_u32);
        match self {
            Self::Kill => {
                stage.kill(which);
                format!("operator {which} killed")
            }
            Self::KillBoth => {
                stage.kill(0);
                stage.kill(1);
                "both operators killed".to_owned()
            }
            Self::Freeze => {
                stage.freeze(which);
                format!("operator {which} stopped")
            }
            Self::ApiServer => {
                stage.plane.restart_api_server().await;
                "API server restarted".to_owned()
            }
            Self::Simulator => {
                stage.restart_sim().await;
                "simulator restarted".to_owned()
            }
            Self::Throttle => {
                stage.fault(&json!({"for": format!("{seconds}s"), "fault": {"kind": "throttle"}})).await;
                format!("throttled for {seconds} s")
            }
            Self::LostReplies => {
                strike_calls(stage, operation, calls, &json!({"kind": "lose_reply"})).await;
                format!("answers to {calls} {operation} and a CreateServer lost")
            }
            Self::LateCalls => {
                strike_calls(stage, operation, calls, &json!({"kind": "delay", "by": format!("{seconds}s")})).await;
                format!("{calls} {operation} and a CreateServer {seconds} s late")
            }
        }
    }
}

/// The fault for so many calls of the operation, and for the next CreateServer: what is lost there is hardest to find.
async fn strike_calls(stage: &Stage, operation: &str, calls: u32, fault: &Value) {
    for (operation, calls) in [(operation, calls), ("CreateServer", 1)] {
        stage.fault(&json!({"operation": operation, "next": calls, "fault": fault})).await;
    }
}
