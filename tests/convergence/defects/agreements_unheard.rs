//! The agreements of a server are listed, and the listing is taken for empty: the server is deleted with one that somebody
//! else made on it.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Page, Permit, Read, Reply};

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "AgreementsUnheard",
    put_in: |seams: Seams| seams.around_aws(Unheard),
    settings: |_| vec![Setting::of("W16-agreement-console")],
};

struct Unheard(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for Unheard {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let mut answer = self.0.read(at, call).await?;
        if let Answer::Agreements(page) = &mut answer.value {
            *page = Page { items: Vec::new(), next_token: None };
        }
        Ok(answer)
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        self.0.mutate(permit, at, call).await
    }
}
