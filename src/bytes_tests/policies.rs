//! Policies, the bodies of AWS's errors, and the texts of specs that are parsed by hand.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{cases, corpus, inputs, texts};
use crate::api::lifecycle::{Disruption, DisruptionMode, DisruptionWindow};
use crate::aws::error::{ErrorBody, bare_code, kind_of};
use crate::kinds::server::offline::window::{Gate, gate};
use crate::{policy, text};

/// No wait is longer, whatever AWS says.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Whether a window's start cannot be a time of day: no digit at all, or two numbers of which one is none of a clock.
fn is_no_time(start: &str) -> bool {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u8>().ok()).flatten();
    let numbers = start.split_once(':').and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
    let wrong = numbers.is_some_and(|(hour, minute)| start.len() < 5 || hour > 24 || minute > 59);
    wrong || !start.bytes().any(|byte| byte.is_ascii_digit())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_policy_that_is_taken_means_the_same_and_is_taken_again(given in texts(corpus(&["bytes/policies"]))) {
        let _ = policy::check(&given);
        let Ok(compact) = policy::compact(&given) else { return Ok(()) };
        prop_assert_eq!(policy::compact(&compact).unwrap(), compact.clone());
        prop_assert!(policy::same_meaning(&text::without_marks(&given), &compact));
        prop_assert!(compact.chars().count() <= policy::MAX_POLICY);
        prop_assert_eq!(policy::check(&text::without_marks(&given)), policy::check(&compact));
    }

    #[test]
    fn no_error_of_aws_makes_anybody_wait_for_long(body in inputs(corpus(&["bytes/errors"]))) {
        let ErrorBody { code, message, resource_type: _, retry_after } = ErrorBody::read(&body);
        prop_assert!(retry_after.is_none_or(|wait| wait <= LONGEST_WAIT), "{:?}", retry_after);
        let code = code.unwrap_or_default();
        prop_assert_eq!(bare_code(&code), code.as_str());
        let _ = kind_of(&code, &message.unwrap_or_default());
    }

    #[test]
    fn a_window_that_makes_no_sense_is_closed_and_says_where(
        start in "([0-9]{1,2}:[0-9]{1,2})|\\PC{0,12}",
        duration_minutes in any::<i32>(),
        time_zone in "(UTC)|(Europe/Berlin)|(Pacific/Apia)|\\PC{0,20}",
        days in prop::option::of(prop::collection::vec("(Mon)|(Sun)|\\PC{0,4}", 0..4)),
        now in -377_705_023_201_i64..253_402_207_200,
    ) {
        let nonsense = TimeZone::get(&time_zone).is_err() || is_no_time(&start);
        let window = DisruptionWindow { days, start, duration_minutes, time_zone };
        let disruption = Disruption { mode: DisruptionMode::Window, window: Some(window) };
        let gate = gate(&disruption, Timestamp::from_second(now).unwrap());
        prop_assert!(!nonsense || matches!(gate, Gate::Closed(_, None)), "{:?} gives {:?}", disruption, gate);
        if let Gate::Closed(reason, opens) = gate {
            prop_assert!(reason.message.contains("spec.lifecycle.disruption"), "{}", reason.message);
            prop_assert!(opens.is_none_or(|opens| opens.as_second() > now));
        }
    }
}
