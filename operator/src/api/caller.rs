//! Who calls, and what they may: the API server is asked each time, as if they had called it themselves.

use crate::api::refused::{Refused, Why};
use crate::control::connection::Guest;
use crate::names;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use std::convert::Infallible;
use tokio::sync::Semaphore;
use tonic::transport::server::TlsConnectInfo;

/// Reviews at a time: whoever has no token at all costs one, too.
const REVIEWS: usize = 64;
/// Longer than any token of an API server.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Asks through one client.
pub(super) struct Callers {
    client: Client,
    reviews: Semaphore,
}

/// A request, as far as it says who sent it.
pub(super) struct Visit {
    headers: HeaderMap,
    /// On which connection.
    guest: Option<Guest>,
}

/// Somebody who has shown who they are.
pub(super) struct Caller {
    user: UserInfo,
}

/// Something that a caller wants to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act<'a> {
    pub(super) verb: &'a str,
    /// Of a kind of ours, or of Kubernetes' own.
    pub(super) resource: Resource,
    /// Empty: in all of them.
    pub(super) namespace: &'a str,
    /// Empty: to all of them.
    pub(super) name: &'a str,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Resource {
    Participants,
    Pods,
    Secrets,
}

impl Resource {
    const fn group_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Participants => (understudy_crds::GROUP, "virtualparticipants"),
            Self::Pods => ("", "pods"),
            Self::Secrets => ("", "secrets"),
        }
    }
}

impl Visit {
    pub(super) fn new(headers: HeaderMap, extensions: &Extensions) -> Self {
        let info = extensions.get::<TlsConnectInfo<Guest>>();
        Self { headers, guest: info.map(|info| info.get_ref().clone()) }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::new(parts.headers.clone(), &parts.extensions))
    }
}

impl Caller {
    /// The namespace of the ServiceAccount that calls; people have none.
    pub(super) fn namespace(&self) -> Option<&str> {
        let account = self.user.username.as_deref()?.strip_prefix("system:serviceaccount:")?;
        account.split_once(':').map(|(namespace, _name)| namespace)
    }
}

impl Callers {
    pub(super) fn new(client: Client) -> Self {
        Self { client, reviews: Semaphore::new(REVIEWS) }
    }

    /// Who shows the token of these headers.
    pub(super) async fn identify(&self, visit: &Visit) -> Result<Caller, Refused> {
        let token = bearer(&visit.headers).ok_or_else(|| {
            let audience = names::API_AUDIENCE;
            Refused::new(
                Why::Unknown,
                format!("authorization: Bearer with a token of the audience {audience} is missing"),
            )
        })?;
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.into()),
                audiences: Some(vec![names::API_AUDIENCE.into()]),
            },
            ..TokenReview::default()
        };
        let _turn = self.reviews.acquire().await;
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let reviewed = api.create(&PostParams::default(), &review).await.map_err(|error| unasked(&error))?;
        let user = user_of(reviewed.status.unwrap_or_default())?;
        visit.guest.iter().for_each(Guest::know);
        Ok(Caller { user })
    }

    /// Refuses what the caller may not do.
    pub(super) async fn allow(&self, caller: &Caller, act: Act<'_>) -> Result<(), Refused> {
        let Act { verb, resource, namespace, name } = act;
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (group, plural) = resource.group_and_name();
        let UserInfo { username, groups, uid, extra } = caller.user.clone();
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: username,
                groups,
                uid,
                extra,
                resource_attributes: Some(ResourceAttributes {
                    group: given(group),
                    resource: Some(plural.into()),
                    verb: Some(verb.into()),
                    namespace: given(namespace),
                    name: given(name),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let _turn = self.reviews.acquire().await;
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let reviewed = api.create(&PostParams::default(), &review).await.map_err(|error| unasked(&error))?;
        if reviewed.status.is_some_and(|status| status.allowed && status.denied != Some(true)) {
            return Ok(());
        }
        let who = caller.user.username.as_deref().unwrap_or("the caller");
        let within =
            if namespace.is_empty() { "all namespaces".into() } else { format!("the namespace {namespace}") };
        let which = if name.is_empty() { String::new() } else { format!(" {name}") };
        Err(Refused::new(Why::Forbidden, format!("{who} may not {verb} {plural}{which} in {within}")))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= LONGEST_TOKEN)
        .then_some(token)
}

fn unasked(error: &kube::Error) -> Refused {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "a caller of the control API could not be reviewed"
    );
    Refused::new(Why::Unavailable, "the API server cannot be asked now who you are: try again")
}

/// What a review says. A token for another audience is refused: one that was made for another server must not work here.
fn user_of(review: TokenReviewStatus) -> Result<UserInfo, Refused> {
    let ours = review.audiences.iter().flatten().any(|audience| audience == names::API_AUDIENCE);
    match (review.authenticated, ours, review.user) {
        (Some(true), true, Some(user)) => Ok(user),
        _ => {
            let audience = names::API_AUDIENCE;
            let message = format!("the token is not valid here: it has to be of the audience {audience}");
            Err(Refused::new(Why::Unknown, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde_json::json;

    #[test]
    fn a_token_is_read_from_where_it_belongs() {
        let long = format!("Bearer {}", "a".repeat(LONGEST_TOKEN + 1));
        for (header, token) in [
            ("Bearer word", Some("word")),
            ("bearer  word ", Some("word")),
            ("Basic word", None),
            ("Bearer", None),
            ("Bearer ", None),
            (long.as_str(), None),
        ] {
            let headers = [(header::AUTHORIZATION, HeaderValue::from_str(header).unwrap())];
            assert_eq!(bearer(&headers.into_iter().collect()), token, "{header:.20}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_token_of_another_audience_is_nobodys() {
        let review = |audience: &str, authenticated: bool| {
            let user = json!({"username": "system:serviceaccount:demo:backend"});
            let status = json!({"authenticated": authenticated, "audiences": [audience], "user": user});
            user_of(serde_json::from_value(status).unwrap()).map(|user| Caller { user })
        };
        let known =
            review(names::API_AUDIENCE, true).unwrap_or_else(|_| Caller { user: UserInfo::default() });
        assert_eq!(known.namespace(), Some("demo"));
        for (audience, authenticated) in [(names::SESSION_AUDIENCE, true), (names::API_AUDIENCE, false)] {
            let refused = review(audience, authenticated).err().map(|refused| refused.why);
            assert_eq!(refused, Some(Why::Unknown), "{audience}");
        }
        assert_eq!(Caller { user: UserInfo::default() }.namespace(), None);
    }
}
