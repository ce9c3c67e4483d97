//! The fields of a TransferProfile. AWS changes its certificates and its tags; the rest is refused once it is there.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Suspended};
use super::case::{At, Case, Kind, field};
use super::policies;

/// The owners of its certificates.
const OWNERS: At = At::Aws("/Certificates");
const CERTIFICATES: At = At::Aws("/CertificateIds");

/// The cases; these certificates are in AWS.
pub fn cases([one, two]: &[String; 2]) -> Vec<Case> {
    let profile = |path: &str, at: At, a: Value, b: Value| field(Kind::Profile, path, at, a, b, Value::Null);
    let fixed = |path: &str, at: At, values: [Value; 2]| {
        let refused = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let then = [
            Holds(values[0].clone()),
            Refused(refused(format!("spec.{path} cannot be changed"))),
            Refused(refused(format!("spec.{path}: Required value"))),
        ];
        Case::new(Kind::Profile, path, at, values, then)
    };
    let suspended = [Holds(json!([one])), Suspended, Holds(json!([two]))];
    let owners = |names: [&str; 3]| names.map(|name| if name.is_empty() { Value::Null } else { json!([name]) });
    let mut cases = vec![
        profile("certificateRefs[].name", OWNERS, json!("ours"), json!("more-ours")).shows(owners([
            "fields/ours",
            "fields/more-ours",
            "",
        ])),
        profile("certificateRefs[].namespace", OWNERS, json!("fields"), json!("away"))
            .shows(owners(["fields/ours", "away/ours", "fields/ours"]))
            .rest(json!({"profileType": "PARTNER", "certificateRefs": [{"name": "ours"}]})),
        profile("certificateIds", CERTIFICATES, json!([one]), json!([one, two])),
        profile("tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"})),
        // The identity shows by its tags, of which the first has none.
        profile("awsIdentityRef.name", At::Tag("identity"), json!("default"), json!("second")).shows([
            Value::Null,
            json!("second"),
            Value::Null,
        ]),
        fixed("region", At::Aws("/Region"), [json!("eu-west-1"), json!("eu-central-1")]),
        fixed("as2Id", At::Aws("/As2Id"), [json!("us"), json!("we")]),
        fixed("profileType", At::Aws("/ProfileType"), [json!("PARTNER"), json!("LOCAL")]),
        Case::new(Kind::Profile, "suspend", CERTIFICATES, [json!(false), json!(true)], suspended)
            .rest(json!({"certificateIds": [one]}))
            .along(json!({"certificateIds": [two]}), json!({})),
        policies::resync(Kind::Profile),
    ];
    cases.extend(policies::protection(Kind::Profile));
    cases
}
