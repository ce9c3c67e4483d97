//! Home directories: the short form `home` into AWS's members, what a server's domain asks of them, and AWS's way of
//! returning variables expanded. Pure.

use crate::api::condition::reasons;
use crate::api::login::{EfsHome, HomeSugar, S3Home};
use crate::aws::transfer::{HomeDirectoryMapEntry, LoginSettings};
use crate::engine::reason::Reason;

/// The members that make up a home directory; they only make sense together.
pub const HOME: [&str; 3] = ["homeDirectory", "homeDirectoryType", "homeDirectoryMappings"];

/// What AWS puts the user's name in the place of; AWS's own texts spell it with either case.
const USER_NAME: &str = "transfer:UserName";

/// What AWS puts parts of the home directory in the place of, in session policies.
const HOME_VARIABLES: [&str; 3] = ["HomeBucket", "HomeDirectory", "HomeFolder"];

/// A home directory in AWS's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "they are AWS's names")]
pub struct Home {
    /// Landing directory.
    pub home_directory: Option<String>,
    /// `PATH` or `LOGICAL`.
    pub home_directory_type: Option<String>,
    /// Virtual directory tree.
    pub home_directory_mappings: Option<Vec<HomeDirectoryMapEntry>>,
}

/// AWS's members of a home directory, from the long or the short form.
///
/// # Errors
/// `InvalidSpec` where they contradict each other.
pub fn members(long: Home, short: Option<&HomeSugar>) -> Result<Home, Reason> {
    let invalid = |message: &str| Err(Reason::stalled(reasons::INVALID_SPEC, message));
    let logical = long.home_directory_type.as_deref() == Some("LOGICAL");
    let mapped = long.home_directory_mappings.as_ref().is_some_and(|mappings| !mappings.is_empty());
    match short {
        Some(_) if long != Home::default() => invalid(
            "spec.home is the short form of homeDirectory, homeDirectoryType and homeDirectoryMappings: use one or the other",
        ),
        Some(short) => from_short(short),
        None if mapped && !logical => invalid("spec.homeDirectoryMappings needs homeDirectoryType LOGICAL"),
        None if logical && !mapped => invalid("spec.homeDirectoryType LOGICAL needs homeDirectoryMappings"),
        None => Ok(long),
    }
}

fn from_short(short: &HomeSugar) -> Result<Home, Reason> {
    let HomeSugar { s3, efs, restricted } = short;
    let (root, below) = match (s3, efs) {
        (Some(S3Home { bucket, prefix }), None) => (bucket, prefix),
        (None, Some(EfsHome { file_system_id, path })) => (file_system_id, path),
        _ => return Err(Reason::stalled(reasons::INVALID_SPEC, "spec.home needs exactly one of s3 and efs")),
    };
    let below = below.as_deref().unwrap_or_default().trim_matches('/');
    let target = if below.is_empty() { format!("/{root}") } else { format!("/{root}/{below}") };
    Ok(if *restricted {
        let entry = HomeDirectoryMapEntry { entry: "/".to_owned(), target, r#type: None };
        Home {
            home_directory: None,
            home_directory_type: Some("LOGICAL".to_owned()),
            home_directory_mappings: Some(vec![entry]),
        }
    } else {
        Home {
            home_directory: Some(target),
            home_directory_type: Some("PATH".to_owned()),
            home_directory_mappings: None,
        }
    })
}

/// What of a home directory does not work on a server of this domain.
#[must_use]
pub fn unfit(short: Option<&HomeSugar>, settings: &LoginSettings, domain: &str) -> Vec<String> {
    let efs = domain == "EFS";
    let (in_s3, on_efs) = short.map_or((false, false), |home| (home.s3.is_some(), home.efs.is_some()));
    if efs && in_s3 && !on_efs {
        return vec!["spec.home.s3 does not work on a server of domain EFS: use home.efs".to_owned()];
    }
    if !efs && on_efs && !in_s3 {
        return vec!["spec.home.efs does not work on a server of domain S3: use home.s3".to_owned()];
    }
    if !efs || on_efs {
        return Vec::new();
    }
    let path = |field: String, path: &str| {
        let fits = path.is_empty() || path.starts_with("/fs-");
        (!fits).then(|| format!("spec.{field} must begin with /fs- on a server of domain EFS"))
    };
    let lister = settings.home_directory.iter().filter_map(|given| path("homeDirectory".to_owned(), given));
    let mappings = settings.home_directory_mappings.iter().flatten().enumerate();
    let targets =
        mappings.filter_map(|(index, mapping)| path(format!("homeDirectoryMappings[{index}].target"), &mapping.target));
    lister.chain(targets).collect()
}

/// The first entry that AWS would refuse beside the others: no entry may stand twice, or lie inside another one.
#[must_use]
pub fn overlap(mappings: &[HomeDirectoryMapEntry]) -> Option<String> {
    // With a slash behind each, what lies inside an entry follows it directly in sorted order.
    let path = |mapping: &HomeDirectoryMapEntry| format!("{}/", mapping.entry.trim_end_matches('/'));
    let mut entries: Vec<(String, usize)> = mappings.iter().map(path).zip(0..).collect();
    entries.sort();
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    let ((outer, of), (inner, index)) = pairs.find(|((outer, _), (inner, _))| inner.starts_with(outer.as_str()))?;
    let shown = |path: &str| if path == "/" { path.to_owned() } else { path.trim_end_matches('/').to_owned() };
    let (field, outer_path) = ("spec.homeDirectoryMappings", shown(outer));
    Some(if inner == outer {
        format!("{field}[{index}].entry {outer_path} stands in {field}[{of}] already: AWS takes each entry once")
    } else {
        format!(
            "{field}[{index}].entry {} lies inside {field}[{of}].entry {outer_path}: AWS takes no entry inside another",
            shown(inner)
        )
    })
}

/// A session policy with variables of the home directory, which AWS fills in from a real path: a login with a virtual
/// tree has none.
#[must_use]
pub fn unfilled(have: &LoginSettings) -> Option<Reason> {
    let policy = have.policy.as_deref().filter(|_| have.home_directory_type.as_deref() == Some("LOGICAL"))?;
    let policy = policy.to_lowercase();
    let used =
        HOME_VARIABLES.into_iter().filter(|name| policy.contains(&format!("${{transfer:{}}}", name.to_lowercase())));
    let used: Vec<String> = used.map(|name| format!("${{transfer:{name}}}")).collect();
    (!used.is_empty()).then(|| {
        let message = format!(
            "the session policy uses {}, which AWS fills in from a home directory of type PATH; this one is restricted \
             (LOGICAL), so the policy may allow nothing. Write the bucket and the path into it",
            used.join(", ")
        );
        Reason::new(reasons::POLICY_VARIABLE, message)
    })
}

/// Takes back what AWS expanded: where it returns a path with the user's name in the place of the variable that is
/// wanted, the variable stands there.
pub fn unexpand(want: &LoginSettings, have: &mut LoginSettings, user_name: &str) {
    let take_back = |want: &str, have: &mut String| {
        if want != have && expand(want, user_name) == *have {
            want.clone_into(have);
        }
    };
    if let (Some(want), Some(have)) = (&want.home_directory, &mut have.home_directory) {
        take_back(want, have);
    }
    let wanted = want.home_directory_mappings.iter().flatten();
    for (want, have) in wanted.zip(have.home_directory_mappings.iter_mut().flatten()) {
        take_back(&want.entry, &mut have.entry);
        take_back(&want.target, &mut have.target);
    }
}

/// The text with the user's name in the place of the variable.
fn expand(text: &str, user_name: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        match after.split_once('}') {
            Some((variable, after)) if variable.eq_ignore_ascii_case(USER_NAME) => {
                expanded.push_str(user_name);
                rest = after;
            }
            _ => {
                expanded.push_str("${");
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}
