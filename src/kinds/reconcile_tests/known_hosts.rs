//! The ConfigMap with lines for `known_hosts`, through whole reconciles: written when it differs, followed, never
//! somebody else's, and no trouble of the server's.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, name};
use crate::api::HOST_KEY_SECRET_TYPE;
use crate::api::condition::reasons;
use crate::cluster::ClusterError;
use crate::ssh;

const SERVER: &str = "TransferServer";
const REST: Duration = Duration::from_hours(1);

fn key(file: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// The line that clients need, without the names.
fn public(file: &str) -> String {
    let public = ssh::host_key(&key(file)).unwrap().public;
    format!("{} {}", public.algorithm(), public.base64())
}

fn secret(rig: &Rig, of: &str, file: &str) {
    let data = [("ssh-privatekey".to_owned(), key(file))].into();
    rig.objects.secrets.lock().unwrap().insert(name(of), (HOST_KEY_SECRET_TYPE.to_owned(), data));
}

/// A server with one host key of ours, which is to be told in `known-hosts`.
async fn telling(spec: Value) -> Rig {
    let rig = Rig::new();
    secret(&rig, "one", "openssh-ed25519");
    let mut all = json!({"hostKeys": [{"name": "one", "secretKeyRef": {"name": "one"}}],
        "knownHostsConfigMap": {"name": "known-hosts"}});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    rig.server("files", all);
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    rig
}

fn told(rig: &Rig, of: &str) -> Option<String> {
    Some(rig.get("ConfigMap", of)?["data"]["known_hosts"].as_str()?.to_owned())
}

/// What of it clients can use.
fn lines(rig: &Rig) -> Vec<String> {
    let text = told(rig, "known-hosts").unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn writes(rig: &Rig) -> Vec<&'static str> {
    std::mem::take(&mut *rig.objects.owned_writes.lock().unwrap())
}

const HOST: &str = "s-00000000000000001.server.transfer.eu-central-1.amazonaws.com";

#[tokio::test(start_paused = true)]
async fn it_has_a_line_for_each_key_with_every_name_and_belongs_to_the_server() {
    let rig = telling(json!({"customHostname": {"hostname": "sftp.example.com"},
        "protocolDetails": {"sftpPorts": [{"sftpPort": 22}, {"sftpPort": 2222}]}}))
    .await;
    let names = format!("sftp.example.com,[sftp.example.com]:2222,{HOST},[{HOST}]:2222");
    assert_eq!(lines(&rig), [format!("{names} {}", public("openssh-ed25519"))]);
    let owner = rig.get("ConfigMap", "known-hosts").unwrap()["metadata"]["ownerReferences"][0].clone();
    let expected = json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": SERVER, "name": "files",
        "uid": "uid-files", "controller": true});
    assert_eq!(owner, expected);
    assert_eq!(rig.status(SERVER, "files")["configMaps"], json!(["known-hosts"]));
    assert_eq!(writes(&rig), ["create"]);
}

#[tokio::test(start_paused = true)]
async fn at_rest_it_is_not_written_and_what_others_did_to_it_is_put_right() {
    let rig = telling(json!({})).await;
    writes(&rig);
    let status = *rig.objects.writes.lock().unwrap();
    rig.run(SERVER, "files", REST).await;
    assert!(writes(&rig).is_empty() && *rig.objects.writes.lock().unwrap() == status);
    let is = told(&rig, "known-hosts");
    let at = ("ConfigMap".to_owned(), name("known-hosts"));
    rig.objects.change(&at, None, |object| object["data"] = json!({"known_hosts": "x", "other": "theirs"})).unwrap();
    rig.reconcile(SERVER, "files").await;
    assert_eq!((told(&rig, "known-hosts"), writes(&rig)), (is, vec!["data"]));
    assert_eq!(rig.get("ConfigMap", "known-hosts").unwrap()["data"]["other"], "theirs");
}

#[tokio::test(start_paused = true)]
async fn it_follows_names_and_keys_and_tells_only_fingerprints_of_those_of_aws() {
    let rig = telling(json!({})).await;
    secret(&rig, "two", "openssh-p256");
    rig.edit(SERVER, "files", |object| {
        object["spec"]["customHostname"] = json!({"hostname": "sftp.example.com"});
        let two = json!({"name": "two", "secretKeyRef": {"name": "two"}});
        object["spec"]["hostKeys"].as_array_mut().unwrap().push(two);
    });
    rig.settle(SERVER, "files").await;
    let lines = lines(&rig);
    let of = |file: &str| lines.contains(&format!("sftp.example.com,{HOST} {}", public(file)));
    assert!(lines.len() == 2 && of("openssh-ed25519") && of("openssh-p256"), "{lines:?}");
    let rig = Rig::new();
    rig.server("files", json!({"knownHostsConfigMap": {"name": "known-hosts"}}));
    rig.settle(SERVER, "files").await;
    let text = told(&rig, "known-hosts").unwrap();
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    assert!(text.contains("SHA256:") && text.contains("only the fingerprint is known"), "{text}");
}

/// A line that clients rely on does not go because a Secret cannot be read for a while.
#[tokio::test(start_paused = true)]
async fn while_a_secret_cannot_be_read_it_stays_as_it_is() {
    let rig = telling(json!({})).await;
    let is = told(&rig, "known-hosts");
    rig.objects.secrets.lock().unwrap().clear();
    rig.edit(SERVER, "files", |object| object["spec"]["customHostname"] = json!({"hostname": "sftp.example.com"}));
    rig.settle(SERVER, "files").await;
    assert_eq!(told(&rig, "known-hosts"), is);
}

#[tokio::test(start_paused = true)]
async fn another_name_moves_it_and_none_deletes_it() {
    let rig = telling(json!({})).await;
    rig.edit(SERVER, "files", |object| object["spec"]["knownHostsConfigMap"]["name"] = json!("pinned"));
    rig.settle(SERVER, "files").await;
    assert!(told(&rig, "known-hosts").is_none() && told(&rig, "pinned").is_some());
    rig.edit(SERVER, "files", |object| drop(object["spec"].as_object_mut().unwrap().remove("knownHostsConfigMap")));
    rig.settle(SERVER, "files").await;
    assert!(told(&rig, "pinned").is_none());
    assert!(rig.status(SERVER, "files")["configMaps"].is_null(), "{}", rig.status(SERVER, "files"));
}

#[tokio::test(start_paused = true)]
async fn one_that_belongs_to_somebody_else_is_left_as_it_is_and_named() {
    let rig = Rig::new();
    let theirs = json!({"kind": "ConfigMap", "data": {"known_hosts": "theirs"},
        "metadata": {"name": "known-hosts", "namespace": "team", "uid": "u", "resourceVersion": "1"}});
    rig.objects.put(theirs.clone());
    rig.server("files", json!({"knownHostsConfigMap": {"name": "known-hosts"}}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    let told = rig.says(SERVER, "files", "Advisory").unwrap();
    assert_eq!(told, ("True".to_owned(), reasons::CONFIG_MAP_NOT_OURS.to_owned()));
    rig.edit(SERVER, "files", |object| drop(object["spec"].as_object_mut().unwrap().remove("knownHostsConfigMap")));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.get("ConfigMap", "known-hosts"), Some(theirs));
    assert!(writes(&rig).is_empty() && rig.says(SERVER, "files", "Advisory").is_none());
}

#[tokio::test(start_paused = true)]
async fn without_the_right_the_server_is_ready_and_says_what_is_missing() {
    let rig = Rig::new();
    let forbidden = ClusterError::Forbidden("ConfigMap team/known-hosts: no".to_owned());
    *rig.objects.refuses_owned.lock().unwrap() = Some(forbidden);
    rig.server("files", json!({"knownHostsConfigMap": {"name": "known-hosts"}}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    assert_eq!(rig.says(SERVER, "files", "Advisory").unwrap().1, reasons::CONFIG_MAP_FORBIDDEN);
    let status = rig.status(SERVER, "files").to_string();
    assert!(status.contains("knownHosts.enabled") && status.contains("create, patch and delete"), "{status}");
    let (reads, written) = (rig.cloud.reads(), *rig.objects.writes.lock().unwrap());
    rig.run(SERVER, "files", REST).await;
    let looks = REST.as_secs() / 300 + 1;
    assert!(rig.cloud.reads() - reads <= 2 * looks, "it is not tried more often than the server is looked at");
    assert_eq!(*rig.objects.writes.lock().unwrap(), written);
    *rig.objects.refuses_owned.lock().unwrap() = None;
    rig.run(SERVER, "files", REST).await;
    assert!(told(&rig, "known-hosts").is_some() && rig.says(SERVER, "files", "Advisory").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_tried_again_and_holds_nothing_up() {
    let rig = Rig::new();
    let away = ClusterError::Unavailable("ConfigMap".to_owned(), "no answer".to_owned());
    *rig.objects.refuses_owned.lock().unwrap() = Some(away);
    rig.server("files", json!({"knownHostsConfigMap": {"name": "known-hosts"}}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    assert!(rig.says(SERVER, "files", "Advisory").is_none(), "it passes");
    *rig.objects.refuses_owned.lock().unwrap() = None;
    rig.run(SERVER, "files", Duration::from_mins(2)).await;
    assert!(told(&rig, "known-hosts").is_some());
}
