//! ACK: the create goes out before anything of it is written down.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "PersistAfterCreate",
    put_in: |seams: Seams| seams.around_kube(|_, real| NoRecord(real)),
    settings: |references| {
        let killed = Setting::of("W1-server").at("CreateServer", Moment::Sent, Blow::Kill, references);
        vec![killed.listing_lag(60)]
    },
};

/// The record of a create that is about to be sent never arrives, and the process takes it for written.
pub struct NoRecord(pub Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for NoRecord {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        if status["create"]["phase"] != "InFlight" {
            return self.0.apply_status(kind, name, version, status).await;
        }
        let found = self.0.get(kind, name).await?;
        let mut object = found.ok_or_else(|| ClusterError::NotFound(name.to_string()))?;
        object["status"] = status;
        Ok(object)
    }
}
