//! What becomes of a state when nothing more goes wrong: no crash, no lost answer, no user, and everything is shown.

use super::model::{Answer, Protocol, View};
use super::world::{At, Server, World};

/// Steps of a replica on one object within a tick; more than any reconcile has.
const STEPS: usize = 12;

/// Whether every object is claimed or deleted in the end, whichever replica is left. Asked of states at rest: any
/// other comes to rest when its replicas crash and its calls grow old, and those states are reached as well.
pub fn settles(protocol: &Protocol, world: &World) -> bool {
    let idle = world.replicas.iter().flatten().all(|work| work.at == At::Idle);
    if !idle || !world.strays.is_empty() {
        return true;
    }
    (0..world.replicas.len()).all(|replica| ends_well(protocol, world.clone(), replica))
}

fn ends_well(protocol: &Protocol, mut world: World, replica: usize) -> bool {
    let survivor = world.replicas.remove(replica);
    world.replicas = vec![survivor];
    // Recovering, deleting and creating take a window each, and a former server its lag; replacing another round, and one
    // more where an edit came in its middle.
    let rounds = if protocol.replaces { 12 } else { 4 };
    let ticks = rounds * (protocol.window.sum() + protocol.lag + protocol.rest + 1);
    for _ in 0..ticks {
        if settled(protocol, &world) {
            return true;
        }
        for name in 0..world.objects.len() {
            if let Some(object) = world.objects[name].as_mut().filter(|object| !protocol.spends || !object.kept()) {
                object.used = object.in_force().or(object.used);
            }
            (0..STEPS).for_each(|_| step(protocol, &mut world, name));
        }
        world.tick(protocol);
    }
    settled(protocol, &world)
}

fn step(protocol: &Protocol, world: &mut World, name: usize) {
    let at = world.replicas[0][name].at;
    let mut scene = protocol.scene(world, 0, name);
    match at {
        At::Idle => scene.look(View { young: true, dying: false, described: true }),
        At::Await(call) if call.age > protocol.tolerance => scene.answer(Answer::TooOld),
        At::Await(_) => scene.answer(Answer::Done),
        _ => scene.step(),
    }
    world.tidy(protocol);
}

/// Every object that is there has its own server on record, as the spec asks for it, and no server is left of one that
/// is not. Where somebody forges ids or deletes in AWS, an object may also wait for a person; and where status was wiped
/// beside two of one object. Where what was replaced is kept for ever, two may stand there until the next one is due.
fn settled(protocol: &Protocol, world: &World) -> bool {
    let claimed = world.objects.iter().flatten().all(|object| {
        let own: Vec<&Server> = world.live().filter(|server| server.uid == object.uid).collect();
        let lost = object.server.is_some_and(|id| !world.has(id));
        let person = match own[..] {
            [] => protocol.forges && object.server.is_some() || protocol.loses && lost,
            [_] => protocol.loses && lost,
            [one, other] => {
                let right = |server: &Server| object.server == Some(server.id) && object.spec == server.spec;
                protocol.wipes && object.replacing.is_none()
                    || protocol.spends && object.kept() && (right(one) || right(other))
            }
            _ => false,
        };
        let whole = |server: &&Server| {
            object.server == Some(server.id) && object.replacing.is_none() && object.spec == server.spec
        };
        !object.deleting && (person || matches!(&own[..], [one] if whole(one)))
    });
    let owned = world
        .live()
        .filter(|server| !server.is_free())
        .all(|server| world.objects.iter().flatten().any(|object| object.uid == server.uid));
    claimed && owned
}
