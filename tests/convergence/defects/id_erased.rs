//! A status apply that leaves the id out takes it away.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "IdErased",
    put_in: |seams: Seams| seams.around_kube(|_, real| WithoutId(real)),
    settings: |_| vec![Setting::of("W1-server")],
};

struct WithoutId(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for WithoutId {
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
        if status["create"]["phase"] != "InFlight" {
            status.as_object_mut().unwrap().remove("serverId");
        }
        self.0.apply_status(kind, name, version, status).await
    }
}
