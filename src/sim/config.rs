//! The switches of the simulator: times, limits, and one side or the other where nobody knows what AWS does.
//! The defaults are the documented or the most often seen behaviour. Changed over `/_sim/config`.

use jiff::SignedDuration;
use jiff::fmt::serde::duration::friendly::compact::required as friendly;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::pace::{Latency, RateLimit};

/// Every switch, by its name in `/_sim/config`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches, each with its own name on the control path")]
pub struct Config {
    /// How long STARTING and STOPPING last.
    #[serde(serialize_with = "friendly")]
    pub transition_time: SignedDuration,
    /// For how long after a start or stop reads still show the state before.
    #[serde(serialize_with = "friendly")]
    pub stale_time: SignedDuration,
    /// For how long a VPC endpoint is in transition after the server is ONLINE, or after a change of its network.
    #[serde(serialize_with = "friendly")]
    pub endpoint_lag: SignedDuration,
    /// For how long something deleted is still described and listed.
    #[serde(serialize_with = "friendly")]
    pub deletion_time: SignedDuration,
    /// For how long something new that has an id of its own is missing from its listing.
    #[serde(serialize_with = "friendly")]
    pub listing_lag: SignedDuration,
    /// How far a signing time may be from the clock, in either direction.
    #[serde(serialize_with = "friendly")]
    pub signature_tolerance: SignedDuration,

    /// The rate beyond which calls are throttled; none without it.
    pub rate_limit: Option<RateLimit>,
    /// How long answers take; nothing without it.
    pub latency: Option<Latency>,

    /// Which table of HTTP status numbers errors follow.
    pub status: StatusNumbers,
    /// Whether absent members of an answer are left out or written as null.
    pub absent: Absent,
    /// The body of an answer without members.
    pub empty_body: EmptyBody,
    /// Whether answers carry members that no model knows.
    pub unknown_members: bool,
    /// Where the type of an error stands.
    pub error_type: ErrorType,
    /// How the key of an error's text is spelt.
    pub error_message: MessageKey,

    /// The state in which a start or a creation ends, such as `START_FAILED`.
    pub start_outcome: String,
    /// The state in which a stop ends, such as `STOP_FAILED`.
    pub stop_outcome: String,
    /// A start while STOPPING and a stop while STARTING: refused or carried out.
    pub during_transition: Leniency,
    /// Which updates of a VPC server conflict while its endpoint is in transition.
    pub conflict: ConflictOn,
    /// A setting that was never set or was cleared: absent, or present and empty.
    pub unset: Unset,
    /// Whether `ProtocolDetails` also shows the defaults of its newer members.
    pub newer_defaults: bool,
    /// A `ProtocolDetails` with some members only: are the others kept?
    pub protocol_details: BlockUpdate,
    /// The same for `IdentityProviderDetails`.
    pub identity_provider_details: BlockUpdate,
    /// The endpoint types that are offered; `VPC_ENDPOINT` only to accounts of before May 2021, `PUBLIC` not everywhere.
    pub endpoint_types: Vec<String>,
    /// Whether `DescribeAccess` and `ListAccesses` return `Role`.
    pub access_role: bool,
    /// Stored users of a server whose identity provider is no longer the service: shown or refused.
    pub users_of_other_provider: Leniency,
    /// What makes two SSH keys of a user the same.
    pub duplicate_ssh_key: DuplicateBy,
    /// A `${Transfer:UserName}` in the home directory or a mapping, as it is returned.
    pub user_name_variable: Variable,
    /// Whether the last host key of a server can be deleted.
    pub delete_last_host_key: Leniency,
    /// A server that names a workflow which is not there.
    pub unknown_workflow: Leniency,
    /// A server that gets an elastic address which nobody added to the account.
    pub unknown_addresses: Leniency,
    /// Whether the steps of a workflow also show what AWS does by default.
    pub step_defaults: bool,
    /// An update of a profile with an empty list of certificates, where it has some.
    pub empty_certificate_ids: EmptyList,
    /// A profile of our own side with a certificate that came without its private key.
    pub local_without_key: Leniency,
    /// The deletion of a certificate that a profile names; accepted, the profile goes on naming it.
    pub delete_used_certificate: Leniency,
    /// The deletion of a profile that an agreement or a connector names; accepted, it goes on being named.
    pub delete_used_profile: Leniency,
    /// The deletion of a server that has agreements.
    pub delete_server_with_agreements: WithAgreements,
    /// An agreement on a server that has not AS2 among its protocols.
    pub agreement_without_as2: Leniency,
    /// A second agreement of the same two profiles on a server, or connector between them to the same URL.
    pub same_partners: Leniency,
    /// How long a connector through a VPC is PENDING.
    #[serde(serialize_with = "friendly")]
    pub connector_time: SignedDuration,
    /// The status that follows it, `ACTIVE` or `ERRORED`.
    pub connector_outcome: String,
    /// An `As2Config` or `SftpConfig` with some members only: are the others kept?
    pub connector_config: BlockUpdate,
    /// The host key that every partner's SFTP server shows.
    pub partner_host_key: String,
    /// What `TestConnection` answers instead of its own idea.
    pub test_connection: Option<ConnectionAnswer>,
    /// The time within which an account can try out one connector.
    #[serde(serialize_with = "friendly")]
    pub connection_test_interval: SignedDuration,
    /// How the addresses of a web app are shown.
    pub web_app_addresses: Addresses,
    /// The customization of a web app that nobody customized: not found, or an empty one.
    pub absent_customization: Leniency,
    /// Which dates of a certificate are taken.
    pub dates_outside_validity: Dates,
    /// What becomes of a date of a certificate that an update does not name.
    pub absent_certificate_dates: AbsentDates,

    /// Entries of a page when the caller does not say.
    pub page_size: usize,
    /// Whether every listing begins with an empty page that has a token.
    pub empty_first_page: bool,
    /// Limits.
    pub quotas: Quotas,
    /// How it is said that a limit is reached.
    pub quota_refusal: QuotaWords,
    /// Security groups that are not there; every other one is.
    pub missing_security_groups: Vec<String>,
    /// Roles that the caller may not pass.
    pub forbidden_roles: Vec<String>,
    /// Roles that the service does not accept, such as a logging role that it cannot assume.
    pub unusable_roles: Vec<String>,
    /// What `TestIdentityProvider` answers instead of its own idea.
    pub test_identity_provider: Option<TestAnswer>,
}

/// Adjustable limits; the numbers are AWS's defaults as far as they are known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Per account and region.
    pub servers: usize,
    /// Per server.
    pub users: usize,
    /// Per user.
    pub ssh_keys: usize,
    /// Per server.
    pub accesses: usize,
    /// Per server.
    pub host_keys: usize,
    /// Per account and region.
    pub workflows: usize,
    /// Per account and region.
    pub certificates: usize,
    /// Per account and region.
    pub profiles: usize,
    /// Per server.
    pub agreements: usize,
    /// Per account and region.
    pub connectors: usize,
    /// Per account and region.
    pub web_apps: usize,
}

/// A fixed answer of `TestIdentityProvider`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct TestAnswer {
    pub status_code: i64,
    #[serde(default)]
    pub response: String,
    #[serde(default)]
    pub message: String,
}

/// A fixed answer of `TestConnection`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct ConnectionAnswer {
    pub status: String,
    pub status_message: String,
}

/// Made for this; its private half was thrown away.
const PARTNER_HOST_KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHEo224B8UFCqaKe3F24JchfZ4SUEUlwdKJTOVGd4V8LKFOd70xOLlHsjMYuCBIYxHE7rUdm1reMR34DdxkcKLg=";

macro_rules! switch {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
    };
}

switch! {
    /// HTTP status numbers of errors.
    StatusNumbers {
        /// 400 and 500 as the API reference says and as was seen.
        Documented,
        /// The numbers of the Smithy model.
        Smithy,
    }
}
switch! {
    /// How an absent member is written.
    Absent {
        /// Left out.
        Omitted,
        /// As an explicit null.
        Null,
    }
}
switch! {
    /// The body of an answer without members.
    EmptyBody {
        /// No bytes at all.
        Empty,
        /// An empty object.
        Object,
    }
}
switch! {
    /// Where the type of an error stands.
    ErrorType {
        /// `__type` in the body, the plain name.
        Body,
        /// `__type` in the body, with a namespace.
        Namespaced,
        /// The header `x-amzn-errortype`, with a link, and nothing in the body. botocore does not look there.
        Header,
        /// In the header and, plain, in the body.
        Both,
    }
}
switch! {
    /// How the key of an error's text is spelt.
    MessageKey {
        /// `Message` by the service, `message` by the layers in front of it.
        Mixed,
        /// Always `Message`.
        Capital,
        /// Always `message`.
        Lower,
    }
}
switch! {
    /// Where AWS may be strict or lenient.
    Leniency {
        /// Refused.
        Refuse,
        /// Carried out.
        Accept,
    }
}
switch! {
    /// What an empty list in an update means.
    EmptyList {
        /// What was there goes.
        Clear,
        /// What was there stays.
        Keep,
        /// Refused.
        Refuse,
    }
}
switch! {
    /// How an address is shown.
    Addresses {
        /// With `https://`; what was sent, as it was sent.
        Url,
        /// Without `https://`.
        Host,
        /// With `https://` and a slash at the end.
        Slash,
    }
}
switch! {
    /// What an absent date in an update of a certificate means.
    AbsentDates {
        /// What was there stays.
        Keep,
        /// That of the certificate itself counts again.
        Reset,
    }
}
switch! {
    /// Which dates of a certificate AWS takes.
    Dates {
        /// Any.
        Accept,
        /// None at which it is not valid.
        Refuse,
        /// Nor an `ActiveDate` that has passed on arrival, unless the certificate has it.
        RefuseNewPast,
        /// Nor that one.
        RefusePast,
    }
}
switch! {
    /// What becomes of agreements whose server is deleted.
    WithAgreements {
        /// The server is not deleted.
        Refuse,
        /// They go with it.
        Cascade,
        /// They stay, without a server.
        Orphan,
    }
}
switch! {
    /// Which updates conflict with an endpoint in transition.
    ConflictOn {
        /// All, as the model says.
        AnyUpdate,
        /// Those that change the network.
        NetworkUpdate,
    }
}
switch! {
    /// How an unset member is shown.
    Unset {
        /// Not at all.
        Absent,
        /// As an empty text or list.
        Empty,
    }
}
switch! {
    /// What becomes of the members of a block that an update does not name.
    BlockUpdate {
        /// They stay.
        Merge,
        /// They fall back to their defaults.
        Replace,
    }
}
switch! {
    /// What makes two SSH keys the same.
    DuplicateBy {
        /// Type and key material.
        Material,
        /// The whole line with its comment.
        Body,
    }
}
switch! {
    /// How a variable is returned.
    Variable {
        /// As it was sent.
        Kept,
        /// With its value in its place.
        Expanded,
    }
}
switch! {
    /// How a quota is refused; the service has no exception of its own for it.
    QuotaWords {
        /// `InvalidRequestException`, in the words of the one text that is known.
        Quota,
        /// The same code, with the word limit.
        Limit,
        /// The same code, with the word maximum.
        Maximum,
        /// The code that other services have.
        Code,
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transition_time: SignedDuration::from_secs(2),
            stale_time: SignedDuration::ZERO,
            endpoint_lag: SignedDuration::from_secs(2),
            deletion_time: SignedDuration::ZERO,
            listing_lag: SignedDuration::ZERO,
            signature_tolerance: SignedDuration::from_mins(15),
            rate_limit: None,
            latency: None,
            status: StatusNumbers::Documented,
            absent: Absent::Omitted,
            empty_body: EmptyBody::Empty,
            unknown_members: false,
            error_type: ErrorType::Body,
            error_message: MessageKey::Mixed,
            start_outcome: "ONLINE".to_owned(),
            stop_outcome: "OFFLINE".to_owned(),
            during_transition: Leniency::Refuse,
            conflict: ConflictOn::AnyUpdate,
            unset: Unset::Absent,
            newer_defaults: false,
            protocol_details: BlockUpdate::Merge,
            identity_provider_details: BlockUpdate::Replace,
            endpoint_types: ["PUBLIC", "VPC", "VPC_ENDPOINT"].map(str::to_owned).to_vec(),
            access_role: true,
            users_of_other_provider: Leniency::Accept,
            duplicate_ssh_key: DuplicateBy::Material,
            user_name_variable: Variable::Kept,
            delete_last_host_key: Leniency::Refuse,
            unknown_workflow: Leniency::Accept,
            unknown_addresses: Leniency::Accept,
            step_defaults: false,
            empty_certificate_ids: EmptyList::Refuse,
            local_without_key: Leniency::Refuse,
            delete_used_certificate: Leniency::Refuse,
            delete_used_profile: Leniency::Refuse,
            delete_server_with_agreements: WithAgreements::Refuse,
            agreement_without_as2: Leniency::Refuse,
            same_partners: Leniency::Refuse,
            connector_time: SignedDuration::from_secs(2),
            connector_outcome: "ACTIVE".to_owned(),
            connector_config: BlockUpdate::Merge,
            partner_host_key: PARTNER_HOST_KEY.to_owned(),
            test_connection: None,
            connection_test_interval: SignedDuration::from_secs(1),
            web_app_addresses: Addresses::Url,
            absent_customization: Leniency::Refuse,
            dates_outside_validity: Dates::Refuse,
            absent_certificate_dates: AbsentDates::Keep,
            page_size: 100,
            empty_first_page: false,
            quotas: Quotas::default(),
            quota_refusal: QuotaWords::Quota,
            missing_security_groups: Vec::new(),
            forbidden_roles: Vec::new(),
            unusable_roles: Vec::new(),
            test_identity_provider: None,
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            servers: 50,
            users: 10_000,
            ssh_keys: 50,
            accesses: 100,
            host_keys: 10,
            workflows: 10,
            certificates: 1000,
            profiles: 1000,
            agreements: 100,
            connectors: 100,
            web_apps: 10,
        }
    }
}

impl Config {
    /// These switches with some of them set anew; `quotas` may be given in part too.
    ///
    /// # Errors
    /// A text that names the switch that is unknown or has a value it cannot have.
    pub fn with(&self, changes: &Value) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|e| e.to_string())?;
        overlay(&mut all, changes)?;
        let config: Self = serde_json::from_value(all).map_err(|e| e.to_string())?;
        config.rate_limit.map_or(Ok(()), RateLimit::check)?;
        config.latency.map_or(Ok(()), Latency::check)?;
        Ok(config)
    }

    /// The refusal of one more than an adjustable limit allows.
    #[must_use]
    pub fn full(&self, name: &str, limit: usize) -> ApiError {
        match self.quota_refusal {
            QuotaWords::Quota => ApiError::quota(name, limit),
            QuotaWords::Limit => ApiError::invalid(format!("The limit of {name} is {limit}")),
            QuotaWords::Maximum => ApiError::invalid(format!("Maximum of {limit} {name} reached")),
            QuotaWords::Code => {
                let words = format!("{name} would exceed {limit}");
                ApiError::new("ServiceQuotaExceededException", words)
            }
        }
    }
}

fn overlay(all: &mut Value, changes: &Value) -> Result<(), String> {
    let (Some(all), Some(changes)) = (all.as_object_mut(), changes.as_object()) else {
        return Err("expected a JSON object with the switches to set".to_owned());
    };
    for (name, value) in changes {
        match all.get_mut(name) {
            Some(block) if name == "quotas" => overlay(block, value)?,
            _ => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn switches_are_set_one_by_one_and_keep_the_rest() {
        let config = Config::default()
            .with(&json!({"transition_time": "500ms", "absent": "null", "quotas": {"ssh_keys": 2}}))
            .unwrap();
        assert_eq!(config.transition_time, SignedDuration::from_millis(500));
        assert_eq!(config.absent, Absent::Null);
        assert_eq!(config.quotas.ssh_keys, 2);
        assert_eq!(config.quotas.host_keys, 10);
        assert_eq!(config.page_size, 100);
        let paced = json!({"rate_limit": {"rate": 5, "burst": 10}, "latency": {"p50": "30ms", "p99": "800ms"}});
        let config = config.with(&paced).unwrap();
        assert_eq!(config.rate_limit.map(|limit| limit.rate), Some(5.0));
        let config = config.with(&json!({"rate_limit": null})).unwrap();
        assert_eq!(config.rate_limit, None);
        assert!(config.latency.is_some());
    }

    #[test]
    fn the_manual_names_every_switch() {
        let manual = include_str!("../../docs/transfer-sim.md");
        let all = serde_json::to_value(Config::default()).unwrap();
        let quotas = all.get("quotas").unwrap().as_object().unwrap();
        for name in all.as_object().unwrap().keys().chain(quotas.keys()) {
            assert!(manual.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn a_wrong_switch_is_named() {
        let of = |v| Config::default().with(&v).unwrap_err();
        assert!(of(json!({"absnt": "null"})).contains("absnt"));
        assert!(of(json!({"absent": "nil"})).contains("nil"));
        assert!(of(json!({"quotas": {"keys": 2}})).contains("keys"));
        assert!(of(json!([])).contains("JSON object"));
        for (wrong, named) in [
            (json!({"rate_limit": {"rate": 0, "burst": 1}}), "rate_limit.rate"),
            (json!({"rate_limit": {"rate": 1, "burst": 0.5}}), "rate_limit.burst"),
            (json!({"latency": {"p50": "-1s"}}), "latency.p50"),
            (json!({"latency": {"p50": "1s", "p99": "500ms"}}), "latency.p99"),
            (json!({"latency": {"p50": "0s", "p99": "1s"}}), "latency.p99"),
        ] {
            assert!(of(wrong.clone()).contains(named), "{wrong}");
        }
    }
}
