//! What of a server's settings, as AWS has them, is worth a look. Pure.

use super::members::SERVICE_MANAGED;
use super::wanted::WantedServer;
use super::{ServerState, host_keys, unset};
use crate::api::TransferServer;
use crate::api::condition::reasons;
use crate::api::status::Unset;
use crate::aws::transfer::{SecurityPolicy, ServerSettings};
use crate::engine::kind::Wanted;
use crate::engine::reason::Reason;

/// Security policies that AWS keeps for old clients only: they allow SHA-1 or were replaced years ago.
const OLD_POLICIES: [&str; 8] = [
    "2018-11",
    "Restricted-2018-11",
    "2020-06",
    "Restricted-2020-06",
    "FIPS-2020-06",
    "2022-03",
    "PQ-SSH-Experimental-2023-04",
    "PQ-SSH-FIPS-Experimental-2023-04",
];

/// Policies to take instead: the newest that AWS documents for any client.
const NEWER: &str = "TransferSecurityPolicy-2025-03";
const NEWER_FIPS: &str = "TransferSecurityPolicy-FIPS-2025-03";

/// What is worth a look and blocks nothing.
pub fn advice(object: &TransferServer, wanted: &Wanted<WantedServer>, have: &ServerState) -> Vec<Reason> {
    let (want, keys) = (&wanted.want, &have.host_keys);
    let rows = object.status.as_ref().map_or(&[][..], |status| &status.host_keys);
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    let replaced = host_keys::replaced::advice(object, &host_keys::replaced::replaced(want, keys, rows), keys);
    let unset = of_unset(&unset::unset(want, &have.server, applied));
    let hints = replaced.into_iter().chain(host_keys::hidden(want, keys, rows)).chain(unset);
    hints.chain(of_settings(&have.server.settings, have.policy.told())).chain(left_behind(have)).collect()
}

/// Users that AWS keeps for a server which asks another provider: a change of the provider leaves them where they are.
/// How many they are is not said, as each that goes would be another text.
fn left_behind(have: &ServerState) -> Option<Reason> {
    let provider = have.server.settings.identity_provider_type.as_deref().unwrap_or(SERVICE_MANAGED);
    (provider != SERVICE_MANAGED && have.users.is_some_and(|users| users > 0)).then(|| {
        let message = format!(
            "AWS keeps users for this server, and its identity provider {provider} asks for none of them: nobody logs in \
             as one. Delete their TransferUser objects (in AWS, those without one), or set spec.identityProviderType back \
             to {SERVICE_MANAGED}"
        );
        Reason::new(reasons::USERS_LEFT_BEHIND, message)
    })
}

/// What is worth a look whoever set it.
pub fn of_settings(have: &ServerSettings, policy: Option<&SecurityPolicy>) -> impl Iterator<Item = Reason> {
    old_policy(have, policy).into_iter().chain(workflow_not_logged(have))
}

/// Workflows that somebody attached and that the spec does not name: they see every file.
pub fn of_unset(unset: &[Unset]) -> Option<Reason> {
    let workflows = unset.iter().filter(|row| row.field.starts_with("spec.workflowDetails"));
    let told: Vec<String> = workflows.map(|Unset { field, have }| format!("{field}: {have}")).collect();
    (!told.is_empty()).then(|| {
        let message = format!(
            "workflows run on uploads that the spec does not name; they are left alone ({}). Name them, or detach them in \
             AWS",
            told.join("; ")
        );
        Reason::new(reasons::WORKFLOW_UNSET, message)
    })
}

/// What its contents say, where AWS tells them; else, and where they look well, its name.
fn old_policy(have: &ServerSettings, policy: Option<&SecurityPolicy>) -> Option<Reason> {
    let name = have.security_policy_name.as_deref()?;
    let fips = policy.and_then(|policy| policy.fips).unwrap_or_else(|| name.contains("FIPS"));
    let newer = if fips { NEWER_FIPS } else { NEWER };
    let weak = policy.map(weak).filter(|weak| !weak.is_empty()).map(|weak| {
        format!("security policy {name} allows {}; {newer} does not, see spec.securityPolicyName", weak.join(", "))
    });
    let old = || format!("security policy {name} is an old one; see spec.securityPolicyName");
    let message = weak.or_else(|| is_old(name).then(old))?;
    Some(Reason::new(reasons::OLD_SECURITY_POLICY, message))
}

fn is_old(name: &str) -> bool {
    name.strip_prefix("TransferSecurityPolicy-").is_some_and(|own| OLD_POLICIES.contains(&own))
}

/// What a policy allows and nobody should use any more, in AWS's names. SHA-1 counts as broken for signatures and is on
/// its way out everywhere; CBC in SSH leaks plain text; without an ephemeral key exchange a stolen key reads what was
/// recorded before.
fn weak(policy: &SecurityPolicy) -> Vec<String> {
    let SecurityPolicy { ssh_ciphers, ssh_kexs, ssh_macs, tls_ciphers, ssh_host_key_algorithms, .. } = policy;
    let old_cipher = |name: &str| {
        name.contains("-cbc") || ["3des", "arcfour", "blowfish", "cast128"].iter().any(|old| name.starts_with(old))
    };
    let old_hash = |name: &str| name.contains("sha1") || name.contains("md5");
    let old_tls = |name: &str| {
        name.starts_with("TLS_RSA_")
            || name.ends_with("_SHA")
            || ["_3DES_", "_RC4_", "_NULL_", "_MD5"].iter().any(|old| name.contains(old))
    };
    let rows: [(&str, &[String], &dyn Fn(&str) -> bool); 5] = [
        ("SSH cipher", ssh_ciphers, &old_cipher),
        ("SSH key exchange", ssh_kexs, &|name| old_hash(name) || name.contains("group1-")),
        ("SSH MAC", ssh_macs, &old_hash),
        ("SSH signature", ssh_host_key_algorithms, &|name| name == "ssh-rsa" || name == "ssh-dss"),
        ("TLS cipher", tls_ciphers, &old_tls),
    ];
    let told = |(what, names, old): (&str, &[String], &dyn Fn(&str) -> bool)| {
        let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| old(name)).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(" ")))
    };
    rows.into_iter().filter_map(told).collect()
}

fn workflow_not_logged(have: &ServerSettings) -> Option<Reason> {
    let workflows = have.workflow_details.as_ref()?;
    let mut attached = workflows.on_upload.iter().chain(&workflows.on_partial_upload);
    let runs = attached.any(|attached| !attached.is_empty());
    let logs = have.logging_role.as_ref().is_some_and(|role| !role.is_empty());
    (runs && !logs).then(|| {
        let message = "a workflow runs on uploads and there is no loggingRole, so nothing tells what becomes of the \
                       files; set spec.loggingRole";
        Reason::new(reasons::WORKFLOW_NOT_LOGGED, message)
    })
}
