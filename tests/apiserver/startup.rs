//! How the operator starts and ends.

use std::time::Duration;

use crate::support::{ControlPlane, Operator, Sim, await_condition, repository};

async fn said(operator: &Operator, text: &str) {
    await_condition(&format!("{text:?} in the log"), Duration::from_mins(1), async || {
        let log = operator.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    })
    .await;
}

#[tokio::test]
async fn it_waits_for_its_crds_says_so_then_works_and_ends_when_asked() {
    let plane = ControlPlane::start().await;
    let manifest = repository("deploy/install.yaml");
    plane.kubectl(&["apply", "--server-side", "--filename", manifest.to_str().unwrap()]).await;
    let sim = Sim::start(&[]).await;
    let operator = Operator::start(&plane, &sim, &[]).await;

    said(
        &operator,
        "the CRDs awsidentities, transferservers, transferusers, transferaccesses, transferworkflows, transferprofiles, \
transferconnectors, transferagreements, transfercertificates, transferwebapps",
    )
    .await;
    plane.install().await;
    said(&operator, "all caches are filled").await;

    let status = operator.terminate().await;
    assert!(status.success(), "{status}");
}
