//! What is committed and follows from this source is what this source says: CRDs, and the table of reasons.
//! `UPDATE=1 cargo test --test generated` writes the CRDs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
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
    let files = api::yaml::crd_files().unwrap();
    let text: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
    let read: Vec<CustomResourceDefinition> =
        serde_saphyr::from_multiple(&text.join("---\n")).expect("the text is YAML");
    assert_eq!(read, api::all_crds());
}

/// The reasons of the source, by the names of their constants.
fn reasons() -> BTreeMap<String, String> {
    let source = read("src/api/condition.rs");
    let module = source.split("pub mod reasons {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let constants = module.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let found: BTreeMap<String, String> = constants
        .map(|line| {
            let (name, value) = line.split_once(": &str = ").unwrap();
            (name.to_owned(), value.trim_matches(['"', ';']).to_owned())
        })
        .collect();
    assert!(found.len() > 40, "only {} reasons found", found.len());
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_reason_has_one_row_in_the_table_and_every_row_is_a_reason() {
    let table = read("docs/reasons.md");
    let first_cells = table.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    let conditions = [
        "Ready",
        "Reconciling",
        "Stalled",
        "Drifted",
        "DisruptionPending",
        "LoginVerified",
        "ConnectionVerified",
        "Advisory",
    ];
    let told: Vec<&str> = first_cells
        .flat_map(|cell| cell.split(", "))
        .map(|reason| reason.trim().trim_matches('`'))
        .filter(|reason| !conditions.contains(reason))
        .collect();
    let rows: BTreeSet<&str> = told.iter().copied().collect();
    let reasons = reasons();
    let known: BTreeSet<&str> = reasons.values().map(String::as_str).collect();
    let (wrong, missing): (Vec<_>, Vec<_>) = (rows.difference(&known).collect(), known.difference(&rows).collect());
    assert!(wrong.is_empty() && missing.is_empty(), "docs/reasons.md has {wrong:?} too many and lacks {missing:?}");
    // Suspended, OrphansFound and DeletionsHeld are conditions as well.
    assert_eq!(told.len(), rows.len() + 3, "a reason is told of twice");
}

/// Somebody who reads of a reason at night wants to know what to do, and of one that passes by itself that it does. Where all
/// is as it should be, there is nothing.
#[test]
fn every_reason_says_what_to_do_unless_all_is_as_it_should_be() {
    let table = read("docs/reasons.md");
    let (mut told, mut silent) = (0, Vec::new());
    for part in table.split("\n## ").skip(1).filter(|part| !part.starts_with("As it should be")) {
        let header = part.lines().find(|line| line.starts_with("| Reason |")).unwrap();
        assert!(header.ends_with("| What to do |"), "{header}");
        for row in part.lines().filter(|line| line.starts_with("| `")) {
            assert_eq!(row.matches(" | ").count(), header.matches(" | ").count(), "{row}");
            let words = row.trim_end_matches('|').rsplit(" |").next().unwrap().trim();
            told += 1;
            if !words.contains(|c: char| c.is_alphabetic()) {
                silent.push(row.split('|').nth(1).unwrap().trim());
            }
        }
    }
    assert!(told > 60, "only {told} rows found");
    assert_eq!(silent, [""; 0]);
}

/// Reasons that are in no state of tests/gitops/states.
const IN_NO_STATE: [(&str, &[&str]); 2] = [
    ("Events only", &["Disrupted", "DriftCorrected", "LeftInAws", "Recreated", "Replaced"]),
    ("the harness reads objects as this version has them; tests/apiserver/undecodable.rs has it", &["Undecodable"]),
];

#[test]
fn every_reason_is_in_a_state_that_tools_were_asked_about_or_why_not() {
    let mut kept = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/states"), &mut kept);
    let seen: BTreeSet<&str> = kept.lines().filter_map(|line| line.trim().strip_prefix("reason: ")).collect();
    let excused: BTreeSet<&str> = IN_NO_STATE.iter().flat_map(|(_, reasons)| reasons.iter().copied()).collect();
    let reasons = reasons();
    let missing: Vec<&str> = reasons.values().map(String::as_str).filter(|r| !seen.contains(r)).collect();
    assert_eq!(missing.into_iter().collect::<BTreeSet<_>>(), excused, "a reason without a state, or a needless excuse");
}

#[test]
fn every_reason_is_in_use() {
    let mut sources = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let unused: Vec<String> = reasons().into_keys().filter(|name| !used(&sources, name)).collect();
    assert_eq!(unused, [""; 0], "constants that no code uses");
}

fn used(sources: &str, name: &str) -> bool {
    let constant = format!("reasons::{name}");
    let after = sources.split(&constant).skip(1);
    let mut ends = after.map(|rest| rest.chars().next());
    ends.any(|next| next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_'))
}

/// All code but that of tests.
fn collect(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, code);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]\nmod ").next().unwrap());
        }
    }
}

/// What users of other tools complained of is numbered in peers.md, part C; of 29, a tool that is not there, nothing can
/// be tried.
#[test]
fn each_complaint_about_other_tools_is_named_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut named: BTreeSet<u32> = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
                let text = fs::read_to_string(&path).unwrap();
                let told = text.split("Users of other tools, peers.md C ").skip(1);
                named.extend(
                    told.filter_map(|rest| rest.split(':').next().and_then(|number| number.parse::<u32>().ok())),
                );
            }
        }
    }
    let all: BTreeSet<u32> = (1..=32).filter(|number| *number != 29).collect();
    assert_eq!(named, all);
}

/// The members that peers.md lists in its parts B1 to B4, by the table of docs/features.md that has them.
const MEMBERS_OF_PEERS: [(&str, &[&str]); 5] = [
    (
        "TransferServer",
        &[
            "Domain",
            "IdentityProviderType",
            "IdentityProviderDetails.Url",
            "IdentityProviderDetails.InvocationRole",
            "IdentityProviderDetails.DirectoryId",
            "IdentityProviderDetails.Function",
            "IdentityProviderDetails.SftpAuthenticationMethods",
            "EndpointType",
            "EndpointDetails.VpcId",
            "EndpointDetails.SubnetIds",
            "EndpointDetails.AddressAllocationIds",
            "EndpointDetails.SecurityGroupIds",
            "EndpointDetails.VpcEndpointId",
            "IpAddressType",
            "Protocols",
            "ProtocolDetails.PassiveIp",
            "ProtocolDetails.TlsSessionResumptionMode",
            "ProtocolDetails.SetStatOption",
            "ProtocolDetails.As2Transports",
            "ProtocolDetails.SftpPorts",
            "ProtocolDetails.ProxyConfig.SftpMode",
            "Certificate",
            "LoggingRole",
            "StructuredLogDestinations",
            "PreAuthenticationLoginBanner",
            "PostAuthenticationLoginBanner",
            "SecurityPolicyName",
            "S3StorageOptions.DirectoryListingOptimization",
            "WorkflowDetails.OnUpload",
            "WorkflowDetails.OnPartialUpload",
            "HostKey",
            "HostKeyStorageType",
            "Tags",
            "ServerId",
        ],
    ),
    (
        "TransferUser",
        &[
            "ServerId",
            "UserName",
            "Role",
            "HomeDirectoryType",
            "HomeDirectory",
            "HomeDirectoryMappings[].Entry",
            "HomeDirectoryMappings[].Target",
            "HomeDirectoryMappings[].Type",
            "Policy",
            "PosixProfile.Uid",
            "PosixProfile.Gid",
            "PosixProfile.SecondaryGids",
            "SshPublicKeyBody",
            "Tags",
        ],
    ),
    (
        "TransferAccess",
        &[
            "ServerId",
            "ExternalId",
            "Role",
            "HomeDirectory",
            "HomeDirectoryType",
            "HomeDirectoryMappings",
            "Policy",
            "PosixProfile",
        ],
    ),
    ("Host keys of a TransferServer", &["HostKeyBody", "Description", "Tags", "StorageType", "KmsKey"]),
    (
        "What AWS answers besides",
        &[
            "Server.Arn",
            "Server.State",
            "Server.UserCount",
            "Server.HostKeyFingerprint",
            "Server.As2ServiceManagedEgressIpAddresses",
            "User.Arn",
            "User.SshPublicKeys[].SshPublicKeyId",
            "User.SshPublicKeys[].DateImported",
            "HostKey.HostKeyFingerprint",
            "HostKey.Type",
            "HostKey.DateImported",
            "HostKey.SecretId",
        ],
    ),
];

/// Of parts B1 to B4 of peers.md, the members of other tools, rows of docs/features.md stand, and these for tests: each is
/// held against the API model of AWS (`tests/clients/test_features.py`), against the tables that the operator compares by
/// (`src/kinds/server/tests/features.rs`), and where its last cell says `fields` against a case that a real API server
/// sets, changes and clears (`tests/apiserver/fields`); drift in each is put back in
/// `src/kinds/reconcile_tests/drift_of_members.rs` and, of connectors and web apps, in `drift_of_partners.rs` beside it.
#[test]
fn each_member_that_other_tools_have_is_a_row_that_names_its_test() {
    let page = read("docs/features.md");
    let mut missing = Vec::new();
    for (heading, members) in MEMBERS_OF_PEERS {
        let marks = ["### ", "## "].map(|level| format!("\n{level}{heading}\n"));
        let section = marks.iter().find_map(|mark| page.split(mark.as_str()).nth(1)).unwrap();
        let rows = section.split("\n#").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
        let rows: Vec<(&str, &str)> = rows.map(|row| row.split_once('`').unwrap()).collect();
        let is_of = |row: &str, member: &str| {
            row.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let tested = |cells: &str| {
            let last = cells.trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
            last.contains('`') || last == "read for its tags"
        };
        let untold = |member: &&&str| !rows.iter().any(|(row, cells)| is_of(row, member) && tested(cells));
        missing.extend(members.iter().filter(untold).map(|member| format!("{heading}: {member}")));
    }
    assert_eq!(missing, [""; 0]);
}
