//! Sources that no page needs, and pages that come to need them.

use serde::Deserialize;

use super::{Room, Sending, WHILE, socket, stream, webrtc, with_its_page};
use crate::support::session::Session;
use crate::support::site::Site;

/// Opens both and closes them again: milliseconds from the page's having its tracks to a picture that is not the one that
/// stood, and whether anything was heard within five seconds.
const WAKES: &str = "(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 1280 }, height: { ideal: 720 } },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const began = performance.now();
  const sound = new AudioContext({ sampleRate: 48000 });
  const ear = Object.assign(sound.createAnalyser(), { fftSize: 32768 });
  sound.createMediaStreamSource(stream).connect(ear);
  const video = Object.assign(document.createElement('video'), { muted: true, srcObject: stream });
  await video.play();
  const row = new OffscreenCanvas(280, 10).getContext('2d', { willReadFrequently: true });
  const next = async () => {
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    row.drawImage(video, 0, 0, 1120, 40, 0, 0, 280, 10);
    return row.getImageData(0, 0, 280, 10).data.join();
  };
  const stood = await next();
  while (performance.now() - began < 5000 && (await next()) === stood);
  const picture = performance.now() - began;
  const samples = new Float32Array(ear.fftSize);
  let heard = false;
  while (performance.now() - began < 5000 && !heard) {
    await new Promise((done) => setTimeout(done, 100));
    ear.getFloatTimeDomainData(samples);
    heard = samples.some((sample) => Math.abs(sample) > 0.01);
  }
  for (const track of stream.getTracks()) track.stop();
  await sound.close();
  return { picture, heard };
})()";

/// From tracks to a picture that moves, in milliseconds. Idle it takes a quarter of it; this machine does more than this.
const SOON: f64 = 1200.0;

/// What the runtime has decoded so far.
async fn decoded(session: &Session, source: &str) -> [u64; 2] {
    let count = async |kind: &str| {
        let series = format!("understudy_input_arrived_total{{source=\"{source}\",kind=\"{kind}\"}}");
        session.counts(&series).await
    };
    [count("video").await, count("audio").await]
}

/// What [`WAKES`] saw and heard.
#[derive(Debug, Deserialize)]
struct Woken {
    picture: f64,
    heard: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_looks_at_or_listens_to_is_not_decoded_and_is_there_at_once_when_one_does() {
    let (session, page) = with_its_page(&[]).await;
    let site = Site::open().await;
    let room = Room { session, page, tracks: Vec::new(), browser: Vec::new() };
    for body in [room.file(), stream(&site), socket(), webrtc()] {
        let source = body["video"]["type"].as_str().unwrap();
        room.configure(&body).await;
        let _sending = Sending::to(&room, &body);
        room.session.until_reason("InputsReady", "Playing").await;
        room.session.until_reason("InputsReady", "Resting").await;
        let before = decoded(&room.session, source).await;
        assert!(before.iter().all(|count| *count > 0), "{source}: {before:?}");
        tokio::time::sleep(WHILE).await;
        assert_eq!(decoded(&room.session, source).await, before, "{source} is decoded for nobody");
        room.session.until_reason("InputsReady", "Resting").await;
        let woken: Woken = serde_json::from_value(room.page.evaluate(WAKES).await.unwrap()).unwrap();
        println!("{source}: {woken:?}");
        assert!(woken.picture < SOON && woken.heard, "{source}: {woken:?}");
        room.session.until_reason("InputsReady", "Playing").await;
        let after = decoded(&room.session, source).await;
        assert!(
            after.iter().zip(&before).all(|(after, before)| after > before),
            "{source}: {before:?}, {after:?}"
        );
    }
}
