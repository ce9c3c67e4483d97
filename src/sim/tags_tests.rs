#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

fn arn(resource: &str) -> String {
    format!("arn:aws:transfer:eu-west-1:123456789012:{resource}")
}

fn tag(arn: &str, key: &str) -> Value {
    json!({"Arn": arn, "Tags": [{"Key": key, "Value": "v"}]})
}

#[test]
fn servers_users_host_keys_and_workflows_have_tags() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    bench.ok("CreateUser", json!({"ServerId": id, "UserName": "ada", "Role": ROLE}));
    let key = bench.ok("ListHostKeys", json!({"ServerId": id}))["HostKeys"][0].clone();
    let step = json!({"Type": "DELETE", "DeleteStepDetails": {}});
    let workflow = bench.ok("CreateWorkflow", json!({"Steps": [step]}))["WorkflowId"].clone();
    let tagged = [
        arn(&format!("server/{id}")),
        arn(&format!("user/{id}/ada")),
        key["Arn"].as_str().unwrap().to_owned(),
        arn(&format!("workflow/{}", workflow.as_str().unwrap())),
    ];
    for arn in tagged {
        bench.ok("TagResource", tag(&arn, "one"));
        assert!(bench.changed);
        bench.ok("TagResource", tag(&arn, "one"));
        assert!(!bench.changed, "the same tag again changes nothing");
        bench.ok(
            "TagResource",
            json!({"Arn": arn, "Tags": [{"Key": "one", "Value": "w"}, {"Key": "two", "Value": ""}]}),
        );
        bench.ok("UntagResource", json!({"Arn": arn, "TagKeys": ["two", "never there"]}));
        let tags = bench.ok("ListTagsForResource", json!({"Arn": arn}))["Tags"].clone();
        assert_eq!(tags, json!([{"Key": "one", "Value": "w"}]), "{arn}");
    }
    assert_eq!(bench.described(&id)["Tags"], json!([{"Key": "one", "Value": "w"}]));
}

#[test]
fn only_aws_itself_sets_system_tags() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    let arn = arn(&format!("server/{id}"));
    for key in ["aws:cloudformation:stack-name", "AWS:x", "aws:transfer"] {
        assert!(bench.invalid("TagResource", tag(&arn, key)).contains("aws: prefixed"), "{key}");
    }
    bench.ok("TagResource", tag(&arn, "aws:transfer:customHostname"));
    bench.admin = true;
    bench.ok("TagResource", tag(&arn, "aws:cloudformation:stack-name"));
    bench.admin = false;
    let untag = json!({"Arn": arn, "TagKeys": ["aws:cloudformation:stack-name"]});
    assert!(bench.invalid("UntagResource", untag).contains("aws: prefixed"));
    assert_eq!(bench.described(&id)["Tags"].as_array().unwrap().len(), 2);
}

#[test]
fn fifty_tags_are_enough() {
    let mut bench = Bench::new();
    let tags: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    let id = bench.server(json!({"Tags": tags}));
    let arn = arn(&format!("server/{id}"));
    assert!(bench.invalid("TagResource", tag(&arn, "one more")).contains("TagsPerResource: 50"));
    bench.ok("TagResource", tag(&arn, "k7"));
}

#[test]
fn things_that_are_not_there_have_no_tags() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    for resource in [
        arn("server/s-00000000000000000"),
        arn(&format!("user/{id}/nobody")),
        arn("workflow/w-00000000000000000"),
        arn(&format!("host-key/{id}/hostkey-00000000000000000")),
        arn("workflow/w-01234567890abcdef"),
        format!("arn:aws:transfer:us-east-1:123456789012:server/{id}"),
        format!("arn:aws:transfer:eu-west-1:210987654321:server/{id}"),
    ] {
        for (operation, input) in [
            ("TagResource", tag(&resource, "a")),
            ("UntagResource", json!({"Arn": resource, "TagKeys": ["a"]})),
            ("ListTagsForResource", json!({"Arn": resource})),
        ] {
            let refusal = bench.call(operation, input).unwrap_err();
            assert!(refusal.starts_with("ResourceNotFoundException"), "{operation} {resource}: {refusal}");
        }
    }
}

#[test]
fn pages_hold_while_entries_come_and_go() {
    let mut bench = Bench::new();
    for _ in 0..6 {
        bench.server(json!({}));
    }
    let first = bench.ok("ListServers", json!({"MaxResults": 3}));
    let seen: Vec<&str> =
        first["Servers"].as_array().unwrap().iter().map(|s| s["ServerId"].as_str().unwrap()).collect();
    bench.ok("DeleteServer", json!({"ServerId": seen[2]}));
    let second = bench.ok("ListServers", json!({"NextToken": first["NextToken"], "MaxResults": 3}));
    let rest = second["Servers"].as_array().unwrap();
    assert_eq!(rest.len(), 3, "nothing is skipped because the last entry of a page went");
    assert!(second.get("NextToken").is_none());
    let refusal = bench.call("ListSecurityPolicies", json!({"NextToken": first["NextToken"]})).unwrap_err();
    assert!(refusal.starts_with("InvalidNextTokenException"), "{refusal}");
}
