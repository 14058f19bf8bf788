//! Sessions of the older socket: a streamer that one client has at a time, who may lose it to another and come back.

use std::time::Duration;

use super::message::{Mode, Told};

/// A session that was created and that nobody has any more waits so long for its client: as long as clients try to come back.
pub const COMES_BACK: Duration = Duration::from_secs(60);

/// What is done about a first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins; whoever asks watches it, or not. `idle`: with nobody for so long it ends.
    Begin { watches: bool, idle: Option<Duration> },
    /// Whoever has it is sent away, and who asks watches it.
    TakeOver,
    /// The socket is told that, and closed.
    Refuse(Told),
    /// The socket is closed: all is as it is to be.
    Leave,
}

/// `mode`: none, if it is no session. `is_there`: a session of that id is.
pub const fn step(mode: Option<Mode>, is_there: bool) -> Step {
    match (mode, is_there) {
        // As it was before there were sessions: it goes with its socket.
        (None, _) => Step::Begin { watches: true, idle: Some(Duration::ZERO) },
        (Some(Mode::Create), false) => Step::Begin { watches: true, idle: Some(COMES_BACK) },
        (Some(Mode::Keepalive), false) => Step::Begin { watches: false, idle: None },
        (Some(Mode::Join), true) => Step::TakeOver,
        (Some(Mode::Create), true) => Step::Refuse(Told::AlreadyStreaming),
        (Some(Mode::Join), false) => Step::Refuse(Told::SessionNotFound),
        (Some(Mode::Keepalive), true) => Step::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_begun_joined_or_kept_as_its_mode_says() {
        let begins = |watches, idle| Step::Begin { watches, idle };
        for (mode, is_there, done) in [
            (None, false, begins(true, Some(Duration::ZERO))),
            (None, true, begins(true, Some(Duration::ZERO))),
            (Some(Mode::Create), false, begins(true, Some(COMES_BACK))),
            (Some(Mode::Create), true, Step::Refuse(Told::AlreadyStreaming)),
            (Some(Mode::Join), false, Step::Refuse(Told::SessionNotFound)),
            (Some(Mode::Join), true, Step::TakeOver),
            (Some(Mode::Keepalive), false, begins(false, None)),
            (Some(Mode::Keepalive), true, Step::Leave),
        ] {
            assert_eq!(step(mode, is_there), done, "{mode:?} {is_there}");
        }
    }
}
