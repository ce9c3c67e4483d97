//! Cluster API: the id goes with the status write that met a conflict. Who keeps no record of a create has nothing but
//! the id to go by.

use async_trait::async_trait;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::cluster::{ClusterError, KubeApi, Name};

use super::persist_after_create::NoRecord;
use super::{Around, AroundKube, Defect, Seams, Setting};
use crate::setup::{Blow, Moment, Rule, When};

pub static DEFECT: Defect = Defect {
    name: "IdLostOnConflict",
    put_in: |seams: Seams| seams.around_kube(|_, real| IdLost(Around(NoRecord(real)))),
    settings: |_| {
        let conflict = Rule::on("status", When::Times { skip: 1, count: 4 }, Moment::Before, Blow::Conflict);
        vec![Setting::of("W1-server").rule(conflict).listing_lag(60)]
    },
};

/// A conflict passes for done, and what was to be written is gone.
struct IdLost(Around<NoRecord>);

#[async_trait]
impl AroundKube for IdLost {
    fn real(&self) -> &dyn KubeApi {
        &self.0
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        let has_id = status["serverId"].is_string();
        let outcome = self.0.apply_status(kind, name, version, status).await;
        if has_id && matches!(outcome, Err(ClusterError::Conflict(_))) {
            return Ok(self.0.get(kind, name).await?.unwrap_or_default());
        }
        outcome
    }
}
