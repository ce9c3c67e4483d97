//! Several fields of a status forged at once: of an object that is Ready, of one that was never made in AWS, and of one
//! that is on its way out. Each two forgeries of a kind stand together in some set. Whatever they come to, nothing of
//! others is touched, nothing is made twice, and once the status is honest again the object is as it should be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::forged::{
    LONG, MINE, OWN_GROUP, OfGroup, Sent, UID, around, edit, forge, may_go, others, put_mine, ready, recording, taken,
};
use super::forged_rows::{Row, rows};
use super::rig::{FIRST, Lose, Rig};
use crate::api::{ManagedKind, TAG_UID};
use crate::aws::AwsErrorKind;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::model::Tag;

use ManagedKind::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};

/// How many forgeries stand together: with more of them, some hide what others do.
const TOGETHER: usize = 5;

/// Sets of rows, each in their own order, such that each two of different fields meet in one. Beside a row that stops
/// everything the others show nothing of each other, so they meet that row only.
fn sets(rows: &[Row]) -> Vec<Vec<usize>> {
    let all = 0..rows.len();
    let pairs = all.clone().flat_map(|a| (a + 1..rows.len()).map(move |b| (a, b)));
    let mut left: BTreeSet<(usize, usize)> = pairs.filter(|(a, b)| rows[*a].path != rows[*b].path).collect();
    let mut sets = Vec::new();
    while let Some((a, b)) = left.first().copied() {
        let mut set = vec![a, b];
        let stopped = rows[a].stops() || rows[b].stops();
        while set.len() < TOGETHER {
            let fits = |row: &usize| {
                set.iter().all(|one| rows[*one].path != rows[*row].path) && (stopped || !rows[*row].stops())
            };
            let gain = |row: usize| {
                let more = [set.clone(), vec![row]].concat();
                met(rows, &more).into_iter().filter(|pair| left.contains(pair)).count()
            };
            let now = met(rows, &set).into_iter().filter(|pair| left.contains(pair)).count();
            let best = all.clone().filter(fits).max_by_key(|row| (gain(*row), rows.len() - row));
            match best {
                Some(row) if gain(row) > now => set.push(row),
                _ => break,
            }
        }
        set.sort_unstable();
        for pair in met(rows, &set) {
            left.remove(&pair);
        }
        sets.push(set);
    }
    sets
}

/// Which rows of a set meet: all of them, or each with the first that stops everything.
fn met(rows: &[Row], set: &[usize]) -> Vec<(usize, usize)> {
    let stop = set.iter().copied().find(|row| rows[*row].stops());
    let pairs = set.iter().flat_map(|a| set.iter().map(move |b| (*a, *b)));
    let ordered = pairs.filter(|(a, b)| a < b);
    ordered.filter(|(a, b)| stop.is_none_or(|stop| *a == stop || *b == stop)).collect()
}

/// How many things AWS has of the object.
fn ours(rig: &Rig, kind: ManagedKind) -> usize {
    let mine = |tags: &crate::aws::Tags| tags.get(TAG_UID).map(String::as_str) == Some(UID);
    match kind {
        TransferServer => rig.cloud.servers().values().filter(|server| mine(&server.tags)).count(),
        TransferUser => rig.cloud.users().values().filter(|user| mine(&user.tags)).count(),
        TransferAccess => usize::from(rig.cloud.accesses().contains_key(&(FIRST.to_owned(), OWN_GROUP.to_owned()))),
        TransferWorkflow => {
            let sim = &mut rig.cloud.sim();
            let workflows = &sim.world.region(ACCOUNT, REGION).workflows;
            workflows.values().filter(|it| it.tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID)).count()
        }
        TransferProfile => {
            let sim = &mut rig.cloud.sim();
            let mut profiles = sim.world.region(ACCOUNT, REGION).profiles.iter();
            let mine = |tags: &[Tag]| tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID);
            profiles.by_ref().filter(|(_, it)| mine(&it.tags)).count()
        }
        TransferAgreement => {
            let sim = &mut rig.cloud.sim();
            let kept = sim.world.region(ACCOUNT, REGION).agreements.iter();
            let mine = kept.filter(|(_, it)| it.tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID));
            mine.count()
        }
        TransferCertificate => {
            let sim = &mut rig.cloud.sim();
            let kept = sim.world.region(ACCOUNT, REGION).certificates.iter();
            let mine = kept.filter(|(_, it)| it.tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID));
            mine.count()
        }
        TransferWebApp => {
            let sim = &mut rig.cloud.sim();
            let kept = sim.world.region(ACCOUNT, REGION).web_apps.iter();
            let mine = kept.filter(|(_, it)| it.tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID));
            mine.count()
        }
        TransferConnector => {
            let sim = &mut rig.cloud.sim();
            let kept = sim.world.region(ACCOUNT, REGION).connectors.iter();
            let mine = kept.filter(|(_, it)| it.tags.iter().any(|tag| tag.key == TAG_UID && tag.value == UID));
            mine.count()
        }
    }
}

/// One set of forgeries in one life.
struct Life<'a> {
    rig: Rig,
    kind: ManagedKind,
    rows: &'a [Row],
    sent: Sent,
    /// What others have.
    before: Vec<String>,
    /// How many of it AWS may have at most.
    at_most: usize,
    /// The one access that may go with it.
    may_go: OfGroup,
    wrong: Vec<String>,
}

impl<'a> Life<'a> {
    fn of(rig: Rig, kind: ManagedKind, rows: &'a [Row]) -> Self {
        let may_go = may_go(kind, rows);
        // A server that the record calls lost is never claimed again (docs/security.md).
        let at_most = if rows.iter().any(|row| row.path == "status.create.lost") { 2 } else { 1 };
        let (sent, before) = (recording(&rig), others(&rig, may_go));
        Self { rig, kind, rows, sent, before, at_most, may_go, wrong: Vec::new() }
    }

    fn forge(&self) {
        for row in self.rows {
            forge(&self.rig, self.kind, row);
        }
    }

    fn honest(&self, status: &Value) {
        Rig::write_status(&self.rig.objects, self.kind.name(), MINE, |stored| *stored = status.clone());
    }

    fn wrong(&mut self, when: &str, what: &str) {
        let forged: Vec<String> = self.rows.iter().map(|row| format!("{} = {}", row.path, row.value)).collect();
        self.wrong.push(format!("{} {when}: {what}: {forged:#?}", self.kind.name()));
    }

    /// Runs for long, and looks at what it came to.
    async fn run(&mut self, when: &str) {
        let kind = self.kind.name();
        self.rig.run(kind, MINE, LONG).await;
        // Panics where something is aimed at what is not ours.
        let sent = taken(&self.sent, self.may_go);
        let noun = kind.trim_start_matches("Transfer");
        let deleting = self.rig.get(kind, MINE).is_none_or(|object| !object["metadata"]["deletionTimestamp"].is_null());
        if !deleting && sent.iter().any(|call| *call == format!("Delete{noun}")) {
            self.wrong(when, &format!("it was deleted and nobody asked for that: {sent:?}"));
        }
        let count = ours(&self.rig, self.kind);
        if count > self.at_most {
            self.wrong(when, &format!("AWS has {count} of it: {sent:?}"));
        }
        if others(&self.rig, self.may_go) != self.before {
            self.wrong(when, &format!("something that is not ours changed: {sent:?}"));
        }
    }

    /// Honest again it is Ready, and there.
    fn converged(&mut self, when: &str) {
        let says = self.rig.says(self.kind.name(), MINE, "Ready").map(|(_, reason)| reason);
        let count = ours(&self.rig, self.kind);
        if says.as_deref() != Some("Available") || count == 0 {
            let message = self.rig.message(self.kind.name(), MINE);
            self.wrong(when, &format!("says {says:?} with {count} in AWS: {message}"));
        }
    }

    /// Deleted with an honest status it is gone, in AWS too.
    async fn ends(&mut self, when: &str) {
        let kind = self.kind.name();
        if self.rig.get(kind, MINE).is_some() {
            self.rig.delete(kind, MINE);
            self.run(when).await;
        }
        let (there, count) = (self.rig.get(kind, MINE).is_some(), ours(&self.rig, self.kind));
        if there || count > 0 {
            self.wrong(when, &format!("deleted, its object is there: {there}, and AWS has {count}"));
        }
    }
}

/// Ready, forged, edited; then honest again.
async fn while_ready(kind: ManagedKind, set: &[Row]) -> Vec<String> {
    let rig = ready(kind).await;
    let honest = rig.status(kind.name(), MINE);
    let mut life = Life::of(rig, kind, set);
    life.forge();
    life.run("forged while Ready").await;
    edit(&life.rig, kind);
    life.forge();
    life.run("forged while Ready and edited").await;
    life.honest(&honest);
    life.run("honest again").await;
    life.converged("honest again");
    life.ends("honest and deleted").await;
    life.wrong
}

/// Forged before anything was made; then honest again. `made` is the status of one that was made.
async fn before_it_is_made(kind: ManagedKind, set: &[Row], made: &Value) -> Vec<String> {
    let rig = around(kind).await;
    put_mine(&rig, kind);
    let mut life = Life::of(rig, kind, set);
    life.forge();
    life.run("forged before it was made").await;
    let exists = ours(&life.rig, kind) > 0;
    life.honest(if exists { made } else { &Value::Null });
    life.run("honest again, and made").await;
    life.converged("honest again, and made");
    life.ends("made and deleted").await;
    life.wrong
}

/// Forged while its deletion is under way, which AWS refused once; then honest again, if it is still there.
async fn while_it_goes(kind: ManagedKind, set: &[Row]) -> Vec<String> {
    let rig = ready(kind).await;
    let honest = rig.status(kind.name(), MINE);
    let mut life = Life::of(rig, kind, set);
    let delete = match kind {
        TransferServer => "DeleteServer",
        TransferUser => "DeleteUser",
        TransferAccess => "DeleteAccess",
        TransferWorkflow => "DeleteWorkflow",
        TransferProfile => "DeleteProfile",
        TransferConnector => "DeleteConnector",
        TransferAgreement => "DeleteAgreement",
        TransferCertificate => "DeleteCertificate",
        TransferWebApp => "DeleteWebApp",
    };
    life.rig.cloud.lose(delete, Lose::Call(AwsErrorKind::Throttled));
    life.rig.delete(kind.name(), MINE);
    life.rig.reconcile(kind.name(), MINE).await;
    assert_eq!(ours(&life.rig, kind), 1, "the deletion did not get through yet");
    life.forge();
    life.run("forged while it goes").await;
    if life.rig.get(kind.name(), MINE).is_some() {
        life.honest(&honest);
        life.run("honest again while it goes").await;
        life.ends("honest again while it goes").await;
    }
    life.wrong
}

async fn no_forgeries_together(kind: ManagedKind) {
    let rows = rows(kind, UID);
    let made = ready(kind).await.status(kind.name(), MINE);
    let mut wrong = Vec::new();
    for set in sets(&rows) {
        let set: Vec<Row> = set.into_iter().map(|row| rows[row].clone()).collect();
        wrong.extend(while_ready(kind, &set).await);
        wrong.extend(before_it_is_made(kind, &set, &made).await);
        wrong.extend(while_it_goes(kind, &set).await);
    }
    assert!(wrong.is_empty(), "{}: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_server_touch_what_is_its_own_only() {
    no_forgeries_together(TransferServer).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_user_touch_what_is_its_own_only() {
    no_forgeries_together(TransferUser).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_an_access_touch_no_more_than_one() {
    no_forgeries_together(TransferAccess).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_workflow_touch_what_is_its_own_only() {
    no_forgeries_together(TransferWorkflow).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_profile_touch_what_is_its_own_only() {
    no_forgeries_together(TransferProfile).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_connector_touch_what_is_its_own_only() {
    no_forgeries_together(TransferConnector).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_an_agreement_touch_what_is_its_own_only() {
    no_forgeries_together(TransferAgreement).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_certificate_touch_what_is_its_own_only() {
    no_forgeries_together(TransferCertificate).await;
}

#[tokio::test(start_paused = true)]
async fn forgeries_together_in_a_web_app_touch_what_is_its_own_only() {
    no_forgeries_together(TransferWebApp).await;
}

/// Else a pair could be left out, and nobody would see it.
#[test]
fn each_two_forgeries_of_different_fields_stand_together() {
    for kind in ManagedKind::ALL {
        let rows = rows(*kind, UID);
        let sets = sets(&rows);
        assert!(sets.iter().all(|set| set.len() <= TOGETHER && set.is_sorted()), "{}", kind.name());
        for (a, one) in rows.iter().enumerate() {
            for (b, other) in rows.iter().enumerate().skip(a + 1).filter(|(_, other)| other.path != one.path) {
                let seen = |set: &&Vec<usize>| {
                    let stops = set.iter().any(|row| ![a, b].contains(row) && rows[*row].stops());
                    set.contains(&a) && set.contains(&b) && (!stops || one.stops() || other.stops())
                };
                assert!(sets.iter().any(|set| seen(&set)), "{}: {} and {}", kind.name(), one.path, other.path);
            }
        }
    }
}
