//! ACK: no id, so nothing to delete.

use std::sync::Arc;

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::{Value, json};
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};
use crate::acts::Act;
use crate::oracle::unchecked::WANTED_CHANGES;
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "DeleteWithoutRecovery",
    put_in: |seams: Seams| seams.around_kube(|_, real| NothingToLookFor(real)),
    settings: |references| {
        let delete = Blow::Act(Act::Delete("TransferServer", "files"));
        let setting = Setting::of("W1-server").at("CreateServer", Moment::Before, delete, references);
        let setting = setting.at("CreateServer", Moment::Sent, Blow::Kill, references);
        vec![setting.listing_lag(110).unchecked(&WANTED_CHANGES)]
    },
};

/// What is read or written of an object that goes says that its create ended long ago, and that nothing is under way.
struct NothingToLookFor(Arc<dyn KubeApi>);

fn forget(status: &mut Value) {
    if status.get("serverId").is_none() && status["create"]["phase"] == "InFlight" {
        status["create"]["startedAt"] = json!("2000-01-01T00:00:00Z");
    }
}

fn goes(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

#[async_trait]
impl AroundKube for NothingToLookFor {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let mut found = self.0.get(kind, name).await?;
        if let Some(object) = found.as_mut().filter(|object| goes(object)) {
            forget(&mut object["status"]);
        }
        Ok(found)
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        mut status: Value,
    ) -> Result<Value, ClusterError> {
        if self.0.get(kind, name).await?.is_some_and(|object| goes(&object)) {
            forget(&mut status);
        }
        self.0.apply_status(kind, name, version, status).await
    }
}
