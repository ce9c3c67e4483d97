#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::api::TransferUser;
use crate::aws::transfer::EndpointDetails;
use crate::kinds::fakes::{ACCOUNT, FIRST, OLD, REGION, SECOND, World, dying, object, owned, owner_tags};

/// A server object that says it is the first one in the account and region of the tests.
fn server(status: bool) -> TransferServer {
    let status = if status { json!({"serverId": FIRST}) } else { json!(null) };
    object("files", json!({"region": REGION}), status)
}

fn user(spec: serde_json::Value, status: serde_json::Value) -> TransferUser {
    let mut all = json!({"role": format!("arn:aws:iam::{ACCOUNT}:role/x")});
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    object("alice", all, status)
}

fn by_ref(status: serde_json::Value) -> TransferUser {
    user(json!({"serverRef": {"name": "files"}}), status)
}

fn by_raw_id(status: serde_json::Value) -> TransferUser {
    user(json!({"serverId": OLD, "awsIdentityRef": {"name": "default"}, "region": REGION}), status)
}

fn created() -> serde_json::Value {
    json!({"serverId": FIRST, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default"})
}

async fn place_of(world: &World, user: &TransferUser) -> Result<Target<LoginTarget>, Unresolved> {
    let status = user.status.as_ref();
    let request = TargetQuery::of(user);
    let choice = ServerChoice {
        server_ref: user.spec.server_ref.as_ref(),
        server_id: user.spec.server_id.as_deref(),
        identity: user.spec.aws_identity_ref.as_ref(),
        region: user.spec.region.as_deref(),
        recorded: status.and_then(|status| status.server_id.as_deref()),
    };
    on_server(&world.deps, &request, &choice).await
}

async fn block_of(world: &World, user: &TransferUser) -> Reason {
    match place_of(world, user).await {
        Err(Unresolved::NotReady(block)) => block,
        other => panic!("not blocked: {other:?}"),
    }
}

fn ready() -> World {
    let world = World::open();
    world.watch(&server(true));
    world.put(FIRST, owner_tags("files"));
    world
}

#[tokio::test]
async fn a_user_is_on_the_server_of_its_reference_once_its_tags_were_seen() {
    let world = ready();
    let target = place_of(&world, &by_ref(json!(null))).await.unwrap();
    let LoginTarget { server_id, domain, provider, replaces, unproven, shown: _ } = &target.detail;
    assert_eq!(*unproven, None);
    assert_eq!(
        (server_id.as_str(), domain.as_str(), provider.as_str(), *replaces),
        (FIRST, "S3", "SERVICE_MANAGED", false)
    );
    assert_eq!((target.account.id.as_str(), target.account.region.as_str()), (ACCOUNT, REGION));
    place_of(&world, &by_ref(json!(null))).await.unwrap();
    assert_eq!(world.cloud.asked(), [format!("DescribeServer {FIRST}")], "once verified, AWS is not asked again");
}

#[test]
fn clients_connect_to_the_custom_else_public_name_else_endpoint() {
    let by_aws = "s-1.server.transfer.eu-central-1.amazonaws.com";
    let rows = [
        (None, None, Some("sftp.example.com"), Some("sftp.example.com")),
        (None, None, None, Some(by_aws)),
        (Some("PUBLIC"), None, Some(""), Some(by_aws)),
        (Some("VPC"), Some("vpce-1"), Some("sftp.example.com"), Some("sftp.example.com")),
        (Some("VPC"), Some("vpce-1"), None, Some("vpce-1")),
        (Some("VPC"), None, None, None),
    ];
    for (endpoint_type, endpoint, custom, expected) in rows {
        let mut server = owned("s-1", "files");
        server.settings.endpoint_type = endpoint_type.map(str::to_owned);
        server.settings.endpoint_details =
            endpoint.map(|id| EndpointDetails { vpc_endpoint_id: Some(id.to_owned()), ..EndpointDetails::default() });
        server.tags.extend(custom.map(|name| (TAG_CUSTOM_HOSTNAME.to_owned(), name.to_owned())));
        let row = format!("{endpoint_type:?} {endpoint:?} {custom:?}");
        assert_eq!(host(&server, REGION).as_deref(), expected, "{row}");
        assert_eq!(facts_of(&server, REGION).host.as_deref(), expected, "{row}");
    }
    assert_eq!(host(&owned("s-1", "x"), "cn-north-1").unwrap(), "s-1.server.transfer.cn-north-1.amazonaws.com.cn");
}

#[tokio::test]
async fn a_forged_server_status_gives_no_logins_elsewhere() {
    let world = World::open();
    world.watch(&server(true));
    world.put(FIRST, owner_tags("somebody-else"));
    let block = block_of(&world, &by_ref(json!(null))).await;
    assert_eq!((block.code, block.needs_person), (reasons::SERVER_NOT_AVAILABLE, false));
}

#[tokio::test]
async fn only_recorded_and_leaving_users_are_looked_at_on_an_unproven_server() {
    let elsewhere = || json!({"serverId": SECOND, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default"});
    let (user, access) = (ManagedKind::TransferUser, ManagedKind::TransferAccess);
    let rows = [
        (user, json!(null), false, None, "a new one"),
        (user, created(), false, Some(true), "its keys can be removed"),
        (user, elsewhere(), false, None, "of another server"),
        (user, json!(null), true, Some(true), "it may have been created there"),
        (access, created(), false, None, "an access has no tags of its own"),
        (access, json!(null), true, None, "nor has one that leaves"),
    ];
    for (kind, status, deleting, expected, why) in rows {
        let world = World::open();
        world.watch(&server(true));
        let mut stripped = owner_tags("files");
        stripped.remove(crate::api::TAG_UID);
        world.put(FIRST, stripped);
        let user = by_ref(status);
        let status = user.status.as_ref();
        let common = status.map(|status| &status.common);
        let namespace = "team".to_owned();
        let request = TargetQuery { kind, namespace, status: common, deleting, finalizer: true, created: None };
        let choice = ServerChoice {
            server_ref: user.spec.server_ref.as_ref(),
            server_id: None,
            identity: None,
            region: None,
            recorded: status.and_then(|status| status.server_id.as_deref()),
        };
        let target = on_server(&world.deps, &request, &choice).await;
        assert_eq!(target.ok().map(|target| target.detail.unproven.is_some()), expected, "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_users_of_a_server_that_takes_nobody_share_one_look_a_minute() {
    let strange = World::open();
    strange.watch(&server(true));
    strange.put(FIRST, owner_tags("somebody-else"));
    let gone = World::open();
    gone.watch(&server(true));
    let raw = World::with_grants(
        json!([{"name": "x", "kinds": ["TransferUser"], "namespaces": {"from": "All"}, "serverIds": [OLD]}]),
    );
    for (world, user) in [(strange, by_ref(json!(null))), (gone, by_ref(json!(null))), (raw, by_raw_id(json!(null)))] {
        let first = block_of(&world, &user).await;
        for _ in 0..10 {
            let block = block_of(&world, &user).await;
            assert_eq!((block.code, &block.message), (first.code, &first.message));
        }
        assert_eq!(world.cloud.asked().len(), 1, "{}", first.message);
        tokio::time::advance(std::time::Duration::from_mins(1)).await;
        block_of(&world, &user).await;
        assert_eq!(world.cloud.asked().len(), 2, "{}", first.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_its_own_reconcile_finds_in_order_takes_its_users_at_once() {
    let world = World::open();
    world.watch(&server(true));
    world.put(FIRST, owner_tags("somebody-else"));
    block_of(&world, &by_ref(json!(null))).await;
    let mended = owned(FIRST, "files");
    world.deps.verified.insert(ACCOUNT, REGION, FIRST, "uid-files", &facts_of(&mended, REGION));
    world.put(FIRST, mended.tags);
    place_of(&world, &by_ref(json!(null))).await.unwrap();
    assert_eq!(world.cloud.asked().len(), 1);
}

#[tokio::test]
async fn elsewhere_an_absent_server_looks_like_one_that_allows_nobody() {
    let elsewhere = user(json!({"serverRef": {"name": "files", "namespace": "platform"}}), json!(null));
    let absent = block_of(&World::open(), &elsewhere).await;
    let world = World::open();
    let mut elsewhere = server(true);
    elsewhere.metadata.namespace = Some("platform".to_owned());
    world.watch(&elsewhere);
    world.put(FIRST, owner_tags("files"));
    let user = user(json!({"serverRef": {"name": "files", "namespace": "platform"}}), json!(null));
    let refused = block_of(&world, &user).await;
    assert_eq!(refused.message, absent.message);
    assert_eq!((refused.code, refused.needs_person), (absent.code, absent.needs_person));
    assert!(absent.message.starts_with("spec.serverRef: "), "the field that leads there is named: {}", absent.message);
    assert!(world.asked() == 0 && world.cloud.asked().is_empty());
}

#[tokio::test]
async fn at_home_an_absent_server_and_one_that_allows_nobody_differ() {
    let world = World::open();
    let absent = block_of(&world, &by_ref(json!(null))).await;
    assert!(absent.message.ends_with("TransferServer team/files does not exist"), "{}", absent.message);
    let mut closed = server(true);
    closed.spec.allowed_references =
        serde_json::from_value(json!({"namespaces": {"from": "Names", "names": ["other"]}})).unwrap();
    world.watch(&closed);
    let refused = block_of(&world, &by_ref(json!(null))).await;
    assert!(refused.message.contains("does not allow references from its own namespace"), "{}", refused.message);
    for block in [absent, refused] {
        assert_eq!((block.code, block.needs_person), (reasons::SERVER_NOT_AVAILABLE, false));
    }
}

#[tokio::test]
async fn a_server_that_is_only_observed_says_why_it_takes_nobody() {
    let world = World::open();
    let spec = json!({"region": REGION, "lifecycle": {"managementPolicy": "ObserveOnly"}});
    world.watch(&object::<TransferServer>("files", spec, json!({"serverId": FIRST})));
    world.put(FIRST, owner_tags("somebody-else"));
    let block = block_of(&world, &by_ref(json!(null))).await;
    assert_eq!((block.code, block.needs_person), (reasons::SERVER_NOT_AVAILABLE, false));
    assert!(block.message.contains(&format!("only observes server {FIRST}")), "{}", block.message);
}

#[tokio::test]
async fn what_is_new_waits_two_minutes_for_its_identity_and_never_for_a_grant() {
    let (absent, denying) = (ready(), ready());
    absent.lister.remove("AwsIdentity", &Name { namespace: String::new(), name: "default".to_owned() });
    denying.grant(json!([]));
    let granted_elsewhere = ready();
    granted_elsewhere.identity(|identity| identity.spec.regions = vec!["us-east-1".to_owned()]);
    let now: jiff::Timestamp = crate::kinds::fakes::NOW.parse().unwrap();
    for (seconds, stalls) in [(0, false), (119, false), (120, true), (-5, false)] {
        let mut new = by_ref(json!(null));
        new.metadata.creation_timestamp = Some(Time(now - SignedDuration::from_secs(seconds)));
        let blocks = [block_of(&absent, &new).await, block_of(&denying, &new).await];
        assert_eq!(blocks[0].message, blocks[1].message);
        assert_eq!((blocks[0].code, blocks[0].needs_person), (reasons::IDENTITY_DENIED, stalls), "{seconds}");
        for block in [&blocks[1], &block_of(&granted_elsewhere, &new).await] {
            assert_eq!((block.code, block.needs_person), (reasons::IDENTITY_DENIED, true), "{}", block.message);
        }
    }
    assert!(block_of(&absent, &by_ref(json!(null))).await.needs_person);
}

#[tokio::test]
async fn an_identity_under_deletion_serves_only_what_it_may_have_made() {
    let world = ready();
    world.identity(|identity| identity.metadata.deletion_timestamp = dying(server(true)).metadata.deletion_timestamp);
    let target = place_of(&world, &by_ref(created())).await.unwrap();
    assert_eq!(target.denied, None, "in full, not only its deletion");
    let mut begun = by_ref(json!(null));
    begun.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    assert_eq!(place_of(&world, &begun).await.unwrap().denied, None, "a create may have been sent");
    let block = block_of(&world, &by_ref(json!(null))).await;
    assert_eq!((block.code, block.needs_person), (reasons::IDENTITY_DENIED, true));
    assert!(block.message.contains("is being deleted"), "{}", block.message);
}

#[tokio::test]
async fn only_what_aws_may_answer_differently_to_begins_waits_anew() {
    let world = ready();
    let revision = async || place_of(&world, &by_ref(created())).await.unwrap().revision;
    let first = revision().await;
    world.identity(|identity| {
        identity.metadata.generation = Some(7);
        let more =
            json!({"name": "more", "kinds": ["TransferUser"], "namespaces": {"from": "All"}, "serverIds": ["s-7"]});
        identity.spec.grants.push(serde_json::from_value(more).unwrap());
        identity.spec.regions.push("us-east-1".to_owned());
    });
    assert_eq!(revision().await, first, "a grant, a region");
    world.identity(|identity| identity.spec.tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let tagged = revision().await;
    assert_ne!(tagged, first, "tags");
    world.identity(|identity| identity.spec.use_fips = true);
    assert_ne!(revision().await, tagged, "other credentials or addresses");
}

#[tokio::test]
async fn a_user_waits_for_the_id_of_its_server() {
    let world = World::open();
    world.watch(&server(false));
    let block = block_of(&world, &by_ref(json!(null))).await;
    assert_eq!((block.code, block.needs_person), (reasons::WAITING_FOR_SERVER, false));
}

#[tokio::test]
async fn a_server_that_is_being_deleted_takes_nobody_new_and_keeps_who_is_there() {
    let world = ready();
    world.watch(&dying(server(true)));
    assert_eq!(block_of(&world, &by_ref(json!(null))).await.code, reasons::SERVER_NOT_AVAILABLE);
    place_of(&world, &by_ref(created())).await.unwrap();
    // It may have been created without its status being written; the server waits for it.
    place_of(&world, &dying(by_ref(json!(null)))).await.unwrap();
}

#[tokio::test]
async fn a_user_that_is_being_deleted_needs_neither_server_object_nor_server() {
    let world = World::open();
    let target = place_of(&world, &dying(by_ref(created()))).await.unwrap();
    assert_eq!(target.detail.server_id, FIRST);
    assert!(world.cloud.asked().is_empty());
    world.watch(&server(true));
    let target = place_of(&world, &dying(by_ref(json!(null)))).await.unwrap();
    assert_eq!(target.detail.server_id, FIRST, "AWS lacks the server: nothing is left of the user");
}

#[tokio::test]
async fn a_reference_that_leads_to_another_server_is_not_followed() {
    let world = ready();
    let mut status = created();
    status["serverId"] = json!(SECOND);
    let block = block_of(&world, &by_ref(status)).await;
    assert_eq!((block.code, block.needs_person), (reasons::SERVER_CHANGED, true));
    assert!(world.cloud.asked().is_empty());
}

#[tokio::test]
async fn a_grant_is_looked_up_for_the_own_namespace_and_a_denial_makes_no_call() {
    let world = ready();
    world.grant(json!([{"name": "x", "kinds": ["TransferUser"], "namespaces": {"from": "Names", "names": ["other"]}}]));
    let block = block_of(&world, &by_ref(json!(null))).await;
    assert_eq!((block.code, block.needs_person), (reasons::IDENTITY_DENIED, true));
    assert!(world.asked() == 0 && world.cloud.asked().is_empty());
}

#[tokio::test]
async fn a_withdrawn_grant_stops_everything_but_deletion() {
    let world = ready();
    world.grant(json!([]));
    let block = block_of(&world, &by_ref(created())).await;
    assert_eq!((block.code, block.needs_person), (reasons::GRANT_REVOKED, true));
    assert_eq!(world.asked(), 0);
    let target = place_of(&world, &dying(by_ref(created()))).await.unwrap();
    assert_eq!(target.denied.unwrap().code, reasons::GRANT_REVOKED);
    assert_eq!(block_of(&world, &dying(by_ref(json!(null)))).await.code, reasons::IDENTITY_DENIED);
}

#[tokio::test]
async fn nothing_follows_an_identity_to_another_account() {
    let world = ready();
    let mut status = created();
    status["accountId"] = json!("999999999999");
    for user in [by_ref(status.clone()), dying(by_ref(status))] {
        let block = block_of(&world, &user).await;
        assert_eq!((block.code, block.needs_person), (reasons::ACCOUNT_CHANGED, true));
        assert!(!block.message.contains(ACCOUNT), "{}", block.message);
    }
    // Only the record of a create tells, as after a write that was cut short.
    let mut status = json!({"create": {"uid": "uid-alice", "phase": "InFlight", "accountId": "999999999999"}});
    for user in [by_ref(status.clone()), dying(by_ref(status.clone()))] {
        assert_eq!(block_of(&world, &user).await.code, reasons::ACCOUNT_CHANGED);
    }
    status["create"] = json!({"uid": "uid-alice", "phase": "InFlight", "region": "us-east-1"});
    assert_eq!(block_of(&world, &by_ref(status)).await.code, reasons::REGION_CHANGED);
    assert_eq!(world.asked(), 0, "in another account a deletion would find nothing, and take that for done");
}

#[tokio::test]
async fn a_raw_id_counts_only_where_the_grant_lists_it() {
    let world = World::open();
    world.put(OLD, owner_tags("whoever"));
    let block = block_of(&world, &by_raw_id(json!(null))).await;
    assert_eq!(block.code, reasons::IDENTITY_DENIED);
    assert!(block.message.starts_with("spec.serverId: "), "{}", block.message);
    assert!(world.cloud.asked().is_empty());

    let mut status = created();
    status["serverId"] = json!(OLD);
    assert_eq!(block_of(&world, &by_raw_id(status.clone())).await.code, reasons::GRANT_REVOKED);
    place_of(&world, &dying(by_raw_id(status))).await.unwrap();

    let all = json!({"from": "All"});
    world.grant(json!([{"name": "x", "kinds": ["TransferUser"], "namespaces": all, "serverIds": [OLD]}]));
    let target = place_of(&world, &by_raw_id(json!(null))).await.unwrap();
    assert_eq!(target.detail.server_id, OLD);
}

#[tokio::test]
async fn a_server_that_is_being_deleted_takes_nobody_new_by_its_raw_id_either() {
    let world = World::open();
    let all = json!({"from": "All"});
    world.grant(json!([{"name": "x", "kinds": ["TransferUser"], "namespaces": all, "serverIds": [OLD]}]));
    world.put(OLD, owner_tags("files"));
    let going: TransferServer = object("files", json!({"region": REGION}), json!({"serverId": OLD}));
    world.watch(&dying(going));
    assert_eq!(block_of(&world, &by_raw_id(json!(null))).await.code, reasons::SERVER_NOT_AVAILABLE);
    let mut status = created();
    status["serverId"] = json!(OLD);
    place_of(&world, &by_raw_id(status)).await.unwrap();
}
