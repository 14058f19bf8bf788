//! The runtime's decisions.

pub mod media;
pub mod test_picture;

pub mod fanout;
pub mod offer;
