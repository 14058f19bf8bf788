//! A recording as the source system's clients are told of it, and some more.

use std::time::SystemTime;

use serde::Serialize;
use utoipa::ToSchema;

use crate::session::RecordingView;

/// A recording.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recording {
    id: String,
    #[serde(rename = "isRecording")]
    is_recording: bool,
    /// RFC 3339.
    started_at: String,
    /// RFC 3339; `null` while it goes on.
    #[schema(required)]
    finished_at: Option<String>,
    /// So much can be fetched by now.
    size_bytes: u64,
    /// Pictures and pieces of sound that are missing because this machine had no time for them.
    lost_units: u64,
    /// Why it ended: `stopped`, `duration`, `size`, `disk_full`, `disk_slow` or `failed`; `null` while it goes on.
    #[schema(required)]
    ended: Option<&'static str>,
    /// What went wrong, if something did. What is there plays all the same.
    #[schema(required)]
    error: Option<String>,
}

impl Recording {
    pub fn new(recording: &RecordingView) -> Self {
        let RecordingView { id, since, state, .. } = recording;
        let state = state.borrow();
        let ended = state.ended.as_ref();
        Self {
            id: id.clone(),
            is_recording: ended.is_none(),
            started_at: timestamp(*since),
            finished_at: ended.map(|ended| timestamp(ended.at)),
            size_bytes: state.bytes,
            lost_units: state.lost,
            ended: ended.map(|ended| ended.why.word()),
            error: ended.and_then(|ended| ended.why.fault()),
        }
    }
}

/// RFC 3339.
pub(super) fn timestamp(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::sync::watch;
    use understudy_core::recording::End;

    use super::*;
    use crate::egress::recording::{Ended, State};

    fn shown(state: State) -> Value {
        let state = watch::channel(state).1;
        let (id, since) = ("a".to_owned(), SystemTime::UNIX_EPOCH);
        serde_json::to_value(Recording::new(&RecordingView { id, since, path: "a.mp4".into(), state }))
            .unwrap()
    }

    #[test]
    fn one_that_goes_on_has_no_end() {
        let running = shown(State { bytes: 5, ..State::default() });
        let told = json!({"id": "a", "isRecording": true, "started_at": "1970-01-01T00:00:00Z",
            "finished_at": null, "size_bytes": 5, "lost_units": 0, "ended": null, "error": null});
        assert_eq!(running, told);
    }

    #[test]
    fn one_that_ended_says_why_and_what_was_wrong() {
        let ended = |why| {
            let ended = Some(Ended { at: SystemTime::UNIX_EPOCH, why });
            let told = shown(State { ended, ..State::default() });
            assert_eq!(told["finished_at"], "1970-01-01T00:00:00Z");
            (told["ended"].clone(), told["error"].clone())
        };
        assert_eq!(ended(End::Size), (json!("size"), json!(null)));
        assert_eq!(ended(End::DiskFull), (json!("disk_full"), json!("the disk is full")));
    }
}
