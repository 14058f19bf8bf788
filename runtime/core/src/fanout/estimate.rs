//! What one viewer's network carries, read from what the viewer reports.
//!
//! Not every viewer says the same. All send receiver reports (RFC 3550 §6.4.2), which tell losses and, with our sender reports,
//! round trips; some an estimate of their own (REMB, draft-alvestrand-rmcat-remb-03). Each of them is a sign here, and the
//! thresholds of losses are those of GCC (draft-ietf-rmcat-gcc-02 §6). Whether a picture needs less is decided in
//! [`super::adaptation`].

use std::collections::HashSet;
use std::time::{Duration, Instant};

/// One look at a network. Browsers report each second, RFC 3550 allows more often and less.
pub const WINDOW: Duration = Duration::from_millis(800);
/// Of fewer packets a share says nothing; as libwebrtc does it.
const FEWEST_PACKETS: u16 = 20;
/// draft-ietf-rmcat-gcc-02 §6: above, there is less room than is used; below, there may be more.
const LOSSY: f64 = 0.10;
const LOSSLESS: f64 = 0.02;
/// How much longer than usual a round trip is that waits in a queue which does not empty: several keyframes.
const QUEUED: Duration = Duration::from_millis(300);
/// How much longer it is that bears out what a viewer says of itself.
const SLOWER: Duration = Duration::from_millis(100);
/// Looks after which a viewer is believed that says it can take less, although nothing bears it out.
const INSISTS: u32 = 4;
/// The usual round trip follows a longer one by this part of the difference a look: in about a minute.
const FOLLOWS: u32 = 64;
/// More than are kept to be sent again.
const MOST_ASKED: usize = 1024;

/// What a receiver report says of a stream, as far as it is used (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The newest sequence number that came. Not all receivers count its turns, so that those 16 bits say nothing.
    pub newest: u16,
    /// Since the beginning, 24 bits with a sign.
    pub lost: u32,
    /// The middle of the NTP time of the last sender report that came, and the time since in 2^-16 seconds.
    pub last_sender_report: u32,
    pub delay: u32,
}

/// What a look at it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Network {
    /// It carries all that is sent.
    Clear,
    /// It loses some, as networks do.
    Lossy,
    /// It carries no more than that share of what is sent, 0 to 1.
    Crowded { carries: f64 },
}

/// One viewer's.
#[derive(Debug, Default)]
pub struct Estimate {
    window: Option<Window>,
    /// Packets asked for again within the window. Those that came thereby are not among the lost.
    asked: HashSet<u16>,
    /// What comes in a stream of its own of what was lost, if it does.
    repairs: Repairs,
    usual: Option<Duration>,
    own: Own,
    /// Looks in a row at which the viewer's own estimate was below what is sent.
    short: u32,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    report: Report,
    octets: u32,
}

/// The viewer's own estimate: the newest word, and that of the last look. Bits a second.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    newest: Option<f64>,
    before: Option<f64>,
}

/// The reports on what is sent again in a stream of its own: the newest, and that of the last look.
///
/// Retransmissions come in bursts and are lost far more often than the picture. Where they fill a link they take the room of the
/// picture, which is missing for their sake: its own report alone would say that the link carries half of what it does.
#[derive(Clone, Copy, Debug, Default)]
struct Repairs {
    newest: Option<Report>,
    before: Option<Report>,
}

impl Estimate {
    /// From now on something else is sent: what was seen until now says nothing of it.
    pub fn restart(&mut self) {
        self.window = None;
        self.asked.clear();
        (self.own, self.short) = (Own::default(), 0);
    }

    /// The viewer asked for that packet of the picture again. Of what it goes on asking for, the first time counts.
    pub fn asked(&mut self, sequence: u16) {
        let within = |window: Window| is_newer(sequence, window.report.newest);
        if self.window.is_some_and(within) && self.asked.len() < MOST_ASKED {
            self.asked.insert(sequence);
        }
    }

    /// A report on the stream in which what was lost of the picture is sent again. It is heard before the picture's own.
    pub const fn repaired(&mut self, report: Report) {
        self.repairs.newest = Some(report);
    }

    /// The viewer says what it can take, in bits a second.
    pub fn told(&mut self, bits_per_second: f64) {
        self.own.newest = Some(bits_per_second).filter(|rate| rate.is_finite());
    }

    /// A report on the picture. `octets`: of all payload that was sent until now. None: it is too early to say.
    pub fn reported(
        &mut self,
        report: Report,
        octets: u32,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> Option<Network> {
        let Some(window) = self.window else {
            self.open(report, octets, now);
            return None;
        };
        if !is_newer(report.newest, window.report.newest) {
            // Nothing came, or it was overtaken by a newer one.
            return None;
        }
        let expected = report.newest.wrapping_sub(window.report.newest);
        let time = now.saturating_duration_since(window.since);
        if time < WINDOW || expected < FEWEST_PACKETS {
            return None;
        }
        let share = |packets: u32| (f64::from(packets) / f64::from(expected)).min(1.0);
        let missing = share(unrepaired(window.report.lost, report.lost));
        let lost = missing.max(share(self.asked.len() as u32));
        let sent = f64::from(octets.wrapping_sub(window.octets)) * 8.0 / time.as_secs_f64();
        let later = self.later(round_trip);
        let short = self.own.short_of(sent);
        self.short = if short.is_some() { self.short + 1 } else { 0 };
        let borne_out = lost >= LOSSLESS || later > SLOWER || self.short >= INSISTS;
        let signs = [
            // What came when it was asked for again was carried too, in whichever stream.
            (lost > LOSSY).then(|| (1.0 - missing + share(self.repairs.arrived())).min(1.0)),
            short.filter(|_| borne_out),
            (later > QUEUED).then_some(1.0),
        ];
        self.open(report, octets, now);
        Some(match signs.into_iter().flatten().reduce(f64::min) {
            Some(carries) => Network::Crowded { carries },
            None if lost < LOSSLESS => Network::Clear,
            None => Network::Lossy,
        })
    }

    fn open(&mut self, report: Report, octets: u32, now: Instant) {
        self.window = Some(Window { since: now, report, octets });
        self.asked.clear();
        self.repairs.before = self.repairs.newest;
        self.own.before = self.own.newest;
    }

    /// How much longer than usual a round trip is: for so long packets wait somewhere on the way.
    fn later(&mut self, round_trip: Option<Duration>) -> Duration {
        let Some(trip) = round_trip else { return Duration::ZERO };
        let usual = self.usual.map_or(trip, |usual| usual.min(trip));
        self.usual = Some(usual + (trip - usual) / FOLLOWS);
        trip - usual
    }
}

impl Repairs {
    /// How many packets have come since the last look.
    fn arrived(self) -> u32 {
        let (Some(newest), Some(before)) = (self.newest, self.before) else { return 0 };
        if !is_newer(newest.newest, before.newest) {
            return 0;
        }
        let expected = u32::from(newest.newest.wrapping_sub(before.newest));
        expected.saturating_sub(unrepaired(before.lost, newest.lost))
    }
}

impl Own {
    /// The share of `sent` that the viewer says it can take, if that is less.
    ///
    /// Its estimate rises no faster than by some per cent a second, and no higher than a little above what comes: after a still
    /// picture it is far too low for one that moves, on any network. So only one that does not rise is a sign. (And a weak one:
    /// a busy machine that takes its packets late takes that for a queue.)
    fn short_of(self, sent: f64) -> Option<f64> {
        let (newest, before) = (self.newest?, self.before?);
        (newest < sent && newest <= before).then(|| (newest / sent).max(0.0))
    }
}

/// Whether a sequence number is of a later packet; they wrap (RFC 3550 §5.1).
const fn is_newer(sequence: u16, than: u16) -> bool {
    let ahead = sequence.wrapping_sub(than);
    ahead > 0 && ahead <= u16::MAX / 2
}

/// How many more are lost than before: 24 bits with a sign, since packets that come twice count against the lost.
const fn unrepaired(before: u32, now: u32) -> u32 {
    let more = (now.wrapping_sub(before) << 8).cast_signed() >> 8;
    if more > 0 { more.cast_unsigned() } else { 0 }
}

#[cfg(test)]
mod tests;
