//! Flags and commands of `kubectl transfer`.

use std::path::PathBuf;

use clap::{Args as Flags, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::cluster::Kind;
use super::export;
use super::permissions::Feature;

/// AWS Transfer Family as Kubernetes objects: check manifests, take over what exists, see how things stand.
#[derive(Debug, Parser)]
#[command(name = "kubectl-transfer", bin_name = "kubectl transfer", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// The exit code where the command could not do what it was asked: not one that says what it found.
    #[must_use]
    pub fn failed(&self) -> u8 {
        if matches!(self.command, Command::Plan { .. }) { 1 } else { 2 }
    }
}

/// What the command line does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks manifests without a cluster and without AWS; ends with 1 where something is wrong
    Check {
        /// A file of YAML or JSON, with any number of documents; - is standard input. May be given several times
        #[arg(short, long = "filename", required = true, value_name = "FILE")]
        filename: Vec<PathBuf>,
    },
    /// Shows what applying manifests would do; ends with 1 where something would be refused, and with 2 where something in
    /// use would be stopped or replaced
    Plan {
        /// A file of YAML or JSON, with any number of documents; - is standard input. May be given several times
        #[arg(short, long = "filename", required = true, value_name = "FILE")]
        filename: Vec<PathBuf>,
        /// The namespace of objects that name none [default: that of the context]
        #[arg(short, long)]
        namespace: Option<String>,
        /// Where and how
        #[command(flatten)]
        show: Show,
    },
    /// Prints manifests that take over what AWS has and change nothing; what an administrator must grant stands on top
    Export(ExportArgs),
    /// Shows how everything stands in a namespace
    Status {
        /// The namespace [default: that of the context]
        #[arg(short, long)]
        namespace: Option<String>,
        /// All namespaces, and the identities
        #[arg(short = 'A', long, conflicts_with = "namespace")]
        all_namespaces: bool,
        /// Where and how
        #[command(flatten)]
        show: Show,
    },
    /// Shows everything that is known of one object
    Describe {
        /// The kind
        kind: Kind,
        /// Its name
        name: String,
        /// Its namespace [default: that of the context]
        #[arg(short, long)]
        namespace: Option<String>,
        /// Of a server also the ciphers, key exchanges, MACs and signatures that its security policy allows. AWS is asked
        /// for them, with the credentials of the environment
        #[arg(long)]
        algorithms: bool,
        /// Where and how
        #[command(flatten)]
        show: Show,
    },
    /// Prints lines for known_hosts; where only a fingerprint is known, as a comment
    KnownHosts {
        /// Name of the TransferServer
        server: String,
        /// Its namespace [default: that of the context]
        #[arg(short, long)]
        namespace: Option<String>,
        /// A name or an address more under which clients reach it; may be given several times
        #[arg(long)]
        host: Vec<String>,
        /// The context of the kubeconfig
        #[arg(long)]
        context: Option<String>,
    },
    /// Prints the policy of IAM that the operator needs, and no more than it needs
    IamPolicy(IamPolicyArgs),
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Flags of `export`.
#[derive(Debug, Flags)]
pub struct ExportArgs {
    /// A server and what is on it, by its id; may be given several times
    #[arg(long, required_unless_present_any = ["all", "id"], conflicts_with = "all")]
    pub server_id: Vec<String>,
    /// A workflow (w-...), certificate (cert-...), profile (p-...), connector (c-...), agreement (s-.../a-...) or web app
    /// (webapp-...), by its id; may be given several times
    #[arg(long, value_parser = export::id, conflicts_with = "all")]
    pub id: Vec<String>,
    /// Everything of the account in this region: servers with what is on them, workflows, certificates, profiles,
    /// connectors and web apps
    #[arg(long)]
    pub all: bool,
    /// The region. Credentials are those of the environment, as AWS's own tools find them
    #[arg(long, env = "AWS_REGION")]
    pub region: String,
    /// The namespace of the objects
    #[arg(short, long)]
    pub namespace: String,
    /// The AwsIdentity that the objects use
    #[arg(long, default_value = "default")]
    pub identity: String,
    /// What deleting the objects does in AWS later
    #[arg(long, value_enum, default_value_t = Deletion::Retain)]
    pub deletion_policy: Deletion,
    /// Calls to AWS per second
    #[arg(long, default_value_t = 10.0)]
    pub rate: f64,
}

/// What deleting an object does in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Deletion {
    /// AWS keeps it.
    Retain,
    /// It is deleted there too.
    Delete,
}

/// Flags of `iam-policy`.
#[derive(Debug, Flags)]
pub struct IamPolicyArgs {
    /// What the operator is used for, separated by commas [default: servers,users,accesses,host-keys,workflows,profiles,connectors,agreements,certificates,web-apps]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub features: Vec<Feature>,
    /// Manifests, from which features and roles are taken; - is standard input. May be given several times
    #[arg(short, long = "filename", value_name = "FILE")]
    pub filename: Vec<PathBuf>,
    /// The account [default: any]
    #[arg(long)]
    pub account: Option<String>,
    /// The region [default: any]
    #[arg(long)]
    pub region: Option<String>,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = PolicyOutput::Json)]
    pub output: PolicyOutput,
}

/// How a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyOutput {
    /// As IAM takes it.
    Json,
    /// As a data source of Terraform.
    Terraform,
}

/// Which cluster, and how what is found is written.
#[derive(Debug, Flags)]
pub struct Show {
    /// The context of the kubeconfig
    #[arg(long)]
    pub context: Option<String>,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// How facts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For both.
    Yaml,
}
