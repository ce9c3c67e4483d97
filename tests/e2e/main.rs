//! The product in a cluster with pods: installed by Helm with its image, upgraded, disturbed, uninstalled, taken up again,
//! denied its rights; beside it the simulated AWS as a pod, whose log of calls is what most is judged by.
//!
//! `make e2e` runs it, on a node of its own (`tools/node`) or in the cluster of `E2E_KUBECONFIG`, which must not have the
//! product; namespaces that it makes there are gone at the end of a run that succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "one of two who use it")]
#[path = "../chart/helm.rs"]
mod helm;

mod cluster;
mod edits;
mod namespace;
mod pods;
mod release;
mod rights;
mod sandbox;
mod trouble;

use cluster::Cluster;

#[tokio::test]
#[ignore = "a whole cluster: make e2e"]
async fn the_product_lives_in_a_cluster_from_its_first_day_to_its_last() {
    let mut cluster = Cluster::start().await;
    release::installed_under_the_restricted_level(&cluster).await;
    release::objects_become_ready(&cluster).await;
    edits::a_rolling_upgrade_loses_no_edit(&cluster).await;
    trouble::whoever_leads_may_go_in_any_way(&mut cluster).await;
    release::an_uninstall_leaves_objects_and_aws(&cluster).await;
    release::the_next_release_takes_up_without_a_change(&cluster).await;
    rights::without_rights_nothing_is_changed(&cluster).await;
    namespace::a_namespace_waits_for_its_protected_servers(&cluster).await;
    namespace::so_many_servers_at_once_wait_for_a_yes(&cluster).await;
    cluster.clear().await;
}
