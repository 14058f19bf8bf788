//! What RTMP's messages of media hold: the bodies of FLV's tags (Adobe's "Video File Format Specification" §E.4, and "Enhanced
//! RTMP"), made from our units and looked at when others made them.

pub mod aac;
pub mod avc;
mod metadata;
mod tag;

pub use metadata::{Described, metadata, sample_access, without_set_data_frame};
pub use tag::{FourCc, SEVERAL, Sort, Tag, inspect};

use bytes::Bytes;

/// Which of the messages of media it is; the number is its type (RTMP 1.0 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Audio = 8,
    Video = 9,
    /// Metadata and whatever else is named, in AMF0.
    Data = 18,
}

/// One message of media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: Kind,
    /// Milliseconds; when it is decoded. Wraps after seven weeks.
    pub timestamp: u32,
    pub body: Bytes,
}
