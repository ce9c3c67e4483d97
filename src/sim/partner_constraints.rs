//! What the API model says of requests about connectors, profiles, certificates, agreements and web apps. A table and
//! nothing else, as `constraints`, of which it is the second part.

use super::common_shapes::{
    HOME_DIRECTORY, IP_ADDRESS_TYPE, LIST, LIST_OF_SERVER, MAX_RESULTS, NEXT_TOKEN, PLAIN, ROLE, SECURITY_GROUP,
    SERVER_ID, TAGS,
};
use super::operation::Operation;
use super::shape::{Member, Shape, UNLIMITED, list, matching, may, must, one_of, secret_matching, text};

const CERTIFICATE_ID: Shape = matching(22, 22, r"cert-([0-9a-f]{17})");
const PEM: &str = r"[\t\n\r\u0020-\u00FF]+";
const BODY: Shape = secret_matching(1, 16_384, PEM);
/// No blanks, unlike the descriptions of host keys and workflows.
const DESCRIPTION: Shape = matching(1, 200, r"[\u0021-\u007E]+");

const IMPORT_CERTIFICATE: &[Member] = &[
    must("Usage", &one_of(&["SIGNING", "ENCRYPTION", "TLS"])),
    must("Certificate", &BODY),
    may("CertificateChain", &secret_matching(1, 2_097_152, PEM)),
    may("PrivateKey", &BODY),
    may("ActiveDate", &Shape::Time),
    may("InactiveDate", &Shape::Time),
    may("Description", &DESCRIPTION),
    may("Tags", &TAGS),
];
const UPDATE_CERTIFICATE: &[Member] = &[
    must("CertificateId", &CERTIFICATE_ID),
    may("ActiveDate", &Shape::Time),
    may("InactiveDate", &Shape::Time),
    may("Description", &DESCRIPTION),
];
const ONE_CERTIFICATE: &[Member] = &[must("CertificateId", &CERTIFICATE_ID)];

const PROFILE_ID: Shape = matching(19, 19, r"p-([0-9a-f]{17})");
const PROFILE_TYPE: Shape = one_of(&["LOCAL", "PARTNER"]);
const CERTIFICATE_IDS: Shape = list(&CERTIFICATE_ID, 0, UNLIMITED);
const CREATE_PROFILE: &[Member] = &[
    must("As2Id", &matching(1, 128, r"[\u0020-\u007E\s]*")),
    must("ProfileType", &PROFILE_TYPE),
    may("CertificateIds", &CERTIFICATE_IDS),
    may("Tags", &TAGS),
];
const UPDATE_PROFILE: &[Member] = &[must("ProfileId", &PROFILE_ID), may("CertificateIds", &CERTIFICATE_IDS)];
const ONE_PROFILE: &[Member] = &[must("ProfileId", &PROFILE_ID)];
const LIST_PROFILES: &[Member] =
    &[may("MaxResults", &MAX_RESULTS), may("NextToken", &NEXT_TOKEN), may("ProfileType", &PROFILE_TYPE)];

const AGREEMENT_ID: Shape = matching(19, 19, r"a-([0-9a-f]{17})");
const ON_OFF: Shape = one_of(&["ENABLED", "DISABLED"]);
const AGREEMENT_STATUS: Shape = one_of(&["ACTIVE", "INACTIVE"]);
const CUSTOM_DIRECTORIES: Shape = Shape::Struct(&[
    must("FailedFilesDirectory", &HOME_DIRECTORY),
    must("MdnFilesDirectory", &HOME_DIRECTORY),
    must("PayloadFilesDirectory", &HOME_DIRECTORY),
    must("StatusFilesDirectory", &HOME_DIRECTORY),
    must("TemporaryFilesDirectory", &HOME_DIRECTORY),
]);
const CREATE_AGREEMENT: &[Member] = &[
    may("Description", &DESCRIPTION),
    must("ServerId", &SERVER_ID),
    must("LocalProfileId", &PROFILE_ID),
    must("PartnerProfileId", &PROFILE_ID),
    may("BaseDirectory", &HOME_DIRECTORY),
    must("AccessRole", &ROLE),
    may("Status", &AGREEMENT_STATUS),
    may("Tags", &TAGS),
    may("PreserveFilename", &ON_OFF),
    may("EnforceMessageSigning", &ON_OFF),
    may("CustomDirectories", &CUSTOM_DIRECTORIES),
];
const UPDATE_AGREEMENT: &[Member] = &[
    must("AgreementId", &AGREEMENT_ID),
    must("ServerId", &SERVER_ID),
    may("Description", &DESCRIPTION),
    may("Status", &AGREEMENT_STATUS),
    may("LocalProfileId", &PROFILE_ID),
    may("PartnerProfileId", &PROFILE_ID),
    may("BaseDirectory", &HOME_DIRECTORY),
    may("AccessRole", &ROLE),
    may("PreserveFilename", &ON_OFF),
    may("EnforceMessageSigning", &ON_OFF),
    may("CustomDirectories", &CUSTOM_DIRECTORIES),
];
const ONE_AGREEMENT: &[Member] = &[must("AgreementId", &AGREEMENT_ID), must("ServerId", &SERVER_ID)];

const CONNECTOR_ID: Shape = matching(19, 19, r"c-([0-9a-f]{17})");
const URL: Shape = text(0, 255);
const CONNECTOR_POLICY: Shape = matching(0, 100, r"TransferSFTPConnectorSecurityPolicy-[A-Za-z0-9-]+");
const ASYNC_MDN: Shape = Shape::Struct(&[may("Url", &URL), may("ServerIds", &list(&SERVER_ID, 1, 10))]);
const AS2_CONFIG: Shape = Shape::Struct(&[
    may("LocalProfileId", &PROFILE_ID),
    may("PartnerProfileId", &PROFILE_ID),
    may("MessageSubject", &secret_matching(1, 1024, r"[\u0020-\u007E\t]+")),
    may("Compression", &one_of(&["ZLIB", "DISABLED"])),
    may("EncryptionAlgorithm", &one_of(&["AES128_CBC", "AES192_CBC", "AES256_CBC", "DES_EDE3_CBC", "NONE"])),
    may("SigningAlgorithm", &one_of(&["SHA256", "SHA384", "SHA512", "SHA1", "NONE"])),
    may("MdnSigningAlgorithm", &one_of(&["SHA256", "SHA384", "SHA512", "SHA1", "NONE", "DEFAULT"])),
    may("MdnResponse", &one_of(&["SYNC", "NONE", "ASYNC"])),
    may("BasicAuthSecretId", &text(0, 2048)),
    may("PreserveContentType", &ON_OFF),
    may("AsyncMdnConfig", &ASYNC_MDN),
]);
const SFTP_CONFIG: Shape = Shape::Struct(&[
    may("UserSecretId", &text(1, 2048)),
    may("TrustedHostKeys", &list(&text(1, 2048), 0, 10)),
    may("MaxConcurrentConnections", &Shape::Number { min: 1, max: i64::MAX }),
    may("OrderedUserSecretVersionStages", &list(&text(1, 256), 1, 2)),
]);
const LATTICE_ARN: Shape =
    matching(1, 2048, r"arn:[a-z0-9\-]+:vpc-lattice:[a-zA-Z0-9\-]+:\d{12}:resourceconfiguration/rcfg-[0-9a-z]{17}");
const PORT: Shape = Shape::Number { min: 1, max: 65535 };
const EGRESS: Shape = Shape::Struct(&[may(
    "VpcLattice",
    &Shape::Struct(&[must("ResourceConfigurationArn", &LATTICE_ARN), may("PortNumber", &PORT)]),
)]);
const UPDATE_EGRESS: Shape = Shape::Struct(&[may(
    "VpcLattice",
    &Shape::Struct(&[may("ResourceConfigurationArn", &LATTICE_ARN), may("PortNumber", &PORT)]),
)]);
const CREATE_CONNECTOR: &[Member] = &[
    may("Url", &URL),
    may("As2Config", &AS2_CONFIG),
    must("AccessRole", &ROLE),
    may("LoggingRole", &ROLE),
    may("Tags", &TAGS),
    may("SftpConfig", &SFTP_CONFIG),
    may("SecurityPolicyName", &CONNECTOR_POLICY),
    may("EgressConfig", &EGRESS),
    may("IpAddressType", &IP_ADDRESS_TYPE),
];
const UPDATE_CONNECTOR: &[Member] = &[
    must("ConnectorId", &CONNECTOR_ID),
    may("Url", &URL),
    may("As2Config", &AS2_CONFIG),
    may("AccessRole", &ROLE),
    may("LoggingRole", &ROLE),
    may("SftpConfig", &SFTP_CONFIG),
    may("SecurityPolicyName", &CONNECTOR_POLICY),
    may("EgressConfig", &UPDATE_EGRESS),
    may("IpAddressType", &IP_ADDRESS_TYPE),
];
const ONE_CONNECTOR: &[Member] = &[must("ConnectorId", &CONNECTOR_ID)];

const WEB_APP_ID: Shape = matching(24, 24, r"webapp-[0-9a-f]{17}");
const INSTANCE_ARN: Shape = matching(10, 1224, r"arn:[\w-]+:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}");
const CENTER: Shape = Shape::Struct(&[may("InstanceArn", &INSTANCE_ARN), may("Role", &ROLE)]);
const UPDATE_CENTER: Shape = Shape::Struct(&[may("Role", &ROLE)]);
const ACCESS_ENDPOINT: Shape = text(1, 1024);
const UNITS: Shape = Shape::Struct(&[may("Provisioned", &Shape::Number { min: 1, max: i64::MAX })]);
const SUBNETS: Shape = list(&PLAIN, 0, UNLIMITED);
const WEB_APP_VPC: Shape = Shape::Struct(&[
    may("SubnetIds", &SUBNETS),
    may("VpcId", &PLAIN),
    may("SecurityGroupIds", &list(&SECURITY_GROUP, 0, UNLIMITED)),
    may("IpAddressType", &IP_ADDRESS_TYPE),
]);
const UPDATE_WEB_APP_VPC: Shape = Shape::Struct(&[may("SubnetIds", &SUBNETS), may("IpAddressType", &IP_ADDRESS_TYPE)]);
const CREATE_WEB_APP: &[Member] = &[
    must("IdentityProviderDetails", &Shape::Struct(&[may("IdentityCenterConfig", &CENTER)])),
    may("AccessEndpoint", &ACCESS_ENDPOINT),
    may("WebAppUnits", &UNITS),
    may("Tags", &TAGS),
    may("WebAppEndpointPolicy", &one_of(&["FIPS", "STANDARD"])),
    may("EndpointDetails", &Shape::Struct(&[may("Vpc", &WEB_APP_VPC)])),
];
const UPDATE_WEB_APP: &[Member] = &[
    must("WebAppId", &WEB_APP_ID),
    may("IdentityProviderDetails", &Shape::Struct(&[may("IdentityCenterConfig", &UPDATE_CENTER)])),
    may("AccessEndpoint", &ACCESS_ENDPOINT),
    may("WebAppUnits", &UNITS),
    may("EndpointDetails", &Shape::Struct(&[may("Vpc", &UPDATE_WEB_APP_VPC)])),
];
const UPDATE_CUSTOMIZATION: &[Member] = &[
    must("WebAppId", &WEB_APP_ID),
    may("Title", &text(0, 100)),
    may("LogoFile", &Shape::Bytes { min: 1, max: 51_200 }),
    may("FaviconFile", &Shape::Bytes { min: 1, max: 20_960 }),
];
const ONE_WEB_APP: &[Member] = &[must("WebAppId", &WEB_APP_ID)];

/// The members of a request about these, in the order of the model; none for any other operation.
#[must_use]
pub const fn members(operation: Operation) -> &'static [Member] {
    match operation {
        Operation::ImportCertificate => IMPORT_CERTIFICATE,
        Operation::UpdateCertificate => UPDATE_CERTIFICATE,
        Operation::DescribeCertificate | Operation::DeleteCertificate => ONE_CERTIFICATE,
        Operation::ListCertificates | Operation::ListConnectors | Operation::ListWebApps => LIST,
        Operation::CreateProfile => CREATE_PROFILE,
        Operation::UpdateProfile => UPDATE_PROFILE,
        Operation::DescribeProfile | Operation::DeleteProfile => ONE_PROFILE,
        Operation::ListProfiles => LIST_PROFILES,
        Operation::CreateAgreement => CREATE_AGREEMENT,
        Operation::UpdateAgreement => UPDATE_AGREEMENT,
        Operation::DescribeAgreement | Operation::DeleteAgreement => ONE_AGREEMENT,
        Operation::ListAgreements => LIST_OF_SERVER,
        Operation::CreateConnector => CREATE_CONNECTOR,
        Operation::UpdateConnector => UPDATE_CONNECTOR,
        Operation::DescribeConnector | Operation::DeleteConnector | Operation::TestConnection => ONE_CONNECTOR,
        Operation::CreateWebApp => CREATE_WEB_APP,
        Operation::UpdateWebApp => UPDATE_WEB_APP,
        Operation::UpdateWebAppCustomization => UPDATE_CUSTOMIZATION,
        Operation::DescribeWebApp
        | Operation::DeleteWebApp
        | Operation::DescribeWebAppCustomization
        | Operation::DeleteWebAppCustomization => ONE_WEB_APP,
        _ => &[],
    }
}
