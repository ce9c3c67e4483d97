//! Kubernetes' REST API over the store, as far as kube's client uses it for the operator: a tower service in process.
//! What it does not know it refuses, and the oracles hear of it. What a watch tells is in `kube_watch`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine;
use http::{Method, Request, Response, header};
use kube::Client;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder};
use serde_json::{Value, json};
use tower::BoxError;
use tower::retry::RetryLayer;
use transfer_operator::api::{self, GROUP, VERSION};
use transfer_operator::cluster::{ClusterError, EventNote, Name, OwnedWrite};

use crate::kube_watch::{self, Told};
use crate::oracle::written;
use crate::setup::{Blow, Side, Streams};
use crate::world::{CLUSTER, Call, Life, World};
use transfer_operator::fakes::api_server::{ApiServer, Key, text};

const MANAGER: &str = "transfer-operator";

/// Plurals and kinds outside our group.
const CORE: [(&str, &str); 4] =
    [("namespaces", "Namespace"), ("configmaps", "ConfigMap"), ("secrets", "Secret"), ("events", "Event")];

/// A connection to the API server, as one process has it.
pub struct KubeApi {
    pub world: Arc<World>,
    pub life: Arc<Life>,
    pub streams: Streams,
    /// What watches did already: a fault of one version strikes once.
    pub told: Mutex<Told>,
}

/// kube's client over it, which repeats what the API server puts off as the one that is delivered does.
pub fn client(world: &Arc<World>, life: &Arc<Life>) -> Client {
    let streams = world.setup.real.clone().unwrap_or_default();
    let (world, life) = (Arc::clone(world), Arc::clone(life));
    let api = Arc::new(KubeApi { world, life, streams, told: Mutex::default() });
    // A request that has left is served, whatever became of who waits for the answer.
    let service = tower::service_fn(move |request| {
        let served = tokio::spawn(Arc::clone(&api).serve(request));
        async move { served.await? }
    });
    ClientBuilder::new(service, "default").with_layer(&RetryLayer::new(RetryPolicy::server_retry())).build()
}

/// Why there is no good answer.
pub enum Refusal {
    /// The API server says so.
    Status(u16, &'static str, String),
    /// Nobody says anything: the connection broke.
    Broken,
}

impl From<ClusterError> for Refusal {
    fn from(error: ClusterError) -> Self {
        let text = error.to_string();
        match error {
            ClusterError::Conflict(_) => Self::Status(409, "Conflict", text),
            ClusterError::NotFound(_) => Self::Status(404, "NotFound", text),
            _ => Self::Status(500, "InternalError", text),
        }
    }
}

impl From<&Blow> for Refusal {
    fn from(blow: &Blow) -> Self {
        match blow {
            Blow::Conflict => Self::Status(409, "Conflict", "the object has been modified".to_owned()),
            Blow::Gateway => {
                Self::Status(504, "Timeout", "request did not complete within the allotted time".to_owned())
            }
            Blow::Forbidden => Self::Status(403, "Forbidden", "no".to_owned()),
            _ => Self::Broken,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Discover,
    Get,
    List,
    Watch,
    ApplyStatus,
    Patch,
    Owned,
    CreateEvent,
}

/// A request, taken apart.
pub struct Asked {
    verb: Verb,
    pub key: Key,
    query: BTreeMap<String, String>,
    /// Only metadata is wanted.
    pub metadata: bool,
    body: Value,
    method: Method,
}

type Answer = Response<axum::body::Body>;

impl KubeApi {
    async fn serve(self: Arc<Self>, request: Request<Body>) -> Result<Answer, BoxError> {
        let line = format!("{} {}", request.method(), request.uri());
        let Some(asked) = Asked::read(request).await else {
            self.world.violation(format!("the API server was asked what it does not know: {line}"));
            return answer(&Err(Refusal::Status(404, "NotFound", line)));
        };
        self.life.here().await;
        if self.down() {
            self.world.strike(&format!("r{} refused {line}", self.life.id));
            return Err("connection refused".into());
        }
        let writes = matches!(asked.verb, Verb::ApplyStatus | Verb::Patch | Verb::Owned);
        let about = format!("{} {}", asked.key.0, asked.key.1);
        let call = Call { side: Side::Kube, operation: asked.operation(), about: &about, counted: writes, writes };
        let outcome = self.world.carry(&self.life, call, || self.effect(&asked), |blow| Refusal::from(blow)).await;
        if writes {
            self.world.changed.notify_waiters();
        }
        if asked.verb == Verb::Watch && outcome.is_ok() {
            let from = asked.query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or_default();
            let span = asked.query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(1800);
            return Ok(Response::new(kube_watch::body(self, asked, from, std::time::Duration::from_secs(span))));
        }
        answer(&outcome)
    }

    /// Whether nobody can reach the API server now.
    pub fn down(&self) -> bool {
        let now = self.world.began.elapsed();
        self.streams.down.is_some_and(|(from, to)| now >= from && now < to)
    }

    fn effect(&self, asked: &Asked) -> Result<Value, Refusal> {
        let outcome = match asked.verb {
            Verb::Discover => Ok(discovery()),
            Verb::Get => read(&self.world.api(), &asked.key),
            Verb::List => Ok(list(&self.world.api(), asked)),
            Verb::Watch => watchable(asked),
            Verb::ApplyStatus => self.apply_status(asked),
            Verb::Patch => self.patch(asked),
            Verb::Owned => self.owned(asked),
            Verb::CreateEvent => self.create_event(asked),
        };
        if matches!(asked.verb, Verb::ApplyStatus | Verb::Patch | Verb::Owned) {
            written::after_write(&self.world);
        }
        outcome
    }

    fn apply_status(&self, asked: &Asked) -> Result<Value, Refusal> {
        let Asked { key, query, body, .. } = asked;
        let params = [("fieldManager", MANAGER), ("force", "true"), ("fieldValidation", "Strict")];
        for (name, wanted) in params {
            if query.get(name).map(String::as_str) != Some(wanted) {
                self.world.violation(format!("O12: {}: status is applied with {name} {:?}", key.1, query.get(name)));
            }
        }
        let members = ["apiVersion", "kind", "metadata", "status"];
        let meta = ["name", "namespace", "resourceVersion"];
        let foreign = |value: &Value, known: &[&str]| {
            value.as_object().is_none_or(|members| members.keys().any(|name| !known.contains(&name.as_str())))
        };
        if foreign(body, &members) || foreign(&body["metadata"], &meta) {
            self.world.violation(format!("O12: {}: more than status is applied: {body}", key.1));
        }
        let named = &body["metadata"];
        if named["name"] != key.1.name || text(&named["namespace"]) != key.1.namespace || body["kind"] != key.0 {
            return Err(Refusal::Status(400, "BadRequest", "the object is not the one of the path".to_owned()));
        }
        let version = text(&named["resourceVersion"]);
        Ok(self.world.api().apply_status(key, &version, &body["status"])?)
    }

    fn patch(&self, asked: &Asked) -> Result<Value, Refusal> {
        let key = &asked.key;
        let mut api = self.world.api();
        let Some(before) = api.get(key) else { return Err(ClusterError::NotFound(key.1.to_string()).into()) };
        let refused = || {
            let text = "the server rejected our request due to an error in our request";
            Refusal::Status(422, "Invalid", text.to_owned())
        };
        let patch: json_patch::Patch = serde_json::from_value(asked.body.clone()).map_err(|_| refused())?;
        let mut after = before.clone();
        json_patch::patch(&mut after, &patch).map_err(|_| refused())?;
        let finalizers = after["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let stored = api.put_finalizers(key, before.clone(), &finalizers);
        drop(api);
        let rest = |object: &Value| {
            let mut object = object.clone();
            object["metadata"].as_object_mut().unwrap().remove("finalizers");
            object
        };
        if rest(&before) != rest(&after) {
            self.world.violation(format!("O12: {}: more than finalizers is patched: {}", key.1, asked.body));
        }
        Ok(stored)
    }

    /// A write to a ConfigMap that belongs to one of ours: made, its data replaced, or deleted, on the version that was
    /// read.
    fn owned(&self, asked: &Asked) -> Result<Value, Refusal> {
        let (key, body) = (&asked.key, &asked.body);
        let mut api = self.world.api();
        let write = match asked.method {
            Method::POST => OwnedWrite::Create(body.clone()),
            Method::DELETE => OwnedWrite::Delete {
                uid: text(&body["preconditions"]["uid"]),
                resource_version: text(&body["preconditions"]["resourceVersion"]),
            },
            _ => {
                let at = |path: &str| {
                    let steps = body.as_array().into_iter().flatten();
                    steps
                        .filter(|step| step["path"] == path)
                        .map(|step| step["value"].clone())
                        .next()
                        .unwrap_or_default()
                };
                OwnedWrite::Data {
                    uid: text(&at("/metadata/uid")),
                    resource_version: text(&at("/metadata/resourceVersion")),
                    data: at("/data"),
                }
            }
        };
        let stored = api.write_owned(key, &write)?;
        if asked.method == Method::DELETE {
            return Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}));
        }
        Ok(shown(stored, false))
    }

    fn create_event(&self, asked: &Asked) -> Result<Value, Refusal> {
        let event = &asked.body;
        let regarding = &event["regarding"];
        let name = Name { namespace: asked.key.1.namespace.clone(), name: text(&event["metadata"]["name"]) };
        let namespace = regarding["namespace"].as_str().unwrap_or("default");
        let long = text(&event["note"]).len() > 1024 || text(&event["reason"]).len() > 128;
        let empty = ["reason", "action", "reportingController", "reportingInstance", "eventTime", "type"];
        let wrong = name.namespace != namespace || long || empty.iter().any(|field| text(&event[*field]).is_empty());
        if wrong {
            self.world.violation(format!("O11: an Event that the API server refuses: {event}"));
            return Err(Refusal::Status(422, "Invalid", "not an Event".to_owned()));
        }
        if !self.world.api().events.insert(name.clone()) {
            return Err(Refusal::Status(409, "AlreadyExists", name.to_string()));
        }
        let about =
            format!("{} {}/{}", text(&regarding["kind"]), text(&regarding["namespace"]), text(&regarding["name"]));
        let warning = event["type"] == "Warning";
        let note = EventNote { warning, reason: text(&event["reason"]), message: text(&event["note"]) };
        // The Event names no generation, so the newest counts.
        let key = (
            text(&regarding["kind"]),
            Name { name: text(&regarding["name"]), namespace: text(&regarding["namespace"]) },
        );
        let generation = self.world.api().get(&key).map(|object| object["metadata"]["generation"].clone());
        written::on_event(&self.world, &about, &generation.unwrap_or_default(), &note);
        Ok(event.clone())
    }
}

impl Asked {
    async fn read(request: Request<Body>) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let query: BTreeMap<String, String> = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
        let (namespace, rest) = place(&path)?;
        let watch = query.get("watch").is_some_and(|watch| watch == "true");
        let (verb, plural, name) = match (&parts.method, rest, header(header::CONTENT_TYPE)) {
            (&Method::GET, [], _) => (Verb::Discover, "", ""),
            (&Method::GET, [plural], _) if watch => (Verb::Watch, *plural, ""),
            (&Method::GET, [plural], _) => (Verb::List, *plural, ""),
            (&Method::GET, [plural, name], _) => (Verb::Get, *plural, *name),
            (&Method::PATCH, [plural, name, "status"], "application/apply-patch+yaml") => {
                (Verb::ApplyStatus, *plural, *name)
            }
            (&Method::PATCH, ["configmaps", name], "application/json-patch+json")
            | (&Method::DELETE, ["configmaps", name], _) => (Verb::Owned, "configmaps", *name),
            (&Method::POST, ["configmaps"], _) => (Verb::Owned, "configmaps", ""),
            (&Method::PATCH, [plural, name], "application/json-patch+json") => (Verb::Patch, *plural, *name),
            (&Method::POST, ["events"], _) => (Verb::CreateEvent, "events", ""),
            _ => return None,
        };
        let kind = if verb == Verb::Discover { String::new() } else { kind(plural)? };
        let metadata = header(header::ACCEPT).contains("as=PartialObjectMetadata");
        let body = body.collect_bytes().await.ok()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
        // What is made has its name in itself.
        let made = verb == Verb::Owned && name.is_empty();
        let name = if made { text(&body["metadata"]["name"]) } else { name.to_owned() };
        let key = (kind, Name { namespace: namespace.to_owned(), name });
        Some(Self { verb, key, query, metadata, body, method: parts.method })
    }

    /// As rules name it.
    fn operation(&self) -> &'static str {
        match (self.verb, self.key.0.as_str()) {
            (Verb::Discover, _) => "discover",
            (Verb::Get, "Secret") => "secret",
            (Verb::Get, "ConfigMap") => "configmap",
            (Verb::Get, _) => "get",
            (Verb::List, _) => "list",
            (Verb::Watch, _) => "watch",
            (Verb::ApplyStatus, _) => "status",
            (Verb::Patch, _) => "finalizer",
            (Verb::Owned, _) => "owned",
            (Verb::CreateEvent, _) => "event",
        }
    }
}

/// Namespace and what follows it in a path, of the groups that are served.
fn place<'a, 'b>(path: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let (["api", "v1", rest @ ..] | ["apis", "events.k8s.io", "v1", rest @ ..] | ["apis", GROUP, VERSION, rest @ ..]) =
        path
    else {
        return None;
    };
    Some(match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    })
}

/// Plurals and kinds of our group; they are made once, because their schemas come with them.
fn ours() -> &'static [(String, String)] {
    static OURS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    OURS.get_or_init(|| api::all_crds().into_iter().map(|crd| (crd.spec.names.plural, crd.spec.names.kind)).collect())
}

fn kind(plural: &str) -> Option<String> {
    let core = CORE.iter().find(|(of, _)| *of == plural).map(|(_, kind)| (*kind).to_owned());
    core.or_else(|| ours().iter().find(|(of, _)| of == plural).map(|(_, kind)| kind.clone()))
}

fn answer(outcome: &Result<Value, Refusal>) -> Result<Answer, BoxError> {
    let (code, body) = match outcome {
        Ok(value) => (200, value.clone()),
        Err(Refusal::Broken) => return Err("connection reset by peer".into()),
        Err(Refusal::Status(code, reason, message)) => {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                "reason": reason, "code": code,
            });
            (*code, status)
        }
    };
    let body = axum::body::Body::from(serde_json::to_vec(&body)?);
    Ok(Response::builder().status(code).header(header::CONTENT_TYPE, "application/json").body(body)?)
}

fn discovery() -> Value {
    let resource = |(plural, kind): &(String, String)| json!({"name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": []});
    let resources: Vec<Value> = ours().iter().map(resource).collect();
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"), "resources": resources})
}

fn read(api: &ApiServer, key: &Key) -> Result<Value, Refusal> {
    let (kind, name) = key;
    let missing = || Refusal::from(ClusterError::NotFound(format!("{kind} {name}")));
    if kind == "Namespace" && name.name == "kube-system" {
        let meta = json!({"name": "kube-system", "uid": CLUSTER});
        return Ok(json!({"apiVersion": "v1", "kind": kind, "metadata": meta}));
    }
    if kind != "Secret" && (kind != "ConfigMap" || api.get(key).is_some()) {
        return api.get(key).map(|object| shown(object, false)).ok_or_else(missing);
    }
    let data = api.data.get(key).ok_or_else(missing)?;
    let meta = json!({"namespace": name.namespace, "name": name.name, "uid": "uid-data"});
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data});
    if kind == "Secret" {
        let encode = |value: &String| base64::engine::general_purpose::STANDARD.encode(value);
        let data: BTreeMap<&String, String> = data.iter().map(|(key, value)| (key, encode(value))).collect();
        object["data"] = json!(data);
        object["type"] = json!(api.secret_types.get(name));
        object["metadata"]["labels"] = json!(api.secret_labels.get(name));
    }
    Ok(object)
}

fn list(api: &ApiServer, asked: &Asked) -> Value {
    let (kind, Name { namespace, .. }) = &asked.key;
    let within = |object: &Value| namespace.is_empty() || object["metadata"]["namespace"] == **namespace;
    let items = api.list(kind).into_iter().filter(within).map(|object| shown(object, asked.metadata));
    let items: Vec<Value> = items.collect();
    let (version, kind) = if asked.metadata {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned())
    } else {
        (version_of(kind), format!("{kind}List"))
    };
    let meta = json!({"resourceVersion": api.version().to_string()});
    json!({"apiVersion": version, "kind": kind, "metadata": meta, "items": items})
}

/// Only what kube's watcher asks for in its usual mode.
fn watchable(asked: &Asked) -> Result<Value, Refusal> {
    let known = ["watch", "timeoutSeconds", "allowWatchBookmarks", "resourceVersion"];
    let unknown = asked.query.keys().find(|name| !known.contains(&name.as_str()));
    match unknown {
        None => Ok(Value::Null),
        Some(name) => Err(Refusal::Status(400, "BadRequest", format!("this watch does not know {name}"))),
    }
}

fn version_of(kind: &str) -> String {
    let core = CORE.iter().any(|(_, of)| *of == kind);
    if core { "v1".to_owned() } else { format!("{GROUP}/{VERSION}") }
}

/// An object as it goes over the wire.
pub fn shown(mut object: Value, metadata: bool) -> Value {
    if metadata {
        let meta = object["metadata"].take();
        return json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": meta});
    }
    object["apiVersion"] = json!(version_of(object["kind"].as_str().unwrap_or_default()));
    object
}
