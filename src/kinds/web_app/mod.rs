//! `TransferWebApp`: found again by its tags, compared member by member, what it looks like put there as it is written.

mod address;
mod address_type;
pub(crate) mod members;
mod plan;
mod state;
mod want;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::deps::Deps;
use super::registration::{Registration, Traces};
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{resolve, security_groups, standalone};
use crate::api::{AwsIdentity, Managed, TransferWebApp, TransferWebAppSpec, TransferWebAppStatus};
use crate::aws::transfer::{
    CreateWebApp, DeleteWebApp, DescribeWebApp, ListWebApps, Tags, WebApp, WebAppSettings, customization_of,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::Lister;
use crate::cluster::store::StoreChange;
use crate::engine::decide::Words;
use crate::engine::diff::{Change, Effect, set_paths};
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{Described, Kind, Plan, ReconcileError, Resolved, Target, Wanted};
use crate::engine::owner::Owner;
pub use state::WebAppState;
use want::WantedWebApp;

use crate::web_address;

/// The kind of web apps.
pub struct WebApps {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedWebApps>>,
}

/// Web apps, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedWebApps;

#[async_trait]
impl TaggedResource for TaggedWebApps {
    const LISTING: &'static str = "ListWebApps";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListWebApps { token: None }).await?.into_iter().map(|row| row.web_app_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeWebApp { web_app_id: id.to_owned() }).await?.tags)
    }
}

impl WebApps {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default() }
    }
}

/// What one spec in the place of another would change, beside what is not in [`PREVIEWED`].
#[must_use]
pub fn preview(new: &TransferWebAppSpec, old: &TransferWebAppSpec) -> Vec<Change> {
    let (new, old) = (want::settings(new), want::settings(old));
    let applied = set_paths(&members::SETTINGS, &json!(old));
    let mut changes = plan::differing(&new, &old, &WebApp::default(), &applied, web_address::HTTPS);
    // What no answer of AWS's shows, the specs do.
    let hidden = [(members::SECURITY_GROUPS, Effect::Ec2), (members::IP_ADDRESS_TYPE, Effect::Live)];
    changes.extend(hidden.into_iter().filter_map(|(path, effect)| {
        let of = |settings: &WebAppSettings| {
            let pointer = format!("/{}", path.replace('.', "/"));
            json!(settings).pointer(&pointer).cloned().unwrap_or_default()
        };
        let (have, want) = (of(&old), of(&new));
        (have != want).then(|| Change { path: path.to_owned(), have, want, effect })
    }));
    changes
}

/// The members of a spec that [`preview`] compares.
pub const PREVIEWED: [&str; 5] =
    ["identityProviderDetails", "accessEndpoint", "webAppUnits", "webAppEndpointPolicy", "endpointDetails"];

#[async_trait]
impl Kind for WebApps {
    type Object = TransferWebApp;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedWebApp;
    type Have = WebAppState;

    const WORDS: Words = Words {
        noun: TransferWebApp::NOUN,
        parent: "",
        taken: "",
        anew: "another id and another address, which users and CORS rules have to name",
    };

    fn found_by(&self) -> FoundBy<'_, TransferWebApp, Arc<AwsIdentity>> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferWebApp) -> Result<Resolved<Arc<AwsIdentity>>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferWebApp,
        target: &Target<Arc<AwsIdentity>>,
        _: Timestamp,
    ) -> Result<Wanted<WantedWebApp>, ReconcileError> {
        want::want(&self.deps, object, target).await
    }

    async fn describe(
        &self,
        object: &TransferWebApp,
        target: &Target<Arc<AwsIdentity>>,
    ) -> Result<Described<WebAppState>, AwsError> {
        let Some(web_app_id) = standalone::key(object) else { return Ok(Described::NoKey) };
        let account = &target.account;
        let web_app = match account.read(DescribeWebApp { web_app_id: web_app_id.clone() }).await {
            Ok(web_app) => *web_app,
            Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(Described::Missing),
            Err(fault) => return Err(fault),
        };
        self.tag_index.note(account, &web_app_id, &web_app.tags);
        let look = customization_of(account, &web_app_id).await?;
        let mut state = WebAppState { web_app, look, ..WebAppState::default() };
        let details = object.spec.endpoint_details.as_ref();
        let grouped = details.is_some_and(|details| details.vpc.security_group_ids.iter().flatten().next().is_some());
        if let Some(id) = state.web_app.vpc_endpoint_id.clone().filter(|_| grouped) {
            match security_groups::endpoint(account, &id).await? {
                Ok(endpoint) => state.endpoint = endpoint,
                Err(fault) => state.hidden_endpoint = Some(fault),
            }
        }
        Ok(Described::Found(state))
    }

    fn create(
        &self,
        _: &TransferWebApp,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedWebApp>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedWebApp { settings, tags, .. } = wanted.want.clone();
        let tags = tags.into_iter().chain(owner_tags.clone()).collect();
        Mutation::CreateWebApp(Box::new(CreateWebApp { settings, tags }))
    }

    fn plan(
        &self,
        object: &TransferWebApp,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedWebApp>,
        have: &WebAppState,
        owner: &Owner,
        _: Timestamp,
    ) -> Plan {
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        plan::plan(&wanted.want, have, &applied, owner)
    }

    fn fill_status(
        &self,
        status: &mut TransferWebAppStatus,
        _: &Target<Arc<AwsIdentity>>,
        wanted: Option<&Wanted<WantedWebApp>>,
        have: &WebAppState,
    ) {
        let WebApp {
            arn, web_app_id, application_arn, web_app_endpoint, endpoint_type, vpc_endpoint_id, settings, ..
        } = have.web_app.clone();
        (status.web_app_id, status.arn) = (Some(web_app_id), Some(arn));
        let unsaid = wanted.map_or(web_address::HTTPS, |wanted| wanted.want.unsaid_scheme);
        status.access_endpoint = settings.access_endpoint.map(|shown| web_address::spelt(&shown, unsaid));
        status.web_app_endpoint = web_app_endpoint;
        (status.application_arn, status.vpc_endpoint_id) = (application_arn, vpc_endpoint_id);
        let center = settings.identity_provider_details.and_then(|details| details.identity_center_config);
        status.instance_arn = center.and_then(|center| center.instance_arn);
        status.endpoint_type = endpoint_type;
        status.vpc_id = settings.endpoint_details.and_then(|details| details.vpc).and_then(|vpc| vpc.vpc_id);
        status.web_app_endpoint_policy = settings.web_app_endpoint_policy;
        if let Some(wanted) = wanted {
            let applied = status.common.applied.clone().unwrap_or_default();
            status.common.unset = plan::left_alone(&wanted.want, have, &applied);
        }
    }

    fn delete(&self, _: &TransferWebApp, _: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Mutation {
        Mutation::DeleteWebApp(DeleteWebApp { web_app_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferWebApp, target: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "webapp", id))
    }

    async fn explain(&self, _: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let registers =
            matches!(call, Mutation::CreateWebApp(_) | Mutation::UpdateWebApp(_) | Mutation::DeleteWebApp(_));
        (registers && fault.kind == AwsErrorKind::Denied).then(|| {
            "AWS keeps an application in IAM Identity Center for each web app, with the rights of the caller: kubectl \
             transfer iam-policy --features web-apps says which"
                .to_owned()
        })
    }
}

#[async_trait]
impl Tagged<TransferWebApp, Arc<AwsIdentity>> for WebApps {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferWebApp, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferWebAppStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.web_app_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "webapp", id));
    }

    /// Nothing in AWS or here names it.
    async fn deletion_blockers(
        &self,
        _: &TransferWebApp,
        _: &Target<Arc<AwsIdentity>>,
        _: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        Ok(None)
    }
}

impl Registration for TransferWebApp {
    type Reconciler = WebApps;

    const TRACES: Traces = Traces::of::<TaggedWebApps>(&["/status/webAppId"]);

    fn reconciler(deps: Arc<Deps>) -> WebApps {
        WebApps::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        let role = self.spec.identity_provider_details.identity_center_config.role.clone();
        Use::of(self, &self.spec.region, vec![role], Vec::new())
    }

    fn triggers(_: &StoreChange<Self>, _: &dyn Lister) -> Vec<Trigger> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
