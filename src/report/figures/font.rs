//! The fonts of all figures: how wide a text is, and its glyphs as pixels. One font is built in;
//! letters that it lacks are taken from the fonts of the system.

use super::system_fonts;
use ab_glyph::{Font, FontArc, Glyph, PxScale, ScaleFont, point};
use std::sync::OnceLock;

/// The built-in font, read once.
///
/// # Errors
/// A message, if the font that the program carries cannot be read.
pub(super) fn built_in() -> Result<&'static FontArc, String> {
    static FONT: OnceLock<Option<FontArc>> = OnceLock::new();
    let read = || FontArc::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok();
    FONT.get_or_init(read).as_ref().ok_or_else(|| "the built-in font cannot be read".into())
}

/// A letter of a text, at its place.
pub(super) struct Placed {
    /// The font that it is of.
    pub(super) font: &'static FontArc,
    pub(super) glyph: Glyph,
}

/// A text as glyphs.
pub(super) struct LaidOut {
    pub(super) glyphs: Vec<Placed>,
    /// Width of the whole.
    pub(super) width: f64,
    /// Letters that no font has: a box stands for each.
    pub(super) missing: Vec<char>,
}

/// The font of a letter: the built-in one, else one of the system; none if no font has it.
fn font_of(letter: char) -> Option<&'static FontArc> {
    let built_in = built_in().ok()?;
    match built_in.glyph_id(letter).0 {
        0 => system_fonts::font_of(letter),
        _ => Some(built_in),
    }
}

/// `true` for what has no picture: marks that say how letters join, where words part, or which form
/// is meant.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// The glyphs of `words` with an em square of `size` pixels, the first at 0, all on the line 0.
///
/// # Errors
/// As [`built_in`].
pub(super) fn lay_out(words: &str, size: f64) -> Result<LaidOut, String> {
    let built_in = built_in()?;
    let mut laid_out =
        LaidOut { glyphs: Vec::with_capacity(words.len()), width: 0.0, missing: Vec::new() };
    for letter in words.chars().filter(|letter| !is_invisible(*letter)) {
        // Spaces of any width are one, where no font has them.
        let (font, letter) = match font_of(letter) {
            Some(font) => (font, letter),
            None if letter.is_whitespace() => (built_in, ' '),
            None => {
                laid_out.missing.push(letter);
                (built_in, letter)
            }
        };
        // ab_glyph counts a font's size from its highest ascender to its lowest descender.
        let heights_in_em = font.units_per_em().map_or(1.0, |units| font.height_unscaled() / units);
        let scaled = font.as_scaled(PxScale::from(size as f32 * heights_in_em));
        let id = font.glyph_id(letter);
        let before = laid_out.glyphs.last().filter(|last| std::ptr::eq(last.font, font));
        laid_out.width += before.map_or(0.0, |last| f64::from(scaled.kern(last.glyph.id, id)));
        let position = point(laid_out.width as f32, 0.0);
        let glyph = Glyph { id, scale: scaled.scale(), position };
        laid_out.glyphs.push(Placed { font, glyph });
        laid_out.width += f64::from(scaled.h_advance(id));
    }
    Ok(laid_out)
}

/// Width of `words` with an em square of `size`; 0 if the font is unusable, which drawing the text
/// then reports.
pub(super) fn text_width(words: &str, size: f64) -> f64 {
    lay_out(words, size).map_or(0.0, |laid_out| laid_out.width)
}

/// `words`, cut and ended by an ellipsis where they are wider than `limit`.
pub(super) fn fit(words: &str, size: f64, limit: f64) -> String {
    if text_width(words, size) <= limit {
        return words.to_owned();
    }
    let mut cut: Vec<char> = words.chars().collect();
    while cut.pop().is_some() {
        let short = format!("{}…", cut.iter().collect::<String>().trim_end());
        if text_width(&short, size) <= limit {
            return short;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_wide_is_cut() {
        assert_eq!(fit("Coat", 20.0, 100.0), "Coat");
        let short = fit("Ankle boot with laces", 20.0, 100.0);
        assert!(short.starts_with("Ankle") && short.ends_with('…'), "{short}");
        assert!(text_width(&short, 20.0) <= 100.0);
    }

    #[test]
    fn width_grows_with_size() {
        let width = text_width("T-shirt/top", 20.0);
        assert!((60.0..140.0).contains(&width), "{width}");
        assert!((text_width("T-shirt/top", 40.0) - 2.0 * width).abs() < 1e-3);
    }

    #[test]
    fn letters_that_no_font_has_are_told() {
        // A place that will never be a letter, and one that joins its neighbours.
        let laid_out = lay_out("a\u{10fffe}b\u{5d0}", 20.0).unwrap();
        assert_eq!(laid_out.missing, ['\u{10fffe}', '\u{5d0}']);
        assert_eq!(laid_out.glyphs.len(), 4);
        assert!(lay_out("Größe", 20.0).unwrap().missing.is_empty());
    }

    #[test]
    fn marks_without_a_picture_take_no_room() {
        let marked = lay_out("\u{feff}a\u{200b}b\u{fe0f}", 20.0).unwrap();
        assert_eq!((marked.glyphs.len(), marked.missing.len()), (2, 0));
        assert_eq!(marked.width, text_width("ab", 20.0));
        assert_eq!(text_width("a\u{2009}b\tc", 20.0), text_width("a\u{2009}b c", 20.0));
    }

    #[test]
    fn the_font_has_the_letters_of_european_names() {
        let missing = |letter: &char| built_in().unwrap().glyph_id(*letter).0 == 0;
        let letters = "AZaz09äöüßéèçñøåŁłŠžΑωДя±×–—…‘’“”·µ²°≤≥−";
        assert_eq!(letters.chars().filter(missing).collect::<String>(), "");
    }
}
