//! What AWS has, as manifests that take it over and change nothing. Reads only.

mod document;
mod grants;
mod manifests;
mod names;
mod servers;
mod sourced;
mod standalone;

use futures::{StreamExt, TryStreamExt, stream};

pub use document::Target;
pub use manifests::render;

use crate::aws::ec2::DescribeVpcEndpoints;
use crate::aws::transfer::{
    Access, Agreement, Certificate, Connector, DescribeAccess, DescribeAgreement, DescribeCertificate,
    DescribeConnector, DescribeProfile, DescribeServer, DescribeUser, DescribeWebApp, DescribeWorkflow, HostKey,
    ListAccesses, ListAgreements, ListCertificates, ListConnectors, ListHostKeys, ListProfiles, ListServers, ListUsers,
    ListWebApps, ListWorkflows, Profile, Server, User, WebApp, WebAppCustomization, Workflow, agreement_of,
    customization_of,
};
use crate::aws::{Account, AwsError, AwsErrorKind, ReadCall};

/// How many answers are waited for at once; the rate is the limiter's.
const AT_ONCE: usize = 8;

/// All that was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Servers.
    pub servers: Vec<FoundServer>,
    /// Workflows.
    pub workflows: Vec<Workflow>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// AS2 profiles.
    pub profiles: Vec<Profile>,
    /// Connectors.
    pub connectors: Vec<Connector>,
    /// AS2 agreements, those of the servers among them.
    pub agreements: Vec<Agreement>,
    /// Web apps.
    pub web_apps: Vec<FoundWebApp>,
    /// What could not be listed, and why.
    pub left_out: Vec<String>,
}

/// The ids of everything that is exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct All {
    /// They; agreements come with their servers.
    pub ids: Vec<String>,
    /// What may not be listed, and why.
    pub left_out: Vec<String>,
}

/// A web app and how it looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundWebApp {
    /// The web app.
    pub web_app: WebApp,
    /// Its title and images.
    pub look: WebAppCustomization,
    /// What EC2 says of its endpoint, where it is in a VPC.
    pub security_groups: SecurityGroups,
}

/// A server and what is on it, agreements aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundServer {
    /// The server.
    pub server: Server,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
    /// What EC2 says of the endpoint that AWS made for it, where it has one.
    pub security_groups: SecurityGroups,
    /// Its users, where it keeps them itself.
    pub users: Vec<User>,
    /// Its accesses, where a directory knows its users.
    pub accesses: Vec<Access>,
}

/// The security groups of an endpoint, which only EC2 tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecurityGroups {
    /// AWS made no endpoint.
    #[default]
    None,
    /// Their ids.
    Are(Vec<String>),
    /// Why EC2 does not tell.
    Hidden(String),
}

impl SecurityGroups {
    /// Their ids, where they are known.
    fn ids(&self) -> Option<Vec<String>> {
        match self {
            Self::Are(ids) => Some(ids.clone()),
            Self::None | Self::Hidden(_) => None,
        }
    }

    /// What is to be said of those that are not.
    fn note(&self) -> Option<String> {
        match self {
            Self::Hidden(why) => Some(format!("security groups are left out and stay as they are: {why}")),
            Self::None | Self::Are(_) => None,
        }
    }
}

/// Told how far it is: of what (of a server by its id), what was read of it, and of how many.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// Whether it is an id of something that can be exported.
///
/// # Errors
/// Which ids can be.
pub fn id(text: &str) -> Result<String, String> {
    let known = ["s-", "w-", "p-", "c-", "cert-", "webapp-"].iter().any(|begin| text.starts_with(begin));
    let known = known && (!text.contains('/') || agreement_of(text).is_some_and(|(_, id)| id.starts_with("a-")));
    known.then(|| text.to_owned()).ok_or_else(|| {
        "it is no id of a server (s-...), workflow (w-...), certificate (cert-...), profile (p-...), connector (c-...), \
         agreement (s-.../a-...) or web app (webapp-...)"
            .to_owned()
    })
}

/// The ids of everything that is exported. What the credentials may not list is left out, servers aside.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn all(account: &Account) -> Result<All, AwsError> {
    let servers = account.list(ListServers { token: None }).await?;
    let mut all = All { ids: servers.into_iter().map(|row| row.server_id).collect(), ..All::default() };
    all.add("workflows", account.list(ListWorkflows { token: None }).await, |row| row.workflow_id)?;
    all.add("certificates", account.list(ListCertificates { token: None }).await, |row| row.certificate_id)?;
    all.add("profiles", account.list(ListProfiles { token: None }).await, |row| row.profile_id)?;
    all.add("connectors", account.list(ListConnectors { token: None }).await, |row| row.connector_id)?;
    all.add("web apps", account.list(ListWebApps { token: None }).await, |row| row.web_app_id)?;
    Ok(all)
}

impl All {
    fn add<T>(
        &mut self,
        what: &str,
        listed: Result<Vec<T>, AwsError>,
        id: impl Fn(T) -> String,
    ) -> Result<(), AwsError> {
        match listed {
            Ok(rows) => self.ids.extend(rows.into_iter().map(id)),
            Err(fault) if fault.kind == AwsErrorKind::Denied => {
                self.left_out.push(format!("{what} are left out: {fault}"));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }
}

/// Reads what has these ids, and everything on the servers among it. What goes meanwhile ends it: what is half is no export.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn read(account: &Account, ids: &[String], progress: Progress<'_>) -> Result<Found, AwsError> {
    let of = |begin: &'static str| ids.iter().filter(move |id| id.starts_with(begin) && !id.contains('/')).cloned();
    let mut found = Found::default();
    let mut agreements: Vec<DescribeAgreement> = Vec::new();
    for server_id in of("s-") {
        let server = server(account, &server_id, progress).await?;
        agreements.extend(agreements_of(account, &server.server).await?);
        found.servers.push(server);
    }
    let named = ids.iter().filter_map(|id| agreement_of(id)).map(|(server_id, agreement_id)| DescribeAgreement {
        server_id: server_id.to_owned(),
        agreement_id: agreement_id.to_owned(),
    });
    let with_their_servers = |call: &DescribeAgreement| ids.contains(&call.server_id);
    agreements.extend(named.filter(|call| !with_their_servers(call)));
    let workflows = of("w-").map(|workflow_id| DescribeWorkflow { workflow_id }).collect();
    let certificates = of("cert-").map(|certificate_id| DescribeCertificate { certificate_id }).collect();
    let profiles = of("p-").map(|profile_id| DescribeProfile { profile_id }).collect();
    let connectors = of("c-").map(|connector_id| DescribeConnector { connector_id }).collect();
    found.workflows = each(account, workflows, |done, all| progress("workflows", done, all)).await?;
    found.certificates = each(account, certificates, |done, all| progress("certificates", done, all)).await?;
    found.profiles = each(account, profiles, |done, all| progress("profiles", done, all)).await?;
    found.connectors = each(account, connectors, |done, all| progress("connectors", done, all)).await?;
    found.agreements = each(account, agreements, |done, all| progress("agreements", done, all)).await?;
    let web_apps = of("webapp-").map(|web_app_id| DescribeWebApp { web_app_id }).collect();
    let web_apps = each(account, web_apps, |done, all| progress("web apps", done, all)).await?;
    found.web_apps = stream::iter(web_apps).then(|web_app| with_its_look(account, web_app)).try_collect().await?;
    Ok(found)
}

async fn with_its_look(account: &Account, web_app: WebApp) -> Result<FoundWebApp, AwsError> {
    let look = customization_of(account, &web_app.web_app_id).await?;
    let security_groups = security_groups(account, web_app.vpc_endpoint_id.clone()).await;
    Ok(FoundWebApp { web_app, look, security_groups })
}

async fn server(account: &Account, server_id: &str, progress: Progress<'_>) -> Result<FoundServer, AwsError> {
    let server = *account.read(DescribeServer { server_id: server_id.to_owned() }).await?;
    let id = || server_id.to_owned();
    let host_keys = account.list(ListHostKeys { server_id: id(), token: None }).await?;
    let security_groups = security_groups(account, endpoint_of(&server)).await;
    let mut found = FoundServer { server, host_keys, security_groups, ..FoundServer::default() };
    match found.server.settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => {
            let listed = account.list(ListUsers { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|user| DescribeUser { server_id: id(), user_name: user.user_name });
            found.users = each(account, calls.collect(), |done, all| progress(server_id, done, all)).await?;
        }
        Some("AWS_DIRECTORY_SERVICE") => {
            let listed = account.list(ListAccesses { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|row| DescribeAccess { server_id: id(), external_id: row.external_id });
            found.accesses = each(account, calls.collect(), |done, all| progress(server_id, done, all)).await?;
        }
        // The code of others knows the users.
        Some(_) => {}
    }
    Ok(found)
}

/// Only where AS2 is spoken: who exports other servers needs no right to list them.
async fn agreements_of(account: &Account, server: &Server) -> Result<Vec<DescribeAgreement>, AwsError> {
    let protocols = server.settings.protocols.iter().flatten();
    if !protocols.into_iter().any(|protocol| protocol == "AS2") {
        return Ok(Vec::new());
    }
    let server_id = || server.server_id.clone();
    let listed = account.list(ListAgreements { server_id: server_id(), token: None }).await?;
    let call = |agreement_id| DescribeAgreement { server_id: server_id(), agreement_id };
    Ok(listed.into_iter().map(|row| call(row.agreement_id)).collect())
}

/// What each of these reads answers, in their order. The first fault ends it.
async fn each<C, T>(
    account: &Account,
    calls: Vec<C>,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<T>, AwsError>
where
    C: ReadCall<Output = Box<T>>,
{
    let all = calls.len();
    let answers = stream::iter(calls).map(|call| account.read(call)).buffered(AT_ONCE);
    let counted = answers.enumerate().map(|(index, answer)| {
        progress(index + 1, all);
        answer.map(|answer| *answer)
    });
    counted.try_collect().await
}

/// The endpoint that AWS made for a server: one that a person made has its groups from that person.
fn endpoint_of(server: &Server) -> Option<String> {
    let settings = &server.settings;
    let details = settings.endpoint_details.as_ref().filter(|_| settings.endpoint_type.as_deref() == Some("VPC"));
    details.and_then(|details| details.vpc_endpoint_id.clone())
}

/// Where EC2 may not be asked, or does not know, the rest is exported all the same.
async fn security_groups(account: &Account, endpoint: Option<String>) -> SecurityGroups {
    let Some(id) = endpoint else { return SecurityGroups::None };
    match account.read(DescribeVpcEndpoints { ids: vec![id.clone()] }).await {
        Ok(rows) => match rows.into_iter().find(|row| row.id == id) {
            Some(mut endpoint) => {
                endpoint.security_groups.sort();
                SecurityGroups::Are(endpoint.security_groups)
            }
            None => SecurityGroups::Hidden(format!("EC2 does not show {id}")),
        },
        Err(fault) => SecurityGroups::Hidden(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_what_has_no_manifest_are_told_from_the_others() {
        for known in ["s-1", "w-1", "p-1", "c-1", "cert-1", "webapp-1", "s-1/a-1"] {
            assert_eq!(id(known), Ok(known.to_owned()));
        }
        for unknown in ["", "a-1", "cert", "web-1", "s-1/", "s-1/u", "x/a-1", "files"] {
            assert!(id(unknown).is_err_and(|said| said.contains("w-...")), "{unknown}");
        }
    }
}
