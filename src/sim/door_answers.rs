//! AWS's answers in the operator's own types, for the door that takes no bytes: what the simulator told, as the SDK and
//! its adapter would have read it. It asks nothing.

use aws_smithy_types::DateTime;
use jiff::Timestamp;
use serde_json::Value;

use super::door_json::{camel, maybe, tags, text};
use super::{ec2_door, web_apps_door};
use crate::aws::transfer::{
    Access, Agreement, AgreementSettings, Certificate, ConnectionAnswer, Connector, ConnectorSettings, HostKey,
    IdentityProviderAnswer, ListedAccess, ListedAgreement, ListedCertificate, ListedConnector, ListedProfile,
    ListedServer, ListedUser, ListedWorkflow, LoginSettings, Profile, ProfileSettings, SecurityPolicy, Server,
    ServerSettings, SshPublicKey, User, Workflow, WorkflowSettings,
};
use crate::aws::{Answer, Page, Read};

/// The answer to a read.
///
/// # Errors
/// An answer that is not of our shape.
pub fn answer(call: &Read, output: &Value) -> serde_json::Result<Answer> {
    Ok(match call {
        Read::ListServers(_) => Answer::Servers(page(output, "Servers", |row| ListedServer {
            server_id: text(&row["ServerId"]),
            identity_provider_type: maybe(&row["IdentityProviderType"]),
            domain: maybe(&row["Domain"]),
            state: maybe(&row["State"]),
            endpoint_type: maybe(&row["EndpointType"]),
            logging_role: maybe(&row["LoggingRole"]),
        })),
        Read::DescribeServer(_) => Answer::Server(Box::new(server(&output["Server"])?)),
        Read::ListUsers(_) => Answer::Users(page(output, "Users", listed_user)),
        Read::DescribeUser(_) => Answer::User(Box::new(user(&output["User"])?)),
        Read::ListAccesses(_) => Answer::Accesses(page(output, "Accesses", |row| ListedAccess {
            external_id: text(&row["ExternalId"]),
            role: maybe(&row["Role"]),
            home_directory: maybe(&row["HomeDirectory"]),
            home_directory_type: maybe(&row["HomeDirectoryType"]),
        })),
        Read::DescribeAccess(_) => {
            let access = &output["Access"];
            let (external_id, settings) = (text(&access["ExternalId"]), camel::<LoginSettings>(access)?);
            Answer::Access(Box::new(Access { external_id, settings }))
        }
        Read::ListHostKeys(_) => Answer::HostKeys(page(output, "HostKeys", host_key)),
        Read::DescribeHostKey(_) => Answer::HostKey(Box::new(host_key(&output["HostKey"]))),
        Read::ListWorkflows(_) => {
            Answer::Workflows(page(output, "Workflows", |row| ListedWorkflow { workflow_id: text(&row["WorkflowId"]) }))
        }
        Read::DescribeWorkflow(_) => Answer::Workflow(Box::new(workflow(&output["Workflow"])?)),
        Read::ListProfiles(_) => {
            Answer::Profiles(page(output, "Profiles", |row| ListedProfile { profile_id: text(&row["ProfileId"]) }))
        }
        Read::DescribeProfile(_) => Answer::Profile(Box::new(profile(&output["Profile"])?)),
        Read::ListWebApps(_) => Answer::WebApps(page(output, "WebApps", web_apps_door::listed)),
        Read::DescribeWebApp(_) => Answer::WebApp(Box::new(web_apps_door::described(&output["WebApp"])?)),
        Read::DescribeWebAppCustomization(_) => {
            Answer::WebAppCustomization(Box::new(web_apps_door::look(&output["WebAppCustomization"])))
        }
        Read::ListAgreements(_) => Answer::Agreements(page(output, "Agreements", listed_agreement)),
        Read::DescribeAgreement(_) => Answer::Agreement(Box::new(agreement(&output["Agreement"])?)),
        Read::ListCertificates(_) => Answer::Certificates(page(output, "Certificates", listed_certificate)),
        Read::DescribeCertificate(_) => Answer::Certificate(Box::new(certificate(&output["Certificate"]))),
        Read::ListConnectors(_) => Answer::Connectors(page(output, "Connectors", listed_connector)),
        Read::DescribeConnector(_) => Answer::Connector(Box::new(connector(&output["Connector"])?)),
        Read::TestConnection(_) => Answer::Connection(connection(output)),
        Read::ListSecurityPolicies(_) => Answer::SecurityPolicyNames(page(output, "SecurityPolicyNames", text)),
        Read::DescribeVpcEndpoints(_) => Answer::VpcEndpoints(ec2_door::vpc_endpoints(output)),
        Read::DescribeNetworkInterfaces(_) => Answer::NetworkInterfaces(ec2_door::network_interfaces(output)),
        Read::DescribeAddresses(_) => Answer::ElasticAddresses(ec2_door::elastic_addresses(output)),
        Read::TestIdentityProvider(_) => Answer::IdentityProvider(IdentityProviderAnswer {
            response: maybe(&output["Response"]),
            status_code: number(&output["StatusCode"]).unwrap_or_default(),
            message: maybe(&output["Message"]),
            url: text(&output["Url"]),
        }),
        Read::DescribeSecurityPolicy(_) => Answer::SecurityPolicy(Box::new(security_policy(&output["SecurityPolicy"]))),
    })
}

fn server(value: &Value) -> serde_json::Result<Server> {
    Ok(Server {
        arn: text(&value["Arn"]),
        server_id: text(&value["ServerId"]),
        domain: maybe(&value["Domain"]),
        state: maybe(&value["State"]),
        host_key_fingerprint: maybe(&value["HostKeyFingerprint"]),
        user_count: number(&value["UserCount"]),
        as2_service_managed_egress_ip_addresses: texts(&value["As2ServiceManagedEgressIpAddresses"]),
        settings: camel::<ServerSettings>(value)?,
        tags: tags(&value["Tags"]),
    })
}

fn security_policy(value: &Value) -> SecurityPolicy {
    SecurityPolicy {
        name: text(&value["SecurityPolicyName"]),
        fips: value["Fips"].as_bool(),
        protocols: texts(&value["Protocols"]),
        ssh_ciphers: texts(&value["SshCiphers"]),
        ssh_kexs: texts(&value["SshKexs"]),
        ssh_macs: texts(&value["SshMacs"]),
        tls_ciphers: texts(&value["TlsCiphers"]),
        ssh_host_key_algorithms: texts(&value["SshHostKeyAlgorithms"]),
    }
}

fn workflow(value: &Value) -> serde_json::Result<Workflow> {
    Ok(Workflow {
        arn: text(&value["Arn"]),
        workflow_id: text(&value["WorkflowId"]),
        settings: camel::<WorkflowSettings>(value)?,
        tags: tags(&value["Tags"]),
    })
}

fn profile(value: &Value) -> serde_json::Result<Profile> {
    Ok(Profile {
        arn: text(&value["Arn"]),
        profile_id: text(&value["ProfileId"]),
        settings: camel::<ProfileSettings>(value)?,
        tags: tags(&value["Tags"]),
    })
}

fn certificate(value: &Value) -> Certificate {
    Certificate {
        arn: text(&value["Arn"]),
        certificate_id: text(&value["CertificateId"]),
        usage: text(&value["Usage"]),
        status: maybe(&value["Status"]),
        certificate: text(&value["Certificate"]),
        certificate_chain: maybe(&value["CertificateChain"]),
        active_date: time(&value["ActiveDate"]),
        inactive_date: time(&value["InactiveDate"]),
        serial: maybe(&value["Serial"]),
        not_before_date: time(&value["NotBeforeDate"]),
        not_after_date: time(&value["NotAfterDate"]),
        certificate_type: maybe(&value["Type"]),
        description: maybe(&value["Description"]),
        tags: tags(&value["Tags"]),
    }
}

fn listed_certificate(row: &Value) -> ListedCertificate {
    ListedCertificate { certificate_id: text(&row["CertificateId"]) }
}

fn listed_connector(row: &Value) -> ListedConnector {
    ListedConnector { connector_id: text(&row["ConnectorId"]) }
}

fn listed_agreement(row: &Value) -> ListedAgreement {
    ListedAgreement { agreement_id: text(&row["AgreementId"]) }
}

fn agreement(value: &Value) -> serde_json::Result<Agreement> {
    Ok(Agreement {
        arn: text(&value["Arn"]),
        server_id: text(&value["ServerId"]),
        agreement_id: text(&value["AgreementId"]),
        settings: camel::<AgreementSettings>(value)?,
        tags: tags(&value["Tags"]),
    })
}

fn connector(value: &Value) -> serde_json::Result<Connector> {
    Ok(Connector {
        arn: text(&value["Arn"]),
        connector_id: text(&value["ConnectorId"]),
        settings: camel::<ConnectorSettings>(value)?,
        status: text(&value["Status"]),
        error_message: maybe(&value["ErrorMessage"]),
        service_managed_egress_ip_addresses: texts(&value["ServiceManagedEgressIpAddresses"]),
        tags: tags(&value["Tags"]),
    })
}

fn connection(output: &Value) -> ConnectionAnswer {
    let (status, status_message) = (maybe(&output["Status"]), maybe(&output["StatusMessage"]));
    let details = &output["SftpConnectionDetails"];
    ConnectionAnswer { status, status_message, host_key: maybe(&details["HostKey"]) }
}

fn user(value: &Value) -> serde_json::Result<User> {
    let keys = value["SshPublicKeys"].as_array().into_iter().flatten();
    Ok(User {
        arn: text(&value["Arn"]),
        user_name: text(&value["UserName"]),
        settings: camel::<LoginSettings>(value)?,
        ssh_public_keys: keys
            .map(|key| SshPublicKey {
                id: text(&key["SshPublicKeyId"]),
                body: text(&key["SshPublicKeyBody"]),
                date_imported: time(&key["DateImported"]),
            })
            .collect(),
        tags: tags(&value["Tags"]),
    })
}

fn host_key(value: &Value) -> HostKey {
    HostKey {
        arn: text(&value["Arn"]),
        id: text(&value["HostKeyId"]),
        fingerprint: maybe(&value["Fingerprint"]).or_else(|| maybe(&value["HostKeyFingerprint"])),
        description: maybe(&value["Description"]),
        key_type: maybe(&value["Type"]),
        date_imported: time(&value["DateImported"]),
        storage_type: maybe(&value["StorageType"]),
        secret_id: maybe(&value["SecretId"]),
        tags: tags(&value["Tags"]),
    }
}

fn listed_user(row: &Value) -> ListedUser {
    ListedUser {
        user_name: text(&row["UserName"]),
        role: maybe(&row["Role"]),
        home_directory: maybe(&row["HomeDirectory"]),
        home_directory_type: maybe(&row["HomeDirectoryType"]),
        ssh_public_key_count: row["SshPublicKeyCount"].as_u64().and_then(|keys| keys.try_into().ok()).unwrap_or(0),
    }
}

fn page<T>(output: &Value, member: &str, row: impl Fn(&Value) -> T) -> Page<T> {
    let items = output[member].as_array().into_iter().flatten().map(row).collect();
    Page { items, next_token: maybe(&output["NextToken"]) }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(maybe).collect()
}

/// As exact as the SDK reads it.
fn time(value: &Value) -> Option<Timestamp> {
    let time = DateTime::from_secs_f64(value.as_f64()?);
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn number(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|number| i32::try_from(number).ok())
}
