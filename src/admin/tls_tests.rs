#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};

use axum::routing::get;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use super::super::seats::{AT_ONCE, OF_ONE_PEER};
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

/// Somebody at this address who only connects.
async fn silent(from: &str, to: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn ended(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0; 64]).await.unwrap() == 0
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_gives_its_place_to_others() {
    let (address, began) = (served().await, tokio::time::Instant::now());
    let mut all = Vec::new();
    for number in 0..=AT_ONCE {
        all.push(silent(&format!("127.0.0.{}", 1 + number / OF_ONE_PEER), address).await);
    }
    for stream in &mut all {
        assert!(ended(stream).await);
    }
    assert!(began.elapsed() >= BEGIN * 2, "one beyond those that may be there at once waits for the end of another");
}

#[tokio::test(start_paused = true)]
async fn one_peer_that_takes_all_it_can_get_keeps_nobody_out() {
    let (address, began) = (served().await, tokio::time::Instant::now());
    let mut greedy = Vec::new();
    for _ in 0..AT_ONCE {
        greedy.push(silent("127.0.0.2", address).await);
    }
    let beyond = greedy.split_off(OF_ONE_PEER);
    for mut stream in beyond {
        assert!(ended(&mut stream).await);
    }
    assert_eq!(asked(&format!("https://{address}"), "first").await.unwrap(), "all is well");
    assert!(began.elapsed() < BEGIN, "nobody had to wait for the end of another");
    for stream in &mut greedy {
        assert!(ended(stream).await);
    }
    assert!(began.elapsed() >= BEGIN, "the share of the first was its own until then");
}
