//! One of our own: what goes along with an image that is taken out is taken for put there again, and never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "ImageForgotten",
    put_in: |seams: Seams| seams.around_aws(|real| Forgetful { real, deleted: AtomicBool::new(false) }),
    settings: |_| vec![Setting::of("W16-web-app")],
};

struct Forgetful {
    real: Arc<dyn AwsApi>,
    deleted: AtomicBool,
}

#[async_trait]
impl AwsApi for Forgetful {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        self.real.read(at, call).await
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        if matches!(call, Mutation::DeleteWebAppCustomization(_)) {
            self.deleted.store(true, Ordering::SeqCst);
        }
        let forgets = matches!(call, Mutation::UpdateWebAppCustomization(_)) && self.deleted.load(Ordering::SeqCst);
        if forgets {
            return Ok(Reply { value: CreateOutput::default(), date: Some(at) });
        }
        self.real.mutate(permit, at, call).await
    }
}
