//! ACK: what was refused is never tried again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use transfer_operator::cluster::Name;
use transfer_operator::engine::requeue::Requeue;
use transfer_operator::kinds::trigger::Which;

use super::{Defect, Seams, Setting};
use crate::lint::{Kstatus, kstatus};
use crate::setup::{Blow, Moment, Rule, When};
use crate::world::World;

pub static DEFECT: Defect = Defect {
    name: "TerminalForever",
    put_in: |seams: Seams| {
        let world = Arc::clone(&seams.world);
        seams.around_reconciles(move |which, real| {
            let world = Arc::clone(&world);
            Arc::new(move |name, uid, rank| {
                let (world, run) = (Arc::clone(&world), real(name.clone(), uid, rank));
                async move { given_up(&world, which, &name, run.await) }.boxed()
            })
        })
    },
    settings: |_| {
        let refused = Blow::Error("InvalidRequestException", "Unacceptable");
        let rule = Rule::on("UpdateServer", When::Until(Duration::from_hours(1)), Moment::Before, refused);
        vec![Setting::of("W3-update").rule(rule)]
    },
};

/// A long wait after a refusal becomes one without end.
fn given_up(world: &World, which: Which, name: &Name, next: Requeue) -> Requeue {
    let object = world.api().get(&(which.name().to_owned(), name.clone()));
    let stalled = object.is_some_and(|object| kstatus(&object) == Kstatus::Failed);
    match next {
        Requeue::After(delay) | Requeue::Rest(delay) if delay > Duration::from_mins(1) && stalled => Requeue::OnChange,
        next => next,
    }
}
