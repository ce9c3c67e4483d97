//! kube-rs' own helper: the finalizer goes by name, without uid.

use std::sync::Arc;

use async_trait::async_trait;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};
use crate::plans::{Scale, views};
use crate::world::World;

pub static DEFECT: Defect = Defect {
    name: "FinalizerByName",
    put_in: |seams: Seams| seams.around_kube(|world, real| ByName { world, real }),
    settings: |references| views::former_lives(references, Scale::Soak).into_iter().map(Setting::from).collect(),
};

struct ByName {
    world: Arc<World>,
    real: Arc<dyn KubeApi>,
}

#[async_trait]
impl AroundKube for ByName {
    fn real(&self) -> &dyn KubeApi {
        self.real.as_ref()
    }

    /// Whatever bears the name now is meant.
    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let found = self.world.api().get(&(kind.kind.clone(), Name::from(read)));
        let meta = found.map(|object| serde_json::from_value(object["metadata"].clone()).unwrap());
        self.real.set_finalizer(kind, meta.as_ref().unwrap_or(read), finalizer, present).await
    }
}
