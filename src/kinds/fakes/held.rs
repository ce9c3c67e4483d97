//! What AWS holds, for tests to read and to change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sim::door;

/// What AWS holds of one resource, in the operator's own types. A test reads it, or changes it in place, as a person at
/// the console would; what it changed is put back in the end.
pub struct Held<'a, C, K: Ord, T: PartialEq> {
    cloud: &'a C,
    was: BTreeMap<K, T>,
    now: BTreeMap<K, T>,
    put: Put<C, K, T>,
}

/// Puts one of them back, as it was and as it is now.
type Put<C, K, T> = fn(&C, &K, Option<&T>, Option<&T>);

impl<'a, C, K: Ord + Clone, T: PartialEq + Clone> Held<'a, C, K, T> {
    pub fn new(cloud: &'a C, was: BTreeMap<K, T>, put: Put<C, K, T>) -> Self {
        Self { cloud, now: was.clone(), was, put }
    }
}

impl<C, K: Ord, T: PartialEq> Deref for Held<'_, C, K, T> {
    type Target = BTreeMap<K, T>;

    fn deref(&self) -> &BTreeMap<K, T> {
        &self.now
    }
}

impl<C, K: Ord, T: PartialEq> DerefMut for Held<'_, C, K, T> {
    fn deref_mut(&mut self) -> &mut BTreeMap<K, T> {
        &mut self.now
    }
}

impl<C, K: Ord, T: PartialEq> Drop for Held<'_, C, K, T> {
    fn drop(&mut self) {
        let keys: BTreeSet<&K> = self.was.keys().chain(self.now.keys()).collect();
        for key in keys {
            let (was, now) = (self.was.get(key), self.now.get(key));
            if was != now && !std::thread::panicking() {
                (self.put)(self.cloud, key, was, now);
            }
        }
    }
}

/// What is held, with those members that differ between the two. What AWS always has stays where it is cleared.
pub fn overlaid<M: Serialize + DeserializeOwned>(held: &M, was: &impl Serialize, now: &impl Serialize) -> M {
    let mut held = serde_json::to_value(held).unwrap();
    let (was, now) = (door::pascal(was).unwrap(), door::pascal(now).unwrap());
    for name in was.as_object().unwrap().keys().chain(now.as_object().unwrap().keys()) {
        let before = held[name].clone();
        if was.get(name) != now.get(name) {
            held[name] = now[name].clone();
        }
        if held[name].is_null() && M::deserialize(&held).is_err() {
            held[name] = before;
        }
    }
    serde_json::from_value(held).unwrap()
}
