//! What the command line reads of a cluster. It writes nothing.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::config::KubeConfigOptions;
use kube::core::{DynamicObject, NamespaceResourceScope};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::facts::Facts;
use super::failure::Failure;
use crate::api::{
    AwsIdentity, ManagedKind, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector,
    TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow,
};

/// So many objects are asked for at once.
const PAGE: u32 = 500;

/// Where a person is.
pub struct Cluster {
    client: Client,
}

/// The names under which a kind may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A TransferServer.
    #[value(alias = "tsrv", alias = "transferserver", alias = "transferservers", alias = "TransferServer")]
    Server,
    /// A TransferUser.
    #[value(alias = "tusr", alias = "transferuser", alias = "transferusers", alias = "TransferUser")]
    User,
    /// A TransferAccess.
    #[value(alias = "tacc", alias = "transferaccess", alias = "transferaccesses", alias = "TransferAccess")]
    Access,
    /// A TransferWorkflow.
    #[value(alias = "twf", alias = "transferworkflow", alias = "transferworkflows", alias = "TransferWorkflow")]
    Workflow,
    /// A TransferProfile.
    #[value(alias = "tprof", alias = "transferprofile", alias = "transferprofiles", alias = "TransferProfile")]
    Profile,
    /// A TransferConnector.
    #[value(alias = "tcon", alias = "transferconnector", alias = "transferconnectors", alias = "TransferConnector")]
    Connector,
    /// A TransferAgreement.
    #[value(alias = "tagr", alias = "transferagreement", alias = "transferagreements", alias = "TransferAgreement")]
    Agreement,
    /// A TransferCertificate.
    #[value(
        alias = "tcert",
        alias = "transfercertificate",
        alias = "transfercertificates",
        alias = "TransferCertificate"
    )]
    Certificate,
    /// A TransferWebApp.
    #[value(alias = "tweb", alias = "transferwebapp", alias = "transferwebapps", alias = "TransferWebApp")]
    WebApp,
    /// An AwsIdentity.
    #[value(alias = "awsid", alias = "awsidentity", alias = "awsidentities", alias = "AwsIdentity")]
    Identity,
}

impl Cluster {
    /// As kubectl finds it: `KUBECONFIG`, the file in the home directory, or the pod's own.
    ///
    /// # Errors
    /// There is none, or not this context.
    pub async fn connect(context: Option<String>) -> Result<Self, Failure> {
        let config = match context {
            None => Config::infer().await?,
            Some(context) => {
                let options = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
                Config::from_kubeconfig(&options).await?
            }
        };
        Ok(Self { client: Client::try_from(config)? })
    }

    /// The namespace that is meant: all, the one that was said, or the one of the context.
    #[must_use]
    pub fn namespace(&self, said: Option<String>, all: bool) -> Option<String> {
        (!all).then(|| said.unwrap_or_else(|| self.client.default_namespace().to_owned()))
    }

    /// How everything stands in a namespace, or in all; identities, which are of no namespace, with all only.
    ///
    /// # Errors
    /// What the API server refused.
    pub async fn everything(&self, namespace: Option<&str>) -> Result<Vec<Facts>, Failure> {
        let mut all: Vec<Facts> = Vec::new();
        all.extend(self.list::<TransferServer>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferUser>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferAccess>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferWorkflow>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferProfile>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferAgreement>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferCertificate>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferConnector>(namespace).await?.iter().map(Facts::from));
        all.extend(self.list::<TransferWebApp>(namespace).await?.iter().map(Facts::from));
        if namespace.is_none() {
            all.extend(pages(&Api::<AwsIdentity>::all(self.client.clone())).await?.iter().map(Facts::from));
        }
        Ok(all)
    }

    /// How one object stands.
    ///
    /// # Errors
    /// What the API server refused.
    pub async fn one(&self, kind: Kind, namespace: &str, name: &str) -> Result<Facts, Failure> {
        Ok(match kind {
            Kind::Server => Facts::from(&self.get::<TransferServer>(namespace, name).await?),
            Kind::User => Facts::from(&self.get::<TransferUser>(namespace, name).await?),
            Kind::Access => Facts::from(&self.get::<TransferAccess>(namespace, name).await?),
            Kind::Workflow => Facts::from(&self.get::<TransferWorkflow>(namespace, name).await?),
            Kind::Profile => Facts::from(&self.get::<TransferProfile>(namespace, name).await?),
            Kind::Agreement => Facts::from(&self.get::<TransferAgreement>(namespace, name).await?),
            Kind::Certificate => Facts::from(&self.get::<TransferCertificate>(namespace, name).await?),
            Kind::Connector => Facts::from(&self.get::<TransferConnector>(namespace, name).await?),
            Kind::WebApp => Facts::from(&self.get::<TransferWebApp>(namespace, name).await?),
            Kind::Identity => Facts::from(&Api::<AwsIdentity>::all(self.client.clone()).get(name).await?),
        })
    }

    /// One object.
    ///
    /// # Errors
    /// What the API server refused.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        Ok(Api::<K>::namespaced(self.client.clone(), namespace).get(name).await?)
    }

    /// An object as it is stored; nothing where there is none.
    ///
    /// # Errors
    /// What the API server refused.
    pub async fn stored(&self, kind: ManagedKind, namespace: &str, name: &str) -> Result<Option<Value>, Failure> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &kind.resource());
        Ok(api.get_opt(name).await?.map(serde_json::to_value).transpose()?)
    }

    /// A Secret, or why it could not be read.
    ///
    /// # Errors
    /// In words: it is not there, or this person may not read it.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, String> {
        let read = Api::<Secret>::namespaced(self.client.clone(), namespace).get(name).await;
        read.map_err(|error| match error {
            kube::Error::Api(status) => format!("Secret {name} could not be read: {}", status.reason),
            _ => format!("Secret {name} could not be read"),
        })
    }

    async fn list<K>(&self, namespace: Option<&str>) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let api = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        pages(&api).await
    }
}

async fn pages<K: Clone + Debug + DeserializeOwned>(api: &Api<K>) -> Result<Vec<K>, Failure> {
    let mut parameters = ListParams::default().limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&parameters).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(all),
        }
    }
}
