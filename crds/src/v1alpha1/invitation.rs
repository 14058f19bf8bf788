//! The invitation of a participant to a stage: intent, not a command. It is known by its id; taking it away is a kick.

use crate::v1alpha1::{Inputs, SecretKeyRef, WhipOutput};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How many invitations that came to their end are remembered.
pub const MOST_SETTLED: usize = 16;

/// The stage to be on. Whoever is on that of another invitation leaves it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
        "self.id != oldSelf.id || (has(self.stage.whip) == has(oldSelf.stage.whip) \
            && (!has(self.stage.whip) || self.stage.whip.url == oldSelf.stage.whip.url) \
            && has(self.stage.page) == has(oldSelf.stage.page) \
            && (!has(self.stage.page) || self.stage.page.url == oldSelf.stage.page.url))"
    )
    .message("invitation.stage is immutable but for tokenSecretRef: another stage is another invitation, with an id of its own"))]
pub struct Invitation {
    /// Names the invitation: the same id is the same invitation. One that has come to its end is not carried out again under its
    /// id. A change is live: it is another invitation.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9._-]+$')")
        .message("invitation.id must be letters, digits, dots, dashes and underscores"))]
    pub id: String,
    /// Who was not on the stage by then does not join it any more, by the operator's clock. A change is live.
    #[x_kube(validation = Rule::new("self < timestamp('9999-01-01T00:00:00Z')")
        .message("invitation.joinBefore must be before 9999-01-01T00:00:00Z"))]
    pub join_before: Time,
    /// Where the participant performs. Immutable as long as the id stays the same, but for what names its token: there a change is
    /// live.
    pub stage: Stage,
    /// What camera and microphone carry as long as the invitation holds; absent: what the participant's own inputs say. A change is
    /// live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
}

/// Where a participant performs: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.whip), has(self.ivs), has(self.page)].filter(set, set).size() == 1")
    .message("exactly one stage must be set in invitation.stage: whip, ivs or page"))]
pub struct Stage {
    /// A server of WHIP. Immutable as long as the id stays the same, but for its tokenSecretRef: there a change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whip: Option<WhipOutput>,
    /// A stage of Amazon IVS Real-Time. Immutable as long as the id stays the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ivs: Option<IvsStage>,
    /// A page that the participant's browser opens, in place of its own: it publishes camera and microphone. It needs spec.page.
    /// Immutable as long as the id stays the same, but for its tokenSecretRef: there a change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<PageStage>,
}

/// A stage of Amazon IVS Real-Time, which its participant token names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IvsStage {
    /// A Secret's value that is the participant token: it says where the stage is and who the participant is there. A
    /// change is live, and takes nobody from the stage.
    pub token_secret_ref: SecretKeyRef,
}

/// A page that joins a stage by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageStage {
    /// `https://HOST/…`, or `http://HOST/…`, to which browsers give neither camera nor microphone unless HOST is the pod itself. An
    /// address that is not public must be allowed by the runtime profile. Immutable as long as the invitation's id stays the same.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@')")
            .message("page.url must not carry user or password: keys belong into page.tokenSecretRef"),
        validation = Rule::new(r"self.matches('^https?://[^/?#:\\s\\\\][^/?#\\s\\\\]*([/?#]\\S*)?$')")
            .message("page.url must be http(s)://HOST…")
    )]
    pub url: String,
    /// A Secret's value that the page is given as `window.understudy.participantToken`, as long as it is of the origin of url;
    /// absent: none. A change is live, and takes nobody from the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
}

/// How long invitations may take, and how long a pod is kept for a participant that nobody has a use for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// An invitation is given up, as `DeadlineExceeded`, unless what is sent arrives on its stage within so many seconds of being
    /// accepted; absent: no matter how long it takes. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub join_timeout_seconds: Option<i32>,
    /// A stage is left, as `Completed`, so many seconds after what is sent first arrived there; absent: only when the invitation is
    /// taken away. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_duration_seconds: Option<i32>,
    /// The pod is removed, and the participant is `Idle`, after so many seconds in which nobody had a use for it, from when it was
    /// first ready: it had no invitation and no livestream, and neither page nor inputs changed. Who only looks at it, or sends to
    /// it, does not count. An invitation, a livestream, or another page or input brings the pod back; absent: it stays. A change is
    /// live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub idle_timeout_seconds: Option<i32>,
    /// The same after its last invitation has come to its end: the participant is `Completed`. It brings back the same; absent: the
    /// pod stays. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub ttl_after_finished_seconds: Option<i32>,
}

/// Since when nobody has had a use for a participant, where its limits count that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestStatus {
    /// Since when, by the clock of the operator that saw it first.
    pub since: Time,
    /// Names page and inputs as they were then: with others it begins anew.
    #[schemars(length(max = 64))]
    pub demand_digest: String,
    /// Why the pod is removed for it: `Idle` or `Finished`; absent: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 63))]
    pub reason: Option<RestReason>,
}

/// Why a participant that nobody has a use for has no pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestReason {
    /// Nobody had a use for it for `idleTimeoutSeconds`.
    Idle,
    /// Its last invitation came to its end `ttlAfterFinishedSeconds` ago.
    Finished,
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// What becomes of an invitation whose pod ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum OnDisruption {
    /// The next pod joins the stage.
    #[default]
    Rejoin,
    /// It has come to its end.
    Fail,
}

/// What the runtime does on its stage without a link to an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.action != 'Leave' || has(self.afterSeconds)")
    .message("onControlLoss.afterSeconds must be set with the action Leave"))]
pub struct OnControlLoss {
    /// `Continue` or `Leave`. A change is live.
    #[serde(default)]
    pub action: ControlLossAction,
    /// How many seconds after the link was lost it leaves. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub after_seconds: Option<i32>,
}

/// What a runtime without an operator does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum ControlLossAction {
    /// It goes on.
    #[default]
    Continue,
    /// It leaves its stage, as `ControlLost`.
    Leave,
}

/// One invitation that is carried out, or is to be. All times are by the operator's clock, when it first saw that it is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Its id.
    #[schemars(length(max = 63))]
    pub invitation_id: String,
    /// Names its stage: the same id with another one is not this invitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub stage_digest: Option<String>,
    /// The UID of the pod whose runtime carries it out; absent: none has acknowledged it, or the one that had is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub pod_uid: Option<String>,
    /// Who the participant is on its stage, as the stage calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub participant_id: Option<String>,
    /// Since when it is invited.
    pub invited_at: Time,
    /// When there was a way for media to the stage for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Time>,
    /// When what is sent arrived on the stage for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
}

/// What became of one invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastSession {
    /// Its id.
    #[schemars(length(max = 63))]
    pub invitation_id: String,
    /// Who the participant was on its stage, as the stage called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub participant_id: Option<String>,
    /// Kicked (it was taken away), Expired, DeadlineExceeded, Completed, RemovedByStage, ControlLost or Disrupted. More may come.
    #[schemars(length(max = 64))]
    pub outcome: String,
    /// The same for people.
    #[schemars(length(max = 2048))]
    pub message: String,
    /// Since when it was invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<Time>,
    /// When there was a way for media to the stage for the first time; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Time>,
    /// When what was sent arrived on the stage for the first time; absent: it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
    /// When the operator learned that it had come to its end.
    pub ended_at: Time,
}

/// One invitation that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettledInvitation {
    /// Its id.
    #[schemars(length(max = 63))]
    pub id: String,
    /// As of `lastSession`.
    #[schemars(length(max = 64))]
    pub outcome: String,
    /// When the operator learned of it.
    pub at: Time,
}
