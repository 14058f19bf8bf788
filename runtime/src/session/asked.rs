//! What the session was asked to be, as far as it is carried out, and its answer.

use std::time::Instant;

use tokio::sync::watch;
use understudy_core::invitation::{Seat, Wishes};
use understudy_core::report::Stance;
use understudy_core::resize::Resized;
use understudy_core::spec::{Session, Sharing};
use understudy_proto::v1;

/// Whose picture and sound the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// A browser's.
    Page,
    /// What is fetched from an origin, as it is: nothing of this machine is needed.
    Origin,
    /// What the inputs carry: neither a browser nor a display is needed.
    Inputs,
    Nothing,
}

#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) stance: Stance,
    pub(super) generation: u64,
    pub(super) session: Session,
    /// That of the session, for those who carry it out.
    pub(super) sharing: watch::Sender<Sharing>,
    /// Who invites it, and where that has led.
    pub(super) wishes: Wishes,
    pub(super) seat: Seat,
    /// Since when there is no operator that was there before.
    pub(super) alone_since: Option<Instant>,
    pub(super) refusals: Vec<v1::Refusal>,
    /// What somebody made of the display.
    pub(super) resized: Option<Resized>,
}
