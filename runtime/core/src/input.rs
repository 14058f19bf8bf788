//! Which pipelines carry the inputs, how they fare, and who steers them.

mod control;
pub mod intake;
pub mod limit;
pub mod lipsync;
pub mod missed;
pub mod pace;
pub mod playout;
pub mod rest;
pub mod watch;

use crate::media::Kind;
use crate::spec::{Destination, Inputs, Shape, Source};

pub use crate::failure::Failure;
pub use control::{Control, Refusal, State, Steer};

/// What one pipeline delivers. A source that serves both kinds is opened once, which keeps them in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carries {
    Video,
    Audio,
    Both,
}

/// One pipeline to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub source: Source,
    pub carries: Carries,
    /// How its picture is brought into shape.
    pub shape: Shape,
    /// Where its sound goes.
    pub destination: Destination,
}

/// How a pipeline fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Starting,
    /// It waits for somebody to send.
    Waiting,
    Playing,
    /// It was seen to play and is there, and nothing of it is decoded: nobody looks or listens.
    Resting,
    /// Of two kinds that are wanted one plays, and this is why the other does not.
    Partial(Failure),
    /// It plays, and nothing has arrived for a while: a slate and silence meanwhile.
    Stalled,
    /// It came to its end and is not repeated: a slate and silence follow.
    Ended,
    Failed(Failure),
}

/// The pipelines that `inputs` ask for.
pub fn plan(inputs: &Inputs) -> Vec<Plan> {
    let shape = inputs.video.as_ref().map(|video| video.shape).unwrap_or_default();
    let destination = inputs.audio.as_ref().map(|audio| audio.destination).unwrap_or_default();
    let one = |source: &Source, carries| Plan { source: source.clone(), carries, shape, destination };
    match (&inputs.video, &inputs.audio) {
        (Some(video), Some(audio)) if video.source == audio.source && video.source != Source::Socket => {
            vec![one(&video.source, Carries::Both)]
        }
        (video, audio) => {
            let video = video.iter().map(|video| one(&video.source, Carries::Video));
            video.chain(audio.iter().map(|audio| one(&audio.source, Carries::Audio))).collect()
        }
    }
}

/// How something that is sent to the session reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Socket,
    WebRtc,
}

/// What is expected to be sent to the session, as picture and as sound.
pub fn realtime(inputs: Option<&Inputs>) -> (Option<Protocol>, Option<Protocol>) {
    let protocol = |source: &Source| match source {
        Source::Socket => Some(Protocol::Socket),
        Source::WebRtc => Some(Protocol::WebRtc),
        Source::File(_) | Source::Stream(_) => None,
    };
    let video = inputs.and_then(|inputs| inputs.video.as_ref()).and_then(|video| protocol(&video.source));
    let audio = inputs.and_then(|inputs| inputs.audio.as_ref()).and_then(|audio| protocol(&audio.source));
    (video, audio)
}

impl Carries {
    pub const fn video(self) -> bool {
        matches!(self, Self::Video | Self::Both)
    }

    pub const fn audio(self) -> bool {
        matches!(self, Self::Audio | Self::Both)
    }

    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Video => &[Kind::Video],
            Self::Audio => &[Kind::Audio],
            Self::Both => &[Kind::Video, Kind::Audio],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{AudioInput, File, Location, Repeat, VideoInput};

    fn file(name: &str) -> Source {
        Source::File(File { location: Location::Bundled(name.into()), repeat: Repeat::Forever })
    }

    fn inputs(video: Option<Source>, audio: Option<Source>) -> Inputs {
        let destination = Destination::Speaker;
        Inputs {
            video: video.map(|source| VideoInput { source, shape: Shape::default() }),
            audio: audio.map(|source| AudioInput { source, destination }),
            start_paused: false,
        }
    }

    fn carries(video: Option<Source>, audio: Option<Source>) -> Vec<Carries> {
        plan(&inputs(video, audio)).iter().map(|plan| plan.carries).collect()
    }

    #[test]
    fn one_source_for_both_is_opened_once() {
        assert_eq!(carries(Some(file("a")), Some(file("a"))), [Carries::Both]);
        assert_eq!(carries(Some(Source::WebRtc), Some(Source::WebRtc)), [Carries::Both]);
    }

    #[test]
    fn two_sources_are_two_pipelines_and_none_is_none() {
        assert_eq!(carries(Some(file("a")), Some(file("b"))), [Carries::Video, Carries::Audio]);
        assert_eq!(plan(&Inputs::default()), []);
    }

    #[test]
    fn each_kind_has_a_socket_of_its_own() {
        assert_eq!(carries(Some(Source::Socket), Some(Source::Socket)), [Carries::Video, Carries::Audio]);
    }

    #[test]
    fn sound_goes_where_it_is_sent() {
        let plans = plan(&inputs(None, Some(file("a"))));
        assert_eq!(plans[0].destination, Destination::Speaker);
    }
}
