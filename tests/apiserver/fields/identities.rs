//! The fields of an AwsIdentity. They show by what its status says of the caller, or by what becomes of an object that
//! uses it.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled};
use super::case::{At, Case, HOME, Kind, ROLE, ROLE_TWO, SECRET, SECRET_TWO, Then, field, merge};
use super::policies::selections;

/// Two simulators: that of the operator's environment, and one that holds nothing and has another account.
#[derive(Clone, Debug, Default)]
pub struct Sims {
    pub own: String,
    pub other: String,
}

/// Whom AWS takes the operator's own credentials for.
const CALLER: &str = "arn:aws:iam::123456789012:user/test";

/// Why nothing is seen of a variant of AWS's address.
const GIVEN: &str = "the address that the identity gives decides over FIPS and dual stack";

pub fn cases(sims: &Sims, raw: &str, certificate: &str) -> Vec<Case> {
    [callers(sims), grants(), who_may(raw, certificate), the_rest(sims)].concat()
}

fn of_caller(path: &str, values: [Value; 2], then: [Then; 3]) -> Case {
    Case::new(Kind::Identity, path, At::Status("/callerArn"), values, then)
}

/// A server that uses the identity.
fn with_server(case: Case) -> Case {
    let server = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "NAME"}});
    case.shown_by(Kind::Server, HOME, server)
}

fn callers(sims: &Sims) -> Vec<Case> {
    let assumed = |role: &str| Holds(json!(format!("arn:aws:sts::123456789012:assumed-role/{role}/transfer-operator")));
    // A role of its own for each, by which its calls are told from those of the others.
    let role = |name: &str| json!(format!("arn:aws:iam::123456789012:role/{name}"));
    let assuming = |name: &str| json!({"credentials": {"source": "AssumeRole", "assumeRole": {"roleArn": role(name)}}});
    let needed = "credentials.assumeRole goes with source AssumeRole, and only with it";
    let parameter = |path: &str, name: &'static str, a: Value, b: Value, shown: [Value; 3]| {
        let path = format!("credentials.assumeRole.{path}");
        field(Kind::Identity, &path, At::AssumeRole(name), a, b, Value::Null).shows(shown).rest(assuming(name))
    };
    vec![
        of_caller(
            "accountId",
            [json!("123456789012"), json!("210987654321")],
            [Holds(json!(CALLER)), Refused("accountId cannot be changed"), Refused("spec.accountId: Required value")],
        ),
        of_caller(
            "credentials.source",
            [json!("Operator"), json!("AssumeRole")],
            [Holds(json!(CALLER)), assumed("source"), Refused("spec.credentials.source: Required value")],
        )
        .along(assuming("source"), json!({})),
        of_caller(
            "credentials.assumeRole.roleArn",
            [role("one"), role("two")],
            [assumed("one"), assumed("two"), Refused(needed)],
        )
        .rest(json!({"credentials": {"source": "AssumeRole"}})),
        parameter("externalId", "ExternalId", json!("one"), json!("two"), [json!("one"), json!("two"), Value::Null]),
        parameter(
            "sessionDurationSeconds",
            "DurationSeconds",
            json!(900),
            json!(1800),
            [json!("900"), json!("1800"), json!("3600")],
        ),
        // The second tag is the name of the identity; of the cluster `tests/sessions.rs` shows both.
        Case::new(
            Kind::Identity,
            "credentials.assumeRole.sessionTags",
            At::AssumeRole("Tags.member.2.Value"),
            [json!(false), json!(true)],
            [Holds(Value::Null), Holds(json!("credentials-assume-role-session-tags")), Holds(Value::Null)],
        )
        .rest(assuming("SessionTags")),
        of_caller(
            "endpoints.sts",
            [json!(sims.own), json!(sims.other)],
            [Holds(json!(CALLER)), Stalled("AccountMismatch", "210987654321"), Holds(json!(CALLER))],
        ),
        // What is asked for where no address is given, `tests/sessions.rs` shows.
        of_caller(
            "useFips",
            [json!(false), json!(true)],
            [Holds(json!(CALLER)), Holds(json!(CALLER)), Holds(json!(CALLER))],
        )
        .same(GIVEN),
        of_caller(
            "useDualStack",
            [json!(false), json!(true)],
            [Holds(json!(CALLER)), Holds(json!(CALLER)), Holds(json!(CALLER))],
        )
        .same(GIVEN),
        of_caller(
            "rateLimit.requestsPerSecond",
            [json!(500), json!(600)],
            [Holds(json!(CALLER)), Holds(json!(CALLER)), Holds(json!(CALLER))],
        )
        .same("how fast calls go shows in no object: src/aws/rate_limiter/tests.rs, tests/sessions.rs"),
    ]
}

/// What an identity that grants too little, then enough, does to a server.
fn granting(path: &str, rest: &Value, values: [Value; 2], last: Then) -> Case {
    let mut grant = json!({"name": "one", "kinds": ["TransferServer"], "namespaces": {"from": "All"}});
    merge(&mut grant, rest);
    let then = [Stalled("IdentityDenied", "grants TransferServer nothing"), Holds(json!("eu-central-1")), last];
    with_server(Case::new(Kind::Identity, &format!("grants[].{path}"), At::Aws("/Region"), values, then))
        .rest(json!({"grants": [grant]}))
}

fn grants() -> Vec<Case> {
    let revoked = || Stalled("GrantRevoked", "grants TransferServer nothing");
    let mut cases = vec![
        granting("kinds", &json!({}), [json!(["TransferUser"]), json!(["TransferServer"])], revoked()),
        granting("namespaces.from", &json!({}), [json!("Names"), json!("All")], revoked())
            .rest(json!({"grants": [{"name": "one", "kinds": ["TransferServer"],
                "namespaces": {"names": ["nowhere"]}}]}))
            .along(json!({"grants": [{"name": "one", "kinds": ["TransferServer"], "namespaces": {}}]}), json!({})),
    ];
    for (path, rest, values, left_out) in selections(HOME, "home") {
        let last = left_out.map_or_else(revoked, Refused);
        cases.push(granting(&format!("namespaces.{path}"), &json!({"namespaces": rest}), values, last));
    }
    cases
}

/// What of AWS a grant lets its namespaces name.
fn who_may(raw: &str, certificate: &str) -> Vec<Case> {
    let grant = json!({"name": "one", "kinds": ["TransferServer", "TransferUser"], "namespaces": {"from": "All"}});
    let denied = || Stalled("RoleNotGranted", "spec.loggingRole");
    let unnamed = "does not let namespace fields name server s-";
    let server = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "NAME"}, "loggingRole": ROLE});
    let user = json!({"serverId": raw, "region": "eu-central-1", "awsIdentityRef": {"name": "NAME"}, "role": ROLE});
    let profile = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "NAME"}, "as2Id": "us",
        "profileType": "LOCAL", "certificateIds": [certificate]});
    let of_profiles = json!({"name": "one", "kinds": ["TransferProfile"], "namespaces": {"from": "All"}});
    let ungranted = "does not let namespace fields name certificate cert-";
    let no_secret = || Stalled("SecretNotGranted", "spec.sftpConfig.userSecretId");
    let connector = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "NAME"}, "accessRole": ROLE,
        "url": "sftp://sftp.example.com", "sftpConfig": {"userSecretId": SECRET}});
    let mut with_secret = grant.clone();
    with_secret["kinds"] = json!(["TransferConnector"]);
    with_secret["roleArns"] = json!([ROLE]);
    let mut with_role = grant.clone();
    with_role["roleArns"] = json!([ROLE]);
    vec![
        Case::new(
            Kind::Identity,
            "grants[].roleArns",
            At::Aws("/Settings/LoggingRole"),
            [json!([ROLE_TWO]), json!([ROLE])],
            [denied(), Holds(json!(ROLE)), denied()],
        )
        .rest(json!({"grants": [grant]}))
        .shown_by(Kind::Server, HOME, server),
        Case::new(
            Kind::Identity,
            "grants[].secretArns",
            At::Aws("/Settings/SftpConfig/UserSecretId"),
            [json!([SECRET_TWO]), json!([SECRET])],
            [no_secret(), Holds(json!(SECRET)), no_secret()],
        )
        .rest(json!({"grants": [with_secret]}))
        .shown_by(Kind::Connector, HOME, connector),
        Case::new(
            Kind::Identity,
            "grants[].serverIds",
            At::Aws("/Server"),
            [json!(["s-00000000000000000"]), json!([raw])],
            [Stalled("IdentityDenied", unnamed), Holds(json!(Kind::User.plural())), Stalled("GrantRevoked", unnamed)],
        )
        .rest(json!({"grants": [with_role]}))
        .shown_by(Kind::User, HOME, user),
        // What AWS has already needs no grant.
        Case::new(
            Kind::Identity,
            "grants[].certificateIds",
            At::Aws("/CertificateIds"),
            [json!(["cert-00000000000000000"]), json!([certificate])],
            [Stalled("IdentityDenied", ungranted), Holds(json!([certificate])), Holds(json!([certificate]))],
        )
        .rest(json!({"grants": [of_profiles]}))
        .shown_by(Kind::Profile, HOME, profile)
        .same("what AWS has already needs no grant"),
    ]
}

fn the_rest(sims: &Sims) -> Vec<Case> {
    let region = At::Aws("/Region");
    let elsewhere = [json!(["eu-west-1"]), json!(["eu-central-1"])];
    let gone = Stalled("ServerGone", "AWS no longer has server");
    let there = || Holds(json!("eu-central-1"));
    vec![
        with_server(Case::new(
            Kind::Identity,
            "regions",
            region,
            elsewhere,
            [
                Stalled("IdentityDenied", "does not list region eu-central-1"),
                there(),
                Refused("spec.regions: Required value"),
            ],
        )),
        with_server(Case::new(
            Kind::Identity,
            "endpoints.transfer",
            region,
            [json!(sims.own), json!(sims.other)],
            [there(), gone, there()],
        )),
        Case::new(
            Kind::Identity,
            "deletionProtection",
            At::Deletable,
            [json!(true), json!(false)],
            [false, true, false].map(|deletable| Holds(json!(deletable))),
        ),
        with_server(field(
            Kind::Identity,
            "tags{}",
            At::Tags,
            json!({"a": "1", "b": "1"}),
            json!({"a": "2"}),
            Value::Null,
        )),
    ]
}
