//! The invitation's seat in a session: which one was heard of last, and what became of it.
//!
//! ```text
//! Empty ──desired──> Refused ──no longer desired──> Left
//!                       ^────────────desired──────────┘
//! ```
//! A session of this runtime has no stage to be on: whatever is desired is refused, so nothing of it is ever on a stage.

/// Why an invitation is not carried out.
pub const NO_STAGES: &str = "this runtime has no stages";

/// Of the invitation that was heard of last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// None was heard of.
    #[default]
    Empty,
    Refused {
        id: String,
    },
    /// Nothing of it is on its stage, and nothing will be.
    Left {
        id: String,
    },
}

impl Seat {
    /// The seat once `desired`, or none, is what is desired.
    #[must_use]
    pub fn desire(self, desired: Option<&str>) -> Self {
        match (desired, self) {
            (Some(id), _) => Self::Refused { id: id.to_owned() },
            (None, Self::Refused { id } | Self::Left { id }) => Self::Left { id },
            (None, Self::Empty) => Self::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_that_is_no_longer_desired_was_left_and_stays_so() {
        let heard = Seat::default().desire(Some("a"));
        assert_eq!(heard, Seat::Refused { id: "a".into() });
        let left = heard.desire(None);
        assert_eq!(left, Seat::Left { id: "a".into() });
        assert_eq!(left.clone().desire(None), left);
        assert_eq!(left.desire(Some("b")), Seat::Refused { id: "b".into() });
    }

    #[test]
    fn of_no_invitation_nothing_is_told() {
        assert_eq!(Seat::default().desire(None), Seat::Empty);
    }
}
