//! The display as it is at one moment, as a PNG.

use understudy_core::screenshot::Region;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

use super::screen;
use crate::x11;

/// Of a pixel as the display has it: blue, green, red and nothing.
const PIXEL_BYTES: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It may be there again soon.
    #[error(transparent)]
    Display(#[from] screen::Error),
    #[error("the display's pixels cannot be written: {0}")]
    Encode(#[from] png::EncodingError),
    #[error("the screenshot broke down")]
    Broken,
}

/// Of that display (as in `DISPLAY`).
pub async fn take(display: String, region: Region) -> Result<Vec<u8>, Error> {
    let take = move || png(region, &pixels(&display, region)?);
    tokio::task::spawn_blocking(take).await.map_err(|_| Error::Broken)?
}

fn pixels(display: &str, Region { x, y, width, height }: Region) -> Result<Vec<u8>, screen::Error> {
    let (connection, number) = x11::connect(display, &[])?;
    let root = connection.setup().roots[number].root;
    // No display is so wide that it would not fit.
    let [x, y] = [x, y].map(|begin| i16::try_from(begin).unwrap_or(i16::MAX));
    let image = connection.get_image(ImageFormat::Z_PIXMAP, root, x, y, width, height, u32::MAX)?;
    Ok(image.reply()?.data)
}

fn png(region: Region, pixels: &[u8]) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, region.width.into(), region.height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let colours: Vec<u8> =
        pixels.chunks_exact(PIXEL_BYTES).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&colours)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_colours_in_their_order() {
        let region = Region { x: 0, y: 0, width: 2, height: 1 };
        let file = png(region, &[1, 2, 3, 0, 4, 5, 6, 0]).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [3, 2, 1, 6, 5, 4]);
    }

    #[test]
    fn pixels_that_are_missing_make_no_picture() {
        let region = Region { x: 0, y: 0, width: 2, height: 1 };
        assert!(matches!(png(region, &[1, 2, 3, 0]), Err(Error::Encode(_))));
    }
}
