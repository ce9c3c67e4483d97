//! What an object refers to, so that who refers to a thing is looked up in the caches and never scanned for.
//!
//! A cache may answer with more objects than are asked for, never with fewer: whoever asks looks at each again.

use kube::ResourceExt;
use kube::api::ObjectMeta;

use super::{Lister, Name};
use crate::api::common::{IdentityRef, ServerRef};
use crate::api::login::Login;
use crate::api::{AwsIdentity, CommonStatus, TransferAccess, TransferServer, TransferUser};

/// A thing that objects refer to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The AwsIdentity that the spec names or that status records.
    Identity(String),
    /// The TransferServer that `serverRef` names.
    Server(Name),
    /// The server in AWS: `serverId` of a user or access, of a server the one that its status records.
    ServerId(String),
    /// A ConfigMap that is read.
    ConfigMap(Name),
    /// The user name or external id, of the spec and of what was made.
    Login(String),
    /// The namespace that the object is in.
    Namespace(String),
}

/// What can be found by what it refers to.
pub trait Refers {
    /// All of it; the same thing may be there twice.
    fn references(&self) -> Vec<Reference>;
}

/// The identity of an object with these references: the one it names, else that of its server. Empty where neither is
/// known.
#[must_use]
pub fn identity_of(references: &[Reference], directory: &dyn Lister) -> String {
    let named = |references: &[Reference]| {
        references.iter().find_map(|reference| match reference {
            Reference::Identity(name) => Some(name.clone()),
            _ => None,
        })
    };
    let of_server = || {
        references.iter().find_map(|reference| match reference {
            Reference::Server(name) => named(&directory.server(name)?.references()),
            _ => None,
        })
    };
    named(references).or_else(of_server).unwrap_or_default()
}

impl Refers for AwsIdentity {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

/// Of namespaces and ConfigMaps only metadata is held.
impl Refers for ObjectMeta {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Refers for TransferServer {
    fn references(&self) -> Vec<Reference> {
        let status = self.status.as_ref();
        let server_id = status.and_then(|status| status.server_id.clone());
        identities(Some(&self.spec.aws_identity_ref), status.map(|status| &status.common))
            .chain(server_id.map(Reference::ServerId))
            .chain(self.namespace().map(Reference::Namespace))
            .collect()
    }
}

impl Refers for TransferUser {
    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.namespace().unwrap_or_default();
        // The ARN ends with the name of the user that was made.
        let made = status.and_then(|status| status.arn.as_deref()?.rsplit('/').next());
        let logins = [Some(self.effective_user_name()), made].into_iter().flatten();
        let keys = spec.ssh_public_keys_from.iter().flatten().map(|source| &source.config_map_key_ref.name);
        identities(spec.aws_identity_ref.as_ref(), status.map(|status| &status.common))
            .chain(server(&namespace, spec.server_ref.as_ref(), spec.server_id.as_ref()))
            .chain(logins.map(|name| Reference::Login(name.to_owned())))
            .chain(config_maps(&namespace, keys.chain(policy(&spec.login))))
            .chain(self.namespace().map(Reference::Namespace))
            .collect()
    }
}

impl Refers for TransferAccess {
    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.namespace().unwrap_or_default();
        let made = status.and_then(|status| status.external_id.as_ref());
        identities(spec.aws_identity_ref.as_ref(), status.map(|status| &status.common))
            .chain(server(&namespace, spec.server_ref.as_ref(), spec.server_id.as_ref()))
            .chain([Some(&spec.external_id), made].into_iter().flatten().cloned().map(Reference::Login))
            .chain(config_maps(&namespace, policy(&spec.login)))
            .chain(self.namespace().map(Reference::Namespace))
            .collect()
    }
}

fn identities(named: Option<&IdentityRef>, status: Option<&CommonStatus>) -> impl Iterator<Item = Reference> {
    let recorded = status.and_then(|status| status.aws_identity.clone());
    [named.map(|identity| identity.name.clone()), recorded].into_iter().flatten().map(Reference::Identity)
}

fn server(namespace: &str, named: Option<&ServerRef>, id: Option<&String>) -> impl Iterator<Item = Reference> {
    let named = named.map(|named| Reference::Server(Name::named_by(named, namespace)));
    [named, id.cloned().map(Reference::ServerId)].into_iter().flatten()
}

fn policy(login: &Login) -> impl Iterator<Item = &String> {
    login.policy_from.iter().map(|source| &source.config_map_key_ref.name)
}

fn config_maps<'a>(namespace: &str, names: impl Iterator<Item = &'a String>) -> impl Iterator<Item = Reference> {
    names.map(|name| Reference::ConfigMap(Name { namespace: namespace.to_owned(), name: name.clone() }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn read<K: serde::de::DeserializeOwned>(kind: &str, spec: &Value, status: &Value) -> K {
        serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"namespace": "team", "name": "x"}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn name(namespace: &str, name: &str) -> Name {
        Name { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_server_refers_to_what_it_names_and_to_what_it_recorded() {
        let server: TransferServer = read(
            "TransferServer",
            &json!({"region": "eu-central-1", "awsIdentityRef": {"name": "new"}}),
            &json!({"awsIdentity": "old", "serverId": "s-1"}),
        );
        let identity = |name: &str| Reference::Identity(name.to_owned());
        let expected = [
            identity("new"),
            identity("old"),
            Reference::ServerId("s-1".to_owned()),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(server.references(), expected);
    }

    #[test]
    fn a_user_refers_to_its_server_its_config_maps_and_both_of_its_names() {
        let user: TransferUser = read(
            "TransferUser",
            &json!({
                "role": "arn", "userName": "new", "serverRef": {"name": "files", "namespace": "platform"},
                "policyFrom": {"configMapKeyRef": {"name": "policies", "key": "a"}},
                "sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "a"}}],
            }),
            &json!({"awsIdentity": "shared", "arn": "arn:aws:transfer:eu-central-1:1:user/s-1/old", "serverId": "s-1"}),
        );
        let expected = [
            Reference::Identity("shared".to_owned()),
            Reference::Server(name("platform", "files")),
            Reference::Login("new".to_owned()),
            Reference::Login("old".to_owned()),
            Reference::ConfigMap(name("team", "keys")),
            Reference::ConfigMap(name("team", "policies")),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(user.references(), expected);
    }

    #[test]
    fn an_access_refers_to_its_server_its_config_map_and_both_of_its_groups() {
        let access: TransferAccess = read(
            "TransferAccess",
            &json!({
                "role": "arn", "externalId": "S-1-2", "serverId": "s-1", "region": "eu-central-1",
                "awsIdentityRef": {"name": "shared"},
                "policyFrom": {"configMapKeyRef": {"name": "policies", "key": "a"}},
            }),
            &json!({"externalId": "S-1-1"}),
        );
        let expected = [
            Reference::Identity("shared".to_owned()),
            Reference::ServerId("s-1".to_owned()),
            Reference::Login("S-1-2".to_owned()),
            Reference::Login("S-1-1".to_owned()),
            Reference::ConfigMap(name("team", "policies")),
            Reference::Namespace("team".to_owned()),
        ];
        assert_eq!(access.references(), expected);
    }
}
