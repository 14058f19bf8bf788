//! Named ways out of a session: which of them are carried out.

use super::Invalid;

/// One that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Livestream {
    pub name: String,
    pub output: Output,
}

/// Where a livestream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Viewers fetch it over WHEP.
    WebRtc,
}

/// One that cannot, by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub name: String,
    pub why: Invalid,
}

impl Output {
    pub const ALL: [Self; 1] = [Self::WebRtc];

    /// As a document writes it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::WebRtc => "webRtc",
        }
    }
}

/// What is carried out from now on, and what is refused of it, when `before` ran: of what is refused, what ran goes on.
pub fn settle(
    before: &[Livestream],
    asked: impl IntoIterator<Item = Result<Livestream, Refused>>,
) -> (Vec<Livestream>, Vec<Refused>) {
    let (mut carried, mut refused) = (Vec::<Livestream>::new(), Vec::new());
    for one in asked {
        let known = |name: &str, among: &[Livestream]| among.iter().find(|l| l.name == name).cloned();
        match one {
            Ok(livestream) if known(&livestream.name, &carried).is_none() => carried.push(livestream),
            Ok(Livestream { name, .. }) => {
                let why = Invalid::new("name", "stands for two livestreams");
                refused.push(Refused { name, why });
            }
            Err(Refused { name, why }) => {
                carried.extend(known(&name, before).filter(|_| known(&name, &carried).is_none()));
                refused.push(Refused { name, why });
            }
        }
    }
    (carried, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> Livestream {
        Livestream { name: name.into(), output: Output::WebRtc }
    }

    fn bad(name: &str) -> Refused {
        Refused { name: name.into(), why: Invalid::new("output", "is not known") }
    }

    #[test]
    fn one_that_cannot_be_carried_out_takes_no_other_along() {
        let (carried, refused) = settle(&[good("gone")], [Ok(good("a")), Err(bad("b")), Ok(good("c"))]);
        assert_eq!((carried, refused), (vec![good("a"), good("c")], vec![bad("b")]));
    }

    #[test]
    fn of_one_that_is_refused_what_ran_goes_on() {
        let (carried, refused) = settle(&[good("b")], [Err(bad("b"))]);
        assert_eq!((carried, refused), (vec![good("b")], vec![bad("b")]));
    }

    #[test]
    fn a_name_stands_for_one() {
        let (carried, refused) = settle(&[], [Ok(good("a")), Ok(good("a"))]);
        assert_eq!(carried, [good("a")]);
        assert_eq!((refused.len(), refused[0].why.field.as_str()), (1, "name"));
    }
}
