//! What can be said of manifests without a cluster and without AWS. Pure: text in, findings out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::admission::Admission;
use super::manifest::{self, Document};
use crate::api::login::Login;
use crate::api::user::SshPublicKey;
use crate::api::{
    AwsIdentity, GROUP, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile,
    TransferServer, TransferUser, TransferWebApp, TransferWorkflow, VERSION,
};
use crate::kinds::home;
use crate::policy;
use crate::ssh::{KeyIdentity, PublicKey, TrustedKey};
use crate::text;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file as it was named.
    pub file: String,
    /// Counted from 1; absent where nothing is known of lines.
    pub line: Option<u64>,
    /// Kind and name, where it is about an object.
    pub object: Option<String>,
    /// The field, and what is wrong with it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, object, message } = self;
        write!(f, "{file}:")?;
        if let Some(line) = line {
            write!(f, "{line}:")?;
        }
        if let Some(object) = object {
            write!(f, " {object}:")?;
        }
        write!(f, " {message}")
    }
}

/// What is known of all files together.
#[derive(Default)]
pub struct Checker {
    admission: Admission,
    /// By kind, how many objects were looked at.
    counts: BTreeMap<String, usize>,
    others: usize,
    names: BTreeSet<(String, String, String)>,
    /// What is wrong so far.
    pub findings: Vec<Finding>,
}

/// Where findings about one object go.
struct About<'a> {
    file: &'a str,
    document: &'a Document,
    object: String,
}

impl About<'_> {
    fn finding(&self, path: &str, message: String) -> Finding {
        let line = Some(self.document.line(path)).filter(|line| *line > 0);
        Finding { file: self.file.to_owned(), line, object: Some(self.object.clone()), message }
    }

    fn at(&self, path: &str, message: impl fmt::Display) -> Finding {
        self.finding(path, format!("{path}: {message}"))
    }
}

impl Checker {
    /// Looks at everything in a file.
    pub fn file(&mut self, name: &str, bytes: &[u8]) {
        let alone = |line, message| Finding { file: name.to_owned(), line, object: None, message };
        let text = match text::decode(bytes) {
            Ok(text) => text,
            Err(error) => return self.findings.push(alone(None, format!("the file {error}"))),
        };
        match manifest::documents(&text::without_marks(text)) {
            Ok(documents) => documents.iter().for_each(|document| self.document(name, document)),
            Err(error) => self.findings.push(alone(error.line, error.to_string())),
        }
    }

    fn document(&mut self, file: &str, document: &Document) {
        let text = |path: &str| document.value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let shown = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
        let about = About { file, document, object: format!("{kind} {shown}").trim_end().to_owned() };
        let ours = self.admission.schemas().any(|(known, _)| known == kind);
        if version.split('/').next() != Some(GROUP) {
            // A kind of ours without its group is a slip; other groups have their own.
            if ours && !version.contains('/') {
                self.findings.push(about.at("apiVersion", format!("must be {GROUP}/{VERSION}")));
            } else {
                self.others += 1;
            }
            return;
        }
        if version != format!("{GROUP}/{VERSION}") {
            return self.findings.push(about.at("apiVersion", format!("must be {GROUP}/{VERSION}")));
        }
        if !ours {
            let known: Vec<&str> = self.admission.schemas().map(|(kind, _)| kind).collect();
            return self.findings.push(about.at("kind", format!("must be one of {}", known.join(", "))));
        }
        *self.counts.entry(kind.clone()).or_default() += 1;
        self.findings.extend(named(&about, &name));
        if !name.is_empty() && !self.names.insert((kind.clone(), namespace, name)) {
            self.findings.push(about.at("metadata.name", "stands twice: the later one would replace the earlier one"));
        }
        let refusals = self.admission.findings(&document.value, None);
        // What the types cannot read, the schema has told already.
        let inner = if refusals.is_empty() { contents(&about, &kind, &document.value) } else { Vec::new() };
        self.findings.extend(refusals.into_iter().map(|refusal| about.finding(&refusal.path, refusal.text)));
        self.findings.extend(inner);
    }

    /// How much was looked at, and what nobody can know here.
    #[must_use]
    pub fn summary(&self) -> String {
        let total: usize = self.counts.values().sum();
        let kinds: Vec<String> = self.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let of_what = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        let errors = self.findings.len();
        format!(
            "{total} objects checked{of_what}, {errors} errors; {} documents of other kinds not looked at\n\
             not checked here: what Secrets and ConfigMaps hold, whether what is named exists, grants of the AwsIdentity, \
             what is stored in the cluster already (fields that cannot be changed), and whatever only AWS knows",
            self.others
        )
    }
}

/// As the API server takes names of objects.
fn named(about: &About<'_>, name: &str) -> Option<Finding> {
    let outer = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(outer) && part.ends_with(outer) && part.chars().all(|letter| outer(letter) || letter == '-')
    };
    if name.is_empty() {
        return Some(about.at("metadata.name", "Required value"));
    }
    let fits = name.len() <= 253 && name.split('.').all(part);
    let message =
        "must be lower-case letters, digits, - and ., begin and end with a letter or digit, and be at most 253 long";
    (!fits).then(|| about.at("metadata.name", message))
}

/// What schema and rules cannot say: keys, policies, and directories that lie inside each other.
fn contents(about: &About<'_>, kind: &str, object: &Value) -> Vec<Finding> {
    match kind {
        "TransferUser" => match read::<TransferUser>(about, object) {
            Ok(user) => {
                let mut found = login(about, &user.spec.login);
                found.extend(keys(about, user.spec.ssh_public_keys.as_deref().unwrap_or_default()));
                found
            }
            Err(finding) => vec![finding],
        },
        "TransferAccess" => match read::<TransferAccess>(about, object) {
            Ok(access) => login(about, &access.spec.login),
            Err(finding) => vec![finding],
        },
        "TransferServer" => read::<TransferServer>(about, object).err().into_iter().collect(),
        "TransferConnector" => match read::<TransferConnector>(about, object) {
            Ok(connector) => trusted(about, &connector),
            Err(finding) => vec![finding],
        },
        "TransferWorkflow" => read::<TransferWorkflow>(about, object).err().into_iter().collect(),
        "TransferProfile" => read::<TransferProfile>(about, object).err().into_iter().collect(),
        "TransferCertificate" => read::<TransferCertificate>(about, object).err().into_iter().collect(),
        "TransferAgreement" => read::<TransferAgreement>(about, object).err().into_iter().collect(),
        "TransferWebApp" => read::<TransferWebApp>(about, object).err().into_iter().collect(),
        _ => read::<AwsIdentity>(about, object).err().into_iter().collect(),
    }
}

fn read<K: DeserializeOwned>(about: &About<'_>, object: &Value) -> Result<K, Finding> {
    serde_path_to_error::deserialize(object).map_err(|error| about.at(&error.path().to_string(), error.inner()))
}

fn login(about: &About<'_>, login: &Login) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(text) = login.policy.as_deref().filter(|text| !text.trim().is_empty()) {
        let fault = policy::compact(text).err().or_else(|| policy::check(text).err());
        found.extend(fault.map(|fault| about.at("spec.policy", fault)));
    }
    let overlap = home::overlap(login.home_directory_mappings.as_deref().unwrap_or_default());
    found.extend(overlap.map(|message| about.finding(message.split(' ').next().unwrap_or_default(), message.clone())));
    found
}

fn trusted(about: &About<'_>, connector: &TransferConnector) -> Vec<Finding> {
    let listed = connector.spec.sftp_config.iter().flat_map(|config| config.trusted_host_keys.iter().flatten());
    let fault = |(index, line): (usize, &String)| {
        let error = TrustedKey::parse(line).and_then(|line| line.key).err()?;
        Some(about.at(&format!("spec.sftpConfig.trustedHostKeys[{index}]"), error))
    };
    listed.enumerate().filter_map(fault).collect()
}

fn keys(about: &About<'_>, listed: &[SshPublicKey]) -> Vec<Finding> {
    let mut seen: BTreeMap<KeyIdentity, usize> = BTreeMap::new();
    let key = |(index, entry): (usize, &SshPublicKey)| {
        let path = format!("spec.sshPublicKeys[{index}].publicKey");
        match PublicKey::parse(&entry.public_key) {
            Err(error) => Some(about.at(&path, error)),
            Ok(key) => {
                let first = *seen.entry(key.identity()).or_insert(index);
                (first != index).then(|| about.at(&path, format!("is the key of spec.sshPublicKeys[{first}] again")))
            }
        }
    };
    listed.iter().enumerate().filter_map(key).collect()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
