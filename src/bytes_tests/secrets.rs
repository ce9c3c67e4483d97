//! Where key bytes and passwords are: in types that wipe them, and of which nothing is shown.

use std::collections::BTreeMap;

use secrecy::zeroize::ZeroizeOnDrop;
use secrecy::{ExposeSecret as _, SecretString};

use super::KEY;
use crate::aws::transfer::{CreateServer, ImportHostKey, ServerSettings, TestIdentityProvider};
use crate::aws::{Mutation, Read, Tags};
use crate::cluster::SecretData;
use crate::ssh;

/// Compiles only for what wipes itself when it is let go of.
fn wiped<T: ZeroizeOnDrop + ?Sized>(_: &T) {}

fn secret() -> SecretString {
    SecretString::from(KEY)
}

#[test]
fn everything_that_holds_a_secret_wipes_it_and_shows_none_of_it() {
    let import = ImportHostKey {
        server_id: "s-1".to_owned(),
        body: secret(),
        description: None,
        storage_type: None,
        kms_key: None,
        tags: Tags::new(),
    };
    let create =
        CreateServer { host_key: Some(secret()), settings: ServerSettings::default(), ..CreateServer::default() };
    let login = TestIdentityProvider {
        server_id: "s-1".to_owned(),
        server_protocol: None,
        source_ip: None,
        user_name: "probe".to_owned(),
        user_password: Some(secret()),
    };
    let held = ssh::host_key(KEY).unwrap();
    let read = SecretData {
        secret_type: String::new(),
        labels: BTreeMap::new(),
        data: [("key".to_owned(), Ok(secret()))].into(),
    };
    for kept in [Some(&import.body), create.host_key.as_ref(), login.user_password.as_ref(), Some(&held.pem)] {
        wiped(kept.unwrap());
    }
    wiped(read.data["key"].as_ref().unwrap());
    let shown = format!("{import:?}{create:?}{login:?}{held:?}{read:?}");
    let sent = format!("{:?}{:?}", Mutation::ImportHostKey(Box::new(import)), Read::from(login));
    let lines: Vec<&str> = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(lines.iter().all(|line| line.len() > 12), "the canary is long enough to be found");
    for line in &lines {
        assert!(!shown.contains(&line[..12]) && !sent.contains(&line[..12]), "{shown}{sent}");
    }
    assert!(held.pem.expose_secret().contains(lines[0]), "it is there, and nobody shows it");
}

/// What wipes itself is no more than a buffer while a key is read: it prints what it holds, so no type may keep it.
#[test]
fn nothing_is_kept_in_a_buffer_that_would_print_itself() {
    let mut kept = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let members = text.lines().filter(|line| {
                let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                let member = line.split_once(": Zeroizing<").or_else(|| line.split_once(": Option<Zeroizing<"));
                member.is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
                    && line.ends_with(',')
            });
            kept.extend(members.map(|line| format!("{}: {line}", path.display())));
        }
    }
    assert!(kept.is_empty(), "{kept:#?}");
}
