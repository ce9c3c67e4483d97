//! AWS Transfer Family: one file for each resource, with its types, its calls and their way through the SDK and back.
//!
//! No type of the SDK leaves this folder. Values that AWS may extend (states, types) stay strings, so that an unknown
//! one survives. In a request, `None` means "not sent" (AWS keeps what it has); in an answer it means "not returned".

mod access;
mod agreement;
mod certificate;
mod connector;
mod host_key;
mod identity_provider;
mod login;
mod profile;
mod security_policy;
mod server;
mod ssh_key;
mod tag;
mod user;
mod web_app;
mod web_app_customization;
mod workflow;

pub use access::{Access, CreateAccess, DeleteAccess, DescribeAccess, ListAccesses, ListedAccess, UpdateAccess};
pub use agreement::{
    Agreement, AgreementSettings, CreateAgreement, CustomDirectories, DeleteAgreement, DescribeAgreement,
    ListAgreements, ListedAgreement, UpdateAgreement, agreement_key, agreement_of,
};
pub use certificate::{
    Certificate, DeleteCertificate, DescribeCertificate, ImportCertificate, ListCertificates, ListedCertificate,
    UpdateCertificate, WITH_PRIVATE_KEY,
};
pub use connector::{
    As2Config, AsyncMdnConfig, ConnectionAnswer, Connector, ConnectorSettings, CreateConnector, DeleteConnector,
    DescribeConnector, EgressConfig, ListConnectors, ListedConnector, SftpConnectorConfig, TestConnection,
    UpdateConnector, VpcLattice,
};
pub use host_key::{DeleteHostKey, DescribeHostKey, HostKey, ImportHostKey, ListHostKeys, UpdateHostKey};
pub use identity_provider::{IdentityProviderAnswer, TestIdentityProvider};
pub use login::{HomeDirectoryMapEntry, LoginSettings, PosixProfile};
pub use profile::{
    CreateProfile, DeleteProfile, DescribeProfile, ListProfiles, ListedProfile, Profile, ProfileSettings, UpdateProfile,
};
pub use security_policy::{DescribeSecurityPolicy, ListSecurityPolicies, SecurityPolicy};
pub use server::{
    CreateServer, DeleteServer, DescribeServer, EndpointDetails, IdentityProviderDetails, ListServers, ListedServer,
    ProtocolDetails, S3StorageOptions, Server, ServerSettings, StartServer, StopServer, UpdateServer, WorkflowDetail,
    WorkflowDetails,
};
pub use ssh_key::{DeleteSshPublicKey, ImportSshPublicKey, SshPublicKey};
pub use tag::{TAGS_MAX, TagResource, Tags, UntagResource};
pub use user::{CreateUser, DeleteUser, DescribeUser, ListUsers, ListedUser, UpdateUser, User};
pub use web_app::{
    CreateWebApp, DeleteWebApp, DescribeWebApp, IdentityCenterConfig, ListWebApps, ListedWebApp, UpdateWebApp, WebApp,
    WebAppEndpoint, WebAppIdentityProvider, WebAppSettings, WebAppUnits, WebAppVpc,
};
pub use web_app_customization::{
    DeleteWebAppCustomization, DescribeWebAppCustomization, Image, UpdateWebAppCustomization, WebAppCustomization,
    customization_of,
};
pub use workflow::{
    CreateWorkflow, DeleteWorkflow, DescribeWorkflow, ListWorkflows, ListedWorkflow, Workflow, WorkflowSettings,
};

/// AWS's most rows per page: a listing costs the fewest calls.
const PAGE: i32 = 1000;
