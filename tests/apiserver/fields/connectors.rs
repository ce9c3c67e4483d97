//! The fields of a TransferConnector. What is demanded is AWS's documentation of CreateConnector and UpdateConnector.

use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled, Suspended};
use super::case::{AWAY, At, Case, HOME, Kind, ROLE, ROLE_TWO, SECRET, SECRET_TWO, Then, field};
use super::policies;

const KIND: Kind = Kind::Connector;
/// Keys alone, as they are sent.
const KEY_ONE: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";
const KEY_TWO: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0=";

/// `profiles`: two of ours, two of partners.
pub fn cases(profiles: &[String; 4]) -> Vec<Case> {
    let all = [settings(), sftp(), lattice(), as2(profiles), the_rest(), policies::protection(KIND)];
    all.concat().into_iter().chain([policies::resync(KIND)]).collect()
}

fn connector(path: &str, at: &'static str, a: impl Into<Value>, b: impl Into<Value>, cleared: Value) -> Case {
    field(KIND, path, At::Aws(at), a.into(), b.into(), cleared)
}

/// One that is not taken out again.
fn stays(path: &str, at: &'static str, [a, b]: [Value; 2], cleared: Then) -> Case {
    Case::new(KIND, path, At::Aws(at), [a.clone(), b.clone()], [Holds(a), Holds(b), cleared])
}

fn settings() -> Vec<Case> {
    let policies = ["TransferSFTPConnectorSecurityPolicy-2023-07", "TransferSFTPConnectorSecurityPolicy-2024-03"];
    vec![
        stays(
            "url",
            "/Settings/Url",
            [json!("sftp://one.example.com"), json!("sftp://two.example.com:2222")],
            Refused("exactly one of url and egressConfig"),
        ),
        stays(
            "accessRole",
            "/Settings/AccessRole",
            [json!(ROLE), json!(ROLE_TWO)],
            Refused("spec.accessRole: Required value"),
        ),
        stays(
            "loggingRole",
            "/Settings/LoggingRole",
            [json!(ROLE), json!(ROLE_TWO)],
            Stalled("CannotClear", "spec.loggingRole"),
        ),
        stays(
            "securityPolicyName",
            "/Settings/SecurityPolicyName",
            policies.map(Value::from),
            Stalled("CannotClear", "spec.securityPolicyName"),
        ),
        connector("ipAddressType", "/Settings/IpAddressType", "IPV4", "DUALSTACK", json!("IPV4")),
    ]
}

fn sftp() -> Vec<Case> {
    let keys = "/Settings/SftpConfig/TrustedHostKeys";
    let from = |path: &str, a: &str, b: &str| {
        let map = json!({"name": "hosts", "key": "second"});
        Case::new(
            KIND,
            &format!("sftpConfig.trustedHostKeysFrom[].configMapKeyRef.{path}"),
            At::Aws(keys),
            [json!(a), json!(b)],
            [Holds(json!([KEY_ONE])), Holds(json!([KEY_TWO])), Holds(Value::Null)],
        )
        .rest(json!({"sftpConfig": {"trustedHostKeysFrom": [{"configMapKeyRef": map}]}}))
    };
    vec![
        stays(
            "sftpConfig.userSecretId",
            "/Settings/SftpConfig/UserSecretId",
            [json!(SECRET), json!(SECRET_TWO)],
            Refused("exactly one of sftpConfig and as2Config"),
        ),
        connector("sftpConfig.trustedHostKeys", keys, json!([KEY_ONE]), json!([KEY_TWO]), Value::Null),
        from("name", "hosts", "more-hosts"),
        from("key", "second", "third"),
        connector(
            "sftpConfig.maxConcurrentConnections",
            "/Settings/SftpConfig/MaxConcurrentConnections",
            5,
            2,
            json!(1),
        ),
        connector(
            "sftpConfig.orderedUserSecretVersionStages",
            "/Settings/SftpConfig/OrderedUserSecretVersionStages",
            json!(["AWSPREVIOUS"]),
            json!(["AWSPENDING", "AWSCURRENT"]),
            json!(["AWSCURRENT"]),
        ),
    ]
}

fn lattice() -> Vec<Case> {
    let arn = |last: u8| {
        json!(format!(
            "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef{last}"
        ))
    };
    let way = json!({"url": null, "egressConfig": {"vpcLattice": {"resourceConfigurationArn": arn(0)}}});
    vec![
        stays(
            "egressConfig.vpcLattice.resourceConfigurationArn",
            "/Settings/EgressConfig/VpcLattice/ResourceConfigurationArn",
            [arn(0), arn(1)],
            Refused("exactly one of url and egressConfig"),
        )
        .rest(way.clone()),
        connector(
            "egressConfig.vpcLattice.portNumber",
            "/Settings/EgressConfig/VpcLattice/PortNumber",
            2222,
            2223,
            json!(22),
        )
        .rest(way),
    ]
}

fn as2([local, other_local, partner, other_partner]: &[String; 4]) -> Vec<Case> {
    let config = |more: Value| {
        let mut config = json!({"localProfileId": local, "partnerProfileId": partner, "compression": "DISABLED",
            "encryptionAlgorithm": "AES256_CBC", "signingAlgorithm": "SHA256", "mdnResponse": "NONE"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    // Two connectors between the same profiles must go to different places.
    let of = |case: Case, more: Value| {
        let url = format!("https://{}.example.com", case.name());
        case.rest(json!({"url": url, "sftpConfig": null, "as2Config": config(more)}))
    };
    let whole = || Refused("exactly one of sftpConfig and as2Config");
    let member = |name: &str, at: &'static str, values: [Value; 2], cleared: Then| {
        of(stays(&format!("as2Config.{name}"), at, values, cleared), json!({}))
    };
    let texts = |a: &str, b: &str| [json!(a), json!(b)];
    let answers = json!({"url": "http://as2.example.org:5080", "serverRefs": [{"name": "files"}]});
    let asynchronous = json!({"mdnResponse": "ASYNC", "asyncMdnConfig": answers});
    let no_answers = || Refused("as2Config.asyncMdnConfig goes with mdnResponse ASYNC");
    let server = |path: &str, values: [Value; 2], held: [&str; 2], last: Then| {
        let [a, b] = held.map(|owner| Holds(json!(owner)));
        let path = format!("as2Config.asyncMdnConfig.serverRefs[].{path}");
        of(Case::new(KIND, &path, At::Aws("/Servers/0"), values, [a, b, last]), asynchronous.clone())
    };
    let of_profile = |side: &str, path: &str, at: &'static str, steps: [Then; 3], values: [Value; 2], more: Value| {
        let case = Case::new(KIND, &format!("as2Config.{side}Ref.{path}"), At::Aws(at), values, steps);
        let url = format!("https://{}.example.com", case.name());
        let mut config = config(more);
        config.as_object_mut().unwrap().remove(&format!("{side}Id"));
        case.rest(json!({"url": url, "sftpConfig": null, "as2Config": config}))
    };
    let profile = |side: &str, at: &'static str, name: &str, neither: &'static str| {
        let (other, owner) =
            (format!("more-{name}"), |namespace: &str, name: &str| json!(format!("{namespace}/{name}")));
        let by_name = [Holds(owner(HOME, name)), Holds(owner(HOME, &other)), Refused(neither)];
        let by_namespace = [Holds(owner(HOME, name)), Holds(owner(AWAY, name)), Holds(owner(HOME, name))];
        let named = json!({format!("{side}Ref"): {"name": name}});
        [
            of_profile(side, "name", at, by_name, texts(name, &other), json!({})),
            of_profile(side, "namespace", at, by_namespace, texts(HOME, AWAY), named),
        ]
    };
    let local_ref = profile("localProfile", "/Profiles/Local", "us", "exactly one of as2Config.localProfileRef");
    let partner_ref =
        profile("partnerProfile", "/Profiles/Partner", "them", "exactly one of as2Config.partnerProfileRef");
    let (files, more, away) = (format!("{HOME}/files"), format!("{HOME}/more-files"), format!("{AWAY}/files"));
    let rest = vec![
        member(
            "localProfileId",
            "/Settings/As2Config/LocalProfileId",
            texts(local, other_local),
            Refused("exactly one of as2Config.localProfileRef"),
        ),
        member(
            "partnerProfileId",
            "/Settings/As2Config/PartnerProfileId",
            texts(partner, other_partner),
            Refused("exactly one of as2Config.partnerProfileRef"),
        ),
        member(
            "messageSubject",
            "/Settings/As2Config/MessageSubject",
            texts("one", "two"),
            Stalled("CannotClear", "spec.as2Config.messageSubject"),
        ),
        member("compression", "/Settings/As2Config/Compression", texts("ZLIB", "DISABLED"), whole()),
        member("encryptionAlgorithm", "/Settings/As2Config/EncryptionAlgorithm", texts("AES128_CBC", "NONE"), whole()),
        member("signingAlgorithm", "/Settings/As2Config/SigningAlgorithm", texts("SHA384", "SHA512"), whole()),
        member(
            "mdnSigningAlgorithm",
            "/Settings/As2Config/MdnSigningAlgorithm",
            texts("SHA384", "SHA512"),
            Holds(json!("DEFAULT")),
        ),
        member("mdnResponse", "/Settings/As2Config/MdnResponse", texts("SYNC", "NONE"), whole()),
        member(
            "basicAuthSecretId",
            "/Settings/As2Config/BasicAuthSecretId",
            texts(SECRET, SECRET_TWO),
            Holds(Value::Null),
        ),
        member(
            "preserveContentType",
            "/Settings/As2Config/PreserveContentType",
            texts("DISABLED", "ENABLED"),
            Holds(json!("DISABLED")),
        ),
        of(
            stays(
                "as2Config.asyncMdnConfig.url",
                "/Settings/As2Config/AsyncMdnConfig/Url",
                texts("http://one.example.org", "http://two.example.org"),
                no_answers(),
            ),
            asynchronous.clone(),
        ),
        server("name", texts("files", "more-files"), [&files, &more], no_answers()),
        server("namespace", texts(HOME, AWAY), [&files, &away], Holds(json!(files))),
    ];
    rest.into_iter().chain(local_ref).chain(partner_ref).collect()
}

fn the_rest() -> Vec<Case> {
    let connections = At::Aws("/Settings/SftpConfig/MaxConcurrentConnections");
    let at_once = |count: i32| json!({"sftpConfig": {"maxConcurrentConnections": count}});
    vec![
        field(KIND, "tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        // The identity shows by its tags, of which the first has none.
        field(KIND, "awsIdentityRef.name", At::Tag("identity"), json!("default"), json!("second"), Value::Null)
            .shows([Value::Null, json!("second"), Value::Null]),
        Case::new(
            KIND,
            "region",
            At::Aws("/Region"),
            [json!("eu-west-1"), json!("eu-central-1")],
            [
                Holds(json!("eu-west-1")),
                Refused("spec.region cannot be changed"),
                Refused("spec.region: Required value"),
            ],
        ),
        Case::new(
            KIND,
            "suspend",
            connections,
            [json!(false), json!(true)],
            [Holds(json!(1)), Suspended, Holds(json!(2))],
        )
        .rest(at_once(1))
        .along(at_once(2), json!({})),
    ]
}
