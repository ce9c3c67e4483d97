//! The security policies that AWS publishes, with their contents where those are known.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::page::{self, PageInput};
use super::state::Context;

/// What the API takes when none is named.
pub const DEFAULT: &str = "TransferSecurityPolicy-2024-01";

/// What a connector takes when none is named.
pub const CONNECTOR_DEFAULT: &str = "TransferSFTPConnectorSecurityPolicy-2024-03";

const SERVER: &str = "TransferSecurityPolicy-";
const CONNECTOR: &str = "TransferSFTPConnectorSecurityPolicy-";

/// Algorithms of a policy; an empty list where the contents were never captured.
struct Policy {
    suffix: &'static str,
    ciphers: &'static [&'static str],
    kexs: &'static [&'static [&'static str]],
    macs: &'static [&'static str],
}

const CTR_GCM_2018: &[&str] = &[
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
];
const CTR_GCM_FIPS: &[&str] =
    &["aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
const GCM_CTR_2022: &[&str] = &["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr"];
const GCM_CTR_2024: &[&str] =
    &["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr"];
const GCM_CTR_2025: &[&str] =
    &["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr"];

const CURVE: &[&str] = &["curve25519-sha256", "curve25519-sha256@libssh.org"];
const NIST: &[&str] = &["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"];
const GEX: &[&str] = &["diffie-hellman-group-exchange-sha256"];
const DH16_18: &[&str] = &["diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"];
const DH18_16: &[&str] = &["diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512"];
const DH14: &[&str] = &["diffie-hellman-group14-sha256"];
const DH14_SHA1: &[&str] = &["diffie-hellman-group14-sha1"];
const MLKEM: &[&str] = &["mlkem768x25519-sha256", "mlkem768nistp256-sha256", "mlkem1024nistp384-sha384"];

const MACS_2018: &[&str] = &[
    "umac-64-etm@openssh.com",
    "umac-128-etm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha1-etm@openssh.com",
    "umac-64@openssh.com",
    "umac-128@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
];
const MACS_2020: &[&str] = &[
    "umac-128-etm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "umac-128@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
];
const MACS_FIPS_2020: &[&str] =
    &["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"];
const MACS_2022: &[&str] =
    &["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512", "hmac-sha2-256"];
const MACS_2023: &[&str] = &["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"];
const MACS_2024: &[&str] = &["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"];

const TLS_OLD: &[&str] = &["TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256"];
const TLS: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
];

/// Policies under which clients may still sign with `ssh-rsa`, that is with SHA-1.
const SSH_RSA: &[&str] =
    &["2018-11", "2020-06", "FIPS-2020-06", "FIPS-2023-05", "FIPS-2024-01", "PQ-SSH-FIPS-Experimental-2023-04"];
const HOST_KEY_ALGORITHMS: &[&str] = &[
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-ed25519",
];

const fn named(suffix: &'static str) -> Policy {
    known(suffix, &[], &[], &[])
}

const fn known(
    suffix: &'static str,
    ciphers: &'static [&'static str],
    kexs: &'static [&'static [&'static str]],
    macs: &'static [&'static str],
) -> Policy {
    Policy { suffix, ciphers, kexs, macs }
}

const FIPS_2024_KEXS: &[&[&str]] = &[NIST, DH18_16, GEX];
const KEXS_2020: &[&[&str]] = &[NIST, GEX, DH16_18, DH14];
const KEXS_2022: &[&[&str]] = &[CURVE, DH16_18, GEX];
const KEXS_2025: &[&[&str]] = &[MLKEM, NIST, CURVE, DH16_18, GEX];

/// Sorted by suffix.
const POLICIES: &[Policy] = &[
    known("2018-11", CTR_GCM_2018, &[CURVE, NIST, GEX, DH16_18, DH14, DH14_SHA1], MACS_2018),
    known("2020-06", CTR_GCM_2018, KEXS_2020, MACS_2020),
    known("2022-03", GCM_CTR_2022, KEXS_2022, MACS_2022),
    known("2023-05", GCM_CTR_2022, KEXS_2022, MACS_2023),
    known("2024-01", GCM_CTR_2024, &[NIST, CURVE, DH18_16, GEX], MACS_2024),
    known("2025-03", GCM_CTR_2025, KEXS_2025, MACS_2024),
    named("AS2Restricted-2025-07"),
    known("FIPS-2020-06", CTR_GCM_FIPS, KEXS_2020, MACS_FIPS_2020),
    known("FIPS-2023-05", GCM_CTR_2022, &[DH16_18, GEX], MACS_2023),
    known("FIPS-2024-01", GCM_CTR_2024, FIPS_2024_KEXS, MACS_2024),
    known("FIPS-2024-05", GCM_CTR_2024, FIPS_2024_KEXS, MACS_2024),
    known("FIPS-2025-03", GCM_CTR_2025, &[MLKEM, NIST, DH16_18, GEX], MACS_2024),
    named("PQ-SSH-Experimental-2023-04"),
    named("PQ-SSH-FIPS-Experimental-2023-04"),
    named("Restricted-2018-11"),
    named("Restricted-2020-06"),
    named("Restricted-2024-06"),
    known("SshAuditCompliant-2025-02", GCM_CTR_2024, &[CURVE, DH18_16, GEX], MACS_2024),
];
const CONNECTOR_POLICIES: &[&str] = &["2023-07", "2024-03", "FIPS-2024-10"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    security_policy_name: String,
}

/// Refuses what a server cannot have.
///
/// # Errors
/// `InvalidRequestException` for a name that AWS never published, and for a policy of connectors.
pub fn check_for_server(name: &str) -> Answer<()> {
    let suffix = name.strip_prefix(SERVER);
    if suffix.is_some_and(|s| POLICIES.iter().any(|p| p.suffix == s)) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Unsupported security policy for a server: {name}")))
}

/// Refuses what a connector cannot have.
///
/// # Errors
/// `InvalidRequestException` for a name that AWS never published, and for a policy of servers.
pub fn check_for_connector(name: &str) -> Answer<()> {
    if is_of_connectors(name) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Unsupported security policy for a connector: {name}")))
}

fn is_of_connectors(name: &str) -> bool {
    name.strip_prefix(CONNECTOR).is_some_and(|suffix| CONNECTOR_POLICIES.contains(&suffix))
}

/// `DescribeSecurityPolicy`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(input: Value) -> Answer<Value> {
    let name = super::input::parse::<NameInput>(input)?.security_policy_name;
    let server = |s| POLICIES.iter().find(|p: &&Policy| p.suffix == s);
    let described = if let Some(policy) = name.strip_prefix(SERVER).and_then(server) {
        describe_server(policy)
    } else if is_of_connectors(&name) {
        json!({
            "Fips": name.contains("FIPS"),
            "SecurityPolicyName": name,
            "Type": "CONNECTOR",
            "Protocols": ["SFTP"],
        })
    } else {
        return Err(ApiError::not_found("Unknown security policy", &name, "SecurityPolicy"));
    };
    Ok(json!({"SecurityPolicy": described}))
}

/// `ListSecurityPolicies`.
///
/// # Errors
/// What the operation refuses.
pub fn list(context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let servers = POLICIES.iter().map(|p| format!("{SERVER}{}", p.suffix));
    let connectors = CONNECTOR_POLICIES.iter().map(|s| format!("{CONNECTOR}{s}"));
    let mut names: Vec<String> = servers.chain(connectors).collect();
    names.sort_unstable();
    let page = page::cut("security-policies", &input, context, names.into_iter(), |n| n)?;
    Ok(json!({"NextToken": page.next_token, "SecurityPolicyNames": page.items}))
}

fn describe_server(policy: &Policy) -> Value {
    let captured = !policy.ciphers.is_empty();
    let mut tls = TLS.to_vec();
    if policy.suffix == "2018-11" {
        tls.extend(TLS_OLD);
    }
    let mut host_keys = HOST_KEY_ALGORITHMS.to_vec();
    if SSH_RSA.contains(&policy.suffix) {
        host_keys.push("ssh-rsa");
    }
    json!({
        "Fips": policy.suffix.contains("FIPS"),
        "SecurityPolicyName": format!("{SERVER}{}", policy.suffix),
        "SshCiphers": captured.then_some(policy.ciphers),
        "SshKexs": captured.then_some(policy.kexs.concat()),
        "SshMacs": captured.then_some(policy.macs),
        "TlsCiphers": tls,
        "SshHostKeyAlgorithms": host_keys,
        "Type": "SERVER",
        "Protocols": ["SFTP", "FTPS"],
    })
}
