//! The updates of a server that is OFFLINE, one after the other, until nothing is left: each is sent to the simulator,
//! which refuses what AWS refuses, and the next is planned from what the simulator shows.

use serde_json::{Value, json};

use super::{files, held, planned, wanted};
use crate::api::status::{OperationPhase, OperationRecord};
use crate::aws::Mutation;
use crate::aws::transfer::{Server, ServerSettings, Tags, UpdateServer};
use crate::engine::kind::PlannedCall;
use crate::kinds::fakes::cloud::Cloud;
use crate::kinds::fakes::{ACCOUNT, OLD, REGION};
use crate::kinds::server::ServerState;
use crate::kinds::server::offline::calls::back;
use crate::sim::door;
use crate::sim::operation::Operation;

const ADDRESSES: &str = "endpointDetails.addressAllocationIds";
const GROUPS: [&str; 1] = ["sg-0123456789abcdef0"];
const ENDPOINT: &str = "vpce-0123456789abcdef0";

/// No change takes nearly as many.
const MANY: usize = 6;

/// A server in a VPC, as AWS shows it or as a spec asks for it.
fn vpc(subnets: &[&str], addresses: &[&str]) -> Value {
    let details = json!({"vpcId": "vpc-1", "subnetIds": subnets, "addressAllocationIds": addresses});
    json!({"endpointType": "VPC", "endpointDetails": details})
}

/// The same, where a spec says nothing of addresses.
fn silent(subnets: &[&str]) -> Value {
    with(vpc(subnets, &[]), json!({"endpointDetails": {"vpcId": "vpc-1", "subnetIds": subnets}}))
}

fn with(mut settings: Value, more: Value) -> Value {
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

fn dual() -> Value {
    json!({"ipAddressType": "DUALSTACK"})
}

/// FTP needs a provider of one's own.
fn offers(protocols: &[&str]) -> Value {
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:f";
    json!({"protocols": protocols, "identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": function}})
}

/// What an update sends of addresses.
fn attach(addresses: &[&str]) -> Value {
    json!({"endpointDetails": {"addressAllocationIds": addresses}})
}

/// The server in AWS, OFFLINE, with these settings.
fn aws(settings: Value) -> std::sync::Arc<Cloud> {
    let cloud = Cloud::new();
    let mut settings: ServerSettings = serde_json::from_value(settings).unwrap();
    if settings.endpoint_type.as_deref() == Some("VPC") {
        let details = settings.endpoint_details.as_mut().unwrap();
        details.vpc_endpoint_id = Some(ENDPOINT.to_owned());
        details.address_allocation_ids = details.address_allocation_ids.take().filter(|ids| !ids.is_empty());
    }
    cloud.put_server(OLD, Tags::new(), |server| {
        server.state = Some("OFFLINE".to_owned());
        for (name, value) in serde_json::to_value(&settings).unwrap().as_object().unwrap() {
            let mut all = serde_json::to_value(&server.settings).unwrap();
            all[name] = value.clone();
            server.settings = serde_json::from_value(all).unwrap();
        }
    });
    cloud
}

fn shown(cloud: &std::sync::Arc<Cloud>) -> Server {
    cloud.servers()[OLD].clone()
}

/// Sends what is planned until nothing is left; what was sent, and what AWS said.
fn until_done(cloud: &std::sync::Arc<Cloud>, next: impl Fn(Server) -> Option<PlannedCall>) -> Vec<Value> {
    let mut bodies = Vec::new();
    while let Some(call) = next(shown(cloud)) {
        let input = door::mutation(&call.mutation).unwrap();
        let Mutation::UpdateServer(UpdateServer { settings, .. }) = call.mutation else { panic!("{call:?}") };
        bodies.push(serde_json::to_value(settings).unwrap());
        assert!(bodies.len() <= MANY, "without an end: {bodies:#?}");
        let now = cloud.now();
        let answer = cloud.sim().out_of_band(Operation::UpdateServer, ACCOUNT, REGION, input, now);
        assert!(answer.is_ok(), "AWS refuses {:?}: {answer:?}", bodies.last());
    }
    bodies
}

/// Where a change begins, what is wanted, and the updates that lead there.
struct Row {
    what: &'static str,
    have: Value,
    want: Value,
    /// The spec sets the addresses, or once did.
    set: bool,
    sent: Vec<Value>,
}

/// What is sent in a change that takes a stop; what AWS has at its end.
fn sent(row: &Row) -> (Vec<Value>, Server) {
    let cloud = aws(row.have.clone());
    let first = shown(&cloud);
    let details = first.settings.endpoint_details.unwrap_or_default();
    let record = OperationRecord {
        phase: OperationPhase::Stopped,
        started_at: Some("2026-01-01T00:00:00Z".to_owned()),
        prior_state: Some("ONLINE".to_owned()),
        stops: 1,
        prior_address_allocation_ids: details.address_allocation_ids.unwrap_or_default(),
        prior_subnet_ids: details.subnet_ids.unwrap_or_default(),
        ..OperationRecord::default()
    };
    let mut paths = vec!["endpointType", "endpointDetails.subnetIds", "ipAddressType", "protocols"];
    paths.extend(row.set.then_some(ADDRESSES));
    let status = json!({"operation": record, "applied": {"paths": paths}});
    let sent = until_done(&cloud, |server| {
        let have = ServerState { server: Server { server_id: OLD.to_owned(), ..server }, ..held(json!({})) };
        let plan = planned(&files(status.clone()), &wanted(row.want.clone()), &have);
        // What is left once the addresses are off may take no stop any more; then it is no call of the sequence.
        let updates = plan.calls.into_iter().filter(|call| call.mutation.operation() == "UpdateServer");
        updates.max_by_key(|call| call.operation)
    });
    (sent, shown(&cloud))
}

fn check(rows: Vec<Row>) {
    for row in rows {
        let (sent, end) = sent(&row);
        assert_eq!(json!(sent), json!(row.sent), "{}", row.what);
        let have = ServerState { server: end, ..held(json!({})) };
        let status = json!({"applied": {"paths": if row.set { &[ADDRESSES][..] } else { &[] }}});
        let plan = planned(&files(status), &wanted(row.want.clone()), &have);
        let left: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(left, ["desiredState"], "{}: it is only OFFLINE", row.what);
    }
}

#[test]
fn addresses_come_change_and_go_in_one_update_each() {
    let row = |what, have, want, sent| Row { what, have, want, set: true, sent };
    check(vec![
        row("the first, after a create", vpc(&["a"], &[]), vpc(&["a"], &["x"]), vec![attach(&["x"])]),
        row("another", vpc(&["a"], &["x"]), vpc(&["a"], &["y"]), vec![attach(&["y"])]),
        row(
            "two change places",
            vpc(&["a", "b"], &["x", "y"]),
            vpc(&["a", "b"], &["y", "x"]),
            vec![attach(&["y", "x"])],
        ),
        row("an empty list", vpc(&["a"], &["x"]), vpc(&["a"], &[]), vec![attach(&[])]),
        row("they left the spec", vpc(&["a"], &["x"]), silent(&["a"]), vec![attach(&[])]),
        row("as wanted", vpc(&["a"], &["x"]), vpc(&["a"], &["x"]), vec![]),
    ]);
}

/// Users of other tools, peers.md C 8: other subnets below elastic IPs.
#[test]
fn addresses_are_off_before_subnets_change_and_on_afterwards() {
    // The VPC is sent along, unchanged.
    let subnets = |ids: &[&str]| json!({"endpointDetails": {"vpcId": "vpc-1", "subnetIds": ids}});
    let row = |what, have, want, sent| Row { what, have, want, set: true, sent };
    let foreign = |what, have, want, sent| Row { what, have, want, set: false, sent };
    check(vec![
        row(
            "another subnet below the same address",
            vpc(&["a"], &["x"]),
            vpc(&["b"], &["x"]),
            vec![attach(&[]), subnets(&["b"]), attach(&["x"])],
        ),
        row(
            "one more of each",
            vpc(&["a"], &["x"]),
            vpc(&["a", "b"], &["x", "y"]),
            vec![attach(&[]), subnets(&["a", "b"]), attach(&["x", "y"])],
        ),
        row(
            "one less of each",
            vpc(&["a", "b"], &["x", "y"]),
            vpc(&["b"], &["y"]),
            vec![attach(&[]), subnets(&["b"]), attach(&["y"])],
        ),
        row(
            "another subnet and no address any more",
            vpc(&["a"], &["x"]),
            silent(&["b"]),
            vec![attach(&[]), subnets(&["b"])],
        ),
        row(
            "another subnet, and the first address",
            vpc(&["a"], &[]),
            vpc(&["b"], &["x"]),
            vec![subnets(&["b"]), attach(&["x"])],
        ),
        foreign(
            "what somebody else attached is on again where it fits",
            vpc(&["a"], &["x"]),
            silent(&["b"]),
            vec![attach(&[]), subnets(&["b"]), attach(&["x"])],
        ),
        foreign(
            "and stays off where there are more subnets than that",
            vpc(&["a"], &["x"]),
            silent(&["a", "b"]),
            vec![attach(&[]), subnets(&["a", "b"])],
        ),
    ]);
}

/// Users of other tools, peers.md C 9: from PUBLIC to a VPC with elastic IPs.
#[test]
fn the_endpoint_type_comes_first_and_addresses_have_a_call_of_their_own() {
    let public = || json!({"endpointType": "PUBLIC"});
    let own = || json!({"endpointType": "VPC_ENDPOINT", "endpointDetails": {"vpcEndpointId": ENDPOINT}});
    let to_vpc =
        |subnets: &[&str]| json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1", "subnetIds": subnets}});
    let grouped = |mut settings: Value| {
        settings["endpointDetails"]["securityGroupIds"] = json!(GROUPS);
        settings
    };
    let row = |what, have, want, sent| Row { what, have, want, set: true, sent };
    let foreign = |what, have, want, sent| Row { what, have, want, set: false, sent };
    check(vec![
        row("PUBLIC to VPC", public(), silent(&["a"]), vec![to_vpc(&["a"])]),
        row(
            "with groups, which only a new endpoint takes here, and addresses",
            public(),
            grouped(vpc(&["a"], &["x"])),
            vec![grouped(to_vpc(&["a"])), attach(&["x"])],
        ),
        row("VPC_ENDPOINT to VPC", own(), silent(&["a"]), vec![to_vpc(&["a"])]),
        row("and with addresses", own(), vpc(&["a"], &["x"]), vec![to_vpc(&["a"]), attach(&["x"])]),
        row("VPC to PUBLIC", vpc(&["a"], &[]), public(), vec![public()]),
        row("with addresses, which go first", vpc(&["a"], &["x"]), public(), vec![attach(&[]), public()]),
        foreign("of somebody else too", vpc(&["a"], &["x"]), public(), vec![attach(&[]), public()]),
    ]);
}

#[test]
fn what_excludes_addresses_comes_after_they_went_and_before_they_come() {
    let in_vpc = |settings: Value| with(vpc(&["a"], &["x"]), settings);
    let none = |settings: Value| with(silent(&["a"]), settings);
    let ftp = || json!({"protocols": ["FTP"]});
    let row = |what, have, want, sent| Row { what, have, want, set: true, sent };
    let foreign = |what, have, want, sent| Row { what, have, want, set: false, sent };
    check(vec![
        row("IPv6 too, no address any more", in_vpc(json!({})), none(dual()), vec![attach(&[]), dual()]),
        foreign("IPv6 too, somebody else's stays off", in_vpc(json!({})), none(dual()), vec![attach(&[]), dual()]),
        row(
            "IPv4 alone again, and an address",
            none(dual()),
            in_vpc(json!({"ipAddressType": "IPV4"})),
            vec![json!({"ipAddressType": "IPV4"}), attach(&["x"])],
        ),
        row("IPv6 of a public server", json!({"endpointType": "PUBLIC"}), dual(), vec![dual()]),
        row("FTP, no address any more", in_vpc(offers(&["SFTP"])), none(offers(&["FTP"])), vec![attach(&[]), ftp()]),
        foreign(
            "FTP, somebody else's stays off",
            in_vpc(offers(&["SFTP"])),
            none(offers(&["FTP"])),
            vec![attach(&[]), ftp()],
        ),
    ]);
}

#[test]
fn several_in_one_edit_go_together_as_far_as_aws_takes_them() {
    let row = |what, have, want, sent| Row { what, have, want, set: true, sent };
    let details = |subnets: &[&str]| json!({"vpcId": "vpc-1", "subnetIds": subnets});
    check(vec![
        row(
            "other subnets and IPv6, no address any more",
            vpc(&["a"], &["x"]),
            with(silent(&["b"]), dual()),
            vec![attach(&[]), with(dual(), json!({"endpointDetails": details(&["b"])}))],
        ),
        row(
            "into a VPC, IPv4 alone again, and addresses",
            with(json!({"endpointType": "PUBLIC"}), dual()),
            with(vpc(&["a", "b"], &["x", "y"]), json!({"ipAddressType": "IPV4"})),
            vec![
                json!({"endpointType": "VPC", "endpointDetails": details(&["a", "b"]), "ipAddressType": "IPV4"}),
                attach(&["x", "y"]),
            ],
        ),
        row(
            "out of it, and IPv6",
            vpc(&["a"], &["x"]),
            with(json!({"endpointType": "PUBLIC"}), dual()),
            vec![attach(&[]), with(json!({"endpointType": "PUBLIC"}), dual())],
        ),
    ]);
}

#[test]
fn what_was_taken_off_is_put_back_over_the_subnets_that_it_had() {
    let subnets = |ids: &[&str]| json!({"endpointDetails": {"subnetIds": ids}});
    let rows = [
        ("it is as it was", vpc(&["a"], &["x"]), vec![]),
        ("the addresses are off", vpc(&["a"], &[]), vec![attach(&["x"])]),
        ("others are on", vpc(&["a"], &["z"]), vec![attach(&["x"])]),
        ("the subnets changed already", vpc(&["b"], &[]), vec![subnets(&["a"]), attach(&["x"])]),
        ("and others are on", vpc(&["b"], &["z"]), vec![attach(&[]), subnets(&["a"]), attach(&["x"])]),
        ("it is in no VPC any more", json!({"endpointType": "PUBLIC"}), vec![]),
    ];
    let record = OperationRecord {
        prior_address_allocation_ids: vec!["x".to_owned()],
        prior_subnet_ids: vec!["a".to_owned()],
        ..OperationRecord::default()
    };
    for (what, have, expected) in rows {
        let cloud = aws(have);
        let sent = until_done(&cloud, |server| back(&server, &record));
        assert_eq!(json!(sent), json!(expected), "{what}");
    }
    let nothing_off = OperationRecord { prior_address_allocation_ids: Vec::new(), ..record };
    assert!(back(&shown(&aws(vpc(&["b"], &["z"]))), &nothing_off).is_none(), "what was not there does not come back");
}
