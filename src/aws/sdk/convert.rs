//! What every service's shapes need on their way to the SDK and back.
//!
//! To the SDK: `None` is not sent, an empty list is sent as an empty list, and a value that this SDK does not know goes
//! out as it stands. Back: enums become the strings they came as, also those that this SDK does not know; an absent
//! list stays absent where we can say so; what the SDK fills in for a missing required member (an empty string) is an
//! error.

use aws_smithy_types::DateTime;
use aws_smithy_types::error::operation::BuildError;
use jiff::Timestamp;

/// A shape of the SDK's, or why there is none.
pub(in crate::aws) type Built<T> = Result<T, BuildError>;

/// What was read, or the name of the member that is missing.
pub(in crate::aws) type Complete<T> = Result<T, &'static str>;

/// A string as one of the SDK's enums.
#[allow(clippy::needless_pass_by_value, reason = "members are moved out of our structs one by one")]
pub(in crate::aws) fn value<T: for<'a> From<&'a str>>(text: Option<String>) -> Option<T> {
    text.as_deref().map(T::from)
}

/// A list of strings as the SDK's enums.
pub(in crate::aws) fn values<T: for<'a> From<&'a str>>(texts: Option<Vec<String>>) -> Option<Vec<T>> {
    texts.map(|texts| texts.iter().map(|text| T::from(text.as_str())).collect())
}

/// A list of our shapes as the SDK's.
pub(in crate::aws) fn built<T, U: TryFrom<T, Error = BuildError>>(ours: Option<Vec<T>>) -> Built<Option<Vec<U>>> {
    ours.map(|ours| ours.into_iter().map(U::try_from).collect()).transpose()
}

/// A member without which the answer means nothing.
pub(in crate::aws) fn required(text: impl Into<Option<String>>, member: &'static str) -> Complete<String> {
    text.into().filter(|text| !text.is_empty()).ok_or(member)
}

/// One of the SDK's enums as a string.
#[allow(clippy::needless_pass_by_value, reason = "members are moved out of the SDK's structs one by one")]
pub(in crate::aws) fn text<T: AsRef<str>>(value: Option<T>) -> Option<String> {
    value.map(|value| value.as_ref().to_owned())
}

/// A list of the SDK's enums as strings.
#[allow(clippy::needless_pass_by_value, reason = "members are moved out of the SDK's structs one by one")]
pub(in crate::aws) fn texts<T: AsRef<str>>(values: Option<Vec<T>>) -> Option<Vec<String>> {
    values.map(|values| values.iter().map(|value| value.as_ref().to_owned()).collect())
}

/// A list of the SDK's shapes as ours.
pub(in crate::aws) fn list<T, U: From<T>>(theirs: Option<Vec<T>>) -> Option<Vec<U>> {
    theirs.map(|theirs| theirs.into_iter().map(U::from).collect())
}

/// A moment, as far as it can be one.
pub(in crate::aws) fn time(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
