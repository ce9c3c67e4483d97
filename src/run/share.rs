//! What of the cluster a shard handles: the objects of its accounts.
//!
//! Every process sees all objects, and asks for each reconcile anew whose it is: an object whose account changes is woken
//! by the same change in all of them. What leads to no account, the first shard tells about; nothing is called for it.

use std::future::ready;
use std::sync::Arc;

use futures::FutureExt;

use crate::cluster::references::identity_of;
use crate::cluster::store::{Stored, Stores};
use crate::cluster::{Lister, Name};
use crate::engine::controller::Reconcile;
use crate::engine::requeue::Requeue;
use crate::shard::Shard;

/// The account that an object leads to, through the identity that it names, or that what it is on names.
pub fn account_of<K: Stored>(stores: &Stores, name: &Name) -> Option<String> {
    let references = K::store(stores).references_of(name);
    account(stores, &identity_of(&references, stores))
}

/// The account of an identity.
pub fn account(stores: &Stores, identity: &str) -> Option<String> {
    stores.identity(identity).map(|identity| identity.spec.account_id.clone())
}

/// The same reconciles, over the objects of this shard only. Others are looked at again when something about them changes.
pub fn of_this_shard(
    shard: Shard,
    account_of: impl Fn(&Name) -> Option<String> + Send + Sync + 'static,
    reconcile: Reconcile,
) -> Reconcile {
    Arc::new(move |name, uid, rank| {
        if shard.owns(account_of(&name).as_deref()) {
            reconcile(name, uid, rank)
        } else {
            ready(Requeue::OnChange).boxed()
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use crate::cluster::guarded::Guarded;
    use kube::runtime::watcher::Event;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{AwsIdentity, TransferServer, TransferUser};
    use crate::aws::Rank;
    use crate::cluster::store::Store;

    const SHARDS: u32 = 5;

    fn put<K>(store: &Store<K>, name: &str, namespace: Option<&str>, spec: &Value)
    where
        Guarded<K>: DeserializeOwned,
        K: Stored + kube::Resource<DynamicType = ()> + Clone + DeserializeOwned,
    {
        let object = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": K::kind(&()),
            "metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1"}, "spec": spec,
        });
        let object: Guarded<K> = serde_json::from_value(object).unwrap();
        store.apply(0, Event::Apply(object));
    }

    /// How many shards reconcile each of these, and which the last of them was.
    async fn handled<K: Stored + 'static>(stores: &Arc<Stores>, names: &[String]) -> BTreeMap<String, Vec<u32>> {
        let handled = Arc::<Mutex<BTreeMap<String, Vec<u32>>>>::default();
        for number in 0..SHARDS {
            let (stores, noted) = (Arc::clone(stores), Arc::clone(&handled));
            let reconcile: Reconcile = Arc::new(move |name, _, _| {
                noted.lock().unwrap().entry(name.name).or_default().push(number);
                ready(Requeue::Again).boxed()
            });
            let shard = format!("{number}/{SHARDS}").parse().unwrap();
            let reconcile = of_this_shard(shard, move |name| account_of::<K>(&stores, name), reconcile);
            for name in names {
                let (name, uid) = (Name { namespace: "ns".to_owned(), name: name.clone() }, String::new());
                let _ = reconcile(name, uid, Rank::default()).await;
            }
        }
        let handled = handled.lock().unwrap().clone();
        assert_eq!(handled.len(), names.len(), "nothing is left out: {handled:?}");
        handled
    }

    #[tokio::test]
    async fn each_object_is_handled_by_one_shard_and_users_by_their_servers() {
        let stores = Arc::new(Stores::new(0));
        let accounts: Vec<String> = (0..20).map(|number| format!("1234567890{number:02}")).collect();
        let names = |kind: &str| accounts.iter().map(|account| format!("{kind}-{account}")).collect::<Vec<_>>();
        for account in &accounts {
            let spec = json!({"accountId": account, "regions": ["eu-west-1"], "credentials": {"source": "Operator"}});
            put(&stores.identities, account, None, &spec);
            let spec = json!({"region": "eu-west-1", "awsIdentityRef": {"name": account}});
            put(&stores.servers, &format!("server-{account}"), Some("ns"), &spec);
            let server = json!({"name": format!("server-{account}")});
            let spec = json!({"serverRef": server, "role": "r", "home": {"s3": {"bucket": "b"}}});
            put(&stores.users, &format!("user-{account}"), Some("ns"), &spec);
        }
        let servers = handled::<TransferServer>(&stores, &names("server")).await;
        let users = handled::<TransferUser>(&stores, &names("user")).await;
        assert!(servers.values().chain(users.values()).all(|shards| shards.len() == 1), "{servers:?} {users:?}");
        assert_eq!(servers.values().collect::<Vec<_>>(), users.values().collect::<Vec<_>>(), "with their servers");
        let used: std::collections::BTreeSet<_> = servers.values().flatten().collect();
        assert!(used.len() > 3, "accounts are spread: {used:?}");
    }

    #[tokio::test]
    async fn what_leads_to_no_account_is_of_the_first_shard_until_it_does() {
        let (stores, user) = (Arc::new(Stores::new(0)), ["user".to_owned()]);
        let spec = json!({"serverRef": {"name": "late"}, "role": "r", "home": {"s3": {"bucket": "b"}}});
        put(&stores.users, "user", Some("ns"), &spec);
        let first = BTreeMap::from([("user".to_owned(), vec![0])]);
        assert_eq!(handled::<TransferUser>(&stores, &user).await, first, "no server");
        put(&stores.servers, "late", Some("ns"), &json!({"region": "eu-west-1", "awsIdentityRef": {"name": "late"}}));
        assert_eq!(handled::<TransferUser>(&stores, &user).await, first, "no identity");
        let account = (0..100)
            .map(|number| format!("{number:012}"))
            .find(|account| "3/5".parse::<Shard>().is_ok_and(|shard| shard.owns(Some(account))));
        let spec = json!({"accountId": account, "regions": ["eu-west-1"], "credentials": {"source": "Operator"}});
        put::<AwsIdentity>(&stores.identities, "late", None, &spec);
        let third = BTreeMap::from([("user".to_owned(), vec![3])]);
        assert_eq!(handled::<TransferUser>(&stores, &user).await, third);
        assert_eq!(
            account_of::<TransferUser>(&stores, &Name { namespace: "ns".to_owned(), name: "user".to_owned() }),
            account
        );
    }
}
