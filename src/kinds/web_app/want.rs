//! From the spec of a web app to what is wanted of AWS. Reads the images that it names, and changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;
use serde_json::json;

use super::members::{FAVICON, LOGO, LOOK, ROLE, SECURITY_GROUPS, SETTINGS, look_json};
use super::{address, address_type};
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::api::web_app::{ImageSource, WebAppEndpointDetails};
use crate::api::{AwsIdentity, ManagedKind, TransferWebApp, TransferWebAppSpec, web_app};
use crate::aws::transfer::{
    IdentityCenterConfig, Image, Tags, WebAppCustomization, WebAppEndpoint, WebAppIdentityProvider, WebAppSettings,
    WebAppUnits, WebAppVpc,
};
use crate::engine::diff::set_paths;
use crate::engine::digest::{hash, keyed};
use crate::engine::kind::{ReconcileError, Target, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::{self, Asker};
use crate::kinds::{config_refs, resolve, tags};

/// The largest logo that AWS takes, in bytes.
const LOGO_MAX: usize = 51_200;
/// The largest icon.
const FAVICON_MAX: usize = 20_960;

/// What is wanted of a web app.
#[derive(Clone, Debug)]
pub struct WantedWebApp {
    /// What CreateWebApp takes.
    pub settings: WebAppSettings,
    /// How it is to look. What is not known stands not there.
    pub look: WebAppCustomization,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// The identity does not let this namespace pass its role.
    pub ungranted: bool,
    /// Paths of images of which it is not known what is wanted.
    pub unknown: Vec<&'static str>,
    /// AWS may have another type of addresses than the one that is wanted.
    pub type_unsure: bool,
    /// The type of addresses left the spec.
    pub type_left: bool,
    /// The scheme that its address has where AWS shows none.
    pub unsaid_scheme: &'static str,
}

/// Turns the spec into what is wanted.
///
/// # Errors
/// Trouble in reading a ConfigMap.
pub async fn want(
    deps: &Deps,
    object: &TransferWebApp,
    target: &Target<Arc<AwsIdentity>>,
) -> Result<Wanted<WantedWebApp>, ReconcileError> {
    let (mut blocks, mut unknown) = (Vec::new(), Vec::new());
    let mut images = [None, None];
    for (image, (path, source, max)) in images.iter_mut().zip(sources(&object.spec)) {
        let Some(source) = source else { continue };
        match read(deps, object, path, source, max).await? {
            Ok(read) => *image = Some(read),
            Err(why) => {
                unknown.push(path);
                blocks.push(why);
            }
        }
    }
    let ungranted = ungranted(deps, object, &target.detail);
    let [logo_file, favicon_file] = images;
    let title = object.spec.customization.as_ref().and_then(|look| look.title.clone());
    let look = WebAppCustomization { title, logo_file, favicon_file };
    let settings = settings(&object.spec);
    let tags = tags::wanted(&object.spec.tags, &target.identity_tags);
    blocks.extend(ungranted.iter().cloned());
    blocks.extend(tags::unfit(&tags));
    let (uid, own_address) = (object.uid().unwrap_or_default(), settings.access_endpoint.as_deref());
    let before = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    let unsaid_scheme = address::unsaid(&uid, own_address, before);
    let mut hashes = hashes(&uid, &settings);
    hashes.extend(address_type::records(object));
    hashes.extend(address::record(&uid, own_address));
    let mut paths = set_paths(&SETTINGS, &json!(settings));
    paths.extend(set_paths(&LOOK, &look_json(&look)));
    // What is not sent is not ours to clear later; of what is not known that stays as it was.
    paths.retain(|path| ungranted.is_none() || path != ROLE);
    paths.extend(unknown.iter().filter(|path| was_set(object, path)).map(|path| (*path).to_owned()));
    let (paths, keys) = (paths.into_iter().collect(), tags.keys().cloned().collect());
    let applied = Applied { paths, tags: keys, hashes, ..Applied::default() };
    let digest = hash(&json!([settings, look, tags]).to_string());
    let (type_unsure, type_left) = (address_type::unsure(object), address_type::left(object));
    let ungranted = ungranted.is_some();
    let want = WantedWebApp { settings, look, tags, ungranted, unknown, type_unsure, type_left, unsaid_scheme };
    Ok(Wanted { want, blocks, faults: Vec::new(), applied, changes_at: None, operation: None, digest })
}

/// The images of a spec: where they are written, where they come from, and how large they may be.
fn sources(spec: &TransferWebAppSpec) -> [(&'static str, Option<&ImageSource>, usize); 2] {
    let look = spec.customization.as_ref();
    [
        (LOGO, look.and_then(|look| look.logo_from.as_ref()), LOGO_MAX),
        (FAVICON, look.and_then(|look| look.favicon_from.as_ref()), FAVICON_MAX),
    ]
}

async fn read(
    deps: &Deps,
    object: &TransferWebApp,
    path: &str,
    source: &ImageSource,
    max: usize,
) -> Result<Result<Image, Reason>, ReconcileError> {
    let (namespace, field) = (object.namespace().unwrap_or_default(), format!("spec.{path}"));
    let source = &source.config_map_key_ref;
    let bytes = config_refs::bytes(deps.cluster.as_ref(), &namespace, &field, source).await?;
    Ok(bytes.and_then(|bytes| {
        let (name, key, size) = (&source.name, &source.key, bytes.len());
        let message = || {
            format!(
                "{field}: ConfigMap {namespace}/{name} has {size} bytes under key {key}, and AWS takes at most {max}; make \
                 the image smaller"
            )
        };
        if size > max { Err(Reason::stalled(reasons::INVALID_SPEC, message())) } else { Ok(Image(bytes)) }
    }))
}

/// AWS's members of the spec. Taken apart in full, so that a new field must be placed.
pub(super) fn settings(spec: &TransferWebAppSpec) -> WebAppSettings {
    let TransferWebAppSpec {
        aws_identity_ref: _,
        region: _,
        suspend: _,
        resync_interval: _,
        lifecycle: _,
        tags: _,
        identity_provider_details,
        access_endpoint,
        web_app_units,
        web_app_endpoint_policy,
        endpoint_details,
        customization: _,
    } = spec.clone();
    let web_app::IdentityCenterConfig { instance_arn, role } = identity_provider_details.identity_center_config;
    let center = IdentityCenterConfig { instance_arn: Some(instance_arn), role: Some(role) };
    let units = |web_app::WebAppUnits { provisioned }| WebAppUnits { provisioned: Some(provisioned) };
    WebAppSettings {
        identity_provider_details: Some(WebAppIdentityProvider { identity_center_config: Some(center) }),
        access_endpoint,
        web_app_units: web_app_units.map(units),
        web_app_endpoint_policy,
        endpoint_details: endpoint_details.map(endpoint),
    }
}

fn endpoint(details: WebAppEndpointDetails) -> WebAppEndpoint {
    let web_app::WebAppVpc { vpc_id, subnet_ids, security_group_ids, ip_address_type } = details.vpc;
    // An empty list names none: the default group of the VPC.
    let security_group_ids = security_group_ids.filter(|ids| !ids.is_empty());
    let vpc = WebAppVpc { vpc_id: Some(vpc_id), subnet_ids: Some(subnet_ids), security_group_ids, ip_address_type };
    WebAppEndpoint { vpc: Some(vpc) }
}

/// The keyed hash of the security groups, which DescribeWebApp never returns.
fn hashes(uid: &str, settings: &WebAppSettings) -> BTreeMap<String, String> {
    let vpc = settings.endpoint_details.as_ref().and_then(|details| details.vpc.as_ref());
    let groups = vpc.and_then(|vpc| vpc.security_group_ids.clone()).map(|mut groups| {
        groups.sort();
        groups.dedup();
        (SECURITY_GROUPS.to_owned(), keyed(uid, &groups.join(",")))
    });
    groups.into_iter().collect()
}

/// Why this namespace may not pass the role of the spec.
fn ungranted(deps: &Deps, object: &TransferWebApp, identity: &AwsIdentity) -> Option<Reason> {
    let namespace = object.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferWebApp, namespace: &namespace, labels: &labels };
    let role = &object.spec.identity_provider_details.identity_center_config.role;
    grants::role_granted(identity, &asker, &format!("spec.{ROLE}"), role).err()
}

/// Whether this object put the member into AWS before.
fn was_set(object: &TransferWebApp, path: &str) -> bool {
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    applied.is_some_and(|applied| applied.paths.iter().any(|set| set == path))
}
