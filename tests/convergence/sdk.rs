//! `sim::door` held against the product: what the SDK sends for each call and what the operator reads of each answer
//! must be what the door makes of the same. One in front of that of the runs sees every call of every workflow. Unit
//! tests rest on the same door.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_transfer::config::{Builder, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use serde_json::{Value, json};
use transfer_operator::aws::credentials::{CredentialCache, Issue, Issued};
use transfer_operator::aws::ec2::Ec2Client;
use transfer_operator::aws::sdk::SdkApi;
use transfer_operator::aws::{Answer, AwsApi, AwsError, CreateOutput, Mutation, Permit, Read, Reply};
use transfer_operator::sim::operation::Asked;
use transfer_operator::sim::{door, ec2};

use crate::defects::{Seams, permit};
use crate::world::{ACCOUNT, REGION, World};

/// What stands where the network would.
#[derive(Clone, Default)]
struct Loopback {
    sent: Arc<Mutex<Value>>,
    answer: Arc<Mutex<String>>,
}

/// The SDK logs what it is made of, and private keys are sent.
impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").finish_non_exhaustive()
    }
}

impl HttpConnector for Loopback {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = request.body().bytes().unwrap_or_default();
        *self.sent.lock().unwrap() = serde_json::from_slice(sent).unwrap_or_else(|_| form(sent));
        let body = SdkBody::from(self.answer.lock().unwrap().clone());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200_u16.try_into().unwrap(), body)))
    }
}

impl HttpClient for Loopback {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The members of a call to EC2, beside what every one has.
fn form(sent: &[u8]) -> Value {
    let pairs = form_urlencoded::parse(sent).into_owned();
    pairs
        .filter(|(name, _)| !["Action", "Version"].contains(&name.as_str()))
        .map(|(name, value)| (name, json!(value)))
        .collect()
}

/// An answer as its service writes it.
fn written(asked: Asked, output: &Value) -> String {
    match asked {
        Asked::Transfer(_) => output.to_string(),
        Asked::Ec2(operation) => ec2::success(operation, output, "request"),
    }
}

#[derive(Debug)]
struct Anybody;

#[async_trait]
impl Issue for Anybody {
    async fn issue(&self) -> Result<Issued, AwsError> {
        Ok(Issued { credentials: Credentials::new("key", "secret", None, None, "test"), lifetime: None })
    }
}

/// Puts the comparison in.
pub fn put_in(seams: Seams) -> Seams {
    let world = Arc::clone(&seams.world);
    Seams { around_aws: Box::new(move |real| Arc::new(Beside::new(Arc::clone(&world), real))), ..seams }
}

/// The door of the runs, and the SDK beside it.
struct Beside {
    world: Arc<World>,
    real: Arc<dyn AwsApi>,
    sdk: SdkApi,
    network: Loopback,
}

impl Beside {
    fn new(world: Arc<World>, real: Arc<dyn AwsApi>) -> Self {
        let network = Loopback::default();
        let config = Builder::new().behavior_version_latest().http_client(network.clone());
        let config = config.region(Region::new(REGION)).endpoint_url("http://localhost");
        let ec2 = Ec2Client::new(SharedHttpClient::new(network.clone()), REGION, "http://localhost");
        Self { world, real, sdk: SdkApi::new(config, ec2, CredentialCache::new(Anybody)), network }
    }

    fn compare(&self, operation: &'static str, input: &Value, ours: &str, theirs: &str) {
        let mut sent = self.network.sent.lock().unwrap().clone();
        // How long a page may be says the operator's adapter; the simulator has its own.
        sent.as_object_mut().unwrap().remove("MaxResults");
        if sent != *input {
            self.world.violation(format!("{operation}: the SDK sends {sent} instead of {input}"));
        }
        if ours != theirs {
            self.world.violation(format!("{operation}: the SDK reads {theirs} instead of {ours}"));
        }
    }
}

#[async_trait]
impl AwsApi for Beside {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let (operation, input) = (call.operation(), door::input(&call));
        let (asked, now) = (Asked::named(operation).unwrap(), self.world.clock.now());
        let held = self.world.sim.lock().unwrap().out_of_band(asked, ACCOUNT, REGION, input.clone(), now);
        if let Ok(mut output) = held {
            transfer_operator::sim::wire::without_nulls(&mut output);
            *self.network.answer.lock().unwrap() = written(asked, &output);
            let theirs = self.sdk.read(at, call.clone()).await.map(|reply| reply.value);
            let ours: Result<Answer, AwsError> = Ok(door::answer(&call, &output).unwrap());
            self.compare(operation, &input, &format!("{ours:?}"), &format!("{theirs:?}"));
        }
        self.real.read(at, call).await
    }

    async fn mutate(&self, spent: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let (operation, input) = (call.operation(), door::mutation(&call).unwrap());
        let asked = Asked::named(operation).unwrap();
        let output: Value = match asked {
            Asked::Transfer(_) => call.required().iter().map(|member| ((*member).to_owned(), json!(member))).collect(),
            Asked::Ec2(_) => json!({"return": true}),
        };
        *self.network.answer.lock().unwrap() = written(asked, &output);
        let theirs = self.sdk.mutate(permit().await, at, call.clone()).await.map(|reply| reply.value);
        let ours: Result<CreateOutput, AwsError> = Ok(door::made(operation, &input["ServerId"], &output));
        self.compare(operation, &input, &format!("{ours:?}"), &format!("{theirs:?}"));
        self.real.mutate(spent, at, call).await
    }
}
