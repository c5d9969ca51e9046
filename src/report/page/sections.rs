//! The static part of the page: headings, tables and drawings that need no script.

use super::curves::Curves;
use super::links::{self, Area, Link, ListedPoint};
use super::template::escape_html;
use crate::report::figures::canvas::WHITE;
use crate::report::figures::{PALETTE, TINT};
use std::fmt::Write as _;
use std::ops::Range;

/// Drawings that are so many times as wide as high, or so wide that half a page is too small to read
/// them, have a row of their own.
const WIDE: f64 = 2.0;
const WIDEST_OF_TWO: f64 = 1300.0;
/// Letters of a text that stays on one line.
const SHORT: usize = 32;
/// Steps of a shaded cell, beside none.
const SHADES: usize = 10;
/// The shade of a whole.
const DARK: [f64; 3] = [11.0, 60.0, 111.0];

/// A part with a heading of its own.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its name in addresses: lower-case letters and dashes, unique.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Content of the section.
    pub blocks: Vec<Block>,
    /// `true` if only its heading is seen until it is opened.
    pub is_folded: bool,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading within the section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Lines as they are, a command for example.
    Code(String),
    /// Points of a list.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// Small curves.
    Curves(Curves),
    /// A drawing.
    Drawing(Drawing),
    /// Points, each with a caption; those that the page shows lead to their cards.
    Points(Vec<ListedPoint>),
    /// Pieces that are folded away under a title.
    Folded(String, Vec<Block>),
    /// Pieces of which one is seen at a time.
    Tabs(Tabs),
}

/// Pieces of which one is seen at a time; without scripts, all of them.
#[derive(Clone, Debug, Default)]
pub struct Tabs {
    /// What the tabs choose, `Neighbours` for example.
    pub label: String,
    /// The tab that is seen first.
    pub shown: usize,
    /// The tabs, each with its title.
    pub tabs: Vec<(String, Vec<Block>)>,
}

/// A drawing, an SVG document of this program's figures.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// The document.
    pub svg: String,
    /// Its content for those who do not see it.
    pub label: String,
    /// Parts of it that are links.
    pub areas: Vec<Area>,
    /// Words below it; none if empty.
    pub caption: String,
}

/// A table whose first column names its rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Caption: the values shown, and the points that they were measured on.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<Cell>,
    /// The rows, as wide as the header.
    pub rows: Vec<Vec<Cell>>,
    /// `true` if neighbouring rows with the same name belong together.
    pub is_grouped: bool,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// Text of the cell.
    pub text: String,
    /// Shade of the cell, from 0 to 1, the darkest.
    pub shade: f64,
    /// Link that the text is, if it is one.
    pub link: Option<Link>,
    /// Explanation of the text; none if empty.
    pub hint: String,
    /// Length of the bar under the text, from 0 to 1.
    pub bar: Option<f64>,
    /// `true` if it is the best of those that it is compared with.
    pub is_best: bool,
}

impl Cell {
    /// A cell whose text is a link.
    pub fn linked(text: String, link: Link) -> Self {
        Self { text, link: Some(link), ..Self::default() }
    }

    /// A cell whose text is explained where it is pointed at.
    pub fn explained(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into(), ..Self::default() }
    }

    /// The text as HTML.
    fn html(&self) -> String {
        let text = escape_html(&self.text);
        let text = self.link.as_ref().map_or(text.clone(), |link| link.html("", &text));
        let text = if self.is_best { format!("<strong>{text}</strong>") } else { text };
        match &*self.hint {
            "" => text,
            hint => format!("<span class=\"hint\" title=\"{}\">{text}</span>", escape_html(hint)),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Table {
    /// A table without shades.
    pub fn new<T: Into<Cell>>(
        caption: impl Into<String>,
        header: &[&str],
        rows: impl IntoIterator<Item = Vec<T>>,
    ) -> Self {
        Self {
            caption: caption.into(),
            header: header.iter().map(|&name| Cell::from(name)).collect(),
            rows: rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect(),
            is_grouped: false,
        }
    }

    /// A table of counts, each shaded by its share of its row.
    pub fn of_counts(
        caption: String,
        corner: &str,
        rows: &[String],
        columns: &[String],
        counts: &[Vec<usize>],
    ) -> Self {
        let row = |(name, counts): (&String, &Vec<usize>)| {
            let whole = counts.iter().sum::<usize>().max(1) as f64;
            let cell = |&count: &usize| Cell {
                shade: count as f64 / whole,
                ..Cell::from(count.to_string())
            };
            std::iter::once(Cell::from(name.as_str())).chain(counts.iter().map(cell)).collect()
        };
        Self {
            caption,
            header: std::iter::once(corner.to_owned())
                .chain(columns.iter().cloned())
                .map(Cell::from)
                .collect(),
            rows: rows.iter().zip(counts).map(row).collect(),
            is_grouped: false,
        }
    }

    /// Marks the largest value of each column among the rows of each group for which `competes`
    /// holds; values that are no numbers do not compete.
    pub fn mark_best(&mut self, columns: Range<usize>, competes: impl Fn(&[Cell]) -> bool) {
        let mut start = 0;
        while start < self.rows.len() {
            let end = start
                + self.rows[start..]
                    .iter()
                    .take_while(|row| row[0].text == self.rows[start][0].text)
                    .count();
            for column in columns.clone() {
                let value = |row: &Vec<Cell>| {
                    row[column].text.parse::<f64>().ok().filter(|_| competes(row))
                };
                let best = self.rows[start..end]
                    .iter()
                    .filter_map(value)
                    .fold(f64::NEG_INFINITY, f64::max);
                for row in &mut self.rows[start..end] {
                    row[column].is_best = value(row) == Some(best);
                }
            }
            start = end;
        }
    }

    fn html(&self, html: &mut String) {
        let caption = escape_html(&self.caption);
        // Writing to a string cannot fail. The box can be scrolled by keyboard.
        let _ = write!(
            html,
            "<div class=\"table-box\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">"
        );
        let _ = write!(html, "<table><caption>{caption}</caption>\n<thead><tr>");
        let kinds: Vec<&str> = (0..self.header.len()).map(|column| self.kind(column)).collect();
        for (name, kind) in self.header.iter().zip(&kinds) {
            let class = if *kind == "figure" { " class=\"figure\"" } else { "" };
            let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", name.html());
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for (at, row) in self.rows.iter().enumerate() {
            let again = self.is_grouped && at > 0 && self.rows[at - 1][0].text == row[0].text;
            html.push_str(match (self.is_grouped, again) {
                (true, false) => "<tr class=\"group\">",
                (true, true) => "<tr class=\"again\">",
                (false, _) => "<tr>",
            });
            for (column, cell) in row.iter().enumerate() {
                cell.write(column == 0, kinds.get(column).copied().unwrap_or(""), html);
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
    }

    /// Class of a column: `figure` if all its values are numbers, `short` if its texts need not be
    /// broken.
    fn kind(&self, column: usize) -> &'static str {
        let mut texts = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| &*cell.text);
        match column {
            1.. if texts.clone().all(is_figure) => "figure",
            _ if texts.all(|text| text.chars().count() <= SHORT) => "short",
            _ => "",
        }
    }
}

impl Cell {
    /// The cell as an element: a name if it is the first of its row.
    fn write(&self, is_name: bool, kind: &str, html: &mut String) {
        let text = self.html();
        let shade = (self.shade * SHADES as f64).round() as usize;
        let shade = if shade > 0 { format!("shade-{shade}") } else { String::new() };
        let bar = if self.bar.is_some() { "bar" } else { "" };
        let classes: Vec<&str> =
            [kind, &shade, bar].into_iter().filter(|class| !class.is_empty()).collect();
        let class = match classes.is_empty() {
            true => String::new(),
            false => format!(" class=\"{}\"", classes.join(" ")),
        };
        // Of the width between the paddings of the cell, which static.css sets.
        let width = |bar: f64| format!("calc((100% - 1.25rem) * {bar:.4})");
        let style = self
            .bar
            .map_or(String::new(), |bar| format!(" style=\"background-size: {} 3px\"", width(bar)));
        // Writing to a string cannot fail.
        let _ = match is_name {
            true => write!(html, "<th scope=\"row\"{class}><span>{text}</span></th>"),
            false => write!(html, "<td{class}{style}>{text}</td>"),
        };
    }
}

impl Tabs {
    fn html(&self, html: &mut String) {
        let label = escape_html(&self.label);
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<div class=\"tabs\" data-label=\"{label}\" data-shown=\"{}\">",
            self.shown
        );
        for (title, blocks) in &self.tabs {
            let _ = writeln!(html, "<div class=\"tab\"><h3>{}</h3>", escape_html(title));
            blocks.iter().for_each(|block| block.html(html));
            html.push_str("</div>\n");
        }
        html.push_str("</div>\n");
    }
}

/// `true` if a text is a number, possibly with a unit, which is aligned to the right.
fn is_figure(text: &str) -> bool {
    text.is_empty()
        || matches!(text, "-" | "–")
        || text
            .trim_start_matches(['+', '-', '−'])
            .starts_with(|first: char| first.is_ascii_digit())
            && text.len() < 16
}

impl Drawing {
    fn html(&self, html: &mut String) {
        let label = escape_html(&self.label);
        let named = format!("<svg role=\"img\" aria-label=\"{label}\" ");
        let svg = self.svg.replacen("<svg ", &named, 1);
        let areas: String = self.areas.iter().map(Area::html).collect();
        let drawn = match self.areas.is_empty() {
            true => svg.trim_end().to_owned(),
            false => format!("<div class=\"linked\">{}{areas}</div>", svg.trim_end()),
        };
        let caption = match &*self.caption {
            "" => String::new(),
            words => format!("<figcaption>{}</figcaption>", escape_html(words)),
        };
        // Writing to a string cannot fail.
        let class = if self.is_wide() { "drawing wide" } else { "drawing" };
        let _ = writeln!(html, "<figure class=\"{class}\">{drawn}{caption}</figure>");
    }

    /// `true` if it needs the whole width of the page.
    fn is_wide(&self) -> bool {
        let side = |name: &str| {
            let (_, rest) = self.svg.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse::<f64>().ok()
        };
        let sides = side("width").zip(side("height"));
        sides.is_some_and(|(width, height)| width > (WIDE * height).min(WIDEST_OF_TWO))
    }
}

impl Block {
    fn html(&self, html: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Heading(text) => writeln!(html, "<h3>{}</h3>", escape_html(text)),
            Self::Text(text) => writeln!(html, "<p>{}</p>", escape_html(text)),
            Self::Code(text) => {
                writeln!(html, "<pre tabindex=\"0\"><code>{}</code></pre>", escape_html(text))
            }
            Self::List(points) => {
                let points =
                    points.iter().map(|point| format!("<li>{}</li>\n", escape_html(point)));
                writeln!(html, "<ul>\n{}</ul>", points.collect::<String>())
            }
            Self::Table(table) => {
                table.html(html);
                Ok(())
            }
            Self::Curves(curves) => {
                curves.html(html);
                Ok(())
            }
            Self::Drawing(drawing) => {
                drawing.html(html);
                Ok(())
            }
            Self::Points(points) => {
                links::list(points, html);
                Ok(())
            }
            Self::Folded(title, blocks) => {
                let _ = writeln!(html, "<details><summary>{}</summary>", escape_html(title));
                blocks.iter().for_each(|block| block.html(html));
                writeln!(html, "</details>")
            }
            Self::Tabs(tabs) => {
                tabs.html(html);
                Ok(())
            }
        };
    }
}

/// All sections, and before them where they are.
pub(super) fn html(sections: &[Section]) -> String {
    let mut html = String::new();
    if sections.is_empty() {
        return html;
    }
    html.push_str("<nav class=\"contents\" aria-label=\"Sections of the report\"><ul>\n");
    for Section { id, title, .. } in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<li><a href=\"#report-{}\">{}</a></li>",
            escape_html(id),
            escape_html(title)
        );
    }
    html.push_str("</ul></nav>\n");
    for Section { id, title, blocks, is_folded } in sections {
        let (id, title) = (escape_html(id), escape_html(title));
        let open = if *is_folded { "" } else { " open" };
        let _ = writeln!(
            html,
            "<section class=\"report-section\" aria-labelledby=\"report-{id}\"><details{open}>\n\
             <summary><h2 id=\"report-{id}\">{title}</h2></summary>"
        );
        blocks.iter().for_each(|block| block.html(&mut html));
        html.push_str("</details></section>\n");
    }
    html
}

/// The rules of the pale grounds of drawings, which are mixed with the ground of the page: the
/// letters on them have the ink of the page. There is a little more colour than on white, as it is
/// seen less on a dark page.
pub(super) fn tints() -> String {
    PALETTE.iter().fold(String::new(), |mut rules, color| {
        let (pale, color) = (color.mix(WHITE, TINT).hex(), color.hex());
        let _ = writeln!(
            rules,
            "#report .drawing svg [fill=\"{pale}\"] {{ fill: color-mix(in srgb, {color} 14%, var(--paper)); }}"
        );
        rules
    })
}

/// The rules of shaded cells: each with the letters, black or white, that are read more easily on
/// it.
pub(super) fn shades() -> String {
    (1..=SHADES).fold(String::new(), |mut rules, step| {
        let (background, letters) = shade(step);
        let [r, g, b] = background;
        let _ = writeln!(
            rules,
            ".shade-{step} {{ background: #{r:02x}{g:02x}{b:02x}; color: {letters}; }}"
        );
        rules
    })
}

fn shade(step: usize) -> ([u8; 3], &'static str) {
    let share = step as f64 / SHADES as f64;
    let background = DARK.map(|dark| (255.0 + (dark - 255.0) * share).round() as u8);
    // Where the contrast of both with the background is the same, 4.58 : 1.
    (background, if luminance(background) > 0.179 { "#000" } else { "#fff" })
}

/// Relative luminance of WCAG 2.
fn luminance(color: [u8; 3]) -> f64 {
    let linear = |value: u8| match f64::from(value) / 255.0 {
        value if value <= 0.040_45 => value / 12.92,
        value => ((value + 0.055) / 1.055).powf(2.4),
    };
    let [r, g, b] = color.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shade_can_be_read() {
        for step in 1..=SHADES {
            let (background, letters) = shade(step);
            let letters = luminance(if letters == "#fff" { [255; 3] } else { [0; 3] }) + 0.05;
            let background = luminance(background) + 0.05;
            let contrast = letters.max(background) / letters.min(background);
            assert!(contrast >= 4.5, "{step}: {contrast}");
        }
        assert_eq!((shade(1).1, shade(SHADES).1), ("#000", "#fff"));
    }

    #[test]
    fn numbers_stand_on_the_right() {
        assert!(
            ["0.5", "-1", "+0.0021", "12.3 s", "–", "1,024"].iter().all(|text| is_figure(text))
        );
        let words = ["layer 1", "b0564c3eedabfbf835052cff8503ea", "784 values of 2 kinds"];
        assert!(!words.iter().any(|text| is_figure(text)));
    }
}
