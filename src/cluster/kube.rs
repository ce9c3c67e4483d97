//! The Kubernetes door over kube: one request per call, its errors in our words. It decides nothing.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};

use super::{ClusterError, Entries, EventNote, KubeApi, MANAGER, Name, OwnedWrite, Reach, SecretData, completed};
use crate::text::{self, NotText};

/// kube retries by itself what the API server puts off, without an end; a reconcile shall say so instead.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Objects per page of a listing. A page is held whole, with all managed fields some 30 KB per object, and there may be
/// as many listings at once as reconciles.
const PAGE: u32 = 100;

/// Longest name of an object.
const NAME_CHARS: usize = 253;

/// Where Events about objects without a namespace stand.
const CLUSTER_EVENTS: &str = "default";

/// What the API takes of the note of an Event, in bytes.
const NOTE_BYTES: usize = 1024;

/// The API server behind kube's client.
pub struct KubeClient {
    client: Client,
    /// Namespaces that are watched; empty means all.
    namespaces: Vec<String>,
    /// Field manager for objects in no namespace, to which other installations apply too.
    shared: String,
}

impl KubeClient {
    /// A door that lists these namespaces, none means all, and applies to objects in no namespace as `shared`.
    #[must_use]
    pub fn new(client: Client, namespaces: Vec<String>, shared: String) -> Self {
        Self { client, namespaces, shared }
    }

    fn manager(&self, name: &Name) -> &str {
        if name.namespace.is_empty() { &self.shared } else { MANAGER }
    }

    fn api(&self, kind: &ApiResource, namespace: &str) -> Api<DynamicObject> {
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), kind)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, kind)
        }
    }

    /// Removes what an apply left behind: a member that we no longer send stays where somebody else owns it too, and
    /// that is so once the record of owners was lost, as a restore from a backup loses it.
    async fn replace_status(
        &self,
        what: &str,
        api: &Api<DynamicObject>,
        manager: &str,
        stored: &DynamicObject,
        status: &Value,
    ) -> Result<DynamicObject, ClusterError> {
        let patch = json_patch(
            what,
            json!([
                { "op": "test", "path": "/metadata/uid", "value": stored.uid() },
                { "op": "test", "path": "/metadata/resourceVersion", "value": stored.resource_version() },
                { "op": "replace", "path": "/status", "value": status },
            ]),
        )?;
        bounded(what, api.patch_status(&stored.name_any(), &by(manager), &patch)).await
    }
}

/// A patch that the record of owners knows as the operator's, not as that of an unnamed client.
fn by(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() }
}

fn json_patch(what: &str, operations: Value) -> Result<Patch<Value>, ClusterError> {
    let patch = serde_json::from_value(operations);
    patch.map(Patch::Json).map_err(|error| ClusterError::Invalid(what.to_owned(), error.to_string()))
}

#[async_trait]
impl KubeApi for KubeClient {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let what = about(kind, name);
        let found = bounded(&what, self.api(kind, &name.namespace).get_opt(&name.name)).await?;
        found.map(|object| value(&what, &object)).transpose()
    }

    async fn list(
        &self,
        kind: &ApiResource,
        reach: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let everywhere = [String::new()];
        let all = self.namespaces.is_empty() || reach == Reach::Everywhere;
        let namespaces = if all { &everywhere[..] } else { &self.namespaces[..] };
        // One after the other, so that one page is held at a time.
        for namespace in namespaces {
            list(self.api(kind, namespace), kind, each).await?;
        }
        Ok(())
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        resource_version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        let what = about(kind, name);
        let mut metadata = json!({ "name": name.name, "resourceVersion": resource_version });
        if let (Some(metadata), false) = (metadata.as_object_mut(), name.namespace.is_empty()) {
            metadata.insert("namespace".to_owned(), json!(name.namespace));
        }
        let body = json!({
            "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "status": status,
        });
        let manager = self.manager(name);
        let params = PatchParams::apply(manager).force().validation_strict();
        let api = self.api(kind, &name.namespace);
        let mut stored = bounded(&what, api.patch_status(&name.name, &params, &Patch::Apply(&body))).await?;
        let shared = name.namespace.is_empty();
        let whole = |stored: &Value| if shared { completed(&status, stored) } else { status.clone() };
        let left = stored.data.get("status").map(|stored| (whole(stored), stored));
        if let Some(whole) = left.and_then(|(whole, stored)| (!holds(&whole, stored)).then_some(whole)) {
            stored = self.replace_status(&what, &api, manager, &stored, &whole).await?;
        }
        let stored = value(&what, &stored)?;
        // An older CRD drops fields that it does not know, in some versions without a word.
        if stored.get("status").is_some_and(|stored| holds(stored, &status)) {
            Ok(stored)
        } else {
            Err(ClusterError::Invalid(what, "the status was stored in part; update the CRDs".to_owned()))
        }
    }

    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let name = Name::from(read);
        let what = about(kind, &name);
        let api = self.api(kind, &name.namespace);
        // Where there is nothing to change, the tests are the whole patch, and nothing is written.
        let change = finalizer_change(read.finalizers.as_deref().unwrap_or_default(), finalizer, present);
        let tests = [
            json!({ "op": "test", "path": "/metadata/uid", "value": read.uid }),
            json!({ "op": "test", "path": "/metadata/resourceVersion", "value": read.resource_version }),
        ];
        let operations: Vec<Value> = tests.into_iter().chain(change).collect();
        let patch = json_patch(&what, Value::Array(operations))?;
        let stored = bounded(&what, api.patch(&name.name, &by(self.manager(&name)), &patch)).await?;
        value(&what, &stored)
    }

    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError> {
        let what = about(kind, name);
        let api = self.api(kind, &name.namespace);
        match write {
            OwnedWrite::Create(object) => {
                let object = serde_json::from_value(object)
                    .map_err(|error| ClusterError::Invalid(what.clone(), error.to_string()))?;
                let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                bounded(&what, api.create(&params, &object)).await.map(drop)
            }
            OwnedWrite::Data { uid, resource_version, data } => {
                let patch = json_patch(
                    &what,
                    json!([
                        { "op": "test", "path": "/metadata/uid", "value": uid },
                        { "op": "test", "path": "/metadata/resourceVersion", "value": resource_version },
                        { "op": "add", "path": "/data", "value": data },
                    ]),
                )?;
                bounded(&what, api.patch(&name.name, &by(MANAGER), &patch)).await.map(drop)
            }
            OwnedWrite::Delete { uid, resource_version } => {
                let preconditions = Preconditions { uid: Some(uid), resource_version: Some(resource_version) };
                let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
                bounded(&what, api.delete(&name.name, &params)).await.map(drop)
            }
        }
    }

    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &name.namespace);
        let found = bounded(&format!("Secret {name}"), api.get_opt(&name.name)).await?;
        Ok(found.map(|secret| SecretData {
            secret_type: secret.type_.unwrap_or_default(),
            labels: secret.metadata.labels.unwrap_or_default(),
            data: secret.data.into_iter().flatten().map(|(key, bytes)| (key, secret_text(bytes.0))).collect(),
        }))
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &name.namespace);
        let found = bounded(&format!("ConfigMap {name}"), api.get_opt(&name.name)).await?;
        // What is no UTF-8 stands apart in a ConfigMap.
        Ok(found.map(|ConfigMap { data, binary_data, .. }| {
            let texts = data.into_iter().flatten().map(|(key, text)| (key, text.into_bytes()));
            texts.chain(binary_data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0))).collect()
        }))
    }

    async fn publish(&self, kind: &ApiResource, object: &Value, note: EventNote) {
        let EventNote { warning, reason, message } = note;
        let regarding = reference(kind, object);
        let name = regarding.name.clone().unwrap_or_default();
        let namespace = regarding.namespace.clone().unwrap_or_else(|| CLUSTER_EVENTS.to_owned());
        let at = now();
        // kube's recorder counts by reason and would repeat the first note for ever, and it names the Event by the
        // whole name of the object, which the API server then finds too long.
        let event = Event {
            type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(reason),
            note: Some(cut(message)),
            action: Some("Reconcile".to_owned()),
            event_time: Some(MicroTime(at)),
            regarding: Some(regarding),
            reporting_controller: Some(MANAGER.to_owned()),
            reporting_instance: Some(MANAGER.to_owned()),
            metadata: ObjectMeta { name: Some(event_name(&name, at)), ..ObjectMeta::default() },
            ..Event::default()
        };
        let what = format!("an Event about {} {name}", kind.kind);
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        if let Err(error) = bounded(&what, api.create(&PostParams::default(), &event)).await {
            tracing::warn!(%error, "cannot publish");
        }
    }
}

async fn list(
    api: Api<DynamicObject>,
    kind: &ApiResource,
    each: &mut (dyn FnMut(Value) + Send),
) -> Result<(), ClusterError> {
    let what = format!("list of {}", kind.plural);
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = bounded(&what, api.list(&params)).await?;
        for mut object in page.items {
            // Most of an object's size, and nobody reads it.
            object.metadata.managed_fields = None;
            each(value(&what, &object)?);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// The JSON Patch operation that adds or removes a finalizer, if it needs one.
fn finalizer_change(finalizers: &[String], finalizer: &str, present: bool) -> Option<Value> {
    match (finalizers.iter().position(|name| name == finalizer), present) {
        (Some(_), true) | (None, false) => None,
        (None, true) if finalizers.is_empty() => {
            Some(json!({ "op": "add", "path": "/metadata/finalizers", "value": [finalizer] }))
        }
        (None, true) => Some(json!({ "op": "add", "path": "/metadata/finalizers/-", "value": finalizer })),
        (Some(index), false) => Some(json!({ "op": "remove", "path": format!("/metadata/finalizers/{index}") })),
    }
}

/// Waits for a call as long as a call may take.
async fn bounded<T>(what: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(outcome) => outcome.map_err(|error| refused(what, &error)),
        Err(_) => Err(ClusterError::Unavailable(what.to_owned(), format!("no answer within {CALL_TIMEOUT:?}"))),
    }
}

/// Sorts an error by what can be done about it.
fn refused(what: &str, error: &kube::Error) -> ClusterError {
    let what = what.to_owned();
    let kube::Error::Api(status) = error else { return ClusterError::Unavailable(what, error.to_string()) };
    let causes = status.details.as_ref().map_or(0, |details| details.causes.len());
    match status.code {
        403 => ClusterError::Forbidden(format!("{what}: {}", status.message)),
        404 => ClusterError::NotFound(what),
        409 => ClusterError::Conflict(what),
        // A `test` of a JSON Patch that fails is told like this; a violated rule names its causes.
        422 if causes == 0 && status.message.contains("rejected our request") => ClusterError::Conflict(what),
        // An older CRD does not know a field of our status; it is told as if the server had failed.
        500 if status.message.contains("field not declared in schema") => {
            ClusterError::Invalid(what, status.message.clone())
        }
        400 | 422 => ClusterError::Invalid(what, status.message.clone()),
        _ => ClusterError::Unavailable(what, status.message.clone()),
    }
}

fn about(kind: &ApiResource, name: &Name) -> String {
    format!("{} {name}", kind.kind)
}

fn value(what: &str, object: &DynamicObject) -> Result<Value, ClusterError> {
    serde_json::to_value(object).map_err(|error| ClusterError::Undecodable(what.to_owned(), error.to_string()))
}

/// The bytes are wiped once they are read: they are our copy of the Secret.
fn secret_text(bytes: Vec<u8>) -> Result<SecretString, NotText> {
    text::decode(&Zeroizing::new(bytes)).map(SecretString::from)
}

/// Whether `stored` has everything that was sent. Others may have added to it.
fn holds(stored: &Value, sent: &Value) -> bool {
    match (stored, sent) {
        (_, Value::Null) => true,
        (Value::Object(stored), Value::Object(sent)) => {
            sent.iter().all(|(key, sent)| sent.is_null() || stored.get(key).is_some_and(|stored| holds(stored, sent)))
        }
        (Value::Array(stored), Value::Array(sent)) => {
            sent.iter().all(|sent| stored.iter().any(|stored| holds(stored, sent)))
        }
        (stored, sent) => stored == sent,
    }
}

/// Cuts at the last character that still fits.
fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(NOTE_BYTES));
    message
}

/// What an Event is called: the object's name and the time, as kubectl and client-go do it, cut to what a name may
/// have.
fn event_name(object: &str, at: Timestamp) -> String {
    let time = format!(".{:x}", at.as_nanosecond());
    let end = object.floor_char_boundary(NAME_CHARS.saturating_sub(time.len()));
    let head = object.get(..end).unwrap_or(object);
    // No part of a name ends in a dot or a dash.
    format!("{}{time}", head.trim_end_matches(['.', '-']))
}

#[allow(
    clippy::disallowed_methods,
    reason = "part of the door: when an Event was told, for people; nothing rests on it"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn reference(kind: &ApiResource, object: &Value) -> ObjectReference {
    let field = |name: &str| object.get("metadata")?.get(name)?.as_str().map(str::to_owned);
    ObjectReference {
        api_version: Some(kind.api_version.clone()),
        kind: Some(kind.kind.clone()),
        name: field("name"),
        namespace: field("namespace"),
        uid: field("uid"),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::sync::{Arc, Mutex};

    use kube::client::Body;

    use super::*;
    use crate::api;

    #[test]
    fn what_was_sent_must_be_held_and_others_may_add() {
        let sent = json!({"a": 1, "list": [{"type": "Ready", "status": "True"}], "nothing": null});
        let rows = [
            (json!({"a": 1, "list": [{"type": "Ready", "status": "True"}]}), true, "the same"),
            (json!({"a": 1, "b": 2, "list": [{"type": "X"}, {"type": "Ready", "status": "True"}]}), true, "added to"),
            (json!({"list": [{"type": "Ready", "status": "True"}]}), false, "a field was dropped"),
            (json!({"a": 1, "list": []}), false, "an entry was dropped"),
            (json!({"a": 1, "list": [{"type": "Ready"}]}), false, "a field of an entry was dropped"),
            (Value::Null, false, "nothing was stored"),
        ];
        for (stored, expected, reason) in rows {
            assert_eq!(holds(&stored, &sent), expected, "{reason}");
        }
    }

    #[test]
    fn what_other_installations_wrote_stays() {
        let (a, b) = (json!({"name": "a", "x": 1}), json!({"name": "b"}));
        let stored = json!({"observedGeneration": 1, "old": 1, "installations": [a, b]});
        let new = json!({"name": "a"});
        let rows = [
            (json!({"installations": [new]}), json!({"observedGeneration": 1, "old": 1, "installations": [new, b]})),
            (
                json!({"observedGeneration": 2, "installations": [{"name": "c"}]}),
                json!({"observedGeneration": 2, "installations": [a, b, {"name": "c"}]}),
            ),
            (json!({"observedGeneration": 2}), json!({"observedGeneration": 2, "installations": [a, b]})),
        ];
        for (sent, expected) in rows {
            assert_eq!(completed(&sent, &stored), expected, "{sent}");
        }
        assert_eq!(completed(&json!({"x": 1}), &json!({})), json!({"x": 1}));
    }

    #[test]
    fn only_our_own_finalizer_is_touched() {
        let other = "other.example/keep".to_owned();
        let ours = api::FINALIZER.to_owned();
        let path = |change: Option<Value>| change.map(|change| format!("{} {}", change["op"], change["path"]));
        let rows = [
            (vec![], true, Some(r#""add" "/metadata/finalizers""#)),
            (vec![other.clone()], true, Some(r#""add" "/metadata/finalizers/-""#)),
            (vec![other.clone(), ours.clone()], true, None),
            (vec![other.clone(), ours], false, Some(r#""remove" "/metadata/finalizers/1""#)),
            (vec![other], false, None),
        ];
        for (finalizers, present, expected) in rows {
            assert_eq!(
                path(finalizer_change(&finalizers, api::FINALIZER, present)).as_deref(),
                expected,
                "{finalizers:?} {present}"
            );
        }
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        assert_eq!(cut("short".to_owned()), "short");
        let long = cut("ä".repeat(600) + "x");
        assert_eq!(long, "ä".repeat(512));
        let odd = cut("x".to_owned() + &"ä".repeat(600));
        assert_eq!(odd.len(), 1023);
    }

    #[test]
    fn an_event_about_the_longest_name_has_a_name_that_fits() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(event_name("files", at), format!("files.{:x}", at.as_nanosecond()));
        let long = event_name(&"x".repeat(253), at);
        assert_eq!(long.len(), 253);
        let dotted = event_name(&format!("{}.-{}", "x".repeat(230), ".".repeat(21)), at);
        assert!(dotted.starts_with(&format!("{}.", "x".repeat(230))) && !dotted.contains(".."), "{dotted}");
        assert!(!dotted.contains("-."), "{dotted}");
    }

    #[test]
    fn errors_are_sorted_by_what_can_be_done() {
        let error = |code: u16, message: &str, causes: usize| {
            let causes = vec![json!({"reason": "FieldValueInvalid"}); causes];
            let status = json!({"code": code, "message": message, "details": {"causes": causes}});
            refused("TransferUser a/b", &kube::Error::Api(Box::new(serde_json::from_value(status).unwrap())))
        };
        assert!(matches!(error(409, "changed", 0), ClusterError::Conflict(_)));
        assert!(matches!(
            error(422, "the server rejected our request due to an error in our request", 0),
            ClusterError::Conflict(_)
        ));
        assert!(matches!(error(422, "a test rule of the CRD", 1), ClusterError::Invalid(..)));
        assert!(matches!(error(400, "unknown field", 0), ClusterError::Invalid(..)));
        assert!(matches!(error(403, "no", 0), ClusterError::Forbidden(_)));
        assert!(matches!(error(404, "no", 0), ClusterError::NotFound(_)));
        assert!(matches!(error(429, "later", 0), ClusterError::Unavailable(..)));
        assert!(matches!(error(500, ".status.x: field not declared in schema", 0), ClusterError::Invalid(..)));
        assert!(matches!(error(500, "etcd", 0), ClusterError::Unavailable(..)));
    }

    /// A listing of two namespaces with two pages each, whose third page is answered with `third`: how it ends, what
    /// was handed over, and how much of it was when each page was asked for.
    async fn listing(third: u16) -> (Result<Vec<Value>, ClusterError>, Vec<Value>, Vec<usize>) {
        let handed = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let service = {
            let (handed, asked) = (Arc::clone(&handed), Arc::clone(&asked));
            tower::service_fn(move |request: http::Request<Body>| {
                let mut asked = asked.lock().unwrap();
                asked.push(handed.lock().unwrap().len());
                let code = if asked.len() == 3 { third } else { 200 };
                let token = if request.uri().query().unwrap_or_default().contains("continue=") { "" } else { "next" };
                let meta = json!({"name": format!("u-{}", asked.len()), "managedFields": [{"manager": "kubectl"}]});
                let user =
                    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser", "metadata": meta});
                let list = json!({"metadata": {"continue": token}, "items": [user.clone(), user]});
                let status =
                    json!({"kind": "Status", "status": "Failure", "code": code, "message": "the token is too old"});
                let body = if code == 200 { list } else { status };
                let answer = http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
                async move { answer }
            })
        };
        let door =
            KubeClient::new(Client::new(service, "default"), vec!["a".to_owned(), "b".to_owned()], MANAGER.to_owned());
        let kind = ApiResource::erase::<api::TransferUser>(&());
        let take = |all: &mut Vec<Value>, object: Value| {
            handed.lock().unwrap().push(object.clone());
            all.push(object);
        };
        let outcome = super::super::fold(&door, &kind, Reach::Watched, Vec::new(), take).await;
        let (handed, asked) = (handed.lock().unwrap().clone(), asked.lock().unwrap().clone());
        (outcome, handed, asked)
    }

    #[tokio::test]
    async fn a_listing_holds_one_page_at_a_time_and_nothing_that_only_takes_room() {
        let (outcome, handed, asked) = listing(200).await;
        assert_eq!(outcome.unwrap().len(), 8);
        assert_eq!(asked, [0, 2, 4, 6], "a page is handed over before the next one is asked for");
        assert!(handed.iter().all(|object| object["metadata"].get("managedFields").is_none()), "{handed:?}");
    }

    #[tokio::test]
    async fn a_listing_that_breaks_off_midway_is_an_error_and_no_part_of_it_counts() {
        let (outcome, handed, _) = listing(410).await;
        assert!(matches!(outcome, Err(ClusterError::Unavailable(..))), "{outcome:?}");
        assert_eq!(handed.len(), 4, "what came before was handed over already");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_ends() {
        let outcome = bounded("x", std::future::pending::<kube::Result<()>>()).await;
        assert!(matches!(outcome, Err(ClusterError::Unavailable(..))));
    }
}
