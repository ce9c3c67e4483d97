//! From the spec of an agreement to what is wanted of AWS. Finds out the ids of the profiles that it names, and changes
//! nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::members::{ACCESS_ROLE, LOCAL_PROFILE, MEMBERS, PARTNER_PROFILE};
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::api::{ManagedKind, TransferAgreement, TransferAgreementSpec, TransferAgreementStatus, agreement};
use crate::aws::transfer::{AgreementSettings, CustomDirectories, Tags};
use crate::engine::diff::set_paths;
use crate::engine::digest::hash;
use crate::engine::kind::{ReconcileError, Target, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::{self, Asker};
use crate::kinds::profile_ref::{From, Side};
use crate::kinds::server_ref::LoginTarget;
use crate::kinds::{profiles_sent, resolve, tags};

/// What is wanted of an agreement.
#[derive(Clone, Debug)]
pub struct WantedAgreement {
    /// All members. A profile whose id is not known stands not there.
    pub settings: AgreementSettings,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// Members that must not be sent, and why.
    pub held: BTreeMap<&'static str, Reason>,
}

/// Turns the spec into what is wanted.
///
/// # Errors
/// Trouble in reading the tags of a profile.
pub async fn want(
    deps: &Deps,
    object: &TransferAgreement,
    target: &Target<LoginTarget>,
    now: Timestamp,
) -> Result<Wanted<WantedAgreement>, ReconcileError> {
    let spec = &object.spec;
    let namespace = object.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferAgreement, namespace: &namespace, labels: &labels };
    let [local, partner] = profiles(spec);
    let mut held = BTreeMap::new();
    let mut settings = settings(spec);
    for (member, side, id) in [
        (LOCAL_PROFILE, local, &mut settings.local_profile_id),
        (PARTNER_PROFILE, partner, &mut settings.partner_profile_id),
    ] {
        *id = match side.id(deps, From { asker: &asker, account: &target.account }).await? {
            Ok(id) => Some(id),
            Err(why) => {
                held.insert(member, why);
                None
            }
        };
    }
    if let Some(ungranted) = ungranted(deps, &target.identity, &asker, &spec.access_role) {
        held.insert(ACCESS_ROLE, ungranted);
    }
    let tags = tags::wanted(&spec.tags, &target.identity_tags);
    let blocks = held.values().cloned().chain(tags::unfit(&tags)).collect();
    let mut paths = set_paths(MEMBERS, &json!(settings));
    // What is not sent is no knowledge of what AWS has; of that it stays as it was.
    paths.retain(|path| !held.contains_key(path.as_str()));
    paths.extend(held.keys().filter(|path| was_set(object, path)).map(|path| (*path).to_owned()));
    let hashes = sent(deps, object, &settings, now);
    let changes_at = profiles_sent::forgets_at(&hashes, &deps.windows);
    let (paths, keys) = (paths.into_iter().collect(), tags.keys().cloned().collect());
    let applied = Applied { paths, tags: keys, hashes, ..Applied::default() };
    let digest = hash(&json!([settings, tags]).to_string());
    let want = WantedAgreement { settings, tags, held };
    Ok(Wanted { want, blocks, faults: Vec::new(), applied, changes_at, operation: None, digest })
}

/// AWS's members of the spec; profiles that are named by their objects stand not there. Taken apart in full, so that a new
/// field must be placed.
pub(super) fn settings(spec: &TransferAgreementSpec) -> AgreementSettings {
    let TransferAgreementSpec {
        server_ref: _,
        server_id: _,
        aws_identity_ref: _,
        region: _,
        suspend: _,
        resync_interval: _,
        lifecycle: _,
        tags: _,
        local_profile_ref: _,
        local_profile_id,
        partner_profile_ref: _,
        partner_profile_id,
        access_role,
        base_directory,
        custom_directories,
        status,
        preserve_filename,
        enforce_message_signing,
        description,
    } = spec.clone();
    AgreementSettings {
        local_profile_id,
        partner_profile_id,
        access_role: Some(access_role),
        base_directory,
        custom_directories: custom_directories.map(directories),
        status,
        preserve_filename,
        enforce_message_signing,
        description,
    }
}

fn directories(directories: agreement::CustomDirectories) -> CustomDirectories {
    let agreement::CustomDirectories {
        failed_files_directory,
        mdn_files_directory,
        payload_files_directory,
        status_files_directory,
        temporary_files_directory,
    } = directories;
    CustomDirectories {
        failed_files_directory,
        mdn_files_directory,
        payload_files_directory,
        status_files_directory,
        temporary_files_directory,
    }
}

/// Both sides, as the spec names them.
fn profiles(spec: &TransferAgreementSpec) -> [Side<'_>; 2] {
    let local = Side {
        profile_type: "LOCAL",
        named: spec.local_profile_ref.as_ref(),
        id: spec.local_profile_id.as_ref(),
        ref_field: "spec.localProfileRef",
        id_field: "spec.localProfileId",
    };
    let partner = Side {
        profile_type: "PARTNER",
        named: spec.partner_profile_ref.as_ref(),
        id: spec.partner_profile_id.as_ref(),
        ref_field: "spec.partnerProfileRef",
        id_field: "spec.partnerProfileId",
    };
    [local, partner]
}

/// Why the role must not be passed.
fn ungranted(deps: &Deps, identity: &str, asker: &Asker<'_>, role: &str) -> Option<Reason> {
    let Some(identity) = deps.lister.identity(identity) else {
        return Some(Reason::stalled(reasons::ROLE_NOT_GRANTED, "spec.accessRole: the identity is absent"));
    };
    grants::role_granted(&identity, asker, "spec.accessRole", role).err()
}

/// What status is to say of the profiles that calls name.
fn sent(
    deps: &Deps,
    object: &TransferAgreement,
    settings: &AgreementSettings,
    now: Timestamp,
) -> BTreeMap<String, String> {
    let status = object.status.as_ref();
    let before = status.and_then(|status| status.common.applied.clone()).unwrap_or_default().hashes;
    let shown = status.into_iter().flat_map(TransferAgreementStatus::shown_profiles).collect();
    let sides = [
        (LOCAL_PROFILE, settings.local_profile_id.as_deref()),
        (PARTNER_PROFILE, settings.partner_profile_id.as_deref()),
    ];
    profiles_sent::records(&before, &shown, sides, &deps.windows, now)
}

/// Whether this object put the member into AWS before.
fn was_set(object: &TransferAgreement, path: &str) -> bool {
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    applied.is_some_and(|applied| applied.paths.iter().any(|set| set == path))
}
