//! What a session pod mounts: its identity, and memory to write to under a read-only root.

use crate::names;
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, EmptyDirVolumeSource, KeyToPath, ProjectedVolumeSource,
    ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The kubelet renews it at 80 %; the shortest that it allows, since a resume ticket spares most uses.
const TOKEN_EXPIRATION_SECONDS: i64 = 600;
/// Chromium shares frames between its processes here; it counts against the container's memory limit.
const SHARED_MEMORY: &str = "512Mi";

pub(super) fn volumes() -> Vec<Volume> {
    vec![
        identity(),
        empty(
            "shm",
            EmptyDirVolumeSource {
                medium: Some("Memory".into()),
                size_limit: Some(Quantity(SHARED_MEMORY.into())),
            },
        ),
        empty("tmp", EmptyDirVolumeSource::default()),
    ]
}

pub(super) fn mounts() -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        ..VolumeMount::default()
    };
    vec![
        VolumeMount { read_only: Some(true), ..mount("identity", names::IDENTITY_FOLDER) },
        mount("shm", "/dev/shm"),
        mount("tmp", "/tmp"),
    ]
}

fn identity() -> Volume {
    let token = VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            audience: Some(names::SESSION_AUDIENCE.into()),
            expiration_seconds: Some(TOKEN_EXPIRATION_SECONDS),
            path: names::TOKEN_KEY.into(),
        }),
        ..VolumeProjection::default()
    };
    let authority = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: names::CA_CONFIG_MAP.into(),
            items: Some(vec![KeyToPath {
                key: names::CA_KEY.into(),
                path: names::CA_KEY.into(),
                mode: None,
            }]),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    Volume {
        name: "identity".into(),
        projected: Some(ProjectedVolumeSource { default_mode: None, sources: Some(vec![token, authority]) }),
        ..Volume::default()
    }
}

fn empty(name: &str, source: EmptyDirVolumeSource) -> Volume {
    Volume { name: name.into(), empty_dir: Some(source), ..Volume::default() }
}
