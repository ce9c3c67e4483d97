//! `TransferCertificate`: found again by its tags, imported anew beside the old one where its source has another one,
//! deleted once no profile of ours has it. [`source`] reads it, [`rotation`] knows the two that there are then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use self::rotation::Rotated;
use self::want::WantedCertificate;
use super::deps::Deps;
use super::registration::{Registration, Traces};
use super::resolve;
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{certificate_ref, referrers, standalone};
use crate::api::status::CreatePhase;
use crate::api::{AwsIdentity, Managed, TAG_ATTEMPT, TransferCertificate, TransferCertificateStatus};
use crate::aws::transfer::{DeleteCertificate, DescribeCertificate, ListCertificates, Tags};
use crate::aws::{Account, AwsError, Mutation};
use crate::cluster::Lister;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{Described, Kind, KindStatus, Plan, ReconcileError, Resolved, Target, Wanted};
use crate::engine::owner::Owner;
use crate::x509;

mod advice;
mod plan;
mod rotation;
pub(crate) mod source;
mod want;

/// The kind of certificates.
pub struct Certificates {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedCertificates>>,
}

/// Certificates, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedCertificates;

#[async_trait]
impl TaggedResource for TaggedCertificates {
    const LISTING: &'static str = "ListCertificates";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListCertificates { token: None }).await?.into_iter().map(|row| row.certificate_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeCertificate { certificate_id: id.to_owned() }).await?.tags)
    }
}

impl Certificates {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default() }
    }

    /// Both of them, while the old one is there.
    async fn look(
        &self,
        object: &TransferCertificate,
        account: &Account,
        id: &str,
    ) -> Result<Option<Rotated>, AwsError> {
        let Some(certificate) = certificate_ref::look(&self.deps, account, id).await? else { return Ok(None) };
        let status = object.status.as_ref();
        let replacing = status.and_then(|status| status.replacing.as_ref());
        let replacing = replacing.filter(|replacing| replacing.old_id != id);
        let old = match replacing {
            Some(replacing) => certificate_ref::look(&self.deps, account, &replacing.old_id).await?,
            None => None,
        };
        let swapped_at = replacing.and_then(|replacing| replacing.swapped_at.as_ref()?.parse().ok());
        // The last attempt made another one, which had its place and went.
        let record = status.and_then(|status| status.common.create.as_ref());
        let made = record.filter(|record| record.phase != CreatePhase::Rejected && !record.lost.is_empty());
        let attempt = made.and_then(|record| record.attempt.as_ref());
        let made_before = attempt.is_some_and(|attempt| certificate.tags.get(TAG_ATTEMPT) != Some(attempt));
        let came_back = made_before || swapped_at.is_some();
        let have = Rotated { certificate, old, swapped_at, came_back, old_kept_until: None };
        let until = object.spec.inactive_date.as_ref().and_then(|text| text.parse().ok());
        let old_kept_until = have.kept_until(object.spec.overlap(), until);
        Ok(Some(Rotated { old_kept_until, ..have }))
    }
}

#[async_trait]
impl Kind for Certificates {
    type Object = TransferCertificate;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedCertificate;
    type Have = Rotated;

    const WORDS: Words = Words {
        noun: TransferCertificate::NOUN,
        parent: "",
        taken: "",
        anew: "another id, which profiles have to name",
    };

    /// Its source is not watched.
    const EVERY: Duration = Duration::from_mins(10);

    fn found_by(&self) -> FoundBy<'_, TransferCertificate, Arc<AwsIdentity>> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferCertificate) -> Result<Resolved<Arc<AwsIdentity>>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferCertificate,
        target: &Target<Arc<AwsIdentity>>,
        now: Timestamp,
    ) -> Result<Wanted<WantedCertificate>, ReconcileError> {
        let source = source::read(&self.deps, object).await?;
        // A call that waits for its turn is signed anew long before AWS takes its signature no more.
        let ahead = self.deps.windows.tolerance.unsigned_abs() / 3;
        let status = object.status.as_ref();
        let replacing = status.and_then(|status| status.replacing.as_ref());
        let young = status.and_then(|status| status.common.create.as_ref()?.started_at.as_ref()?.parse().ok());
        let young = young.is_some_and(|started| now < self.deps.windows.late(started));
        let holders = replacing.map(|replacing| certificate_ref::holders(&self.deps, object, &replacing.old_id, young));
        Ok(want::want(object, source, holders.unwrap_or_default(), &target.identity_tags, (now, ahead)))
    }

    async fn describe(
        &self,
        object: &TransferCertificate,
        target: &Target<Arc<AwsIdentity>>,
    ) -> Result<Described<Rotated>, AwsError> {
        let Some(id) = standalone::key(object) else { return Ok(Described::NoKey) };
        let found = self.look(object, &target.account, &id).await?;
        Ok(found.map_or(Described::Missing, Described::Found))
    }

    fn create(
        &self,
        object: &TransferCertificate,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedCertificate>,
        owner_tags: &Tags,
    ) -> Mutation {
        Mutation::ImportCertificate(Box::new(want::import(object, &wanted.want, owner_tags)))
    }

    fn plan(
        &self,
        object: &TransferCertificate,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedCertificate>,
        have: &Rotated,
        owner: &Owner,
        now: Timestamp,
    ) -> Plan {
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        let plan = plan::plan(&wanted.want, have, &applied, owner, now);
        let advice = advice::advice(object, &wanted.want, have, now, self.deps.expiry_warning);
        Plan { advice, ..plan }
    }

    fn fill_status(
        &self,
        status: &mut TransferCertificateStatus,
        _: &Target<Arc<AwsIdentity>>,
        wanted: Option<&Wanted<WantedCertificate>>,
        have: &Rotated,
    ) {
        let held = have.certificate.clone();
        let at = |date: Option<Timestamp>| date.map(|date| date.to_string());
        status.fingerprint = x509::fingerprint(&held.certificate);
        status.certificate_id = Some(held.certificate_id);
        status.arn = Some(held.arn);
        status.usage = Some(held.usage);
        status.certificate_status = held.status;
        status.r#type = held.certificate_type;
        status.serial = held.serial;
        status.not_before_date = at(held.not_before_date);
        status.not_after_date = at(held.not_after_date);
        status.active_date = at(held.active_date);
        status.inactive_date = at(held.inactive_date);
        if let Some(Wanted { want, .. }) = wanted {
            status.overlap_until = at(have.leaves_at(want));
        }
    }

    fn delete(&self, _: &TransferCertificate, _: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Mutation {
        Mutation::DeleteCertificate(DeleteCertificate { certificate_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferCertificate, target: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "certificate", id))
    }
}

#[async_trait]
impl Tagged<TransferCertificate, Arc<AwsIdentity>> for Certificates {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferCertificate, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferCertificateStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.certificate_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "certificate", id));
    }

    async fn deletion_blockers(
        &self,
        object: &TransferCertificate,
        _: &Target<Arc<AwsIdentity>>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        if standalone::going(object) {
            return certificate_ref::blocks_deletion(&self.deps, object, id).await;
        }
        let Some(old) = id else { return Ok(None) };
        let keeping = certificate_ref::keeping(&self.deps, object, old).await?;
        Ok((!keeping.is_empty()).then(|| referrers::shown(&keeping)))
    }
}

impl KindStatus for TransferCertificateStatus {
    fn confirmed(&self) -> bool {
        self.certificate_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.certificate_id.as_deref()
    }

    /// What is imported anew may be another one.
    fn vanished(&mut self) {
        let Self { common, certificate_id, arn, replacing, .. } = std::mem::take(self);
        *self = Self { common, certificate_id, arn, replacing, ..Self::default() };
    }
}

impl Registration for TransferCertificate {
    type Reconciler = Certificates;

    const TRACES: Traces = Traces::of::<TaggedCertificates>(&["/status/certificateId", "/status/replacing/oldId"]);

    fn reconciler(deps: Arc<Deps>) -> Certificates {
        Certificates::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        Use::of(self, &self.spec.region, Vec::new(), Vec::new())
    }

    /// The profiles that name it, when what they need of it changes.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        certificate_ref::triggers(change, lister)
    }
}

#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
mod tests;
