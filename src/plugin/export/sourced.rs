//! What names something beside it that holds its bytes, as specs: certificates, and web apps with their images. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::FoundWebApp;
use super::document::{Document, Taken, Target, at, fields, members_of, owned};
use crate::api::CERTIFICATE_LABEL;
use crate::aws::transfer::{Certificate, WITH_PRIVATE_KEY, WebApp, WebAppCustomization};
use crate::x509;

/// The entry of a ConfigMap that holds a certificate.
const PEM: &str = "certificate.pem";

/// How long partners have a renewed certificate before it is used. AWS keeps no such time and a spec needs one: a week is
/// the example of its field.
const NOTICE: &str = "168h";

/// A certificate, and the ConfigMap that it is read from where it is a partner's. AWS gives out no private key: the Secret
/// with one's own certificate is a person's to bring.
pub(super) fn of_certificate(target: &Target, found: &Certificate, name: &str) -> Vec<Document> {
    let Certificate {
        arn: _,
        certificate_id,
        usage,
        status: _,
        certificate,
        certificate_chain,
        active_date,
        inactive_date,
        serial: _,
        not_before_date,
        not_after_date,
        certificate_type,
        description,
        tags,
    } = found;
    // Where nobody said a date AWS has that of the certificate, and a spec means none outside of its validity.
    let second = |date: Option<Timestamp>| date.and_then(|date| Timestamp::from_second(date.as_second()).ok());
    let [active, inactive, first, last] =
        [active_date, inactive_date, not_before_date, not_after_date].map(|date| second(*date));
    let active = active.filter(|date| first.is_none_or(|first| first < *date));
    let inactive = inactive.filter(|date| last.is_none_or(|last| *date < last));
    let mut members = members_of(
        &json!({"usage": usage, "activeDate": active, "inactiveDate": inactive, "description": description}),
    );
    let mut pem = x509::certificates(certificate).unwrap_or_default();
    if !pem.is_empty() {
        pem.extend(certificate_chain.as_deref().and_then(x509::certificates).unwrap_or_default());
    }
    let (source, mut notes, before) = if certificate_type.as_deref() == Some(WITH_PRIVATE_KEY) {
        (secret(name), brought(target, name, &pem), None)
    } else {
        let map = format!("{name}-certificate");
        let source = json!({"configMapKeyRef": {"name": map, "key": PEM}});
        let told = pem
            .is_empty()
            .then(|| format!("AWS shows no certificate that can be read: put it into ConfigMap {map} under key {PEM}"));
        let before = (!pem.is_empty()).then(|| beside(target, &map, "data", &json!({PEM: pem.concat()})));
        (source, told.into_iter().collect(), before)
    };
    members.extend(fields(source));
    if certificate_type.is_none() {
        notes.push("AWS does not say whether it has the private key: if so, name a Secret in secretRef".to_owned());
    }
    if inactive.is_some() {
        notes.push("inactiveDate is of this certificate: take it out before its source holds another one".to_owned());
    }
    let taken = Taken { id: certificate_id, tags, at: at(target), members };
    let mut document = taken.document(target, "TransferCertificate", name);
    document.notes.extend(notes);
    before.into_iter().chain([document]).collect()
}

/// Whether it is taken over as it is exported: nobody has to bring anything, or to let it go first.
pub(super) fn is_whole(found: &Certificate) -> bool {
    let shown = x509::certificates(&found.certificate).is_some();
    shown && found.certificate_type.as_deref() != Some(WITH_PRIVATE_KEY) && owned(&found.tags).is_none()
}

fn secret(name: &str) -> Value {
    json!({"secretRef": {"name": name}, "rotation": {"notice": NOTICE}})
}

/// What a person has to bring for one's own certificate.
fn brought(target: &Target, secret: &str, pem: &[String]) -> Vec<String> {
    let print = pem.first().and_then(|pem| x509::fingerprint(pem)).unwrap_or_else(|| "unknown".to_owned());
    let chain = match pem.len().saturating_sub(1) {
        0 => String::new(),
        count => format!(", then the {count} of its chain"),
    };
    let namespace = &target.namespace;
    vec![
        "AWS gives out no private key: until there is a Secret with it nothing is taken over, and nothing changed."
            .to_owned(),
        format!("  Secret {namespace}/{secret}, or say in secretRef which, with label {CERTIFICATE_LABEL}: \"true\","),
        "  in a namespace of the chart's secrets.namespaces:".to_owned(),
        format!("  tls.crt: this certificate (SHA-256 {print}){chain}"),
        "  tls.key: its private key".to_owned(),
        "rotation.notice is a week: say how long partners need to take a renewed one".to_owned(),
    ]
}

/// A web app, and the ConfigMap of its images where it has some.
pub(super) fn of_web_app(target: &Target, found: &FoundWebApp, name: &str) -> Vec<Document> {
    let FoundWebApp { web_app, look, security_groups } = found;
    let WebApp {
        arn: _,
        web_app_id,
        application_arn: _,
        web_app_endpoint: _,
        endpoint_type: _,
        vpc_endpoint_id: _,
        settings,
        tags,
    } = web_app;
    let mut settings = settings.clone();
    settings.access_endpoint = web_app.given_address(settings.access_endpoint.as_deref());
    let vpc = settings.endpoint_details.as_mut().and_then(|details| details.vpc.as_mut());
    let hidden = vpc.is_some().then_some("ipAddressType is left out, as AWS does not show it, and stays as it is");
    if let Some(vpc) = vpc {
        vpc.security_group_ids = security_groups.ids();
    }
    let mut members = members_of(&settings);
    let map = format!("{name}-images");
    let (look, images) = looks(look, &map);
    members.extend(look);
    let taken = Taken { id: web_app_id, tags, at: at(target), members };
    let mut document = taken.document(target, "TransferWebApp", name);
    document.notes.extend(hidden.map(str::to_owned));
    document.notes.extend(security_groups.note());
    let before = (!images.is_empty()).then(|| beside(target, &map, "binaryData", &json!(images)));
    before.into_iter().chain([document]).collect()
}

/// How it looks, as a spec says it, and the images that it names.
fn looks(look: &WebAppCustomization, map: &str) -> (Option<(String, Value)>, Map<String, Value>) {
    let WebAppCustomization { title, logo_file, favicon_file } = look;
    let (mut members, mut images) = (members_of(&json!({"title": title})), Map::new());
    for (field, key, image) in [("logoFrom", "logo", logo_file), ("faviconFrom", "favicon", favicon_file)] {
        let Some(image) = image.as_ref().filter(|image| !image.0.is_empty()) else { continue };
        members.insert(field.to_owned(), json!({"configMapKeyRef": {"name": map, "key": key}}));
        images.insert(key.to_owned(), json!(STANDARD.encode(&image.0)));
    }
    ((!members.is_empty()).then(|| ("customization".to_owned(), Value::Object(members))), images)
}

/// The ConfigMap beside an object: its `data` are texts, its `binaryData` bytes in base64.
fn beside(target: &Target, name: &str, entries: &str, values: &Value) -> Document {
    let metadata = json!({"name": name, "namespace": target.namespace});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, entries: values});
    Document { notes: Vec::new(), object }
}
