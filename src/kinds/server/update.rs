//! From differences to the UpdateServer that resolves them: which members go, each complete, and in which parts once AWS
//! refused the whole. Pure; which differences may be sent is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::members::{self, Group, MEMBERS, SERVICE_MANAGED};
use super::wanted::WantedServer;
use crate::aws::Mutation;
use crate::aws::transfer::{IdentityProviderDetails, Server, ServerSettings, UpdateServer};
use crate::engine::diff::{self, Change, Effect};
use crate::engine::kind::PlannedCall;
use crate::engine::reason::Reason;

/// One UpdateServer with every changed member, each complete, and the same in the groups that AWS takes each on its
/// own.
pub fn update(want: &WantedServer, server: &Server, live: Vec<Change>) -> Result<Option<PlannedCall>, Reason> {
    if live.is_empty() {
        return Ok(None);
    }
    let mut groups: BTreeMap<Group, Vec<Change>> = BTreeMap::new();
    for change in &live {
        groups.entry(members::group(&change.path)).or_default().push(change.clone());
    }
    let mut whole = composed(want, server, live)?;
    if groups.len() > 1 {
        whole.parts = groups.into_values().map(|changes| composed(want, server, changes)).collect::<Result<_, _>>()?;
    }
    Ok(Some(whole))
}

/// The UpdateServer that resolves these differences.
fn composed(want: &WantedServer, server: &Server, changes: Vec<Change>) -> Result<PlannedCall, Reason> {
    let mut sent = changes.clone();
    let details = want.settings.protocol_details.as_ref();
    if details.is_some_and(|details| details.as2_transports.is_some()) && changed(&changes, "protocols") {
        // AWS looks for the transport of AS2 in the call that brings AS2.
        let path = "protocolDetails.as2Transports".to_owned();
        sent.push(Change { path, have: Value::Null, want: Value::Null, effect: Effect::Live });
    }
    let request = diff::compose(MEMBERS, &json(&want.settings), &json(&server.settings), &sent);
    let mut settings: ServerSettings = diff::typed(request).map_err(Reason::defect)?;
    complete_request(&mut settings, want, server, &changes);
    let (server_id, settings) = (server.server_id.clone(), Box::new(settings));
    let exposes = changes.iter().any(exposes);
    let update = Mutation::UpdateServer(UpdateServer { server_id, settings });
    Ok(PlannedCall { exposes, ..PlannedCall::new(update, changes) })
}

/// Whether a difference, once gone, lets in who was kept out: another endpoint, one more protocol, another provider or
/// another way to ask it. A stricter way to log in does not.
pub fn exposes(change: &Change) -> bool {
    let offered = |value: &Value| -> BTreeSet<String> {
        let listed = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let listed: BTreeSet<String> = listed.collect();
        if listed.is_empty() { BTreeSet::from(["SFTP".to_owned()]) } else { listed }
    };
    match change.path.as_str() {
        "protocols" => !offered(&change.want).is_subset(&offered(&change.have)),
        "identityProviderDetails.sftpAuthenticationMethods" => change.want != "PUBLIC_KEY_AND_PASSWORD",
        path => ["endpoint", "ipAddressType", "identityProvider"].iter().any(|begin| path.starts_with(begin)),
    }
}

fn changed(changes: &[Change], path: &str) -> bool {
    changes.iter().any(|change| change.path == path)
}

/// Where UpdateServer takes a member otherwise than complete as AWS has it.
fn complete_request(settings: &mut ServerSettings, want: &WantedServer, server: &Server, live: &[Change]) {
    let changed = |path: &str| changed(live, path);
    let retyped = changed("identityProviderType");
    if retyped || settings.identity_provider_details.is_some() {
        // AWS takes the details only together with the type, and they are those of the type: none is carried over.
        let provider = provider(&want.settings, server, retyped);
        let mut details = want.settings.identity_provider_details.clone().unwrap_or_default();
        if !retyped && provider != "AWS_DIRECTORY_SERVICE" {
            let sent = settings.identity_provider_details.take().and_then(|sent| sent.sftp_authentication_methods);
            details.sftp_authentication_methods = details.sftp_authentication_methods.or(sent);
        }
        let sendable = provider != SERVICE_MANAGED && details != IdentityProviderDetails::default();
        settings.identity_provider_type = Some(provider.to_owned());
        settings.identity_provider_details = sendable.then_some(details);
    }
    if let Some(details) = &mut settings.endpoint_details
        && want
            .settings
            .endpoint_type
            .as_ref()
            .or(server.settings.endpoint_type.as_ref())
            .is_some_and(|kind| kind == "VPC")
    {
        // Returned by AWS for its own endpoint, refused when sent back.
        details.vpc_endpoint_id = None;
    }
    if let Some(workflows) = &mut settings.workflow_details {
        // Absent is unchanged here; a list that the spec does not have may carry a role that nobody may pass.
        let wanted = want.settings.workflow_details.clone().unwrap_or_default();
        if wanted.on_upload.is_none() && !changed("workflowDetails.onUpload") {
            workflows.on_upload = None;
        }
        if wanted.on_partial_upload.is_none() && !changed("workflowDetails.onPartialUpload") {
            workflows.on_partial_upload = None;
        }
    }
}

/// The identity provider that the spec asks for; where it names none and never did, the one that AWS has.
pub fn provider<'a>(want: &'a ServerSettings, server: &'a Server, retyped: bool) -> &'a str {
    let held = server.settings.identity_provider_type.as_deref().filter(|_| !retyped);
    want.identity_provider_type.as_deref().or(held).unwrap_or(SERVICE_MANAGED)
}

/// As JSON, for the table of members.
pub fn json(settings: &ServerSettings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}
