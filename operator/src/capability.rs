//! What a runtime must be able to do for a spec, in the control protocol's words. Pure.
//!
//! A runtime ignores what it does not know; it may then serve something else than what was asked for. What it did not
//! announce is therefore a condition.

use crate::condition::Verdict;
use understudy_crds::v1alpha1::{Inputs, Invitation, LivestreamOutput, LivestreamSpec, Sharing, Stage};

/// The reason of what a runtime is too old for.
pub const UNSUPPORTED: &str = "Unsupported";
/// To carry out a source.
pub const ORIGIN: &str = "origin";

/// What these inputs need.
pub fn of_inputs(inputs: &Inputs) -> Vec<&'static str> {
    let (video, audio) = (inputs.video.as_ref(), inputs.audio.as_ref());
    let asked = [
        (
            "input.stream",
            video.map(|video| video.stream.is_some()),
            audio.map(|audio| audio.stream.is_some()),
        ),
        ("input.file", video.map(|video| video.file.is_some()), audio.map(|audio| audio.file.is_some())),
        (
            "input.socket",
            video.map(|video| video.socket.is_some()),
            audio.map(|audio| audio.socket.is_some()),
        ),
        (
            "input.webrtc",
            video.map(|video| video.web_rtc.is_some()),
            audio.map(|audio| audio.web_rtc.is_some()),
        ),
    ];
    let needed = asked.into_iter().filter(|(_, video, audio)| [video, audio].contains(&&Some(true)));
    needed.map(|(name, ..)| name).collect()
}

/// What this sharing needs.
pub fn of_sharing(sharing: &Sharing) -> Vec<&'static str> {
    let asked = [("sharing", true), ("sharing.pages", !sharing.pages.is_empty())];
    asked.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name).collect()
}

/// What this invitation needs.
pub fn of_invitation(invitation: &Invitation) -> Vec<&'static str> {
    let Stage { whip, ivs, page } = &invitation.stage;
    let stages =
        [("stage.whip", whip.is_some()), ("stage.ivs", ivs.is_some()), ("stage.page", page.is_some())];
    let stages = stages.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name);
    stages.chain(invitation.inputs.iter().flat_map(of_inputs)).collect()
}

/// What this livestream needs.
pub fn of_livestream(spec: &LivestreamSpec) -> Vec<&'static str> {
    let LivestreamOutput { web_rtc, rtmp, mpeg_ts, rtmp_push, whip, recording } = &spec.output;
    let asked = [
        (ORIGIN, spec.source.is_some()),
        ("output.webrtc", web_rtc.is_some()),
        ("output.rtmp", rtmp.is_some()),
        ("output.mpegts", mpeg_ts.is_some()),
        ("output.rtmppush", rtmp_push.is_some()),
        ("output.whip", whip.is_some()),
        ("output.recording", recording.is_some()),
        ("output.rendition", spec.rendition.is_some()),
    ];
    asked.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name).collect()
}

/// What is to be said if a runtime that can do `announced` is asked for what needs `needed`.
pub fn missing(needed: &[&str], announced: &[String]) -> Option<Verdict> {
    let lacks = needed.iter().find(|needed| !announced.iter().any(|announced| announced == *needed))?;
    Some(Verdict::wrong(
        UNSUPPORTED,
        &format!(
            "the runtime in the pod does not know {lacks}; upgrade the runtime image of the pod's profile, and delete the pod"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_source_and_output_needs_its_ability() {
        let inputs = |video: serde_json::Value| {
            of_inputs(
                &serde_json::from_value(json!({"video": video, "audio": {"stream": {"url": "http://a"}}}))
                    .unwrap(),
            )
        };
        assert_eq!(inputs(json!({"file": {"url": "understudy:x"}})), ["input.stream", "input.file"]);
        assert_eq!(inputs(json!({"socket": {}})), ["input.stream", "input.socket"]);
        assert_eq!(inputs(json!({"webRTC": {}})), ["input.stream", "input.webrtc"]);
        let invitation = |stage: serde_json::Value| {
            let invitation = json!({"id": "a", "joinBefore": "2030-01-01T00:00:00Z", "stage": stage,
                "inputs": {"audio": {"socket": {}}}});
            of_invitation(&serde_json::from_value(invitation).unwrap())
        };
        assert_eq!(invitation(json!({"whip": {"url": "https://a"}})), ["stage.whip", "input.socket"]);
        let token = json!({"name": "s", "key": "k"});
        assert_eq!(invitation(json!({"ivs": {"tokenSecretRef": token}})), ["stage.ivs", "input.socket"]);
        assert_eq!(invitation(json!({"page": {"url": "https://a"}})), ["stage.page", "input.socket"]);
        let livestream = |spec| of_livestream(&serde_json::from_value(spec).unwrap());
        assert_eq!(livestream(json!({"output": {"webRTC": {}}})), ["output.webrtc"]);
        let source = json!({"source": {"url": "http://a"}, "output": {"rtmp": {}}});
        assert_eq!(livestream(source), ["origin", "output.rtmp"]);
        let recorded = json!({"output": {"recording": {}}, "rendition": {"width": 640}});
        assert_eq!(livestream(recorded), ["output.recording", "output.rendition"]);
    }

    #[test]
    fn sharing_needs_its_ability_and_so_do_further_pages() {
        let sharing = |sharing| of_sharing(&serde_json::from_value(sharing).unwrap());
        assert_eq!(sharing(json!({})), ["sharing"]);
        let pages = json!({"pages": [{"name": "a", "url": "understudy:mirror"}]});
        assert_eq!(sharing(pages), ["sharing", "sharing.pages"]);
    }

    #[test]
    fn what_was_not_announced_is_wrong_and_says_what_to_upgrade() {
        let announced = ["output.webrtc".to_owned()];
        assert_eq!(missing(&["output.webrtc"], &announced), None);
        let verdict = missing(&["output.webrtc", "input.socket"], &announced).unwrap();
        assert!(verdict.is_failure() && verdict.message.contains("input.socket"), "{verdict:?}");
    }
}
