//! Which parts of a call are sent on their own after AWS refused what it says. Pure.
//!
//! A kind says which differences AWS takes only together; everything else need not wait for what is refused. What lets
//! more in does: half of an edit must not open what its other half was to guard.

use super::kind::PlannedCall;
use crate::aws::Mutation;

/// Whether the call goes in its parts: AWS refused what it says, or what one of them says.
#[must_use]
pub fn divided(call: &PlannedCall, refused: impl Fn(&Mutation) -> bool) -> bool {
    let any = || call.parts.iter().any(|part| refused(&part.mutation));
    call.parts.len() > 1 && (refused(&call.mutation) || any())
}

/// The parts, each with its index, in the order in which they are sent: what lets more in comes last.
pub fn in_order(call: &PlannedCall) -> impl Iterator<Item = (usize, &PlannedCall)> {
    let that = |exposes: bool| call.parts.iter().enumerate().filter(move |(_, part)| part.exposes == exposes);
    that(false).chain(that(true))
}

/// Whether a part of the call waits: it lets more in, and AWS did not take another, whatever it said the last time.
#[must_use]
pub fn waits(part: &PlannedCall, call: &PlannedCall, failed: impl Fn(&Mutation) -> bool) -> bool {
    let own = |other: &PlannedCall| std::ptr::eq(other, part);
    part.exposes && call.parts.iter().any(|other| !own(other) && failed(&other.mutation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::transfer::StartServer;

    fn call(name: &str, exposes: bool, parts: Vec<PlannedCall>) -> PlannedCall {
        let start = Mutation::StartServer(StartServer { server_id: name.to_owned() });
        PlannedCall { parts, exposes, ..PlannedCall::new(start, Vec::new()) }
    }

    fn id(mutation: &Mutation) -> &str {
        let Mutation::StartServer(StartServer { server_id }) = mutation else { return "" };
        server_id
    }

    /// What goes next: the whole call, or its parts one by one.
    fn next<'a>(call: &'a PlannedCall, refused: &[&str]) -> Vec<&'a str> {
        let refused = |mutation: &Mutation| refused.contains(&id(mutation));
        if !divided(call, refused) {
            return vec![id(&call.mutation)];
        }
        let due = in_order(call).filter(|(_, part)| !waits(part, call, refused));
        due.map(|(_, part)| id(&part.mutation)).collect()
    }

    #[test]
    fn after_a_refusal_parts_go_alone_and_what_lets_more_in_waits() {
        let whole = || {
            let parts = vec![call("door", true, vec![]), call("policy", false, vec![]), call("banner", false, vec![])];
            call("all", true, parts)
        };
        let rows: &[(&[&str], &[&str])] = &[
            (&[], &["all"]),
            (&["something else"], &["all"]),
            (&["all"], &["policy", "banner", "door"]),
            (&["all", "policy"], &["policy", "banner"]),
            (&["policy"], &["policy", "banner"]),
            (&["all", "door"], &["policy", "banner", "door"]),
            (&["door", "banner"], &["policy", "banner"]),
        ];
        for (refused, expected) in rows {
            assert_eq!(&next(&whole(), refused), expected, "refused: {refused:?}");
        }
        let single = call("all", false, vec![call("all", false, vec![])]);
        assert_eq!(next(&single, &["all"]), ["all"], "what has one part is not divided");
    }
}
