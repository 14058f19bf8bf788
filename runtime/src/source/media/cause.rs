//! Why an HTTP request failed.
//!
//! `souphttpsrc` says in its log alone that a connection was refused, a name is not known or a certificate is not
//! accepted; its error is an "internal data stream error" for all of them. So that line of its log becomes a message on
//! the bus, ahead of the error.

use std::sync::Once;

use gstreamer as gst;
use gstreamer::DebugLevel;
use gstreamer::log::{DebugCategory, DebugMessage, LoggedObject};
use gstreamer::prelude::*;
use parking_lot::Mutex;

const CATEGORY: &str = "souphttpsrc";
const FAILED: &str = "Sending message failed: ";
const MESSAGE: &str = "request-failed";

/// Elements whose causes are told, by their address: the log knows no more of them.
static TOLD: Mutex<Vec<(usize, gst::glib::WeakRef<gst::Element>)>> = Mutex::new(Vec::new());

/// From now on the causes of this element's failures are told.
pub(super) fn tell(element: &gst::Element) {
    listen();
    let mut told = TOLD.lock();
    told.retain(|(_, element)| element.upgrade().is_some());
    told.push((element.as_ptr() as usize, element.downgrade()));
}

/// Where nobody asked for this category's log, its lines go nowhere else: its threshold is lowered for us alone.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(category) = DebugCategory::get(CATEGORY) else { return };
        let wanted = category.threshold();
        if wanted < DebugLevel::Debug {
            category.set_threshold(DebugLevel::Debug);
        }
        // It would print what was not asked for.
        gst::log::remove_default_log_function();
        gst::log::add_log_function(move |category, level, file, function, line, object, message| {
            let ours = category.name() == CATEGORY;
            if ours && level == DebugLevel::Debug {
                post(object, message);
            }
            if !ours || level <= wanted {
                gst::log::log_default(category, level, file, function, line, object, message);
            }
        });
    });
}

/// The cause, if this is the message that was made of it.
pub(super) fn of(message: &gst::StructureRef) -> Option<String> {
    (message.name() == MESSAGE).then(|| message.get("cause").ok())?
}

fn post(object: Option<&LoggedObject>, message: &DebugMessage) {
    let Some(text) = message.get() else { return };
    let Some(cause) = text.strip_prefix(FAILED) else { return };
    let address = object.map(|object| object.as_ptr() as usize);
    let element =
        TOLD.lock().iter().find(|(known, _)| Some(*known) == address).and_then(|(_, e)| e.upgrade());
    if let Some(element) = element {
        let told = gst::Structure::builder(MESSAGE).field("cause", cause).build();
        // Without a bus there is nobody to be told.
        drop(element.post_message(gst::message::Element::new(told)));
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A connection to a closed port of this machine is refused at once.
    const REFUSED: gst::ClockTime = gst::ClockTime::from_seconds(10);

    #[test]
    fn why_a_request_failed_is_told_on_the_bus() {
        crate::gst::init().unwrap();
        // Taken, so that nobody listens there meanwhile.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = taken.local_addr().unwrap().port();
        let description = format!("souphttpsrc name=source location=http://127.0.0.1:{port}/ ! fakesink");
        let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
        tell(&pipeline.by_name("source").unwrap());
        // Where it is told at once, the state change fails, too.
        let _ = pipeline.set_state(gst::State::Playing);
        let bus = pipeline.bus().unwrap();
        let messages = std::iter::from_fn(|| bus.timed_pop_filtered(REFUSED, &[gst::MessageType::Element]));
        let cause = messages.filter_map(|told| told.structure().and_then(of)).next().unwrap();
        assert!(cause.contains("Connection refused"), "{cause}");
        pipeline.set_state(gst::State::Null).unwrap();
    }

    /// What the test above logs with this value of `GST_DEBUG`.
    #[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
    fn logged(debug: &str) -> String {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let test = concat!(module_path!(), "::why_a_request_failed_is_told_on_the_bus");
        again.args(["--exact", test.split_once("::").unwrap().1]).stdin(Stdio::null());
        let output = again.env("GST_DEBUG", debug).env("GST_DEBUG_NO_COLOR", "1").output().unwrap();
        let (out, log) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success() && out.contains("1 passed"), "{out}{log}");
        log
    }

    #[test]
    fn whoever_asks_for_a_log_gets_it_and_nobody_else() {
        let failed = |log: &str| log.contains("Sending message failed");
        let both = logged("souphttpsrc:5,GST_STATES:4");
        assert!(failed(&both) && both.contains("GST_STATES"), "{both}");
        let other = logged("GST_STATES:4");
        assert!(!failed(&other) && other.contains("GST_STATES"), "{other}");
        assert_eq!(logged(""), "");
    }
}
