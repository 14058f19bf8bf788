//! The description of this surface, generated from what answers: `/spec.yaml` and `/spec.json`.

use axum::http::header;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::message::Message;

const YAML: &str = "application/vnd.oai.openapi";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Understudy runtime",
        description = "The HTTP surface of one session: what its camera and microphone carry, its programme over WHEP, and its pages.\n\nUnknown fields are accepted; a value that cannot be used is refused with a message that names its field, and what runs goes on. Errors are JSON with a `message`, unless said otherwise.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "virtual inputs", description = "What camera and microphone carry."),
        (name = "programme", description = "What the session shows, live."),
        (name = "session", description = "The session itself."),
        (name = "pages", description = "For people and for the session's own browser."),
    ),
    paths(
        super::inputs::configure,
        super::inputs::inputs_status,
        super::inputs::pause,
        super::inputs::resume,
        super::inputs::stop,
        super::inputs::feed::feed,
        super::live::feed_info,
        elsewhere::feed_socket,
        elsewhere::ingest_socket,
        elsewhere::webrtc_offer,
        elsewhere::whep_watch,
        elsewhere::whep_trickle,
        elsewhere::whep_leave,
        super::status,
        elsewhere::view,
        elsewhere::view_named,
        elsewhere::view_asset,
        elsewhere::root,
        super::pages::page,
        super::players::player,
        spec_yaml,
        spec_json,
    ),
    modifiers(&Bearers),
)]
struct Description;

/// The tokens of the three roles: each opens what those before it open, too.
struct Bearers;

impl Modify for Bearers {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        for (role, what) in [("view", "May look."), ("control", "May look, and steer the inputs.")] {
            let text =
                format!("{what} Where a header cannot be set, a GET request may carry it as `?token=`.");
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build();
            components.add_security_scheme(role, SecurityScheme::Http(bearer));
        }
    }
}

/// The whole description.
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

pub(super) fn router() -> Router {
    Router::new().route("/spec.yaml", get(spec_yaml)).route("/spec.json", get(spec_json))
}

/// This description as YAML.
#[utoipa::path(
    get, path = "/spec.yaml", tag = "pages",
    responses((status = 200, content_type = "application/vnd.oai.openapi", body = String)),
)]
async fn spec_yaml() -> Result<impl axum::response::IntoResponse, Message> {
    let text = serde_yaml_ng::to_string(&document())
        .map_err(|error| Message::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(header::CONTENT_TYPE, YAML)], text))
}

/// This description as JSON.
#[utoipa::path(get, path = "/spec.json", tag = "pages", responses((status = 200, body = Object)))]
async fn spec_json() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// What is answered by modules that know nothing of this description.
#[allow(dead_code, reason = "only described here")]
mod elsewhere {
    use serde::{Deserialize, Serialize};
    use utoipa::ToSchema;

    use super::Message;

    /// A description of a WebRTC session, whole: candidates are not told later.
    #[derive(Serialize, Deserialize, ToSchema)]
    pub struct Sdp {
        sdp: String,
    }

    /// A WebSocket on which what is sent as picture comes out live. A text frame names the format if it is not `mpegts`; binary frames are the picture.
    #[utoipa::path(
        get, path = "/input/devices/virtual/feed/socket", tag = "virtual inputs",
        responses((status = 101, description = "The socket opens, whether or not something is sent.")),
        security(("view" = [])),
    )]
    pub fn feed_socket() {}

    /// A WebSocket into which picture or sound is sent as binary frames, once it is configured to come over a socket.
    #[utoipa::path(
        get, path = "/input/devices/virtual/socket/{kind}", tag = "virtual inputs",
        params(("kind" = String, Path, description = "video or audio.")),
        responses(
            (status = 101, description = "The socket opens; a text frame names the format that is expected."),
            (status = 409, content_type = "text/plain", body = String, description = "It is not configured, or somebody sends already."),
        ),
        security(("control" = [])),
    )]
    pub fn ingest_socket() {}

    /// Send picture and sound as a WebRTC peer, once they are configured to come from one. A new peer replaces the last.
    #[utoipa::path(
        post, path = "/input/devices/virtual/webrtc/offer", tag = "virtual inputs", request_body = Sdp,
        responses(
            (status = 200, body = Sdp, description = "The answer, with all candidates."),
            (status = 400, body = Message, description = "There is no offer."),
            (status = 409, body = Message, description = "WebRTC is not configured."),
            (status = 500, body = Message, description = "The offer cannot be answered."),
        ),
        security(("control" = [])),
    )]
    pub fn webrtc_offer() {}

    /// Watch a programme over WHEP.
    #[utoipa::path(
        post, path = "/whep/{name}", tag = "programme",
        params(("name" = String, Path, description = "program, or the name of a livestream.")),
        request_body(content = String, content_type = "application/sdp"),
        responses(
            (status = 201, content_type = "application/sdp", body = String, description = "The answer; Location is where to leave."),
            (status = 404, body = Message, description = "There is no such programme."),
            (status = 409, body = Message, description = "There is nothing to show yet."),
        ),
        security(("view" = [])),
    )]
    pub fn whep_watch() {}

    /// Tell more candidates.
    #[utoipa::path(
        patch, path = "/whep/{name}/{session}", tag = "programme",
        params(("name" = String, Path), ("session" = String, Path)),
        request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
        responses((status = 204), (status = 404, body = Message)), security(("view" = [])),
    )]
    pub fn whep_trickle() {}

    /// Stop watching.
    #[utoipa::path(
        delete, path = "/whep/{name}/{session}", tag = "programme",
        params(("name" = String, Path), ("session" = String, Path)),
        responses((status = 204)), security(("view" = [])),
    )]
    pub fn whep_leave() {}

    /// A page that shows the programme.
    #[utoipa::path(get, path = "/view", tag = "pages", responses((status = 200, content_type = "text/html", body = String)))]
    pub fn view() {}

    /// A page that shows a livestream.
    #[utoipa::path(
        get, path = "/view/{name}", tag = "pages", params(("name" = String, Path)),
        responses((status = 200, content_type = "text/html", body = String)),
    )]
    pub fn view_named() {}

    /// What these pages consist of.
    #[utoipa::path(
        get, path = "/view/assets/{file}", tag = "pages",
        params(("file" = String, Path, description = "view.css or view.js.")),
        responses((status = 200)),
    )]
    pub fn view_asset() {}

    /// The way to `/view`.
    #[utoipa::path(get, path = "/", tag = "pages", responses((status = 307)))]
    pub fn root() {}
}
