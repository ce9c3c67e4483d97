//! A renewed certificate takes the place of the old one at once: the overlap that the spec asks for is forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::{Value, json};
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "OverlapForgotten",
    put_in: |seams: Seams| seams.around_kube(|_, real| WithoutOverlap(real)),
    settings: |_| vec![Setting::of("W16-renewal")],
};

struct WithoutOverlap(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for WithoutOverlap {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let mut object = self.0.get(kind, name).await?;
        if let Some(rotation) = object.iter_mut().find_map(|object| object["spec"]["rotation"].as_object_mut()) {
            rotation.insert("overlap".to_owned(), json!("0s"));
        }
        Ok(object)
    }
}
