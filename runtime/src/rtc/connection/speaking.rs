//! What is said on data channels, where there may be any.

use std::time::{Duration, Instant};

use super::super::channels::{Channels, Spoken};
use super::super::desk::{Message, Told};
use super::{Connection, State};

impl Connection {
    /// It may have data channels from now on, whose timers are looked at that often.
    pub fn opens_channels(&mut self, rest: Duration) {
        (self.channels, self.rest) = (Some(Channels::default()), rest);
    }

    /// When anything came from where the peer is.
    pub fn present(&self) -> Instant {
        self.present
    }

    pub fn channels_wake_at(&self) -> Option<Instant> {
        self.channels.as_ref().and_then(Channels::wake_at)
    }

    /// Opens ours, when it is time.
    pub fn elapse_channels(&mut self, now: Instant) {
        let Some(mut channels) = self.channels.take() else { return };
        self.guarded(|stack| channels.elapse(stack, now));
        self.channels = Some(channels);
    }

    /// What came since the last call.
    pub fn take_heard(&mut self) -> Vec<Told> {
        self.channels.as_mut().map(Channels::take_heard).unwrap_or_default()
    }

    pub fn say(&mut self, label: &str, message: Message, now: Instant) -> Spoken {
        let mut spoken = Spoken::Lost;
        if self.state != State::Live {
            return spoken;
        }
        let Some(channels) = self.channels.take() else { return spoken };
        self.guarded(|stack| {
            spoken = channels.say(stack, label, message, now)?;
            Ok(())
        });
        self.channels = Some(channels);
        spoken
    }
}
