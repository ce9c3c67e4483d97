//! Where key bytes and passwords are: in types that wipe them, and of which nothing is shown.

use std::collections::BTreeMap;

use secrecy::zeroize::ZeroizeOnDrop;
use secrecy::{ExposeSecret as _, SecretString};

use super::KEY;
use crate::aws::transfer::{CreateServer, ImportCertificate, ImportHostKey, ServerSettings, TestIdentityProvider};
use crate::aws::{Mutation, Read, Tags};
use crate::cluster::SecretData;
use crate::kinds::certificate::source::Source;
use crate::kinds::server::wanted::WantedHostKey;
use crate::{ssh, x509};

const CERTIFICATE: &str = include_str!("../../tests/fixtures/certificates/partner.pem");

/// Compiles only for what wipes itself when it is let go of.
fn wiped<T: ZeroizeOnDrop + ?Sized>(_: &T) {}

fn secret() -> SecretString {
    SecretString::from(KEY)
}

/// None of the key is in what is printed, logged or kept of what holds it.
fn assert_hidden(shown: &str) {
    let lines: Vec<&str> = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(lines.iter().all(|line| line.len() > 12), "the canary is long enough to be found");
    for line in &lines {
        assert!(!shown.contains(&line[..12]), "{shown}");
    }
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
    let listed = WantedHostKey {
        name: "own".to_owned(),
        body: secret(),
        public: held.public.clone(),
        fingerprint: held.public.fingerprint(),
        description: None,
        storage_type: None,
        kms_key: None,
        kms_unsure: false,
        tags: Tags::new(),
    };
    let read = SecretData {
        secret_type: String::new(),
        labels: BTreeMap::new(),
        data: [("key".to_owned(), Ok(secret()))].into(),
    };
    for kept in [&import.body, &held.pem, &listed.body] {
        wiped(kept);
    }
    for kept in [&create.host_key, &login.user_password] {
        wiped(kept.as_ref().unwrap());
    }
    wiped(read.data["key"].as_ref().unwrap());
    assert_hidden(&format!("{import:?}{create:?}{login:?}{held:?}{listed:?}{read:?}"));
    assert_hidden(&format!("{}{}", serde_json::json!(import), serde_json::json!(create)));
    assert_hidden(&format!("{:?}{:?}", Mutation::ImportHostKey(Box::new(import)), Read::from(login)));
    let body = KEY.lines().nth(1).unwrap();
    assert!(held.pem.expose_secret().contains(body), "it is there, and nobody shows it");
}

#[test]
fn what_holds_the_key_of_a_certificate_wipes_it_and_shows_none_of_it() {
    let import = ImportCertificate {
        usage: "SIGNING".to_owned(),
        certificate: CERTIFICATE.to_owned(),
        certificate_chain: None,
        private_key: Some(secret()),
        active_date: None,
        inactive_date: None,
        description: None,
        tags: Tags::new(),
    };
    let facts = x509::read(CERTIFICATE).unwrap();
    let source = Source { certificate: CERTIFICATE.to_owned(), chain: None, private_key: Some(secret()), facts };
    for kept in [&import.private_key, &source.private_key] {
        wiped(kept.as_ref().unwrap());
    }
    // What is kept of a call that was sent is its members in JSON, the key among them as a hash.
    assert_hidden(&format!("{import:?}{source:?}{}", serde_json::json!(import)));
    assert_hidden(&format!("{:?}", Mutation::ImportCertificate(Box::new(import))));
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
