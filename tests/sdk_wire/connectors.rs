//! What calls about connectors send, and what is read of AWS's answers.

use transfer_operator::aws::transfer::{
    As2Config, AsyncMdnConfig, ConnectorSettings, CreateConnector, DeleteConnector, DescribeConnector, EgressConfig,
    ListConnectors, SftpConnectorConfig, TestConnection, UpdateConnector, VpcLattice,
};

use super::*;

/// Every member set, also those that exclude each other.
fn settings() -> ConnectorSettings {
    ConnectorSettings {
        url: some("sftp://a"),
        egress_config: Some(EgressConfig {
            vpc_lattice: Some(VpcLattice { resource_configuration_arn: some("arn:rcfg"), port_number: Some(2222) }),
        }),
        access_role: some("arn:access"),
        logging_role: some("arn:log"),
        security_policy_name: some("Policy-1"),
        ip_address_type: some("DUALSTACK"),
        sftp_config: Some(SftpConnectorConfig {
            user_secret_id: some("arn:secret"),
            trusted_host_keys: Some(vec!["ssh-rsa A".to_owned()]),
            max_concurrent_connections: Some(5),
            ordered_user_secret_version_stages: Some(vec!["AWSCURRENT".to_owned()]),
        }),
        as2_config: Some(As2Config {
            local_profile_id: some("p-1"),
            partner_profile_id: some("p-2"),
            message_subject: some("subject"),
            compression: some("ZLIB"),
            encryption_algorithm: some("FUTURE"),
            signing_algorithm: some("SHA256"),
            mdn_signing_algorithm: some("DEFAULT"),
            mdn_response: some("ASYNC"),
            basic_auth_secret_id: some(""),
            preserve_content_type: some("ENABLED"),
            async_mdn_config: Some(AsyncMdnConfig { url: some("http://a"), server_ids: Some(vec![s()]) }),
        }),
    }
}

fn settings_json() -> Value {
    json!({
        "Url": "sftp://a",
        "EgressConfig": {"VpcLattice": {"ResourceConfigurationArn": "arn:rcfg", "PortNumber": 2222}},
        "AccessRole": "arn:access",
        "LoggingRole": "arn:log",
        "SecurityPolicyName": "Policy-1",
        "IpAddressType": "DUALSTACK",
        "SftpConfig": {
            "UserSecretId": "arn:secret", "TrustedHostKeys": ["ssh-rsa A"], "MaxConcurrentConnections": 5,
            "OrderedUserSecretVersionStages": ["AWSCURRENT"],
        },
        "As2Config": {
            "LocalProfileId": "p-1", "PartnerProfileId": "p-2", "MessageSubject": "subject", "Compression": "ZLIB",
            "EncryptionAlgorithm": "FUTURE", "SigningAlgorithm": "SHA256", "MdnSigningAlgorithm": "DEFAULT",
            "MdnResponse": "ASYNC", "BasicAuthSecretId": "", "PreserveContentType": "ENABLED",
            "AsyncMdnConfig": {"Url": "http://a", "ServerIds": ["s-1"]},
        },
    })
}

fn id() -> String {
    "c-1".to_owned()
}

/// As `mutations::mutations` has those of others.
pub fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_it = || json!({"ConnectorId": "c-1"});
    let update = UpdateConnector { connector_id: id(), settings: Box::new(settings()) };
    vec![
        (
            Mutation::CreateConnector(Box::new(CreateConnector { settings: settings(), tags: tags() })),
            with(settings_json(), json!({"Tags": tags_json()})),
            on_it(),
            Some("c-1"),
        ),
        (Mutation::UpdateConnector(update), with(settings_json(), on_it()), on_it(), None),
        (Mutation::DeleteConnector(DeleteConnector { connector_id: id() }), on_it(), json!({}), None),
    ]
}

/// As `reads::reads` has those of others.
pub fn reads() -> Vec<(Read, Value, Value, Vec<&'static str>)> {
    let shown = json!({"Arn": "arn:c", "ConnectorId": "c-1", "Status": "PENDING", "EgressType": "VPC_LATTICE"});
    vec![
        (
            Read::ListConnectors(ListConnectors { token: some("t") }),
            json!({"MaxResults": 1000, "NextToken": "t"}),
            json!({"NextToken": "n", "Connectors": [{"Arn": "arn:c", "ConnectorId": "c-1", "Url": "sftp://a"}]}),
            vec!["c-1", "next_token: Some(\"n\")"],
        ),
        (
            Read::DescribeConnector(DescribeConnector { connector_id: id() }),
            json!({"ConnectorId": "c-1"}),
            json!({"Connector": with(settings_json(), shown)}),
            vec!["arn:c", "PENDING", "arn:rcfg"],
        ),
        (
            Read::TestConnection(TestConnection { connector_id: id() }),
            json!({"ConnectorId": "c-1"}),
            json!({"ConnectorId": "c-1", "Status": "ERROR", "StatusMessage": "no", "SftpConnectionDetails": {"HostKey": "k"}}),
            vec!["ERROR", "no", "host_key: Some(\"k\")"],
        ),
    ]
}

#[tokio::test]
async fn a_described_connector_arrives_whole_and_unknown_values_survive() {
    let wire = Wire::start();
    let more = json!({"Arn": "arn:c", "ConnectorId": "c-1", "Status": "PAUSED", "EgressType": "MOON", "ErrorMessage": "no",
        "ServiceManagedEgressIpAddresses": ["192.0.2.7"], "Tags": tags_json(), "New": 1});
    let described = with(settings_json(), more);
    let read = Read::DescribeConnector(DescribeConnector { connector_id: id() });
    wire.reply(ok(json!({"Connector": described})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Connector(connector) = answer.value else { panic!("{answer:?}") };
    assert_eq!((connector.settings, connector.tags), (settings(), tags()));
    assert_eq!((connector.status.as_str(), connector.error_message), ("PAUSED", some("no")));
    assert_eq!(connector.service_managed_egress_ip_addresses, ["192.0.2.7"]);
    let way = json!({"Url": null, "EgressConfig": {"Hyperspace": {}}});
    wire.reply(ok(json!({"Connector": with(described, way)})));
    let answer = door(&wire.url).read(None, read).await.unwrap();
    let Answer::Connector(connector) = answer.value else { panic!("{answer:?}") };
    assert_eq!(connector.settings.egress_config, None, "a way that this SDK does not know");
}
