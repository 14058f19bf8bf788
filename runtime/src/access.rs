//! Who may do what over HTTP: bearer tokens with roles.
//!
//! A browser may pass its token as the query parameter `token` where it cannot set a header (pages and
//! WebSockets, which are GET).

mod host;

pub use host::HostNames;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use understudy_proto::v1::AccessTokens;

/// What a bearer may do; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    View,
    Control,
    Admin,
}

/// Whom the doors open for.
#[derive(Clone, Default)]
pub enum Policy {
    /// Everybody who asks under a name that is ours: the operator of the container says so.
    Open(HostNames),
    /// Whoever is on this machine, and pages of this server; not whatever other page a person's browser has open.
    Local,
    /// Nobody yet: the tokens have not arrived.
    #[default]
    Waiting,
    Tokens(Box<AccessTokens>),
}

/// Who was let in, for as long as they stay: their token may be withdrawn meanwhile.
#[derive(Clone)]
pub struct Bearer {
    token: Option<String>,
    policy: watch::Receiver<Policy>,
}

impl Bearer {
    pub(crate) fn new(token: Option<String>, mut policy: watch::Receiver<Policy>) -> Self {
        // What is said from now on is another policy than that by which they were let in, at most once too often.
        policy.mark_changed();
        Self { token, policy }
    }

    /// What they may now; none: nothing any more.
    pub fn role(&self) -> Option<Role> {
        match judge(&self.policy.borrow(), Role::View, self.token.as_deref()) {
            Verdict::Pass(role) => Some(role),
            _ => None,
        }
    }

    /// What they may whenever that may be something else; never, where nothing is withdrawn any more. May be given up on.
    pub async fn judged(&mut self) -> Option<Role> {
        if self.policy.changed().await.is_err() {
            return std::future::pending().await;
        }
        self.policy.borrow_and_update();
        self.role()
    }
}

/// Why somebody is not let in at a door that is not HTTP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nobody is, yet.
    Waiting,
    /// The token is missing or wrong.
    Unknown,
    TooLow,
    /// They are not on this machine.
    Elsewhere,
}

impl Policy {
    /// Whether tokens are what counts, if need be later.
    pub(crate) const fn has_tokens(&self) -> bool {
        matches!(self, Self::Waiting | Self::Tokens(_))
    }

    /// Of a door that no page can knock at: what a person's browser has open does not count there.
    pub fn admits(&self, needed: Role, token: Option<&str>, peer: IpAddr) -> Result<(), Denied> {
        if matches!(self, Self::Local) && !peer.is_loopback() {
            return Err(Denied::Elsewhere);
        }
        match judge(self, needed, token) {
            Verdict::Pass(_) => Ok(()),
            Verdict::Waiting => Err(Denied::Waiting),
            Verdict::TooLow => Err(Denied::TooLow),
            Verdict::Unknown | Verdict::Foreign | Verdict::Unnamed => Err(Denied::Unknown),
        }
    }
}

/// The policy in force, and the role that a door asks for.
#[derive(Clone)]
pub struct Guard {
    pub policy: watch::Receiver<Policy>,
    pub role: Role,
}

/// Middleware: lets a request pass if its bearer has the guard's role, which the request then carries as an extension.
pub async fn check(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    // A preflight carries no credentials, by the CORS protocol.
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let verdict = weigh(&guard.policy.borrow(), guard.role, &request);
    match verdict {
        Verdict::Pass(role) => {
            let bearer = Bearer::new(presented(&request), guard.policy.clone());
            request.extensions_mut().insert(role);
            request.extensions_mut().insert(bearer);
            next.run(request).await
        }
        Verdict::Waiting => deny(StatusCode::SERVICE_UNAVAILABLE, "the session has no access tokens yet"),
        Verdict::Unknown => {
            let mut response = deny(StatusCode::UNAUTHORIZED, "a valid bearer token is needed");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Verdict::Foreign => {
            deny(StatusCode::FORBIDDEN, "without tokens, pages of other sites may not; nor may foreign names")
        }
        Verdict::Unnamed => deny(
            StatusCode::FORBIDDEN,
            "without tokens, this server is asked by an address or a private name; UNDERSTUDY_ALLOWED_HOSTS adds others",
        ),
        Verdict::TooLow => deny(StatusCode::FORBIDDEN, "this token's role does not allow it"),
    }
}

pub(crate) fn weigh(policy: &Policy, needed: Role, request: &Request) -> Verdict {
    match policy {
        Policy::Local if !host::is_local(request.headers()) => Verdict::Foreign,
        // Without tokens, every page that a person has open could steer what this person's machine reaches.
        Policy::Open(_) if host::is_foreign(request.headers()) => Verdict::Foreign,
        // A foreign name may be pointed at this machine, and makes a foreign page an own one.
        Policy::Open(names) if !names.admit(request.headers()) => Verdict::Unnamed,
        policy => judge(policy, needed, presented(request).as_deref()),
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass(Role),
    Waiting,
    Unknown,
    /// Without tokens: by a page of another site.
    Foreign,
    /// Without tokens: under a name that anybody can have.
    Unnamed,
    TooLow,
}

fn judge(policy: &Policy, needed: Role, token: Option<&str>) -> Verdict {
    let tokens = match policy {
        Policy::Open(_) | Policy::Local => return Verdict::Pass(Role::Admin),
        Policy::Waiting => return Verdict::Waiting,
        Policy::Tokens(tokens) => tokens,
    };
    let known = [(&tokens.view, Role::View), (&tokens.control, Role::Control), (&tokens.admin, Role::Admin)];
    let given = token.unwrap_or_default().as_bytes();
    let matches = |expected: &str| !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(given));
    // No early end: how long it takes shall not tell which token was close.
    match known.into_iter().filter(|(expected, _)| matches(expected)).map(|(_, role)| role).max() {
        Some(role) if role >= needed => Verdict::Pass(role),
        Some(_) => Verdict::TooLow,
        None => Verdict::Unknown,
    }
}

/// The token that a request comes with.
pub(crate) fn presented(request: &Request) -> Option<String> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, token)) = header.and_then(|value| value.split_once(' ')) {
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    if request.method() != Method::GET {
        return None;
    }
    let query = request.uri().query().unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(str::to_owned)
}

fn deny(status: StatusCode, message: &'static str) -> Response {
    (status, axum::Json(serde_json::json!({ "error": message, "message": message }))).into_response()
}

impl std::fmt::Debug for Policy {
    /// Tokens are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Local => "Local",
            Self::Waiting => "Waiting",
            Self::Tokens(_) => "Tokens",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Policy {
        Policy::Tokens(Box::new(AccessTokens { view: "v".into(), control: "c".into(), admin: String::new() }))
    }

    #[test]
    fn a_role_includes_those_below_it() {
        assert_eq!(judge(&tokens(), Role::View, Some("v")), Verdict::Pass(Role::View));
        assert_eq!(judge(&tokens(), Role::View, Some("c")), Verdict::Pass(Role::Control));
        assert_eq!(judge(&tokens(), Role::Control, Some("v")), Verdict::TooLow);
    }

    #[tokio::test]
    async fn who_was_let_in_is_judged_again_when_tokens_change() {
        let policies = watch::Sender::new(tokens());
        let mut bearer = Bearer::new(Some("c".to_owned()), policies.subscribe());
        assert_eq!(bearer.judged().await, Some(Role::Control));
        let other = |view: &str, control: &str| {
            Policy::Tokens(Box::new(AccessTokens {
                view: view.into(),
                control: control.into(),
                admin: String::new(),
            }))
        };
        policies.send_replace(other("c", "d"));
        assert_eq!(bearer.judged().await, Some(Role::View));
        policies.send_replace(other("v", "d"));
        assert_eq!((bearer.judged().await, bearer.role()), (None, None));
        drop(policies);
        let later = tokio::time::timeout(std::time::Duration::from_millis(1), bearer.judged());
        assert!(later.await.is_err(), "nobody withdraws anything any more");
    }

    #[test]
    fn a_page_of_another_site_does_not_get_in_where_there_are_no_tokens() {
        let asked = |policy: &Policy, origin: Option<&str>| {
            let mut request =
                Request::post("/input/devices/virtual/stop").header(header::HOST, "localhost:10001");
            if let Some(origin) = origin {
                request = request.header(header::ORIGIN, origin);
            }
            weigh(policy, Role::Control, &request.body(axum::body::Body::empty()).expect("a request"))
        };
        for policy in [Policy::Open(HostNames::default()), Policy::Local] {
            assert_eq!(asked(&policy, None), Verdict::Pass(Role::Admin));
            assert_eq!(asked(&policy, Some("http://localhost:10001")), Verdict::Pass(Role::Admin));
            assert_eq!(asked(&policy, Some("https://elsewhere.example")), Verdict::Foreign);
        }
    }

    #[test]
    fn a_name_that_was_pointed_at_this_machine_opens_nothing() {
        let asked = |policy: &Policy| {
            let request = Request::get("/status").header(header::HOST, "rebound.example:10001");
            let request = request.header(header::ORIGIN, "http://rebound.example:10001");
            weigh(policy, Role::View, &request.body(axum::body::Body::empty()).expect("a request"))
        };
        assert_eq!(asked(&Policy::Open(HostNames::default())), Verdict::Unnamed);
        assert_eq!(
            asked(&Policy::Open(HostNames::new(&["rebound.example".into()]))),
            Verdict::Pass(Role::Admin)
        );
        assert_eq!(asked(&tokens()), Verdict::Unknown, "where there are tokens, they alone count");
    }

    #[test]
    fn a_door_that_is_not_http_s_asks_for_the_same_tokens() {
        let (here, there) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        assert_eq!(tokens().admits(Role::View, Some("v"), there), Ok(()));
        assert_eq!(tokens().admits(Role::Control, Some("v"), there), Err(Denied::TooLow));
        assert_eq!(tokens().admits(Role::View, None, here), Err(Denied::Unknown));
        assert_eq!(Policy::Waiting.admits(Role::View, Some("v"), here), Err(Denied::Waiting));
        assert_eq!(Policy::Local.admits(Role::Control, None, here), Ok(()));
        assert_eq!(Policy::Local.admits(Role::View, None, there), Err(Denied::Elsewhere));
        assert_eq!(Policy::Open(HostNames::default()).admits(Role::View, None, there), Ok(()));
    }

    #[test]
    fn a_missing_wrong_or_empty_token_opens_nothing() {
        for token in [None, Some(""), Some("x"), Some("vv")] {
            assert_eq!(judge(&tokens(), Role::View, token), Verdict::Unknown, "{token:?}");
        }
        assert_eq!(judge(&Policy::Waiting, Role::View, Some("v")), Verdict::Waiting);
        assert_eq!(judge(&Policy::Open(HostNames::default()), Role::Admin, None), Verdict::Pass(Role::Admin));
    }
}
