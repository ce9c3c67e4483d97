//! The schema of a spec as a tree, and the values of a spec by their place in it.

use serde_json::{Map, Value};

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Member(String),
    /// The first item of a list.
    Item,
    /// The first entry of a map.
    Entry,
}

/// A place in a spec that can be set on its own.
#[derive(Clone, Debug)]
pub struct Node {
    /// Such as `spec.hostKeys[].tags{}`.
    pub path: String,
    steps: Vec<Action>,
    pub schema: Value,
}

impl Node {
    /// The spec of a kind.
    pub fn spec(crd: &Value) -> Self {
        Self { path: "spec".to_owned(), steps: Vec::new(), schema: crd["properties"]["spec"].clone() }
    }

    /// Every place below this one.
    pub fn below(&self) -> Vec<Self> {
        self.children().into_iter().flat_map(|child| [vec![child.clone()], child.below()].concat()).collect()
    }

    pub fn children(&self) -> Vec<Self> {
        let members = self.schema["properties"].as_object().into_iter().flatten();
        let members = members.map(|(name, _)| Action::Member(name.clone()));
        let items = self.schema["items"].is_object().then_some(Action::Item);
        let entries = self.schema["additionalProperties"].is_object().then_some(Action::Entry);
        members.chain(items).chain(entries).map(|step| self.child(&step)).collect()
    }

    fn child(&self, step: &Action) -> Self {
        let (path, schema) = match step {
            Action::Member(name) => (format!("{}.{name}", self.path), &self.schema["properties"][name]),
            Action::Item => (format!("{}[]", self.path), &self.schema["items"]),
            Action::Entry => (format!("{}{{}}", self.path), &self.schema["additionalProperties"]),
        };
        Self { path, steps: self.steps.iter().cloned().chain([step.clone()]).collect(), schema: schema.clone() }
    }

    pub fn kind(&self) -> &str {
        self.schema["type"].as_str().unwrap_or_default()
    }

    pub fn requires(&self, member: &Self) -> bool {
        let mut required = self.schema["required"].as_array().into_iter().flatten();
        required.any(|name| member.steps.last() == Some(&Action::Member(name.as_str().unwrap_or_default().to_owned())))
    }

    /// A limit of the schema, which may be written as 10 or 10.0.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.schema[name].to_string().trim_end_matches(".0").parse().ok()
    }

    /// What stands there.
    pub fn get<'a>(&self, spec: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(spec, |value, step| match step {
            Action::Member(name) => value.get(name),
            Action::Item => value.get(0),
            Action::Entry => value.as_object()?.values().next(),
        })
    }

    /// Puts a value at a place below, or takes away what stands there. What is missing on the way comes from `sample`.
    pub fn put(&self, at: &mut Value, place: &Self, value: Option<Value>, sample: &dyn Fn(&Self) -> Value) {
        let step = &place.steps[self.steps.len()];
        if place.steps.len() == self.steps.len() + 1 {
            return set(at, step, value);
        }
        let child = self.child(step);
        if inner(at, step).is_none() {
            set(at, step, Some(sample(&child)));
        }
        if let Some(inner) = inner(at, step) {
            child.put(inner, place, value, sample);
        }
    }
}

fn inner<'a>(at: &'a mut Value, step: &Action) -> Option<&'a mut Value> {
    match step {
        Action::Member(name) => at.get_mut(name),
        Action::Item => at.get_mut(0),
        Action::Entry => at.as_object_mut()?.values_mut().next(),
    }
}

fn set(at: &mut Value, step: &Action, value: Option<Value>) {
    match step {
        Action::Member(name) => enter(members(at), name, value),
        Action::Entry => {
            let name = members(at).keys().next().cloned().unwrap_or_else(|| "purpose".to_owned());
            enter(members(at), &name, value);
        }
        Action::Item => {
            let items = at.as_array_mut().expect("a list");
            if !items.is_empty() {
                items.remove(0);
            }
            if let Some(value) = value {
                items.insert(0, value);
            }
        }
    }
}

fn enter(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}

fn members(at: &mut Value) -> &mut Map<String, Value> {
    at.as_object_mut().expect("an object")
}
