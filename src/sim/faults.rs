//! Scripted trouble: which calls fail, how, and whether their effect happened.
//! Decides nothing about the service; it only says what is to become of a call.

use std::collections::BTreeMap;

use jiff::fmt::serde::duration::friendly::compact::{optional, required};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{ErrorType, MessageKey};
use super::error::ApiError;
use super::time::after;

/// One line of the script.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The operation; any if absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// The region of the signature; any if absent.
    #[serde(default)]
    pub region: Option<String>,
    /// The access key of the signature; any if absent.
    #[serde(default)]
    pub access_key: Option<String>,
    /// Members that the request must have with these values.
    #[serde(default)]
    pub input: BTreeMap<String, Value>,
    /// Strikes on this matching call only, counted from 1.
    #[serde(default)]
    pub call: Option<u64>,
    /// Strikes on so many matching calls, from now on.
    #[serde(default)]
    pub next: Option<u64>,
    /// Strikes on all matching calls for so long.
    #[serde(default, rename = "for", serialize_with = "optional")]
    pub lasting: Option<SignedDuration>,
    /// What happens.
    pub fault: Fault,
}

/// What happens to a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An error instead of the answer.
    Error(ErrorFault),
    /// `ThrottlingException`: nothing happened.
    Throttle {
        /// Sent as a string, as AWS does; absent for none.
        #[serde(default)]
        retry_after_seconds: Option<u64>,
    },
    /// The effect happens and the connection closes without an answer.
    LoseReply {},
    /// The connection closes and nothing happens.
    Refuse {},
    /// The call is held up.
    Delay {
        /// How long.
        #[serde(serialize_with = "required")]
        by: SignedDuration,
        /// On its way in (the default: signature and effect come after the delay) or on its way out.
        #[serde(default)]
        effect: Effect,
    },
}

/// An error of any code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorFault {
    /// AWS's code.
    pub code: String,
    /// The text.
    #[serde(default)]
    pub message: Option<String>,
    /// The resource of a missing or existing thing.
    #[serde(default)]
    pub resource: Option<String>,
    /// Its type.
    #[serde(default)]
    pub resource_type: Option<String>,
    /// Another status number than the code has.
    #[serde(default)]
    pub status: Option<u16>,
    /// Whether the effect happens all the same.
    #[serde(default)]
    pub effect: EffectOfError,
    /// Another place of the type than the switch says.
    #[serde(default)]
    pub error_type: Option<ErrorType>,
    /// Another spelling of the text's key than the switch says.
    #[serde(default)]
    pub error_message: Option<MessageKey>,
}

/// Where the effect stands with respect to a delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The delay comes first, then the effect.
    #[default]
    Late,
    /// The effect comes first, then the delay.
    AtOnce,
}

/// What an injected error leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOfError {
    /// Nothing happened.
    #[default]
    None,
    /// The call was carried out, and the error is a lie.
    Done,
}

/// A rule with what is remembered of it.
#[derive(Debug, Clone, Serialize)]
pub struct Armed {
    /// Its number.
    pub id: u64,
    /// What was asked for.
    pub rule: Rule,
    /// Matching calls so far.
    pub matched: u64,
    /// Calls that it struck.
    pub struck: u64,
    /// The end of its duration.
    pub until: Option<Timestamp>,
}

/// All rules, in the order in which they came.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    last_id: u64,
}

/// What is to become of one call.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Before anything else is done.
    pub delay_in: SignedDuration,
    /// Before the answer leaves.
    pub delay_out: SignedDuration,
    /// What else happens.
    pub fault: Option<Fault>,
}

/// What a rule is matched with.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// The region of the scope, if there is a signature.
    pub region: Option<&'a str>,
    /// The access key, if there is a signature.
    pub access_key: Option<&'a str>,
    /// The input, null if it is no JSON.
    pub input: &'a Value,
}

impl Faults {
    /// Adds a rule and returns its number.
    ///
    /// # Errors
    /// A text that says what is wrong with the rule.
    pub fn arm(&mut self, rule: Rule, now: Timestamp) -> Result<u64, String> {
        let given = [rule.call.is_some(), rule.next.is_some(), rule.lasting.is_some()];
        if given.iter().filter(|g| **g).count() > 1 {
            return Err("give one of call, next and for, not several".to_owned());
        }
        self.last_id += 1;
        let until = rule.lasting.map(|d| after(now, d));
        self.armed.push(Armed { id: self.last_id, rule, matched: 0, struck: 0, until });
        Ok(self.last_id)
    }

    /// The rules as they stand.
    #[must_use]
    pub fn all(&self) -> &[Armed] {
        &self.armed
    }

    /// Forgets all rules.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// Counts a call and says what is to become of it. Delays add up; of other faults the first one counts.
    pub fn strike(&mut self, seen: &Seen<'_>, now: Timestamp) -> Verdict {
        let mut verdict = Verdict::default();
        for armed in &mut self.armed {
            if !armed.rule.matches(seen) {
                continue;
            }
            armed.matched += 1;
            if !armed.strikes(now) {
                continue;
            }
            match &armed.rule.fault {
                Fault::Delay { by, effect } => {
                    let sum = match effect {
                        Effect::Late => &mut verdict.delay_in,
                        Effect::AtOnce => &mut verdict.delay_out,
                    };
                    *sum = sum.saturating_add(*by);
                }
                _ if verdict.fault.is_some() => continue,
                other => verdict.fault = Some(other.clone()),
            }
            armed.struck += 1;
        }
        verdict
    }
}

impl Armed {
    fn strikes(&self, now: Timestamp) -> bool {
        match (self.rule.call, self.until) {
            (Some(call), _) => self.matched == call,
            (None, Some(until)) => now < until,
            (None, None) => self.struck < self.rule.next.unwrap_or(1),
        }
    }
}

impl Rule {
    fn matches(&self, seen: &Seen<'_>) -> bool {
        let is = |want: &Option<String>, have: Option<&str>| want.is_none() || want.as_deref() == have;
        is(&self.operation, Some(seen.operation))
            && is(&self.region, seen.region)
            && is(&self.access_key, seen.access_key)
            && self.input.iter().all(|(name, value)| seen.input.get(name) == Some(value))
    }
}

impl Fault {
    /// The name under which it stands in the script.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Throttle { .. } => "throttle",
            Self::LoseReply {} => "lose_reply",
            Self::Refuse {} => "refuse",
            Self::Delay { .. } => "delay",
        }
    }

    /// The error that is answered, if one is, and whether the call is carried out before.
    #[must_use]
    pub fn error(&self) -> Option<(ApiError, EffectOfError)> {
        match self {
            Self::Error(fault) => {
                let resource = fault.resource.clone().zip(fault.resource_type.clone());
                let error =
                    ApiError { code: fault.code.clone(), message: fault.message.clone(), resource, retry_after: None };
                Some((error, fault.effect))
            }
            Self::Throttle { retry_after_seconds } => {
                let error = ApiError {
                    code: "ThrottlingException".to_owned(),
                    message: None,
                    resource: None,
                    retry_after: retry_after_seconds.map(|s| s.to_string()),
                };
                Some((error, EffectOfError::None))
            }
            Self::LoseReply {} | Self::Refuse {} | Self::Delay { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
