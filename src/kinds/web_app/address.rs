//! The scheme of a web app's address, which AWS may not show: what was sent is remembered, as an edit of it may show nowhere.
//! Pure.

use super::members::ACCESS_ENDPOINT;
use crate::api::status::Applied;
use crate::engine::applied;
use crate::engine::digest::keyed;
use crate::web_address::{HTTPS, SCHEMES, spelt};

/// Whether what AWS shows hides how it differs from this: only the scheme does, and AWS shows none.
#[must_use]
pub fn hides(shown: Option<&str>, wanted: Option<&str>) -> bool {
    let bare = shown.filter(|shown| !shown.contains("://"));
    bare.zip(wanted).is_some_and(|(shown, wanted)| spelt(shown, scheme(wanted)) == spelt(wanted, HTTPS))
}

/// What is remembered of an address beside its path: each scheme that may have been sent, until AWS took one.
#[must_use]
pub fn record(uid: &str, wanted: Option<&str>) -> Option<(String, String)> {
    wanted.map(|wanted| applied::may_have(ACCESS_ENDPOINT, keyed(uid, scheme(wanted))))
}

/// The scheme that an address has where AWS shows none: the one that was sent; where both may have been, the one that is not
/// wanted, so that the other is sent; and of what nobody knows, the one that is wanted.
#[must_use]
pub fn unsaid(uid: &str, wanted: Option<&str>, applied: Option<&Applied>) -> &'static str {
    let may_have = |known: &&str| {
        let (row, _) = applied::may_have(ACCESS_ENDPOINT, keyed(uid, known));
        applied.is_some_and(|applied| applied.hashes.contains_key(&row))
    };
    let is_wanted = |known: &&str| wanted.is_some_and(|wanted| scheme(wanted) == *known);
    let mut schemes = SCHEMES.iter().map(|(known, _)| *known);
    let other = schemes.clone().find(|known| may_have(known) && !is_wanted(known));
    other.or_else(|| schemes.find(is_wanted)).unwrap_or(HTTPS)
}

fn scheme(address: &str) -> &str {
    address.split_once("://").map_or(HTTPS, |(scheme, _)| scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_that_aws_does_not_show_is_the_one_that_was_sent() {
        let sent = |address: &str| Applied {
            hashes: record("uid", Some(address)).into_iter().collect(),
            ..Applied::default()
        };
        let (plain, secure) = ("http://files.example.com", "https://files.example.com");
        let mut both = sent(plain);
        both.hashes.extend(sent(secure).hashes);
        let rows = [
            (Some(plain), Some(sent(secure)), HTTPS),
            (Some(secure), Some(sent(plain)), "http"),
            (Some(plain), Some(both.clone()), HTTPS),
            (Some(secure), Some(both), "http"),
            (Some(plain), None, "http"),
            (None, None, HTTPS),
        ];
        for (wanted, applied, expected) in rows {
            assert_eq!(unsaid("uid", wanted, applied.as_ref()), expected, "{wanted:?}, {applied:?}");
        }
        let rows = [("files.example.com", true), ("https://files.example.com", false), ("other.example.com", false)];
        for (shown, expected) in rows {
            assert_eq!(hides(Some(shown), Some(plain)), expected, "{shown}");
        }
    }
}
