//! The operator's own calls on the simulator, straight into `Service::direct`: what the SDK and its adapter do in the
//! real program, without bytes, so that thousands of runs take minutes: the SDK takes some fifty times as long for a
//! call. It loses and delays nothing; whoever needs that puts a decorator around it. `sdk` of the convergence tests
//! holds it against the SDK and the adapter, call by call.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

pub use super::door_answers::answer;
pub use super::door_json::pascal;
use super::door_json::{maybe, put, with, with_tags};
use super::error::ApiError;
use super::operation::Asked;
use super::service::{Direct, Service};
use super::web_apps_door;
use crate::aws::error::kind_of;
use crate::aws::transfer::{
    ConnectorSettings, CreateAgreement, CreateServer, CreateUser, DeleteAccess, DeleteCertificate, DeleteConnector,
    DeleteProfile, DeleteServer, DeleteSshPublicKey, DeleteUser, DeleteWebApp, DeleteWebAppCustomization,
    DeleteWorkflow, DescribeAccess, DescribeAgreement, DescribeCertificate, DescribeConnector, DescribeHostKey,
    DescribeProfile, DescribeSecurityPolicy, DescribeServer, DescribeUser, DescribeWebApp, DescribeWebAppCustomization,
    DescribeWorkflow, ImportCertificate, ImportHostKey, ImportSshPublicKey, ListAccesses, ListAgreements,
    ListCertificates, ListConnectors, ListHostKeys, ListProfiles, ListSecurityPolicies, ListServers, ListUsers,
    ListWebApps, ListWorkflows, StartServer, StopServer, TagResource, TestConnection, TestIdentityProvider,
    UntagResource, UpdateAccess, UpdateAgreement, UpdateCertificate, UpdateConnector, UpdateHostKey, UpdateProfile,
    UpdateServer, UpdateUser, agreement_key,
};
use crate::aws::{Answer, AwsError, CreateOutput, Mutation, Read, Reply};

/// Who calls, and when.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The account.
    pub account: &'a str,
    /// The region that is asked.
    pub region: &'a str,
    /// Who calls, for the log.
    pub principal: &'a str,
    /// The time under which the call is signed.
    pub signed_at: Timestamp,
    /// The machine's clock.
    pub machine: Timestamp,
}

/// Sends a read.
///
/// # Errors
/// What the simulator refuses.
pub fn read(service: &mut Service, caller: Caller<'_>, call: &Read) -> Result<Reply<Answer>, AwsError> {
    let operation = call.operation();
    let output = send(service, caller, operation, Ok(input(call)))?;
    let value = answer(call, &output).map_err(|error| misshapen(operation, &error))?;
    Ok(Reply { value, date: Some(service.clock(caller.machine)) })
}

/// Sends a mutation.
///
/// # Errors
/// What the simulator refuses.
pub fn mutate(service: &mut Service, caller: Caller<'_>, call: &Mutation) -> Result<Reply<CreateOutput>, AwsError> {
    let operation = call.operation();
    let input = mutation(call);
    let server_id = input.as_ref().map(|input| input["ServerId"].clone()).unwrap_or_default();
    let output = send(service, caller, operation, input)?;
    Ok(Reply { value: made(operation, &server_id, &output), date: Some(service.clock(caller.machine)) })
}

fn send(
    service: &mut Service,
    caller: Caller<'_>,
    operation: &'static str,
    input: serde_json::Result<Value>,
) -> Result<Value, AwsError> {
    let Caller { account, region, principal, signed_at, machine } = caller;
    let now = service.clock(machine);
    let unknown = || fault(operation, ApiError::new("UnknownOperationException", operation), now);
    let direct = Direct {
        operation: Asked::named(operation).ok_or_else(unknown)?,
        account: account.to_owned(),
        region: region.to_owned(),
        principal: principal.to_owned(),
        signed_at,
        input: input.map_err(|error| misshapen(operation, &error))?,
    };
    service.direct(direct, machine).map_err(|error| fault(operation, error, now))
}

/// What the simulator and the operator say does not fit together.
fn misshapen(operation: &'static str, error: &serde_json::Error) -> AwsError {
    let text = format!("the door to the simulator cannot say it: {error}");
    AwsError { date: None, ..fault(operation, ApiError::new("SerializationException", text), Timestamp::UNIX_EPOCH) }
}

/// The input of a read.
#[must_use]
pub fn input(call: &Read) -> Value {
    let page = |token: &Option<String>, mut input: Value| {
        put(&mut input, "NextToken", token.as_ref());
        input
    };
    match call {
        Read::ListServers(ListServers { token })
        | Read::ListWorkflows(ListWorkflows { token })
        | Read::ListProfiles(ListProfiles { token })
        | Read::ListConnectors(ListConnectors { token })
        | Read::ListCertificates(ListCertificates { token })
        | Read::ListWebApps(ListWebApps { token })
        | Read::ListSecurityPolicies(ListSecurityPolicies { token }) => page(token, json!({})),
        Read::DescribeWorkflow(DescribeWorkflow { workflow_id }) => json!({"WorkflowId": workflow_id}),
        Read::DescribeCertificate(DescribeCertificate { certificate_id }) => one_certificate(certificate_id),
        Read::DescribeProfile(DescribeProfile { profile_id }) => json!({"ProfileId": profile_id}),
        Read::DescribeConnector(DescribeConnector { connector_id })
        | Read::TestConnection(TestConnection { connector_id }) => json!({"ConnectorId": connector_id}),
        Read::DescribeWebApp(DescribeWebApp { web_app_id })
        | Read::DescribeWebAppCustomization(DescribeWebAppCustomization { web_app_id }) => {
            json!({"WebAppId": web_app_id})
        }
        Read::DescribeServer(DescribeServer { server_id }) => json!({"ServerId": server_id}),
        Read::ListUsers(ListUsers { server_id, token })
        | Read::ListAccesses(ListAccesses { server_id, token })
        | Read::ListAgreements(ListAgreements { server_id, token })
        | Read::ListHostKeys(ListHostKeys { server_id, token }) => page(token, json!({"ServerId": server_id})),
        Read::DescribeAgreement(DescribeAgreement { server_id, agreement_id }) => {
            one_agreement(server_id, agreement_id)
        }
        Read::DescribeUser(DescribeUser { server_id, user_name }) => one_user(server_id, user_name),
        Read::DescribeAccess(DescribeAccess { server_id, external_id }) => one_access(server_id, external_id),
        Read::DescribeHostKey(DescribeHostKey { server_id, host_key_id }) => one_host_key(server_id, host_key_id),
        Read::DescribeVpcEndpoints(call) => json!(call.form()),
        Read::DescribeNetworkInterfaces(call) => json!(call.form()),
        Read::DescribeAddresses(call) => json!(call.form()),
        Read::TestIdentityProvider(call) => login_test(call),
        Read::DescribeSecurityPolicy(DescribeSecurityPolicy { name }) => json!({"SecurityPolicyName": name}),
    }
}

fn login_test(call: &TestIdentityProvider) -> Value {
    let TestIdentityProvider { server_id, server_protocol, source_ip, user_name, user_password } = call;
    let mut input = json!({"ServerId": server_id, "UserName": user_name});
    let password = user_password.as_ref().map(|password| password.expose_secret().to_owned());
    let rest = [("ServerProtocol", server_protocol), ("SourceIp", source_ip), ("UserPassword", &password)];
    for (name, value) in rest {
        put(&mut input, name, value.as_ref());
    }
    input
}

/// The input of a mutation.
///
/// # Errors
/// Settings that are no JSON.
pub fn mutation(call: &Mutation) -> serde_json::Result<Value> {
    Ok(match call {
        Mutation::CreateServer(create) => new_server(create)?,
        Mutation::UpdateServer(UpdateServer { server_id, settings }) => {
            with(pascal(settings)?, &[("ServerId", server_id)])
        }
        Mutation::StartServer(StartServer { server_id })
        | Mutation::StopServer(StopServer { server_id })
        | Mutation::DeleteServer(DeleteServer { server_id }) => json!({"ServerId": server_id}),
        Mutation::CreateUser(create) => new_user(create)?,
        Mutation::UpdateUser(UpdateUser { server_id, user_name, settings }) => {
            with(pascal(settings)?, &[("ServerId", server_id), ("UserName", user_name)])
        }
        Mutation::DeleteUser(DeleteUser { server_id, user_name }) => one_user(server_id, user_name),
        Mutation::ImportSshPublicKey(ImportSshPublicKey { server_id, user_name, body }) => {
            json!({"ServerId": server_id, "UserName": user_name, "SshPublicKeyBody": body})
        }
        Mutation::DeleteSshPublicKey(DeleteSshPublicKey { server_id, user_name, key_id }) => {
            json!({"ServerId": server_id, "UserName": user_name, "SshPublicKeyId": key_id})
        }
        Mutation::CreateAccess(create) => {
            let ids = [("ServerId", &create.server_id), ("ExternalId", &create.external_id)];
            with(pascal(&create.settings)?, &ids)
        }
        Mutation::UpdateAccess(UpdateAccess { server_id, external_id, settings }) => {
            with(pascal(settings)?, &[("ServerId", server_id), ("ExternalId", external_id)])
        }
        Mutation::DeleteAccess(DeleteAccess { server_id, external_id }) => one_access(server_id, external_id),
        Mutation::ImportHostKey(import) => new_host_key(import),
        Mutation::UpdateHostKey(update) => changed_host_key(update),
        Mutation::DeleteHostKey(gone) => one_host_key(&gone.server_id, &gone.host_key_id),
        Mutation::CreateWorkflow(create) => with_tags(pascal(&create.settings)?, &create.tags),
        Mutation::DeleteWorkflow(DeleteWorkflow { workflow_id }) => json!({"WorkflowId": workflow_id}),
        Mutation::CreateProfile(create) => with_tags(pascal(&create.settings)?, &create.tags),
        Mutation::UpdateProfile(UpdateProfile { profile_id, certificate_ids }) => {
            json!({"ProfileId": profile_id, "CertificateIds": certificate_ids})
        }
        Mutation::DeleteProfile(DeleteProfile { profile_id }) => json!({"ProfileId": profile_id}),
        Mutation::CreateConnector(create) => with_tags(connector_settings(&create.settings)?, &create.tags),
        Mutation::UpdateConnector(UpdateConnector { connector_id, settings }) => {
            with(connector_settings(settings)?, &[("ConnectorId", connector_id)])
        }
        Mutation::DeleteConnector(DeleteConnector { connector_id }) => json!({"ConnectorId": connector_id}),
        Mutation::CreateAgreement(create) => new_agreement(create)?,
        Mutation::UpdateAgreement(update) => changed_agreement(update)?,
        Mutation::DeleteAgreement(gone) => one_agreement(&gone.server_id, &gone.agreement_id),
        Mutation::ImportCertificate(import) => new_certificate(import),
        Mutation::UpdateCertificate(update) => changed_certificate(update),
        Mutation::DeleteCertificate(DeleteCertificate { certificate_id }) => one_certificate(certificate_id),
        Mutation::CreateWebApp(create) => web_apps_door::new(create)?,
        Mutation::UpdateWebApp(update) => web_apps_door::changed(update)?,
        Mutation::UpdateWebAppCustomization(update) => web_apps_door::customized(update),
        Mutation::DeleteWebApp(DeleteWebApp { web_app_id })
        | Mutation::DeleteWebAppCustomization(DeleteWebAppCustomization { web_app_id }) => one_web_app(web_app_id),
        Mutation::TagResource(TagResource { arn, tags }) => with_tags(json!({"Arn": arn}), tags),
        Mutation::UntagResource(UntagResource { arn, keys }) => json!({"Arn": arn, "TagKeys": keys}),
        Mutation::ModifyVpcEndpoint(modify) => json!(modify.form()),
    })
}

fn new_server(create: &CreateServer) -> serde_json::Result<Value> {
    let CreateServer { domain, host_key, host_key_storage_type, settings, tags } = create;
    let mut input = pascal(settings)?;
    put(&mut input, "Domain", domain.as_ref());
    put(&mut input, "HostKey", host_key.as_ref().map(|key| key.expose_secret().to_owned()));
    put(&mut input, "HostKeyStorageType", host_key_storage_type.as_ref());
    Ok(with_tags(input, tags))
}

fn new_user(create: &CreateUser) -> serde_json::Result<Value> {
    let CreateUser { server_id, user_name, settings, ssh_public_key_body, tags } = create;
    let mut input = with(pascal(settings)?, &[("ServerId", server_id), ("UserName", user_name)]);
    put(&mut input, "SshPublicKeyBody", ssh_public_key_body.as_ref());
    Ok(with_tags(input, tags))
}

fn new_host_key(import: &ImportHostKey) -> Value {
    let ImportHostKey { server_id, body, description, storage_type, kms_key, tags } = import;
    let input = json!({"ServerId": server_id, "HostKeyBody": body.expose_secret()});
    with_tags(about_key(input, description.as_ref(), storage_type.as_ref(), kms_key.as_ref()), tags)
}

/// The SDK always says how many connections there may be.
fn connector_settings(settings: &ConnectorSettings) -> serde_json::Result<Value> {
    let mut settings = settings.clone();
    if let Some(config) = &mut settings.sftp_config {
        config.max_concurrent_connections.get_or_insert(1);
    }
    pascal(&settings)
}

fn one_web_app(web_app_id: &str) -> Value {
    json!({"WebAppId": web_app_id})
}

fn one_user(server_id: &str, user_name: &str) -> Value {
    json!({"ServerId": server_id, "UserName": user_name})
}

fn one_access(server_id: &str, external_id: &str) -> Value {
    json!({"ServerId": server_id, "ExternalId": external_id})
}

fn one_agreement(server_id: &str, agreement_id: &str) -> Value {
    json!({"ServerId": server_id, "AgreementId": agreement_id})
}

fn new_agreement(create: &CreateAgreement) -> serde_json::Result<Value> {
    let CreateAgreement { server_id, settings, tags } = create;
    Ok(with_tags(with(pascal(settings)?, &[("ServerId", server_id)]), tags))
}

fn changed_agreement(update: &UpdateAgreement) -> serde_json::Result<Value> {
    let UpdateAgreement { server_id, agreement_id, settings } = update;
    Ok(with(pascal(settings)?, &[("ServerId", server_id), ("AgreementId", agreement_id)]))
}

fn one_host_key(server_id: &str, host_key_id: &str) -> Value {
    json!({"ServerId": server_id, "HostKeyId": host_key_id})
}

fn changed_host_key(update: &UpdateHostKey) -> Value {
    let UpdateHostKey { server_id, host_key_id, description, storage_type, kms_key } = update;
    let input = one_host_key(server_id, host_key_id);
    about_key(input, description.as_ref(), storage_type.as_ref(), kms_key.as_ref())
}

fn one_certificate(certificate_id: &str) -> Value {
    json!({"CertificateId": certificate_id})
}

fn changed_certificate(update: &UpdateCertificate) -> Value {
    let UpdateCertificate { certificate_id, active_date, inactive_date, description } = update;
    dated(one_certificate(certificate_id), *active_date, *inactive_date, description.as_ref())
}

fn new_certificate(import: &ImportCertificate) -> Value {
    let ImportCertificate {
        usage,
        certificate,
        certificate_chain,
        private_key,
        active_date,
        inactive_date,
        description,
        tags,
    } = import;
    let mut input = json!({"Usage": usage, "Certificate": certificate});
    put(&mut input, "CertificateChain", certificate_chain.as_ref());
    put(&mut input, "PrivateKey", private_key.as_ref().map(|key| key.expose_secret().to_owned()));
    with_tags(dated(input, *active_date, *inactive_date, description.as_ref()), tags)
}

fn dated(
    mut input: Value,
    active: Option<Timestamp>,
    inactive: Option<Timestamp>,
    description: Option<&String>,
) -> Value {
    put(&mut input, "ActiveDate", active.map(Timestamp::as_second));
    put(&mut input, "InactiveDate", inactive.map(Timestamp::as_second));
    put(&mut input, "Description", description);
    input
}

fn about_key(
    mut input: Value,
    description: Option<&String>,
    storage_type: Option<&String>,
    kms_key: Option<&String>,
) -> Value {
    put(&mut input, "Description", description);
    put(&mut input, "StorageType", storage_type);
    put(&mut input, "KmsKey", kms_key);
    input
}

/// What a mutation that names this server, or none, answers: the id that AWS chose, where it chose one.
#[must_use]
pub fn made(operation: &str, server_id: &Value, output: &Value) -> CreateOutput {
    let id = match operation {
        "CreateAgreement" => {
            let id = server_id.as_str().zip(output["AgreementId"].as_str());
            return CreateOutput { id: id.map(|(server, agreement)| agreement_key(server, agreement)) };
        }
        "CreateServer" => "ServerId",
        "CreateWorkflow" => "WorkflowId",
        "CreateProfile" => "ProfileId",
        "CreateConnector" => "ConnectorId",
        "ImportCertificate" => "CertificateId",
        "CreateWebApp" => "WebAppId",
        "ImportHostKey" => "HostKeyId",
        "ImportSshPublicKey" => "SshPublicKeyId",
        _ => return CreateOutput::default(),
    };
    CreateOutput { id: maybe(&output[id]) }
}

/// A refusal of AWS as our fault.
#[must_use]
pub fn fault(operation: &'static str, error: ApiError, now: Timestamp) -> AwsError {
    let ApiError { code, message, resource, retry_after } = error;
    let message = message.unwrap_or_default();
    let fault = AwsError {
        operation,
        kind: kind_of(&code, &message),
        code,
        message,
        resource_type: resource.map(|(_, kind)| kind),
        retry_after: retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs),
        date: Some(now),
    };
    fault.of_what_is_named()
}
