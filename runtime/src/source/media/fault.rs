//! What GStreamer says went wrong, as a reason that stays the same and a message that shows no secret.

use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::input::Failure;
use understudy_core::redact::{redacted, redacted_in};

use super::manifest::ADDRESSES;
use crate::guard::{Policy, Refused, obstacle};

/// Of lists of a radio's addresses (m3u, pls), which are no media.
const A_PLAYLIST: &str = "it is a playlist: give the address that it names";

/// Something went wrong with what was opened.
#[derive(Debug)]
pub(in crate::source) struct Fault {
    reason: &'static str,
    text: String,
    /// What was fetched, where an error names it: a part of a playlist, or what a redirect leads to.
    fetched: Option<String>,
}

/// What elements told apart from errors.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// A decoder that is not installed, in words.
    undecoded: Option<String>,
    /// Why a request failed.
    cause: Option<String>,
}

impl Heard {
    pub(super) fn hear(&mut self, message: &gst::StructureRef) {
        if let Some(decoder) = missing_decoder(message) {
            self.undecoded = Some(decoder);
        }
        if let Some(cause) = super::cause::of(message) {
            self.cause = Some(cause);
        }
    }
}

/// The failure of what `url` stands for.
pub(in crate::source) fn failure(reason: &'static str, url: &str, text: &str) -> Failure {
    Failure { reason, message: format!("{}: {}", redacted(url), redacted_in(text, url)) }
}

impl Fault {
    /// What was heard before it says more than the error itself. `opened`: the URL that was opened.
    pub(super) fn of(message: &gst::message::Error, heard: &Heard, opened: &str) -> Self {
        let (error, debug) = (message.error(), message.debug().unwrap_or_default());
        let source = message.src().map(|source| source.name().to_string()).unwrap_or_default();
        // Neither is always what was asked for: of the one the host is looked up, of the other nobody was asked.
        let fetched = fetched(&debug).or_else(|| fetched(error.message()));
        let told = |text: &str| redacted_in(&redacted_in(text, opened), fetched.unwrap_or_default());
        tracing::debug!(source, error = %told(error.message()), "pipeline error");
        let reason = reason(&error, &debug);
        let (reason, text) = match (reason, heard) {
            (_, Heard { undecoded: Some(decoder), .. }) if decoder == ADDRESSES => {
                ("SourceWrongType", A_PLAYLIST.to_owned())
            }
            ("SourceUnsupported" | "SourceWrongType", Heard { undecoded: Some(decoder), .. }) => {
                ("SourceUnsupported", format!("there is no decoder for {decoder}"))
            }
            ("SourceFailed", Heard { cause: Some(cause), .. }) => {
                let reason = if speaks_of_tls(cause) { "SourceTlsFailed" } else { "SourceUnreachable" };
                (reason, sentence(cause))
            }
            _ => (reason, sentence(said_by_srt(&debug).unwrap_or(error.message()))),
        };
        Self { reason, text: told(&text), fetched: fetched.map(str::to_owned) }
    }

    /// What was fetched names something else to open that is not fetched by HTTP.
    pub(super) fn astray() -> Self {
        let text = "it refers to something that may not be opened".to_owned();
        Self { reason: "SourceUnauthorized", text, fetched: None }
    }

    /// XML that is not looked into.
    pub(super) fn encoded() -> Self {
        let text = "its XML is in an encoding other than UTF-8".to_owned();
        Self { reason: "SourceUnsupported", text, fetched: None }
    }

    /// One kind that is wanted is not there, or cannot be decoded.
    pub(super) fn lacking(what: &str, heard: &Heard) -> Self {
        let (reason, text) = match &heard.undecoded {
            Some(decoder) => {
                ("SourceUnsupported", format!("there is no decoder for {decoder}, so it has no {what}"))
            }
            None => ("SourceWrongType", format!("it has no {what}")),
        };
        Self { reason, text, fetched: None }
    }

    /// What is told of it. The guard's own word for what it did not let through says more than a status of HTTP.
    pub(in crate::source) async fn failure(&self, url: &str, policy: &Policy) -> Failure {
        match self.obstacle(url, policy).await {
            Some(refused @ Refused::Private { .. }) => failure("SourceForbidden", url, &refused.to_string()),
            Some(refused) => failure("SourceUnreachable", url, &refused.to_string()),
            None => failure(self.reason, url, &self.text),
        }
    }

    async fn obstacle(&self, url: &str, policy: &Policy) -> Option<Refused> {
        match self.reason {
            "SourceUnauthorized" | "SourceUnreachable" | "SourceInterrupted" | "SourceFailed" => {
                obstacle(self.fetched.as_deref().unwrap_or(url), policy).await
            }
            _ => None,
        }
    }
}

/// `souphttpsrc` names what it asked for, and what that redirected to, beside its errors.
fn fetched(debug: &str) -> Option<&str> {
    let (_, places) = debug.rsplit_once(", URL: ")?;
    let (asked, redirect) = places.split_once(", Redirect to: ")?;
    Some(redirect.split_whitespace().next().filter(|to| *to != "(NULL)").unwrap_or(asked))
}

/// The words that a message about a missing plugin has for it, as `Windows Media Audio 9 decoder`.
fn missing_decoder(message: &gst::StructureRef) -> Option<String> {
    let name: &str = (message.name() == "missing-plugin").then(|| message.get("name").ok())??;
    Some(name.trim_end_matches(" decoder").to_owned())
}

fn reason(error: &gst::glib::Error, debug: &str) -> &'static str {
    let text = format!("{} {debug}", error.message());
    if speaks_of_tls(&text) {
        return "SourceTlsFailed";
    }
    if let Some(resource) = error.kind::<gst::ResourceError>() {
        return match resource {
            gst::ResourceError::NotFound if !text.contains("resolve") => "SourceNotFound",
            gst::ResourceError::NotAuthorized => "SourceUnauthorized",
            // SRT connects while it reads.
            gst::ResourceError::Read if said_by_srt(debug).is_some_and(never_connected) => {
                "SourceUnreachable"
            }
            gst::ResourceError::Read | gst::ResourceError::Sync => "SourceInterrupted",
            gst::ResourceError::Failed => "SourceFailed",
            _ => "SourceUnreachable",
        };
    }
    match (error.kind::<gst::StreamError>(), error.kind::<gst::CoreError>()) {
        (Some(gst::StreamError::CodecNotFound), _) | (_, Some(gst::CoreError::MissingPlugin)) => {
            "SourceUnsupported"
        }
        (Some(gst::StreamError::WrongType), _) => "SourceWrongType",
        (Some(gst::StreamError::TypeNotFound), _) => "SourceNotMedia",
        (Some(gst::StreamError::Decode | gst::StreamError::Demux | gst::StreamError::Format), _) => {
            "SourceBroken"
        }
        _ => "SourceFailed",
    }
}

/// `srtsrc` has one message for everything; the cause is beside it.
fn said_by_srt(debug: &str) -> Option<&str> {
    debug.rsplit_once("SRT socket: ").map(|(_, cause)| cause)
}

/// As SRT puts it (srt_strerror): one that was connected is broken or lost instead.
fn never_connected(cause: &str) -> bool {
    ["Connection setup failure", "Connection timeout", "Connection rejected"]
        .iter()
        .any(|words| cause.contains(words))
}

fn speaks_of_tls(text: &str) -> bool {
    ["TLS", "certificate", "Secure connection"].iter().any(|word| text.contains(word))
}

/// Demuxers of playlists put an error's place in GStreamer's source behind its words, and the URL of the part behind that,
/// with whatever it lets in.
fn without_whereabouts(text: &str) -> &str {
    let place = text.find(".c(").and_then(|place| text[..place].rfind(": "));
    place.map_or(text, |end| &text[..end])
}

/// Lower case and without a full stop, to stand after the URL.
fn sentence(text: &str) -> String {
    let text = without_whereabouts(text).trim_end_matches('.');
    let mut rest = text.chars();
    match rest.next() {
        Some(first) if !rest.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED_ON: &str = "Forbidden: ../ext/soup/gstsouphttpsrc.c(1688): gst_soup_http_src_parse_status (): \
        /GstPipeline:media/GstSoupHTTPSrc:souphttpsrc0:\nForbidden (403), URL: http://a/b?t=x, Redirect to: (NULL)\n";

    #[test]
    fn where_an_error_was_made_and_the_url_of_a_part_are_not_told() {
        assert_eq!(sentence(PASSED_ON), "forbidden");
        assert_eq!(sentence("Could not connect: Refused."), "could not connect: Refused");
    }

    #[test]
    fn what_was_fetched_is_found_where_an_error_names_it() {
        assert_eq!(fetched(PASSED_ON), Some("http://a/b?t=x"));
        assert_eq!(fetched("Found (302), URL: http://a/b, Redirect to: http://c/d\n"), Some("http://c/d"));
        assert_eq!(fetched("something else"), None);
    }
}
