//! The policies of what AWS gives an address that is lost for ever with it: protected unless somebody says otherwise.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{
    Approval, DeletionPolicy, Disruption, IdAdoption, ManagementPolicy, Policies, RecreatePolicy, TakeOver, yes,
};
use super::rules;

/// Policies of what has an id and an address of AWS's that are lost for ever with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::lifecycle)]
pub struct ProtectedLifecycle {
    /// Full applies the spec and puts drift right. ReportDrift applies the spec after each edit of it (or of a ConfigMap
    /// that it names), and in between only reports in status.drift what changed in AWS. ObserveOnly never changes anything,
    /// holds no finalizer and shows in status.drift what would be changed, as a plan. Reported differences set condition
    /// Drifted and leave Ready True.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens in AWS when this object is deleted. Delete (what absent means) deletes it there too. Retain leaves
    /// everything in AWS as it is and takes the owner tags off, so that another object can take it over. Must be stated
    /// together with adoption or managementPolicy ObserveOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// While true, the API server refuses to delete this object. To delete it, set this to false first. What is deleted in
    /// AWS loses its address for ever. What the operator never began to create in AWS (it has no finalizer of the operator)
    /// can be deleted at any time.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Take over what exists in AWS already; nothing is ever created instead. Acts until the owner tags were seen on it,
    /// and again if they get lost. What carries the tags of another object is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<IdAdoption>,
    /// What to do when AWS no longer has what this object stands for: Manual says so and waits, Automatic creates a new
    /// one, with a new id and a new address.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,
}

impl Default for ProtectedLifecycle {
    fn default() -> Self {
        Self {
            management_policy: ManagementPolicy::default(),
            deletion_policy: None,
            deletion_protection: true,
            adoption: None,
            recreate_policy: RecreatePolicy::default(),
        }
    }
}

impl From<&ProtectedLifecycle> for Policies {
    fn from(lifecycle: &ProtectedLifecycle) -> Self {
        Self {
            management: lifecycle.management_policy,
            deletion: lifecycle.deletion_policy.unwrap_or_default(),
            protected: lifecycle.deletion_protection,
            adoption: lifecycle.adoption.clone().map(TakeOver::from),
            recreate: lifecycle.recreate_policy,
            disruption: Disruption::default(),
            approval: Approval::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_has_an_address_is_protected_unless_somebody_says_otherwise() {
        let absent: ProtectedLifecycle = serde_json::from_value(serde_json::json!({})).unwrap();
        assert_eq!(absent, ProtectedLifecycle::default());
        assert!(Policies::from(&absent).protected);
    }
}
