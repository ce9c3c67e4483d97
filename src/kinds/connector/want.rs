//! From the spec of a connector to what is wanted of AWS. Reads the ConfigMaps and servers that it names, and changes
//! nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::host_keys::{self, Listed};
use super::members::{ASYNC_MDN_SERVERS, BASIC_AUTH, MEMBERS, TRUSTED_HOST_KEYS};
use super::{profiles, server_refs};
use crate::api::connector;
use crate::api::object_ref::ConfigMapKeyRef;
use crate::api::status::Applied;
use crate::api::user::SshPublicKeySource;
use crate::api::{AwsIdentity, ManagedKind, TransferConnector, TransferConnectorSpec};
use crate::aws::transfer::{
    As2Config, AsyncMdnConfig, ConnectorSettings, EgressConfig, SftpConnectorConfig, Tags, VpcLattice,
};
use crate::engine::diff::set_paths;
use crate::engine::digest::hash;
use crate::engine::kind::{ReconcileError, Target, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::{self, Asker};
use crate::kinds::ssh_keys::SourceText;
use crate::kinds::{config_refs, resolve, tags};

/// What is wanted of a connector.
#[derive(Clone, Debug)]
pub struct WantedConnector {
    /// All members that can change. What is not known stands not there.
    pub settings: ConnectorSettings,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// Paths of roles and secrets that may not be named.
    pub ungranted: Vec<String>,
    /// Paths of which it is not known what is wanted, and why.
    pub unknown: BTreeMap<&'static str, Vec<Reason>>,
}

/// Turns the spec into what is wanted.
///
/// # Errors
/// Trouble in reading a ConfigMap, or in looking at a server.
pub async fn want(
    deps: &Deps,
    object: &TransferConnector,
    target: &Target<Arc<AwsIdentity>>,
    now: Timestamp,
) -> Result<Wanted<WantedConnector>, ReconcileError> {
    let mut unknown = BTreeMap::new();
    let trusted = trusted_host_keys(deps, object).await?.unwrap_or_else(|why| {
        unknown.insert(TRUSTED_HOST_KEYS, why);
        None
    });
    let servers = server_refs::ids(deps, object, &target.account).await?.unwrap_or_else(|why| {
        unknown.insert(ASYNC_MDN_SERVERS, vec![why]);
        None
    });
    let profiles = profiles::ids(deps, object, &target.account, &mut unknown).await?;
    let (hashes, changes_at) = profiles::records(deps, object, &profiles, now);
    let mut blocks = Vec::new();
    let ungranted = ungranted(deps, object, &target.detail, &mut blocks);
    blocks.extend(unknown.values().flatten().cloned());
    let tags = tags::wanted(&object.spec.tags, &target.identity_tags);
    blocks.extend(tags::unfit(&tags));
    let settings = settings(&object.spec, Read { trusted, servers, profiles });
    let mut paths = set_paths(MEMBERS, &json!(settings));
    // What is not sent is not ours to clear later; of what is not known that stays as it was.
    paths.retain(|path| !ungranted.contains(path));
    paths.extend(unknown.keys().filter(|path| was_set(object, path)).map(|path| (*path).to_owned()));
    let (paths, keys) = (paths.into_iter().collect(), tags.keys().cloned().collect());
    let applied = Applied { paths, tags: keys, hashes, ..Applied::default() };
    let digest = hash(&json!([settings, tags]).to_string());
    let want = WantedConnector { settings, tags, ungranted, unknown };
    Ok(Wanted { want, blocks, faults: Vec::new(), applied, changes_at, operation: None, digest })
}

/// What was read of others for a spec.
#[derive(Default)]
pub(super) struct Read {
    /// Host keys, those of ConfigMaps too.
    pub(super) trusted: Option<Vec<String>>,
    /// Ids of the servers for asynchronous answers.
    pub(super) servers: Option<Vec<String>>,
    /// Ids of our own profile and of the partner's.
    pub(super) profiles: [Option<String>; 2],
}

/// AWS's members of the spec. Taken apart in full, so that a new field must be placed.
pub(super) fn settings(spec: &TransferConnectorSpec, read: Read) -> ConnectorSettings {
    let Read { trusted, servers, profiles } = read;
    let TransferConnectorSpec {
        aws_identity_ref: _,
        region: _,
        suspend: _,
        resync_interval: _,
        lifecycle: _,
        tags: _,
        connection_test: _,
        url,
        egress_config,
        access_role,
        logging_role,
        security_policy_name,
        ip_address_type,
        sftp_config,
        as2_config,
    } = spec.clone();
    ConnectorSettings {
        url,
        egress_config: egress_config.map(egress),
        access_role: Some(access_role),
        logging_role,
        security_policy_name,
        ip_address_type,
        sftp_config: sftp_config.map(|config| sftp(config, trusted)),
        as2_config: as2_config.map(|config| as2(config, servers, profiles)),
    }
}

fn egress(config: connector::EgressConfig) -> EgressConfig {
    let connector::EgressConfig { vpc_lattice } = config;
    let connector::VpcLattice { resource_configuration_arn, port_number } = vpc_lattice;
    let vpc_lattice = VpcLattice { resource_configuration_arn: Some(resource_configuration_arn), port_number };
    EgressConfig { vpc_lattice: Some(vpc_lattice) }
}

fn sftp(config: connector::SftpConfig, trusted_host_keys: Option<Vec<String>>) -> SftpConnectorConfig {
    let connector::SftpConfig {
        user_secret_id,
        trusted_host_keys: _,
        trusted_host_keys_from: _,
        max_concurrent_connections,
        ordered_user_secret_version_stages,
    } = config;
    SftpConnectorConfig {
        user_secret_id: Some(user_secret_id),
        trusted_host_keys,
        max_concurrent_connections,
        ordered_user_secret_version_stages,
    }
}

fn as2(config: connector::As2Config, server_ids: Option<Vec<String>>, profiles: [Option<String>; 2]) -> As2Config {
    let connector::As2Config {
        local_profile_ref: _,
        local_profile_id: _,
        partner_profile_ref: _,
        partner_profile_id: _,
        message_subject,
        compression,
        encryption_algorithm,
        signing_algorithm,
        mdn_signing_algorithm,
        mdn_response,
        async_mdn_config,
        basic_auth_secret_id,
        preserve_content_type,
    } = config;
    let [local_profile_id, partner_profile_id] = profiles;
    let answers = |connector::AsyncMdnConfig { url, server_refs: _ }| AsyncMdnConfig { url: Some(url), server_ids };
    As2Config {
        local_profile_id,
        partner_profile_id,
        message_subject,
        compression: Some(compression),
        encryption_algorithm: Some(encryption_algorithm),
        signing_algorithm: Some(signing_algorithm),
        mdn_signing_algorithm,
        mdn_response: Some(mdn_response),
        basic_auth_secret_id,
        preserve_content_type,
        async_mdn_config: async_mdn_config.map(answers),
    }
}

/// The host keys that the spec lists, those of ConfigMaps read; or why they are not known.
async fn trusted_host_keys(
    deps: &Deps,
    object: &TransferConnector,
) -> Result<Result<Option<Vec<String>>, Vec<Reason>>, ReconcileError> {
    let Some(config) = &object.spec.sftp_config else { return Ok(Ok(None)) };
    let namespace = object.namespace().unwrap_or_default();
    let mut sources = None;
    for (index, SshPublicKeySource { config_map_key_ref }) in config.trusted_host_keys_from.iter().flatten().enumerate()
    {
        let field = format!("spec.sftpConfig.trustedHostKeysFrom[{index}]");
        let text = config_refs::read(deps.cluster.as_ref(), &namespace, &field, config_map_key_ref).await?;
        let ConfigMapKeyRef { name, key } = config_map_key_ref;
        let field = format!("{field} (ConfigMap {namespace}/{name}, key {key})");
        sources.get_or_insert_with(Vec::new).push(SourceText { field, text });
    }
    let sources = sources.or_else(|| config.trusted_host_keys_from.as_ref().map(|_| Vec::new()));
    let (inline, url) = (config.trusted_host_keys.as_deref(), object.spec.url.as_deref());
    Ok(host_keys::want(&Listed { inline, sources, url }))
}

/// Roles and secrets that the grant does not cover: no call that would carry one is made.
fn ungranted(deps: &Deps, object: &TransferConnector, identity: &AwsIdentity, blocks: &mut Vec<Reason>) -> Vec<String> {
    let namespace = object.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferConnector, namespace: &namespace, labels: &labels };
    let of_roles = roles(&object.spec)
        .into_iter()
        .map(|(path, role)| (path, grants::role_granted(identity, &asker, &format!("spec.{path}"), role)));
    let of_secrets = secrets(&object.spec)
        .into_iter()
        .map(|(path, secret)| (path, secret_granted(deps, object, identity, path, secret)));
    let refused = of_roles.chain(of_secrets).filter_map(|(path, answer)| {
        let block = answer.err()?;
        blocks.push(block);
        Some(path.to_owned())
    });
    refused.collect()
}

/// Whether this object may use a secret, which stands in this member.
pub(super) fn secret_granted(
    deps: &Deps,
    object: &TransferConnector,
    identity: &AwsIdentity,
    path: &str,
    secret: &str,
) -> Result<(), Reason> {
    let namespace = object.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferConnector, namespace: &namespace, labels: &labels };
    grants::secret_granted(identity, &asker, &format!("spec.{path}"), secret)
}

/// Every role of the spec with its path.
pub(super) fn roles(spec: &TransferConnectorSpec) -> Vec<(&'static str, &String)> {
    let logging = spec.logging_role.iter().map(|role| ("loggingRole", role));
    [("accessRole", &spec.access_role)].into_iter().chain(logging).collect()
}

/// Every secret of the spec with its path.
pub(super) fn secrets(spec: &TransferConnectorSpec) -> Vec<(&'static str, &String)> {
    let sftp = spec.sftp_config.iter().map(|config| ("sftpConfig.userSecretId", &config.user_secret_id));
    let as2 = spec.as2_config.iter().filter_map(|config| config.basic_auth_secret_id.as_ref());
    sftp.chain(as2.map(|secret| (BASIC_AUTH, secret))).collect()
}

/// Whether this object put the member into AWS before.
fn was_set(object: &TransferConnector, path: &str) -> bool {
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    applied.is_some_and(|applied| applied.paths.iter().any(|set| set == path))
}
