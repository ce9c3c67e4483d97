//! From the spec of a server to what is wanted of AWS. Reads the Secrets that it names, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::host_keys;
use super::members::{ADDRESSES, MEMBERS, SECURITY_GROUPS};
use super::wanted::{WantedHostKey, WantedServer};
use crate::api::ManagedKind;
use crate::api::condition::reasons;
use crate::api::server::{CustomHostname, DesiredState, HostKeyPolicy};
use crate::api::status::{Applied, OperationKind, OperationRecord};
use crate::api::{AwsIdentity, TransferServer, TransferServerSpec};
use crate::aws::transfer::{ServerSettings, Tags, WorkflowDetails};
use crate::engine::diff::set_paths;
use crate::engine::digest::{hash, keyed};
use crate::engine::kind::{ReconcileError, Target, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::{self, Asker};
use crate::kinds::{tags, workflow_ref};

/// Turns the spec into what is wanted.
///
/// # Errors
/// Trouble in reading a Secret.
pub async fn want(
    deps: &Deps,
    object: &TransferServer,
    target: &Target<Arc<AwsIdentity>>,
    now: Timestamp,
) -> Result<Wanted<WantedServer>, ReconcileError> {
    let workflows = workflow_ref::named(deps, object, &target.account);
    let settings = settings(&object.spec, workflows.details);
    let mut blocks = Vec::new();
    if !exists(object) {
        blocks.extend(as2_without_transport(&settings, None));
    }
    let ungranted = ungranted(deps, object, &target.detail, &mut blocks);
    let mut keys = host_keys::secrets::read(deps, object, &mut blocks).await?;
    for key in &mut keys {
        key.kms_unsure = host_keys::kms::unsure(object, key);
    }
    let host_keys_complete = object.spec.host_keys.as_ref().is_none_or(|listed| listed.len() == keys.len());
    let tags = tags(&object.spec, &target.identity_tags);
    blocks.extend(tags::unfit(&tags));
    let unsent: Vec<&String> =
        ungranted.iter().chain(workflows.held.keys().filter(|path| !was_set(object, path))).collect();
    let mut applied = applied(object, &settings, &tags, &unsent);
    applied.hashes.extend(host_keys::kms::records(object, &keys));
    let want = WantedServer {
        domain: object.spec.domain.clone(),
        settings,
        state: object.spec.desired_state,
        tags,
        host_keys: object.spec.host_keys.as_ref().map(|_| keys),
        host_keys_complete,
        exclusive_host_keys: object.spec.host_key_policy == HostKeyPolicy::Exclusive,
        confirmed_host_keys: host_keys::replaced::confirmed(object),
        host_key_storage_type: object.spec.host_key_storage_type.clone(),
        ungranted,
        held: workflows.held,
    };
    let (digest, faults) = (digest(&want), want.held.values().cloned().collect());
    let operation = attaches_first(&want.settings, now);
    Ok(Wanted { want, blocks, faults, applied, changes_at: None, operation, digest })
}

/// Of everything that is wanted. Only what is set goes in, so that a new version of this program does not read as an
/// edit; of a private key only its fingerprint.
fn digest(want: &WantedServer) -> String {
    let key = |key: &WantedHostKey| {
        let WantedHostKey {
            name,
            body: _,
            public: _,
            fingerprint,
            description,
            storage_type,
            kms_key,
            kms_unsure: _,
            tags,
        } = key;
        json!([name, fingerprint, description, storage_type, kms_key, tags])
    };
    let keys: Option<Vec<Value>> = want.host_keys.as_ref().map(|keys| keys.iter().map(key).collect());
    let state = match want.state {
        DesiredState::Online => "Online",
        DesiredState::Offline => "Offline",
    };
    let mut all = vec![
        json!(want.domain),
        json!(want.settings),
        json!(state),
        json!(want.tags),
        json!(keys),
        json!(want.exclusive_host_keys),
    ];
    if !want.confirmed_host_keys.is_empty() {
        all.push(json!(want.confirmed_host_keys));
    }
    hash(&Value::Array(all).to_string())
}

/// AWS's members of the spec. Taken apart in full, so that a new field must be placed.
pub(super) fn settings(spec: &TransferServerSpec, workflow_details: Option<WorkflowDetails>) -> ServerSettings {
    let TransferServerSpec {
        aws_identity_ref: _,
        region: _,
        desired_state: _,
        suspend: _,
        resync_interval: _,
        lifecycle: _,
        tags: _,
        allowed_references: _,
        domain: _,
        endpoint_type,
        endpoint_details,
        ip_address_type,
        identity_provider_type,
        identity_provider_details,
        protocols,
        protocol_details,
        certificate,
        security_policy_name,
        pre_authentication_login_banner,
        post_authentication_login_banner,
        logging_role,
        structured_log_destinations,
        s3_storage_options,
        workflow_details: _,
        host_keys: _,
        host_key_policy: _,
        host_key_storage_type: _,
        custom_hostname: _,
        known_hosts_config_map: _,
        login_test: _,
    } = spec.clone();
    ServerSettings {
        certificate,
        endpoint_details,
        endpoint_type,
        identity_provider_details,
        identity_provider_type,
        ip_address_type,
        logging_role,
        post_authentication_login_banner,
        pre_authentication_login_banner,
        protocol_details,
        protocols,
        s3_storage_options,
        security_policy_name,
        structured_log_destinations,
        workflow_details,
    }
}

/// Whether none will be created: nor is one where a server is taken over.
fn exists(object: &TransferServer) -> bool {
    object.spec.lifecycle.adoption.is_some() || object.status.as_ref().is_some_and(|status| status.server_id.is_some())
}

/// AWS takes AS2 only with its transport; one that it has already will do.
pub(super) fn as2_without_transport(want: &ServerSettings, have: Option<&ServerSettings>) -> Option<Reason> {
    let transport = |settings: &ServerSettings| {
        settings.protocol_details.as_ref().is_some_and(|details| details.as2_transports.is_some())
    };
    let asked = want.protocols.iter().flatten().any(|protocol| protocol == "AS2");
    (asked && !transport(want) && !have.is_some_and(transport)).then(|| {
        let message = "spec.protocols: AS2 needs spec.protocolDetails.as2Transports, which is [HTTP]".to_owned();
        Reason::stalled(reasons::INVALID_SPEC, message)
    })
}

/// A create takes no elastic addresses: a server that is to have some is stopped for them before anybody uses it.
fn attaches_first(settings: &ServerSettings, now: Timestamp) -> Option<OperationRecord> {
    let addresses = settings.endpoint_details.as_ref()?.address_allocation_ids.as_ref()?;
    (!addresses.is_empty()).then(|| OperationRecord {
        kind: OperationKind::Create,
        started_at: Some(now.to_string()),
        prior_state: Some("ONLINE".to_owned()),
        stops: 1,
        remaining: vec![format!("spec.{ADDRESSES}")],
        ..OperationRecord::default()
    })
}

/// Roles that the grant does not cover: no call that would carry one is made.
fn ungranted(deps: &Deps, object: &TransferServer, identity: &AwsIdentity, blocks: &mut Vec<Reason>) -> Vec<String> {
    let namespace = object.namespace().unwrap_or_default();
    let labels = deps.lister.namespace_labels(&namespace).unwrap_or_default();
    let asker = Asker { kind: ManagedKind::TransferServer, namespace: &namespace, labels: &labels };
    let mut paths = Vec::new();
    for (path, role) in roles(&object.spec) {
        if let Err(block) = grants::role_granted(identity, &asker, &format!("spec.{path}"), &role) {
            blocks.push(block);
            paths.push(path);
        }
    }
    paths
}

/// Every role of the spec with its path.
pub(super) fn roles(spec: &TransferServerSpec) -> Vec<(String, String)> {
    let mut roles = Vec::new();
    let mut add = |path: &str, role: Option<&String>| {
        if let Some(role) = role.filter(|role| !role.is_empty()) {
            roles.push((path.to_owned(), role.clone()));
        }
    };
    add("loggingRole", spec.logging_role.as_ref());
    let details = spec.identity_provider_details.as_ref();
    add("identityProviderDetails.invocationRole", details.and_then(|details| details.invocation_role.as_ref()));
    if let Some(workflows) = &spec.workflow_details {
        for workflow in workflows.on_upload.iter().flatten() {
            add("workflowDetails.onUpload", Some(&workflow.execution_role));
        }
        for workflow in workflows.on_partial_upload.iter().flatten() {
            add("workflowDetails.onPartialUpload", Some(&workflow.execution_role));
        }
    }
    roles
}

/// Identity's tags, then the spec's, then the custom host name, which AWS keeps as tags.
fn tags(spec: &TransferServerSpec, identity_tags: &Tags) -> Tags {
    let mut tags = tags::wanted(&spec.tags, identity_tags);
    if let Some(CustomHostname { hostname, hosted_zone_id }) = &spec.custom_hostname {
        tags.extend(tags::of_host_name(hostname, hosted_zone_id.as_deref()));
    }
    tags
}

/// What this object will have put into AWS: names only, and keyed hashes of what AWS never returns.
fn applied(object: &TransferServer, settings: &ServerSettings, tags: &Tags, unsent: &[&String]) -> Applied {
    let settings_json = serde_json::to_value(settings).unwrap_or_default();
    let uid = object.uid().unwrap_or_default();
    let mut hashes = BTreeMap::new();
    let groups = settings.endpoint_details.as_ref().and_then(|details| details.security_group_ids.as_ref());
    if let Some(groups) = groups {
        hashes.insert(SECURITY_GROUPS.to_owned(), keyed(&uid, &sorted(groups)));
    }
    // What is not sent is not ours to clear later.
    let mut paths = set_paths(MEMBERS, &settings_json);
    paths.retain(|path| !unsent.contains(&path));
    for key in object.spec.host_keys.iter().flatten() {
        paths.extend(host_keys::paths(key));
    }
    Applied { paths: paths.into_iter().collect(), tags: tags.keys().cloned().collect(), hashes, ..Applied::default() }
}

/// Whether this object put the member into AWS before: what it names there is still its own to clear.
fn was_set(object: &TransferServer, path: &String) -> bool {
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    applied.is_some_and(|applied| applied.paths.contains(path))
}

fn sorted(items: &[String]) -> String {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    items.join(",")
}
