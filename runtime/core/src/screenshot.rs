//! Which part of the display a screenshot is of.

use crate::spec::{Invalid, Resolution};

/// As a caller names it, whatever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

/// Pixels that the display has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Region {
    /// Of a display of that size; all of it, if no part is named.
    pub fn within(size: Resolution, asked: Option<Asked>) -> Result<Self, Invalid> {
        let [width, height] = [size.width(), size.height()].map(i64::from);
        let Asked { x, y, width, height } = match asked {
            None => Asked { x: 0, y: 0, width, height },
            Some(asked) => {
                side("width", [asked.x, asked.width], width)?;
                side("height", [asked.y, asked.height], height)?;
                asked
            }
        };
        let fits = |field: &str, pixels: i64| {
            u16::try_from(pixels)
                .map_err(|_| Invalid::new(format!("region.{field}"), "is no number of pixels"))
        };
        Ok(Self {
            x: fits("x", x)?,
            y: fits("y", y)?,
            width: fits("width", width)?,
            height: fits("height", height)?,
        })
    }
}

fn side(name: &str, [begin, length]: [i64; 2], most: i64) -> Result<(), Invalid> {
    let axis = if name == "width" { "x" } else { "y" };
    if !(0..most).contains(&begin) {
        let reason = format!("must be 0 to {} pixels, got {begin}", most - 1);
        return Err(Invalid::new(format!("region.{axis}"), reason));
    }
    match (1..=most - begin).contains(&length) {
        true => Ok(()),
        false => {
            let reason =
                format!("must be 1 to {} pixels, got {length}: the display ends there", most - begin);
            Err(Invalid::new(format!("region.{name}"), reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(x: i64, y: i64, width: i64, height: i64) -> Result<Region, String> {
        let asked = Asked { x, y, width, height };
        Region::within(Resolution::HD, Some(asked)).map_err(|invalid| invalid.field)
    }

    #[test]
    fn without_a_part_it_is_all_of_the_display() {
        let all = Region { x: 0, y: 0, width: 1280, height: 720 };
        assert_eq!(Region::within(Resolution::HD, None), Ok(all));
        assert_eq!(within(0, 0, 1280, 720), Ok(all));
        assert_eq!(within(1279, 719, 1, 1), Ok(Region { x: 1279, y: 719, width: 1, height: 1 }));
    }

    #[test]
    fn what_the_display_has_not_is_refused_by_its_field() {
        for (x, y, width, height, field) in [
            (-1, 0, 1, 1, "region.x"),
            (1280, 0, 1, 1, "region.x"),
            (0, 720, 1, 1, "region.y"),
            (0, 0, 0, 1, "region.width"),
            (1, 0, 1280, 1, "region.width"),
            (0, 0, 1, 721, "region.height"),
            (0, 1, 1, i64::MAX, "region.height"),
        ] {
            assert_eq!(within(x, y, width, height), Err(field.to_owned()));
        }
    }
}
