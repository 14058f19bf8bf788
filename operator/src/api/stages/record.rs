//! What is known of the stages that were made here: one ConfigMap in each namespace that has some, with an entry a stage. The token
//! stands in a Secret of its own.

use crate::api::refused::{Refused, Why};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde::{Deserialize, Serialize};
use understudy_client::address;
use understudy_client::invite::Token;
use understudy_client::refusal::Refusal;
use understudy_crds::v1alpha1::SecretKeyRef;
use understudy_crds::{ALLOWED_HOSTS, CREDENTIALS_SECRET_TYPE};

/// The ConfigMap.
const BOOK: &str = "understudy-stages";
const TOKEN_KEY: &str = "token";
/// A ConfigMap holds a megabyte.
const MOST: usize = 1000;

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) id: String,
    /// Who made it.
    pub(super) host_participant_id: String,
    /// The address of its WHIP server.
    pub(super) whip: String,
    pub(super) has_token: bool,
    /// In RFC 3339.
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// Who was invited to it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<Guest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Guest {
    pub(super) participant: String,
    pub(super) invitation: String,
}

/// All stages of a namespace, as they were read. Of two who write it at the same moment one succeeds.
pub(super) struct Book {
    map: ConfigMap,
    client: Client,
    namespace: String,
}

impl Record {
    pub(super) fn token(&self) -> Token {
        match self.has_token {
            true => Token::Named(SecretKeyRef { name: secret_name(&self.id), key: TOKEN_KEY.into() }),
            false => Token::None,
        }
    }
}

impl Book {
    pub(super) async fn open(client: &Client, namespace: &str) -> Result<Self, Refused> {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let map = api.get_opt(BOOK).await.map_err(Refusal::of)?.unwrap_or_default();
        Ok(Self { map, client: client.clone(), namespace: namespace.to_owned() })
    }

    /// Those that can be read.
    pub(super) fn all(&self) -> Vec<Record> {
        let entries = self.map.data.iter().flat_map(|data| data.values());
        entries.filter_map(|entry| serde_json::from_str(entry).ok()).collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<Record> {
        serde_json::from_str(self.map.data.as_ref()?.get(id)?).ok()
    }

    /// Writes one. False: others wrote since the book was opened.
    pub(super) async fn write(&mut self, record: &Record) -> Result<bool, Refused> {
        let entry = serde_json::to_string(record).unwrap_or_default();
        let data = self.map.data.get_or_insert_default();
        if data.len() >= MOST && !data.contains_key(&record.id) {
            return Err(Refused::new(Why::Conflict, format!("there are {MOST} stages: delete some")));
        }
        data.insert(record.id.clone(), entry);
        self.save().await
    }

    /// The same of one that is no more.
    pub(super) async fn strike(&mut self, id: &str) -> Result<bool, Refused> {
        self.map.data.get_or_insert_default().remove(id);
        self.save().await
    }

    async fn save(&mut self) -> Result<bool, Refused> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let written = match self.map.metadata.resource_version.is_some() {
            true => api.replace(BOOK, &PostParams::default(), &self.map).await,
            false => {
                self.map.metadata.name = Some(BOOK.into());
                api.create(&PostParams::default(), &self.map).await
            }
        };
        match written {
            Ok(written) => self.map = written,
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                return Ok(false);
            }
            Err(error) => return Err(Refusal::of(error).into()),
        }
        Ok(true)
    }

    /// Keeps the token of a stage that is in the book, for its own host alone.
    pub(super) async fn keep_token(&self, record: &Record, token: &str) -> Result<(), Refused> {
        let owner = OwnerReference {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            name: BOOK.into(),
            uid: self.map.uid().unwrap_or_default(),
            controller: None,
            block_owner_deletion: None,
        };
        let hosts = address::host(&record.whip).map(|host| (ALLOWED_HOSTS.to_owned(), host.to_owned()));
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(secret_name(&record.id)),
                annotations: Some(hosts.into_iter().collect()),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(CREDENTIALS_SECRET_TYPE.into()),
            data: Some([(TOKEN_KEY.to_owned(), ByteString(token.as_bytes().to_vec()))].into()),
            ..Secret::default()
        };
        self.secrets().create(&PostParams::default(), &secret).await.map_err(Refusal::of)?;
        Ok(())
    }

    pub(super) async fn read_token(&self, record: &Record) -> Result<Option<String>, Refused> {
        let secret = self.secrets().get_opt(&secret_name(&record.id)).await.map_err(Refusal::of)?;
        let value = secret.and_then(|secret| secret.data?.remove(TOKEN_KEY));
        Ok(value.and_then(|ByteString(bytes)| String::from_utf8(bytes).ok()))
    }

    pub(super) async fn drop_token(&self, record: &Record) -> Result<(), Refused> {
        match self.secrets().delete(&secret_name(&record.id), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            deleted => Ok(deleted.map(drop).map_err(Refusal::of)?),
        }
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

fn secret_name(id: &str) -> String {
    format!("understudy-stage-{id}")
}
