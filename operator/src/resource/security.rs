//! What a session pod may do: it passes the `restricted` Pod Security level.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};
use understudy_crds::v1alpha1::{RuntimeProfileSpec, Seccomp};

/// User and groups that a profile does not name are the image's, or those that the cluster assigns. Without any of them the
/// kubelet makes the projected token readable for whoever the container runs as.
pub(super) fn pod(profile: &RuntimeProfileSpec) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: profile.run_as_user,
        run_as_group: profile.run_as_group,
        fs_group: profile.fs_group,
        seccomp_profile: Some(seccomp_profile(&profile.seccomp)),
        ..PodSecurityContext::default()
    }
}

pub(super) fn container() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        ..SecurityContext::default()
    }
}

fn seccomp_profile(seccomp: &Seccomp) -> SeccompProfile {
    SeccompProfile {
        type_: seccomp.type_.as_str().into(),
        localhost_profile: seccomp.localhost_profile.clone(),
    }
}
