//! The plan as a whole, and what the engine asks of a server besides.

use serde_json::json;

use super::{files, held, operations, owner, plan_of, public, sent, wanted};
use crate::api::condition::reasons;
use crate::api::server::DesiredState;
use crate::api::{self, TransferServer, TransferServerStatus};
use crate::aws::Mutation;
use crate::aws::transfer::{EndpointDetails, HostKey, TagResource, Tags};
use crate::engine::kind::{Described, Kind, KindStatus, ResourceState, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::fakes::{ACCOUNT, FIRST, OLD, REGION, World, dying, object, owner_tags};
use crate::kinds::server::wanted::WantedHostKey;
use crate::kinds::server::wanted::WantedServer;
use crate::kinds::server::{ServerState, Servers};

const ED25519: &str = include_str!("../../../../tests/fixtures/keys/openssh-ed25519");

fn key(name: &str) -> WantedHostKey {
    WantedHostKey {
        name: name.to_owned(),
        body: "private".to_owned().into(),
        public: public(),
        fingerprint: format!("SHA256:{name}"),
        description: None,
        storage_type: None,
        kms_key: None,
        kms_unsure: false,
        tags: Tags::new(),
    }
}

fn aws_key(name: &str) -> HostKey {
    HostKey {
        arn: format!("arn:{name}"),
        id: format!("hostkey-{name}"),
        fingerprint: Some(format!("SHA256:{name}")),
        ..HostKey::default()
    }
}

/// A bit of everything differs.
fn busy_day() -> (Wanted<WantedServer>, ServerState, serde_json::Value) {
    let mut want = wanted(json!({"preAuthenticationLoginBanner": "new"}));
    want.want.tags = Tags::from([("a".to_owned(), "1".to_owned())]);
    let described = WantedHostKey {
        description: Some("d".to_owned()),
        tags: Tags::from([("t".to_owned(), "1".to_owned())]),
        ..key("known")
    };
    want.want.host_keys = Some(vec![key("missing"), described]);
    want.want.exclusive_host_keys = true;
    let mut have = held(json!({"preAuthenticationLoginBanner": "old"}));
    have.server.state = Some("OFFLINE".to_owned());
    have.server.tags.insert("gone".to_owned(), "1".to_owned());
    have.host_keys =
        vec![HostKey { tags: Tags::from([("left".to_owned(), "1".to_owned())]), ..aws_key("known") }, aws_key("aws")];
    let status = json!({"hostKeys": [{"id": "hostkey-aws"}],
        "applied": {"tags": ["gone"], "paths": ["hostKeys[known].tags[left]"]}});
    (want, have, status)
}

#[test]
fn calls_come_in_their_order_and_removals_last() {
    let (mut want, mut have, status) = busy_day();
    let before = ["UpdateServer", "ImportHostKey", "UpdateHostKey", "TagResource", "UntagResource"];
    let after = ["TagResource", "UntagResource", "StartServer"];
    assert_eq!(operations(&plan_of(&want, &have, status.clone())), [&before[..], &after[..]].concat());
    want.want.host_keys.as_mut().unwrap().remove(0);
    have.host_keys[0].tags.clear();
    let expected = [
        "UpdateServer",
        "UpdateHostKey",
        "TagResource",
        "DeleteHostKey",
        "TagResource",
        "UntagResource",
        "StartServer",
    ];
    assert_eq!(operations(&plan_of(&want, &have, status)), expected);
}

#[test]
fn every_difference_is_told_and_keys_without_their_text() {
    let (want, have, status) = busy_day();
    let told = |plan: &crate::engine::kind::Plan| -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        plan.changes.iter().map(|c| format!("{} {} {}", c.path, text(&c.have), text(&c.want))).collect()
    };
    let expected = [
        "preAuthenticationLoginBanner old new",
        "desiredState OFFLINE ONLINE",
        "hostKeys[missing] - SHA256:missing",
        "hostKeys[known].description - d",
        "hostKeys[known].tags[t] - 1",
        "hostKeys[known].tags[left] 1 -",
        "hostKeys[hostkey-aws] SHA256:aws -",
        "tags[a] - 1",
        "tags[gone] 1 -",
    ];
    assert_eq!(told(&plan_of(&want, &have, status)), expected);
    let same = plan_of(&wanted(json!({})), &held(json!({})), json!({}));
    assert!(told(&same).is_empty(), "owner tags are no difference of the spec's");
}

#[test]
fn a_role_that_is_not_granted_holds_back_only_what_would_carry_it() {
    let details = json!({"url": "https://a", "invocationRole": "arn:r"});
    let mut want = wanted(json!({"preAuthenticationLoginBanner": "b", "loggingRole": "arn:l",
        "identityProviderType": "API_GATEWAY", "identityProviderDetails": details}));
    want.want.ungranted = vec!["loggingRole".to_owned(), "identityProviderDetails.invocationRole".to_owned()];
    assert_eq!(sent(&plan_of(&want, &held(json!({})), json!({}))), json!({"preAuthenticationLoginBanner": "b"}));
}

#[test]
fn an_unchangeable_member_holds_back_what_is_sent_with_it_only() {
    let vpc = |id: &str, subnet: &str| json!({"vpcId": id, "subnetIds": [subnet]});
    let want = json!({"endpointType": "VPC", "endpointDetails": vpc("v-2", "s-2"), "loggingRole": "arn:l"});
    let have = json!({"endpointType": "VPC", "endpointDetails": vpc("v-1", "s-1")});
    let plan = plan_of(&wanted(want), &held(have), json!({}));
    assert_eq!(sent(&plan), json!({"loggingRole": "arn:l"}));
    assert_eq!(plan.blocks[0].code, reasons::IMMUTABLE);
}

/// Users of other tools, peers.md C 24: stopped and started by a field.
#[test]
fn a_server_is_started_and_stopped_only_from_where_aws_takes_it() {
    use DesiredState::{Offline, Online};
    let rows: &[(DesiredState, &str, Option<&str>, &[&str], Option<&str>, Option<&str>)] = &[
        (Online, "ONLINE", None, &[], None, None),
        (Offline, "OFFLINE", None, &[], None, None),
        (Online, "OFFLINE", None, &["StartServer"], None, None),
        (Offline, "ONLINE", None, &["StopServer"], None, None),
        (Online, "STARTING", None, &[], Some(reasons::STARTING), None),
        (Offline, "STARTING", None, &[], Some(reasons::STARTING), None),
        (Online, "STOPPING", None, &[], Some(reasons::STOPPING), None),
        (Offline, "STOPPING", None, &[], Some(reasons::STOPPING), None),
        (Online, "START_FAILED", Some("STARTING"), &[], None, Some(reasons::START_FAILED)),
        (Online, "START_FAILED", Some("START_FAILED"), &["StartServer"], None, Some(reasons::START_FAILED)),
        (Offline, "START_FAILED", Some("START_FAILED"), &["StopServer"], None, Some(reasons::START_FAILED)),
        (Online, "STOP_FAILED", None, &[], None, Some(reasons::STOP_FAILED)),
        (Online, "STOP_FAILED", Some("STOP_FAILED"), &["StartServer"], None, Some(reasons::STOP_FAILED)),
        (Offline, "STOP_FAILED", Some("STOP_FAILED"), &["StopServer"], None, Some(reasons::STOP_FAILED)),
        (Online, "SOMETHING_NEW", None, &[], Some(reasons::WAITING_FOR_AWS), None),
    ];
    for (desired, state, told, calls, busy, block) in rows {
        let mut want = wanted(json!({}));
        want.want.state = *desired;
        let mut have = held(json!({}));
        have.server.state = Some((*state).to_owned());
        let status = told.map_or_else(|| json!({}), |told| json!({"state": told}));
        let plan = plan_of(&want, &have, status);
        assert_eq!(&operations(&plan), calls, "{desired:?} {state}");
        assert_eq!(plan.busy.as_ref().map(|busy| busy.code), *busy, "{desired:?} {state}");
        assert_eq!(plan.blocks.first().map(|block| block.code), *block, "{desired:?} {state}");
    }
}

#[test]
fn owner_tags_are_put_back_and_tags_of_others_stay() {
    let mut have = held(json!({}));
    have.server.tags.remove(api::TAG_OWNER);
    have.server.tags.insert("aws:cloudformation:stack".to_owned(), "x".to_owned());
    have.server.tags.insert("foreign".to_owned(), "x".to_owned());
    let plan = plan_of(&wanted(json!({})), &have, json!({}));
    let [call] = plan.calls.as_slice() else { panic!("{:?}", plan.calls) };
    let Mutation::TagResource(TagResource { tags, .. }) = &call.mutation else { panic!("{call:?}") };
    let paths: Vec<&str> = call.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["tags[transfer-operator.dev/owner]"], "an Event says what was put back");
    assert_eq!(tags.get(api::TAG_OWNER), Some(&owner().name));
    assert_eq!(tags.len(), 1);
}

async fn look(world: &World, object: &TransferServer) -> Described<ServerState> {
    let servers = Servers::new(world.deps.clone());
    let target = servers.resolve(object).await.unwrap().unwrap();
    servers.describe(object, &target).await.unwrap()
}

fn recorded() -> serde_json::Value {
    json!({"serverId": FIRST, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default"})
}

#[tokio::test]
async fn a_look_verifies_the_server_for_its_users_and_forgets_what_is_not_ours() {
    let world = World::open();
    let verified = || world.deps.verified.get(ACCOUNT, REGION, FIRST, "uid-files");
    assert!(matches!(look(&world, &files(json!(null))).await, Described::NoKey));
    world.put(FIRST, owner_tags("files"));
    assert!(matches!(look(&world, &files(recorded())).await, Described::Found(_)));
    assert!(verified().is_some());
    world.put(FIRST, owner_tags("somebody-else"));
    assert!(matches!(look(&world, &files(recorded())).await, Described::Found(_)));
    assert!(verified().is_none());
    world.put(FIRST, owner_tags("files"));
    look(&world, &files(recorded())).await;
    world.cloud.servers().clear();
    assert!(matches!(look(&world, &files(recorded())).await, Described::Missing));
    assert!(verified().is_none());
}

#[tokio::test]
async fn host_keys_are_described_only_where_their_tags_matter() {
    let world = World::open();
    world.put(FIRST, owner_tags("files"));
    let tags = Tags::from([("t".to_owned(), "1".to_owned())]);
    let id = world.cloud.import_host_key(FIRST, ED25519, &tags);
    look(&world, &files(recorded())).await;
    let reads: Vec<String> = world.cloud.asked().into_iter().filter(|read| read.contains("HostKey")).collect();
    assert_eq!(reads, [format!("ListHostKeys {FIRST}")]);

    let mut once_set = recorded();
    once_set["applied"] = json!({"paths": ["hostKeys[a].tags[t]"]});
    let Described::Found(found) = look(&world, &files(once_set.clone())).await else { panic!() };
    let shown = |found: &ServerState| -> Vec<Tags> {
        found.host_keys.iter().filter(|key| key.id == id).map(|key| key.tags.clone()).collect()
    };
    assert_eq!((shown(&found), found.host_keys.len()), (vec![tags], 2), "beside the one of AWS");

    world.cloud.unseen.lock().unwrap().insert(id.clone());
    let Described::Found(found) = look(&world, &files(once_set)).await else {
        panic!("a key that went is no server that went")
    };
    assert_eq!((shown(&found), found.host_keys.len()), (Vec::new(), 1));
}

#[tokio::test]
async fn an_observer_looks_where_it_points_if_that_is_granted() {
    let observer = |deleting: bool| {
        let lifecycle =
            json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain", "adoption": {"serverId": OLD}});
        let object: TransferServer = object("files", json!({"region": REGION, "lifecycle": lifecycle}), recorded());
        if deleting { dying(object) } else { object }
    };
    let world = World::open();
    let servers = Servers::new(world.deps.clone());
    let Ok(Err(block)) = servers.resolve(&observer(false)).await else { panic!() };
    assert_eq!(block.code, reasons::IDENTITY_DENIED);
    assert!(world.cloud.asked().is_empty());
    servers.resolve(&observer(true)).await.unwrap().unwrap();

    let all = json!({"from": "All"});
    world.grant(json!([{"name": "x", "kinds": ["TransferServer"], "namespaces": all, "serverIds": [OLD]}]));
    world.put(OLD, owner_tags("whoever"));
    let Described::Found(found) = look(&world, &observer(false)).await else { panic!() };
    assert_eq!(found.server.server_id, OLD);
}

#[tokio::test]
async fn a_server_that_is_being_deleted_goes_from_where_it_was_put() {
    let world = World::open();
    let mut moved = dying(files(recorded()));
    moved.spec.region = "us-east-1".to_owned();
    moved.spec.aws_identity_ref.name = "other".to_owned();
    let target = Servers::new(world.deps.clone()).resolve(&moved).await.unwrap().unwrap();
    assert_eq!((target.account.region.as_str(), target.identity.as_str()), (REGION, "default"));

    let mut edited = files(recorded());
    edited.spec.region = "us-east-1".to_owned();
    world.identity(|identity| identity.spec.regions.push("us-east-1".to_owned()));
    let Ok(Err(block)) = Servers::new(world.deps.clone()).resolve(&edited).await else { panic!() };
    assert_eq!((block.code, block.needs_person), (reasons::REGION_CHANGED, true));
}

/// Users of other tools, peers.md C 30: what AWS has is in status, tags aside.
#[tokio::test]
async fn status_shows_what_aws_has() {
    let world = World::open();
    let servers = Servers::new(world.deps.clone());
    let target = servers.resolve(&files(json!(null))).await.unwrap().unwrap();
    let mut have = held(json!({"securityPolicyName": "TransferSecurityPolicy-2024-01"}));
    have.server.host_key_fingerprint = Some("SHA256:x=".to_owned());
    have.server.user_count = Some(2);
    have.server.as2_service_managed_egress_ip_addresses = vec!["192.0.2.7".to_owned()];
    let mut status = TransferServerStatus::default();
    servers.fill_status(&mut status, &target, None, &have);
    let shown = serde_json::to_value(&status).unwrap();
    let expected = json!({"serverId": "s-1", "arn": format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/s-1"),
        "state": "ONLINE", "endpoint": format!("s-1.server.transfer.{REGION}.amazonaws.com"),
        "hostKeyFingerprint": "SHA256:x", "userCount": 2, "securityPolicyName": "TransferSecurityPolicy-2024-01",
        "as2ServiceManagedEgressIpAddresses": ["192.0.2.7"]});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let mut vpc = have.clone();
    vpc.server.settings.endpoint_type = Some("VPC".to_owned());
    vpc.server.settings.endpoint_details =
        Some(EndpointDetails { vpc_endpoint_id: Some("vpce-1".to_owned()), ..EndpointDetails::default() });
    let mut in_vpc = status.clone();
    servers.fill_status(&mut in_vpc, &target, None, &vpc);
    assert_eq!((in_vpc.endpoint.as_deref(), in_vpc.vpc_endpoint_id.as_deref()), (Some("vpce-1"), Some("vpce-1")));
    vpc.server.tags.insert("transfer:customHostname".to_owned(), "sftp.example.com".to_owned());
    servers.fill_status(&mut in_vpc, &target, None, &vpc);
    assert_eq!(in_vpc.endpoint.as_deref(), Some("sftp.example.com"), "what partners are given");
    let mut gone = in_vpc.clone();
    gone.vanished();
    assert_eq!((gone.state, gone.endpoint, gone.user_count), (None, None, None));
    assert!(gone.as2_service_managed_egress_ip_addresses.is_empty());
    assert_eq!((gone.server_id, gone.host_keys), (in_vpc.server_id, in_vpc.host_keys), "what leads there stays");

    let counted = TransferServerStatus { user_count: Some(3), ..status.clone() };
    assert!(!status.changed(&counted), "a count alone is no reason to write");
    assert!(status.changed(&TransferServerStatus { state: None, ..counted }));
}

#[test]
fn an_old_security_policy_is_worth_a_look_and_states_are_said() {
    for (policy, expected) in [("2018-11", true), ("2020-06", true), ("2024-01", false), ("2025-03", false)] {
        let have = held(json!({"securityPolicyName": format!("TransferSecurityPolicy-{policy}")}));
        let advice = super::super::advice(&files(json!({})), &wanted(json!({})), &have);
        assert_eq!(advice.first().map(|hint| hint.code), expected.then_some(reasons::OLD_SECURITY_POLICY), "{policy}");
    }
    let mut have = held(json!({}));
    assert_eq!(have.ready_reason(), Reason::new(reasons::AVAILABLE, "server s-1 is ONLINE"));
    have.server.state = Some("OFFLINE".to_owned());
    assert_eq!(have.ready_reason().code, reasons::OFFLINE);
}
