//! The fields of a TransferWorkflow. AWS changes none of them but tags: each change is another workflow, and the object
//! is Ready with the new one while the old one is still there.

use serde_json::{Value, json};

use super::case::Then::{Holds, Postponed, Refused, Suspended, Waits};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, Then, field};
use super::policies;

/// The two lists of steps, and what stands in for them in a pointer.
const LISTS: [(&str, &str); 2] = [("steps", "Steps"), ("onExceptionSteps", "OnExceptionSteps")];

const ORIGINAL: &str = "${original.file}";
const PREVIOUS: &str = "${previous.file}";

pub fn cases() -> Vec<Case> {
    let steps = LISTS.into_iter().flat_map(|list| [scalars(list), places(list), needed(list)].concat());
    steps
        .chain(the_rest())
        .chain(policies::protection(Kind::Workflow))
        .chain([policies::resync(Kind::Workflow)])
        .chain(allowed_references())
        .collect()
}

/// A pointer into what the simulator holds; the test lives no longer than the process.
fn at(pointer: String) -> At {
    At::Aws(Box::leak(pointer.into_boxed_str()))
}

fn upper(member: &str) -> String {
    let (first, rest) = member.split_at(1);
    first.to_uppercase() + rest
}

/// The spec with one step of a type.
fn step(list: &str, kind: &str, details: &Value) -> Value {
    let member = format!("{}StepDetails", kind.to_lowercase());
    json!({list: [{"type": kind, member: details}]})
}

/// The least details of a type.
fn details(kind: &str) -> Value {
    let place = json!({"s3FileLocation": {"bucket": "one-bucket"}});
    match kind {
        "COPY" => json!({"destinationFileLocation": place}),
        "CUSTOM" => json!({"target": function("one"), "timeoutSeconds": 60}),
        "TAG" => json!({"tags": [{"key": "a", "value": "1"}]}),
        "DECRYPT" => json!({"type": "PGP", "destinationFileLocation": place}),
        _ => json!({}),
    }
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}")
}

/// A member of the details of a type, beside what the type needs.
fn member((list, shown): (&str, &str), kind: &str, path: &str, values: [Value; 2], cleared: Then) -> Case {
    let (lower, title) = (kind.to_lowercase(), upper(&kind.to_lowercase()));
    let pointer: Vec<String> = path.split('.').map(|part| upper(part).replace("[]", "/0")).collect();
    let at = at(format!("/{shown}/0/{title}StepDetails/{}", pointer.join("/")));
    let [a, b] = values.clone();
    let then = [Holds(a), Holds(b), cleared];
    Case::new(Kind::Workflow, &format!("{list}[].{lower}StepDetails.{path}"), at, values, then).rest(step(
        list,
        kind,
        &details(kind),
    ))
}

/// What may be left out of a step.
fn scalars(list: (&'static str, &'static str)) -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in ["COPY", "CUSTOM", "TAG", "DECRYPT", "DELETE"] {
        let clears = |path: &str, a: &str, b: &str| {
            let case = member(list, kind, path, [json!(a), json!(b)], Holds(Value::Null));
            // The details of a deletion stay, and are not left out with their last member.
            let other = if path == "name" { json!({"sourceFileLocation": ORIGINAL}) } else { json!({"name": "last"}) };
            if kind == "DELETE" { case.rest(step(list.0, kind, &other)) } else { case }
        };
        cases.extend([clears("name", "one", "two"), clears("sourceFileLocation", PREVIOUS, ORIGINAL)]);
        if matches!(kind, "COPY" | "DECRYPT") {
            cases.push(clears("overwriteExisting", "FALSE", "TRUE"));
        }
    }
    cases
}

/// Where a step puts a file. Without a place, a copy has no details left, and a decryption lacks one.
fn places(list: (&'static str, &'static str)) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, last) in
        [("COPY", "copyStepDetails goes with type COPY"), ("DECRYPT", "destinationFileLocation: Required value")]
    {
        let place = |path: &str, a: &str, b: &str, cleared: Then| {
            member(list, kind, &format!("destinationFileLocation.{path}"), [json!(a), json!(b)], cleared)
        };
        let on_efs = |member: &str, a: &str, b: &str, other: Value| {
            let mut efs = details(kind);
            efs["destinationFileLocation"] = json!({"efsFileLocation": other});
            place(&format!("efsFileLocation.{member}"), a, b, Refused(last)).rest(step(list.0, kind, &efs))
        };
        let (one, two) = ("fs-0123456789abcdef0", "fs-0123456789abcdef1");
        cases.extend([
            place("s3FileLocation.key", "a/", "b/", Holds(Value::Null)),
            place("s3FileLocation.bucket", "one-bucket", "two-bucket", Refused(last)),
            on_efs("fileSystemId", one, two, json!({"path": "/a"})),
            on_efs("path", "/a", "/b", json!({"fileSystemId": one})),
        ]);
    }
    cases
}

/// What a step cannot do without.
fn needed(list: (&'static str, &'static str)) -> Vec<Case> {
    let (custom, tag) = ("customStepDetails goes with type CUSTOM", "tagStepDetails goes with type TAG");
    let decrypt = "decryptStepDetails goes with type DECRYPT";
    let functions = [json!(function("one")), json!(function("two"))];
    // A workflow needs a step; of those for failures none is needed.
    let no_type = if list.0 == "steps" { Refused("spec.steps[0].type: Required value") } else { Holds(Value::Null) };
    let types = [json!("DELETE"), json!("TAG")];
    let then = [Holds(json!("DELETE")), Holds(json!("TAG")), no_type];
    vec![
        member(list, "CUSTOM", "target", functions, Refused(custom)),
        member(list, "CUSTOM", "timeoutSeconds", [json!(60), json!(90)], Refused(custom)),
        member(list, "TAG", "tags[].key", [json!("a"), json!("b")], Refused(tag)),
        member(list, "TAG", "tags[].value", [json!("1"), json!("2")], Refused(tag)),
        member(list, "DECRYPT", "type", [json!("PGP"), json!("PGP")], Refused(decrypt)).same("there is no other"),
        Case::new(Kind::Workflow, &format!("{}[].type", list.0), at(format!("/{}/0/Type", list.1)), types, then)
            .rest(step(list.0, "DELETE", &json!({})))
            .along(step(list.0, "TAG", &details("TAG")), json!({})),
    ]
}

fn the_rest() -> Vec<Case> {
    let group = |name: &str| json!([format!("arn:aws:logs:eu-central-1:123456789012:log-group:{name}:*")]);
    let workflow = |path: &str, at: At, a: Value, b: Value| field(Kind::Workflow, path, at, a, b, Value::Null);
    let description = At::Aws("/Description");
    vec![
        workflow("description", description, json!("one"), json!("two")),
        workflow("structuredLogDestinations", At::Aws("/StructuredLogDestinations"), group("a"), group("b")),
        workflow("tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"})),
        // The identity shows by its tags, of which the first has none.
        workflow("awsIdentityRef.name", At::Tag("identity"), json!("default"), json!("second")).shows([
            Value::Null,
            json!("second"),
            Value::Null,
        ]),
        Case::new(
            Kind::Workflow,
            "region",
            At::Aws("/Region"),
            [json!("eu-west-1"), json!("eu-central-1")],
            [
                Holds(json!("eu-west-1")),
                Refused("spec.region cannot be changed"),
                Refused("spec.region: Required value"),
            ],
        ),
        Case::new(
            Kind::Workflow,
            "suspend",
            description,
            [json!(false), json!(true)],
            [Holds(json!("one")), Suspended, Holds(json!("two"))],
        )
        .rest(json!({"description": "one"}))
        .along(json!({"description": "two"}), json!({})),
        Case::new(
            Kind::Workflow,
            "lifecycle.approval",
            description,
            [json!("None"), json!("Required")],
            [
                Holds(json!("one")),
                Postponed("ApprovalRequired", "spec.description waits for a person"),
                Holds(json!("two")),
            ],
        )
        .rest(json!({"description": "one"}))
        .along(json!({"description": "two"}), json!({})),
    ]
}

/// A server of another namespace may use the workflow or not; one that uses it goes on.
fn allowed_references() -> Vec<Case> {
    let named = json!({"workflowRef": {"name": "NAME", "namespace": HOME}, "executionRole": ROLE});
    let server = json!({"region": "eu-central-1", "workflowDetails": {"onUpload": [named]}});
    let refused = || Waits("DependencyNotReady", "does not allow references from namespace away");
    let case = |(path, rest, values, left_out): policies::Selection| {
        let path = format!("allowedReferences.namespaces.{path}");
        let last = left_out.map_or_else(refused, Refused);
        Case::new(Kind::Workflow, &path, At::Aws("/State"), values, [refused(), Holds(json!("ONLINE")), last])
            .rest(json!({"allowedReferences": {"namespaces": rest}}))
            .shown_by(Kind::Server, AWAY, server.clone())
    };
    let from = ("from", json!({}), [json!("Same"), json!("All")], None);
    std::iter::once(from).chain(policies::selections(AWAY, "away")).map(case).collect()
}
