//! The Secret of a listed host key comes to hold another key: what clients have pinned goes only at a person's word.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;

use crate::api::CONFIRM_HOST_KEY;
use crate::api::condition::reasons;
use crate::api::server::HostKeyStatus;
use crate::aws::Mutation;
use crate::aws::transfer::{DeleteHostKey, HostKey};
use crate::engine::reason::Reason;
use crate::kinds::server::host_keys::replaced::{advice, confirmed, replaced};
use crate::kinds::server::host_keys::{calls, hidden, no_room, status_rows};
use crate::kinds::server::wanted::{WantedHostKey, WantedServer};

use super::files;
use super::keys::{full, held, key, told, want};

/// An entry and the key that its Secret holds.
fn entry(name: &str, content: &str) -> WantedHostKey {
    WantedHostKey { name: name.to_owned(), ..key(content) }
}

/// AWS, status and what is wanted, reconcile after reconcile.
struct Server {
    want: WantedServer,
    have: Vec<HostKey>,
    rows: Vec<HostKeyStatus>,
    age: i64,
}

impl Server {
    /// With entry `a`, which holds `first`.
    fn new(exclusive: bool) -> Self {
        let mut server = Self { want: want(Some(&[]), exclusive), have: Vec::new(), rows: Vec::new(), age: 0 };
        server.lists(&[entry("a", "first")]);
        server
    }

    /// Passes until nothing is left to send; answers with what was sent.
    fn lists(&mut self, keys: &[WantedHostKey]) -> Vec<String> {
        self.want.host_keys = Some(keys.to_vec());
        let mut sent = Vec::new();
        for _ in 0..5 {
            self.rows = status_rows(Some(&self.want), &self.have, &self.rows);
            let due = calls("s-1", &self.want, &self.have, &self.rows, &BTreeSet::new());
            sent.extend(told(&due));
            for call in due {
                match &call.mutation {
                    Mutation::ImportHostKey(_) => self.import(keys),
                    Mutation::DeleteHostKey(DeleteHostKey { host_key_id, .. }) => {
                        self.have.retain(|key| key.id != *host_key_id);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        sent
    }

    fn import(&mut self, keys: &[WantedHostKey]) {
        let missing = keys.iter().find(|key| !self.have.iter().any(|held| held.id.ends_with(&key.fingerprint[7..])));
        let name = missing.unwrap().fingerprint[7..].to_owned();
        self.age += 1;
        self.have.push(HostKey { date_imported: Timestamp::from_second(self.age).ok(), ..held(&name) });
    }

    fn there(&self) -> Vec<&str> {
        self.have.iter().map(|key| &key.id["hostkey-".len()..]).collect()
    }

    fn told(&self) -> Option<Reason> {
        advice(&files(json!({})), &replaced(&self.want, &self.have, &self.rows), &self.have)
    }
}

#[test]
fn the_old_key_never_goes_without_a_persons_word() {
    for exclusive in [true, false] {
        let mut server = Server::new(exclusive);
        for content in ["second", "third", "first", "fourth"] {
            let sent = server.lists(&[entry("a", content)]);
            assert!(sent.iter().all(|call| call.starts_with("ImportHostKey")), "{content}: {sent:?}");
            assert_eq!(server.have[0].id, "hostkey-first");
        }
        assert_eq!(server.there(), ["first", "second", "third", "fourth"]);
        let named: Vec<(Option<&str>, Option<&str>, bool)> =
            server.rows.iter().map(|row| (row.name.as_deref(), row.replaced.as_deref(), row.active)).collect();
        let old = |active| (None, Some("a"), active);
        assert_eq!(named, [old(true), (Some("a"), None, false), old(false), old(false)], "by id");

        server.want.confirmed_host_keys = vec!["SHA256:second".to_owned(), "SHA256:elsewhere".to_owned()];
        assert_eq!(server.lists(&[entry("a", "fourth")]), ["DeleteHostKey hostkey-second"]);
        server.want.confirmed_host_keys = vec!["SHA256:first=".to_owned()];
        assert_eq!(server.lists(&[entry("a", "fourth")]), ["DeleteHostKey hostkey-first"]);
        server.want.confirmed_host_keys.clear();
        assert_eq!(server.lists(&[entry("b", "fourth")]), ["DeleteHostKey hostkey-third"], "another name");
        assert_eq!((server.there(), server.told()), (vec!["fourth"], None));
    }
}

#[test]
fn what_clients_are_shown_stays_also_where_status_was_lost() {
    for before in [&[entry("a", "first")][..], &[entry("a", "second")]] {
        let mut server = Server::new(true);
        server.lists(before);
        server.rows.clear();
        // For a while the Secret cannot be read.
        server.want.host_keys_complete = false;
        assert!(server.lists(&[]).is_empty() && server.rows.is_empty());
        server.want.host_keys_complete = true;
        let sent = server.lists(&[entry("a", "second")]);
        assert!(sent.iter().all(|call| call.starts_with("ImportHostKey")), "{sent:?}");
        assert_eq!(server.there(), ["first", "second"]);
        assert_eq!(server.told().unwrap().code, reasons::HOST_KEY_REPLACED);
        // What somebody imports now goes, though of its type clients are shown nothing else.
        server.have.push(HostKey { key_type: Some("ssh-rsa".to_owned()), ..held("theirs") });
        assert_eq!(server.lists(&[entry("a", "second")]), ["DeleteHostKey hostkey-theirs"]);
        server.want.confirmed_host_keys = vec!["SHA256:first".to_owned()];
        assert_eq!(server.lists(&[entry("a", "second")]), ["DeleteHostKey hostkey-first"]);
    }
}

#[test]
fn an_unknown_key_is_held_against_the_entry_that_may_have_held_it() {
    let of_type = |name: &str, key_type: &str, age| HostKey {
        key_type: Some(key_type.to_owned()),
        date_imported: Timestamp::from_second(age).ok(),
        ..held(name)
    };
    let have = [of_type("old", "rsa", 1), of_type("next", "rsa", 2), of_type("ed", "ed25519", 1)];
    let rows: [(&[&str], bool, Option<&str>, &str); 6] = [
        (&["ed", "new"], true, Some("new"), "one whose key is not there"),
        (&["ed", "next"], true, Some("next"), "else one of its type"),
        (&["ed"], true, Some("ed"), "else the first"),
        (&[], true, None, "an empty list removes them"),
        (&["ed", "next", "old"], true, None, "all are listed"),
        (&["ed", "new"], false, None, "Additive removes nothing that it does not know"),
    ];
    for (listed, exclusive, expected, why) in rows {
        let listed: Vec<WantedHostKey> = listed.iter().map(|name| key(name)).collect();
        let want = want(Some(&listed), exclusive);
        let found = replaced(&want, &have, &[]);
        let told: Vec<_> = found.iter().map(|found| (found.held.id.as_str(), found.entry.name.as_str())).collect();
        assert_eq!(told, expected.map(|name| ("hostkey-old", name)).into_iter().collect::<Vec<_>>(), "{why}");
    }
    let mut unread = want(Some(&[key("ed")]), true);
    unread.host_keys_complete = false;
    assert!(replaced(&unread, &have, &[]).is_empty(), "a key that cannot be read may be it");
}

#[test]
fn an_entry_that_leaves_the_list_takes_its_old_keys_along() {
    let mut server = Server::new(false);
    server.lists(&[entry("a", "second"), entry("b", "other")]);
    assert_eq!(server.there(), ["first", "second", "other"]);
    let sent = server.lists(&[entry("b", "other")]);
    assert_eq!(sent, ["DeleteHostKey hostkey-first", "DeleteHostKey hostkey-second"]);
}

#[test]
fn entries_that_change_places_replace_nothing() {
    let mut server = Server::new(true);
    server.lists(&[entry("a", "first"), entry("b", "other")]);
    assert!(server.lists(&[entry("a", "other"), entry("b", "first")]).is_empty());
    assert_eq!(server.told(), None);
}

#[test]
fn a_secret_that_cannot_be_read_for_a_while_forgets_nothing() {
    let mut server = Server::new(true);
    server.lists(&[entry("a", "second")]);
    server.want.host_keys_complete = false;
    assert!(server.lists(&[]).is_empty());
    server.want.host_keys_complete = true;
    assert!(server.lists(&[entry("a", "second")]).is_empty());
    assert_eq!(server.there(), ["first", "second"]);
}

#[test]
fn it_is_told_with_the_command_that_confirms() {
    let mut server = Server::new(true);
    assert_eq!(server.told(), None);
    server.lists(&[entry("a", "second")]);
    let Reason { code, message, .. } = server.told().unwrap();
    assert_eq!(code, reasons::HOST_KEY_REPLACED);
    for part in [
        "spec.hostKeys[a] holds another key (SHA256:second)",
        "(SHA256:first), which stays and is the one that clients are shown",
        "kubectl -n team annotate transferservers files --overwrite transfer-operator.dev/confirm-host-key=SHA256:first",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(hidden(&server.want, &server.have, &server.rows), None, "told once");
}

#[test]
fn what_the_annotation_confirms_is_taken_by_fingerprint() {
    let mut object = files(json!({}));
    assert!(confirmed(&object).is_empty());
    let text = " SHA256:a/b+c, SHA256:d,,".to_owned();
    object.metadata.annotations = Some(BTreeMap::from([(CONFIRM_HOST_KEY.to_owned(), text)]));
    assert_eq!(confirmed(&object), ["SHA256:a/b+c", "SHA256:d"]);
}

#[test]
fn where_aws_takes_no_more_a_replaced_key_makes_no_room() {
    let there = ["e/1", "e/2", "e/3", "e/4", "e/5", "e/6", "e/7", "e/8", "e/9", "e/10"];
    let (mut listed, have) = full(there, &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let rows = status_rows(Some(&listed), &have, &[]);
    listed.host_keys.as_mut().unwrap()[9] = entry("10", "new");
    let sent = told(&calls("s-1", &listed, &have, &rows, &BTreeSet::new()));
    assert_eq!(sent, ["ImportHostKey s-1"], "which AWS refuses");
    let block = no_room(&listed, &have, &rows).unwrap();
    assert!(block.needs_person && block.message.contains("or confirm those that were replaced"), "{}", block.message);
    listed.confirmed_host_keys = vec!["SHA256:10".to_owned()];
    let sent = told(&calls("s-1", &listed, &have, &rows, &BTreeSet::new()));
    assert_eq!(sent, ["DeleteHostKey hostkey-10", "ImportHostKey s-1"]);
    assert_eq!(no_room(&listed, &have, &rows), None);
}
