//! `TransferConnector`: what a person writes about a way to a partner, over SFTP or AS2, and what is reported back.

use std::collections::{BTreeMap, BTreeSet};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::PlainLifecycle;
use super::object_ref::{IdentityRef, ObjectRef, ServerRef};
use super::status::{Applied, CommonStatus};
use super::user::SshPublicKeySource;
use super::{Managed, ManagedKind, Reference, connector_rules, pattern, references, resync, rules};

/// A way through VPC Lattice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VpcLattice {
    /// ARN of the resource configuration that leads to the partner's SFTP server.
    #[x_kube(validation = connector_rules::RESOURCE_CONFIGURATION)]
    #[schemars(length(max = 2048))]
    pub resource_configuration_arn: String,
    /// Port of the partner's SFTP server, 1 to 65535; 22 is what AWS takes when absent.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_number: Option<i32>,
}

/// How a connector gets to its partner without the internet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EgressConfig {
    /// Through VPC Lattice. Only its ARN and port can be changed.
    pub vpc_lattice: VpcLattice,
}

/// How a connector speaks SFTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = connector_rules::SECRET_ARN.of("userSecretId"))]
pub struct SftpConfig {
    /// ARN of the secret of Secrets Manager with the user name and the password or private key at the partner. The
    /// identity's grant must list it in secretArns, and accessRole must be allowed to read it.
    #[schemars(length(min = 1, max = 2048))]
    pub user_secret_id: String,
    /// Host keys of the partner that are trusted: each one line, as in a .pub file or as ssh-keyscan prints it, of ssh-rsa or
    /// ecdsa-sha2-nistp256/384/521, as AWS takes no other; at most 10 together with those of trustedHostKeysFrom. What
    /// stands before and behind the key itself is not sent. Without any the connector connects to nobody.
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = connector_rules::TRUSTED_HOST_KEYS)]
    // Longer than AWS takes, so that a private key is called one; what is too long is told by the rule of the list.
    #[schemars(length(max = 10), inner(length(max = 3500)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_host_keys: Option<Vec<String>>,
    /// Further host keys to trust, from ConfigMaps: a key on each line, in the form of .pub files or of known_hosts. Of
    /// known_hosts only the lines count that name the host of url, and keys of types that AWS does not take are left out
    /// where there are others. While one of them is missing, empty or unreadable, what
    /// AWS trusts is not changed.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_host_keys_from: Option<Vec<SshPublicKeySource>>,
    /// Connections to the partner at the same time, 1 (what AWS takes when absent) to 5.
    #[schemars(range(min = 1, max = 5))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_connections: Option<i32>,
    /// Staging labels of the secret's versions, 1 or 2: the first one that can be read is used. Absent means AWSCURRENT.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(min = 1, max = 2), inner(length(max = 256)), transform = connector_rules::STAGE.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_user_secret_version_stages: Option<Vec<String>>,
}

/// Where the partner sends the answers to AS2 messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AsyncMdnConfig {
    /// Address to which the partner sends its answers: that of the servers below, as the partner reaches them.
    #[schemars(length(max = 255))]
    pub url: String,
    /// The TransferServer objects that take the answers, 1 to 10; they must live where the connector does, and their
    /// allowedReferences must admit this namespace.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(min = 1, max = 10))]
    pub server_refs: Vec<ServerRef>,
}

/// How a connector speaks AS2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = connector_rules::as2, transform = connector_rules::SUBJECT.of("messageSubject"))]
#[schemars(transform = connector_rules::SECRET_ARN.of("basicAuthSecretId"))]
pub struct As2Config {
    /// The TransferProfile of type LOCAL that stands for oneself. Either this or localProfileId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_profile_ref: Option<ObjectRef>,
    /// Id of a profile of type LOCAL (p-...). Either this or localProfileRef.
    #[x_kube(validation = connector_rules::PROFILE_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_profile_id: Option<String>,
    /// The TransferProfile of type PARTNER that stands for the other side. Either this or partnerProfileId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_profile_ref: Option<ObjectRef>,
    /// Id of a profile of type PARTNER (p-...). Either this or partnerProfileRef.
    #[x_kube(validation = connector_rules::PROFILE_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_profile_id: Option<String>,
    /// Subject of the messages, one line of ASCII. Once set it can be changed but not taken out: CannotClear.
    #[schemars(length(min = 1, max = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_subject: Option<String>,
    /// ZLIB, or DISABLED.
    #[schemars(extend("enum" = ["ZLIB", "DISABLED"]))]
    pub compression: String,
    /// AES128_CBC, AES192_CBC, AES256_CBC, DES_EDE3_CBC, or NONE, which AWS takes only where url begins with https://.
    #[schemars(extend("enum" = ["AES128_CBC", "AES192_CBC", "AES256_CBC", "DES_EDE3_CBC", "NONE"]))]
    pub encryption_algorithm: String,
    /// SHA256, SHA384, SHA512, SHA1 or NONE.
    #[schemars(extend("enum" = ["SHA256", "SHA384", "SHA512", "SHA1", "NONE"]))]
    pub signing_algorithm: String,
    /// How the partner signs its answers: SHA256, SHA384, SHA512, SHA1, NONE, or DEFAULT (what AWS takes when absent), which
    /// is signingAlgorithm.
    #[schemars(extend("enum" = ["SHA256", "SHA384", "SHA512", "SHA1", "NONE", "DEFAULT"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdn_signing_algorithm: Option<String>,
    /// SYNC: the partner answers in the same connection. ASYNC: later, to asyncMdnConfig. NONE: not at all.
    #[schemars(extend("enum" = ["SYNC", "NONE", "ASYNC"]))]
    pub mdn_response: String,
    /// Where answers come, with mdnResponse ASYNC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub async_mdn_config: Option<AsyncMdnConfig>,
    /// ARN of the secret with the name and password for Basic authentication at the partner. The identity's grant must list
    /// it in secretArns, and accessRole must be allowed to read it.
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth_secret_id: Option<String>,
    /// ENABLED sends the Content-Type of the file in S3; DISABLED (what AWS takes when absent) has AWS choose it.
    #[schemars(extend("enum" = ["ENABLED", "DISABLED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_content_type: Option<String>,
}

/// When the connection to the partner is tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConnectionTest {
    /// Once after each change of what the connection is made with.
    #[default]
    OnChange,
    /// Not at all.
    Never,
}

/// What the connector shall be. A member that was never set is left as AWS has it; one that leaves the spec goes back to
/// AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferConnector",
    plural = "transferconnectors",
    shortname = "tcon",
    category = "transfer",
    namespaced,
    status = "TransferConnectorStatus",
    derive = "PartialEq",
    doc = "A connector of AWS Transfer Family: the way on which files go to a partner and come from there, over SFTP or AS2.",
    validation = connector_rules::REGION_IMMUTABLE,
    validation = connector_rules::PROTOCOL_IMMUTABLE,
    validation = connector_rules::WAY_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "ConnectorId", type_ = "string", json_path = ".status.connectorId"),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.conditions[?(@.type==\"ConnectionVerified\")].status"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(transform = connector_rules::connector, transform = connector_rules::URL.of("url"))]
pub struct TransferConnectorSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferConnector.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the connector lives in. Cannot be changed once it lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the connector at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: PlainLifecycle,
    /// Tags of the connector in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// OnChange: the connection to an SFTP partner is tried once the connector is ACTIVE, and again after each change of
    /// what it is made with; condition ConnectionVerified tells what came of it. Never: it is not tried. AS2 has no such
    /// test.
    #[serde(default)]
    pub connection_test: ConnectionTest,

    /// Address of the partner: sftp:// and a host name, with a port behind a colon where it is not 22; for AS2 https:// or
    /// http://. Either this or egressConfig, and never the one after the other.
    #[schemars(length(max = 255))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The way to a partner that is reached through a VPC; SFTP only. Either this or url, and never the one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_config: Option<EgressConfig>,
    /// ARN of the role with which AWS Transfer Family reads and writes the files and reads the secrets. It must trust
    /// transfer.amazonaws.com, and the identity's grant must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub access_role: String,
    /// ARN of the role that writes the log. It must trust transfer.amazonaws.com, and the identity's grant must list it.
    /// Once set it can be changed but not taken out: CannotClear.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
    /// Name of the security policy, such as TransferSFTPConnectorSecurityPolicy-2024-03; SFTP only. Absent, AWS chooses, and
    /// its choice changes over time. Once set it can be changed but not taken out: CannotClear.
    #[x_kube(validation = connector_rules::POLICY)]
    #[schemars(length(max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// IPV4 (what AWS takes when absent) or DUALSTACK: over which addresses the partner is called.
    #[schemars(extend("enum" = ["IPV4", "DUALSTACK"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    /// How SFTP is spoken. Either this or as2Config, and never the one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_config: Option<SftpConfig>,
    /// How AS2 is spoken. Either this or sftpConfig, and never the one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as2_config: Option<As2Config>,
}

/// What came of a test of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConnectionOutcome {
    /// The partner let the connector in.
    Connected,
    /// It did not, or was not reached.
    #[default]
    Failed,
    /// The partner showed a host key that is not trusted.
    HostKeyNotTrusted,
    /// AWS did not carry the test out.
    NotTested,
}

/// The last test of the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTestStatus {
    /// Digest of what the connection was made with, and of the annotation transfer-operator.dev/reconcile-at. Another one
    /// is tried.
    pub digest: String,
    /// The generation of the spec.
    #[serde(default)]
    pub generation: i64,
    /// Connected, Failed, HostKeyNotTrusted or NotTested.
    pub outcome: ConnectionOutcome,
    /// AWS's words, and what to do.
    #[serde(default)]
    pub message: String,
}

/// What is known of the connector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferConnectorStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS, which whoever sends files names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// What it speaks in AWS, SFTP or AS2: the spec may go back to this, and to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// How it gets to its partner in AWS, SERVICE_MANAGED (by url) or VPC_LATTICE (by egressConfig): the spec may go back to
    /// this, and to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_type: Option<String>,
    /// AWS's status: PENDING, ACTIVE or ERRORED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The addresses from which AWS calls the partner, for the partner's firewall; none where the way is one's own.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_managed_egress_ip_addresses: Vec<String>,
    /// Ids of the profiles of AS2 that AWS has in it, which are not deleted before it names others.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile_ids: Vec<String>,
    /// What came of the test of the connection that spec.connectionTest asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_test: Option<ConnectionTestStatus>,
}

impl TransferConnectorStatus {
    /// Ids of the profiles that AWS may have in it: those that it shows, and those that a call named whose outcome may not
    /// have been seen yet.
    #[must_use]
    pub fn profiles(&self) -> BTreeSet<String> {
        let sent = self.common.applied.iter().flat_map(Applied::sent_profiles);
        self.profile_ids.iter().map(String::as_str).chain(sent).map(str::to_owned).collect()
    }
}

impl Managed for TransferConnector {
    const NOUN: &'static str = "connector";

    from_its_members!(TransferConnectorStatus);

    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let sources = spec.sftp_config.iter().flat_map(|config| config.trusted_host_keys_from.iter().flatten());
        let config_maps = sources.map(|source| &source.config_map_key_ref.name);
        let waits = spec.as2_config.iter().filter_map(|config| config.async_mdn_config.as_ref());
        let servers = waits.flat_map(|config| &config.server_refs);
        let profiles = spec.as2_config.iter().flat_map(|config| {
            [
                references::of_profile(namespace, config.local_profile_ref.as_ref(), config.local_profile_id.as_ref()),
                references::of_profile(
                    namespace,
                    config.partner_profile_ref.as_ref(),
                    config.partner_profile_id.as_ref(),
                ),
            ]
        });
        let in_force = status.into_iter().flat_map(TransferConnectorStatus::profiles);
        let in_force = in_force.map(|id| Reference::Id(ManagedKind::TransferProfile, id));
        let id = status.and_then(|status| status.connector_id.clone());
        [Reference::Identity(spec.aws_identity_ref.name.clone())]
            .into_iter()
            .chain(servers.flat_map(|named| references::of_server(namespace, Some(named), [None, None])))
            .chain(profiles.flatten())
            .chain(in_force)
            .chain(references::of_config_maps(namespace, config_maps))
            .chain(id.map(|id| Reference::Id(ManagedKind::TransferConnector, id)))
            .collect()
    }
}
