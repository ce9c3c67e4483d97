//! Members that the spec does not set and that AWS has all the same, because somebody else set them: they are left
//! alone, and shown. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::diff::{self, Member};
use super::drift::{VALUE_MAX, text};
use crate::api::status::Unset;

/// Where AWS has something else than its default in a member that the spec does not set. `applied` holds the paths that
/// this object once set: those are reset, which is told as a difference.
#[must_use]
pub fn unset(members: &[Member], want: &Value, have: &Value, applied: &BTreeSet<String>) -> Vec<Unset> {
    let left = members.iter().filter(|member| !diff::sets(member, want) && !applied.contains(member.path));
    let row = |member: &Member| {
        let have = text(diff::strays(member, have)?, VALUE_MAX)?;
        Some(Unset { field: format!("spec.{}", member.path), have })
    };
    left.filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::diff::{Compare, Reset};

    const TABLE: &[Member] = &[
        Member::live("banner", "null", Reset::Send("\"\"")),
        Member::live("protocols", "[\"SFTP\"]", Reset::Send("[\"SFTP\"]")).by(Compare::Set),
        Member::live("details.mode", "\"ENFORCED\"", Reset::Send("\"ENFORCED\"")),
        Member::live("details.ip", "\"AUTO\"", Reset::Send("\"AUTO\"")),
    ];

    #[test]
    fn what_aws_has_besides_its_defaults_and_no_spec_set_is_shown() {
        let rows: &[(Value, Value, &[&str], &[(&str, &str)], &str)] = &[
            (json!({}), json!({}), &[], &[], "nothing there"),
            (json!({}), json!({"banner": "", "protocols": ["SFTP"], "details": {"ip": "AUTO"}}), &[], &[], "defaults"),
            (json!({}), json!({"banner": "hi"}), &[], &[("spec.banner", "hi")], "set by somebody"),
            (json!({"banner": "a"}), json!({"banner": "hi"}), &[], &[], "the spec sets it: a difference"),
            (json!({}), json!({"banner": "hi"}), &["banner"], &[], "it left the spec: reset"),
            (
                json!({"details": {"mode": "ENFORCED"}}),
                json!({"details": {"mode": "DISABLED", "ip": "1.2.3.4"}, "protocols": ["FTPS"]}),
                &[],
                &[("spec.protocols", "[\"FTPS\"]"), ("spec.details.ip", "1.2.3.4")],
                "each member on its own",
            ),
        ];
        for (want, have, applied, expected, reason) in rows {
            let applied = applied.iter().map(|path| (*path).to_owned()).collect();
            let told = unset(TABLE, want, have, &applied);
            let told: Vec<(&str, &str)> = told.iter().map(|row| (row.field.as_str(), row.have.as_str())).collect();
            assert_eq!(&told, expected, "{reason}");
        }
    }
}
