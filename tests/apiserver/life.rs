//! The life of objects, from apply to deletion, with the operator under the chart's rights and the simulated AWS.

use serde_json::{Value, json};

use crate::support::{await_condition, keys_half_known, managed, overreach, ready};
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn one_create_each_then_drift_is_put_right_and_at_rest_nothing_is_written() {
    let world = World::demo().await;
    let _operator = world.operator(&["--resync-interval", "2s"]).await;
    world.all_ready(7).await;
    assert_eq!(world.calls_of("CreateServer").await.len(), 2);
    assert_eq!(world.calls_of("CreateUser").await.len(), 3);
    assert_eq!(world.calls_of("CreateAccess").await.len(), 2);

    let server = world.object("transferservers", "sftp-platform", "files").await["status"]["serverId"].clone();
    let other = "arn:aws:iam::123456789012:role/sftp/elsewhere";
    world.out_of_band("UpdateUser", &json!({"ServerId": server, "UserName": "alice", "Role": other})).await;
    await_condition("alice's role put right", PATIENCE, async || {
        let updates = world.calls_of("UpdateUser").await;
        let wanted = "arn:aws:iam::123456789012:role/sftp/platform/writers";
        if updates.iter().any(|call| call["input"]["Role"] == wanted) { Ok(()) } else { Err(format!("{updates:?}")) }
    })
    .await;

    world.all_ready(7).await;
    await_condition("ids and dates of all keys", PATIENCE, async || {
        let waits: Vec<Value> = world.objects().await.into_iter().filter(keys_half_known).collect();
        if waits.is_empty() { Ok(()) } else { Err(json!(waits)) }
    })
    .await;
    let seen = world.calls_of("DescribeServer").await.len();
    let before = world.writes();
    // Several rounds of observation, counted by what reaches AWS.
    await_condition("further observations", PATIENCE, async || {
        let now = world.calls_of("DescribeServer").await.len();
        if now >= seen + 8 { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(world.written().split_off(before), Vec::<String>::new(), "a settled operator writes nothing");
    for object in world.objects().await {
        assert_eq!(overreach(&object), Vec::<String>::new(), "{} belongs to others", object["metadata"]["name"]);
    }
}

#[tokio::test]
async fn killed_while_it_creates_it_finds_its_servers_again() {
    let world = World::demo().await;
    for _ in 0..6 {
        let operator = world.operator(&[]).await;
        let before = world.sim.calls().await["calls"].as_array().unwrap().len();
        await_condition("a further call", PATIENCE, async || {
            let now = world.sim.calls().await["calls"].as_array().unwrap().len();
            if now > before + 2 { Ok(()) } else { Err(now) }
        })
        .await;
        operator.kill9();
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let made = world.done("CreateServer").await;
    assert_eq!(made.len(), 2, "{made:#?}");
}

#[tokio::test]
async fn a_false_server_id_leads_nowhere_and_deletion_takes_all_along() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let id =
        async |name: &str| world.object("transferservers", "sftp-platform", name).await["status"]["serverId"].clone();
    let (files, corp) = (id("files").await, id("corp").await);
    let forged = json!({"status": {"serverId": corp}}).to_string();
    let patch = ["patch", "transferservers", "files", "--namespace", "sftp-platform", "--subresource", "status"];
    let patch: Vec<&str> = patch.into_iter().chain(["--type", "merge", "--patch", &forged]).collect();
    world.plane.kubectl(&patch).await;
    world.poke("transferservers", "files").await;
    await_condition("the real id is back", PATIENCE, async || {
        let now = id("files").await;
        if now == files { Ok(()) } else { Err(now) }
    })
    .await;
    let touched: Vec<Value> =
        world.calls_of("UpdateServer").await.into_iter().chain(world.calls_of("TagResource").await).collect();
    assert_eq!(touched, Vec::<Value>::new(), "nothing was changed on the other server");

    let protected =
        world.plane.try_kubectl(&["delete", "transferservers", "files", "--namespace", "sftp-platform"]).await;
    assert!(protected.unwrap_err().contains("deletionProtection"));
    world.delete_all().await;
    let held = world.sim.get("/_sim/state").await.to_string();
    assert!(!held.contains(files.as_str().unwrap()) && !held.contains(corp.as_str().unwrap()), "{held}");
    let calls = world.sim.calls().await["calls"].as_array().unwrap().clone();
    let last =
        |operation: &str| calls.iter().rposition(|call| call["operation"] == operation && call["server_id"] == files);
    assert!(last("DeleteUser").unwrap() < last("DeleteServer").unwrap(), "users go before their server");
}

#[tokio::test]
async fn the_ungranted_never_reaches_aws_and_a_refusal_holds_up_nobody() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    world.plane.kubectl(&["create", "namespace", "attacker"]).await;
    let server = world.object("transferservers", "sftp-platform", "files").await["status"]["serverId"].clone();
    let role = "arn:aws:iam::123456789012:role/sftp/platform/writers";
    let user = |name: &str, namespace: &str, target: Value| {
        let mut spec = json!({"role": role, "home": {"s3": {"bucket": "my-files"}}});
        spec.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        managed("TransferUser", namespace, name, &spec)
    };
    let by_reference = json!({"serverRef": {"name": "files", "namespace": "sftp-platform"}});
    let by_id = json!({"serverId": server, "awsIdentityRef": {"name": "default"}, "region": "eu-central-1"});
    let rows = [
        (user("by-reference", "attacker", by_reference.clone()), "ServerNotAvailable"),
        (user("by-id", "attacker", by_id.clone()), "IdentityDenied"),
        (user("by-id-here", "sftp-platform", by_id), "IdentityDenied"),
        (user("foreign-role", "team-a", by_reference), "RoleNotGranted"),
    ];
    let users_before = world.calls_of("CreateUser").await.len();
    for (object, expected) in &rows {
        world.apply(std::slice::from_ref(object)).await;
        let text = |member: &str| object["metadata"][member].as_str().unwrap();
        world.told("transferusers", text("namespace"), text("name"), expected).await;
    }
    assert_eq!(world.calls_of("CreateUser").await.len(), users_before, "none of them reached AWS");

    world.patch("transferservers", "sftp-platform", "files", &json!({"spec": {"desiredState": "OFFLINE"}})).await;
    await_condition("files OFFLINE, whatever the others do", PATIENCE, async || {
        let object = world.object("transferservers", "sftp-platform", "files").await;
        if ready(&object) && object["status"]["state"] == "OFFLINE" {
            Ok(())
        } else {
            Err(object["status"].to_string())
        }
    })
    .await;
}
