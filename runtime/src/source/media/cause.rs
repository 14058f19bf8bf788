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

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(category) = DebugCategory::get(CATEGORY) else { return };
        if category.threshold() < DebugLevel::Debug {
            category.set_threshold(DebugLevel::Debug);
        }
        gst::log::remove_default_log_function();
        gst::log::add_log_function(|category, level, file, function, line, object, message| {
            if category.name() == CATEGORY && level >= DebugLevel::Info {
                post(object, message);
            } else {
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
