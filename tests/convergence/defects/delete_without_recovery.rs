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

/// An object is read as if AWS had refused its create long ago and nothing were under way.
struct NothingToLookFor(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for NothingToLookFor {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let mut found = self.0.get(kind, name).await?;
        if let Some(object) = &mut found
            && object["metadata"].get("deletionTimestamp").is_some()
            && object["status"].get("serverId").is_none()
            && object["status"]["create"]["phase"] == "InFlight"
        {
            object["status"]["create"]["startedAt"] = json!("2000-01-01T00:00:00Z");
        }
        Ok(found)
    }
}
