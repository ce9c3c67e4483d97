//! What one reconcile looks at does not grow with what else there is, nor what all of creation and rest look at, by object.
//! Counted, not timed; `benches/reconciles.rs` has the processor's time.

#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use transfer_operator::api::{AwsIdentity, ManagedKind};
use transfer_operator::cluster::references::Reference;
use transfer_operator::cluster::store::Stores;
use transfer_operator::cluster::{Lister, Name, Object, Objects};

use crate::crowd::{Crowd, Operator, RESYNC, SOON};

const FEW: usize = 25;
const MANY: usize = 250;
/// As many come at once as fill a team: what their coming costs others once is shared by all of them.
const MORE: usize = 20;
/// The phase in which they come.
const A_FEW_MORE: &str = "a few users more";
/// So many that what comes once in a while is seen.
const PRICED: usize = 1000;
/// A few reconciles that come once in a while look at everything, shared by all.
const GROWTH: f64 = 1.3;

/// Phases of which each object has its share, whatever the number of reconciles.
const OF_ALL: [&str; 2] = ["creation", "rest"];

/// Long enough for what is polled every few seconds.
const POLL: Duration = Duration::from_secs(30);

/// The caches, and how many objects were looked at in them.
struct Counted {
    stores: Arc<Stores>,
    looked_at: Arc<AtomicU64>,
}

impl Counted {
    fn each(&self, found: Objects) -> Objects {
        let looked_at = Arc::clone(&self.looked_at);
        Box::new(found.inspect(move |_| {
            looked_at.fetch_add(1, Ordering::Relaxed);
        }))
    }

    fn count<T: IntoIterator>(&self, found: T) -> T
    where
        for<'a> &'a T: IntoIterator,
    {
        let count = (&found).into_iter().count() as u64;
        self.looked_at.fetch_add(count, Ordering::Relaxed);
        found
    }
}

impl Lister for Counted {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        self.count(self.stores.identity(name))
    }
    fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.stores.namespace_labels(name)
    }
    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        self.count(self.stores.object(kind, name))
    }
    fn objects(&self, kind: ManagedKind) -> Objects {
        self.each(self.stores.objects(kind))
    }
    fn referring(&self, kind: ManagedKind, reference: &Reference) -> Objects {
        self.each(self.stores.referring(kind, reference))
    }
    fn how_many(&self, kind: ManagedKind, reference: &Reference) -> usize {
        self.stores.how_many(kind, reference)
    }
    fn leaving(&self, kind: ManagedKind, identity: &str) -> BTreeMap<Timestamp, usize> {
        self.stores.leaving(kind, identity)
    }
}

/// Objects looked at in each phase, and among how many that is shared: all objects where a phase is about all of them, for
/// these take fewer reconciles each where they are many; else the reconciles.
async fn phases(users: usize) -> Vec<(&'static str, u64, u64)> {
    let crowd = Crowd::of(users);
    let looked_at = Arc::new(AtomicU64::new(0));
    let look = |stores| Arc::new(Counted { stores, looked_at: Arc::clone(&looked_at) }) as Arc<dyn Lister>;
    let mut phases = Vec::new();
    let mut operator = Operator::start(&crowd, look);
    let mut end = |name, operator: &mut Operator, ready: usize| {
        let reconciles = std::mem::take(&mut operator.reconciles).values().sum();
        assert_eq!(crowd.ready(), ready, "{name}");
        let shared_by = if OF_ALL.contains(&name) { ready as u64 } else { reconciles };
        phases.push((name, looked_at.swap(0, Ordering::Relaxed), shared_by));
    };
    operator.run_for(SOON).await;
    end("creation", &mut operator, users);
    operator.run_for(RESYNC * 3).await;
    end("rest", &mut operator, users);
    crowd.edit_keys(1);
    operator.run_for(SOON).await;
    end("an edit of each", &mut operator, users);
    let users = users + MORE;
    (users - MORE..users).for_each(|number| crowd.apply_user(number));
    operator.run_for(POLL).await;
    end(A_FEW_MORE, &mut operator, users);
    crowd.relabel_team(0);
    operator.run_for(POLL).await;
    end("another label on a namespace", &mut operator, users);
    let mut operator = Operator::start(&crowd, look);
    operator.run_for(SOON).await;
    end("start", &mut operator, users);
    phases
}

/// What was asked for of AWS's users, and of the API server about theirs.
struct Spent(BTreeMap<String, u64>);

impl Spent {
    fn of(crowd: &Crowd) -> Self {
        Self(crowd.spent())
    }

    fn on(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    /// Calls of AWS about users, one by one.
    fn calls(&self) -> u64 {
        ["CreateUser", "DescribeUser", "UpdateUser", "ImportSshPublicKey", "DeleteSshPublicKey", "TagResource"]
            .map(|operation| self.on(operation))
            .iter()
            .sum()
    }

    fn writes(&self) -> u64 {
        self.on("status TransferUser") + self.on("finalizer TransferUser")
    }
}

/// That many for each of so many, and one in twenty more.
fn about(each: u64, many: u64) -> u64 {
    (each * 100 + 5) * many / 100
}

#[tokio::test(start_paused = true)]
async fn what_a_user_costs_is_a_call_for_each_key_two_writes_and_one_event() {
    let crowd = Crowd::of(0);
    let mut operator = Operator::start(&crowd, |stores| stores);
    operator.run_for(SOON).await;
    crowd.spent();
    (0..PRICED).for_each(|number| crowd.apply_user(number));
    let users = PRICED as u64;
    operator.run_for(SOON).await;
    assert_eq!(crowd.ready(), PRICED);
    let made = Spent::of(&crowd);
    println!("made: {:?}", made.0);
    // Every other one has a second key.
    let keys = users + users / 2;
    assert_eq!((made.on("CreateUser"), made.on("ImportSshPublicKey")), (users, users / 2));
    assert!(made.calls() <= keys + users / 20, "{} calls for {keys} keys", made.calls());
    assert!(made.writes() <= about(2, users), "{} writes", made.writes());
    assert!(made.on("event TransferUser") <= users, "{} Events", made.on("event TransferUser"));
    assert!(made.on("get TransferUser") <= about(1, keys), "{} live reads", made.on("get TransferUser"));
    // The first look tells the ids of keys.
    operator.run_for(RESYNC * 2).await;
    crowd.spent();
    crowd.edit_roles();
    operator.run_for(SOON / 5).await;
    assert_eq!(crowd.ready(), PRICED);
    let edited = Spent::of(&crowd);
    println!("edited: {:?}", edited.0);
    assert_eq!(edited.on("UpdateUser"), users);
    assert!(edited.writes() <= 2 * users, "{} writes", edited.writes());
    assert!(edited.on("event TransferUser") <= users, "{} Events", edited.on("event TransferUser"));
    assert!(edited.on("get TransferUser") <= about(1, users), "{} live reads", edited.on("get TransferUser"));
    // Some of them rest no longer than until then, and are looked at for that.
    assert!(edited.calls() <= about(2, users) + users / 5, "{} calls", edited.calls());
    operator.run_for(RESYNC * 2).await;
    let after = Spent::of(&crowd);
    println!("at rest: {:?}", after.0);
    assert_eq!((after.on("UpdateUser"), after.writes(), after.on("event TransferUser")), (0, 0, 0));
    assert_eq!(after.on("get TransferUser"), 0, "a look reads what the watch has");
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_looks_at_as_many_objects_however_many_there_are() {
    let (few, many) = (phases(FEW).await, phases(MANY).await);
    let mut grown = Vec::new();
    for ((phase, few, of_few), (_, many, of_many)) in few.into_iter().zip(many) {
        // So few reconciles that a share of each would hide one that looks at every user once.
        let more = many.saturating_sub(few);
        assert!(phase != A_FEW_MORE || more < (MANY - FEW) as u64, "{phase}: {few} and {many} objects in all");
        let (few, many) = (few as f64 / of_few as f64, many as f64 / of_many as f64);
        println!("{phase}: {few:.2} objects each among {FEW} users, {many:.2} among {MANY}");
        if many > few * GROWTH {
            grown.push(phase);
        }
    }
    assert!(grown.is_empty(), "more than {GROWTH} times as many objects each: {}", grown.join(", "));
}
