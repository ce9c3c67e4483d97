//! An object that is to be looked at, and why. Plain data: whom a change concerns is said in `affected`.

use crate::api::ManagedKind;
use crate::cluster::Name;
use crate::engine::controller::Cause;

/// A kind that can be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// `AwsIdentity`.
    Identity,
    /// What stands for something in AWS.
    Managed(ManagedKind),
}

impl Which {
    /// All of them; one comes after what it refers to.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Identity].into_iter().chain(ManagedKind::ALL.iter().copied().map(Self::Managed))
    }

    /// As objects say it in `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "AwsIdentity",
            Self::Managed(kind) => kind.name(),
        }
    }
}

/// An object that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trigger {
    /// Its kind.
    pub which: Which,
    /// Its name.
    pub name: Name,
    /// Why.
    pub cause: Cause,
}

impl Trigger {
    /// An object that stands for something in AWS.
    #[must_use]
    pub fn managed((kind, name): (ManagedKind, Name)) -> Self {
        Self { which: Which::Managed(kind), name, cause: Cause::Related }
    }

    /// The same object for something that it only shows.
    #[must_use]
    pub fn to_show(self) -> Self {
        Self { cause: Cause::Shown, ..self }
    }
}
