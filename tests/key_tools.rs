//! The key tools that people and partners use: every command that a message recommends is run and leads to a key that
//! is taken, and what the tools write is read as OpenSSH reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/admission/mod.rs"]
mod admission;
#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use secrecy::ExposeSecret as _;
use serde_json::json;
use support::repository;
use transfer_operator::api::all_crds;
use transfer_operator::ssh::{KeyError, PublicKey, authorized_keys, host_key};

/// Of the fixtures that have one.
const PASSPHRASE: &str = "test passphrase";

/// The tools are there, or the tests fail.
static TOOLS: LazyLock<()> = LazyLock::new(|| {
    let status = Command::new(repository("tools/key-tools")).status().unwrap();
    assert!(status.success(), "tools/key-tools failed");
});

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        LazyLock::force(&TOOLS);
        let folder = std::env::temp_dir().join(format!("key-tools-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        // ssh-keygen reads no private key that others may read.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Runs a command line without a terminal, so that a passphrase is asked for where one can be given.
    fn run(&self, line: &str) -> String {
        let ask = self.file("ask", &format!("#!/bin/sh\necho '{PASSPHRASE}'\n"));
        fs::set_permissions(&ask, Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("setsid");
        command.args(["--wait", "sh", "-c", line]).current_dir(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A tool that asks for nothing may have closed it already.
        let _ = writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}");
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fixture(name: &str) -> String {
    fs::read_to_string(repository("tests/fixtures/keys").join(name)).unwrap()
}

/// The command that a message recommends.
fn recommended(error: &KeyError) -> String {
    let message = error.to_string();
    let quoted = message.split('"').skip(1).step_by(2).find(|text| text.contains("<file>"));
    quoted.unwrap_or_else(|| panic!("no command: {message}")).to_owned()
}

/// What the command makes of the text: prints, writes, or leaves in the file.
fn made(scratch: &Scratch, text: &str, command: &str) -> String {
    scratch.file("given", text);
    let printed = scratch.run(&command.replace("<file>", "given").replace("<new file>", "new"));
    let file = if command.contains("<new file>") { "new" } else { "given" };
    if printed.trim().is_empty() || command.contains(" -p ") {
        fs::read_to_string(scratch.0.join(file)).unwrap()
    } else {
        printed
    }
}

/// Follows the advice for each of these as a public key, and answers with the commands.
fn follow_for_users(scratch: &Scratch) -> BTreeSet<String> {
    let mut run = BTreeSet::new();
    for name in [
        "openssh-ed25519",
        "openssh-p521",
        "pkcs1-rsa2048",
        "sec1-p256",
        "refused/putty-ed25519.ppk",
        "refused/pkcs8-public.pub",
        "refused/pkcs8-public-p256.pub",
        "refused/pkcs8-public-ed25519.pub",
        "refused/pkcs1-public-rsa2048.pub",
        "refused/ssh2.pub",
    ] {
        let error = PublicKey::parse(&fixture(name)).unwrap_err();
        let in_file = KeyError::Line { line: 1, source: Box::new(error.clone()) };
        assert_eq!(authorized_keys(&fixture(name)), Err(in_file), "{name}");
        let command = recommended(&error);
        let made = made(scratch, &fixture(name), &command);
        let line = if error == KeyError::PemEd25519 { format!("ssh-ed25519 {made}") } else { made };
        let key = PublicKey::parse(&line).unwrap_or_else(|error| panic!("{name}, {command}: {error}: {line}"));
        if let Some(public) = name.strip_prefix("refused/").is_none().then(|| fixture(&format!("{name}.pub"))) {
            assert_eq!(key.identity(), PublicKey::parse(&public).unwrap().identity(), "{name}");
        }
        run.insert(command);
    }
    run
}

fn follow_for_servers(scratch: &Scratch) -> BTreeSet<String> {
    let mut run = BTreeSet::new();
    for name in
        ["putty-ed25519.ppk", "encrypted-openssh", "encrypted-pkcs1", "encrypted-pkcs8", "encrypted-pkcs8-ed25519"]
    {
        let text = fixture(&format!("refused/{name}"));
        let command = recommended(&host_key(&text).unwrap_err());
        let made = made(scratch, &text, &command);
        host_key(&made).unwrap_or_else(|error| panic!("{name}, {command}: {error}"));
        run.insert(command);
    }
    run
}

/// Every command that the source recommends, as a pattern of what it prints.
fn in_the_source() -> Vec<Regex> {
    let mut texts = Vec::new();
    collect(&repository("src"), &mut texts);
    let command = Regex::new(r#"\\"((?:[^"\\]|\\\\)*<file>(?:[^"\\]|\\\\)*)\\""#).unwrap();
    let broken = Regex::new(r"\\\n\s*").unwrap();
    let mut found = Vec::new();
    for text in texts {
        let joined = broken.replace_all(&text, "").into_owned();
        for captures in command.captures_iter(&joined) {
            let text = captures[1].replace("{{", "{").replace("}}", "}").replace(r"\\", r"\");
            let pattern = regex::escape(&text).replace(r"\{0\}", r"\S+");
            found.push(Regex::new(&format!("^{pattern}$")).unwrap());
        }
    }
    found
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_command_that_a_message_recommends_leads_to_a_key_that_is_taken() {
    let scratch = Scratch::new("advice");
    let mut run = follow_for_users(&scratch);
    run.extend(follow_for_servers(&scratch));
    let written = in_the_source();
    assert!(written.len() >= 8, "{written:?}");
    for pattern in &written {
        assert!(run.iter().any(|command| pattern.is_match(command)), "never run: {pattern}");
    }
    for command in &run {
        assert!(written.iter().any(|pattern| pattern.is_match(command)), "not found in the source: {command}");
    }
}

/// Every command that a rule of the CRDs recommends.
fn in_the_rules() -> BTreeSet<String> {
    let schema = serde_json::to_value(all_crds()).unwrap().to_string();
    let command = Regex::new(r#"\\"([^"\\]*<file>[^"\\]*)\\""#).unwrap();
    command.captures_iter(&schema).map(|captures| captures[1].to_owned()).collect()
}

#[test]
fn every_command_of_admission_leads_to_a_key_that_is_taken() {
    let scratch = Scratch::new("admission");
    let admission = admission::Admission::new();
    let refused = |key: &str| {
        let spec = json!({"serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/r",
            "sshPublicKeys": [{"publicKey": key}]});
        admission.refusals(&support::managed("TransferUser", "team", "alice", &spec), None)
    };
    let mut run = BTreeSet::new();
    for name in ["pkcs8-public.pub", "pkcs8-public-p256.pub", "pkcs1-public-rsa2048.pub", "ssh2.pub"] {
        let text = fixture(&format!("refused/{name}"));
        let told = refused(&text);
        let [message] = told.as_slice() else { panic!("{name}: not one refusal: {told:?}") };
        let command = message.split('"').nth(1).unwrap_or_else(|| panic!("{name}: no command: {message}")).to_owned();
        let line = made(&scratch, &text, &command);
        assert_eq!(refused(&line), Vec::<String>::new(), "{name}, {command}: {line}");
        PublicKey::parse(&line).unwrap_or_else(|error| panic!("{name}, {command}: {error}"));
        run.insert(command);
    }
    assert_eq!(run, in_the_rules());
}

#[test]
fn host_keys_of_partners_tools_are_sent_as_openssh_writes_them() {
    let scratch = Scratch::new("partners");
    let mut written = Vec::new();
    for kind in ["ed25519", "ecdsa -b 256", "ecdsa -b 521", "rsa -b 2048"] {
        let options = "--new-passphrase /dev/null --random-device /dev/urandom -q";
        scratch.run(&format!("puttygen -t {kind} -C 'a comment' {options} -O private-openssh-new -o putty"));
        written.push((format!("puttygen {kind}"), fs::read_to_string(scratch.0.join("putty")).unwrap()));
    }
    for kind in ["ed25519", "ecdsa -s 384", "rsa -s 2048"] {
        scratch
            .run(&format!("rm -f own; dropbearkey -t {kind} -f own; dropbearconvert dropbear openssh own converted"));
        written.push((format!("dropbear {kind}"), fs::read_to_string(scratch.0.join("converted")).unwrap()));
    }
    for name in ["openssh-putty-ed25519", "openssh-putty-rsa2048", "openssh-dropbearconvert-p256", "openssh-p256"] {
        written.push((name.to_owned(), fixture(name)));
    }
    for (what, text) in written {
        let key = host_key(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
        for (which, pem) in [("as given", text.as_str()), ("as sent", key.pem.expose_secret())] {
            scratch.file("key", pem);
            let public = PublicKey::parse(&scratch.run("ssh-keygen -y -f key")).unwrap();
            assert_eq!(public.identity(), key.public.identity(), "{what}, {which}");
        }
    }
}
