//! Another size or rate of the display, which somebody asks for while the session goes on.
//!
//! It is theirs until the session's document says another one: a document that says what it said before does not take it back,
//! however often it comes.

use crate::spec::{FrameRate, Invalid, Page, Resolution};

/// How often a display is read, at most, that a caller may choose.
const RATES: [u32; 4] = [60, 30, 25, 10];

/// How large the display is, and how often it is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

/// What is asked for; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub refresh_rate: Option<u32>,
}

/// What to do if somebody makes use of the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Courtesy {
    /// They are left in peace.
    Idle,
    /// They go on with the new picture.
    Resize,
}

/// Who makes use of the display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Somebody is shown its picture.
    pub watched: bool,
    pub recorded: bool,
    /// A stream was started by name, whether or not somebody plays it by now.
    pub streamed: bool,
}

/// Why it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no display parameters to update")]
    Nothing,
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("there is no display: the session has no page")]
    NoDisplay,
    #[error("resize refused: live view, recording or stream active")]
    Busy,
}

/// What a caller made of what a document said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resized {
    of: Shape,
    to: Shape,
}

impl Shape {
    pub const fn of(page: &Page) -> Self {
        Self { size: page.size, frame_rate: page.frame_rate }
    }
}

impl Asked {
    /// The shape that it becomes; the same, if that is what it is.
    pub fn decide(self, now: Option<Shape>, courtesy: Courtesy, uses: Uses) -> Result<Shape, Refusal> {
        if self == Self::default() {
            return Err(Refusal::Nothing);
        }
        let now = now.ok_or(Refusal::NoDisplay)?;
        let after = self.applied(now)?;
        let is_used = uses.watched || uses.recorded || uses.streamed;
        match after != now && is_used && courtesy == Courtesy::Idle {
            true => Err(Refusal::Busy),
            false => Ok(after),
        }
    }

    fn applied(self, now: Shape) -> Result<Shape, Invalid> {
        let Self { width, height, refresh_rate } = self;
        for (field, given) in [("width", width), ("height", height)] {
            if given == Some(0) {
                return Err(Invalid::new(field, "must be more than 0 pixels"));
            }
        }
        let [width, height] = [width.unwrap_or(now.size.width()), height.unwrap_or(now.size.height())];
        let size = Resolution::parse("", width, height)?;
        let frame_rate = match refresh_rate {
            None => now.frame_rate,
            Some(rate) if RATES.contains(&rate) => FrameRate::parse("refresh_rate", rate)?,
            Some(rate) => {
                let reason = format!("must be one of {RATES:?}, got {rate}");
                return Err(Invalid::new("refresh_rate", reason));
            }
        };
        Ok(Shape { size, frame_rate })
    }
}

impl Resized {
    /// `before`: what was made earlier of the same document. None: it is as that says.
    pub fn new(before: Option<Self>, now: Shape, to: Shape) -> Option<Self> {
        let of = before.map_or(now, |before| before.of);
        (of != to).then_some(Self { of, to })
    }

    /// What a page is, of which a document says so; none: it says another one than before.
    pub fn applied(self, told: Shape) -> Option<Shape> {
        (self.of == told).then_some(self.to)
    }
}

impl Default for Shape {
    /// Of a page that does not say.
    fn default() -> Self {
        Self { size: Resolution::HD, frame_rate: FrameRate::THIRTY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: u32, height: u32, rate: u32) -> Shape {
        let size = Resolution::parse("", width, height).unwrap();
        Shape { size, frame_rate: FrameRate::parse("", rate).unwrap() }
    }

    fn size(width: u32, height: u32) -> Asked {
        Asked { width: Some(width), height: Some(height), refresh_rate: None }
    }

    fn decide(asked: Asked, courtesy: Courtesy, uses: Uses) -> Result<Shape, String> {
        asked.decide(Some(shape(1280, 720, 30)), courtesy, uses).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_is_not_given_stays() {
        let idle = |asked| decide(asked, Courtesy::Idle, Uses::default());
        assert_eq!(idle(size(800, 600)), Ok(shape(800, 600, 30)));
        assert_eq!(idle(Asked { width: Some(640), ..Asked::default() }), Ok(shape(640, 720, 30)));
        assert_eq!(idle(Asked { refresh_rate: Some(25), ..Asked::default() }), Ok(shape(1280, 720, 25)));
        assert_eq!(idle(Asked::default()), Err("no display parameters to update".to_owned()));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_field() {
        for (asked, words) in [
            (size(312, 600), "width: must be 320 to 3840 pixels, got 312"),
            (size(0, 600), "width: must be more than 0 pixels"),
            (size(800, 232), "height: must be 240 to 2160 pixels, got 232"),
            (size(1366, 768), "width: must be a multiple of 8 pixels, got 1366"),
            (
                Asked { refresh_rate: Some(50), ..Asked::default() },
                "refresh_rate: must be one of [60, 30, 25, 10], got 50",
            ),
        ] {
            assert_eq!(decide(asked, Courtesy::Resize, Uses::default()), Err(words.to_owned()));
        }
        let nowhere = size(800, 600).decide(None, Courtesy::Resize, Uses::default());
        assert_eq!(nowhere, Err(Refusal::NoDisplay));
    }

    #[test]
    fn whoever_makes_use_of_it_is_left_in_peace_unless_the_caller_says_otherwise() {
        let uses = [
            Uses { watched: true, ..Uses::default() },
            Uses { recorded: true, ..Uses::default() },
            Uses { streamed: true, ..Uses::default() },
        ];
        for uses in uses {
            let busy = decide(size(800, 600), Courtesy::Idle, uses).unwrap_err();
            assert!(busy.starts_with("resize refused"), "{busy}");
            assert_eq!(decide(size(800, 600), Courtesy::Resize, uses), Ok(shape(800, 600, 30)));
            let same = decide(size(1280, 720), Courtesy::Idle, uses);
            assert_eq!(same, Ok(shape(1280, 720, 30)), "nobody is disturbed by it");
        }
    }

    #[test]
    fn a_document_takes_it_back_only_by_saying_something_else() {
        let (told, small, other) = (shape(1280, 720, 30), shape(800, 600, 30), shape(640, 480, 30));
        let resized = Resized::new(None, told, small).unwrap();
        assert_eq!(resized.applied(told), Some(small));
        assert_eq!(resized.applied(other), None);
        let again = Resized::new(Some(resized), small, other).unwrap();
        assert_eq!(again.applied(told), Some(other));
        assert_eq!(Resized::new(Some(again), other, told), None, "it is as the document says");
    }
}
