//! The colours of what is played, as a page sees them.

use serde_json::json;
use understudy_e2e::wait;

use super::{CHANGE, Room};
use crate::support::clip;
use crate::support::site::Site;

/// Coding loses this much of 255. The wrong standard makes it 20 and more.
const COLOUR: u8 = 8;

/// One pixel of the camera's next picture, as red, green and blue.
const PIXEL: &str = "(async () => {
  const video = document.createElement('video');
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
  video.muted = true;
  await video.play();
  await new Promise(shown => video.requestVideoFrameCallback(shown));
  const canvas = new OffscreenCanvas(8, 8);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 8, 8);
  video.srcObject.getTracks().forEach(track => track.stop());
  return [...context.getImageData(4, 4, 1, 1).data].slice(0, 3);
})()";

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_seen_as_they_were_meant_by_whichever_standard_they_are_written() {
    let room = Room::open(&[]).await;
    let site = Site::open().await;
    site.serves(clip::folder().to_owned());
    for clip in ["green-601.mkv", "green-709.mkv"] {
        let url = site.url(&format!("files/{clip}"));
        room.configure(&json!({"video": {"type": "file", "url": url, "loop": true}})).await;
        let seen = wait::until(CHANGE, || async {
            let pixel: [u8; 3] = serde_json::from_value(room.page.evaluate(PIXEL).await.unwrap()).unwrap();
            let [red, green, blue] = pixel;
            let meant = red <= COLOUR && green >= 255 - COLOUR && blue <= COLOUR;
            meant.then_some(pixel).ok_or_else(|| format!("{clip} is seen as {pixel:?}"))
        })
        .await;
        println!("{clip}: {seen:?}");
    }
}
