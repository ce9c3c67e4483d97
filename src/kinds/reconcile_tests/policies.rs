//! The policies of `spec.lifecycle` over all kinds: what is retained stays and is nobody's, what only looks sends nothing, and
//! what only reports tells what somebody changed and leaves it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{ROLE, Rig, agreement_spec, certificate_spec, connector_spec, web_app_spec};
use crate::api::condition::reasons;
use crate::api::{ManagedKind, TAG_RETAINED_FROM, TAG_UID};
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::operation::Operation;

/// Longer than any window in which a call may yet arrive.
const LONG: Duration = Duration::from_hours(1);

/// A kind, the spec of an object of it, and a member that is set to the first and becomes the second.
struct Row {
    kind: &'static str,
    spec: Value,
    member: &'static str,
    ours: Value,
    theirs: Value,
    update: Operation,
}

fn row(kind: &'static str, spec: Value, update: Operation, member: &'static str, values: [&str; 2]) -> Row {
    let [ours, theirs] = values.map(|value| json!(value));
    Row { kind, spec, member, ours, theirs, update }
}

fn rows() -> Vec<Row> {
    let login = json!({"serverRef": {"name": "files"}, "role": ROLE});
    let mut group = login.clone();
    group["externalId"] = json!("S-1-1");
    let nothing = json!({});
    let profile = json!({"region": REGION, "as2Id": "them", "profileType": "PARTNER"});
    let workflow = json!({"region": REGION, "steps": [{"type": "DELETE", "deleteStepDetails": {}}]});
    let paths = ["/ours", "/theirs"];
    let urls = ["sftp://ours.example.com", "sftp://theirs.example.com"];
    let pages = ["https://ours.example.com", "https://theirs.example.com"];
    let words = ["ours", "theirs"];
    let server = json!({"region": REGION});
    let banner = "preAuthenticationLoginBanner";
    let rows = vec![
        row("TransferServer", server, Operation::UpdateServer, banner, words),
        row("TransferUser", login, Operation::UpdateUser, "homeDirectory", paths),
        row("TransferAccess", group, Operation::UpdateAccess, "homeDirectory", paths),
        // Nothing else of these two can be changed in AWS, but for the certificates of a profile.
        row("TransferWorkflow", workflow, Operation::TagResource, "tags", words),
        row("TransferProfile", profile, Operation::TagResource, "tags", words),
        row("TransferConnector", connector_spec(&nothing), Operation::UpdateConnector, "url", urls),
        row("TransferAgreement", agreement_spec("files", &nothing), Operation::UpdateAgreement, "baseDirectory", paths),
        row("TransferCertificate", certificate_spec(&nothing), Operation::UpdateCertificate, "description", words),
        row("TransferWebApp", web_app_spec(&nothing), Operation::UpdateWebApp, "accessEndpoint", pages),
    ];
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ManagedKind::ALL.iter().map(|kind| kind.name()).collect());
    rows
}

impl Row {
    /// The object `ours` with this lifecycle, Ready, and what it stands on. What was called until then is forgotten.
    async fn ready(&self, lifecycle: Value) -> Rig {
        let rig = Rig::new();
        rig.allow_agreements();
        // With it comes the ConfigMap of its source.
        rig.certificate("partner", json!({}));
        if self.spec.get("serverRef").is_some() {
            let groups = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"});
            rig.server("files", if self.kind == "TransferAccess" { groups } else { json!({}) });
            rig.settle("TransferServer", "files").await;
        }
        let mut spec = self.spec.clone();
        self.set(&mut spec, &self.ours);
        spec["lifecycle"] = lifecycle;
        // Else nothing of them goes.
        spec["lifecycle"]["deletionProtection"] = json!(false);
        rig.put(self.kind, "ours", spec);
        rig.run(self.kind, "ours", LONG).await;
        assert_eq!(self.says(&rig, "Ready").0, "True", "{}: {}", self.kind, rig.message(self.kind, "ours"));
        rig.cloud.calls();
        rig
    }

    fn set(&self, spec: &mut Value, value: &Value) {
        spec[self.member] = if self.member == "tags" { json!({"a": value}) } else { value.clone() };
    }

    fn says(&self, rig: &Rig, condition: &str) -> (String, String) {
        rig.says(self.kind, "ours", condition).unwrap_or_default()
    }

    /// As its ARN ends in AWS, behind the kind.
    fn id(&self, status: &Value) -> String {
        let text = |field: &str| status[field].as_str().unwrap().to_owned();
        match self.kind {
            "TransferUser" => format!("{}/{}", text("serverId"), text("userName")),
            "TransferAgreement" => text("resourceId"),
            kind => {
                let noun = kind.trim_start_matches("Transfer");
                text(&format!("{}{}Id", noun[..1].to_lowercase(), &noun[1..]))
            }
        }
    }

    fn arn(&self, status: &Value) -> String {
        let resource = self.kind.trim_start_matches("Transfer").to_lowercase();
        format!("arn:aws:transfer:{REGION}:{ACCOUNT}:{resource}/{}", self.id(status))
    }

    /// Somebody changes the member in AWS.
    fn drifts(&self, rig: &Rig) {
        let status = rig.status(self.kind, "ours");
        let mut input = json!({});
        if self.member == "tags" {
            input = json!({"Arn": self.arn(&status), "Tags": [{"Key": "a", "Value": self.theirs}]});
        } else {
            let upper = |name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            for field in
                ["serverId", "userName", "externalId", "connectorId", "agreementId", "certificateId", "webAppId"]
            {
                if status[field].is_string() {
                    input[upper(field)] = status[field].clone();
                }
            }
            input[upper(self.member)] = self.theirs.clone();
        }
        rig.cloud.sim().out_of_band(self.update, ACCOUNT, REGION, input, rig.cloud.now()).unwrap();
    }

    fn path(&self) -> String {
        let tag = if self.member == "tags" { "[a]" } else { "" };
        format!("spec.{}{tag}", self.member)
    }

    /// The tags of it in AWS; nothing where it is gone. Accesses have none.
    fn tags(&self, rig: &Rig, status: &Value) -> Option<Value> {
        if self.kind == "TransferAccess" {
            return (!rig.cloud.accesses().is_empty()).then(|| json!([]));
        }
        let input = json!({"Arn": self.arn(status)});
        let listed =
            rig.cloud.sim().out_of_band(Operation::ListTagsForResource, ACCOUNT, REGION, input, rig.cloud.now());
        listed.ok().map(|listed| listed["Tags"].clone())
    }
}

fn value(tags: &Value, key: &str) -> Option<String> {
    let found = tags.as_array().unwrap().iter().find(|tag| tag["Key"] == key)?;
    Some(found["Value"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_retained_stays_in_aws_and_is_nobodys() {
    for row in rows() {
        for policy in ["Delete", "Retain"] {
            let rig = row.ready(json!({"deletionPolicy": policy})).await;
            let status = rig.status(row.kind, "ours");
            let before = row.tags(&rig, &status).unwrap();
            let tagged = row.kind != "TransferAccess";
            assert_eq!(value(&before, TAG_UID), tagged.then(|| "uid-ours".to_owned()), "{}", row.kind);
            rig.delete(row.kind, "ours");
            rig.run(row.kind, "ours", LONG).await;
            assert_eq!(rig.get(row.kind, "ours"), None, "{} {policy}", row.kind);
            let calls = rig.cloud.calls();
            let Some(left) = row.tags(&rig, &status) else {
                assert_eq!((policy, calls.len()), ("Delete", 1), "{}: {calls:?}", row.kind);
                continue;
            };
            assert_eq!(policy, "Retain", "{}: {calls:?}", row.kind);
            let expected: &[&str] = if tagged { &["TagResource", "UntagResource"] } else { &[] };
            assert_eq!(calls, expected, "{}", row.kind);
            assert_eq!(value(&left, TAG_UID), None, "{}", row.kind);
            assert_eq!(value(&left, TAG_RETAINED_FROM), tagged.then(|| "team/ours".to_owned()), "{}", row.kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_sends_nothing_and_shows_what_it_would_change() {
    for row in rows() {
        let rig = row.ready(json!({})).await;
        let status = rig.status(row.kind, "ours");
        let before = row.tags(&rig, &status);
        rig.edit(row.kind, "ours", |object| {
            let lifecycle =
                json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain", "deletionProtection": false});
            object["spec"]["lifecycle"] = lifecycle;
            row.set(&mut object["spec"], &row.theirs);
        });
        for _ in 0..2 {
            rig.run(row.kind, "ours", LONG).await;
        }
        let drift = &rig.status(row.kind, "ours")["drift"];
        assert_eq!(drift[0]["path"], row.path(), "{}: {drift}", row.kind);
        assert_eq!(rig.get(row.kind, "ours").unwrap()["metadata"]["finalizers"], Value::Null, "{}", row.kind);
        row.drifts(&rig);
        rig.run(row.kind, "ours", LONG).await;
        assert_eq!(rig.status(row.kind, "ours")["drift"], Value::Null, "{}: as the spec says by now", row.kind);
        assert_eq!(rig.cloud.calls(), [""; 0], "{}", row.kind);
        let uid = |tags: Option<Value>| value(&tags.unwrap(), TAG_UID);
        assert_eq!(uid(row.tags(&rig, &status)), uid(before), "{}", row.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_reports_tells_what_somebody_changed_and_leaves_it() {
    for policy in ["ReportDrift", "Full"] {
        for row in rows() {
            let rig = row.ready(json!({"managementPolicy": policy})).await;
            row.drifts(&rig);
            rig.run(row.kind, "ours", LONG).await;
            let (calls, drift) = (rig.cloud.calls(), rig.status(row.kind, "ours")["drift"].clone());
            if policy == "Full" {
                assert_eq!((calls.len(), drift), (1, Value::Null), "{}: {calls:?}", row.kind);
                continue;
            }
            let told = json!([{"path": row.path(), "want": row.ours, "have": row.theirs}]);
            assert_eq!((calls, drift), (Vec::new(), told), "{}", row.kind);
            let said = (row.says(&rig, "Drifted"), row.says(&rig, "Ready"));
            let drifted = ("True".to_owned(), reasons::DRIFT_DETECTED.to_owned());
            assert_eq!(said, (drifted.clone(), drifted), "{}", row.kind);
        }
    }
}
