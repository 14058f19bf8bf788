//! What the API server lets in, and in which words it refuses the rest: the rules run where users meet them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests as well")]

#[path = "admission/invitation.rs"]
mod invitation;
#[path = "admission/profile.rs"]
mod profile;
#[path = "admission/released.rs"]
mod released;
#[path = "admission/sharing.rs"]
mod sharing;
mod support;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;
use understudy_crds::definitions;

/// The API server takes a second to serve a new definition; a busy machine takes longer.
const ESTABLISHED: Duration = Duration::from_secs(60);

async fn admin() -> Client {
    let client = support::client().await;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for (_file, definition) in definitions() {
        let name = definition.name_any();
        let params = PatchParams::apply("test").force();
        api.patch(&name, &params, &Patch::Apply(&definition)).await.unwrap();
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        tokio::time::timeout(ESTABLISHED, established).await.unwrap().unwrap();
    }
    client
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("understudy.dev", "v1alpha1", kind));
    match kind {
        "RuntimeProfile" => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), "default", &resource),
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec
    }))
    .unwrap()
}

/// Nothing is stored; the answer is the object as it would be, or the words of the refusal.
async fn tried(client: &Client, kind: &str, name: &str, spec: Value) -> Result<DynamicObject, String> {
    let params = PostParams { dry_run: true, ..PostParams::default() };
    // The definitions may be served by another handler for a moment.
    for _attempt in 0..100 {
        match api(client, kind).create(&params, &object(kind, name, &spec)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(kube::Error::Api(status)) => return Err(status.message.clone()),
            other => return Ok(other.unwrap()),
        }
    }
    panic!("{kind} is not served");
}

async fn accepts(client: &Client, kind: &str, specs: &[Value]) {
    for spec in specs {
        let outcome = tried(client, kind, "ada", spec.clone()).await;
        assert!(outcome.is_ok(), "{spec} was refused: {outcome:?}");
    }
}

async fn refuses(client: &Client, kind: &str, table: &[(Value, &str)]) {
    for (spec, words) in table {
        match tried(client, kind, "ada", spec.clone()).await {
            Ok(_) => panic!("{spec} was let in"),
            Err(message) => {
                assert!(message.contains(words), "{spec} was refused with {message:?}, without {words:?}");
            }
        }
    }
}

fn page(url: &str) -> Value {
    json!({"page": {"url": url}})
}

fn video(url: &str) -> Value {
    json!({"inputs": {"video": {"file": {"url": url}}}})
}

fn stream(url: &str) -> Value {
    json!({"inputs": {"audio": {"stream": {"url": url}}}})
}

fn shaped(shape: &Value) -> Value {
    let mut video = json!({"socket": {}});
    video.as_object_mut().unwrap().extend(shape.as_object().unwrap().clone());
    json!({"inputs": {"video": video}})
}

#[tokio::test]
async fn participants_that_make_sense_are_let_in() {
    let client = admin().await;
    let specs = [
        json!({}),
        page("understudy:mirror"),
        page("https://example.com/room?name=ada#x"),
        page("http://example.com:8080"),
        video("understudy:test-picture"),
        video("file:///media/clip.mp4"),
        json!({"page": {"url": "understudy:mirror", "width": 3840, "height": 2160, "frameRate": 60}}),
        json!({"displayName": "Ada", "attributes": {"role": "host"}}),
        json!({"inputs": {}}),
        json!({"inputs": {"video": {"socket": {}}, "audio": {"webRTC": {}, "destination": "Speaker"}, "startPaused": true}}),
        video("http://example.com/clip.mp4"),
        video("https://example.com/clips/../clip.mp4?user=a@b"),
        video("file:///media/a@b.mp4"),
        stream("http://192.0.2.1:8000/radio.opus"),
        stream("https://example.com/live/index.m3u8?at=a@b"),
        stream("rtmp://example.com/live/key"),
        stream("rtmps://example.com:443/live/key"),
        stream("rtsp://[2001:db8::1]:554/1"),
        stream("rtsps://camera.example/1"),
        stream("srt://example.com:9000?streamid=a"),
        stream("srt://example.com:9000?mode=caller"),
        shaped(&json!({"width": 2, "height": 7680, "frameRate": 1})),
        shaped(&json!({"width": 641, "height": 361, "frameRate": 60})),
        shaped(&json!({"frameRate": 25})),
    ];
    accepts(&client, "VirtualParticipant", &specs).await;
}

#[tokio::test]
async fn participants_that_make_no_sense_are_refused_by_the_name_of_the_field() {
    let client = admin().await;
    let size =
        |width: i64, height: i64| json!({"page": {"url": "understudy:x", "width": width, "height": height}});
    let url = "page.url must be";
    let file = "file.url must be";
    let table = [
        (page("ftp://example.com"), url),
        (page("https://user:password@example.com/"), url),
        (page("javascript:alert(1)"), url),
        (page("understudy:"), url),
        (page("https://exa mple.com"), url),
        (page(""), "spec.page.url"),
        (json!({"page": {}}), "spec.page.url"),
        (size(319, 720), "spec.page.width"),
        (size(1284, 720), "spec.page.width"),
        (size(1280, 724), "spec.page.height"),
        (size(1280, 232), "spec.page.height"),
        (size(1280, 4000), "spec.page.height"),
        (json!({"page": {"url": "understudy:x", "frameRate": 0}}), "spec.page.frameRate"),
        (video("rtmp://example.com/live/key"), file),
        (video("https:///clip.mp4"), file),
        (video("https://example.com/a b.mp4"), file),
        (video("file:///media/../etc/passwd"), file),
        (video("/media/clip.mp4"), file),
        (json!({"displayName": ""}), "spec.displayName"),
        (json!({"attributes": {"role": "x".repeat(257)}}), "spec.attributes"),
        (json!({"runtimeProfileName": ""}), "spec.runtimeProfileName"),
    ];
    refuses(&client, "VirtualParticipant", &table).await;
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused_by_the_name_of_the_field() {
    let client = admin().await;
    let inputs = |inputs: Value| json!({"inputs": inputs});
    let url = "stream.url must be";
    let keys = "must not carry user or password";
    let one = "exactly one source must be set in inputs.video: stream, file, socket or webRTC";
    let one_sound = "exactly one source must be set in inputs.audio: stream, file, socket or webRTC";
    let together = "inputs.video.width and inputs.video.height must be set together";
    let table = [
        (inputs(json!({"video": {}})), one),
        (inputs(json!({"video": {"socket": {}, "webRTC": {}}})), one),
        (inputs(json!({"video": {"file": {"url": "understudy:x"}, "stream": {"url": "http://a"}}})), one),
        (inputs(json!({"video": {"width": 640, "height": 360}})), one),
        (inputs(json!({"video": {"socket": null}})), one),
        (inputs(json!({"audio": {}})), one_sound),
        (inputs(json!({"audio": {"file": null}})), one_sound),
        (inputs(json!({"audio": {"destination": "Speaker"}})), one_sound),
        (inputs(json!({"audio": {"socket": {}, "destination": "speaker"}})), "spec.inputs.audio.destination"),
        (inputs(json!({"audio": {"stream": {}}})), "spec.inputs.audio.stream.url"),
        (inputs(json!({"startPaused": "yes"})), "spec.inputs.startPaused"),
        (stream("file:///media/clip.mp4"), url),
        (stream("understudy:test-picture"), url),
        (stream("udp://239.0.0.1:5000"), url),
        (stream("rtsp://"), url),
        (stream("srt://:9000"), url),
        (stream("srt://example.com:9000?mode=listener"), "stream.url must call"),
        (stream("srt://example.com:9000?streamid=a&mode=rendezvous&latency=20"), "stream.url must call"),
        (stream("http://a b"), url),
        (stream("http://a\tb"), url),
        (stream(""), "spec.inputs.audio.stream.url"),
        (stream("rtsp://user:password@camera.example/1"), keys),
        (stream("rtsp://user@camera.example/1"), keys),
        (stream("srt://a:b@example.com:9000"), keys),
        (video("https://user:password@example.com/clip.mp4"), keys),
        (shaped(&json!({"width": 640})), together),
        (shaped(&json!({"height": 360})), together),
        (shaped(&json!({"width": 1, "height": 360})), "spec.inputs.video.width"),
        (shaped(&json!({"width": 640, "height": 7681})), "spec.inputs.video.height"),
        (shaped(&json!({"frameRate": 61})), "spec.inputs.video.frameRate"),
        (shaped(&json!({"frameRate": 0})), "spec.inputs.video.frameRate"),
    ];
    refuses(&client, "VirtualParticipant", &table).await;
}

#[tokio::test]
async fn livestreams_are_of_one_participant_and_go_one_way() {
    let client = admin().await;
    let of = json!({"name": "ada"});
    let by = |output: Value| json!({"participantRef": of, "output": output});
    let encoded =
        |rendition: Value| json!({"participantRef": of, "output": {"rtmp": {}}, "rendition": rendition});
    let key = json!({"name": "cdn", "key": "url"});
    let rows = [
        by(json!({"webRTC": {}})),
        by(json!({"rtmp": {}})),
        by(json!({"mpegTS": {}})),
        by(json!({"rtmpPush": {"url": "rtmps://live.example.org/app/name"}})),
        by(json!({"rtmpPush": {"urlSecretRef": key}})),
        by(json!({"whip": {"url": "https://live.example.org/whip"}})),
        by(json!({"whip": {"url": "http://whip.stage:8080", "tokenSecretRef": key}})),
        by(json!({"recording": {}})),
        by(json!({"recording": {"maxDurationSeconds": 3600, "maxSizeMegabytes": 10}})),
        json!({"participantRef": of, "output": {"rtmp": {}}, "frameRate": 15}),
        encoded(json!({})),
        encoded(json!({"width": 640})),
        encoded(json!({"width": 3840, "height": 2160, "videoBitrateBps": 20_000_000})),
    ];
    accepts(&client, "Livestream", &rows).await;
    let table = [
        (json!({"output": {"webRTC": {}}}), "exactly one origin must be set"),
        (json!({"participantRef": of, "output": {}}), "exactly one output must be set"),
        (json!({"participantRef": of, "output": {"webRTC": null}}), "exactly one output must be set"),
        (json!({"participantRef": of}), "spec.output"),
        (by(json!({"webRTC": {}, "rtmp": {}})), "exactly one output must be set"),
        (by(json!({"rtmpPush": {}})), "exactly one of rtmpPush.url and rtmpPush.urlSecretRef"),
        (by(json!({"rtmpPush": {"url": "rtmp://a/b", "urlSecretRef": key}})), "exactly one of rtmpPush.url"),
        (by(json!({"rtmpPush": {"url": "http://a/b"}})), "rtmpPush.url must be rtmp(s)://HOST/"),
        (by(json!({"rtmpPush": {"url": "rtmp://me:word@a/b"}})), "rtmpPush.url must not carry"),
        (by(json!({"rtmpPush": {"url": "rtmp://a/b?key=c"}})), "rtmpPush.url must not carry"),
        (by(json!({"rtmpPush": {"urlSecretRef": {"name": "cdn"}}})), "spec.output.rtmpPush.urlSecretRef.key"),
        (by(json!({"whip": {}})), "spec.output.whip.url"),
        (by(json!({"whip": {"url": "rtmp://a"}})), "whip.url must be http(s)://HOST"),
        (by(json!({"whip": {"url": "https://me:word@a/"}})), "whip.url must not carry"),
        (by(json!({"recording": {}, "rtmp": {}})), "exactly one output must be set"),
        (by(json!({"recording": {"maxDurationSeconds": 0}})), "spec.output.recording.maxDurationSeconds"),
        (by(json!({"recording": {"maxSizeMegabytes": 9}})), "spec.output.recording.maxSizeMegabytes"),
        (by(json!({"recording": {"maxSizeMegabytes": "1Gi"}})), "spec.output.recording.maxSizeMegabytes"),
        (encoded(json!({"width": 642})), "spec.rendition.width"),
        (encoded(json!({"width": 56})), "spec.rendition.width"),
        (encoded(json!({"height": 2168})), "spec.rendition.height"),
        (encoded(json!({"videoBitrateBps": 99_999})), "spec.rendition.videoBitrateBps"),
        (json!({"participantRef": of, "output": {"rtmp": {}}, "frameRate": 0}), "spec.frameRate"),
        (json!({"participantRef": of, "output": {"rtmp": {}}, "frameRate": 61}), "spec.frameRate"),
        (json!({"participantRef": {"name": ""}, "output": {"webRTC": {}}}), "spec.participantRef.name"),
    ];
    refuses(&client, "Livestream", &table).await;
}

#[tokio::test]
async fn a_livestream_with_a_source_is_of_no_participant_and_shows_nothing_that_lets_one_in() {
    let client = admin().await;
    let from = |source: Value| json!({"source": source, "output": {"webRTC": {}}});
    let at = |url: &str| from(json!({"url": url}));
    let key = json!({"name": "camera", "key": "url"});
    let rows = [
        at("rtsp://camera.example:8554/1"),
        at("rtmps://live.example.org/app/name"),
        at("srt://relay.example.org:9000"),
        at("https://media.example.org/live/index.m3u8"),
        at("http://[2001:db8::1]:8080/radio.opus"),
        from(json!({"urlSecretRef": key})),
        from(json!({"url": "http://a", "runtimeProfileName": "wide"})),
    ];
    accepts(&client, "Livestream", &rows).await;
    let both =
        json!({"participantRef": {"name": "ada"}, "source": {"url": "http://a"}, "output": {"rtmp": {}}});
    let table = [
        (both, "exactly one origin must be set"),
        (from(json!({})), "exactly one of source.url and source.urlSecretRef"),
        (
            json!({"source": {"url": "http://a"}, "output": {"webRTC": {}}, "frameRate": 15}),
            "rendition and frameRate belong to a participantRef",
        ),
        (from(json!({"url": "http://a", "urlSecretRef": key})), "exactly one of source.url"),
        (at("rtsp://me:word@camera.example/1"), "source.url must not carry"),
        (at("srt://relay.example.org:9000?streamid=read:word"), "source.url must not carry"),
        (at("https://media.example.org/index.m3u8?token=word"), "source.url must not carry"),
        (at("file:///etc/hostname"), "source.url must be http(s)://HOST"),
        (at("understudy:test-picture"), "source.url must be http(s)://HOST"),
        (at("http://"), "source.url must be http(s)://HOST"),
        (at("http://a b/"), "source.url must be http(s)://HOST"),
        (from(json!({"urlSecretRef": {"name": "camera"}})), "spec.source.urlSecretRef.key"),
        (from(json!({"url": "http://a", "runtimeProfileName": ""})), "spec.source.runtimeProfileName"),
    ];
    refuses(&client, "Livestream", &table).await;
    let filled = tried(&client, "Livestream", "filled", at("http://a")).await.unwrap();
    assert_eq!(filled.data["spec"]["source"]["runtimeProfileName"], "default");
}

#[tokio::test]
async fn names_are_short_enough_for_pods_and_plain_enough_for_urls() {
    let client = admin().await;
    let spec = json!({});
    let named = async |name: &str| tried(&client, "VirtualParticipant", name, spec.clone()).await;
    assert!(named(&"a".repeat(50)).await.is_ok());
    assert!(named(&"a".repeat(51)).await.unwrap_err().contains("at most 50 characters"));
    assert!(named("ada.lovelace").await.unwrap_err().contains("lower case letters, digits and dashes"));
}

#[tokio::test]
async fn what_is_left_out_is_filled_in() {
    let client = admin().await;
    let ada = tried(&client, "VirtualParticipant", "ada", video("understudy:x")).await.unwrap();
    assert_eq!(ada.data["spec"]["runtimeProfileName"], "default");
    assert_eq!(ada.data["spec"]["inputs"]["video"]["file"]["loop"], true);
    assert_eq!(ada.data["spec"]["inputs"]["startPaused"], false);
    let ada = tried(&client, "VirtualParticipant", "ada", stream("http://a/b")).await.unwrap();
    let expected = json!({"stream": {"url": "http://a/b"}, "destination": "Microphone"});
    assert_eq!(ada.data["spec"]["inputs"]["audio"], expected);
    let ada = tried(&client, "VirtualParticipant", "ada", page("understudy:x")).await.unwrap();
    let expected = json!({"url": "understudy:x", "width": 1280, "height": 720, "frameRate": 30});
    assert_eq!(ada.data["spec"]["page"], expected);
}

/// Tools that wait for an object take one without a status for ready.
#[tokio::test]
async fn an_object_that_nobody_has_looked_at_is_in_progress() {
    let client = admin().await;
    let livestream = json!({"participantRef": {"name": "ada"}, "output": {"webRTC": {}}});
    for (kind, spec) in [("VirtualParticipant", json!({})), ("Livestream", livestream)] {
        let made =
            api(&client, kind).create(&PostParams::default(), &object(kind, "unseen", &spec)).await.unwrap();
        let expected = json!({"conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "Pending", "message": "waiting for the operator",
            "lastTransitionTime": "1970-01-01T00:00:00Z"
        }]});
        let read = api(&client, kind).get("unseen").await.unwrap();
        assert_eq!((&made.data["status"], &read.data["status"]), (&expected, &expected), "{kind}");
    }
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let client = admin().await;
    let participants = api(&client, "VirtualParticipant");
    participants
        .create(&PostParams::default(), &object("VirtualParticipant", "fixed", &json!({})))
        .await
        .unwrap();
    let patched = async |api: &Api<DynamicObject>, spec: Value| {
        let patch = json!({"spec": spec});
        let outcome = api.patch("fixed", &PatchParams::default(), &Patch::Merge(&patch)).await;
        outcome.map(|_object| ()).map_err(|error| error.to_string())
    };
    let error = patched(&participants, json!({"runtimeProfileName": "other"})).await.unwrap_err();
    assert!(error.contains("runtimeProfileName is immutable"), "{error}");
    patched(&participants, json!({"displayName": "Bea"})).await.unwrap();

    let livestreams = api(&client, "Livestream");
    let spec = json!({"participantRef": {"name": "ada"}, "output": {"webRTC": {}}});
    livestreams.create(&PostParams::default(), &object("Livestream", "fixed", &spec)).await.unwrap();
    let error = patched(&livestreams, json!({"participantRef": {"name": "bea"}})).await.unwrap_err();
    assert!(error.contains("participantRef.name is immutable"), "{error}");
    let source = json!({"url": "http://a"});
    let error = patched(&livestreams, json!({"participantRef": null, "source": source})).await.unwrap_err();
    assert!(error.contains("the kind of origin is immutable"), "{error}");

    livestreams.delete("fixed", &DeleteParams::default()).await.unwrap();
    let spec = json!({"source": source, "output": {"webRTC": {}}});
    livestreams.create(&PostParams::default(), &object("Livestream", "fixed", &spec)).await.unwrap();
    for change in [json!({"url": "http://b"}), json!({"runtimeProfileName": "wide"})] {
        let error = patched(&livestreams, json!({"source": change})).await.unwrap_err();
        assert!(error.contains("source is immutable"), "{error}");
    }
    patched(&livestreams, json!({"output": {"webRTC": null, "rtmp": {}}})).await.unwrap();
}

#[tokio::test]
async fn examples_are_let_in() {
    let client = admin().await;
    for (file, kind) in [
        ("ada.yaml", "VirtualParticipant"),
        ("ada-live.yaml", "Livestream"),
        ("shared.yaml", "VirtualParticipant"),
        ("stages/whip.yaml", "VirtualParticipant"),
        ("stages/page.yaml", "VirtualParticipant"),
        ("inputs/socket.yaml", "VirtualParticipant"),
        ("inputs/webrtc.yaml", "VirtualParticipant"),
        ("livestreams/rtmp.yaml", "Livestream"),
        ("livestreams/push.yaml", "Livestream"),
        ("livestreams/whip.yaml", "Livestream"),
        ("livestreams/recording.yaml", "Livestream"),
        ("livestreams/from-url.yaml", "Livestream"),
    ] {
        let text = std::fs::read_to_string(support::repository("examples").join(file)).unwrap();
        // Behind a Secret that it names.
        let last = text.split("\n---\n").last().unwrap_or_default();
        let example: DynamicObject = serde_yaml_ng::from_str(last).unwrap();
        let outcome = tried(&client, kind, &example.name_any(), example.data["spec"].clone()).await;
        assert!(outcome.is_ok(), "{file}: {outcome:?}");
    }
}

/// Written out as the first version of this API wrote it: what was stored then is read and changed under today's rules.
#[tokio::test]
async fn a_participant_of_the_first_version_is_still_valid() {
    let client = admin().await;
    let spec = json!({
        "runtimeProfileName": "default",
        "displayName": "Ada",
        "attributes": {"role": "host"},
        "page": {"url": "understudy:mirror", "width": 1280, "height": 720, "frameRate": 30},
        "inputs": {
            "video": {"file": {"url": "understudy:test-picture", "loop": true}},
            "audio": {"file": {"url": "file:///media/tone@1.mkv", "loop": false}}
        }
    });
    let stored = tried(&client, "VirtualParticipant", "old", spec.clone()).await.unwrap();
    let mut expected = spec;
    expected["inputs"]["audio"]["destination"] = json!("Microphone");
    expected["inputs"]["startPaused"] = json!(false);
    expected["onDisruption"] = json!("Rejoin");
    assert_eq!(stored.data["spec"], expected, "nothing of it is lost, and what is new is filled in");
}
