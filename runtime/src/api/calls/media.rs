//! Both sides of a call as WebM, for pages that play it with Media Source Extensions, and for players of files.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::time::timeout;
use understudy_core::media::VideoCodec;
use understudy_core::rendition::{Audio, Video};

use super::{Desk, Failure};
use crate::call::{Ongoing, Remote};
use crate::egress::socket::{self, WebM};
use crate::subprotocol;

/// What a reader says has no meaning.
const LARGEST_MESSAGE: usize = 64 << 10;
/// For last words.
const WORDS: Duration = Duration::from_secs(2);
const H264: &str = "the other side sends H.264, which is no WebM: play it over the loopback";

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Which of the two sides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Other,
    Own,
}

/// The other side as WebM, in binary messages: the initialization segment alone, then a cluster each, in time from zero.
#[utoipa::path(
    get, path = "/api/call/media/{channel}", tag = "calls", params(("channel" = String, Path)),
    responses(
        (status = 101, description = "The socket opens; it is closed when the call is over."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn media(
    State(desk): State<Desk>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    open(&desk, &channel, Side::Other, (&headers, upgrade))
}

/// What the other side sees and hears of this participant, in the same form.
#[utoipa::path(
    get, path = "/api/call/self/{channel}", tag = "calls", params(("channel" = String, Path)),
    responses(
        (status = 101, description = "The socket opens; it is closed when the call is over."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn own(
    State(desk): State<Desk>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    open(&desk, &channel, Side::Own, (&headers, upgrade))
}

/// The other side as WebM, as a body that ends with the call.
#[utoipa::path(
    get, path = "/api/call/video/{channel}", tag = "calls", params(("channel" = String, Path)),
    responses(
        (status = 200, content_type = "video/webm", body = Vec<u8>),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn video(
    State(desk): State<Desk>,
    Path(channel): Path<String>,
) -> Result<Response, Failure> {
    chunked(&desk, &channel, Side::Other)
}

/// What the other side sees and hears of this participant, in the same form.
#[utoipa::path(
    get, path = "/api/call/selfvideo/{channel}", tag = "calls", params(("channel" = String, Path)),
    responses(
        (status = 200, content_type = "video/webm", body = Vec<u8>),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn own_video(
    State(desk): State<Desk>,
    Path(channel): Path<String>,
) -> Result<Response, Failure> {
    chunked(&desk, &channel, Side::Own)
}

fn open(
    desk: &Desk,
    channel: &str,
    side: Side,
    (headers, upgrade): (&HeaderMap, Upgrade),
) -> Result<Response, Failure> {
    let (call, seat) = (desk.find(channel)?, desk.seat()?);
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let metrics = desk.site.metrics.clone();
    Ok(upgrade
        .protocols(subprotocol::asked(headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(async move |mut socket| {
            let _seat = seat;
            match begun(&mut socket, &call, side).await {
                Some(Ok(webm)) => {
                    socket::show(socket, webm, &metrics, async { drop(call.over().await) }).await;
                }
                Some(Err(why)) => bid(socket, close_code::UNSUPPORTED, why).await,
                None => bid(socket, close_code::NORMAL, "stream stopped").await,
            }
        }))
}

/// None: the call is over, or the reader has gone.
async fn begun(socket: &mut WebSocket, call: &Ongoing, side: Side) -> Option<Result<WebM, &'static str>> {
    let mut made = std::pin::pin!(webm(call, side));
    loop {
        tokio::select! {
            made = &mut made => return Some(made),
            _ = call.over() => return None,
            said = socket.recv() => match said {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            },
        }
    }
}

async fn bid(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let _: Result<_, _> = timeout(WORDS, socket.send(Message::Close(Some(frame)))).await;
}

/// Once it is known what there is.
async fn webm(call: &Ongoing, side: Side) -> Result<WebM, &'static str> {
    if side == Side::Own {
        let vp8 = Video { codec: VideoCodec::Vp8, ..Video::default() };
        let (picture, sound) = (call.program.video(vp8), call.program.audio(Audio::default()));
        return Ok(WebM::new(Some(picture.subscribe()), Some(sound.subscribe())));
    }
    let Remote { picture, sound, codec, has_sound } = call.shown().await;
    if codec.is_some_and(|codec| codec != VideoCodec::Vp8) {
        return Err(H264);
    }
    Ok(WebM::new(codec.map(|_| picture.subscribe()), has_sound.then(|| sound.subscribe())))
}

fn chunked(desk: &Desk, channel: &str, side: Side) -> Result<Response, Failure> {
    let (call, seat) = (desk.find(channel)?, desk.seat()?);
    let (playing, over) = (call.clone(), call);
    let begin = async move { webm(&playing, side).await.ok() };
    let pieces = stream::once(begin)
        .filter_map(async |webm| webm)
        .flat_map(|webm| stream::unfold(webm, async |mut webm: WebM| Some((webm.next().await, webm))));
    let pieces = pieces
        .flat_map(|messages: Vec<Bytes>| stream::iter(messages.into_iter().map(Ok::<_, std::io::Error>)));
    let until = async move {
        drop(over.over().await);
        drop(seat);
    };
    let body = Body::from_stream(pieces.boxed().take_until(Box::pin(until)));
    let headers =
        [(CONTENT_TYPE, "video/webm"), (CACHE_CONTROL, "no-cache, no-store"), (ACCEPT_RANGES, "none")];
    Ok((headers, body).into_response())
}
