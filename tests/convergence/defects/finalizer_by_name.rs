//! kube-rs' own helper: the finalizer goes by name, without uid.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};
use crate::api_server::text;
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
        name: &Name,
        uid: &str,
        version: &str,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let found = self.world.api().get(&(kind.kind.clone(), name.clone()));
        let meta = |member: &str, asked: &str| {
            found.as_ref().map_or_else(|| asked.to_owned(), |object| text(&object["metadata"][member]))
        };
        let (uid, version) = (meta("uid", uid), meta("resourceVersion", version));
        self.real.set_finalizer(kind, name, &uid, &version, finalizer, present).await
    }
}
