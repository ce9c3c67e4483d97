//! A server is stopped, and a workflow made anew, before a person approved it.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "NobodyAsked",
    put_in: |seams: Seams| seams.around_kube(|_, real| WithoutApproval(real)),
    settings: |_| vec![Setting::of("W4-approved"), Setting::of("W15-approved")],
};

struct WithoutApproval(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for WithoutApproval {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let mut object = self.0.get(kind, name).await?;
        if let Some(lifecycle) = object.iter_mut().find_map(|object| object["spec"]["lifecycle"].as_object_mut()) {
            lifecycle.remove("approval");
        }
        Ok(object)
    }
}
