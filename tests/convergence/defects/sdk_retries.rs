//! The SDK repeats a create whose answer was lost.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting, permit};
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "SdkRetries",
    put_in: |seams: Seams| seams.around_aws(Repeating),
    settings: |references| vec![Setting::of("W1-server").at("CreateServer", Moment::Sent, Blow::Lose, references)],
};

/// As often as the SDK does by itself.
const ATTEMPTS: usize = 3;

struct Repeating(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for Repeating {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.0.read(at, call).await
    }

    async fn mutate(&self, first: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let mut outcome = self.0.mutate(first, at, call.clone()).await;
        for _ in 1..ATTEMPTS {
            let unknown = outcome.as_ref().is_err_and(|fault| !fault.kind.proves_nothing_made());
            if unknown && call.operation().starts_with("Create") {
                outcome = self.0.mutate(permit().await, at, call.clone()).await;
            }
        }
        outcome
    }
}
