//! What others do at the worst moment: a person, a restore, a forger, a stale API server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use transfer_operator::sim::operation::Operation;

use crate::oracle::in_force;
use crate::past;
use crate::stage::key;
use crate::world::{ACCOUNT, Life, REGION, World};
use transfer_operator::fakes::api_server::Key;

/// A deed.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// `kubectl delete`, with protection taken off first.
    Delete(&'static str, &'static str),
    /// The same, and the object is applied again as soon as it is gone.
    Recreate(&'static str, &'static str),
    /// A restore without status.
    WipeStatus(&'static str, &'static str),
    /// An older CRD dropped these members.
    Prune(&'static str, &'static str, &'static [&'static str]),
    /// Somebody writes an id of somebody else's server into status.
    ForgeId(&'static str),
    /// `kubectl replace` without finalizers.
    StripFinalizer(&'static str, &'static str),
    /// The annotation that asks for a reconcile.
    Poke(&'static str, &'static str),
    /// The process reads from an API server that stands still for so long.
    StaleReads(Duration),
}

impl Act {
    pub fn done(&self, world: &Arc<World>, life: &Arc<Life>) {
        world.note(&format!("act {self:?}"));
        in_force::look(world);
        match self {
            Self::Delete(kind, name) => delete(world, &key(kind, name)),
            Self::Recreate(kind, name) => {
                let at = key(kind, name);
                if let Some(object) = world.api().get(&at) {
                    world.coming.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(again(Arc::clone(world), at.clone(), object));
                }
                delete(world, &at);
            }
            Self::WipeStatus(kind, name) => world.api().write_status(&key(kind, name), |status| {
                *status = json!({"observedGeneration": -1});
            }),
            Self::Prune(kind, name, members) => world.api().write_status(&key(kind, name), |status| {
                status.as_object_mut().unwrap().retain(|member, _| !members.contains(&member.as_str()));
            }),
            Self::ForgeId(name) => {
                let theirs = foreign(world);
                world.api().write_status(&key("TransferServer", name), |status| status["serverId"] = json!(theirs));
            }
            Self::StripFinalizer(kind, name) => world.api().strip_finalizers(&key(kind, name)),
            Self::Poke(kind, name) => {
                let now = world.clock.millis().to_string();
                world.api().annotate(&key(kind, name), "transfer-operator.dev/reconcile-at", &now);
            }
            Self::StaleReads(span) => {
                let version = world.api().version();
                *life.stale_at.lock().unwrap() = Some((version, Instant::now() + *span));
            }
        }
        world.changed.notify_waiters();
    }
}

fn delete(world: &World, at: &Key) {
    world.api().edit(at, |spec| spec["lifecycle"]["deletionProtection"] = json!(false));
    world.api().delete(at);
}

async fn again(world: Arc<World>, at: Key, object: Value) {
    let uid = object["metadata"]["uid"].clone();
    while world.api().get(&at).is_some_and(|object| object["metadata"]["uid"] == uid) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let meta = &object["metadata"];
    let fresh = json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]}, "spec": object["spec"],
    });
    in_force::look(&world);
    world.api().apply(&fresh);
    world.coming.fetch_sub(1, Ordering::SeqCst);
    world.changed.notify_waiters();
}

/// A server of nobody's in AWS; made if there is none.
fn foreign(world: &World) -> String {
    let now = world.clock.now();
    let mut sim = world.sim.lock().unwrap();
    let theirs = sim.world.region(ACCOUNT, REGION).servers.values().find(|server| server.tags.is_empty());
    if let Some(theirs) = theirs.map(|server| server.server_id.clone()) {
        return theirs;
    }
    let made = sim.out_of_band(Operation::CreateServer, ACCOUNT, REGION, json!({}), now).unwrap();
    past::remember(world, &sim);
    made["ServerId"].as_str().unwrap().to_owned()
}
