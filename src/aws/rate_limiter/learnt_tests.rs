//! What outlives a process of what it learnt.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::learnt::LONGEST;
use super::*;

const ACCOUNT: &str = "123456789012";

fn learnt(rates: &[(&str, CallClass, f64)]) -> Learnt {
    let entry =
        |(region, class, rate): &(&str, CallClass, f64)| ((ACCOUNT.to_owned(), (*region).to_owned(), *class), *rate);
    Learnt(rates.iter().map(entry).collect())
}

fn start(class: CallClass) -> f64 {
    Rates::default().of(class).start
}

#[test]
fn the_text_is_compact_and_names_account_region_and_class() {
    let learnt = learnt(&[("eu-west-1", CallClass::Read, 19.456), ("eu-west-1", CallClass::Sts, 3.0)]);
    assert_eq!(learnt.text(start), r#"{"123456789012":{"eu-west-1":{"read":19.46,"sts":3.0}}}"#);
}

#[test]
fn nonsense_in_the_text_is_left_out_and_the_rest_is_believed() {
    for text in ["", "x", "[]", "3", "{\"a\":"] {
        assert!(Learnt::read(text).is_err(), "{text}");
    }
    let text = r#"{"1":{"eu-west-1":{"read":5}},"123456789012":{"eu-west-1":{"read":5,"write":-1,"sts":"6","other":4},
        "eu west":{"read":4},"eu-west-2":7,"eu-west-3":{"read":1e300,"write":0,"sts":null,"ec2_read":0.01}},"x":9}"#;
    assert_eq!(Learnt::read(text), Ok((learnt(&[("eu-west-1", CallClass::Read, 5.0)]), 11)));
}

#[test]
fn a_text_stays_for_a_minute_and_as_long_as_it_is_nearly_right() {
    let minute = Duration::from_mins(1);
    let of = |rate| learnt(&[("eu-west-1", CallClass::Read, rate)]);
    let stands = of(10.0).text(start);
    let rows = [
        (of(10.9), Some(&*stands), Some(minute), false, "nearly the same"),
        (of(9.2), Some(&*stands), None, false, "nearly the same"),
        (of(11.2), Some(&*stands), Some(minute), true, "more"),
        (of(8.9), Some(&*stands), None, true, "less, and nothing was written before"),
        (of(20.0), Some(&*stands), Some(Duration::from_secs(59)), false, "too soon"),
        (of(10.0), None, None, true, "nothing stands there"),
        (of(10.0), Some("nonsense"), None, true, "as much as nothing"),
        (Learnt::default(), None, None, false, "nothing to say"),
        (Learnt::default(), Some("nonsense"), None, false, "nothing to say either"),
        (Learnt::default(), Some(&*stands), None, true, "what stands there is forgotten"),
    ];
    for (learnt, stands, age, written, why) in rows {
        let text = learnt.instead_of(stands, age, start);
        assert_eq!(text.is_some(), written, "{why}");
        assert!(text.is_none_or(|text| text == learnt.text(start)), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_begins_at_the_rate_that_was_learnt() {
    let calls = 100;
    let mut seconds = Vec::new();
    for text in ["{}", r#"{"123456789012":{"eu-west-1":{"write":40.0}}}"#] {
        let limiter = RateLimiter::new(Rates::default());
        limiter.recall(Learnt::read(text).unwrap().0);
        let begin = Instant::now();
        for _ in 0..calls {
            let _ = limiter.acquire(ACCOUNT, "eu-west-1", CallClass::Write, Rank::default()).await;
        }
        seconds.push(begin.elapsed().as_secs_f64());
    }
    // 20 at once and ever more a second; 80 at once and 20 at 40 a second.
    assert!(seconds.iter().zip([1.5, 0.4]).all(|(took, least)| *took > least), "{seconds:?}");
    assert!(seconds.iter().zip([3.0, 0.55]).all(|(took, most)| *took < most), "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_learnt_goes_on_to_the_next_and_a_ceiling_holds_for_it() {
    let first = RateLimiter::new(Rates::default());
    let other = (ACCOUNT.to_owned(), "us-east-1".to_owned(), CallClass::Sts);
    first.recall(Learnt(BTreeMap::from([(other.clone(), 33.0)])));
    for _ in 0..60 {
        let _ = first.acquire(ACCOUNT, "eu-west-1", CallClass::Write, Rank::default()).await;
        let _ = first.acquire(ACCOUNT, "eu-west-1", CallClass::Sts, Rank::default()).await;
    }
    first.throttled(ACCOUNT, "eu-west-1", CallClass::Write, None);
    let learnt = first.learnt();
    let writes = learnt.0.get(&(ACCOUNT.to_owned(), "eu-west-1".to_owned(), CallClass::Write)).copied().unwrap();
    assert!((10.0..60.0).contains(&writes), "{learnt:?}");
    assert_eq!(learnt.0.get(&other), Some(&33.0), "of what was not called since, what was known before");
    let second = RateLimiter::new(Rates::at_most(None, Some(4.0), None));
    second.recall(Learnt::read(&learnt.text(start)).unwrap().0);
    let _ = second.acquire(ACCOUNT, "eu-west-1", CallClass::Write, Rank::default()).await;
    let line = second.lines().into_iter().find(|line| line.class == CallClass::Write).unwrap();
    assert!((line.rate - 4.0).abs() < 1e-9, "{line:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_needed_for_a_day_is_handed_on_no_longer() {
    let limiter = RateLimiter::new(Rates::default());
    let recalled = learnt(&[("eu-west-1", CallClass::Read, 33.0), ("us-east-1", CallClass::Read, 34.0)]);
    limiter.recall(recalled.clone());
    let _ = limiter.acquire(ACCOUNT, "eu-west-1", CallClass::Read, Rank::default()).await;
    tokio::time::advance(UNNEEDED.checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(limiter.learnt(), recalled);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(limiter.learnt(), learnt(&[("eu-west-1", CallClass::Read, 33.0)]));
}

fn any_learnt() -> impl Strategy<Value = Learnt> {
    let key = ("[0-9]{12}", "[a-z]{2}-[a-z]{4,9}-[1-9]", 0..CallClass::ALL.len())
        .prop_map(|(account, region, class)| (account, region, CallClass::ALL[class]));
    prop::collection::btree_map(key, 0.2_f64..100.0, 0..800).prop_map(Learnt)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The text is bounded, is read as it was written, and what it leaves out was nearer to the start than what stays.
    #[test]
    fn what_is_written_is_read_again(learnt in any_learnt()) {
        let text = learnt.text(start);
        prop_assert!(text.len() <= LONGEST, "{}", text.len());
        let (read, ignored) = Learnt::read(&text).unwrap();
        prop_assert_eq!(ignored, 0);
        for (key, rate) in &read.0 {
            prop_assert!((learnt.0[key] - rate).abs() <= 0.005_001, "{key:?}");
        }
        let far = |(key, rate): (&(String, String, CallClass), &f64)| (rate / start(key.2)).ln().abs();
        let left_out = learnt.0.iter().filter(|(key, _)| !read.0.contains_key(key)).map(far).fold(0.0, f64::max);
        let kept = learnt.0.iter().filter(|(key, _)| read.0.contains_key(key)).map(far).fold(f64::INFINITY, f64::min);
        prop_assert!(left_out <= kept, "{left_out} {kept}");
        prop_assert!(read.0.len() == learnt.0.len() || text.len() > LONGEST / 5 * 4, "{} {}", read.0.len(), text.len());
        prop_assert_eq!(learnt.instead_of(Some(&text), None, start), None, "it says what is to be said");
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in "\\PC{0,200}") {
        let _ = Learnt::read(&text);
    }
}
