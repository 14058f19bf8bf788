//! Why a call is refused, in the words of each face: a status of gRPC, or one of HTTP with a body of `message`, `code` and `name`.
//! Pure.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tonic::{Code, Status};
use understudy_client::refusal::Refusal;
use understudy_client::selector;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: Why,
    /// For people.
    pub(super) message: String,
}

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A field is wrong, or missing.
    Invalid,
    /// The caller did not show who they are.
    Unknown,
    /// The caller may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Another invitation is in the way, or somebody was faster.
    Conflict,
    /// It cannot be so, however often it is tried.
    Precondition,
    /// None is free now.
    NoneFree,
    /// The API server is away.
    Unavailable,
}

impl Refused {
    pub(super) fn new(why: Why, message: impl Into<String>) -> Self {
        Self { why, message: message.into() }
    }

    pub(super) fn invalid(field: &str, what: &str) -> Self {
        Self::new(Why::Invalid, format!("{field}: {what}"))
    }
}

impl Why {
    const fn grpc(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Unknown => Code::Unauthenticated,
            Self::Forbidden => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::Conflict => Code::AlreadyExists,
            Self::Precondition | Self::NoneFree => Code::FailedPrecondition,
            Self::Unavailable => Code::Unavailable,
        }
    }

    const fn http(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict | Self::Precondition | Self::NoneFree => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// CamelCase, as a label of metrics and as the `name` in a body.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "InvalidArgument",
            Self::Unknown => "Unauthenticated",
            Self::Forbidden => "PermissionDenied",
            Self::NotFound => "NotFound",
            Self::Conflict => "AlreadyExists",
            Self::Precondition => "FailedPrecondition",
            Self::NoneFree => "NoneAvailable",
            Self::Unavailable => "Unavailable",
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let why = match &refusal {
            Refusal::Unknown(..) | Refusal::NotInvited { .. } | Refusal::Gone(_) => Why::NotFound,
            Refusal::Held { .. } | Refusal::Contended(_) | Refusal::Raced => Why::Conflict,
            // What the operator may not is not mended by asking again.
            Refusal::Settled { .. } | Refusal::OtherStage(_) | Refusal::Forbidden(_) => Why::Precondition,
            Refusal::NoneFree { .. } => Why::NoneFree,
            Refusal::Invalid(_) => Why::Invalid,
            Refusal::Unreachable(_) => Why::Unavailable,
        };
        if why == Why::Unavailable {
            tracing::warn!(error = &refusal as &dyn std::error::Error, "a call could not be carried out");
        }
        Self::new(why, refusal.to_string())
    }
}

impl From<selector::Invalid> for Refused {
    fn from(invalid: selector::Invalid) -> Self {
        Self::new(Why::Invalid, invalid.to_string())
    }
}

impl From<Refused> for Status {
    fn from(Refused { why, message }: Refused) -> Self {
        Self::new(why.grpc(), message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { why, message } = self;
        body(why.http(), why.as_str(), &message)
    }
}

/// As the source system writes one.
pub(super) fn body(status: StatusCode, name: &str, message: &str) -> Response {
    (status, Json(json!({"message": message, "code": status.as_u16(), "name": name}))).into_response()
}
