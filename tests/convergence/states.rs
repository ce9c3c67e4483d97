//! Every kind of state that an object of ours was ever seen in, recorded from runs: what tools of GitOps make of each of
//! them is held to one mapping (tests/gitops). Two objects are in one state when a waiter could not tell them apart: the
//! same kind, deleted or not, the same generation seen or not, the same conditions with the same reasons.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::{Value, json};
use transfer_operator::api::ManagedKind;
use transfer_operator::fakes::api_server::text;

use crate::agreements::{self, agreement};
use crate::certificates::{self, certificate};
use crate::reasons::{self, Script, first};
use crate::runs;
use crate::scenarios;
use crate::setup::{Blow, Moment, Rule, Setup, When};
use crate::stage::{Stage, key};
use crate::workflows::{self, KEY_A, OTHER_ROLE, access, keys, lister, profile, server, user, workflow};

/// States by what tells them apart.
pub type States = BTreeMap<String, Value>;

/// Runs beside the workflows: what they never come to.
const MORE: [(fn() -> Setup, Script); 9] = [
    (first, |stage| scenarios::tags_are_stripped(stage).boxed()),
    (first, |stage| scenarios::tags_are_somebody_elses(stage).boxed()),
    (first, |stage| scenarios::a_server_is_deleted_by_hand(stage).boxed()),
    (first, |stage| scenarios::five_of_six_servers_are_deleted(stage).boxed()),
    (first, |stage| scenarios::an_access_without_its_record(stage).boxed()),
    (scenarios::refusing_updates, |stage| scenarios::an_update_that_is_refused(stage).boxed()),
    (scenarios::beyond_the_window, |stage| scenarios::a_listing_that_lags_beyond_the_window(stage).boxed()),
    (first, |stage| faults_of_people(stage).boxed()),
    (aws_is_away, |stage| while_aws_is_away(stage).boxed()),
];

/// AWS answers nothing for half an hour, after the first objects are Ready.
fn aws_is_away() -> Setup {
    let away = |operation| {
        let when = When::Since { first: "UpdateServer", skip: 0, count: u64::MAX, span: Duration::from_mins(30) };
        Rule::on(operation, when, Moment::Before, Blow::Error("InternalServiceError", "We are sorry"))
    };
    first().with(vec![away("DescribeServer"), away("UpdateServer"), away("DescribeUser")])
}

/// Runs everything and returns what was seen.
pub fn recorded() -> States {
    let workflows = workflows::ALL.iter().map(|workflow| (first(), workflow.run));
    let more = MORE.iter().chain(&reasons::ALL).map(|(setup, script)| (setup(), *script));
    let (mut states, mut violations) = (States::new(), Vec::new());
    for (setup, script) in workflows.chain(more) {
        let (seen, broken) = of_run(setup, script);
        for (state, object) in seen {
            states.entry(state).or_insert(object);
        }
        violations.extend(broken);
    }
    assert_eq!(violations, Vec::<String>::new(), "what breaks an oracle is no state to be recorded");
    states
}

/// What was seen, and what oracles say of it.
fn of_run(setup: Setup, script: Script) -> (States, Vec<String>) {
    let seen = Arc::new(Mutex::new(States::new()));
    let into = Arc::clone(&seen);
    let outcome = runs::watched(setup, |stage| {
        async move {
            script(stage).await;
            let api = stage.world.api();
            for event in api.history.iter().filter(|event| !event.gone && is_ours(&event.object)) {
                into.lock().unwrap().entry(state(&event.object)).or_insert_with(|| as_read(&event.object));
            }
        }
        .boxed()
    });
    (Arc::try_unwrap(seen).unwrap().into_inner().unwrap(), outcome.violations)
}

fn is_ours(object: &Value) -> bool {
    let kind = text(&object["kind"]);
    kind == "AwsIdentity" || ManagedKind::ALL.iter().any(|ours| ours.name() == kind)
}

/// What tells this state from others, in words.
pub fn state(object: &Value) -> String {
    let (meta, status) = (&object["metadata"], &object["status"]);
    let (generation, observed) = (&meta["generation"], &status["observedGeneration"]);
    let life = if meta.get("deletionTimestamp").is_some() { "being deleted" } else { "there" };
    let seen = match observed.as_i64() {
        None | Some(-1) => "never seen",
        Some(_) if observed == generation => "seen",
        Some(_) => "edit not seen",
    };
    let condition = |condition: &Value| {
        let member = |name| text(&condition[name]);
        format!("{}={} {}", member("type"), member("status"), member("reason"))
    };
    let conditions: Vec<_> = status["conditions"].as_array().into_iter().flatten().map(condition).collect();
    let conditions = if conditions.is_empty() { "no condition".to_owned() } else { conditions.join(", ") };
    format!("{}, {life}, {seen}: {conditions}", text(&object["kind"]))
}

/// As a client reads it: the store of the harness leaves out what the API server adds, and adds what others write.
fn as_read(object: &Value) -> Value {
    let mut read = object.clone();
    read["apiVersion"] = json!("transfer-operator.dev/v1alpha1");
    let meta = read["metadata"].as_object_mut().unwrap();
    for noise in ["resourceVersion", "annotations", "labels"] {
        meta.remove(noise);
    }
    read
}

/// What the spec asks for cannot be: each object for another reason.
async fn faults_of_people(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.apply(&user("twin", &json!({"userName": "alice"})));
    stage.apply(&user("stranger", &json!({"role": "arn:aws:iam::123456789012:role/elsewhere/root"})));
    stage.apply(&user("early", &json!({"serverRef": {"name": "absent"}})));
    stage.apply(&user("unsourced", &json!({"policyFrom": {"configMapKeyRef": {"name": "absent", "key": "policy"}}})));
    stage.apply(&user("asleep", &json!({"suspend": true})));
    stage.apply(&server("elsewhere", &json!({"region": "us-east-1"})));
    stage.apply(&server("nobodys", &json!({"awsIdentityRef": {"name": "absent"}})));
    stage.apply(&server("looked-at", &json!({"lifecycle": {"managementPolicy": "ObserveOnly"}})));
    stage.apply(&lister("corp"));
    stage.apply(&access("group", &json!({})));
    stage.apply(&access("again", &json!({})));
    stage.apply(&workflow("scan", &json!({})));
    stage.apply(&profile("us", &json!({})));
    stage.apply(&profile("them", &json!({"profileType": "PARTNER"})));
    stage.switch(&agreements::anywhere());
    let on_files = json!({"serverRef": {"name": "files"}});
    stage.apply(&agreement("orders", &on_files));
    stage.apply(&agreement("again", &on_files));
    stage.apply(&agreement("early", &json!({"serverRef": {"name": "files"}, "partnerProfileRef": {"name": "absent"}})));
    certificates::of_partner(stage);
    stage.apply(&certificate("theirs", &json!({})));
    stage.apply(&certificate("unsourced", &json!({"configMapKeyRef": {"name": "absent", "key": "one"}})));
    stage.apply(&certificate("asleep", &json!({"suspend": true})));
    stage.apply(&profile("early", &json!({"certificateRefs": [{"name": "absent"}]})));
    stage.pause(Duration::from_mins(20)).await;
    stage.edit(&files, |spec| spec["lifecycle"] = json!({"driftPolicy": "Report"}));
    stage.pause(Duration::from_mins(20)).await;
    stage.delete(&files);
    stage.delete(&key("AwsIdentity", "default"));
    stage.pause(Duration::from_mins(20)).await;
}

/// Ready objects that cannot be looked at for long, and one that is edited meanwhile.
async fn while_aws_is_away(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.pause(Duration::from_mins(25)).await;
    stage.edit(&alice, |spec| spec["role"] = json!(OTHER_ROLE));
    stage.all_ready().await;
    stage.close().await;
}

/// Where they are kept, a file for each kind.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/states")
}

/// Those that are kept, by the name that stands above each.
pub fn kept() -> States {
    let files =
        std::fs::read_dir(directory()).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let named = |document: &str| {
        let (name, object) = document.trim_start_matches("---\n").split_once('\n').unwrap();
        (name.trim_start_matches("# ").to_owned(), serde_saphyr::from_str(object).unwrap())
    };
    files.flat_map(|text| text.split("\n---\n").map(named).collect::<Vec<_>>()).collect()
}

/// Keeps these instead.
pub fn keep(states: &States) {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (state, object) in states {
        let file = files.entry(text(&object["kind"]).to_lowercase()).or_default();
        write!(file, "---\n# {state}\n{}", serde_saphyr::to_string(object).unwrap()).unwrap();
    }
    std::fs::create_dir_all(directory()).unwrap();
    for (kind, text) in files {
        std::fs::write(directory().join(kind).with_extension("yaml"), text).unwrap();
    }
}
