//! The host keys of partners that a connector is to trust: from the spec and from ConfigMaps, in the form that AWS is
//! sent. Pure.

use crate::api::condition::reasons;
use crate::aws::transfer::ConnectorSettings;
use crate::engine::reason::Reason;
use crate::kinds::ssh_keys::SourceText;
use crate::ssh::{self, KeyError, PublicKey, TrustedKey};

/// AWS's most keys of a connector.
const KEYS_MAX: usize = 10;

/// SSH's own port.
const SSH_PORT: &str = "22";

/// What a key that cannot be read holds up.
const HELD: &str = "what is trusted is not changed until it is put right";

/// What the spec says of keys.
#[derive(Clone, Debug, Default)]
pub struct Listed<'a> {
    /// `sftpConfig.trustedHostKeys`.
    pub inline: Option<&'a [String]>,
    /// `sftpConfig.trustedHostKeysFrom`, read.
    pub sources: Option<Vec<SourceText>>,
    /// Address of the partner; none behind VPC Lattice.
    pub url: Option<&'a str>,
}

/// The keys that are wanted, in the order of the spec, each once; nothing where the spec lists none at all.
///
/// # Errors
/// Why they are not known: then nothing of them is changed.
pub fn want(listed: &Listed) -> Result<Option<Vec<String>>, Vec<Reason>> {
    let Listed { inline, sources, url } = listed;
    if inline.is_none() && sources.is_none() {
        return Ok(None);
    }
    let name = url.and_then(known_as);
    let (mut found, mut blocks) = (Vec::new(), Vec::new());
    for (index, line) in inline.iter().copied().flatten().enumerate() {
        match one(line, name.as_deref()) {
            Ok(key) => found.push(key),
            Err(why) => blocks.push(invalid(&format!("spec.sftpConfig.trustedHostKeys[{index}]"), &why)),
        }
    }
    for source in sources.iter().flatten() {
        match of_source(source, name.as_deref()) {
            Ok(keys) => found.extend(keys),
            Err(block) => blocks.push(block),
        }
    }
    let mut seen = Vec::new();
    found.retain(|key| {
        let new = !seen.contains(&key.identity());
        seen.push(key.identity());
        new
    });
    if found.len() > KEYS_MAX {
        let message = format!("spec.sftpConfig: {} host keys are listed, AWS takes {KEYS_MAX}; {HELD}", found.len());
        blocks.push(Reason::stalled(reasons::INVALID_SPEC, message));
    }
    if blocks.is_empty() { Ok(Some(found.iter().map(plain).collect())) } else { Err(blocks) }
}

/// The host of an SFTP address as `known_hosts` names it.
fn known_as(url: &str) -> Option<String> {
    let rest = url.strip_prefix("sftp://")?;
    let host = rest.split('/').next().unwrap_or(rest);
    // Whoever stands before the host is no part of its name.
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    Some(match host.rsplit_once(':') {
        Some((name, SSH_PORT)) => name.to_owned(),
        Some((name, port)) if !name.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("[{}]:{port}", name.trim_matches(['[', ']']))
        }
        _ => host.to_owned(),
    })
}

/// The key of one line, where that line may be about the partner.
fn one(line: &str, name: Option<&str>) -> Result<PublicKey, String> {
    let key = TrustedKey::parse(line).map_err(|error| error.to_string())?;
    if !is_of(&key, name).map_err(|error| error.to_string())? {
        return Err(of_another(name));
    }
    key.key.map_err(|error| error.to_string())
}

/// Behind VPC Lattice a partner has no name, so that no line of another host is taken for its own.
fn is_of(key: &TrustedKey, name: Option<&str>) -> Result<bool, KeyError> {
    name.map_or(Ok(key.hosts.is_none()), |name| key.is_of(name))
}

fn of_another(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("it names another host than {name}, which is that of spec.url"),
        None => "it names a host, and there is none behind VPC Lattice: leave only the type and the key".to_owned(),
    }
}

fn invalid(field: &str, why: &str) -> Reason {
    Reason::stalled(reasons::INVALID_KEY, format!("{field}: {why}; {HELD}"))
}

/// The keys of a ConfigMap that are the partner's. Of a type that AWS does not take none is trusted, beside others of the
/// same host.
fn of_source(source: &SourceText, name: Option<&str>) -> Result<Vec<PublicKey>, Reason> {
    let SourceText { field, text } = source;
    let lines = ssh::trusted_keys(text.as_ref().map_err(Reason::clone)?);
    let lines = lines.map_err(|error| invalid(field, &error.to_string()))?;
    let (mut keys, mut unfit) = (Vec::new(), None);
    for (number, line) in lines {
        let told = |error: KeyError| invalid(field, &ssh::at_line(number, error).to_string());
        if is_of(&line, name).map_err(told)? {
            match line.key {
                Ok(key) => keys.push(key),
                Err(other) => unfit = unfit.or_else(|| Some(told(other))),
            }
        }
    }
    if let Some(unfit) = unfit.filter(|_| keys.is_empty()) {
        return Err(unfit);
    }
    if keys.is_empty() {
        let message = format!("{field}: no key in it is the partner's: {}; {HELD}", of_another(name));
        return Err(Reason::new(reasons::SOURCE_NOT_READY, message));
    }
    Ok(keys)
}

/// Type and key alone: what stands before or behind them is for people.
fn plain(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.base64())
}

/// The settings with keys as they are compared. What cannot be read stays as it is.
#[must_use]
pub fn comparable(mut settings: ConnectorSettings) -> ConnectorSettings {
    let keys = settings.sftp_config.iter_mut().flat_map(|config| config.trusted_host_keys.iter_mut().flatten());
    for line in keys {
        if let Ok(TrustedKey { key: Ok(key), .. }) = TrustedKey::parse(line) {
            *line = plain(&key);
        }
    }
    settings
}

/// The lines of `have` whose keys `want` has too; nothing where those are all of them.
#[must_use]
pub fn kept(want: &ConnectorSettings, have: &ConnectorSettings) -> Option<Vec<String>> {
    let lines = |settings: &ConnectorSettings| settings.sftp_config.clone().and_then(|config| config.trusted_host_keys);
    let (wanted, held) = (lines(&comparable(want.clone())).unwrap_or_default(), lines(have).unwrap_or_default());
    let plain = lines(&comparable(have.clone())).unwrap_or_default();
    let stays = held.iter().zip(plain).filter(|(_, plain)| wanted.contains(plain)).map(|(line, _)| line.clone());
    let kept: Vec<String> = stays.collect();
    (kept.len() < held.len()).then_some(kept)
}

/// Whether AWS trusts this key.
#[must_use]
pub fn trusts(settings: &ConnectorSettings, key: &PublicKey) -> bool {
    let lines = settings.sftp_config.iter().flat_map(|config| config.trusted_host_keys.iter().flatten());
    lines.filter_map(|line| TrustedKey::parse(line).ok()?.key.ok()).any(|held| held.identity() == key.identity())
}

#[cfg(test)]
#[path = "host_keys_tests.rs"]
mod tests;
