//! How the session's displays are shared: who steers them, how many watch one, and what is shown beside the session's own page.

use super::{Invalid, Page};
use crate::steering::keys::Layout;

/// A member that is none counts as the runtime's own settings say (`UNDERSTUDY_STEERING` and what begins so).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    pub mode: Option<SharingMode>,
    /// Of one streamer, at once; 1 to 100.
    pub max_viewers: Option<u32>,
    /// Whether what is copied goes to and fro.
    pub clipboard: Option<bool>,
    pub layout: Option<Layout>,
    /// Each on a display of its own; the first is what a streamer of `app_id` 1 shows. At most [`Sharing::MOST_PAGES`], of names
    /// that differ.
    pub pages: Vec<NamedPage>,
}

/// Who steers, of those who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharingMode {
    /// All of them together.
    Union,
    /// One at a time.
    Host,
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPage {
    /// A DNS label.
    pub name: String,
    pub page: Page,
}

impl Sharing {
    pub const MOST_PAGES: usize = 7;

    const MOST_VIEWERS: u32 = 100;

    /// Zero leaves it to the runtime's settings.
    pub fn max_viewers(field: &str, number: u32) -> Result<Option<u32>, Invalid> {
        match number {
            0 => Ok(None),
            1..=Self::MOST_VIEWERS => Ok(Some(number)),
            _ => Err(Invalid::new(field, format!("must be 1 to {}, got {number}", Self::MOST_VIEWERS))),
        }
    }

    /// Empty leaves it to the runtime's settings.
    pub fn layout(field: &str, name: &str) -> Result<Option<Layout>, Invalid> {
        match name.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "us" => Ok(Some(Layout::Us)),
            "german" => Ok(Some(Layout::German)),
            "french" => Ok(Some(Layout::French)),
            "japanese" => Ok(Some(Layout::Japanese)),
            _ => Err(Invalid::new(field, format!("must be US, German, French or Japanese, got {name}"))),
        }
    }

    /// No more than there may be, and no name twice.
    pub fn pages(field: &str, pages: Vec<NamedPage>) -> Result<Vec<NamedPage>, Invalid> {
        if pages.len() > Self::MOST_PAGES {
            let reason = format!("must be at most {}, got {}", Self::MOST_PAGES, pages.len());
            return Err(Invalid::new(field, reason));
        }
        let again = |(index, page): &(usize, &NamedPage)| {
            pages.iter().take(*index).any(|earlier| earlier.name == page.name)
        };
        match pages.iter().enumerate().find(again) {
            None => Ok(pages),
            Some((index, page)) => {
                Err(Invalid::new(format!("{field}[{index}].name"), format!("{} is there twice", page.name)))
            }
        }
    }
}

impl SharingMode {
    /// Empty leaves it to the runtime's settings.
    pub fn parse(field: &str, name: &str) -> Result<Option<Self>, Invalid> {
        match name.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "union" => Ok(Some(Self::Union)),
            "host" => Ok(Some(Self::Host)),
            "off" => Ok(Some(Self::Off)),
            _ => Err(Invalid::new(field, format!("must be Union, Host or Off, got {name}"))),
        }
    }
}

impl NamedPage {
    const LONGEST_NAME: usize = 63;

    pub fn new(field: &str, name: &str, page: Page) -> Result<Self, Invalid> {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let dashed = name.starts_with('-') || name.ends_with('-');
        if (1..=Self::LONGEST_NAME).contains(&name.len()) && name.bytes().all(known) && !dashed {
            return Ok(Self { name: name.to_owned(), page });
        }
        let longest = Self::LONGEST_NAME;
        let reason =
            format!("must be 1 to {longest} lower-case letters, digits and dashes, none of these at an end");
        Err(Invalid::new(field, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FrameRate, Location, Resolution};
    use super::*;

    fn named(name: &str) -> Result<NamedPage, Invalid> {
        let location = Location::Bundled("mirror".into());
        NamedPage::new("name", name, Page { location, size: Resolution::HD, frame_rate: FrameRate::THIRTY })
    }

    #[test]
    fn what_is_not_said_is_left_to_the_runtime() {
        assert_eq!(SharingMode::parse("mode", ""), Ok(None));
        assert_eq!(Sharing::layout("layout", ""), Ok(None));
        assert_eq!(Sharing::max_viewers("maxViewers", 0), Ok(None));
    }

    #[test]
    fn what_is_said_is_one_of_what_there_is() {
        assert_eq!(SharingMode::parse("mode", "Host"), Ok(Some(SharingMode::Host)));
        let wrong = SharingMode::parse("mode", "x").unwrap_err();
        assert_eq!(wrong.to_string(), "mode: must be Union, Host or Off, got x");
        assert_eq!(Sharing::layout("layout", "German"), Ok(Some(Layout::German)));
        let wrong = Sharing::layout("layout", "de").unwrap_err();
        assert_eq!(wrong.to_string(), "layout: must be US, German, French or Japanese, got de");
        assert_eq!(Sharing::max_viewers("maxViewers", 100), Ok(Some(100)));
        let wrong = Sharing::max_viewers("maxViewers", 101).unwrap_err();
        assert_eq!(wrong.to_string(), "maxViewers: must be 1 to 100, got 101");
    }

    #[test]
    fn a_page_has_a_name_that_can_stand_in_an_address() {
        let longest = "a".repeat(63);
        for good in ["a", "notes", "9-a", &longest] {
            assert_eq!(named(good).map(|page| page.name), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "ä", &format!("{longest}a")] {
            assert_eq!(named(bad).unwrap_err().field, "name", "{bad}");
        }
    }

    #[test]
    fn a_name_stands_for_one_page_and_there_are_no_more_than_seven() {
        let pages =
            |names: &[&str]| Sharing::pages("pages", names.iter().map(|name| named(name).unwrap()).collect());
        assert_eq!(pages(&["a", "b", "c", "d", "e", "f", "g"]).unwrap().len(), 7);
        let many = pages(&["a", "b", "c", "d", "e", "f", "g", "h"]).unwrap_err();
        assert_eq!(many.to_string(), "pages: must be at most 7, got 8");
        let twice = pages(&["a", "b", "a", "b"]).unwrap_err();
        assert_eq!(twice.to_string(), "pages[2].name: a is there twice");
    }
}
