//! Every call that the operator can make, as data.
//!
//! Reads and mutations are values, so that a decision can return one, a test can script one and a decorator of the
//! door is one function. What a call means is AWS's; nothing is decided here.

use super::types::{
    Access, CreateAccess, CreateServer, CreateUser, HostKey, IdentityProviderAnswer, ImportHostKey, ListedAccess,
    ListedServer, ListedUser, LoginSettings, Page, SecurityPolicy, Server, ServerSettings, Tags, TestIdentityProvider,
    User,
};

/// A call that changes nothing in AWS.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "members are named after AWS's; a token is a page's")]
pub enum Read {
    /// ListServers, one page.
    ListServers { token: Option<String> },
    /// DescribeServer.
    DescribeServer { server_id: String },
    /// ListUsers, one page.
    ListUsers { server_id: String, token: Option<String> },
    /// DescribeUser.
    DescribeUser { server_id: String, user_name: String },
    /// ListAccesses, one page.
    ListAccesses { server_id: String, token: Option<String> },
    /// DescribeAccess.
    DescribeAccess { server_id: String, external_id: String },
    /// ListHostKeys, one page.
    ListHostKeys { server_id: String, token: Option<String> },
    /// DescribeHostKey.
    DescribeHostKey { server_id: String, host_key_id: String },
    /// ListSecurityPolicies, one page.
    ListSecurityPolicies { token: Option<String> },
    /// DescribeSecurityPolicy.
    DescribeSecurityPolicy { name: String },
    /// TestIdentityProvider.
    TestIdentityProvider(TestIdentityProvider),
}

/// The answer to a [`Read`], in the same order.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the answer to the read of its name")]
pub enum Answer {
    Servers(Page<ListedServer>),
    Server(Box<Server>),
    Users(Page<ListedUser>),
    User(Box<User>),
    Accesses(Page<ListedAccess>),
    Access(Box<Access>),
    HostKeys(Page<HostKey>),
    HostKey(Box<HostKey>),
    SecurityPolicyNames(Page<String>),
    SecurityPolicy(Box<SecurityPolicy>),
    IdentityProvider(IdentityProviderAnswer),
}

/// A call that changes something in AWS. Sent once, never repeated by the SDK.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named after AWS's operations and members")]
pub enum Mutation {
    CreateServer(Box<CreateServer>),
    UpdateServer {
        server_id: String,
        settings: Box<ServerSettings>,
    },
    StartServer {
        server_id: String,
    },
    StopServer {
        server_id: String,
    },
    DeleteServer {
        server_id: String,
    },
    CreateUser(Box<CreateUser>),
    UpdateUser {
        server_id: String,
        user_name: String,
        settings: Box<LoginSettings>,
    },
    DeleteUser {
        server_id: String,
        user_name: String,
    },
    ImportSshPublicKey {
        server_id: String,
        user_name: String,
        body: String,
    },
    DeleteSshPublicKey {
        server_id: String,
        user_name: String,
        key_id: String,
    },
    CreateAccess(Box<CreateAccess>),
    UpdateAccess {
        server_id: String,
        external_id: String,
        settings: Box<LoginSettings>,
    },
    DeleteAccess {
        server_id: String,
        external_id: String,
    },
    ImportHostKey(Box<ImportHostKey>),
    UpdateHostKey {
        server_id: String,
        host_key_id: String,
        description: Option<String>,
        storage_type: Option<String>,
        kms_key: Option<String>,
    },
    DeleteHostKey {
        server_id: String,
        host_key_id: String,
    },
    TagResource {
        arn: String,
        tags: Tags,
    },
    UntagResource {
        arn: String,
        keys: Vec<String>,
    },
}

/// What a mutation answers: the identifier that AWS chose, where it chose one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Server id, key id or host key id.
    pub id: Option<String>,
}

impl Read {
    /// AWS's name of the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::ListServers { .. } => "ListServers",
            Self::DescribeServer { .. } => "DescribeServer",
            Self::ListUsers { .. } => "ListUsers",
            Self::DescribeUser { .. } => "DescribeUser",
            Self::ListAccesses { .. } => "ListAccesses",
            Self::DescribeAccess { .. } => "DescribeAccess",
            Self::ListHostKeys { .. } => "ListHostKeys",
            Self::DescribeHostKey { .. } => "DescribeHostKey",
            Self::ListSecurityPolicies { .. } => "ListSecurityPolicies",
            Self::DescribeSecurityPolicy { .. } => "DescribeSecurityPolicy",
            Self::TestIdentityProvider(_) => "TestIdentityProvider",
        }
    }
}

impl Mutation {
    /// AWS's name of the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateServer(_) => "CreateServer",
            Self::UpdateServer { .. } => "UpdateServer",
            Self::StartServer { .. } => "StartServer",
            Self::StopServer { .. } => "StopServer",
            Self::DeleteServer { .. } => "DeleteServer",
            Self::CreateUser(_) => "CreateUser",
            Self::UpdateUser { .. } => "UpdateUser",
            Self::DeleteUser { .. } => "DeleteUser",
            Self::ImportSshPublicKey { .. } => "ImportSshPublicKey",
            Self::DeleteSshPublicKey { .. } => "DeleteSshPublicKey",
            Self::CreateAccess(_) => "CreateAccess",
            Self::UpdateAccess { .. } => "UpdateAccess",
            Self::DeleteAccess { .. } => "DeleteAccess",
            Self::ImportHostKey(_) => "ImportHostKey",
            Self::UpdateHostKey { .. } => "UpdateHostKey",
            Self::DeleteHostKey { .. } => "DeleteHostKey",
            Self::TagResource { .. } => "TagResource",
            Self::UntagResource { .. } => "UntagResource",
        }
    }

    /// What the call is about, as AWS names it: a server id, what is on the server behind a slash, or an ARN. A server
    /// that is to be made has no name yet.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        Some(match self {
            Self::CreateServer(_) => return None,
            Self::UpdateServer { server_id, .. }
            | Self::StartServer { server_id }
            | Self::StopServer { server_id }
            | Self::DeleteServer { server_id } => server_id.clone(),
            Self::CreateUser(call) => format!("{}/{}", call.server_id, call.user_name),
            Self::UpdateUser { server_id, user_name, .. }
            | Self::DeleteUser { server_id, user_name }
            | Self::ImportSshPublicKey { server_id, user_name, .. } => format!("{server_id}/{user_name}"),
            Self::DeleteSshPublicKey { server_id, user_name, key_id } => format!("{server_id}/{user_name}/{key_id}"),
            Self::CreateAccess(call) => format!("{}/{}", call.server_id, call.external_id),
            Self::UpdateAccess { server_id, external_id, .. } | Self::DeleteAccess { server_id, external_id } => {
                format!("{server_id}/{external_id}")
            }
            Self::ImportHostKey(call) => call.server_id.clone(),
            Self::UpdateHostKey { server_id, host_key_id, .. } | Self::DeleteHostKey { server_id, host_key_id } => {
                format!("{server_id}/{host_key_id}")
            }
            Self::TagResource { arn, .. } | Self::UntagResource { arn, .. } => arn.clone(),
        })
    }
}
