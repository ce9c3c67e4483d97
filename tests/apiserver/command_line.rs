//! `kubectl transfer` as people run it beside the operator: what it prints into a pipe, in every form, and that it
//! changes nothing.

use std::process::Output;

use serde_json::{Value, json};
use transfer_operator::ssh::PublicKey;

use crate::host_keys::{KeySecret, allow_secrets};
use crate::support::{Operator, await_condition, aws_environment, managed};
use crate::world::{PATIENCE, PLATFORM, World};

/// A key that nobody in the demo has.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
/// What a terminal would understand as something else than a letter.
const ESCAPE: char = '\u{1b}';

/// Runs it as a cluster administrator with the credentials of the operator.
async fn run(world: &World, args: &[&str], no_color: Option<&str>) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubectl-transfer"));
    command
        .args(args)
        .env("KUBECONFIG", world.plane.kubeconfig())
        .envs(aws_environment(&world.sim))
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("NO_COLOR");
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    command.output().await.unwrap()
}

/// What it prints where all is well: ASCII and no colours, whatever the environment says of them.
pub async fn printed(world: &World, args: &[&str]) -> String {
    let [plain, without] = [run(world, args, None).await, run(world, args, Some("1")).await];
    let told = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert!(plain.status.success() && told.is_empty(), "{args:?}: {} {told}", plain.status);
    let [text, without] = [plain, without].map(|output| String::from_utf8(output.stdout).unwrap());
    for text in [&text, &without] {
        assert!(text.is_ascii() && !text.contains(ESCAPE) && text.ends_with('\n'), "{args:?}: {text}");
    }
    text
}

/// The facts of `args`, the same in both forms.
async fn facts(world: &World, args: &[&str]) -> Value {
    let json = printed(world, &[args, &["-o", "json"]].concat()).await;
    let yaml = printed(world, &[args, &["-o", "yaml"]].concat()).await;
    let facts: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), facts, "{args:?}: {yaml}");
    facts
}

fn names(facts: &Value) -> Vec<&str> {
    facts.as_array().unwrap().iter().map(|fact| fact["name"].as_str().unwrap()).collect()
}

/// The calls that changed something and name this.
pub async fn changes(world: &World, name: &str) -> Vec<String> {
    let calls = world.sim.calls().await["calls"].as_array().unwrap().clone();
    let about = |call: &&Value| call["mutated"] == true && call.to_string().contains(name);
    calls.iter().filter(about).map(|call| call["operation"].as_str().unwrap().to_owned()).collect()
}

/// Everything that the demo has is Ready, and alice's key has a name with a letter that is no ASCII.
async fn demo() -> (World, Operator) {
    let world = World::demo().await;
    let operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let named = json!({"spec": {"sshPublicKeys": [{"publicKey": format!("{KEY} m\u{fc}ller@laptop")}]}});
    world.patch("transferusers", PLATFORM, "alice", &named).await;
    world.all_ready(7).await;
    (world, operator)
}

#[tokio::test]
async fn status_and_describe_say_what_the_cluster_has_in_every_form() {
    let (world, _operator) = demo().await;
    let objects = world.objects().await;
    let here = ["status", "--namespace", PLATFORM];
    let (table, everything) = (printed(&world, &here).await, printed(&world, &["status", "-A"]).await);
    for name in ["files", "corp", "alice", "bob", "corp-finance", "corp-engineering"] {
        assert!(table.contains(name) && everything.contains(name), "{name}: {table}{everything}");
    }
    assert!(everything.contains("invoices") && !table.contains("invoices"), "{table}{everything}");
    let all = facts(&world, &["status", "-A"]).await;
    assert_eq!(all.as_array().unwrap().len(), objects.len() + 1, "and the identity: {:?}", names(&all));
    assert_eq!(names(&facts(&world, &here).await).len(), 6);
    assert_eq!(facts(&world, &["status", "-n", "default"]).await, json!([]));
    assert_eq!(printed(&world, &["status", "-n", "default"]).await, "nothing found\n");

    for (kind, name) in [("server", "files"), ("user", "alice"), ("access", "corp-finance"), ("identity", "default")] {
        let args = ["describe", kind, name, "--namespace", PLATFORM];
        let (text, one) = (printed(&world, &args).await, facts(&world, &args).await);
        assert!(text.contains(name), "{text}");
        assert_eq!((&one["name"], &one["current"]), (&json!(name), &json!(true)), "{one:#}");
        let ready = one["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == "Ready");
        assert_eq!(ready.unwrap()["status"], "True", "{one:#}");
    }
    let plain = ["describe", "server", "files", "--namespace", PLATFORM];
    let (asked, described) = (world.calls_of("DescribeSecurityPolicy").await.len(), facts(&world, &plain).await);
    assert!(described["algorithms"].is_null() && described["securityPolicy"].is_string(), "{described:#}");
    assert_eq!(world.calls_of("DescribeSecurityPolicy").await.len(), asked, "AWS is asked only where one wants it");
    let algorithms = [&plain[..], &["--algorithms"]].concat();
    let (text, one) = (printed(&world, &algorithms).await, facts(&world, &algorithms).await);
    assert!(text.contains("SSH key exchanges") && text.contains("hmac-sha2-256-etm@openssh.com"), "{text}");
    let all = &one["algorithms"];
    for kind in ["sshCiphers", "sshKexs", "sshMacs", "sshHostKeyAlgorithms", "tlsCiphers"] {
        assert!(all[kind].as_array().unwrap().len() > 1, "{kind}: {all:#}");
    }
    let none = run(&world, &["describe", "user", "alice", "-n", PLATFORM, "--algorithms"], None).await;
    let told = String::from_utf8(none.stderr).unwrap();
    assert!(none.status.code() == Some(2) && told.contains("names no security policy"), "{told}");
    let alice = facts(&world, &["describe", "tusr", "alice", "-n", PLATFORM]).await;
    assert_eq!(alice["keys"][0]["comment"], "m\u{fc}ller@laptop");
    let missing = run(&world, &["describe", "server", "nobody", "-n", PLATFORM], None).await;
    let told = String::from_utf8(missing.stderr).unwrap();
    assert!(missing.status.code() == Some(2) && told.contains("nobody"), "{told}");
}

#[tokio::test]
async fn known_hosts_are_lines_where_the_key_is_known_and_comments_else() {
    let world = World::demo().await;
    KeySecret::of("openssh-ed25519").create(&world, "host-keys").await;
    allow_secrets(&world).await;
    let listed = json!({"spec": {"hostKeys": [{"name": "one", "secretKeyRef": {"name": "host-keys"}}]}});
    world.patch("transferservers", PLATFORM, "files", &listed).await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let server = world.object("transferservers", PLATFORM, "files").await;
    let endpoint = server["status"]["endpoint"].as_str().unwrap();
    let text = printed(&world, &["known-hosts", "files", "-n", PLATFORM, "--host", "sftp.example.com"]).await;
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    assert!(line.starts_with(&format!("{endpoint},sftp.example.com ssh-ed25519 AAAA")), "{text}");
    let public = PublicKey::parse(line.split_once(' ').unwrap().1).unwrap();
    let shown = server["status"]["hostKeys"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(public.fingerprint(), shown, "{text}");
    assert!(!text.contains("PRIVATE"), "{text}");
    // Of the key that AWS made itself nobody has more than its fingerprint.
    let text = printed(&world, &["known-hosts", "corp", "-n", PLATFORM]).await;
    assert!(text.contains("SHA256:") && text.lines().all(|line| line.starts_with('#')), "{text}");
}

/// A partner's certificate, a profile that has it, and a web app with a logo, as somebody made them: their ids.
async fn partners(world: &World, role: &str, owner: &Value) -> [String; 3] {
    let pem = include_str!("../fixtures/certificates/partner.pem");
    let certificate = json!({"Usage": "SIGNING", "Certificate": pem, "Description": "of-partner", "Tags": [owner]});
    let certificate = world.out_of_band("ImportCertificate", &certificate).await;
    let profile = json!({"As2Id": "them", "ProfileType": "PARTNER", "Tags": [owner],
        "CertificateIds": [certificate["CertificateId"]]});
    let profile = world.out_of_band("CreateProfile", &profile).await;
    let center = json!({"InstanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "Role": role});
    let web_app = json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}, "Tags": [owner]});
    let web_app = world.out_of_band("CreateWebApp", &web_app).await;
    // Bytes that are no text.
    let look = json!({"WebAppId": web_app["WebAppId"], "Title": "Files", "LogoFile": "/9j/4AAQ"});
    world.out_of_band("UpdateWebAppCustomization", &look).await;
    let ids = [&certificate["CertificateId"], &profile["ProfileId"], &web_app["WebAppId"]];
    ids.map(|id| id.as_str().unwrap().to_owned())
}

/// What a person exports, checks, grants and applies.
#[tokio::test]
async fn an_export_passes_the_check_and_is_taken_over() {
    let (world, _operator) = demo().await;
    // The identity of the demo adds this tag to everything: where it is missing, nothing is taken over as it is.
    let owner = json!({"Key": "owner", "Value": "platform"});
    let tags = json!([{"Key": "Name", "Value": "B\u{fc}ro"}, owner]);
    world.out_of_band("CreateServer", &json!({"Tags": tags})).await;
    let servers = world.servers().await;
    let ours: Vec<Value> = world.objects().await.iter().map(|object| object["status"]["serverId"].clone()).collect();
    let id = servers.keys().find(|id| !ours.contains(&json!(id))).unwrap();
    let role = "arn:aws:iam::123456789012:role/sftp/platform/x";
    let user = json!({"ServerId": id, "UserName": "Alice_1", "Role": role, "Tags": [owner]});
    world.out_of_band("CreateUser", &user).await;
    let made = partners(&world, role, &owner).await;
    let before = changes(&world, "").await;
    // AWS's listing lags.
    await_condition("the export of everything", PATIENCE, async || {
        let all = printed(&world, &["export", "--all", "--namespace", PLATFORM]).await;
        let whole = servers.keys().chain(&made).all(|id| all.contains(id.as_str()));
        if whole { Ok(()) } else { Err(all) }
    })
    .await;
    let [certificate, profile, web_app] = made.each_ref().map(String::as_str);
    let ids = ["--server-id", id, "--id", certificate, "--id", profile, "--id", web_app];
    let text = printed(&world, &[&["export", "--namespace", PLATFORM][..], &ids].concat()).await;
    assert_eq!(changes(&world, "").await, before, "an export changes nothing");

    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let path = file.path().to_str().unwrap();
    let summary = printed(&world, &["check", "-f", path]).await;
    assert!(
        summary
            .contains("1 TransferCertificate, 1 TransferProfile, 1 TransferServer, 1 TransferUser, 1 TransferWebApp"),
        "{summary}"
    );
    let identity = world.object("awsidentities", "", "default").await;
    let mut grants = identity["spec"]["grants"].clone();
    grants[0]["serverIds"] = json!([id]);
    grants[0]["adoptableIds"] = json!(made);
    world.patch("awsidentities", "", "default", &json!({"spec": {"grants": grants}})).await;
    world.plane.kubectl(&["apply", "--filename", path]).await;
    world.all_ready(12).await;
    let done = changes(&world, id).await;
    assert_eq!(done, ["TagResource", "TagResource"], "the server and its user say whose they are");
    for id in &made {
        assert_eq!(changes(&world, id).await, ["TagResource"], "and so does {id}");
    }
    assert!(printed(&world, &["status", "-n", PLATFORM]).await.contains("Alice_1"));
}

#[tokio::test]
async fn check_finds_what_the_api_server_refuses_and_says_where() {
    let world = World::demo().await;
    let broken =
        managed("TransferUser", PLATFORM, "m\u{fc}ller", &json!({"serverRef": {"name": "files"}, "role": "r\u{f6}le"}));
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), serde_saphyr::to_string(&broken).unwrap()).unwrap();
    let checked = run(&world, &["check", "-f", file.path().to_str().unwrap()], None).await;
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{text}");
    assert!(text.is_ascii() && text.contains("spec.role"), "{text}");
    let refused = world.try_apply(&[broken]).await.unwrap_err();
    assert!(refused.contains("spec.role") || refused.contains("metadata.name"), "{refused}");
}
