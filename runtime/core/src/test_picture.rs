//! The test picture.
