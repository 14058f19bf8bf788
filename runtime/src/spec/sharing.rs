//! How the session's displays are shared.

use understudy_core::spec::{Invalid, NamedPage, Sharing, SharingMode};
use understudy_proto::v1;

/// Parses what is said of it; nothing said leaves all of it to the runtime's settings.
pub(super) fn parse(sharing: Option<&v1::Sharing>) -> Result<Sharing, Invalid> {
    let Some(sharing) = sharing else { return Ok(Sharing::default()) };
    let pages = sharing.pages.iter().enumerate().map(|(index, page)| named(index, page));
    Ok(Sharing {
        mode: SharingMode::parse("sharing.mode", &sharing.mode)?,
        max_viewers: Sharing::max_viewers("sharing.maxViewers", sharing.max_viewers)?,
        clipboard: sharing.clipboard,
        layout: Sharing::layout("sharing.layout", &sharing.layout)?,
        pages: Sharing::pages("sharing.pages", pages.collect::<Result<_, _>>()?)?,
    })
}

fn named(index: usize, named: &v1::NamedPage) -> Result<NamedPage, Invalid> {
    let v1::NamedPage { name, url, width, height, frame_rate } = named;
    let page = v1::Page { url: url.clone(), width: *width, height: *height, frame_rate: *frame_rate };
    let field = format!("sharing.pages[{index}]");
    let page = super::page(&field, &page)?;
    NamedPage::new(&format!("{field}.name"), name, page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{parse as session, read};
    use understudy_core::spec::{FrameRate, Location};
    use understudy_core::steering::keys::Layout;

    fn sharing(text: &str) -> Result<Sharing, String> {
        let parsed = read(text).and_then(|document| session(&document.session));
        parsed.map(|session| session.sharing).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn a_document_that_says_nothing_of_sharing_leaves_it_to_the_settings() {
        assert_eq!(sharing("{}"), Ok(Sharing::default()));
        assert_eq!(sharing("sharing: {}"), Ok(Sharing::default()));
    }

    #[test]
    fn every_member_is_read() {
        let text = "sharing: {mode: Host, maxViewers: 5, clipboard: false, layout: French, pages: [\
            {name: notes, url: 'https://notes.example/', width: 640, height: 360, frameRate: 15}, {name: b, url: 'understudy:mirror'}]}";
        let read = sharing(text).unwrap();
        assert_eq!((read.mode, read.max_viewers), (Some(SharingMode::Host), Some(5)));
        assert_eq!((read.clipboard, read.layout), (Some(false), Some(Layout::French)));
        let [notes, second] = <[NamedPage; 2]>::try_from(read.pages).unwrap();
        assert_eq!(notes.name, "notes");
        assert_eq!(notes.page.location, Location::Web("https://notes.example/".into()));
        assert_eq!((notes.page.size.width(), notes.page.size.height()), (640, 360));
        assert_eq!(notes.page.frame_rate.per_second(), 15);
        assert_eq!((second.name.as_str(), second.page.frame_rate), ("b", FrameRate::THIRTY));
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let (good, page) = ("{name: a, url: 'understudy:mirror'}", "{name: b, url: 'understudy:mirror'");
        for (members, message) in [
            ("mode: x".to_owned(), "sharing.mode: must be Union, Host or Off, got x"),
            ("layout: x".to_owned(), "sharing.layout: must be US, German, French or Japanese, got x"),
            ("maxViewers: 101".to_owned(), "sharing.maxViewers: must be 1 to 100, got 101"),
            (
                format!("pages: [{good}, {{name: b, url: 'file:///etc/passwd'}}]"),
                "sharing.pages[1].url: must be https:, http: or understudy:",
            ),
            (
                format!("pages: [{good}, {page}, width: 13}}]"),
                "sharing.pages[1].width: must be 320 to 3840 pixels, got 13",
            ),
            (
                format!("pages: [{page}, frameRate: 61}}]"),
                "sharing.pages[0].frameRate: must be 1 to 60 frames a second, got 61",
            ),
            (format!("pages: [{good}, {good}]"), "sharing.pages[1].name: a is there twice"),
        ] {
            assert_eq!(sharing(&format!("sharing: {{{members}}}")), Err(message.to_owned()), "{members}");
        }
        let unnamed = sharing("sharing: {pages: [{url: 'understudy:mirror'}]}").unwrap_err();
        assert!(unnamed.starts_with("sharing.pages[0].name: must be 1 to 63"), "{unnamed}");
    }
}
