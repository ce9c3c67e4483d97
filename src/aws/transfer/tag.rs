//! Tags of servers, users and host keys: named by the ARN of what they stand on.

use std::collections::BTreeMap;

use aws_sdk_transfer::{Client, types as sdk};
use serde::Serialize;

use crate::aws::call::{Call, Change};
use crate::aws::sdk::convert::Built;
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// Tags as AWS keeps them, key to value.
pub type Tags = BTreeMap<String, String>;

/// AWS's most tags on one thing.
pub const TAGS_MAX: usize = 50;

/// TagResource.
#[derive(Clone, Debug, Serialize)]
pub struct TagResource {
    /// What is tagged.
    pub arn: String,
    /// The tags that are set; others stay.
    pub tags: Tags,
}

impl Call for TagResource {
    const OPERATION: &'static str = "TagResource";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { arn, tags } = self.clone();
        let call = client.tag_resource().arn(arn).set_tags(Some(once.built(sent(tags))?));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for TagResource {
    fn target(&self) -> Option<String> {
        Some(self.arn.clone())
    }
}

/// UntagResource.
#[derive(Clone, Debug, Serialize)]
pub struct UntagResource {
    /// What loses tags.
    pub arn: String,
    /// The keys of the tags that go.
    pub keys: Vec<String>,
}

impl Call for UntagResource {
    const OPERATION: &'static str = "UntagResource";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { arn, keys } = self.clone();
        let call = client.untag_resource().arn(arn).set_tag_keys(Some(keys));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UntagResource {
    fn target(&self) -> Option<String> {
        Some(self.arn.clone())
    }
}

/// Tags as the SDK sends them.
fn sent(tags: Tags) -> Built<Vec<sdk::Tag>> {
    tags.into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of something that is made; absent where there are none: AWS refuses an empty list of tags.
pub(super) fn of_new(tags: Tags) -> Built<Option<Vec<sdk::Tag>>> {
    if tags.is_empty() { Ok(None) } else { sent(tags).map(Some) }
}

/// Tags as the SDK read them.
pub(super) fn read(tags: Option<Vec<sdk::Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()
}
