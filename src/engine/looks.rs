//! How often what rests is compared with AWS in full, and whether a listing, which shows less of each and costs a
//! thousandth, agrees with what the last look showed. It asks AWS nothing, and nothing is changed on its word: who
//! differs is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::budget::{Counts, Share};
use crate::sync::{Arc, Instant, Mutex, MutexGuard, PoisonError};

/// So much before its turn a look counts as the one that was due: timers and the clock are not that far apart.
const SAME: Duration = Duration::from_mins(1);
/// For so long before a process began nobody may have looked: an outage, an upgrade, a change of the leader. Turns of that
/// time are made up for, the youngest first, in as much time: so a start doubles the budget for an hour at the most.
const UNATTENDED: Duration = Duration::from_hours(1);
/// Who is looked at as seldom as that has a turn, also where it is not for the budget: else each start would put the look
/// off by as much.
const SELDOM: Duration = Duration::from_hours(1);

/// Account and region.
pub type Place = (String, String);

/// What is known of how an object is listed.
#[derive(Clone, Debug)]
struct Seen {
    place: Arc<Place>,
    /// When the last full look of this process was, or since when it is known where there was none.
    checked: Instant,
    /// What the last look at it showed, or status says of it, as a listing would show it, as one digest. Of what no listing
    /// shows, what that look was for, where nothing was left to do.
    row: Option<Arc<str>>,
    /// What the last listing showed.
    listing: Listing,
    basis: Basis,
}

/// What a listing shows of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Listing {
    /// There was none yet.
    #[default]
    Never,
    /// It has it no more.
    Absent,
    /// This row.
    Row(Arc<str>),
}

impl From<Option<String>> for Listing {
    fn from(row: Option<String>) -> Self {
        row.map_or(Self::Absent, |row| Self::Row(row.into()))
    }
}

/// What that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// A full look of this process, and how it takes part in the budget.
    Look { share: Option<Share> },
    /// Status, since then; and once a listing said the same, when the first full look is due.
    Status { since: Instant, listed: bool, due: Option<Instant> },
    /// A listing at most: nobody has looked at the object or asked whether its status holds. Without a share in the budget.
    Listing,
    /// Status, and a listing or a look that says otherwise.
    Doubt,
}

impl Seen {
    /// Known since now, with nothing but what a listing shows.
    fn new(place: Arc<Place>, listing: Listing) -> Self {
        Self { place, checked: Instant::now(), row: None, listing, basis: Basis::Listing }
    }

    /// Where it takes part in the budget.
    fn share(&self) -> Option<(&Arc<Place>, Share)> {
        let share = match self.basis {
            Basis::Look { share } => share,
            // Status is believed of what a listing shows alone.
            Basis::Status { .. } => Some(Share::Listed),
            Basis::Listing | Basis::Doubt => None,
        };
        share.map(|share| (&self.place, share))
    }
}

/// What was seen of all objects of a process, by uid.
#[derive(Debug, Default)]
pub struct Looks(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    objects: BTreeMap<String, Seen>,
    /// Objects that take part in the budget.
    counts: BTreeMap<Arc<Place>, Counts>,
    /// When the first of all was asked about: from then on turns are attended to.
    began: Option<Instant>,
}

impl All {
    fn put(&mut self, uid: &str, seen: Option<Seen>) {
        let part = |seen: &Seen| seen.share().map(|(place, share)| (Arc::clone(place), share));
        let new = seen.as_ref().and_then(part);
        let old = match seen {
            Some(seen) => {
                let seen = self.held_once(seen);
                self.objects.insert(uid.to_owned(), seen)
            }
            None => self.objects.remove(uid),
        };
        let old = old.as_ref().and_then(part);
        if old == new {
            return;
        }
        if let Some((place, share)) = new {
            self.counts.entry(place).or_default().add(share);
        }
        if let Some((place, share)) = old
            && let Some(counts) = self.counts.get_mut(&place)
        {
            counts.remove(share);
            if counts.is_empty() {
                self.counts.remove(&place);
            }
        }
    }

    /// The same, with one place for all that are there, and one row where a listing shows what a look did.
    fn held_once(&self, seen: Seen) -> Seen {
        let Seen { place, checked, row, listing, basis } = seen;
        let place = self.counts.get_key_value(&place).map_or(place, |(held, _)| Arc::clone(held));
        let listing = match (&row, listing) {
            (Some(row), Listing::Row(listed)) if *row == listed => Listing::Row(Arc::clone(row)),
            (_, listing) => listing,
        };
        Seen { place, checked, row, listing, basis }
    }

    fn interval(&self, uid: &str, resync: Duration) -> Duration {
        let Some((place, share)) = self.objects.get(uid).and_then(Seen::share) else { return resync };
        self.counts.get(place).copied().unwrap_or_default().interval(share, resync)
    }
}

impl Looks {
    /// It is to be compared with this account and region: how long that has not happened counts from now on.
    pub fn expects(&self, uid: &str, account: &str, region: &str) {
        let mut all = self.lock();
        if !all.objects.contains_key(uid) {
            all.put(uid, Some(Seen::new(place(account, region), Listing::Never)));
        }
    }

    /// A full look at an object of this account and region showed what a listing would show as `row`, or was for that.
    pub fn saw(&self, uid: &str, (account, region): (&str, &str), row: Option<String>, share: Option<Share>) {
        let (mut all, place) = (self.lock(), place(account, region));
        let here = all.objects.get(uid).filter(|seen| seen.place == place);
        let listing = here.map(|seen| seen.listing.clone()).unwrap_or_default();
        let (checked, basis) = (Instant::now(), Basis::Look { share });
        all.put(uid, Some(Seen { place, checked, row: row.map(Into::into), listing, basis }));
    }

    /// A full look showed that it is not there.
    pub fn checked(&self, uid: &str) {
        if let Some(seen) = self.lock().objects.get_mut(uid) {
            seen.checked = Instant::now();
        }
    }

    /// AWS does not have it, or it has no place there: what status says of it is not believed until the next full look, and
    /// others have its share of those.
    pub fn doubt(&self, uid: &str) {
        let mut all = self.lock();
        let doubted = all.objects.get(uid).map(|seen| Seen { basis: Basis::Doubt, ..seen.clone() });
        if doubted.is_some() {
            all.put(uid, doubted);
        }
    }

    /// It is no more.
    pub fn forget(&self, uid: &str) {
        self.lock().put(uid, None);
    }

    /// Whether a complete listing shows the object as it was seen last, by a look or by the listing before; `None`: it has it
    /// no more. Who was not seen there before agrees. A listing that shows for ever what looks do not is told once: it must
    /// not cost a look each time.
    #[must_use]
    pub fn agrees(&self, uid: &str, (account, region): (&str, &str), row: Option<String>) -> bool {
        let (mut all, place) = (self.lock(), place(account, region));
        let listing = Listing::from(row);
        let Some(seen) = all.objects.get(uid) else {
            all.put(uid, Some(Seen::new(place, listing)));
            return true;
        };
        if seen.place != place {
            return true;
        }
        let same = seen.row.as_ref().is_some_and(|row| listing == Listing::Row(Arc::clone(row)));
        // Neither a look nor a listing showed anything of it yet.
        let first = seen.row.is_none() && seen.listing == Listing::Never;
        let agrees = same || first || seen.listing == listing || seen.basis == Basis::Listing;
        let basis = match seen.basis {
            Basis::Status { since, due, .. } if same => Basis::Status { since, listed: true, due },
            Basis::Status { .. } => Basis::Doubt,
            basis => basis,
        };
        let seen = Seen { listing, basis, ..seen.clone() };
        all.put(uid, Some(seen));
        agrees
    }

    /// Whether what status says of the object, `row` as it was listed when all was well, stands in for the first full look
    /// of this process: not against a listing, for one `resync` without a listing, and with one until its turn.
    #[must_use]
    pub fn believes(&self, uid: &str, (account, region): (&str, &str), row: &str, resync: Duration) -> bool {
        let (mut all, now) = (self.lock(), Instant::now());
        all.began.get_or_insert(now);
        let place = place(account, region);
        let (listing, checked) = match all.objects.get(uid) {
            None => (Listing::Never, now),
            Some(Seen { place: seen, checked, listing, basis: Basis::Listing, .. }) if *seen == place => {
                (listing.clone(), *checked)
            }
            Some(Seen { place: seen, row: held, basis: Basis::Status { since, listed, due }, .. }) => {
                let until = due.unwrap_or(if *listed { now + resync } else { *since + resync.min(SELDOM) });
                return *seen == place && held.as_deref() == Some(row) && now < until;
            }
            Some(_) => return false,
        };
        let listed = listing != Listing::Never;
        let believes = !listed || listing == Listing::Row(row.into());
        let status = Basis::Status { since: now, listed, due: None };
        let basis = if believes { status } else { Basis::Doubt };
        all.put(uid, Some(Seen { place, checked, row: Some(row.into()), listing, basis }));
        believes
    }

    /// Whether the last full look of this process showed `row`, no other turn came since, and no listing says otherwise.
    #[must_use]
    pub fn stands(&self, uid: &str, (account, region): (&str, &str), row: &str, turn: Turn) -> bool {
        let all = self.lock();
        let Some(Seen { place, checked, row: held, listing, basis: Basis::Look { .. } }) = all.objects.get(uid) else {
            return false;
        };
        let listed = match listing {
            Listing::Never => true,
            Listing::Absent => false,
            Listing::Row(listed) => **listed == *row,
        };
        let here = (place.0.as_str(), place.1.as_str()) == (account, region);
        listed && here && held.as_deref() == Some(row) && checked.elapsed() < turn.last + SAME
    }

    /// How long what is believed rests: until its turn or until it changes by itself, and no longer than `resync` while no
    /// listing has confirmed it or too few of all may be known yet to say when that is. A turn that came while nobody may
    /// have looked is made up for.
    #[must_use]
    pub fn rests_for(&self, uid: &str, turn: Turn, change: Option<Duration>, resync: Duration) -> Duration {
        let (mut all, now) = (self.lock(), Instant::now());
        let (change, resync) = (change.map(|change| now + change), resync.min(SELDOM));
        let attended = all.began.map(|began| began.elapsed()).unwrap_or_default();
        let until = match all.objects.get_mut(uid).map(|seen| (&mut seen.basis, seen.checked)) {
            Some((Basis::Status { since, listed, due }, _)) => {
                let unsure = due.is_none() && since.elapsed() + SAME < resync;
                let until =
                    if unsure || !*listed { *since + resync } else { *due.get_or_insert(now + turn.made_up(attended)) };
                // What changes by itself is told by a look, so it is believed no longer than that.
                if let Some(change) = change.filter(|change| *change < until) {
                    *due = Some(change);
                }
                until
            }
            Some((Basis::Look { .. }, checked)) => (now + turn.next).min(checked + turn.every),
            _ => now + turn.next.min(resync),
        };
        let until = change.map_or(until, |change| change.min(until));
        until.saturating_duration_since(now)
    }

    /// How often the object is looked at in full: as often as everything, as long as the budget of its account and region
    /// is enough for that.
    #[must_use]
    pub fn interval(&self, uid: &str, resync: Duration) -> Duration {
        self.lock().interval(uid, resync)
    }

    /// How long ago the full look is that is longest ago, by account and region. Who was not looked at yet counts from when
    /// it was known, also where status stands in: of looks of former processes nobody knows when they were.
    #[must_use]
    pub fn oldest(&self) -> BTreeMap<Place, Duration> {
        let mut oldest: BTreeMap<Place, Duration> = BTreeMap::new();
        for Seen { place, checked, .. } in self.lock().objects.values() {
            let oldest = oldest.entry(Place::clone(place)).or_default();
            *oldest = checked.elapsed().max(*oldest);
        }
        oldest
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(account: &str, region: &str) -> Arc<Place> {
    Arc::new((account.to_owned(), region.to_owned()))
}

/// A row of a listing, as one digest.
#[must_use]
pub fn row(row: &impl Serialize) -> String {
    super::digest::hash(&json!(row).to_string())
}

/// When it is the turn of an object to be looked at in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How long ago it was last.
    pub last: Duration,
    /// How soon it is next.
    pub next: Duration,
    /// From one to the next, at the most.
    pub every: Duration,
}

impl Turn {
    /// Whether an object that is looked at so often has a turn of its own.
    #[must_use]
    pub fn is_due_for(interval: Duration) -> bool {
        interval > SELDOM
    }

    /// Of an object that is looked at so seldom: the turn is its uid's, so that many objects spread over the interval and a
    /// restart brings them no nearer together.
    #[must_use]
    pub fn of(uid: &str, interval: Duration, now: Timestamp) -> Self {
        let (interval, place) = (millis(interval).max(1), place_in(uid));
        // At most a day of milliseconds: the product fits.
        let phase = interval * i64::from(place) / i64::from(u16::MAX);
        let last = (now.as_millisecond() - phase).rem_euclid(interval);
        let span = |millis| Duration::try_from(SignedDuration::from_millis(millis)).unwrap_or_default();
        Self { last: span(last), next: span(interval - last), every: span(interval) }
    }

    /// The same for who is asked about between two turns: a look is due before it is longer ago than that.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { last: self.last.min(self.every.saturating_sub(SAME)), ..self }
    }

    /// From a full look, made now, to the next one: not sooner than `resync`, and a turn that is about to come was this
    /// look's.
    #[must_use]
    pub fn after_look(self, resync: Duration) -> Duration {
        let Self { last: _, next, every } = self;
        let next = if next < SAME { next + every } else { next };
        // However seldom all are looked at: who has a turn keeps it.
        next.max(resync.min(SELDOM))
    }

    /// How soon the next look is, of an object that nobody looked at since its last turn, in a process that attends to turns
    /// for so long.
    fn made_up(self, attended: Duration) -> Duration {
        let before = self.last.saturating_sub(attended);
        if before <= UNATTENDED { before.min(self.next) } else { self.next }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// This object's share of a span of time over which many are spread.
#[must_use]
pub fn spread(uid: &str, over: Duration) -> Duration {
    over.mul_f64(f64::from(place_in(uid)) / f64::from(u16::MAX))
}

/// A number that is as good as drawn, and the same for each uid at all times.
fn place_in(uid: &str) -> u16 {
    u16::from_str_radix(super::digest::hash(uid).get(..4).unwrap_or_default(), 16).unwrap_or_default()
}

#[cfg(test)]
#[path = "looks_tests.rs"]
mod tests;
