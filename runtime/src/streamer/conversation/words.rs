//! What clients say and are told, in the words of the connection, and the other way round.

use understudy_core::fanout::quality::Quality;
use understudy_core::steering::wire::Notice;
use understudy_core::streamer::message::Candidate;

use crate::rtc;

/// On `general`.
pub(super) const fn status(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => Notice::ConnectionOk.text(),
        Quality::Poor => Notice::ConnectionPoor.text(),
    }
}

pub(super) fn inward(candidate: Candidate) -> rtc::Candidate {
    let Candidate { candidate, sdp_mid, sdp_mline_index, username_fragment } = candidate;
    rtc::Candidate { candidate, sdp_mid, sdp_mline_index, username_fragment }
}

pub(super) fn outward(candidate: rtc::Candidate) -> Candidate {
    let rtc::Candidate { candidate, sdp_mid, sdp_mline_index, username_fragment } = candidate;
    Candidate { candidate, sdp_mid, sdp_mline_index, username_fragment }
}
