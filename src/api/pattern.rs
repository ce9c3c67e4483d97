//! Shapes of texts: AWS's own patterns where it has any, anchored, in explicit ASCII classes, because the API server's
//! regular expressions are RE2 and know no Unicode flags; and the words for who wrote something else. They are rules in
//! CEL and not `pattern`s, of which the API server prints the expression. The rules between fields are in `rules`.

use kube::core::Rule;
use schemars::Schema;

use super::rules;

/// A shape, and what a text of it is called, with an example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    regex: &'static str,
    words: &'static str,
}

impl Pattern {
    pub(super) const fn new(regex: &'static str, words: &'static str) -> Self {
        Self { regex, words }
    }

    /// The rule of an object for the text of its `member`, which may be absent. Of a rule at the text itself the API server
    /// prints the text: one in whose place somebody may paste a key or a password is judged from here.
    pub(super) fn of(self, member: &'static str) -> impl FnMut(&mut Schema) {
        let Self { regex, words } = self;
        move |object: &mut Schema| {
            let rule = Rule::new(format!("!has(self.{member}) || self.{member}.matches(r'{regex}')"))
                .message(format!("must be {words}").as_str())
                .field_path(format!(".{member}"));
            rules::add(object, [rule]);
        }
    }

    /// The rule of each entry of a list.
    pub(super) fn each(self) -> impl FnMut(&mut Schema) {
        move |list: &mut Schema| {
            if let Some(items) = list.get_mut("items").and_then(|items| <&mut Schema>::try_from(items).ok()) {
                rules::add(items, [Rule::from(self)]);
            }
        }
    }
}

/// The rule of the text itself.
impl From<Pattern> for Rule {
    fn from(Pattern { regex, words }: Pattern) -> Self {
        Self::new(format!("self.matches(r'{regex}')")).message(format!("must be {words}").as_str())
    }
}

/// A Kubernetes object name.
pub(super) const OBJECT_NAME: Pattern = Pattern::new(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    "the name of an object, of small letters, digits, - and . (not first or last), such as sftp-files",
);
/// A namespace, or the name of a list entry.
pub(super) const LABEL: Pattern = Pattern::new(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "a name of small letters, digits and - (not first or last), such as team-a",
);
/// The characters of the same; 65,536 of the whole cost more than the API server lets a rule, see `rules::GRANTED_NAMESPACES`.
pub(super) const LABEL_CHARACTERS: Pattern =
    Pattern::new(r"^[a-z0-9-]+$", "the name of a namespace, of small letters, digits and -, such as team-a");
/// A key in the data of a ConfigMap or Secret.
pub(super) const DATA_KEY: Pattern = Pattern::new(
    r"^[-._a-zA-Z0-9]+$",
    "the name of an entry of the data, not the entry itself: letters, digits, -, _ and ., such as ssh-privatekey",
);
/// A region, of any partition.
pub(super) const REGION: Pattern =
    Pattern::new(r"^[a-z]{2,8}(-[a-z]+)+-[0-9]+$", "an AWS region, such as eu-central-1");
/// An account.
pub(super) const ACCOUNT_ID: Pattern =
    Pattern::new(r"^[0-9]{12}$", "the 12 digits of an AWS account, in quotes, such as \"123456789012\"");
/// A role as it can be granted. AWS's shape is wider, but such a role could never be passed.
pub(super) const ROLE_ARN: Pattern = Pattern::new(
    r"^arn:aws[a-z-]*:iam::[0-9]{12}:role(/[A-Za-z0-9_+=,.@-]+)+$",
    "the ARN of an IAM role, such as arn:aws:iam::123456789012:role/sftp-users",
);
/// The same, or empty where AWS takes that for "none".
pub(super) const ROLE_ARN_OR_EMPTY: Pattern = Pattern::new(
    r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role(/[A-Za-z0-9_+=,.@-]+)+)?$",
    "the ARN of an IAM role, such as arn:aws:iam::123456789012:role/sftp-logs, or empty for none",
);
/// Roles in a grant: `*` within a segment, `{namespace}` as a whole one. Applied as `pattern`: 65,536 of them cost more
/// than the API server lets a rule.
pub(super) const GRANTED_ROLE_ARN: &str =
    r"^arn:aws[a-z-]*:iam::[0-9]{12}:role(/([A-Za-z0-9_+=,.@*-]+|\{namespace\}))+$";
/// A key of KMS: any ARN.
pub(super) const KMS_KEY_ARN: Pattern = Pattern::new(
    r"^arn:[!-~]{16,}$",
    "the ARN of a KMS key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
);
/// A certificate of ACM, or empty.
pub(super) const CERTIFICATE: Pattern = Pattern::new(
    r"^(arn:aws[a-z-]*:acm:[!-~]+)?$",
    "the ARN of an ACM certificate, such as arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd, or empty for none",
);
/// A log group.
pub(super) const LOG_GROUP_ARN: Pattern = Pattern::new(
    r"^arn:aws[a-z-]*:logs:[!-~]+$",
    "the ARN of a log group, such as arn:aws:logs:eu-central-1:123456789012:log-group:/sftp:*",
);
/// A Lambda function.
pub(super) const FUNCTION: Pattern = Pattern::new(
    r"^arn:[a-z-]+:lambda:[!-~]+$",
    "the ARN of a Lambda function, such as arn:aws:lambda:eu-central-1:123456789012:function:logins",
);
/// A server.
pub(super) const SERVER_ID: Pattern =
    Pattern::new(r"^s-[0-9a-f]{17}$", "the id of a server, s- and 17 hexadecimal digits, such as s-0123456789abcdef0");
/// An elastic IP.
pub(super) const ALLOCATION_ID: Pattern = Pattern::new(
    r"^eipalloc-[0-9a-f]{8,17}$",
    "the allocation id of an elastic IP, not its address, such as eipalloc-0123456789abcdef0",
);
/// A subnet.
pub(super) const SUBNET_ID: Pattern =
    Pattern::new(r"^subnet-[0-9a-f]{8,17}$", "the id of a subnet, such as subnet-0123456789abcdef0");
/// A security group.
pub(super) const SECURITY_GROUP_ID: Pattern =
    Pattern::new(r"^sg-[0-9a-f]{8,17}$", "the id of a security group, not its name, such as sg-0123456789abcdef0");
/// A VPC.
pub(super) const VPC_ID: Pattern =
    Pattern::new(r"^vpc-[0-9a-f]{8,17}$", "the id of a VPC, such as vpc-0123456789abcdef0");
/// A VPC endpoint.
pub(super) const VPC_ENDPOINT_ID: Pattern =
    Pattern::new(r"^vpce-[0-9a-f]{17}$", "the id of a VPC endpoint, such as vpce-0123456789abcdef0");
/// A directory.
pub(super) const DIRECTORY_ID: Pattern =
    Pattern::new(r"^d-[0-9a-f]{10}$", "the id of a directory, d- and 10 hexadecimal digits, such as d-0123456789");
/// A workflow.
pub(super) const WORKFLOW_ID: Pattern =
    Pattern::new(r"^w-[a-z0-9]{17}$", "the id of a workflow, w- and 17 letters or digits, such as w-0123456789abcdef0");
/// What may be taken over by its id, but for servers. Short, as it counts for each entry of a grant; that an id is of the
/// object's kind, the kind says.
pub(super) const ADOPTABLE_ID: Pattern = Pattern::new(
    r"^(s-[0-9a-f]{17}/)?[a-z]+-[0-9a-z]{17}$",
    "the id of a workflow (w-), a profile (p-), a connector (c-), a certificate (cert-) or a web app (webapp-), such as c-0123456789abcdef0, or \
     server and agreement, such as s-0123456789abcdef0/a-0123456789abcdef0",
);
/// An EFS file system.
pub(super) const FILE_SYSTEM_ID: Pattern =
    Pattern::new(r"^fs-[0-9a-f]{8,40}$", "the id of an EFS file system, such as fs-0123456789abcdef0");
/// A bucket, those with names of before 2018 included.
pub(super) const BUCKET: Pattern = Pattern::new(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$",
    "the name of a bucket alone, without s3:// or a path, such as partner-files; a folder goes into prefix",
);
/// A security policy. The list grows, so it is no enum.
pub(super) const SECURITY_POLICY: Pattern = Pattern::new(
    r"^Transfer[A-Za-z0-9]*SecurityPolicy-[A-Za-z0-9-]+$",
    "the name of a security policy of AWS Transfer, such as TransferSecurityPolicy-2025-03",
);
/// The name of a user. AWS's `\w` is ASCII only.
pub(super) const USER_NAME: Pattern = Pattern::new(
    r"^[A-Za-z0-9_][A-Za-z0-9_@.-]{2,99}$",
    "a user name of 3 to 100 characters: letters without accents, digits and _ . @ - (the last three not first), such as \
     acme.corp",
);
/// The SID of a directory group.
pub(super) const SID: Pattern = Pattern::new(
    r"^S-1-[0-9-]+$",
    "the SID of a group of the directory, not its name, such as S-1-5-21-1111111111-2222222222-3333333333-1234",
);
/// A banner: printable ASCII and white space.
pub(super) const BANNER: Pattern = Pattern::new(
    r"^[\x09-\x0D\x20-\x7E]*$",
    "plain text of ASCII, as AWS takes no accents, typographic quotes or dashes, such as \"Authorised use only\"",
);
/// The description of a host key: printable ASCII.
pub(super) const PRINTABLE: Pattern =
    Pattern::new(r"^[ -~]*$", "one line of ASCII without accents, such as \"rotated in March\"");
/// The address for passive FTP.
pub(super) const PASSIVE_IP: Pattern =
    Pattern::new(r"^(AUTO|[0-9]{1,3}(\.[0-9]{1,3}){3})$", "AUTO or an IPv4 address, such as 203.0.113.10");
/// An IPv4 address.
pub(super) const IPV4: Pattern =
    Pattern::new(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$", "an IPv4 address, such as 203.0.113.10");
/// An absolute path, or empty where AWS takes that for "none".
pub(super) const PATH_OR_EMPTY: Pattern =
    Pattern::new(r"^(/.*)?$", "a path that begins with /, such as /partner-files/acme, or empty for none");
/// A relative path without slashes at its ends.
pub(super) const RELATIVE_PATH: Pattern =
    Pattern::new(r"^[^/](.*[^/])?$", "a path without / at its beginning or end, such as incoming/acme");
/// A host name.
pub(super) const HOSTNAME: Pattern = Pattern::new(
    r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
    "a host name of at least two parts, without sftp:// or a port, such as sftp.example.com",
);
/// A zone of Route 53, in both forms that AWS prints.
pub(super) const HOSTED_ZONE_ID: Pattern = Pattern::new(
    r"^(/hostedzone/)?Z[A-Z0-9]{1,31}$",
    "the id of a Route 53 zone, not its name, such as Z0123456789ABC",
);
/// The address of a service, or empty for AWS's own.
pub(super) const ENDPOINT: Pattern = Pattern::new(
    r"^(https?://[!-~]+)?$",
    "an address that begins with https:// or http://, such as https://sts.eu-central-1.amazonaws.com, or empty for AWS's own",
);
/// External id of a role, as STS takes it.
pub(super) const STS_EXTERNAL_ID: Pattern = Pattern::new(
    r"^[A-Za-z0-9_+=,.@:/-]{2,}$",
    "the external id of the role's trust policy, 2 or more letters, digits and _ + = , . @ : / -, such as transfer-operator",
);
/// A time of day.
pub(super) const TIME_OF_DAY: Pattern =
    Pattern::new(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time from 00:00 to 23:59, in quotes, such as \"02:30\"");
/// Name of a time zone.
pub(super) const TIME_ZONE: Pattern =
    Pattern::new(r"^[A-Za-z0-9_+/-]+$", "the IANA name of a time zone, such as Europe/Berlin");
/// A time with its offset, as RFC 3339 has it; the operator knows how long a month is. No `format`: for CEL it would be a
/// time and no text, and the API server takes more forms than this one.
pub(super) const RFC3339: Pattern = Pattern::new(
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
    "a time with its zone in RFC 3339 form, such as 2027-01-31T00:00:00Z",
);
/// What stays a `pattern` at the 50,000 entries and targets of mappings: that they are one line.
pub(super) const ONE_LINE: &str = r"^.*$";
