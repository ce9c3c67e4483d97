//! `/metrics` apart from the probes, over TLS, as the flags say.

use std::sync::Arc;

use kube::Client;

use crate::admin::{self, Health};
use crate::cli::RunArgs;

/// Serves it in the background where a certificate is named.
///
/// # Errors
/// What is wrong with the flags, the certificate or the address.
pub(super) async fn serve(args: &RunArgs, client: &Client, health: &Arc<Health>) -> Result<(), String> {
    let Some(folder) = &args.metrics_tls_dir else {
        // A token in plain text is one that everybody on its way may use.
        let refused = "--metrics-auth needs --metrics-tls-dir: tokens are not taken in plain text".to_owned();
        return if args.metrics_auth { Err(refused) } else { Ok(()) };
    };
    let certificate = admin::Certificate::read(folder).map_err(|error| format!("--metrics-tls-dir: {error}"))?;
    let address = args.metrics_addr;
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("--metrics-addr: cannot serve on {address}: {error}"))?;
    let local = listener.local_addr().map_err(|error| format!("--metrics-addr: {error}"))?;
    let reviews = args.metrics_auth.then(|| admin::Reviews::new(client.clone()));
    tracing::info!(address = %local, tokens = args.metrics_auth, "serving /metrics over TLS");
    tokio::spawn(admin::serve_scrapes(listener, certificate, Arc::clone(health), reviews));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use clap::Parser as _;

    use super::*;
    use crate::aws::http::install_crypto_provider;
    use crate::cli::{Cli, Command};
    use crate::cluster::store::Stores;

    async fn served(flags: &[&str]) -> Result<(), String> {
        install_crypto_provider();
        let line = ["transfer-operator", "run"].iter().chain(flags);
        let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("not run") };
        let client = Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
        serve(&args, &client, &Health::new(Arc::new(Stores::new(0)))).await
    }

    #[tokio::test]
    async fn what_cannot_be_served_is_told_with_its_flag() {
        let folder = concat!("--metrics-tls-dir=", env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates/first");
        for (flags, told) in [
            (&["--metrics-auth"][..], "--metrics-auth needs --metrics-tls-dir"),
            (&["--metrics-tls-dir=/nowhere"], "--metrics-tls-dir: cannot read /nowhere/tls.crt"),
            (&[folder, "--metrics-addr=192.0.2.1:0"], "--metrics-addr: cannot serve on 192.0.2.1:0"),
        ] {
            let refused = served(flags).await.unwrap_err();
            assert!(refused.starts_with(told), "{refused}");
        }
        assert_eq!(served(&[]).await, Ok(()));
        assert_eq!(served(&[folder, "--metrics-addr=127.0.0.1:0", "--metrics-auth"]).await, Ok(()));
    }
}
