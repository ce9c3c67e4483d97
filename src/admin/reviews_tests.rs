#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::convert::Infallible;
use std::sync::Arc;

use axum::http::HeaderValue;
use serde_json::{Value, json};

use super::*;
use crate::captured_log::Log;

/// What the API server answers about the token `good` and its account; everything else is refused.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Yes,
    Forbidden,
    /// The review of the token, or of the access, fails.
    Fails(&'static str),
    /// It is never answered.
    Hangs(&'static str),
    /// An answer that says nothing.
    Empty,
    /// What was asked comes back with this code, as no review.
    Echoes(u16),
}

/// An API server, and all that it was asked.
struct Api {
    reviews: Reviews,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Api {
    fn new(answer: Answer) -> Self {
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(Mutex::new(Vec::new())));
        let (says, heard) = (Arc::clone(&answer), Arc::clone(&asked));
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (says, heard) = (*says.lock().unwrap(), Arc::clone(&heard));
            async move {
                let resource = request.uri().path().rsplit('/').next().unwrap().to_owned();
                let body = request.into_body().collect_bytes().await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap();
                heard.lock().unwrap().push(body.clone());
                if says == Answer::Hangs(if resource == "tokenreviews" { "tokens" } else { "access" }) {
                    std::future::pending::<()>().await;
                }
                let (code, answer) = answered(says, &resource, body);
                let answer = Body::from(answer.to_string().into_bytes());
                Ok::<_, Infallible>(http::Response::builder().status(code).body(answer).unwrap())
            }
        });
        Self { reviews: Reviews::new(Client::new(service, "default")), answer, asked }
    }

    async fn admits(&self, header: &str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        self.reviews.admit(&headers).await
    }

    /// How many questions there were since it was asked last.
    fn questions(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

fn answered(says: Answer, resource: &str, mut body: Value) -> (u16, Value) {
    let of_token = resource == "tokenreviews";
    if says == Answer::Fails(if of_token { "tokens" } else { "access" }) {
        return (500, json!({"kind": "Status", "status": "Failure", "code": 500, "message": "etcd", "reason": ""}));
    }
    if let Answer::Echoes(code) = says {
        body["status"] = json!("?");
        return (code, body);
    }
    body["status"] = match (says, of_token) {
        (Answer::Empty, _) => json!(null),
        (_, true) if body["spec"]["token"] == "good" => json!({"authenticated": true, "user": {
            "username": "reader", "uid": "u-1", "groups": ["g"], "extra": {"pod": ["p"]}}}),
        (_, true) => json!({"authenticated": false, "user": {"username": "somebody"}}),
        (says, false) => json!({"allowed": says != Answer::Forbidden}),
    };
    (201, body)
}

#[tokio::test(start_paused = true)]
async fn who_may_get_metrics_is_let_in_and_asked_about_once_a_minute() {
    let api = Api::new(Answer::Yes);
    assert_eq!(api.admits("Bearer good").await, Ok(()));
    let asked = api.asked.lock().unwrap().clone();
    assert_eq!(asked[0]["spec"], json!({"token": "good"}));
    let access = json!({"user": "reader", "uid": "u-1", "groups": ["g"], "extra": {"pod": ["p"]},
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"}});
    assert_eq!(asked[1]["spec"], access);
    assert_eq!(api.questions(), 2);
    *api.answer.lock().unwrap() = Answer::Forbidden;
    tokio::time::advance(BELIEVED.checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(api.admits("bearer good").await, Ok(()));
    assert_eq!(api.questions(), 0, "it is remembered");
    assert_eq!(api.admits("Bearer goode").await, Err(Refusal::Unknown), "nobody else is");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(api.admits("Bearer good").await, Err(Refusal::Forbidden("reader".to_owned())));
    *api.answer.lock().unwrap() = Answer::Yes;
    assert_eq!(api.admits("Bearer good").await, Ok(()), "no refusal is remembered");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_without_a_clear_yes() {
    for header in ["", "Bearer", "Bearer ", "Basic good", "good", "Bearer\tgood"] {
        let api = Api::new(Answer::Yes);
        assert_eq!(api.admits(header).await, Err(Refusal::Unknown), "{header}");
        assert_eq!(api.questions(), 0, "{header}");
    }
    assert_eq!(Api::new(Answer::Yes).reviews.admit(&HeaderMap::new()).await, Err(Refusal::Unknown));
    for (answer, refusal, questions) in [
        (Answer::Empty, Refusal::Unknown, 1),
        (Answer::Forbidden, Refusal::Forbidden("reader".to_owned()), 2),
        (Answer::Fails("tokens"), Refusal::Unanswered, 1),
        (Answer::Fails("access"), Refusal::Unanswered, 2),
        (Answer::Echoes(201), Refusal::Unanswered, 1),
        (Answer::Echoes(403), Refusal::Unanswered, 1),
        (Answer::Hangs("tokens"), Refusal::Unanswered, 1),
        (Answer::Hangs("access"), Refusal::Unanswered, 2),
    ] {
        let api = Api::new(answer);
        for _ in 0..2 {
            assert_eq!(api.admits("Bearer good").await, Err(refusal.clone()));
            assert_eq!(api.questions(), questions, "{refusal:?}");
        }
    }
    let api = Api::new(Answer::Yes);
    assert_eq!(api.admits("Bearer other").await, Err(Refusal::Unknown));
    assert_eq!(api.questions(), 1, "of nobody it is not asked what he may");
}

#[test]
fn each_refusal_says_what_it_is() {
    for (refusal, code) in [(Refusal::Unknown, 401), (Refusal::Forbidden("u".into()), 403), (Refusal::Unanswered, 503)]
    {
        let bearer = refusal == Refusal::Unknown;
        let response = refusal.into_response();
        assert_eq!(response.status(), code);
        assert_eq!(response.headers().contains_key(WWW_AUTHENTICATE), bearer);
    }
}

#[tokio::test(start_paused = true)]
async fn many_tokens_take_up_no_more_than_their_room() {
    let api = Api::new(Answer::Yes);
    for number in 0..=u8::MAX {
        api.reviews.remember([number; 32]);
    }
    assert_eq!(api.reviews.lock().len(), REMEMBERED);
    assert_eq!(api.admits("Bearer good").await, Ok(()));
    assert_eq!(api.admits("Bearer good").await, Ok(()));
    assert_eq!(api.questions(), 4, "there is no room to remember it");
    tokio::time::advance(BELIEVED).await;
    assert_eq!(api.admits("Bearer good").await, Ok(()));
    assert_eq!(api.reviews.lock().len(), 1, "who was not asked about again is forgotten");
}

#[tokio::test(start_paused = true)]
async fn no_line_of_the_log_holds_a_token() {
    let (log, _guard) = Log::begin();
    let echoes = [201, 403].map(Answer::Echoes);
    let others = [Answer::Yes, Answer::Forbidden, Answer::Fails("tokens"), Answer::Hangs("access")];
    for answer in others.into_iter().chain(echoes) {
        let _ = Api::new(answer).admits("Bearer good").await;
        let _ = Api::new(answer).admits("Bearer a-secret-token").await;
    }
    let told = log.texts();
    assert!(told.len() >= 8, "{told:?}");
    assert!(told.iter().all(|line| !line.contains("good") && !line.contains("a-secret-token")), "{told:?}");
}
