#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::needless_pass_by_value)]
use serde_json::{Value, json};

use super::*;
use crate::kinds::fakes::{self, CLUSTER, REGION, World};

const ARN: &str = "arn:aws:transfer:eu-central-1:123456789012:profile/p-0123456789abcdef0";

fn object(more: Value, applied: &[&str]) -> TransferProfile {
    let mut spec = json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fakes::object("us", spec, json!({"profileId": "p-1", "applied": {"paths": applied, "tags": ["a", "old"]}}))
}

/// What is planned for the object where AWS has these members, and the certificates that are sent.
async fn planned(object: &TransferProfile, have: Value) -> (Plan, Option<Vec<String>>) {
    let (world, owner) = (World::open(), Owner::new(CLUSTER, "team", "us", "uid-us"));
    world.identity(|identity| identity.spec.grants[0].certificate_ids = granted());
    let profiles = Profiles::new(world.deps.clone());
    let target = profiles.resolve(object).await.unwrap().unwrap();
    let wanted = profiles.want(object, &target, Timestamp::UNIX_EPOCH).await.unwrap();
    let mut settings = json!({"as2Id": "us", "profileType": "LOCAL"});
    settings.as_object_mut().unwrap().extend(have.as_object().unwrap().clone());
    let (settings, tags) = (serde_json::from_value(settings).unwrap(), owner.tags("attempt"));
    let have = Profile { arn: ARN.to_owned(), profile_id: "p-1".to_owned(), settings, tags };
    let plan = profiles.plan(object, &target, &wanted, &have, &owner, Timestamp::UNIX_EPOCH);
    let sent = plan.calls.iter().find_map(|call| match &call.mutation {
        Mutation::UpdateProfile(update) => Some(update.certificate_ids.clone()),
        _ => None,
    });
    (plan, sent)
}

/// The certificates that the identity lets the namespace name.
fn granted() -> Vec<String> {
    ["a", "b"].map(str::to_owned).into()
}

#[tokio::test]
async fn a_certificate_that_is_not_granted_is_never_put_on_and_need_not_go() {
    let rows: &[(Value, Value, Option<&[&str]>, bool, &str)] = &[
        (ids(&["a", "x"]), ids(&["a"]), None, true, "it is to come"),
        (ids(&["a", "x"]), ids(&["a", "x"]), None, false, "it is there"),
        (ids(&["a", "x"]), ids(&["x"]), Some(&["a", "x"]), false, "it is there, and holds no other one up"),
        (ids(&["a", "x"]), ids(&["b"]), Some(&["a"]), true, "it stays out, and the others go on"),
        (ids(&["x"]), ids(&["b"]), None, true, "the last one waits for another"),
        (ids(&["a"]), ids(&["a", "x"]), Some(&["a"]), false, "it goes"),
        (ids(&["x"]), ids(&["a", "x"]), Some(&["x"]), false, "it stays, and another one goes"),
    ];
    for (spec, have, sent, blocked, why) in rows {
        let (plan, update) = planned(&object(spec.clone(), &["certificateIds"]), have.clone()).await;
        assert_eq!(update, sent.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()), "{why}");
        let told = plan.blocks.iter().map(|block| block.code).collect::<Vec<_>>();
        assert_eq!(told, if *blocked { vec![reasons::IDENTITY_DENIED] } else { Vec::new() }, "{why}");
    }
}

fn ids(ids: &[&str]) -> Value {
    json!({"certificateIds": ids})
}

#[tokio::test]
async fn certificates_are_a_set_and_sent_whole() {
    let rows: &[(Value, &[&str], Value, Option<&[&str]>, &str)] = &[
        (ids(&["a", "b"]), &[], ids(&["b", "a"]), None, "in another order"),
        (ids(&["a", "b"]), &[], ids(&["a"]), Some(&["a", "b"]), "one more"),
        (ids(&["a"]), &[], ids(&["a", "b"]), Some(&["a"]), "somebody added one"),
        (ids(&["a"]), &[], json!({}), Some(&["a"]), "AWS has none"),
        (json!({}), &[], ids(&["a"]), None, "of others, left alone"),
        (json!({}), &["certificateIds"], ids(&["a"]), Some(&[]), "left the spec"),
        (json!({}), &["certificateIds"], json!({}), None, "left the spec and AWS"),
        (ids(&[]), &[], ids(&["a"]), Some(&[]), "none is wanted"),
        (ids(&[]), &[], json!({}), None, "none is there"),
    ];
    for (spec, applied, have, sent, why) in rows {
        let (plan, update) = planned(&object(spec.clone(), applied), have.clone()).await;
        assert_eq!(update, sent.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()), "{why}");
        assert!(plan.blocks.is_empty(), "{why}: {:?}", plan.blocks);
        let told = plan.calls.iter().find_map(|call| call.in_vain.as_ref()).map(|told| told.code);
        assert_eq!(told, sent.filter(|ids| ids.is_empty()).map(|_| reasons::CANNOT_CLEAR), "{why}");
    }
}

#[test]
fn while_one_is_not_known_what_nothing_means_goes_and_what_is_known_comes() {
    let many: Vec<String> = (1..=10).map(|number| format!("n{number}")).collect();
    let of = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let with = |count: usize, more: &[&str]| [&many[..count], &of(more)].concat();
    let rows: &[(Option<&[&str]>, Vec<String>, Vec<String>, Vec<String>, &str)] = &[
        (None, of(&["a", "b"]), of(&["a"]), of(&["a", "b"]), "b may be the one that is not ready"),
        (None, of(&["b"]), of(&["a"]), of(&["b", "a"]), "a renewed one comes, nothing goes"),
        (Some(&["b"]), of(&["a", "b", "x"]), of(&["a"]), of(&["a", "b"]), "x is nobody's"),
        (Some(&["b"]), of(&["x"]), of(&["a"]), of(&["a"]), "b is not put on the profile"),
        (Some(&["b"]), of(&["x"]), of(&[]), of(&["x"]), "the last one waits for another"),
        (Some(&["b"]), of(&["b", "x"]), of(&[]), of(&["b"]), "not the last one"),
        (None, of(&[]), of(&[]), of(&[]), "none is there"),
        (Some(&[]), with(9, &["o"]), with(9, &["o", "n"]), with(9, &["o"]), "eleven: none comes"),
        (Some(&[]), with(9, &["x"]), with(9, &["n", "o"]), with(9, &["n"]), "eleven: but x goes, and one comes"),
        (
            Some(&[]),
            with(6, &[]),
            with(6, &["a", "b", "c", "d", "e"]),
            with(6, &["a", "b", "c", "d"]),
            "four have room",
        ),
        (None, with(9, &["x"]), with(9, &["n"]), with(9, &["x"]), "no room while x may be meant"),
        (Some(&["b"]), with(8, &["x", "b"]), with(8, &["n"]), with(8, &["b", "n"]), "room once x is gone"),
    ];
    for (may_be, has, known, expected, why) in rows {
        let may_be = may_be.map(|ids| of(ids).into_iter().collect());
        let held = Held { why: Reason::new(reasons::DEPENDENCY_NOT_READY, "waits"), may_be };
        let meanwhile = held.meanwhile(has, known);
        assert_eq!(meanwhile, *expected, "{why}");
        assert_eq!(held.meanwhile(&meanwhile, known), meanwhile, "{why}: and rests there");
    }
}

#[tokio::test]
async fn another_name_or_type_holds_all_but_tags_and_says_what_to_do() {
    let spec = json!({"certificateIds": ["a"], "tags": {"a": "1"}});
    for (have, field) in
        [(json!({"as2Id": "we"}), "spec.as2Id"), (json!({"profileType": "PARTNER"}), "spec.profileType")]
    {
        let (plan, update) = planned(&object(spec.clone(), &[]), have).await;
        assert_eq!(update, None, "{field}");
        let [Reason { code, message, needs_person, .. }] = &plan.blocks[..] else { panic!("{:?}", plan.blocks) };
        assert_eq!((*code, *needs_person), (reasons::IMMUTABLE, true));
        assert!(message.contains(field) && message.contains("make a new TransferProfile"), "{message}");
        let operations: Vec<&str> = plan.calls.iter().map(|call| call.mutation.operation()).collect();
        assert_eq!(operations, ["TagResource"], "{field}");
        assert!(plan.changes.iter().any(|change| change.path == "certificateIds"), "it is shown as a difference");
    }
}

#[tokio::test]
async fn what_aws_has_against_certificates_names_the_field_and_them() {
    let world = World::open();
    let (profiles, account) = (Profiles::new(world.deps.clone()), world.account());
    let update = |ids: &[&str]| {
        let certificate_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Mutation::UpdateProfile(UpdateProfile { profile_id: "p-1".to_owned(), certificate_ids })
    };
    let create = |ids: &[&str]| {
        let settings = ProfileSettings {
            as2_id: "us".to_owned(),
            profile_type: "LOCAL".to_owned(),
            certificate_ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
        };
        Mutation::CreateProfile(Box::new(CreateProfile { settings, tags: Tags::default() }))
    };
    let delete = || Mutation::DeleteProfile(DeleteProfile { profile_id: "p-1".to_owned() });
    let (rejected, of_it) = (AwsErrorKind::Rejected, "certificate cert-a is not there");
    let rows = [
        (update(&[]), rejected, "", true),
        (update(&["cert-a"]), rejected, "", true),
        (update(&[]), AwsErrorKind::Throttled, "", false),
        (create(&["cert-a"]), rejected, of_it, true),
        (create(&["cert-a"]), rejected, "As2Id is in use", false),
        (create(&[]), rejected, of_it, false),
        (delete(), rejected, of_it, false),
    ];
    for (call, kind, message, told) in rows {
        let fault = AwsError { message: message.to_owned(), ..fakes::fault("UpdateProfile", kind) };
        let words = profiles.explain(&account, &call, &fault).await;
        let named = words.is_some_and(|words| {
            let whole = if call.plain().to_string().contains("cert-a") { "cert-a" } else { "list one" };
            words.contains("spec.certificateIds") && words.contains(whole)
        });
        assert_eq!(named, told, "{call:?} {kind:?}");
    }
}
