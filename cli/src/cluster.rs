//! The cluster that a kubeconfig leads to, and what is asked of its API server.

use crate::args::{Place, Which};
use crate::failure::{Failure, root};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource, ResourceExt};
use std::time::Duration;
use understudy_client::refusal::Refusal;
use understudy_client::selector;
use understudy_crds::v1alpha1::VirtualParticipant;

/// An answer takes milliseconds, and a page of a large list seconds; the API server itself gives up after 60 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Whoever sits in front of it thinks that it hangs before kube's own 30 s are over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Participants of one page of a list.
const PAGE: u32 = 500;

/// One namespace of a cluster, as somebody is let in there.
pub struct Cluster {
    /// Its API server.
    pub client: Client,
    /// How it was named.
    pub place: Place,
    /// Where in it.
    pub namespace: String,
}

impl Cluster {
    /// The one that is named there.
    pub async fn of(place: &Place) -> Result<Self, Failure> {
        let mut config = config(place).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = place.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Failure::Unconfigured(root(&error)))?;
        Ok(Self { client, place: place.clone(), namespace })
    }

    /// Objects of the namespace.
    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Participants of the namespace, or of all.
    pub fn participants(&self, which: &Which) -> Api<VirtualParticipant> {
        match which.all_namespaces {
            true => Api::all(self.client.clone()),
            false => self.api(),
        }
    }

    /// Those that match, ordered by the API server: by namespace and name.
    pub async fn list(&self, which: &Which) -> Result<Vec<VirtualParticipant>, Failure> {
        let (api, mut all) = (self.participants(which), Vec::new());
        let mut page = ListParams::default().limit(PAGE);
        if let Some(selector) = labels(which.selector.as_deref())? {
            page = page.labels(&selector);
        }
        loop {
            let listed = asked(api.list(&page)).await?;
            all.extend(listed.items);
            match listed.metadata.continue_.filter(|more| !more.is_empty()) {
                Some(more) => page = page.continue_token(&more),
                None => return Ok(all),
            }
        }
    }

    /// The participant of that name.
    pub async fn participant(&self, name: &str) -> Result<VirtualParticipant, Failure> {
        let api = self.api::<VirtualParticipant>();
        match asked(api.get_opt(name)).await? {
            Some(participant) => Ok(participant),
            None => Err(self.nobody(name).await),
        }
    }

    /// What the library was asked for, or why not.
    pub async fn told<T>(&self, asked: impl Future<Output = Result<T, Refusal>>) -> Result<T, Failure> {
        let Ok(told) = tokio::time::timeout(CALL_TIMEOUT, asked).await else { return Err(silent()) };
        match told {
            Ok(told) => Ok(told),
            Err(Refusal::Unknown(name, _)) => Err(self.nobody(&name).await),
            Err(refusal) => Err(Failure::refused(refusal)),
        }
    }

    /// Nobody has that name: who there is, or why that cannot be said.
    async fn nobody(&self, name: &str) -> Failure {
        match self.list(&Which::default()).await {
            Ok(all) => Failure::Unknown {
                name: name.to_owned(),
                namespace: self.namespace.clone(),
                there: all.iter().map(ResourceExt::name_any).collect(),
            },
            Err(failure) => failure,
        }
    }
}

/// An answer, in time.
pub async fn asked<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(Failure::of),
        Err(_elapsed) => Err(silent()),
    }
}

/// A selector as the API server takes it; what is none is told before it is asked.
pub fn labels(selector: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = selector else { return Ok(None) };
    let selector = selector::parse(text).map_err(|error| Failure::Unusable(error.to_string()))?;
    Ok(Some(selector.to_string()))
}

fn silent() -> Failure {
    Failure::Silent(CALL_TIMEOUT.as_secs())
}

async fn config(place: &Place) -> Result<Config, Failure> {
    let read = match &place.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(unconfigured)?,
        None => match Kubeconfig::read() {
            Ok(read) => read,
            // A pod has an account instead.
            Err(error) => match Config::incluster() {
                Ok(config) if place.context.is_none() => return Ok(config),
                _ => return Err(unconfigured(error)),
            },
        },
    };
    let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(read, &options).await.map_err(unconfigured)
}

fn unconfigured(error: KubeconfigError) -> Failure {
    Failure::Unconfigured(match error {
        KubeconfigError::ReadConfig(error, path) => format!("{} cannot be read: {error}", path.display()),
        error => error.to_string(),
    })
}
