//! What a viewer does with each datagram, and what it says without being asked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtp::Packet;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::late::Late;
use super::{Attention, Plan, Repair};
use crate::feedback::{Reception, Rtcp};
use crate::keyframe::{Keyframes, Part};
use crate::pacing::Checks;
use crate::rtp::{self, Header, Kind, Protocol};
use crate::sequence::Arrival;
use crate::stack::{Heard, Stack, State};
use crate::tally::Tally;

/// RFC 3550 §6.2 allows five seconds; browsers report about each second.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Spread, so that reports of many do not come at once (RFC 3550 §6.2).
const REPORT_SPREAD: std::ops::Range<f64> = 0.5..1.5;
/// How often a viewer looks whether it needs a picture; what is missing may come until then.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Timers wait no longer than for so many datagrams.
const AT_ONCE: usize = 64;
const DATAGRAM_BYTES: usize = 2048;

pub(super) struct Watching {
    stack: Stack,
    checks: Checks,
    formats: Vec<(u8, Kind)>,
    streams: Vec<Reception>,
    keyframes: Keyframes,
    tally: Arc<Mutex<Tally>>,
    pictured: Option<oneshot::Sender<()>>,
    packets: Option<mpsc::Sender<Packet>>,
    attention: Attention,
    repair: Repair,
    late: Option<Late>,
    ssrc: u32,
    report_at: Option<Instant>,
    refresh_at: Option<Instant>,
    /// Of the picture, when it was last asked for anew.
    lost_then: u64,
}

/// Who is told of what comes.
pub(super) struct Ears {
    pub tally: Arc<Mutex<Tally>>,
    pub pictured: oneshot::Sender<()>,
    pub packets: Option<mpsc::Sender<Packet>>,
}

impl Watching {
    pub fn new(
        stack: Stack,
        remote: &str,
        Ears { tally, pictured, packets }: Ears,
        attention: Attention,
        plan: &Plan,
    ) -> Self {
        Self {
            stack,
            checks: Checks::default(),
            formats: rtp::formats(remote),
            streams: Vec::new(),
            keyframes: Keyframes::default(),
            tally,
            pictured: Some(pictured),
            packets,
            attention,
            repair: plan.repair,
            late: Late::by_up_to(plan.jitter),
            ssrc: rand::random(),
            report_at: None,
            refresh_at: None,
            lost_then: 0,
        }
    }

    /// Does what is due, and sends what there is to send.
    pub fn turn(&mut self, socket: &UdpSocket, now: Instant) -> State {
        while let Some((from, datagram)) = self.late.as_mut().and_then(|late| late.pop(now)) {
            self.receive(from, &datagram, now);
        }
        if self.stack.wake_at().is_some_and(|at| at <= now) {
            self.noted(|stack| stack.elapse(now));
        }
        if self.stack.state() == State::Connected {
            self.speak(now);
        }
        self.send(socket);
        while let Some((to, check)) = self.checks.pop(now) {
            send(socket, to, &check);
        }
        self.hear(now);
        self.stack.state()
    }

    pub fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        let asks = self.streams.iter().filter_map(|stream| match self.repair {
            Repair::Ask => stream.sequence.ask_at(),
            Repair::Refresh => None,
        });
        let asks = asks.min();
        let late = self.late.as_ref().and_then(Late::due_at);
        let all =
            [self.stack.wake_at(), self.checks.wake_at(now), self.report_at, self.refresh_at, asks, late];
        all.into_iter().flatten().min()
    }

    /// Takes what waits.
    pub fn read(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let mut buffer = [0; DATAGRAM_BYTES];
        for _ in 0..AT_ONCE {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, from)) => match &mut self.late {
                    Some(late) => late.hold(from, &buffer[..length], Instant::now()),
                    None => self.receive(from, &buffer[..length], Instant::now()),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // ICMP's word about an earlier datagram; ICE decides what it means.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub fn has_keyboard(&self) -> bool {
        self.stack.has_keyboard()
    }

    /// It leaves with the next [`Self::turn`].
    pub fn press(&mut self, message: &[u8], now: Instant) {
        self.noted(|stack| stack.press(message, now));
    }

    pub fn close(&mut self, socket: &UdpSocket) {
        self.noted(Stack::close);
        self.send(socket);
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let wanted = match (Protocol::of(datagram), Header::read(datagram)) {
            (Protocol::Rtp, Some(header)) => self.count(&header, datagram.len(), now),
            (Protocol::Stun | Protocol::Dtls | Protocol::Rtcp, _) => true,
            _ => false,
        };
        if wanted {
            self.noted(|stack| stack.receive(from, datagram, now));
        }
    }

    /// Whether the packet is to be decrypted.
    fn count(&mut self, header: &Header, bytes: usize, now: Instant) -> bool {
        let Self { formats, streams, tally, .. } = self;
        let mut tally = tally.lock();
        let Some((_, kind)) = formats.iter().find(|(number, _)| *number == header.payload_type) else {
            tally.counts.unknown += 1;
            return false;
        };
        let place = streams.iter().position(|stream| stream.ssrc() == header.ssrc);
        let place = place.unwrap_or_else(|| {
            streams.push(Reception::new(*kind, header.ssrc, now));
            streams.len() - 1
        });
        let (_, arrival) = streams[place].take(header, now);
        tally.moments.first_packet.get_or_insert(now);
        tally.counts.packets += 1;
        tally.counts.bytes += bytes as u64;
        match arrival {
            Arrival::Next { .. } => {}
            Arrival::Overtaken => tally.counts.overtaken += 1,
            Arrival::SentAgain => tally.counts.retransmitted += 1,
            Arrival::Duplicate => tally.counts.duplicates += 1,
        }
        tally.counts.lost = streams.iter().map(|stream| stream.sequence.lost()).sum();
        let first = *kind == Kind::Video && tally.moments.keyframe.is_none();
        let decrypt = self.attention == Attention::All || first;
        tally.counts.decrypting += u64::from(decrypt);
        decrypt
    }

    /// Takes what the stack decrypted.
    fn hear(&mut self, now: Instant) {
        for heard in self.stack.take_heard() {
            match heard {
                Heard::Packet(packet) => self.decrypted(&packet, now),
                Heard::Report { ssrc, ntp } => {
                    self.tally.lock().counts.sender_reports += 1;
                    let stream = self.streams.iter_mut().find(|stream| stream.ssrc() == ssrc);
                    stream.into_iter().for_each(|stream| stream.heard(ntp, now));
                }
            }
        }
    }

    fn decrypted(&mut self, packet: &Packet, now: Instant) {
        if let Some(packets) = &self.packets {
            // Nobody may look any more, or not fast enough.
            _ = packets.try_send(packet.clone());
        }
        let mut tally = self.tally.lock();
        tally.counts.decrypted += 1;
        let header = &packet.header;
        let Some(stream) = self.streams.iter().find(|stream| stream.ssrc() == header.ssrc) else { return };
        let whole = stream.kind == Kind::Video
            && self.keyframes.take(Part {
                number: stream.sequence.extended(header.sequence_number),
                timestamp: header.timestamp,
                marker: header.marker,
                payload: &packet.payload,
            });
        if whole {
            tally.counts.keyframes += 1;
            tally.moments.keyframe.get_or_insert(now);
        }
        let silent_film = self.formats.iter().all(|(_, kind)| *kind == Kind::Audio);
        if (whole || silent_film)
            && let Some(pictured) = self.pictured.take()
        {
            // Nobody may wait for it any more.
            _ = pictured.send(());
        }
    }

    /// Reports, and what is missed.
    fn speak(&mut self, now: Instant) {
        self.tally.lock().moments.connected.get_or_insert(now);
        let mut packets: Vec<Rtcp> = Vec::new();
        if *self.report_at.get_or_insert(now) <= now {
            self.report_at = Some(now + REPORT_INTERVAL.mul_f64(rand::random_range(REPORT_SPREAD)));
            packets.extend(self.report(now));
        }
        if self.repair == Repair::Ask {
            packets.extend(self.ask(now));
        }
        if *self.refresh_at.get_or_insert(now + REFRESH_INTERVAL) <= now {
            packets.extend(self.refresh(now));
        }
        if !packets.is_empty() {
            self.noted(|stack| stack.say(packets, now));
        }
    }

    fn report(&mut self, now: Instant) -> Option<Rtcp> {
        let reports: Vec<_> = self.streams.iter_mut().filter_map(|stream| stream.report(now)).collect();
        if reports.is_empty() {
            return None;
        }
        self.tally.lock().counts.reports_sent += 1;
        Some(Box::new(ReceiverReport { ssrc: self.ssrc, reports, ..Default::default() }))
    }

    fn ask(&mut self, now: Instant) -> Vec<Rtcp> {
        let own = self.ssrc;
        let mut tally = self.tally.lock();
        let asked = self.streams.iter_mut().filter_map(|stream| stream.ask(own, now));
        let packets = asked.map(|(packet, count)| {
            tally.counts.nacks_sent += 1;
            tally.counts.packets_asked_for += count as u64;
            packet
        });
        packets.collect()
    }

    /// While there is no picture, and when more of it is lost than there was.
    fn refresh(&mut self, now: Instant) -> Option<Rtcp> {
        self.refresh_at = Some(now + REFRESH_INTERVAL);
        let video = self.streams.iter().find(|stream| stream.kind == Kind::Video)?;
        let mut tally = self.tally.lock();
        let lost = video.sequence.given_up(now);
        let more = lost > self.lost_then;
        self.lost_then = self.lost_then.max(lost);
        (more || tally.moments.keyframe.is_none()).then(|| {
            tally.counts.plis_sent += 1;
            video.refresh(self.ssrc)
        })
    }

    fn send(&mut self, socket: &UdpSocket) {
        let Self { stack, checks, .. } = self;
        stack.drain(|to, datagram| {
            if rtp::is_check(datagram) { checks.push(to, datagram) } else { send(socket, to, datagram) }
        });
    }

    /// Works on the stack. An error is of one datagram, most of the time: the counts tell.
    fn noted(&mut self, work: impl FnOnce(&mut Stack) -> Result<(), ::rtc::shared::error::Error>) {
        if let Err(error) = work(&mut self.stack) {
            tracing::debug!(%error, "the stack reported an error");
        }
    }
}

/// What the kernel does not take is lost, as on any network.
fn send(socket: &UdpSocket, to: SocketAddr, datagram: &[u8]) {
    if let Err(error) = socket.try_send_to(datagram, to) {
        tracing::debug!(%error, "a datagram was not sent");
    }
}
