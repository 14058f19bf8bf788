//! A session that can be run: sizes within bounds, URLs of a known kind, defaults filled in.
//!
//! The wire's document is parsed into these types once, at the edge (`runtime/src/spec.rs`).

mod inputs;
mod invitation;
mod livestream;
mod sharing;

use std::fmt;

use crate::percent::{decoded, encoded_path};

pub use inputs::{AudioInput, Destination, File, Inputs, Repeat, Shape, Source, StreamUrl, VideoInput};
pub use invitation::{Invitation, InvitationLimits, PageTarget, Stage, Target};
pub use livestream::{Choice, Limits, Livestream, Output, PushUrl, Refused, WhipTarget, settle};
pub use sharing::{NamedPage, Sharing, SharingMode};

/// Pixels. Both sides are multiples of eight: planes of other sizes have padded rows, which garble the
/// picture in WebRTC's camera (measured with 642×362).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resolution {
    width: u32,
    height: u32,
}

/// Whole frames a second, 1 to 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRate(u32);

/// Bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bitrate(u32);

/// A page or a piece of media.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// Ships with the runtime: `understudy:NAME`.
    Bundled(String),
    /// An `http:` or `https:` URL.
    Web(String),
    /// An absolute path, decoded: `file:///…`.
    File(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub page: Option<Page>,
    pub inputs: Inputs,
    pub encoding: Encoding,
    /// All that is shown is fetched from there, as it is: beside it there is neither page nor inputs.
    pub origin: Option<StreamUrl>,
    pub sharing: Sharing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub location: Location,
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    pub video: Bitrate,
    pub audio: Bitrate,
}

/// A value that cannot be run, and where in the document it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// Dotted camelCase path, as `page.width`.
    pub field: String,
    pub reason: String,
}

impl Invalid {
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl Default for Session {
    /// An idle session: no page, a slate and silence.
    fn default() -> Self {
        Self {
            page: None,
            inputs: Inputs::default(),
            encoding: Encoding::default(),
            origin: None,
            sharing: Sharing::default(),
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self { video: Bitrate(2_500_000), audio: Bitrate(96_000) }
    }
}

impl Resolution {
    pub const HD: Self = Self { width: 1280, height: 720 };

    /// The page's, in steps of 8. Zero stands for the default of that side.
    pub fn parse(field: &str, width: u32, height: u32) -> Result<Self, Invalid> {
        let side = |name, value, default, least, most| {
            in_steps(field, name, side(field, name, value, default, [least, most])?)
        };
        Ok(Self {
            width: side("width", width, Self::HD.width, 320, 3840)?,
            height: side("height", height, Self::HD.height, 240, 2160)?,
        })
    }

    /// The camera's: rounded up to what is packed without gaps in every format. Zero stands for the default of that side.
    pub fn camera(field: &str, width: u32, height: u32) -> Result<Self, Invalid> {
        let width = side(field, "width", width, Self::HD.width, [64, 3840])?;
        let height = side(field, "height", height, Self::HD.height, [64, 2160])?;
        Ok(Self { width: width.next_multiple_of(8), height: height.next_multiple_of(8) })
    }

    /// What a rendition has to fit into, in steps of 8. Zero leaves that side to the other.
    pub fn bounds(field: &str, width: u32, height: u32) -> Result<Self, Invalid> {
        let side = |name, value, most| {
            let value = side(field, name, value, most, [LEAST_BOUND, most])?;
            in_steps(field, name, value)
        };
        Ok(Self { width: side("width", width, 3840)?, height: side("height", height, 2160)? })
    }

    pub const fn width(self) -> u32 {
        self.width
    }

    pub const fn height(self) -> u32 {
        self.height
    }

    /// As large as fits into another, in the same shape, or a little less of it. It is made no larger.
    pub fn within(self, most: Self) -> Self {
        if self.width <= most.width && self.height <= most.height {
            return self;
        }
        // By the side that has to shrink more, in whole steps of 8.
        let (width, height) = (self.width.min(most.height * self.width / self.height), self.height);
        let width = width.min(most.width) / 8 * 8;
        let height = (width * height / self.width) / 8 * 8;
        // Of a picture that is a strip there is something all the same.
        Self { width: width.max(LEAST_SIDE), height: height.max(LEAST_SIDE) }
    }

    /// Half of each side, or a little less.
    pub const fn halved(self) -> Self {
        Self { width: self.width / 16 * 8, height: self.height / 16 * 8 }
    }

    /// Bytes of one frame as I420: a plane of luma and two of chroma at a quarter of its size.
    pub const fn i420_bytes(self) -> usize {
        self.width as usize * self.height as usize * 3 / 2
    }
}

/// What half of is still a picture.
const LEAST_SIDE: u32 = 16;

/// Of what a rendition has to fit into: less shows nothing of a page.
const LEAST_BOUND: u32 = 64;

fn in_steps(field: &str, name: &str, value: u32) -> Result<u32, Invalid> {
    match value % 8 {
        0 => Ok(value),
        _ => Err(Invalid::new(below(field, name), format!("must be a multiple of 8 pixels, got {value}"))),
    }
}

/// A member of a field, or a field that has nothing around it.
fn below(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

/// One side in pixels, or its default for zero.
fn side(field: &str, name: &str, value: u32, default: u32, [least, most]: [u32; 2]) -> Result<u32, Invalid> {
    match value {
        0 => Ok(default),
        v if (least..=most).contains(&v) => Ok(v),
        v => {
            let reason = format!("must be {least} to {most} pixels, got {v}");
            Err(Invalid::new(below(field, name), reason))
        }
    }
}

impl FrameRate {
    pub const THIRTY: Self = Self(30);

    /// Zero stands for 30.
    pub fn parse(field: &str, value: u32) -> Result<Self, Invalid> {
        match value {
            0 => Ok(Self::THIRTY),
            1..=60 => Ok(Self(value)),
            v => Err(Invalid::new(field, format!("must be 1 to 60 frames a second, got {v}"))),
        }
    }

    pub const fn per_second(self) -> u32 {
        self.0
    }

    pub fn interval(self) -> std::time::Duration {
        std::time::Duration::from_secs(1) / self.0
    }
}

impl Bitrate {
    /// Of a picture. Bounds that keep a typing mistake from filling a disk or a link.
    pub const OF_VIDEO: [u32; 2] = [100_000, 20_000_000];

    /// A whole part of it that is no more than so many bits a second.
    pub const fn within(self, most: u32) -> Self {
        if self.0 <= most || most == 0 { self } else { self.divided(self.0.div_ceil(most)) }
    }

    /// One of that many parts.
    pub const fn divided(self, parts: u32) -> Self {
        Self(self.0 / parts)
    }

    pub fn parse(field: &str, value: u32, default: Self, bounds: [u32; 2]) -> Result<Self, Invalid> {
        let [least, most] = bounds;
        match value {
            0 => Ok(default),
            v if (least..=most).contains(&v) => Ok(Self(v)),
            v => Err(Invalid::new(field, format!("must be {least} to {most} bits a second, got {v}"))),
        }
    }

    pub const fn bits_per_second(self) -> u32 {
        self.0
    }
}

impl Location {
    pub fn parse(field: &str, url: &str) -> Result<Self, Invalid> {
        let (scheme, rest) =
            url.split_once(':').ok_or_else(|| Invalid::new(field, "must be a URL with a scheme"))?;
        match scheme.to_ascii_lowercase().as_str() {
            "understudy" if is_name(rest) => Ok(Self::Bundled(rest.to_owned())),
            "understudy" => {
                Err(Invalid::new(field, "after understudy: comes a name of lower-case letters, digits and -"))
            }
            "http" | "https" if rest.len() > 2 && rest.starts_with("//") => Ok(Self::Web(url.to_owned())),
            "file" if rest.starts_with("///") => {
                let path = decoded(&rest[2..]).map_err(|_| {
                    Invalid::new(field, "must be percent-encoded UTF-8: a percent sign in it is written %25")
                })?;
                Self::path(field, &path)
            }
            "file" => Err(Invalid::new(field, "must be file:/// with an absolute path and no ..")),
            other => Err(Invalid::new(field, format!("cannot use a URL of scheme {other}"))),
        }
    }

    /// A path as it is, without any encoding.
    pub fn path(field: &str, path: &str) -> Result<Self, Invalid> {
        let stays = path.starts_with('/') && !path.split('/').any(|part| part == "..");
        match stays && !path.contains('\0') {
            true => Ok(Self::File(path.to_owned())),
            false => Err(Invalid::new(field, "must be file:/// with an absolute path and no ..")),
        }
    }
}

impl fmt::Display for Location {
    /// As a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled(name) => write!(f, "understudy:{name}"),
            Self::Web(url) => f.write_str(url),
            Self::File(path) => write!(f, "file://{}", encoded_path(path)),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_zero_is_the_default_and_others_are_checked() {
        assert_eq!(Resolution::parse("page", 0, 0), Ok(Resolution::HD));
        let odd = Resolution::parse("page", 1281, 720).unwrap_err();
        assert_eq!(odd.to_string(), "page.width: must be a multiple of 8 pixels, got 1281");
        let tall = Resolution::parse("page", 1280, 4000).unwrap_err();
        assert_eq!(tall.field, "page.height");
    }

    #[test]
    fn what_a_rendition_has_to_fit_into_may_leave_a_side_open() {
        let bounds = |width, height| Resolution::bounds("rendition", width, height);
        let within = |width, height| Resolution::HD.within(bounds(width, height).unwrap());
        assert_eq!(within(640, 0), within(0, 360));
        assert_eq!((within(640, 0).width(), within(640, 0).height()), (640, 360));
        assert_eq!(
            bounds(62, 0).unwrap_err().to_string(),
            "rendition.width: must be 64 to 3840 pixels, got 62"
        );
        assert_eq!(bounds(0, 362).unwrap_err().field, "rendition.height");
        let strip = Resolution::parse("page", 3840, 240).unwrap().within(bounds(64, 64).unwrap());
        assert_eq!((strip.width(), strip.height()), (64, LEAST_SIDE));
    }

    #[test]
    fn locations_are_bundled_web_or_file() {
        let parse = |url| Location::parse("page.url", url);
        assert_eq!(parse("understudy:mirror"), Ok(Location::Bundled("mirror".into())));
        assert_eq!(parse("https://example.org/a"), Ok(Location::Web("https://example.org/a".into())));
        assert_eq!(parse("file:///a/b.mkv"), Ok(Location::File("/a/b.mkv".into())));
    }

    #[test]
    fn the_path_of_a_file_url_is_decoded_and_a_bare_path_is_taken_as_it_is() {
        let url = Location::parse("url", "file:///media/my%20clip%231.mp4").unwrap();
        assert_eq!(url, Location::File("/media/my clip#1.mp4".into()));
        assert_eq!(url.to_string(), "file:///media/my%20clip%231.mp4");
        let path = Location::path("url", "/media/my%20clip.mp4").unwrap();
        assert_eq!(path, Location::File("/media/my%20clip.mp4".into()));
        assert_eq!(path.to_string(), "file:///media/my%2520clip.mp4");
        assert!(Location::path("url", "/a/../b").is_err() && Location::path("url", "a").is_err());
    }

    #[test]
    fn a_location_that_could_reach_elsewhere_is_refused() {
        for url in [
            "",
            "nothing",
            "ftp://a/b",
            "understudy:../x",
            "understudy:",
            "file://host/a",
            "file:///a/../b",
            "file:///a/%2e%2E/b",
            "file:///a%2F..%2Fb",
            "file:///a%00",
            "file:///50%.mp4",
            "javascript:alert(1)",
        ] {
            assert_eq!(Location::parse("page.url", url).unwrap_err().field, "page.url", "{url}");
        }
    }

    #[test]
    fn a_camera_is_rounded_up_to_what_can_be_packed() {
        let size = |width, height| {
            Resolution::camera("camera", width, height).map(|size| (size.width(), size.height()))
        };
        assert_eq!(size(854, 480).unwrap(), (856, 480));
        assert_eq!(size(0, 65).unwrap(), (1280, 72));
        assert_eq!(size(3840, 2160).unwrap(), (3840, 2160));
        for (width, height, field) in [(63, 0, "camera.width"), (0, 2161, "camera.height")] {
            assert_eq!(size(width, height).unwrap_err().field, field);
        }
    }

    #[test]
    fn frame_rates_and_bitrates_are_bounded() {
        assert_eq!(FrameRate::parse("page.frameRate", 61).unwrap_err().field, "page.frameRate");
        let default = Encoding::default().video;
        assert!(Bitrate::parse("encoding.videoBitrateBps", 5, default, [100_000, 20_000_000]).is_err());
        assert_eq!(Bitrate::parse("x", 0, default, [1, 2]), Ok(default));
    }
}
