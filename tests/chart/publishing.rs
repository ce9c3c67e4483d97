//! How a version is published: by a workflow that calls only what is in this repository, after its tests, and not before
//! every file has the version of the tag. The hosts that it needs are not here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::helm::read;
use crate::support::repository;

fn workflow() -> Value {
    serde_saphyr::from_str(&read(".github/workflows/release.yml")).unwrap()
}

/// What each step of a job runs.
fn runs(job: &Value) -> Vec<String> {
    let steps = job["steps"].as_array().unwrap();
    steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_release_calls_only_scripts_targets_and_files_that_are_here() {
    let (workflow, makefile) = (workflow(), read("Makefile"));
    let (mut scripts, mut targets, mut files) = (0, 0, 0);
    for run in workflow["jobs"].as_object().unwrap().values().flat_map(runs) {
        let words: Vec<&str> = run.split(|letter: char| letter.is_whitespace() || "\"'()".contains(letter)).collect();
        for (word, next) in words.iter().zip(words.iter().skip(1).chain([&""])) {
            if word.starts_with("tools/") {
                let mode =
                    std::fs::metadata(repository(word)).unwrap_or_else(|_| panic!("no {word}: {run}")).permissions();
                assert!(mode.mode() & 0o111 != 0, "{word} cannot be run");
                scripts += 1;
            } else if *word == "make" {
                assert!(makefile.lines().any(|line| line.starts_with(&format!("{next}:"))), "no target {next}: {run}");
                targets += 1;
            } else if ["deploy/", "charts/", "CHANGELOG"].iter().any(|begin| word.starts_with(begin)) {
                assert!(repository(word).exists(), "no {word}: {run}");
                files += 1;
            }
        }
    }
    assert!(scripts >= 3 && targets >= 4 && files >= 4, "{scripts} scripts, {targets} targets, {files} files");
}

#[test]
fn nothing_is_published_untested_or_with_more_rights_than_it_needs() {
    let workflow = workflow();
    assert_eq!(workflow["on"], json!({"push": {"tags": ["v*"]}}));
    assert_eq!(workflow["permissions"], json!({}), "each job says its own");
    let jobs = &workflow["jobs"];
    let [test, image, publish] = ["test", "image", "publish"].map(|job| &jobs[job]);
    assert_eq!(jobs.as_object().unwrap().len(), 3, "a job that this test does not know");
    assert_eq!((&image["needs"], &publish["needs"]), (&json!("test"), &json!("image")));
    let ran = runs(test);
    let at = |what: &str| ran.iter().position(|run| run.starts_with(what)).unwrap_or_else(|| panic!("no {what}"));
    assert!(at("tools/release-check") < at("make test"), "what cannot be released is told at once");
    for (job, allowed) in [(test, json!({"contents": "read"})), (image, json!({"contents": "read"}))] {
        assert_eq!(job["permissions"], allowed);
    }
    let writes = json!({"contents": "write", "id-token": "write", "attestations": "write"});
    assert_eq!(publish["permissions"], writes);
    // Passwords are inputs of actions; a script could print them.
    for run in [test, image, publish].into_iter().flat_map(runs) {
        assert!(!run.contains("secrets.") && !run.contains("${{"), "{run}");
    }
}

/// The check in a copy of what it reads, all of version 1.2.3 but for one edit.
fn checked(tag: &str, file: &str, from: &str, to: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let chart = "charts/transfer-operator/Chart.yaml";
    for path in ["tools/release-check", "Cargo.toml", chart, "CHANGELOG.md"] {
        let put = folder.path().join(path);
        std::fs::create_dir_all(put.parent().unwrap()).unwrap();
        std::fs::copy(repository(path), &put).unwrap();
        let before = read(path);
        let lines = before.lines().map(|line| match line {
            line if line.starts_with("version = ") && path == "Cargo.toml" => "version = \"1.2.3\"".to_owned(),
            line if line.starts_with("version: ") => "version: 1.2.3".to_owned(),
            line if line.starts_with("appVersion: ") => "appVersion: 1.2.3".to_owned(),
            "## [Unreleased]" => "## [Unreleased]\n\n## [1.2.3] - 2026-12-01".to_owned(),
            line => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let edited = if path == file { text.replacen(from, to, 1) } else { text.clone() };
        assert!(path != file || edited != text, "{file} has no {from}");
        std::fs::write(&put, edited + "\n").unwrap();
    }
    let output = Command::new(Path::new(folder.path()).join("tools/release-check")).arg(tag).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_tag_is_released_only_where_every_file_has_its_version() {
    assert_eq!(checked("v1.2.3", "", "", ""), (true, String::new()));
    let chart = "charts/transfer-operator/Chart.yaml";
    for (tag, file, from, to, told) in [
        ("1.2.3", "", "", "", "does not begin with v"),
        ("v1.2.4", "", "", "", "Cargo.toml has '1.2.3' and not '1.2.4'"),
        ("v1.2.3", "Cargo.toml", "version = \"1.2.3\"", "version = \"1.2.2\"", "Cargo.toml has '1.2.2'"),
        ("v1.2.3", chart, "\nversion: 1.2.3", "\nversion: 1.2.2", "version of Chart.yaml has '1.2.2'"),
        ("v1.2.3", chart, "appVersion: 1.2.3", "appVersion: 1.2.2", "appVersion of Chart.yaml has '1.2.2'"),
        ("v1.2.3", "CHANGELOG.md", "## [1.2.3]", "## [1.2.2]", "CHANGELOG.md has ''"),
    ] {
        let (released, said) = checked(tag, file, from, to);
        assert!(!released && said.contains(told), "{tag}, {file}: {said}");
    }
}
