//! The VirtualParticipant: one identity with a face, a voice, ears and a screen.

use crate::v1alpha1::{
    Endpoint, Inputs, Invitation, LastSession, Limits, MOST_ENDPOINTS, MOST_SETTLED, OnControlLoss,
    OnDisruption, Page, RestStatus, SessionStatus, SettledInvitation, Sharing,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the participant is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "understudy.dev",
    version = "v1alpha1",
    kind = "VirtualParticipant",
    plural = "virtualparticipants",
    shortname = "vp",
    category = "understudy",
    namespaced,
    status = "VirtualParticipantStatus",
    derive = "PartialEq",
    doc = "One identity that a media runtime gives a face, a voice, ears and a screen, in a pod of its own.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Camera", type_ = "string", json_path = ".status.media.camera"),
    printcolumn(name = "Pod", type_ = "string", json_path = ".status.pod.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.pod.node", priority = 1),
    printcolumn(
        name = "Invitation",
        type_ = "string",
        json_path = ".status.session.invitationId",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    validation = Rule::new("self.metadata.name.size() <= 50").message("metadata.name must be at most 50 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be lower case letters, digits and dashes"),
    validation = Rule::new(
            "!has(self.spec.invitation) || !has(self.spec.invitation.stage.page) || has(self.spec.page)"
        )
        .message("invitation.stage.page needs spec.page: a participant without a page has no browser that could open one")
)]
pub struct VirtualParticipantSpec {
    /// The runtime profile, kept by the platform, that decides the shape of the pod. Immutable.
    #[serde(default = "default_profile")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("runtimeProfileName is immutable"))]
    pub runtime_profile_name: String,
    /// The name that people know the participant by; absent: the object's name. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,
    /// Free facts about the participant, for people and their programs. A change is live.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "attributes_schema")]
    pub attributes: BTreeMap<String, String>,
    /// The page that the browser shows; absent: neither browser nor display runs, which is far cheaper. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// What camera and microphone carry; absent: a slate and silence. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// The stage that the participant is invited to; absent: it leaves the one that it is on. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// How long invitations may take, and how long a pod is kept that nobody has a use for. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What becomes of an invitation whose pod ended: `Rejoin` (the next pod joins the stage) or `Fail` (it has come to its end, as
    /// `Disrupted`). A change is live.
    #[serde(default)]
    pub on_disruption: OnDisruption,
    /// What the runtime does on its stage without an operator; absent: it goes on. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_control_loss: Option<OnControlLoss>,
    /// Who steers what streamers show of it, how many watch, and what they show beside its page; absent: as the runtime's settings say. A
    /// change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
}

/// What the participant is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualParticipantStatus {
    /// The newest generation of the spec that was answered: carried out, or refused for the reasons in the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary of the conditions for people: Pending, Provisioning, Available, Invited, Connected, Published, Leaving, Idle,
    /// Completed, Disrupted, Failed or Terminating. More may come; programs should read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 63))]
    pub phase: Option<ParticipantPhase>,
    /// Accepted, PodScheduled, RuntimeReady, DevicesReady, PageReady, InputsReady, Invited, Connected, Published and Ready;
    /// Reconciling and Stalled for tools that wait. Ready is RuntimeReady, DevicesReady, PageReady and InputsReady together.
    /// InputsReady is also true while a source waits for somebody to send, is paused, or has come to its end; it is false while a
    /// source fails or stalls. PageReady is also false while the runtime refuses `sharing`, or is too old for it. Accepted is
    /// false while a successor of the pod could not be made; a pod that runs goes on. Invited is true once the runtime carries
    /// the invitation out as it is described, and false while the Secret of its stage is faulty, although what runs goes on;
    /// Connected while there is a way for media to the stage, Published while media is sent and the stage says that it arrives;
    /// Ready does not depend on them.
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
    /// The pod that runs the participant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodStatus>,
    /// The runtime profile that the pod was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub runtime_profile_name: Option<String>,
    /// The revision of that profile: names what it said when the pod was built. Another one than that of younger pods: the
    /// profile has changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub runtime_profile_revision: Option<String>,
    /// What the runtime found and chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaStatus>,
    /// The last thing that went wrong; kept when it is repaired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The invitation that is carried out, or is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionStatus>,
    /// The last invitation that came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_session: Option<LastSession>,
    /// Invitations that came to their end, the newest last: none of them is carried out again under its id. Older ones are
    /// forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = MOST_SETTLED, "x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub settled_invitations: Vec<SettledInvitation>,
    /// Since when nobody has had a use for it, and whether its pod was removed for that; absent: somebody has, or `limits` does not
    /// count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestStatus>,
    /// Where the participant can be watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = MOST_ENDPOINTS, "x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub endpoints: Vec<Endpoint>,
    /// How to be let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessStatus>,
}

/// A summary of the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParticipantPhase {
    /// No pod yet.
    Pending,
    /// The pod is on its way.
    Provisioning,
    /// All is well and nobody has invited the participant.
    Available,
    /// It is well, and invited to a stage, to which there is no way for media yet.
    Invited,
    /// There is a way for media to its stage.
    Connected,
    /// Its media arrives on its stage.
    Published,
    /// It is well, and on a stage that it was told to leave.
    Leaving,
    /// Nobody has had a use for it for `limits.idleTimeoutSeconds`: its pod was removed, and an invitation brings it back.
    Idle,
    /// The same since its last invitation ended, for `limits.ttlAfterFinishedSeconds`.
    Completed,
    /// It was well, and something broke that is being repaired.
    Disrupted,
    /// It cannot become well as it is described.
    Failed,
    /// It is being deleted.
    Terminating,
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// The pod of a participant, or of a livestream's source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Name of the pod, in the same namespace.
    #[schemars(length(max = 253))]
    pub name: String,
    /// UID of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub uid: Option<String>,
    /// The node it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node: Option<String>,
    /// Counts the pods that there were for it, from 1.
    pub attempt: i32,
    /// The newest that was removed because nobody had a use for it, as `attempt` counts; absent: none was. It did not fail: how
    /// long a pod's successor waits is counted from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rested_attempt: Option<i32>,
}

/// What the runtime found and chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaStatus {
    /// How the camera is made: `pipewire` (a node of PipeWire), `v4l2` (a video device of the node), `file` (one that the
    /// browser reads again and again), or `none` while there is no camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub camera: Option<String>,
    /// The browser's own sandbox: `namespaces` or `disabled`; absent without a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub browser_sandbox: Option<String>,
}

/// Something that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// The reason of the condition that told it.
    #[schemars(length(max = 128))]
    pub code: String,
    /// The message of the condition that told it.
    #[schemars(length(max = 2048))]
    pub message: String,
}

/// How to be let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessStatus {
    /// The Secret with the tokens `view`, `control` and `admin`, in the same namespace.
    #[schemars(length(max = 253))]
    pub secret_name: String,
}

fn default_profile() -> String {
    "default".into()
}

fn attributes_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 256}
    })
}
