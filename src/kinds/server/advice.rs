//! What of a server's settings, as AWS has them, is worth a look. Pure.

use crate::api::condition::reasons;
use crate::api::status::Unset;
use crate::aws::transfer::ServerSettings;
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

/// What is worth a look whoever set it.
pub fn of_settings(have: &ServerSettings) -> impl Iterator<Item = Reason> {
    old_policy(have).into_iter().chain(workflow_not_logged(have))
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

fn old_policy(have: &ServerSettings) -> Option<Reason> {
    let name = have.security_policy_name.as_deref()?;
    let suffix = name.strip_prefix("TransferSecurityPolicy-")?;
    OLD_POLICIES.contains(&suffix).then(|| {
        let message = format!("security policy {name} is an old one; see spec.securityPolicyName");
        Reason::new(reasons::OLD_SECURITY_POLICY, message)
    })
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
