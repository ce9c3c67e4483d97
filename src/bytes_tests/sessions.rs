//! Answers of STS, as far as the account that a session is checked against: what cannot be read is no session and nobody's
//! name, and where there is no session nothing else is signed with.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use serde_json::json;

use super::answers::{Canned, STATUSES, file, runtime};
use super::{cases, corpus, inputs};
use crate::api::AwsIdentity;
use crate::aws::account_clients::{Aws as _, CallerIdentity};
use crate::aws::{AwsError, AwsErrorKind};
use crate::kinds::fakes::{ACCOUNT, REGION};

/// The corpus, with this answer of it as often as all others together.
fn corpus_of(name: &str) -> Vec<Vec<u8>> {
    let mut all = corpus(&["bytes/answers", "bytes/errors"]);
    all.extend(vec![file(name); all.len()]);
    all
}

/// Mostly those of an answer that is taken: of any other its body is not read as one.
fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(200), 1 => prop::sample::select(STATUSES.to_vec())]
}

/// Who an identity is with this answer to AssumeRole and that to GetCallerIdentity, and with which keys they were asked.
async fn who(session: (u16, &[u8]), caller: (u16, &[u8])) -> (Result<CallerIdentity, AwsError>, Vec<String>) {
    let answers = [session, caller].map(|(status, body)| (status, body.to_vec()));
    let canned = Canned::new(move |number| answers[number].clone());
    let role = format!("arn:aws:iam::{ACCOUNT}:role/sftp");
    let identity: AwsIdentity = serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": "default", "uid": "identity", "generation": 1},
        "spec": {"accountId": ACCOUNT, "regions": [REGION],
            "credentials": {"source": "AssumeRole", "assumeRole": {"roleArn": role}}},
    }))
    .unwrap();
    let outcome = canned.sessions().verify(&identity).await;
    let signed = canned.signed.lock().unwrap().clone();
    assert_eq!(canned.asked.load(Ordering::Relaxed), signed.len());
    (outcome, signed)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_session_is_used_only_where_sts_gave_one_that_can_be_read(
        body in inputs(corpus_of("assume-role.xml")),
        status in statuses(),
    ) {
        let (outcome, signed) = runtime().block_on(who((status, &body), (200, &file("get-caller-identity.xml"))));
        prop_assert_eq!(outcome.is_ok(), signed.len() == 2, "{:?}", outcome);
        prop_assert!(signed.iter().skip(1).all(|key| key != "OWN"), "the operator's own name for another's");
        let text = String::from_utf8_lossy(&body);
        if let Some(key) = signed.get(1) {
            prop_assert!(status < 300 && text.contains(key.as_str()), "{} with {}", key, status);
        }
        if let Err(fault) = outcome {
            prop_assert!(fault.kind != AwsErrorKind::NotFound || text.contains("NotFound"), "{}", fault);
        }
    }

    #[test]
    fn nobody_is_taken_for_the_account_whose_name_was_not_read(
        body in inputs(corpus_of("get-caller-identity.xml")),
        status in statuses(),
    ) {
        let (outcome, signed) = runtime().block_on(who((200, &file("assume-role.xml")), (status, &body)));
        prop_assert_eq!(signed, ["OWN", "SESSION"]);
        if let Ok(caller) = outcome {
            let text = String::from_utf8_lossy(&body);
            prop_assert!(status < 300 && caller.account == ACCOUNT, "{:?} with {}", caller, status);
            prop_assert!(text.contains(ACCOUNT), "{}", text);
        }
    }
}

/// What the SDK says of an escape or an element that should not be there has it in it.
#[test]
fn what_cannot_be_read_of_a_session_is_repeated_nowhere() {
    let (session, caller) = (String::from_utf8(file("assume-role.xml")).unwrap(), file("get-caller-identity.xml"));
    let secrets = ["not-a-secret-of-any-account-0123456789ab", "not-a-token-of-any-session"];
    runtime().block_on(async {
        for secret in secrets {
            let places =
                [format!("&{secret};"), format!("<{secret}>")].map(|garbled| session.replace(secret, &garbled));
            for garbled in places {
                let (outcome, _) = who((200, garbled.as_bytes()), (200, &caller)).await;
                let fault = outcome.unwrap_err();
                let told = format!("{fault} {fault:?}");
                assert!(!secret.split('-').any(|piece| piece.len() > 4 && told.contains(piece)), "{garbled}: {told}");
            }
        }
    });
}

#[test]
fn an_answer_of_sts_that_is_cut_is_no_session_and_no_account() {
    let (session, caller) = (file("assume-role.xml"), file("get-caller-identity.xml"));
    runtime().block_on(async {
        let (whole, signed) = who((200, &session), (200, &caller)).await;
        assert_eq!((whole.unwrap().account.as_str(), signed), (ACCOUNT, vec!["OWN".to_owned(), "SESSION".to_owned()]));
        let until = |document: &[u8], end: &str| String::from_utf8_lossy(document).find(end).unwrap();
        for length in 0..until(&session, "</Expiration>") {
            let (outcome, signed) = who((200, &session[..length]), (200, &caller)).await;
            assert!(outcome.is_err() && signed.len() == 1, "{length} bytes: {outcome:?}");
        }
        for length in 0..until(&caller, "</Account>") {
            let (outcome, _) = who((200, &session), (200, &caller[..length])).await;
            assert!(outcome.is_err(), "{length} bytes: {outcome:?}");
        }
    });
}
