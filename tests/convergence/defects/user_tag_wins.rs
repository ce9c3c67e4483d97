//! Cluster API: a tag of the user's stands where the owner's should.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::api::TAG_UID;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "UserTagWins",
    put_in: |seams: Seams| seams.around_aws(TheirTag),
    settings: |_| vec![Setting::of("W1-server")],
};

struct TheirTag(Arc<dyn AwsApi>);

#[async_trait]
impl AwsApi for TheirTag {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.0.read(at, call).await
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, mut call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        if let Mutation::CreateServer(create) = &mut call
            && let Some(theirs) = create.tags.get("purpose").cloned()
        {
            create.tags.insert(TAG_UID.to_owned(), theirs);
        }
        self.0.mutate(permit, at, call).await
    }
}
