#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::too_many_lines, reason = "one table")]
use super::*;
use serde_json::json;

const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";

fn login(spec: Value) -> Login {
    let mut spec = spec;
    spec.as_object_mut().unwrap().entry("role").or_insert(json!(ROLE));
    serde_json::from_value(spec).unwrap()
}

/// The text of `spec.policy`, as the kinds read it.
fn text(login: &Login) -> Option<PolicyText> {
    login.policy.clone().map(|text| PolicyText { field: "spec.policy", text: Ok(text) })
}

fn wanted(spec: Value) -> WantedLogin {
    let login = login(spec);
    let domain = if login.posix_profile.is_some() { "EFS" } else { "S3" };
    let (wanted, blocks) = want(&login, text(&login), domain, None);
    assert!(blocks.is_empty(), "{blocks:?}");
    wanted
}

fn settings(have: Value) -> LoginSettings {
    let mut have = have;
    have.as_object_mut().unwrap().entry("role").or_insert(json!(ROLE));
    serde_json::from_value(have).unwrap()
}

/// What is sent for a spec, on what AWS has, after these paths were applied. `Null` for nothing.
fn sent(spec: Value, have: Value, applied: &[&str]) -> Value {
    let applied = applied.iter().map(|path| (*path).to_owned()).collect();
    let update = wanted(spec).update(&settings(have), &applied, Some("alice"));
    update.settings.map_or(Value::Null, |settings| json(&settings))
}

fn mapping(target: &str) -> Value {
    json!([{"entry": "/", "target": target}])
}

#[test]
fn every_member_is_set_changed_cleared_and_left_alone_as_aws_defaults() {
    let logical = |target: &str| json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping(target)});
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let spread = "{ \"Statement\": [], \"Version\": \"2012-10-17\" }";
    let posix = json!({"uid": 1, "gid": 2});
    let rows: Vec<(&str, Value, Value, &[&str], Value)> = vec![
        ("nothing to do", json!({}), json!({}), &["role"], Value::Null),
        (
            "role changed",
            json!({}),
            json!({"role": "arn:aws:iam::123456789012:role/old"}),
            &["role"],
            json!({"role": ROLE}),
        ),
        ("directory set", json!({"homeDirectory": "/b"}), json!({}), &[], json!({"homeDirectory": "/b"})),
        (
            "directory changed",
            json!({"homeDirectory": "/b"}),
            json!({"homeDirectory": "/a"}),
            &[],
            json!({"homeDirectory": "/b"}),
        ),
        (
            "directory left the spec",
            json!({}),
            json!({"homeDirectory": "/a"}),
            &["homeDirectory"],
            json!({"homeDirectory": ""}),
        ),
        ("directory never set", json!({}), json!({"homeDirectory": "/a"}), &[], Value::Null),
        ("directory already clear", json!({}), json!({}), &["homeDirectory"], Value::Null),
        ("PATH is the default", json!({"homeDirectoryType": "PATH"}), json!({}), &[], Value::Null),
        ("PATH to LOGICAL", logical("/b"), json!({"homeDirectoryType": "PATH"}), &[], logical("/b")),
        (
            "PATH with a directory to LOGICAL",
            logical("/b"),
            json!({"homeDirectory": "/a", "homeDirectoryType": "PATH"}),
            &["homeDirectory"],
            json!({"homeDirectory": "", "homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping("/b")}),
        ),
        (
            "LOGICAL to PATH",
            json!({"homeDirectoryType": "PATH"}),
            logical("/b"),
            &[],
            json!({"homeDirectoryType": "PATH"}),
        ),
        (
            "LOGICAL left the spec",
            json!({}),
            logical("/b"),
            &["homeDirectoryType", "homeDirectoryMappings"],
            json!({"homeDirectoryType": "PATH"}),
        ),
        (
            "LOGICAL to a directory",
            json!({"homeDirectory": "/b"}),
            logical("/b"),
            &["homeDirectoryType", "homeDirectoryMappings"],
            json!({"homeDirectory": "/b", "homeDirectoryType": "PATH"}),
        ),
        ("mappings changed: the type goes with them", logical("/b"), logical("/a"), &[], logical("/b")),
        (
            "a mapping without type is a DIRECTORY",
            logical("/b"),
            json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": [{"entry": "/", "target": "/b", "type": "DIRECTORY"}]}),
            &[],
            Value::Null,
        ),
        ("LOGICAL by another's hand", json!({}), logical("/b"), &[], Value::Null),
        (
            "policy set",
            json!({"policy": spread}),
            json!({}),
            &[],
            json!({"policy": "{\"Statement\":[],\"Version\":\"2012-10-17\"}"}),
        ),
        ("policy of the same meaning", json!({"policy": spread}), json!({"policy": policy}), &[], Value::Null),
        ("policy left the spec", json!({}), json!({"policy": policy}), &["policy"], json!({"policy": ""})),
        ("policy never set", json!({}), json!({"policy": policy}), &[], Value::Null),
        (
            "profile set: the group ids are stated",
            json!({"posixProfile": posix}),
            json!({}),
            &[],
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": []}}),
        ),
        (
            "profile loses its group ids",
            json!({"posixProfile": posix}),
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": [3]}}),
            &["posixProfile"],
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": []}}),
        ),
        (
            "group ids are a set",
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": [4, 3]}}),
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": [3, 4]}}),
            &[],
            Value::Null,
        ),
        (
            "no group ids and an empty list are the same",
            json!({"posixProfile": posix}),
            json!({"posixProfile": {"uid": 1, "gid": 2, "secondaryGids": []}}),
            &[],
            Value::Null,
        ),
    ];
    for (reason, spec, have, applied, expected) in rows {
        assert_eq!(sent(spec, have, applied), expected, "{reason}");
    }
}

#[test]
fn a_profile_that_left_the_spec_is_named_because_aws_cannot_clear_it() {
    let applied = BTreeSet::from(["posixProfile".to_owned()]);
    let have = settings(json!({"posixProfile": {"uid": 1, "gid": 2}}));
    for domain in ["EFS", ""] {
        let update = want(&login(json!({})), None, domain, None).0.update(&have, &applied, None);
        assert_eq!(update.settings, None);
        let [Reason { code, message, needs_person: true, sought: false }] = update.blocks.as_slice() else {
            panic!("{:?}", update.blocks)
        };
        assert!(*code == reasons::CANNOT_CLEAR && message.contains("spec.posixProfile"), "{domain}: {message}");
    }
    let (bare, blocks) = want(&login(json!({})), None, "EFS", None);
    let reasons: Vec<&str> = bare.faults().iter().map(|block| block.code).collect();
    assert!(reasons == [reasons::INVALID_FOR_SERVER] && blocks.is_empty(), "none is made without");
    let update = wanted(json!({})).update(&have, &applied, None);
    assert_eq!(update, Update::default(), "on S3 it means nothing, so it need not be cleared");
}

/// What is sent, and the reasons and messages of what is told.
fn judged(domain: &str, spec: Value, have: Value) -> (Value, Vec<(&'static str, String)>) {
    let login = login(spec);
    let (wanted, blocks) = want(&login, text(&login), domain, None);
    assert!(blocks.is_empty(), "{blocks:?}");
    let update = wanted.update(&settings(have), &BTreeSet::new(), Some("alice"));
    let told = update.blocks.into_iter().map(|block| (block.code, block.message)).collect();
    (update.settings.map_or(Value::Null, |settings| json(&settings)), told)
}

#[test]
fn a_value_that_can_only_be_a_mistake_is_in_no_call_unless_aws_has_it() {
    let mapped = |entries: &[&str]| -> Value {
        let entries = entries.iter().map(|entry| json!({"entry": entry, "target": "/b"}));
        json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": entries.collect::<Vec<Value>>()})
    };
    let profile = json!({"posixProfile": {"uid": 1, "gid": 2}});
    let other = json!({"posixProfile": {"uid": 1, "gid": 3}});
    let rows = [
        (json!({"policy": "{\"hello\":1}"}), json!({}), reasons::INVALID_SPEC, "spec.policy: policy has no Statement"),
        (mapped(&["/a", "/a/"]), mapped(&["/a"]), reasons::INVALID_SPEC, "[1].entry /a stands in"),
        (mapped(&["/a/b/c", "/a-", "/a"]), json!({}), reasons::INVALID_SPEC, "[0].entry /a/b/c lies inside"),
        (mapped(&["/a", "/"]), json!({}), reasons::INVALID_SPEC, "[0].entry /a lies inside"),
        (profile.clone(), json!({}), reasons::INVALID_FOR_SERVER, "spec.posixProfile"),
        (profile.clone(), other, reasons::INVALID_FOR_SERVER, "spec.posixProfile"),
    ];
    for (spec, have, reason, message) in rows {
        let with = |mut value: Value, role: &str| {
            value["role"] = json!(format!("arn:aws:iam::123456789012:role/{role}"));
            value
        };
        let (sent, told) = judged("S3", spec.clone(), with(have, "old"));
        let (given, words) = &told[0];
        assert!(*given == reason && words.contains(message), "{spec}: {told:?}");
        if reason == reasons::INVALID_FOR_SERVER {
            assert_eq!((sent, told.len()), (json!({"role": ROLE}), 1), "{spec}: what means nothing holds nothing");
        } else {
            assert_eq!((sent, told.len()), (Value::Null, 2), "{spec}: as where AWS refuses it");
            assert!(told[1].1.starts_with("spec.role"), "{told:?}");
        }
        let faults = want(&login(spec.clone()), text(&login(spec.clone())), "S3", None).0.faults();
        assert_eq!(faults.len(), 1, "{spec}: none is made with it");
        assert_eq!(judged("S3", spec.clone(), spec.clone()), (Value::Null, Vec::new()), "{spec}: as AWS has it");
    }
    let right = mapped(&["/a/b", "/a-", "/ab", "/a/c"]);
    assert_eq!(judged("S3", right.clone(), json!({})), (right, Vec::new()));
    let (sent, told) = judged("", profile, json!({}));
    assert!(sent["posixProfile"].is_object() && told.is_empty(), "a server that is not known: {told:?}");
}

#[test]
fn what_others_set_on_a_login_is_shown_and_what_the_spec_set_is_not() {
    let have = settings(json!({
        "homeDirectory": "/a", "homeDirectoryType": "PATH", "policy": "{}", "posixProfile": {"uid": 1, "gid": 2},
    }));
    let rows = |spec: Value, applied: &[&str]| -> Vec<String> {
        let paths = applied.iter().map(|path| (*path).to_owned()).collect();
        let told = wanted(spec).unset(&have, Some(&Applied { paths, ..Applied::default() }));
        told.into_iter().map(|row| format!("{}={}", row.field, row.have)).collect()
    };
    let profile = "spec.posixProfile={\"gid\":2,\"uid\":1}";
    assert_eq!(rows(json!({}), &[]), ["spec.homeDirectory=/a", "spec.policy={}", profile]);
    let set = json!({"homeDirectory": "/b"});
    assert_eq!(rows(set, &["policy", "posixProfile"]), [profile], "on S3 it left the spec without a call");
    let text = Err(Reason::new(reasons::SOURCE_NOT_READY, "spec.policyFrom: absent"));
    let unread = PolicyText { field: "spec.policyFrom", text };
    let held = want(&login(json!({})), Some(unread), "S3", None).0.unset(&have, None);
    assert!(held.iter().all(|row| row.field != "spec.policy"), "{held:?}");
}

/// Users of other tools, peers.md C 3: no difference for ever with a variable in a mapping.
#[test]
fn a_variable_that_aws_returns_expanded_is_no_difference() {
    let spec = json!({"homeDirectory": "/b/${Transfer:UserName}/in"});
    let home = json!({"home": {"s3": {"bucket": "b", "prefix": "${transfer:UserName}"}}});
    let logical = |target: &str| json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping(target)});
    assert_eq!(sent(spec.clone(), json!({"homeDirectory": "/b/alice/in"}), &[]), Value::Null);
    assert_eq!(sent(spec.clone(), json!({"homeDirectory": "/b/${Transfer:UserName}/in"}), &[]), Value::Null);
    assert_eq!(sent(spec.clone(), json!({"homeDirectory": "/b/bob/in"}), &[]), spec);
    assert_eq!(sent(home.clone(), logical("/b/alice"), &[]), Value::Null);
    assert_eq!(sent(home, logical("/b/bob"), &[]), logical("/b/${transfer:UserName}"));
}

/// Users of other tools, peers.md C 21: a home that is closed is one word.
/// Users of other tools, peers.md C 22: and a home has its bucket in a field.
#[test]
fn the_short_form_of_a_home_becomes_awss_members() {
    let rows = [
        (
            json!({"s3": {"bucket": "b", "prefix": "a/c"}}),
            json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping("/b/a/c")}),
        ),
        (
            json!({"s3": {"bucket": "b"}}),
            json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping("/b")}),
        ),
        (
            json!({"s3": {"bucket": "b", "prefix": "/a/"}, "restricted": false}),
            json!({"homeDirectoryType": "PATH", "homeDirectory": "/b/a"}),
        ),
        (
            json!({"efs": {"fileSystemId": "fs-1", "path": "x"}, "restricted": false}),
            json!({"homeDirectoryType": "PATH", "homeDirectory": "/fs-1/x"}),
        ),
        (
            json!({"efs": {"fileSystemId": "fs-1"}}),
            json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping("/fs-1")}),
        ),
    ];
    for (home, expected) in rows {
        let domain = if home.get("efs").is_some() { "EFS" } else { "S3" };
        let login = login(json!({"home": home, "posixProfile": {"uid": 1, "gid": 1}}));
        let (wanted, blocks) = want(&login, None, domain, None);
        assert!(blocks.is_empty(), "{blocks:?}");
        let mut given = json(&wanted.settings);
        given.as_object_mut().unwrap().retain(|name, _| name.starts_with("home"));
        assert_eq!(given, expected);
    }
}

#[test]
fn a_home_that_contradicts_itself_is_named_and_nothing_of_it_is_sent() {
    let rows = [
        (json!({"home": {"s3": {"bucket": "b"}}, "homeDirectory": "/b"}), "spec.home "),
        (json!({"home": {}}), "spec.home "),
        (json!({"home": {"s3": {"bucket": "b"}, "efs": {"fileSystemId": "fs-1"}}}), "spec.home "),
        (json!({"homeDirectoryMappings": mapping("/b")}), "spec.homeDirectoryMappings"),
        (json!({"homeDirectoryType": "LOGICAL"}), "spec.homeDirectoryType"),
        (json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": []}), "spec.homeDirectoryType"),
    ];
    for (spec, field) in rows {
        let (wanted, blocks) = want(&login(spec), None, "S3", None);
        assert_eq!(blocks[0].code, reasons::INVALID_SPEC);
        assert!(blocks[0].needs_person && blocks[0].message.contains(field), "{blocks:?}");
        let applied = HOME.map(str::to_owned).into();
        let have = json!({"homeDirectory": "/a", "homeDirectoryType": "LOGICAL", "role": "arn:aws:iam::123456789012:role/old"});
        let update = wanted.update(&settings(have), &applied, None);
        assert_eq!(update.settings, None, "the rest waits");
        assert!(update.blocks[0].message.starts_with("spec.role not in force"), "{:?}", update.blocks);
    }
}

#[test]
fn a_policy_that_cannot_be_used_holds_back_the_login_and_is_never_cleared() {
    let long = format!("{{\"Id\": \"{}\"}}", "x".repeat(2048));
    let missing = Reason::new(reasons::SOURCE_NOT_READY, "spec.policyFrom: ConfigMap ns/p is absent");
    let rows = [
        (Ok("{".to_owned()), reasons::INVALID_SPEC, true),
        (Ok(long), reasons::INVALID_SPEC, true),
        (Err(missing), reasons::SOURCE_NOT_READY, false),
    ];
    for (text, reason, stalled) in rows {
        let policy = PolicyText { field: "spec.policyFrom", text };
        let (wanted, blocks) = want(&login(json!({"homeDirectory": "/b"})), Some(policy), "S3", None);
        assert_eq!((blocks[0].code, blocks[0].needs_person), (reason, stalled));
        assert!(blocks[0].message.starts_with("spec.policyFrom"), "{blocks:?}");
        let applied = BTreeSet::from(["policy".to_owned()]);
        let update = wanted.update(&settings(json!({"policy": "{}"})), &applied, None);
        assert_eq!((update.settings, update.resolved), (None, Vec::new()), "no wider home under the old policy");
        assert!(!wanted.paths().contains("policy"), "not sent, so not ours to clear later");
        assert_eq!(update.blocks.len(), 1);
        let told = "spec.homeDirectory not in force until then: ";
        assert!(!update.blocks[0].needs_person && update.blocks[0].message.starts_with(told), "{:?}", update.blocks);
        let same = wanted.update(&settings(json!({"policy": "{}", "homeDirectory": "/b"})), &applied, None);
        assert_eq!((same.settings, same.blocks), (None, Vec::new()), "nothing else waits");
        assert!(update.changes.iter().all(|change| change.path != "policy"), "nothing is known of it");
    }
}

#[test]
fn the_policy_limit_counts_what_is_sent() {
    let spread = format!("{{\"Id\":{}\"x\"}}", " ".repeat(4000));
    assert_eq!(wanted(json!({"policy": spread})).settings.policy.as_deref(), Some("{\"Id\":\"x\"}"));
}

#[test]
fn two_policies_are_refused() {
    let login = login(json!({"policy": "{}", "policyFrom": {"configMapKeyRef": {"name": "n", "key": "k"}}}));
    let (wanted, blocks) = want(&login, text(&login), "S3", None);
    assert_eq!(blocks[0].code, reasons::INVALID_SPEC);
    assert!(wanted.held.contains("policy"));
}

#[test]
fn a_role_that_is_not_granted_is_in_no_call_and_nothing_goes_without_it() {
    let block = Reason::stalled(reasons::ROLE_NOT_GRANTED, "spec.role: ask");
    let (wanted, blocks) = want(&login(json!({"homeDirectory": "/b"})), None, "S3", Some(block.clone()));
    assert_eq!(blocks, [block]);
    let update =
        wanted.update(&settings(json!({"role": "arn:aws:iam::123456789012:role/old"})), &BTreeSet::new(), None);
    assert_eq!(update.settings, None, "the new home with the old role is an access that nobody wrote");
    let told: Vec<&str> = update.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(told, ["role", "homeDirectory"], "the differences are told");
    assert!(update.blocks[0].message.starts_with("spec.homeDirectory not in force"), "{:?}", update.blocks);
    let in_force = wanted.update(&settings(json!({})), &BTreeSet::new(), None);
    assert_eq!(in_force.settings.map(|sent| json(&sent)), Some(json!({"homeDirectory": "/b"})), "AWS has the role");
    assert!(in_force.blocks.is_empty());
}

#[test]
fn what_the_domain_of_the_server_asks_for() {
    let posix = json!({"uid": 1, "gid": 1});
    let rows: Vec<(&str, &str, Value, Option<&str>)> = vec![
        ("S3 needs nothing", "S3", json!({}), None),
        ("EFS with one", "EFS", json!({"posixProfile": posix}), None),
        ("EFS takes no policy", "EFS", json!({"posixProfile": posix, "policy": "{}"}), Some("spec.policy")),
        ("EFS paths", "EFS", json!({"posixProfile": posix, "homeDirectory": "/b/x"}), Some("spec.homeDirectory ")),
        ("EFS path that fits", "EFS", json!({"posixProfile": posix, "homeDirectory": "/fs-0123/x"}), None),
        (
            "EFS targets",
            "EFS",
            json!({"posixProfile": posix, "homeDirectoryType": "LOGICAL", "homeDirectoryMappings": mapping("/b")}),
            Some("spec.homeDirectoryMappings[0].target"),
        ),
        (
            "EFS and home.s3",
            "EFS",
            json!({"posixProfile": posix, "home": {"s3": {"bucket": "b"}}}),
            Some("spec.home.s3"),
        ),
        (
            "S3 and home.efs",
            "S3",
            json!({"posixProfile": posix, "home": {"efs": {"fileSystemId": "fs-1"}}}),
            Some("spec.home.efs"),
        ),
    ];
    for (reason, domain, spec, expected) in rows {
        let login = login(spec);
        let (wanted, blocks) = want(&login, text(&login), domain, None);
        let Some(field) = expected else {
            assert!(blocks.is_empty(), "{reason}: {blocks:?}");
            continue;
        };
        assert_eq!(blocks[0].code, reasons::INVALID_FOR_SERVER, "{reason}");
        assert!(blocks[0].needs_person && blocks[0].message.contains(field), "{reason}: {blocks:?}");
        let other = settings(json!({"role": "arn:aws:iam::123456789012:role/old"}));
        assert_eq!(wanted.update(&other, &BTreeSet::new(), None).settings, None, "{reason}: nothing is sent");
    }
}

#[test]
fn a_variable_of_the_home_directory_means_nothing_to_a_restricted_one() {
    let told = |policy: &str, home_type: &str| {
        let have = settings(json!({"policy": policy, "homeDirectoryType": home_type}));
        home::unfilled(&have).map(|hint| (hint.code, hint.message.contains(policy)))
    };
    let expected = Some((reasons::POLICY_VARIABLE, true));
    for variable in ["${transfer:HomeBucket}", "${transfer:HomeFolder}", "${transfer:HomeDirectory}"] {
        assert_eq!(told(variable, "LOGICAL"), expected, "{variable}");
        assert_eq!(told(variable, "PATH"), None, "{variable}");
    }
    assert_eq!(
        told("arn:aws:s3:::${Transfer:HomeBucket}/*", "LOGICAL").map(|(reason, _)| reason),
        expected.map(|it| it.0)
    );
    assert_eq!(told("${transfer:UserName}", "LOGICAL"), None);
    assert_eq!(home::unfilled(&settings(json!({"homeDirectoryType": "LOGICAL"}))), None);
}
