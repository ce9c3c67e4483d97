//! The binary: reads the command line and hands over.

use clap::Parser;
use transfer_operator::cli::{Cli, Command};

// One for each processor of a large node would only cost memory: 10,000 users at rest take a thousandth of one.
#[tokio::main(worker_threads = 2)]
async fn main() {
    transfer_operator::aws::http::install_crypto_provider();
    let outcome = match Cli::parse().command {
        Command::Run(args) => transfer_operator::run::run(*args).await,
        Command::Crds { dir } => transfer_operator::run::crds(dir.as_deref()),
    };
    let code = match outcome {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("transfer-operator: {error}");
            1
        }
    };
    // The runtime would wait for what it cannot cancel, a look-up of a name for example; whatever counts has ended.
    std::process::exit(code)
}
