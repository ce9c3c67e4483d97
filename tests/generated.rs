//! What is generated and committed is what this source generates. `UPDATE=1 cargo test --test generated` writes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use transfer_operator::api;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crds")
}

fn committed() -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder()) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn crds_are_what_the_types_say() {
    let generated: BTreeMap<String, String> = api::yaml::crd_files().unwrap().into_iter().collect();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(folder()).unwrap();
        for (name, text) in &generated {
            fs::write(folder().join(name), text).unwrap();
        }
    }
    let committed = committed();
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        generated.keys().collect::<Vec<_>>(),
        "crds/ does not hold one file for each kind"
    );
    for (name, text) in &generated {
        assert!(committed[name] == *text, "crds/{name} is out of date: run UPDATE=1 cargo test --test generated");
    }
}

#[test]
fn crds_read_back_as_what_was_written() {
    let read: Vec<CustomResourceDefinition> =
        serde_saphyr::from_multiple(&api::yaml::crds_yaml().unwrap()).expect("the text is YAML");
    assert_eq!(read, api::all_crds());
}
