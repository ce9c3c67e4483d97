//! From a command to its output and exit code.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::admission::Admission;
use super::args::{Args, Command, Deletion, ExportArgs, IamPolicyArgs, Output, PolicyOutput, Show};
use super::check::Checker;
use super::cluster::Cluster;
use super::export::{self, All, Found, Target};
use super::failure::Failure;
use super::known_hosts;
use super::table::Style;
use super::{ascii, manifest, permissions, plan, view};
use crate::api::identity::AwsIdentitySpec;
use crate::api::{AwsIdentity, TransferServer};
use crate::aws::account_clients::{AccountClients, Aws};
use crate::aws::rate_limiter::Rates;
use crate::aws::transfer::DescribeSecurityPolicy;
use crate::aws::{Account, RateLimiter};
use crate::ssh::known_hosts::Listed;
use crate::text;

/// What is said where there are no algorithms to ask for.
const NO_POLICY: &str = "--algorithms is for a server that AWS has: status names no security policy";

/// What a command found that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All is well.
    Well,
    /// Something is wrong.
    Wrong,
    /// Something in use would be stopped or replaced.
    Disrupts,
}

impl End {
    /// What a plan found. What is refused is to be put right first, and then stops or not.
    const fn of(plan: &plan::Plan) -> Self {
        match (plan.refused, plan.disrupts) {
            (true, _) => Self::Wrong,
            (false, true) => Self::Disrupts,
            (false, false) => Self::Well,
        }
    }

    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Wrong => 1,
            Self::Disrupts => 2,
        }
    }
}

/// Does what the command says, and writes to `out`.
///
/// # Errors
/// What kept it from being done.
pub async fn run(args: Args, style: Style, now: Timestamp, out: &mut (dyn Write + Send)) -> Result<End, Failure> {
    match args.command {
        Command::Status { namespace, all_namespaces, show: Show { context, output } } => {
            let cluster = Cluster::connect(context).await?;
            let facts = cluster.everything(cluster.namespace(namespace, all_namespaces).as_deref()).await?;
            let text = written(output, &facts, || view::tables(&facts, style, now))?;
            let text = if facts.is_empty() && output == Output::Table { "nothing found\n".to_owned() } else { text };
            Ok(out.write_all(text.as_bytes()).map(|()| End::Well)?)
        }
        Command::Describe { kind, name, namespace, algorithms, show: Show { context, output } } => {
            let cluster = Cluster::connect(context).await?;
            let namespace = cluster.namespace(namespace, false).unwrap_or_default();
            let mut facts = cluster.one(kind, &namespace, &name).await?;
            if algorithms {
                let (region, name) = facts.policy().ok_or(NO_POLICY)?;
                let (account, _) = account(&region, "default", Rates::at_most(None, None, None)).await?;
                facts.allows(*account.read(DescribeSecurityPolicy { name }).await?);
            }
            let text = written(output, &facts, || view::description(&facts, style, now))?;
            Ok(out.write_all(text.as_bytes()).map(|()| End::Well)?)
        }
        Command::KnownHosts { server, namespace, host, context } => {
            let cluster = Cluster::connect(context).await?;
            let namespace = cluster.namespace(namespace, false).unwrap_or_default();
            let text = known_hosts(&cluster, &namespace, &server, &host).await?;
            Ok(out.write_all(text.as_bytes()).map(|()| End::Well)?)
        }
        Command::Check { filename } => check(&filename, &mut std::io::stdin().lock(), style, out),
        Command::Plan { filename, namespace, show: Show { context, output } } => {
            let manifests = manifests(&filename, &mut std::io::stdin().lock())?;
            let cluster = Cluster::connect(context).await?;
            let plan = plan(&cluster, namespace, manifests).await?;
            let text = written(output, &plan, || plan::text(&plan, style))?;
            out.write_all(text.as_bytes())?;
            Ok(End::of(&plan))
        }
        Command::Export(args) => export(args, out).await.map(|()| End::Well),
        Command::IamPolicy(args) => policy(args, out).map(|()| End::Well),
        Command::Completions { shell } => {
            let mut command = Args::command();
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut &mut *out);
            Ok(End::Well)
        }
    }
}

fn written<T: Serialize>(output: Output, facts: &T, table: impl FnOnce() -> String) -> Result<String, Failure> {
    match output {
        Output::Table => Ok(table()),
        Output::Json => ascii::json(facts),
        Output::Yaml => ascii::yaml(facts),
    }
}

async fn known_hosts(cluster: &Cluster, namespace: &str, name: &str, hosts: &[String]) -> Result<String, Failure> {
    let server: TransferServer = cluster.get(namespace, name).await?;
    let mut listed = Listed::new();
    for key in server.spec.host_keys.iter().flatten() {
        let secret = cluster.secret(namespace, &key.secret_key_ref.name).await;
        listed.insert(key.name.clone(), secret.and_then(|secret| known_hosts::public(&secret, &key.secret_key_ref)));
    }
    Ok(known_hosts::lines(&server, &listed, hosts))
}

async fn export(args: ExportArgs, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let ExportArgs { server_id, id: other, all, region, namespace, identity, deletion_policy, rate } = args;
    if !(rate.is_finite() && rate > 0.0) {
        return Err("--rate must be a number of calls per second above 0".into());
    }
    let (account, id) = account(&region, &identity, Rates::at_most(Some(rate), None, None)).await?;
    let named = || All { ids: [server_id, other].concat(), left_out: Vec::new() };
    let All { ids, left_out } = if all { export::all(&account).await? } else { named() };
    let found = Found { left_out, ..export::read(&account, &ids, &progress).await? };
    let deletion_policy = if deletion_policy == Deletion::Retain { "Retain" } else { "Delete" }.to_owned();
    let target = Target { account: id, region, namespace, identity, deletion_policy };
    Ok(out.write_all(export::render(&target, &found)?.as_bytes())?)
}

/// The account that the credentials of the environment are of, and its id.
async fn account(region: &str, identity: &str, rates: Rates) -> Result<(Account, String), Failure> {
    let clients = AccountClients::new(RateLimiter::new(rates));
    let id = clients.caller(region).await?.account;
    let spec = AwsIdentitySpec::own(id.clone(), region.to_owned());
    Ok((clients.account(&AwsIdentity::new(identity, spec), region).await?, id))
}

/// One line that is written over and over, and only where somebody looks.
fn progress(server: &str, done: usize, all: usize) {
    let mut to = std::io::stderr();
    if to.is_terminal() {
        // Whoever closed the terminal does not want to know.
        let _ = write!(to, "{}", progress_line(server, done, all));
    }
}

/// It begins where the one before it began, and the last one ends the line.
fn progress_line(server: &str, done: usize, all: usize) -> String {
    let end = if done == all { "\n" } else { "" };
    format!("\r{server}: {done} of {all}{end}")
}

fn policy(args: IamPolicyArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let IamPolicyArgs { features, filename, account, region, output } = args;
    let objects = manifests(&filename, &mut std::io::stdin().lock())?;
    let mut used = permissions::used(&objects);
    if features.is_empty() && filename.is_empty() {
        used.features.extend(permissions::DEFAULT);
    }
    used.features.extend(features);
    let statements = permissions::statements(&used, account.as_deref(), region.as_deref());
    match output {
        PolicyOutput::Json => write!(out, "{}", ascii::json(&permissions::json(&statements))?)?,
        PolicyOutput::Terraform => write!(out, "{}", permissions::terraform(&statements))?,
    }
    Ok(())
}

/// What these manifests would do, object by object; those of other kinds are none of ours.
async fn plan(cluster: &Cluster, namespace: Option<String>, manifests: Vec<Value>) -> Result<plan::Plan, Failure> {
    let (admission, namespace) = (Admission::new(), cluster.namespace(namespace, false).unwrap_or_default());
    let mut objects = Vec::new();
    for mut manifest in manifests {
        let Some(kind) = plan::kind_of(&manifest) else { continue };
        plan::put_into(&mut manifest, &namespace);
        let (namespace, name) = plan::name_of(&manifest);
        let stored = cluster.stored(kind, &namespace, &name).await?;
        objects.push(plan::foresee(&admission, &manifest, stored.as_ref())?);
    }
    Ok(plan::Plan::of(objects))
}

/// The documents of files.
fn manifests(files: &[PathBuf], input: &mut dyn Read) -> Result<Vec<Value>, Failure> {
    let mut objects = Vec::new();
    for file in files {
        let bytes = read(file, input)?;
        let text = text::decode(&bytes).map_err(|error| format!("{}: the file {error}", file.display()))?;
        let documents =
            manifest::documents(&text::without_marks(text)).map_err(|error| format!("{}: {error}", file.display()))?;
        objects.extend(documents.into_iter().map(|document| document.value));
    }
    Ok(objects)
}

fn check(files: &[PathBuf], input: &mut dyn Read, style: Style, out: &mut dyn Write) -> Result<End, Failure> {
    let mut checker = Checker::default();
    for file in files {
        checker.file(&file.display().to_string(), &read(file, input)?);
    }
    let findings = checker.findings.iter().map(ToString::to_string);
    for line in findings.chain([checker.summary()]).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
    {
        writeln!(out, "{}", style.shown(&line))?;
    }
    Ok(if checker.findings.is_empty() { End::Well } else { End::Wrong })
}

/// A file; `-` is the standard input.
fn read(file: &Path, input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
