//! Rules between fields, in CEL: what AWS would refuse, and what would do something other than the writer meant, is
//! refused at admission with the field's name. They are comfort, not security: the controller checks again.
//! A default is filled in before they run. Every rule here has a manifest in tests/fixtures that breaks it.

use schemars::Schema;
use serde_json::{Value, json};

use super::ManagedKind;

/// A rule and what is said when it is broken.
pub(super) type Rule = (&'static str, &'static str);

/// Adds rules to a schema, after those that flattened parts brought along.
pub(super) fn add(schema: &mut Schema, rules: impl IntoIterator<Item: Into<kube::core::Rule>>) {
    let rules = rules.into_iter().map(|rule| json!(rule.into()));
    let list = schema.ensure_object().entry("x-kubernetes-validations").or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.extend(rules);
    }
}

pub(super) fn attach(schema: &mut Schema, rules: &[Rule]) {
    add(schema, rules.iter().copied());
}

/// Tags: 50 that AWS allows, less four owner tags and two for the host name.
pub(super) fn tags(_: &mut schemars::SchemaGenerator) -> Schema {
    let mut schema = schemars::json_schema!({
        "type": "object",
        "maxProperties": 44,
        "additionalProperties": { "type": "string", "maxLength": 256 },
    });
    attach(&mut schema, TAGS);
    schema
}

const TAGS: &[Rule] = &[
    ("self.all(k, size(k) >= 1 && size(k) <= 128)", "tags: a key has 1 to 128 characters"),
    (
        "self.all(k, !k.lowerAscii().startsWith('aws:') && !k.lowerAscii().startsWith('transfer:') \
         && !k.lowerAscii().startsWith('transfer-operator.dev/'))",
        "tags: keys under aws:, transfer: and transfer-operator.dev/ are reserved",
    ),
];

/// The kinds of a grant, each once: their number and names are those of the list.
pub(super) fn granted_kinds(schema: &mut Schema) {
    let names: Vec<&str> = ManagedKind::ALL.iter().map(|kind| kind.name()).collect();
    schema.insert("maxItems".to_owned(), json!(names.len()));
    schema.insert("description".to_owned(), json!(format!("Kinds that may use the identity: {}.", names.join(", "))));
}

/// Policies of any kind.
pub(super) fn lifecycle(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "has(self.deletionPolicy) || (!has(self.adoption) && self.managementPolicy != 'ObserveOnly')",
            "lifecycle.deletionPolicy must be stated together with adoption or managementPolicy ObserveOnly",
        )],
    );
}

/// Which server is taken over; nothing finds one by itself.
pub(super) fn adoption(schema: &mut Schema) {
    attach(schema, &[("has(self.serverId)", "lifecycle.adoption.serverId is needed")]);
}

/// When a server may be taken offline.
pub(super) fn disruption(schema: &mut Schema) {
    attach(
        schema,
        &[("self.mode != 'Window' || has(self.window)", "lifecycle.disruption.window is needed with mode Window")],
    );
}

/// Namespaces of a server's allowedReferences, and of a grant.
pub(super) fn namespaces(schema: &mut Schema) {
    attach(schema, NAMESPACES);
}

const NAMESPACES: &[Rule] = &[
    ("(self.from == 'Names') == has(self.names)", "namespaces.names goes with from Names, and only with it"),
    (
        "(self.from == 'Selector') == has(self.selector)",
        "namespaces.selector goes with from Selector, and only with it",
    ),
    (
        "!has(self.selector) || (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) \
         || (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",
        "namespaces.selector must not be empty: an empty one would select every namespace; say from All if you mean it",
    ),
];

/// A server and everything in its spec that depends on something else in it.
pub(super) fn server(schema: &mut Schema) {
    attach(schema, NETWORK);
    attach(schema, IDENTITY_PROVIDER);
    attach(schema, PROTOCOLS);
    attach(schema, HOST_KEYS);
}

const NETWORK: &[Rule] = &[
    (
        "!has(self.endpointDetails) || (has(self.endpointType) && self.endpointType != 'PUBLIC')",
        "endpointDetails goes only with endpointType VPC or VPC_ENDPOINT",
    ),
    (
        "!has(self.endpointType) || self.endpointType != 'VPC' \
         || (has(self.endpointDetails) && has(self.endpointDetails.vpcId))",
        "endpointType VPC needs endpointDetails.vpcId",
    ),
    (
        "!has(self.endpointDetails) || !has(self.endpointDetails.vpcEndpointId) \
         || (has(self.endpointType) && self.endpointType == 'VPC_ENDPOINT')",
        "endpointDetails.vpcEndpointId goes only with endpointType VPC_ENDPOINT; with VPC, AWS makes the endpoint",
    ),
    (
        "!has(self.endpointType) || self.endpointType != 'VPC_ENDPOINT' \
         || (has(self.endpointDetails) && has(self.endpointDetails.vpcEndpointId))",
        "endpointType VPC_ENDPOINT needs endpointDetails.vpcEndpointId",
    ),
    (
        "!has(self.endpointType) || self.endpointType != 'VPC_ENDPOINT' || !has(self.endpointDetails) \
         || (!has(self.endpointDetails.vpcId) && !has(self.endpointDetails.subnetIds) \
         && !has(self.endpointDetails.addressAllocationIds) && !has(self.endpointDetails.securityGroupIds))",
        "endpointType VPC_ENDPOINT takes nothing but endpointDetails.vpcEndpointId",
    ),
    (
        "!has(self.ipAddressType) || self.ipAddressType != 'DUALSTACK' || !has(self.endpointDetails) \
         || !has(self.endpointDetails.addressAllocationIds) || size(self.endpointDetails.addressAllocationIds) == 0",
        "ipAddressType DUALSTACK does not go with endpointDetails.addressAllocationIds",
    ),
    (
        "!has(self.ipAddressType) || self.ipAddressType != 'DUALSTACK' || !has(self.endpointType) \
         || self.endpointType != 'VPC_ENDPOINT'",
        "ipAddressType DUALSTACK does not go with endpointType VPC_ENDPOINT",
    ),
    (
        "!has(self.protocols) || !('FTP' in self.protocols) || !has(self.endpointDetails) \
         || !has(self.endpointDetails.addressAllocationIds) || size(self.endpointDetails.addressAllocationIds) == 0",
        "protocols: FTP does not go with endpointDetails.addressAllocationIds",
    ),
];

/// `function` is a reserved word of CEL; between underscores it is the field.
const IDENTITY_PROVIDER: &[Rule] = &[
    (
        "!has(self.identityProviderDetails) \
         || (has(self.identityProviderType) && self.identityProviderType != 'SERVICE_MANAGED')",
        "identityProviderDetails needs an identityProviderType other than SERVICE_MANAGED",
    ),
    (
        "!has(self.identityProviderType) || self.identityProviderType != 'AWS_DIRECTORY_SERVICE' \
         || (has(self.identityProviderDetails) && has(self.identityProviderDetails.directoryId))",
        "identityProviderType AWS_DIRECTORY_SERVICE needs identityProviderDetails.directoryId",
    ),
    (
        "!has(self.identityProviderType) || self.identityProviderType != 'AWS_LAMBDA' \
         || (has(self.identityProviderDetails) && has(self.identityProviderDetails.__function__))",
        "identityProviderType AWS_LAMBDA needs identityProviderDetails.function",
    ),
    (
        "!has(self.identityProviderType) || self.identityProviderType != 'API_GATEWAY' \
         || (has(self.identityProviderDetails) && has(self.identityProviderDetails.url) \
         && has(self.identityProviderDetails.invocationRole))",
        "identityProviderType API_GATEWAY needs identityProviderDetails.url and invocationRole",
    ),
    (
        "!has(self.identityProviderDetails) || !has(self.identityProviderDetails.directoryId) \
         || (has(self.identityProviderType) && self.identityProviderType == 'AWS_DIRECTORY_SERVICE')",
        "identityProviderDetails.directoryId goes only with AWS_DIRECTORY_SERVICE",
    ),
    (
        "!has(self.identityProviderDetails) || !has(self.identityProviderDetails.__function__) \
         || (has(self.identityProviderType) && self.identityProviderType == 'AWS_LAMBDA')",
        "identityProviderDetails.function goes only with AWS_LAMBDA",
    ),
    (
        "!has(self.identityProviderDetails) \
         || (!has(self.identityProviderDetails.url) && !has(self.identityProviderDetails.invocationRole)) \
         || (has(self.identityProviderType) && self.identityProviderType == 'API_GATEWAY')",
        "identityProviderDetails.url and invocationRole go only with API_GATEWAY",
    ),
    (
        "!has(self.identityProviderDetails) || !has(self.identityProviderDetails.sftpAuthenticationMethods) \
         || (has(self.identityProviderType) && self.identityProviderType in ['AWS_LAMBDA', 'API_GATEWAY'])",
        "identityProviderDetails.sftpAuthenticationMethods goes only with AWS_LAMBDA or API_GATEWAY",
    ),
];

const PROTOCOLS: &[Rule] = &[
    (
        "!has(self.protocols) || !('FTP' in self.protocols || 'FTPS' in self.protocols) \
         || (has(self.endpointType) && self.endpointType == 'VPC')",
        "protocols: FTP and FTPS need endpointType VPC",
    ),
    (
        "!has(self.protocols) || !('FTP' in self.protocols || 'FTPS' in self.protocols) \
         || (has(self.identityProviderType) && self.identityProviderType != 'SERVICE_MANAGED')",
        "protocols: FTP and FTPS need an identityProviderType other than SERVICE_MANAGED",
    ),
    (
        "!has(self.protocols) || !('FTPS' in self.protocols) || (has(self.certificate) && self.certificate != '')",
        "protocols: FTPS needs certificate",
    ),
    (
        "!has(self.protocols) || !('AS2' in self.protocols) || (has(self.endpointType) && self.endpointType == 'VPC')",
        "protocols: AS2 needs endpointType VPC",
    ),
    (
        "!has(self.protocols) || !('AS2' in self.protocols) || !has(self.domain) || self.domain == 'S3'",
        "protocols: AS2 needs domain S3",
    ),
    (
        "!has(self.protocols) || !('AS2' in self.protocols) \
         || (has(self.protocolDetails) && has(self.protocolDetails.as2Transports))",
        "protocols: AS2 needs protocolDetails.as2Transports, which is [HTTP]",
    ),
    (
        "!has(self.protocolDetails) || !has(self.protocolDetails.sftpPorts) \
         || size(self.protocolDetails.sftpPorts) == 0 || !has(self.endpointType) || self.endpointType == 'PUBLIC'",
        "protocolDetails.sftpPorts goes only with endpointType PUBLIC",
    ),
    (
        "!has(self.protocolDetails) || !has(self.protocolDetails.sftpPorts) \
         || size(self.protocolDetails.sftpPorts) == 0 || !has(self.protocols) || 'SFTP' in self.protocols",
        "protocolDetails.sftpPorts needs SFTP among protocols",
    ),
    (
        "!has(self.protocolDetails) || !has(self.protocolDetails.sftpPorts) \
         || self.protocolDetails.sftpPorts.all(port, self.protocolDetails.sftpPorts.exists_one(other, \
         other.sftpPort == port.sftpPort))",
        "protocolDetails.sftpPorts must not name a port twice",
    ),
];

const HOST_KEYS: &[Rule] = &[(
    "self.hostKeyPolicy != 'Exclusive' || (has(self.hostKeys) && size(self.hostKeys) > 0)",
    "hostKeyPolicy Exclusive needs at least one entry in hostKeys",
)];

/// Elastic IPs belong to subnets one by one.
pub(super) fn endpoint_details(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "!has(self.addressAllocationIds) || size(self.addressAllocationIds) == 0 \
             || (has(self.subnetIds) && size(self.subnetIds) == size(self.addressAllocationIds))",
            "endpointDetails.addressAllocationIds needs as many entries as subnetIds",
        )],
    );
}

/// Two elastic IPs of one server cannot be the same.
pub(super) const ADDRESSES_UNIQUE: Rule =
    ("self.all(a, self.exists_one(b, a == b))", "endpointDetails.addressAllocationIds: the same entry twice");

/// Nor two subnets.
pub(super) const SUBNETS_UNIQUE: Rule =
    ("self.all(a, self.exists_one(b, a == b))", "endpointDetails.subnetIds: the same entry twice");

/// The gap that AWS leaves between 22 and 2000.
pub(super) const SFTP_PORT: Rule = ("self == 22 || self >= 2000", "sftpPort is 22, or 2000 to 65535");

/// Policies for connectors have the same shape of name.
pub(super) const SERVER_SECURITY_POLICY: Rule = (
    "!self.startsWith('TransferSFTPConnector')",
    "securityPolicyName: a policy for connectors cannot be used by a server",
);

/// People paste the ARN of the log group without its end.
pub(super) const LOG_DESTINATION: Rule =
    ("self.all(d, d.endsWith(':*'))", "structuredLogDestinations: the ARN of a log group must end in :*");

/// AWS refuses a host key that it has already.
pub(super) const HOST_KEYS_UNIQUE: Rule = (
    "self.all(a, self.exists_one(b, a.secretKeyRef.name == b.secretKeyRef.name \
     && a.secretKeyRef.key == b.secretKeyRef.key))",
    "hostKeys: two entries name the same key of the same Secret",
);

/// A host key's KMS key encrypts its secret in Secrets Manager; without one there is nothing to encrypt.
pub(super) fn host_key(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "!has(self.kmsKey) || (has(self.storageType) && self.storageType == 'SECRETS_MANAGER')",
            "hostKeys: kmsKey goes only with storageType SECRETS_MANAGER",
        )],
    );
}

/// How users and accesses name their server.
pub(super) fn server_reference(schema: &mut Schema) {
    attach(schema, SERVER_REFERENCE);
}

const SERVER_REFERENCE: &[Rule] = &[
    ("has(self.serverRef) != has(self.serverId)", "exactly one of serverRef and serverId is needed"),
    (
        "!has(self.serverId) || (has(self.awsIdentityRef) && has(self.region))",
        "serverId needs awsIdentityRef and region",
    ),
    (
        "!has(self.serverRef) || (!has(self.awsIdentityRef) && !has(self.region))",
        "awsIdentityRef and region go only with serverId; with serverRef they are the server's",
    ),
];

/// What a login may do.
pub(super) fn login(schema: &mut Schema) {
    attach(schema, LOGIN);
}

const LOGIN: &[Rule] = &[
    // What is no JSON object at all; the rest shows when it is compacted. Not at the text, which would be printed.
    (
        "!has(self.policy) || self.policy == '' || (self.policy.trim().startsWith('{') && self.policy.trim().endsWith('}'))",
        "policy must be a JSON object, as text",
    ),
    ("!has(self.policy) || !has(self.policyFrom)", "policy and policyFrom exclude each other"),
    (
        "!has(self.home) || (!has(self.homeDirectory) && !has(self.homeDirectoryType) \
         && !has(self.homeDirectoryMappings))",
        "home is the short form of homeDirectory, homeDirectoryType and homeDirectoryMappings: use one or the other",
    ),
    (
        "!has(self.homeDirectoryMappings) || (has(self.homeDirectoryType) && self.homeDirectoryType == 'LOGICAL')",
        "homeDirectoryMappings needs homeDirectoryType LOGICAL",
    ),
    (
        "!has(self.homeDirectoryType) || self.homeDirectoryType != 'LOGICAL' || has(self.homeDirectoryMappings)",
        "homeDirectoryType LOGICAL needs homeDirectoryMappings",
    ),
    (
        "!has(self.home) || !has(self.home.efs) || has(self.posixProfile)",
        "home.efs needs posixProfile: without it every login fails",
    ),
    (
        "!has(self.home) || !has(self.home.efs) \
         || ((!has(self.policy) || self.policy == '') && !has(self.policyFrom))",
        "home.efs does not go with policy or policyFrom: session policies are for S3 only",
    ),
];

/// The short form leads to one place.
pub(super) fn home(schema: &mut Schema) {
    attach(schema, &[("has(self.s3) != has(self.efs)", "home needs exactly one of s3 and efs")]);
}

/// Both become one target.
pub(super) fn s3_home(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "!has(self.prefix) || size(self.bucket) + size(self.prefix) <= 1022",
            "home.s3: bucket and prefix together have at most 1022 characters",
        )],
    );
}

/// Everything else would lie below it.
pub(super) const ROOT_ENTRY_ALONE: Rule =
    ("size(self) == 1 || !self.exists(m, m.entry == '/')", "homeDirectoryMappings: an entry / must be the only one");

/// Of 50,000 entries: a regular expression would cost more than the API server lets a rule.
pub(super) const MAPPING_ENTRIES: Rule = (
    "self.all(m, m.entry.startsWith('/'))",
    "homeDirectoryMappings: each entry must be a path that begins with /, such as /reports",
);

/// The same for where they lead.
pub(super) const MAPPING_TARGETS: Rule = (
    "self.all(m, m.target.startsWith('/') && !m.target.endsWith('/'))",
    "homeDirectoryMappings: each target must begin with / and not end with one, such as /partner-files/acme",
);

/// The beginning only: the whole shape of 65,536 roles costs more than the API server lets a rule.
pub(super) const GRANTED_ROLES: Rule = (
    "self.all(r, r.startsWith('arn:aws'))",
    "roleArns: each entry must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/sftp-*",
);

/// What `pattern::LABEL_CHARACTERS` leaves open.
pub(super) const GRANTED_NAMESPACES: Rule = (
    "self.all(n, !n.startsWith('-') && !n.endsWith('-'))",
    "names: the name of a namespace does not begin or end with -",
);

/// Where credentials come from.
pub(super) fn credentials(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "(self.source == 'AssumeRole') == has(self.assumeRole)",
            "credentials.assumeRole goes with source AssumeRole, and only with it",
        )],
    );
}

/// An identity.
pub(super) fn identity(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "!has(self.credentials.assumeRole) \
             || self.credentials.assumeRole.roleArn.contains(':iam::' + self.accountId + ':role/')",
            "credentials.assumeRole.roleArn must be a role of accountId",
        )],
    );
}

/// The account is pinned in every object that uses the identity.
pub(super) const ACCOUNT_IMMUTABLE: Rule =
    ("self == oldSelf", "accountId cannot be changed; make a new AwsIdentity for another account");

/// It is the key of the access in AWS.
pub(super) const EXTERNAL_ID_IMMUTABLE: Rule =
    ("self == oldSelf", "externalId cannot be changed; make a new TransferAccess for another group");

/// The first term keeps a false value in status from blocking every later write, even the removal of the finalizer;
/// the last lets somebody return to where the server is.
pub(super) const REGION_IMMUTABLE: Rule = (
    "self.spec.region == oldSelf.spec.region || !has(oldSelf.status) || !has(oldSelf.status.region) \
     || self.spec.region == oldSelf.status.region",
    "spec.region cannot be changed: the server lives there; make a new TransferServer for another region",
);

/// Compared by effective value, or removing and then adding it would walk around the rule. While adopting, a domain
/// that was not stated may be stated: only then is it unknown here what AWS has.
pub(super) const DOMAIN_IMMUTABLE: Rule = (
    "(has(self.spec.domain) ? self.spec.domain : 'S3') == (has(oldSelf.spec.domain) ? oldSelf.spec.domain : 'S3') \
     || !has(oldSelf.status) || !has(oldSelf.status.serverId) \
     || (has(self.spec.lifecycle.adoption) && !has(oldSelf.spec.domain))",
    "spec.domain cannot be changed: AWS has no way to; make a new TransferServer",
);

/// Compared by effective value, as the name of the object stands in for an absent one.
pub(super) const USER_NAME_IMMUTABLE: Rule = (
    "(has(self.spec.userName) ? self.spec.userName : self.metadata.name) \
     == (has(oldSelf.spec.userName) ? oldSelf.spec.userName : oldSelf.metadata.name)",
    "spec.userName cannot be changed; make a new TransferUser for another name",
);

/// Names of objects are made of characters that AWS allows too; only the length differs. It stands at the root, as the name
/// does, and there the API server judges every write anew, that of a status or a finalizer too: what is stored without a
/// user name is let be.
pub(super) fn name_serves_as_user_name() -> kube::core::Rule {
    kube::core::Rule::new(
        "has(self.spec.userName) || (size(self.metadata.name) >= 3 && size(self.metadata.name) <= 100) \
         || (oldSelf.hasValue() && !has(oldSelf.value().spec.userName))",
    )
    .message(
        "spec.userName is needed: metadata.name is not 3 to 100 characters long and cannot serve as the user's name",
    )
    .optional_old_self(true)
}
