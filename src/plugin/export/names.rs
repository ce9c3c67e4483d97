//! Names of AWS as names of Kubernetes objects: readable, never two of one kind the same, and the same again in the
//! next export, in whatever order AWS lists. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

/// Leaves room for a suffix, and for what the operator hangs onto names.
const LONGEST: usize = 200;

/// How many digits tell apart names that would be the same.
const SUFFIX: usize = 6;

/// One name for each thing, in the same order. Each is given as what tells it apart for good (the id of its server and
/// its name, say) and the name that it should have.
#[must_use]
pub fn names(things: &[(String, String)]) -> Vec<String> {
    let plain: Vec<String> = things.iter().map(|(_, wanted)| sanitized(wanted)).collect();
    let mut crowd: BTreeMap<&str, usize> = BTreeMap::new();
    let mut natural: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, (_, wanted)) in plain.iter().zip(things) {
        *crowd.entry(name).or_default() += 1;
        *natural.entry(name).or_default() += usize::from(name == wanted);
    }
    // Who has the name alone keeps it, and of several the only one that is called exactly so.
    let alone = |name: &str, wanted: &str| match (crowd.get(name), natural.get(name)) {
        (Some(1), _) => true,
        (_, Some(1)) => name == wanted,
        _ => false,
    };
    let kept = |(name, (_, wanted)): &(&String, &(String, String))| alone(name, wanted);
    let mut taken: BTreeSet<String> = plain.iter().zip(things).filter(kept).map(|(name, _)| name.clone()).collect();
    let give = |(name, (id, wanted)): (&String, &(String, String))| {
        if alone(name, wanted) {
            return name.clone();
        }
        let digits = format!("{:x}", Sha256::digest(id));
        let lengths = SUFFIX..=digits.len();
        let mut candidates = lengths.filter_map(|length| Some(format!("{name}-{}", digits.get(..length)?)));
        let free = candidates.find(|name| !taken.contains(name)).unwrap_or_else(|| digits.clone());
        taken.insert(free.clone());
        free
    };
    plain.iter().zip(things).map(give).collect()
}

/// The nearest name that Kubernetes takes.
fn sanitized(wanted: &str) -> String {
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let letters: String = wanted.to_ascii_lowercase().chars().map(allowed).take(LONGEST).collect();
    let parts = letters.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join(".");
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: &[(&str, &str)]) -> Vec<String> {
        names(&wanted.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn a_name_that_fits_is_kept_and_others_come_near_it() {
        let rows = [
            ("alice", "alice"),
            ("a.lice", "a.lice"),
            ("Alice", "alice"),
            ("a_b@c", "a-b-c"),
            ("x.-y..z-", "x.y.z"),
            ("_@_", "unnamed"),
            ("S-1-5-21-1", "s-1-5-21-1"),
        ];
        for (wanted, name) in rows {
            assert_eq!(of(&[("1", wanted)]), [name], "{wanted}");
        }
        assert!(of(&[("1", &"x".repeat(300))]).iter().all(|name| name.len() <= LONGEST));
    }

    #[test]
    fn names_that_would_be_the_same_are_told_apart_for_good() {
        let both = of(&[("s/Alice", "Alice"), ("s/alice", "alice"), ("s/ALICE", "ALICE")]);
        assert_eq!(both.iter().map(String::as_str).nth(1), Some("alice"), "who is called so keeps it");
        assert_eq!(both.iter().collect::<BTreeSet<_>>().len(), 3);
        assert!(both.iter().all(|name| name.starts_with("alice")));
        let turned = of(&[("s/ALICE", "ALICE"), ("s/alice", "alice"), ("s/Alice", "Alice")]);
        assert_eq!(turned.into_iter().rev().collect::<Vec<_>>(), both, "in whatever order they come");
        let on_two = of(&[("s-1/bob", "bob"), ("s-2/bob", "bob")]);
        assert!(on_two.iter().all(|name| name.starts_with("bob-")) && on_two.first() != on_two.last(), "{on_two:?}");
        let sneaky =
            of(&[("a", "X"), ("b", "x_"), ("c", &format!("x-{}", &format!("{:x}", Sha256::digest("a"))[..SUFFIX]))]);
        assert_eq!(sneaky.iter().collect::<BTreeSet<_>>().len(), 3, "{sneaky:?}");
    }
}
