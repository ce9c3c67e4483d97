//! The fields of a TransferAgreement but those that name its server, which are as those of users. What is demanded is AWS's
//! documentation of CreateAgreement and UpdateAgreement.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled, Suspended};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, ROLE_TWO, Then, field};
use super::logins::server_references;
use super::policies;

const KIND: Kind = Kind::Agreement;
const DIRECTORY: At = At::Aws("/BaseDirectory");

/// `profiles`: two of ours, two of partners; `servers` take agreements and are known by their tags.
pub fn cases(profiles: &[String; 4], servers: &[String; 2]) -> Vec<Case> {
    let all = [settings(), directories(), sides(profiles), the_rest(), server_references(KIND, servers)];
    all.concat().into_iter().chain(policies::protection(KIND)).chain([policies::resync(KIND)]).collect()
}

/// One that is not taken out again.
fn stays(path: &str, at: At, [a, b]: [&str; 2], cleared: Then) -> Case {
    let [a, b] = [json!(a), json!(b)];
    Case::new(KIND, path, at, [a.clone(), b.clone()], [Holds(a), Holds(b), cleared])
}

fn settings() -> Vec<Case> {
    let goes_back = |path: &str, at: &'static str, values: [&str; 2], default: &str| {
        field(KIND, path, At::Aws(at), json!(values[0]), json!(values[1]), json!(default))
    };
    vec![
        stays("accessRole", At::Aws("/AccessRole"), [ROLE, ROLE_TWO], Refused("spec.accessRole: Required value")),
        goes_back("status", "/Status", ["ACTIVE", "INACTIVE"], "ACTIVE"),
        goes_back("preserveFilename", "/PreserveFilename", ["DISABLED", "ENABLED"], "DISABLED"),
        goes_back("enforceMessageSigning", "/EnforceMessageSigning", ["DISABLED", "ENABLED"], "DISABLED"),
        stays("description", At::Aws("/Description"), ["one", "two"], Stalled("CannotClear", "spec.description")),
    ]
}

fn directories() -> Vec<Case> {
    let one_of = || Refused("exactly one of baseDirectory and customDirectories");
    let all = json!({"baseDirectory": null, "customDirectories": {
        "failedFilesDirectory": "/b/failed", "mdnFilesDirectory": "/b/mdn", "payloadFilesDirectory": "/b/in",
        "statusFilesDirectory": "/b/status", "temporaryFilesDirectory": "/b/temporary"}});
    let mut cases = vec![stays("baseDirectory", DIRECTORY, ["/b/one", "/b/two"], one_of())];
    for (member, at) in [
        ("failedFilesDirectory", "/CustomDirectories/FailedFilesDirectory"),
        ("mdnFilesDirectory", "/CustomDirectories/MdnFilesDirectory"),
        ("payloadFilesDirectory", "/CustomDirectories/PayloadFilesDirectory"),
        ("statusFilesDirectory", "/CustomDirectories/StatusFilesDirectory"),
        ("temporaryFilesDirectory", "/CustomDirectories/TemporaryFilesDirectory"),
    ] {
        let path = format!("customDirectories.{member}");
        cases.push(stays(&path, At::Aws(at), ["/b/one", "/b/two"], one_of()).rest(all.clone()));
    }
    cases
}

fn sides([local, other_local, partner, other_partner]: &[String; 4]) -> Vec<Case> {
    let side = |named: &str, id: &'static str, owner: &'static str, name: &str, ids: [&str; 2]| {
        let one_of: &'static str = Box::leak(format!("exactly one of {named}Ref and {named}Id").into_boxed_str());
        let (named_ref, named_id) = (format!("{named}Ref"), format!("{named}Id"));
        let (here, more, away) = (format!("{HOME}/{name}"), format!("{HOME}/more-{name}"), format!("{AWAY}/{name}"));
        vec![
            Case::new(
                KIND,
                &format!("{named_ref}.name"),
                At::Aws(owner),
                [json!(name), json!(format!("more-{name}"))],
                [Holds(json!(here)), Holds(json!(more)), Refused(one_of)],
            ),
            Case::new(
                KIND,
                &format!("{named_ref}.namespace"),
                At::Aws(owner),
                [json!(HOME), json!(AWAY)],
                [Holds(json!(here)), Holds(json!(away)), Holds(json!(here))],
            ),
            stays(&named_id, At::Aws(id), ids, Refused(one_of)).rest(json!({named_ref: null})),
        ]
    };
    let ours = side("localProfile", "/LocalProfileId", "/Profiles/Local", "us", [local, other_local]);
    let theirs = side("partnerProfile", "/PartnerProfileId", "/Profiles/Partner", "them", [partner, other_partner]);
    [ours, theirs].concat()
}

fn the_rest() -> Vec<Case> {
    let then = [Holds(json!("/b/in")), Suspended, Holds(json!("/b/edited"))];
    vec![
        field(KIND, "tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        Case::new(KIND, "suspend", DIRECTORY, [json!(false), json!(true)], then)
            .along(json!({"baseDirectory": "/b/edited"}), json!({})),
    ]
}
