//! The simulator's socket: axum in front of `service`, with the machine's clock and the state file.
//! Waits and cuts connections as the service says; decides nothing itself.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::connection::{Door, Peer};
use super::control;
use super::service::{Arrived, Service};
use super::state::World;

/// Fifty thousand directory mappings of full length are the largest request; they fit.
const MAX_BODY: usize = 128 << 20;

/// A service that can be reached, and where its state is kept.
#[derive(Debug, Clone)]
pub struct Host {
    service: Arc<Mutex<Service>>,
    state_file: Option<Arc<Path>>,
}

impl Host {
    /// A host for a service; with a file, every change is on disk before its answer leaves.
    #[must_use]
    pub fn new(service: Service, state_file: Option<PathBuf>) -> Self {
        Self { service: Arc::new(Mutex::new(service)), state_file: state_file.map(Arc::from) }
    }

    /// Serves until the future is dropped.
    ///
    /// # Errors
    /// If the socket fails.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let app = Router::new().fallback(handle).with_state(self);
        let app = app.into_make_service_with_connect_info::<Peer>();
        axum::serve(Door(listener), app).await
    }

    /// The service behind, for tests in the same process.
    pub fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Written beside and renamed, so that a killed process leaves the old file or the new one, never half of one.
    fn save(&self, service: &mut Service) -> io::Result<()> {
        if !service.take_unsaved() {
            return Ok(());
        }
        match &self.state_file {
            Some(file) => replace(file, &serde_json::to_vec(&service.world)?),
            None => Ok(()),
        }
    }
}

/// Reads the state that an earlier process left; a file that does not exist yet is an empty world.
///
/// # Errors
/// If the file cannot be read or holds something else.
pub fn load(file: &Path) -> io::Result<World> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(World::default()),
        Err(error) => Err(error),
    }
}

/// Replaces a file in one step.
///
/// # Errors
/// If the folder cannot be written.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, file)
}

async fn handle(State(host): State<Host>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return plain(413, "the request is too large");
    };
    if parts.uri.path().starts_with(control::PREFIX) {
        let query = parts.uri.query().unwrap_or_default();
        return host.control(peer.address, parts.method.as_str(), parts.uri.path(), query, &body);
    }
    let request = http::Request::from_parts(parts, body.to_vec());
    let arrived = host.service().arrive(request, clock());
    // What has arrived is carried out, as AWS does, whether the caller still waits for it or was killed.
    let carried = tokio::spawn(carry_out(host, peer, arrived));
    carried.await.unwrap_or_else(|_| plain(500, "a defect of the simulator"))
}

async fn carry_out(host: Host, peer: Peer, arrived: Arrived) -> Response {
    wait(arrived.delay()).await;
    let departure = {
        let mut service = host.service();
        let departure = service.carry_out(&arrived, clock());
        if let Err(error) = host.save(&mut service) {
            tracing::error!(%error, "cannot write the state file");
            return plain(500, "cannot write the state file");
        }
        departure
    };
    wait(departure.delay).await;
    departure.reply.map_or_else(
        || {
            peer.cut();
            plain(500, "")
        },
        |reply| reply.map(Body::from),
    )
}

impl Host {
    fn control(&self, from: SocketAddr, method: &str, path: &str, query: &str, body: &[u8]) -> Response {
        if !from.ip().is_loopback() {
            return plain(403, "the control path is open to this machine only");
        }
        let mut service = self.service();
        let (status, value) = control::handle(&mut service, method, path, query, body, clock());
        if let Err(error) = self.save(&mut service) {
            return plain(500, &format!("cannot write the state file: {error}"));
        }
        let mut reply = plain(status, &format!("{value}\n"));
        let json = http::HeaderValue::from_static("application/json");
        reply.headers_mut().insert(http::header::CONTENT_TYPE, json);
        reply
    }
}

#[allow(clippy::disallowed_methods, reason = "the door through which the machine's time comes in")]
fn clock() -> Timestamp {
    Timestamp::now()
}

async fn wait(delay: SignedDuration) {
    if let Ok(delay) = Duration::try_from(delay)
        && !delay.is_zero()
    {
        tokio::time::sleep(delay).await;
    }
}

fn plain(status: u16, text: &str) -> Response {
    let mut reply = Response::new(Body::from(text.to_owned()));
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    reply
}
