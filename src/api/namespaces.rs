//! Which namespaces may name an object of another one. It fails closed.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use kube::core::{Selector, SelectorExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{pattern, rules};

/// From which namespaces an object may be referred to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NamespacesFrom {
    /// The object's own.
    #[default]
    Same,
    /// Every one.
    All,
    /// Those listed.
    Names,
    /// Those whose labels match.
    Selector,
}

/// Which namespaces a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GrantNamespacesFrom {
    /// Every one.
    All,
    /// Those listed.
    Names,
    /// Those whose labels match.
    Selector,
}

/// Namespaces whose objects may refer to one of another namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::namespaces)]
pub struct NamespaceSelection {
    /// Same (this object's own), All, Names or Selector. Names and Selector mean these namespaces alone: this object's
    /// own is among them only where it is listed or its labels match.
    #[serde(default)]
    pub from: NamespacesFrom,
    /// The namespaces, with from Names.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 256), inner(length(max = 63)), transform = pattern::LABEL.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Labels of the namespaces, with from Selector. An empty selector is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Namespaces that a grant is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::namespaces)]
pub struct GrantNamespaces {
    /// All, Names or Selector.
    pub from: GrantNamespacesFrom,
    /// The namespaces, with from Names.
    #[x_kube(merge_strategy = ListMerge::Set, validation = rules::GRANTED_NAMESPACES)]
    #[schemars(length(min = 1, max = 256), inner(length(max = 63)), transform = pattern::LABEL_CHARACTERS.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Labels of the namespaces, with from Selector. An empty selector is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Who may refer to this object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedReferences {
    /// Namespaces whose objects may refer to this one: to a server users, accesses and agreements, to a
    /// workflow servers, to a profile connectors and agreements, to a certificate profiles.
    #[serde(default)]
    pub namespaces: NamespaceSelection,
}

impl NamespaceSelection {
    /// Whether `namespace`, which carries `labels`, may refer to something that lives in `home`.
    #[must_use]
    pub fn admits(&self, home: &str, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        match self.from {
            NamespacesFrom::Same => namespace == home,
            NamespacesFrom::All => true,
            NamespacesFrom::Names => named(self.names.as_deref(), namespace),
            NamespacesFrom::Selector => selected(self.selector.as_ref(), labels),
        }
    }
}

impl GrantNamespaces {
    /// Whether the grant is for `namespace`, which carries `labels`.
    #[must_use]
    pub fn admits(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        match self.from {
            GrantNamespacesFrom::All => true,
            GrantNamespacesFrom::Names => named(self.names.as_deref(), namespace),
            GrantNamespacesFrom::Selector => selected(self.selector.as_ref(), labels),
        }
    }
}

fn named(names: Option<&[String]>, namespace: &str) -> bool {
    names.is_some_and(|names| names.iter().any(|name| name == namespace))
}

/// Fails closed: an absent, empty or malformed selector selects nothing, although Kubernetes lets an empty one
/// select everything. Admission refuses it too, but admission can be bypassed. A namespace without any label was not
/// read, as the API server labels each with its name; and `NotIn` and `DoesNotExist` match where nothing is.
fn selected(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector.filter(|_| !labels.is_empty()) else {
        return false;
    };
    match Selector::try_from(selector.clone()) {
        Ok(selector) if !selector.selects_all() => selector.matches(labels),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::{Value, json};

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("sftp".to_owned(), "yes".to_owned())])
    }

    fn server_admits(selection: Value, namespace: &str) -> bool {
        let selection: NamespaceSelection = serde_json::from_value(selection).unwrap();
        selection.admits("home", namespace, &labels())
    }

    fn grant_admits(selection: Value, namespace: &str) -> bool {
        let selection: GrantNamespaces = serde_json::from_value(selection).unwrap();
        selection.admits(namespace, &labels())
    }

    #[test]
    fn a_server_admits_its_own_namespace_unless_told_otherwise() {
        assert!(server_admits(json!({}), "home"));
        assert!(!server_admits(json!({}), "other"));
        assert!(server_admits(json!({ "from": "All" }), "other"));
        assert!(server_admits(json!({ "from": "Names", "names": ["a", "other"] }), "other"));
        assert!(!server_admits(json!({ "from": "Names", "names": ["a"] }), "home"));
    }

    #[test]
    fn a_selector_goes_by_the_labels_of_the_namespace() {
        let select = |selector: Value| json!({ "from": "Selector", "selector": selector });
        for admits in [server_admits as fn(Value, &str) -> bool, grant_admits] {
            assert!(admits(select(json!({ "matchLabels": { "sftp": "yes" } })), "x"));
            assert!(!admits(select(json!({ "matchLabels": { "sftp": "no" } })), "x"));
            let exists = json!({ "matchExpressions": [{ "key": "sftp", "operator": "Exists" }] });
            assert!(admits(select(exists), "x"));
            let both = json!({
                "matchLabels": { "sftp": "yes" },
                "matchExpressions": [{ "key": "sftp", "operator": "NotIn", "values": ["yes"] }],
            });
            assert!(!admits(select(both), "x"));
        }
    }

    #[test]
    fn a_namespace_whose_labels_were_not_read_is_selected_by_nothing() {
        let key = |operator: &str| json!({ "key": "env", "operator": operator });
        let not_in = json!({ "key": "env", "operator": "NotIn", "values": ["prod"] });
        for expressions in [json!([key("DoesNotExist")]), json!([not_in]), json!([not_in, key("DoesNotExist")])] {
            let select = json!({ "from": "Selector", "selector": { "matchExpressions": expressions } });
            let server: NamespaceSelection = serde_json::from_value(select.clone()).unwrap();
            let grant: GrantNamespaces = serde_json::from_value(select).unwrap();
            for (labels, admitted) in [(BTreeMap::new(), false), (labels(), true)] {
                assert_eq!(server.admits("home", "x", &labels), admitted, "{expressions}");
                assert_eq!(grant.admits("x", &labels), admitted, "{expressions}");
            }
        }
    }

    #[test]
    fn what_selects_nothing_in_particular_admits_nobody() {
        for admits in [server_admits as fn(Value, &str) -> bool, grant_admits] {
            assert!(!admits(json!({ "from": "Selector" }), "x"));
            assert!(!admits(json!({ "from": "Selector", "selector": {} }), "x"));
            assert!(!admits(json!({ "from": "Selector", "selector": { "matchLabels": {} } }), "x"));
            let unknown = json!({ "matchExpressions": [{ "key": "sftp", "operator": "Like", "values": ["y*"] }] });
            assert!(!admits(json!({ "from": "Selector", "selector": unknown }), "x"));
            assert!(!admits(json!({ "from": "Names" }), "x"));
        }
    }
}
