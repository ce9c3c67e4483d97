//! The overlap of a renewed certificate is counted from when the new one is valid, not from when it is used: the old one
//! leaves the profiles, and goes, while partners may still use it.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "OverlapForgotten",
    put_in: |seams: Seams| seams.around_aws(FromValidity),
    settings: |_| vec![Setting::of("W16-renewal")],
};

struct FromValidity(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for FromValidity {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let mut answer = self.0.read(at, call).await?;
        if let Answer::Certificate(certificate) = &mut answer.value {
            certificate.active_date = certificate.not_before_date;
        }
        Ok(answer)
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        self.0.mutate(permit, at, call).await
    }
}
