//! Processes over their API: real ffmpeg, confined as it is in a pod.

mod addresses;
mod bounds;
mod camera;
mod client;
mod kept;
mod limits;
mod login;
mod own;
mod played;
mod requests;
mod runs;
mod silent;
mod srt;
mod viewers;
mod watched;
