//! Serves over TLS only, one request on each connection. Knows neither what is served nor who may ask for it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificate;
use super::seats::Seats;

/// How long a connection may live, from its first byte to the last of its answer: Prometheus gives a scrape ten seconds.
const LIFE: Duration = Duration::from_secs(20);
/// How long the handshake may take, and then the head of the request: who only connects keeps its seat no longer.
const BEGIN: Duration = Duration::from_secs(5);
/// What a request may take up before it is refused; tokens of ServiceAccounts have one or two thousand characters.
const HEAD: usize = 32 * 1024;
/// How long to wait where no connection can be taken, as when there are no more file descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves for ever.
pub async fn serve(listener: TcpListener, certificate: Certificate, router: Router) {
    let seats = Seats::new();
    while let Some(free) = seats.free().await {
        let (stream, peer) = match listener.accept().await {
            Ok((stream, peer)) => (stream, peer.ip()),
            // Gone before it was taken: that is no reason to keep others waiting.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection of a scraper");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(seat) = seats.take(free, peer) else {
            tracing::debug!(%peer, "a peer has as many connections as one may have; another one is closed");
            continue;
        };
        let answers = answer(stream, certificate.config(), router.clone());
        tokio::spawn(async move {
            let _seat = seat;
            match tokio::time::timeout(LIFE, answers).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(error, "a connection for a scrape failed"),
                Err(_) => tracing::debug!("a connection for a scrape took too long"),
            }
        });
    }
}

/// Who keeps a connection keeps its seat from others, so it is closed after its one request.
async fn answer(stream: TcpStream, config: Arc<ServerConfig>, router: Router) -> Result<(), String> {
    let shaken = tokio::time::timeout(BEGIN, TlsAcceptor::from(config).accept(stream)).await;
    let stream = shaken.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(HEAD).timer(TokioTimer::new()).header_read_timeout(BEGIN);
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    served.await.map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
