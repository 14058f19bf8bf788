//! The wire's Invitation, and the one of a document.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Deserialize;
use understudy_core::ivs;
use understudy_core::spec::{Invalid, Invitation, InvitationLimits, PageTarget, Stage, Target, WhipTarget};
use understudy_proto::v1;

/// How a document names one.
pub(super) const STAGES: &str =
    "must be {whip: {url, tokenFile}}, {ivs: {tokenFile}} or {page: {url, tokenFile}}";

/// Of an id, as of names of Kubernetes objects.
const LONGEST_ID: usize = 253;

/// Parses an invitation; the first wrong field is named.
pub fn invitation(invitation: &v1::Invitation) -> Result<Invitation, Invalid> {
    if invitation.id.is_empty() || invitation.id.len() > LONGEST_ID {
        return Err(Invalid::new("id", format!("must have 1 to {LONGEST_ID} bytes")));
    }
    let given = |seconds: u32| Some(Duration::from_secs(seconds.into())).filter(|time| !time.is_zero());
    Ok(Invitation {
        id: invitation.id.clone(),
        join_before: time(invitation.join_before_unix_seconds)?,
        stage: stage(&invitation.stage.clone().unwrap_or_default())?,
        inputs: invitation.inputs.as_ref().map(|inputs| super::inputs(Some(inputs))).transpose()?,
        limits: InvitationLimits {
            join: given(invitation.join_timeout_seconds),
            stay: given(invitation.max_duration_seconds),
            without_operator: given(invitation.leave_without_operator_seconds),
        },
    })
}

fn time(unix_seconds: i64) -> Result<Option<SystemTime>, Invalid> {
    if unix_seconds == 0 {
        return Ok(None);
    }
    let seconds = u64::try_from(unix_seconds).ok();
    let time = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    time.map(Some).ok_or_else(|| Invalid::new("joinBefore", "is no time that there is"))
}

fn stage(stage: &v1::Stage) -> Result<Stage, Invalid> {
    let plain = |target| Stage { target, expires: None, participant_id: String::new() };
    match (&stage.whip, &stage.ivs, &stage.page) {
        (Some(whip), None, None) => {
            WhipTarget::parse("stage.whip.", &whip.url, &whip.token).map(|target| plain(Target::Whip(target)))
        }
        (None, Some(ivs), None) => {
            let ivs::Token { target, participant_id, expires } = ivs::parse("stage.ivs.token", &ivs.token)?;
            Ok(Stage { target: Target::Whip(target), expires: Some(expires), participant_id })
        }
        (None, None, Some(page)) => {
            PageTarget::parse("stage.page.", &page.url, &page.token).map(|target| plain(Target::Page(target)))
        }
        (None, None, None) => {
            Err(Invalid::new("stage", "is none that this runtime knows, which are: whip, ivs, page"))
        }
        _ => Err(Invalid::new("stage", "must be one, and there are more")),
    }
}

/// As a document writes it: what is secret stands in a file of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Written {
    id: String,
    join_before: Option<Timestamp>,
    stage: WrittenStage,
    inputs: Option<v1::Inputs>,
    #[serde(default)]
    limits: WrittenLimits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenStage {
    whip: Option<WrittenAddress>,
    ivs: Option<WrittenIvs>,
    page: Option<WrittenAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAddress {
    url: String,
    token_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenIvs {
    token_file: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenLimits {
    join_timeout_seconds: u32,
    max_duration_seconds: u32,
}

impl Written {
    /// With what stands in its files.
    pub(super) fn read(self) -> Result<v1::Invitation, Invalid> {
        let Self { id, join_before, stage: WrittenStage { whip, ivs, page }, inputs, limits } = self;
        let whip = whip.map(|WrittenAddress { url, token_file }| {
            Ok(v1::WhipOutput { url, token: token_of("stage.whip.tokenFile", token_file)? })
        });
        let page = page.map(|WrittenAddress { url, token_file }| {
            Ok(v1::PageStage { url, token: token_of("stage.page.tokenFile", token_file)? })
        });
        let ivs = ivs.map(|ivs| Ok(v1::IvsStage { token: token("stage.ivs.tokenFile", ivs.token_file)? }));
        Ok(v1::Invitation {
            id,
            join_before_unix_seconds: join_before.map_or(0, Timestamp::as_second),
            stage: Some(v1::Stage {
                whip: whip.transpose()?,
                ivs: ivs.transpose()?,
                page: page.transpose()?,
            }),
            inputs,
            join_timeout_seconds: limits.join_timeout_seconds,
            max_duration_seconds: limits.max_duration_seconds,
            leave_without_operator_seconds: 0,
            traceparent: String::new(),
        })
    }
}

/// Without a file there is none.
fn token_of(field: &str, file: Option<PathBuf>) -> Result<String, Invalid> {
    file.map_or_else(|| Ok(String::new()), |file| token(field, file))
}

/// Editors end files with a line feed.
fn token(field: &str, file: PathBuf) -> Result<String, Invalid> {
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(token.trim().to_owned()),
        Err(error) => Err(Invalid::new(field, format!("cannot be read ({}): {error}", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, read};
    use super::*;

    fn document(stage: &str) -> String {
        format!(
            "displayName: Ada\ninvitation: {{id: show-42, joinBefore: 2026-12-01T20:00:00Z, stage: {stage}, limits: {{maxDurationSeconds: 60}}}}"
        )
    }

    fn parsed(text: &str) -> Result<Invitation, String> {
        let read = read(text).map_err(|wrong| wrong.to_string())?;
        let invited = read.invitation.ok_or("there is none")?;
        invitation(&invited).map_err(|wrong| wrong.to_string())
    }

    fn token_of(invitation: &Invitation) -> Option<&str> {
        match &invitation.stage.target {
            Target::Whip(target) => target.reveal_token(),
            Target::Page(target) => target.reveal_token(),
        }
    }

    #[test]
    fn an_invitation_stands_beside_the_session_with_its_token_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "secretword\n").unwrap();
        let whip =
            format!("{{whip: {{url: \"https://stage.example/whip\", tokenFile: {}}}}}", file.display());
        let Document { session, invitation: invited } = read(&document(&whip)).unwrap();
        assert_eq!(session.display_name, "Ada");
        let invited = invitation(&invited.unwrap()).unwrap();
        assert_eq!((invited.id.as_str(), token_of(&invited)), ("show-42", Some("secretword")));
        assert_eq!(invited.limits.stay, Some(Duration::from_secs(60)));
        let joins = invited.join_before.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(joins.as_secs(), 1_796_155_200);
        let page = format!("{{page: {{url: \"https://meet.example/a\", tokenFile: {}}}}}", file.display());
        let invited = parsed(&document(&page)).unwrap();
        assert!(
            matches!(&invited.stage.target, Target::Page(page) if page.url() == "https://meet.example/a")
        );
        assert_eq!(token_of(&invited), Some("secretword"));
        assert_eq!(token_of(&parsed(&document("{page: {url: \"https://a/\"}}")).unwrap()), None);
        for text in ["displayName: Ada", "invitation: null"] {
            assert_eq!(read(text).unwrap().invitation, None);
        }
    }

    #[test]
    fn a_wrong_field_of_an_invitation_is_named_by_its_path() {
        let whip = "{whip: {url: \"https://stage.example/whip\"}}";
        for (text, message) in [
            (document("{whip: {url: \"rtmp://stage.example\"}}"), "stage.whip.url"),
            (document("{}"), "stage"),
            (document("{whip: {}}"), "invitation.stage.whip"),
            (document("{whip: {url: \"https://a\", token: b}}"), "invitation.stage.whip"),
            (document("{page: {url: \"understudy:mirror\"}}"), "stage.page.url"),
            (
                document("{page: {url: \"https://a\", tokenFile: /nowhere}}"),
                "invitation.stage.page.tokenFile",
            ),
            (document("{ivs: {tokenFile: /nowhere/at/all}}"), "invitation.stage.ivs.tokenFile"),
            (document("{ivs: secretword}"), "invitation.stage.ivs"),
            (document(whip).replace("show-42", "''"), "id"),
            (document(whip).replace("2026-12-01T20:00:00Z", "soon"), "invitation.joinBefore"),
            (document(whip).replace("maxDuration", "maximumDuration"), "invitation.limits"),
        ] {
            let refused = parsed(&text).unwrap_err();
            assert!(refused.contains(message) && !refused.contains("secretword"), "{text}: {refused}");
        }
    }

    #[test]
    fn one_stage_is_a_stage() {
        let (whip, ivs) = (Some(v1::WhipOutput::default()), Some(v1::IvsStage::default()));
        let page = Some(v1::PageStage::default());
        let both = [v1::Stage { whip, ivs: ivs.clone(), page: None }, v1::Stage { whip: None, ivs, page }];
        assert!(both.iter().all(|both| stage(both).unwrap_err().reason.contains("more")));
        let ivs = v1::Stage { ivs: Some(v1::IvsStage { token: "word".into() }), ..v1::Stage::default() };
        assert_eq!(stage(&ivs).unwrap_err().field, "stage.ivs.token");
    }
}
