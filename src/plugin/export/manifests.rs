//! From what was read to the text that is applied. Pure.

use std::fmt::Write;

use super::document::{Document, Names, Target};
use super::names::names;
use super::{Found, FoundServer, FoundWebApp, grants, servers, sourced, standalone};
use crate::aws::Tags;
use crate::aws::transfer::{Access, Agreement, Certificate, Connector, Profile, Server, User, Workflow, agreement_key};
use crate::plugin::ascii;
use crate::plugin::failure::Failure;

/// The text: what an administrator has to grant, as a comment, then the objects. A person can apply it as it is.
///
/// # Errors
/// A value that cannot be written as YAML, which would be a defect of this program.
pub fn render(target: &Target, found: &Found) -> Result<String, Failure> {
    let mut text = grants::render(target, found);
    for Document { notes, object } in documents(target, found) {
        text.push_str("---\n");
        for note in notes {
            let _ = writeln!(text, "# {}", ascii::line(&note));
        }
        text.push_str(&ascii::yaml(&object)?);
    }
    Ok(text)
}

/// What is named comes before what names it.
fn documents(target: &Target, found: &Found) -> Vec<Document> {
    let Found { servers, workflows, certificates, profiles, connectors, agreements, web_apps, left_out: _ } = found;
    let mut known = Names::default();
    let workflow = |found: &Workflow| (found.workflow_id.clone(), called(&found.tags, &found.workflow_id));
    let certificate = |found: &Certificate| {
        let otherwise = found.description.as_ref().filter(|text| !text.is_empty()).unwrap_or(&found.certificate_id);
        (found.certificate_id.clone(), called(&found.tags, otherwise))
    };
    let profile = |found: &Profile| (found.profile_id.clone(), called(&found.tags, &found.settings.as2_id));
    let server = |found: &FoundServer| {
        let Server { server_id, tags, .. } = &found.server;
        (server_id.clone(), called(tags, server_id))
    };
    let workflows = known.give(workflows, workflow);
    let mut waiting = Names::default();
    let certificates = waiting.give(certificates, certificate);
    known.take_from(
        &mut waiting,
        certificates.iter().filter(|(found, _)| sourced::is_whole(found)).map(|(found, _)| &found.certificate_id),
    );
    let profiles = known.give(profiles, profile);
    let servers = known.give(servers, server);
    let mut documents: Vec<Document> = Vec::new();
    documents.extend(workflows.iter().map(|(found, name)| standalone::of_workflow(target, found, name)));
    documents.extend(certificates.iter().flat_map(|(found, name)| sourced::of_certificate(target, found, name)));
    documents
        .extend(profiles.iter().map(|(found, name)| standalone::of_profile(target, [&known, &waiting], found, name)));
    documents.extend(servers.iter().map(|(found, name)| servers::of_server(target, &known, found, name)));
    documents.extend(logins(target, &servers));

    let key = |found: &Agreement| agreement_key(&found.server_id, &found.agreement_id);
    let agreement = |found: &Agreement| (key(found), called(&found.tags, &found.agreement_id));
    let connector = |found: &Connector| (found.connector_id.clone(), called(&found.tags, &found.connector_id));
    let web_app = |FoundWebApp { web_app, .. }: &FoundWebApp| {
        (web_app.web_app_id.clone(), called(&web_app.tags, &web_app.web_app_id))
    };
    let agreements = known.give(agreements, agreement);
    let connectors = known.give(connectors, connector);
    documents.extend(agreements.iter().map(|(found, name)| standalone::of_agreement(target, &known, found, name)));
    documents.extend(connectors.iter().map(|(found, name)| standalone::of_connector(target, &known, found, name)));
    let web_apps = known.give(web_apps, web_app);
    documents.extend(web_apps.iter().flat_map(|(found, name)| sourced::of_web_app(target, found, name)));
    documents
}

/// What people call it, or else this.
fn called(tags: &Tags, otherwise: &str) -> String {
    tags.get("Name").cloned().unwrap_or_else(|| otherwise.to_owned())
}

/// Users, then accesses, of all servers.
fn logins(target: &Target, servers: &[(&FoundServer, String)]) -> Vec<Document> {
    let on = |server: &Server, name: &String| (format!("{}/{name}", server.server_id), name.clone());
    let users: Vec<(&Server, &String, &User)> = servers
        .iter()
        .flat_map(|(found, name)| found.users.iter().map(move |user| (&found.server, name, user)))
        .collect();
    let accesses: Vec<(&Server, &String, &Access)> = servers
        .iter()
        .flat_map(|(found, name)| found.accesses.iter().map(move |access| (&found.server, name, access)))
        .collect();
    let user_names = names(&users.iter().map(|(server, _, user)| on(server, &user.user_name)).collect::<Vec<_>>());
    let access_names =
        names(&accesses.iter().map(|(server, _, access)| on(server, &access.external_id)).collect::<Vec<_>>());
    let users = users.into_iter().zip(&user_names);
    let accesses = accesses.into_iter().zip(&access_names);
    users
        .map(|((server, of, user), name)| servers::of_user(target, server, of, user, name))
        .chain(accesses.map(|((server, of, access), name)| servers::of_access(target, server, of, access, name)))
        .collect()
}
