//! How often what rests is compared with AWS in full, and whether a listing, which shows less of each and costs a
//! thousandth, agrees with what the last look showed. It asks AWS nothing, and nothing is changed on its word: who
//! differs is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::sync::{Instant, Mutex, MutexGuard, PoisonError};

/// Full looks an hour at all that listings show, in one account and region: so much of AWS's rate may go into drift that
/// no listing shows. 10,000 objects come to twelve hours.
const FULL_LOOKS: u32 = 833;
/// The longest between two full looks at one object. A minute less than half a day, for [`SAME`].
const LONGEST: Duration = Duration::from_mins(12 * 60 - 1);
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
    place: Place,
    /// When the last full look of this process was, or since when it is known where there was none.
    checked: Instant,
    /// What the last look at it showed, or status says of it, as a listing would show it, as one digest.
    row: Option<String>,
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
    Row(String),
}

impl From<Option<String>> for Listing {
    fn from(row: Option<String>) -> Self {
        row.map_or(Self::Absent, Self::Row)
    }
}

/// What that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// A full look of this process, and whether it takes part in the budget.
    Look { budgeted: bool },
    /// Status, since then; and once a listing said the same, when the first full look is due.
    Status { since: Instant, listed: bool, due: Option<Instant> },
    /// A listing at most: nobody has looked at the object or asked whether its status holds. Without a share in the budget.
    Listing,
    /// Status, and a listing or a look that says otherwise.
    Doubt,
}

impl Seen {
    /// Known since now, with nothing but what a listing shows.
    fn new(place: Place, listing: Listing) -> Self {
        Self { place, checked: Instant::now(), row: None, listing, basis: Basis::Listing }
    }

    /// Where it takes part in the budget.
    fn share(&self) -> Option<&Place> {
        matches!(self.basis, Basis::Look { budgeted: true, .. } | Basis::Status { .. }).then_some(&self.place)
    }
}

/// What was seen of all objects of a process, by uid.
#[derive(Debug, Default)]
pub struct Looks(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    objects: BTreeMap<String, Seen>,
    /// Objects that take part in the budget.
    counts: BTreeMap<Place, u32>,
    /// When the first of all was asked about: from then on turns are attended to.
    began: Option<Instant>,
}

impl All {
    fn put(&mut self, uid: &str, seen: Option<Seen>) {
        let place = |seen: &Seen| seen.share().cloned();
        let new = seen.as_ref().and_then(place);
        let old = match seen {
            Some(seen) => self.objects.insert(uid.to_owned(), seen),
            None => self.objects.remove(uid),
        };
        let old = old.as_ref().and_then(place);
        if old == new {
            return;
        }
        if let Some(place) = new {
            *self.counts.entry(place).or_default() += 1;
        }
        if let Some(place) = old
            && let Some(count) = self.counts.get_mut(&place)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&place);
            }
        }
    }

    fn interval(&self, uid: &str, resync: Duration) -> Duration {
        let Some(place) = self.objects.get(uid).and_then(Seen::share) else { return resync };
        let objects = self.counts.get(place).copied().unwrap_or_default();
        let each = Duration::from_hours(1) / FULL_LOOKS;
        (each * objects).min(LONGEST).max(resync)
    }
}

impl Looks {
    /// It is to be compared with this account and region: how long that has not happened counts from now on.
    pub fn expects(&self, uid: &str, account: &str, region: &str) {
        let mut all = self.lock();
        if !all.objects.contains_key(uid) {
            let place = (account.to_owned(), region.to_owned());
            all.put(uid, Some(Seen::new(place, Listing::Never)));
        }
    }

    /// A full look at an object of this account and region showed what a listing would show as `row`.
    pub fn saw(&self, uid: &str, account: &str, region: &str, row: String, budgeted: bool) {
        let (mut all, place) = (self.lock(), (account.to_owned(), region.to_owned()));
        let here = all.objects.get(uid).filter(|seen| seen.place == place);
        let listing = here.map(|seen| seen.listing.clone()).unwrap_or_default();
        let (checked, basis) = (Instant::now(), Basis::Look { budgeted });
        all.put(uid, Some(Seen { place, checked, row: Some(row), listing, basis }));
    }

    /// A full look at it showed nothing that a listing would show: it is not there, or nothing lists its kind.
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
        let (mut all, place) = (self.lock(), (account.to_owned(), region.to_owned()));
        let listing = Listing::from(row);
        let Some(seen) = all.objects.get(uid) else {
            all.put(uid, Some(Seen::new(place, listing)));
            return true;
        };
        if seen.place != place {
            return true;
        }
        let same = seen.row.as_ref().is_some_and(|row| listing == Listing::Row(row.clone()));
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
        let place = (account.to_owned(), region.to_owned());
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
        let believes = !listed || listing == Listing::Row(row.to_owned());
        let status = Basis::Status { since: now, listed, due: None };
        let basis = if believes { status } else { Basis::Doubt };
        all.put(uid, Some(Seen { place, checked, row: Some(row.to_owned()), listing, basis }));
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
            Listing::Row(listed) => listed == row,
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
            let oldest = oldest.entry(place.clone()).or_default();
            *oldest = checked.elapsed().max(*oldest);
        }
        oldest
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const RESYNC: Duration = Duration::from_mins(10);

    fn many(count: u32) -> Looks {
        let looks = Looks::default();
        for number in 0..count {
            looks.saw(&number.to_string(), "1", "here", String::new(), true);
        }
        looks
    }

    #[test]
    fn the_budget_is_shared_by_what_is_in_one_account_and_region() {
        for (count, minutes) in [(1, 10), (138, 10), (833, 60), (4998, 360), (10_000, 719), (100_000, 719)] {
            let looks = many(count);
            looks.saw("elsewhere", "1", "there", String::new(), true);
            assert_eq!(looks.interval("0", RESYNC).as_secs().div_ceil(60), minutes, "{count}");
            assert_eq!(looks.interval("elsewhere", RESYNC), RESYNC);
            assert_eq!(looks.interval("unseen", RESYNC), RESYNC);
        }
    }

    #[test]
    fn who_moves_or_goes_gives_its_share_back() {
        let looks = many(1000);
        for number in 0..900 {
            looks.saw(&number.to_string(), "1", "there", String::new(), number % 2 == 0);
        }
        for number in 900..999 {
            looks.forget(&number.to_string());
            looks.forget(&number.to_string());
        }
        let all = looks.lock();
        let counts: Vec<_> = all.counts.iter().map(|((_, region), count)| (region.as_str(), *count)).collect();
        assert_eq!(counts, [("here", 1), ("there", 450)]);
    }

    #[test]
    fn a_difference_is_told_once_and_an_absence_too() {
        let looks = many(1);
        let row = |text: &str| Some(shown(text));
        let told: Vec<bool> = [row(""), row("other"), row("other"), None, None, row("other"), row("")]
            .into_iter()
            // Whoever is woken is looked at, and looks go on to show what they did.
            .inspect(|_| looks.saw("0", "1", "here", String::new(), true))
            .map(|row| looks.agrees("0", ("1", "here"), row))
            .collect();
        assert_eq!(told, [true, false, true, false, true, false, true]);
        assert!(looks.agrees("unseen", ("1", "here"), None));
        assert!(looks.agrees("0", ("1", "there"), None), "another region's listing says nothing of it");
    }

    #[test]
    fn full_looks_spread_over_the_interval_and_each_comes_once_in_it() {
        let (interval, start) = (LONGEST, Timestamp::from_second(1_800_000_000).unwrap());
        let mut by_hour = [0_u32; 13];
        for number in 0..2000 {
            let uid = format!("uid-{number}");
            let mut now = start;
            let mut turns = Vec::new();
            while now.duration_since(start) < SignedDuration::from_hours(48) {
                let left = Turn::of(&uid, interval, now).after_look(RESYNC);
                assert!(left >= RESYNC && left <= interval + SAME, "{left:?}");
                // The timer is a little early, or late.
                now =
                    now + left - SignedDuration::from_millis(40) + SignedDuration::from_millis(i64::from(number % 90));
                turns.push(now);
            }
            let first = turns[0].duration_since(start).as_hours();
            by_hour[usize::try_from(first).unwrap()] += 1;
            assert!((4..=6).contains(&turns.len()), "{} looks in two days", turns.len());
        }
        assert!(by_hour[..12].iter().all(|looks| (110..=230).contains(looks)), "{by_hour:?}");
    }

    #[test]
    fn who_was_just_looked_at_waits_as_long_as_everybody() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let left = Turn::of("uid", LONGEST, start).next;
        for before in [Duration::from_secs(30), Duration::from_mins(5)] {
            let now = start + left - before;
            let again = Turn::of("uid", LONGEST, now).after_look(RESYNC);
            assert_eq!(again, if before < SAME { LONGEST + before } else { RESYNC }, "{before:?}");
        }
    }

    const HERE: (&str, &str) = ("1", "here");
    const TURN: Duration = Duration::from_hours(5);
    /// The last one was made by a process before this one.
    const FAR: Turn = Turn { last: Duration::from_hours(7), next: TURN, every: Duration::from_hours(12) };

    fn shown(row: &str) -> String {
        row.to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn status_is_believed_until_its_turn_once_a_listing_says_the_same() {
        for listing_first in [false, true] {
            let looks = Looks::default();
            if listing_first {
                assert!(looks.agrees("0", HERE, Some(shown("a"))));
            }
            assert!(looks.believes("0", HERE, "a", RESYNC));
            assert_eq!(
                looks.rests_for("0", FAR, None, RESYNC),
                RESYNC,
                "nothing has confirmed it, or few are known yet"
            );
            if !listing_first {
                assert!(looks.agrees("0", HERE, Some(shown("a"))));
            }
            tokio::time::advance(RESYNC).await;
            assert!(looks.believes("0", HERE, "a", RESYNC));
            assert_eq!(looks.rests_for("0", FAR, None, RESYNC), TURN);
            tokio::time::advance(TURN.checked_sub(RESYNC).unwrap()).await;
            assert!(looks.believes("0", HERE, "a", RESYNC));
            assert_eq!(looks.rests_for("0", FAR, None, RESYNC), RESYNC, "its turn stays when it is");
            tokio::time::advance(RESYNC).await;
            assert!(!looks.believes("0", HERE, "a", RESYNC), "its turn has come");
            looks.saw("0", "1", "here", "a".to_owned(), true);
            assert!(!looks.believes("0", HERE, "a", RESYNC), "from now on it is looked at");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_looked_for_in_vain_is_not_believed_before_the_next_look() {
        let looks = Looks::default();
        let interval = || looks.interval("0", Duration::from_secs(1));
        for seen in [false, true] {
            if seen {
                looks.saw("0", "1", "here", "a".to_owned(), true);
            } else {
                assert!(looks.believes("0", HERE, "a", RESYNC));
            }
            assert!(interval() > Duration::from_secs(1));
            looks.doubt("0");
            assert!(!looks.believes("0", HERE, "a", RESYNC) && !looks.stands("0", HERE, "a", FAR), "{seen}");
            assert_eq!(interval(), Duration::from_secs(1), "others have its share");
        }
        looks.doubt("1");
        assert!(looks.believes("1", HERE, "a", RESYNC), "nobody looked");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_an_outage_missed_is_made_up_for_and_not_an_interval_late() {
        let minutes = |minutes: i64| SignedDuration::from_mins(minutes);
        let first = Timestamp::from_second(1_800_000_000).unwrap();
        let due = first + Turn::of("uid", LONGEST, first).next;
        // When the process began, against the turn; whether a sweep came before the first question; when it looks.
        let rows = [
            (-60, true, 0),
            (-11, true, 0),
            (-2, true, 8),
            (3, true, 16),
            (6, true, 22),
            (59, true, 128),
            (61, true, 719),
            (-60, false, 0),
            (-5, false, 5),
            (0, false, 10),
            (4, false, 18),
            (6, false, 22),
            (61, false, 719),
        ];
        for (began, listing_first, looked) in rows {
            let (looks, mut wall) = (Looks::default(), due + minutes(began));
            let listing = || assert!(looks.agrees("0", HERE, Some(shown("a"))));
            if listing_first {
                listing();
            }
            for _ in 0..3 {
                if !looks.believes("0", HERE, "a", RESYNC) {
                    break;
                }
                let rest = looks.rests_for("0", Turn::of("uid", LONGEST, wall), None, RESYNC);
                if !listing_first {
                    listing();
                }
                tokio::time::advance(rest).await;
                wall += rest;
            }
            assert!(!looks.believes("0", HERE, "a", RESYNC), "it is looked at");
            let late = wall.duration_since(due);
            assert!((late - minutes(looked)).abs() < SignedDuration::from_secs(1), "{began} {listing_first}: {late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_missed_since_all_began_and_not_since_it_was_asked_for() {
        let looks = Looks::default();
        assert!(looks.believes("first", HERE, "a", RESYNC));
        tokio::time::advance(Duration::from_hours(4)).await;
        assert!(looks.agrees("0", HERE, Some(shown("a"))) && looks.believes("0", HERE, "a", RESYNC));
        tokio::time::advance(RESYNC).await;
        let turn = Turn { last: Duration::from_hours(3), ..FAR };
        assert_eq!(looks.rests_for("0", turn, None, RESYNC), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_is_not_put_off_by_who_asks_meanwhile() {
        let looks = many(1);
        for hours in 1..=11 {
            tokio::time::advance(Duration::from_hours(1)).await;
            let left = looks.rests_for("0", Turn { next: FAR.every, ..FAR }, None, RESYNC);
            assert_eq!(left, Duration::from_hours(12 - hours));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_by_itself_soon_after_a_start_is_believed_no_longer() {
        for listed in [true, false] {
            let (looks, soon) = (Looks::default(), Duration::from_mins(3));
            if listed {
                assert!(looks.agrees("0", HERE, Some(shown("a"))));
            }
            assert!(looks.believes("0", HERE, "a", RESYNC));
            assert_eq!(looks.rests_for("0", FAR, Some(soon), RESYNC), soon, "{listed}");
            assert!(looks.believes("0", HERE, "a", RESYNC), "{listed}");
            tokio::time::advance(soon).await;
            assert!(!looks.believes("0", HERE, "a", RESYNC), "a look tells it: {listed}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_fixed_once_all_of_a_start_are_known() {
        let looks = Looks::default();
        let ask = |number: u32| {
            let (uid, now) = (number.to_string(), Timestamp::from_second(1_800_000_000).unwrap());
            assert!(looks.agrees(&uid, HERE, Some(shown("a"))) && looks.believes(&uid, HERE, "a", RESYNC));
            looks.rests_for(&uid, Turn::of(&uid, looks.interval(&uid, RESYNC), now), None, RESYNC)
        };
        assert!((0..3000).all(|number| ask(number) == RESYNC));
        tokio::time::advance(RESYNC).await;
        let rests: Vec<_> = (0..3000).map(ask).filter(|rest| *rest > Duration::from_hours(1)).collect();
        assert!(rests.len() > 1000, "{} of 3,000 wait for their turn within 3.6 hours", rests.len());
    }

    #[tokio::test(start_paused = true)]
    async fn status_alone_is_believed_for_one_resync_and_never_against_a_listing() {
        let looks = Looks::default();
        assert!(looks.believes("0", HERE, "a", RESYNC));
        tokio::time::advance(RESYNC).await;
        assert!(!looks.believes("0", HERE, "a", RESYNC), "no listing came");
        for row in [Some(shown("b")), None] {
            for listing_first in [false, true] {
                let looks = Looks::default();
                if listing_first {
                    assert!(looks.agrees("0", HERE, row.clone()));
                    assert!(!looks.believes("0", HERE, "a", RESYNC), "it was listed otherwise before");
                } else {
                    assert!(looks.believes("0", HERE, "a", RESYNC));
                    assert!(!looks.agrees("0", HERE, row.clone()), "it is woken");
                }
                assert!(!looks.believes("0", HERE, "a", RESYNC));
                assert!(looks.agrees("0", HERE, row.clone()), "once");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_stands_until_its_turn_unless_a_listing_says_otherwise() {
        let looks = many(1);
        let turn = Turn { last: RESYNC, next: RESYNC, every: RESYNC };
        assert!(looks.stands("0", HERE, "", turn));
        assert!(!looks.stands("0", HERE, "other", turn), "another row");
        assert!(!looks.stands("0", ("1", "there"), "", turn), "elsewhere");
        assert!(!looks.stands("unseen", HERE, "", turn));
        for (row, stands) in [(Some(""), true), (Some("other"), false), (Some(""), true), (None, false)] {
            let _ = looks.agrees("0", HERE, row.map(shown));
            assert_eq!(looks.stands("0", HERE, "", turn), stands, "{row:?}");
        }
        let looks = many(1);
        assert_eq!(looks.rests_for("0", turn, None, RESYNC), RESYNC);
        tokio::time::advance(RESYNC).await;
        assert!(looks.stands("0", HERE, "", turn), "its turn was that look's");
        tokio::time::advance(SAME).await;
        assert!(!looks.stands("0", HERE, "", turn), "its turn has come");
        let looks = Looks::default();
        assert!(looks.believes("0", HERE, "", RESYNC) && !looks.stands("0", HERE, "", turn), "no look yet");
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_listing_agrees_with_a_first_look_that_found_nothing() {
        let looks = Looks::default();
        looks.expects("0", "1", "here");
        looks.doubt("0");
        assert!(looks.agrees("0", HERE, None), "nothing had shown it");
        assert!(looks.agrees("0", HERE, None));
        assert!(!looks.agrees("0", HERE, Some(shown("a"))), "now AWS has it");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_its_first_look_or_is_doubted_grows_old() {
        let minutes = Duration::from_mins;
        let age = |looks: &Looks| looks.oldest().get(&("1".to_owned(), "here".to_owned())).copied();
        let ways: [(&str, fn(&Looks)); 5] = [
            ("never looked at", |looks| looks.expects("0", "1", "here")),
            ("only listed", |looks| assert!(looks.agrees("0", HERE, Some(shown("a"))))),
            ("believed", |looks| assert!(looks.believes("0", HERE, "a", RESYNC))),
            ("doubted after a look", |looks| {
                looks.saw("0", "1", "here", shown("a"), true);
                looks.doubt("0");
            }),
            ("doubted for a listing", |looks| {
                assert!(looks.believes("0", HERE, "a", RESYNC) && !looks.agrees("0", HERE, None));
            }),
        ];
        for (way, begins) in ways {
            let looks = Looks::default();
            assert_eq!(age(&looks), None, "{way}");
            begins(&looks);
            tokio::time::advance(minutes(40)).await;
            // What is heard of it meanwhile is no look.
            looks.expects("0", "1", "here");
            let _ = (looks.agrees("0", HERE, None), looks.believes("0", HERE, "a", RESYNC));
            assert_eq!(age(&looks), Some(minutes(40)), "{way}");
            looks.checked("0");
            tokio::time::advance(minutes(1)).await;
            assert_eq!(age(&looks), Some(minutes(1)), "{way}");
            looks.forget("0");
            assert_eq!(age(&looks), None, "{way}");
        }
    }

    #[test]
    fn a_status_of_another_place_is_not_believed() {
        let looks = Looks::default();
        assert!(looks.agrees("0", ("1", "there"), Some(shown("a"))));
        assert!(!looks.believes("0", HERE, "a", RESYNC));
        let looks = Looks::default();
        assert!(looks.believes("0", HERE, "a", RESYNC));
        assert!(!looks.believes("0", ("1", "there"), "a", RESYNC), "the identity moved");
        assert!(!looks.believes("0", HERE, "b", RESYNC), "another status came");
    }
}
