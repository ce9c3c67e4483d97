//! What differs between want and have, as a list of changes. Pure.
//!
//! A kind describes its members in a table; this file compares by that table and puts together what is sent. Only
//! members that the spec sets are compared, and those that this object once set and that have left the spec: these are
//! reset to AWS's default or named as impossible to reset. What was never set is left alone.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use crate::api::status::Effect;
use crate::policy;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Path below `spec`, in AWS's member names.
    pub path: String,
    /// What AWS has; `Null` where nothing is set.
    pub have: Value,
    /// What the spec wants; `Null` where the member is reset.
    pub want: Value,
    /// What it takes.
    pub effect: Effect,
}

/// What a kind says of the one that was replaced, while it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Old {
    /// It goes once nothing uses it.
    #[default]
    Going,
    /// It is what is wanted again.
    WantedAgain {
        /// It is of no use as it is.
        spent: bool,
    },
    /// It is of no use any more, whoever goes on naming it.
    Spent,
}

/// The fields of the spec that differ, as a list for a person.
#[must_use]
pub fn paths<'a>(changes: impl IntoIterator<Item = &'a Change>) -> String {
    changes.into_iter().map(|change| format!("spec.{}", change.path)).collect::<Vec<_>>().join(", ")
}

/// How two values of a member are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// As they stand.
    Exact,
    /// Order does not count.
    Set,
    /// Two session policies of the same meaning are equal.
    Policy,
    /// A mapping without a type is a DIRECTORY.
    Mappings,
}

/// How a member that left the spec is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// By sending this JSON text.
    Send(&'static str),
    /// It goes with another member of the object; nothing is sent for it.
    Follows,
    /// AWS offers no way.
    Never,
}

/// One member of AWS's structures, at the depth at which it can be set on its own.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// `protocolDetails.passiveIp`.
    pub path: &'static str,
    /// What AWS returns where it was never set, as JSON text; `null` for nothing.
    pub default: &'static str,
    /// How it is reset.
    pub reset: Reset,
    /// How it is compared.
    pub compare: Compare,
    /// What a change of it takes.
    pub effect: Effect,
}

impl Member {
    /// A member without default that compares exactly and changes in place.
    #[must_use]
    pub const fn live(path: &'static str, default: &'static str, reset: Reset) -> Self {
        Self { path, default, reset, compare: Compare::Exact, effect: Effect::Live }
    }

    /// The same with another comparison.
    #[must_use]
    pub const fn by(self, compare: Compare) -> Self {
        Self { compare, ..self }
    }

    /// The same with another effect.
    #[must_use]
    pub const fn takes(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// The member of the request that carries it.
    #[must_use]
    pub fn top(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(top, _)| top)
    }
}

/// Compares by the table.
///
/// `want` and `have` are objects in lowerCamelCase; `applied` holds the paths that this object once set.
#[must_use]
pub fn diff(members: &[Member], want: &Value, have: &Value, applied: &BTreeSet<String>) -> Vec<Change> {
    members.iter().filter_map(|member| compare(member, want, have, applied)).collect()
}

fn compare(member: &Member, want: &Value, have: &Value, applied: &BTreeSet<String>) -> Option<Change> {
    let wanted = at(want, member.path);
    let held = at(have, member.path).cloned().unwrap_or(Value::Null);
    let current = or_default(&held, member.default);
    if let Some(wanted) = wanted {
        let target = or_default(wanted, member.default);
        return (!same(member.compare, &target, &current)).then(|| Change {
            path: member.path.to_owned(),
            have: held,
            want: wanted.clone(),
            effect: member.effect,
        });
    }
    if !applied.contains(member.path) || member.reset == Reset::Follows {
        return None;
    }
    let target = match member.reset {
        Reset::Send(value) => or_default(&parse(value), member.default),
        Reset::Follows | Reset::Never => parse(member.default),
    };
    let effect = if member.reset == Reset::Never { Effect::Refused } else { member.effect };
    // What AWS alone fills (a default that it may change) counts as reset as soon as nobody else set it: never.
    (!same(member.compare, &target, &current)).then(|| Change {
        path: member.path.to_owned(),
        have: held,
        want: Value::Null,
        effect,
    })
}

/// The top-level members to send for `changes`, each complete: what the spec leaves open keeps what AWS has.
#[must_use]
pub(crate) fn compose(members: &[Member], want: &Value, have: &Value, changes: &[Change]) -> Map<String, Value> {
    let paths: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let tops: BTreeSet<&str> = members.iter().filter(|member| paths.contains(member.path)).map(Member::top).collect();
    let mut request = Map::new();
    for member in members.iter().filter(|member| tops.contains(member.top())) {
        let value = match at(want, member.path) {
            Some(wanted) => Some(wanted.clone()),
            None if paths.contains(member.path) => match member.reset {
                Reset::Send(value) => Some(parse(value)),
                Reset::Follows | Reset::Never => None,
            },
            None => at(have, member.path).cloned(),
        };
        if let Some(value) = value.filter(|value| !value.is_null()) {
            put(&mut request, member.path, value);
        }
    }
    request
}

/// What was composed, as the type of the request.
///
/// # Errors
/// Where it does not fit: a defect in the table of members.
pub fn typed<T: DeserializeOwned>(request: Map<String, Value>) -> Result<T, serde_json::Error> {
    serde_json::from_value(Value::Object(request))
}

/// The paths of the table that `want` sets.
#[must_use]
pub(crate) fn set_paths(members: &[Member], want: &Value) -> BTreeSet<String> {
    members.iter().filter(|member| sets(member, want)).map(|member| member.path.to_owned()).collect()
}

/// Whether `want` sets the member.
#[must_use]
pub fn sets(member: &Member, want: &Value) -> bool {
    at(want, member.path).is_some()
}

/// What AWS has of a member, where that is not what it has by default.
#[must_use]
pub fn strays<'a>(member: &Member, have: &'a Value) -> Option<&'a Value> {
    let held = at(have, member.path)?;
    (!same(member.compare, &or_default(held, member.default), &parse(member.default))).then_some(held)
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name)).filter(|value| !value.is_null())
}

fn put(request: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            request.insert(path.to_owned(), value);
        }
        Some((top, rest)) => {
            let inner = request.entry(top).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// AWS speaks of "nothing" as an absent member, null, an empty text or an empty list: all are the default.
fn or_default(value: &Value, default: &str) -> Value {
    let nothing = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if nothing { parse(default) } else { value.clone() }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn same(compare: Compare, a: &Value, b: &Value) -> bool {
    match compare {
        Compare::Exact => a == b,
        Compare::Set => sorted(a) == sorted(b),
        Compare::Policy => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => policy::same_meaning(a, b),
            _ => a == b,
        },
        Compare::Mappings => with_type(a) == with_type(b),
    }
}

fn sorted(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(ToString::to_string).collect()
}

fn with_type(value: &Value) -> Vec<Value> {
    let directory = || Value::String("DIRECTORY".to_owned());
    let mut entries: Vec<Value> = value.as_array().cloned().unwrap_or_default();
    for entry in &mut entries {
        if let Value::Object(entry) = entry {
            entry.entry("type").or_insert_with(directory);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    const TABLE: &[Member] = &[
        Member::live("banner", "null", Reset::Send("\"\"")),
        Member::live("protocols", "[\"SFTP\"]", Reset::Send("[\"SFTP\"]")).by(Compare::Set),
        Member::live("details.mode", "\"ENFORCED\"", Reset::Send("\"ENFORCED\"")),
        Member::live("details.ip", "\"AUTO\"", Reset::Send("\"AUTO\"")).takes(Effect::Restart),
        Member::live("posix", "null", Reset::Never),
        Member::live("policy", "null", Reset::Send("\"\"")).by(Compare::Policy),
        Member::live("mappings", "null", Reset::Send("[]")).by(Compare::Mappings),
    ];

    fn paths(want: &Value, have: &Value, applied: &[&str]) -> Vec<String> {
        let applied = applied.iter().map(|path| (*path).to_owned()).collect();
        diff(TABLE, want, have, &applied).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn compares_what_the_spec_sets_and_what_it_once_set() {
        let rows: &[(Value, Value, &[&str], &[&str], &str)] = &[
            (json!({}), json!({"banner": "hi"}), &[], &[], "never set: left alone"),
            (json!({}), json!({"banner": "hi"}), &["banner"], &["banner"], "left the spec: reset"),
            (json!({}), json!({"banner": ""}), &["banner"], &[], "empty is unset"),
            (json!({"banner": ""}), json!({}), &[], &[], "wanting nothing where nothing is"),
            (json!({"banner": "a"}), json!({"banner": "b"}), &[], &["banner"], "differs"),
            (json!({"protocols": ["SFTP"]}), json!({}), &[], &[], "AWS's default equals unset"),
            (json!({"protocols": ["FTPS", "SFTP"]}), json!({"protocols": ["SFTP", "FTPS"]}), &[], &[], "a set"),
            (json!({"details": {"mode": "ENFORCED"}}), json!({}), &[], &[], "nested default"),
            (json!({"details": {"ip": "AUTO"}}), json!({"details": {"ip": "1.2.3.4"}}), &[], &["details.ip"], "back"),
            (json!({}), json!({"posix": {"uid": 1}}), &["posix"], &["posix"], "cannot be reset: named"),
            (json!({"policy": "{ \"a\":1}"}), json!({"policy": "{\"a\": 1}"}), &[], &[], "by meaning"),
            (
                json!({"mappings": [{"entry": "/", "target": "/b", "type": "DIRECTORY"}]}),
                json!({"mappings": [{"entry": "/", "target": "/b"}]}),
                &[],
                &[],
                "DIRECTORY is the default type",
            ),
        ];
        for (want, have, applied, expected, reason) in rows {
            assert_eq!(&paths(want, have, applied), expected, "{reason}");
        }
    }

    #[test]
    fn a_member_that_cannot_be_reset_is_refused() {
        let applied = BTreeSet::from(["posix".to_owned()]);
        let changes = diff(TABLE, &json!({}), &json!({"posix": {"uid": 1}}), &applied);
        assert_eq!(changes[0].effect, Effect::Refused);
    }

    #[test]
    fn a_changed_member_is_sent_complete_and_nothing_else_is() {
        let want = json!({"details": {"ip": "1.2.3.4"}, "banner": "same"});
        let have = json!({"details": {"mode": "DISABLED", "ip": "AUTO"}, "banner": "same", "protocols": ["SFTP"]});
        let changes = diff(TABLE, &want, &have, &BTreeSet::new());
        let sent = compose(TABLE, &want, &have, &changes);
        assert_eq!(Value::Object(sent), json!({"details": {"ip": "1.2.3.4", "mode": "DISABLED"}}));
    }

    #[test]
    fn a_reset_sends_the_clearing_value() {
        let applied = BTreeSet::from(["banner".to_owned(), "details.mode".to_owned()]);
        let have = json!({"banner": "old", "details": {"mode": "DISABLED", "ip": "AUTO"}});
        let changes = diff(TABLE, &json!({}), &have, &applied);
        let sent = compose(TABLE, &json!({}), &have, &changes);
        assert_eq!(Value::Object(sent), json!({"banner": "", "details": {"mode": "ENFORCED", "ip": "AUTO"}}));
    }
}
