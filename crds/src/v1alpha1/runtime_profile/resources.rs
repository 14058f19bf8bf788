//! Amounts of resources, as people write them: a number, or a number with a unit.

use crate::v1alpha1::runtime_profile::schemas;
use k8s_openapi::apimachinery::pkg::api::resource;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a container asks for, and what it may not exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)")
        .message("resources.limits must not be below resources.requests")
)]
pub struct Resources {
    /// What is set aside on the node. A change is live for new pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schemas::quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// What is not exceeded. A change is live for new pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schemas::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

impl Resources {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.limits.is_empty()
    }
}

/// An amount: Kubernetes takes `2` and `"500m"` alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Quantity {
    /// A whole number.
    Number(i64),
    /// A number with a unit.
    Text(String),
}

impl From<&Quantity> for resource::Quantity {
    fn from(amount: &Quantity) -> Self {
        Self(match amount {
            Quantity::Number(number) => number.to_string(),
            Quantity::Text(text) => text.clone(),
        })
    }
}
