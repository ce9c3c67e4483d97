//! The two operations of AWS STS that the operator needs, in the query protocol: a form in, XML out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::Timestamp;

use super::error::{Answer, ApiError};
use super::random::Random;
use super::state::{Session, World, partition};
use super::time::after;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account in which the call acts.
    pub account: String,
    /// The ARN of the user or session.
    pub arn: String,
    /// The unique id.
    pub user_id: String,
}

/// The namespace of its XML.
pub const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Seconds that temporary credentials last when the caller does not say.
const DURATION: i64 = 3600;
/// How many tags a session may have.
const TAGS_MAX: usize = 50;

/// Reads a form.
#[must_use]
pub fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Carries out an action and returns the XML of its answer.
///
/// # Errors
/// The codes of STS.
pub fn call(
    action: &str,
    form: &BTreeMap<String, String>,
    caller: &Caller,
    world: &mut World,
    random: &mut Random,
    now: Timestamp,
) -> Answer<String> {
    let result = match action {
        "GetCallerIdentity" => {
            format!("<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>", caller.arn, caller.user_id, caller.account)
        }
        "AssumeRole" => assume_role(form, world, random, now)?,
        _ => {
            return Err(ApiError::new(
                "InvalidAction",
                format!("Could not find operation {action} for version 2011-06-15"),
            ));
        }
    };
    let id = random.uuid();
    Ok(format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
    ))
}

/// The XML of a refusal, as every query service has it.
#[must_use]
pub fn failure(namespace: &str, error: &ApiError, request_id: &str, status: u16) -> String {
    let side = if status < 500 { "Sender" } else { "Receiver" };
    let message = error.message.as_deref().unwrap_or_default();
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escaped(&error.code),
        escaped(message)
    )
}

fn assume_role(
    form: &BTreeMap<String, String>,
    world: &mut World,
    random: &mut Random,
    now: Timestamp,
) -> Answer<String> {
    let invalid = |text: &str| ApiError::new("ValidationError", text);
    let required = |name: &str| {
        form.get(name).filter(|v| !v.is_empty()).ok_or_else(|| {
            invalid(&format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    };
    let role = required("RoleArn")?;
    let (account, name) = role_of(role).ok_or_else(|| invalid(&format!("{role} is invalid")))?;
    let session_name = required("RoleSessionName")?;
    if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(in_session_name) {
        return Err(invalid("Value at 'roleSessionName' failed to satisfy constraint"));
    }
    let seconds = match form.get("DurationSeconds") {
        None => DURATION,
        Some(text) => text
            .parse()
            .ok()
            .filter(|s| (900..=43_200).contains(s))
            .ok_or_else(|| invalid("Value at 'durationSeconds' failed to satisfy constraint"))?,
    };
    check_tags(form).map_err(|text| invalid(&text))?;
    let user_id = format!("AROA{}:{session_name}", random.capitals(17));
    let session = Session {
        account: account.to_owned(),
        arn: format!(
            "arn:{}:sts::{account}:assumed-role/{name}/{session_name}",
            role.split(':').nth(1).unwrap_or(partition(""))
        ),
        user_id,
        secret_key: random.hex(40),
        token: random.hex(120),
        expires: after(now, SignedDuration::from_secs(seconds)),
    };
    let key = format!("ASIA{}", random.capitals(16));
    let answer = credentials(&key, &session);
    world.sessions.retain(|_, held| now < held.expires);
    world.sessions.insert(key, session);
    Ok(answer)
}

/// The tags of a session change nothing here: they stand in the log of calls, with the rest of the form.
fn check_tags(form: &BTreeMap<String, String>) -> Result<(), String> {
    let member = |number: usize, name: &str| form.get(&format!("Tags.member.{number}.{name}"));
    let mut seen = BTreeSet::new();
    for number in 1..=TAGS_MAX + 1 {
        let Some(key) = member(number, "Key") else { break };
        let value = member(number, "Value").ok_or_else(|| refused_tag(number, "value", "Member must not be null"))?;
        if number > TAGS_MAX {
            return Err(format!(
                "Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to {TAGS_MAX}"
            ));
        }
        for (name, text, most) in [("key", key, 128), ("value", value, 256)] {
            if text.chars().count() > most || !text.chars().all(in_tag) || (name == "key" && text.is_empty()) {
                return Err(refused_tag(number, name, "Member must have a length and a form that tags may have"));
            }
        }
        if !seen.insert(key.to_lowercase()) {
            return Err("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned());
        }
    }
    Ok(())
}

fn refused_tag(number: usize, member: &str, why: &str) -> String {
    format!("1 validation error detected: Value at 'tags.{number}.member.{member}' failed to satisfy constraint: {why}")
}

fn in_tag(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

fn credentials(key: &str, session: &Session) -> String {
    format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        session.user_id,
        session.arn,
        session.secret_key,
        session.token,
        session.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
}

/// Account and name of a role; the path in front of the name is no part of a session's ARN.
fn role_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", _, "iam", "") = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let account = parts.next()?;
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next()?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let plain = !name.is_empty() && name.chars().all(in_session_name);
    (digits && plain).then_some((account, name))
}

fn in_session_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let value = digits
                    .iter()
                    .try_fold(0_u32, |sum, digit| char::from((*digit)?).to_digit(16).map(|d| sum * 16 + d));
                value.and_then(|v| u8::try_from(v).ok()).unwrap_or(b'%')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text as it stands in XML.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
