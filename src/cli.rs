//! The command line. Every flag is also an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::{Span, SpanRelativeTo};

use crate::engine::owner::TAG_VALUE_MAX;
use crate::shard::Shard;

/// Makes AWS Transfer Family match Kubernetes objects.
#[derive(Debug, Parser)]
#[command(name = "transfer-operator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator.
    Run(Box<RunArgs>),
    /// Prints the CustomResourceDefinitions.
    Crds {
        /// Writes one file per CRD into this directory instead.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// Flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Identifies this cluster in the tags of what it owns in AWS [default: UID of the kube-system namespace]
    #[arg(long, env = "TRANSFER_OPERATOR_CLUSTER_ID", value_parser = cluster_id)]
    pub cluster_id: Option<String>,
    /// Namespace to watch; may be given several times or separated by commas [default: all]
    #[arg(long, env = "TRANSFER_OPERATOR_WATCH_NAMESPACE", value_delimiter = ',')]
    pub watch_namespace: Vec<String>,
    /// Labels that an object must carry to be watched, such as `team=a`
    #[arg(long, env = "TRANSFER_OPERATOR_WATCH_LABELS")]
    pub watch_labels: Option<String>,
    /// Whether it reads namespaces: their labels, by which selectors of grants and allowedReferences find them. With `=false`
    /// no selector finds any, and --cluster-id has to say what the UID of kube-system says else
    #[arg(long, env = "TRANSFER_OPERATOR_READ_NAMESPACES", default_value_t = true, action = ArgAction::Set)]
    pub read_namespaces: bool,
    /// Whether it writes the status of AwsIdentities and its finalizer on them. With `=false` what it finds out about one is
    /// told by Events, and nothing keeps an identity that is used from being deleted
    #[arg(long, env = "TRANSFER_OPERATOR_WRITE_IDENTITIES", default_value_t = true, action = ArgAction::Set)]
    pub write_identities: bool,
    /// How often an object at rest is compared with AWS, on average; seldomer where many share the budget of calls
    #[arg(long, env = "TRANSFER_OPERATOR_RESYNC_INTERVAL", default_value = "10m", value_parser = duration)]
    pub resync_interval: Duration,
    /// For how long AWS accepts a request after it was signed
    #[arg(long, env = "TRANSFER_OPERATOR_SIGNATURE_TOLERANCE", default_value = "15m", value_parser = duration)]
    pub signature_tolerance: Duration,
    /// How long AWS's listings may lag behind
    #[arg(long, env = "TRANSFER_OPERATOR_LISTING_LAG", default_value = "2m", value_parser = duration)]
    pub listing_lag: Duration,
    /// For how long nothing must have used a workflow that was replaced before it is deleted: AWS may go on running it
    #[arg(long, env = "TRANSFER_OPERATOR_REPLACED_UNUSED", default_value = "10m", value_parser = duration)]
    pub replaced_unused: Duration,
    /// How long before its end an SSH public key is worth a look; days count 24 hours
    #[arg(long, env = "TRANSFER_OPERATOR_EXPIRY_WARNING", default_value = "14d", value_parser = duration)]
    pub expiry_warning: Duration,
    /// For how long a first refusal by AWS is retried before a person is called
    #[arg(long, env = "TRANSFER_OPERATOR_REJECTION_GRACE", default_value = "2m", value_parser = duration)]
    pub rejection_grace: Duration,
    /// More than so many percent of an AwsIdentity's servers (3 may always go) or users (20) being deleted at once wait for
    /// its annotation transfer-operator.dev/allow-deletions; 0 holds nothing
    #[arg(long, env = "TRANSFER_OPERATOR_HOLD_DELETIONS_PERCENT", default_value_t = 10,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    pub hold_deletions_percent: u8,
    /// List and Describe calls per second at most, per account, region and service of AWS [default: what AWS takes]
    #[arg(long, env = "TRANSFER_OPERATOR_AWS_READ_RATE", value_parser = rate)]
    pub aws_read_rate: Option<f64>,
    /// Changing calls per second at most, per account, region and service of AWS [default: what AWS takes]
    #[arg(long, env = "TRANSFER_OPERATOR_AWS_WRITE_RATE", value_parser = rate)]
    pub aws_write_rate: Option<f64>,
    /// CreateServer calls per second at most, per account and region [default: what AWS takes]
    #[arg(long, env = "TRANSFER_OPERATOR_AWS_CREATE_SERVER_RATE", value_parser = rate)]
    pub aws_create_server_rate: Option<f64>,
    /// Where /livez and /readyz are served, and /metrics where it is not served over TLS
    #[arg(long, env = "TRANSFER_OPERATOR_HEALTH_ADDR", default_value = "0.0.0.0:8080")]
    pub health_addr: SocketAddr,
    /// Serves /metrics over TLS, at --metrics-addr only: a directory with tls.crt and tls.key, such as a mounted Secret of
    /// type kubernetes.io/tls. They are read again as they change
    #[arg(long, env = "TRANSFER_OPERATOR_METRICS_TLS_DIR")]
    pub metrics_tls_dir: Option<PathBuf>,
    /// Where /metrics is served over TLS
    #[arg(long, env = "TRANSFER_OPERATOR_METRICS_ADDR", default_value = "0.0.0.0:8443")]
    pub metrics_addr: SocketAddr,
    /// Shows /metrics only to who sends the bearer token of an account that may `get` it: the API server is asked by
    /// TokenReview and SubjectAccessReview. Needs --metrics-tls-dir
    #[arg(long, env = "TRANSFER_OPERATOR_METRICS_AUTH", default_value_t = false, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub metrics_auth: bool,
    /// Of several replicas let one work; `--lease=false` where there is only one
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE", default_value_t = true, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub lease: bool,
    /// Name of the Lease; replicas of one installation share it. Shard N has NAME-N, which must be no other installation's
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE_NAME", default_value = "transfer-operator")]
    pub lease_name: String,
    /// Which accounts this process works for, N/M: one of M shards, counted from 0. An account belongs to one of them; each
    /// has a Lease of its own, and none begins while one of another M may work
    #[arg(long, env = "TRANSFER_OPERATOR_SHARD", default_value_t = Shard::WHOLE)]
    pub shard: Shard,
    /// Namespace of the Lease [default: the pod's own; needed outside a pod]
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Unchanged for so long, the Lease may be taken by another replica
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE_DURATION", default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,
    /// A replica that could not renew the Lease for so long ends
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE_RENEW_DEADLINE", default_value = "10s", value_parser = duration)]
    pub lease_renew_deadline: Duration,
    /// How often the Lease is looked at and renewed
    #[arg(long, env = "TRANSFER_OPERATOR_LEASE_RETRY_PERIOD", default_value = "2s", value_parser = duration)]
    pub lease_retry_period: Duration,
    /// How log lines look
    #[arg(long, env = "TRANSFER_OPERATOR_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Level of the operator's own log (error, warn, info, debug, trace), or a complete filter such as
    /// `warn,transfer_operator=debug,kube=info`
    #[arg(long, env = "TRANSFER_OPERATOR_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: Result<Span, _> = text.parse();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    let duration = duration.map_err(|_| "not a duration such as 2s, 10m, 1h30m or 14d".to_owned())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be longer than 0s".to_owned()),
    }
}

/// It is the value of a tag of everything that is made in AWS, and of the sessions of a role: AWS would refuse every one
/// of these calls by itself, and in words that do not name the flag.
fn cluster_id(text: &str) -> Result<String, String> {
    let count = text.chars().count();
    if count == 0 || count > TAG_VALUE_MAX {
        return Err(format!(
            "must have 1 to {TAG_VALUE_MAX} characters, as it is the value of a tag in AWS, not {count}"
        ));
    }
    let allowed = regex::Regex::new(r"^[\p{L}\p{Z}\p{N}_.:/=+@-]*$").map_err(|error| error.to_string())?;
    if !allowed.is_match(text) {
        return Err(
            "must be letters, digits, spaces and _ . : / = + - @, as it is the value of a tag in AWS".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// One call in a hundred seconds: less is no rate but a way to switch the operator off.
const LOWEST_RATE: f64 = 0.01;

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= LOWEST_RATE => Ok(rate),
        _ => Err(format!("must be a number of calls per second, {LOWEST_RATE} or more")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use clap::CommandFactory;

    fn run(args: &[&str]) -> Result<RunArgs, clap::Error> {
        let Cli { command } = Cli::try_parse_from(["transfer-operator", "run"].iter().chain(args))?;
        match command {
            Command::Run(args) => Ok(*args),
            Command::Crds { .. } => panic!("run was asked for"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_run_is_an_environment_variable_of_its_name() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg))) {
            let (long, arg) = flag;
            if long == "help" {
                continue;
            }
            let expected = format!("TRANSFER_OPERATOR_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()), "--{long}");
        }
    }

    #[test]
    fn durations_read_as_people_write_them() {
        let args = run(&["--resync-interval", "1h30m", "--listing-lag", "2s"]).unwrap();
        assert_eq!(args.resync_interval, Duration::from_mins(90));
        assert_eq!(args.listing_lag, Duration::from_secs(2));
        assert_eq!(args.expiry_warning, Duration::from_hours(14 * 24));
        assert_eq!(run(&["--expiry-warning", "30d"]).unwrap().expiry_warning, Duration::from_hours(30 * 24));
        assert!(run(&["--expiry-warning", "1month"]).is_err(), "nobody knows how long that is");
        assert!(run(&["--resync-interval", "10"]).is_err());
        assert!(run(&["--resync-interval", "0s"]).is_err());
        assert!(run(&["--resync-interval", "-5m"]).is_err());
    }

    #[test]
    fn the_lease_is_on_unless_it_is_switched_off() {
        assert!(run(&[]).unwrap().lease);
        assert!(run(&["--lease"]).unwrap().lease);
        assert!(!run(&["--lease=false"]).unwrap().lease);
    }

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!(run(&[]).unwrap().shard, Shard::WHOLE);
        assert_eq!(run(&["--shard", "2/3"]).unwrap().shard.to_string(), "2/3");
        for bad in ["3/3", "1", "-1/2", "0/0", "0/65", "1/2/3", "a/b", ""] {
            assert!(run(&[&format!("--shard={bad}")]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_id_of_the_cluster_fits_the_tags_that_it_becomes() {
        let given = |id: &str| run(&[&format!("--cluster-id={id}")]).map(|args| args.cluster_id);
        let long = "x".repeat(TAG_VALUE_MAX);
        for good in ["blue", "5b1c9d5e-3f55-4b0e-9a57-6a6a8f2d9c11", "Zürich 2", "a_b.c:d/e=f+g-h@i", " blue", &long] {
            assert_eq!(given(good).unwrap().as_deref(), Some(good));
        }
        let too_long = format!("{long}x");
        let rows = [
            ("", "1 to 256 characters"),
            (too_long.as_str(), "not 257"),
            ("blue\n", "letters, digits"),
            ("blue\ngreen", "letters, digits"),
            ("blue#1", "letters, digits"),
            ("blue,green", "letters, digits"),
            ("{cluster}", "letters, digits"),
            ("blue\u{7}", "letters, digits"),
            ("\u{1f600}", "letters, digits"),
        ];
        for (bad, why) in rows {
            let told = given(bad).unwrap_err().to_string();
            assert!(told.contains("--cluster-id") && told.contains(why), "{bad:?}: {told}");
        }
    }

    #[test]
    fn rates_are_above_zero() {
        for bad in ["0", "0.001", "1e-20", "-1", "nan", "inf", "x"] {
            assert!(run(&[&format!("--aws-read-rate={bad}")]).is_err(), "{bad}");
        }
    }
}
