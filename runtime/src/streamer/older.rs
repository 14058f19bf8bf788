//! The older socket: its first message says who somebody is, and what they want. Nothing is told before.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, close_code};
use tokio::sync::watch;
use understudy_core::streamer::message::{First as Asked, Mode, Told};

use super::Stranger;
use super::conversation::{Conversation, Manners, close, say};
use super::mail::{Claimed, Mail, Standing, Visitor};
use super::scenes::Scene;
use crate::access::{Bearer, Policy, Role};
use crate::rtc::First;

/// From the socket to its first message.
const FIRST: Duration = Duration::from_secs(10);

/// The stage of the source system in which its child is started. Here there is none to start.
pub(super) const LAUNCH: &str = "Launch Streamer";

pub(super) async fn serve(
    mut socket: WebSocket,
    stranger: Stranger,
    policy: watch::Receiver<Policy>,
    from: IpAddr,
) {
    let Ok(first) = tokio::time::timeout(FIRST, first(&mut socket)).await else {
        return close(&mut socket, close_code::POLICY, "nobody has said who it is".to_owned()).await;
    };
    let Some(text) = first else { return };
    let asked = match Asked::read(&text) {
        Ok(asked) => asked,
        Err(error) => return close(&mut socket, close_code::INVALID, error.to_string()).await,
    };
    let admitted = policy.borrow().admits(Role::View, Some(&asked.credentials), from).is_ok();
    let bearer = Bearer::new(Some(asked.credentials.clone()), policy);
    let Some(role) = bearer.role().filter(|_| admitted) else {
        return close(&mut socket, close_code::POLICY, "these credentials open nothing".to_owned()).await;
    };
    let visitor = Visitor { bearer: bearer.clone(), role, identity: None };
    let joins = matches!(&asked.session, Some((_, Mode::Join)));
    let claimed = stranger.streamers.ask(|reply| Mail::First(Box::new(asked), visitor, reply)).await;
    match claimed.unwrap_or(Claimed::Told(Told::InternalServerError)) {
        Claimed::Watches(place) => {
            let manners = Manners::Older { first: if joins { First::Us } else { First::Peer } };
            let site = stranger.streamers.site.clone();
            // It has a place of its own now.
            drop(stranger);
            Conversation::new(socket, place, site, manners).run().await;
        }
        Claimed::Kept(standing, scene) => keep(&mut socket, &scene, standing, bearer).await,
        Claimed::Told(told) => {
            drop(say(&mut socket, &told).await);
            close(&mut socket, close_code::NORMAL, String::new()).await;
        }
        Claimed::Left(None) => close(&mut socket, close_code::NORMAL, String::new()).await,
        Claimed::Left(Some(why)) => close(&mut socket, close_code::POLICY, why).await,
    }
}

/// The text of the first message; none: there is none, or it is no text.
async fn first(socket: &mut WebSocket) -> Option<String> {
    loop {
        match socket.recv().await? {
            Ok(Message::Text(text)) => return Some(text.to_string()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_) | Message::Close(_)) | Err(_) => return None,
        }
    }
}

/// Whoever keeps a session is told that it is there; the session does not go with it.
async fn keep(
    socket: &mut WebSocket,
    scene: &Scene,
    mut standing: watch::Receiver<Standing>,
    mut bearer: Bearer,
) {
    for told in [scene.app(), Told::StageComplete { stage: LAUNCH }] {
        if say(socket, &told).await.is_err() {
            return;
        }
    }
    loop {
        tokio::select! {
            changed = standing.changed() => if changed.is_err() {
                drop(say(socket, &Told::PeerDisconnect).await);
                return close(socket, close_code::NORMAL, String::new()).await;
            },
            role = bearer.judged() => if role < Some(Role::Control) {
                drop(say(socket, &Told::PeerDisconnect).await);
                return close(socket, close_code::POLICY, "this token keeps nothing any more".to_owned()).await;
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}
