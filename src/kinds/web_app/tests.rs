#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::members::look_json;
use super::plan;
use super::state::WebAppState;
use super::want::{self, WantedWebApp};
use super::{PREVIEWED, preview};
use crate::api::TransferWebAppSpec;
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::Mutation;
use crate::aws::transfer::{Image, Tags, WebApp, WebAppCustomization, WebAppSettings};
use crate::engine::diff::Effect;
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::Owner;

const OWN: &str = "https://own.example.com";

fn spec(more: &Value) -> TransferWebAppSpec {
    let mut spec = json!({"region": "eu-central-1",
        "identityProviderDetails": {"identityCenterConfig": {"instanceArn": "arn:i", "role": "arn:role"}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn image(text: &str) -> Option<Image> {
    (!text.is_empty()).then(|| Image(text.as_bytes().to_vec()))
}

/// Title, logo and icon; an empty one is none.
fn look([title, logo, icon]: [&str; 3]) -> WebAppCustomization {
    let title = (!title.is_empty()).then(|| title.to_owned());
    WebAppCustomization { title, logo_file: image(logo), favicon_file: image(icon) }
}

fn wanted(settings: WebAppSettings, look: WebAppCustomization) -> WantedWebApp {
    let (tags, unknown) = (Tags::new(), Vec::new());
    let (type_unsure, type_left, unsaid_scheme) = (false, false, "https");
    WantedWebApp { settings, look, tags, ungranted: false, unknown, type_unsure, type_left, unsaid_scheme }
}

fn owner() -> Owner {
    Owner::new("cluster", "team", "portal", "uid")
}

fn have(settings: WebAppSettings, look: WebAppCustomization) -> WebAppState {
    let web_app = WebApp {
        web_app_id: "webapp-1".to_owned(),
        web_app_endpoint: Some(OWN.to_owned()),
        settings,
        tags: owner().tags("attempt"),
        ..WebApp::default()
    };
    WebAppState { web_app, look, ..WebAppState::default() }
}

fn applied(paths: &[&str]) -> Applied {
    Applied { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..Applied::default() }
}

fn sent(plan: &Plan) -> Vec<&'static str> {
    plan.calls.iter().map(|call| call.mutation.operation()).collect()
}

fn paths(call: &PlannedCall) -> Vec<&str> {
    call.changes.iter().map(|change| change.path.as_str()).collect()
}

/// What the look becomes by the calls, as AWS takes them one after the other.
fn after(mut look: WebAppCustomization, plan: &Plan) -> WebAppCustomization {
    for call in &plan.calls {
        match &call.mutation {
            Mutation::DeleteWebAppCustomization(_) => look = WebAppCustomization::default(),
            Mutation::UpdateWebAppCustomization(update) => {
                let WebAppCustomization { title, logo_file, favicon_file } = update.customization.as_ref().clone();
                look.title = title.or(look.title).filter(|title| !title.is_empty());
                look.logo_file = logo_file.or(look.logo_file);
                look.favicon_file = favicon_file.or(look.favicon_file);
            }
            _ => {}
        }
    }
    look
}

const UPDATE: &str = "UpdateWebAppCustomization";
const DELETE: &str = "DeleteWebAppCustomization";
const ALL: [&str; 3] = ["customization.title", "customization.logoFrom", "customization.faviconFrom"];

/// What is wanted, what AWS has, what this object set, the calls, and what comes of them.
type Row = ([&'static str; 3], [&'static str; 3], &'static [&'static str], &'static [&'static str], [&'static str; 3]);

#[test]
fn a_look_is_brought_about_by_one_call_or_by_all_of_it_anew() {
    let rows: [Row; 9] = [
        (["a", "l", "i"], ["", "", ""], &[], &[UPDATE], ["a", "l", "i"]),
        (["a", "l", "i"], ["a", "l", "i"], &ALL, &[], ["a", "l", "i"]),
        (["b", "l", "m"], ["a", "l", "i"], &ALL, &[UPDATE], ["b", "l", "m"]),
        (["", "l", "i"], ["a", "l", "i"], &ALL, &[UPDATE], ["", "l", "i"]),
        (["a", "", "i"], ["a", "l", "i"], &ALL, &[DELETE], ["", "", ""]),
        // What AWS may refuse comes first.
        (["b", "", "m"], ["a", "l", "i"], &ALL, &[UPDATE], ["b", "l", "m"]),
        (["", "", ""], ["a", "l", "i"], &ALL, &[DELETE], ["", "", ""]),
        // What somebody else set stays as long as nothing of ours has to go.
        (["b", "l", ""], ["a", "l", "theirs"], &ALL[..2], &[UPDATE], ["b", "l", "theirs"]),
        (["", "", ""], ["theirs", "theirs", ""], &[], &[], ["theirs", "theirs", ""]),
    ];
    for (want, held, set, calls, end) in rows {
        let (want, held) = (wanted(WebAppSettings::default(), look(want)), look(held));
        let plan = plan::plan(&want, &have(WebAppSettings::default(), held.clone()), &applied(set), &owner());
        assert_eq!((sent(&plan).as_slice(), &plan.blocks), (calls, &vec![]), "{want:?}, {held:?}");
        assert_eq!(after(held.clone(), &plan), look(end), "{want:?}, {held:?}");
        // Nothing of the rest is put there again before a look shows that all is gone, whoever looks.
        let Some(first) = plan.calls.first().filter(|call| call.mutation.operation() == DELETE) else { continue };
        assert!(paths(first).contains(&"customization.logoFrom"), "{first:?}");
        let rest = have(WebAppSettings::default(), WebAppCustomization::default());
        let next = plan::plan(&want, &rest, &applied(set), &owner());
        assert_eq!(after(WebAppCustomization::default(), &next), want.look, "{want:?} once all is gone");
    }
}

#[test]
fn an_image_does_not_go_where_something_could_not_be_put_again() {
    let settings = WebAppSettings::default;
    let mut want = wanted(settings(), look(["", "", ""]));
    let plan = plan::plan(&want, &have(settings(), look(["", "l", "theirs"])), &applied(&ALL[..2]), &owner());
    assert_eq!((sent(&plan), plan.blocks[0].code), (vec![], reasons::CANNOT_CLEAR));
    assert!(plan.blocks[0].message.contains("spec.customization.faviconFrom"), "{:?}", plan.blocks);
    // What the other image shall be is not known now, and what is told of it says so.
    want.unknown = vec!["customization.faviconFrom"];
    let plan = plan::plan(&want, &have(settings(), look(["", "l", "i"])), &applied(&ALL), &owner());
    assert_eq!((sent(&plan), plan.blocks.len()), (vec![], 0));
}

#[test]
fn members_are_compared_with_what_aws_fills_in() {
    let asked = want::settings(&spec(&json!({})));
    let filled = want::settings(&spec(&json!({"accessEndpoint": OWN, "webAppUnits": {"provisioned": 1},
        "webAppEndpointPolicy": "STANDARD"})));
    let none = WebAppCustomization::default;
    for (want, held, set) in [
        (asked.clone(), filled.clone(), &[][..]),
        (filled.clone(), filled.clone(), &[]),
        (asked.clone(), filled.clone(), &["accessEndpoint", "webAppUnits.provisioned", "webAppEndpointPolicy"]),
    ] {
        let plan = plan::plan(&wanted(want, none()), &have(held, none()), &applied(set), &owner());
        assert_eq!((sent(&plan), plan.changes.len()), (vec![], 0), "{:?}", plan.changes);
    }
    let other = want::settings(&spec(&json!({"accessEndpoint": "https://theirs", "webAppUnits": {"provisioned": 9}})));
    let plan = plan::plan(&wanted(asked, none()), &have(other.clone(), none()), &applied(&[]), &owner());
    assert_eq!(sent(&plan), Vec::<&str>::new(), "what was never set is left alone");
    let set = applied(&["accessEndpoint", "webAppUnits.provisioned"]);
    let plan = plan::plan(&wanted(want::settings(&spec(&json!({}))), none()), &have(other, none()), &set, &owner());
    let Mutation::UpdateWebApp(update) = &plan.calls[0].mutation else { panic!("{plan:?}") };
    let expected = json!({"accessEndpoint": OWN, "webAppUnits": {"provisioned": 1}});
    assert_eq!(json!(update.settings), expected, "what left the spec goes back");
}

/// How AWS may show the address of the web app itself, and how one's own.
const SPELT: [[&str; 2]; 3] = [
    [OWN, "https://files.example.com"],
    ["own.example.com", "files.example.com"],
    ["https://own.example.com/", "https://files.example.com/"],
];

#[test]
fn an_address_is_the_same_however_aws_spells_it() {
    let none = WebAppCustomization::default;
    let at = |address: Option<&str>| WebAppSettings {
        access_endpoint: address.map(str::to_owned),
        ..want::settings(&spec(&json!({})))
    };
    for ([own, theirs], [_, other]) in SPELT.iter().flat_map(|one| SPELT.iter().map(move |two| (one, two))) {
        let shown = |address: &str| {
            let mut state = have(at(Some(address)), none());
            state.web_app.web_app_endpoint = Some((*own).to_owned());
            state
        };
        let sent = |wanted: Option<&str>, shown: &WebAppState| {
            let set = applied(&["accessEndpoint"]);
            let plan = plan::plan(&wanted_at(at(wanted)), shown, &set, &owner());
            let call = plan.calls.first().map(|call| call.mutation.clone());
            call.map(|call| match call {
                Mutation::UpdateWebApp(update) => update.settings.access_endpoint.unwrap(),
                call => panic!("{call:?}"),
            })
        };
        assert_eq!(
            [sent(Some(other), &shown(theirs)), sent(None, &shown(own))],
            [None, None],
            "{own} {theirs} {other}"
        );
        assert_eq!(sent(Some(OWN), &shown(own)), None, "one's own is its own");
        assert_eq!(sent(None, &shown(theirs)).as_deref(), Some(OWN), "what is sent is an address");
        assert_eq!(sent(Some(OWN), &shown(theirs)).as_deref(), Some(OWN));
        assert_eq!(sent(Some("https://new.example.com"), &shown(own)).as_deref(), Some("https://new.example.com"));
        assert_ne!(sent(Some("http://files.example.com"), &shown(theirs)), None, "another scheme is another address");
    }
    let mut lost = have(at(Some("https://files.example.com")), none());
    lost.web_app.web_app_endpoint = None;
    let plan = plan::plan(&wanted_at(at(None)), &lost, &applied(&["accessEndpoint"]), &owner());
    assert_eq!((plan.calls.len(), plan.blocks[0].code), (0, reasons::WAITING_FOR_AWS), "nothing to go back to");
}

fn wanted_at(settings: WebAppSettings) -> WantedWebApp {
    wanted(settings, WebAppCustomization::default())
}

#[test]
fn the_preview_tells_of_the_network_member_by_member() {
    let vpc = |id: &str, groups: Value| json!({"endpointDetails": {"vpc": {"vpcId": id, "subnetIds": ["a"], "securityGroupIds": groups}}});
    let rows = [
        (json!({}), vpc("v", json!(["g"])), vec![("endpointDetails.vpc.vpcId", Effect::Refused)]),
        (vpc("v", json!(["g"])), json!({}), vec![("endpointDetails.vpc.vpcId", Effect::Refused)]),
        (vpc("v", json!(["g"])), vpc("w", json!(["g"])), vec![("endpointDetails.vpc.vpcId", Effect::Refused)]),
        (vpc("v", json!(["g"])), vpc("v", json!(["h"])), vec![("endpointDetails.vpc.securityGroupIds", Effect::Ec2)]),
        (json!({}), json!({"webAppUnits": {"provisioned": 2}}), vec![("webAppUnits.provisioned", Effect::Live)]),
    ];
    for (old, new, expected) in rows {
        let told = preview(&spec(&new), &spec(&old));
        let told: BTreeSet<(&str, String)> =
            told.iter().map(|change| (change.path.as_str(), format!("{:?}", change.effect))).collect();
        let named: BTreeSet<(&str, String)> =
            expected.iter().map(|(path, effect)| (*path, format!("{effect:?}"))).collect();
        assert!(named.is_subset(&told), "{told:?}");
        assert!(told.iter().all(|(path, _)| PREVIEWED.iter().any(|top| path.starts_with(top))), "{told:?}");
    }
}

#[test]
fn images_are_compared_by_digest_under_the_names_of_the_spec() {
    let told = look_json(&look(["a", "l", ""]));
    assert_eq!(told["customization"]["title"], "a");
    assert!(told["customization"]["logoFrom"].as_str().unwrap().starts_with("sha256:"), "{told}");
    assert_eq!(told["customization"]["faviconFrom"], Value::Null);
}
