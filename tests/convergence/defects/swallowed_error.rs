//! Crossplane: a refused update passes for done.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};
use crate::scenarios;
use crate::workflows::Workflow;

pub static DEFECT: Defect = Defect {
    name: "SwallowedError",
    put_in: |seams: Seams| seams.around_aws(Swallowing),
    settings: |_| {
        let refused = Workflow {
            name: "an update that is refused",
            run: |stage| scenarios::an_update_that_is_refused(stage).boxed(),
        };
        vec![Setting::in_workflow(refused).rules(scenarios::refusing_updates().rules)]
    },
};

struct Swallowing(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for Swallowing {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.0.read(at, call).await
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let updates = call.operation().starts_with("Update");
        match self.0.mutate(permit, at, call).await {
            Err(fault) if updates => Ok(Reply { value: CreateOutput::default(), date: fault.date }),
            outcome => outcome,
        }
    }
}
