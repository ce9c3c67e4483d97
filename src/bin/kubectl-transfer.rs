//! `kubectl transfer`: reads the command line and hands over.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use transfer_operator::plugin::args::Args;
use transfer_operator::plugin::run;
use transfer_operator::plugin::table::Style;

#[tokio::main]
async fn main() -> ExitCode {
    transfer_operator::aws::http::install_crypto_provider();
    let mut out = std::io::stdout();
    let style = Style::new(out.is_terminal(), std::env::var("NO_COLOR").ok().as_deref());
    #[allow(clippy::disallowed_methods, reason = "a command is run once, now")]
    let now = jiff::Timestamp::now();
    let args = Args::parse();
    let failed = args.failed();
    match run::run(args, style, now, &mut out).await {
        Ok(end) => ExitCode::from(end.code()),
        Err(error) => {
            eprintln!("kubectl transfer: {error}");
            ExitCode::from(failed)
        }
    }
}
