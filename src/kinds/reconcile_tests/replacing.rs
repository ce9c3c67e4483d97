//! What AWS cannot change, made anew: a kind with one member that stands for any such kind. It is kept as a server whose
//! banner is never changed; what uses it is a note that the test writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rig::{Cloud, FIRST, LAG, Lose, Rig, SECOND, THIRD, TOLERANCE, settings};
use crate::api::condition::reasons;
use crate::api::lifecycle::{Approval, Lifecycle, Policies};
use crate::api::status::{Applied, CommonStatus, Replacing};
use crate::api::{APPROVE, Listed, Managed, ManagedKind, Reference, TAG_UID};
use crate::aws::transfer::{CreateServer, DeleteServer, DescribeServer, ListServers, Server, ServerSettings, Tags};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation, Rank};
use crate::cluster::{KubeApi, Lister, Name};
use crate::engine::approval::{Approved, approved};
use crate::engine::consistency::{Candidate, TagMatches, TagSearch};
use crate::engine::context::Engine;
use crate::engine::decide::Words;
use crate::engine::diff::{Change, Effect};
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{
    Described, Kind, KindStatus, Pending, Plan, ReconcileError, Resolved, ResourceState, Target, Wanted,
};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;
use crate::engine::reconcile::reconcile;
use crate::engine::requeue::Requeue;
use crate::kinds::fakes::{ACCOUNT, REGION};

const KIND: &str = "Notice";

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "transfer-operator.dev", version = "v1alpha1", kind = "Notice", namespaced)]
#[kube(status = "NoticeStatus", schema = "disabled")]
#[serde(rename_all = "camelCase")]
struct NoticeSpec {
    text: String,
    #[serde(default)]
    suspend: bool,
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    approval: Approval,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NoticeStatus {
    #[serde(flatten)]
    common: CommonStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacing: Option<Replacing>,
}

/// No kind of the list: it is kept as a server.
impl Listed for Notice {
    const KIND: ManagedKind = ManagedKind::TransferServer;
}

impl Managed for Notice {
    const NOUN: &'static str = "notice";

    type Status = NoticeStatus;

    fn suspend(&self) -> bool {
        self.spec.suspend
    }
    fn resync_interval(&self) -> Option<Duration> {
        None
    }
    fn policies(&self) -> Policies {
        Policies { approval: self.spec.approval, ..Policies::from(&self.spec.lifecycle) }
    }
    fn status(&self) -> Option<&NoticeStatus> {
        self.status.as_ref()
    }
    fn common(status: &NoticeStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut NoticeStatus) -> &mut CommonStatus {
        &mut status.common
    }
    fn replacing(status: &mut NoticeStatus) -> Option<&mut Option<Replacing>> {
        Some(&mut status.replacing)
    }
    fn spec_json(&self) -> Value {
        serde_json::to_value(&self.spec).unwrap()
    }
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

struct Notices {
    cloud: Arc<Cloud>,
    /// What uses one, by id.
    used: Arc<Mutex<Option<String>>>,
}

#[async_trait]
impl Kind for Notices {
    type Object = Notice;
    type TargetDetail = ();
    type Want = String;
    type Have = Server;

    const WORDS: Words = Words { noun: Notice::NOUN, parent: "", taken: "", anew: "another id" };

    fn found_by(&self) -> FoundBy<'_, Notice, ()> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, _: &Notice) -> Result<Resolved<()>, ReconcileError> {
        let (account, identity) = (self.cloud.account(), "default".to_owned());
        let (revision, identity_tags) = (String::new(), Tags::new());
        Ok(Ok(Target { account, identity, revision, identity_tags, denied: None, detail: () }))
    }
    async fn want(&self, object: &Notice, _: &Target<()>, _: Timestamp) -> Result<Wanted<String>, ReconcileError> {
        let (want, digest) = (object.spec.text.clone(), object.spec.text.clone());
        let (tags, hashes) = (object.spec.tags.keys().cloned().collect(), hash(&object.spec.text));
        let applied = Applied { tags, hashes, ..Applied::default() };
        let (blocks, faults) = (Vec::new(), Vec::new());
        Ok(Wanted { want, blocks, faults, applied, changes_at: None, operation: None, digest })
    }
    async fn describe(&self, object: &Notice, target: &Target<()>) -> Result<Described<Server>, AwsError> {
        let Some(server_id) = object.status.as_ref().and_then(|status| status.id.clone()) else {
            return Ok(Described::NoKey);
        };
        match target.account.read(DescribeServer { server_id }).await {
            Ok(server) => Ok(Described::Found(*server)),
            Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(Described::Missing),
            Err(fault) => Err(fault),
        }
    }
    fn create(&self, _: &Notice, _: &Target<()>, wanted: &Wanted<String>, owner_tags: &Tags) -> Mutation {
        let banner = Some(wanted.want.clone());
        let settings = ServerSettings { pre_authentication_login_banner: banner, ..ServerSettings::default() };
        let (host_key, host_key_storage_type, tags) = (None, None, owner_tags.clone());
        Mutation::CreateServer(Box::new(CreateServer { domain: None, host_key, host_key_storage_type, settings, tags }))
    }
    fn plan(
        &self,
        object: &Notice,
        _: &Target<()>,
        wanted: &Wanted<String>,
        have: &Server,
        _: &Owner,
        _: Timestamp,
    ) -> Plan {
        let (want, have) = (json!(wanted.want), json!(have.settings.pre_authentication_login_banner));
        let change =
            Change { path: "text".to_owned(), have: have.clone(), want: want.clone(), effect: Effect::Replace };
        let changes = if want == have { Vec::new() } else { vec![change] };
        let pending = match approved(object, &changes, None) {
            Approved::Missing(reason) => Some(Pending { reason, changes: changes.clone(), due: None }),
            Approved::NotNeeded | Approved::Given(_) => None,
        };
        Plan { changes, pending, ..Plan::default() }
    }
    fn fill_status(&self, _: &mut NoticeStatus, _: &Target<()>, _: Option<&Wanted<String>>, _: &Server) {}
    fn delete(&self, _: &Notice, _: &Target<()>, id: Option<&str>) -> Mutation {
        Mutation::DeleteServer(DeleteServer { server_id: id.unwrap_or_default().to_owned() })
    }
    fn arn(&self, _: &Notice, _: &Target<()>, id: Option<&str>) -> Option<String> {
        Some(format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/{}", id?))
    }
}

#[async_trait]
impl Tagged<Notice, ()> for Notices {
    fn lookup(&self) -> &dyn TagLookup {
        self
    }
    fn adopts(&self, object: &Notice, _: &Target<()>) -> Option<String> {
        object.policies().adoption.and_then(|adoption| adoption.id)
    }
    fn set_id(&self, status: &mut NoticeStatus, _: &Target<()>, id: &str) {
        status.id = Some(id.to_owned());
    }
    async fn deletion_blockers(
        &self,
        _: &Notice,
        _: &Target<()>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        let used = self.used.lock().unwrap().clone();
        Ok(used.filter(|used| Some(used.as_str()) == id).map(|_| "used by board".to_owned()))
    }
}

#[async_trait]
impl TagLookup for Notices {
    fn ask(&self) -> u64 {
        0
    }
    async fn find(&self, account: &Account, owner: &Owner, _: u64) -> Result<TagSearch, AwsError> {
        let (began, mut found) = (account.now().await?, TagMatches::default());
        for listed in account.list(ListServers { token: None }).await? {
            let tags = self.tags_of(account, &listed.server_id).await?;
            let attempt = tags.get(crate::api::TAG_ATTEMPT).cloned();
            if owner.judge(&tags) == Ownership::Ours {
                found.ours.push(Candidate { id: listed.server_id, attempt });
            }
        }
        Ok(TagSearch { began, found })
    }
    async fn tags_of(&self, account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeServer { server_id: id.to_owned() }).await?.tags)
    }
    fn deleted(&self, _: &Account, _: &str) {}
}

impl KindStatus for NoticeStatus {
    fn confirmed(&self) -> bool {
        self.id.is_some()
    }
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
    fn vanished(&mut self) {}
}

impl ResourceState for Server {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn ready_reason(&self) -> Reason {
        Reason::new(reasons::AVAILABLE, self.server_id.clone())
    }
    fn listed(&self) -> Option<String> {
        None
    }
}

/// Stands for the hash of what AWS never returns.
fn hash(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("text".to_owned(), text.to_owned())])
}

/// A notice `hello`, made as `s-1` and used, and what the process knows of it.
struct Board {
    rig: Rig,
    used: Arc<Mutex<Option<String>>>,
    engine: Arc<Engine<Notices>>,
    /// It uses what is in force as soon as it sees it.
    follows: bool,
}

impl Board {
    async fn new() -> Self {
        let (rig, used) = (Rig::new(), Arc::<Mutex<Option<String>>>::default());
        let engine = engine(&rig, &used);
        rig.put(KIND, "hello", json!({"text": "hello", "lifecycle": {"deletionProtection": false}}));
        let board = Self { rig, used, engine, follows: true };
        board.run(Duration::from_secs(10)).await;
        assert_eq!(board.status()["id"], FIRST);
        board.rig.cloud.calls();
        board
    }

    /// The spec asks for what AWS cannot change.
    async fn edited() -> Self {
        let board = Self::new().await;
        board.edit("good bye");
        board
    }

    fn edit(&self, text: &str) {
        self.rig.edit(KIND, "hello", |object| object["spec"]["text"] = json!(text));
    }

    /// The operator is killed and started anew.
    fn restart(&mut self) {
        self.engine = engine(&self.rig, &self.used);
    }

    fn status(&self) -> Value {
        self.rig.status(KIND, "hello")
    }

    /// What is to be used of the object.
    fn in_force(&self) -> Option<String> {
        let status = self.rig.get(KIND, "hello")?["status"].clone();
        let creating = status["replacing"]["phase"] == "Creating";
        let old = Some(&status["replacing"]["oldId"]).filter(|_| creating);
        status["id"].as_str().or(old.and_then(Value::as_str)).map(str::to_owned)
    }

    /// The ids that AWS has with our uid, and what each says.
    fn there(&self) -> BTreeMap<String, String> {
        let servers = self.rig.cloud.servers();
        let ours = servers.iter().filter(|(_, server)| server.tags.contains_key(TAG_UID));
        ours.map(|(id, server)| (id.clone(), server.settings.pre_authentication_login_banner.clone().unwrap()))
            .collect()
    }

    async fn step(&self) -> Requeue {
        let name = Name { namespace: "team".to_owned(), name: "hello".to_owned() };
        let next = Box::pin(reconcile(&self.engine, &name, "uid-hello", &Rank::default())).await;
        let there = self.there();
        assert!(there.len() <= 2, "never a third: {there:?}");
        if self.follows
            && let Some(id) = self.in_force()
        {
            *self.used.lock().unwrap() = Some(id);
        }
        next
    }

    async fn run(&self, span: Duration) {
        let end = Instant::now() + span;
        loop {
            match self.step().await {
                Requeue::Again => {}
                Requeue::After(delay) | Requeue::Rest(delay) if Instant::now() + delay <= end => {
                    tokio::time::advance(delay).await;
                }
                Requeue::After(_) | Requeue::Elsewhere(_) | Requeue::Rest(_) | Requeue::OnChange => return,
            }
        }
    }

    /// Reconciles until this holds.
    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if holds(self) {
                return;
            }
            if let Requeue::After(delay) | Requeue::Rest(delay) = self.step().await {
                tokio::time::advance(delay).await;
            }
        }
        panic!("it never came to that: {}", self.status());
    }

    fn phase(&self) -> Value {
        self.status()["replacing"]["phase"].clone()
    }

    /// One is there, as the spec asks for it, and nothing is left to do.
    fn assert_done(&self, id: &str, text: &str) {
        assert_eq!(self.there(), BTreeMap::from([(id.to_owned(), text.to_owned())]));
        let status = self.status();
        assert_eq!((&status["id"], &status["replacing"]), (&json!(id), &Value::Null), "{status}");
        assert_eq!(self.rig.says(KIND, "hello", "Ready").unwrap().0, "True", "{status}");
    }
}

fn engine(rig: &Rig, used: &Arc<Mutex<Option<String>>>) -> Arc<Engine<Notices>> {
    let kind = Notices { cloud: Arc::clone(&rig.cloud), used: Arc::clone(used) };
    let (cluster, lister) = (Arc::clone(&rig.objects) as Arc<dyn KubeApi>, Arc::clone(&rig.objects) as Arc<dyn Lister>);
    Engine::new(kind, cluster, lister, settings())
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn the_new_one_first_and_the_old_one_goes_ten_minutes_unused() {
    let mut board = Board::edited().await;
    board.follows = false;
    board.run(Duration::from_mins(30)).await;
    assert_eq!(board.rig.cloud.calls(), ["CreateServer"]);
    assert_eq!((board.status()["id"].clone(), board.phase()), (json!(SECOND), json!("Moving")));
    assert_eq!(board.rig.says(KIND, "hello", "Ready").unwrap().0, "True");
    let message = board.rig.message(KIND, "hello");
    assert!(
        message.contains("s-00000000000000001, which it replaces, stays as long as it is used: used by board"),
        "{message}"
    );
    *board.used.lock().unwrap() = Some(SECOND.to_owned());
    board.run(Duration::from_mins(9)).await;
    assert!(board.rig.cloud.calls().is_empty(), "not before ten minutes");
    assert!(board.rig.message(KIND, "hello").contains("is deleted if nothing uses it until"));
    board.run(Duration::from_mins(5)).await;
    assert_eq!(board.rig.cloud.calls(), ["DeleteServer"]);
    board.assert_done(SECOND, "good bye");
    assert_eq!(board.status()["create"]["lost"], json!([FIRST]), "it is never claimed again");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_planned_in_the_write_that_records_it() {
    let board = Board::edited().await;
    board.rig.cloud.lose("CreateServer", Lose::Answer);
    board
        .until(|board| {
            let status = board.status();
            let begun = status["replacing"]["phase"] == "Creating";
            let planned = status["plan"] == replacement();
            assert_eq!(begun, planned, "one without the other: {status}");
            begun
        })
        .await;
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
    assert_eq!(board.status()["plan"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_anew_before_a_person_approves() {
    let board = Board::new().await;
    board.rig.edit(KIND, "hello", |object| {
        object["spec"]["text"] = json!("good bye");
        object["spec"]["approval"] = json!("Required");
    });
    board.run(LONG).await;
    assert!(board.rig.cloud.calls().is_empty());
    let status = board.status();
    assert_eq!(board.rig.says(KIND, "hello", "DisruptionPending").unwrap().1, "ApprovalRequired");
    assert_eq!(board.rig.says(KIND, "hello", "Ready").unwrap().0, "True", "as it is in force");
    assert_eq!(status["plan"], replacement());
    let pending = status["conditions"].as_array().unwrap().iter().find(|one| one["reason"] == "ApprovalRequired");
    let message = pending.unwrap()["message"].as_str().unwrap().to_owned();
    let hash = message.split_once(&format!("{APPROVE}=")).unwrap().1;
    let key = (KIND.to_owned(), Name { namespace: "team".to_owned(), name: "hello".to_owned() });
    let approve = |object: &mut Value| object["metadata"]["annotations"] = json!({APPROVE: hash});
    board.rig.objects.change(&key, None, approve).unwrap();
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
    assert_eq!(
        (board.status()["plan"].clone(), board.rig.says(KIND, "hello", "DisruptionPending")),
        (Value::Null, None)
    );
}

/// The one row of an edited notice.
fn replacement() -> Value {
    json!([{"field": "spec.text", "have": "hello", "want": "good bye", "effect": "Replace", "step": 1}])
}

#[tokio::test(start_paused = true)]
async fn the_old_one_is_in_force_until_the_new_ones_id_is_recorded() {
    let board = Board::edited().await;
    board.rig.cloud.lose("CreateServer", Lose::Answer);
    board.until(|board| board.phase() == "Creating").await;
    assert_eq!(board.in_force().as_deref(), Some(FIRST));
    assert_eq!(board.status()["replacing"]["attempt"], board.status()["create"]["attempt"]);
    board.run(LONG).await;
    assert_eq!(board.rig.cloud.calls(), ["CreateServer", "DeleteServer"], "found by its attempt, not made again");
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_got_lost_is_given_up_after_the_window_and_begun_anew() {
    let board = Board::edited().await;
    board.rig.cloud.lose("CreateServer", Lose::Call(AwsErrorKind::Lost));
    board.run(TOLERANCE).await;
    assert_eq!((board.phase(), board.in_force().as_deref()), (json!("Creating"), Some(FIRST)));
    assert!(board.rig.cloud.calls().is_empty());
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn an_edit_taken_back_needs_no_create_where_nothing_was_made() {
    let board = Board::edited().await;
    board.rig.cloud.lose("CreateServer", Lose::Call(AwsErrorKind::Lost));
    board.run(LAG).await;
    board.edit("hello");
    board.run(LONG).await;
    assert!(board.rig.cloud.calls().is_empty());
    board.assert_done(FIRST, "hello");
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_to_the_old_one_is_known_should_it_come_back() {
    let tags = |board: &Board, tags: Value| board.rig.edit(KIND, "hello", |object| object["spec"]["tags"] = tags);
    let board = Board::new().await;
    tags(&board, json!({"team": "billing"}));
    board.run(Duration::from_mins(1)).await;
    assert_eq!(board.status()["applied"]["tags"], json!(["team"]));
    board.rig.cloud.lose("CreateServer", Lose::Call(AwsErrorKind::Lost));
    tags(&board, json!({"cost": "12"}));
    board.edit("good bye");
    board.until(|board| board.phase() == "Creating").await;
    assert_eq!(board.status()["applied"]["tags"], json!(["cost", "team"]));
    assert_eq!(board.status()["applied"]["hashes"], json!(hash("good bye")), "as the new one is made");
    board.until(|board| board.phase() == Value::Null).await;
    assert_eq!(board.status()["applied"]["hashes"], Value::Null, "the old one's are not known any more");
    board.run(LONG).await;
    assert_eq!(board.status()["applied"]["tags"], json!(["cost"]), "the new one never had the other");
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_the_middle_waits_for_the_end_and_begins_anew() {
    let board = Board::edited().await;
    board.until(|board| board.phase() == "Moving").await;
    board.edit("see you");
    board.run(Duration::from_mins(1)).await;
    let message = board.rig.message(KIND, "hello");
    assert_eq!(board.rig.says(KIND, "hello", "Ready").unwrap(), ("False".to_owned(), "Updating".to_owned()));
    assert!(
        message.contains("spec.text not in force yet") && message.contains("s-00000000000000001 is gone"),
        "{message}"
    );
    board.run(LONG).await;
    let calls = board.rig.cloud.calls();
    assert_eq!(calls, ["CreateServer", "DeleteServer", "CreateServer", "DeleteServer"]);
    board.assert_done(THIRD, "see you");
}

#[tokio::test(start_paused = true)]
async fn at_the_quota_nothing_is_deleted_and_the_old_one_stays_in_force() {
    let board = Board::edited().await;
    let full = "You have reached the maximum number of servers";
    board.rig.cloud.refuse("ServiceQuotaExceededException", full, |call| call.operation() == "CreateServer");
    board.run(LONG).await;
    assert!(board.rig.cloud.calls().is_empty() && board.rig.cloud.refused() > 0);
    assert_eq!((board.in_force().as_deref(), board.phase()), (Some(FIRST), Value::Null));
    assert_eq!(board.rig.says(KIND, "hello", "Stalled").unwrap().1, "QuotaExceeded");
    board.edit("hello");
    board.run(Duration::from_mins(1)).await;
    board.assert_done(FIRST, "hello");
}

/// Users of other tools, peers.md C 18: a workflow that is still in use.
#[tokio::test(start_paused = true)]
async fn a_refused_deletion_of_the_old_one_is_named_and_waited_out() {
    let board = Board::edited().await;
    let used = "Workflow is still in use by server s-00000000000000009";
    board.rig.cloud.refuse("InvalidRequestException", used, |call| call.operation() == "DeleteServer");
    board.run(LONG).await;
    let message = board.rig.message(KIND, "hello");
    assert!(message.contains("stays as AWS refuses to delete it") && message.contains(used), "{message}");
    assert_eq!(board.rig.says(KIND, "hello", "Ready").unwrap().0, "True");
    *board.rig.cloud.refuses.lock().unwrap() = None;
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_what_aws_says_is_in_use_is_named_and_never_stalls() {
    let board = Board { follows: false, ..Board::new().await };
    *board.used.lock().unwrap() = None;
    let used = "Workflow is still in use by server s-00000000000000009";
    board.rig.cloud.refuse("InvalidRequestException", used, |call| call.operation() == "DeleteServer");
    board.rig.delete(KIND, "hello");
    board.run(LONG).await;
    let message = board.rig.message(KIND, "hello");
    let (ready, reason) = board.rig.says(KIND, "hello", "Ready").unwrap();
    assert_eq!((ready.as_str(), reason.as_str()), ("False", "DeletionBlocked"), "{message}");
    assert!(message.contains(used), "{message}");
    assert_eq!(board.rig.says(KIND, "hello", "Stalled"), None, "{message}");
    let tries = board.rig.cloud.refused();
    assert!((10..=30).contains(&tries), "asked {tries} times in an hour");
    *board.rig.cloud.refuses.lock().unwrap() = None;
    board.until(|board| board.rig.get(KIND, "hello").is_none()).await;
    assert!(board.there().is_empty());
}

#[tokio::test(start_paused = true)]
async fn dying_after_every_reconcile_comes_as_far_and_makes_no_third() {
    let mut board = Board::edited().await;
    board.rig.cloud.lose("CreateServer", Lose::Answer);
    for _ in 0..50 {
        board.restart();
        board.step().await;
        tokio::time::advance(Duration::from_secs(30)).await;
    }
    assert_eq!((board.phase(), board.there().len()), (json!("Moving"), 2), "ten minutes begin anew each time");
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_at_any_moment_takes_all_that_is_ours() {
    for lost in [None, Some(Lose::Answer), Some(Lose::Call(AwsErrorKind::Lost))] {
        for after in 0..12 {
            let board = Board::edited().await;
            if let Some(lost) = lost {
                board.rig.cloud.lose("CreateServer", lost);
            }
            for _ in 0..after {
                board.step().await;
            }
            *board.used.lock().unwrap() = None;
            let board = Board { follows: false, ..board };
            board.rig.delete(KIND, "hello");
            board.until(|board| board.rig.get(KIND, "hello").is_none()).await;
            assert!(board.there().is_empty(), "after {after} reconciles: {:?}", board.there());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_stay_is_released_in_full() {
    let board = Board::edited().await;
    board.until(|board| board.phase() == "Moving").await;
    board.rig.edit(KIND, "hello", |object| object["spec"]["lifecycle"]["deletionPolicy"] = json!("Retain"));
    board.rig.delete(KIND, "hello");
    board.until(|board| board.rig.get(KIND, "hello").is_none()).await;
    assert_eq!((board.there().len(), board.rig.cloud.servers().len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn two_without_a_record_are_for_a_person_and_stay() {
    let mut board = Board::edited().await;
    board.until(|board| board.phase() == "Moving").await;
    Rig::write_status(&board.rig.objects, KIND, "hello", |status| *status = json!({"observedGeneration": -1}));
    board.restart();
    board.run(LONG).await;
    assert_eq!(board.rig.says(KIND, "hello", "Stalled").unwrap().1, "Ambiguous");
    let message = board.rig.message(KIND, "hello");
    assert!(message.contains("s-00000000000000001, s-00000000000000002"), "{message}");
    assert_eq!(board.rig.cloud.calls(), ["CreateServer"]);
    // A person deletes one of them.
    board.rig.cloud.servers().remove(FIRST);
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
}

#[tokio::test(start_paused = true)]
async fn a_lost_new_one_gives_the_old_one_back_and_is_made_again() {
    let board = Board::edited().await;
    board.until(|board| board.phase() == "Moving").await;
    board.rig.cloud.servers().remove(SECOND);
    board.until(|board| board.in_force().as_deref() == Some(FIRST)).await;
    board.run(LONG).await;
    board.assert_done(THIRD, "good bye");
}

#[tokio::test(start_paused = true)]
async fn an_old_one_that_is_somebody_elses_by_then_stays_in_aws() {
    let board = Board::edited().await;
    board.until(|board| board.phase() == "Moving").await;
    board.rig.cloud.servers().get_mut(FIRST).unwrap().tags.clear();
    board.run(LONG).await;
    assert_eq!(board.rig.cloud.calls(), ["CreateServer"]);
    assert!(board.rig.cloud.servers().contains_key(FIRST));
    board.assert_done(SECOND, "good bye");
    let notes = board.rig.objects.notes.lock().unwrap();
    assert!(notes.iter().any(|note| note.warning && note.message.contains("left in AWS")));
}

#[tokio::test(start_paused = true)]
async fn while_suspended_nothing_more_is_sent() {
    let suspend = |board: &Board, on: bool| {
        board.rig.edit(KIND, "hello", |object| object["spec"]["suspend"] = json!(on));
    };
    let board = Board::edited().await;
    suspend(&board, true);
    board.run(LONG).await;
    assert!(board.rig.cloud.calls().is_empty(), "none is begun");
    suspend(&board, false);
    board.until(|board| board.phase() == "Moving").await;
    suspend(&board, true);
    board.run(LONG).await;
    assert_eq!((board.rig.cloud.calls(), board.there().len()), (vec!["CreateServer".to_owned()], 2));
    suspend(&board, false);
    board.run(LONG).await;
    board.assert_done(SECOND, "good bye");
}
