//! The two fakes of the tests: the API server in memory as a test scripts it (`scripted`), and the simulator behind a
//! direct door, as the operator reaches it (`cloud`) and as others work on it (`simulated`, `held`). [`World`] is both of them together, for
//! tests of one piece of a kind, such as a look-up or a scan; whole reconciles have their own rig.
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod cloud;
pub mod held;
pub mod schema;
pub mod scripted;
pub mod simulated;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::cloud::{Cloud, Identities, limiter};
pub use self::cloud::{FIRST, SECOND, THIRD};
use self::scripted::{Key, Objects};
use super::deps::{Deps, OwnersSeen, Verified, WorkflowsSeen};
use super::swept::Swept;
use crate::api::{AwsIdentity, Managed, ManagedKind, TransferServer};
use crate::aws::account_clients::Aws;
use crate::aws::transfer::{Server, Tags};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::{KubeApi, Lister, Name};
use crate::engine::consistency::Windows;
use crate::engine::owner::Owner;
use crate::engine::settings::{Env, Settings};

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
pub const CLUSTER: &str = "cluster-1";
pub const NOW: &str = "2026-01-01T00:00:00Z";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";
/// A secret of a partner, which every grant of the tests lists.
pub const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:partners/acme-AbCdEf";
pub const LAG: Duration = Duration::from_mins(2);
pub const TOLERANCE: Duration = Duration::from_mins(15);
/// A server that was there before the operator.
pub const OLD: &str = "s-01d00000000000000";

pub fn fault(operation: &'static str, kind: AwsErrorKind) -> AwsError {
    AwsError {
        operation,
        kind,
        code: format!("{kind:?}"),
        message: String::new(),
        resource_type: None,
        retry_after: None,
        date: None,
    }
}

/// A clock that stands at [`NOW`].
struct Fixed;

impl Env for Fixed {
    fn uuid(&self) -> String {
        "attempt".to_owned()
    }
    fn fraction(&self) -> f64 {
        0.5
    }
    fn wall(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
}

/// Times as an installation has them by default.
pub fn settings() -> Settings {
    let span = |duration: Duration| SignedDuration::try_from(duration).unwrap();
    Settings {
        cluster_id: CLUSTER.to_owned(),
        windows: Windows::new(span(TOLERANCE), span(LAG)),
        resync: Duration::from_mins(10),
        looks: Arc::default(),
        rejection_grace: Duration::from_mins(2),
        hold_percent: 10,
        env: Arc::new(Fixed),
    }
}

/// What the kinds reach out to, where nothing was read yet.
pub fn deps(cluster: &Arc<Objects>, lister: &Arc<Objects>, aws: &Arc<Identities>, env: Arc<dyn Env>) -> Arc<Deps> {
    Arc::new(Deps {
        cluster: Arc::clone(cluster) as Arc<dyn KubeApi>,
        lister: Arc::clone(lister) as Arc<dyn Lister>,
        aws: Arc::clone(aws) as Arc<dyn Aws>,
        cluster_id: CLUSTER.to_owned(),
        verified: Verified::default(),
        workflows: WorkflowsSeen::default(),
        profiles: OwnersSeen::default(),
        certificates: OwnersSeen::default(),
        swept: Swept::default(),
        enqueue: Box::new(|_| ()),
        resync: Duration::from_mins(10),
        windows: settings().windows,
        expiry_warning: SignedDuration::from_hours(14 * 24),
        env,
    })
}

/// A whole installation in memory.
pub struct World {
    pub cloud: Arc<Cloud>,
    pub aws: Arc<Identities>,
    /// What the watches hold.
    pub lister: Arc<Objects>,
    /// What the API server has.
    pub cluster: Arc<Objects>,
    pub deps: Arc<Deps>,
}

impl World {
    /// With an identity `default` whose grants are these.
    pub fn with_grants(grants: Value) -> Self {
        let cloud = Cloud::new();
        let aws = Identities::new(&cloud, &limiter(1e9));
        let (lister, cluster) = (Arc::new(Objects::default()), Arc::new(Objects::default()));
        let deps = deps(&cluster, &lister, &aws, Arc::new(Fixed));
        let world = Self { cloud, aws, lister, cluster, deps };
        world.grant(grants);
        world
    }

    /// With an identity `default` that grants everything everywhere.
    pub fn open() -> Self {
        Self::with_grants(json!([{
            "name": "all", "kinds": ManagedKind::ALL, "namespaces": {"from": "All"},
            "roleArns": [format!("arn:aws:iam::{ACCOUNT}:role/*")], "secretArns": [SECRET],
        }]))
    }

    /// With the server `files`, which AWS has as [`FIRST`] with this provider and to which everybody may refer. The
    /// identity grants one role in two namespaces, and puts a tag on everything.
    pub fn with_server(provider: &str) -> Self {
        let kinds = ["TransferServer", "TransferUser", "TransferAccess"];
        let namespaces = json!({"from": "Names", "names": ["team", "other"]});
        let grant = json!({"name": "a", "kinds": kinds, "namespaces": namespaces, "roleArns": [ROLE]});
        let world = Self::with_grants(json!([grant]));
        world.identity(|identity| identity.spec.tags = [("owner".to_owned(), "platform".to_owned())].into());
        let spec = json!({"region": REGION, "allowedReferences": {"namespaces": {"from": "All"}}});
        world.watch(&object::<TransferServer>("files", spec, json!({"serverId": FIRST})));
        world.cloud.put_server(FIRST, owner_tags("files"), |server| {
            server.settings.identity_provider_type = Some(provider.to_owned());
        });
        world
    }

    /// Replaces the grants of the identity `default`.
    pub fn grant(&self, grants: Value) {
        let identity = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
            "metadata": {"name": "default", "uid": "identity", "generation": 1, "resourceVersion": "0"},
            "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": grants},
        });
        self.lister.put(identity.clone());
        self.cluster.put(identity);
    }

    /// The identity `default` as the API server has it, if it is still there.
    pub fn stored_identity(&self) -> Option<AwsIdentity> {
        self.cluster.stored(&identity_key()).map(|identity| serde_json::from_value(identity).unwrap())
    }

    /// The same, also where it does not decode.
    pub fn raw_identity(&self) -> Value {
        self.cluster.stored(&identity_key()).unwrap()
    }

    /// Somebody writes the identity `default` at the API server.
    pub fn edit_identity(&self, change: impl FnOnce(&mut Value)) {
        self.cluster.change(&identity_key(), None, change).unwrap();
    }

    /// The identity `default` is changed where the watches hold it.
    pub fn identity(&self, change: impl FnOnce(&mut AwsIdentity)) {
        let mut identity = AwsIdentity::clone(&self.lister.identity("default").unwrap());
        change(&mut identity);
        self.lister.put(serde_json::to_value(identity).unwrap());
    }

    /// AWS has a server of this id with these tags, and nothing else of it.
    pub fn put(&self, id: &str, tags: Tags) {
        self.cloud.put_server(id, tags, |_| ());
    }

    pub fn account(&self) -> Account {
        self.cloud.account()
    }

    pub fn asked(&self) -> u32 {
        *self.aws.asked.lock().unwrap()
    }

    /// Puts an object where the watches hold it.
    pub fn watch<K: Managed>(&self, object: &K) {
        self.lister.put(serde_json::to_value(object).unwrap());
    }

    /// Puts an object where a live list finds it.
    pub fn store<K: Managed>(&self, object: &K) {
        self.cluster.put(serde_json::to_value(object).unwrap());
    }
}

fn identity_key() -> Key {
    ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() })
}

/// An object of namespace `team`; its uid is `uid-` and its name.
pub fn object<K: Managed>(name: &str, spec: Value, status: Value) -> K {
    let mut value = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": K::kind(&()),
        "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}")}, "spec": spec,
    });
    if !status.is_null() {
        value["status"] = status;
    }
    serde_json::from_value(value).unwrap()
}

/// The same, being deleted, with our finalizer.
pub fn dying<K: Managed>(mut object: K) -> K {
    let meta = object.meta_mut();
    meta.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(NOW.parse().unwrap()));
    meta.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    object
}

/// The tags of what the object of this name in namespace `team` owns.
pub fn owner_tags(name: &str) -> Tags {
    Owner::new(CLUSTER, "team", name, &format!("uid-{name}")).tags("attempt")
}

/// A server of AWS that is owned by the object of this name in namespace `team`.
pub fn owned(id: &str, name: &str) -> Server {
    Server {
        arn: format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/{id}"),
        server_id: id.to_owned(),
        domain: Some("S3".to_owned()),
        state: Some("ONLINE".to_owned()),
        tags: owner_tags(name),
        ..Server::default()
    }
}
