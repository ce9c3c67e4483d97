//! Who may use an identity for what. Pure, and asked on every reconcile: the CRD's rules are comfort, not security.

use std::collections::BTreeMap;

use crate::api::ManagedKind;
use crate::api::condition::reasons;
use crate::api::identity::{AwsIdentity, Grant};
use crate::engine::reason::Reason;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker<'a> {
    /// The kind of the object.
    pub kind: ManagedKind,
    /// Its namespace.
    pub namespace: &'a str,
    /// The labels of that namespace.
    pub labels: &'a BTreeMap<String, String>,
}

fn applying<'a>(identity: &'a AwsIdentity, asker: &'a Asker<'_>) -> impl Iterator<Item = &'a Grant> {
    identity
        .spec
        .grants
        .iter()
        .filter(|grant| grant.kinds.contains(&asker.kind) && grant.namespaces.admits(asker.namespace, asker.labels))
}

/// Whether the identity may be used at all, in this region.
///
/// # Errors
/// `IdentityDenied`. An absent identity and one that grants nothing give the same answer, so that nobody can probe
/// (only that a new object is given time for an absent one tells them apart); what an identity holds is told only to
/// those that it grants something.
pub fn granted(name: &str, identity: Option<&AwsIdentity>, asker: &Asker, region: &str) -> Result<(), Reason> {
    let refuse = |message| Err(Reason::stalled(reasons::IDENTITY_DENIED, message));
    let Some(identity) = identity.filter(|identity| applying(identity, asker).next().is_some()) else {
        return refuse(to_paste(name, asker));
    };
    if !identity.spec.regions.iter().any(|granted| granted == region) {
        return refuse(format!("AwsIdentity {name} does not list region {region} in spec.regions"));
    }
    Ok(())
}

/// Whether what never reached AWS may begin to use the identity. Everything else goes on with one that is being
/// deleted: it is there until nobody needs it.
///
/// # Errors
/// `IdentityDenied`.
pub fn open_to_new(name: &str, identity: Option<&AwsIdentity>) -> Result<(), Reason> {
    if identity.is_none_or(|identity| identity.metadata.deletion_timestamp.is_none()) {
        return Ok(());
    }
    let message = format!(
        "AwsIdentity {name} is being deleted: it serves what it made until that is gone, and takes nobody new; once it \
         is gone, apply it again or name another one"
    );
    Err(Reason::stalled(reasons::IDENTITY_DENIED, message))
}

/// The grant that is missing, ready to paste: for this namespace and this kind, never for all.
fn to_paste(name: &str, asker: &Asker) -> String {
    let Asker { kind, namespace, labels } = asker;
    let unseen = unseen(namespace, labels);
    format!(
        "AwsIdentity {name} is absent or grants {kind:?} nothing in namespace {namespace}; an administrator may add to \
         its spec.grants: {{name: {namespace}, kinds: [{kind:?}], namespaces: {{from: Names, names: [{namespace}]}}}}\
         {unseen}"
    )
}

/// What explains that no selector finds a namespace, to be said behind a refusal. The API server gives every namespace a
/// label with its name, so one without any was not read: `--read-namespaces=false`, or it came just now.
#[must_use]
pub fn unseen(namespace: &str, labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        format!(" (the labels of namespace {namespace} are not known here, so no selector finds it)")
    } else {
        String::new()
    }
}

/// Whether a role may be passed to AWS.
///
/// # Errors
/// `RoleNotGranted`, with what to paste; of a role that no grant could help, why.
pub fn role_granted(identity: &AwsIdentity, asker: &Asker, path: &str, role: &str) -> Result<(), Reason> {
    let name = identity.metadata.name.as_deref().unwrap_or_default();
    let (ours, its) = (identity.spec.account_id.as_str(), role.split(':').nth(4).unwrap_or_default());
    if its != ours {
        return Err(Reason::stalled(
            reasons::ROLE_NOT_GRANTED,
            format!(
                "{path}: role {role} is of account {its}, AwsIdentity {name} is for account {ours}, and AWS takes roles \
                 of the server's own account only; name a role of account {ours}"
            ),
        ));
    }
    let fits = |grant: &Grant| grant.role_arns.iter().any(|pattern| role_matches(pattern, asker.namespace, role));
    if applying(identity, asker).any(fits) {
        return Ok(());
    }
    Err(Reason::stalled(
        reasons::ROLE_NOT_GRANTED,
        format!(
            "{path}: no grant of AwsIdentity {name} lets a {:?} of namespace {} use role {role}; an administrator may add \
             the role to roleArns of the grant for that namespace",
            asker.kind, asker.namespace
        ),
    ))
}

/// Whether AWS may be told to read a secret.
///
/// # Errors
/// `SecretNotGranted`, with what to paste.
pub fn secret_granted(identity: &AwsIdentity, asker: &Asker, path: &str, secret: &str) -> Result<(), Reason> {
    let name = identity.metadata.name.as_deref().unwrap_or_default();
    // The name of a secret begins behind a colon, where that of a role begins behind a slash.
    let split = |arn: &str| arn.replacen(":secret:", ":secret/", 1);
    let secret_segments = split(secret);
    let fits = |pattern: &String| role_matches(&split(pattern), asker.namespace, &secret_segments);
    if applying(identity, asker).any(|grant| grant.secret_arns.iter().any(fits)) {
        return Ok(());
    }
    Err(Reason::stalled(
        reasons::SECRET_NOT_GRANTED,
        format!(
            "{path}: no grant of AwsIdentity {name} lets a {:?} of namespace {} use secret {secret}; an administrator may \
             add the secret to secretArns of the grant for that namespace",
            asker.kind, asker.namespace
        ),
    ))
}

/// Whether a server may be named by its raw id.
///
/// # Errors
/// `IdentityDenied`, naming the id.
pub fn server_granted(identity: &AwsIdentity, asker: &Asker, server_id: &str) -> Result<(), Reason> {
    if applying(identity, asker).any(|grant| grant.server_ids.iter().any(|granted| granted == server_id)) {
        return Ok(());
    }
    let name = identity.metadata.name.as_deref().unwrap_or_default();
    Err(Reason::stalled(
        reasons::IDENTITY_DENIED,
        format!(
            "AwsIdentity {name} does not let namespace {} name server {server_id}; an administrator may add it to \
             serverIds of its grant for that namespace",
            asker.namespace
        ),
    ))
}

/// Whether what has this id may be taken over, or be looked at by an object that only observes.
///
/// # Errors
/// `IdentityDenied`, naming the id.
pub fn adoption_granted(identity: &AwsIdentity, asker: &Asker, id: &str) -> Result<(), Reason> {
    if applying(identity, asker).any(|grant| grant.adoptable_ids.iter().any(|granted| granted == id)) {
        return Ok(());
    }
    let name = identity.metadata.name.as_deref().unwrap_or_default();
    Err(Reason::stalled(
        reasons::IDENTITY_DENIED,
        format!(
            "AwsIdentity {name} does not let namespace {} take over {} {id}; an administrator may add it to adoptableIds \
             of its grant for that namespace",
            asker.namespace,
            asker.kind.noun()
        ),
    ))
}

/// Whether a certificate may be named by its raw id: whoever may can sign with it.
///
/// # Errors
/// `IdentityDenied`, naming the id.
pub fn certificate_granted(identity: &AwsIdentity, asker: &Asker, path: &str, id: &str) -> Result<(), Reason> {
    let fits = |grant: &Grant| grant.certificate_ids.iter().any(|granted| granted == "*" || granted == id);
    if applying(identity, asker).any(fits) {
        return Ok(());
    }
    let name = identity.metadata.name.as_deref().unwrap_or_default();
    Err(Reason::stalled(
        reasons::IDENTITY_DENIED,
        format!(
            "{path}: AwsIdentity {name} does not let namespace {} name certificate {id}; an administrator may add it to \
             certificateIds of its grant for that namespace",
            asker.namespace
        ),
    ))
}

/// Compares segment by segment; a segment of the role is never empty. `{namespace}` is one whole segment (as a part of
/// one it would let namespace `a` through to `a-b`); `*` stands for any text within one segment, and as the whole last
/// segment for one or more of them.
fn role_matches(pattern: &str, namespace: &str, role: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/').peekable(), role.split('/').peekable());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (_, Some("")) => return false,
            (Some("*"), Some(_)) if wanted.peek().is_none() => return given.all(|segment| !segment.is_empty()),
            (Some("{namespace}"), Some(segment)) if segment == namespace => {}
            (Some(wanted), Some(segment)) if wanted != "{namespace}" && glob(wanted, segment) => {}
            _ => return false,
        }
    }
}

/// `*` in one segment stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
#[path = "grants_tests.rs"]
mod matrix;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn identity() -> AwsIdentity {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "shared"},
            "spec": {"accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
                "grants": [{"name": "teams", "kinds": ["TransferUser"],
                    "namespaces": {"from": "Selector", "selector": {"matchLabels": {"sftp": "yes"}}},
                    "roleArns": ["arn:aws:iam::123456789012:role/sftp/{namespace}/*"], "serverIds": ["s-1"],
                    "secretArns": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:{namespace}/*",
                        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shared-*"]}]}
        }))
        .unwrap()
    }

    fn labels(sftp: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("sftp".to_owned(), sftp.to_owned())])
    }

    #[test]
    fn nothing_is_granted_but_what_a_grant_names() {
        let identity = identity();
        let (yes, no) = (labels("yes"), labels("no"));
        let rows = [
            (Some(&identity), ManagedKind::TransferUser, &yes, "eu-central-1", true, "granted"),
            (Some(&identity), ManagedKind::TransferUser, &no, "eu-central-1", false, "another label"),
            (Some(&identity), ManagedKind::TransferServer, &yes, "eu-central-1", false, "another kind"),
            (Some(&identity), ManagedKind::TransferUser, &yes, "us-east-1", false, "another region"),
            (None, ManagedKind::TransferUser, &yes, "eu-central-1", false, "no identity"),
        ];
        for (identity, kind, labels, region, expected, reason) in rows {
            let asker = Asker { kind, namespace: "a", labels };
            assert_eq!(granted("shared", identity, &asker, region).is_ok(), expected, "{reason}");
        }
    }

    #[test]
    fn nobody_learns_whether_an_identity_that_grants_them_nothing_exists() {
        let labels = labels("no");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "team-a", labels: &labels };
        let mut dying = identity();
        dying.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time("2026-01-01T00:00:00Z".parse().unwrap()));
        let absent = granted("shared", None, &asker, "us-east-1").unwrap_err();
        for there in [identity(), dying] {
            assert_eq!(granted("shared", Some(&there), &asker, "us-east-1").unwrap_err(), absent);
        }
    }

    #[test]
    fn an_identity_under_deletion_takes_nobody_new_and_serves_the_rest() {
        let labels = labels("yes");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "a", labels: &labels };
        let mut dying = identity();
        dying.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time("2026-01-01T00:00:00Z".parse().unwrap()));
        assert!(granted("shared", Some(&dying), &asker, "eu-central-1").is_ok());
        let block = open_to_new("shared", Some(&dying)).unwrap_err();
        assert!(block.needs_person && block.message.contains("is being deleted"), "{block:?}");
        assert!(open_to_new("shared", Some(&identity())).is_ok() && open_to_new("shared", None).is_ok());
    }

    #[test]
    fn a_role_of_another_account_is_refused_and_never_recommended() {
        let mut identity = identity();
        identity.spec.grants[0].role_arns.push("arn:aws:iam::*:role/*".to_owned());
        let labels = labels("yes");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "a", labels: &labels };
        let of = |account: &str| format!("arn:aws:iam::{account}:role/sftp/a/x");
        assert!(role_granted(&identity, &asker, "spec.role", &of("123456789012")).is_ok());
        let block = role_granted(&identity, &asker, "spec.role", &of("999999999999")).unwrap_err();
        assert!(block.needs_person && block.message.contains("of account 999999999999"), "{block:?}");
        assert!(!block.message.contains("roleArns"), "{}", block.message);
    }

    #[test]
    fn a_role_is_passed_only_under_a_grant_that_applies() {
        let (yes, no) = (labels("yes"), labels("no"));
        let role = "arn:aws:iam::123456789012:role/sftp/a/x";
        let rows = [
            (ManagedKind::TransferUser, "a", &yes, true, "granted"),
            (ManagedKind::TransferUser, "b", &yes, false, "another namespace's role"),
            (ManagedKind::TransferUser, "a", &no, false, "the grant is not for this namespace"),
            (ManagedKind::TransferServer, "a", &yes, false, "the grant is for another kind"),
        ];
        for (kind, namespace, labels, expected, reason) in rows {
            let asker = Asker { kind, namespace, labels };
            let answer = role_granted(&identity(), &asker, "spec.role", role);
            assert_eq!(answer.is_ok(), expected, "{reason}");
            if let Err(block) = answer {
                assert_eq!(block.code, reasons::ROLE_NOT_GRANTED);
                assert!(block.message.contains("spec.role") && block.message.contains(role), "{}", block.message);
            }
        }
    }

    #[test]
    fn a_denial_names_the_namespace_and_never_all() {
        let labels = labels("no");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "team-a", labels: &labels };
        let block = granted("shared", Some(&identity()), &asker, "eu-central-1").unwrap_err();
        assert!(block.message.contains("names: [team-a]"), "{}", block.message);
        assert!(!block.message.contains("All"), "{}", block.message);
        assert!(!block.message.contains("labels"), "{}", block.message);
        let unread = BTreeMap::new();
        let asker = Asker { labels: &unread, ..asker };
        let told =
            |identity: Option<&AwsIdentity>| granted("shared", identity, &asker, "eu-central-1").unwrap_err().message;
        assert!(told(Some(&identity())).contains("labels of namespace team-a are not known"), "{}", told(None));
        assert_eq!(told(Some(&identity())), told(None));
    }

    #[test]
    fn a_namespace_is_a_whole_segment_of_a_role() {
        let prefix = "arn:aws:iam::123456789012:role";
        let rows = [
            ("/sftp/{namespace}/*", "a", "/sftp/a/x", true),
            ("/sftp/{namespace}/*", "a", "/sftp/a/x/y", true),
            ("/sftp/{namespace}/*", "a", "/sftp/a-b/x", false),
            ("/sftp/{namespace}/*", "a", "/sftp/a", false),
            ("/sftp/{namespace}/*", "a", "/sftp/a/", false),
            ("/sftp/{namespace}", "a", "/sftp/a/x", false),
            ("/sftp/{namespace}-*", "a", "/sftp/a-b", false),
            ("/sftp/*/x", "a", "/sftp/y/x", true),
            ("/sftp/*/x", "a", "/sftp//x", false),
            ("/sftp/*/x", "a", "/sftp/y/z/x", false),
            ("/sftp/*", "a", "/sftp/y//x", false),
            ("/sftp/x-*", "a", "/sftp/x-1", true),
            ("/sftp/x-*", "a", "/sftp/x-1/y", false),
            ("/sftp/x-*-z", "a", "/sftp/x-1-z", true),
            ("/sftp/x-*-z", "a", "/sftp/x-1-y", false),
            ("/one", "a", "/one", true),
            ("/one", "a", "/one-more", false),
            ("/{namespace}", "*", "/anything", false),
            ("/one", "a", "/one/more", false),
            ("/one/more", "a", "/one", false),
        ];
        for (pattern, namespace, role, expected) in rows {
            let (pattern, role) = (format!("{prefix}{pattern}"), format!("{prefix}{role}"));
            assert_eq!(role_matches(&pattern, namespace, &role), expected, "{pattern} for {namespace}: {role}");
        }
    }

    #[test]
    fn a_certificate_is_named_by_its_id_only_where_it_or_all_are_listed() {
        let labels = labels("yes");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "a", labels: &labels };
        let with = |ids: &[&str]| {
            let mut identity = identity();
            identity.spec.grants[0].certificate_ids = ids.iter().map(|id| (*id).to_owned()).collect();
            certificate_granted(&identity, &asker, "spec.certificateIds", "cert-1")
        };
        assert!(with(&["cert-1"]).is_ok() && with(&["*"]).is_ok());
        for ids in [&[][..], &["cert-2"], &["cert-"]] {
            let block = with(ids).unwrap_err();
            assert!(block.needs_person && block.message.contains("cert-1"), "{block:?}");
        }
        let other = Asker { kind: ManagedKind::TransferServer, ..asker };
        let mut identity = identity();
        identity.spec.grants[0].certificate_ids = vec!["*".to_owned()];
        assert!(certificate_granted(&identity, &other, "", "cert-1").is_err(), "the grant is for another kind");
    }

    #[test]
    fn a_secret_is_read_only_under_a_grant_that_names_it() {
        let (yes, no) = (labels("yes"), labels("no"));
        let secret = |name: &str| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}");
        let rows = [
            (ManagedKind::TransferUser, "a", &yes, secret("a/acme-AbCdEf"), true),
            (ManagedKind::TransferUser, "a", &yes, secret("a/deep/acme-AbCdEf"), true),
            (ManagedKind::TransferUser, "a", &yes, secret("shared-AbCdEf"), true),
            (ManagedKind::TransferUser, "a", &yes, secret("b/acme-AbCdEf"), false),
            (ManagedKind::TransferUser, "a", &yes, secret("a-b/acme-AbCdEf"), false),
            (ManagedKind::TransferUser, "a", &yes, secret("a"), false),
            (ManagedKind::TransferUser, "a", &yes, secret("shared-a/x"), false),
            (ManagedKind::TransferUser, "a", &yes, secret("a/x").replace("eu-central-1", "us-east-1"), false),
            (ManagedKind::TransferUser, "a", &yes, secret("a/x").replace("123456789012", "999999999999"), false),
            (ManagedKind::TransferUser, "a", &no, secret("a/x"), false),
            (ManagedKind::TransferServer, "a", &yes, secret("a/x"), false),
            (ManagedKind::TransferUser, "a", &yes, String::new(), false),
        ];
        for (kind, namespace, labels, secret, expected) in rows {
            let asker = Asker { kind, namespace, labels };
            let answer = secret_granted(&identity(), &asker, "spec.x", &secret);
            assert_eq!(answer.is_ok(), expected, "{kind:?} {namespace} {secret}");
            if let Err(block) = answer {
                assert!(block.needs_person && block.code == reasons::SECRET_NOT_GRANTED, "{block:?}");
                assert!(block.message.starts_with("spec.x: ") && block.message.contains(&secret), "{}", block.message);
            }
        }
    }

    #[test]
    fn a_server_is_named_by_its_raw_id_only_where_listed() {
        let labels = labels("yes");
        let asker = Asker { kind: ManagedKind::TransferUser, namespace: "a", labels: &labels };
        assert!(server_granted(&identity(), &asker, "s-1").is_ok());
        assert!(server_granted(&identity(), &asker, "s-2").is_err());
    }
}
