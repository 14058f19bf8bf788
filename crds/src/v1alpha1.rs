//! The first version of the API. Every description of a spec field says whether a change is live,
//! restarts the pod, or is refused (immutable).

mod endpoint;
mod page;
mod runtime_profile;
mod secret;
mod source;

mod input;

mod livestream;

mod invitation;
mod sharing;

mod virtual_participant;

pub use endpoint::{Endpoint, EndpointScope, EndpointType, MOST_ENDPOINTS};
pub use input::{AudioDestination, AudioInput, Inputs, VideoInput};
pub use invitation::{
    ControlLossAction, Invitation, IvsStage, LastSession, Limits, MOST_SETTLED, OnControlLoss, OnDisruption,
    PageStage, RestReason, RestStatus, SessionStatus, SettledInvitation, Stage,
};
pub use livestream::{
    EncodedAs, Livestream, LivestreamOutput, LivestreamPhase, LivestreamSource, LivestreamSpec,
    LivestreamStatus, MpegTsOutput, ParticipantRef, RecordingFile, RecordingOutput, Rendition, RtmpOutput,
    RtmpPushOutput, WebRtcOutput, WhipOutput,
};
pub use page::Page;
pub use runtime_profile::{
    Browser, Camera, ImageVolume, MediaVolume, NfsVolume, PersistentVolumeClaimVolume, PullPolicy, Quantity,
    Resources, RuntimeProfile, RuntimeProfileSpec, Seccomp, SeccompType, SecretName, Variable,
};
pub use secret::SecretKeyRef;
pub use sharing::{KeyboardLayout, NamedPage, Sharing, SharingMode};
pub use source::{FileSource, SocketSource, StreamSource, WebRtcSource};
pub use virtual_participant::{
    AccessStatus, LastError, MediaStatus, ParticipantPhase, PodStatus, VirtualParticipant,
    VirtualParticipantSpec, VirtualParticipantStatus,
};

/// A set of types of conditions.
fn types_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "maxLength": 316}
    })
}
