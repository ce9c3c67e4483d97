//! What the chart renders, without a cluster.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use transfer_operator::api::{self, ManagedKind};
use transfer_operator::shard::Shard;

use crate::helm::{EVERYTHING, Helm, chart, object, of_kind, read};

const NAME: &str = "transfer-operator";
const POLICY: &str = "ValidatingAdmissionPolicy";
const RESOURCES: &str = "/spec/matchConstraints/resourceRules/0/resources";
const NAMES: &str = "/spec/matchConstraints/resourceRules/0/resourceNames";

#[tokio::test]
async fn lint_finds_nothing() {
    let helm = Helm::offline();
    helm.run(&["lint", "--strict", chart()]).await;
}

#[tokio::test]
async fn helm_says_which_version_it_is() {
    let pinned = read("tools/helm/go.mod");
    let pinned = pinned.lines().find_map(|line| line.strip_prefix("require helm.sh/helm/v4 "));
    let version = Helm::offline().run(&["version", "--template", "{{.Version}}"]).await;
    assert_eq!(Some(version.trim()), pinned, "charts that ask for a Helm version refuse one that has none");
}

#[tokio::test]
async fn what_is_not_a_value_is_refused_and_named() {
    let cases = [
        ("imagee: {}", "imagee"),
        ("image: {name: x}", "name"),
        ("image: {digest: latest}", "digest"),
        ("operator: {resync: 5m}", "resync"),
        ("operator: {resyncInterval: 5 minutes}", "resyncInterval"),
        ("operator: {logFormat: xml}", "logFormat"),
        ("operator: {healthAddr: \"0.0.0.0:80\"}", "healthAddr"),
        ("operator: {rates: {delete: 1}}", "delete"),
        ("operator: {rates: {read: 0}}", "read"),
        ("holdDeletions: {percent: 101}", "percent"),
        ("secrets: {namespaces: [sftp]}", "namespaces"),
        ("secrets: {namespaces: [{name: sftp, verbs: [list]}]}", "verbs"),
        ("knownHosts: {namespaces: [{name: sftp}]}", "namespaces"),
        ("knownHosts: {enabled: \"yes\"}", "enabled"),
        ("knownHosts: {enabled: true}", "namespaces"),
        ("identities: [{name: default}]", "spec"),
        ("identities: [{name: Default, spec: {}}]", "name"),
        ("crds: {install: true}", "install"),
        ("admissionPolicies: {enabled: \"no\"}", "enabled"),
        ("replicas: 0", "replicas"),
        ("shards: 0", "shards"),
        ("shards: 65", "shards"),
        ("podDisruptionBudget: {minAvailable: 1}", "minAvailable"),
        ("watchNamespaces: sftp", "watchNamespaces"),
        ("watchNamespaces: [\"sftp,partners\"]", "watchNamespaces"),
        ("watchNamespaces: [sftp, sftp]", "watchNamespaces"),
        ("watchLabels: {team: a}", "watchLabels"),
        ("metrics: {serviceMonitor: {enable: true}}", "enable"),
        ("metrics: {podMonitor: {interval: 30}}", "interval"),
        ("metrics: {tls: {enable: true}}", "enable"),
        ("metrics: {auth: {tokenSecret: {secret: scraper}}}", "secret"),
        ("metrics: {auth: {tokenSecret: {name: scraper}}}", "tokenSecret"),
        ("metrics: {auth: {tokenSecret: {key: token}}}", "tokenSecret"),
        ("metrics: {tls: {issuerRef: {kind: ClusterIssuer}}}", "issuerRef"),
        ("networkPolicy: {apiServerPort: 0}", "apiServerPort"),
        ("networkPolicy: {ingress: []}", "ingress"),
        ("extraObjects: {kind: Secret}", "extraObjects"),
    ];
    let helm = Helm::offline();
    for (values, named) in cases {
        let refused = helm.try_with("template", values, &[]).await;
        let message = refused.expect_err(values);
        assert!(message.contains("values don't meet the specifications of the schema"), "{values}: {message}");
        assert!(message.contains(named), "{values}: {message}");
    }
}

#[tokio::test]
async fn a_right_that_is_switched_off_has_what_takes_its_place() {
    let cases = [
        ("rbac: {readNamespaces: false}", "needs operator.clusterId"),
        ("{rbac: {writeIdentities: false}, operator: {clusterId: blue}}", "is for watchNamespaces"),
    ];
    let helm = Helm::offline();
    for (values, told) in cases {
        let refused = helm.try_with("template", values, &[]).await.unwrap_err();
        assert!(refused.contains(told), "{values}: {refused}");
    }
}

#[tokio::test]
async fn tokens_are_asked_for_over_tls_and_of_who_can_send_them_only() {
    let (on, secret) = ("{enabled: true}", "tokenSecret: {name: scraper, key: token}");
    let cases = [
        (format!("metrics: {{auth: {on}}}"), Err("metrics.auth.enabled needs metrics.tls.enabled")),
        (format!("metrics: {{auth: {on}, tls: {on}, podMonitor: {on}}}"), Err("needs metrics.auth.tokenSecret")),
        (format!("metrics: {{auth: {on}, tls: {on}, serviceMonitor: {on}}}"), Ok(false)),
        (format!("metrics: {{tls: {on}, podMonitor: {on}}}"), Ok(false)),
        (format!("metrics: {{podMonitor: {on}, auth: {{{secret}}}}}"), Ok(false)),
        (format!("metrics: {{tls: {on}, podMonitor: {on}, auth: {{{secret}}}}}"), Ok(false)),
        (format!("metrics: {{tls: {on}, podMonitor: {on}, auth: {{enabled: true, {secret}}}}}"), Ok(true)),
    ];
    let served = ["PodMonitor", "ServiceMonitor"].map(|kind| format!("monitoring.coreos.com/v1/{kind}"));
    let served = ["--api-versions", &served[0], "--api-versions", &served[1]];
    let helm = Helm::offline();
    for (values, expected) in cases {
        match (helm.try_with("template", &values, &served).await, expected) {
            (Ok(rendered), Ok(token)) => {
                assert_eq!(rendered.contains("scheme: https"), values.contains("tls:"), "{values}");
                assert_eq!(rendered.contains(" authorization:\n"), token, "{values}");
            }
            (Err(refused), Err(told)) => assert!(refused.contains(told), "{values}: {refused}"),
            (other, _) => panic!("{values}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_rule_lets_anybody_list_watch_or_write_secrets() {
    let helm = Helm::offline();
    for values in ["", EVERYTHING] {
        let objects = helm.render(values).await;
        let mut seen = 0;
        for role in of_kind(&objects, "ClusterRole").chain(of_kind(&objects, "Role")) {
            for rule in role["rules"].as_array().unwrap() {
                seen += 1;
                let has = |member: &str, value: &str| rule[member].as_array().unwrap().iter().any(|item| item == value);
                assert!(!has("resources", "*") && !has("apiGroups", "*") && !has("verbs", "*"), "{rule}");
                if has("resources", "secrets") {
                    assert_eq!((&role["kind"], &rule["verbs"]), (&json!("Role"), &json!(["get"])), "{role}");
                }
            }
        }
        assert!(seen > 5, "the chart renders rules");
    }
}

#[tokio::test]
async fn rules_that_name_our_kinds_name_all_of_them() {
    let objects = Helm::offline().render("").await;
    let crds = api::all_crds();
    let all = |suffix: &str| crds.iter().map(|crd| format!("{}{suffix}", crd.spec.names.plural)).collect();
    let managed = || ManagedKind::ALL.iter().map(|kind| kind.resource().plural).collect();
    let names = crds.iter().filter_map(|crd| crd.metadata.name.clone()).collect();
    let rows: [(&str, &str, &str, BTreeSet<String>); 6] = [
        ("ClusterRole", "transfer-operator", "/rules/0/resources", all("")),
        ("ClusterRole", "transfer-operator", "/rules/1/resources", all("/status")),
        ("ClusterRole", "transfer-operator-view", "/rules/0/resources", managed()),
        ("ClusterRole", "transfer-operator-edit", "/rules/0/resources", managed()),
        (POLICY, "transfer-operator-deletion-protection", RESOURCES, managed()),
        (POLICY, "transfer-operator-crd-protection", NAMES, names),
    ];
    for (kind, name, path, expected) in rows {
        let found = object(&objects, kind, name).pointer(path).unwrap().as_array().unwrap().iter();
        assert_eq!(
            found.map(|text| text.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
            expected,
            "{name} {path}"
        );
    }
}

#[tokio::test]
async fn secrets_are_read_in_named_namespaces_and_by_name_only() {
    let helm = Helm::offline();
    let of_secrets = |role: &&Value| role["metadata"]["name"] == "transfer-operator-secrets";
    assert_eq!(of_kind(&helm.render("").await, "Role").filter(of_secrets).count(), 0);

    let objects = helm.render(EVERYTHING).await;
    let granted = of_kind(&objects, "Role").filter(of_secrets);
    let rules: Vec<_> = granted.map(|role| (&role["metadata"]["namespace"], &role["rules"])).collect();
    let all = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]);
    let one = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["host-key"], "verbs": ["get"]}]);
    assert_eq!(rules, [(&json!("all-keys"), &all), (&json!("one-key"), &one)]);
}

#[tokio::test]
async fn config_maps_are_written_where_values_say_so_only() {
    let helm = Helm::offline();
    let writers = async |values: &str| {
        let objects = helm.render(values).await;
        let roles = of_kind(&objects, "ClusterRole").chain(of_kind(&objects, "Role"));
        let writes = |rule: &Value| {
            let verbs = rule["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .any(|verb| !["get", "list", "watch"].contains(&verb.as_str().unwrap()));
            verbs && rule["resources"].as_array().unwrap().contains(&json!("configmaps"))
        };
        let named = |role: &Value| {
            let bound = format!("{}Binding", role["kind"].as_str().unwrap());
            let place = |object: &Value| object["metadata"]["namespace"].clone();
            let binds = |binding: &&Value| {
                binding["roleRef"]["name"] == role["metadata"]["name"] && place(binding) == place(role)
            };
            assert_eq!(of_kind(&objects, &bound).filter(binds).count(), 1, "{role}");
            place(role).as_str().unwrap_or("everywhere").to_owned()
        };
        roles.filter(|role| role["rules"].as_array().unwrap().iter().any(writes)).map(named).collect::<Vec<_>>()
    };
    assert!(writers("").await.is_empty());
    assert_eq!(writers("knownHosts: {enabled: true, namespaces: ['*']}").await, ["everywhere"]);
    assert_eq!(writers("knownHosts: {enabled: true, namespaces: [a, b]}").await, ["a", "b"]);
    assert!(writers("knownHosts: {namespaces: [a]}").await.is_empty());
}

#[tokio::test]
async fn the_pod_is_restricted_and_a_standby_is_there_before_the_leader_goes() {
    let helm = Helm::offline();
    for values in ["", EVERYTHING] {
        let objects = helm.render(values).await;
        let spec = &object(&objects, "Deployment", NAME)["spec"];
        assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&json!(2), &json!("RollingUpdate")));
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["topologySpreadConstraints"][0]["topologyKey"], "kubernetes.io/hostname");
        let own_namespace = json!({"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
        let env = &pod["containers"][0]["env"][0];
        assert_eq!((&env["name"], &env["valueFrom"]), (&json!("TRANSFER_OPERATOR_LEASE_NAMESPACE"), &own_namespace));
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["runAsUser"], 65532);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(container["allowPrivilegeEscalation"], false);
        assert_eq!(container["readOnlyRootFilesystem"], true);
        assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(pod["terminationGracePeriodSeconds"], 60);
    }
}

#[tokio::test]
async fn values_become_arguments_and_empty_ones_are_left_to_the_operator() {
    let helm = Helm::offline();
    let args = |objects: &[Value]| {
        object(objects, "Deployment", NAME)["spec"]["template"]["spec"]["containers"][0]["args"].clone()
    };

    assert_eq!(
        args(&helm.render("").await),
        json!(["run", "--health-addr=[::]:8080", "--hold-deletions-percent=10", "--log-format=json"])
    );
    let all = json!([
        "run",
        "--aws-create-server-rate=0.5",
        "--aws-read-rate=10",
        "--aws-write-rate=2.5",
        "--cluster-id=blue: 1",
        "--expiry-warning=30d",
        "--health-addr=0.0.0.0:8080",
        "--hold-deletions-percent=0",
        "--listing-lag=1m30s",
        "--log-format=text",
        "--log-level=warn,transfer_operator=debug",
        "--read-namespaces=false",
        "--rejection-grace=90s",
        "--resync-interval=5m",
        "--signature-tolerance=15m",
        "--watch-labels=team=a",
        "--extra",
    ]);
    let values = format!("{EVERYTHING}\nextraArgs: [--extra]\n");
    assert_eq!(args(&helm.render(&values).await), all);
}

#[tokio::test]
async fn the_digest_of_the_image_wins_over_its_tag() {
    let helm = Helm::offline();
    let digest = format!("sha256:{}", "0".repeat(64));
    let cases = [
        (String::new(), format!("transfer-operator:{}", env!("CARGO_PKG_VERSION"))),
        ("image: {tag: x}".to_owned(), "transfer-operator:x".to_owned()),
        (format!("image: {{tag: x, digest: \"{digest}\"}}"), format!("transfer-operator@{digest}")),
    ];
    for (values, image) in cases {
        let objects = helm.render(&values).await;
        let pod = &object(&objects, "Deployment", NAME)["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], image, "{values}");
    }
}

#[tokio::test]
async fn switches_leave_out_what_they_are_for() {
    let protection = "transfer-operator-deletion-protection";
    let identities = "transfer-operator-identity-protection";
    let crds = "transfer-operator-crd-protection";
    let view = "transfer-operator-view";
    let cases = [
        ("", vec![], vec![protection, identities, crds, view]),
        ("admissionPolicies: {enabled: false}", vec![protection, identities, crds], vec![view]),
        ("admissionPolicies: {protectCrds: false}", vec![crds], vec![protection, identities]),
        ("crds: {keep: false}", vec![crds, "keep"], vec![protection]),
        ("crds: {enabled: false}", vec!["CustomResourceDefinition\n"], vec![protection, crds]),
        ("podDisruptionBudget: {enabled: false}", vec!["kind: PodDisruptionBudget"], vec![protection]),
        ("replicas: 1", vec!["kind: PodDisruptionBudget"], vec!["replicas: 1"]),
        ("replicas: 3", vec![], vec!["replicas: 3", "kind: PodDisruptionBudget"]),
        ("{rbac: {readNamespaces: false}, operator: {clusterId: a}}", vec!["resources: [namespaces]"], vec![view]),
        ("rbac: {aggregate: false}", vec![view, "transfer-operator-edit"], vec![protection]),
        ("serviceAccount: {create: false, name: other}", vec!["kind: ServiceAccount\nmetadata"], vec!["name: other"]),
    ];
    let helm = Helm::offline();
    for (values, absent, present) in cases {
        let rendered = helm.with("template", values, &[]).await;
        for text in absent {
            let text = if text == "keep" { "helm.sh/resource-policy: keep" } else { text };
            assert!(!rendered.contains(text), "{text:?} with {values:?}");
        }
        for text in present {
            assert!(rendered.contains(text), "no {text:?} with {values:?}");
        }
    }
}

/// Whether the selector finds pods with these labels.
fn finds(selector: &Value, labels: &Value) -> bool {
    selector["matchLabels"].as_object().unwrap().iter().all(|(name, value)| labels[name] == *value)
}

#[tokio::test]
async fn each_shard_has_replicas_a_lease_and_a_budget_of_its_own() {
    let helm = Helm::offline();
    let whole = helm.render("").await;
    let one = helm.render("shards: 1").await;
    assert_eq!(whole, one);
    let args = |deployment: &Value| deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    assert!(!args(object(&one, "Deployment", NAME)).to_string().contains("--shard"), "nothing changes for the rest");

    let objects = helm.render("shards: 3").await;
    let names = ["transfer-operator", "transfer-operator-1", "transfer-operator-2"];
    let first = object(&objects, "Deployment", NAME);
    let selector = &object(&one, "Deployment", NAME)["spec"]["selector"];
    assert_eq!(first["spec"]["selector"], *selector, "a selector cannot be changed");
    for (number, name) in names.iter().enumerate() {
        let deployment = object(&objects, "Deployment", name);
        assert!(args(deployment).as_array().unwrap().contains(&json!(format!("--shard={number}/3"))), "{deployment}");
        let pod = &deployment["spec"]["template"];
        let budget = object(&objects, "PodDisruptionBudget", name);
        let spread = &pod["spec"]["topologySpreadConstraints"][0]["labelSelector"];
        for other in names {
            let labels = &object(&objects, "Deployment", other)["spec"]["template"]["metadata"]["labels"];
            for selector in [&deployment["spec"]["selector"], &budget["spec"]["selector"], spread] {
                assert_eq!(finds(selector, labels), other == *name, "{selector} and {labels}");
            }
        }
    }
    assert_eq!(of_kind(&objects, "Deployment").count(), 3);
    assert_eq!(of_kind(&objects, "PodDisruptionBudget").count(), 3);
}

#[tokio::test]
async fn all_objects_and_pods_are_part_of_the_operator_and_no_selector_says_so() {
    let helm = Helm::offline();
    let part_of = "app.kubernetes.io/part-of";
    for values in [EVERYTHING, "shards: 3", "podLabels: {app.kubernetes.io/part-of: other}", "watchNamespaces: [a]"] {
        let objects = helm.render(values).await;
        for object in &objects {
            assert_eq!(object["metadata"]["labels"][part_of], NAME, "{object}");
        }
        for deployment in of_kind(&objects, "Deployment") {
            let spec = &deployment["spec"];
            assert_eq!(spec["template"]["metadata"]["labels"][part_of], NAME, "{deployment}");
            let spread = &spec["template"]["spec"]["topologySpreadConstraints"];
            assert!(!format!("{}{spread}", spec["selector"]).contains(part_of), "{deployment}");
        }
        for budget in of_kind(&objects, "PodDisruptionBudget") {
            assert!(!budget["spec"]["selector"].to_string().contains(part_of), "{budget}");
        }
    }
}

#[tokio::test]
async fn values_of_an_older_release_render_what_the_defaults_do() {
    let helm = Helm::offline();
    let default = helm.render("").await;
    // As `helm upgrade --reuse-values` of a release from before they were there has them.
    let newer = ["shards", "watchNamespaces", "watchLabels", "metrics", "networkPolicy", "extraObjects"];
    for value in newer {
        assert_eq!(helm.render(&format!("{value}: null")).await, default, "{value}");
    }
}

#[tokio::test]
async fn the_right_to_a_lease_stays_when_its_shard_goes() {
    let helm = Helm::offline();
    let most = (0..64).map(|number| format!("{number}/64").parse::<Shard>().unwrap());
    let names: Vec<String> = most.map(|shard| shard.lease(NAME)).collect();
    assert!("64/65".parse::<Shard>().is_err(), "there are no more");
    for values in ["", "shards: null", "shards: 2"] {
        let objects = helm.render(values).await;
        let role = object(&objects, "Role", "transfer-operator-lease");
        assert_eq!(role["rules"][1]["resourceNames"], json!(names), "{values}: {role}");
    }
}
