//! The static part of the page: headings, tables and drawings that need no script.

use super::curves::Curves;
use super::links::{self, Area, Link, ListedPoint};
use super::template::escape_html;
use std::fmt::Write as _;

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
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Text of the cell.
    pub text: String,
    /// Shade of the cell, from 0 to 1, the darkest.
    pub shade: f64,
    /// Link that the text is, if it is one.
    pub link: Option<Link>,
}

impl Cell {
    /// A cell whose text is a link.
    pub fn linked(text: String, link: Link) -> Self {
        Self { text, shade: 0.0, link: Some(link) }
    }

    /// The text as HTML.
    fn html(&self) -> String {
        let text = escape_html(&self.text);
        self.link.as_ref().map_or(text.clone(), |link| link.html("", &text))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), shade: 0.0, link: None }
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
        for name in &self.header {
            let _ = write!(html, "<th scope=\"col\">{}</th>", name.html());
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        let is_of_numbers = |column: usize| {
            self.rows.iter().all(|row| row.get(column).is_none_or(|cell| is_figure(&cell.text)))
        };
        let is_number: Vec<bool> = (0..self.header.len()).map(is_of_numbers).collect();
        for row in &self.rows {
            html.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let text = cell.html();
                if column == 0 {
                    let _ = write!(html, "<th scope=\"row\">{text}</th>");
                    continue;
                }
                let shade = (cell.shade * SHADES as f64).round() as usize;
                let shade = if shade > 0 { format!("shade-{shade}") } else { String::new() };
                let kind = if is_number.get(column) == Some(&true) { "figure" } else { "" };
                match [kind, &shade].join(" ").trim() {
                    "" => write!(html, "<td>{text}</td>"),
                    classes => write!(html, "<td class=\"{classes}\">{text}</td>"),
                }
                .unwrap_or_default();
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
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
        let _ = writeln!(html, "<figure>{drawn}{caption}</figure>");
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
    for Section { id, title, blocks } in sections {
        let (id, title) = (escape_html(id), escape_html(title));
        let _ = writeln!(
            html,
            "<section class=\"report-section\" aria-labelledby=\"report-{id}\">\n<h2 \
             id=\"report-{id}\">{title}</h2>"
        );
        blocks.iter().for_each(|block| block.html(&mut html));
        html.push_str("</section>\n");
    }
    html
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
