//! An SDP offer: what is wrong with it, or what of it can be served.
//!
//! The text is a stranger's. What leaves this module is an offer reduced to what an ICE-lite peer needs that sends (to
//! a viewer) or receives (from a publisher) one video and one audio: candidates, other codecs, other sections and
//! everything about media in the other direction are gone, so that the WebRTC stack behind it parses little that it was
//! not written for. What the stack answers comes back here, is made an answer to the whole offer, and is held against
//! it: an answer that goes out is one that its peer can take.

mod section;

mod codec;
mod counting;
mod level;
mod transport;

mod check;

mod answer;

mod selection;

mod incoming;

mod acceptance;
mod restart;

mod dialogue;

mod call;

pub use acceptance::{Acceptance, Unusable, accept};
pub use call::{Agreement, Calling, Way, answered, calling, candidate};
pub use check::{Violation, check};
pub use codec::Numbers;
pub use counting::{TRANSPORT_CC, counted};
pub use dialogue::{Act, Description, Dialogue, First, Shown, Type, Unfit, candidates};
pub use incoming::{Encoding, Format, Incoming, Refresh, incoming};
pub use restart::{Credentials, NoCredentials, Restart, credentials, named_ufrag};
pub use transport::{DtlsRole, Transport};

use answer::Outline;
use codec::choose;
use section::{Direction, Lines, Section, push_line};
use selection::{Carried, Reading, Selection, open, select};

use crate::media::{Kind, VideoCodec};

/// Room for a browser with every codec and extension: about 12 kB in practice.
pub const MAX_BYTES: usize = 64 * 1024;
/// Picture, sound and a data channel; a few more are not worth an argument.
const MAX_SECTIONS: usize = 8;

/// The offer of a viewer, that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The reduced offer.
    pub sdp: String,
    /// How the viewer is reached and known.
    pub transport: Transport,
    pub video: Option<Codec>,
    pub audio: Option<Codec>,
    outline: Outline,
}

/// One codec as the offer numbers and describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    pub encoding: Encoding,
    pub payload_type: u8,
    /// The `a=fmtp` parameters of the answer: those of the offer, but for the level.
    pub fmtp: String,
    /// Under which what is lost is sent again (RFC 4588), if the viewer takes that.
    pub repair: Option<u8>,
}

/// What the peer must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the offer is empty")]
    Empty,
    #[error("the offer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("line {line} is not SDP: an offer is lines of the form `x=value`, the first `v=0`")]
    NotSdp { line: usize },
    #[error("the offer has no media section (m=)")]
    NoMedia,
    #[error("the offer has more than {MAX_SECTIONS} media sections")]
    TooManySections,
    #[error("the offer asks for nothing this server can send: it needs a recvonly video or audio section")]
    NothingToSend,
    #[error("the offer sends nothing: it needs a sendonly or sendrecv video or audio section")]
    NothingSent,
    #[error("the offer has no ICE user fragment and password (a=ice-ufrag, a=ice-pwd)")]
    NoIceCredentials,
    #[error("the offer has no DTLS certificate fingerprint (a=fingerprint)")]
    NoFingerprint,
    #[error("no a=fingerprint of the offer can be used: one must be sha-256, with 32 bytes in hex pairs")]
    BadFingerprint,
    #[error("the offer says a=setup:{0}; to be connected it must be actpass, active or passive")]
    WrongSetup(String),
    #[error("the offer is a=ice-lite, as this server is: one of the two must check the way")]
    IceLite,
    #[error("the offer has no a=rtcp-mux: media and RTCP travel over one port")]
    NoRtcpMux,
    #[error("the {kind} section offers no codec this server can use: it needs {needed}")]
    NoCodec { kind: &'static str, needed: &'static str },
}

/// Reads the offer of a viewer. The first video and the first audio that it can receive from us are sent.
pub fn read(text: &str) -> Result<Offer, Fault> {
    read_for(text, &[VideoCodec::H264, VideoCodec::Vp8])
}

/// The same of what there is in these pictures alone, best first.
pub fn read_for(text: &str, pictures: &[VideoCodec]) -> Result<Offer, Fault> {
    let encoding = |codec: &VideoCodec| match codec {
        VideoCodec::H264 => Some(Encoding::H264),
        VideoCodec::Vp8 => Some(Encoding::Vp8),
        VideoCodec::Mpeg1 => None,
    };
    let known: Vec<Encoding> = pictures.iter().filter_map(encoding).chain([Encoding::Opus]).collect();
    viewer(text, &known)
}

fn viewer(text: &str, known: &[Encoding]) -> Result<Offer, Fault> {
    let lines = lines(text)?;
    let wants = |direction: Direction| direction.receives;
    let codecs = |section: &Section<'_>, kind| choose(section, kind, known);
    let selection = select(text, &lines, Reading { wants, nothing: Fault::NothingToSend, codecs })?;
    let sdp = selection.reduce(&lines, send_into);
    let Selection { media, transport, outline, .. } = selection;
    let codec = |kind| {
        let mut of_kind = media.iter().filter(|(place, _)| lines.sections[*place].kind() == Some(kind));
        of_kind.next().map(|(_, codec)| codec.clone())
    };
    let (video, audio) = (codec(Kind::Video), codec(Kind::Audio));
    Ok(Offer { sdp, transport, video, audio, outline })
}

impl Offer {
    /// As what its picture is sent.
    pub fn picture(&self) -> VideoCodec {
        match &self.video {
            Some(Codec { encoding: Encoding::Vp8, .. }) => VideoCodec::Vp8,
            _ => VideoCodec::H264,
        }
    }

    /// The stack's answer to [`Offer::sdp`], made one to the offer of the viewer and held against it.
    pub fn answer(&self, raw: &str) -> Result<String, Violation> {
        self.outline.answer(raw)
    }
}

fn lines(text: &str) -> Result<Lines<'_>, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    let lines = section::split(text)?;
    match lines.sections.len() {
        0 => Err(Fault::NoMedia),
        1..=MAX_SECTIONS => Ok(lines),
        _ => Err(Fault::TooManySections),
    }
}

/// A section that is sent in: its one codec, and nothing else.
fn send_into(out: &mut String, section: &Section<'_>, codec: &Codec) {
    let number = codec.payload_type;
    open(out, section.kind().map(Kind::media).unwrap_or_default(), &codec.payload_types(), "recvonly");
    let rtpmap = section.described("rtpmap", number);
    rtpmap.iter().for_each(|text| push_line(out, &format!("a=rtpmap:{number} {text}")));
    if section.described("fmtp", number).is_some() {
        push_line(out, &format!("a=fmtp:{number} {}", codec.fmtp));
    }
    if let Some(repair) = codec.repair {
        codec::write_repair(out, repair, number);
    }
    section.feedback(number).for_each(|what| push_line(out, &format!("a=rtcp-fb:{number} {what}")));
}

#[cfg(test)]
mod generate;
#[cfg(test)]
mod tests;
