//! How the AWS object of a kind is found again, and what the engine asks of it by that: what is found by its tags of a
//! [`TagLookup`], what lives under a parent of that. It decides nothing.

use async_trait::async_trait;

use super::consistency::TagSearch;
use super::decide::Identity;
use super::error::ReconcileError;
use super::owner::Owner;
use super::reason::Reason;
use super::target::Target;
use crate::api::Managed;
use crate::aws::{Account, AwsError, Tags};

/// How the AWS object of an `O` that lives at a `Target<D>` is found again.
pub enum FoundBy<'a, O, D> {
    /// By its owner tags: AWS chooses the id.
    Tags(&'a dyn Tagged<O, D>),
    /// By its key under a parent; its owner tags say whose it is.
    Key(&'a dyn Child<O, D>),
    /// By its key under a parent; AWS keeps no tags on it, so the record of our create says whose it is.
    Record(&'a dyn Child<O, D>),
}

impl<'a, O: Managed, D> FoundBy<'a, O, D> {
    /// The same as decisions see it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self {
            Self::Tags(_) => Identity::Tagged,
            Self::Key(_) => Identity::Keyed,
            Self::Record(_) => Identity::Recorded,
        }
    }

    /// Where it is found by its tags.
    #[must_use]
    pub fn tagged(&self) -> Option<&'a dyn Tagged<O, D>> {
        match self {
            Self::Tags(tagged) => Some(*tagged),
            Self::Key(_) | Self::Record(_) => None,
        }
    }

    /// Where it lives under a parent.
    #[must_use]
    pub fn child(&self) -> Option<&'a dyn Child<O, D>> {
        match self {
            Self::Tags(_) => None,
            Self::Key(child) | Self::Record(child) => Some(*child),
        }
    }

    /// The id of what is to be taken over, as long as that counts and is granted; empty where a key stands for it.
    #[must_use]
    pub fn adopts(&self, object: &O, target: &Target<D>) -> Option<String> {
        match self {
            Self::Tags(tagged) => tagged.adopts(object, target),
            Self::Key(_) | Self::Record(_) => {
                let policies = object.policies();
                let observes = policies.observes();
                policies.adoption.filter(|_| !observes).map(|_| String::new())
            }
        }
    }
}

/// A kind whose id AWS chooses, so that only its tags lead back to it, and that others may use under that id.
#[async_trait]
pub trait Tagged<O: Managed, D>: Send + Sync {
    /// Who looks its tags up.
    fn lookup(&self) -> &dyn TagLookup;

    /// The id of what is to be taken over, as long as that counts and is granted.
    fn adopts(&self, object: &O, target: &Target<D>) -> Option<String>;

    /// Writes the id of what was created or found into status.
    fn set_id(&self, status: &mut O::Status, target: &Target<D>, id: &str);

    /// Why it must not be deleted in AWS yet: what else it would take along, and who still uses it.
    ///
    /// # Errors
    /// Trouble in finding out.
    async fn deletion_blockers(
        &self,
        object: &O,
        target: &Target<D>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError>;
}

/// A kind that lives under a parent (a user on its server) and is found there by its key.
pub trait Child<O: Managed, D>: Send + Sync {
    /// Whether the parent that status records is gone for good and the place is that of the one made in its stead.
    fn parent_replaced(&self, target: &Target<D>) -> bool;

    /// Why only what takes access away may be done at the place: whose the parent is was not proven.
    fn unproven<'a>(&self, target: &'a Target<D>) -> Option<&'a Reason>;

    /// Whether status is of the parent that it has now: else only a look tells.
    fn is_at(&self, status: &O::Status, target: &Target<D>) -> bool;

    /// Writes into status what it shows of the parent, as that is now. It needs no look at the object itself.
    fn show_parent(&self, status: &mut O::Status, target: &Target<D>);

    /// Writes into status what a create is for, where nothing in AWS will tell whose it is: what stands elsewhere under
    /// the same key is not what this create made.
    fn record_target(&self, status: &mut O::Status, object: &O, target: &Target<D>);
}

/// What looks owner tags up in AWS, for one resource of it.
#[async_trait]
pub trait TagLookup: Send + Sync {
    /// Asks for a look-up that begins from now on: a ticket for [`Self::find`].
    fn ask(&self) -> u64;

    /// Looks our owner tags up in a complete listing that began after `asked`. It may take long, and goes on where
    /// nobody waits for it: with the same ticket it is joined again.
    ///
    /// # Errors
    /// The fault of a read: an incomplete listing is no listing.
    async fn find(&self, account: &Account, owner: &Owner, asked: u64) -> Result<TagSearch, AwsError>;

    /// The tags on what has this id, read now: they tell whose is what a create made.
    ///
    /// # Errors
    /// The fault of the read, NotFound included.
    async fn tags_of(&self, account: &Account, id: &str) -> Result<Tags, AwsError>;

    /// AWS acknowledged to this process that it deletes what has this id.
    fn deleted(&self, account: &Account, id: &str);
}
