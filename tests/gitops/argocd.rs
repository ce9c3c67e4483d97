//! Argo CD's engine compares what was applied, in each of its three ways, with what the operator has made of it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::gitops;
use crate::world::{World, identity, server, user, write};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB a@laptop";

/// The difference that Argo CD would show, if any.
fn difference(folder: &Path) -> Option<String> {
    let files = ["manifest", "live", "openapi", "dry-run"].map(|name| folder.join(name));
    let judged = Command::new(gitops("judge").join("gitops")).arg("diff").args(files).output().unwrap();
    (!judged.status.success()).then(|| String::from_utf8(judged.stderr).unwrap())
}

/// Applies as Argo CD does in this way.
async fn apply(world: &World, way: &str, manifest: &Path) {
    let file = ["--filename", manifest.to_str().unwrap()];
    let line: &[&str] = match way {
        "client-side" => &["apply"],
        "server-side" => &["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller"],
        // What it replaces has to be there.
        _ if world.plane.try_kubectl(&[&["get"], &file[..]].concat()).await.is_ok() => &["replace"],
        _ => &["create"],
    };
    world.plane.kubectl(&[line, &file[..]].concat()).await;
}

async fn compared(world: &World, manifest: &Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest");
    write(&path, manifest);
    let file = path.to_str().unwrap();
    let live = world.plane.kubectl(&["get", "--show-managed-fields", "--output=json", "--filename", file]).await;
    let schema = world.plane.kubectl(&["get", "--raw", "/openapi/v2"]).await;
    let dry = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "--field-manager=argocd-controller"];
    let predicted = ["--show-managed-fields", "--output=json", "--filename", file];
    let predicted = world.plane.kubectl(&[&dry[..], &predicted].concat()).await;
    for (name, text) in [("live", live), ("openapi", schema), ("dry-run", predicted)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    difference(folder.path())
}

#[tokio::test]
async fn argo_cd_sees_no_difference_however_it_applies_and_sees_an_edit() {
    let world = World::start().await;
    // What a client-side apply leaves behind comes last, so that each of the others is seen without it.
    for way in ["server-side", "replace", "client-side"] {
        let server = server("files", &json!({"tags": {"way": way}, "preAuthenticationLoginBanner": "hello"}));
        let keys = json!({"sshPublicKeys": [{"publicKey": KEY}]});
        let all = [identity("default"), server, user("alice", &keys)];
        let folder = tempfile::tempdir().unwrap();
        for object in &all {
            let manifest = folder.path().join("manifest");
            write(&manifest, object);
            apply(&world, way, &manifest).await;
        }
        world.ready(&["awsidentity/default", "transferserver/files", "transferuser/alice"]).await;
        for object in &all {
            let difference = compared(&world, object).await;
            assert_eq!(difference, None, "{way}: {}\n{}", object["kind"], world.log());
        }
        // An engine that saw nothing at all would pass as well.
        let mut edited = all[1].clone();
        edited["spec"]["preAuthenticationLoginBanner"] = json!("edited");
        let difference = compared(&world, &edited).await.unwrap_or_default();
        assert!(difference.contains("edited"), "{way}: {difference}");
    }
}
