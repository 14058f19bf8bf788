//! One transport stream of a picture and its sound, muxed once for all who read it.

use std::time::Duration;

use understudy_core::fanout::keyframe::Need;
use understudy_core::media::{Track, Unit};
use understudy_core::mpeg::mux::{Chunk, Muxer};

use crate::broadcast::{Hub, Subscriber};

/// Sound that comes within this of the start is listed from the start: some players take none that is listed later. Longer than
/// its encoder takes to begin; a session that has none makes its first reader, and no other, wait so long.
const SOUND: Duration = Duration::from_millis(500);

/// Muxes until it is dropped.
pub(super) async fn mux(pictures: Hub, sounds: Hub, hub: Hub) {
    let mut wishes = hub.keyframe_requests();
    let mut muxer = Muxer::default();
    let mut sound = sounds.subscribe();
    if let Some(first) = begin(&pictures, &mut sound).await {
        // It comes before there is a picture, which tells that there is sound.
        muxer.push(&first);
    }
    let mut picture = pictures.subscribe();
    loop {
        let unit = tokio::select! {
            unit = picture.next() => unit,
            unit = sound.next() => unit,
            need = wishes.next() => {
                // Whoever fell behind waits for the next that comes anyway: it costs all others too much.
                if need == Need::Join {
                    pictures.request_keyframe(need);
                }
                continue;
            }
        };
        if let Some(chunk) = muxer.push(&unit) {
            hub.publish(whole(chunk));
        }
    }
}

/// Until both encoders run, or the one of the picture does; the first sound. What they made meanwhile is old by then.
async fn begin(pictures: &Hub, sound: &mut Subscriber) -> Option<Unit> {
    let mut picture = pictures.subscribe();
    let (sound, _) = tokio::join!(tokio::time::timeout(SOUND, sound.next()), picture.next());
    sound.ok()
}

fn whole(Chunk { joins, at, bytes }: Chunk) -> Unit {
    Unit { track: Track::Transport, pts: at, dts: at, duration: Duration::ZERO, key: joins, payload: bytes }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::watch;
    use understudy_core::mpeg::transport::Demuxer;
    use understudy_core::rendition::Transport;

    use super::*;
    use crate::broadcast::{Metrics, Renditions};
    use crate::program::Program;

    const FRAME: Duration = Duration::from_millis(40);

    fn picture(number: u32, key: bool) -> Unit {
        let payload = [&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }][..], &number.to_be_bytes()].concat();
        let pts = FRAME * number;
        let track = Track::h264(1280, 720, 25);
        Unit { track, pts, dts: pts, duration: FRAME, key, payload: payload.into() }
    }

    fn sound(number: u32) -> Unit {
        Unit { track: Track::aac(48_000, 2), payload: vec![1; 100].into(), ..picture(number, true) }
    }

    /// A program that is filled as real ones are: keyframes when they are asked for, and how many those were.
    fn stage(sounds: bool) -> (Program, Arc<AtomicU32>) {
        let media = Renditions::new(&Metrics::default());
        let program = Program::of(&media, watch::channel(true).1);
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let (mut wishes, mut frames) = (media.video.keyframe_requests(), tokio::time::interval(FRAME));
            let (mut number, mut key) = (0, false);
            loop {
                tokio::select! {
                    _ = wishes.next() => {
                        count.fetch_add(1, Ordering::Relaxed);
                        key = true;
                    }
                    _ = frames.tick() => {
                        number += 1;
                        media.video.publish(picture(number, std::mem::take(&mut key)));
                        if sounds {
                            media.audio.publish(sound(number));
                        }
                    }
                }
            }
        });
        (program, asked)
    }

    /// The types that the map of a chunk lists, of which it is the second packet.
    fn listed(chunk: &Unit) -> Vec<u8> {
        assert!(chunk.key);
        let section = &chunk.payload[188 + 5..188 * 2];
        section[12..usize::from(section[2]) - 1].chunks_exact(5).map(|stream| stream[0]).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_begins_with_a_keyframe_at_once_and_with_nothing_that_was() {
        let (program, _) = stage(true);
        let mut first = program.transport(Transport::h264()).subscribe();
        assert_eq!(listed(&first.next().await), [0x1b, 0x0f]);
        for _ in 0..100 {
            first.next().await;
        }
        let came = tokio::time::Instant::now();
        let mut second = program.transport(Transport::h264()).subscribe();
        let chunk = second.next().await;
        assert!(came.elapsed() <= FRAME * 2, "{:?}", came.elapsed());
        assert_eq!(listed(&chunk), [0x1b, 0x0f]);
        let units = Demuxer::default().push(&chunk.payload);
        assert!(units[0].is_start);
        let mut of_first = first.next().await;
        while !of_first.key || of_first.pts < chunk.pts {
            of_first = first.next().await;
        }
        assert_eq!(of_first, chunk, "it is muxed once");
    }

    #[tokio::test(start_paused = true)]
    async fn soon_after_the_last_reader_nothing_is_read_for_it_any_more() {
        let media = Renditions::new(&Metrics::default());
        let program = Program::of(&media, watch::channel(true).1);
        let reader = program.transport(Transport::h264()).subscribe();
        let mut demand = media.video.demand();
        demand.wait_for(|readers| *readers > 0).await.unwrap();
        drop(reader);
        let left = demand.wait_for(|readers| *readers == 0);
        tokio::time::timeout(Duration::from_secs(2), left)
            .await
            .expect("its encoder must be let go")
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_without_sound_is_shown_and_does_not_list_any() {
        let (program, _) = stage(false);
        let came = tokio::time::Instant::now();
        let mut reader = program.transport(Transport::h264()).subscribe();
        assert_eq!(listed(&reader.next().await), [0x1b]);
        assert!(came.elapsed() <= SOUND + FRAME * 3, "{:?}", came.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_asks_for_no_keyframe_and_costs_another_nothing() {
        let (program, asked) = stage(true);
        let mut healthy = program.transport(Transport::h264()).subscribe();
        let mut stopped = program.transport(Transport::h264()).subscribe();
        stopped.next().await;
        for _ in 0..20 {
            healthy.next().await;
        }
        let before = asked.load(Ordering::Relaxed);
        for _ in 0..200 {
            healthy.next().await;
        }
        assert!(stopped.lost() > 0);
        assert_eq!((healthy.lost(), asked.load(Ordering::Relaxed)), (0, before));
    }
}
