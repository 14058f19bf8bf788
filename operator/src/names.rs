//! Names that others rely on: labels, objects, fields of Secrets, paths and ports of a session pod.

use std::collections::BTreeMap;

/// Owner of the fields that the operator applies.
pub const FIELD_MANAGER: &str = "understudy-operator";

/// Audience of the token with which a session shows who it is.
pub const SESSION_AUDIENCE: &str = "understudy.dev/session";

/// Label: the participant that a pod belongs to.
pub const PARTICIPANT_LABEL: &str = "understudy.dev/participant";
/// Label: which pod of the participant it is, counted from 1.
pub const ATTEMPT_LABEL: &str = "understudy.dev/attempt";
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

/// Keys of a participant's access Secret.
pub const ACCESS_KEYS: [&str; 3] = ["view", "control", "admin"];

/// Where the runtime listens unless it reports otherwise.
pub const HTTP_PORT: u16 = 10001;
/// Health and metrics of the runtime.
pub const ADMIN_PORT: u16 = 10002;
/// All WebRTC of the runtime.
pub const MEDIA_PORT: u16 = 10003;

/// How much of a participant's UID goes into the names of its pods.
const UID_CHARACTERS: usize = 8;

/// The pod of an attempt: a successor never collides with a predecessor that is stuck on a lost node. At most 63
/// characters up to attempt 999, since names of participants have at most 50.
pub fn pod(participant: &str, uid: &str, attempt: i32) -> String {
    let part: String = uid.chars().filter(char::is_ascii_alphanumeric).take(UID_CHARACTERS).collect();
    format!("{participant}-{part}-{attempt}")
}

/// The Secret with the tokens that let people into a session.
pub fn access_secret(participant: &str) -> String {
    format!("{participant}-access")
}

/// The labels of everything made for a participant.
pub fn labels(participant: &str, component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "understudy"),
        ("app.kubernetes.io/instance", participant),
        ("app.kubernetes.io/component", component),
        ("app.kubernetes.io/part-of", "understudy"),
        ("app.kubernetes.io/managed-by", "understudy-operator"),
        (PARTICIPANT_LABEL, participant),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_still_makes_a_pod_name() {
        let name = pod(&"a".repeat(50), "2f4b9c1e-77aa-4b51-9d9e-0d3c6f1e7b11", 999);
        assert!(name.len() <= 63, "{name}");
        assert!(name.ends_with("-2f4b9c1e-999"), "{name}");
    }
}
