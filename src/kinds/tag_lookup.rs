//! What the engine asks of a [`TagIndex`]. It stands apart so that the index compiles without the engine, under a checker
//! of schedules.

use std::sync::Arc;

use async_trait::async_trait;

use super::tag_index::{TagIndex, TaggedResource};
use crate::aws::transfer::Tags;
use crate::aws::{Account, AwsError};
use crate::engine::consistency::TagSearch;
use crate::engine::found_by::TagLookup;
use crate::engine::owner::Owner;

#[async_trait]
impl<R: TaggedResource> TagLookup for Arc<TagIndex<R>> {
    fn ask(&self) -> u64 {
        TagIndex::ask(self)
    }

    async fn find(&self, account: &Account, owner: &Owner, asked: u64) -> Result<TagSearch, AwsError> {
        self.find_by_tags(account, owner, asked).await
    }

    async fn tags_of(&self, account: &Account, id: &str) -> Result<Tags, AwsError> {
        R::tags(account, id).await
    }

    fn deleted(&self, account: &Account, id: &str) {
        TagIndex::deleted(self, account, id);
    }
}
