//! The binary: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use transfer_operator::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    transfer_operator::aws::http::install_crypto_provider();
    let outcome = match Cli::parse().command {
        Command::Run(args) => transfer_operator::run::run(*args).await,
        Command::Crds { dir } => transfer_operator::run::crds(dir.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transfer-operator: {error}");
            ExitCode::FAILURE
        }
    }
}
