//! The operations of AWS Transfer that are simulated, by their names on the wire.

use std::fmt;

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
