//! What a video device is told before its first frame. The kernel's interface is its ABI (linux/videodev2.h), and no safe
//! crate speaks it: the two calls below are all the unsafe code there is, each with a structure of the size that the
//! kernel checks by the number of the call.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::camera::Format;

/// `V4L2_BUF_TYPE_VIDEO_OUTPUT`: we are the one who writes.
const OUTPUT: u32 = 2;
/// `V4L2_PIX_FMT_YUV420`, "YU12": what the picture is made of.
const I420: u32 = u32::from_le_bytes(*b"YU12");
/// `V4L2_FIELD_NONE`: whole frames.
const PROGRESSIVE: u32 = 1;
/// `V4L2_COLORSPACE_SMPTE170M` and `V4L2_QUANTIZATION_LIM_RANGE`: what sources are converted to.
const SMPTE170M: u32 = 1;
const LIMITED_RANGE: u32 = 2;

/// `struct v4l2_format` with its `pix` member.
#[repr(C)]
#[derive(Debug)]
pub struct PictureFormat {
    kind: u32,
    pixels: Pixels,
}

/// Other members of the union hold pointers, hence the alignment; `rest` brings it to the union's size.
#[repr(C, align(8))]
#[derive(Debug)]
struct Pixels {
    width: u32,
    height: u32,
    pixel_format: u32,
    field: u32,
    bytes_per_line: u32,
    size_image: u32,
    colorspace: u32,
    private: u32,
    flags: u32,
    encoding: u32,
    quantization: u32,
    transfer: u32,
    rest: [u32; 38],
}

/// `struct v4l2_streamparm` with its `output` member.
#[repr(C)]
#[derive(Debug)]
pub struct StreamParameters {
    kind: u32,
    capability: u32,
    mode: u32,
    /// Time per frame, in seconds.
    numerator: u32,
    denominator: u32,
    rest: [u32; 46],
}

const _: () = assert!(size_of::<PictureFormat>() == 208 && size_of::<StreamParameters>() == 204);

mod call {
    use super::{PictureFormat, StreamParameters};

    nix::ioctl_readwrite!(set_format, b'V', 5, PictureFormat);
    nix::ioctl_readwrite!(set_parameters, b'V', 22, StreamParameters);
}

/// Says what frames of this size and rate will be written; an error if the device wants others.
pub(super) fn set(device: &File, format: Format) -> io::Result<()> {
    let (width, height) = (format.size.width(), format.size.height());
    let mut asked = picture_format(format);
    let mut rate = StreamParameters {
        kind: OUTPUT,
        capability: 0,
        mode: 0,
        numerator: 1,
        denominator: format.frame_rate.per_second(),
        rest: [0; 46],
    };
    // SAFETY: the descriptor is open, both structures live until the call returns and have the size of the kernel's.
    #[expect(unsafe_code, reason = "the kernel's ABI; see the head of this file")]
    unsafe {
        call::set_format(device.as_raw_fd(), &raw mut asked)?;
        call::set_parameters(device.as_raw_fd(), &raw mut rate)?;
    }
    let given = (asked.pixels.width, asked.pixels.height, asked.pixels.pixel_format);
    match given == (width, height, I420) {
        true => Ok(()),
        false => Err(io::Error::other(format!("it insists on another format: {}×{}", given.0, given.1))),
    }
}

fn picture_format(format: Format) -> PictureFormat {
    let bytes = format.size.i420_bytes();
    PictureFormat {
        kind: OUTPUT,
        pixels: Pixels {
            width: format.size.width(),
            height: format.size.height(),
            pixel_format: I420,
            field: PROGRESSIVE,
            bytes_per_line: format.size.width(),
            size_image: u32::try_from(bytes).unwrap_or(u32::MAX),
            colorspace: SMPTE170M,
            private: 0,
            flags: 0,
            encoding: 0,
            quantization: LIMITED_RANGE,
            transfer: 0,
            rest: [0; 38],
        },
    }
}
