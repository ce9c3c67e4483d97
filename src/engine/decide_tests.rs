//! The state table, row by row: each row says what it proves.
#![allow(clippy::unnecessary_wraps)]
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::engine::evidence::Candidate;

const LAG: i64 = 120;
const TOLERANCE: i64 = 900;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A case, as owned data; by default a new server object that may be created.
#[derive(Clone)]
struct Case {
    identified: Identified,
    deleting: bool,
    finalizer: bool,
    observe_only: bool,
    suspended: bool,
    retain: bool,
    protected: bool,
    may_create: bool,
    confirmed: bool,
    record: Option<Record>,
    sight: Sight,
    lookup: Option<Lookup>,
    sightings: Sightings,
    id: Option<&'static str>,
    replied: Option<i64>,
    deleted: BTreeSet<String>,
    now: i64,
}

fn case(identified: Identified) -> Case {
    Case {
        identified,
        deleting: false,
        finalizer: false,
        observe_only: false,
        suspended: false,
        retain: false,
        protected: false,
        may_create: true,
        confirmed: false,
        record: None,
        sight: Sight::NotLooked,
        lookup: None,
        sightings: Sightings::default(),
        id: None,
        replied: None,
        deleted: BTreeSet::new(),
        now: 5000,
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn step(&self) -> Step {
        decide(&Facts {
            identified: self.identified,
            uid: "u",
            deleting: self.deleting,
            finalizer: self.finalizer,
            observe_only: self.observe_only,
            suspended: self.suspended,
            retain: self.retain,
            protected: self.protected,
            may_create: self.may_create,
            confirmed: self.confirmed,
            record: self.record.as_ref(),
            sight: &self.sight,
            lookup: self.lookup.as_ref(),
            sightings: &self.sightings,
            id: self.id,
            replied: self.replied.map(at),
            deleted: &self.deleted,
            now: at(self.now),
            windows: Windows { tolerance: SignedDuration::from_secs(TOLERANCE), lag: SignedDuration::from_secs(LAG) },
        })
    }
}

fn record(phase: CreatePhase, attempt: Option<&str>) -> Option<Record> {
    Some(Record { uid: "u".into(), phase, attempt: attempt.map(str::to_owned), started_at: at(0) })
}

fn ours(ids: &[(&str, &str)]) -> Option<Lookup> {
    let ours = ids.iter().map(|(id, attempt)| Candidate { id: (*id).into(), attempt: Some((*attempt).into()) });
    Some(Lookup { ours: ours.collect(), ..Lookup::default() })
}

fn seen(sighting: Sighting, seconds: &[i64]) -> Sightings {
    let mut seen = Sightings::default();
    for second in seconds {
        seen.count(sighting, at(*second));
    }
    seen
}

fn reason(step: &Step) -> &'static str {
    match step {
        Step::Stall { reason, .. } | Step::Wait { reason, .. } => reason,
        other => panic!("neither stalled nor waiting: {other:?}"),
    }
}

fn server() -> Case {
    case(Identified::ByTags)
}

/// A server object with record and finalizer, before its create.
fn prepared() -> Case {
    server().with(|c| {
        c.finalizer = true;
        c.record = record(CreatePhase::None, None);
    })
}

/// A server object whose create was recorded and not confirmed.
fn in_flight() -> Case {
    prepared().with(|c| c.record = record(CreatePhase::InFlight, Some("a1")))
}

/// A server object whose server is known.
fn known(sight: Sight) -> Case {
    prepared().with(|c| {
        c.confirmed = true;
        c.record = record(CreatePhase::None, Some("a1"));
        c.sight = sight;
    })
}

#[test]
fn a_server_is_created_in_these_steps() {
    let rows = [
        (server(), Step::Record(CreatePhase::None), "first the record"),
        (server().with(|c| c.may_create = false), Step::Hold, "nothing is written before a create is due"),
        (server().with(|c| c.suspended = true), Step::Hold, "nor while suspended"),
        (prepared().with(|c| c.finalizer = false), Step::Finalize, "then the finalizer, also where it was stripped"),
        (prepared(), Step::LookUp, "then the look-up"),
        (prepared().with(|c| c.lookup = ours(&[])), Step::Create, "nothing found: create"),
        (prepared().with(|c| c.lookup = ours(&[("s-1", "x")])), Step::Claim("s-1".into()), "found: claim"),
        (prepared().with(|c| c.may_create = false), Step::Hold, "a block holds the create"),
        (known(Sight::Found(Ownership::Ours)), Step::Apply, "there and ours: compare"),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
}

#[test]
fn a_lost_answer_is_searched_for_over_the_whole_window_and_never_created_again_before() {
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
            c.sightings = seen(Sighting::NoTrace, listings);
            c.replied = replied;
        });
        let given_up = case.step() == Step::Record(CreatePhase::None);
        assert_eq!(given_up, over, "{reason}");
    }
    assert_eq!(in_flight().step(), Step::LookUp);
    let found = in_flight().with(|c| c.lookup = ours(&[("s-1", "a1")]));
    assert_eq!(found.step(), Step::Claim("s-1".into()), "positive evidence ends the wait at once");
    let suspended = found.with(|c| c.suspended = true);
    assert_eq!(suspended.step(), Step::Claim("s-1".into()), "suspend does not stop a recovery");
}

#[test]
fn a_wiped_or_foreign_record_means_that_a_create_may_be_under_way() {
    let wiped = server().with(|c| c.finalizer = true);
    assert_eq!(wiped.step(), Step::Record(CreatePhase::InFlight));
    let foreign = prepared().with(|c| c.record.as_mut().unwrap().uid = "other".into());
    assert_eq!(foreign.step(), Step::Record(CreatePhase::InFlight));
    let forged = server().with(|c| c.confirmed = true);
    assert_eq!(forged.step(), Step::Record(CreatePhase::None), "an id without a record is nobody's");
}

#[test]
fn two_servers_of_one_object_are_told_apart_by_the_attempt_or_by_a_person() {
    let two = in_flight().with(|c| c.lookup = ours(&[("s-1", "a0"), ("s-2", "a1")]));
    assert_eq!(two.step(), Step::Claim("s-2".into()));
    let neither = in_flight().with(|c| c.lookup = ours(&[("s-1", "x"), ("s-2", "y")]));
    assert_eq!(reason(&neither.step()), reasons::AMBIGUOUS);
}

#[test]
fn only_our_tags_make_a_known_server_ours() {
    let lost = |ownership: Ownership| known(Sight::Found(ownership)).with(|c| c.lookup = ours(&[]));
    assert_eq!(known(Sight::Found(Ownership::Foreign("x".into()))).step(), Step::LookUp);
    assert_eq!(reason(&lost(Ownership::Foreign("x".into())).step()), reasons::OWNERSHIP_LOST);
    assert_eq!(reason(&lost(Ownership::Former).step()), reasons::OWNERSHIP_LOST);
    assert_eq!(reason(&lost(Ownership::OtherCluster).step()), reasons::OTHER_CLUSTER);
    let untagged = lost(Ownership::Untagged);
    assert!(matches!(untagged.step(), Step::Wait { .. }), "tags may be read late");
    let believed = untagged.with(|c| c.sightings = seen(Sighting::Untagged, &[0, 60, LAG]));
    assert_eq!(reason(&believed.step()), reasons::OWNERSHIP_LOST);
    let elsewhere = known(Sight::Found(Ownership::Foreign("x".into()))).with(|c| c.lookup = ours(&[("s-9", "a1")]));
    assert_eq!(elsewhere.step(), Step::Claim("s-9".into()), "a forged id does not hide the real one");
}

#[test]
fn a_known_server_that_is_missing_is_gone_only_when_seen_so_over_the_lag() {
    let missing = known(Sight::Missing).with(|c| c.lookup = ours(&[]));
    assert!(matches!(missing.step(), Step::Wait { .. }));
    let gone = missing.with(|c| c.sightings = seen(Sighting::Missing, &[0, 60, LAG]));
    assert_eq!(reason(&gone.step()), reasons::SERVER_GONE);
}

#[test]
fn a_server_of_a_former_object_is_waited_out_then_left_to_a_person() {
    let former = prepared().with(|c| {
        c.lookup = Some(Lookup { former: vec!["s-0".into()], ..Lookup::default() });
    });
    assert!(matches!(former.step(), Step::Wait { .. }));
    let believed = former.with(|c| c.sightings = seen(Sighting::Former, &[0, 60, LAG]));
    assert_eq!(reason(&believed.step()), reasons::FORMER_OWNER);
    let copy = prepared().with(|c| {
        c.lookup = Some(Lookup { other_cluster: vec!["s-0".into()], ..Lookup::default() });
    });
    assert_eq!(reason(&copy.step()), reasons::OTHER_CLUSTER);
}

#[test]
fn a_user_is_created_without_a_read_and_its_finalizer_is_the_record() {
    let user = || case(Identified::ByKey);
    let done = || {
        user().with(|c| {
            c.finalizer = true;
            c.confirmed = true;
            c.record = record(CreatePhase::None, None);
        })
    };
    let rows = [
        (user(), Step::Finalize, "the finalizer right before the create"),
        (user().with(|c| c.may_create = false), Step::Hold, "and not earlier"),
        (user().with(|c| c.finalizer = true), Step::Create, "then the create"),
        (
            user().with(|c| {
                c.finalizer = true;
                c.record = record(CreatePhase::Rejected, Some("a1"));
            }),
            Step::Record(CreatePhase::InFlight),
            "a refusal is replaced by InFlight before the next create",
        ),
        (
            user().with(|c| {
                c.finalizer = true;
                c.record = record(CreatePhase::InFlight, None);
            }),
            Step::Create,
            "which then goes out",
        ),
        (done().with(|c| c.sight = Sight::Found(Ownership::Ours)), Step::Apply, "ours: compare"),
        (
            done().with(|c| c.sight = Sight::Missing),
            Step::Record(CreatePhase::InFlight),
            "lost: recorded before it is created again",
        ),
        (
            done().with(|c| {
                c.sight = Sight::Found(Ownership::Ours);
                c.finalizer = false;
            }),
            Step::Finalize,
            "a stripped finalizer comes back",
        ),
        (done().with(|c| c.sight = Sight::ParentMissing), Step::Hold, "its server is not there"),
        (
            done().with(|c| {
                c.sight = Sight::Missing;
                c.suspended = true;
            }),
            Step::Hold,
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
        case(Identified::ByKey).with(|c| {
            c.finalizer = true;
            c.confirmed = confirmed;
            c.sight = Sight::Found(ownership);
        })
    };
    assert_eq!(reason(&taken(Ownership::Foreign("x".into()), false).step()), reasons::CONFLICT);
    assert_eq!(reason(&taken(Ownership::Untagged, false).step()), reasons::CONFLICT);
    assert_eq!(reason(&taken(Ownership::Foreign("x".into()), true).step()), reasons::OWNERSHIP_LOST);
    assert_eq!(reason(&taken(Ownership::OtherCluster, true).step()), reasons::OTHER_CLUSTER);
    let dying = taken(Ownership::Former, false);
    assert!(matches!(dying.step(), Step::Wait { .. }), "a dying namesake is waited for");
    let alive = dying.with(|c| c.sightings = seen(Sighting::Former, &[0, 60, LAG]));
    assert_eq!(reason(&alive.step()), reasons::CONFLICT);
}

#[test]
fn only_our_own_record_proves_that_an_access_is_ours() {
    let access = |sight: Sight| {
        case(Identified::ByRecord).with(|c| {
            c.finalizer = true;
            c.sight = sight;
        })
    };
    let there = || access(Sight::Found(Ownership::Untagged));
    assert_eq!(reason(&there().step()), reasons::CONFLICT, "there before us");
    assert_eq!(there().with(|c| c.record = record(CreatePhase::InFlight, Some("a1"))).step(), Step::Apply);
    assert_eq!(there().with(|c| c.record = record(CreatePhase::None, Some("a1"))).step(), Step::Apply);
    let refused = there().with(|c| c.record = record(CreatePhase::Rejected, Some("a1")));
    assert_eq!(reason(&refused.step()), reasons::CONFLICT, "a refused create made nothing");
    let unsent = there().with(|c| c.record = record(CreatePhase::None, None));
    assert_eq!(reason(&unsent.step()), reasons::CONFLICT, "a record without an attempt proves nothing");
    assert_eq!(access(Sight::Missing).step(), Step::Create);
    assert_eq!(access(Sight::Missing).with(|c| c.finalizer = false).step(), Step::Finalize);
}

#[test]
fn a_server_is_deleted_after_a_look_up_and_only_what_is_ours() {
    let going = |case: Case| case.with(|c| c.deleting = true);
    let there = || going(known(Sight::Found(Ownership::Ours)));
    let rows = [
        (going(server()), Step::Done, "no finalizer: nothing of ours"),
        (there(), Step::LookUp, "always one look-up"),
        (there().with(|c| c.lookup = ours(&[("s-1", "a")])), Step::Delete(vec!["s-1".into()]), "ours goes"),
        (
            there().with(|c| c.lookup = ours(&[("s-1", "a"), ("s-2", "b")])),
            Step::Delete(vec!["s-1".into(), "s-2".into()]),
            "all that are ours go",
        ),
        (
            there().with(|c| {
                c.lookup = ours(&[("s-1", "a")]);
                c.retain = true;
            }),
            Step::Stamp(vec!["s-1".into()]),
            "Retain stamps",
        ),
        (
            there().with(|c| {
                c.lookup = ours(&[]);
                c.id = Some("s-1");
            }),
            Step::Delete(vec!["s-1".into()]),
            "ours as we see ourselves, while the listing lags",
        ),
        (
            going(prepared()).with(|c| c.record = None),
            Step::Record(CreatePhase::InFlight),
            "status was wiped: a create may be under way",
        ),
        (going(prepared()).with(|c| c.lookup = ours(&[])), Step::Release(None), "never created: goes at once"),
        (
            going(known(Sight::Missing)).with(|c| {
                c.lookup = ours(&[]);
                c.id = Some("s-1");
                c.deleted = BTreeSet::from(["s-1".to_owned()]);
            }),
            Step::Release(None),
            "AWS acknowledged the delete and no longer shows it",
        ),
        (
            going(known(Sight::Missing)).with(|c| {
                c.lookup = ours(&[]);
                c.sightings = seen(Sighting::Missing, &[0, 60, LAG]);
            }),
            Step::Release(None),
            "somebody else deleted it: believed after the lag",
        ),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
    let missing = going(known(Sight::Missing)).with(|c| c.lookup = ours(&[]));
    assert!(matches!(missing.step(), Step::Wait { .. }), "one NotFound is not believed");
    let foreign = going(known(Sight::Found(Ownership::Foreign("x".into())))).with(|c| c.lookup = ours(&[]));
    assert!(matches!(foreign.step(), Step::Release(Some(_))), "what is not ours is never deleted");
    let accepted = there().with(|c| {
        c.lookup = ours(&[("s-1", "a")]);
        c.deleted = BTreeSet::from(["s-1".to_owned()]);
    });
    assert!(matches!(accepted.step(), Step::Wait { .. }), "a dying server is not deleted again and again");
    let second = accepted.with(|c| c.lookup = ours(&[("s-1", "a"), ("s-2", "b")]));
    assert_eq!(second.step(), Step::Delete(vec!["s-2".into()]), "the other one goes meanwhile");
}

#[test]
fn a_create_under_way_is_recovered_before_the_finalizer_goes() {
    let going = in_flight().with(|c| {
        c.deleting = true;
        c.lookup = ours(&[]);
    });
    assert_eq!(reason(&going.step()), reasons::RECOVERING);
    let forged = going.clone().with(|c| {
        c.confirmed = true;
        c.sight = Sight::Found(Ownership::Foreign("x".into()));
    });
    assert_eq!(reason(&forged.step()), reasons::RECOVERING, "an id that somebody wrote there ends no recovery");
    let found = going.clone().with(|c| c.lookup = ours(&[("s-1", "a1")]));
    assert_eq!(found.step(), Step::Delete(vec!["s-1".into()]));
    let over = going.with(|c| c.sightings = seen(Sighting::NoTrace, &[0, 1, TOLERANCE + LAG]));
    assert_eq!(over.step(), Step::Release(None));
}

#[test]
fn protection_holds_where_admission_was_bypassed() {
    let protected = known(Sight::Found(Ownership::Ours)).with(|c| {
        c.deleting = true;
        c.protected = true;
        c.lookup = ours(&[("s-1", "a")]);
    });
    assert_eq!(reason(&protected.step()), reasons::DELETION_PROTECTED);
}

#[test]
fn what_is_gone_is_looked_for_once_more_when_no_late_create_can_arrive() {
    for identified in [Identified::ByKey, Identified::ByRecord] {
        let gone = |phase: CreatePhase, now: i64| {
            case(identified).with(|c| {
                c.deleting = true;
                c.finalizer = true;
                c.record = record(phase, Some("a1"));
                c.sight = Sight::Missing;
                c.now = now;
            })
        };
        assert!(matches!(gone(CreatePhase::None, 10).step(), Step::Wait { .. }));
        assert!(matches!(gone(CreatePhase::InFlight, TOLERANCE + LAG - 1).step(), Step::Wait { .. }));
        assert_eq!(gone(CreatePhase::None, TOLERANCE + LAG).step(), Step::Release(None));
        assert_eq!(gone(CreatePhase::Rejected, 1).step(), Step::Release(None), "a refused create cannot arrive");
    }
    let unrecorded = case(Identified::ByKey).with(|c| {
        c.deleting = true;
        c.finalizer = true;
        c.sight = Sight::Missing;
        c.sightings = seen(Sighting::Missing, &[4000]);
        c.now = 4001;
    });
    assert!(matches!(unrecorded.step(), Step::Wait { .. }), "an unconfirmed create may still arrive");
}

#[test]
fn users_and_accesses_are_deleted_only_where_they_are_ours() {
    let user = |ownership: Ownership| {
        case(Identified::ByKey).with(|c| {
            c.deleting = true;
            c.finalizer = true;
            c.sight = Sight::Found(ownership);
        })
    };
    assert_eq!(user(Ownership::Ours).step(), Step::Delete(Vec::new()));
    assert!(matches!(user(Ownership::Untagged).step(), Step::Release(Some(_))));
    let parent = user(Ownership::Ours).with(|c| c.sight = Sight::ParentMissing);
    assert_eq!(parent.step(), Step::Release(None), "its server is gone, and it with it");
    let access = case(Identified::ByRecord).with(|c| {
        c.deleting = true;
        c.finalizer = true;
        c.sight = Sight::Found(Ownership::Untagged);
    });
    assert!(matches!(access.step(), Step::Release(Some(_))), "no record: left in AWS, with a warning");
    let proven = access.with(|c| c.record = record(CreatePhase::None, Some("a1")));
    assert_eq!(proven.step(), Step::Delete(Vec::new()));
}

#[test]
fn observing_never_leads_to_a_mutation() {
    for identified in [Identified::ByTags, Identified::ByKey, Identified::ByRecord] {
        let only = case(identified).with(|c| {
            c.observe_only = true;
            c.sight = Sight::Found(Ownership::Ours);
        });
        assert_eq!(only.step(), Step::Report);
        let held = only.with(|c| c.finalizer = true);
        assert_eq!(held.step(), Step::Release(None), "an object that only observes holds nothing");
    }
    let recovering = in_flight().with(|c| c.observe_only = true);
    assert_eq!(recovering.step(), Step::LookUp, "a recovery under way is finished first");
}
