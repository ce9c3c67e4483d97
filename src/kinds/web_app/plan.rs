//! What to send for a web app, from what is wanted and what AWS has. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::address;
use super::members::{
    ACCESS_ENDPOINT, FAVICON, IP_ADDRESS_TYPE, LOGO, LOOK, ROLE, SECURITY_GROUPS, SETTINGS, SUBNETS, VPC, look_json,
};
use super::state::WebAppState;
use super::want::WantedWebApp;
use crate::api::condition::reasons;
use crate::api::status::{Applied, Unset};
use crate::aws::Mutation;
use crate::aws::transfer::{
    DeleteWebAppCustomization, UpdateWebApp, UpdateWebAppCustomization, WebApp, WebAppCustomization, WebAppEndpoint,
    WebAppSettings, WebAppVpc,
};
use crate::engine::diff::{self, Change, Effect};
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;
use crate::engine::unset;
use crate::kinds::security_groups::{self, Groups, Shown};
use crate::kinds::tags;
use crate::web_address::{HTTPS, spelt};

/// The plan for a web app that is there.
#[must_use]
pub fn plan(want: &WantedWebApp, have: &WebAppState, applied: &Applied, owner: &Owner) -> Plan {
    let (paths, keys) = (applied.paths.iter().cloned().collect(), applied.tags.iter().cloned().collect());
    let web_app = &have.web_app;
    let settings = differing(&want.settings, &web_app.settings, web_app, &paths, want.unsaid_scheme);
    let mut plan = Plan { blocks: fixed(&settings).into_iter().collect(), ..Plan::default() };
    // Nothing shows it: of what is not ours yet nothing is known that could differ.
    let ours = owner.judge(&web_app.tags) == Ownership::Ours;
    let unseen = address_type(want).filter(|_| ours && plan.blocks.is_empty());
    // Those of another VPC would be none of this one.
    let groups = if plan.blocks.is_empty() { groups(want, have, applied) } else { Groups::default() };
    let look = look_changes(want, &have.look, &paths);
    plan.changes.extend(settings.iter().chain(&unseen).chain(&groups.change).chain(&look).cloned());
    plan.changes.extend(tags::changes(&want.tags, &web_app.tags, &keys));
    if plan.blocks.is_empty() {
        let lost = homeless(web_app, &settings).map(|_| {
            let message =
                format!("spec.{ACCESS_ENDPOINT} left the spec, and AWS does not show the web app's own address");
            Reason::new(reasons::WAITING_FOR_AWS, message)
        });
        plan.blocks.extend(lost);
        match update(want, web_app, &settings) {
            Ok(update) => plan.calls.extend(update),
            Err(defect) => plan.blocks.push(defect),
        }
        plan.calls.extend(moved(want, web_app, &settings, unseen));
    }
    let Groups { change: _, unknown, call, block, left } = groups;
    plan.unknown.extend(unknown);
    plan.calls.extend(call);
    plan.blocks.extend(block);
    plan.blocks.extend(left.then(|| cannot_clear(SECURITY_GROUPS)));
    plan.blocks.extend(want.type_left.then(|| cannot_clear(IP_ADDRESS_TYPE)));
    let (call, block) = customize(want, have, &look, &paths);
    plan.calls.extend(call);
    plan.blocks.extend(block);
    plan.calls.extend(tags::calls(&web_app.arn, &want.tags, owner, &web_app.tags, &keys));
    plan
}

fn cannot_clear(path: &str) -> Reason {
    let message = format!("spec.{path} left the spec and AWS has no way to clear it; name a value");
    Reason::stalled(reasons::CANNOT_CLEAR, message)
}

/// The differences of what DescribeWebApp shows; `unsaid` is the scheme of an address that it shows without one.
pub(super) fn differing(
    want: &WebAppSettings,
    have: &WebAppSettings,
    web_app: &WebApp,
    applied: &BTreeSet<String>,
    unsaid: &str,
) -> Vec<Change> {
    let (mut want, mut have) = (want.clone(), have.clone());
    want.access_endpoint = want.access_endpoint.map(|address| spelt(&address, HTTPS));
    have.access_endpoint = match &want.access_endpoint {
        Some(_) => have.access_endpoint.map(|address| spelt(&address, unsaid)),
        None => web_app.given_address(have.access_endpoint.as_deref()),
    };
    let (want, have) = (json!(want), json!(have));
    let mut changes = diff::diff(&SETTINGS, &want, &have, applied);
    // One that is public has nothing to move into a VPC; the table knows only what the spec wants.
    let place = |settings: &Value| settings.pointer("/endpointDetails/vpc/vpcId").cloned().unwrap_or_default();
    if place(&want).is_null() && !place(&have).is_null() && !changes.iter().any(|change| change.path == VPC) {
        let path = VPC.to_owned();
        changes.push(Change { path, have: place(&have), want: Value::Null, effect: Effect::Refused });
    }
    changes
}

/// The address goes back to the web app's own, which AWS does not show.
fn homeless<'a>(web_app: &WebApp, changes: &'a [Change]) -> Option<&'a Change> {
    let resets = |change: &&Change| change.path == ACCESS_ENDPOINT && change.want.is_null();
    changes.iter().find(resets).filter(|_| web_app.own_address().is_none())
}

/// What AWS cannot change and yet is another, by an edit that no rule stopped.
fn fixed(changes: &[Change]) -> Option<Reason> {
    let fixed: Vec<&Change> = changes.iter().filter(|change| change.effect == Effect::Refused).collect();
    let message = || {
        let paths = diff::paths(fixed.iter().copied());
        format!("AWS cannot change {paths} of a web app; set it back, or make a new TransferWebApp")
    };
    (!fixed.is_empty()).then(|| Reason::stalled(reasons::IMMUTABLE, message()))
}

/// Over which addresses it is to be reached, where AWS may have another type. AWS never shows it.
fn address_type(want: &WantedWebApp) -> Option<Change> {
    let kind = want.settings.endpoint_details.as_ref()?.vpc.as_ref()?.ip_address_type.as_ref()?;
    let path = IP_ADDRESS_TYPE.to_owned();
    want.type_unsure.then(|| Change { path, have: Value::Null, want: json!(kind), effect: Effect::Live })
}

/// One UpdateWebApp with every changed member that has nothing to do with the network.
fn update(want: &WantedWebApp, web_app: &WebApp, changes: &[Change]) -> Result<Option<PlannedCall>, Reason> {
    let lost = homeless(web_app, changes);
    let goes =
        |change: &&Change| change.path != SUBNETS && !(want.ungranted && change.path == ROLE) && Some(*change) != lost;
    let sent: Vec<Change> = changes.iter().filter(goes).cloned().collect();
    if sent.is_empty() {
        return Ok(None);
    }
    let request = diff::compose(&SETTINGS, &json!(want.settings), &json!(web_app.settings), &sent);
    let mut settings: WebAppSettings = diff::typed(request).map_err(Reason::defect)?;
    if settings.access_endpoint.as_deref() == Some("") {
        settings.access_endpoint = web_app.own_address();
    }
    if let Some(provider) = &mut settings.identity_provider_details {
        // An update has no member for it.
        provider.identity_center_config.iter_mut().for_each(|center| center.instance_arn = None);
    }
    let (shown, wanted) = (web_app.settings.access_endpoint.as_deref(), want.settings.access_endpoint.as_deref());
    let unseen = address::hides(shown, wanted) && sent.iter().all(|change| change.path == ACCESS_ENDPOINT);
    Ok(Some(PlannedCall { unseen, ..PlannedCall::new(of(web_app, settings), sent) }))
}

/// One UpdateWebApp for the network, always with all of it: AWS does not take it while the endpoint is in transition, and
/// takes the rest.
fn moved(want: &WantedWebApp, web_app: &WebApp, changes: &[Change], unseen: Option<Change>) -> Option<PlannedCall> {
    let vpc = want.settings.endpoint_details.as_ref()?.vpc.as_ref()?;
    let seen = changes.iter().find(|change| change.path == SUBNETS).cloned();
    let changes: Vec<Change> = seen.clone().into_iter().chain(unseen).collect();
    let vpc = WebAppVpc {
        subnet_ids: vpc.subnet_ids.clone(),
        ip_address_type: vpc.ip_address_type.clone(),
        ..WebAppVpc::default()
    };
    let settings =
        WebAppSettings { endpoint_details: Some(WebAppEndpoint { vpc: Some(vpc) }), ..WebAppSettings::default() };
    let call = PlannedCall { unseen: seen.is_none(), ..PlannedCall::new(of(web_app, settings), changes) };
    (!call.changes.is_empty()).then_some(call)
}

fn of(web_app: &WebApp, settings: WebAppSettings) -> Mutation {
    let (web_app_id, settings) = (web_app.web_app_id.clone(), Box::new(settings));
    Mutation::UpdateWebApp(UpdateWebApp { web_app_id, settings })
}

fn groups(want: &WantedWebApp, have: &WebAppState, applied: &Applied) -> Groups {
    let details = want.settings.endpoint_details.as_ref().and_then(|details| details.vpc.as_ref());
    let wanted = details.and_then(|vpc| vpc.security_group_ids.as_deref());
    let shown = Shown { endpoint: have.endpoint.as_ref(), hidden: have.hidden_endpoint.as_ref() };
    match &have.web_app.vpc_endpoint_id {
        Some(id) if details.is_some() => security_groups::compare(SECURITY_GROUPS, id, wanted, shown, Some(applied)),
        _ => security_groups::unseen(SECURITY_GROUPS, wanted, details.map(|_| applied)),
    }
}

fn look_changes(want: &WantedWebApp, have: &WebAppCustomization, applied: &BTreeSet<String>) -> Vec<Change> {
    let mut changes = diff::diff(&LOOK, &look_json(&want.look), &look_json(have), applied);
    changes.retain(|change| !want.unknown.contains(&change.path.as_str()));
    changes
}

/// The call for how it looks, and why an image stays that is to go. One goes only with everything else, which is put there
/// again once it is seen to be gone; what somebody else put there could not be put there again by whoever comes after a
/// crash, so it holds that back.
fn customize(
    want: &WantedWebApp,
    have: &WebAppState,
    changes: &[Change],
    applied: &BTreeSet<String>,
) -> (Option<PlannedCall>, Option<Reason>) {
    let id = &have.web_app.web_app_id;
    let (gone, put): (Vec<Change>, Vec<Change>) = changes.iter().cloned().partition(removes_image);
    let block = along(&gone, &strays(want, have, applied));
    // What is new comes first: what AWS may yet refuse must not be all that is put there again. Of an image that is not known
    // now, what is told says why.
    let new = put.iter().any(|change| !change.want.is_null());
    if gone.is_empty() || block.is_some() || new || !want.unknown.is_empty() {
        let update = (!put.is_empty()).then(|| customized(id, only(&want.look, &put), put));
        return (update, block);
    }
    let delete = Mutation::DeleteWebAppCustomization(DeleteWebAppCustomization { web_app_id: id.clone() });
    // A title that goes as well is gone with it.
    (Some(PlannedCall::new(delete, gone.into_iter().chain(put).collect())), None)
}

fn customized(web_app_id: &str, look: WebAppCustomization, changes: Vec<Change>) -> PlannedCall {
    let (web_app_id, customization) = (web_app_id.to_owned(), Box::new(look));
    let update = UpdateWebAppCustomization { web_app_id, customization };
    PlannedCall::new(Mutation::UpdateWebAppCustomization(update), changes)
}

/// Why images do not go: something of somebody else's would go along.
fn along(gone: &[Change], strays: &[Unset]) -> Option<Reason> {
    let fields: Vec<&str> = strays.iter().map(|row| row.field.as_str()).collect();
    let message = || {
        let (gone, fields) = (diff::paths(gone), fields.join(", "));
        format!(
            "{gone} left the spec, and AWS takes an image out only together with {fields}, which somebody else set; set \
             that here too, or take the image out in AWS"
        )
    };
    (!gone.is_empty() && !strays.is_empty()).then(|| Reason::stalled(reasons::CANNOT_CLEAR, message()))
}

fn removes_image(change: &Change) -> bool {
    change.want.is_null() && [LOGO, FAVICON].contains(&change.path.as_str())
}

/// Only what differs; a title that is taken out as an empty one.
fn only(all: &WebAppCustomization, changes: &[Change]) -> WebAppCustomization {
    let differs = |path: &str| changes.iter().any(|change| change.path == path);
    let WebAppCustomization { title, logo_file, favicon_file } = all.clone();
    WebAppCustomization {
        title: differs("customization.title").then(|| title.unwrap_or_default()),
        logo_file: logo_file.filter(|_| differs(LOGO)),
        favicon_file: favicon_file.filter(|_| differs(FAVICON)),
    }
}

/// Where AWS has something else than its default in how it looks, that the spec does not set.
fn strays(want: &WantedWebApp, have: &WebAppState, applied: &BTreeSet<String>) -> Vec<Unset> {
    let known: Vec<diff::Member> = LOOK.iter().filter(|member| !want.unknown.contains(&member.path)).copied().collect();
    unset::unset(&known, &look_json(&want.look), &look_json(&have.look), applied)
}

/// Where AWS has something else than its default in a member that the spec does not set.
#[must_use]
pub fn left_alone(want: &WantedWebApp, have: &WebAppState, applied: &Applied) -> Vec<Unset> {
    let applied = applied.paths.iter().cloned().collect();
    let (web_app, mut shown) = (&have.web_app, have.web_app.settings.clone());
    shown.access_endpoint = web_app.given_address(shown.access_endpoint.as_deref());
    let mut rows = unset::unset(&SETTINGS, &json!(want.settings), &json!(shown), &applied);
    rows.extend(strays(want, have, &applied));
    rows
}
