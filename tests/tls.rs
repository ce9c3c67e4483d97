//! kube and the AWS SDK in one process: both speak TLS, with one provider.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use k8s_openapi::api::core::v1::Namespace;
use transfer_operator::aws::credentials::{CredentialCache, Issue, Issued};
use transfer_operator::aws::ec2::{DescribeAddresses, Ec2Client};
use transfer_operator::aws::http::{http_client, install_crypto_provider};
use transfer_operator::aws::sdk::SdkApi;
use transfer_operator::aws::transfer::ListServers;
use transfer_operator::aws::{AwsApi, AwsError, AwsErrorKind};

#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Issue for Fixed {
    async fn issue(&self) -> Result<Issued, AwsError> {
        Ok(Issued { credentials: Credentials::new("k", "s", None, None, "test"), lifetime: None })
    }
}

/// A port that takes the first byte of each connection and hangs up.
fn listener() -> (String, Receiver<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut first = [0];
            if stream.read_exact(&mut first).is_ok() && sender.send(first[0]).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 22;

#[tokio::test]
async fn kube_and_aws_speak_tls_in_one_process() {
    install_crypto_provider();
    install_crypto_provider(); // A second time is no error.

    let (url, heard) = listener();
    let kube = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    kube::Api::<Namespace>::all(kube).get("default").await.unwrap_err();
    assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok(HANDSHAKE));

    let (url, heard) = listener();
    let ec2 = Ec2Client::new(http_client(), "eu-central-1", &url);
    let config = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_client())
        .region(aws_sdk_transfer::config::Region::new("eu-central-1"))
        .endpoint_url(url);
    let door = SdkApi::new(config, ec2, CredentialCache::new(Fixed));
    for call in [ListServers { token: None }.into(), DescribeAddresses { ids: vec!["eipalloc-1".to_owned()] }.into()] {
        let fault = door.read(None, call).await.unwrap_err();
        assert_eq!(fault.kind, AwsErrorKind::Lost, "{fault}");
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok(HANDSHAKE));
    }
}
