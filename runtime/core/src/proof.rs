//! Whether a screen is known to give pictures.
//!
//! ```text
//!            another screen            keyframe
//!   Nothing ───────────────> Awaited ──────────> Proven
//!      ^                       ^  │ ^               │
//!      │ no screen             │  │ └── another ────┤
//!      └── from anywhere       │  v     screen      │
//!                  another ── Failed <──────────────┘ a capture failed
//!                  screen
//! ```

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// There is no screen.
    #[default]
    Nothing,
    /// No picture has come of it yet.
    Awaited,
    Proven,
    /// Why it was not captured. A keyframe makes it good.
    Failed(String),
}

impl Proof {
    /// Another screen, or none: what was seen of the one before says nothing of this one.
    pub fn screen(&mut self, there: bool) {
        *self = if there { Self::Awaited } else { Self::Nothing };
    }

    pub fn keyframe(&mut self) {
        if *self != Self::Nothing {
            *self = Self::Proven;
        }
    }

    /// What was captured when the screen went has failed with it, which is no news.
    pub fn failed(&mut self, why: String) {
        if *self != Self::Nothing {
            *self = Self::Failed(why);
        }
    }

    /// Whether the picture has to be read, with nobody watching as well, to know.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Awaited | Self::Failed(_))
    }

    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Whether somebody who asks for a picture will get one.
    pub const fn shows(&self) -> bool {
        matches!(self, Self::Awaited | Self::Proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_proven_by_a_keyframe_until_it_is_another() {
        let mut proof = Proof::default();
        proof.keyframe();
        assert!(!proof.shows(), "of no screen");
        proof.screen(true);
        assert!(proof.is_open() && proof.shows());
        proof.keyframe();
        assert!(!proof.is_open() && proof.shows());
        proof.screen(true);
        assert!(proof.is_open());
        proof.screen(false);
        assert_eq!(proof, Proof::Nothing);
    }

    #[test]
    fn a_failure_is_told_until_a_keyframe_comes() {
        let mut proof = Proof::Proven;
        proof.failed("no memory".into());
        assert!(proof.is_open() && proof.is_failed() && !proof.shows());
        proof.keyframe();
        assert_eq!(proof, Proof::Proven);
        let mut gone = Proof::Nothing;
        gone.failed("the display went away".into());
        assert_eq!(gone, Proof::Nothing);
    }
}
