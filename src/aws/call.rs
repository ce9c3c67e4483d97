//! What a call to AWS is: a value that states its operation, the class whose rate it takes, and the members that every
//! answer to it has.
//!
//! A call is written down once, in the file of its resource (`transfer/server/mod.rs`), with its members and with the
//! way through the SDK and back. Without its statement it does not compile, and an answer without a member that it
//! names is no answer. One line in `calls` lets it through the door.
//!
//! ```ignore
//! /// DescribeServer.
//! #[derive(Clone, Debug)]
//! pub struct DescribeServer {
//!     pub server_id: String,
//! }
//!
//! impl Call for DescribeServer {
//!     const OPERATION: &'static str = "DescribeServer";
//!     const CLASS: CallClass = CallClass::Read;
//!     const REQUIRED: &'static [&'static str] = &["Server"];
//!     type Client = aws_sdk_transfer::Client;
//!     type Output = Box<Server>;
//!
//!     async fn send(&self, client: &Client, once: &Once) -> Result<Box<Server>, AwsError> {
//!         let call = client.describe_server().server_id(&self.server_id);
//!         let answer = single_attempt!(once, aws_sdk_transfer, call)?;
//!         once.complete(answer.server.ok_or("Server").and_then(server).map(Box::new))
//!     }
//! }
//! ```
//!
//! A call that answers in pages is a [`Listing`] instead, which makes it a call by itself; a mutation is a [`Change`]
//! as well.

use std::fmt::Debug;

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::sdk::once::Once;
use super::{AwsError, CallClass};

/// A call to one service of AWS.
pub trait Call: Clone + Debug + Send + Sync {
    /// AWS's name of the operation.
    const OPERATION: &'static str;
    /// The class whose bucket it is taken from.
    const CLASS: CallClass;
    /// Members that every answer has. The SDK reads an empty body as an answer of empty members: a server without tags.
    const REQUIRED: &'static [&'static str];
    /// The SDK's client of the service; the call goes to no other.
    type Client: Sync;
    /// What AWS answers, in our own types.
    type Output;

    /// Sends it as `once` says, and reads the answer.
    fn send(&self, client: &Self::Client, once: &Once) -> impl Future<Output = Result<Self::Output, AwsError>> + Send;
}

/// A call that answers in pages. It names the member that holds the rows: an answer without that member is no empty
/// page, and nothing is missing only because a proxy answered in AWS's place.
pub trait Listing: Clone + Debug + Send + Sync {
    /// AWS's name of the operation.
    const OPERATION: &'static str;
    /// The member that holds the rows.
    const LIST: &'static str;
    /// The SDK's client of the service.
    type Client: Sync;
    /// A row, in our own types.
    type Row;

    /// Reads one page.
    fn page(
        &self,
        client: &Self::Client,
        once: &Once,
    ) -> impl Future<Output = Result<Page<Self::Row>, AwsError>> + Send;

    /// Goes on to the page of this token.
    fn turn(&mut self, token: String);
}

impl<L: Listing> Call for L {
    const OPERATION: &'static str = L::OPERATION;
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &[L::LIST];
    type Client = L::Client;
    type Output = Page<L::Row>;

    fn send(&self, client: &L::Client, once: &Once) -> impl Future<Output = Result<Page<L::Row>, AwsError>> + Send {
        self.page(client, once)
    }
}

/// A call that changes something in AWS. Sent once, never repeated by the SDK.
///
/// Written as JSON, the same call is recognised again: that decides what is sent a second time, and must not follow how
/// a type happens to be printed. A secret stands in it as its hash ([`hashed`]); without that it does not compile.
pub trait Change: Call<Output = CreateOutput> + Serialize {
    /// What the call is about, as AWS names it: a server id, what is on the server behind a slash, or an ARN. What is
    /// to be made with an id of AWS's choice has no name yet.
    fn target(&self) -> Option<String>;
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Token of the next page; absent on the last.
    pub next_token: Option<String>,
}

/// What a mutation answers: the identifier that AWS chose, where it chose one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOutput {
    /// Server id, key id or host key id.
    pub id: Option<String>,
}

/// A secret as a member of a call that is recognised.
pub(super) fn hashed<S: Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    Sha256::digest(secret.expose_secret()).as_slice().serialize(to)
}

/// As [`hashed`], where there may be none.
#[allow(clippy::ref_option, reason = "the signature is serde's")]
pub(super) fn hashed_if_any<S: Serializer>(secret: &Option<SecretString>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| Sha256::digest(secret.expose_secret()).to_vec()).serialize(to)
}
