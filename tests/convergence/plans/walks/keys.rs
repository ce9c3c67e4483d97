//! SSH keys of a user: how many, which, and that a rotation never locks anybody out.

use serde_json::{Value, json};

use super::arena::{Arena, End, base};
use super::values::{POLICY, REORDERED};
use crate::stage::Stage;
use crate::workflows::keys;

/// A key of this number, with a comment.
fn line(number: u8, comment: &str) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {} {comment}", base64(&blob))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let all = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or_default()));
        let bits = (all[0] << 16) | (all[1] << 8) | all[2];
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

fn lines(numbers: impl IntoIterator<Item = u8>, comment: &str) -> Value {
    let lines: Vec<String> = numbers.into_iter().map(|number| line(number, comment)).collect();
    keys(&lines.iter().map(String::as_str).collect::<Vec<_>>())["sshPublicKeys"].take()
}

struct Keys<'a> {
    arena: Arena<'a>,
}

impl Keys<'_> {
    async fn wants(&mut self, list: Value) -> End {
        let mut spec = self.arena.spec();
        spec["sshPublicKeys"] = list;
        self.arena.settle(spec).await
    }

    fn held(&self) -> usize {
        let mut sim = self.arena.stage.world.sim.lock().unwrap();
        let region = sim.world.region(crate::world::ACCOUNT, crate::world::REGION);
        region.servers.values().flat_map(|server| server.users.values()).map(|user| user.ssh_public_keys.len()).sum()
    }

    fn expect(&self, what: &str, end: &End, ready: bool, held: u8) {
        if ready != (*end == End::Ready) || self.held() != usize::from(held) {
            self.arena.complain(&format!("42: {what}: {end:?}, keys in AWS: {}, expected {held}", self.held()));
        }
    }

    fn mutations(&self) -> u64 {
        self.arena.stage.world.oracle.lock().unwrap().mutations
    }
}

/// 42, and 43 for policies: in an account with room for 50 keys, for 5, or for 2.
pub async fn run(stage: &Stage) {
    let quota = u8::try_from(stage.world.setup.script["quota"].as_u64().unwrap()).unwrap();
    let full = quota.min(5);
    let mut keys = Keys { arena: Arena::open(stage, "TransferUser", base("TransferUser", "plain")).await };
    for count in [0, 1, full] {
        let end = keys.wants(lines(0..count, "a@laptop")).await;
        keys.expect("so many keys", &end, true, count);
    }
    // From here on there is always a key that works.
    stage.world.oracle.lock().unwrap().ssh_keys.clear();
    alike(&mut keys, full).await;
    rotation(&mut keys, full, quota == full).await;
    if quota == 50 {
        many(&mut keys).await;
    }
    never_locked_out(&keys.arena);
    policies(&mut keys).await;
    keys.arena.close().await;
}

/// The same key in another form.
async fn alike(keys: &mut Keys<'_>, full: u8) {
    let before = keys.mutations();
    let end = keys.wants(lines(0..full, "b@laptop")).await;
    keys.expect("the same keys with other comments", &end, true, full);
    if keys.mutations() != before {
        keys.arena.complain("42: other comments are no change in AWS");
    }
    let twice = [lines(0..2, "a@laptop"), lines(0..1, "twice")].map(|list| list.as_array().unwrap().clone()).concat();
    let end = keys.wants(json!(twice)).await;
    keys.expect("a key twice under two comments", &end, true, 2);
    let end = keys.wants(lines([0, 0], "a@laptop")).await;
    if !matches!(end, End::Refused(_)) {
        keys.arena.complain(&format!("42: the same line twice: {end:?}"));
    }
}

/// One key too many, and all keys at once.
async fn rotation(keys: &mut Keys<'_>, full: u8, narrow: bool) {
    keys.wants(lines(0..full, "a@laptop")).await;
    let end = keys.wants(lines(0..=full, "a@laptop")).await;
    keys.expect("one key more", &end, !narrow, if narrow { full } else { full + 1 });
    if let End::Told { reason, message } = &end
        && reason != "QuotaExceeded"
    {
        keys.arena.complain(&format!("42: one key more: {reason} {message}"));
    }
    keys.wants(lines(0..full, "a@laptop")).await;
    let end = keys.wants(lines(10..10 + full, "new@laptop")).await;
    if !narrow {
        return keys.expect("all new keys at once", &end, true, full);
    }
    // A full user makes room, one key at a time, and the last that works never goes before a new one is there.
    keys.expect("all new keys at once in a full account", &end, true, full);
    let end = keys.wants(lines(0..full - 1, "a@laptop")).await;
    keys.expect("room for one", &end, true, full - 1);
    let end = keys.wants(lines(10..10 + full, "new@laptop")).await;
    keys.expect("all new keys, with room", &end, true, full);
}

/// As many as the schema takes, a few at a time: each import is told, and more than a few in one edit would look like a
/// loop (O11).
async fn many(keys: &mut Keys<'_>) {
    for most in (26..70).step_by(6).chain([70]) {
        let end = keys.wants(lines(20..most, "many@laptop")).await;
        keys.expect("many keys", &end, true, most - 20);
    }
    let end = keys.wants(lines(20..71, "many@laptop")).await;
    if !matches!(end, End::Refused(_)) {
        keys.arena.complain(&format!("42: 51 keys: {end:?}"));
    }
}

/// After every call about keys, somebody could log in.
fn never_locked_out(arena: &Arena<'_>) {
    let counts = arena.stage.world.oracle.lock().unwrap().ssh_keys.clone();
    if counts.len() < 4 || counts.contains(&0) {
        arena.complain(&format!("42: keys in AWS after each call: {counts:?}"));
    }
}

/// 43: another order of a policy's members is no change.
async fn policies(keys: &mut Keys<'_>) {
    let mut spec = keys.arena.spec();
    spec["policy"] = json!(POLICY);
    keys.arena.settle(spec.clone()).await;
    let before = keys.mutations();
    spec["policy"] = json!(REORDERED);
    let end = keys.arena.settle(spec.clone()).await;
    if end != End::Ready || keys.mutations() != before {
        keys.arena.complain(&format!("43: a policy in another order: {end:?}, {before} mutations before"));
    }
    let text = |size: usize| {
        let around = r#"{"Statement":[],"a":""}"#.len();
        format!(r#"{{"Statement":[],"a":"{}"}}"#, "x".repeat(size - around))
    };
    for (size, fits) in [(2048, true), (2049, false)] {
        spec["policy"] = json!(text(size));
        let end = keys.arena.settle(spec.clone()).await;
        let told = matches!(&end, End::Told { message, .. } if message.contains("spec.policy"));
        if fits != (end == End::Ready) || fits == told {
            keys.arena.complain(&format!("43: a policy of {size} characters: {end:?}"));
        }
    }
    spec["policy"] = json!(POLICY);
    keys.arena.settle(spec).await;
}
