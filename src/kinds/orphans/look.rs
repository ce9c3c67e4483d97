//! What AWS has in one region that carries our tags and that no object accounts for: listed, and read one by one, at most so
//! much in one go. It concludes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{BoxFuture, FutureExt};

use super::find::{Living, Ours, Scanned};
use crate::api::{self, ManagedKind};
use crate::aws::transfer::{DescribeUser, Tags};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::kinds::deps::Deps;
use crate::kinds::registration::{self, Traces};
use crate::kinds::server::members::SERVICE_MANAGED;
use crate::kinds::swept;

/// The most that one scan describes in one region. What is left comes next time: what belongs to others is remembered.
pub(super) const DESCRIBED: usize = 200;

/// What is not ours, by kind and id; of a user, server and name with a slash between.
pub(super) type Foreign = BTreeSet<(ManagedKind, String)>;

/// One look at a region.
pub(super) struct Look<'a> {
    deps: &'a Deps,
    ours: &'a Ours,
    account: &'a Account,
    /// Servers of others on which users of ours may be.
    granted: BTreeSet<&'a String>,
    living: &'a Living,
    /// What was not ours before.
    known: Foreign,
    /// What is not ours.
    foreign: Foreign,
    /// How many may still be read.
    left: usize,
    /// There was more.
    more: bool,
}

impl<'a> Look<'a> {
    /// Nothing was read yet. `known` is what was not ours the last time.
    pub fn new(
        deps: &'a Deps,
        ours: &'a Ours,
        (account, granted): (&'a Account, BTreeSet<&'a String>),
        living: &'a Living,
        known: Foreign,
    ) -> Self {
        Self { deps, ours, account, granted, living, known, foreign: Foreign::new(), left: DESCRIBED, more: false }
    }

    /// What was seen, and what of all there is is not ours.
    ///
    /// # Errors
    /// The fault of any read.
    pub async fn run(mut self) -> Result<(Scanned, Foreign), AwsError> {
        let (mut tagged, mut servers) = (BTreeMap::new(), Vec::new());
        for kind in ManagedKind::ALL.iter().copied() {
            let Traces::Tagged { list, tags, recorded: _ } = registration::traces(kind) else { continue };
            let (account, swept, living) = (self.account, &self.deps.swept, self.living);
            let (recorded, mut found) = (living.ids(kind), BTreeMap::new());
            for id in list(account, swept).await? {
                let told = recorded.contains(&id);
                let tags = if told { None } else { self.read(kind, &id, tags(account, swept, &id)).await? };
                if kind == ManagedKind::TransferServer && (told || self.may_have_users(&id, tags.as_ref())) {
                    servers.push(id.clone());
                }
                found.extend(tags.map(|tags| (id, tags)));
            }
            tagged.insert(kind, found);
        }
        let users = self.users(&servers).await?;
        Ok((Scanned { tagged, users, more: self.more }, self.foreign))
    }

    /// The tags on one, where they are ours.
    async fn read(
        &mut self,
        kind: ManagedKind,
        id: &str,
        read: BoxFuture<'_, Result<Tags, AwsError>>,
    ) -> Result<Option<Tags>, AwsError> {
        let key = (kind, id.to_owned());
        if self.known.contains(&key) {
            self.foreign.insert(key);
            return Ok(None);
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.more = true;
            return Ok(None);
        };
        self.left = left;
        let tags = there(read.await)?;
        if tags.as_ref().is_some_and(|tags| !self.ours.made(tags)) {
            self.foreign.insert(key);
            return Ok(None);
        }
        Ok(tags)
    }

    /// Whether users of ours may be on a server that no object records: on one that is being made for one, and on one of
    /// somebody else's that is granted by its id. Those of an orphan go with it.
    fn may_have_users(&self, id: &String, ours: Option<&Tags>) -> bool {
        match ours {
            Some(tags) => self.living.recorded(ManagedKind::TransferServer, tags.get(api::TAG_UID)).is_some(),
            None => self.granted.contains(id),
        }
    }

    /// The users on these servers that no object accounts for.
    async fn users(&mut self, servers: &[String]) -> Result<BTreeMap<(String, String), Tags>, AwsError> {
        let mut users = BTreeMap::new();
        for server in self.managed(servers).await? {
            for user_name in self.listed(&server).await? {
                let key = (server.clone(), user_name);
                if self.living.accounted.contains(&key) {
                    continue;
                }
                let call = DescribeUser { server_id: key.0.clone(), user_name: key.1.clone() };
                let read = self.account.read(call).map(|user| user.map(|user| user.tags)).boxed();
                let tags = self.read(ManagedKind::TransferUser, &format!("{}/{}", key.0, key.1), read).await?;
                users.extend(tags.map(|tags| (key, tags)));
            }
        }
        Ok(users)
    }

    /// Those of these servers that keep their users themselves.
    async fn managed(&self, servers: &[String]) -> Result<Vec<String>, AwsError> {
        if servers.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.deps.swept.list_servers(self.account).await?;
        let keeps = listed.into_iter().filter(|row| row.identity_provider_type.as_deref() == Some(SERVICE_MANAGED));
        Ok(keeps.map(|row| row.server_id).filter(|id| servers.contains(id)).collect())
    }

    /// The names of the users of a server.
    async fn listed(&self, server_id: &str) -> Result<BTreeSet<String>, AwsError> {
        match self.deps.swept.users(self.account, server_id) {
            Some(names) => Ok(names),
            None => Ok(there(swept::user_names(self.account, server_id).await)?.unwrap_or_default()),
        }
    }
}

/// Listed and not there any more: nothing to tell of it.
fn there<T>(outcome: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}
