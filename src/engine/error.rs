//! What a reconcile fails with while it finds something out.

use std::time::Duration;

use crate::aws::AwsError;
use crate::cluster::ClusterError;

/// A read failed while something was being found out.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// In AWS.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// In Kubernetes.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// None failed: another reconcile is about to find it out, and tells. It is tried again after so long at the latest.
    #[error("another reconcile is about to find it out")]
    FoundOutElsewhere(Duration),
}
