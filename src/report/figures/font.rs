//! The one font of all figures: how wide a text in it is, and its glyphs as pixels.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use std::sync::OnceLock;

/// The font, read once.
///
/// # Errors
/// A message, if the font that the program carries cannot be read.
pub(super) fn font() -> Result<&'static FontRef<'static>, String> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let read = || FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok();
    FONT.get_or_init(read).as_ref().ok_or_else(|| "the built-in font cannot be read".into())
}

/// The glyphs of `words` with an em square of `size` pixels, the first beginning at `x`, all on the
/// line `baseline`; and the width of the whole.
pub(super) fn lay_out(
    font: &FontRef<'_>,
    words: &str,
    size: f64,
    (x, baseline): (f64, f64),
) -> (Vec<Glyph>, f64) {
    // ab_glyph counts a font's size from its highest ascender to its lowest descender.
    let heights_in_em = font.units_per_em().map_or(1.0, |units| font.height_unscaled() / units);
    let scale = PxScale::from(size as f32 * heights_in_em);
    let scaled = font.as_scaled(scale);
    let mut width = 0.0;
    let mut glyphs = Vec::with_capacity(words.len());
    for letter in words.chars() {
        let id = font.glyph_id(letter);
        width += glyphs.last().map_or(0.0, |last: &Glyph| f64::from(scaled.kern(last.id, id)));
        let position = point((x + width) as f32, baseline as f32);
        glyphs.push(Glyph { id, scale, position });
        width += f64::from(scaled.h_advance(id));
    }
    (glyphs, width)
}

/// Width of `words` with an em square of `size`; 0 if the font is unusable, which drawing the text
/// then reports.
pub(super) fn text_width(words: &str, size: f64) -> f64 {
    font().map_or(0.0, |font| lay_out(font, words, size, (0.0, 0.0)).1)
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
    fn the_font_has_the_letters_of_european_names() {
        let missing = |letter: &char| font().unwrap().glyph_id(*letter).0 == 0;
        let letters = "AZaz09äöüßéèçñøåŁłŠžΑωДя±×–—…‘’“”·µ²°≤≥−";
        assert_eq!(letters.chars().filter(missing).collect::<String>(), "");
    }
}
