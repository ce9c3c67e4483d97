//! The rates that were learnt, as a text that outlives the process: whoever leads next begins with them. Pure; where the
//! text is kept says `leader_election`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::class::{CallClass, HIGHEST};
use super::pace::LOWEST;

/// Account, region and class.
pub type LearntKey = (String, String, CallClass);

/// Characters of the text at most: it is written with each renewal of a Lease. Some 250 accounts and regions.
pub const LONGEST: usize = 16 * 1024;

/// How often the text changes at most.
const PAUSE: Duration = Duration::from_mins(1);

/// A rate counts as another one from this factor on: less is what each look for more moves it by.
const ANOTHER: f64 = 1.1;

/// A region's name has some twenty characters.
const REGION: usize = 32;

/// Calls a second that AWS took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learnt(pub BTreeMap<LearntKey, f64>);

impl Learnt {
    /// As a text, of [`LONGEST`] characters at most. What is left out is what was learnt of the slowest: of `start`, who
    /// begins anew soon finds the way there.
    #[must_use]
    pub fn text(&self, start: impl Fn(CallClass) -> f64) -> String {
        let far = |(key, rate): &(&LearntKey, &f64)| (*rate / start(key.2)).ln().abs();
        let mut rates: Vec<_> = self.0.iter().collect();
        rates.sort_by(|one, other| far(other).total_cmp(&far(one)));
        loop {
            let text = tree(&rates).to_string();
            if text.len() <= LONGEST {
                return text;
            }
            // A tenth at a time: the text is long, and each attempt writes it whole.
            rates.truncate(rates.len() - rates.len().div_ceil(10));
        }
    }

    /// What a text says, and how many of its entries make no sense.
    ///
    /// # Errors
    /// Where it is no such text at all.
    pub fn read(text: &str) -> Result<(Self, usize), String> {
        let accounts: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (mut learnt, mut ignored) = (BTreeMap::new(), 0);
        for (account, regions) in accounts {
            let Value::Object(regions) = regions else {
                ignored += 1;
                continue;
            };
            for (region, classes) in regions {
                let Value::Object(classes) = classes else {
                    ignored += 1;
                    continue;
                };
                for (class, rate) in classes {
                    match (CallClass::named(&class), rate.as_f64().filter(|rate| (LOWEST..=HIGHEST).contains(rate))) {
                        (Some(class), Some(rate)) if is_account(&account) && is_region(&region) => {
                            learnt.insert((account.clone(), region.clone(), class), rate);
                        }
                        _ => ignored += 1,
                    }
                }
            }
        }
        Ok((Self(learnt), ignored))
    }

    /// The text that is to stand in place of `stands`, which is so old; nothing where that one will do.
    #[must_use]
    pub fn instead_of(
        &self,
        stands: Option<&str>,
        age: Option<Duration>,
        start: impl Fn(CallClass) -> f64,
    ) -> Option<String> {
        if age.is_some_and(|age| age < PAUSE) {
            return None;
        }
        let text = self.text(start);
        // Both as they are read: what was left out for its length is no difference.
        let of = |text: &str| Self::read(text).map(|(learnt, _)| learnt).unwrap_or_default();
        of(&text).differs(&stands.map(of).unwrap_or_default()).then_some(text)
    }

    fn differs(&self, other: &Self) -> bool {
        let near = |(key, rate): (&LearntKey, &f64)| {
            other.0.get(key).is_some_and(|old| (1.0 / ANOTHER..=ANOTHER).contains(&(rate / old)))
        };
        self.0.len() != other.0.len() || !self.0.iter().all(near)
    }
}

/// By account, region and class, to a hundredth of a call.
fn tree(rates: &[(&LearntKey, &f64)]) -> Value {
    let mut accounts: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, f64>>> = BTreeMap::new();
    for ((account, region, class), rate) in rates {
        let rounded = (**rate * 100.0).round() / 100.0;
        accounts.entry(account).or_default().entry(region).or_default().insert(class.name(), rounded);
    }
    json!(accounts)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= REGION && text.bytes().all(known)
}
