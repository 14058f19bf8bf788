//! Builders of what an owner of pods owns: validated values in, Kubernetes objects out. No client, no failure.

mod access;
mod authority;
mod container;
mod pod;
mod security;
mod volume;

pub use access::access_secret;
pub use authority::ca_config_map;
pub use pod::{Session, pod};
