//! The classes of calls, and what each is allowed before anything was learnt.

use super::pace::Rate;

/// Classes of calls, each with a rate of its own: AWS counts each service by itself, and what changes something apart
/// from what only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallClass {
    /// List and Describe of Transfer.
    Read,
    /// Every mutation of Transfer but CreateServer.
    Write,
    /// CreateServer.
    CreateServer,
    /// TestConnection.
    TestConnection,
    /// Describe of EC2.
    Ec2Read,
    /// Mutations of EC2.
    Ec2Write,
    /// Who we are, and the sessions of roles.
    Sts,
}

impl CallClass {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Write, Self::CreateServer, Self::TestConnection, Self::Ec2Read, Self::Ec2Write, Self::Sts];

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::CreateServer => "create_server",
            Self::TestConnection => "test_connection",
            Self::Ec2Read => "ec2_read",
            Self::Ec2Write => "ec2_write",
            Self::Sts => "sts",
        }
    }

    /// Whether AWS may count both together: they are of one service.
    #[must_use]
    pub fn beside(self, other: Self) -> bool {
        let service = |class| match class {
            Self::Read | Self::Write | Self::CreateServer | Self::TestConnection => 0,
            Self::Ec2Read | Self::Ec2Write => 1,
            Self::Sts => 2,
        };
        self != other && service(self) == service(other)
    }

    /// The class that this word is for.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// Calls per second of each class, for each account and region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// List and Describe of Transfer.
    pub read: Rate,
    /// Mutations of Transfer but CreateServer.
    pub write: Rate,
    /// CreateServer.
    pub create_server: Rate,
    /// TestConnection.
    pub test_connection: Rate,
    /// Describe of EC2.
    pub ec2_read: Rate,
    /// Mutations of EC2.
    pub ec2_write: Rate,
    /// All of STS.
    pub sts: Rate,
}

/// More than AWS is known to take from anybody: a rate that is learnt ends here.
pub const HIGHEST: f64 = 100.0;

/// So much may go at once after a rest, in seconds' worth: an edit is a few calls, and should not wait for a token.
const BURST_SECONDS: f64 = 2.0;

/// Reads and writes to begin with; CloudFormation's handlers send more in bulk.
const START: f64 = 10.0;

/// CreateServer to begin with: AWS makes a server in minutes, and its quota is 50.
const START_SERVERS: f64 = 1.0;

/// Tests of connections: AWS takes one a second in an account, and none beyond.
const TESTS: Rate = Rate { start: 1.0, ceiling: 1.0, burst_seconds: 0.0 };

/// Mutations of EC2 to begin with: EC2's documents let an account make 5 a second of the kind that we send.
const START_EC2_WRITES: f64 = 5.0;

impl Rates {
    /// As many as AWS takes, but at most so many of each class, where given. What holds for reads and writes of Transfer
    /// holds for those of EC2 and for STS as well, each by itself.
    #[must_use]
    pub fn at_most(read: Option<f64>, write: Option<f64>, create_server: Option<f64>) -> Self {
        let learnt = |start, most: Option<f64>| {
            let ceiling = most.unwrap_or(HIGHEST);
            Rate { start, ceiling, burst_seconds: BURST_SECONDS }
        };
        Self {
            read: learnt(START, read),
            write: learnt(START, write),
            create_server: learnt(START_SERVERS, create_server),
            test_connection: TESTS,
            ec2_read: learnt(START, read),
            ec2_write: learnt(START_EC2_WRITES, write),
            sts: learnt(START, read),
        }
    }

    /// So many of each class, from the first second on.
    #[must_use]
    pub fn fixed(rate: f64) -> Self {
        let rate = Rate { start: rate, ceiling: rate, burst_seconds: 1.0 };
        Self {
            read: rate,
            write: rate,
            create_server: rate,
            test_connection: rate,
            ec2_read: rate,
            ec2_write: rate,
            sts: rate,
        }
    }

    /// Whether a person bounds the class: it keeps a line of its own then, which no other class takes tokens of.
    #[must_use]
    pub fn capped(&self, class: CallClass) -> bool {
        self.of(class).ceiling < HIGHEST
    }

    /// That of a class.
    #[must_use]
    pub fn of(&self, class: CallClass) -> Rate {
        match class {
            CallClass::Read => self.read,
            CallClass::Write => self.write,
            CallClass::CreateServer => self.create_server,
            CallClass::TestConnection => self.test_connection,
            CallClass::Ec2Read => self.ec2_read,
            CallClass::Ec2Write => self.ec2_write,
            CallClass::Sts => self.sts,
        }
    }
}

impl Default for Rates {
    /// AWS publishes no rates for the control plane.
    fn default() -> Self {
        Self::at_most(None, None, None)
    }
}
