#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};

use axum::routing::get;
use tokio::io::AsyncReadExt;

use super::*;
use crate::aws::http::install_crypto_provider;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name)
}

/// Serves with the first certificate; answers with the address.
async fn served() -> std::net::SocketAddr {
    install_crypto_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/metrics", get(async || "all is well"));
    tokio::spawn(serve(listener, Certificate::read(&fixture("first")).unwrap(), router));
    address
}

/// Asks for the metrics as who trusts this certificate only.
async fn asked(url: &str, trusted: &str) -> Result<String, kube::Error> {
    let mut config = kube::Config::new(url.parse().unwrap());
    let pem = std::fs::read(fixture(trusted).join("tls.crt")).unwrap();
    let der = <rustls_pki_types::CertificateDer as rustls_pki_types::pem::PemObject>::from_pem_slice(&pem).unwrap();
    config.root_cert = Some(vec![der.to_vec()]);
    let client = kube::Client::try_from(config).unwrap();
    client.request_text(http::Request::get("/metrics").body(Vec::new()).unwrap()).await
}

#[tokio::test]
async fn what_is_served_over_tls_is_not_told_in_plain_text() {
    let address = served().await;
    let url = format!("https://{address}");
    for _ in 0..3 {
        assert_eq!(asked(&url, "first").await.unwrap(), "all is well");
    }
    assert!(asked(&url, "second").await.is_err(), "it has the certificate that it was given");
    assert!(asked(&format!("http://{address}"), "first").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_gives_its_place_to_others() {
    let (address, began) = (served().await, tokio::time::Instant::now());
    let mut silent = Vec::new();
    for _ in 0..=AT_ONCE {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
    }
    assert!(began.elapsed() >= BEGIN * 2, "one beyond those that may be there at once waits for the end of another");
}
