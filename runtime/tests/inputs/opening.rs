//! Pages that open the camera and close it again.

use super::with_its_page;

/// As pages do that show a preview first, and so soon that its link is still being made. A quarter of what DevTools waits for:
/// a browser that does something for the first time, on a machine that does more than this, takes its time.
const OPENS_AND_CLOSES: &str = "(async () => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let round = 0; round < 5; round += 1) {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    for (const track of stream.getTracks()) track.stop();
    await wait(400);
  }
  return true;
})()";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_open_and_close_the_camera_as_often_as_it_likes() {
    let (_session, page) = with_its_page(&[]).await;
    // It fails where the camera is not there for a moment, and where the page is loaded again to mend it.
    for _ in 0..8 {
        assert_eq!(page.evaluate(OPENS_AND_CLOSES).await.unwrap(), true);
    }
}
