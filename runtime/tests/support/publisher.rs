//! A publisher over WHIP as the manual has it.

use std::net::SocketAddr;

use tempfile::TempDir;
use understudy_e2e::whip::Whip;

use super::clip;

const RECIPE: &str = include_str!("../../../docs/recipes/inputs.md");

/// The command of the manual, where there is a `video.mp4`.
pub fn ffmpeg(host: SocketAddr, token: &str, folder: &TempDir) -> Whip {
    let (_, command) = RECIPE.split_once("\nffmpeg -re").expect("the manual must tell how");
    let (command, _) = command.split_once("\n```").expect("a block must end");
    let variables = [("HOST", host.to_string()), ("TOKEN", token.to_owned())];
    Whip::start(&format!("ffmpeg -re{command}"), folder.path(), &variables)
}

/// The long clip as such a file usually is, with sound in AAC: in the lumps of FLAC (96 ms) ffmpeg reads the picture too. By
/// ffmpeg, since GStreamer does not say that AAC begins 21 ms before its sound.
pub async fn film() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let clip = ("CLIP", clip::folder().join("long.mkv").display().to_string());
    let command = "ffmpeg -v error -i \"$CLIP\" -c:v copy -c:a aac video.mp4";
    let (status, said) = Whip::start(command, folder.path(), &[clip]).end().await;
    assert!(status.success(), "{said}");
    folder
}
