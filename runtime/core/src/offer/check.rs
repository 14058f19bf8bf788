//! An answer held against its offer: what a peer would refuse, or could not use, is found before it goes out.
//!
//! The rules are those of an answer that one transport carries, since we have no other.

use super::section::{self, Lines, Section};

/// The rule that an answer breaks; sections count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("the answer is not SDP (RFC 8866 §5)")]
    NotSdp,
    #[error("the answer has {answered} sections, the offer {offered} (RFC 3264 §6)")]
    SectionCount { offered: usize, answered: usize },
    #[error("section {section} is of another kind or protocol than offered (RFC 3264 §6)")]
    Kind { section: usize },
    #[error("section {section} is accepted, and was not offered (RFC 3264 §6)")]
    Stopped { section: usize },
    #[error("section {section} has another a=mid than offered (RFC 5888 §9.1)")]
    Mid { section: usize },
    #[error("section {section} has a direction that does not answer the offered one (RFC 3264 §6.1)")]
    Direction { section: usize },
    #[error(
        "section {section} has a payload type that was not offered, or for another encoding (RFC 3264 §6.1)"
    )]
    PayloadType { section: usize },
    #[error("section {section} has another H.264 profile than offered, or a higher level (RFC 6184 §8.2.2)")]
    ProfileLevel { section: usize },
    #[error("section {section} has an attribute that must be offered first, and was not: {attribute}")]
    NotOffered { section: usize, attribute: &'static str },
    #[error("the group of the answer is not within a group of the offer (RFC 9143 §7.3)")]
    Group,
    #[error(
        "section {section} is accepted outside of the one transport, or refused within it (RFC 9143 §7.3)"
    )]
    Grouped { section: usize },
    #[error("section {section} has no ICE user fragment and password (RFC 8839 §5.4)")]
    IceCredentials { section: usize },
    #[error("section {section} has no certificate fingerprint (RFC 8122 §5)")]
    Fingerprint { section: usize },
    #[error("section {section} has an a=setup that is no answer, or not that of its transport (RFC 5763 §5)")]
    Setup { section: usize },
    #[error("section {section} has no a=rtcp-mux (RFC 5761 §5.1.1)")]
    RtcpMux { section: usize },
    #[error("no candidate stands in section {section} or in the first of its group (RFC 9429 §5.3.1)")]
    Candidates { section: usize },
    #[error("the answer accepts no section in which media flows")]
    NothingServed,
}

/// Whether a peer can take the answer to its offer, and use what it promises.
pub fn check(offer: &str, answer: &str) -> Result<(), Violation> {
    let offer = section::split(offer).map_err(|_| Violation::NotSdp)?;
    let answer = section::split(answer).map_err(|_| Violation::NotSdp)?;
    hold(&offer, &answer)
}

pub(super) fn hold(offer: &Lines<'_>, answer: &Lines<'_>) -> Result<(), Violation> {
    let (offered, answered) = (offer.sections.len(), answer.sections.len());
    if offered != answered {
        return Err(Violation::SectionCount { offered, answered });
    }
    for (index, (asked, given)) in offer.sections.iter().zip(&answer.sections).enumerate() {
        check_shape(asked, given, index + 1)?;
    }
    check_group(offer, answer)?;
    let mut served = false;
    let accepted = answer.sections.iter().enumerate().filter(|(_, given)| !given.is_stopped());
    for (index, given) in accepted {
        check_transport(offer, answer, index)?;
        if given.kind().is_some() {
            check_media(offer, answer, index)?;
            let direction = answer.direction(given);
            served |= direction.sends || direction.receives;
        }
    }
    if served { Ok(()) } else { Err(Violation::NothingServed) }
}

/// What holds for refused sections too.
fn check_shape(asked: &Section<'_>, given: &Section<'_>, section: usize) -> Result<(), Violation> {
    if asked.kind_word() != given.kind_word() || asked.protocol() != given.protocol() {
        return Err(Violation::Kind { section });
    }
    if asked.mid() != given.mid() {
        return Err(Violation::Mid { section });
    }
    if asked.is_stopped() && !given.is_stopped() {
        return Err(Violation::Stopped { section });
    }
    let encoding = |of: &Section<'_>, number| of.described("rtpmap", number).map(str::to_ascii_lowercase);
    let offered = |format: &str| {
        let same = asked.formats().any(|other| other == format);
        let number = format.parse().ok().filter(|_| given.kind().is_some());
        let named = number.and_then(|number| Some((number, encoding(given, number)?)));
        same && named.is_none_or(|(number, name)| encoding(asked, number) == Some(name))
    };
    if given.formats().all(offered) { Ok(()) } else { Err(Violation::PayloadType { section }) }
}

fn check_media(offer: &Lines<'_>, answer: &Lines<'_>, index: usize) -> Result<(), Violation> {
    let (asked, given, section) = (&offer.sections[index], &answer.sections[index], index + 1);
    let (wish, word) = (offer.direction(asked), answer.direction(given));
    if word.sends && !wish.receives || word.receives && !wish.sends {
        return Err(Violation::Direction { section });
    }
    let not_offered = |attribute| Err(Violation::NotOffered { section, attribute });
    for number in given.payload_types() {
        if given.feedback(number).any(|what| !asked.feedback(number).any(|other| other == what)) {
            return not_offered("rtcp-fb");
        }
        let fmtp = |of: &Section<'_>| of.described("fmtp", number).unwrap_or_default().to_owned();
        if given.kind_word().eq_ignore_ascii_case("video")
            && !super::level::answers(&fmtp(asked), &fmtp(given))
        {
            return Err(Violation::ProfileLevel { section });
        }
    }
    let extension = |text: &str| {
        text.split_once(' ').map(|(number, uri)| {
            (number.split('/').next().unwrap_or_default().to_owned(), uri.trim().to_owned())
        })
    };
    let known =
        |text: &str| values_of(offer, asked, "extmap").any(|other| extension(other) == extension(text));
    if !values_of(answer, given, "extmap").all(known) {
        return not_offered("extmap");
    }
    if given.has("rtcp-rsize") && !offer.has(asked, "rtcp-rsize") {
        return not_offered("rtcp-rsize");
    }
    let group = bundle_of(offer, index);
    if !group.into_iter().chain([index]).any(|place| offer.has(&offer.sections[place], "rtcp-mux")) {
        return not_offered("rtcp-mux");
    }
    if given.has("rtcp-mux") { Ok(()) } else { Err(Violation::RtcpMux { section }) }
}

fn check_transport(offer: &Lines<'_>, answer: &Lines<'_>, index: usize) -> Result<(), Violation> {
    let (given, section) = (&answer.sections[index], index + 1);
    let said = |name: &str| answer.attribute(given, name).map(str::trim).unwrap_or_default();
    if said("ice-ufrag").len() < 4 || said("ice-pwd").len() < 22 {
        return Err(Violation::IceCredentials { section });
    }
    if super::transport::sha_256(said("fingerprint")).is_none() {
        return Err(Violation::Fingerprint { section });
    }
    let first = bundle_of(answer, index).first().copied().unwrap_or(index);
    // That of the section whose transport is used; in a group another may say it for all (RFC 9143 §7.1.3). Who says
    // nothing is active (RFC 4145 §4).
    let speakers = [first].into_iter().chain(bundle_of(offer, first));
    let role = |place: usize| offer.attribute(&offer.sections[place], "setup");
    let wish = speakers.into_iter().find_map(role).unwrap_or("active").trim();
    let is = |word: &str, token: &str| word.eq_ignore_ascii_case(token);
    let legal = match said("setup") {
        "passive" => is(wish, "actpass") || is(wish, "active"),
        "active" => is(wish, "actpass") || is(wish, "passive"),
        _ => false,
    };
    // One transport has one handshake, so all that share it say the same.
    let of_first = answer.attribute(&answer.sections[first], "setup").map(str::trim);
    if !legal || of_first != Some(said("setup")) {
        return Err(Violation::Setup { section });
    }
    let reachable = |place: usize| answer.sections[place].attribute("candidate").is_some();
    if reachable(index) || reachable(first) { Ok(()) } else { Err(Violation::Candidates { section }) }
}

fn check_group(offer: &Lines<'_>, answer: &Lines<'_>) -> Result<(), Violation> {
    let groups: Vec<Vec<usize>> = answer.bundles().collect();
    let said = section::values(&answer.session, "group").filter(|group| group.starts_with("BUNDLE"));
    let named: usize = said.map(|group| group.split_whitespace().count() - 1).sum();
    let known =
        |group: &Vec<usize>| offer.bundles().any(|other| group.iter().all(|place| other.contains(place)));
    let grouped: Vec<usize> = groups.iter().flatten().copied().collect();
    if groups.len() > 1 || named != grouped.len() || !groups.iter().all(known) {
        return Err(Violation::Group);
    }
    let accepted = |place: &usize| !answer.sections[*place].is_stopped();
    let places: Vec<usize> = (0..answer.sections.len()).filter(accepted).collect();
    for place in 0..answer.sections.len() {
        // One that shares its transport with none needs no group.
        let alone = places.as_slice() == [place] && grouped.is_empty();
        if grouped.contains(&place) != accepted(&place) && !alone {
            return Err(Violation::Grouped { section: place + 1 });
        }
    }
    Ok(())
}

fn bundle_of(lines: &Lines<'_>, index: usize) -> Vec<usize> {
    lines.bundles().find(|group| group.contains(&index)).unwrap_or_default()
}

fn values_of<'a>(
    lines: &Lines<'a>,
    section: &Section<'a>,
    name: &'static str,
) -> impl Iterator<Item = &'a str> {
    section::values(&section.lines, name).chain(section::values(&lines.session, name))
}

#[cfg(test)]
mod tests;
