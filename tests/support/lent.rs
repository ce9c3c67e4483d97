//! Control planes in which the product is installed, lent to one test after the other: starting one takes longer than
//! many a test. A test has its own alone, and gets it as the installation left it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::ApiResource;
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use transfer_operator::api::{AwsIdentity, ManagedKind};

use super::{ControlPlane, await_condition};

/// Requests to the API server at the same time.
const AT_ONCE: usize = 16;

/// A control plane for one test. Dropping it hands it on to the next one, or stops it where the test failed.
pub struct Lent {
    plane: Option<ControlPlane>,
    installed: Option<Installed>,
}

impl Lent {
    /// One in which the product is installed, and nothing else.
    pub async fn installed() -> Self {
        let idle = idle().pop();
        if let Some((mut plane, installed)) = idle {
            plane.taken_over();
            let mut lent = Self { plane: Some(plane), installed: Some(installed) };
            lent.restore().await.unwrap_or_else(|error| panic!("{error}"));
            return lent;
        }
        let plane = ControlPlane::start().await;
        plane.install().await;
        let installed = Installed::of(&plane.admin().await).await;
        Self { plane: Some(plane), installed: Some(installed) }
    }

    /// Takes out all that came after the installation. Where the rest is no longer as it was, that is told, and no other
    /// test gets it.
    pub async fn restore(&mut self) -> Result<(), String> {
        let client = self.admin().await;
        if let Some(installed) = self.installed.take() {
            installed.restore(&client).await?;
            self.installed = Some(installed);
        }
        self.plane.iter_mut().for_each(ControlPlane::forget_requests);
        Ok(())
    }
}

/// One that no other test gets: for those that change the installation itself.
impl From<ControlPlane> for Lent {
    fn from(plane: ControlPlane) -> Self {
        Self { plane: Some(plane), installed: None }
    }
}

impl Deref for Lent {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        self.plane.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let both = self.plane.take().zip(self.installed.take());
        if let Some(both) = both.filter(|_| !std::thread::panicking()) {
            idle().push(both);
        }
    }
}

/// Those that wait for a test. What is in here when the process ends, ends with it.
fn idle() -> MutexGuard<'static, Vec<(ControlPlane, Installed)>> {
    static IDLE: Mutex<Vec<(ControlPlane, Installed)>> = Mutex::new(Vec::new());
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A kind of any API, and whether its objects are in namespaces.
type Kind = (ApiResource, Scope);

/// Kind, namespace and name of an object.
type Place = (String, String, String);

struct Object {
    version: String,
    finalizers: bool,
}

/// Everything that the API server held after the installation.
struct Installed {
    kinds: Vec<Kind>,
    versions: BTreeMap<Place, String>,
}

impl Installed {
    async fn of(client: &Client) -> Self {
        let kinds = kinds(client).await;
        let versions = versions(held(client, &kinds).await);
        Self { kinds, versions }
    }

    async fn restore(&self, client: &Client) -> Result<(), String> {
        let mut later = held(client, &self.kinds).await;
        later.retain(|place, _| !self.versions.contains_key(place));
        // A namespace goes last: nobody here would empty it.
        for of_namespaces in [false, true] {
            let some = later.iter().filter(|((kind, ..), _)| (kind == "namespaces") == of_namespaces);
            let removed = some.map(|(place, object)| self.remove(client, place, object));
            stream::iter(removed).buffer_unordered(AT_ONCE).collect::<()>().await;
        }
        let now = versions(held(client, &self.kinds).await);
        let other = |one: &BTreeMap<Place, String>, than: &BTreeMap<Place, String>| {
            let differs = |(place, version): &(&Place, &String)| than.get(*place) != Some(version);
            one.iter().filter(differs).map(|(place, _)| format!("{place:?}")).collect::<BTreeSet<_>>()
        };
        let changed: Vec<_> = other(&self.versions, &now).union(&other(&now, &self.versions)).cloned().collect();
        if changed.is_empty() {
            return Ok(());
        }
        let told = "a test that changes the installation needs a control plane of its own";
        Err(format!("{told}; not as installed: {}", changed.join(", ")))
    }

    async fn remove(&self, client: &Client, place: &Place, object: &Object) {
        let (kind, namespace, name) = place;
        let (resource, scope) =
            self.kinds.iter().find(|(resource, _)| called(resource) == *kind).expect("it was listed");
        let api: Api<DynamicObject> = match scope {
            Scope::Cluster => Api::all_with(client.clone(), resource),
            Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, resource),
        };
        let identity = *kind == called(&ApiResource::erase::<AwsIdentity>(&()));
        if object.finalizers || identity {
            let mut free = json!({"metadata": {"finalizers": null}});
            if identity {
                free["spec"] = json!({"deletionProtection": false});
            }
            gone(api.patch(name, &PatchParams::default(), &Patch::Merge(&free)).await, place);
        }
        gone(api.delete(name, &DeleteParams::default()).await, place);
        if kind == "namespaces" {
            finalize(client, name).await;
        }
    }
}

/// What is gone already needs no more.
fn gone<T>(answer: kube::Result<T>, place: &Place) {
    match answer {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("{place:?} does not go: {error}"),
    }
}

/// What the controller manager does with an empty namespace.
async fn finalize(client: &Client, name: &str) {
    let object =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}});
    let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .expect("a name is part of a path");
    client.request::<Value>(request).await.unwrap_or_else(|error| panic!("namespace {name} does not go: {error}"));
}

/// As in `kubectl api-resources`.
fn called(resource: &ApiResource) -> String {
    let ApiResource { group, plural, .. } = resource;
    if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") }
}

/// All kinds whose objects can be listed and deleted, ours among them.
async fn kinds(client: &Client) -> Vec<Kind> {
    await_condition("the discovery of our kinds", Duration::from_mins(1), async || {
        let discovery = Discovery::new(client.clone()).run_aggregated().await.map_err(|error| error.to_string())?;
        let all = discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources);
        let kept = all.filter(|(_, can)| can.supports_operation(verbs::LIST) && can.supports_operation(verbs::DELETE));
        let kinds: Vec<Kind> = kept.map(|(resource, can)| (resource, can.scope)).collect();
        let known: Vec<String> = kinds.iter().map(|(resource, _)| called(resource)).collect();
        let ours = |kind: &ManagedKind| known.contains(&called(&kind.resource()));
        if ManagedKind::ALL.iter().all(ours) { Ok(kinds) } else { Err(known.join(", ")) }
    })
    .await
}

async fn held(client: &Client, kinds: &[Kind]) -> BTreeMap<Place, Object> {
    let lists = kinds.iter().map(async |(resource, _)| {
        let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
        let list = api.list_metadata(&ListParams::default()).await;
        let kind = called(resource);
        let list = list.unwrap_or_else(|error| panic!("{kind} cannot be listed: {error}"));
        let object = |meta: kube::core::PartialObjectMeta<DynamicObject>| {
            let place = (kind.clone(), meta.namespace().unwrap_or_default(), meta.name_any());
            let finalizers = !meta.finalizers().is_empty();
            (place, Object { version: meta.resource_version().unwrap_or_default(), finalizers })
        };
        list.items.into_iter().map(object).collect::<Vec<_>>()
    });
    let lists: Vec<_> = stream::iter(lists).buffer_unordered(AT_ONCE).collect().await;
    let mut all: BTreeMap<Place, Object> = lists.into_iter().flatten().collect();
    // The API server renews leases of its own there.
    all.retain(|(kind, namespace, _), _| !(kind.starts_with("leases.") && namespace == "kube-system"));
    all
}

fn versions(objects: BTreeMap<Place, Object>) -> BTreeMap<Place, String> {
    objects.into_iter().map(|(place, object)| (place, object.version)).collect()
}
