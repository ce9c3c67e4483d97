//! The fields of a TransferUser and a TransferAccess that AWS has, and those that name the server. What is demanded is
//! AWS's documentation as `docs/aws-transfer-behaviour.md` 4 and 5 of the design tells it.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, ROLE_TWO, field};

/// Ids of what no object made: servers, known by their tag, two for users, two for accesses and two for
/// agreements; and two certificates.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub users: [String; 2],
    pub accesses: [String; 2],
    pub agreements: [String; 2],
    pub certificates: [String; 2],
    /// Ids of profiles of AS2: two of ours, two of partners.
    pub profiles: [String; 4],
}

pub const FIRST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5";
pub const SECOND_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJBilFwFnVdLGAryjJcEgWfAZGOFDd4GCmpnO872qr5B";
pub const THIRD_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILp6rDrZTvpcgLFcLpZGx+5GKf9P0iU1xeP5Fq+y2BgA";

/// AWS may return it with the user's name in the place of the variable.
const OF_USER: &str = "/b/${Transfer:UserName}";

pub fn cases(raw: &Raw) -> Vec<Case> {
    let both = [(Kind::User, &raw.users), (Kind::Access, &raw.accesses)];
    let shared = both.into_iter().flat_map(|(kind, raw)| {
        [login(kind), homes(kind), short_homes(kind), profiles(kind), server_references(kind, raw)].concat()
    });
    shared.chain(users()).chain(accesses()).collect()
}

/// A policy that allows this action, as it is written and as it is sent.
fn policy(action: &str) -> (Value, Value) {
    let compact =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#);
    (json!(compact.replace(',', ",\n  ")), json!(compact))
}

fn login(kind: Kind) -> Vec<Case> {
    let ((written_a, a), (written_b, b)) = (policy("s3:GetObject"), policy("s3:PutObject"));
    let at = At::Aws("/Profile/Policy");
    let from = |member: &str, one: &str, two: &str| {
        let rest = json!({"policyFrom": {"configMapKeyRef": {"name": "policies", "key": "read"}}});
        field(kind, &format!("policyFrom.configMapKeyRef.{member}"), at, json!(one), json!(two), Value::Null)
            .shows([a.clone(), b.clone(), Value::Null])
            .rest(rest)
    };
    let role = [Holds(json!(ROLE)), Holds(json!(ROLE_TWO)), Refused("spec.role: Required value")];
    vec![
        Case::new(kind, "role", At::Aws("/Profile/Role"), [json!(ROLE), json!(ROLE_TWO)], role),
        field(kind, "policy", at, written_a, written_b, Value::Null).shows([a.clone(), b.clone(), Value::Null]),
        from("name", "policies", "more-policies"),
        from("key", "read", "write"),
    ]
}

fn homes(kind: Kind) -> Vec<Case> {
    let mapped = json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": [{"entry": "/a", "target": "/b/a"}]});
    let mapping = |member: &str, at: At, a: &str, b: &str| {
        let needed = Refused("homeDirectoryType LOGICAL needs homeDirectoryMappings");
        let then = [Holds(json!(a)), Holds(json!(b)), needed];
        Case::new(kind, &format!("homeDirectoryMappings[].{member}"), at, [json!(a), json!(b)], then)
            .rest(mapped.clone())
    };
    let at_type = At::Aws("/Profile/HomeDirectoryMappings/0/Type");
    vec![
        field(kind, "homeDirectory", At::Aws("/Profile/HomeDirectory"), json!(OF_USER), json!("/b/b"), Value::Null),
        field(
            kind,
            "homeDirectoryType",
            At::Aws("/Profile/HomeDirectoryType"),
            json!("PATH"),
            json!("LOGICAL"),
            json!("PATH"),
        )
        .along(
            json!({"homeDirectoryMappings": mapped["homeDirectoryMappings"]}),
            json!({"homeDirectoryMappings": null}),
        ),
        mapping("entry", At::Aws("/Profile/HomeDirectoryMappings/0/Entry"), "/a", "/b"),
        mapping("target", At::Aws("/Profile/HomeDirectoryMappings/0/Target"), OF_USER, "/b/b"),
        // Absent, it is DIRECTORY.
        field(kind, "homeDirectoryMappings[].type", at_type, json!("DIRECTORY"), json!("FILE"), Value::Null)
            .rest(mapped.clone()),
    ]
}

/// The short form is sent as the long one: restricted, it is a LOGICAL directory with one mapping.
fn short_homes(kind: Kind) -> Vec<Case> {
    let target = At::Aws("/Profile/HomeDirectoryMappings/0/Target");
    let s3 = json!({"home": {"s3": {"bucket": "one", "prefix": "a"}}});
    let server = if kind == Kind::User { "efs" } else { "corp-efs" };
    let efs = json!({
        "serverRef": {"name": server}, "posixProfile": {"uid": 1, "gid": 1},
        "home": {"efs": {"fileSystemId": "fs-00000001", "path": "a"}},
    });
    let home = |path: &str, rest: &Value, a: Value, b: Value, shown: [Value; 3]| {
        field(kind, &format!("home.{path}"), target, a, b, Value::Null).shows(shown).rest(rest.clone())
    };
    vec![
        home("s3.bucket", &s3, json!("one"), json!("two"), [json!("/one/a"), json!("/two/a"), Value::Null])
            .leaving_out("home"),
        home("s3.prefix", &s3, json!("a"), json!("b"), [json!("/one/a"), json!("/one/b"), json!("/one")]),
        home("restricted", &s3, json!(true), json!(false), [json!("LOGICAL"), json!("PATH"), json!("LOGICAL")])
            .at(At::Aws("/Profile/HomeDirectoryType")),
        home(
            "efs.fileSystemId",
            &efs,
            json!("fs-00000001"),
            json!("fs-00000002"),
            [json!("/fs-00000001/a"), json!("/fs-00000002/a"), Value::Null],
        )
        .leaving_out("home"),
        home(
            "efs.path",
            &efs,
            json!("a"),
            json!("b"),
            [json!("/fs-00000001/a"), json!("/fs-00000001/b"), json!("/fs-00000001")],
        ),
    ]
}

fn profiles(kind: Kind) -> Vec<Case> {
    let server = if kind == Kind::User { "efs" } else { "corp-efs" };
    let rest = json!({
        "serverRef": {"name": server}, "posixProfile": {"uid": 1, "gid": 1},
        "homeDirectory": "/fs-00000001",
    });
    let id = |member: &str, at: At| {
        let never = Stalled("CannotClear", "spec.posixProfile");
        let then = [Holds(json!(1001)), Holds(json!(4_294_967_295_u32)), never];
        let values = [json!(1001), json!(4_294_967_295_u32)];
        Case::new(kind, &format!("posixProfile.{member}"), at, values, then).rest(rest.clone())
    };
    let groups = At::Aws("/Profile/PosixProfile/SecondaryGids");
    vec![
        id("uid", At::Aws("/Profile/PosixProfile/Uid")),
        id("gid", At::Aws("/Profile/PosixProfile/Gid")),
        field(kind, "posixProfile.secondaryGids", groups, json!([1, 2]), json!([3]), Value::Null).rest(rest.clone()),
    ]
}

/// What names the server may change its form, but not lead elsewhere.
/// What names the server, of whatever is on one.
pub fn server_references(kind: Kind, raw: &[String; 2]) -> Vec<Case> {
    let (own, other) = if kind == Kind::Access { ("corp", "more-corp") } else { ("files", "more-files") };
    let by_id = json!({"serverRef": null, "serverId": raw[0], "region": "eu-central-1",
        "awsIdentityRef": {"name": "default"}});
    let moved = Stalled("ServerChanged", "nothing is touched");
    let one_of = Refused("exactly one of serverRef and serverId is needed");
    let both = Refused("serverId needs awsIdentityRef and region");
    let whose = At::Aws("/Server");
    let shown = |namespace: &str| Holds(json!(format!("{namespace}/{own}")));
    // An identity shows by its tags, of which the first has none; AWS keeps none on accesses.
    let (identity, first) = match kind {
        Kind::User | Kind::Agreement => (At::Tag("identity"), Value::Null),
        _ => (At::Status("/awsIdentity"), json!("default")),
    };
    vec![
        Case::new(
            kind,
            "serverRef.name",
            whose,
            [json!(own), json!(other)],
            [shown(HOME), moved.clone(), one_of.clone()],
        ),
        Case::new(
            kind,
            "serverRef.namespace",
            whose,
            [json!(AWAY), json!(HOME)],
            [shown(AWAY), moved.clone(), moved.clone()],
        ),
        Case::new(
            kind,
            "serverId",
            whose,
            [json!(raw[0]), json!(raw[1])],
            [Holds(json!(kind.plural())), moved, one_of],
        )
        .rest(by_id.clone()),
        Case::new(
            kind,
            "awsIdentityRef.name",
            identity,
            [json!("default"), json!("second")],
            [Holds(first), Holds(json!("second")), both.clone()],
        )
        .rest(by_id.clone()),
        Case::new(
            kind,
            "region",
            whose,
            [json!("eu-central-1"), json!("eu-west-1")],
            [Holds(json!(kind.plural())), Stalled("RegionChanged", "eu-west-1"), both],
        )
        .rest(by_id),
    ]
}

fn users() -> Vec<Case> {
    let user = |path: &str, at: At, a: Value, b: Value, cleared: Value| field(Kind::User, path, at, a, b, cleared);
    let (one, two, three) = (json!(FIRST_KEY), json!(SECOND_KEY), json!(THIRD_KEY));
    let inline = json!({"sshPublicKeys": [{"publicKey": FIRST_KEY}]});
    let source = |name: &str, key: &str| json!({"configMapKeyRef": {"name": name, "key": key}});
    let from = |member: &str, a: &str, b: &str| {
        user(&format!("sshPublicKeysFrom[].configMapKeyRef.{member}"), At::SshKeys, json!(a), json!(b), Value::Null)
            .shows([json!([one, two]), json!([one, three]), json!([one])])
            .rest(json!({"sshPublicKeys": inline["sshPublicKeys"], "sshPublicKeysFrom": [source("logins", "second")]}))
    };
    let keep = Refused("spec.userName cannot be changed");
    let foreign = |key: &str| Some(("ImportSshPublicKey", json!({"SshPublicKeyBody": key})));
    vec![
        user("tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        Case::new(
            Kind::User,
            "userName",
            At::Aws("/UserName"),
            [json!("log.in"), json!("log.on")],
            [Holds(json!("log.in")), keep.clone(), keep],
        ),
        user("sshPublicKeys[].publicKey", At::SshKeys, one.clone(), three.clone(), Value::Null)
            .shows([json!([one, two]), json!([two, three]), json!([two])])
            .rest(json!({"sshPublicKeysFrom": [source("logins", "second")]})),
        // A key whose time is over goes; one without an end stays.
        user(
            "sshPublicKeys[].expiresAt",
            At::SshKeys,
            json!("2999-01-01T00:00:00Z"),
            json!("2001-01-01T00:00:00Z"),
            Value::Null,
        )
        .shows([json!([one]), Value::Null, json!([one])])
        .rest(inline.clone()),
        from("name", "logins", "more-logins"),
        from("key", "second", "third"),
        // What somebody else imports stays under Additive and goes otherwise.
        user("sshPublicKeyPolicy", At::SshKeys, json!("Exclusive"), json!("Additive"), Value::Null)
            .shows([json!([one]), json!([one, two]), json!([one])])
            .rest(inline)
            .meanwhile(foreign(SECOND_KEY), None),
    ]
}

fn accesses() -> Vec<Case> {
    let (one, two) = (json!("S-1-5-21-1"), json!("S-1-5-21-2"));
    let then =
        [Holds(one.clone()), Refused("externalId cannot be changed"), Refused("spec.externalId: Required value")];
    vec![Case::new(Kind::Access, "externalId", At::Aws("/ExternalId"), [one, two], then)]
}
