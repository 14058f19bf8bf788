//! What a caller wants of a recording, parsed into one that can be made.

use serde::Deserialize;
use understudy_core::recording::{self, Limits, Wanted};
use understudy_core::spec::{Choice, Invalid};
use utoipa::ToSchema;

use super::Settings;
use crate::api::fields;

/// A recording to start. Unknown fields are ignored, `null` is what is not given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Start {
    /// Letters, digits, `-` and `_`, at most 50; `default` if there is none.
    id: Option<String>,
    /// Pictures a second, 1 to 60.
    framerate: Option<u32>,
    /// It ends by itself after so long, at least 1.
    max_duration_in_seconds: Option<u64>,
    /// It ends by itself before it would be larger, 10 to 10000.
    #[serde(rename = "maxFileSizeInMB")]
    max_file_size_in_mb: Option<u64>,
}

/// A recording to stop.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Stop {
    /// `default` if there is none.
    id: Option<String>,
    /// Without the last two or three seconds, which are not written yet.
    force_stop: Option<bool>,
}

/// A recording to remove.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Delete {
    /// `default` if there is none.
    id: Option<String>,
}

impl Start {
    pub fn parse(self, settings: &Settings) -> Result<Wanted, Invalid> {
        let Self { id, framerate, max_duration_in_seconds, max_file_size_in_mb } = self;
        let names = ["maxDurationInSeconds", "maxFileSizeInMB"];
        let limits = Limits::parse(names, max_duration_in_seconds, max_file_size_in_mb)?.or(settings.limits);
        let frame_rate = fields::frame_rate(framerate, settings.frame_rate)?;
        let choice = Choice { frame_rate, ..Choice::default() };
        Ok(Wanted { id: fields::id(id)?, choice, limits })
    }
}

impl Stop {
    pub fn parse(self) -> (String, recording::Stop) {
        let how = match self.force_stop {
            Some(true) => recording::Stop::AtOnce,
            Some(false) | None => recording::Stop::Finished,
        };
        (fields::called(self.id), how)
    }
}

impl Delete {
    pub fn id(self) -> String {
        fields::called(self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use understudy_core::spec::FrameRate;

    use super::*;

    const SETTINGS: Settings =
        Settings { frame_rate: None, limits: Limits { duration: None, bytes: Some(500_000_000) } };

    fn parse(body: &str) -> Result<Wanted, String> {
        let start: Start = serde_json::from_str(body).unwrap();
        start.parse(&SETTINGS).map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_is_not_given_is_as_the_platform_says() {
        for body in ["{}", r#"{"id":"","framerate":null,"maxFileSizeInMB":null}"#] {
            let Wanted { id, choice, limits } = parse(body).unwrap();
            assert_eq!(
                (id.as_str(), choice, limits),
                ("default", Choice::default(), SETTINGS.limits),
                "{body}"
            );
        }
        assert_eq!(Stop::default().parse(), ("default".to_owned(), recording::Stop::Finished));
    }

    #[test]
    fn a_caller_s_limits_are_in_seconds_and_megabytes() {
        let body = r#"{"id":"a","framerate":20,"maxDurationInSeconds":2,"maxFileSizeInMB":10}"#;
        let Wanted { limits, choice, .. } = parse(body).unwrap();
        assert_eq!(limits, Limits { duration: Some(Duration::from_secs(2)), bytes: Some(10_000_000) });
        assert_eq!(choice.frame_rate.map(FrameRate::per_second), Some(20));
        let stop: Stop = serde_json::from_str(r#"{"id":"a","forceStop":true}"#).unwrap();
        assert_eq!(stop.parse(), ("a".to_owned(), recording::Stop::AtOnce));
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        for (body, words) in [
            (r#"{"framerate":0}"#, "framerate: must be 1 to 60 frames a second, got 0"),
            (r#"{"framerate":61}"#, "framerate: must be 1 to 60 frames a second, got 61"),
            (r#"{"maxDurationInSeconds":0}"#, "maxDurationInSeconds: must be at least 1 second, got 0"),
            (r#"{"maxFileSizeInMB":9}"#, "maxFileSizeInMB: must be 10 to 10000 megabytes, got 9"),
            (r#"{"maxFileSizeInMB":10001}"#, "maxFileSizeInMB: must be 10 to 10000 megabytes, got 10001"),
            (r#"{"id":"../a"}"#, "id: must be 1 to 50 letters, digits, - and _"),
        ] {
            assert_eq!(parse(body), Err(words.to_owned()), "{body}");
        }
    }
}
