//! From derived schemas to the CRDs that are installed: what the derive macros cannot say is put right here, once
//! for all kinds. It decides nothing about single fields.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::AwsIdentity;
use super::status::NEVER_OBSERVED;
use crate::with_kinds;

/// Formats that the API server knows; others it warns about.
const KNOWN_FORMATS: [&str; 4] = ["int32", "int64", "date-time", "double"];

macro_rules! derived {
    ($($plural:ident: $kind:ident,)+) => {
        vec![AwsIdentity::crd(), $(super::$kind::crd()),+]
    };
}

/// All CRDs as they are installed.
#[must_use]
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    let mut crds = with_kinds!(derived);
    crds.iter_mut().for_each(finish);
    crds
}

fn finish(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        walk(root);
        default_status(root);
    }
}

/// A status that nobody wrote must read as "not seen yet"; a default on the inner field alone would not appear.
fn default_status(root: &mut JSONSchemaProps) {
    let status = root.properties.as_mut().and_then(|properties| properties.get_mut("status"));
    if let Some(status) = status {
        status.default = Some(JSON(json!({ "observedGeneration": NEVER_OBSERVED })));
    }
}

fn walk(schema: &mut JSONSchemaProps) {
    complete_request(schema);
    for property in schema.properties.iter_mut().flat_map(|map| map.values_mut()) {
        walk(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => walk(items),
        Some(JSONSchemaPropsOrArray::Schemas(list)) => list.iter_mut().for_each(walk),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        walk(values);
    }
}

/// Optional fields come out as nullable, and `null` among the values of optional enums. With nullable a written
/// `null` would suppress the default, and server-side apply would own it.
fn complete_request(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(values) = &mut schema.enum_ {
        values.retain(|value| !value.0.is_null());
    }
    if schema.format.as_deref().is_some_and(|format| !KNOWN_FORMATS.contains(&format)) {
        schema.format = None;
    }
    if let Some(text) = &mut schema.description {
        *text = one_line(text);
    }
}

/// Comments are broken at the width of the source; the terminal that shows them breaks them at its own.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
