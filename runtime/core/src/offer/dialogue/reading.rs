//! What a peer says in a description, held against what we can do and have said.

use super::super::acceptance::{self, Unusable};
use super::super::codec::{Numbers, choose, write_repair};
use super::super::section::{self, Lines, Section};
use super::super::selection::is_data_channel;
use super::super::transport::{self, Transport};
use super::super::{Codec, Encoding, Fault, MAX_BYTES, lines};
use super::wording::{MESSAGE_BYTES, Place, Us, data_lines};
use super::{Shown, Unfit};
use crate::media::Kind;

/// As what there is to send at a desk.
const KNOWN: [Encoding; 2] = [Encoding::H264, Encoding::Opus];
/// What we send is reported on so.
const FEEDBACK: [&str; 4] = ["nack", "nack pli", "ccm fir", "goog-remb"];

pub(super) struct Heard {
    pub transport: Transport,
    pub is_lite: bool,
    pub shown: Shown,
    /// What the peer takes at most in one message.
    pub message_size: u32,
}

/// An offer, and our answer to it, section by section.
pub(super) fn offer(us: &Us, sdp: &str) -> Result<(Heard, Vec<Place>), Fault> {
    let lines = lines(sdp)?;
    let usable = |place: &usize| {
        let section = &lines.sections[*place];
        is_data_channel(section) || !section.is_stopped() && section.kind().is_some()
    };
    let first = (0..lines.sections.len()).find(usable).ok_or(Fault::NothingToSend)?;
    let group = transport::travelling_with(&lines, first);
    let (mut shown, mut size, mut has_data) = (Shown::default(), MESSAGE_BYTES, false);
    let mut places = Vec::new();
    for (place, section) in lines.sections.iter().enumerate() {
        let mut answer = Place::refusing(section);
        if group.contains(&place) && is_data_channel(section) && !has_data {
            (has_data, size, answer.lines) = (true, message_size(section), Some(data_lines()));
        } else if group.contains(&place) && !section.is_stopped() {
            serve(us, (&lines, section), &mut answer, &mut shown);
        }
        // One format stands for all (RFC 3264 §6).
        if answer.lines.is_none() {
            answer.formats.truncate(1);
        }
        places.push(answer);
    }
    let accepted: Vec<usize> = (0..places.len()).filter(|place| places[*place].lines.is_some()).collect();
    if accepted.is_empty() {
        return Err(Fault::NothingToSend);
    }
    let transport = transport::read(&lines, &group, &accepted)?;
    Ok((Heard { transport, is_lite: transport::is_lite(&lines), shown, message_size: size }, places))
}

/// A section of media: sent into, if it is the first of its kind that wants it.
fn serve(us: &Us, (lines, section): (&Lines<'_>, &Section<'_>), answer: &mut Place, shown: &mut Shown) {
    let Some((kind, codec)) =
        section.kind().and_then(|kind| Some((kind, choose(section, kind, &KNOWN).ok()?)))
    else {
        return;
    };
    let sent = match kind {
        Kind::Video => &mut shown.video,
        Kind::Audio => &mut shown.audio,
    };
    let wants = lines.direction(section).receives && sent.is_none();
    let direction = if wants { "sendonly" } else { "inactive" };
    let mut said = vec![format!("a={direction}"), "a=rtcp-mux".to_owned()];
    said.extend(coded(section, &codec));
    if wants {
        said.extend(us.sources(kind, codec.repair.is_some()));
        *sent = Some(Numbers { payload_type: codec.payload_type, repair: codec.repair });
    }
    let numbers = [codec.payload_type].into_iter().chain(codec.repair);
    answer.formats = numbers.map(|number| number.to_string()).collect();
    answer.lines = Some(said);
}

fn coded(section: &Section<'_>, codec: &Codec) -> Vec<String> {
    let number = codec.payload_type;
    let mut said = Vec::new();
    said.extend(section.described("rtpmap", number).map(|text| format!("a=rtpmap:{number} {text}")));
    if section.described("fmtp", number).is_some() {
        said.push(format!("a=fmtp:{number} {}", codec.fmtp));
    }
    let known = section.feedback(number).filter(|what| FEEDBACK.contains(what));
    said.extend(known.map(|what| format!("a=rtcp-fb:{number} {what}")));
    if let Some(repair) = codec.repair {
        let mut out = String::new();
        write_repair(&mut out, repair, number);
        said.extend(out.lines().map(str::to_owned));
    }
    said
}

/// An answer to an offer of ours, which may refuse whatever it likes but not everything.
pub(super) fn answer(offer: &str, sdp: &str) -> Result<Heard, Unfit> {
    if sdp.len() > MAX_BYTES {
        return Err(Unusable::TooLarge.into());
    }
    let of = |fault: Fault| Unusable::of(&fault);
    let (asked, given) = (section::split(offer).map_err(of)?, section::split(sdp).map_err(of)?);
    let (offered, answered) = (asked.sections.len(), given.sections.len());
    if offered != answered {
        return Err(Unusable::Sections { offered, answered }.into());
    }
    let (mut shown, mut size, mut accepted) = (Shown::default(), MESSAGE_BYTES, Vec::new());
    for (place, (asking, giving)) in asked.sections.iter().zip(&given.sections).enumerate() {
        let is_other = giving.mid().is_some_and(|mid| asking.mid() != Some(mid));
        if is_other || giving.kind_word() != asking.kind_word() {
            return Err(Unusable::OtherSection { section: place + 1 }.into());
        }
        if asking.is_stopped() || giving.is_stopped() {
            continue;
        }
        accepted.push(place);
        if giving.is_data() {
            size = message_size(giving);
        } else if let Some((kind, numbers)) = acceptance::numbers(&asked, &given, place)? {
            match kind {
                Kind::Video => shown.video = Some(numbers),
                Kind::Audio => shown.audio = Some(numbers),
            }
        }
    }
    let transport = acceptance::transport(&given, &accepted)?;
    Ok(Heard { transport, is_lite: transport::is_lite(&given), shown, message_size: size })
}

/// If it says one that means something (RFC 8841 §6.1: zero is any).
fn message_size(section: &Section<'_>) -> u32 {
    let said = section.attribute("max-message-size").and_then(|text| text.trim().parse().ok());
    said.filter(|size| *size > 0).unwrap_or(MESSAGE_BYTES)
}
