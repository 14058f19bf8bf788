//! Which pipelines carry the inputs, and how they fare.

use crate::spec::{File, Inputs};

/// What one pipeline delivers. A URL that serves both kinds is opened once, which keeps them in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carries {
    Video,
    Audio,
    Both,
}

/// One pipeline to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub file: File,
    pub carries: Carries,
}

/// How a pipeline fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Starting,
    Playing,
    /// It came to its end and is not repeated: a slate and silence follow.
    Ended,
    Failed(Failure),
}

/// Why a source does not play. Tried again with back-off all the same: the cause may go away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: &'static str,
    pub message: String,
}

/// The pipelines that `inputs` ask for.
pub fn plan(inputs: &Inputs) -> Vec<Plan> {
    let one = |file: &File, carries| Plan { file: file.clone(), carries };
    match (&inputs.video, &inputs.audio) {
        (Some(video), Some(audio)) if video == audio => vec![one(video, Carries::Both)],
        (video, audio) => {
            let video = video.iter().map(|file| one(file, Carries::Video));
            video.chain(audio.iter().map(|file| one(file, Carries::Audio))).collect()
        }
    }
}

impl Carries {
    pub const fn video(self) -> bool {
        matches!(self, Self::Video | Self::Both)
    }

    pub const fn audio(self) -> bool {
        matches!(self, Self::Audio | Self::Both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Location, Repeat};

    fn file(name: &str) -> File {
        File { location: Location::Bundled(name.into()), repeat: Repeat::Forever }
    }

    #[test]
    fn one_file_for_both_is_opened_once() {
        let both = plan(&Inputs { video: Some(file("a")), audio: Some(file("a")) });
        assert_eq!(both, [Plan { file: file("a"), carries: Carries::Both }]);
    }

    #[test]
    fn two_files_are_two_pipelines_and_none_is_none() {
        let two = plan(&Inputs { video: Some(file("a")), audio: Some(file("b")) });
        assert_eq!(two.iter().map(|p| p.carries).collect::<Vec<_>>(), [Carries::Video, Carries::Audio]);
        assert_eq!(plan(&Inputs::default()), []);
    }
}
