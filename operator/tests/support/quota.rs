//! A quota of pods, and the part that its controller plays: to say what is used. The API server itself counts up.

use crate::support::World;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

const NAME: &str = "pods";

pub struct Quota {
    api: Api<ResourceQuota>,
}

impl World {
    /// The namespace may have that many pods, and has none.
    pub async fn quota_of_pods(&self, count: u32) -> Quota {
        let quota = json!({"metadata": {"name": NAME}, "spec": {"hard": {"count/pods": count.to_string()}}});
        let api = self.api::<ResourceQuota>();
        api.create(&PostParams::default(), &serde_json::from_value(quota).unwrap()).await.unwrap();
        let quota = Quota { api };
        quota.status(json!({"hard": {"count/pods": count.to_string()}, "used": {"count/pods": "0"}})).await;
        quota
    }
}

impl Quota {
    /// That many are there.
    pub async fn used(&self, count: u32) {
        self.status(json!({"used": {"count/pods": count.to_string()}})).await;
    }

    /// That many may be there.
    pub async fn limit(&self, count: u32) {
        let hard = json!({"hard": {"count/pods": count.to_string()}});
        let patch = Patch::Merge(json!({"spec": hard}));
        self.api.patch(NAME, &PatchParams::default(), &patch).await.unwrap();
        self.status(hard).await;
    }

    async fn status(&self, status: Value) {
        let patch = Patch::Merge(json!({"status": status}));
        self.api.patch_status(NAME, &PatchParams::default(), &patch).await.unwrap();
    }
}
