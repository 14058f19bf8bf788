//! Many people at one keyboard, one pointer and one touch screen: what their messages say, and what of it is done.
//!
//! A message of a data channel becomes an [`Input`] (`wire`), whoever may steer has it taken into the union of all who
//! do, and what comes out are [`Act`]s on the display, of which [`hands`] make strokes of keys and buttons. Nothing here speaks X.

pub mod allowance;
pub mod clipboard;
pub mod keys;
pub mod line;
pub mod seat;
pub mod wire;

pub mod keymap;
pub mod union;

pub mod hands;

/// One of those who look on and may steer, for as long as it is here. Never given twice by one runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u64);

/// What one message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Key {
        motion: Motion,
        key: VirtualKey,
        modifiers: Modifiers,
    },
    /// Characters, whatever keyboard they came from.
    Text(String),
    /// By as many pixels of the display.
    Move {
        dx: i16,
        dy: i16,
    },
    Point(Place),
    Button {
        motion: Motion,
        button: Button,
    },
    Scroll(Scroll),
    Touch {
        id: u32,
        contact: Contact,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Down,
    Up,
}

/// A virtual-key code of Windows, which is what browsers' clients send (`VK_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualKey(pub u16);

/// As the client had them held when it sent a key: bit 0 Shift, 1 Control, 2 Alt, 3 Meta.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers(pub u8);

/// A place on the picture: 0 to 1 from its left and from its top, never outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub x: f32,
    pub y: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Button {
    Left,
    Middle,
    Right,
    Back,
    Forward,
}

/// In 1/120 of a notch; positive to the right and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    pub dx: i32,
    pub dy: i32,
}

/// What a finger does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contact {
    Down(Place),
    Move(Place),
    /// Also of a touch that was cancelled.
    Up,
}

/// A name of what a key writes or does: a keysym of X (`keysymdef.h`; characters beyond Latin-1 are `0x0100_0000` plus their
/// code point).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keysym(pub u32);

/// What the display is to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Press(Keysym),
    Release(Keysym),
    /// One character typed whole, whatever is held meanwhile.
    Type(char),
    Move {
        dx: i16,
        dy: i16,
    },
    Point(Place),
    PressButton(Button),
    ReleaseButton(Button),
    Scroll(Scroll),
    /// Of a finger of one peer, numbered so that no two fingers of different peers are the same.
    Touch {
        id: u32,
        contact: Contact,
    },
}
