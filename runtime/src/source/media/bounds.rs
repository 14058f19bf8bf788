//! What may be opened for media: what it was asked for, and besides that only HTTP, which the guard sees.
//!
//! Playlists and manifests name more to open, by any URI, and GStreamer opens whatever it has an element for: files and
//! sockets of this machine too, some of them outside of any bin where they could be seen. So an element of ours is the
//! first choice for every scheme but HTTP's. It opens nothing, says so, and steps aside for what is permitted.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use parking_lot::Mutex;

/// The only one that fetches by HTTP: it goes through the guard's proxy.
const FETCHES: &str = "souphttpsrc";
/// These connect past the proxy: by a library of their own (librtmp), as demuxers that fetch by themselves, or to whatever
/// a session's description names.
const UNGUARDED: [&str; 5] = ["rtmpsrc", "hlsdemux2", "dashdemux2", "mssdemux2", "sdpdemux"];
/// Above everything else that claims a scheme.
const FIRST: i32 = 1 << 16;
/// A context that is asked for and that nobody has: such a question reaches the pipeline's bus from everywhere, where an
/// error is swallowed by whoever fetches and tries again.
const QUESTION: &str = "understudy.refused";

/// All but HTTP's, of whatever is installed.
static SCHEMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let schemes: BTreeSet<_> = sources().flat_map(|factory| factory.uri_protocols()).collect();
    let others = schemes.into_iter().filter(|scheme| !is_web(scheme));
    // Classes of elements are never unloaded, and neither are their schemes.
    others.map(|scheme| &*Box::leak(scheme.to_string().into_boxed_str())).collect()
});

static PERMITTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The right to open one URI, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(String);

/// From now on `uri` may be opened by whatever GStreamer has for it.
pub(super) fn permit(uri: &str) -> Permit {
    super::prepare();
    PERMITTED.lock().push(uri.to_owned());
    Permit(uri.to_owned())
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut permitted = PERMITTED.lock();
        if let Some(at) = permitted.iter().position(|uri| *uri == self.0) {
            permitted.swap_remove(at);
        }
    }
}

/// Whether this message says that something was not opened.
pub(super) fn refused(message: &gst::message::NeedContext) -> bool {
    message.context_type() == QUESTION
}

/// To be called once, before the first URI is opened.
pub(super) fn enforce() {
    let registry = gst::Registry::get();
    let fetching = sources().filter(|factory| factory.uri_protocols().iter().any(|scheme| is_web(scheme)));
    let past = fetching.filter(|factory| factory.name() != FETCHES);
    let unguarded = UNGUARDED.iter().filter_map(|name| gst::ElementFactory::find(name));
    for factory in past.chain(unguarded).collect::<Vec<_>>() {
        registry.remove_feature(&factory);
    }
    LazyLock::force(&SCHEMES);
    gst::Element::register(None, "notopened", gst::Rank::from(FIRST), Shut::static_type())
        .expect("a name of our own must be free");
}

fn sources() -> impl Iterator<Item = gst::ElementFactory> {
    gst::ElementFactory::factories_with_type(gst::ElementFactoryType::ANY, gst::Rank::NONE)
        .into_iter()
        .filter(|factory| factory.uri_type() == gst::URIType::Src)
}

fn is_web(scheme: &str) -> bool {
    scheme == "http" || scheme == "https"
}

glib::wrapper! {
    /// A source that stays shut.
    pub struct Shut(ObjectSubclass<imp::Shut>) @extends gst::Element, gst::Object, @implements gst::URIHandler;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Shut(Mutex<Option<String>>);

    #[glib::object_subclass]
    impl ObjectSubclass for Shut {
        const NAME: &'static str = "UnderstudyShut";
        type Type = super::Shut;
        type ParentType = gst::Element;
        type Interfaces = (gst::URIHandler,);
    }

    impl ObjectImpl for Shut {
        fn constructed(&self) {
            self.parent_constructed();
            // Whoever made it links it before starting it.
            let pad = gst::Pad::from_template(&Self::pad_templates()[0]);
            self.obj().add_pad(&pad).expect("the first pad must have a name of its own");
        }
    }

    impl GstObjectImpl for Shut {}

    impl ElementImpl for Shut {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new("Not opened", "Source", "Opens nothing", "Understudy")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<[gst::PadTemplate; 1]> = LazyLock::new(|| {
                let any = gst::Caps::new_any();
                let made =
                    gst::PadTemplate::new("src", gst::PadDirection::Src, gst::PadPresence::Always, &any);
                [made.expect("a template of a plain pad must be possible")]
            });
            &*TEMPLATES
        }

        fn change_state(
            &self,
            change: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            if change == gst::StateChange::ReadyToPaused {
                let question = gst::message::NeedContext::builder(QUESTION).src(&*self.obj()).build();
                // Without a bus there is nobody to be told.
                drop(self.obj().post_message(question));
                gst::element_imp_error!(self, gst::ResourceError::NotAuthorized, ("it may not be opened"));
                return Err(gst::StateChangeError);
            }
            self.parent_change_state(change)
        }
    }

    impl URIHandlerImpl for Shut {
        const URI_TYPE: gst::URIType = gst::URIType::Src;

        fn protocols() -> &'static [&'static str] {
            &SCHEMES
        }

        fn uri(&self) -> Option<String> {
            self.0.lock().clone()
        }

        fn set_uri(&self, uri: &str) -> Result<(), glib::Error> {
            if PERMITTED.lock().iter().any(|permitted| permitted == uri) {
                return Err(glib::Error::new(gst::URIError::UnsupportedProtocol, "it is permitted"));
            }
            *self.0.lock() = Some(uri.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What GStreamer would open this with.
    fn opens(uri: &str) -> String {
        let made = gst::Element::make_from_uri(gst::URIType::Src, uri, None).unwrap();
        made.factory().unwrap().name().to_string()
    }

    #[test]
    fn a_uri_is_opened_while_it_is_permitted_by_what_goes_through_the_guard() {
        crate::gst::init().unwrap();
        for (uri, with) in [
            ("file:///etc/hostname", "filesrc"),
            ("rtmp://a.example/live/key", "rtmp2src"),
            ("rtmps://a.example/live/key", "rtmp2src"),
            ("rtsp://a.example/x", "rtspsrc"),
            ("srt://a.example:9000", "srtsrc"),
        ] {
            let (first, second) = (permit(uri), permit(uri));
            assert_eq!(opens(uri), with);
            drop(first);
            assert_eq!(opens(uri), with, "somebody else still plays it");
            drop(second);
            assert_eq!(opens(uri), "notopened");
        }
    }

    #[test]
    fn http_is_fetched_by_what_knows_the_proxy_and_every_other_scheme_is_shut() {
        crate::gst::init().unwrap();
        let _permit = permit("http://a.example/list.m3u8");
        for scheme in SCHEMES.iter() {
            // Not what the test beside this one permits meanwhile.
            assert_eq!(opens(&format!("{scheme}://shut.example/x")), "notopened");
        }
        for scheme in ["file", "udp", "srt", "rtsp", "rtmp", "v4l2"] {
            assert!(SCHEMES.contains(&scheme), "{scheme} is not among {SCHEMES:?}");
        }
        assert_eq!(
            (opens("http://a.example/x"), opens("https://a.example/x")),
            (FETCHES.into(), FETCHES.into())
        );
        assert!(UNGUARDED.iter().all(|name| gst::ElementFactory::find(name).is_none()));
    }
}
