//! The RuntimeProfile: the shape of session pods. The platform keeps it; whoever may create participants chooses one by its
//! name, and nothing else of the pod.

mod media_volume;
mod resources;
mod schemas;

pub use media_volume::{ImageVolume, MediaVolume, NfsVolume, PersistentVolumeClaimVolume};
pub use resources::{Quantity, Resources};

use k8s_openapi::api::core::v1::{Affinity, Toleration, TopologySpreadConstraint};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shape of session pods. A change is for pods that are made from then on: sessions that run keep what they were started
/// with, and their pods carry the revision of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "understudy.dev",
    version = "v1alpha1",
    kind = "RuntimeProfile",
    plural = "runtimeprofiles",
    shortname = "rp",
    category = "understudy",
    derive = "PartialEq",
    doc = "The shape of session pods, kept by the platform. Participants name one in spec.runtimeProfileName.",
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image"),
    printcolumn(name = "Browser", type_ = "string", json_path = ".spec.browser"),
    printcolumn(name = "Camera", type_ = "string", json_path = ".spec.camera"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Priority", type_ = "string", json_path = ".spec.priorityClassName", priority = 1),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.serviceAccountName", priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name must be at most 63 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be lower case letters, digits and dashes")
)]
pub struct RuntimeProfileSpec {
    /// The runtime's image, by tag or by digest. A change is live for new pods.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new(r"self.matches('^\\S+$')").message("image must not contain spaces"))]
    pub image: String,
    /// When the kubelet fetches the image. A change is live for new pods.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// Secrets in the participant's namespace with which the image is pulled. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub image_pull_secrets: Vec<SecretName>,
    /// What the one container asks for, and what it may not exceed. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// How much a session may write below /tmp (the browser's profile, the camera's file); a pod that writes more is evicted.
    /// A change is live for new pods.
    #[serde(default = "default_tmp")]
    #[schemars(schema_with = "schemas::quantity")]
    pub tmp_size_limit: Quantity,
    /// Labels that a node must have. A change is live for new pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schemas::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are put up with. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Vec<Toleration>,
    /// Near which nodes and pods the pod is wanted, or not. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How pods are spread; the labels that select them are those of `labels`, or `understudy.dev/runtime-profile` with this
    /// profile's name. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// The PriorityClass of the pod. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// The RuntimeClass of the pod. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,
    /// The ServiceAccount in the participant's namespace that the pod runs as; absent: the namespace's default one. It needs
    /// no right, and none of its tokens but the one for the operator is mounted. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// How long a session has to leave and to close its viewers. The runtime needs up to 9 s. A change is live for new pods.
    #[serde(default = "default_grace")]
    #[schemars(range(min = 10, max = 600))]
    pub termination_grace_period_seconds: i64,
    /// Labels of the pod beside the operator's own. A change is live for new pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schemas::labels")]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('understudy.dev/') && !key.startsWith('app.kubernetes.io/'))")
        .message("labels of understudy.dev/ and app.kubernetes.io/ are the operator's own"))]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pod. A change is live for new pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schemas::annotations")]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('understudy.dev/'))")
        .message("annotations of understudy.dev/ are the operator's own"))]
    pub annotations: BTreeMap<String, String>,
    /// The user that the container runs as; absent: the image's, or the one that the cluster assigns. Never root. A change is
    /// live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_user: Option<i64>,
    /// The group that the container runs as; absent: the image's, or the one that the cluster assigns. A change is live for
    /// new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub run_as_group: Option<i64>,
    /// The group that owns what is mounted; absent: none, or the one that the cluster assigns. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub fs_group: Option<i64>,
    /// System calls that the pod may use. A change is live for new pods.
    #[serde(default)]
    pub seccomp: Seccomp,
    /// How the runtime makes the camera: `auto` (the best that the pod allows), `pipewire`, `v4l2` (a v4l2loopback device, which
    /// `resources` or the node must give to the pod) or `file`. A change is live for new pods.
    #[serde(default)]
    pub camera: Camera,
    /// Whether participants may have a page. A change is live: a participant with a page is refused from then on.
    #[serde(default)]
    pub browser: Browser,
    /// Addresses beside the public internet that participants may have media fetched from: networks (10.0.0.0/8), addresses,
    /// or `*` alone for all of them. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schemas::networks")]
    #[x_kube(validation = Rule::new("self == ['*'] || self.all(one, isIP(one) || isCIDR(one))")
        .message("allowPrivateUrls must be networks (as 10.0.0.0/8) and addresses, or \"*\" alone"))]
    pub allow_private_urls: Vec<String>,
    /// Media that `file:///…` inputs name, mounted read-only at /media; absent: there is none. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_volume: Option<MediaVolume>,
    /// Settings of the runtime that have no field of their own, as VIRTUAL_INPUT_WIDTH. No place for secrets: whoever may read
    /// profiles or pods reads them. A change is live for new pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub extra_env: Vec<Variable>,
}

/// A Secret by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Its name. A change is live for new pods.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A variable with a plain value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name; those that begin with UNDERSTUDY_, and HOME, are the operator's own. A change is live for new pods.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_]*$')")
            .message("extraEnv.name must be letters, digits and underscores"),
        validation = Rule::new("!self.startsWith('UNDERSTUDY_') && self != 'HOME'")
            .message("extraEnv.name must not be HOME or begin with UNDERSTUDY_: those are the operator's own")
    )]
    pub name: String,
    /// Its value, as it is written: references to other variables are not resolved. A change is live for new pods.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// When the kubelet fetches an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "Kubernetes' own words")]
pub enum PullPolicy {
    #[default]
    IfNotPresent,
    Always,
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// System calls that the pod may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.localhostProfile) == (self.type == 'Localhost')")
    .message("seccomp.localhostProfile must be set with the type Localhost, and with no other"))]
pub struct Seccomp {
    /// `RuntimeDefault`: the container runtime's own list, under which Chromium runs without its own sandbox. `Localhost`: a list
    /// on the node; one that allows user namespaces lets the sandbox work. A change is live for new pods.
    #[serde(rename = "type", default)]
    pub type_: SeccompType,
    /// Path of the list below the kubelet's `seccomp` folder. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub localhost_profile: Option<String>,
}

/// Where a list of system calls comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum SeccompType {
    /// The container runtime's own.
    #[default]
    RuntimeDefault,
    /// One on the node.
    Localhost,
}

impl SeccompType {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RuntimeDefault => "RuntimeDefault",
            Self::Localhost => "Localhost",
        }
    }
}

/// How the runtime makes the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Camera {
    /// The best that the pod allows.
    #[default]
    Auto,
    /// A camera node of PipeWire.
    Pipewire,
    /// A v4l2loopback device.
    V4l2,
    /// A file that the browser reads again and again.
    File,
}

impl Camera {
    /// As the runtime reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pipewire => "pipewire",
            Self::V4l2 => "v4l2",
            Self::File => "file",
        }
    }
}

/// Whether participants may have a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Browser {
    /// The image has a browser.
    #[default]
    Allowed,
    /// A participant with a page is refused.
    Forbidden,
}

impl RuntimeProfileSpec {
    /// Nothing but an image: what is left out of a profile.
    pub fn of_image(image: &str) -> Self {
        Self {
            image: image.into(),
            image_pull_policy: PullPolicy::default(),
            image_pull_secrets: Vec::new(),
            resources: Resources::default(),
            tmp_size_limit: default_tmp(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: None,
            topology_spread_constraints: Vec::new(),
            priority_class_name: None,
            runtime_class_name: None,
            service_account_name: None,
            termination_grace_period_seconds: default_grace(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            run_as_user: None,
            run_as_group: None,
            fs_group: None,
            seccomp: Seccomp::default(),
            camera: Camera::default(),
            browser: Browser::default(),
            allow_private_urls: Vec::new(),
            media_volume: None,
            extra_env: Vec::new(),
        }
    }
}

/// A camera's file of ten seconds in 720p takes 0.4 GB, a browser's cache up to as much.
fn default_tmp() -> Quantity {
    Quantity::Text("2Gi".into())
}

/// Leaving a stage and closing viewers takes a few seconds; the runtime's own deadlines add up to less.
fn default_grace() -> i64 {
    20
}
