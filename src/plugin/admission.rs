//! What an API server has against an object, told without one: the CRD's schema, its defaults and its rules. It knows
//! no object and decides nothing about the product.

use std::collections::BTreeMap;

use kube::core::cel::{CompiledSchema, Validator, apply_defaults, compile_schema};
use serde_json::Value;

use super::openapi::{self, Refusal};
use crate::api;

struct Kind {
    schema: Value,
    compiled: CompiledSchema,
}

/// The CRDs as they are installed.
pub struct Admission {
    kinds: BTreeMap<String, Kind>,
    validator: Validator,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new()
    }
}

impl Admission {
    /// The CRDs of this version of the program.
    #[must_use]
    pub fn new() -> Self {
        let kinds = api::all_crds().into_iter().map(|crd| {
            let version = crd.spec.versions.into_iter().next();
            let schema = version.and_then(|version| version.schema?.open_api_v3_schema);
            let schema = serde_json::to_value(schema).unwrap_or_default();
            let compiled = compile_schema(&plain_old_self(&schema));
            (crd.spec.names.kind, Kind { schema, compiled })
        });
        Self { kinds: kinds.collect(), validator: Validator::new() }
    }

    /// Every kind with its schema.
    pub fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.kinds.iter().map(|(name, kind)| (name.as_str(), &kind.schema))
    }

    /// The schema of a kind; null for one that is not ours.
    #[must_use]
    pub fn schema(&self, kind: &str) -> &Value {
        self.kinds.get(kind).map_or(&Value::Null, |kind| &kind.schema)
    }

    /// What is wrong with the object. As in an API server, rules are not evaluated where the schema refuses more than the
    /// range or the look of a value.
    #[must_use]
    pub fn findings(&self, object: &Value, old: Option<&Value>) -> Vec<Refusal> {
        let name = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        let Some(Kind { schema, compiled }) = self.kinds.get(name) else {
            return vec![Refusal { path: "kind".to_owned(), text: format!("kind: {name:?} is no kind of ours") }];
        };
        let mut found = openapi::violations(schema, object);
        if found.iter().any(|refusal| !refusal.text.contains(" in body should ")) {
            return found;
        }
        if let Err(errors) = self.validator.validate_compiled(compiled, object, old) {
            found.extend(errors.into_vec().into_iter().map(|error| {
                let text = format!("{}: {}", error.field_path, error.message);
                Refusal { path: error.field_path, text }
            }));
        }
        found
    }

    /// [`Self::findings`] as the API server writes them.
    #[must_use]
    pub fn refusals(&self, object: &Value, old: Option<&Value>) -> Vec<String> {
        self.findings(object, old).into_iter().map(|refusal| refusal.text).collect()
    }

    /// The object with its defaults.
    #[must_use]
    pub fn defaulted(&self, object: &Value) -> Value {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        apply_defaults(self.schema(kind), object)
    }
}

/// For a rule with `optionalOldSelf`, kube-cel has the old object itself or null, and no optional of it.
fn plain_old_self(schema: &Value) -> Value {
    match schema {
        Value::String(text) => {
            text.replace("oldSelf.hasValue()", "oldSelf != null").replace("oldSelf.value()", "oldSelf").into()
        }
        Value::Array(items) => items.iter().map(plain_old_self).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), plain_old_self(member))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => schema.clone(),
    }
}
