//! `/metrics` over TLS, for accounts that may get it: what a scraper is answered, and what it costs the operator in rights.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::{Client, Config, Error};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::{Lent, NAMESPACE, SERVICE_ACCOUNT, await_condition, repository};
use crate::world::{PATIENCE, World};

const RBAC: &str = "rbac.authorization.k8s.io";
const REVIEWS: &str = "transfer-operator-metrics-auth";
/// Where the scrapers' accounts are.
const HERE: &str = "default";
const READERS: &str = "transfer-operator-metrics-reader";

fn put(fixture: &str, folder: &Path) {
    for name in ["tls.crt", "tls.key"] {
        let from = repository("tests/fixtures/certificates").join(fixture).join(name);
        std::fs::copy(from, folder.join(name)).unwrap();
    }
}

/// What a scraper is answered that trusts this certificate only: the metrics, or the code of the refusal.
async fn scrape(url: &str, trusted: &str, token: Option<&str>) -> Result<String, String> {
    let mut config = Config::new(url.parse().unwrap());
    let file = repository("tests/fixtures/certificates").join(trusted).join("tls.crt");
    let certificate = CertificateDer::from_pem_slice(&std::fs::read(file).unwrap()).unwrap();
    config.root_cert = Some(vec![certificate.to_vec()]);
    // It would come again by itself where it is told that nobody knows.
    config.default_retry = false;
    config.auth_info.token = token.map(|token| token.to_owned().into());
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    match Client::try_from(config).unwrap().request_text(request).await {
        Ok(text) => Ok(text),
        Err(Error::Api(status)) => Err(status.code.to_string()),
        Err(error) => Err(format!("no answer: {error}")),
    }
}

/// A ClusterRole, and the account that it is bound to.
pub fn bound(name: &str, rules: &Value, account: (&str, &str)) -> [Value; 2] {
    let (namespace, account) = account;
    let metadata = json!({"name": name});
    let subjects = json!([{"kind": "ServiceAccount", "namespace": namespace, "name": account}]);
    [
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}, "subjects": subjects}),
    ]
}

/// What the chart does for `metrics.auth` (its own tests say that it is this), and two accounts of which one may read.
async fn accounts(world: &World) {
    let reviews = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]);
    let mut objects = bound(REVIEWS, &reviews, (NAMESPACE, SERVICE_ACCOUNT)).to_vec();
    let reads = json!([{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]);
    objects.extend(bound(READERS, &reads, (HERE, "reader")));
    for name in ["reader", "stranger"] {
        let metadata = json!({"name": name, "namespace": HERE});
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
    }
    world.apply(&objects).await;
    // RBAC is in force a moment after it was created, and no review of the operator may be refused.
    let operator = format!("system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}");
    for reviews in ["tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"] {
        let may = ["auth", "can-i", "create", reviews, "--as", operator.as_str()];
        await_condition(reviews, Duration::from_secs(30), async || world.plane.try_kubectl(&may).await.map(|_| ()))
            .await;
    }
}

/// The verbs and resources of the reviews that the operator asked for.
fn reviewed(world: &World) -> BTreeSet<(String, String, u64)> {
    let requests = world.plane.requests_of(NAMESPACE, SERVICE_ACCOUNT);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |event: &Value| {
        let (object, code) = (&event["objectRef"], event["responseStatus"]["code"].as_u64().unwrap_or_default());
        (text(&event["verb"]), format!("{}.{}", text(&object["resource"]), text(&object["apiGroup"])), code)
    };
    requests.iter().map(of).filter(|(_, resource, _)| resource.contains("reviews.")).collect()
}

#[tokio::test]
async fn metrics_over_tls_are_for_accounts_that_may_get_them() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    accounts(&world).await;
    let token = async |account: &str| world.plane.token_for(HERE, account).await;
    let (reader, stranger) = (token("reader").await, token("stranger").await);
    let folder = tempfile::tempdir().unwrap();
    put("first", folder.path());
    let tls = format!("--metrics-tls-dir={}", folder.path().display());
    let flags = [&tls, "--metrics-addr=127.0.0.1:0", "--metrics-auth", "--log-level=trace,transfer_operator=trace"];
    let operator = world.operator(&flags).await;
    let address = await_condition("the address of scrapes", PATIENCE, async || {
        operator.address_after("serving /metrics over TLS").ok_or("not served yet")
    })
    .await;
    let (url, plain) = (format!("https://{address}"), format!("http://{}", operator.health_address()));

    await_condition("metrics for the reader", PATIENCE, async || {
        let text = scrape(&url, "first", Some(&reader)).await?;
        if text.contains("\ntransfer_operator_leader ") { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(scrape(&url, "first", None).await, Err("401".to_owned()));
    assert_eq!(scrape(&url, "first", Some("nobodys")).await, Err("401".to_owned()));
    assert_eq!(scrape(&url, "first", Some(&stranger)).await, Err("403".to_owned()));
    assert_eq!(scrape(&plain, "first", Some(&reader)).await, Err("404".to_owned()), "probes alone are in plain text");
    let untold = scrape(&format!("http://{address}"), "first", Some(&reader)).await.unwrap_err();
    assert!(untold.starts_with("no answer"), "{untold}");
    let created = |resource: &str| ("create".to_owned(), resource.to_owned(), 201);
    let both = ["tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"].map(created);
    assert_eq!(reviewed(&world), BTreeSet::from(both), "all that it asks, and nothing is refused");

    put("second", folder.path());
    await_condition("the new certificate", PATIENCE, async || scrape(&url, "second", Some(&reader)).await.map(|_| ()))
        .await;
    let untrusted = scrape(&url, "first", Some(&reader)).await.unwrap_err();
    assert!(untrusted.starts_with("no answer"), "{untrusted}");

    // Who cannot ask lets nobody in whom it does not know.
    world.plane.kubectl(&["delete", "clusterrolebinding", REVIEWS]).await;
    await_condition("a refusal", PATIENCE, async || {
        let fresh = token("reader").await;
        let answer = scrape(&url, "second", Some(&fresh)).await;
        if answer == Err("503".to_owned()) { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;

    let log = operator.log();
    assert!(log.contains("TRACE"), "this is no log at TRACE");
    for token in [&reader, &stranger] {
        // A token's last part is its signature.
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "a token stands in the log");
    }
    assert!(operator.terminate().await.success());
}
