//! A member that is at the other end of a WebSocket: text messages, each an envelope.

use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use understudy_core::call::message::{Envelope, MOST_BYTES};

use crate::allowance::Allowance;
use crate::{Member, Notice};

/// Of a message.
pub const LARGEST_MESSAGE: usize = MOST_BYTES + (8 << 10);
/// Who does not take a message by then is gone, or never reads.
const WRITE: Duration = Duration::from_secs(5);
/// A browser answers a ping by itself.
const PING: Duration = Duration::from_secs(20);
/// Whoever said nothing for so long, not even to a ping, is gone.
const SILENT: Duration = Duration::from_secs(60);

/// Carries what it says and hears, until either goes.
pub async fn serve(mut socket: WebSocket, mut member: Member) {
    let mut allowance = Allowance::new(Instant::now());
    let (mut hears_at, mut heard) = (tokio::time::Instant::now(), tokio::time::Instant::now());
    let mut pings = tokio::time::interval(PING);
    loop {
        let said = tokio::select! {
            said = hear(&mut socket, hears_at) => said,
            told = member.next() => match told {
                Some(envelope) if tell(&mut socket, &envelope).await => continue,
                Some(_) => return,
                None => return bid(socket, close_code::POLICY, "another connection has come under this name").await,
            },
            _ = pings.tick() => match heard.elapsed() < SILENT && send(&mut socket, Message::Ping(Vec::new().into())).await {
                true => continue,
                false => return,
            },
        };
        heard = tokio::time::Instant::now();
        let Some(Ok(message)) = said else { return };
        let Message::Text(text) = message else { continue };
        hears_at = heard + allowance.take(heard.into());
        let notice = match serde_json::from_str::<Envelope>(&text) {
            Ok(envelope) => {
                let (peer, topic) = (envelope.to.clone(), envelope.topic.clone());
                member.say(envelope).err().map(|why| Notice::unsent(member.name(), (&peer, &topic), why))
            }
            Err(error) => Some(Notice::unread(member.name(), &error)),
        };
        if let Some(notice) = notice
            && !tell(&mut socket, &notice).await
        {
            return;
        }
    }
}

/// Not before that. May be given up on.
async fn hear(
    socket: &mut WebSocket,
    not_before: tokio::time::Instant,
) -> Option<Result<Message, axum::Error>> {
    tokio::time::sleep_until(not_before).await;
    socket.recv().await
}

async fn tell(socket: &mut WebSocket, envelope: &Envelope) -> bool {
    // Text and numbers alone: nothing of it has no place in JSON.
    let text = serde_json::to_string(envelope).unwrap_or_default();
    send(socket, Message::Text(text.into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(WRITE, socket.send(message)).await, Ok(Ok(())))
}

async fn bid(mut socket: WebSocket, code: u16, reason: &'static str) {
    send(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

#[cfg(test)]
mod tests;
