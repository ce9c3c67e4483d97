//! Lines for `known_hosts` of a server, from what its object and its Secrets say. Pure; the texts of Secrets are handed
//! in, and only public keys leave.

use k8s_openapi::api::core::v1::Secret;

use crate::api::object_ref::SecretKeyRef;
use crate::api::server::HostKeyStatus;
use crate::api::{HOST_KEY_SECRET_TYPE, TransferServer, TransferServerStatus};
use crate::ssh::known_hosts::{self, HeldKey, KnownHosts, Listed};
use crate::ssh::{self, PublicKey};
use crate::text;

/// The lines, for these names beside the server's own.
#[must_use]
pub fn lines(server: &TransferServer, listed: &Listed, more: &[String]) -> String {
    let status = server.status.clone().unwrap_or_default();
    let name = server.metadata.name.as_deref().unwrap_or_default();
    let title = format!("{name}, {}", status.server_id.as_deref().unwrap_or("not in AWS yet"));
    let held = |key: &HostKeyStatus| HeldKey {
        kind: key.r#type.clone(),
        fingerprint: key.fingerprint.clone(),
        active: key.active,
    };
    known_hosts::lines(&KnownHosts {
        title: &title,
        hosts: &hosts(server, &status, more),
        nameless: "no host name is known: name one with --host",
        keys: &status.host_keys.iter().map(held).collect::<Vec<_>>(),
        listed,
    })
}

/// The public key of a Secret, as the operator would read it.
///
/// # Errors
/// In words, without a byte of the Secret.
pub fn public(secret: &Secret, named: &SecretKeyRef) -> Result<PublicKey, String> {
    let SecretKeyRef { name, key } = named;
    if secret.type_.as_deref() != Some(HOST_KEY_SECRET_TYPE) {
        return Err(format!("Secret {name} is not of type {HOST_KEY_SECRET_TYPE}"));
    }
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = bytes.ok_or_else(|| format!("Secret {name} has nothing under key {key}"))?;
    let text = text::decode(&bytes.0).map_err(|error| format!("Secret {name}, key {key} {error}"))?;
    ssh::host_key(text).map(|host_key| host_key.public).map_err(|error| format!("Secret {name}, key {key}: {error}"))
}

/// Every name under which clients may know the server, as `known_hosts` writes a port.
fn hosts(server: &TransferServer, status: &TransferServerStatus, more: &[String]) -> Vec<String> {
    // The id of a VPC endpoint is no name.
    let endpoint = status.endpoint.iter().filter(|endpoint| endpoint.contains('.'));
    let custom = server.spec.custom_hostname.iter().map(|custom| &custom.hostname);
    let known = status.endpoints.iter().filter(|row| row.is_known_by()).map(|row| &row.host);
    let names = custom.chain(endpoint).chain(known).chain(more).map(String::as_str);
    let ports = server.spec.protocol_details.as_ref().and_then(|details| details.sftp_ports.as_ref());
    let ports: Vec<i32> = ports.into_iter().flatten().map(|port| port.sftp_port).collect();
    known_hosts::at_ports(names, &ports)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

    fn server(spec: &Value, endpoint: &str, keys: &Value) -> TransferServer {
        let mut all = json!({"region": "eu-central-1"});
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer", "metadata": {"name": "files"}, "spec": all,
            "status": {"observedGeneration": 1, "serverId": "s-01234567890abcdef", "endpoint": endpoint, "hostKeys": keys},
        }))
        .unwrap()
    }

    #[test]
    fn a_listed_key_is_a_line_and_one_that_aws_made_a_comment() {
        let public = PublicKey::parse(KEY).unwrap();
        let padded = format!("{}=", public.fingerprint());
        let keys = json!([{"id": "hostkey-1", "fingerprint": padded, "type": "ssh-ed25519", "active": true},
            {"id": "hostkey-2", "fingerprint": "SHA256:x", "type": "ssh-rsa", "active": false}]);
        let unread = || Err("Secret b could not be read: Forbidden".to_owned());
        let listed = Listed::from([("a".to_owned(), Ok(public)), ("b".to_owned(), unread())]);
        let text = lines(&server(&json!({}), "s-1.server.transfer.eu-central-1.amazonaws.com", &keys), &listed, &[]);
        let usable: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(usable, [format!("s-1.server.transfer.eu-central-1.amazonaws.com {KEY}")]);
        assert!(text.contains("# ssh-rsa SHA256:x, not shown to clients yet: only the fingerprint is known"), "{text}");
        assert!(text.contains("# b: Secret b could not be read: Forbidden"), "{text}");
    }

    #[test]
    fn every_name_and_port_stands_in_the_line() {
        let public = PublicKey::parse(KEY).unwrap();
        let keys = json!([{"id": "hostkey-1", "fingerprint": public.fingerprint(), "active": true}]);
        let listed = Listed::from([("a".to_owned(), Ok(public))]);
        let ports = json!({"customHostname": {"hostname": "sftp.example.com"},
            "protocolDetails": {"sftpPorts": [{"sftpPort": 22}, {"sftpPort": 2222}]}});
        let text = lines(&server(&ports, "sftp.example.com", &keys), &listed, &["10.0.0.1".to_owned()]);
        let expected = "sftp.example.com,[sftp.example.com]:2222,10.0.0.1,[10.0.0.1]:2222 ssh-ed25519 ";
        assert!(text.lines().any(|line| line.starts_with(expected)), "{text}");
        let rows = json!([{"host": "vpce-1.server.transfer.eu-central-1.vpce.amazonaws.com", "type": "VpcEndpointName"},
            {"host": "198.51.100.1", "type": "ElasticIp"}, {"host": "10.0.0.1", "type": "PrivateIp"}]);
        let mut in_vpc = server(&json!({}), "vpce-0123", &keys);
        in_vpc.status.as_mut().unwrap().endpoints = serde_json::from_value(rows).unwrap();
        let text = lines(&in_vpc, &listed, &[]);
        let expected = "vpce-1.server.transfer.eu-central-1.vpce.amazonaws.com,198.51.100.1 ssh-ed25519 ";
        assert!(text.lines().any(|line| line.starts_with(expected)), "{text}");
        let text = lines(&server(&json!({}), "vpce-0123", &keys), &listed, &[]);
        assert!(text.lines().all(|line| line.starts_with('#')) && text.contains("--host"), "no name, no line: {text}");
    }

    #[test]
    fn the_public_key_of_a_secret_is_read_and_nothing_of_another_type() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let named = SecretKeyRef { name: "files".to_owned(), key: "ssh-privatekey".to_owned() };
        let secret = |of: &str, bytes: Vec<u8>| Secret {
            type_: Some(of.to_owned()),
            data: Some([("ssh-privatekey".to_owned(), k8s_openapi::ByteString(bytes))].into()),
            ..Secret::default()
        };
        let pem = read("openssh-ed25519");
        let key = public(&secret(HOST_KEY_SECRET_TYPE, pem.clone()), &named).unwrap();
        let line = String::from_utf8(read("openssh-ed25519.pub")).unwrap();
        assert_eq!(key.identity(), PublicKey::parse(&line).unwrap().identity());
        assert!(public(&secret("Opaque", pem.clone()), &named).unwrap_err().contains("is not of type"));
        let cut = pem.get(..pem.len() / 2).unwrap().to_vec();
        let told = public(&secret(HOST_KEY_SECRET_TYPE, cut.clone()), &named).unwrap_err();
        assert!(told.starts_with("Secret files, key ssh-privatekey: host key"), "{told}");
    }

    #[test]
    fn a_listed_key_that_aws_does_not_have_is_no_line() {
        let listed = Listed::from([("a".to_owned(), PublicKey::parse(KEY).map_err(|_| String::new()))]);
        let text = lines(&server(&json!({}), "sftp.example.com", &json!([])), &listed, &[]);
        assert!(text.lines().all(|line| line.starts_with('#')) && text.contains("is not in AWS yet"), "{text}");
    }
}
