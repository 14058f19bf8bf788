//! What the messages of the data channels say: the binary encodings (big-endian) that browsers' clients send, and the text that
//! this side sends on `general`.
//!
//! Whatever is short, over-long or unknown is [`Malformed`], which the caller passes over: a message that is not understood
//! never ends a session. Gamepads are refused with a word, since there is no device to move.

use super::{Button, Contact, Input, Modifiers, Motion, Place, Scroll, VirtualKey};

/// One notch of a wheel.
const NOTCH: i32 = 120;

/// What a data channel is for, which its label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    General,
    Keyboard,
    Mouse,
    Touch,
    Controllers,
    Controller(u8),
}

/// What this side says on [`Channel::General`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    ConnectionTerminated,
    ConnectionOk,
    ConnectionPoor,
}

/// Why a message says nothing: always the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the message has {has} bytes, it should have {should}")]
    Length { has: usize, should: usize },
    #[error("the message is empty")]
    Empty,
    #[error("no {what} has the number {number}")]
    Unknown { what: &'static str, number: u8 },
    #[error("the picture that a place is on has no width or no height")]
    NoPicture,
    #[error("a place is not a number")]
    NotANumber,
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the text has the control character {0:?}")]
    Control(char),
    #[error("gamepads are not taken: there is no device to move")]
    Gamepad,
    #[error("nothing is asked for on this channel")]
    NothingAsked,
}

impl Channel {
    /// None: a channel that nothing is known of.
    pub fn of(label: &str) -> Option<Self> {
        Some(match label {
            "general" => Self::General,
            "keyboard" => Self::Keyboard,
            // Newer clients have a channel for each way to move: unordered, without repetition, but for what must arrive.
            "mouse" | "mouse_relative" | "mouse_absolute" | "mouse_reliable" => Self::Mouse,
            "touch" => Self::Touch,
            "controllers" => Self::Controllers,
            _ => Self::Controller(label.strip_prefix("controller")?.parse().ok()?),
        })
    }

    pub fn read(self, message: &[u8]) -> Result<Input, Malformed> {
        match self {
            Self::General => Err(Malformed::NothingAsked),
            Self::Keyboard => keyboard(message),
            Self::Mouse => mouse(message),
            Self::Touch => touch(message),
            Self::Controllers | Self::Controller(_) => Err(Malformed::Gamepad),
        }
    }
}

impl Notice {
    /// JSON, sent as text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ConnectionTerminated => r#""ConnectionTerminated""#,
            Self::ConnectionOk => r#"{"ConnectionStatusUpdate":{"status":"Ok"}}"#,
            Self::ConnectionPoor => r#"{"ConnectionStatusUpdate":{"status":"Poor"}}"#,
        }
    }
}

/// `0, down: u8, modifiers: u8, key: u16` or `1, bytes: u8, UTF-8`.
pub fn keyboard(message: &[u8]) -> Result<Input, Malformed> {
    let (kind, body) = split(message)?;
    match kind {
        0 => {
            let [down, modifiers, high, low] = exactly(body)?;
            let key = VirtualKey(u16::from_be_bytes([high, low]));
            Ok(Input::Key { motion: motion(down)?, key, modifiers: Modifiers(modifiers) })
        }
        1 => text(body).map(Input::Text),
        number => Err(Malformed::Unknown { what: "kind of a keyboard's message", number }),
    }
}

/// `0, dx: i16, dy: i16` by pixels; `1, x: i16, y: i16, width: i16, height: i16` on a picture of that size; `2, down: u8,
/// button: u8`; `3, dx: i16, dy: i16` in 1/120 of a notch; `4, dx: i8, dy: i8` in notches. Positive scrolls right and down.
pub fn mouse(message: &[u8]) -> Result<Input, Malformed> {
    let (kind, body) = split(message)?;
    match kind {
        0 => numbers(body).map(|[dx, dy]| Input::Move { dx, dy }),
        1 => {
            let [x, y, width, height] = numbers(body)?;
            if width <= 0 || height <= 0 {
                return Err(Malformed::NoPicture);
            }
            place(f32::from(x) / f32::from(width), f32::from(y) / f32::from(height)).map(Input::Point)
        }
        2 => {
            let [down, number] = exactly(body)?;
            Ok(Input::Button { motion: motion(down)?, button: button(number)? })
        }
        3 => {
            let [dx, dy] = numbers(body)?.map(i32::from);
            Ok(Input::Scroll(Scroll { dx, dy }))
        }
        4 => {
            let [dx, dy] = exactly(body)?.map(|notches| i32::from(notches.cast_signed()) * NOTCH);
            Ok(Input::Scroll(Scroll { dx, dy }))
        }
        number => Err(Malformed::Unknown { what: "kind of a mouse's message", number }),
    }
}

/// `kind: u8 (0 down, 1 move, 2 up or cancelled), id: u32, x, y, pressure, major, minor: f32, rotation: u16`, of which the
/// place is 0 to 1 of the picture, and nothing is made of what comes after it.
pub fn touch(message: &[u8]) -> Result<Input, Malformed> {
    let message: [u8; 27] = exactly(message)?;
    let [kind, a, b, c, d, x0, x1, x2, x3, y0, y1, y2, y3, ..] = message;
    let at = || place(f32::from_be_bytes([x0, x1, x2, x3]), f32::from_be_bytes([y0, y1, y2, y3]));
    let contact = match kind {
        0 => Contact::Down(at()?),
        1 => Contact::Move(at()?),
        // Wherever that is: a finger must not stay for the sake of its last place.
        2 => Contact::Up,
        number => return Err(Malformed::Unknown { what: "kind of a touch", number }),
    };
    Ok(Input::Touch { id: u32::from_be_bytes([a, b, c, d]), contact })
}

fn split(message: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    message.split_first().map(|(kind, body)| (*kind, body)).ok_or(Malformed::Empty)
}

fn exactly<const BYTES: usize>(body: &[u8]) -> Result<[u8; BYTES], Malformed> {
    body.try_into().map_err(|_| Malformed::Length { has: body.len(), should: BYTES })
}

fn numbers<const COUNT: usize>(body: &[u8]) -> Result<[i16; COUNT], Malformed> {
    let (pairs, rest) = body.as_chunks::<2>();
    let numbers: Option<&[[u8; 2]; COUNT]> = pairs.try_into().ok().filter(|_| rest.is_empty());
    let numbers = numbers.ok_or(Malformed::Length { has: body.len(), should: COUNT * 2 })?;
    Ok(numbers.map(i16::from_be_bytes))
}

fn motion(down: u8) -> Result<Motion, Malformed> {
    match down {
        0 => Ok(Motion::Up),
        1 => Ok(Motion::Down),
        number => Err(Malformed::Unknown { what: "motion", number }),
    }
}

fn button(number: u8) -> Result<Button, Malformed> {
    Ok(match number {
        1 => Button::Left,
        2 => Button::Middle,
        3 => Button::Right,
        4 => Button::Back,
        5 => Button::Forward,
        number => return Err(Malformed::Unknown { what: "button", number }),
    })
}

/// What is outside is at the edge: a pointer that is dragged out of the picture is still down.
fn place(x: f32, y: f32) -> Result<Place, Malformed> {
    if x.is_nan() || y.is_nan() {
        return Err(Malformed::NotANumber);
    }
    Ok(Place { x: x.clamp(0.0, 1.0), y: y.clamp(0.0, 1.0) })
}

fn text(body: &[u8]) -> Result<String, Malformed> {
    let (bytes, text) = split(body)?;
    if text.len() != usize::from(bytes) {
        return Err(Malformed::Length { has: text.len(), should: bytes.into() });
    }
    let text = str::from_utf8(text).map_err(|_| Malformed::NotUtf8)?;
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(control) => Err(Malformed::Control(control)),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
