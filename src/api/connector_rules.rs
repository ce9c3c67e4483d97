//! What the API server takes of a connector: the shapes of its texts, and rules between its fields in CEL. Those that
//! other kinds have too are in `pattern` and `rules`.

use schemars::Schema;

use super::pattern::Pattern;
use super::rules::{self, Rule, attach};

/// A secret of Secrets Manager. AWS takes names as well in some places; a grant bounds ARNs.
pub(super) const SECRET_ARN: Pattern = Pattern::new(
    r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+$",
    "the ARN of a secret of Secrets Manager, such as \
     arn:aws:secretsmanager:eu-central-1:123456789012:secret:partners/acme-AbCdEf",
);
/// A resource configuration of VPC Lattice.
pub(super) const RESOURCE_CONFIGURATION: Pattern = Pattern::new(
    r"^arn:[a-z0-9-]+:vpc-lattice:[a-zA-Z0-9-]+:[0-9]{12}:resourceconfiguration/rcfg-[0-9a-z]{17}$",
    "the ARN of a resource configuration of VPC Lattice, such as \
     arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0",
);
/// A profile of AS2.
pub(super) const PROFILE_ID: Pattern =
    Pattern::new(r"^p-[0-9a-f]{17}$", "the id of a profile, p- and 17 hexadecimal digits, such as p-0123456789abcdef0");
/// Where a partner listens; which of them, the rules of the whole spec say.
pub(super) const URL: Pattern = Pattern::new(
    r"^(sftp|https?)://[!-~]+$",
    "an address that begins with sftp://, or with https:// or http:// for AS2, such as sftp://sftp.example.com",
);
/// A policy for connectors. The list grows, so it is no enum.
pub(super) const POLICY: Pattern = Pattern::new(
    r"^TransferSFTPConnectorSecurityPolicy-[A-Za-z0-9-]+$",
    "the name of a security policy for SFTP connectors, such as TransferSFTPConnectorSecurityPolicy-2024-03",
);
/// A staging label of a secret's version.
pub(super) const STAGE: Pattern =
    Pattern::new(r"^[!-~]+$", "a staging label of a secret's version, such as AWSCURRENT or AWSPREVIOUS");
/// The subject of AS2 messages: one line of ASCII.
pub(super) const SUBJECT: Pattern =
    Pattern::new(r"^[\x09 -~]+$", "one line of ASCII without accents, such as \"Orders of Example Corp.\"");
/// Secrets in a grant: as roles, see `pattern::GRANTED_ROLE_ARN`.
pub(super) const GRANTED_SECRET_ARN: &str = r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:([A-Za-z0-9_+=.@!*-]+|\{namespace\})(/([A-Za-z0-9_+=.@!*-]+|\{namespace\}))*$";

/// The beginning only: the whole shape of all of them costs more than the API server lets a rule.
pub(super) const GRANTED_SECRETS: Rule = (
    "self.all(s, s.startsWith('arn:aws'))",
    "secretArns: each entry must be the ARN of a secret, such as \
     arn:aws:secretsmanager:eu-central-1:123456789012:secret:partners/*",
);

/// Where what is trusted is written; at the list, as the API server prints a text that breaks its own rule, and what was
/// pasted for a public key may be a private one.
pub(super) const TRUSTED_HOST_KEYS: Rule = (
    r"self.all(k, size(k) <= 2048 && k.matches(r'^([^ \t\r\n]+[ \t]+)?(ssh-rsa|ecdsa-sha2-nistp(256|384|521))[ \t]+[A-Za-z0-9+/]+={0,3}([ \t][^\n\r]*)?\s*$'))",
    "trustedHostKeys: each entry must be one public key of ssh-rsa or ecdsa-sha2-nistp256/384/521, which are the types that \
     AWS takes of a partner (no ssh-ed25519), as in a .pub file or as ssh-keyscan prints it; never a private key",
);

/// A connector and everything in its spec that depends on something else in it.
pub(super) fn connector(schema: &mut Schema) {
    attach(schema, CONNECTOR);
}

const CONNECTOR: &[Rule] = &[
    ("has(self.sftpConfig) != has(self.as2Config)", "exactly one of sftpConfig and as2Config is needed"),
    ("has(self.url) != has(self.egressConfig)", "exactly one of url and egressConfig is needed"),
    ("!has(self.egressConfig) || has(self.sftpConfig)", "egressConfig goes only with sftpConfig; as2Config needs url"),
    (
        "!has(self.sftpConfig) || !has(self.url) || self.url.startsWith('sftp://')",
        "url must begin with sftp:// together with sftpConfig",
    ),
    (
        "!has(self.as2Config) || !has(self.url) || self.url.startsWith('http')",
        "url must begin with https:// or http:// together with as2Config",
    ),
    (
        "!has(self.securityPolicyName) || has(self.sftpConfig)",
        "securityPolicyName goes only with sftpConfig: AS2 connectors have none",
    ),
    (
        "!has(self.as2Config) || self.as2Config.encryptionAlgorithm != 'NONE' \
         || (has(self.url) && self.url.startsWith('https://'))",
        "as2Config.encryptionAlgorithm NONE is taken only where url begins with https://",
    ),
];

/// AS2: both sides are named, each in one way, and who waits for an asynchronous answer says where it comes.
pub(super) fn as2(schema: &mut Schema) {
    attach(
        schema,
        &[
            (
                "has(self.localProfileRef) != has(self.localProfileId)",
                "exactly one of as2Config.localProfileRef and as2Config.localProfileId is needed",
            ),
            (
                "has(self.partnerProfileRef) != has(self.partnerProfileId)",
                "exactly one of as2Config.partnerProfileRef and as2Config.partnerProfileId is needed",
            ),
            (
                "(self.mdnResponse == 'ASYNC') == has(self.asyncMdnConfig)",
                "as2Config.asyncMdnConfig goes with mdnResponse ASYNC, and only with it",
            ),
        ],
    );
}

/// As of a server: nobody could send with it from another region.
pub(super) const REGION_IMMUTABLE: Rule = (
    rules::REGION_IMMUTABLE.0,
    "spec.region cannot be changed: the connector lives there; make a new TransferConnector for another region",
);

/// AWS takes neither in the place of the other, once it has one. The first term keeps a false value in status from blocking
/// every later write, even the removal of the finalizer; the last lets somebody return to what AWS has, as where the answer
/// to a create was lost and the spec was edited before its outcome was seen.
pub(super) const PROTOCOL_IMMUTABLE: Rule = (
    "has(self.spec.as2Config) == has(oldSelf.spec.as2Config) || !has(oldSelf.status) || !has(oldSelf.status.protocol) \
     || (has(self.spec.as2Config) ? 'AS2' : 'SFTP') == oldSelf.status.protocol",
    "spec.sftpConfig and spec.as2Config cannot be exchanged: AWS has no way to; make a new TransferConnector",
);

/// Nor these.
pub(super) const WAY_IMMUTABLE: Rule = (
    "has(self.spec.url) == has(oldSelf.spec.url) || !has(oldSelf.status) || !has(oldSelf.status.egressType) \
     || (has(self.spec.url) ? 'SERVICE_MANAGED' : 'VPC_LATTICE') == oldSelf.status.egressType",
    "spec.url and spec.egressConfig cannot be exchanged: AWS has no way to; make a new TransferConnector",
);
