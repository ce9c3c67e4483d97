//! Ready before anything was seen in AWS.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::{Value, json};
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "ReadyTooEarly",
    put_in: |seams: Seams| seams.around_kube(|_, real| AlwaysReady(real)),
    settings: |_| vec![Setting::of("W1-server")],
};

struct AlwaysReady(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for AlwaysReady {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        mut status: Value,
    ) -> Result<Value, ClusterError> {
        status["conditions"] = json!([{
            "type": "Ready", "status": "True", "reason": "Available", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": status["observedGeneration"],
        }]);
        self.0.apply_status(kind, name, version, status).await
    }
}
