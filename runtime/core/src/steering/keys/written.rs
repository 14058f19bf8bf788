//! The keys that write characters, by layout: what the places write plain, with Shift and with AltGr, as `xkeyboard-config`
//! has it (`us`, `de`, `fr`, `jp(106)`), so that a display with that keymap agrees. Only the second backslash of Japanese keyboards is
//! a yen here, which is what is printed on it: two keys that are the same when plain could not be told from each other.
//!
//! A combining character stands for the dead key of its accent, and a blank for nothing.

use super::{Keysym, Levels, VirtualKey};

/// From the top left: the virtual keys that clients send for the places, row by row.
#[rustfmt::skip]
const PLACES: [u16; 48] = [
    0xc0, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x30, 0xbd, 0xbb,
    0x51, 0x57, 0x45, 0x52, 0x54, 0x59, 0x55, 0x49, 0x4f, 0x50, 0xdb, 0xdd, 0xdc,
    0x41, 0x53, 0x44, 0x46, 0x47, 0x48, 0x4a, 0x4b, 0x4c, 0xba, 0xde,
    0xe2, 0x5a, 0x58, 0x43, 0x56, 0x42, 0x4e, 0x4d, 0xbc, 0xbe, 0xbf,
];
/// Beside the backspace on Japanese keyboards. Browsers' clients have no virtual key for it; this one is free for such keys.
const YEN: VirtualKey = VirtualKey(0xdf);

/// As many rows as [`PLACES`] has, at each level.
pub(super) struct Rows {
    plain: [&'static str; 4],
    shift: [&'static str; 4],
    alt_gr: [&'static str; 4],
    yen: Option<(char, char)>,
}

pub(super) static US: Rows = Rows {
    plain: ["`1234567890-=", r"qwertyuiop[]\", "asdfghjkl;'", "<zxcvbnm,./"],
    shift: ["~!@#$%^&*()_+", "QWERTYUIOP{}|", "ASDFGHJKL:\"", ">ZXCVBNM<>?"],
    alt_gr: ["", "", "", "|"],
    yen: None,
};

pub(super) static GERMAN: Rows = Rows {
    plain: ["\u{302}1234567890ß\u{301}", "qwertzuiopü+#", "asdfghjklöä", "<yxcvbnm,.-"],
    shift: ["°!\"§$%&/()=?\u{300}", "QWERTZUIOPÜ*'", "ASDFGHJKLÖÄ", ">YXCVBNM;:_"],
    alt_gr: ["′¹²³¼½¬{[]}\\\u{327}", "@ſ€¶ŧ←↓→øþ\u{308}~’", "æſðđŋħ\u{323}ĸł\u{30b}\u{302}", "|»«¢„“”µ·…–"],
    yen: None,
};

pub(super) static FRENCH: Rows = Rows {
    plain: ["²&é\"'(-è_çà)=", "azertyuiop\u{302}$*", "qsdfghjklmù", "<wxcvbn,;:!"],
    shift: ["~1234567890°+", "AZERTYUIOP\u{308}£µ", "QSDFGHJKLM%", ">WXCVBN?./§"],
    alt_gr: [
        "¬¹~#{[|`\\^@]}",
        "æ«€¶ŧ←↓→øþ\u{308}¤\u{300}",
        "@ßðđŋħ\u{309}ĸłµ\u{302}",
        "|ł»¢„“”\u{301}•·\u{323}",
    ],
    yen: None,
};

/// Left of the `1` is no character: that key chooses how wide characters are.
pub(super) static JAPANESE: Rows = Rows {
    plain: [" 1234567890-^", "qwertyuiop@[]", "asdfghjkl;:", r"\zxcvbnm,./"],
    shift: [" !\"#$%&'()~=~", "QWERTYUIOP`{}", "ASDFGHJKL+*", "_ZXCVBNM<>?"],
    alt_gr: ["", "", "", ""],
    yen: Some(('¥', '|')),
};

pub(super) fn keys(rows: &'static Rows) -> impl Iterator<Item = (VirtualKey, Levels)> {
    let characters = |level: &[&'static str; 4]| {
        let widths = [13, 13, 11, 11];
        let rows = level.iter().zip(widths);
        let all: Vec<_> =
            rows.flat_map(|(row, width)| row.chars().chain(std::iter::repeat(' ')).take(width)).collect();
        all
    };
    let [plain, shift, alt_gr] = [&rows.plain, &rows.shift, &rows.alt_gr].map(characters);
    let keys = PLACES.map(VirtualKey).into_iter().zip(plain).zip(shift).zip(alt_gr);
    let keys = keys.map(|(((key, plain), shift), alt_gr)| (key, plain, shift, alt_gr));
    let yen = rows.yen.map(|(plain, shift)| (YEN, plain, shift, ' '));
    keys.chain(yen).filter_map(|(key, plain, shift, alt_gr)| {
        let levels = Levels { plain: keysym(plain)?, shift: keysym(shift)?, alt_gr: keysym(alt_gr) };
        Some((key, levels))
    })
}

fn keysym(character: char) -> Option<Keysym> {
    Some(match character {
        ' ' => return None,
        '\u{300}' => Keysym(0xfe50), // dead_grave
        '\u{301}' => Keysym(0xfe51), // dead_acute
        '\u{302}' => Keysym(0xfe52), // dead_circumflex
        '\u{308}' => Keysym(0xfe57), // dead_diaeresis
        '\u{309}' => Keysym(0xfe61), // dead_hook
        '\u{30b}' => Keysym(0xfe59), // dead_doubleacute
        '\u{323}' => Keysym(0xfe60), // dead_belowdot
        '\u{327}' => Keysym(0xfe5b), // dead_cedilla
        other => other.into(),
    })
}
