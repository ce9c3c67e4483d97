//! Patterns of the schemas: AWS's own where it has any, anchored, in explicit ASCII classes, because the API server's
//! regular expressions are RE2 and know no Unicode flags. Patterns only; the rules between fields are in `rules`.

/// A Kubernetes object name.
pub(super) const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A namespace, or the name of a list entry.
pub(super) const LABEL: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A key in the data of a ConfigMap or Secret.
pub(super) const DATA_KEY: &str = r"^[-._a-zA-Z0-9]+$";
/// A region, of any partition.
pub(super) const REGION: &str = r"^[a-z]{2,8}(-[a-z]+)+-[0-9]+$";
/// An account.
pub(super) const ACCOUNT_ID: &str = r"^[0-9]{12}$";
/// A role as it can be granted. AWS's shape is wider, but such a role could never be passed.
pub(super) const ROLE_ARN: &str = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role(/[A-Za-z0-9_+=,.@-]+)+$";
/// The same, or empty where AWS takes that for "none".
pub(super) const ROLE_ARN_OR_EMPTY: &str = r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role(/[A-Za-z0-9_+=,.@-]+)+)?$";
/// Roles in a grant: `*` within a segment, `{namespace}` as a whole one.
pub(super) const GRANTED_ROLE_ARN: &str =
    r"^arn:aws[a-z-]*:iam::[0-9]{12}:role(/([A-Za-z0-9_+=,.@*-]+|\{namespace\}))+$";
/// Any ARN.
pub(super) const ARN: &str = r"^arn:[!-~]+$";
/// A certificate of ACM, or empty.
pub(super) const CERTIFICATE: &str = r"^(arn:aws[a-z-]*:acm:[!-~]+)?$";
/// A log group.
pub(super) const LOG_GROUP_ARN: &str = r"^arn:aws[a-z-]*:logs:[!-~]+$";
/// A Lambda function.
pub(super) const FUNCTION: &str = r"^arn:[a-z-]+:lambda:[!-~]+$";
/// A server.
pub(super) const SERVER_ID: &str = r"^s-[0-9a-f]{17}$";
/// An elastic IP.
pub(super) const ALLOCATION_ID: &str = r"^eipalloc-[0-9a-f]{8,17}$";
/// A subnet.
pub(super) const SUBNET_ID: &str = r"^subnet-[0-9a-f]{8,17}$";
/// A security group.
pub(super) const SECURITY_GROUP_ID: &str = r"^sg-[0-9a-f]{8,17}$";
/// A VPC.
pub(super) const VPC_ID: &str = r"^vpc-[0-9a-f]{8,17}$";
/// A VPC endpoint.
pub(super) const VPC_ENDPOINT_ID: &str = r"^vpce-[0-9a-f]{17}$";
/// A directory.
pub(super) const DIRECTORY_ID: &str = r"^d-[0-9a-f]{10}$";
/// A workflow.
pub(super) const WORKFLOW_ID: &str = r"^w-[a-z0-9]{17}$";
/// An EFS file system.
pub(super) const FILE_SYSTEM_ID: &str = r"^fs-[0-9a-f]{8,40}$";
/// A bucket, those with names of before 2018 included.
pub(super) const BUCKET: &str = r"^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$";
/// A security policy. The list grows, so it is no enum.
pub(super) const SECURITY_POLICY: &str = r"^Transfer[A-Za-z0-9]*SecurityPolicy-[A-Za-z0-9-]+$";
/// The name of a user. AWS's `\w` is ASCII only.
pub(super) const USER_NAME: &str = r"^[A-Za-z0-9_][A-Za-z0-9_@.-]{2,99}$";
/// The SID of a directory group.
pub(super) const SID: &str = r"^S-1-[0-9-]+$";
/// A banner: printable ASCII and white space.
pub(super) const BANNER: &str = r"^[\x09-\x0D\x20-\x7E]*$";
/// The description of a host key: printable ASCII.
pub(super) const PRINTABLE: &str = r"^[ -~]*$";
/// The address for passive FTP.
pub(super) const PASSIVE_IP: &str = r"^(AUTO|[0-9]{1,3}(\.[0-9]{1,3}){3})$";
/// An absolute path, or empty where AWS takes that for "none".
pub(super) const PATH_OR_EMPTY: &str = r"^(/.*)?$";
/// An absolute path.
pub(super) const PATH: &str = r"^/.*$";
/// An absolute path without a slash at its end.
pub(super) const TARGET: &str = r"^/.*[^/]$";
/// A relative path without slashes at its ends.
pub(super) const RELATIVE_PATH: &str = r"^[^/](.*[^/])?$";
/// A host name.
pub(super) const HOSTNAME: &str =
    r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
/// A zone of Route 53, in both forms that AWS prints.
pub(super) const HOSTED_ZONE_ID: &str = r"^(/hostedzone/)?Z[A-Z0-9]{1,31}$";
/// The address of a service, or empty for AWS's own.
pub(super) const ENDPOINT: &str = r"^(https?://[!-~]+)?$";
/// External id of a role, as STS takes it.
pub(super) const STS_EXTERNAL_ID: &str = r"^[A-Za-z0-9_+=,.@:/-]+$";
/// A time of day.
pub(super) const TIME_OF_DAY: &str = r"^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// Name of a time zone.
pub(super) const TIME_ZONE: &str = r"^[A-Za-z0-9_+/-]+$";
/// A time with its offset, as RFC 3339 has it.
pub(super) const RFC3339: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$";
