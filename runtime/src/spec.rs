//! The wire's SessionSpec, parsed once into a session that can be run.

use understudy_core::spec::{
    Bitrate, Encoding, File, FrameRate, Inputs, Invalid, Location, Page, Repeat, Resolution, Session,
};
use understudy_proto::v1;

/// Bounds that keep a typing mistake from filling a disk or a link.
const VIDEO_BITRATES: [u32; 2] = [100_000, 20_000_000];
const AUDIO_BITRATES: [u32; 2] = [16_000, 320_000];

/// Parses a whole document; the first wrong field is named.
pub fn parse(spec: &v1::SessionSpec) -> Result<Session, Invalid> {
    let encoding = spec.encoding.unwrap_or_default();
    let default = Encoding::default();
    Ok(Session {
        page: spec.page.as_ref().map(page).transpose()?,
        inputs: inputs(spec.inputs.as_ref())?,
        encoding: Encoding {
            video: Bitrate::parse(
                "encoding.videoBitrateBps",
                encoding.video_bitrate_bps,
                default.video,
                VIDEO_BITRATES,
            )?,
            audio: Bitrate::parse(
                "encoding.audioBitrateBps",
                encoding.audio_bitrate_bps,
                default.audio,
                AUDIO_BITRATES,
            )?,
        },
    })
}

/// Reads a document of YAML or JSON; an error names the field and what is wrong with it.
pub fn read(text: &str) -> Result<v1::SessionSpec, Invalid> {
    let document = serde_yaml_ng::Deserializer::from_str(text);
    serde_path_to_error::deserialize(document)
        .map_err(|error| Invalid::new(error.path().to_string(), error.inner().to_string()))
}

fn page(page: &v1::Page) -> Result<Page, Invalid> {
    let location = Location::parse("page.url", &page.url)?;
    if matches!(location, Location::File(_)) {
        return Err(Invalid::new("page.url", "must be https:, http: or understudy:"));
    }
    Ok(Page {
        location,
        size: Resolution::parse("page", page.width, page.height)?,
        frame_rate: FrameRate::parse("page.frameRate", page.frame_rate)?,
    })
}

fn inputs(inputs: Option<&v1::Inputs>) -> Result<Inputs, Invalid> {
    let video = inputs.and_then(|i| i.video.as_ref()).map(|v| one("inputs.video", v.file.as_ref()));
    let audio = inputs.and_then(|i| i.audio.as_ref()).map(|a| one("inputs.audio", a.file.as_ref()));
    Ok(Inputs { video: video.transpose()?, audio: audio.transpose()? })
}

fn one(field: &str, file: Option<&v1::FileSource>) -> Result<File, Invalid> {
    let file = file.ok_or_else(|| Invalid::new(field, "needs exactly one source: file"))?;
    let field = format!("{field}.file.url");
    let location = Location::parse(&field, &file.url)?;
    if matches!(location, Location::Web(_)) {
        return Err(Invalid::new(field, "must be understudy: or file:///"));
    }
    let repeat = if file.r#loop.unwrap_or(true) { Repeat::Forever } else { Repeat::Once };
    Ok(File { location, repeat })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Session, String> {
        read(text).and_then(|spec| parse(&spec)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn the_readme_example_is_a_session() {
        let session = check(include_str!("../../examples/session.yaml")).unwrap();
        assert_eq!(session.page.unwrap().location, Location::Bundled("mirror".into()));
        assert_eq!(session.inputs.video, session.inputs.audio);
    }

    #[test]
    fn an_empty_document_is_an_idle_session() {
        assert_eq!(check("{}"), Ok(Session::default()));
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        for (text, message) in [
            ("page: {url: 'file:///etc/passwd'}", "page.url: must be https:, http: or understudy:"),
            ("page: {url: 'understudy:mirror', width: 13}", "page.width: must be 320 to 3840 pixels, got 13"),
            ("inputs: {video: {}}", "inputs.video: needs exactly one source: file"),
            (
                "inputs: {audio: {file: {url: 'http://a/b'}}}",
                "inputs.audio.file.url: must be understudy: or file:///",
            ),
            (
                "encoding: {videoBitrateBps: 1}",
                "encoding.videoBitrateBps: must be 100000 to 20000000 bits a second, got 1",
            ),
        ] {
            assert_eq!(check(text), Err(message.to_owned()), "{text}");
        }
        let wrong_type = check("page: {width: wide}").unwrap_err();
        assert!(wrong_type.starts_with("page.width: "), "{wrong_type}");
    }
}
