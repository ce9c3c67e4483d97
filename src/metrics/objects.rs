//! What is told of objects, and of what AWS has of them. Nothing in it grows with the number of objects.

use kube::ResourceExt;

use super::survey::Survey;
use super::{Sample, Sources, number, seconds};
use crate::cluster::mass_deletion;

pub(super) fn conditions(survey: &Survey) -> Vec<Sample> {
    let sample = |((kind, namespace, condition, status), count): ((&str, String, &str, &str), u64)| {
        (vec![kind.to_owned(), namespace, condition.to_owned(), status.to_owned()], number(count))
    };
    survey.conditions().into_iter().map(sample).collect()
}

pub(super) fn objects(survey: &Survey) -> Vec<Sample> {
    let sample =
        |((kind, state), count): (&(&str, &str), &u64)| (vec![(*kind).to_owned(), (*state).to_owned()], number(*count));
    survey.states.iter().map(sample).collect()
}

pub(super) fn expiring(survey: &Survey) -> Vec<Sample> {
    vec![(Vec::new(), number(survey.ending.0))]
}

pub(super) fn next_end(survey: &Survey) -> Vec<Sample> {
    survey.ending.1.into_iter().map(|end| (Vec::new(), seconds(end))).collect()
}

pub(super) fn first_ends(survey: &Survey) -> Vec<Sample> {
    survey.first_ends().into_iter().map(|(namespace, end)| (vec![namespace], seconds(end))).collect()
}

pub(super) fn first_certificate_ends(survey: &Survey) -> Vec<Sample> {
    survey.first_certificate_ends().into_iter().map(|(namespace, end)| (vec![namespace], seconds(end))).collect()
}

pub(super) fn replaced_host_keys(survey: &Survey) -> Vec<Sample> {
    survey.replaced().into_iter().map(|(namespace, count)| (vec![namespace], number(count))).collect()
}

pub(super) fn unmanaged_logins(survey: &Survey) -> Vec<Sample> {
    let sample =
        |((account, region), count): (&(String, String), &u64)| (vec![account.clone(), region.clone()], number(*count));
    survey.unmanaged.iter().map(sample).collect()
}

pub(super) fn oldest_checks(sources: &Sources) -> Vec<Sample> {
    let ages = sources.looks.oldest().into_iter();
    ages.map(|((account, region), age)| (vec![account, region], age.as_secs_f64())).collect()
}

pub(super) fn deletions_held(sources: &Sources) -> Vec<Sample> {
    let held = |identity: &str| mass_deletion::held(sources.stores.as_ref(), identity, sources.hold_percent);
    let count = |identity: String| {
        let count = held(&identity).map_or(0, |mass| mass.count());
        (vec![identity], number(count as u64))
    };
    sources.stores.identities().iter().map(|identity| count(identity.name_any())).collect()
}

pub(super) fn orphans(sources: &Sources) -> Vec<Sample> {
    let counts = sources.orphans.counts();
    counts
        .into_iter()
        .map(|((account, region, kind), count)| (vec![account, region, kind.to_owned()], number(count as u64)))
        .collect()
}
