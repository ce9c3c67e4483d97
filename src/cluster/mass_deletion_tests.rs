#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// So many of so many, all deleted in the same second.
fn at_once(free: usize, count: usize, total: usize) -> Group {
    Group { free, going: BTreeMap::from([(at(0), count)]), total }
}

fn nobody() -> Group {
    Group { free: USERS, ..Group::default() }
}

fn identity(uid: &str, annotation: Option<&str>) -> AwsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": "shared", "uid": uid, "annotations": annotation.map(|value| json!({ALLOW_DELETIONS: value}))},
        "spec": {"accountId": "123456789012", "regions": [], "credentials": {"source": "Operator"}},
    }))
    .unwrap()
}

#[test]
fn a_mass_is_more_than_the_few_and_more_than_the_percent() {
    let rows = [
        (SERVERS, 3, 3, 10, false),
        (SERVERS, 4, 4, 10, true),
        (SERVERS, 3, 29, 10, false),
        (SERVERS, 4, 39, 10, true),
        (SERVERS, 4, 40, 10, false),
        (SERVERS, 10, 100, 10, false),
        (SERVERS, 11, 100, 10, true),
        (SERVERS, 50, 100, 50, false),
        (SERVERS, 51, 100, 50, true),
        (SERVERS, 100, 100, 100, false),
        (USERS, 20, 20, 10, false),
        (USERS, 21, 21, 10, true),
        (USERS, 21, 209, 10, true),
        (USERS, 21, 210, 10, false),
        (USERS, 1000, 10_000, 10, false),
        (USERS, 1001, 10_000, 10, true),
        (SERVERS, 100, 100, 0, false),
    ];
    for (free, count, total, percent, held) in rows {
        let group = at_once(free, count, total);
        for (servers, users) in [(&group, &nobody()), (&nobody(), &group)] {
            let mass = MassDeletion::of(servers, users, percent, None);
            assert_eq!(mass.is_some(), held, "{count} of {total}, {free} are free, {percent} %");
        }
    }
}

#[test]
fn only_what_was_deleted_within_ten_minutes_counts_together() {
    let rows: [(&[(i64, usize)], bool); 7] = [
        (&[(0, 2), (600, 2)], true),
        (&[(0, 2), (601, 2)], false),
        (&[(0, 1), (400, 1), (800, 1), (1200, 1)], false),
        (&[(0, 1), (400, 1), (800, 2), (1000, 1)], true),
        (&[(0, 3), (700, 3), (1400, 3)], false),
        (&[(0, 4), (86_400, 1)], true),
        (&[(0, 1), (86_400, 4)], true),
    ];
    for (going, held) in rows {
        let servers = going.iter().map(|(second, count)| (at(*second), *count)).collect();
        let servers = Group { free: SERVERS, going: servers, total: 9 };
        assert_eq!(MassDeletion::of(&servers, &nobody(), 10, None).is_some(), held, "{going:?}");
    }
}

#[test]
fn a_mass_of_servers_holds_users_as_well_and_names_the_last_time() {
    let servers = at_once(SERVERS, 5, 6);
    let users = Group { free: USERS, going: BTreeMap::from([(at(-900), 1), (at(30), 2)]), total: 40 };
    let mass = MassDeletion::of(&servers, &users, 10, None).unwrap();
    assert_eq!((mass.servers, mass.users, mass.count(), mass.until), ((5, 6), (3, 40), 8, at(30)));
    assert!(mass.holds(at(-900)), "what was deleted before waits as well");
}

#[test]
fn a_yes_lets_go_what_was_deleted_until_then_and_counts_the_rest_alone() {
    let going = |late: usize| BTreeMap::from([(at(0), 5), (at(60), late)]);
    let servers = |late| Group { free: SERVERS, going: going(late), total: 20 };
    assert_eq!(MassDeletion::of(&servers(1), &nobody(), 10, Some(at(60))), None);
    assert_eq!(MassDeletion::of(&servers(3), &nobody(), 10, Some(at(0))), None, "the rest is none");
    let rest = MassDeletion::of(&servers(4), &nobody(), 10, Some(at(0))).unwrap();
    assert_eq!((rest.servers, rest.until), ((4, 20), at(60)));
    assert!(!rest.holds(at(0)) && rest.holds(at(60)));
    // What was allowed goes one after the other, the last one first.
    let left = Group { free: SERVERS, going: BTreeMap::from([(at(0), 5)]), total: 15 };
    assert_eq!(MassDeletion::of(&left, &nobody(), 10, Some(at(60))), None);
    // The yes of an earlier mass.
    assert!(MassDeletion::of(&servers(1), &nobody(), 10, Some(at(-86_400))).is_some());
}

#[test]
fn only_a_value_that_this_identity_named_is_a_yes() {
    let mass = MassDeletion::of(&at_once(SERVERS, 4, 4), &nobody(), 10, None).unwrap();
    let named = mass.value(&identity("one", None));
    let late = format!("2999-01-01T00:00:00Z-{}", named.rsplit_once('-').unwrap().1);
    let rows = [
        (Some(named.as_str()), Some(at(0)), "as it was named"),
        (Some(&format!(" {named}\n")), Some(at(0)), "as an editor leaves it"),
        (None, None, "none"),
        (Some(""), None, "empty"),
        (Some("true"), None, "a word"),
        (Some(named.rsplit_once('-').unwrap().0), None, "a time without its hash"),
        (Some(&late), None, "another time with that hash"),
    ];
    for (annotation, expected, what) in rows {
        assert_eq!(allowed(&identity("one", annotation)), expected, "{what}");
    }
    assert_eq!(allowed(&identity("two", Some(&named))), None, "that of another identity");
    let told = mass.told(&identity("one", None));
    assert!(told.starts_with("4 of 4 servers and 0 of 0 users"), "{told}");
    assert!(told.contains(&format!("awsidentity shared --overwrite {ALLOW_DELETIONS}={named}. ")), "{told}");
}
