//! ConfigMaps that belong to an object: written where what they hold differs, deleted once it does not want them any
//! more. Status names each before it is made, so that none is forgotten; one that belongs to somebody else is never
//! touched. No trouble with them fails a reconcile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::consistency::ObservedState;
use super::context::{Engine, Request, Status};
use super::kind::{Kind, OwnedConfigMap};
use super::known::{self, Known};
use super::owner::Ownership;
use super::reason::Reason;
use super::report::Report;
use super::requeue::Requeue;
use super::status::Advice;
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::cluster::{ClusterError, MANAGER, Name, OwnedWrite};

/// How soon it is tried again where the API server failed, or somebody else was faster.
const AGAIN: Duration = Duration::from_mins(1);

/// What is to be done about one of them.
#[derive(Clone, Debug, PartialEq)]
enum Due {
    Nothing,
    Write(OwnedWrite),
    /// It belongs to somebody else.
    Foreign,
}

/// Brings the ConfigMaps of an object to what they should be, where that is known; what cannot be is worth a look.
pub(super) async fn keep<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &Known<K>,
    report: &mut Report<Status<K>>,
) {
    let Some(wanted) = wanted(engine, request, known) else { return };
    let recorded = K::Object::common(&request.status()).config_maps.clone();
    let mut named: BTreeSet<String> =
        recorded.iter().cloned().chain(wanted.iter().map(|wanted| wanted.name.clone())).collect();
    if named.len() > recorded.len() {
        report.next = report.next.min(Requeue::Again);
    }
    let mut hints = Vec::new();
    for name in recorded {
        let of = wanted.iter().find(|wanted| wanted.name == name);
        let name = Name { namespace: request.name.namespace.clone(), name };
        let outcome = match of.map(|wanted| &wanted.data) {
            Some(None) => continue,
            Some(Some(data)) => bring(engine, request, &name, Some(data)).await,
            None => bring(engine, request, &name, None).await,
        };
        match outcome {
            Ok(()) if of.is_none() => drop(named.remove(&name.name)),
            Ok(()) => {}
            Err(Trouble::Hint(hint)) => hints.push(hint),
            Err(Trouble::Passes(error)) => {
                tracing::warn!(%error, "a ConfigMap could not be written; trying again");
                report.next = report.next.min(Requeue::After(AGAIN));
            }
        }
    }
    K::Object::common_mut(&mut report.status).config_maps = named.into_iter().collect();
    // Where nothing was learnt of what is worth a look, what was said before stands.
    if !report.keep {
        report.advisory = Advice::joined(report.advisory.take().into_iter().chain(hints).collect());
    }
}

/// What the object wants, where AWS has what it is about; nothing where that is not known in this reconcile.
fn wanted<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, known: &Known<K>) -> Option<Vec<OwnedConfigMap>> {
    let observes = request.object.policies().observes();
    let ours = known.sight == ObservedState::Found(Ownership::Ours);
    if request.deleting() || request.object.suspend() || !(ours || observes) {
        return None;
    }
    match &known.plan {
        Some(plan) => Some(plan.config_maps.clone()),
        None if observes => Some(known::plan(engine, &known.context(request)?)?.config_maps),
        None => None,
    }
}

/// Why one of them is not as it should be.
enum Trouble {
    /// A person may want to know.
    Hint(Reason),
    /// It passes.
    Passes(ClusterError),
}

/// Brings one to this content, or deletes it.
async fn bring<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    name: &Name,
    data: Option<&BTreeMap<String, String>>,
) -> Result<(), Trouble> {
    let kind = ApiResource::erase::<ConfigMap>(&());
    let stored = engine.cluster.get(&kind, name).await.map_err(|error| trouble(name, error))?;
    let owner = json!({
        "apiVersion": engine.resource.api_version, "kind": engine.resource.kind, "name": request.name.name,
        "uid": request.uid, "controller": true,
    });
    match due(name, stored.as_ref(), &owner, data) {
        Due::Nothing => Ok(()),
        Due::Foreign => {
            let message = format!(
                "ConfigMap {name} exists and does not belong to this object, so it is left as it is; name another one, or \
                 delete it"
            );
            Err(Trouble::Hint(Reason::new(reasons::CONFIG_MAP_NOT_OURS, message)))
        }
        Due::Write(write) => match engine.cluster.write_owned(&kind, name, write).await {
            Err(ClusterError::NotFound(_)) if data.is_none() => Ok(()),
            outcome => outcome.map_err(|error| trouble(name, error)),
        },
    }
}

fn trouble(name: &Name, error: ClusterError) -> Trouble {
    match error {
        ClusterError::Invalid(..) => {
            let message = format!("ConfigMap {name} is not as it should be: {error}");
            Trouble::Hint(Reason::new(reasons::CONFIG_MAP_FORBIDDEN, message))
        }
        ClusterError::Forbidden(_) => {
            let message = format!(
                "ConfigMap {name} is not as it should be: {error}; the operator needs the verbs get, create, patch and \
                 delete on configmaps in this namespace, which knownHosts.enabled of its chart gives it"
            );
            Trouble::Hint(Reason::new(reasons::CONFIG_MAP_FORBIDDEN, message))
        }
        error => Trouble::Passes(error),
    }
}

/// From what is there to what is to be there. What others put beside our own keys stays.
fn due(name: &Name, stored: Option<&Value>, owner: &Value, data: Option<&BTreeMap<String, String>>) -> Due {
    let Some(stored) = stored else { return data.map_or(Due::Nothing, |data| Due::Write(create(name, owner, data))) };
    let text = |pointer: &str| stored.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let owners = stored.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let ours = owners.into_iter().flatten().any(|held| {
        held.get("uid") == owner.get("uid") && held.get("controller").and_then(Value::as_bool) == Some(true)
    });
    let (uid, resource_version) = (text("/metadata/uid"), text("/metadata/resourceVersion"));
    match data {
        // What is not ours is nobody's to delete.
        None if !ours => Due::Nothing,
        None => Due::Write(OwnedWrite::Delete { uid, resource_version }),
        Some(_) if !ours => Due::Foreign,
        Some(data) => {
            let mut all = stored.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
            let before = all.clone();
            all.extend(data.iter().map(|(key, text)| (key.clone(), json!(text))));
            let same = all == before;
            if same { Due::Nothing } else { Due::Write(OwnedWrite::Data { uid, resource_version, data: all.into() }) }
        }
    }
}

fn create(name: &Name, owner: &Value, data: &BTreeMap<String, String>) -> OwnedWrite {
    OwnedWrite::Create(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {
            "name": name.name, "namespace": name.namespace, "ownerReferences": [owner],
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Name {
        Name { namespace: "team".to_owned(), name: "known-hosts".to_owned() }
    }

    fn stored(owner: &Value, data: &Value) -> Value {
        json!({"metadata": {"uid": "u", "resourceVersion": "7", "ownerReferences": [owner]}, "data": data})
    }

    #[test]
    fn only_what_is_ours_and_differs_is_written() {
        let own = json!({"uid": "uid-files", "controller": true});
        let data = |text: &str| BTreeMap::from([("a".to_owned(), text.to_owned())]);
        let (new, is) = (data("new"), stored(&own, &json!({"a": "old", "b": "theirs"})));
        let versions = || ("u".to_owned(), "7".to_owned());
        let ((uid, resource_version), (of, at)) = (versions(), versions());
        let written = OwnedWrite::Data { uid, resource_version, data: json!({"a": "new", "b": "theirs"}) };
        assert_eq!(due(&name(), Some(&is), &own, Some(&new)), Due::Write(written));
        assert_eq!(due(&name(), Some(&is), &own, Some(&data("old"))), Due::Nothing);
        assert_eq!(
            due(&name(), Some(&is), &own, None),
            Due::Write(OwnedWrite::Delete { uid: of, resource_version: at })
        );
        assert_eq!(due(&name(), None, &own, None), Due::Nothing);
        assert!(matches!(due(&name(), None, &own, Some(&new)), Due::Write(OwnedWrite::Create(_))));
    }

    #[test]
    fn what_belongs_to_another_or_to_nobody_is_not_touched() {
        let own = json!({"uid": "uid-files", "controller": true});
        let data = BTreeMap::from([("a".to_owned(), "new".to_owned())]);
        let others = [json!({"uid": "uid-other", "controller": true}), json!({"uid": "uid-files"}), Value::Null];
        for other in others {
            let theirs = stored(&other, &json!({"a": "old"}));
            assert_eq!(due(&name(), Some(&theirs), &own, Some(&data)), Due::Foreign, "{other}");
            assert_eq!(due(&name(), Some(&theirs), &own, None), Due::Nothing, "{other}");
        }
    }
}
