#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:scan";
const LOG_GROUP: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:workflows:*";

fn s3(bucket: &str, key: &str) -> Value {
    json!({"S3FileLocation": {"Bucket": bucket, "Key": key}})
}

/// One step of every type, with the least that it needs.
fn steps() -> Vec<Value> {
    let efs = json!({"EfsFileLocation": {"FileSystemId": "fs-0123456789abcdef0", "Path": "/clear"}});
    vec![
        json!({"Type": "DECRYPT", "DecryptStepDetails": {"Type": "PGP", "DestinationFileLocation": efs}}),
        json!({"Type": "CUSTOM", "CustomStepDetails": {"Target": FUNCTION, "TimeoutSeconds": 60}}),
        json!({"Type": "COPY", "CopyStepDetails": {"DestinationFileLocation": s3("kept", "in/${Transfer:UserName}/")}}),
        json!({"Type": "TAG", "TagStepDetails": {"Tags": [{"Key": "Größe", "Value": ""}]}}),
        json!({"Type": "DELETE", "DeleteStepDetails": {"SourceFileLocation": "${original.file}"}}),
    ]
}

fn removing() -> Value {
    json!([{"Type": "DELETE", "DeleteStepDetails": {"Name": "away"}}])
}

fn made(bench: &mut Bench, input: Value) -> String {
    bench.ok("CreateWorkflow", input)["WorkflowId"].as_str().unwrap().to_owned()
}

fn described(bench: &mut Bench, id: &str) -> Value {
    bench.ok("DescribeWorkflow", json!({"WorkflowId": id}))["Workflow"].clone()
}

fn uses(member: &str, id: &str) -> Value {
    json!({"WorkflowDetails": {member: [{"WorkflowId": id, "ExecutionRole": ROLE}]}})
}

#[test]
fn a_workflow_is_described_as_it_was_made() {
    let mut bench = Bench::new();
    let input = json!({
        "Description": "what comes in", "Steps": steps(), "OnExceptionSteps": removing(),
        "StructuredLogDestinations": [LOG_GROUP], "Tags": [{"Key": "team", "Value": "a"}],
    });
    let id = made(&mut bench, input.clone());
    assert!(bench.changed);
    let mut shown = described(&mut bench, &id);
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:workflow/{id}");
    let members = shown.as_object_mut().unwrap();
    assert_eq!(members.remove("Arn"), Some(json!(arn)));
    assert_eq!(members.remove("WorkflowId"), Some(json!(id)));
    assert_eq!(shown, input);
    let row = json!({"Arn": arn, "WorkflowId": id, "Description": "what comes in"});
    assert_eq!(bench.ok("ListWorkflows", json!({})), json!({"Workflows": [row]}), "a listing has no steps and no tags");
}

#[test]
fn what_was_left_out_is_absent_or_empty_or_the_default() {
    let mut bench = Bench::new();
    let id = made(&mut bench, json!({"Steps": steps()}));
    let shown = described(&mut bench, &id);
    for absent in ["Description", "OnExceptionSteps", "StructuredLogDestinations"] {
        assert!(shown.get(absent).is_none(), "{absent}");
    }
    assert_eq!(shown["Steps"], json!(steps()));
    bench.set(&json!({"unset": "empty", "step_defaults": true}));
    let shown = described(&mut bench, &id);
    assert_eq!(shown["Description"], "");
    assert_eq!((&shown["OnExceptionSteps"], &shown["StructuredLogDestinations"]), (&json!([]), &json!([])));
    let details = ["Decrypt", "Custom", "Copy", "Tag"].iter().zip(0..);
    for (name, index) in details {
        let source = &shown["Steps"][index][format!("{name}StepDetails")]["SourceFileLocation"];
        assert_eq!(source, "${previous.file}", "{name}");
    }
    assert_eq!(shown["Steps"][0]["DecryptStepDetails"]["OverwriteExisting"], "FALSE");
    assert_eq!(shown["Steps"][2]["CopyStepDetails"]["OverwriteExisting"], "FALSE");
    assert_eq!(shown["Steps"][4]["DeleteStepDetails"]["SourceFileLocation"], "${original.file}");
}

#[test]
fn a_step_has_the_details_of_its_own_type() {
    let mut bench = Bench::new();
    let location = |of: Value| json!({"Type": "COPY", "CopyStepDetails": {"DestinationFileLocation": of}});
    let both = json!({"S3FileLocation": {"Bucket": "kept"}, "EfsFileLocation": {"Path": "/"}});
    let cases = [
        (json!({"DeleteStepDetails": {}}), "Type must be specified"),
        (json!({"Type": "DELETE"}), "Details of a DELETE step must be specified"),
        (
            json!({"Type": "TAG", "DeleteStepDetails": {}}),
            "Details of a DELETE step must not be specified for type TAG",
        ),
        (json!({"Type": "COPY", "CopyStepDetails": {}}), "either S3FileLocation or EfsFileLocation"),
        (location(json!({})), "either S3FileLocation or EfsFileLocation"),
        (location(both), "either S3FileLocation or EfsFileLocation"),
        (
            json!({"Type": "DECRYPT", "DecryptStepDetails": {"Type": "PGP", "DestinationFileLocation": {}}}),
            "DestinationFileLocation of a DECRYPT step",
        ),
        (json!({"Type": "CUSTOM", "CustomStepDetails": {"Target": FUNCTION}}), "TimeoutSeconds"),
        (json!({"Type": "CUSTOM", "CustomStepDetails": {"TimeoutSeconds": 1}}), "Target"),
        (json!({"Type": "TAG", "TagStepDetails": {}}), "Tags must be specified"),
    ];
    for (step, words) in cases {
        for member in ["Steps", "OnExceptionSteps"] {
            let mut input = json!({"Steps": steps()});
            input[member] = json!([step]);
            let refused = bench.invalid("CreateWorkflow", input);
            assert!(refused.contains(words), "{step}: {refused}");
        }
    }
    assert!(bench.region.workflows.is_empty(), "a refused workflow is not made");
}

#[test]
fn a_workflow_in_use_is_not_deleted() {
    let mut bench = Bench::new();
    let id = made(&mut bench, json!({"Steps": steps()}));
    let delete = json!({"WorkflowId": id});
    for member in ["OnUpload", "OnPartialUpload"] {
        let server = bench.server(uses(member, &id));
        let refused = bench.invalid("DeleteWorkflow", delete.clone());
        assert_eq!(refused, format!("Workflow is still in use by server {server}"));
        bench.update(&server, json!({"WorkflowDetails": {member: []}})).unwrap();
    }
    let server = bench.server(uses("OnUpload", &id));
    bench.ok("DeleteServer", json!({"ServerId": server}));
    bench.ok("DeleteWorkflow", delete.clone());
    assert!(bench.changed);
    assert_eq!(bench.call("DeleteWorkflow", delete).unwrap_err(), "ResourceNotFoundException: Unknown workflow");
}

#[test]
fn a_deleted_workflow_is_seen_for_a_while() {
    let mut bench = Bench::new();
    bench.set(&json!({"deletion_time": "10s"}));
    let id = made(&mut bench, json!({"Steps": steps()}));
    bench.ok("DeleteWorkflow", json!({"WorkflowId": id}));
    described(&mut bench, &id);
    let tag = json!({
        "Arn": format!("arn:aws:transfer:eu-west-1:123456789012:workflow/{id}"), "Tags": [{"Key": "a", "Value": ""}]
    });
    for (operation, input) in [("DeleteWorkflow", json!({"WorkflowId": id})), ("TagResource", tag)] {
        let refused = bench.call(operation, input).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown workflow", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeWorkflow", json!({"WorkflowId": id})).is_err());
    assert_eq!(bench.ok("ListWorkflows", json!({})), json!({"Workflows": []}));
}

#[test]
fn a_new_workflow_is_listed_late_and_in_pages() {
    let mut bench = Bench::new();
    bench.set(&json!({"listing_lag": "30s"}));
    let mut ids: Vec<String> = (0..3).map(|_| made(&mut bench, json!({"Steps": steps()}))).collect();
    ids.sort_unstable();
    assert_eq!(bench.ok("ListWorkflows", json!({})), json!({"Workflows": []}));
    described(&mut bench, &ids[0]);
    bench.pass(30);
    let first = bench.ok("ListWorkflows", json!({"MaxResults": 2}));
    let second = bench.ok("ListWorkflows", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    let rows = [&first, &second].map(|page| page["Workflows"].as_array().unwrap().clone()).concat();
    assert_eq!(rows.iter().map(|row| row["WorkflowId"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(second.get("NextToken").is_none());
}

#[test]
fn ten_workflows_are_enough() {
    let mut bench = Bench::new();
    let ids: Vec<String> = (0..10).map(|_| made(&mut bench, json!({"Steps": steps()}))).collect();
    let one_more = json!({"Steps": steps()});
    assert_eq!(bench.invalid("CreateWorkflow", one_more.clone()), "Cannot exceed quota for WorkflowsPerAccount: 10");
    bench.ok("DeleteWorkflow", json!({"WorkflowId": ids[0]}));
    bench.ok("CreateWorkflow", one_more.clone());
    bench.set(&json!({"quotas": {"workflows": 11}, "quota_refusal": "maximum"}));
    bench.ok("CreateWorkflow", one_more.clone());
    assert_eq!(bench.invalid("CreateWorkflow", one_more), "Maximum of 11 WorkflowsPerAccount reached");
}

#[test]
fn a_server_may_name_a_workflow_that_is_not_there_unless_refused() {
    let mut bench = Bench::new();
    let absent = uses("OnUpload", "w-0123456789abcdef0");
    let server = bench.server(absent.clone());
    bench.set(&json!({"unknown_workflow": "refuse"}));
    let told = "Workflow does not exist: w-0123456789abcdef0";
    assert_eq!(bench.invalid("CreateServer", absent.clone()), told);
    assert_eq!(bench.update(&server, absent).unwrap_err(), format!("InvalidRequestException: {told}"));
    let gone = bench.update("s-00000000000000000", uses("OnUpload", "w-0123456789abcdef0")).unwrap_err();
    assert_eq!(gone, "ResourceNotFoundException: Unknown server", "the server comes first");
    let there = made(&mut bench, json!({"Steps": steps()}));
    bench.update(&server, uses("OnUpload", &there)).unwrap();
    bench.set(&json!({"deletion_time": "1h"}));
    let leaving = made(&mut bench, json!({"Steps": steps()}));
    bench.ok("DeleteWorkflow", json!({"WorkflowId": leaving}));
    assert!(bench.update(&server, uses("OnPartialUpload", &leaving)).is_err());
}
