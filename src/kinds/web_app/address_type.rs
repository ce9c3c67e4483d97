//! Over which addresses an endpoint in a VPC is reached, remembered as hashes because AWS never returns it. Each type that may
//! have been sent is remembered beside the others, until AWS took one.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::members::IP_ADDRESS_TYPE;
use crate::api::TransferWebApp;
use crate::api::web_app::WebAppVpc;
use crate::engine::applied;
use crate::engine::digest::keyed;

/// What is remembered besides; where it is not known what AWS has, that too.
#[must_use]
pub fn records(object: &TransferWebApp) -> BTreeMap<String, String> {
    let Some(vpc) = vpc(object) else { return BTreeMap::new() };
    let kind = vpc.ip_address_type.as_deref();
    let uid = object.uid().unwrap_or_default();
    let unknown =
        (is_made(object) && sent(object).is_empty()).then(|| applied::had_before(IP_ADDRESS_TYPE, keyed(&uid, "?")));
    let (wanted, before) = (keyed(&uid, kind.unwrap_or_default()), kind.is_some() || !sent(object).is_empty());
    let named = (before || !is_made(object)).then(|| applied::may_have(IP_ADDRESS_TYPE, wanted));
    unknown.filter(|_| kind.is_some()).into_iter().chain(named).collect()
}

/// Whether AWS may have another type than the one that the spec names.
#[must_use]
pub fn unsure(object: &TransferWebApp) -> bool {
    let Some(kind) = vpc(object).and_then(|vpc| vpc.ip_address_type.as_deref()) else { return false };
    let (hash, sent) = (keyed(&object.uid().unwrap_or_default(), kind), sent(object));
    sent.is_empty() || sent.iter().any(|sent| **sent != hash)
}

/// Whether the type left the spec after it was sent.
#[must_use]
pub fn left(object: &TransferWebApp) -> bool {
    let none = keyed(&object.uid().unwrap_or_default(), "");
    vpc(object).is_some_and(|vpc| vpc.ip_address_type.is_none()) && sent(object).iter().any(|sent| **sent != none)
}

fn vpc(object: &TransferWebApp) -> Option<&WebAppVpc> {
    object.spec.endpoint_details.as_ref().map(|details| &details.vpc)
}

fn is_made(object: &TransferWebApp) -> bool {
    object.status.as_ref().is_some_and(|status| status.web_app_id.is_some())
}

/// Hashes of the types that may have been sent.
fn sent(object: &TransferWebApp) -> Vec<&String> {
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    let hashes = applied.into_iter().flat_map(|applied| &applied.hashes);
    let of = |path: &str| path.strip_prefix(IP_ADDRESS_TYPE).is_some_and(|rest| rest.starts_with('#'));
    hashes.filter(|(path, _)| of(path)).map(|(_, hash)| hash).collect()
}
