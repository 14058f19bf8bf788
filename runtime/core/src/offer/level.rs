//! The level part of H.264's `profile-level-id`, as offer and answer agree on it (RFC 6184 §8.2.2).
//!
//! The answer's level says what we send at most. Where both say `level-asymmetry-allowed=1` it may be above what was
//! offered, which viewers write by habit (3.1, 720p) whatever they can decode; without, it may not, and stays.

use super::section::parameter;
use crate::level::Level;

/// 5.1: 3840×2160 at 30 pictures a second, the largest display that a session has.
const SENT: u8 = 51;

/// The `a=fmtp` parameters of the answer.
pub(super) fn answered(fmtp: &str) -> String {
    match (is_asymmetric(fmtp), parts(fmtp)) {
        (true, Some((id, level))) if level < SENT => {
            let raised = format!("{}{SENT:02x}", &id[..4]);
            fmtp.replace(id, &raised)
        }
        _ => fmtp.to_owned(),
    }
}

/// Whether the answer's profile and level may stand against the offer's.
pub(super) fn answers(offer: &str, answer: &str) -> bool {
    match (parts(offer), parts(answer)) {
        (Some((theirs, offered)), Some((ours, answered))) => {
            let same = theirs[..4].eq_ignore_ascii_case(&ours[..4]);
            same && (answered <= offered || is_asymmetric(offer) && is_asymmetric(answer))
        }
        _ => true,
    }
}

/// What is sent at most to who answers an offer of ours so. What the answer leaves unsaid is as it was offered.
pub(super) fn agreed(offer: &str, answer: Option<&str>) -> Option<Level> {
    let (_, offered) = parts(offer)?;
    let (_, answered) = answer.and_then(parts).unwrap_or(("", offered));
    let may_differ = is_asymmetric(offer) && answer.is_some_and(is_asymmetric);
    Some(Level::of_idc(if may_differ { answered } else { answered.min(offered) }))
}

fn is_asymmetric(fmtp: &str) -> bool {
    parameter(fmtp, "level-asymmetry-allowed") == Some("1")
}

/// The whole identifier and its level.
fn parts(fmtp: &str) -> Option<(&str, u8)> {
    let id = parameter(fmtp, "profile-level-id").filter(|id| id.len() == 6 && id.is_ascii())?;
    Some((id, u8::from_str_radix(&id[4..], 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

    #[test]
    fn the_answer_allows_the_largest_picture_where_levels_may_differ() {
        let answer = answered(BROWSER);
        assert_eq!(answer, BROWSER.replace("42e01f", "42e033"));
        assert!(answers(BROWSER, &answer));
        let higher = BROWSER.replace("1f", "34");
        assert_eq!(answered(&higher), higher);
    }

    #[test]
    fn whoever_answers_is_sent_what_it_takes_and_no_more_than_was_offered_where_levels_may_not_differ() {
        let of = |answer: Option<&str>| agreed(BROWSER, answer).map(Level::idc);
        let at = |level: &str| BROWSER.replace("1f", level);
        assert_eq!((of(None), of(Some("packetization-mode=1"))), (Some(31), Some(31)));
        assert_eq!((of(Some(&at("1e"))), of(Some(&at("28")))), (Some(30), Some(40)));
        let (low, high) =
            (at("1e").replace("allowed=1", "allowed=0"), at("28").replace("allowed=1", "allowed=0"));
        assert_eq!((of(Some(&low)), of(Some(&high))), (Some(30), Some(31)));
    }

    #[test]
    fn the_offered_level_stays_where_they_may_not() {
        for symmetric in [BROWSER.replace("allowed=1", "allowed=0"), "profile-level-id=42e01f".to_owned()] {
            assert_eq!(answered(&symmetric), symmetric);
            assert!(!answers(&symmetric, &symmetric.replace("42e01f", "42e033")));
            assert!(answers(&symmetric, &symmetric.replace("42e01f", "42e00d")));
        }
        assert_eq!(answered(""), "");
    }
}
