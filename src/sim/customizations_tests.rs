#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

fn web_app(bench: &mut Bench) -> Value {
    let center = json!({"InstanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "Role": ROLE});
    let made = bench.ok("CreateWebApp", json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}}));
    json!({"WebAppId": made["WebAppId"]})
}

fn with(base: &Value, more: &Value) -> Value {
    let mut all = base.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn updated(bench: &mut Bench, which: &Value, more: &Value) -> Value {
    bench.ok("UpdateWebAppCustomization", with(which, more));
    bench.ok("DescribeWebAppCustomization", which.clone())["WebAppCustomization"].clone()
}

#[test]
fn what_an_update_names_is_replaced_and_the_rest_stays() {
    let mut bench = Bench::new();
    let which = web_app(&mut bench);
    let id = which["WebAppId"].as_str().unwrap();
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:webapp/{id}");
    let identity = with(&which, &json!({"Arn": arn}));
    let all = json!({"Title": "Files", "LogoFile": "bG9nbw==", "FaviconFile": "aWNvbg=="});
    assert_eq!(updated(&mut bench, &which, &all), with(&identity, &all));
    assert!(bench.call("DescribeWebApp", which.clone()).is_ok());
    let shown = updated(&mut bench, &which, &json!({"Title": "Other"}));
    assert_eq!(shown, with(&identity, &with(&all, &json!({"Title": "Other"}))));
    let shown = updated(&mut bench, &which, &json!({"Title": ""}));
    assert_eq!(shown, with(&identity, &json!({"LogoFile": "bG9nbw==", "FaviconFile": "aWNvbg=="})));
    bench.ok("UpdateWebAppCustomization", which);
    assert!(!bench.changed, "nothing said is no change");
}

#[test]
fn a_deleted_customization_is_unknown_or_empty() {
    let mut bench = Bench::new();
    let which = web_app(&mut bench);
    let told = "ResourceNotFoundException: Unknown web app customization";
    for operation in ["DescribeWebAppCustomization", "DeleteWebAppCustomization"] {
        assert_eq!(bench.call(operation, which.clone()).unwrap_err(), told, "{operation}");
    }
    updated(&mut bench, &which, &json!({"LogoFile": "bG9nbw=="}));
    bench.ok("DeleteWebAppCustomization", which.clone());
    assert!(bench.changed);
    assert_eq!(bench.call("DescribeWebAppCustomization", which.clone()).unwrap_err(), told);
    bench.set(&json!({"absent_customization": "accept"}));
    let shown = bench.ok("DescribeWebAppCustomization", which.clone())["WebAppCustomization"].clone();
    assert_eq!((&shown["WebAppId"], shown.as_object().unwrap().len()), (&which["WebAppId"], 2));
    bench.ok("DeleteWebAppCustomization", which);
    assert!(!bench.changed);
}

#[test]
fn files_are_counted_in_bytes_and_have_to_be_base64() {
    let mut bench = Bench::new();
    let which = web_app(&mut bench);
    let of = |bytes: usize| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![7; bytes]);
    for (member, most) in [("LogoFile", 51_200), ("FaviconFile", 20_960)] {
        bench.ok("UpdateWebAppCustomization", with(&which, &json!({member: of(most)})));
        let refused =
            bench.call("UpdateWebAppCustomization", with(&which, &json!({member: of(most + 1)}))).unwrap_err();
        assert!(
            refused.starts_with("ValidationException") && refused.contains(&format!("equal to {most}")),
            "{refused}"
        );
        let refused = bench.call("UpdateWebAppCustomization", with(&which, &json!({member: "no base64"}))).unwrap_err();
        assert!(refused.starts_with("SerializationException"), "{refused}");
    }
}

#[test]
fn what_a_web_app_looks_like_goes_with_it() {
    let mut bench = Bench::new();
    let which = web_app(&mut bench);
    updated(&mut bench, &which, &json!({"Title": "Files"}));
    bench.ok("DeleteWebApp", which.clone());
    let refused = bench.call("DescribeWebAppCustomization", which).unwrap_err();
    assert_eq!(refused, "ResourceNotFoundException: Unknown web app");
}
