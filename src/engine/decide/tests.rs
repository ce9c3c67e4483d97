//! The state table, row by row: each row says what it proves.
#![allow(clippy::unnecessary_wraps)]
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::engine::consistency::Candidate;

pub(super) const LAG: i64 = 120;
pub(super) const TOLERANCE: i64 = 900;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A case, as owned data; by default a new server object that may be created.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub identity: Identity,
    pub deleting: bool,
    pub finalizer: bool,
    pub observe_only: bool,
    pub report_only: bool,
    pub suspended: bool,
    pub mass: bool,
    pub retain: bool,
    pub protected: bool,
    pub recreate: bool,
    pub adoption: Option<(&'static str, bool)>,
    pub differs: bool,
    pub may_create: bool,
    pub confirmed: bool,
    pub id: Option<&'static str>,
    pub parent_replaced: bool,
    pub placeless: bool,
    pub denied: bool,
    pub unproven: bool,
    pub edited: bool,
    pub believed: bool,
    pub held_create: Option<&'static str>,
    pub made: Option<i64>,
    pub sent: bool,
    pub contradicted: bool,
    pub record: Option<RecordedCreate>,
    pub sight: ObservedState,
    pub lookup: Option<TagMatches>,
    pub observations: ConsistencyCounter,
    pub replied: Option<i64>,
    pub deleted: BTreeMap<String, i64>,
    pub replacement: Option<Replaced>,
    pub creates_stopped_at: Option<i64>,
    pub operation: bool,
    pub quiet_since: Option<i64>,
    pub now: i64,
}

/// What is known of a replacement, as owned data.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    pub due: bool,
    pub unfit: bool,
    pub said: Option<Old>,
    pub record: Option<Replacing>,
    pub old: ObservedState,
}

/// As servers, users and accesses are called.
fn words(identity: Identity) -> Words {
    let (noun, parent, taken) = match identity {
        Identity::Tagged => ("server", "", ""),
        Identity::Keyed => ("user", "server", "a user of this name"),
        Identity::Recorded => ("access", "server", "an access for this group"),
    };
    Words { noun, parent, taken, anew: "another host name" }
}

pub(super) fn case(identity: Identity) -> Case {
    Case {
        identity,
        deleting: false,
        finalizer: false,
        observe_only: false,
        report_only: false,
        suspended: false,
        mass: false,
        retain: false,
        protected: false,
        recreate: false,
        adoption: None,
        differs: false,
        may_create: true,
        confirmed: false,
        id: None,
        parent_replaced: false,
        placeless: false,
        denied: false,
        unproven: false,
        edited: false,
        believed: false,
        held_create: None,
        made: None,
        sent: false,
        contradicted: false,
        record: None,
        sight: ObservedState::NotLooked,
        lookup: None,
        observations: ConsistencyCounter::default(),
        replied: None,
        deleted: BTreeMap::new(),
        replacement: None,
        creates_stopped_at: None,
        operation: false,
        quiet_since: None,
        now: 5000,
    }
}

impl Case {
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The step once everything was read, and nothing stands in the way of a deletion.
    pub fn step(&self) -> Action {
        match self.asked(Reads::Described, None) {
            Action::AskBlockers(id) => {
                let free = BeforeDelete { id, blocker: None, held: None, untag_held: None };
                self.asked(Reads::Described, Some(&free))
            }
            step => step,
        }
    }

    /// The step after these reads, with this known of the deletion that is due.
    pub fn asked(&self, reads: Reads, before_delete: Option<&BeforeDelete>) -> Action {
        self.decided(reads, before_delete, None, None)
    }

    /// The step once everything was read and compared.
    pub fn updating(&self, update: &UpdateFacts) -> Action {
        self.decided(Reads::Described, None, Some(update), None)
    }

    /// The step once everything was read, with this known of the one call that takes over what is there.
    pub fn taking_over(&self, call: &UpdateFacts) -> Action {
        self.decided(Reads::Described, None, None, Some(call))
    }

    fn decided(
        &self,
        reads: Reads,
        before_delete: Option<&BeforeDelete>,
        update: Option<&UpdateFacts>,
        take_over: Option<&UpdateFacts>,
    ) -> Action {
        let why = |what: &'static str| Reason::stalled("Because", what);
        let (placeless, denied, unproven) = (why("placeless"), why("denied"), why("unproven"));
        let mass = why("mass");
        let deleted = self.deleted.iter().map(|(id, second)| (id.clone(), at(*second))).collect();
        decide(&Facts {
            words: words(self.identity),
            identity: self.identity,
            uid: "u",
            deleting: self.deleting,
            finalizer: self.finalizer,
            observe_only: self.observe_only,
            report_only: self.report_only,
            suspended: self.suspended,
            mass: Some(&mass).filter(|_| self.mass),
            retain: self.retain,
            protected: self.protected,
            recreate: self.recreate,
            adoption: self.adoption.map(|(id, only_identical)| Adoption { id, only_identical }),
            differs: self.differs,
            may_create: self.may_create,
            confirmed: self.confirmed,
            id: self.id,
            parent_replaced: self.parent_replaced,
            placeless: Some(&placeless).filter(|_| self.placeless),
            denied: Some(&denied).filter(|_| self.denied),
            unproven: Some(&unproven).filter(|_| self.unproven),
            reads,
            edited: self.edited,
            believed: self.believed,
            record: self.record.as_ref(),
            sight: &self.sight,
            lookup: self.lookup.as_ref(),
            observations: &self.observations,
            replied: self.replied.map(at),
            deleted: &deleted,
            replacement: self.replacement.as_ref().map(|Replaced { due, unfit, said, record, old }| Replacement {
                due: *due,
                unfit: *unfit,
                said: *said,
                record: record.as_ref(),
                old,
            }),
            creates_stopped_at: self.creates_stopped_at.map(at),
            operation: self.operation,
            quiet_since: self.quiet_since.map(at),
            create: CreateFacts {
                held: self.held_create,
                made: self.made.map(at),
                sent: self.sent,
                contradicted: self.contradicted,
            },
            before_delete,
            update,
            take_over,
            now: at(self.now),
            windows: Windows::new(SignedDuration::from_secs(TOLERANCE), SignedDuration::from_secs(LAG)),
        })
    }
}

pub(super) fn record(phase: CreatePhase, attempt: Option<&str>) -> Option<RecordedCreate> {
    Some(RecordedCreate {
        uid: "u".into(),
        phase,
        attempt: attempt.map(str::to_owned),
        started_at: at(0),
        retired_ids: Vec::new(),
    })
}

pub(super) fn ours(ids: &[(&str, &str)]) -> Option<TagMatches> {
    let ours = ids.iter().map(|(id, attempt)| Candidate { id: (*id).into(), attempt: Some((*attempt).into()) });
    Some(TagMatches { ours: ours.collect(), ..TagMatches::default() })
}

pub(super) fn seen(observation: Observation, seconds: &[i64]) -> ConsistencyCounter {
    let mut seen = ConsistencyCounter::default();
    for second in seconds {
        seen.count(observation, at(*second));
    }
    seen
}

pub(super) fn reason(step: &Action) -> &'static str {
    match step {
        Action::Stall { reason, .. } | Action::Wait { reason, .. } => reason.code,
        other => panic!("neither stalled nor waiting: {other:?}"),
    }
}

pub(super) fn server() -> Case {
    case(Identity::Tagged)
}

/// A server object with record and finalizer, before its create.
pub(super) fn prepared() -> Case {
    server().with(|c| {
        c.finalizer = true;
        c.record = record(CreatePhase::None, None);
    })
}

/// A server object whose create was recorded and not confirmed.
pub(super) fn in_flight() -> Case {
    prepared().with(|c| c.record = record(CreatePhase::InFlight, Some("a1")))
}

/// A server object whose server is known.
pub(super) fn known(sight: ObservedState) -> Case {
    prepared().with(|c| {
        c.confirmed = true;
        c.id = Some("s-1");
        c.record = record(CreatePhase::None, Some("a1"));
        c.sight = sight;
    })
}

#[test]
fn a_server_is_created_in_these_steps() {
    let rows = [
        (server(), Action::WriteCreateRecord(CreatePhase::None), "first the record"),
        (server().with(|c| c.may_create = false), Action::NotReady, "nothing is written before a create is due"),
        (server().with(|c| c.suspended = true), Action::NotReady, "nor while suspended"),
        (
            prepared().with(|c| c.finalizer = false),
            Action::AddFinalizer,
            "then the finalizer, also where it was stripped",
        ),
        (prepared(), Action::FindByTags, "then the look-up"),
        (prepared().with(|c| c.lookup = ours(&[])), Action::Create, "nothing found: create"),
        (prepared().with(|c| c.lookup = ours(&[("s-1", "x")])), Action::RecordId("s-1".into()), "found: claim"),
        (prepared().with(|c| c.may_create = false), Action::NotReady, "a block holds the create"),
        (known(ObservedState::Found(Ownership::Ours)), Action::Compare, "there and ours: compare"),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
}

#[test]
fn a_lost_create_is_sought_over_the_whole_window_before_another() {
    let end = TOLERANCE + LAG;
    let nothing = in_flight().with(|c| c.lookup = ours(&[]));
    let rows: [(&[i64], Option<i64>, bool, &str); 7] = [
        (&[1], None, false, "one empty listing proves nothing"),
        (&[1, 2, end - 1], None, false, "the last one must begin after the window"),
        (&[1, end], None, false, "two are not three"),
        (&[1, 2, end], None, true, "three, the last after the end"),
        (&[1, 2, LAG + 1], Some(1), true, "AWS's own answer shortens the window to the lag"),
        (&[1, 2, LAG + 1], Some(2), false, "which counts from the answer: the call may have been sent late"),
        (&[1, 2, LAG], None, false, "without it the lag is not enough"),
    ];
    for (listings, replied, over, reason) in rows {
        let case = nothing.clone().with(|c| {
            c.observations = seen(Observation::NoTrace, listings);
            c.replied = replied;
        });
        let given_up = case.step() == Action::WriteCreateRecord(CreatePhase::None);
        assert_eq!(given_up, over, "{reason}");
    }
    assert_eq!(in_flight().step(), Action::FindByTags);
    let found = in_flight().with(|c| c.lookup = ours(&[("s-1", "a1")]));
    assert_eq!(found.step(), Action::RecordId("s-1".into()), "positive evidence ends the wait at once");
    let suspended = found.with(|c| c.suspended = true);
    assert_eq!(suspended.step(), Action::RecordId("s-1".into()), "suspend does not stop a recovery");
}

#[test]
fn a_wiped_or_foreign_record_means_that_a_create_may_be_under_way() {
    let wiped = server().with(|c| c.finalizer = true);
    assert_eq!(wiped.step(), Action::WriteCreateRecord(CreatePhase::InFlight));
    let foreign = prepared().with(|c| c.record.as_mut().unwrap().uid = "other".into());
    assert_eq!(foreign.step(), Action::WriteCreateRecord(CreatePhase::InFlight));
    let forged = server().with(|c| c.confirmed = true);
    assert_eq!(forged.step(), Action::WriteCreateRecord(CreatePhase::None), "an id without a record is nobody's");
}

#[test]
fn two_servers_of_one_object_are_told_apart_by_the_attempt_or_by_a_person() {
    let two = in_flight().with(|c| c.lookup = ours(&[("s-1", "a0"), ("s-2", "a1")]));
    assert_eq!(two.step(), Action::RecordId("s-2".into()));
    let neither = in_flight().with(|c| c.lookup = ours(&[("s-1", "x"), ("s-2", "y")]));
    assert_eq!(reason(&neither.step()), reasons::AMBIGUOUS);
}

#[test]
fn only_our_tags_make_a_known_server_ours() {
    let retired_ids = |ownership: Ownership| known(ObservedState::Found(ownership)).with(|c| c.lookup = ours(&[]));
    assert_eq!(known(ObservedState::Found(Ownership::Foreign("x".into()))).step(), Action::FindByTags);
    assert_eq!(reason(&retired_ids(Ownership::Foreign("x".into())).step()), reasons::OWNERSHIP_LOST);
    assert_eq!(reason(&retired_ids(Ownership::Former).step()), reasons::FORMER_OWNER);
    assert_eq!(reason(&retired_ids(Ownership::OtherCluster).step()), reasons::OTHER_CLUSTER);
    let untagged = retired_ids(Ownership::Untagged);
    assert!(matches!(untagged.step(), Action::Wait { .. }), "tags may be read late");
    let believed = untagged.with(|c| c.observations = seen(Observation::Untagged, &[0, 60, LAG]));
    assert_eq!(reason(&believed.step()), reasons::OWNERSHIP_LOST);
    let elsewhere =
        known(ObservedState::Found(Ownership::Foreign("x".into()))).with(|c| c.lookup = ours(&[("s-9", "a1")]));
    assert_eq!(elsewhere.step(), Action::RecordId("s-9".into()), "a forged id does not hide the real one");
}

#[test]
fn who_may_not_touch_what_was_its_own_is_told_of_adoption() {
    for sight in [Ownership::Former, Ownership::UidLost, Ownership::Untagged, Ownership::Foreign("x".into())] {
        let lost = known(ObservedState::Found(sight)).with(|c| {
            c.lookup = ours(&[]);
            c.observations = seen(Observation::Untagged, &[0, 60, LAG]);
        });
        let Action::Stall { reason, .. } = lost.step() else { panic!("{:?}", lost.step()) };
        assert!(reason.message.contains("spec.lifecycle.adoption"), "{}", reason.message);
    }
}

#[test]
fn a_known_server_that_is_missing_is_gone_only_when_seen_so_over_the_lag() {
    let missing = known(ObservedState::Missing).with(|c| c.lookup = ours(&[]));
    assert!(matches!(missing.step(), Action::Wait { .. }));
    let gone = missing.with(|c| c.observations = seen(Observation::Missing, &[0, 60, LAG]));
    assert_eq!(reason(&gone.step()), reasons::SERVER_GONE);
}

#[test]
fn a_server_of_a_former_object_is_waited_out_then_left_to_a_person() {
    let former = prepared().with(|c| {
        c.lookup = Some(TagMatches { former: vec!["s-0".into()], ..TagMatches::default() });
    });
    assert!(matches!(former.step(), Action::Wait { .. }));
    let believed = former.with(|c| c.observations = seen(Observation::Former, &[0, 60, LAG]));
    assert_eq!(reason(&believed.step()), reasons::FORMER_OWNER);
    let copy = prepared().with(|c| {
        c.lookup = Some(TagMatches { other_cluster: vec!["s-0".into()], ..TagMatches::default() });
    });
    assert_eq!(reason(&copy.step()), reasons::OTHER_CLUSTER);
}

#[test]
fn a_user_is_created_without_a_read_and_its_finalizer_is_the_record() {
    let user = || case(Identity::Keyed);
    let done = || {
        user().with(|c| {
            c.finalizer = true;
            c.confirmed = true;
            c.record = record(CreatePhase::None, None);
        })
    };
    let rows = [
        (user(), Action::AddFinalizer, "the finalizer right before the create"),
        (user().with(|c| c.may_create = false), Action::NotReady, "and not earlier"),
        (user().with(|c| c.finalizer = true), Action::Create, "then the create"),
        (
            user().with(|c| {
                c.finalizer = true;
                c.record = record(CreatePhase::Rejected, Some("a1"));
            }),
            Action::WriteCreateRecord(CreatePhase::InFlight),
            "a refusal is replaced by InFlight before the next create",
        ),
        (
            user().with(|c| {
                c.finalizer = true;
                c.record = record(CreatePhase::InFlight, None);
            }),
            Action::Create,
            "which then goes out",
        ),
        (done().with(|c| c.sight = ObservedState::Found(Ownership::Ours)), Action::Compare, "ours: compare"),
        (
            done().with(|c| c.sight = ObservedState::Missing),
            Action::WriteCreateRecord(CreatePhase::InFlight),
            "lost: recorded before it is created again",
        ),
        (
            done().with(|c| {
                c.sight = ObservedState::Found(Ownership::Ours);
                c.finalizer = false;
            }),
            Action::AddFinalizer,
            "a stripped finalizer comes back",
        ),
        (done().with(|c| c.sight = ObservedState::ParentMissing), Action::NotReady, "its server is not there"),
        (
            done().with(|c| {
                c.sight = ObservedState::Missing;
                c.suspended = true;
            }),
            Action::NotReady,
            "suspended: nothing is created",
        ),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
}

#[test]
fn a_user_name_that_is_somebody_elses_is_not_touched() {
    let taken = |ownership: Ownership, confirmed: bool| {
        case(Identity::Keyed).with(|c| {
            c.finalizer = true;
            c.confirmed = confirmed;
            c.sight = ObservedState::Found(ownership);
        })
    };
    assert_eq!(reason(&taken(Ownership::Foreign("x".into()), false).step()), reasons::CONFLICT);
    assert_eq!(reason(&taken(Ownership::Untagged, false).step()), reasons::CONFLICT);
    assert_eq!(reason(&taken(Ownership::Foreign("x".into()), true).step()), reasons::OWNERSHIP_LOST);
    assert_eq!(reason(&taken(Ownership::OtherCluster, true).step()), reasons::OTHER_CLUSTER);
    let dying = taken(Ownership::Former, false);
    assert!(matches!(dying.step(), Action::Wait { .. }), "a dying namesake is waited for");
    let alive = dying.with(|c| c.observations = seen(Observation::Former, &[0, 60, LAG]));
    assert_eq!(reason(&alive.step()), reasons::CONFLICT);
}

#[test]
fn only_our_own_record_proves_that_an_access_is_ours() {
    let access = |sight: ObservedState| {
        case(Identity::Recorded).with(|c| {
            c.finalizer = true;
            c.sight = sight;
        })
    };
    let there = || access(ObservedState::Found(Ownership::Untagged));
    assert_eq!(reason(&there().step()), reasons::CONFLICT, "there before us");
    assert_eq!(there().with(|c| c.record = record(CreatePhase::InFlight, Some("a1"))).step(), Action::Compare);
    assert_eq!(there().with(|c| c.record = record(CreatePhase::None, Some("a1"))).step(), Action::Compare);
    let refused = there().with(|c| c.record = record(CreatePhase::Rejected, Some("a1")));
    assert_eq!(reason(&refused.step()), reasons::CONFLICT, "a refused create made nothing");
    let unsent = there().with(|c| c.record = record(CreatePhase::None, None));
    assert_eq!(reason(&unsent.step()), reasons::CONFLICT, "a record without an attempt proves nothing");
    assert_eq!(access(ObservedState::Missing).step(), Action::Create);
    assert_eq!(access(ObservedState::Missing).with(|c| c.finalizer = false).step(), Action::AddFinalizer);
}

#[test]
fn a_lost_server_is_let_go_where_the_spec_says_so_and_never_taken_again() {
    let gone = known(ObservedState::Missing).with(|c| {
        c.lookup = ours(&[]);
        c.observations = seen(Observation::Missing, &[0, 60, LAG]);
        c.recreate = true;
    });
    assert_eq!(gone.step(), Action::UnlinkGone("s-1".into()));
    for (held, reason) in [
        (gone.clone().with(|c| c.recreate = false), "Manual"),
        (gone.clone().with(|c| c.suspended = true), "suspended"),
        (gone.clone().with(|c| c.may_create = false), "blocked"),
    ] {
        assert_eq!(super::tests::reason(&held.step()), reasons::SERVER_GONE, "{reason}");
    }
    let early = gone.with(|c| c.observations = seen(Observation::Missing, &[0, 60]));
    assert!(matches!(early.step(), Action::Wait { .. }), "not before it is believed");
    let afresh = prepared().with(|c| {
        c.record.as_mut().unwrap().retired_ids = vec!["s-1".into()];
        c.lookup = ours(&[("s-1", "a1")]);
    });
    assert_eq!(afresh.step(), Action::Create, "what comes back later is not taken for the server");
    let leaving = afresh.with(|c| c.deleting = true);
    assert_eq!(leaving.step(), Action::Delete(vec!["s-1".into()]), "but goes with the object");
}

#[test]
fn users_follow_a_server_that_was_made_anew() {
    for (identity, expected) in [(Identity::Keyed, "user"), (Identity::Recorded, "access")] {
        let parent_replaced = case(identity).with(|c| {
            c.finalizer = true;
            c.confirmed = true;
            c.record = record(CreatePhase::None, Some("a1"));
            c.sight = ObservedState::Missing;
            c.parent_replaced = true;
        });
        assert_eq!(parent_replaced.step(), Action::UnlinkGone(String::new()), "{expected}");
        assert_eq!(parent_replaced.clone().with(|c| c.suspended = true).step(), Action::NotReady, "{expected}");
        assert_eq!(parent_replaced.clone().with(|c| c.finalizer = false).step(), Action::AddFinalizer, "{expected}");
        let there = parent_replaced.with(|c| c.sight = ObservedState::Found(Ownership::Untagged));
        assert_eq!(
            there.step(),
            Action::UnlinkGone(String::new()),
            "{expected}: a record for another server proves nothing"
        );
    }
}

#[test]
fn what_somebody_deleted_is_only_reported_where_the_spec_says_so() {
    for identity in [Identity::Keyed, Identity::Recorded] {
        let deleted = case(identity).with(|c| {
            c.finalizer = true;
            c.confirmed = true;
            c.report_only = true;
            c.record = record(CreatePhase::None, Some("a1"));
            c.sight = ObservedState::Missing;
        });
        assert_eq!(deleted.step(), Action::ReportDrift);
        assert_ne!(deleted.with(|c| c.report_only = false).step(), Action::ReportDrift, "an edit creates it anew");
    }
}

#[test]
fn observing_never_leads_to_a_mutation() {
    for identity in [Identity::Tagged, Identity::Keyed, Identity::Recorded] {
        let only = case(identity).with(|c| {
            c.observe_only = true;
            c.sight = ObservedState::Found(Ownership::Ours);
        });
        assert_eq!(only.step(), Action::ReportDrift);
        let held = only.with(|c| {
            c.finalizer = true;
            c.record = record(CreatePhase::None, None);
        });
        assert_eq!(held.step(), Action::RemoveFinalizer(None), "an object that only observes holds nothing");
    }
    let recovering = in_flight().with(|c| c.observe_only = true);
    assert_eq!(recovering.step(), Action::FindByTags, "a recovery under way is finished first");
    let wiped = server().with(|c| (c.observe_only, c.finalizer) = (true, true));
    assert_eq!(
        wiped.step(),
        Action::WriteCreateRecord(CreatePhase::InFlight),
        "what a wiped status knew may be under way"
    );
    let user = case(Identity::Keyed).with(|c| {
        (c.observe_only, c.finalizer, c.sight) = (true, true, ObservedState::Missing);
        c.creates_stopped_at = Some(4000);
    });
    assert!(matches!(user.step(), Action::Wait { .. }), "its create may arrive");
    assert_eq!(user.with(|c| c.now = 4000 + TOLERANCE + LAG).step(), Action::RemoveFinalizer(None));
}

#[test]
fn a_time_in_a_message_is_whole_and_never_too_early() {
    for (at, told) in [
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        ("2030-01-01T00:00:00.000000001Z", "2030-01-01T00:00:01Z"),
        ("2030-01-01T00:00:59.999Z", "2030-01-01T00:01:00Z"),
    ] {
        assert_eq!(whole(at.parse().unwrap()).to_string(), told);
    }
}
