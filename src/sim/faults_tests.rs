#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;

use super::*;

fn armed(rules: &[Value]) -> Faults {
    let mut faults = Faults::default();
    for rule in rules {
        let rule = serde_json::from_value(rule.clone()).unwrap();
        faults.arm(rule, Timestamp::UNIX_EPOCH).unwrap();
    }
    faults
}

fn kinds(faults: &mut Faults, operation: &str, calls: usize) -> Vec<&'static str> {
    let seen =
        Seen { operation, region: Some("eu-west-1"), access_key: Some("test"), input: &json!({"UserName": "ada"}) };
    (0..calls)
        .map(|_| {
            let verdict = faults.strike(&seen, Timestamp::UNIX_EPOCH);
            verdict.fault.map_or("none", |f| f.kind())
        })
        .collect()
}

#[test]
fn a_rule_strikes_once_unless_it_says_how_often() {
    let throttle = json!({"kind": "throttle"});
    let mut once = armed(&[json!({"fault": throttle})]);
    assert_eq!(kinds(&mut once, "CreateUser", 3), ["throttle", "none", "none"]);
    let mut twice = armed(&[json!({"next": 2, "fault": throttle})]);
    assert_eq!(kinds(&mut twice, "CreateUser", 3), ["throttle", "throttle", "none"]);
    let mut third = armed(&[json!({"call": 3, "fault": throttle})]);
    assert_eq!(kinds(&mut third, "CreateUser", 4), ["none", "none", "throttle", "none"]);
    assert_eq!((third.all()[0].matched, third.all()[0].struck), (4, 1));
}

#[test]
fn a_duration_ends_by_the_clock() {
    let mut faults = armed(&[json!({"for": "10s", "fault": {"kind": "refuse"}})]);
    let seen = Seen { operation: "ListServers", region: None, access_key: None, input: &Value::Null };
    let at = |n| after(Timestamp::UNIX_EPOCH, SignedDuration::from_secs(n));
    assert!(faults.strike(&seen, at(0)).fault.is_some());
    assert!(faults.strike(&seen, at(9)).fault.is_some());
    assert!(faults.strike(&seen, at(10)).fault.is_none());
}

#[test]
fn a_rule_strikes_only_what_it_names() {
    for (rule, strikes) in [
        (json!({"operation": "CreateUser"}), true),
        (json!({"operation": "DeleteUser"}), false),
        (json!({"region": "us-east-1"}), false),
        (json!({"access_key": "test", "input": {"UserName": "ada"}}), true),
        (json!({"input": {"UserName": "bob"}}), false),
    ] {
        let mut rule = rule;
        rule["fault"] = json!({"kind": "lose_reply"});
        let found = kinds(&mut armed(std::slice::from_ref(&rule)), "CreateUser", 1);
        assert_eq!(found == ["lose_reply"], strikes, "{rule}");
    }
}

#[test]
fn delays_add_up_and_the_first_other_fault_counts() {
    let mut faults = armed(&[
        json!({"fault": {"kind": "delay", "by": "1s"}}),
        json!({"fault": {"kind": "delay", "by": "2s"}}),
        json!({"fault": {"kind": "delay", "by": "5s", "effect": "at_once"}}),
        json!({"fault": {"kind": "throttle"}}),
        json!({"fault": {"kind": "refuse"}}),
    ]);
    let seen = Seen { operation: "StopServer", region: None, access_key: None, input: &Value::Null };
    let verdict = faults.strike(&seen, Timestamp::UNIX_EPOCH);
    assert_eq!(verdict.delay_in, SignedDuration::from_secs(3));
    assert_eq!(verdict.delay_out, SignedDuration::from_secs(5));
    assert_eq!(verdict.fault.unwrap().kind(), "throttle");
    let next = faults.strike(&seen, Timestamp::UNIX_EPOCH);
    assert_eq!(next.fault.unwrap().kind(), "refuse", "what did not strike waits for its turn");
}

#[test]
fn a_rule_that_makes_no_sense_is_refused() {
    let both = json!({"call": 1, "next": 2, "fault": {"kind": "refuse"}});
    let both: Rule = serde_json::from_value(both).unwrap();
    let refusal = Faults::default().arm(both, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(refusal.contains("call, next and for"), "{refusal}");
    for rule in [
        json!({"fault": {"kind": "explode"}}),
        json!({"operation": "X"}),
        json!({"opration": "X", "fault": {"kind": "refuse"}}),
        json!({"fault": {"kind": "error", "code": "X", "colour": "red"}}),
    ] {
        assert!(serde_json::from_value::<Rule>(rule.clone()).is_err(), "{rule}");
    }
}
