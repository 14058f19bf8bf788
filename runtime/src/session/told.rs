//! What is told by a value that is watched.

use tokio::sync::{mpsc, watch};

use super::Mail;

/// Whether it was another one.
pub(super) fn replace<T: PartialEq>(place: &watch::Sender<T>, value: T) -> bool {
    place.send_if_modified(|current| {
        let changed = *current != value;
        *current = value;
        changed
    })
}

/// Tells the session of each change of a value, until either is gone.
pub(super) async fn forward<T>(
    mut value: watch::Receiver<T>,
    mailbox: mpsc::Sender<Mail>,
    message: fn() -> Mail,
) {
    while value.changed().await.is_ok() {
        if mailbox.send(message()).await.is_err() {
            return;
        }
    }
}
