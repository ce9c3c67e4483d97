//! A create whose answer was lost is looked for in a listing that is taken for empty: a second connector is made.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Page, Permit, Read, Reply};

use super::{Defect, Seams, Setting};
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "ListingUnheard",
    put_in: |seams: Seams| seams.around_aws(Unheard),
    settings: |references| {
        vec![Setting::of("W16-connector").at("CreateConnector", Moment::Sent, Blow::Lose, references)]
    },
};

struct Unheard(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for Unheard {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let mut answer = self.0.read(at, call).await?;
        if let Answer::Connectors(page) = &mut answer.value {
            *page = Page { items: Vec::new(), next_token: None };
        }
        Ok(answer)
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        self.0.mutate(permit, at, call).await
    }
}
