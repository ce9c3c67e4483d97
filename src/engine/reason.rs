//! The one form of why: from an answer of AWS or of Kubernetes, or a fault of the spec, to the condition that tells it.

use std::fmt::Display;

use crate::api::condition::reasons;

/// Why a condition says what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `reason` of the condition.
    pub code: &'static str,
    /// `message` of the condition: what is so, of which field, and what to do.
    pub message: String,
    /// A person must act; otherwise nothing is wrong, or it passes when something else appears.
    pub needs_person: bool,
    /// It rests on what nothing tells of (a Secret, a right in Kubernetes), so that is looked for again every minute.
    pub sought: bool,
}

impl Reason {
    /// A person must act.
    #[must_use]
    pub fn stalled(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), needs_person: true, sought: false }
    }

    /// Nobody need act: all is well, or it passes by itself when what is missing appears.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), needs_person: false, sought: false }
    }

    /// The same of what nothing tells of when it appears or changes; the message says how soon it is seen.
    #[must_use]
    pub(crate) fn sought(self) -> Self {
        Self { message: format!("{}; it is looked for again every minute", self.message), sought: true, ..self }
    }

    /// A defect of this program that would otherwise pass in silence.
    #[must_use]
    pub fn defect(what: impl Display) -> Self {
        let message = format!("{what}: a defect of this operator, please report it; nothing is sent for it");
        Self::stalled(reasons::INTERNAL_ERROR, message)
    }

    /// Several blocks as one: the first that needs a person, all messages.
    pub(super) fn combined(blocks: &[Self]) -> Option<Self> {
        let first = blocks.iter().find(|block| block.needs_person).or_else(|| blocks.first())?;
        let mut messages: Vec<&str> = Vec::new();
        for block in std::iter::once(first).chain(blocks) {
            if !messages.contains(&block.message.as_str()) {
                messages.push(&block.message);
            }
        }
        let sought = blocks.iter().any(|block| block.sought);
        Some(Self { code: first.code, message: messages.join("; "), needs_person: first.needs_person, sought })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_blocks_the_first_for_a_person_leads_all_messages() {
        let block = |code: &'static str, message: &str, needs_person| {
            if needs_person { Reason::stalled(code, message) } else { Reason::new(code, message) }
        };
        let told = |blocks: &[Reason]| {
            Reason::combined(blocks).map(|Reason { code, message, needs_person, sought }| {
                assert_eq!(sought, blocks.iter().any(|block| block.sought), "no other one makes its wait longer");
                format!("{code} {needs_person}: {message}")
            })
        };
        assert_eq!(told(&[]), None);
        let all = [block("A", "one", false), block("B", "two", true), block("C", "one", true)];
        assert_eq!(told(&all), Some("B true: two; one".to_owned()));
        assert_eq!(told(&all[..1]), Some("A false: one".to_owned()));
        let sought = [block("A", "one", true), block("B", "two", false).sought()];
        let told = told(&sought).unwrap_or_default();
        assert_eq!(told, "A true: one; two; it is looked for again every minute");
    }
}
