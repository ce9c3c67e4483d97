#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::collections::BTreeMap;

use crate::cluster::guarded::Guarded;
use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::api::{AwsIdentity, TransferCertificate, TransferServer, TransferUser};
use crate::aws::rate_limiter::Rates;
use crate::aws::{AwsError, AwsErrorKind, CallClass, Rank};
use crate::kinds::fakes::{OLD, World, object, owner_tags, settings};

/// A process that has counted something of everything.
async fn busy() -> Sources {
    let world = World::open();
    let limiter = RateLimiter::new(Rates::default());
    let _ = limiter.acquire("1", "r", CallClass::CreateServer, Rank::default()).await;
    let took = std::time::Duration::from_millis;
    limiter.counters.call("ListServers", &Ok(()), took(30));
    limiter.throttled("1", "r", CallClass::CreateServer, None);
    let fault = crate::kinds::fakes::fault("ListUsers", AwsErrorKind::Denied);
    limiter.counters.call("ListUsers", &Err::<(), AwsError>(fault), took(800));
    limiter.counters.call(
        "ListUsers",
        &Err::<(), AwsError>(crate::kinds::fakes::fault("ListUsers", AwsErrorKind::Denied)),
        took(40_000),
    );
    let stores = Arc::new(Stores::new(0));
    let now = settings().env.wall();
    for (name, ready, stalled) in [("a", "True", "False"), ("b", "False", "True"), ("c", "Unknown", "False")] {
        let time = "2026-01-01T00:00:00Z";
        let condition = |r#type, status| json!({"type": r#type, "status": status, "reason": "R", "message": "", "lastTransitionTime": time});
        let mut status =
            json!({"observedGeneration": 1, "conditions": [condition("Ready", ready), condition("Stalled", stalled)]});
        if name != "c" {
            let days = |days: i64| (now + SignedDuration::from_hours(24 * days)).to_string();
            status["sshPublicKeys"] = json!([
                {"id": "none"}, {"id": "soon", "expiresAt": days(14)}, {"id": "later", "expiresAt": days(15)},
                {"id": "past", "expiresAt": days(if name == "a" { -1 } else { 2 })},
            ]);
        }
        let spec = json!({"serverRef": {"name": "files"}, "role": "r", "home": {"s3": {"bucket": "b"}}});
        let user: TransferUser = object(name, spec, status);
        let user: Guarded<TransferUser> = serde_json::from_value(json!(user)).unwrap();
        stores.users.apply(0, Event::Apply(user));
    }
    for (name, region, count) in [("a", "eu-central-1", 3), ("b", "eu-central-1", 4), ("c", "eu-west-1", 0)] {
        let mut status = json!({"observedGeneration": 1, "accountId": "123456789012", "region": region});
        if name == "a" {
            status["hostKeys"] = json!([{"id": "k-1", "replaced": "entry"}, {"id": "k-2"}]);
        }
        if count > 0 {
            status["unmanagedLogins"] = json!({"count": count, "names": []});
        }
        let server: TransferServer = object(name, json!({"region": region}), status);
        let server: Guarded<TransferServer> = serde_json::from_value(json!(server)).unwrap();
        stores.servers.apply(0, Event::Apply(server));
    }
    for (name, end) in [("a", "2026-03-01T00:00:00Z"), ("b", "2026-02-01T00:00:00Z"), ("c", "")] {
        let status = json!({"observedGeneration": 1, "notAfterDate": end});
        let spec = json!({"region": "eu-central-1", "usage": "SIGNING"});
        let certificate: TransferCertificate = object(name, spec, status);
        let certificate: Guarded<TransferCertificate> = serde_json::from_value(json!(certificate)).unwrap();
        stores.certificates.apply(0, Event::Apply(certificate));
    }
    hold(&stores);
    world.put(OLD, owner_tags("gone"));
    let orphans = Orphans::new(Arc::clone(&world.deps), settings(), Vec::new());
    let identity = world.deps.lister.identity("default").unwrap();
    orphans.due(&identity, tokio::time::Instant::now());
    for _ in 0..2 {
        orphans.scan(&identity).await;
        tokio::time::advance(std::time::Duration::from_mins(10)).await;
    }
    let clients = Arc::new(AccountClients::new(Arc::clone(&limiter)));
    clients.breaker(&identity, ("uid".to_owned(), identity.spec.access(), "eu-central-1".to_owned()));
    let counters = ReconcileCounters::default();
    counters.begin().ends("settled");
    let leading = LeaderState::default();
    leading.set(true);
    let orphans = Arc::new(orphans);
    let expiry = Expiry { warning: SignedDuration::from_hours(14 * 24), env: settings().env };
    let reconciles = vec![("TransferUser", counters)];
    let looks = Arc::new(Looks::default());
    for (uid, age) in [("older", 60), ("younger", 30)] {
        looks.saw(uid, ("123456789012", "eu-central-1"), None, None);
        tokio::time::advance(std::time::Duration::from_secs(age)).await;
    }
    Sources {
        stores,
        limiter,
        clients,
        orphans,
        hold_percent: 10,
        leading,
        reconciles,
        looks,
        shards: 3,
        expiry,
        identities_written: true,
    }
}

/// Four servers of an identity are being deleted.
fn hold(stores: &Stores) {
    let identity = json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": "held", "uid": "held"},
        "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}}});
    let identity: Guarded<AwsIdentity> = serde_json::from_value(identity).unwrap();
    stores.identities.apply(0, Event::Apply(identity));
    for name in ["going-1", "going-2", "going-3", "going-4"] {
        let status = json!({"observedGeneration": 1, "accountId": "123456789012", "awsIdentity": "held"});
        let spec = json!({"region": "eu-west-2", "awsIdentityRef": {"name": "held"},
            "lifecycle": {"deletionProtection": false}});
        let mut server = json!(object::<TransferServer>(name, spec, status));
        server["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        server["metadata"]["finalizers"] = json!([crate::api::FINALIZER]);
        let server: Guarded<TransferServer> = serde_json::from_value(server).unwrap();
        stores.servers.apply(0, Event::Apply(server));
    }
}

/// Samples by their name and labels, as a scraper reads them; what it would not understand fails here.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").unwrap();
    let mut samples = BTreeMap::new();
    for line in body.lines().filter(|line| !line.starts_with("# HELP") && !line.starts_with("# TYPE")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        assert!(bare.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

fn conditions(kind: &str, namespace: &str, condition: &str, status: &str) -> String {
    let labels = [("kind", kind), ("object_namespace", namespace), ("condition", condition), ("status", status)];
    let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
    format!("transfer_operator_object_conditions{{{}}}", labels.join(","))
}

#[tokio::test(start_paused = true)]
async fn a_scrape_tells_what_was_counted() {
    let samples = scraped(&text(&registry(busy().await)).unwrap());
    for (name, value) in [
        ("transfer_operator_passes_total{kind=\"TransferUser\",outcome=\"settled\"}", 1.0),
        ("transfer_operator_aws_calls_total{operation=\"ListServers\",result=\"ok\"}", 1.0),
        ("transfer_operator_aws_calls_total{operation=\"ListUsers\",result=\"denied\"}", 2.0),
        (
            "transfer_operator_aws_call_duration_seconds_bucket{le=\"0.05\",operation=\"ListServers\",result=\"ok\"}",
            1.0,
        ),
        ("transfer_operator_aws_call_duration_seconds_sum{operation=\"ListUsers\",result=\"denied\"}", 40.8),
        ("transfer_operator_aws_call_duration_seconds_count{operation=\"ListUsers\",result=\"denied\"}", 2.0),
        (
            "transfer_operator_aws_call_duration_seconds_bucket{le=\"0.5\",operation=\"ListUsers\",result=\"denied\"}",
            0.0,
        ),
        (
            "transfer_operator_aws_call_duration_seconds_bucket{le=\"30.0\",operation=\"ListUsers\",result=\"denied\"}",
            1.0,
        ),
        (
            "transfer_operator_aws_call_duration_seconds_bucket{le=\"+Inf\",operation=\"ListUsers\",result=\"denied\"}",
            2.0,
        ),
        ("transfer_operator_gate_throttled_total{account=\"1\",region=\"r\",class=\"create_server\"}", 1.0),
        ("transfer_operator_gate_permits_total{account=\"1\",region=\"r\",class=\"create_server\"}", 1.0),
        ("transfer_operator_gate_wait_seconds_total{account=\"1\",region=\"r\",class=\"create_server\"}", 0.0),
        ("transfer_operator_objects{kind=\"TransferUser\",state=\"ready\"}", 1.0),
        ("transfer_operator_objects{kind=\"TransferUser\",state=\"stalled\"}", 1.0),
        ("transfer_operator_objects{kind=\"TransferUser\",state=\"unknown\"}", 1.0),
        ("transfer_operator_objects{kind=\"TransferAccess\",state=\"ready\"}", 0.0),
        ("transfer_operator_identity_breaker_open{identity=\"default\"}", 0.0),
        ("transfer_operator_deletions_held{identity=\"held\"}", 4.0),
        ("transfer_operator_orphans{account=\"123456789012\",region=\"eu-central-1\",kind=\"server\"}", 1.0),
        ("transfer_operator_unmanaged_logins{account=\"123456789012\",region=\"eu-central-1\"}", 7.0),
        ("transfer_operator_unmanaged_logins{account=\"123456789012\",region=\"eu-west-1\"}", 0.0),
        ("transfer_operator_ssh_keys_expiring", 4.0),
        ("transfer_operator_ssh_keys_next_expiry_timestamp_seconds", 1_767_139_200.0),
        ("transfer_operator_reconcile_duration_seconds_count{kind=\"TransferUser\",outcome=\"settled\"}", 1.0),
        ("transfer_operator_reconciles_running{kind=\"TransferUser\"}", 0.0),
        (conditions("TransferUser", "team", "Ready", "True").as_str(), 1.0),
        (conditions("TransferUser", "team", "Ready", "False").as_str(), 1.0),
        (conditions("TransferUser", "team", "Ready", "Unknown").as_str(), 1.0),
        (conditions("TransferUser", "team", "Stalled", "True").as_str(), 1.0),
        (conditions("AwsIdentity", "", "Ready", "Unknown").as_str(), 1.0),
        ("transfer_operator_oldest_check_age_seconds{account=\"123456789012\",region=\"eu-central-1\"}", 90.0),
        ("transfer_operator_certificates_first_expiry_timestamp_seconds{object_namespace=\"team\"}", 1_769_904_000.0),
        ("transfer_operator_ssh_keys_first_expiry_timestamp_seconds{object_namespace=\"team\"}", 1_767_139_200.0),
        ("transfer_operator_host_keys_replaced{object_namespace=\"team\"}", 1.0),
        ("transfer_operator_shards", 3.0),
        (concat!("transfer_operator_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
        ("transfer_operator_caches_filled", 0.0),
        ("transfer_operator_leader", 1.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:#?}");
    }
}

/// The rows of the table: name, type, labels, meaning. What the encoder says of a family comes in that order, too.
fn rows(text: &str) -> Vec<String> {
    let samples = scraped(text);
    let labels = |name: &str| {
        let of = [name.to_owned(), format!("{name}_bucket")];
        let sample = samples.keys().find(|key| key.split('{').next().is_some_and(|key| of.iter().any(|of| of == key)));
        let sample = sample.unwrap_or_else(|| panic!("no sample of {name}"));
        let inside = sample.split_once('{').map_or("", |(_, inside)| inside.trim_end_matches('}'));
        let keys = inside.split(',').filter_map(|pair| pair.split_once('=')).map(|(key, _)| format!("`{key}`"));
        // The bound of a bucket is the format's own.
        keys.filter(|key| key != "`le`").collect::<Vec<_>>().join(", ")
    };
    let lines = |mark: &'static str| text.lines().filter_map(move |line| line.strip_prefix(mark)?.split_once(' '));
    let row = |((name, help), (of, kind)): ((&str, &str), (&str, &str))| {
        assert_eq!(name, of, "a family has one help and one type");
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        format!("| `{name}` | {kind} | {} | {help} |", labels(&name)).replace("|  |", "| |")
    };
    lines("# HELP ").zip(lines("# TYPE ")).map(row).collect()
}

/// `UPDATE=1 cargo test --features sim --lib the_table_of_the_docs` writes it.
#[tokio::test(start_paused = true)]
async fn the_table_of_the_docs_is_what_is_exposed() {
    let exposed = rows(&text(&registry(busy().await)).unwrap());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let docs = std::fs::read_to_string(file).unwrap();
    let is_row = |line: &&str| line.starts_with("| `");
    if std::env::var_os("UPDATE").is_some() {
        let before = docs.lines().take_while(|line| !is_row(line));
        let after = docs.lines().skip_while(|line| !is_row(line)).skip_while(is_row);
        let all: Vec<&str> = before.chain(exposed.iter().map(String::as_str)).chain(after).collect();
        std::fs::write(file, all.join("\n") + "\n").unwrap();
    }
    let docs = std::fs::read_to_string(file).unwrap();
    let documented: Vec<&str> = docs.lines().filter(is_row).collect();
    assert_eq!(documented, exposed);
}

#[tokio::test(start_paused = true)]
async fn identities_of_which_nobody_may_write_are_not_counted_as_unready() {
    let sources = Sources { identities_written: false, ..busy().await };
    let samples = scraped(&text(&registry(sources)).unwrap());
    assert!(!samples.keys().any(|sample| sample.contains("object_conditions{kind=\"AwsIdentity\"")), "{samples:?}");
    let counted: f64 =
        samples.iter().filter(|(sample, _)| sample.contains("objects{kind=\"AwsIdentity\"")).map(|s| s.1).sum();
    assert!(counted.abs() < f64::EPSILON, "{samples:?}");
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_and_forged_statuses_make_few_series() {
    let sources = busy().await;
    let user = |namespace: &str, name: &str, conditions: serde_json::Value| {
        let spec = json!({"serverRef": {"name": "files"}, "role": "r", "home": {"s3": {"bucket": "b"}}});
        let mut user = json!(object::<TransferUser>(name, spec, json!({"observedGeneration": 1})));
        user["status"]["conditions"] = conditions;
        user["metadata"]["namespace"] = json!(namespace);
        let user: Guarded<TransferUser> = serde_json::from_value(user).unwrap();
        assert!(user.0.is_ok(), "{:?}", user.0);
        sources.stores.users.apply(0, Event::Apply(user));
    };
    for number in 0..200 {
        user(&format!("many-{number:03}"), "one", json!([]));
    }
    let forged = json!([{"type": "secret", "status": "any text", "reason": "R", "message": "", "lastTransitionTime":
        "2026-01-01T00:00:00Z"}, {"type": "Ready", "status": "any text", "reason": "R", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    user("team", "forged", forged);
    let samples = scraped(&text(&registry(sources)).unwrap());
    let namespaces: std::collections::BTreeSet<&str> = samples
        .keys()
        .filter(|sample| sample.starts_with("transfer_operator_object_conditions{kind=\"TransferUser\""))
        .map(|sample| sample.split("object_namespace=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(namespaces.len(), 101, "{namespaces:?}");
    assert!(namespaces.contains("team"), "the largest one has its own");
    // Of 201 namespaces the other 99 have numbers of their own; a namespace has an object.
    let unknown = |namespace| samples.get(&conditions("TransferUser", namespace, "Ready", "Unknown"));
    assert_eq!((unknown("_others"), unknown("team")), (Some(&101.0), Some(&2.0)));
    assert!(!samples.keys().any(|sample| sample.contains("secret") || sample.contains("any text")));
}
