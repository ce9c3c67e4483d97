//! What the API model of AWS Transfer says of every request: members, lengths, patterns, enumerations.
//! A table and nothing else; `tests/clients` compares it with the model that boto3 ships.

use super::common_shapes::{
    ARN, HOME_DIRECTORY, IP_ADDRESS_TYPE, LIST, LIST_OF_SERVER, MAX_RESULTS, NEXT_TOKEN, PLAIN, ROLE, SECURITY_GROUP,
    SERVER_ID, TAG_KEY, TAGS,
};
use super::operation::Operation;
use super::partner_constraints;
use super::shape::{Member, Shape, UNLIMITED, list, matching, may, must, one_of, secret, text};

const NULLABLE_ROLE: Shape = matching(0, 2048, r"(|arn:.*role/\S+)");
const BANNER: Shape = matching(0, 4096, r"[\x09-\x0D\x20-\x7E]*");
const HOST_KEY: Shape = secret(0, 4096);
const USER_NAME: Shape = matching(3, 100, r"[\w][\w@.-]{2,99}");
const EXTERNAL_ID: Shape = matching(1, 256, r"S-1-[\d-]+");
const HOST_KEY_ID: Shape = matching(25, 25, r"hostkey-[0-9a-f]{17}");
const SSH_KEY_ID: Shape = matching(21, 21, r"key-[0-9a-f]{17}");
const SSH_KEY_BODY: Shape = matching(
    0,
    2048,
    r"\s*(ssh|ecdsa)-[a-z0-9-]+[ \t]+(([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{1,3})?(={0,3})?)(\s*|[ \t]+[\S \t]*\s*)",
);
const SECURITY_POLICY: Shape = matching(0, 100, r"Transfer[A-Za-z0-9]*SecurityPolicy-[A-Za-z0-9-]+");
// The model says 2048, but AWS answers a longer policy with a text of the service, not of this layer: `profile` checks it.
const POLICY: Shape = text(0, UNLIMITED);

const DOMAIN: Shape = one_of(&["S3", "EFS"]);
const ENDPOINT_TYPE: Shape = one_of(&["PUBLIC", "VPC", "VPC_ENDPOINT"]);
const IDENTITY_PROVIDER: Shape = one_of(&["SERVICE_MANAGED", "API_GATEWAY", "AWS_DIRECTORY_SERVICE", "AWS_LAMBDA"]);
const PROTOCOL: Shape = one_of(&["SFTP", "FTP", "FTPS", "AS2"]);
const PROTOCOLS: Shape = list(&PROTOCOL, 1, 4);
const STORAGE_TYPE: Shape = one_of(&["SERVICE_MANAGED", "SECRETS_MANAGER"]);
const HOME_TYPE: Shape = one_of(&["PATH", "LOGICAL"]);

const TAG_KEYS: Shape = list(&TAG_KEY, 1, 50);
const LOG_DESTINATIONS: Shape = list(&ARN, 0, 1);

const VPC_ENDPOINT_ID: Shape = matching(22, 22, r"vpce-[0-9a-f]{17}");
const ENDPOINT_DETAILS: Shape = Shape::Struct(&[
    may("AddressAllocationIds", &list(&PLAIN, 0, UNLIMITED)),
    may("SubnetIds", &list(&PLAIN, 0, UNLIMITED)),
    may("VpcEndpointId", &VPC_ENDPOINT_ID),
    may("VpcId", &PLAIN),
    may("SecurityGroupIds", &list(&SECURITY_GROUP, 0, UNLIMITED)),
]);

const IDENTITY_PROVIDER_DETAILS: Shape = Shape::Struct(&[
    may("Url", &text(0, 255)),
    may("InvocationRole", &ROLE),
    may("DirectoryId", &matching(12, 12, r"d-[0-9a-f]{10}")),
    may("Function", &matching(1, 170, r"arn:[a-z-]+:lambda:.*")),
    may(
        "SftpAuthenticationMethods",
        &one_of(&["PASSWORD", "PUBLIC_KEY", "PUBLIC_KEY_OR_PASSWORD", "PUBLIC_KEY_AND_PASSWORD"]),
    ),
]);

const SFTP_PORT: Shape = Shape::Struct(&[
    must("SftpPort", &Shape::Number { min: 1, max: 65535 }),
    may("CommunicationMode", &one_of(&["CLIENT_TALK_FIRST", "SERVER_TALK_FIRST"])),
]);
const PROXY_CONFIG: Shape = Shape::Struct(&[may("SftpMode", &one_of(&["NONE", "PROXY_PROTOCOL_V2_ENFORCED"]))]);
const PROTOCOL_DETAILS: Shape = Shape::Struct(&[
    may("PassiveIp", &text(0, 15)),
    may("TlsSessionResumptionMode", &one_of(&["DISABLED", "ENABLED", "ENFORCED"])),
    may("SetStatOption", &one_of(&["DEFAULT", "ENABLE_NO_OP"])),
    may("SftpPorts", &list(&SFTP_PORT, 0, 3)),
    may("As2Transports", &list(&one_of(&["HTTP"]), 1, 1)),
    may("ProxyConfig", &PROXY_CONFIG),
]);

const WORKFLOW_ID: Shape = matching(19, 19, r"w-([a-z0-9]{17})");
const WORKFLOW_DETAIL: Shape = Shape::Struct(&[must("WorkflowId", &WORKFLOW_ID), must("ExecutionRole", &ROLE)]);
const WORKFLOW_DETAILS: Shape = Shape::Struct(&[
    may("OnUpload", &list(&WORKFLOW_DETAIL, 0, 1)),
    may("OnPartialUpload", &list(&WORKFLOW_DETAIL, 0, 1)),
]);
const S3_STORAGE_OPTIONS: Shape =
    Shape::Struct(&[may("DirectoryListingOptimization", &one_of(&["ENABLED", "DISABLED"]))]);

const STEP_NAME: Shape = matching(0, 30, r"[\w-]*");
const STEP_SOURCE: Shape = matching(0, 256, r"\$\{([\w]+.)+[\w]+\}");
const OVERWRITE: Shape = one_of(&["TRUE", "FALSE"]);
const S3_LOCATION: Shape = Shape::Struct(&[
    may("Bucket", &matching(3, 63, r"[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9]")),
    may("Key", &text(0, 1024)),
]);
const EFS_ID: Shape = matching(
    0,
    128,
    r"(arn:aws[-a-z]*:elasticfilesystem:[0-9a-z:-]+:(access-point/fsap|file-system/fs)-[0-9a-f]{8,40}|fs(ap)?-[0-9a-f]{8,40})",
);
const EFS_LOCATION: Shape =
    Shape::Struct(&[may("FileSystemId", &EFS_ID), may("Path", &matching(1, 65536, r"[^\x00]+"))]);
const FILE_LOCATION: Shape =
    Shape::Struct(&[may("S3FileLocation", &S3_LOCATION), may("EfsFileLocation", &EFS_LOCATION)]);
const S3_TAG_TEXT: &str = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)";
const S3_TAG: Shape =
    Shape::Struct(&[must("Key", &matching(1, 128, S3_TAG_TEXT)), must("Value", &matching(0, 256, S3_TAG_TEXT))]);
const COPY_STEP: Shape = Shape::Struct(&[
    may("Name", &STEP_NAME),
    may("DestinationFileLocation", &FILE_LOCATION),
    may("OverwriteExisting", &OVERWRITE),
    may("SourceFileLocation", &STEP_SOURCE),
]);
const CUSTOM_STEP: Shape = Shape::Struct(&[
    may("Name", &STEP_NAME),
    may("Target", &matching(0, 170, r"arn:[a-z-]+:lambda:.*")),
    may("TimeoutSeconds", &Shape::Number { min: 1, max: 1800 }),
    may("SourceFileLocation", &STEP_SOURCE),
]);
const DELETE_STEP: Shape = Shape::Struct(&[may("Name", &STEP_NAME), may("SourceFileLocation", &STEP_SOURCE)]);
const TAG_STEP: Shape = Shape::Struct(&[
    may("Name", &STEP_NAME),
    may("Tags", &list(&S3_TAG, 1, 10)),
    may("SourceFileLocation", &STEP_SOURCE),
]);
const DECRYPT_STEP: Shape = Shape::Struct(&[
    may("Name", &STEP_NAME),
    must("Type", &one_of(&["PGP"])),
    may("SourceFileLocation", &STEP_SOURCE),
    may("OverwriteExisting", &OVERWRITE),
    must("DestinationFileLocation", &FILE_LOCATION),
]);
const STEP: Shape = Shape::Struct(&[
    may("Type", &one_of(&["COPY", "CUSTOM", "TAG", "DELETE", "DECRYPT"])),
    may("CopyStepDetails", &COPY_STEP),
    may("CustomStepDetails", &CUSTOM_STEP),
    may("DeleteStepDetails", &DELETE_STEP),
    may("TagStepDetails", &TAG_STEP),
    may("DecryptStepDetails", &DECRYPT_STEP),
]);
const STEPS: Shape = list(&STEP, 0, 8);

const MAP_PATH: Shape = matching(0, 1024, r"/.*");
const MAP_ENTRY: Shape =
    Shape::Struct(&[must("Entry", &MAP_PATH), must("Target", &MAP_PATH), may("Type", &one_of(&["FILE", "DIRECTORY"]))]);
const HOME_MAPPINGS: Shape = list(&MAP_ENTRY, 1, 50_000);
const POSIX_ID: Shape = Shape::Number { min: 0, max: 4_294_967_295 };
const POSIX_PROFILE: Shape =
    Shape::Struct(&[must("Uid", &POSIX_ID), must("Gid", &POSIX_ID), may("SecondaryGids", &list(&POSIX_ID, 0, 16))]);
const DESCRIPTION: Shape = matching(0, 200, r"[\p{Print}]*");
const SOURCE_IP: Shape = matching(0, 32, r"[0-9a-fA-F\.\:]+");

const CREATE_SERVER: &[Member] = &[
    may("Certificate", &text(0, 1600)),
    may("Domain", &DOMAIN),
    may("EndpointDetails", &ENDPOINT_DETAILS),
    may("EndpointType", &ENDPOINT_TYPE),
    may("HostKey", &HOST_KEY),
    may("IdentityProviderDetails", &IDENTITY_PROVIDER_DETAILS),
    may("IdentityProviderType", &IDENTITY_PROVIDER),
    may("LoggingRole", &NULLABLE_ROLE),
    may("PostAuthenticationLoginBanner", &BANNER),
    may("PreAuthenticationLoginBanner", &BANNER),
    may("Protocols", &PROTOCOLS),
    may("ProtocolDetails", &PROTOCOL_DETAILS),
    may("SecurityPolicyName", &SECURITY_POLICY),
    may("Tags", &TAGS),
    may("WorkflowDetails", &WORKFLOW_DETAILS),
    may("StructuredLogDestinations", &LOG_DESTINATIONS),
    may("S3StorageOptions", &S3_STORAGE_OPTIONS),
    may("IpAddressType", &IP_ADDRESS_TYPE),
    may("HostKeyStorageType", &STORAGE_TYPE),
];

const UPDATE_SERVER: &[Member] = &[
    may("Certificate", &text(0, 1600)),
    may("ProtocolDetails", &PROTOCOL_DETAILS),
    may("EndpointDetails", &ENDPOINT_DETAILS),
    may("EndpointType", &ENDPOINT_TYPE),
    may("HostKey", &HOST_KEY),
    may("IdentityProviderDetails", &IDENTITY_PROVIDER_DETAILS),
    may("LoggingRole", &NULLABLE_ROLE),
    may("PostAuthenticationLoginBanner", &BANNER),
    may("PreAuthenticationLoginBanner", &BANNER),
    may("Protocols", &PROTOCOLS),
    may("SecurityPolicyName", &SECURITY_POLICY),
    must("ServerId", &SERVER_ID),
    may("WorkflowDetails", &WORKFLOW_DETAILS),
    may("StructuredLogDestinations", &LOG_DESTINATIONS),
    may("S3StorageOptions", &S3_STORAGE_OPTIONS),
    may("IpAddressType", &IP_ADDRESS_TYPE),
    may("IdentityProviderType", &IDENTITY_PROVIDER),
];

const ONE_SERVER: &[Member] = &[must("ServerId", &SERVER_ID)];

const CREATE_USER: &[Member] = &[
    may("HomeDirectory", &HOME_DIRECTORY),
    may("HomeDirectoryType", &HOME_TYPE),
    may("HomeDirectoryMappings", &HOME_MAPPINGS),
    may("Policy", &POLICY),
    may("PosixProfile", &POSIX_PROFILE),
    must("Role", &ROLE),
    must("ServerId", &SERVER_ID),
    may("SshPublicKeyBody", &SSH_KEY_BODY),
    may("Tags", &TAGS),
    must("UserName", &USER_NAME),
];
const UPDATE_USER: &[Member] = &[
    may("HomeDirectory", &HOME_DIRECTORY),
    may("HomeDirectoryType", &HOME_TYPE),
    may("HomeDirectoryMappings", &HOME_MAPPINGS),
    may("Policy", &POLICY),
    may("PosixProfile", &POSIX_PROFILE),
    may("Role", &ROLE),
    must("ServerId", &SERVER_ID),
    must("UserName", &USER_NAME),
];
const ONE_USER: &[Member] = &[must("ServerId", &SERVER_ID), must("UserName", &USER_NAME)];
const IMPORT_SSH_KEY: &[Member] =
    &[must("ServerId", &SERVER_ID), must("SshPublicKeyBody", &SSH_KEY_BODY), must("UserName", &USER_NAME)];
const DELETE_SSH_KEY: &[Member] =
    &[must("ServerId", &SERVER_ID), must("SshPublicKeyId", &SSH_KEY_ID), must("UserName", &USER_NAME)];

const CREATE_ACCESS: &[Member] = &[
    may("HomeDirectory", &HOME_DIRECTORY),
    may("HomeDirectoryType", &HOME_TYPE),
    may("HomeDirectoryMappings", &HOME_MAPPINGS),
    may("Policy", &POLICY),
    may("PosixProfile", &POSIX_PROFILE),
    must("Role", &ROLE),
    must("ServerId", &SERVER_ID),
    must("ExternalId", &EXTERNAL_ID),
];
const UPDATE_ACCESS: &[Member] = &[
    may("HomeDirectory", &HOME_DIRECTORY),
    may("HomeDirectoryType", &HOME_TYPE),
    may("HomeDirectoryMappings", &HOME_MAPPINGS),
    may("Policy", &POLICY),
    may("PosixProfile", &POSIX_PROFILE),
    may("Role", &ROLE),
    must("ServerId", &SERVER_ID),
    must("ExternalId", &EXTERNAL_ID),
];
const ONE_ACCESS: &[Member] = &[must("ServerId", &SERVER_ID), must("ExternalId", &EXTERNAL_ID)];

const IMPORT_HOST_KEY: &[Member] = &[
    must("ServerId", &SERVER_ID),
    must("HostKeyBody", &HOST_KEY),
    may("Description", &DESCRIPTION),
    may("Tags", &TAGS),
    may("StorageType", &STORAGE_TYPE),
    may("KmsKey", &ARN),
];
const UPDATE_HOST_KEY: &[Member] = &[
    must("ServerId", &SERVER_ID),
    must("HostKeyId", &HOST_KEY_ID),
    may("Description", &DESCRIPTION),
    may("StorageType", &STORAGE_TYPE),
    may("KmsKey", &ARN),
];
const ONE_HOST_KEY: &[Member] = &[must("ServerId", &SERVER_ID), must("HostKeyId", &HOST_KEY_ID)];

const CREATE_WORKFLOW: &[Member] = &[
    may("Description", &matching(0, 256, r"[\w\- ]*")),
    must("Steps", &STEPS),
    may("OnExceptionSteps", &STEPS),
    may("Tags", &TAGS),
    may("StructuredLogDestinations", &LOG_DESTINATIONS),
];
const ONE_WORKFLOW: &[Member] = &[must("WorkflowId", &WORKFLOW_ID)];

const TAG_RESOURCE: &[Member] = &[must("Arn", &ARN), must("Tags", &TAGS)];
const UNTAG_RESOURCE: &[Member] = &[must("Arn", &ARN), must("TagKeys", &TAG_KEYS)];
const LIST_TAGS: &[Member] = &[must("Arn", &ARN), may("MaxResults", &MAX_RESULTS), may("NextToken", &NEXT_TOKEN)];
const ONE_SECURITY_POLICY: &[Member] = &[must("SecurityPolicyName", &SECURITY_POLICY)];
const TEST_IDENTITY_PROVIDER: &[Member] = &[
    must("ServerId", &SERVER_ID),
    may("ServerProtocol", &PROTOCOL),
    may("SourceIp", &SOURCE_IP),
    must("UserName", &USER_NAME),
    may("UserPassword", &secret(0, 1024)),
];

/// The members of an operation's request, in the order of the model.
#[must_use]
pub const fn members(operation: Operation) -> &'static [Member] {
    match operation {
        Operation::CreateServer => CREATE_SERVER,
        Operation::UpdateServer => UPDATE_SERVER,
        Operation::DescribeServer | Operation::DeleteServer | Operation::StartServer | Operation::StopServer => {
            ONE_SERVER
        }
        Operation::ListServers | Operation::ListWorkflows | Operation::ListSecurityPolicies => LIST,
        Operation::CreateUser => CREATE_USER,
        Operation::UpdateUser => UPDATE_USER,
        Operation::DescribeUser | Operation::DeleteUser => ONE_USER,
        Operation::ListUsers | Operation::ListAccesses | Operation::ListHostKeys => LIST_OF_SERVER,
        Operation::ImportSshPublicKey => IMPORT_SSH_KEY,
        Operation::DeleteSshPublicKey => DELETE_SSH_KEY,
        Operation::CreateAccess => CREATE_ACCESS,
        Operation::UpdateAccess => UPDATE_ACCESS,
        Operation::DescribeAccess | Operation::DeleteAccess => ONE_ACCESS,
        Operation::ImportHostKey => IMPORT_HOST_KEY,
        Operation::UpdateHostKey => UPDATE_HOST_KEY,
        Operation::DescribeHostKey | Operation::DeleteHostKey => ONE_HOST_KEY,
        Operation::CreateWorkflow => CREATE_WORKFLOW,
        Operation::DescribeWorkflow | Operation::DeleteWorkflow => ONE_WORKFLOW,
        Operation::TagResource => TAG_RESOURCE,
        Operation::UntagResource => UNTAG_RESOURCE,
        Operation::ListTagsForResource => LIST_TAGS,
        Operation::DescribeSecurityPolicy => ONE_SECURITY_POLICY,
        Operation::TestIdentityProvider => TEST_IDENTITY_PROVIDER,
        other => partner_constraints::members(other),
    }
}
