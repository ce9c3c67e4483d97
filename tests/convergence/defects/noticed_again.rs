//! Each update of a certificate gives notice anew: the one in force is not active for a while, whatever was to be changed.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "NoticedAgain",
    put_in: |seams: Seams| seams.around_aws(NoticedAgain),
    settings: |_| vec![Setting::of("W16-certificate")],
};

struct NoticedAgain(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for NoticedAgain {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.0.read(at, call).await
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let mut call = call;
        if let Mutation::UpdateCertificate(update) = &mut call {
            update.active_date = at.checked_add(SignedDuration::from_mins(1)).ok();
        }
        self.0.mutate(permit, at, call).await
    }
}
