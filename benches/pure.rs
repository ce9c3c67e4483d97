//! What the pure parts of a reconcile take, one by one, and what users take in the caches. `make bench-micro`
//!
//! What they take together, with all that lies between them: benches/reconciles.rs. Nothing is asserted here, as these
//! are times; that a reconcile does not grow with what else there is, is asserted there.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use serde_json::json;
use tokio::time::Instant;
use transfer_operator::api::TransferUser;
use transfer_operator::aws::Priority;
use transfer_operator::aws::rate_limiter::pace::{Pace, Rate};
use transfer_operator::cluster::guarded::Guarded;
use transfer_operator::cluster::store::Stores;
use transfer_operator::engine::consistency::{ConsistencyCounter, ObservedState, Windows};
use transfer_operator::engine::decide::{CreateFacts, Facts, Identity, Reads, Words, decide};
use transfer_operator::engine::diff::{Compare, Member, Reset, diff};
use transfer_operator::engine::owner::{Owner, Ownership};
use transfer_operator::engine::queue::{Lane, Queue};
use transfer_operator::engine::requeue::Requeue;
use transfer_operator::ssh::PublicKey;

/// Counts what each of these allocates and still has at its end, or at its height.
#[global_allocator]
static ALLOCATED: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea partner@example";

/// An object that was created, looked at and is ours: what each look at a settled fleet decides.
#[divan::bench(args = [Identity::Tagged, Identity::Keyed, Identity::Recorded])]
fn decide_of_what_is_settled(bencher: Bencher, identity: Identity) {
    let (sight, deleted, observations) =
        (ObservedState::Found(Ownership::Ours), BTreeMap::new(), ConsistencyCounter::default());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let facts = Facts {
        words: Words { noun: "server", parent: "", taken: "", anew: "" },
        identity,
        uid: "u",
        deleting: false,
        finalizer: true,
        observe_only: false,
        report_only: false,
        suspended: false,
        mass: None,
        retain: false,
        protected: true,
        recreate: false,
        adoption: None,
        differs: false,
        may_create: true,
        confirmed: true,
        id: Some("s-0123456789abcdef0"),
        parent_replaced: false,
        placeless: None,
        denied: None,
        unproven: None,
        reads: Reads::Described,
        edited: false,
        believed: false,
        record: None,
        sight: &sight,
        lookup: None,
        observations: &observations,
        replied: None,
        deleted: &deleted,
        replacement: None,
        creates_stopped_at: None,
        operation: false,
        quiet_since: None,
        create: CreateFacts::default(),
        before_delete: None,
        update: None,
        take_over: None,
        now,
        windows: Windows::new(SignedDuration::from_secs(900), SignedDuration::from_secs(120)),
    };
    bencher.bench(|| decide(black_box(&facts)));
}

/// What a server has beside what is wanted, member by member.
#[divan::bench]
fn diff_of_ten_members(bencher: Bencher) {
    let members = [
        Member::live("certificate", "null", Reset::Send("\"\"")),
        Member::live("domain", "\"S3\"", Reset::Never),
        Member::live("endpointType", "\"PUBLIC\"", Reset::Send("\"PUBLIC\"")),
        Member::live("identityProviderType", "\"SERVICE_MANAGED\"", Reset::Never),
        Member::live("loggingRole", "null", Reset::Send("\"\"")),
        Member::live("protocolDetails.passiveIp", "\"AUTO\"", Reset::Send("\"AUTO\"")),
        Member::live("protocolDetails.setStatOption", "\"DEFAULT\"", Reset::Send("\"DEFAULT\"")),
        Member::live("protocols", "[\"SFTP\"]", Reset::Send("[\"SFTP\"]")).by(Compare::Set),
        Member::live("securityPolicyName", "null", Reset::Never),
        Member::live("structuredLogDestinations", "null", Reset::Send("[]")),
    ];
    let want = json!({
        "domain": "S3", "endpointType": "PUBLIC", "identityProviderType": "SERVICE_MANAGED",
        "protocols": ["SFTP", "FTPS"], "protocolDetails": {"passiveIp": "AUTO"},
        "securityPolicyName": "TransferSecurityPolicy-2024-01",
    });
    let have = json!({
        "domain": "S3", "endpointType": "PUBLIC", "identityProviderType": "SERVICE_MANAGED",
        "protocols": ["FTPS", "SFTP"], "protocolDetails": {"passiveIp": "AUTO", "setStatOption": "DEFAULT"},
        "securityPolicyName": "TransferSecurityPolicy-2024-01",
    });
    let applied = BTreeSet::from(["loggingRole".to_owned()]);
    bencher.bench(|| diff(black_box(&members), black_box(&want), black_box(&have), black_box(&applied)));
}

/// Whose something is, by its tags.
#[divan::bench]
fn owner_of_fifty_tags(bencher: Bencher) {
    let owner = Owner::new("c", "namespace", "name", "3c5ef27f-f6a7-4d12-8a0b-1ce83fb0f5a1");
    let mut tags = owner.tags("attempt");
    tags.extend((0..46).map(|number| (format!("team-{number}"), "payments".to_owned())));
    bencher.bench(|| owner.judge(black_box(&tags)));
}

#[divan::bench]
fn public_key() -> bool {
    PublicKey::parse(black_box(KEY)).is_ok()
}

/// The keys of a user as a ConfigMap has them, with remarks between them.
#[divan::bench(args = [1, 50])]
fn authorized_keys(bencher: Bencher, keys: usize) {
    let mut text = String::new();
    for number in 0..keys {
        writeln!(text, "# partner {number}\n{KEY}").unwrap();
    }
    bencher.bench(|| transfer_operator::ssh::authorized_keys(black_box(&text)));
}

/// A name through the queue, with so many others in it: it comes due, waits, has its turn, rests.
#[divan::bench(args = [1_000, 10_000, 50_000])]
fn queue_turn(bencher: Bencher, names: usize) {
    let now = Instant::now();
    let mut queue = Queue::new(16);
    for number in 0..names {
        let lane = Lane { account: "i".to_owned(), namespace: format!("team-{}", number % 100) };
        queue.add(number, lane, Priority::Resync);
    }
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let name = queue.pick(now).unwrap();
        queue.done(&name, Requeue::Again, now);
    });
}

/// A user in sync as the API server has it, with one key and one tag.
fn user(number: usize) -> Guarded<TransferUser> {
    let (name, time) = (format!("user-{number}"), "2026-11-30T12:00:00Z");
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
        "metadata": {"name": name, "namespace": "team", "uid": format!("0b4c9a51-7d1e-4f5c-9d0c-{number:012}"),
            "resourceVersion": number.to_string(), "generation": 1, "creationTimestamp": time,
            "finalizers": ["transfer-operator.dev/finalizer"]},
        "spec": {"serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp/partner",
            "home": {"s3": {"bucket": "partner-files", "prefix": name}}, "tags": {"partner": name},
            "sshPublicKeys": [{"publicKey": KEY}]},
        "status": {"observedGeneration": 1, "accountId": "123456789012", "region": "eu-central-1",
            "awsIdentity": "default", "serverId": "s-0123456789abcdef0", "userName": name,
            "arn": format!("arn:aws:transfer:eu-central-1:123456789012:user/s-0123456789abcdef0/{name}"),
            "applied": {"paths": ["role", "homeDirectoryType", "homeDirectoryMappings"], "tags": ["partner"]},
            "sshPublicKeys": [{"id": "key-0123456789abcdef0", "dateImported": time, "managed": true,
                "fingerprint": "SHA256:4ZxmTMpuBE2bcUDNo2tlpyyxY7RyyTlyUIYbx1BKD8g", "comment": "partner@example"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "Available", "observedGeneration": 1,
                "message": "user exists on s-0123456789abcdef0 with 1 key", "lastTransitionTime": time}]},
    }))
    .unwrap()
}

fn cache(users: usize) -> Stores {
    let stores = Stores::new(0);
    for number in 0..users {
        stores.users.apply(0, Event::Apply(user(number)));
    }
    stores
}

/// Users into the caches: what these have at their height is the room that users take there.
#[divan::bench(args = [1_000, 10_000], sample_count = 3, sample_size = 1)]
fn users_into_caches(users: usize) -> Stores {
    cache(users)
}

/// A walk over all users, as a scrape of the metrics and each sweep take one.
#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn walk_over_users(bencher: Bencher, users: usize) {
    let stores = cache(users);
    bencher.bench(|| stores.users.all().count());
}

/// A permit that is asked for and had.
#[divan::bench]
fn limiter_token(bencher: Bencher) {
    let mut now = Instant::now();
    let mut pace = Pace::new(Rate { start: 10.0, ceiling: 100.0, burst_seconds: 1.0 }, None, now);
    bencher.bench_local(|| {
        now += Duration::from_millis(100);
        pace.take(black_box(now))
    });
}
