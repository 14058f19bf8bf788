//! Names that others rely on: labels, objects, fields of Secrets, paths and ports of a session pod.

/// Owner of the fields that the operator applies.
pub const FIELD_MANAGER: &str = "understudy-operator";

/// Label: who made an object.
pub const MANAGER_LABEL: &str = "app.kubernetes.io/managed-by";

/// Audience of the token with which a session shows who it is.
pub const SESSION_AUDIENCE: &str = "understudy.dev/session";

/// Audience of the tokens with which people's backends show who they are.
pub const API_AUDIENCE: &str = "understudy-api";

/// Label: which pod of its owner it is, counted from 1.
pub const ATTEMPT_LABEL: &str = "understudy.dev/attempt";
/// Label: the profile that a pod was built from.
pub const PROFILE_LABEL: &str = "understudy.dev/runtime-profile";
/// Label: the revision of that profile.
pub const PROFILE_REVISION_LABEL: &str = "understudy.dev/runtime-profile-revision";
/// Selects the pods that this operator made, and nothing else.
pub const SESSION_SELECTOR: &str =
    "app.kubernetes.io/managed-by=understudy-operator,app.kubernetes.io/component=session";

/// The ConfigMap with the authority of the control link, one in each namespace that has participants.
pub const CA_CONFIG_MAP: &str = "understudy-ca";
/// Its key, and the file in the pod.
pub const CA_KEY: &str = "ca.crt";
/// The file in the pod that holds the projected token.
pub const TOKEN_KEY: &str = "token";
/// The folder of both files in the pod.
pub const IDENTITY_FOLDER: &str = "/var/run/understudy";

/// The folder of the pod that `file:` URLs point into.
pub const MEDIA_FOLDER: &str = "/media";

/// Keys of an access Secret.
pub const ACCESS_KEYS: [&str; 3] = ["view", "control", "admin"];

/// Where the runtime listens unless it reports otherwise.
pub const HTTP_PORT: u16 = 10001;
/// Health and metrics of the runtime.
pub const ADMIN_PORT: u16 = 10002;
/// All WebRTC of the runtime.
pub const MEDIA_PORT: u16 = 10003;
/// Port of a session's RTMP.
pub const RTMP_PORT: u16 = 1935;
/// Port of a session's RTMP over TLS.
pub const RTMPS_PORT: u16 = 1936;

/// How much of an owner's UID goes into the names of its pods.
const UID_CHARACTERS: usize = 8;
/// The longest name of a pod that is also its host's.
const LONGEST: usize = 63;

/// The pod of an attempt: a successor never collides with a predecessor that is stuck on a lost node. A name too long for
/// both is cut, and is still the owner's own by the UID.
pub fn pod(owner: &str, uid: &str, attempt: i32) -> String {
    let part: String = uid.chars().filter(char::is_ascii_alphanumeric).take(UID_CHARACTERS).collect();
    let end = format!("-{part}-{attempt}");
    let begin: String = owner.chars().take(LONGEST.saturating_sub(end.len())).collect();
    begin + &end
}

/// The Secret with the tokens that let people into a participant's session.
pub fn access_secret(owner: &str) -> String {
    format!("{owner}-access")
}

/// The Secret with those of a livestream that has a source. No participant's is called so: a participant's name has no dot.
pub fn livestream_secret(livestream: &str) -> String {
    format!("{livestream}.livestream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_still_makes_a_pod_name_at_any_attempt() {
        for attempt in [1, 999, i32::MAX] {
            let name = pod(&"a".repeat(50), "2f4b9c1e-77aa-4b51-9d9e-0d3c6f1e7b11", attempt);
            assert!(name.len() <= 63, "{name}");
            assert!(name.ends_with(&format!("a-2f4b9c1e-{attempt}")), "{name}");
        }
    }
}
