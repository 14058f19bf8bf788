//! What happens, as server-sent events: who calls, and how a call goes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::sync::watch;
use understudy_core::call::{Ringing, Why};

use super::{Desk, Failure, told};
use crate::call::{Ongoing, Standing, Table};
use crate::seats::Seat;

/// Proxies keep what is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);

type Events = Result<Event, Infallible>;

/// Who calls, from now on and now: `event: call` with `{type: "incoming-call", channel_id, remote_peer}`.
///
/// First `event: connected` comes. When a call is taken, or rings no more, `{type: "call-accepted"}` or `{type: "call-hangup"}`
/// with the same fields follows.
#[utoipa::path(
    get, path = "/api/call/events", tag = "calls",
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn events(
    State(desk): State<Desk>,
) -> Result<Sse<impl Stream<Item = Events>>, Failure> {
    let seat = desk.seat()?;
    let rings = Rings {
        table: desk.site.calls.table(),
        known: vec![],
        due: VecDeque::from([connected()]),
        _seat: seat,
    };
    Ok(kept(stream::unfold(rings, Rings::next)))
}

/// How a call goes: `event: state` whenever that changes, and `event: hangup` when it is over, which is the last.
///
/// That has a `reason`, for programs, and a `message`. Of a peer that was not there while it rang its type is `call-hangup`.
#[utoipa::path(
    get, path = "/api/call/session/{channel}/events", tag = "calls",
    params(("channel" = String, Path)),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, content_type = "text/plain", body = String, description = "The path names no channel, or nothing of it."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn session_events(
    State(desk): State<Desk>,
    Path(rest): Path<String>,
) -> Result<Sse<impl Stream<Item = Events>>, Failure> {
    let channel = rest.strip_suffix("/events").filter(|channel| !channel.is_empty());
    let bad =
        || Failure(StatusCode::BAD_REQUEST, "bad path: it is /api/call/session/{channel}/events".to_owned());
    let call = desk.find(channel.ok_or_else(bad)?)?;
    let course =
        Course { call, known: None, due: VecDeque::from([connected()]), is_over: false, _seat: desk.seat()? };
    Ok(kept(stream::unfold(course, Course::next)))
}

pub(super) fn kept<S: Stream<Item = Events> + Send + 'static>(events: S) -> Sse<impl Stream<Item = Events>> {
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE).text("alive"))
}

pub(super) fn connected() -> Event {
    event("connected", &json!({ "status": "ok" }))
}

pub(super) fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// What rings, to one who listens.
struct Rings {
    table: watch::Receiver<Arc<Table>>,
    known: Vec<Ringing>,
    due: VecDeque<Event>,
    _seat: Seat,
}

impl Rings {
    async fn next(mut self) -> Option<(Events, Self)> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some((Ok(event), self));
            }
            self.look();
            // What changes after that is seen by the next look.
            if self.due.is_empty() {
                self.table.changed().await.ok()?;
            }
        }
    }

    fn look(&mut self) {
        let table = Arc::clone(&self.table.borrow_and_update());
        let word = |kind: &str, ringing: &Ringing| {
            let Ringing { channel, peer, .. } = ringing;
            event("call", &json!({ "type": kind, "channel_id": channel, "remote_peer": peer }))
        };
        for gone in self.known.iter().filter(|known| !table.ringing.contains(known)) {
            let taken = table.ongoing.get(&gone.channel).is_some_and(|call| call.peer == gone.peer);
            self.due.push_back(word(if taken { "call-accepted" } else { "call-hangup" }, gone));
        }
        for new in table.ringing.iter().filter(|ringing| !self.known.contains(ringing)) {
            self.due.push_back(word("incoming-call", new));
        }
        self.known.clone_from(&table.ringing);
    }
}

/// How one call goes, to one who listens.
struct Course {
    call: Ongoing,
    known: Option<Standing>,
    due: VecDeque<Event>,
    is_over: bool,
    _seat: Seat,
}

impl Course {
    async fn next(mut self) -> Option<(Events, Self)> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some((Ok(event), self));
            }
            if self.is_over {
                return None;
            }
            self.look();
            if self.due.is_empty() && self.call.standing.changed().await.is_err() {
                // Its last word may have come with the end of whoever told it.
                self.look();
                self.is_over = true;
            }
        }
    }

    fn look(&mut self) {
        let standing = self.call.standing.borrow_and_update().clone();
        if self.known.as_ref() == Some(&standing) {
            return;
        }
        self.due.push_back(match &standing.end {
            None => {
                let mut state = told(&self.call);
                state["type"] = "state".into();
                state["message"] = json!(standing.complaint);
                event("state", &state)
            }
            Some(end) => {
                self.is_over = true;
                let kind = if end.why == Why::Unreachable { "call-hangup" } else { "hangup" };
                let Ongoing { channel, peer, .. } = &self.call;
                let (reason, message) = (end.why.word(), &end.message);
                let data = json!({
                    "type": kind, "channel_id": channel, "remote_peer": peer, "reason": reason, "message": message,
                });
                event("hangup", &data)
            }
        });
        self.known = Some(standing);
    }
}
