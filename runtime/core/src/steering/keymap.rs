//! Which key of a display writes what: the keys that it has, and spare ones that are given what no other writes, those that have
//! rested longest first.
//!
//! Only keys that have no meaning of their own are spare: browsers take some by their code alone (a key that was "back" goes back,
//! whatever it is made to write), so that media and browser keys are left as they are.

use super::Keysym;

/// What a key writes alone, and with Shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub plain: Keysym,
    pub shifted: Keysym,
}

/// Keycodes of evdev that have no symbols on the usual keyboard and a place on others', by which browsers take them: F19, F24, and
/// keys of Japanese and Korean keyboards.
const PLACED: [u8; 6] = [93, 97, 103, 132, 197, 202];

#[derive(Debug)]
pub struct Keymap {
    keys: Vec<Key>,
    /// The one that has rested longest first.
    spare: Vec<Spare>,
}

#[derive(Debug)]
struct Key {
    code: u8,
    writes: Pair,
}

#[derive(Debug)]
struct Spare {
    code: u8,
    writes: Option<Pair>,
}

/// A key that was spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub code: u8,
    /// Whether the display has yet to be told.
    pub is_new: bool,
}

impl Pair {
    /// As keyboards have it: a letter is a capital with Shift, all else stays what it is.
    pub fn of(keysym: Keysym) -> Self {
        Self { plain: keysym, shifted: capital(keysym).unwrap_or(keysym) }
    }

    /// The same with Shift and without, whatever is locked.
    pub const fn same(keysym: Keysym) -> Self {
        Self { plain: keysym, shifted: keysym }
    }
}

impl Keymap {
    /// Of symbols as the display tells them (`GetKeyboardMapping`), `width` for each code from `first` on, 0 for none; with its
    /// number lock on. Whatever those keys write that were spare before, they are spare again.
    pub fn read(first: u8, width: usize, symbols: &[u32], before: &[u8]) -> Self {
        let mut map = Self { keys: Vec::new(), spare: Vec::new() };
        for (code, row) in (first..=u8::MAX).zip(symbols.chunks_exact(width.max(1))) {
            let [plain, shifted] = [0, 1].map(|level| Keysym(row.get(level).copied().unwrap_or_default()));
            if before.contains(&code) || row.iter().all(|symbol| *symbol == 0) {
                if !PLACED.contains(&code) {
                    map.spare.push(Spare { code, writes: None });
                }
            } else if plain.0 != 0 {
                let shifted = if shifted.0 == 0 { Pair::of(plain).shifted } else { shifted };
                // A digit of the keypad is what its key writes while numbers are locked.
                let writes = if is_keypad_digit(shifted) {
                    Pair { plain: shifted, shifted: plain }
                } else {
                    Pair { plain, shifted }
                };
                map.keys.push(Key { code, writes });
            }
        }
        map
    }

    /// In no order.
    pub fn spare(&self) -> impl Iterator<Item = u8> {
        self.spare.iter().map(|spare| spare.code)
    }

    /// The display's own key that writes this alone.
    pub fn plain(&self, keysym: Keysym) -> Option<u8> {
        self.keys.iter().find(|key| key.writes.plain == keysym).map(|key| key.code)
    }

    /// The display's own key that writes this with Shift.
    pub fn shifted(&self, keysym: Keysym) -> Option<u8> {
        self.keys.iter().find(|key| key.writes.shifted == keysym).map(|key| key.code)
    }

    /// The display's own key that writes just this pair.
    pub fn pair(&self, pair: Pair) -> Option<u8> {
        self.keys.iter().find(|key| key.writes == pair).map(|key| key.code)
    }

    /// A spare key that writes it from now on: one that does already, or the one that has rested longest of those that are `free`.
    pub fn bind(&mut self, pair: Pair, free: impl Fn(u8) -> bool) -> Option<Bound> {
        let bound = |spare: &Spare| spare.writes == Some(pair) && free(spare.code);
        let found = self.spare.iter().position(bound);
        let at = found.or_else(|| self.spare.iter().position(|spare| free(spare.code)))?;
        let Spare { code, .. } = self.spare.remove(at);
        self.spare.push(Spare { code, writes: Some(pair) });
        Some(Bound { code, is_new: found.is_none() })
    }
}

/// The character that a keysym writes, if it is one of those.
fn character(Keysym(symbol): Keysym) -> Option<char> {
    match symbol {
        0x20..=0x7e | 0xa0..=0xff => char::from_u32(symbol),
        0x0100_0100..=0x0110_ffff => char::from_u32(symbol & 0x00ff_ffff),
        _ => None,
    }
}

/// Of a small letter, if its capital is one character.
fn capital(symbol: Keysym) -> Option<Keysym> {
    let mut capital = character(symbol)?.to_uppercase();
    let first = capital.next()?;
    capital.next().is_none().then(|| first.into())
}

/// Whether there is a capital and a small one of it.
pub(super) fn is_letter(symbol: Keysym) -> bool {
    character(symbol).is_some_and(|one| one.is_lowercase() || one.is_uppercase())
}

/// `KP_0` to `KP_9`, and the point among them.
const fn is_keypad_digit(Keysym(symbol): Keysym) -> bool {
    matches!(symbol, 0xffb0..=0xffb9 | 0xffae | 0xffac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Keysym = Keysym(0x61);
    const CAPITAL_A: Keysym = Keysym(0x41);

    /// A letter at 91, a digit of the keypad at 95; 92 and 94 are spare, 93 has a place.
    fn map() -> Keymap {
        Keymap::read(91, 2, &[0x61, 0x41, 0, 0, 0, 0, 0, 0, 0xff95, 0xffb7], &[])
    }

    #[test]
    fn a_key_is_found_by_what_it_writes() {
        let map = map();
        assert_eq!(map.plain(A), Some(91));
        assert_eq!(map.shifted(CAPITAL_A), Some(91));
        assert_eq!(map.pair(Pair::of(A)), Some(91));
        assert_eq!((map.plain(CAPITAL_A), map.shifted(A)), (None, None));
        assert_eq!(map.pair(Pair::same(A)), None);
    }

    #[test]
    fn a_letter_alone_has_its_capital() {
        let map = Keymap::read(8, 3, &[0x61, 0, 0], &[]);
        assert_eq!(map.shifted(CAPITAL_A), Some(8));
        let sharp_s = Keysym::from('ß');
        assert_eq!(Pair::of(sharp_s), Pair::same(sharp_s), "two characters are no capital");
        assert_eq!(Pair::of(Keysym::from('ж')).shifted, Keysym::from('Ж'));
        assert_eq!(Pair::of(Keysym(0xfe51)), Pair::same(Keysym(0xfe51)), "dead keys have none");
    }

    #[test]
    fn a_digit_of_the_keypad_is_written_alone() {
        let map = map();
        assert_eq!(map.plain(Keysym(0xffb7)), Some(95));
        assert_eq!(map.shifted(Keysym(0xff95)), Some(95));
    }

    #[test]
    fn a_spare_key_is_given_again_only_when_all_others_were_used_since() {
        let mut map = map();
        let mut bind = |character| map.bind(Pair::of(Keysym::from(character)), |_| true);
        let bound = |code, is_new| Some(Bound { code, is_new });
        assert_eq!(bind('ж'), bound(92, true));
        assert_eq!(bind('漢'), bound(94, true));
        assert_eq!(bind('ж'), bound(92, false));
        assert_eq!(bind('字'), bound(94, true));
        assert_eq!(bind('漢'), bound(92, true));
    }

    #[test]
    fn a_key_that_was_spare_before_is_spare_again() {
        let map = Keymap::read(91, 1, &[0x61, 0x436], &[92]);
        assert_eq!((map.plain(Keysym(0x436)), map.spare().collect::<Vec<_>>()), (None, vec![92]));
    }

    #[test]
    fn a_key_that_is_held_is_never_given_away() {
        let mut map = map();
        assert_eq!(
            map.bind(Pair::of(Keysym::from('ж')), |code| code != 92).map(|bound| bound.code),
            Some(94)
        );
        assert_eq!(map.bind(Pair::of(Keysym::from('я')), |_| false), None);
    }
}
