//! What a viewer asks for again.

use std::time::Instant;

use understudy_core::fanout::history::History;

use super::super::feedback::Missing;
use super::Viewer;

/// What came of packets that were asked for again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Answered {
    pub sent: u64,
    /// On their way already, or too many.
    pub refused: u64,
}

impl Viewer {
    /// The very packets that were sent before, one after the other. What was sent before it was shown another picture is not:
    /// the hub's packets of now must never go out under those numbers.
    pub fn again(
        &mut self,
        missing: &[Missing],
        history: &History,
        now: Instant,
        mut send: impl FnMut(&[u8]) -> bool,
    ) -> Answered {
        let mut answered = Answered::default();
        let (Some(sealer), Some(stream)) = (&mut self.sealer, &mut self.streams.video) else {
            return answered;
        };
        let (ssrc, mut bytes) = (stream.ssrc(), Vec::new());
        for missing in missing.iter().filter(|missing| missing.ssrc == ssrc) {
            let Some((index, number)) = stream.find(missing.sequence) else { continue };
            let history = match &self.begun {
                Some(begun) if index < begun.from => continue,
                Some(begun) if index < begun.until => &begun.history,
                _ => history,
            };
            // What comes in another stream stays lost in this one.
            if stream.repair_ssrc().is_none() {
                self.adapting.asked(missing.sequence);
            }
            let Some((cut, at)) = history.find(number) else { continue };
            if !self.again.admits(index, now) {
                answered.refused += 1;
                continue;
            }
            bytes.clear();
            let (header, payload) = (stream.header(cut, at, index), &cut.payloads[at]);
            let sealed = match stream.repair(&header, payload) {
                Some((header, payload)) => sealer.seal(&header, &payload, &mut bytes),
                None => sealer.seal(&header, payload, &mut bytes),
            };
            if sealed.is_ok() {
                answered.sent += u64::from(send(&bytes));
            }
        }
        answered
    }
}
