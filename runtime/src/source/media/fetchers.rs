//! Every element that fetches by HTTP. Some of them are in no bin, as what reads a playlist or a manifest again: they are found
//! where all are, by a tracer.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;

use super::{cookies, encoding, timing};

/// The type of what fetches; its factory is not yet known when the first one is made.
const FETCHES: &str = "GstSoupHTTPSrc";

/// To be called once, before the first URI is opened.
pub(super) fn follow() {
    static TRACER: LazyLock<Finder> = LazyLock::new(|| glib::Object::new());
    LazyLock::force(&TRACER);
}

glib::wrapper! {
    pub struct Finder(ObjectSubclass<imp::Finder>) @extends gst::Tracer, gst::Object;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Finder;

    #[glib::object_subclass]
    impl ObjectSubclass for Finder {
        const NAME: &'static str = "UnderstudyFinder";
        type Type = super::Finder;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for Finder {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::ElementNew);
            self.register_hook(TracerHook::ElementChangeStatePre);
        }
    }

    impl GstObjectImpl for Finder {}

    impl TracerImpl for Finder {
        fn element_new(&self, _: u64, element: &gst::Element) {
            if element.type_().name() == FETCHES {
                encoding::refuse_in(element);
                timing::rename_in(element);
                cookies::keep_of(element);
            }
        }

        fn element_change_state_pre(&self, _: u64, element: &gst::Element, change: gst::StateChange) {
            // Each request begins with it; the URL is known by then.
            if change == gst::StateChange::ReadyToPaused && element.type_().name() == FETCHES {
                cookies::go_with(element);
            }
        }
    }
}
