//! How bytes reach AWS: one HTTP client for all identities and one TLS provider for the whole process.
//!
//! Knows no service and no credentials.

use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// A TCP connection within a region takes milliseconds; three seconds allow for one lost SYN.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Reads are quick and free to repeat; a full page of a listing takes AWS one to two seconds.
pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// A mutation that times out leaves an unknown outcome, which costs more than patience.
pub const MUTATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes `aws-lc-rs` the TLS provider of the process. First line of `main`: kube and the AWS SDK bring different
/// features of rustls, which then refuses to choose and panics at the first connection.
pub fn install_crypto_provider() {
    // An error only says that a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The HTTP client that all AWS clients of the process share. It is what the SDK builds where it is given none, proxies
/// of the environment (`HTTPS_PROXY`, `NO_PROXY`) included: `Builder::build_https` would leave those out.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}
