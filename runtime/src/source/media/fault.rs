//! What GStreamer says went wrong, as a reason that stays the same and a message that shows no secret.

use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::input::Failure;
use understudy_core::redact::{redacted, redacted_in};

/// Something went wrong with what was opened.
#[derive(Debug)]
pub(in crate::source) struct Fault {
    reason: &'static str,
    text: String,
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
    /// What was heard before it says more than the error itself.
    pub(super) fn of(message: &gst::message::Error, heard: &Heard) -> Self {
        let (error, debug) = (message.error(), message.debug().unwrap_or_default());
        let source = message.src().map(|source| source.name().to_string()).unwrap_or_default();
        tracing::debug!(source, error = %redacted(error.message()), "pipeline error");
        let reason = reason(&error, &debug);
        match (reason, heard) {
            ("SourceUnsupported" | "SourceWrongType", Heard { undecoded: Some(decoder), .. }) => {
                Self { reason: "SourceUnsupported", text: format!("there is no decoder for {decoder}") }
            }
            ("SourceFailed", Heard { cause: Some(cause), .. }) => {
                let reason = if speaks_of_tls(cause) { "SourceTlsFailed" } else { "SourceUnreachable" };
                Self { reason, text: sentence(cause) }
            }
            _ => Self { reason, text: sentence(said_by_srt(&debug).unwrap_or(error.message())) },
        }
    }

    /// What was fetched names something else to open that is not fetched by HTTP.
    pub(super) fn astray() -> Self {
        let text = "it refers to something that may not be opened".to_owned();
        Self { reason: "SourceUnauthorized", text }
    }

    pub(in crate::source) fn failure(&self, url: &str) -> Failure {
        failure(self.reason, url, &self.text)
    }
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

    #[test]
    fn where_an_error_was_made_and_the_url_of_a_part_are_not_told() {
        let text = "Forbidden: ../ext/soup/gstsouphttpsrc.c(1688): parse (): /GstPipeline:media:\nForbidden (403), \
                    URL: http://a.example/part.ts?token=secret";
        assert_eq!(sentence(text), "forbidden");
        assert_eq!(sentence("Could not connect: Refused."), "could not connect: Refused");
    }
}
