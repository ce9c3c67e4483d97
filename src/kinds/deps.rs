//! What every kind is handed: the doors, which servers and workflows were seen to be whose, and which servers use which
//! workflows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::swept::Swept;
use crate::api::{ManagedKind, TAG_PREFIX, TAG_UID};
use crate::aws::account_clients::Aws;
use crate::aws::{Account, Tags};
use crate::cluster::{KubeApi, Lister, Name};
use crate::engine::consistency::Windows;
use crate::engine::settings::Env;

/// The doors of the process.
pub struct Deps {
    /// Kubernetes, live.
    pub cluster: Arc<dyn KubeApi>,
    /// Kubernetes, as the watches hold it.
    pub lister: Arc<dyn Lister>,
    /// AWS.
    pub aws: Arc<dyn Aws>,
    /// Our cluster in owner tags.
    pub cluster_id: String,
    /// Servers on which our own tags were seen.
    pub verified: Verified,
    /// What was seen of workflows.
    pub workflows: WorkflowsSeen,
    /// Owner tags that were seen on profiles.
    pub profiles: OwnersSeen,
    /// Owner tags that were seen on certificates.
    pub certificates: OwnersSeen,
    /// What was listed lately.
    pub swept: Swept,
    /// Wakes objects that AWS's listings show otherwise than they were seen last.
    pub enqueue: Enqueue,
    /// How often an object at rest is looked at, where its spec does not say.
    pub resync: Duration,
    /// How late what was sent may still arrive.
    pub windows: Windows,
    /// How long before its end a key is worth a look.
    pub expiry_warning: SignedDuration,
    /// The pod's clock, for the age of objects: nothing that AWS dates goes by it.
    pub env: Arc<dyn Env>,
}

/// Asks for a reconcile over each of these objects.
pub type Enqueue = Box<dyn Fn(Vec<(ManagedKind, Name)>) + Send + Sync>;

/// What was learnt of a server together with its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedFacts {
    /// `S3` or `EFS`.
    pub domain: String,
    /// Identity provider type.
    pub provider: String,
    /// Where clients connect to.
    pub host: Option<String>,
}

impl VerifiedFacts {
    /// What decides who is let on the server, and how. Where clients connect to is only shown.
    fn deciding(&self) -> (&str, &str) {
        let Self { domain, provider, host: _ } = self;
        (domain, provider)
    }
}

/// How long it counts what was learnt of a server that no object of ours stands for: nobody else's reconcile renews it,
/// and its identity provider may change. As long as the usual time between two looks at anything.
const RAW_FRESH: Duration = Duration::from_mins(10);

/// How long a server that takes nobody is not looked at again: all of its users share one look. Its own object's
/// reconcile ends that time when it finds the server in order.
const REFUSED: Duration = Duration::from_mins(1);

/// How long the first look of a process at a server is left to the reconcile of the server's own object, which looks
/// anyway: at a start all users of a server would ask for it at once. That is a few calls; then they ask themselves.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Why a server takes nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyRefusal {
    /// AWS does not have it.
    Gone,
    /// It does not carry the owner tags of its object. What it is like counts only for taking access away.
    Strange(VerifiedFacts),
}

/// Account, region, server id, uid of the server object (empty for a server that is granted by its raw id).
type Key = (String, String, String, String);

/// Servers on which this process itself saw the owner tags of their objects. Status alone never proves that a server
/// is one's own: who may write it could point logins elsewhere.
#[derive(Default)]
pub struct Verified {
    known: Mutex<BTreeMap<Key, Known>>,
    /// By the uid of the server object: whether anybody looked at its server, or since when that is waited for.
    first: Mutex<BTreeMap<String, FirstLook>>,
    news: Option<News>,
}

/// The first look of this process at the server of an object.
enum FirstLook {
    /// Somebody who is on it has asked since then.
    Awaited(Instant),
    /// It was made.
    Made,
}

/// What a look came to, and when.
type Known = (Result<VerifiedFacts, VerifyRefusal>, Instant);

/// Told the id of a server of which something else was seen than before, so that who is on it may have to act
/// otherwise.
pub type News = Box<dyn Fn(&str) + Send + Sync>;

impl Verified {
    /// Nothing was seen yet; who is told when what was seen changes.
    #[must_use]
    pub fn telling(news: News) -> Self {
        Self { news: Some(news), ..Self::default() }
    }

    /// For how long whoever is on the server of this object leaves the first look at it to the object's own reconcile, which
    /// they are told of. Nothing once anybody looked, or that took too long; and where nobody is told, nobody waits.
    #[must_use]
    pub(crate) fn awaits(&self, uid: &str) -> Option<Duration> {
        self.news.as_ref()?;
        let mut first = locked(&self.first);
        let since = match first.get(uid) {
            Some(FirstLook::Made) => return None,
            Some(FirstLook::Awaited(since)) => *since,
            None => {
                let now = Instant::now();
                first.insert(uid.to_owned(), FirstLook::Awaited(now));
                now
            }
        };
        FIRST_LOOK.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }

    /// The server of this object was looked at; whether somebody waited for that.
    fn looked(&self, uid: &str) -> bool {
        let before = locked(&self.first).insert(uid.to_owned(), FirstLook::Made);
        matches!(before, Some(FirstLook::Awaited(_)))
    }

    fn notify(&self, server_id: &str, news: bool) {
        if let Some(notify) = self.news.as_ref().filter(|_| news) {
            notify(server_id);
        }
    }

    /// What was seen, if it was.
    #[must_use]
    pub fn get(&self, account: &str, region: &str, server_id: &str, uid: &str) -> Option<VerifiedFacts> {
        self.known(&key(account, region, server_id, uid))?.ok()
    }

    /// Why it takes nobody, where that was seen lately.
    #[must_use]
    pub fn refusal(&self, account: &str, region: &str, server_id: &str, uid: &str) -> Option<VerifyRefusal> {
        self.known(&key(account, region, server_id, uid))?.err()
    }

    /// The tags of this object were seen on this server. Whoever names the server by its id learns of it too.
    pub fn insert(&self, account: &str, region: &str, server_id: &str, uid: &str, facts: &VerifiedFacts) {
        let (own, raw) = (key(account, region, server_id, uid), key(account, region, server_id, ""));
        let mut all = self.lock();
        let mut keys = vec![own];
        if !uid.is_empty() && all.contains_key(&raw) {
            keys.push(raw);
        }
        let mut news = !uid.is_empty() && self.looked(uid);
        for key in keys {
            news |= all
                .get(&key)
                .is_some_and(|(before, _)| before.as_ref().ok().map(VerifiedFacts::deciding) != Some(facts.deciding()));
            put(&mut all, key, Ok(facts.clone()));
        }
        drop(all);
        self.notify(server_id, news);
    }

    /// A look that began at `began` found that the server takes nobody. What was seen since then is newer.
    pub fn refuse(&self, target: (&str, &str), server_id: &str, uid: &str, refusal: VerifyRefusal, began: Instant) {
        let key = key(target.0, target.1, server_id, uid);
        let mut all = self.lock();
        if all.get(&key).is_none_or(|(_, since)| *since < began) {
            put(&mut all, key, Err(refusal));
        }
    }

    /// The server or its tags were not there. That it takes nobody stands as long as it would.
    pub fn remove(&self, account: &str, region: &str, server_id: &str, uid: &str) {
        let (gone, mut all) = (key(account, region, server_id, uid), self.lock());
        if all.get(&gone).is_some_and(|(seen, _)| seen.is_ok()) {
            all.remove(&gone);
        }
        drop(all);
        self.notify(server_id, self.looked(uid));
    }

    /// The server object of this uid has ended.
    pub fn forget(&self, uid: &str) {
        self.lock().retain(|(.., of), _| of != uid);
        locked(&self.first).remove(uid);
    }

    fn known(&self, key: &Key) -> Option<Result<VerifiedFacts, VerifyRefusal>> {
        self.lock().get(key).filter(|known| counts(key, known)).map(|(seen, _)| seen.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Known>> {
        locked(&self.known)
    }
}

/// Keeps what was seen. A server that is new has what no longer counts let go.
fn put(all: &mut BTreeMap<Key, Known>, key: Key, seen: Result<VerifiedFacts, VerifyRefusal>) {
    if !all.contains_key(&key) {
        all.retain(|key, known| counts(key, known));
    }
    all.insert(key, (seen, Instant::now()));
}

/// Whether what was seen still counts.
fn counts((.., uid): &Key, (seen, since): &Known) -> bool {
    match seen {
        Ok(_) => !uid.is_empty() || since.elapsed() < RAW_FRESH,
        Err(_) => since.elapsed() < REFUSED,
    }
}

fn key(account: &str, region: &str, server_id: &str, uid: &str) -> Key {
    (account.to_owned(), region.to_owned(), server_id.to_owned(), uid.to_owned())
}

/// The owner tags that this process read itself on what others name: status alone never proves whose something is.
#[derive(Default)]
pub struct OwnersSeen {
    /// By account, region and id.
    owners: Mutex<BTreeMap<(String, String, String), Tags>>,
}

impl OwnersSeen {
    /// These tags were read on what has this id; none where AWS does not have it.
    pub fn note(&self, account: &Account, id: &str, tags: Option<&Tags>) {
        let key = (account.id.clone(), account.region.clone(), id.to_owned());
        let mut owners = locked(&self.owners);
        let own = |tags: &Tags| tags.clone().into_iter().filter(|(key, _)| key.starts_with(TAG_PREFIX)).collect();
        match tags {
            Some(tags) => owners.insert(key, own(tags)),
            None => owners.remove(&key),
        };
    }

    /// The owner tags that were read on it last, if any were.
    #[must_use]
    pub fn tags(&self, account: &Account, id: &str) -> Option<Tags> {
        let key = (account.id.clone(), account.region.clone(), id.to_owned());
        locked(&self.owners).get(&key).cloned()
    }

    /// The object of this uid has ended.
    pub fn forget(&self, uid: &str) {
        locked(&self.owners).retain(|_, tags| tags.get(TAG_UID).map(String::as_str) != Some(uid));
    }
}

/// What this process saw of workflows: the owner tags on each, and which ids each server shows. As with servers, status
/// alone never proves that a workflow is one's own: it would be given every file.
#[derive(Default)]
pub struct WorkflowsSeen {
    owners: OwnersSeen,
    /// By the uid of the server object.
    shown: Mutex<BTreeMap<String, (Name, BTreeSet<String>)>>,
}

impl WorkflowsSeen {
    /// The owner tags of workflows.
    #[must_use]
    pub fn owners(&self) -> &OwnersSeen {
        &self.owners
    }

    /// AWS showed the server of this object with these workflows.
    pub fn shows(&self, uid: &str, name: Name, workflow_ids: BTreeSet<String>) {
        locked(&self.shown).insert(uid.to_owned(), (name, workflow_ids));
    }

    /// Whether the server of this object was looked at.
    #[must_use]
    pub fn looked_at(&self, uid: &str) -> bool {
        locked(&self.shown).contains_key(uid)
    }

    /// The objects whose servers showed this workflow, by uid and name.
    #[must_use]
    pub(crate) fn showing(&self, workflow_id: &str) -> Vec<(String, Name)> {
        let shown = locked(&self.shown);
        let showing = shown.iter().filter(|(_, (_, ids))| ids.contains(workflow_id));
        showing.map(|(uid, (name, _))| (uid.clone(), name.clone())).collect()
    }

    /// The object of this uid, a server or a workflow, has ended.
    pub fn forget(&self, uid: &str) {
        self.owners.forget(uid);
        locked(&self.shown).remove(uid);
    }
}

fn locked<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn facts(provider: &str) -> VerifiedFacts {
        VerifiedFacts { domain: "S3".to_owned(), provider: provider.to_owned(), host: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_counts_as_verified_only_for_the_object_whose_tags_were_seen() {
        let verified = Verified::default();
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        assert_eq!(verified.get("1", "r", "s-1", "u1"), Some(facts("SERVICE_MANAGED")));
        for (account, region, id, uid) in
            [("2", "r", "s-1", "u1"), ("1", "q", "s-1", "u1"), ("1", "r", "s-2", "u1"), ("1", "r", "s-1", "u2")]
        {
            assert_eq!(verified.get(account, region, id, uid), None, "{account} {region} {id} {uid}");
        }
        verified.insert("1", "r", "s-1", "u1", &facts("AWS_LAMBDA"));
        assert_eq!(verified.get("1", "r", "s-1", "u1"), Some(facts("AWS_LAMBDA")));
        verified.remove("1", "r", "s-1", "u1");
        assert_eq!(verified.get("1", "r", "s-1", "u1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_takes_nobody_for_a_minute_unless_seen_in_order_since() {
        let verified = Verified::default();
        let refuse = |began| verified.refuse(("1", "r"), "s-1", "u1", VerifyRefusal::Strange(facts("S")), began);
        let refusal = || verified.refusal("1", "r", "s-1", "u1");
        let start = Instant::now();
        refuse(start);
        assert_eq!((refusal(), verified.get("1", "r", "s-1", "u1")), (Some(VerifyRefusal::Strange(facts("S"))), None));
        verified.remove("1", "r", "s-1", "u1");
        assert_eq!(refusal(), Some(VerifyRefusal::Strange(facts("S"))), "its own object's reconcile saw the same");
        tokio::time::advance(REFUSED).await;
        assert_eq!(refusal(), None);

        refuse(Instant::now());
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        assert_eq!(refusal(), None, "seen in order");
        refuse(start);
        assert!(refusal().is_none() && verified.get("1", "r", "s-1", "u1").is_some(), "an older look ends late");
        verified.remove("1", "r", "s-1", "u1");
        assert!(verified.lock().is_empty());

        refuse(Instant::now());
        tokio::time::advance(REFUSED).await;
        verified.insert("1", "r", "s-2", "u2", &facts("SERVICE_MANAGED"));
        assert_eq!(verified.lock().len(), 1, "what no longer counts is not kept");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_seen_otherwise_than_before_is_told_once_whoever_saw_it() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let verified = Verified::telling(Box::new({
            let told = Arc::clone(&told);
            move |id| told.lock().unwrap().push(id.to_owned())
        }));
        let told = || std::mem::take(&mut *told.lock().unwrap());
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        assert!(told().is_empty(), "the first look, and the same again");
        verified.insert("1", "r", "s-1", "u1", &facts("AWS_LAMBDA"));
        assert_eq!(told(), ["s-1"]);

        verified.insert("1", "r", "s-1", "", &facts("AWS_LAMBDA"));
        assert!(told().is_empty(), "somebody names it by its id");
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        assert_eq!(told(), ["s-1"]);
        assert_eq!(verified.get("1", "r", "s-1", ""), Some(facts("SERVICE_MANAGED")));

        let moved = VerifiedFacts { host: Some("sftp.example.com".to_owned()), ..facts("SERVICE_MANAGED") };
        verified.insert("1", "r", "s-1", "u1", &moved);
        assert!(told().is_empty(), "where clients connect to is shown at the next resync");
        assert_eq!(verified.get("1", "r", "s-1", ""), Some(moved));

        verified.refuse(("1", "r"), "s-2", "u2", VerifyRefusal::Strange(facts("AWS_LAMBDA")), Instant::now());
        verified.insert("1", "r", "s-2", "u2", &facts("SERVICE_MANAGED"));
        assert_eq!(told(), ["s-2"], "it took nobody, and is in order now");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_look_at_a_server_is_left_to_its_object_for_a_while() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let verified = Verified::telling(Box::new(move |id| tell.lock().unwrap().push(id.to_owned())));
        let told = || std::mem::take(&mut *told.lock().unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(verified.awaits("u1"), Some(FIRST_LOOK));
        tokio::time::advance(second).await;
        assert_eq!(verified.awaits("u1"), FIRST_LOOK.checked_sub(second), "all wait for the same");
        verified.insert("1", "r", "s-1", "u1", &facts("SERVICE_MANAGED"));
        assert_eq!((verified.awaits("u1"), told()), (None, vec!["s-1".to_owned()]));
        verified.remove("1", "r", "s-1", "u1");
        assert_eq!((verified.awaits("u1"), told().len()), (None, 0), "only the first");

        assert!(verified.awaits("u2").is_some());
        verified.remove("1", "r", "s-2", "u2");
        assert_eq!((verified.awaits("u2"), told()), (None, vec!["s-2".to_owned()]), "that it is gone was seen too");

        assert!(verified.awaits("u3").is_some());
        tokio::time::advance(FIRST_LOOK).await;
        assert_eq!(verified.awaits("u3"), None, "its object looks at nothing");
        verified.insert("1", "r", "s-4", "u4", &facts("SERVICE_MANAGED"));
        assert_eq!((verified.awaits("u4"), told().len()), (None, 0), "nobody waited");
        assert_eq!(Verified::default().awaits("u5"), None, "nobody would be told");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_server_object_that_ended_nothing_is_kept() {
        let verified = Verified::default();
        for (id, uid) in [("s-1", "u1"), ("s-2", "u1"), ("s-3", "u3"), ("s-1", "")] {
            verified.insert("1", "r", id, uid, &facts("SERVICE_MANAGED"));
        }
        verified.forget("u1");
        assert_eq!((verified.lock().len(), locked(&verified.first).len()), (2, 1));
        assert!(verified.get("1", "r", "s-3", "u3").is_some() && verified.get("1", "r", "s-1", "").is_some());
    }

    #[test]
    fn of_workflows_tags_and_users_are_known_until_their_objects_end() {
        let seen = WorkflowsSeen::default();
        let name = |name: &str| Name { namespace: "team".to_owned(), name: name.to_owned() };
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
        seen.shows("u1", name("files"), ids(&["w-1", "w-2"]));
        seen.shows("u2", name("other"), ids(&["w-2"]));
        assert_eq!(seen.showing("w-1"), [("u1".to_owned(), name("files"))]);
        seen.shows("u1", name("files"), ids(&[]));
        assert_eq!(seen.showing("w-2"), [("u2".to_owned(), name("other"))]);
        assert!(seen.showing("w-1").is_empty() && seen.looked_at("u1") && !seen.looked_at("u3"));
        seen.forget("u2");
        assert!(seen.showing("w-2").is_empty() && !seen.looked_at("u2"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_object_stands_for_is_looked_at_again() {
        let verified = Verified::default();
        verified.insert("1", "r", "s-1", "", &facts("SERVICE_MANAGED"));
        verified.insert("1", "r", "s-2", "u2", &facts("SERVICE_MANAGED"));
        tokio::time::advance(RAW_FRESH).await;
        assert_eq!(verified.get("1", "r", "s-1", ""), None);
        assert!(verified.get("1", "r", "s-2", "u2").is_some(), "the reconcile of its object renews it");
    }
}
