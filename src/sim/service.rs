//! The whole service behind its socket: a signed request and a time go in, an answer comes out.
//! Synchronous and without a clock, so that a harness can run it in virtual time. Waiting and closing connections
//! are left to whoever owns the connection.

use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::calls::{Call, Calls};
use super::config::{Config, ErrorType, MessageKey};
use super::error::{Answer, ApiError};
use super::faults::{EffectOfError, Fault, Faults, Seen, Verdict};
use super::operation::{Asked, Operation};
use super::pace::Buckets;
use super::random::Random;
use super::request::{self, Target};
use super::sigv4::{self, Claim, Refusal};
use super::state::{Context, Region, World};
use super::sts::{self, Caller};
use super::time::{after, http_date};
use super::{dispatch, ec2, validate, wire};

/// The account that exists from the start, and its credentials.
#[derive(Debug, Clone)]
pub struct Root {
    /// Twelve digits.
    pub account: String,
    /// The access key of a user with all rights.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

/// The members that hold such an id.
const RESOURCE_IDS: [&str; 5] = ["ConnectorId", "AgreementId", "ProfileId", "CertificateId", "WebAppId"];

/// The simulated service.
#[derive(Debug)]
pub struct Service {
    /// What it holds.
    pub world: World,
    /// Its switches.
    pub config: Config,
    /// Its script of trouble.
    pub faults: Faults,
    /// What clients did.
    pub calls: Calls,
    /// The first account.
    pub root: Root,
    buckets: Buckets,
    pub(super) random: Random,
    pub(super) unsaved: bool,
}

/// A request that has arrived and may be held up.
#[derive(Debug)]
pub struct Arrived {
    request: Request<Vec<u8>>,
    target: Target,
    input: Value,
    claim: Result<Claim, Refusal>,
    verdict: Verdict,
}

/// A call from within the process: no bytes, and a signature of which only the time can be wrong.
#[derive(Debug)]
pub struct Direct {
    /// The operation.
    pub operation: Asked,
    /// The account of the caller.
    pub account: String,
    /// The region that is asked.
    pub region: String,
    /// Who calls, for the log.
    pub principal: String,
    /// The time under which it was signed.
    pub signed_at: Timestamp,
    /// The input, in AWS's names.
    pub input: Value,
}

/// What becomes of a request in the end.
#[derive(Debug)]
pub struct Departure {
    /// The answer; none means that the connection closes without one.
    pub reply: Option<Response<Vec<u8>>>,
    /// How long it is held up.
    pub delay: SignedDuration,
}

impl Arrived {
    /// How long the request is held up before it is carried out.
    #[must_use]
    pub const fn delay(&self) -> SignedDuration {
        self.verdict.delay_in
    }
}

impl Service {
    /// A service that holds `world`.
    #[must_use]
    pub fn new(root: Root, config: Config, random: Random, world: World) -> Self {
        let (faults, calls, buckets) = Default::default();
        Self { world, config, faults, calls, root, buckets, random, unsaved: false }
    }

    /// The simulator's clock.
    #[must_use]
    pub fn clock(&self, machine: Timestamp) -> Timestamp {
        after(machine, self.world.clock_ahead)
    }

    /// Whether something changed since the last time this was asked.
    pub fn take_unsaved(&mut self) -> bool {
        std::mem::take(&mut self.unsaved)
    }

    /// Takes a request in: it is counted by the script of trouble, and nothing else happens yet.
    pub fn arrive(&mut self, request: Request<Vec<u8>>, machine: Timestamp) -> Arrived {
        let claim = sigv4::claim(&request);
        let target = request::target(&request, claim.as_ref().ok().map(|c| c.service.as_str()));
        let input = request::input(&target, request.body());
        let seen = Seen {
            operation: target.name(),
            region: claim.as_ref().ok().map(|c| c.region.as_str()),
            access_key: claim.as_ref().ok().map(|c| c.access_key.as_str()),
            input: &input,
        };
        let mut verdict = self.faults.strike(&seen, self.clock(machine));
        if let Some(latency) = self.config.latency {
            verdict.delay_out = verdict.delay_out.saturating_add(latency.draw(&mut self.random));
        }
        Arrived { request, target, input, claim, verdict }
    }

    /// Carries a request out: signature, effect, log, answer.
    pub fn carry_out(&mut self, arrived: &Arrived, machine: Timestamp) -> Departure {
        let now = self.clock(machine);
        let fault = arrived.verdict.fault.as_ref();
        let mut call = noted(arrived, now);
        let result = match fault {
            Some(Fault::Refuse {}) => Err(ApiError::new("ConnectionRefused", "")),
            _ => self.run(arrived, now, &mut call),
        };
        call.outcome = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code.clone(),
        };
        call.fault = fault.map(|f| f.kind().to_owned());
        self.unsaved |= call.mutated;
        self.calls.note(call);
        let reply = match fault {
            Some(Fault::LoseReply {} | Fault::Refuse {}) => None,
            Some(other) => {
                let injected = other.error().map(|(error, _)| error);
                let result = injected.map_or(result, Err);
                Some(self.reply(&arrived.target, result, Some(other), now))
            }
            None => Some(self.reply(&arrived.target, result, None, now)),
        };
        Departure { reply, delay: arrived.verdict.delay_out }
    }

    /// Carries out a call from within the process: the age of its signature, effect, log, answer. The script of
    /// trouble is not asked: who stands in the process can do worse.
    ///
    /// # Errors
    /// What the operation refuses, and a signature that is too old or too new.
    pub fn direct(&mut self, direct: Direct, machine: Timestamp) -> Answer<Value> {
        let now = self.clock(machine);
        let Direct { operation, account, region, principal, signed_at, input } = direct;
        let logged = match operation {
            Asked::Transfer(operation) => validate::redacted(operation, &input),
            Asked::Ec2(_) => input.clone(),
        };
        let mut call = blank(operation.name(), logged, now);
        call.region = Some(region.clone());
        call.signed_at = Some(signed_at);
        call.account = Some(account.clone());
        call.principal = Some(principal);
        let in_time = sigv4::check_time(signed_at, now, self.config.signature_tolerance);
        let result = match operation {
            Asked::Transfer(operation) => in_time
                .map_err(|refusal| refusal.error(false))
                .and_then(|()| self.transfer(operation, &account, &region, input, now, &mut call)),
            Asked::Ec2(operation) => in_time
                .map_err(ec2::refused)
                .and_then(|()| self.ec2(operation, &form(input), &account, &region, now, &mut call)),
        };
        call.outcome = result.as_ref().map_or_else(|error| error.code.clone(), |_| "ok".to_owned());
        self.unsaved |= call.mutated;
        self.calls.note(call);
        let mut output = result?;
        wire::without_nulls(&mut output);
        Ok(output)
    }

    fn run(&mut self, arrived: &Arrived, now: Timestamp, call: &mut Call) -> Answer<Vec<u8>> {
        if let Target::Foreign(foreign) = &arrived.target {
            return Err(foreign.refusal());
        }
        let service = arrived.target.service();
        let (caller, region) = self.authenticate(arrived, service, now).map_err(|refusal| match service {
            "ec2" => ec2::refused(refusal),
            _ => refusal.error(service == "sts"),
        })?;
        call.account = Some(caller.account.clone());
        call.principal = Some(caller.arn.clone());
        if let Some((error, EffectOfError::None)) = arrived.verdict.fault.as_ref().and_then(Fault::error) {
            return Err(error);
        }
        match &arrived.target {
            Target::Transfer(name) => {
                let operation =
                    Operation::named(name).ok_or_else(|| ApiError::new("UnknownOperationException", name.clone()))?;
                self.within_rate(&caller.account, &region, name, now)?;
                let input = arrived.input.clone();
                let output = self.transfer(operation, &caller.account, &region, input, now, call)?;
                Ok(wire::success(output, &self.config))
            }
            Target::Sts(action) => {
                let form = sts::form(arrived.request.body());
                let xml = sts::call(action, &form, &caller, &mut self.world, &mut self.random, now)?;
                self.unsaved |= action == "AssumeRole";
                Ok(xml.into_bytes())
            }
            Target::Ec2(operation) => {
                let form = sts::form(arrived.request.body());
                let output = self.ec2(operation, &form, &caller.account, &region, now, call)?;
                Ok(ec2::success(operation, &output, &self.random.uuid()).into_bytes())
            }
            Target::Foreign(_) | Target::Unknown => Err(ApiError::new("UnknownOperationException", "")),
        }
    }

    /// Refuses one call too many, as AWS does before it looks at what is asked.
    fn within_rate(&mut self, account: &str, region: &str, operation: &str, now: Timestamp) -> Answer<()> {
        match self.config.rate_limit {
            Some(limit) if !self.buckets.take(limit, account, region, operation, now) => {
                Err(ApiError::new("ThrottlingException", "Rate exceeded"))
            }
            _ => Ok(()),
        }
    }

    fn transfer(
        &mut self,
        operation: Operation,
        account: &str,
        region: &str,
        input: Value,
        now: Timestamp,
        call: &mut Call,
    ) -> Answer<Value> {
        let caller = call.principal.clone().unwrap_or_default();
        let (result, changed) = self.in_region((account, region), now, Some(&caller), |held, context| {
            dispatch::call(operation, held, context, input)
        });
        // A refused call changes nothing, whatever it tried first.
        call.mutated = changed && result.is_ok();
        match (operation, &result) {
            (Operation::CreateServer, Ok(output)) => {
                call.created_server_id = text(output, "ServerId");
                call.server_id.clone_from(&call.created_server_id);
            }
            (Operation::CreateWorkflow, Ok(output)) => call.workflow_id = text(output, "WorkflowId"),
            (_, Ok(output)) => call.resource_id = call.resource_id.take().or_else(|| resource(output)),
            (_, Err(_)) => {}
        }
        result
    }

    fn ec2(
        &mut self,
        operation: &str,
        form: &ec2::Form,
        account: &str,
        region: &str,
        now: Timestamp,
        call: &mut Call,
    ) -> Answer<Value> {
        let caller = call.principal.clone().unwrap_or_default();
        let (result, changed) = self.in_region((account, region), now, Some(&caller), |held, context| {
            ec2::call(operation, form, held, context)
        });
        call.mutated = changed && result.is_ok();
        result
    }

    /// What a call does to what an account has in a region, and whether that changed; without a caller, who may do
    /// everything.
    fn in_region<T>(
        &mut self,
        (account, region): (&str, &str),
        now: Timestamp,
        caller: Option<&str>,
        call: impl FnOnce(&mut Region, &mut Context<'_>) -> T,
    ) -> (T, bool) {
        let mut context = Context {
            now,
            account,
            region,
            caller: caller.unwrap_or_default(),
            config: &self.config,
            random: &mut self.random,
            admin: caller.is_none(),
            changed: false,
        };
        let result = call(self.world.region(account, region), &mut context);
        (result, context.changed)
    }

    /// Carries out an operation as AWS itself or a person with all rights would: without signature, faults and log.
    ///
    /// # Errors
    /// What the operation refuses.
    pub fn out_of_band(
        &mut self,
        operation: impl Into<Asked>,
        account: &str,
        region: &str,
        input: Value,
        machine: Timestamp,
    ) -> Answer<Value> {
        let (now, operation) = (self.clock(machine), operation.into());
        let (result, changed) = self.in_region((account, region), now, None, |held, context| match operation {
            Asked::Transfer(operation) => dispatch::call(operation, held, context, input),
            Asked::Ec2(operation) => ec2::call(operation, &form(input), held, context),
        });
        self.unsaved |= changed;
        result
    }

    fn authenticate(&self, arrived: &Arrived, service: &str, now: Timestamp) -> Result<(Caller, String), Refusal> {
        let claim = arrived.claim.as_ref().map_err(Clone::clone)?;
        let (secret, caller) = self.credentials(claim, now)?;
        sigv4::verify(&arrived.request, claim, &secret, service, now, self.config.signature_tolerance)?;
        Ok((caller, claim.region.clone()))
    }

    fn credentials(&self, claim: &Claim, now: Timestamp) -> Result<(String, Caller), Refusal> {
        let root = &self.root;
        if claim.access_key == root.access_key && claim.token.is_none() {
            let caller = Caller {
                account: root.account.clone(),
                arn: format!("arn:aws:iam::{}:user/{}", root.account, root.access_key),
                user_id: format!("AIDA{}", root.access_key),
            };
            return Ok((root.secret_key.clone(), caller));
        }
        let session = self.world.sessions.get(&claim.access_key);
        let session = session.filter(|s| claim.token.as_ref() == Some(&s.token)).ok_or(Refusal::UnknownKey)?;
        if session.expires <= now {
            return Err(Refusal::Expired);
        }
        let caller =
            Caller { account: session.account.clone(), arn: session.arn.clone(), user_id: session.user_id.clone() };
        Ok((session.secret_key.clone(), caller))
    }

    fn reply(
        &mut self,
        target: &Target,
        result: Answer<Vec<u8>>,
        fault: Option<&Fault>,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        let id = self.random.uuid();
        let (forced, style) = self.error_style(fault);
        let mut headers = Vec::new();
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err(error) => {
                let error = if let Target::Ec2(_) = target { ec2::renamed(error) } else { error };
                let status = forced.unwrap_or_else(|| wire::status(&error.code, self.config.status));
                let (body, more) = match target {
                    Target::Sts(_) => (sts::failure(sts::NAMESPACE, &error, &id, status).into_bytes(), Vec::new()),
                    Target::Ec2(_) => (ec2::failure(&error, &id).into_bytes(), Vec::new()),
                    Target::Foreign(foreign) => foreign.failure(&error, &id, status),
                    Target::Transfer(_) | Target::Unknown => wire::failure(&error, &self.config, style),
                };
                headers = more;
                (status, body)
            }
        };
        let kind = match target {
            Target::Sts(_) | Target::Ec2(_) => "text/xml",
            Target::Foreign(foreign) => foreign.content_type(),
            Target::Transfer(_) | Target::Unknown => "application/x-amz-json-1.1",
        };
        let mut reply = Response::builder()
            .status(status)
            .header("content-type", kind)
            .header("x-amzn-requestid", id)
            .header("date", http_date(now));
        for (name, value) in headers {
            reply = reply.header(name, value);
        }
        reply.body(body).unwrap_or_else(|_| Response::new(Vec::new()))
    }

    fn error_style(&self, fault: Option<&Fault>) -> (Option<u16>, (ErrorType, MessageKey)) {
        let usual = (self.config.error_type, self.config.error_message);
        match fault {
            Some(Fault::Error(error)) => {
                (error.status, (error.error_type.unwrap_or(usual.0), error.error_message.unwrap_or(usual.1)))
            }
            _ => (None, usual),
        }
    }
}

fn noted(arrived: &Arrived, now: Timestamp) -> Call {
    let claim = arrived.claim.as_ref().ok();
    let name = arrived.target.name();
    let logged = Operation::named(name)
        .map_or_else(|| arrived.input.clone(), |operation| validate::redacted(operation, &arrived.input));
    Call {
        region: claim.map(|c| c.region.clone()),
        access_key: claim.map(|c| c.access_key.clone()),
        signed_at: claim.map(|c| c.signed_at),
        ..blank(name, logged, now)
    }
}

/// A line of the log before anything is known but what was asked for.
fn blank(operation: &str, logged: Value, now: Timestamp) -> Call {
    Call {
        seq: 0,
        time: now,
        account: None,
        region: None,
        operation: operation.to_owned(),
        principal: None,
        access_key: None,
        signed_at: None,
        server_id: text(&logged, "ServerId"),
        workflow_id: text(&logged, "WorkflowId"),
        resource_id: resource(&logged),
        user_name: text(&logged, "UserName"),
        external_id: text(&logged, "ExternalId"),
        input: logged,
        outcome: String::new(),
        fault: None,
        mutated: false,
        created_server_id: None,
    }
}

/// What a request or an answer is about beside a server or a workflow.
fn resource(value: &Value) -> Option<String> {
    RESOURCE_IDS.iter().find_map(|member| text(value, member))
}

/// The input of an operation of EC2; what is no object of texts names nothing.
fn form(input: Value) -> ec2::Form {
    serde_json::from_value(input).unwrap_or_default()
}

fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
