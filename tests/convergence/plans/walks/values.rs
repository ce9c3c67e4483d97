//! Values for every place of a spec: by its type what nobody may mean, by its name what somebody does mean.
//! A text without rule or name here is a hole in the walks, so it ends them.

use serde_json::{Value, json};

use super::schema::Node;
use crate::agreements::PROFILES;
use crate::connectors::{PARTNER_KEYS, SECRET};
use crate::workflows::{CERTIFICATES, KEY_A, KEY_B, KEY_C, OTHER_ROLE, ROLE};

/// A value to put at a place, with what it is about.
#[derive(Clone, Debug)]
pub struct Case {
    pub label: String,
    pub value: Option<Value>,
}

fn case(label: &str, value: impl Into<Value>) -> Case {
    Case { label: label.to_owned(), value: Some(value.into()) }
}

const UNGRANTED: &str = "arn:aws:iam::123456789012:role/other";
const OTHER_SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/corp-AbCdEf";
const UNGRANTED_SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-AbCdEf";
pub const RESOURCE_CONFIGURATION: &str =
    "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0";
const OTHER_RESOURCE_CONFIGURATION: &str =
    "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef1";
pub const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
pub const REORDERED: &str =
    r#"{ "Statement": [{"Resource": "*", "Action": "s3:*", "Effect": "Allow"}], "Version": "2012-10-17" }"#;
pub const OTHER_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

/// By the end of the path, the first that fits: texts that a person would write. The first is in force everywhere, the
/// others may lead to a condition.
const TEXTS: &[(&str, &[&str])] = &[
    (".awsIdentityRef.name", &["default", "other"]),
    (".serverRef.name", &["main", "other"]),
    (".serverRef.namespace", &["team", "elsewhere"]),
    (".serverId", &["s-0123456789abcdef0"]),
    (".adoption.id", &["p-0123456789abcdef0"]),
    (".region", &["eu-central-1", "us-east-1"]),
    (".as2Id", &["us", "them"]),
    (".certificateIds[]", &[CERTIFICATES[0], CERTIFICATES[1], "cert-0123456789abcdef0"]),
    (".certificateRefs[].name", &["signing", "missing"]),
    (".certificateRefs[].namespace", &["team", "elsewhere"]),
    (".secretRef.name", &["tls", "other", "missing"]),
    (".certificateKey", &["tls.crt", "missing"]),
    (".privateKeyKey", &["tls.key", "missing"]),
    (".certificateChainKey", &["ca.crt", "missing"]),
    ("spec.configMapKeyRef.name", &["partner", "missing"]),
    ("spec.configMapKeyRef.key", &["one", "two", "missing", "broken"]),
    // One that comes later is for the next certificate; W16-certificate has it.
    (".activeDate", &["2025-06-01T00:00:00Z", "2025-06-01T00:00:00.5+02:00", "2036-13-41T00:00:00Z"]),
    (
        ".inactiveDate",
        &["2048-01-01T00:00:00Z", "2036-01-31T00:00:00.5+02:00", "2025-07-01T00:00:00Z", "2036-13-41T00:00:00Z"],
    ),
    (".rotation.notice", &["0s", "1m", "3000h"]),
    (".rotation.overlap", &["0s", "1m", "3000h"]),
    ("spec.localProfileId", &[PROFILES[0], "p-0123456789abcdef0"]),
    ("spec.partnerProfileId", &[PROFILES[1], "p-0123456789abcdef0"]),
    (".baseDirectory", &["/b/in", "/b/other"]),
    ("FilesDirectory", &["/b/in", "/b/other"]),
    ("spec.description", &["orders", "other"]),
    (".externalId", &["S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"]),
    (".userName", &["alice", "bob"]),
    (".accessRole", &[ROLE, OTHER_ROLE, UNGRANTED]),
    (".userSecretId", &[SECRET, OTHER_SECRET, UNGRANTED_SECRET]),
    (".basicAuthSecretId", &[SECRET, OTHER_SECRET, UNGRANTED_SECRET]),
    (".trustedHostKeys[]", &[PARTNER_KEYS[0], PARTNER_KEYS[1], "ssh-rsa AAAA broken"]),
    (".trustedHostKeysFrom[].configMapKeyRef.name", &["keys", "missing"]),
    (".trustedHostKeysFrom[].configMapKeyRef.key", &["hosts", "more", "missing", "broken"]),
    (".orderedUserSecretVersionStages[]", &["AWSCURRENT", "AWSPREVIOUS"]),
    (".resourceConfigurationArn", &[RESOURCE_CONFIGURATION, OTHER_RESOURCE_CONFIGURATION]),
    (".localProfileRef.name", &["us", "missing", "them"]),
    (".localProfileRef.namespace", &["team", "elsewhere"]),
    (".localProfileId", &["p-0123456789abcdef0"]),
    (".partnerProfileRef.name", &["them", "missing", "us"]),
    (".partnerProfileRef.namespace", &["team", "elsewhere"]),
    (".partnerProfileId", &["p-0123456789abcdef1"]),
    (".messageSubject", &["Orders", "Invoices of Example Corp."]),
    (".serverRefs[].name", &["main", "other"]),
    (".serverRefs[].namespace", &["team", "elsewhere"]),
    (".asyncMdnConfig.url", &["http://as2.example.org:5080", "http://as2.example.org:5081"]),
    (
        ".instanceArn",
        &["arn:aws:sso:::instance/ssoins-0123456789abcdef", "arn:aws:sso:::instance/ssoins-fedcba9876543210"],
    ),
    (".accessEndpoint", &["https://files.example.com", "http://other.example.com"]),
    (".customization.title", &["Files", "Files of the team"]),
    (".logoFrom.configMapKeyRef.name", &["brand", "missing"]),
    (".logoFrom.configMapKeyRef.key", &["logo", "other", "missing"]),
    (".faviconFrom.configMapKeyRef.name", &["brand", "missing"]),
    (".faviconFrom.configMapKeyRef.key", &["icon", "other", "missing"]),
    (".role", &[ROLE, OTHER_ROLE, UNGRANTED]),
    (".loggingRole", &[ROLE, OTHER_ROLE, UNGRANTED, ""]),
    (".invocationRole", &[ROLE, OTHER_ROLE, UNGRANTED]),
    (".executionRole", &[ROLE, OTHER_ROLE, UNGRANTED]),
    (".workflowId", &["w-0123456789abcdef0", "w-0123456789abcdef1"]),
    (".namespaces.names[]", &["team", "elsewhere"]),
    (".matchExpressions[].key", &["sftp", "other"]),
    (".matchExpressions[].operator", &["Exists", "In", "Like"]),
    (".matchExpressions[].values[]", &["yes", "no"]),
    (".matchLabels{}", &["yes", "no"]),
    (".certificate", &["arn:aws:acm:eu-central-1:1:certificate/a", "arn:aws:acm:eu-central-1:1:certificate/b", ""]),
    (".hostname", &["sftp.example.com", "files.example.com"]),
    (".hostedZoneId", &["Z0123456789ABC", "/hostedzone/Z0123456789ABD"]),
    (".addressAllocationIds[]", &["eipalloc-0aaaaaaaaaaaaaaaa", "eipalloc-0bbbbbbbbbbbbbbbb"]),
    (".securityGroupIds[]", &["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]),
    (".subnetIds[]", &["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb", "subnet-0ccccccccccccccccc"]),
    (".knownHostsConfigMap.name", &["known-hosts", "policies", "more-known-hosts"]),
    (".vpcEndpointId", &["vpce-0123456789abcdef0", "vpce-0123456789abcdef1"]),
    (".vpcId", &["vpc-0123456789abcdef0", "vpc-0123456789abcdef1"]),
    (".hostKeys[].description", &["pinned by partners", "old", ""]),
    (".hostKeys[].kmsKey", &["arn:aws:kms:eu-central-1:1:key/a", "arn:aws:kms:eu-central-1:1:key/b"]),
    (".hostKeys[].name", &["one", "two", "three"]),
    (".passwordSecretRef.name", &["password", "one", "missing"]),
    (".passwordSecretRef.key", &["password", "missing"]),
    (".sourceIp", &["203.0.113.10", "203.0.113.11"]),
    (".secretKeyRef.name", &["one", "two", "missing"]),
    (".secretKeyRef.key", &["ssh-privatekey", "missing"]),
    (".tags{}", &["test", "other", ""]),
    (".directoryId", &["d-0123456789", "d-0123456780"]),
    (".function", &["arn:aws:lambda:eu-central-1:1:function:a", "arn:aws:lambda:eu-central-1:1:function:b"]),
    (".identityProviderDetails.url", &["https://example.com/a", "https://example.com/b"]),
    (
        ".url",
        &[
            "sftp://sftp.example.com",
            "sftp://other.example.com:2222",
            "https://as2.example.com",
            "http://as2.example.com",
        ],
    ),
    (".resyncInterval", &["5m", "8m", "0s", "25h"]),
    (".window.start", &["22:00", "23:30"]),
    (".window.timeZone", &["UTC", "Europe/Berlin", "Mars/Olympus"]),
    ("LoginBanner", &["hello", "line\nbreak\ttab", " spaces ", ""]),
    (".workflowRef.name", &["scan", "missing"]),
    (".workflowRef.namespace", &["team", "elsewhere"]),
    (".passiveIp", &["AUTO", "0.0.0.0", "192.0.2.7", "999.0.0.1"]),
    (
        ".securityPolicyName",
        &[
            "TransferSecurityPolicy-2024-01",
            "TransferSecurityPolicy-2025-03",
            "TransferSecurityPolicy-1999-01",
            "TransferSFTPConnectorSecurityPolicy-2023-07",
            "TransferSFTPConnectorSecurityPolicy-1999-01",
        ],
    ),
    (
        ".structuredLogDestinations[]",
        &["arn:aws:logs:eu-central-1:1:log-group:a:*", "arn:aws:logs:eu-central-1:1:log-group:b:*"],
    ),
    (".policy", &[POLICY, OTHER_POLICY, REORDERED, "", "{not json}", "[]"]),
    (".policyFrom.configMapKeyRef.name", &["policies", "missing"]),
    (".policyFrom.configMapKeyRef.key", &["scope", "other", "missing", "broken"]),
    (".sshPublicKeysFrom[].configMapKeyRef.name", &["keys", "missing"]),
    (".sshPublicKeysFrom[].configMapKeyRef.key", &["authorized_keys", "more", "missing", "broken"]),
    (".publicKey", &[KEY_A, KEY_B, KEY_C, "ssh-ed25519 AAAA broken", "command=\"x\" ssh-ed25519 AAAA"]),
    (
        ".expiresAt",
        &["2036-01-31T00:00:00Z", "2036-01-31T00:00:00.5+02:00", "2020-01-31T00:00:00Z", "2036-13-41T00:00:00Z"],
    ),
    (".homeDirectory", &["/b/home", "/b/other/", "/fs-0123456789abcdef0/a", ""]),
    (".entry", &["/", "/in", "/${transfer:UserName}"]),
    (".target", &["/b/in", "/b/${transfer:UserName}", "/fs-0123456789abcdef0/a"]),
    (".bucket", &["my-files", "Old_bucket"]),
    (".prefix", &["in", "in/deep", "${transfer:UserName}"]),
    (".fileSystemId", &["fs-0123456789abcdef0", "fs-0123456789abcdef1"]),
    (".efs.path", &["finance", "a/b"]),
];

/// Every value for a place.
///
/// # Panics
/// Where nothing is known of a text: somebody added a field and said nothing of it here.
pub fn cases(node: &Node) -> Vec<Case> {
    let mut all = vec![Case { label: "absent".to_owned(), value: None }, case("null", Value::Null)];
    all.extend(node.schema.get("default").map(|default| case("default", default.clone())));
    all.extend(match node.kind() {
        "string" => texts(node),
        "integer" => numbers(node),
        "boolean" => vec![case("true", true), case("false", false), case("wrong type", "true")],
        "array" => lists(node),
        "object" if node.schema["additionalProperties"].is_object() => maps(node),
        "object" => objects(node),
        other => panic!("{}: no values for type {other:?}", node.path),
    });
    all
}

fn objects(node: &Node) -> Vec<Case> {
    let alone = |child: Node| {
        let name = child.path.rsplit('.').next().unwrap().to_owned();
        let value = json!({name.as_str(): sample(&child)});
        case(&format!("only {name}"), value)
    };
    let members = node.children().into_iter().map(alone);
    [
        case("empty", json!({})),
        case("sample", sample(node)),
        case("other", numbered(node, 1)),
        case("wrong type", json!([])),
        case("unknown member", json!({"noSuchMember": 1})),
    ]
    .into_iter()
    .chain(members)
    .collect()
}

/// Values that a person may mean, for walks.
pub fn meant(node: &Node) -> Vec<Case> {
    let odd = ["null", "wrong type", "unknown member", "unknown", "10 kB", "control", "unicode", "too "];
    cases(node).into_iter().filter(|case| !odd.iter().any(|odd| case.label.starts_with(odd))).collect()
}

/// The first value that is in force.
pub fn sample(node: &Node) -> Value {
    numbered(node, 0)
}

/// One of the values that are in force, with all that it needs.
pub fn numbered(node: &Node, number: usize) -> Value {
    match node.kind() {
        "string" => {
            let all = known(node);
            all[number % all.len()].clone()
        }
        "integer" => {
            let (least, most) = bounds(node);
            // Ports have a gap above their minimum.
            let near = if node.path.ends_with("sftpPort") { 2222 } else { least + 20 };
            json!(if number == 0 { near } else { most })
        }
        "boolean" => json!(number == 0),
        "array" => json!([numbered(&node.children()[0], number)]),
        _ if node.schema["additionalProperties"].is_object() => {
            json!({"sftp": numbered(&node.children()[0], number)})
        }
        _ => {
            let needed = node.children().into_iter().filter(|child| node.requires(child) || stands_for(node, child));
            needed.map(|child| (child.path.rsplit('.').next().unwrap().to_owned(), numbered(&child, number))).collect()
        }
    }
}

/// What an object needs although the schema does not say so: its rules do.
fn stands_for(node: &Node, child: &Node) -> bool {
    let of =
        |parent: &str, member: &str| node.path.ends_with(parent) && child.path.ends_with(&format!("{parent}.{member}"));
    [
        ("as2Config", "localProfileRef"),
        ("as2Config", "partnerProfileRef"),
        ("endpointDetails", "vpcId"),
        ("customization", "title"),
        ("identityProviderDetails", "function"),
        ("home", "s3"),
        ("selector", "matchLabels"),
        ("rotation", "notice"),
        ("rotation", "overlap"),
        ("adoption", "serverId"),
        ("adoption", "id"),
        ("namespaces", "from"),
        ("workflowDetails", "onUpload"),
        ("onUpload[]", "workflowId"),
        ("onPartialUpload[]", "workflowId"),
        ("protocolDetails", "setStatOption"),
        ("proxyConfig", "sftpMode"),
        ("s3StorageOptions", "directoryListingOptimization"),
    ]
    .iter()
    .any(|(parent, member)| of(parent, member))
}

/// The texts that somebody may mean.
fn known(node: &Node) -> Vec<Value> {
    if let Some(values) = node.schema["enum"].as_array() {
        return values.clone();
    }
    let texts = TEXTS.iter().find(|(end, _)| node.path.ends_with(end)).map(|(_, texts)| *texts);
    let texts = texts.unwrap_or_else(|| panic!("{}: no values are known for this text; name some in TEXTS", node.path));
    texts.iter().map(|text| json!(text)).collect()
}

fn texts(node: &Node) -> Vec<Case> {
    let known = known(node);
    let first = known[0].as_str().unwrap().to_owned();
    let mut all: Vec<Case> = known.iter().map(|value| case(&format!("{value}"), value.clone())).collect();
    let long = "x".repeat(10 * 1024);
    all.extend([
        case("empty", ""),
        case("leading space", format!(" {first}")),
        case("trailing space", format!("{first} ")),
        case("trailing line", format!("{first}\n")),
        case("control", format!("{first}\u{7}")),
        case("unicode", format!("{first}ü漢")),
        case("10 kB", long.clone()),
        case("unknown", "NO_SUCH_VALUE"),
        case("wrong type: number", 7),
        case("wrong type: object", json!({"a": 1})),
    ]);
    // Padded to the limit with what the value ends with, which suits most patterns.
    let pad = |length: i64| {
        let length = usize::try_from(length).unwrap();
        let end = first.chars().last().unwrap_or('x').to_string();
        format!("{first}{}", end.repeat(length)).chars().take(length).collect::<String>()
    };
    if let Some(most) = node.number("maxLength") {
        all.extend([case("max", pad(most)), case("too long", pad(most + 1))]);
    }
    if let Some(least) = node.number("minLength") {
        all.extend([case("min", pad(least)), case("too short", pad(least - 1))]);
    }
    all
}

fn bounds(node: &Node) -> (i64, i64) {
    let of = |name: &str| node.number(name).unwrap_or_else(|| panic!("{}: a number without {name}", node.path));
    (of("minimum"), of("maximum"))
}

fn numbers(node: &Node) -> Vec<Case> {
    let (least, most) = bounds(node);
    vec![
        case("sample", sample(node)),
        case("min", least),
        case("max", most),
        case("too small", least - 1),
        case("too large", most + 1),
        case("unknown: fraction", 1.5),
        case("wrong type", "7"),
    ]
}

fn lists(node: &Node) -> Vec<Case> {
    let item = &node.children()[0];
    let of = |numbers: &[usize]| numbers.iter().map(|number| numbered(item, *number)).collect::<Vec<_>>();
    let mut all = vec![
        case("empty", json!([])),
        case("one", of(&[0])),
        case("other", of(&[1])),
        case("two", of(&[0, 1])),
        case("turned", of(&[1, 0])),
        case("twice", of(&[0, 0])),
        case("null item", json!([null])),
        case("wrong type", json!({})),
    ];
    // A list of a megabyte is a test of its own.
    if let Some(most) = node.number("maxItems").filter(|most| *most <= 300) {
        let too_many = usize::try_from(most).unwrap() + 1;
        all.push(case("too many", of(&(0..too_many).collect::<Vec<_>>())));
    }
    all
}

fn maps(node: &Node) -> Vec<Case> {
    let entry = sample(&node.children()[0]);
    let many = |count: usize| (0..count).map(|n| (format!("k{n}"), entry.clone())).collect::<Value>();
    let one = |key: &str| json!({key: entry.clone()});
    let mut all = vec![
        case("empty", json!({})),
        case("sample", sample(node)),
        case("two", many(2)),
        case("wrong type", json!([])),
        case("empty key", one("")),
        case("too long key", one(&"k".repeat(129))),
        case("max key", one(&"k".repeat(128))),
        case("reserved key", one("aws:x")),
        case("reserved key of ours", one("Transfer-Operator.dev/uid")),
        case("unicode key", one("ключ")),
        case("control key", one("a\u{7}b")),
        case("too long value", json!({"k": "v".repeat(257)})),
        case("max value", json!({"k": "v".repeat(256)})),
    ];
    if let Some(most) = node.number("maxProperties") {
        let most = usize::try_from(most).unwrap();
        all.extend([case("max", many(most)), case("too many", many(most + 1))]);
    }
    all
}
