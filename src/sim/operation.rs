//! The operations of AWS Transfer that are simulated, by their names on the wire.

use std::fmt;

use super::ec2;

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// One operation of the service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "they are AWS's names")]
        pub enum Operation { $($name),+ }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

operations! {
    CreateServer, UpdateServer, DescribeServer, DeleteServer, StartServer, StopServer, ListServers,
    CreateUser, UpdateUser, DescribeUser, DeleteUser, ListUsers, ImportSshPublicKey, DeleteSshPublicKey,
    CreateAccess, UpdateAccess, DescribeAccess, DeleteAccess, ListAccesses,
    ImportHostKey, UpdateHostKey, DescribeHostKey, DeleteHostKey, ListHostKeys,
    CreateWorkflow, DescribeWorkflow, DeleteWorkflow, ListWorkflows,
    CreateProfile, UpdateProfile, DescribeProfile, DeleteProfile, ListProfiles,
    CreateConnector, UpdateConnector, DescribeConnector, DeleteConnector, ListConnectors, TestConnection,
    CreateAgreement, UpdateAgreement, DescribeAgreement, DeleteAgreement, ListAgreements,
    ImportCertificate, UpdateCertificate, DescribeCertificate, DeleteCertificate, ListCertificates,
    CreateWebApp, UpdateWebApp, DescribeWebApp, DeleteWebApp, ListWebApps,
    UpdateWebAppCustomization, DescribeWebAppCustomization, DeleteWebAppCustomization,
    TagResource, UntagResource, ListTagsForResource,
    DescribeSecurityPolicy, ListSecurityPolicies, TestIdentityProvider,
}

impl Operation {
    /// The operation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|o| o.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An operation that is called from within the process, with the service that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One of AWS Transfer, whose input is its JSON.
    Transfer(Operation),
    /// One of EC2, whose input is its form: an object of texts.
    Ec2(&'static str),
}

impl From<Operation> for Asked {
    fn from(operation: Operation) -> Self {
        Self::Transfer(operation)
    }
}

impl Asked {
    /// The operation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let of_ec2 = || ec2::OPERATIONS.into_iter().find(|operation| *operation == name).map(Self::Ec2);
        Operation::named(name).map(Self::Transfer).or_else(of_ec2)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfer(operation) => operation.name(),
            Self::Ec2(name) => name,
        }
    }
}
