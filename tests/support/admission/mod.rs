//! What an API server has against an object, told without one: the CRD's schema, its defaults and its rules. It knows
//! no object and decides nothing about the product.
#![allow(dead_code, reason = "each test binary uses a part")]

mod openapi;

use std::collections::BTreeMap;

use kube::core::cel::{CompiledSchema, Validator, apply_defaults, compile_schema};
use serde_json::Value;
use transfer_operator::api;

struct Kind {
    schema: Value,
    compiled: CompiledSchema,
}

/// The CRDs as they are installed.
pub struct Admission {
    kinds: BTreeMap<String, Kind>,
    validator: Validator,
}

impl Admission {
    pub fn new() -> Self {
        let kinds = api::all_crds().into_iter().map(|crd| {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].take();
            let compiled = compile_schema(&plain_old_self(&schema));
            (crd.spec.names.kind, Kind { schema, compiled })
        });
        Self { kinds: kinds.collect(), validator: Validator::new() }
    }

    /// Every kind with its schema.
    pub fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.kinds.iter().map(|(name, kind)| (name.as_str(), &kind.schema))
    }

    pub fn schema(&self, kind: &str) -> &Value {
        &self.kinds[kind].schema
    }

    /// What is wrong with the object. As in an API server, rules are not evaluated where the schema refuses more than the
    /// range or the look of a value.
    pub fn refusals(&self, object: &Value, old: Option<&Value>) -> Vec<String> {
        let Kind { schema, compiled } = &self.kinds[object["kind"].as_str().unwrap()];
        let mut found = openapi::violations(schema, object);
        if found.iter().any(|text| !text.contains(" in body should ")) {
            return found;
        }
        if let Err(errors) = self.validator.validate_compiled(compiled, object, old) {
            found.extend(errors.into_vec().iter().map(|error| format!("{}: {}", error.field_path, error.message)));
        }
        found
    }

    /// The object with its defaults.
    pub fn defaulted(&self, object: &Value) -> Value {
        apply_defaults(self.schema(object["kind"].as_str().unwrap()), object)
    }

    /// The object as it would be stored, or why it would not be.
    pub fn admit(&self, object: &Value, old: Option<&Value>) -> Result<Value, Vec<String>> {
        let refusals = self.refusals(object, old);
        if refusals.is_empty() { Ok(self.defaulted(object)) } else { Err(refusals) }
    }
}

/// For a rule with `optionalOldSelf`, kube-cel has the old object itself or null, and no optional of it.
fn plain_old_self(schema: &Value) -> Value {
    let text =
        schema.to_string().replace("oldSelf.hasValue()", "oldSelf != null").replace("oldSelf.value()", "oldSelf");
    serde_json::from_str(&text).unwrap()
}
