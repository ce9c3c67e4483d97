//! The SDK learns AWS's time from the refusal of an old signature, and signs anew with that.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting, permit};
use crate::plans::{Scale, replicas};

pub static DEFECT: Defect = Defect {
    name: "SkewCorrection",
    put_in: |seams: Seams| seams.around_aws(Correcting),
    settings: |references| replicas::frozen(references, Scale::Soak).into_iter().map(Setting::from).collect(),
};

struct Correcting(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for Correcting {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.0.read(at, call).await
    }

    async fn mutate(&self, first: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        match self.0.mutate(first, at, call.clone()).await {
            Err(AwsError { kind: AwsErrorKind::Skewed, date: Some(now), .. }) => {
                self.0.mutate(permit().await, now, call).await
            }
            outcome => outcome,
        }
    }
}
