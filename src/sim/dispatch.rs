//! From an operation's name to the function that carries it out. Its input was validated before.
//! Each half names what the other one carries out: a wildcard would let an operation be forgotten.

use serde_json::Value;

use super::error::{Answer, ApiError};
use super::operation::Operation;
use super::state::{Context, Region};
use super::{
    accesses, agreements, as2_profiles, certificates, connectors, customizations, host_keys, identity, roles,
    security_policies, servers, ssh_keys, tags, update, users, validate, web_apps, workflows,
};

/// Carries out one operation in one region of one account.
///
/// # Errors
/// AWS's refusals, in AWS's order: shape, existence, meaning.
pub fn call(operation: Operation, region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    validate::check(operation, &input)?;
    region.purge(context.now);
    roles::check(region, context, &input)?;
    match operation {
        Operation::CreateServer => servers::create(region, context, input),
        Operation::UpdateServer => update::update(region, context, input),
        Operation::DescribeServer => servers::describe(region, context, input),
        Operation::DeleteServer => servers::delete(region, context, input),
        Operation::StartServer => servers::start(region, context, input),
        Operation::StopServer => servers::stop(region, context, input),
        Operation::ListServers => servers::list(region, context, input),
        Operation::CreateUser => users::create(region, context, input),
        Operation::UpdateUser => users::update(region, context, input),
        Operation::DescribeUser => users::describe(region, context, input),
        Operation::DeleteUser => users::delete(region, context, input),
        Operation::ListUsers => users::list(region, context, input),
        Operation::ImportSshPublicKey => ssh_keys::import(region, context, input),
        Operation::DeleteSshPublicKey => ssh_keys::delete(region, context, input),
        Operation::CreateAccess => accesses::create(region, context, input),
        Operation::UpdateAccess => accesses::update(region, context, input),
        Operation::DescribeAccess => accesses::describe(region, context, input),
        Operation::DeleteAccess => accesses::delete(region, context, input),
        Operation::ListAccesses => accesses::list(region, context, input),
        Operation::ImportHostKey => host_keys::import(region, context, input),
        Operation::UpdateHostKey => host_keys::update(region, context, input),
        Operation::DescribeHostKey => host_keys::describe(region, context, input),
        Operation::DeleteHostKey => host_keys::delete(region, context, input),
        Operation::ListHostKeys => host_keys::list(region, context, input),
        Operation::CreateWorkflow => workflows::create(region, context, input),
        Operation::DescribeWorkflow => workflows::describe(region, context, input),
        Operation::DeleteWorkflow => workflows::delete(region, context, input),
        Operation::ListWorkflows => workflows::list(region, context, input),
        Operation::TagResource => tags::tag(region, context, input),
        Operation::UntagResource => tags::untag(region, context, input),
        Operation::ListTagsForResource => tags::list(region, context, input),
        Operation::DescribeSecurityPolicy => security_policies::describe(input),
        Operation::ListSecurityPolicies => security_policies::list(context, input),
        Operation::TestIdentityProvider => identity::test(region, context, input),
        #[rustfmt::skip]
        Operation::CreateProfile | Operation::UpdateProfile | Operation::DescribeProfile | Operation::DeleteProfile
        | Operation::ListProfiles | Operation::CreateConnector | Operation::UpdateConnector
        | Operation::DescribeConnector | Operation::DeleteConnector | Operation::ListConnectors
        | Operation::TestConnection | Operation::CreateAgreement | Operation::UpdateAgreement
        | Operation::DescribeAgreement | Operation::DeleteAgreement | Operation::ListAgreements
        | Operation::ImportCertificate | Operation::UpdateCertificate | Operation::DescribeCertificate
        | Operation::DeleteCertificate | Operation::ListCertificates | Operation::CreateWebApp
        | Operation::UpdateWebApp | Operation::DescribeWebApp | Operation::DeleteWebApp | Operation::ListWebApps
        | Operation::UpdateWebAppCustomization | Operation::DescribeWebAppCustomization
        | Operation::DeleteWebAppCustomization =>
            call_of_partners(operation, region, context, input),
    }
}

/// The rest: what belongs to no server, or to both sides of an exchange.
fn call_of_partners(
    operation: Operation,
    region: &mut Region,
    context: &mut Context<'_>,
    input: Value,
) -> Answer<Value> {
    match operation {
        Operation::CreateProfile => as2_profiles::create(region, context, input),
        Operation::UpdateProfile => as2_profiles::update(region, context, input),
        Operation::DescribeProfile => as2_profiles::describe(region, context, input),
        Operation::DeleteProfile => as2_profiles::delete(region, context, input),
        Operation::ListProfiles => as2_profiles::list(region, context, input),
        Operation::CreateConnector => connectors::create(region, context, input),
        Operation::UpdateConnector => connectors::update(region, context, input),
        Operation::DescribeConnector => connectors::describe(region, context, input),
        Operation::DeleteConnector => connectors::delete(region, context, input),
        Operation::ListConnectors => connectors::list(region, context, input),
        Operation::TestConnection => connectors::test(region, context, input),
        Operation::CreateAgreement => agreements::create(region, context, input),
        Operation::UpdateAgreement => agreements::update(region, context, input),
        Operation::DescribeAgreement => agreements::describe(region, context, input),
        Operation::DeleteAgreement => agreements::delete(region, context, input),
        Operation::ListAgreements => agreements::list(region, context, input),
        Operation::ImportCertificate => certificates::import(region, context, input),
        Operation::UpdateCertificate => certificates::update(region, context, input),
        Operation::DescribeCertificate => certificates::describe(region, context, input),
        Operation::DeleteCertificate => certificates::delete(region, context, input),
        Operation::ListCertificates => certificates::list(region, context, input),
        Operation::CreateWebApp => web_apps::create(region, context, input),
        Operation::UpdateWebApp => web_apps::update(region, context, input),
        Operation::DescribeWebApp => web_apps::describe(region, context, input),
        Operation::DeleteWebApp => web_apps::delete(region, context, input),
        Operation::ListWebApps => web_apps::list(region, context, input),
        Operation::UpdateWebAppCustomization => customizations::update(region, context, input),
        Operation::DescribeWebAppCustomization => customizations::describe(region, context, input),
        Operation::DeleteWebAppCustomization => customizations::delete(region, context, input),
        #[rustfmt::skip]
        Operation::CreateServer | Operation::UpdateServer | Operation::DescribeServer | Operation::DeleteServer
        | Operation::StartServer | Operation::StopServer | Operation::ListServers | Operation::CreateUser
        | Operation::UpdateUser | Operation::DescribeUser | Operation::DeleteUser | Operation::ListUsers
        | Operation::ImportSshPublicKey | Operation::DeleteSshPublicKey | Operation::CreateAccess
        | Operation::UpdateAccess | Operation::DescribeAccess | Operation::DeleteAccess | Operation::ListAccesses
        | Operation::ImportHostKey | Operation::UpdateHostKey | Operation::DescribeHostKey | Operation::DeleteHostKey
        | Operation::ListHostKeys | Operation::CreateWorkflow | Operation::DescribeWorkflow
        | Operation::DeleteWorkflow | Operation::ListWorkflows | Operation::TagResource | Operation::UntagResource
        | Operation::ListTagsForResource | Operation::DescribeSecurityPolicy | Operation::ListSecurityPolicies
        | Operation::TestIdentityProvider =>
            Err(ApiError::new("UnknownOperationException", operation.name())),
    }
}
