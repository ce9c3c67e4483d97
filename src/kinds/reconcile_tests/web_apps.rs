//! Web apps from their objects to AWS and back: what is made, changed, refused and left alone, how they look, and the network
//! that they are in.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rig::{INSTANCE, Lose, ROLE, Rig, name};
use crate::api::condition::reasons;
use crate::aws::AwsErrorKind;
use crate::aws::transfer::Tags;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::config::{Addresses, Leniency};
use crate::sim::partners::{Customization, WebApp, WebAppVpc};

const KIND: &str = "TransferWebApp";
const REST: Duration = Duration::from_hours(1);

fn says(rig: &Rig, condition: &str) -> (String, String) {
    rig.says(KIND, "portal", condition).unwrap_or_default()
}

fn verdict(truth: &str, reason: &str) -> (String, String) {
    (truth.to_owned(), reason.to_owned())
}

/// What AWS has of it.
fn held(rig: &Rig) -> WebApp {
    let id = rig.status(KIND, "portal")["webAppId"].as_str().unwrap().to_owned();
    rig.cloud.sim().world.region(ACCOUNT, REGION).web_apps.get(&id).unwrap().what.clone()
}

/// Somebody changes it in AWS.
fn somebody(rig: &Rig, change: impl FnOnce(&mut WebApp)) {
    let id = rig.status(KIND, "portal")["webAppId"].as_str().unwrap().to_owned();
    changed(rig, &id, change);
}

fn changed(rig: &Rig, id: &str, change: impl FnOnce(&mut WebApp)) {
    change(&mut rig.cloud.sim().world.region(ACCOUNT, REGION).web_apps.get_mut(id).unwrap().what);
}

/// Title, logo and icon as AWS has them.
fn looks(rig: &Rig) -> [Option<String>; 3] {
    let Customization { title, logo_file, favicon_file } = held(rig).customization.unwrap_or_default();
    let text = |file: String| String::from_utf8(STANDARD.decode(file).unwrap()).unwrap();
    [title, logo_file.map(text), favicon_file.map(text)]
}

fn some<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
    texts.map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// What the ConfigMap `brand` holds.
fn brand(rig: &Rig, entries: &[(&str, &str)]) {
    let data = entries.iter().map(|(key, value)| ((*key).to_owned(), Ok((*value).to_owned()))).collect();
    rig.objects.config_maps.lock().unwrap().insert(name("brand"), data);
}

fn image(key: &str) -> Value {
    json!({"configMapKeyRef": {"name": "brand", "key": key}})
}

async fn ready(rig: &Rig, spec: Value) {
    rig.web_app("portal", spec);
    rig.run(KIND, "portal", REST).await;
    assert_eq!(says(rig, "Ready"), verdict("True", reasons::AVAILABLE), "{}", rig.message(KIND, "portal"));
}

/// A web app with a title, a logo and an icon of its own.
async fn branded() -> Rig {
    let rig = Rig::new();
    brand(&rig, &[("logo", "a logo"), ("icon", "an icon")]);
    let look = json!({"title": "Files", "logoFrom": image("logo"), "faviconFrom": image("icon")});
    ready(&rig, json!({"customization": look})).await;
    assert_eq!(looks(&rig), some(["Files", "a logo", "an icon"]));
    assert_eq!(rig.cloud.calls(), ["CreateWebApp", "UpdateWebAppCustomization"]);
    rig
}

async fn edited(rig: &Rig, change: impl FnOnce(&mut Value)) {
    rig.edit(KIND, "portal", |object| change(&mut object["spec"]));
    rig.run(KIND, "portal", REST).await;
}

fn take_out(look: &str) -> impl FnOnce(&mut Value) + '_ {
    move |spec| drop(spec["customization"].as_object_mut().unwrap().remove(look))
}

#[tokio::test(start_paused = true)]
async fn a_web_app_is_made_changed_and_deleted_with_its_object() {
    let rig = Rig::new();
    ready(&rig, json!({"accessEndpoint": "https://files.example.com", "webAppUnits": {"provisioned": 2}})).await;
    assert_eq!(rig.cloud.calls(), ["CreateWebApp"]);
    let status = rig.status(KIND, "portal");
    let own = format!("https://{}.transfer-webapp.{REGION}.on.aws", status["webAppId"].as_str().unwrap());
    assert_eq!([&status["webAppEndpoint"], &status["accessEndpoint"]], [&own, "https://files.example.com"]);
    assert_eq!([&status["instanceArn"], &status["endpointType"]], [INSTANCE, "PUBLIC"]);
    assert!(status["applicationArn"].as_str().unwrap().contains(":application/ssoins-"), "{status}");
    let other = ROLE.replace("role/", "role/other-");
    rig.pass(&[ROLE, &other]);
    edited(&rig, |spec| {
        spec["webAppUnits"] = json!({"provisioned": 5});
        spec["identityProviderDetails"]["identityCenterConfig"]["role"] = json!(other);
        spec.as_object_mut().unwrap().remove("accessEndpoint");
    })
    .await;
    assert_eq!(rig.cloud.calls(), ["UpdateWebApp"]);
    let have = held(&rig);
    assert_eq!((have.provisioned, have.role, have.access_endpoint), (5, other, None), "the address is its own again");
    assert_eq!(rig.status(KIND, "portal")["accessEndpoint"], own);
    edited(&rig, |spec| spec["accessEndpoint"] = json!(own)).await;
    assert_eq!((rig.cloud.calls().len(), says(&rig, "Ready")), (0, verdict("True", reasons::AVAILABLE)), "the same");
    rig.delete(KIND, "portal");
    rig.run(KIND, "portal", REST).await;
    assert_eq!((rig.cloud.calls(), rig.get(KIND, "portal")), (vec!["DeleteWebApp".to_owned()], None));
}

/// Nobody knows how AWS shows an address: each edit takes one call, whatever it shows, and then all rests.
#[tokio::test(start_paused = true)]
async fn an_address_of_ones_own_comes_and_goes_however_aws_shows_it() {
    for spelt in [Addresses::Url, Addresses::Host, Addresses::Slash] {
        let rig = Rig::new();
        rig.cloud.sim().config.web_app_addresses = spelt;
        ready(&rig, json!({})).await;
        let own = format!(
            "https://{}.transfer-webapp.{REGION}.on.aws",
            rig.status(KIND, "portal")["webAppId"].as_str().unwrap()
        );
        rig.cloud.calls();
        for (address, calls) in [
            (Some("https://files.example.com"), 1),
            (Some("https://files.example.com/"), 0),
            (None, 1),
            (Some(own.as_str()), 0),
            (None, 0),
            (Some("https://files.example.com"), 1),
            (Some(own.as_str()), 1),
        ] {
            edited(&rig, |spec| match address {
                Some(address) => spec["accessEndpoint"] = json!(address),
                None => drop(spec.as_object_mut().unwrap().remove("accessEndpoint")),
            })
            .await;
            assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE), "{}", rig.message(KIND, "portal"));
            let held = held(&rig).access_endpoint;
            let wanted =
                address.filter(|address| *address != own).map(|address| address.trim_end_matches('/').to_owned());
            assert_eq!((held, rig.cloud.calls().len()), (wanted, calls), "{spelt:?}, {address:?}");
            assert_eq!(rig.status(KIND, "portal")["unset"], Value::Null, "{spelt:?}");
        }
    }
}

/// Where AWS shows no scheme, what it has of it is what was sent: an edit of it is one call, and what others change is seen
/// as far as AWS shows it.
#[tokio::test(start_paused = true)]
async fn the_scheme_of_an_address_is_sent_once_also_where_aws_does_not_show_it() {
    for spelt in [Addresses::Url, Addresses::Host, Addresses::Slash] {
        let rig = Rig::new();
        rig.cloud.sim().config.web_app_addresses = spelt;
        ready(&rig, json!({"accessEndpoint": "http://files.example.com"})).await;
        assert_eq!(rig.cloud.calls(), ["CreateWebApp"], "{spelt:?}");
        for (address, calls) in [
            ("http://files.example.com:80/", 0),
            ("https://files.example.com", 1),
            ("https://Files.example.com:443", 0),
            ("http://files.example.com", 1),
            ("http://other.example.com", 1),
        ] {
            edited(&rig, |spec| spec["accessEndpoint"] = json!(address)).await;
            assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE), "{}", rig.message(KIND, "portal"));
            assert_eq!(rig.cloud.calls().len(), calls, "{spelt:?}, {address}");
            rig.run(KIND, "portal", REST).await;
            assert_eq!(rig.cloud.calls().len(), 0, "{spelt:?}, {address}: at rest");
        }
        let http = Some("http://other.example.com".to_owned());
        assert_eq!(
            (held(&rig).access_endpoint, &rig.status(KIND, "portal")["accessEndpoint"]),
            (http.clone(), &json!(http))
        );
        somebody(&rig, |web_app| web_app.access_endpoint = Some("http://theirs.example.com".to_owned()));
        rig.run(KIND, "portal", REST).await;
        assert_eq!((held(&rig).access_endpoint, rig.cloud.calls().len()), (http, 1), "{spelt:?}: put right");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_web_app_looks_like_follows_its_spec_and_its_config_map() {
    let rig = branded().await;
    brand(&rig, &[("logo", "another logo"), ("icon", "an icon")]);
    rig.run(KIND, "portal", REST).await;
    assert_eq!((looks(&rig), rig.cloud.calls().len()), (some(["Files", "another logo", "an icon"]), 1));
    somebody(&rig, |web_app| web_app.customization.as_mut().unwrap().title = Some("Theirs".to_owned()));
    rig.run(KIND, "portal", REST).await;
    assert_eq!((looks(&rig), rig.cloud.calls().len()), (some(["Files", "another logo", "an icon"]), 1), "put right");
    edited(&rig, take_out("title")).await;
    assert_eq!(looks(&rig), some(["", "another logo", "an icon"]));
    assert_eq!(rig.cloud.calls(), ["UpdateWebAppCustomization"]);
    rig.run(KIND, "portal", REST).await;
    assert_eq!(rig.cloud.calls().len(), 0, "at rest");
}

/// AWS has no way to take one image out: everything goes, and the rest comes again.
#[tokio::test(start_paused = true)]
async fn one_image_is_taken_out_and_the_rest_is_put_there_again() {
    for absent in [Leniency::Refuse, Leniency::Accept] {
        let rig = branded().await;
        rig.cloud.sim().config.absent_customization = absent;
        edited(&rig, take_out("logoFrom")).await;
        assert_eq!(looks(&rig), some(["Files", "", "an icon"]));
        assert_eq!(rig.cloud.calls(), ["DeleteWebAppCustomization", "UpdateWebAppCustomization"]);
        edited(&rig, |spec| drop(spec.as_object_mut().unwrap().remove("customization"))).await;
        assert_eq!(
            (looks(&rig), rig.cloud.calls()),
            (some(["", "", ""]), vec!["DeleteWebAppCustomization".to_owned()])
        );
        rig.run(KIND, "portal", REST).await;
        assert_eq!((rig.cloud.calls().len(), says(&rig, "Ready")), (0, verdict("True", reasons::AVAILABLE)));
    }
}

/// Whoever takes over sees that nothing is there, and what the spec wants.
#[tokio::test(start_paused = true)]
async fn a_crash_between_taking_an_image_out_and_putting_the_rest_again_heals() {
    let mut rig = branded().await;
    rig.edit(KIND, "portal", |object| take_out("faviconFrom")(&mut object["spec"]));
    while rig.cloud.calls().is_empty() {
        rig.reconcile(KIND, "portal").await;
    }
    assert_eq!(looks(&rig), some(["", "", ""]));
    rig.restart();
    rig.run(KIND, "portal", REST).await;
    assert_eq!(
        (looks(&rig), rig.cloud.calls()),
        (some(["Files", "a logo", ""]), vec!["UpdateWebAppCustomization".to_owned()])
    );
}

/// Nothing is changed in AWS for an object that is suspended, not even what is under way; the spec holds what belongs there.
#[tokio::test(start_paused = true)]
async fn who_suspends_while_an_image_is_taken_out_has_the_rest_again_afterwards() {
    let rig = branded().await;
    rig.edit(KIND, "portal", |object| take_out("faviconFrom")(&mut object["spec"]));
    while rig.cloud.calls().is_empty() {
        rig.reconcile(KIND, "portal").await;
    }
    edited(&rig, |spec| spec["suspend"] = json!(true)).await;
    assert_eq!((looks(&rig), rig.cloud.calls().len()), (some(["", "", ""]), 0));
    edited(&rig, |spec| spec["suspend"] = json!(false)).await;
    assert_eq!((looks(&rig), says(&rig, "Ready").0), (some(["Files", "a logo", ""]), "True".to_owned()));
}

/// What goes along is put there again whatever happens in between: AWS refuses it, the ConfigMap goes, others set something.
#[tokio::test(start_paused = true)]
async fn what_is_to_be_put_there_again_comes_as_soon_as_it_can() {
    let rig = branded().await;
    rig.cloud.between.lock().unwrap().insert("DeleteWebAppCustomization", {
        let cloud = Arc::clone(&rig.cloud);
        Box::new(move || {
            cloud.refuse("InvalidRequestException", "no such image", |call| {
                call.operation() == "UpdateWebAppCustomization"
            });
        })
    });
    edited(&rig, take_out("faviconFrom")).await;
    assert_eq!((looks(&rig), says(&rig, "Ready").0), (some(["", "", ""]), "False".to_owned()));
    assert!(rig.message(KIND, "portal").contains("no such image"), "{}", rig.message(KIND, "portal"));
    *rig.cloud.refuses.lock().unwrap() = None;
    rig.run(KIND, "portal", REST).await;
    assert_eq!((looks(&rig), says(&rig, "Ready").0), (some(["Files", "a logo", ""]), "True".to_owned()));

    let rig = branded().await;
    rig.cloud.between.lock().unwrap().insert("DeleteWebAppCustomization", {
        let objects = Arc::clone(&rig.objects);
        Box::new(move || drop(objects.config_maps.lock().unwrap().remove(&name("brand"))))
    });
    edited(&rig, take_out("faviconFrom")).await;
    assert_eq!(
        (looks(&rig), says(&rig, "Ready")),
        (some(["Files", "", ""]), verdict("False", reasons::SOURCE_NOT_READY))
    );
    brand(&rig, &[("logo", "a logo")]);
    rig.run(KIND, "portal", REST).await;
    assert_eq!((looks(&rig), says(&rig, "Ready").0), (some(["Files", "a logo", ""]), "True".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_sets_while_an_image_is_taken_out_is_treated_as_ever() {
    let rig = branded().await;
    rig.edit(KIND, "portal", |object| take_out("faviconFrom")(&mut object["spec"]));
    while rig.cloud.calls().is_empty() {
        rig.reconcile(KIND, "portal").await;
    }
    somebody(&rig, |web_app| {
        let theirs = |text: &str| Some(text.to_owned());
        web_app.customization = Some(Customization {
            title: theirs("Theirs"),
            logo_file: None,
            favicon_file: theirs(&STANDARD.encode("theirs")),
        });
    });
    rig.run(KIND, "portal", REST).await;
    assert_eq!(looks(&rig)[..2], some(["Files", "a logo"]), "what is ours is put right");
    assert!(!looks(&rig).contains(&Some("theirs".to_owned())), "an icon that left the spec is not to be there");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_customization_is_looked_at_and_not_sent_again() {
    for call in ["DeleteWebAppCustomization", "UpdateWebAppCustomization"] {
        let rig = branded().await;
        rig.cloud.lose(call, Lose::Answer);
        edited(&rig, take_out("logoFrom")).await;
        assert_eq!(looks(&rig), some(["Files", "", "an icon"]), "{call}");
        assert_eq!(rig.cloud.calls(), ["DeleteWebAppCustomization", "UpdateWebAppCustomization"], "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_missing_or_too_large_leaves_what_aws_has() {
    let rig = branded().await;
    let large = "x".repeat(20_961);
    for (entries, reason, words) in [
        (&[("logo", "a new logo")][..], reasons::SOURCE_NOT_READY, "ConfigMap team/brand has no key icon"),
        (&[("logo", "a new logo"), ("icon", "")], reasons::SOURCE_NOT_READY, "has nothing under key icon"),
        (
            &[("logo", "a new logo"), ("icon", &large)],
            reasons::INVALID_SPEC,
            "20961 bytes under key icon, and AWS takes at most 20960",
        ),
    ] {
        brand(&rig, entries);
        rig.run(KIND, "portal", REST).await;
        assert_eq!(says(&rig, "Ready"), verdict("False", reason), "{words}");
        let message = rig.message(KIND, "portal");
        assert!(message.contains("spec.customization.faviconFrom") && message.contains(words), "{message}");
        assert_eq!(looks(&rig), some(["Files", "a new logo", "an icon"]), "the rest goes on");
    }
    rig.cloud.calls();
    // Nothing is taken out that could not be put there again.
    edited(&rig, take_out("logoFrom")).await;
    assert_eq!((looks(&rig), rig.cloud.calls().len()), (some(["Files", "a new logo", "an icon"]), 0));
    brand(&rig, &[("icon", "a new icon")]);
    rig.run(KIND, "portal", REST).await;
    assert_eq!(looks(&rig), some(["Files", "", "a new icon"]));
    assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_put_there_stays_is_shown_and_never_goes_along() {
    let rig = Rig::new();
    brand(&rig, &[("logo", "a logo")]);
    ready(&rig, json!({"customization": {"logoFrom": image("logo")}})).await;
    somebody(&rig, |web_app| web_app.customization.as_mut().unwrap().favicon_file = Some(STANDARD.encode("theirs")));
    rig.run(KIND, "portal", REST).await;
    rig.cloud.calls();
    assert_eq!(looks(&rig), some(["", "a logo", "theirs"]));
    let unset = rig.status(KIND, "portal")["unset"][0].clone();
    assert_eq!(unset["field"], "spec.customization.faviconFrom", "{unset}");
    assert!(unset["have"].as_str().unwrap().starts_with("sha256:"), "{unset}");
    edited(&rig, |spec| drop(spec.as_object_mut().unwrap().remove("customization"))).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CANNOT_CLEAR));
    assert!(rig.message(KIND, "portal").contains("only together with spec.customization.faviconFrom"));
    assert_eq!((looks(&rig), rig.cloud.calls().len()), (some(["", "a logo", "theirs"]), 0));
}

fn in_vpc(more: Value) -> Value {
    let mut vpc = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"]});
    vpc.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"endpointDetails": {"vpc": vpc}})
}

#[tokio::test(start_paused = true)]
async fn the_network_of_a_web_app_changes_where_aws_lets_it() {
    let (one, two) = ("sg-00000000000000001", "sg-00000000000000002");
    let rig = Rig::new();
    ready(&rig, in_vpc(json!({"securityGroupIds": [one], "ipAddressType": "IPV4"}))).await;
    assert_eq!(rig.cloud.calls(), ["CreateWebApp"]);
    let vpc = |rig: &Rig| held(rig).vpc.unwrap();
    edited(&rig, |spec| spec["endpointDetails"]["vpc"]["securityGroupIds"] = json!([two])).await;
    assert_eq!(
        rig.cloud.calls(),
        ["ModifyVpcEndpoint", "ModifyVpcEndpoint"],
        "the new one comes before the old one goes"
    );
    assert_eq!(vpc(&rig).security_group_ids, Some(vec![two.to_owned()]));
    edited(&rig, |spec| {
        spec["endpointDetails"]["vpc"]["subnetIds"] = json!(["subnet-1", "subnet-2"]);
        spec["endpointDetails"]["vpc"]["ipAddressType"] = json!("DUALSTACK");
    })
    .await;
    assert_eq!(rig.cloud.calls(), ["UpdateWebApp"], "{}", rig.message(KIND, "portal"));
    assert_eq!(vpc(&rig).subnet_ids.unwrap().len(), 2);
    assert_eq!(vpc(&rig).ip_address_type.as_deref(), Some("DUALSTACK"));
    rig.run(KIND, "portal", REST).await;
    assert_eq!((rig.cloud.calls().len(), says(&rig, "Ready")), (0, verdict("True", reasons::AVAILABLE)), "at rest");
    let status = rig.status(KIND, "portal");
    assert!(status["accessEndpoint"].as_str().unwrap().starts_with("https://vpce-"), "{status}");
    assert_eq!(status["unset"], Value::Null, "the address in the VPC is nobody's setting");
    edited(&rig, |spec| drop(spec["endpointDetails"]["vpc"].as_object_mut().unwrap().remove("securityGroupIds"))).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CANNOT_CLEAR));
    assert_eq!(rig.cloud.calls().len(), 0);
}

/// Nothing shows what AWS has, so that what may have been sent is not what was taken.
#[tokio::test(start_paused = true)]
async fn a_type_of_addresses_that_is_set_first_is_sent_until_aws_took_it() {
    for lost in [Lose::Call(AwsErrorKind::Unavailable), Lose::Call(AwsErrorKind::Conflict), Lose::Answer] {
        let mut rig = Rig::new();
        ready(&rig, in_vpc(json!({}))).await;
        rig.cloud.calls();
        rig.cloud.lose("UpdateWebApp", lost);
        rig.edit(KIND, "portal", |object| {
            object["spec"]["endpointDetails"]["vpc"]["ipAddressType"] = json!("DUALSTACK");
        });
        rig.reconcile(KIND, "portal").await;
        rig.restart();
        rig.run(KIND, "portal", REST).await;
        assert_eq!(held(&rig).vpc.unwrap().ip_address_type.as_deref(), Some("DUALSTACK"));
        assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE));
        rig.cloud.calls();
        rig.run(KIND, "portal", REST).await;
        assert_eq!(rig.cloud.calls().len(), 0, "at rest");
        edited(&rig, |spec| drop(spec["endpointDetails"]["vpc"].as_object_mut().unwrap().remove("ipAddressType")))
            .await;
        assert_eq!((says(&rig, "Stalled"), rig.cloud.calls().len()), (verdict("True", reasons::CANNOT_CLEAR), 0));
    }
}

/// What AWS has stays as long as it may refuse what comes in its place.
#[tokio::test(start_paused = true)]
async fn no_image_is_taken_out_before_aws_took_what_is_new() {
    let rig = branded().await;
    rig.cloud
        .refuse("InvalidRequestException", "no such image", |call| call.operation() == "UpdateWebAppCustomization");
    brand(&rig, &[("logo", "what AWS refuses"), ("icon", "an icon")]);
    edited(&rig, take_out("faviconFrom")).await;
    assert_eq!((looks(&rig), says(&rig, "Ready").0), (some(["Files", "a logo", "an icon"]), "False".to_owned()));
    assert!(!rig.cloud.calls().contains(&"DeleteWebAppCustomization".to_owned()));
}

/// Rules at admission refuse these; what came past them is held and told.
#[tokio::test(start_paused = true)]
async fn what_aws_cannot_change_is_told_and_everything_else_waits() {
    let other = "arn:aws:sso:::instance/ssoins-ffffffffffffffff";
    let rows: [(Value, fn(&mut Value), &str); 4] = [
        (
            json!({}),
            |spec| spec["endpointDetails"] = in_vpc(json!({}))["endpointDetails"].clone(),
            "endpointDetails.vpc.vpcId",
        ),
        (
            in_vpc(json!({})),
            |spec| spec["endpointDetails"]["vpc"]["vpcId"] = json!("vpc-2"),
            "endpointDetails.vpc.vpcId",
        ),
        (
            in_vpc(json!({})),
            |spec| drop(spec.as_object_mut().unwrap().remove("endpointDetails")),
            "endpointDetails.vpc.vpcId",
        ),
        (json!({}), |spec| spec["webAppEndpointPolicy"] = json!("FIPS"), "webAppEndpointPolicy"),
    ];
    for (spec, change, path) in rows {
        let rig = Rig::new();
        ready(&rig, spec).await;
        rig.cloud.calls();
        edited(&rig, |spec| {
            change(spec);
            spec["webAppUnits"] = json!({"provisioned": 7});
        })
        .await;
        assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::IMMUTABLE), "{path}");
        assert!(rig.message(KIND, "portal").contains(path), "{}", rig.message(KIND, "portal"));
        assert_eq!(rig.cloud.calls().len(), 0, "{path}");
    }
    let rig = Rig::new();
    ready(&rig, json!({})).await;
    edited(&rig, |spec| spec["identityProviderDetails"]["identityCenterConfig"]["instanceArn"] = json!(other)).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::IMMUTABLE));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_granted_no_more_is_not_sent_and_the_rest_is() {
    let rig = Rig::new();
    ready(&rig, json!({})).await;
    rig.cloud.calls();
    edited(&rig, |spec| {
        spec["identityProviderDetails"]["identityCenterConfig"]["role"] =
            json!("arn:aws:iam::123456789012:role/theirs");
        spec["webAppUnits"] = json!({"provisioned": 3});
    })
    .await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::ROLE_NOT_GRANTED));
    assert_eq!((held(&rig).provisioned, held(&rig).role, rig.cloud.calls().len()), (3, ROLE.to_owned(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_web_app_that_is_taken_over_gets_once_what_aws_never_shows() {
    let rig = Rig::new();
    rig.cloud.put_web_app("webapp-0123456789abcdef0", &Tags::new());
    rig.adoptable(&["webapp-0123456789abcdef0"]);
    let lifecycle = json!({"deletionPolicy": "Retain", "adoption": {"id": "webapp-0123456789abcdef0"}});
    ready(&rig, json!({"lifecycle": lifecycle})).await;
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
    assert_eq!(rig.status(KIND, "portal")["webAppId"], "webapp-0123456789abcdef0");
}

/// What cannot be compared is not known to be the same.
#[tokio::test(start_paused = true)]
async fn a_web_app_whose_groups_ec2_hides_is_not_taken_over_as_identical() {
    let (id, group) = ("webapp-0123456789abcdef0", "sg-00000000000000001");
    let rig = Rig::new();
    rig.cloud.put_web_app(id, &Tags::new());
    rig.cloud.sim().world.region(ACCOUNT, REGION).web_apps.get_mut(id).unwrap().what.vpc = Some(WebAppVpc {
        vpc_id: Some("vpc-1".to_owned()),
        subnet_ids: Some(vec!["subnet-1".to_owned()]),
        security_group_ids: Some(vec![group.to_owned()]),
        ip_address_type: None,
        vpc_endpoint_id: Some("vpce-0123456789abcdef0".to_owned()),
    });
    rig.adoptable(&[id]);
    rig.cloud.faults.lock().unwrap().insert("DescribeVpcEndpoints", AwsErrorKind::Denied);
    let mut spec = in_vpc(json!({"securityGroupIds": [group]}));
    spec["lifecycle"] = json!({"deletionPolicy": "Retain", "adoption": {"id": id}});
    rig.web_app("portal", spec);
    rig.run(KIND, "portal", REST).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::NOT_IDENTICAL));
    let message = rig.message(KIND, "portal");
    assert!(
        !message.contains("differs from") && message.contains("ec2:Desc"),
        "nothing that is seen differs: {message}"
    );
    let unseen = "does not differ from the spec as far as AWS shows it, but spec.endpointDetails.vpc.securityGroupIds cannot \
                  be compared: ";
    assert!(message.contains(unseen), "{message}");
    assert_eq!((rig.cloud.calls().len(), &rig.status(KIND, "portal")["drift"]), (0, &Value::Null));
    rig.edit(KIND, "portal", |object| object["spec"]["webAppUnits"] = json!({"provisioned": 7}));
    rig.run(KIND, "portal", REST).await;
    let message = rig.message(KIND, "portal");
    assert!(message.contains("differs from the spec, see status.drift, and spec.endpointDetails.vpc"), "{message}");
    assert_eq!(rig.status(KIND, "portal")["drift"][0]["path"], "spec.webAppUnits.provisioned");
    rig.edit(KIND, "portal", |object| drop(object["spec"].as_object_mut().unwrap().remove("webAppUnits")));
    rig.cloud.faults.lock().unwrap().clear();
    // Nor where AWS does not even say which endpoint it is, of which EC2 then is not asked.
    changed(&rig, id, |web_app| web_app.vpc.as_mut().unwrap().vpc_endpoint_id = None);
    rig.run(KIND, "portal", REST).await;
    let message = rig.message(KIND, "portal");
    assert!(message.contains(unseen) && message.contains("which endpoint it is of; nothing is touched"), "{message}");
    let endpoint = Some("vpce-0123456789abcdef0".to_owned());
    changed(&rig, id, |web_app| web_app.vpc.as_mut().unwrap().vpc_endpoint_id = endpoint);
    rig.run(KIND, "portal", REST).await;
    assert_eq!((rig.cloud.calls(), says(&rig, "Ready").0), (vec!["TagResource".to_owned()], "True".to_owned()));
}

/// What was never sent needs no way back.
#[tokio::test(start_paused = true)]
async fn groups_that_ec2_hid_all_the_time_can_leave_the_spec_again() {
    let group = "sg-00000000000000001";
    let rig = Rig::new();
    ready(&rig, in_vpc(json!({}))).await;
    rig.cloud.calls();
    rig.cloud.faults.lock().unwrap().insert("DescribeVpcEndpoints", AwsErrorKind::Denied);
    edited(&rig, |spec| {
        spec["endpointDetails"]["vpc"]["securityGroupIds"] = json!([group]);
        spec["webAppUnits"] = json!({"provisioned": 2});
    })
    .await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::ACCESS_DENIED));
    assert_eq!(
        (rig.cloud.calls(), &rig.status(KIND, "portal")["drift"]),
        (vec!["UpdateWebApp".to_owned()], &Value::Null)
    );
    edited(&rig, |spec| drop(spec["endpointDetails"]["vpc"].as_object_mut().unwrap().remove("securityGroupIds"))).await;
    assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE), "{}", rig.message(KIND, "portal"));
    // Once they were sent, they are remembered, also while they are hidden.
    rig.cloud.faults.lock().unwrap().clear();
    edited(&rig, |spec| spec["endpointDetails"]["vpc"]["securityGroupIds"] = json!([group])).await;
    assert_eq!(says(&rig, "Ready"), verdict("True", reasons::AVAILABLE));
    rig.cloud.faults.lock().unwrap().insert("DescribeVpcEndpoints", AwsErrorKind::Denied);
    edited(&rig, |spec| spec["webAppUnits"] = json!({"provisioned": 3})).await;
    edited(&rig, |spec| drop(spec["endpointDetails"]["vpc"].as_object_mut().unwrap().remove("securityGroupIds"))).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::CANNOT_CLEAR));
}

/// Whether they left the spec is told from what was sent, which no look without the endpoint puts out of mind.
#[tokio::test(start_paused = true)]
async fn groups_that_leave_the_spec_while_the_endpoint_is_hidden_are_remembered() {
    let (group, path) = ("sg-00000000000000001", "endpointDetails.vpc.securityGroupIds");
    let rig = Rig::new();
    ready(&rig, in_vpc(json!({"securityGroupIds": [group]}))).await;
    let hash = |rig: &Rig| rig.status(KIND, "portal")["applied"]["hashes"][path].clone();
    let (sent, endpoint) = (hash(&rig), held(&rig).vpc.unwrap().vpc_endpoint_id);
    somebody(&rig, |web_app| web_app.vpc.as_mut().unwrap().vpc_endpoint_id = None);
    edited(&rig, |spec| drop(spec["endpointDetails"]["vpc"].as_object_mut().unwrap().remove("securityGroupIds"))).await;
    assert_eq!((&hash(&rig), says(&rig, "Ready").0), (&sent, "True".to_owned()), "{sent}");
    rig.cloud.calls();
    somebody(&rig, |web_app| web_app.vpc.as_mut().unwrap().vpc_endpoint_id = endpoint);
    rig.run(KIND, "portal", REST).await;
    assert_eq!((says(&rig, "Stalled"), rig.cloud.calls().len()), (verdict("True", reasons::CANNOT_CLEAR), 0));
    edited(&rig, |spec| spec["endpointDetails"]["vpc"]["securityGroupIds"] = json!([group])).await;
    assert_eq!((hash(&rig), says(&rig, "Ready").0), (sent, "True".to_owned()));
}

/// Who may not call IAM Identity Center is told where the rights stand.
#[tokio::test(start_paused = true)]
async fn a_refusal_for_lack_of_rights_names_the_command_that_prints_them() {
    let rig = Rig::new();
    rig.cloud.refuse("AccessDeniedException", "not authorized to perform: sso:CreateApplication", |call| {
        call.operation() == "CreateWebApp"
    });
    rig.web_app("portal", json!({}));
    rig.run(KIND, "portal", REST).await;
    assert_eq!(says(&rig, "Ready").0, "False");
    let message = rig.message(KIND, "portal");
    assert!(
        message.contains("sso:CreateApplication") && message.contains("iam-policy --features web-apps"),
        "{message}"
    );
}
