//! Ways out: who asks for a picture, and in which protocol.

mod metrics;
pub mod push;
pub mod rtmp;
pub mod sender;
pub mod socket;
pub mod view;
pub mod whep;
pub mod whip;

pub use metrics::Metrics;
pub use sender::{Sender, Senders};
