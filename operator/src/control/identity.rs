//! Who is at the other end: a projected token, reviewed by the API server, names a pod, and the session may speak for no
//! other. What became of that pod is asked elsewhere.

use crate::names;
use crate::owner::Owner;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use tonic::Status;
use understudy_proto::v1::PodIdentity;

const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

/// One pod, beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID: another pod of the same name is another pod.
    pub uid: String,
}

/// A session that has shown who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The pod.
    pub pod: PodRef,
    /// Whose it is.
    pub owner: Owner,
}

/// Finds out who shows a token.
#[derive(Clone)]
pub struct Reviewer {
    api: Api<TokenReview>,
}

impl Reviewer {
    /// Asks through this client.
    pub fn new(client: Client) -> Self {
        Self { api: Api::all(client) }
    }

    /// The pod that the token was made for.
    pub(super) async fn review(&self, token: &str) -> Result<PodRef, Status> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.into()),
                audiences: Some(vec![names::SESSION_AUDIENCE.into()]),
            },
            ..TokenReview::default()
        };
        let reviewed = self.api.create(&PostParams::default(), &review).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a token could not be reviewed");
            Status::unavailable("tokens cannot be reviewed now")
        })?;
        pod_of(&reviewed.status.unwrap_or_default())
    }
}

/// What a review says. A token for another audience, of another kind, or of no pod is refused.
fn pod_of(review: &TokenReviewStatus) -> Result<PodRef, Status> {
    let ours = review.audiences.iter().flatten().any(|audience| audience == names::SESSION_AUDIENCE);
    if review.authenticated != Some(true) || !ours {
        return Err(Status::unauthenticated("the token is not valid for sessions"));
    }
    let user = review.user.clone().unwrap_or_default();
    let account = user.username.unwrap_or_default();
    let namespace = account.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split(':').next());
    let extra = |key: &str| user.extra.as_ref().and_then(|extra| extra.get(key)?.first().cloned());
    match (namespace, extra(POD_NAME), extra(POD_UID)) {
        (Some(namespace), Some(name), Some(uid)) => Ok(PodRef { namespace: namespace.into(), name, uid }),
        _ => Err(Status::permission_denied("the token was not made for a pod")),
    }
}

/// A session may speak for the pod that it runs in, and for no other.
pub(super) fn claims_itself(claimed: Option<&PodIdentity>, pod: &PodRef) -> Result<(), Status> {
    let claimed = claimed.ok_or_else(|| Status::invalid_argument("hello.pod is missing"))?;
    let same = claimed.namespace == pod.namespace && claimed.name == pod.name && claimed.uid == pod.uid;
    if same {
        Ok(())
    } else {
        Err(Status::permission_denied("hello.pod is not the pod that the token was made for"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tonic::Code;

    fn review(audience: &str) -> serde_json::Value {
        json!({
            "authenticated": true, "audiences": [audience],
            "user": {"username": "system:serviceaccount:demo:default", "extra": {POD_NAME: ["ada-1"], POD_UID: ["u1"]}}
        })
    }

    fn outcome(review: serde_json::Value) -> Result<PodRef, Code> {
        pod_of(&serde_json::from_value(review).unwrap()).map_err(|status| status.code())
    }

    #[test]
    fn a_token_names_the_pod_that_it_was_made_for() {
        let pod = PodRef { namespace: "demo".into(), name: "ada-1".into(), uid: "u1".into() };
        assert_eq!(outcome(review(names::SESSION_AUDIENCE)), Ok(pod));
    }

    #[test]
    fn a_token_for_another_audience_is_refused() {
        assert_eq!(outcome(review("https://kubernetes.default.svc")), Err(Code::Unauthenticated));
    }

    #[test]
    fn a_token_that_is_not_authenticated_is_refused() {
        let mut status = review(names::SESSION_AUDIENCE);
        status["authenticated"] = json!(false);
        assert_eq!(outcome(status), Err(Code::Unauthenticated));
    }

    #[test]
    fn a_token_of_no_pod_is_refused() {
        let mut status = review(names::SESSION_AUDIENCE);
        status["user"]["extra"] = json!({});
        assert_eq!(outcome(status), Err(Code::PermissionDenied));
    }

    #[test]
    fn a_session_cannot_claim_to_be_another_pod() {
        let pod = PodRef { namespace: "demo".into(), name: "ada-1".into(), uid: "u1".into() };
        let claim =
            |uid: &str| PodIdentity { namespace: "demo".into(), name: "ada-1".into(), uid: uid.into() };
        assert!(claims_itself(Some(&claim("u1")), &pod).is_ok());
        assert_eq!(claims_itself(Some(&claim("u2")), &pod).unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(claims_itself(None, &pod).unwrap_err().code(), Code::InvalidArgument);
    }
}
