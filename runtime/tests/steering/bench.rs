//! A display with a desk, and what is down there as the server says.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use understudy_core::spec::Resolution;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::{Input, Modifiers, Motion, Peer, VirtualKey};
use understudy_e2e::wait;
use understudy_runtime::display::{self, Display};
use understudy_runtime::steering::{Desk, Metrics};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, KeyButMask};
use x11rb::rust_connection::RustConnection;

/// Of what takes milliseconds, on a machine that does more than this.
pub const SOON: Duration = Duration::from_secs(10);

pub const SIZE: (u32, u32) = (800, 600);

pub struct Bench {
    pub desk: Desk,
    pub display: Display,
    pub home: TempDir,
}

impl Bench {
    pub async fn open(layout: Layout) -> Self {
        let home = tempfile::tempdir().unwrap();
        let display = display(home.path(), SIZE).await;
        let desk = Desk::open(layout, Metrics::default()).unwrap();
        desk.show(Some(display.name.clone()));
        let mut screen = desk.screen();
        tokio::time::timeout(SOON, screen.wait_for(Option::is_some)).await.unwrap().unwrap();
        Self { desk, display, home }
    }

    /// Waits until just that is down.
    pub async fn holds(&self, wanted: &[&str]) {
        wait::until(SOON, || async {
            let held = held(&self.display);
            (held == wanted).then_some(()).ok_or_else(|| format!("{held:?} is held"))
        })
        .await;
    }
}

pub async fn display(home: &Path, (width, height): (u32, u32)) -> Display {
    display::start(Resolution::parse("size", width, height).unwrap(), None, home).await.unwrap()
}

/// By what they write, in the order of their codes; then the buttons that the server tells of.
pub fn held(display: &Display) -> Vec<String> {
    let (connection, number) = RustConnection::connect(Some(&display.name)).unwrap();
    let keys = connection.query_keymap().unwrap().reply().unwrap().keys;
    let down = (8..=u8::MAX).filter(|code| keys[usize::from(code / 8)] >> (code % 8) & 1 == 1);
    let writes = |code| connection.get_keyboard_mapping(code, 1).unwrap().reply().unwrap().keysyms[0];
    let mut held: Vec<_> = down.map(writes).map(name).collect();
    let root = connection.setup().roots[number].root;
    let mask = connection.query_pointer(root).unwrap().reply().unwrap().mask;
    held.extend(mask.contains(KeyButMask::BUTTON1).then(|| "button 1".to_owned()));
    held
}

fn name(keysym: u32) -> String {
    match keysym {
        0xffe1 => "Shift".to_owned(),
        other => char::from_u32(other).map_or_else(|| format!("{other:#x}"), String::from),
    }
}

pub fn key(motion: Motion, key: u16) -> Input {
    Input::Key { motion, key: VirtualKey(key), modifiers: Modifiers(0) }
}

pub fn text(text: &str) -> Input {
    Input::Text(text.to_owned())
}

pub fn tap(desk: &Desk, peer: Peer, virtual_key: u16) {
    for motion in [Motion::Down, Motion::Up] {
        desk.input(peer, key(motion, virtual_key));
    }
}
