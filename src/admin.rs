//! `/livez`, `/readyz`, `/metrics` and the log. Neither answer of the probes depends on AWS or on the API server's
//! health: a restart would mend neither.

mod certificate;
mod reviews;
mod seats;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::Dispatch;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

pub use self::certificate::Certificate;
pub use self::reviews::Reviews;
use crate::cli::LogFormat;
use crate::cluster::store::Stores;
use crate::metrics;

/// How often the runtime shows that it still makes progress.
const BEAT: Duration = Duration::from_secs(5);
/// How many beats may be missing: a busy node delays some.
const STALE: Duration = Duration::from_mins(1);

/// What the probes look at.
pub struct Health {
    /// What is watched.
    pub stores: Arc<Stores>,
    beat: Mutex<Instant>,
    metrics: OnceLock<Registry>,
}

impl Health {
    /// Alive as of now, ready when these caches are filled.
    #[must_use]
    pub fn new(stores: Arc<Stores>) -> Arc<Self> {
        Arc::new(Self { stores, beat: Mutex::new(Instant::now()), metrics: OnceLock::new() })
    }

    /// What `/metrics` shows from now on.
    pub fn expose(&self, registry: Registry) {
        // A second registry would be a defect of the caller; the first stays.
        let _ = self.metrics.set(registry);
    }

    /// Beats for ever, as long as the runtime gets round to it.
    pub async fn beat(self: Arc<Self>) {
        loop {
            *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            tokio::time::sleep(BEAT).await;
        }
    }
}

/// Binds the address of the probes.
///
/// # Errors
/// Where the address cannot be had.
pub async fn bind(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving probes");
    Ok(listener)
}

/// Serves the probes for ever, with `/metrics` beside them where it has no port of its own.
pub async fn serve(listener: tokio::net::TcpListener, health: Arc<Health>, metrics: bool) {
    let mut router = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz));
    if metrics {
        router = router.route(reviews::PATH, get(scrape));
    }
    let router = router.with_state(health);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the server of the probes ended");
    }
}

/// Serves `/metrics` over TLS for ever: to those whom the reviews let in, or to everybody where there are none.
pub async fn serve_scrapes(
    listener: tokio::net::TcpListener,
    certificate: Certificate,
    health: Arc<Health>,
    reviews: Option<Reviews>,
) {
    tls::serve(listener, certificate, scrapes(health, reviews)).await;
}

fn scrapes(health: Arc<Health>, reviews: Option<Reviews>) -> Router {
    let reviews = Arc::new(reviews);
    let answer = move |headers: HeaderMap| async move {
        if let Some(reviews) = reviews.as_ref()
            && let Err(refusal) = reviews.admit(&headers).await
        {
            return refusal.into_response();
        }
        scrape(State(health)).await.into_response()
    };
    Router::new().route(reviews::PATH, get(answer))
}

async fn livez(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    let age = health.beat.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
    if age < STALE {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("no heartbeat for {age:?}\n"))
    }
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    let missing = health.stores.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not listed yet: {}\n", missing.join(", ")))
    }
}

/// Before the process has got so far as to count, there is nothing to tell.
async fn scrape(State(health): State<Arc<Health>>) -> (StatusCode, [(HeaderName, &'static str); 1], String) {
    // Tens of thousands of objects take a while to walk over, and reconciles go on meanwhile.
    let text = tokio::task::spawn_blocking(move || {
        let registry = Registry::default();
        metrics::text(health.metrics.get().unwrap_or(&registry)).map_err(|error| error.to_string())
    });
    let (status, text) = match text.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error),
    };
    (status, [(CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
}

/// Sets the log up. Below warnings, the AWS SDK and kube log whole requests, so they are silent by default.
///
/// # Errors
/// Where the filter cannot be read.
pub fn log(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = filter(level)?;
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing::dispatcher::set_global_default(lines(format, filter, ansi, std::io::stderr))
        .map_err(|error| error.to_string())
}

/// Which lines a level of our own, or a list of levels by target, lets through.
fn filter(level: &str) -> Result<Targets, String> {
    // It would be taken for a part of a target's name, and never match.
    if level.contains('[') {
        return Err(format!("--log-level {level}: only levels and targets can be named, no spans and fields"));
    }
    let bare = level.parse::<tracing::Level>().is_ok() || level == "off";
    // Spaces would be taken for a part of a target's name, and nothing for a level.
    let parts: Vec<&str> = level.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() || parts.iter().any(|part| part.ends_with('=')) {
        return Err(format!("--log-level {level}: a level is missing"));
    }
    let directives = if bare { format!("warn,transfer_operator={level}") } else { parts.join(",") };
    directives.parse().map_err(|error| format!("--log-level {level}: {error}"))
}

/// A log that goes to this writer. Of an object its span tells, so no line within it repeats kind and name.
pub fn lines<W>(format: LogFormat, filter: Targets, ansi: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(writer);
    match format {
        LogFormat::Text => builder.with_ansi(ansi).finish().with(filter).into(),
        // The innermost span is the last of the list already.
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).finish().with(filter).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kube::runtime::watcher::Event;

    use super::*;
    use crate::cluster::guarded::Guarded;
    use crate::cluster::store::{ConfigMapMeta, NamespaceMeta, Store, Watched};

    fn fill<W: Watched>(cache: &Store<W::Kept>) {
        cache.apply::<W>(0, Event::Init);
        cache.apply::<W>(0, Event::InitDone);
    }

    #[test]
    fn a_filter_is_a_level_of_our_own_or_levels_by_target() {
        use tracing::Level;
        let (ours, kube) = ("transfer_operator::engine", "kube_client::client");
        let rows = [
            ("debug", ours, Level::DEBUG, Level::TRACE),
            ("debug", kube, Level::WARN, Level::INFO),
            ("warn,transfer_operator=debug,kube_client=info", ours, Level::DEBUG, Level::TRACE),
            ("warn,transfer_operator=debug,kube_client=info", kube, Level::INFO, Level::DEBUG),
            ("warn, transfer_operator=debug ,", ours, Level::DEBUG, Level::TRACE),
            ("warn, transfer_operator=debug ,", kube, Level::WARN, Level::INFO),
            ("error,transfer_operator::engine=TRACE", "transfer_operator::run", Level::ERROR, Level::WARN),
        ];
        for (level, target, shown, hidden) in rows {
            let filter = filter(level).unwrap();
            assert!(filter.would_enable(target, &shown), "{level}: {target} {shown}");
            assert!(!filter.would_enable(target, &hidden), "{level}: {target} {hidden}");
        }
        assert!(!filter("off").unwrap().would_enable(ours, &Level::ERROR));
        for bad in [
            "",
            ",",
            "transfer_operator=",
            "info,transfer_operator= ",
            "transfer_operator=loud",
            "info,transfer_operator[reconcile]=debug",
            "[{kind=TransferUser}]=debug",
        ] {
            assert!(filter(bad).unwrap_err().starts_with(&format!("--log-level {bad}: ")));
        }
    }

    #[tokio::test]
    async fn ready_names_what_is_missing_until_all_caches_are_filled() {
        let stores = Arc::new(Stores::new(0));
        let health = Health::new(Arc::clone(&stores));
        fill::<Guarded<crate::api::AwsIdentity>>(&stores.identities);
        fill::<Guarded<crate::api::TransferServer>>(&stores.servers);
        fill::<Guarded<crate::api::TransferAccess>>(&stores.accesses);
        fill::<NamespaceMeta>(&stores.namespaces);
        let (status, text) = readyz(State(Arc::clone(&health))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            text,
            "not listed yet: transferusers, transferworkflows, transferprofiles, transferconnectors, transferagreements, transfercertificates, transferwebapps, configmaps\n"
        );
        fill::<Guarded<crate::api::TransferUser>>(&stores.users);
        fill::<Guarded<crate::api::TransferWorkflow>>(&stores.workflows);
        fill::<Guarded<crate::api::TransferProfile>>(&stores.profiles);
        fill::<Guarded<crate::api::TransferConnector>>(&stores.connectors);
        fill::<Guarded<crate::api::TransferAgreement>>(&stores.agreements);
        fill::<Guarded<crate::api::TransferCertificate>>(&stores.certificates);
        fill::<Guarded<crate::api::TransferWebApp>>(&stores.web_apps);
        fill::<ConfigMapMeta>(&stores.config_maps);
        assert_eq!(readyz(State(health)).await.0, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn alive_as_long_as_the_heart_beats() {
        let health = Health::new(Arc::new(Stores::new(0)));
        let beating = tokio::spawn(Arc::clone(&health).beat());
        tokio::time::sleep(STALE * 2).await;
        assert_eq!(livez(State(Arc::clone(&health))).await.0, StatusCode::OK);
        beating.abort();
        tokio::time::sleep(STALE * 2).await;
        assert_eq!(livez(State(health)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn a_scrape_that_comes_early_is_answered_with_nothing() {
        let health = Health::new(Arc::new(Stores::new(0)));
        let (status, [(name, value)], text) = scrape(State(health)).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "# EOF\n"));
        assert_eq!((name, value), (CONTENT_TYPE, metrics::CONTENT_TYPE));
    }
}
