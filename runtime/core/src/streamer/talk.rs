//! What goes to and fro on the data channel `desk` of those who steer: who is here, where they point, what was copied
//! (`docs/reference/desk-channel.md`).

use serde::{Deserialize, Serialize};

use crate::steering::seat::Role;

/// Of the channel.
pub const LABEL: &str = "desk";
/// Of a name.
const LONGEST_NAME: usize = 40;
/// Of a message that is told: longer ones are not, and one finds room where nothing waits.
pub const MOST_BYTES: usize = 60_000;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Told {
    /// First: as others know whoever reads it, and what is held here.
    You { id: String, name: String, role: Role, mode: Mode, layout: &'static str, clipboard: bool },
    /// All who are here, whoever reads it included.
    People(Vec<Person>),
    /// Another one points there: 0 to 1 of the picture.
    Cursor { id: String, x: f32, y: f32 },
    /// Who has the seat.
    Host { id: Option<String> },
    /// To the host: somebody asks for the seat.
    Asked { by: String },
    /// What was asked for is not done, in words for a person.
    Refused { reason: String },
    /// Something was copied in the session.
    Clipboard { text: String },
    /// The text that came is in the session's clipboard before whatever is done from now on.
    Copied,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub host: bool,
}

/// Who steers, of those who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Mode {
    Union,
    Host,
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Said {
    /// To be called that.
    Name(String),
    /// The seat.
    Request,
    Release,
    Give {
        to: String,
    },
    Take,
    Clipboard {
        text: String,
    },
}

impl Told {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Said {
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// As others see it: without what cannot be seen, and not longer than fits beside others.
pub fn name(said: &str) -> String {
    let seen = said.trim().chars().filter(|character| !character.is_control() && !is_unseen(*character));
    seen.take(LONGEST_NAME).collect()
}

/// Without a width, or turning others round.
const fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(told: &Told) -> Value {
        serde_json::from_str(&told.text()).unwrap()
    }

    #[test]
    fn what_is_told_has_the_shapes_that_are_written_down() {
        let (id, name) = ("7".to_owned(), "Ada".to_owned());
        let you = Told::You {
            id: id.clone(),
            name: name.clone(),
            role: Role::Control,
            mode: Mode::Host,
            layout: "de",
            clipboard: true,
        };
        let person = Person { id: id.clone(), name, role: Role::View, host: false };
        for (message, shape) in [
            (
                you,
                json!({"You": {"id": "7", "name": "Ada", "role": "Control", "mode": "Host", "layout": "de", "clipboard": true}}),
            ),
            (
                Told::People(vec![person]),
                json!({"People": [{"id": "7", "name": "Ada", "role": "View", "host": false}]}),
            ),
            (
                Told::Cursor { id: id.clone(), x: 0.5, y: 0.25 },
                json!({"Cursor": {"id": "7", "x": 0.5, "y": 0.25}}),
            ),
            (Told::Host { id: None }, json!({"Host": {"id": null}})),
            (Told::Asked { by: id }, json!({"Asked": {"by": "7"}})),
            (Told::Refused { reason: "no".to_owned() }, json!({"Refused": {"reason": "no"}})),
            (Told::Clipboard { text: "ä".to_owned() }, json!({"Clipboard": {"text": "ä"}})),
            (Told::Copied, json!("Copied")),
        ] {
            assert_eq!(told(&message), shape);
        }
    }

    #[test]
    fn what_is_said_is_read_or_is_nothing() {
        for (text, said) in [
            (r#"{"Name":"Ada"}"#, Some(Said::Name("Ada".to_owned()))),
            (r#""Request""#, Some(Said::Request)),
            (r#""Release""#, Some(Said::Release)),
            (r#""Take""#, Some(Said::Take)),
            (r#"{"Give":{"to":"7"}}"#, Some(Said::Give { to: "7".to_owned() })),
            (r#"{"Clipboard":{"text":"a"}}"#, Some(Said::Clipboard { text: "a".to_owned() })),
            (r#"{"Give":{}}"#, None),
            ("Request", None),
            ("{}", None),
        ] {
            assert_eq!(Said::read(text).ok(), said, "{text}");
        }
    }

    #[test]
    fn a_name_is_short_and_can_be_seen() {
        assert_eq!(name("  Ada \u{7}Lovelace\n"), "Ada Lovelace");
        assert_eq!(name(&"ä".repeat(100)), "ä".repeat(40));
        assert_eq!(name(" \t"), "");
        assert_eq!(name("\u{202e}adA\u{200b}"), "adA");
    }
}
