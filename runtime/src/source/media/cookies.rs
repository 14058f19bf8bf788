//! What a site sets while a source is fetched from it goes with the requests for the source's parts. Each element that fetches has
//! a jar of its own, which goes with it; here is one for all that fetch.

use std::sync::LazyLock;
use std::time::Instant;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use parking_lot::Mutex;
use understudy_core::cookie::Jar;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Kept {
    jar: Jar,
    /// How many are open that fetch.
    open: usize,
}

/// Cookies are kept for as long as somebody has one.
#[derive(Debug)]
pub(super) struct Keep(());

/// For one source that is opened.
pub(super) fn keep() -> Keep {
    KEPT.lock().open += 1;
    Keep(())
}

impl Drop for Keep {
    fn drop(&mut self) {
        let mut kept = KEPT.lock();
        kept.open -= 1;
        if kept.open == 0 {
            kept.jar = Jar::default();
        }
    }
}

/// Keeps what is set in answer to this source's requests.
pub(super) fn keep_of(source: &gst::Element) {
    let Some(pad) = source.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, probe| {
        if let Some(answer) = probe.event().and_then(|event| event.structure()) {
            read(answer, &mut KEPT.lock().jar, Instant::now());
        }
        gst::PadProbeReturn::Ok
    });
}

/// Has what was set so far go with this source's next request.
pub(super) fn go_with(source: &gst::Element) {
    let url: Option<String> = source.property("location");
    let header = url.and_then(|url| KEPT.lock().jar.header(&url, Instant::now()));
    // None is no empty list: that would keep its own jar from working, which knows what redirects set.
    let none = || glib::Value::from_type(glib::StrV::static_type());
    let cookies = header.map_or_else(none, |header| glib::StrV::from([header]).to_value());
    source.set_property_from_value("cookies", &cookies);
}

fn read(answer: &gst::StructureRef, jar: &mut Jar, now: Instant) {
    if answer.name() != "http-headers" {
        return;
    }
    let redirected = answer.get::<&str>("redirection-uri").or_else(|_| answer.get::<&str>("uri"));
    let Ok(url) = redirected else { return };
    values(answer, "response-headers", "set-cookie").iter().for_each(|text| jar.set(url, text, now));
    values(answer, "request-headers", "cookie").iter().for_each(|text| jar.sent(url, text, now));
}

/// All headers of this name.
fn values(answer: &gst::StructureRef, headers: &str, name: &str) -> Vec<String> {
    let Ok(headers) = answer.get::<gst::Structure>(headers) else { return Vec::new() };
    let named = headers.iter().filter(|(header, _)| header.as_str().eq_ignore_ascii_case(name));
    named.flat_map(|(_, value)| texts(value)).collect()
}

/// One, or an array of them.
fn texts(value: &glib::SendValue) -> Vec<String> {
    if let Ok(text) = value.get::<String>() {
        return vec![text];
    }
    let array = value.get::<gst::Array>();
    array.map(|array| array.iter().filter_map(|value| value.get().ok()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_whatever_their_case_and_number() {
        crate::gst::init().unwrap();
        let several = gst::Array::new(["a=1", "b=2"]);
        let response = gst::Structure::builder("response-headers").field("set-COOKIE", several).build();
        let request = gst::Structure::builder("request-headers").field("Cookie", "c=3").build();
        let answer = gst::Structure::builder("http-headers")
            .field("uri", "http://a.example/x")
            .field("redirection-uri", "http://b.example/y")
            .field("response-headers", response)
            .field("request-headers", request)
            .build();
        let (mut jar, now) = (Jar::default(), Instant::now());
        read(&answer, &mut jar, now);
        assert_eq!(jar.header("http://b.example/z", now).as_deref(), Some("a=1; b=2; c=3"));
        assert_eq!(jar.header("http://a.example/x", now), None);
    }
}
