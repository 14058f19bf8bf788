//! What is read ahead is read in portions: whoever fills a queue is not woken for each unit that leaves it.

use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::{Condvar, Mutex};

/// Of a queue that was full this part is left when the next portion comes.
const LEFT: u32 = 4;
/// No portion waits longer: a queue that is left slowly, or not at all, fills again, and what goes down is hardly held up.
pub(super) const LONGEST: Duration = Duration::from_millis(300);

/// Whoever finds `most` buffers in `queue` waits until a quarter of them is left, and not longer than `longest`.
pub(super) fn fill(queue: &gst::Element, most: u32, longest: Duration) {
    let (Some(entry), Some(exit)) = (queue.static_pad("sink"), queue.static_pad("src")) else { return };
    let room = Arc::new((Mutex::new(()), Condvar::new()));
    let (waits, flushed) = (Arc::clone(&room), Arc::clone(&room));
    exit.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        if held(pad) <= most / LEFT {
            // Who looks at the queue now sees this.
            drop(room.0.lock());
            room.1.notify_one();
        }
        gst::PadProbeReturn::Ok
    });
    entry.add_probe(gst::PadProbeType::EVENT_FLUSH, move |_, _| {
        drop(flushed.0.lock());
        flushed.1.notify_one();
        gst::PadProbeReturn::Ok
    });
    entry.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let (lock, room) = &*waits;
        let mut looks = lock.lock();
        if held(pad) >= most {
            room.wait_for(&mut looks, longest);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Buffers in the queue that the pad is of.
fn held(pad: &gst::Pad) -> u32 {
    pad.parent_element().map_or(0, |queue| queue.property("current-level-buffers"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use gstreamer_app::{AppSink, AppSrc};

    use super::*;
    use crate::gst::{Pipeline, element};

    const PATIENCE: Duration = Duration::from_secs(30);
    const MOST: u32 = 8;

    /// What the queue holds at each buffer that passes there.
    fn levels(pad: &gst::Pad) -> Receiver<u32> {
        let (tell, told) = channel();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            let _ = tell.send(held(pad)); // the test may be over
            gst::PadProbeReturn::Ok
        });
        told
    }

    #[test]
    fn a_queue_that_was_full_is_filled_again_once_a_quarter_is_left() {
        crate::gst::init().unwrap();
        let pipeline = Pipeline::playback("portions");
        let (from, queue) = (AppSrc::builder().build(), element("queue").unwrap());
        let to = AppSink::builder().sync(false).max_buffers(1).build();
        pipeline.chain(&[from.upcast_ref(), &queue, to.upcast_ref()]).unwrap();
        fill(&queue, MOST, PATIENCE);
        let [came, went] = ["sink", "src"].map(|pad| levels(&queue.static_pad(pad).unwrap()));
        let push = |count: u32| {
            for _ in 0..count {
                from.push_buffer(gst::Buffer::from_slice([0])).unwrap();
            }
        };
        // Of the first two one is there at last and one on its way there: all others stay in the queue.
        let beside = 2;
        push(beside);
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        for _ in 0..beside {
            went.recv_timeout(PATIENCE).unwrap();
        }
        push(4 * MOST - beside);
        from.end_of_stream().unwrap();
        let mut taken = 0;
        let mut take = || {
            taken += 1;
            to.try_pull_sample(gst::ClockTime::from_seconds(PATIENCE.as_secs())).is_some()
        };
        for _ in 0..MOST + beside {
            came.recv_timeout(PATIENCE).expect("it is filled at first");
        }
        for left in (MOST / LEFT..MOST).rev() {
            assert!(came.try_recv().is_err(), "nothing comes while {} are left", left + 1);
            assert!(take());
            assert_eq!(went.recv_timeout(PATIENCE), Ok(left));
        }
        for _ in MOST / LEFT..MOST {
            came.recv_timeout(PATIENCE).expect("the next portion comes");
        }
        while take() {}
        assert_eq!(taken, 4 * MOST + 1, "nothing is lost");
    }
}
