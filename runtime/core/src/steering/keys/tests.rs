use std::collections::HashSet;

use super::*;

const LAYOUTS: [Layout; 4] = [Layout::Us, Layout::German, Layout::French, Layout::Japanese];

fn written(layout: Layout, key: u16) -> [Option<Keysym>; 3] {
    let levels = layout.levels(VirtualKey(key)).unwrap();
    [Some(levels.plain), Some(levels.shift), levels.alt_gr]
}

fn characters<const COUNT: usize>(text: [char; COUNT]) -> [Option<Keysym>; COUNT] {
    text.map(|character| Some(character.into()))
}

#[test]
fn a_place_writes_what_the_layout_has_there() {
    assert_eq!(written(Layout::Us, 0x31)[..2], characters(['1', '!']));
    assert_eq!(written(Layout::Us, 0x59)[..2], characters(['y', 'Y']));
    assert_eq!(written(Layout::German, 0x59)[..2], characters(['z', 'Z']));
    assert_eq!(written(Layout::German, 0x51), characters(['q', 'Q', '@']));
    assert_eq!(written(Layout::German, 0xbd), characters(['ß', '?', '\\']));
    assert_eq!(written(Layout::German, 0xe2), characters(['<', '>', '|']));
    assert_eq!(written(Layout::French, 0x51)[..2], characters(['a', 'A']));
    assert_eq!(written(Layout::French, 0x32), characters(['é', '2', '~']));
    assert_eq!(written(Layout::French, 0xba)[..2], characters(['m', 'M']));
    assert_eq!(written(Layout::Japanese, 0x32)[..2], characters(['2', '"']));
    assert_eq!(written(Layout::Japanese, 0xdc)[..2], characters([']', '}']));
    assert_eq!(written(Layout::Japanese, 0xe2)[..2], characters(['\\', '_']));
}

#[test]
fn a_dead_key_is_pressed_as_one() {
    assert_eq!(written(Layout::German, 0xc0)[0], Some(Keysym(0xfe52)));
    assert_eq!(written(Layout::German, 0xbb)[..2], [Some(Keysym(0xfe51)), Some(Keysym(0xfe50))]);
    assert_eq!(written(Layout::French, 0xdb)[..2], [Some(Keysym(0xfe52)), Some(Keysym(0xfe57))]);
}

#[test]
fn what_no_layout_differs_in_is_the_same_on_all() {
    let named = [
        (0x0d, 0xff0d), // Return
        (0x20, 0x0020),
        (0x25, 0xff51), // Left
        (0x60, 0xffb0), // KP_0
        (0x69, 0xffb9), // KP_9
        (0x70, 0xffbe), // F1
        (0x87, 0xffd5), // F24
        (0xa0, 0xffe1), // Shift_L
        (0xa1, 0xffe2), // Shift_R
        (0xa6, 0x1008_ff26),
        (0xb3, 0x1008_ff14),
    ];
    for layout in LAYOUTS {
        for (key, keysym) in named {
            assert_eq!(layout.plain(VirtualKey(key)), Some(Keysym(keysym)), "{layout:?} {key:#x}");
        }
        for key in [0, 0x6a00, 0x88, 0xff, 0x100, 0xffff] {
            assert_eq!(layout.plain(VirtualKey(key)), None, "{layout:?} {key:#x}");
        }
    }
}

#[test]
fn the_right_alt_is_alt_gr_where_a_layout_has_a_third_level() {
    let right_alt = LAYOUTS.map(|layout| layout.plain(VirtualKey(0xa5)));
    let [alt, alt_gr] = [Some(Keysym(0xffea)), Some(Keysym::ALT_GR)];
    assert_eq!(right_alt, [alt, alt_gr, alt_gr, alt]);
}

#[test]
fn a_japanese_keyboard_has_the_keys_of_its_input_method() {
    let plain = |key| Layout::Japanese.plain(VirtualKey(key)).unwrap().0;
    assert_eq!([plain(0x1c), plain(0x1d), plain(0x15)], [0xff23, 0xff22, 0xff27]);
    assert_eq!([plain(0xc0), plain(0x19), plain(0x14)], [0xff2a, 0xff2a, 0xff30]);
}

/// Or the display could not tell which of them is pressed.
#[test]
fn no_two_keys_of_a_layout_write_the_same_when_plain() {
    for (layout, count) in LAYOUTS.into_iter().zip([48, 48, 48, 48]) {
        let plain: HashSet<_> = layout.keyboard().map(|levels| levels.plain).collect();
        assert_eq!((plain.len(), layout.keyboard().count()), (count, count), "{layout:?}");
    }
}

#[test]
fn a_layout_that_is_not_known_is_refused_with_those_that_are() {
    for (name, layout) in Layout::NAMES {
        assert_eq!(name.parse(), Ok(layout));
    }
    let refused = "dvorak".parse::<Layout>().unwrap_err().to_string();
    assert_eq!(refused, r#"no keyboard layout has the name "dvorak", there are us, de, fr, jp"#);
}

#[test]
fn a_character_that_is_typed_has_a_keysym_whatever_the_layout() {
    let typed = ['a', 'ä', 'ÿ', '€', 'Ж', '漢', '😀', '\n', '\t'].map(|character| Keysym::from(character).0);
    let expected = [0x61, 0xe4, 0xff, 0x0100_20ac, 0x0100_0416, 0x0100_6f22, 0x0101_f600, 0xff0d, 0xff09];
    assert_eq!(typed, expected);
}

#[test]
fn shift_control_alt_and_their_like_are_modifiers() {
    for keysym in [Keysym::SHIFT, Keysym::CONTROL, Keysym::ALT, Keysym::SUPER, Keysym::ALT_GR, Keysym(0xffe2)]
    {
        assert!(keysym.is_modifier(), "{keysym:?}");
    }
    for keysym in ['a'.into(), Keysym(0xff0d), Keysym(0xffbe), Keysym(0xffff), Keysym(0xffe0)] {
        assert!(!Keysym::is_modifier(keysym), "{keysym:?}");
    }
}
