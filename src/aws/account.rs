//! One account and region as a pass sees it: the door behind the gate, on AWS's clock.
//!
//! Adds what every call needs (rate, clock, complete listings) and decides nothing about objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::types::{Access, HostKey, ListedAccess, ListedServer, ListedUser, Page, Server, User};
use super::{Answer, AwsClock, Class, Fault, FaultKind, Gate, Made, Mutation, Permit, Read, Transfer};

/// A door to one account and region.
#[derive(Clone)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Region, such as `eu-central-1`.
    pub region: String,
    /// AWS's clock as its replies tell it.
    pub clock: Arc<AwsClock>,
    transfer: Arc<dyn Transfer>,
    gate: Arc<Gate>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "account {} in {}", self.id, self.region)
    }
}

impl Account {
    /// Puts a door behind the gate.
    #[must_use]
    pub fn new(id: String, region: String, transfer: Arc<dyn Transfer>, gate: Arc<Gate>, clock: Arc<AwsClock>) -> Self {
        Self { id, region, clock, transfer, gate }
    }

    /// Waits for the right to send one mutation. Taken before the live read on which the mutation rests.
    pub async fn permit(&self, class: Class) -> Permit {
        self.gate.pass(&self.id, &self.region, class).await
    }

    /// AWS's time; asks AWS (one row of a listing's page) where nothing was heard of it yet.
    ///
    /// # Errors
    /// The fault of that read, where it brought no `Date` either.
    pub async fn now(&self) -> Result<Timestamp, Fault> {
        if let Some(now) = self.clock.now() {
            return Ok(now);
        }
        let outcome = self.read(Read::ListSecurityPolicies { token: None }).await;
        match (self.clock.now(), outcome) {
            (Some(now), _) => Ok(now),
            (None, Err(fault)) => Err(fault),
            (None, Ok(_)) => Err(no_date()),
        }
    }

    /// Sends a mutation once, signed with `at`.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Made, Fault> {
        let (class, operation) = (class_of(&call), call.operation());
        let outcome = self.transfer.mutate(permit, at, call).await;
        self.gate.tally.call(operation, &outcome);
        match outcome {
            Ok(reply) => {
                self.clock.observe(reply.date);
                Ok(reply.value)
            }
            Err(fault) => Err(self.note(fault, class)),
        }
    }

    /// DescribeServer.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn describe_server(&self, server_id: &str) -> Result<Server, Fault> {
        match self.read(Read::DescribeServer { server_id: server_id.to_owned() }).await? {
            Answer::Server(server) => Ok(*server),
            other => Err(unexpected("DescribeServer", &other)),
        }
    }

    /// DescribeUser.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn describe_user(&self, server_id: &str, user_name: &str) -> Result<User, Fault> {
        let call = Read::DescribeUser { server_id: server_id.to_owned(), user_name: user_name.to_owned() };
        match self.read(call).await? {
            Answer::User(user) => Ok(*user),
            other => Err(unexpected("DescribeUser", &other)),
        }
    }

    /// DescribeAccess.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn describe_access(&self, server_id: &str, external_id: &str) -> Result<Access, Fault> {
        let call = Read::DescribeAccess { server_id: server_id.to_owned(), external_id: external_id.to_owned() };
        match self.read(call).await? {
            Answer::Access(access) => Ok(*access),
            other => Err(unexpected("DescribeAccess", &other)),
        }
    }

    /// DescribeHostKey.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn describe_host_key(&self, server_id: &str, host_key_id: &str) -> Result<HostKey, Fault> {
        let call = Read::DescribeHostKey { server_id: server_id.to_owned(), host_key_id: host_key_id.to_owned() };
        match self.read(call).await? {
            Answer::HostKey(key) => Ok(*key),
            other => Err(unexpected("DescribeHostKey", &other)),
        }
    }

    /// ListServers to its end.
    ///
    /// # Errors
    /// The fault of any page: an incomplete listing is no listing.
    pub async fn list_servers(&self) -> Result<Vec<ListedServer>, Fault> {
        self.pages(
            "ListServers",
            |token| Read::ListServers { token },
            |answer| match answer {
                Answer::Servers(page) => Ok(page),
                other => Err(other),
            },
        )
        .await
    }

    /// ListUsers to its end.
    ///
    /// # Errors
    /// The fault of any page.
    pub async fn list_users(&self, server_id: &str) -> Result<Vec<ListedUser>, Fault> {
        self.pages(
            "ListUsers",
            |token| Read::ListUsers { server_id: server_id.to_owned(), token },
            |answer| match answer {
                Answer::Users(page) => Ok(page),
                other => Err(other),
            },
        )
        .await
    }

    /// ListAccesses to its end.
    ///
    /// # Errors
    /// The fault of any page.
    pub async fn list_accesses(&self, server_id: &str) -> Result<Vec<ListedAccess>, Fault> {
        self.pages(
            "ListAccesses",
            |token| Read::ListAccesses { server_id: server_id.to_owned(), token },
            |answer| match answer {
                Answer::Accesses(page) => Ok(page),
                other => Err(other),
            },
        )
        .await
    }

    /// ListHostKeys to its end; the rows carry no tags.
    ///
    /// # Errors
    /// The fault of any page.
    pub async fn list_host_keys(&self, server_id: &str) -> Result<Vec<HostKey>, Fault> {
        self.pages(
            "ListHostKeys",
            |token| Read::ListHostKeys { server_id: server_id.to_owned(), token },
            |answer| match answer {
                Answer::HostKeys(page) => Ok(page),
                other => Err(other),
            },
        )
        .await
    }

    /// One read through the gate.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn read(&self, call: Read) -> Result<Answer, Fault> {
        let _spent = self.gate.pass(&self.id, &self.region, Class::Read).await;
        let operation = call.operation();
        let outcome = self.transfer.read(self.clock.now(), call).await;
        self.gate.tally.call(operation, &outcome);
        match outcome {
            Ok(reply) => {
                self.clock.observe(reply.date);
                Ok(reply.value)
            }
            Err(fault) => Err(self.note(fault, Class::Read)),
        }
    }

    /// Reads every page. A token that comes back a second time means that the listing does not end: no listing.
    async fn pages<T>(
        &self,
        operation: &'static str,
        call: impl Fn(Option<String>) -> Read,
        page: impl Fn(Answer) -> Result<Page<T>, Answer>,
    ) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        let mut seen = BTreeSet::new();
        let mut token = None;
        loop {
            let answer = self.read(call(token)).await?;
            let next = page(answer).map_err(|other| unexpected(operation, &other))?;
            items.extend(next.items);
            match next.next_token {
                None => return Ok(items),
                Some(next) if !seen.insert(next.clone()) => return Err(repeated(operation)),
                Some(next) => token = Some(next),
            }
        }
    }

    fn note(&self, fault: Fault, class: Class) -> Fault {
        self.clock.observe(fault.date);
        if fault.kind == FaultKind::Throttled {
            self.gate.throttled(&self.id, &self.region, class);
        }
        fault
    }
}

/// The class whose bucket a mutation is taken from.
#[must_use]
pub fn class_of(call: &Mutation) -> Class {
    match call {
        Mutation::CreateServer(_) => Class::CreateServer,
        _ => Class::Write,
    }
}

fn local(operation: &'static str, code: &str, message: String) -> Fault {
    Fault {
        operation,
        kind: FaultKind::Unavailable,
        code: code.to_owned(),
        message,
        resource_type: None,
        retry_after: None,
        date: None,
    }
}

fn unexpected(operation: &'static str, answer: &Answer) -> Fault {
    let kind = std::mem::discriminant(answer);
    local(operation, "UnexpectedAnswer", format!("the door answered with another shape ({kind:?})"))
}

fn repeated(operation: &'static str) -> Fault {
    local(operation, "RepeatedToken", "a page token came twice, the listing is incomplete".to_owned())
}

fn no_date() -> Fault {
    local("ListSecurityPolicies", "NoDate", "AWS's answer carried no Date header".to_owned())
}
