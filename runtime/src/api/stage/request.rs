//! To which stage somebody invites the participant, parsed into an invitation that can be carried out.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use understudy_core::spec::{Invalid, Invitation};
use understudy_proto::v1;
use utoipa::ToSchema;

use crate::spec;

const STAGES: &str = "must be {whip: {url, token}}, {ivs: {token}} or {page: {url, token}}";

/// A stage to be on. Unknown fields are ignored, `null` is what is not given.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// The invitation's name, of 1 to 253 bytes: said again it is the same one. One that has ended is not carried out again.
    #[schema(required)]
    id: Option<String>,
    /// Until when it may come to its stage for the first time; in the form of RFC 3339.
    #[schema(value_type = Option<String>, format = "date-time")]
    join_before: Option<String>,
    /// `{"whip": {"url", "token"}}`, `{"ivs": {"token"}}`, which is a participant token of Amazon IVS, or `{"page": {"url", "token"}}`,
    /// which the session's browser opens. Tokens are told nobody again.
    #[schema(required, value_type = Object)]
    stage: Option<Value>,
    /// What camera and microphone carry meanwhile, as `inputs` of a session's document.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Value>,
    limits: Option<StageLimits>,
}

/// How long it may take and last, in seconds; 0 is without end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageLimits {
    /// From now on until what is sent arrives.
    join_timeout_seconds: Option<u32>,
    /// From then on.
    max_duration_seconds: Option<u32>,
}

/// An invitation to take back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Kick {
    /// That one alone; whichever there is, if there is none.
    id: Option<String>,
}

#[derive(Deserialize)]
struct Stage {
    whip: Option<Place>,
    ivs: Option<Ivs>,
    page: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    url: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Ivs {
    token: String,
}

impl Invite {
    /// The first wrong field is named.
    pub fn parse(self) -> Result<Invitation, Invalid> {
        let Self { id, join_before, stage, inputs, limits } = self;
        let limits = limits.unwrap_or_default();
        let join_before = join_before.map(|text| time(&text)).transpose()?;
        // What is written in the place of a token is quoted to nobody.
        let wrong = |_| Invalid::new("stage", STAGES);
        let stage = stage.map(serde_json::from_value::<Stage>).transpose().map_err(wrong)?;
        let Stage { whip, ivs, page } = stage.ok_or_else(|| Invalid::new("stage", STAGES))?;
        let whip = whip.map(|Place { url, token }| v1::WhipOutput { url, token: token.unwrap_or_default() });
        let page = page.map(|Place { url, token }| v1::PageStage { url, token: token.unwrap_or_default() });
        let stage = v1::Stage { whip, ivs: ivs.map(|Ivs { token }| v1::IvsStage { token }), page };
        spec::invitation(&v1::Invitation {
            id: id.unwrap_or_default(),
            join_before_unix_seconds: join_before.map_or(0, Timestamp::as_second),
            stage: Some(stage),
            inputs: inputs.map(read_inputs).transpose()?,
            join_timeout_seconds: limits.join_timeout_seconds.unwrap_or_default(),
            max_duration_seconds: limits.max_duration_seconds.unwrap_or_default(),
            leave_without_operator_seconds: 0,
            traceparent: String::new(),
        })
    }
}

impl Kick {
    pub fn id(self) -> Option<String> {
        self.id.filter(|id| !id.is_empty())
    }
}

fn time(text: &str) -> Result<Timestamp, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("joinBefore", format!("is no time as 2030-01-01T00:00:00Z: {error}")))
}

fn read_inputs(inputs: Value) -> Result<v1::Inputs, Invalid> {
    serde_path_to_error::deserialize(inputs)
        .map_err(|error| Invalid::new(format!("inputs.{}", error.path()), error.inner().to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use understudy_core::spec::Target;

    use super::*;

    fn parsed(body: &str) -> Result<Invitation, String> {
        let invite: Invite = serde_json::from_str(body).unwrap();
        invite.parse().map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_invitation_has_its_token_in_it_and_the_rest_may_be_left_out() {
        let body = r#"{"id":"a","stage":{"whip":{"url":"https://stage.example/whip","token":"word"}},"assetName":null}"#;
        let least = parsed(body).unwrap();
        assert_eq!((least.id.as_str(), least.stage.target.reveal_token()), ("a", Some("word")));
        assert_eq!((least.join_before, least.limits.join), (None, None));
        let whole = body.replace(
            r#""assetName":null"#,
            r#""joinBefore":"2026-12-01T20:00:00Z","limits":{"joinTimeoutSeconds":5,"maxDurationSeconds":60},
               "inputs":{"video":{"file":{"url":"understudy:test-picture"}}}"#,
        );
        let whole = parsed(&whole).unwrap();
        assert_eq!(whole.limits.join, Some(Duration::from_secs(5)));
        assert!(whole.join_before.is_some() && whole.inputs.unwrap().video.is_some());
        let page = body.replace("whip", "page");
        assert!(
            matches!(parsed(&page).unwrap().stage.target, Target::Page(page) if page.reveal_token() == Some("word"))
        );
    }

    #[test]
    fn a_wrong_field_is_named_and_a_token_is_not_quoted() {
        let stage = r#""stage":{"whip":{"url":"https://stage.example/whip"}}"#;
        for (body, field) in [
            (format!(r"{{{stage}}}"), "id: "),
            (r#"{"id":"a"}"#.to_owned(), "stage: must be"),
            (r#"{"id":"a","stage":"secretword"}"#.to_owned(), "stage: must be"),
            (r#"{"id":"a","stage":{"ivs":"secretword"}}"#.to_owned(), "stage: must be"),
            (
                r#"{"id":"a","stage":{"whip":{"url":"https://a","token":["secretword"]}}}"#.to_owned(),
                "stage: must be",
            ),
            (r#"{"id":"a","stage":{}}"#.to_owned(), "stage: "),
            (r#"{"id":"a","stage":{"whip":{"url":"rtmp://a"}}}"#.to_owned(), "stage.whip.url: "),
            (
                r#"{"id":"a","stage":{"whip":{"url":"https://a","token":"secret word"}}}"#.to_owned(),
                "stage.whip.token: ",
            ),
            (r#"{"id":"a","stage":{"ivs":{"token":"secretword"}}}"#.to_owned(), "stage.ivs.token: "),
            (format!(r#"{{"id":"a",{stage},"joinBefore":"soon"}}"#), "joinBefore: "),
            (format!(r#"{{"id":"a",{stage},"inputs":{{"video":{{"file":7}}}}}}"#), "inputs.video.file: "),
        ] {
            let wrong = parsed(&body).unwrap_err();
            assert!(wrong.starts_with(field) && !wrong.contains("secret"), "{body}: {wrong}");
        }
    }
}
