//! `TransferUser`: what a person writes about a service-managed user, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::Lifecycle;
use super::login::Login;
use super::object_ref::{ConfigMapKeyRef, IdentityRef, ServerRef};
use super::status::{CommonStatus, ServerFacts};
use super::{Managed, Reference, key_rules, pattern, references, resync, rules};

/// What happens to SSH public keys that the spec does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SshPublicKeyPolicy {
    /// They go.
    #[default]
    Exclusive,
    /// They stay.
    Additive,
}

/// One SSH public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKey {
    /// The key, one line as in a .pub file: ssh-rsa, ssh-ed25519 or ecdsa-sha2-nistp256/384/521, the key, a comment.
    /// Lines with options (from=, command=) are refused, as AWS knows none and stripping them would widen access.
    // Longer than AWS takes, so that a private key is called one; what is too long is told by a rule of the list.
    #[schemars(length(max = 3500))]
    pub public_key: String,
    /// Time after which the key is removed from AWS, in RFC 3339 form such as 2027-01-31T00:00:00Z.
    #[x_kube(validation = pattern::RFC3339)]
    #[schemars(length(max = 40))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A source of SSH public keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKeySource {
    /// A key of a ConfigMap in the same namespace, in authorized_keys form: one public key on each line; empty lines
    /// and lines that begin with # do not count.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// What the user shall be. A member that was never set is left as AWS has it; one that leaves the spec goes back to
/// AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferUser",
    plural = "transferusers",
    shortname = "tusr",
    category = "transfer",
    namespaced,
    status = "TransferUserStatus",
    derive = "PartialEq",
    doc = "A service-managed user of a server of AWS Transfer Family.",
    validation = rules::name_serves_as_user_name(),
    validation = rules::USER_NAME_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "User", type_ = "string", json_path = ".status.userName"),
    printcolumn(name = "Server", type_ = "string", json_path = ".status.serverId"),
    printcolumn(name = "Host", type_ = "string", json_path = ".status.host"),
    printcolumn(name = "Keys", type_ = "integer", json_path = ".status.sshPublicKeyCount"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(transform = rules::server_reference)]
pub struct TransferUserSpec {
    /// The server, as a TransferServer object. Its identity and region are used; the identity must grant this object's
    /// own namespace, and the server's allowedReferences must admit it. Either this or serverId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ref: Option<ServerRef>,
    /// The server, by its id in AWS (s-...), for servers without an object here. The identity's grant for this
    /// namespace must list it in serverIds. Either this, with awsIdentityRef and region, or serverRef.
    #[x_kube(validation = pattern::SERVER_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// The AwsIdentity that AWS is called with; with serverId only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_identity_ref: Option<IdentityRef>,
    /// The region that the server lives in; with serverId only.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the user at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval, and seldomer where there are many. Seldom means that what others
    /// change in AWS is seen, and put right, that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, what deletion does, and taking over what exists.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Tags of the user in AWS, over those of the AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The name to log in with: 3 to 100 letters, digits and _ . @ - (not first). Absent means the object's own name.
    /// Cannot be changed.
    #[x_kube(validation = pattern::USER_NAME)]
    #[schemars(length(max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// What the login may do.
    #[serde(flatten)]
    pub login: Login,
    /// SSH public keys, at most 50. An empty list means none; if this and sshPublicKeysFrom are absent, keys are not
    /// managed.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 50), transform = key_rules::public_keys)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_keys: Option<Vec<SshPublicKey>>,
    /// Further SSH public keys, from ConfigMaps. While one of them is missing, empty or unreadable, no key is removed.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 50))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_keys_from: Option<Vec<SshPublicKeySource>>,
    /// Exclusive removes keys that are not listed; Additive leaves them.
    #[serde(default)]
    pub ssh_public_key_policy: SshPublicKeyPolicy,
}

/// An SSH public key as AWS has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKeyStatus {
    /// Id in AWS; absent until AWS was seen to have the key, where it went along with the creation of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// SHA-256 fingerprint, as ssh-keygen prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When it was imported (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_imported: Option<String>,
    /// When it is removed, where the spec says so (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Comment of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this object put it there.
    #[serde(default)]
    pub managed: bool,
}

/// What is known of the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferUserStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The name to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Id of the server in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// What a partner is given of the server.
    #[serde(flatten)]
    pub server: ServerFacts,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The SSH public keys that AWS has.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_public_keys: Vec<SshPublicKeyStatus>,
    /// How many they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_key_count: Option<i64>,
}

impl TransferUser {
    /// The name in AWS: `spec.userName`, else the object's own name.
    #[must_use]
    pub fn effective_user_name(&self) -> &str {
        self.spec.user_name.as_deref().or(self.metadata.name.as_deref()).unwrap_or_default()
    }
}

impl Managed for TransferUser {
    const NOUN: &'static str = "user";

    const MANY: bool = true;

    from_its_members!(TransferUserStatus);

    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let recorded = status.and_then(|status| status.server_id.as_ref());
        // The ARN ends with the name of the user that was made.
        let made = status.and_then(|status| status.arn.as_deref()?.rsplit('/').next());
        let logins = [Some(self.effective_user_name()), made].into_iter().flatten();
        let keys = spec.ssh_public_keys_from.iter().flatten().map(|source| &source.config_map_key_ref.name);
        let identity = spec.aws_identity_ref.iter().map(|identity| Reference::Identity(identity.name.clone()));
        identity
            .chain(references::of_server(namespace, spec.server_ref.as_ref(), [spec.server_id.as_ref(), recorded]))
            .chain(logins.map(|name| Reference::Login(name.to_owned())))
            .chain(references::of_config_maps(namespace, keys.chain(references::of_policy(&spec.login))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of them are held: of 10,000 users each 100 bytes are a MiB.
    #[test]
    fn what_is_held_of_each_user_stays_small() {
        let sizes = (size_of::<TransferUser>(), size_of::<CommonStatus>());
        assert!(sizes.0 <= 1500 && sizes.1 <= 400, "{sizes:?} bytes");
    }

    #[test]
    fn the_name_of_the_object_stands_in_for_an_absent_user_name() {
        let mut user = TransferUser::new("alice", TransferUserSpec::default());
        assert_eq!(user.effective_user_name(), "alice");
        user.spec.user_name = Some("a.lice".to_owned());
        assert_eq!(user.effective_user_name(), "a.lice");
    }
}
