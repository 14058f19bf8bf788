//! What the tests share.

pub mod broadcast;
pub mod clip;
pub mod counts;
pub mod doorway;
pub mod encoder;
pub mod ground;
pub mod held;
pub mod link;
pub mod operator;
pub mod processes;
pub mod publisher;
pub mod rtmp;
pub mod segments;
pub mod sender;
pub mod server;
pub mod session;
pub mod site;
pub mod stage;
pub mod steps;
pub mod studio;
pub mod watched;
