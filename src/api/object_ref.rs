//! How specs name other objects. Pure types; what a name leads to, `references` and `kinds` know.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::pattern;

/// The identity that AWS is called with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityRef {
    /// Name of an AwsIdentity. It must grant this namespace what is asked for.
    #[x_kube(validation = pattern::OBJECT_NAME)]
    #[schemars(length(max = 253))]
    pub name: String,
}

impl Default for IdentityRef {
    /// The name that small installations give their only identity.
    fn default() -> Self {
        Self { name: "default".to_owned() }
    }
}

/// A TransferServer object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerRef {
    /// Name of the TransferServer.
    #[x_kube(validation = pattern::OBJECT_NAME)]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its namespace; absent means this object's own. The server's allowedReferences must admit this namespace.
    #[x_kube(validation = pattern::LABEL)]
    #[schemars(length(max = 63))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// An object that stands for something in AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"))]
pub struct ObjectRef {
    /// Name of the object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its namespace; absent means this object's own. The named object's allowedReferences must admit this namespace.
    #[x_kube(validation = pattern::LABEL)]
    #[schemars(length(max = 63))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// One key of a ConfigMap in the object's own namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"), transform = pattern::DATA_KEY.of("key"))]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap, in the same namespace.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in its data.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// One key of a Secret in the object's own namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"), transform = pattern::DATA_KEY.of("key"))]
pub struct SecretKeyRef {
    /// Name of a Secret of type transfer-operator.dev/host-key, in the same namespace. Secrets of other types are
    /// refused.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in its data.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "ssh_privatekey")]
    pub key: String,
}

/// The key that Kubernetes' own SSH Secrets use.
fn ssh_privatekey() -> String {
    "ssh-privatekey".to_owned()
}
