//! Every call that the operator can make, as data.
//!
//! Reads and mutations are values, so that a decision can return one, a test can script one and a decorator of the
//! door is one function. What a call means is AWS's, and stands with its resource; nothing is decided here.

use serde_json::{Value, json};

use super::call::{Call, Change, CreateOutput};
use super::ec2::{DescribeAddresses, DescribeNetworkInterfaces, DescribeVpcEndpoints, ModifyVpcEndpoint};
use super::sdk::Clients;
use super::sdk::once::Once;
use super::transfer::{
    CreateAccess, CreateAgreement, CreateConnector, CreateProfile, CreateServer, CreateUser, CreateWebApp,
    CreateWorkflow, DeleteAccess, DeleteAgreement, DeleteCertificate, DeleteConnector, DeleteHostKey, DeleteProfile,
    DeleteServer, DeleteSshPublicKey, DeleteUser, DeleteWebApp, DeleteWebAppCustomization, DeleteWorkflow,
    DescribeAccess, DescribeAgreement, DescribeCertificate, DescribeConnector, DescribeHostKey, DescribeProfile,
    DescribeSecurityPolicy, DescribeServer, DescribeUser, DescribeWebApp, DescribeWebAppCustomization,
    DescribeWorkflow, ImportCertificate, ImportHostKey, ImportSshPublicKey, ListAccesses, ListAgreements,
    ListCertificates, ListConnectors, ListHostKeys, ListProfiles, ListSecurityPolicies, ListServers, ListUsers,
    ListWebApps, ListWorkflows, StartServer, StopServer, TagResource, TestConnection, TestIdentityProvider,
    UntagResource, UpdateAccess, UpdateAgreement, UpdateCertificate, UpdateConnector, UpdateHostKey, UpdateProfile,
    UpdateServer, UpdateUser, UpdateWebApp, UpdateWebAppCustomization,
};
use super::{AwsError, CallClass, Tags};

/// What every call states, asked of any.
macro_rules! statements {
    ($calls:ident: $($call:ident),*) => {
        impl $calls {
            /// The operations of all of them, by AWS's names.
            pub const OPERATIONS: &'static [&'static str] = &[$(<$call as Call>::OPERATION),*];

            /// AWS's name of the operation.
            #[must_use]
            pub fn operation(&self) -> &'static str {
                match self {
                    $(Self::$call(_) => <$call as Call>::OPERATION,)*
                }
            }

            /// The class whose bucket it is taken from.
            #[must_use]
            pub fn class(&self) -> CallClass {
                match self {
                    $(Self::$call(_) => <$call as Call>::CLASS,)*
                }
            }

            /// The members that every answer to it has.
            #[must_use]
            pub fn required(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$call(_) => <$call as Call>::REQUIRED,)*
                }
            }
        }
    };
}

/// The reads, and under which name the answer of each comes back.
macro_rules! reads {
    ($($call:ident => $answer:ident,)*) => {
        /// A call that changes nothing in AWS.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each is the call of its name")]
        pub enum Read {
            $($call($call),)*
        }

        /// The answer to a [`Read`], in the same order.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each is the answer to the read of its name")]
        pub enum Answer {
            $($answer(<$call as Call>::Output),)*
        }

        statements!(Read: $($call),*);

        impl Read {
            pub(super) async fn send(&self, clients: &Clients, once: &Once) -> Result<Answer, AwsError> {
                match self {
                    $(Self::$call(call) => call.send(clients.as_ref(), once).await.map(Answer::$answer),)*
                }
            }
        }

        $(
            impl From<$call> for Read {
                fn from(call: $call) -> Self {
                    Self::$call(call)
                }
            }

            impl ReadCall for $call {
                fn output(answer: Answer) -> Result<Self::Output, Answer> {
                    match answer {
                        Answer::$answer(output) => Ok(output),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

/// The mutations; what is large travels in a box.
macro_rules! mutations {
    ($($call:ident($carried:ty),)*) => {
        /// A call that changes something in AWS. Sent once, never repeated by the SDK.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each is the call of its name")]
        pub enum Mutation {
            $($call($carried),)*
        }

        statements!(Mutation: $($call),*);

        impl Mutation {
            /// What the call is about: [`Change::target`].
            #[must_use]
            pub fn target(&self) -> Option<String> {
                match self {
                    $(Self::$call(call) => call.target(),)*
                }
            }

            /// Whether it takes something away that people use. Then it rests on looks that must not be old.
            #[must_use]
            pub fn takes_away(&self) -> bool {
                ["Delete", "Stop", "Untag"].iter().any(|verb| self.operation().starts_with(verb))
            }

            /// Operation and members, by which the same call is recognised again.
            #[must_use]
            pub fn plain(&self) -> Value {
                match self {
                    $(Self::$call(call) => json!([self.operation(), call]),)*
                }
            }

            pub(super) async fn send(&self, clients: &Clients, once: &Once) -> Result<CreateOutput, AwsError> {
                match self {
                    $(Self::$call(call) => call.send(clients.as_ref(), once).await,)*
                }
            }
        }
    };
}

/// A read whose answer is known by its type.
pub trait ReadCall: Call + Into<Read> {
    /// What the door answered, as the output of this call.
    ///
    /// # Errors
    /// The answer itself, where it is another call's.
    fn output(answer: Answer) -> Result<Self::Output, Answer>;
}

reads! {
    ListServers => Servers,
    DescribeServer => Server,
    ListUsers => Users,
    DescribeUser => User,
    ListAccesses => Accesses,
    DescribeAccess => Access,
    ListHostKeys => HostKeys,
    DescribeHostKey => HostKey,
    ListWorkflows => Workflows,
    DescribeWorkflow => Workflow,
    ListProfiles => Profiles,
    DescribeProfile => Profile,
    ListConnectors => Connectors,
    DescribeConnector => Connector,
    TestConnection => Connection,
    ListAgreements => Agreements,
    DescribeAgreement => Agreement,
    ListCertificates => Certificates,
    DescribeCertificate => Certificate,
    ListWebApps => WebApps,
    DescribeWebApp => WebApp,
    DescribeWebAppCustomization => WebAppCustomization,
    ListSecurityPolicies => SecurityPolicyNames,
    DescribeSecurityPolicy => SecurityPolicy,
    TestIdentityProvider => IdentityProvider,
    DescribeVpcEndpoints => VpcEndpoints,
    DescribeNetworkInterfaces => NetworkInterfaces,
    DescribeAddresses => ElasticAddresses,
}

mutations! {
    CreateServer(Box<CreateServer>),
    UpdateServer(UpdateServer),
    StartServer(StartServer),
    StopServer(StopServer),
    DeleteServer(DeleteServer),
    CreateUser(Box<CreateUser>),
    UpdateUser(UpdateUser),
    DeleteUser(DeleteUser),
    ImportSshPublicKey(ImportSshPublicKey),
    DeleteSshPublicKey(DeleteSshPublicKey),
    CreateAccess(Box<CreateAccess>),
    UpdateAccess(UpdateAccess),
    DeleteAccess(DeleteAccess),
    ImportHostKey(Box<ImportHostKey>),
    UpdateHostKey(UpdateHostKey),
    DeleteHostKey(DeleteHostKey),
    CreateWorkflow(Box<CreateWorkflow>),
    DeleteWorkflow(DeleteWorkflow),
    CreateProfile(Box<CreateProfile>),
    UpdateProfile(UpdateProfile),
    DeleteProfile(DeleteProfile),
    CreateConnector(Box<CreateConnector>),
    UpdateConnector(UpdateConnector),
    DeleteConnector(DeleteConnector),
    CreateAgreement(Box<CreateAgreement>),
    UpdateAgreement(UpdateAgreement),
    DeleteAgreement(DeleteAgreement),
    ImportCertificate(Box<ImportCertificate>),
    UpdateCertificate(UpdateCertificate),
    DeleteCertificate(DeleteCertificate),
    CreateWebApp(Box<CreateWebApp>),
    UpdateWebApp(UpdateWebApp),
    DeleteWebApp(DeleteWebApp),
    UpdateWebAppCustomization(UpdateWebAppCustomization),
    DeleteWebAppCustomization(DeleteWebAppCustomization),
    TagResource(TagResource),
    UntagResource(UntagResource),
    ModifyVpcEndpoint(ModifyVpcEndpoint),
}

impl Mutation {
    /// Sets tags on what the ARN names; others stay.
    #[must_use]
    pub fn tag(arn: String, tags: Tags) -> Self {
        Self::TagResource(TagResource { arn, tags })
    }

    /// Takes the tags of these keys off what the ARN names.
    #[must_use]
    pub fn untag(arn: String, keys: Vec<String>) -> Self {
        Self::UntagResource(UntagResource { arn, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(body: &str) -> Mutation {
        Mutation::ImportHostKey(Box::new(ImportHostKey {
            server_id: "s-1".to_owned(),
            body: body.to_owned().into(),
            description: None,
            storage_type: None,
            kms_key: None,
            tags: Tags::new(),
        }))
    }

    fn create(key: Option<&str>) -> Mutation {
        let host_key = key.map(|key| key.to_owned().into());
        Mutation::CreateServer(Box::new(CreateServer { host_key, ..CreateServer::default() }))
    }

    #[test]
    fn two_keys_are_two_calls_and_neither_is_printed() {
        for two in [
            [import("secret-one"), import("secret-two")],
            [create(Some("secret-one")), create(Some("secret-two"))],
            [create(None), create(Some("secret-two"))],
        ] {
            let [one, other] = two.map(|call| call.plain().to_string());
            assert_ne!(one, other);
            assert!(!format!("{one}{other}").contains("secret-"), "{one} {other}");
        }
        assert_eq!(import("a").plain(), import("a").plain());
    }

    #[test]
    fn the_same_members_of_another_operation_are_another_call() {
        let server_id = || "s-1".to_owned();
        let start = Mutation::StartServer(StartServer { server_id: server_id() });
        assert_ne!(start.plain(), Mutation::StopServer(StopServer { server_id: server_id() }).plain());
    }
}
