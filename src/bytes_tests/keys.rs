//! Public keys, host keys, texts, and the lines of `known_hosts` that are made of them.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::{cases, corpus, echoes, texts};
use crate::ssh::known_hosts::{HeldKey, KnownHosts, Listed, at_ports, lines};
use crate::ssh::{PublicKey, authorized_keys, host_key, public_of_private};
use crate::text;

/// What is listed and what AWS has, of arbitrary text but for one public key; half of the names are names.
fn known_hosts() -> impl Strategy<Value = (Vec<String>, Vec<HeldKey>, Listed, String)> {
    let odd = || "[\\PC\n\r\t #,*]{0,60}";
    let held = (prop::option::of(odd()), prop::option::of(odd()), any::<bool>());
    let held = held.prop_map(|(kind, fingerprint, active)| HeldKey { kind, fingerprint, active });
    let listed = prop::collection::btree_map(odd(), odd().prop_map(Err::<PublicKey, String>), 0..3);
    let named = prop_oneof![odd(), "[a-z][a-z0-9.-]{0,20}"];
    (prop::collection::vec(named, 0..4), prop::collection::vec(held, 0..4), listed, odd())
}

fn listed_key() -> PublicKey {
    PublicKey::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB").unwrap()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_is_read_as_public_keys_is_read_again_as_the_same(text in texts(corpus(&["keys", "keys/refused"]))) {
        for line in text.lines().take(20).chain([text.as_str()]) {
            match PublicKey::parse(line) {
                Ok(key) => prop_assert_eq!(PublicKey::parse(&key.to_line()).unwrap(), key),
                Err(error) => prop_assert!(!echoes(&error.to_string(), line), "{}", error),
            }
        }
        match authorized_keys(&text) {
            Ok(keys) => {
                let lines: Vec<String> = keys.iter().map(PublicKey::to_line).collect();
                prop_assert_eq!(authorized_keys(&lines.join("\n")).unwrap(), keys);
            }
            Err(error) => prop_assert!(!echoes(&error.to_string(), &text), "{}", error),
        }
    }

    #[test]
    fn what_is_read_as_a_host_key_is_read_again_as_the_same(text in texts(corpus(&["keys", "keys/refused"]))) {
        match host_key(&text) {
            Ok(key) => {
                let pem = key.pem.expose_secret();
                prop_assert_eq!(public_of_private(pem).unwrap().identity(), key.public.identity());
                let again = host_key(pem).unwrap();
                prop_assert_eq!((again.pem.expose_secret(), again.public), (pem, key.public));
            }
            Err(error) => prop_assert!(!echoes(&error.to_string(), &text), "{}", error),
        }
    }

    #[test]
    fn every_text_is_text_or_told_why_not(bytes in super::inputs(corpus(&["keys", "bytes/policies"]))) {
        let decoded = text::decode(&bytes);
        prop_assert_eq!(decoded.is_ok(), std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0')));
        if let Ok(text) = decoded {
            let bare = text::without_marks(text);
            let marked = bare.contains('\u{feff}');
            prop_assert!(!marked && bare.len() <= text.len());
            let line = text::invisible(text).map_or(1, |found| found.line);
            prop_assert!((1..=text.split('\n').count()).contains(&line));
        }
    }

    #[test]
    fn only_a_listed_key_of_aws_becomes_a_line_of_known_hosts((names, mut held, mut listed, title) in known_hosts()) {
        let key = listed_key();
        listed.insert("own".to_owned(), Ok(key.clone()));
        held.push(HeldKey { kind: None, fingerprint: Some(key.fingerprint()), active: true });
        let hosts = at_ports(names.iter().map(String::as_str), &[22, 2222]);
        let text = lines(&KnownHosts { title: &title, hosts: &hosts, nameless: &title, keys: &held, listed: &listed });
        let tail = format!(" {} {}", key.algorithm(), key.base64());
        let others: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = if hosts.is_empty() { Vec::new() } else { vec![format!("{}{tail}", hosts.join(","))] };
        prop_assert_eq!(others, expected);
    }
}
