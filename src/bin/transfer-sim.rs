//! transfer-sim: a simulated AWS Transfer Family on a local port.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::SignedDuration;
use tokio::net::TcpListener;
use transfer_operator::sim::config::Config;
use transfer_operator::sim::http::{Host, load, replace};
use transfer_operator::sim::random::Random;
use transfer_operator::sim::service::{Root, Service};
use transfer_operator::sim::state::World;

/// A simulated AWS Transfer Family: AWS JSON over HTTP, signatures checked, states that take time, faults on demand.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to serve on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4599")]
    listen: SocketAddr,
    /// Account of the credentials below; roles of other accounts can be assumed.
    #[arg(long, default_value = "123456789012", value_parser = account)]
    account: String,
    /// Access key that may do everything.
    #[arg(long, default_value = "test")]
    access_key: String,
    /// Its secret.
    #[arg(long, default_value = "test")]
    secret_key: String,
    /// How long a server is STARTING or STOPPING, and its VPC endpoint in transition after that.
    #[arg(long, default_value = "2s")]
    transition_time: SignedDuration,
    /// How far the time of a signature may be off.
    #[arg(long, default_value = "15m")]
    signature_tolerance: SignedDuration,
    /// How long a new server is missing from listings.
    #[arg(long, default_value = "0s")]
    listing_lag: SignedDuration,
    /// File to write the port to once it is served.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// File that keeps the state over a restart.
    #[arg(long)]
    state_file: Option<PathBuf>,
    /// Makes identifiers repeatable.
    #[arg(long)]
    seed: Option<u64>,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transfer-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> io::Result<()> {
    let about = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    let world = match &args.state_file {
        Some(file) => load(file).map_err(|e| about("cannot read the state file", e))?,
        None => World::default(),
    };
    let config = Config {
        transition_time: args.transition_time,
        endpoint_lag: args.transition_time,
        listing_lag: args.listing_lag,
        signature_tolerance: args.signature_tolerance,
        ..Config::default()
    };
    let root = Root { account: args.account, access_key: args.access_key, secret_key: args.secret_key };
    let random = args.seed.map_or_else(Random::from_os, Random::seeded);
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.map_err(|e| about(&format!("cannot listen on {}", args.listen), e))?;
    let address = listener.local_addr()?;
    if let Some(file) = &args.port_file {
        replace(file, format!("{}\n", address.port()).as_bytes())
            .map_err(|e| about("cannot write the port file", e))?;
    }
    println!("transfer-sim serves http://{address}");
    let service = Service::new(root, config, random, world);
    Host::new(service, args.state_file).serve(listener).await
}
