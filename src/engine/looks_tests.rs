//! What is believed of whom, and how old it gets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::super::budget::LONGEST;
use super::*;

const RESYNC: Duration = Duration::from_mins(10);
const LOGIN: Option<Share> = Some(Share::Listed);

fn many(count: u32) -> Looks {
    let looks = Looks::default();
    for number in 0..count {
        looks.saw(&number.to_string(), ("1", "here"), Some(String::new()), LOGIN);
    }
    looks
}

#[test]
fn the_budget_is_shared_by_what_is_in_one_account_and_region() {
    for (count, minutes) in [(1, 10), (138, 10), (833, 60), (4998, 360), (10_000, 719), (100_000, 719)] {
        let looks = many(count);
        looks.saw("elsewhere", ("1", "there"), Some(String::new()), LOGIN);
        assert_eq!(looks.interval("0", RESYNC).as_secs().div_ceil(60), minutes, "{count}");
        assert_eq!(looks.interval("elsewhere", RESYNC), RESYNC);
        assert_eq!(looks.interval("unseen", RESYNC), RESYNC);
    }
}

#[test]
fn of_thousands_the_place_is_held_once_and_each_row_too() {
    let looks = many(3);
    for number in 0..3 {
        let (uid, row) = (number.to_string(), format!("row {number}"));
        looks.saw(&uid, ("1", "here"), Some(row.clone()), LOGIN);
        assert!(!looks.agrees(&uid, ("1", "here"), Some("another".to_owned())));
        assert!(looks.agrees(&uid, ("1", "here"), Some(row)), "as the look showed it");
    }
    let all = looks.lock();
    let (place, _) = all.counts.first_key_value().unwrap();
    for seen in all.objects.values() {
        assert!(Arc::ptr_eq(&seen.place, place));
        let once = matches!((&seen.row, &seen.listing), (Some(row), Listing::Row(listed)) if Arc::ptr_eq(row, listed));
        assert!(once, "{seen:?}");
    }
}

#[test]
fn who_moves_or_goes_gives_its_share_back() {
    let looks = many(1000);
    for number in 0..900 {
        looks.saw(&number.to_string(), ("1", "there"), Some(String::new()), LOGIN.filter(|_| number % 2 == 0));
    }
    for number in 900..999 {
        looks.forget(&number.to_string());
        looks.forget(&number.to_string());
    }
    let all = looks.lock();
    let counts: Vec<_> = all.counts.iter().map(|(place, count)| (place.1.as_str(), count.listed())).collect();
    assert_eq!(counts, [("here", 1), ("there", 450)]);
}

#[test]
fn a_difference_is_told_once_and_an_absence_too() {
    let looks = many(1);
    let row = |text: &str| Some(shown(text));
    let told: Vec<bool> = [row(""), row("other"), row("other"), None, None, row("other"), row("")]
        .into_iter()
        // Whoever is woken is looked at, and looks go on to show what they did.
        .inspect(|_| looks.saw("0", ("1", "here"), Some(String::new()), LOGIN))
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
            now = now + left - SignedDuration::from_millis(40) + SignedDuration::from_millis(i64::from(number % 90));
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
        assert_eq!(looks.rests_for("0", FAR, None, RESYNC), RESYNC, "nothing has confirmed it, or few are known yet");
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
        looks.saw("0", ("1", "here"), Some("a".to_owned()), LOGIN);
        assert!(!looks.believes("0", HERE, "a", RESYNC), "from now on it is looked at");
    }
}

/// Else it would come again at once, to find that it is to wait.
#[tokio::test(start_paused = true)]
async fn what_stands_has_time_to_rest() {
    let (every, start) = (Duration::from_hours(1), Instant::now());
    let wall = || Timestamp::from_second(1_800_000_000).unwrap() + start.elapsed();
    for uid in (0..50).map(|number| format!("uid-{number}")) {
        let looks = Looks::default();
        looks.saw(&uid, ("1", "here"), Some("a".to_owned()), Some(Share::Unlisted));
        let (began, mut rests, turn) = (Instant::now(), 0, || Turn::of(&uid, every, wall()).bounded());
        while looks.stands(&uid, HERE, "a", turn()) {
            let rest = looks.rests_for(&uid, turn(), None, RESYNC);
            assert!(rest > Duration::ZERO, "{uid} {:?}", began.elapsed());
            tokio::time::advance(rest.min(RESYNC)).await;
            rests += 1;
        }
        assert!((1..=8).contains(&rests), "{uid}: {rests}");
        assert!(began.elapsed() <= every, "{uid}: not later than an hour after the look before");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_looked_for_in_vain_is_not_believed_before_the_next_look() {
    let looks = Looks::default();
    let interval = || looks.interval("0", Duration::from_secs(1));
    for seen in [false, true] {
        if seen {
            looks.saw("0", ("1", "here"), Some("a".to_owned()), LOGIN);
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
            looks.saw("0", ("1", "here"), Some(shown("a")), LOGIN);
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
