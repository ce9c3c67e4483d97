//! Who may do what once the chart is installed, as the API server answers it.

use std::time::Duration;

use serde_json::json;

use crate::helm::{Helm, NAMESPACE, documents, object, read};
use crate::support::{ControlPlane, await_condition};

const OPERATOR: &str = "system:serviceaccount:transfer-operator-system:transfer-operator";

/// Whether `user` may do `what` (verb, resource, further arguments).
async fn may(plane: &ControlPlane, user: &str, what: &str) -> bool {
    let what: Vec<&str> = what.split(' ').collect();
    match plane.try_kubectl(&[&["auth", "can-i", "--as", user], &what[..]].concat()).await {
        Ok(_) => true,
        // "no" is on standard output; a hint, such as that a kind has no namespaces, may come with it.
        Err(error) if error.lines().all(|line| line.trim().is_empty() || line.starts_with("Warning: ")) => false,
        Err(error) => panic!("kubectl auth can-i {what:?}: {error}"),
    }
}

#[tokio::test]
async fn the_operator_reads_secrets_by_name_where_values_say_so_only() {
    let plane = ControlPlane::start().await;
    for namespace in ["open", "narrow", "closed"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    let values = "{secrets: {namespaces: [{name: open}, {name: narrow, resourceNames: [host-key]}]}, \
                  knownHosts: {enabled: true, namespaces: [narrow]}}";
    Helm::of(&plane).install(values).await;

    let cases = [
        ("get secrets/anything --namespace open", true),
        ("get secrets/host-key --namespace narrow", true),
        ("get secrets/other --namespace narrow", false),
        ("get secrets/anything --namespace closed", false),
        ("get secrets/anything --namespace transfer-operator-system", false),
        ("list secrets --namespace open", false),
        ("watch secrets --namespace open", false),
        ("list secrets --all-namespaces", false),
        ("create awsidentities", false),
        ("update transferservers --namespace open", false),
        ("delete transferservers --namespace open", false),
        ("update configmaps --namespace open", false),
        ("patch configmaps --namespace open", false),
        ("create configmaps --namespace narrow", true),
        ("patch configmaps --namespace narrow", true),
        ("delete configmaps --namespace narrow", true),
        ("update configmaps --namespace narrow", false),
        ("patch transferservers --subresource=status --namespace open", true),
        ("watch configmaps --all-namespaces", true),
        ("create leases.coordination.k8s.io --namespace transfer-operator-system", true),
        ("list leases.coordination.k8s.io --namespace transfer-operator-system", true),
        ("list leases.coordination.k8s.io --namespace kube-system", false),
        ("update leases.coordination.k8s.io/transfer-operator --namespace transfer-operator-system", true),
        ("get leases.coordination.k8s.io/transfer-operator-63 --namespace transfer-operator-system", true),
        ("update leases.coordination.k8s.io/transfer-operator-63 --namespace transfer-operator-system", true),
        ("update leases.coordination.k8s.io/transfer-operator-64 --namespace transfer-operator-system", false),
        ("update leases.coordination.k8s.io/other --namespace transfer-operator-system", false),
        ("create leases.coordination.k8s.io --namespace kube-system", false),
        ("update leases.coordination.k8s.io/transfer-operator --namespace open", false),
        ("create tokenreviews.authentication.k8s.io", false),
        ("create subjectaccessreviews.authorization.k8s.io", false),
    ];
    for (what, allowed) in cases {
        // RBAC is in force a moment after it was created.
        await_condition(what, Duration::from_secs(30), async || {
            let answer = may(&plane, OPERATOR, what).await;
            if answer == allowed { Ok(()) } else { Err(format!("allowed: {answer}")) }
        })
        .await;
    }
}

/// What it makes of these rights: `tests/apiserver/scrapes.rs`, with the rules that are compared here.
#[tokio::test]
async fn reviews_are_granted_with_metrics_auth_and_reading_to_whom_it_is_bound() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    let values = "metrics: {tls: {enabled: true}, auth: {enabled: true}}";
    helm.install(values).await;
    let rules = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]);
    let rendered = helm.render(values).await;
    assert_eq!(object(&rendered, "ClusterRole", "transfer-operator-metrics-auth")["rules"], rules);

    let (reader, other) = ("system:serviceaccount:default:reader", "system:serviceaccount:default:other");
    let bind = ["create", "clusterrolebinding", "reads", "--clusterrole=transfer-operator-metrics-reader"];
    plane.kubectl(&[&bind[..], &["--serviceaccount=default:reader"]].concat()).await;
    for (user, what, allowed) in [
        (OPERATOR, "create tokenreviews.authentication.k8s.io", true),
        (OPERATOR, "create subjectaccessreviews.authorization.k8s.io", true),
        (OPERATOR, "get /metrics", false),
        (reader, "get /metrics", true),
        (reader, "get /metrics/cadvisor", false),
        (reader, "post /metrics", false),
        (reader, "create tokenreviews.authentication.k8s.io", false),
        (other, "get /metrics", false),
    ] {
        await_condition(what, Duration::from_secs(30), async || {
            let answer = may(&plane, user, what).await;
            if answer == allowed { Ok(()) } else { Err(format!("allowed to {user}: {answer}")) }
        })
        .await;
    }
}

#[tokio::test]
async fn the_built_in_roles_manage_objects_but_no_identities_or_status() {
    let plane = ControlPlane::with_controller_manager().await;
    Helm::of(&plane).install("").await;
    plane.kubectl(&["create", "namespace", "team"]).await;
    for role in ["view", "edit", "admin"] {
        let (user, role_arg) = (format!("--user={role}er"), format!("--clusterrole={role}"));
        plane.kubectl(&["create", "rolebinding", role, &role_arg, &user, "--namespace=team"]).await;
    }
    // The controller manager aggregates; edit is part of admin, so its rules arrive there last.
    await_condition("aggregated rules", Duration::from_mins(1), async || {
        let there = may(&plane, "adminer", "create transferservers --namespace team").await;
        if there { Ok(()) } else { Err("not there yet") }
    })
    .await;

    for kind in [
        "transferservers",
        "transferusers",
        "transferaccesses",
        "transferworkflows",
        "transferprofiles",
        "transferconnectors",
        "transferagreements",
        "transfercertificates",
        "transferwebapps",
    ] {
        for (user, verb, allowed) in [
            ("viewer", "watch", true),
            ("viewer", "create", false),
            ("editer", "list", true),
            ("editer", "create", true),
            ("adminer", "delete", true),
        ] {
            assert_eq!(may(&plane, user, &format!("{verb} {kind} --namespace team")).await, allowed, "{user} {verb}");
        }
        let status = format!("patch {kind} --subresource=status --namespace team");
        assert!(!may(&plane, "adminer", &status).await, "{status}: status holds the operator's records");
    }
    assert!(!may(&plane, "adminer", "get awsidentities").await);
}

#[tokio::test]
async fn the_namespace_of_the_manifests_is_restricted_and_admits_the_pod() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let deployment = object(&documents(&read("deploy/install.yaml")), "Deployment", "transfer-operator").clone();
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = "probe".into();

    let admitted = create(&plane, &pod).await;
    assert!(admitted.is_ok(), "{admitted:?}");
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
    let refused = create(&plane, &pod).await.unwrap_err();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
}

async fn create(plane: &ControlPlane, pod: &serde_json::Value) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, pod.to_string()).unwrap();
    let file = file.path().to_str().unwrap();
    plane.try_kubectl(&["create", "--dry-run=server", "--namespace", NAMESPACE, "--filename", file]).await
}
