//! A status write in every reconcile.

use std::sync::Arc;

use futures::FutureExt;
use serde_json::json;
use transfer_operator::fakes::api_server::{Key, text};

use super::{Defect, Seams, Setting};
use crate::oracle::written;
use crate::world::World;

pub static DEFECT: Defect = Defect {
    name: "WriteAtRest",
    put_in: |seams: Seams| {
        let world = Arc::clone(&seams.world);
        seams.around_reconciles(move |which, real| {
            let world = Arc::clone(&world);
            Arc::new(move |name, uid, rank| {
                let (world, run) = (Arc::clone(&world), real(name.clone(), uid, rank));
                async move {
                    let next = run.await;
                    write(&world, &(which.name().to_owned(), name));
                    next
                }
                .boxed()
            })
        })
    },
    settings: |_| vec![Setting::of("W1-server")],
};

fn write(world: &World, key: &Key) {
    let mut api = world.api();
    let Some(object) = api.get(key).filter(|object| object["status"]["conditions"].is_array()) else { return };
    let mut status = object["status"].clone();
    status["lastHandledReconcileAt"] = json!(world.clock.millis().to_string());
    let version = text(&object["metadata"]["resourceVersion"]);
    let _ = api.apply_status(key, &version, &status);
    drop(api);
    written::after_write(world);
}
