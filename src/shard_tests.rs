#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn shard(text: &str) -> Shard {
    text.parse().unwrap()
}

fn claim(lease: &str, of: &str, held: bool, version: &str) -> Claim {
    let (duration, version) = (Duration::from_secs(15), version.to_owned());
    Claim { lease: lease.to_owned(), shard: shard(of), held, duration, version }
}

#[test]
fn an_account_stays_with_its_shard_in_every_version() {
    // These are what they are for ever: a process of another version must count alike.
    let numbers = ["123456789012", "000000000000", "210987654321"]
        .map(|account| (0..7).find(|number| shard(&format!("{number}/7")).owns(Some(account))).unwrap());
    assert_eq!(numbers, [1, 2, 5]);
}

#[test]
fn a_hundred_accounts_are_spread_over_eight_shards() {
    let of = |number: u32| -> usize {
        let shard = shard(&format!("{number}/8"));
        (0..100_u64).filter(|account| shard.owns(Some(&format!("{:012}", 104_729 * account + 100_000_000_007)))).count()
    };
    let each: Vec<usize> = (0..8).map(of).collect();
    assert_eq!(each.iter().sum::<usize>(), 100);
    assert!(each.iter().all(|count| (4..=21).contains(count)), "{each:?}");
}

#[test]
fn leases_are_named_by_their_number_and_the_first_as_ever() {
    assert_eq!(Shard::WHOLE.lease("transfer-operator"), "transfer-operator");
    assert_eq!(shard("0/3").lease("transfer-operator"), "transfer-operator");
    assert_eq!(shard("2/3").lease("transfer-operator"), "transfer-operator-2");
    let of_ours = |name| Shard::names_lease("transfer-operator", name);
    assert!(of_ours("transfer-operator") && of_ours("transfer-operator-63"));
    assert!(!["transfer", "transfer-operator-", "transfer-operator-x", "transfer-operator2"].into_iter().any(of_ours));
}

#[test]
fn a_shard_is_believed_of_the_holder_that_it_names_only() {
    let two = shard("1/2");
    assert_eq!(Shard::of_holder(Some(&two.said_of("pod a")), "pod a"), two);
    let whole = [(None, "a"), (Some("1/2"), "a"), (Some("1/2 a"), "b"), (Some("1/2 a"), ""), (Some("2/2 a"), "a")];
    for (said, holder) in whole {
        assert_eq!(Shard::of_holder(said, holder), Shard::WHOLE, "{said:?} {holder}");
    }
}

#[test]
fn only_a_lease_of_another_number_that_may_be_valid_is_in_the_way() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let own = shard("0/2");
    let mut others = Others::default();
    let mut look = |claim: Claim, seconds| others.in_the_way(own, &[claim], at(seconds)).is_some();
    assert!(!look(claim("x-1", "1/2", true, "1"), 0), "the same number");
    assert!(!look(claim("x-2", "2/3", false, "1"), 0), "nobody holds it");
    assert!(look(claim("x-2", "2/3", true, "2"), 1), "taken");
    assert!(look(claim("x-2", "2/3", true, "2"), 15), "not expired, as seen here");
    assert!(look(claim("x-2", "2/3", true, "3"), 16), "renewed");
    assert!(look(claim("x-2", "2/3", true, "3"), 30));
    assert!(!look(claim("x-2", "2/3", true, "3"), 31), "expired, as seen here");
    let mut late = Others::default();
    assert!(late.in_the_way(own, &[claim("x-2", "2/3", true, "3")], at(99)).is_some(), "how old it is cannot be known");
}

proptest! {
    #[test]
    fn every_account_is_of_exactly_one_shard(account in "[0-9]{12}|.{0,20}", of in 1_u32..=64) {
        let owners = (0..of).filter(|number| shard(&format!("{number}/{of}")).owns(Some(&account)));
        prop_assert_eq!(owners.count(), 1);
        let of_none = (0..of).filter(|number| shard(&format!("{number}/{of}")).owns(None));
        prop_assert_eq!(of_none.collect::<Vec<_>>(), vec![0]);
    }
}
