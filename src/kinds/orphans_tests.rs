#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use serde_json::{Value, json};

use super::find::OrphanKind;
use super::look::DESCRIBED;
use super::*;
use crate::api::{
    self, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer, TransferUser,
    TransferWebApp, TransferWorkflow,
};
use crate::aws::transfer::{Tags, User};
use crate::captured_log::Log;
use crate::engine::owner::Owner;
use crate::kinds::fakes::{
    ACCOUNT, CLUSTER, FIRST, LAG, OLD, REGION, SECOND, THIRD, World, object, owner_tags, settings,
};
use crate::sim::operation::Operation;

/// Servers that no object of ours stands for.
const RAW: &str = "s-0000000000000000a";
const LAMBDA: &str = "s-0000000000000000b";
const ORPHAN: &str = "s-0000000000000000c";
const OTHER: &str = "s-0000000000000000d";

fn tags(namespace: &str, uid: &str) -> Tags {
    Owner::new(CLUSTER, namespace, "name", uid).tags("attempt")
}

fn with(mut tags: Tags, key: &str, value: &str) -> Tags {
    tags.insert(key.to_owned(), value.to_owned());
    tags
}

fn living() -> Living {
    let servers = [("u-1".to_owned(), ["s-1".to_owned()].into()), ("u-new".to_owned(), BTreeSet::new())].into();
    let users = [("u-alice".to_owned(), BTreeSet::new())].into();
    Living {
        recorded: [(ManagedKind::TransferServer, servers), (ManagedKind::TransferUser, users)].into(),
        accounted: BTreeSet::new(),
    }
}

fn servers(servers: impl Into<BTreeMap<String, Tags>>) -> Scanned {
    Scanned { tagged: [(ManagedKind::TransferServer, servers.into())].into(), users: BTreeMap::new(), more: false }
}

fn found(ours: &Ours, scanned: &Scanned) -> Vec<String> {
    find(ours, "r", scanned, &living()).iter().map(ToString::to_string).collect()
}

#[test]
fn an_orphan_has_no_live_object_or_one_that_has_another() {
    let ours = Ours { cluster: CLUSTER.to_owned(), namespaces: Vec::new() };
    let without_uid = || {
        let mut tags = tags("team", "u-0");
        tags.remove(api::TAG_UID);
        tags
    };
    let rows = [
        (tags("team", "u-1"), "s-1", None, "it was recorded meanwhile"),
        (tags("team", "u-new"), "s-9", None, "its object is just being made"),
        (tags("team", "u-1"), "s-9", Some("duplicate server s-9 in r"), "its object has another one"),
        (tags("team", "u-0"), "s-9", Some("server s-9 in r"), "its object is gone"),
        (without_uid(), "s-9", Some("server s-9 in r"), "whose it was cannot be told"),
        (with(tags("team", "u-0"), api::TAG_CLUSTER, "other"), "s-9", None, "another cluster's"),
        (with(tags("team", "u-0"), api::TAG_RETAINED_FROM, "team/name"), "s-9", None, "left behind on purpose"),
        (Tags::new(), "s-9", None, "nobody's"),
    ];
    for (tags, id, expected, why) in rows {
        let scanned = servers([(id.to_owned(), tags)]);
        assert_eq!(found(&ours, &scanned), expected.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{why}");
    }
}

#[test]
fn a_user_is_an_orphan_when_no_live_user_has_its_uid() {
    let ours = Ours { cluster: CLUSTER.to_owned(), namespaces: Vec::new() };
    let user = |name: &str| ("s-1".to_owned(), name.to_owned());
    let users = [
        (user("alice"), tags("team", "u-alice")),
        (user("bob"), tags("team", "u-bob")),
        (user("carol"), tags("team", "u-1")),
        (user("dave"), Tags::new()),
        (user("eve"), with(tags("team", "u-eve"), api::TAG_RETAINED_FROM, "team/eve")),
    ];
    let scanned = Scanned { tagged: BTreeMap::new(), users: users.into(), more: false };
    let expected = ["user s-1/bob in r", "user s-1/carol in r"];
    assert_eq!(found(&ours, &scanned), expected, "the uid of a server is no user's");
}

#[test]
fn an_installation_for_some_namespaces_tells_nothing_of_others() {
    let ours = Ours { cluster: CLUSTER.to_owned(), namespaces: vec!["team".to_owned()] };
    let scanned = servers([("s-8".to_owned(), tags("team", "u-0")), ("s-9".to_owned(), tags("others", "u-0"))]);
    assert_eq!(found(&ours, &scanned), ["server s-8 in r"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_two_scans_far_enough_apart_saw_is_believed() {
    let orphan = |id: &str| Orphan {
        region: "r".to_owned(),
        kind: OrphanKind::Gone(ManagedKind::TransferServer),
        id: id.to_owned(),
    };
    let start = Instant::now();
    let mut region = Region::default();
    let mut scan = |seconds: u64, ids: &[&str]| {
        region.count(ids.iter().map(|id| orphan(id)).collect(), start + Duration::from_secs(seconds), false);
        region.believed(LAG).map(|orphan| orphan.id.clone()).collect::<Vec<_>>()
    };
    assert!(scan(0, &["a", "b"]).is_empty(), "once is not enough");
    assert!(scan(119, &["a", "b"]).is_empty(), "twice too soon is not enough");
    assert_eq!(scan(120, &["a", "c"]), ["a"]);
    assert_eq!(scan(240, &["a", "b", "c"]), ["a", "c"], "b was gone in between and begins anew");
    assert!(scan(360, &[]).is_empty());
}

struct Fixture {
    world: World,
    orphans: Arc<Orphans>,
    identity: Arc<AwsIdentity>,
}

impl Fixture {
    fn new() -> Self {
        let world = World::open();
        let orphans = Arc::new(Orphans::new(Arc::clone(&world.deps), settings(), Vec::new()));
        let identity = world.deps.lister.identity("default").unwrap();
        orphans.due(&identity, Instant::now());
        Self { world, orphans, identity }
    }

    /// A server of AWS with users whose names belong to us if they begin with `our-`.
    fn server(&self, id: &str, name: &str, users: &[&str]) {
        self.world.put(id, owner_tags(name));
        let mut held = self.world.cloud.users();
        for user in users {
            let tags = if user.starts_with("our-") { tags("team", &format!("uid-{user}")) } else { Tags::new() };
            let user_name = (*user).to_owned();
            held.insert((id.to_owned(), user_name.clone()), User { user_name, tags, ..User::default() });
        }
    }

    fn object(&self, name: &str, server_id: &Value) {
        let status = json!({"observedGeneration": 1, "serverId": server_id});
        self.world.store(&object::<TransferServer>(name, json!({"region": REGION}), status));
    }

    fn user(&self, name: &str, status: Value) {
        let spec = json!({"serverRef": {"name": "files"}, "role": "r", "home": {"s3": {"bucket": "b"}}});
        self.world.store(&object::<TransferUser>(name, spec, status));
    }

    async fn scan(&self) -> Told {
        self.world.cloud.reads_since();
        self.orphans.scan(&self.identity).await;
        self.orphans.told(&self.identity)
    }

    async fn scan_later(&self) -> Told {
        tokio::time::advance(LAG).await;
        self.scan().await
    }
}

#[tokio::test(start_paused = true)]
async fn orphans_are_told_from_the_second_scan_on_until_they_are_gone() {
    let fixture = Fixture::new();
    assert_eq!(fixture.orphans.told(&fixture.identity), Told::Unsure, "before the first scan");
    fixture.object("files", &json!(FIRST));
    fixture.user("our-alice", json!({"observedGeneration": 1, "serverId": FIRST, "userName": "our-alice"}));
    fixture.user("our-new", Value::Null);
    fixture.server(FIRST, "files", &["our-alice", "our-new", "our-gone", "by-hand"]);
    fixture.server(SECOND, "gone", &["our-other"]);
    fixture.server(THIRD, "files", &[]);
    assert_eq!(fixture.scan().await, Told::Unsure);
    let reads = fixture.world.cloud.asked();
    assert!(!reads.contains(&format!("DescribeUser {FIRST}/our-alice")), "an object accounts for her: {reads:?}");
    assert!(!reads.contains(&format!("ListUsers {SECOND}")), "users of an orphan go with it: {reads:?}");

    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    let parts = [
        "has 3 ",
        &format!("server {SECOND} in"),
        &format!("duplicate server {THIRD} in"),
        &format!("user {FIRST}/our-gone in"),
    ];
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
    let reads = fixture.world.cloud.asked();
    assert!(!reads.contains(&format!("DescribeUser {FIRST}/by-hand")), "not ours, and known to be: {reads:?}");
    let counts: Vec<usize> = fixture.orphans.counts().into_values().collect();
    assert_eq!(counts, [0, 0, 0, 1, 0, 1, 1, 0, 0]);

    fixture.world.cloud.servers().retain(|id, _| id == FIRST);
    fixture.user("our-gone", Value::Null);
    assert_eq!(fixture.scan_later().await, Told::Clear);
}

#[tokio::test(start_paused = true)]
async fn the_old_one_of_a_replacement_is_no_orphan() {
    let fixture = Fixture::new();
    let replacing = json!({"oldId": "w-00000000000000001", "attempt": "a", "phase": "Moving"});
    let scan: TransferWorkflow = object(
        "scan",
        json!({"region": REGION, "steps": []}),
        json!({"workflowId": "w-00000000000000002", "replacing": replacing}),
    );
    fixture.world.store(&scan);
    for id in ["w-00000000000000001", "w-00000000000000002", "w-00000000000000003"] {
        fixture.world.cloud.put_workflow(id, &tags("team", "uid-scan"));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 1 ") && text.contains("duplicate workflow w-00000000000000003 in"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_profile_of_no_object_is_an_orphan_and_one_that_is_recorded_is_none() {
    let fixture = Fixture::new();
    let spec = json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL"});
    fixture.world.store(&object::<TransferProfile>("us", spec, json!({"profileId": "p-00000000000000001"})));
    for (id, uid) in [("p-00000000000000001", "uid-us"), ("p-00000000000000002", "uid-gone")] {
        fixture.world.cloud.put_profile(id, &tags("team", uid));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 1 ") && text.contains("profile p-00000000000000002 in"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_agreement_of_no_object_is_an_orphan_told_with_its_server() {
    let fixture = Fixture::new();
    fixture.world.put(FIRST, Tags::new());
    let spec = json!({"serverId": FIRST, "region": REGION, "awsIdentityRef": {"name": "default"}, "localProfileId": "p-1",
        "partnerProfileId": "p-2", "accessRole": "arn", "baseDirectory": "/b"});
    let recorded = json!({"resourceId": format!("{FIRST}/a-00000000000000001")});
    fixture.world.store(&object::<TransferAgreement>("orders", spec, recorded));
    for (id, uid) in [("a-00000000000000001", "uid-orders"), ("a-00000000000000002", "uid-gone")] {
        fixture.world.cloud.put_agreement(FIRST, id, &tags("team", uid));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 1 ") && text.contains(&format!("agreement {FIRST}/a-00000000000000002 in")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_web_app_of_no_object_is_an_orphan_and_one_that_is_recorded_is_none() {
    let fixture = Fixture::new();
    let center = json!({"instanceArn": "arn", "role": "arn"});
    let spec = json!({"region": REGION, "awsIdentityRef": {"name": "default"},
        "identityProviderDetails": {"identityCenterConfig": center}});
    let recorded = json!({"webAppId": "webapp-00000000000000001"});
    fixture.world.store(&object::<TransferWebApp>("portal", spec, recorded));
    for (id, uid) in [("webapp-00000000000000001", "uid-portal"), ("webapp-00000000000000002", "uid-gone")] {
        fixture.world.cloud.put_web_app(id, &tags("team", uid));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 1 ") && text.contains("web app webapp-00000000000000002 in"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_connector_of_no_object_is_an_orphan_and_one_that_is_recorded_is_none() {
    let fixture = Fixture::new();
    let spec = json!({"region": REGION, "url": "sftp://a", "accessRole": "r", "sftpConfig": {"userSecretId": "s"}});
    fixture.world.store(&object::<TransferConnector>("acme", spec, json!({"connectorId": "c-00000000000000001"})));
    for (id, uid) in
        [("c-00000000000000001", "uid-acme"), ("c-00000000000000002", "uid-acme"), ("c-00000000000000003", "uid-gone")]
    {
        fixture.world.cloud.put_connector(id, &tags("team", uid));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 2 "), "{text}");
    assert!(text.contains("duplicate connector c-00000000000000002 in"), "{text}");
    assert!(text.contains(" connector c-00000000000000003 in"), "{text}");
}

/// The old one of a renewal stands beside the new one until its overlap is over.
#[tokio::test(start_paused = true)]
async fn a_certificate_of_no_object_is_an_orphan_and_one_being_renewed_is_none() {
    let fixture = Fixture::new();
    let spec = json!({"region": REGION, "usage": "SIGNING", "secretRef": {"name": "tls"}});
    let replacing = json!({"oldId": "cert-00000000000000001", "attempt": "a", "phase": "Moving"});
    let status = json!({"certificateId": "cert-00000000000000002", "replacing": replacing});
    fixture.world.store(&object::<TransferCertificate>("own", spec, status));
    for (id, uid) in [
        ("cert-00000000000000001", "uid-own"),
        ("cert-00000000000000002", "uid-own"),
        ("cert-00000000000000003", "uid-own"),
        ("cert-00000000000000004", "uid-gone"),
    ] {
        fixture.world.cloud.put_certificate_of(id, &tags("team", uid));
    }
    fixture.scan().await;
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("has 2 "), "{text}");
    assert!(text.contains("duplicate certificate cert-00000000000000003 in"), "{text}");
    assert!(text.contains(" certificate cert-00000000000000004 in"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_objects_record_is_not_read_and_what_is_not_ours_once() {
    let fixture = Fixture::new();
    let spec = json!({"region": REGION, "usage": "SIGNING", "secretRef": {"name": "tls"}});
    let status = json!({"certificateId": "cert-00000000000000001"});
    fixture.world.store(&object::<TransferCertificate>("own", spec, status));
    let certificate = |id: &str, tags: &Tags| fixture.world.cloud.put_certificate_of(id, tags);
    // What only lost its uid tag is told by the object that records it.
    let mut lost = tags("team", "uid-own");
    lost.remove(api::TAG_UID);
    certificate("cert-00000000000000001", &lost);
    for number in 2..DESCRIBED + 20 {
        certificate(&format!("cert-{number:017}"), &tags("team", "uid-gone").into_iter().take(1).collect());
    }
    certificate("cert-99999999999999999", &tags("team", "uid-gone"));
    let read = || fixture.world.cloud.asked().iter().filter(|read| read.starts_with("DescribeCertificate")).count();
    assert_eq!((fixture.scan().await, read()), (Told::Unsure, DESCRIBED), "there is more");
    assert_eq!((fixture.scan_later().await, read()), (Told::Unsure, 19), "the rest");
    let told = fixture.scan_later().await;
    assert!(matches!(&told, Told::Orphans(text) if text.contains("cert-99999999999999999") && text.contains("has 1 ")));
    assert_eq!(read(), 1, "only what may be an orphan is read again");
    let (cloud, gone) = (&fixture.world.cloud, json!({"CertificateId": "cert-99999999999999999"}));
    cloud.sim().out_of_band(Operation::DeleteCertificate, ACCOUNT, REGION, gone, cloud.now()).unwrap();
    assert_eq!((fixture.scan_later().await, read()), (Told::Clear, 0));
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_does_not_come_to_its_end_changes_nothing() {
    let fixture = Fixture::new();
    fixture.server(SECOND, "gone", &[]);
    fixture.scan().await;
    let told = fixture.scan_later().await;
    assert!(matches!(told, Told::Orphans(_)));
    for operation in ["ListServers", "DescribeServer"] {
        fixture.world.cloud.faults.lock().unwrap().insert(operation, crate::aws::AwsErrorKind::Denied);
        assert_eq!(fixture.scan_later().await, told, "{operation}");
        fixture.world.cloud.faults.lock().unwrap().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn users_on_servers_that_are_granted_by_their_id_are_looked_at_too() {
    let mut fixture = Fixture::new();
    let all = json!({"from": "All"});
    fixture.world.grant(json!([
        {"name": "a", "kinds": ["TransferUser"], "namespaces": all.clone(), "serverIds": [RAW, LAMBDA]},
        {"name": "b", "kinds": ["TransferUser"], "namespaces": all, "serverIds": [ORPHAN]},
    ]));
    fixture.identity = fixture.world.deps.lister.identity("default").unwrap();
    for id in [RAW, LAMBDA, ORPHAN, OTHER] {
        fixture.server(id, "whoever", &["our-alice", "our-gone", "by-hand"]);
        if id != ORPHAN {
            fixture.world.cloud.servers().get_mut(id).unwrap().tags.clear();
        }
    }
    let provider = Some("AWS_LAMBDA".to_owned());
    fixture.world.cloud.servers().get_mut(LAMBDA).unwrap().settings.identity_provider_type = provider;
    fixture.user("our-alice", json!({"observedGeneration": 1, "serverId": RAW, "userName": "our-alice"}));
    fixture.scan().await;
    let listed = |read: &String| read.starts_with("ListUsers") || read.starts_with("DescribeUser");
    let reads: Vec<String> = fixture.world.cloud.asked().into_iter().filter(listed).collect();
    assert_eq!(
        reads,
        [format!("ListUsers {RAW}"), format!("DescribeUser {RAW}/by-hand"), format!("DescribeUser {RAW}/our-gone")]
    );
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    for part in ["has 2 ", &format!("server {ORPHAN} in"), &format!("user {RAW}/our-gone in")] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_forgotten_while_its_scan_runs_stays_forgotten() {
    let fixture = Fixture::new();
    fixture.server(SECOND, "gone", &[]);
    fixture.scan().await;
    fixture.scan_later().await;
    assert_eq!(fixture.orphans.counts().into_values().sum::<usize>(), 1);

    // A scan that nobody can stop, as it ends just now.
    let stop = fixture.world.cloud.listing.write().await;
    let mut scan = Box::pin(fixture.orphans.scan(&fixture.identity));
    assert!(futures::poll!(&mut scan).is_pending());
    fixture.orphans.forget("identity");
    drop(stop);
    scan.await;
    assert!(fixture.orphans.lock().is_empty(), "{:?}", fixture.orphans.lock());
    assert!(fixture.orphans.counts().is_empty());

    fixture.orphans.start(&fixture.identity);
    assert!(fixture.orphans.lock().is_empty(), "it was forgotten after it was asked whether a scan is due");
}

#[tokio::test(start_paused = true)]
async fn the_scan_of_an_identity_that_is_gone_is_ended() {
    let fixture = Fixture::new();
    fixture.server(SECOND, "gone", &[]);
    let stop = fixture.world.cloud.listing.write().await;
    fixture.orphans.start(&fixture.identity);
    while fixture.world.cloud.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    fixture.orphans.forget("identity");
    drop(stop);
    tokio::time::sleep(LAG).await;
    assert_eq!(fixture.world.cloud.asked(), ["ListServers"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_objects_that_breaks_off_makes_no_orphans() {
    let fixture = Fixture::new();
    fixture.object("files", &json!(FIRST));
    fixture.server(FIRST, "files", &[]);
    for kind in ["TransferServer", "TransferUser"] {
        let error = ClusterError::Unavailable("list".to_owned(), "410".to_owned());
        fixture.world.cluster.breaks_off.lock().unwrap().insert(kind.to_owned(), error);
        assert_eq!((fixture.scan().await, fixture.scan_later().await), (Told::Unsure, Told::Unsure), "{kind}");
        assert!(fixture.world.cloud.asked().is_empty(), "AWS is not asked: {kind}");
        fixture.world.cluster.breaks_off.lock().unwrap().clear();
    }
    assert_eq!(fixture.scan_later().await, Told::Clear);
}

#[tokio::test(start_paused = true)]
async fn a_listed_server_that_is_not_there_is_no_orphan_and_stops_no_scan() {
    let fixture = Fixture::new();
    fixture.server(OLD, "gone", &[]);
    fixture.world.cloud.unseen.lock().unwrap().insert(OLD.to_owned());
    fixture.scan().await;
    assert_eq!(fixture.scan_later().await, Told::Clear);
}

#[tokio::test(start_paused = true)]
async fn a_scan_describes_a_bounded_number_of_users_and_comes_to_the_rest_later() {
    let fixture = Fixture::new();
    fixture.object("files", &json!(FIRST));
    let names: Vec<String> = (0..DESCRIBED + 50).map(|number| format!("hand-{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["our-zoe"]).collect();
    fixture.server(FIRST, "files", &names);
    let described = || fixture.world.cloud.asked().iter().filter(|read| read.starts_with("DescribeUser")).count();
    fixture.scan().await;
    assert_eq!(described(), DESCRIBED);
    fixture.scan_later().await;
    assert_eq!(described(), 51);
    let Told::Orphans(text) = fixture.scan_later().await else { panic!() };
    assert!(text.contains("our-zoe"), "{text}");
    assert_eq!(described(), 1, "only who is ours is looked at again");
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_of_an_orphan_of_an_account_once_whoever_sees_it() {
    let (log, _guard) = Log::begin();
    let fixture = Fixture::new();
    let mut second = AwsIdentity::clone(&fixture.identity);
    second.metadata.uid = Some("second".to_owned());
    fixture.orphans.due(&second, Instant::now());
    fixture.server(SECOND, "gone", &[]);
    let message = "no object stands for it; nothing is done to it";
    for lines in [0, 1, 1] {
        tokio::time::advance(LAG).await;
        fixture.orphans.scan(&fixture.identity).await;
        fixture.orphans.scan(&second).await;
        assert_eq!(log.said("WARN", message).len(), lines);
    }
    let line = log.said("WARN", message).remove(0);
    let fields = ["account", "region", "orphan", "id"].map(|field| line[field].clone());
    assert_eq!(fields, [json!(ACCOUNT), json!(REGION), json!("server"), json!(SECOND)]);

    fixture.orphans.forget("second");
    fixture.world.cloud.servers().clear();
    fixture.scan_later().await;
    fixture.server(SECOND, "gone", &[]);
    fixture.scan_later().await;
    fixture.scan_later().await;
    assert_eq!(log.said("WARN", message).len(), 2, "it was gone in between");
}
