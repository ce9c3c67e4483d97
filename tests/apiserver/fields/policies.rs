//! Fields that AWS does not have: what the operator may change, when, and for whom. They show by what happens to
//! another field, or to another object.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::case::Then::{Holds, Postponed, Refused, Suspended, Waits};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, Then};

const WITH_SELECTOR: &str = "namespaces.selector goes with from Selector";

pub fn cases() -> Vec<Case> {
    let kinds = [Kind::Server, Kind::User, Kind::Access];
    let shared = kinds.into_iter().flat_map(|kind| [edits(kind), protection(kind), vec![resync(kind)]].concat());
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

fn edits(kind: Kind) -> Vec<Case> {
    vec![holding(kind, "suspend", [json!(false), json!(true)], Suspended)]
}

/// How often it is looked at shows in virtual time only (src/kinds/reconcile_tests/telling.rs); what is refused, here.
pub fn resync(kind: Kind) -> Case {
    let (at, rest, held) = match kind {
        Kind::Workflow => (At::Aws("/Steps/0/Type"), json!({}), json!("DELETE")),
        Kind::Connector => (At::Aws("/Settings/SftpConfig/MaxConcurrentConnections"), json!({}), json!(1)),
        Kind::WebApp => (At::Aws("/Provisioned"), json!({}), json!(1)),
        Kind::Profile => (At::Aws("/As2Id"), json!({}), json!("us")),
        Kind::Agreement => (At::Aws("/BaseDirectory"), json!({}), json!("/b/in")),
        Kind::Certificate => (At::Aws("/Serial"), json!({}), json!("1002")),
        _ => {
            let (at, to) = other_field(kind);
            (at, to("/one"), json!("/one"))
        }
    };
    let refused = Refused("must be a duration from 1m to 24h");
    let then = [Holds(held.clone()), refused, Holds(held)];
    Case::new(kind, "resyncInterval", at, [json!("1h30m"), json!("0s")], then).rest(rest)
}

/// Servers and web apps are protected unless it says otherwise, the others only where it says so.
pub fn protection(kind: Kind) -> Vec<Case> {
    let server = matches!(kind, Kind::Server | Kind::WebApp);
    let then = [!server, server, !server].map(|deletable| Holds(json!(deletable)));
    vec![Case::new(kind, "lifecycle.deletionProtection", At::Deletable, [json!(server), json!(!server)], then)]
}

/// A change that takes a stop, made together with an edit of when it may be made, waits; without the policy it is made.
/// A server that is new is not disrupted by what it is made with.
fn postponing(path: &str, values: [Value; 2], reason: &'static str, text: String, rest: Value) -> Case {
    let text: &'static str = Box::leak(text.into_boxed_str());
    let then = [Holds(json!("IPV4")), Postponed(reason, text), Holds(json!("DUALSTACK"))];
    Case::new(Kind::Server, path, At::Aws("/Settings/IpAddressType"), values, then)
        .rest(rest)
        .along(json!({"ipAddressType": "DUALSTACK"}), json!({}))
}

/// The clock of this machine stands for AWS's, as the simulator's does.
#[allow(clippy::disallowed_methods, reason = "what is open now depends on what time it is")]
fn of_servers() -> Vec<Case> {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let in_hours = |hours: i64| now.checked_add(hours.hours()).unwrap();
    let at = |hours: i64| json!(in_hours(hours).strftime("%H:%M").to_string());
    let day = |days: i64| json!([now.checked_add(days.days()).unwrap().strftime("%a").to_string()]);
    let open = |more: Value| {
        let mut window = json!({"start": at(-2), "durationMinutes": 1200});
        window.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"lifecycle": {"disruption": {"mode": "Window", "window": window}}})
    };
    let outside = |member: &str, values: [Value; 2], text: String, rest: Value| {
        let path = format!("lifecycle.disruption.window.{member}");
        postponing(&path, values, "OutsideWindow", text, rest).leaving_out("lifecycle.disruption")
    };
    let later = in_hours(3).strftime("opens at %Y-%m-%dT%H:%M:00Z").to_string();
    let days_later = now.checked_add(3.days()).unwrap().strftime("opens at %Y-%m-%dT").to_string();
    let always = json!(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    vec![
        outside("days", [always, day(3)], days_later, open(json!({"start": "00:00"}))),
        outside("start", [at(-2), at(3)], later, open(json!({}))),
        outside("durationMinutes", [json!(1200), json!(10)], "opens at".to_owned(), open(json!({}))),
        // Where it is fourteen hours later, it opened twelve hours ago.
        outside(
            "timeZone",
            [json!("UTC"), json!("Pacific/Kiritimati")],
            "opens at".to_owned(),
            open(json!({"durationMinutes": 360})),
        ),
        postponing(
            "lifecycle.disruption.mode",
            [json!("Immediate"), json!("Never")],
            "DisruptionNever",
            "spec.ipAddressType takes a stop".to_owned(),
            json!({}),
        ),
        postponing(
            "lifecycle.approval",
            [json!("None"), json!("Required")],
            "ApprovalRequired",
            "spec.ipAddressType waits for a person".to_owned(),
            json!({}),
        ),
    ]
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
