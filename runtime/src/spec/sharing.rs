//! How those who watch streamers share what they show.

use std::collections::HashSet;

use understudy_core::spec::{Invalid, NamedPage, Sharing};
use understudy_core::steering::keys::Layout;
use understudy_core::steering::seat::{IDLE, Mode};
use understudy_core::streamer::MOST;
use understudy_proto::v1;

const MODES: [(&str, Mode); 3] =
    [("Union", Mode::Union), ("Host", Mode::Host { idle: IDLE }), ("Off", Mode::Off)];
const LAYOUTS: [(&str, Layout); 4] = [
    ("US", Layout::Us),
    ("German", Layout::German),
    ("French", Layout::French),
    ("Japanese", Layout::Japanese),
];

/// Of one streamer, at once.
const MOST_VIEWERS: u32 = 1000;

/// Beside the session's own display: no more than can be shown at once.
const MOST_PAGES: usize = MOST - 1;

/// Of a label (RFC 1123, section 2.1).
const LONGEST_NAME: usize = 63;

pub(super) fn parse(sharing: &v1::Sharing) -> Result<Sharing, Invalid> {
    let v1::Sharing { mode, max_viewers, clipboard, layout, pages } = sharing;
    if *max_viewers > MOST_VIEWERS {
        let reason = format!("must be 1 to {MOST_VIEWERS}, got {max_viewers}");
        return Err(Invalid::new("sharing.maxViewers", reason));
    }
    if pages.len() > MOST_PAGES {
        let reason = format!("must be at most {MOST_PAGES}, and there are {}", pages.len());
        return Err(Invalid::new("sharing.pages", reason));
    }
    let mut names = HashSet::new();
    let page = |(index, page): (usize, &v1::NamedPage)| {
        let page = named(&format!("sharing.pages[{index}]"), page)?;
        match names.insert(page.name.clone()) {
            true => Ok(page),
            false => Err(Invalid::new(
                format!("sharing.pages[{index}].name"),
                format!("there is another {}", page.name),
            )),
        }
    };
    Ok(Sharing {
        mode: one_of("sharing.mode", mode, &MODES)?,
        max_viewers: Some(*max_viewers).filter(|most| *most > 0),
        clipboard: *clipboard,
        layout: one_of("sharing.layout", layout, &LAYOUTS)?,
        pages: pages.iter().enumerate().map(page).collect::<Result<_, _>>()?,
    })
}

fn named(field: &str, page: &v1::NamedPage) -> Result<NamedPage, Invalid> {
    let v1::NamedPage { name, url, width, height, frame_rate } = page.clone();
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !is_label {
        let reason = format!(
            "must be 1 to {LONGEST_NAME} lower case letters, digits and dashes between them, got {name:?}"
        );
        return Err(Invalid::new(format!("{field}.name"), reason));
    }
    let page = super::page(field, &v1::Page { url, width, height, frame_rate })?;
    Ok(NamedPage { name, page })
}

/// Empty leaves it open.
fn one_of<T: Copy>(field: &str, given: &str, known: &[(&str, T)]) -> Result<Option<T>, Invalid> {
    if given.is_empty() {
        return Ok(None);
    }
    let found = known.iter().find(|(name, _)| *name == given).map(|(_, value)| Some(*value));
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Invalid::new(field, format!("must be one of {}, got {given}", names())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{parse, read};

    fn sharing(text: &str) -> Result<Sharing, Invalid> {
        parse(&read(&format!("sharing: {text}")).unwrap().session).map(|session| session.sharing)
    }

    #[test]
    fn what_is_said_counts_and_what_is_not_is_left_open() {
        assert_eq!(sharing("{}"), Ok(Sharing::default()));
        let pages = "[{name: board, url: 'understudy:mirror', width: 640, height: 480}, {name: b2, url: 'https://a.example/'}]";
        let all = format!("{{mode: Host, maxViewers: 5, clipboard: false, layout: German, pages: {pages}}}");
        let all = sharing(&all).unwrap();
        assert_eq!(all.mode, Some(Mode::Host { idle: IDLE }));
        assert_eq!(
            (all.max_viewers, all.clipboard, all.layout),
            (Some(5), Some(false), Some(Layout::German))
        );
        let sizes: Vec<_> = all
            .pages
            .iter()
            .map(|page| (page.name.as_str(), page.page.size.width(), page.page.size.height()))
            .collect();
        assert_eq!(sizes, [("board", 640, 480), ("b2", 1280, 720)]);
    }

    #[test]
    fn what_cannot_be_is_named_by_its_field() {
        let page = |name: &str| format!("{{name: {name:?}, url: 'understudy:mirror'}}");
        let long = "a".repeat(64);
        let eight = ["{}"; 8].join(", ");
        for (text, field) in [
            ("{mode: union}".to_owned(), "sharing.mode"),
            ("{maxViewers: 1001}".to_owned(), "sharing.maxViewers"),
            ("{layout: us}".to_owned(), "sharing.layout"),
            (format!("{{pages: [{eight}]}}"), "sharing.pages"),
            (format!("{{pages: [{}]}}", page("")), "sharing.pages[0].name"),
            (format!("{{pages: [{}]}}", page("-a")), "sharing.pages[0].name"),
            (format!("{{pages: [{}]}}", page("A")), "sharing.pages[0].name"),
            (format!("{{pages: [{}]}}", page(&long)), "sharing.pages[0].name"),
            (format!("{{pages: [{}, {}]}}", page("a"), page("a")), "sharing.pages[1].name"),
            ("{pages: [{name: a}]}".to_owned(), "sharing.pages[0].url"),
            ("{pages: [{name: a, url: 'file:///a'}]}".to_owned(), "sharing.pages[0].url"),
            (
                "{pages: [{name: a, url: 'understudy:mirror', width: 13}]}".to_owned(),
                "sharing.pages[0].width",
            ),
            (
                "{pages: [{name: a, url: 'understudy:mirror', frameRate: 61}]}".to_owned(),
                "sharing.pages[0].frameRate",
            ),
        ] {
            assert_eq!(sharing(&text).unwrap_err().field, field, "{text}");
        }
    }
}
