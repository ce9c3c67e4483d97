//! Which names of security policies are near one that AWS does not know. Pure: it offers names and refuses none.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// So many are offered: a person reads them.
const OFFERED: usize = 3;

/// So many letters may be wrong for a name of another family to be near: a slip of the finger, or a date of another year.
const SLIPS: usize = 3;

/// The names that are near, the nearest first. What only connectors have is none of them.
#[must_use]
pub fn nearest<'a>(name: &str, listed: &'a [String]) -> Vec<&'a str> {
    let (wanted, family) = (name.to_lowercase(), family(name));
    let mut near: Vec<(usize, Reverse<&str>)> = listed
        .iter()
        .filter(|listed| !of_connectors(listed))
        .map(|listed| (slips(&wanted, &listed.to_lowercase()), Reverse(listed.as_str())))
        .filter(|(slips, Reverse(listed))| *slips <= SLIPS || related(&family, &self::family(listed)))
        .collect();
    // Of two that are as near the newer one comes first: the date stands at the end.
    near.sort_unstable();
    near.into_iter().map(|(_, Reverse(listed))| listed).take(OFFERED).collect()
}

/// Whether it is a policy of connectors. A listing has names only, and theirs say it.
fn of_connectors(name: &str) -> bool {
    name.contains("Connector")
}

/// The words of a name between what all begin with and the date: `fips`, or `pq` and `ssh`; none where the date is all.
fn family(name: &str) -> BTreeSet<String> {
    let name = name.to_lowercase();
    let own = name.split_once("securitypolicy-").map_or(name.as_str(), |(_, own)| own);
    own.split('-').filter(|word| word.contains(|c: char| !c.is_ascii_digit())).map(str::to_owned).collect()
}

/// Whether two families have something in common, be it that neither is special.
fn related(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    one.intersection(other).next().is_some() || (one.is_empty() && other.is_empty())
}

/// How many letters have to be put in, taken out or changed to make the one of the other.
fn slips(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let (mut left, mut corner) = (index + 1, index);
        let mut next = vec![left];
        for (theirs, above) in other.iter().zip(row.iter().skip(1)) {
            left = (corner + usize::from(letter != *theirs)).min(left + 1).min(above + 1);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted() {
        let rows = [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("fips", "fps", 1),
            ("2024-01", "2024-10", 2),
            ("abc", "xyz", 3),
        ];
        for (one, other, expected) in rows {
            assert_eq!((slips(one, other), slips(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn near_are_slips_and_the_same_family_and_never_what_connectors_have() {
        let listed: Vec<String> = [
            "TransferSecurityPolicy-2018-11",
            "TransferSecurityPolicy-2023-05",
            "TransferSecurityPolicy-2024-01",
            "TransferSecurityPolicy-2025-03",
            "TransferSecurityPolicy-FIPS-2024-01",
            "TransferSecurityPolicy-FIPS-2024-05",
            "TransferSecurityPolicy-FIPS-2025-03",
            "TransferSecurityPolicy-PQ-SSH-Experimental-2023-04",
            "TransferSecurityPolicy-PQ-SSH-FIPS-Experimental-2023-04",
            "TransferSecurityPolicy-Restricted-2024-06",
            "TransferSFTPConnectorSecurityPolicy-2024-03",
            "TransferSFTPConnectorSecurityPolicy-FIPS-2024-10",
        ]
        .map(str::to_owned)
        .to_vec();
        let rows: [(&str, &[&str]); 8] = [
            ("TransferSecurityPolicy-2025-04", &["2025-03", "2024-01", "2023-05"]),
            ("TransferSecurityPolicy-FIPS-2025-04", &["FIPS-2025-03", "FIPS-2024-05", "FIPS-2024-01"]),
            ("TransferSecurityPolicy-fips-2024-05", &["FIPS-2024-05", "FIPS-2024-01", "FIPS-2025-03"]),
            ("TransferSecurityPolicy-FPS-2024-01", &["FIPS-2024-01", "FIPS-2024-05", "FIPS-2025-03"]),
            ("TransferSecurityPolicy-Restricted-2099-12", &["Restricted-2024-06"]),
            (
                "TransferSecurityPolicy-PQ-SSH-2025-03",
                &["PQ-SSH-Experimental-2023-04", "PQ-SSH-FIPS-Experimental-2023-04"],
            ),
            ("TransferSecurityPolicy-Post-Quantum-Hybrid", &[]),
            ("nonsense", &[]),
        ];
        for (name, expected) in rows {
            let expected: Vec<String> = expected.iter().map(|own| format!("TransferSecurityPolicy-{own}")).collect();
            assert_eq!(nearest(name, &listed), expected, "{name}");
        }
        assert!(
            nearest("TransferSFTPConnectorSecurityPolicy-2024-03", &listed).iter().all(|name| !of_connectors(name))
        );
        assert!(nearest("TransferSecurityPolicy-2025-04", &[]).is_empty());
    }
}
