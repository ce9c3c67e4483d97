//! From what is wanted of a user and what AWS has to the calls that bring it there. Pure.

use std::collections::BTreeSet;

use super::{UserState, WantedUser};
use crate::api::status::CreatePhase;
use crate::api::user::SshPublicKeyStatus;
use crate::api::{Managed, TransferUser};
use crate::aws::Mutation;
use crate::aws::transfer::{SshPublicKey, UpdateUser};
use crate::engine::diff::Reset;
use crate::engine::kind::{KindStatus, Plan, PlannedCall};
use crate::engine::owner::Owner;
use crate::kinds::login::MEMBERS;
use crate::kinds::server_ref::LoginTarget;
use crate::kinds::ssh_keys::{self, Holder};
use crate::kinds::tags;

/// What of a user in AWS this object put there: paths and tags that it set, keys that it imported.
struct AppliedByUs {
    paths: BTreeSet<String>,
    tags: BTreeSet<String>,
    keys: Vec<SshPublicKeyStatus>,
}

/// What status records; before it was ever written that a young user is as wanted, everything. CreateUser is sent
/// without a record of what it carries, and a user that it made has nothing from anybody else.
fn applied_by_us(object: &TransferUser, state: &UserState, young: bool) -> AppliedByUs {
    let status = object.status.as_ref();
    let known = status.is_some_and(|status| match &status.common.create {
        // A refused call may have been told meanwhile, so that the user counts as confirmed.
        None => false,
        Some(create) if create.phase == CreatePhase::None => true,
        // It was lost, or seemed to be: then others may have put something there.
        Some(_) => status.confirmed(),
    });
    if known || !young || !state.ours || object.policies().adoption.is_some() {
        let applied = status.and_then(|status| status.common.applied.as_ref());
        return AppliedByUs {
            paths: applied.into_iter().flat_map(|applied| &applied.paths).cloned().collect(),
            tags: applied.into_iter().flat_map(|applied| &applied.tags).cloned().collect(),
            keys: status.map(|status| status.ssh_public_keys.clone()).unwrap_or_default(),
        };
    }
    // What cannot be reset would only be complained of.
    let paths = MEMBERS.iter().filter(|member| member.reset != Reset::Never);
    let key = |key: &SshPublicKey| SshPublicKeyStatus {
        id: Some(key.id.clone()),
        managed: true,
        ..SshPublicKeyStatus::default()
    };
    AppliedByUs {
        paths: paths.map(|member| member.path.to_owned()).collect(),
        tags: state.user.tags.keys().cloned().collect(),
        keys: state.user.ssh_public_keys.iter().map(key).collect(),
    }
}

/// Keys first: the revoking of one waits for nothing else.
pub(super) fn plan(
    object: &TransferUser,
    target: &LoginTarget,
    want: &WantedUser,
    state: &UserState,
    owner: &Owner,
) -> Plan {
    let WantedUser { login, keys, tags: wanted_tags, young } = want;
    let (have, AppliedByUs { paths, tags: tag_keys, keys: put_keys }) =
        (&state.user, applied_by_us(object, state, *young));
    let (server_id, user_name) = (target.server_id.clone(), have.user_name.clone());
    let update = login.update(&have.settings, &paths, Some(&user_name));
    let mut plan = Plan { changes: update.changes, blocks: update.blocks, ..Plan::default() };
    let holder = Holder { server_id: &server_id, user_name: &user_name };
    if let Some(keys) = keys {
        let changes = ssh_keys::changes(keys, &have.ssh_public_keys, &put_keys);
        // Each of these reads all keys again, and nothing comes of them where none is to be added or removed.
        if !changes.is_empty() {
            if !object.policies().observes() {
                plan.blocks.extend(ssh_keys::kept(keys, &have.ssh_public_keys, &put_keys));
            }
            plan.calls.extend(ssh_keys::imports(holder, keys, &have.ssh_public_keys));
            plan.calls.extend(ssh_keys::deletions(holder, keys, &have.ssh_public_keys, &put_keys));
        }
        plan.changes.extend(changes);
    }
    plan.calls.extend(update.settings.map(|settings| {
        let (server_id, user_name, settings) = (server_id.clone(), user_name.clone(), Box::new(settings));
        PlannedCall::new(Mutation::UpdateUser(UpdateUser { server_id, user_name, settings }), update.resolved)
    }));
    plan.changes.extend(tags::changes(wanted_tags, &have.tags, &tag_keys));
    plan.calls.extend(tags::calls(&have.arn, wanted_tags, owner, &have.tags, &tag_keys));
    if target.unproven.is_some() {
        plan.calls.retain(|call| matches!(call.mutation, Mutation::DeleteSshPublicKey(_)));
    }
    plan
}
