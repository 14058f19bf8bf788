//! The data channels of one connection: those that the peer opens, and `general` of ours.
//!
//! Ours is opened last. Who is the DTLS server has the odd streams (RFC 8832 §6), and aiortc takes those too wherever it is the one
//! that checks; of two channels of one stream neither works. Behind what the peer has opened each side takes the next that is free.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::data_channel::{RTCDataChannelId, RTCDataChannelInit, RTCDataChannelMessage};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::shared::error::Error;

use super::desk::{Message, Told};

/// The one that we open.
pub(super) const GENERAL: &str = "general";
/// A page has a handful, and one for each gamepad.
const MOST: usize = 64;
/// Waiting for a peer that does not read, on all its channels.
const MOST_WAITING_BYTES: usize = 64 * 1024;
/// Of a name; what a DCEP message has room for is far more (RFC 8832 §5.1).
const MOST_LABEL_BYTES: usize = 256;

/// Has the stack offer data channels before there is one, and tells when there may be: nothing goes over it.
const FIRST: &str = "";
/// The stream of that: the last for which Chromium has room.
const FIRST_STREAM: u16 = 1023;
/// A peer opens all that it has made before in one go.
const GENERAL_AFTER: Duration = Duration::from_millis(300);

/// Has data channels offered.
pub(super) fn offer(stack: &mut RTCPeerConnection) -> Result<(), Error> {
    let init = RTCDataChannelInit { negotiated: Some(FIRST_STREAM), ..RTCDataChannelInit::default() };
    stack.create_data_channel(FIRST, Some(init)).map(drop)
}

#[derive(Default)]
pub(super) struct Channels {
    /// When ours is to be opened.
    general_at: Option<Instant>,
    has_general: bool,
    open: HashMap<RTCDataChannelId, Channel>,
    /// Since it was last taken.
    heard: Vec<Told>,
}

struct Channel {
    label: Arc<str>,
    /// What is unordered is of use now or never. Whether it is sent again the stack does not tell of a channel of the peer's.
    ordered: bool,
}

/// What became of something that was to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Yes,
    /// Nobody hears it: there is no such channel, or there is no room on one that may lose something.
    Lost,
    /// It must not be lost, and there is no room.
    Full,
}

impl Channels {
    pub fn note(&mut self, stack: &mut RTCPeerConnection, event: &RTCPeerConnectionEvent, now: Instant) {
        let RTCPeerConnectionEvent::OnDataChannel(event) = event else { return };
        match event {
            RTCDataChannelEvent::OnOpen(id) => {
                let Some(mut channel) = stack.data_channel(*id) else { return };
                if !self.has_general {
                    self.general_at = Some(now + GENERAL_AFTER);
                }
                if channel.negotiated() {
                    return;
                }
                if self.open.len() >= MOST || channel.label().len() > MOST_LABEL_BYTES {
                    tracing::debug!("a data channel is one too many");
                    // Its sender learns of it, or does not.
                    let _ = channel.close();
                    return;
                }
                let label: Arc<str> = channel.label().into();
                let ordered = channel.ordered();
                self.open.insert(*id, Channel { label: Arc::clone(&label), ordered });
                self.heard.push(Told::Opened { label });
            }
            RTCDataChannelEvent::OnClose(id) => {
                if let Some(Channel { label, .. }) = self.open.remove(id) {
                    self.heard.push(Told::Shut { label });
                }
            }
            _ => {}
        }
    }

    /// Text that is none is passed over.
    pub fn hear(&mut self, message: RTCMessage) {
        let RTCMessage::DataChannelMessage(id, RTCDataChannelMessage { is_string, data }) = message else {
            return;
        };
        let Some(channel) = self.open.get(&id) else { return };
        let message = if is_string {
            String::from_utf8(data.to_vec()).ok().map(Message::Text)
        } else {
            Some(Message::Binary(data.freeze()))
        };
        let label = Arc::clone(&channel.label);
        self.heard.extend(message.map(|message| Told::Message { label, message }));
    }

    pub fn wake_at(&self) -> Option<Instant> {
        self.general_at
    }

    pub fn elapse(&mut self, stack: &mut RTCPeerConnection, now: Instant) -> Result<(), Error> {
        if self.general_at.take_if(|at| *at <= now).is_some() {
            self.has_general = true;
            stack.create_data_channel(GENERAL, None)?;
        }
        Ok(())
    }

    pub fn take_heard(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.heard)
    }

    pub fn say(
        &self,
        stack: &mut RTCPeerConnection,
        label: &str,
        message: Message,
        now: Instant,
    ) -> Result<Spoken, Error> {
        let Some((id, ordered)) = self.named(label) else { return Ok(Spoken::Lost) };
        let ids = self.open.keys();
        let waiting: usize =
            ids.map(|id| stack.data_channel(*id).map_or(0, |channel| channel.outstanding_bytes())).sum();
        if waiting + message.len() > MOST_WAITING_BYTES {
            return Ok(if ordered { Spoken::Full } else { Spoken::Lost });
        }
        let Some(mut channel) = stack.data_channel(id) else { return Ok(Spoken::Lost) };
        match message {
            Message::Text(text) => channel.send_text(now, text)?,
            Message::Binary(bytes) => channel.send(now, BytesMut::from(&bytes[..]))?,
        }
        Ok(Spoken::Yes)
    }

    fn named(&self, label: &str) -> Option<(RTCDataChannelId, bool)> {
        let channel = self.open.iter().find(|(_, channel)| &*channel.label == label);
        channel.map(|(id, channel)| (*id, channel.ordered))
    }
}
