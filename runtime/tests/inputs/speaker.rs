//! Sound that is sent straight to the speaker.

use serde_json::Value;
use understudy_e2e::wait;

use super::{CHANGE, Room, Sending, socket, stream, webrtc};
use crate::support::site::Site;

/// Sound for the speaker is in the programme and not in the microphone.
async fn speaks(room: &Room, mut body: Value) {
    body["audio"]["destination"] = "speaker".into();
    room.configure(&body).await;
    let _sending = Sending::to(room, &body);
    wait::until(CHANGE, || async {
        let heard = room.session.watch(3).run().await?;
        match (heard.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.3).contains(&heard.tone_duty) {
            true => Ok(()),
            false => Err(format!("the speaker does not sound: {heard:?}")),
        }
    })
    .await;
    let seen = room.look().await;
    seen.is_silent().unwrap();
    room.is_the_same(&seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_for_the_speaker_is_heard_there_and_not_at_the_microphone() {
    let (room, site) = (Room::open(&[]).await, Site::open().await);
    for body in [room.file(), stream(&site), socket(), webrtc()] {
        println!("{}", body["audio"]["type"]);
        speaks(&room, body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_speaker_sounds_where_the_camera_is_a_file_too() {
    let files = tempfile::tempdir().unwrap();
    let folder = files.path().display().to_string();
    let room = Room::open(&["--camera", "file", "--virtual-inputs-dir", &folder]).await;
    speaks(&room, room.file()).await;
}
