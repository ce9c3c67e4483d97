//! What was pasted for a public key may be a private one. The API server refuses it, and answers with no piece of it:
//! its answers end in the logs of pipelines.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{ControlPlane, repository};

/// Private keys of `tests/fixtures/keys`, shorter and longer than `publicKey` may be.
const KEYS: [&str; 7] = [
    "openssh-ed25519",
    "openssh-rsa3072",
    "pkcs8-ed25519",
    "pkcs8-rsa2048",
    "pkcs1-rsa4096",
    "refused/putty-ed25519.ppk",
    "refused/pkcs1-rsa8192",
];

/// Characters that `publicKey` takes.
const LIMIT: usize = 3500;

fn key(name: &str) -> String {
    std::fs::read_to_string(repository("tests/fixtures/keys").join(name)).unwrap()
}

/// The texts that people paste of a key: the file, the file with more behind it than the field takes, only what stands between its marks.
fn pasted(name: &str) -> Vec<String> {
    let text = key(name);
    let body: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
    let long = body.join("\n").repeat(1 + LIMIT / text.len());
    vec![text.clone(), format!("{text}{long}"), body.join("\n"), body.concat()]
}

fn user(public_key: &str) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
        "metadata": {"name": "canary", "namespace": "default"},
        "spec": {
            "serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp-users",
            "sshPublicKeys": [{"publicKey": public_key}],
        },
    })
}

fn file(object: &Value) -> PathBuf {
    let file = std::env::temp_dir().join(format!("canary-{}.json", std::process::id()));
    std::fs::write(&file, object.to_string()).unwrap();
    file
}

/// All that the API server answers to this text, by every way that it can be written.
async fn answers(plane: &ControlPlane, text: &str) -> Vec<(&'static str, Result<String, String>)> {
    let object = user(text);
    let path = file(&object);
    let path = path.to_str().unwrap();
    let merge = json!({"spec": object["spec"]}).to_string();
    let replace = json!([{"op": "replace", "path": "/spec/sshPublicKeys/0/publicKey", "value": text}]).to_string();
    let change = ["patch", "transferuser", "stored", "--namespace", "default", "--type"];
    vec![
        ("create", plane.try_kubectl(&["create", "--dry-run=server", "-f", path]).await),
        ("apply", plane.try_kubectl(&["apply", "--server-side", "-f", path]).await),
        ("merge patch", plane.try_kubectl(&[&change[..], &["merge", "--patch", &merge]].concat()).await),
        ("json patch", plane.try_kubectl(&[&change[..], &["json", "--patch", &replace]].concat()).await),
    ]
}

#[tokio::test]
async fn no_answer_of_the_api_server_holds_a_piece_of_a_private_key() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let mut stored = user(key("openssh-p256.pub").trim());
    stored["metadata"]["name"] = json!("stored");
    plane.kubectl(&["create", "-f", file(&stored).to_str().unwrap()]).await;
    for name in KEYS {
        let secret = key(name);
        let pieces: Vec<&str> = secret.lines().filter(|line| !line.starts_with('-') && line.len() >= 12).collect();
        for text in pasted(name) {
            for (way, answer) in answers(&plane, &text).await {
                let answer = answer.expect_err(&format!("{name} was taken by {way}"));
                let leaks = pieces.iter().find(|line| answer.contains(&line[..12]));
                assert!(leaks.is_none(), "{name} by {way}, {} characters: {answer}", text.len());
                assert!(answer.contains("sshPublicKeys"), "{name} by {way}: {answer}");
            }
        }
    }
}
