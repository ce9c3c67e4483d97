//! What is wanted of a certificate, from its spec and what its source holds. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::source::Source;
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::api::{Managed, TransferCertificate};
use crate::aws::Tags;
use crate::aws::transfer::ImportCertificate;
use crate::engine::digest::hash;
use crate::engine::kind::{KindStatus, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::certificate_ref::Holders;
use crate::kinds::tags;

/// Path of the time from which it is used.
pub const ACTIVE: &str = "activeDate";
/// Path of the time until which it is used.
pub const INACTIVE: &str = "inactiveDate";
/// Path of the certificates that follow it.
pub const CHAIN: &str = "certificateChain";
/// Path of what it is called.
pub const DESCRIPTION: &str = "description";

/// What is wanted of a certificate.
#[derive(Clone, Debug)]
pub struct WantedCertificate {
    /// What it is for.
    pub usage: String,
    /// The certificate; nothing where it could not be read, and then what AWS has stays.
    pub source: Option<Source>,
    /// From when on it is used, where the spec says so.
    pub active_date: Option<Timestamp>,
    /// Until when it is used, where the spec says so.
    pub inactive_date: Option<Timestamp>,
    /// What it is called, where the spec says so.
    pub description: Option<String>,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// How long the old one stands beside the one that took its place.
    pub overlap: Duration,
    /// Whether the dates of the spec can be read; where one cannot, neither is changed.
    pub dates_known: bool,
    /// Who holds the old one.
    pub holders: Holders,
    /// When one that is imported now becomes active, unless the spec says later.
    pub noticed: Timestamp,
    /// So much later than now is a time that is sent, at least: AWS may refuse one that has passed once the call arrives. A
    /// renewed one always has a time from which it is used: its overlap counts from there.
    pub ahead: Duration,
}

/// The spec in AWS's terms, with what its source holds, and what is not in order.
#[must_use]
pub fn want(
    object: &TransferCertificate,
    source: Result<Source, Reason>,
    holders: Holders,
    identity_tags: &Tags,
    (now, ahead): (Timestamp, Duration),
) -> Wanted<WantedCertificate> {
    let spec = &object.spec;
    let (mut blocks, mut paths) = (Vec::new(), BTreeSet::new());
    let mut dates_known = true;
    let mut date = |path: &'static str, text: Option<&String>| {
        let text = text?;
        paths.insert(path.to_owned());
        let read = whole_second(text);
        if read.is_none() {
            dates_known = false;
            let message = format!("spec.{path} is no RFC 3339 time such as 2030-01-31T00:00:00Z; no date is changed");
            blocks.push(Reason::stalled(reasons::INVALID_SPEC, message));
        }
        read
    };
    let active_date = date(ACTIVE, spec.active_date.as_ref());
    let inactive_date = date(INACTIVE, spec.inactive_date.as_ref());
    let said = |date: Option<Timestamp>| date.filter(|_| dates_known);
    let (active_date, inactive_date) = (said(active_date), said(inactive_date));
    paths.extend(spec.description.iter().map(|_| DESCRIPTION.to_owned()));
    let source = source.map_err(|why| blocks.push(why)).ok();
    let tags = tags::wanted(&spec.tags, identity_tags);
    blocks.extend(tags::unfit(&tags));
    let want = WantedCertificate {
        usage: spec.usage.clone(),
        source,
        active_date,
        inactive_date,
        description: spec.description.clone(),
        tags,
        overlap: spec.overlap(),
        dates_known,
        holders,
        noticed: later(now, notice(object, now, ahead)),
        ahead,
    };
    let faults = never_in_force(object, &want).into_iter().collect();
    // AWS may show a chain in another form than it was sent in: one that was sent is not sent again.
    let sent = want.source.as_ref().map(|source| (CHAIN.to_owned(), hash(source.chain.as_deref().unwrap_or_default())));
    let applied = Applied {
        paths: paths.into_iter().collect(),
        tags: want.tags.keys().cloned().collect(),
        hashes: sent.into_iter().collect(),
        ..Applied::default()
    };
    let changes_at = object.status.as_ref().and_then(|status| status.rotates_at(now));
    let digest = digest(&want);
    Wanted { want, blocks, faults, applied, changes_at, operation: None, digest }
}

/// How much notice partners are given of one that is imported now: of the first one none. Where the one before is over
/// already, each day of it would be a day without any.
fn notice(object: &TransferCertificate, now: Timestamp, ahead: Duration) -> Duration {
    let status = object.status.as_ref();
    let end = status.and_then(|status| status.inactive_date.as_ref()?.parse::<Timestamp>().ok());
    match () {
        () if !renews(object) => Duration::ZERO,
        () if end.is_some_and(|end| end <= now) => ahead,
        () => object.spec.notice().max(ahead),
    }
}

/// Whether one is there, or was, whose place the imported one takes.
fn renews(object: &TransferCertificate) -> bool {
    object.status().is_some_and(|status| status.replacing.is_some() || status.id().is_some())
}

/// Why the certificate of the source would never be used, were it imported now.
fn never_in_force(object: &TransferCertificate, want: &WantedCertificate) -> Option<Reason> {
    let facts = &want.source.as_ref()?.facts;
    let from = begins(object, want).map_or(facts.not_before, |from| from.max(facts.not_before));
    let until = want.inactive_date.map_or(facts.not_after, |until| until.min(facts.not_after));
    // Without a time that moves with the clock: it would be another message at each look.
    let message = format!(
        "the certificate of the source would never be used: it ends at {until}, before it became active. rotation.notice and \
         activeDate must leave it time before inactiveDate and its own end at {}",
        facts.not_after
    );
    (from >= until).then(|| Reason::stalled(reasons::INVALID_SPEC, message))
}

/// From when on one that is imported now is used, where something says so: a renewed one after its notice, the first of an
/// object as the spec says, or at once where that has passed.
fn begins(object: &TransferCertificate, want: &WantedCertificate) -> Option<Timestamp> {
    let later = want.active_date.filter(|said| want.noticed < *said);
    if renews(object) { later.or(Some(want.noticed)) } else { later }
}

/// A moment so much later, as far as there is one.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    whole(at.checked_add(by).unwrap_or(Timestamp::MAX))
}

/// AWS is told whole seconds, and others may have told it parts of one.
pub(super) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn whole_second(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(whole)
}

/// Without anything of now: it differs where a person, or the source, said something else.
fn digest(want: &WantedCertificate) -> String {
    let WantedCertificate {
        usage,
        source,
        active_date,
        inactive_date,
        description,
        tags,
        overlap,
        dates_known: _,
        holders: _,
        noticed: _,
        ahead: _,
    } = want;
    let held = source.as_ref().map(|source| {
        let Source { certificate, chain, private_key, facts: _ } = source;
        json!([certificate, chain, private_key.is_some()])
    });
    hash(&json!([usage, held, active_date, inactive_date, description, tags, overlap]).to_string())
}

/// The import of it. A renewed one becomes active after its notice, the first of an object at once.
#[must_use]
pub fn import(object: &TransferCertificate, want: &WantedCertificate, owner_tags: &Tags) -> ImportCertificate {
    let WantedCertificate { usage, source, inactive_date, description, tags, .. } = want;
    let facts = source.as_ref().map(|source| &source.facts);
    let from = begins(object, want);
    ImportCertificate {
        usage: usage.clone(),
        certificate: source.as_ref().map(|source| source.certificate.clone()).unwrap_or_default(),
        certificate_chain: source.as_ref().and_then(|source| source.chain.clone()),
        private_key: source.as_ref().and_then(|source| source.private_key.clone()),
        active_date: from.map(|from| facts.map_or(from, |facts| from.max(facts.not_before))),
        inactive_date: inactive_date.map(|until| facts.map_or(until, |facts| until.min(facts.not_after))),
        description: description.clone(),
        tags: tags.clone().into_iter().chain(owner_tags.clone()).collect(),
    }
}
