//! Security groups through EC2, and what is found out before a server is stopped.

use serde_json::{Value, json};

use super::{held, operations, plan_of, wanted};
use crate::api::condition::reasons;
use crate::api::status::OperationPhase;
use crate::aws::ec2::{ElasticAddress, ModifyVpcEndpoint, VpcEndpoint};
use crate::aws::{AwsError, AwsErrorKind, Mutation};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::Plan;
use crate::kinds::fakes::fault;
use crate::kinds::server::ServerState;
use crate::kinds::server::members::SECURITY_GROUPS;
use crate::kinds::server::network::{Network, unready};

fn endpoint(groups: &[&str], state: &str) -> VpcEndpoint {
    VpcEndpoint {
        id: "vpce-1".to_owned(),
        state: state.to_owned(),
        security_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        network_interfaces: vec!["eni-1".to_owned()],
        ..VpcEndpoint::default()
    }
}

fn details(more: Value) -> Value {
    let mut details = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"]});
    details.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"endpointType": "VPC", "endpointDetails": details})
}

fn server(network: Network) -> ServerState {
    ServerState { network, ..held(details(json!({"vpcEndpointId": "vpce-1"}))) }
}

/// What is sent for these groups: added, removed.
fn modified(plan: &Plan) -> Option<(Vec<String>, Vec<String>)> {
    plan.calls.iter().find_map(|call| match &call.mutation {
        Mutation::ModifyVpcEndpoint(ModifyVpcEndpoint { id, add_security_groups, remove_security_groups }) => {
            assert_eq!(id, "vpce-1");
            Some((add_security_groups.clone(), remove_security_groups.clone()))
        }
        _ => None,
    })
}

/// Users of other tools, peers.md C 12: security groups change through EC2.
#[test]
fn security_groups_come_before_they_go_and_never_all_go() {
    let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let rows: &[(&[&str], &[&str], Option<(&[&str], &[&str])>)] = &[
        (&["sg-1"], &["sg-1"], None),
        (&["sg-2", "sg-1"], &["sg-1", "sg-2"], None),
        (&["sg-2"], &["sg-1"], Some((&["sg-2"], &[]))),
        (&["sg-2"], &["sg-1", "sg-2"], Some((&[], &["sg-1"]))),
        (&["sg-1", "sg-3"], &["sg-1", "sg-2"], Some((&["sg-3"], &[]))),
        (&[], &["sg-1"], None),
    ];
    for (wants, has, expected) in rows {
        let want = wanted(details(json!({"securityGroupIds": wants})));
        let network = Network { endpoint: Some(endpoint(has, "available")), ..Network::default() };
        let plan = plan_of(&want, &server(network), json!({"applied": {}}));
        let expected = expected.map(|(add, remove)| (own(add), own(remove)));
        assert_eq!(modified(&plan), expected, "{wants:?} wanted, {has:?} there");
        let told = plan.changes.iter().any(|change| change.path == SECURITY_GROUPS && change.effect == Effect::Ec2);
        assert_eq!((told, plan.blocks.len()), (expected.is_some(), 0), "drift is seen with both values");
    }
}

#[test]
fn what_ec2_refuses_holds_back_the_groups_and_nothing_else() {
    let banner = |mut settings: Value| {
        settings["preAuthenticationLoginBanner"] = json!("hello");
        wanted(settings)
    };
    let want = banner(details(json!({"securityGroupIds": ["sg-1"]})));
    let hidden = |kind| {
        let hidden_endpoint = Some(fault("DescribeVpcEndpoints", kind));
        plan_of(&want, &server(Network { hidden_endpoint, ..Network::default() }), json!({"applied": {}}))
    };
    let rows = [(AwsErrorKind::Denied, reasons::ACCESS_DENIED), (AwsErrorKind::NotFound, reasons::WAITING_FOR_AWS)];
    for (kind, code) in rows {
        let plan = hidden(kind);
        assert_eq!((plan.blocks[0].code, operations(&plan)), (code, vec!["UpdateServer"]), "{kind:?}");
        assert!(plan.blocks[0].message.contains(SECURITY_GROUPS));
        let paths = |changes: &[Change]| changes.iter().map(|change| change.path.clone()).collect::<Vec<_>>();
        let unknown: Vec<&str> = plan.unknown.iter().map(|unknown| unknown.change.path.as_str()).collect();
        assert_eq!((unknown, &plan.unknown[0].why), (vec![SECURITY_GROUPS], &plan.blocks[0].message), "{kind:?}");
        assert!(!paths(&plan.changes).contains(&SECURITY_GROUPS.to_owned()), "{kind:?}: no difference is made up");
    }
    let unseen = plan_of(&want, &held(details(json!({}))), json!({"applied": {}}));
    assert_eq!((unseen.unknown.len(), unseen.blocks.len()), (1, 0), "an endpoint that AWS does not show yet");
    let pending = Network { endpoint: Some(endpoint(&["sg-2"], "pending")), ..Network::default() };
    let plan = plan_of(&want, &server(pending), json!({"applied": {}}));
    assert_eq!((plan.blocks[0].code, operations(&plan)), (reasons::WAITING_FOR_AWS, vec!["UpdateServer"]));
}

#[test]
fn groups_that_left_the_spec_cannot_be_cleared_and_foreign_ones_stay() {
    let seen = || server(Network { endpoint: Some(endpoint(&["sg-1"], "available")), ..Network::default() });
    let set = json!({"applied": {"hashes": {SECURITY_GROUPS: "x"}}});
    let plan = plan_of(&wanted(details(json!({}))), &seen(), set);
    assert_eq!((plan.blocks[0].code, modified(&plan)), (reasons::CANNOT_CLEAR, None));
    let plan = plan_of(&wanted(details(json!({}))), &seen(), json!({"applied": {}}));
    assert!(plan.blocks.is_empty() && plan.changes.is_empty(), "{plan:?}");
}

#[test]
fn groups_that_left_the_spec_are_unknown_where_an_endpoint_is_hidden() {
    let set = || json!({"applied": {"hashes": {SECURITY_GROUPS: "x"}}});
    let public = || json!({"endpointType": "PUBLIC"});
    for (settings, sent, expected) in
        [(details(json!({})), set(), 1), (details(json!({})), json!({"applied": {}}), 0), (public(), set(), 0)]
    {
        let plan = plan_of(&wanted(settings.clone()), &held(settings.clone()), sent);
        assert_eq!((plan.unknown.len(), plan.blocks.len(), plan.calls.len()), (expected, 0, 0), "{settings}");
    }
}

#[test]
fn a_server_goes_on_once_its_endpoint_has_an_interface_in_each_subnet() {
    let rows: &[(&str, &[&str], &[&str], bool)] = &[
        ("available", &["subnet-1"], &["eni-1"], true),
        ("available", &["subnet-1", "subnet-2"], &["eni-1"], false),
        ("available", &[], &[], true),
        ("pending", &[], &[], false),
        ("pending", &["subnet-1"], &["eni-1"], false),
    ];
    for (state, subnets, interfaces, ready) in rows {
        let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (subnets, network_interfaces) = (own(subnets), own(interfaces));
        let shown = VpcEndpoint { subnets, network_interfaces, ..endpoint(&[], state) };
        let network = Network { endpoint: Some(shown), ..Network::default() };
        assert_eq!(unready(&network).is_none(), *ready, "{network:?}");
    }
    assert!(unready(&Network::default()).is_none(), "what EC2 does not tell holds nothing up");
}

fn address(id: &str, domain: &str, interface: Option<&str>) -> ElasticAddress {
    let (allocation_id, domain) = (id.to_owned(), Some(domain.to_owned()));
    ElasticAddress { allocation_id, domain, network_interface_id: interface.map(str::to_owned), ..Default::default() }
}

/// The phase that is recorded first, or why it is not.
fn begins(network: Network, addresses: &[&str]) -> Result<OperationPhase, (&'static str, bool)> {
    let want = wanted(details(json!({"addressAllocationIds": addresses})));
    let plan = plan_of(&want, &server(network), json!({"applied": {}}));
    match &plan.operation {
        Some(step) => Ok(step.record.as_ref().unwrap().phase),
        None => Err(plan.blocks.first().map(|block| (block.code, block.needs_person)).unwrap()),
    }
}

#[test]
fn a_server_is_not_stopped_for_what_ec2_says_cannot_be() {
    let one = ["eipalloc-1"];
    let with = |address: ElasticAddress| Network {
        endpoint: Some(endpoint(&[], "available")),
        addresses: vec![address],
        ..Network::default()
    };
    let gone: Option<AwsError> = Some(fault("DescribeAddresses", AwsErrorKind::NotFound));
    let denied = Some(fault("DescribeAddresses", AwsErrorKind::Denied));
    let pending = Network { endpoint: Some(endpoint(&[], "pending")), ..with(address("eipalloc-1", "vpc", None)) };
    let stalled = Err((reasons::REJECTED, true));
    let stops = Ok(OperationPhase::Stopping);
    let rows = [
        ("free", with(address("eipalloc-1", "vpc", None)), &one[..], stops),
        ("its own already", with(address("eipalloc-1", "vpc", Some("eni-1"))), &one, stops),
        ("somebody's", with(address("eipalloc-1", "vpc", Some("eni-2"))), &one, stalled),
        ("of EC2-Classic", with(address("eipalloc-1", "standard", None)), &one, stalled),
        ("not there", Network { hidden_addresses: gone, ..Network::default() }, &one, stalled),
        ("not to be seen", Network { hidden_addresses: denied, ..Network::default() }, &one, stops),
        ("one too many", with(address("eipalloc-1", "vpc", None)), &["eipalloc-1", "eipalloc-2"], stalled),
        ("the endpoint is not there yet", pending, &one, Err((reasons::WAITING_FOR_AWS, false))),
        ("EC2 was not asked", Network::default(), &one, stops),
    ];
    for (what, network, addresses, expected) in rows {
        assert_eq!(begins(network, addresses), expected, "{what}");
    }
}
