//! The first version of the API. Every description of a spec field says whether a change is live,
//! restarts the pod, or is refused (immutable).

mod endpoint;
mod input;
mod page;

mod livestream;
mod virtual_participant;

pub use endpoint::{Endpoint, EndpointScope, EndpointType};
pub use input::{AudioInput, FileSource, Inputs, VideoInput};
pub use livestream::{
    Livestream, LivestreamOutput, LivestreamPhase, LivestreamSpec, LivestreamStatus, ParticipantRef,
    WebRtcOutput,
};
pub use page::Page;
pub use virtual_participant::{
    AccessStatus, LastError, MediaStatus, ParticipantPhase, PodStatus, VirtualParticipant,
    VirtualParticipantSpec, VirtualParticipantStatus,
};
