//! Links of the static part into the explorer: to the map of a space, and to the card of a point.
//! They are addresses of the explorer's state; its scripts follow them without a change of anything
//! that a link does not name.

use super::template::escape_html;
use std::fmt::Write as _;

/// A link into the explorer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Address within the page.
    address: String,
    /// Description of its effect.
    title: String,
}

/// A rectangle of a drawing that is a link; its place as shares of the drawing's width and height.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Its effect.
    pub link: Link,
    /// Distance from the left edge, from the upper edge, width and height, 0 to 1.
    pub place: [f64; 4],
}

/// A point of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPoint {
    /// `train` or `test`.
    pub part: String,
    /// Row in that part.
    pub row: usize,
    /// `true` if the page shows the point, so that it has a card.
    pub is_shown: bool,
    /// Caption, line by line.
    pub lines: Vec<String>,
}

impl Link {
    /// To the map of the space with the name `space` in addresses, which people call `title`.
    pub fn to_space(space: &str, title: &str) -> Self {
        Self {
            address: format!("#space={}", encoded(space)),
            title: format!("Show the map of {title}"),
        }
    }

    /// To the card of a point.
    pub fn to_point(part: &str, row: usize) -> Self {
        Self {
            address: format!("#pin={}:{row}", encoded(part)),
            title: format!("Show the card of {part} {row}"),
        }
    }

    /// The element around `inner`, which is HTML, with further attributes.
    pub(super) fn html(&self, attributes: &str, inner: &str) -> String {
        let [address, title] = [&self.address, &self.title].map(|text| escape_html(text));
        format!("<a href=\"{address}\" title=\"{title}\"{attributes}>{inner}</a>")
    }
}

impl Area {
    /// An element that lies over its part of the drawing.
    pub(super) fn html(&self) -> String {
        let [left, top, width, height] = self.place.map(|share| 100.0 * share);
        let place = format!("left:{left:.3}%;top:{top:.3}%;width:{width:.3}%;height:{height:.3}%");
        let name = escape_html(&self.link.title);
        self.link.html(&format!(" class=\"area\" aria-label=\"{name}\" style=\"{place}\""), "")
    }
}

/// A list of points: those on the page are links, to which the scripts add their images.
pub(super) fn list(points: &[ListedPoint], html: &mut String) {
    html.push_str("<ul class=\"points\">\n");
    for point in points {
        let lines: Vec<String> = point.lines.iter().map(|line| escape_html(line)).collect();
        let words = format!("<span>{}</span>", lines.join("<br>"));
        let item = match point.is_shown {
            true => {
                let id = escape_html(&format!("{}:{}", point.part, point.row));
                let link = Link::to_point(&point.part, point.row);
                link.html(&format!(" data-point=\"{id}\""), &words)
            }
            false => words,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<li>{item}</li>");
    }
    html.push_str("</ul>\n");
}

/// A value as addresses spell it: every byte that is no letter, digit, dash, dot or underscore as %
/// and two digits.
fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_name() {
        assert_eq!(encoded("block1_conv-2.b"), "block1_conv-2.b");
        assert_eq!(encoded("a b&c=é\""), "a%20b%26c%3D%C3%A9%22");
    }
}
