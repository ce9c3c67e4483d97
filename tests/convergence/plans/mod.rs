//! The families of plans. Each file says what is broken and how often; what must hold is the same for all.

pub mod crashes;
pub mod errors;
pub mod others;
pub mod replicas;
pub mod replies;
pub mod runtime;
pub mod times;
pub mod views;
pub mod walks;

use crate::runs::{Plan, References};

/// How much of each family is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What fits into minutes on two processors.
    Test,
    /// Everything.
    Soak,
}

impl Scale {
    /// `SCALE=soak` asks for everything.
    pub fn asked() -> Self {
        if std::env::var("SCALE").is_ok_and(|scale| scale == "soak") { Self::Soak } else { Self::Test }
    }

    /// Every n-th plan, or all of them.
    pub fn thin(self, plans: Vec<Plan>, every: usize) -> Vec<Plan> {
        plans.into_iter().step_by(self.of(every, 1)).collect()
    }

    /// So many of a large number.
    pub fn of(self, test: usize, soak: usize) -> usize {
        if self == Self::Soak { soak } else { test }
    }
}

/// A family: its name and what makes its plans.
pub struct Family {
    pub name: &'static str,
    pub plans: fn(&References, Scale) -> Vec<Plan>,
}

/// All families, in the order of the test matrix.
pub const FAMILIES: &[Family] = &[
    Family { name: "kill", plans: crashes::single },
    Family { name: "kill-pairs", plans: crashes::pairs },
    Family { name: "crash-loop", plans: crashes::loops },
    Family { name: "reply", plans: replies::answers },
    Family { name: "lag", plans: replies::lags },
    Family { name: "listing", plans: replies::listings },
    Family { name: "api-server", plans: replies::api_server },
    Family { name: "others", plans: others::plans },
    Family { name: "watch", plans: views::watches },
    Family { name: "stale", plans: views::stale_reads },
    Family { name: "former", plans: views::former_lives },
    Family { name: "two", plans: replicas::two },
    Family { name: "frozen", plans: replicas::frozen },
    Family { name: "clocks", plans: replicas::clocks },
    Family { name: "error", plans: errors::plans },
    Family { name: "dying", plans: times::dying },
    Family { name: "old-reads", plans: times::old_reads },
    Family { name: "walks", plans: walks::all },
    Family { name: "kube-runtime", plans: runtime::plans },
];
