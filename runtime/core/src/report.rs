//! What the session says of itself, derived from its parts and inputs.

use crate::condition::{Condition, Status, Type};
use crate::input::{self, Failure, Health};
use crate::part::{Part, Parts, State};

/// Parts that make up the devices.
const DEVICES: [Part; 4] = [Part::Sound, Part::Bus, Part::Pipewire, Part::Camera];

/// Whether camera, microphone and speaker work.
pub fn devices(parts: &Parts) -> Condition {
    let say = |status, reason, message| Condition::new(Type::DevicesReady, status, reason, message);
    if !parts.is_wanted(Part::Camera) {
        return say(Status::True, "NotWanted", "the session has no page that would use them".to_owned());
    }
    let broken = DEVICES.into_iter().find(|p| !parts.slot(*p).why.is_empty());
    if let Some(part) = broken {
        let reason = match part {
            Part::Sound => "SoundFailed",
            _ => "CameraFailed",
        };
        return say(Status::False, reason, explain(parts, part));
    }
    match DEVICES.into_iter().find(|p| !parts.is_up(*p)) {
        Some(part) => say(Status::False, "Starting", format!("waiting for {}", name(part))),
        None => say(Status::True, "Live", "camera, microphone and speaker are live".to_owned()),
    }
}

/// Whether the page is loaded and shown.
pub fn page(parts: &Parts) -> Condition {
    let say = |status, reason, message| Condition::new(Type::PageReady, status, reason, message);
    if !parts.is_wanted(Part::Page) {
        return say(Status::True, "NotWanted", "the session has no page".to_owned());
    }
    let chain = [Part::Display, Part::Browser, Part::Page];
    let broken = chain.into_iter().find(|p| !parts.slot(*p).why.is_empty());
    if let Some(part) = broken {
        let reason = match part {
            Part::Display => "DisplayFailed",
            Part::Browser => "BrowserFailed",
            _ => "PageLoadFailed",
        };
        return say(Status::False, reason, explain(parts, part));
    }
    match chain.into_iter().find(|p| !parts.is_up(*p)) {
        Some(Part::Page) if parts.slot(Part::Page).is_recovering() => {
            say(Status::False, "Reloading", "the page is being loaded again".to_owned())
        }
        Some(part) => say(Status::False, "Loading", format!("waiting for {}", name(part))),
        None => say(Status::True, "Loaded", "the page is loaded".to_owned()),
    }
}

/// Whether all that the camera and the microphone shall carry plays.
pub fn inputs<'a>(state: input::State, health: impl IntoIterator<Item = &'a Health>) -> Condition {
    let say = |status, reason, message: &str| Condition::new(Type::InputsReady, status, reason, message);
    let (mut any, mut starting, mut waiting, mut stalled, mut ended) = (false, false, false, false, false);
    for one in health {
        any = true;
        match one {
            Health::Failed(Failure { reason, message }) => return say(Status::False, reason, message),
            Health::Starting => starting = true,
            Health::Waiting => waiting = true,
            Health::Stalled => stalled = true,
            Health::Ended => ended = true,
            Health::Playing => {}
        }
    }
    match () {
        () if state == input::State::Paused => say(Status::True, "Paused", "paused: black and silence"),
        () if !any => say(Status::True, "NotWanted", "no inputs are set: a slate and silence"),
        () if starting => say(Status::False, "Starting", "opening the sources"),
        () if stalled => {
            say(Status::False, "Stalled", "nothing arrives from a source: a slate and silence meanwhile")
        }
        () if waiting => say(Status::True, "Waiting", "ready for a publisher, who is not there yet"),
        () if ended => say(Status::True, "Ended", "a source came to its end and is not repeated"),
        () => say(Status::True, "Playing", "all sources play"),
    }
}

/// The part's name as people know it.
pub fn name(part: Part) -> &'static str {
    match part {
        Part::Display => "the display (Xvfb)",
        Part::Sound => "sound (PulseAudio)",
        Part::Bus => "the message bus (D-Bus)",
        Part::Pipewire => "PipeWire",
        Part::Camera => "the camera",
        Part::Browser => "the browser (Chromium)",
        Part::Page => "the page",
    }
}

fn explain(parts: &Parts, part: Part) -> String {
    let slot = parts.slot(part);
    let next = match slot.state {
        State::Starting { .. } => "starting it again",
        State::Backoff { .. } => "trying again soon",
        State::Off | State::Waiting | State::Up => "waiting for what it needs",
    };
    format!("{}: {} ({next})", name(part), slot.why)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::part::Event;

    #[test]
    fn a_page_that_fails_says_why() {
        let now = Instant::now();
        let mut parts = Parts::default();
        for part in [Part::Display, Part::Bus, Part::Browser, Part::Page] {
            parts.on(Event::Want(part), now);
        }
        assert_eq!(page(&parts).reason, "Loading");
        for part in [Part::Display, Part::Bus, Part::Browser] {
            parts.on(Event::Started(part), now);
        }
        parts.on(Event::Lost(Part::Page, "net::ERR_NAME_NOT_RESOLVED".into()), now);
        let said = page(&parts);
        assert_eq!((said.status, said.reason), (Status::False, "PageLoadFailed"));
        assert_eq!(said.message, "the page: net::ERR_NAME_NOT_RESOLVED (trying again soon)");
    }

    #[test]
    fn without_a_page_neither_page_nor_devices_are_an_obstacle() {
        assert_eq!(page(&Parts::default()).status, Status::True);
        assert_eq!(devices(&Parts::default()).status, Status::True);
    }

    #[test]
    fn one_failed_source_is_what_is_told() {
        let failed = Health::Failed(Failure { reason: "SourceNotFound", message: "no such file".into() });
        let said = inputs(input::State::Running, [&Health::Playing, &failed]);
        assert_eq!((said.status, said.reason), (Status::False, "SourceNotFound"));
        assert_eq!(inputs(input::State::Running, [&Health::Playing]).status, Status::True);
        assert_eq!(inputs(input::State::Idle, []).reason, "NotWanted");
    }
}
