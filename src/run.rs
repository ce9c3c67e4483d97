//! The composition root: builds the doors and what is wired behind them, starts the controllers, and ends them.

mod learnt_rates;
mod prepare;
mod scrapes;
mod share;
mod work;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, join_all, select, select_all};
use jiff::SignedDuration;
use kube::{Api, Client, Config};
use rand::{Rng, SeedableRng};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use self::learnt_rates::LearntRates;
pub use self::prepare::prepare;
pub use self::work::{Around, Outside};
use self::work::{Idle, Work};
use crate::admin::{self, Health};
use crate::api;
use crate::aws::RateLimiter;
use crate::aws::account_clients::{AccountClients, Aws};
use crate::aws::rate_limiter::Rates;
use crate::cli::RunArgs;
use crate::cluster::store::Stores;
use crate::engine::consistency::Windows;
use crate::engine::controller::Signal;
use crate::engine::settings::{Env, Settings};
use crate::kinds::installations::Installation;
use crate::leader_election::{self, LeaderState, Lease, LeaseConfig};
use crate::metrics::{self, Expiry, Sources};
use crate::watch::{Scope, Source};

/// How often to look again for what must be there before anything else.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the API server may say nothing: longer than it lets a watch live, and than kube's watcher waits by itself.
const SILENCE: Duration = Duration::from_mins(5);
/// How long reconciles get to end by themselves after a signal.
const SETTLE: Duration = Duration::from_secs(5);
/// How long calls that were sent may take to end and be recorded; with the release of the lease it is 25 seconds at
/// most, and the chart grants 60.
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
    /// Another replica leads, or may.
    #[error("the lease is lost; the process ends, and starts anew as a standby")]
    LeaseLost,
    /// Something that runs for ever did not.
    #[error("{0} ended by itself; this is a defect")]
    Ended(&'static str),
}

/// Runs the operator until a signal.
///
/// # Errors
/// [`RunError`], with what to do about it.
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    admin::log(args.log_format, &args.log_level).map_err(RunError::Flag)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "transfer-operator");
    let stop = stop()?;
    let scope = scope(&args)?;
    let stores = Arc::new(Stores::new(scope.namespaces.len()));
    let health = Health::new(stores);
    let listener = admin::bind(args.health_addr).await.map_err(|error| RunError::Address(args.health_addr, error))?;
    tokio::spawn(Arc::clone(&health).beat());
    tokio::spawn(admin::serve(listener, Arc::clone(&health), args.metrics_tls_dir.is_none()));
    let config = Config::infer().await.map_err(|error| RunError::Client(error.to_string()))?;
    let client = Client::try_from(bounded(config)).map_err(|error| RunError::Client(error.to_string()))?;
    scrapes::serve(&args, &client, &health).await.map_err(RunError::Flag)?;
    operate(args, scope, client, health, stop).await
}

/// kube waits for the answer to a listing or to the start of a watch for ever, and a cache would stay as it is.
fn bounded(mut config: Config) -> Config {
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    config
}

async fn operate(
    args: RunArgs,
    scope: Scope,
    client: Client,
    health: Arc<Health>,
    stop: Signal,
) -> Result<(), RunError> {
    let stores = Arc::clone(&health.stores);
    let leading = LeaderState::default();
    let limiter =
        RateLimiter::new(Rates::at_most(args.aws_read_rate, args.aws_write_rate, args.aws_create_server_rate));
    let mut lease = args.lease.then(|| lease_of(&args, &client, &limiter, leading.clone())).transpose()?;
    let Some(cluster_id) = prepare(args.cluster_id.clone(), &client, stop.clone()).await else { return Ok(()) };
    tracing::info!(%cluster_id, "identified the cluster");
    let clients = Arc::new(AccountClients::new(Arc::clone(&limiter)).of_cluster(cluster_id.clone()));
    let aws = Arc::clone(&clients) as Arc<dyn Aws>;
    let installation = installation(&args)?;
    let expiry_warning = span(args.expiry_warning);
    let outside =
        Outside::of_cluster(client, aws, scope, installation, args.shard, Arc::clone(&stores), expiry_warning);
    let settings = settings(&args, cluster_id);
    let looks = Arc::clone(&settings.looks);
    let Some(work) = Work::new(outside, settings, stop.clone()).await else { return Ok(()) };
    let (reconciles, orphans, leads) = (work.reconciles.clone(), Arc::clone(&work.orphans), leading.clone());
    let expiry = Expiry { warning: expiry_warning, env: Arc::new(World) };
    let hold_percent = args.hold_deletions_percent;
    let shards = args.shard.count();
    let identities_written = args.write_identities;
    let sources = Sources {
        stores,
        limiter,
        clients,
        orphans,
        hold_percent,
        leading: leads,
        reconciles,
        looks,
        shards,
        expiry,
        identities_written,
    };
    health.expose(metrics::registry(sources));
    let outcome = lead(work, lease.as_mut(), &leading, stop).await;
    if let Some(lease) = &mut lease {
        lease.release().await;
    }
    outcome
}

/// Watches and makes reconciles without a lease, until it is to end.
///
/// # Errors
/// [`RunError::Ended`], where something ended that must not.
pub async fn work<S: Source>(outside: Outside<S>, settings: Settings, stop: Signal) -> Result<(), RunError> {
    match Work::new(outside, settings, stop.clone()).await {
        Some(work) => lead(work, None, &LeaderState::default(), stop).await,
        None => Ok(()),
    }
}

/// Works while this replica leads and nobody asks it to end; then brings what runs to its end.
async fn lead(work: Work, lease: Option<&mut Lease>, leading: &LeaderState, stop: Signal) -> Result<(), RunError> {
    let Work { controllers, idle, elect, end, watches, .. } = work;
    // A task of its own, which ends by `halt` alone: the fault plans rest on that too.
    let mut controllers = tokio::spawn(join_all(controllers));
    // Renewed also while reconciles come to their end: until then nobody else shall begin.
    let election = async move {
        let Some(lease) = lease else {
            leading.set(true);
            let _ = elect.send(());
            return futures::future::pending().await;
        };
        lease.acquire().await;
        let _ = elect.send(());
        lease.hold().await;
    };
    // Asked again after its end, it has nothing more to say.
    let mut election = Box::pin(election.fuse());
    let ended = {
        let ends: [BoxFuture<'_, Result<(), RunError>>; 4] = [
            stop.map(Ok).boxed(),
            (&mut election).map(|()| Err(RunError::LeaseLost)).boxed(),
            watches.map(|()| Err(RunError::Ended("a watch"))).boxed(),
            (&mut controllers).map(|_| Err(RunError::Ended("the controllers"))).boxed(),
        ];
        select_all(ends).await.0
    };
    tracing::info!("ending: what runs is brought to its end");
    let _ = end.send(());
    let drained = tokio::time::timeout(GRACE, drain(controllers, &idle, leading.get()));
    let drained = select(Box::pin(drained), election).await;
    if !matches!(drained, Either::Left((Ok(()), _))) {
        tracing::warn!("some calls did not end in time; the records tell what to look for");
    }
    ended
}

/// Gives reconciles a moment to end by themselves. Those that do not are given up, and only the calls in tasks of their
/// own are waited for: a mutation that was sent, together with the write that records it.
async fn drain(mut controllers: JoinHandle<Vec<()>>, idle: &[Idle], leads: bool) {
    let moment = if leads { SETTLE } else { Duration::ZERO };
    if !controllers.is_finished() && tokio::time::timeout(moment, &mut controllers).await.is_err() {
        controllers.abort();
        let _ = controllers.await;
    }
    while !idle.iter().all(|idle| idle()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn lease_of(
    args: &RunArgs,
    client: &Client,
    limiter: &Arc<RateLimiter>,
    leading: LeaderState,
) -> Result<Lease, RunError> {
    let times = LeaseConfig {
        duration: args.lease_duration,
        renew_deadline: args.lease_renew_deadline,
        retry_period: args.lease_retry_period,
    };
    let times = times.checked().map_err(RunError::Flag)?;
    let namespace = leader_election::namespace(args.lease_namespace.as_deref()).map_err(RunError::Flag)?;
    let pod = std::env::var("HOSTNAME").unwrap_or_else(|_| "transfer-operator".to_owned());
    let me = format!("{pod}_{}", World.uuid());
    let api = Api::namespaced(client.clone(), &namespace);
    let lease = Lease::new(api, args.lease_name.clone(), me, times, Arc::new(World), leading);
    Ok(lease.of_shard(args.shard).handing_on(LearntRates::of(Arc::clone(limiter))))
}

fn scope(args: &RunArgs) -> Result<Scope, RunError> {
    if !args.read_namespaces && args.cluster_id.is_none() {
        let message = "--read-namespaces=false needs --cluster-id: without it the UID of namespace kube-system is read";
        return Err(RunError::Flag(message.to_owned()));
    }
    let (namespaces, labels) = (args.watch_namespace.clone(), args.watch_labels.clone());
    Ok(Scope { namespaces, labels, without_namespaces: !args.read_namespaces })
}

/// Replicas of one installation share a lease. Where there is none, the namespaces tell it from others.
fn installation(args: &RunArgs) -> Result<Installation, RunError> {
    let namespaces = &args.watch_namespace;
    if !args.write_identities && namespaces.is_empty() {
        let message = "--write-identities=false needs --watch-namespace: an operator of the whole cluster has to hold the \
                       identities in use, or they could be deleted";
        return Err(RunError::Flag(message.to_owned()));
    }
    if !args.lease {
        return Ok(Installation::new(&namespaces.join(","), namespaces).writing(args.write_identities));
    }
    let namespace = leader_election::namespace(args.lease_namespace.as_deref()).map_err(RunError::Flag)?;
    Ok(Installation::new(&format!("{namespace}/{}", args.lease_name), namespaces).writing(args.write_identities))
}

fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn settings(args: &RunArgs, cluster_id: String) -> Settings {
    Settings {
        cluster_id,
        windows: Windows {
            tolerance: span(args.signature_tolerance),
            lag: span(args.listing_lag),
            unused: span(args.replaced_unused),
        },
        resync: args.resync_interval,
        looks: Arc::default(),
        rejection_grace: args.rejection_grace,
        hold_percent: args.hold_deletions_percent,
        env: Arc::new(World),
    }
}

/// The world's own randomness and clock.
struct World;

#[allow(clippy::disallowed_methods, reason = "this is the door through which they come in")]
impl Env for World {
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

fn stop() -> Result<Signal, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let either = async move {
        select(Box::pin(terminate.recv()), Box::pin(interrupt.recv())).await;
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
    #![allow(clippy::unwrap_used, clippy::panic)]
    use clap::Parser as _;
    use k8s_openapi::api::core::v1::Namespace;

    use super::*;
    use crate::cli::{Cli, Command};

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

    fn args(flags: &[&str]) -> RunArgs {
        let line = ["transfer-operator", "run"].iter().chain(flags);
        let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("not run") };
        *args
    }

    #[test]
    fn who_reads_no_namespaces_has_to_name_the_cluster() {
        let run = |flags: &[&str]| {
            let args = args(flags);
            scope(&args).map(|scope| scope.without_namespaces).map_err(|error| error.to_string())
        };
        assert_eq!(run(&[]), Ok(false));
        assert_eq!(run(&["--read-namespaces=false", "--cluster-id=blue"]), Ok(true));
        let refused = run(&["--read-namespaces=false"]).unwrap_err();
        assert!(refused.contains("--cluster-id"), "{refused}");
    }

    #[test]
    fn who_holds_no_identity_in_use_works_in_named_namespaces_only() {
        let run = |flags: &[&str]| {
            let args = args(flags);
            installation(&args).map(|installation| installation.writes).map_err(|error| error.to_string())
        };
        assert_eq!(run(&["--lease=false"]), Ok(true));
        assert_eq!(run(&["--lease=false", "--write-identities=false", "--watch-namespace=a"]), Ok(false));
        let refused = run(&["--lease=false", "--write-identities=false"]).unwrap_err();
        assert!(refused.contains("--watch-namespace"), "{refused}");
    }
}
