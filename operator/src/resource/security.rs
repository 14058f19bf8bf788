//! What a session pod may do: it passes the `restricted` Pod Security level.

use crate::profile::Seccomp;
use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// The user of the runtime's image.
const USER: i64 = 1000;

pub(super) fn pod(seccomp: &Seccomp) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        // The projected token is readable by this group.
        fs_group: Some(USER),
        seccomp_profile: Some(seccomp_profile(seccomp)),
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
    match seccomp {
        Seccomp::RuntimeDefault => SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None },
        Seccomp::Localhost { localhost_profile } => {
            SeccompProfile { type_: "Localhost".into(), localhost_profile: Some(localhost_profile.clone()) }
        }
    }
}
