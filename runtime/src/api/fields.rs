//! Fields that several requests have.

use understudy_core::spec::{FrameRate, Invalid};

/// Of what its caller gives none.
const DEFAULT: &str = "default";
/// As long as the name of a resource.
const LONGEST_ID: usize = 50;

/// The id of what is to begin.
pub fn id(given: Option<String>) -> Result<String, Invalid> {
    let id = called(given);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match id.len() <= LONGEST_ID && id.bytes().all(known) {
        true => Ok(id),
        false => Err(Invalid::new("id", format!("must be 1 to {LONGEST_ID} letters, digits, - and _"))),
    }
}

/// The id of what there may be.
pub fn called(given: Option<String>) -> String {
    given.filter(|id| !id.is_empty()).unwrap_or_else(|| DEFAULT.to_owned())
}

/// Pictures a second, or the platform's word.
pub fn frame_rate(given: Option<u32>, default: Option<FrameRate>) -> Result<Option<FrameRate>, Invalid> {
    match given {
        None => Ok(default),
        Some(0) => Err(Invalid::new("framerate", "must be 1 to 60 frames a second, got 0")),
        Some(rate) => FrameRate::parse("framerate", rate).map(Some),
    }
}
