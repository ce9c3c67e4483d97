//! The composition root: builds the doors and the engines, starts the watches and the controllers, and ends them.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Config, ResourceExt};
use rand::{Rng, SeedableRng};
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::{self, Health};
use crate::api;
use crate::aws::Gate;
use crate::aws::gate::Rates;
use crate::aws::session::{Aws, Sessions};
use crate::cli::RunArgs;
use crate::cluster::Directory;
use crate::cluster::directory::Caches;
use crate::cluster::kube::KubeCluster;
use crate::engine::controller::{self, Pass, Queue};
use crate::engine::evidence::Windows;
use crate::engine::kind::Kind;
use crate::engine::pass::{Engine, Next, pass};
use crate::engine::settings::{Chance, Settings};
use crate::intake::{self, Scope};
use crate::kinds::access::Accesses;
use crate::kinds::doors::{Doors, Verified};
use crate::kinds::identity::Identities;
use crate::kinds::server::Servers;
use crate::kinds::user::Users;

/// How often to look again for what must be there before anything else.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the API server may say nothing: longer than it lets a watch live, and than kube's watcher waits by itself.
const SILENCE: Duration = Duration::from_mins(5);
/// How long passes may take to end after a signal; the chart grants 60 seconds in all.
const GRACE: Duration = Duration::from_secs(20);

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A flag makes no sense.
    #[error("{0}")]
    Flag(String),
    /// No way to an API server is known.
    #[error("cannot find out how to reach the API server: {0}")]
    Client(String),
    /// The address of the probes.
    #[error("cannot serve probes on {0}: {1}")]
    Address(std::net::SocketAddr, std::io::Error),
    /// The process gets no signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// CRDs cannot be written.
    #[error("cannot write {0}: {1}")]
    Write(String, String),
    /// Something that runs for ever did not.
    #[error("{0} ended by itself; this is a defect")]
    Ended(&'static str),
}

/// Completes when the process is asked to end.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// Runs the operator until a signal.
///
/// # Errors
/// [`RunError`], with what to do about it.
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    admin::log(args.log_format, &args.log_level).map_err(RunError::Flag)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "transfer-operator");
    let stop = stop()?;
    let scope = Scope { namespaces: args.watch_namespace.clone(), labels: args.watch_labels.clone() };
    let caches = Arc::new(Caches::new(scope.namespaces.len()));
    let health = Health::new(Arc::clone(&caches));
    let listener = admin::bind(args.health_addr).await.map_err(|error| RunError::Address(args.health_addr, error))?;
    tokio::spawn(Arc::clone(&health).beat());
    tokio::spawn(admin::serve(listener, health));
    let config = Config::infer().await.map_err(|error| RunError::Client(error.to_string()))?;
    let client = Client::try_from(bounded(config)).map_err(|error| RunError::Client(error.to_string()))?;
    let work = operate(args, scope, client, caches, stop.clone());
    // Until the controllers run there is nothing to bring to an end.
    let prepared = futures::future::select(Box::pin(work), stop.clone()).await;
    match prepared {
        futures::future::Either::Left((outcome, _)) => outcome,
        futures::future::Either::Right(((), work)) => {
            tracing::info!("ending: passes that run are brought to an end");
            if tokio::time::timeout(GRACE, work).await.is_err() {
                tracing::warn!("some passes did not end within {GRACE:?}");
            }
            Ok(())
        }
    }
}

/// kube waits for the answer to a listing or to the start of a watch for ever, and a cache would stay as it is.
fn bounded(mut config: Config) -> Config {
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    config
}

async fn operate(args: RunArgs, scope: Scope, client: Client, caches: Arc<Caches>, stop: Stop) -> Result<(), RunError> {
    let Some(cluster_id) = prepare(args.cluster_id.clone(), &client, stop.clone()).await else { return Ok(()) };
    tracing::info!(%cluster_id, "identified the cluster");
    let rates = Rates {
        read: args.aws_read_rate,
        write: args.aws_write_rate,
        create_server: args.aws_create_server_rate,
        ..Rates::default()
    };
    let aws = Arc::new(Sessions::new(Gate::new(rates)));
    work(Outside { client, aws, scope, caches }, settings(&args, cluster_id), stop).await
}

/// What the operator stands between.
pub struct Outside {
    /// The API server.
    pub client: Client,
    /// AWS.
    pub aws: Arc<dyn Aws>,
    /// Which part of the cluster it is for.
    pub scope: Scope,
    /// What the watches fill.
    pub caches: Arc<Caches>,
}

/// Watches and makes passes, until it is to end.
///
/// # Errors
/// [`RunError::Ended`], where something ended that must not.
pub async fn work(outside: Outside, settings: Settings, stop: Stop) -> Result<(), RunError> {
    let Outside { client, aws, scope, caches } = outside;
    let cluster = Arc::new(KubeCluster::new(client.clone(), scope.namespaces.clone()));
    let doors = Arc::new(Doors {
        cluster: cluster.clone(),
        directory: caches.clone(),
        aws,
        cluster_id: settings.cluster_id.clone(),
        verified: Verified::default(),
    });
    let (queues, watches) = intake::start(&client, &scope, &caches);
    if filled(&caches, stop.clone()).await.is_none() {
        return Ok(());
    }
    tracing::info!("all caches are filled; starting passes");
    let identities = Identities::new(Arc::clone(&doors), settings.clone());
    let servers = Engine::new(Servers::new(Arc::clone(&doors)), cluster.clone(), settings.clone());
    let users = Engine::new(Users::new(Arc::clone(&doors)), cluster.clone(), settings.clone());
    let accesses = Engine::new(Accesses::new(Arc::clone(&doors)), cluster, settings);
    let controllers = vec![
        controller::run(queues.identities, stop.clone(), identity_passes(identities, caches)).boxed(),
        control(queues.servers, servers, stop.clone()),
        control(queues.users, users, stop.clone()),
        control(queues.accesses, accesses, stop.clone()),
    ];
    let controllers = join_all(controllers).map(|_| ());
    let outcome = futures::future::select(Box::pin(controllers), Box::pin(watches)).await;
    match outcome {
        futures::future::Either::Left(_) if stop.peek().is_some() => Ok(()),
        futures::future::Either::Left(_) => Err(RunError::Ended("the controllers")),
        futures::future::Either::Right(_) => Err(RunError::Ended("a watch")),
    }
}

fn control<K: Kind>(queue: Queue<K::Object>, engine: Arc<Engine<K>>, stop: Stop) -> BoxFuture<'static, ()> {
    let pass: Pass = Arc::new(move |name, uid| {
        let engine = Arc::clone(&engine);
        async move { pass(&engine, &name, &uid).await }.boxed()
    });
    controller::run(queue, stop, pass).boxed()
}

/// Identities rest on nothing in AWS, so their passes go by what the watch holds.
fn identity_passes(identities: Identities, caches: Arc<Caches>) -> Pass {
    let identities = Arc::new(identities);
    Arc::new(move |name, uid| {
        let identities = Arc::clone(&identities);
        let object = caches.identity(&name.name).filter(|object| object.metadata.uid.as_deref() == Some(uid.as_str()));
        async move {
            let Some(object) = object else { return Next::OnChange };
            identities.reconcile(&object).await.unwrap_or_else(|trouble| {
                tracing::warn!(%trouble, "pass failed");
                Next::After(PATIENCE)
            })
        }
        .boxed()
    })
}

fn settings(args: &RunArgs, cluster_id: String) -> Settings {
    let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    Settings {
        cluster_id,
        windows: Windows { tolerance: signed(args.signature_tolerance), lag: signed(args.listing_lag) },
        resync: args.resync_interval,
        rejection_grace: args.rejection_grace,
        chance: Arc::new(World),
    }
}

/// The world's own randomness and clock.
struct World;

#[allow(clippy::disallowed_methods, reason = "this is the door through which they come in")]
impl Chance for World {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn fraction(&self) -> f64 {
        rand::rngs::StdRng::from_os_rng().random()
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// Waits for what must be there before anything else; answers with the id of the cluster, or nothing where the
/// process is to end first.
pub async fn prepare(cluster_id: Option<String>, client: &Client, stop: Stop) -> Option<String> {
    until(stop.clone(), || missing_crds(client)).await?;
    match cluster_id {
        Some(id) => Some(id),
        None => until(stop, || kube_system_uid(client)).await,
    }
}

/// Tries until it succeeds, saying each new reason once.
async fn until<T, F: Future<Output = Result<T, String>>>(stop: Stop, attempt: impl Fn() -> F) -> Option<T> {
    let mut told = None;
    loop {
        match attempt().await {
            Ok(value) => return Some(value),
            Err(reason) => {
                if told.as_ref() != Some(&reason) {
                    tracing::warn!("waiting: {reason}");
                    told = Some(reason);
                }
            }
        }
        if tokio::time::timeout(PATIENCE, stop.clone()).await.is_ok() {
            return None;
        }
    }
}

async fn missing_crds(client: &Client) -> Result<(), String> {
    let group = format!("{}/{}", api::GROUP, api::VERSION);
    let served = match client.list_api_group_resources(&group).await {
        Ok(list) => list.resources,
        // Of a group that it does not know the server speaks in plain text, which has no reason.
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(format!("the API server does not say what it serves: {error}")),
    };
    let missing: Vec<String> = api::all_crds()
        .iter()
        .map(|crd| crd.spec.names.plural.clone())
        .filter(|plural| !served.iter().any(|resource| resource.name == *plural))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the CRDs {} ({group}) are not installed; install them, for example with `transfer-operator crds | kubectl apply --server-side -f -`",
        missing.join(", ")
    ))
}

async fn kube_system_uid(client: &Client) -> Result<String, String> {
    let namespace = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await
        .map_err(|error| format!("cannot read namespace kube-system, whose UID identifies the cluster: {error}"))?;
    namespace.uid().ok_or_else(|| "namespace kube-system has no UID".to_owned())
}

async fn filled(caches: &Caches, stop: Stop) -> Option<()> {
    loop {
        if caches.missing().is_empty() {
            return Some(());
        }
        if tokio::time::timeout(Duration::from_millis(50), stop.clone()).await.is_ok() {
            return None;
        }
    }
}

fn stop() -> Result<Stop, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let either = async move {
        futures::future::select(Box::pin(terminate.recv()), Box::pin(interrupt.recv())).await;
    };
    Ok(either.boxed().shared())
}

/// Prints the CRDs, or writes them into a directory, one file each.
///
/// # Errors
/// Where they cannot be written.
pub fn crds(dir: Option<&Path>) -> Result<(), RunError> {
    let files = api::yaml::crd_files().map_err(|error| RunError::Write("crds".to_owned(), error.to_string()))?;
    let mut stdout = std::io::stdout().lock();
    for (name, yaml) in files {
        match dir {
            Some(dir) => std::fs::write(dir.join(&name), yaml),
            None => write!(stdout, "---\n{yaml}"),
        }
        .map_err(|error| RunError::Write(name, error.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_is_never_answered_ends() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        // Virtual time does not wait for sockets, so only the bound in question may be there.
        let mut config = bounded(Config::new(url));
        (config.connect_timeout, config.write_timeout) = (None, None);
        let api = Api::<Namespace>::all(Client::try_from(config).unwrap());
        let outcome = tokio::time::timeout(SILENCE * 12, api.list(&kube::api::ListParams::default())).await;
        assert!(outcome.unwrap().is_err());
        drop(listener);
    }
}
