//! What AWS keeps by an id alone, for as long as it is seen: which of a kind can be read, changed and counted. What a
//! kind is made of is none of its business.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{Answer, ApiError};
use super::model::Tag;

/// What the service calls one kind of things.
pub trait Named {
    /// In errors, as the type of the resource.
    const TYPE: &'static str;
    /// In texts.
    const NOUN: &'static str;
    /// In ARNs.
    const PATH: &'static str;
    /// In front of an id.
    const PREFIX: &'static str;
}

/// One thing, and what is kept of each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Kept<T> {
    /// The thing itself.
    #[serde(flatten)]
    pub what: T,
    /// When it was made; listings may lag behind.
    pub created: Timestamp,
    /// Deleted, and invisible from then on.
    pub gone: Option<Timestamp>,
    /// In the order in which they were added.
    pub tags: Vec<Tag>,
}

/// All things of a kind in a region, by id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shelf<T>(BTreeMap<String, Kept<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Named> Shelf<T> {
    /// One that can be read; one that is being deleted still can.
    ///
    /// # Errors
    /// That it is unknown.
    pub fn get(&self, id: &str) -> Answer<&Kept<T>> {
        self.0.get(id).ok_or_else(|| unknown::<T>(id))
    }

    /// One that can be changed.
    ///
    /// # Errors
    /// That it is unknown, also for one that is being deleted.
    pub fn get_mut(&mut self, id: &str) -> Answer<&mut Kept<T>> {
        self.0.get_mut(id).filter(|kept| kept.gone.is_none()).ok_or_else(|| unknown::<T>(id))
    }

    /// One that others can name.
    ///
    /// # Errors
    /// That it is unknown, also for one that is being deleted.
    pub fn live(&self, id: &str) -> Answer<&T> {
        let kept = self.get(id)?;
        if kept.gone.is_none() { Ok(&kept.what) } else { Err(unknown::<T>(id)) }
    }

    /// Those that are not being deleted.
    pub fn living(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter().filter(|(_, kept)| kept.gone.is_none()).map(|(id, kept)| (id, &kept.what))
    }

    /// The same, to be changed.
    pub fn living_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.values_mut().filter(|kept| kept.gone.is_none()).map(|kept| &mut kept.what)
    }

    /// Those that can be read, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Kept<T>)> {
        self.0.iter()
    }

    /// Puts a new one in.
    pub fn add(&mut self, id: String, what: T, tags: Vec<Tag>, now: Timestamp) {
        self.0.insert(id, Kept { what, created: now, gone: None, tags });
    }

    /// Removes what was deleted long enough ago.
    pub fn purge(&mut self, now: Timestamp) {
        self.0.retain(|_, kept| kept.gone.is_none_or(|at| now < at));
    }

    /// When those that are being deleted vanish.
    pub fn leaving(&self) -> impl Iterator<Item = Timestamp> {
        self.0.values().filter_map(|kept| kept.gone)
    }
}

/// The refusal of one that is not there.
#[must_use]
pub fn unknown<T: Named>(id: &str) -> ApiError {
    ApiError::not_found(&format!("Unknown {}", T::NOUN), id, T::TYPE)
}
