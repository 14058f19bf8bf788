//! The description of this surface, generated from what answers: `/spec.yaml` and `/spec.json`.

use axum::http::header;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ResponseBuilder, ServerBuilder};
use utoipa::{Modify, OpenApi};

use super::message::Message;
use super::processes_page;
use crate::devtools_proxy;
use crate::egress::{socket, view, whep};

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
        (name = "livestreams", description = "Ways out with a name of their own."),
        (name = "stage", description = "Where the participant is invited to."),
        (name = "processes", description = "ffmpeg, supervised: the API of datarhei's core. Errors are `{code, message, details}`."),
        (name = "streamers", description = "What many people watch and steer together. Errors are `{error}`."),
        (name = "calls", description = "Others who are called, and call. Errors are lines of text."),
        (name = "recordings", description = "What the session shows, kept in files."),
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
        super::live::feed_socket,
        super::socket::video,
        super::socket::audio,
        super::offer::offer,
        super::whip::publish,
        super::whip::end,
        super::computer::take,
        super::display::resize,
        super::recordings::start,
        super::recordings::stop,
        super::recordings::delete,
        super::recordings::list,
        super::recordings::download::download,
        super::streams::start,
        super::streams::stop,
        super::streams::list,
        super::streams::offer::offer,
        super::stage::invite,
        super::stage::kick,
        super::core::about::about,
        super::core::about::ping,
        super::core::login::login,
        super::core::login::refresh,
        super::core::memory::read,
        super::core::skills::skills,
        super::core::skills::reload,
        super::core::process::list,
        super::core::process::one,
        super::core::process::state,
        super::core::process::report,
        super::core::process::config,
        super::core::process::probe,
        super::core::process::add,
        super::core::process::update,
        super::core::process::delete,
        super::core::process::command,
        super::core::metadata::all_of,
        super::core::metadata::one_of,
        super::core::metadata::keep_of,
        super::core::metadata::all,
        super::core::metadata::one,
        super::core::metadata::keep,
        super::calls::mode,
        super::calls::start,
        super::calls::accept,
        super::calls::hang_up,
        super::calls::toggle_audio,
        super::calls::toggle_video,
        super::calls::active,
        super::calls::debug,
        super::calls::events,
        super::calls::session_events,
        super::calls::media,
        super::calls::own,
        super::calls::video,
        super::calls::own_video,
        super::calls::loopback,
        super::calls::candidates,
        super::calls::join,
        super::streamers::create,
        super::streamers::list,
        super::streamers::apps,
        super::streamers::one,
        super::streamers::delete,
        super::streamers::peer,
        super::streamers::stream,
        super::streamers::sessions,
        super::streamers::admin_status,
        socket::watch,
        whep::watch,
        whep::patch,
        whep::leave,
        whep::watch_process,
        whep::patch_process,
        whep::leave_process,
        super::status,
        devtools_proxy::version,
        devtools_proxy::connect,
        view::program,
        view::livestream,
        view::asset,
        processes_page::page,
        super::calls::page::page,
        super::calls::page::asset,
        processes_page::asset,
        super::stage::page::stage,
        super::stage::page::asset,
        super::pages::root,
        super::pages::page,
        super::players::player,
        spec_yaml,
        spec_json,
    ),
    modifiers(&Bearers, &Doors, &Devtools),
)]
struct Description;

/// What is not on this server's port.
const DEVTOOLS_PATHS: [&str; 2] = ["/json/version", "/devtools/{path}"];

struct Devtools;

impl Modify for Devtools {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let server = ServerBuilder::new()
            .url("http://localhost:9222")
            .description(Some("The port of the browser's DevTools."))
            .build();
        for path in DEVTOOLS_PATHS {
            let item = description.paths.paths.get_mut(path);
            if let Some(operation) = item.and_then(|item| item.get.as_mut()) {
                operation.servers = Some(vec![server.clone()]);
            }
        }
    }
}

/// The tokens of the three roles: each opens what those before it open, too.
struct Bearers;

impl Modify for Bearers {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        for (role, what) in [
            ("view", "May look."),
            ("control", "May look, and steer the inputs."),
            ("admin", "May do all of that, and see who else does."),
        ] {
            let text =
                format!("{what} Where a header cannot be set, a GET request may carry it as `?token=`.");
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build();
            components.add_security_scheme(role, SecurityScheme::Http(bearer));
        }
    }
}

/// Every guarded door refuses in the same words.
struct Doors;

impl Modify for Doors {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let refusals = [
            ("401", "A valid bearer token is needed."),
            (
                "403",
                "The token's role does not allow it; or, without tokens, it is a page of another site that asks.",
            ),
            ("503", "The session has no tokens yet, or cannot serve now."),
        ];
        for item in description.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten().filter(|operation| operation.security.is_some())
            {
                for (status, text) in refusals {
                    let refusal = ResponseBuilder::new().description(text).build();
                    operation.responses.responses.entry(status.into()).or_insert_with(|| refusal.into());
                }
            }
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
