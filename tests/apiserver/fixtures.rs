//! Every manifest of `tests/fixtures/manifests` through the real API server: its schemas, its CEL, its messages.

use std::path::{Path, PathBuf};

use crate::support::{ControlPlane, repository};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = repository(&format!("tests/fixtures/manifests/{folder}"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures");
    files
}

async fn prepared() -> ControlPlane {
    let plane = ControlPlane::start().await;
    plane.install().await;
    for namespace in ["sftp-platform", "team-a"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    plane
}

async fn create(plane: &ControlPlane, file: &Path) -> Result<String, String> {
    let file = file.to_str().unwrap();
    plane.try_kubectl(&["create", "--dry-run=server", "--validate=strict", "--filename", file]).await
}

#[tokio::test]
async fn the_api_server_accepts_what_must_work_and_refuses_each_broken_rule_with_its_message() {
    let plane = prepared().await;
    for file in files("accepted") {
        let outcome = create(&plane, &file).await;
        assert!(outcome.is_ok(), "{}: {outcome:?}", file.display());
    }
    for file in files("rejected") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().trim_start_matches("# expect: ").to_owned();
        let refused = create(&plane, &file).await.expect_err(&format!("{} was accepted", file.display()));
        assert!(refused.contains(&expected), "{}: {refused}", file.display());
    }
}
