//! Which sections of an offer are served, and what becomes of the others.
//!
//! One that cannot be served takes down no other (RFC 3264 §6): an offer is refused when nothing of it is left.

use super::Fault;
use super::answer::{Fate, Outline};
use super::section::{self, Direction, Lines, Section, push_line};
use super::transport::{self, Transport};
use crate::media::Kind;

/// What a section is not agreed on in that carries nothing: each only repairs or goes along with another of its formats.
const ACCESSORIES: [&str; 6] = ["rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn"];

/// What a peer wants of us, and how we read the sections in which it does.
pub(super) struct Reading<F> {
    /// Whether it wants media in a section of that direction.
    pub wants: fn(Direction) -> bool,
    /// Its fault if it wants none.
    pub nothing: Fault,
    pub codecs: F,
}

/// What a section carries, once it is read.
pub(super) trait Carried {
    fn payload_types(&self) -> Vec<u8>;
}

/// At most one section of a kind, all on one transport.
pub(super) struct Selection<T> {
    /// By place, picture before sound.
    pub media: Vec<(usize, T)>,
    pub data: Option<usize>,
    pub transport: Transport,
    pub outline: Outline,
}

pub(super) fn select<T, F>(text: &str, lines: &Lines<'_>, reading: Reading<F>) -> Result<Selection<T>, Fault>
where
    T: Carried,
    F: Fn(&Section<'_>, Kind) -> Result<T, Fault>,
{
    let mut readable: Vec<Option<Result<T, Fault>>> =
        (0..lines.sections.len()).map(|place| read(lines, place, &reading.codecs)).collect();
    let primary = primary(lines, &readable, &reading)?;
    let group = transport::travelling_with(lines, primary);
    let media = take_media(lines, &group, &mut readable, reading.wants);
    let is_data = |place: &usize| is_data_channel(&lines.sections[*place]);
    let data = group.iter().copied().find(is_data);
    let fate = |(place, codecs): (usize, Option<Result<T, Fault>>)| match codecs {
        _ if data == Some(place) || media.iter().any(|(other, _)| *other == place) => Fate::Served,
        Some(Ok(codecs)) if group.contains(&place) => Fate::Idle(codecs.payload_types()),
        Some(Err(Fault::NoCodec { .. })) if group.first() == Some(&place) => {
            empty(&lines.sections[place], &media).map_or(Fate::Refused, |number| Fate::Idle(vec![number]))
        }
        _ => Fate::Refused,
    };
    let fates: Vec<Fate> = readable.into_iter().enumerate().map(fate).collect();
    let accepted: Vec<usize> = (0..fates.len()).filter(|place| fates[*place] != Fate::Refused).collect();
    let transport = transport::read(lines, &group, &accepted)?;
    // RFC 8445 §6.1.1: one of the two has to check.
    if transport::is_lite(lines) {
        return Err(Fault::IceLite);
    }
    Ok(Selection { media, data, transport, outline: Outline::new(text, fates) })
}

/// None: it is no media, or stopped.
fn read<T>(
    lines: &Lines<'_>,
    place: usize,
    codecs: impl Fn(&Section<'_>, Kind) -> Result<T, Fault>,
) -> Option<Result<T, Fault>> {
    let section = &lines.sections[place];
    let kind = section.kind().filter(|_| !section.is_stopped() && is_rtp(section.protocol()))?;
    // In a group one section may say it for all (RFC 9143 §7.1.3).
    let group = transport::travelling_with(lines, place);
    let muxed = group.iter().any(|other| lines.has(&lines.sections[*other], "rtcp-mux"));
    Some(if muxed { codecs(section, kind) } else { Err(Fault::NoRtcpMux) })
}

/// The section whose transport is used.
fn primary<T, F>(
    lines: &Lines<'_>,
    readable: &[Option<Result<T, Fault>>],
    reading: &Reading<F>,
) -> Result<usize, Fault> {
    let wanted = |kind: Kind| {
        let of_kind = readable.iter().enumerate().filter(move |(place, _)| {
            let section = &lines.sections[*place];
            section.kind() == Some(kind) && (reading.wants)(lines.direction(section))
        });
        of_kind.filter_map(|(place, codecs)| Some((place, codecs.as_ref()?)))
    };
    let mut fault = None;
    for (place, codecs) in wanted(Kind::Video).chain(wanted(Kind::Audio)) {
        match codecs {
            Ok(_) => return Ok(place),
            Err(error) => fault = fault.or(Some(error.clone())),
        }
    }
    Err(fault.unwrap_or_else(|| reading.nothing.clone()))
}

fn take_media<T: Carried>(
    lines: &Lines<'_>,
    group: &[usize],
    readable: &mut [Option<Result<T, Fault>>],
    wants: fn(Direction) -> bool,
) -> Vec<(usize, T)> {
    let mut media: Vec<(usize, T)> = Vec::new();
    for kind in [Kind::Video, Kind::Audio] {
        let fits = |place: &usize| {
            let section = &lines.sections[*place];
            let Some(Some(Ok(codecs))) = readable.get(*place) else { return false };
            // On one transport a number means one thing (RFC 9143 §9.1).
            let taken = |number: &u8| media.iter().any(|(_, other)| other.payload_types().contains(number));
            let free = !codecs.payload_types().iter().any(taken);
            section.kind() == Some(kind) && wants(lines.direction(section)) && free
        };
        // The first as written, whatever the order in the group.
        let place = (0..readable.len()).find(|place| group.contains(place) && fits(place));
        if let Some((place, Ok(codecs))) = place.and_then(|place| Some((place, readable[place].take()?))) {
            media.push((place, codecs));
        }
    }
    media
}

/// What RFC 9429 §5.1.2 takes for media over DTLS, whatever it is called.
fn is_rtp(protocol: &str) -> bool {
    let mut words = protocol.rsplit('/');
    let profile = words.next().unwrap_or_default();
    let known = ["AVP", "AVPF", "SAVP", "SAVPF"].iter().any(|name| profile.eq_ignore_ascii_case(name));
    known && words.next().is_some_and(|word| word.eq_ignore_ascii_case("RTP"))
}

/// A format in which the first of a group is agreed on although it carries nothing we know.
///
/// It is the section that the peer has a transport for, and those behind it may have none of their own (RFC 9143 §7.2). To
/// take another in its place (§7.3.1) is beyond some: Chromium with `max-bundle` takes no such answer ("Failed to setup RTCP
/// mux"), and GStreamer's `whepsrc`, whose sound stands first and cannot be left out, loses the transport.
fn empty<T: Carried>(section: &Section<'_>, media: &[(usize, T)]) -> Option<u8> {
    // On one transport a number means one thing (RFC 9143 §9.1).
    let taken = |number: &u8| media.iter().any(|(_, codecs)| codecs.payload_types().contains(number));
    let is_accessory = |number: &u8| {
        let name = section.described("rtpmap", *number).and_then(|text| text.split('/').next());
        name.is_some_and(|name| ACCESSORIES.iter().any(|other| name.eq_ignore_ascii_case(other)))
    };
    section.payload_types().filter(|number| !taken(number)).find(|number| !is_accessory(number))
}

/// RFC 8841 §4.2.
pub(super) fn is_data_channel(section: &Section<'_>) -> bool {
    let known = section.protocol().eq_ignore_ascii_case("UDP/DTLS/SCTP");
    section.is_data() && !section.is_stopped() && known && section.formats().eq(["webrtc-datachannel"])
}

impl<T> Selection<T> {
    /// The offer as the stack sees it: what is served, each section numbered by its place.
    pub fn reduce(&self, lines: &Lines<'_>, write: impl Fn(&mut String, &Section<'_>, &T)) -> String {
        let mut places: Vec<usize> = self.media.iter().map(|(place, _)| *place).chain(self.data).collect();
        places.sort_unstable();
        let mids: Vec<String> = places.iter().map(usize::to_string).collect();
        let mut out = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        push_line(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        if lines.session.iter().any(|line| section::is_property(line, "extmap-allow-mixed")) {
            push_line(&mut out, "a=extmap-allow-mixed");
        }
        for place in places {
            let section = &lines.sections[place];
            match self.media.iter().find(|(other, _)| *other == place) {
                Some((_, codecs)) => write(&mut out, section, codecs),
                None => write_data(&mut out, section),
            }
            push_line(&mut out, &format!("a=mid:{place}"));
            self.transport.write(&mut out);
        }
        out
    }
}

/// The head of a section of media.
pub(super) fn open(out: &mut String, kind: &str, numbers: &[u8], direction: &str) {
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    push_line(out, &format!("m={kind} 9 UDP/TLS/RTP/SAVPF {}", numbers.join(" ")));
    push_line(out, "c=IN IP4 0.0.0.0");
    push_line(out, &format!("a={direction}"));
    push_line(out, "a=rtcp-mux");
}

fn write_data(out: &mut String, section: &Section<'_>) {
    push_line(out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
    push_line(out, "c=IN IP4 0.0.0.0");
    for name in ["sctp-port", "max-message-size"] {
        let text = section.attribute(name);
        text.iter().for_each(|text| push_line(out, &format!("a={name}:{text}")));
    }
}
