#![allow(clippy::unwrap_used, clippy::panic)]
use clap::Parser;

use super::*;

/// What `helm template` prints: a comment, several documents, others' kinds among them.
const HELM: &str = "---
# Source: partner/templates/server.yaml
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: files, namespace: team}
spec: {region: eu-central-1, protocols: [SCP]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
";

fn checked(files: &[&str], mut input: &[u8]) -> (End, String) {
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let mut out = Vec::new();
    let end = check(&files, &mut input, Style::default(), &mut out).unwrap();
    (end, String::from_utf8(out).unwrap())
}

#[test]
fn check_reads_what_helm_prints_from_the_standard_input() {
    let (end, told) = checked(&["-"], HELM.as_bytes());
    assert_eq!(end, End::Wrong);
    assert!(told.starts_with("-:6: TransferServer team/files: spec.protocols[0]: "), "{told}");
    let (end, told) = checked(&["-"], HELM.replace("SCP", "SFTP").as_bytes());
    assert_eq!(end, End::Well, "{told}");
    let missing = check(&[PathBuf::from("no/such/file")], &mut &b""[..], Style::default(), &mut Vec::new());
    assert!(missing.unwrap_err().to_string().starts_with("no/such/file: "));
}

#[test]
fn a_plan_and_a_policy_read_the_standard_input_too() {
    let objects = manifests(&[PathBuf::from("-")], &mut HELM.as_bytes()).unwrap();
    assert_eq!(objects.iter().map(|object| &object["kind"]).collect::<Vec<_>>(), ["TransferServer", "ConfigMap"]);
}

#[tokio::test]
async fn completions_are_there_for_three_shells_and_name_every_command() {
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef kubectl-transfer"), ("fish", "complete -c kubectl-transfer")]
    {
        let args = Args::try_parse_from(["kubectl-transfer", "completions", shell]).unwrap();
        let mut out = Vec::new();
        assert_eq!(run(args, Style::default(), Timestamp::UNIX_EPOCH, &mut out).await.unwrap(), End::Well);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(sign) && text.is_ascii(), "{shell}: {text}");
        for command in Args::command().get_subcommands() {
            assert!(text.contains(command.get_name()), "{shell} does not know {}", command.get_name());
        }
    }
}

#[test]
fn progress_is_one_line_that_is_written_over_until_all_is_read() {
    let written: String = (1..=3).map(|done| progress_line("s-1", done, 3)).collect();
    assert_eq!(written, "\rs-1: 1 of 3\rs-1: 2 of 3\rs-1: 3 of 3\n");
}

#[test]
fn what_is_refused_weighs_more_than_what_would_be_disrupted() {
    for (refused, disrupts, end, code) in [
        (false, false, End::Well, 0),
        (false, true, End::Disrupts, 2),
        (true, false, End::Wrong, 1),
        (true, true, End::Wrong, 1),
    ] {
        let mut plan = plan::Plan::of(Vec::new());
        (plan.refused, plan.disrupts) = (refused, disrupts);
        let found = End::of(&plan);
        assert_eq!((found, found.code()), (end, code), "refused {refused}, disrupts {disrupts}");
    }
}
