//! What belongs to others in the same account: nobody of ours may change any of it.

use serde_json::{Value, json};

use crate::fleet;
use crate::stage::Stage;

const ROLE: &str = "arn:aws:iam::123456789012:role/others";
/// A user that somebody made by hand on a server of ours.
const GUEST: &str = "guest";

/// Servers of others with a user each, as they were put there.
pub struct Strangers {
    servers: Vec<(String, Value)>,
}

/// Puts them there.
pub async fn put(stage: &Stage) -> Strangers {
    let other_cluster = json!([
        {"Key": "transfer-operator.dev/cluster", "Value": "another"},
        {"Key": "transfer-operator.dev/owner", "Value": "chaos/server-1"},
        {"Key": "transfer-operator.dev/uid", "Value": "00000000-0000-0000-0000-000000000000"},
    ]);
    let mut ids = Vec::new();
    for tags in [json!([]), json!([{"Key": "team", "Value": "billing"}]), other_cluster] {
        let input = if tags == json!([]) { json!({}) } else { json!({"Tags": tags}) };
        let made = stage.out_of_band("CreateServer", &input).await.unwrap();
        let id = made["output"]["ServerId"].as_str().unwrap().to_owned();
        // Of the same name as one of ours.
        let mut user = json!({"ServerId": id, "UserName": fleet::user_name(0), "Role": ROLE});
        if tags != json!([]) {
            user["Tags"] = tags;
        }
        stage.out_of_band("CreateUser", &user).await.unwrap();
        ids.push(id);
    }
    let held = stage.servers().await;
    Strangers { servers: ids.into_iter().map(|id| (id.clone(), lasting(&held[&id]))).collect() }
}

/// A server without what time alone changes.
fn lasting(server: &Value) -> Value {
    let mut rest = server.clone();
    let members = rest.as_object_mut().unwrap();
    members.remove("State");
    members.remove("Lifecycle");
    rest
}

impl Strangers {
    /// A guest appears on a server of ours.
    pub async fn join(&self, stage: &Stage) {
        let id = fleet::server_id(stage, 0).await;
        stage.out_of_band("CreateUser", &json!({"ServerId": id, "UserName": GUEST, "Role": ROLE})).await.unwrap();
    }

    /// Whoever made the guest takes it away again: until then it holds the server, which would take it along.
    pub async fn part(&self, stage: &Stage) {
        fleet::told(stage, 0, GUEST).await;
        let servers = stage.servers().await;
        let host = servers.iter().find(|(_, server)| !server["Users"][GUEST].is_null());
        let (id, server) = host.expect("the guest is still there, and so is its server");
        assert_eq!(server["Users"][GUEST]["Profile"]["Role"], ROLE, "O3: the guest was changed");
        stage.out_of_band("DeleteUser", &json!({"ServerId": id, "UserName": GUEST})).await.unwrap();
    }

    /// O3: all is as it was, and nobody even tried.
    pub async fn unharmed(&self, stage: &Stage) {
        let held = stage.servers().await;
        for (id, before) in &self.servers {
            assert_eq!(&lasting(&held[id]), before, "O3: {id} was changed");
        }
        let made = stage.log.made();
        for call in stage.log.changing(0) {
            let operation = call["operation"].as_str().unwrap();
            let about = match operation {
                "CreateServer" => continue,
                "TagResource" | "UntagResource" => call["input"]["Arn"].as_str().unwrap().to_owned(),
                _ => call["server_id"].as_str().unwrap().to_owned(),
            };
            assert!(made.values().flatten().any(|id| about.contains(id.as_str())), "O3: {call:#}");
            assert_ne!(call["user_name"], GUEST, "O3: {call:#}");
            assert!(!about.ends_with(GUEST), "O3: {call:#}");
        }
    }
}
