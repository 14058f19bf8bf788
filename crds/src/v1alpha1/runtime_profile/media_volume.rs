//! Where the files of `file:///…` inputs lie. A folder of the node is no choice: what lies there is the node's own.

use crate::v1alpha1::runtime_profile::PullPolicy;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Media that is mounted read-only (exactly one of persistentVolumeClaim, image and nfs).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.persistentVolumeClaim), has(self.image), has(self.nfs)].filter(set, set).size() == 1")
    .message("exactly one source must be set in mediaVolume: persistentVolumeClaim, image or nfs"))]
pub struct MediaVolume {
    /// A claim in the participant's namespace. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolume>,
    /// The files of a container image, where the cluster has image volumes. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageVolume>,
    /// A folder that an NFS server exports. Namespaces that enforce the restricted level refuse it: there it goes through a
    /// claim. A change is live for new pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nfs: Option<NfsVolume>,
}

/// A claim in the participant's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersistentVolumeClaimVolume {
    /// Its name. A change is live for new pods.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
}

/// The files of a container image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageVolume {
    /// The image, by tag or by digest. A change is live for new pods.
    #[schemars(length(min = 1, max = 512))]
    pub reference: String,
    /// When the kubelet fetches it. A change is live for new pods.
    #[serde(default)]
    pub pull_policy: PullPolicy,
}

/// A folder that an NFS server exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NfsVolume {
    /// Name or address of the server. A change is live for new pods.
    #[schemars(length(min = 1, max = 253))]
    pub server: String,
    /// The folder, as an absolute path. A change is live for new pods.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.startsWith('/')").message("mediaVolume.nfs.path must be absolute"))]
    pub path: String,
}
