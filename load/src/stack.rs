//! The WebRTC stack of one viewer, which receives, and may press keys: a full ICE agent and the DTLS client. Without I/O and
//! without a clock.

mod offer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use parking_lot::Mutex;
use rtc::data_channel::RTCDataChannelId;
use rtc::interceptor::Packet;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use rtc::sansio::Protocol as _;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use crate::feedback::Rtcp;
use crate::rtp::Protocol;

/// The data channel on which keys are told.
const KEYBOARD: &str = "keyboard";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    Connected,
    /// The other side closed DTLS.
    Closed,
    /// No path was found, or consent to send on it ended (RFC 7675 §5.1).
    Failed,
}

/// What came decrypted, and is genuine.
#[derive(Clone, Debug)]
pub enum Heard {
    Packet(rtp::Packet),
    /// A sender report, of that source at that NTP time.
    Report {
        ssrc: u32,
        ntp: u64,
    },
}

impl Heard {
    /// What is wanted of a packet.
    fn of(packet: &Packet) -> Vec<Self> {
        match packet {
            Packet::Rtp(packet) => vec![Self::Packet(packet.clone())],
            Packet::Rtcp(packets) => {
                let reports = packets.iter().filter_map(|packet| packet.as_any().downcast_ref());
                let report = |report: &SenderReport| Self::Report { ssrc: report.ssrc, ntp: report.ntp_time };
                reports.map(report).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub struct Stack {
    connection: RTCPeerConnection,
    local: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    state: State,
    keyboard: Option<Keyboard>,
}

struct Keyboard {
    channel: RTCDataChannelId,
    is_open: bool,
}

impl Stack {
    /// For a socket at `local`.
    pub fn new(local: SocketAddr, now: Instant) -> Result<Self, Error> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut connection = offer::connection(Arc::clone(&heard), now)?;
        connection.add_local_candidate(understudy_rtc::host_candidate(local)?)?;
        Ok(Self { connection, local, heard, state: State::Connecting, keyboard: None })
    }

    /// Wants a picture and a sound.
    pub fn offer(&mut self, now: Instant) -> Result<String, Error> {
        offer::receive(&mut self.connection)?;
        let offer = self.connection.create_offer(None)?;
        self.connection.set_local_description(now, offer)?;
        Ok(self.connection.local_description().map(|local| local.sdp).unwrap_or_default())
    }

    pub fn accept(&mut self, answer: &str, now: Instant) -> Result<(), Error> {
        self.connection.set_remote_description(now, RTCSessionDescription::answer(answer.to_owned())?)
    }

    /// Takes what the other side offers.
    pub fn answer(&mut self, offer: &str, now: Instant) -> Result<String, Error> {
        self.connection.set_remote_description(now, RTCSessionDescription::offer(offer.to_owned())?)?;
        let answer = self.connection.create_answer(None)?;
        self.connection.set_local_description(now, answer)?;
        Ok(self.connection.local_description().map(|local| local.sdp).unwrap_or_default())
    }

    /// Before it answers.
    pub fn open_keyboard(&mut self) -> Result<(), Error> {
        let channel = self.connection.create_data_channel(KEYBOARD, None)?.id();
        self.keyboard = Some(Keyboard { channel, is_open: false });
        Ok(())
    }

    /// Whether keys can be pressed.
    pub fn has_keyboard(&self) -> bool {
        self.keyboard.as_ref().is_some_and(|keyboard| keyboard.is_open)
    }

    /// A message of the keyboard's channel; lost, while there is none.
    pub fn press(&mut self, message: &[u8], now: Instant) -> Result<(), Error> {
        let channel = self.keyboard.as_ref().map(|keyboard| keyboard.channel);
        let channel = channel.and_then(|channel| self.connection.data_channel(channel));
        channel.map_or(Ok(()), |mut channel| channel.send(now, BytesMut::from(message)))
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Result<(), Error> {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        self.connection.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(datagram) })?;
        // The stack hands keys on with its events, and the next datagram may need them.
        match Protocol::of(datagram) {
            Protocol::Dtls => self.see_events(),
            // The check that was answered may be the nominated one. The handshake that follows it is taken out of the stack
            // with the time, which would be at the next check: 50 ms that no browser waits.
            Protocol::Stun if self.state == State::Connecting => {
                self.see_events();
                self.connection.handle_timeout(now)?;
            }
            _ => {}
        }
        Ok(())
    }

    pub fn elapse(&mut self, now: Instant) -> Result<(), Error> {
        self.connection.handle_timeout(now)
    }

    pub fn wake_at(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// To the sender, encrypted as SRTCP.
    pub fn say(&mut self, packets: Vec<Rtcp>, now: Instant) -> Result<(), Error> {
        let packets = packets.into_iter().map(|packet| packet as Box<dyn rtc::rtcp::Packet>).collect();
        let message = RTCMessage::RtcpPacket(String::new(), packets);
        self.connection.handle_write(TaggedRTCMessage { now, message })
    }

    /// Hands out what is to be sent, and sees what became of the connection.
    pub fn drain(&mut self, mut send: impl FnMut(SocketAddr, &[u8])) {
        // Handling events makes packets, so the order is packets, events, packets.
        for _ in 0..2 {
            while let Some(packet) = self.connection.poll_write() {
                send(packet.transport.peer_addr, &packet.message);
            }
            self.see_events();
            // The tap has seen it.
            while self.connection.poll_read().is_some() {}
        }
        if self.state == State::Connected && self.is_closed() {
            self.state = State::Closed;
        }
    }

    pub fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock())
    }

    /// Says goodbye; what is to be sent then is the last.
    pub fn close(&mut self) -> Result<(), Error> {
        self.connection.close()
    }

    fn see_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) => {
                    self.state = after(self.state, state);
                }
                RTCPeerConnectionEvent::OnDataChannel(RTCDataChannelEvent::OnOpen(id)) => {
                    let keyboard = self.keyboard.as_mut().filter(|keyboard| keyboard.channel == id);
                    keyboard.into_iter().for_each(|keyboard| keyboard.is_open = true);
                }
                _ => {}
            }
        }
    }

    /// The stack calls a connection alive as long as ICE is, whatever became of DTLS.
    fn is_closed(&mut self) -> bool {
        let receiver = self.connection.get_receivers().next();
        let dtls = receiver.and_then(|id| Some(self.connection.rtp_receiver(id)?.transport()?.state()));
        dtls == Some(RTCDtlsTransportState::Closed)
    }
}

fn after(state: State, connection: RTCPeerConnectionState) -> State {
    match (state, connection) {
        (State::Connecting, RTCPeerConnectionState::Connected) => State::Connected,
        (State::Connecting | State::Connected, RTCPeerConnectionState::Failed) => State::Failed,
        (State::Connecting | State::Connected, RTCPeerConnectionState::Closed) => State::Closed,
        (state, _) => state,
    }
}
