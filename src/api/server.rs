//! `TransferServer`: what a person writes about a server, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::ServerLifecycle;
use super::login_test::{LoginTest, LoginTestStatus};
use super::namespaces::AllowedReferences;
use super::object_ref::{IdentityRef, SecretKeyRef};
use super::shapes::{EndpointDetails, IdentityProviderDetails, ProtocolDetails, S3StorageOptions, WorkflowDetails};
use super::status::CommonStatus;
use super::{Managed, ManagedKind, Reference, pattern, references, resync, rules};

/// Whether the server shall run; AWS's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DesiredState {
    /// Running.
    #[default]
    Online,
    /// Stopped.
    Offline,
}

/// What happens to host keys that the spec does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HostKeyPolicy {
    /// They stay.
    #[default]
    Additive,
    /// They go.
    Exclusive,
}

/// One host key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = rules::host_key,
    transform = pattern::LABEL.of("name"),
    transform = pattern::PRINTABLE.of("description"),
    transform = pattern::KMS_KEY_ARN.of("kmsKey")
)]
pub struct HostKey {
    /// Identifies the entry in this list.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The private key, PEM or OpenSSH form without a passphrase: RSA from 2048 bits, ECDSA or ED25519. It is read only
    /// to be sent to AWS and can never be read back; changes are seen by its fingerprint. Where it comes to hold another
    /// key, that one is added and the old one stays, as clients have pinned it: until the entry has another name, or
    /// the annotation transfer-operator.dev/confirm-host-key of this object holds the old key's fingerprint.
    pub secret_key_ref: SecretKeyRef,
    /// Description of the host key in AWS, printable ASCII.
    #[schemars(length(max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags of the host key in AWS.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where AWS keeps the key: SERVICE_MANAGED (with AWS Transfer Family) or SECRETS_MANAGER.
    #[schemars(extend("enum" = ["SERVICE_MANAGED", "SECRETS_MANAGER"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<String>,
    /// ARN of the KMS key that encrypts it, with storageType SECRETS_MANAGER. The key's policy must let
    /// AWSServiceRoleForTransfer decrypt. Absent means AWS's own key. AWS never returns it: what
    /// somebody else changes is not seen, and of a host key that is taken over it is believed. AWS has no way to take
    /// it out (CannotClear): name a key, or list a new host key.
    #[schemars(length(max = 1600))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// A host name of your own, recorded on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomHostname {
    /// The host name, such as sftp.example.com.
    #[x_kube(validation = pattern::HOSTNAME)]
    #[schemars(length(max = 253))]
    pub hostname: String,
    /// Id of the Route 53 zone that it is in: Z... or /hostedzone/Z...
    #[x_kube(validation = pattern::HOSTED_ZONE_ID)]
    #[schemars(length(max = 44))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
}

/// The ConfigMap that lines for `known_hosts` are written to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"))]
pub struct KnownHostsConfigMap {
    /// Name of the ConfigMap, in the same namespace.
    #[schemars(length(max = 253))]
    pub name: String,
}

/// What the server shall be. Members that are not described otherwise are AWS's own. A member that was never set is
/// left as AWS has it; one that leaves the spec goes back to AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferServer",
    plural = "transferservers",
    shortname = "tsrv",
    category = "transfer",
    namespaced,
    status = "TransferServerStatus",
    derive = "PartialEq",
    doc = "A server of AWS Transfer Family.",
    validation = rules::REGION_IMMUTABLE,
    validation = rules::DOMAIN_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "ServerId", type_ = "string", json_path = ".status.serverId"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.userCount"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(
    transform = rules::server,
    transform = pattern::CERTIFICATE.of("certificate"),
    transform = pattern::BANNER.of("preAuthenticationLoginBanner"),
    transform = pattern::BANNER.of("postAuthenticationLoginBanner")
)]
pub struct TransferServerSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferServer.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the server lives in. Cannot be changed once it lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// ONLINE or OFFLINE. An OFFLINE server keeps its users and settings, and AWS still charges for it; only deleting
    /// it ends that.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the server at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, what deletion does, taking over an existing server, and when it may go offline.
    #[serde(default)]
    pub lifecycle: ServerLifecycle,
    /// Tags of the server in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whose users and accesses may refer to this server.
    #[serde(default)]
    pub allowed_references: AllowedReferences,

    /// Where files are kept: S3 or EFS; absent means S3. Cannot be changed once the server exists (Immutable).
    #[schemars(extend("enum" = ["S3", "EFS"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How the server is reached: PUBLIC (what AWS takes when absent), VPC, or VPC_ENDPOINT (an endpoint of your own;
    /// AWS takes that only from accounts that used it before May 2021, and no server is moved there: Immutable). A change
    /// takes a stop, see lifecycle.disruption, and gives the server other addresses and names.
    #[schemars(extend("enum" = ["PUBLIC", "VPC", "VPC_ENDPOINT"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<String>,
    /// Network settings, with endpointType VPC or VPC_ENDPOINT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_details: Option<EndpointDetails>,
    /// IPV4 (what AWS takes when absent) or DUALSTACK, which elastic IPs exclude. A change takes a stop, see
    /// lifecycle.disruption.
    #[schemars(extend("enum" = ["IPV4", "DUALSTACK"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    /// Who knows the users: SERVICE_MANAGED (what AWS takes when absent; TransferUser objects), AWS_DIRECTORY_SERVICE
    /// (TransferAccess objects for its groups), AWS_LAMBDA or API_GATEWAY (your own code). Users are not carried over
    /// by a change.
    #[schemars(extend("enum" = ["SERVICE_MANAGED", "API_GATEWAY", "AWS_DIRECTORY_SERVICE", "AWS_LAMBDA"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider_type: Option<String>,
    /// What the identity provider needs; none with SERVICE_MANAGED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider_details: Option<IdentityProviderDetails>,
    /// Protocols: SFTP (what AWS takes when absent), FTPS, FTP, AS2. FTPS and FTP need endpointType VPC and an identity
    /// provider other than SERVICE_MANAGED, FTPS a certificate; AS2 needs VPC, domain S3 and
    /// protocolDetails.as2Transports.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(
        length(min = 1, max = 4),
        extend("items" = { "type": "string", "enum": ["SFTP", "FTP", "FTPS", "AS2"] })
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<String>>,
    /// Settings per protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_details: Option<ProtocolDetails>,
    /// ARN of the ACM certificate for FTPS.
    #[schemars(length(max = 1600))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Name of the security policy, which says what ciphers and algorithms are allowed, such as
    /// TransferSecurityPolicy-2025-03. Absent, AWS chooses, and its choice changes over time. Once set it can be changed but
    /// not taken out: Ready is False with reason CannotClear until one is named again.
    #[x_kube(validation = pattern::SECURITY_POLICY, validation = rules::SERVER_SECURITY_POLICY)]
    #[schemars(length(max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// Text shown before a login; printable ASCII and line breaks.
    #[schemars(length(max = 4096))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_authentication_login_banner: Option<String>,
    /// Text shown after a login; printable ASCII and line breaks. SFTP does not show it.
    #[schemars(length(max = 4096))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_authentication_login_banner: Option<String>,
    /// ARN of the role that writes logs to CloudWatch. It must trust transfer.amazonaws.com, and the identity's grant
    /// must list it. Workflows need one; structuredLogDestinations do without.
    #[x_kube(validation = pattern::ROLE_ARN_OR_EMPTY)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
    /// ARN of the log group for JSON logs, ending in :*; at most one.
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = rules::LOG_DESTINATION)]
    #[schemars(length(max = 1), inner(length(min = 20, max = 1600)), transform = pattern::LOG_GROUP_ARN.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_log_destinations: Option<Vec<String>>,
    /// How S3 is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_storage_options: Option<S3StorageOptions>,
    /// Workflows that run after uploads. Absent, those that somebody attached are left alone; status.unset shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_details: Option<WorkflowDetails>,

    /// Host keys, at most 10. Absent, AWS makes one, which nobody can read or move to another server. Clients see the
    /// oldest key of each type: to rotate, add the new one first and remove the old one later. An entry that leaves the
    /// list is removed in AWS, and an empty list removes all that stood in it, but the last key of a server stays. When
    /// the list as a whole leaves the spec nothing is removed, as a slip would take keys that partners have pinned:
    /// Ready is False with reason CannotClear until the list is empty or names them again.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]), validation = rules::HOST_KEYS_UNIQUE)]
    #[schemars(length(max = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_keys: Option<Vec<HostKey>>,
    /// Additive leaves host keys that are not listed; Exclusive removes them, the first one that AWS made too, but
    /// never the last. On a server that was taken over, or whose status was lost, those that clients are shown go only
    /// once they are confirmed: see status.hostKeys[].replaced.
    #[serde(default)]
    pub host_key_policy: HostKeyPolicy,
    /// Where AWS keeps the host key that the server is created with: SERVICE_MANAGED (with AWS Transfer Family) or
    /// SECRETS_MANAGER. Counts at creation only.
    #[schemars(extend("enum" = ["SERVICE_MANAGED", "SECRETS_MANAGER"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key_storage_type: Option<String>,
    /// A host name of your own, recorded on the server as AWS's console does. No DNS record is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_hostname: Option<CustomHostname>,
    /// A ConfigMap that the operator writes for clients to pin: under the key known_hosts a line for each host key whose
    /// private key the spec lists, with every name of the server and each SFTP port; for other keys only the fingerprint
    /// is known, which stands in a comment. It follows the keys and the names of the server, belongs to this object, and
    /// goes with it, or when it leaves the spec. One that is there already and belongs to somebody else is left as it
    /// is (Advisory ConfigMapNotOurs). The operator needs the right to write ConfigMaps, which knownHosts.enabled of its
    /// chart gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts_config_map: Option<KnownHostsConfigMap>,
    /// A login that is tried at the identity provider of the server, AWS_LAMBDA, API_GATEWAY or AWS_DIRECTORY_SERVICE:
    /// once the server is ONLINE, after each edit of this object, when the provider becomes another one, and when the
    /// annotation transfer-operator.dev/reconcile-at is set anew. Condition LoginVerified tells what came of it; Ready does
    /// not depend on it. Not with suspend, nor with managementPolicy ObserveOnly. The caller needs
    /// transfer:TestIdentityProvider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_test: Option<LoginTest>,
}

/// A host key as AWS has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostKeyStatus {
    /// Id in AWS.
    pub id: String,
    /// Name of the entry in spec.hostKeys, where it is from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 fingerprint, as ssh-keygen prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Type of the key, such as ssh-ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// When it was imported, or made by AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_imported: Option<String>,
    /// Id of the secret in Secrets Manager that holds it, where spec.hostKeys[].storageType is SECRETS_MANAGER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_id: Option<String>,
    /// Name of the entry in spec.hostKeys whose Secret holds another key by now, or may: nothing tells where the key of a
    /// server that was taken over is from. This one stays, as clients have pinned it, until the entry has another name
    /// or the annotation transfer-operator.dev/confirm-host-key holds its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// Whether it is the one that clients of its type see: the oldest of its type.
    #[serde(default)]
    pub active: bool,
    /// Whether this object put it there.
    #[serde(default)]
    pub managed: bool,
}

/// Logins that no object here accounts for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedLogins {
    /// How many they are.
    pub count: i64,
    /// The first 20 of them in the order of the alphabet: names of users, on a directory server SIDs of groups.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// What a name or an address of a server is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum EndpointType {
    /// The host name of your own that is recorded on the server.
    CustomHostname,
    /// The name that AWS gives a public server.
    #[default]
    PublicName,
    /// The name that AWS gives a public server for IPv4 and IPv6.
    DualStackName,
    /// A name of its VPC endpoint: for all zones, or for one.
    VpcEndpointName,
    /// An elastic IP.
    ElasticIp,
    /// A private address in a subnet.
    PrivateIp,
    /// An IPv6 address in a subnet.
    Ipv6,
}

/// A name or an address under which the server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerEndpoint {
    /// The name or address.
    pub host: String,
    /// CustomHostname: the host name of your own; its DNS record is yours to make. PublicName: the name that AWS gives a
    /// public server. DualStackName: the same for IPv4 and IPv6, with ipAddressType DUALSTACK. VpcEndpointName: a name of
    /// the VPC endpoint, with a zone for that zone only. ElasticIp, PrivateIp and Ipv6: addresses of the VPC endpoint.
    pub r#type: EndpointType,
    /// Availability zone, such as eu-central-1a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Id of the subnet, of an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Allocation id, of an elastic IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation_id: Option<String>,
}

impl ServerEndpoint {
    /// Whether clients pin the server's keys under it. A private address is that of another machine elsewhere.
    #[must_use]
    pub fn is_known_by(&self) -> bool {
        !matches!(self.r#type, EndpointType::PrivateIp | EndpointType::Ipv6)
    }
}

/// What is known of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferServerStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// AWS's state: ONLINE, OFFLINE, STARTING, STOPPING, START_FAILED, STOP_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where clients connect to: the custom host name, else the name that AWS gives a public server, else the id of the
    /// VPC endpoint, whose names EC2 knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Every name and address under which clients may reach the server. Those of a VPC endpoint come from EC2, once it
    /// shows them: they are read when the network of the server changed, else once a day, and are left out where EC2 may
    /// not be asked (ec2:DescribeVpcEndpoints, ec2:DescribeNetworkInterfaces).
    #[x_kube(merge_strategy = ListMerge::Map(vec!["host".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<ServerEndpoint>,
    /// SHA-256 fingerprint of the host key, as AWS reports it for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key_fingerprint: Option<String>,
    /// The host keys that AWS has.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_keys: Vec<HostKeyStatus>,
    /// How many users AWS counts; on a directory server, accesses. Written with the next change of the status, and once
    /// per resync where nothing else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_count: Option<i64>,
    /// Users (on a directory server: accesses) that AWS has on the server and no object here stands for. They are left
    /// alone, and hold the deletion of the server back, see spec.lifecycle.forceDeleteUsers. Absent means none; looked for
    /// once per resync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged_logins: Option<UnmanagedLogins>,
    /// What came of the login that spec.loginTest asks for.
    // One value of one writer, as `applied`.
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_test: Option<LoginTestStatus>,
    /// The security policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// The VPC endpoint, for servers in a VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
    /// The addresses that AS2 messages of the server come from, for partners to let in. Of servers that speak AS2.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as2_service_managed_egress_ip_addresses: Vec<String>,
}

impl Managed for TransferServer {
    const NOUN: &'static str = "server";

    from_its_members!(TransferServerStatus);

    fn references(&self) -> Vec<Reference> {
        let made = self.status.as_ref().and_then(|status| status.server_id.clone());
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        [Reference::Identity(self.spec.aws_identity_ref.name.clone())]
            .into_iter()
            .chain(made.map(|id| Reference::Id(ManagedKind::TransferServer, id)))
            .chain(references::of_workflows(namespace, self.spec.workflow_details.as_ref()))
            .collect()
    }
}
