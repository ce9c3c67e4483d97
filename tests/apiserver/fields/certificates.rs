//! The fields of a TransferCertificate. AWS changes its dates, its description and its tags; another certificate is imported
//! beside the one before, and the object is Ready with the new one while the old one is still there.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled, Suspended, Waits};
use super::case::{AWAY, At, Case, HOME, Kind, field};
use super::policies;

const KIND: Kind = Kind::Certificate;
/// Which certificate it is.
const SERIAL: At = At::Aws("/Serial");
const DESCRIPTION: At = At::Aws("/Description");
const ONE_SOURCE: &str = "exactly one of secretRef and configMapKeyRef is needed";

pub fn cases() -> Vec<Case> {
    let all = [of_secrets(), of_config_maps(), dates(), rotation(), the_rest(), allowed_references()];
    all.concat().into_iter().chain(policies::protection(KIND)).chain([policies::resync(KIND)]).collect()
}

/// An own certificate whose renewal is over at once.
fn own(more: &Value) -> Value {
    let mut secret = json!({"name": "own-certificates"});
    super::case::merge(&mut secret, more);
    json!({"configMapKeyRef": null, "secretRef": secret, "rotation": {"notice": "0s", "overlap": "0s"}})
}

fn of_secrets() -> Vec<Case> {
    let shows = |first: &str, second: &str, last: &str| [first, second, last].map(|serial| Holds(json!(serial)));
    let both =
        |certificate: Value, key: Value| json!({"secretRef": {"certificateKey": certificate, "privateKeyKey": key}});
    let with_key = |path: &str, values: [&str; 2], along: [Value; 2]| {
        let [second, third] = along;
        let (values, then) = (values.map(Value::from), shows("1001", "6fae80bdf9c09cb6", "1001"));
        Case::new(KIND, &format!("secretRef.{path}"), SERIAL, values, then).rest(own(&json!({}))).along(second, third)
    };
    let chain = |name: &str| Value::from(super::world::pem(name));
    vec![
        Case::new(
            KIND,
            "secretRef.name",
            SERIAL,
            [json!("own-certificates"), json!("more-own-certificates")],
            [Holds(json!("1001")), Holds(json!("2b5c4315fa756083")), Refused(ONE_SOURCE)],
        )
        .rest(own(&json!({}))),
        // A key belongs to its certificate: the one is not changed without the other.
        with_key(
            "certificateKey",
            ["tls.crt", "other.crt"],
            [both(json!("tls.crt"), json!("other.key")), json!({"secretRef": {"privateKeyKey": null}})],
        ),
        with_key(
            "privateKeyKey",
            ["tls.key", "other.key"],
            [both(json!("other.crt"), json!("tls.key")), json!({"secretRef": {"certificateKey": null}})],
        ),
        field(
            KIND,
            "secretRef.certificateChainKey",
            At::Aws("/CertificateChain"),
            json!("chain"),
            json!("more"),
            Value::Null,
        )
        .shows([chain("ca"), chain("partner"), Value::Null])
        .rest(own(&json!({}))),
    ]
}

fn of_config_maps() -> Vec<Case> {
    let at_once = json!({"rotation": {"overlap": "0s"}});
    let then = |second: &str| [Holds(json!("1002")), Holds(json!(second)), Refused(ONE_SOURCE)];
    let names = [json!("certificates"), json!("more-certificates")];
    vec![
        Case::new(KIND, "configMapKeyRef.name", SERIAL, names, then("1001")).rest(at_once.clone()),
        Case::new(KIND, "configMapKeyRef.key", SERIAL, [json!("one"), json!("two")], then("1003")).rest(at_once),
    ]
}

/// Cleared, they are again what the certificate says.
fn dates() -> Vec<Case> {
    let date = |path: &str, at: &'static str, [a, b]: [&str; 2], cleared: &str| {
        field(KIND, path, At::Aws(at), json!(a), json!(b), json!(cleared))
    };
    let [one, two] = ["2030-01-31T00:00:00Z", "2031-01-31T00:00:00Z"];
    vec![
        date("activeDate", "/ActiveDate", [one, two], "2020-01-01T00:00:00Z"),
        date("inactiveDate", "/InactiveDate", [one, two], "2049-12-31T23:59:59Z"),
    ]
}

/// They count when another certificate comes.
fn rotation() -> Vec<Case> {
    let renewed = json!({"configMapKeyRef": {"key": "two"}});
    let pending = || Holds(json!("PENDING_ROTATION"));
    vec![
        Case::new(
            KIND,
            "rotation.notice",
            At::Status("/certificateStatus"),
            [json!("0s"), json!("1h")],
            [Holds(json!("ACTIVE")), pending(), pending()],
        )
        .along(renewed.clone(), json!({}))
        .same("what partners were given notice of does not come sooner"),
        field(KIND, "rotation.overlap", At::Status("/overlapUntil"), json!("12h"), json!("48h"), Value::Null)
            .shows([Value::Null, json!("2030-02-02T00:00:00Z"), json!("2030-02-01T00:00:00Z")])
            .rest(json!({"activeDate": "2030-01-31T00:00:00Z"}))
            .along(renewed, json!({})),
    ]
}

fn the_rest() -> Vec<Case> {
    let fixed = |path: &str, at: At, values: [Value; 2]| {
        let refused = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let then = [
            Holds(values[0].clone()),
            Refused(refused(format!("spec.{path} cannot be changed"))),
            Refused(refused(format!("spec.{path}: Required value"))),
        ];
        Case::new(KIND, path, at, values, then)
    };
    let (one, two) = (json!("one"), json!("two"));
    vec![
        fixed("region", At::Aws("/Region"), [json!("eu-west-1"), json!("eu-central-1")]),
        fixed("usage", At::Aws("/Usage"), [json!("SIGNING"), json!("ENCRYPTION")]),
        Case::new(
            KIND,
            "description",
            DESCRIPTION,
            [one.clone(), two.clone()],
            [Holds(one.clone()), Holds(two.clone()), Stalled("CannotClear", "spec.description")],
        ),
        field(KIND, "tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        // The identity shows by its tags, of which the first has none.
        field(KIND, "awsIdentityRef.name", At::Tag("identity"), json!("default"), json!("second"), Value::Null)
            .shows([Value::Null, json!("second"), Value::Null]),
        Case::new(
            KIND,
            "suspend",
            DESCRIPTION,
            [json!(false), json!(true)],
            [Holds(one.clone()), Suspended, Holds(two.clone())],
        )
        .rest(json!({"description": one}))
        .along(json!({"description": two}), json!({})),
    ]
}

/// A profile of another namespace may use the certificate or not; one that uses it goes on.
fn allowed_references() -> Vec<Case> {
    let named = json!({"name": "NAME", "namespace": HOME});
    let profile =
        json!({"region": "eu-central-1", "as2Id": "them", "profileType": "PARTNER", "certificateRefs": [named]});
    let refused = || Waits("DependencyNotReady", "does not allow references from namespace away");
    let case = |(path, rest, values, left_out): policies::Selection| {
        let path = format!("allowedReferences.namespaces.{path}");
        let last = left_out.map_or_else(refused, Refused);
        let owner = json!([format!(
            "{HOME}/{}",
            Case::new(KIND, &path, SERIAL, values.clone(), [refused(), refused(), refused()]).name()
        )]);
        Case::new(KIND, &path, At::Aws("/Certificates"), values, [refused(), Holds(owner), last])
            .rest(json!({"allowedReferences": {"namespaces": rest}}))
            .shown_by(Kind::Profile, AWAY, profile.clone())
    };
    let from = ("from", json!({}), [json!("Same"), json!("All")], None);
    std::iter::once(from).chain(policies::selections(AWAY, "away")).map(case).collect()
}
