//! What the session says of itself, derived from its parts and inputs.

use crate::camera::Mode;
use crate::condition::{Condition, Severity, Status, Type};
use crate::input::{self, Failure, Health};
use crate::part::{Part, Parts, State};
use crate::sending::Sending;

const COMING: Status = Status::False(Severity::Info);
const BROKEN: Status = Status::False(Severity::Error);
const UNTOLD: &str = "the session was not told yet what it is to be";

/// What the session was told to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stance {
    /// Nothing yet: what it is now answers nobody.
    #[default]
    Untold,
    /// What was asked for.
    Told,
    /// Nothing any more.
    Drained,
}

/// All that the session says of itself.
pub fn conditions<'a>(
    stance: Stance,
    parts: &Parts,
    state: input::State,
    health: impl IntoIterator<Item = &'a Health>,
) -> [Condition; 3] {
    let all = |status, reason, message: &str| {
        [Type::DevicesReady, Type::PageReady, Type::InputsReady]
            .map(|kind| Condition::new(kind, status, reason, message))
    };
    match stance {
        Stance::Untold => all(Status::Unknown, "Starting", UNTOLD),
        Stance::Told => [devices(parts), page(parts), inputs(state, health)],
        Stance::Drained => all(COMING, "Drained", "the session was told to finish, and takes nothing new"),
    }
}

/// How far the picture is that livestreams show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture<'a> {
    /// Nobody said yet whether there is one.
    Untold,
    /// There is neither a page nor anything that the inputs carry.
    Without,
    /// Why it is not captured.
    Failed(&'a str),
    Awaited,
    /// There is one; why there is no sound with it.
    Silent(&'a str),
    Proven,
}

/// Whether a livestream can be fetched, with its reason and a message.
pub const fn livestream(picture: Picture<'_>) -> (Status, &'static str, &str) {
    match picture {
        Picture::Untold => (Status::Unknown, "Starting", UNTOLD),
        Picture::Without => {
            (BROKEN, "NoPage", "the session has neither a page nor inputs, so there is no picture")
        }
        Picture::Failed(why) => (BROKEN, "CaptureFailed", why),
        Picture::Awaited => (COMING, "WaitingForPicture", "no keyframe has been produced yet"),
        Picture::Silent(why) => (Status::True, "ServingWithoutSound", why),
        Picture::Proven => (Status::True, "Serving", "a picture is produced and can be fetched over WHEP"),
    }
}

/// Of a livestream over RTMP, where that is not served.
pub const UNPLAYED: (Status, &str, &str) = (
    BROKEN,
    "NotListening",
    "RTMP has no port here: something else in the pod has it, and the log says which",
);

/// The same of one that is sent to somebody's server: there has to be a picture, and it has to be taken.
pub fn sent<'a>(picture: Picture<'a>, sending: &'a Sending) -> (Status, &'static str, &'a str) {
    let said = livestream(picture);
    match (said.0, sending) {
        (Status::True, Sending::Connecting | Sending::Connected) => {
            (COMING, "Connecting", "the destination is being connected to")
        }
        (Status::True, Sending::Failed(why)) => (BROKEN, "DestinationFailed", &why.message),
        (Status::True, Sending::Unacknowledged | Sending::Arriving) if said.1 == "Serving" => {
            (Status::True, "Serving", "the destination takes the picture")
        }
        _ => said,
    }
}

/// Parts that make up the devices.
const fn device_parts(camera: Mode) -> &'static [Part] {
    match camera {
        Mode::Pipewire => &[Part::Sound, Part::Bus, Part::Pipewire, Part::Camera],
        Mode::V4l2 | Mode::File => &[Part::Sound, Part::Camera],
    }
}

/// What is true of camera, microphone and speaker when all of them work.
const fn live(camera: Mode) -> &'static str {
    match camera {
        Mode::Pipewire | Mode::V4l2 => "camera, microphone and speaker are live",
        Mode::File => {
            "camera, microphone and speaker are live; the camera is a file: only this browser sees it, under the file's \
             name, and a page may be a frame behind or see two frames in one picture"
        }
    }
}

/// Whether camera, microphone and speaker work.
pub fn devices(parts: &Parts) -> Condition {
    let say = |status, reason, message| Condition::new(Type::DevicesReady, status, reason, message);
    let of_page = device_parts(parts.camera()).iter().copied();
    let devices = of_page.filter(|part| parts.is_wanted(*part));
    if devices.clone().next().is_none() {
        return say(Status::True, "NotWanted", "the session has no page that would use them".to_owned());
    }
    let broken = devices.clone().find(|p| !parts.slot(*p).why.is_empty());
    if let Some(part) = broken {
        let reason = match part {
            Part::Sound => "SoundFailed",
            _ => "CameraFailed",
        };
        return say(BROKEN, reason, explain(parts, part));
    }
    match devices.clone().find(|p| !parts.is_up(*p)) {
        Some(part) => say(COMING, "Starting", format!("waiting for {}", name(part))),
        None if !parts.is_wanted(Part::Camera) => {
            say(Status::True, "Live", "sound is live; without a page no camera is needed".to_owned())
        }
        None => say(Status::True, "Live", live(parts.camera()).to_owned()),
    }
}

/// Whether the page is loaded and shown, or has made room for that of a stage.
pub fn page(parts: &Parts) -> Condition {
    let say = |status, reason, message| Condition::new(Type::PageReady, status, reason, message);
    // A browser without it shows a stage's.
    let own = parts.is_wanted(Part::Page);
    if !own && !parts.is_wanted(Part::Browser) {
        return say(Status::True, "NotWanted", "the session has no page".to_owned());
    }
    let chain = [Part::Display, Part::Bus, Part::Browser, Part::Page];
    let chain = chain.into_iter().filter(|part| own || *part != Part::Page);
    let broken = chain.clone().find(|p| !parts.slot(*p).why.is_empty());
    if let Some(part) = broken {
        let reason = match part {
            Part::Display => "DisplayFailed",
            Part::Bus | Part::Browser => "BrowserFailed",
            _ => "PageLoadFailed",
        };
        return say(BROKEN, reason, explain(parts, part));
    }
    match chain.clone().find(|p| !parts.is_up(*p)) {
        Some(Part::Page) if parts.slot(Part::Page).is_recovering() => {
            say(COMING, "Reloading", "the page is being loaded again".to_owned())
        }
        Some(part) => say(COMING, "Loading", format!("waiting for {}", name(part))),
        None if !own => say(Status::True, "OnStage", "the browser shows the page of a stage".to_owned()),
        None => say(Status::True, "Loaded", "the page is loaded".to_owned()),
    }
}

/// Whether all that the camera and the microphone shall carry plays.
pub fn inputs<'a>(state: input::State, health: impl IntoIterator<Item = &'a Health>) -> Condition {
    let say = |status, reason, message: &str| Condition::new(Type::InputsReady, status, reason, message);
    let mut partial = None;
    let (mut any, mut starting, mut waiting, mut stalled) = (false, false, false, false);
    let (mut ended, mut playing, mut resting) = (false, false, false);
    for one in health {
        any = true;
        match one {
            Health::Failed(Failure { reason, message }) => return say(BROKEN, reason, message),
            Health::Starting => starting = true,
            Health::Waiting => waiting = true,
            Health::Stalled => stalled = true,
            Health::Ended => ended = true,
            Health::Partial(failure) => partial = Some(failure),
            Health::Playing => playing = true,
            Health::Resting => resting = true,
        }
    }
    if let Some(Failure { reason, message }) = partial.filter(|_| !starting && !stalled) {
        return say(BROKEN, reason, message);
    }
    match () {
        () if state == input::State::Paused => say(Status::True, "Paused", "paused: black and silence"),
        () if !any && state == input::State::Running => {
            say(Status::True, "NoPage", "no page is set that could look and listen: the inputs rest")
        }
        () if !any => say(Status::True, "NotWanted", "no inputs are set: a slate and silence"),
        () if starting => say(COMING, "Starting", "opening the sources"),
        () if stalled => say(
            BROKEN,
            "Stalled",
            "of a source nothing arrives, or not all that is wanted: a slate and silence meanwhile",
        ),
        () if waiting => say(Status::True, "Waiting", "ready for a publisher, who is not there yet"),
        () if ended => say(Status::True, "Ended", "a source came to its end and is not repeated"),
        () if resting && !playing => {
            say(Status::True, "Resting", "all sources are there, and play as soon as a page looks or listens")
        }
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
        let mut parts = Parts::new(Mode::Pipewire);
        for part in [Part::Display, Part::Bus, Part::Browser, Part::Page] {
            parts.on(Event::Want(part), now);
        }
        assert_eq!(page(&parts).reason, "Loading");
        for part in [Part::Display, Part::Bus, Part::Browser] {
            parts.on(Event::Started(part), now);
        }
        parts.on(Event::Lost(Part::Page, "net::ERR_NAME_NOT_RESOLVED".into()), now);
        let said = page(&parts);
        assert_eq!((said.status, said.reason), (BROKEN, "PageLoadFailed"));
        assert_eq!(said.message, "the page: net::ERR_NAME_NOT_RESOLVED (trying again soon)");
    }

    #[test]
    fn only_what_the_camera_needs_is_waited_for() {
        let now = Instant::now();
        for (camera, first) in [(Mode::Pipewire, "the message bus"), (Mode::V4l2, "the camera")] {
            let mut parts = Parts::new(camera);
            for part in Part::ALL {
                parts.on(Event::Want(part), now);
            }
            parts.on(Event::Started(Part::Sound), now);
            let said = devices(&parts);
            assert_eq!((said.status, said.reason), (COMING, "Starting"));
            assert!(said.message.contains(first), "{}", said.message);
        }
    }

    #[test]
    fn a_camera_that_cannot_be_made_says_how_to_mend_it() {
        let now = Instant::now();
        let mut parts = Parts::new(Mode::V4l2);
        parts.on(Event::Want(Part::Camera), now);
        parts.on(Event::Lost(Part::Camera, "load v4l2loopback".into()), now);
        let said = devices(&parts);
        assert_eq!((said.status, said.reason), (BROKEN, "CameraFailed"));
        assert_eq!(said.message, "the camera: load v4l2loopback (trying again soon)");
    }

    #[test]
    fn the_limits_of_a_file_are_told_though_it_is_live() {
        let now = Instant::now();
        let said = [Mode::Pipewire, Mode::V4l2, Mode::File].map(|camera| {
            let mut parts = Parts::new(camera);
            for part in [Part::Sound, Part::Bus, Part::Pipewire, Part::Camera] {
                parts.on(Event::Want(part), now);
                parts.on(Event::Started(part), now);
            }
            devices(&parts)
        });
        assert!(said.iter().all(|said| (said.status, said.reason) == (Status::True, "Live")));
        assert_eq!(said.map(|said| said.message.contains("a file")), [false, false, true]);
    }

    #[test]
    fn a_bus_that_fails_is_what_the_page_waits_for() {
        let now = Instant::now();
        let mut parts = Parts::new(Mode::V4l2);
        parts.on(Event::Want(Part::Page), now);
        parts.on(Event::Want(Part::Bus), now);
        parts.on(Event::Lost(Part::Bus, "exited with code 1".into()), now);
        assert_eq!(page(&parts).reason, "BrowserFailed");
        assert!(page(&parts).message.contains("D-Bus"));
    }

    #[test]
    fn without_a_page_neither_page_nor_devices_are_an_obstacle() {
        assert_eq!(page(&Parts::new(Mode::Pipewire)).status, Status::True);
        assert_eq!(devices(&Parts::new(Mode::Pipewire)).status, Status::True);
    }

    #[test]
    fn a_kind_that_does_not_play_is_told_though_the_other_does() {
        let message = "http://a/b: it has no sound".to_owned();
        let partial = Health::Partial(Failure { reason: "SourceWrongType", message: message.clone() });
        let said = inputs(input::State::Running, [&partial]);
        assert_eq!((said.status, said.reason, said.message), (BROKEN, "SourceWrongType", message));
    }

    #[test]
    fn one_failed_source_is_what_is_told() {
        let failed = Health::Failed(Failure { reason: "SourceNotFound", message: "no such file".into() });
        let said = inputs(input::State::Running, [&Health::Playing, &failed]);
        assert_eq!((said.status, said.reason), (BROKEN, "SourceNotFound"));
        assert_eq!(inputs(input::State::Running, [&Health::Playing]).status, Status::True);
        assert_eq!(inputs(input::State::Idle, []).reason, "NotWanted");
    }

    #[test]
    fn sources_rest_once_none_of_them_plays() {
        let told = |healths: &[&Health]| inputs(input::State::Running, healths.iter().copied());
        let rests = told(&[&Health::Resting, &Health::Resting]);
        assert_eq!((rests.status, rests.reason), (Status::True, "Resting"));
        assert_eq!(told(&[&Health::Resting, &Health::Playing]).reason, "Playing");
        assert_eq!(told(&[&Health::Resting, &Health::Stalled]).reason, "Stalled");
    }

    #[test]
    fn a_browser_without_the_session_s_page_shows_a_stage_s() {
        let (now, mut parts) = (Instant::now(), Parts::new(Mode::V4l2));
        for event in [Event::Want, Event::Started] {
            for part in [Part::Display, Part::Bus, Part::Browser] {
                parts.on(event(part), now);
            }
        }
        assert_eq!((page(&parts).status, page(&parts).reason), (Status::True, "OnStage"));
        parts.on(Event::Lost(Part::Browser, "no".into()), now);
        assert_eq!(page(&parts).reason, "BrowserFailed");
    }

    #[test]
    fn inputs_that_rest_for_want_of_a_page_say_so() {
        assert_eq!(inputs(input::State::Running, []).reason, "NoPage");
    }

    #[test]
    fn a_session_that_was_told_nothing_claims_nothing() {
        let said = conditions(Stance::Untold, &Parts::new(Mode::Pipewire), input::State::Idle, []);
        assert!(said.iter().all(|said| (said.status, said.reason) == (Status::Unknown, "Starting")));
        let told = conditions(Stance::Told, &Parts::new(Mode::Pipewire), input::State::Idle, []);
        assert!(told.iter().all(|said| (said.status, said.reason) == (Status::True, "NotWanted")));
    }

    #[test]
    fn a_session_that_was_drained_says_so() {
        let said = conditions(Stance::Drained, &Parts::new(Mode::Pipewire), input::State::Idle, []);
        assert!(said.iter().all(|said| (said.status, said.reason) == (COMING, "Drained")));
    }

    #[test]
    fn what_comes_by_itself_is_no_error_and_what_failed_is_one() {
        let now = Instant::now();
        let mut parts = Parts::new(Mode::V4l2);
        for part in Part::ALL {
            parts.on(Event::Want(part), now);
        }
        let coming = [devices(&parts), page(&parts), inputs(input::State::Running, [&Health::Starting])];
        assert_eq!(coming.map(|said| said.status.severity()), [Some(Severity::Info); 3]);
        parts.on(Event::Lost(Part::Sound, "no".into()), now);
        parts.on(Event::Lost(Part::Display, "no".into()), now);
        let broken = [devices(&parts), page(&parts), inputs(input::State::Running, [&Health::Stalled])];
        assert_eq!(broken.map(|said| said.status.severity()), [Some(Severity::Error); 3]);
        let pictures = [Picture::Without, Picture::Failed("no"), Picture::Awaited, Picture::Proven];
        assert_eq!(
            pictures.map(|picture| livestream(picture).0.severity()),
            [Some(Severity::Error), Some(Severity::Error), Some(Severity::Info), None]
        );
        let destination = Sending::Failed(Failure { reason: "Unreachable", message: "no route".to_owned() });
        let failed = sent(Picture::Proven, &destination);
        assert_eq!((failed.0.severity(), failed.2), (Some(Severity::Error), "no route"));
        assert_eq!(sent(Picture::Awaited, &destination).1, "WaitingForPicture", "that comes first");
        assert_eq!(sent(Picture::Proven, &Sending::Connecting).0.severity(), Some(Severity::Info));
        assert_eq!(sent(Picture::Silent("no"), &Sending::Arriving).1, "ServingWithoutSound");
        assert_eq!(livestream(Picture::Untold).0, Status::Unknown);
        assert_eq!(livestream(Picture::Silent("no")), (Status::True, "ServingWithoutSound", "no"));
    }
}
