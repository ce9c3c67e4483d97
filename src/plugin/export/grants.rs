//! What an administrator has to let the namespace do before what is exported is applied. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::document::Target;
use super::{Found, FoundServer, FoundWebApp, sourced};
use crate::aws::transfer::{Agreement, Connector, Profile, ServerSettings, agreement_key};
use crate::plugin::ascii;

/// The lists of a grant.
#[derive(Default)]
struct Lists<'a> {
    server_ids: BTreeSet<&'a String>,
    role_arns: BTreeSet<&'a String>,
    certificate_ids: BTreeSet<&'a String>,
    secret_arns: BTreeSet<&'a String>,
    adoptable_ids: BTreeSet<String>,
}

/// It, as comments.
pub(super) fn render(target: &Target, found: &Found) -> String {
    let Target { account, region, namespace, identity, deletion_policy: _ } = target;
    let Lists { server_ids, role_arns, certificate_ids, secret_arns, adoptable_ids } = lists(found);
    let mut text = String::new();
    for what in &found.left_out {
        let _ = writeln!(text, "# WARNING: {}", ascii::line(what));
    }
    let _ = write!(
        text,
        "# Taken from account {account}, region {region}. Before this is applied, AwsIdentity {identity} needs that account,\n\
         # that region in spec.regions, and in spec.grants:\n\
         #   - name: {namespace}-export\n\
         #     kinds: [{}]\n\
         #     namespaces: {{from: Names, names: [{namespace}]}}\n",
        kinds(found).join(", ")
    );
    list(&mut text, "serverIds", server_ids);
    list(&mut text, "roleArns", role_arns);
    list(&mut text, "certificateIds", certificate_ids);
    list(&mut text, "secretArns", secret_arns);
    list(&mut text, "adoptableIds", &adoptable_ids);
    text.push_str(
        "# Nothing but the tags that say whose it is changes in AWS; what differs after all is shown in status.drift.\n\
         # An AwsIdentity that adds tags (spec.tags) would add them here too, which IfIdentical refuses: name one that adds\n\
         # none (--identity), or write mode Converge.\n\
         # Flux fills in ${...} where it substitutes variables: write $${...} for AWS's own there.\n",
    );
    // What others wrote ends no line: YAML knows more ends of one than this.
    text.lines().map(|line| ascii::line(line) + "\n").collect()
}

fn list<'a>(text: &mut String, name: &str, values: impl IntoIterator<Item = &'a String>) {
    let mut values = values.into_iter().filter(|value| !value.is_empty()).peekable();
    if values.peek().is_some() {
        let _ = writeln!(text, "#     {name}:");
    }
    for value in values {
        let _ = writeln!(text, "#     - {}", Value::String(value.clone()));
    }
}

fn kinds(found: &Found) -> Vec<&'static str> {
    let Found { servers, workflows, certificates, profiles, connectors, agreements, web_apps, left_out: _ } = found;
    let there = [
        ("TransferServer", !servers.is_empty()),
        ("TransferUser", servers.iter().any(|found| !found.users.is_empty())),
        ("TransferAccess", servers.iter().any(|found| !found.accesses.is_empty())),
        ("TransferWorkflow", !workflows.is_empty()),
        ("TransferCertificate", !certificates.is_empty()),
        ("TransferProfile", !profiles.is_empty()),
        ("TransferConnector", !connectors.is_empty()),
        ("TransferAgreement", !agreements.is_empty()),
        ("TransferWebApp", !web_apps.is_empty()),
    ];
    there.into_iter().filter(|(_, there)| *there).map(|(kind, _)| kind).collect()
}

fn lists(found: &Found) -> Lists<'_> {
    let Found { servers, workflows, certificates, profiles, connectors, agreements, web_apps, left_out: _ } = found;
    let mut lists = Lists::default();
    for server in servers {
        lists.of_server(server);
    }
    lists.adoptable_ids.extend(workflows.iter().map(|found| found.workflow_id.clone()));
    lists.adoptable_ids.extend(certificates.iter().map(|found| found.certificate_id.clone()));
    for FoundWebApp { web_app, look: _, security_groups: _ } in web_apps {
        lists.adoptable_ids.insert(web_app.web_app_id.clone());
        let provider = web_app.settings.identity_provider_details.as_ref();
        lists.role_arns.extend(provider.and_then(|provider| provider.identity_center_config.as_ref()?.role.as_ref()));
    }
    for Profile { arn: _, profile_id, settings, tags: _ } in profiles {
        lists.adoptable_ids.insert(profile_id.clone());
        let named =
            |id: &&String| certificates.iter().any(|found| found.certificate_id == **id && sourced::is_whole(found));
        lists.certificate_ids.extend(settings.certificate_ids.iter().flatten().filter(|id| !named(id)));
    }
    for Connector { connector_id, settings, .. } in connectors {
        lists.adoptable_ids.insert(connector_id.clone());
        lists.role_arns.extend(settings.access_role.iter().chain(&settings.logging_role));
        lists.secret_arns.extend(settings.sftp_config.iter().filter_map(|config| config.user_secret_id.as_ref()));
        lists.secret_arns.extend(settings.as2_config.iter().filter_map(|config| config.basic_auth_secret_id.as_ref()));
    }
    for Agreement { arn: _, server_id, agreement_id, settings, tags: _ } in agreements {
        lists.adoptable_ids.insert(agreement_key(server_id, agreement_id));
        lists.server_ids.insert(server_id);
        lists.role_arns.extend(&settings.access_role);
    }
    lists
}

impl<'a> Lists<'a> {
    fn of_server(&mut self, found: &'a FoundServer) {
        let FoundServer { server, host_keys: _, security_groups: _, users, accesses } = found;
        let ServerSettings { logging_role, identity_provider_details, workflow_details, .. } = &server.settings;
        let workflows = workflow_details.iter().flat_map(|details| [&details.on_upload, &details.on_partial_upload]);
        let providers = identity_provider_details.iter();
        self.server_ids.insert(&server.server_id);
        self.role_arns.extend(logging_role);
        self.role_arns.extend(providers.filter_map(|details| details.invocation_role.as_ref()));
        self.role_arns.extend(workflows.flatten().flatten().map(|workflow| &workflow.execution_role));
        self.role_arns.extend(users.iter().filter_map(|user| user.settings.role.as_ref()));
        self.role_arns.extend(accesses.iter().filter_map(|access| access.settings.role.as_ref()));
    }
}
