//! The chart's dashboard beside a Prometheus that scrapes the operator at work: no query of it answers with nothing.
//!
//! With `DASHBOARD_DATA=file` it goes on for some minutes and writes what the queries answered with, which
//! `tools/dashboard.py file` draws for the docs.

use kube::{Client, Config};
use serde_json::{Value, json};

use crate::support::{Process, await_condition, managed, prometheus, repository};
use crate::world::{PATIENCE, PLATFORM, World};

/// Two scrapes make a rate.
const SCRAPED_EVERY: &str = "1s";
/// What Grafana puts in place of its variable.
const RATE_OVER: &str = "30s";

/// A Prometheus that scrapes the operator.
struct Prometheus {
    url: String,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        // JSON is YAML.
        let config = json!({
            "global": {"scrape_interval": SCRAPED_EVERY},
            "scrape_configs": [{"job_name": "operator", "static_configs": [{"targets": [target]}]}],
        });
        std::fs::write(at("prometheus.yml"), config.to_string()).unwrap();
        let address = free_address();
        let process = Process::guarded("prometheus", &prometheus("prometheus"), |command| {
            command
                .arg(format!("--config.file={}", at("prometheus.yml")))
                .arg(format!("--storage.tsdb.path={}", at("data")))
                .arg(format!("--web.listen-address={address}"));
        });
        Self { url: format!("http://{address}"), _process: process, _folder: folder }
    }

    /// What a query answers with now.
    async fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        self.ask("query", &[("query", query)]).await
    }

    /// What it answered with in the last so many seconds.
    async fn history(&self, query: &str, seconds: f64) -> Vec<Value> {
        let now = self.query("vector(time())").await.unwrap()[0]["value"][0].as_f64().unwrap();
        let (start, end) = ((now - seconds).to_string(), now.to_string());
        let over = [("query", query), ("start", &start), ("end", &end), ("step", "2")];
        self.ask("query_range", &over).await.unwrap()
    }

    async fn ask(&self, what: &str, members: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let members: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
        let request = http::Request::get(format!("/api/v1/{what}?{members}")).body(Vec::new()).unwrap();
        let client = Client::try_from(Config::new(self.url.parse().unwrap())).unwrap();
        let answer = client.request_text(request).await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        Ok(answer["data"]["result"].as_array().unwrap().clone())
    }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Title of the panel and query, for all queries of the dashboard.
fn queries() -> Vec<(String, String)> {
    let file = repository("charts/transfer-operator/files/dashboard.json");
    let board: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    panels
        .flat_map(|panel| {
            panel["targets"].as_array().into_iter().flatten().map(move |target| (&panel["title"], &target["expr"]))
        })
        .map(|(title, query)| {
            let query = query.as_str().unwrap().replace("$__rate_interval", RATE_OVER);
            (title.as_str().unwrap().to_owned(), query)
        })
        .collect()
}

/// A user whose key ends, a certificate, a server of nobody, and calls that AWS throttles: what only a bad day has.
async fn bad_day(world: &World) {
    let key = std::fs::read_to_string(repository("tests/fixtures/keys/openssh-ed25519.pub")).unwrap();
    let spec = json!({
        "serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp/platform/files",
        "home": {"s3": {"bucket": "files"}},
        "sshPublicKeys": [{"publicKey": key.trim(), "expiresAt": "2099-01-01T00:00:00Z"}],
    });
    let pem = std::fs::read_to_string(repository("tests/fixtures/certificates/partner.pem")).unwrap();
    let source = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": PLATFORM},
        "data": {"pem": pem}});
    let theirs =
        json!({"region": "eu-central-1", "usage": "SIGNING", "configMapKeyRef": {"name": "theirs", "key": "pem"}});
    let theirs = managed("TransferCertificate", PLATFORM, "theirs", &theirs);
    world.apply(&[managed("TransferUser", PLATFORM, "ends", &spec), source, theirs]).await;
    let uid = world.plane.kubectl(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]).await;
    let tag = |key: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{key}"), "Value": value});
    let tags = [tag("cluster", &uid), tag("owner", "team/gone"), tag("uid", "of-nobody")];
    world.out_of_band("CreateServer", &json!({"Tags": tags})).await;
    let fault = json!({"kind": "throttle"});
    for operation in ["DescribeServer", "DescribeUser"] {
        world.sim.control("/_sim/faults", &json!({"operation": operation, "next": 3, "fault": fault})).await;
    }
}

#[tokio::test]
async fn no_query_of_the_dashboard_answers_with_nothing() {
    let queries = queries();
    assert!(queries.len() > 25, "{queries:#?}");
    let world = World::demo().await;
    bad_day(&world).await;
    let operator = world.operator(&["--resync-interval=1s"]).await;
    world.all_ready(9).await;
    let prometheus = Prometheus::start(&operator.health_address());
    come(&world, "first").await;
    await_condition("an answer to every query", PATIENCE, async || {
        let mut empty = Vec::new();
        for (title, query) in &queries {
            let answered = prometheus.query(query).await?;
            // Without a number it is an empty panel, too.
            if !answered.iter().any(|sample| sample["value"][1] != "NaN") {
                empty.push(format!("{title}: {query}"));
            }
        }
        if empty.is_empty() { Ok(()) } else { Err(format!("{empty:#?}")) }
    })
    .await;
    let up = prometheus.query("up").await.unwrap();
    assert_eq!(up[0]["value"][1], "1", "Prometheus reads our format: {up:?}");
    if let Some(file) = std::env::var_os("DASHBOARD_DATA") {
        busy_minutes(&world).await;
        let mut answers = serde_json::Map::new();
        for (_, query) in &queries {
            answers.insert(query.clone(), prometheus.history(query, 240.0).await.into());
        }
        std::fs::write(file, Value::from(answers).to_string()).unwrap();
    }
}

/// Twenty users at once, while AWS throttles; answers with their names.
async fn come(world: &World, wave: &str) -> Vec<String> {
    let spec = json!({
        "serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp/platform/files",
        "home": {"s3": {"bucket": "files"}},
    });
    let names: Vec<String> = (0..20).map(|number| format!("wave-{wave}-{number}")).collect();
    let users: Vec<Value> = names.iter().map(|name| managed("TransferUser", PLATFORM, name, &spec)).collect();
    world.apply(&users).await;
    let throttle = json!({"operation": "DescribeUser", "next": 10, "fault": {"kind": "throttle"}});
    world.sim.control("/_sim/faults", &throttle).await;
    names
}

/// Users come and go, and AWS throttles now and then.
async fn busy_minutes(world: &World) {
    for wave in 0..6 {
        let names = come(world, &wave.to_string()).await;
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        if wave % 2 == 1 {
            let line = ["delete", "transferusers", "--namespace", PLATFORM, "--wait=false"];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            world.plane.kubectl(&[&line[..], &names[..]].concat()).await;
        }
    }
}
