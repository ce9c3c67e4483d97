//! What a login may do, the same for users and accesses: from the spec to AWS's members, and what to send. Pure; the
//! text of a shared policy is handed in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::home::{self, HOME};
use crate::api::condition::reasons;
use crate::api::login::Login;
use crate::api::status::{Applied, Unset};
use crate::aws::transfer::{LoginSettings, PosixProfile};
use crate::engine::diff::{self, Change, Compare, Effect, Member, Reset};
use crate::engine::reason::Reason;
use crate::engine::unset;
use crate::policy;

/// What the calls that create and update users and accesses carry, as aws-transfer-behaviour.md 4 and 5 tell it.
pub const MEMBERS: [Member; 6] = [
    Member::live("role", "null", Reset::Never),
    Member::live("homeDirectory", "null", Reset::Send("\"\"")),
    Member::live("homeDirectoryType", "\"PATH\"", Reset::Send("\"PATH\"")),
    // An empty list is refused; type PATH takes the mappings away.
    Member::live("homeDirectoryMappings", "null", Reset::Follows).by(Compare::Mappings),
    Member::live("policy", "null", Reset::Send("\"\"")).by(Compare::Policy),
    Member::live("posixProfile", "null", Reset::Never),
];

/// What is wanted of a login.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WantedLogin {
    /// AWS's members.
    pub settings: LoginSettings,
    /// Members that no call may carry while a block about them stands; those without a value are not known.
    pub held: BTreeSet<&'static str>,
    /// Values that no call may carry. Where AWS has one from earlier, it stays without a word.
    pub faults: Vec<ValueFault>,
    /// Members that mean nothing on this server: one that leaves the spec need not be cleared.
    pub ignored: &'static [&'static str],
}

/// A value that AWS would refuse or take for nothing; or there is none, and logins would fail.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueFault {
    /// The member that has it.
    pub path: &'static str,
    /// All members that are held for it.
    pub holds: &'static [&'static str],
    /// What is wrong.
    pub block: Reason,
}

/// A session policy that the spec names: the field it stands in, and its text or why there is none.
#[derive(Clone, Debug)]
pub struct PolicyText {
    /// For messages.
    pub field: &'static str,
    /// The text as written.
    pub text: Result<String, Reason>,
}

/// Turns the spec of a login into AWS's members for a server of this domain. `ungranted` says why the role may not be
/// passed. What is not in order is a block, and holds only the members that it is about.
#[must_use]
pub fn want(
    login: &Login,
    policy: Option<PolicyText>,
    domain: &str,
    ungranted: Option<Reason>,
) -> (WantedLogin, Vec<Reason>) {
    let Login {
        role,
        policy: inline,
        policy_from,
        home_directory,
        home_directory_type,
        home_directory_mappings,
        home: short,
        posix_profile,
    } = login.clone();
    let long = home::Home { home_directory, home_directory_type, home_directory_mappings };
    let mut blocks = Vec::new();
    let mut held = BTreeSet::new();
    if let Some(block) = ungranted {
        held.insert("role");
        blocks.push(block);
    }
    let home = home::members(long, short.as_ref()).unwrap_or_else(|block| {
        held.extend(HOME);
        blocks.push(block);
        home::Home::default()
    });
    let both = inline.is_some() && policy_from.is_some();
    let field = policy.as_ref().map_or("spec.policy", |given| given.field);
    let policy = policy.and_then(|given| match if both { Err(two_policies()) } else { compacted(given) } {
        Ok(text) => Some(text),
        Err(block) => {
            held.insert("policy");
            blocks.push(block);
            None
        }
    });
    let settings = LoginSettings {
        home_directory: home.home_directory,
        home_directory_mappings: home.home_directory_mappings,
        home_directory_type: home.home_directory_type,
        policy,
        posix_profile: posix_profile.map(plain),
        role: Some(role),
    };
    if let Some(block) = unfit(login, &settings, domain) {
        held.extend(MEMBERS.iter().map(|member| member.path));
        blocks.push(block);
    }
    let faults = faults(&settings, field, domain);
    let ignored: &[&str] = if domain == "S3" { &["posixProfile"] } else { &[] };
    (WantedLogin { settings, held, faults, ignored }, blocks)
}

/// What is wrong with a value by itself. Whether it matters is known once AWS's is seen.
fn faults(settings: &LoginSettings, policy_field: &str, domain: &str) -> Vec<ValueFault> {
    let LoginSettings { policy, home_directory_mappings: mappings, posix_profile, .. } = settings;
    let no_policy = policy.as_deref().and_then(|text| policy::check(text).err()).map(|error| {
        let block = Reason::stalled(reasons::INVALID_SPEC, format!("{policy_field}: {error}"));
        ValueFault { path: "policy", holds: &["policy"], block }
    });
    let overlap = mappings.as_deref().and_then(home::overlap).map(|message| {
        let block = Reason::stalled(reasons::INVALID_SPEC, message);
        ValueFault { path: "homeDirectoryMappings", holds: &HOME, block }
    });
    let profile = match (domain, posix_profile) {
        ("S3", Some(_)) => Some("means nothing on a server of domain S3, and AWS cannot clear it: take it out"),
        ("EFS", None) => Some("is needed on a server of domain EFS"),
        _ => None,
    };
    let profile = profile.map(|what| {
        let message = format!("spec.posixProfile {what}");
        let block = Reason::stalled(reasons::INVALID_FOR_SERVER, message);
        ValueFault { path: "posixProfile", holds: &["posixProfile"], block }
    });
    no_policy.into_iter().chain(overlap).chain(profile).collect()
}

fn two_policies() -> Reason {
    Reason::stalled(reasons::INVALID_SPEC, "spec.policy and spec.policyFrom exclude each other: name one of them")
}

/// AWS counts the characters that are sent, so the limit is checked on the compact text.
fn compacted(given: PolicyText) -> Result<String, Reason> {
    let PolicyText { field, text } = given;
    policy::compact(&text?).map_err(|error| Reason::stalled(reasons::INVALID_SPEC, format!("{field}: {error}")))
}

/// What AWS would accept and every login would then fail on.
fn unfit(login: &Login, settings: &LoginSettings, domain: &str) -> Option<Reason> {
    let mut faults = home::unfit(login.home.as_ref(), settings, domain);
    if domain == "EFS" && (login.policy.is_some() || login.policy_from.is_some()) {
        faults.push("spec.policy and spec.policyFrom do not work on a server of domain EFS".to_owned());
    }
    (!faults.is_empty()).then(|| Reason::stalled(reasons::INVALID_FOR_SERVER, faults.join("; ")))
}

/// What differs and what to send for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// All differences that are known.
    pub changes: Vec<Change>,
    /// The members to send, each complete.
    pub settings: Option<LoginSettings>,
    /// The differences that they resolve.
    pub resolved: Vec<Change>,
    /// Why some differences are not acted on.
    pub blocks: Vec<Reason>,
}

impl WantedLogin {
    /// The paths to record as applied, once they are sent.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<String> {
        diff::set_paths(&MEMBERS, &json(&self.settings))
    }

    /// What is wrong with values, for a login that is to be made.
    #[must_use]
    pub fn faults(&self) -> Vec<Reason> {
        self.faults.iter().map(|fault| fault.block.clone()).collect()
    }

    /// What AWS has in members that the spec does not set; of those that are held nobody knows.
    #[must_use]
    pub fn unset(&self, have: &LoginSettings, applied: Option<&Applied>) -> Vec<Unset> {
        let known = MEMBERS.iter().filter(|member| !self.held.contains(member.path)).copied();
        let members: Vec<Member> = known.collect();
        let paths = applied.iter().flat_map(|applied| &applied.paths);
        let applied = paths.filter(|path| !self.ignored.contains(&path.as_str())).cloned().collect();
        unset::unset(&members, &json(&self.settings), &json(have), &applied)
    }

    /// Compares with what AWS has; `applied` holds the paths that this object once set. `user_name` is what AWS may
    /// have put in the place of its variable, for those that have one.
    #[must_use]
    pub fn update(&self, have: &LoginSettings, applied: &BTreeSet<String>, user_name: Option<&str>) -> Update {
        let mut have = have.clone();
        have.posix_profile = have.posix_profile.map(plain);
        if let Some(user_name) = user_name {
            home::unexpand(&self.settings, &mut have, user_name);
        }
        let (want, have) = (json(&self.settings), json(&have));
        let mut changes = diff::diff(&MEMBERS, &want, &have, applied);
        // A held member without a value is not known, so nothing can be said about it; what is ignored need not go.
        let unknown = |path: &str| self.held.contains(path) || self.ignored.contains(&path);
        changes.retain(|change| !(change.want.is_null() && unknown(&change.path)));
        let differs = |path: &str| changes.iter().any(|change| change.path == path);
        let wanted = |path: &str| changes.iter().any(|change| change.path == path && !change.want.is_null());
        let faults: Vec<&ValueFault> = self.faults.iter().filter(|fault| wanted(fault.path)).collect();
        let held = |path: &str| self.held.contains(path) || faults.iter().any(|fault| fault.holds.contains(&path));
        let live = changes.iter().filter(|change| change.effect == Effect::Live && !held(&change.path));
        let mut acted: Vec<Change> = live.cloned().collect();
        let mut blocks = uncleared(&changes);
        blocks.extend(faults.iter().map(|fault| fault.block.clone()));
        let waits = self.held.iter().any(|path| want.get(path).is_none() || differs(path));
        if waits || faults.iter().any(|fault| !self.ignored.contains(&fault.path)) {
            blocks.extend(together(&acted));
            acted.clear();
        }
        let request = diff::compose(&MEMBERS, &want, &have, &acted);
        let typed = (!request.is_empty()).then(|| diff::typed(request)).transpose().map_err(Reason::defect);
        let settings = typed.unwrap_or_else(|defect| {
            blocks.push(defect);
            None
        });
        Update { settings: settings.map(|settings| self.complete(settings)), resolved: acted, blocks, changes }
    }

    /// AWS reads type and mappings together, and keeps the group ids of a profile that names none.
    fn complete(&self, mut request: LoginSettings) -> LoginSettings {
        let logical = self.settings.home_directory_type.as_deref() == Some("LOGICAL");
        if logical && (request.home_directory_type.is_some() || request.home_directory_mappings.is_some()) {
            request.home_directory_type.clone_from(&self.settings.home_directory_type);
            request.home_directory_mappings.clone_from(&self.settings.home_directory_mappings);
        }
        if let Some(profile) = &mut request.posix_profile {
            profile.secondary_gids.get_or_insert_default();
        }
        request
    }
}

/// What AWS has once it took these members on top of those. Nothing where one of them takes another away: that is
/// believed once it is seen.
#[must_use]
pub fn taken(have: &LoginSettings, sent: &LoginSettings) -> Option<LoginSettings> {
    let LoginSettings { home_directory, home_directory_mappings, home_directory_type, policy, posix_profile, role } =
        sent.clone();
    let cleared = [&home_directory, &policy].into_iter().any(|text| text.as_deref() == Some(""));
    let unmapped = home_directory_type.as_deref() == Some("PATH") && have.home_directory_mappings.is_some();
    (!cleared && !unmapped).then(|| LoginSettings {
        home_directory: home_directory.or_else(|| have.home_directory.clone()),
        home_directory_mappings: home_directory_mappings.or_else(|| have.home_directory_mappings.clone()),
        home_directory_type: home_directory_type.or_else(|| have.home_directory_type.clone()),
        policy: policy.or_else(|| have.policy.clone()),
        posix_profile: posix_profile.or_else(|| have.posix_profile.clone()),
        role: role.or_else(|| have.role.clone()),
    })
}

/// What waits for another member of the same login: half of an edit would be an access that nobody wrote.
fn together(changes: &[Change]) -> Option<Reason> {
    let message = format!(
        "{} not in force until then: AWS gets role, policy and home of a login together or not at all",
        diff::paths(changes)
    );
    (!changes.is_empty()).then(|| Reason::new(reasons::UPDATING, message))
}

fn uncleared(changes: &[Change]) -> Vec<Reason> {
    changes
        .iter()
        .filter(|change| change.effect == Effect::Refused)
        .map(|change| {
            let message = format!("spec.{} left the spec and AWS has no way to clear it; name a value", change.path);
            Reason::stalled(reasons::CANNOT_CLEAR, message)
        })
        .collect()
}

/// Group ids are a set, and none is the same as an empty list.
fn plain(profile: PosixProfile) -> PosixProfile {
    let PosixProfile { uid, gid, secondary_gids } = profile;
    let gids: BTreeSet<i64> = secondary_gids.into_iter().flatten().collect();
    PosixProfile { uid, gid, secondary_gids: (!gids.is_empty()).then(|| gids.into_iter().collect()) }
}

fn json(settings: &LoginSettings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
