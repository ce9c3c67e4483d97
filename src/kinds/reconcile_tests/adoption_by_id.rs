//! Taking over what has an id of AWS's and is no server: each such kind goes the same way.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{
    FIRST, LAG, LOCAL_PROFILE, PARTNER_CERTIFICATE, PARTNER_PROFILE, ROLE, Rig, SECOND, SECRET, certificate_spec, name,
    web_app_spec,
};
use crate::api;
use crate::api::condition::reasons;
use crate::aws::transfer::{Tags, agreement_key};
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::sim::operation::Operation;

const PROFILE: &str = "p-00000000000000099";
const CONNECTOR: &str = "c-00000000000000099";
const WORKFLOW: &str = "w-00000000000000099";
const AGREEMENT: &str = "a-00000000000000099";
const CERTIFICATE: &str = "cert-00000000000000099";
const WEB_APP: &str = "webapp-00000000000000099";

/// Until after then a workflow whose status is new waits for creates that nobody remembers.
const LATE: Duration = Duration::from_hours(1);

/// What AWS has of a kind before any object is there.
struct Legacy {
    kind: &'static str,
    /// As `adoption.id` names it.
    id: String,
    /// The spec that it equals.
    spec: Value,
    /// A member that differs then.
    edit: (&'static str, Value),
    /// The calls that put it right.
    calls: &'static [&'static str],
}

fn legacies() -> [Legacy; 6] {
    let steps = json!([{"type": "DELETE", "deleteStepDetails": {}}]);
    [
        Legacy {
            kind: "TransferProfile",
            id: PROFILE.to_owned(),
            spec: json!({"region": REGION, "as2Id": "them", "profileType": "PARTNER"}),
            edit: ("certificateIds", json!([CERTIFICATE])),
            calls: &["UpdateProfile"],
        },
        Legacy {
            kind: "TransferConnector",
            id: CONNECTOR.to_owned(),
            spec: json!({"region": REGION, "url": "sftp://theirs.example", "accessRole": ROLE,
                "sftpConfig": {"userSecretId": SECRET}}),
            edit: ("url", json!("sftp://ours.example")),
            calls: &["UpdateConnector"],
        },
        Legacy {
            kind: "TransferWorkflow",
            id: WORKFLOW.to_owned(),
            spec: json!({"region": REGION, "steps": steps}),
            edit: ("description", json!("cleans up")),
            calls: &["CreateWorkflow", "DeleteWorkflow"],
        },
        Legacy {
            kind: "TransferAgreement",
            id: agreement_key(FIRST, AGREEMENT),
            spec: json!({"serverRef": {"name": "files"}, "localProfileId": LOCAL_PROFILE,
                "partnerProfileId": PARTNER_PROFILE, "accessRole": ROLE, "baseDirectory": "/theirs"}),
            edit: ("baseDirectory", json!("/ours")),
            calls: &["UpdateAgreement"],
        },
        Legacy {
            kind: "TransferCertificate",
            id: CERTIFICATE.to_owned(),
            spec: certificate_spec(&json!({})),
            edit: ("description", json!("ours")),
            calls: &["UpdateCertificate"],
        },
        Legacy {
            kind: "TransferWebApp",
            id: WEB_APP.to_owned(),
            spec: web_app_spec(&json!({})),
            edit: ("accessEndpoint", json!("https://ours.example")),
            calls: &["UpdateWebApp"],
        },
    ]
}

/// The partner's certificate as AWS reads it, under an id of our choice.
fn put_partners_certificate(rig: &Rig, tags: &Tags) {
    rig.cloud.put_certificate_of(CERTIFICATE, tags);
    let (input, now) = (json!({"Usage": "SIGNING", "Certificate": PARTNER_CERTIFICATE}), rig.cloud.now());
    let mut sim = rig.cloud.sim();
    let made = sim.out_of_band(Operation::ImportCertificate, ACCOUNT, REGION, input, now).unwrap();
    let certificates = &mut sim.world.region(ACCOUNT, REGION).certificates;
    let imported = certificates.get_mut(made["CertificateId"].as_str().unwrap()).unwrap();
    imported.gone = Some(now);
    let what = imported.what.clone();
    certificates.get_mut(CERTIFICATE).unwrap().what = what;
    certificates.purge(now);
}

impl Legacy {
    /// With these tags in AWS, and granted to whoever asks.
    async fn in_aws(&self, tags: &Tags) -> Rig {
        let rig = Rig::new();
        match self.kind {
            "TransferProfile" => {
                rig.cloud.put_certificate(CERTIFICATE);
                rig.cloud.put_profile(PROFILE, tags);
            }
            "TransferConnector" => rig.cloud.put_connector(CONNECTOR, tags),
            "TransferWorkflow" => rig.cloud.put_workflow(WORKFLOW, tags),
            "TransferCertificate" => {
                let data = [("certificate.pem".to_owned(), Ok(PARTNER_CERTIFICATE.to_owned()))].into();
                rig.objects.config_maps.lock().unwrap().insert(name("partner"), data);
                put_partners_certificate(&rig, tags);
            }
            "TransferWebApp" => rig.cloud.put_web_app(WEB_APP, tags),
            _ => {
                rig.allow_agreements();
                rig.server("files", json!({}));
                rig.settle("TransferServer", "files").await;
                rig.cloud.put_agreement(FIRST, AGREEMENT, tags);
            }
        }
        rig.adoptable(&[&self.id]);
        rig.cloud.calls();
        rig
    }

    fn apply(&self, rig: &Rig, lifecycle: Value, edited: bool) {
        let mut spec = self.spec.clone();
        spec["lifecycle"] = lifecycle;
        if edited {
            spec[self.edit.0] = self.edit.1.clone();
        }
        rig.put(self.kind, "legacy", spec);
    }

    fn adopt(&self, mode: &str) -> Value {
        let adoption = json!({"id": self.id, "mode": mode});
        json!({"deletionPolicy": "Retain", "deletionProtection": false, "adoption": adoption})
    }

    fn says(&self, rig: &Rig, condition: &str) -> (String, String) {
        rig.says(self.kind, "legacy", condition).unwrap_or_default()
    }

    /// The owner tags of it in AWS.
    fn owner(&self, rig: &Rig) -> Tags {
        let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:{}/{}", self.resource(), self.id);
        let (input, now) = (json!({"Arn": arn}), rig.cloud.now());
        let listed = rig.cloud.sim().out_of_band(Operation::ListTagsForResource, ACCOUNT, REGION, input, now).unwrap();
        let text = |tag: &Value, member: &str| tag[member].as_str().unwrap().to_owned();
        listed["Tags"].as_array().unwrap().iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
    }

    fn resource(&self) -> String {
        self.kind.trim_start_matches("Transfer").to_lowercase()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_identical_gets_the_owner_tags_and_nothing_else() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        legacy.apply(&rig, legacy.adopt("IfIdentical"), false);
        rig.settle(legacy.kind, "legacy").await;
        assert_eq!(legacy.says(&rig, "Ready").0, "True", "{}: {}", legacy.kind, rig.message(legacy.kind, "legacy"));
        assert_eq!(rig.cloud.calls(), ["TagResource"], "{}", legacy.kind);
        assert_eq!(legacy.owner(&rig)[api::TAG_UID], "uid-legacy", "{}", legacy.kind);
        rig.delete(legacy.kind, "legacy");
        rig.run(legacy.kind, "legacy", LATE).await;
        let left = rig.get(legacy.kind, "legacy");
        assert!(left.is_none(), "{}: {}", legacy.kind, left.unwrap_or_default());
        assert!(!legacy.owner(&rig).contains_key(api::TAG_UID), "{}: it was let go, and is there", legacy.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_shown_until_a_person_says_converge() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        legacy.apply(&rig, legacy.adopt("IfIdentical"), true);
        rig.settle(legacy.kind, "legacy").await;
        assert_eq!(legacy.says(&rig, "Stalled").1, reasons::NOT_IDENTICAL, "{}", legacy.kind);
        let drift = &rig.status(legacy.kind, "legacy")["drift"];
        assert_eq!(drift[0]["path"], format!("spec.{}", legacy.edit.0), "{}: {drift}", legacy.kind);
        assert!(rig.cloud.calls().is_empty() && legacy.owner(&rig).is_empty(), "{}", legacy.kind);

        rig.edit(legacy.kind, "legacy", |object| object["spec"]["lifecycle"] = legacy.adopt("Converge"));
        rig.run(legacy.kind, "legacy", LATE).await;
        assert_eq!(legacy.says(&rig, "Ready").0, "True", "{}: {}", legacy.kind, rig.message(legacy.kind, "legacy"));
        let calls = [&["TagResource"], legacy.calls].concat();
        assert_eq!(rig.cloud.calls(), calls, "{}: first ours, then changed", legacy.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_granted_is_not_even_looked_at() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        for granted in [&[][..], &["p-0000000000000000f"][..]] {
            rig.adoptable(granted);
            for lifecycle in [
                legacy.adopt("Converge"),
                json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain", "adoption": {"id": legacy.id}}),
            ] {
                legacy.apply(&rig, lifecycle, false);
                let before = rig.cloud.reads();
                rig.settle(legacy.kind, "legacy").await;
                assert_eq!(legacy.says(&rig, "Stalled").1, reasons::IDENTITY_DENIED, "{}", legacy.kind);
                assert!(rig.message(legacy.kind, "legacy").contains("spec.lifecycle.adoption.id"));
                assert_eq!((rig.cloud.reads(), rig.cloud.calls().len()), (before, 0), "{}", legacy.kind);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_another_object_or_cluster_is_refused() {
    for legacy in legacies() {
        for (owner, reason) in [
            (Owner::new(CLUSTER, "team", "other", "uid-other"), reasons::CONFLICT),
            (Owner::new("another-cluster", "team", "legacy", "uid-legacy"), reasons::OTHER_CLUSTER),
        ] {
            let rig = legacy.in_aws(&owner.lasting_tags()).await;
            let before = legacy.owner(&rig);
            legacy.apply(&rig, legacy.adopt("Converge"), true);
            rig.run(legacy.kind, "legacy", LAG + LAG).await;
            assert_eq!(legacy.says(&rig, "Stalled").1, reason, "{}", legacy.kind);
            assert_eq!((rig.cloud.calls().len(), legacy.owner(&rig)), (0, before), "{}", legacy.kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_of_another_kind_or_server_is_neither_looked_at_nor_taken() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        for (id, reason) in [
            (if legacy.kind == "TransferConnector" { PROFILE } else { CONNECTOR }.to_owned(), reasons::INVALID_SPEC),
            (agreement_key(SECOND, AGREEMENT), reasons::SERVER_CHANGED),
        ] {
            let reason = if legacy.kind == "TransferAgreement" { reason } else { reasons::INVALID_SPEC };
            rig.adoptable(&[&id]);
            let lifecycle = json!({"deletionPolicy": "Retain", "adoption": {"id": id, "mode": "Converge"}});
            legacy.apply(&rig, lifecycle, false);
            let before = rig.cloud.reads();
            rig.run(legacy.kind, "legacy", LATE).await;
            assert_eq!(legacy.says(&rig, "Stalled").1, reason, "{} {id}", legacy.kind);
            assert!(rig.message(legacy.kind, "legacy").contains("spec.lifecycle.adoption.id"));
            assert_eq!((rig.cloud.calls().len(), rig.cloud.reads()), (0, before), "{} {id}", legacy.kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_has_its_own_says_that_another_one_is_not_taken() {
    let [_, _, legacy, ..] = legacies();
    let rig = legacy.in_aws(&Tags::new()).await;
    legacy.apply(&rig, json!({}), false);
    rig.settle(legacy.kind, "legacy").await;
    rig.edit(legacy.kind, "legacy", |object| object["spec"]["lifecycle"] = legacy.adopt("Converge"));
    rig.run(legacy.kind, "legacy", LATE).await;
    assert_eq!(legacy.says(&rig, "Stalled").1, reasons::SERVER_CHANGED, "{}", rig.message(legacy.kind, "legacy"));
    assert_eq!(rig.cloud.calls(), ["CreateWorkflow"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_made_in_its_place() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        let id = legacy.id.replace("99", "98");
        rig.adoptable(&[&id]);
        let lifecycle = json!({"deletionPolicy": "Retain", "adoption": {"id": id, "mode": "Converge"}});
        legacy.apply(&rig, lifecycle, false);
        rig.run(legacy.kind, "legacy", LAG + LAG).await;
        assert_eq!(legacy.says(&rig, "Stalled").1, reasons::SERVER_GONE, "{}", legacy.kind);
        assert!(rig.cloud.calls().is_empty(), "{}", legacy.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_only_observes_shows_what_would_change() {
    for legacy in legacies() {
        let rig = legacy.in_aws(&Tags::new()).await;
        let lifecycle =
            json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain", "adoption": {"id": legacy.id}});
        legacy.apply(&rig, lifecycle, true);
        rig.settle(legacy.kind, "legacy").await;
        let status = rig.status(legacy.kind, "legacy");
        assert_eq!(status["drift"][0]["path"], format!("spec.{}", legacy.edit.0), "{}: {status}", legacy.kind);
        assert!(rig.cloud.calls().is_empty() && legacy.owner(&rig).is_empty(), "{}", legacy.kind);
        let finalizers = &rig.get(legacy.kind, "legacy").unwrap()["metadata"]["finalizers"];
        assert!(finalizers.is_null(), "{}: {finalizers}", legacy.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_took_the_place_of_an_adopted_one_is_kept() {
    let [_, _, legacy, ..] = legacies();
    let rig = legacy.in_aws(&Tags::new()).await;
    legacy.apply(&rig, legacy.adopt("Converge"), true);
    rig.run(legacy.kind, "legacy", LATE).await;
    let made = rig.status(legacy.kind, "legacy")["workflowId"].clone();
    assert!(made != json!(WORKFLOW) && made.is_string(), "{made}");
    rig.cloud.calls();
    rig.edit(legacy.kind, "legacy", |object| object["spec"]["tags"] = json!({"a": "b"}));
    rig.run(legacy.kind, "legacy", LAG + LAG).await;
    assert_eq!(rig.cloud.calls(), ["TagResource"], "the spec names one that is gone");
    assert_eq!(
        (legacy.says(&rig, "Ready").0, &rig.status(legacy.kind, "legacy")["workflowId"]),
        ("True".into(), &made)
    );
}
