//! What a session pod mounts: its identity, room to write to under a read-only root, and the platform's media.

use crate::names;
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, EmptyDirVolumeSource, ImageVolumeSource, KeyToPath, NFSVolumeSource,
    PersistentVolumeClaimVolumeSource, ProjectedVolumeSource, ServiceAccountTokenProjection, Volume,
    VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use understudy_crds::v1alpha1::{MediaVolume, RuntimeProfileSpec};

/// The kubelet renews it at 80 %, so that a pod costs a request in 48 minutes. It is bound to the pod: one that is gone
/// takes it along, whatever is left of this time.
const TOKEN_EXPIRATION_SECONDS: i64 = 3600;
/// Chromium shares frames between its processes here; it counts against the container's memory limit.
const SHARED_MEMORY: &str = "512Mi";
const MEDIA: &str = "media";

pub(super) fn volumes(profile: &RuntimeProfileSpec) -> Vec<Volume> {
    let mut volumes = vec![
        identity(),
        empty(
            "shm",
            EmptyDirVolumeSource {
                medium: Some("Memory".into()),
                size_limit: Some(Quantity(SHARED_MEMORY.into())),
            },
        ),
        // On the node's disk, which a page could otherwise fill.
        empty(
            "tmp",
            EmptyDirVolumeSource { medium: None, size_limit: Some((&profile.tmp_size_limit).into()) },
        ),
    ];
    volumes.extend(profile.media_volume.as_ref().map(media));
    volumes
}

pub(super) fn mounts(profile: &RuntimeProfileSpec) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        ..VolumeMount::default()
    };
    let mut mounts = vec![
        VolumeMount { read_only: Some(true), ..mount("identity", names::IDENTITY_FOLDER) },
        mount("shm", "/dev/shm"),
        mount("tmp", "/tmp"),
    ];
    let media = profile.media_volume.is_some();
    mounts.extend(media.then(|| VolumeMount { read_only: Some(true), ..mount(MEDIA, names::MEDIA_FOLDER) }));
    mounts
}

fn media(volume: &MediaVolume) -> Volume {
    Volume {
        name: MEDIA.into(),
        persistent_volume_claim: volume.persistent_volume_claim.as_ref().map(|claim| {
            PersistentVolumeClaimVolumeSource { claim_name: claim.claim_name.clone(), read_only: Some(true) }
        }),
        image: volume.image.as_ref().map(|image| ImageVolumeSource {
            reference: Some(image.reference.clone()),
            pull_policy: Some(image.pull_policy.as_str().into()),
        }),
        nfs: volume.nfs.as_ref().map(|nfs| NFSVolumeSource {
            server: nfs.server.clone(),
            path: nfs.path.clone(),
            read_only: Some(true),
        }),
        ..Volume::default()
    }
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
