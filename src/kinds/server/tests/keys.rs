//! Host keys: imported first, removed last, known by content.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use crate::api::server::HostKeyStatus;
use crate::aws::Mutation;
use crate::aws::transfer::{DeleteHostKey, HostKey, TagResource, Tags, UntagResource, UpdateHostKey};
use crate::engine::kind::{PlannedCall, When};
use crate::kinds::server::host_keys::{calls, changes, no_room, status_rows};
use crate::kinds::server::wanted::{WantedHostKey, WantedServer};

use super::{public, wanted};

pub(super) fn key(name: &str) -> WantedHostKey {
    WantedHostKey {
        name: name.to_owned(),
        body: "private".to_owned().into(),
        public: public(),
        fingerprint: format!("SHA256:{name}"),
        description: None,
        storage_type: None,
        kms_key: None,
        kms_unsure: false,
        tags: Tags::new(),
    }
}

/// As AWS has it: its fingerprint is padded.
pub(super) fn held(name: &str) -> HostKey {
    HostKey {
        arn: format!("arn:{name}"),
        id: format!("hostkey-{name}"),
        fingerprint: Some(format!("SHA256:{name}=")),
        key_type: Some("ssh-ed25519".to_owned()),
        ..HostKey::default()
    }
}

pub(super) fn want(keys: Option<&[WantedHostKey]>, exclusive: bool) -> WantedServer {
    let mut want = wanted(json!({})).want;
    want.host_keys = keys.map(<[WantedHostKey]>::to_vec);
    want.exclusive_host_keys = exclusive;
    want
}

pub(super) fn managed(names: &[&str]) -> Vec<HostKeyStatus> {
    let row = |name: &&str| HostKeyStatus { id: format!("hostkey-{name}"), managed: true, ..HostKeyStatus::default() };
    names.iter().map(row).collect()
}

/// What status records of keys that this object did not put there.
pub(super) fn known(have: &[HostKey]) -> Vec<HostKeyStatus> {
    have.iter().map(|held| HostKeyStatus { id: held.id.clone(), ..HostKeyStatus::default() }).collect()
}

/// Operation and the key that it is about.
pub(super) fn told(calls: &[PlannedCall]) -> Vec<String> {
    let about = |call: &Mutation| match call {
        Mutation::ImportHostKey(import) => import.server_id.clone(),
        Mutation::UpdateHostKey(UpdateHostKey { host_key_id, .. })
        | Mutation::DeleteHostKey(DeleteHostKey { host_key_id, .. }) => host_key_id.clone(),
        Mutation::TagResource(TagResource { arn, .. }) | Mutation::UntagResource(UntagResource { arn, .. }) => {
            arn.clone()
        }
        other => panic!("{other:?}"),
    };
    calls.iter().map(|call| format!("{} {}", call.mutation.operation(), about(&call.mutation))).collect()
}

#[test]
fn keys_come_before_they_go() {
    let ours = &["old"][..];
    let rows: &[(Option<&[&str]>, bool, &[&str], &[&str], &[&str], &str)] = &[
        (None, true, &["aws", "old"], ours, &[], "no list: keys are not managed"),
        (Some(&["a"]), false, &["a"], &[], &[], "there"),
        (
            Some(&["a"]),
            true,
            &["aws", "old"],
            ours,
            &["ImportHostKey s-1", "DeleteHostKey hostkey-old"],
            "nothing goes while one is missing, unless AWS has no room",
        ),
        (Some(&["a"]), false, &["aws", "old", "a"], ours, &["DeleteHostKey hostkey-old"], "additive: only our own go"),
        (
            Some(&["a"]),
            true,
            &["aws", "old", "a"],
            &[],
            &["DeleteHostKey hostkey-aws", "DeleteHostKey hostkey-old"],
            "exclusive: every other one goes, AWS's own too",
        ),
        (Some(&[]), true, &["aws", "old"], &[], &["DeleteHostKey hostkey-aws"], "never the last"),
        (Some(&[]), false, &["old"], ours, &[], "never the last, ours or not"),
    ];
    for (wanted, exclusive, have, recorded, expected, reason) in rows {
        let wanted: Option<Vec<WantedHostKey>> = wanted.map(|names| names.iter().map(|name| key(name)).collect());
        let have: Vec<HostKey> = have.iter().map(|name| held(name)).collect();
        let want = want(wanted.as_deref(), *exclusive);
        assert_eq!(&told(&calls("s-1", &want, &have, &managed(recorded), &BTreeSet::new())), expected, "{reason}");
    }
}

/// Ten keys in AWS, the first imported first, `type/name` each; and what is listed.
pub(super) fn full(there: [&str; 10], listed: &[&str]) -> (WantedServer, Vec<HostKey>) {
    let have = there.iter().zip(0_i64..).map(|(told, age)| {
        let (key_type, name) = told.split_once('/').unwrap();
        let imported = Timestamp::from_second(1_800_000_000 + age).ok();
        HostKey { key_type: Some(key_type.to_owned()), date_imported: imported, ..held(name) }
    });
    let listed: Vec<WantedHostKey> = listed.iter().map(|name| key(name)).collect();
    (want(Some(&listed), true), have.collect())
}

/// Users of other tools, peers.md C 2: several host keys, and one after the other.
#[test]
fn with_no_room_a_host_key_that_clients_are_not_shown_goes_first() {
    let rows: &[([&str; 10], &[&str], Option<&str>, &str)] = &[
        (
            ["e/1", "e/2", "e/3", "e/4", "e/5", "r/6", "r/7", "r/8", "r/9", "r/10"],
            &["1", "2", "3", "4", "5", "6", "7", "8", "9", "new"],
            Some("DeleteHostKey hostkey-10"),
            "a replacement with ten listed",
        ),
        (
            ["e/1", "e/2", "e/3", "e/4", "e/5", "r/6", "r/7", "r/8", "r/9", "r/10"],
            &["1", "6", "new"],
            Some("DeleteHostKey hostkey-10"),
            "the youngest of several",
        ),
        (
            ["e/1", "e/2", "e/3", "e/4", "e/5", "e/6", "e/7", "e/8", "e/9", "r/10"],
            &["2", "3", "4", "5", "6", "7", "8", "9", "10", "new"],
            Some("DeleteHostKey hostkey-1"),
            "the one that is shown, since the next oldest is listed",
        ),
        (
            ["e/1", "e/2", "e/3", "e/4", "e/5", "e/6", "e/7", "e/8", "e/9", "r/10"],
            &["1", "2", "3", "4", "5", "6", "7", "8", "9", "new"],
            None,
            "nothing would take the place of the only one of its algorithm",
        ),
    ];
    for (there, listed, expected, reason) in rows {
        let (want, have) = full(*there, listed);
        let rows = known(&have);
        let calls = told(&calls("s-1", &want, &have, &rows, &BTreeSet::new()));
        let first = calls.first().filter(|call| call.starts_with("Delete"));
        assert_eq!(first.map(String::as_str), *expected, "{reason}: {calls:?}");
        let block = no_room(&want, &have, &rows);
        assert_eq!(block.is_some(), expected.is_none(), "{reason}");
        assert!(block.is_none_or(|block| block.needs_person && block.message.contains("new cannot be imported")));
    }
}

#[test]
fn where_aws_says_that_a_smaller_quota_is_reached_the_same_key_goes() {
    let want = want(Some(&[key("a")]), true);
    let calls = calls("s-1", &want, &[held("aws"), held("old")], &[], &BTreeSet::new());
    assert_eq!(told(&calls), ["ImportHostKey s-1", "DeleteHostKey hostkey-old"]);
    assert_eq!([calls[0].when, calls[1].when], [When::Always, When::AfterQuotaRefusal("ImportHostKey")]);
}

#[test]
fn a_source_that_cannot_be_read_removes_nothing() {
    let mut want = want(Some(&[key("a")]), true);
    want.host_keys_complete = false;
    assert!(calls("s-1", &want, &[held("a"), held("b")], &[], &BTreeSet::new()).is_empty());
}

#[test]
fn what_stands_beside_a_key_is_changed_and_cleared() {
    const UPDATE: &[&str] = &["UpdateHostKey hostkey-a"];
    let applied = BTreeSet::from(["hostKeys[a].description".to_owned(), "hostKeys[a].tags[gone]".to_owned()]);
    let tags = |rows: &[(&str, &str)]| rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Tags>();
    let described = |text: &str| Some(text.to_owned());
    let rows: Vec<(WantedHostKey, HostKey, &[&str], &str)> = vec![
        (key("a"), held("a"), &[], "nothing to clear"),
        (WantedHostKey { description: described(""), ..key("a") }, held("a"), &[], "empty is none"),
        (WantedHostKey { description: described("x"), ..key("a") }, held("a"), UPDATE, "set"),
        (key("a"), HostKey { description: described("x"), ..held("a") }, UPDATE, "left the spec"),
        (
            WantedHostKey { storage_type: described("SERVICE_MANAGED"), ..key("a") },
            held("a"),
            &[],
            "where AWS keeps it anyway",
        ),
        (WantedHostKey { storage_type: described("SECRETS_MANAGER"), ..key("a") }, held("a"), UPDATE, "moved"),
        (key("a"), HostKey { storage_type: described("SECRETS_MANAGER"), ..held("a") }, &[], "somebody else moved it"),
        (WantedHostKey { tags: tags(&[("t", "1")]), ..key("a") }, held("a"), &["TagResource arn:a"], "tagged"),
        (
            key("a"),
            HostKey { tags: tags(&[("gone", "1"), ("foreign", "1")]), ..held("a") },
            &["UntagResource arn:a"],
            "untagged",
        ),
        (key("a"), HostKey { tags: tags(&[("foreign", "1")]), ..held("a") }, &[], "foreign tags stay"),
    ];
    for (wanted, have, expected, reason) in rows {
        assert_eq!(told(&calls("s-1", &want(Some(&[wanted]), false), &[have], &[], &applied)), expected, "{reason}");
    }
    let have = HostKey { tags: tags(&[("gone", "1"), ("foreign", "1")]), ..held("a") };
    let sent = calls("s-1", &want(Some(&[key("a")]), false), &[have], &[], &applied);
    let [PlannedCall { mutation: Mutation::UntagResource(UntagResource { keys, .. }), .. }] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(keys, &["gone"]);
}

#[test]
fn a_storage_type_that_left_the_spec_goes_back_to_awss_own() {
    let applied = BTreeSet::from(["hostKeys[a].storageType".to_owned()]);
    let have = HostKey { storage_type: Some("SECRETS_MANAGER".to_owned()), ..held("a") };
    let sent = calls("s-1", &want(Some(&[key("a")]), false), &[have], &[], &applied);
    let [PlannedCall { mutation: Mutation::UpdateHostKey(UpdateHostKey { storage_type, kms_key, .. }), .. }] =
        sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert_eq!((storage_type.as_deref(), kms_key), (Some("SERVICE_MANAGED"), &None));
    assert!(calls("s-1", &want(Some(&[key("a")]), false), &[held("a")], &[], &applied).is_empty(), "it is there");
}

#[test]
fn a_key_that_moves_to_a_secret_takes_its_kms_key_along() {
    let moved = WantedHostKey {
        storage_type: Some("SECRETS_MANAGER".to_owned()),
        kms_key: Some("arn:kms".to_owned()),
        ..key("a")
    };
    let have = HostKey { description: Some("kept".to_owned()), ..held("a") };
    let sent = calls("s-1", &want(Some(&[moved]), false), &[have], &[], &BTreeSet::new());
    let [
        PlannedCall {
            mutation: Mutation::UpdateHostKey(UpdateHostKey { description, storage_type, kms_key, .. }), ..
        },
    ] = sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert_eq!(description.as_deref(), Some("kept"));
    assert_eq!((storage_type.as_deref(), kms_key.as_deref()), (Some("SECRETS_MANAGER"), Some("arn:kms")));
}

#[test]
fn status_shows_every_key_that_aws_has_and_which_one_clients_see() {
    let at = |day: i64| jiff::Timestamp::from_second(1_800_000_000 + 86_400 * day).ok();
    let have = [
        HostKey { date_imported: at(3), secret_id: Some("arn:secret".to_owned()), ..held("c") },
        HostKey { date_imported: at(2), ..held("b") },
        HostKey { date_imported: at(1), key_type: Some("ssh-rsa".to_owned()), ..held("a") },
    ];
    let want = want(Some(&[key("c")]), false);
    let rows = status_rows(Some(&want), &have, &managed(&["b"]));
    let told: Vec<(&str, Option<&str>, Option<&str>, bool, bool)> = rows
        .iter()
        .map(|row| (row.id.as_str(), row.name.as_deref(), row.fingerprint.as_deref(), row.active, row.managed))
        .collect();
    let expected = [
        ("hostkey-a", None, Some("SHA256:a"), true, false),
        ("hostkey-b", None, Some("SHA256:b"), true, true),
        ("hostkey-c", Some("c"), Some("SHA256:c"), false, true),
    ];
    assert_eq!(told, expected);
    let dates: Vec<Option<&str>> = rows.iter().map(|row| row.date_imported.as_deref()).collect();
    assert_eq!(
        dates,
        ["2027-01-16", "2027-01-17", "2027-01-18"]
            .map(|day| format!("{day}T08:00:00Z"))
            .each_ref()
            .map(|at| Some(at.as_str()))
    );
    let secrets: Vec<Option<&str>> = rows.iter().map(|row| row.secret_id.as_deref()).collect();
    assert_eq!(secrets, [None, None, Some("arn:secret")]);
    let named = status_rows(None, &have, &rows);
    assert_eq!(named, rows, "a reconcile that wants nothing (deletion) forgets no name");
}

#[test]
fn an_entry_that_was_renamed_clears_what_it_set_under_its_old_name() {
    let applied = ["hostKeys[old].tags[k]", "hostKeys[old].description", "hostKeys[other].tags[k]"];
    let applied: BTreeSet<String> = applied.map(str::to_owned).into();
    let mut held = held("new");
    (held.tags, held.description) = (Tags::from([("k".to_owned(), "v".to_owned())]), Some("pinned".to_owned()));
    let mut recorded = managed(&["new"]);
    for (name, expected) in [
        (Some("old"), &["UpdateHostKey hostkey-new", "UntagResource arn:new"][..]),
        (Some("another"), &[]),
        (None, &[]),
    ] {
        recorded[0].name = name.map(str::to_owned);
        let want = want(Some(&[key("new")]), false);
        let calls = calls("s-1", &want, std::slice::from_ref(&held), &recorded, &applied);
        assert_eq!(told(&calls), expected, "recorded as {name:?}");
        let changes = changes(&want, std::slice::from_ref(&held), &recorded, &applied);
        assert_eq!(changes.len(), expected.len());
    }
}
