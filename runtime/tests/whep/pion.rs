//! A viewer on pion, whose picture is decoded afterwards.

use std::path::Path;

use understudy_core::test_picture::{CELL, CELLS, FRAME_RATE, HEIGHT, WIDTH, read};
use understudy_e2e::{client, pion};

use crate::support::stage::Stage;

const SECONDS: u32 = 4;

/// The numbers of the pictures in a bare H.264 stream, in their order; none: it could not be read.
pub async fn numbers(stream: &Path, folder: &Path) -> Vec<Option<u32>> {
    let rows = folder.join("rows");
    let (width, row) = (CELLS * CELL, CELLS * CELL * CELL);
    let decode = format!(
        "-y -i {} -vf crop={width}:{CELL}:0:0 -pix_fmt gray -fps_mode passthrough -f rawvideo {}",
        stream.display(),
        rows.display()
    );
    let done = client::ffmpeg(&decode).wait().await.expect("ffmpeg must end");
    assert!(done.success(), "ffmpeg cannot decode what arrived");
    let rows = std::fs::read(rows).expect("ffmpeg must write what it decoded");
    rows.chunks_exact(row).map(|luma| read(luma, width)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_on_pion_sees_each_picture_and_hears_all() {
    let stage = Stage::open().await;
    let folder = tempfile::tempdir().expect("a folder");
    let stream = folder.path().join("picture.h264");
    let seen = pion::watch(&stage.whep(), SECONDS, &stream).await.expect("pion must watch");
    assert_eq!((seen.video.missing, seen.audio.missing), (0, 0), "{seen:?}");
    assert!(seen.video.codec.starts_with("video/H264 "), "{seen:?}");
    assert!(seen.audio.codec.starts_with("audio/opus "), "{seen:?}");
    // Pieces of 20 ms.
    assert!(
        seen.audio.packets > 49 * (SECONDS - 1) && seen.audio.seconds > f64::from(SECONDS - 1),
        "{seen:?}"
    );
    // Without a keyframe on joining it would be ten seconds on average.
    assert!(seen.first_picture_ms < 2000, "{seen:?}");
    assert_eq!(seen.delete_status, 200, "{seen:?}");

    let numbers = numbers(&stream, folder.path()).await;
    let first = numbers.first().copied().flatten().expect("the first picture must be a whole one");
    assert!(numbers.len() as u32 > FRAME_RATE * (SECONDS - 1), "{} pictures", numbers.len());
    let each: Vec<_> = (first..).take(numbers.len()).map(Some).collect();
    assert_eq!(numbers, each, "of {WIDTH}×{HEIGHT}");
}
