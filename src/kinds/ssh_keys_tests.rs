#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::aws::transfer::{DeleteSshPublicKey, ImportSshPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const HOLDER: Holder<'_> = Holder { server_id: "s-1", user_name: "alice" };

fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// A well-formed ed25519 line; each number is another key.
fn line(number: u8) -> String {
    let mut blob = vec![0, 0, 0, 11];
    blob.extend(b"ssh-ed25519");
    blob.extend([0, 0, 0, 32]);
    blob.extend([number; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

fn spec(number: u8, expires_at: Option<&str>) -> SpecKey {
    SpecKey { public_key: format!("{} k{number}", line(number)), expires_at: expires_at.map(str::to_owned) }
}

fn source(text: Result<&str, &str>) -> SourceText {
    let text = text.map(str::to_owned).map_err(|what| Reason::new(reasons::SOURCE_NOT_READY, what));
    SourceText { field: "spec.sshPublicKeysFrom[0]".to_owned(), text }
}

fn wanted(
    inline: &[SpecKey],
    sources: Option<Vec<SourceText>>,
    policy: SshPublicKeyPolicy,
) -> (WantedKeys, Vec<Reason>) {
    let (keys, blocks) = want(&Listed { inline: Some(inline), sources, policy, made: true }, now());
    (keys.unwrap(), blocks)
}

/// Two weeks.
const WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

fn exclusive(numbers: &[u8]) -> WantedKeys {
    let inline: Vec<SpecKey> = numbers.iter().map(|number| spec(*number, None)).collect();
    wanted(&inline, None, SshPublicKeyPolicy::Exclusive).0
}

/// As AWS has it: the id tells the number.
fn have(numbers: &[u8]) -> Vec<AwsKey> {
    let key = |number: &u8| AwsKey { id: format!("key-{number}"), body: line(*number), date_imported: Some(now()) };
    numbers.iter().map(key).collect()
}

fn recorded(numbers: &[u8]) -> Vec<SshPublicKeyStatus> {
    let key = |number: &u8| SshPublicKeyStatus {
        id: Some(format!("key-{number}")),
        managed: true,
        ..SshPublicKeyStatus::default()
    };
    numbers.iter().map(key).collect()
}

fn imported(want: &WantedKeys, numbers: &[u8]) -> Vec<String> {
    let body = |call| match call {
        Mutation::ImportSshPublicKey(ImportSshPublicKey { body, server_id, user_name })
            if (&*server_id, &*user_name) == ("s-1", "alice") =>
        {
            body
        }
        other => panic!("{other:?}"),
    };
    imports(HOLDER, want, &have(numbers)).into_iter().map(|call| body(call.mutation)).collect()
}

fn deleted(want: &WantedKeys, numbers: &[u8], managed: &[u8]) -> Vec<String> {
    let id = |call| match call {
        Mutation::DeleteSshPublicKey(DeleteSshPublicKey { key_id, server_id, user_name })
            if (&*server_id, &*user_name) == ("s-1", "alice") =>
        {
            key_id
        }
        other => panic!("{other:?}"),
    };
    let all = deletions(HOLDER, want, &have(numbers), &recorded(managed)).into_iter();
    all.filter(|call| call.when == When::Always).map(|call| id(call.mutation)).collect()
}

#[test]
fn without_any_list_keys_are_not_managed() {
    let listed = Listed { inline: None, sources: None, policy: SshPublicKeyPolicy::Exclusive, made: true };
    assert_eq!(want(&listed, now()), (None, Vec::new()));
}

#[test]
fn a_rotation_never_leaves_a_moment_without_a_key_that_works() {
    let rows: &[(&[u8], &[u8], usize, &str)] = &[
        (&[1], &[2], 2, "one for one"),
        (&[1, 2, 3], &[4, 5, 6], 4, "all at once, with room for one more"),
        (&[1, 2, 3], &[3, 4, 5], 3, "in a full account, one of them stays"),
    ];
    for (before, after, quota, reason) in rows {
        let (want, mut there) = (exclusive(after), before.to_vec());
        // Each round sends the first call that AWS has room for, as the engine does, until nothing is left.
        for _ in 0..20 {
            if let Some(body) = imported(&want, &there).first().filter(|_| there.len() < *quota) {
                there.extend(after.iter().filter(|number| *body == format!("{} k{number}", line(**number))));
            } else if let Some(id) = deleted(&want, &there, &[]).first() {
                there.retain(|number| format!("key-{number}") != *id);
            }
            assert!(there.iter().any(|number| before.contains(number) || after.contains(number)), "{reason}");
        }
        there.sort_unstable();
        assert_eq!(there, *after, "{reason}");
    }
    assert!(deleted(&exclusive(&[2]), &[1], &[]).is_empty(), "the old one stays until the new one is there");
}

#[test]
fn of_what_left_the_spec_one_key_stays_while_no_listed_one_is_there() {
    let want = exclusive(&[9]);
    assert_eq!(deleted(&want, &[1, 2, 3], &[]), ["key-1", "key-2"], "the one imported last stays");
    let block = kept(&want, &have(&[1, 2, 3]), &[]).unwrap();
    let name = PublicKey::parse(&line(3)).unwrap().fingerprint();
    assert!(block.message.contains(&name) && !block.needs_person, "{}", block.message);
    assert_eq!(kept(&exclusive(&[1, 9]), &have(&[1, 2, 3]), &[]), None, "a listed key is there");
    assert_eq!(kept(&exclusive(&[]), &have(&[1]), &[]), None, "an empty list means no key");
    let (additive, _) = wanted(&[spec(9, None)], None, SshPublicKeyPolicy::Additive);
    assert_eq!(deleted(&additive, &[1, 2], &[2]), ["key-2"], "somebody else's key stays and works");
    let (ended, _) =
        wanted(&[spec(1, Some("2029-12-31T23:59:59Z")), spec(9, None)], None, SshPublicKeyPolicy::Exclusive);
    assert_eq!(deleted(&ended, &[1], &[]), ["key-1"], "what is past its end goes, also when it is the last");
}

/// Users of other tools, peers.md C 23: several keys of a user, whatever the quota.
#[test]
fn where_aws_has_no_room_the_key_imported_earliest_goes_first() {
    let rooms = |want: &WantedKeys, numbers: &[u8]| {
        let mut keys = have(numbers);
        for (days, key) in keys.iter_mut().rev().enumerate() {
            key.date_imported = now().checked_add(SignedDuration::from_hours(24 * i64::try_from(days).unwrap())).ok();
        }
        let calls = deletions(HOLDER, want, &keys, &[]).into_iter();
        let first = calls.filter(|call| call.when != When::Always).map(|call| call.mutation);
        first.map(|call| format!("{call:?}")).collect::<Vec<_>>()
    };
    let one = rooms(&exclusive(&[1, 9]), &[1, 2, 3]);
    assert!(one.len() == 1 && one[0].contains("key-3"), "{one:?}");
    assert!(rooms(&exclusive(&[9]), &[1]).is_empty(), "never the last that works");
    assert!(rooms(&exclusive(&[1]), &[1, 2]).is_empty(), "nothing is imported");
}

#[test]
fn an_import_that_aws_refuses_does_not_hold_a_revoked_key() {
    let want = exclusive(&[1, 3]);
    assert_eq!(imported(&want, &[1, 2]).len(), 1);
    assert_eq!(deleted(&want, &[1, 2], &[]), ["key-2"], "key 1 works meanwhile");
}

#[test]
fn an_empty_list_means_no_key() {
    assert_eq!(deleted(&exclusive(&[]), &[1, 2], &[]), ["key-1", "key-2"]);
}

#[test]
fn exclusive_deletes_every_other_key_and_additive_only_its_own() {
    let (additive, _) = wanted(&[spec(1, None)], None, SshPublicKeyPolicy::Additive);
    assert_eq!(deleted(&exclusive(&[1]), &[1, 2, 3], &[2]), ["key-2", "key-3"]);
    assert_eq!(deleted(&additive, &[1, 2, 3], &[2]), ["key-2"]);
    assert!(deleted(&additive, &[1, 2, 3], &[]).is_empty());
}

#[test]
fn keys_are_the_same_by_type_and_material() {
    let want = exclusive(&[1]);
    let spaced = AwsKey { id: "key-1".to_owned(), body: format!("{}   another comment", line(1)), date_imported: None };
    assert!(imports(HOLDER, &want, std::slice::from_ref(&spaced)).is_empty());
    assert!(deletions(HOLDER, &want, &[spaced], &[]).is_empty());
    let twice = vec![source(Ok(&line(1)))];
    let (want, blocks) = wanted(&[spec(1, None)], Some(twice), SshPublicKeyPolicy::Exclusive);
    assert!(blocks.is_empty());
    assert_eq!(imported(&want, &[]), [format!("{} k1", line(1))], "imported once, as first written");
}

#[test]
fn a_key_that_nobody_could_have_listed_goes_under_exclusive() {
    let odd = AwsKey { id: "key-9".to_owned(), body: "ssh-new AAAA".to_owned(), date_imported: None };
    let keys = [have(&[1]), vec![odd]].concat();
    assert_eq!(deletions(HOLDER, &exclusive(&[1]), &keys, &[]).len(), 1);
}

#[test]
fn an_expired_key_goes_and_the_next_end_is_known() {
    let (past, soon, later) = ("2029-12-31T23:59:59Z", "2030-01-02T00:00:00+01:00", "2031-01-15T00:00:00Z");
    let inline = [spec(1, Some(past)), spec(2, Some(later)), spec(3, Some(soon)), spec(4, None)];
    let (want, blocks) = wanted(&inline, None, SshPublicKeyPolicy::Exclusive);
    assert!(blocks.is_empty());
    assert_eq!(want.changes_at(now(), WARNING), Some("2030-01-01T23:00:00Z".parse().unwrap()));
    let two = [spec(2, Some(later)), spec(4, None)];
    let (two, _) = wanted(&two, None, SshPublicKeyPolicy::Exclusive);
    for (at, next) in [
        ("2030-01-01T00:00:00Z", Some("2031-01-01T00:00:00Z")),
        ("2030-12-31T23:59:59Z", Some("2031-01-01T00:00:00Z")),
        ("2031-01-01T00:00:00Z", Some(later)),
        (later, None),
    ] {
        let next = next.map(|next| next.parse().unwrap());
        assert_eq!(two.changes_at(at.parse().unwrap(), WARNING), next, "what comes after {at}");
    }
    assert_eq!(imported(&want, &[2, 3]), [format!("{} k4", line(4))]);
    assert_eq!(deleted(&want, &[1, 2, 3, 4], &[]), ["key-1"]);
    let (additive, _) = wanted(&inline, None, SshPublicKeyPolicy::Additive);
    assert!(status_rows(Some(&additive), &have(&[1]), &[])[0].managed, "listed is managed, so it can be removed");
    let rows = status_rows(Some(&want), &have(&[1, 2, 3, 4, 5]), &[]);
    let ends: Vec<Option<&str>> = rows.iter().map(|row| row.expires_at.as_deref()).collect();
    assert_eq!(ends, [Some(past), Some(later), Some("2030-01-01T23:00:00Z"), None, None]);
}

#[test]
fn a_key_ends_at_its_time_and_not_a_moment_later() {
    let (want, _) = wanted(&[spec(1, Some("2030-01-01T00:00:00Z"))], None, SshPublicKeyPolicy::Exclusive);
    assert!(want.keys.is_empty());
    assert_eq!(deleted(&want, &[1], &[]), ["key-1"], "also when it is the last");
}

#[test]
fn a_key_listed_twice_lives_as_long_as_its_longest_entry() {
    let inline = [spec(1, Some("2029-01-01T00:00:00Z")), spec(1, Some("2031-01-01T00:00:00Z"))];
    let (want, _) = wanted(&inline, None, SshPublicKeyPolicy::Exclusive);
    assert_eq!(want.changes_at(now(), WARNING), Some("2030-12-18T00:00:00Z".parse().unwrap()));
    let unending = Some(vec![source(Ok(&line(1)))]);
    let (want, _) = wanted(&inline, unending, SshPublicKeyPolicy::Exclusive);
    assert_eq!((want.keys.len(), want.changes_at(now(), WARNING)), (1, None));
}

#[test]
fn what_cannot_be_read_deletes_nothing_and_the_rest_is_still_imported() {
    let options = format!("from=\"10.0.0.0/8\" {}", line(5));
    let rows: Vec<(SourceText, &str, bool)> = vec![
        (source(Err("spec.sshPublicKeysFrom[0]: ConfigMap ns/k is absent")), reasons::SOURCE_NOT_READY, false),
        (source(Ok("# only a comment\n")), reasons::SOURCE_NOT_READY, false),
        (source(Ok(&options)), reasons::INVALID_KEY, true),
        (source(Ok("garbage")), reasons::INVALID_KEY, true),
    ];
    for (source, reason, stalled) in rows {
        let (want, blocks) = wanted(&[spec(1, None)], Some(vec![source]), SshPublicKeyPolicy::Exclusive);
        assert_eq!((blocks[0].code, blocks[0].needs_person), (reason, stalled));
        assert!(blocks[0].message.contains("spec.sshPublicKeysFrom[0]"), "{blocks:?}");
        assert_eq!(imported(&want, &[2]), [format!("{} k1", line(1))]);
        assert!(deleted(&want, &[1, 2], &[2]).is_empty());
    }
}

#[test]
fn a_bad_inline_key_is_named_by_its_place_and_never_repeated() {
    let given = |key: &str| SpecKey { public_key: key.to_owned(), expires_at: None };
    let secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----";
    let command = format!("command=\"/bin/false\" {}", line(2));
    for bad in [secret, command.as_str(), "c2VjcmV0", "ssh-ed25519 c2VjcmV0", ""] {
        let (want, blocks) = wanted(&[spec(1, None), given(bad)], None, SshPublicKeyPolicy::Exclusive);
        assert_eq!(blocks.len(), 1, "{bad}");
        assert!(blocks[0].needs_person && blocks[0].message.contains("spec.sshPublicKeys[1].publicKey"), "{blocks:?}");
        assert!(!blocks[0].message.contains("c2VjcmV0") && !blocks[0].message.contains("/bin/false"), "{blocks:?}");
        assert_eq!(imported(&want, &[]).len(), 1, "the good one goes on");
        assert!(deleted(&want, &[1, 9], &[]).is_empty());
    }
}

#[test]
fn of_a_new_user_a_bad_key_says_that_it_is_not_made() {
    let bad = SpecKey { public_key: "none".to_owned(), expires_at: None };
    let ended = SpecKey { expires_at: Some("tomorrow".to_owned()), ..spec(1, None) };
    for (inline, sources) in [(&[bad][..], None), (&[ended], None), (&[], Some(vec![source(Ok("garbage"))]))] {
        for (made, told) in [(true, "no key is removed until"), (false, "the user is not made until")] {
            let listed =
                Listed { inline: Some(inline), sources: sources.clone(), policy: SshPublicKeyPolicy::Exclusive, made };
            let (_, blocks) = want(&listed, now());
            assert!(blocks[0].message.contains(told), "{blocks:?}");
        }
    }
}

#[test]
fn a_bad_end_is_named_and_its_key_is_not_used() {
    let (want, blocks) = wanted(&[spec(1, Some("tomorrow"))], None, SshPublicKeyPolicy::Exclusive);
    assert!(blocks[0].needs_person && blocks[0].message.contains("spec.sshPublicKeys[0].expiresAt"), "{blocks:?}");
    assert!(imported(&want, &[]).is_empty());
    assert!(deleted(&want, &[1, 2], &[]).is_empty());
}

#[test]
fn status_shows_keys_in_a_fixed_order_and_keeps_what_is_managed() {
    let mut keys = have(&[3, 1, 2]);
    keys[0].body.push_str(" carol@laptop");
    let shown = status_rows(Some(&exclusive(&[1])), &keys, &recorded(&[3]));
    let rows: Vec<(&str, bool)> = shown.iter().map(|key| (key.id.as_deref().unwrap(), key.managed)).collect();
    assert_eq!(rows, [("key-1", true), ("key-2", false), ("key-3", true)]);
    assert_eq!(shown[2].comment.as_deref(), Some("carol@laptop"));
    assert_eq!(shown[0].fingerprint, PublicKey::parse(&line(1)).ok().map(|key| key.fingerprint()));
    assert_eq!(shown[0].date_imported.as_deref(), Some("2030-01-01T00:00:00Z"));
}

#[test]
fn no_key_and_keys_that_end_soon_are_worth_a_look() {
    let ending = [spec(1, Some("2030-01-14T00:00:00Z")), spec(2, Some("2030-01-16T00:00:00Z"))];
    let (want, _) = wanted(&ending, None, SshPublicKeyPolicy::Exclusive);
    let Reason { code, message, .. } = advisory(Some(&want), &have(&[1, 2]), &[], now(), WARNING).unwrap();
    assert_eq!(code, reasons::KEYS_EXPIRING);
    assert!(message.contains("2030-01-14T00:00:00Z") && !message.contains("2030-01-16"), "{message}");
    assert!(message.contains("spec.sshPublicKeys[0] (SHA256:"), "{message}");
    let told = advisory(Some(&want), &[], &[], now(), WARNING).unwrap();
    assert_eq!(told, Reason::new(reasons::NO_KEYS, "the user has no SSH public key and cannot log in"));
    let ended = [spec(1, Some("2029-12-31T00:00:00Z")), spec(2, Some("2028-01-01T00:00:00Z"))];
    let (want, _) = wanted(&ended, None, SshPublicKeyPolicy::Exclusive);
    let Reason { message, .. } = advisory(Some(&want), &[], &[], now(), WARNING).unwrap();
    let (first, second) = message.split_once(", spec.sshPublicKeys[0] (SHA256:").unwrap();
    assert!(
        first.contains("; expired: spec.sshPublicKeys[1] (SHA256:") && first.ends_with(") at 2028-01-01T00:00:00Z")
    );
    assert!(second.ends_with(") at 2029-12-31T00:00:00Z"), "{message}");
    assert_eq!(advisory(None, &[], &[], now(), WARNING).unwrap().code, reasons::NO_KEYS);
    assert_eq!(advisory(Some(&exclusive(&[1])), &have(&[1]), &[], now(), WARNING), None);
}

#[test]
fn keys_that_a_spec_speaks_of_no_more_are_told_and_others_not() {
    let told = advisory(None, &have(&[1, 2]), &recorded(&[2, 3]), now(), WARNING).unwrap();
    assert_eq!(told.code, reasons::KEYS_LEFT_BEHIND);
    let fingerprint = |number| PublicKey::parse(&line(number)).unwrap().fingerprint();
    assert!(told.message.contains(&fingerprint(2)) && !told.message.contains(&fingerprint(1)), "{}", told.message);
    assert_eq!(advisory(None, &have(&[1]), &recorded(&[2]), now(), WARNING), None, "none of them is of this object");
    assert_eq!(advisory(Some(&exclusive(&[])), &have(&[2]), &recorded(&[2]), now(), WARNING), None, "it goes");
}
