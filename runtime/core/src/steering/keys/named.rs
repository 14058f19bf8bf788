//! The keys that write nothing, and the number pad: the same on all layouts but for a few.

use super::{Keysym, Layout, VirtualKey};

pub(super) fn of(layout: Layout, key: VirtualKey) -> Option<Keysym> {
    let everywhere = || NAMED.iter().find(|(named, _)| *named == key.0).map(|(_, keysym)| *keysym);
    particular(layout, key).or_else(|| run(key)).or_else(everywhere).map(Keysym)
}

/// Those in which a layout differs, also the keys for its writing system.
fn particular(layout: Layout, key: VirtualKey) -> Option<u32> {
    Some(match (layout, key.0) {
        (Layout::German | Layout::French, 0xa5) => Keysym::ALT_GR.0, // VK_RMENU
        (Layout::German, 0x6e) => 0xffac,                            // VK_DECIMAL: KP_Separator, a comma
        (Layout::Japanese, 0x15 | 0xf2) => 0xff27, // VK_KANA, VK_OEM_COPY: Hiragana_Katakana
        (Layout::Japanese, 0x14 | 0xf0) => 0xff30, // VK_CAPITAL, VK_OEM_ATTN: Eisu_toggle
        (Layout::Japanese, 0x19 | 0xc0 | 0xf3 | 0xf4) => 0xff2a, // VK_KANJI, VK_OEM_3, …: Zenkaku_Hankaku
        (Layout::Japanese, 0xf5) => 0xff24,        // VK_OEM_BACKTAB: Romaji
        _ => return None,
    })
}

/// Those that follow each other in both.
fn run(key: VirtualKey) -> Option<u32> {
    match key.0 {
        0x60..=0x69 => Some(0xffb0 + u32::from(key.0 - 0x60)), // VK_NUMPAD0 to VK_NUMPAD9: KP_0 to KP_9
        0x70..=0x87 => Some(0xffbe + u32::from(key.0 - 0x70)), // VK_F1 to VK_F24
        _ => None,
    }
}

#[rustfmt::skip]
const NAMED: [(u16, u32); 71] = [
    (0x03, 0xff69), // Cancel
    (0x08, 0xff08), // BackSpace
    (0x09, 0xff09), // Tab
    (0x0c, 0xff0b), // Clear
    (0x0d, 0xff0d), // Return
    (0x10, 0xffe1), // Shift_L
    (0x11, 0xffe3), // Control_L
    (0x12, 0xffe9), // Alt_L
    (0x13, 0xff13), // Pause
    (0x14, 0xffe5), // Caps_Lock
    (0x15, 0xff31), // Hangul
    (0x17, 0xff38), // Hangul_Jeonja
    (0x19, 0xff34), // Hangul_Hanja
    (0x1b, 0xff1b), // Escape
    (0x1c, 0xff23), // Henkan
    (0x1d, 0xff22), // Muhenkan
    (0x1f, 0xff7e), // Mode_switch
    (0x20, 0x0020), // space
    (0x21, 0xff55), // Prior
    (0x22, 0xff56), // Next
    (0x23, 0xff57), // End
    (0x24, 0xff50), // Home
    (0x25, 0xff51), // Left
    (0x26, 0xff52), // Up
    (0x27, 0xff53), // Right
    (0x28, 0xff54), // Down
    (0x29, 0xff60), // Select
    (0x2a, 0xff61), // Print
    (0x2b, 0xff62), // Execute
    (0x2c, 0xff61), // Print
    (0x2d, 0xff63), // Insert
    (0x2e, 0xffff), // Delete
    (0x2f, 0xff6a), // Help
    (0x5b, 0xffeb), // Super_L
    (0x5c, 0xffec), // Super_R
    (0x5d, 0xff67), // Menu
    (0x5f, 0x1008_ff2f), // XF86Sleep
    (0x6a, 0xffaa), // KP_Multiply
    (0x6b, 0xffab), // KP_Add
    (0x6c, 0xffac), // KP_Separator
    (0x6d, 0xffad), // KP_Subtract
    (0x6e, 0xffae), // KP_Decimal
    (0x6f, 0xffaf), // KP_Divide
    (0x90, 0xff7f), // Num_Lock
    (0x91, 0xff14), // Scroll_Lock
    (0x92, 0xffbd), // KP_Equal
    (0xa0, 0xffe1), // Shift_L
    (0xa1, 0xffe2), // Shift_R
    (0xa2, 0xffe3), // Control_L
    (0xa3, 0xffe4), // Control_R
    (0xa4, 0xffe9), // Alt_L
    (0xa5, 0xffea), // Alt_R
    (0xa6, 0x1008_ff26), // XF86Back
    (0xa7, 0x1008_ff27), // XF86Forward
    (0xa8, 0x1008_ff73), // XF86Reload
    (0xa9, 0x1008_ff28), // XF86Stop
    (0xaa, 0x1008_ff1b), // XF86Search
    (0xab, 0x1008_ff30), // XF86Favorites
    (0xac, 0x1008_ff18), // XF86HomePage
    (0xad, 0x1008_ff12), // XF86AudioMute
    (0xae, 0x1008_ff11), // XF86AudioLowerVolume
    (0xaf, 0x1008_ff13), // XF86AudioRaiseVolume
    (0xb0, 0x1008_ff17), // XF86AudioNext
    (0xb1, 0x1008_ff16), // XF86AudioPrev
    (0xb2, 0x1008_ff15), // XF86AudioStop
    (0xb3, 0x1008_ff14), // XF86AudioPlay
    (0xb4, 0x1008_ff19), // XF86Mail
    (0xb5, 0x1008_ff32), // XF86AudioMedia
    (0xb6, 0x1008_ff33), // XF86MyComputer
    (0xb7, 0x1008_ff1d), // XF86Calculator
    (0xfa, 0x1008_ff14), // VK_PLAY: XF86AudioPlay
];
