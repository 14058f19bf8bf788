//! `POST /stream/webrtc/offer`: who wants to watch a livestream introduces themselves.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use understudy_core::spec::Output;
use utoipa::ToSchema;

use super::Surface;
use crate::api::fields;
use crate::api::json::Given;
use crate::api::message::Message;
use crate::program::Found;
use crate::rtc::OfferError;
use crate::signalling;

/// Pages offer in the moment in which they have started a stream: a first picture comes within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// An offer to watch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Offer {
    /// `default` if there is none.
    id: Option<String>,
    /// With all candidates: none are told later.
    sdp: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("sdp is required")]
    NoSdp,
    #[error("stream not found")]
    Unknown,
    #[error("stream does not support webrtc")]
    OtherMode,
    #[error("stream has no picture yet")]
    Silent,
    #[error("failed to negotiate stream")]
    Offer(#[from] OfferError),
}

/// Watch a livestream of mode `webrtc`. Whoever has watched enough closes the connection.
#[utoipa::path(
    post, path = "/stream/webrtc/offer", tag = "livestreams", request_body = Offer,
    responses(
        (status = 200, body = Object, description = "`{sdp}`: the answer, with all candidates."),
        (status = 400, body = Message, description = "There is no offer; JSON that cannot be read is told as text."),
        (status = 404, body = Message, description = "There is no such stream."),
        (status = 409, body = Message, description = "It is of another mode, or has no picture yet."),
        (status = 500, body = Message, description = "The offer cannot be answered; `detail` says why."),
        (status = 503, body = Message, description = "There are as many viewers as there may be; Retry-After says when to ask again."),
    ),
    security(("view" = [])),
)]
pub async fn offer(
    State(surface): State<Surface>,
    Given(offer): Given<Offer>,
) -> Result<Json<Value>, Refusal> {
    let Offer { id, sdp } = offer.unwrap_or_default();
    let sdp = sdp.filter(|sdp| !sdp.trim().is_empty()).ok_or(Refusal::NoSdp)?;
    let id = fields::called(id);
    match surface.named(&id) {
        None => return Err(Refusal::Unknown),
        Some(stream) if stream.livestream.output != Output::WebRtc => return Err(Refusal::OtherMode),
        Some(_) => {}
    }
    let program = match surface.programs.find_within(&id, PATIENCE).await {
        Found::Live(program) => program,
        Found::Silent => return Err(Refusal::Silent),
        Found::Unknown => return Err(Refusal::Unknown),
    };
    let answer = signalling::watch(&surface.transport, &surface.programs, (&id, &program), &sdp).await?;
    let answer = answer.ok_or(Refusal::Unknown)?;
    Ok(Json(json!({"sdp": answer.sdp})))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoSdp => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::OtherMode | Self::Silent => StatusCode::CONFLICT,
            Self::Offer(error) => return Message::unanswered(error, &self.to_string()).into_response(),
        };
        let is_silent = matches!(self, Self::Silent);
        let message = Message::new(status, self);
        if is_silent { message.again() } else { message }.into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::SystemTime;

    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;
    use understudy_core::spec::{Choice, Livestream};

    use super::*;
    use crate::api::streams::Settings;
    use crate::broadcast::{Metrics, Renditions};
    use crate::program::{Program, Registry};
    use crate::rtc::tests::on_loopback;
    use crate::session::{StreamView, Stub};

    const OFFER: &str = include_str!("../../../tests/fixtures/chromium_offer.sdp");

    fn stream(name: &str) -> StreamView {
        let livestream =
            Livestream { name: name.to_owned(), output: Output::WebRtc, choice: Choice::default() };
        StreamView { livestream, since: SystemTime::UNIX_EPOCH, sending: None, is_streaming: true }
    }

    #[tokio::test]
    async fn who_is_admitted_as_the_stream_goes_is_sent_away_and_nobody_else() {
        let (shutdown, programs, (session, stub)) =
            (CancellationToken::new(), Registry::default(), Stub::new());
        stub.show(vec![stream("goes"), stream("stays")]);
        let media = Renditions::new(&Metrics::default());
        let [goes, stays] = ["goes", "stays"].map(|name| {
            let program = Program::of(&media, watch::channel(true).1);
            programs.name(&program, [name.to_owned()]);
            program
        });
        let settings = Settings { frame_rate: None, rtmp_port: None, rtmps_port: None };
        let transport = on_loopback(2, &shutdown);
        let surface = Surface::new(session, programs.clone(), transport.clone(), settings);
        let offers = |id: &str| {
            let given = Offer { id: Some(id.to_owned()), sdp: Some(OFFER.to_owned()) };
            offer(State(surface.clone()), Given(Some(given)))
        };
        drop(offers("stays").await.expect("it must be answered"));
        let mut watching = pin!(offers("goes"));
        assert!(futures::poll!(&mut watching).is_pending(), "it waits for being admitted");
        programs.name(&goes, []);
        assert!(matches!(watching.await, Err(Refusal::Unknown)));
        let viewers = ["goes", "stays"].map(|name| *transport.viewers(name).borrow());
        assert_eq!(viewers, [0, 1]);
        assert!(programs.stands("stays", &stays));
        shutdown.cancel();
        transport.stopped().await;
    }
}
