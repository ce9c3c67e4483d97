//! One of our own: what goes along with an image that is taken out is remembered by the process alone. Where it dies before
//! it is put there again, whoever comes next finds nothing, and takes that for what shall be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::aws::transfer::WebAppCustomization;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};

use super::{Defect, Seams, Setting};
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "ImageForgotten",
    put_in: |seams: Seams| seams.around_aws(|real| Forgetful { real, remembers: AtomicBool::new(false) }),
    settings: |references| {
        vec![Setting::of("W16-web-app").at("DeleteWebAppCustomization", Moment::Sent, Blow::Kill, references)]
    },
};

struct Forgetful {
    real: Arc<dyn AwsApi>,
    /// This life made the web app, took its look away, or saw one.
    remembers: AtomicBool,
}

#[async_trait]
impl AwsApi for Forgetful {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let reply = self.real.read(at, call).await?;
        if let Answer::WebAppCustomization(look) = &reply.value
            && **look != WebAppCustomization::default()
        {
            self.remembers.store(true, Ordering::SeqCst);
        }
        Ok(reply)
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        match call {
            Mutation::CreateWebApp(_) | Mutation::DeleteWebAppCustomization(_) => {
                self.remembers.store(true, Ordering::SeqCst);
            }
            Mutation::UpdateWebAppCustomization(_) if !self.remembers.load(Ordering::SeqCst) => {
                return Ok(Reply { value: CreateOutput::default(), date: Some(at) });
            }
            _ => {}
        }
        self.real.mutate(permit, at, call).await
    }
}
