//! Fields that AWS does not have: what the operator may change, when, and for whom. They show by what happens to
//! another field, or to another object.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled, Suspended, Waits};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, Then, merge};

const NOT_YET: &str = "NotYetSupported";
const WITH_SELECTOR: &str = "namespaces.selector goes with from Selector";

pub fn cases() -> Vec<Case> {
    let kinds = [Kind::Server, Kind::User, Kind::Access];
    let shared = kinds.into_iter().flat_map(|kind| [edits(kind), protection(kind)].concat());
    shared.chain(of_servers()).chain(allowed_references()).collect()
}

/// A field of the kind that AWS changes in place, to be edited together with a policy: where it shows, and a patch.
fn other_field(kind: Kind) -> (At, impl Fn(&str) -> Value) {
    let (at, name) = match kind {
        Kind::Server => (At::Aws("/Settings/PreAuthenticationLoginBanner"), "preAuthenticationLoginBanner"),
        _ => (At::Aws("/Profile/HomeDirectory"), "homeDirectory"),
    };
    (at, move |value: &str| json!({name: value}))
}

/// Under A the other field is what was created, under B its edit stays away from AWS, without the policy it arrives.
fn holding(kind: Kind, path: &str, values: [Value; 2], held: Then) -> Case {
    let (at, to) = other_field(kind);
    Case::new(kind, path, at, values, [Holds(json!("/one")), held, Holds(json!("/two"))])
        .rest(to("/one"))
        .along(to("/two"), json!({}))
}

/// Nothing is made as long as the policy stands.
fn waiting(kind: Kind, path: &str, values: [Value; 2], named: &'static str, rest: &Value) -> Case {
    let (at, to) = other_field(kind);
    let mut rest = rest.clone();
    merge(&mut rest, &to("/one"));
    let then = [Stalled(NOT_YET, named), Stalled(NOT_YET, named), Holds(json!("/one"))];
    Case::new(kind, path, at, values, then).rest(rest)
}

fn edits(kind: Kind) -> Vec<Case> {
    vec![holding(kind, "suspend", [json!(false), json!(true)], Suspended)]
}

/// Servers are protected unless it says otherwise, the others only where it says so.
pub fn protection(kind: Kind) -> Vec<Case> {
    let server = kind == Kind::Server;
    let then = [!server, server, !server].map(|deletable| Holds(json!(deletable)));
    vec![Case::new(kind, "lifecycle.deletionProtection", At::Deletable, [json!(server), json!(!server)], then)]
}

fn of_servers() -> Vec<Case> {
    let mode = "spec.lifecycle.disruption.mode";
    let window = json!({"start": "22:30", "durationMinutes": 60});
    let rest = json!({"lifecycle": {"disruption": {"mode": "Window", "window": window}}});
    let members = [
        ("days", json!(["Sat"]), json!(["Sun"])),
        ("start", json!("22:30"), json!("23:30")),
        ("durationMinutes", json!(60), json!(90)),
        ("timeZone", json!("UTC"), json!("Europe/Berlin")),
    ];
    let windows = members.into_iter().map(|(member, a, b)| {
        let path = format!("lifecycle.disruption.window.{member}");
        waiting(Kind::Server, &path, [a, b], mode, &rest).leaving_out("lifecycle.disruption")
    });
    let never = Stalled(NOT_YET, mode);
    let mut cases: Vec<Case> = windows.collect();
    cases.extend([holding(Kind::Server, "lifecycle.disruption.mode", [json!("Immediate"), json!("Never")], never)]);
    cases
}

/// A path below `namespaces` and the rest of that; a value that keeps a namespace out and one that lets it in; what the
/// API server says when the path is left out, if it minds.
pub type Selection = (&'static str, Value, [Value; 2], Option<&'static str>);

/// Every way but `from` to select a namespace of this name and this label `area`.
pub fn selections(namespace: &str, area: &str) -> Vec<Selection> {
    let labels = |area: &str| json!({"area": area});
    let expression = json!({"from": "Selector", "selector": {"matchExpressions": [
        {"key": "area", "operator": "In", "values": [area]}]}});
    let mut exists = expression.clone();
    exists["selector"]["matchExpressions"][0] = json!({"key": "area", "operator": "Exists"});
    let names = "namespaces.names goes with from Names";
    vec![
        ("names", json!({"from": "Names"}), [json!(["nowhere"]), json!([namespace])], Some(names)),
        ("selector.matchLabels{}", json!({"from": "Selector"}), [labels("x"), labels(area)], Some(WITH_SELECTOR)),
        ("selector.matchExpressions[].key", exists.clone(), [json!("nothing"), json!("area")], Some(WITH_SELECTOR)),
        ("selector.matchExpressions[].operator", exists, [json!("DoesNotExist"), json!("Exists")], Some(WITH_SELECTOR)),
        ("selector.matchExpressions[].values", expression, [json!(["x"]), json!([area])], None),
    ]
}

/// A user of another namespace gets onto the server or not; one that is there is left alone.
fn allowed_references() -> Vec<Case> {
    let user = json!({"serverRef": {"name": "NAME", "namespace": HOME}, "role": ROLE});
    let refused = || Waits("ServerNotAvailable", "does not allow references from namespace away");
    let case = |(path, rest, values, left_out): Selection| {
        let path = format!("allowedReferences.namespaces.{path}");
        let last = left_out.map_or_else(refused, Refused);
        let mut case = Case::new(Kind::Server, &path, At::Aws("/Server"), values, [refused(), refused(), last]);
        case.then[1] = Holds(json!(format!("{HOME}/{}", case.name())));
        case.rest(json!({"allowedReferences": {"namespaces": rest}})).shown_by(Kind::User, AWAY, user.clone())
    };
    let from = ("from", json!({}), [json!("Same"), json!("All")], None);
    std::iter::once(from).chain(selections(AWAY, "away")).map(case).collect()
}
