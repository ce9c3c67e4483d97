#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::*;

/// A session policy as people write it, from AWS's own example for one bucket and prefix.
const HOME: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "list", "Effect": "Allow", "Action": ["s3:ListBucket"],
            "Resource": "arn:aws:s3:::${transfer:HomeBucket}",
            "Condition": { "StringLike": { "s3:prefix": [ "${transfer:HomeFolder}/*", "${transfer:HomeFolder}" ] } }
        },
        { "Effect": "Allow", "Action": [ "s3:PutObject", "s3:GetObject" ],
          "Resource": "arn:aws:s3:::${transfer:HomeDirectory}/a \"quoted\\\" name/*" }
    ]
}"#;

fn statement_with(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{members}}}}}"#)
}

fn assert_same(pairs: &[(&str, &str)]) {
    for (a, b) in pairs {
        assert!(same_meaning(&statement_with(a), &statement_with(b)), "{a} and {b}");
    }
}

fn assert_different(pairs: &[(&str, &str)]) {
    for (a, b) in pairs {
        assert!(!same_meaning(&statement_with(a), &statement_with(b)), "{a} and {b}");
    }
}

#[test]
fn compact_drops_only_the_white_space_between_tokens() {
    let want = concat!(
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"list","Effect":"Allow","Action":["s3:ListBucket"],"#,
        r#""Resource":"arn:aws:s3:::${transfer:HomeBucket}","#,
        r#""Condition":{"StringLike":{"s3:prefix":["${transfer:HomeFolder}/*","${transfer:HomeFolder}"]}}},"#,
        r#"{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"#,
        r#""Resource":"arn:aws:s3:::${transfer:HomeDirectory}/a \"quoted\\\" name/*"}]}"#
    );
    assert_eq!(compact(HOME).unwrap(), want);
    assert_eq!(compact(want).unwrap(), want);
    assert_eq!(compact(" {\"n\" :\t1.50 ,\r\n\"e\": \"\\u002a \\\\\" } ").unwrap(), r#"{"n":1.50,"e":"\u002a \\"}"#);
}

#[test]
fn compact_says_where_the_text_is_wrong_and_not_what_it_says() {
    let cases = [
        ("", PolicyError::NotJson { line: 1, column: 0 }),
        ("{\n  \"Statement\": secret\n}", PolicyError::NotJson { line: 2, column: 16 }),
        ("{} {}", PolicyError::NotJson { line: 1, column: 4 }),
        ("{\"a\":\"", PolicyError::NotJson { line: 1, column: 6 }),
        ("[{}]", PolicyError::NotAnObject),
        ("\"secret\"", PolicyError::NotAnObject),
        ("{\"secret\":1,\n\"secret\":2}", PolicyError::RepeatedKey { line: 2, column: 8 }),
    ];
    for (text, want) in cases {
        let error = compact(text).unwrap_err();
        assert_eq!(error, want, "{text}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(matches!(compact(&"[".repeat(1000)), Err(PolicyError::NotJson { .. })));
}

#[test]
fn an_object_without_statements_is_no_policy() {
    for text in ["{}", r#"{"hello":1}"#, r#"{"Version":"2012-10-17"}"#, r#"{"Statement":"x"}"#, r#"{"Statement":[1]}"#]
    {
        assert_eq!(check(text), Err(PolicyError::NoStatement), "{text}");
    }
    for text in [r#"{"Statement":{}}"#, r#"{"Statement":[]}"#, HOME] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn the_quota_counts_what_is_sent() {
    let padded = |length: usize| {
        let frame = r#"{"Sid":""}"#;
        frame.replace(":\"", &format!(" :\n \"{}", "é".repeat(length - frame.len())))
    };
    assert_eq!(compact(&padded(MAX_POLICY)).unwrap().chars().count(), MAX_POLICY);
    assert_eq!(compact(&padded(MAX_POLICY + 1)), Err(PolicyError::TooLong(MAX_POLICY + 1)));
}

/// Users of other tools, peers.md C 4: policies are compared by what they mean.
#[test]
fn notations_of_one_meaning_are_the_same() {
    assert_same(&[
        (r#""Action":"s3:GetObject""#, r#""Action":["S3:getobject","s3:GetObject"]"#),
        (r#""NotAction":["b:x","a:x"]"#, r#""NotAction":["A:X","b:x"]"#),
        (r#""Resource":["b","a"]"#, r#""Resource":["a","b","a"]"#),
        (r#""NotResource":"a""#, r#""NotResource":["a"]"#),
        (r#""Principal":{"AWS":["b","a"]}"#, r#""Principal":{"AWS":["a","b"]}"#),
        (r#""Principal":{"Service":"x"}"#, r#""Principal":{"Service":["x"]}"#),
        (r#""Condition":{"Bool":{"k":true}}"#, r#""Condition":{"Bool":{"k":["true"]}}"#),
        (r#""Condition":{"NumericLessThan":{"k":5}}"#, r#""Condition":{"NumericLessThan":{"k":"5"}}"#),
        (r#""Condition":{"StringLike":{"k":["b","a"]}}"#, r#""Condition":{"StringLike":{"k":["a","b"]}}"#),
        (r#""Resource":"\u002a""#, r#""Resource":"*""#),
    ]);
    let statement = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let one = format!(r#"{{"Statement":{statement}}}"#);
    let many = format!(r#"{{"Statement":[{statement},{statement}],"Version":"2008-10-17"}}"#);
    assert!(same_meaning(&one, &many));
}

#[test]
fn what_may_allow_something_else_is_different() {
    assert_different(&[
        (r#""Action":"s3:GetObject""#, r#""Action":"s3:GetObjectAcl""#),
        (r#""Action":"s3:*""#, r#""NotAction":"s3:*""#),
        (r#""Resource":"a""#, r#""NotResource":"a""#),
        (r#""Resource":"arn:aws:s3:::A""#, r#""Resource":"arn:aws:s3:::a""#),
        (r#""Resource":[]"#, r#""Resource":["a"]"#),
        (r#""Resource":["a","b"]"#, r#""Resource":["a b"]"#),
        (r#""Principal":"*""#, r#""Principal":{"AWS":"*"}"#),
        (r#""Condition":{"StringLike":{"k":"a"}}"#, r#""Condition":{"StringEquals":{"k":"a"}}"#),
        (r#""Condition":{"StringLike":{"k":"a"}}"#, r#""Condition":{"StringLike":{"j":"a"}}"#),
        (r#""Condition":{"StringLike":{"k":"a"}}"#, r#""Condition":{"StringLike":{"k":"A"}}"#),
        (r#""Condition":{"NumericEquals":{"k":1.0}}"#, r#""Condition":{"NumericEquals":{"k":1}}"#),
        (r#""Condition":{"Null":{"k":null}}"#, r#""Condition":{"Null":{"k":"null"}}"#),
        (r#""Resource":"a","Sid":"x""#, r#""Resource":"a","Sid":"y""#),
        (r#""Resource":"a""#, r#""Resource":"a","Condition":{}"#),
    ]);
    assert!(!same_meaning(r#"{"Version":"2012-10-17"}"#, r#"{"Version":"2008-10-17"}"#));
    assert!(!same_meaning(r#"{"Version":"2012-10-17"}"#, "{}"));
}

#[test]
fn texts_that_are_no_policies_are_compared_as_texts() {
    let repeated = r#"{"Version":"1","Version":"2"}"#;
    for text in ["", "not json", "[1]", repeated] {
        assert!(same_meaning(text, text), "{text}");
        assert!(!same_meaning(text, HOME), "{text}");
        assert!(!same_meaning(HOME, text), "{text}");
        assert!(!same_meaning(text, &format!("{text} ")), "{text}");
    }
    assert!(!same_meaning(repeated, r#"{"Version":"2"}"#));
}

/// What a policy means, as far as the generated ones go: equal exactly when they allow the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meaning {
    version: &'static str,
    statements: BTreeSet<Sentence>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sentence {
    effect: &'static str,
    action: (&'static str, BTreeSet<&'static str>),
    resource: (&'static str, BTreeSet<&'static str>),
    condition: BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<&'static str>>>,
}

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(select(values), 1..=3)
}

fn sentence() -> impl Strategy<Value = Sentence> {
    let operator =
        prop::collection::btree_map(select(&["s3:prefix", "aws:x"][..]), some_of(&["a", "true", "5", "${b}"]), 1..=2);
    (
        select(&["Allow", "Deny"][..]),
        (select(&["Action", "NotAction"][..]), some_of(&["s3:getobject", "s3:putobject", "s3:*", "*"])),
        (
            select(&["Resource", "NotResource"][..]),
            some_of(&["*", "arn:aws:s3:::b/${transfer:UserName}/*", "arn:aws:s3:::B"]),
        ),
        prop::collection::btree_map(select(&["StringLike", "Bool"][..]), operator, 0..=2),
    )
        .prop_map(|(effect, action, resource, condition)| Sentence { effect, action, resource, condition })
}

fn meaning() -> impl Strategy<Value = Meaning> {
    let statements = prop::collection::btree_set(sentence(), 1..=3);
    (select(&["2008-10-17", "2012-10-17"][..]), statements)
        .prop_map(|(version, statements)| Meaning { version, statements })
}

/// Writes a meaning down in one of its many notations, chosen by `seed`.
fn write(meaning: &Meaning, seed: u64) -> String {
    let mut dice = StdRng::seed_from_u64(seed);
    let statements: Vec<_> = meaning.statements.iter().map(|sentence| write_sentence(sentence, &mut dice)).collect();
    let mut members = vec![("Statement".to_owned(), write_list(statements, &mut dice))];
    if meaning.version != DEFAULT_VERSION || dice.random() {
        members.push(("Version".to_owned(), format!("\"{}\"", meaning.version)));
    }
    write_object(members, &mut dice)
}

fn write_sentence(sentence: &Sentence, dice: &mut StdRng) -> String {
    let actions = sentence.action.1.iter().map(|action| {
        let action = if dice.random() { action.to_uppercase() } else { (*action).to_owned() };
        format!("\"{action}\"")
    });
    let actions = actions.collect();
    let resources = sentence.resource.1.iter().map(|resource| format!("\"{resource}\"")).collect();
    let mut members = vec![
        ("Effect".to_owned(), format!("\"{}\"", sentence.effect)),
        (sentence.action.0.to_owned(), write_list(actions, dice)),
        (sentence.resource.0.to_owned(), write_list(resources, dice)),
    ];
    if !sentence.condition.is_empty() {
        let operators = sentence.condition.iter().map(|(name, keys)| {
            let keys = keys.iter().map(|(key, values)| ((*key).to_owned(), write_values(values, dice))).collect();
            ((*name).to_owned(), write_object(keys, dice))
        });
        let operators = operators.collect();
        members.push(("Condition".to_owned(), write_object(operators, dice)));
    }
    write_object(members, dice)
}

fn write_values(values: &BTreeSet<&'static str>, dice: &mut StdRng) -> String {
    let values = values.iter().map(|value| {
        let bare = ["true", "5"].contains(value) && dice.random();
        if bare { (*value).to_owned() } else { format!("\"{value}\"") }
    });
    let values = values.collect();
    write_list(values, dice)
}

fn write_list(mut items: Vec<String>, dice: &mut StdRng) -> String {
    if items.len() == 1 && dice.random() {
        return items.remove(0);
    }
    if dice.random() {
        items.push(items[0].clone());
    }
    items.shuffle(dice);
    format!("[{}{}]", blank(dice), items.join(","))
}

fn write_object(mut members: Vec<(String, String)>, dice: &mut StdRng) -> String {
    members.shuffle(dice);
    let members: Vec<_> =
        members.into_iter().map(|(name, value)| format!("{}\"{name}\":{}{value}", blank(dice), blank(dice))).collect();
    format!("{{{}}}", members.join(","))
}

fn blank(dice: &mut StdRng) -> &'static str {
    ["", " ", "\n  "][dice.random_range(0..3)]
}

/// The smallest changes of meaning: one word of one statement.
fn edit(meaning: &Meaning, which: u8) -> Meaning {
    let other = |now: &str, one: &'static str, two: &'static str| if now == one { two } else { one };
    let mut edited = meaning.clone();
    let mut first = edited.statements.pop_first().unwrap();
    match which {
        0 => first.effect = other(first.effect, "Allow", "Deny"),
        1 => first.action.0 = other(first.action.0, "Action", "NotAction"),
        2 => first.action.1.extend(["s3:deleteobject"]),
        3 => first.resource.0 = other(first.resource.0, "Resource", "NotResource"),
        4 => first.resource.1.extend(["arn:aws:s3:::other"]),
        5 => first.condition.extend([("StringEquals", [("k", ["v"].into())].into())]),
        _ => edited.version = other(edited.version, DEFAULT_VERSION, "2012-10-17"),
    }
    edited.statements.insert(first);
    edited
}

proptest! {
    #[test]
    fn every_notation_of_one_meaning_is_the_same(policy in meaning(), one: u64, other: u64) {
        let (a, b) = (write(&policy, one), write(&policy, other));
        prop_assert!(same_meaning(&a, &b), "{a}\n{b}");
        prop_assert!(same_meaning(&a, &compact(&b).unwrap()));
    }

    #[test]
    fn two_policies_are_the_same_exactly_when_they_mean_the_same(
        p in meaning(), q in meaning(), one: u64, other: u64,
    ) {
        let (a, b) = (write(&p, one), write(&q, other));
        prop_assert_eq!(same_meaning(&a, &b), p == q);
        prop_assert_eq!(same_meaning(&b, &a), p == q);
    }

    #[test]
    fn an_edit_of_the_meaning_is_seen(policy in meaning(), which in 0u8..7, one: u64, other: u64) {
        let edited = edit(&policy, which);
        let (a, b) = (write(&policy, one), write(&edited, other));
        prop_assert_eq!(same_meaning(&a, &b), policy == edited, "{}\n{}", a, b);
    }

    #[test]
    fn compact_is_stable_and_keeps_every_token(policy in meaning(), seed: u64) {
        let text = write(&policy, seed);
        let short = compact(&text).unwrap();
        prop_assert_eq!(compact(&short).unwrap(), &*short);
        prop_assert_eq!(parse(&short).unwrap(), parse(&text).unwrap());
    }

    #[test]
    fn any_text_equals_itself_and_makes_nothing_panic(text in "\\PC{0,100}|[\\[\\]{}\":,a1 \\\\]{0,60}") {
        let _ = compact(&text);
        prop_assert!(same_meaning(&text, &text));
    }
}

#[test]
fn byte_order_marks_do_not_count_and_what_nobody_sees_is_named() {
    assert_eq!(compact("\u{feff}{\"Version\": \"2012-10-17\"}\n\u{feff}").unwrap(), "{\"Version\":\"2012-10-17\"}");
    let error = compact("{\"Version\":\n\u{a0}\"a\u{2009}b\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "policy is not valid JSON: it holds a no-break space (U+00A0) in line 2, which nobody sees; type a plain blank"
    );
    assert!(compact("{\"a\": \"\u{a0}\"}").is_ok(), "within a text it may be meant");
    assert!(matches!(compact("{\"a\": \"\u{a0}\", }"), Err(PolicyError::NotJson { .. })));
}
