//! Ways out: who asks for a picture, and in which protocol.

mod metrics;
pub mod push;
pub mod recording;
pub mod rtmp;
pub mod sender;
pub mod socket;
mod trust;
pub mod view;
pub mod whep;
pub mod whip;

pub use metrics::Metrics;
pub use recording::{Recorder, Recording};
pub use sender::{Sender, Senders, UNUSABLE};
pub use trust::{trust, trusting};
