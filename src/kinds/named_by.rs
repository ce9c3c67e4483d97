//! What others name by an object of ours or by its id in AWS: which id that is, where it is this namespace's to name. One
//! for all kinds that are named so.
//!
//! An id counts only once this process saw the owner tags of that very object on it: whoever may write a status could else
//! have somebody else's thing used. One that is named by its id is kept from whom the object that it belongs to does not
//! admit.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kube::ResourceExt;

use super::deps::{Deps, OwnersSeen};
use super::grants::{self, Asker};
use super::resolve::Unresolved;
use super::server_ref;
use super::trigger::Trigger;
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::api::namespaces::NamespaceSelection;
use crate::aws::{Account, AwsError};
use crate::cluster::references::Reference;
use crate::cluster::{Lister, Name};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;

/// A kind that others name.
pub trait Named: Managed {
    /// The region of its spec.
    fn region(&self) -> &str;

    /// Whose objects may name it.
    fn admitted(&self) -> &NamespaceSelection;

    /// Where the owner tags of what such objects stand for are kept in mind.
    fn seen(deps: &Deps) -> &OwnersSeen;
}

/// One whose owner tags are read by who names it, where nobody read them yet.
#[async_trait]
pub trait ReadAnew: Named {
    /// Reads the owner tags that AWS has on it now, and keeps them in mind.
    async fn look(deps: &Deps, account: &Account, id: &str) -> Result<(), AwsError>;
}

/// Who names something, and where that must be.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// Who names it.
    pub asker: &'a Asker<'a>,
    /// Where that lives.
    pub account: &'a Account,
}

/// The ids that an object gives to who names it, as its status has them; or why it has none, or must not be named.
pub type Ids<'a, K> = &'a (dyn Fn(&K) -> Result<Vec<String>, Reason> + Send + Sync);

/// The ids of what the object of this name stands for, once each was seen to be its own. The object comes from who asks:
/// the watches or the API server have it.
///
/// # Errors
/// Why they are not known, or trouble in finding out.
pub async fn by_reference<K: ReadAnew>(
    deps: &Deps,
    from: From<'_>,
    name: &Name,
    object: Option<&K>,
    ids: Ids<'_, K>,
) -> Result<Vec<String>, Unresolved> {
    let From { asker, account } = from;
    let (kind, noun) = (K::KIND.name(), K::NOUN);
    let waits = |message: String| Unresolved::from(Reason::new(reasons::DEPENDENCY_NOT_READY, message));
    let exists = object.is_some();
    let Some(object) = object.filter(|object| admits(*object, asker)) else {
        return Err(waits(server_ref::unavailable(K::KIND, name, asker, exists)));
    };
    if let Some(where_it_is) = elsewhere(object, account) {
        let message = format!("{kind} {name} {where_it_is}");
        return Err(Reason::stalled(reasons::INVALID_SPEC, message).into());
    }
    let given = ids(object)?;
    if given.is_empty() {
        return Err(waits(format!("{kind} {name} has no id yet")));
    }
    if object.meta().deletion_timestamp.is_some() {
        return Err(waits(format!("{kind} {name} is being deleted")));
    }
    for id in &given {
        if !owned(deps, account, object, id).await? {
            return Err(waits(format!("{noun} {id} does not carry the owner tags of {kind} {name} (yet)")));
        }
    }
    Ok(given)
}

/// Where this is, if what it stands for cannot be named for what lives in this account and region. Another account is not
/// named: who asks may have no grant there.
#[must_use]
pub fn elsewhere<K: Named>(object: &K, account: &Account) -> Option<String> {
    let region = object.region();
    if region != account.region {
        let here = &account.region;
        return Some(format!("is in region {region}, and this object in {here}; name one that lives there"));
    }
    let recorded = object.status().and_then(|status| K::common(status).recorded_account());
    let other = recorded.filter(|recorded| **recorded != account.id);
    other.map(|_| "is in another account than this object; name one that lives in the same".to_owned())
}

/// Whether AWS shows the owner tags of the object on this. They are read once, here or by the object's own reconcile, and
/// anew as long as they are others.
async fn owned<K: ReadAnew>(deps: &Deps, account: &Account, object: &K, id: &str) -> Result<bool, AwsError> {
    if !seen_owned(deps, account, object, id) {
        K::look(deps, account, id).await?;
    }
    Ok(seen_owned(deps, account, object, id))
}

/// Whether this process saw the owner tags of the object on this.
#[must_use]
pub fn seen_owned<K: Named>(deps: &Deps, account: &Account, object: &K, id: &str) -> bool {
    let owner = owner(deps, object);
    K::seen(deps).tags(account, id).is_some_and(|tags| owner.judge(&tags) == Ownership::Ours)
}

fn owner<K: Named>(deps: &Deps, object: &K) -> Owner {
    let Name { namespace, name } = Name::from(object.meta());
    Owner::new(&deps.cluster_id, &namespace, &name, &object.uid().unwrap_or_default())
}

/// What is named by its id: where an object of ours stands for it, that object says who may name it, by whichever name.
///
/// # Errors
/// That object does not admit who asks.
pub fn by_id<K: Named>(deps: &Deps, from: From<'_>, id: &str) -> Result<String, Reason> {
    let From { asker, account } = from;
    let (kind, noun) = (K::KIND.name(), K::NOUN);
    let objects = deps.lister.by::<K>(&Reference::Id(K::KIND, id.to_owned()));
    let barred = |object: &K| stands_for(deps, object, id, account) && !admits(object, asker);
    if !objects.iter().any(|object| barred(object.as_ref())) {
        return Ok(id.to_owned());
    }
    // Whose it is is not told: who asks may know no more of it than its id.
    let message = format!(
        "{noun} {id} belongs to a {kind} that does not allow references from namespace {}; its owner may allow that \
         namespace in spec.allowedReferences{}",
        asker.namespace,
        grants::unseen(asker.namespace, asker.labels)
    );
    Err(Reason::new(reasons::DEPENDENCY_NOT_READY, message))
}

/// Whether the object that names this in its status is the one it belongs to, as far as was seen. Only other owner tags say
/// that it is not: until they are read a status counts, as it can keep somebody out and let nobody in.
fn stands_for<K: Named>(deps: &Deps, object: &K, id: &str, account: &Account) -> bool {
    let owner = owner(deps, object);
    // Tags that somebody took off say nothing of another owner; but one that only looks at what nobody's tags are on has no
    // say in who names it.
    let looks = object.policies().observes();
    let stays = |ownership| match ownership {
        Ownership::Ours | Ownership::UidLost => true,
        Ownership::Untagged => !looks,
        _ => false,
    };
    K::seen(deps).tags(account, id).is_none_or(|tags| stays(owner.judge(&tags))) && elsewhere(object, account).is_none()
}

/// Whether objects of the asker's namespace may name what this one stands for.
#[must_use]
pub fn admits<K: Named>(object: &K, asker: &Asker<'_>) -> bool {
    let home = object.meta().namespace.as_deref().unwrap_or_default();
    object.admitted().admits(home, asker.namespace, asker.labels)
}

/// The objects of this kind that stand for what was named and is not any more: one that waits to be deleted may go once
/// nothing names it.
#[must_use]
pub fn released<'a, K: Managed>(
    lister: &dyn Lister,
    was: impl IntoIterator<Item = &'a String>,
    is: impl IntoIterator<Item = &'a String>,
) -> Vec<Trigger> {
    let is: BTreeSet<&String> = is.into_iter().collect();
    let left = was.into_iter().filter(|id| !is.contains(id)).map(|id| Reference::Id(K::KIND, id.clone()));
    let objects = left.flat_map(|id| lister.by::<K>(&id));
    let wakes = objects.map(|object| Trigger::managed((K::KIND, Name::from(object.meta()))));
    wakes.collect::<BTreeSet<_>>().into_iter().collect()
}
