//! Who may connect to the display: whoever runs as its user, as the browser, the capture and what is started beside them do. Left
//! to itself Xvfb lets in every user of the machine, to look on and to type.
//!
//! With a cookie (MIT-MAGIC-COOKIE-1, Xsecurity(7)) nobody else is let in; the one who has it then lets in its own user (the X
//! protocol's ChangeHosts, server-interpreted), so that no other program needs to know it.

use std::io;
use std::path::Path;

use tokio::io::AsyncWriteExt;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt, Family, HostMode};

use crate::x11;

/// An entry of this family is for every display (`FamilyWild` of Xauth.h).
const EVERY_DISPLAY: u16 = 0xffff;

pub(super) type Cookie = [u8; 16];

pub(super) fn cookie() -> Cookie {
    rand::random()
}

/// As Xvfb reads it: for nobody else.
pub(super) async fn write(path: &Path, cookie: &Cookie) -> io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).await?;
    file.write_all(&entry(cookie)).await?;
    file.flush().await
}

/// Lets in whoever has the same user as the display.
pub(super) async fn admit_its_user(number: &str, cookie: Cookie) -> io::Result<()> {
    let display = format!(":{number}");
    let admit = move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (connection, _) = x11::connect(&display, &cookie)?;
        let user = format!("localuser\0#{}", nix::unistd::geteuid());
        connection.change_hosts(HostMode::INSERT, Family::SERVER_INTERPRETED, user.as_bytes())?.check()?;
        connection.flush()?;
        Ok(())
    };
    tokio::task::spawn_blocking(admit).await.map_err(io::Error::other)?.map_err(io::Error::other)
}

/// Family, address, number, name and data, each but the first with its length ahead of it (Xau(3)).
fn entry(cookie: &Cookie) -> Vec<u8> {
    let mut entry = EVERY_DISPLAY.to_be_bytes().to_vec();
    for field in [b"".as_slice(), b"", x11::COOKIE.as_bytes(), cookie] {
        entry.extend(u16::try_from(field.len()).unwrap_or_default().to_be_bytes());
        entry.extend(field);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_for_every_display() {
        let entry = entry(&[7; 16]);
        assert_eq!(&entry[..8], b"\xff\xff\0\0\0\0\0\x12");
        assert_eq!(&entry[8..26], *b"MIT-MAGIC-COOKIE-1");
        assert_eq!(&entry[26..28], b"\0\x10");
        assert_eq!(&entry[28..], [7; 16]);
    }
}
