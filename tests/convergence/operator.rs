//! The operator as it is delivered, below its flags and above the SDK: kube's client, its watches, the
//! queues and the real door to Kubernetes, over the API server's own protocol.

use std::cell::Cell;
use std::sync::{Arc, Once};

use futures::FutureExt;
use transfer_operator::cluster::store::Stores;
use transfer_operator::engine::controller::Signal;
use transfer_operator::engine::settings::Settings;
use transfer_operator::kinds::installations::Installation;
use transfer_operator::run::{self, Outside, RunError};
use transfer_operator::shard::Shard;
use transfer_operator::watch::Scope;

use crate::doors::SimAws;
use crate::kube_api;
use crate::process::{self, Process};
use crate::secrecy;
use crate::way::Troubled;
use crate::world::{Life, World};

/// Starts a process; it runs until it dies.
pub fn start(world: &Arc<World>, life: Arc<Life>) -> Process {
    let (world, of) = (Arc::clone(world), Arc::clone(&life));
    let work = tokio::spawn(async move {
        let outcome = operate(&world, &of, futures::future::pending().boxed().shared()).await;
        world.violation(format!("O10: the operator ended: {outcome:?}"));
    });
    Process::new(life, || 0, move || work.abort())
}

/// What `main` does after its flags, until it is told to stop.
pub async fn operate(world: &Arc<World>, life: &Arc<Life>, stop: Signal) -> Result<(), RunError> {
    let client = kube_api::client(world, life);
    let cluster_id = run::prepare(None, &client, stop.clone()).await.unwrap();
    let settings = Settings { cluster_id, ..process::settings(world, life) };
    let aws = Arc::new(SimAws::new(&Troubled::new(world, life), Box::new(|real| real)));
    let (scope, installation) = (Scope::default(), Installation::new("", &[]));
    let (shard, stores) = (Shard::WHOLE, Arc::new(Stores::new(0)));
    let outside = Outside::of_cluster(client, aws, scope, installation, shard, stores, process::EXPIRY_WARNING);
    run::work(outside, settings, stop).await
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// The controller catches a reconcile that panics, so they are counted where they begin. A run has its thread for
/// itself.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            secrecy::tell(&info.to_string());
            told(info);
        }));
    });
}

/// Panics on this thread since this was asked last; who asks before a run has them counted from there on.
pub fn panics() -> usize {
    watch_for_panics();
    PANICS.take()
}
