//! The Livestream: one named way out of a participant, or of media that no participant makes.

use crate::v1alpha1::{AccessStatus, Endpoint, MOST_ENDPOINTS, PodStatus, SecretKeyRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What is sent, and which way. Exactly one origin member is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "understudy.dev",
    version = "v1alpha1",
    kind = "Livestream",
    plural = "livestreams",
    shortname = "lvs",
    category = "understudy",
    namespaced,
    status = "LivestreamStatus",
    derive = "PartialEq",
    doc = "One named way out of a participant, or of a source of its own: picture and sound, live.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Active", type_ = "string", json_path = r#".status.conditions[?(@.type=="Active")].status"#),
    printcolumn(name = "Participant", type_ = "string", json_path = ".spec.participantRef.name"),
    printcolumn(name = "Origin", type_ = "string", json_path = ".status.origin"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Pod", type_ = "string", json_path = ".status.pod.name", priority = 1),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    validation = Rule::new("self.metadata.name.size() <= 50").message("metadata.name must be at most 50 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be lower case letters, digits and dashes")
)]
#[x_kube(
    validation = Rule::new("[has(self.participantRef), has(self.source)].filter(set, set).size() == 1")
        .message("exactly one origin must be set: participantRef or source"),
    validation = Rule::new("has(self.participantRef) == has(oldSelf.participantRef)")
        .message("the kind of origin is immutable"),
    validation = Rule::new("!has(self.source) || !has(self.rendition) && !has(self.frameRate)")
        .message("rendition and frameRate belong to a participantRef: what comes from a source goes out as it came")
)]
pub struct LivestreamSpec {
    /// The participant whose display and speaker are sent. It may come into being later than the livestream. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_ref: Option<ParticipantRef>,
    /// Media that no participant makes, and which a pod of its own fetches. All livestreams of a namespace that take the same from
    /// pods of the same profile share one. Immutable: another source is another livestream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<LivestreamSource>,
    /// Which way it goes. A change is live.
    pub output: LivestreamOutput,
    /// Pictures a second, at most; absent: as many as the page has. Of a participant alone. A change is live: who watches begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub frame_rate: Option<i32>,
    /// What its picture is encoded as; absent: as the page's. Of a participant alone. All that ask for the same share one encoder. A
    /// change is live: who watches begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendition: Option<Rendition>,
}

/// What a picture is encoded as. It is made no larger than the page: `status.rendition` says what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rendition {
    /// Pixels into which the picture fits in its own shape, a multiple of 8; absent: as the height lets it be. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 3840), extend("multipleOf" = 8))]
    pub width: Option<i32>,
    /// Height in pixels, as width. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 2160), extend("multipleOf" = 8))]
    pub height: Option<i32>,
    /// Bits a second of the picture; absent: 2500000. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100_000, max = 20_000_000))]
    pub video_bitrate_bps: Option<i32>,
}

/// A participant in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantRef {
    /// Name of the VirtualParticipant. Immutable.
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("participantRef.name is immutable"))]
    pub name: String,
}

/// Media that goes on, at an address: exactly one of url and urlSecretRef is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) != has(self.urlSecretRef)")
        .message("exactly one of source.url and source.urlSecretRef must be set"),
    validation = Rule::new("self == oldSelf").message("source is immutable")
)]
pub struct LivestreamSource {
    /// `http(s)://…` (progressive, HLS, DASH or Icecast), `rtmp(s)://…`, `rtsp(s)://…` or `srt://…` that everybody may fetch: what
    /// lets one in belongs into urlSecretRef. An address that is not public must be allowed by the runtime profile. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@') && !self.contains('?')")
            .message("source.url must not carry user, password or query: keys belong into source.urlSecretRef"),
        validation = Rule::new(r"self.matches('^(https?|rtmps?|rtsps?|srt)://[^/?#:@\\s\\\\][^/?#@\\s\\\\]*(/[^?#\\s]*)?([?].*)?$')")
            .message("source.url must be http(s)://HOST…, rtmp(s)://HOST…, rtsp(s)://HOST… or srt://HOST…")
    )]
    pub url: Option<String>,
    /// A Secret's value that is such an address, with user, password and query if need be. Once that value changes, what is fetched
    /// begins anew, and the pod stays. Which value it is: Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_secret_ref: Option<SecretKeyRef>,
    /// The runtime profile, kept by the platform, that decides the shape of its pod. Immutable.
    #[serde(default = "default_profile")]
    #[schemars(length(min = 1, max = 63))]
    pub runtime_profile_name: String,
}

/// A way out: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.webRTC), has(self.rtmp), has(self.mpegTS), has(self.rtmpPush), has(self.whip), has(self.recording)].filter(set, set).size() == 1")
    .message("exactly one output must be set: webRTC, rtmp, mpegTS, rtmpPush, whip or recording"))]
pub struct LivestreamOutput {
    /// Viewers fetch it over WHEP. A change is live.
    #[serde(rename = "webRTC", skip_serializing_if = "Option::is_none")]
    pub web_rtc: Option<WebRtcOutput>,
    /// Players fetch it over RTMP and RTMPS. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<RtmpOutput>,
    /// Players fetch it as an MPEG transport stream over a WebSocket. A change is live.
    #[serde(rename = "mpegTS", skip_serializing_if = "Option::is_none")]
    pub mpeg_ts: Option<MpegTsOutput>,
    /// It is published at another server of RTMP or RTMPS. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp_push: Option<RtmpPushOutput>,
    /// It is published at a server of WHIP. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whip: Option<WhipOutput>,
    /// It is kept in a file of its pod, from which it can be fetched. A change is live: that file is finished, and another begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingOutput>,
}

/// Settings of an output over WebRTC; none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct WebRtcOutput {}

/// Settings of an output over RTMP; none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct RtmpOutput {}

/// Settings of an output as MPEG-TS; none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct MpegTsOutput {}

/// Where it is published: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlSecretRef)")
    .message("exactly one of rtmpPush.url and rtmpPush.urlSecretRef must be set"))]
pub struct RtmpPushOutput {
    /// `rtmp(s)://HOST/APP/NAME` of a server that lets everybody publish there: what lets one in belongs into urlSecretRef. An
    /// address that is not public must be allowed by the runtime profile. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@') && !self.contains('?')")
            .message("rtmpPush.url must not carry user, password or query: keys belong into rtmpPush.urlSecretRef"),
        validation = Rule::new(r"self.matches('^rtmps?://[^/?#:\\s\\\\][^/?#\\s\\\\]*/\\S*$')")
            .message("rtmpPush.url must be rtmp(s)://HOST/…")
    )]
    pub url: Option<String>,
    /// A Secret's value that is such an address, key included. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_secret_ref: Option<SecretKeyRef>,
}

/// A server of WHIP (RFC 9725).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhipOutput {
    /// `https://HOST/…`, or `http://HOST/…` for servers within a cluster. An address that is not public must be allowed by the runtime
    /// profile. A change is live.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@')")
            .message("whip.url must not carry user or password: keys belong into whip.tokenSecretRef"),
        validation = Rule::new(r"self.matches('^https?://[^/?#:\\s\\\\][^/?#\\s\\\\]*([/?#]\\S*)?$')")
            .message("whip.url must be http(s)://HOST…")
    )]
    pub url: String,
    /// A Secret's value that is the bearer token; absent: the server asks for none. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
}

/// A file of fragmented MP4. It is called by the livestream's name, and goes with its pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingOutput {
    /// It ends by itself after so many seconds; absent: never. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_duration_seconds: Option<i32>,
    /// It ends by itself before its file has more megabytes; absent: as the runtime's settings say, 500. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 10_000))]
    pub max_size_megabytes: Option<i32>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LivestreamStatus {
    /// The newest generation of the spec that was answered: carried out, or refused for the reasons in the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary of the conditions for people: Pending, Ready, Active, Disrupted, Failed or Terminating. More may come;
    /// programs should read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 63))]
    pub phase: Option<LivestreamPhase>,
    /// RuntimeReady, Ready (a keyframe has been produced and the way out is open) and Active (somebody takes it); Reconciling
    /// and Stalled for tools that wait. Of one with a source, Accepted and PodScheduled as a participant has them, too, and
    /// InputsReady: what its source sends arrives, without which it is not Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = 32, "x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The types of those conditions that are not true because something is wrong, and not because it is on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::v1alpha1::types_schema")]
    pub failing: Vec<String>,
    /// The newest generation of the spec with which it was Ready: what breaks after that is Disrupted, not Failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_generation: Option<i64>,
    /// Of one with a source: what it takes, without what lets one in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub origin: Option<String>,
    /// Of one with a source: the pod that fetches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodStatus>,
    /// Of one with a source: how to be let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessStatus>,
    /// Where it can be watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = MOST_ENDPOINTS, "x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub endpoints: Vec<Endpoint>,
    /// What its picture is encoded as, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendition: Option<EncodedAs>,
    /// The file of one that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingFile>,
}

/// What a picture is encoded as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EncodedAs {
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// Pictures a second, at most.
    pub frame_rate: i32,
    /// Bits a second of the picture.
    pub video_bitrate_bps: i32,
}

/// The file of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingFile {
    /// When it was begun.
    pub started_at: Time,
    /// When it ended; absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// What it has of one that has ended. How one grows is told by the session's `/recording/list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
}

/// A summary of the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivestreamPhase {
    /// The participant is not there, or the runtime is still coming up.
    Pending,
    /// Somebody could take it.
    Ready,
    /// Somebody takes it.
    Active,
    /// It was ready, and something broke that is being repaired.
    Disrupted,
    /// It cannot become ready as it is described.
    Failed,
    /// It is being deleted.
    Terminating,
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

fn default_profile() -> String {
    "default".into()
}
